/* A hash map in an arena: open addressing, keys and values of fixed sizes, no removal.

   The hash is keyed: whoever chooses the keys (a transaction's sender does) must not be able to
   choose their collisions, so the map is seeded with something he could not know when he chose,
   the parent block's hash. */
#ifndef VIADUCT_CORE_BASE_MAP_H
#define VIADUCT_CORE_BASE_MAP_H

#include "viaduct/core/base/arena.h"

struct vd_map {
    struct vd_arena *arena;
    uint64_t seed[2];
    uint32_t key_len;
    uint32_t value_len;
    size_t count;
    size_t cap; /* a power of two, or 0 before the first insertion */
    uint8_t *slots;
};

/* key_len and value_len are in bytes, each at most 128.  Of seed the first 16 bytes count. */
void vd_map_init(struct vd_map *map, struct vd_arena *arena, const struct vd_hash *seed,
                 uint32_t key_len, uint32_t value_len);

/* The value under key, or NULL.  It moves at the next insertion. */
void *vd_map_get(const struct vd_map *map, const void *key);

/* vd_map_insert finds or makes the value under key.  *is_new (may be NULL) tells which; a new
   value is zeroed.  VD_ERR_NO_MEMORY: the arena is full; the map is unchanged. */
VD_MUST_USE enum vd_err vd_map_insert(struct vd_map *map, void **value, bool *is_new,
                                      const void *key);

/* vd_map_next walks the map in no stated order: start with *position 0; false at the end. */
bool vd_map_next(const struct vd_map *map, size_t *position, const void **key, void **value);

/* Forgets all entries but keeps the room. */
void vd_map_clear(struct vd_map *map);

#endif
