/* Which L1 block an L2 block is built on, and where derivation starts on a chain that exists
   already (OP Stack specs, derivation: finding the sync start).  Pure functions, shared by
   sequencer and follower. */
#ifndef VIADUCT_CORE_ROLLUP_ORIGIN_H
#define VIADUCT_CORE_ROLLUP_ORIGIN_H

#include "viaduct/core/rollup/config.h"

enum vd_origin_choice {
    VD_ORIGIN_USE_CURRENT,
    VD_ORIGIN_USE_NEXT,
    VD_ORIGIN_WAIT_FOR_NEXT, /* the drift is used up and the next L1 block is not known */
};
struct vd_origin_pick {
    enum vd_origin_choice choice;
    bool no_tx_pool; /* past the drift limit of the chosen origin: deposits only */
};
/* vd_origin_choose picks the origin of the sequencer's block on head.  current is head's own
   origin; next is its child on L1, NULL while unknown or not deep enough.  A next whose parent is
   not current counts as unknown. */
struct vd_origin_pick vd_origin_choose(const struct vd_rollup_config *config,
                                       const struct vd_l2_ref *head,
                                       const struct vd_l1_ref *current,
                                       const struct vd_l1_ref *next);

/* --- sync start: heads that fit L1's canonical chain --- */

struct vd_sync_source {
    void *ctx;
    /* The L2 block at number, on the chain of the unsafe head. */
    enum vd_err (*l2_ref)(void *ctx, struct vd_l2_ref *out, uint64_t number);
    /* The canonical L1 block at number.  VD_ERR_NOT_FOUND: L1 is not that high yet. */
    enum vd_err (*l1_hash)(void *ctx, struct vd_hash *out, uint64_t number);
};

/* The heads before, and after vd_sync_start_step says done, the heads to go on with. */
struct vd_sync_start {
    const struct vd_rollup_config *config;
    struct vd_l2_ref unsafe;
    struct vd_l2_ref safe;
    struct vd_l2_ref finalized;
    /* Where the walk stands. */
    struct vd_l2_ref at;
    bool has_unsafe;
    bool has_highest; /* the highest block whose origin is canonical */
    struct vd_block_id highest_origin;
    bool has_l1;
    bool l1_ahead; /* L1 does not know the block at l1_number yet */
    uint64_t l1_number;
    struct vd_hash l1_hash;
};

/* unsafe, safe and finalized are the heads as they stood; config is borrowed. */
void vd_sync_start_init(struct vd_sync_start *s, const struct vd_rollup_config *config,
                        const struct vd_l2_ref *unsafe, const struct vd_l2_ref *safe,
                        const struct vd_l2_ref *finalized);
/* vd_sync_start_step looks at one L2 block on the way down from the unsafe head.  *done: s->unsafe
   and s->safe hold the result.  On an error of a callback the same step can be tried again.
   VD_ERR_MISMATCH: the walk met another chain (the genesis blocks do not fit, or the finalized
   block is not on it).  VD_ERR_CORRUPT: origins or sequence numbers of neighbours do not fit. */
VD_MUST_USE enum vd_err vd_sync_start_step(struct vd_sync_start *s, bool *done,
                                           const struct vd_sync_source *source);

#endif
