/* The methods over a real chain instance under L2 rules: what clients see of a transaction from its
   preconfirmation to its block, of state, logs, filters, and of errors. */
#include "unit/node/engine/harness.h"
#include "unit/node/rpc/rpc_node.h"
#include "viaduct/core/chain/fees.h"

static struct bench_engine bench;
static struct rpc_node node;
static struct vd_genesis_account accounts[ACCOUNTS + 2];
/* Slot 1 is the L1 base fee; the rest only makes a trie of some depth. */
#define GENESIS_SLOTS 100u
static struct vd_genesis_slot l1_slots[GENESIS_SLOTS];
static struct vd_block_info tip;
static uint8_t memory[1 << 20];
static struct vd_arena arena;

/* --- a chain --- */

/* L1Block has no code here, so its values stay as genesis has them: those that the attributes
   transactions of plan_next carry (OP Stack specs, L1 attributes: slots 1 and 3 of L1Block). */
static void
fill_l1_block(struct vd_genesis_account *account)
{
    for (unsigned i = 0; i < GENESIS_SLOTS; i++)
        l1_slots[i] = (struct vd_genesis_slot){vd_u256(i + 1), vd_u256(1000000007 + i)};
    *account = (struct vd_genesis_account){
        .address = VD_L1_BLOCK, .nonce = 1, .slots = l1_slots, .slot_count = GENESIS_SLOTS};
}

static void
fill_rollup(void)
{
    struct vd_header header;
    struct vd_hash hash;
    vd_arena_init(&arena, memory, sizeof memory);
    assert_int_equal(
        vd_genesis_build(&header, &hash, &arena, &bench.chain, &bench.genesis, NULL, NULL), VD_OK);
    bench.rollup = (struct vd_rollup_config){.genesis_l2 = {.hash = hash},
                                             .genesis_l2_time = bench.genesis.timestamp,
                                             .block_time_s = 2,
                                             .max_sequencer_drift_s = 600,
                                             .seq_window_size = 3600,
                                             .channel_timeout = 300,
                                             .l1_chain_id = 900,
                                             .l2 = bench.chain,
                                             .pectra_blob_schedule_time = VD_NEVER};
    bench.rollup.genesis_system_config.gas_limit = 60000000;
    bench.rollup.genesis_system_config.scalar[0] = 1;
    bench.rollup.genesis_l1.hash.b[0] = 0x11;
    vd_chain_config_l1(&bench.rollup.l1, 900, 0, 0);
}

static void
l1_status(void *ctx, struct vd_rpc_l1_status *out)
{
    (void)ctx;
    out->head.number = 77;
}

static int
set_up_keeping(uint64_t retention_blocks)
{
    bench_prepare(&bench, true);
    memcpy(accounts, bench.accounts, sizeof bench.accounts);
    fill_l1_block(&accounts[ACCOUNTS + 1]);
    bench.genesis.accounts = accounts;
    bench.genesis.account_count = ACCOUNTS + 2;
    fill_rollup();
    bench_config(&bench, true);
    struct vd_engine_config config = bench.config;
    config.journal = false;
    config.retention_blocks = retention_blocks;
    struct vd_rpc_api_config api = {.client_version = "viaduct/test",
                                    .rollup_json = "{\"l2_chain_id\":901}",
                                    .l1_status = l1_status,
                                    .limits = {.logs = 3}};
    rpc_node_open(&node, config, api);
    bench.engine = node.engine;
    vd_arena_init(&arena, memory, sizeof memory);
    struct vd_view *view = view_of(&bench);
    tip = (struct vd_block_info){.ref = *vd_engine_genesis(node.engine)};
    assert_int_equal(vd_view_l2_ref(view, &tip.l2, 0), VD_OK);
    assert_int_equal(vd_view_system(view, &tip.system, 0), VD_OK);
    vd_view_close(view);
    return 0;
}

static int
set_up(void **state)
{
    (void)state;
    return set_up_keeping(0);
}

static int
set_up_short(void **state)
{
    (void)state;
    return set_up_keeping(256);
}

static int
tear_down(void **state)
{
    (void)state;
    rpc_node_close(&node);
    bench_remove(&bench);
    return 0;
}

static void
wait_answer(struct block_answer *a)
{
    while (!a->done)
        (void)uv_run(&node.loop, UV_RUN_ONCE);
    assert_int_equal(a->err, VD_OK);
}

static void
open_next(void)
{
    static struct vd_header l1;
    struct vd_attributes plan;
    struct block_answer a = {0};
    l1 = (struct vd_header){.timestamp = bench.genesis.timestamp,
                            .has_base_fee = true,
                            .base_fee = vd_u256(1000000007),
                            .has_blob_gas = true,
                            .has_parent_beacon_root = true};
    struct vd_l1_origin origin = {.header = &l1, .hash = bench.rollup.genesis_l1.hash};
    vd_arena_init(&arena, memory, sizeof memory);
    assert_int_equal(
        vd_attributes_build(&plan, &arena, &bench.rollup, &tip.l2, &tip.system, &origin, NULL, 0),
        VD_OK);
    vd_engine_open_block(node.engine, &plan, on_block, &a);
    wait_answer(&a);
}

static void
seal(void)
{
    struct block_answer a = {0};
    vd_engine_seal(node.engine, on_block, &a);
    wait_answer(&a);
    tip = a.info;
}

/* --- asking --- */

static char request[4096];

static json_t *
ask(const char *method, const char *format, ...)
{
    char params[3072];
    va_list args;
    va_start(args, format);
    vsnprintf(params, sizeof params, format, args);
    va_end(args);
    snprintf(request, sizeof request,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[%s]}", method, params);
    return rpc_node_ask(&node, request);
}

/* The result, kept until the next question. */
static json_t *last;

static const json_t *
result_of(json_t *response)
{
    json_decref(last);
    last = response;
    const json_t *result = json_object_get(response, "result");
    if (result == NULL) {
        char *text = json_dumps(response, 0);
        fail_msg("%s: %s", request, text);
    }
    return result;
}

static void
check_error(json_t *response, int code, const char *message)
{
    json_decref(last);
    last = response;
    const json_t *error = json_object_get(response, "error");
    assert_non_null(error);
    assert_string_equal(json_string_value(json_object_get(error, "message")), message);
    assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
}

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    if (value == NULL)
        fail_msg("no %s in the answer to %s", name, request);
    return value;
}

static uint64_t
number(const json_t *object, const char *name)
{
    return strtoull(text(object, name), NULL, 16);
}

static char *
hex(char *out, const void *bytes, size_t len)
{
    memcpy(out, "0x", 2);
    vd_hex_encode(out + 2, bytes, len);
    out[2 + 2 * len] = '\0';
    return out;
}

static const char zero_hash[] =
    "0x0000000000000000000000000000000000000000000000000000000000000000";

/* A signed transaction of account as hexadecimal text, and its hash. */
static const char *
signed_hex(struct made_tx *made, unsigned account, uint64_t nonce, const struct vd_address *to,
           uint64_t gas)
{
    static char out[1100];
    struct vd_tx tx = plain_tx(&bench, nonce, to, gas == 21000 ? 5 : 0);
    tx.gas_limit = gas;
    sign_tx(made, &tx, account);
    return hex(out, made->bytes, made->len);
}

static void
check_l2_fees(const json_t *receipt, const struct made_tx *made)
{
    struct vd_l1_fee_params params = {.l1_base_fee = vd_u256(1000000007)};
    struct vd_u256 fee = vd_l1_fee(vd_slice(made->bytes, made->len), &params);
    assert_int_equal(number(receipt, "l1GasPrice"), 1000000007);
    assert_int_equal(number(receipt, "l1GasUsed"),
                     vd_l1_gas_used(vd_slice(made->bytes, made->len)));
    assert_int_equal(number(receipt, "l1Fee"), fee.w[0]);
    assert_int_equal(number(receipt, "l1BlobBaseFee"), 1);
    assert_int_equal(number(receipt, "l1BaseFeeScalar"), 0);
    assert_int_equal(number(receipt, "l1BlobBaseFeeScalar"), 0);
    /* Both zero: not shown (op-geth: fields of receipts). */
    assert_null(json_object_get(receipt, "operatorFeeScalar"));
    assert_null(json_object_get(receipt, "depositNonce"));
}

/* --- tests --- */

static void
test_a_transaction_is_seen_from_preconfirmation_to_its_block(void **state)
{
    (void)state;
    struct made_tx made;
    char hash[67];
    char block[67];
    char from[43];
    open_next();
    const char *raw = signed_hex(&made, 1, 0, &bench.address[2], 21000);
    const json_t *receipt = result_of(ask("eth_sendRawTransactionSync", "\"%s\"", raw));
    hex(hash, made.hash.b, 32);
    hex(from, bench.address[1].b, 20);
    assert_string_equal(text(receipt, "transactionHash"), hash);
    assert_string_equal(text(receipt, "blockHash"), zero_hash);
    assert_string_equal(text(receipt, "from"), from);
    assert_int_equal(number(receipt, "blockNumber"), 1);
    assert_int_equal(number(receipt, "transactionIndex"), 1);
    assert_int_equal(number(receipt, "gasUsed"), 21000);
    assert_int_equal(number(receipt, "status"), 1);
    assert_int_equal(number(receipt, "type"), 2);
    check_l2_fees(receipt, &made);
    receipt = result_of(ask("eth_getTransactionReceipt", "\"%s\"", hash));
    assert_true(json_is_null(receipt));
    const json_t *tx = result_of(ask("eth_getTransactionByHash", "\"%s\"", hash));
    assert_true(json_is_null(json_object_get(tx, "blockHash")));
    assert_true(json_is_null(json_object_get(tx, "blockNumber")));
    const json_t *all = result_of(ask("eth_getBlockReceipts", "\"pending\""));
    assert_int_equal(json_array_size(all), 2);
    assert_string_equal(text(json_array_get(all, 1), "blockHash"), zero_hash);
    assert_string_equal(
        json_string_value(result_of(ask("eth_getTransactionCount", "\"%s\",\"pending\"", from))),
        "0x1");
    assert_string_equal(
        json_string_value(result_of(ask("eth_getTransactionCount", "\"%s\",\"latest\"", from))),
        "0x0");
    const json_t *open = result_of(ask("eth_getBlockByNumber", "\"pending\",false"));
    assert_true(json_is_null(json_object_get(open, "hash")));
    assert_int_equal(json_array_size(json_object_get(open, "transactions")), 2);

    seal();
    hex(block, tip.ref.hash.b, 32);
    receipt = result_of(ask("eth_getTransactionReceipt", "\"%s\"", hash));
    assert_string_equal(text(receipt, "blockHash"), block);
    check_l2_fees(receipt, &made);
    uint64_t price = number(receipt, "effectiveGasPrice");
    const json_t *shown = result_of(ask("eth_getBlockByHash", "\"%s\",true", block));
    /* The tip is 1 gwei, far below what the cap leaves. */
    assert_int_equal(price, number(shown, "baseFeePerGas") + GWEI);
    tx = json_array_get(json_object_get(shown, "transactions"), 1);
    assert_string_equal(text(tx, "hash"), hash);
    assert_int_equal(number(tx, "gasPrice"), price);
    assert_string_equal(text(tx, "blockHash"), block);
    assert_string_equal(
        json_string_value(result_of(ask("debug_getRawTransaction", "\"%s\"", hash))), raw);
    check_error(
        ask("eth_sendRawTransaction", "\"%s\"", signed_hex(&made, 1, 0, &bench.address[3], 21000)),
        VD_RPC_SERVER_ERROR, "nonce too low: next nonce 1, tx nonce 0");
}

static void
test_deposits_are_shown_as_op_geth_shows_them(void **state)
{
    (void)state;
    open_next();
    seal();
    const json_t *tx =
        result_of(ask("eth_getTransactionByBlockNumberAndIndex", "\"latest\",\"0x0\""));
    assert_string_equal(text(tx, "type"), "0x7e");
    assert_string_equal(text(tx, "from"), "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001");
    assert_string_equal(text(tx, "to"), "0x4200000000000000000000000000000000000015");
    assert_string_equal(text(tx, "gasPrice"), "0x0");
    assert_string_equal(text(tx, "nonce"), "0x0");
    assert_string_equal(text(tx, "depositReceiptVersion"), "0x1");
    assert_string_equal(text(tx, "r"), "0x0");
    assert_int_equal(strlen(text(tx, "sourceHash")), 66);
    assert_null(json_object_get(tx, "mint"));
    assert_null(json_object_get(tx, "isSystemTx"));
    assert_null(json_object_get(tx, "chainId"));
    char hash[67];
    snprintf(hash, sizeof hash, "%s", text(tx, "hash"));
    const json_t *receipt = result_of(ask("eth_getTransactionReceipt", "\"%s\"", hash));
    assert_string_equal(text(receipt, "depositNonce"), "0x0");
    assert_string_equal(text(receipt, "depositReceiptVersion"), "0x1");
    assert_string_equal(text(receipt, "effectiveGasPrice"), "0x0");
    assert_null(json_object_get(receipt, "l1Fee"));
}

/* Counts calls in account's slot of the counter contract. */
static void
call_counter(unsigned account, uint64_t nonce)
{
    struct made_tx made;
    (void)result_of(ask("eth_sendRawTransactionSync", "\"%s\"",
                        signed_hex(&made, account, nonce, &counter_address, 100000)));
}

static void
test_logs_and_filters_tell_what_came_since(void **state)
{
    (void)state;
    char logs[40];
    char blocks[40];
    char pending[40];
    snprintf(logs, sizeof logs, "%s",
             json_string_value(result_of(ask("eth_newFilter", "{\"topics\":[null]}"))));
    snprintf(blocks, sizeof blocks, "%s",
             json_string_value(result_of(ask("eth_newBlockFilter", " "))));
    snprintf(pending, sizeof pending, "%s",
             json_string_value(result_of(ask("eth_newPendingTransactionFilter", " "))));
    open_next();
    call_counter(1, 0);
    call_counter(2, 0);
    assert_int_equal(json_array_size(result_of(ask("eth_getFilterChanges", "\"%s\"", pending))), 2);
    assert_int_equal(json_array_size(result_of(ask("eth_getFilterChanges", "\"%s\"", logs))), 0);
    assert_int_equal(json_array_size(result_of(ask("eth_getLogs", "{\"fromBlock\":\"pending\","
                                                                  "\"toBlock\":\"pending\"}"))),
                     2);
    seal();
    const json_t *seen = result_of(ask("eth_getFilterChanges", "\"%s\"", logs));
    assert_int_equal(json_array_size(seen), 2);
    assert_int_equal(number(json_array_get(seen, 1), "logIndex"), 1);
    assert_int_equal(number(json_array_get(seen, 1), "transactionIndex"), 2);
    assert_int_equal(json_array_size(result_of(ask("eth_getFilterChanges", "\"%s\"", logs))), 0);
    char hash[67];
    seen = result_of(ask("eth_getFilterChanges", "\"%s\"", blocks));
    assert_int_equal(json_array_size(seen), 1);
    assert_string_equal(json_string_value(json_array_get(seen, 0)), hex(hash, tip.ref.hash.b, 32));
    char topic[67] = "0x000000000000000000000000";
    vd_hex_encode(topic + 26, bench.address[2].b, 20);
    seen = result_of(ask("eth_getLogs", "{\"fromBlock\":\"0x0\",\"topics\":[[\"%s\"]]}", topic));
    assert_int_equal(json_array_size(seen), 1);
    assert_string_equal(text(json_array_get(seen, 0), "blockHash"), hash);
    const json_t *removed = result_of(ask("eth_uninstallFilter", "\"%s\"", logs));
    assert_true(json_is_true(removed));
    check_error(ask("eth_getFilterChanges", "\"%s\"", logs), VD_RPC_SERVER_ERROR,
                "filter not found");
}

static void
test_log_queries_have_limits(void **state)
{
    (void)state;
    open_next();
    for (unsigned i = 0; i < 4; i++)
        call_counter(i, 0);
    seal();
    check_error(ask("eth_getLogs", "{}"), VD_RPC_LIMIT_EXCEEDED,
                "query returned more than 3 results");
    check_error(ask("eth_getLogs", "{\"fromBlock\":\"0x0\",\"toBlock\":\"0x2\"}"),
                VD_RPC_INVALID_PARAMS, "block range extends beyond current head block");
    check_error(ask("eth_getLogs", "{\"blockHash\":\"%s\",\"toBlock\":\"0x1\"}", zero_hash),
                VD_RPC_INVALID_PARAMS,
                "invalid argument 0: cannot specify both BlockHash and FromBlock/ToBlock, choose "
                "one or the other");
}

/* ethereum/execution-apis, src/eth/state.yaml: Block is not required. */
static void
test_a_block_left_out_is_the_latest(void **state)
{
    (void)state;
    char who[43];
    char counter[43];
    hex(who, bench.address[0].b, 20);
    hex(counter, counter_address.b, 20);
    const struct {
        const char *method;
        const char *of;
        const char *key;
    } reads[] = {{"eth_getBalance", who, ""},
                 {"eth_getTransactionCount", who, ""},
                 {"eth_getCode", counter, ""},
                 {"eth_getStorageAt", counter, ",\"0x0\""}};
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        const char *method = reads[i].method;
        json_t *latest = json_incref((json_t *)(uintptr_t)result_of(
            ask(method, "\"%s\"%s,\"latest\"", reads[i].of, reads[i].key)));
        assert_true(
            json_equal(latest, result_of(ask(method, "\"%s\"%s", reads[i].of, reads[i].key))));
        json_decref(latest);
        check_error(ask(method, "%s", ""), VD_RPC_INVALID_PARAMS,
                    "missing value for required argument 0");
    }
}

/* go-ethereum, core/vm: errors.go, OpCode.String, stack_table.go (a SWAP3 needs 4 words; the limit
   of an instruction that adds a word is 1,024 less that word). */
static void
test_failed_calls_name_the_instruction_and_the_stack_as_geth_does(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        const char *text;
    } cases[] = {
        {"fe", "invalid opcode: INVALID"},
        {"0c", "invalid opcode: opcode 0xc not defined"},
        {"5f5fef", "invalid opcode: opcode 0xef not defined"},
        {"50", "stack underflow (0 <=> 1)"},
        {"5f01", "stack underflow (1 <=> 2)"},
        {"5f5f92", "stack underflow (2 <=> 4)"},
        {"5f5f82", "stack underflow (2 <=> 3)"},
        {"5b5f5f56", "stack limit reached 1024 (1023)"},
        {"600356", "invalid jump destination"},
        /* A CREATE whose init code fails at POP (0x50) is another frame's: its 0 is there, alone.
         */
        {"60505f5360015f5ff001", "stack underflow (1 <=> 2)"},
    };
    static const char who[] = "0x00000000000000000000000000000000000000aa";
    const char *const methods[] = {"eth_call", "eth_estimateGas"};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        check_error(
            ask(methods[i % 2],
                "{\"to\":\"%s\",\"gas\":\"0xf4240\"},\"latest\",{\"%s\":{\"code\":\"0x%s\"}}", who,
                who, cases[i / 2].code),
            VD_RPC_SERVER_ERROR, cases[i / 2].text);
    }
}

static void
test_calls_and_estimates_answer_in_geths_words(void **state)
{
    (void)state;
    char from[43];
    char counter[43];
    char poor[43] = "0x00000000000000000000000000000000000000aa";
    hex(from, bench.address[1].b, 20);
    assert_string_equal(json_string_value(result_of(ask("eth_estimateGas",
                                                        "{\"from\":\"%s\",\"to\":\"%s\","
                                                        "\"value\":\"0x1\"}",
                                                        from, poor))),
                        "0x5208");
    check_error(
        ask("eth_call", "{\"from\":\"%s\",\"to\":\"%s\",\"value\":\"0x1\"},\"latest\"", poor, from),
        VD_RPC_SERVER_ERROR,
        "err: insufficient funds for gas * price + value: address "
        "0x00000000000000000000000000000000000000AA have 0 want 1 (supplied gas 50000000)");
    /* PUSH0 PUSH0 REVERT; then INVALID. */
    check_error(
        ask("eth_call", "{\"to\":\"%s\"},\"latest\",{\"%s\":{\"code\":\"0x5f5ffd\"}}", poor, poor),
        VD_RPC_REVERTED, "execution reverted");
    check_error(
        ask("eth_call", "{\"to\":\"%s\"},\"latest\",{\"%s\":{\"code\":\"0xfe\"}}", poor, poor),
        VD_RPC_SERVER_ERROR, "invalid opcode: INVALID");
    check_error(ask("eth_estimateGas",
                    "{\"to\":\"%s\"},\"latest\",{\"%s\":{\"code\":\"0x5f5ffd\"}}", poor, poor),
                VD_RPC_REVERTED, "execution reverted");
    check_error(ask("eth_estimateGas", "{\"to\":\"%s\",\"gas\":\"0x5209\"}",
                    hex(counter, counter_address.b, 20)),
                VD_RPC_SERVER_ERROR, "gas required exceeds allowance (21001)");
    /* alt_bn128 multiplication (EIP-196), called itself and by a contract: CALL with all gas to 7.
     */
    static const char lacking[] = "the call reaches precompile "
                                  "0x0000000000000000000000000000000000000007, which this node "
                                  "lacks";
    const char *const methods[] = {"eth_call", "eth_estimateGas"};
    for (size_t i = 0; i < 2; i++) {
        check_error(ask(methods[i], "{\"to\":\"0x%040x\"},\"latest\"", 7), VD_RPC_SERVER_ERROR,
                    lacking);
        check_error(ask(methods[i],
                        "{\"to\":\"%s\"},\"latest\",{\"%s\":{\"code\":"
                        "\"0x5f5f5f5f5f60075af100\"}}",
                        poor, poor),
                    VD_RPC_SERVER_ERROR, lacking);
    }
    check_error(ask("eth_getBalance", "\"%s\",\"0x99\"", from), VD_RPC_SERVER_ERROR,
                "header not found");
}

/* What the estimate says is enough, and much less is not. */
static void
test_an_estimate_is_enough(void **state)
{
    (void)state;
    struct made_tx made;
    char from[43];
    char to[43];
    hex(from, bench.address[1].b, 20);
    hex(to, counter_address.b, 20);
    uint64_t gas = strtoull(json_string_value(result_of(ask(
                                "eth_estimateGas", "{\"from\":\"%s\",\"to\":\"%s\"}", from, to))),
                            NULL, 16);
    open_next();
    const json_t *receipt = result_of(ask("eth_sendRawTransactionSync", "\"%s\"",
                                          signed_hex(&made, 1, 0, &counter_address, gas)));
    assert_int_equal(number(receipt, "status"), 1);
    uint64_t used = number(receipt, "gasUsed");
    assert_true(gas >= used && gas <= used + used / 50);
}

static size_t
read_proof(struct vd_slice nodes[VD_TRIE_MAX_NIBBLES + 1], const json_t *list)
{
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count; i++) {
        const char *node_text = json_string_value(json_array_get(list, i));
        size_t len = strlen(node_text) / 2 - 1;
        uint8_t *bytes = vd_arena_alloc(&arena, len, 1);
        assert_non_null(bytes);
        assert_int_equal(vd_hex_decode(bytes, len, node_text + 2, 2 * len), VD_OK);
        nodes[i] = vd_slice(bytes, len);
    }
    return count;
}

/* The proofs of the counter's account and of account 1's slot in it, against the header's root. */
static void
check_proof(uint64_t block, uint64_t counted)
{
    struct vd_slice nodes[VD_TRIE_MAX_NIBBLES + 1];
    struct vd_slice value;
    struct vd_hash root;
    struct vd_account account;
    uint8_t slot[32] = {0};
    char slot_text[67];
    char to[43];
    vd_arena_init(&arena, memory, sizeof memory);
    const json_t *header = result_of(ask("eth_getBlockByNumber", "\"0x%x\"", (unsigned)block));
    assert_int_equal(vd_hex_decode(root.b, 32, text(header, "stateRoot") + 2, 64), VD_OK);
    memcpy(slot + 12, bench.address[1].b, 20);
    const json_t *proof =
        result_of(ask("eth_getProof", "\"%s\",[\"%s\"],\"0x%x\"", hex(to, counter_address.b, 20),
                      hex(slot_text, slot, 32), (unsigned)block));
    struct vd_hash key = vd_keccak256(vd_slice(counter_address.b, 20));
    size_t count = read_proof(nodes, json_object_get(proof, "accountProof"));
    assert_int_equal(vd_trie_verify(&value, &root, &key, nodes, count), VD_OK);
    assert_int_equal(vd_account_decode(&account, value), VD_OK);
    const json_t *storage = json_array_get(json_object_get(proof, "storageProof"), 0);
    key = vd_keccak256(vd_slice(slot, sizeof slot));
    count = read_proof(nodes, json_object_get(storage, "proof"));
    assert_int_equal(vd_trie_verify(&value, &account.storage_root, &key, nodes, count), VD_OK);
    assert_int_equal(number(storage, "value"), counted);
    if (counted != 0)
        assert_int_equal(value.ptr[0], counted);
    else
        assert_int_equal(value.len, 0);
}

static void
test_proofs_verify_at_the_tip_and_before_it(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 3; n++) {
        open_next();
        call_counter(1, n);
        call_counter(2, n);
        seal();
    }
    for (uint64_t n = 0; n <= 3; n++)
        check_proof(n, n);
    char l1_block[43];
    for (unsigned i = 0; i < GENESIS_SLOTS; i++) {
        const json_t *proof = result_of(ask("eth_getProof", "\"%s\",[\"0x%x\"],\"0x0\"",
                                            hex(l1_block, VD_L1_BLOCK.b, 20), i + 1));
        const json_t *storage = json_array_get(json_object_get(proof, "storageProof"), 0);
        assert_int_equal(number(storage, "value"), 1000000007 + i);
    }
    open_next();
    check_error(ask("eth_getProof", "\"0x%040x\",[],\"pending\"", 1), VD_RPC_SERVER_ERROR,
                "the pending block has no state root yet: ask for latest");
}

/* --- the past --- */

enum {
    OLD_BLOCKS = 400,
    OLD_METHODS = 8,
    RETENTION = 256,
};

static char *old_answers[OLD_BLOCKS + 1][OLD_METHODS];

/* The answer of one of the methods at a block ("latest" or a number), as text; NULL while the index
   is on its way. */
static char *
state_answer(unsigned method, const char *block)
{
    char counter[43];
    char who[43];
    hex(counter, counter_address.b, 20);
    hex(who, bench.address[1].b, 20);
    json_t *response = NULL;
    switch (method) {
    case 0:
        response = ask("eth_getBalance", "\"%s\",\"%s\"", who, block);
        break;
    case 1:
        response = ask("eth_getTransactionCount", "\"%s\",\"%s\"", who, block);
        break;
    case 2:
        response = ask("eth_getCode", "\"%s\",\"%s\"", counter, block);
        break;
    case 3:
        response = ask("eth_getStorageAt", "\"%s\",\"0x%064x\",\"%s\"", counter, 0, block);
        break;
    case 4:
        response = ask("eth_getProof", "\"%s\",[\"0x0\",\"0x%024x%s\"],\"%s\"", counter, 0, who + 2,
                       block);
        break;
    case 5:
        response = ask("eth_call", "{\"from\":\"%s\",\"to\":\"%s\"},\"%s\"", who, counter, block);
        break;
    case 6:
        response =
            ask("eth_estimateGas", "{\"from\":\"%s\",\"to\":\"%s\"},\"%s\"", who, counter, block);
        break;
    default:
        response = ask("optimism_outputAtBlock", "\"%s\"", block);
        json_object_del(json_object_get(response, "result"), "syncStatus");
        break;
    }
    const json_t *error = json_object_get(json_object_get(response, "error"), "message");
    char *out = NULL;
    if (error == NULL)
        out = json_dumps(json_object_get(response, "result"), JSON_SORT_KEYS | JSON_ENCODE_ANY);
    else if (strstr(json_string_value(error), "the index of past states is being built") == NULL)
        fail_msg("%s: %s", request, json_string_value(error));
    json_decref(response);
    return out;
}

static void
grow_chain(unsigned from, unsigned to)
{
    for (unsigned n = from; n <= to; n++) {
        open_next();
        call_counter(1, n - 1);
        if (n % 5 == 0)
            call_counter(2, n / 5 - 1);
        seal();
        for (unsigned m = 0; m < OLD_METHODS; m++)
            old_answers[n][m] = state_answer(m, "latest");
    }
}

static void
check_old_block(unsigned n)
{
    char block[19];
    snprintf(block, sizeof block, "0x%x", n);
    for (unsigned m = 0; m < OLD_METHODS; m++) {
        char *now = NULL;
        while (now == NULL)
            now = state_answer(m, block);
        assert_string_equal(now, old_answers[n][m]);
        free(now);
    }
}

static void
test_old_blocks_answer_as_they_did(void **state)
{
    (void)state;
    grow_chain(1, OLD_BLOCKS);
    for (unsigned n = 1; n <= OLD_BLOCKS; n += n % 13 + 1)
        check_old_block(n);
    check_old_block(1);
    for (uint64_t n = 0; n <= 3; n++)
        check_proof(n, n);
    for (unsigned n = 1; n <= OLD_BLOCKS; n++) {
        for (unsigned m = 0; m < OLD_METHODS; m++)
            free(old_answers[n][m]);
    }
}

/* Records leave some blocks after they may. */
static void
test_state_that_is_not_kept_is_said_so(void **state)
{
    (void)state;
    char expected[128];
    char root[67];
    uint64_t oldest = 0;
    while (oldest == 0) {
        open_next();
        seal();
        assert_true(tip.ref.number < 4 * (uint64_t)RETENTION);
        struct vd_view *view = view_of(&bench);
        assert_int_equal(vd_view_oldest_state(view, &oldest), VD_OK);
        vd_view_close(view);
    }
    assert_true(oldest + RETENTION <= tip.ref.number);
    snprintf(root, sizeof root, "%s",
             text(result_of(ask("eth_getBlockByNumber", "\"0x0\"")), "stateRoot"));
    static const char *const questions[][2] = {
        {"eth_getBalance", "\"0x0000000000000000000000000000000000000001\",\"earliest\""},
        {"eth_getProof", "\"0x0000000000000000000000000000000000000001\",[],\"earliest\""},
        {"eth_call", "{\"to\":\"0x0000000000000000000000000000000000000001\"},\"earliest\""},
    };
    for (size_t i = 0; i < 3; i++) {
        json_decref(last);
        last = ask(questions[i][0], questions[i][1]);
        const char *message = text(json_object_get(last, "error"), "message");
        snprintf(expected, sizeof expected,
                 "historical state %s is not available: states are kept from block ", root + 2);
        assert_memory_equal(message, expected, strlen(expected));
        assert_true(strtoull(message + strlen(expected), NULL, 10) >= oldest);
    }
    (void)result_of(ask("eth_getBalance", "\"0x%040x\",\"0x%x\"", 1, (unsigned)oldest + 8));
    const json_t *history = result_of(ask("eth_feeHistory", "4,\"latest\",[50]"));
    assert_int_equal(json_array_size(json_object_get(history, "baseFeePerGas")), 5);
    assert_int_equal(json_array_size(json_object_get(history, "reward")), 4);
}

static void
test_rollup_methods_answer(void **state)
{
    (void)state;
    struct vd_hash state_root;
    struct vd_hash passer;
    char output[67];
    open_next();
    seal();
    const json_t *status = result_of(ask("optimism_syncStatus", " "));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(status, "head_l1"), "number")), 77);
    const json_t *unsafe = json_object_get(status, "unsafe_l2");
    assert_int_equal(json_integer_value(json_object_get(unsafe, "number")), 1);
    assert_int_equal(json_integer_value(json_object_get(unsafe, "sequenceNumber")), 1);
    assert_string_equal(text(json_object_get(unsafe, "l1origin"), "hash"),
                        "0x1100000000000000000000000000000000000000000000000000000000000000");
    const json_t *out = result_of(ask("optimism_outputAtBlock", "\"0x1\""));
    assert_int_equal(vd_hex_decode(state_root.b, 32, text(out, "stateRoot") + 2, 64), VD_OK);
    assert_int_equal(vd_hex_decode(passer.b, 32, text(out, "withdrawalStorageRoot") + 2, 64),
                     VD_OK);
    struct vd_hash root = vd_output_root(&state_root, &passer, &tip.ref.hash);
    assert_string_equal(text(out, "outputRoot"), hex(output, root.b, 32));
    const json_t *header = result_of(ask("eth_getBlockByNumber", "\"0x1\""));
    assert_int_equal(vd_hex_decode(root.b, 32, text(header, "withdrawalsRoot") + 2, 64), VD_OK);
    assert_memory_equal(root.b, passer.b, 32);
    check_error(ask("optimism_safeHeadAtL1Block", "\"0x5\""), VD_RPC_SERVER_ERROR,
                "no safe head is known at L1 block 5: no L1 block has been derived from yet");
    assert_int_equal(json_integer_value(json_object_get(
                         result_of(ask("optimism_rollupConfig", " ")), "l2_chain_id")),
                     901);
    assert_string_equal(json_string_value(result_of(ask("optimism_version", " "))), "viaduct/test");
}

static void
test_what_is_no_transaction_is_refused(void **state)
{
    (void)state;
    struct made_tx made;
    const char *bad[] = {"0x", "0x00", "0x02", "0xc0", "0x7e01", "0x03c0", "0xffffffffffffffffff"};
    open_next();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *response = ask("eth_sendRawTransaction", "\"%s\"", bad[i]);
        const json_t *error = json_object_get(response, "error");
        assert_int_equal(json_integer_value(json_object_get(error, "code")), VD_RPC_SERVER_ERROR);
        json_decref(response);
    }
    const char *raw = signed_hex(&made, 1, 0, &bench.address[2], 21000);
    (void)result_of(ask("eth_sendRawTransaction", "\"%s\"", raw));
    check_error(ask("eth_sendRawTransaction", "\"%s\"", raw), VD_RPC_SERVER_ERROR, "already known");
    /* Too far ahead: it waits, and EIP-7966 says so with the hash as data. */
    json_t *response = ask("eth_sendRawTransactionSync", "\"%s\",50",
                           signed_hex(&made, 2, 7, &bench.address[2], 21000));
    const json_t *error = json_object_get(response, "error");
    char hash[67];
    assert_int_equal(json_integer_value(json_object_get(error, "code")), VD_RPC_PRECONF_TIMEOUT);
    assert_string_equal(text(error, "data"), hex(hash, made.hash.b, 32));
    json_decref(response);
    const json_t *tx = result_of(ask("eth_getTransactionByHash", "\"%s\"", hash));
    assert_int_equal(number(tx, "nonce"), 7);
    assert_true(json_is_null(json_object_get(tx, "blockNumber")));
}

static void
test_pages_say_how_it_is(void **state)
{
    (void)state;
    struct vd_http_page page = {.status = 200};
    (void)result_of(ask("eth_chainId", ""));
    (void)result_of(ask("eth_chainId", ""));
    json_decref(ask("eth_getBalance", "\"0x12\",\"latest\""));
    json_decref(ask("eth_noSuchThing", ""));
    vd_json_init(&page.body, 1 << 20);
    vd_rpc_page_metrics(node.api, &page);
    vd_json_bytes(&page.body, "", 1);
    assert_non_null(strstr(page.body.ptr, "\nviaduct_head_number{head=\"unsafe\"} 0\n"));
    static const char *const lines[] = {
        "\nviaduct_rpc_method_seconds_count{method=\"eth_chainId\"} 2\n",
        "\nviaduct_rpc_method_seconds_bucket{method=\"eth_chainId\",le=\"+Inf\"} 2\n",
        "\nviaduct_rpc_method_seconds_sum{method=\"eth_chainId\"} 0.",
        "\nviaduct_rpc_method_errors_total{method=\"eth_chainId\"} 0\n",
        "\nviaduct_rpc_method_errors_total{method=\"eth_getBalance\"} 1\n",
        "\nviaduct_rpc_errors_total 2\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_non_null(strstr(page.body.ptr, lines[i]));
    }
    assert_null(strstr(page.body.ptr, "eth_noSuchThing"));
    vd_json_clear(&page.body);
    vd_rpc_page_readyz(node.api, &page);
    assert_int_equal(page.status, 200);
    vd_json_deinit(&page.body);
}

/* A call that would hash for half a second is cut off. */
static void
test_a_call_that_takes_too_long_is_cut_off(void **state)
{
    (void)state;
    struct vd_rpc_api *usual = node.api;
    struct vd_rpc *server = node.rpc;
    struct vd_rpc_api_config config = {
        .engine = node.engine, .clock = vd_clock_system(), .limits = {.call_ms = 20}};
    assert_int_equal(vd_rpc_api_new(&node.api, &config), VD_OK);
    assert_int_equal(vd_rpc_new(&node.rpc, &node.loop, node.pool, NULL), VD_OK);
    assert_int_equal(vd_rpc_api_add(node.api, node.rpc), VD_OK);
    /* JUMPDEST PUSH1 32 PUSH0 KECCAK256 POP PUSH0 JUMP */
    check_error(ask("eth_call",
                    "{\"to\":\"0x%040x\"},\"latest\",{\"0x%040x\":{\"code\":"
                    "\"0x5b60205f20505f56\"}}",
                    0xaa, 0xaa),
                VD_RPC_SERVER_ERROR, "execution aborted (timeout = 20ms)");
    node.closing = 1;
    vd_rpc_close(node.rpc, rpc_node_one_closed, &node);
    rpc_node_wait(&node);
    vd_rpc_api_free(node.api);
    node.api = usual;
    node.rpc = server;
}

static void
count_answer(void *ctx, struct vd_json *answer)
{
    assert_null(memmem(answer->ptr, answer->len, "invalid request", 15));
    ++*(unsigned *)ctx;
}

/* Each call hashes until its gas or its time is gone, about half a second; the queries go over the
   whole chain. */
static unsigned
submit_slow_reads(unsigned *answered)
{
    static const char *const slow[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{\"to\":"
        "\"0x00000000000000000000000000000000000000aa\"},\"latest\",{"
        "\"0x00000000000000000000000000000000000000aa\":{\"code\":\"0x5b60205f20505f56\"}}]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getLogs\",\"params\":[{\"fromBlock\":"
        "\"0x0\"}]}",
    };
    enum { SLOW_READS = 40 };
    for (unsigned i = 0; i < SLOW_READS; i++) {
        const char *read = slow[i % 2];
        vd_rpc_submit(node.rpc, vd_slice((const uint8_t *)read, strlen(read)), count_answer,
                      answered);
    }
    return SLOW_READS;
}

/* Transactions are acknowledged and blocks sealed while slow reads fill the workers.  What is
   looked at is the order: had anything to wait for the reads, which were asked for first, nearly
   all of them would be answered by then. */
static void
test_reads_do_not_hold_up_the_sequencer(void **state)
{
    (void)state;
    struct made_tx made;
    unsigned answered = 0;
    unsigned reads = submit_slow_reads(&answered);
    for (unsigned block = 0; block < 3; block++) {
        open_next();
        const char *raw = signed_hex(&made, 1, block, &bench.address[2], 21000);
        const json_t *receipt = result_of(ask("eth_sendRawTransactionSync", "\"%s\",60000", raw));
        assert_int_equal(number(receipt, "blockNumber"), block + 1);
        seal();
        assert_int_equal(tip.ref.number, block + 1);
    }
    print_message("%u of %u slow reads were answered before the third block\n", answered, reads);
    assert_true(answered < reads / 2);
    while (answered < reads)
        (void)uv_run(&node.loop, UV_RUN_ONCE);
}

/* Requests with a few bytes changed, each of which must be answered by JSON. */
static void
test_mangled_requests_are_answered(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{\"from\":"
        "\"0x00000000000000000000000000000000000000aa\",\"gas\":\"0x10000\",\"maxFeePerGas\":"
        "\"0x1\","
        "\"accessList\":[{\"address\":\"0x00000000000000000000000000000000000000aa\","
        "\"storageKeys\":[]}],\"authorizationList\":[{\"address\":"
        "\"0x00000000000000000000000000000000000000aa\",\"r\":\"0x1\"}],\"data\":\"0x00\"},"
        "\"latest\",{\"0x00000000000000000000000000000000000000aa\":{\"balance\":\"0x1\","
        "\"stateDiff\":{}}},{\"time\":\"0x1\"}]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getLogs\",\"params\":[{\"fromBlock\":"
        "\"0x0\",\"toBlock\":"
        "\"latest\",\"address\":[\"0x00000000000000000000000000000000000000aa\"],\"topics\":[null,["
        "\"0x00000000000000000000000000000000000000000000000000000000000000aa\"]]}]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getProof\",\"params\":["
        "\"0x00000000000000000000000000000000000000aa\",[\"0x1\",\"0x02\"],\"latest\"]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_feeHistory\",\"params\":[\"0x2\","
        "\"latest\",[1,50.5]]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getStorageValues\",\"params\":[{"
        "\"0x00000000000000000000000000000000000000aa\":[\"0x1\"]},\"latest\"]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_newFilter\",\"params\":[{\"topics\":[]}]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"optimism_outputAtBlock\",\"params\":[\"0x0\"]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_sendRawTransactionSync\",\"params\":["
        "\"0x02c0\",\"0x1\"]}",
    };
    static const char bytes[] = "0123456789abcdefx\"{}[],:-.null\\\n\xff ";
    struct vd_random random = vd_random_start("mangled");
    open_next();
    for (unsigned i = 0; i < 4000; i++) {
        char *mangled = strdup(seeds[vd_random_below(&random, sizeof seeds / sizeof seeds[0])]);
        size_t len = strlen(mangled);
        for (uint64_t n = vd_random_below(&random, 4); n > 0; n--)
            mangled[vd_random_below(&random, len)] =
                bytes[vd_random_below(&random, sizeof bytes - 1)];
        json_decref(rpc_node_ask(&node, mangled));
        free(mangled);
    }
    const json_t *head = result_of(ask("eth_blockNumber", " "));
    assert_string_equal(json_string_value(head), "0x0");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_transaction_is_seen_from_preconfirmation_to_its_block),
        CASE(test_deposits_are_shown_as_op_geth_shows_them),
        CASE(test_logs_and_filters_tell_what_came_since),
        CASE(test_log_queries_have_limits),
        CASE(test_a_block_left_out_is_the_latest),
        CASE(test_failed_calls_name_the_instruction_and_the_stack_as_geth_does),
        CASE(test_calls_and_estimates_answer_in_geths_words),
        CASE(test_an_estimate_is_enough),
        CASE(test_proofs_verify_at_the_tip_and_before_it),
        CASE(test_old_blocks_answer_as_they_did),
        cmocka_unit_test_setup_teardown(test_state_that_is_not_kept_is_said_so, set_up_short,
                                        tear_down),
        CASE(test_rollup_methods_answer),
        CASE(test_what_is_no_transaction_is_refused),
        CASE(test_pages_say_how_it_is),
        CASE(test_a_call_that_takes_too_long_is_cut_off),
        CASE(test_reads_do_not_hold_up_the_sequencer),
        CASE(test_mangled_requests_are_answered),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(last);
    return failed;
}
