/* A batch with all its blocks and transactions taken out at once, as tests like to look at it. */
#ifndef VIADUCT_TESTS_WHOLE_BATCH_H
#define VIADUCT_TESTS_WHOLE_BATCH_H

#include "viaduct/core/rollup/batch.h"

struct whole_batch {
    enum vd_batch_type type;
    struct vd_singular_batch singular;
    struct vd_span_batch span;
};

static enum vd_err
whole_block(struct vd_batch_block *out, struct vd_arena *arena, const struct vd_batch_entry *entry)
{
    struct vd_slice *transactions;
    enum vd_err err = vd_batch_transactions(&transactions, arena, entry);
    *out = (struct vd_batch_block){.timestamp = entry->timestamp,
                                   .epoch_number = entry->epoch_number,
                                   .epoch_hash = entry->epoch_hash,
                                   .transactions = transactions,
                                   .transaction_count = entry->transaction_count};
    return err;
}

static enum vd_err
whole_span(struct vd_span_batch *out, struct vd_arena *arena, struct vd_span *span)
{
    struct vd_batch_entry entry;
    enum vd_err err = VD_OK;
    *out = (struct vd_span_batch){.rel_timestamp = span->rel_timestamp,
                                  .l1_origin_number = span->l1_origin_number,
                                  .block_count = span->block_count};
    memcpy(out->parent_check, span->parent_check, sizeof out->parent_check);
    memcpy(out->l1_origin_check, span->l1_origin_check, sizeof out->l1_origin_check);
    out->first_block_opens_epoch = (span->origins.bytes[span->origins.len - 1] & 1) != 0;
    out->blocks = VD_ARENA_NEW(arena, struct vd_batch_block, span->block_count);
    if (out->blocks == NULL)
        return VD_ERR_NO_MEMORY;
    size_t i = 0;
    while (err == VD_OK && vd_span_next(span, &entry))
        err = whole_block(&out->blocks[i++], arena, &entry);
    VD_ASSERT(err != VD_OK || i == span->block_count);
    return err;
}

/* VD_ERR_NO_MEMORY only. */
static enum vd_err
whole_batch_decode(struct whole_batch *out, enum vd_batch_verdict *verdict, struct vd_arena *arena,
                   const struct vd_rollup_config *config, struct vd_slice content)
{
    struct vd_batch batch;
    *out = (struct whole_batch){0};
    *verdict = vd_batch_decode(&batch, config, content);
    if (*verdict != VD_BATCH_OK)
        return VD_OK;
    out->type = batch.type;
    if (batch.type == VD_BATCH_SPAN)
        return whole_span(&out->span, arena, &batch.span);
    out->singular.parent_hash = batch.parent_hash;
    return whole_block(&out->singular.block, arena, &batch.singular);
}

#endif
