#include "core/rollup/upstream.h"
#include "core/rollup/batcher_tx.h"

void
vd_upstream_dropped(const struct vd_upstream *u, const char *what, const char *why)
{
    if (u->observer != NULL)
        u->observer->dropped(u->observer->ctx, what, why, u->l1_number);
}

void
vd_upstream_flush(struct vd_upstream *u)
{
    u->reader.active = false;
}

void
vd_upstream_clear(struct vd_upstream *u)
{
    u->transactions = NULL;
    u->transaction_count = 0;
    u->transaction_next = 0;
    u->frame_count = 0;
    u->frame_next = 0;
    u->assembler.open = false;
    u->reader.active = false;
    u->batch_mark = 0;
    vd_arena_rewind(&u->arena, 0);
}

void
vd_upstream_l1(struct vd_upstream *u, uint64_t l1_number, const struct vd_address *batcher,
               const struct vd_slice *transactions, size_t count)
{
    u->l1_number = l1_number;
    u->batcher = *batcher;
    u->transactions = transactions;
    u->transaction_count = count;
    u->transaction_next = 0;
}

/* The reader and the batch that it gave are done with before frames are loaded, so that the whole
   region is free. */
static enum vd_err
load_frames(struct vd_upstream *u, struct vd_slice item)
{
    size_t count;
    vd_arena_rewind(&u->arena, 0);
    u->frame_count = 0;
    u->frame_next = 0;
    enum vd_err err = vd_frames_decode(&u->frames, &count, &u->arena, item);
    if (err == VD_ERR_INVALID) {
        vd_upstream_dropped(u, "data item", "not version 0 with whole frames");
        return VD_OK;
    }
    if (err != VD_OK)
        return err;
    u->frame_count = vd_frames_prune(u->frames, count);
    u->batch_mark = vd_arena_mark(&u->arena);
    if (u->frame_count != count)
        vd_upstream_dropped(u, "frame", "out of order in its data item");
    return VD_OK;
}

/* Looks for the next transaction from the batcher to the inbox. */
static enum vd_err
pull_transaction(struct vd_upstream *u, enum vd_pull *pull, const char **why)
{
    struct vd_batcher_tx tx;
    bool is_from;
    do {
        if (u->transaction_next == u->transaction_count) {
            *pull = VD_PULL_EOF;
            return VD_OK;
        }
    } while (
        !vd_batcher_tx_read(&tx, &u->config->batch_inbox, u->transactions[u->transaction_next++]));
    enum vd_err err = vd_batcher_tx_is_from(&is_from, &tx, &u->batcher, u->curves);
    if (err != VD_OK) {
        u->transaction_next--;
        return err;
    }
    if (!is_from) {
        vd_upstream_dropped(u, "data item", "not from the batcher");
        return VD_OK;
    }
    if (tx.type == VD_TX_BLOB) {
        *pull = VD_PULL_UNSUPPORTED;
        *why = "the batcher's data is in blobs";
        return VD_OK;
    }
    return load_frames(u, tx.data);
}

static void
open_channel(struct vd_upstream *u, bool discard)
{
    struct vd_slice channel = vd_slice(u->assembler.bytes, u->assembler.len);
    enum vd_channel_open opened = VD_CHANNEL_BAD;
    if (discard) {
        vd_upstream_dropped(u, "channel", "complete before the safe head's L1 origin");
        return;
    }
    opened = vd_channel_reader_open(&u->reader, channel);
    if (opened == VD_CHANNEL_BAD)
        vd_upstream_dropped(u, "channel", "empty or of unknown compression");
}

static enum vd_err
pull_frame(struct vd_upstream *u, bool discard)
{
    const struct vd_frame *frame = &u->frames[u->frame_next++];
    enum vd_assembled result;
    enum vd_err err = vd_assembler_add(&u->assembler, &result, frame, u->l1_number);
    if (err != VD_OK)
        return err;
    switch (result) {
    case VD_ASSEMBLED_PART:
        break;
    case VD_ASSEMBLED_WHOLE:
        open_channel(u, discard);
        break;
    case VD_ASSEMBLED_DROPPED:
        vd_upstream_dropped(u, "frame", "not the next of the open channel");
        break;
    case VD_ASSEMBLED_TOO_BIG:
        vd_upstream_dropped(u, "channel", "over its limit of bytes");
        break;
    }
    return VD_OK;
}

static void
decode_batch(struct vd_upstream *u, enum vd_pull *pull, struct vd_batch *batch,
             struct vd_slice content)
{
    switch (vd_batch_decode(batch, u->config, content)) {
    case VD_BATCH_OK:
        *pull = VD_PULL_BATCH;
        break;
    case VD_BATCH_BAD_CHANNEL:
        vd_upstream_dropped(u, "channel", "a batch does not decode");
        vd_upstream_flush(u);
        break;
    case VD_BATCH_BAD_BATCH:
        vd_upstream_dropped(u, "span batch", "a transaction cannot be rebuilt");
        break;
    }
}

static enum vd_err
pull_batch(struct vd_upstream *u, enum vd_pull *pull, struct vd_batch *batch)
{
    enum vd_channel_item item;
    struct vd_slice content;
    vd_arena_rewind(&u->arena, u->batch_mark);
    enum vd_err err = vd_channel_reader_next(&u->reader, &item, &content, &u->arena);
    if (err != VD_OK)
        return err;
    switch (item) {
    case VD_CHANNEL_BATCH:
        decode_batch(u, pull, batch, content);
        break;
    case VD_CHANNEL_END:
        break;
    case VD_CHANNEL_MALFORMED:
        vd_upstream_dropped(u, "channel", "its stream or its RLP is malformed");
        break;
    }
    return VD_OK;
}

enum vd_err
vd_upstream_pull(struct vd_upstream *u, enum vd_pull *pull, struct vd_batch *batch,
                 const char **why, bool discard)
{
    *pull = VD_PULL_MORE;
    if (discard)
        vd_upstream_flush(u);
    if (u->reader.active)
        return pull_batch(u, pull, batch);
    if (vd_assembler_expire(&u->assembler, u->l1_number))
        vd_upstream_dropped(u, "channel", "timed out");
    if (u->frame_next < u->frame_count)
        return pull_frame(u, discard);
    return pull_transaction(u, pull, why);
}
