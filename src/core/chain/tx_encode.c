/* Transactions on the wire: writing. */
#include "core/chain/tx_internal.h"
#include "viaduct/core/crypto/keccak.h"

static void
put_to(struct vd_buf *buf, const struct vd_tx *tx)
{
    if (tx->is_create)
        vd_rlp_put_string(buf, vd_slice(NULL, 0));
    else
        vd_rlp_put_address(buf, &tx->to);
}

static void
put_accesses(struct vd_buf *buf, const struct vd_tx *tx)
{
    size_t list = vd_rlp_begin(buf);
    for (size_t i = 0; i < tx->access_count; i++) {
        const struct vd_access *access = &tx->accesses[i];
        size_t pair = vd_rlp_begin(buf);
        vd_rlp_put_address(buf, &access->address);
        size_t keys = vd_rlp_begin(buf);
        for (size_t k = 0; k < access->key_count; k++)
            vd_rlp_put_hash(buf, &access->keys[k]);
        vd_rlp_end(buf, keys);
        vd_rlp_end(buf, pair);
    }
    vd_rlp_end(buf, list);
}

static void
put_authorizations(struct vd_buf *buf, const struct vd_tx *tx)
{
    size_t list = vd_rlp_begin(buf);
    for (size_t i = 0; i < tx->authorization_count; i++) {
        const struct vd_authorization *authorization = &tx->authorizations[i];
        size_t item = vd_rlp_begin(buf);
        vd_rlp_put_u256(buf, &authorization->chain_id);
        vd_rlp_put_address(buf, &authorization->address);
        vd_rlp_put_u64(buf, authorization->nonce);
        vd_rlp_put_u64(buf, authorization->y_parity);
        vd_rlp_put_u256(buf, &authorization->r);
        vd_rlp_put_u256(buf, &authorization->s);
        vd_rlp_end(buf, item);
    }
    vd_rlp_end(buf, list);
}

static void
put_blob_fields(struct vd_buf *buf, const struct vd_tx *tx)
{
    vd_rlp_put_u256(buf, &tx->max_fee_per_blob_gas);
    size_t list = vd_rlp_begin(buf);
    for (size_t i = 0; i < tx->blob_hash_count; i++)
        vd_rlp_put_hash(buf, &tx->blob_hashes[i]);
    vd_rlp_end(buf, list);
}

/* The fields of a signed transaction up to its signature. */
static void
put_unsigned(struct vd_buf *buf, const struct vd_tx *tx)
{
    bool one_price = tx->type == VD_TX_LEGACY || tx->type == VD_TX_ACCESS_LIST;
    if (tx->type != VD_TX_LEGACY)
        vd_rlp_put_u64(buf, tx->chain_id);
    vd_rlp_put_u64(buf, tx->nonce);
    if (!one_price)
        vd_rlp_put_u256(buf, &tx->max_priority_fee);
    vd_rlp_put_u256(buf, &tx->max_fee);
    vd_rlp_put_u64(buf, tx->gas_limit);
    put_to(buf, tx);
    vd_rlp_put_u256(buf, &tx->value);
    vd_rlp_put_string(buf, tx->data);
    if (tx->type != VD_TX_LEGACY)
        put_accesses(buf, tx);
    if (tx->type == VD_TX_BLOB)
        put_blob_fields(buf, tx);
    if (tx->type == VD_TX_SET_CODE)
        put_authorizations(buf, tx);
}

/* Legacy v: 27 or 28, or EIP-155's 35 + 2 * chain_id + parity, which may exceed 64 bits. */
static struct vd_u256
legacy_v(const struct vd_tx *tx)
{
    if (!tx->has_chain_id)
        return vd_u256(27u + tx->y_parity);
    struct vd_u256 id = vd_u256(tx->chain_id);
    struct vd_u256 twice = vd_u256_add(&id, &id);
    struct vd_u256 rest = vd_u256(35u + tx->y_parity);
    return vd_u256_add(&twice, &rest);
}

static void
put_signature(struct vd_buf *buf, const struct vd_tx *tx)
{
    struct vd_u256 v = tx->type == VD_TX_LEGACY ? legacy_v(tx) : vd_u256(tx->y_parity);
    vd_rlp_put_u256(buf, &v);
    vd_rlp_put_u256(buf, &tx->r);
    vd_rlp_put_u256(buf, &tx->s);
}

/* OP Stack specs, deposits: the deposited transaction type. */
static void
put_deposit(struct vd_buf *buf, const struct vd_tx *tx)
{
    vd_rlp_put_hash(buf, &tx->source_hash);
    vd_rlp_put_address(buf, &tx->from);
    put_to(buf, tx);
    struct vd_u256 mint = tx->has_mint ? tx->mint : vd_u256(0);
    vd_rlp_put_u256(buf, &mint);
    vd_rlp_put_u256(buf, &tx->value);
    vd_rlp_put_u64(buf, tx->gas_limit);
    vd_rlp_put_u64(buf, tx->is_system_tx);
    vd_rlp_put_string(buf, tx->data);
}

void
vd_tx_encode(struct vd_buf *buf, const struct vd_tx *tx)
{
    if (tx->type != VD_TX_LEGACY)
        vd_buf_byte(buf, (uint8_t)tx->type);
    size_t list = vd_rlp_begin(buf);
    if (tx->type == VD_TX_DEPOSIT) {
        put_deposit(buf, tx);
    } else {
        put_unsigned(buf, tx);
        put_signature(buf, tx);
    }
    vd_rlp_end(buf, list);
}

enum vd_err
vd_tx_signing_hash(struct vd_hash *hash, const struct vd_tx *tx, struct vd_arena *arena)
{
    size_t mark = vd_arena_mark(arena);
    struct vd_buf buf;
    vd_buf_init(&buf, arena);
    if (tx->type != VD_TX_LEGACY)
        vd_buf_byte(&buf, (uint8_t)tx->type);
    size_t list = vd_rlp_begin(&buf);
    put_unsigned(&buf, tx);
    if (tx->type == VD_TX_LEGACY && tx->has_chain_id) {
        /* EIP-155: chain id, 0, 0 in the signature's place. */
        vd_rlp_put_u64(&buf, tx->chain_id);
        vd_rlp_put_u64(&buf, 0);
        vd_rlp_put_u64(&buf, 0);
    }
    vd_rlp_end(&buf, list);
    if (buf.err == VD_OK)
        *hash = vd_keccak256(vd_buf_view(&buf));
    vd_arena_rewind(arena, mark);
    return buf.err;
}

struct vd_hash
vd_authorization_hash(const struct vd_authorization *authorization)
{
    /* Magic byte, list header, 33 + 21 + 9 bytes at most. */
    uint8_t memory[256];
    struct vd_arena scratch;
    struct vd_buf buf;
    vd_arena_init(&scratch, memory, sizeof memory);
    vd_buf_init(&buf, &scratch);
    vd_buf_byte(&buf, 0x05);
    size_t list = vd_rlp_begin(&buf);
    vd_rlp_put_u256(&buf, &authorization->chain_id);
    vd_rlp_put_address(&buf, &authorization->address);
    vd_rlp_put_u64(&buf, authorization->nonce);
    vd_rlp_end(&buf, list);
    VD_ASSERT(buf.err == VD_OK);
    return vd_keccak256(vd_buf_view(&buf));
}

/* EIP-2: s lies in the lower half of the group's order. */
static bool
s_is_low(const struct vd_u256 *s)
{
    static const struct vd_u256 half_order = {
        {0xdfe92f46681b20a0, 0x5d576e7357a4501d, 0xffffffffffffffff, 0x7fffffffffffffff}};
    return !vd_u256_lt(&half_order, s);
}

enum vd_err
vd_recover(struct vd_address *signer, bool *valid, const struct vd_hash *hash, uint8_t y_parity,
           const struct vd_u256 *r, const struct vd_u256 *s, const struct vd_curves *curves)
{
    *valid = false;
    if (y_parity > 1 || !s_is_low(s))
        return VD_OK;
    uint8_t signature[64];
    vd_u256_to_be(signature, r);
    vd_u256_to_be(signature + 32, s);
    return curves->recover(curves->ctx, signer, valid, hash, signature, y_parity);
}

enum vd_err
vd_tx_sender(struct vd_address *sender, bool *valid, const struct vd_tx *tx,
             const struct vd_curves *curves, struct vd_arena *arena)
{
    if (tx->type == VD_TX_DEPOSIT) {
        *sender = tx->from;
        *valid = true;
        return VD_OK;
    }
    struct vd_hash hash;
    enum vd_err err = vd_tx_signing_hash(&hash, tx, arena);
    if (err != VD_OK)
        return err;
    return vd_recover(sender, valid, &hash, tx->y_parity, &tx->r, &tx->s, curves);
}
