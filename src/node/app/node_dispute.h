/* What a dispute asks of the node beyond its database: runs of the fault-proof program and of the
   machine, and the safe head at an L1 block that the index does not have.

   Runs are kept (fault/runs.h), so that a game's questions about one run cost one, whatever roots
   are claimed.  Questions come one at a time and are answered
   later, on the loop; the work is done by a thread of its own, so that a long run keeps no worker
   of the pool from checking the L1 blocks that it waits for. */
#ifndef VIADUCT_NODE_APP_NODE_DISPUTE_H
#define VIADUCT_NODE_APP_NODE_DISPUTE_H

#include <uv.h>

#include "viaduct/core/rollup/config.h"
#include "viaduct/node/l1/l1_client.h"
#include "viaduct/node/roles/challenger.h"
#include "viaduct/node/store/store.h"

struct vd_disputes;

struct vd_disputes_config {
    uv_loop_t *loop;
    struct vd_l1 *l1;
    struct vd_store *store;
    const struct vd_rollup_config *rollup; /* these three outlive it */
    size_t keep_bytes;                     /* of runs; 0: 2 GiB */
};

struct vd_disputes_answer {
    enum vd_err err;
    const char *text;  /* what went wrong; during the callback */
    const char *alarm; /* not NULL: what somebody should look at all the same */
    struct vd_hash state;
    const struct vd_dispute_step *step; /* during the callback */
    uint64_t safe;
};
typedef void (*vd_disputes_fn)(void *ctx, const struct vd_disputes_answer *answer);

/* *prestate is the hash of the machine's first state under this configuration.  On failure why (of
   why_size bytes) says what is wrong. */
VD_MUST_USE enum vd_err vd_disputes_new(struct vd_disputes **out, struct vd_hash *prestate,
                                        char *why, size_t why_size,
                                        const struct vd_disputes_config *config);
/* Ends what is under way, without an answer; then closed.  Before l1 and store are closed. */
void vd_disputes_close(struct vd_disputes *disputes, void (*closed)(void *ctx), void *ctx);

/* The hash of the state after so many steps. */
void vd_disputes_state(struct vd_disputes *disputes, const struct vd_dispute_run *run,
                       uint64_t steps, vd_disputes_fn fn, void *ctx);
/* What proves the step after so many steps. */
void vd_disputes_step(struct vd_disputes *disputes, const struct vd_dispute_run *run,
                      uint64_t steps, vd_disputes_fn fn, void *ctx);
/* The last L2 block that L1 up to the block l1_head makes safe, derived again: from the safe head
   on record for the nearest L1 block below, or from `floor`, an L2 block that is safe by then. */
void vd_disputes_derive(struct vd_disputes *disputes, const struct vd_block_id *l1_head,
                        uint64_t floor, vd_disputes_fn fn, void *ctx);

#endif
