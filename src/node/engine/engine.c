/* The engine's life: opening, closing, what it tells of itself, and the main function of the engine
   thread. */
#include "engine_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viaduct/node/platform/memory.h"

#define GENESIS_BYTES ((size_t)64 << 30)
#define WHY 256

const struct vd_mempool_limits VD_MEMPOOL_DEFAULT_LIMITS = {
    .per_account = 64,
    .total = 16384,
    .bytes = (size_t)64 << 20,
    .lifetime_ms = (uint64_t)3 * 3600 * 1000,
};

/* --- the engine thread --- */

void
vd_command_put(struct vd_command_queue *queue, struct vd_command *command)
{
    command->next = NULL;
    *queue->tail = command;
    queue->tail = &command->next;
}

static void
run_command(struct vd_engine *e, struct vd_command *c)
{
    switch (c->kind) {
    case VD_CMD_SUBMIT:
        vd_admit(e, c);
        if (++e->group_size >= VD_ENGINE_MAX_GROUP) {
            vd_group_flush(e, false);
        }
        return;
    case VD_CMD_OPEN:
        vd_do_open(e, c);
        return;
    case VD_CMD_DROP:
        vd_do_drop(e, c);
        return;
    case VD_CMD_FORGET:
        vd_engine_drop_open(e);
        vd_admit_forget(e);
        vd_group_answer(e, c);
        return;
    case VD_CMD_SEAL:
        vd_do_seal(e, c);
        return;
    case VD_CMD_DERIVE:
        vd_do_derive(e, c);
        return;
    case VD_CMD_SET_HEADS:
        vd_do_set_heads(e, c);
        return;
    case VD_CMD_DRAINED:
        vd_do_drained(e, c);
        return;
    case VD_CMD_THROTTLE:
        e->max_block_bytes = c->max_block_bytes;
        e->max_tx_bytes = c->max_tx_bytes;
        vd_group_answer(e, c);
        return;
    case VD_CMD_CLOSE:
        return;
    }
}

static struct vd_command *
take_commands(struct vd_engine *e)
{
    uv_mutex_lock(&e->mutex);
    while (!e->commands.head) {
        uv_cond_wait(&e->engine_wake, &e->mutex);
    }
    struct vd_command *list = e->commands.head;
    e->commands = (struct vd_command_queue){.tail = &e->commands.head};
    uv_mutex_unlock(&e->mutex);
    return list;
}

/* Nothing comes after CLOSE: the other two threads finish what they have. */
static void
stop_others(struct vd_engine *e)
{
    vd_group_flush(e, true);
    struct vd_store_job *stop = vd_store_job_new(VD_STORE_STOP);
    VD_ASSERT(stop != NULL);
    vd_store_give(e, stop);
    uv_thread_join(&e->journal_thread);
    uv_thread_join(&e->store_thread);
}

void
vd_engine_main(void *arg)
{
    struct vd_engine *e = arg;
    for (;;) {
        struct vd_command *list = take_commands(e);
        while (list) {
            struct vd_command *c = list;
            list = c->next;
            if (c->kind == VD_CMD_CLOSE) {
                stop_others(e);
                vd_engine_answer(e, c);
                return;
            }
            run_command(e, c);
        }
        vd_group_flush(e, false);
    }
}
/* --- closing --- */

static void
on_closed_handle(uv_handle_t *handle)
{
    struct vd_engine *e = handle->data;
    if (--e->handles > 0) {
        return;
    }
    void (*closed)(void *ctx) = e->closed;
    void *ctx = e->closed_ctx;
    uv_cond_destroy(&e->engine_wake);
    uv_cond_destroy(&e->journal_wake);
    uv_cond_destroy(&e->store_wake);
    uv_cond_destroy(&e->store_idle);
    uv_mutex_destroy(&e->mutex);
    uv_mutex_destroy(&e->pool_mutex);
    free(e->folder);
    free(e);
    if (closed) {
        closed(ctx);
    }
}

/* Everything but the handles. */
static void
free_inside(struct vd_engine *e)
{
    vd_pending_unref(e->pending ? &e->pending->view : NULL);
    vd_box_release(e->open);
    for (size_t i = 0; i < e->sealed_count; i++) {
        vd_box_release(e->sealed[i]);
    }
    for (size_t i = 0; i < e->recent_count; i++) {
        vd_box_release(e->recent[i]);
    }
    vd_engine_drop_tip_base(e);
    vd_group_discard(e);
    vd_mempool_clear(&e->pool);
    vd_journal_close(e->journal);
    vd_store_close(e->store);
}

static void
close_handles(struct vd_engine *e)
{
    e->handles = 2;
    uv_close((uv_handle_t *)&e->async, on_closed_handle);
    uv_close((uv_handle_t *)&e->timer, on_closed_handle);
}

void
vd_engine_finish_close(struct vd_engine *e)
{
    uv_thread_join(&e->engine_thread);
    vd_commands_end_syncs(e);
    free_inside(e);
    close_handles(e);
}

/* --- opening --- */

static void
init_limits(struct vd_engine *e)
{
    const struct vd_mempool_limits *want = &e->config.limits;
    const struct vd_mempool_limits *usual = &VD_MEMPOOL_DEFAULT_LIMITS;
    e->limits.per_account = want->per_account ? want->per_account : usual->per_account;
    e->limits.total = want->total ? want->total : usual->total;
    e->limits.bytes = want->bytes ? want->bytes : usual->bytes;
    e->limits.lifetime_ms = want->lifetime_ms ? want->lifetime_ms : usual->lifetime_ms;
}

static struct vd_engine *
new_engine(const struct vd_engine_config *config)
{
    struct vd_engine *e = calloc(1, sizeof *e);
    char *folder = strdup(config->folder);
    if (!e || !folder) {
        free(folder);
        free(e);
        return NULL;
    }
    e->config = *config;
    e->config.genesis = NULL;
    e->folder = folder;
    e->config.folder = folder;
    if (e->config.journal_rotate_bytes == 0) {
        e->config.journal_rotate_bytes = VD_JOURNAL_ROTATE_BYTES;
    }
    e->chain = *config->chain;
    if (config->rollup) {
        e->rollup = *config->rollup;
    }
    init_limits(e);
    e->commands.tail = &e->commands.head;
    e->answers.tail = &e->answers.head;
    e->inclusions_tail = &e->inclusions;
    e->groups_tail = &e->groups;
    e->jobs_tail = &e->jobs;
    e->heads_ancestor = UINT64_MAX;
    uv_mutex_init(&e->mutex);
    uv_mutex_init(&e->pool_mutex);
    uv_cond_init(&e->engine_wake);
    uv_cond_init(&e->journal_wake);
    uv_cond_init(&e->store_wake);
    uv_cond_init(&e->store_idle);
    uv_async_init(config->loop, &e->async, vd_commands_on_async);
    uv_timer_init(config->loop, &e->timer);
    e->async.data = e;
    e->timer.data = e;
    return e;
}

/* The genesis block: written into an empty database, compared with that of another. */
static enum vd_err
found(struct vd_engine *e, char why[WHY], const struct vd_genesis *genesis, bool is_empty,
      const struct vd_block_id *stored)
{
    struct vd_arena arena;
    struct vd_arena rows; /* the state rewinds its own */
    struct vd_diff_builder builder;
    struct vd_header header;
    struct vd_hash hash;
    struct vd_diff diff;
    uint8_t *memory = vd_reserve(2 * GENESIS_BYTES);
    if (!memory) {
        return VD_ERR_NO_MEMORY;
    }
    vd_arena_init(&arena, memory, GENESIS_BYTES);
    vd_arena_init(&rows, memory + GENESIS_BYTES, GENESIS_BYTES);
    vd_diff_begin(&builder, &rows);
    enum vd_err err = vd_genesis_build(&header, &hash, &arena, &e->chain, genesis, &builder.visitor,
                                       &builder.sink);
    if (err == VD_OK && is_empty && e->config.rollup &&
        !vd_hash_eq(&hash, &e->rollup.genesis_l2.hash)) {
        snprintf(why, WHY,
                 "the genesis given has another block hash than the one that the rollup's "
                 "configuration names; nothing was written to %s",
                 e->config.folder);
        err = VD_ERR_MISMATCH;
    }
    if (err == VD_OK && is_empty) {
        err = vd_diff_finish(&builder, &diff);
    }
    if (err == VD_OK && is_empty) {
        struct vd_block_id id = {.hash = hash, .number = header.number};
        struct vd_store_block block = {.header = &header, .hash = hash, .diff = &diff};
        struct vd_store_commit commit = {
            .blocks = &block, .block_count = 1, .heads = {NULL, &id, &id}};
        err = vd_store_commit(e->store, &commit);
    } else if (err == VD_OK && !vd_hash_eq(&hash, &stored->hash)) {
        snprintf(why, WHY, "the folder %s holds a chain with another genesis block; choose another",
                 e->config.folder);
        err = VD_ERR_MISMATCH;
    }
    vd_release(memory, 2 * GENESIS_BYTES);
    return err;
}

static enum vd_err
open_genesis(struct vd_engine *e, char why[WHY], const struct vd_genesis *genesis)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_block_id id = {0};
    enum vd_err err = vd_snapshot_begin(&snapshot, e->store);
    if (err == VD_OK) {
        err = vd_snapshot_genesis(snapshot, &id);
    }
    vd_snapshot_end(snapshot);
    bool is_empty = err == VD_ERR_NOT_FOUND;
    if (is_empty && !genesis) {
        snprintf(why, WHY, "the folder %s is empty and no genesis is given", e->config.folder);
        return VD_ERR_NOT_FOUND;
    }
    if (err == VD_OK || is_empty) {
        err = genesis ? found(e, why, genesis, is_empty, &id) : VD_OK;
    }
    return err;
}

static enum vd_err
read_genesis_ref(struct vd_engine *e)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_block_id id;
    struct vd_header header;
    enum vd_err err = vd_snapshot_begin(&snapshot, e->store);
    if (err == VD_OK) {
        err = vd_snapshot_genesis(snapshot, &id);
    }
    if (err == VD_OK) {
        err = vd_snapshot_header(snapshot, &header, NULL, id.number);
    }
    if (err == VD_OK) {
        e->genesis = (struct vd_block_ref){.hash = id.hash,
                                           .number = id.number,
                                           .parent_hash = header.parent_hash,
                                           .timestamp = header.timestamp};
    }
    vd_snapshot_end(snapshot);
    return err;
}

static enum vd_err
open_files(struct vd_engine *e, char why[WHY], const struct vd_engine_config *config)
{
    struct vd_store_config store = {.folder = config->folder,
                                    .chain_id = config->chain->chain_id,
                                    .map_bytes = config->map_bytes,
                                    .retention_blocks =
                                        config->retention_blocks ? config->retention_blocks : 4096};
    enum vd_err err = vd_store_open(&e->store, why, WHY, &store);
    if (err == VD_OK) {
        err = open_genesis(e, why, config->genesis);
    }
    if (err == VD_OK) {
        err = read_genesis_ref(e);
    }
    if (err == VD_OK && config->journal) {
        err = vd_journal_open(&e->journal, config->folder);
    }
    if (err == VD_OK) {
        err = vd_engine_load_tip(e);
    }
    return err;
}

/* The store thread runs while the journal is read: blocks that it rebuilds are written. */
static enum vd_err
start_threads(struct vd_engine *e)
{
    atomic_store(&e->giving_up, true);
    if (uv_thread_create(&e->store_thread, vd_store_main, e) != 0) {
        return VD_ERR_NO_MEMORY;
    }
    enum vd_err err = vd_engine_restore(e);
    if (err == VD_OK) {
        err = vd_store_heads(&e->heads, e->store);
    }
    atomic_store(&e->giving_up, false);
    bool journal = err == VD_OK && uv_thread_create(&e->journal_thread, vd_journal_main, e) == 0;
    bool engine = journal && uv_thread_create(&e->engine_thread, vd_engine_main, e) == 0;
    if (engine) {
        return VD_OK;
    }
    if (journal) {
        vd_group_flush(e, true);
        uv_thread_join(&e->journal_thread);
    }
    struct vd_store_job *stop = vd_store_job_new(VD_STORE_STOP);
    VD_ASSERT(stop != NULL);
    vd_store_give(e, stop);
    uv_thread_join(&e->store_thread);
    return err != VD_OK ? err : VD_ERR_NO_MEMORY;
}

enum vd_err
vd_engine_open(struct vd_engine **out, char why[WHY], const struct vd_engine_config *config)
{
    why[0] = '\0';
    struct vd_engine *e = new_engine(config);
    if (!e) {
        snprintf(why, WHY, "out of memory");
        return VD_ERR_NO_MEMORY;
    }
    enum vd_err err = open_files(e, why, config);
    if (err == VD_OK) {
        err = start_threads(e);
    }
    if (err != VD_OK) {
        if (why[0] == '\0') {
            snprintf(why, WHY, "cannot open the chain in %s: %s", config->folder, vd_err_text(err));
        }
        free_inside(e);
        close_handles(e);
        return err;
    }
    *out = e;
    return VD_OK;
}

void
vd_engine_close(struct vd_engine *e, void (*closed)(void *ctx), void *ctx)
{
    e->closing = true;
    e->closed = closed;
    e->closed_ctx = ctx;
    vd_commands_check_closing(e);
}

/* --- plain answers --- */

struct vd_store *
vd_engine_store(const struct vd_engine *e)
{
    return e->store;
}

const struct vd_chain_config *
vd_engine_chain(const struct vd_engine *e)
{
    return &e->chain;
}

const struct vd_rollup_config *
vd_engine_rollup(const struct vd_engine *e)
{
    return e->config.rollup ? &e->rollup : NULL;
}

const struct vd_curves *
vd_engine_curves(const struct vd_engine *e)
{
    return e->config.curves;
}

const struct vd_block_ref *
vd_engine_genesis(const struct vd_engine *e)
{
    return &e->genesis;
}

const struct vd_heads *
vd_engine_heads(const struct vd_engine *e)
{
    return &e->heads;
}

void
vd_engine_stats(struct vd_engine *e, struct vd_engine_stats *stats)
{
    *stats = (struct vd_engine_stats){.submitted = atomic_load(&e->submitted),
                                      .accepted = atomic_load(&e->accepted),
                                      .blocks = atomic_load(&e->blocks),
                                      .waiting = atomic_load(&e->waiting),
                                      .waiting_bytes = atomic_load(&e->waiting_bytes),
                                      .journal_syncs = atomic_load(&e->syncs_done),
                                      .journal_bytes = atomic_load(&e->journal_size),
                                      .commits = atomic_load(&e->commits)};
}
