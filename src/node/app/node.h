/* An L2 node: one engine, its L1, and the roles, tied together on one loop.

   `viaduct node` runs one against an external L1, `viaduct dev` one against its embedded L1; both
   meet L1 only over JSON-RPC. */
#ifndef VIADUCT_NODE_APP_NODE_H
#define VIADUCT_NODE_APP_NODE_H

#include <uv.h>

#include "viaduct/core/chain/genesis.h"
#include "viaduct/core/rollup/config.h"
#include "viaduct/node/platform/log.h"
#include "viaduct/node/platform/pool.h"

struct vd_signer;
struct vd_node;

struct vd_node_config {
    uv_loop_t *loop;
    struct vd_pool *pool;
    const struct vd_logger *logger;
    const char *folder;
    const struct vd_rollup_config *rollup; /* copied */
    const struct vd_genesis *genesis;      /* borrowed until vd_node_new returns */
    const char *rollup_json;               /* text for optimism_rollupConfig; copied */
    const char *l1_url;
    uint32_t l1_poll_ms;
    bool l1_trust_blob_blocks;
    uint64_t verifier_l1_confs;
    uint64_t retention_blocks;

    bool sequencer;
    uint64_t sequencer_l1_confs;
    bool deposits_only; /* the sequencer refuses every transaction of a user */

    struct vd_signer *batcher_signer; /* NULL: no batcher; outlives the node */
    bool singular_batches;
    bool zlib_channels;
    size_t channel_bytes;
    uint64_t channel_age_ms;
    size_t frame_bytes;
    uint64_t batcher_confs;
    uint64_t batcher_max_fee_gwei;

    struct vd_signer *proposer_signer; /* NULL: no proposer; outlives the node */
    uint64_t proposal_interval_s;
    bool proposer_unfinalized; /* propose the safe head, not the finalized one */
    uint64_t proposer_confs;
    uint64_t proposer_max_fee_gwei;

    bool challenger;
    struct vd_signer *challenger_signer; /* NULL: it only watches; outlives the node */
    uint64_t challenger_confs;
    uint64_t challenger_max_fee_gwei;

    const char *http_host;
    uint16_t http_port;
    const char *http_cors;
    const char *http_vhosts;
    size_t http_body_bytes;
    uint32_t http_connections;
    uint32_t rpc_batch;
    uint64_t rpc_gas;
    uint64_t rpc_call_ms;
    uint64_t rpc_log_blocks;
    uint64_t rpc_logs;

    /* Called once on the loop when the node cannot go on (another L1 than the configured one, …);
       text says why and what to do. */
    void (*failed)(void *ctx, const char *text);
    void *ctx;
};

/* vd_node_new opens everything and starts.  On failure why says what is wrong and what to do. */
VD_MUST_USE enum vd_err vd_node_new(struct vd_node **out, char *why, size_t why_size,
                                    const struct vd_node_config *config);
/* Stops in order: requests, roles, L1, engine; then calls closed. */
void vd_node_close(struct vd_node *node, void (*closed)(void *ctx), void *ctx);

uint16_t vd_node_port(const struct vd_node *node);

struct vd_node_status {
    struct vd_block_id unsafe;
    struct vd_block_id safe;
    struct vd_block_id finalized;
    uint64_t proposed; /* L2 block of the newest own output proposal; 0: none, or no proposer */
    uint64_t l1_head;
    uint64_t derived_l1;
    bool l1_reachable;
    const char *stopped; /* why the chain stands still, or NULL; borrowed until the loop goes on */
};
void vd_node_status(const struct vd_node *node, struct vd_node_status *status);

#endif
