/* Code from outside, run as fused records in blocks and instruction by instruction as for a trace:
   status, gas and output agree, and nothing else happens. */
#include <stdlib.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/evm/evm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { GAS = 200000, CODE_MAX = 4096 };

static enum vd_err
no_account(void *ctx, struct vd_account *out, const struct vd_address *address,
           const struct vd_hash *address_hash)
{
    (void)ctx, (void)out, (void)address, (void)address_hash;
    return VD_ERR_NOT_FOUND;
}

static enum vd_err
no_key(void *ctx, struct vd_address *out, bool *valid, const struct vd_hash *hash,
       const uint8_t signature[64], uint8_t y_parity)
{
    (void)ctx, (void)out, (void)hash, (void)signature, (void)y_parity;
    *valid = false;
    return VD_OK;
}

static void
no_step(void *ctx, const struct vd_evm_step *step)
{
    (void)ctx, (void)step;
}

struct outcome {
    enum vd_evm_status status;
    uint64_t gas_left;
    struct vd_hash output;
};

static struct outcome
run(struct vd_arena *arena, struct vd_slice code, const struct vd_evm_tracer *tracer)
{
    static const struct vd_hash seed;
    const struct vd_state_source source = {.account = no_account};
    const struct vd_curves curves = {.recover = no_key};
    const struct vd_evm_block block = {.number = 1, .gas_limit = GAS};
    const struct vd_evm_tx tx = {.gas_price = vd_u256(1)};
    const struct vd_evm_message message = {
        .to = {{1}}, .gas = GAS, .input = vd_slice(code.ptr, code.len / 2)};
    struct vd_state *state;
    struct vd_evm *evm;
    struct vd_evm_result result;
    VD_ASSERT(vd_state_new(&state, arena, &source, &VD_EMPTY_ROOT, &seed) == VD_OK);
    vd_state_tx_begin(state);
    VD_ASSERT(vd_state_set_code(state, &message.to, code) == VD_OK);
    VD_ASSERT(vd_evm_new(&evm, arena, vd_evm_rules_l1(VD_EVM_PRAGUE), state, &block, &curves,
                         tracer) == VD_OK);
    VD_ASSERT(vd_evm_execute(evm, &result, &tx, &message, NULL) == VD_OK);
    vd_arena_rewind(arena, 0);
    return (struct outcome){result.status, result.gas_left, vd_keccak256(result.output)};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Fresh pages from the system each time: most of the room is never touched. */
    struct vd_arena arena;
    size_t room = vd_evm_room(GAS) + ((size_t)64 << 20);
    vd_arena_init(&arena, malloc(room), room);
    if (arena.base == NULL || size > CODE_MAX) {
        free(arena.base);
        return 0;
    }
    const struct vd_evm_tracer tracer = {.step = no_step};
    struct outcome a = run(&arena, vd_slice(data, size), NULL);
    struct outcome b = run(&arena, vd_slice(data, size), &tracer);
    bool a_ends = a.status == VD_EVM_SUCCESS || a.status == VD_EVM_REVERT;
    /* Why it failed may differ: a block is checked as a whole. */
    bool b_ends = b.status == VD_EVM_SUCCESS || b.status == VD_EVM_REVERT;
    VD_ASSERT(a.status == b.status || (!a_ends && !b_ends));
    VD_ASSERT(a.gas_left == b.gas_left && vd_hash_eq(&a.output, &b.output));
    free(arena.base);
    return 0;
}
