/* Layout of a slot: the hash with its lowest bit set (0 marks a free slot), the key, the value;
   key and value each padded to a multiple of 8 bytes, so that a value is aligned to 8. */
#include "viaduct/core/base/map.h"

enum {
    VD_MAP_MAX_LEN = 128,
    VD_MAP_MIN_CAP = 16,
    VD_MAP_SLOT_ALIGN = 8,
};

/* The first len bytes at p, at most 8, as a number. */
static uint64_t
load_partial(const uint8_t *p, size_t len)
{
    if (len == 8)
        return vd_load_le64(p);
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static uint64_t
rotl(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein 2012): a keyed hash whose collisions cannot be prepared
   without the key.  The lowest bit is set so that no hash is 0. */
static uint64_t
hash_key(const struct vd_map *map, const uint8_t *key)
{
    uint64_t v[4] = {map->seed[0] ^ 0x736f6d6570736575, map->seed[1] ^ 0x646f72616e646f6d,
                     map->seed[0] ^ 0x6c7967656e657261, map->seed[1] ^ 0x7465646279746573};
    size_t len = map->key_len;
    for (size_t i = 0; i <= len; i += 8) {
        size_t left = len - i;
        uint64_t m = load_partial(key + i, left < 8 ? left : 8);
        if (left < 8)
            m |= (uint64_t)len << 56;
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return (v[0] ^ v[1] ^ v[2] ^ v[3]) | 1;
}

static size_t
round8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static size_t
slot_size(const struct vd_map *map)
{
    return sizeof(uint64_t) + round8(map->key_len) + round8(map->value_len);
}

static uint64_t
slot_hash(const uint8_t *slot)
{
    uint64_t hash;
    memcpy(&hash, slot, sizeof hash);
    return hash;
}

static uint8_t *
slot_key(uint8_t *slot)
{
    return slot + sizeof(uint64_t);
}

static uint8_t *
slot_value(const struct vd_map *map, uint8_t *slot)
{
    return slot_key(slot) + round8(map->key_len);
}

/* The slot that holds key, or the free one where it belongs.  There is always a free one. */
static uint8_t *
find_slot(const struct vd_map *map, const void *key, uint64_t hash)
{
    size_t size = slot_size(map);
    for (size_t i = (size_t)(hash >> 1);; i++) {
        uint8_t *slot = map->slots + (i & (map->cap - 1)) * size;
        uint64_t found = slot_hash(slot);
        if (found == 0 || (found == hash && memcmp(slot_key(slot), key, map->key_len) == 0))
            return slot;
    }
}

/* Doubles the room.  The old slots stay in the arena, unused, until it is rewound. */
static enum vd_err
grow(struct vd_map *map)
{
    size_t size = slot_size(map);
    struct vd_map bigger = *map;
    bigger.cap = map->cap == 0 ? VD_MAP_MIN_CAP : map->cap * 2;
    bigger.slots = vd_arena_zeroed(map->arena, bigger.cap, size, VD_MAP_SLOT_ALIGN);
    if (bigger.slots == NULL)
        return VD_ERR_NO_MEMORY;
    for (size_t i = 0; i < map->cap; i++) {
        uint8_t *slot = map->slots + i * size;
        uint64_t hash = slot_hash(slot);
        if (hash != 0)
            memcpy(find_slot(&bigger, slot_key(slot), hash), slot, size);
    }
    *map = bigger;
    return VD_OK;
}

void
vd_map_init(struct vd_map *map, struct vd_arena *arena, const struct vd_hash *seed,
            uint32_t key_len, uint32_t value_len)
{
    VD_ASSERT(key_len <= VD_MAP_MAX_LEN && value_len <= VD_MAP_MAX_LEN);
    *map = (struct vd_map){
        .arena = arena,
        .seed = {vd_load_le64(seed->b), vd_load_le64(seed->b + 8)},
        .key_len = key_len,
        .value_len = value_len,
    };
}

void *
vd_map_get(const struct vd_map *map, const void *key)
{
    if (map->count == 0)
        return NULL;
    uint8_t *slot = find_slot(map, key, hash_key(map, key));
    return slot_hash(slot) == 0 ? NULL : slot_value(map, slot);
}

enum vd_err
vd_map_insert(struct vd_map *map, void **value, bool *is_new, const void *key)
{
    uint64_t hash = hash_key(map, key);
    uint8_t *slot = map->cap == 0 ? NULL : find_slot(map, key, hash);
    bool missing = slot == NULL || slot_hash(slot) == 0;
    if (missing) {
        /* At most three quarters full, so that a probe ends soon. */
        if (map->count + 1 > map->cap / 4 * 3) {
            enum vd_err err = grow(map);
            if (err != VD_OK)
                return err;
            slot = find_slot(map, key, hash);
        }
        memcpy(slot, &hash, sizeof hash);
        memcpy(slot_key(slot), key, map->key_len);
        map->count++;
    }
    *value = slot_value(map, slot);
    if (is_new != NULL)
        *is_new = missing;
    return VD_OK;
}

bool
vd_map_next(const struct vd_map *map, size_t *position, const void **key, void **value)
{
    size_t size = slot_size(map);
    while (*position < map->cap) {
        uint8_t *slot = map->slots + (*position)++ * size;
        if (slot_hash(slot) != 0) {
            *key = slot_key(slot);
            *value = slot_value(map, slot);
            return true;
        }
    }
    return false;
}

void
vd_map_clear(struct vd_map *map)
{
    if (map->cap != 0)
        memset(map->slots, 0, map->cap * slot_size(map));
    map->count = 0;
}
