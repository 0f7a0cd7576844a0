/* The four functions that the compiler calls, eight bytes at a time where both sides allow it.
   Built without the optimisation that would turn them into calls of themselves. */
#include "viaduct/core/base/bytes.h"

typedef uint64_t __attribute__((may_alias)) word;

static bool
is_aligned(const void *a, const void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) & 7) == 0;
}

void *
memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    if (((uintptr_t)d & 7) == ((uintptr_t)s & 7)) {
        for (; n > 0 && ((uintptr_t)d & 7) != 0; n--) {
            *d++ = *s++;
        }
        for (; n >= 32; n -= 32, d += 32, s += 32) {
            ((word *)(void *)d)[0] = ((const word *)(const void *)s)[0];
            ((word *)(void *)d)[1] = ((const word *)(const void *)s)[1];
            ((word *)(void *)d)[2] = ((const word *)(const void *)s)[2];
            ((word *)(void *)d)[3] = ((const word *)(const void *)s)[3];
        }
        for (; n >= 8; n -= 8, d += 8, s += 8) {
            *(word *)(void *)d = *(const word *)(const void *)s;
        }
    } else if (n >= 32) {
        /* Whole words of the source, shifted together: a word stored costs one load. */
        for (; ((uintptr_t)d & 7) != 0; n--) {
            *d++ = *s++;
        }
        unsigned shift = 8 * (unsigned)((uintptr_t)s & 7);
        const word *from = (const word *)(const void *)(s - ((uintptr_t)s & 7));
        uint64_t low = *from++;
        for (; n >= 16; n -= 8, d += 8, s += 8) {
            uint64_t high = *from++;
            *(word *)(void *)d = low >> shift | high << (64 - shift);
            low = high;
        }
    }
    for (; n > 0; n--) {
        *d++ = *s++;
    }
    return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    if (d <= s || d >= s + n) {
        if (d < s && d + 32 > s) {
            /* memcpy reads ahead of what it has written. */
            for (; n > 0; n--) {
                *d++ = *s++;
            }
            return dst;
        }
        return memcpy(dst, src, n);
    }
    while (n > 0) {
        n--;
        d[n] = s[n];
    }
    return dst;
}

void *
memset(void *dst, int byte, size_t n)
{
    uint8_t *d = dst;
    uint64_t all = (uint64_t)(uint8_t)byte * 0x0101010101010101u;
    for (; n > 0 && ((uintptr_t)d & 7) != 0; n--) {
        *d++ = (uint8_t)byte;
    }
    for (; n >= 8; n -= 8, d += 8) {
        *(word *)(void *)d = all;
    }
    for (; n > 0; n--) {
        *d++ = (uint8_t)byte;
    }
    return dst;
}

int
memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a;
    const uint8_t *q = b;
    if (is_aligned(p, q)) {
        while (n >= 8 && *(const word *)(const void *)p == *(const word *)(const void *)q) {
            p += 8;
            q += 8;
            n -= 8;
        }
    }
    for (; n > 0; n--, p++, q++) {
        if (*p != *q) {
            return *p < *q ? -1 : 1;
        }
    }
    return 0;
}
