/* Making a machine and running a message. */
#include "core/evm/machine.h"

/* Calls of the system have this much gas, whatever the block's limit (EIP-4788, EIP-2935). */
#define SYSTEM_CALL_GAS 30000000
/* Memory for gas limits up to about 1.9 G, more than any chain has.  Above that the machine takes
   up to MEMORY_MOST if the arena has twice as much, and a message that buys more than was taken
   ends with VD_ERR_NO_MEMORY. */
#define MEMORY_MAX ((uint64_t)1 << 28)
#define MEMORY_MOST ((uint64_t)1 << 31)
#define REGION_SIZE ((size_t)16 << 20)

static uint64_t
square_root(uint64_t n)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit != 0; bit >>= 1) {
        uint64_t next = root | bit;
        root = next * next <= n ? next : root;
    }
    return root;
}

/* Bytes of memory that one frame can buy: w words cost at least w^2 / 512 gas. */
static uint64_t
frame_memory(uint64_t gas)
{
    uint64_t words = square_root(gas > UINT64_MAX / 512 ? UINT64_MAX : gas * 512);
    return (words + 1) * 32;
}

/* Bytes that all live frames together can buy.  Frame i pays c_i and hands on at most 63/64 of the
   rest, so the sum of c_i (64/63)^i is at most the gas; by Cauchy and Schwarz the sum of the roots
   of c_i is at most the root of gas times sum (63/64)^i = 64: eight times a single frame's. */
static uint64_t
live_memory(uint64_t gas, uint64_t room)
{
    uint64_t bytes = 8 * frame_memory(gas);
    uint64_t most = room / 2 < MEMORY_MOST ? room / 2 : MEMORY_MOST;
    most = most > MEMORY_MAX ? most : MEMORY_MAX;
    return bytes < most ? bytes : most;
}

static uint64_t
output_memory(uint64_t gas)
{
    uint64_t bytes = frame_memory(gas);
    return bytes < MEMORY_MAX ? bytes : MEMORY_MAX;
}

static bool
take_regions(struct vd_evm *evm, struct vd_arena *arena, uint64_t gas)
{
    size_t frames = VD_EVM_MAX_DEPTH + 1;
    size_t words = frames * VD_EVM_MAX_STACK;
    evm->memory_cap = live_memory(gas, arena->size - arena->used);
    evm->output_cap = output_memory(gas);
    evm->region_cap = REGION_SIZE;
    evm->frames = vd_arena_alloc(arena, frames * sizeof(struct vd_frame), 64);
    evm->index = VD_ARENA_NEW(arena, struct vd_code *, VD_CODE_SETS * VD_CODE_WAYS);
    evm->stacks = vd_arena_alloc(arena, words * sizeof(struct vd_u256), 64);
    evm->memory = vd_arena_alloc(arena, evm->memory_cap, 64);
    evm->output = vd_arena_alloc(arena, evm->output_cap, 64);
    evm->region = vd_arena_alloc(arena, evm->region_cap, 64);
    if (evm->tracer != NULL) {
        evm->trace.stack = VD_ARENA_NEW(arena, struct vd_u256, VD_EVM_MAX_STACK);
        if (evm->trace.stack == NULL) {
            return false;
        }
    }
    return evm->frames != NULL && evm->index != NULL && evm->stacks != NULL &&
           evm->memory != NULL && evm->output != NULL && evm->region != NULL;
}

size_t
vd_evm_room(uint64_t gas_limit)
{
    uint64_t gas = gas_limit > SYSTEM_CALL_GAS ? gas_limit : SYSTEM_CALL_GAS;
    size_t frames = VD_EVM_MAX_DEPTH + 1;
    return sizeof(struct vd_evm) + frames * sizeof(struct vd_frame) +
           VD_CODE_SETS * VD_CODE_WAYS * sizeof(struct vd_code *) +
           (frames + 1) * VD_EVM_MAX_STACK * sizeof(struct vd_u256) + (size_t)live_memory(gas, 0) +
           (size_t)output_memory(gas) + REGION_SIZE + 1024;
}

enum vd_err
vd_evm_new(struct vd_evm **out, struct vd_arena *arena, const struct vd_evm_rules *rules,
           struct vd_state *state, const struct vd_evm_block *block, const struct vd_curves *curves,
           const struct vd_evm_tracer *tracer)
{
    struct vd_evm *evm = VD_ARENA_NEW(arena, struct vd_evm, 1);
    if (evm == NULL) {
        return VD_ERR_NO_MEMORY;
    }
    evm->arena = arena;
    evm->rules = rules;
    evm->state = state;
    evm->block = block;
    evm->curves = curves;
    evm->tracer = tracer;
    uint64_t gas = block->gas_limit > SYSTEM_CALL_GAS ? block->gas_limit : SYSTEM_CALL_GAS;
    if (!take_regions(evm, arena, gas)) {
        return VD_ERR_NO_MEMORY;
    }
    struct vd_hash seed = vd_state_seed(state);
    vd_map_init(&evm->starts, arena, &seed, sizeof(struct vd_hash), sizeof(uint8_t *));
    vd_code_flush(evm);
    *out = evm;
    return VD_OK;
}

/* Undoes the message when no verdict about it can be given. */
static void
undo(struct vd_evm *evm, size_t snapshot)
{
    vd_state_revert(evm->state, snapshot);
    evm->output_len = 0;
}

enum vd_err
vd_evm_execute(struct vd_evm *evm, struct vd_evm_result *result, const struct vd_evm_tx *tx,
               const struct vd_evm_message *message, const volatile int *cancel)
{
    evm->tx = tx;
    evm->cancel = cancel;
    evm->err = VD_OK;
    if (evm->polls != (cancel != NULL)) {
        evm->polls = cancel != NULL;
        vd_code_flush(evm);
    }
    /* Gas is signed inside; nobody has more than 2^63 - 1. */
    struct vd_evm_message bounded = *message;
    uint64_t excess = message->gas > INT64_MAX ? message->gas - INT64_MAX : 0;
    bounded.gas -= excess;
    size_t snapshot = vd_state_snapshot(evm->state);
    if (vd_message_begin(evm, &bounded) == VD_RUN_GO) {
        (void)vd_interp_run(evm);
    }
    if (evm->err != VD_OK || evm->status == VD_EVM_UNSUPPORTED) {
        undo(evm, snapshot);
    }
    evm->tx = NULL;
    if (evm->err != VD_OK) {
        return evm->err;
    }
    bool has_gas = evm->status == VD_EVM_SUCCESS || evm->status == VD_EVM_REVERT;
    *result = (struct vd_evm_result){
        .status = evm->status,
        .gas_left = has_gas ? (uint64_t)evm->gas_left + excess : 0,
        .output = vd_slice(evm->output, evm->output_len),
    };
    if (evm->status == VD_EVM_UNSUPPORTED) {
        result->unsupported = evm->unsupported;
    }
    return VD_OK;
}

enum vd_err
vd_evm_prepare(struct vd_evm *evm, const struct vd_address *address)
{
    struct vd_frame *frame = &evm->frames[0];
    frame->evm = evm;
    evm->err = vd_state_code(evm->state, &frame->code_bytes, &frame->code_hash, address);
    frame->code_generation = vd_state_code_generation(evm->state);
    if (evm->err != VD_OK || !vd_code_enter(frame)) {
        return evm->err;
    }
    for (uint64_t pc = 0; pc < frame->code_bytes.len && evm->err == VD_OK; pc++) {
        (void)vd_code_jump(frame, pc);
    }
    return evm->err;
}
