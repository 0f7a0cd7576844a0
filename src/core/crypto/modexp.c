/* Modular exponentiation.  The modulus is q * 2^k with q odd.  Modulo q it is done in Montgomery's
   form (P. Montgomery, Modular Multiplication Without Trial Division, 1985), modulo 2^k by
   products cut off at the top, and the two results are put together by Garner's formula.

   Scratch, in limbs, for a modulus of n and a base of b: 3 n for the modulus, q and the results;
   on top of that, one after the other, b + 11 n + 3 for q, b + 10 n + 2 for 2^k and 5 n for the
   putting together. */
#include "viaduct/core/crypto/modexp.h"

#include "viaduct/core/base/limbs.h"

enum {
    VD_WINDOW_BITS = 4,
    VD_LONG_EXPONENT = 16, /* bits from which a window pays */
    VD_LIMB_BYTES = 8,
    VD_MAX_BYTES =
        1 << 30, /* beyond it no arena has the scratch, and limbs are counted in 32 bits */
};

/* Arithmetic modulo an odd number (inverse is then odd) or modulo 2^(64 n) (inverse is 0). */
struct ring {
    const uint64_t *m;
    uint64_t inverse; /* -1 / m modulo 2^64 */
    unsigned n;
    uint64_t *t; /* n + 2 limbs */
};

static unsigned
limbs_of(size_t bytes)
{
    return (unsigned)((bytes + VD_LIMB_BYTES - 1) / VD_LIMB_BYTES);
}

static struct vd_slice
without_leading_zeros(struct vd_slice bytes)
{
    while (bytes.len > 0 && bytes.ptr[0] == 0)
        bytes = vd_slice(bytes.ptr + 1, bytes.len - 1);
    return bytes;
}

static void
load_limbs(uint64_t *out, unsigned n, struct vd_slice bytes)
{
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < bytes.len; i++)
        out[i / 8] |= (uint64_t)bytes.ptr[bytes.len - 1 - i] << (8 * (i % 8));
}

static uint64_t *
new_limbs(struct vd_arena *arena, unsigned n)
{
    return VD_ARENA_NEW(arena, uint64_t, n);
}

/* out = u mod m for u of len limbs, which is overwritten and has room for one limb more; m has n
   limbs, the top one not 0, and d room for n. */
static void
reduce(uint64_t *out, uint64_t *u, unsigned len, const uint64_t *m, uint64_t *d, unsigned n)
{
    unsigned shift = (unsigned)__builtin_clzll(m[n - 1]);
    (void)vd_limbs_shl(d, m, n, shift);
    u[len] = vd_limbs_shl(u, u, len, shift);
    if (n == 1) {
        uint64_t v = vd_limb_reciprocal(d[0]);
        uint64_t r = u[len];
        for (unsigned i = len; i-- > 0;)
            (void)vd_limb_div_2by1(&r, u[i], d[0], v);
        out[0] = r >> shift;
        return;
    }
    uint64_t v = vd_limb_reciprocal_3by2(d[n - 1], d[n - 2]);
    for (unsigned i = len - n + 1; len >= n && i-- > 0;)
        (void)vd_limbs_div_digit(u + i, d, n, v);
    for (unsigned i = len + 1; i < n; i++)
        u[i] = 0;
    vd_limbs_shr(out, u, n, shift);
}

/* out = the low limb of t + a * b + carry, which fits two; the high one is returned. */
static inline uint64_t
add_mul(uint64_t *out, uint64_t t, uint64_t a, uint64_t b, uint64_t carry)
{
    vd_u128 sum = (vd_u128)a * b + t + carry;
    *out = (uint64_t)sum;
    return (uint64_t)(sum >> 64);
}

/* out = t + a * b over n limbs, four at a time; the carry is returned.  out is t or the limb below
   it. */
static inline uint64_t
add_row(uint64_t *out, const uint64_t *t, const uint64_t *a, uint64_t b, uint64_t carry, unsigned n)
{
    unsigned i = 0;
    for (; n - i >= 4; i += 4) {
        carry = add_mul(out + i, t[i], a[i], b, carry);
        carry = add_mul(out + i + 1, t[i + 1], a[i + 1], b, carry);
        carry = add_mul(out + i + 2, t[i + 2], a[i + 2], b, carry);
        carry = add_mul(out + i + 3, t[i + 3], a[i + 3], b, carry);
    }
    for (; i < n; i++)
        carry = add_mul(out + i, t[i], a[i], b, carry);
    return carry;
}

/* t = t + a * b over n limbs and the carry in t[n]; the carry out of that goes to t[n + 1]. */
static inline void
add_product(uint64_t *t, const uint64_t *a, uint64_t b, unsigned n)
{
    uint64_t carry = add_row(t, t, a, b, 0, n);
    vd_u128 top = (vd_u128)t[n] + carry;
    t[n] = (uint64_t)top;
    t[n + 1] = (uint64_t)(top >> 64);
}

/* t = (t + q * m) / 2^64, where q makes the lowest limb vanish. */
static inline void
fold_lowest(const struct ring *ring)
{
    uint64_t *t = ring->t;
    unsigned n = ring->n;
    uint64_t q = t[0] * ring->inverse;
    uint64_t carry = (uint64_t)(((vd_u128)q * ring->m[0] + t[0]) >> 64);
    carry = add_row(t, t + 1, ring->m + 1, q, carry, n - 1);
    vd_u128 top = (vd_u128)t[n] + carry;
    t[n - 1] = (uint64_t)top;
    t[n] = t[n + 1] + (uint64_t)(top >> 64);
}

/* out = t mod m for a t below 2 m. */
static void
subtract_once(const struct ring *ring, uint64_t *out)
{
    const uint64_t *t = ring->t;
    unsigned n = ring->n;
    unsigned char borrow = 0;
    for (unsigned i = 0; i < n; i++)
        out[i] = vd_u64_sbb(t[i], ring->m[i], &borrow);
    if (borrow > t[n])
        memcpy(out, t, n * sizeof *t);
}

/* out = a * b / 2^(64 n) mod m for an n of 2 to 6 that the compiler knows: unrolled.  The price of
   an exponentiation falls with the square of n, what goes on around the products does not. */
static inline __attribute__((always_inline)) void
mul_few(const struct ring *ring, uint64_t *out, const uint64_t *a, const uint64_t *b, unsigned n)
{
    const uint64_t *m = ring->m;
    uint64_t t[7] = {0};
#pragma GCC unroll 6
    for (unsigned i = 0; i < n; i++) {
        uint64_t carry = 0;
#pragma GCC unroll 6
        for (unsigned j = 0; j < n; j++)
            carry = add_mul(&t[j], t[j], a[j], b[i], carry);
        vd_u128 top = (vd_u128)t[n] + carry;
        uint64_t over = (uint64_t)(top >> 64);
        t[n] = (uint64_t)top;
        uint64_t q = t[0] * ring->inverse;
        carry = (uint64_t)(((vd_u128)q * m[0] + t[0]) >> 64);
#pragma GCC unroll 6
        for (unsigned j = 1; j < n; j++)
            carry = add_mul(&t[j - 1], t[j], m[j], q, carry);
        top = (vd_u128)t[n] + carry;
        t[n - 1] = (uint64_t)top;
        t[n] = over + (uint64_t)(top >> 64);
    }
    uint64_t less[6];
    unsigned char borrow = 0;
#pragma GCC unroll 6
    for (unsigned i = 0; i < n; i++)
        less[i] = vd_u64_sbb(t[i], m[i], &borrow);
    const uint64_t *which = borrow > t[n] ? t : less;
#pragma GCC unroll 6
    for (unsigned i = 0; i < n; i++)
        out[i] = which[i];
}

/* out = a * b / 2^(64 n) mod m. */
static void
mul_montgomery(const struct ring *ring, uint64_t *out, const uint64_t *a, const uint64_t *b)
{
    unsigned n = ring->n;
    switch (n) {
    case 2:
        mul_few(ring, out, a, b, 2);
        return;
    case 3:
        mul_few(ring, out, a, b, 3);
        return;
    case 4:
        mul_few(ring, out, a, b, 4);
        return;
    case 5:
        mul_few(ring, out, a, b, 5);
        return;
    case 6:
        mul_few(ring, out, a, b, 6);
        return;
    default:
        break;
    }
    memset(ring->t, 0, (n + 2) * sizeof *ring->t);
    for (unsigned i = 0; i < n; i++) {
        add_product(ring->t, a, b[i], n);
        fold_lowest(ring);
    }
    subtract_once(ring, out);
}

/* x = x / 2^(64 n) mod m: out of Montgomery's form. */
static void
leave_montgomery(const struct ring *ring, uint64_t *x)
{
    unsigned n = ring->n;
    memcpy(ring->t, x, n * sizeof *x);
    memset(ring->t + n, 0, 2 * sizeof *x);
    for (unsigned i = 0; i < n; i++)
        fold_lowest(ring);
    subtract_once(ring, x);
}

/* out = a * b mod 2^(64 n). */
static void
mul_low(const struct ring *ring, uint64_t *out, const uint64_t *a, const uint64_t *b)
{
    uint64_t *t = ring->t;
    unsigned n = ring->n;
    memset(t, 0, n * sizeof *t);
    for (unsigned i = 0; i < n; i++) {
        uint64_t carry = 0;
        for (unsigned j = 0; j < n - i; j++) {
            vd_u128 sum = (vd_u128)a[j] * b[i] + t[i + j] + carry;
            t[i + j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
    }
    memcpy(out, t, n * sizeof *t);
}

static void
ring_mul(const struct ring *ring, uint64_t *out, const uint64_t *a, const uint64_t *b)
{
    if (ring->inverse != 0)
        mul_montgomery(ring, out, a, b);
    else
        mul_low(ring, out, a, b);
}

/* Bit i of a big-endian number, counted from its end. */
static unsigned
bit_of(struct vd_slice number, size_t i)
{
    return number.ptr[number.len - 1 - i / 8] >> (i % 8) & 1;
}

static size_t
bit_len(struct vd_slice number)
{
    number = without_leading_zeros(number);
    return number.len == 0 ? 0 : number.len * 8 + 24 - (size_t)__builtin_clz(number.ptr[0]);
}

/* powers[i] = base^(2 i + 1), each of n limbs. */
static void
odd_powers(const struct ring *ring, uint64_t *powers, uint64_t *square, unsigned count)
{
    if (count > 1)
        ring_mul(ring, square, powers, powers);
    for (unsigned i = 1; i < count; i++)
        ring_mul(ring, powers + i * ring->n, powers + (i - 1) * ring->n, square);
}

/* x = powers[0]^exponent, exponent not 0, from the highest bit on: runs of zeros are squarings,
   and a window ends in a one, so that only odd powers are needed. */
static void
ring_pow(const struct ring *ring, uint64_t *x, const uint64_t *powers, struct vd_slice exponent,
         unsigned window)
{
    bool started = false;
    for (size_t left = bit_len(exponent); left > 0;) {
        size_t width = left < window ? left : window;
        unsigned value = 0;
        if (bit_of(exponent, left - 1) == 0)
            width = 1;
        while (bit_of(exponent, left - width) == 0 && width > 1)
            width--;
        for (size_t i = 1; i <= width; i++) {
            value = value << 1 | bit_of(exponent, left - i);
            if (started)
                ring_mul(ring, x, x, x);
        }
        left -= width;
        if (value == 0)
            continue;
        const uint64_t *power = powers + (value >> 1) * ring->n;
        if (started)
            ring_mul(ring, x, x, power);
        else
            memcpy(x, power, ring->n * sizeof *x);
        started = true;
    }
}

/* a * b / 2^64 mod m, or a * b mod 2^64 where inverse is 0. */
static inline uint64_t
mul_limb(uint64_t a, uint64_t b, uint64_t m, uint64_t inverse)
{
    vd_u128 product = (vd_u128)a * b;
    if (inverse == 0)
        return (uint64_t)product;
    uint64_t low = (uint64_t)product;
    uint64_t high = (uint64_t)(product >> 64);
    uint64_t q = low * inverse;
    /* The low limb vanishes, with a carry unless it was 0; both high limbs are below m. */
    uint64_t back = (uint64_t)(((vd_u128)q * m) >> 64) + (low != 0);
    uint64_t sum = high + back;
    return sum < high || sum >= m ? sum - m : sum;
}

/* base^exponent, exponent not 0, in a ring of one limb: four bits at a time.  A bit of the exponent
   costs a third of a gas here, too little for what ring_pow does around a product. */
static uint64_t
pow_limb(uint64_t base, uint64_t one, struct vd_slice exponent, uint64_t m, uint64_t inverse)
{
    uint64_t powers[16] = {one, base};
    uint64_t x = one;
    for (unsigned i = 2; i < 16; i++)
        powers[i] = mul_limb(powers[i - 1], base, m, inverse);
    for (size_t i = 0; i < 2 * exponent.len; i++) {
        unsigned digit = exponent.ptr[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
        x = mul_limb(x, x, m, inverse);
        x = mul_limb(x, x, m, inverse);
        x = mul_limb(x, x, m, inverse);
        x = mul_limb(x, x, m, inverse);
        if (digit != 0)
            x = mul_limb(x, powers[digit], m, inverse);
    }
    return x;
}

static unsigned
window_for(struct vd_slice exponent)
{
    return bit_len(exponent) < VD_LONG_EXPONENT ? 1 : VD_WINDOW_BITS;
}

static unsigned
powers_for(unsigned window)
{
    return 1U << (window - 1);
}

/* The inverse of an odd number modulo 2^64: each step doubles the 5 bits that the first has. */
static uint64_t
inverse_of_limb(uint64_t odd)
{
    uint64_t x = (3 * odd) ^ 2;
    for (unsigned bits = 5; bits < 64; bits *= 2)
        x *= 2 - odd * x;
    return x;
}

/* x = base^exponent mod q for an odd q of n limbs, the top one not 0. */
static enum vd_err
pow_odd(uint64_t *x, struct vd_arena *arena, struct vd_slice base, struct vd_slice exponent,
        const uint64_t *q, unsigned n)
{
    unsigned base_limbs = limbs_of(base.len);
    unsigned window = window_for(exponent);
    unsigned u_len = base_limbs > 2 * n ? base_limbs : 2 * n;
    uint64_t *u = new_limbs(arena, u_len + 1);
    uint64_t *t = new_limbs(arena, n + 2);
    uint64_t *powers = new_limbs(arena, powers_for(window) * n);
    if (u == NULL || t == NULL || powers == NULL)
        return VD_ERR_NO_MEMORY;
    struct ring ring = {.m = q, .inverse = -inverse_of_limb(q[0]), .n = n, .t = t};
    load_limbs(u, base_limbs, base);
    reduce(x, u, base_limbs, q, t, n);
    /* Into Montgomery's form: times 2^(64 n). */
    memset(u, 0, n * sizeof *u);
    memcpy(u + n, x, n * sizeof *u);
    reduce(powers, u, 2 * n, q, t, n);
    /* x is not in that form, nor is its product with what is. */
    if (bit_len(exponent) <= 2) {
        for (unsigned i = 1; i < exponent.ptr[exponent.len - 1]; i++)
            mul_montgomery(&ring, x, powers, x);
        return VD_OK;
    }
    if (n == 1) {
        /* q - 1 may be 0: all is 0 modulo 1. */
        uint64_t one = (0 - q[0]) % q[0];
        *x = pow_limb(powers[0], one, exponent, q[0], ring.inverse);
    } else {
        odd_powers(&ring, powers, u, powers_for(window));
        ring_pow(&ring, x, powers, exponent, window);
    }
    leave_montgomery(&ring, x);
    return VD_OK;
}

/* x = base^exponent mod 2^(64 n). */
static enum vd_err
pow_low(uint64_t *x, struct vd_arena *arena, struct vd_slice base, struct vd_slice exponent,
        unsigned n)
{
    unsigned window = window_for(exponent);
    uint64_t *square = new_limbs(arena, n);
    uint64_t *t = new_limbs(arena, n + 2);
    uint64_t *powers = new_limbs(arena, powers_for(window) * n);
    if (square == NULL || t == NULL || powers == NULL)
        return VD_ERR_NO_MEMORY;
    struct ring ring = {.n = n, .t = t};
    size_t cut = base.len > (size_t)n * VD_LIMB_BYTES ? base.len - (size_t)n * VD_LIMB_BYTES : 0;
    load_limbs(powers, n, vd_slice(base.ptr + cut, base.len - cut));
    if (n == 1) {
        *x = pow_limb(powers[0], 1, exponent, 0, 0);
        return VD_OK;
    }
    odd_powers(&ring, powers, square, powers_for(window));
    ring_pow(&ring, x, powers, exponent, window);
    return VD_OK;
}

/* inverse = 1 / q mod 2^(64 n), by Newton's iteration from the lowest limb on: each step is right
   in twice the limbs of the one before, and computes no more. */
static void
invert_low(const struct ring *ring, uint64_t *inverse, uint64_t *scratch, const uint64_t *q)
{
    unsigned n = ring->n;
    memset(inverse, 0, n * sizeof *inverse);
    inverse[0] = inverse_of_limb(q[0]);
    for (unsigned limbs = 1; limbs < n; limbs *= 2) {
        const struct ring step = {.n = 2 * limbs < n ? 2 * limbs : n, .t = ring->t};
        unsigned char borrow = 0;
        mul_low(&step, scratch, q, inverse);
        for (unsigned i = 0; i < step.n; i++)
            scratch[i] = vd_u64_sbb(i == 0 ? 2 : 0, scratch[i], &borrow);
        mul_low(&step, inverse, inverse, scratch);
    }
}

/* The first n limbs of a number of len. */
static void
copy_low(uint64_t *out, unsigned n, const uint64_t *a, unsigned len)
{
    for (unsigned i = 0; i < n; i++)
        out[i] = i < len ? a[i] : 0;
}

/* m (of n limbs, overwritten) = x + q * y with y = (z - x) / q mod 2^k: the number below q * 2^k
   that is x modulo q and z modulo 2^k (Garner). */
static enum vd_err
join(uint64_t *m, unsigned n, struct vd_arena *arena, const uint64_t *x, const uint64_t *q,
     unsigned q_len, uint64_t *z, unsigned k)
{
    unsigned z_len = (k + 63) / 64;
    uint64_t *t = new_limbs(arena, z_len + 2);
    uint64_t *low = new_limbs(arena, z_len);
    uint64_t *inverse = new_limbs(arena, z_len);
    uint64_t *scratch = new_limbs(arena, z_len);
    if (t == NULL || low == NULL || inverse == NULL || scratch == NULL)
        return VD_ERR_NO_MEMORY;
    struct ring ring = {.n = z_len, .t = t};
    copy_low(low, z_len, q, q_len);
    invert_low(&ring, inverse, scratch, low);
    copy_low(low, z_len, x, q_len);
    unsigned char borrow = 0;
    for (unsigned i = 0; i < z_len; i++)
        z[i] = vd_u64_sbb(z[i], low[i], &borrow);
    mul_low(&ring, z, z, inverse);
    if (k % 64 != 0)
        z[z_len - 1] &= ((uint64_t)1 << (k % 64)) - 1;
    copy_low(m, n, x, q_len);
    for (unsigned i = 0; i < z_len; i++) {
        uint64_t carry = 0;
        for (unsigned j = 0; i + j < n && (j < q_len || carry != 0); j++) {
            vd_u128 sum = (vd_u128)(j < q_len ? q[j] : 0) * z[i] + m[i + j] + carry;
            m[i + j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
    }
    return VD_OK;
}

static unsigned
trailing_zeros(const uint64_t *m)
{
    unsigned limbs = 0;
    while (m[limbs] == 0)
        limbs++;
    return 64 * limbs + (unsigned)__builtin_ctzll(m[limbs]);
}

/* m (of n limbs, not 0) becomes base^exponent mod m. */
static enum vd_err
pow_mod(uint64_t *m, unsigned n, struct vd_arena *arena, struct vd_slice base,
        struct vd_slice exponent)
{
    unsigned k = trailing_zeros(m);
    unsigned z_len = (k + 63) / 64;
    uint64_t *q = new_limbs(arena, n);
    uint64_t *x = new_limbs(arena, n);
    uint64_t *z = new_limbs(arena, z_len);
    if (q == NULL || x == NULL || z == NULL)
        return VD_ERR_NO_MEMORY;
    vd_limbs_shr(q, m + k / 64, n - k / 64, k % 64);
    unsigned q_len = vd_limbs_len(q, n);
    size_t mark = vd_arena_mark(arena);
    enum vd_err err = pow_odd(x, arena, base, exponent, q, q_len);
    vd_arena_rewind(arena, mark);
    if (err == VD_OK && k == 0) {
        memcpy(m, x, n * sizeof *m);
        return VD_OK;
    }
    if (err == VD_OK)
        err = pow_low(z, arena, base, exponent, z_len);
    vd_arena_rewind(arena, mark);
    if (err == VD_OK)
        err = join(m, n, arena, x, q, q_len, z, k);
    return err;
}

enum vd_err
vd_modexp(uint8_t *out, struct vd_arena *arena, struct vd_slice base, struct vd_slice exponent,
          struct vd_slice modulus)
{
    size_t out_len = modulus.len;
    if (out_len == 0)
        return VD_OK;
    memset(out, 0, out_len);
    base = without_leading_zeros(base);
    exponent = without_leading_zeros(exponent);
    modulus = without_leading_zeros(modulus);
    if (modulus.len == 0 || (modulus.len == 1 && modulus.ptr[0] == 1))
        return VD_OK;
    if (exponent.len == 0) {
        out[out_len - 1] = 1; /* EIP-198: 0^0 is 1 too */
        return VD_OK;
    }
    if (base.len > VD_MAX_BYTES || modulus.len > VD_MAX_BYTES)
        return VD_ERR_NO_MEMORY;
    size_t mark = vd_arena_mark(arena);
    unsigned n = limbs_of(modulus.len);
    uint64_t *m = new_limbs(arena, n);
    enum vd_err err = VD_ERR_NO_MEMORY;
    if (m != NULL) {
        load_limbs(m, n, modulus);
        err = pow_mod(m, n, arena, base, exponent);
    }
    for (size_t i = 0; err == VD_OK && i < modulus.len; i++)
        out[out_len - 1 - i] = (uint8_t)(m[i / 8] >> (8 * (i % 8)));
    vd_arena_rewind(arena, mark);
    return err;
}
