#include "node_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viaduct/node/platform/curves.h"

/* --- events --- */

static void
on_engine_heads(void *ctx, const struct vd_heads *heads, bool reorg, uint64_t common_ancestor)
{
    struct vd_node *n = ctx;
    if (n->server.api) {
        vd_rpc_api_heads(n->server.api, heads, reorg, common_ancestor);
    }
    if (n->follower && !n->closing) {
        vd_node_batcher_heads(n);
        vd_node_proposer_heads(n);
        vd_node_challenger_heads(n);
    }
}

static void
on_engine_pending(void *ctx, const struct vd_hash *hashes, size_t count)
{
    struct vd_node *n = ctx;
    if (n->server.api) {
        vd_rpc_api_pending(n->server.api, hashes, count);
    }
}

static void
on_engine_health(void *ctx, const char *text)
{
    struct vd_node *n = ctx;
    n->health = text;
    vd_log(n->config.logger, text ? VD_LOG_ERROR : VD_LOG_INFO, "engine", "%s",
           text ? text : "the disk takes writes again");
}

static void
on_l1_heads(void *ctx, const struct vd_l1_heads *heads)
{
    struct vd_node *n = ctx;
    if (!n->started || n->closing) {
        return;
    }
    vd_follower_l1_head(n->follower, vd_node_now(n), heads->latest.number);
    if (n->sequencer) {
        vd_sequencer_l1(n->sequencer, vd_node_wall(n), heads->latest.number);
    }
    vd_node_sequencer_check(n);
    vd_node_finalize(n);
    vd_node_batcher_heads(n);
    vd_node_proposer_heads(n);
    vd_node_challenger_heads(n);
}

static void
on_l1_reorg(void *ctx, const struct vd_l1_ref *ancestor)
{
    struct vd_node *n = ctx;
    if (!n->started || n->closing) {
        return;
    }
    vd_log(n->config.logger, VD_LOG_WARN, "node", "L1 reorganised above block %llu",
           ancestor ? (unsigned long long)ancestor->number : 0ull);
    uint64_t from = (ancestor ? ancestor->number : n->finalized_l1.number) + 1;
    n->reorged_from = from < n->reorged_from ? from : n->reorged_from;
    struct vd_follower_heads heads;
    vd_node_follower_heads(n, &heads);
    vd_follower_l1_reorg(n->follower, vd_node_now(n), &heads);
    vd_node_proposer_reorg(n);
    vd_node_challenger_reorg(n);
}

static void
on_l1_reachable(void *ctx, bool reachable, const char *why)
{
    struct vd_node *n = ctx;
    vd_log(n->config.logger, reachable ? VD_LOG_INFO : VD_LOG_WARN, "node", "L1 %s%s%s",
           reachable ? "answers" : "does not answer", reachable ? "" : ": ", reachable ? "" : why);
}

/* --- start: only on the L1 that rollup.json names --- */

static void
start_roles(struct vd_node *n)
{
    n->started = true;
    vd_l1_start(n->l1);
    struct vd_follower_heads heads;
    vd_node_follower_heads(n, &heads);
    vd_follower_start(n->follower, vd_node_now(n), &heads);
}

static void
on_l1_genesis(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
              const struct vd_header *header)
{
    struct vd_node *n = ctx;
    (void)header;
    n->checking_l1 = false;
    if (n->closing || n->started) {
        return;
    }
    if (status->err == VD_OK && vd_hash_eq(hash, &n->rollup.genesis_l1.hash)) {
        start_roles(n);
        return;
    }
    if (status->err == VD_OK || status->err == VD_ERR_NOT_FOUND) {
        char text[300];
        snprintf(text, sizeof text,
                 "block %llu of the L1 at %s is not the one that rollup.json names; give the right "
                 "--l1 or the right rollup.json",
                 (unsigned long long)n->rollup.genesis_l1.number, n->config.l1_url);
        n->config.failed(n->config.ctx, text);
        return;
    }
    vd_log(n->config.logger, VD_LOG_WARN, "node", "L1 does not answer yet: %s", status->text);
    n->retry_l1_ms = vd_node_now(n) + 1000;
}

static void
on_l1_chain(void *ctx, const struct vd_l1_status *status, uint64_t chain_id)
{
    struct vd_node *n = ctx;
    if (n->closing) {
        n->checking_l1 = false;
        return;
    }
    if (status->err != VD_OK) {
        n->checking_l1 = false;
        vd_log(n->config.logger, VD_LOG_WARN, "node", "L1 does not answer yet: %s", status->text);
        n->retry_l1_ms = vd_node_now(n) + 1000;
        return;
    }
    if (chain_id != n->rollup.l1_chain_id) {
        char text[300];
        snprintf(text, sizeof text,
                 "the L1 at %s has chain id %llu, rollup.json names %llu; give the right --l1 or "
                 "the right rollup.json",
                 n->config.l1_url, (unsigned long long)chain_id,
                 (unsigned long long)n->rollup.l1_chain_id);
        n->checking_l1 = false;
        n->config.failed(n->config.ctx, text);
        return;
    }
    vd_l1_header(n->l1, vd_l1_number(n->rollup.genesis_l1.number), on_l1_genesis, n);
}

static void
check_l1(struct vd_node *n)
{
    if (!n->checking_l1 && vd_node_now(n) >= n->retry_l1_ms) {
        n->checking_l1 = true;
        vd_l1_chain_id(n->l1, on_l1_chain, n);
    }
}

static void
on_tick(uv_timer_t *timer)
{
    struct vd_node *n = timer->data;
    if (!n->started) {
        check_l1(n);
        return;
    }
    vd_follower_tick(n->follower, vd_node_now(n));
    if (n->sequencer) {
        vd_sequencer_tick(n->sequencer, vd_node_wall(n));
    }
    if (n->batcher) {
        vd_batcher_tick(n->batcher, vd_node_now(n));
    }
    vd_node_proposer_tick(n);
    vd_node_challenger_tick(n);
}

/* --- opening --- */

static enum vd_err
open_engine(struct vd_node *n, char *why, size_t why_size)
{
    struct vd_engine_config config = {.folder = n->config.folder,
                                      .chain = &n->rollup.l2,
                                      .rollup = &n->rollup,
                                      .genesis = n->config.genesis,
                                      .journal = n->config.sequencer,
                                      .accept_transactions =
                                          n->config.sequencer && !n->config.deposits_only,
                                      .retention_blocks = n->config.retention_blocks,
                                      .clock = n->clock,
                                      .logger = n->config.logger,
                                      .pool = n->config.pool,
                                      .curves = vd_curves_host(),
                                      .loop = n->config.loop,
                                      .events = {.ctx = n,
                                                 .heads = on_engine_heads,
                                                 .pending = on_engine_pending,
                                                 .health = on_engine_health}};
    char text[256] = "";
    enum vd_err err = vd_engine_open(&n->engine, text, &config);
    if (err != VD_OK) {
        snprintf(why, why_size, "%s", text);
        return err;
    }
    if (!vd_hash_eq(&vd_engine_genesis(n->engine)->hash, &n->rollup.genesis_l2.hash)) {
        snprintf(why, why_size,
                 "the genesis block in %s or of genesis.json is not the one that rollup.json names",
                 n->config.folder);
        return VD_ERR_MISMATCH;
    }
    return VD_OK;
}

static enum vd_err
open_l1(struct vd_node *n)
{
    struct vd_address sources[] = {n->rollup.deposit_contract, n->rollup.l1_system_config};
    struct vd_l1_config config = {
        .url = n->config.l1_url,
        .expected_chain_id = n->rollup.l1_chain_id,
        .poll_interval_ms = n->config.l1_poll_ms,
        .lenient = {.skip_transactions_root_of_blob_blocks = n->config.l1_trust_blob_blocks},
        .log_sources = sources,
        .log_source_count = 2};
    enum vd_err err = vd_l1_new(&n->l1, n->config.loop, n->config.pool, &config);
    if (err == VD_OK) {
        n->l1_listener = (struct vd_l1_listener){
            .ctx = n, .heads = on_l1_heads, .reorg = on_l1_reorg, .reachable = on_l1_reachable};
        err = vd_l1_listen(n->l1, &n->l1_listener);
    }
    return err;
}

enum vd_err
vd_node_new(struct vd_node **out, char *why, size_t why_size, const struct vd_node_config *config)
{
    struct vd_node *n = calloc(1, sizeof *n);
    if (!n) {
        snprintf(why, why_size, "out of memory");
        return VD_ERR_NO_MEMORY;
    }
    n->config = *config;
    n->rollup = *config->rollup;
    n->reorged_from = UINT64_MAX;
    n->clock = vd_clock_system();
    n->rollup_json = strdup(config->rollup_json);
    uv_timer_init(config->loop, &n->timer);
    n->timer.data = n;
    *out = n;
    why[0] = '\0';
    enum vd_err err = open_engine(n, why, why_size);
    if (err == VD_OK) {
        err = open_l1(n);
    }
    if (err == VD_OK) {
        err = vd_node_follower_new(n);
    }
    if (err == VD_OK) {
        err = vd_node_sequencer_new(n);
    }
    if (err == VD_OK) {
        err = vd_node_batcher_new(n, why, why_size);
    }
    if (err == VD_OK) {
        err = vd_node_proposer_new(n, why, why_size);
    }
    if (err == VD_OK) {
        err = vd_node_challenger_new(n, why, why_size);
    }
    if (err == VD_OK) {
        err = vd_node_serve(n, why, why_size);
    }
    if (err == VD_OK) {
        uv_timer_start(&n->timer, on_tick, 0, VD_NODE_TICK_MS);
    } else if (why[0] == '\0') {
        snprintf(why, why_size, "cannot start the node: %s", vd_err_text(err));
    }
    return err;
}

/* --- closing, step by step --- */

static void close_step(void *ctx);

static void
on_timer_closed(uv_handle_t *handle)
{
    close_step(handle->data);
}

static void
free_roles(struct vd_node *n)
{
    if (n->follower) {
        vd_follower_free(n->follower);
    }
    vd_sequencer_free(n->sequencer);
    vd_batcher_free(n->batcher);
    vd_node_proposer_free(n);
    vd_node_challenger_free(n);
}

enum close_stage {
    CLOSE_SERVER,
    CLOSE_TIMER,
    CLOSE_CHALLENGER,
    CLOSE_TXM,
    CLOSE_PROPOSER_TXM,
    CLOSE_L1,
    CLOSE_WORK,
    CLOSE_ENGINE,
    CLOSE_DONE,
};

/* Waits for work in the pool by looking again from the timer's successor, an idle callback. */
static void
on_idle_closed(uv_handle_t *handle)
{
    free(handle);
}

static void
on_work_poll(uv_timer_t *timer)
{
    struct vd_node *n = timer->data;
    if (!n->working && !n->encoding) {
        uv_timer_stop(timer);
        uv_close((uv_handle_t *)timer, on_idle_closed);
        close_step(n);
    }
}

static void
wait_for_work(struct vd_node *n)
{
    uv_timer_t *timer = calloc(1, sizeof *timer);
    VD_ASSERT(timer != NULL);
    uv_timer_init(n->config.loop, timer);
    timer->data = n;
    uv_timer_start(timer, on_work_poll, 0, 5);
}

static void
close_step(void *ctx)
{
    struct vd_node *n = ctx;
    switch ((enum close_stage)n->close_stage++) {
    case CLOSE_SERVER:
        vd_server_close(&n->server, close_step, n);
        return;
    case CLOSE_TIMER:
        uv_timer_stop(&n->timer);
        uv_close((uv_handle_t *)&n->timer, on_timer_closed);
        return;
    case CLOSE_CHALLENGER:
        vd_node_challenger_close(n, close_step, n);
        return;
    case CLOSE_TXM:
        if (n->txm) {
            vd_txm_close(n->txm, close_step, n);
            return;
        }
        close_step(n);
        return;
    case CLOSE_PROPOSER_TXM:
        if (n->proposer_txm) {
            vd_txm_close(n->proposer_txm, close_step, n);
            return;
        }
        close_step(n);
        return;
    case CLOSE_L1:
        if (n->l1) {
            vd_l1_close(n->l1, close_step, n);
            return;
        }
        close_step(n);
        return;
    case CLOSE_WORK:
        wait_for_work(n);
        return;
    case CLOSE_ENGINE:
        if (n->engine) {
            vd_engine_close(n->engine, close_step, n);
            return;
        }
        close_step(n);
        return;
    case CLOSE_DONE: {
        void (*closed)(void *) = n->closed;
        void *closed_ctx = n->closed_ctx;
        free_roles(n);
        free(n->rollup_json);
        free(n);
        closed(closed_ctx);
        return;
    }
    }
}

void
vd_node_close(struct vd_node *n, void (*closed)(void *ctx), void *ctx)
{
    n->closing = true;
    n->closed = closed;
    n->closed_ctx = ctx;
    close_step(n);
}

uint16_t
vd_node_port(const struct vd_node *n)
{
    return vd_http_server_port(n->server.http);
}

void
vd_node_status(const struct vd_node *n, struct vd_node_status *status)
{
    const struct vd_heads *heads = vd_engine_heads(n->engine);
    *status = (struct vd_node_status){.unsafe = {heads->unsafe.hash, heads->unsafe.number},
                                      .safe = {heads->safe.hash, heads->safe.number},
                                      .finalized = {heads->finalized.hash, heads->finalized.number},
                                      .proposed = n->proposer ? vd_proposer_last(n->proposer) : 0,
                                      .l1_head = vd_l1_heads(n->l1)->latest.number,
                                      .derived_l1 = vd_follower_drained(n->follower)->number,
                                      .l1_reachable = vd_l1_is_reachable(n->l1),
                                      .stopped = vd_node_standstill(n)};
}
