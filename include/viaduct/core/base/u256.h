/* 256-bit unsigned integers, four 64-bit limbs, least significant first.

   All arithmetic is modulo 2^256 unless a function says otherwise; the signed operations read
   the word as two's complement, as the EVM does (Yellow Paper, appendix H). */
#ifndef VIADUCT_CORE_BASE_U256_H
#define VIADUCT_CORE_BASE_U256_H

#include "viaduct/core/base/bytes.h"

struct vd_u256 {
    uint64_t w[4];
};

static inline struct vd_u256
vd_u256_from_be(const uint8_t bytes[32])
{
    return (struct vd_u256){.w = {vd_load_be64(bytes + 24), vd_load_be64(bytes + 16),
                                  vd_load_be64(bytes + 8), vd_load_be64(bytes)}};
}

static inline void
vd_u256_to_be(uint8_t out[32], const struct vd_u256 *a)
{
    vd_store_be64(out, a->w[3]);
    vd_store_be64(out + 8, a->w[2]);
    vd_store_be64(out + 16, a->w[1]);
    vd_store_be64(out + 24, a->w[0]);
}

/* From up to 32 big-endian bytes. */
struct vd_u256 vd_u256_from_slice(struct vd_slice bytes);
/* The number of significant bytes, 0 for zero. */
unsigned vd_u256_byte_len(const struct vd_u256 *a);
unsigned vd_u256_bit_len(const struct vd_u256 *a);

static inline struct vd_u256
vd_u256(uint64_t v)
{
    return (struct vd_u256){.w = {v, 0, 0, 0}};
}

static inline bool
vd_u256_is_zero(const struct vd_u256 *a)
{
    return (a->w[0] | a->w[1] | a->w[2] | a->w[3]) == 0;
}

static inline bool
vd_u256_fits_u64(const struct vd_u256 *a)
{
    return (a->w[1] | a->w[2] | a->w[3]) == 0;
}

static inline bool
vd_u256_eq(const struct vd_u256 *a, const struct vd_u256 *b)
{
    return ((a->w[0] ^ b->w[0]) | (a->w[1] ^ b->w[1]) | (a->w[2] ^ b->w[2]) |
            (a->w[3] ^ b->w[3])) == 0;
}

/* a + b + *carry; *carry (0 or 1) becomes the carry out.  The builtins keep the carry in the
   flags on x86-64, which neither compiler finds in the portable form. */
static inline uint64_t
vd_u64_adc(uint64_t a, uint64_t b, unsigned char *carry)
{
#if defined(__x86_64__)
    unsigned long long sum;
    *carry = __builtin_ia32_addcarryx_u64(*carry, a, b, &sum);
    return sum;
#else
    uint64_t partial = a + b;
    uint64_t sum = partial + *carry;
    *carry = (unsigned char)((partial < a) | (sum < partial));
    return sum;
#endif
}

/* a - b - *borrow; *borrow (0 or 1) becomes the borrow out. */
static inline uint64_t
vd_u64_sbb(uint64_t a, uint64_t b, unsigned char *borrow)
{
#if defined(__x86_64__)
    unsigned long long difference;
#if defined(__clang__)
    *borrow = __builtin_ia32_subborrow_u64(*borrow, a, b, &difference);
#else
    *borrow = __builtin_ia32_sbb_u64(*borrow, a, b, &difference);
#endif
    return difference;
#else
    uint64_t partial = a - b;
    uint64_t difference = partial - *borrow;
    *borrow = (unsigned char)((a < b) | (partial < *borrow));
    return difference;
#endif
}

/* The checked forms return true when the true result does not fit. */
static inline bool
vd_u256_add_overflow(struct vd_u256 *out, const struct vd_u256 *a, const struct vd_u256 *b)
{
    unsigned char carry = 0;
    uint64_t w0 = vd_u64_adc(a->w[0], b->w[0], &carry);
    uint64_t w1 = vd_u64_adc(a->w[1], b->w[1], &carry);
    uint64_t w2 = vd_u64_adc(a->w[2], b->w[2], &carry);
    uint64_t w3 = vd_u64_adc(a->w[3], b->w[3], &carry);
    *out = (struct vd_u256){.w = {w0, w1, w2, w3}};
    return carry != 0;
}

static inline bool
vd_u256_sub_overflow(struct vd_u256 *out, const struct vd_u256 *a, const struct vd_u256 *b)
{
    unsigned char borrow = 0;
    uint64_t w0 = vd_u64_sbb(a->w[0], b->w[0], &borrow);
    uint64_t w1 = vd_u64_sbb(a->w[1], b->w[1], &borrow);
    uint64_t w2 = vd_u64_sbb(a->w[2], b->w[2], &borrow);
    uint64_t w3 = vd_u64_sbb(a->w[3], b->w[3], &borrow);
    *out = (struct vd_u256){.w = {w0, w1, w2, w3}};
    return borrow != 0;
}

bool vd_u256_mul_overflow(struct vd_u256 *out, const struct vd_u256 *a, const struct vd_u256 *b);

static inline struct vd_u256
vd_u256_add(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct vd_u256 sum;
    (void)vd_u256_add_overflow(&sum, a, b);
    return sum;
}

static inline struct vd_u256
vd_u256_sub(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct vd_u256 difference;
    (void)vd_u256_sub_overflow(&difference, a, b);
    return difference;
}

static inline bool
vd_u256_lt(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct vd_u256 difference;
    return vd_u256_sub_overflow(&difference, a, b);
}

/* Signed: with the sign bits flipped, two's complement compares like unsigned. */
static inline bool
vd_u256_slt(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct vd_u256 x = *a;
    struct vd_u256 y = *b;
    x.w[3] ^= (uint64_t)1 << 63;
    y.w[3] ^= (uint64_t)1 << 63;
    return vd_u256_lt(&x, &y);
}

/* -1, 0 or 1. */
static inline int
vd_u256_cmp(const struct vd_u256 *a, const struct vd_u256 *b)
{
    return (int)vd_u256_lt(b, a) - (int)vd_u256_lt(a, b);
}

/* Columns of 64 x 64 -> 128 bit products; what lies above the fourth limb is never computed. */
static inline struct vd_u256
vd_u256_mul(const struct vd_u256 *a, const struct vd_u256 *b)
{
    unsigned __int128 p00 = (unsigned __int128)a->w[0] * b->w[0];
    unsigned __int128 p01 = (unsigned __int128)a->w[0] * b->w[1];
    unsigned __int128 p10 = (unsigned __int128)a->w[1] * b->w[0];
    unsigned __int128 p02 = (unsigned __int128)a->w[0] * b->w[2];
    unsigned __int128 p11 = (unsigned __int128)a->w[1] * b->w[1];
    unsigned __int128 p20 = (unsigned __int128)a->w[2] * b->w[0];
    /* (2^64-1)^2 + 2 * (2^64-1) < 2^128: neither sum below overflows. */
    unsigned __int128 c1 = p01 + (uint64_t)(p00 >> 64);
    unsigned __int128 c1b = p10 + (uint64_t)c1;
    unsigned __int128 high = p02 + p11 + p20 + (uint64_t)(c1 >> 64) + (uint64_t)(c1b >> 64);
    uint64_t w3 = (uint64_t)(high >> 64) + a->w[0] * b->w[3] + a->w[1] * b->w[2] +
                  a->w[2] * b->w[1] + a->w[3] * b->w[0];
    return (struct vd_u256){.w = {(uint64_t)p00, (uint64_t)c1b, (uint64_t)high, w3}};
}

/* Division by zero gives zero, as in the EVM. */
struct vd_u256 vd_u256_div(const struct vd_u256 *a, const struct vd_u256 *b);
struct vd_u256 vd_u256_mod(const struct vd_u256 *a, const struct vd_u256 *b);
struct vd_u256 vd_u256_sdiv(const struct vd_u256 *a, const struct vd_u256 *b);
struct vd_u256 vd_u256_smod(const struct vd_u256 *a, const struct vd_u256 *b);
struct vd_u256 vd_u256_addmod(const struct vd_u256 *a, const struct vd_u256 *b,
                              const struct vd_u256 *m);
struct vd_u256 vd_u256_mulmod(const struct vd_u256 *a, const struct vd_u256 *b,
                              const struct vd_u256 *m);
struct vd_u256 vd_u256_exp(const struct vd_u256 *base, const struct vd_u256 *exponent);

static inline struct vd_u256
vd_u256_and(const struct vd_u256 *a, const struct vd_u256 *b)
{
    return (struct vd_u256){
        .w = {a->w[0] & b->w[0], a->w[1] & b->w[1], a->w[2] & b->w[2], a->w[3] & b->w[3]}};
}

static inline struct vd_u256
vd_u256_or(const struct vd_u256 *a, const struct vd_u256 *b)
{
    return (struct vd_u256){
        .w = {a->w[0] | b->w[0], a->w[1] | b->w[1], a->w[2] | b->w[2], a->w[3] | b->w[3]}};
}

static inline struct vd_u256
vd_u256_xor(const struct vd_u256 *a, const struct vd_u256 *b)
{
    return (struct vd_u256){
        .w = {a->w[0] ^ b->w[0], a->w[1] ^ b->w[1], a->w[2] ^ b->w[2], a->w[3] ^ b->w[3]}};
}

static inline struct vd_u256
vd_u256_not(const struct vd_u256 *a)
{
    return (struct vd_u256){.w = {~a->w[0], ~a->w[1], ~a->w[2], ~a->w[3]}};
}

/* Shifts by 256 or more give zero (all ones for sar of a negative word). */
struct vd_u256 vd_u256_shl(const struct vd_u256 *a, unsigned bits);
struct vd_u256 vd_u256_shr(const struct vd_u256 *a, unsigned bits);
struct vd_u256 vd_u256_sar(const struct vd_u256 *a, unsigned bits);
/* SIGNEXTEND with byte index k; k of 31 or more returns a. */
struct vd_u256 vd_u256_signextend(const struct vd_u256 *a, uint64_t k);

/* vd_u256_div_u64 divides in place and returns the remainder; divisor is not zero. */
uint64_t vd_u256_div_u64(struct vd_u256 *a, uint64_t divisor);
/* vd_u256_to_dec writes a decimal number and its terminator; out holds 79 bytes. */
void vd_u256_to_dec(char out[79], const struct vd_u256 *a);

#endif
