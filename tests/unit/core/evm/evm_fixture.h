/* A machine over an empty chain, for tests: accounts are put into the state, a message is run, and
   everything is thrown away. */
#ifndef VIADUCT_TESTS_EVM_FIXTURE_H
#define VIADUCT_TESTS_EVM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/evm/evm.h"

#define FIXTURE_ARENA ((size_t)4 << 30)

struct fixture {
    struct vd_arena arena;
    struct vd_state_source source;
    struct vd_state *state;
    struct vd_evm_block block;
    struct vd_evm_tx tx;
    struct vd_evm_message message;
    struct vd_curves curves;
    struct vd_evm_result result;
};

static inline enum vd_err
fixture_no_account(void *ctx, struct vd_account *out, const struct vd_address *address,
                   const struct vd_hash *address_hash)
{
    (void)ctx, (void)out, (void)address, (void)address_hash;
    return VD_ERR_NOT_FOUND;
}

static inline enum vd_err
fixture_no_slot(void *ctx, struct vd_u256 *out, const struct vd_hash *address_hash,
                const struct vd_hash *storage_root, const struct vd_hash *slot_hash)
{
    (void)ctx, (void)address_hash, (void)storage_root, (void)slot_hash;
    *out = vd_u256(0);
    return VD_OK;
}

static inline enum vd_err
fixture_no_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    (void)ctx, (void)out, (void)code_hash;
    return VD_ERR_NOT_FOUND;
}

static inline struct vd_address
fixture_address(uint64_t n)
{
    struct vd_address address = {{0}};
    vd_store_be64(address.b + 12, n);
    return address;
}

/* The sender is 0xcafe with a balance of 10^18, the receiver 0xc0de; block numbers and the like
   are small and all different. */
static inline void
fixture_init(struct fixture *fx, uint64_t gas)
{
    static const struct vd_hash seed;
    memset(fx, 0, sizeof *fx);
    void *memory = mmap(NULL, FIXTURE_ARENA, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(memory != MAP_FAILED);
    vd_arena_init(&fx->arena, memory, FIXTURE_ARENA);
    fx->source = (struct vd_state_source){
        .account = fixture_no_account, .slot = fixture_no_slot, .code = fixture_no_code};
    assert_int_equal(vd_state_new(&fx->state, &fx->arena, &fx->source, &VD_EMPTY_ROOT, &seed),
                     VD_OK);
    fx->block = (struct vd_evm_block){.chain_id = 901,
                                      .number = 1000,
                                      .timestamp = 2000,
                                      .gas_limit = 30000000,
                                      .coinbase = fixture_address(0xc01),
                                      .prev_randao = {{[31] = 0x44}},
                                      .base_fee = vd_u256(7),
                                      .blob_base_fee = vd_u256(1)};
    fx->message = (struct vd_evm_message){
        .sender = fixture_address(0xcafe), .to = fixture_address(0xc0de), .gas = gas};
    fx->tx = (struct vd_evm_tx){.origin = fx->message.sender, .gas_price = vd_u256(10)};
    const struct vd_u256 ether = vd_u256(1000000000000000000);
    vd_state_tx_begin(fx->state);
    assert_int_equal(vd_state_add_balance(fx->state, &fx->message.sender, &ether), VD_OK);
}

static inline void
fixture_account(struct fixture *fx, const struct vd_address *address, uint64_t balance,
                struct vd_slice code)
{
    const struct vd_u256 amount = vd_u256(balance);
    assert_int_equal(vd_state_add_balance(fx->state, address, &amount), VD_OK);
    if (code.len > 0) {
        assert_int_equal(vd_state_set_code(fx->state, address, code), VD_OK);
    }
}

/* Runs fx->message in a new transaction over the accounts made so far; sender and receiver are
   warm, as a transaction would have them. */
static inline enum vd_err
fixture_run(struct fixture *fx, const struct vd_evm_rules *rules,
            const struct vd_evm_tracer *tracer)
{
    struct vd_evm *evm;
    bool was_cold;
    assert_int_equal(vd_state_tx_end(fx->state), VD_OK);
    vd_state_tx_begin(fx->state);
    const struct vd_address *precompiles;
    size_t count = vd_evm_precompiles(rules, &precompiles);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(vd_state_warm_address(fx->state, &was_cold, &precompiles[i]), VD_OK);
    }
    assert_int_equal(vd_state_warm_address(fx->state, &was_cold, &fx->message.sender), VD_OK);
    assert_int_equal(vd_state_warm_address(fx->state, &was_cold, &fx->message.to), VD_OK);
    assert_int_equal(
        vd_evm_new(&evm, &fx->arena, rules, fx->state, &fx->block, &fx->curves, tracer), VD_OK);
    return vd_evm_execute(evm, &fx->result, &fx->tx, &fx->message, NULL);
}

static inline void
fixture_deinit(struct fixture *fx)
{
    munmap(fx->arena.base, fx->arena.size);
}

#endif
