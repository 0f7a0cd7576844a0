/* A deployment on an L1 engine in this process: the transactions of a plan are signed, handed to
   the engine, mined at once and read back, without a socket.  `viaduct dev` founds its chain with
   it.  Everything happens on the loop. */
#ifndef VIADUCT_NODE_APP_DEV_DEPLOY_H
#define VIADUCT_NODE_APP_DEV_DEPLOY_H

#include "l1_plan.h"
#include "viaduct/node/devchain/devchain.h"

struct vd_dev_deploy {
    struct vd_engine *engine;
    struct vd_devchain *chain;
    const struct vd_l1_plan *plan; /* with its anchor; its deployer's nonces all belong to it */
    const uint8_t *key;            /* of the deployer */
    uint64_t chain_id;
    struct vd_arena *arena;
    /* Called once, later.  error is NULL when every step is done and everything reads as planned,
       else a sentence. */
    void (*done)(void *ctx, const char *error);
    void *ctx;
    /* inside */
    size_t answered;
    unsigned mined;
    char error[256];
};

/* Fields above "inside" are the caller's.  A deployment that was cut off goes on where it ended:
   its transactions are the same bytes. */
void vd_dev_deploy(struct vd_dev_deploy *deploy);

#endif
