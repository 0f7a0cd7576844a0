#include "core/rollup/checks.h"

static struct vd_check
verdict(enum vd_check_verdict v, const char *why)
{
    return (struct vd_check){v, why};
}

static struct vd_check
drop(const char *why)
{
    return verdict(VD_CHECK_DROP, why);
}

static const struct vd_check accepted = {VD_CHECK_ACCEPT, NULL};

/* Batch queue: transactions that a sequencer may not include. */
static const char *
bad_transaction(const struct vd_check_context *c, const struct vd_batch_block *block)
{
    for (size_t i = 0; i < block->transaction_count; i++) {
        struct vd_slice tx = block->transactions[i];
        if (tx.len == 0)
            return "a transaction is empty";
        if (tx.ptr[0] == VD_TX_DEPOSIT)
            return "a transaction is a deposit";
    }
    for (size_t i = 0; i < block->transaction_count; i++) {
        if (block->transactions[i].ptr[0] == VD_TX_SET_CODE &&
            block->timestamp < c->config->l2.isthmus_time)
            return "a set-code transaction before Isthmus";
    }
    return NULL;
}

/* Rows 9 to 12: the block's time against its origin's. */
static struct vd_check
check_drift(const struct vd_check_context *c, const struct vd_batch_block *block,
            const struct vd_l1_ref *origin)
{
    if (block->timestamp < origin->timestamp)
        return drop("older than its L1 origin");
    if (block->timestamp <= origin->timestamp + VD_MAX_SEQUENCER_DRIFT_S)
        return accepted;
    if (block->transaction_count != 0)
        return drop("has transactions past the sequencer drift");
    /* An empty block past the drift may not stay on an origin that it could leave. */
    if (origin->number != vd_l1_window_at(c->l1, 0)->epoch.ref.number)
        return accepted;
    const struct vd_l1_entry *next = vd_l1_window_at(c->l1, 1);
    if (next == NULL)
        return verdict(VD_CHECK_UNDECIDED, "the next L1 origin is not known");
    if (block->timestamp >= next->epoch.ref.timestamp)
        return drop("past the sequencer drift it should have taken the next L1 origin");
    return accepted;
}

/* Row 13 has no members: this build has no fork that starts after genesis. */
struct vd_check
vd_check_singular(const struct vd_check_context *c, const struct vd_singular_batch *batch)
{
    const struct vd_batch_block *block = &batch->block;
    uint64_t next_time = c->parent->timestamp + c->config->block_time_s;
    uint64_t epoch = block->epoch_number;
    uint64_t current = vd_l1_window_at(c->l1, 0)->epoch.ref.number;
    if (block->timestamp > next_time)
        return drop("leaves a gap after the safe head");
    if (block->timestamp < next_time)
        return verdict(VD_CHECK_PAST, "at or below the safe head");
    if (!vd_hash_eq(&batch->parent_hash, &c->parent->hash))
        return drop("its parent is not the safe head");
    if (epoch + c->config->seq_window_size < c->inclusion)
        return drop("included after its sequencing window");
    if (epoch < current)
        return drop("its epoch is over");
    if (epoch > current + 1)
        return drop("skips an L1 origin");
    const struct vd_l1_entry *origin = vd_l1_window_at(c->l1, (size_t)(epoch - current));
    if (origin == NULL)
        return verdict(VD_CHECK_UNDECIDED, "its L1 origin is not known yet");
    if (!vd_hash_eq(&block->epoch_hash, &origin->epoch.ref.hash))
        return drop("its L1 origin is not canonical");
    struct vd_check drift = check_drift(c, block, &origin->epoch.ref);
    if (drift.verdict != VD_CHECK_ACCEPT)
        return drift;
    const char *bad = bad_transaction(c, block);
    return bad != NULL ? drop(bad) : accepted;
}

/* Span batches, prefix checks: where the span starts.  *overlap is how many of its blocks are at
   or below the safe head.  ACCEPT: go on. */
static struct vd_check
check_place(const struct vd_check_context *c, const struct vd_span_batch *span, uint64_t *overlap)
{
    const struct vd_l2_ref *safe = c->parent;
    uint64_t block_time = c->config->block_time_s;
    uint64_t next_time = safe->timestamp + block_time;
    uint64_t start = span->blocks[0].timestamp;
    *overlap = 0;
    if (start > next_time)
        return drop("leaves a gap after the safe head");
    if (span->blocks[span->block_count - 1].timestamp < next_time)
        return verdict(VD_CHECK_PAST, "at or below the safe head");
    if (start == next_time)
        return accepted;
    if (start > safe->timestamp || (safe->timestamp - start) % block_time != 0)
        return drop("its times are not those of blocks");
    *overlap = (safe->timestamp - start) / block_time + 1;
    /* The reference cannot fetch a block before genesis and never decides; nothing will ever make
       the block appear. */
    if (*overlap > safe->number - c->config->genesis_l2.number)
        return drop("starts at or before genesis");
    return accepted;
}

/* Steps 5 to 9.  before is the block that the span says it continues. */
static struct vd_check
check_anchors(const struct vd_check_context *c, const struct vd_span_batch *span,
              const struct vd_l2_ref *before)
{
    uint64_t start = span->blocks[0].epoch_number;
    uint64_t end = span->blocks[span->block_count - 1].epoch_number;
    if (memcmp(span->parent_check, before->hash.b, sizeof span->parent_check) != 0)
        return drop("its parent is not on the safe chain");
    if (start + c->config->seq_window_size < c->inclusion)
        return drop("included after its sequencing window");
    if (start > before->l1_origin.number + 1)
        return drop("skips an L1 origin");
    const struct vd_l1_entry *last = vd_l1_window_find(c->l1, end);
    if (last == NULL)
        return verdict(VD_CHECK_UNDECIDED, "its last L1 origin is not known");
    if (memcmp(span->l1_origin_check, last->epoch.ref.hash.b, sizeof span->l1_origin_check) != 0)
        return drop("its last L1 origin is not canonical");
    if (start < before->l1_origin.number)
        return drop("its first L1 origin is over");
    return accepted;
}

static bool
same_transactions(const struct vd_batch_block *block, const struct vd_slice *txs, size_t count)
{
    if (block->transaction_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!vd_slice_eq(block->transactions[i], txs[i]))
            return false;
    }
    return true;
}

/* Step 10: what the span says of blocks that are safe already must be so. */
static enum vd_err
check_overlap(struct vd_check *result, const struct vd_span_batch *span, size_t overlap,
              uint64_t first_number, const struct vd_derive_l2 *l2)
{
    for (size_t i = 0; i < overlap; i++) {
        struct vd_l2_ref ref;
        const struct vd_slice *txs;
        size_t count;
        enum vd_err err = l2->ref(l2->ctx, &ref, first_number + i);
        if (err == VD_OK)
            err = l2->transactions(l2->ctx, &txs, &count, first_number + i);
        if (err != VD_OK)
            return err;
        if (ref.l1_origin.number != span->blocks[i].epoch_number)
            *result = drop("overlaps safe blocks with other L1 origins");
        else if (!same_transactions(&span->blocks[i], txs, count))
            *result = drop("overlaps safe blocks with other transactions");
        if (result->verdict != VD_CHECK_ACCEPT)
            return VD_OK;
    }
    return VD_OK;
}

/* The blocks after the safe head must have origins that are known and not over. */
static struct vd_check
check_rest(const struct vd_check_context *c, const struct vd_span_batch *span, size_t first)
{
    uint64_t epoch = span->blocks[first].epoch_number;
    if (epoch < c->parent->l1_origin.number || vd_l1_window_find(c->l1, epoch) == NULL)
        return drop("its L1 origin after the safe head is over");
    return accepted;
}

enum vd_err
vd_check_span(struct vd_check *result, size_t *first, const struct vd_check_context *c,
              const struct vd_span_batch *span, const struct vd_derive_l2 *l2)
{
    uint64_t overlap;
    struct vd_l2_ref before = *c->parent;
    if (span->blocks[0].epoch_number == vd_l1_window_at(c->l1, 0)->epoch.ref.number + 1 &&
        c->l1->count < 2) {
        *result = verdict(VD_CHECK_UNDECIDED, "its first L1 origin is not known yet");
        return VD_OK;
    }
    *result = check_place(c, span, &overlap);
    if (result->verdict != VD_CHECK_ACCEPT)
        return VD_OK;
    /* The span ends after the safe head, so that it holds more blocks than overlap. */
    *first = (size_t)overlap;
    if (overlap != 0) {
        enum vd_err err = l2->ref(l2->ctx, &before, c->parent->number - overlap);
        if (err != VD_OK)
            return err;
    }
    *result = check_anchors(c, span, &before);
    if (result->verdict != VD_CHECK_ACCEPT)
        return VD_OK;
    enum vd_err err = check_overlap(result, span, *first, before.number + 1, l2);
    if (err == VD_OK && result->verdict == VD_CHECK_ACCEPT)
        *result = check_rest(c, span, *first);
    return err;
}
