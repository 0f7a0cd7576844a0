/* Reading span batches (OP Stack specs, span batches).  The sections of a span stand one after the
   other, each with one entry per transaction.  A first pass finds where each begins, which is the
   raw decoding, and whether every transaction can be rebuilt.  Then blocks are taken one at a time,
   all sections in step. */
#include "core/rollup/span.h"
#include "viaduct/core/base/cursor.h"
#include "viaduct/core/codec/rlp.h"

static struct vd_batch_bits
take_bits(struct vd_cursor *cur, uint64_t n)
{
    struct vd_slice bytes = vd_cursor_take(cur, (size_t)((n + 7) / 8));
    if (!cur->failed && n % 8 != 0 && bytes.ptr[0] >> n % 8 != 0)
        cur->failed = true;
    return (struct vd_batch_bits){bytes.ptr, bytes.len};
}

static uint8_t
bit_at(const struct vd_batch_bits *bits, size_t i)
{
    return bits->bytes[bits->len - 1 - i / 8] >> i % 8 & 1;
}

static size_t
count_bits(const struct vd_batch_bits *bits)
{
    size_t count = 0;
    for (size_t i = 0; i < bits->len; i++)
        count += (size_t)__builtin_popcount(bits->bytes[i]);
    return count;
}

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

/* The number of transactions. */
static uint64_t
read_blocks(struct vd_span *span, struct vd_cursor *cur)
{
    uint64_t tx_count = 0;
    uint64_t block_count = vd_cursor_uvarint(cur);
    if (block_count == 0 || block_count > VD_BATCH_MAX_ITEMS)
        cur->failed = true;
    if (cur->failed)
        return 0;
    span->block_count = (size_t)block_count;
    span->origins = take_bits(cur, block_count);
    span->next.counts = cur->ptr;
    for (uint64_t i = 0; i < block_count && !cur->failed; i++) {
        uint64_t n = vd_cursor_uvarint(cur);
        tx_count += n;
        if (n > VD_BATCH_MAX_ITEMS || tx_count > VD_BATCH_MAX_ITEMS)
            cur->failed = true;
    }
    return tx_count;
}

static const uint8_t *
skip_uvarints(struct vd_cursor *cur, size_t count)
{
    const uint8_t *start = cur->ptr;
    for (size_t i = 0; i < count && !cur->failed; i++)
        (void)vd_cursor_uvarint(cur);
    return start;
}

/* EIP-7702: a set-code transaction creates nothing. */
static bool
can_rebuild(const struct vd_span *span, struct vd_slice tx_data, size_t i)
{
    struct vd_span_tx tx;
    return vd_span_tx_read_data(&tx, tx_data) &&
           (tx.type != VD_TX_SET_CODE || bit_at(&span->creations, i) == 0);
}

/* False: one cannot be rebuilt, which counts only when everything else is well. */
static bool
read_txs(struct vd_span *span, struct vd_cursor *cur, size_t n)
{
    size_t legacy_count = 0;
    bool valid = true;
    span->creations = take_bits(cur, n);
    span->parities = take_bits(cur, n);
    span->signatures = vd_cursor_take(cur, n * 64).ptr;
    if (cur->failed)
        return false;
    span->receivers = vd_cursor_take(cur, (n - count_bits(&span->creations)) * 20).ptr;
    span->next.datas = cur->ptr;
    for (size_t i = 0; i < n && !cur->failed; i++) {
        bool is_legacy;
        struct vd_slice tx_data = take_tx_data(cur, &is_legacy);
        legacy_count += is_legacy;
        valid = valid && can_rebuild(span, tx_data, i);
    }
    span->next.nonces = skip_uvarints(cur, n);
    span->next.gases = skip_uvarints(cur, n);
    span->protections = take_bits(cur, legacy_count);
    return valid;
}

/* Times go forward from the first block, origins backward from the last.  Sums wrap at 64 bits, as
   the reference's do; what wraps fails the checks of the batch queue. */
static void
place_first_block(struct vd_span *span, const struct vd_rollup_config *config)
{
    struct vd_span_place *first = &span->next;
    span->block_time_s = config->block_time_s;
    first->timestamp = config->genesis_l2_time + span->rel_timestamp;
    span->last_timestamp = first->timestamp + config->block_time_s * (span->block_count - 1);
    first->epoch_number =
        span->l1_origin_number - (count_bits(&span->origins) - bit_at(&span->origins, 0));
}

enum vd_batch_verdict
vd_span_decode(struct vd_span *span, const struct vd_rollup_config *config, struct vd_slice content)
{
    struct vd_cursor cur = vd_cursor(content);
    *span = (struct vd_span){.rel_timestamp = vd_cursor_uvarint(&cur)};
    span->chain_id = config->l2.chain_id;
    span->l1_origin_number = vd_cursor_uvarint(&cur);
    struct vd_address parent_check = vd_cursor_address(&cur);
    struct vd_address origin_check = vd_cursor_address(&cur);
    memcpy(span->parent_check, parent_check.b, sizeof span->parent_check);
    memcpy(span->l1_origin_check, origin_check.b, sizeof span->l1_origin_check);
    size_t tx_count = (size_t)read_blocks(span, &cur);
    if (cur.failed)
        return VD_BATCH_BAD_CHANNEL;
    bool valid = read_txs(span, &cur, tx_count);
    if (cur.failed)
        return VD_BATCH_BAD_CHANNEL;
    place_first_block(span, config);
    return valid ? VD_BATCH_OK : VD_BATCH_BAD_BATCH;
}

/* --- one block at a time: of what is read here again all is known to be whole --- */

static uint64_t
take_uvarint(const uint8_t **at)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
}

bool
vd_span_next(struct vd_span *span, struct vd_batch_entry *entry)
{
    struct vd_span_place *at = &span->next;
    if (at->block == span->block_count)
        return false;
    *entry = (struct vd_batch_entry){
        .timestamp = at->timestamp, .epoch_number = at->epoch_number, .span = span, .place = *at};
    size_t n = (size_t)take_uvarint(&at->counts);
    for (size_t i = 0; i < n; i++) {
        struct vd_slice tx_data = vd_slice(at->datas, vd_span_tx_data_len(at->datas));
        vd_batch_entry_note(entry, tx_data);
        at->legacy += tx_data.ptr[0] >= 0x80;
        at->receiver += bit_at(&span->creations, at->tx++) == 0;
        at->datas += tx_data.len;
        (void)take_uvarint(&at->nonces);
        (void)take_uvarint(&at->gases);
    }
    at->timestamp += span->block_time_s;
    if (++at->block < span->block_count)
        at->epoch_number += bit_at(&span->origins, at->block);
    return true;
}

/* Takes the next transaction from all sections. */
static void
take_tx(struct vd_span_tx *tx, const struct vd_span *span, struct vd_span_place *at)
{
    at->datas += vd_span_tx_split(tx, at->datas);
    tx->nonce = take_uvarint(&at->nonces);
    tx->gas = take_uvarint(&at->gases);
    tx->y_parity = bit_at(&span->parities, at->tx);
    tx->r = vd_slice(span->signatures + 64 * at->tx, 32);
    tx->s = vd_slice(span->signatures + 64 * at->tx + 32, 32);
    if (bit_at(&span->creations, at->tx) == 0)
        tx->to = vd_slice(span->receivers + 20 * at->receiver++, 20);
    if (tx->type == VD_TX_LEGACY)
        tx->is_protected = bit_at(&span->protections, at->legacy++) != 0;
    at->tx++;
}

enum vd_err
vd_span_transactions(struct vd_slice *out, struct vd_arena *arena,
                     const struct vd_batch_entry *entry)
{
    struct vd_span_place at = entry->place;
    size_t n = entry->transaction_count;
    struct vd_buf bytes;
    vd_buf_init(&bytes, arena);
    for (size_t i = 0; i < n; i++) {
        struct vd_span_tx tx;
        size_t start = bytes.len;
        take_tx(&tx, entry->span, &at);
        vd_span_tx_put(&bytes, &tx, entry->span->chain_id);
        out[i].len = bytes.len - start;
    }
    const uint8_t *p = bytes.ptr;
    for (size_t i = 0; i < n && bytes.err == VD_OK; i++) {
        out[i].ptr = p;
        p += out[i].len;
    }
    return bytes.err;
}
