/* Code to records, on first execution, in runs.

   A run starts with a begin record that holds the first block's needs.  It goes on through
   instructions that end a block but fall through (JUMPI, GAS, SSTORE, calls, creates): another
   begin record follows them.  A JUMPDEST ends nothing: the block goes on through it, and a struct
   vd_block of its own, with what remains of the block from there, serves those who jump to it.

   Records, literals and jump tables live in one bounded region.  When it is full everything in it
   is forgotten and decoded again on demand; frames tell by the generation. */
#include "core/evm/machine.h"

/* Instructions in a run: bounds what is decoded in vain by a frame that fails at once. */
#define RUN_MAX 128
/* Blocks in a run, and constants of more than 8 bytes: they take longest. */
#define RUN_BLOCKS 8
#define RUN_CONSTANTS 32
#define LEAF_BYTES (VD_JUMP_LEAF * sizeof(uint32_t))
/* Room that one run can take: per instruction a record, a begin record and a literal or a block;
   the leaves for its targets; and the run's ends. */
#define RUN_ROOM (RUN_MAX * (16 + 16 + 32) + (RUN_MAX * 33 / VD_JUMP_LEAF + 2) * LEAF_BYTES + 64)

struct target {
    struct vd_block *block;
    /* Of the block before this target. */
    int32_t height;
    uint32_t gas;
    /* Of the stretch from this target to the next: see stretch. */
    int32_t need;
    int32_t peak;
};

/* Gas and stack needs of the block under construction, over stretches between JUMPDESTs.  height
   is the stack's, against the block's start; need the highest (words needed - height) of an
   instruction, peak the highest height after one. */
struct block {
    struct vd_op *begin;
    struct target stretch[RUN_MAX + 1]; /* [0] is the block's start */
    unsigned count;
    int32_t height;
    uint32_t gas;
};

struct decoder {
    struct vd_evm *evm;
    struct vd_code *code;
    struct vd_op *out; /* the next record, at the region's low end */
    /* What the last records of the stretch are, the newest first: the opcode, PUSH1 for a constant
       in the record, PUSH32 for one beside it, or STOP for what is not to be fused. */
    uint8_t last[3];
    struct block block;
};

/* Records grow from the region's low end, all else is taken from its high end: a run's records
   stand in one piece while its literals are taken. */
static size_t
region_left(const struct vd_evm *evm)
{
    return evm->region_high - evm->region_low;
}

/* The caller has asked code_room for it. */
static void *
region_take(struct vd_evm *evm, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    VD_ASSERT(size <= region_left(evm));
    evm->region_high -= size;
    return evm->region + evm->region_high;
}

void
vd_code_flush(struct vd_evm *evm)
{
    memset(evm->region, 0, LEAF_BYTES);
    evm->region_low = LEAF_BYTES;
    evm->region_high = evm->region_cap;
    evm->generation++;
    memset(evm->index, 0, VD_CODE_SETS * VD_CODE_WAYS * sizeof(struct vd_code *));
}

/* --- finding code --- */

bool
vd_code_bytes(struct vd_frame *frame)
{
    struct vd_evm *evm = frame->evm;
    if (frame->code_generation == vd_state_code_generation(evm->state)) {
        return true;
    }
    evm->err = vd_state_code_again(evm->state, &frame->code_bytes, &frame->code_hash);
    frame->code_generation = vd_state_code_generation(evm->state);
    return evm->err == VD_OK;
}

static size_t
code_set(const struct vd_hash *hash)
{
    return (size_t)(hash->b[0] << 8 | hash->b[1]) % VD_CODE_SETS;
}

static struct vd_code *
code_find(const struct vd_evm *evm, const struct vd_hash *hash)
{
    struct vd_code **set = &evm->index[code_set(hash) * VD_CODE_WAYS];
    for (unsigned way = 0; way < VD_CODE_WAYS; way++) {
        if (set[way] != NULL && vd_hash_eq(&set[way]->hash, hash)) {
            return set[way];
        }
    }
    return NULL;
}

static struct vd_code *
code_make(struct vd_evm *evm, struct vd_slice bytes, const struct vd_hash *hash)
{
    struct vd_code *code = region_take(evm, sizeof *code);
    *code = (struct vd_code){.bytes = bytes, .hash = *hash};
    if (!vd_hash_is_zero(hash)) {
        size_t set = code_set(hash);
        uint8_t way = evm->next_way[set];
        evm->next_way[set] = (uint8_t)((way + 1) % VD_CODE_WAYS);
        evm->index[set * VD_CODE_WAYS + way] = code;
    }
    return code;
}

/* Gives the frame its code in the present generation. */
static void
code_acquire(struct vd_frame *frame)
{
    struct vd_evm *evm = frame->evm;
    struct vd_code *code = NULL;
    if (!vd_hash_is_zero(&frame->code_hash)) {
        code = code_find(evm, &frame->code_hash);
    }
    if (code == NULL) {
        code = code_make(evm, frame->code_bytes, &frame->code_hash);
    }
    frame->code = code;
    frame->generation = evm->generation;
    frame->region = evm->region;
    frame->jumps = code->jumps;
    frame->jump_count = code->jumps != NULL ? code->bytes.len : 0;
}

/* Sees to it that size bytes can be taken, if need be by forgetting everything, and that the frame
   has its code, bytes included.  False: the region is too small for this code, or evm->err. */
static bool
code_room(struct vd_frame *frame, size_t size)
{
    struct vd_evm *evm = frame->evm;
    if (!vd_code_bytes(frame)) {
        return false;
    }
    size += sizeof(struct vd_code) + 16;
    if (size > region_left(evm)) {
        vd_code_flush(evm);
    }
    if (size > region_left(evm)) {
        evm->err = VD_ERR_NO_MEMORY;
        return false;
    }
    if (frame->code == NULL || frame->generation != evm->generation) {
        code_acquire(frame);
    }
    frame->code->bytes = frame->code_bytes;
    return true;
}

/* --- blocks --- */

/* Nothing is fused with what stands before this place. */
static void
forget_last(struct decoder *d)
{
    memset(d->last, VD_OP_STOP, sizeof d->last);
}

static void
block_open(struct decoder *d)
{
    struct vd_op *begin = d->out++;
    *begin = (struct vd_op){.fn = vd_handle_begin};
    d->block.begin = begin;
    d->block.count = 1;
    d->block.stretch[0] = (struct target){.need = INT32_MIN, .peak = INT32_MIN};
    d->block.height = 0;
    d->block.gas = 0;
    forget_last(d);
}

static void
block_add(struct decoder *d, uint8_t opcode)
{
    if (d->evm->tracer != NULL) {
        /* vd_handle_trace checks and charges each instruction. */
        return;
    }
    const struct vd_opcode_info *info = &VD_OPCODES[opcode];
    struct target *last = &d->block.stretch[d->block.count - 1];
    int32_t need = (int32_t)info->need - d->block.height;
    d->block.height += info->change;
    d->block.gas += d->evm->rules->gas[opcode];
    last->need = need > last->need ? need : last->need;
    last->peak = d->block.height > last->peak ? d->block.height : last->peak;
}

static struct vd_need
block_need(uint32_t gas, int32_t need, int32_t peak)
{
    need = need > 0 ? need : 0;
    peak = peak > 0 ? peak : 0;
    int32_t range = VD_EVM_MAX_STACK - peak - need;
    if (range < 0) {
        /* No height will do: 2047 words are more than a stack has. */
        return (struct vd_need){.gas = gas, .need = 2047 * 32, .range = 0};
    }
    return (struct vd_need){
        .gas = gas, .need = (uint16_t)(need * 32), .range = (uint16_t)(range * 32)};
}

/* Fills in the needs from the last stretch back: each target needs what all after it need. */
static void
block_close(struct decoder *d)
{
    int32_t need = INT32_MIN;
    int32_t peak = INT32_MIN;
    for (unsigned i = d->block.count; i-- > 0;) {
        const struct target *t = &d->block.stretch[i];
        need = t->need > need ? t->need : need;
        peak = t->peak > peak ? t->peak : peak;
        int32_t own_need = need == INT32_MIN ? 0 : need + t->height;
        int32_t own_peak = peak == INT32_MIN ? 0 : peak - t->height;
        struct vd_need result = block_need(d->block.gas - t->gas, own_need, own_peak);
        if (i == 0) {
            d->block.begin->a.need = result;
        } else {
            t->block->need = result;
        }
    }
}

/* Place of the block at pc, which lies in the code; VD_JUMP_UNKNOWN: none yet. */
static uint32_t
jump_place(const struct vd_evm *evm, const struct vd_code *code, uint64_t pc)
{
    size_t leaf = code->jumps[pc / VD_JUMP_LEAF];
    return ((const uint32_t *)(const void *)(evm->region + leaf * 16))[pc % VD_JUMP_LEAF];
}

static uint32_t
place_in_region(const struct vd_evm *evm, const void *at)
{
    return (uint32_t)((size_t)((const uint8_t *)at - evm->region) / 16);
}

static void
jump_set(struct vd_evm *evm, struct vd_code *code, uint64_t pc, const struct vd_block *block)
{
    uint32_t *leaf = &code->jumps[pc / VD_JUMP_LEAF];
    if (*leaf == 0) {
        void *made = region_take(evm, LEAF_BYTES);
        memset(made, 0, LEAF_BYTES);
        *leaf = place_in_region(evm, made);
    }
    uint32_t *entries = (uint32_t *)(void *)(evm->region + (size_t)*leaf * 16);
    entries[pc % VD_JUMP_LEAF] = place_in_region(evm, block);
}

/* Starts a stretch at the JUMPDEST at pc and enters it into the jump table. */
static void
block_target(struct decoder *d, uint64_t pc)
{
    struct vd_block *block = region_take(d->evm, sizeof *block);
    block->ip = d->out;
    d->block.stretch[d->block.count++] = (struct target){.block = block,
                                                         .height = d->block.height,
                                                         .gas = d->block.gas,
                                                         .need = INT32_MIN,
                                                         .peak = INT32_MIN};
    jump_set(d->evm, d->code, pc, block);
    forget_last(d);
}

/* --- instructions --- */

static void
emit(struct decoder *d, vd_op_fn *fn, uint64_t operand)
{
    *d->out++ = (struct vd_op){.fn = fn, .a.u = operand};
}

static void
remember(struct decoder *d, uint8_t kind)
{
    d->last[2] = d->last[1];
    d->last[1] = d->last[0];
    d->last[0] = kind;
}

/* A constant, from PUSH or computed here. */
static void
emit_constant(struct decoder *d, const struct vd_u256 *word)
{
    if (vd_u256_fits_u64(word)) {
        emit(d, VD_HANDLERS[VD_OP_PUSH1], word->w[0]);
        remember(d, VD_OP_PUSH1);
        return;
    }
    struct vd_u256 *literal = region_take(d->evm, sizeof *literal);
    *literal = *word;
    *d->out++ = (struct vd_op){.fn = VD_HANDLERS[VD_OP_PUSH32], .a.word = literal};
    remember(d, VD_OP_PUSH32);
}

static void
emit_enter(struct decoder *d, struct vd_block *block)
{
    *d->out++ = (struct vd_op){.fn = vd_handle_enter, .a.block = block};
}

/* PUSH.  Bytes past the code's end are zero. */
static void
emit_push(struct decoder *d, uint8_t opcode, uint64_t pc)
{
    size_t len = VD_OPCODES[opcode].immediate;
    size_t left = d->code->bytes.len - (size_t)pc - 1;
    if (len <= 8 && len <= left) {
        const uint8_t *at = d->code->bytes.ptr + pc + 1;
        uint64_t value = 0;
        for (size_t i = 0; i < len; i++) {
            value = value << 8 | at[i];
        }
        emit(d, VD_HANDLERS[VD_OP_PUSH1], value);
        remember(d, VD_OP_PUSH1);
        return;
    }
    uint8_t bytes[32] = {0};
    memcpy(bytes + 32 - len, d->code->bytes.ptr + pc + 1, len < left ? len : left);
    struct vd_u256 word = vd_u256_from_be(bytes);
    emit_constant(d, &word);
}

/* --- fusion: an instruction joins the records before it --- */

static struct vd_block *
known_block(const struct decoder *d, uint32_t place)
{
    return (struct vd_block *)(void *)(d->evm->region + (size_t)place * 16);
}

/* Where a jump to the constant pc goes: the block, or a stand-in that finds it. */
static struct vd_block *
jump_block(struct decoder *d, uint64_t pc)
{
    if (d->code->jumps != NULL && pc < d->code->bytes.len) {
        /* Also a target of the block under construction, whose needs are filled in at its end. */
        uint32_t known = jump_place(d->evm, d->code, pc);
        if (known != VD_JUMP_UNKNOWN) {
            return known_block(d, known);
        }
    }
    struct vd_jump *jump = region_take(d->evm, sizeof *jump);
    jump->block.need = (struct vd_need){.range = VD_EVM_MAX_STACK * 32};
    jump->block.ip = &jump->resolve;
    jump->resolve = (struct vd_op){.fn = vd_handle_resolve, .a.u = pc};
    return &jump->block;
}

/* PUSH, JUMP and PUSH, JUMPI, the latter with a condition before it. */
static bool
fuse_jump(struct decoder *d, uint8_t opcode)
{
    if (d->last[0] != VD_OP_PUSH1 || (opcode != VD_OP_JUMP && opcode != VD_OP_JUMPI)) {
        return false;
    }
    struct vd_block *block = jump_block(d, d->out[-1].a.u);
    vd_op_fn *fn = opcode == VD_OP_JUMP ? vd_handle_jump_to : vd_handle_jumpi_to;
    if (opcode == VD_OP_JUMPI && VD_FUSED_JUMPI[d->last[1]] != NULL) {
        fn = VD_FUSED_JUMPI[d->last[1]];
        d->out--;
    }
    d->out[-1] = (struct vd_op){.fn = fn, .a.block = block};
    forget_last(d);
    return true;
}

static bool
constant_at(const struct decoder *d, unsigned back, struct vd_u256 *word)
{
    const struct vd_op *op = d->out - 1 - back;
    if (d->last[back] == VD_OP_PUSH1) {
        *word = vd_u256(op->a.u);
        return true;
    }
    if (d->last[back] == VD_OP_PUSH32) {
        *word = *op->a.word;
        return true;
    }
    return false;
}

/* Two constants and an operation are a constant: compilers write masks so. */
static bool
fuse_constants(struct decoder *d, uint8_t opcode)
{
    struct vd_u256 a;
    struct vd_u256 b;
    if (!constant_at(d, 0, &a) || !constant_at(d, 1, &b)) {
        return false;
    }
    unsigned shift = vd_u256_fits_u64(&a) && a.w[0] < 256 ? (unsigned)a.w[0] : 256;
    struct vd_u256 value;
    switch (opcode) {
    case VD_OP_ADD:
        value = vd_u256_add(&a, &b);
        break;
    case VD_OP_SUB:
        value = vd_u256_sub(&a, &b);
        break;
    case VD_OP_SHL:
        value = vd_u256_shl(&b, shift);
        break;
    default:
        return false;
    }
    d->out -= 2;
    d->last[0] = d->last[2];
    d->last[1] = VD_OP_STOP;
    d->last[2] = VD_OP_STOP;
    emit_constant(d, &value);
    return true;
}

static bool
fuse_last(struct decoder *d, vd_op_fn *fn, uint64_t operand, unsigned records)
{
    if (fn == NULL) {
        return false;
    }
    d->out -= records - 1;
    d->out[-1] = (struct vd_op){.fn = fn, .a.u = operand};
    forget_last(d);
    return true;
}

static bool
fuse_stack(struct decoder *d, uint8_t opcode)
{
    uint8_t last = d->last[0];
    struct vd_op *op = d->out - 1;
    if (opcode == VD_OP_POP && last == VD_OP_POP) {
        op->a.u = op->fn == vd_handle_drop ? op->a.u + 1 : 2;
        op->fn = vd_handle_drop;
        return true;
    }
    if (last >= VD_OP_SWAP1 && last <= VD_OP_SWAP16 && opcode == VD_OP_POP) {
        return fuse_last(d, vd_handle_swap_pop, (uint64_t)(last - VD_OP_SWAP1) + 1, 1);
    }
    if (last == VD_OP_SWAP1) {
        return fuse_last(d, VD_FUSED_SWAP[opcode], 0, 1);
    }
    if (last < VD_OP_DUP1 || last > VD_OP_DUP16) {
        return false;
    }
    if (opcode == VD_OP_MSTORE && last == VD_OP_DUP2 && d->last[1] == VD_OP_PUSH1) {
        return fuse_last(d, vd_handle_store_push, op[-1].a.u, 2);
    }
    return fuse_last(d, VD_FUSED_DUP[opcode], (uint64_t)(last - VD_OP_DUP1) + 1, 1);
}

static bool
fuse(struct decoder *d, uint8_t opcode)
{
    if (d->evm->tracer != NULL) {
        return false;
    }
    switch (d->last[0]) {
    case VD_OP_PUSH1:
        return fuse_jump(d, opcode) || fuse_constants(d, opcode) ||
               fuse_last(d, VD_FUSED_PUSH[opcode], d->out[-1].a.u, 1);
    case VD_OP_PUSH32:
        return fuse_constants(d, opcode) || fuse_last(d, VD_FUSED_WORD[opcode], d->out[-1].a.u, 1);
    default:
        return fuse_stack(d, opcode);
    }
}

enum flow { FLOW_ON, FLOW_BLOCK, FLOW_END };

/* What comes after an instruction: the same block, a new block, or nothing. */
static enum flow
flow_after(uint8_t opcode)
{
    switch (opcode) {
    case VD_OP_JUMPI:
    case VD_OP_GAS:
    case VD_OP_SSTORE:
    case VD_OP_CREATE:
    case VD_OP_CREATE2:
    case VD_OP_CALL:
    case VD_OP_CALLCODE:
    case VD_OP_DELEGATECALL:
    case VD_OP_STATICCALL:
        return FLOW_BLOCK;
    case VD_OP_STOP:
    case VD_OP_JUMP:
    case VD_OP_RETURN:
    case VD_OP_REVERT:
    case VD_OP_INVALID:
    case VD_OP_SELFDESTRUCT:
        return FLOW_END;
    default:
        return VD_OPCODES[opcode].defined ? FLOW_ON : FLOW_END;
    }
}

static void
emit_instruction(struct decoder *d, uint8_t opcode, uint64_t pc)
{
    block_add(d, opcode);
    if (d->evm->tracer != NULL) {
        emit(d, vd_handle_trace, pc);
    }
    if (!VD_OPCODES[opcode].defined) {
        emit(d, vd_handle_undefined, 0);
        return;
    }
    if (opcode == VD_OP_JUMPDEST) {
        if (d->evm->polls) {
            emit(d, vd_handle_poll, 0);
            forget_last(d);
        }
        return;
    }
    if (opcode >= VD_OP_PUSH0 && opcode <= VD_OP_PUSH32) {
        emit_push(d, opcode, pc);
        return;
    }
    if (!fuse(d, opcode)) {
        /* PC wants its own place, a call the place to go on from. */
        emit(d, VD_HANDLERS[opcode], opcode == VD_OP_PC ? pc : pc + 1);
        remember(d, opcode);
    }
}

/* Decodes from pc until the run ends. */
static void
decode_run(struct decoder *d, uint64_t pc)
{
    const struct vd_slice code = d->code->bytes;
    unsigned blocks = 1;
    unsigned constants = 0;
    block_open(d);
    for (unsigned count = 0; count < RUN_MAX && blocks <= RUN_BLOCKS && constants < RUN_CONSTANTS;
         count++) {
        uint8_t opcode = pc < code.len ? code.ptr[pc] : VD_OP_STOP;
        if (opcode == VD_OP_JUMPDEST && d->code->jumps != NULL) {
            uint32_t known = jump_place(d->evm, d->code, pc);
            if (known != VD_JUMP_UNKNOWN) {
                block_close(d);
                emit_enter(d, known_block(d, known));
                return;
            }
            block_target(d, pc);
        }
        emit_instruction(d, opcode, pc);
        constants += VD_OPCODES[opcode].immediate > 8;
        pc += 1u + VD_OPCODES[opcode].immediate;
        enum flow flow = flow_after(opcode);
        if (flow != FLOW_ON) {
            block_close(d);
        }
        if (flow == FLOW_END) {
            return;
        }
        if (flow == FLOW_BLOCK) {
            block_open(d);
            blocks++;
        }
    }
    block_close(d);
    emit(d, vd_handle_decode, pc);
}

struct vd_op *
vd_code_at(struct vd_frame *frame, uint64_t pc)
{
    if (!code_room(frame, RUN_ROOM)) {
        return NULL;
    }
    struct vd_evm *evm = frame->evm;
    struct vd_op *first = (struct vd_op *)(void *)(evm->region + evm->region_low);
    struct decoder d = {.evm = evm, .code = frame->code, .out = first};
    decode_run(&d, pc);
    evm->region_low = (size_t)((uint8_t *)d.out - evm->region);
    return first;
}

bool
vd_code_enter(struct vd_frame *frame)
{
    frame->code = NULL;
    if (!code_room(frame, 0)) {
        return false;
    }
    frame->ip = frame->code->start;
    if (frame->ip == NULL) {
        frame->ip = vd_code_at(frame, 0);
        if (frame->ip == NULL) {
            return false;
        }
        frame->code->start = frame->ip;
    }
    return true;
}

/* --- jumps --- */

/* Where the instructions of the frame's code start.  That is kept by hash as long as the machine
   lives, not in the region: a warm call costs 100 gas, for which nobody may make the machine go
   over 24 KiB again.  It is a 32nd of the code, and gas bounds how many codes there are: each is an
   account's, whose first touch in a transaction costs 2400 or more (EIP-2929, EIP-2930).  Init
   code, of which every create pays for each word, has it in the region. */
static const uint8_t *
find_starts(struct vd_frame *frame)
{
    struct vd_evm *evm = frame->evm;
    struct vd_slice bytes = frame->code_bytes;
    size_t len = vd_starts_len(bytes.len);
    uint8_t *made = NULL;
    void *value = &made;
    if (!vd_hash_is_zero(&frame->code_hash)) {
        evm->err = vd_map_insert(&evm->starts, &value, NULL, &frame->code_hash);
        if (evm->err != VD_OK) {
            return NULL;
        }
        memcpy(&made, value, sizeof made);
        if (made != NULL) {
            return made;
        }
        made = vd_arena_alloc(evm->arena, len, 1);
    } else {
        made = region_take(evm, len);
    }
    if (made == NULL) {
        evm->err = VD_ERR_NO_MEMORY;
        return NULL;
    }
    vd_starts_make(made, bytes);
    memcpy(value, &made, sizeof made);
    return made;
}

/* False: evm->err. */
static bool
jumps_make(struct vd_frame *frame)
{
    struct vd_code *code = frame->code;
    if (code->jumps == NULL) {
        size_t leaves = code->bytes.len / VD_JUMP_LEAF + 1;
        code->starts = find_starts(frame);
        if (code->starts == NULL) {
            return false;
        }
        code->jumps = region_take(frame->evm, leaves * sizeof *code->jumps);
        memset(code->jumps, 0, leaves * sizeof *code->jumps);
    }
    frame->jumps = code->jumps;
    frame->jump_count = code->bytes.len;
    return true;
}

struct vd_block *
vd_code_jump(struct vd_frame *frame, uint64_t pc)
{
    if (!vd_code_bytes(frame)) {
        return NULL;
    }
    struct vd_slice bytes = frame->code_bytes;
    if (pc >= bytes.len || bytes.ptr[pc] != VD_OP_JUMPDEST) {
        return NULL;
    }
    /* Room for all, so that decoding does not forget the table just made. */
    size_t leaves = bytes.len / VD_JUMP_LEAF + 1;
    size_t tables = leaves * sizeof(uint32_t) + vd_starts_len(bytes.len) + 32;
    if (!code_room(frame, RUN_ROOM + tables) || !jumps_make(frame)) {
        return NULL;
    }
    struct vd_evm *evm = frame->evm;
    if (jump_place(evm, frame->code, pc) == VD_JUMP_UNKNOWN &&
        (!vd_starts_at(frame->code->starts, bytes, (size_t)pc) || vd_code_at(frame, pc) == NULL)) {
        return NULL;
    }
    size_t place = jump_place(evm, frame->code, pc);
    return (struct vd_block *)(void *)(evm->region + place * 16);
}
