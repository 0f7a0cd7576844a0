/* Computing a trie again from its leaves, in order, and comparing each branch with its row.

   Leaves come sorted by key.  Open are the branches on the way to the leaf at hand; one is done as
   soon as a leaf leaves its path.  So the memory is that of one path, however many leaves there
   are. */
#ifndef VIADUCT_NODE_STORE_REBUILD_H
#define VIADUCT_NODE_STORE_REBUILD_H

#include "store_internal.h"

struct vd_open_branch {
    size_t depth;
    struct vd_trie_ref child[16];
};

struct vd_rebuild {
    struct vd_snapshot *snapshot;
    const struct vd_hash *owner; /* NULL: the account trie */
    char *fault;
    size_t fault_size;
    uint64_t branches; /* met so far */
    bool has_leaf;
    struct vd_hash leaf; /* whose neighbour is not known yet */
    struct vd_slice value;
    int before; /* nibbles that it shares with the one before; -1: there is none */
    struct vd_hash root;
    size_t count;
    struct vd_open_branch open[VD_TRIE_MAX_NIBBLES];
};

/* Adds the next leaf; value lives until the one after it or the end.  VD_ERR_CORRUPT: a branch row
   differs, and fault says which. */
VD_MUST_USE enum vd_err vd_rebuild_leaf(struct vd_rebuild *r, const struct vd_hash *key,
                                        struct vd_slice value);
/* The root; ready for another trie then. */
VD_MUST_USE enum vd_err vd_rebuild_end(struct vd_rebuild *r, struct vd_hash *root);

/* --- for messages --- */
struct vd_hex_text {
    char text[2 * VD_MAX_KEY + 1];
};
struct vd_hex_text vd_hex_text(const void *bytes, size_t len);

#endif
