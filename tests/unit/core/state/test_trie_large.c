/* Updates that touch more of a trie than memory is given for: keys with long common prefixes, as
   somebody grinds them who wants a change to touch many nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/trie_store.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/trie.h"

enum {
    TARGETS = 3000,
    SHORTEST =
        3, /* nibbles that the nearest and the farthest neighbours of a target share with it */
    LONGEST = 15,
    PER_TARGET = 1 + LONGEST - SHORTEST + 1,
    KEYS = TARGETS * PER_TARGET,
    SLICE = 2000, /* changes that fit the large arena with a sink */
    VALUE = 40,
    LARGE_BYTES = 96 << 20,
    SMALL_BYTES = 24 << 20,
};

struct world {
    struct vd_arena large;
    struct vd_arena small;
    struct hash_store nodes;
    struct vd_trie_change changes[KEYS];
    uint8_t values[KEYS][VALUE];
    uint8_t new_values[KEYS][VALUE];
};

static int
compare_changes(const void *a, const void *b)
{
    const struct vd_trie_change *x = a;
    const struct vd_trie_change *y = b;
    return memcmp(x->key.b, y->key.b, sizeof x->key.b);
}

/* The key that agrees with target in just so many nibbles. */
static struct vd_hash
neighbour(struct vd_random *random, const struct vd_hash *target, unsigned nibbles)
{
    struct vd_hash key;
    vd_random_bytes(random, key.b, sizeof key.b);
    memcpy(key.b, target->b, nibbles / 2);
    uint8_t other = target->b[nibbles / 2];
    uint8_t flip = (uint8_t)(1 + vd_random_below(random, 15));
    if (nibbles % 2 == 0)
        other = (uint8_t)((other ^ flip << 4) & 0xf0) | (key.b[nibbles / 2] & 15);
    else
        other ^= flip;
    key.b[nibbles / 2] = other;
    return key;
}

static void
make_keys(struct world *w, struct vd_random *random)
{
    size_t n = 0;
    for (unsigned i = 0; i < TARGETS; i++) {
        struct vd_hash target;
        vd_random_bytes(random, target.b, sizeof target.b);
        w->changes[n++].key = target;
        for (unsigned nibbles = SHORTEST; nibbles <= LONGEST; nibbles++)
            w->changes[n++].key = neighbour(random, &target, nibbles);
    }
    qsort(w->changes, KEYS, sizeof *w->changes, compare_changes);
    for (size_t i = 0; i < KEYS; i++) {
        assert_true(i == 0 || compare_changes(&w->changes[i - 1], &w->changes[i]) != 0);
        vd_random_bytes(random, w->values[i], VALUE);
        vd_random_bytes(random, w->new_values[i], VALUE);
        w->changes[i].value = vd_slice(w->values[i], VALUE);
    }
}

/* A slice at a time, each on the trie that the one before it left. */
static struct vd_hash
apply_in_slices(struct world *w, const struct vd_hash *root, const struct vd_trie_change *changes,
                size_t count)
{
    struct vd_trie_source source;
    struct vd_trie_sink sink;
    struct vd_hash at = *root;
    hash_store_source(&source, &w->nodes);
    hash_store_sink(&sink, &w->nodes);
    for (size_t done = 0; done < count; done += SLICE) {
        size_t n = count - done < SLICE ? count - done : SLICE;
        struct vd_hash next;
        assert_int_equal(
            vd_trie_update(&source, &sink, &next, &w->large, NULL, &at, changes + done, n), VD_OK);
        at = next;
    }
    return at;
}

/* All at once, in little memory. */
static void
check(struct world *w, const struct vd_hash *root, const struct vd_trie_change *changes,
      size_t count)
{
    struct vd_trie_source source;
    struct vd_hash got;
    hash_store_source(&source, &w->nodes);
    struct vd_hash expected = apply_in_slices(w, root, changes, count);
    assert_int_equal(vd_trie_update(&source, NULL, &got, &w->small, NULL, root, changes, count),
                     VD_OK);
    assert_memory_equal(got.b, expected.b, sizeof got.b);
    assert_int_equal(w->small.used, 0);
}

/* Of each ten keys: deletes the first few, sets as many others, leaves the rest. */
static size_t
choose(struct world *w, struct vd_trie_change *out, struct vd_random *random, unsigned deleted,
       unsigned set)
{
    size_t n = 0;
    for (size_t i = 0; i < KEYS; i++) {
        unsigned dice = (unsigned)vd_random_below(random, 10);
        if (dice >= deleted + set)
            continue;
        out[n] = w->changes[i];
        out[n++].value = dice < deleted ? (struct vd_slice){0} : vd_slice(w->new_values[i], VALUE);
    }
    return n;
}

static void
test_touched_part_is_given_up_piece_by_piece(void **state)
{
    (void)state;
    static const unsigned shares[][2] = {{0, 10}, {3, 3}, {9, 1}, {10, 0}, {1, 0}};
    struct vd_random random = vd_random_start("large updates");
    struct world *w = calloc(1, sizeof *w);
    struct vd_trie_change *changes = calloc(KEYS, sizeof *changes);
    assert_non_null(w);
    assert_non_null(changes);
    vd_arena_init(&w->large, malloc(LARGE_BYTES), LARGE_BYTES);
    vd_arena_init(&w->small, malloc(SMALL_BYTES), SMALL_BYTES);
    make_keys(w, &random);
    struct vd_hash root = apply_in_slices(w, &VD_EMPTY_ROOT, w->changes, KEYS);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        size_t count = choose(w, changes, &random, shares[i][0], shares[i][1]);
        check(w, &root, changes, count);
    }
    hash_store_deinit(&w->nodes);
    free(w->large.base);
    free(w->small.base);
    free(changes);
    free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_touched_part_is_given_up_piece_by_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
