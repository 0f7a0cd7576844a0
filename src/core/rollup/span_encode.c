/* Writing span batches (OP Stack specs, span batches). */
#include "core/rollup/span.h"
#include "viaduct/core/codec/rlp.h"

static void
put_uvarint(struct vd_buf *buf, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        vd_buf_byte(buf, (uint8_t)(value | 0x80));
    vd_buf_byte(buf, (uint8_t)value);
}

/* Room for n bits, all zero; set_bit fills them in.  NULL for none or without memory. */
static uint8_t *
put_bits(struct vd_buf *buf, size_t n)
{
    size_t len = (n + 7) / 8;
    uint8_t *bits = len == 0 ? NULL : vd_buf_extend(buf, len);
    if (bits != NULL)
        memset(bits, 0, len);
    return bits;
}

static void
set_bit(uint8_t *bits, size_t n, size_t i)
{
    size_t len = (n + 7) / 8;
    if (bits != NULL)
        bits[len - 1 - i / 8] |= (uint8_t)(1u << i % 8);
}

/* The fields that follow from each other must agree. */
static bool
is_consistent(const struct vd_span_batch *span, const struct vd_rollup_config *config)
{
    const struct vd_batch_block *b = span->blocks;
    size_t n = span->block_count;
    if (n == 0 || n > VD_BATCH_MAX_ITEMS || b[n - 1].epoch_number != span->l1_origin_number)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (b[i].timestamp !=
            config->genesis_l2_time + span->rel_timestamp + config->block_time_s * i)
            return false;
        if (i > 0 && b[i].epoch_number - b[i - 1].epoch_number > 1)
            return false;
    }
    return true;
}

static size_t
count_txs(const struct vd_span_batch *span)
{
    size_t count = 0;
    for (size_t i = 0; i < span->block_count; i++)
        count += span->blocks[i].transaction_count;
    return count;
}

/* Takes all transactions apart. */
static enum vd_err
read_txs(struct vd_span_tx **out, size_t *count, struct vd_arena *scratch,
         const struct vd_span_batch *span, uint64_t chain_id)
{
    *count = count_txs(span);
    if (*count > VD_BATCH_MAX_ITEMS)
        return VD_ERR_INVALID;
    struct vd_span_tx *tx = VD_ARENA_NEW(scratch, struct vd_span_tx, *count);
    if (tx == NULL)
        return VD_ERR_NO_MEMORY;
    *out = tx;
    for (size_t i = 0; i < span->block_count; i++) {
        const struct vd_batch_block *block = &span->blocks[i];
        for (size_t j = 0; j < block->transaction_count; j++) {
            if (!vd_span_tx_read(tx++, chain_id, block->transactions[j]))
                return VD_ERR_INVALID;
        }
    }
    return VD_OK;
}

static void
put_blocks(struct vd_buf *buf, const struct vd_span_batch *span)
{
    size_t n = span->block_count;
    put_uvarint(buf, span->rel_timestamp);
    put_uvarint(buf, span->l1_origin_number);
    vd_buf_bytes(buf, span->parent_check, sizeof span->parent_check);
    vd_buf_bytes(buf, span->l1_origin_check, sizeof span->l1_origin_check);
    put_uvarint(buf, n);
    uint8_t *origins = put_bits(buf, n);
    for (size_t i = 0; i < n; i++) {
        bool opens = i == 0 ? span->first_block_opens_epoch
                            : span->blocks[i].epoch_number != span->blocks[i - 1].epoch_number;
        if (opens)
            set_bit(origins, n, i);
    }
    for (size_t i = 0; i < n; i++)
        put_uvarint(buf, span->blocks[i].transaction_count);
}

static void
put_word(struct vd_buf *buf, struct vd_slice word)
{
    uint8_t *out = vd_buf_extend(buf, 32);
    if (out == NULL)
        return;
    memset(out, 0, 32 - word.len);
    if (word.len != 0)
        memcpy(out + 32 - word.len, word.ptr, word.len);
}

static void
put_protections(struct vd_buf *buf, const struct vd_span_tx *txs, size_t n)
{
    size_t legacy_count = 0;
    for (size_t i = 0; i < n; i++)
        legacy_count += txs[i].type == VD_TX_LEGACY;
    uint8_t *bits = put_bits(buf, legacy_count);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (txs[i].type != VD_TX_LEGACY)
            continue;
        if (txs[i].is_protected)
            set_bit(bits, legacy_count, at);
        at++;
    }
}

static enum vd_err
put_txs(struct vd_buf *buf, const struct vd_span_tx *txs, size_t n)
{
    uint8_t *creations = put_bits(buf, n);
    for (size_t i = 0; i < n; i++) {
        if (txs[i].to.len == 0)
            set_bit(creations, n, i);
    }
    uint8_t *parities = put_bits(buf, n);
    for (size_t i = 0; i < n; i++) {
        if (txs[i].y_parity != 0)
            set_bit(parities, n, i);
    }
    for (size_t i = 0; i < n; i++) {
        put_word(buf, txs[i].r);
        put_word(buf, txs[i].s);
    }
    for (size_t i = 0; i < n; i++)
        vd_buf_slice(buf, txs[i].to);
    for (size_t i = 0; i < n; i++) {
        size_t start = buf->len;
        vd_span_tx_put_data(buf, &txs[i]);
        size_t type_len = txs[i].type != VD_TX_LEGACY;
        if (buf->len - start - type_len > VD_BATCH_MAX_ITEMS)
            return VD_ERR_INVALID;
    }
    for (size_t i = 0; i < n; i++)
        put_uvarint(buf, txs[i].nonce);
    for (size_t i = 0; i < n; i++)
        put_uvarint(buf, txs[i].gas);
    put_protections(buf, txs, n);
    return buf->err;
}

static enum vd_err
encode(struct vd_buf *out, struct vd_arena *scratch, const struct vd_rollup_config *config,
       const struct vd_span_batch *span)
{
    struct vd_span_tx *txs;
    size_t count;
    if (!is_consistent(span, config))
        return VD_ERR_INVALID;
    enum vd_err err = read_txs(&txs, &count, scratch, span, config->l2.chain_id);
    if (err != VD_OK)
        return err;
    struct vd_buf content;
    vd_buf_init(&content, scratch);
    vd_buf_byte(&content, VD_BATCH_SPAN);
    put_blocks(&content, span);
    err = put_txs(&content, txs, count);
    if (err != VD_OK)
        return err;
    vd_rlp_put_string(out, vd_buf_view(&content));
    return out->err;
}

enum vd_err
vd_span_batch_encode(struct vd_buf *out, struct vd_arena *scratch,
                     const struct vd_rollup_config *config, const struct vd_span_batch *span)
{
    size_t mark = vd_arena_mark(scratch);
    enum vd_err err = encode(out, scratch, config, span);
    vd_arena_rewind(scratch, mark);
    return err;
}
