/* The L1 client and the transaction manager over HTTP against a small L1 in the same process, whose
   blocks hash and whose roots are right.  With VD_L1_URL and VD_L1_KEY (64 hex digits of a funded
   account) one more test runs against that L1. */
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

static struct vd_slice
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

static void
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

static void
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

static void
unwind(struct fake *f, unsigned depth)
{
    for (; depth > 0; depth--) {
        struct fake_block *block = &f->blocks[f->height--];
        f->nonce -= block->tx_count;
    }
}

static void
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

static void
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

static uint64_t
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

static void
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

static void
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

static void
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

static void
log_heads(void *ctx, const struct vd_l1_heads *heads)
{
    struct log *log = ctx;
    log->heads++;
    log->last = *heads;
}

static void
log_reorg(void *ctx, const struct vd_l1_ref *ancestor)
{
    struct log *log = ctx;
    log->reorgs++;
    log->lost_reorgs += ancestor == NULL;
    if (ancestor != NULL)
        log->ancestor = *ancestor;
}

static void
log_reachable(void *ctx, bool reachable, const char *why)
{
    struct log *log = ctx;
    log->up += reachable;
    log->down += !reachable;
    snprintf(log->why, sizeof log->why, "%s", why);
}

static struct vd_l1 *
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

static void
run_until(struct fake *f, bool (*condition)(void *ctx), void *ctx)
{
    uint64_t start = uv_hrtime();
    while (!condition(ctx)) {
        uv_run(&f->loop, UV_RUN_ONCE);
        assert_true(uv_hrtime() - start < 20000000000ull);
    }
}

static void
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

static bool
has_tip(void *ctx)
{
    struct tip_wait *w = ctx;
    const struct vd_l1_heads *heads = vd_l1_heads(w->l1);
    return heads->known && vd_hash_eq(&heads->latest.hash, &w->f->blocks[w->f->height].hash);
}

static void
follow(struct fake *f, struct vd_l1 *l1)
{
    struct tip_wait w = {f, l1};
    run_until(f, has_tip, &w);
}

/* --- tests --- */

static void
test_heads_follow_and_reorgs_name_their_ancestor(void **state)
{
    (void)state;
    static struct fake f;
    struct log log = {0};
    struct vd_l1_listener listener = {&log, log_heads, log_reorg, log_reachable};
    fake_start(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){.expected_chain_id = CHAIN_ID});
    assert_int_equal(vd_l1_listen(l1, &listener), VD_OK);
    for (int i = 0; i < 10; i++)
        mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    assert_true(log.last.has_safe && log.last.safe.number == 6);
    assert_true(log.last.has_finalized && log.last.finalized.number == 2);
    assert_int_equal(log.reorgs, 0);
    for (unsigned depth = 1; depth <= 20; depth++) {
        for (int i = 0; i < 22; i++)
            mine(&f);
        follow(&f, l1);
        assert_int_equal(log.reorgs, depth - 1);
        unwind(&f, depth);
        struct vd_hash ancestor = f.blocks[f.height].hash;
        /* A shorter, an equally long or a longer chain. */
        for (unsigned i = 0; i + 1 < depth + depth % 3; i++)
            mine(&f);
        follow(&f, l1);
        assert_int_equal(log.reorgs, depth);
        assert_int_equal(log.lost_reorgs, 0);
        assert_true(vd_hash_eq(&log.ancestor.hash, &ancestor));
    }
    vd_l1_close(l1, NULL, NULL);
    fake_stop(&f);
}

static void
test_reorg_below_what_is_remembered_is_told_as_such(void **state)
{
    (void)state;
    static struct fake f;
    struct log log = {0};
    struct vd_l1_listener listener = {&log, log_heads, log_reorg, log_reachable};
    fake_start(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){.remembered_heads = 8});
    assert_int_equal(vd_l1_listen(l1, &listener), VD_OK);
    f.no_safe = true;
    mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    assert_false(log.last.has_safe);
    /* Far ahead of what is remembered, and no reorg. */
    for (int i = 0; i < 200; i++)
        mine(&f);
    follow(&f, l1);
    assert_int_equal(log.reorgs, 0);
    for (int i = 0; i < 20; i++)
        mine(&f);
    follow(&f, l1);
    assert_int_equal(log.reorgs, 0);
    unwind(&f, 15);
    for (int i = 0; i < 16; i++)
        mine(&f);
    follow(&f, l1);
    assert_int_equal(log.reorgs, 1);
    assert_int_equal(log.lost_reorgs, 1);
    vd_l1_close(l1, NULL, NULL);
    fake_stop(&f);
}

static bool
went_down(void *ctx)
{
    return ((struct log *)ctx)->down == 1;
}

static bool
came_up(void *ctx)
{
    return ((struct log *)ctx)->up == 2;
}

static void
test_unreachable_l1_is_told_once_with_its_reason(void **state)
{
    (void)state;
    static struct fake f;
    struct log log = {0};
    struct vd_l1_listener listener = {&log, log_heads, log_reorg, log_reachable};
    fake_start(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){.expected_chain_id = CHAIN_ID});
    assert_int_equal(vd_l1_listen(l1, &listener), VD_OK);
    mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    assert_int_equal(log.up, 1);
    f.broken = true;
    run_until(&f, went_down, &log);
    assert_string_equal(log.why, "down for maintenance");
    f.broken = false;
    run_until(&f, came_up, &log);
    f.chain_id = 7;
    f.tampered = true;
    log.down = 0;
    run_until(&f, went_down, &log);
    assert_non_null(strstr(log.why, "failed to verify block hash"));
    f.tampered = false;
    spin(&f, 200);
    assert_int_equal(log.up, 2); /* another chain answers now */
    vd_l1_close(l1, NULL, NULL);
    fake_stop(&f);
}

struct fetched {
    bool called;
    enum vd_err err;
    struct vd_l1_fetched *block;
    char text[128];
};

static void
on_fetched(void *ctx, const struct vd_l1_status *status, struct vd_l1_fetched *block)
{
    struct fetched *f = ctx;
    f->called = true;
    f->err = status->err;
    f->block = block;
    snprintf(f->text, sizeof f->text, "%s", status->text);
}

static bool
is_fetched(void *ctx)
{
    return ((struct fetched *)ctx)->called;
}

static struct fetched
fetch(struct fake *f, struct vd_l1 *l1, uint64_t number)
{
    struct fetched result = {0};
    vd_l1_block_fetch(l1, number, on_fetched, &result);
    assert_false(result.called);
    run_until(f, is_fetched, &result);
    return result;
}

/* --- transactions --- */

struct events {
    unsigned count[8];
    unsigned order[64];
    unsigned confirmed;
};

static void
on_txm_event(void *ctx, const struct vd_txm_event *event)
{
    struct events *e = ctx;
    e->count[event->kind]++;
    if (event->kind == VD_TXM_STUCK)
        printf("stuck: %s\n", event->text);
    if (event->kind == VD_TXM_CONFIRMED)
        e->order[e->confirmed++] = event->tag.ptr[0];
}

static struct vd_signer *
signer_of(struct fake *f, const uint8_t secret[32])
{
    struct vd_key *key;
    struct vd_signer *signer;
    assert_int_equal(vd_key_from_bytes(&key, secret), VD_OK);
    assert_int_equal(vd_signer_local(&signer, &f->loop, f->pool, key), VD_OK);
    return signer;
}

static struct vd_signer *
test_signer(struct fake *f)
{
    uint8_t secret[32] = {1, 2, 3};
    return signer_of(f, secret);
}

/* Above this journals of these tests are compacted. */
#define TEST_COMPACT_BYTES 300000u

static struct vd_txm_driver *
open_txm(struct fake *f, struct vd_l1 *l1, struct vd_signer *signer, const char *path,
         uint64_t chain, uint64_t confirmations, struct events *events)
{
    struct vd_txm_config config = {.chain_id = chain,
                                   .confirmations = confirmations,
                                   .resend_ms = 100,
                                   .resubmit_ms = 60000,
                                   .compact_bytes = TEST_COMPACT_BYTES};
    struct vd_txm_listener listener = {events, on_txm_event};
    struct vd_txm_driver *driver;
    char why[256];
    enum vd_err err = vd_txm_open(&driver, why, sizeof why, &f->loop, f->pool, l1, signer, path,
                                  &config, &listener);
    if (err != VD_OK)
        fail_msg("%s", why);
    return driver;
}

static void
send_payload(struct vd_txm_driver *driver, uint8_t number, size_t len)
{
    uint64_t id;
    uint8_t *data = malloc(len);
    memset(data, number, len);
    struct vd_txm_payload payload = {
        .to = {{9}}, .data = vd_slice(data, len), .tag = vd_slice(&number, 1)};
    assert_int_equal(vd_txm_send(vd_txm_driver_manager(driver), &id, &payload), VD_OK);
    free(data);
}

static void
close_flag(void *ctx)
{
    *(bool *)ctx = true;
}

static bool
is_set(void *ctx)
{
    return *(bool *)ctx;
}

static void
close_txm(struct fake *f, struct vd_txm_driver *driver)
{
    bool closed = false;
    vd_txm_close(driver, close_flag, &closed);
    run_until(f, is_set, &closed);
}

static void
path_of(char out[64])
{
    snprintf(out, 64, P_tmpdir "/vd-test-journal-%d", (int)getpid());
}

static void
remove_journal(void)
{
    char path[64];
    char lock[80];
    path_of(path);
    snprintf(lock, sizeof lock, "%s.lock", path);
    unlink(path);
    unlink(lock);
}

static void
test_transactions_survive_restarts_and_reorgs(void **state)
{
    (void)state;
    static struct fake f;
    struct events events = {0};
    char path[64];
    path_of(path);
    remove_journal();
    fake_start(&f);
    struct vd_signer *signer = test_signer(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){0});
    mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    struct vd_txm_driver *driver = open_txm(&f, l1, signer, path, CHAIN_ID, 3, &events);
    char why[256];
    struct vd_txm_driver *second;
    struct vd_txm_config config = {.chain_id = CHAIN_ID};
    struct vd_txm_listener none = {0};
    assert_int_equal(
        vd_txm_open(&second, why, sizeof why, &f.loop, f.pool, l1, signer, path, &config, &none),
        VD_ERR_BUSY);
    for (uint8_t i = 0; i < 5; i++)
        send_payload(driver, i, 100 + 20000 * (size_t)i);
    while (events.count[VD_TXM_SENT] < 5)
        spin(&f, 5);
    close_txm(&f, driver);
    /* A torn write at the end is no harm. */
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "VTX1\0\0\0\x50torn", 12), 12);
    close(fd);
    driver = open_txm(&f, l1, signer, path, CHAIN_ID, 3, &events);
    assert_int_equal(vd_txm_count(vd_txm_driver_manager(driver)), 5);
    send_payload(driver, 5, 10);
    for (int i = 0; i < 400 && events.confirmed < 6; i++) {
        if (i == 20) {
            /* What was included is thrown away and L1 forgets it. */
            assert_true(f.nonce > 0);
            unwind(&f, 2);
        }
        mine(&f);
        spin(&f, 15);
    }
    assert_int_equal(events.confirmed, 6);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(events.order[i], i);
    assert_int_equal(f.nonce, 6);
    assert_int_equal(f.tx_count, 6);
    assert_int_equal(events.count[VD_TXM_LOST], 0);
    close_txm(&f, driver);

    /* Blocks with transactions come with their receipts, all checked. */
    for (uint64_t n = 0; n <= f.height; n++) {
        struct fetched got = fetch(&f, l1, n);
        assert_int_equal(got.err, VD_OK);
        const struct vd_l1_block *block = vd_l1_fetched_block(got.block);
        assert_true(vd_hash_eq(&block->hash, &f.blocks[n].hash));
        assert_int_equal(block->transaction_count, f.blocks[n].tx_count);
        assert_int_equal(block->receipt_count, f.blocks[n].tx_count);
        vd_l1_fetched_release(got.block);
    }
    assert_int_equal(fetch(&f, l1, f.height + 1).err, VD_ERR_NOT_FOUND);
    vd_l1_close(l1, NULL, NULL);

    /* Another key is refused, and so is a journal that is damaged in the middle. */
    l1 = connect_l1(&f, (struct vd_l1_config){0});
    config.chain_id = 901;
    assert_int_equal(
        vd_txm_open(&second, why, sizeof why, &f.loop, f.pool, l1, signer, path, &config, &none),
        VD_ERR_MISMATCH);
    config.chain_id = CHAIN_ID;
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 100), 1);
    close(fd);
    assert_int_equal(
        vd_txm_open(&second, why, sizeof why, &f.loop, f.pool, l1, signer, path, &config, &none),
        VD_ERR_CORRUPT);
    assert_non_null(strstr(why, "damaged"));
    vd_l1_close(l1, NULL, NULL);
    vd_signer_close(signer, NULL, NULL);
    remove_journal();
    fake_stop(&f);
}

static void
mine_until_confirmed(struct fake *f, const struct events *events, unsigned count)
{
    for (int i = 0; i < 400 && events->confirmed < count; i++) {
        mine(f);
        spin(f, 15);
    }
    assert_int_equal(events->confirmed, count);
}

struct held {
    unsigned count;
    uint8_t last_tag;
    bool last_confirmed;
};

static void
look_at_held(void *ctx, const struct vd_txm_status *status)
{
    struct held *held = ctx;
    held->count++;
    held->last_tag = status->tag.ptr[0];
    held->last_confirmed = status->confirmed;
}

static void
test_a_long_journal_is_compacted_and_goes_on(void **state)
{
    (void)state;
    static struct fake f;
    struct events events = {0};
    char path[64];
    char fresh[80];
    struct stat before;
    struct stat after;
    path_of(path);
    remove_journal();
    fake_start(&f);
    struct vd_signer *signer = test_signer(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){0});
    mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    struct vd_txm_driver *driver = open_txm(&f, l1, signer, path, CHAIN_ID, 1, &events);
    for (uint8_t i = 0; i < 8; i++)
        send_payload(driver, i, 50000);
    mine_until_confirmed(&f, &events, 8);
    assert_int_equal(stat(path, &before), 0);
    assert_true(before.st_size > TEST_COMPACT_BYTES);
    /* Deep enough for all but the newest to be forgotten; the next write makes a new file. */
    for (int i = 0; i < VD_TXM_KEEP_BLOCKS + 10; i++)
        mine(&f);
    follow(&f, l1);
    for (int i = 0; i < 10; i++)
        spin(&f, 15);
    send_payload(driver, 8, 100);
    mine_until_confirmed(&f, &events, 9);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size < 120000);
    close_txm(&f, driver);

    /* A snapshot that was cut off by a crash does not count. */
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, "VTX1\0\0\0\x50torn", 12), 12);
    close(fd);
    driver = open_txm(&f, l1, signer, path, CHAIN_ID, 1, &events);
    struct held held = {0};
    vd_txm_each(vd_txm_driver_manager(driver), look_at_held, &held);
    assert_int_equal(held.last_tag, 8);
    assert_true(held.last_confirmed);
    assert_int_equal(vd_txm_count(vd_txm_driver_manager(driver)), 0);
    send_payload(driver, 9, 100);
    mine_until_confirmed(&f, &events, 10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(events.order[i], i);
    assert_int_equal(f.nonce, 10);
    assert_int_equal(f.tx_count, 10);
    close_txm(&f, driver);
    vd_l1_close(l1, NULL, NULL);
    vd_signer_close(signer, NULL, NULL);
    unlink(fresh);
    remove_journal();
    fake_stop(&f);
}

static void
test_a_signer_that_cannot_be_reached_is_told_once_and_made_up_for(void **state)
{
    (void)state;
    static struct fake f;
    struct events events = {0};
    char path[64];
    char why[256];
    uint8_t secret[32] = {1, 2, 3};
    path_of(path);
    remove_journal();
    fake_start(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){0});
    mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    /* Port 1 of this machine: nobody. */
    struct vd_signer *remote;
    struct vd_signer_remote config = {.url = "http://127.0.0.1:1"};
    assert_int_equal(vd_key_to_address(&config.address, secret), VD_OK);
    assert_int_equal(vd_signer_remote_new(&remote, why, sizeof why, &f.loop, &config), VD_OK);
    struct vd_txm_driver *driver = open_txm(&f, l1, remote, path, CHAIN_ID, 3, &events);
    send_payload(driver, 0, 100);
    send_payload(driver, 1, 100);
    for (int i = 0; i < 150; i++) /* three ticks of the driver and more */
        spin(&f, 10);
    assert_int_equal(events.count[VD_TXM_STUCK], 1);
    assert_int_equal(events.count[VD_TXM_SENT], 0);
    /* The driver ends while signatures are asked for, and the signer after it. */
    close_txm(&f, driver);
    vd_signer_close(remote, NULL, NULL);
    /* Nothing of what was not signed is in the journal; its nonces are free. */
    struct vd_signer *signer = test_signer(&f);
    driver = open_txm(&f, l1, signer, path, CHAIN_ID, 3, &events);
    send_payload(driver, 2, 100);
    for (int i = 0; i < 400 && events.confirmed < 1; i++) {
        mine(&f);
        spin(&f, 15);
    }
    assert_int_equal(events.confirmed, 1);
    assert_int_equal(events.order[0], 2);
    assert_int_equal(f.nonce, 1);
    close_txm(&f, driver);
    vd_signer_close(signer, NULL, NULL);
    vd_l1_close(l1, NULL, NULL);
    remove_journal();
    fake_stop(&f);
}

static void
test_blocks_are_fetched_ahead_cached_and_dropped_on_reorg(void **state)
{
    (void)state;
    static struct fake f;
    fake_start(&f);
    struct vd_address source = {{0xaa}};
    struct vd_l1 *l1 = connect_l1(
        &f, (struct vd_l1_config){
                .log_sources = &source, .log_source_count = 1, .prefetch = 8, .cache_blocks = 32});
    for (int i = 0; i < 40; i++)
        mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    for (uint64_t n = 1; n <= 20; n++)
        vd_l1_fetched_release(fetch(&f, l1, n).block);
    spin(&f, 50);
    assert_int_equal(f.block_calls, 28);
    assert_int_equal(f.receipt_calls, 0);
    struct fetched got = fetch(&f, l1, 10);
    assert_int_equal(f.block_calls, 28);
    vd_l1_fetched_release(got.block);
    unwind(&f, 20);
    for (int i = 0; i < 21; i++)
        mine(&f);
    follow(&f, l1);
    got = fetch(&f, l1, 21);
    assert_true(vd_hash_eq(&vd_l1_fetched_block(got.block)->hash, &f.blocks[21].hash));
    vd_l1_fetched_release(got.block);
    f.tampered = true;
    got = fetch(&f, l1, 0);
    assert_int_equal(got.err, VD_ERR_MISMATCH);
    assert_non_null(strstr(got.text, "failed to verify block hash"));
    /* A close while fetches are under way ends them. */
    struct fetched late = {0};
    vd_l1_block_fetch(l1, 1, on_fetched, &late);
    vd_l1_block_fetch(l1, 2, on_fetched, &late);
    vd_l1_close(l1, NULL, NULL);
    fake_stop(&f);
    assert_true(late.called);
    vd_l1_fetched_release(late.block);
}

static void
on_call(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    (void)bytes;
    assert_int_equal(status->err, VD_ERR_REFUSED);
    assert_int_equal(status->code, 3);
    assert_int_equal(status->data.len, 3);
    *(bool *)ctx = true;
}

static void
on_missing(void *ctx, const struct vd_l1_status *status, uint64_t value)
{
    (void)value;
    assert_int_equal(status->err, VD_ERR_REFUSED);
    assert_int_equal(status->code, -32601);
    *(bool *)ctx = true;
}

static void
test_errors_of_l1_reach_the_caller(void **state)
{
    (void)state;
    static struct fake f;
    bool done = false;
    struct vd_address to = {{1}};
    fake_start(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){0});
    vd_l1_call(l1, &to, vd_slice(NULL, 0), vd_l1_latest(), on_call, &done);
    run_until(&f, is_set, &done);
    done = false;
    vd_l1_block_number(l1, on_missing, &done);
    run_until(&f, is_set, &done);
    vd_l1_close(l1, NULL, NULL);
    fake_stop(&f);
}

/* --- a real L1 --- */

static uint64_t real_chain_id;

static void
on_chain_id(void *ctx, const struct vd_l1_status *status, uint64_t value)
{
    assert_int_equal(status->err, VD_OK);
    real_chain_id = value;
    *(bool *)ctx = true;
}

static void
test_a_real_l1_takes_transactions_and_its_blocks_verify(void **state)
{
    (void)state;
    const char *url = getenv("VD_L1_URL");
    const char *secret = getenv("VD_L1_KEY");
    if (url == NULL || secret == NULL) {
        printf("SKIPPED: VD_L1_URL and VD_L1_KEY not set\n");
        return;
    }
    static struct fake f;
    struct events events = {0};
    char path[64];
    uint8_t bytes[32];
    bool done = false;
    path_of(path);
    remove_journal();
    fake_start(&f);
    assert_int_equal(vd_hex_decode(bytes, 32, secret, strlen(secret)), VD_OK);
    struct vd_signer *signer = signer_of(&f, bytes);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){.url = url, .poll_interval_ms = 100});
    vd_l1_chain_id(l1, on_chain_id, &done);
    run_until(&f, is_set, &done);
    vd_l1_start(l1);
    struct vd_txm_driver *driver = open_txm(&f, l1, signer, path, real_chain_id, 2, &events);
    for (uint8_t i = 0; i < 10; i++)
        send_payload(driver, i, 100 + 9000 * (size_t)i);
    for (int i = 0; i < 3000 && events.confirmed < 10; i++)
        spin(&f, 10);
    assert_int_equal(events.confirmed, 10);
    close_txm(&f, driver);
    uint64_t receipts = 0;
    for (uint64_t n = 0; n <= vd_l1_heads(l1)->latest.number; n++) {
        struct fetched got = fetch(&f, l1, n);
        if (got.err != VD_OK)
            fail_msg("block %llu: %s", (unsigned long long)n, got.text);
        receipts += vd_l1_fetched_block(got.block)->receipt_count;
        vd_l1_fetched_release(got.block);
    }
    assert_true(receipts >= 10);
    vd_l1_close(l1, NULL, NULL);
    vd_signer_close(signer, NULL, NULL);
    remove_journal();
    fake_stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_follow_and_reorgs_name_their_ancestor),
        cmocka_unit_test(test_reorg_below_what_is_remembered_is_told_as_such),
        cmocka_unit_test(test_unreachable_l1_is_told_once_with_its_reason),
        cmocka_unit_test(test_blocks_are_fetched_ahead_cached_and_dropped_on_reorg),
        cmocka_unit_test(test_errors_of_l1_reach_the_caller),
        cmocka_unit_test(test_transactions_survive_restarts_and_reorgs),
        cmocka_unit_test(test_a_long_journal_is_compacted_and_goes_on),
        cmocka_unit_test(test_a_signer_that_cannot_be_reached_is_told_once_and_made_up_for),
        cmocka_unit_test(test_a_real_l1_takes_transactions_and_its_blocks_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
