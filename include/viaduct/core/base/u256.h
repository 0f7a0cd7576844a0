/* 256-bit unsigned integers, four 64-bit limbs, least significant first.

   All arithmetic is modulo 2^256 unless a function says otherwise; the signed operations read
   the word as two's complement, as the EVM does (Yellow Paper, appendix H). */
#ifndef VIADUCT_CORE_BASE_U256_H
#define VIADUCT_CORE_BASE_U256_H

#include "viaduct/core/base/bytes.h"

struct vd_u256 {
    uint64_t w[4];
};

struct vd_u256 vd_u256_from_be(const uint8_t bytes[32]);
void vd_u256_to_be(uint8_t out[32], const struct vd_u256 *a);
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

/* -1, 0 or 1. */
int vd_u256_cmp(const struct vd_u256 *a, const struct vd_u256 *b);
bool vd_u256_lt(const struct vd_u256 *a, const struct vd_u256 *b);
bool vd_u256_slt(const struct vd_u256 *a, const struct vd_u256 *b);

/* The checked forms return true when the true result does not fit. */
struct vd_u256 vd_u256_add(const struct vd_u256 *a, const struct vd_u256 *b);
struct vd_u256 vd_u256_sub(const struct vd_u256 *a, const struct vd_u256 *b);
struct vd_u256 vd_u256_mul(const struct vd_u256 *a, const struct vd_u256 *b);
bool vd_u256_add_overflow(struct vd_u256 *out, const struct vd_u256 *a, const struct vd_u256 *b);
bool vd_u256_sub_overflow(struct vd_u256 *out, const struct vd_u256 *a, const struct vd_u256 *b);
bool vd_u256_mul_overflow(struct vd_u256 *out, const struct vd_u256 *a, const struct vd_u256 *b);

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

struct vd_u256 vd_u256_and(const struct vd_u256 *a, const struct vd_u256 *b);
struct vd_u256 vd_u256_or(const struct vd_u256 *a, const struct vd_u256 *b);
struct vd_u256 vd_u256_xor(const struct vd_u256 *a, const struct vd_u256 *b);
struct vd_u256 vd_u256_not(const struct vd_u256 *a);
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
