/* eth_call and eth_estimateGas. */
#include <inttypes.h>
#include <string.h>

#include "rpc_internal.h"

/* --- state overrides --- */

static vd_done *
override_error(struct vd_reading *r, size_t index, const char *why)
{
    return vd_rpc_bad_argument(r->call, index, why);
}

static enum vd_err
set_balance(struct vd_state *state, const struct vd_address *address, const struct vd_u256 *balance)
{
    struct vd_u256 now;
    enum vd_err err = vd_state_balance(state, &now, address);
    if (err == VD_OK)
        err = vd_state_sub_balance(state, address, &now);
    return err == VD_OK ? vd_state_add_balance(state, address, balance) : err;
}

static vd_done *
override_slots(struct vd_reading *r, struct vd_state *state, size_t index,
               const struct vd_address *address, const json_t *slots)
{
    struct vd_json_why why;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)slots, name, value)
    {
        struct vd_hash key;
        struct vd_hash word;
        json_t *text = json_string(name);
        bool ok = vd_json_read_hash(&key, &why, text) && vd_json_read_hash(&word, &why, value);
        json_decref(text);
        if (!ok)
            return override_error(r, index, why.text);
        struct vd_u256 k = vd_u256_from_be(key.b);
        struct vd_u256 v = vd_u256_from_be(word.b);
        enum vd_err err = vd_state_set_slot(state, address, &k, &v);
        if (err != VD_OK)
            return vd_answer_err(r->call, err);
    }
    return NULL;
}

static vd_done *
override_account(struct vd_reading *r, struct vd_state *state, size_t index, const char *name,
                 const json_t *entry)
{
    struct vd_json_why why;
    struct vd_address address;
    struct vd_u256 balance;
    struct vd_slice code;
    uint64_t nonce;
    json_t *text = json_string(name);
    bool ok = vd_json_read_address(&address, &why, text);
    json_decref(text);
    if (!ok)
        return override_error(r, index, why.text);
    const json_t *balance_json = json_object_get(entry, "balance");
    const json_t *nonce_json = json_object_get(entry, "nonce");
    const json_t *code_json = json_object_get(entry, "code");
    if ((balance_json != NULL && !vd_json_read_u256(&balance, &why, balance_json)) ||
        (nonce_json != NULL && !vd_json_read_u64(&nonce, &why, nonce_json)) ||
        (code_json != NULL && !vd_json_read_data_arena(&code, &why, r->arena, code_json)))
        return override_error(r, index, why.text);
    if (json_object_get(entry, "state") != NULL ||
        json_object_get(entry, "movePrecompileToAddress") != NULL)
        return override_error(r, index,
                              "the overrides 'state' and 'movePrecompileToAddress' are not "
                              "supported; use 'stateDiff'");
    enum vd_err err = VD_OK;
    if (balance_json != NULL)
        err = set_balance(state, &address, &balance);
    if (err == VD_OK && nonce_json != NULL)
        err = vd_state_set_nonce(state, &address, nonce);
    if (err == VD_OK && code_json != NULL)
        err = vd_state_set_code(state, &address, code);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    return override_slots(r, state, index, &address, json_object_get(entry, "stateDiff"));
}

vd_done *
vd_overrides_apply(struct vd_reading *r, struct vd_exec *exec, size_t index,
                   const json_t *overrides)
{
    if (overrides == NULL)
        return NULL;
    if (!json_is_object(overrides))
        return override_error(r, index,
                              "json: cannot unmarshal value into Go value of type StateOverride");
    struct vd_state *state = vd_exec_state(exec);
    const char *name;
    json_t *entry;
    json_object_foreach((json_t *)(uintptr_t)overrides, name, entry)
    {
        vd_done *bad = override_account(r, state, index, name, entry);
        if (bad != NULL)
            return bad;
    }
    enum vd_err err = vd_state_tx_end(state);
    return err == VD_OK ? NULL : vd_answer_err(r->call, err);
}

/* --- block overrides --- */

vd_done *
vd_block_overrides_apply(struct vd_reading *r, struct vd_header *header, size_t index,
                         const json_t *overrides)
{
    struct vd_json_why why;
    const char *name;
    json_t *value;
    if (overrides != NULL && !json_is_object(overrides))
        return override_error(r, index,
                              "json: cannot unmarshal value into Go value of type BlockOverrides");
    json_object_foreach((json_t *)(uintptr_t)overrides, name, value)
    {
        bool ok;
        if (strcmp(name, "number") == 0)
            ok = vd_json_read_u64(&header->number, &why, value);
        else if (strcmp(name, "time") == 0)
            ok = vd_json_read_u64(&header->timestamp, &why, value);
        else if (strcmp(name, "gasLimit") == 0)
            ok = vd_json_read_u64(&header->gas_limit, &why, value);
        else if (strcmp(name, "feeRecipient") == 0)
            ok = vd_json_read_address(&header->beneficiary, &why, value);
        else if (strcmp(name, "prevRandao") == 0)
            ok = vd_json_read_hash(&header->mix_hash, &why, value);
        else if (strcmp(name, "baseFeePerGas") == 0)
            ok = vd_json_read_u256(&header->base_fee, &why, value);
        else
            return vd_rpc_error(r->call, VD_RPC_INVALID_PARAMS,
                                "block override \"%.40s\" is not supported", name);
        if (!ok)
            return override_error(r, index, why.text);
    }
    return NULL;
}

/* What a call sees of the block: geth lowers the base fee to 0 where the call names no price, so
   that no contract finds a price below the base fee. */
static void
set_prices(struct vd_call_args *args, struct vd_header *header)
{
    vd_call_args_price(args, &header->base_fee);
    if (vd_u256_is_zero(&args->call.gas_price))
        header->base_fee = vd_u256(0);
}

static vd_done *
answer_unsupported(struct vd_rpc_call *call, const struct vd_address *precompile)
{
    char address[41] = {0};
    vd_hex_encode(address, precompile->b, sizeof precompile->b);
    return vd_rpc_error(call, VD_RPC_SERVER_ERROR,
                        "the call reaches precompile 0x%s, which this node lacks", address);
}

/* --- eth_call --- */

static uint64_t
gas_for_call(const struct vd_reading *r, const struct vd_call_args *args,
             const struct vd_header *header)
{
    uint64_t cap = r->api->config.limits.gas;
    if (header->gas_limit < cap)
        cap = header->gas_limit;
    return args->has_gas && args->call.gas < cap ? args->call.gas : cap;
}

static vd_done *
answer_call(struct vd_reading *r, const struct vd_at *at, const json_t *overrides,
            const struct vd_call *call, const struct vd_call_result *result,
            const volatile int *cancel)
{
    if (result->verdict == VD_TX_UNSUPPORTED)
        return answer_unsupported(r->call, &result->unsupported);
    if (result->verdict != VD_TX_INCLUDED) {
        char text[VD_REFUSAL_MAX];
        vd_refusal_text(text, result, call);
        return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "err: %s (supplied gas %" PRIu64 ")",
                            text, call->gas);
    }
    if (result->status == VD_EVM_REVERT)
        return vd_answer_reverted(r->call, result->output);
    if (result->status != VD_EVM_SUCCESS)
        return vd_answer_failed_call(r, at, overrides, call, result->status, cancel);
    return vd_rpc_reply_data(r->call, result->output);
}

static vd_done *
answer_failed_run(struct vd_reading *r, enum vd_err err)
{
    uint32_t ms = r->api->config.limits.call_ms;
    if (err != VD_ERR_TIMEOUT)
        return vd_answer_err(r->call, err);
    if (ms % 1000 == 0)
        return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "execution aborted (timeout = %us)",
                            ms / 1000);
    return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "execution aborted (timeout = %ums)", ms);
}

static vd_done *
run_call(struct vd_reading *r, const struct vd_rpc_block *block, const json_t *object,
         const json_t *overrides, const json_t *block_overrides)
{
    struct vd_call_args args;
    struct vd_at at;
    struct vd_exec *exec;
    vd_done *bad = vd_call_args_read(r, &args, 0, object);
    if (bad == NULL)
        bad = vd_reading_block(r, &at, block);
    if (bad == NULL)
        bad = vd_block_overrides_apply(r, &at.header, 3, block_overrides);
    if (bad != NULL)
        return bad;
    set_prices(&args, &at.header);
    bad = vd_reading_exec(r, &exec, &at, NULL);
    if (bad == NULL)
        bad = vd_overrides_apply(r, exec, 2, overrides);
    if (bad != NULL)
        return bad;
    args.call.gas = gas_for_call(r, &args, &at.header);
    struct vd_call_result result;
    struct vd_watch watch;
    vd_watch_begin(r->api->watchdog, &watch, r->api->config.limits.call_ms);
    enum vd_err err = vd_exec_call(exec, &result, &args.call, &watch.flag);
    vd_done *done = err == VD_OK ? answer_call(r, &at, overrides, &args.call, &result, &watch.flag)
                                 : answer_failed_run(r, err);
    vd_watch_end(r->api->watchdog, &watch);
    return done;
}

static vd_done *
eth_call(struct vd_rpc_call *call, void *ctx)
{
    const json_t *object;
    const json_t *overrides;
    const json_t *block_overrides;
    struct vd_rpc_block block;
    struct vd_reading r;
    vd_done *done =
        vd_rpc_params(call, VD_PARAM_JSON(&object), VD_PARAM_BLOCK_OR_HASH_OPT(&block),
                      VD_PARAM_JSON_OPT(&overrides), VD_PARAM_JSON_OPT(&block_overrides));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = run_call(&r, &block, object, overrides, block_overrides);
    vd_reading_close(&r);
    return done;
}

/* --- eth_estimateGas: geth's search (eth/gasestimator) --- */

#define TX_GAS 21000u
#define CALL_STIPEND 2300u
/* The search stops when the gap is under 1.5 percent of the upper end. */
#define ERROR_PER_MILLE 15u

struct estimate {
    struct vd_reading *r;
    const struct vd_at *at;
    const json_t *overrides;
    struct vd_exec *exec;
    struct vd_call call;
    struct vd_call_result result; /* of the last run */
    struct vd_watch watch;
};

/* *failed: not enough gas, or the message itself fails.  Anything that more gas would not cure and
   that is no outcome of the message is an error answer. */
static vd_done *
try_gas(struct estimate *e, uint64_t gas, bool *failed)
{
    e->call.gas = gas;
    enum vd_err err = vd_exec_call(e->exec, &e->result, &e->call, &e->watch.flag);
    if (err != VD_OK)
        return answer_failed_run(e->r, err);
    if (e->result.verdict == VD_TX_UNSUPPORTED)
        return answer_unsupported(e->r->call, &e->result.unsupported);
    *failed = e->result.verdict != VD_TX_INCLUDED || e->result.status != VD_EVM_SUCCESS;
    if (e->result.verdict == VD_TX_INCLUDED || e->result.verdict == VD_TX_INTRINSIC_GAS ||
        e->result.verdict == VD_TX_FLOOR_DATA_GAS)
        return NULL;
    char text[VD_REFUSAL_MAX];
    vd_refusal_text(text, &e->result, &e->call);
    return vd_rpc_error(e->r->call, VD_RPC_SERVER_ERROR, "failed with %" PRIu64 " gas: %s", gas,
                        text);
}

/* What the sender's balance can buy. */
static vd_done *
cap_by_balance(struct estimate *e, uint64_t *high)
{
    struct vd_u256 balance;
    if (vd_u256_is_zero(&e->call.max_fee))
        return NULL;
    enum vd_err err = vd_state_balance(vd_exec_state(e->exec), &balance, &e->call.from);
    if (err != VD_OK)
        return vd_answer_err(e->r->call, err);
    if (vd_u256_lt(&balance, &e->call.value))
        return vd_rpc_error(e->r->call, VD_RPC_SERVER_ERROR, "insufficient funds for transfer");
    balance = vd_u256_sub(&balance, &e->call.value);
    struct vd_u256 allowance = vd_u256_div(&balance, &e->call.max_fee);
    if (vd_u256_fits_u64(&allowance) && allowance.w[0] < *high)
        *high = allowance.w[0];
    return NULL;
}

static vd_done *
answer_estimate_failed(struct estimate *e, uint64_t high)
{
    bool ran = e->result.verdict == VD_TX_INCLUDED;
    if (ran && e->result.status == VD_EVM_REVERT)
        return vd_answer_reverted(e->r->call, e->result.output);
    if (ran && e->result.status != VD_EVM_OUT_OF_GAS)
        return vd_answer_failed_call(e->r, e->at, e->overrides, &e->call, e->result.status,
                                     &e->watch.flag);
    return vd_rpc_error(e->r->call, VD_RPC_SERVER_ERROR,
                        "gas required exceeds allowance (%" PRIu64 ")", high);
}

/* Everything under low fails, high passes. */
static vd_done *
search(struct estimate *e, uint64_t *high)
{
    uint64_t low = e->result.gas_used - 1;
    /* With a stipend and what EIP-150 keeps back in frames, most messages pass at once. */
    uint64_t guess = (e->result.gas_used + CALL_STIPEND) / 63 * 64 + 64;
    bool failed;
    if (guess < *high) {
        vd_done *bad = try_gas(e, guess, &failed);
        if (bad != NULL)
            return bad;
        if (failed)
            low = guess;
        else
            *high = guess;
    }
    while (low + 1 < *high) {
        if ((*high - low) * 1000 < *high * ERROR_PER_MILLE)
            break;
        uint64_t middle = low + (*high - low) / 2;
        if (middle > low * 2)
            middle = low * 2; /* most messages need not much more than they used */
        vd_done *bad = try_gas(e, middle, &failed);
        if (bad != NULL)
            return bad;
        if (failed)
            low = middle;
        else
            *high = middle;
    }
    return NULL;
}

static bool
is_plain_transfer(struct estimate *e, enum vd_err *err)
{
    struct vd_slice code = {0};
    *err = VD_OK;
    if (e->call.is_create || e->call.data.len != 0 || e->call.access_count != 0 ||
        e->call.authorization_count != 0)
        return false;
    *err = vd_state_code(vd_exec_state(e->exec), &code, NULL, &e->call.to);
    return *err == VD_OK && code.len == 0;
}

static vd_done *
estimate(struct estimate *e, uint64_t high)
{
    bool failed;
    enum vd_err err;
    vd_done *bad = cap_by_balance(e, &high);
    if (bad != NULL)
        return bad;
    if (is_plain_transfer(e, &err) && high >= TX_GAS) {
        bad = try_gas(e, TX_GAS, &failed);
        if (bad != NULL || !failed)
            return bad != NULL ? bad : vd_rpc_reply_quantity(e->r->call, TX_GAS);
    }
    if (err != VD_OK)
        return vd_answer_err(e->r->call, err);
    bad = try_gas(e, high, &failed);
    if (bad == NULL && failed)
        bad = answer_estimate_failed(e, high);
    if (bad == NULL)
        bad = search(e, &high);
    return bad != NULL ? bad : vd_rpc_reply_quantity(e->r->call, high);
}

static vd_done *
run_estimate(struct vd_reading *r, const struct vd_rpc_block *block, const json_t *object,
             const json_t *overrides)
{
    struct vd_call_args args;
    struct vd_at at;
    struct estimate e = {.r = r, .at = &at, .overrides = overrides};
    vd_done *bad = vd_call_args_read(r, &args, 0, object);
    if (bad == NULL)
        bad = vd_reading_block(r, &at, block);
    if (bad != NULL)
        return bad;
    set_prices(&args, &at.header);
    bad = vd_reading_exec(r, &e.exec, &at, NULL);
    if (bad == NULL)
        bad = vd_overrides_apply(r, e.exec, 2, overrides);
    if (bad != NULL)
        return bad;
    e.call = args.call;
    uint64_t high = args.has_gas && args.call.gas >= TX_GAS ? args.call.gas : at.header.gas_limit;
    if (high > at.header.gas_limit)
        high = at.header.gas_limit;
    if (high > r->api->config.limits.gas)
        high = r->api->config.limits.gas;
    vd_watch_begin(r->api->watchdog, &e.watch, r->api->config.limits.call_ms);
    vd_done *done = estimate(&e, high);
    vd_watch_end(r->api->watchdog, &e.watch);
    return done;
}

static vd_done *
eth_estimate_gas(struct vd_rpc_call *call, void *ctx)
{
    const json_t *object;
    const json_t *overrides;
    struct vd_rpc_block block;
    struct vd_reading r;
    vd_done *done = vd_rpc_params(call, VD_PARAM_JSON(&object), VD_PARAM_BLOCK_OR_HASH_OPT(&block),
                                  VD_PARAM_JSON_OPT(&overrides));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = run_estimate(&r, &block, object, overrides);
    vd_reading_close(&r);
    return done;
}

static const struct vd_rpc_method METHODS[] = {
    {"eth_call", eth_call, VD_RPC_POOL},
    {"eth_estimateGas", eth_estimate_gas, VD_RPC_POOL},
};
const struct vd_method_table VD_ETH_CALL_METHODS = {METHODS, VD_COUNT_OF(METHODS)};
