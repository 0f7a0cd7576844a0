/* The stages of derivation from an L1 block's transactions to decoded batches: retrieval, frame
   queue, channel assembler, channel reader (OP Stack specs, derivation and Holocene derivation).

   One region of memory serves them in turn.  At its bottom lie the frames of the data item in
   hand, above them (from batch_mark) the bytes of one batch and whatever its user puts there. */
#ifndef VD_CORE_ROLLUP_UPSTREAM_H
#define VD_CORE_ROLLUP_UPSTREAM_H

#include "core/rollup/channel.h"
#include "viaduct/core/rollup/derive.h"

struct vd_upstream {
    const struct vd_rollup_config *config;
    const struct vd_curves *curves;
    const struct vd_derive_observer *observer; /* may be NULL */
    uint64_t l1_number;                        /* of the L1 block in hand */
    struct vd_address batcher;                 /* who may write to the inbox in it */
    const struct vd_slice *transactions;       /* borrowed */
    size_t transaction_count;
    size_t transaction_next;
    struct vd_frame *frames;
    size_t frame_count;
    size_t frame_next;
    struct vd_assembler assembler;
    struct vd_channel_reader reader;
    struct vd_arena arena;
    size_t batch_mark;
};

enum vd_pull {
    VD_PULL_MORE, /* something was done; pull again */
    VD_PULL_BATCH,
    VD_PULL_EOF, /* this L1 block has no more */
    VD_PULL_UNSUPPORTED,
};

void vd_upstream_clear(struct vd_upstream *u);
void vd_upstream_l1(struct vd_upstream *u, uint64_t l1_number, const struct vd_address *batcher,
                    const struct vd_slice *transactions, size_t count);
/* One piece of work.  *batch is filled for VD_PULL_BATCH and lives until the next pull.  With
   discard whole channels are thrown away unread.  *why is static text for UNSUPPORTED. */
VD_MUST_USE enum vd_err vd_upstream_pull(struct vd_upstream *u, enum vd_pull *pull,
                                         struct vd_batch *batch, const char **why, bool discard);
/* Forgets the rest of the channel that is being read, not the frames that wait. */
void vd_upstream_flush(struct vd_upstream *u);
void vd_upstream_dropped(const struct vd_upstream *u, const char *what, const char *why);

#endif
