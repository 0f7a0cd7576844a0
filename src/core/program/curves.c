/* Curves through the oracle: L1's own precompile answers (OP Stack specs, fault proof, precompile
   accelerators). */
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/program/program.h"

#define ECRECOVER 1u
#define ECRECOVER_GAS 3000u

struct vd_hash
vd_precompile_key(struct vd_slice input)
{
    struct vd_hash hash = vd_keccak256(input);
    return vd_key_typed(VD_KEY_PRECOMPILE, &hash);
}

/* address 20 | gas u64 | hash | v | r | s, the last four as ecrecover takes them. */
static enum vd_err
recover(void *ctx, struct vd_address *out, bool *valid, const struct vd_hash *hash,
        const uint8_t signature[64], uint8_t y_parity)
{
    struct vd_oracle_curves *curves = ctx;
    uint8_t input[20 + 8 + 128] = {[19] = ECRECOVER};
    vd_store_be64(input + 20, ECRECOVER_GAS);
    memcpy(input + 28, hash->b, 32);
    input[28 + 63] = (uint8_t)(27 + y_parity);
    memcpy(input + 28 + 64, signature, 64);
    struct vd_hint hint = {.kind = VD_HINT_PRECOMPILE, .input = vd_slice(input, sizeof input)};
    if (curves->oracle->hint != NULL)
        curves->oracle->hint(curves->oracle->ctx, &hint);
    struct vd_hash key = vd_precompile_key(hint.input);
    struct vd_arena scratch;
    struct vd_slice answer;
    vd_arena_init(&scratch, curves->scratch, sizeof curves->scratch);
    enum vd_err err = curves->oracle->get(curves->oracle->ctx, &answer, &scratch, &key);
    if (err != VD_OK)
        return err;
    /* A call that did not fail, with 32 bytes or nothing. */
    if ((answer.len != 1 && answer.len != 33) || answer.ptr[0] != 1)
        return VD_ERR_CORRUPT;
    *valid = answer.len == 33;
    if (*valid)
        memcpy(out->b, answer.ptr + 13, sizeof out->b);
    return VD_OK;
}

void
vd_oracle_curves_init(struct vd_oracle_curves *curves, const struct vd_oracle *oracle)
{
    curves->oracle = oracle;
    curves->curves = (struct vd_curves){.ctx = curves, .recover = recover};
}
