/* Batches: one RLP string each, holding a type byte and the content (OP Stack specs, derivation:
 * batch format). */
#include "core/rollup/span.h"
#include "viaduct/core/codec/rlp.h"

void
vd_batch_entry_note(struct vd_batch_entry *entry, struct vd_slice transaction)
{
    entry->transaction_count++;
    if (transaction.len == 0)
        entry->has_empty = true;
    else if (transaction.ptr[0] == VD_TX_DEPOSIT)
        entry->has_deposit = true;
    else if (transaction.ptr[0] == VD_TX_SET_CODE)
        entry->has_set_code = true;
}

/* rlp([parentHash, epochNumber, epochHash, timestamp, [tx, ...]]); what stands after the list is
   ignored. */
static enum vd_batch_verdict
decode_singular(struct vd_batch *batch, struct vd_slice content)
{
    struct vd_rlp outer = vd_rlp(content);
    struct vd_rlp fields = vd_rlp_list(&outer);
    struct vd_batch_entry *entry = &batch->singular;
    *entry = (struct vd_batch_entry){0};
    batch->parent_hash = vd_rlp_hash(&fields);
    entry->epoch_number = vd_rlp_u64(&fields);
    entry->epoch_hash = vd_rlp_hash(&fields);
    entry->timestamp = vd_rlp_u64(&fields);
    struct vd_rlp items = vd_rlp_list(&fields);
    entry->list = vd_slice(items.ptr, (size_t)(items.end - items.ptr));
    while (vd_rlp_more(&items)) {
        struct vd_slice tx = vd_rlp_string(&items);
        vd_batch_entry_note(entry, tx);
    }
    vd_rlp_close(&fields, &items);
    vd_rlp_close(&outer, &fields);
    return outer.failed ? VD_BATCH_BAD_CHANNEL : VD_BATCH_OK;
}

enum vd_batch_verdict
vd_batch_decode(struct vd_batch *batch, const struct vd_rollup_config *config,
                struct vd_slice content)
{
    if (content.len == 0)
        return VD_BATCH_BAD_CHANNEL;
    struct vd_slice rest = vd_slice(content.ptr + 1, content.len - 1);
    if (content.ptr[0] == VD_BATCH_SINGULAR) {
        batch->type = VD_BATCH_SINGULAR;
        return decode_singular(batch, rest);
    }
    if (content.ptr[0] == VD_BATCH_SPAN) {
        batch->type = VD_BATCH_SPAN;
        return vd_span_decode(&batch->span, config, rest);
    }
    return VD_BATCH_BAD_CHANNEL;
}

enum vd_err
vd_batch_transactions(struct vd_slice **transactions, struct vd_arena *arena,
                      const struct vd_batch_entry *entry)
{
    size_t n = entry->transaction_count;
    struct vd_slice *out = VD_ARENA_NEW(arena, struct vd_slice, n);
    *transactions = out;
    if (out == NULL)
        return VD_ERR_NO_MEMORY;
    if (entry->span != NULL)
        return vd_span_transactions(out, arena, entry);
    struct vd_rlp items = vd_rlp(entry->list);
    for (size_t i = 0; i < n; i++)
        out[i] = vd_rlp_string(&items);
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
