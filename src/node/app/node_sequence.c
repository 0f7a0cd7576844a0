/* The sequencer's effects over engine and L1. */
#include "node_internal.h"

#include <stdio.h>

/* So often in a row a block may fail to open or to be sealed, a second apart, before that is what
   the node says of itself. */
#define HITCHES 3u

/* How often the sequencer is started anew because the engine's chain is another one. */
#define FOLLOW_MS 1000u

static void
on_origin(void *ctx, const struct vd_l1_status *status, struct vd_l1_fetched *fetched)
{
    struct vd_node *n = ctx;
    if (!n->closing && status->err == VD_OK) {
        vd_sequencer_give_origin(n->sequencer, vd_node_wall(n), vd_l1_fetched_block(fetched));
    } else if (!n->closing) {
        vd_sequencer_no_origin(n->sequencer, vd_node_wall(n));
    }
    vd_l1_fetched_release(fetched);
}

static void
fetch_origin(void *ctx, uint64_t number)
{
    struct vd_node *n = ctx;
    vd_l1_block_fetch(n->l1, number, on_origin, n);
}

/* The engine's chain went another way than the sequencer thinks (derivation moved it, or it was cut
   back): build on what it has.  Where that does not help, the sequencer itself tries again in a
   second. */
static void
follow_engine(struct vd_node *n)
{
    uint64_t now_ms = vd_node_now(n);
    if (vd_sequencer_is_active(n->sequencer) && now_ms >= n->follow_engine_ms) {
        n->follow_engine_ms = now_ms + FOLLOW_MS;
        vd_node_sequencer_start(n);
    }
}

/* What the engine said of a block.  MISMATCH and NOT_FOUND only say that its chain has moved on; a
   rule that this build lacks will be lacking the next time too. */
static void
judge(struct vd_node *n, enum vd_err err, const char *what, const char *why)
{
    if (err == VD_ERR_MISMATCH || err == VD_ERR_NOT_FOUND) {
        return;
    }
    n->unsealed = err == VD_OK ? 0 : n->unsealed + 1;
    if (err == VD_OK) {
        n->unsealed_text[0] = '\0';
    } else if (err == VD_ERR_UNSUPPORTED || n->unsealed >= HITCHES) {
        snprintf(n->unsealed_text, sizeof n->unsealed_text, "the sequencer cannot %s: %s", what,
                 why);
    }
}

static void
on_opened(void *ctx, enum vd_err err, const char *why, const struct vd_block_info *block)
{
    struct vd_node *n = ctx;
    (void)block;
    if (n->closing) {
        return;
    }
    if (err != VD_OK) {
        vd_log(n->config.logger, VD_LOG_WARN, "sequencer", "block not opened: %s", why);
        judge(n, err, "open a block", why);
    }
    vd_sequencer_opened(n->sequencer, vd_node_wall(n), err);
    if (err == VD_ERR_MISMATCH) {
        follow_engine(n);
    }
}

static void
open_block(void *ctx, const struct vd_attributes *attributes)
{
    struct vd_node *n = ctx;
    vd_engine_open_block(n->engine, attributes, on_opened, n);
}

static void
on_sealed(void *ctx, enum vd_err err, const char *why, const struct vd_block_info *block)
{
    struct vd_node *n = ctx;
    if (n->closing) {
        return;
    }
    if (err != VD_OK) {
        vd_log(n->config.logger, VD_LOG_WARN, "sequencer", "block not sealed: %s", why);
    }
    judge(n, err, "seal a block", why);
    bool other = err == VD_OK && !vd_sequencer_is_on(n->sequencer, &block->l2.l1_origin.hash);
    if (other) {
        err = VD_ERR_MISMATCH; /* a block of before a crash, on another origin than was asked for */
    }
    vd_sequencer_sealed(n->sequencer, vd_node_wall(n), err, block ? &block->l2 : NULL);
    if (err == VD_ERR_NOT_FOUND || other) {
        follow_engine(n);
    }
}

static void
seal(void *ctx)
{
    struct vd_node *n = ctx;
    vd_engine_seal(n->engine, on_sealed, n);
}

static void
origin_left(void *ctx)
{
    struct vd_node *n = ctx;
    if (n->closing) {
        return;
    }
    struct vd_follower_heads heads;
    vd_node_follower_heads(n, &heads);
    vd_log(n->config.logger, VD_LOG_WARN, "sequencer",
           "the L1 origin of block %llu left L1's chain", (unsigned long long)heads.unsafe.number);
    if (vd_follower_stopped(n->follower)) {
        vd_sequencer_stop(n->sequencer); /* the follower's next heads start it again */
        return;
    }
    vd_follower_l1_reorg(n->follower, vd_node_now(n), &heads);
}

static void
note(void *ctx, const char *text)
{
    struct vd_node *n = ctx;
    vd_log(n->config.logger, VD_LOG_WARN, "sequencer", "%s", text);
}

enum vd_err
vd_node_sequencer_new(struct vd_node *n)
{
    if (!n->config.sequencer) {
        return VD_OK;
    }
    struct vd_sequencer_config config = {.rollup = &n->rollup,
                                         .l1_confirmations = n->config.sequencer_l1_confs,
                                         .deposits_only = n->config.deposits_only};
    struct vd_sequencer_effects effects = {.ctx = n,
                                           .fetch_origin = fetch_origin,
                                           .open = open_block,
                                           .seal = seal,
                                           .origin_left = origin_left,
                                           .note = note};
    return vd_sequencer_new(&n->sequencer, &config, &effects);
}

/* Whether derivation has read L1 up to its head at the start. */
static bool
has_caught_up(struct vd_node *n)
{
    const struct vd_l1_heads *heads = vd_l1_heads(n->l1);
    if (!n->gate_known && heads->known) {
        uint64_t latest = heads->latest.number;
        n->gate = latest > n->config.verifier_l1_confs ? latest - n->config.verifier_l1_confs : 0;
        n->gate_known = true;
    }
    return n->gate_known && vd_follower_is_started(n->follower) &&
           vd_follower_drained(n->follower)->timestamp != 0 &&
           vd_follower_drained(n->follower)->number >= n->gate;
}

void
vd_node_sequencer_check(struct vd_node *n)
{
    if (n->sequencer && !n->sequencer_started) {
        vd_node_sequencer_start(n);
    }
}

void
vd_node_sequencer_start(struct vd_node *n)
{
    if (!n->sequencer || (!n->sequencer_started && !has_caught_up(n))) {
        return;
    }
    n->sequencer_started = true;
    struct vd_view *view = NULL;
    struct vd_l2_ref head;
    struct vd_system_config system;
    uint64_t number = vd_engine_heads(n->engine)->unsafe.number;
    enum vd_err err = vd_view_open(&view, n->engine);
    if (err == VD_OK) {
        err = vd_view_l2_ref(view, &head, number);
    }
    if (err == VD_OK) {
        err = vd_view_system(view, &system, number);
    }
    vd_view_close(view);
    if (err != VD_OK) {
        vd_log(n->config.logger, VD_LOG_ERROR, "sequencer", "cannot start on block %llu: %s",
               (unsigned long long)number, vd_err_text(err));
        return;
    }
    vd_sequencer_l1(n->sequencer, vd_node_wall(n), vd_l1_heads(n->l1)->latest.number);
    vd_sequencer_start(n->sequencer, vd_node_wall(n), &head, &system);
}
