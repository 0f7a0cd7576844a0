/* A bump allocator over memory that its caller owns.

   core has no malloc: whatever lives as long as a block, a request or a call frame is taken from
   an arena and given back all at once.  The host hands out large reservations whose pages become
   real on first touch (vd_reserve in node/platform); the fault-proof guest hands out fixed
   ranges of its memory map. */
#ifndef VIADUCT_CORE_BASE_ARENA_H
#define VIADUCT_CORE_BASE_ARENA_H

#include "viaduct/core/base/bytes.h"

struct vd_arena {
    uint8_t *base;
    size_t size;
    size_t used;
};

static inline void
vd_arena_init(struct vd_arena *arena, void *memory, size_t size)
{
    *arena = (struct vd_arena){.base = memory, .size = size};
}

/* vd_arena_alloc returns size bytes, uninitialised, at a multiple of align (a power of two, at
   most 64), or NULL when the arena is full.  The bytes live until the arena is rewound below
   them. */
void *vd_arena_alloc(struct vd_arena *arena, size_t size, size_t align);

/* vd_arena_copy copies bytes into the arena; NULL when it is full.  An empty slice gives a
   non-NULL pointer. */
uint8_t *vd_arena_copy(struct vd_arena *arena, struct vd_slice bytes);

/* VD_ARENA_NEW(arena, type, count): zeroed room for count objects of type, or NULL. */
void *vd_arena_zeroed(struct vd_arena *arena, size_t count, size_t size, size_t align);
#define VD_ARENA_NEW(arena, type, count) \
    ((type *)vd_arena_zeroed((arena), (count), sizeof(type), _Alignof(type)))

/* A mark is a position to rewind to; all that was allocated after it dies. */
static inline size_t
vd_arena_mark(const struct vd_arena *arena)
{
    return arena->used;
}

static inline void
vd_arena_rewind(struct vd_arena *arena, size_t mark)
{
    arena->used = mark;
}

#endif
