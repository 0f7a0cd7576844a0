/* Bytes: borrowed slices, the fixed-size words of the protocol, integers in memory, hex. */
#ifndef VIADUCT_CORE_BASE_BYTES_H
#define VIADUCT_CORE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "viaduct/core/base/err.h"

#if __STDC_HOSTED__
#include <string.h>
#else
/* Freestanding builds bring these four themselves; the compiler calls them too. */
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
#endif

/* Borrowed bytes.  Whoever hands one out says how long it lives. */
struct vd_slice {
    const uint8_t *ptr;
    size_t len;
};

/* A keccak256 or other 32-byte word, in the order it is written. */
struct vd_hash {
    uint8_t b[32];
};

struct vd_address {
    uint8_t b[20];
};

static inline struct vd_slice
vd_slice(const uint8_t *ptr, size_t len)
{
    return (struct vd_slice){.ptr = ptr, .len = len};
}

static inline bool
vd_slice_eq(struct vd_slice a, struct vd_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool
vd_hash_eq(const struct vd_hash *a, const struct vd_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline bool
vd_address_eq(const struct vd_address *a, const struct vd_address *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool vd_hash_is_zero(const struct vd_hash *hash);

static inline uint16_t
vd_load_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
vd_load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t
vd_load_be64(const uint8_t *p)
{
#if defined(__x86_64__)
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
#else
    /* Without a byte-swap instruction, and where loads must be aligned, bytes are the way. */
    return (uint64_t)vd_load_be32(p) << 32 | vd_load_be32(p + 4);
#endif
}

static inline void
vd_store_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void
vd_store_be32(uint8_t *p, uint32_t v)
{
    vd_store_be16(p, (uint16_t)(v >> 16));
    vd_store_be16(p + 2, (uint16_t)v);
}

static inline void
vd_store_be64(uint8_t *p, uint64_t v)
{
#if defined(__x86_64__)
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
#else
    vd_store_be32(p, (uint32_t)(v >> 32));
    vd_store_be32(p + 4, (uint32_t)v);
#endif
}

/* Little-endian, which is the order of every machine that this is built for. */
static inline uint32_t
vd_load_le32(const uint8_t *p)
{
#if defined(__x86_64__)
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
#else
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
#endif
}

static inline uint64_t
vd_load_le64(const uint8_t *p)
{
#if defined(__x86_64__)
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
#else
    return (uint64_t)vd_load_le32(p + 4) << 32 | vd_load_le32(p);
#endif
}

static inline void
vd_store_le32(uint8_t *p, uint32_t v)
{
#if defined(__x86_64__)
    memcpy(p, &v, sizeof v);
#else
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
#endif
}

static inline void
vd_store_le64(uint8_t *p, uint64_t v)
{
#if defined(__x86_64__)
    memcpy(p, &v, sizeof v);
#else
    vd_store_le32(p, (uint32_t)v);
    vd_store_le32(p + 4, (uint32_t)(v >> 32));
#endif
}

/* vd_hex_encode writes 2 * len lower-case digits, no prefix, no terminator. */
void vd_hex_encode(char *out, const uint8_t *bytes, size_t len);

/* vd_hex_decode reads exactly 2 * len digits of text, no prefix, either case, into out.
   VD_ERR_INVALID: text_len is not 2 * len, or a character is no hex digit. */
VD_MUST_USE enum vd_err vd_hex_decode(uint8_t *out, size_t len, const char *text, size_t text_len);

#endif
