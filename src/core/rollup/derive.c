/* The batch stage, the attributes queue and the pipeline's face (OP Stack specs, derivation: batch
   queue, payload attributes, engine queue; Holocene derivation).

   What a step does is decided by what is at hand, the latest stage first: an answer that the owner
   owes, attributes to build from an accepted batch, the rest of a span, a span not yet judged, and
   only then the stages upstream. */
#include "core/rollup/checks.h"
#include "core/rollup/upstream.h"

enum { TX_LEAST_GAS = 16800 };

enum end_state {
    RUNNING,
    MUST_RESET,
    UNSUPPORTED,
    CRITICAL,
};

struct vd_derive {
    struct vd_rollup_config config;
    struct vd_curves curves;
    struct vd_derive_l2 l2;
    struct vd_derive_observer observer;
    struct vd_upstream upstream;
    struct vd_l1_window l1;

    enum end_state end;
    const char *reason;
    enum vd_err stuck; /* a region was too small: nothing but a reset helps */

    /* Traversal. */
    bool needs_l1;
    bool at_start; /* no L1 block since the reset */
    struct vd_l1_ref origin;
    struct vd_system_config traversal;

    /* The head to build on. */
    struct vd_l2_ref safe;
    struct vd_system_config safe_system;

    /* Batch stage. */
    struct vd_batch batch;
    bool span_unjudged;
    bool in_span;

    /* Attributes. */
    bool has_next;
    struct vd_batch_entry next; /* accepted: what the next block is made from */
    size_t next_mark; /* of the region, above the batch: what the attributes take goes again */
    bool needs_origin;
    bool origin_given;
    struct vd_slice *given_deposits;
    size_t given_count;
    bool has_payload;
    struct vd_attributes attributes;
};

/* --- life --- */

static bool
take_region(struct vd_arena *region, struct vd_arena *arena, size_t size)
{
    void *memory = vd_arena_alloc(arena, size, 16);
    vd_arena_init(region, memory, memory == NULL ? 0 : size);
    return memory != NULL;
}

static enum vd_err
take_regions(struct vd_derive *d, struct vd_arena *arena, const struct vd_derive_limits *limits)
{
    /* A sequencing window, the block that ends it, and one to spare. */
    uint64_t window = d->config.seq_window_size;
    if (window > SIZE_MAX / sizeof(struct vd_l1_entry) - 2)
        return VD_ERR_NO_MEMORY;
    enum vd_err err = vd_l1_window_init(&d->l1, arena, (size_t)window + 2, limits->l1_bytes);
    if (err != VD_OK)
        return err;
    struct vd_upstream *u = &d->upstream;
    u->reader.memory = vd_arena_alloc(arena, vd_inflate_size(), 8);
    u->reader.brotli_memory = vd_arena_alloc(arena, vd_brotli_size(), 8);
    u->assembler.bytes = vd_arena_alloc(arena, limits->channel_bytes, 16);
    u->assembler.cap = limits->channel_bytes;
    bool ok = take_region(&u->arena, arena, limits->batch_bytes);
    return ok && u->reader.memory != NULL && u->reader.brotli_memory != NULL &&
                   u->assembler.bytes != NULL
               ? VD_OK
               : VD_ERR_NO_MEMORY;
}

enum vd_err
vd_derive_new(struct vd_derive **out, struct vd_arena *arena, const struct vd_rollup_config *config,
              const struct vd_curves *curves, const struct vd_derive_l2 *l2,
              const struct vd_derive_limits *limits, const struct vd_derive_observer *observer)
{
    struct vd_derive *d = VD_ARENA_NEW(arena, struct vd_derive, 1);
    if (d == NULL)
        return VD_ERR_NO_MEMORY;
    d->config = *config;
    d->curves = *curves;
    d->l2 = *l2;
    d->upstream.config = &d->config;
    d->upstream.curves = &d->curves;
    if (observer != NULL) {
        d->observer = *observer;
        d->upstream.observer = &d->observer;
    }
    d->end = MUST_RESET;
    d->reason = "derivation has not been started";
    *out = d;
    return take_regions(d, arena, limits);
}

enum vd_err
vd_derive_reset_start(struct vd_derive *d, struct vd_l2_ref *start, const struct vd_l2_ref *safe)
{
    struct vd_l2_ref at = *safe;
    while (at.number > d->config.genesis_l2.number &&
           at.l1_origin.number > d->config.genesis_l1.number &&
           at.l1_origin.number + VD_CHANNEL_TIMEOUT > safe->l1_origin.number) {
        enum vd_err err = d->l2.ref(d->l2.ctx, &at, at.number - 1);
        if (err != VD_OK)
            return err;
    }
    *start = at;
    return VD_OK;
}

void
vd_derive_reset(struct vd_derive *d, const struct vd_l2_ref *safe,
                const struct vd_system_config *safe_system, const struct vd_l2_ref *start,
                const struct vd_system_config *traversal_system)
{
    vd_upstream_clear(&d->upstream);
    vd_l1_window_clear(&d->l1);
    d->end = RUNNING;
    d->reason = NULL;
    d->stuck = VD_OK;
    d->needs_l1 = true;
    d->at_start = true;
    d->origin =
        (struct vd_l1_ref){.hash = start->l1_origin.hash, .number = start->l1_origin.number};
    d->traversal = *traversal_system;
    d->safe = *safe;
    d->safe_system = *safe_system;
    d->span_unjudged = false;
    d->in_span = false;
    d->has_next = false;
    d->needs_origin = false;
    d->origin_given = false;
    d->has_payload = false;
}

static void
stop(struct vd_derive *d, enum end_state end, const char *reason)
{
    d->end = end;
    d->reason = reason;
}

/* Section 7.6: the rest of the span and of the channel goes, frames that wait stay. */
static void
flush(struct vd_derive *d)
{
    d->in_span = false;
    vd_upstream_flush(&d->upstream);
}

/* --- L1 traversal --- */

/* Without an entry in the bloom no log of the two contracts is in the block. */
static bool
has_logs_of_interest(const struct vd_derive *d, const struct vd_header *header)
{
    const struct vd_address *portal = &d->config.deposit_contract;
    const struct vd_address *system = &d->config.l1_system_config;
    return vd_bloom_may_have(header->logs_bloom, vd_slice(portal->b, sizeof portal->b)) ||
           vd_bloom_may_have(header->logs_bloom, vd_slice(system->b, sizeof system->b));
}

static bool
is_expected(const struct vd_derive *d, const struct vd_l1_block *block)
{
    if (d->at_start)
        return block->header.number == d->origin.number &&
               vd_hash_eq(&block->hash, &d->origin.hash);
    return block->header.number == d->origin.number + 1 &&
           vd_hash_eq(&block->header.parent_hash, &d->origin.hash);
}

/* Section 7.6, updateOrigins: blocks behind the safe head's origin are never anybody's origin. */
static void
enter_window(struct vd_derive *d, const struct vd_epoch *epoch, const struct vd_system_patch *patch,
             const struct vd_slice *receipts, size_t count)
{
    if (epoch->ref.number < d->safe.l1_origin.number)
        vd_l1_window_clear(&d->l1);
    else if (d->l1.count == d->l1.cap)
        stop(d, CRITICAL, "more L1 blocks are open than the sequencing window holds");
    else
        vd_l1_window_push(&d->l1, epoch, patch, &d->config.deposit_contract, receipts, count);
}

enum vd_err
vd_derive_l1(struct vd_derive *d, const struct vd_l1_block *block)
{
    struct vd_system_patch patch = {0};
    struct vd_epoch epoch;
    VD_ASSERT(d->needs_l1);
    if (!is_expected(d, block)) {
        stop(d, MUST_RESET, "L1 reorganised");
        return VD_ERR_MISMATCH;
    }
    bool interesting = has_logs_of_interest(d, &block->header);
    const struct vd_slice *receipts = interesting ? block->receipts : NULL;
    if (interesting && block->receipt_count == 0)
        return VD_ERR_INVALID;
    enum vd_err err = VD_OK;
    if (receipts != NULL)
        err = vd_system_patch_read(&patch, &d->config.l1_system_config, receipts,
                                   block->receipt_count);
    if (err != VD_OK)
        stop(d, CRITICAL, "a receipt of L1 is malformed");
    vd_epoch_read(&epoch, &block->header, &block->hash);
    /* The start's system config has the updates of its own origin already. */
    if (!d->at_start)
        vd_system_patch_apply(&patch, &d->traversal);
    enter_window(d, &epoch, &patch, receipts, block->receipt_count);
    vd_upstream_l1(&d->upstream, epoch.ref.number, &d->traversal.batcher, block->transactions,
                   block->transaction_count);
    d->origin = epoch.ref;
    d->at_start = false;
    d->needs_l1 = false;
    return VD_OK;
}

/* --- attributes --- */

enum vd_err
vd_derive_origin(struct vd_derive *d, const struct vd_l1_block *block)
{
    VD_ASSERT(d->needs_origin);
    const struct vd_l1_entry *entry = vd_l1_window_find(&d->l1, d->next.epoch_number);
    if (!vd_hash_eq(&block->hash, &entry->epoch.ref.hash))
        return VD_ERR_MISMATCH;
    size_t mark = vd_arena_mark(&d->upstream.arena);
    enum vd_err err = vd_deposits_read_raw(&d->given_deposits, &d->given_count, &d->upstream.arena,
                                           &d->config.deposit_contract, &block->hash,
                                           block->receipts, block->receipt_count);
    if (err == VD_ERR_NO_MEMORY) {
        vd_arena_rewind(&d->upstream.arena, mark);
        return err;
    }
    d->needs_origin = false;
    d->origin_given = err == VD_OK;
    if (err != VD_OK)
        stop(d, CRITICAL, "a deposit of L1 is malformed");
    return VD_OK;
}

/* No transaction uses less: 21,000 gas are taken before it runs, of which at most a fifth comes
   back (EIP-3529).  A payload that is invalid for its number of transactions alone needs none of
   them. */
static bool
fills_no_block(const struct vd_batch_entry *block, const struct vd_system_config *system)
{
    return block->transaction_count > system->gas_limit / TX_LEAST_GAS;
}

static enum vd_err
make_attributes(struct vd_derive *d, const struct vd_l1_entry *entry,
                const struct vd_system_config *system, bool deposits_only)
{
    struct vd_arena *arena = &d->upstream.arena;
    struct vd_slice *transactions = NULL;
    if (!deposits_only) {
        enum vd_err err = vd_batch_transactions(&transactions, arena, &d->next);
        if (err != VD_OK)
            return err;
    }
    return vd_attributes_make(&d->attributes, arena, &d->config, &d->safe, system, &entry->epoch,
                              d->origin_given ? d->given_deposits : entry->deposits,
                              d->origin_given ? d->given_count : entry->deposit_count, transactions,
                              deposits_only ? 0 : d->next.transaction_count);
}

static enum vd_err
build_attributes(struct vd_derive *d)
{
    const struct vd_l1_entry *entry = vd_l1_window_find(&d->l1, d->next.epoch_number);
    VD_ASSERT(entry != NULL);
    bool opens = entry->epoch.ref.number != d->safe.l1_origin.number;
    if (opens && !entry->deposits_kept && !d->origin_given) {
        d->needs_origin = true;
        return VD_OK;
    }
    struct vd_system_config system = d->safe_system;
    if (opens)
        vd_system_patch_apply(&entry->patch, &system);
    bool invalid = fills_no_block(&d->next, &system);
    enum vd_err err = make_attributes(d, entry, &system, invalid);
    d->has_next = false;
    if (err == VD_ERR_MISMATCH)
        stop(d, MUST_RESET, "the L1 origin does not follow the safe head's");
    if (err == VD_ERR_UNSUPPORTED)
        stop(d, UNSUPPORTED, "the next L2 block or its L1 origin is of a fork not known here");
    if (err == VD_ERR_NO_MEMORY)
        d->stuck = err;
    if (err != VD_OK)
        return d->stuck;
    d->attributes.no_tx_pool = true;
    d->attributes.derived_from = d->origin;
    d->has_payload = true;
    if (invalid) {
        vd_upstream_dropped(&d->upstream, "batch", "more transactions than its block has gas for");
        flush(d);
    }
    return VD_OK;
}

void
vd_derive_accepted(struct vd_derive *d, const struct vd_l2_ref *head,
                   const struct vd_system_config *system)
{
    VD_ASSERT(d->has_payload && head->number == d->safe.number + 1);
    d->safe = *head;
    d->safe_system = *system;
    d->has_payload = false;
    d->origin_given = false;
    vd_arena_rewind(&d->upstream.arena, d->next_mark);
}

void
vd_derive_invalid(struct vd_derive *d)
{
    struct vd_attributes *a = &d->attributes;
    VD_ASSERT(d->has_payload);
    if (a->transaction_count == a->deposit_count) {
        d->has_payload = false;
        stop(d, CRITICAL, "a payload of deposits alone is invalid");
        return;
    }
    vd_upstream_dropped(&d->upstream, "batch", "its payload is invalid");
    a->transaction_count = a->deposit_count;
    flush(d);
}

/* --- batch stage --- */

static struct vd_check_context
check_context(const struct vd_derive *d)
{
    return (struct vd_check_context){
        .config = &d->config, .l1 = &d->l1, .parent = &d->safe, .inclusion = d->origin.number};
}

static void
accept(struct vd_derive *d, const struct vd_batch_entry *block)
{
    d->has_next = true;
    d->next = *block;
    d->next_mark = vd_arena_mark(&d->upstream.arena);
}

static void
judge_block(struct vd_derive *d, const struct vd_hash *parent_hash,
            const struct vd_batch_entry *block)
{
    struct vd_check_context c = check_context(d);
    struct vd_check check = vd_check_block(&c, parent_hash, block);
    switch (check.verdict) {
    case VD_CHECK_ACCEPT:
        accept(d, block);
        return;
    case VD_CHECK_PAST:
        vd_upstream_dropped(&d->upstream, "batch", check.why);
        return;
    case VD_CHECK_DROP:
    case VD_CHECK_UNDECIDED: /* cannot be: two L1 blocks are known here */
        vd_upstream_dropped(&d->upstream, "batch", check.why);
        flush(d);
        return;
    }
}

/* The next block of the span as a singular batch.  Its origin's hash is what L1 says. */
static void
judge_span_block(struct vd_derive *d)
{
    struct vd_batch_entry block;
    if (!vd_span_next(&d->batch.span, &block) ||
        block.timestamp != d->safe.timestamp + d->config.block_time_s) {
        d->in_span = false;
        return;
    }
    const struct vd_l1_entry *origin = vd_l1_window_find(&d->l1, block.epoch_number);
    if (origin != NULL)
        block.epoch_hash = origin->epoch.ref.hash;
    d->in_span = d->batch.span.next.block < d->batch.span.block_count;
    judge_block(d, &d->safe.hash, &block);
}

static enum vd_err
judge_span(struct vd_derive *d)
{
    struct vd_check check;
    struct vd_check_context c = check_context(d);
    enum vd_err err = vd_check_span(&check, &c, &d->batch.span, &d->l2, &d->upstream.arena);
    if (err != VD_OK)
        return err; /* the span is kept and judged again by the next step */
    d->span_unjudged = false;
    switch (check.verdict) {
    case VD_CHECK_ACCEPT:
        d->in_span = true;
        return VD_OK;
    case VD_CHECK_PAST:
        vd_upstream_dropped(&d->upstream, "span batch", check.why);
        return VD_OK;
    /* What is not known here is the span's last origin, and only because it is over, or because
       it is a block after the one that holds the span.  Nobody can have known the hash of such a
       block, so that waiting for it could only end in a drop. */
    case VD_CHECK_UNDECIDED:
    case VD_CHECK_DROP:
        vd_upstream_dropped(&d->upstream, "span batch", check.why);
        flush(d);
        return VD_OK;
    }
    return VD_OK;
}

/* Section 7.6.3, when upstream has nothing more in this L1 block. */
static void
force_empty(struct vd_derive *d)
{
    const struct vd_l1_ref *epoch = &vd_l1_window_at(&d->l1, 0)->epoch.ref;
    const struct vd_l1_ref *after = &vd_l1_window_at(&d->l1, 1)->epoch.ref;
    uint64_t next_time = d->safe.timestamp + d->config.block_time_s;
    if (epoch->number + d->config.seq_window_size > d->origin.number) {
        d->needs_l1 = true;
        return;
    }
    if (next_time < after->timestamp || epoch->number == d->safe.l1_origin.number + 1) {
        struct vd_batch_entry empty = {.epoch_number = epoch->number};
        accept(d, &empty);
        return;
    }
    /* The epoch is full.  The next one is looked at only with the next L1 block, as the reference
       does: batches in that one come first. */
    vd_l1_window_pop(&d->l1);
    d->needs_l1 = true;
}

static void
prune_window(struct vd_derive *d)
{
    uint64_t number = d->safe.l1_origin.number;
    if (vd_l1_window_find(&d->l1, number) == NULL)
        return;
    while (vd_l1_window_at(&d->l1, 0)->epoch.ref.number < number)
        vd_l1_window_pop(&d->l1);
}

static bool
window_fits(struct vd_derive *d)
{
    const struct vd_l1_entry *epoch = vd_l1_window_at(&d->l1, 0);
    const struct vd_block_id *origin = &d->safe.l1_origin;
    if (vd_l1_window_at(&d->l1, 1) == NULL) {
        stop(d, CRITICAL, "the safe head's L1 origin was never read");
        return false;
    }
    const struct vd_l1_ref *ref = &epoch->epoch.ref;
    bool same = ref->number == origin->number && vd_hash_eq(&ref->hash, &origin->hash);
    if (!same && ref->number != origin->number + 1) {
        stop(d, MUST_RESET, "the safe head's L1 origin is not on L1's chain");
        return false;
    }
    return true;
}

static enum vd_err
pull(struct vd_derive *d, bool discard)
{
    enum vd_pull got;
    const char *why;
    enum vd_err err = vd_upstream_pull(&d->upstream, &got, &d->batch, &why, discard);
    if (err == VD_ERR_NO_MEMORY)
        d->stuck = err;
    if (err != VD_OK)
        return err;
    switch (got) {
    case VD_PULL_MORE:
        break;
    case VD_PULL_BATCH:
        if (d->batch.type == VD_BATCH_SPAN)
            d->span_unjudged = true;
        else
            judge_block(d, &d->batch.parent_hash, &d->batch.singular);
        break;
    case VD_PULL_EOF:
        if (discard)
            d->needs_l1 = true;
        else
            force_empty(d);
        break;
    case VD_PULL_UNSUPPORTED:
        stop(d, UNSUPPORTED, why);
        break;
    }
    return VD_OK;
}

/* A channel that is complete in or before the safe head's origin holds past blocks only.  A span
   cannot be under way: its blocks would have to name an L1 block that holds the span itself. */
static enum vd_err
drain(struct vd_derive *d)
{
    if (d->in_span || d->span_unjudged) {
        vd_upstream_dropped(&d->upstream, "span batch", "names the L1 block that holds it");
        d->span_unjudged = false;
        flush(d);
    }
    return pull(d, true);
}

static enum vd_err
advance(struct vd_derive *d)
{
    if (d->has_next)
        return build_attributes(d);
    prune_window(d);
    if (d->origin.number <= d->safe.l1_origin.number)
        return drain(d);
    if (!window_fits(d))
        return VD_OK;
    if (d->in_span) {
        judge_span_block(d);
        return VD_OK;
    }
    return d->span_unjudged ? judge_span(d) : pull(d, false);
}

/* --- the step --- */

static enum vd_derive_status
status_of(const struct vd_derive *d)
{
    switch (d->end) {
    case RUNNING:
        break;
    case MUST_RESET:
        return VD_DERIVE_RESET;
    case UNSUPPORTED:
        return VD_DERIVE_UNSUPPORTED;
    case CRITICAL:
        return VD_DERIVE_CRITICAL;
    }
    if (d->has_payload)
        return VD_DERIVE_PAYLOAD;
    if (d->needs_origin)
        return VD_DERIVE_NEED_ORIGIN;
    return d->needs_l1 ? VD_DERIVE_NEED_L1 : VD_DERIVE_CONTINUE;
}

static void
fill_output(const struct vd_derive *d, struct vd_derive_output *out)
{
    *out = (struct vd_derive_output){
        .status = status_of(d),
        .need_l1 = d->origin.number + (d->at_start ? 0 : 1),
        .reason = d->reason,
        .current_l1 = d->origin,
    };
    if (out->status == VD_DERIVE_PAYLOAD)
        out->attributes = &d->attributes;
    if (out->status == VD_DERIVE_NEED_ORIGIN) {
        const struct vd_l1_ref *ref = &vd_l1_window_find(&d->l1, d->next.epoch_number)->epoch.ref;
        out->need_origin = (struct vd_block_id){.hash = ref->hash, .number = ref->number};
    }
}

enum vd_err
vd_derive_step(struct vd_derive *d, struct vd_derive_output *out)
{
    if (d->stuck != VD_OK)
        return d->stuck;
    if (status_of(d) == VD_DERIVE_CONTINUE) {
        enum vd_err err = advance(d);
        if (err != VD_OK)
            return err;
    }
    fill_output(d, out);
    return VD_OK;
}
