/* A brotli channel of bytes as they stand and of what repeats them, any number of times for some
   ten bytes (RFC 7932, section 9). */
#ifndef VD_TESTS_ROLLUP_BROTLI_REPEAT_H
#define VD_TESTS_ROLLUP_BROTLI_REPEAT_H

#include "unit/core/rollup/deflate.h"

#define BROTLI_BLOCK_MAX ((size_t)1 << 24)

static inline struct deflate
brotli_begin(struct vd_buf *out)
{
    struct deflate d = {.out = out};
    vd_buf_byte(out, 1);
    deflate_bits(&d, 0xf, 4); /* a window of 16 MiB */
    return d;
}

/* A code of one symbol, which takes no bits. */
static inline void
brotli_single(struct deflate *d, uint32_t symbol, unsigned bits)
{
    deflate_bits(d, 1, 4);
    deflate_bits(d, symbol, bits);
}

/* At most 64 KiB as they stand. */
static inline void
brotli_raw(struct deflate *d, struct vd_slice bytes)
{
    deflate_bits(d, 0, 3);
    deflate_bits(d, (uint32_t)(bytes.len - 1), 16);
    deflate_bits(d, 1, 1);
    deflate_bits(d, 0, (8 - d->count) % 8);
    for (size_t i = 0; i < bytes.len; i++)
        vd_buf_byte(d->out, bytes.ptr[i]);
}

/* Distance codes without direct ones: the two highest bits of distance + 3, and how many follow. */
static inline void
brotli_piece(struct deflate *d, uint32_t distance, size_t len)
{
    uint32_t x = distance + 3;
    unsigned bits = 31 - (unsigned)__builtin_clz(x) - 1;
    deflate_bits(d, 2 << 1, 3); /* not the last meta-block, a length of six nibbles */
    deflate_bits(d, (uint32_t)(len - 1), 24);
    deflate_bits(d, 0, 1);
    deflate_bits(d, 0, 13); /* one type of each block, distance parameters, mode, one tree each */
    brotli_single(d, 0, 8);
    brotli_single(d, 391, 10); /* no literal, a copy of 2118 and more */
    brotli_single(d, 16 + 2 * (bits - 1) + (x >> bits & 1), 6);
    deflate_bits(d, (uint32_t)len - 2118, 24);
    deflate_bits(d, x & ((1u << bits) - 1), bits);
}

/* More bytes, at least 2 MiB of them: those from distance back, again and again. */
static inline void
brotli_repeat(struct deflate *d, uint32_t distance, size_t more)
{
    const size_t part = BROTLI_BLOCK_MAX / 2;
    for (; more > BROTLI_BLOCK_MAX; more -= part)
        brotli_piece(d, distance, part);
    brotli_piece(d, distance, more);
}

static inline void
brotli_end(struct deflate *d)
{
    deflate_bits(d, 3, 2);
    deflate_bits(d, 0, (8 - d->count) % 8);
}

#endif
