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
bad_transaction(const struct vd_check_context *c, const struct vd_batch_entry *block)
{
    if (block->has_empty)
        return "a transaction is empty";
    if (block->has_deposit)
        return "a transaction is a deposit";
    if (block->has_set_code && block->timestamp < c->config->l2.isthmus_time)
        return "a set-code transaction before Isthmus";
    return NULL;
}

/* Rows 9 to 12: the block's time against its origin's. */
static struct vd_check
check_drift(const struct vd_check_context *c, const struct vd_batch_entry *block,
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
vd_check_block(const struct vd_check_context *c, const struct vd_hash *parent_hash,
               const struct vd_batch_entry *block)
{
    uint64_t next_time = c->parent->timestamp + c->config->block_time_s;
    uint64_t epoch = block->epoch_number;
    uint64_t current = vd_l1_window_at(c->l1, 0)->epoch.ref.number;
    if (block->timestamp > next_time)
        return drop("leaves a gap after the safe head");
    if (block->timestamp < next_time)
        return verdict(VD_CHECK_PAST, "at or below the safe head");
    if (!vd_hash_eq(parent_hash, &c->parent->hash))
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
check_place(const struct vd_check_context *c, const struct vd_span *span, uint64_t *overlap)
{
    const struct vd_l2_ref *safe = c->parent;
    uint64_t block_time = c->config->block_time_s;
    uint64_t next_time = safe->timestamp + block_time;
    uint64_t start = span->next.timestamp;
    *overlap = 0;
    if (start > next_time)
        return drop("leaves a gap after the safe head");
    if (span->last_timestamp < next_time)
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
check_anchors(const struct vd_check_context *c, const struct vd_span *span,
              const struct vd_l2_ref *before)
{
    uint64_t start = span->next.epoch_number;
    uint64_t end = span->l1_origin_number;
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

static enum vd_err
same_transactions(bool *same, const struct vd_batch_entry *block, const struct vd_slice *txs,
                  size_t count, struct vd_arena *scratch)
{
    size_t mark = vd_arena_mark(scratch);
    struct vd_slice *own;
    *same = block->transaction_count == count;
    if (!*same)
        return VD_OK;
    enum vd_err err = vd_batch_transactions(&own, scratch, block);
    for (size_t i = 0; i < count && err == VD_OK && *same; i++)
        *same = vd_slice_eq(own[i], txs[i]);
    vd_arena_rewind(scratch, mark);
    return err;
}

/* Step 10: what the span says of blocks that are safe already must be so. */
static enum vd_err
check_overlapping(struct vd_check *result, const struct vd_batch_entry *block, uint64_t number,
                  const struct vd_derive_l2 *l2, struct vd_arena *scratch)
{
    struct vd_l2_ref ref;
    const struct vd_slice *txs;
    size_t count;
    bool same;
    enum vd_err err = l2->ref(l2->ctx, &ref, number);
    if (err == VD_OK)
        err = l2->transactions(l2->ctx, &txs, &count, number);
    if (err != VD_OK)
        return err;
    if (ref.l1_origin.number != block->epoch_number) {
        *result = drop("overlaps safe blocks with other L1 origins");
        return VD_OK;
    }
    err = same_transactions(&same, block, txs, count, scratch);
    if (err == VD_OK && !same)
        *result = drop("overlaps safe blocks with other transactions");
    return err;
}

/* The blocks after the safe head must have origins that are known and not over. */
static struct vd_check
check_rest(const struct vd_check_context *c, const struct vd_span *span)
{
    uint64_t epoch = span->next.epoch_number;
    if (epoch < c->parent->l1_origin.number || vd_l1_window_find(c->l1, epoch) == NULL)
        return drop("its L1 origin after the safe head is over");
    return accepted;
}

/* What is left once the span has its place: overlap blocks of it repeat safe ones. */
static enum vd_err
check_blocks(struct vd_check *result, const struct vd_check_context *c, struct vd_span *span,
             uint64_t overlap, const struct vd_derive_l2 *l2, struct vd_arena *scratch)
{
    struct vd_l2_ref before = *c->parent;
    enum vd_err err = VD_OK;
    if (overlap != 0)
        err = l2->ref(l2->ctx, &before, c->parent->number - overlap);
    if (err != VD_OK)
        return err;
    *result = check_anchors(c, span, &before);
    /* The span ends after the safe head, so that it holds more blocks than overlap. */
    for (uint64_t i = 1; i <= overlap && result->verdict == VD_CHECK_ACCEPT; i++) {
        struct vd_batch_entry block;
        (void)vd_span_next(span, &block);
        err = check_overlapping(result, &block, before.number + i, l2, scratch);
        if (err != VD_OK)
            return err;
    }
    if (result->verdict == VD_CHECK_ACCEPT)
        *result = check_rest(c, span);
    return VD_OK;
}

enum vd_err
vd_check_span(struct vd_check *result, const struct vd_check_context *c, struct vd_span *span,
              const struct vd_derive_l2 *l2, struct vd_arena *scratch)
{
    uint64_t overlap;
    struct vd_span_place start = span->next;
    if (start.epoch_number == vd_l1_window_at(c->l1, 0)->epoch.ref.number + 1 && c->l1->count < 2) {
        *result = verdict(VD_CHECK_UNDECIDED, "its first L1 origin is not known yet");
        return VD_OK;
    }
    *result = check_place(c, span, &overlap);
    if (result->verdict != VD_CHECK_ACCEPT)
        return VD_OK;
    enum vd_err err = check_blocks(result, c, span, overlap, l2, scratch);
    if (err != VD_OK)
        span->next = start;
    return err;
}
