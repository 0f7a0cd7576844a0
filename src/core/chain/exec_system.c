/* What a block does beside its transactions: system calls, withdrawals, requests. */
#include "core/chain/exec_internal.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/hashes.h"

#define SYSTEM_CALL_GAS 30000000 /* EIP-4788, 2935, 7002, 7251 */

const struct vd_hash VD_EMPTY_REQUESTS_HASH = {{0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                                0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                                                0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
                                                0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}};

/* One call by the system in a transaction of its own.  VD_ERR_UNSUPPORTED: it reached a rule that
   this build does not have, so nothing can be said about the block. */
static enum vd_err
system_call(struct vd_exec *exec, struct vd_evm_result *result, const struct vd_address *to,
            struct vd_slice input)
{
    bool was_cold;
    struct vd_evm_tx context = {.origin = VD_SYSTEM_ADDRESS};
    struct vd_evm_message message = {
        .sender = VD_SYSTEM_ADDRESS, .to = *to, .input = input, .gas = SYSTEM_CALL_GAS};
    vd_state_tx_begin(exec->state);
    size_t start = vd_state_snapshot(exec->state);
    enum vd_err err = vd_state_warm_address(exec->state, &was_cold, to);
    if (err == VD_OK)
        err = vd_evm_execute(exec->evm, result, &context, &message, NULL);
    if (err != VD_OK)
        return err;
    bool unsupported = result->status == VD_EVM_UNSUPPORTED;
    if (unsupported)
        vd_state_revert(exec->state, start);
    err = vd_state_tx_end(exec->state);
    return err == VD_OK && unsupported ? VD_ERR_UNSUPPORTED : err;
}

/* A call whose failure, or missing contract, changes nothing. */
static enum vd_err
notify(struct vd_exec *exec, const struct vd_address *to, const struct vd_hash *word)
{
    struct vd_slice code;
    struct vd_evm_result result;
    enum vd_err err = vd_state_code(exec->state, &code, NULL, to);
    if (err != VD_OK || code.len == 0)
        return err;
    return system_call(exec, &result, to, vd_slice(word->b, sizeof word->b));
}

enum vd_err
vd_exec_pre_block(struct vd_exec *exec)
{
    enum vd_err err = VD_OK;
    if (exec->rules->beacon_root_contract)
        err = notify(exec, &VD_BEACON_ROOTS, &exec->header.parent_beacon_root);
    if (err == VD_OK && exec->rules->block_hash_contract)
        err = notify(exec, &VD_HISTORY_STORAGE, &exec->header.parent_hash);
    return err;
}

enum vd_err
vd_exec_withdrawals(struct vd_exec *exec)
{
    const struct vd_block_env *env = exec->in.env;
    enum vd_err err = VD_OK;
    if (env->withdrawal_count == 0)
        return VD_OK;
    vd_state_tx_begin(exec->state);
    for (size_t i = 0; err == VD_OK && i < env->withdrawal_count; i++) {
        struct vd_u256 amount = vd_u256(env->withdrawals[i].amount_gwei);
        struct vd_u256 gwei = vd_u256(1000000000);
        amount = vd_u256_mul(&amount, &gwei);
        err = vd_state_add_balance(exec->state, &env->withdrawals[i].address, &amount);
    }
    return err == VD_OK ? vd_state_tx_end(exec->state) : err;
}

/* --- EIP-6110: deposits --- */

enum { DEPOSIT_DATA_LEN = 576 };

/* DepositEvent(bytes pubkey, bytes withdrawal_credentials, bytes amount, bytes signature,
   bytes index): where each part's length word stands, and the length it must have. */
static const struct {
    uint64_t offset;
    uint64_t len;
} DEPOSIT_PARTS[5] = {{160, 48}, {256, 32}, {320, 8}, {384, 96}, {512, 8}};

static bool
word_is(const uint8_t *word, uint64_t value)
{
    struct vd_u256 v = vd_u256_from_be(word);
    return vd_u256_fits_u64(&v) && v.w[0] == value;
}

static enum vd_err
put_deposit(struct vd_buf *buf, struct vd_slice data)
{
    if (data.len != DEPOSIT_DATA_LEN)
        return VD_ERR_INVALID;
    for (size_t i = 0; i < 5; i++) {
        const uint8_t *part = data.ptr + DEPOSIT_PARTS[i].offset;
        if (!word_is(data.ptr + 32 * i, DEPOSIT_PARTS[i].offset) ||
            !word_is(part, DEPOSIT_PARTS[i].len))
            return VD_ERR_INVALID;
        vd_buf_bytes(buf, part + 32, DEPOSIT_PARTS[i].len);
    }
    return buf->err;
}

static bool
is_deposit(const struct vd_exec *exec, const struct vd_log *log)
{
    /* keccak256("DepositEvent(bytes,bytes,bytes,bytes,bytes)") */
    static const struct vd_hash topic = {{0x64, 0x9b, 0xbc, 0x62, 0xd0, 0xe3, 0x13, 0x42,
                                          0xaf, 0xea, 0x4e, 0x5c, 0xd8, 0x2d, 0x40, 0x49,
                                          0xe7, 0xe1, 0xee, 0x91, 0x2f, 0xc0, 0x88, 0x9a,
                                          0xa7, 0x90, 0x80, 0x3b, 0xe3, 0x90, 0x38, 0xc5}};
    return vd_address_eq(&log->address, &exec->in.config->deposit_contract) &&
           log->topic_count > 0 && vd_hash_eq(&log->topics[0], &topic);
}

static enum vd_err
collect_deposits(struct vd_exec *exec, struct vd_buf *buf)
{
    enum vd_err err = VD_OK;
    for (size_t i = 0; i < exec->count; i++) {
        const struct vd_receipt *receipt = &exec->receipts[i];
        for (size_t k = 0; err == VD_OK && k < receipt->log_count; k++) {
            if (is_deposit(exec, &receipt->logs[k]))
                err = put_deposit(buf, receipt->logs[k].data);
        }
    }
    return err;
}

/* --- EIP-7002, EIP-7251: requests that contracts queued --- */

static enum vd_err
collect_queue(struct vd_exec *exec, struct vd_buf *buf, const struct vd_address *contract)
{
    struct vd_slice code;
    struct vd_evm_result result;
    enum vd_err err = vd_state_code(exec->state, &code, NULL, contract);
    if (err != VD_OK)
        return err;
    /* A missing contract or a failed call makes the block invalid. */
    if (code.len == 0)
        return VD_ERR_INVALID;
    err = system_call(exec, &result, contract, vd_slice(NULL, 0));
    if (err != VD_OK)
        return err;
    if (result.status != VD_EVM_SUCCESS)
        return VD_ERR_INVALID;
    vd_buf_slice(buf, result.output);
    return buf->err;
}

/* EIP-7685: sha256 over the sha256 of each request list that is not empty. */
static enum vd_err
hash_requests(struct vd_exec *exec, const struct vd_exec_result *result)
{
    size_t mark = vd_arena_mark(exec->arena);
    struct vd_buf hashes;
    vd_buf_init(&hashes, exec->arena);
    for (size_t i = 0; i < result->request_count; i++) {
        struct vd_hash hash = vd_sha256(result->requests[i]);
        vd_buf_bytes(&hashes, hash.b, sizeof hash.b);
    }
    if (hashes.err == VD_OK)
        exec->header.requests_hash = vd_sha256(vd_buf_view(&hashes));
    vd_arena_rewind(exec->arena, mark);
    return hashes.err;
}

enum { REQUEST_TYPES = 3 };

enum vd_err
vd_exec_requests(struct vd_exec *exec, struct vd_exec_result *result)
{
    exec->header.requests_hash = VD_EMPTY_REQUESTS_HASH;
    if (!exec->rules->execution_requests)
        return VD_OK;
    result->requests = VD_ARENA_NEW(exec->arena, struct vd_slice, REQUEST_TYPES);
    if (result->requests == NULL)
        return VD_ERR_NO_MEMORY;
    for (uint8_t type = 0; type < REQUEST_TYPES; type++) {
        struct vd_buf buf;
        vd_buf_init(&buf, exec->arena);
        vd_buf_byte(&buf, type);
        enum vd_err err;
        if (type == 0)
            err = collect_deposits(exec, &buf);
        else
            err = collect_queue(exec, &buf,
                                type == 1 ? &VD_WITHDRAWAL_REQUESTS : &VD_CONSOLIDATION_REQUESTS);
        if (err != VD_OK)
            return err;
        if (buf.len > 1)
            result->requests[result->request_count++] = vd_buf_view(&buf);
    }
    return hash_requests(exec, result);
}
