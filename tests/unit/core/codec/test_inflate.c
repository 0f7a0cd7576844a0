/* Inflate on streams written by hand whose outcome RFC 1950, RFC 1951 and Go's reader decide.
   Random streams are compared with zlib in tests/conformance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/vectors.h"
#include "viaduct/core/codec/inflate.h"

static void
check(const char *hex, enum vd_inflate_status want, const char *want_text)
{
    size_t len;
    size_t n;
    uint8_t out[1024];
    uint8_t *in = vd_unhex(hex, &len);
    void *memory = malloc(vd_inflate_size());
    assert_non_null(memory);
    struct vd_inflate *z = vd_inflate_init(memory, vd_slice(in, len));
    enum vd_inflate_status got = vd_inflate_read(z, out, sizeof out, &n);
    if (got != want || n != strlen(want_text) || memcmp(out, want_text, n) != 0)
        fail_msg("%s gives status %d and %zu bytes", hex, (int)got, n);
    free(memory);
    free(in);
}

/* "03 00" is a last, fixed block with nothing in it; the checksum of nothing is 1. */
static void
test_headers_are_those_of_rfc_1950(void **state)
{
    (void)state;
    check("789c030000000001", VD_INFLATE_END, "");
    check("7801030000000001", VD_INFLATE_END, "");
    check("0815030000000001", VD_INFLATE_BAD, ""); /* no multiple of 31 */
    check("081d030000000001", VD_INFLATE_END, ""); /* a window of 256 bytes */
    check("881c030000000001", VD_INFLATE_BAD, ""); /* a window of 64 KiB */
    check("7918030000000001", VD_INFLATE_BAD, ""); /* method 9 */
    check("789c", VD_INFLATE_BAD, "");
    check("78", VD_INFLATE_BAD, "");
    check("", VD_INFLATE_BAD, "");
}

/* FDICT with the checksum of the empty dictionary is what Go's reader without one accepts. */
static void
test_only_the_empty_dictionary_is_known(void **state)
{
    (void)state;
    check("78bb00000001030000000001", VD_INFLATE_END, "");
    check("78bb00000002030000000001", VD_INFLATE_BAD, "");
    check("78bb000000", VD_INFLATE_BAD, "");
}

static void
test_stored_blocks_count_as_far_as_they_go(void **state)
{
    (void)state;
    check("7801010300fcff616263024d0127", VD_INFLATE_END, "abc");
    check("7801010300fcff616263024d0128", VD_INFLATE_BAD, "abc"); /* wrong checksum */
    check("7801010300fcff616263024d01", VD_INFLATE_BAD, "abc");
    check("7801010300fcff616263", VD_INFLATE_BAD, "abc");
    check("7801010300fcff6162", VD_INFLATE_BAD, "ab");
    check("7801010300fcff", VD_INFLATE_BAD, "");
    check("7801010300fc", VD_INFLATE_BAD, "");
    check("7801010300fbff616263024d0127", VD_INFLATE_BAD, ""); /* length and complement differ */
    /* An empty one in front, as a flush leaves it, and bytes behind the stream. */
    check("7801000000ffff010300fcff616263024d0127ffff", VD_INFLATE_END, "abc");
    /* The same without the last one: what was flushed counts. */
    check("7801000300fcff616263000000ffff", VD_INFLATE_BAD, "abc");
}

static void
test_reserved_block_type_is_bad(void **state)
{
    (void)state;
    check("780107", VD_INFLATE_BAD, "");
    check("7801000300fcff61626307", VD_INFLATE_BAD, "abc");
}

/* In a fixed block 'a' is 10010001 and the end 0000000 (RFC 1951, 3.2.6). */
static void
test_fixed_blocks_end_where_go_ends_them(void **state)
{
    (void)state;
    check("789c4b040000620062", VD_INFLATE_END, "a");
    check("789c4b04", VD_INFLATE_BAD, "a");
    check("789c4b", VD_INFLATE_BAD, "");
    /* A match at distance 1 before there is a byte. */
    check("789c03020000000001", VD_INFLATE_BAD, "");
}

static void
test_status_stays_and_chunks_do_not_matter(void **state)
{
    (void)state;
    size_t len;
    size_t n;
    uint8_t out[8];
    uint8_t *in = vd_unhex("7801010300fcff616263024d0127", &len);
    void *memory = malloc(vd_inflate_size());
    assert_non_null(memory);
    struct vd_inflate *z = vd_inflate_init(memory, vd_slice(in, len));
    assert_int_equal(vd_inflate_read(z, out, 0, &n), VD_INFLATE_MORE);
    assert_int_equal(n, 0);
    assert_int_equal(vd_inflate_read(z, out, 1, &n), VD_INFLATE_MORE);
    assert_true(n == 1 && out[0] == 'a');
    assert_int_equal(vd_inflate_read(z, out, 8, &n), VD_INFLATE_END);
    assert_true(n == 2 && out[0] == 'b' && out[1] == 'c');
    assert_int_equal(vd_inflate_read(z, out, 8, &n), VD_INFLATE_END);
    assert_int_equal(n, 0);
    free(memory);
    free(in);
}

/* A real channel of OP Mainnet: one RLP string, whose header says how long it is. */
static void
test_mainnet_channel_unpacks_to_one_batch(void **state)
{
    (void)state;
    size_t text_len;
    size_t len;
    uint8_t *text = vd_vectors_file("op/derive/span_batch/mainnet_channel/channel.hex", &text_len);
    if (text == NULL)
        return;
    while (text_len > 0 && text[text_len - 1] <= ' ')
        text[--text_len] = 0;
    uint8_t *in = vd_unhex((const char *)text, &len);
    void *memory = malloc(vd_inflate_size());
    uint8_t *out = malloc(1 << 22);
    assert_true(memory != NULL && out != NULL);
    struct vd_inflate *z = vd_inflate_init(memory, vd_slice(in, len));
    size_t n;
    assert_int_not_equal(vd_inflate_read(z, out, 1 << 22, &n), VD_INFLATE_MORE);
    assert_true(n > 4 && out[0] == 0xba);
    assert_int_equal(n, 4 + ((size_t)out[1] << 16 | (size_t)out[2] << 8 | out[3]));
    assert_int_equal(out[4], 1); /* a span batch */
    free(out);
    free(memory);
    free(in);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_are_those_of_rfc_1950),
        cmocka_unit_test(test_only_the_empty_dictionary_is_known),
        cmocka_unit_test(test_stored_blocks_count_as_far_as_they_go),
        cmocka_unit_test(test_reserved_block_type_is_bad),
        cmocka_unit_test(test_fixed_blocks_end_where_go_ends_them),
        cmocka_unit_test(test_status_stays_and_chunks_do_not_matter),
        cmocka_unit_test(test_mainnet_channel_unpacks_to_one_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
