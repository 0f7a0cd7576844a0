/* Pseudo-random numbers for tests.  Each program prints the seed that it used; VD_SEED repeats a
   run. */
#ifndef VIADUCT_TESTS_SUPPORT_RANDOM_H
#define VIADUCT_TESTS_SUPPORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct vd_random {
    uint64_t state;
};

/* vd_random_start takes the seed from VD_SEED or the clock, and prints it. */
static inline struct vd_random
vd_random_start(const char *what)
{
    const char *text = getenv("VD_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
    printf("%s: VD_SEED=%llu\n", what, (unsigned long long)seed);
    return (struct vd_random){.state = seed};
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t
vd_random_u64(struct vd_random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* A number below limit, which is not 0. */
static inline uint64_t
vd_random_below(struct vd_random *r, uint64_t limit)
{
    return vd_random_u64(r) % limit;
}

static inline void
vd_random_bytes(struct vd_random *r, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)vd_random_u64(r);
}

#endif
