/* What the files of the trie share: node sizes and the touched part of a trie in memory. */
#ifndef VD_CORE_STATE_TRIE_INTERNAL_H
#define VD_CORE_STATE_TRIE_INTERNAL_H

#include "viaduct/core/state/trie.h"

/* Nibble i of packed bytes. */
static inline uint8_t
vd_nibble(const uint8_t *bytes, size_t i)
{
    return (i & 1) != 0 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4;
}

/* The length of a node's RLP, and the RLP written to out, which has room for that many bytes. */
size_t vd_trie_encoded_len(const struct vd_trie_node *node);
void vd_trie_write(uint8_t *out, const struct vd_trie_node *node);

/* Whether the node can stand at this depth of a trie of 32-byte keys. */
bool vd_trie_fits_depth(const struct vd_trie_node *node, size_t depth);

/* vd_trie_read_ref gives the node behind a reference: decoded where it is inlined (the value
   then borrows from ref), else from the source.  VD_ERR_CORRUPT: the node cannot stand there.  The
   caller checks what an unchecked source gives. */
VD_MUST_USE enum vd_err vd_trie_read_ref(const struct vd_trie_source *source,
                                         struct vd_trie_node *out,
                                         const struct vd_trie_position *at,
                                         const struct vd_trie_ref *ref);

/* A node of the touched part. */
struct vd_trie_tnode {
    struct vd_trie_node node;
    /* Children in memory; where set they stand for node.child, which is stale until hashing. */
    struct vd_trie_tnode *kid[16];
    struct vd_trie_tnode *next; /* of the same hashing round */
    struct vd_slice rlp;        /* after hashing, when there is a sink */
    struct vd_trie_ref ref;     /* while not dirty, and after hashing */
    bool dirty;                 /* differs from what was read, as do all nodes above it; false
                                   again where the node was hashed on the way */
};

/* A node that was read, where it stood.  Lists of these are sorted by path, a path before its
   continuations: the order in which a trie is walked from the root. */
struct vd_trie_old {
    struct vd_trie_old *next;
    struct vd_trie_node node;
    struct vd_trie_ref ref;
    uint8_t path_len;
    uint8_t path[VD_TRIE_MAX_NIBBLES];
};

/* A pair to build from: nibbles of key count. */
struct vd_trie_item {
    const uint8_t *key;
    size_t nibbles;
    struct vd_slice value;
};

/* vd_trie_build makes the nodes of count > 0 sorted items that agree on their first depth
   nibbles.  A key may be a prefix of others: its value goes into the branch.  Recursion is
   bounded by VD_TRIE_MAX_NIBBLES. */
VD_MUST_USE enum vd_err vd_trie_build(struct vd_arena *arena, struct vd_trie_tnode **out,
                                      const struct vd_trie_item *items, size_t count, size_t depth);

/* vd_trie_hash gives every dirty node under root its reference, deepest first, many at a time.
   keep_rlp leaves each node's RLP in the arena. */
VD_MUST_USE enum vd_err vd_trie_hash(struct vd_arena *arena, struct vd_trie_tnode *root,
                                     bool keep_rlp);

/* The same for the nodes at and below top, which is not a root: its reference is its RLP where that
   is short. */
VD_MUST_USE enum vd_err vd_trie_hash_part(struct vd_arena *arena, struct vd_trie_tnode *top,
                                          bool keep_rlp);

/* Nodes of an unchecked source on their way to being compared with the hashes they were read by.
   They are encoded when they are read, while they are in the processor's cache. */
enum {
    VD_TRIE_CHECK_NODES = 64,
    VD_TRIE_CHECK_BYTES = 32 * 1024,
};
struct vd_trie_check {
    size_t count;
    size_t bytes;
    struct vd_hash expected[VD_TRIE_CHECK_NODES];
    struct vd_hash actual[VD_TRIE_CHECK_NODES];
    struct vd_slice rlp[VD_TRIE_CHECK_NODES];
    uint8_t room[VD_TRIE_CHECK_BYTES];
};
/* VD_ERR_CORRUPT, from add or from finish: one of the nodes so far does not match. */
VD_MUST_USE enum vd_err vd_trie_check_add(struct vd_trie_check *check,
                                          const struct vd_trie_node *node,
                                          const struct vd_hash *expected);
VD_MUST_USE enum vd_err vd_trie_check_finish(struct vd_trie_check *check);

/* vd_trie_emit tells the sink how the hashed trie under root (NULL: empty) differs from the nodes
   of olds, which are all that were read. */
VD_MUST_USE enum vd_err vd_trie_emit(const struct vd_trie_sink *sink, const struct vd_hash *owner,
                                     struct vd_trie_tnode *root, struct vd_trie_old *olds);

/* Merges two sorted lists, and sorts one. */
struct vd_trie_old *vd_trie_old_merge(struct vd_trie_old *a, struct vd_trie_old *b);
struct vd_trie_old *vd_trie_old_sort(struct vd_trie_old *list);

/* vd_trie_pairs_root is the root of the trie of sorted items, whose keys have any lengths up to
   VD_TRIE_MAX_NIBBLES. */
VD_MUST_USE enum vd_err vd_trie_pairs_root(struct vd_hash *root, struct vd_arena *arena,
                                           const struct vd_trie_item *items, size_t count);

#endif
