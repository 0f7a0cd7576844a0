#include "index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define INDEX_SCHEMA 1u
#define INDEX_DBS 3u
#define INDEX_READERS 1024u
#define INDEX_MAP ((uint64_t)1 << 40)
/* One transaction: dirty pages stay in memory until it commits. */
#define BATCH_BLOCKS 256u
#define BATCH_BYTES ((size_t)2 << 20)
#define RETRY_NS 1000000000u

struct vd_index {
    struct vd_store *store;
    MDB_env *env;
    MDB_dbi entries;
    MDB_dbi blocks;
    MDB_dbi meta;
    uv_mutex_t writer; /* held during a write transaction; by a cut until the state has followed */
    atomic_uint cutting; /* a cut waits: the thread ends its transaction soon */
    _Atomic uint64_t low;
    uint64_t next_low; /* of the newest transaction, which a crash of the machine may undo */
    uv_thread_t thread;
    bool has_thread;
    uv_mutex_t mutex; /* of what follows */
    uv_cond_t wake;
    uv_cond_t idle;
    bool wanted;
    bool busy;
    bool stop;
    enum vd_err last_error;
};

size_t
vd_index_key(uint8_t out[VD_INDEX_MAX_KEY], enum vd_table table, struct vd_slice key,
             uint64_t number)
{
    VD_ASSERT(key.len <= VD_MAX_KEY);
    out[0] = (uint8_t)table;
    out[1] = (uint8_t)key.len;
    memcpy(out + 2, key.ptr, key.len);
    vd_store_be64(out + 2 + key.len, number);
    return 2 + key.len + 8;
}

/* --- one write transaction --- */

/* A transaction of the index beside a snapshot, or a write transaction, of the state. */
struct work {
    struct vd_index *index;
    MDB_txn *state;
    MDB_txn *txn;
    struct vd_block_id tip;
    uint64_t oldest; /* record */
    uint64_t pin;
    uint64_t first; /* first > last: nothing is indexed */
    uint64_t last;
};

static bool
is_empty(const struct work *w)
{
    return w->first > w->last;
}

static const char range_key[] = "range";
#define RANGE_BYTES 48

static MDB_val
text_val(const char *text)
{
    return (MDB_val){.mv_size = strlen(text), .mv_data = (void *)(uintptr_t)text};
}

/* One row, so that a reader learns with one look where the index stands.  tip may be NULL. */
static enum vd_err
read_range(struct vd_index *index, MDB_txn *txn, uint64_t *first, uint64_t *last,
           struct vd_hash *tip)
{
    MDB_val key = text_val(range_key);
    MDB_val value;
    *first = 1;
    *last = 0;
    int mdb = mdb_get(txn, index->meta, &key, &value);
    if (mdb != MDB_SUCCESS) {
        return mdb == MDB_NOTFOUND ? VD_OK : vd_store_err(mdb);
    }
    if (value.mv_size != RANGE_BYTES) {
        return VD_ERR_CORRUPT;
    }
    const uint8_t *row = value.mv_data;
    *first = vd_load_be64(row);
    *last = vd_load_be64(row + 8);
    if (tip) {
        memcpy(tip->b, row + 16, sizeof tip->b);
    }
    return VD_OK;
}

static enum vd_err
write_range(const struct work *w)
{
    uint8_t row[RANGE_BYTES] = {0};
    struct vd_hash hash = {{0}};
    MDB_val key = text_val(range_key);
    MDB_val value = {.mv_size = sizeof row, .mv_data = row};
    enum vd_err err = VD_OK;
    if (!is_empty(w)) {
        err = vd_index_hash(w->index, w->txn, &hash, w->last);
    }
    vd_store_be64(row, w->first);
    vd_store_be64(row + 8, w->last);
    memcpy(row + 16, hash.b, sizeof hash.b);
    return err == VD_OK ? vd_store_err(mdb_put(w->txn, w->index->meta, &key, &value, 0)) : err;
}

static enum vd_err
record_of(const struct work *w, struct vd_slice *record, uint64_t number)
{
    uint8_t key[8];
    vd_store_be64(key, number);
    return vd_store_get(w->index->store, w->state, record, DB_CHANGES, vd_slice(key, 8));
}

static enum vd_err
put_entry(const struct work *w, const struct vd_record_entry *entry, uint64_t number)
{
    uint8_t key[VD_INDEX_MAX_KEY];
    uint8_t row[1 + 2 + VD_MAX_BRANCH];
    if (entry->value.len >= sizeof row) {
        return VD_ERR_CORRUPT;
    }
    row[0] = (uint8_t)entry->form;
    if (entry->value.len > 0) {
        memcpy(row + 1, entry->value.ptr, entry->value.len);
    }
    MDB_val k = {.mv_size = vd_index_key(key, entry->table, entry->key, number), .mv_data = key};
    MDB_val v = {.mv_size = 1 + entry->value.len, .mv_data = row};
    return vd_store_err(mdb_put(w->txn, w->index->entries, &k, &v, 0));
}

static enum vd_err
del_entry(const struct work *w, const struct vd_record_entry *entry, uint64_t number)
{
    uint8_t key[VD_INDEX_MAX_KEY];
    MDB_val k = {.mv_size = vd_index_key(key, entry->table, entry->key, number), .mv_data = key};
    int mdb = mdb_del(w->txn, w->index->entries, &k, NULL);
    return mdb == MDB_NOTFOUND ? VD_OK : vd_store_err(mdb);
}

static enum vd_err
for_entries(const struct work *w, uint64_t number, size_t *bytes,
            enum vd_err (*visit)(const struct work *w, const struct vd_record_entry *entry,
                                 uint64_t number))
{
    struct vd_slice rest;
    enum vd_err err = record_of(w, &rest, number);
    if (err == VD_ERR_NOT_FOUND) {
        return VD_ERR_CORRUPT; /* records have no gap */
    }
    *bytes += err == VD_OK ? rest.len : 0;
    while (err == VD_OK && rest.len > 0) {
        struct vd_record_entry entry;
        err = vd_record_next(&entry, &rest);
        if (err == VD_OK) {
            err = visit(w, &entry, number);
        }
    }
    return err;
}

static enum vd_err
add_block(struct work *w, size_t *bytes, uint64_t number)
{
    uint8_t key[8];
    struct vd_hash hash;
    enum vd_err err = vd_store_hash(w->index->store, w->state, &hash, number);
    if (err == VD_OK) {
        err = for_entries(w, number, bytes, put_entry);
    }
    if (err != VD_OK) {
        return err;
    }
    vd_store_be64(key, number);
    MDB_val k = {.mv_size = sizeof key, .mv_data = key};
    MDB_val v = {.mv_size = sizeof hash.b, .mv_data = hash.b};
    w->first = is_empty(w) ? number : w->first;
    w->last = number;
    return vd_store_err(mdb_put(w->txn, w->index->blocks, &k, &v, MDB_APPEND));
}

static enum vd_err
remove_block(const struct work *w, size_t *bytes, uint64_t number)
{
    uint8_t key[8];
    enum vd_err err = for_entries(w, number, bytes, del_entry);
    if (err != VD_OK) {
        return err;
    }
    vd_store_be64(key, number);
    MDB_val k = {.mv_size = sizeof key, .mv_data = key};
    return vd_store_err(mdb_del(w->txn, w->index->blocks, &k, NULL));
}

static enum vd_err
wipe(struct work *w)
{
    int mdb = mdb_drop(w->txn, w->index->entries, 0);
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_drop(w->txn, w->index->blocks, 0);
    }
    w->first = 1;
    w->last = 0;
    return vd_store_err(mdb);
}

/* --- following the state --- */

/* Begins the index's transaction. */
static enum vd_err
begin_work(struct work *w)
{
    struct vd_store *store = w->index->store;
    enum vd_err err = vd_store_read_id(store, w->state, &w->tip, vd_meta_heads[VD_HEAD_UNSAFE]);
    if (err == VD_OK) {
        err = vd_store_oldest_record(store, w->state, &w->oldest);
    }
    if (err == VD_OK) {
        err = vd_store_read_pin(store, w->state, &w->pin);
    }
    if (err == VD_OK) {
        err = vd_store_err(mdb_txn_begin(w->index->env, NULL, 0, &w->txn));
    }
    if (err == VD_OK) {
        err = read_range(w->index, w->txn, &w->first, &w->last, NULL);
    }
    return err;
}

/* Whether the blocks in the index are of the state's chain, as far as the state has them.  A copy
   of a database may have an index that is ahead of it. */
static enum vd_err
is_of_chain(const struct work *w, bool *same)
{
    struct vd_hash own;
    struct vd_hash theirs;
    uint64_t number = w->last < w->tip.number ? w->last : w->tip.number;
    *same = number >= w->first && w->first >= w->oldest;
    if (!*same) {
        return VD_OK;
    }
    enum vd_err err = vd_index_hash(w->index, w->txn, &own, number);
    if (err == VD_OK) {
        err = vd_store_hash(w->index->store, w->state, &theirs, number);
    }
    *same = err == VD_OK && vd_hash_eq(&own, &theirs);
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

static bool
may_go(const struct work *w, uint64_t record)
{
    return vd_store_may_prune(w->index->store, record, w->tip.number, w->pin);
}

/* Where an empty index begins: the oldest record of the window, but never genesis' own, since there
   is no state before it. */
static enum vd_err
start_of(const struct work *w, uint64_t *start)
{
    struct vd_block_id genesis;
    enum vd_err err = vd_store_read_id(w->index->store, w->state, &genesis, VD_META_GENESIS);
    *start = w->oldest > genesis.number ? w->oldest : genesis.number + 1;
    if (err == VD_OK && may_go(w, *start)) {
        uint64_t window = w->tip.number - w->index->store->retention_blocks + 1;
        *start = window <= w->pin ? window : w->pin + 1;
    }
    return err;
}

static enum vd_err
follow(struct work *w, bool *more, bool *wrote, uint64_t *low)
{
    uint64_t next = w->last + 1;
    size_t bytes = 0;
    unsigned blocks = 0;
    bool same = false;
    enum vd_err err = is_empty(w) ? VD_OK : is_of_chain(w, &same);
    if (err == VD_OK && !same) {
        err = wipe(w);
    }
    if (err == VD_OK && !same) {
        err = start_of(w, &next);
    }
    *low = next;
    for (; err == VD_OK && next <= w->tip.number && blocks < BATCH_BLOCKS && bytes < BATCH_BYTES &&
           atomic_load(&w->index->cutting) == 0;
         next++, blocks++) {
        err = add_block(w, &bytes, next);
    }
    while (err == VD_OK && w->first < w->last && may_go(w, w->first) && blocks < BATCH_BLOCKS &&
           bytes < BATCH_BYTES) {
        err = remove_block(w, &bytes, w->first);
        w->first++;
        blocks++;
    }
    *low = is_empty(w) ? *low : w->first;
    *wrote = blocks > 0;
    if (err == VD_OK && (*wrote || !same)) {
        err = write_range(w);
    }
    *more = next <= w->tip.number || blocks == BATCH_BLOCKS || bytes >= BATCH_BYTES;
    return err;
}

/* One transaction.  *more: there is more to do. */
static enum vd_err
step(struct vd_index *index, bool *more)
{
    struct work w = {.index = index};
    uint64_t low = 0;
    bool wrote = false;
    *more = false;
    uv_mutex_lock(&index->writer);
    enum vd_err err = vd_store_err(mdb_txn_begin(index->store->env, NULL, MDB_RDONLY, &w.state));
    if (err == VD_OK) {
        err = begin_work(&w);
    }
    if (err == VD_OK) {
        err = follow(&w, more, &wrote, &low);
    }
    if (err == VD_OK) {
        err = vd_store_err(mdb_txn_commit(w.txn));
    } else {
        mdb_txn_abort(w.txn);
    }
    if (err == VD_OK && wrote) {
        atomic_store(&index->low, index->next_low);
        index->next_low = low;
    }
    mdb_txn_abort(w.state);
    uv_mutex_unlock(&index->writer);
    return err == VD_ERR_NOT_FOUND ? VD_OK : err; /* no block yet */
}

/* --- the thread --- */

/* Waits for work; after a failure tries again by itself.  False: the end. */
static bool
wait_for_work(struct vd_index *index, bool more, enum vd_err err)
{
    uv_mutex_lock(&index->mutex);
    index->last_error = err;
    index->busy = more && err == VD_OK;
    if (!index->busy) {
        uv_cond_broadcast(&index->idle);
    }
    while (!index->wanted && !index->stop && !index->busy) {
        if (err == VD_OK) {
            uv_cond_wait(&index->wake, &index->mutex);
        } else if (uv_cond_timedwait(&index->wake, &index->mutex, RETRY_NS) != 0) {
            break;
        }
    }
    index->wanted = false;
    index->busy = true;
    bool go = !index->stop;
    uv_mutex_unlock(&index->mutex);
    return go;
}

static void
run(void *arg)
{
    struct vd_index *index = arg;
    bool more = false;
    enum vd_err err = VD_OK;
    while (wait_for_work(index, more, err)) {
        err = step(index, &more);
    }
}

void
vd_index_wake(struct vd_index *index)
{
    if (!index || !index->has_thread) {
        return;
    }
    uv_mutex_lock(&index->mutex);
    index->wanted = true;
    uv_cond_signal(&index->wake);
    uv_mutex_unlock(&index->mutex);
}

enum vd_err
vd_index_settle(struct vd_index *index)
{
    if (!index || !index->has_thread) {
        return VD_OK;
    }
    vd_index_wake(index);
    uv_mutex_lock(&index->mutex);
    while (index->wanted || index->busy) {
        uv_cond_wait(&index->idle, &index->mutex);
    }
    enum vd_err err = index->last_error;
    uv_mutex_unlock(&index->mutex);
    return err;
}

enum vd_err
vd_index_error(struct vd_index *index)
{
    if (!index) {
        return VD_OK;
    }
    uv_mutex_lock(&index->mutex);
    enum vd_err err = index->last_error;
    uv_mutex_unlock(&index->mutex);
    return err;
}

uint64_t
vd_index_low(const struct vd_index *index)
{
    return index ? atomic_load(&index->low) : UINT64_MAX;
}

/* --- unwinding --- */

static enum vd_err
cut(struct work *w, uint64_t number)
{
    size_t bytes = 0;
    bool same = false;
    enum vd_err err = begin_work(w);
    if (err == VD_OK && !is_empty(w)) {
        err = is_of_chain(w, &same);
    }
    /* One that is ahead has blocks whose records are not here. */
    if (err == VD_OK && (!same || w->last > w->tip.number)) {
        err = wipe(w);
    }
    for (; err == VD_OK && !is_empty(w) && w->last > number; w->last--) {
        err = remove_block(w, &bytes, w->last);
    }
    return err == VD_OK ? write_range(w) : err;
}

void
vd_index_cut_begin(struct vd_index *index, MDB_txn *state, uint64_t number)
{
    if (!index) {
        return;
    }
    atomic_fetch_add(&index->cutting, 1);
    uv_mutex_lock(&index->writer);
    atomic_fetch_sub(&index->cutting, 1);
    struct work w = {.index = index, .state = state};
    if (cut(&w, number) == VD_OK) {
        (void)mdb_txn_commit(w.txn);
    } else {
        mdb_txn_abort(w.txn);
    }
}

void
vd_index_cut_end(struct vd_index *index)
{
    if (index) {
        uv_mutex_unlock(&index->writer);
        vd_index_wake(index);
    }
}

/* --- reading --- */

enum vd_err
vd_index_hash(struct vd_index *index, MDB_txn *txn, struct vd_hash *hash, uint64_t number)
{
    uint8_t key[8];
    vd_store_be64(key, number);
    MDB_val k = {.mv_size = sizeof key, .mv_data = key};
    MDB_val v;
    enum vd_err err = vd_store_err(mdb_get(txn, index->blocks, &k, &v));
    if (err == VD_OK && v.mv_size != sizeof hash->b) {
        return VD_ERR_CORRUPT;
    }
    if (err == VD_OK) {
        memcpy(hash->b, v.mv_data, sizeof hash->b);
    }
    return err;
}

enum vd_err
vd_index_begin(struct vd_index *index, MDB_txn **txn, MDB_cursor **entries, uint64_t *first,
               uint64_t *last, struct vd_hash *tip)
{
    if (!index) {
        return VD_ERR_NOT_FOUND;
    }
    enum vd_err err = vd_store_err(mdb_txn_begin(index->env, NULL, MDB_RDONLY, txn));
    if (err != VD_OK) {
        return err;
    }
    err = read_range(index, *txn, first, last, tip);
    if (err == VD_OK && *first > *last) {
        err = VD_ERR_NOT_FOUND;
    }
    if (err == VD_OK) {
        err = vd_store_err(mdb_cursor_open(*txn, index->entries, entries));
    }
    if (err != VD_OK) {
        mdb_txn_abort(*txn);
        *txn = NULL;
    }
    return err;
}

MDB_env *
vd_index_env(struct vd_index *index)
{
    return index->env;
}

enum vd_err
vd_index_count(struct vd_index *index, MDB_txn *txn, uint64_t *entries)
{
    MDB_stat stat = {0};
    enum vd_err err = vd_store_err(mdb_stat(txn, index->entries, &stat));
    *entries = stat.ms_entries;
    return err;
}

/* --- opening --- */

static void
remove_files(const char *folder)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    for (size_t i = 0; i < 2; i++) {
        char path[4096];
        if (snprintf(path, sizeof path, "%s/%s", folder, names[i]) < (int)sizeof path) {
            (void)unlink(path);
        }
    }
}

static enum vd_err
open_tables(struct vd_index *index, bool read_only)
{
    MDB_txn *txn = NULL;
    unsigned create = read_only ? 0 : MDB_CREATE;
    uint8_t bytes[8];
    MDB_val key = {.mv_size = 6, .mv_data = "schema"};
    MDB_val value = {.mv_size = sizeof bytes, .mv_data = bytes};
    int mdb = mdb_txn_begin(index->env, NULL, read_only ? MDB_RDONLY : 0, &txn);
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_dbi_open(txn, "entries", create, &index->entries);
    }
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_dbi_open(txn, "blocks", create, &index->blocks);
    }
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_dbi_open(txn, "meta", create, &index->meta);
    }
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_get(txn, index->meta, &key, &value);
    }
    if (mdb == MDB_NOTFOUND && !read_only) {
        vd_store_be64(bytes, INDEX_SCHEMA);
        value = (MDB_val){.mv_size = sizeof bytes, .mv_data = bytes};
        mdb = mdb_put(txn, index->meta, &key, &value, 0);
    }
    if (mdb == MDB_SUCCESS && (value.mv_size != 8 || vd_load_be64(value.mv_data) != INDEX_SCHEMA)) {
        mdb = MDB_INVALID;
    }
    if (mdb != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return vd_store_err(mdb);
    }
    return vd_store_err(mdb_txn_commit(txn));
}

/* The index need not outlive a crash of the machine, only stay whole: MDB_NOMETASYNC. */
static enum vd_err
open_environment(struct vd_index *index, const char *folder, bool read_only, uint64_t map_bytes)
{
    int mdb = mdb_env_create(&index->env);
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_env_set_mapsize(index->env, map_bytes ? map_bytes : INDEX_MAP);
    }
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_env_set_maxdbs(index->env, INDEX_DBS);
    }
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_env_set_maxreaders(index->env, INDEX_READERS);
    }
    if (mdb == MDB_SUCCESS) {
        unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (read_only ? MDB_RDONLY : MDB_NOMETASYNC);
        mdb = mdb_env_open(index->env, folder, flags, 0600);
    }
    int stale = 0;
    if (mdb == MDB_SUCCESS) {
        mdb = mdb_reader_check(index->env, &stale);
    }
    enum vd_err err = vd_store_err(mdb);
    if (err == VD_OK) {
        err = open_tables(index, read_only);
    }
    if (err != VD_OK && index->env) {
        mdb_env_close(index->env);
        index->env = NULL;
    }
    return err;
}

static enum vd_err
start(struct vd_index *index)
{
    if (uv_thread_create(&index->thread, run, index) != 0) {
        return VD_ERR_NO_MEMORY;
    }
    index->has_thread = true;
    vd_index_wake(index);
    return VD_OK;
}

static struct vd_index *
new_index(struct vd_store *store)
{
    struct vd_index *index = calloc(1, sizeof *index);
    if (!index) {
        return NULL;
    }
    index->store = store;
    bool ok = uv_mutex_init(&index->writer) == 0 && uv_mutex_init(&index->mutex) == 0 &&
              uv_cond_init(&index->wake) == 0 && uv_cond_init(&index->idle) == 0;
    if (!ok) {
        free(index);
        return NULL;
    }
    return index;
}

enum vd_err
vd_index_open(struct vd_index **out, struct vd_store *store, const struct vd_store_config *config)
{
    char folder[4096];
    int len = snprintf(folder, sizeof folder, "%s/index", config->folder);
    if (len < 0 || (size_t)len >= sizeof folder) {
        return VD_ERR_TOO_LARGE;
    }
    if (!config->read_only && mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return VD_ERR_IO;
    }
    struct vd_index *index = new_index(store);
    if (!index) {
        return VD_ERR_NO_MEMORY;
    }
    enum vd_err err = open_environment(index, folder, config->read_only, config->map_bytes);
    if (err != VD_OK && err != VD_ERR_NO_MEMORY && !config->read_only) {
        remove_files(folder);
        err = open_environment(index, folder, false, config->map_bytes);
    }
    if (err == VD_OK && !config->read_only) {
        err = start(index);
    }
    if (err != VD_OK) {
        vd_index_close(index);
        return config->read_only ? VD_OK : err;
    }
    *out = index;
    return VD_OK;
}

void
vd_index_close(struct vd_index *index)
{
    if (!index) {
        return;
    }
    if (index->has_thread) {
        uv_mutex_lock(&index->mutex);
        index->stop = true;
        uv_cond_signal(&index->wake);
        uv_mutex_unlock(&index->mutex);
        uv_thread_join(&index->thread);
    }
    if (index->env) {
        mdb_env_close(index->env);
    }
    uv_cond_destroy(&index->idle);
    uv_cond_destroy(&index->wake);
    uv_mutex_destroy(&index->mutex);
    uv_mutex_destroy(&index->writer);
    free(index);
}
