/* The database of one chain instance: state rows, blocks, heads, safe-head index, in one LMDB
   environment.

   One thread writes (the engine's store thread); any thread reads through a snapshot.  A commit is
   one LMDB transaction: blocks with their state changes, head moves, index entries, all or none.
   Layout and crash story stand at the top of src/node/store/store.c. */
#ifndef VIADUCT_NODE_STORE_STORE_H
#define VIADUCT_NODE_STORE_STORE_H

#include "viaduct/core/chain/exec.h"
#include "viaduct/core/rollup/config.h"
#include "viaduct/node/store/diff.h"

struct vd_store;

struct vd_store_config {
    const char *folder;
    uint64_t chain_id;
    uint64_t map_bytes;        /* address space reserved; 0: 1 TiB */
    uint64_t retention_blocks; /* blocks whose changes are kept for past reads; at least 256 */
    /* No index of the past: states reach back VD_MAX_BACK blocks only, and there is no thread. */
    bool without_index;
    /* To look at a database that another process may be writing: no lock, no thread, nothing is
       made or written, chain_id is not compared. */
    bool read_only;
};

/* vd_store_open opens or makes the database and locks the folder.  On failure why (of why_size
   bytes) says what is wrong and what to do.  VD_ERR_BUSY: another process holds the folder.
   VD_ERR_MISMATCH: another chain's or another version's database. */
VD_MUST_USE enum vd_err vd_store_open(struct vd_store **out, char *why, size_t why_size,
                                      const struct vd_store_config *config);
void vd_store_close(struct vd_store *store);

/* --- writing: one thread --- */

/* A block as it goes in; everything borrowed during the call. */
struct vd_store_block {
    const struct vd_header *header;
    struct vd_hash hash;
    const struct vd_slice *transactions; /* EIP-2718 */
    const struct vd_hash *transaction_hashes;
    const struct vd_address *senders;
    const struct vd_receipt *receipts;
    size_t transaction_count;
    const struct vd_diff *diff;
};

enum vd_head {
    VD_HEAD_UNSAFE, /* the tip: L1 has it too */
    VD_HEAD_SAFE,
    VD_HEAD_FINALIZED,
};
#define VD_HEADS 3

/* One L1 block that derivation has drained, and the safe head derivable at it. */
struct vd_safe_entry {
    struct vd_block_id l1;
    struct vd_block_id l2;
};

struct vd_store_commit {
    const struct vd_store_block *blocks; /* children of the tip, in order */
    size_t block_count;
    const struct vd_block_id *heads[VD_HEADS]; /* NULL: stays; the tip moves with the blocks */
    const struct vd_safe_entry *safe_entries;
    size_t safe_entry_count;
    bool clear_returned; /* the transactions that unwinding gave back are journaled again */
};
/* vd_store_commit writes all or nothing.  VD_ERR_FULL: no space on the disk or in the map: nothing
   was written, try again later.  VD_ERR_IO: an fsync failed, the store takes no more writes. */
VD_MUST_USE enum vd_err vd_store_commit(struct vd_store *store,
                                        const struct vd_store_commit *commit);

/* vd_store_unwind removes the blocks above number, newest first, puts the state back, lowers heads
   that were above, drops index entries that named them, and keeps the transactions that are no
   deposits, in their order, as returned ones: one LMDB transaction. */
VD_MUST_USE enum vd_err vd_store_unwind(struct vd_store *store, uint64_t number);
/* Drops index entries of L1 blocks from l1_number on (L1 reorganised). */
VD_MUST_USE enum vd_err vd_store_drop_safe_entries(struct vd_store *store, uint64_t l1_number);
/* The state after block number and all later ones stay readable, however many blocks follow, until
   the pin is moved; UINT64_MAX takes it away.  It is kept in the database. */
VD_MUST_USE enum vd_err vd_store_set_pin(struct vd_store *store, uint64_t number);

/* Any thread: waits until the index of the past has nothing left to do.  What stopped it otherwise
   (it tries again by itself). */
VD_MUST_USE enum vd_err vd_store_settle(struct vd_store *store);

/* Any thread, without waiting: what stops the index at the moment.  Until it goes on, states far
   back cannot be read and records stay beyond their window. */
enum vd_err vd_store_index_error(struct vd_store *store);

/* --- reading: any thread --- */

/* A snapshot: one LMDB read transaction.  Short-lived: begin, read, end. */
struct vd_snapshot;
VD_MUST_USE enum vd_err vd_snapshot_begin(struct vd_snapshot **out, struct vd_store *store);
void vd_snapshot_end(struct vd_snapshot *snapshot);

/* The database's rows, for layers.  Values live until the snapshot ends. */
const struct vd_rows *vd_snapshot_rows(struct vd_snapshot *snapshot);
/* The state after the tip or an older block, as far back as records are kept.  Blocks behind the
   index's newest are read through it, at a cost that does not depend on how far behind they are;
   for those above it one goes back over their records, and for this there is a limit.  scratch is
   used and stays used while the source is; reads of branches and past slots use a little more.
   VD_ERR_NOT_FOUND: no such block, or its records are pruned (vd_snapshot_oldest).
   VD_ERR_BUSY: the index is more than VD_MAX_BACK blocks behind, try later. */
#define VD_MAX_BACK 256u
struct vd_past;
struct vd_snapshot_state {
    struct vd_layers layers;
    struct vd_diff *diffs;
    const struct vd_diff **list;
    struct vd_past *past;
};
VD_MUST_USE enum vd_err vd_snapshot_source(struct vd_snapshot *snapshot,
                                           struct vd_state_source *out,
                                           struct vd_snapshot_state *state, uint64_t number,
                                           struct vd_arena *scratch);
/* Single rows of that state (get; seek answers VD_ERR_UNSUPPORTED where the index is read). */
const struct vd_rows *vd_snapshot_state_rows(struct vd_snapshot_state *state);
/* The oldest block whose state can be read. */
VD_MUST_USE enum vd_err vd_snapshot_oldest(struct vd_snapshot *snapshot, uint64_t *number);

VD_MUST_USE enum vd_err vd_snapshot_head(struct vd_snapshot *snapshot, enum vd_head which,
                                         struct vd_block_id *out);
VD_MUST_USE enum vd_err vd_snapshot_genesis(struct vd_snapshot *snapshot, struct vd_block_id *out);
/* extra_data borrows from the snapshot. */
VD_MUST_USE enum vd_err vd_snapshot_header(struct vd_snapshot *snapshot, struct vd_header *header,
                                           struct vd_hash *hash, uint64_t number);
VD_MUST_USE enum vd_err vd_snapshot_number(struct vd_snapshot *snapshot, uint64_t *number,
                                           const struct vd_hash *hash);

/* The body of a block: transactions and senders, in place. */
struct vd_body {
    struct vd_slice row;
    uint32_t count;
};
VD_MUST_USE enum vd_err vd_snapshot_body(struct vd_snapshot *snapshot, struct vd_body *body,
                                         uint64_t number);
struct vd_slice vd_body_transaction(const struct vd_body *body, uint32_t index);
struct vd_address vd_body_sender(const struct vd_body *body, uint32_t index);
/* All receipts of a block, blooms filled; arrays in the arena. */
VD_MUST_USE enum vd_err vd_snapshot_receipts(struct vd_snapshot *snapshot,
                                             struct vd_receipt **receipts, size_t *count,
                                             struct vd_arena *arena, uint64_t number);
/* One of them, at the cost of one; *first_log is the index of its first log in the block.
   VD_ERR_NOT_FOUND: the block has no such transaction, or there is no such block. */
VD_MUST_USE enum vd_err vd_snapshot_receipt(struct vd_snapshot *snapshot,
                                            struct vd_receipt *receipt, size_t *first_log,
                                            struct vd_arena *arena, uint64_t number, size_t index);
VD_MUST_USE enum vd_err vd_snapshot_find_tx(struct vd_snapshot *snapshot, uint64_t *number,
                                            uint32_t *index, const struct vd_hash *tx_hash);

/* The safe head derivable at L1 block l1_number.  VD_ERR_NOT_FOUND: outside the drained range,
 *which first and *last tell (first > last: nothing yet). */
VD_MUST_USE enum vd_err vd_snapshot_safe_at(struct vd_snapshot *snapshot,
                                            struct vd_safe_entry *entry, uint64_t *first,
                                            uint64_t *last, uint64_t l1_number);

/* Transactions that unwinding gave back, in order; slices borrow from the snapshot. */
VD_MUST_USE enum vd_err vd_snapshot_returned(struct vd_snapshot *snapshot,
                                             struct vd_slice **transactions, size_t *count,
                                             struct vd_arena *arena);

#endif
