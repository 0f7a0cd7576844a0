/* What a block changes in the state, as rows: the one form that the database writes, that reads
   over blocks not yet written go through, and that unwinding and past reads are made of.

   Keys: an account by its hashed address (32 bytes); a slot by hashed address and hashed slot (64);
   code by its hash; a branch by 'a' and its path, or 's', the hashed address and its path, one
   nibble a byte, so that rows sort as core/state/pathstore.h wants them.  Values: accounts and
   slots as the trie's leaves hold them (RLP); a branch as vd_branch_encode writes it.

   Shapes are history only, never rows: by the key of a place in a trie, the leaf or extension that
   stood there and stands there no longer, or consumes other nibbles now (vd_shape_encode).  What
   hangs at a place of a past trie could else be told only by looking at every row below it that was
   made since. */
#ifndef VIADUCT_NODE_STORE_DIFF_H
#define VIADUCT_NODE_STORE_DIFF_H

#include "viaduct/core/state/pathstore.h"
#include "viaduct/core/state/state.h"

enum vd_table {
    VD_TABLE_ACCOUNTS,
    VD_TABLE_SLOTS,
    VD_TABLE_BRANCHES,
    VD_TABLE_CODE,   /* written once, never changed or taken back */
    VD_TABLE_SHAPES, /* no table of the database */
};
#define VD_STATE_TABLES 4 /* that have rows */
#define VD_MAX_KEY (1 + 32 + VD_TRIE_MAX_NIBBLES)

/* A row that changed.  ptr NULL: no such row. */
struct vd_change {
    enum vd_table table;
    struct vd_slice key;
    struct vd_slice before;
    struct vd_slice after;
};

/* Sorted by table and key, no duplicates. */
struct vd_diff {
    const struct vd_change *changes;
    size_t count;
};

/* Collects a diff from vd_state_root or vd_genesis_build: hand visitor and sink to it, then
   finish.  Everything is in the arena; nothing may be rewound in between. */
struct vd_diff_builder {
    struct vd_arena *arena;
    struct vd_change *changes;
    size_t count;
    size_t cap;
    struct vd_state_visitor visitor;
    struct vd_trie_sink sink;
};
void vd_diff_begin(struct vd_diff_builder *builder, struct vd_arena *arena);
VD_MUST_USE enum vd_err vd_diff_finish(struct vd_diff_builder *builder, struct vd_diff *diff);

/* The change of one row, or NULL. */
const struct vd_change *vd_diff_find(const struct vd_diff *diff, enum vd_table table,
                                     struct vd_slice key);
/* The index of the first change of table at or after key. */
size_t vd_diff_lower_bound(const struct vd_diff *diff, enum vd_table table, struct vd_slice key);

/* A branch row: which children there are (16 bits), which of them are inlined (16 bits), then each
   child: 32 bytes of hash, or a length byte and the inlined RLP. */
#define VD_MAX_BRANCH (4 + 16 * 33)
size_t vd_branch_encode(uint8_t out[VD_MAX_BRANCH], const struct vd_trie_ref child[16]);
VD_MUST_USE enum vd_err vd_branch_decode(struct vd_trie_ref child[16], struct vd_slice row);
size_t vd_branch_key(uint8_t out[VD_MAX_KEY], const struct vd_trie_position *at);

/* A leaf or an extension without its value or child: its type and the nibbles it consumes. */
#define VD_MAX_SHAPE (2 + VD_TRIE_MAX_NIBBLES / 2)
size_t vd_shape_encode(uint8_t out[VD_MAX_SHAPE], const struct vd_trie_node *node);
/* Fills type, path_len and path. */
VD_MUST_USE enum vd_err vd_shape_decode(struct vd_trie_node *node, struct vd_slice row);

/* The record of the diff of block number: what it takes to go back over the block.  A branch that
   was there before and after is kept as the old references of the children that changed, and now
   and then (by number and key, one time in VD_WHOLE_EVERY) whole, so that who reads the records
   forward from some block meets a whole row soon. */
#define VD_WHOLE_EVERY 16u
VD_MUST_USE enum vd_err vd_diff_record(struct vd_buf *out, const struct vd_diff *diff,
                                       uint64_t number);
/* Reads a record, but for its shapes; before is the old row, except that a partly changed branch
   has delta set and before holds the changed children alone (a branch row).  Everything borrows
   from record or is in the arena. */
struct vd_undo {
    enum vd_table table;
    struct vd_slice key;
    struct vd_slice before;
    bool delta;
    uint16_t delta_mask; /* children that changed; before holds those that were not empty */
};
VD_MUST_USE enum vd_err vd_undo_read(struct vd_undo **undos, size_t *count, struct vd_arena *arena,
                                     struct vd_slice record);
/* Applies a delta to a newer branch row: out holds VD_MAX_BRANCH bytes. */
VD_MUST_USE enum vd_err vd_undo_branch(uint8_t *out, size_t *len, const struct vd_undo *undo,
                                       struct vd_slice newer);

/* --- reading through layers --- */

/* Rows under layers: `below` is the database; a diff covers what it changed with its after values.
   layers[0] is the newest. */
struct vd_rows {
    void *ctx;
    /* VD_ERR_NOT_FOUND: no such row.  The value lives as long as the rows. */
    enum vd_err (*get)(void *ctx, struct vd_slice *value, enum vd_table table, struct vd_slice key);
    /* The first row at or after key: key and value. */
    enum vd_err (*seek)(void *ctx, struct vd_slice *found, struct vd_slice *value,
                        enum vd_table table, struct vd_slice key);
};
struct vd_layers {
    const struct vd_rows *below;
    const struct vd_diff *const *layers;
    size_t count;
    struct vd_pathstore paths; /* filled by vd_layers_source */
    struct vd_rows over;
};
/* vd_layers_source makes a state source over *layers, which must stay where it is and outlive
   it. */
void vd_layers_source(struct vd_state_source *out, struct vd_layers *layers);
/* The same rows through the layers. */
const struct vd_rows *vd_layers_rows(struct vd_layers *layers);

#endif
