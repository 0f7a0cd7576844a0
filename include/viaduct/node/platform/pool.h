/* Worker threads for what takes longer than the loop may: recovery of signatures, reads, checks of
   L1 blocks, compression.

   A job runs on some worker and then its completion runs on the loop's thread.  Jobs start in the
   order they were given, on any of the workers; reads that clients asked for wait in a queue of
   their own and never take the last worker, so that slow ones cannot hold up what acknowledges
   transactions.  The queues are bounded. */
#ifndef VIADUCT_NODE_PLATFORM_POOL_H
#define VIADUCT_NODE_PLATFORM_POOL_H

#include <stdbool.h>
#include <uv.h>

#include "viaduct/core/base/err.h"

#define VD_POOL_MAX_QUEUE 65536u

struct vd_pool;

/* The caller embeds it and keeps it alive until done has run. */
struct vd_job {
    void (*run)(struct vd_job *job);  /* on a worker */
    void (*done)(struct vd_job *job); /* on the loop; may be NULL */
    struct vd_job *next;
};

/* threads 0: one for each core, at least two, and one that reads leave to the other jobs. */
VD_MUST_USE enum vd_err vd_pool_new(struct vd_pool **out, uv_loop_t *loop, unsigned threads);
/* vd_pool_submit is called on the loop's thread.  VD_ERR_BUSY: the queue is full.  VD_ERR_CLOSED:
   the pool is closing. */
VD_MUST_USE enum vd_err vd_pool_submit(struct vd_pool *pool, struct vd_job *job);
/* The same for work on behalf of clients that may be slow: it starts when no other job waits and
   another worker is left over. */
VD_MUST_USE enum vd_err vd_pool_submit_read(struct vd_pool *pool, struct vd_job *job);
/* Jobs not yet completed. */
unsigned vd_pool_pending(const struct vd_pool *pool);
/* Finishes every job that was taken, then ends the threads and calls closed on the loop. */
void vd_pool_close(struct vd_pool *pool, void (*closed)(void *ctx), void *ctx);

#endif
