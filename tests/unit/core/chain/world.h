/* A chain in memory for tests of execution: a genesis state spelled out, one block on it. */
#ifndef VD_TESTS_UNIT_CORE_CHAIN_WORLD_H
#define VD_TESTS_UNIT_CORE_CHAIN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/trie_store.h"
#include "viaduct/core/chain/exec.h"
#include "viaduct/core/chain/genesis.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

#define WORLD_ROOM ((size_t)4 << 30)
#define WORLD_ACCOUNTS 24

struct world {
    void *memory;
    struct vd_arena arena;
    struct vd_arena scratch;
    uint8_t scratch_memory[1 << 16];
    struct hash_store nodes; /* and code */
    struct vd_chain_config config;
    struct vd_genesis genesis;
    struct vd_genesis_account accounts[WORLD_ACCOUNTS];
    struct vd_header parent;
    struct vd_hash parent_hash;
    struct vd_trie_walker walker;
    struct vd_state_source source;
    struct vd_block_env env;
    struct vd_exec_inputs inputs;
    uint8_t extra[9];
    struct vd_exec *exec;
};

static inline struct vd_address
address_of(uint8_t n)
{
    return (struct vd_address){{0xaa, [19] = n}};
}

static inline enum vd_err
world_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    struct world *w = ctx;
    *out = hash_store_get(&w->nodes, code_hash);
    return out->len != 0 ? VD_OK : VD_ERR_NOT_FOUND;
}

static inline enum vd_err
keep_account(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
             const struct vd_account *before, const struct vd_account *after)
{
    (void)ctx, (void)address, (void)address_hash, (void)before, (void)after;
    return VD_OK;
}

static inline enum vd_err
keep_slot(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
          const struct vd_u256 *key, const struct vd_hash *slot_hash, const struct vd_u256 *before,
          const struct vd_u256 *after)
{
    (void)ctx, (void)address, (void)address_hash, (void)key, (void)slot_hash;
    (void)before, (void)after;
    return VD_OK;
}

static inline enum vd_err
keep_code(void *ctx, const struct vd_hash *code_hash, struct vd_slice code)
{
    struct world *w = ctx;
    hash_store_put(&w->nodes, code_hash, code);
    return VD_OK;
}

/* L2 with Holocene from genesis and Isthmus from isthmus_time, or L1 with Cancun and Prague. */
static inline struct world *
world_new(bool is_l2, uint64_t newer_fork_time)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->memory = vd_reserve(WORLD_ROOM);
    assert_non_null(w->memory);
    vd_arena_init(&w->arena, w->memory, WORLD_ROOM);
    vd_arena_init(&w->scratch, w->scratch_memory, sizeof w->scratch_memory);
    vd_chain_config_l1(&w->config, 901, 0, newer_fork_time);
    if (is_l2)
        w->config = (struct vd_chain_config){.chain_id = 901,
                                             .is_l2 = true,
                                             .isthmus_time = newer_fork_time,
                                             .eip1559_elasticity = 6,
                                             .eip1559_denominator_canyon = 250};
    const struct vd_eip1559_params params = {250, 6};
    vd_holocene_extra_encode(w->extra, &params);
    w->genesis = (struct vd_genesis){.timestamp = 1000,
                                     .gas_limit = 30000000,
                                     .base_fee = vd_u256(1000),
                                     .extra_data = vd_slice(w->extra, is_l2 ? 9 : 0),
                                     .accounts = w->accounts};
    w->env = (struct vd_block_env){.timestamp = 1002,
                                   .fee_recipient = address_of(0xfe),
                                   .gas_limit = 30000000,
                                   .extra_data = w->genesis.extra_data};
    return w;
}

static inline void
world_free(struct world *w)
{
    hash_store_deinit(&w->nodes);
    vd_release(w->memory, WORLD_ROOM);
    free(w);
}

static inline struct vd_genesis_account *
world_account(struct world *w, struct vd_address address, uint64_t balance)
{
    assert_true(w->genesis.account_count < WORLD_ACCOUNTS);
    struct vd_genesis_account *account = &w->accounts[w->genesis.account_count++];
    account->address = address;
    account->balance = vd_u256(balance);
    return account;
}

/* Builds genesis and prepares the inputs of the block on it. */
static inline void
world_genesis(struct world *w)
{
    struct vd_trie_sink sink;
    const struct vd_state_visitor visitor = {
        .ctx = w, .account = keep_account, .slot = keep_slot, .code = keep_code};
    hash_store_sink(&sink, &w->nodes);
    assert_int_equal(vd_genesis_build(&w->parent, &w->parent_hash, &w->arena, &w->config,
                                      &w->genesis, &visitor, &sink),
                     VD_OK);
    w->walker = (struct vd_trie_walker){
        .root = w->parent.state_root, .arena = &w->scratch, .code_ctx = w, .code = world_code};
    hash_store_source(&w->walker.nodes, &w->nodes);
    vd_state_source_from_tries(&w->source, &w->walker);
    w->inputs = (struct vd_exec_inputs){.config = &w->config,
                                        .parent = &w->parent,
                                        .parent_hash = w->parent_hash,
                                        .env = &w->env,
                                        .source = &w->source,
                                        .curves = vd_curves_host()};
}

static inline void
world_begin(struct world *w)
{
    world_genesis(w);
    assert_int_equal(vd_exec_begin(&w->exec, &w->arena, &w->inputs), VD_OK);
}

/* Gives the transaction its bytes; no signature is checked where these go. */
static inline const struct vd_tx *
world_tx(struct world *w, struct vd_tx tx)
{
    struct vd_buf buf;
    struct vd_tx *kept = VD_ARENA_NEW(&w->arena, struct vd_tx, 1);
    vd_buf_init(&buf, &w->arena);
    vd_tx_encode(&buf, &tx);
    tx.raw = vd_buf_view(&buf);
    tx.hash = vd_keccak256(tx.raw);
    *kept = tx;
    return kept;
}

static inline struct vd_tx_outcome
world_run(struct world *w, struct vd_tx tx, struct vd_address sender)
{
    struct vd_tx_outcome outcome;
    assert_int_equal(vd_exec_tx(w->exec, &outcome, world_tx(w, tx), &sender), VD_OK);
    return outcome;
}

static inline uint64_t
world_balance(struct world *w, struct vd_address address)
{
    struct vd_u256 balance;
    assert_int_equal(vd_state_balance(vd_exec_state(w->exec), &balance, &address), VD_OK);
    assert_true(vd_u256_fits_u64(&balance));
    return balance.w[0];
}

static inline uint64_t
world_nonce(struct world *w, struct vd_address address)
{
    uint64_t nonce;
    assert_int_equal(vd_state_nonce(vd_exec_state(w->exec), &nonce, &address), VD_OK);
    return nonce;
}

static inline struct vd_hash
world_root(struct world *w)
{
    struct vd_hash root;
    assert_int_equal(vd_state_root(vd_exec_state(w->exec), &root, NULL, NULL), VD_OK);
    return root;
}

#endif
