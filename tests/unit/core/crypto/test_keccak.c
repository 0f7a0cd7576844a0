/* Keccak: the permutation against the text of FIPS 202, every variant against every other, and
   known hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/crypto/keccak_internal.h"
#include "support/random.h"
#include "support/vectors.h"

enum { VD_ROUNDS = 2000, VD_MESSAGES = 300 };

static uint64_t
rotate(uint64_t v, unsigned bits)
{
    bits %= 64;
    return bits == 0 ? v : v << bits | v >> (64 - bits);
}

/* FIPS 202, 3.2.5, algorithm 5: bit t of the round constants, from the feedback register. */
static unsigned
constant_bit(unsigned t)
{
    unsigned r = 1;
    for (unsigned i = 0; i < t % 255; i++) {
        r <<= 1;
        if ((r & 0x100) != 0)
            r ^= 0x171;
    }
    return r & 1;
}

/* Algorithms 1 to 7 as they are written, lane (x, y) at x + 5 y. */
static void
model_permute(uint64_t a[25])
{
    for (unsigned round = 0; round < 24; round++) {
        uint64_t c[5];
        uint64_t b[25];
        for (unsigned x = 0; x < 5; x++)
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (unsigned i = 0; i < 25; i++)
            a[i] ^= c[(i % 5 + 4) % 5] ^ rotate(c[(i % 5 + 1) % 5], 1);
        unsigned x = 1;
        unsigned y = 0;
        b[0] = a[0];
        for (unsigned t = 0; t < 24; t++) {
            unsigned next_y = (2 * x + 3 * y) % 5;
            b[y + 5 * next_y] = rotate(a[x + 5 * y], (t + 1) * (t + 2) / 2);
            x = y;
            y = next_y;
        }
        for (unsigned i = 0; i < 25; i++)
            a[i] = b[i] ^ (~b[i / 5 * 5 + (i + 1) % 5] & b[i / 5 * 5 + (i + 2) % 5]);
        for (unsigned j = 0; j <= 6; j++)
            a[0] ^= (uint64_t)constant_bit(j + 7 * round) << ((1U << j) - 1);
    }
}

static struct vd_hash
model_hash(struct vd_slice bytes)
{
    uint64_t state[25] = {0};
    struct vd_hash hash;
    size_t whole = bytes.len / 136;
    for (size_t block = 0; block <= whole; block++) {
        uint8_t padded[136] = {0};
        size_t n = block < whole ? 136 : bytes.len % 136;
        for (size_t i = 0; i < n; i++)
            padded[i] = bytes.ptr[136 * block + i];
        if (block == whole) {
            padded[n] ^= 0x01;
            padded[135] ^= 0x80;
        }
        for (unsigned i = 0; i < 136; i++)
            state[i / 8] ^= (uint64_t)padded[i] << (8 * (i % 8));
        model_permute(state);
    }
    for (unsigned i = 0; i < 32; i++)
        hash.b[i] = (uint8_t)(state[i / 8] >> (8 * (i % 8)));
    return hash;
}

static void
test_permutation_equals_the_specification(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("keccak-f");
    for (unsigned i = 0; i < VD_ROUNDS; i++) {
        uint64_t want[25];
        uint64_t got[25];
        uint64_t plain[25];
        vd_random_bytes(&r, (uint8_t *)want, sizeof want);
        memcpy(got, want, sizeof want);
        memcpy(plain, want, sizeof want);
        model_permute(want);
        vd_keccak_f1600(got);
        vd_keccak_f1600_plain(plain);
        assert_memory_equal(got, want, sizeof want);
        assert_memory_equal(plain, want, sizeof want);
    }
}

static void
test_known_hashes_hold(void **state)
{
    (void)state;
    /* The Keccak team's answers for Keccak-256 (ShortMsgKAT_256, lengths 0 and 8), and the
       constants of the Yellow Paper. */
    static const uint8_t one[] = {0xcc};
    static const uint8_t empty_string[] = {0x80};
    static const uint8_t empty_list[] = {0xc0};
    struct vd_hash want =
        vd_unhex_word("eead6dbfc7340a56caedc044696a168870549a6a7f6f56961e84a54bd9970b8a");
    struct vd_hash got = vd_keccak256(vd_slice(one, 1));
    assert_true(vd_hash_eq(&got, &want));
    got = vd_keccak256(vd_slice(NULL, 0));
    want = vd_unhex_word("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    assert_true(vd_hash_eq(&got, &want));
    assert_true(vd_hash_eq(&got, &VD_EMPTY_CODE_HASH));
    got = vd_keccak256(vd_slice(empty_string, 1));
    assert_true(vd_hash_eq(&got, &VD_EMPTY_ROOT));
    got = vd_keccak256(vd_slice(empty_list, 1));
    assert_true(vd_hash_eq(&got, &VD_EMPTY_OMMERS));
}

static void
test_every_length_equals_the_model(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("lengths");
    uint8_t bytes[700];
    vd_random_bytes(&r, bytes, sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct vd_hash want = model_hash(vd_slice(bytes, len));
        struct vd_hash got = vd_keccak256(vd_slice(bytes, len));
        assert_true(vd_hash_eq(&got, &want));
        struct vd_keccak k;
        vd_keccak_init(&k);
        for (size_t at = 0; at < len;) {
            size_t n = vd_random_below(&r, 200);
            if (n > len - at)
                n = len - at;
            vd_keccak_update(&k, vd_slice(bytes + at, n));
            at += n;
        }
        got = vd_keccak_final(&k);
        assert_true(vd_hash_eq(&got, &want));
    }
}

static void
test_many_equals_one_at_a_time(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("many");
    static uint8_t bytes[4096];
    static struct vd_slice in[VD_MESSAGES];
    static struct vd_hash out[VD_MESSAGES];
    vd_random_bytes(&r, bytes, sizeof bytes);
    for (unsigned round = 0; round < 200; round++) {
        size_t count = vd_random_below(&r, VD_MESSAGES);
        size_t longest = 1 + vd_random_below(&r, round % 2 == 0 ? 300 : 2000);
        for (size_t i = 0; i < count; i++) {
            size_t len = vd_random_below(&r, longest);
            in[i] = vd_slice(bytes + vd_random_below(&r, sizeof bytes - len), len);
        }
        vd_keccak256_many(out, in, count);
        for (size_t i = 0; i < count; i++) {
            struct vd_hash want = vd_keccak256(in[i]);
            assert_true(vd_hash_eq(&out[i], &want));
        }
    }
}

#if VD_KECCAK_X86
static void
check_lanes(unsigned lanes, struct vd_random *r)
{
    static uint8_t bytes[VD_KECCAK_MAX_LANES][1000];
    struct vd_slice in[VD_KECCAK_MAX_LANES];
    struct vd_hash hashes[VD_KECCAK_MAX_LANES];
    const struct vd_slice *from[VD_KECCAK_MAX_LANES];
    struct vd_hash *to[VD_KECCAK_MAX_LANES];
    for (size_t block = 0; block < 7; block++) {
        for (unsigned i = 0; i < lanes; i++) {
            vd_random_bytes(r, bytes[i], sizeof bytes[i]);
            in[i] = vd_slice(bytes[i], VD_KECCAK_RATE * block + vd_random_below(r, VD_KECCAK_RATE));
            from[i] = &in[i];
            to[i] = &hashes[i];
        }
        vd_keccak_x86_hash(to, from, lanes);
        for (unsigned i = 0; i < lanes; i++) {
            struct vd_hash want = model_hash(in[i]);
            assert_true(vd_hash_eq(&hashes[i], &want));
        }
    }
}
#endif

static void
test_lanes_equal_the_model(void **state)
{
    (void)state;
#if VD_KECCAK_X86
    struct vd_random r = vd_random_start("lanes");
    for (unsigned lanes = 4; lanes <= vd_keccak_x86_lanes(); lanes *= 2) {
        printf("%u lanes\n", lanes);
        for (unsigned i = 0; i < 50; i++)
            check_lanes(lanes, &r);
    }
#else
    printf("no lanes in this build\n");
#endif
}

static void
test_vectors_hold(void **state)
{
    (void)state;
    json_t *file = vd_vectors_json("precompiles/generated/hashes.open.json");
    for (size_t i = 0; i < json_array_size(file); i++) {
        size_t len;
        const json_t *test = json_array_get(file, i);
        uint8_t *in = vd_unhex(json_string_value(json_object_get(test, "Input")), &len);
        struct vd_hash want = vd_unhex_word(json_string_value(json_object_get(test, "keccak256")));
        struct vd_hash got = vd_keccak256(vd_slice(in, len));
        assert_true(vd_hash_eq(&got, &want));
        free(in);
    }
    json_decref(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permutation_equals_the_specification),
        cmocka_unit_test(test_known_hashes_hold),
        cmocka_unit_test(test_every_length_equals_the_model),
        cmocka_unit_test(test_many_equals_one_at_a_time),
        cmocka_unit_test(test_lanes_equal_the_model),
        cmocka_unit_test(test_vectors_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
