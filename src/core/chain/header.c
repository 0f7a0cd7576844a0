#include "viaduct/core/chain/header.h"
#include "viaduct/core/crypto/keccak.h"

/* --- headers --- */

static void
put_before_extra(struct vd_buf *buf, const struct vd_header *h)
{
    vd_rlp_put_hash(buf, &h->parent_hash);
    vd_rlp_put_hash(buf, &h->ommers_hash);
    vd_rlp_put_address(buf, &h->beneficiary);
    vd_rlp_put_hash(buf, &h->state_root);
    vd_rlp_put_hash(buf, &h->transactions_root);
    vd_rlp_put_hash(buf, &h->receipts_root);
    vd_rlp_put_string(buf, vd_slice(h->logs_bloom, sizeof h->logs_bloom));
    vd_rlp_put_u256(buf, &h->difficulty);
    vd_rlp_put_u64(buf, h->number);
    vd_rlp_put_u64(buf, h->gas_limit);
    vd_rlp_put_u64(buf, h->gas_used);
    vd_rlp_put_u64(buf, h->timestamp);
}

static void
put_after_extra(struct vd_buf *buf, const struct vd_header *h)
{
    vd_rlp_put_hash(buf, &h->mix_hash);
    vd_rlp_put_string(buf, vd_slice(h->nonce, sizeof h->nonce));
    if (h->has_base_fee)
        vd_rlp_put_u256(buf, &h->base_fee);
    if (h->has_withdrawals_root)
        vd_rlp_put_hash(buf, &h->withdrawals_root);
    if (h->has_blob_gas) {
        vd_rlp_put_u64(buf, h->blob_gas_used);
        vd_rlp_put_u64(buf, h->excess_blob_gas);
    }
    if (h->has_parent_beacon_root)
        vd_rlp_put_hash(buf, &h->parent_beacon_root);
    if (h->has_requests_hash)
        vd_rlp_put_hash(buf, &h->requests_hash);
}

void
vd_header_encode(struct vd_buf *buf, const struct vd_header *header)
{
    size_t list = vd_rlp_begin(buf);
    put_before_extra(buf, header);
    vd_rlp_put_string(buf, header->extra_data);
    put_after_extra(buf, header);
    vd_rlp_end(buf, list);
}

/* The bytes in front of a string's content: none for a single byte below 0x80. */
static size_t
string_prefix(uint8_t out[9], struct vd_slice string)
{
    size_t len = vd_rlp_string_len(string) - string.len;
    if (len == 1) {
        out[0] = (uint8_t)(0x80 + string.len);
    } else if (len > 1) {
        out[0] = (uint8_t)(0xb7 + len - 1);
        for (size_t i = 1; i < len; i++)
            out[i] = (uint8_t)((uint64_t)string.len >> 8 * (len - 1 - i));
    }
    return len;
}

struct vd_hash
vd_header_hash(const struct vd_header *header)
{
    /* Everything but the extra data has a bound: 12 fields of at most 33 bytes, a bloom, 9 more. */
    uint8_t memory[1536];
    struct vd_arena scratch;
    struct vd_buf buf;
    vd_arena_init(&scratch, memory, sizeof memory);
    vd_buf_init(&buf, &scratch);
    put_before_extra(&buf, header);
    size_t split = buf.len;
    put_after_extra(&buf, header);
    VD_ASSERT(buf.err == VD_OK);
    struct vd_keccak k;
    uint8_t prefix[9];
    vd_keccak_init(&k);
    size_t len = vd_rlp_list_header(prefix, buf.len + vd_rlp_string_len(header->extra_data));
    vd_keccak_update(&k, vd_slice(prefix, len));
    vd_keccak_update(&k, vd_slice(buf.ptr, split));
    len = string_prefix(prefix, header->extra_data);
    vd_keccak_update(&k, vd_slice(prefix, len));
    vd_keccak_update(&k, header->extra_data);
    vd_keccak_update(&k, vd_slice(buf.ptr + split, buf.len - split));
    return vd_keccak_final(&k);
}

static void
read_fixed(struct vd_rlp *r, uint8_t *out, size_t len)
{
    struct vd_slice bytes = vd_rlp_fixed(r, len);
    if (!r->failed)
        memcpy(out, bytes.ptr, len);
}

/* The fields that forks appended, each only after those before it. */
static void
read_optional(struct vd_rlp *r, struct vd_header *h)
{
    h->has_base_fee = vd_rlp_more(r);
    if (h->has_base_fee)
        h->base_fee = vd_rlp_u256(r);
    h->has_withdrawals_root = vd_rlp_more(r);
    if (h->has_withdrawals_root)
        h->withdrawals_root = vd_rlp_hash(r);
    h->has_blob_gas = vd_rlp_more(r);
    if (h->has_blob_gas) {
        h->blob_gas_used = vd_rlp_u64(r);
        h->excess_blob_gas = vd_rlp_u64(r);
    }
    h->has_parent_beacon_root = vd_rlp_more(r);
    if (h->has_parent_beacon_root)
        h->parent_beacon_root = vd_rlp_hash(r);
    h->has_requests_hash = vd_rlp_more(r);
    if (h->has_requests_hash)
        h->requests_hash = vd_rlp_hash(r);
}

static void
read_fields(struct vd_rlp *r, struct vd_header *h)
{
    h->parent_hash = vd_rlp_hash(r);
    h->ommers_hash = vd_rlp_hash(r);
    h->beneficiary = vd_rlp_address(r);
    h->state_root = vd_rlp_hash(r);
    h->transactions_root = vd_rlp_hash(r);
    h->receipts_root = vd_rlp_hash(r);
    read_fixed(r, h->logs_bloom, sizeof h->logs_bloom);
    h->difficulty = vd_rlp_u256(r);
    h->number = vd_rlp_u64(r);
    h->gas_limit = vd_rlp_u64(r);
    h->gas_used = vd_rlp_u64(r);
    h->timestamp = vd_rlp_u64(r);
    h->extra_data = vd_rlp_string(r);
    h->mix_hash = vd_rlp_hash(r);
    read_fixed(r, h->nonce, sizeof h->nonce);
    read_optional(r, h);
}

enum vd_err
vd_header_decode(struct vd_header *header, struct vd_slice rlp)
{
    *header = (struct vd_header){0};
    struct vd_rlp outer = vd_rlp(rlp);
    struct vd_rlp fields = vd_rlp_list(&outer);
    read_fields(&fields, header);
    bool unknown = vd_rlp_more(&fields);
    while (vd_rlp_more(&fields))
        (void)vd_rlp_raw(&fields);
    vd_rlp_close(&outer, &fields);
    if (!vd_rlp_done(&outer))
        return VD_ERR_INVALID;
    return unknown ? VD_ERR_UNSUPPORTED : VD_OK;
}

/* --- withdrawals and blocks --- */

void
vd_withdrawal_encode(struct vd_buf *buf, const struct vd_withdrawal *withdrawal)
{
    size_t list = vd_rlp_begin(buf);
    vd_rlp_put_u64(buf, withdrawal->index);
    vd_rlp_put_u64(buf, withdrawal->validator_index);
    vd_rlp_put_address(buf, &withdrawal->address);
    vd_rlp_put_u64(buf, withdrawal->amount_gwei);
    vd_rlp_end(buf, list);
}

/* Legacy transactions stand in a block as lists, typed ones as strings. */
static struct vd_slice
read_transaction(struct vd_rlp *list)
{
    if (vd_rlp_is_list(list))
        return vd_rlp_raw(list);
    struct vd_slice bytes = vd_rlp_string(list);
    if (bytes.len == 0 || bytes.ptr[0] > 0x7f)
        list->failed = true;
    return bytes;
}

static enum vd_err
read_transactions(struct vd_block *block, struct vd_arena *arena, struct vd_rlp *body)
{
    bool failed;
    struct vd_rlp list = vd_rlp_list(body);
    block->transaction_count = vd_rlp_count(&list, &failed);
    if (failed)
        return VD_ERR_INVALID;
    struct vd_slice *items = VD_ARENA_NEW(arena, struct vd_slice, block->transaction_count);
    if (items == NULL)
        return VD_ERR_NO_MEMORY;
    for (size_t i = 0; i < block->transaction_count; i++)
        items[i] = read_transaction(&list);
    block->transactions = items;
    vd_rlp_close(body, &list);
    return VD_OK;
}

/* Three numbers and an address take at least this. */
enum { MIN_WITHDRAWAL = 1 + 21 + 3 };

static enum vd_err
read_withdrawals(struct vd_block *block, struct vd_arena *arena, struct vd_rlp *body)
{
    bool failed;
    block->has_withdrawals = vd_rlp_more(body);
    if (!block->has_withdrawals)
        return VD_OK;
    struct vd_rlp list = vd_rlp_list(body);
    block->withdrawal_count = vd_rlp_count(&list, &failed);
    if (failed || block->withdrawal_count > (size_t)(list.end - list.ptr) / MIN_WITHDRAWAL)
        return VD_ERR_INVALID;
    struct vd_withdrawal *items =
        VD_ARENA_NEW(arena, struct vd_withdrawal, block->withdrawal_count);
    if (items == NULL)
        return VD_ERR_NO_MEMORY;
    for (size_t i = 0; i < block->withdrawal_count; i++) {
        struct vd_rlp item = vd_rlp_list(&list);
        items[i].index = vd_rlp_u64(&item);
        items[i].validator_index = vd_rlp_u64(&item);
        items[i].address = vd_rlp_address(&item);
        items[i].amount_gwei = vd_rlp_u64(&item);
        vd_rlp_close(&list, &item);
    }
    block->withdrawals = items;
    vd_rlp_close(body, &list);
    return VD_OK;
}

static void
read_ommers(struct vd_block *block, struct vd_rlp *body)
{
    bool failed;
    struct vd_rlp list = vd_rlp_list(body);
    block->ommer_count = vd_rlp_count(&list, &failed);
    while (vd_rlp_more(&list))
        (void)vd_rlp_raw(&list);
    vd_rlp_close(body, &list);
}

enum vd_err
vd_block_decode(struct vd_block *block, struct vd_arena *arena, struct vd_slice rlp)
{
    *block = (struct vd_block){0};
    struct vd_rlp outer = vd_rlp(rlp);
    struct vd_rlp body = vd_rlp_list(&outer);
    struct vd_slice header = vd_rlp_raw(&body);
    if (body.failed)
        return VD_ERR_INVALID;
    enum vd_err err = vd_header_decode(&block->header, header);
    if (err == VD_OK)
        err = read_transactions(block, arena, &body);
    if (err != VD_OK)
        return err;
    read_ommers(block, &body);
    err = read_withdrawals(block, arena, &body);
    if (err != VD_OK)
        return err;
    vd_rlp_close(&outer, &body);
    if (!vd_rlp_done(&outer))
        return VD_ERR_INVALID;
    block->hash = vd_keccak256(header);
    return VD_OK;
}

static void
put_transaction(struct vd_buf *buf, struct vd_slice raw)
{
    if (raw.len != 0 && raw.ptr[0] >= 0xc0)
        vd_buf_slice(buf, raw);
    else
        vd_rlp_put_string(buf, raw);
}

void
vd_block_encode(struct vd_buf *buf, const struct vd_block *block)
{
    size_t outer = vd_rlp_begin(buf);
    vd_header_encode(buf, &block->header);
    size_t list = vd_rlp_begin(buf);
    for (size_t i = 0; i < block->transaction_count; i++)
        put_transaction(buf, block->transactions[i]);
    vd_rlp_end(buf, list);
    vd_rlp_end(buf, vd_rlp_begin(buf));
    if (block->has_withdrawals) {
        list = vd_rlp_begin(buf);
        for (size_t i = 0; i < block->withdrawal_count; i++)
            vd_withdrawal_encode(buf, &block->withdrawals[i]);
        vd_rlp_end(buf, list);
    }
    vd_rlp_end(buf, outer);
}
