/* The batcher: L2 blocks into batches, channels and frames, and those onto L1.

   A state machine without clock or socket.  It walks the unsafe chain from the first block that is
   not on L1, gathers blocks into a channel, closes the channel by size or age, has it encoded and
   compressed, and hands its frames, one to a transaction, to the transaction manager, which keeps
   their order and outlives a crash.  Invariants:

   - Every L2 block stands in exactly one channel on L1 as long as L1 does not reorganise and no
     channel times out.
   - A channel's id is a hash of what it holds and of how it was encoded.  After a crash between
     two of its frames the same blocks give the same frames, and the missing ones are sent.
   - It believes nothing but derivation: a channel whose last frame derivation has read past
     without the safe head reaching its last block did not take (timeout, reorg, drop), and the
     batcher goes back to the block after the safe head, as soon as derivation has read all of L1.
   - A channel whose first block's sequencing window closes (window.h) is closed at once and holds
     singular batches, whatever the configuration: then what of it comes too late costs nothing
     else.

   One thread. */
#ifndef VIADUCT_NODE_ROLES_BATCHER_H
#define VIADUCT_NODE_ROLES_BATCHER_H

#include "viaduct/core/rollup/batch.h"
#include "viaduct/node/l1/tx_manager.h"

struct vd_batcher;
struct vd_channel_job;

/* Of channels.  Brotli takes less room on L1 for less work. */
enum vd_compression {
    VD_COMPRESS_BROTLI,
    VD_COMPRESS_ZLIB,
};

struct vd_batcher_config {
    const struct vd_rollup_config *rollup; /* borrowed */
    enum vd_batch_type batch_type;         /* of channels that are in time */
    enum vd_compression compression;
    size_t max_channel_bytes; /* compressed, as estimated from the channel before */
    uint64_t max_channel_age_ms;
    size_t frame_bytes; /* of one L1 transaction's data item, version byte included */
};

/* One L2 block as the batcher wants it; borrowed during the call. */
struct vd_batcher_block {
    struct vd_l2_ref ref;
    const struct vd_slice *transactions; /* all, deposits first */
    size_t transaction_count;
};

struct vd_batcher_effects {
    void *ctx;
    /* Block number of the unsafe chain -> vd_batcher_block, later or at once. */
    void (*get_block)(void *ctx, uint64_t number);
    /* Run vd_channel_job_run(job) on some thread -> vd_batcher_encoded. */
    void (*encode)(void *ctx, struct vd_channel_job *job);
    /* vd_txm_send to the inbox.  VD_ERR_BUSY: no room now. */
    enum vd_err (*send)(void *ctx, struct vd_slice data, struct vd_slice tag);
    /* How many payloads the manager takes now. */
    size_t (*room)(void *ctx);
    /* One line for the log. */
    void (*note)(void *ctx, const char *text);
};

VD_MUST_USE enum vd_err vd_batcher_new(struct vd_batcher **out,
                                       const struct vd_batcher_config *config,
                                       const struct vd_batcher_effects *effects);
void vd_batcher_free(struct vd_batcher *batcher);

/* --- inputs --- */

/* A payload that the manager still holds from before this start, confirmed ones too, in the order
   of nonces: the last one of all must be among them, or a channel that a crash cut off after it
   stays unfinished. */
void vd_batcher_restore(struct vd_batcher *batcher, const struct vd_txm_status *payload);
/* Derivation's and the chain's progress; safe and derived_l1 of one moment.  derived_l1 is the last
   L1 block read by derivation, l1_head L1's latest; the batcher begins, and begins again after it
   had to go back, once the former has reached the latter's value of then, so that the safe head
   tells what is on L1 already. */
void vd_batcher_heads(struct vd_batcher *batcher, uint64_t now_ms, const struct vd_l2_ref *unsafe,
                      const struct vd_l2_ref *safe, uint64_t derived_l1, uint64_t l1_head);
void vd_batcher_tick(struct vd_batcher *batcher, uint64_t now_ms);
/* Answers to get_block; block is NULL when there is none. */
void vd_batcher_block(struct vd_batcher *batcher, const struct vd_batcher_block *block);
void vd_batcher_encoded(struct vd_batcher *batcher, struct vd_channel_job *job);
void vd_batcher_tx_event(struct vd_batcher *batcher, const struct vd_txm_event *event);

/* Closes the channel in hand at once (admin, tests, shutdown). */
void vd_batcher_flush(struct vd_batcher *batcher);

/* --- state --- */
/* Transaction bytes of L2 blocks that are not in an L1 block yet: the debt that slows the block
   builder. */
uint64_t vd_batcher_debt(const struct vd_batcher *batcher);
/* The next block to be put into a channel. */
uint64_t vd_batcher_next(const struct vd_batcher *batcher);
uint64_t vd_batcher_channels(const struct vd_batcher *batcher);

/* Encodes and compresses on the calling thread; touches nothing but the job. */
void vd_channel_job_run(struct vd_channel_job *job);

#endif
