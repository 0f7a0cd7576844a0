#include "viaduct/node/platform/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t
read_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t
wall_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_REALTIME);
}

static uint64_t
monotonic_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_MONOTONIC);
}

const struct vd_clock *
vd_clock_system(void)
{
    static const struct vd_clock clock = {.wall_ms = wall_ms, .monotonic_ms = monotonic_ms};
    return &clock;
}
