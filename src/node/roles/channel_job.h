/* A closed channel on its way to frames.  The batcher fills the first part, vd_channel_job_run the
   second; all memory is the job's arena. */
#ifndef VIADUCT_NODE_ROLES_CHANNEL_JOB_H
#define VIADUCT_NODE_ROLES_CHANNEL_JOB_H

#include "viaduct/node/roles/batcher.h"

struct vd_channel_block {
    struct vd_l2_ref ref;
    const struct vd_slice *transactions; /* no deposits */
    size_t transaction_count;
    struct vd_channel_block *next;
};

struct vd_channel_job {
    const struct vd_rollup_config *rollup;
    enum vd_batch_type batch_type;
    enum vd_compression compression;
    size_t frame_bytes;
    struct vd_arena arena;
    struct vd_channel_block *first;
    struct vd_channel_block *last;
    size_t block_count;
    size_t tx_bytes;
    uint64_t opened_ms;

    struct vd_channel_id id;
    enum vd_err err;
    struct vd_slice *items; /* version byte and one frame each */
    size_t item_count;
    size_t compressed_bytes;
};

/* NULL: out of memory. */
struct vd_channel_job *vd_channel_job_new(const struct vd_batcher_config *config, uint64_t now_ms);
/* Copies the block.  VD_ERR_FULL: the channel can hold no more. */
VD_MUST_USE enum vd_err vd_channel_job_add(struct vd_channel_job *job,
                                           const struct vd_batcher_block *block);
void vd_channel_job_free(struct vd_channel_job *job);

#endif
