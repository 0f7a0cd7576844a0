/* Calls that leave nothing behind. */
#include "core/chain/exec_internal.h"

static enum vd_err
refuse(struct vd_call_result *result, enum vd_tx_verdict verdict, const struct vd_u256 *have,
       const struct vd_u256 *want)
{
    result->verdict = verdict;
    result->have = *have;
    result->want = *want;
    return VD_OK;
}

/* Value, and gas at its cap where a price is named. */
static enum vd_err
check_funds(struct vd_exec *exec, struct vd_call_result *result, const struct vd_call *call)
{
    struct vd_u256 balance;
    struct vd_u256 want;
    struct vd_u256 gas = vd_u256(call->gas);
    const struct vd_u256 *cap =
        vd_u256_lt(&call->max_fee, &call->gas_price) ? &call->gas_price : &call->max_fee;
    struct vd_u256 zero = vd_u256(0);
    if (vd_u256_is_zero(&call->gas_price))
        cap = &zero;
    else if (vd_u256_lt(cap, &exec->header.base_fee))
        return refuse(result, VD_TX_FEE_CAP_TOO_LOW, cap, &exec->header.base_fee);
    enum vd_err err = vd_state_balance(exec->state, &balance, &call->from);
    if (err != VD_OK)
        return err;
    bool overflow = vd_u256_mul_overflow(&want, &gas, cap);
    overflow |= vd_u256_add_overflow(&want, &want, &call->value);
    if (overflow || vd_u256_lt(&balance, &want))
        return refuse(result, VD_TX_INSUFFICIENT_FUNDS, &balance, &want);
    return VD_OK;
}

static enum vd_err
run_call(struct vd_exec *exec, struct vd_call_result *result, const struct vd_call *call,
         struct vd_message_run *run)
{
    enum vd_err err = check_funds(exec, result, call);
    if (err != VD_OK || result->verdict != VD_TX_INCLUDED)
        return err;
    enum vd_tx_verdict verdict = vd_message_check(run, exec->rules);
    if (verdict != VD_TX_INCLUDED) {
        struct vd_u256 have = vd_u256(call->gas);
        struct vd_u256 want =
            vd_u256(verdict == VD_TX_FLOOR_DATA_GAS ? run->intrinsic.floor : run->intrinsic.gas);
        return refuse(result, verdict, &have, &want);
    }
    err = vd_message_execute(exec, run);
    if (err != VD_OK)
        return err;
    result->status = run->result.status;
    result->gas_used = run->gas_used;
    result->output = run->result.output;
    result->unsupported = run->result.unsupported;
    if (result->status == VD_EVM_UNSUPPORTED)
        result->verdict = VD_TX_UNSUPPORTED;
    return VD_OK;
}

enum vd_err
vd_exec_call(struct vd_exec *exec, struct vd_call_result *result, const struct vd_call *call,
             const volatile int *cancel)
{
    *result = (struct vd_call_result){.verdict = VD_TX_INCLUDED};
    struct vd_tx tx = {
        .type = call->authorization_count != 0 ? VD_TX_SET_CODE : VD_TX_DYNAMIC_FEE,
        .gas_limit = call->gas < INT64_MAX ? call->gas : INT64_MAX,
        .is_create = call->is_create,
        .to = call->to,
        .value = call->value,
        .data = call->data,
        .accesses = call->accesses,
        .access_count = call->access_count,
        .authorizations = call->authorizations,
        .authorization_count = call->authorization_count,
    };
    struct vd_message_run run = {
        .tx = &tx, .sender = &call->from, .gas_price = call->gas_price, .cancel = cancel};
    vd_state_tx_begin(exec->state);
    size_t start = vd_state_snapshot(exec->state);
    enum vd_err err = run_call(exec, result, call, &run);
    /* A run that was cancelled leaves its changes in the journal too. */
    if (err != VD_OK && err != VD_ERR_TIMEOUT)
        return err;
    vd_state_revert(exec->state, start);
    enum vd_err end = vd_state_tx_end(exec->state);
    return err != VD_OK ? err : end;
}
