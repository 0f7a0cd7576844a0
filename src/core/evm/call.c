/* Call frames: how calls and creates begin and how frames end. */
#include "core/evm/machine.h"

#define GAS_CALL_VALUE 9000
#define GAS_CALL_STIPEND 2300
#define GAS_NEW_ACCOUNT 25000
#define GAS_WARM 100
#define GAS_CODE_BYTE 200
#define GAS_INIT_CODE_WORD 2
#define GAS_HASH_WORD 6
#define MAX_CODE_SIZE 24576                    /* EIP-170 */
#define MAX_INIT_CODE_SIZE (2 * MAX_CODE_SIZE) /* EIP-3860 */

static bool
failed(struct vd_evm *evm, enum vd_err err)
{
    evm->err = err;
    return err != VD_OK;
}

static int
fail_with(struct vd_evm *evm, enum vd_evm_status status)
{
    evm->frame->failure = status;
    return vd_frame_fail(evm);
}

/* --- ends --- */

/* Keeps output for RETURNDATACOPY; false: evm->err. */
static bool
keep_output(struct vd_evm *evm, const uint8_t *output, uint64_t len)
{
    if (len > evm->output_cap) {
        evm->err = VD_ERR_NO_MEMORY;
        return false;
    }
    if (len > 0) {
        memmove(evm->output, output, len);
    }
    evm->output_len = len;
    return true;
}

/* Checks and pays for the code that a create returned, and sets it. */
static enum vd_evm_status
deposit_code(struct vd_evm *evm, struct vd_frame *frame, const uint8_t *code, uint64_t len)
{
    if (len > MAX_CODE_SIZE) {
        return VD_EVM_CODE_TOO_LARGE;
    }
    if (len > 0 && code[0] == 0xef) {
        return VD_EVM_BAD_CODE_PREFIX; /* EIP-3541 */
    }
    frame->gas -= (int64_t)len * GAS_CODE_BYTE;
    if (frame->gas < 0) {
        return VD_EVM_OUT_OF_GAS;
    }
    if (len > 0) {
        evm->err = vd_state_set_code(evm->state, &frame->self, vd_slice(code, len));
    }
    return VD_EVM_SUCCESS;
}

/* Pushes the outcome of a call or create onto the frame that made it. */
static void
push_flag(struct vd_frame *frame, const struct vd_u256 *word)
{
    *frame->sp++ = *word;
}

static void
write_output(struct vd_frame *frame)
{
    struct vd_evm *evm = frame->evm;
    uint64_t len = evm->output_len < frame->out_len ? evm->output_len : frame->out_len;
    if (len > 0) {
        memcpy(frame->memory + frame->out_offset, evm->output, len);
    }
}

/* Back to the frame below; its code may have been forgotten meanwhile. */
static int
resume_parent(struct vd_evm *evm, struct vd_frame *child, enum vd_evm_status status)
{
    struct vd_frame *parent = child - 1;
    struct vd_u256 flag = vd_u256(status == VD_EVM_SUCCESS);
    if (child->is_create && status == VD_EVM_SUCCESS) {
        flag = vd_address_word(&child->self);
    } else if (!child->is_create) {
        write_output(parent);
    }
    push_flag(parent, &flag);
    parent->gas += child->gas;
    evm->frame = parent;
    if (parent->generation != evm->generation) {
        parent->ip = vd_code_at(parent, parent->resume_pc);
        return parent->ip == NULL ? VD_RUN_END : VD_RUN_GO;
    }
    return VD_RUN_GO;
}

int
vd_frame_end(struct vd_evm *evm, enum vd_evm_status status, const uint8_t *output,
             uint64_t output_len)
{
    struct vd_frame *frame = evm->frame;
    if (evm->tracer != NULL) {
        bool is_error = status != VD_EVM_SUCCESS && status != VD_EVM_REVERT;
        vd_trace_flush(evm, frame->gas, is_error ? vd_evm_status_text(status) : NULL);
    }
    if (frame->is_create && status == VD_EVM_SUCCESS) {
        status = deposit_code(evm, frame, output, output_len);
        if (evm->err != VD_OK) {
            return VD_RUN_END;
        }
    }
    if (status != VD_EVM_SUCCESS) {
        vd_state_revert(evm->state, frame->snapshot);
    }
    if (status != VD_EVM_SUCCESS && status != VD_EVM_REVERT) {
        frame->gas = 0;
        output_len = 0;
    }
    if (frame->is_create && status == VD_EVM_SUCCESS && frame->depth > 0) {
        output_len = 0; /* EIP-211: a create that succeeds leaves no return data */
    }
    if (!keep_output(evm, output, output_len)) {
        return VD_RUN_END;
    }
    if (frame->depth == 0) {
        evm->status = status;
        evm->gas_left = frame->gas;
        return VD_RUN_END;
    }
    return resume_parent(evm, frame, status);
}

int
vd_frame_fail(struct vd_evm *evm)
{
    if (evm->err != VD_OK) {
        return VD_RUN_END;
    }
    return vd_frame_end(evm, evm->frame->failure, NULL, 0);
}

int
vd_frame_return(struct vd_evm *evm, enum vd_evm_status status)
{
    struct vd_frame *frame = evm->frame;
    const struct vd_u256 *offset = &frame->sp[-1];
    const struct vd_u256 *len = &frame->sp[-2];
    frame->gas = vd_memory_need(frame, offset, len, frame->gas);
    if (frame->gas < 0) {
        return vd_frame_fail(evm);
    }
    uint64_t count = len->w[0];
    return vd_frame_end(evm, status, count == 0 ? NULL : frame->memory + offset->w[0], count);
}

/* --- beginnings --- */

/* Moves value.  A transfer of nothing touches the receiver (EIP-161), which matters only to an
   account that exists and is empty. */
static bool
transfer(struct vd_evm *evm, const struct vd_address *from, const struct vd_address *to,
         const struct vd_u256 *value)
{
    if (!vd_u256_is_zero(value)) {
        return !failed(evm, vd_state_sub_balance(evm->state, from, value)) &&
               !failed(evm, vd_state_add_balance(evm->state, to, value));
    }
    const struct vd_account *account;
    if (failed(evm, vd_state_account(evm->state, &account, to))) {
        return false;
    }
    if (account != NULL && account->nonce == 0 && vd_u256_is_zero(&account->balance) &&
        vd_hash_eq(&account->code_hash, &VD_EMPTY_CODE_HASH)) {
        return !failed(evm, vd_state_add_balance(evm->state, to, value));
    }
    return true;
}

/* One call or create on its way to a frame. */
struct start {
    enum vd_opcode kind;
    struct vd_address code_address;
    struct vd_u256 value; /* CALLVALUE of the new frame */
    bool moves_value;
    struct vd_slice input;
    struct vd_slice code;
    struct vd_hash code_hash;
    struct vd_address self;
    struct vd_address caller;
    bool is_static;
    bool is_create;
    int64_t gas;
    size_t snapshot;
};

/* The frame for start above the one that runs (or the first). */
static int
push_frame(struct vd_evm *evm, const struct start *start)
{
    struct vd_frame *parent = evm->frame;
    struct vd_frame *frame = parent == NULL ? evm->frames : parent + 1;
    if (parent != NULL) {
        /* The new frame's memory begins where the parent's ends. */
        parent->memory_clean = parent->memory_len;
    }
    frame->evm = evm;
    frame->stack = parent == NULL ? evm->stacks : parent->sp;
    frame->memory = parent == NULL ? evm->memory : parent->memory + parent->memory_len;
    frame->memory_len = 0;
    frame->memory_clean = 0;
    frame->word_limit = 0;
    frame->depth = parent == NULL ? 0 : parent->depth + 1;
    frame->input = start->is_create ? NULL : start->input.ptr;
    frame->input_len = start->is_create ? 0 : start->input.len;
    frame->sp = frame->stack;
    frame->gas = start->gas;
    frame->value = start->value;
    frame->self = start->self;
    frame->caller = start->caller;
    frame->code_bytes = start->code;
    frame->code_hash = start->code_hash;
    frame->code_generation = vd_state_code_generation(evm->state);
    frame->snapshot = start->snapshot;
    frame->is_static = start->is_static;
    frame->is_create = start->is_create;
    frame->failure = VD_EVM_OUT_OF_GAS;
    evm->frame = frame;
    return vd_code_enter(frame) ? VD_RUN_GO : VD_RUN_END;
}

/* A call or create that does not come to a frame: the caller goes on with its gas and a flag. */
static int
end_early(struct vd_evm *evm, int64_t gas_back, bool success)
{
    struct vd_frame *frame = evm->frame;
    struct vd_u256 flag = vd_u256(success);
    frame->gas += gas_back;
    push_flag(frame, &flag);
    return VD_RUN_GO;
}

static int
unsupported(struct vd_evm *evm, const struct vd_address *address)
{
    evm->status = VD_EVM_UNSUPPORTED;
    evm->gas_left = 0;
    evm->output_len = 0;
    evm->unsupported = *address;
    return VD_RUN_END;
}

static int
call_precompile(struct vd_evm *evm, const struct start *start)
{
    struct vd_precompile_result result;
    if (failed(evm, vd_precompile_run(evm, &result, &start->code_address, start->input,
                                      (uint64_t)start->gas))) {
        return VD_RUN_END;
    }
    if (result.status == VD_EVM_UNSUPPORTED) {
        return unsupported(evm, &start->code_address);
    }
    if (result.status != VD_EVM_SUCCESS) {
        vd_state_revert(evm->state, start->snapshot);
        return end_early(evm, 0, false);
    }
    write_output(evm->frame);
    return end_early(evm, (int64_t)result.gas_left, true);
}

/* Code to run for a call to start->code_address.  EIP-7702: that of the delegation's target, whose
   access costs; charge is false at depth 0.  Negative: out of gas or evm->err. */
static int64_t
load_code(struct vd_evm *evm, struct start *start, int64_t gas, bool charge)
{
    if (failed(evm,
               vd_state_code(evm->state, &start->code, &start->code_hash, &start->code_address))) {
        return VD_OUT_OF_GAS;
    }
    struct vd_address target;
    if (!evm->rules->delegation || !vd_delegation(&target, start->code)) {
        return gas;
    }
    if (charge) {
        gas = vd_charge_account(evm->frame, &target, gas - GAS_WARM);
    } else {
        bool was_cold;
        evm->err = vd_state_warm_address(evm->state, &was_cold, &target);
    }
    if (gas < 0 || evm->err != VD_OK) {
        return VD_OUT_OF_GAS;
    }
    /* A precompile as a target has no code: nothing runs. */
    if (failed(evm, vd_state_code(evm->state, &start->code, &start->code_hash, &target))) {
        return VD_OUT_OF_GAS;
    }
    return gas;
}

/* What a call costs beyond its static price, up to the gas that goes along; also loads the code. */
static int64_t
call_price(struct vd_evm *evm, struct start *start, int64_t gas)
{
    gas = vd_charge_account(evm->frame, &start->code_address, gas);
    bool has_value = !vd_u256_is_zero(&start->value) && start->kind != VD_OP_DELEGATECALL;
    gas -= has_value ? GAS_CALL_VALUE : 0;
    if (gas < 0) {
        return gas;
    }
    if (has_value && start->kind == VD_OP_CALL) {
        bool empty;
        if (failed(evm, vd_state_is_empty(evm->state, &empty, &start->self))) {
            return VD_OUT_OF_GAS;
        }
        gas -= empty ? GAS_NEW_ACCOUNT : 0;
        if (gas < 0) {
            return gas;
        }
    }
    return load_code(evm, start, gas, true);
}

/* Reads a call's operands; memory is paid for and grown.  Negative: out of gas. */
static int64_t
call_operands(struct vd_frame *frame, struct start *start, struct vd_u256 *gas_word)
{
    struct vd_u256 *sp = frame->sp;
    *gas_word = *--sp;
    start->code_address = vd_word_address(--sp);
    start->value = vd_u256(0);
    if (start->kind == VD_OP_CALL || start->kind == VD_OP_CALLCODE) {
        start->value = *--sp;
    } else if (start->kind == VD_OP_DELEGATECALL) {
        start->value = frame->value;
    }
    sp -= 4;
    const struct vd_u256 *in = &sp[3];
    const struct vd_u256 *in_len = &sp[2];
    const struct vd_u256 *out = &sp[1];
    const struct vd_u256 *out_len = &sp[0];
    int64_t gas = vd_memory_need(frame, in, in_len, frame->gas);
    if (gas >= 0) {
        gas = vd_memory_need(frame, out, out_len, gas);
    }
    if (gas < 0) {
        return gas;
    }
    start->input = vd_slice(frame->memory + (in_len->w[0] == 0 ? 0 : in->w[0]), in_len->w[0]);
    frame->out_offset = out->w[0];
    frame->out_len = out_len->w[0];
    frame->sp = sp;
    return gas;
}

/* Who the new frame is, by kind. */
static void
call_identity(const struct vd_frame *frame, struct start *start)
{
    bool own = start->kind == VD_OP_CALLCODE || start->kind == VD_OP_DELEGATECALL;
    start->self = own ? frame->self : start->code_address;
    start->caller = start->kind == VD_OP_DELEGATECALL ? frame->caller : frame->self;
    start->is_static = frame->is_static || start->kind == VD_OP_STATICCALL;
    start->moves_value = start->kind == VD_OP_CALL || start->kind == VD_OP_STATICCALL;
}

/* EIP-150: at most all but one 64th goes along. */
static int64_t
gas_along(const struct vd_u256 *wanted, int64_t gas)
{
    int64_t most = gas - gas / 64;
    if (vd_u256_fits_u64(wanted) && wanted->w[0] < (uint64_t)most) {
        return (int64_t)wanted->w[0];
    }
    return most;
}

/* Whether a call may come to a frame: depth, and the balance for its value. */
static bool
may_call(struct vd_evm *evm, const struct start *start, bool *may)
{
    const struct vd_frame *frame = evm->frame;
    *may = frame->depth < VD_EVM_MAX_DEPTH;
    if (!*may || vd_u256_is_zero(&start->value) || start->kind == VD_OP_DELEGATECALL) {
        return true;
    }
    struct vd_u256 balance;
    if (failed(evm, vd_state_balance(evm->state, &balance, &frame->self))) {
        return false;
    }
    *may = !vd_u256_lt(&balance, &start->value);
    return true;
}

static int
call_go(struct vd_evm *evm, struct start *start)
{
    bool may;
    evm->output_len = 0;
    if (!may_call(evm, start, &may)) {
        return VD_RUN_END;
    }
    if (!may) {
        return end_early(evm, start->gas, false);
    }
    start->snapshot = vd_state_snapshot(evm->state);
    if (start->moves_value && !transfer(evm, &evm->frame->self, &start->self, &start->value)) {
        return VD_RUN_END;
    }
    if (vd_evm_is_precompile(evm->rules, &start->code_address)) {
        return call_precompile(evm, start);
    }
    if (start->code.len == 0) {
        return end_early(evm, start->gas, true);
    }
    return push_frame(evm, start);
}

int
vd_call_begin(struct vd_evm *evm, enum vd_opcode kind)
{
    struct vd_frame *frame = evm->frame;
    struct start start = {.kind = kind};
    struct vd_u256 wanted;
    int64_t gas = call_operands(frame, &start, &wanted);
    if (gas < 0) {
        return vd_frame_fail(evm);
    }
    if (kind == VD_OP_CALL && frame->is_static && !vd_u256_is_zero(&start.value)) {
        return fail_with(evm, VD_EVM_STATIC_VIOLATION);
    }
    call_identity(frame, &start);
    gas = call_price(evm, &start, gas);
    if (gas < 0) {
        return vd_frame_fail(evm);
    }
    start.gas = gas_along(&wanted, gas);
    frame->gas = gas - start.gas;
    if (evm->tracer != NULL) {
        vd_trace_flush(evm, frame->gas, NULL);
    }
    if (!vd_u256_is_zero(&start.value) && kind != VD_OP_DELEGATECALL) {
        start.gas += GAS_CALL_STIPEND;
    }
    return call_go(evm, &start);
}

/* --- creates --- */

/* EIP-684 and EIP-7610: an account with nonce, code or storage is in the way. */
static bool
collides(struct vd_evm *evm, const struct vd_address *address, bool *result)
{
    const struct vd_account *account;
    if (failed(evm, vd_state_account(evm->state, &account, address))) {
        return false;
    }
    *result = account != NULL &&
              (account->nonce != 0 || !vd_hash_eq(&account->code_hash, &VD_EMPTY_CODE_HASH));
    if (*result || account == NULL) {
        return true;
    }
    return !failed(evm, vd_state_has_storage(evm->state, result, address));
}

/* Makes the account and gives it the value. */
static bool
create_account(struct vd_evm *evm, struct start *start)
{
    start->snapshot = vd_state_snapshot(evm->state);
    return !failed(evm, vd_state_create(evm->state, &start->self)) &&
           transfer(evm, &start->caller, &start->self, &start->value);
}

static int
create_go(struct vd_evm *evm, struct start *start)
{
    bool was_cold;
    bool collision;
    /* EIP-2929: the new address is warm even if the create fails. */
    if (failed(evm, vd_state_warm_address(evm->state, &was_cold, &start->self)) ||
        !collides(evm, &start->self, &collision)) {
        return VD_RUN_END;
    }
    if (collision) {
        return end_early(evm, 0, false);
    }
    return create_account(evm, start) ? push_frame(evm, start) : VD_RUN_END;
}

/* Whether a create may begin: depth, balance, nonce.  Takes the creator's nonce into *nonce. */
static bool
may_create(struct vd_evm *evm, const struct start *start, uint64_t *nonce, bool *may)
{
    const struct vd_frame *frame = evm->frame;
    struct vd_u256 balance;
    if (failed(evm, vd_state_balance(evm->state, &balance, &frame->self)) ||
        failed(evm, vd_state_nonce(evm->state, nonce, &frame->self))) {
        return false;
    }
    /* EIP-2681: the nonce stays below 2^64 - 1. */
    *may = frame->depth < VD_EVM_MAX_DEPTH && !vd_u256_lt(&balance, &start->value) &&
           *nonce != UINT64_MAX;
    return true;
}

/* Reads a create's operands and pays for memory and init code (EIP-3860; CREATE2's hash). */
static int64_t
create_operands(struct vd_frame *frame, struct start *start, struct vd_hash *salt)
{
    struct vd_u256 *sp = frame->sp;
    start->value = sp[-1];
    const struct vd_u256 *offset = &sp[-2];
    const struct vd_u256 *len = &sp[-3];
    bool hashed = start->kind == VD_OP_CREATE2;
    if (hashed) {
        vd_u256_to_be(salt->b, &sp[-4]);
    }
    int64_t gas = vd_memory_need(frame, offset, len, frame->gas);
    if (gas < 0) {
        return gas;
    }
    if (len->w[0] > MAX_INIT_CODE_SIZE) {
        frame->failure = VD_EVM_INIT_CODE_TOO_LARGE;
        return VD_OUT_OF_GAS;
    }
    int64_t words = (int64_t)((len->w[0] + 31) / 32);
    gas -= words * (GAS_INIT_CODE_WORD + (hashed ? GAS_HASH_WORD : 0));
    start->code = vd_slice(frame->memory + (len->w[0] == 0 ? 0 : offset->w[0]), len->w[0]);
    frame->sp = sp - (hashed ? 4 : 3);
    return gas;
}

int
vd_create_begin(struct vd_evm *evm, enum vd_opcode kind)
{
    struct vd_frame *frame = evm->frame;
    struct start start = {.kind = kind, .is_create = true, .caller = frame->self};
    struct vd_hash salt;
    if (frame->is_static) {
        return fail_with(evm, VD_EVM_STATIC_VIOLATION);
    }
    int64_t gas = create_operands(frame, &start, &salt);
    if (gas < 0) {
        return vd_frame_fail(evm);
    }
    start.gas = gas - gas / 64;
    frame->gas = gas - start.gas;
    frame->out_len = 0;
    if (evm->tracer != NULL) {
        vd_trace_flush(evm, frame->gas, NULL);
    }
    evm->output_len = 0;
    uint64_t nonce;
    bool may;
    if (!may_create(evm, &start, &nonce, &may)) {
        return VD_RUN_END;
    }
    if (!may) {
        return end_early(evm, start.gas, false);
    }
    if (failed(evm, vd_state_set_nonce(evm->state, &frame->self, nonce + 1))) {
        return VD_RUN_END;
    }
    if (kind == VD_OP_CREATE) {
        start.self = vd_create_address(&frame->self, nonce);
    } else {
        struct vd_hash hash = vd_keccak256(start.code);
        start.self = vd_create2_address(&frame->self, &salt, &hash);
    }
    return create_go(evm, &start);
}

/* --- the first frame --- */

static void
message_ends(struct vd_evm *evm, enum vd_evm_status status, uint64_t gas_left)
{
    evm->status = status;
    evm->gas_left = (int64_t)gas_left;
}

static int
message_create(struct vd_evm *evm, struct start *start)
{
    bool was_cold;
    bool collision;
    if (failed(evm, vd_state_warm_address(evm->state, &was_cold, &start->self)) ||
        !collides(evm, &start->self, &collision)) {
        return VD_RUN_END;
    }
    if (collision) {
        message_ends(evm, VD_EVM_COLLISION, 0);
        return VD_RUN_END;
    }
    start->is_create = true;
    start->code = start->input;
    return create_account(evm, start) ? push_frame(evm, start) : VD_RUN_END;
}

static int
message_precompile(struct vd_evm *evm, const struct start *start)
{
    struct vd_precompile_result result;
    if (failed(evm,
               vd_precompile_run(evm, &result, &start->self, start->input, (uint64_t)start->gas))) {
        return VD_RUN_END;
    }
    if (result.status == VD_EVM_UNSUPPORTED) {
        return unsupported(evm, &start->self);
    }
    if (result.status != VD_EVM_SUCCESS) {
        vd_state_revert(evm->state, start->snapshot);
    }
    message_ends(evm, result.status, result.gas_left);
    return VD_RUN_END;
}

static int
message_call(struct vd_evm *evm, struct start *start)
{
    start->snapshot = vd_state_snapshot(evm->state);
    if (!transfer(evm, &start->caller, &start->self, &start->value)) {
        return VD_RUN_END;
    }
    if (vd_evm_is_precompile(evm->rules, &start->self)) {
        return message_precompile(evm, start);
    }
    if (load_code(evm, start, start->gas, false) < 0) {
        return VD_RUN_END;
    }
    if (start->code.len == 0) {
        message_ends(evm, VD_EVM_SUCCESS, (uint64_t)start->gas);
        return VD_RUN_END;
    }
    return push_frame(evm, start);
}

int
vd_message_begin(struct vd_evm *evm, const struct vd_evm_message *message)
{
    struct start start = {
        .kind = VD_OP_CALL,
        .code_address = message->to,
        .self = message->to,
        .caller = message->sender,
        .value = message->value,
        .input = message->input,
        .is_static = message->is_static,
        .gas = (int64_t)message->gas,
    };
    evm->frame = NULL;
    evm->output_len = 0;
    struct vd_u256 balance;
    if (failed(evm, vd_state_balance(evm->state, &balance, &message->sender))) {
        return VD_RUN_END;
    }
    if (vd_u256_lt(&balance, &message->value)) {
        message_ends(evm, VD_EVM_INSUFFICIENT_BALANCE, 0);
        return VD_RUN_END;
    }
    return message->is_create ? message_create(evm, &start) : message_call(evm, &start);
}
