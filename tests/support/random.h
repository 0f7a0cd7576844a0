/* Pseudo-random numbers for tests.  An ordinary run takes a fixed seed, so that it passes or fails
   the same every time; VD_SEED=n takes another, VD_SEED=random the clock's.  Each program prints
   the seed that it used.  scripts/soak runs the programs over many seeds. */
#ifndef VIADUCT_TESTS_SUPPORT_RANDOM_H
#define VIADUCT_TESTS_SUPPORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct vd_random {
    uint64_t state;
};

#define VD_RANDOM_SEED 1u

/* The run's seed: the same however often it is asked for. */
static inline uint64_t
vd_random_seed(void)
{
    static uint64_t clock_seed;
    const char *text = getenv("VD_SEED");
    if (text == NULL) {
        return VD_RANDOM_SEED;
    }
    if (strcmp(text, "random") != 0) {
        return strtoull(text, NULL, 0);
    }
    if (clock_seed == 0) {
        clock_seed = (uint64_t)time(NULL);
    }
    return clock_seed;
}

/* vd_random_start begins with the run's seed and prints it. */
static inline struct vd_random
vd_random_start(const char *what)
{
    uint64_t seed = vd_random_seed();
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
