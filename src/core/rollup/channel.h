/* Frame pruning, the channel assembler and the channel reader (OP Stack specs, Holocene
 * derivation). */
#ifndef VD_CORE_ROLLUP_CHANNEL_H
#define VD_CORE_ROLLUP_CHANNEL_H

#include "viaduct/core/codec/brotli.h"
#include "viaduct/core/codec/inflate.h"
#include "viaduct/core/rollup/batch.h"

/* Drops what the order of frames inside one data item rules out; returns how many are left, at the
   front. */
size_t vd_frames_prune(struct vd_frame *frames, size_t count);

/* One staging channel in a buffer of its own. */
struct vd_assembler {
    uint8_t *bytes;
    size_t cap;
    bool open;
    struct vd_channel_id id;
    uint64_t open_block;  /* L1 block of frame 0 */
    uint32_t frame_count; /* and so the number that comes next */
    size_t len;
    uint64_t size; /* as the limit counts it */
};
enum vd_assembled {
    VD_ASSEMBLED_PART,
    VD_ASSEMBLED_WHOLE,   /* bytes, len: the channel; valid until the next frame */
    VD_ASSEMBLED_DROPPED, /* the frame does not belong */
    VD_ASSEMBLED_TOO_BIG, /* the channel is dropped */
};
/* True when the channel was open and timed out at that L1 block; it is closed then. */
bool vd_assembler_expire(struct vd_assembler *a, uint64_t l1_number);
/* VD_ERR_NO_MEMORY: the buffer is smaller than the protocol's limit and the frame does not fit;
   nothing has changed. */
VD_MUST_USE enum vd_err vd_assembler_add(struct vd_assembler *a, enum vd_assembled *result,
                                         const struct vd_frame *frame, uint64_t l1_number);

/* A decompressed channel, read one batch at a time. */
struct vd_channel_reader {
    void *memory;        /* of vd_inflate_size() bytes */
    void *brotli_memory; /* of vd_brotli_size() bytes */
    bool active;
    struct vd_inflate *z; /* NULL: the channel is brotli's */
    struct vd_brotli *brotli;
    uint64_t left; /* of VD_CHANNEL_MAX_BYTES decompressed */
};
enum vd_channel_open {
    VD_CHANNEL_OPENED,
    VD_CHANNEL_BAD,
};
enum vd_channel_open vd_channel_reader_open(struct vd_channel_reader *r, struct vd_slice channel);

enum vd_channel_item {
    VD_CHANNEL_BATCH,
    VD_CHANNEL_END,       /* the stream is at its end; the reader is inactive */
    VD_CHANNEL_MALFORMED, /* no batch can be read any more; the reader is inactive */
};
/* The content of the next RLP string, in the arena.  VD_ERR_NO_MEMORY leaves the reader where it
   cannot go on: the channel has to be opened again. */
VD_MUST_USE enum vd_err vd_channel_reader_next(struct vd_channel_reader *r,
                                               enum vd_channel_item *item, struct vd_slice *content,
                                               struct vd_arena *arena);

#endif
