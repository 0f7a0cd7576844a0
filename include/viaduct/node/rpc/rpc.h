/* The JSON-RPC methods of one chain instance, and its three pages for operators.

   Namespaces: eth, net, web3, debug; on L2 also optimism, and viaduct_withdrawalStatus.  Everything
   is read through a view of the engine: `latest` is the database's tip, `pending` the open block
   (latest when none is open), `safe` and `finalized` the heads.  Whatever reads the database runs
   in the pool, so that reading holds up neither the loop nor the engine. */
#ifndef VIADUCT_NODE_RPC_RPC_H
#define VIADUCT_NODE_RPC_RPC_H

#include "viaduct/node/engine/engine.h"
#include "viaduct/node/net/jsonrpc.h"

struct vd_l1;

struct vd_rpc_api_limits {
    uint64_t gas;                /* of eth_call and eth_estimateGas; 50,000,000 */
    uint32_t call_ms;            /* of one call's execution; 5,000 */
    uint64_t log_blocks;         /* blocks one log query may span; 10,000 */
    uint32_t logs;               /* logs one query may return; 20,000 */
    uint32_t filters;            /* installed at a time; 10,000 */
    uint32_t filter_idle_ms;     /* a filter that nobody asks dies; 300,000 */
    uint32_t sync_ms;            /* eth_sendRawTransactionSync without a timeout; 2,000 */
    uint32_t sync_max_ms;        /* the most it may ask for; 60,000 */
    uint32_t proof_keys;         /* storage keys of one eth_getProof; 1,024 */
    uint64_t fee_history_blocks; /* 1,024 */
};
/* The figures in the comments above. */
extern const struct vd_rpc_api_limits VD_RPC_API_DEFAULT_LIMITS;

/* What optimism_syncStatus shows beside the engine's heads; refs that are not known are zero. */
struct vd_rpc_l1_status {
    struct vd_l1_ref current; /* the last L1 block whose data is wholly derived */
    struct vd_l1_ref head;
    struct vd_l1_ref safe;
    struct vd_l1_ref finalized;
};

struct vd_rpc_api_config {
    struct vd_engine *engine; /* outlives the API */
    const struct vd_clock *clock;
    const char *client_version; /* "viaduct/v0.1.0/linux-amd64"; copied */
    const char *rollup_json; /* L2: the object of optimism_rollupConfig as text, copied; L1: NULL */
    struct vd_l1 *l1; /* L2: whose contracts viaduct_withdrawalStatus asks, or NULL; must outlive
                         every server */
    struct vd_rpc_api_limits limits; /* a field that is 0 takes the default */
    void *ctx;                       /* of the callbacks below; any of them may be NULL */
    /* L2: fills *out (zeroed before).  The loop's thread. */
    void (*l1_status)(void *ctx, struct vd_rpc_l1_status *out);
    /* NULL: ready; else why not, in a sentence that lives until the next call.  The loop's thread.
       For /readyz. */
    const char *(*not_ready)(void *ctx);
    /* Appends lines of Prometheus text to /metrics (vd_rpc_metric).  The loop's thread. */
    void (*metrics)(void *ctx, struct vd_json *out);
};

struct vd_rpc_api;

/* VD_ERR_NO_MEMORY only. */
VD_MUST_USE enum vd_err vd_rpc_api_new(struct vd_rpc_api **out,
                                       const struct vd_rpc_api_config *config);
/* After every server it was added to is closed. */
void vd_rpc_api_free(struct vd_rpc_api *api);

/* vd_rpc_api_add registers the methods; once for each server. VD_ERR_EXISTS: as vd_rpc_add. */
VD_MUST_USE enum vd_err vd_rpc_api_add(struct vd_rpc_api *api, struct vd_rpc *rpc);

/* --- what the owner passes on from the engine's events (struct vd_engine_events) --- */
/* Filters go back to the common ancestor of a reorg: what stands above it is reported again. */
void vd_rpc_api_heads(struct vd_rpc_api *api, const struct vd_heads *heads, bool reorg,
                      uint64_t common_ancestor);
/* For eth_newPendingTransactionFilter. */
void vd_rpc_api_pending(struct vd_rpc_api *api, const struct vd_hash *hashes, size_t count);

/* --- pages: functions for struct vd_http_route, ctx the API --- */
void vd_rpc_page_metrics(void *api, struct vd_http_page *page); /* Prometheus text */
void vd_rpc_page_healthz(void *api, struct vd_http_page *page); /* 200 "ok" while it runs */
void vd_rpc_page_readyz(void *api, struct vd_http_page *page);  /* 200, or 503 and the reason */

/* One metric without labels: "# HELP", "# TYPE" (counter or gauge) and the value. */
void vd_rpc_metric(struct vd_json *out, const char *name, const char *type, const char *help,
                   uint64_t value);

#endif
