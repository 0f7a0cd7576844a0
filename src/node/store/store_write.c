/* Commits and unwinding: each one LMDB transaction. */
#include "index.h"
#include "store_internal.h"

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"

/* Room for the encoded rows of one block. */
#define SCRATCH_BYTES ((size_t)2 << 30)
/* Records that one commit prunes at most, so that a shorter retention takes effect by degrees. */
#define PRUNE_PER_COMMIT 64u

static struct vd_slice
number_key(uint8_t key[8], uint64_t number)
{
    vd_store_be64(key, number);
    return vd_slice(key, 8);
}

/* --- state --- */

static enum vd_err
apply_diff(struct vd_store *store, MDB_txn *txn, const struct vd_diff *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        const struct vd_change *change = &diff->changes[i];
        if (change->table == VD_TABLE_SHAPES) {
            break; /* the last ones, and no rows */
        }
        enum vd_err err =
            change->after.ptr
                ? vd_store_put(store, txn, (enum db)change->table, change->key, change->after)
                : vd_store_del(store, txn, (enum db)change->table, change->key);
        if (err != VD_OK) {
            return err;
        }
    }
    return VD_OK;
}

static enum vd_err
undo_one(struct vd_store *store, MDB_txn *txn, const struct vd_undo *undo)
{
    enum db db = (enum db)undo->table;
    if (!undo->delta) {
        return undo->before.ptr ? vd_store_put(store, txn, db, undo->key, undo->before)
                                : vd_store_del(store, txn, db, undo->key);
    }
    struct vd_slice newer;
    uint8_t row[VD_MAX_BRANCH];
    size_t len = 0;
    enum vd_err err = vd_store_get(store, txn, &newer, db, undo->key);
    if (err == VD_OK) {
        err = vd_undo_branch(row, &len, undo, newer);
    }
    return err == VD_OK ? vd_store_put(store, txn, db, undo->key, vd_slice(row, len)) : err;
}

/* --- blocks --- */

static enum vd_err
put_header(struct vd_store *store, MDB_txn *txn, struct vd_arena *scratch,
           const struct vd_store_block *block, struct vd_slice key)
{
    struct vd_buf row;
    vd_buf_init(&row, scratch);
    vd_buf_bytes(&row, block->hash.b, 32);
    struct vd_buf rlp;
    enum vd_err err = row.err;
    if (err == VD_OK) {
        vd_buf_init(&rlp, scratch);
        vd_header_encode(&rlp, block->header);
        err = rlp.err;
    }
    if (err == VD_OK) {
        vd_buf_slice(&row, vd_buf_view(&rlp));
        err = row.err;
    }
    return err == VD_OK ? vd_store_put(store, txn, DB_HEADERS, key, vd_buf_view(&row)) : err;
}

static enum vd_err
put_lookups(struct vd_store *store, MDB_txn *txn, const struct vd_store_block *block)
{
    uint8_t row[12];
    vd_store_be64(row, block->header->number);
    enum vd_err err =
        vd_store_put(store, txn, DB_NUMBERS, vd_slice(block->hash.b, 32), vd_slice(row, 8));
    for (size_t i = 0; i < block->transaction_count && err == VD_OK; i++) {
        vd_store_be32(row + 8, (uint32_t)i);
        err = vd_store_put(store, txn, DB_TXS, vd_slice(block->transaction_hashes[i].b, 32),
                           vd_slice(row, sizeof row));
    }
    return err;
}

static enum vd_err
put_block(struct vd_store *store, MDB_txn *txn, struct vd_arena *scratch,
          const struct vd_store_block *block)
{
    uint8_t key_bytes[8];
    struct vd_slice key = number_key(key_bytes, block->header->number);
    struct vd_buf body;
    struct vd_buf receipts;
    struct vd_buf record;
    enum vd_err err = put_header(store, txn, scratch, block, key);
    if (err == VD_OK) {
        vd_buf_init(&body, scratch);
        err = vd_body_encode(&body, block);
    }
    if (err == VD_OK) {
        err = vd_store_put(store, txn, DB_BODIES, key, vd_buf_view(&body));
    }
    if (err == VD_OK) {
        vd_buf_init(&receipts, scratch);
        err = vd_receipts_encode(&receipts, block);
    }
    if (err == VD_OK) {
        err = vd_store_put(store, txn, DB_RECEIPTS, key, vd_buf_view(&receipts));
    }
    if (err == VD_OK) {
        vd_buf_init(&record, scratch);
        err = vd_diff_record(&record, block->diff, block->header->number);
    }
    if (err == VD_OK) {
        err = vd_store_put(store, txn, DB_CHANGES, key, vd_buf_view(&record));
    }
    if (err == VD_OK) {
        err = put_lookups(store, txn, block);
    }
    return err == VD_OK ? apply_diff(store, txn, block->diff) : err;
}

/* Deletes change records that left the window and that the index no longer needs. */
static enum vd_err
prune(struct vd_store *store, MDB_txn *txn, uint64_t tip)
{
    MDB_cursor *cursor = NULL;
    uint64_t pin = 0;
    enum vd_err err = vd_store_read_pin(store, txn, &pin);
    if (err == VD_OK) {
        err = vd_store_err(mdb_cursor_open(txn, store->dbi[DB_CHANGES], &cursor));
    }
    for (unsigned i = 0; i < PRUNE_PER_COMMIT && err == VD_OK; i++) {
        MDB_val key;
        MDB_val value;
        err = vd_store_err(mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
        uint64_t record = err == VD_OK ? vd_load_be64(key.mv_data) : 0;
        if (err != VD_OK || !vd_store_may_prune(store, record, tip, pin) ||
            record >= vd_index_low(store->index)) {
            break;
        }
        err = vd_store_err(mdb_cursor_del(cursor, 0));
    }
    if (cursor) {
        mdb_cursor_close(cursor);
    }
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

/* --- the safe-head index --- */

static enum vd_err
read_range(struct vd_store *store, MDB_txn *txn, uint64_t *first, uint64_t *last)
{
    struct vd_slice row;
    enum vd_err err = vd_store_get(store, txn, &row, DB_META, vd_text_slice(VD_META_SAFE_RANGE));
    *first = 1;
    *last = 0;
    if (err == VD_OK && row.len == 16) {
        *first = vd_load_be64(row.ptr);
        *last = vd_load_be64(row.ptr + 8);
    }
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

static enum vd_err
write_range(struct vd_store *store, MDB_txn *txn, uint64_t first, uint64_t last)
{
    uint8_t row[16];
    vd_store_be64(row, first);
    vd_store_be64(row + 8, last);
    return vd_store_put(store, txn, DB_META, vd_text_slice(VD_META_SAFE_RANGE),
                        vd_slice(row, sizeof row));
}

/* Entries of L1 blocks from l1_number on go. */
static enum vd_err
drop_entries(struct vd_store *store, MDB_txn *txn, uint64_t l1_number)
{
    uint64_t first = 0;
    uint64_t last = 0;
    enum vd_err err = read_range(store, txn, &first, &last);
    if (err != VD_OK || first > last || l1_number > last) {
        return err;
    }
    for (uint64_t n = l1_number > first ? l1_number : first; n <= last && err == VD_OK; n++) {
        uint8_t key[8];
        err = vd_store_del(store, txn, DB_SAFE, number_key(key, n));
    }
    if (err != VD_OK) {
        return err;
    }
    return l1_number <= first ? write_range(store, txn, 1, 0)
                              : write_range(store, txn, first, l1_number - 1);
}

/* Whether the same L1 block is on record with a safe head not above this one.  A derivation that
   starts again reads L1 from before the block that made its safe head safe, and there the record is
   right and the entry is not. */
static enum vd_err
is_known(struct vd_store *store, MDB_txn *txn, bool *known, const struct vd_safe_entry *entry)
{
    uint8_t key[8];
    struct vd_slice row;
    enum vd_err err = vd_store_get(store, txn, &row, DB_SAFE, number_key(key, entry->l1.number));
    *known = err == VD_OK && row.len == 72 &&
             memcmp(row.ptr, entry->l1.hash.b, sizeof entry->l1.hash.b) == 0 &&
             vd_load_be64(row.ptr + 32) <= entry->l2.number;
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

/* The drained range has no gap: an entry that does not follow the last one begins a new range. */
static enum vd_err
put_entry(struct vd_store *store, MDB_txn *txn, const struct vd_safe_entry *entry)
{
    uint64_t first = 0;
    uint64_t last = 0;
    bool known = false;
    enum vd_err err = is_known(store, txn, &known, entry);
    if (err == VD_OK && known) {
        return VD_OK;
    }
    if (err == VD_OK) {
        err = read_range(store, txn, &first, &last);
    }
    if (err == VD_OK && first <= last && entry->l1.number != last + 1) {
        uint64_t from =
            entry->l1.number > first && entry->l1.number <= last ? entry->l1.number : first;
        err = drop_entries(store, txn, from);
        if (err == VD_OK) {
            err = read_range(store, txn, &first, &last);
        }
    }
    if (err != VD_OK) {
        return err;
    }
    uint8_t key[8];
    uint8_t row[72];
    memcpy(row, entry->l1.hash.b, 32);
    vd_store_be64(row + 32, entry->l2.number);
    memcpy(row + 40, entry->l2.hash.b, 32);
    err = vd_store_put(store, txn, DB_SAFE, number_key(key, entry->l1.number),
                       vd_slice(row, sizeof row));
    if (err != VD_OK) {
        return err;
    }
    return write_range(store, txn, first <= last ? first : entry->l1.number, entry->l1.number);
}

/* --- commit --- */

static enum vd_err
write_commit(struct vd_store *store, MDB_txn *txn, struct vd_arena *scratch,
             const struct vd_store_commit *commit)
{
    enum vd_err err = VD_OK;
    for (size_t i = 0; i < commit->block_count && err == VD_OK; i++) {
        const struct vd_store_block *block = &commit->blocks[i];
        struct vd_block_id id = {.hash = block->hash, .number = block->header->number};
        vd_arena_rewind(scratch, 0);
        err = put_block(store, txn, scratch, block);
        if (err == VD_OK) {
            err = vd_store_write_id(store, txn, vd_meta_heads[VD_HEAD_UNSAFE], &id);
        }
        struct vd_block_id genesis;
        if (err == VD_OK &&
            vd_store_read_id(store, txn, &genesis, VD_META_GENESIS) == VD_ERR_NOT_FOUND) {
            err = vd_store_write_id(store, txn, VD_META_GENESIS, &id);
        }
        if (err == VD_OK) {
            err = prune(store, txn, id.number);
        }
    }
    for (int i = 0; i < VD_HEADS && err == VD_OK; i++) {
        if (commit->heads[i]) {
            err = vd_store_write_id(store, txn, vd_meta_heads[i], commit->heads[i]);
        }
    }
    for (size_t i = 0; i < commit->safe_entry_count && err == VD_OK; i++) {
        err = put_entry(store, txn, &commit->safe_entries[i]);
    }
    if (err == VD_OK && commit->clear_returned) {
        err = vd_store_err(mdb_drop(txn, store->dbi[DB_RETURNED], 0));
    }
    return err;
}

/* Begins a transaction and room for rows. */
static enum vd_err
begin(struct vd_store *store, MDB_txn **txn, struct vd_arena *scratch)
{
    if (atomic_load(&store->broken)) {
        return VD_ERR_IO;
    }
    void *memory = vd_reserve(SCRATCH_BYTES);
    if (!memory) {
        return VD_ERR_NO_MEMORY;
    }
    vd_arena_init(scratch, memory, SCRATCH_BYTES);
    enum vd_err err = vd_store_err(mdb_txn_begin(store->env, NULL, 0, txn));
    if (err != VD_OK) {
        vd_release(memory, SCRATCH_BYTES);
    }
    return err;
}

/* Ends it: commits when err is VD_OK.  A commit that fails for anything but space leaves doubt
   about what the disk holds: nothing more is written. */
static enum vd_err
end(struct vd_store *store, MDB_txn *txn, struct vd_arena *scratch, enum vd_err err)
{
    vd_release(scratch->base, scratch->size);
    if (err != VD_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    err = vd_store_err(mdb_txn_commit(txn));
    if (err != VD_OK && err != VD_ERR_FULL) {
        atomic_store(&store->broken, true);
        return VD_ERR_IO;
    }
    return err;
}

enum vd_err
vd_store_commit(struct vd_store *store, const struct vd_store_commit *commit)
{
    MDB_txn *txn = NULL;
    struct vd_arena scratch;
    enum vd_err err = begin(store, &txn, &scratch);
    if (err != VD_OK) {
        return err;
    }
    err = end(store, txn, &scratch, write_commit(store, txn, &scratch, commit));
    vd_index_wake(store->index);
    return err;
}

/* --- unwinding --- */

/* Sequence numbers of returned transactions go down from the middle for older blocks, so that
   blocks taken off one by one, newest first, end up in order. */
static enum vd_err
first_returned(struct vd_store *store, MDB_txn *txn, uint64_t *sequence)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    enum vd_err err = vd_store_err(mdb_cursor_open(txn, store->dbi[DB_RETURNED], &cursor));
    if (err != VD_OK) {
        return err;
    }
    err = vd_store_err(mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
    *sequence = err == VD_OK ? vd_load_be64(key.mv_data) : (uint64_t)1 << 63;
    mdb_cursor_close(cursor);
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

static enum vd_err
return_transactions(struct vd_store *store, MDB_txn *txn, struct vd_slice row)
{
    struct vd_body body;
    uint64_t sequence = 0;
    enum vd_err err = vd_body_read(&body, row);
    if (err == VD_OK) {
        err = first_returned(store, txn, &sequence);
    }
    for (uint32_t i = body.count; i-- > 0 && err == VD_OK;) {
        struct vd_slice raw = vd_body_transaction(&body, i);
        struct vd_hash hash = vd_keccak256(raw);
        uint8_t key[8];
        err = vd_store_del(store, txn, DB_TXS, vd_slice(hash.b, 32));
        if (err == VD_OK && raw.ptr[0] != VD_TX_DEPOSIT) {
            err = vd_store_put(store, txn, DB_RETURNED, number_key(key, --sequence), raw);
        }
    }
    return err;
}

static enum vd_err
unwind_state(struct vd_store *store, MDB_txn *txn, struct vd_arena *scratch, struct vd_slice key)
{
    struct vd_slice row;
    struct vd_undo *undos = NULL;
    size_t count = 0;
    enum vd_err err = vd_store_get(store, txn, &row, DB_CHANGES, key);
    if (err != VD_OK) {
        return err;
    }
    /* The record moves when the transaction writes: read a copy. */
    uint8_t *copy = vd_arena_copy(scratch, row);
    if (!copy) {
        return VD_ERR_NO_MEMORY;
    }
    err = vd_undo_read(&undos, &count, scratch, vd_slice(copy, row.len));
    for (size_t i = 0; i < count && err == VD_OK; i++) {
        err = undo_one(store, txn, &undos[i]);
    }
    return err;
}

static enum vd_err
unwind_block(struct vd_store *store, MDB_txn *txn, struct vd_arena *scratch, uint64_t number)
{
    uint8_t key_bytes[8];
    struct vd_slice key = number_key(key_bytes, number);
    struct vd_slice row;
    vd_arena_rewind(scratch, 0);
    enum vd_err err = unwind_state(store, txn, scratch, key);
    if (err == VD_OK) {
        err = vd_store_get(store, txn, &row, DB_BODIES, key);
    }
    uint8_t *copy = err == VD_OK ? vd_arena_copy(scratch, row) : NULL;
    if (err == VD_OK) {
        err = copy ? return_transactions(store, txn, vd_slice(copy, row.len)) : VD_ERR_NO_MEMORY;
    }
    if (err == VD_OK) {
        err = vd_store_get(store, txn, &row, DB_HEADERS, key);
    }
    if (err == VD_OK && row.len < 32) {
        err = VD_ERR_CORRUPT;
    }
    uint8_t hash[32];
    if (err == VD_OK) {
        memcpy(hash, row.ptr, sizeof hash);
        err = vd_store_del(store, txn, DB_NUMBERS, vd_slice(hash, sizeof hash));
    }
    static const enum db tables[] = {DB_CHANGES, DB_BODIES, DB_RECEIPTS, DB_HEADERS};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && err == VD_OK; i++) {
        err = vd_store_del(store, txn, tables[i], key);
    }
    return err;
}

/* Heads above number come down to it. */
static enum vd_err
lower_heads(struct vd_store *store, MDB_txn *txn, uint64_t number)
{
    uint8_t key[8];
    struct vd_slice row;
    enum vd_err err = vd_store_get(store, txn, &row, DB_HEADERS, number_key(key, number));
    if (err != VD_OK || row.len < 32) {
        return err == VD_OK ? VD_ERR_CORRUPT : err;
    }
    struct vd_block_id id = {.number = number};
    memcpy(id.hash.b, row.ptr, 32);
    for (int i = 0; i < VD_HEADS && err == VD_OK; i++) {
        struct vd_block_id head;
        err = vd_store_read_id(store, txn, &head, vd_meta_heads[i]);
        if (err == VD_OK && head.number > number) {
            err = vd_store_write_id(store, txn, vd_meta_heads[i], &id);
        } else if (err == VD_ERR_NOT_FOUND) {
            err = VD_OK;
        }
    }
    return err;
}

/* Index entries that name a block above number. */
static enum vd_err
drop_entries_above(struct vd_store *store, MDB_txn *txn, uint64_t number)
{
    uint64_t first = 0;
    uint64_t last = 0;
    enum vd_err err = read_range(store, txn, &first, &last);
    if (err != VD_OK || first > last) {
        return err;
    }
    uint64_t from = last + 1;
    while (from > first) {
        uint8_t key[8];
        struct vd_slice row;
        err = vd_store_get(store, txn, &row, DB_SAFE, number_key(key, from - 1));
        if (err != VD_OK || row.len != 72) {
            return err == VD_OK ? VD_ERR_CORRUPT : err;
        }
        if (vd_load_be64(row.ptr + 32) <= number) {
            break;
        }
        from--;
    }
    return drop_entries(store, txn, from);
}

enum vd_err
vd_store_unwind(struct vd_store *store, uint64_t number)
{
    MDB_txn *txn = NULL;
    struct vd_arena scratch;
    enum vd_err err = begin(store, &txn, &scratch);
    if (err != VD_OK) {
        return err;
    }
    struct vd_block_id tip = {.number = 0};
    err = vd_store_read_id(store, txn, &tip, vd_meta_heads[VD_HEAD_UNSAFE]);
    vd_index_cut_begin(store->index, txn, number);
    for (uint64_t n = tip.number; err == VD_OK && n > number; n--) {
        err = unwind_block(store, txn, &scratch, n);
    }
    if (err == VD_OK) {
        err = lower_heads(store, txn, number);
    }
    if (err == VD_OK) {
        err = drop_entries_above(store, txn, number);
    }
    err = end(store, txn, &scratch, err);
    vd_index_cut_end(store->index);
    return err;
}

enum vd_err
vd_store_set_pin(struct vd_store *store, uint64_t number)
{
    MDB_txn *txn = NULL;
    struct vd_arena scratch;
    enum vd_err err = begin(store, &txn, &scratch);
    if (err != VD_OK) {
        return err;
    }
    uint8_t bytes[8];
    struct vd_slice key = vd_text_slice(VD_META_PIN);
    err = number == UINT64_MAX ? vd_store_del(store, txn, DB_META, key)
                               : vd_store_put(store, txn, DB_META, key, number_key(bytes, number));
    return end(store, txn, &scratch, err);
}

enum vd_err
vd_store_drop_safe_entries(struct vd_store *store, uint64_t l1_number)
{
    MDB_txn *txn = NULL;
    struct vd_arena scratch;
    enum vd_err err = begin(store, &txn, &scratch);
    if (err != VD_OK) {
        return err;
    }
    return end(store, txn, &scratch, drop_entries(store, txn, l1_number));
}
