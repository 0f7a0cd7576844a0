/* Shared between the files of the store: tables and small helpers. */
#ifndef VIADUCT_NODE_STORE_STORE_INTERNAL_H
#define VIADUCT_NODE_STORE_STORE_INTERNAL_H

#include <lmdb.h>
#include <stdatomic.h>

#include "viaduct/node/store/store.h"

#define VD_STORE_SCHEMA 2u /* 2: records hold shapes */

enum db {
    DB_ACCOUNTS, /* the first four are enum vd_table */
    DB_SLOTS,
    DB_BRANCHES,
    DB_CODE,
    DB_META,
    DB_CHANGES,
    DB_HEADERS,
    DB_BODIES,
    DB_RECEIPTS,
    DB_NUMBERS,
    DB_TXS,
    DB_SAFE,
    DB_RETURNED,
    DB_COUNT,
};

extern const char *const vd_store_table_names[DB_COUNT];

struct vd_index;

struct vd_store {
    MDB_env *env;
    MDB_dbi dbi[DB_COUNT];
    int lock_fd;
    uint64_t retention_blocks;
    struct vd_index *index; /* NULL: none (index.h) */
    atomic_bool broken;     /* an fsync failed: no more writes */
};

struct vd_snapshot {
    struct vd_store *store;
    MDB_txn *txn;
    MDB_cursor *cursors[VD_STATE_TABLES]; /* opened when first used */
    struct vd_rows rows;
    /* The index's part, begun when first used (past.c). */
    bool index_tried;
    MDB_txn *index_txn;
    MDB_cursor *index_entries;
    uint64_t index_first; /* entries of these blocks count; first > upto: none */
    uint64_t index_upto;
};

enum vd_err vd_store_err(int mdb);

static inline MDB_val
vd_val(struct vd_slice bytes)
{
    return (MDB_val){.mv_size = bytes.len, .mv_data = (void *)(uintptr_t)bytes.ptr};
}

static inline struct vd_slice
vd_val_slice(const MDB_val *value)
{
    return vd_slice(value->mv_data, value->mv_size);
}

/* One row; VD_ERR_NOT_FOUND without one. */
enum vd_err vd_store_get(const struct vd_store *store, MDB_txn *txn, struct vd_slice *value,
                         enum db db, struct vd_slice key);
enum vd_err vd_store_put(const struct vd_store *store, MDB_txn *txn, enum db db,
                         struct vd_slice key, struct vd_slice value);
/* Without an error when there is no such row. */
enum vd_err vd_store_del(const struct vd_store *store, MDB_txn *txn, enum db db,
                         struct vd_slice key);

/* Keys of DB_META. */
#define VD_META_SCHEMA "schema"
#define VD_META_CHAIN "chain"
#define VD_META_GENESIS "genesis"
#define VD_META_SAFE_RANGE "safe-range"
#define VD_META_PIN "pin"
extern const char *const vd_meta_heads[VD_HEADS];

static inline struct vd_slice
vd_text_slice(const char *text)
{
    return vd_slice((const uint8_t *)text, strlen(text));
}

enum vd_err vd_store_read_id(const struct vd_store *store, MDB_txn *txn, struct vd_block_id *id,
                             const char *meta);
enum vd_err vd_store_write_id(const struct vd_store *store, MDB_txn *txn, const char *meta,
                              const struct vd_block_id *id);

/* VD_ERR_NOT_FOUND: no such block; no record. */
enum vd_err vd_store_hash(const struct vd_store *store, MDB_txn *txn, struct vd_hash *hash,
                          uint64_t number);
enum vd_err vd_store_oldest_record(const struct vd_store *store, MDB_txn *txn, uint64_t *number);
/* UINT64_MAX without a pin. */
enum vd_err vd_store_read_pin(const struct vd_store *store, MDB_txn *txn, uint64_t *pin);
/* Whether the record of a block has left the window and stands below the pin. */
bool vd_store_may_prune(const struct vd_store *store, uint64_t record, uint64_t tip, uint64_t pin);

/* The state of a block through the index (past.c).  Entries from the snapshot's index.
   vd_past_range begins its part; without one the range is empty. */
struct vd_past {
    struct vd_snapshot *snapshot;
    struct vd_layers *below; /* the state after the last indexed block that counts */
    struct vd_state_source source;
    uint64_t number;
    struct vd_arena *scratch;
    struct vd_pathstore paths;
    struct vd_rows rows;
};
enum vd_err vd_past_range(struct vd_snapshot *snapshot, const struct vd_block_id *tip);
void vd_past_source(struct vd_state_source *out, struct vd_past *past);
void vd_past_end(struct vd_snapshot *snapshot);

/* Entries of records (record.c). */
enum vd_form {
    VD_FORM_NONE,
    VD_FORM_WHOLE,
    VD_FORM_CHILDREN,
};
struct vd_record_entry {
    enum vd_table table;
    enum vd_form form;
    struct vd_slice key;
    struct vd_slice value;
};
/* Takes the entry at the front of *rest, which is not empty. */
enum vd_err vd_record_next(struct vd_record_entry *entry, struct vd_slice *rest);
int vd_compare_rows(enum vd_table a_table, struct vd_slice a, enum vd_table b_table,
                    struct vd_slice b);

/* The value of a slot's row. */
enum vd_err vd_slot_decode(struct vd_u256 *out, struct vd_slice row);

/* Rows of blocks (block_rows.c). */
enum vd_err vd_body_encode(struct vd_buf *out, const struct vd_store_block *block);
enum vd_err vd_receipts_encode(struct vd_buf *out, const struct vd_store_block *block);
enum vd_err vd_receipts_decode(struct vd_receipt **receipts, size_t *count, struct vd_arena *arena,
                               struct vd_slice row);
enum vd_err vd_receipt_decode_at(struct vd_receipt *receipt, size_t *first_log,
                                 struct vd_arena *arena, struct vd_slice row, size_t index);
enum vd_err vd_body_read(struct vd_body *body, struct vd_slice row);

#endif
