/* Snapshots. */
#include "store_internal.h"

#include <stdlib.h>

static enum vd_err
rows_get(void *ctx, struct vd_slice *value, enum vd_table table, struct vd_slice key)
{
    struct vd_snapshot *snapshot = ctx;
    return vd_store_get(snapshot->store, snapshot->txn, value, (enum db)table, key);
}

static enum vd_err
rows_seek(void *ctx, struct vd_slice *found, struct vd_slice *value, enum vd_table table,
          struct vd_slice key)
{
    struct vd_snapshot *snapshot = ctx;
    MDB_cursor **cursor = &snapshot->cursors[table];
    int mdb = MDB_SUCCESS;
    if (!*cursor) {
        mdb = mdb_cursor_open(snapshot->txn, snapshot->store->dbi[table], cursor);
    }
    MDB_val k = vd_val(key);
    MDB_val v;
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_cursor_get(*cursor, &k, &v, MDB_SET_RANGE);
    }
    if (mdb == MDB_SUCCESS) {
        *found = vd_val_slice(&k);
        *value = vd_val_slice(&v);
    }
    return vd_store_err(mdb);
}

enum vd_err
vd_snapshot_begin(struct vd_snapshot **out, struct vd_store *store)
{
    struct vd_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot) {
        return VD_ERR_NO_MEMORY;
    }
    snapshot->store = store;
    snapshot->rows = (struct vd_rows){.ctx = snapshot, .get = rows_get, .seek = rows_seek};
    enum vd_err err = vd_store_err(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &snapshot->txn));
    if (err != VD_OK) {
        free(snapshot);
        return err;
    }
    *out = snapshot;
    return VD_OK;
}

void
vd_snapshot_end(struct vd_snapshot *snapshot)
{
    if (!snapshot) {
        return;
    }
    for (int i = 0; i < VD_STATE_TABLES; i++) {
        if (snapshot->cursors[i]) {
            mdb_cursor_close(snapshot->cursors[i]);
        }
    }
    vd_past_end(snapshot);
    mdb_txn_abort(snapshot->txn);
    free(snapshot);
}

const struct vd_rows *
vd_snapshot_rows(struct vd_snapshot *snapshot)
{
    return &snapshot->rows;
}

static enum vd_err
by_number(struct vd_snapshot *snapshot, struct vd_slice *row, enum db db, uint64_t number)
{
    uint8_t key[8];
    vd_store_be64(key, number);
    return vd_store_get(snapshot->store, snapshot->txn, row, db, vd_slice(key, sizeof key));
}

/* --- the state at a recent block --- */

/* Turns one record into a diff whose after values are the old rows.  above are the diffs of newer
   blocks already made, whose rows a partly changed branch refers to. */
static enum vd_err
old_rows(struct vd_snapshot *snapshot, struct vd_diff *diff, struct vd_arena *scratch,
         struct vd_layers *newer, uint64_t number)
{
    struct vd_slice record;
    struct vd_undo *undos = NULL;
    size_t count = 0;
    enum vd_err err = by_number(snapshot, &record, DB_CHANGES, number);
    if (err == VD_OK) {
        err = vd_undo_read(&undos, &count, scratch, record);
    }
    if (err != VD_OK) {
        return err;
    }
    struct vd_change *changes = VD_ARENA_NEW(scratch, struct vd_change, count + 1);
    const struct vd_rows *rows = vd_layers_rows(newer);
    for (size_t i = 0; changes && i < count; i++) {
        changes[i] = (struct vd_change){
            .table = undos[i].table, .key = undos[i].key, .after = undos[i].before};
        if (undos[i].delta) {
            uint8_t row[VD_MAX_BRANCH];
            size_t len = 0;
            struct vd_slice value;
            err = rows->get(rows->ctx, &value, VD_TABLE_BRANCHES, undos[i].key);
            if (err == VD_OK) {
                err = vd_undo_branch(row, &len, &undos[i], value);
            }
            if (err != VD_OK) {
                return err == VD_ERR_NOT_FOUND ? VD_ERR_CORRUPT : err;
            }
            changes[i].after = vd_slice(vd_arena_copy(scratch, vd_slice(row, len)), len);
        }
    }
    *diff = (struct vd_diff){.changes = changes, .count = count};
    return changes ? VD_OK : VD_ERR_NO_MEMORY;
}

/* Makes state->layers the state after block number, which lies at most VD_MAX_BACK behind tip. */
static enum vd_err
go_back(struct vd_snapshot *snapshot, struct vd_snapshot_state *state, uint64_t tip,
        uint64_t number, struct vd_arena *scratch)
{
    enum vd_err err = VD_OK;
    size_t back = (size_t)(tip - number);
    state->diffs = VD_ARENA_NEW(scratch, struct vd_diff, back + 1);
    state->list = VD_ARENA_NEW(scratch, const struct vd_diff *, back + 1);
    if (!state->diffs || !state->list) {
        return VD_ERR_NO_MEMORY;
    }
    /* The oldest block's diff hides the newer ones', so it comes first in the list. */
    for (size_t i = 0; i < back && err == VD_OK; i++) {
        size_t place = back - 1 - i;
        struct vd_layers newer = {
            .below = &snapshot->rows, .layers = state->list + place + 1, .count = i};
        err = old_rows(snapshot, &state->diffs[place], scratch, &newer, tip - i);
        state->list[place] = &state->diffs[place];
    }
    state->layers =
        (struct vd_layers){.below = &snapshot->rows, .layers = state->list, .count = back};
    return err;
}

/* Whether there is a block of that number, with the records of all blocks above it. */
static enum vd_err
check_reach(struct vd_snapshot *snapshot, uint64_t tip, uint64_t number)
{
    struct vd_slice row;
    if (number > tip) {
        return VD_ERR_NOT_FOUND;
    }
    /* Genesis has a record too, but there is no block before it. */
    enum vd_err err = by_number(snapshot, &row, DB_HEADERS, number);
    return err == VD_OK && number < tip ? by_number(snapshot, &row, DB_CHANGES, number + 1) : err;
}

/* The index has blocks, and those above it can be gone back over. */
static bool
index_reaches(const struct vd_snapshot *snapshot, uint64_t tip)
{
    return snapshot->index_first <= snapshot->index_upto &&
           tip - snapshot->index_upto <= VD_MAX_BACK;
}

enum vd_err
vd_snapshot_source(struct vd_snapshot *snapshot, struct vd_state_source *out,
                   struct vd_snapshot_state *state, uint64_t number, struct vd_arena *scratch)
{
    struct vd_block_id tip;
    enum vd_err err = vd_snapshot_head(snapshot, VD_HEAD_UNSAFE, &tip);
    if (err == VD_OK) {
        err = check_reach(snapshot, tip.number, number);
    }
    if (err == VD_OK && number < tip.number) {
        err = vd_past_range(snapshot, &tip);
    }
    if (err != VD_OK) {
        return err;
    }
    bool indexed =
        number < tip.number && snapshot->index_first <= number + 1 && snapshot->index_upto > number;
    uint64_t base = indexed ? snapshot->index_upto : number;
    if (tip.number - base > VD_MAX_BACK) {
        return snapshot->store->index && !index_reaches(snapshot, tip.number) ? VD_ERR_BUSY
                                                                              : VD_ERR_NOT_FOUND;
    }
    *state = (struct vd_snapshot_state){0};
    err = go_back(snapshot, state, tip.number, base, scratch);
    if (err != VD_OK || !indexed) {
        vd_layers_source(out, &state->layers);
        return err;
    }
    state->past = VD_ARENA_NEW(scratch, struct vd_past, 1);
    if (!state->past) {
        return VD_ERR_NO_MEMORY;
    }
    *state->past = (struct vd_past){
        .snapshot = snapshot, .below = &state->layers, .number = number, .scratch = scratch};
    vd_past_source(out, state->past);
    return VD_OK;
}

const struct vd_rows *
vd_snapshot_state_rows(struct vd_snapshot_state *state)
{
    return state->past ? &state->past->rows : vd_layers_rows(&state->layers);
}

enum vd_err
vd_snapshot_oldest(struct vd_snapshot *snapshot, uint64_t *number)
{
    struct vd_block_id tip;
    struct vd_block_id genesis;
    uint64_t record = 0;
    enum vd_err err = vd_snapshot_head(snapshot, VD_HEAD_UNSAFE, &tip);
    if (err == VD_OK) {
        err = vd_snapshot_genesis(snapshot, &genesis);
    }
    if (err == VD_OK) {
        err = vd_store_oldest_record(snapshot->store, snapshot->txn, &record);
    }
    if (err == VD_OK) {
        err = vd_past_range(snapshot, &tip);
    }
    if (err != VD_OK) {
        return err;
    }
    bool any = index_reaches(snapshot, tip.number);
    uint64_t recent = tip.number > VD_MAX_BACK ? tip.number - VD_MAX_BACK : 0;
    uint64_t reached =
        any && snapshot->index_first - 1 < recent ? snapshot->index_first - 1 : recent;
    *number = record > genesis.number ? record - 1 : genesis.number;
    *number = *number < reached ? reached : *number;
    return VD_OK;
}

/* --- blocks --- */

enum vd_err
vd_snapshot_head(struct vd_snapshot *snapshot, enum vd_head which, struct vd_block_id *out)
{
    return vd_store_read_id(snapshot->store, snapshot->txn, out, vd_meta_heads[which]);
}

enum vd_err
vd_snapshot_genesis(struct vd_snapshot *snapshot, struct vd_block_id *out)
{
    return vd_store_read_id(snapshot->store, snapshot->txn, out, VD_META_GENESIS);
}

enum vd_err
vd_snapshot_header(struct vd_snapshot *snapshot, struct vd_header *header, struct vd_hash *hash,
                   uint64_t number)
{
    struct vd_slice row;
    enum vd_err err = by_number(snapshot, &row, DB_HEADERS, number);
    if (err != VD_OK) {
        return err;
    }
    if (row.len < 32) {
        return VD_ERR_CORRUPT;
    }
    if (hash) {
        memcpy(hash->b, row.ptr, 32);
    }
    return vd_header_decode(header, vd_slice(row.ptr + 32, row.len - 32)) == VD_OK ? VD_OK
                                                                                   : VD_ERR_CORRUPT;
}

enum vd_err
vd_snapshot_number(struct vd_snapshot *snapshot, uint64_t *number, const struct vd_hash *hash)
{
    struct vd_slice row;
    enum vd_err err =
        vd_store_get(snapshot->store, snapshot->txn, &row, DB_NUMBERS, vd_slice(hash->b, 32));
    if (err == VD_OK && row.len != 8) {
        return VD_ERR_CORRUPT;
    }
    if (err == VD_OK) {
        *number = vd_load_be64(row.ptr);
    }
    return err;
}

enum vd_err
vd_snapshot_body(struct vd_snapshot *snapshot, struct vd_body *body, uint64_t number)
{
    struct vd_slice row;
    enum vd_err err = by_number(snapshot, &row, DB_BODIES, number);
    return err == VD_OK ? vd_body_read(body, row) : err;
}

enum vd_err
vd_snapshot_receipts(struct vd_snapshot *snapshot, struct vd_receipt **receipts, size_t *count,
                     struct vd_arena *arena, uint64_t number)
{
    struct vd_slice row;
    enum vd_err err = by_number(snapshot, &row, DB_RECEIPTS, number);
    return err == VD_OK ? vd_receipts_decode(receipts, count, arena, row) : err;
}

enum vd_err
vd_snapshot_receipt(struct vd_snapshot *snapshot, struct vd_receipt *receipt, size_t *first_log,
                    struct vd_arena *arena, uint64_t number, size_t index)
{
    struct vd_slice row;
    enum vd_err err = by_number(snapshot, &row, DB_RECEIPTS, number);
    return err == VD_OK ? vd_receipt_decode_at(receipt, first_log, arena, row, index) : err;
}

enum vd_err
vd_snapshot_find_tx(struct vd_snapshot *snapshot, uint64_t *number, uint32_t *index,
                    const struct vd_hash *tx_hash)
{
    struct vd_slice row;
    enum vd_err err =
        vd_store_get(snapshot->store, snapshot->txn, &row, DB_TXS, vd_slice(tx_hash->b, 32));
    if (err != VD_OK) {
        return err;
    }
    if (row.len != 12) {
        return VD_ERR_CORRUPT;
    }
    *number = vd_load_be64(row.ptr);
    *index = vd_load_be32(row.ptr + 8);
    return VD_OK;
}

enum vd_err
vd_snapshot_safe_at(struct vd_snapshot *snapshot, struct vd_safe_entry *entry, uint64_t *first,
                    uint64_t *last, uint64_t l1_number)
{
    struct vd_slice row;
    *first = 1;
    *last = 0;
    enum vd_err err = vd_store_get(snapshot->store, snapshot->txn, &row, DB_META,
                                   vd_text_slice(VD_META_SAFE_RANGE));
    if (err == VD_OK && row.len == 16) {
        *first = vd_load_be64(row.ptr);
        *last = vd_load_be64(row.ptr + 8);
    }
    if (err != VD_OK) {
        return err;
    }
    err = by_number(snapshot, &row, DB_SAFE, l1_number);
    if (err != VD_OK) {
        return err;
    }
    if (row.len != 72) {
        return VD_ERR_CORRUPT;
    }
    entry->l1.number = l1_number;
    memcpy(entry->l1.hash.b, row.ptr, 32);
    entry->l2.number = vd_load_be64(row.ptr + 32);
    memcpy(entry->l2.hash.b, row.ptr + 40, 32);
    return VD_OK;
}

enum vd_err
vd_snapshot_returned(struct vd_snapshot *snapshot, struct vd_slice **transactions, size_t *count,
                     struct vd_arena *arena)
{
    MDB_stat stat;
    MDB_cursor *cursor = NULL;
    int mdb = mdb_stat(snapshot->txn, snapshot->store->dbi[DB_RETURNED], &stat);
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_cursor_open(snapshot->txn, snapshot->store->dbi[DB_RETURNED], &cursor);
    }
    if (mdb != MDB_SUCCESS) {
        return vd_store_err(mdb);
    }
    *count = 0;
    *transactions = VD_ARENA_NEW(arena, struct vd_slice, stat.ms_entries + 1);
    MDB_val key;
    MDB_val value;
    while (*transactions && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
        (*transactions)[(*count)++] = vd_val_slice(&value);
    }
    mdb_cursor_close(cursor);
    return *transactions ? VD_OK : VD_ERR_NO_MEMORY;
}
