/* Deploying a chain on an L1: carries a plan (l1_plan.h) out over JSON-RPC.

   A deployment is a state machine on the loop.  It asks L1 what is done, sends what is not, and
   reads everything back at the end; what it sends goes through the transaction manager, whose
   journal stands beside the plan file, so that whatever ends the process a second run goes on and
   sends nothing twice.  Order: contracts (together), settings (one by one), anchor block and L2
   genesis, then the anchor root, the game, Multicall3 where L1 has none, the handover. */
#ifndef VIADUCT_NODE_APP_DEPLOY_H
#define VIADUCT_NODE_APP_DEPLOY_H

#include <uv.h>

#include "founding.h"

struct vd_deploy;
struct vd_l1;
struct vd_pool;
struct vd_signer;

struct vd_deploy_config {
    uv_loop_t *loop;
    struct vd_pool *pool;
    struct vd_l1 *l1; /* outlives it, like the signer */
    struct vd_signer *signer;
    struct vd_arena *arena;
    struct vd_founding *founding; /* checked by the caller; its addresses are filled in */
    const char *out;              /* an existing folder */
    const char *l1_url;           /* for messages */
    uint64_t confirmations;       /* blocks on top of a transaction before the anchor is chosen */
    uint64_t max_fee_gwei;
    /* What happens, for the operator. */
    void (*progress)(void *ctx, const char *line);
    /* Once, later; error is NULL when everything stands and reads as planned. */
    void (*done)(void *ctx, const char *error);
    void *ctx;
};

VD_MUST_USE enum vd_err vd_deploy_new(struct vd_deploy **out,
                                      const struct vd_deploy_config *config);
/* vd_deploy_close stops it; what was sent stays sent.  vd_deploy_free comes after that has called
   closed and after L1's client is closed, so that every question has been answered. */
void vd_deploy_close(struct vd_deploy *deploy, void (*closed)(void *ctx), void *ctx);
void vd_deploy_free(struct vd_deploy *deploy); /* takes NULL */

#endif
