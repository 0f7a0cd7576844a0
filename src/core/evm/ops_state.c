/* Instructions that read or write the state. */
#include "core/evm/machine.h"

/* EIP-2929, EIP-2200, EIP-3529. */
#define GAS_COLD_ACCOUNT 2600
#define GAS_COLD_SLOT 2100
#define GAS_WARM 100
#define GAS_SSTORE_SENTRY 2300
#define GAS_SSTORE_SET 20000
#define GAS_SSTORE_RESET (5000 - GAS_COLD_SLOT)
#define REFUND_SSTORE_CLEARS 4800
/* Yellow Paper, appendix G. */
#define GAS_NEW_ACCOUNT 25000
#define GAS_LOG_BYTE 8

/* Failed, when the state did; the frame then fails with evm->err. */
static bool
state_failed(struct vd_evm *evm, enum vd_err err)
{
    evm->err = err;
    return err != VD_OK;
}

static int64_t
static_violation(struct vd_frame *frame)
{
    frame->failure = VD_EVM_STATIC_VIOLATION;
    return VD_OUT_OF_GAS;
}

int64_t
vd_charge_account(struct vd_frame *frame, const struct vd_address *address, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    bool was_cold;
    if (state_failed(evm, vd_state_warm_address(evm->state, &was_cold, address))) {
        return VD_OUT_OF_GAS;
    }
    return was_cold ? gas - (GAS_COLD_ACCOUNT - GAS_WARM) : gas;
}

int64_t
vd_do_balance(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    struct vd_address address = vd_word_address(&sp[-1]);
    gas = vd_charge_account(frame, &address, gas);
    if (gas >= 0 && state_failed(evm, vd_state_balance(evm->state, &sp[-1], &address))) {
        return VD_OUT_OF_GAS;
    }
    return gas;
}

int64_t
vd_do_selfbalance(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    if (state_failed(evm, vd_state_balance(evm->state, sp, &frame->self))) {
        return VD_OUT_OF_GAS;
    }
    return gas;
}

int64_t
vd_do_extcodesize(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    struct vd_address address = vd_word_address(&sp[-1]);
    gas = vd_charge_account(frame, &address, gas);
    if (gas < 0) {
        return gas;
    }
    struct vd_slice code;
    if (state_failed(evm, vd_state_code(evm->state, &code, NULL, &address))) {
        return VD_OUT_OF_GAS;
    }
    sp[-1] = vd_u256(code.len);
    return gas;
}

/* EIP-1052 with EIP-161: zero for an account that does not exist or is empty. */
int64_t
vd_do_extcodehash(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    struct vd_address address = vd_word_address(&sp[-1]);
    gas = vd_charge_account(frame, &address, gas);
    if (gas < 0) {
        return gas;
    }
    const struct vd_account *account;
    bool empty;
    if (state_failed(evm, vd_state_is_empty(evm->state, &empty, &address)) ||
        state_failed(evm, vd_state_account(evm->state, &account, &address))) {
        return VD_OUT_OF_GAS;
    }
    sp[-1] = empty || account == NULL ? vd_u256(0) : vd_u256_from_be(account->code_hash.b);
    return gas;
}

/* --- storage --- */

/* The static price is the warm one. */
int64_t
vd_do_sload(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    /* The surcharge is taken before the read: without the gas for it the slot is never read, and a
       witness need not hold it. */
    if (gas < GAS_COLD_SLOT - GAS_WARM) {
        bool was_cold;
        if (state_failed(evm, vd_state_warm_slot(evm->state, &was_cold, &frame->self, &sp[-1])) ||
            was_cold) {
            return VD_OUT_OF_GAS;
        }
    }
    struct vd_slot_view view;
    if (state_failed(evm, vd_state_slot(evm->state, &view, &frame->self, &sp[-1]))) {
        return VD_OUT_OF_GAS;
    }
    sp[-1] = view.current;
    return view.was_cold ? gas - (GAS_COLD_SLOT - GAS_WARM) : gas;
}

/* EIP-2200 as amended by EIP-2929 and EIP-3529: price and refund of current -> value. */
static int64_t
sstore_price(const struct vd_slot_view *slot, const struct vd_u256 *value, int64_t *refund)
{
    bool original_zero = vd_u256_is_zero(&slot->original);
    bool current_zero = vd_u256_is_zero(&slot->current);
    bool value_zero = vd_u256_is_zero(value);
    int64_t price = slot->was_cold ? GAS_COLD_SLOT : 0;
    *refund = 0;
    if (vd_u256_eq(&slot->current, value)) {
        return price + GAS_WARM;
    }
    if (vd_u256_eq(&slot->original, &slot->current)) {
        if (original_zero) {
            return price + GAS_SSTORE_SET;
        }
        *refund = value_zero ? REFUND_SSTORE_CLEARS : 0;
        return price + GAS_SSTORE_RESET;
    }
    if (!original_zero) {
        *refund -= current_zero ? REFUND_SSTORE_CLEARS : 0;
        *refund += value_zero ? REFUND_SSTORE_CLEARS : 0;
    }
    if (vd_u256_eq(&slot->original, value)) {
        *refund += (original_zero ? GAS_SSTORE_SET : GAS_SSTORE_RESET) - GAS_WARM;
    }
    return price + GAS_WARM;
}

int64_t
vd_do_sstore(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    if (frame->is_static) {
        return static_violation(frame);
    }
    if (gas <= GAS_SSTORE_SENTRY) {
        return VD_OUT_OF_GAS;
    }
    struct vd_slot_view view;
    if (state_failed(evm, vd_state_slot(evm->state, &view, &frame->self, &sp[-1]))) {
        return VD_OUT_OF_GAS;
    }
    int64_t refund;
    gas -= sstore_price(&view, &sp[-2], &refund);
    if (gas < 0) {
        return gas;
    }
    if (refund != 0) {
        vd_state_add_refund(evm->state, refund);
    }
    if (!vd_u256_eq(&view.current, &sp[-2]) &&
        state_failed(evm, vd_state_set_slot(evm->state, &frame->self, &sp[-1], &sp[-2]))) {
        return VD_OUT_OF_GAS;
    }
    return gas;
}

/* EIP-1153. */
int64_t
vd_do_tload(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    struct vd_u256 value;
    if (state_failed(evm, vd_state_transient(evm->state, &value, &frame->self, &sp[-1]))) {
        return VD_OUT_OF_GAS;
    }
    sp[-1] = value;
    return gas;
}

int64_t
vd_do_tstore(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    if (frame->is_static) {
        return static_violation(frame);
    }
    if (state_failed(evm, vd_state_set_transient(evm->state, &frame->self, &sp[-1], &sp[-2]))) {
        return VD_OUT_OF_GAS;
    }
    return gas;
}

/* --- logs, self-destruction --- */

int64_t
vd_do_log(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas, unsigned topics)
{
    struct vd_evm *evm = frame->evm;
    if (frame->is_static) {
        return static_violation(frame);
    }
    gas = vd_memory_need(frame, &sp[-1], &sp[-2], gas);
    if (gas < 0) {
        return gas;
    }
    uint64_t len = sp[-2].w[0];
    gas -= (int64_t)len * GAS_LOG_BYTE;
    if (gas < 0) {
        return gas;
    }
    struct vd_slice data = vd_slice(frame->memory + (len == 0 ? 0 : sp[-1].w[0]), len);
    struct vd_log log = {.address = frame->self, .topic_count = (uint8_t)topics, .data = data};
    for (unsigned i = 0; i < topics; i++) {
        vd_u256_to_be(log.topics[i].b, &sp[-3 - (int)i]);
    }
    if (state_failed(evm, vd_state_log(evm->state, &log))) {
        return VD_OUT_OF_GAS;
    }
    return gas;
}

/* EIP-6780: the balance moves; the account goes only if this transaction created it, and then a
   balance sent to itself is gone with it. */
static bool
destroy(struct vd_evm *evm, const struct vd_address *self, const struct vd_address *heir,
        const struct vd_u256 *balance)
{
    bool created;
    bool same = vd_address_eq(self, heir);
    if (state_failed(evm, vd_state_created_in_tx(evm->state, &created, self))) {
        return false;
    }
    if ((!same || created) && state_failed(evm, vd_state_sub_balance(evm->state, self, balance))) {
        return false;
    }
    if (!same && state_failed(evm, vd_state_add_balance(evm->state, heir, balance))) {
        return false;
    }
    return !created || !state_failed(evm, vd_state_destroy(evm->state, self));
}

int64_t
vd_do_selfdestruct(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    if (frame->is_static) {
        return static_violation(frame);
    }
    struct vd_address heir = vd_word_address(&sp[-1]);
    bool was_cold;
    if (state_failed(evm, vd_state_warm_address(evm->state, &was_cold, &heir))) {
        return VD_OUT_OF_GAS;
    }
    gas -= was_cold ? GAS_COLD_ACCOUNT : 0;
    if (gas < 0) {
        return gas;
    }
    struct vd_u256 balance;
    bool empty;
    if (state_failed(evm, vd_state_balance(evm->state, &balance, &frame->self)) ||
        state_failed(evm, vd_state_is_empty(evm->state, &empty, &heir))) {
        return VD_OUT_OF_GAS;
    }
    gas -= empty && !vd_u256_is_zero(&balance) ? GAS_NEW_ACCOUNT : 0;
    if (gas < 0) {
        return gas;
    }
    return destroy(evm, &frame->self, &heir, &balance) ? gas : VD_OUT_OF_GAS;
}
