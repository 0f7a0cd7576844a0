#include <stdlib.h>

#include "challenger_internal.h"

/* Values kept; then all are forgotten and asked for again as they are needed. */
#define MOST (1u << 17)

static struct known *
slot_of(struct known *slots, size_t cap, const struct vd_hash *key)
{
    size_t i = (size_t)vd_load_be64(key->b) & (cap - 1);
    while (!vd_hash_is_zero(&slots[i].key) && !vd_hash_eq(&slots[i].key, key)) {
        i = (i + 1) & (cap - 1);
    }
    return &slots[i];
}

const struct vd_hash *
memory_find(const struct memory *memory, const struct vd_hash *key)
{
    if (memory->cap == 0) {
        return NULL;
    }
    const struct known *slot = slot_of(memory->slots, memory->cap, key);
    return vd_hash_is_zero(&slot->key) ? NULL : &slot->value;
}

static bool
grow(struct memory *memory)
{
    size_t cap = memory->cap == 0 ? 1024 : 2 * memory->cap;
    struct known *slots = calloc(cap, sizeof *slots);
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < memory->cap; i++) {
        if (!vd_hash_is_zero(&memory->slots[i].key)) {
            *slot_of(slots, cap, &memory->slots[i].key) = memory->slots[i];
        }
    }
    free(memory->slots);
    memory->slots = slots;
    memory->cap = cap;
    return true;
}

void
memory_put(struct memory *memory, const struct vd_hash *key, const struct vd_hash *value)
{
    if (memory->count == MOST) {
        memory_clear(memory);
    }
    if (2 * (memory->count + 1) > memory->cap && !grow(memory)) {
        return; /* asked for again */
    }
    struct known *slot = slot_of(memory->slots, memory->cap, key);
    memory->count += vd_hash_is_zero(&slot->key);
    *slot = (struct known){*key, *value};
}

void
memory_clear(struct memory *memory)
{
    free(memory->slots);
    *memory = (struct memory){.cap = 0};
}
