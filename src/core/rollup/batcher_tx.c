#include "core/rollup/batcher_tx.h"
#include "viaduct/core/crypto/keccak.h"

/* Which items of a transaction's list are the receiver, the data and the first of the three of the
   signature, per type. */
struct shape {
    uint8_t to;
    uint8_t data;
    uint8_t signature;
};
static const struct shape shapes[] = {
    [VD_TX_LEGACY] = {3, 5, 6},
    [VD_TX_ACCESS_LIST] = {4, 6, 8},
    [VD_TX_DYNAMIC_FEE] = {5, 7, 9},
    [VD_TX_BLOB] = {5, 7, 11},
};

/* EIP-155: a protected v brings the chain id, and two empty strings, under the signature. */
static struct vd_slice
legacy_tail(uint8_t out[16], uint8_t *y_parity, uint64_t v)
{
    if (v == 27 || v == 28) {
        *y_parity = (uint8_t)(v - 27);
        return vd_slice(out, 0);
    }
    struct vd_arena none;
    vd_arena_init(&none, NULL, 0);
    struct vd_buf tail = {.arena = &none, .ptr = out, .cap = 16};
    vd_rlp_put_u64(&tail, (v - 35) / 2);
    vd_rlp_put_string(&tail, vd_slice(NULL, 0));
    vd_rlp_put_string(&tail, vd_slice(NULL, 0));
    *y_parity = (v - 35) & 1;
    return vd_buf_view(&tail);
}

static struct vd_hash
signing_hash(const struct vd_batcher_tx *tx, struct vd_slice fields, struct vd_slice tail)
{
    uint8_t header[9];
    struct vd_keccak k;
    vd_keccak_init(&k);
    if (tx->type != VD_TX_LEGACY)
        vd_keccak_update(&k, vd_slice(&tx->type, 1));
    size_t header_len = vd_rlp_list_header(header, fields.len + tail.len);
    vd_keccak_update(&k, vd_slice(header, header_len));
    vd_keccak_update(&k, fields);
    vd_keccak_update(&k, tail);
    return vd_keccak_final(&k);
}

static void
read_word(uint8_t out[32], struct vd_rlp *r)
{
    struct vd_u256 word = vd_rlp_u256(r);
    vd_u256_to_be(out, &word);
}

/* Reads from the signature on; fields are the bytes before it. */
static bool
read_signature(struct vd_batcher_tx *tx, struct vd_rlp *r, struct vd_slice fields)
{
    uint8_t tail_bytes[16];
    struct vd_slice tail = vd_slice(NULL, 0);
    uint64_t v = vd_rlp_u64(r);
    read_word(tx->signature, r);
    read_word(tx->signature + 32, r);
    if (!vd_rlp_done(r))
        return false;
    if (tx->type == VD_TX_LEGACY) {
        if (v != 27 && v != 28 && v < 35)
            return false;
        tail = legacy_tail(tail_bytes, &tx->y_parity, v);
    } else {
        if (v > 1)
            return false;
        tx->y_parity = (uint8_t)v;
    }
    tx->signing_hash = signing_hash(tx, fields, tail);
    return true;
}

bool
vd_batcher_tx_read(struct vd_batcher_tx *tx, const struct vd_address *inbox, struct vd_slice raw)
{
    *tx = (struct vd_batcher_tx){.type = VD_TX_LEGACY};
    if (raw.len != 0 && raw.ptr[0] <= 0x7f) {
        tx->type = raw.ptr[0];
        raw = vd_slice(raw.ptr + 1, raw.len - 1);
        if (tx->type == VD_TX_LEGACY || tx->type > VD_TX_BLOB)
            return false;
    }
    struct shape shape = shapes[tx->type];
    struct vd_rlp outer = vd_rlp(raw);
    struct vd_rlp r = vd_rlp_list(&outer);
    const uint8_t *start = r.ptr;
    for (uint8_t i = 0; i < shape.to; i++)
        (void)vd_rlp_raw(&r);
    struct vd_slice to = vd_rlp_string(&r);
    if (r.failed || to.len != sizeof inbox->b || memcmp(to.ptr, inbox->b, to.len) != 0)
        return false;
    tx->to = *inbox;
    for (uint8_t i = shape.to + 1; i < shape.data; i++)
        (void)vd_rlp_raw(&r);
    tx->data = vd_rlp_string(&r);
    for (uint8_t i = shape.data + 1; i < shape.signature; i++)
        (void)vd_rlp_raw(&r);
    if (r.failed)
        return false;
    return read_signature(tx, &r, vd_slice(start, (size_t)(r.ptr - start)));
}

enum vd_err
vd_batcher_tx_is_from(bool *is_from, const struct vd_batcher_tx *tx,
                      const struct vd_address *batcher, const struct vd_curves *curves)
{
    struct vd_address sender;
    bool valid = false;
    enum vd_err err = curves->recover(curves->ctx, &sender, &valid, &tx->signing_hash,
                                      tx->signature, tx->y_parity);
    *is_from = err == VD_OK && valid && vd_address_eq(&sender, batcher);
    return err;
}
