/* A trie source over flat rows and branch rows: what a database keeps that stores neither leaves
   nor extensions as nodes.

   Such a store has two sorted tables per trie: the leaves by their whole key, and the branches by
   their path, each as its sixteen child references.  Everything else follows.  At a path P
   stands
     - the branch of P, if there is a row at P itself;
     - an extension to Q, if the first branch row after P is at a continuation Q of P;
     - the only leaf whose key begins with P, otherwise.
   Branches are sorted by their nibbles, a path before its continuations.

   The sink of vd_trie_update keeps such a store: put and del of branches write and erase rows,
   whatever their reference; leaves and extensions are ignored, since the flat rows are written from
   the changes themselves. */
#ifndef VIADUCT_CORE_STATE_PATHSTORE_H
#define VIADUCT_CORE_STATE_PATHSTORE_H

#include "viaduct/core/state/trie.h"

struct vd_pathstore {
    void *ctx;
    /* The first branch row of at->owner's trie at or after at->path, in the order above: its path
       and its children.  VD_ERR_NOT_FOUND: there is none, or (a shortcut that a store may take)
       it does not begin with at->path. */
    enum vd_err (*first_branch)(void *ctx, uint8_t path[VD_TRIE_MAX_NIBBLES], size_t *path_len,
                                struct vd_trie_ref child[16], const struct vd_trie_position *at);
    /* The first leaf of at->owner's trie whose key is at->path padded with zero nibbles, or after
       it: its key and its value as the trie holds it (RLP), borrowed until the next call.
       VD_ERR_NOT_FOUND as above. */
    enum vd_err (*first_leaf)(void *ctx, struct vd_hash *key, struct vd_slice *value,
                              const struct vd_trie_position *at);
};

/* vd_pathstore_build makes the node at a position out of rows.  VD_ERR_CORRUPT: there is nothing at
   the position.  Other errors are the callbacks'.  vd_pathstore_node also checks that the node
   hashes to hash, VD_ERR_CORRUPT otherwise. */
VD_MUST_USE enum vd_err vd_pathstore_build(const struct vd_pathstore *store,
                                           struct vd_trie_node *out,
                                           const struct vd_trie_position *at);
VD_MUST_USE enum vd_err vd_pathstore_node(const struct vd_pathstore *store,
                                          struct vd_trie_node *out,
                                          const struct vd_trie_position *at,
                                          const struct vd_hash *hash);

/* vd_pathstore_source makes *out read from *store, which must outlive it.  The source leaves the
   check of hashes to the trie (unchecked). */
void vd_pathstore_source(struct vd_trie_source *out, const struct vd_pathstore *store);

#endif
