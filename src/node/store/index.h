/* The index of the past: for each row, the blocks that changed it and what it was before.

   An LMDB environment of its own, in the folder `index` beside the state's:
     entries  table 1, key length 1, key, block number 8   -> form 1, value, as in the block's
   record blocks   block number                                 -> hash: whose records are in, no
   gap meta     schema Everything in it comes from the records of `changes`, so it may be deleted at
   any time and is made again.  Entries are found by the first number above the one asked for; the
   key's length before the key keeps the entries of one key together.

   Who writes.  One thread of its own follows the commits, a few blocks in each transaction, and
   takes out the blocks that leave the window; vd_store_commit prunes a record only when the index
   no longer needs it to find its entries (vd_index_low).  Before blocks are unwound
   vd_index_cut_begin takes theirs out, and keeps the thread away until the state has followed.

   Who reads.  A reader has the state's snapshot first and then the index's, so the index may be
   ahead of it, behind it, or have left its chain.  The highest block that both name by the same
   hash is the last whose entries count; what lies between it and the snapshot's tip is read from
   the records.  So nothing depends on the two being written together.

   After a crash either environment is as some commit left it.  An index that is not of this chain,
   or that begins below the oldest record, is thrown away and made again. */
#ifndef VIADUCT_NODE_STORE_INDEX_H
#define VIADUCT_NODE_STORE_INDEX_H

#include "store_internal.h"

struct vd_index;

#define VD_INDEX_MAX_KEY (2 + VD_MAX_KEY + 8)
size_t vd_index_key(uint8_t out[VD_INDEX_MAX_KEY], enum vd_table table, struct vd_slice key,
                    uint64_t number);

/* Opens it and, unless the store is for reading only, starts the thread.  An index that cannot be
   used is made anew.  For reading only *out stays NULL when there is none. */
VD_MUST_USE enum vd_err vd_index_open(struct vd_index **out, struct vd_store *store,
                                      const struct vd_store_config *config);
void vd_index_close(struct vd_index *index);

/* A commit is done. */
void vd_index_wake(struct vd_index *index);
/* Records below this number are not needed any more. */
uint64_t vd_index_low(const struct vd_index *index);

/* Takes out the blocks above number, whose records state still shows; the thread waits until
   vd_index_cut_end.  A failure costs nothing but making the index again. */
void vd_index_cut_begin(struct vd_index *index, MDB_txn *state, uint64_t number);
void vd_index_cut_end(struct vd_index *index);

/* What stops the thread at the moment; it tries again each second. */
enum vd_err vd_index_error(struct vd_index *index);
/* Waits until the thread has nothing to do; its last error. */
enum vd_err vd_index_settle(struct vd_index *index);

/* A read transaction, the range of blocks in it and the hash of the last (tip may be NULL).
   VD_ERR_NOT_FOUND: nothing is indexed. */
VD_MUST_USE enum vd_err vd_index_begin(struct vd_index *index, MDB_txn **txn, MDB_cursor **entries,
                                       uint64_t *first, uint64_t *last, struct vd_hash *tip);
VD_MUST_USE enum vd_err vd_index_hash(struct vd_index *index, MDB_txn *txn, struct vd_hash *hash,
                                      uint64_t number);
MDB_env *vd_index_env(struct vd_index *index);
VD_MUST_USE enum vd_err vd_index_count(struct vd_index *index, MDB_txn *txn, uint64_t *entries);

#endif
