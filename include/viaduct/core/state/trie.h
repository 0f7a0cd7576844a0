/* The Merkle Patricia trie (Yellow Paper, appendix D), over nodes that come from elsewhere.

   The trie owns no storage.  It reads nodes through a struct vd_trie_source and hands the nodes
   it makes to a struct vd_trie_sink, so the same code runs over LMDB (nodes synthesised from flat
   rows and branch rows, found by path), over a witness or preimages (nodes found by hash), and
   over an array of pairs (transactions and receipts).  Keys are 32-byte hashes unless said
   otherwise; a path is one nibble per byte.  It allocates from the arena of the call only. */
#ifndef VIADUCT_CORE_STATE_TRIE_H
#define VIADUCT_CORE_STATE_TRIE_H

#include "viaduct/core/base/arena.h"
#include "viaduct/core/base/buf.h"

/* Longest path: 32-byte keys. */
#define VD_TRIE_MAX_NIBBLES 64

enum vd_trie_node_type {
    VD_TRIE_LEAF,
    VD_TRIE_EXTENSION,
    VD_TRIE_BRANCH,
};

/* A reference to a child as it stands in its parent: no bytes (empty), 32 bytes (the hash of the
   child's RLP) or the child's own RLP where that is shorter than 32 bytes. */
struct vd_trie_ref {
    _Alignas(8) uint8_t bytes[32];
    uint8_t len;
};

struct vd_trie_node {
    enum vd_trie_node_type type;
    /* Leaf and extension: the nibbles this node consumes, one per byte. */
    uint8_t path_len;
    uint8_t path[VD_TRIE_MAX_NIBBLES];
    /* Leaf: the value.  Borrowed from the source until its next call.  Branch values never occur
       with keys of one length: decoding and encoding know them, reads and updates refuse them. */
    struct vd_slice value;
    /* Extension: child[0].  Branch: all sixteen. */
    struct vd_trie_ref child[16];
};

/* Where in which trie: owner is NULL for the account trie, else the hashed address whose storage
   it is. */
struct vd_trie_position {
    const struct vd_hash *owner;
    const uint8_t *path;
    size_t path_len;
};

struct vd_trie_source {
    void *ctx;
    /* Reads the node at position whose RLP hashes to hash.  A by-hash source ignores the
       position; a by-path source must check what it builds against hash (VD_ERR_CORRUPT;
       pathstore.h builds such a source from flat rows and branch rows).
       VD_ERR_NOT_FOUND: the node is not there (incomplete witness).  Never called for a node that
       is inlined in its parent, nor for the empty trie. */
    enum vd_err (*node)(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
                        const struct vd_hash *hash);
    /* node leaves the comparison with hash to the trie, which makes it before it answers anything
       or calls a sink, for many nodes at a time.  Who calls node directly must make it himself. */
    bool unchecked;
};

struct vd_trie_sink {
    void *ctx;
    /* A node of the new trie that was not in the old one in this place: decoded, its RLP, and its
       reference (len 32: its hash; always so for the root).  Nodes that are inlined in their
       parent are reported like all others, by put and by del.  In no stated order. */
    enum vd_err (*put)(void *ctx, const struct vd_trie_position *at,
                       const struct vd_trie_node *node, struct vd_slice rlp,
                       const struct vd_trie_ref *ref);
    /* The old trie had a node of this type here and the new one has none, or one of another type.
     */
    enum vd_err (*del)(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
                       const struct vd_trie_node *old);
    /* Before put replaces a branch by a branch at the same place, or a leaf or an extension by one
       of the same type with another path, the old one; may be NULL. */
    enum vd_err (*replace)(void *ctx, const struct vd_trie_position *at,
                           const struct vd_trie_node *old);
};

/* One change of a batch.  value.len 0 deletes the key. */
struct vd_trie_change {
    struct vd_hash key;
    struct vd_slice value;
};

/* vd_trie_decode reads the RLP of a node (a list of 17 or 2 items, hex-prefix paths), strictly
   canonical.  The value borrows from rlp.  VD_ERR_INVALID otherwise. */
VD_MUST_USE enum vd_err vd_trie_decode(struct vd_trie_node *out, struct vd_slice rlp);
/* vd_trie_encode appends a node's RLP. */
void vd_trie_encode(struct vd_buf *buf, const struct vd_trie_node *node);
/* The hash of a node's RLP; and its reference as a child. */
struct vd_hash vd_trie_node_hash(const struct vd_trie_node *node);
struct vd_trie_ref vd_trie_node_ref(const struct vd_trie_node *node);

/* vd_trie_get looks key up under root.  The value is copied into the arena.
   VD_ERR_NOT_FOUND: the trie has no such key (with *complete true) or a node is missing from the
   source (*complete false). */
VD_MUST_USE enum vd_err vd_trie_get(const struct vd_trie_source *source, struct vd_slice *value,
                                    bool *complete, struct vd_arena *arena,
                                    const struct vd_hash *owner, const struct vd_hash *root,
                                    const struct vd_hash *key);

/* vd_trie_update applies changes, sorted by key and without duplicates, to the trie under root and
   gives the new root.  sink may be NULL.  Deleting a key that is not there changes nothing.
   Memory: the arena holds the touched part of the trie while it runs and is rewound at the end, so
   source and sink must not keep anything in it.  The recursion is bounded by the path length, not
   by the size of the input: some 40 KiB of stack at most.  The sink is called only after the new
   root is known: an error of the source leaves it untouched. */
VD_MUST_USE enum vd_err vd_trie_update(const struct vd_trie_source *source,
                                       const struct vd_trie_sink *sink, struct vd_hash *new_root,
                                       struct vd_arena *arena, const struct vd_hash *owner,
                                       const struct vd_hash *root,
                                       const struct vd_trie_change *changes, size_t count);

/* vd_trie_prove lists the RLP of the nodes from the root towards key, as eth_getProof (EIP-1186)
   returns them: hashed nodes only, the last one shows the value or its absence.  proof has room
   for VD_TRIE_MAX_NIBBLES + 1 slices; they live in the arena.  *value as vd_trie_get's, empty when
   the key is absent. */
VD_MUST_USE enum vd_err vd_trie_prove(const struct vd_trie_source *source, struct vd_slice *proof,
                                      size_t *proof_len, struct vd_slice *value,
                                      struct vd_arena *arena, const struct vd_hash *owner,
                                      const struct vd_hash *root, const struct vd_hash *key);

/* vd_trie_verify checks such a proof.  *value borrows from it and is empty for a proof of absence.
   The empty trie is proved by no nodes or by the single node 0x80.
   VD_ERR_INVALID: it proves nothing about key under root. */
VD_MUST_USE enum vd_err vd_trie_verify(struct vd_slice *value, const struct vd_hash *root,
                                       const struct vd_hash *key, const struct vd_slice *proof,
                                       size_t proof_len);

/* vd_trie_list_root is the root of the trie of items keyed by rlp(index): transactions, receipts,
   withdrawals.  Scratch comes from the arena and goes back. */
VD_MUST_USE enum vd_err vd_trie_list_root(struct vd_hash *root, struct vd_arena *arena,
                                          const struct vd_slice *items, size_t count);
/* The same, and every node of it to sink's put. */
VD_MUST_USE enum vd_err vd_trie_list_nodes(struct vd_hash *root, struct vd_arena *arena,
                                           const struct vd_slice *items, size_t count,
                                           const struct vd_trie_sink *sink);

#endif
