#include "bridge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/tx_manager.h"
#include "viaduct/node/net/json_reader.h"

bool
bridge_fail(struct bridge *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(b->error, sizeof b->error, format, arguments);
    va_end(arguments);
    return false;
}

/* --- waiting --- */

static void
begin(struct bridge *b)
{
    b->done = false;
    b->err = VD_OK;
    b->text[0] = '\0';
    json_decref(b->json);
    b->json = NULL;
}

struct vd_run *
bridge_run(struct bridge *b)
{
    return b->host ? b->host : &b->run;
}

/* An answer may come in any phase of the loop's turn, so each stops it: a turn alone would go on to
   wait for events that nobody will send. */
void
bridge_done(struct bridge *b)
{
    b->done = true;
    uv_stop(&bridge_run(b)->loop);
}

bool
bridge_wait(struct bridge *b)
{
    struct vd_run *run = bridge_run(b);
    while (!b->done && !run->stopping) {
        uv_run(&run->loop, UV_RUN_DEFAULT);
    }
    return b->done || bridge_fail(b, BRIDGE_STOPPED);
}

static void
on_slept(uv_timer_t *timer)
{
    struct bridge *b = timer->data;
    bridge_done(b);
}

static void
on_sleeper_closed(uv_handle_t *handle)
{
    free(handle);
}

bool
bridge_sleep(struct bridge *b, uint64_t ms)
{
    uv_timer_t *timer = calloc(1, sizeof *timer);
    VD_ASSERT(timer != NULL);
    begin(b);
    uv_timer_init(&bridge_run(b)->loop, timer);
    timer->data = b;
    uv_timer_start(timer, on_slept, ms, 0);
    bool slept = bridge_wait(b);
    uv_close((uv_handle_t *)timer, on_sleeper_closed);
    return slept;
}

static void
take_status(struct bridge *b, const struct vd_l1_status *status)
{
    bridge_done(b);
    b->err = status->err;
    snprintf(b->text, sizeof b->text, "%s", status->text);
}

static struct vd_slice
keep(struct bridge *b, struct vd_slice bytes)
{
    uint8_t *copy = VD_ARENA_NEW(&b->arena, uint8_t, bytes.len + 1);
    VD_ASSERT(copy != NULL); /* the arena holds gigabytes, an answer megabytes */
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    return vd_slice(copy, bytes.len);
}

const char *
bridge_layer(const struct bridge *b, const struct vd_l1 *layer)
{
    return layer == b->l1 ? "L1" : "L2";
}

static bool
answered(struct bridge *b, struct vd_l1 *layer, const char *what)
{
    if (!bridge_wait(b)) {
        return false;
    }
    if (b->err != VD_OK) {
        return bridge_fail(b, "%s: %s (%s)", bridge_layer(b, layer),
                           b->text[0] ? b->text : vd_err_text(b->err), what);
    }
    return true;
}

/* --- calls --- */

static void
on_number(void *ctx, const struct vd_l1_status *status, uint64_t value)
{
    struct bridge *b = ctx;
    take_status(b, status);
    b->number = value;
}

bool
bridge_chain_id(struct bridge *b, struct vd_l1 *layer, uint64_t *id)
{
    begin(b);
    vd_l1_chain_id(layer, on_number, b);
    if (!answered(b, layer, "eth_chainId")) {
        return false;
    }
    *id = b->number;
    return true;
}

static void
on_wei(void *ctx, const struct vd_l1_status *status, const struct vd_u256 *value)
{
    struct bridge *b = ctx;
    take_status(b, status);
    if (status->err == VD_OK) {
        uint8_t word[32];
        vd_u256_to_be(word, value);
        b->bytes = keep(b, vd_slice(word, sizeof word));
    }
}

bool
bridge_balance(struct bridge *b, struct vd_l1 *layer, struct vd_u256 *wei,
               const struct vd_address *account, struct vd_l1_at at)
{
    begin(b);
    vd_l1_balance(layer, account, at, on_wei, b);
    if (!answered(b, layer, "eth_getBalance")) {
        return false;
    }
    *wei = vd_u256_from_be(b->bytes.ptr);
    return true;
}

static void
on_bytes(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    struct bridge *b = ctx;
    take_status(b, status);
    b->bytes = keep(b, status->err == VD_OK ? bytes : status->data);
}

bool
bridge_call(struct bridge *b, struct vd_l1 *layer, struct vd_slice *answer, bool *reverted,
            const struct vd_address *to, struct vd_abi *call)
{
    begin(b);
    if (call->err != VD_OK) {
        vd_abi_deinit(call);
        return bridge_fail(b, "out of memory");
    }
    vd_l1_call(layer, to, vd_abi_view(call), vd_l1_latest(), on_bytes, b);
    bool ok = bridge_wait(b);
    vd_abi_deinit(call);
    if (!ok) {
        return false;
    }
    *answer = b->bytes;
    if (reverted) {
        *reverted = b->err == VD_ERR_REFUSED;
    }
    return (reverted && *reverted) || answered(b, layer, "eth_call");
}

static void
on_header(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
          const struct vd_header *header)
{
    struct bridge *b = ctx;
    take_status(b, status);
    if (status->err == VD_OK) {
        b->hash = *hash;
        b->header = *header;
        b->header.extra_data = keep(b, header->extra_data);
    }
}

bool
bridge_header(struct bridge *b, struct vd_l1 *layer, struct vd_l1_at at)
{
    begin(b);
    vd_l1_header(layer, at, on_header, b);
    return answered(b, layer, "eth_getBlockByNumber");
}

static void
on_json(void *ctx, const struct vd_l1_status *status, const json_t *result)
{
    struct bridge *b = ctx;
    take_status(b, status);
    b->json = result ? json_deep_copy(result) : NULL;
}

bool
bridge_proof(struct bridge *b, struct vd_l1 *layer, const struct vd_address *account,
             const struct vd_hash *slot, uint64_t number)
{
    begin(b);
    vd_l1_proof(layer, account, slot, 1, vd_l1_number(number), on_json, b);
    return answered(b, layer, "eth_getProof");
}

bool
bridge_request(struct bridge *b, struct vd_l1 *layer, const char *method, json_t *params)
{
    char *text = json_dumps(params, JSON_COMPACT);
    json_decref(params);
    VD_ASSERT(text != NULL);
    begin(b);
    vd_l1_request(layer, method, vd_slice((const uint8_t *)text, strlen(text)), on_json, b);
    free(text);
    return answered(b, layer, method);
}

/* --- receipts --- */

static bool
read_log(struct bridge *b, struct vd_log *log, uint64_t *index, const json_t *json)
{
    struct vd_json_why why;
    const json_t *topics = json_object_get(json, "topics");
    size_t count = json_array_size(topics);
    *log = (struct vd_log){.topic_count = (uint8_t)count};
    bool ok = count <= 4 &&
              vd_json_read_address(&log->address, &why, json_object_get(json, "address")) &&
              vd_json_read_u64(index, &why, json_object_get(json, "logIndex")) &&
              vd_json_read_data_arena(&log->data, &why, &b->arena, json_object_get(json, "data"));
    for (size_t i = 0; ok && i < count; i++) {
        ok = vd_json_read_hash(&log->topics[i], &why, json_array_get(topics, i));
    }
    return ok;
}

struct receipt_call {
    struct bridge *bridge;
    struct bridge_receipt receipt;
    bool malformed;
};

static void
on_receipt(void *ctx, const struct vd_l1_status *status, const struct vd_l1_receipt *receipt)
{
    struct receipt_call *call = ctx;
    struct bridge *b = call->bridge;
    struct bridge_receipt *out = &call->receipt;
    take_status(b, status);
    if (status->err != VD_OK) {
        return;
    }
    const json_t *logs = json_object_get(receipt->json, "logs");
    size_t count = json_array_size(logs);
    *out = (struct bridge_receipt){.tx = receipt->tx_hash,
                                   .block = receipt->block,
                                   .success = receipt->success,
                                   .logs = VD_ARENA_NEW(&b->arena, struct vd_log, count + 1),
                                   .log_indices = VD_ARENA_NEW(&b->arena, uint64_t, count + 1),
                                   .log_count = count};
    VD_ASSERT(out->logs != NULL && out->log_indices != NULL);
    for (size_t i = 0; i < count && !call->malformed; i++) {
        call->malformed =
            !read_log(b, &out->logs[i], &out->log_indices[i], json_array_get(logs, i));
    }
}

bool
bridge_receipt(struct bridge *b, struct vd_l1 *layer, struct bridge_receipt *out, bool *found,
               const struct vd_hash *tx)
{
    struct receipt_call *call = VD_ARENA_NEW(&b->arena, struct receipt_call, 1);
    VD_ASSERT(call != NULL); /* in the arena: an answer after an interruption still finds it */
    *call = (struct receipt_call){.bridge = b};
    begin(b);
    vd_l1_receipt(layer, tx, on_receipt, call);
    if (!bridge_wait(b)) {
        return false;
    }
    *found = b->err == VD_OK;
    *out = call->receipt;
    if (b->err == VD_ERR_NOT_FOUND) {
        return true;
    }
    if (call->malformed) {
        return bridge_fail(b, "%s: the receipt has malformed logs", bridge_layer(b, layer));
    }
    return answered(b, layer, "eth_getTransactionReceipt");
}

bool
bridge_await(struct bridge *b, struct vd_l1 *layer, struct bridge_receipt *out,
             const struct vd_hash *tx)
{
    bool found = false;
    for (uint64_t waited_ms = 0; !found; waited_ms += 500) {
        if (waited_ms > b->options.bridge_timeout_s * 1000) {
            return bridge_fail(
                b, "%s: transaction %s is in no block after %llu s (--timeout); it may still come",
                bridge_layer(b, layer), bridge_hex(tx->b, 32).text,
                (unsigned long long)b->options.bridge_timeout_s);
        }
        if (!bridge_receipt(b, layer, out, &found, tx) || (!found && !bridge_sleep(b, 500))) {
            return false;
        }
    }
    return true;
}

/* --- sending --- */

static void
on_signed(void *ctx, enum vd_err err, const char *text, struct vd_slice raw)
{
    struct bridge *b = ctx;
    bridge_done(b);
    b->err = err;
    snprintf(b->text, sizeof b->text, "%s", text ? text : "");
    b->bytes = keep(b, err == VD_OK ? raw : vd_slice(NULL, 0));
}

/* Twice the base fee, so that it stays good for six full blocks; the tip that the node suggests. */
static bool
set_fees(struct bridge *b, struct vd_l1 *layer, struct vd_txm_unsigned *tx)
{
    begin(b);
    vd_l1_max_priority_fee(layer, on_wei, b);
    if (!answered(b, layer, "eth_maxPriorityFeePerGas")) {
        return false;
    }
    tx->max_priority_fee = vd_u256_from_be(b->bytes.ptr);
    if (!bridge_header(b, layer, vd_l1_latest())) {
        return false;
    }
    struct vd_u256 twice = vd_u256_add(&b->header.base_fee, &b->header.base_fee);
    tx->max_fee = vd_u256_add(&twice, &tx->max_priority_fee);
    return true;
}

/* A refusal's data says why. */
static void
on_estimate(void *ctx, const struct vd_l1_status *status, uint64_t gas)
{
    struct bridge *b = ctx;
    on_number(ctx, status, gas);
    b->bytes = keep(b, status->data);
}

/* A fifth above the estimate: the price of a deposit's gas moves from block to block. */
static bool
set_gas(struct bridge *b, struct vd_l1 *layer, struct vd_txm_unsigned *tx, const char *what)
{
    begin(b);
    vd_l1_estimate_gas(layer, vd_signer_address(b->signer), &tx->to, tx->data, &tx->value,
                       on_estimate, b);
    if (!bridge_wait(b)) {
        return false;
    }
    if (b->err != VD_OK) {
        struct bridge_refusal refusal = bridge_refusal(b->bytes);
        return bridge_fail(b, "%s: %s would fail: %s", bridge_layer(b, layer), what,
                           refusal.text[0] ? refusal.text
                           : b->text[0]    ? b->text
                                           : vd_err_text(b->err));
    }
    tx->gas_limit = b->number + b->number / 5;
    return true;
}

static bool
set_nonce(struct bridge *b, struct vd_l1 *layer, struct vd_txm_unsigned *tx)
{
    const struct vd_address *from = vd_signer_address(b->signer);
    begin(b);
    vd_l1_transaction_count(layer, from, (struct vd_l1_at){.tag = VD_L1_PENDING}, on_number, b);
    if (!answered(b, layer, "eth_getTransactionCount")) {
        return false;
    }
    tx->nonce = b->number;
    return true;
}

static bool
check_funds(struct bridge *b, struct vd_l1 *layer, const struct vd_u256 *value)
{
    struct vd_u256 balance;
    if (!bridge_balance(b, layer, &balance, vd_signer_address(b->signer), vd_l1_latest())) {
        return false;
    }
    if (vd_u256_is_zero(&balance) || vd_u256_lt(&balance, value)) {
        return bridge_fail(b, "%s: account %s has %s; %s and the fee are needed",
                           bridge_layer(b, layer),
                           bridge_hex(vd_signer_address(b->signer)->b, 20).text,
                           bridge_ether(&balance).text, bridge_ether(value).text);
    }
    return true;
}

/* Gas is estimated unless it is given. */
static bool
sign_and_send(struct bridge *b, struct vd_l1 *layer, struct vd_hash *hash,
              struct vd_txm_unsigned *tx, const char *what)
{
    uint64_t chain_id = 0;
    if (!check_funds(b, layer, &tx->value) || !bridge_chain_id(b, layer, &chain_id) ||
        (tx->gas_limit == 0 && !set_gas(b, layer, tx, what)) || !set_nonce(b, layer, tx) ||
        !set_fees(b, layer, tx)) {
        return false;
    }
    begin(b);
    vd_signer_sign(b->signer, chain_id, tx, on_signed, b);
    if (!bridge_wait(b)) {
        return false;
    }
    if (b->err != VD_OK) {
        return bridge_fail(b, "the signer: %s", b->text[0] ? b->text : vd_err_text(b->err));
    }
    struct vd_slice raw = b->bytes;
    *hash = vd_keccak256(raw);
    begin(b);
    vd_l1_send_raw(layer, raw, on_bytes, b);
    return answered(b, layer, what);
}

bool
bridge_post(struct bridge *b, struct vd_l1 *layer, struct vd_hash *hash,
            const struct bridge_post *post, struct vd_abi *call)
{
    if (call->err != VD_OK) {
        return bridge_fail(b, "out of memory");
    }
    /* In the arena: an interrupted command still has it when the signer answers. */
    struct vd_txm_unsigned *tx = VD_ARENA_NEW(&b->arena, struct vd_txm_unsigned, 1);
    VD_ASSERT(tx != NULL);
    *tx = (struct vd_txm_unsigned){.id = 1,
                                   .to = post->to,
                                   .value = post->value,
                                   .gas_limit = post->gas,
                                   .data = keep(b, vd_abi_view(call))};
    vd_abi_deinit(call);
    return sign_and_send(b, layer, hash, tx, post->what);
}

bool
bridge_send(struct bridge *b, struct vd_l1 *layer, struct bridge_receipt *out, const char *what,
            const struct vd_address *to, const struct vd_u256 *value, struct vd_abi *call)
{
    struct vd_hash hash;
    struct bridge_post post = {.what = what, .to = *to, .value = *value};
    if (!bridge_post(b, layer, &hash, &post, call)) {
        return false;
    }
    if (!b->quiet) {
        printf("%-22s %s  (%s)\n", what, bridge_hex(hash.b, 32).text, bridge_layer(b, layer));
        fflush(stdout);
    }
    if (!bridge_await(b, layer, out, &hash)) {
        return false;
    }
    return out->success || bridge_fail(b, "%s: %s reverted: transaction %s", bridge_layer(b, layer),
                                       what, bridge_hex(hash.b, 32).text);
}

/* --- values --- */

struct bridge_hex
bridge_hex(const uint8_t *bytes, size_t len)
{
    struct bridge_hex out = {"0x"};
    VD_ASSERT(len <= 32);
    vd_hex_encode(out.text + 2, bytes, len);
    return out;
}

struct bridge_ether
bridge_ether(const struct vd_u256 *wei)
{
    struct bridge_ether out;
    char digits[79];
    char padded[100];
    vd_u256_to_dec(digits, wei);
    size_t len = strlen(digits);
    size_t zeros = len < 19 ? 19 - len : 0;
    memset(padded, '0', zeros);
    memcpy(padded + zeros, digits, len + 1);
    len += zeros;
    size_t end = len;
    while (end > len - 18 && padded[end - 1] == '0') {
        end--;
    }
    bool whole = end == len - 18;
    snprintf(out.text, sizeof out.text, "%.*s%s%.*s ether", (int)(len - 18), padded,
             whole ? "" : ".", (int)(end - (len - 18)), padded + len - 18);
    return out;
}

static bool
times_ten(struct vd_u256 *value, unsigned digit)
{
    struct vd_u256 ten = vd_u256(10);
    struct vd_u256 add = vd_u256(digit);
    return !vd_u256_mul_overflow(value, value, &ten) && !vd_u256_add_overflow(value, value, &add);
}

/* Digits with at most `decimals` behind a point, as a whole number of the smallest unit. */
static bool
parse_decimal(struct vd_u256 *out, const char *text, size_t len, unsigned decimals)
{
    unsigned behind = 0;
    bool point = false;
    size_t digits = 0;
    *out = vd_u256(0);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.' && !point && decimals > 0) {
            point = true;
        } else if (text[i] < '0' || text[i] > '9' || (point && ++behind > decimals) ||
                   !times_ten(out, (unsigned)(text[i] - '0'))) {
            return false;
        } else {
            digits++;
        }
    }
    for (; behind < decimals; behind++) {
        if (!times_ten(out, 0)) {
            return false;
        }
    }
    return digits > 0;
}

bool
bridge_amount(struct bridge *b, struct vd_u256 *out, const char *option, const char *text)
{
    static const struct {
        const char *name;
        unsigned decimals;
    } units[] = {{"ether", 18}, {"gwei", 9}, {"wei", 0}, {"", 0}};
    if (!text) {
        return bridge_fail(b, "%s is missing: a number of wei, or with a unit as in 0.1ether",
                           option);
    }
    size_t len = strlen(text);
    size_t unit = 0;
    size_t number = 0;
    for (;; unit++) {
        size_t tail = strlen(units[unit].name);
        if (tail <= len && strcmp(text + len - tail, units[unit].name) == 0) {
            number = len - tail;
            break;
        }
    }
    if (!parse_decimal(out, text, number, units[unit].decimals)) {
        return bridge_fail(b,
                           "%s is '%s'; give a whole number of wei (of a token's smallest unit), "
                           "or a number with the unit wei, gwei or ether, as in 0.1ether",
                           option, text);
    }
    return !vd_u256_is_zero(out) || bridge_fail(b, "%s is 0: there is nothing to move", option);
}

/* EIP-55: letters of both cases are a checksum. */
static bool
has_wrong_checksum(const char *text, const struct vd_address *address)
{
    char right[43];
    vd_address_text(right, address);
    return strpbrk(text + 2, "abcdef") && strpbrk(text + 2, "ABCDEF") && strcmp(text, right) != 0;
}

bool
bridge_address(struct bridge *b, struct vd_address *out, const char *option, const char *text)
{
    if (!text || !vd_file_parse_fixed(out->b, sizeof out->b, text)) {
        return bridge_fail(b, "%s is %s%s; give an address, 0x and 40 hex digits", option,
                           text ? "" : "missing", text ? text : "");
    }
    return !has_wrong_checksum(text, out) ||
           bridge_fail(b,
                       "%s is %s, whose upper and lower case letters do not fit the digits "
                       "(EIP-55): look for a typing error, or give it in lower case",
                       option, text);
}

bool
bridge_hash(struct bridge *b, struct vd_hash *out, const char *option, const char *text)
{
    if (text && vd_file_parse_fixed(out->b, sizeof out->b, text)) {
        return true;
    }
    return bridge_fail(b, "%s is %s%s; give a hash, 0x and 64 hex digits", option,
                       text ? "" : "missing", text ? text : "");
}
