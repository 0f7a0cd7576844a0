#include "viaduct/node/devchain/devchain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viaduct/core/crypto/keccak.h"

#define MAX_WAITING 64u
/* A block that could not be opened is tried again after so long. */
#define RETRY_MS 200u

enum control_kind {
    CONTROL_MINE,
    CONTROL_TIME,
    CONTROL_REORG,
    CONTROL_SNAPSHOT,
    CONTROL_REVERT,
};

struct control {
    struct control *next;
    enum control_kind kind;
    uint64_t amount;
    vd_devchain_fn fn;
    void *ctx;
};

enum state {
    IDLE, /* no block is open */
    OPENING,
    OPEN,
    SEALING,
    MARKING, /* safe and finalized move */
    CUTTING, /* a reorg takes blocks off */
};

struct snapshot {
    uint64_t id;
    struct vd_block_id block;
    uint64_t offset_s;
};

struct vd_devchain {
    struct vd_devchain_config config;
    uv_timer_t timer;
    enum state state;
    uint64_t due_ms; /* monotonic, of the next seal */
    uint64_t offset_s;
    uint64_t revert_offset_s; /* what it becomes when the cut to a snapshot is done */
    uint64_t salt;            /* makes the blocks of a reorg differ */
    struct control *controls;
    unsigned control_count;
    uint64_t to_mine; /* blocks the control in hand still seals */
    bool in_hand;     /* the first control is being carried out */
    uint64_t retry_ms;
    bool reopening; /* the open block is to be opened again, with another time */
    uint8_t extra[7];
    struct snapshot snapshots[VD_DEVCHAIN_SNAPSHOTS];
    size_t snapshot_count;
    uint64_t next_snapshot;
    char why[160]; /* of a refusal */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void advance(struct vd_devchain *d);

static uint64_t
now_ms(const struct vd_devchain *d)
{
    return d->config.clock->monotonic_ms(d->config.clock->ctx);
}

/* --- opening --- */

static struct vd_hash
mix(const struct vd_devchain *d, const char *what, const struct vd_hash *parent)
{
    uint8_t bytes[8 + 32 + 8];
    memset(bytes, 0, 8);
    memcpy(bytes, what, strlen(what));
    memcpy(bytes + 8, parent->b, 32);
    vd_store_be64(bytes + 40, d->salt);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

static void
on_opened(void *ctx, enum vd_err err, const char *why, const struct vd_block_info *block)
{
    struct vd_devchain *d = ctx;
    (void)block;
    d->state = err == VD_OK ? OPEN : IDLE;
    if (err != VD_OK) {
        vd_log(d->config.logger, VD_LOG_WARN, "l1", "block not opened: %s", why);
        d->retry_ms = now_ms(d) + RETRY_MS;
    }
    advance(d);
}

static void
open_block(struct vd_devchain *d)
{
    const struct vd_block_ref *tip = &vd_engine_heads(d->config.engine)->unsafe;
    uint64_t wall = d->config.clock->wall_ms(d->config.clock->ctx) / 1000 + d->offset_s;
    struct vd_attributes attributes = {
        .parent = {.hash = tip->hash, .number = tip->number, .timestamp = tip->timestamp},
        .env = {.timestamp = wall > tip->timestamp ? wall : tip->timestamp + 1,
                .prev_randao = mix(d, "randao", &tip->hash),
                .gas_limit = d->config.gas_limit,
                .parent_beacon_root = mix(d, "beacon", &tip->hash),
                .extra_data = vd_slice(d->extra, sizeof d->extra)}};
    d->reopening = false;
    d->state = OPENING;
    vd_engine_open_block(d->config.engine, &attributes, on_opened, d);
}

/* --- sealing --- */

static void
on_marked(void *ctx, enum vd_err err)
{
    struct vd_devchain *d = ctx;
    d->state = IDLE;
    if (err != VD_OK) {
        vd_log(d->config.logger, VD_LOG_WARN, "l1", "safe head: %s", vd_err_text(err));
    }
    advance(d);
}

static enum vd_err
trailing(struct vd_devchain *d, struct vd_block_id *id, uint64_t depth, uint64_t floor)
{
    uint64_t tip = vd_engine_heads(d->config.engine)->unsafe.number;
    struct vd_view *view = NULL;
    struct vd_header header;
    id->number = tip > depth ? tip - depth : 0;
    id->number = id->number < floor ? floor : id->number;
    enum vd_err err = vd_view_open(&view, d->config.engine);
    if (err == VD_OK) {
        err = vd_view_header(view, &header, &id->hash, id->number);
    }
    vd_view_close(view);
    return err;
}

static void
mark(struct vd_devchain *d)
{
    const struct vd_heads *heads = vd_engine_heads(d->config.engine);
    struct vd_block_id safe;
    struct vd_block_id finalized;
    d->state = MARKING;
    if (trailing(d, &safe, d->config.safe_depth, heads->finalized.number) != VD_OK ||
        trailing(d, &finalized, d->config.finalized_depth, heads->finalized.number) != VD_OK) {
        on_marked(d, VD_ERR_NOT_FOUND);
        return;
    }
    vd_engine_set_heads(d->config.engine, NULL, &safe, &finalized, UINT64_MAX, on_marked, d);
}

static void
on_sealed(void *ctx, enum vd_err err, const char *why, const struct vd_block_info *block)
{
    struct vd_devchain *d = ctx;
    (void)block;
    if (err != VD_OK) {
        vd_log(d->config.logger, VD_LOG_WARN, "l1", "block not sealed: %s", why);
        d->state = OPEN;
        d->due_ms = now_ms(d) + RETRY_MS;
        advance(d);
        return;
    }
    d->to_mine -= d->to_mine > 0 ? 1 : 0;
    mark(d);
}

static void
seal(struct vd_devchain *d)
{
    d->due_ms = d->config.interval_ms == 0 ? UINT64_MAX : now_ms(d) + d->config.interval_ms;
    d->state = SEALING;
    vd_engine_seal(d->config.engine, on_sealed, d);
}

/* --- controls --- */

static void
answer_value(struct vd_devchain *d, enum vd_err err, const char *why, uint64_t value)
{
    struct control *control = d->controls;
    d->controls = control->next;
    d->control_count--;
    if (control->fn) {
        control->fn(control->ctx, err, why, value);
    }
    free(control);
}

static void
answer(struct vd_devchain *d, enum vd_err err, const char *why)
{
    answer_value(d, err, why, 0);
}

static void
on_cut(void *ctx, enum vd_err err)
{
    struct vd_devchain *d = ctx;
    d->state = IDLE;
    if (err != VD_OK) {
        d->to_mine = 0;
        d->in_hand = false;
        answer(d, err, vd_err_text(err));
    }
    advance(d);
}

static void
begin_reorg(struct vd_devchain *d, uint64_t depth)
{
    const struct vd_heads *heads = vd_engine_heads(d->config.engine);
    struct vd_block_id target;
    if (depth == 0 || depth > heads->unsafe.number ||
        heads->unsafe.number - depth < heads->finalized.number) {
        d->in_hand = false;
        answer(d, VD_ERR_INVALID, "the chain has no unfinalized block that deep");
        return;
    }
    enum vd_err err = trailing(d, &target, depth, 0);
    if (err != VD_OK) {
        d->in_hand = false;
        answer(d, err, vd_err_text(err));
        return;
    }
    struct vd_block_id safe = {heads->safe.hash, heads->safe.number};
    struct vd_block_id finalized = {heads->finalized.hash, heads->finalized.number};
    d->salt++;
    d->to_mine = depth + 1;
    d->state = CUTTING;
    vd_engine_set_heads(d->config.engine, &target, safe.number > target.number ? &target : &safe,
                        &finalized, UINT64_MAX, on_cut, d);
}

static bool
has_pending(struct vd_devchain *d)
{
    struct vd_view *view = NULL;
    if (vd_view_open(&view, d->config.engine) != VD_OK) {
        return false;
    }
    const struct vd_pending *pending = vd_view_pending(view);
    bool has = pending && pending->tx_count > 0;
    vd_view_close(view);
    return has;
}

/* What was pending is in a block now. */
static void
take_snapshot(struct vd_devchain *d)
{
    const struct vd_block_ref *tip = &vd_engine_heads(d->config.engine)->unsafe;
    if (d->snapshot_count == VD_DEVCHAIN_SNAPSHOTS) {
        memmove(d->snapshots, d->snapshots + 1, (d->snapshot_count - 1) * sizeof *d->snapshots);
        d->snapshot_count--;
    }
    struct snapshot *s = &d->snapshots[d->snapshot_count++];
    *s = (struct snapshot){
        .id = d->next_snapshot++, .block = {tip->hash, tip->number}, .offset_s = d->offset_s};
    answer_value(d, VD_OK, "", s->id);
}

static void
on_forgotten(void *ctx, enum vd_err err)
{
    struct vd_devchain *d = ctx;
    d->state = IDLE;
    d->in_hand = false;
    answer(d, err, vd_err_text(err));
    advance(d);
}

static void
on_reverted(void *ctx, enum vd_err err)
{
    struct vd_devchain *d = ctx;
    if (err != VD_OK) {
        /* MISMATCH: a reorg has put another block in its place. */
        on_forgotten(d, err == VD_ERR_MISMATCH ? VD_ERR_NOT_FOUND : err);
        return;
    }
    d->offset_s = d->revert_offset_s;
    vd_engine_forget(d->config.engine, on_forgotten, d);
}

static void
begin_revert(struct vd_devchain *d, uint64_t id)
{
    size_t i = d->snapshot_count;
    while (i > 0 && d->snapshots[i - 1].id != id) {
        i--;
    }
    if (i == 0) {
        d->in_hand = false;
        answer(d, VD_ERR_NOT_FOUND, "no such snapshot");
        return;
    }
    struct snapshot target = d->snapshots[i - 1];
    const struct vd_heads *heads = vd_engine_heads(d->config.engine);
    if (target.block.number < heads->finalized.number) {
        /* The rollup has taken what is finalized for good: its own finalized blocks stand on it. */
        snprintf(d->why, sizeof d->why,
                 "the snapshot's block %" PRIu64 " is below the finalized block %" PRIu64
                 ", and what is finalized stays",
                 target.block.number, heads->finalized.number);
        d->in_hand = false;
        answer(d, VD_ERR_INVALID, d->why);
        return;
    }
    d->snapshot_count = i - 1;
    struct vd_block_id safe = {heads->safe.hash, heads->safe.number};
    struct vd_block_id finalized = {heads->finalized.hash, heads->finalized.number};
    d->revert_offset_s = target.offset_s;
    d->state = CUTTING;
    vd_engine_set_heads(d->config.engine, &target.block,
                        safe.number > target.block.number ? &target.block : &safe, &finalized,
                        UINT64_MAX, on_reverted, d);
}

/* Begins the first control that waits.  A reorg cuts first and then mines. */
static void
begin_control(struct vd_devchain *d)
{
    struct control *control = d->controls;
    switch (control->kind) {
    case CONTROL_MINE:
        d->to_mine = control->amount;
        d->in_hand = true;
        break;
    case CONTROL_TIME:
        d->offset_s += control->amount;
        d->reopening = true;
        answer(d, VD_OK, "");
        break;
    case CONTROL_REORG:
        d->in_hand = true;
        begin_reorg(d, control->amount);
        break;
    case CONTROL_SNAPSHOT:
        d->in_hand = true;
        d->to_mine = has_pending(d) ? 1 : 0;
        break;
    case CONTROL_REVERT:
        d->in_hand = true;
        begin_revert(d, control->amount);
        break;
    }
}

static void
finish_close(uv_handle_t *handle)
{
    struct vd_devchain *d = handle->data;
    void (*closed)(void *) = d->closed;
    void *ctx = d->closed_ctx;
    free(d);
    closed(ctx);
}

static void
close_now(struct vd_devchain *d)
{
    while (d->controls) {
        answer(d, VD_ERR_CLOSED, "shutting down");
    }
    if (!uv_is_closing((uv_handle_t *)&d->timer)) {
        uv_timer_stop(&d->timer);
        uv_close((uv_handle_t *)&d->timer, finish_close);
    }
}

/* Does the next thing, if nothing is under way. */
static void
advance(struct vd_devchain *d)
{
    if (d->state != IDLE && d->state != OPEN) {
        return;
    }
    if (d->closing) {
        close_now(d);
        return;
    }
    if (d->in_hand && d->to_mine == 0) {
        d->in_hand = false;
        if (d->controls->kind == CONTROL_SNAPSHOT) {
            take_snapshot(d);
        } else {
            answer(d, VD_OK, "");
        }
    }
    while (d->controls && !d->in_hand) {
        begin_control(d);
    }
    if (d->state == CUTTING) {
        return;
    }
    if ((d->state == IDLE && now_ms(d) >= d->retry_ms) || (d->state == OPEN && d->reopening)) {
        open_block(d);
    } else if (d->state == OPEN && (d->to_mine > 0 || now_ms(d) >= d->due_ms)) {
        seal(d);
    }
}

static void
on_timer(uv_timer_t *timer)
{
    advance(timer->data);
}

enum vd_err
vd_devchain_new(struct vd_devchain **out, const struct vd_devchain_config *config)
{
    struct vd_devchain *d = calloc(1, sizeof *d);
    if (!d) {
        return VD_ERR_NO_MEMORY;
    }
    d->config = *config;
    memcpy(d->extra, "viaduct", sizeof d->extra);
    d->due_ms = config->interval_ms == 0 ? UINT64_MAX : now_ms(d) + config->interval_ms;
    uv_timer_init(config->loop, &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_timer, 0, 10);
    *out = d;
    return VD_OK;
}

void
vd_devchain_close(struct vd_devchain *d, void (*closed)(void *ctx), void *ctx)
{
    d->closing = true;
    d->closed = closed;
    d->closed_ctx = ctx;
    advance(d);
}

static void
add_control(struct vd_devchain *d, enum control_kind kind, uint64_t amount, vd_devchain_fn fn,
            void *ctx)
{
    struct control *control =
        d->control_count < MAX_WAITING && !d->closing ? calloc(1, sizeof *control) : NULL;
    if (!control) {
        if (fn) {
            fn(ctx, VD_ERR_BUSY, "too many controls are waiting", 0);
        }
        return;
    }
    *control = (struct control){.kind = kind, .amount = amount, .fn = fn, .ctx = ctx};
    struct control **link = &d->controls;
    while (*link) {
        link = &(*link)->next;
    }
    *link = control;
    d->control_count++;
    /* The timer picks it up: an answer never comes inside the call. */
}

void
vd_devchain_mine(struct vd_devchain *d, uint64_t blocks, vd_devchain_fn fn, void *ctx)
{
    add_control(d, CONTROL_MINE, blocks, fn, ctx);
}

void
vd_devchain_increase_time(struct vd_devchain *d, uint64_t seconds, vd_devchain_fn fn, void *ctx)
{
    add_control(d, CONTROL_TIME, seconds, fn, ctx);
}

uint64_t
vd_devchain_offset(const struct vd_devchain *d)
{
    return d->offset_s;
}

void
vd_devchain_reorg(struct vd_devchain *d, uint64_t depth, vd_devchain_fn fn, void *ctx)
{
    add_control(d, CONTROL_REORG, depth, fn, ctx);
}

void
vd_devchain_snapshot(struct vd_devchain *d, vd_devchain_fn fn, void *ctx)
{
    add_control(d, CONTROL_SNAPSHOT, 0, fn, ctx);
}

void
vd_devchain_revert(struct vd_devchain *d, uint64_t id, vd_devchain_fn fn, void *ctx)
{
    add_control(d, CONTROL_REVERT, id, fn, ctx);
}
