/* Requests to the methods of a chain instance, over a real engine: each is answered, and by JSON.
 */
#include "unit/node/engine/harness.h"
#include "unit/node/rpc/rpc_node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bench_engine bench;
static struct rpc_node node;

static void
tear_down(void)
{
    rpc_node_close(&node);
    bench_remove(&bench);
}

static void
set_up(void)
{
    struct vd_rpc_api_config api = {.client_version = "viaduct/test", .limits = {.gas = 100000}};
    bench_prepare(&bench, false);
    bench_config(&bench, false);
    bench.config.journal = false;
    rpc_node_open(&node, bench.config, api);
    VD_ASSERT(atexit(tear_down) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (node.rpc == NULL)
        set_up();
    json_decref(rpc_node_ask_bytes(&node, vd_slice(data, size)));
    return 0;
}
