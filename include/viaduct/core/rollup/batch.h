/* Frames, channels and batches: what stands in L1 between a batcher and derivation
   (OP Stack specs, derivation: batch submission wire format; span batches). */
#ifndef VIADUCT_CORE_ROLLUP_BATCH_H
#define VIADUCT_CORE_ROLLUP_BATCH_H

#include "viaduct/core/rollup/config.h"

#define VD_FRAME_OVERHEAD 23u
#define VD_FRAME_MAX_DATA 1000000u
#define VD_CHANNEL_MAX_BYTES 100000000u /* compressed with 200 a frame, and decompressed */
#define VD_BATCH_MAX_ITEMS 10000000u    /* blocks, transactions; bytes of one tx_data */

struct vd_channel_id {
    uint8_t b[16];
};

struct vd_frame {
    struct vd_channel_id id;
    uint16_t number;
    struct vd_slice data;
    bool is_last;
};

/* vd_frames_decode reads one data item (version byte, then frames).  Any malformed frame drops the
   item: VD_ERR_INVALID.  A version other than 0: VD_ERR_INVALID too.  Frames are in the arena,
   their data borrows from item. */
VD_MUST_USE enum vd_err vd_frames_decode(struct vd_frame **frames, size_t *count,
                                         struct vd_arena *arena, struct vd_slice item);
void vd_frame_encode(struct vd_buf *buf, const struct vd_frame *frame);

/* One L2 block's share of a batch. */
struct vd_batch_block {
    uint64_t timestamp;
    uint64_t epoch_number;
    struct vd_hash epoch_hash;           /* singular only; zero in a span until it is resolved */
    const struct vd_slice *transactions; /* EIP-2718, no deposits */
    size_t transaction_count;
};

struct vd_singular_batch {
    struct vd_hash parent_hash;
    struct vd_batch_block block;
};

/* A span batch, decoded whole: blocks and rebuilt transactions in the arena. */
struct vd_span_batch {
    uint64_t rel_timestamp;
    uint64_t l1_origin_number; /* of the last block */
    uint8_t parent_check[20];
    uint8_t l1_origin_check[20];
    bool first_block_opens_epoch; /* origin bit 0 */
    struct vd_batch_block *blocks;
    size_t block_count;
};

enum vd_batch_type {
    VD_BATCH_SINGULAR = 0,
    VD_BATCH_SPAN = 1,
};

/* How a batch failed to decode: bytes that do not parse cost the rest of the channel, transactions
   that cannot be rebuilt only this batch (as op-node has it). */
enum vd_batch_verdict {
    VD_BATCH_OK,
    VD_BATCH_BAD_CHANNEL,
    VD_BATCH_BAD_BATCH,
};

struct vd_batch {
    enum vd_batch_type type;
    struct vd_singular_batch singular;
    struct vd_span_batch span;
};
/* content is the RLP string's content: type byte and batch.  Transactions of a singular batch
   borrow from it, those of a span are rebuilt in the arena.  VD_ERR_NO_MEMORY only.  The arena
   needs at most 16 bytes per byte of content for a singular batch, 72 for a span. */
VD_MUST_USE enum vd_err vd_batch_decode(struct vd_batch *batch, enum vd_batch_verdict *verdict,
                                        struct vd_arena *arena,
                                        const struct vd_rollup_config *config,
                                        struct vd_slice content);

/* Encoders for the batcher; they append the RLP string that stands in a channel.  scratch is
   rewound and may not be the arena of out. */
VD_MUST_USE enum vd_err vd_singular_batch_encode(struct vd_buf *out, struct vd_arena *scratch,
                                                 const struct vd_singular_batch *batch);
/* Fields of span: as decoded; blocks carry full EIP-2718 transactions, epoch numbers and
   timestamps that fit each other.  VD_ERR_INVALID: they do not, or a transaction is one that a span
   batch cannot hold. */
VD_MUST_USE enum vd_err vd_span_batch_encode(struct vd_buf *out, struct vd_arena *scratch,
                                             const struct vd_rollup_config *config,
                                             const struct vd_span_batch *span);

/* vd_channel_frames cuts compressed channel bytes into frames of at most max_frame bytes
   (overhead included); frames[i] is one frame's bytes, without the version byte that opens a data
   item; all in the arena.  VD_ERR_INVALID: max_frame leaves no room for data.
   VD_ERR_TOO_LARGE: more frames than a channel can number. */
VD_MUST_USE enum vd_err vd_channel_frames(struct vd_slice **frames, size_t *count,
                                          struct vd_arena *arena, const struct vd_channel_id *id,
                                          struct vd_slice compressed, size_t max_frame);

/* vd_channel_force_close appends a data item that ends the channel of which these frames were seen:
   an empty last frame, or the frames that are missing below the last one.
   VD_ERR_INVALID: no frames, or frames of several channels. */
VD_MUST_USE enum vd_err vd_channel_force_close(struct vd_buf *out, const struct vd_frame *frames,
                                               size_t count);

#endif
