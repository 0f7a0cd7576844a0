/* u256 against a model that works on single bits and knows no limbs, on random and edge inputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/core/base/limbs.h"
#include "viaduct/core/base/u256.h"

enum { VD_ROUNDS = 20000, VD_BITS = 520 };

/* A number of 520 bits, lowest first: room for a product and a carry. */
struct bits {
    uint8_t b[VD_BITS];
};

static struct bits
bits_of(const struct vd_u256 *a)
{
    struct bits out = {{0}};
    uint8_t be[32];
    vd_u256_to_be(be, a);
    for (unsigned i = 0; i < 256; i++)
        out.b[i] = be[31 - i / 8] >> (i % 8) & 1;
    return out;
}

static struct vd_u256
from_bits(const struct bits *a)
{
    uint8_t be[32] = {0};
    for (unsigned i = 0; i < 256; i++)
        be[31 - i / 8] |= (uint8_t)(a->b[i] << (i % 8));
    return vd_u256_from_be(be);
}

static bool
above_256(const struct bits *a)
{
    for (unsigned i = 256; i < VD_BITS; i++) {
        if (a->b[i] != 0)
            return true;
    }
    return false;
}

static struct bits
model_add(const struct bits *a, const struct bits *b)
{
    struct bits out;
    unsigned carry = 0;
    for (unsigned i = 0; i < VD_BITS; i++) {
        unsigned sum = a->b[i] + b->b[i] + carry;
        out.b[i] = sum & 1;
        carry = sum >> 1;
    }
    return out;
}

/* a - b modulo 2^520; *borrow tells whether b was the larger one. */
static struct bits
model_sub(const struct bits *a, const struct bits *b, bool *borrow)
{
    struct bits out;
    int carry = 0;
    for (unsigned i = 0; i < VD_BITS; i++) {
        int difference = a->b[i] - b->b[i] - carry;
        out.b[i] = (uint8_t)(difference & 1);
        carry = difference < 0;
    }
    *borrow = carry != 0;
    return out;
}

static struct bits
model_double(const struct bits *a, unsigned low)
{
    struct bits out;
    for (unsigned i = VD_BITS - 1; i > 0; i--)
        out.b[i] = a->b[i - 1];
    out.b[0] = (uint8_t)low;
    return out;
}

static struct bits
model_mul(const struct bits *a, const struct bits *b)
{
    struct bits out = {{0}};
    for (unsigned i = 256; i-- > 0;) {
        out = model_double(&out, 0);
        if (b->b[i] != 0)
            out = model_add(&out, a);
    }
    return out;
}

/* Long division, one bit at a time. */
static void
model_divmod(struct bits *q, struct bits *rem, const struct bits *a, const struct bits *m)
{
    *q = (struct bits){{0}};
    *rem = (struct bits){{0}};
    for (unsigned i = VD_BITS; i-- > 0;) {
        bool borrow;
        *rem = model_double(rem, a->b[i]);
        struct bits less = model_sub(rem, m, &borrow);
        if (!borrow) {
            *rem = less;
            q->b[i] = 1;
        }
    }
}

static void
assert_same(const struct vd_u256 *got, const struct vd_u256 *want, const char *what,
            const struct vd_u256 *a, const struct vd_u256 *b)
{
    if (vd_u256_eq(got, want))
        return;
    char text[4][79];
    vd_u256_to_dec(text[0], a);
    vd_u256_to_dec(text[1], b);
    vd_u256_to_dec(text[2], got);
    vd_u256_to_dec(text[3], want);
    fail_msg("%s of %s and %s is %s, not %s", what, text[0], text[1], text[2], text[3]);
}

/* Words of every length, and with limbs of all zeros, all ones and near those. */
static struct vd_u256
random_word(struct vd_random *r)
{
    struct vd_u256 a = {{0}};
    unsigned limbs = (unsigned)vd_random_below(r, 5);
    for (unsigned i = 0; i < limbs; i++) {
        switch (vd_random_below(r, 6)) {
        case 0:
            a.w[i] = 0;
            break;
        case 1:
            a.w[i] = ~(uint64_t)0 - vd_random_below(r, 3);
            break;
        case 2:
            a.w[i] = (uint64_t)1 << vd_random_below(r, 64);
            break;
        case 3:
            a.w[i] = vd_random_below(r, 3);
            break;
        default:
            a.w[i] = vd_random_u64(r);
            break;
        }
    }
    if (limbs > 0 && vd_random_below(r, 2) == 0)
        a.w[limbs - 1] >>= vd_random_below(r, 64);
    return a;
}

static void
check_sums(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct bits x = bits_of(a);
    struct bits y = bits_of(b);
    struct vd_u256 got;
    bool borrow;
    struct bits sum = model_add(&x, &y);
    struct vd_u256 want = from_bits(&sum);
    got = vd_u256_add(a, b);
    assert_same(&got, &want, "add", a, b);
    assert_int_equal(vd_u256_add_overflow(&got, a, b), above_256(&sum));
    assert_same(&got, &want, "add_overflow", a, b);
    struct bits difference = model_sub(&x, &y, &borrow);
    want = from_bits(&difference);
    got = vd_u256_sub(a, b);
    assert_same(&got, &want, "sub", a, b);
    assert_int_equal(vd_u256_sub_overflow(&got, a, b), borrow);
    assert_same(&got, &want, "sub_overflow", a, b);
    assert_int_equal(vd_u256_lt(a, b), borrow);
    int order = vd_u256_eq(a, b) ? 0 : borrow ? -1 : 1;
    assert_int_equal(vd_u256_cmp(a, b), order);
    bool signs_differ = x.b[255] != y.b[255];
    assert_int_equal(vd_u256_slt(a, b), signs_differ ? x.b[255] == 1 : borrow);
}

static void
check_products(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct bits x = bits_of(a);
    struct bits y = bits_of(b);
    struct bits product = model_mul(&x, &y);
    struct vd_u256 want = from_bits(&product);
    struct vd_u256 got = vd_u256_mul(a, b);
    assert_same(&got, &want, "mul", a, b);
    assert_int_equal(vd_u256_mul_overflow(&got, a, b), above_256(&product));
    assert_same(&got, &want, "mul_overflow", a, b);
}

static struct vd_u256
model_abs(const struct vd_u256 *a)
{
    struct bits zero = {{0}};
    struct bits x = bits_of(a);
    bool borrow;
    struct bits negative = model_sub(&zero, &x, &borrow);
    return x.b[255] != 0 ? from_bits(&negative) : *a;
}

static struct vd_u256
model_negate_if(bool negate, const struct bits *a)
{
    struct bits zero = {{0}};
    bool borrow;
    struct bits negative = model_sub(&zero, a, &borrow);
    return from_bits(negate ? &negative : a);
}

static void
check_quotients(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct bits x = bits_of(a);
    struct bits y = bits_of(b);
    struct bits q = {{0}};
    struct bits rem = {{0}};
    bool zero = vd_u256_is_zero(b);
    if (!zero)
        model_divmod(&q, &rem, &x, &y);
    struct vd_u256 want = from_bits(&q);
    struct vd_u256 got = vd_u256_div(a, b);
    assert_same(&got, &want, "div", a, b);
    want = from_bits(&rem);
    got = vd_u256_mod(a, b);
    assert_same(&got, &want, "mod", a, b);

    struct vd_u256 abs_a = model_abs(a);
    struct vd_u256 abs_b = model_abs(b);
    struct bits abs_x = bits_of(&abs_a);
    struct bits abs_y = bits_of(&abs_b);
    if (!zero)
        model_divmod(&q, &rem, &abs_x, &abs_y);
    want = model_negate_if(x.b[255] != y.b[255], &q);
    got = vd_u256_sdiv(a, b);
    assert_same(&got, &want, "sdiv", a, b);
    want = model_negate_if(x.b[255] != 0, &rem);
    got = vd_u256_smod(a, b);
    assert_same(&got, &want, "smod", a, b);
}

static void
check_modular(const struct vd_u256 *a, const struct vd_u256 *b, const struct vd_u256 *m)
{
    struct bits x = bits_of(a);
    struct bits y = bits_of(b);
    struct bits z = bits_of(m);
    struct bits q;
    struct bits rem = {{0}};
    bool zero = vd_u256_is_zero(m);
    struct bits value = model_add(&x, &y);
    if (!zero)
        model_divmod(&q, &rem, &value, &z);
    struct vd_u256 want = from_bits(&rem);
    struct vd_u256 got = vd_u256_addmod(a, b, m);
    assert_same(&got, &want, "addmod", a, b);
    value = model_mul(&x, &y);
    if (!zero)
        model_divmod(&q, &rem, &value, &z);
    want = from_bits(&rem);
    got = vd_u256_mulmod(a, b, m);
    assert_same(&got, &want, "mulmod", a, b);
}

static void
check_shifts(const struct vd_u256 *a, unsigned bits)
{
    struct bits x = bits_of(a);
    struct bits left = {{0}};
    struct bits right = {{0}};
    struct bits signed_right = {{0}};
    struct vd_u256 by = vd_u256(bits);
    for (unsigned i = 0; i < 256; i++) {
        left.b[i] = i >= bits ? x.b[i - bits] : 0;
        right.b[i] = bits < 256 - i ? x.b[i + bits] : 0;
        signed_right.b[i] = bits < 256 - i ? x.b[i + bits] : x.b[255];
    }
    struct vd_u256 want = from_bits(&left);
    struct vd_u256 got = vd_u256_shl(a, bits);
    assert_same(&got, &want, "shl", a, &by);
    want = from_bits(&right);
    got = vd_u256_shr(a, bits);
    assert_same(&got, &want, "shr", a, &by);
    want = from_bits(&signed_right);
    got = vd_u256_sar(a, bits);
    assert_same(&got, &want, "sar", a, &by);
}

static void
check_signextend(const struct vd_u256 *a, uint64_t k)
{
    struct bits x = bits_of(a);
    struct vd_u256 by = vd_u256(k);
    for (unsigned i = 0; i < 256; i++) {
        if (k < 31 && i > 8 * k + 7)
            x.b[i] = x.b[8 * k + 7];
    }
    struct vd_u256 want = from_bits(&x);
    struct vd_u256 got = vd_u256_signextend(a, k);
    assert_same(&got, &want, "signextend", a, &by);
}

static void
check_bitwise(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct bits x = bits_of(a);
    struct bits y = bits_of(b);
    struct bits out[4];
    for (unsigned i = 0; i < VD_BITS; i++) {
        out[0].b[i] = x.b[i] & y.b[i];
        out[1].b[i] = x.b[i] | y.b[i];
        out[2].b[i] = x.b[i] ^ y.b[i];
        out[3].b[i] = x.b[i] ^ 1;
    }
    struct vd_u256 got[4] = {vd_u256_and(a, b), vd_u256_or(a, b), vd_u256_xor(a, b),
                             vd_u256_not(a)};
    for (unsigned i = 0; i < 4; i++) {
        struct vd_u256 want = from_bits(&out[i]);
        assert_same(&got[i], &want, "bitwise", a, b);
    }
}

static void
check_lengths(const struct vd_u256 *a)
{
    struct bits x = bits_of(a);
    unsigned len = 256;
    while (len > 0 && x.b[len - 1] == 0)
        len--;
    assert_int_equal(vd_u256_bit_len(a), len);
    assert_int_equal(vd_u256_byte_len(a), (len + 7) / 8);
    uint8_t be[32];
    vd_u256_to_be(be, a);
    size_t bytes = (len + 7) / 8;
    struct vd_u256 again = vd_u256_from_slice(vd_slice(be + 32 - bytes, bytes));
    assert_true(vd_u256_eq(a, &again));
}

static void
test_arithmetic_equals_the_model(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("u256");
    for (unsigned i = 0; i < VD_ROUNDS; i++) {
        struct vd_u256 a = random_word(&r);
        struct vd_u256 b = random_word(&r);
        struct vd_u256 m = random_word(&r);
        check_sums(&a, &b);
        check_bitwise(&a, &b);
        check_lengths(&a);
        check_shifts(&a, (unsigned)vd_random_below(&r, 300));
        check_signextend(&a, vd_random_below(&r, 40));
        if (i % 8 == 0) {
            check_products(&a, &b);
            check_quotients(&a, &b);
            check_modular(&a, &b, &m);
        }
    }
    struct vd_u256 huge = vd_u256_not(&(struct vd_u256){{0}});
    check_sums(&huge, &huge);
    check_products(&huge, &huge);
    check_modular(&huge, &huge, &huge);
    check_shifts(&huge, ~0U);
    check_signextend(&huge, ~(uint64_t)0);
}

/* A quotient of known digits and remainder: random operands rarely reach the corrections of the
   estimated digit, a product plus a remainder near the divisor does. */
static void
test_division_undoes_multiplication(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("division");
    for (unsigned i = 0; i < 50 * VD_ROUNDS; i++) {
        struct vd_u256 q = random_word(&r);
        struct vd_u256 d = random_word(&r);
        struct vd_u256 rem = random_word(&r);
        struct vd_u256 a;
        if (!vd_u256_lt(&rem, &d)) {
            if (vd_u256_is_zero(&d))
                continue;
            struct vd_u256 one = vd_u256(1 + vd_random_below(&r, 2));
            rem = vd_u256_lt(&d, &one) ? vd_u256(0) : vd_u256_sub(&d, &one);
        }
        if (vd_u256_mul_overflow(&a, &q, &d) || vd_u256_add_overflow(&a, &a, &rem))
            continue;
        struct vd_u256 got = vd_u256_div(&a, &d);
        assert_same(&got, &q, "div", &a, &d);
        got = vd_u256_mod(&a, &d);
        assert_same(&got, &rem, "mod", &a, &d);
        struct vd_u256 one = vd_u256(1);
        got = vd_u256_mulmod(&a, &one, &d);
        assert_same(&got, &rem, "mulmod", &a, &d);
    }
}

/* The same for 512 bits: (x y) mod m is (x mod m) (y mod m) mod m, and 2^256 - k is -k. */
static void
test_mulmod_is_a_ring(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("mulmod");
    for (unsigned i = 0; i < 20 * VD_ROUNDS; i++) {
        struct vd_u256 x = random_word(&r);
        struct vd_u256 y = random_word(&r);
        struct vd_u256 z = random_word(&r);
        struct vd_u256 m = random_word(&r);
        /* x (y + z) = x y + x z */
        struct vd_u256 sum = vd_u256_addmod(&y, &z, &m);
        struct vd_u256 left = vd_u256_mulmod(&x, &sum, &m);
        struct vd_u256 xy = vd_u256_mulmod(&x, &y, &m);
        struct vd_u256 xz = vd_u256_mulmod(&x, &z, &m);
        struct vd_u256 right = vd_u256_addmod(&xy, &xz, &m);
        assert_same(&left, &right, "distributive law", &x, &m);
        /* (x y) z = x (y z) */
        left = vd_u256_mulmod(&xy, &z, &m);
        struct vd_u256 yz = vd_u256_mulmod(&y, &z, &m);
        right = vd_u256_mulmod(&x, &yz, &m);
        assert_same(&left, &right, "associative law", &x, &m);
    }
}

static void
test_exp_is_repeated_multiplication(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("exp");
    for (unsigned i = 0; i < 200; i++) {
        struct vd_u256 base = random_word(&r);
        struct vd_u256 want = vd_u256(1);
        for (unsigned e = 0; e < 70; e++) {
            struct vd_u256 exponent = vd_u256(e);
            struct vd_u256 got = vd_u256_exp(&base, &exponent);
            assert_same(&got, &want, "exp", &base, &exponent);
            want = vd_u256_mul(&want, &base);
        }
        /* base^(2 e) is the square of base^e, whatever e. */
        struct vd_u256 e = random_word(&r);
        e = vd_u256_shr(&e, 1);
        struct vd_u256 twice = vd_u256_add(&e, &e);
        struct vd_u256 root = vd_u256_exp(&base, &e);
        want = vd_u256_mul(&root, &root);
        struct vd_u256 got = vd_u256_exp(&base, &twice);
        assert_same(&got, &want, "exp", &base, &twice);
    }
}

static void
test_reciprocals_are_exact(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("reciprocals");
    for (unsigned i = 0; i < 10 * VD_ROUNDS; i++) {
        uint64_t d = vd_random_u64(&r) | (uint64_t)1 << 63;
        if (i % 4 == 0)
            d = ~(uint64_t)0 - vd_random_below(&r, 3);
        if (i % 4 == 1)
            d = ((uint64_t)1 << 63) + vd_random_below(&r, 3);
        vd_u128 want = ~(vd_u128)0 / d - ((vd_u128)1 << 64);
        assert_true(vd_limb_reciprocal(d) == (uint64_t)want);
        assert_true(vd_limb_div_128_by_64(~d, ~(uint64_t)0, d) == (uint64_t)want);
    }
}

static void
test_decimal_text_of_known_values(void **state)
{
    (void)state;
    /* 2^256 - 1 and the powers of ten around the chunks in which digits are made. */
    char text[79];
    struct vd_u256 zero = {{0}};
    struct vd_u256 max = vd_u256_not(&zero);
    vd_u256_to_dec(text, &max);
    assert_string_equal(
        text, "115792089237316195423570985008687907853269984665640564039457584007913129639935");
    vd_u256_to_dec(text, &zero);
    assert_string_equal(text, "0");
    struct vd_u256 ten = vd_u256(10);
    for (unsigned e = 1; e < 78; e++) {
        struct vd_u256 exponent = vd_u256(e);
        struct vd_u256 power = vd_u256_exp(&ten, &exponent);
        vd_u256_to_dec(text, &power);
        for (unsigned i = 0; i <= e; i++)
            assert_int_equal(text[i], i == 0 ? '1' : '0');
        assert_int_equal(text[e + 1], '\0');
        struct vd_u256 one = vd_u256(1);
        power = vd_u256_sub(&power, &one);
        vd_u256_to_dec(text, &power);
        for (unsigned i = 0; i < e; i++)
            assert_int_equal(text[i], '9');
        assert_int_equal(text[e], '\0');
    }
}

static void
test_div_u64_equals_div(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("div_u64");
    for (unsigned i = 0; i < VD_ROUNDS; i++) {
        struct vd_u256 a = random_word(&r);
        struct vd_u256 q = a;
        uint64_t divisor = vd_random_u64(&r) >> vd_random_below(&r, 64);
        if (divisor == 0)
            divisor = 1;
        struct vd_u256 d = vd_u256(divisor);
        struct vd_u256 want = vd_u256_div(&a, &d);
        struct vd_u256 rem = vd_u256_mod(&a, &d);
        assert_true(vd_u256_div_u64(&q, divisor) == rem.w[0]);
        assert_same(&q, &want, "div_u64", &a, &d);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic_equals_the_model),
        cmocka_unit_test(test_division_undoes_multiplication),
        cmocka_unit_test(test_mulmod_is_a_ring),
        cmocka_unit_test(test_exp_is_repeated_multiplication),
        cmocka_unit_test(test_reciprocals_are_exact),
        cmocka_unit_test(test_decimal_text_of_known_values),
        cmocka_unit_test(test_div_u64_equals_div),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
