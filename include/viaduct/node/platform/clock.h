/* Time as an input: the node's own clock, or a test's. */
#ifndef VIADUCT_NODE_PLATFORM_CLOCK_H
#define VIADUCT_NODE_PLATFORM_CLOCK_H

#include <stdint.h>

struct vd_clock {
    void *ctx;
    /* Milliseconds since 1970; may be set back. */
    uint64_t (*wall_ms)(void *ctx);
    /* Milliseconds since some moment; never goes back. */
    uint64_t (*monotonic_ms)(void *ctx);
};

/* The system's clock.  Static, any thread. */
const struct vd_clock *vd_clock_system(void);

#endif
