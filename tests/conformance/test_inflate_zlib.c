/* core's inflate against zlib on valid streams and against a bit-by-bit model of Go's reader on
   damaged ones, where zlib and Go differ in what they give out before the error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "support/random.h"
#include "support/vectors.h"
#include "viaduct/core/codec/inflate.h"

enum {
    VD_PLAIN_MAX = 200000,
    VD_PACKED_MAX = 400000,
    VD_VALID_STREAMS = 300,
    VD_DAMAGED_STREAMS = 3000,
};

/* Two kinds of outcome are enough to compare: whole, or an error after some bytes. */
struct outcome {
    bool whole;
    size_t len;
};

/* The model: Go's compress/flate and compress/zlib, one bit at a time, as slow as it is short. */
struct model {
    const uint8_t *in;
    size_t len;
    size_t bit;
    uint8_t *out;
    size_t out_len;
    size_t out_cap;
    bool failed;
};

struct model_code {
    unsigned len[320];
    unsigned code[320];
    unsigned n;
    unsigned min;
};

static size_t
model_left(const struct model *m)
{
    return m->len * 8 - m->bit;
}

static unsigned
model_bit(struct model *m)
{
    if (m->failed || model_left(m) == 0) {
        m->failed = true;
        return 0;
    }
    unsigned bit = m->in[m->bit / 8] >> (m->bit % 8) & 1;
    m->bit++;
    return bit;
}

static unsigned
model_bits(struct model *m, unsigned n)
{
    unsigned value = 0;
    for (unsigned i = 0; i < n; i++)
        value |= model_bit(m) << i;
    return value;
}

/* The code of a symbol: codes of a length count up in the order of the symbols, and start at twice
   the end of the codes one shorter. */
static unsigned
model_code_of(const struct model_code *c, unsigned symbol)
{
    unsigned code = 0;
    for (unsigned len = 1; len <= c->len[symbol]; len++) {
        code <<= 1;
        for (unsigned i = 0; i < c->n; i++) {
            if (c->len[i] == len && (len < c->len[symbol] || i < symbol))
                code++;
        }
    }
    return code;
}

static bool
model_check(struct model_code *c)
{
    unsigned sum = 0;
    unsigned count = 0;
    unsigned max = 0;
    c->min = 0;
    for (unsigned i = 0; i < c->n; i++) {
        if (c->len[i] == 0)
            continue;
        sum += 32768U >> c->len[i];
        count++;
        if (c->min == 0 || c->len[i] < c->min)
            c->min = c->len[i];
        if (c->len[i] > max)
            max = c->len[i];
    }
    for (unsigned i = 0; i < c->n; i++)
        c->code[i] = model_code_of(c, i);
    return count == 0 || sum == 32768 || (count == 1 && max == 1);
}

static unsigned
model_symbol(struct model *m, const struct model_code *c)
{
    unsigned code = 0;
    if (model_left(m) < c->min)
        m->failed = true;
    for (unsigned len = 1; len <= 15 && !m->failed; len++) {
        code = code << 1 | model_bit(m);
        for (unsigned i = 0; i < c->n && !m->failed; i++) {
            if (c->len[i] == len && c->code[i] == code)
                return i;
        }
    }
    m->failed = true;
    return 0;
}

static void
model_put(struct model *m, uint8_t byte)
{
    if (m->failed)
        return;
    assert_true(m->out_len < m->out_cap);
    m->out[m->out_len++] = byte;
}

static void
model_stored(struct model *m)
{
    m->bit = (m->bit + 7) / 8 * 8;
    unsigned len = model_bits(m, 16);
    unsigned complement = model_bits(m, 16);
    if ((len ^ complement) != 0xffff)
        m->failed = true;
    for (unsigned i = 0; i < len && !m->failed; i++)
        model_put(m, (uint8_t)model_bits(m, 8));
}

/* RFC 1951, 3.2.5, as formulas. */
static void
model_match(struct model *m, unsigned symbol, const struct model_code *distances)
{
    unsigned len;
    if (symbol < 265)
        len = symbol - 254;
    else if (symbol < 285) {
        unsigned extra = (symbol - 261) / 4;
        len = ((4 + (symbol - 261) % 4) << extra) + 3 + model_bits(m, extra);
    } else if (symbol == 285)
        len = 258;
    else {
        m->failed = true;
        return;
    }
    unsigned code = model_symbol(m, distances);
    unsigned distance = code + 1;
    if (code >= 30)
        m->failed = true;
    else if (code >= 4) {
        unsigned extra = code / 2 - 1;
        distance = ((2 + code % 2) << extra) + 1 + model_bits(m, extra);
    }
    if (distance > m->out_len)
        m->failed = true;
    for (unsigned i = 0; i < len && !m->failed; i++)
        model_put(m, m->out[m->out_len - distance]);
}

static void
model_huffman(struct model *m, const struct model_code *literals,
              const struct model_code *distances)
{
    while (!m->failed) {
        unsigned symbol = model_symbol(m, literals);
        if (m->failed || symbol == 256)
            return;
        if (symbol < 256)
            model_put(m, (uint8_t)symbol);
        else
            model_match(m, symbol, distances);
    }
}

static void
model_fixed(struct model *m)
{
    struct model_code literals = {.n = 288};
    struct model_code distances = {.n = 32};
    for (unsigned i = 0; i < 288; i++)
        literals.len[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    for (unsigned i = 0; i < 32; i++)
        distances.len[i] = 5;
    assert_true(model_check(&literals) && model_check(&distances));
    model_huffman(m, &literals, &distances);
}

static void
model_read_lengths(struct model *m, unsigned *lengths, unsigned n)
{
    static const unsigned order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                       11, 4,  12, 3, 13, 2, 14, 1, 15};
    struct model_code code = {.n = 19};
    unsigned given = model_bits(m, 4) + 4;
    for (unsigned i = 0; i < given; i++)
        code.len[order[i]] = model_bits(m, 3);
    if (!model_check(&code))
        m->failed = true;
    for (unsigned i = 0; i < n && !m->failed;) {
        unsigned symbol = model_symbol(m, &code);
        unsigned count = 1;
        unsigned value = symbol;
        if (symbol == 16) {
            if (i == 0)
                m->failed = true;
            value = i == 0 ? 0 : lengths[i - 1];
            count = 3 + model_bits(m, 2);
        } else if (symbol > 16) {
            value = 0;
            count = symbol == 17 ? 3 + model_bits(m, 3) : 11 + model_bits(m, 7);
        }
        if (count > n - i)
            m->failed = true;
        for (; count > 0 && !m->failed; count--)
            lengths[i++] = value;
    }
}

static void
model_dynamic(struct model *m)
{
    unsigned lengths[320] = {0};
    unsigned n = model_bits(m, 5) + 257;
    unsigned d = model_bits(m, 5) + 1;
    struct model_code literals = {.n = n};
    struct model_code distances = {.n = d};
    if (n > 286 || d > 30) {
        m->failed = true;
        return;
    }
    model_read_lengths(m, lengths, n + d);
    memcpy(literals.len, lengths, n * sizeof *lengths);
    memcpy(distances.len, lengths + n, d * sizeof *lengths);
    if (!model_check(&literals) || !model_check(&distances))
        m->failed = true;
    if (literals.min < literals.len[256])
        literals.min = literals.len[256];
    model_huffman(m, &literals, &distances);
}

static bool
model_run(struct model *m)
{
    if (m->len < 2 || (m->in[0] & 15) != 8 || m->in[0] >> 4 > 7 ||
        (m->in[0] * 256 + m->in[1]) % 31 != 0)
        return false;
    m->bit = 16;
    if ((m->in[1] & 0x20) != 0) {
        if (m->len < 6 || vd_load_be32(m->in + 2) != 1)
            return false;
        m->bit = 48;
    }
    for (bool last = false; !last && !m->failed;) {
        last = model_bit(m) != 0;
        unsigned type = model_bits(m, 2);
        if (m->failed)
            break;
        if (type == 0)
            model_stored(m);
        else if (type == 1)
            model_fixed(m);
        else if (type == 2)
            model_dynamic(m);
        else
            m->failed = true;
    }
    size_t at = (m->bit + 7) / 8;
    return !m->failed && m->len - at >= 4 &&
           vd_load_be32(m->in + at) == adler32(1, m->out, (uInt)m->out_len);
}

static struct outcome
run_model(uint8_t *out, size_t cap, const uint8_t *in, size_t len)
{
    struct model m = {.in = in, .len = len, .out = out, .out_cap = cap};
    bool whole = model_run(&m);
    return (struct outcome){.whole = whole, .len = m.out_len};
}

/* Reads everything, in chunks of random size. */
static struct outcome
run_ours(uint8_t *out, size_t cap, const uint8_t *in, size_t len, struct vd_random *r)
{
    void *memory = malloc(vd_inflate_size());
    /* A copy of exactly len bytes lets the address sanitizer see any read beyond. */
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    assert_true(memory != NULL && copy != NULL);
    if (len != 0)
        memcpy(copy, in, len);
    struct vd_inflate *z = vd_inflate_init(memory, vd_slice(copy, len));
    size_t max = vd_random_below(r, 2) == 0 ? 100 : 100000;
    size_t total = 0;
    enum vd_inflate_status status = VD_INFLATE_MORE;
    while (status == VD_INFLATE_MORE) {
        size_t want = (size_t)vd_random_below(r, max);
        size_t n = 0;
        assert_true(want <= cap - total);
        status = vd_inflate_read(z, out + total, want, &n);
        assert_true(n <= want && (status != VD_INFLATE_MORE || n == want));
        total += n;
    }
    size_t more = 1;
    assert_int_equal(vd_inflate_read(z, out + total, 1, &more), status);
    assert_int_equal(more, 0);
    free(copy);
    free(memory);
    return (struct outcome){.whole = status == VD_INFLATE_END, .len = total};
}

/* Text of the compressible and the incompressible kind, mixed. */
static size_t
make_plain(uint8_t *out, size_t max, struct vd_random *r)
{
    size_t len = (size_t)vd_random_below(r, max);
    unsigned spread = 1 + (unsigned)vd_random_below(r, 255);
    for (size_t i = 0; i < len;) {
        size_t n = 1 + (size_t)vd_random_below(r, 300);
        size_t back = 1 + (size_t)vd_random_below(r, i < 40000 ? i + 1 : 40000);
        bool repeat = back <= i && vd_random_below(r, 2) == 0;
        for (; n > 0 && i < len; n--, i++)
            out[i] = repeat ? out[i - back] : (uint8_t)vd_random_below(r, spread);
    }
    return len;
}

static size_t
make_packed(uint8_t *out, size_t cap, const uint8_t *plain, size_t len, struct vd_random *r)
{
    static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE,
                                     Z_FIXED};
    z_stream z = {0};
    int window = 9 + (int)vd_random_below(r, 7);
    assert_int_equal(deflateInit2(&z, (int)vd_random_below(r, 10), Z_DEFLATED, window,
                                  1 + (int)vd_random_below(r, 9),
                                  strategies[vd_random_below(r, 5)]),
                     Z_OK);
    z.next_out = out;
    z.avail_out = (uInt)cap;
    for (size_t at = 0; at < len;) {
        size_t n = 1 + (size_t)vd_random_below(r, 60000);
        if (n > len - at)
            n = len - at;
        z.next_in = (z_const Bytef *)plain + at;
        z.avail_in = (uInt)n;
        static const int flushes[] = {Z_NO_FLUSH,   Z_NO_FLUSH,      Z_SYNC_FLUSH,
                                      Z_FULL_FLUSH, Z_PARTIAL_FLUSH, Z_BLOCK};
        int result = deflate(&z, flushes[vd_random_below(r, 6)]);
        assert_true(result == Z_OK || result == Z_BUF_ERROR);
        at += n;
    }
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t packed = cap - z.avail_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    return packed;
}

struct buffers {
    uint8_t *plain;
    uint8_t *packed;
    uint8_t *ours;
    uint8_t *model;
    size_t cap;
};

static struct buffers
new_buffers(size_t cap)
{
    struct buffers b = {.plain = malloc(cap),
                        .packed = malloc(cap),
                        .ours = malloc(cap + 200000),
                        .model = malloc(cap),
                        .cap = cap};
    assert_true(b.plain != NULL && b.packed != NULL && b.ours != NULL && b.model != NULL);
    return b;
}

static void
free_buffers(struct buffers *b)
{
    free(b->plain);
    free(b->packed);
    free(b->ours);
    free(b->model);
}

static void
test_valid_streams_give_what_zlib_packed(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("valid streams");
    struct buffers b = new_buffers(VD_PACKED_MAX + 200000);
    for (unsigned i = 0; i < VD_VALID_STREAMS; i++) {
        size_t len = make_plain(b.plain, VD_PLAIN_MAX, &r);
        size_t packed = make_packed(b.packed, b.cap, b.plain, len, &r);
        /* What follows the stream is not looked at. */
        packed += (size_t)vd_random_below(&r, 3);
        struct outcome got = run_ours(b.ours, b.cap + 200000, b.packed, packed, &r);
        assert_true(got.whole);
        assert_int_equal(got.len, len);
        assert_memory_equal(b.ours, b.plain, len);
    }
    free_buffers(&b);
}

/* Cuts the stream, or changes a few bits, near its start more often than not. */
static size_t
damage(uint8_t *packed, size_t len, struct vd_random *r)
{
    if (vd_random_below(r, 3) == 0)
        return (size_t)vd_random_below(r, len + 1);
    for (unsigned n = 1 + (unsigned)vd_random_below(r, 3); n > 0; n--) {
        size_t range = vd_random_below(r, 2) == 0 && len > 80 ? 80 : len;
        packed[vd_random_below(r, range)] ^= (uint8_t)(1U << vd_random_below(r, 8));
    }
    return vd_random_below(r, 4) == 0 ? (size_t)vd_random_below(r, len + 1) : len;
}

static void
test_damaged_streams_give_what_the_model_of_go_gives(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("damaged streams");
    struct buffers b = new_buffers(4 << 20);
    unsigned whole = 0;
    for (unsigned i = 0; i < VD_DAMAGED_STREAMS; i++) {
        size_t len = make_plain(b.plain, 1500, &r);
        size_t packed = make_packed(b.packed, b.cap, b.plain, len, &r);
        packed = damage(b.packed, packed, &r);
        struct outcome want = run_model(b.model, b.cap, b.packed, packed);
        struct outcome got = run_ours(b.ours, b.cap + 200000, b.packed, packed, &r);
        assert_int_equal(got.whole, want.whole);
        assert_int_equal(got.len, want.len);
        assert_memory_equal(b.ours, b.model, want.len);
        whole += want.whole;
    }
    printf("%u of %u damaged streams were whole\n", whole, (unsigned)VD_DAMAGED_STREAMS);
    assert_true(whole < VD_DAMAGED_STREAMS / 2);
    free_buffers(&b);
}

/* Every cut of one stream: nothing but the bytes before the cut may come out. */
static void
test_cut_streams_give_a_prefix(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("cut streams");
    struct buffers b = new_buffers(1 << 20);
    size_t len = make_plain(b.plain, 1200, &r);
    size_t packed = make_packed(b.packed, b.cap, b.plain, len, &r);
    size_t before = 0;
    for (size_t cut = 0; cut < packed; cut++) {
        struct outcome got = run_ours(b.ours, b.cap + 200000, b.packed, cut, &r);
        assert_false(got.whole);
        assert_true(got.len >= before && got.len <= len);
        assert_memory_equal(b.ours, b.plain, got.len);
        before = got.len;
    }
    assert_int_equal(before, len);
    free_buffers(&b);
}

/* A dynamic header of random code lengths rarely is a valid code; the model says which is. */
static void
test_random_bytes_behind_a_header_give_what_the_model_gives(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("random blocks");
    struct buffers b = new_buffers(4 << 20);
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = 3 + (size_t)vd_random_below(&r, 200);
        vd_random_bytes(&r, b.packed, len);
        b.packed[0] = 0x78;
        b.packed[1] = 0x9c;
        struct outcome want = run_model(b.model, b.cap, b.packed, len);
        struct outcome got = run_ours(b.ours, b.cap + 200000, b.packed, len, &r);
        assert_int_equal(got.whole, want.whole);
        assert_int_equal(got.len, want.len);
        assert_memory_equal(b.ours, b.model, want.len);
    }
    free_buffers(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_streams_give_what_zlib_packed),
        cmocka_unit_test(test_damaged_streams_give_what_the_model_of_go_gives),
        cmocka_unit_test(test_cut_streams_give_a_prefix),
        cmocka_unit_test(test_random_bytes_behind_a_header_give_what_the_model_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
