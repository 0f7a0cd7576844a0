/* Handlers for several instructions at once: what compilers write most often.  A block's checks
   count every instruction of it, so the words left out between two fused ones need no check. */
#include "core/evm/interp.h"

/* --- binary operations with an operand that is not on the stack --- */

/* X(name, value of a (the top) and b) for operations short enough to stand in a handler. */
#define SHORT_LIST(X)                  \
    X(ADD, vd_u256_add(a, b))          \
    X(SUB, vd_u256_sub(a, b))          \
    X(MUL, vd_u256_mul(a, b))          \
    X(AND, vd_u256_and(a, b))          \
    X(OR, vd_u256_or(a, b))            \
    X(XOR, vd_u256_xor(a, b))          \
    X(LT, vd_u256(vd_u256_lt(a, b)))   \
    X(GT, vd_u256(vd_u256_lt(b, a)))   \
    X(SLT, vd_u256(vd_u256_slt(a, b))) \
    X(SGT, vd_u256(vd_u256_slt(b, a))) \
    X(EQ, vd_u256(vd_u256_eq(a, b)))

/* PUSH of a small number: the other limbs are known to be zero. */
#define X(name, value)                                      \
    static int push_##name(PARAMETERS)                      \
    {                                                       \
        const struct vd_u256 pushed = {{ip->a.u, 0, 0, 0}}; \
        const struct vd_u256 *a = &pushed;                  \
        const struct vd_u256 *b = &sp[-1];                  \
        sp[-1] = (value);                                   \
        NEXT();                                             \
    }
SHORT_LIST(X)
#undef X

#define X(name, value)                        \
    static int word_##name(PARAMETERS)        \
    {                                         \
        const struct vd_u256 *a = ip->a.word; \
        const struct vd_u256 *b = &sp[-1];    \
        sp[-1] = (value);                     \
        NEXT();                               \
    }
SHORT_LIST(X)
#undef X

#define X(name, value)                          \
    static int dup_##name(PARAMETERS)           \
    {                                           \
        const struct vd_u256 *a = sp - ip->a.u; \
        const struct vd_u256 *b = &sp[-1];      \
        sp[-1] = (value);                       \
        NEXT();                                 \
    }
SHORT_LIST(X)
#undef X

#define X(name, value)                     \
    static int swap_##name(PARAMETERS)     \
    {                                      \
        const struct vd_u256 *a = &sp[-2]; \
        const struct vd_u256 *b = &sp[-1]; \
        sp[-2] = (value);                  \
        sp--;                              \
        NEXT();                            \
    }
SHORT_LIST(X)
#undef X

/* --- shifts by a constant --- */

static int
push_SHL(PARAMETERS)
{
    vd_shl_small(&sp[-1], ip->a.u);
    NEXT();
}

static int
push_SHR(PARAMETERS)
{
    vd_shr_small(&sp[-1], ip->a.u);
    NEXT();
}

/* --- memory --- */

static int
push_MLOAD(PARAMETERS)
{
    uint64_t offset = ip->a.u;
    if (UNLIKELY(offset >= f->word_limit)) {
        GROW(offset, 32);
    }
    *sp++ = vd_u256_from_be(f->memory + offset);
    NEXT();
}

static int
push_MSTORE(PARAMETERS)
{
    uint64_t offset = ip->a.u;
    if (UNLIKELY(offset >= f->word_limit)) {
        GROW(offset, 32);
    }
    vd_u256_to_be(f->memory + offset, &sp[-1]);
    sp--;
    NEXT();
}

static int
dup_MLOAD(PARAMETERS)
{
    const struct vd_u256 *offset = sp - ip->a.u;
    NEED_WORD(*offset);
    *sp++ = vd_u256_from_be(f->memory + offset->w[0]);
    NEXT();
}

static int
dup_MSTORE(PARAMETERS)
{
    const struct vd_u256 *offset = sp - ip->a.u;
    NEED_WORD(*offset);
    vd_u256_to_be(f->memory + offset->w[0], &sp[-1]);
    sp--;
    NEXT();
}

int
vd_handle_store_push(PARAMETERS)
{
    NEED_WORD(sp[-1]);
    uint8_t *to = f->memory + sp[-1].w[0];
    memset(to, 0, 24);
    vd_store_be64(to + 24, ip->a.u);
    NEXT();
}

/* --- stack --- */

int
vd_handle_swap_pop(PARAMETERS)
{
    sp--;
    *(sp - ip->a.u) = *sp;
    NEXT();
}

int
vd_handle_drop(PARAMETERS)
{
    sp -= ip->a.u;
    NEXT();
}

/* --- jumps --- */

int
vd_handle_jump_to(PARAMETERS)
{
    ENTER(ip->a.block);
}

/* words: how many words the condition takes from the stack. */
#define JUMP_IF(condition, words)                                  \
    do {                                                           \
        const struct vd_u256 *a = &sp[-1];                         \
        const struct vd_u256 *b __attribute__((unused)) = &sp[-2]; \
        bool jump = (condition);                                   \
        sp -= (words);                                             \
        if (jump) {                                                \
            ENTER(ip->a.block);                                    \
        }                                                          \
        NEXT_BLOCK();                                              \
    } while (0)

int
vd_handle_jumpi_to(PARAMETERS)
{
    JUMP_IF(!vd_u256_is_zero(a), 1);
}

#define CONDITION_LIST(X)            \
    X(ISZERO, vd_u256_is_zero(a), 1) \
    X(LT, vd_u256_lt(a, b), 2)       \
    X(GT, vd_u256_lt(b, a), 2)       \
    X(SLT, vd_u256_slt(a, b), 2)     \
    X(SGT, vd_u256_slt(b, a), 2)     \
    X(EQ, vd_u256_eq(a, b), 2)       \
    X(SUB, !vd_u256_eq(a, b), 2)

#define X(name, condition, words)       \
    static int jumpi_##name(PARAMETERS) \
    {                                   \
        JUMP_IF(condition, words);      \
    }
CONDITION_LIST(X)
#undef X

vd_op_fn *const VD_FUSED_PUSH[256] = {
#define X(name, value) [VD_OP_##name] = push_##name,
    SHORT_LIST(X)
#undef X
        [VD_OP_SHL] = push_SHL,
    [VD_OP_SHR] = push_SHR,
    [VD_OP_MLOAD] = push_MLOAD,
    [VD_OP_MSTORE] = push_MSTORE,
};

vd_op_fn *const VD_FUSED_WORD[256] = {
#define X(name, value) [VD_OP_##name] = word_##name,
    SHORT_LIST(X)
#undef X
};

vd_op_fn *const VD_FUSED_DUP[256] = {
#define X(name, value) [VD_OP_##name] = dup_##name,
    SHORT_LIST(X)
#undef X
        [VD_OP_MLOAD] = dup_MLOAD,
    [VD_OP_MSTORE] = dup_MSTORE,
};

vd_op_fn *const VD_FUSED_SWAP[256] = {
#define X(name, value) [VD_OP_##name] = swap_##name,
    SHORT_LIST(X)
#undef X
};

vd_op_fn *const VD_FUSED_JUMPI[256] = {
#define X(name, condition, words) [VD_OP_##name] = jumpi_##name,
    CONDITION_LIST(X)
#undef X
};
