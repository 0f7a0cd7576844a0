/* Random transactions of every type that an L2 block may hold, well-formed but for who signed. */
#ifndef VD_TESTS_ROLLUP_RANDOM_TX_H
#define VD_TESTS_ROLLUP_RANDOM_TX_H

#include "support/random.h"
#include "viaduct/core/chain/tx.h"

static inline struct vd_u256
random_u256(struct vd_random *r, unsigned max_bits)
{
    struct vd_u256 v;
    for (unsigned i = 0; i < 4; i++)
        v.w[i] = vd_random_u64(r);
    return vd_u256_shr(&v, 256 - (unsigned)vd_random_below(r, max_bits + 1));
}

static inline void
random_access_list(struct vd_random *r, struct vd_tx *tx, struct vd_arena *arena)
{
    size_t n = vd_random_below(r, 3);
    struct vd_access *list = VD_ARENA_NEW(arena, struct vd_access, n);
    for (size_t i = 0; i < n; i++) {
        size_t keys = vd_random_below(r, 3);
        struct vd_hash *key = VD_ARENA_NEW(arena, struct vd_hash, keys);
        vd_random_bytes(r, list[i].address.b, 20);
        for (size_t j = 0; j < keys; j++)
            vd_random_bytes(r, key[j].b, 32);
        list[i].keys = key;
        list[i].key_count = keys;
    }
    tx->accesses = list;
    tx->access_count = n;
}

static inline void
random_authorizations(struct vd_random *r, struct vd_tx *tx, struct vd_arena *arena)
{
    size_t n = 1 + vd_random_below(r, 2);
    struct vd_authorization *list = VD_ARENA_NEW(arena, struct vd_authorization, n);
    for (size_t i = 0; i < n; i++) {
        list[i].chain_id = random_u256(r, 64);
        vd_random_bytes(r, list[i].address.b, 20);
        list[i].nonce = vd_random_u64(r) >> vd_random_below(r, 64);
        list[i].y_parity = (uint8_t)vd_random_below(r, 2);
        list[i].r = random_u256(r, 256);
        list[i].s = random_u256(r, 256);
    }
    tx->authorizations = list;
    tx->authorization_count = n;
}

/* The EIP-2718 bytes, in the arena. */
static inline struct vd_slice
random_tx(struct vd_random *r, struct vd_arena *arena, uint64_t chain_id)
{
    static const enum vd_tx_type types[] = {VD_TX_LEGACY, VD_TX_ACCESS_LIST, VD_TX_DYNAMIC_FEE,
                                            VD_TX_SET_CODE};
    struct vd_tx tx = {.type = types[vd_random_below(r, 4)]};
    size_t len = vd_random_below(r, 5) == 0 ? vd_random_below(r, 3000) : vd_random_below(r, 70);
    uint8_t *data = vd_arena_alloc(arena, len, 1);
    vd_random_bytes(r, data, len);
    tx.has_chain_id = tx.type != VD_TX_LEGACY || vd_random_below(r, 2) == 0;
    tx.chain_id = tx.has_chain_id ? chain_id : 0;
    tx.nonce = vd_random_u64(r) >> vd_random_below(r, 64) >> 1;
    tx.max_fee = random_u256(r, 128);
    tx.max_priority_fee = tx.max_fee;
    if (tx.type >= VD_TX_DYNAMIC_FEE)
        tx.max_priority_fee = random_u256(r, 64);
    tx.gas_limit = vd_random_u64(r) >> vd_random_below(r, 64);
    tx.is_create = tx.type != VD_TX_SET_CODE && vd_random_below(r, 4) == 0;
    if (!tx.is_create)
        vd_random_bytes(r, tx.to.b, 20);
    tx.value = random_u256(r, 256);
    tx.data = vd_slice(data, len);
    if (tx.type != VD_TX_LEGACY)
        random_access_list(r, &tx, arena);
    if (tx.type == VD_TX_SET_CODE)
        random_authorizations(r, &tx, arena);
    tx.y_parity = (uint8_t)vd_random_below(r, 2);
    tx.r = random_u256(r, 256);
    tx.s = random_u256(r, 255);
    struct vd_buf buf;
    vd_buf_init(&buf, arena);
    vd_tx_encode(&buf, &tx);
    return vd_buf_view(&buf);
}

#endif
