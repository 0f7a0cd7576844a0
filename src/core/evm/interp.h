/* What the files of handlers share: how a handler goes on, fails, enters a block.

   The jumps from handler to handler are tail calls and keep ip, sp, gas and the frame in
   registers; a handler therefore has no local variable whose address leaves it (longer bodies are
   in ops_*.c).  Where tail calls cannot be had a handler stores the four and returns to a loop. */
#ifndef VD_CORE_EVM_INTERP_H
#define VD_CORE_EVM_INTERP_H

#include "core/evm/machine.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INTERP_LOOP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(undefined_behavior_sanitizer)
#define INTERP_LOOP 1
#endif
#endif
/* clang promises tail calls at every level of optimisation, gcc makes them at -O2 and above but
   tells nobody the level: the build says so by VD_TAIL_CALLS.  Without tail calls each instruction
   would take room on the stack. */
#if !defined(INTERP_LOOP) && !defined(__clang__) && !defined(VD_TAIL_CALLS)
#define INTERP_LOOP 1
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#if defined(__clang__) && !defined(INTERP_LOOP)
#define TAIL __attribute__((musttail)) return
#else
#define TAIL return
#endif
#if defined(INTERP_LOOP)
#define DISPATCH()                                               \
    do {                                                         \
        f->ip = ip, f->sp = sp, f->gas = gas, f->evm->frame = f; \
        return VD_RUN_GO;                                        \
    } while (0)
#else
#define DISPATCH() TAIL ip->fn(ip, sp, gas, f)
#endif

#define NEXT()      \
    do {            \
        ip++;       \
        DISPATCH(); \
    } while (0)

#define PARAMETERS                                                                        \
    struct vd_op *ip __attribute__((unused)), struct vd_u256 *sp __attribute__((unused)), \
        int64_t gas __attribute__((unused)), struct vd_frame *f __attribute__((unused))
#define OP(name) static int op_##name(PARAMETERS)

/* After a function that may have changed the running frame. */
#define RESUME(run)                  \
    do {                             \
        struct vd_evm *evm = f->evm; \
        if ((run) != VD_RUN_GO) {    \
            return VD_RUN_END;       \
        }                            \
        f = evm->frame;              \
        ip = f->ip;                  \
        sp = f->sp;                  \
        gas = f->gas;                \
        DISPATCH();                  \
    } while (0)

#define FAIL() TAIL vd_handle_fail(ip, sp, gas, f)
#define FAIL_WITH(status)      \
    do {                       \
        f->failure = (status); \
        FAIL();                \
    } while (0)

/* Takes a block's gas; true when the gas or the stack is wrong for it. */
#define BLOCK_FAILS(b)       \
    ((gas -= (b).gas) < 0 || \
     (uint32_t)((uint8_t *)sp - (uint8_t *)f->stack) - (uint32_t)(b).need > (uint32_t)(b).range)

#define FAIL_BLOCK(what)                           \
    do {                                           \
        f->needed = (what);                        \
        TAIL vd_handle_fail_block(ip, sp, gas, f); \
    } while (0)

/* ip[1] is a begin record: what vd_handle_begin does, without going there. */
#define NEXT_BLOCK()                             \
    do {                                         \
        ip++;                                    \
        if (UNLIKELY(BLOCK_FAILS(ip->a.need))) { \
            FAIL_BLOCK(ip->a.need);              \
        }                                        \
        NEXT();                                  \
    } while (0)

#define ENTER(target)                          \
    do {                                       \
        const struct vd_block *to = (target);  \
        if (UNLIKELY(BLOCK_FAILS(to->need))) { \
            FAIL_BLOCK(to->need);              \
        }                                      \
        ip = to->ip;                           \
        DISPATCH();                            \
    } while (0)

/* The limbs that an offset within memory does not have. */
#define HIGH(word) ((word).w[1] | (word).w[2] | (word).w[3])

/* Buys memory, then does the instruction at ip again. */
#define GROW(offset, len)                    \
    do {                                     \
        f->grow_offset = (offset);           \
        f->grow_len = (len);                 \
        TAIL vd_handle_grow(ip, sp, gas, f); \
    } while (0)

/* Sees to it that the word at offset lies in memory. */
#define NEED_WORD(offset)                               \
    do {                                                \
        if (UNLIKELY(HIGH(offset) != 0)) {              \
            FAIL();                                     \
        }                                               \
        if (UNLIKELY((offset).w[0] >= f->word_limit)) { \
            GROW((offset).w[0], 32);                    \
        }                                               \
    } while (0)

/* Shifts in place, without leaving the handler: whole limbs first, then bits. */
static inline void
vd_shl_small(struct vd_u256 *a, uint64_t count)
{
    uint64_t w0 = a->w[0], w1 = a->w[1], w2 = a->w[2], w3 = a->w[3];
    if (count & 128) {
        w3 = w1, w2 = w0, w1 = 0, w0 = 0;
    }
    if (count & 64) {
        w3 = w2, w2 = w1, w1 = w0, w0 = 0;
    }
    unsigned bits = (unsigned)count & 63;
    uint64_t keep = count < 256 ? UINT64_MAX : 0;
    /* Shifting down by 1 and by 63 - bits keeps each count below 64. */
    a->w[3] = (w3 << bits | w2 >> 1 >> (63 - bits)) & keep;
    a->w[2] = (w2 << bits | w1 >> 1 >> (63 - bits)) & keep;
    a->w[1] = (w1 << bits | w0 >> 1 >> (63 - bits)) & keep;
    a->w[0] = w0 << bits & keep;
}

static inline void
vd_shr_small(struct vd_u256 *a, uint64_t count)
{
    uint64_t w0 = a->w[0], w1 = a->w[1], w2 = a->w[2], w3 = a->w[3];
    if (count & 128) {
        w0 = w2, w1 = w3, w2 = 0, w3 = 0;
    }
    if (count & 64) {
        w0 = w1, w1 = w2, w2 = w3, w3 = 0;
    }
    unsigned bits = (unsigned)count & 63;
    uint64_t keep = count < 256 ? UINT64_MAX : 0;
    a->w[0] = (w0 >> bits | w1 << 1 << (63 - bits)) & keep;
    a->w[1] = (w1 >> bits | w2 << 1 << (63 - bits)) & keep;
    a->w[2] = (w2 >> bits | w3 << 1 << (63 - bits)) & keep;
    a->w[3] = w3 >> bits & keep;
}

#endif
