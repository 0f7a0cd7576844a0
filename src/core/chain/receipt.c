#include "viaduct/core/chain/receipt.h"
#include "viaduct/core/crypto/keccak.h"

static void
put_log(struct vd_buf *buf, const struct vd_log *log)
{
    size_t item = vd_rlp_begin(buf);
    vd_rlp_put_address(buf, &log->address);
    size_t topics = vd_rlp_begin(buf);
    for (uint8_t i = 0; i < log->topic_count; i++)
        vd_rlp_put_hash(buf, &log->topics[i]);
    vd_rlp_end(buf, topics);
    vd_rlp_put_string(buf, log->data);
    vd_rlp_end(buf, item);
}

void
vd_logs_encode(struct vd_buf *buf, const struct vd_log *logs, size_t count)
{
    size_t list = vd_rlp_begin(buf);
    for (size_t i = 0; i < count; i++)
        put_log(buf, &logs[i]);
    vd_rlp_end(buf, list);
}

void
vd_receipt_encode(struct vd_buf *buf, const struct vd_receipt *receipt)
{
    if (receipt->type != VD_TX_LEGACY)
        vd_buf_byte(buf, (uint8_t)receipt->type);
    size_t list = vd_rlp_begin(buf);
    vd_rlp_put_u64(buf, receipt->success);
    vd_rlp_put_u64(buf, receipt->cumulative_gas_used);
    vd_rlp_put_string(buf, vd_slice(receipt->bloom, sizeof receipt->bloom));
    vd_logs_encode(buf, receipt->logs, receipt->log_count);
    if (receipt->type == VD_TX_DEPOSIT) {
        /* OP Stack specs, deposits: deposit receipt. */
        vd_rlp_put_u64(buf, receipt->deposit_nonce);
        vd_rlp_put_u64(buf, receipt->deposit_version);
    }
    vd_rlp_end(buf, list);
}

/* --- reading --- */

static void
read_log(struct vd_rlp *list, struct vd_log *log)
{
    struct vd_rlp item = vd_rlp_list(list);
    log->address = vd_rlp_address(&item);
    struct vd_rlp topics = vd_rlp_list(&item);
    while (vd_rlp_more(&topics) && log->topic_count < 4)
        log->topics[log->topic_count++] = vd_rlp_hash(&topics);
    vd_rlp_close(&item, &topics);
    log->data = vd_rlp_string(&item);
    vd_rlp_close(list, &item);
}

/* Address, empty topics, empty data and two list headers: a log takes at least this. */
enum { MIN_LOG = 1 + 21 + 1 + 1 };

static enum vd_err
read_logs(struct vd_receipt *receipt, struct vd_arena *arena, struct vd_rlp *fields)
{
    bool failed;
    struct vd_rlp list = vd_rlp_list(fields);
    size_t count = vd_rlp_count(&list, &failed);
    if (failed || count > (size_t)(list.end - list.ptr) / MIN_LOG)
        return VD_ERR_INVALID;
    struct vd_log *logs = VD_ARENA_NEW(arena, struct vd_log, count);
    if (logs == NULL)
        return VD_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        read_log(&list, &logs[i]);
    receipt->logs = logs;
    receipt->log_count = count;
    vd_rlp_close(fields, &list);
    return VD_OK;
}

static enum vd_err
read_fields(struct vd_receipt *receipt, struct vd_arena *arena, struct vd_rlp *fields)
{
    uint64_t status = vd_rlp_u64(fields);
    if (status > 1)
        fields->failed = true;
    receipt->success = status == 1;
    receipt->cumulative_gas_used = vd_rlp_u64(fields);
    struct vd_slice bloom = vd_rlp_fixed(fields, sizeof receipt->bloom);
    if (fields->failed)
        return VD_ERR_INVALID;
    memcpy(receipt->bloom, bloom.ptr, bloom.len);
    enum vd_err err = read_logs(receipt, arena, fields);
    if (err == VD_OK && receipt->type == VD_TX_DEPOSIT) {
        receipt->deposit_nonce = vd_rlp_u64(fields);
        receipt->deposit_version = vd_rlp_u64(fields);
    }
    return err;
}

enum vd_err
vd_receipt_decode(struct vd_receipt *receipt, struct vd_arena *arena, struct vd_slice bytes)
{
    *receipt = (struct vd_receipt){.type = VD_TX_LEGACY};
    if (bytes.len == 0)
        return VD_ERR_INVALID;
    uint8_t first = bytes.ptr[0];
    if (first < 0xc0) {
        if (first == 0 || first >= 0x80)
            return VD_ERR_INVALID;
        if (first > VD_TX_SET_CODE && first != VD_TX_DEPOSIT)
            return VD_ERR_UNSUPPORTED;
        receipt->type = (enum vd_tx_type)first;
        bytes = vd_slice(bytes.ptr + 1, bytes.len - 1);
    }
    struct vd_rlp outer = vd_rlp(bytes);
    struct vd_rlp fields = vd_rlp_list(&outer);
    enum vd_err err = read_fields(receipt, arena, &fields);
    if (err != VD_OK)
        return err;
    vd_rlp_close(&outer, &fields);
    return vd_rlp_done(&outer) ? VD_OK : VD_ERR_INVALID;
}

/* --- blooms --- */

/* Yellow Paper 4.3.1: bit i is the low 11 bits of the hash's i-th pair of bytes, counted from the
   end of the filter. */
static void
bloom_bits(size_t at[3], uint8_t mask[3], struct vd_slice item)
{
    struct vd_hash hash = vd_keccak256(item);
    for (size_t i = 0; i < 3; i++) {
        unsigned bit = vd_load_be16(hash.b + 2 * i) & 0x7ffu;
        at[i] = 255 - bit / 8;
        mask[i] = (uint8_t)(1u << bit % 8);
    }
}

void
vd_bloom_add(uint8_t bloom[256], struct vd_slice item)
{
    size_t at[3];
    uint8_t mask[3];
    bloom_bits(at, mask, item);
    for (size_t i = 0; i < 3; i++)
        bloom[at[i]] |= mask[i];
}

void
vd_bloom_add_logs(uint8_t bloom[256], const struct vd_log *logs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        vd_bloom_add(bloom, vd_slice(logs[i].address.b, sizeof logs[i].address.b));
        for (uint8_t k = 0; k < logs[i].topic_count; k++)
            vd_bloom_add(bloom, vd_slice(logs[i].topics[k].b, sizeof logs[i].topics[k].b));
    }
}

bool
vd_bloom_may_have(const uint8_t bloom[256], struct vd_slice item)
{
    size_t at[3];
    uint8_t mask[3];
    bloom_bits(at, mask, item);
    for (size_t i = 0; i < 3; i++) {
        if ((bloom[at[i]] & mask[i]) == 0)
            return false;
    }
    return true;
}
