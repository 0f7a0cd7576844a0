/* Arenas, buffers, cursors, hex, integers in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/core/base/buf.h"
#include "viaduct/core/base/cursor.h"

enum { VD_ROUNDS = 20000 };

static void
test_arena_aligns_addresses_and_gives_back(void **state)
{
    (void)state;
    static uint8_t memory[1024];
    struct vd_random r = vd_random_start("arena");
    for (unsigned i = 0; i < VD_ROUNDS; i++) {
        struct vd_arena arena;
        size_t offset = vd_random_below(&r, 64);
        vd_arena_init(&arena, memory + offset, sizeof memory - 64);
        uint8_t *end = memory + offset;
        for (;;) {
            size_t align = (size_t)1 << vd_random_below(&r, 7);
            size_t size = vd_random_below(&r, 200);
            uint8_t *p = vd_arena_alloc(&arena, size, align);
            if (p == NULL) {
                /* Only when it really does not fit. */
                size_t pad = (size_t)(-(uintptr_t)end & (align - 1));
                assert_true((size_t)(memory + offset + sizeof memory - 64 - end) < pad + size);
                break;
            }
            assert_true(p >= end && p + size <= memory + offset + sizeof memory - 64);
            assert_int_equal((uintptr_t)p % align, 0);
            end = p + size;
        }
        vd_arena_rewind(&arena, 0);
        assert_non_null(vd_arena_alloc(&arena, sizeof memory - 64, 1));
    }
}

static void
test_arena_refuses_sizes_that_overflow(void **state)
{
    (void)state;
    uint8_t memory[64];
    struct vd_arena arena;
    vd_arena_init(&arena, memory, sizeof memory);
    assert_null(vd_arena_alloc(&arena, SIZE_MAX, 1));
    assert_null(vd_arena_alloc(&arena, SIZE_MAX - 3, 64));
    assert_null(vd_arena_zeroed(&arena, SIZE_MAX / 2 + 1, 2, 1));
    assert_null(vd_arena_zeroed(&arena, SIZE_MAX / 8 + 2, 8, 8));
    assert_int_equal(arena.used, 0);
    assert_non_null(vd_arena_copy(&arena, vd_slice(NULL, 0)));
    vd_arena_init(&arena, NULL, 0);
    assert_null(vd_arena_alloc(&arena, 0, 1));
}

static void
test_buffer_keeps_what_was_written(void **state)
{
    (void)state;
    static uint8_t memory[1 << 18];
    static uint8_t want[2][1 << 15];
    struct vd_random r = vd_random_start("buf");
    for (unsigned i = 0; i < 300; i++) {
        struct vd_arena arena;
        struct vd_buf buf[2];
        size_t len[2] = {0, 0};
        vd_arena_init(&arena, memory, sizeof memory);
        vd_buf_init(&buf[0], &arena);
        vd_buf_init(&buf[1], &arena);
        /* Two buffers that grow in turns, in runs: in place and by copying. */
        for (unsigned k = 0; k < 200; k++) {
            unsigned which = (unsigned)vd_random_below(&r, 2);
            size_t n = vd_random_below(&r, 100);
            vd_random_bytes(&r, want[which] + len[which], n);
            vd_buf_bytes(&buf[which], want[which] + len[which], n);
            len[which] += n;
        }
        for (unsigned which = 0; which < 2; which++) {
            assert_int_equal(buf[which].err, VD_OK);
            struct vd_slice view = vd_buf_view(&buf[which]);
            assert_int_equal(view.len, len[which]);
            assert_memory_equal(view.ptr, want[which], view.len);
        }
    }
}

static void
test_buffer_failure_is_sticky(void **state)
{
    (void)state;
    _Alignas(8) uint8_t memory[100];
    struct vd_arena arena;
    struct vd_buf buf;
    vd_arena_init(&arena, memory, sizeof memory);
    vd_buf_init(&buf, &arena);
    memset(vd_buf_extend(&buf, 95), 1, 95);
    vd_buf_be64(&buf, 0x0102030405060708);
    assert_int_equal(buf.err, VD_ERR_NO_MEMORY);
    assert_int_equal(buf.len, 95);
    vd_buf_byte(&buf, 1);
    assert_int_equal(buf.len, 95);
    assert_null(vd_buf_extend(&buf, 0));

    vd_arena_init(&arena, memory, sizeof memory);
    vd_buf_init(&buf, &arena);
    vd_buf_be32(&buf, 0xfffefdfc);
    vd_buf_be64(&buf, 0x0102030405060708);
    const uint8_t want[] = {0xff, 0xfe, 0xfd, 0xfc, 1, 2, 3, 4, 5, 6, 7, 8};
    assert_int_equal(buf.len, sizeof want);
    assert_memory_equal(buf.ptr, want, sizeof want);
    assert_null(vd_buf_extend(&buf, SIZE_MAX));
    assert_int_equal(buf.err, VD_ERR_NO_MEMORY);
}

static void
test_cursor_reads_and_fails_for_good(void **state)
{
    (void)state;
    uint8_t bytes[80];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    struct vd_cursor cur = vd_cursor(vd_slice(bytes, sizeof bytes));
    assert_int_equal(vd_cursor_u8(&cur), 0);
    assert_int_equal(vd_cursor_be16(&cur), 0x0102);
    assert_true(vd_cursor_be32(&cur) == 0x03040506);
    assert_true(vd_cursor_be64(&cur) == 0x0708090a0b0c0d0e);
    struct vd_hash hash = vd_cursor_hash(&cur);
    assert_memory_equal(hash.b, bytes + 15, 32);
    struct vd_address address = vd_cursor_address(&cur);
    assert_memory_equal(address.b, bytes + 47, 20);
    struct vd_slice rest = vd_cursor_take(&cur, 13);
    assert_true(rest.ptr == bytes + 67 && !cur.failed);
    assert_int_equal(vd_cursor_left(&cur), 0);
    assert_int_equal(vd_cursor_take(&cur, 0).len, 0);
    assert_false(cur.failed);
    assert_int_equal(vd_cursor_u8(&cur), 0);
    assert_true(cur.failed);

    cur = vd_cursor(vd_slice(bytes, 5));
    assert_true(vd_cursor_be64(&cur) == 0);
    assert_true(cur.failed);
    assert_int_equal(vd_cursor_u8(&cur), 0); /* though a byte is there */
    hash = vd_cursor_hash(&cur);
    assert_true(vd_hash_is_zero(&hash));
    cur = vd_cursor(vd_slice(NULL, 0));
    assert_int_equal(vd_cursor_take(&cur, SIZE_MAX).len, 0);
    assert_true(cur.failed);
}

static void
test_uvarint_reads_ten_bytes_at_most(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint64_t value;
        bool fails;
    } cases[] = {
        {"00", 0, false},
        {"7f", 127, false},
        {"8001", 128, false},
        {"8000", 0, false}, /* longer than minimal */
        {"ffffffffffffffffff01", ~(uint64_t)0, false},
        {"ffffffffffffffffff02", 0, true},
        {"80808080808080808000", 0, false},
        {"8080808080808080808000", 0, true},
        {"80", 0, true},
        {"", 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[16];
        size_t len = strlen(cases[i].hex) / 2;
        assert_int_equal(vd_hex_decode(bytes, len, cases[i].hex, 2 * len), VD_OK);
        struct vd_cursor cur = vd_cursor(vd_slice(bytes, len));
        assert_true(vd_cursor_uvarint(&cur) == cases[i].value);
        assert_int_equal(cur.failed, cases[i].fails);
        if (!cases[i].fails)
            assert_int_equal(vd_cursor_left(&cur), 0);
    }
}

static void
test_hex_comes_back_and_refuses_the_rest(void **state)
{
    (void)state;
    uint8_t bytes[256];
    uint8_t again[256];
    char text[512];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    vd_hex_encode(text, bytes, sizeof bytes);
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f10", 34);
    assert_int_equal(vd_hex_decode(again, sizeof again, text, sizeof text), VD_OK);
    assert_memory_equal(again, bytes, sizeof bytes);
    assert_int_equal(vd_hex_decode(again, 2, "aBCd", 4), VD_OK);
    assert_int_equal(again[0], 0xab);
    assert_int_equal(again[1], 0xcd);
    assert_int_equal(vd_hex_decode(again, 2, "abcde", 5), VD_ERR_INVALID);
    assert_int_equal(vd_hex_decode(again, 2, "abc", 3), VD_ERR_INVALID);
    assert_int_equal(vd_hex_decode(again, 2, "0xab", 4), VD_ERR_INVALID);
    for (unsigned c = 0; c < 256; c++) {
        const char digits[2] = {'0', (char)c};
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        assert_int_equal(vd_hex_decode(again, 1, digits, 2), digit ? VD_OK : VD_ERR_INVALID);
    }
}

static void
test_integers_in_memory_have_their_order(void **state)
{
    (void)state;
    const uint8_t bytes[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t out[9] = {0};
    assert_int_equal(vd_load_be16(bytes + 1), 0x0102);
    assert_true(vd_load_be32(bytes + 1) == 0x01020304);
    assert_true(vd_load_be64(bytes + 1) == 0x0102030405060708);
    assert_true(vd_load_le32(bytes + 1) == 0x04030201);
    assert_true(vd_load_le64(bytes + 1) == 0x0807060504030201);
    vd_store_be64(out + 1, 0x0102030405060708);
    assert_memory_equal(out, bytes, 9);
    vd_store_le64(out + 1, 0x0807060504030201);
    assert_memory_equal(out, bytes, 9);
    vd_store_be32(out + 1, 0x01020304);
    vd_store_le32(out + 5, 0x08070605);
    assert_memory_equal(out, bytes, 9);
}

static void
test_every_error_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(vd_err_text(VD_OK), "ok");
    for (int err = VD_OK; err <= VD_ERR_BUSY; err++)
        assert_string_not_equal(vd_err_text((enum vd_err)err), "unknown error");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_aligns_addresses_and_gives_back),
        cmocka_unit_test(test_arena_refuses_sizes_that_overflow),
        cmocka_unit_test(test_buffer_keeps_what_was_written),
        cmocka_unit_test(test_buffer_failure_is_sticky),
        cmocka_unit_test(test_cursor_reads_and_fails_for_good),
        cmocka_unit_test(test_uvarint_reads_ten_bytes_at_most),
        cmocka_unit_test(test_hex_comes_back_and_refuses_the_rest),
        cmocka_unit_test(test_integers_in_memory_have_their_order),
        cmocka_unit_test(test_every_error_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
