/* L1 blocks for code that may wait: a thread that is not the loop's asks and sleeps until the loop
   has the answer. */
#ifndef VIADUCT_NODE_FAULT_L1_WAIT_H
#define VIADUCT_NODE_FAULT_L1_WAIT_H

#include "viaduct/node/l1/l1_client.h"

struct vd_l1_wait;

/* On the loop's thread.  l1 outlives it. */
VD_MUST_USE enum vd_err vd_l1_wait_new(struct vd_l1_wait **out, uv_loop_t *loop, struct vd_l1 *l1);
/* On the loop's thread: whoever waits gets VD_ERR_CLOSED, and so does everyone later.  Its memory
   goes with closed, or with the answer to a request that is under way, which closing l1 brings;
   nobody may be inside vd_l1_wait_block any more by then. */
void vd_l1_wait_cancel(struct vd_l1_wait *wait);
void vd_l1_wait_close(struct vd_l1_wait *wait, void (*closed)(void *ctx), void *ctx);

/* On one other thread at a time.  *block lives until vd_l1_wait_release.  Errors as of
   vd_l1_block_fetch_hash. */
VD_MUST_USE enum vd_err vd_l1_wait_block(struct vd_l1_wait *wait, struct vd_l1_block *block,
                                         const struct vd_hash *hash);
void vd_l1_wait_release(struct vd_l1_wait *wait);

#endif
