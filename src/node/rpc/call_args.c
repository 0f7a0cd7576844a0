/* The call object of eth_call and eth_estimateGas (geth's TransactionArgs), and the texts of what
   comes of it. */
#include <stdio.h>
#include <string.h>

#include "rpc_internal.h"
#include "viaduct/core/crypto/keccak.h"

/* One member of an object, absent when null. */
static const json_t *
member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

/* Reading many members, with one failure. */
struct members {
    struct vd_reading *r;
    const json_t *object;
    struct vd_json_why why;
    bool failed;
};

static const json_t *
next_member(struct members *m, const char *name)
{
    return m->failed ? NULL : member(m->object, name);
}

static bool
get_u64(struct members *m, uint64_t *out, const char *name)
{
    const json_t *value = next_member(m, name);
    if (value != NULL)
        m->failed = !vd_json_read_u64(out, &m->why, value);
    return value != NULL;
}

static bool
get_u256(struct members *m, struct vd_u256 *out, const char *name)
{
    const json_t *value = next_member(m, name);
    if (value != NULL)
        m->failed = !vd_json_read_u256(out, &m->why, value);
    return value != NULL;
}

static bool
get_address(struct members *m, struct vd_address *out, const char *name)
{
    const json_t *value = next_member(m, name);
    if (value != NULL)
        m->failed = !vd_json_read_address(out, &m->why, value);
    return value != NULL;
}

static bool
get_data(struct members *m, struct vd_slice *out, const char *name)
{
    const json_t *value = next_member(m, name);
    if (value != NULL)
        m->failed = !vd_json_read_data_arena(out, &m->why, m->r->arena, value);
    return value != NULL;
}

static void
fail(struct members *m, const char *text)
{
    m->failed = true;
    snprintf(m->why.text, sizeof m->why.text, "%s", text);
}

static void
read_access(struct members *m, struct vd_access *out, const json_t *entry)
{
    struct members e = {.r = m->r, .object = entry};
    const json_t *keys = member(entry, "storageKeys");
    out->key_count = json_array_size(keys);
    struct vd_hash *hashes = VD_ARENA_NEW(m->r->arena, struct vd_hash, out->key_count + 1);
    if (!json_is_object(entry) || !get_address(&e, &out->address, "address") || hashes == NULL) {
        fail(m, e.failed ? e.why.text : "missing required field 'address' for AccessTuple");
        return;
    }
    for (size_t i = 0; i < out->key_count && !m->failed; i++)
        m->failed = !vd_json_read_hash(&hashes[i], &m->why, json_array_get(keys, i));
    out->keys = hashes;
    if (e.failed)
        fail(m, e.why.text);
}

static void
read_access_list(struct members *m, struct vd_call *call)
{
    const json_t *list = next_member(m, "accessList");
    if (list == NULL)
        return;
    size_t count = json_array_size(list);
    struct vd_access *accesses = VD_ARENA_NEW(m->r->arena, struct vd_access, count + 1);
    if (!json_is_array(list) || accesses == NULL) {
        fail(m, "json: cannot unmarshal value into Go value of type types.AccessList");
        return;
    }
    for (size_t i = 0; i < count && !m->failed; i++)
        read_access(m, &accesses[i], json_array_get(list, i));
    call->accesses = accesses;
    call->access_count = count;
}

static void
read_authorization(struct members *m, struct vd_authorization *out, const json_t *entry)
{
    struct members e = {.r = m->r, .object = entry};
    uint64_t y_parity = 0;
    if (!json_is_object(entry)) {
        fail(m, "json: cannot unmarshal value into Go value of type types.SetCodeAuthorization");
        return;
    }
    (void)get_u256(&e, &out->chain_id, "chainId");
    (void)get_u64(&e, &out->nonce, "nonce");
    (void)get_u64(&e, &y_parity, "yParity");
    (void)get_u256(&e, &out->r, "r");
    (void)get_u256(&e, &out->s, "s");
    if (!get_address(&e, &out->address, "address") && !e.failed)
        fail(&e, "missing required field 'address' for SetCodeAuthorization");
    out->y_parity = (uint8_t)(y_parity < 2 ? y_parity : 2); /* 2 recovers nobody */
    if (e.failed)
        fail(m, e.why.text);
}

static void
read_authorizations(struct members *m, struct vd_call *call)
{
    const json_t *list = next_member(m, "authorizationList");
    if (list == NULL)
        return;
    size_t count = json_array_size(list);
    struct vd_authorization *all = VD_ARENA_NEW(m->r->arena, struct vd_authorization, count + 1);
    if (!json_is_array(list) || all == NULL) {
        fail(m, "json: cannot unmarshal value into Go value of type []types.SetCodeAuthorization");
        return;
    }
    for (size_t i = 0; i < count && !m->failed; i++)
        read_authorization(m, &all[i], json_array_get(list, i));
    call->authorizations = all;
    call->authorization_count = count;
}

/* What geth refuses for its meaning, not its form. */
static const char *
inconsistent(const struct vd_rpc_api *api, const struct vd_call_args *args,
             const struct vd_slice *data, const struct vd_slice *input, bool has_chain_id,
             uint64_t chain_id)
{
    if (data->ptr != NULL && input->ptr != NULL && !vd_slice_eq(*data, *input))
        return "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass "
               "transaction call data";
    if (args->has_gas_price && args->has_fee_cap)
        return "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified";
    if (args->has_fee_cap && !vd_u256_is_zero(&args->max_fee) &&
        vd_u256_lt(&args->max_fee, &args->max_priority_fee))
        return "maxFeePerGas is lower than maxPriorityFeePerGas";
    if (has_chain_id && chain_id != api->chain->chain_id)
        return "chainId does not match node's";
    if (args->call.is_create && args->call.data.len == 0)
        return "contract creation without any data provided";
    return NULL;
}

vd_done *
vd_call_args_read(struct vd_reading *r, struct vd_call_args *args, size_t index,
                  const json_t *object)
{
    struct members m = {.r = r, .object = object};
    struct vd_slice data = {0};
    struct vd_slice input = {0};
    uint64_t chain_id = 0;
    *args = (struct vd_call_args){0};
    if (!json_is_object(object))
        return vd_rpc_bad_argument(
            r->call, index, "json: cannot unmarshal value into Go value of type TransactionArgs");
    (void)get_address(&m, &args->call.from, "from");
    args->call.is_create = !get_address(&m, &args->call.to, "to");
    args->has_gas = get_u64(&m, &args->call.gas, "gas");
    args->has_gas_price = get_u256(&m, &args->gas_price, "gasPrice");
    args->has_fee_cap = get_u256(&m, &args->max_fee, "maxFeePerGas");
    args->has_fee_cap |= get_u256(&m, &args->max_priority_fee, "maxPriorityFeePerGas");
    (void)get_u256(&m, &args->call.value, "value");
    (void)get_data(&m, &data, "data");
    (void)get_data(&m, &input, "input");
    bool has_chain_id = get_u64(&m, &chain_id, "chainId");
    read_access_list(&m, &args->call);
    read_authorizations(&m, &args->call);
    if (m.failed)
        return vd_rpc_bad_argument(r->call, index, m.why.text);
    args->call.data = input.ptr != NULL ? input : data;
    const char *bad = inconsistent(r->api, args, &data, &input, has_chain_id, chain_id);
    return bad == NULL ? NULL : vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "%s", bad);
}

void
vd_call_args_price(struct vd_call_args *args, const struct vd_u256 *base_fee)
{
    struct vd_call *call = &args->call;
    call->gas_price = args->gas_price;
    call->max_fee = args->gas_price;
    if (args->has_gas_price || vd_u256_is_zero(&args->max_fee))
        return;
    /* EIP-1559: what is paid is the base fee and the tip, at most the cap. */
    struct vd_u256 price = vd_u256_add(base_fee, &args->max_priority_fee);
    call->max_fee = args->max_fee;
    call->gas_price = vd_u256_lt(&args->max_fee, &price) ? args->max_fee : price;
}

/* --- what came of it --- */

/* EIP-55. */
static void
checksum_address(char out[43], const struct vd_address *address)
{
    memcpy(out, "0x", 2);
    vd_hex_encode(out + 2, address->b, sizeof address->b);
    out[42] = '\0';
    struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)out + 2, 40));
    for (unsigned i = 0; i < 40; i++) {
        unsigned nibble = i % 2 == 0 ? hash.b[i / 2] >> 4 : hash.b[i / 2] & 15;
        if (out[2 + i] >= 'a' && nibble >= 8)
            out[2 + i] = (char)(out[2 + i] - 'a' + 'A');
    }
}

void
vd_refusal_text(char out[VD_REFUSAL_MAX], const struct vd_call_result *result,
                const struct vd_call *call)
{
    char address[43];
    char have[79];
    char want[79];
    checksum_address(address, &call->from);
    vd_u256_to_dec(have, &result->have);
    vd_u256_to_dec(want, &result->want);
    const char *text = vd_tx_verdict_text(result->verdict);
    if (result->verdict == VD_TX_INSUFFICIENT_FUNDS)
        snprintf(out, VD_REFUSAL_MAX, "%s: address %s have %s want %s", text, address, have, want);
    else if (result->verdict == VD_TX_FEE_CAP_TOO_LOW)
        snprintf(out, VD_REFUSAL_MAX, "%s: address %s, maxFeePerGas: %s, baseFee: %s", text,
                 address, have, want);
    else if (result->verdict == VD_TX_INTRINSIC_GAS || result->verdict == VD_TX_FLOOR_DATA_GAS)
        snprintf(out, VD_REFUSAL_MAX, "%s: have %s, want %s", text, have, want);
    else
        snprintf(out, VD_REFUSAL_MAX, "%s", text);
}

/* Solidity's codes of Panic(uint256). */
static const char *
panic_text(const struct vd_u256 *code)
{
    static const struct {
        uint8_t code;
        const char *text;
    } texts[] = {
        {0x00, "generic panic"},
        {0x01, "assert(false)"},
        {0x11, "arithmetic underflow or overflow"},
        {0x12, "division or modulo by zero"},
        {0x21, "enum overflow"},
        {0x22, "invalid encoded storage byte array accessed"},
        {0x31, "out-of-bounds array access; popping on an empty array"},
        {0x32, "out-of-bounds access of an array or bytesN"},
        {0x41, "out of memory"},
        {0x51, "uninitialized function"},
    };
    for (size_t i = 0; i < VD_COUNT_OF(texts); i++) {
        if (vd_u256_fits_u64(code) && code->w[0] == texts[i].code)
            return texts[i].text;
    }
    return NULL;
}

/* The string of Error(string): selector, offset 32, length, bytes. */
static bool
error_string(struct vd_slice *text, struct vd_slice output)
{
    static const uint8_t selector[4] = {0x08, 0xc3, 0x79, 0xa0};
    if (output.len < 4 + 64 || memcmp(output.ptr, selector, 4) != 0)
        return false;
    struct vd_u256 offset = vd_u256_from_be(output.ptr + 4);
    if (!vd_u256_fits_u64(&offset) || offset.w[0] > output.len - 4 - 32)
        return false;
    const uint8_t *at = output.ptr + 4 + offset.w[0];
    struct vd_u256 len = vd_u256_from_be(at);
    size_t left = output.len - 4 - offset.w[0] - 32;
    if (!vd_u256_fits_u64(&len) || len.w[0] > left)
        return false;
    *text = vd_slice(at + 32, len.w[0]);
    return true;
}

#define MAX_REASON 1000

vd_done *
vd_answer_reverted(struct vd_rpc_call *call, struct vd_slice output)
{
    static const uint8_t panic[4] = {0x4e, 0x48, 0x7b, 0x71};
    struct vd_slice text;
    if (error_string(&text, output))
        return vd_rpc_error_data(call, VD_RPC_REVERTED, output, "execution reverted: %.*s",
                                 (int)(text.len < MAX_REASON ? text.len : MAX_REASON),
                                 (const char *)text.ptr);
    if (output.len == 36 && memcmp(output.ptr, panic, 4) == 0) {
        struct vd_u256 code = vd_u256_from_be(output.ptr + 4);
        const char *known = panic_text(&code);
        if (known != NULL)
            return vd_rpc_error_data(call, VD_RPC_REVERTED, output, "execution reverted: %s",
                                     known);
        return vd_rpc_error_data(call, VD_RPC_REVERTED, output,
                                 "execution reverted: unknown panic code: %#llx",
                                 (unsigned long long)code.w[0]);
    }
    return vd_rpc_error_data(call, VD_RPC_REVERTED, output, "execution reverted");
}
