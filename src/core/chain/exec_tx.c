/* One transaction in a block. */
#include "core/chain/exec_internal.h"

/* A transaction on its way through the steps below.  A step that refuses sets the verdict. */
struct tx_run {
    struct vd_exec *exec;
    const struct vd_tx *tx;
    const struct vd_address *sender;
    struct vd_tx_outcome *out;
    struct vd_message_run message;
    uint64_t nonce; /* the sender's, before */
    struct vd_u256 tip;
    struct vd_u256 operator_fee; /* bought for the whole gas limit */
};

const char *
vd_tx_verdict_text(enum vd_tx_verdict verdict)
{
    static const char *const texts[] = {
#define X(name, text) text,
        VD_TX_VERDICT_LIST(X)
#undef X
    };
    return texts[verdict];
}

static enum vd_err
refuse(struct tx_run *run, enum vd_tx_verdict verdict)
{
    run->out->verdict = verdict;
    return VD_OK;
}

static enum vd_err
refuse_numbers(struct tx_run *run, enum vd_tx_verdict verdict, const struct vd_u256 *have,
               const struct vd_u256 *want)
{
    run->out->have = *have;
    run->out->want = *want;
    return refuse(run, verdict);
}

static enum vd_err
refuse_u64(struct tx_run *run, enum vd_tx_verdict verdict, uint64_t have, uint64_t want)
{
    struct vd_u256 a = vd_u256(have);
    struct vd_u256 b = vd_u256(want);
    return refuse_numbers(run, verdict, &a, &b);
}

/* --- the steps, in the order of geth's state transition --- */

static enum vd_err
check_type(struct tx_run *run)
{
    const struct vd_tx *tx = run->tx;
    const struct vd_rules *rules = run->exec->rules;
    if (tx->type == VD_TX_BLOB && !rules->blob_tx)
        return refuse(run, VD_TX_TYPE_NOT_SUPPORTED);
    if (tx->type == VD_TX_SET_CODE && !rules->set_code_tx)
        return refuse(run, VD_TX_TYPE_NOT_SUPPORTED);
    if (tx->has_chain_id && tx->chain_id != run->exec->in.config->chain_id)
        return refuse_u64(run, VD_TX_WRONG_CHAIN_ID, tx->chain_id, run->exec->in.config->chain_id);
    return VD_OK;
}

static enum vd_err
check_nonce(struct tx_run *run)
{
    enum vd_err err = vd_state_nonce(run->exec->state, &run->nonce, run->sender);
    if (err != VD_OK)
        return err;
    if (run->tx->nonce > run->nonce)
        return refuse_u64(run, VD_TX_NONCE_TOO_HIGH, run->tx->nonce, run->nonce);
    if (run->tx->nonce < run->nonce)
        return refuse_u64(run, VD_TX_NONCE_TOO_LOW, run->tx->nonce, run->nonce);
    if (run->nonce == UINT64_MAX) /* EIP-2681 */
        return refuse_u64(run, VD_TX_NONCE_MAX, run->tx->nonce, run->nonce);
    return VD_OK;
}

/* EIP-3607; a delegation is no code in its sense (EIP-7702). */
static enum vd_err
check_sender(struct tx_run *run)
{
    struct vd_slice code;
    struct vd_address target;
    enum vd_err err = vd_state_code(run->exec->state, &code, NULL, run->sender);
    if (err != VD_OK)
        return err;
    bool delegated = run->exec->rules->set_code_tx && vd_delegation(&target, code);
    if (code.len != 0 && !delegated)
        return refuse(run, VD_TX_SENDER_NOT_EOA);
    return VD_OK;
}

static enum vd_err
check_fees(struct tx_run *run)
{
    const struct vd_tx *tx = run->tx;
    const struct vd_u256 *base_fee = &run->exec->header.base_fee;
    if (vd_u256_lt(&tx->max_fee, &tx->max_priority_fee))
        return refuse_numbers(run, VD_TX_TIP_ABOVE_FEE_CAP, &tx->max_priority_fee, &tx->max_fee);
    if (vd_u256_lt(&tx->max_fee, base_fee))
        return refuse_numbers(run, VD_TX_FEE_CAP_TOO_LOW, &tx->max_fee, base_fee);
    /* EIP-1559: the tip is what is left above the base fee, at most the one offered. */
    run->tip = vd_u256_sub(&tx->max_fee, base_fee);
    if (vd_u256_lt(&tx->max_priority_fee, &run->tip))
        run->tip = tx->max_priority_fee;
    run->out->effective_gas_price = vd_u256_add(base_fee, &run->tip);
    return VD_OK;
}

/* EIP-4844. */
static enum vd_err
check_blobs(struct tx_run *run)
{
    const struct vd_tx *tx = run->tx;
    const struct vd_exec *exec = run->exec;
    if (tx->type != VD_TX_BLOB)
        return VD_OK;
    if (tx->is_create)
        return refuse(run, VD_TX_BLOB_CREATE);
    if (tx->blob_hash_count == 0)
        return refuse(run, VD_TX_BLOB_NONE);
    for (size_t i = 0; i < tx->blob_hash_count; i++) {
        if (tx->blob_hashes[i].b[0] != 0x01)
            return refuse(run, VD_TX_BLOB_BAD_HASH);
    }
    uint64_t left = exec->blobs->max - exec->header.blob_gas_used / VD_GAS_PER_BLOB;
    if (tx->blob_hash_count > left)
        return refuse_u64(run, VD_TX_BLOB_TOO_MANY, tx->blob_hash_count, left);
    if (vd_u256_lt(&tx->max_fee_per_blob_gas, &exec->block.blob_base_fee))
        return refuse_numbers(run, VD_TX_BLOB_FEE_CAP_TOO_LOW, &tx->max_fee_per_blob_gas,
                              &exec->block.blob_base_fee);
    return VD_OK;
}

static enum vd_err
check_authorizations(struct tx_run *run)
{
    const struct vd_tx *tx = run->tx;
    if (tx->type != VD_TX_SET_CODE)
        return VD_OK;
    if (tx->is_create)
        return refuse(run, VD_TX_SET_CODE_CREATE);
    if (tx->authorization_count == 0)
        return refuse(run, VD_TX_SET_CODE_NO_AUTHORIZATION);
    return VD_OK;
}

/* L2: L1 data fee and operator fee (OP Stack specs, execution engine: fees; Isthmus: operator fee).
 */
static enum vd_err
price_l2(struct tx_run *run)
{
    struct vd_l1_fee_params params;
    if (!run->exec->rules->is_l2)
        return VD_OK;
    enum vd_err err = vd_exec_fee_params(run->exec, &params);
    if (err != VD_OK)
        return err;
    run->out->l1_fee = vd_l1_fee(run->tx->raw, &params);
    if (run->exec->rules->operator_fee)
        run->operator_fee = vd_operator_fee(run->tx->gas_limit, &params);
    return VD_OK;
}

/* Adds a * b to *sum; true when it does not fit. */
static bool
add_product(struct vd_u256 *sum, const struct vd_u256 *a, uint64_t b)
{
    struct vd_u256 factor = vd_u256(b);
    struct vd_u256 product;
    return vd_u256_mul_overflow(&product, a, &factor) || vd_u256_add_overflow(sum, sum, &product);
}

/* What is taken before the run, and what the balance must cover: fees at their caps, and the
   value.  False when the latter exceeds 256 bits. */
static bool
price(const struct tx_run *run, struct vd_u256 *taken, struct vd_u256 *needed)
{
    const struct vd_tx *tx = run->tx;
    uint64_t blob_gas = (uint64_t)tx->blob_hash_count * VD_GAS_PER_BLOB;
    *taken = vd_u256_add(&run->out->l1_fee, &run->operator_fee);
    *needed = *taken;
    bool overflow = add_product(needed, &tx->max_fee, tx->gas_limit) ||
                    add_product(needed, &tx->max_fee_per_blob_gas, blob_gas) ||
                    vd_u256_add_overflow(needed, needed, &tx->value);
    if (overflow)
        return false;
    /* No part exceeds its part of needed. */
    (void)add_product(taken, &run->out->effective_gas_price, tx->gas_limit);
    (void)add_product(taken, &run->exec->block.blob_base_fee, blob_gas);
    return true;
}

static enum vd_err
buy_gas(struct tx_run *run)
{
    struct vd_u256 taken;
    struct vd_u256 needed;
    struct vd_u256 balance;
    struct vd_state *state = run->exec->state;
    enum vd_err err = price_l2(run);
    if (err == VD_OK)
        err = vd_state_balance(state, &balance, run->sender);
    if (err != VD_OK)
        return err;
    bool payable = price(run, &taken, &needed);
    if (!payable)
        needed = (struct vd_u256){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    if (!payable || vd_u256_lt(&balance, &needed))
        return refuse_numbers(run, VD_TX_INSUFFICIENT_FUNDS, &balance, &needed);
    if (run->tx->gas_limit > vd_exec_gas_left(run->exec))
        return refuse_u64(run, VD_TX_GAS_LIMIT_REACHED, vd_exec_gas_left(run->exec),
                          run->tx->gas_limit);
    return vd_state_sub_balance(state, run->sender, &taken);
}

static enum vd_err
check_gas(struct tx_run *run)
{
    enum vd_tx_verdict verdict = vd_message_check(&run->message, run->exec->rules);
    const struct vd_intrinsic_gas *intrinsic = &run->message.intrinsic;
    uint64_t want = verdict == VD_TX_FLOOR_DATA_GAS ? intrinsic->floor : intrinsic->gas;
    return verdict == VD_TX_INCLUDED ? VD_OK : refuse_u64(run, verdict, run->tx->gas_limit, want);
}

static enum vd_err
execute(struct tx_run *run)
{
    run->message.gas_price = run->out->effective_gas_price;
    enum vd_err err = vd_message_execute(run->exec, &run->message);
    if (err != VD_OK)
        return err;
    run->out->evm_status = run->message.result.status;
    run->out->output = run->message.result.output;
    if (run->message.result.status == VD_EVM_UNSUPPORTED) {
        run->out->unsupported = run->message.result.unsupported;
        return refuse(run, VD_TX_UNSUPPORTED);
    }
    return VD_OK;
}

/* --- after the run --- */

static enum vd_err
give_back(struct tx_run *run)
{
    uint64_t used = run->message.gas_used;
    struct vd_u256 back = vd_u256(0);
    (void)add_product(&back, &run->out->effective_gas_price, run->tx->gas_limit - used);
    if (run->exec->rules->operator_fee) {
        struct vd_u256 kept = vd_operator_fee(used, &run->exec->fee_params);
        struct vd_u256 rest = vd_u256_sub(&run->operator_fee, &kept);
        back = vd_u256_add(&back, &rest);
        run->operator_fee = kept;
    }
    return vd_state_add_balance(run->exec->state, run->sender, &back);
}

/* OP Stack specs, execution engine, fees: on L2 nothing is burnt. */
static enum vd_err
credit_vaults(struct tx_run *run)
{
    struct vd_state *state = run->exec->state;
    struct vd_u256 base = vd_u256(0);
    (void)add_product(&base, &run->exec->header.base_fee, run->message.gas_used);
    enum vd_err err = vd_state_add_balance(state, &VD_BASE_FEE_VAULT, &base);
    if (err == VD_OK)
        err = vd_state_add_balance(state, &VD_L1_FEE_VAULT, &run->out->l1_fee);
    if (err == VD_OK && run->exec->rules->operator_fee)
        err = vd_state_add_balance(state, &VD_OPERATOR_FEE_VAULT, &run->operator_fee);
    return err;
}

static enum vd_err
settle(struct tx_run *run)
{
    struct vd_u256 tips = vd_u256(0);
    enum vd_err err = give_back(run);
    if (err != VD_OK)
        return err;
    (void)add_product(&tips, &run->tip, run->message.gas_used);
    err = vd_state_add_balance(run->exec->state, &run->exec->block.coinbase, &tips);
    if (err == VD_OK && run->exec->rules->is_l2)
        err = credit_vaults(run);
    if (run->tx->type == VD_TX_BLOB)
        run->exec->header.blob_gas_used += run->tx->blob_hash_count * VD_GAS_PER_BLOB;
    return err;
}

static enum vd_err
run_signed(struct tx_run *run)
{
    static enum vd_err (*const steps[])(struct tx_run *) = {
        check_type,           check_nonce, check_sender, check_fees, check_blobs,
        check_authorizations, buy_gas,     check_gas,    execute,    settle,
    };
    enum vd_err err = VD_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        err = steps[i](run);
        if (err != VD_OK || run->out->verdict != VD_TX_INCLUDED)
            return err;
    }
    return err;
}

/* --- deposits (OP Stack specs, deposits: execution) --- */

/* What would refuse a signed transaction makes a deposit fail. */
static enum vd_err
deposit_can_run(struct tx_run *run, bool *can)
{
    struct vd_u256 balance;
    *can = vd_message_check(&run->message, run->exec->rules) == VD_TX_INCLUDED;
    if (!*can)
        return VD_OK;
    enum vd_err err = vd_state_balance(run->exec->state, &balance, run->sender);
    *can = !vd_u256_lt(&balance, &run->tx->value);
    return err;
}

/* The mint stays, the nonce grows, all gas is used. */
static enum vd_err
fail_deposit(struct tx_run *run)
{
    run->message.gas_used = run->tx->gas_limit;
    run->out->evm_status = VD_EVM_OUT_OF_GAS;
    return vd_state_set_nonce(run->exec->state, run->sender, run->nonce + 1);
}

static enum vd_err
run_deposit(struct tx_run *run)
{
    const struct vd_tx *tx = run->tx;
    struct vd_state *state = run->exec->state;
    if (!run->exec->rules->is_l2)
        return refuse(run, VD_TX_TYPE_NOT_SUPPORTED);
    if (tx->is_system_tx)
        return refuse(run, VD_TX_SYSTEM_TX);
    if (tx->gas_limit > vd_exec_gas_left(run->exec))
        return refuse_u64(run, VD_TX_GAS_LIMIT_REACHED, vd_exec_gas_left(run->exec), tx->gas_limit);
    enum vd_err err = VD_OK;
    bool can = false;
    if (tx->has_mint)
        err = vd_state_add_balance(state, run->sender, &tx->mint);
    if (err == VD_OK)
        err = vd_state_nonce(state, &run->nonce, run->sender);
    if (err == VD_OK)
        err = deposit_can_run(run, &can);
    if (err != VD_OK)
        return err;
    return can ? execute(run) : fail_deposit(run);
}

/* --- into the block --- */

/* Moves count items of size bytes into room for cap of them. */
static void *
grown(struct vd_arena *arena, const void *items, size_t count, size_t cap, size_t size)
{
    void *room = vd_arena_alloc(arena, cap * size, 8);
    if (room != NULL && count != 0)
        memcpy(room, items, count * size);
    return room;
}

static enum vd_err
make_room(struct vd_exec *exec)
{
    if (exec->count < exec->cap)
        return VD_OK;
    size_t cap = exec->cap == 0 ? 64 : exec->cap * 2;
    struct vd_arena *arena = exec->arena;
    size_t n = exec->count;
    void *transactions = grown(arena, exec->transactions, n, cap, sizeof *exec->transactions);
    void *senders = grown(arena, exec->senders, n, cap, sizeof *exec->senders);
    void *receipts = grown(arena, exec->receipts, n, cap, sizeof *exec->receipts);
    if (transactions == NULL || senders == NULL || receipts == NULL)
        return VD_ERR_NO_MEMORY;
    exec->transactions = transactions;
    exec->senders = senders;
    exec->receipts = receipts;
    exec->cap = cap;
    return VD_OK;
}

/* The logs outlive the state's transaction. */
static enum vd_err
keep_logs(struct vd_exec *exec, struct vd_receipt *receipt)
{
    const struct vd_log *logs = vd_state_logs(exec->state, &receipt->log_count);
    struct vd_log *copy = VD_ARENA_NEW(exec->arena, struct vd_log, receipt->log_count);
    if (copy == NULL)
        return VD_ERR_NO_MEMORY;
    if (receipt->log_count != 0)
        memcpy(copy, logs, receipt->log_count * sizeof *copy);
    receipt->logs = copy;
    vd_bloom_add_logs(receipt->bloom, copy, receipt->log_count);
    return VD_OK;
}

static enum vd_err
include(struct tx_run *run)
{
    struct vd_exec *exec = run->exec;
    struct vd_receipt *receipt = &run->out->receipt;
    enum vd_err err = make_room(exec);
    if (err == VD_OK)
        err = keep_logs(exec, receipt);
    if (err != VD_OK)
        return err;
    exec->header.gas_used += run->message.gas_used;
    receipt->type = run->tx->type;
    receipt->success = run->out->evm_status == VD_EVM_SUCCESS;
    receipt->gas_used = run->message.gas_used;
    receipt->cumulative_gas_used = exec->header.gas_used;
    if (run->tx->type == VD_TX_DEPOSIT) {
        receipt->deposit_nonce = run->nonce;
        receipt->deposit_version = 1;
    }
    receipt->has_contract_address = run->tx->is_create;
    if (run->tx->is_create)
        receipt->contract_address = vd_create_address(run->sender, run->nonce);
    exec->transactions[exec->count] = run->tx;
    exec->senders[exec->count] = *run->sender;
    exec->receipts[exec->count] = *receipt;
    exec->count++;
    return VD_OK;
}

enum vd_err
vd_exec_tx(struct vd_exec *exec, struct vd_tx_outcome *outcome, const struct vd_tx *tx,
           const struct vd_address *sender)
{
    *outcome = (struct vd_tx_outcome){.verdict = VD_TX_INCLUDED};
    struct tx_run run = {
        .exec = exec,
        .tx = tx,
        .sender = sender,
        .out = outcome,
        .message = {.tx = tx, .sender = sender},
    };
    vd_state_tx_begin(exec->state);
    size_t start = vd_state_snapshot(exec->state);
    enum vd_err err = tx->type == VD_TX_DEPOSIT ? run_deposit(&run) : run_signed(&run);
    if (err != VD_OK)
        return err;
    if (outcome->verdict != VD_TX_INCLUDED)
        vd_state_revert(exec->state, start);
    err = vd_state_tx_end(exec->state);
    if (err == VD_OK && outcome->verdict == VD_TX_INCLUDED)
        err = include(&run);
    return err;
}
