/* A small L1 over HTTP in the test's own process, whose blocks hash and whose roots are right, and
   how a client of it is made, run and listened to. */
#ifndef VD_TESTS_L1_SMALL_L1_H
#define VD_TESTS_L1_SMALL_L1_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/trie.h"
#include "viaduct/node/l1/key.h"
#include "viaduct/node/l1/l1_client.h"
#include "viaduct/node/l1/signer.h"
#include "viaduct/node/l1/tx_manager.h"
#include "viaduct/node/net/jsonrpc.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/pool.h"

#define MAX_BLOCKS 1024
#define MAX_TXS 64
#define CHAIN_ID 900

/* --- the small L1 --- */

struct fake_tx {
    uint8_t *raw;
    size_t len;
    struct vd_hash hash;
    uint64_t nonce;
    bool in_pool;
};

struct fake_block {
    struct vd_header header;
    struct vd_hash hash;
    unsigned txs[MAX_TXS];
    unsigned tx_count;
};

struct fake {
    uv_loop_t loop;
    struct vd_pool *pool;
    struct vd_rpc *rpc;
    struct vd_http_server *http;
    char url[64];
    struct fake_block blocks[MAX_BLOCKS];
    uint64_t height;
    uint64_t salt; /* makes blocks of different branches differ */
    struct fake_tx txs[MAX_TXS];
    unsigned tx_count;
    uint64_t nonce;
    uint64_t chain_id;
    bool no_safe;
    bool broken;   /* every answer is an error */
    bool tampered; /* a field of every block is wrong */
    unsigned receipt_calls;
    unsigned block_calls;
    uint8_t *memory;
    struct vd_arena arena;
};

#define ARENA_BYTES ((size_t)4 << 20)

static inline struct vd_slice
receipt_of(struct fake *f, unsigned index)
{
    struct vd_receipt receipt = {.type = VD_TX_DYNAMIC_FEE,
                                 .success = true,
                                 .cumulative_gas_used = 21000 * (uint64_t)(index + 1)};
    struct vd_buf buf;
    vd_buf_init(&buf, &f->arena);
    vd_receipt_encode(&buf, &receipt);
    return vd_buf_view(&buf);
}

static inline void
set_roots(struct fake *f, struct fake_block *block)
{
    struct vd_slice raws[MAX_TXS];
    struct vd_slice receipts[MAX_TXS];
    vd_arena_init(&f->arena, f->memory, ARENA_BYTES);
    for (unsigned i = 0; i < block->tx_count; i++) {
        raws[i] = vd_slice(f->txs[block->txs[i]].raw, f->txs[block->txs[i]].len);
        receipts[i] = receipt_of(f, i);
    }
    assert_int_equal(
        vd_trie_list_root(&block->header.transactions_root, &f->arena, raws, block->tx_count),
        VD_OK);
    assert_int_equal(
        vd_trie_list_root(&block->header.receipts_root, &f->arena, receipts, block->tx_count),
        VD_OK);
}

static inline void
mine(struct fake *f)
{
    struct fake_block *parent = &f->blocks[f->height];
    struct fake_block *block = &f->blocks[++f->height];
    assert_true(f->height < MAX_BLOCKS);
    *block = (struct fake_block){0};
    block->header.parent_hash = parent->hash;
    block->header.ommers_hash = VD_EMPTY_OMMERS;
    block->header.number = f->height;
    block->header.timestamp = 1000 + 12 * f->height;
    block->header.gas_limit = 30000000;
    block->header.has_base_fee = true;
    block->header.base_fee = vd_u256(7);
    block->header.has_withdrawals_root = true;
    block->header.withdrawals_root = VD_EMPTY_ROOT;
    vd_store_be64(block->header.mix_hash.b, f->salt++);
    for (unsigned i = 0; i < f->tx_count; i++) {
        if (f->txs[i].in_pool && f->txs[i].nonce == f->nonce) {
            f->txs[i].in_pool = false;
            block->txs[block->tx_count++] = i;
            f->nonce++;
            i = UINT32_MAX; /* from the beginning, for the next nonce */
        }
    }
    set_roots(f, block);
    block->hash = vd_header_hash(&block->header);
}

static inline void
unwind(struct fake *f, unsigned depth)
{
    for (; depth > 0; depth--) {
        struct fake_block *block = &f->blocks[f->height--];
        f->nonce -= block->tx_count;
    }
}

static inline void
put_tx(struct vd_json *j, struct fake *f, unsigned index)
{
    struct vd_tx tx;
    vd_arena_init(&f->arena, f->memory, ARENA_BYTES);
    assert_int_equal(
        vd_tx_decode(&tx, NULL, &f->arena, vd_slice(f->txs[index].raw, f->txs[index].len)), VD_OK);
    vd_json_object_begin(j);
    vd_json_put_quantity(j, "type", 2);
    vd_json_put_hash(j, "hash", &f->txs[index].hash);
    vd_json_put_quantity(j, "chainId", tx.chain_id);
    vd_json_put_quantity(j, "nonce", tx.nonce);
    vd_json_put_u256(j, "maxFeePerGas", &tx.max_fee);
    vd_json_put_u256(j, "maxPriorityFeePerGas", &tx.max_priority_fee);
    vd_json_put_quantity(j, "gas", tx.gas_limit);
    vd_json_put_address(j, "to", &tx.to);
    vd_json_put_u256(j, "value", &tx.value);
    vd_json_put_data(j, "input", tx.data);
    vd_json_key(j, "accessList");
    vd_json_array_begin(j);
    vd_json_array_end(j);
    vd_json_put_quantity(j, "yParity", tx.y_parity);
    vd_json_put_u256(j, "r", &tx.r);
    vd_json_put_u256(j, "s", &tx.s);
    vd_json_object_end(j);
}

static inline void
put_header(struct vd_json *j, const struct fake_block *block)
{
    const struct vd_header *h = &block->header;
    vd_json_put_hash(j, "hash", &block->hash);
    vd_json_put_hash(j, "parentHash", &h->parent_hash);
    vd_json_put_hash(j, "sha3Uncles", &h->ommers_hash);
    vd_json_put_address(j, "miner", &h->beneficiary);
    vd_json_put_hash(j, "stateRoot", &h->state_root);
    vd_json_put_hash(j, "transactionsRoot", &h->transactions_root);
    vd_json_put_hash(j, "receiptsRoot", &h->receipts_root);
    vd_json_put_data(j, "logsBloom", vd_slice(h->logs_bloom, 256));
    vd_json_put_quantity(j, "difficulty", 0);
    vd_json_put_quantity(j, "number", h->number);
    vd_json_put_quantity(j, "gasLimit", h->gas_limit);
    vd_json_put_quantity(j, "gasUsed", h->gas_used);
    vd_json_put_quantity(j, "timestamp", h->timestamp);
    vd_json_put_data(j, "extraData", vd_slice(NULL, 0));
    vd_json_put_hash(j, "mixHash", &h->mix_hash);
    vd_json_put_data(j, "nonce", vd_slice(h->nonce, 8));
    vd_json_put_u256(j, "baseFeePerGas", &h->base_fee);
    vd_json_put_hash(j, "withdrawalsRoot", &h->withdrawals_root);
    vd_json_key(j, "withdrawals");
    vd_json_array_begin(j);
    vd_json_array_end(j);
}

static const struct vd_rpc_done *
reply_block(struct fake *f, struct vd_rpc_call *call, uint64_t number, bool full)
{
    const struct fake_block *block = &f->blocks[number];
    struct vd_json *j = vd_rpc_result(call);
    f->block_calls += full;
    vd_json_object_begin(j);
    put_header(j, block);
    if (f->tampered)
        vd_json_put_quantity(j, "gasUsed", 5);
    vd_json_key(j, "transactions");
    vd_json_array_begin(j);
    for (unsigned i = 0; i < block->tx_count && full; i++)
        put_tx(j, f, block->txs[i]);
    vd_json_array_end(j);
    vd_json_object_end(j);
    return vd_rpc_reply(call);
}

static const struct vd_rpc_done *
by_number(struct vd_rpc_call *call, void *ctx)
{
    struct fake *f = ctx;
    struct vd_rpc_block at;
    bool full;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_BLOCK(&at), VD_PARAM_BOOL(&full));
    if (bad != NULL)
        return bad;
    if (f->broken)
        return vd_rpc_error(call, VD_RPC_SERVER_ERROR, "down for maintenance");
    bool trailing = at.tag == VD_BLOCK_SAFE || at.tag == VD_BLOCK_FINALIZED;
    if (trailing && f->no_safe)
        return vd_rpc_error(call, VD_RPC_SERVER_ERROR, "safe block not found");
    uint64_t depth = at.tag == VD_BLOCK_SAFE ? 4 : at.tag == VD_BLOCK_FINALIZED ? 8 : 0;
    uint64_t number = at.tag == VD_BLOCK_NUMBER ? at.number
                      : f->height > depth       ? f->height - depth
                                                : 0;
    return number > f->height ? vd_rpc_reply_null(call) : reply_block(f, call, number, full);
}

static inline uint64_t
find_block(const struct fake *f, const struct vd_hash *hash)
{
    uint64_t n = 0;
    while (n <= f->height && !vd_hash_eq(&f->blocks[n].hash, hash))
        n++;
    return n;
}

static const struct vd_rpc_done *
by_hash(struct vd_rpc_call *call, void *ctx)
{
    struct fake *f = ctx;
    struct vd_hash hash;
    bool full;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_HASH(&hash), VD_PARAM_BOOL(&full));
    if (bad != NULL)
        return bad;
    uint64_t n = find_block(f, &hash);
    return n > f->height ? vd_rpc_reply_null(call) : reply_block(f, call, n, full);
}

static inline void
put_receipt(struct vd_json *j, const struct fake *f, const struct fake_block *block, unsigned i)
{
    static const uint8_t bloom[256];
    vd_json_object_begin(j);
    vd_json_put_quantity(j, "type", 2);
    vd_json_put_quantity(j, "status", 1);
    vd_json_put_hash(j, "transactionHash", &f->txs[block->txs[i]].hash);
    vd_json_put_hash(j, "blockHash", &block->hash);
    vd_json_put_quantity(j, "blockNumber", block->header.number);
    vd_json_put_quantity(j, "gasUsed", 21000);
    vd_json_put_quantity(j, "cumulativeGasUsed", 21000 * (uint64_t)(i + 1));
    vd_json_put_quantity(j, "effectiveGasPrice", 8);
    vd_json_put_data(j, "logsBloom", vd_slice(bloom, sizeof bloom));
    vd_json_key(j, "logs");
    vd_json_array_begin(j);
    vd_json_array_end(j);
    vd_json_object_end(j);
}

static const struct vd_rpc_done *
block_receipts(struct vd_rpc_call *call, void *ctx)
{
    struct fake *f = ctx;
    struct vd_rpc_block at;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_BLOCK_OR_HASH(&at));
    if (bad != NULL)
        return bad;
    uint64_t n = find_block(f, &at.hash);
    f->receipt_calls++;
    if (n > f->height)
        return vd_rpc_reply_null(call);
    struct vd_json *j = vd_rpc_result(call);
    vd_json_array_begin(j);
    for (unsigned i = 0; i < f->blocks[n].tx_count; i++)
        put_receipt(j, f, &f->blocks[n], i);
    vd_json_array_end(j);
    return vd_rpc_reply(call);
}

static const struct vd_rpc_done *
tx_receipt(struct vd_rpc_call *call, void *ctx)
{
    struct fake *f = ctx;
    struct vd_hash hash;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_HASH(&hash));
    if (bad != NULL)
        return bad;
    for (uint64_t n = 0; n <= f->height; n++) {
        for (unsigned i = 0; i < f->blocks[n].tx_count; i++) {
            if (vd_hash_eq(&f->txs[f->blocks[n].txs[i]].hash, &hash)) {
                put_receipt(vd_rpc_result(call), f, &f->blocks[n], i);
                return vd_rpc_reply(call);
            }
        }
    }
    return vd_rpc_reply_null(call);
}

static const struct vd_rpc_done *
send_raw(struct vd_rpc_call *call, void *ctx)
{
    struct fake *f = ctx;
    struct vd_slice raw;
    struct vd_tx tx;
    struct vd_address sender;
    bool valid;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_DATA(&raw));
    if (bad != NULL)
        return bad;
    vd_arena_init(&f->arena, f->memory, ARENA_BYTES);
    assert_int_equal(vd_tx_decode(&tx, NULL, &f->arena, raw), VD_OK);
    assert_int_equal(vd_tx_sender(&sender, &valid, &tx, vd_curves_host(), &f->arena), VD_OK);
    assert_true(valid);
    if (tx.nonce < f->nonce)
        return vd_rpc_error(call, VD_RPC_SERVER_ERROR, "nonce too low");
    unsigned i = 0;
    while (i < f->tx_count && !vd_hash_eq(&f->txs[i].hash, &tx.hash))
        i++;
    if (i == f->tx_count) {
        assert_true(f->tx_count < MAX_TXS);
        f->txs[i] = (struct fake_tx){
            .raw = malloc(raw.len), .len = raw.len, .hash = tx.hash, .nonce = tx.nonce};
        memcpy(f->txs[i].raw, raw.ptr, raw.len);
        f->tx_count++;
    }
    f->txs[i].in_pool = true;
    return vd_rpc_reply_hash(call, &tx.hash);
}

static const struct vd_rpc_done *
tx_count(struct vd_rpc_call *call, void *ctx)
{
    struct fake *f = ctx;
    struct vd_address address;
    struct vd_rpc_block at;
    const struct vd_rpc_done *bad =
        vd_rpc_params(call, VD_PARAM_ADDRESS(&address), VD_PARAM_BLOCK(&at));
    return bad != NULL ? bad : vd_rpc_reply_quantity(call, f->nonce);
}

static const struct vd_rpc_done *
chain_id(struct vd_rpc_call *call, void *ctx)
{
    return vd_rpc_reply_quantity(call, ((struct fake *)ctx)->chain_id);
}

static const struct vd_rpc_done *
revert(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    static const uint8_t data[] = {1, 2, 3};
    return vd_rpc_error_data(call, VD_RPC_REVERTED, vd_slice(data, 3), "execution reverted");
}

static const struct vd_rpc_method methods[] = {
    {"eth_getBlockByNumber", by_number, VD_RPC_LOOP},
    {"eth_getBlockByHash", by_hash, VD_RPC_LOOP},
    {"eth_getBlockReceipts", block_receipts, VD_RPC_LOOP},
    {"eth_getTransactionReceipt", tx_receipt, VD_RPC_LOOP},
    {"eth_sendRawTransaction", send_raw, VD_RPC_LOOP},
    {"eth_getTransactionCount", tx_count, VD_RPC_LOOP},
    {"eth_chainId", chain_id, VD_RPC_LOOP},
    {"eth_call", revert, VD_RPC_LOOP},
};

static inline void
fake_start(struct fake *f)
{
    memset(f, 0, sizeof *f);
    f->memory = malloc(ARENA_BYTES);
    f->chain_id = CHAIN_ID;
    uv_loop_init(&f->loop);
    assert_int_equal(vd_pool_new(&f->pool, &f->loop, 2), VD_OK);
    assert_int_equal(vd_rpc_new(&f->rpc, &f->loop, NULL, NULL), VD_OK);
    assert_int_equal(vd_rpc_add(f->rpc, methods, sizeof methods / sizeof methods[0], f), VD_OK);
    struct vd_http_config config = {.host = "127.0.0.1", .post = vd_rpc_http, .post_ctx = f->rpc};
    assert_int_equal(vd_http_server_new(&f->http, NULL, &f->loop, &config), VD_OK);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u", vd_http_server_port(f->http));
    f->blocks[0].header.ommers_hash = VD_EMPTY_OMMERS;
    f->blocks[0].header.has_base_fee = true;
    f->blocks[0].header.has_withdrawals_root = true;
    f->blocks[0].header.withdrawals_root = VD_EMPTY_ROOT;
    set_roots(f, &f->blocks[0]);
    f->blocks[0].hash = vd_header_hash(&f->blocks[0].header);
}

static inline void
fake_stop(struct fake *f)
{
    vd_http_server_close(f->http, 0, NULL, NULL);
    vd_rpc_close(f->rpc, NULL, NULL);
    vd_pool_close(f->pool, NULL, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    for (unsigned i = 0; i < f->tx_count; i++)
        free(f->txs[i].raw);
    free(f->memory);
}

/* --- listening --- */

struct log {
    unsigned heads;
    unsigned reorgs;
    unsigned lost_reorgs;
    unsigned up;
    unsigned down;
    struct vd_l1_heads last;
    struct vd_l1_ref ancestor;
    char why[128];
};

static inline void
log_heads(void *ctx, const struct vd_l1_heads *heads)
{
    struct log *log = ctx;
    log->heads++;
    log->last = *heads;
}

static inline void
log_reorg(void *ctx, const struct vd_l1_ref *ancestor)
{
    struct log *log = ctx;
    log->reorgs++;
    log->lost_reorgs += ancestor == NULL;
    if (ancestor != NULL)
        log->ancestor = *ancestor;
}

static inline void
log_reachable(void *ctx, bool reachable, const char *why)
{
    struct log *log = ctx;
    log->up += reachable;
    log->down += !reachable;
    snprintf(log->why, sizeof log->why, "%s", why);
}

static inline struct vd_l1 *
connect_l1(struct fake *f, struct vd_l1_config config)
{
    struct vd_l1 *l1;
    if (config.url == NULL)
        config.url = f->url;
    if (config.poll_interval_ms == 0)
        config.poll_interval_ms = 5;
    assert_int_equal(vd_l1_new(&l1, &f->loop, f->pool, &config), VD_OK);
    return l1;
}

static inline void
run_until(struct fake *f, bool (*condition)(void *ctx), void *ctx)
{
    uint64_t start = uv_hrtime();
    while (!condition(ctx)) {
        uv_run(&f->loop, UV_RUN_ONCE);
        assert_true(uv_hrtime() - start < 20000000000ull);
    }
}

static inline bool
is_set(void *ctx)
{
    return *(bool *)ctx;
}

static inline void
spin(struct fake *f, unsigned ms)
{
    uint64_t end = uv_hrtime() + (uint64_t)ms * 1000000;
    while (uv_hrtime() < end) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
}

struct tip_wait {
    struct fake *f;
    struct vd_l1 *l1;
};

static inline bool
has_tip(void *ctx)
{
    struct tip_wait *w = ctx;
    const struct vd_l1_heads *heads = vd_l1_heads(w->l1);
    return heads->known && vd_hash_eq(&heads->latest.hash, &w->f->blocks[w->f->height].hash);
}

static inline void
follow(struct fake *f, struct vd_l1 *l1)
{
    struct tip_wait w = {f, l1};
    run_until(f, has_tip, &w);
}

struct fetched {
    bool called;
    enum vd_err err;
    struct vd_l1_fetched *block;
    char text[128];
};

static inline void
on_fetched(void *ctx, const struct vd_l1_status *status, struct vd_l1_fetched *block)
{
    struct fetched *f = ctx;
    f->called = true;
    f->err = status->err;
    f->block = block;
    snprintf(f->text, sizeof f->text, "%s", status->text);
}

static inline bool
is_fetched(void *ctx)
{
    return ((struct fetched *)ctx)->called;
}

static inline struct fetched
fetch(struct fake *f, struct vd_l1 *l1, uint64_t number)
{
    struct fetched result = {0};
    vd_l1_block_fetch(l1, number, on_fetched, &result);
    assert_false(result.called);
    run_until(f, is_fetched, &result);
    return result;
}

#endif
