/* Batches: one RLP string each, holding a type byte and the content (OP Stack specs, derivation:
 * batch format). */
#include "core/rollup/span.h"
#include "viaduct/core/codec/rlp.h"

/* rlp([parentHash, epochNumber, epochHash, timestamp, [tx, ...]]); what stands after the list is
   ignored. */
static enum vd_err
decode_singular(struct vd_singular_batch *batch, enum vd_batch_verdict *verdict,
                struct vd_arena *arena, struct vd_slice content)
{
    bool failed;
    struct vd_rlp outer = vd_rlp(content);
    struct vd_rlp fields = vd_rlp_list(&outer);
    *verdict = VD_BATCH_BAD_CHANNEL;
    *batch = (struct vd_singular_batch){.parent_hash = vd_rlp_hash(&fields)};
    batch->block.epoch_number = vd_rlp_u64(&fields);
    batch->block.epoch_hash = vd_rlp_hash(&fields);
    batch->block.timestamp = vd_rlp_u64(&fields);
    struct vd_rlp items = vd_rlp_list(&fields);
    size_t count = vd_rlp_count(&items, &failed);
    struct vd_rlp check = items;
    while (vd_rlp_more(&check))
        (void)vd_rlp_string(&check);
    vd_rlp_close(&fields, &check);
    vd_rlp_close(&outer, &fields);
    if (failed || outer.failed)
        return VD_OK;
    struct vd_slice *txs = vd_arena_alloc(arena, count * sizeof *txs, _Alignof(struct vd_slice));
    if (txs == NULL)
        return VD_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        txs[i] = vd_rlp_string(&items);
    batch->block.transactions = txs;
    batch->block.transaction_count = count;
    *verdict = VD_BATCH_OK;
    return VD_OK;
}

enum vd_err
vd_batch_decode(struct vd_batch *batch, enum vd_batch_verdict *verdict, struct vd_arena *arena,
                const struct vd_rollup_config *config, struct vd_slice content)
{
    *verdict = VD_BATCH_BAD_CHANNEL;
    if (content.len == 0)
        return VD_OK;
    struct vd_slice rest = vd_slice(content.ptr + 1, content.len - 1);
    if (content.ptr[0] == VD_BATCH_SINGULAR) {
        batch->type = VD_BATCH_SINGULAR;
        return decode_singular(&batch->singular, verdict, arena, rest);
    }
    if (content.ptr[0] == VD_BATCH_SPAN) {
        batch->type = VD_BATCH_SPAN;
        return vd_span_batch_decode(&batch->span, verdict, arena, config, rest);
    }
    return VD_OK;
}

enum vd_err
vd_singular_batch_encode(struct vd_buf *out, struct vd_arena *scratch,
                         const struct vd_singular_batch *batch)
{
    size_t mark = vd_arena_mark(scratch);
    struct vd_buf content;
    vd_buf_init(&content, scratch);
    vd_buf_byte(&content, VD_BATCH_SINGULAR);
    size_t fields = vd_rlp_begin(&content);
    vd_rlp_put_hash(&content, &batch->parent_hash);
    vd_rlp_put_u64(&content, batch->block.epoch_number);
    vd_rlp_put_hash(&content, &batch->block.epoch_hash);
    vd_rlp_put_u64(&content, batch->block.timestamp);
    size_t txs = vd_rlp_begin(&content);
    for (size_t i = 0; i < batch->block.transaction_count; i++)
        vd_rlp_put_string(&content, batch->block.transactions[i]);
    vd_rlp_end(&content, txs);
    vd_rlp_end(&content, fields);
    if (content.err == VD_OK)
        vd_rlp_put_string(out, vd_buf_view(&content));
    enum vd_err err = content.err != VD_OK ? content.err : out->err;
    vd_arena_rewind(scratch, mark);
    return err;
}
