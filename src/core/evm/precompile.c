/* The precompiled contracts 1 to 5 and 9; the others are known by address and refused.

   The OP Stack specs (precompiles; Granite and Isthmus execution engine) cap the input of some of
   the others on L2; a contract that this build does not have gives no verdict, whatever its input.
 */
#include "core/evm/machine.h"
#include "viaduct/core/crypto/hashes.h"
#include "viaduct/core/crypto/modexp.h"

#define FAILED ((struct vd_precompile_result){.status = VD_EVM_PRECOMPILE_FAILURE})
#define OUT_OF_GAS ((struct vd_precompile_result){.status = VD_EVM_OUT_OF_GAS})

static uint64_t
words(uint64_t len)
{
    return (len + 31) / 32;
}

/* Takes cost from gas; false, with *result set, when it does not suffice. */
static bool
charge(struct vd_precompile_result *result, uint64_t gas, uint64_t cost)
{
    if (cost > gas) {
        *result = OUT_OF_GAS;
        return false;
    }
    *result = (struct vd_precompile_result){.status = VD_EVM_SUCCESS, .gas_left = gas - cost};
    return true;
}

/* Copies len bytes of input from offset on, with zeros beyond its end. */
static void
input_copy(uint8_t *out, uint64_t len, struct vd_slice input, uint64_t offset)
{
    uint64_t from = offset < input.len ? offset : input.len;
    uint64_t have = input.len - from < len ? input.len - from : len;
    if (have > 0) {
        memcpy(out, input.ptr + from, have);
    }
    memset(out + have, 0, len - have);
}

/* Yellow Paper, appendix E.1. */
static enum vd_err
run_ecrecover(struct vd_evm *evm, struct vd_precompile_result *result, struct vd_slice input,
              uint64_t gas)
{
    if (!charge(result, gas, 3000)) {
        return VD_OK;
    }
    uint8_t bytes[128];
    input_copy(bytes, sizeof bytes, input, 0);
    struct vd_u256 v = vd_u256_from_be(bytes + 32);
    if (!vd_u256_fits_u64(&v) || (v.w[0] != 27 && v.w[0] != 28)) {
        return VD_OK;
    }
    struct vd_hash hash;
    struct vd_address address;
    bool valid;
    memcpy(hash.b, bytes, sizeof hash.b);
    enum vd_err err = evm->curves->recover(evm->curves->ctx, &address, &valid, &hash, bytes + 64,
                                           (uint8_t)(v.w[0] - 27));
    if (err == VD_OK && valid) {
        memset(evm->output, 0, 12);
        memcpy(evm->output + 12, address.b, sizeof address.b);
        evm->output_len = 32;
    }
    return err;
}

static enum vd_err
run_sha256(struct vd_evm *evm, struct vd_precompile_result *result, struct vd_slice input,
           uint64_t gas)
{
    if (charge(result, gas, 60 + 12 * words(input.len))) {
        struct vd_hash hash = vd_sha256(input);
        memcpy(evm->output, hash.b, sizeof hash.b);
        evm->output_len = 32;
    }
    return VD_OK;
}

static enum vd_err
run_ripemd160(struct vd_evm *evm, struct vd_precompile_result *result, struct vd_slice input,
              uint64_t gas)
{
    if (charge(result, gas, 600 + 120 * words(input.len))) {
        memset(evm->output, 0, 12);
        vd_ripemd160(evm->output + 12, input);
        evm->output_len = 32;
    }
    return VD_OK;
}

static enum vd_err
run_identity(struct vd_evm *evm, struct vd_precompile_result *result, struct vd_slice input,
             uint64_t gas)
{
    if (!charge(result, gas, 15 + 3 * words(input.len))) {
        return VD_OK;
    }
    if (input.len > evm->output_cap) {
        return VD_ERR_NO_MEMORY;
    }
    if (input.len > 0) {
        memcpy(evm->output, input.ptr, input.len);
    }
    evm->output_len = input.len;
    return VD_OK;
}

/* --- modexp: EIP-198 with EIP-2565's price --- */

struct modexp {
    struct vd_slice input;
    uint64_t base_len;
    uint64_t exponent_len;
    uint64_t modulus_len;
};

/* A length word, held at 2^32 - 1 or 2^56: either is beyond all gas. */
static uint64_t
modexp_length(struct vd_slice input, unsigned index, uint64_t most)
{
    uint8_t bytes[32];
    input_copy(bytes, sizeof bytes, input, 32 * (uint64_t)index);
    struct vd_u256 len = vd_u256_from_be(bytes);
    return vd_u256_fits_u64(&len) && len.w[0] < most ? len.w[0] : most;
}

/* EIP-2565. */
static uint64_t
modexp_price(const struct modexp *m)
{
    uint64_t longer = m->base_len > m->modulus_len ? m->base_len : m->modulus_len;
    uint64_t longer_words = (longer + 7) / 8;
    uint64_t head_len = m->exponent_len < 32 ? m->exponent_len : 32;
    uint8_t head[32] = {0};
    input_copy(head + 32 - head_len, head_len, m->input, 96 + m->base_len);
    struct vd_u256 head_word = vd_u256_from_be(head);
    unsigned bits = vd_u256_bit_len(&head_word);
    uint64_t iterations =
        (m->exponent_len > 32 ? 8 * (m->exponent_len - 32) : 0) + (bits > 0 ? bits - 1 : 0);
    iterations = iterations > 0 ? iterations : 1;
    unsigned __int128 price = (unsigned __int128)(longer_words * longer_words) * iterations / 3;
    if (price > UINT64_MAX) {
        return UINT64_MAX;
    }
    return price > 200 ? (uint64_t)price : 200;
}

/* The exponent as far as the input has it.  Bytes beyond the input's end are zeros, but then the
   modulus, which stands after it, is zero too and so is the result: they need no room. */
static struct vd_slice
modexp_exponent(const struct modexp *m)
{
    uint64_t at = 96 + m->base_len;
    if (at >= m->input.len) {
        return vd_slice(NULL, 0);
    }
    uint64_t have = m->input.len - at;
    return vd_slice(m->input.ptr + at, have < m->exponent_len ? have : m->exponent_len);
}

static enum vd_err
run_modexp(struct vd_evm *evm, struct vd_precompile_result *result, struct vd_slice input,
           uint64_t gas)
{
    struct modexp m = {
        .input = input,
        .base_len = modexp_length(input, 0, UINT32_MAX),
        .exponent_len = modexp_length(input, 1, (uint64_t)1 << 56),
        .modulus_len = modexp_length(input, 2, UINT32_MAX),
    };
    if (!charge(result, gas, modexp_price(&m)) || m.modulus_len == 0) {
        return VD_OK;
    }
    size_t mark = vd_arena_mark(evm->arena);
    uint8_t *base = vd_arena_alloc(evm->arena, m.base_len, 8);
    uint8_t *modulus = vd_arena_alloc(evm->arena, m.modulus_len, 8);
    enum vd_err err = VD_ERR_NO_MEMORY;
    if (base != NULL && modulus != NULL && m.modulus_len <= evm->output_cap) {
        input_copy(base, m.base_len, input, 96);
        input_copy(modulus, m.modulus_len, input, 96 + m.base_len + m.exponent_len);
        err = vd_modexp(evm->output, evm->arena, vd_slice(base, m.base_len), modexp_exponent(&m),
                        vd_slice(modulus, m.modulus_len));
    }
    vd_arena_rewind(evm->arena, mark);
    evm->output_len = err == VD_OK ? m.modulus_len : 0;
    return err;
}

/* --- blake2f: EIP-152 --- */

static enum vd_err
run_blake2f(struct vd_evm *evm, struct vd_precompile_result *result, struct vd_slice input,
            uint64_t gas)
{
    if (input.len != VD_BLAKE2F_INPUT || input.ptr[212] > 1) {
        *result = FAILED;
        return VD_OK;
    }
    uint32_t rounds = vd_load_be32(input.ptr);
    if (!charge(result, gas, rounds)) {
        return VD_OK;
    }
    bool answered = false;
    enum vd_err err = VD_OK;
    if (evm->curves->blake2f != NULL) {
        err = evm->curves->blake2f(evm->curves->ctx, evm->output, &answered, input.ptr);
    }
    if (err == VD_OK && !answered) {
        vd_blake2f(evm->output, input.ptr);
    }
    evm->output_len = err == VD_OK ? 64 : 0;
    return err;
}

enum vd_err
vd_precompile_run(struct vd_evm *evm, struct vd_precompile_result *result,
                  const struct vd_address *address, struct vd_slice input, uint64_t gas)
{
    evm->output_len = 0;
    switch (vd_load_be16(address->b + 18)) {
    case 1:
        return run_ecrecover(evm, result, input, gas);
    case 2:
        return run_sha256(evm, result, input, gas);
    case 3:
        return run_ripemd160(evm, result, input, gas);
    case 4:
        return run_identity(evm, result, input, gas);
    case 5:
        return run_modexp(evm, result, input, gas);
    case 9:
        return run_blake2f(evm, result, input, gas);
    default:
        *result = (struct vd_precompile_result){.status = VD_EVM_UNSUPPORTED};
        return VD_OK;
    }
}
