/* The engine's outside: opening and closing, the loop's side of every call, and the main function
   of the engine thread. */
#include "engine_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "viaduct/node/platform/memory.h"

#define PLAN_BYTES ((size_t)4 << 30) /* address space for copied attributes */
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

/* --- commands --- */

static void
free_command(struct vd_command *c)
{
    vd_pending_unref(c->pending ? &c->pending->view : NULL);
    if (c->reserved) {
        vd_release(c->arena.base, c->arena.size);
    }
    free(c);
}

/* Room behind the command holds what it carries. */
static struct vd_command *
new_command(struct vd_engine *e, enum vd_command_kind kind, size_t room, void *ctx)
{
    struct vd_command *c = calloc(1, sizeof *c + room);
    VD_ASSERT(c != NULL);
    c->engine = e;
    c->kind = kind;
    c->ctx = ctx;
    c->holders = 1;
    vd_arena_init(&c->arena, c + 1, room);
    return c;
}

static void
give_command(struct vd_engine *e, struct vd_command *c)
{
    uv_mutex_lock(&e->mutex);
    vd_command_put(&e->commands, c);
    uv_cond_signal(&e->engine_wake);
    uv_mutex_unlock(&e->mutex);
}

void
vd_engine_answer(struct vd_engine *e, struct vd_command *command)
{
    uv_mutex_lock(&e->mutex);
    vd_command_put(&e->answers, command);
    uv_async_send(&e->async);
    uv_mutex_unlock(&e->mutex);
}

void
vd_engine_set_full(struct vd_engine *e, unsigned bit, bool full)
{
    unsigned old =
        full ? atomic_fetch_or(&e->out_of_space, bit) : atomic_fetch_and(&e->out_of_space, ~bit);
    if (((old & bit) != 0) == full) {
        return;
    }
    vd_log(e->config.logger, full ? VD_LOG_ERROR : VD_LOG_INFO, "engine",
           full ? "no space left for the %s in %s: nothing is acknowledged nor sealed until there "
                  "is some"
                : "there is space again for the %s in %s",
           bit == VD_FULL_DATABASE ? "database" : "journal", e->config.folder);
    uv_mutex_lock(&e->mutex);
    uv_async_send(&e->async);
    uv_mutex_unlock(&e->mutex);
}

/* A command that cannot be carried out is answered all the same, later. */
static void
give_or_refuse(struct vd_engine *e, struct vd_command *c)
{
    if (e->closing && c->err == VD_OK) {
        c->err = VD_ERR_CLOSED;
        vd_engine_say(c, "the node is shutting down");
    }
    if (c->err != VD_OK) {
        vd_engine_answer(e, c);
    } else {
        give_command(e, c);
    }
}

/* --- submissions: loop, worker, loop --- */

static void
prepare_run(struct vd_job *job)
{
    struct vd_command *c = (struct vd_command *)(void *)job;
    vd_admit_prepare(c);
    give_command(c->engine, c);
}

static void
let_go(struct vd_command *c)
{
    if (--c->holders == 0) {
        free_command(c);
    }
}

static void check_closing(struct vd_engine *e);

static void
prepare_done(struct vd_job *job)
{
    struct vd_command *c = (struct vd_command *)(void *)job;
    struct vd_engine *e = c->engine;
    e->submitting--;
    let_go(c);
    check_closing(e);
}

static const char *
refusal(const struct vd_engine *e, struct vd_slice raw)
{
    if (e->closing) {
        return "the node is shutting down";
    }
    if (!e->config.accept_transactions) {
        return e->config.journal ? "this sequencer takes no transactions, its operator refuses "
                                   "them; L1's portal takes deposits"
                                 : "this node takes no transactions: it is no sequencer";
    }
    if (atomic_load(&e->broken)) {
        return "the node cannot write to its folder any more";
    }
    if (atomic_load(&e->out_of_space)) {
        return "the node's disk is full";
    }
    if (e->submitting >= VD_ENGINE_MAX_COMMANDS) {
        return "the node is busy";
    }
    return raw.len > VD_MAX_TX_BYTES ? "oversized data" : NULL;
}

static void
submit(struct vd_engine *e, struct vd_slice raw, bool sync, uint64_t timeout_ms,
       vd_submit_cb callback, void *ctx)
{
    const struct vd_clock *clock = e->config.clock;
    const char *no = refusal(e, raw);
    /* Decoding takes a few structures for each list entry, signing hashes the bytes once more. */
    struct vd_command *c = new_command(e, VD_CMD_SUBMIT, no ? 0 : 2048 + raw.len * 16, ctx);
    c->fn.submit = callback;
    c->sync = sync;
    c->index = SIZE_MAX;
    c->deadline_ms = clock->monotonic_ms(clock->ctx) + timeout_ms;
    if (sync) {
        atomic_fetch_add(&e->sync_waiters, 1);
    }
    if (!no) {
        uint8_t *copy = vd_arena_copy(&c->arena, raw);
        VD_ASSERT(copy != NULL);
        c->raw = vd_slice(copy, raw.len);
        c->job = (struct vd_job){.run = prepare_run, .done = prepare_done};
        c->holders = 2;
        e->submitting++;
        if (vd_pool_submit(e->config.pool, &c->job) == VD_OK) {
            return;
        }
        e->submitting--;
        c->holders = 1;
        no = "the node is busy";
    }
    c->status = raw.len > VD_MAX_TX_BYTES ? VD_SUBMIT_INVALID : VD_SUBMIT_UNAVAILABLE;
    if (raw.len > VD_MAX_TX_BYTES) {
        vd_engine_say(c, "oversized data: transaction size %zu, limit %u", raw.len,
                      VD_MAX_TX_BYTES);
    } else {
        vd_engine_say(c, "%s", no);
    }
    vd_engine_answer(e, c);
}

void
vd_engine_submit(struct vd_engine *e, struct vd_slice raw, vd_submit_cb callback, void *ctx)
{
    submit(e, raw, false, 0, callback, ctx);
}

void
vd_engine_submit_sync(struct vd_engine *e, struct vd_slice raw, uint64_t timeout_ms,
                      vd_submit_cb callback, void *ctx)
{
    submit(e, raw, true, timeout_ms, callback, ctx);
}

/* --- the other calls --- */

static struct vd_command *
plan_command(struct vd_engine *e, enum vd_command_kind kind, const struct vd_attributes *attributes,
             void *ctx)
{
    struct vd_command *c = new_command(e, kind, 0, ctx);
    void *memory = vd_reserve(PLAN_BYTES);
    if (memory) {
        vd_arena_init(&c->arena, memory, PLAN_BYTES);
        c->reserved = true;
    }
    c->err = memory ? vd_plan_copy(&c->plan, &c->arena, attributes) : VD_ERR_NO_MEMORY;
    return c;
}

void
vd_engine_open_block(struct vd_engine *e, const struct vd_attributes *attributes,
                     vd_block_cb callback, void *ctx)
{
    struct vd_command *c = plan_command(e, VD_CMD_OPEN, attributes, ctx);
    c->fn.block = callback;
    give_or_refuse(e, c);
}

void
vd_engine_seal(struct vd_engine *e, vd_block_cb callback, void *ctx)
{
    struct vd_command *c = new_command(e, VD_CMD_SEAL, 0, ctx);
    c->fn.block = callback;
    give_or_refuse(e, c);
}

void
vd_engine_forget(struct vd_engine *e, vd_done_cb callback, void *ctx)
{
    struct vd_command *c = new_command(e, VD_CMD_FORGET, 0, ctx);
    c->fn.done = callback;
    give_or_refuse(e, c);
}

void
vd_engine_drop_block(struct vd_engine *e, vd_block_cb callback, void *ctx)
{
    struct vd_command *c = new_command(e, VD_CMD_DROP, 0, ctx);
    c->fn.block = callback;
    give_or_refuse(e, c);
}

void
vd_engine_set_throttle(struct vd_engine *e, uint64_t max_block_bytes, uint64_t max_tx_bytes)
{
    struct vd_command *c = new_command(e, VD_CMD_THROTTLE, 0, NULL);
    c->max_block_bytes = max_block_bytes;
    c->max_tx_bytes = max_tx_bytes;
    give_or_refuse(e, c);
}

void
vd_engine_derive(struct vd_engine *e, const struct vd_attributes *attributes, vd_build_cb callback,
                 void *ctx)
{
    struct vd_command *c = plan_command(e, VD_CMD_DERIVE, attributes, ctx);
    c->fn.build = callback;
    give_or_refuse(e, c);
}

void
vd_engine_set_heads(struct vd_engine *e, const struct vd_block_id *unsafe,
                    const struct vd_block_id *safe, const struct vd_block_id *finalized,
                    uint64_t l1_from, vd_done_cb callback, void *ctx)
{
    struct vd_command *c = new_command(e, VD_CMD_SET_HEADS, 0, ctx);
    c->fn.done = callback;
    const struct vd_block_id *const heads[VD_HEADS] = {
        [VD_HEAD_UNSAFE] = unsafe, [VD_HEAD_SAFE] = safe, [VD_HEAD_FINALIZED] = finalized};
    for (int i = 0; i < VD_HEADS; i++) {
        c->moves[i] = heads[i] != NULL;
        c->heads[i] = heads[i] ? *heads[i] : (struct vd_block_id){0};
    }
    c->l1_from = l1_from;
    give_or_refuse(e, c);
}

void
vd_engine_drained(struct vd_engine *e, const struct vd_l1_ref *l1, const struct vd_block_id *safe)
{
    struct vd_command *c = new_command(e, VD_CMD_DRAINED, 0, NULL);
    c->entry.l1 = (struct vd_block_id){.hash = l1->hash, .number = l1->number};
    c->entry.l2 = *safe;
    give_or_refuse(e, c);
}

enum vd_err
vd_engine_set_pin(struct vd_engine *e, uint64_t number)
{
    struct vd_store_job *job = vd_store_job_new(VD_STORE_PIN);
    if (!job) {
        return VD_ERR_NO_MEMORY;
    }
    job->number = number;
    vd_store_give(e, job);
    return VD_OK;
}

struct vd_store *
vd_engine_store(const struct vd_engine *e)
{
    return e->store;
}

/* --- answers on the loop --- */

static void
call_submit(struct vd_command *c)
{
    struct vd_submit_result result = {
        .status = c->status,
        .hash = c->tx.hash,
        .text = c->status == VD_SUBMIT_ACCEPTED ? NULL : c->text,
        .pending = c->pending && c->index != SIZE_MAX ? &c->pending->view : NULL,
        .index = c->index};
    if (c->sync) {
        atomic_fetch_sub(&c->engine->sync_waiters, 1);
    }
    if (c->fn.submit) {
        c->fn.submit(c->ctx, &result);
    }
}

static void
call_block(struct vd_command *c)
{
    if (c->fn.block) {
        bool ok = c->err == VD_OK && c->has_block;
        c->fn.block(c->ctx, c->err, c->text[0] ? c->text : vd_err_text(c->err),
                    ok ? &c->info : NULL);
    }
}

static void
call_build(struct vd_command *c)
{
    struct vd_build_result result = {.err = c->err,
                                     .verdict = c->verdict,
                                     .why = c->text,
                                     .was_there = c->was_there,
                                     .block = c->info};
    if (c->fn.build) {
        c->fn.build(c->ctx, &result);
    }
}

static void on_timer(uv_timer_t *timer);

static void
arm_timer(struct vd_engine *e)
{
    const struct vd_clock *clock = e->config.clock;
    uint64_t now = clock->monotonic_ms(clock->ctx);
    uint64_t soonest = UINT64_MAX;
    for (struct vd_command *c = e->syncs; c; c = c->next) {
        soonest = c->deadline_ms < soonest ? c->deadline_ms : soonest;
    }
    if (soonest != UINT64_MAX && !e->stopping) {
        uv_timer_start(&e->timer, on_timer, soonest > now ? soonest - now : 0, 0);
    }
}

/* Accepted, and still waiting for a block. */
static void
wait_for_block(struct vd_engine *e, struct vd_command *c)
{
    c->next = e->syncs;
    e->syncs = c;
    arm_timer(e);
}

static void
end_sync(struct vd_command *c, enum vd_submit_status status, const char *text)
{
    c->status = status;
    vd_engine_say(c, "%s", text);
    call_submit(c);
    let_go(c);
}

static void
on_timer(uv_timer_t *timer)
{
    struct vd_engine *e = timer->data;
    const struct vd_clock *clock = e->config.clock;
    uint64_t now = clock->monotonic_ms(clock->ctx);
    struct vd_command **link = &e->syncs;
    while (*link) {
        struct vd_command *c = *link;
        if (c->deadline_ms <= now) {
            *link = c->next;
            end_sync(c, VD_SUBMIT_TIMEOUT,
                     "the transaction was accepted but is not in a block yet");
        } else {
            link = &c->next;
        }
    }
    arm_timer(e);
}

static void
on_inclusion(struct vd_engine *e, struct vd_inclusion *i)
{
    struct vd_command **link = &e->syncs;
    while (*link) {
        struct vd_command *c = *link;
        if (vd_hash_eq(&c->tx.hash, &i->hash) && i->pending) {
            *link = c->next;
            c->pending = i->pending;
            c->index = i->index;
            (void)vd_pending_ref(&i->pending->view);
            end_sync(c, VD_SUBMIT_ACCEPTED, "");
        } else {
            link = &c->next;
        }
    }
    vd_pending_unref(i->pending ? &i->pending->view : NULL);
    free(i);
}

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

static void
finish_close(struct vd_engine *e)
{
    uv_thread_join(&e->engine_thread);
    while (e->syncs) {
        struct vd_command *c = e->syncs;
        e->syncs = c->next;
        end_sync(c, VD_SUBMIT_TIMEOUT, "the node is shutting down");
    }
    free_inside(e);
    close_handles(e);
}

static void
check_closing(struct vd_engine *e)
{
    if (e->closing && !e->stopping && e->submitting == 0) {
        e->stopping = true;
        /* The engine thread may be waiting for a store thread that waits for space. */
        atomic_store(&e->giving_up, true);
        uv_timer_stop(&e->timer);
        give_command(e, new_command(e, VD_CMD_CLOSE, 0, NULL));
    }
}

/* True: that was the engine's end. */
static bool
on_answer(struct vd_engine *e, struct vd_command *c)
{
    switch (c->kind) {
    case VD_CMD_SUBMIT:
        if (c->sync && c->status == VD_SUBMIT_ACCEPTED && c->index == SIZE_MAX && !e->stopping) {
            wait_for_block(e, c);
            return false;
        }
        call_submit(c);
        break;
    case VD_CMD_OPEN:
    case VD_CMD_DROP:
    case VD_CMD_SEAL:
        call_block(c);
        break;
    case VD_CMD_DERIVE:
        call_build(c);
        break;
    case VD_CMD_FORGET:
    case VD_CMD_SET_HEADS:
        if (c->fn.done) {
            c->fn.done(c->ctx, c->err);
        }
        break;
    case VD_CMD_DRAINED:
    case VD_CMD_THROTTLE:
        break;
    case VD_CMD_CLOSE:
        let_go(c);
        finish_close(e);
        return true;
    }
    let_go(c);
    return false;
}

static void
tell_pending(struct vd_engine *e, struct vd_command *list)
{
    struct vd_hash hashes[64];
    size_t count = 0;
    if (!e->config.events.pending) {
        return;
    }
    for (struct vd_command *c = list; c; c = c->next) {
        if (c->kind == VD_CMD_SUBMIT && c->status == VD_SUBMIT_ACCEPTED) {
            hashes[count++] = c->tx.hash;
        }
        if (count == 64 || (!c->next && count > 0)) {
            e->config.events.pending(e->config.events.ctx, hashes, count);
            count = 0;
        }
    }
}

static void
tell_health(struct vd_engine *e)
{
    static const char *const texts[] = {NULL, "no space left in the node's folder",
                                        "writing to the node's folder failed; restart the node"};
    int now = atomic_load(&e->broken) ? 2 : atomic_load(&e->out_of_space) ? 1 : 0;
    if (now != e->health) {
        e->health = now;
        if (e->config.events.health) {
            e->config.events.health(e->config.events.ctx, texts[now]);
        }
    }
}

static void
on_async(uv_async_t *async)
{
    struct vd_engine *e = async->data;
    uv_mutex_lock(&e->mutex);
    struct vd_command *answers = e->answers.head;
    struct vd_inclusion *inclusions = e->inclusions;
    struct vd_heads heads = e->heads_next;
    bool moved = e->heads_moved;
    bool reorg = e->heads_reorg;
    uint64_t ancestor = reorg ? e->heads_ancestor : e->heads_next.unsafe.number;
    e->answers = (struct vd_command_queue){.tail = &e->answers.head};
    e->inclusions = NULL;
    e->inclusions_tail = &e->inclusions;
    e->heads_moved = false;
    e->heads_reorg = false;
    e->heads_ancestor = UINT64_MAX;
    uv_mutex_unlock(&e->mutex);
    if (moved) {
        e->heads = heads;
        if (e->config.events.heads) {
            e->config.events.heads(e->config.events.ctx, &e->heads, reorg, ancestor);
        }
    }
    tell_health(e);
    tell_pending(e, answers);
    bool ended = false;
    while (answers) {
        struct vd_command *next = answers->next;
        ended |= on_answer(e, answers);
        answers = next;
    }
    while (inclusions) {
        struct vd_inclusion *next = inclusions->next;
        if (!ended) {
            on_inclusion(e, inclusions);
        } else {
            vd_pending_unref(inclusions->pending ? &inclusions->pending->view : NULL);
            free(inclusions);
        }
        inclusions = next;
    }
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
    if (!e) {
        return NULL;
    }
    e->config = *config;
    e->config.genesis = NULL;
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
    uv_async_init(config->loop, &e->async, on_async);
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
    check_closing(e);
}

/* --- plain answers --- */

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
