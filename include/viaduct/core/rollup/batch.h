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

/* --- batches to be written --- */

/* One L2 block's share of a batch. */
struct vd_batch_block {
    uint64_t timestamp;
    uint64_t epoch_number;
    struct vd_hash epoch_hash;           /* singular only */
    const struct vd_slice *transactions; /* EIP-2718, no deposits */
    size_t transaction_count;
};

struct vd_singular_batch {
    struct vd_hash parent_hash;
    struct vd_batch_block block;
};

struct vd_span_batch {
    uint64_t rel_timestamp;
    uint64_t l1_origin_number; /* of the last block */
    uint8_t parent_check[20];
    uint8_t l1_origin_check[20];
    bool first_block_opens_epoch; /* origin bit 0 */
    struct vd_batch_block *blocks;
    size_t block_count;
};

/* --- batches that were read --- */

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

/* n bits in ceil(n / 8) bytes, a big-endian number: bit 0 is the lowest of the last byte. */
struct vd_batch_bits {
    const uint8_t *bytes;
    size_t len;
};

/* A block of a span: where its share of each section begins. */
struct vd_span_place {
    size_t block;
    uint64_t timestamp;
    uint64_t epoch_number;
    const uint8_t *counts; /* transactions of each block */
    size_t tx;
    size_t receiver; /* creations have none */
    size_t legacy;   /* the others have no protection bit */
    const uint8_t *datas;
    const uint8_t *nonces;
    const uint8_t *gases;
};

/* A span batch, known to be whole and to hold nothing but transactions that can be rebuilt.  It
   stays the bytes that it came in; next is where the reading of its blocks stands. */
struct vd_span {
    uint64_t rel_timestamp;
    uint64_t l1_origin_number; /* of the last block */
    uint64_t last_timestamp;
    uint8_t parent_check[20];
    uint8_t l1_origin_check[20];
    size_t block_count;
    uint64_t block_time_s;
    uint64_t chain_id;
    struct vd_batch_bits origins;
    struct vd_batch_bits creations;
    struct vd_batch_bits parities;
    struct vd_batch_bits protections;
    const uint8_t *signatures;
    const uint8_t *receivers;
    struct vd_span_place next;
};

/* One block of a batch that was read; its transactions are still in the batch. */
struct vd_batch_entry {
    uint64_t timestamp;
    uint64_t epoch_number;
    struct vd_hash epoch_hash; /* singular only; zero in a span until it is resolved */
    size_t transaction_count;
    bool has_empty;             /* a transaction of no bytes */
    bool has_deposit;           /* one of type 0x7e */
    bool has_set_code;          /* one of type 0x04 */
    const struct vd_span *span; /* NULL: of a singular batch */
    struct vd_span_place place;
    struct vd_slice list; /* singular: RLP strings, one after the other */
};

struct vd_batch {
    enum vd_batch_type type;
    struct vd_hash parent_hash;     /* singular */
    struct vd_batch_entry singular; /* its one block */
    struct vd_span span;
};

/* vd_batch_decode reads content, an RLP string's: type byte and batch.  It looks at everything that
   decides on the verdict, takes nothing out and so needs no memory: *batch borrows from content. */
enum vd_batch_verdict vd_batch_decode(struct vd_batch *batch, const struct vd_rollup_config *config,
                                      struct vd_slice content);
/* The next block of a span, which *entry borrows; false at its end. */
bool vd_span_next(struct vd_span *span, struct vd_batch_entry *entry);

/* Counts one more transaction of a block. */
void vd_batch_entry_note(struct vd_batch_entry *entry, struct vd_slice transaction);
/* The transactions of one block, entry->transaction_count of them.  The slices are in the arena;
   the bytes of a singular batch's are its own, those of a span's are rebuilt in the arena, where
   they take at most VD_SPAN_TX_GROWTH each more than they have in the batch.
   VD_ERR_NO_MEMORY only. */
#define VD_SPAN_TX_GROWTH 144u
VD_MUST_USE enum vd_err vd_batch_transactions(struct vd_slice **transactions,
                                              struct vd_arena *arena,
                                              const struct vd_batch_entry *entry);

/* Encoders for the batcher; they append the RLP string that stands in a channel.  scratch is
   rewound and may not be the arena of out. */
VD_MUST_USE enum vd_err vd_singular_batch_encode(struct vd_buf *out, struct vd_arena *scratch,
                                                 const struct vd_singular_batch *batch);
/* Blocks carry full EIP-2718 transactions, and epoch numbers and timestamps that fit each other and
   the span's own fields.  VD_ERR_INVALID: they do not, or a transaction is one that a span batch
   cannot hold. */
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
