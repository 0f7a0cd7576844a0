/* A chain instance with its JSON-RPC methods and no socket, for tests. */
#ifndef VIADUCT_TESTS_UNIT_NODE_RPC_RPC_NODE_H
#define VIADUCT_TESTS_UNIT_NODE_RPC_RPC_NODE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "viaduct/node/platform/curves.h"
#include "viaduct/node/rpc/rpc.h"

struct rpc_node {
    uv_loop_t loop;
    struct vd_pool *pool;
    struct vd_engine *engine;
    struct vd_rpc_api *api;
    struct vd_rpc *rpc;
    struct vd_json answer;
    bool answered;
    unsigned closing;
};

static inline void
rpc_node_heads(void *ctx, const struct vd_heads *heads, bool reorg, uint64_t ancestor)
{
    struct rpc_node *node = ctx;
    if (node->api != NULL)
        vd_rpc_api_heads(node->api, heads, reorg, ancestor);
}

static inline void
rpc_node_pending(void *ctx, const struct vd_hash *hashes, size_t count)
{
    struct rpc_node *node = ctx;
    if (node->api != NULL)
        vd_rpc_api_pending(node->api, hashes, count);
}

/* Opens the folder.  engine: what differs from a node without journal that takes transactions. */
static inline void
rpc_node_open(struct rpc_node *node, struct vd_engine_config engine, struct vd_rpc_api_config api)
{
    char why[256];
    *node = (struct rpc_node){0};
    assert_int_equal(uv_loop_init(&node->loop), 0);
    assert_int_equal(vd_pool_new(&node->pool, &node->loop, 2), VD_OK);
    engine.accept_transactions = true;
    engine.map_bytes = engine.map_bytes != 0 ? engine.map_bytes : (size_t)1 << 30;
    engine.clock = vd_clock_system();
    engine.pool = node->pool;
    engine.curves = vd_curves_host();
    engine.loop = &node->loop;
    engine.events = (struct vd_engine_events){
        .ctx = node, .heads = rpc_node_heads, .pending = rpc_node_pending};
    if (vd_engine_open(&node->engine, why, &engine) != VD_OK)
        fail_msg("%s", why);
    api.engine = node->engine;
    api.clock = engine.clock;
    assert_int_equal(vd_rpc_api_new(&node->api, &api), VD_OK);
    assert_int_equal(vd_rpc_new(&node->rpc, &node->loop, node->pool, NULL), VD_OK);
    assert_int_equal(vd_rpc_api_add(node->api, node->rpc), VD_OK);
}

static inline void
rpc_node_answered(void *ctx, struct vd_json *answer)
{
    struct rpc_node *node = ctx;
    vd_json_deinit(&node->answer);
    node->answer = *answer;
    vd_json_init(answer, answer->limit);
    node->answered = true;
}

/* The whole response to a request; the caller owns it.  NULL: none is due (a notification). */
static inline json_t *
rpc_node_ask_bytes(struct rpc_node *node, struct vd_slice request)
{
    struct vd_json_why why;
    node->answered = false;
    vd_rpc_submit(node->rpc, request, rpc_node_answered, node);
    while (!node->answered)
        (void)uv_run(&node->loop, UV_RUN_ONCE);
    if (node->answer.len == 0)
        return NULL;
    json_t *response = vd_json_parse(&why, vd_json_view(&node->answer));
    VD_ASSERT(response != NULL);
    return response;
}

static inline json_t *
rpc_node_ask(struct rpc_node *node, const char *request)
{
    return rpc_node_ask_bytes(node, vd_slice((const uint8_t *)request, strlen(request)));
}

static inline void
rpc_node_one_closed(void *ctx)
{
    ((struct rpc_node *)ctx)->closing--;
}

static inline void
rpc_node_wait(struct rpc_node *node)
{
    while (node->closing != 0)
        (void)uv_run(&node->loop, UV_RUN_ONCE);
}

static inline void
rpc_node_close(struct rpc_node *node)
{
    node->closing = 1;
    vd_rpc_close(node->rpc, rpc_node_one_closed, node);
    rpc_node_wait(node);
    vd_rpc_api_free(node->api);
    node->api = NULL;
    node->closing = 1;
    vd_engine_close(node->engine, rpc_node_one_closed, node);
    rpc_node_wait(node);
    node->closing = 1;
    vd_pool_close(node->pool, rpc_node_one_closed, node);
    rpc_node_wait(node);
    while (uv_run(&node->loop, UV_RUN_NOWAIT) != 0)
        ;
    assert_int_equal(uv_loop_close(&node->loop), 0);
    vd_json_deinit(&node->answer);
}

/* A folder of its own under /tmp; removed with everything in it. */
static inline void
rpc_temp_folder(char out[64])
{
    snprintf(out, 64, P_tmpdir "/viaduct-rpc-XXXXXX");
    assert_non_null(mkdtemp(out));
}

static inline void
rpc_remove_folder(const char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

#endif
