/* Steps for a tracer.  A step is handed out when its whole cost is known: at the next step, when a
   call has paid for its callee, or when its frame ends. */
#include "core/evm/machine.h"

void
vd_trace_flush(struct vd_evm *evm, int64_t gas_now, const char *error)
{
    struct vd_trace_pending *step = &evm->trace;
    if (!step->active) {
        return;
    }
    step->active = false;
    int64_t cost = error != NULL ? evm->rules->gas[step->opcode] : step->gas - gas_now;
    struct vd_evm_step out = {
        .pc = step->pc,
        .opcode = step->opcode,
        .gas = (uint64_t)step->gas,
        .gas_cost = (uint64_t)cost,
        .memory_len = step->memory_len,
        .stack = step->stack,
        .stack_len = step->stack_len,
        .return_data = vd_slice(evm->output, evm->output_len),
        .depth = step->depth,
        .refund = step->refund,
        .error = error,
    };
    evm->tracer->step(evm->tracer->ctx, &out);
}

void
vd_trace_step(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas, uint64_t pc)
{
    struct vd_evm *evm = frame->evm;
    vd_trace_flush(evm, gas, NULL);
    size_t len = (size_t)(sp - frame->stack);
    int64_t refund = vd_state_refund(evm->state);
    struct vd_u256 *stack = evm->trace.stack;
    memcpy(stack, frame->stack, len * sizeof *stack);
    evm->trace = (struct vd_trace_pending){
        .active = true,
        .pc = pc,
        .opcode = pc < frame->code_bytes.len ? frame->code_bytes.ptr[pc] : VD_OP_STOP,
        .gas = gas,
        .memory_len = frame->memory_len,
        .stack_len = len,
        .depth = frame->depth + 1,
        .refund = refund > 0 ? (uint64_t)refund : 0,
        .stack = stack,
    };
}
