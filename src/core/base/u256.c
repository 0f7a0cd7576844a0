#include "viaduct/core/base/u256.h"

#include "viaduct/core/base/limbs.h"

/* The most limbs that a dividend has: a product of two words. */
enum { VD_U256_LIMBS = 4, VD_U512_LIMBS = 8 };

struct vd_u256
vd_u256_from_slice(struct vd_slice bytes)
{
    VD_ASSERT(bytes.len <= 32);
    uint8_t word[32] = {0};
    if (bytes.len != 0)
        memcpy(word + 32 - bytes.len, bytes.ptr, bytes.len);
    return vd_u256_from_be(word);
}

unsigned
vd_u256_bit_len(const struct vd_u256 *a)
{
    for (unsigned i = VD_U256_LIMBS; i-- > 0;) {
        if (a->w[i] != 0)
            return 64 * i + 64 - (unsigned)__builtin_clzll(a->w[i]);
    }
    return 0;
}

unsigned
vd_u256_byte_len(const struct vd_u256 *a)
{
    return (vd_u256_bit_len(a) + 7) / 8;
}

/* Adds a * b to the four limbs at out; what goes beyond them is written to out[4]. */
static inline void
add_row(uint64_t *out, const struct vd_u256 *a, uint64_t b)
{
    vd_u128 t0 = (vd_u128)a->w[0] * b + out[0];
    vd_u128 t1 = (vd_u128)a->w[1] * b + out[1] + (uint64_t)(t0 >> 64);
    vd_u128 t2 = (vd_u128)a->w[2] * b + out[2] + (uint64_t)(t1 >> 64);
    vd_u128 t3 = (vd_u128)a->w[3] * b + out[3] + (uint64_t)(t2 >> 64);
    out[0] = (uint64_t)t0;
    out[1] = (uint64_t)t1;
    out[2] = (uint64_t)t2;
    out[3] = (uint64_t)t3;
    out[4] = (uint64_t)(t3 >> 64);
}

/* The whole product of two words. */
static inline void
mul_full(uint64_t out[VD_U512_LIMBS], const struct vd_u256 *a, const struct vd_u256 *b)
{
    out[0] = 0;
    out[1] = 0;
    out[2] = 0;
    out[3] = 0;
    add_row(out, a, b->w[0]);
    add_row(out + 1, a, b->w[1]);
    add_row(out + 2, a, b->w[2]);
    add_row(out + 3, a, b->w[3]);
}

bool
vd_u256_mul_overflow(struct vd_u256 *out, const struct vd_u256 *a, const struct vd_u256 *b)
{
    uint64_t p[VD_U512_LIMBS];
    mul_full(p, a, b);
    *out = (struct vd_u256){.w = {p[0], p[1], p[2], p[3]}};
    return (p[4] | p[5] | p[6] | p[7]) != 0;
}

/* All digits of u, of n + 1 limbs, by d of m: q has n + 1 - m.  Inlined for each m. */
static inline __attribute__((always_inline)) void
div_digits(uint64_t *q, uint64_t *u, unsigned n, const uint64_t *d, unsigned m)
{
    uint64_t v = vd_limb_reciprocal_3by2(d[m - 1], d[m - 2]);
    for (unsigned i = n - m + 1; i-- > 0;)
        q[i] = vd_limbs_div_digit(u + i, d, m, v);
}

/* u becomes u mod d for d of one limb. */
static void
div_by_one(uint64_t *q, uint64_t *u, unsigned n, uint64_t d)
{
    uint64_t v = vd_limb_reciprocal(d);
    uint64_t r = u[n];
    for (unsigned i = n; i-- > 0;)
        q[i] = vd_limb_div_2by1(&r, u[i], d, v);
    u[0] = r;
}

/* The same for two limbs. */
static void
div_by_two(uint64_t *q, uint64_t *u, unsigned n, const uint64_t *d_limbs)
{
    vd_u128 d = (vd_u128)d_limbs[1] << 64 | d_limbs[0];
    uint64_t v = vd_limb_reciprocal_3by2(d_limbs[1], d_limbs[0]);
    vd_u128 r = (vd_u128)u[n] << 64 | u[n - 1];
    for (unsigned i = n - 1; i-- > 0;)
        q[i] = vd_limb_div_3by2(&r, u[i], d, v);
    u[0] = (uint64_t)r;
    u[1] = (uint64_t)(r >> 64);
}

/* q = u / d and rem = u % d for u of n limbs (at most 8, as q is) and d not zero. */
static inline void
div_limbs(uint64_t *q, struct vd_u256 *rem, const uint64_t *u_in, unsigned n,
          const struct vd_u256 *d_in)
{
    uint64_t u[VD_U512_LIMBS + 1];
    uint64_t d[VD_U256_LIMBS] = {0};
    for (unsigned i = 0; i < n; i++)
        q[i] = 0;
    unsigned m = vd_limbs_len(d_in->w, VD_U256_LIMBS);
    n = vd_limbs_len(u_in, n);
    *rem = (struct vd_u256){{0}};
    if (n < m) {
        memcpy(rem->w, u_in, n * sizeof *u_in);
        return;
    }
    unsigned shift = (unsigned)__builtin_clzll(d_in->w[m - 1]);
    (void)vd_limbs_shl(d, d_in->w, m, shift);
    u[n] = vd_limbs_shl(u, u_in, n, shift);
    if (m == 1)
        div_by_one(q, u, n, d[0]);
    else if (m == 2)
        div_by_two(q, u, n, d);
    else if (m == 3)
        div_digits(q, u, n, d, 3);
    else
        div_digits(q, u, n, d, 4);
    vd_limbs_shr(rem->w, u, m, shift);
}

struct vd_u256
vd_u256_div(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct vd_u256 q = {{0}};
    struct vd_u256 rem;
    if (vd_u256_fits_u64(a) && vd_u256_fits_u64(b))
        return vd_u256(b->w[0] == 0 ? 0 : a->w[0] / b->w[0]);
    if (!vd_u256_is_zero(b))
        div_limbs(q.w, &rem, a->w, VD_U256_LIMBS, b);
    return q;
}

struct vd_u256
vd_u256_mod(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct vd_u256 q;
    struct vd_u256 rem = {{0}};
    if (vd_u256_fits_u64(a) && vd_u256_fits_u64(b))
        return vd_u256(b->w[0] == 0 ? 0 : a->w[0] % b->w[0]);
    if (!vd_u256_is_zero(b))
        div_limbs(q.w, &rem, a->w, VD_U256_LIMBS, b);
    return rem;
}

static bool
is_negative(const struct vd_u256 *a)
{
    return a->w[3] >> 63 != 0;
}

static struct vd_u256
negated(const struct vd_u256 *a)
{
    struct vd_u256 zero = {{0}};
    return vd_u256_sub(&zero, a);
}

static struct vd_u256
absolute(const struct vd_u256 *a)
{
    return is_negative(a) ? negated(a) : *a;
}

/* -2^255 / -1 gives -2^255, as the Yellow Paper has it: the magnitude 2^255 is that word. */
struct vd_u256
vd_u256_sdiv(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct vd_u256 x = absolute(a);
    struct vd_u256 y = absolute(b);
    struct vd_u256 q = vd_u256_div(&x, &y);
    return is_negative(a) != is_negative(b) ? negated(&q) : q;
}

/* The remainder takes the sign of the dividend. */
struct vd_u256
vd_u256_smod(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct vd_u256 x = absolute(a);
    struct vd_u256 y = absolute(b);
    struct vd_u256 rem = vd_u256_mod(&x, &y);
    return is_negative(a) ? negated(&rem) : rem;
}

static void
subtract_once(struct vd_u256 *a, const struct vd_u256 *m)
{
    struct vd_u256 difference;
    if (!vd_u256_sub_overflow(&difference, a, m))
        *a = difference;
}

struct vd_u256
vd_u256_addmod(const struct vd_u256 *a, const struct vd_u256 *b, const struct vd_u256 *m)
{
    struct vd_u256 sum;
    struct vd_u256 rem = {{0}};
    uint64_t q[VD_U256_LIMBS + 1];
    if (vd_u256_is_zero(m))
        return rem;
    if (m->w[3] >> 63 != 0) {
        /* a and b are below 2 m, so each is reduced by one subtraction, and so is their sum. */
        struct vd_u256 x = *a;
        struct vd_u256 y = *b;
        subtract_once(&x, m);
        subtract_once(&y, m);
        if (vd_u256_add_overflow(&sum, &x, &y))
            return vd_u256_sub(&sum, m);
        subtract_once(&sum, m);
        return sum;
    }
    bool carry = vd_u256_add_overflow(&sum, a, b);
    uint64_t u[VD_U256_LIMBS + 1] = {sum.w[0], sum.w[1], sum.w[2], sum.w[3], carry};
    div_limbs(q, &rem, u, VD_U256_LIMBS + 1, m);
    return rem;
}

struct vd_u256
vd_u256_mulmod(const struct vd_u256 *a, const struct vd_u256 *b, const struct vd_u256 *m)
{
    uint64_t product[VD_U512_LIMBS];
    uint64_t q[VD_U512_LIMBS];
    struct vd_u256 rem = {{0}};
    if (vd_u256_is_zero(m))
        return rem;
    mul_full(product, a, b);
    div_limbs(q, &rem, product, VD_U512_LIMBS, m);
    return rem;
}

struct vd_u256
vd_u256_exp(const struct vd_u256 *base, const struct vd_u256 *exponent)
{
    struct vd_u256 result = vd_u256(1);
    for (unsigned bit = vd_u256_bit_len(exponent); bit-- > 0;) {
        result = vd_u256_mul(&result, &result);
        if ((exponent->w[bit / 64] >> (bit % 64) & 1) != 0)
            result = vd_u256_mul(&result, base);
    }
    return result;
}

/* The shifts move whole limbs by conditional moves and what is left by a funnel of two limbs, in
   two steps since a shift by 64 is undefined. */
struct vd_u256
vd_u256_shl(const struct vd_u256 *a, unsigned bits)
{
    uint64_t w0 = a->w[0];
    uint64_t w1 = a->w[1];
    uint64_t w2 = a->w[2];
    uint64_t w3 = a->w[3];
    if (bits >= 256)
        return vd_u256(0);
    if ((bits & 128) != 0) {
        w3 = w1;
        w2 = w0;
        w1 = 0;
        w0 = 0;
    }
    if ((bits & 64) != 0) {
        w3 = w2;
        w2 = w1;
        w1 = w0;
        w0 = 0;
    }
    unsigned left = bits % 64;
    unsigned right = 63 - left;
    return (struct vd_u256){.w = {w0 << left, w1 << left | w0 >> 1 >> right,
                                  w2 << left | w1 >> 1 >> right, w3 << left | w2 >> 1 >> right}};
}

/* a >> bits with the limb fill above its end, bits below 256. */
static inline struct vd_u256
shift_right_filled(const struct vd_u256 *a, unsigned bits, uint64_t fill)
{
    uint64_t w0 = a->w[0];
    uint64_t w1 = a->w[1];
    uint64_t w2 = a->w[2];
    uint64_t w3 = a->w[3];
    if ((bits & 128) != 0) {
        w0 = w2;
        w1 = w3;
        w2 = fill;
        w3 = fill;
    }
    if ((bits & 64) != 0) {
        w0 = w1;
        w1 = w2;
        w2 = w3;
        w3 = fill;
    }
    unsigned right = bits % 64;
    unsigned left = 63 - right;
    return (struct vd_u256){.w = {w0 >> right | w1 << 1 << left, w1 >> right | w2 << 1 << left,
                                  w2 >> right | w3 << 1 << left, w3 >> right | fill << 1 << left}};
}

struct vd_u256
vd_u256_shr(const struct vd_u256 *a, unsigned bits)
{
    return bits >= 256 ? vd_u256(0) : shift_right_filled(a, bits, 0);
}

struct vd_u256
vd_u256_sar(const struct vd_u256 *a, unsigned bits)
{
    uint64_t fill = is_negative(a) ? ~(uint64_t)0 : 0;
    if (bits >= 256)
        return (struct vd_u256){.w = {fill, fill, fill, fill}};
    return shift_right_filled(a, bits, fill);
}

struct vd_u256
vd_u256_signextend(const struct vd_u256 *a, uint64_t k)
{
    if (k >= 31)
        return *a;
    unsigned unused = 256 - 8 * ((unsigned)k + 1);
    struct vd_u256 up = vd_u256_shl(a, unused);
    return vd_u256_sar(&up, unused);
}

uint64_t
vd_u256_div_u64(struct vd_u256 *a, uint64_t divisor)
{
    VD_ASSERT(divisor != 0);
    struct vd_u256 d = vd_u256(divisor);
    struct vd_u256 q;
    struct vd_u256 rem;
    div_limbs(q.w, &rem, a->w, VD_U256_LIMBS, &d);
    *a = q;
    return rem.w[0];
}

void
vd_u256_to_dec(char out[79], const struct vd_u256 *a)
{
    char digits[78]; /* from the last one on */
    size_t count = 0;
    struct vd_u256 left = *a;
    do {
        uint64_t chunk = vd_u256_div_u64(&left, 10000000000000000000U);
        bool last = vd_u256_is_zero(&left);
        for (unsigned i = 0; i < 19 && (chunk != 0 || !last || (i == 0 && count == 0)); i++) {
            digits[count++] = (char)('0' + chunk % 10);
            chunk /= 10;
        }
    } while (!vd_u256_is_zero(&left));
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    out[count] = '\0';
}
