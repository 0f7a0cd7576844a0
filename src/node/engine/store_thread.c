/* The store thread: takes jobs in order and writes the database, several blocks in one
   transaction. */
#include "engine_internal.h"

#include <stdlib.h>

#define RETRY_MS 1000u

struct vd_store_job *
vd_store_job_new(enum vd_job_kind kind)
{
    struct vd_store_job *job = calloc(1, sizeof *job);
    if (job) {
        job->kind = kind;
    }
    return job;
}

void
vd_store_give(struct vd_engine *e, struct vd_store_job *job)
{
    uv_mutex_lock(&e->mutex);
    job->next = NULL;
    *e->jobs_tail = job;
    e->jobs_tail = &job->next;
    e->jobs_open++;
    uv_cond_signal(&e->store_wake);
    uv_mutex_unlock(&e->mutex);
}

void
vd_store_wait(struct vd_engine *e)
{
    uv_mutex_lock(&e->mutex);
    while (e->jobs_open > 0) {
        uv_cond_wait(&e->store_idle, &e->mutex);
    }
    uv_mutex_unlock(&e->mutex);
}

/* --- heads --- */

static enum vd_err
read_ref(struct vd_block_ref *ref, struct vd_snapshot *snapshot, enum vd_head which)
{
    struct vd_block_id id;
    struct vd_header header;
    enum vd_err err = vd_snapshot_head(snapshot, which, &id);
    if (err == VD_ERR_NOT_FOUND) {
        err = vd_snapshot_genesis(snapshot, &id);
    }
    if (err == VD_OK) {
        err = vd_snapshot_header(snapshot, &header, NULL, id.number);
    }
    if (err == VD_OK) {
        *ref = (struct vd_block_ref){.hash = id.hash,
                                     .number = id.number,
                                     .parent_hash = header.parent_hash,
                                     .timestamp = header.timestamp};
    }
    return err;
}

enum vd_err
vd_store_heads(struct vd_heads *heads, struct vd_store *store)
{
    struct vd_snapshot *snapshot = NULL;
    enum vd_err err = vd_snapshot_begin(&snapshot, store);
    if (err == VD_OK) {
        err = read_ref(&heads->unsafe, snapshot, VD_HEAD_UNSAFE);
    }
    if (err == VD_OK) {
        err = read_ref(&heads->safe, snapshot, VD_HEAD_SAFE);
    }
    if (err == VD_OK) {
        err = read_ref(&heads->finalized, snapshot, VD_HEAD_FINALIZED);
    }
    vd_snapshot_end(snapshot);
    return err;
}

static void
tell_heads(struct vd_engine *e, bool reorg, uint64_t ancestor)
{
    struct vd_heads heads;
    enum vd_err err = vd_store_heads(&heads, e->store);
    if (err != VD_OK) {
        vd_log(e->config.logger, VD_LOG_ERROR, "store", "cannot read the heads: %s",
               vd_err_text(err));
        return;
    }
    uv_mutex_lock(&e->mutex);
    e->heads_next = heads;
    e->heads_ancestor =
        e->heads_reorg && e->heads_ancestor < ancestor ? e->heads_ancestor : ancestor;
    e->heads_reorg |= reorg;
    e->heads_moved = true;
    uv_async_send(&e->async);
    uv_mutex_unlock(&e->mutex);
}

/* --- writing --- */

/* Waits a second, or less when the engine stops. */
static void
pause_store(struct vd_engine *e)
{
    uv_mutex_lock(&e->mutex);
    (void)uv_cond_timedwait(&e->store_wake, &e->mutex, (uint64_t)RETRY_MS * 1000000u);
    uv_mutex_unlock(&e->mutex);
}

/* A full disk is waited for; anything else ends writing for good. */
static enum vd_err
insist(struct vd_engine *e, enum vd_err (*write)(struct vd_engine *e, const void *what),
       const void *what)
{
    for (;;) {
        enum vd_err err = atomic_load(&e->broken) ? VD_ERR_IO : write(e, what);
        if (err == VD_ERR_FULL && !atomic_load(&e->giving_up)) {
            vd_engine_set_full(e, VD_FULL_DATABASE, true);
            pause_store(e);
            continue;
        }
        vd_engine_set_full(e, VD_FULL_DATABASE, false);
        if (err != VD_OK && !atomic_exchange(&e->broken, true)) {
            vd_log(e->config.logger, VD_LOG_ERROR, "store",
                   "writing the database failed (%s): nothing more is written until a restart",
                   vd_err_text(err));
            uv_async_send(&e->async);
        }
        return err;
    }
}

static enum vd_err
write_commit(struct vd_engine *e, const void *what)
{
    return vd_store_commit(e->store, what);
}

static enum vd_err
write_unwind(struct vd_engine *e, const void *what)
{
    return vd_store_unwind(e->store, *(const uint64_t *)what);
}

static enum vd_err
write_drop(struct vd_engine *e, const void *what)
{
    return vd_store_drop_safe_entries(e->store, *(const uint64_t *)what);
}

static enum vd_err
write_pin(struct vd_engine *e, const void *what)
{
    return vd_store_set_pin(e->store, *(const uint64_t *)what);
}

static struct vd_store_block
block_row(const struct vd_block_box *box)
{
    return (struct vd_store_block){.header = &box->result.header,
                                   .hash = box->result.hash,
                                   .transactions = box->raws,
                                   .transaction_hashes = box->hashes,
                                   .senders = box->result.senders,
                                   .receipts = box->result.receipts,
                                   .transaction_count = box->tx_count,
                                   .diff = &box->diff};
}

/* Blocks go on without the index of past states, but somebody has to know. */
static void
watch_index(struct vd_engine *e)
{
    enum vd_err err = vd_store_index_error(e->store);
    if (err == e->index_err) {
        return;
    }
    e->index_err = err;
    if (err == VD_OK) {
        vd_log(e->config.logger, VD_LOG_INFO, "store", "the index of past states goes on");
    } else {
        vd_log(e->config.logger, VD_LOG_WARN, "store",
               "the index of past states stands still (%s): old states cannot be read",
               vd_err_text(err));
    }
}

/* Several commits at once: later heads win, blocks and entries keep their order. */
static enum vd_err
commit_jobs(struct vd_engine *e, struct vd_store_job *const *jobs, size_t count)
{
    struct vd_store_block blocks[VD_ENGINE_MAX_COMMIT];
    struct vd_safe_entry entries[VD_ENGINE_MAX_COMMIT];
    struct vd_store_commit commit = {.blocks = blocks, .safe_entries = entries};
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->box) {
            blocks[commit.block_count++] = block_row(jobs[i]->box);
        }
        if (jobs[i]->has_entry) {
            entries[commit.safe_entry_count++] = jobs[i]->entry;
        }
        for (int h = 0; h < VD_HEADS; h++) {
            commit.heads[h] = jobs[i]->has_head[h] ? &jobs[i]->heads[h] : commit.heads[h];
        }
        commit.clear_returned |= jobs[i]->clear_returned;
    }
    enum vd_err err = insist(e, write_commit, &commit);
    if (err == VD_OK) {
        atomic_fetch_add(&e->commits, 1);
        watch_index(e);
        tell_heads(e, false, UINT64_MAX);
    }
    return err;
}

/* --- the thread --- */

/* Commits that stand together at the front of the queue, or one job of another kind. */
static size_t
take_jobs(struct vd_engine *e, struct vd_store_job **jobs)
{
    size_t count = 0;
    uv_mutex_lock(&e->mutex);
    while (!e->jobs) {
        uv_cond_wait(&e->store_wake, &e->mutex);
    }
    while (e->jobs && count < VD_ENGINE_MAX_COMMIT) {
        if (count > 0 && e->jobs->kind != VD_STORE_COMMIT) {
            break;
        }
        jobs[count++] = e->jobs;
        e->jobs = e->jobs->next;
        if (jobs[0]->kind != VD_STORE_COMMIT) {
            break;
        }
    }
    if (!e->jobs) {
        e->jobs_tail = &e->jobs;
    }
    uv_mutex_unlock(&e->mutex);
    return count;
}

static enum vd_err
run_jobs(struct vd_engine *e, struct vd_store_job **jobs, size_t count)
{
    enum vd_err err = VD_OK;
    switch (jobs[0]->kind) {
    case VD_STORE_COMMIT:
        return commit_jobs(e, jobs, count);
    case VD_STORE_UNWIND:
        err = insist(e, write_unwind, &jobs[0]->number);
        if (err == VD_OK) {
            tell_heads(e, true, jobs[0]->number);
        }
        return err;
    case VD_STORE_DROP_ENTRIES:
        return insist(e, write_drop, &jobs[0]->number);
    case VD_STORE_PIN:
        return insist(e, write_pin, &jobs[0]->number);
    case VD_STORE_STOP:
        return VD_OK;
    }
    return err;
}

void
vd_store_main(void *arg)
{
    struct vd_engine *e = arg;
    struct vd_store_job *jobs[VD_ENGINE_MAX_COMMIT];
    bool stop = false;
    while (!stop) {
        size_t count = take_jobs(e, jobs);
        enum vd_err err = run_jobs(e, jobs, count);
        stop = jobs[0]->kind == VD_STORE_STOP;
        for (size_t i = 0; i < count; i++) {
            if (jobs[i]->box) {
                atomic_store(&jobs[i]->box->committed, err == VD_OK);
                vd_box_release(jobs[i]->box);
            }
            if (jobs[i]->result) {
                *jobs[i]->result = err;
            }
            if (jobs[i]->answer) {
                jobs[i]->answer->err = err;
                vd_engine_answer(e, jobs[i]->answer);
            }
            free(jobs[i]);
        }
        uv_mutex_lock(&e->mutex);
        e->jobs_open -= (unsigned)count;
        uv_cond_broadcast(&e->store_idle);
        uv_mutex_unlock(&e->mutex);
    }
}
