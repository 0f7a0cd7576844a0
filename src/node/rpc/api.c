/* The API's life: its limits, its tables, what it passes on. */
#include <stdlib.h>
#include <string.h>

#include "rpc_internal.h"
#include "viaduct/node/platform/memory.h"

const struct vd_rpc_api_limits VD_RPC_API_DEFAULT_LIMITS = {
    .gas = 50000000,
    .call_ms = 5000,
    .log_blocks = 10000,
    .logs = 20000,
    .filters = 10000,
    .filter_idle_ms = 300000,
    .sync_ms = 2000,
    .sync_max_ms = 60000,
    .proof_keys = 1024,
    .fee_history_blocks = 1024,
};

static void
fill_limits(struct vd_rpc_api_limits *limits)
{
    const struct vd_rpc_api_limits *d = &VD_RPC_API_DEFAULT_LIMITS;
    limits->gas = limits->gas != 0 ? limits->gas : d->gas;
    limits->call_ms = limits->call_ms != 0 ? limits->call_ms : d->call_ms;
    limits->log_blocks = limits->log_blocks != 0 ? limits->log_blocks : d->log_blocks;
    limits->logs = limits->logs != 0 ? limits->logs : d->logs;
    limits->filters = limits->filters != 0 ? limits->filters : d->filters;
    limits->filter_idle_ms =
        limits->filter_idle_ms != 0 ? limits->filter_idle_ms : d->filter_idle_ms;
    limits->sync_ms = limits->sync_ms != 0 ? limits->sync_ms : d->sync_ms;
    limits->sync_max_ms = limits->sync_max_ms != 0 ? limits->sync_max_ms : d->sync_max_ms;
    limits->proof_keys = limits->proof_keys != 0 ? limits->proof_keys : d->proof_keys;
    limits->fee_history_blocks =
        limits->fee_history_blocks != 0 ? limits->fee_history_blocks : d->fee_history_blocks;
}

static char *
copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

enum vd_err
vd_rpc_api_new(struct vd_rpc_api **out, const struct vd_rpc_api_config *config)
{
    struct vd_rpc_api *api = calloc(1, sizeof *api);
    if (api == NULL)
        return VD_ERR_NO_MEMORY;
    VD_ASSERT(uv_mutex_init(&api->lock) == 0);
    api->config = *config;
    fill_limits(&api->config.limits);
    api->engine = config->engine;
    api->clock = config->clock;
    api->chain = vd_engine_chain(config->engine);
    api->rollup = vd_engine_rollup(config->engine);
    api->client_version =
        copy_text(config->client_version != NULL ? config->client_version : "viaduct");
    if (config->rollup_json != NULL)
        api->rollup_json = copy_text(config->rollup_json);
    bool ok = api->client_version != NULL &&
              (config->rollup_json == NULL || api->rollup_json != NULL) &&
              vd_filters_new(&api->filters) == VD_OK && vd_watchdog_new(&api->watchdog) == VD_OK;
    if (!ok) {
        vd_rpc_api_free(api);
        return VD_ERR_NO_MEMORY;
    }
    *out = api;
    return VD_OK;
}

void
vd_rpc_api_free(struct vd_rpc_api *api)
{
    if (api == NULL)
        return;
    vd_watchdog_free(api->watchdog);
    vd_filters_free(api->filters);
    for (struct vd_scratch *s = api->idle, *next; s != NULL; s = next) {
        next = s->next;
        vd_release(s->arena.base, s->arena.size);
        free(s);
    }
    uv_mutex_destroy(&api->lock);
    free(api->client_version);
    free(api->rollup_json);
    free(api);
}

enum vd_err
vd_rpc_api_add(struct vd_rpc_api *api, struct vd_rpc *rpc)
{
    const struct vd_method_table *const tables[] =
        {
            &VD_ETH_BLOCK_METHODS, &VD_ETH_STATE_METHODS,  &VD_ETH_TX_METHODS,
            &VD_ETH_CALL_METHODS,  &VD_ETH_LOG_METHODS,    &VD_FILTER_METHODS,
            &VD_FEE_METHODS,       &VD_NET_METHODS,        &VD_DEBUG_METHODS,
            &VD_OPTIMISM_METHODS,  &VD_WITHDRAWAL_METHODS, /* these two: L2 only */
        };
    size_t count = VD_COUNT_OF(tables) - (api->rollup == NULL ? 2 : 0);
    enum vd_err err = VD_OK;
    for (size_t i = 0; i < count && err == VD_OK; i++)
        err = vd_rpc_add(rpc, tables[i]->methods, tables[i]->count, api);
    if (err == VD_OK && api->rpc == NULL)
        api->rpc = rpc;
    return err;
}

vd_done *
vd_answer_err(struct vd_rpc_call *call, enum vd_err err)
{
    if (err == VD_ERR_NO_MEMORY)
        return vd_rpc_error(call, VD_RPC_SERVER_ERROR, "out of memory for this request");
    if (err == VD_ERR_UNSUPPORTED)
        return vd_rpc_error(call, VD_RPC_SERVER_ERROR,
                            "not available: the block's fork or a rule it reaches is not known "
                            "to this node");
    return vd_rpc_error(call, VD_RPC_INTERNAL_ERROR, "reading failed: %s", vd_err_text(err));
}

bool
vd_read_loose_u64(uint64_t *out, const json_t *value)
{
    struct vd_json_why why;
    if (json_is_integer(value)) {
        *out = (uint64_t)json_integer_value(value);
        return json_integer_value(value) >= 0;
    }
    const char *text = json_string_value(value);
    if (text == NULL || text[0] == '\0')
        return false;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return vd_json_read_u64(out, &why, value);
    *out = 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || *out > (UINT64_MAX - 9) / 10)
            return false;
        *out = *out * 10 + (uint64_t)(*text - '0');
    }
    return true;
}
