/* The inside of a deployment: deploy_probe.c tries what L1 can do, deploy.c carries the steps out,
   deploy_anchor.c founds the rollup between them, deploy_verify.c reads back. */
#ifndef VIADUCT_NODE_APP_DEPLOY_INTERNAL_H
#define VIADUCT_NODE_APP_DEPLOY_INTERNAL_H

#include "deploy.h"
#include "deploy_file.h"
#include "viaduct/node/l1/l1_client.h"
#include "viaduct/node/l1/tx_manager.h"

/* Where it is.  Each stage begins by asking L1 and ends in a callback. */
enum vd_deploy_stage {
    VD_DEPLOY_LOOKING,  /* which L1 it is, what it can do, whether it has Multicall3 */
    VD_DEPLOY_DEPLOYER, /* creating the deterministic deployer */
    VD_DEPLOY_CONTRACTS,
    VD_DEPLOY_SETTINGS,
    VD_DEPLOY_ANCHOR, /* waits for depth, chooses the anchor, computes the genesis */
    VD_DEPLOY_FINISH,
    VD_DEPLOY_VERIFY,
    VD_DEPLOY_ENDED,
};

/* A question about one step, or one fact of the read-back. */
struct vd_deploy_ask {
    struct vd_deploy *d;
    size_t index;
};

struct vd_deploy {
    struct vd_deploy_config config;
    enum vd_deploy_stage stage;
    struct vd_l1_plan plan;
    bool has_plan;
    struct vd_deploy_record record;
    char path[4096]; /* of the plan file */
    struct vd_txm_driver *txm;
    struct vd_txm_listener txm_listener;
    struct vd_l1_listener l1_listener;
    bool listening;
    size_t probes;         /* precompiles that answered as they should */
    bool l1_caps_gas;      /* of a transaction (EIP-7825) */
    bool surveyed;         /* every contract and setting has been looked at once */
    bool anchor_step_done; /* L1 has an anchor root already */
    bool asking_anchor;
    uv_timer_t timer;
    bool asking_deployer;
    bool created_deployer; /* its transaction was handed in */
    bool funding;          /* its sender is being given what it needs */
    struct vd_deploy_ask steps[VD_PLAN_MAX_STEPS];
    bool included[VD_PLAN_MAX_STEPS]; /* its transaction is in a block */
    bool again[VD_PLAN_MAX_STEPS];    /* to be looked at at the next tick */
    unsigned looked[VD_PLAN_MAX_STEPS];
    struct vd_deploy_ask facts[VD_PLAN_MAX_CHECKS + VD_PLAN_MAX_CODES];
    size_t facts_asked;
    size_t facts_answered;
    size_t differences;
    char error[512];
    int close_stage;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* Ends it with a sentence; the first one counts. */
void vd_deploy_fail(struct vd_deploy *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* True when the answer is there; else the deployment has failed, or is over anyway. */
bool vd_deploy_answered(struct vd_deploy *d, const struct vd_l1_status *status, const char *what);
void vd_deploy_say(struct vd_deploy *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Asks L1 for read. */
void vd_deploy_read(struct vd_deploy *d, const struct vd_l1_read *read, vd_l1_bytes_fn fn,
                    struct vd_deploy_ask *ask);
bool vd_deploy_write_record(struct vd_deploy *d);
void vd_deploy_end(struct vd_deploy *d);

/* deploy_probe.c */
void vd_deploy_probe(struct vd_deploy *d); /* -> vd_deploy_probed */
void vd_deploy_probed(struct vd_deploy *d);

/* deploy_anchor.c */
void vd_deploy_anchor(struct vd_deploy *d); /* -> vd_deploy_anchored */
void vd_deploy_anchored(struct vd_deploy *d);

/* deploy_verify.c */
void vd_deploy_verify(struct vd_deploy *d);

#endif
