/* Transactions from outside: one encoding each, and nothing but an answer. */
#include "viaduct/core/chain/tx.h"
#include "viaduct/core/crypto/keccak.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[8 << 20];
    struct vd_arena arena;
    struct vd_tx tx;
    struct vd_buf buf;
    struct vd_hash hash;
    vd_arena_init(&arena, memory, sizeof memory);
    /* Structures take at most seven times their bytes. */
    if (size > sizeof memory / 16)
        return 0;
    enum vd_err err = vd_tx_decode(&tx, NULL, &arena, vd_slice(data, size));
    VD_ASSERT(err == VD_OK || err == VD_ERR_INVALID || err == VD_ERR_UNSUPPORTED);
    if (err != VD_OK)
        return 0;
    vd_buf_init(&buf, &arena);
    vd_tx_encode(&buf, &tx);
    VD_ASSERT(vd_slice_eq(vd_buf_view(&buf), vd_slice(data, size)));
    if (tx.type != VD_TX_DEPOSIT)
        VD_ASSERT(vd_tx_signing_hash(&hash, &tx, &arena) == VD_OK);
    (void)vd_tx_intrinsic_gas(&tx, vd_rules_find("Prague"));
    return 0;
}
