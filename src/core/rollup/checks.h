/* Whether a batch fits on the safe head (OP Stack specs, derivation: batch queue; span batches;
   Holocene derivation). */
#ifndef VD_CORE_ROLLUP_CHECKS_H
#define VD_CORE_ROLLUP_CHECKS_H

#include "core/rollup/l1_window.h"
#include "viaduct/core/rollup/derive.h"

enum vd_check_verdict {
    VD_CHECK_ACCEPT,
    VD_CHECK_DROP,
    VD_CHECK_PAST,
    VD_CHECK_UNDECIDED, /* an L1 block is not known yet */
};
struct vd_check {
    enum vd_check_verdict verdict;
    const char *why; /* static text unless accepted */
};

struct vd_check_context {
    const struct vd_rollup_config *config;
    const struct vd_l1_window *l1; /* not empty */
    const struct vd_l2_ref *parent;
    uint64_t inclusion; /* number of the L1 block that is being read */
};

/* The rules for a block of its own, or of a span. */
struct vd_check vd_check_block(const struct vd_check_context *c, const struct vd_hash *parent_hash,
                               const struct vd_batch_entry *block);

/* The prefix checks, the overlap check, and that the blocks after the safe head have origins that
   are known and not below its own.  ACCEPT: the span's next block is then the first of those.
   Rebuilt transactions take room in scratch, which is rewound.  An error is one of the callbacks or
   of scratch; the check can be made again. */
VD_MUST_USE enum vd_err vd_check_span(struct vd_check *result, const struct vd_check_context *c,
                                      struct vd_span *span, const struct vd_derive_l2 *l2,
                                      struct vd_arena *scratch);

#endif
