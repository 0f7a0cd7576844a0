#include "viaduct/core/base/arena.h"

enum { VD_ARENA_MAX_ALIGN = 64 };

void *
vd_arena_alloc(struct vd_arena *arena, size_t size, size_t align)
{
    VD_ASSERT(align != 0 && align <= VD_ARENA_MAX_ALIGN && (align & (align - 1)) == 0);
    if (arena->base == NULL)
        return NULL;
    /* The address is aligned, not the offset: the memory may start anywhere. */
    uintptr_t at = (uintptr_t)arena->base + arena->used;
    size_t pad = (size_t)(-at & (align - 1));
    size_t left = arena->size - arena->used;
    if (pad > left || size > left - pad)
        return NULL;
    uint8_t *p = arena->base + arena->used + pad;
    arena->used += pad + size;
    return p;
}

uint8_t *
vd_arena_copy(struct vd_arena *arena, struct vd_slice bytes)
{
    uint8_t *p = vd_arena_alloc(arena, bytes.len, 1);
    if (p != NULL && bytes.len != 0)
        memcpy(p, bytes.ptr, bytes.len);
    return p;
}

void *
vd_arena_zeroed(struct vd_arena *arena, size_t count, size_t size, size_t align)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *p = vd_arena_alloc(arena, total, align);
    if (p != NULL)
        memset(p, 0, total);
    return p;
}
