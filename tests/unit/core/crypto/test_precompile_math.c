/* SHA-256, RIPEMD-160, BLAKE2b's F and modular exponentiation against the vectors of the
   precompiles that use them, known values, and models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/vectors.h"
#include "viaduct/core/base/u256.h"
#include "viaduct/core/crypto/hashes.h"
#include "viaduct/core/crypto/modexp.h"

enum { VD_ROUNDS = 4000 };

typedef void (*case_fn)(const json_t *test, struct vd_slice input);

struct selection {
    const char *prefix; /* of the file's name */
    case_fn fn;
    unsigned cases;
};

static void
run_file(void *ctx, const char *path)
{
    struct selection *wanted = ctx;
    const char *name = strrchr(path, '/') + 1;
    if (strncmp(name, wanted->prefix, strlen(wanted->prefix)) != 0)
        return;
    json_t *file = vd_vectors_json(path);
    for (size_t i = 0; i < json_array_size(file); i++) {
        size_t len;
        const json_t *test = json_array_get(file, i);
        uint8_t *input = vd_unhex(json_string_value(json_object_get(test, "Input")), &len);
        wanted->fn(test, vd_slice(input, len));
        wanted->cases++;
        free(input);
    }
    json_decref(file);
}

/* Runs fn over every case of the precompile vectors whose file's name begins with prefix. */
static void
run_vectors(const char *prefix, case_fn fn)
{
    struct selection wanted = {.prefix = prefix, .fn = fn};
    if (vd_vectors_walk("precompiles", ".json", run_file, &wanted))
        assert_true(wanted.cases > 0);
    printf("%s: %u cases\n", prefix, wanted.cases);
}

static void
assert_hex(const uint8_t *got, size_t len, const char *hex, const json_t *test)
{
    size_t want_len;
    uint8_t *want = vd_unhex(hex, &want_len);
    if (want_len != len || memcmp(got, want, len) != 0)
        fail_msg("wrong output: %s", json_string_value(json_object_get(test, "Name")));
    free(want);
}

static void
check_hashes(const json_t *test, struct vd_slice input)
{
    uint8_t padded[32] = {0};
    struct vd_hash sha256 = vd_sha256(input);
    assert_hex(sha256.b, 32, json_string_value(json_object_get(test, "sha256")), test);
    vd_ripemd160(padded + 12, input);
    assert_hex(padded, 32, json_string_value(json_object_get(test, "ripemd160")), test);
}

static void
test_hash_vectors_hold(void **state)
{
    (void)state;
    run_vectors("hashes.", check_hashes);
}

static void
test_known_hashes_hold(void **state)
{
    (void)state;
    /* FIPS 180-4's "abc", and the RIPEMD-160 paper's "abc" and million times "a". */
    static uint8_t million[1000000];
    uint8_t out[20];
    struct vd_hash hash = vd_sha256(vd_slice((const uint8_t *)"abc", 3));
    struct vd_hash want =
        vd_unhex_word("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(vd_hash_eq(&hash, &want));
    vd_ripemd160(out, vd_slice((const uint8_t *)"abc", 3));
    assert_hex(out, 20, "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc", NULL);
    memset(million, 'a', sizeof million);
    vd_ripemd160(out, vd_slice(million, sizeof million));
    assert_hex(out, 20, "52783243c1697bdbe16d37f97f68f08325dc1528", NULL);
    hash = vd_sha256(vd_slice(million, sizeof million));
    want = vd_unhex_word("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_true(vd_hash_eq(&hash, &want));
}

/* EIP-152: rounds, h, m, t, flag. */
static void
check_blake2f(const json_t *test, struct vd_slice input)
{
    uint64_t h[8];
    uint64_t m[16];
    uint64_t t[2];
    assert_int_equal(input.len, 213);
    for (unsigned i = 0; i < 8; i++)
        h[i] = vd_load_le64(input.ptr + 4 + 8 * i);
    for (unsigned i = 0; i < 16; i++)
        m[i] = vd_load_le64(input.ptr + 68 + 8 * i);
    for (unsigned i = 0; i < 2; i++)
        t[i] = vd_load_le64(input.ptr + 196 + 8 * i);
    vd_blake2b_f(h, m, t, input.ptr[212] == 1, vd_load_be32(input.ptr));
    uint8_t out[64];
    for (unsigned i = 0; i < 8; i++)
        vd_store_le64(out + 8 * i, h[i]);
    assert_hex(out, sizeof out, json_string_value(json_object_get(test, "Expected")), test);
}

static void
test_blake2f_vectors_hold(void **state)
{
    (void)state;
    run_vectors("blake2F.", check_blake2f);
}

static void
test_blake2b_of_abc(void **state)
{
    (void)state;
    /* RFC 7693, appendix A: BLAKE2b-512("abc"). */
    uint64_t h[8] = {0x6a09e667f3bcc908 ^ 0x01010040,
                     0xbb67ae8584caa73b,
                     0x3c6ef372fe94f82b,
                     0xa54ff53a5f1d36f1,
                     0x510e527fade682d1,
                     0x9b05688c2b3e6c1f,
                     0x1f83d9abfb41bd6b,
                     0x5be0cd19137e2179};
    const uint64_t m[16] = {0x636261};
    const uint64_t t[2] = {3, 0};
    uint8_t out[64];
    vd_blake2b_f(h, m, t, true, 12);
    for (unsigned i = 0; i < 8; i++)
        vd_store_le64(out + 8 * i, h[i]);
    assert_hex(out, sizeof out,
               "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
               "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
               NULL);
}

/* Runs in exactly the scratch that the header promises to be enough. */
static uint8_t *
modexp(struct vd_slice base, struct vd_slice exponent, struct vd_slice modulus)
{
    struct vd_arena arena;
    size_t size = 16 * (base.len + modulus.len) + 4096;
    void *memory = malloc(size);
    uint8_t *out = malloc(modulus.len + 1);
    assert_true(memory != NULL && out != NULL);
    vd_arena_init(&arena, memory, size);
    assert_int_equal(vd_modexp(out, &arena, base, exponent, modulus), VD_OK);
    assert_int_equal(arena.used, 0);
    free(memory);
    return out;
}

/* The number at input[at..], zero beyond its end, in malloc'd memory (EIP-198). */
static uint8_t *
field(struct vd_slice input, size_t at, size_t len)
{
    uint8_t *out = calloc(len + 1, 1);
    assert_non_null(out);
    for (size_t i = 0; i < len && at + i < input.len; i++)
        out[i] = input.ptr[at + i];
    return out;
}

/* A length, or more than any vector has. */
static size_t
length_field(struct vd_slice input, size_t at)
{
    uint8_t *word = field(input, at, 32);
    struct vd_u256 len = vd_u256_from_be(word);
    free(word);
    return vd_u256_fits_u64(&len) && len.w[0] < 1 << 20 ? (size_t)len.w[0] : 1 << 20;
}

static void
check_modexp(const json_t *test, struct vd_slice input)
{
    const char *expected = json_string_value(json_object_get(test, "Expected"));
    size_t base_len = length_field(input, 0);
    size_t exponent_len = length_field(input, 32);
    size_t modulus_len = length_field(input, 64);
    uint8_t *base = field(input, 96, base_len);
    uint8_t *exponent = field(input, 96 + base_len, exponent_len);
    uint8_t *modulus = field(input, 96 + base_len + exponent_len, modulus_len);
    uint8_t *out = modexp(vd_slice(base, base_len), vd_slice(exponent, exponent_len),
                          vd_slice(modulus, modulus_len));
    assert_hex(out, modulus_len, expected, test);
    free(out);
    free(base);
    free(exponent);
    free(modulus);
}

static void
test_modexp_vectors_hold(void **state)
{
    (void)state;
    run_vectors("modexp", check_modexp);
    run_vectors("expmod.", check_modexp);
}

static void
test_modexp_equals_repeated_mulmod(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("modexp");
    for (unsigned i = 0; i < VD_ROUNDS; i++) {
        uint8_t base[32];
        uint8_t exponent[12];
        uint8_t modulus[32] = {0};
        uint8_t want[32];
        size_t modulus_len = 1 + vd_random_below(&r, 32);
        size_t exponent_len = vd_random_below(&r, sizeof exponent + 1);
        vd_random_bytes(&r, base, sizeof base);
        vd_random_bytes(&r, exponent, sizeof exponent);
        vd_random_bytes(&r, modulus + 32 - modulus_len, modulus_len);
        if (i % 3 == 0) { /* factors of two */
            size_t zeros = vd_random_below(&r, modulus_len);
            memset(modulus + 32 - zeros, 0, zeros);
        }
        struct vd_u256 b = vd_u256_from_be(base);
        struct vd_u256 m = vd_u256_from_be(modulus);
        struct vd_u256 one = vd_u256(1);
        struct vd_u256 x = vd_u256_mod(&one, &m);
        for (size_t bit = 0; bit < 8 * exponent_len; bit++) {
            x = vd_u256_mulmod(&x, &x, &m);
            if ((exponent[bit / 8] >> (7 - bit % 8) & 1) != 0)
                x = vd_u256_mulmod(&x, &b, &m);
        }
        vd_u256_to_be(want, &x);
        uint8_t *got =
            modexp(vd_slice(base, 32), vd_slice(exponent, exponent_len), vd_slice(modulus, 32));
        assert_memory_equal(got, want, 32);
        free(got);
    }
}

/* Laws that hold for numbers of any size: (b^x)^y = (b^y)^x, and Fermat's little theorem
   for a known prime. */
static void
test_modexp_of_large_numbers_obeys_the_laws(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("large modexp");
    for (unsigned i = 0; i < 60; i++) {
        uint8_t base[300];
        uint8_t x[20];
        uint8_t y[20];
        uint8_t modulus[300];
        size_t len = 1 + vd_random_below(&r, sizeof modulus);
        vd_random_bytes(&r, base, sizeof base);
        vd_random_bytes(&r, x, sizeof x);
        vd_random_bytes(&r, y, sizeof y);
        vd_random_bytes(&r, modulus, len);
        if (i % 3 == 0)
            memset(modulus + len / 2, 0, len - len / 2);
        struct vd_slice m = vd_slice(modulus, len);
        struct vd_slice b = vd_slice(base, vd_random_below(&r, sizeof base));
        uint8_t *bx = modexp(b, vd_slice(x, sizeof x), m);
        uint8_t *by = modexp(b, vd_slice(y, sizeof y), m);
        uint8_t *bxy = modexp(vd_slice(bx, len), vd_slice(y, sizeof y), m);
        uint8_t *byx = modexp(vd_slice(by, len), vd_slice(x, sizeof x), m);
        assert_memory_equal(bxy, byx, len);
        free(bx);
        free(by);
        free(bxy);
        free(byx);
    }
    /* 2^521 - 1 is prime: b^(p-1) = 1. */
    uint8_t prime[66];
    uint8_t less[66];
    uint8_t b[66];
    memset(prime, 0xff, sizeof prime);
    prime[0] = 0x01;
    memcpy(less, prime, sizeof prime);
    less[65] = 0xfe;
    vd_random_bytes(&r, b, sizeof b);
    b[0] = 0;
    b[65] |= 1;
    uint8_t *got = modexp(vd_slice(b, 66), vd_slice(less, 66), vd_slice(prime, 66));
    for (unsigned i = 0; i < 66; i++)
        assert_int_equal(got[i], i == 65);
    free(got);
}

static void
test_modexp_corner_cases(void **state)
{
    (void)state;
    static const struct {
        const char *base;
        const char *exponent;
        const char *modulus;
        const char *want;
    } cases[] = {
        {"", "", "", ""},
        {"", "", "00", "00"},
        {"", "", "01", "00"},
        {"", "", "02", "01"},
        {"00", "00", "05", "01"},
        {"00", "01", "05", "00"},
        {"02", "0000", "07", "01"},
        {"03", "02", "0008", "0001"},
        {"ffff", "01", "0100", "00ff"},
        {"02", "40", "010000000000000000", "000000000000000000"},
        {"02", "3f", "010000000000000000", "008000000000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len[4];
        uint8_t *base = vd_unhex(cases[i].base, &len[0]);
        uint8_t *exponent = vd_unhex(cases[i].exponent, &len[1]);
        uint8_t *modulus = vd_unhex(cases[i].modulus, &len[2]);
        uint8_t *want = vd_unhex(cases[i].want, &len[3]);
        uint8_t *got =
            modexp(vd_slice(base, len[0]), vd_slice(exponent, len[1]), vd_slice(modulus, len[2]));
        assert_int_equal(len[2], len[3]);
        assert_memory_equal(got, want, len[3]);
        free(got);
        free(base);
        free(exponent);
        free(modulus);
        free(want);
    }
}

static void
test_modexp_in_a_small_arena_is_an_error(void **state)
{
    (void)state;
    uint8_t number[64];
    uint8_t out[64];
    uint8_t memory[2048];
    memset(number, 0x35, sizeof number);
    for (size_t size = 0; size < sizeof memory; size += 8) {
        struct vd_arena arena;
        struct vd_slice n = vd_slice(number, sizeof number);
        vd_arena_init(&arena, memory, size);
        enum vd_err err = vd_modexp(out, &arena, n, n, n);
        assert_true(err == VD_OK || err == VD_ERR_NO_MEMORY);
        assert_int_equal(arena.used, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_vectors_hold),
        cmocka_unit_test(test_known_hashes_hold),
        cmocka_unit_test(test_blake2f_vectors_hold),
        cmocka_unit_test(test_blake2b_of_abc),
        cmocka_unit_test(test_modexp_vectors_hold),
        cmocka_unit_test(test_modexp_equals_repeated_mulmod),
        cmocka_unit_test(test_modexp_of_large_numbers_obeys_the_laws),
        cmocka_unit_test(test_modexp_corner_cases),
        cmocka_unit_test(test_modexp_in_a_small_arena_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
