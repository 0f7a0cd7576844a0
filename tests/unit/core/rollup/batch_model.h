/* The model of the batch decoder: the whole batch at once, every transaction of it rebuilt before
   the first block is seen. */
#ifndef VIADUCT_TESTS_BATCH_MODEL_H
#define VIADUCT_TESTS_BATCH_MODEL_H

#include "core/rollup/span.h"
#include "unit/core/rollup/whole_batch.h"
#include "viaduct/core/base/cursor.h"
#include "viaduct/core/codec/rlp.h"

/* n bits in ceil(n / 8) bytes, a big-endian number: bit 0 is the lowest of the last byte. */
struct bits {
    const uint8_t *bytes;
    size_t len;
};

static struct bits
take_bits(struct vd_cursor *cur, uint64_t n)
{
    struct vd_slice bytes = vd_cursor_take(cur, (size_t)((n + 7) / 8));
    if (!cur->failed && n % 8 != 0 && bytes.ptr[0] >> n % 8 != 0)
        cur->failed = true;
    return (struct bits){bytes.ptr, bytes.len};
}

static uint8_t
bit_at(const struct bits *bits, size_t i)
{
    return bits->bytes[bits->len - 1 - i / 8] >> i % 8 & 1;
}

static size_t
count_bits(const struct bits *bits)
{
    size_t count = 0;
    for (size_t i = 0; i < bits->len; i++)
        count += (size_t)__builtin_popcount(bits->bytes[i]);
    return count;
}

/* Where everything stands. */
struct layout {
    uint64_t block_count;
    struct bits origins;
    struct vd_cursor tx_counts;
    uint64_t tx_count;
    struct bits creations;
    struct bits parities;
    const uint8_t *signatures;
    const uint8_t *receivers;
    struct vd_cursor datas;
    struct vd_cursor nonces;
    struct vd_cursor gases;
    struct bits protections;
};

/* One tx_data: an optional type byte and an RLP list of at most VD_BATCH_MAX_ITEMS bytes whose
   inside is looked at when the transaction is rebuilt. */
static struct vd_slice
take_tx_data(struct vd_cursor *cur, bool *is_legacy)
{
    const uint8_t *start = cur->ptr;
    *is_legacy = true;
    if (vd_cursor_left(cur) != 0 && *cur->ptr <= 0x7f)
        *is_legacy = vd_cursor_u8(cur) == VD_TX_LEGACY;
    struct vd_rlp r = vd_rlp(vd_slice(cur->ptr, vd_cursor_left(cur)));
    if (!vd_rlp_is_list(&r))
        r.failed = true;
    struct vd_slice list = vd_rlp_raw(&r);
    if (cur->failed || r.failed || list.len > VD_BATCH_MAX_ITEMS) {
        cur->failed = true;
        return vd_slice(NULL, 0);
    }
    cur->ptr = list.ptr + list.len;
    return vd_slice(start, (size_t)(cur->ptr - start));
}

static void
read_blocks(struct layout *at, struct vd_cursor *cur)
{
    at->block_count = vd_cursor_uvarint(cur);
    if (at->block_count == 0 || at->block_count > VD_BATCH_MAX_ITEMS)
        cur->failed = true;
    if (cur->failed)
        return;
    at->origins = take_bits(cur, at->block_count);
    at->tx_counts = *cur;
    for (uint64_t i = 0; i < at->block_count && !cur->failed; i++) {
        uint64_t n = vd_cursor_uvarint(cur);
        at->tx_count += n;
        if (n > VD_BATCH_MAX_ITEMS || at->tx_count > VD_BATCH_MAX_ITEMS)
            cur->failed = true;
    }
}

static struct vd_cursor
skip_uvarints(struct vd_cursor *cur, uint64_t count)
{
    struct vd_cursor start = *cur;
    for (uint64_t i = 0; i < count && !cur->failed; i++)
        (void)vd_cursor_uvarint(cur);
    return start;
}

static void
read_txs(struct layout *at, struct vd_cursor *cur)
{
    size_t n = (size_t)at->tx_count;
    size_t legacy_count = 0;
    at->creations = take_bits(cur, n);
    at->parities = take_bits(cur, n);
    at->signatures = vd_cursor_take(cur, n * 64).ptr;
    if (cur->failed)
        return;
    at->receivers = vd_cursor_take(cur, (n - count_bits(&at->creations)) * 20).ptr;
    at->datas = *cur;
    for (size_t i = 0; i < n && !cur->failed; i++) {
        bool is_legacy;
        (void)take_tx_data(cur, &is_legacy);
        legacy_count += is_legacy;
    }
    at->nonces = skip_uvarints(cur, n);
    at->gases = skip_uvarints(cur, n);
    at->protections = take_bits(cur, legacy_count);
}

/* Takes transaction i from all sections.  to_index and legacy_index count the entries used of the
   sections that not every transaction has one in. */
static bool
read_tx(struct vd_span_tx *tx, struct layout *at, size_t i, size_t *to_index, size_t *legacy_index)
{
    bool is_legacy;
    if (!vd_span_tx_read_data(tx, take_tx_data(&at->datas, &is_legacy)))
        return false;
    tx->nonce = vd_cursor_uvarint(&at->nonces);
    tx->gas = vd_cursor_uvarint(&at->gases);
    tx->y_parity = bit_at(&at->parities, i);
    tx->r = vd_slice(at->signatures + 64 * i, 32);
    tx->s = vd_slice(at->signatures + 64 * i + 32, 32);
    if (bit_at(&at->creations, i) == 0)
        tx->to = vd_slice(at->receivers + 20 * (*to_index)++, 20);
    if (is_legacy)
        tx->is_protected = bit_at(&at->protections, (*legacy_index)++) != 0;
    return tx->type != VD_TX_SET_CODE || tx->to.len != 0;
}

static enum vd_err
rebuild_txs(struct vd_slice **txs, bool *valid, struct layout *at, struct vd_arena *arena,
            uint64_t chain_id)
{
    size_t n = (size_t)at->tx_count;
    size_t to_index = 0;
    size_t legacy_index = 0;
    struct vd_slice *out = vd_arena_alloc(arena, n * sizeof *out, _Alignof(struct vd_slice));
    struct vd_buf bytes;
    vd_buf_init(&bytes, arena);
    for (size_t i = 0; i < n && out != NULL; i++) {
        struct vd_span_tx tx;
        size_t start = bytes.len;
        *valid = read_tx(&tx, at, i, &to_index, &legacy_index);
        if (!*valid)
            return VD_OK;
        vd_span_tx_put(&bytes, &tx, chain_id);
        out[i].len = bytes.len - start;
    }
    if (out == NULL || bytes.err != VD_OK)
        return VD_ERR_NO_MEMORY;
    const uint8_t *p = bytes.ptr;
    for (size_t i = 0; i < n; i++) {
        out[i].ptr = p;
        p += out[i].len;
    }
    *txs = out;
    *valid = true;
    return VD_OK;
}

/* Times go forward from the first block, origins backward from the last.  Sums wrap at 64 bits, as
   the reference's do; what wraps fails the checks of the batch queue. */
static void
place_blocks(struct vd_span_batch *span, struct layout *at, const struct vd_slice *txs,
             const struct vd_rollup_config *config)
{
    uint64_t origin = span->l1_origin_number;
    for (size_t i = 0; i < span->block_count; i++) {
        struct vd_batch_block *block = &span->blocks[i];
        block->timestamp = config->genesis_l2_time + span->rel_timestamp + config->block_time_s * i;
        block->transaction_count = (size_t)vd_cursor_uvarint(&at->tx_counts);
        block->transactions = txs;
        txs += block->transaction_count;
    }
    for (size_t i = span->block_count; i-- > 0;) {
        span->blocks[i].epoch_number = origin;
        origin -= bit_at(&at->origins, i);
    }
    span->first_block_opens_epoch = bit_at(&at->origins, 0) != 0;
}

static bool
read_layout(struct vd_span_batch *span, struct layout *at, struct vd_slice content)
{
    struct vd_cursor cur = vd_cursor(content);
    *span = (struct vd_span_batch){.rel_timestamp = vd_cursor_uvarint(&cur)};
    *at = (struct layout){0};
    span->l1_origin_number = vd_cursor_uvarint(&cur);
    struct vd_address parent_check = vd_cursor_address(&cur);
    struct vd_address origin_check = vd_cursor_address(&cur);
    memcpy(span->parent_check, parent_check.b, sizeof span->parent_check);
    memcpy(span->l1_origin_check, origin_check.b, sizeof span->l1_origin_check);
    read_blocks(at, &cur);
    if (!cur.failed)
        read_txs(at, &cur);
    return !cur.failed;
}

/* VD_ERR_NO_MEMORY only. */
static enum vd_err
model_span(struct vd_span_batch *span, enum vd_batch_verdict *verdict, struct vd_arena *arena,
           const struct vd_rollup_config *config, struct vd_slice content)
{
    struct layout at;
    struct vd_slice *txs = NULL;
    bool valid = true;
    *verdict = VD_BATCH_BAD_CHANNEL;
    if (!read_layout(span, &at, content))
        return VD_OK;
    *verdict = VD_BATCH_BAD_BATCH;
    enum vd_err err = rebuild_txs(&txs, &valid, &at, arena, config->l2.chain_id);
    if (err != VD_OK || !valid)
        return err;
    span->block_count = (size_t)at.block_count;
    span->blocks = VD_ARENA_NEW(arena, struct vd_batch_block, span->block_count);
    if (span->blocks == NULL)
        return VD_ERR_NO_MEMORY;
    place_blocks(span, &at, txs, config);
    *verdict = VD_BATCH_OK;
    return VD_OK;
}

static enum vd_err
model_singular(struct vd_singular_batch *batch, enum vd_batch_verdict *verdict,
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
    struct vd_slice *txs = VD_ARENA_NEW(arena, struct vd_slice, count);
    if (txs == NULL)
        return VD_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        txs[i] = vd_rlp_string(&items);
    batch->block.transactions = txs;
    batch->block.transaction_count = count;
    *verdict = VD_BATCH_OK;
    return VD_OK;
}

static enum vd_err
model_decode(struct whole_batch *batch, enum vd_batch_verdict *verdict, struct vd_arena *arena,
             const struct vd_rollup_config *config, struct vd_slice content)
{
    *batch = (struct whole_batch){0};
    *verdict = VD_BATCH_BAD_CHANNEL;
    if (content.len == 0)
        return VD_OK;
    struct vd_slice rest = vd_slice(content.ptr + 1, content.len - 1);
    if (content.ptr[0] == VD_BATCH_SINGULAR)
        return model_singular(&batch->singular, verdict, arena, rest);
    batch->type = VD_BATCH_SPAN;
    if (content.ptr[0] == VD_BATCH_SPAN)
        return model_span(&batch->span, verdict, arena, config, rest);
    return VD_OK;
}

#endif
