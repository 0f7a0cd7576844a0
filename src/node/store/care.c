/* Figures and copies. */
#include "viaduct/node/store/care.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index.h"

static void
add_table(struct vd_store_figures *out, const char *name, const MDB_stat *stat)
{
    VD_ASSERT(out->table_count < VD_STORE_MAX_TABLES);
    uint64_t pages = stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages;
    out->tables[out->table_count++] = (struct vd_store_table){
        .name = name, .rows = stat->ms_entries, .bytes = pages * stat->ms_psize};
}

static enum vd_err
read_tables(struct vd_store_figures *out, struct vd_snapshot *snapshot)
{
    struct vd_store *store = snapshot->store;
    for (int i = 0; i < DB_COUNT; i++) {
        MDB_stat stat;
        enum vd_err err = vd_store_err(mdb_stat(snapshot->txn, store->dbi[i], &stat));
        if (err != VD_OK) {
            return err;
        }
        add_table(out, vd_store_table_names[i], &stat);
    }
    return VD_OK;
}

static enum vd_err
read_index(struct vd_store_figures *out, struct vd_store *store)
{
    MDB_txn *txn = NULL;
    MDB_cursor *entries = NULL;
    MDB_stat stat;
    out->index_first = 1;
    out->index_last = 0;
    enum vd_err err =
        vd_index_begin(store->index, &txn, &entries, &out->index_first, &out->index_last, NULL);
    if (err != VD_OK) {
        return err == VD_ERR_NOT_FOUND ? VD_OK : err;
    }
    err = vd_store_err(mdb_stat(txn, mdb_cursor_dbi(entries), &stat));
    if (err == VD_OK) {
        add_table(out, "index", &stat);
    }
    mdb_cursor_close(entries);
    mdb_txn_abort(txn);
    return err;
}

static enum vd_err
read_number(uint64_t *out, struct vd_snapshot *snapshot, const char *key)
{
    struct vd_slice row;
    enum vd_err err =
        vd_store_get(snapshot->store, snapshot->txn, &row, DB_META, vd_text_slice(key));
    if (err == VD_OK && row.len != 8) {
        return VD_ERR_CORRUPT;
    }
    *out = err == VD_OK ? vd_load_be64(row.ptr) : 0;
    return err;
}

static enum vd_err
read_heads(struct vd_store_figures *out, struct vd_snapshot *snapshot)
{
    for (int i = 0; i < VD_HEADS; i++) {
        enum vd_err err = vd_snapshot_head(snapshot, (enum vd_head)i, &out->heads[i]);
        out->has_head[i] = err == VD_OK;
        if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
            return err;
        }
    }
    return VD_OK;
}

static uint64_t
file_bytes(MDB_env *env)
{
    mdb_filehandle_t fd;
    struct stat st;
    bool known = mdb_env_get_fd(env, &fd) == MDB_SUCCESS && fstat(fd, &st) == 0;
    return known ? (uint64_t)st.st_size : 0;
}

static enum vd_err
read_figures(struct vd_store_figures *out, struct vd_snapshot *snapshot)
{
    struct vd_store *store = snapshot->store;
    enum vd_err err = read_number(&out->schema, snapshot, VD_META_SCHEMA);
    if (err == VD_OK) {
        err = read_number(&out->chain_id, snapshot, VD_META_CHAIN);
    }
    if (err == VD_OK) {
        err = vd_snapshot_genesis(snapshot, &out->genesis);
    }
    if (err == VD_OK) {
        err = read_heads(out, snapshot);
    }
    if (err == VD_OK) {
        err = vd_snapshot_oldest(snapshot, &out->oldest_state);
    }
    if (err == VD_OK) {
        err = vd_store_read_pin(store, snapshot->txn, &out->pin);
    }
    if (err == VD_OK) {
        err = read_tables(out, snapshot);
    }
    return err == VD_OK ? read_index(out, store) : err;
}

enum vd_err
vd_store_figures(struct vd_store_figures *out, struct vd_store *store)
{
    struct vd_snapshot *snapshot = NULL;
    *out = (struct vd_store_figures){0};
    enum vd_err err = vd_snapshot_begin(&snapshot, store);
    if (err == VD_OK) {
        err = read_figures(out, snapshot);
    }
    vd_snapshot_end(snapshot);
    out->state_file_bytes = file_bytes(store->env);
    out->index_file_bytes = store->index ? file_bytes(vd_index_env(store->index)) : 0;
    return err;
}

/* --- copies --- */

static bool
path_of(char out[4096], const char *folder, const char *name)
{
    int len = snprintf(out, 4096, "%s/%s", folder, name);
    return len > 0 && len < 4096;
}

static bool
sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* Makes the folder, and in it a copy of the environment. */
static enum vd_err
copy_environment(MDB_env *env, char *why, size_t why_size, const char *folder)
{
    char file[4096];
    if (!path_of(file, folder, "data.mdb")) {
        snprintf(why, why_size, "the path %.200s is too long", folder);
        return VD_ERR_TOO_LARGE;
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        snprintf(why, why_size, "cannot make the folder %s: %s", folder, strerror(errno));
        return VD_ERR_IO;
    }
    if (access(file, F_OK) == 0) {
        snprintf(why, why_size, "there is a database in %s already; choose another folder", folder);
        return VD_ERR_EXISTS;
    }
    int mdb = mdb_env_copy2(env, folder, MDB_CP_COMPACT);
    if (mdb == MDB_SUCCESS && (!sync_path(file) || !sync_path(folder))) {
        mdb = errno;
    }
    if (mdb != MDB_SUCCESS) {
        (void)unlink(file);
        snprintf(why, why_size, "copying to %s failed: %s", file, mdb_strerror(mdb));
        return vd_store_err(mdb);
    }
    return VD_OK;
}

enum vd_err
vd_store_copy(struct vd_store *store, char *why, size_t why_size, const char *folder)
{
    char index[4096];
    char file[4096];
    if (!path_of(index, folder, "index") || !path_of(file, folder, "data.mdb")) {
        snprintf(why, why_size, "the path %.200s is too long", folder);
        return VD_ERR_TOO_LARGE;
    }
    enum vd_err err = copy_environment(store->env, why, why_size, folder);
    if (err != VD_OK || !store->index) {
        return err;
    }
    err = copy_environment(vd_index_env(store->index), why, why_size, index);
    if (err != VD_OK) {
        (void)unlink(file);
    }
    return err;
}
