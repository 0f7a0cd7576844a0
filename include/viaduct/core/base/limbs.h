/* Numbers of any length as 64-bit limbs, least significant first: shifts and division, which
   u256 and modular exponentiation share. */
#ifndef VIADUCT_CORE_BASE_LIMBS_H
#define VIADUCT_CORE_BASE_LIMBS_H

#include "viaduct/core/base/u256.h"

typedef unsigned __int128 vd_u128;

/* (high, low) / d for high < d and d with its top bit set, where the processor divides 64 by 64
   bits only: two digits of 32 bits (Knuth, The Art of Computer Programming 2, 4.3.1 D). */
static inline uint64_t
vd_limb_div_128_by_64(uint64_t high, uint64_t low, uint64_t d)
{
    const uint64_t half = (uint64_t)1 << 32;
    uint64_t d1 = d >> 32;
    uint64_t d0 = d & (half - 1);
    uint64_t digits[2] = {low & (half - 1), low >> 32};
    uint64_t quotient = 0;
    for (unsigned i = 2; i-- > 0;) {
        uint64_t q = high / d1;
        uint64_t r = high - q * d1;
        while (q >= half || q * d0 > (r << 32 | digits[i])) {
            q--;
            r += d1;
            if (r >= half)
                break;
        }
        high = (high << 32 | digits[i]) - q * d;
        quotient = quotient << 32 | q;
    }
    return quotient;
}

/* floor((2^128 - 1) / d) - 2^64 for d with its top bit set.

   Division by multiplication with this reciprocal: Möller and Granlund, Improved Division by
   Invariant Integers, IEEE Transactions on Computers 60 (2011).  2^128 - 1 - 2^64 d is
   (2^64 - 1 - d) 2^64 + 2^64 - 1, whose quotient by d fits one limb, because d is normalised. */
static inline uint64_t
vd_limb_reciprocal(uint64_t d)
{
#if defined(__x86_64__)
    uint64_t quotient;
    uint64_t remainder;
    __asm__("divq %4"
            : "=a"(quotient), "=d"(remainder)
            : "0"(~(uint64_t)0), "1"(~d), "r"(d)
            : "cc");
    return quotient;
#else
    return vd_limb_div_128_by_64(~d, ~(uint64_t)0, d);
#endif
}

/* Algorithm 6 of the same paper: the reciprocal for a divisor of two limbs. */
static inline uint64_t
vd_limb_reciprocal_3by2(uint64_t d1, uint64_t d0)
{
    uint64_t v = vd_limb_reciprocal(d1);
    uint64_t p = d1 * v + d0;
    if (p < d0) {
        v--;
        if (p >= d1) {
            v--;
            p -= d1;
        }
        p -= d1;
    }
    vd_u128 t = (vd_u128)v * d0;
    p += (uint64_t)(t >> 64);
    if (p < (uint64_t)(t >> 64)) {
        v--;
        if (((vd_u128)p << 64 | (uint64_t)t) >= ((vd_u128)d1 << 64 | d0))
            v--;
    }
    return v;
}

/* Algorithm 4: the quotient of (*r, low) by d, for *r < d, d normalised and v its reciprocal; the
   remainder goes to *r. */
static inline uint64_t
vd_limb_div_2by1(uint64_t *r, uint64_t low, uint64_t d, uint64_t v)
{
    vd_u128 q = (vd_u128)v * *r + ((vd_u128)*r << 64 | low);
    uint64_t q1 = (uint64_t)(q >> 64) + 1;
    uint64_t rem = low - q1 * d;
    if (rem > (uint64_t)q) {
        q1--;
        rem += d;
    }
    if (__builtin_expect(rem >= d, 0)) {
        q1++;
        rem -= d;
    }
    *r = rem;
    return q1;
}

/* Algorithm 5: the quotient of (*r, low) by d, where *r < d and d have two limbs. */
static inline uint64_t
vd_limb_div_3by2(vd_u128 *r, uint64_t low, vd_u128 d, uint64_t v)
{
    uint64_t u2 = (uint64_t)(*r >> 64);
    uint64_t u1 = (uint64_t)*r;
    uint64_t d1 = (uint64_t)(d >> 64);
    vd_u128 q = (vd_u128)v * u2 + *r;
    uint64_t q1 = (uint64_t)(q >> 64);
    uint64_t r1 = u1 - q1 * d1;
    vd_u128 rem = ((vd_u128)r1 << 64 | low) - (vd_u128)(uint64_t)d * q1 - d;
    q1++;
    if ((uint64_t)(rem >> 64) >= (uint64_t)q) {
        q1--;
        rem += d;
    }
    if (__builtin_expect(rem >= d, 0)) {
        q1++;
        rem -= d;
    }
    *r = rem;
    return q1;
}

/* out = in << shift over n limbs, shift below 64; returns what is shifted out. */
static inline uint64_t
vd_limbs_shl(uint64_t *out, const uint64_t *in, unsigned n, unsigned shift)
{
    uint64_t carry = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t w = in[i];
        out[i] = w << shift | carry;
        carry = shift == 0 ? 0 : w >> (64 - shift);
    }
    return carry;
}

static inline void
vd_limbs_shr(uint64_t *out, const uint64_t *in, unsigned n, unsigned shift)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t above = i + 1 < n && shift != 0 ? in[i + 1] << (64 - shift) : 0;
        out[i] = in[i] >> shift | above;
    }
}

/* u = u - q * d for a digit q that two equal top limbs suggest, 2^64 - 1, or one less; returns the
   digit. */
static inline uint64_t
vd_limbs_div_top_digit(uint64_t *u, const uint64_t *d, unsigned m)
{
    uint64_t q = ~(uint64_t)0;
    uint64_t carry = 0;
    unsigned char borrow = 0;
    for (unsigned i = 0; i < m; i++) {
        vd_u128 product = (vd_u128)q * d[i] + carry;
        carry = (uint64_t)(product >> 64);
        u[i] = vd_u64_sbb(u[i], (uint64_t)product, &borrow);
    }
    (void)vd_u64_sbb(u[m], carry, &borrow);
    if (borrow == 0)
        return q;
    borrow = 0;
    for (unsigned i = 0; i < m; i++)
        u[i] = vd_u64_adc(u[i], d[i], &borrow);
    return q - 1;
}

/* One digit of Knuth's algorithm D.  u points at m + 1 limbs below d * 2^64, d has m of them, at
   least 2; returns the digit and leaves the remainder in the lower m limbs of u.  The estimate
   from three limbs by two brings the remainder of the top ones along and is at most one too
   large. */
static inline __attribute__((always_inline)) uint64_t
vd_limbs_div_digit(uint64_t *u, const uint64_t *d, unsigned m, uint64_t v)
{
    vd_u128 d_high = (vd_u128)d[m - 1] << 64 | d[m - 2];
    vd_u128 r = (vd_u128)u[m] << 64 | u[m - 1];
    if (__builtin_expect(r >= d_high, 0))
        return vd_limbs_div_top_digit(u, d, m);
    uint64_t q = vd_limb_div_3by2(&r, u[m - 2], d_high, v);
    uint64_t carry = 0;
    unsigned char borrow = 0;
    for (unsigned i = 0; i + 2 < m; i++) {
        vd_u128 product = (vd_u128)q * d[i] + carry;
        carry = (uint64_t)(product >> 64);
        u[i] = vd_u64_sbb(u[i], (uint64_t)product, &borrow);
    }
    uint64_t low = vd_u64_sbb((uint64_t)r, carry, &borrow);
    uint64_t high = vd_u64_sbb((uint64_t)(r >> 64), 0, &borrow);
    u[m - 2] = low;
    u[m - 1] = high;
    if (__builtin_expect(borrow != 0, 0)) {
        q--;
        borrow = 0;
        for (unsigned i = 0; i < m; i++)
            u[i] = vd_u64_adc(u[i], d[i], &borrow);
    }
    return q;
}

static inline unsigned
vd_limbs_len(const uint64_t *a, unsigned n)
{
    while (n > 0 && a[n - 1] == 0)
        n--;
    return n;
}

#endif
