/* The four functions that the compiler calls, eight bytes at a time where both sides allow it.
   Built without the optimisation that would turn them into calls of themselves. */
#include "viaduct/core/base/bytes.h"

typedef uint64_t __attribute__((may_alias)) word;
typedef uint32_t __attribute__((may_alias)) half;

static bool
is_aligned(const void *a, const void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) & 7) == 0;
}

/* Whole words of the source, shifted together; d is aligned and s is not. */
static size_t
copy_shifted(uint8_t *d, const uint8_t *s, size_t n)
{
    unsigned shift = 8 * (unsigned)((uintptr_t)s & 7);
    const word *from = (const word *)(const void *)(s - ((uintptr_t)s & 7));
    word *to = (word *)(void *)d;
    uint64_t low = *from++;
    size_t words = n / 8;
    for (const word *end = to + words; to != end;) {
        uint64_t high = *from++;
        *to++ = low >> shift | high << (64 - shift);
        low = high;
    }
    return words * 8;
}

static size_t
copy_words(uint8_t *d, const uint8_t *s, size_t n)
{
    word *to = (word *)(void *)d;
    const word *from = (const word *)(const void *)s;
    for (const word *end = to + n / 32 * 4; to != end; to += 4, from += 4) {
        uint64_t a = from[0];
        uint64_t b = from[1];
        uint64_t c = from[2];
        to[3] = from[3];
        to[0] = a;
        to[1] = b;
        to[2] = c;
    }
    for (const word *end = to + n % 32 / 8; to != end;) {
        *to++ = *from++;
    }
    return n / 8 * 8;
}

void *
memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    if (n >= 16) {
        for (; ((uintptr_t)d & 7) != 0; n--) {
            *d++ = *s++;
        }
        size_t done = ((uintptr_t)s & 7) == 0 ? copy_words(d, s, n) : copy_shifted(d, s, n);
        d += done;
        s += done;
        n -= done;
    } else if (n >= 8 && is_aligned(d, s)) {
        *(word *)(void *)d = *(const word *)(const void *)s;
        d += 8;
        s += 8;
        n -= 8;
    }
    for (const uint8_t *end = d + n; d != end;) {
        *d++ = *s++;
    }
    return dst;
}

/* Backwards where the destination begins inside the source: by whole words as far as the distance
   between the two lets a word be written without touching one that is still to be read. */
static void
move_up(uint8_t *d, const uint8_t *s, size_t n)
{
    uint8_t *to = d + n;
    const uint8_t *from = s + n;
    for (; n > 0 && ((uintptr_t)to & 7) != 0; n--) {
        *--to = *--from;
    }
    unsigned shift = 8 * (unsigned)((uintptr_t)from & 7);
    if (shift == 0) {
        for (; n >= 8; n -= 8) {
            to -= 8;
            from -= 8;
            *(word *)(void *)to = *(const word *)(const void *)from;
        }
    } else if (n >= 16) {
        const word *w = (const word *)(const void *)(from - ((uintptr_t)from & 7));
        uint64_t high = *w;
        for (; n >= 8; n -= 8) {
            uint64_t low = *--w;
            to -= 8;
            from -= 8;
            *(word *)(void *)to = low >> shift | high << (64 - shift);
            high = low;
        }
    }
    while (n > 0) {
        n--;
        *--to = *--from;
    }
}

void *
memmove(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    if (d > s && d < s + n) {
        move_up(d, s, n);
        return dst;
    }
    if (d < s && d + 32 > s) {
        /* memcpy reads ahead of what it has written. */
        for (const uint8_t *end = d + n; d != end;) {
            *d++ = *s++;
        }
        return dst;
    }
    return memcpy(dst, src, n);
}

void *
memset(void *dst, int byte, size_t n)
{
    uint8_t *d = dst;
    uint64_t all = (uint8_t)byte;
    if (all != 0) {
        all *= 0x0101010101010101u;
    }
    for (; n > 0 && ((uintptr_t)d & 7) != 0; n--) {
        *d++ = (uint8_t)byte;
    }
    word *to = (word *)(void *)d;
    for (const word *end = to + n / 64 * 8; to != end; to += 8) {
        to[0] = all;
        to[1] = all;
        to[2] = all;
        to[3] = all;
        to[4] = all;
        to[5] = all;
        to[6] = all;
        to[7] = all;
    }
    for (const word *end = to + n % 64 / 8; to != end;) {
        *to++ = all;
    }
    d = (uint8_t *)to;
    for (const uint8_t *end = d + n % 8; d != end;) {
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
    /* An address has 20 bytes, and is often aligned no better. */
    if ((((uintptr_t)p | (uintptr_t)q) & 3) == 0) {
        while (n >= 4 && *(const half *)(const void *)p == *(const half *)(const void *)q) {
            p += 4;
            q += 4;
            n -= 4;
        }
    }
    for (; n > 0; n--, p++, q++) {
        if (*p != *q) {
            return *p < *q ? -1 : 1;
        }
    }
    return 0;
}
