#include "channel_job.h"

#include <brotli/encode.h>
#include <stdlib.h>
#include <zlib.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"

/* Room for the blocks of one channel and everything made of them; real on first touch. */
#define JOB_ARENA_BYTES ((size_t)1 << 30)
/* Transaction bytes in one channel: decompressed it stays well below VD_CHANNEL_MAX_BYTES, and
   every copy that encoding makes fits the arena. */
#define JOB_MAX_TX_BYTES ((size_t)40 << 20)
#define JOB_MAX_BLOCKS 200000u

struct vd_channel_job *
vd_channel_job_new(const struct vd_batcher_config *config, uint64_t now_ms)
{
    struct vd_channel_job *job = calloc(1, sizeof *job);
    void *memory = job ? vd_reserve(JOB_ARENA_BYTES) : NULL;
    if (!memory) {
        free(job);
        return NULL;
    }
    job->rollup = config->rollup;
    job->batch_type = config->batch_type;
    job->compression = config->compression;
    job->frame_bytes = config->frame_bytes;
    job->opened_ms = now_ms;
    vd_arena_init(&job->arena, memory, JOB_ARENA_BYTES);
    return job;
}

void
vd_channel_job_free(struct vd_channel_job *job)
{
    if (job) {
        vd_release(job->arena.base, job->arena.size);
        free(job);
    }
}

static bool
is_deposit(struct vd_slice raw)
{
    return raw.len > 0 && raw.ptr[0] == VD_TX_DEPOSIT;
}

enum vd_err
vd_channel_job_add(struct vd_channel_job *job, const struct vd_batcher_block *block)
{
    size_t first_user = 0;
    while (first_user < block->transaction_count && is_deposit(block->transactions[first_user])) {
        first_user++;
    }
    size_t count = block->transaction_count - first_user;
    size_t bytes = 0;
    for (size_t i = first_user; i < block->transaction_count; i++) {
        bytes += block->transactions[i].len;
    }
    if (job->block_count > 0 &&
        (job->tx_bytes + bytes > JOB_MAX_TX_BYTES || job->block_count == JOB_MAX_BLOCKS)) {
        return VD_ERR_FULL;
    }
    struct vd_channel_block *copy = VD_ARENA_NEW(&job->arena, struct vd_channel_block, 1);
    struct vd_slice *transactions = VD_ARENA_NEW(&job->arena, struct vd_slice, count + 1);
    if (!copy || !transactions) {
        return VD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        struct vd_slice raw = block->transactions[first_user + i];
        transactions[i] = vd_slice(vd_arena_copy(&job->arena, raw), raw.len);
        if (!transactions[i].ptr) {
            return VD_ERR_NO_MEMORY;
        }
    }
    *copy = (struct vd_channel_block){
        .ref = block->ref, .transactions = transactions, .transaction_count = count};
    if (job->last) {
        job->last->next = copy;
    } else {
        job->first = copy;
    }
    job->last = copy;
    job->block_count++;
    job->tx_bytes += bytes;
    return VD_OK;
}

/* What the channel holds and how it is encoded: the same blocks under the same settings give the
   same id and, since everything after is a function of them, the same frames. */
static struct vd_channel_id
channel_id(const struct vd_channel_job *job)
{
    uint8_t bytes[32 + 32 + 8 + 8 + 8];
    memcpy(bytes, job->first->ref.hash.b, 32);
    memcpy(bytes + 32, job->last->ref.hash.b, 32);
    vd_store_be64(bytes + 64, job->batch_type);
    vd_store_be64(bytes + 72, job->frame_bytes);
    vd_store_be64(bytes + 80, job->compression);
    struct vd_hash hash = vd_keccak256(vd_slice(bytes, sizeof bytes));
    struct vd_channel_id id;
    memcpy(id.b, hash.b, sizeof id.b);
    return id;
}

static struct vd_batch_block
batch_block(const struct vd_channel_block *block)
{
    return (struct vd_batch_block){.timestamp = block->ref.timestamp,
                                   .epoch_number = block->ref.l1_origin.number,
                                   .epoch_hash = block->ref.l1_origin.hash,
                                   .transactions = block->transactions,
                                   .transaction_count = block->transaction_count};
}

static enum vd_err
encode_singular(struct vd_buf *out, struct vd_channel_job *job, struct vd_arena *scratch)
{
    for (const struct vd_channel_block *b = job->first; b; b = b->next) {
        struct vd_singular_batch batch = {.parent_hash = b->ref.parent_hash,
                                          .block = batch_block(b)};
        enum vd_err err = vd_singular_batch_encode(out, scratch, &batch);
        if (err != VD_OK) {
            return err;
        }
    }
    return out->err;
}

static enum vd_err
encode_span(struct vd_buf *out, struct vd_channel_job *job, struct vd_arena *scratch)
{
    struct vd_batch_block *blocks = VD_ARENA_NEW(scratch, struct vd_batch_block, job->block_count);
    if (!blocks) {
        return VD_ERR_NO_MEMORY;
    }
    size_t count = 0;
    for (const struct vd_channel_block *b = job->first; b; b = b->next) {
        blocks[count++] = batch_block(b);
    }
    const struct vd_l2_ref *first = &job->first->ref;
    const struct vd_l2_ref *last = &job->last->ref;
    struct vd_span_batch span = {.rel_timestamp = first->timestamp - job->rollup->genesis_l2_time,
                                 .l1_origin_number = last->l1_origin.number,
                                 .first_block_opens_epoch = first->sequence_number == 0,
                                 .blocks = blocks,
                                 .block_count = count};
    memcpy(span.parent_check, first->parent_hash.b, sizeof span.parent_check);
    memcpy(span.l1_origin_check, last->l1_origin.hash.b, sizeof span.l1_origin_check);
    enum vd_err err = vd_span_batch_encode(out, scratch, job->rollup, &span);
    return err == VD_OK ? out->err : err;
}

static enum vd_err
compress_zlib(struct vd_slice *out, struct vd_arena *arena, struct vd_slice plain)
{
    uLongf len = compressBound((uLong)plain.len);
    uint8_t *bytes = vd_arena_alloc(arena, len, 1);
    if (!bytes || compress2(bytes, &len, plain.ptr, (uLong)plain.len, Z_BEST_COMPRESSION) != Z_OK) {
        return VD_ERR_NO_MEMORY;
    }
    *out = vd_slice(bytes, len);
    return VD_OK;
}

/* Quality 5: below it blocks cost more bytes, above it much more time for few bytes less. */
#define BROTLI_QUALITY 5

/* OP Stack specs, Fjord derivation: the version byte 1, then the stream. */
static enum vd_err
compress_brotli(struct vd_slice *out, struct vd_arena *arena, struct vd_slice plain)
{
    size_t len = BrotliEncoderMaxCompressedSize(plain.len);
    uint8_t *bytes = vd_arena_alloc(arena, len + 1, 1);
    if (!bytes || !BrotliEncoderCompress(BROTLI_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC,
                                         plain.len, plain.ptr, &len, bytes + 1)) {
        return VD_ERR_NO_MEMORY;
    }
    bytes[0] = 1;
    *out = vd_slice(bytes, len + 1);
    return VD_OK;
}

static enum vd_err
compress_channel(struct vd_slice *out, struct vd_channel_job *job, struct vd_slice plain)
{
    switch (job->compression) {
    case VD_COMPRESS_BROTLI:
        return compress_brotli(out, &job->arena, plain);
    case VD_COMPRESS_ZLIB:
        return compress_zlib(out, &job->arena, plain);
    }
    return VD_ERR_INVALID;
}

/* One data item for each frame: the version byte 0 and the frame (OP Stack specs, derivation:
 * batcher transaction format). */
static enum vd_err
make_items(struct vd_channel_job *job, struct vd_slice compressed)
{
    struct vd_slice *frames = NULL;
    enum vd_err err = vd_channel_frames(&frames, &job->item_count, &job->arena, &job->id,
                                        compressed, job->frame_bytes - 1);
    if (err != VD_OK) {
        return err;
    }
    job->items = VD_ARENA_NEW(&job->arena, struct vd_slice, job->item_count);
    if (!job->items) {
        return VD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < job->item_count; i++) {
        uint8_t *item = vd_arena_alloc(&job->arena, frames[i].len + 1, 1);
        if (!item) {
            return VD_ERR_NO_MEMORY;
        }
        item[0] = 0;
        memcpy(item + 1, frames[i].ptr, frames[i].len);
        job->items[i] = vd_slice(item, frames[i].len + 1);
    }
    return VD_OK;
}

static enum vd_err
run(struct vd_channel_job *job)
{
    /* Encoded batches grow at the end of their own half, so scratch cannot come between. */
    size_t half = (job->arena.size - job->arena.used) / 2;
    uint8_t *memory = vd_arena_alloc(&job->arena, half, 64);
    if (!memory) {
        return VD_ERR_NO_MEMORY;
    }
    struct vd_arena encoded;
    struct vd_arena scratch;
    vd_arena_init(&encoded, memory, half / 2);
    vd_arena_init(&scratch, memory + half / 2, half - half / 2);
    struct vd_buf plain;
    vd_buf_init(&plain, &encoded);
    enum vd_err err = VD_ERR_INVALID;
    switch (job->batch_type) {
    case VD_BATCH_SINGULAR:
        err = encode_singular(&plain, job, &scratch);
        break;
    case VD_BATCH_SPAN:
        err = encode_span(&plain, job, &scratch);
        break;
    }
    struct vd_slice compressed = {0};
    if (err == VD_OK) {
        err = compress_channel(&compressed, job, vd_buf_view(&plain));
    }
    job->compressed_bytes = compressed.len;
    return err == VD_OK ? make_items(job, compressed) : err;
}

void
vd_channel_job_run(struct vd_channel_job *job)
{
    job->id = channel_id(job);
    job->err = run(job);
}
