/* The interpreter: one function per instruction, each ending in a jump to the next one's. */
#include "core/evm/interp.h"

int
vd_handle_fail(PARAMETERS)
{
    f->sp = sp;
    RESUME(vd_frame_fail(f->evm));
}

/* --- blocks and jumps --- */

/* Why a block's checks failed; f->needed is what it asked for. */
int
vd_handle_fail_block(PARAMETERS)
{
    if (gas >= 0) {
        size_t height = (size_t)((uint8_t *)sp - (uint8_t *)f->stack);
        f->failure = height < f->needed.need ? VD_EVM_STACK_UNDERFLOW : VD_EVM_STACK_OVERFLOW;
    }
    FAIL();
}

int
vd_handle_begin(PARAMETERS)
{
    if (UNLIKELY(BLOCK_FAILS(ip->a.need))) {
        FAIL_BLOCK(ip->a.need);
    }
    NEXT();
}

int
vd_handle_enter(PARAMETERS)
{
    ENTER(ip->a.block);
}

int
vd_handle_goto(PARAMETERS)
{
    ip = ip->a.op;
    DISPATCH();
}

/* A record may be patched only if the region was not flushed: it is gone otherwise. */
int
vd_handle_decode(PARAMETERS)
{
    uint64_t generation = f->generation;
    struct vd_op *to = vd_code_at(f, ip->a.u);
    if (to == NULL) {
        FAIL();
    }
    if (f->generation == generation) {
        *ip = (struct vd_op){.fn = vd_handle_goto, .a.op = to};
    }
    ip = to;
    DISPATCH();
}

int
vd_handle_poll(PARAMETERS)
{
    if (UNLIKELY(__atomic_load_n(f->evm->cancel, __ATOMIC_RELAXED) !=
                 0)) { /* another thread sets it */
        f->evm->err = VD_ERR_TIMEOUT;
        FAIL();
    }
    NEXT();
}

int
vd_handle_trace(PARAMETERS)
{
    uint64_t pc = ip->a.u;
    if (!vd_code_bytes(f)) {
        FAIL();
    }
    uint8_t opcode = pc < f->code_bytes.len ? f->code_bytes.ptr[pc] : VD_OP_STOP;
    vd_trace_step(f, sp, gas, pc);
    const struct vd_opcode_info *info = &VD_OPCODES[opcode];
    if (info->defined) {
        int64_t height = sp - f->stack;
        if (height < info->need) {
            FAIL_WITH(VD_EVM_STACK_UNDERFLOW);
        }
        if (height + info->change > VD_EVM_MAX_STACK) {
            FAIL_WITH(VD_EVM_STACK_OVERFLOW);
        }
        gas -= f->evm->rules->gas[opcode];
        if (gas < 0) {
            FAIL();
        }
    }
    NEXT();
}

int
vd_handle_undefined(PARAMETERS)
{
    FAIL_WITH(VD_EVM_UNDEFINED_INSTRUCTION);
}

/* A target that the jump table does not have yet, or that is none. */
static __attribute__((noinline)) int
jump_slow(PARAMETERS)
{
    const struct vd_block *block = vd_code_jump(f, f->jump_pc);
    if (block == NULL) {
        f->failure = VD_EVM_BAD_JUMP;
        FAIL();
    }
    ENTER(block);
}

int
vd_handle_resolve(PARAMETERS)
{
    struct vd_jump *jump = (struct vd_jump *)(void *)((uint8_t *)ip - sizeof(struct vd_block));
    uint64_t generation = f->generation;
    const struct vd_block *block = vd_code_jump(f, ip->a.u);
    if (block == NULL) {
        FAIL_WITH(VD_EVM_BAD_JUMP);
    }
    if (f->generation == generation) {
        jump->block = *block;
    }
    ENTER(block);
}

#define JUMP_TO(word)                                                                            \
    do {                                                                                         \
        const struct vd_u256 *where = (word);                                                    \
        uint64_t pc = (where->w[1] | where->w[2] | where->w[3]) == 0 ? where->w[0] : UINT64_MAX; \
        uint64_t leaf = pc < f->jump_count ? f->jumps[pc / VD_JUMP_LEAF] : 0;                    \
        const void *leaf_at = f->region + leaf * 16;                                             \
        uint64_t place = ((const uint32_t *)leaf_at)[pc % VD_JUMP_LEAF];                         \
        if (UNLIKELY(place == VD_JUMP_UNKNOWN)) {                                                \
            f->jump_pc = pc;                                                                     \
            TAIL jump_slow(ip, sp, gas, f);                                                      \
        }                                                                                        \
        ENTER((const struct vd_block *)(const void *)(f->region + place * 16));                  \
    } while (0)

OP(JUMP)
{
    sp--;
    JUMP_TO(sp);
}

OP(JUMPI)
{
    sp -= 2;
    if (!vd_u256_is_zero(sp)) {
        JUMP_TO(sp + 1);
    }
    NEXT_BLOCK();
}

/* --- arithmetic, comparison, bits --- */

#define BINARY(name, value)                \
    OP(name)                               \
    {                                      \
        const struct vd_u256 *a = &sp[-1]; \
        const struct vd_u256 *b = &sp[-2]; \
        sp[-2] = (value);                  \
        sp--;                              \
        NEXT();                            \
    }

/* The same where the value comes from a function elsewhere: its result passes through a local
   variable, which must not stand in the handler. */
#define BINARY_FAR(name, value)                                          \
    static __attribute__((noinline)) void far_##name(struct vd_u256 *sp) \
    {                                                                    \
        const struct vd_u256 *a = &sp[-1];                               \
        const struct vd_u256 *b = &sp[-2];                               \
        sp[-2] = (value);                                                \
    }                                                                    \
    OP(name)                                                             \
    {                                                                    \
        far_##name(sp);                                                  \
        sp--;                                                            \
        NEXT();                                                          \
    }

BINARY(ADD, vd_u256_add(a, b))
BINARY(MUL, vd_u256_mul(a, b))
BINARY(SUB, vd_u256_sub(a, b))
BINARY_FAR(DIV, vd_u256_div(a, b))
BINARY_FAR(SDIV, vd_u256_sdiv(a, b))
BINARY_FAR(MOD, vd_u256_mod(a, b))
BINARY_FAR(SMOD, vd_u256_smod(a, b))
BINARY(LT, vd_u256(vd_u256_lt(a, b)))
BINARY(GT, vd_u256(vd_u256_lt(b, a)))
BINARY(SLT, vd_u256(vd_u256_slt(a, b)))
BINARY(SGT, vd_u256(vd_u256_slt(b, a)))
BINARY(EQ, vd_u256(vd_u256_eq(a, b)))
BINARY(AND, vd_u256_and(a, b))
BINARY(OR, vd_u256_or(a, b))
BINARY(XOR, vd_u256_xor(a, b))

OP(ISZERO)
{
    sp[-1] = vd_u256(vd_u256_is_zero(&sp[-1]));
    NEXT();
}

OP(NOT)
{
    sp[-1] = vd_u256_not(&sp[-1]);
    NEXT();
}

static __attribute__((noinline)) void
far_ADDMOD(struct vd_u256 *sp)
{
    sp[-3] = vd_u256_addmod(&sp[-1], &sp[-2], &sp[-3]);
}

OP(ADDMOD)
{
    far_ADDMOD(sp);
    sp -= 2;
    NEXT();
}

static __attribute__((noinline)) void
far_MULMOD(struct vd_u256 *sp)
{
    sp[-3] = vd_u256_mulmod(&sp[-1], &sp[-2], &sp[-3]);
}

OP(MULMOD)
{
    far_MULMOD(sp);
    sp -= 2;
    NEXT();
}

static inline unsigned
shift_count(const struct vd_u256 *a)
{
    return vd_u256_fits_u64(a) && a->w[0] < 256 ? (unsigned)a->w[0] : 256;
}

OP(SHL)
{
    vd_shl_small(&sp[-2], HIGH(sp[-1]) != 0 ? 256 : sp[-1].w[0]);
    sp--;
    NEXT();
}

OP(SHR)
{
    vd_shr_small(&sp[-2], HIGH(sp[-1]) != 0 ? 256 : sp[-1].w[0]);
    sp--;
    NEXT();
}

BINARY_FAR(SAR, vd_u256_sar(b, shift_count(a)))

/* The word's limb that holds the sign bit is extended, those above are all sign. */
OP(SIGNEXTEND)
{
    struct vd_u256 *word = &sp[-2];
    if (HIGH(sp[-1]) == 0 && sp[-1].w[0] < 31) {
        unsigned limb = (unsigned)sp[-1].w[0] / 8;
        unsigned unused = 56 - 8 * ((unsigned)sp[-1].w[0] % 8);
        int64_t low = (int64_t)(word->w[limb] << unused) >> unused;
        word->w[limb] = (uint64_t)low;
        for (unsigned i = limb + 1; i < 4; i++) {
            word->w[i] = (uint64_t)(low >> 63);
        }
    }
    sp--;
    NEXT();
}

OP(BYTE)
{
    const struct vd_u256 *index = &sp[-1];
    uint64_t byte = 0;
    if (vd_u256_fits_u64(index) && index->w[0] < 32) {
        unsigned place = 31 - (unsigned)index->w[0];
        byte = sp[-2].w[place / 8] >> (8 * (place % 8)) & 0xff;
    }
    sp[-2] = vd_u256(byte);
    sp--;
    NEXT();
}

/* --- stack --- */

OP(POP)
{
    sp--;
    NEXT();
}

#define PUSH_WORD(name, value) \
    OP(name)                   \
    {                          \
        *sp++ = (value);       \
        NEXT();                \
    }

PUSH_WORD(PUSH0, vd_u256(0))
#define PUSH_SMALL(n) PUSH_WORD(PUSH##n, vd_u256(ip->a.u))
#define PUSH_BIG(n) PUSH_WORD(PUSH##n, *ip->a.word)
#define EIGHT(M, a, b, c, d, e, f, g, h) M(a) M(b) M(c) M(d) M(e) M(f) M(g) M(h)
EIGHT(PUSH_SMALL, 1, 2, 3, 4, 5, 6, 7, 8)
EIGHT(PUSH_BIG, 9, 10, 11, 12, 13, 14, 15, 16)
EIGHT(PUSH_BIG, 17, 18, 19, 20, 21, 22, 23, 24)
EIGHT(PUSH_BIG, 25, 26, 27, 28, 29, 30, 31, 32)

#define DUP(n)          \
    OP(DUP##n)          \
    {                   \
        *sp = sp[-(n)]; \
        sp++;           \
        NEXT();         \
    }
#define SWAP(n)                      \
    OP(SWAP##n)                      \
    {                                \
        struct vd_u256 top = sp[-1]; \
        sp[-1] = sp[-1 - (n)];       \
        sp[-1 - (n)] = top;          \
        NEXT();                      \
    }
EIGHT(DUP, 1, 2, 3, 4, 5, 6, 7, 8)
EIGHT(DUP, 9, 10, 11, 12, 13, 14, 15, 16)
EIGHT(SWAP, 1, 2, 3, 4, 5, 6, 7, 8)
EIGHT(SWAP, 9, 10, 11, 12, 13, 14, 15, 16)

/* --- environment --- */

static __attribute__((noinline)) void
far_address(struct vd_u256 *out, const struct vd_address *address)
{
    *out = vd_address_word(address);
}

#define PUSH_ADDRESS(name, address)  \
    OP(name)                         \
    {                                \
        far_address(sp, &(address)); \
        sp++;                        \
        NEXT();                      \
    }

PUSH_ADDRESS(ADDRESS, f->self)
PUSH_ADDRESS(ORIGIN, f->evm->tx->origin)
PUSH_ADDRESS(CALLER, f->caller)
PUSH_WORD(CALLVALUE, f->value)
PUSH_WORD(CALLDATASIZE, vd_u256(f->input_len))
PUSH_WORD(CODESIZE, vd_u256(f->code_bytes.len))
PUSH_WORD(GASPRICE, f->evm->tx->gas_price)
PUSH_WORD(RETURNDATASIZE, vd_u256(f->evm->output_len))
PUSH_ADDRESS(COINBASE, f->evm->block->coinbase)
PUSH_WORD(TIMESTAMP, vd_u256(f->evm->block->timestamp))
PUSH_WORD(NUMBER, vd_u256(f->evm->block->number))
PUSH_WORD(PREVRANDAO, vd_u256_from_be(f->evm->block->prev_randao.b))
PUSH_WORD(GASLIMIT, vd_u256(f->evm->block->gas_limit))
PUSH_WORD(CHAINID, vd_u256(f->evm->block->chain_id))
PUSH_WORD(BASEFEE, f->evm->block->base_fee)
PUSH_WORD(BLOBBASEFEE, f->evm->block->blob_base_fee)
PUSH_WORD(PC, vd_u256(ip->a.u))
PUSH_WORD(MSIZE, vd_u256(f->memory_len))

OP(GAS)
{
    *sp++ = vd_u256((uint64_t)gas);
    NEXT_BLOCK();
}

/* Without effect but its gas, which the block took.  Never decoded to a record. */
OP(JUMPDEST)
{
    NEXT();
}

/* --- memory --- */

int
vd_handle_grow(PARAMETERS)
{
    gas = vd_memory_grow(f, f->grow_offset, f->grow_len, gas);
    if (gas < 0) {
        FAIL();
    }
    DISPATCH();
}

OP(MLOAD)
{
    NEED_WORD(sp[-1]);
    sp[-1] = vd_u256_from_be(f->memory + sp[-1].w[0]);
    NEXT();
}

OP(MSTORE)
{
    NEED_WORD(sp[-1]);
    vd_u256_to_be(f->memory + sp[-1].w[0], &sp[-2]);
    sp -= 2;
    NEXT();
}

OP(MSTORE8)
{
    if (UNLIKELY(HIGH(sp[-1]) != 0)) {
        FAIL();
    }
    if (UNLIKELY(sp[-1].w[0] >= f->memory_len)) {
        GROW(sp[-1].w[0], 1);
    }
    f->memory[sp[-1].w[0]] = (uint8_t)sp[-2].w[0];
    sp -= 2;
    NEXT();
}

/* --- longer bodies --- */

#define BODY(name, call, change) \
    OP(name)                     \
    {                            \
        gas = (call);            \
        if (UNLIKELY(gas < 0)) { \
            FAIL();              \
        }                        \
        sp += (change);          \
        NEXT();                  \
    }

BODY(EXP, vd_do_exp(f, sp, gas), -1)
BODY(KECCAK256, vd_do_keccak256(f, sp, gas), -1)
BODY(BALANCE, vd_do_balance(f, sp, gas), 0)
BODY(CALLDATALOAD, vd_do_calldataload(f, sp, gas), 0)
BODY(CALLDATACOPY, vd_do_calldatacopy(f, sp, gas), -3)
BODY(CODECOPY, vd_do_codecopy(f, sp, gas), -3)
BODY(EXTCODESIZE, vd_do_extcodesize(f, sp, gas), 0)
BODY(EXTCODECOPY, vd_do_extcodecopy(f, sp, gas), -4)
BODY(RETURNDATACOPY, vd_do_returndatacopy(f, sp, gas), -3)
BODY(EXTCODEHASH, vd_do_extcodehash(f, sp, gas), 0)
BODY(BLOCKHASH, vd_do_blockhash(f, sp, gas), 0)
BODY(SELFBALANCE, vd_do_selfbalance(f, sp, gas), 1)
BODY(BLOBHASH, vd_do_blobhash(f, sp, gas), 0)
BODY(SLOAD, vd_do_sload(f, sp, gas), 0)
BODY(TLOAD, vd_do_tload(f, sp, gas), 0)
BODY(TSTORE, vd_do_tstore(f, sp, gas), -2)
BODY(MCOPY, vd_do_mcopy(f, sp, gas), -3)
BODY(LOG0, vd_do_log(f, sp, gas, 0), -2)
BODY(LOG1, vd_do_log(f, sp, gas, 1), -3)
BODY(LOG2, vd_do_log(f, sp, gas, 2), -4)
BODY(LOG3, vd_do_log(f, sp, gas, 3), -5)
BODY(LOG4, vd_do_log(f, sp, gas, 4), -6)

OP(SSTORE)
{
    gas = vd_do_sstore(f, sp, gas);
    if (UNLIKELY(gas < 0)) {
        FAIL();
    }
    sp -= 2;
    NEXT_BLOCK();
}

/* --- calls and ends --- */

#define STORE_FRAME() (f->ip = ip + 1, f->sp = sp, f->gas = gas)

#define CALL_LIKE(name, begin)               \
    OP(name)                                 \
    {                                        \
        STORE_FRAME();                       \
        f->resume_pc = ip->a.u;              \
        RESUME(begin(f->evm, VD_OP_##name)); \
    }
CALL_LIKE(CALL, vd_call_begin)
CALL_LIKE(CALLCODE, vd_call_begin)
CALL_LIKE(DELEGATECALL, vd_call_begin)
CALL_LIKE(STATICCALL, vd_call_begin)
CALL_LIKE(CREATE, vd_create_begin)
CALL_LIKE(CREATE2, vd_create_begin)

OP(STOP)
{
    STORE_FRAME();
    RESUME(vd_frame_end(f->evm, VD_EVM_SUCCESS, NULL, 0));
}

OP(RETURN)
{
    STORE_FRAME();
    RESUME(vd_frame_return(f->evm, VD_EVM_SUCCESS));
}

OP(REVERT)
{
    STORE_FRAME();
    RESUME(vd_frame_return(f->evm, VD_EVM_REVERT));
}

OP(INVALID)
{
    FAIL_WITH(VD_EVM_INVALID_INSTRUCTION);
}

OP(SELFDESTRUCT)
{
    gas = vd_do_selfdestruct(f, sp, gas);
    if (gas < 0) {
        FAIL();
    }
    STORE_FRAME();
    RESUME(vd_frame_end(f->evm, VD_EVM_SUCCESS, NULL, 0));
}

vd_op_fn *const VD_HANDLERS[256] = {
#define X(value, name, immediate, need, change) [value] = op_##name,
#include "viaduct/core/evm/opcodes.def"
#undef X
};

int
vd_interp_run(struct vd_evm *evm)
{
    int run = VD_RUN_GO;
    while (run == VD_RUN_GO) {
        struct vd_frame *f = evm->frame;
        run = f->ip->fn(f->ip, f->sp, f->gas, f);
    }
    return run;
}
