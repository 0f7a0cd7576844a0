/* The map against a list that is searched from its start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/core/base/map.h"

enum { VD_MAX_ENTRIES = 600, VD_MAX_KEY = 128, VD_MEMORY = 1 << 20 };

struct entry {
    uint8_t key[VD_MAX_KEY];
    uint64_t value;
};

struct model {
    struct entry entries[VD_MAX_ENTRIES];
    size_t count;
};

static uint8_t memory[VD_MEMORY];
static struct model model;

static struct entry *
model_find(const uint8_t *key, size_t key_len)
{
    for (size_t i = 0; i < model.count; i++) {
        if (memcmp(model.entries[i].key, key, key_len) == 0)
            return &model.entries[i];
    }
    return NULL;
}

/* Keys of which many are equal in all but one byte. */
static void
random_key(uint8_t *key, size_t key_len, struct vd_random *r)
{
    memset(key, 0, key_len);
    if (key_len == 0)
        return;
    key[vd_random_below(r, key_len)] = (uint8_t)vd_random_u64(r);
    if (vd_random_below(r, 2) == 0)
        key[vd_random_below(r, key_len)] = (uint8_t)vd_random_u64(r);
}

static void
check_walk(const struct vd_map *map)
{
    size_t position = 0;
    size_t seen = 0;
    const void *key;
    void *value;
    while (vd_map_next(map, &position, &key, &value)) {
        const struct entry *entry = model_find(key, map->key_len);
        assert_non_null(entry);
        assert_memory_equal(value, &entry->value, sizeof entry->value);
        seen++;
    }
    assert_int_equal(seen, model.count);
}

static void
run_map(uint32_t key_len, struct vd_random *r)
{
    struct vd_arena arena;
    struct vd_map map;
    struct vd_hash seed;
    vd_random_bytes(r, seed.b, sizeof seed.b);
    vd_arena_init(&arena, memory, sizeof memory);
    vd_map_init(&map, &arena, &seed, key_len, sizeof(uint64_t));
    model.count = 0;
    while (model.count < VD_MAX_ENTRIES && vd_random_below(r, 2000) != 0) {
        uint8_t key[VD_MAX_KEY];
        random_key(key, key_len, r);
        struct entry *known = model_find(key, key_len);
        uint64_t *found = vd_map_get(&map, key);
        assert_int_equal(found != NULL, known != NULL);
        if (known != NULL)
            assert_true(*found == known->value);
        if (vd_random_below(r, 2) == 0)
            continue;
        void *value;
        bool is_new;
        assert_int_equal(vd_map_insert(&map, &value, &is_new, key), VD_OK);
        assert_int_equal(is_new, known == NULL);
        assert_int_equal((uintptr_t)value % 8, 0);
        if (known == NULL) {
            assert_true(*(uint64_t *)value == 0);
            known = &model.entries[model.count++];
            memcpy(known->key, key, key_len);
        }
        known->value = vd_random_u64(r);
        memcpy(value, &known->value, sizeof known->value);
        assert_int_equal(map.count, model.count);
    }
    check_walk(&map);
    size_t used = arena.used;
    vd_map_clear(&map);
    model.count = 0;
    check_walk(&map);
    assert_int_equal(arena.used, used);
}

static void
test_map_equals_the_model(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("map");
    static const uint32_t key_lens[] = {0, 1, 7, 8, 9, 20, 32, 52, 64, 127, 128};
    for (size_t i = 0; i < sizeof key_lens / sizeof *key_lens; i++) {
        for (unsigned round = 0; round < 10; round++)
            run_map(key_lens[i], &r);
    }
}

static void
test_full_arena_leaves_the_map_unchanged(void **state)
{
    (void)state;
    struct vd_arena arena;
    struct vd_map map;
    struct vd_hash seed = {{7}};
    vd_arena_init(&arena, memory, 5000);
    vd_map_init(&map, &arena, &seed, 4, 8);
    void *value;
    uint32_t key = 0;
    while (vd_map_insert(&map, &value, NULL, &key) == VD_OK) {
        memcpy(value, &key, sizeof key);
        key++;
    }
    assert_true(key > 16);
    assert_int_equal(map.count, key);
    assert_null(vd_map_get(&map, &key));
    for (uint32_t i = 0; i < key; i++) {
        /* What is there is found and can be inserted again. */
        const void *found = vd_map_get(&map, &i);
        assert_memory_equal(found, &i, sizeof i);
        bool is_new = true;
        assert_int_equal(vd_map_insert(&map, &value, &is_new, &i), VD_OK);
        assert_false(is_new);
    }
}

/* Slots of one seed that collide need not collide under another: the order of the walk, which is
   that of the hashes, changes with the seed. */
static void
test_seed_decides_where_keys_lie(void **state)
{
    (void)state;
    uint32_t first[2][16];
    for (unsigned s = 0; s < 2; s++) {
        struct vd_arena arena;
        struct vd_map map;
        struct vd_hash seed = {{(uint8_t)(1 + s)}};
        vd_arena_init(&arena, memory, sizeof memory);
        vd_map_init(&map, &arena, &seed, 4, 8);
        for (uint32_t key = 0; key < 200; key++) {
            void *value;
            assert_int_equal(vd_map_insert(&map, &value, NULL, &key), VD_OK);
        }
        size_t position = 0;
        for (unsigned i = 0; i < 16; i++) {
            const void *key;
            void *value;
            assert_true(vd_map_next(&map, &position, &key, &value));
            memcpy(&first[s][i], key, sizeof first[s][i]);
        }
    }
    assert_memory_not_equal(first[0], first[1], sizeof first[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_equals_the_model),
        cmocka_unit_test(test_full_arena_leaves_the_map_unchanged),
        cmocka_unit_test(test_seed_decides_where_keys_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
