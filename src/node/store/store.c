/* One LMDB environment in the chain's folder.

   accounts   hashed address                 -> rlp account: a leaf of the account trie
   slots      hashed address, hashed slot    -> rlp value: a leaf of a storage trie
   branches   see diff.h                     -> child references of a trie's branch
   code       code hash                      -> code
   changes    block number                   -> what it takes to go back over the block (diff.h)
   headers    block number                   -> hash 32, header RLP
   bodies     block number                   -> transactions and senders (block_rows.c)
   receipts   block number                   -> receipts (block_rows.c)
   numbers    block hash                     -> number 8
   txs        transaction hash               -> number 8, index 4
   safe       L1 number                      -> L1 hash 32, L2 number 8, L2 hash 32
   returned   sequence 8                     -> a transaction that unwinding gave back
   meta       schema, chain, genesis, heads, range of the safe index, pin

   Numbers are big-endian.  Invariants: rows and branches are the state after the block that the
   unsafe head names; headers, bodies and receipts run without a gap from genesis to it; changes
   run without a gap from some block to it.

   Crash story: every change of these invariants is one LMDB transaction that is synced before its
   commit returns, so after a crash the folder is as some commit left it.  What the commit had not
   reached is in the engine's journal. */
#include "index.h"
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_READERS 1024u
#define DEFAULT_MAP ((uint64_t)1 << 40)
#define MIN_RETENTION 256u

const char *const vd_store_table_names[DB_COUNT] = {
    [DB_ACCOUNTS] = "accounts", [DB_SLOTS] = "slots",   [DB_BRANCHES] = "branches",
    [DB_CODE] = "code",         [DB_META] = "meta",     [DB_CHANGES] = "changes",
    [DB_HEADERS] = "headers",   [DB_BODIES] = "bodies", [DB_RECEIPTS] = "receipts",
    [DB_NUMBERS] = "numbers",   [DB_TXS] = "txs",       [DB_SAFE] = "safe",
    [DB_RETURNED] = "returned",
};

const char *const vd_meta_heads[VD_HEADS] = {
    [VD_HEAD_UNSAFE] = "unsafe", [VD_HEAD_SAFE] = "safe", [VD_HEAD_FINALIZED] = "finalized"};

enum vd_err
vd_store_err(int mdb)
{
    switch (mdb) {
    case MDB_SUCCESS:
        return VD_OK;
    case MDB_NOTFOUND:
        return VD_ERR_NOT_FOUND;
    case MDB_MAP_FULL:
    case ENOSPC:
        return VD_ERR_FULL;
    case MDB_READERS_FULL:
        return VD_ERR_BUSY;
    case ENOMEM:
        return VD_ERR_NO_MEMORY;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return VD_ERR_CORRUPT;
    default:
        return VD_ERR_IO;
    }
}

enum vd_err
vd_store_get(const struct vd_store *store, MDB_txn *txn, struct vd_slice *value, enum db db,
             struct vd_slice key)
{
    MDB_val k = vd_val(key);
    MDB_val v;
    enum vd_err err = vd_store_err(mdb_get(txn, store->dbi[db], &k, &v));
    if (err == VD_OK) {
        *value = vd_val_slice(&v);
    }
    return err;
}

enum vd_err
vd_store_put(const struct vd_store *store, MDB_txn *txn, enum db db, struct vd_slice key,
             struct vd_slice value)
{
    MDB_val k = vd_val(key);
    MDB_val v = vd_val(value);
    return vd_store_err(mdb_put(txn, store->dbi[db], &k, &v, 0));
}

enum vd_err
vd_store_del(const struct vd_store *store, MDB_txn *txn, enum db db, struct vd_slice key)
{
    MDB_val k = vd_val(key);
    enum vd_err err = vd_store_err(mdb_del(txn, store->dbi[db], &k, NULL));
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

enum vd_err
vd_store_read_id(const struct vd_store *store, MDB_txn *txn, struct vd_block_id *id,
                 const char *meta)
{
    struct vd_slice value;
    enum vd_err err = vd_store_get(store, txn, &value, DB_META, vd_text_slice(meta));
    if (err != VD_OK) {
        return err;
    }
    if (value.len != 40) {
        return VD_ERR_CORRUPT;
    }
    id->number = vd_load_be64(value.ptr);
    memcpy(id->hash.b, value.ptr + 8, 32);
    return VD_OK;
}

enum vd_err
vd_store_write_id(const struct vd_store *store, MDB_txn *txn, const char *meta,
                  const struct vd_block_id *id)
{
    uint8_t value[40];
    vd_store_be64(value, id->number);
    memcpy(value + 8, id->hash.b, 32);
    return vd_store_put(store, txn, DB_META, vd_text_slice(meta), vd_slice(value, sizeof value));
}

enum vd_err
vd_store_hash(const struct vd_store *store, MDB_txn *txn, struct vd_hash *hash, uint64_t number)
{
    uint8_t key[8];
    struct vd_slice row;
    vd_store_be64(key, number);
    enum vd_err err = vd_store_get(store, txn, &row, DB_HEADERS, vd_slice(key, sizeof key));
    if (err == VD_OK && row.len < 32) {
        return VD_ERR_CORRUPT;
    }
    if (err == VD_OK) {
        memcpy(hash->b, row.ptr, 32);
    }
    return err;
}

enum vd_err
vd_store_oldest_record(const struct vd_store *store, MDB_txn *txn, uint64_t *number)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    enum vd_err err = vd_store_err(mdb_cursor_open(txn, store->dbi[DB_CHANGES], &cursor));
    if (err != VD_OK) {
        return err;
    }
    err = vd_store_err(mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
    if (err == VD_OK) {
        *number = vd_load_be64(key.mv_data);
    }
    mdb_cursor_close(cursor);
    return err;
}

/* --- retention --- */

enum vd_err
vd_store_read_pin(const struct vd_store *store, MDB_txn *txn, uint64_t *pin)
{
    struct vd_slice row;
    enum vd_err err = vd_store_get(store, txn, &row, DB_META, vd_text_slice(VD_META_PIN));
    *pin = UINT64_MAX;
    if (err == VD_OK && row.len != 8) {
        return VD_ERR_CORRUPT;
    }
    if (err == VD_OK) {
        *pin = vd_load_be64(row.ptr);
    }
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

bool
vd_store_may_prune(const struct vd_store *store, uint64_t record, uint64_t tip, uint64_t pin)
{
    return record <= pin && tip >= store->retention_blocks &&
           record <= tip - store->retention_blocks;
}

enum vd_err
vd_store_settle(struct vd_store *store)
{
    return vd_index_settle(store->index);
}

enum vd_err
vd_store_index_error(struct vd_store *store)
{
    return vd_index_error(store->index);
}

/* --- opening --- */

static enum vd_err
lock_folder(struct vd_store *store, char *why, size_t why_size, const char *folder)
{
    char path[4096];
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        snprintf(why, why_size, "cannot make the folder %s: %s", folder, strerror(errno));
        return VD_ERR_IO;
    }
    int len = snprintf(path, sizeof path, "%s/LOCK", folder);
    store->lock_fd =
        len > 0 && (size_t)len < sizeof path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (store->lock_fd < 0) {
        snprintf(why, why_size, "cannot open %s/LOCK: %s", folder, strerror(errno));
        return VD_ERR_IO;
    }
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(why, why_size, "another process uses the folder %s; stop it or choose another",
                 folder);
        return VD_ERR_BUSY;
    }
    return VD_OK;
}

static enum vd_err
open_tables(struct vd_store *store, bool read_only)
{
    MDB_txn *txn = NULL;
    int mdb = mdb_txn_begin(store->env, NULL, read_only ? MDB_RDONLY : 0, &txn);
    for (int i = 0; i < DB_COUNT && mdb == MDB_SUCCESS; i++) {
        mdb =
            mdb_dbi_open(txn, vd_store_table_names[i], read_only ? 0 : MDB_CREATE, &store->dbi[i]);
    }
    if (mdb != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return vd_store_err(mdb);
    }
    return vd_store_err(mdb_txn_commit(txn));
}

/* The number under key is value, or is written when there is none. */
static enum vd_err
check_number(struct vd_store *store, MDB_txn *txn, const char *key, uint64_t value, uint64_t *found,
             bool read_only)
{
    struct vd_slice row;
    uint8_t bytes[8];
    enum vd_err err = vd_store_get(store, txn, &row, DB_META, vd_text_slice(key));
    *found = value;
    if (err == VD_ERR_NOT_FOUND && !read_only) {
        vd_store_be64(bytes, value);
        return vd_store_put(store, txn, DB_META, vd_text_slice(key), vd_slice(bytes, 8));
    }
    if (err == VD_OK && row.len != 8) {
        return VD_ERR_CORRUPT;
    }
    if (err == VD_OK) {
        *found = vd_load_be64(row.ptr);
    }
    return err;
}

static enum vd_err
check_identity(struct vd_store *store, char *why, size_t why_size,
               const struct vd_store_config *config)
{
    MDB_txn *txn = NULL;
    bool reading = config->read_only;
    enum vd_err err = vd_store_err(mdb_txn_begin(store->env, NULL, reading ? MDB_RDONLY : 0, &txn));
    if (err != VD_OK) {
        return err;
    }
    uint64_t schema = 0;
    uint64_t chain = 0;
    err = check_number(store, txn, VD_META_SCHEMA, VD_STORE_SCHEMA, &schema, reading);
    if (err == VD_OK) {
        err = check_number(store, txn, VD_META_CHAIN, config->chain_id, &chain, reading);
    }
    if (err != VD_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    if (schema != VD_STORE_SCHEMA || (chain != config->chain_id && !reading)) {
        snprintf(why, why_size,
                 "the folder %s holds chain %llu in layout %llu, this is chain %llu in layout %u; "
                 "choose another folder",
                 config->folder, (unsigned long long)chain, (unsigned long long)schema,
                 (unsigned long long)config->chain_id, VD_STORE_SCHEMA);
        mdb_txn_abort(txn);
        return VD_ERR_MISMATCH;
    }
    return vd_store_err(mdb_txn_commit(txn));
}

static enum vd_err
open_environment(struct vd_store *store, const struct vd_store_config *config)
{
    int mdb = mdb_env_create(&store->env);
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_env_set_mapsize(store->env, config->map_bytes ? config->map_bytes : DEFAULT_MAP);
    }
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_env_set_maxdbs(store->env, DB_COUNT);
    }
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_env_set_maxreaders(store->env, MAX_READERS);
    }
    if (mdb == MDB_SUCCESS) {
        unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (config->read_only ? MDB_RDONLY : 0);
        mdb = mdb_env_open(store->env, config->folder, flags, 0600);
    }
    if (mdb == MDB_SUCCESS) {
        int stale = 0;
        mdb = mdb_reader_check(store->env, &stale);
    }
    return vd_store_err(mdb);
}

enum vd_err
vd_store_open(struct vd_store **out, char *why, size_t why_size,
              const struct vd_store_config *config)
{
    struct vd_store *store = calloc(1, sizeof *store);
    if (!store) {
        snprintf(why, why_size, "out of memory");
        return VD_ERR_NO_MEMORY;
    }
    store->lock_fd = -1;
    store->retention_blocks =
        config->retention_blocks < MIN_RETENTION ? MIN_RETENTION : config->retention_blocks;
    why[0] = '\0';
    enum vd_err err = config->read_only ? VD_OK : lock_folder(store, why, why_size, config->folder);
    if (err == VD_OK) {
        err = open_environment(store, config);
    }
    if (err == VD_OK) {
        err = open_tables(store, config->read_only);
    }
    if (err == VD_OK) {
        err = check_identity(store, why, why_size, config);
    }
    if (err == VD_OK && !config->without_index) {
        err = vd_index_open(&store->index, store, config);
    }
    if (err != VD_OK) {
        if (why[0] == '\0') {
            snprintf(why, why_size, "cannot open the database in %s: %s", config->folder,
                     vd_err_text(err));
        }
        vd_store_close(store);
        return err;
    }
    *out = store;
    return VD_OK;
}

void
vd_store_close(struct vd_store *store)
{
    if (!store) {
        return;
    }
    vd_index_close(store->index);
    if (store->env) {
        mdb_env_close(store->env);
    }
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    free(store);
}
