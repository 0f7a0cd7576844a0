/* Rows of blocks.

   Body: count u32, end offset of each transaction u32 (from the end of the senders), senders 20
   bytes each, then the transactions' EIP-2718 bytes one after the other.
   Receipts: count u32, then each: type u8, flags u8 (1 success, 2 contract address), cumulative
   gas u64, gas u64, deposit nonce u64, deposit version u64, [contract address 20], log count u32,
   logs; a log: address 20, topic count u8, topics 32 each, data length u32, data.  Blooms are made
   again from the logs.  All integers big-endian. */
#include "store_internal.h"

#include "viaduct/core/base/cursor.h"

enum {
    FLAG_SUCCESS = 1,
    FLAG_CONTRACT = 2,
};

enum vd_err
vd_body_encode(struct vd_buf *out, const struct vd_store_block *block)
{
    uint32_t end = 0;
    vd_buf_be32(out, (uint32_t)block->transaction_count);
    for (size_t i = 0; i < block->transaction_count; i++) {
        end += (uint32_t)block->transactions[i].len;
        vd_buf_be32(out, end);
    }
    for (size_t i = 0; i < block->transaction_count; i++) {
        vd_buf_bytes(out, block->senders[i].b, 20);
    }
    for (size_t i = 0; i < block->transaction_count; i++) {
        vd_buf_slice(out, block->transactions[i]);
    }
    return out->err;
}

enum vd_err
vd_body_read(struct vd_body *body, struct vd_slice row)
{
    *body = (struct vd_body){.row = row};
    if (row.len < 4) {
        return VD_ERR_CORRUPT;
    }
    body->count = vd_load_be32(row.ptr);
    size_t head = 4 + (size_t)body->count * 24;
    if (row.len < head) {
        return VD_ERR_CORRUPT;
    }
    uint32_t end = 0;
    for (uint32_t i = 0; i < body->count; i++) {
        uint32_t start = end;
        end = vd_load_be32(row.ptr + 4 + 4 * (size_t)i);
        if (end <= start) {
            return VD_ERR_CORRUPT; /* no transaction is empty */
        }
    }
    return row.len == head + end ? VD_OK : VD_ERR_CORRUPT;
}

struct vd_slice
vd_body_transaction(const struct vd_body *body, uint32_t index)
{
    VD_ASSERT(index < body->count);
    const uint8_t *ends = body->row.ptr + 4;
    size_t head = 4 + (size_t)body->count * 24;
    uint32_t start = index == 0 ? 0 : vd_load_be32(ends + 4 * ((size_t)index - 1));
    uint32_t end = vd_load_be32(ends + 4 * (size_t)index);
    return vd_slice(body->row.ptr + head + start, end - start);
}

struct vd_address
vd_body_sender(const struct vd_body *body, uint32_t index)
{
    VD_ASSERT(index < body->count);
    struct vd_address sender;
    memcpy(sender.b, body->row.ptr + 4 + 4 * (size_t)body->count + 20 * (size_t)index, 20);
    return sender;
}

static void
encode_log(struct vd_buf *out, const struct vd_log *log)
{
    vd_buf_bytes(out, log->address.b, 20);
    vd_buf_byte(out, log->topic_count);
    for (unsigned i = 0; i < log->topic_count; i++) {
        vd_buf_bytes(out, log->topics[i].b, 32);
    }
    vd_buf_be32(out, (uint32_t)log->data.len);
    vd_buf_slice(out, log->data);
}

enum vd_err
vd_receipts_encode(struct vd_buf *out, const struct vd_store_block *block)
{
    vd_buf_be32(out, (uint32_t)block->transaction_count);
    for (size_t i = 0; i < block->transaction_count; i++) {
        const struct vd_receipt *r = &block->receipts[i];
        vd_buf_byte(out, (uint8_t)r->type);
        vd_buf_byte(out, (uint8_t)((r->success ? FLAG_SUCCESS : 0) |
                                   (r->has_contract_address ? FLAG_CONTRACT : 0)));
        vd_buf_be64(out, r->cumulative_gas_used);
        vd_buf_be64(out, r->gas_used);
        vd_buf_be64(out, r->deposit_nonce);
        vd_buf_be64(out, r->deposit_version);
        if (r->has_contract_address) {
            vd_buf_bytes(out, r->contract_address.b, 20);
        }
        vd_buf_be32(out, (uint32_t)r->log_count);
        for (size_t j = 0; j < r->log_count; j++) {
            encode_log(out, &r->logs[j]);
        }
    }
    return out->err;
}

static void
decode_log(struct vd_cursor *cur, struct vd_log *log)
{
    log->address = vd_cursor_address(cur);
    log->topic_count = vd_cursor_u8(cur);
    if (log->topic_count > 4) {
        cur->failed = true;
        return;
    }
    for (unsigned i = 0; i < log->topic_count; i++) {
        log->topics[i] = vd_cursor_hash(cur);
    }
    uint32_t len = vd_cursor_be32(cur);
    log->data = vd_cursor_take(cur, len);
}

static bool
type_is_known(uint8_t type)
{
    return type <= VD_TX_SET_CODE || type == VD_TX_DEPOSIT;
}

static enum vd_err
decode_receipt(struct vd_cursor *cur, struct vd_receipt *r, struct vd_arena *arena)
{
    uint8_t type = vd_cursor_u8(cur);
    uint8_t flags = vd_cursor_u8(cur);
    if (!type_is_known(type) || (flags & ~(FLAG_SUCCESS | FLAG_CONTRACT)) != 0) {
        return VD_ERR_CORRUPT;
    }
    r->type = (enum vd_tx_type)type;
    r->success = (flags & FLAG_SUCCESS) != 0;
    r->has_contract_address = (flags & FLAG_CONTRACT) != 0;
    r->cumulative_gas_used = vd_cursor_be64(cur);
    r->gas_used = vd_cursor_be64(cur);
    r->deposit_nonce = vd_cursor_be64(cur);
    r->deposit_version = vd_cursor_be64(cur);
    if (r->has_contract_address) {
        r->contract_address = vd_cursor_address(cur);
    }
    r->log_count = vd_cursor_be32(cur);
    if (cur->failed || r->log_count > vd_cursor_left(cur) / 25) {
        return VD_ERR_CORRUPT;
    }
    struct vd_log *logs = VD_ARENA_NEW(arena, struct vd_log, r->log_count + 1);
    if (!logs) {
        return VD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < r->log_count; i++) {
        decode_log(cur, &logs[i]);
    }
    r->logs = logs;
    return cur->failed ? VD_ERR_CORRUPT : VD_OK;
}

enum vd_err
vd_receipts_decode(struct vd_receipt **receipts, size_t *count, struct vd_arena *arena,
                   struct vd_slice row)
{
    struct vd_cursor cur = vd_cursor(row);
    *count = vd_cursor_be32(&cur);
    if (cur.failed || *count > row.len / 38) {
        return VD_ERR_CORRUPT;
    }
    *receipts = VD_ARENA_NEW(arena, struct vd_receipt, *count + 1);
    if (!*receipts) {
        return VD_ERR_NO_MEMORY;
    }
    enum vd_err err = VD_OK;
    for (size_t i = 0; i < *count && err == VD_OK; i++) {
        struct vd_receipt *r = &(*receipts)[i];
        err = decode_receipt(&cur, r, arena);
        if (err == VD_OK) {
            vd_bloom_add_logs(r->bloom, r->logs, r->log_count);
        }
    }
    return err == VD_OK && vd_cursor_left(&cur) != 0 ? VD_ERR_CORRUPT : err;
}

/* Those before it are stepped over; the hashing for blooms, which is most of the work, is done for
   the one alone. */
enum vd_err
vd_receipt_decode_at(struct vd_receipt *receipt, size_t *first_log, struct vd_arena *arena,
                     struct vd_slice row, size_t index)
{
    struct vd_cursor cur = vd_cursor(row);
    size_t count = vd_cursor_be32(&cur);
    if (cur.failed || count > row.len / 38) {
        return VD_ERR_CORRUPT;
    }
    if (index >= count) {
        return VD_ERR_NOT_FOUND;
    }
    *first_log = 0;
    for (size_t i = 0;; i++) {
        size_t mark = vd_arena_mark(arena);
        *receipt = (struct vd_receipt){0};
        enum vd_err err = decode_receipt(&cur, receipt, arena);
        if (err != VD_OK) {
            return err;
        }
        if (i == index) {
            vd_bloom_add_logs(receipt->bloom, receipt->logs, receipt->log_count);
            return VD_OK;
        }
        *first_log += receipt->log_count;
        vd_arena_rewind(arena, mark);
    }
}
