/* Frame pruning, the channel assembler and the channel reader: tables after the OP Stack
   specs, derivation and Holocene derivation: frame queue, channel bank, channel reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/rollup/channel.h"
#include "support/random.h"
#include "unit/core/rollup/deflate.h"
#include "viaduct/core/codec/rlp.h"

enum { ARENA_BYTES = 128 << 20 };

static struct vd_arena arena;
static struct vd_channel_reader reader;

static int
setup(void **state)
{
    (void)state;
    vd_arena_rewind(&arena, 0);
    return 0;
}

/* Frames as text: a letter for the channel, a digit for the number, '!' after the last one. */
static size_t
parse(struct vd_frame *out, const char *s)
{
    size_t n = 0;
    while (*s != '\0') {
        if (*s == ' ') {
            s++;
            continue;
        }
        memset(&out[n], 0, sizeof out[n]);
        out[n].id.b[0] = (uint8_t)*s++;
        out[n].number = (uint16_t)(*s++ - '0');
        out[n].is_last = *s == '!';
        s += out[n].is_last;
        n++;
    }
    return n;
}

static void
test_pruning_follows_the_table(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"A0 A1 A2!", "A0 A1 A2!"},    /* in order */
        {"A1 A2", "A1 A2"},            /* a channel goes on from an earlier item */
        {"A0 A2", "A0"},               /* not the next number */
        {"A0 A0", "A0"},               /* nor the same */
        {"A0 A2 A1", "A0 A1"},         /* what follows is compared with what was kept */
        {"A0! A1", "A0!"},             /* after the last frame */
        {"A0! A0", "A0!"},             /* a closed channel does not start again next to it */
        {"A0 B0", "B0"},               /* a new channel throws the open one away */
        {"A0 A1 B0 B1!", "B0 B1!"},    /* all of it */
        {"A0! B0", "A0! B0"},          /* but not a closed one */
        {"A0 A1! B0 C0", "A0 A1! C0"}, /* and only back to it */
        {"A0 B1", "A0"},               /* another channel's later frame */
        {"A0 B1 A1", "A0 A1"},         /* is dropped alone */
        {"A5 B0!", "B0!"},             /* an open run need not begin with 0 */
        {"A0! B0 A0", "A0!"},          /* B0 goes for A0, which then meets its closed self */
        {"A0 B0 A1", "B0"},            /* A is gone */
        {"B1", "B1"},                  /* a lone frame stays for the assembler to judge */
        {"A0 A1 A1 A2! A3 B0!", "A0 A1 A2! B0!"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vd_frame got[16];
        struct vd_frame expected[16];
        size_t n = vd_frames_prune(got, parse(got, cases[i].in));
        if (n != parse(expected, cases[i].out) || memcmp(got, expected, n * sizeof *got) != 0)
            fail_msg("%s", cases[i].in);
    }
}

/* The table as it is worded: a list, pairs looked at from the left, removals in place. */
static size_t
prune_by_pairs(struct vd_frame *f, size_t n)
{
    size_t i = 0;
    while (i + 1 < n) {
        bool same = memcmp(f[i].id.b, f[i + 1].id.b, 16) == 0;
        bool drop_next =
            same ? f[i].is_last || f[i + 1].number != f[i].number + 1 : f[i + 1].number != 0;
        bool drop_cur = !same && f[i + 1].number == 0 && !f[i].is_last;
        if (!drop_next && !drop_cur) {
            i++;
            continue;
        }
        size_t at = drop_next ? i + 1 : i;
        memmove(f + at, f + at + 1, (n - at - 1) * sizeof *f);
        n--;
        if (drop_cur && i > 0)
            i--;
    }
    return n;
}

static void
test_pruning_equals_the_pairwise_rule(void **state)
{
    struct vd_random r = vd_random_start("pruning");
    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        struct vd_frame a[8] = {{{{0}}, 0, {NULL, 0}, false}};
        struct vd_frame b[8];
        size_t n = 1 + vd_random_below(&r, 8);
        for (size_t i = 0; i < n; i++) {
            memset(&a[i], 0, sizeof a[i]);
            a[i].id.b[0] = (uint8_t)vd_random_below(&r, 2);
            a[i].number = (uint16_t)vd_random_below(&r, 3);
            a[i].is_last = vd_random_below(&r, 3) == 0;
        }
        memcpy(b, a, sizeof b);
        size_t got = vd_frames_prune(a, n);
        assert_int_equal(got, prune_by_pairs(b, n));
        assert_memory_equal(a, b, got * sizeof *a);
    }
}

static enum vd_assembled
add(struct vd_assembler *a, const char *frame, const char *data, uint64_t l1)
{
    struct vd_frame f;
    enum vd_assembled result;
    assert_int_equal(parse(&f, frame), 1);
    f.data = vd_slice((const uint8_t *)data, strlen(data));
    (void)vd_assembler_expire(a, l1);
    assert_int_equal(vd_assembler_add(a, &result, &f, l1), VD_OK);
    return result;
}

static struct vd_assembler
new_assembler(size_t cap)
{
    struct vd_assembler a = {.bytes = vd_arena_alloc(&arena, cap, 1), .cap = cap};
    assert_non_null(a.bytes);
    return a;
}

static void
test_assembler_joins_frames_in_order(void **state)
{
    struct vd_assembler a = new_assembler(100);
    (void)state;
    assert_int_equal(add(&a, "A0", "one", 1), VD_ASSEMBLED_PART);
    assert_int_equal(add(&a, "A2!", "three", 1), VD_ASSEMBLED_DROPPED);
    assert_int_equal(add(&a, "B1", "other", 1), VD_ASSEMBLED_DROPPED);
    assert_int_equal(add(&a, "A1", "two", 2), VD_ASSEMBLED_PART);
    assert_int_equal(add(&a, "A1", "two", 2), VD_ASSEMBLED_DROPPED);
    assert_int_equal(add(&a, "A2!", "three", 3), VD_ASSEMBLED_WHOLE);
    assert_int_equal(a.len, 11);
    assert_memory_equal(a.bytes, "onetwothree", 11);
    /* The slot is empty afterwards. */
    assert_int_equal(add(&a, "A3", "more", 3), VD_ASSEMBLED_DROPPED);
    assert_int_equal(add(&a, "A0!", "again", 3), VD_ASSEMBLED_WHOLE);
}

static void
test_assembler_starts_again_with_frame_zero(void **state)
{
    struct vd_assembler a = new_assembler(100);
    (void)state;
    assert_int_equal(add(&a, "A1", "x", 1), VD_ASSEMBLED_DROPPED);
    assert_int_equal(add(&a, "A0", "old", 1), VD_ASSEMBLED_PART);
    assert_int_equal(add(&a, "A0", "new", 1), VD_ASSEMBLED_PART);
    assert_int_equal(add(&a, "A1!", "!", 1), VD_ASSEMBLED_WHOLE);
    assert_memory_equal(a.bytes, "new!", a.len);
    assert_int_equal(add(&a, "A0", "old", 1), VD_ASSEMBLED_PART);
    assert_int_equal(add(&a, "B0", "new", 1), VD_ASSEMBLED_PART);
    assert_int_equal(add(&a, "A1!", "!", 1), VD_ASSEMBLED_DROPPED);
    assert_int_equal(add(&a, "B1!", "!", 1), VD_ASSEMBLED_WHOLE);
}

static void
test_channel_lives_fifty_blocks_and_no_longer(void **state)
{
    struct vd_assembler a = new_assembler(100);
    (void)state;
    assert_int_equal(add(&a, "A0", "a", 100), VD_ASSEMBLED_PART);
    assert_int_equal(add(&a, "A1!", "b", 150), VD_ASSEMBLED_WHOLE);
    assert_int_equal(add(&a, "A0", "a", 100), VD_ASSEMBLED_PART);
    assert_int_equal(add(&a, "A1!", "b", 151), VD_ASSEMBLED_DROPPED);
}

/* Each frame counts 200 bytes beside its data. */
static void
test_channel_over_its_limit_is_dropped(void **state)
{
    struct vd_assembler a = new_assembler(1000);
    enum vd_assembled result;
    uint8_t data[1] = {0};
    (void)state;
    struct vd_frame frame = {.data = vd_slice(data, 0)};
    assert_int_equal(vd_assembler_add(&a, &result, &frame, 1), VD_OK);
    a.size = VD_CHANNEL_MAX_BYTES - 200;
    frame.number = 1;
    assert_int_equal(vd_assembler_add(&a, &result, &frame, 1), VD_OK);
    assert_int_equal(result, VD_ASSEMBLED_PART);
    a.size = VD_CHANNEL_MAX_BYTES - 200;
    frame.number = 2;
    frame.data.len = 1;
    assert_int_equal(vd_assembler_add(&a, &result, &frame, 1), VD_OK);
    assert_int_equal(result, VD_ASSEMBLED_TOO_BIG);
    frame.number = 3;
    assert_int_equal(vd_assembler_add(&a, &result, &frame, 1), VD_OK);
    assert_int_equal(result, VD_ASSEMBLED_DROPPED);
}

static void
test_small_channel_buffer_is_no_verdict(void **state)
{
    struct vd_assembler a = new_assembler(2);
    enum vd_assembled result;
    struct vd_frame frame = {.data = vd_slice((const uint8_t *)"abc", 3)};
    (void)state;
    assert_int_equal(vd_assembler_add(&a, &result, &frame, 1), VD_ERR_NO_MEMORY);
}

/* --- the reader --- */

/* Reads everything; the contents of batches joined, then 'E' for the end or 'M' for malformed. */
static void
expect_read(struct vd_slice channel, const char *expected)
{
    char got[256];
    size_t n = 0;
    enum vd_channel_item item = VD_CHANNEL_BATCH;
    assert_int_equal(vd_channel_reader_open(&reader, channel), VD_CHANNEL_OPENED);
    while (item == VD_CHANNEL_BATCH) {
        struct vd_slice content;
        assert_int_equal(vd_channel_reader_next(&reader, &item, &content, &arena), VD_OK);
        if (item != VD_CHANNEL_BATCH)
            break;
        assert_true(content.len + 2 < sizeof got - n);
        if (content.len != 0)
            memcpy(got + n, content.ptr, content.len);
        n += content.len;
        got[n++] = ';';
    }
    got[n++] = item == VD_CHANNEL_END ? 'E' : 'M';
    got[n] = '\0';
    assert_string_equal(got, expected);
    assert_false(reader.active);
}

static struct vd_slice
compress(const void *bytes, size_t len)
{
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    deflate_whole(&buf, vd_slice(bytes, len));
    assert_int_equal(buf.err, VD_OK);
    return vd_buf_view(&buf);
}

static void
test_reader_gives_the_strings_of_a_stream(void **state)
{
    char deep[62] = "\xb8\x3b";
    (void)state;
    memset(deep + 2, 'x', 59);
    expect_read(compress("\x83"
                         "abc\x82"
                         "de",
                         7),
                "abc;de;E");
    expect_read(compress("a\x80", 2), "a;;E");
    expect_read(compress(deep, 61),
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx;E");
    expect_read(compress("", 0), "E");
}

static void
test_reader_stops_at_bad_rlp_and_keeps_what_came_before(void **state)
{
    (void)state;
    expect_read(compress("\x83"
                         "abc\xc0\x81z",
                         7),
                "abc;M"); /* a list */
    expect_read(compress("\x83"
                         "abc\x83"
                         "de",
                         7),
                "abc;M"); /* cut off */
    expect_read(compress("\x83"
                         "abc\x81z",
                         6),
                "abc;M"); /* z is its own encoding */
    expect_read(compress("\x83"
                         "abc\xb8\x01\xff",
                         7),
                "abc;M"); /* long form of a short */
    expect_read(compress("\x83"
                         "abc\xb9\x00\x40",
                         7),
                "abc;M"); /* length with a zero */
    expect_read(compress("\x83"
                         "abc\xbf\xff\xff\xff\xff\xff\xff\xff\xff",
                         13),
                "abc;M");
    expect_read(compress("\x83"
                         "abc\xb8",
                         5),
                "abc;M"); /* no length */
}

static void
test_reader_keeps_what_came_before_damage(void **state)
{
    struct vd_slice whole = compress("\x83"
                                     "abc\x83"
                                     "def",
                                     8);
    uint8_t bytes[64];
    (void)state;
    memcpy(bytes, whole.ptr, whole.len);
    bytes[whole.len - 1] ^= 1; /* the checksum shows only after all of it */
    expect_read(vd_slice(bytes, whole.len), "abc;def;E");
    expect_read(vd_slice(whole.ptr, whole.len - 4), "abc;def;E"); /* no checksum at all */
    expect_read(vd_slice(whole.ptr, 9), "abc;M");                 /* cut within the second */
    bytes[0] = 0x7f; /* method 15 passes the channel's test and fails zlib's */
    expect_read(vd_slice(bytes, whole.len), "E");
}

static void
test_reader_knows_compression_by_the_first_byte(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t bytes[8] = {(uint8_t)first};
        enum vd_channel_open expected = VD_CHANNEL_BAD;
        if ((first & 15) == 8 || (first & 15) == 15 || first == 1)
            expected = VD_CHANNEL_OPENED;
        assert_int_equal(vd_channel_reader_open(&reader, vd_slice(bytes, sizeof bytes)), expected);
    }
    assert_int_equal(vd_channel_reader_open(&reader, vd_slice(NULL, 0)), VD_CHANNEL_BAD);
}

/* Header and content of one string of len bytes, all zero but the first two. */
static void
put_large(struct deflate *d, size_t len)
{
    uint8_t header[4] = {0xba, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
    size_t header_len = 4;
    if (len > 0xffffff) {
        deflate_literal(d, 0xbb);
        deflate_literal(d, (uint8_t)(len >> 24));
        header_len = 3;
    }
    for (size_t i = 4 - header_len; i < 4; i++) {
        if (header_len == 4 || i > 0)
            deflate_literal(d, header[i]);
    }
    deflate_literal(d, 0);
    deflate_runs(d, 0, (len - 1) / 258);
    for (size_t i = 0; i < (len - 1) % 258; i++)
        deflate_literal(d, 0);
}

/* Batches that end within 100,000,000 bytes count; one that would not is lost with the rest. */
static void
test_reader_clips_at_the_limit(void **state)
{
    (void)state;
    for (size_t excess = 0; excess < 2; excess++) {
        enum vd_channel_item item;
        struct vd_slice content;
        struct vd_buf buf;
        vd_arena_rewind(&arena, 0);
        vd_buf_init(&buf, &arena);
        struct deflate d = deflate_begin(&buf);
        deflate_literal(&d, 'a');
        put_large(&d, VD_CHANNEL_MAX_BYTES - 1 - 5 + excess);
        deflate_literal(&d, 'b');
        deflate_end(&d);
        assert_int_equal(vd_channel_reader_open(&reader, vd_buf_view(&buf)), VD_CHANNEL_OPENED);
        assert_int_equal(vd_channel_reader_next(&reader, &item, &content, &arena), VD_OK);
        assert_int_equal(item, VD_CHANNEL_BATCH);
        assert_int_equal(vd_channel_reader_next(&reader, &item, &content, &arena), VD_OK);
        if (excess != 0) {
            assert_int_equal(item, VD_CHANNEL_MALFORMED);
            continue;
        }
        assert_int_equal(item, VD_CHANNEL_BATCH);
        assert_int_equal(content.len, VD_CHANNEL_MAX_BYTES - 6);
        assert_int_equal(vd_channel_reader_next(&reader, &item, &content, &arena), VD_OK);
        assert_int_equal(item, VD_CHANNEL_END);
    }
}

/* A length that the stream does not keep is malformed, whatever room there is; one that it does
   keep and the region does not hold is a failure of the world. */
static void
test_reader_tells_false_lengths_from_small_regions(void **state)
{
    struct vd_slice lie = compress("\xba\x10\x00\x00"
                                   "abc",
                                   7);
    struct vd_slice truth = compress("\x83"
                                     "abc",
                                     4);
    uint8_t room[2048];
    struct vd_arena small;
    enum vd_channel_item item;
    struct vd_slice content;
    (void)state;
    vd_arena_init(&small, room, sizeof room);
    assert_int_equal(vd_channel_reader_open(&reader, lie), VD_CHANNEL_OPENED);
    assert_int_equal(vd_channel_reader_next(&reader, &item, &content, &small), VD_OK);
    assert_int_equal(item, VD_CHANNEL_MALFORMED);
    vd_arena_init(&small, room, 2);
    assert_int_equal(vd_channel_reader_open(&reader, truth), VD_CHANNEL_OPENED);
    assert_int_equal(vd_channel_reader_next(&reader, &item, &content, &small), VD_ERR_NO_MEMORY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pruning_follows_the_table),
        cmocka_unit_test(test_pruning_equals_the_pairwise_rule),
        cmocka_unit_test_setup(test_assembler_joins_frames_in_order, setup),
        cmocka_unit_test_setup(test_assembler_starts_again_with_frame_zero, setup),
        cmocka_unit_test_setup(test_channel_lives_fifty_blocks_and_no_longer, setup),
        cmocka_unit_test_setup(test_channel_over_its_limit_is_dropped, setup),
        cmocka_unit_test_setup(test_small_channel_buffer_is_no_verdict, setup),
        cmocka_unit_test_setup(test_reader_gives_the_strings_of_a_stream, setup),
        cmocka_unit_test_setup(test_reader_stops_at_bad_rlp_and_keeps_what_came_before, setup),
        cmocka_unit_test_setup(test_reader_keeps_what_came_before_damage, setup),
        cmocka_unit_test_setup(test_reader_knows_compression_by_the_first_byte, setup),
        cmocka_unit_test_setup(test_reader_clips_at_the_limit, setup),
        cmocka_unit_test_setup(test_reader_tells_false_lengths_from_small_regions, setup),
    };
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    reader.memory = malloc(vd_inflate_size());
    reader.brotli_memory = malloc(vd_brotli_size());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(arena.base);
    free(reader.memory);
    free(reader.brotli_memory);
    return failed;
}
