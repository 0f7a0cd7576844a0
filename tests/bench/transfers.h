/* Signed transfers between made-up accounts, for the benchmarks. */
#ifndef VIADUCT_TESTS_BENCH_TRANSFERS_H
#define VIADUCT_TESTS_BENCH_TRANSFERS_H

#include <secp256k1_recovery.h>
#include <stdlib.h>

#include "viaduct/core/chain/tx.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"

/* Room for one transfer's bytes, and for what encoding it takes. */
#define TRANSFER_BYTES 256u
#define TRANSFER_ARENA_BYTES 16384u

struct transfer {
    uint64_t chain_id;
    uint64_t nonce;
    uint64_t max_fee;
    uint64_t max_priority_fee;
    struct vd_address to;
    struct vd_u256 value;
};

/* The key of account index of a family of accounts; a hash below the group order but for a chance
   of 2^-128. */
static inline void
transfer_key(uint8_t key[32], uint64_t family, uint64_t index)
{
    uint8_t bytes[16];
    vd_store_be64(bytes, family);
    vd_store_be64(bytes + 8, index);
    struct vd_hash hash = vd_keccak256(vd_slice(bytes, sizeof bytes));
    memcpy(key, hash.b, sizeof hash.b);
}

/* The EIP-2718 bytes of a signed transfer of type 2; returns their length. */
static inline size_t
transfer_sign(uint8_t out[TRANSFER_BYTES], const secp256k1_context *context, const uint8_t key[32],
              const struct transfer *t)
{
    uint8_t memory[TRANSFER_ARENA_BYTES];
    struct vd_arena arena;
    vd_arena_init(&arena, memory, sizeof memory);
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                       .has_chain_id = true,
                       .chain_id = t->chain_id,
                       .nonce = t->nonce,
                       .max_priority_fee = vd_u256(t->max_priority_fee),
                       .max_fee = vd_u256(t->max_fee),
                       .gas_limit = 21000,
                       .to = t->to,
                       .value = t->value};
    struct vd_hash hash;
    secp256k1_ecdsa_recoverable_signature signature;
    uint8_t compact[64];
    int parity = 0;
    if (vd_tx_signing_hash(&hash, &tx, &arena) != VD_OK ||
        !secp256k1_ecdsa_sign_recoverable(context, &signature, hash.b, key, NULL, NULL)) {
        abort();
    }
    secp256k1_ecdsa_recoverable_signature_serialize_compact(context, compact, &parity, &signature);
    tx.y_parity = (uint8_t)parity;
    tx.r = vd_u256_from_be(compact);
    tx.s = vd_u256_from_be(compact + 32);
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    vd_tx_encode(&buf, &tx);
    struct vd_slice raw = vd_buf_view(&buf);
    if (buf.err != VD_OK || raw.len > TRANSFER_BYTES) {
        abort();
    }
    memcpy(out, raw.ptr, raw.len);
    return raw.len;
}

#endif
