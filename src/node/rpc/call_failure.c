/* geth's words for a call that failed (core/vm, errors and opcodes).  Some of them hold an
   instruction or the height of the stack, which the machine does not keep: such a call is run once
   more under a tracer. */
#include <inttypes.h>
#include <stdio.h>

#include "rpc_internal.h"

/* The last instruction of the outermost frame: the one that failed. */
struct last_step {
    uint8_t opcode;
    size_t stack_len;
    bool met;
};

static void
on_step(void *ctx, const struct vd_evm_step *step)
{
    struct last_step *last = ctx;
    if (step->depth == 1)
        *last = (struct last_step){step->opcode, step->stack_len, true};
}

static unsigned
words_needed(uint8_t opcode)
{
    static const uint8_t needs[256] = {
#define X(value, name, immediate, need, change) [value] = need,
#include "viaduct/core/evm/opcodes.def"
#undef X
    };
    return needs[opcode];
}

/* On VD_OK last is where the call failed, if it got as far as an instruction. */
static vd_done *
trace(struct vd_reading *r, enum vd_err *err, struct last_step *last, const struct vd_at *at,
      const json_t *overrides, const struct vd_call *call, const volatile int *cancel)
{
    struct vd_evm_tracer tracer = {.ctx = last, .step = on_step};
    struct vd_call_result result;
    struct vd_exec *exec;
    vd_done *bad = vd_reading_exec(r, &exec, at, &tracer);
    if (bad == NULL)
        bad = vd_overrides_apply(r, exec, 2, overrides);
    if (bad == NULL)
        *err = vd_exec_call(exec, &result, call, cancel);
    return bad;
}

vd_done *
vd_answer_failed_call(struct vd_reading *r, const struct vd_at *at, const json_t *overrides,
                      const struct vd_call *call, enum vd_evm_status status,
                      const volatile int *cancel)
{
    struct last_step last = {0};
    enum vd_err err = VD_OK;
    vd_done *bad = NULL;
    if (status == VD_EVM_UNDEFINED_INSTRUCTION || status == VD_EVM_STACK_UNDERFLOW)
        bad = trace(r, &err, &last, at, overrides, call, cancel);
    if (bad != NULL)
        return bad;
    bool known = err == VD_OK && last.met;
    if (known && status == VD_EVM_UNDEFINED_INSTRUCTION)
        return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "invalid opcode: opcode %#x not defined",
                            last.opcode);
    if (known && status == VD_EVM_STACK_UNDERFLOW)
        return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "stack underflow (%zu <=> %u)",
                            last.stack_len, words_needed(last.opcode));
    /* No instruction adds more than one word, so it had as many as there may be and wanted one less
       before it. */
    if (status == VD_EVM_STACK_OVERFLOW)
        return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "stack limit reached %d (%d)",
                            VD_EVM_MAX_STACK, VD_EVM_MAX_STACK - 1);
    return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "%s", vd_evm_status_text(status));
}
