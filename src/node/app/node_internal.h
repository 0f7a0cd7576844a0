/* The inside of a node, shared by node.c and the glue of each role. */
#ifndef VIADUCT_NODE_APP_NODE_INTERNAL_H
#define VIADUCT_NODE_APP_NODE_INTERNAL_H

#include "node.h"
#include "serve.h"
#include "viaduct/node/engine/view.h"
#include "viaduct/node/l1/l1_client.h"
#include "viaduct/node/l1/signer.h"
#include "viaduct/node/l1/tx_manager.h"
#include "viaduct/node/platform/clock.h"
#include "viaduct/node/roles/batcher.h"
#include "viaduct/node/roles/follower.h"
#include "viaduct/node/roles/proposer.h"
#include "viaduct/node/roles/resolver.h"
#include "viaduct/node/roles/sequencer.h"

/* How often the roles look at the clock. */
#define VD_NODE_TICK_MS 20u
/* L1 blocks that roles hold at a time. */
#define VD_NODE_MAX_FETCHED 8u
/* Transaction bytes not yet on L1 above which blocks take less, and how much they take then. */
#define VD_NODE_DEBT_BYTES ((uint64_t)32 << 20)
#define VD_NODE_DEBT_BLOCK_BYTES ((uint64_t)64 << 10)

/* Past L2 blocks for derivation: one open view at a time, on whatever thread asks. */
struct vd_node_past {
    struct vd_engine *engine;
    struct vd_view *view;
};

struct vd_challenge;

struct vd_node {
    struct vd_node_config config;
    struct vd_rollup_config rollup;
    const struct vd_clock *clock;
    struct vd_engine *engine;
    struct vd_l1 *l1;
    struct vd_l1_listener l1_listener;
    uv_timer_t timer;
    bool started; /* the roles run: L1 is the configured one */
    bool closing;
    bool checking_l1;
    uint64_t retry_l1_ms;
    int close_stage;
    const char *health; /* what the engine says of its disk (static), or NULL: fine */
    void (*closed)(void *ctx);
    void *closed_ctx;

    /* follower */
    struct vd_follower *follower;
    struct vd_node_past past_worker; /* while work runs */
    struct vd_node_past past_loop;
    struct vd_job work_job;
    bool working;
    struct vd_l1_fetched *fetched[VD_NODE_MAX_FETCHED];
    struct vd_l1_ref finalized_l1; /* the last one applied */
    /* Of the index of safe heads: the head that derivation started from, and whether what it says
       of an L1 block is so; see drained. */
    uint64_t started_safe;
    bool drained_is_exact;
    uint64_t reorged_from; /* L1 block; UINT64_MAX: no reorg since the last start */

    /* sequencer */
    struct vd_sequencer *sequencer;
    bool sequencer_started;
    uint64_t follow_engine_ms; /* not started anew on the engine's chain before */
    bool gate_known;
    uint64_t gate;     /* L1 block that derivation has to have read before the first own block */
    unsigned unsealed; /* times in a row that no block could be opened or sealed */
    char unsealed_text[320]; /* why not, once that is more than a hitch; else empty */

    /* batcher */
    struct vd_batcher *batcher;
    struct vd_txm_driver *txm;
    struct vd_txm_listener txm_listener;
    struct vd_channel_job *encoding;
    struct vd_job encode_job;
    bool throttled;
    bool batcher_stranger;   /* the system config names another batcher */
    uint64_t batcher_origin; /* L1 block of that system config; 0: none was looked at */

    /* proposer, and the resolver of its games */
    struct vd_proposer *proposer;
    struct vd_resolver *resolver;
    struct vd_txm_driver *proposer_txm;
    struct vd_txm_listener proposer_listener;

    /* challenger */
    struct vd_challenge *challenge;

    /* rpc */
    struct vd_server server;
    char *rollup_json;
};

static inline uint64_t
vd_node_wall(const struct vd_node *n)
{
    return n->clock->wall_ms(n->clock->ctx);
}

static inline uint64_t
vd_node_now(const struct vd_node *n)
{
    return n->clock->monotonic_ms(n->clock->ctx);
}

/* node_follow.c */
enum vd_err vd_node_follower_new(struct vd_node *n);
void vd_node_follower_heads(struct vd_node *n, struct vd_follower_heads *heads);
enum vd_err vd_node_ref(struct vd_node *n, struct vd_l2_ref *ref, uint64_t number);
void vd_node_finalize(struct vd_node *n);

/* node_sequence.c */
enum vd_err vd_node_sequencer_new(struct vd_node *n);
/* Starts or restarts it on the unsafe head, once the follower has found heads and, the first time,
   has read what L1 held when the node started: a sequencer with an empty folder must not build
   beside a chain that stands on L1 already. */
void vd_node_sequencer_start(struct vd_node *n);
/* The same if it has not been started yet. */
void vd_node_sequencer_check(struct vd_node *n);

/* node_txm.c: an account of L1 and what its transactions may cost */
struct vd_node_account {
    const char *role; /* names the journal in the node's folder */
    struct vd_signer *signer;
    uint64_t confirmations;
    uint64_t max_fee_gwei;
    uint32_t max_in_flight; /* 0: as many as any account */
};
/* Errors as vd_txm_open. */
enum vd_err vd_node_txm_open(struct vd_node *n, struct vd_txm_driver **out, char *why,
                             size_t why_size, const struct vd_node_account *account,
                             const struct vd_txm_listener *listener);
/* A line for a transaction that waits. */
void vd_node_txm_log(struct vd_node *n, const char *role, const struct vd_txm_event *event);

/* node_batch.c */
enum vd_err vd_node_batcher_new(struct vd_node *n, char *why, size_t why_size);
void vd_node_batcher_heads(struct vd_node *n);

/* node_propose.c; without a proposer these do nothing */
enum vd_err vd_node_proposer_new(struct vd_node *n, char *why, size_t why_size);
void vd_node_proposer_free(struct vd_node *n);
void vd_node_proposer_heads(struct vd_node *n);
void vd_node_proposer_reorg(struct vd_node *n);
void vd_node_proposer_tick(struct vd_node *n);

/* The output root of an own block. */
enum vd_err vd_node_output(struct vd_node *n, struct vd_block_id *id, struct vd_hash *root,
                           uint64_t number);

/* node_challenge.c; without a challenger these do nothing */
enum vd_err vd_node_challenger_new(struct vd_node *n, char *why, size_t why_size);
/* Ends its work and its transaction manager. */
void vd_node_challenger_close(struct vd_node *n, void (*closed)(void *ctx), void *ctx);
void vd_node_challenger_free(struct vd_node *n);
void vd_node_challenger_heads(struct vd_node *n);
void vd_node_challenger_reorg(struct vd_node *n);
void vd_node_challenger_tick(struct vd_node *n);
/* An event of a manager that it shares. */
void vd_node_challenger_tx_event(struct vd_node *n, const struct vd_txm_event *event);
void vd_node_challenger_metrics(const struct vd_node *n, struct vd_json *out);

/* node_serve.c */
/* Why the chain stands still for a reason inside the node, or NULL. */
const char *vd_node_standstill(const struct vd_node *n);
enum vd_err vd_node_serve(struct vd_node *n, char *why, size_t why_size);

#endif
