/* The JSON writer against jansson, the reader against geth's texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/node/net/json_reader.h"
#include "viaduct/node/net/json_writer.h"

static void
assert_text(const struct vd_json *j, const char *text)
{
    assert_int_equal(j->err, VD_OK);
    assert_int_equal(j->len, strlen(text));
    assert_memory_equal(j->ptr, text, j->len);
}

static void
test_writer_places_commas(void **state)
{
    (void)state;
    struct vd_json j;
    vd_json_init(&j, 4096);
    vd_json_array_begin(&j);
    vd_json_object_begin(&j);
    vd_json_object_end(&j);
    vd_json_object_begin(&j);
    vd_json_put_quantity(&j, "a", 0);
    vd_json_key(&j, "b");
    vd_json_array_begin(&j);
    vd_json_null(&j);
    vd_json_bool(&j, true);
    vd_json_string(&j, "x[");
    vd_json_number(&j, -5);
    vd_json_array_end(&j);
    vd_json_put_data(&j, "c", vd_slice(NULL, 0));
    vd_json_object_end(&j);
    vd_json_array_end(&j);
    assert_text(&j, "[{},{\"a\":\"0x0\",\"b\":[null,true,\"x[\",-5],\"c\":\"0x\"}]");
    vd_json_deinit(&j);
}

static void
test_writer_writes_ethereum_values(void **state)
{
    (void)state;
    struct vd_json j;
    struct vd_u256 big = {.w = {0, 0, 0, 1}};
    struct vd_address address = {.b = {0xab, 0xcd}};
    struct vd_hash hash = {.b = {0x01}};
    vd_json_init(&j, 4096);
    vd_json_array_begin(&j);
    vd_json_quantity(&j, 255);
    vd_json_quantity(&j, UINT64_MAX);
    vd_json_u256(&j, &big);
    vd_json_address(&j, &address);
    vd_json_hash(&j, &hash);
    vd_json_double(&j, 0.5);
    vd_json_double(&j, 1.0 / 3);
    vd_json_array_end(&j);
    assert_text(&j, "[\"0xff\",\"0xffffffffffffffff\","
                    "\"0x1000000000000000000000000000000000000000000000000\","
                    "\"0xabcd000000000000000000000000000000000000\","
                    "\"0x0100000000000000000000000000000000000000000000000000000000000000\","
                    "0.5,0.33333333333333331]");
    vd_json_deinit(&j);
}

static void
test_writer_stops_at_its_limit(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 40; limit++) {
        struct vd_json j;
        vd_json_init(&j, limit);
        for (int i = 0; i < 50; i++)
            vd_json_bytes(&j, "0123456", 7);
        assert_int_equal(j.err, VD_ERR_TOO_LARGE);
        assert_true(j.len <= limit && j.len == limit / 7 * 7);
        vd_json_clear(&j);
        assert_int_equal(j.err, VD_OK);
        vd_json_deinit(&j);
    }
}

/* Random bytes come out as JSON that jansson reads; what was UTF-8 comes back as it was. */
static void
test_writer_strings_are_read_back(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("json strings");
    for (int round = 0; round < 20000; round++) {
        uint8_t text[24];
        size_t len = vd_random_below(&r, sizeof text);
        vd_random_bytes(&r, text, len);
        if (vd_random_below(&r, 2) == 0) {
            for (size_t i = 0; i < len; i++)
                text[i] &= 0x7f;
        }
        struct vd_json j;
        vd_json_init(&j, 1000);
        vd_json_string_n(&j, (const char *)text, len);
        json_t *back = json_loadb(j.ptr, j.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(back);
        json_t *direct = json_stringn((const char *)text, len);
        if (direct != NULL) {
            assert_int_equal(json_string_length(back), len);
            assert_memory_equal(json_string_value(back), text, len);
        }
        json_decref(direct);
        json_decref(back);
        vd_json_deinit(&j);
    }
}

typedef bool (*read_fn)(void *out, struct vd_json_why *why, const json_t *value);

static bool
read_address(void *out, struct vd_json_why *why, const json_t *value)
{
    return vd_json_read_address(out, why, value);
}
static bool
read_hash(void *out, struct vd_json_why *why, const json_t *value)
{
    return vd_json_read_hash(out, why, value);
}
static bool
read_u64(void *out, struct vd_json_why *why, const json_t *value)
{
    return vd_json_read_u64(out, why, value);
}
static bool
read_u256(void *out, struct vd_json_why *why, const json_t *value)
{
    return vd_json_read_u256(out, why, value);
}
static bool
read_word(void *out, struct vd_json_why *why, const json_t *value)
{
    return vd_json_read_word(out, why, value);
}
static bool
read_data(void *out, struct vd_json_why *why, const json_t *value)
{
    (void)out;
    uint8_t *bytes;
    size_t len;
    bool ok = vd_json_read_data(&bytes, &len, why, value);
    if (ok)
        free(bytes);
    return ok;
}

/* Texts as go-ethereum's common/hexutil and common/types give them. */
static const struct {
    read_fn read;
    const char *json;
    const char *why; /* NULL: accepted */
} cases[] = {
    {read_u64, "\"0x0\"", NULL},
    {read_u64, "\"0xffffffffffffffff\"", NULL},
    {read_u64, "\"0x10000000000000000\"",
     "json: cannot unmarshal hex number > 64 bits into Go value of type hexutil.Uint64"},
    {read_u64, "\"0x01\"",
     "json: cannot unmarshal hex number with leading zero digits into Go value of type "
     "hexutil.Uint64"},
    {read_u64, "\"0x\"",
     "json: cannot unmarshal hex string \"0x\" into Go value of type hexutil.Uint64"},
    {read_u64, "\"1\"",
     "json: cannot unmarshal hex string without 0x prefix into Go value of type hexutil.Uint64"},
    {read_u64, "1", "json: cannot unmarshal non-string into Go value of type hexutil.Uint64"},
    {read_u64, "null", "json: cannot unmarshal non-string into Go value of type hexutil.Uint64"},
    {read_u64, "\"0xg\"",
     "json: cannot unmarshal invalid hex string into Go value of type hexutil.Uint64"},
    {read_u256, "\"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"", NULL},
    {read_u256, "\"0x10000000000000000000000000000000000000000000000000000000000000000\"",
     "json: cannot unmarshal hex number > 256 bits into Go value of type *hexutil.Big"},
    {read_address, "\"0x00000000000000000000000000000000000000aB\"", NULL},
    {read_address, "\"0x00\"", "hex string has length 2, want 40 for common.Address"},
    {read_address, "\"0x000\"",
     "json: cannot unmarshal hex string of odd length into Go value of type common.Address"},
    {read_address, "{}", "json: cannot unmarshal non-string into Go value of type common.Address"},
    {read_hash, "\"0x00\"", "hex string has length 2, want 64 for common.Hash"},
    {read_word, "\"0x0\"", NULL},
    {read_word, "\"00\"", NULL},
    {read_word, "\"0xx\"", "unable to decode storage key: hex string invalid"},
    {read_word, "\"0x10000000000000000000000000000000000000000000000000000000000000000\"",
     "unable to decode storage key: hex string too long, want at most 32 bytes"},
    {read_data, "\"0x\"", NULL},
    {read_data, "\"0xABcd\"", NULL},
    {read_data, "\"0xabc\"",
     "json: cannot unmarshal hex string of odd length into Go value of type hexutil.Bytes"},
    {read_data, "\"0xzz\"",
     "json: cannot unmarshal invalid hex string into Go value of type hexutil.Bytes"},
};

static void
test_reader_says_what_geth_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[64];
        struct vd_json_why why = {""};
        json_t *value = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        assert_int_equal(cases[i].read(out, &why, value), cases[i].why == NULL);
        if (cases[i].why != NULL)
            assert_string_equal(why.text, cases[i].why);
        json_decref(value);
    }
}

static void
test_parser_bounds_nesting(void **state)
{
    (void)state;
    char text[2 * 5000 + 1];
    struct vd_json_why why;
    for (size_t depth = VD_JSON_MAX_DEPTH; depth <= 5000; depth += 1234) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        json_t *root = vd_json_parse(&why, vd_slice((const uint8_t *)text, 2 * depth));
        assert_int_equal(root != NULL, depth <= VD_JSON_MAX_DEPTH);
        json_decref(root);
    }
    const char *brackets = "[\"[[[[\\\"[[[\",1]";
    json_t *root = vd_json_parse(&why, vd_slice((const uint8_t *)brackets, strlen(brackets)));
    assert_non_null(root);
    json_decref(root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer_places_commas),
        cmocka_unit_test(test_writer_writes_ethereum_values),
        cmocka_unit_test(test_writer_stops_at_its_limit),
        cmocka_unit_test(test_writer_strings_are_read_back),
        cmocka_unit_test(test_reader_says_what_geth_says),
        cmocka_unit_test(test_parser_bounds_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
