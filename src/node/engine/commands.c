/* The loop's side of every call: commands to the engine thread, and what the callers are told when
   they come back. */
#include "engine_internal.h"

#include <stdlib.h>

#include "viaduct/node/platform/memory.h"

#define PLAN_BYTES ((size_t)4 << 30) /* address space for copied attributes */

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

void
vd_commands_check_closing(struct vd_engine *e)
{
    if (e->closing && !e->stopping && e->submitting == 0) {
        e->stopping = true;
        /* The engine thread may be waiting for a store thread that waits for space. */
        atomic_store(&e->giving_up, true);
        uv_timer_stop(&e->timer);
        give_command(e, new_command(e, VD_CMD_CLOSE, 0, NULL));
    }
}

static void
prepare_done(struct vd_job *job)
{
    struct vd_command *c = (struct vd_command *)(void *)job;
    struct vd_engine *e = c->engine;
    e->submitting--;
    let_go(c);
    vd_commands_check_closing(e);
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
        uv_timer_start(&e->timer, vd_commands_on_timer, soonest > now ? soonest - now : 0, 0);
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

void
vd_commands_end_syncs(struct vd_engine *e)
{
    while (e->syncs) {
        struct vd_command *c = e->syncs;
        e->syncs = c->next;
        end_sync(c, VD_SUBMIT_TIMEOUT, "the node is shutting down");
    }
}

void
vd_commands_on_timer(uv_timer_t *timer)
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
        vd_engine_finish_close(e);
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

void
vd_commands_on_async(uv_async_t *async)
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
