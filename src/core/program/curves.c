/* Precompiles through the oracle: L1's own answers (OP Stack specs, fault proof, precompile
   accelerators). */
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/program/program.h"

#define PREFIX 28u /* address 20 | gas u64 */
#define ECRECOVER 1u
#define ECRECOVER_GAS 3000u
#define BLAKE2F 9u
/* Fewer rounds take fewer steps than the question; more of them, with the margin and what the
   oracle keeps beside them, would not fit one transaction of L1 (EIP-7825). */
#define BLAKE2F_LEAST_ROUNDS 32u
#define BLAKE2F_MOST_ROUNDS 10000000u

struct vd_hash
vd_precompile_key(struct vd_slice input)
{
    struct vd_hash hash = vd_keccak256(input);
    return vd_key_typed(VD_KEY_PRECOMPILE, &hash);
}

/* L1's price and a quarter: an L1 that comes to ask up to that much more still answers. */
static void
put_prefix(uint8_t input[PREFIX], uint8_t address, uint64_t price)
{
    memset(input, 0, 19);
    input[19] = address;
    vd_store_be64(input + 20, price + price / 4);
}

/* What the call gave, behind the byte that says that it did not fail: in scratch. */
static enum vd_err
ask(struct vd_oracle_curves *curves, struct vd_slice *output, struct vd_slice input)
{
    struct vd_hint hint = {.kind = VD_HINT_PRECOMPILE, .input = input};
    if (curves->oracle->hint != NULL)
        curves->oracle->hint(curves->oracle->ctx, &hint);
    struct vd_hash key = vd_precompile_key(input);
    struct vd_arena scratch;
    struct vd_slice answer;
    vd_arena_init(&scratch, curves->scratch, sizeof curves->scratch);
    enum vd_err err = curves->oracle->get(curves->oracle->ctx, &answer, &scratch, &key);
    if (err != VD_OK)
        return err;
    if (answer.len == 0 || answer.ptr[0] != 1)
        return VD_ERR_CORRUPT;
    *output = vd_slice(answer.ptr + 1, answer.len - 1);
    return VD_OK;
}

/* address | gas | hash | v | r | s, the last four as ecrecover takes them; 32 bytes or nothing. */
static enum vd_err
recover(void *ctx, struct vd_address *out, bool *valid, const struct vd_hash *hash,
        const uint8_t signature[64], uint8_t y_parity)
{
    uint8_t input[PREFIX + 128] = {0};
    struct vd_slice output;
    put_prefix(input, ECRECOVER, ECRECOVER_GAS);
    memcpy(input + PREFIX, hash->b, 32);
    input[PREFIX + 63] = (uint8_t)(27 + y_parity);
    memcpy(input + PREFIX + 64, signature, 64);
    enum vd_err err = ask(ctx, &output, vd_slice(input, sizeof input));
    if (err != VD_OK)
        return err;
    if (output.len != 0 && output.len != 32)
        return VD_ERR_CORRUPT;
    *valid = output.len == 32;
    if (*valid)
        memcpy(out->b, output.ptr + 12, sizeof out->b);
    return VD_OK;
}

static enum vd_err
blake2f(void *ctx, uint8_t out[64], bool *answered, const uint8_t input[VD_BLAKE2F_INPUT])
{
    uint32_t rounds = vd_load_be32(input);
    uint8_t question[PREFIX + VD_BLAKE2F_INPUT];
    struct vd_slice output;
    *answered = rounds >= BLAKE2F_LEAST_ROUNDS && rounds <= BLAKE2F_MOST_ROUNDS;
    if (!*answered)
        return VD_OK;
    put_prefix(question, BLAKE2F, rounds);
    memcpy(question + PREFIX, input, VD_BLAKE2F_INPUT);
    enum vd_err err = ask(ctx, &output, vd_slice(question, sizeof question));
    if (err == VD_OK && output.len != 64)
        err = VD_ERR_CORRUPT;
    if (err == VD_OK)
        memcpy(out, output.ptr, 64);
    return err;
}

void
vd_oracle_curves_init(struct vd_oracle_curves *curves, const struct vd_oracle *oracle)
{
    curves->oracle = oracle;
    curves->curves = (struct vd_curves){.ctx = curves, .recover = recover, .blake2f = blake2f};
}
