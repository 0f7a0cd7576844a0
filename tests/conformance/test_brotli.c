/* core's brotli against libbrotli: whole streams of every quality and window, cut ones and damaged
   ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <cmocka.h>

#include "support/random.h"
#include "support/vectors.h"
#include "viaduct/core/codec/brotli.h"

#define PLAIN_MAX ((size_t)300000)
#define PACKED_MAX ((size_t)400000)

struct world {
    void *memory;
    uint8_t *plain;
    uint8_t *packed;
    uint8_t *ours;
    uint8_t *theirs;
};

static struct world world;
static struct vd_random rng;

static int
set_up(void **state)
{
    (void)state;
    world = (struct world){.memory = malloc(vd_brotli_size()),
                           .plain = malloc(PLAIN_MAX),
                           .packed = malloc(PACKED_MAX),
                           .ours = malloc(2 * PLAIN_MAX),
                           .theirs = malloc(2 * PLAIN_MAX)};
    return world.memory && world.plain && world.packed && world.ours && world.theirs ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    free(world.memory);
    free(world.plain);
    free(world.packed);
    free(world.ours);
    free(world.theirs);
    return 0;
}

/* Ours, read in pieces of random size; up to twice what any stream here holds. */
static size_t
decode_ours(struct vd_slice in, bool *whole)
{
    struct vd_brotli *b = vd_brotli_init(world.memory, in);
    size_t total = 0;
    enum vd_brotli_status status = VD_BROTLI_MORE;
    while (status == VD_BROTLI_MORE && total < 2 * PLAIN_MAX) {
        size_t cap = 1 + vd_random_below(&rng, 50000);
        size_t n = 0;
        cap = cap < 2 * PLAIN_MAX - total ? cap : 2 * PLAIN_MAX - total;
        status = vd_brotli_read(b, world.ours + total, cap, &n);
        total += n;
    }
    *whole = status == VD_BROTLI_END;
    return total;
}

/* Theirs, fed one byte at a time, so that nothing decoded is held back before an error. */
static size_t
decode_theirs(struct vd_slice in, bool *whole)
{
    BrotliDecoderState *b = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    size_t total = 0;
    BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT;
    for (size_t i = 0; i < in.len && result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT; i++) {
        size_t have = 1;
        const uint8_t *next = in.ptr + i;
        size_t room = 2 * PLAIN_MAX - total;
        uint8_t *out = world.theirs + total;
        result = BrotliDecoderDecompressStream(b, &have, &next, &room, &out, NULL);
        total = 2 * PLAIN_MAX - room;
        if (room == 0) {
            break;
        }
    }
    *whole = result == BROTLI_DECODER_RESULT_SUCCESS;
    BrotliDecoderDestroyInstance(b);
    return total;
}

static void
fill_words(size_t len)
{
    static const char *const words[] = {" the ", "rollup",           "Optimistic", "time",
                                        "\n",    "<a href=\"",       "jack",       "of",
                                        " in ",  "\xd0\xb4\xd0\xb0", "x = 1;",     "http"};
    size_t at = 0;
    while (at < len) {
        const char *word = words[vd_random_below(&rng, sizeof words / sizeof words[0])];
        for (; *word && at < len; word++) {
            world.plain[at++] = (uint8_t)*word;
        }
    }
}

/* Noise, runs, words, and mixtures: what makes an encoder use all that the format has. */
static size_t
make_plain(void)
{
    size_t len = (size_t)vd_random_below(&rng, vd_random_below(&rng, 2) ? 2000 : PLAIN_MAX);
    unsigned kind = (unsigned)vd_random_below(&rng, 5);
    if (kind == 0) {
        fill_words(len);
    }
    for (size_t i = 0; kind != 0 && i < len; i++) {
        uint64_t r = vd_random_below(&rng, 1000);
        world.plain[i] = kind == 1   ? (uint8_t)r
                         : kind == 2 ? (uint8_t)(r < 2    ? r
                                                 : i == 0 ? 7
                                                          : world.plain[i - 1])
                         : kind == 3 ? (uint8_t)(r < 800 && i > 700 ? world.plain[i - 700] : r)
                                     : (uint8_t)(i % 64 < 32 ? r : i / 64);
    }
    return len;
}

static struct vd_slice
pack(size_t len)
{
    static const BrotliEncoderMode modes[] = {BROTLI_MODE_GENERIC, BROTLI_MODE_TEXT,
                                              BROTLI_MODE_FONT};
    size_t packed = PACKED_MAX;
    int quality = (int)vd_random_below(&rng, 12);
    int window = 10 + (int)vd_random_below(&rng, 15);
    assert_true(BrotliEncoderCompress(quality, window, modes[vd_random_below(&rng, 3)], len,
                                      world.plain, &packed, world.packed));
    return vd_slice(world.packed, packed);
}

static void
test_whole_streams_decode(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        size_t len = make_plain();
        struct vd_slice packed = pack(len);
        bool whole = false;
        assert_int_equal(decode_ours(packed, &whole), len);
        assert_true(whole);
        assert_memory_equal(world.ours, world.plain, len);
    }
}

static void
assert_same(struct vd_slice in)
{
    bool ours = false;
    bool theirs = false;
    size_t our_len = decode_ours(in, &ours);
    size_t their_len = decode_theirs(in, &theirs);
    assert_int_equal(ours, theirs);
    if (ours) {
        assert_int_equal(our_len, their_len);
    }
    /* Theirs may hold back what it decoded within the byte at which it failed. */
    assert_true(our_len >= their_len);
    assert_memory_equal(world.ours, world.theirs, their_len);
}

static void
test_cut_streams_end_where_libbrotli_ends(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        struct vd_slice packed = pack(make_plain() % 3000);
        packed.len = (size_t)vd_random_below(&rng, packed.len + 1);
        assert_same(packed);
    }
}

static void
test_damaged_streams_are_refused_as_libbrotli_refuses_them(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4000; i++) {
        struct vd_slice packed = pack(make_plain() % 2000);
        for (unsigned n = 0; n < 1 + i % 3 && packed.len > 0; n++) {
            size_t at = (size_t)vd_random_below(&rng, i % 2             ? packed.len
                                                      : packed.len < 12 ? packed.len
                                                                        : 12);
            world.packed[at] ^= (uint8_t)(1u << vd_random_below(&rng, 8));
        }
        assert_same(packed);
    }
}

static void
test_random_bytes_are_refused_as_libbrotli_refuses_them(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = (size_t)vd_random_below(&rng, 64);
        for (size_t k = 0; k < len; k++) {
            world.packed[k] = (uint8_t)vd_random_below(&rng, 256);
        }
        assert_same(vd_slice(world.packed, len));
    }
}

/* 0x-hex into packed or plain memory. */
static size_t
read_hex(uint8_t *out, const json_t *object, const char *key)
{
    const char *hex = json_string_value(json_object_get(object, key));
    assert_non_null(hex);
    size_t len = (strlen(hex) - 2) / 2;
    assert_int_equal(vd_hex_decode(out, len, hex + 2, strlen(hex) - 2), VD_OK);
    return len;
}

static void
test_vectors_decode(void **state)
{
    (void)state;
    json_t *file = vd_vectors_json("op/derive/brotli/brotli.json");
    const json_t *cases = json_object_get(file, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        bool whole = false;
        size_t packed = read_hex(world.packed, c, "compressed");
        size_t plain = read_hex(world.plain, c, "decompressed");
        assert_int_equal(decode_ours(vd_slice(world.packed, packed), &whole), plain);
        assert_true(whole);
        assert_memory_equal(world.ours, world.plain, plain);
    }
    json_decref(file);
}

int
main(void)
{
    rng = vd_random_start("brotli");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_decode),
        cmocka_unit_test(test_whole_streams_decode),
        cmocka_unit_test(test_cut_streams_end_where_libbrotli_ends),
        cmocka_unit_test(test_damaged_streams_are_refused_as_libbrotli_refuses_them),
        cmocka_unit_test(test_random_bytes_are_refused_as_libbrotli_refuses_them),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
