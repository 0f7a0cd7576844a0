/* JSON-RPC and the operators' pages of an L2 node. */
#include "node_internal.h"

#include <stdio.h>

#include "serve.h"
#include "viaduct/node/rpc/rpc.h"

static void
l1_status(void *ctx, struct vd_rpc_l1_status *out)
{
    struct vd_node *n = ctx;
    const struct vd_l1_heads *heads = vd_l1_heads(n->l1);
    out->current = *vd_follower_drained(n->follower);
    out->head = heads->latest;
    if (heads->has_safe) {
        out->safe = heads->safe;
    }
    if (heads->has_finalized) {
        out->finalized = heads->finalized;
    }
}

const char *
vd_node_standstill(const struct vd_node *n)
{
    if (n->health) {
        return n->health;
    }
    const char *stopped = vd_follower_stopped(n->follower);
    if (stopped) {
        return stopped;
    }
    return n->unsealed_text[0] != '\0' ? n->unsealed_text : NULL;
}

static const char *
not_ready(void *ctx)
{
    struct vd_node *n = ctx;
    const char *standstill = vd_node_standstill(n);
    if (standstill) {
        return standstill;
    }
    if (!n->started) {
        return "L1 has not answered yet";
    }
    if (!vd_l1_is_reachable(n->l1)) {
        return "L1 does not answer";
    }
    return vd_follower_is_started(n->follower) ? NULL : "looking for the heads to start from";
}

static void
metrics(void *ctx, struct vd_json *out)
{
    struct vd_node *n = ctx;
    vd_rpc_metric(out, "viaduct_l1_head", "gauge", "Number of L1's latest block.",
                  vd_l1_heads(n->l1)->latest.number);
    vd_rpc_metric(out, "viaduct_l1_derived", "gauge", "Last L1 block wholly derived.",
                  vd_follower_drained(n->follower)->number);
    if (n->batcher) {
        vd_rpc_metric(out, "viaduct_batcher_debt_bytes", "gauge",
                      "Transaction bytes not yet in an L1 block.", vd_batcher_debt(n->batcher));
        vd_rpc_metric(out, "viaduct_batcher_channels", "counter", "Channels closed.",
                      vd_batcher_channels(n->batcher));
    }
    if (n->proposer) {
        vd_rpc_metric(out, "viaduct_proposer_games", "counter", "Output proposals made.",
                      vd_proposer_games(n->proposer));
        vd_rpc_metric(out, "viaduct_proposer_block", "gauge", "L2 block proposed last.",
                      vd_proposer_last(n->proposer));
        vd_rpc_metric(out, "viaduct_proposer_open_games", "gauge",
                      "Own games not resolved or with the bond not back.",
                      vd_resolver_open(n->resolver));
    }
    vd_node_challenger_metrics(n, out);
}

enum vd_err
vd_node_serve(struct vd_node *n, char *why, size_t why_size)
{
    struct vd_rpc_api_config api = {.engine = n->engine,
                                    .clock = n->clock,
                                    .client_version = VD_CLIENT_VERSION,
                                    .rollup_json = n->rollup_json,
                                    .l1 = n->l1,
                                    .limits = {.gas = n->config.rpc_gas,
                                               .call_ms = (uint32_t)n->config.rpc_call_ms,
                                               .log_blocks = n->config.rpc_log_blocks,
                                               .logs = (uint32_t)n->config.rpc_logs},
                                    .ctx = n,
                                    .l1_status = l1_status,
                                    .not_ready = not_ready,
                                    .metrics = metrics};
    struct vd_serve_config serve = {.loop = n->config.loop,
                                    .pool = n->config.pool,
                                    .host = n->config.http_host,
                                    .port = n->config.http_port,
                                    .cors = n->config.http_cors,
                                    .vhosts = n->config.http_vhosts,
                                    .max_body_bytes = n->config.http_body_bytes,
                                    .max_connections = n->config.http_connections,
                                    .max_batch = n->config.rpc_batch};
    return vd_server_open(&n->server, why, why_size, &serve, &api, NULL, 0, NULL);
}
