/* The least of a zlib compressor: literals and runs in fixed Huffman codes (RFC 1951, 3.2.6). */
#ifndef VD_TESTS_ROLLUP_DEFLATE_H
#define VD_TESTS_ROLLUP_DEFLATE_H

#include "viaduct/core/base/buf.h"

struct deflate {
    struct vd_buf *out;
    uint32_t bits;
    unsigned count;
    uint32_t a, b; /* Adler-32 */
};

static inline void
deflate_bits(struct deflate *d, uint32_t value, unsigned n)
{
    d->bits |= value << d->count;
    d->count += n;
    for (; d->count >= 8; d->count -= 8, d->bits >>= 8)
        vd_buf_byte(d->out, (uint8_t)d->bits);
}

/* Huffman codes go most significant bit first. */
static inline void
deflate_code(struct deflate *d, uint32_t code, unsigned n)
{
    for (unsigned i = n; i-- > 0;)
        deflate_bits(d, code >> i & 1, 1);
}

static inline void
deflate_sum(struct deflate *d, uint8_t byte, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        d->a = (d->a + byte) % 65521;
        d->b = (d->b + d->a) % 65521;
    }
}

static inline void
deflate_literal(struct deflate *d, uint8_t byte)
{
    if (byte < 144)
        deflate_code(d, 0x30u + byte, 8);
    else
        deflate_code(d, 0x190u + (byte - 144u), 9);
    deflate_sum(d, byte, 1);
}

/* times * 258 times the byte that came last. */
static inline void
deflate_runs(struct deflate *d, uint8_t last, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        deflate_code(d, 0xc5, 8); /* length 258 */
        deflate_code(d, 0, 5);    /* distance 1 */
        deflate_sum(d, last, 258);
    }
}

static inline struct deflate
deflate_begin(struct vd_buf *out)
{
    struct deflate d = {.out = out, .a = 1};
    vd_buf_byte(out, 0x78);
    vd_buf_byte(out, 0x01);
    deflate_bits(&d, 1, 1); /* the last block */
    deflate_bits(&d, 1, 2); /* fixed codes */
    return d;
}

static inline void
deflate_end(struct deflate *d)
{
    deflate_code(d, 0, 7);
    if (d->count != 0)
        deflate_bits(d, 0, 8 - d->count);
    vd_buf_be32(d->out, d->b << 16 | d->a);
}

static inline void
deflate_whole(struct vd_buf *out, struct vd_slice bytes)
{
    struct deflate d = deflate_begin(out);
    for (size_t i = 0; i < bytes.len; i++)
        deflate_literal(&d, bytes.ptr[i]);
    deflate_end(&d);
}

#endif
