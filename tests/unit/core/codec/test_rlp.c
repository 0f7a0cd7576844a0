/* RLP against the official vectors in both directions, and against its own inverse on random
   input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/vectors.h"
#include "viaduct/core/codec/rlp.h"

enum { VD_MEMORY = 1 << 20, VD_ROUNDS = 3000, VD_DEPTH = 40 };

static uint8_t memory[VD_MEMORY];

static struct vd_buf
new_buf(struct vd_arena *arena)
{
    struct vd_buf buf;
    vd_arena_init(arena, memory, sizeof memory);
    vd_buf_init(&buf, arena);
    return buf;
}

enum { VD_BIG = 40 };

/* Vectors write large integers as "#" and decimal digits; one has 33 bytes, more than a u256.
   Returns the number of its significant bytes, which end big. */
static size_t
parse_decimal(uint8_t big[VD_BIG], const char *text)
{
    memset(big, 0, VD_BIG);
    for (; *text != '\0'; text++) {
        unsigned carry = (unsigned)(*text - '0');
        for (unsigned i = VD_BIG; i-- > 0;) {
            carry += 10U * big[i];
            big[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    size_t len = VD_BIG;
    while (len > 0 && big[VD_BIG - len] == 0)
        len--;
    return len;
}

static void
encode(struct vd_buf *buf, const json_t *in)
{
    if (json_is_array(in)) {
        size_t mark = vd_rlp_begin(buf);
        for (size_t i = 0; i < json_array_size(in); i++)
            encode(buf, json_array_get(in, i));
        vd_rlp_end(buf, mark);
    } else if (json_is_integer(in)) {
        vd_rlp_put_u64(buf, (uint64_t)json_integer_value(in));
    } else if (json_string_value(in)[0] == '#') {
        uint8_t big[VD_BIG];
        size_t len = parse_decimal(big, json_string_value(in) + 1);
        struct vd_slice bytes = vd_slice(big + VD_BIG - len, len);
        struct vd_u256 value = vd_u256_from_slice(vd_slice(bytes.ptr, len > 32 ? 0 : len));
        if (len > 32)
            vd_rlp_put_string(buf, bytes);
        else
            vd_rlp_put_u256(buf, &value);
    } else {
        const uint8_t *text = (const uint8_t *)json_string_value(in);
        vd_rlp_put_string(buf, vd_slice(text, json_string_length(in)));
    }
}

static void
decode(struct vd_rlp *r, const json_t *in)
{
    assert_int_equal(vd_rlp_is_list(r), json_is_array(in));
    if (json_is_array(in)) {
        bool failed;
        struct vd_rlp list = vd_rlp_list(r);
        assert_int_equal(vd_rlp_count(&list, &failed), json_array_size(in));
        assert_false(failed);
        for (size_t i = 0; i < json_array_size(in); i++)
            decode(&list, json_array_get(in, i));
        vd_rlp_close(r, &list);
    } else if (json_is_integer(in)) {
        assert_true(vd_rlp_u64(r) == (uint64_t)json_integer_value(in));
    } else if (json_string_value(in)[0] == '#') {
        uint8_t big[VD_BIG];
        size_t len = parse_decimal(big, json_string_value(in) + 1);
        struct vd_rlp integer = *r;
        struct vd_u256 got = vd_rlp_u256(&integer);
        assert_int_equal(integer.failed, len > 32);
        struct vd_slice bytes = vd_slice(big + VD_BIG - len, len);
        assert_true(vd_slice_eq(vd_rlp_string(r), bytes));
        assert_int_equal(vd_u256_byte_len(&got), len > 32 ? 0 : len);
    } else {
        const uint8_t *text = (const uint8_t *)json_string_value(in);
        assert_true(vd_slice_eq(vd_rlp_string(r), vd_slice(text, json_string_length(in))));
    }
    assert_false(r->failed);
}

/* Whether bytes are one item, well-formed all the way down. */
static bool
is_valid(struct vd_slice bytes)
{
    struct vd_rlp stack[VD_DEPTH];
    unsigned depth = 0;
    stack[0] = vd_rlp(bytes);
    bool failed;
    if (vd_rlp_count(&stack[0], &failed) != 1 || failed)
        return false;
    for (;;) {
        struct vd_rlp *top = &stack[depth];
        if (vd_rlp_done(top)) {
            if (depth == 0)
                return true;
            vd_rlp_close(&stack[depth - 1], top);
            depth--;
        } else if (!vd_rlp_more(top)) {
            return false;
        } else if (vd_rlp_is_list(top)) {
            assert_true(depth + 1 < VD_DEPTH);
            stack[depth + 1] = vd_rlp_list(top);
            if (top->failed)
                return false;
            depth++;
        } else {
            (void)vd_rlp_string(top);
        }
    }
}

static void
run_case(const char *name, const json_t *test)
{
    size_t len;
    uint8_t *out = vd_unhex(json_string_value(json_object_get(test, "out")), &len);
    const json_t *in = json_object_get(test, "in");
    const char *text = json_is_string(in) ? json_string_value(in) : "";
    if (strcmp(text, "INVALID") == 0 || strcmp(text, "VALID") == 0) {
        if (is_valid(vd_slice(out, len)) != (strcmp(text, "VALID") == 0))
            fail_msg("%s is not %s", name, text);
    } else {
        struct vd_arena arena;
        struct vd_buf buf = new_buf(&arena);
        encode(&buf, in);
        if (!vd_slice_eq(vd_buf_view(&buf), vd_slice(out, len)))
            fail_msg("%s is not encoded as it should be", name);
        struct vd_rlp r = vd_rlp(vd_slice(out, len));
        decode(&r, in);
        assert_true(vd_rlp_done(&r));
        assert_true(is_valid(vd_slice(out, len)));
    }
    free(out);
}

static void
run_file(void *ctx, const char *path)
{
    unsigned *cases = ctx;
    json_t *file = vd_vectors_json(path);
    const char *name;
    json_t *test;
    json_object_foreach(file, name, test)
    {
        run_case(name, test);
        (*cases)++;
    }
    json_decref(file);
}

static void
test_official_vectors_hold(void **state)
{
    (void)state;
    unsigned cases = 0;
    if (vd_vectors_walk("rlp", ".json", run_file, &cases))
        assert_true(cases > 0);
    printf("%u cases\n", cases);
}

static void
test_non_canonical_encodings_are_refused(void **state)
{
    (void)state;
    /* Yellow Paper, appendix B: a bare byte has no header, a length has no leading zero and takes
       the long form only above 55; and what is announced must be there. */
    static const char *const bad[] = {"",
                                      "8100",
                                      "817f",
                                      "b800",
                                      "b837",
                                      "b90038",
                                      "bf",
                                      "c1",
                                      "82ff",
                                      "f800",
                                      "b8",
                                      "f8",
                                      "bfffffffffffffffff",
                                      "ffffffffffffffffff",
                                      "b900",
                                      "f90000",
                                      "c180ff",
                                      "c18100",
                                      "c28100"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t len;
        uint8_t *bytes = vd_unhex(bad[i], &len);
        if (is_valid(vd_slice(bytes, len)))
            fail_msg("%s is accepted", bad[i]);
        free(bytes);
    }
    uint8_t long_but_short[2 + 55] = {0xb8, 55};
    assert_false(is_valid(vd_slice(long_but_short, sizeof long_but_short)));
    uint8_t long_enough[2 + 56] = {0xb8, 56};
    assert_true(is_valid(vd_slice(long_enough, sizeof long_enough)));
}

static void
test_integers_are_minimal_and_fit(void **state)
{
    (void)state;
    struct {
        const char *hex;
        bool fits_u64;
        bool fits_u256;
    } cases[] = {
        {"00", false, false},
        {"80", true, true},
        {"01", true, true},
        {"7f", true, true},
        {"8180", true, true},
        {"820001", false, false},
        {"820100", true, true},
        {"88ffffffffffffffff", true, true},
        {"89010000000000000000", false, true},
        {"a0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false, true},
        {"a00000000000000000000000000000000000000000000000000000000000000001", false, false},
        {"a101ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false, false},
        {"c0", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len;
        uint8_t *bytes = vd_unhex(cases[i].hex, &len);
        struct vd_rlp r = vd_rlp(vd_slice(bytes, len));
        (void)vd_rlp_u64(&r);
        assert_int_equal(vd_rlp_done(&r), cases[i].fits_u64);
        r = vd_rlp(vd_slice(bytes, len));
        (void)vd_rlp_u256(&r);
        assert_int_equal(vd_rlp_done(&r), cases[i].fits_u256);
        free(bytes);
    }
}

static void
test_failure_is_sticky_and_gives_nothing(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0xc2, 0x01, 0x02, 0x05};
    struct vd_rlp r = vd_rlp(vd_slice(bytes, sizeof bytes));
    assert_int_equal(vd_rlp_string(&r).len, 0); /* it is a list */
    assert_true(r.failed);
    assert_false(vd_rlp_is_list(&r));
    assert_false(vd_rlp_more(&r));
    assert_true(vd_rlp_u64(&r) == 0);
    struct vd_hash hash = vd_rlp_hash(&r);
    assert_true(vd_hash_is_zero(&hash));
    struct vd_rlp list = vd_rlp_list(&r);
    assert_true(list.failed && !vd_rlp_more(&list));
    assert_int_equal(vd_rlp_raw(&r).len, 0);

    /* An item left over inside a list fails the outside. */
    r = vd_rlp(vd_slice(bytes, sizeof bytes));
    list = vd_rlp_list(&r);
    assert_true(vd_rlp_u64(&list) == 1);
    vd_rlp_close(&r, &list);
    assert_true(r.failed);
}

/* Writes a random tree and, as text of the same shape, what was written. */
static void
put_random(struct vd_buf *buf, struct vd_buf *plan, struct vd_random *r, unsigned depth)
{
    uint8_t bytes[300];
    if (depth < 6 && vd_random_below(r, 3) == 0) {
        size_t mark = vd_rlp_begin(buf);
        unsigned count = (unsigned)vd_random_below(r, 6);
        vd_buf_byte(plan, 1);
        vd_buf_byte(plan, (uint8_t)count);
        for (unsigned i = 0; i < count; i++)
            put_random(buf, plan, r, depth + 1);
        vd_rlp_end(buf, mark);
        return;
    }
    size_t len = vd_random_below(r, vd_random_below(r, 4) == 0 ? sizeof bytes : 3);
    vd_random_bytes(r, bytes, len);
    vd_rlp_put_string(buf, vd_slice(bytes, len));
    vd_buf_byte(plan, 0);
    vd_buf_be32(plan, (uint32_t)len);
    vd_buf_bytes(plan, bytes, len);
}

static void
check_random(struct vd_rlp *r, struct vd_slice *plan)
{
    const uint8_t *p = plan->ptr;
    if (p[0] == 1) {
        struct vd_rlp list = vd_rlp_list(r);
        *plan = vd_slice(p + 2, plan->len - 2);
        for (unsigned i = 0; i < p[1]; i++)
            check_random(&list, plan);
        vd_rlp_close(r, &list);
    } else {
        size_t len = vd_load_be32(p + 1);
        assert_true(vd_slice_eq(vd_rlp_string(r), vd_slice(p + 5, len)));
        *plan = vd_slice(p + 5 + len, plan->len - 5 - len);
    }
    assert_false(r->failed);
}

static void
test_random_trees_come_back(void **state)
{
    (void)state;
    static uint8_t plan_memory[VD_MEMORY];
    struct vd_random r = vd_random_start("rlp");
    for (unsigned i = 0; i < VD_ROUNDS; i++) {
        struct vd_arena arena;
        struct vd_arena plan_arena;
        struct vd_buf buf = new_buf(&arena);
        struct vd_buf plan;
        vd_arena_init(&plan_arena, plan_memory, sizeof plan_memory);
        vd_buf_init(&plan, &plan_arena);
        put_random(&buf, &plan, &r, 0);
        assert_int_equal(buf.err, VD_OK);
        struct vd_slice left = vd_buf_view(&plan);
        struct vd_rlp item = vd_rlp(vd_buf_view(&buf));
        check_random(&item, &left);
        assert_true(vd_rlp_done(&item));
        assert_int_equal(left.len, 0);
        item = vd_rlp(vd_buf_view(&buf));
        assert_true(vd_slice_eq(vd_rlp_raw(&item), vd_buf_view(&buf)));
    }
}

static void
test_lengths_are_those_of_the_encoding(void **state)
{
    (void)state;
    static uint8_t bytes[70000];
    static const size_t lens[] = {0, 1, 2, 55, 56, 255, 256, 65535, 65536, 70000};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct vd_arena arena;
        struct vd_buf buf = new_buf(&arena);
        uint8_t header[9];
        vd_rlp_put_string(&buf, vd_slice(bytes, lens[i]));
        assert_int_equal(vd_rlp_string_len(vd_slice(bytes, lens[i])), buf.len);
        buf = new_buf(&arena);
        size_t mark = vd_rlp_begin(&buf);
        vd_buf_bytes(&buf, bytes, lens[i]);
        vd_rlp_end(&buf, mark);
        size_t header_len = vd_rlp_list_header(header, lens[i]);
        assert_int_equal(header_len + lens[i], buf.len);
        assert_memory_equal(header, buf.ptr, header_len);
    }
}

static void
test_full_arena_is_an_error(void **state)
{
    (void)state;
    uint8_t small[32];
    struct vd_arena arena;
    struct vd_buf buf;
    for (size_t size = 0; size < sizeof small; size++) {
        vd_arena_init(&arena, small, size);
        vd_buf_init(&buf, &arena);
        size_t mark = vd_rlp_begin(&buf);
        struct vd_hash hash = {{1}};
        vd_rlp_put_hash(&buf, &hash);
        vd_rlp_end(&buf, mark);
        assert_int_equal(buf.err, VD_ERR_NO_MEMORY);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_official_vectors_hold),
        cmocka_unit_test(test_non_canonical_encodings_are_refused),
        cmocka_unit_test(test_integers_are_minimal_and_fit),
        cmocka_unit_test(test_failure_is_sticky_and_gives_nothing),
        cmocka_unit_test(test_random_trees_come_back),
        cmocka_unit_test(test_lengths_are_those_of_the_encoding),
        cmocka_unit_test(test_full_arena_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
