/* What the engine's tests share: a folder, a loop, signed transactions, calls that wait for their
   answer. */
#ifndef VD_TESTS_ENGINE_HARNESS_H
#define VD_TESTS_ENGINE_HARNESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw */
#endif

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

#include "support/random.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/engine/view.h"
#include "viaduct/node/platform/curves.h"

#define ACCOUNTS 20
#define GWEI ((uint64_t)1000000000)

struct bench_engine {
    char folder[64];
    uv_loop_t loop;
    struct vd_pool *pool;
    struct vd_engine *engine;
    struct vd_chain_config chain;
    struct vd_rollup_config rollup;
    struct vd_genesis genesis;
    struct vd_genesis_account accounts[ACCOUNTS + 1];
    struct vd_address address[ACCOUNTS];
    uint64_t nonce[ACCOUNTS];
    struct vd_engine_config config;
    bool closed;
    /* answers */
    unsigned heads_events;
    unsigned reorgs;
    uint64_t pending_events;
};

/* Counts calls by caller in storage and logs the caller: CALLER SLOAD 1 ADD CALLER SSTORE, then
   LOG1 without data. */
static const uint8_t counter_code[] = {0x33, 0x54, 0x60, 0x01, 0x01, 0x33, 0x55,
                                       0x33, 0x60, 0x00, 0x60, 0x00, 0xa1, 0x00};
static const struct vd_address counter_address = {
    {0xc0, 0xde, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

static inline void
secret_of(uint8_t secret[32], unsigned account)
{
    memset(secret, 0, 32);
    secret[30] = 1;
    secret[31] = (uint8_t)(account + 1);
}

static inline void
on_heads(void *ctx, const struct vd_heads *heads, bool reorg, uint64_t ancestor)
{
    struct bench_engine *b = ctx;
    (void)heads;
    (void)ancestor;
    b->heads_events++;
    b->reorgs += reorg ? 1 : 0;
}

static inline void
on_pending(void *ctx, const struct vd_hash *hashes, size_t count)
{
    struct bench_engine *b = ctx;
    (void)hashes;
    b->pending_events += count;
}

static inline void
bench_prepare(struct bench_engine *b, bool l2)
{
    *b = (struct bench_engine){0};
    snprintf(b->folder, sizeof b->folder, P_tmpdir "/vd-engine-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    if (l2) {
        b->chain = (struct vd_chain_config){.chain_id = 901,
                                            .is_l2 = true,
                                            .eip1559_elasticity = 6,
                                            .eip1559_denominator_canyon = 250};
    } else {
        vd_chain_config_l1(&b->chain, 900, 0, VD_NEVER);
    }
    struct vd_u256 rich = vd_u256(10000);
    struct vd_u256 ether = vd_u256(1000000000 * GWEI);
    rich = vd_u256_mul(&rich, &ether);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        uint8_t secret[32];
        secret_of(secret, i);
        assert_int_equal(vd_key_to_address(&b->address[i], secret), VD_OK);
        b->accounts[i] = (struct vd_genesis_account){.address = b->address[i], .balance = rich};
    }
    b->accounts[ACCOUNTS] = (struct vd_genesis_account){
        .address = counter_address, .code = vd_slice(counter_code, sizeof counter_code)};
    static const uint8_t extra[9] = {0, 0, 0, 0, 250, 0, 0, 0, 6};
    b->genesis = (struct vd_genesis){.timestamp = 1700000000,
                                     .gas_limit = 60000000,
                                     .base_fee = vd_u256(GWEI),
                                     .extra_data = vd_slice(extra, l2 ? sizeof extra : 0),
                                     .accounts = b->accounts,
                                     .account_count = ACCOUNTS + 1};
}

static inline void
bench_config(struct bench_engine *b, bool l2)
{
    static const struct vd_logger logger = {.fd = 2, .level = VD_LOG_ERROR};
    b->config =
        (struct vd_engine_config){.folder = b->folder,
                                  .chain = &b->chain,
                                  .rollup = l2 ? &b->rollup : NULL,
                                  .genesis = &b->genesis,
                                  .journal = true,
                                  .accept_transactions = true,
                                  .map_bytes = (size_t)1 << 34,
                                  .clock = vd_clock_system(),
                                  .logger = &logger,
                                  .curves = vd_curves_host(),
                                  .events = {.ctx = b, .heads = on_heads, .pending = on_pending}};
}

static inline enum vd_err
bench_try_open(struct bench_engine *b, char why[256])
{
    assert_int_equal(uv_loop_init(&b->loop), 0);
    assert_int_equal(vd_pool_new(&b->pool, &b->loop, 2), VD_OK);
    b->config.pool = b->pool;
    b->config.loop = &b->loop;
    b->closed = false;
    return vd_engine_open(&b->engine, why, &b->config);
}

static inline void
bench_open(struct bench_engine *b)
{
    char why[256];
    enum vd_err err = bench_try_open(b, why);
    if (err != VD_OK) {
        fail_msg("%s", why);
    }
}

static inline void
set_true(void *ctx)
{
    *(bool *)ctx = true;
}

static inline void
bench_end_loop(struct bench_engine *b)
{
    bool done = false;
    vd_pool_close(b->pool, set_true, &done);
    while (!done) {
        uv_run(&b->loop, UV_RUN_ONCE);
    }
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
}

static inline void
bench_close(struct bench_engine *b)
{
    vd_engine_close(b->engine, set_true, &b->closed);
    while (!b->closed) {
        uv_run(&b->loop, UV_RUN_ONCE);
    }
    bench_end_loop(b);
}

static inline int
remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void
bench_remove(struct bench_engine *b)
{
    nftw(b->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- transactions --- */

struct made_tx {
    uint8_t bytes[512];
    size_t len;
    struct vd_hash hash;
};

static inline void
sign_tx(struct made_tx *out, struct vd_tx *tx, unsigned account)
{
    uint8_t memory[4096];
    uint8_t secret[32];
    uint8_t signature[64];
    struct vd_arena arena;
    struct vd_hash hash;
    struct vd_buf buf;
    vd_arena_init(&arena, memory, sizeof memory);
    secret_of(secret, account);
    assert_int_equal(vd_tx_signing_hash(&hash, tx, &arena), VD_OK);
    assert_int_equal(vd_sign_hash(signature, &tx->y_parity, &hash, secret), VD_OK);
    tx->r = vd_u256_from_be(signature);
    tx->s = vd_u256_from_be(signature + 32);
    vd_arena_init(&arena, memory, sizeof memory);
    vd_buf_init(&buf, &arena);
    vd_tx_encode(&buf, tx);
    assert_int_equal(buf.err, VD_OK);
    assert_true(buf.len <= sizeof out->bytes);
    memcpy(out->bytes, buf.ptr, buf.len);
    out->len = buf.len;
    out->hash = vd_keccak256(vd_slice(out->bytes, out->len));
}

static inline struct vd_tx
plain_tx(const struct bench_engine *b, uint64_t nonce, const struct vd_address *to, uint64_t value)
{
    return (struct vd_tx){.type = VD_TX_DYNAMIC_FEE,
                          .has_chain_id = true,
                          .chain_id = b->chain.chain_id,
                          .nonce = nonce,
                          .max_priority_fee = vd_u256(GWEI),
                          .max_fee = vd_u256(100 * GWEI),
                          .gas_limit = 21000,
                          .to = *to,
                          .value = vd_u256(value)};
}

/* --- calls that wait --- */

struct submit_answer {
    bool done;
    enum vd_submit_status status;
    struct vd_hash hash;
    char text[256];
    bool in_block;
    size_t index;
    uint64_t gas_used;
};

static inline void
on_submit(void *ctx, const struct vd_submit_result *result)
{
    struct submit_answer *a = ctx;
    a->done = true;
    a->status = result->status;
    a->hash = result->hash;
    snprintf(a->text, sizeof a->text, "%s", result->text ? result->text : "");
    a->in_block = result->pending != NULL;
    a->index = result->index;
    if (result->pending) {
        assert_true(result->index < result->pending->tx_count);
        assert_memory_equal(&result->pending->txs[result->index].hash, &result->hash, 32);
        a->gas_used = result->pending->txs[result->index].receipt.gas_used;
    }
}

static inline struct submit_answer
submit_tx(struct bench_engine *b, const struct made_tx *tx)
{
    struct submit_answer a = {0};
    vd_engine_submit(b->engine, vd_slice(tx->bytes, tx->len), on_submit, &a);
    while (!a.done) {
        uv_run(&b->loop, UV_RUN_ONCE);
    }
    return a;
}

struct block_answer {
    bool done;
    enum vd_err err;
    char why[256];
    bool has_block;
    struct vd_block_info info;
    enum vd_build_verdict verdict;
    bool was_there;
};

static inline void
on_block(void *ctx, enum vd_err err, const char *why, const struct vd_block_info *block)
{
    struct block_answer *a = ctx;
    a->done = true;
    a->err = err;
    snprintf(a->why, sizeof a->why, "%s", why);
    a->has_block = block != NULL;
    if (block) {
        a->info = *block;
    }
}

static inline void
on_build(void *ctx, const struct vd_build_result *result)
{
    struct block_answer *a = ctx;
    a->done = true;
    a->err = result->err;
    a->verdict = result->verdict;
    snprintf(a->why, sizeof a->why, "%s", result->why);
    a->info = result->block;
    a->was_there = result->was_there;
}

static inline void
wait_block(struct bench_engine *b, struct block_answer *a)
{
    while (!a->done) {
        uv_run(&b->loop, UV_RUN_ONCE);
    }
}

/* The newest block's identity, as the next plan needs it. */
struct chain_tip {
    struct vd_hash hash;
    uint64_t number;
    uint64_t timestamp;
};

static inline struct chain_tip
tip_of_heads(const struct bench_engine *b)
{
    const struct vd_block_ref *ref = &vd_engine_heads(b->engine)->unsafe;
    return (struct chain_tip){ref->hash, ref->number, ref->timestamp};
}

static inline struct vd_attributes
l1_plan(const struct chain_tip *tip)
{
    return (struct vd_attributes){.parent = {.hash = tip->hash, .number = tip->number},
                                  .env = {.timestamp = tip->timestamp + 1, .gas_limit = 60000000}};
}

static inline struct block_answer
open_on(struct bench_engine *b, const struct chain_tip *tip)
{
    struct block_answer a = {0};
    struct vd_attributes plan = l1_plan(tip);
    vd_engine_open_block(b->engine, &plan, on_block, &a);
    wait_block(b, &a);
    return a;
}

static inline struct block_answer
seal_block(struct bench_engine *b)
{
    struct block_answer a = {0};
    vd_engine_seal(b->engine, on_block, &a);
    wait_block(b, &a);
    return a;
}

static inline struct chain_tip
tip_of_answer(const struct block_answer *a)
{
    return (struct chain_tip){a->info.ref.hash, a->info.ref.number, a->info.ref.timestamp};
}

static inline struct vd_view *
view_of(struct bench_engine *b)
{
    struct vd_view *view = NULL;
    assert_int_equal(vd_view_open(&view, b->engine), VD_OK);
    return view;
}

static inline struct vd_account
account_at(struct bench_engine *b, const struct vd_address *address, uint64_t number)
{
    struct vd_view *view = view_of(b);
    struct vd_state_source source;
    struct vd_account account = {0};
    struct vd_hash hash = vd_keccak256(vd_slice(address->b, 20));
    assert_int_equal(vd_view_state(view, &source, NULL, number), VD_OK);
    enum vd_err err = source.account(source.ctx, &account, address, &hash);
    assert_true(err == VD_OK || err == VD_ERR_NOT_FOUND);
    vd_view_close(view);
    return account;
}

#endif
