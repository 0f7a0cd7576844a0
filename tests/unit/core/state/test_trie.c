#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/naive_trie.h"
#include "support/random.h"
#include "support/trie_store.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/trie.h"

enum {
    MAX_KEYS = 512,
    MAX_PLACES = 4 * MAX_KEYS,
    MAX_BATCH = 64,
    MAX_VALUE = 120,
    ARENA_BYTES = 96 << 20,
};

static struct vd_arena arena;

static int
set_up(void **state)
{
    (void)state;
    void *memory = malloc(ARENA_BYTES);
    vd_arena_init(&arena, memory, ARENA_BYTES);
    return memory == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    free(arena.base);
    return 0;
}

/* --- the model: a list of pairs, and all nodes by place --- */

struct pair {
    struct vd_hash key;
    uint8_t len; /* 0: not there */
    uint8_t value[MAX_VALUE];
};

struct place {
    uint8_t path[VD_TRIE_MAX_NIBBLES];
    size_t path_len;
    enum vd_trie_node_type type;
    struct vd_trie_ref ref;
    uint8_t node_path_len; /* leaf and extension: what the node itself consumes */
    uint8_t node_path[VD_TRIE_MAX_NIBBLES];
};

struct places {
    size_t count;
    struct place items[MAX_PLACES];
};

/* What undoes one call of the sink in the branch rows; no row is len 0 in every child. */
struct undo {
    uint8_t path[VD_TRIE_MAX_NIBBLES];
    size_t path_len;
    bool had_row;
    struct vd_trie_ref child[16];
};

struct world {
    struct pair pairs[MAX_KEYS];
    size_t count;
    struct hash_store nodes;
    struct path_store rows;
    struct places places;
    struct undo undo[MAX_PLACES];
    size_t undo_count;
    const struct place *replaced; /* set by replace, expected by the put that follows */
    struct vd_hash root;
};

static struct place *
find_place(struct places *places, const uint8_t *path, size_t len)
{
    for (size_t i = 0; i < places->count; i++) {
        struct place *p = &places->items[i];
        if (p->path_len == len && memcmp(p->path, path, len) == 0)
            return p;
    }
    return NULL;
}

static struct place *
add_place(struct places *places, const uint8_t *path, size_t len)
{
    assert_true(places->count < MAX_PLACES);
    struct place *p = &places->items[places->count++];
    memcpy(p->path, path, len);
    p->path_len = len;
    return p;
}

static bool
ref_eq(const struct vd_trie_ref *a, const struct vd_trie_ref *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* The reference that the node has at a place: the root is always hashed. */
static struct vd_trie_ref
ref_at(const struct vd_trie_node *node, size_t path_len)
{
    struct vd_trie_ref ref = vd_trie_node_ref(node);
    if (path_len == 0) {
        struct vd_hash hash = vd_trie_node_hash(node);
        ref.len = 32;
        memcpy(ref.bytes, hash.b, 32);
    }
    return ref;
}

static void
visit_naive(void *ctx, const uint8_t *path, size_t len, char kind, struct vd_slice rlp)
{
    struct place *p = add_place(ctx, path, len);
    struct vd_hash hash = vd_keccak256(rlp);
    bool inlined = len != 0 && rlp.len < 32;
    p->type = kind == 'l' ? VD_TRIE_LEAF : kind == 'e' ? VD_TRIE_EXTENSION : VD_TRIE_BRANCH;
    p->ref.len = inlined ? (uint8_t)rlp.len : 32;
    memcpy(p->ref.bytes, inlined ? rlp.ptr : hash.b, p->ref.len);
}

/* The root and the places that the pairs should give. */
static struct vd_hash
naive_world(const struct world *w, struct places *places)
{
    struct naive_pair *pairs = calloc(MAX_KEYS, sizeof *pairs);
    assert_non_null(pairs);
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct pair *p = &w->pairs[i];
        if (p->len != 0)
            naive_pair_init(&pairs[count++], vd_slice(p->key.b, 32), vd_slice(p->value, p->len));
    }
    naive_sort(pairs, count);
    places->count = 0;
    struct vd_hash root = naive_root(pairs, count, visit_naive, places);
    free(pairs);
    return root;
}

/* --- a sink that insists on exactness and keeps the branch rows --- */

static void
push_undo(struct world *w, const struct vd_trie_position *at, const struct vd_trie_node *old)
{
    assert_true(w->undo_count < MAX_PLACES);
    struct undo *u = &w->undo[w->undo_count++];
    memcpy(u->path, at->path, at->path_len);
    u->path_len = at->path_len;
    u->had_row = old != NULL;
    if (old != NULL)
        memcpy(u->child, old->child, sizeof u->child);
}

static enum vd_err
exact_put(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *node,
          struct vd_slice rlp, const struct vd_trie_ref *ref)
{
    struct world *w = ctx;
    struct vd_trie_ref expected = ref_at(node, at->path_len);
    assert_true(ref_eq(ref, &expected));
    struct vd_trie_node decoded;
    assert_int_equal(vd_trie_decode(&decoded, rlp), VD_OK);
    struct vd_trie_ref again = ref_at(&decoded, at->path_len);
    assert_true(ref_eq(ref, &again));
    struct place *p = find_place(&w->places, at->path, at->path_len);
    bool branch = node->type == VD_TRIE_BRANCH;
    if (p != NULL) {
        assert_int_equal(p->type, node->type);
        assert_false(ref_eq(&p->ref, ref));
        bool same = p->node_path_len == node->path_len &&
                    memcmp(p->node_path, node->path, node->path_len) == 0;
        assert_ptr_equal(w->replaced, branch || !same ? p : NULL);
    } else {
        p = add_place(&w->places, at->path, at->path_len);
        if (branch)
            push_undo(w, at, NULL);
    }
    p->type = node->type;
    p->ref = *ref;
    p->node_path_len = branch ? 0 : node->path_len;
    memcpy(p->node_path, node->path, p->node_path_len);
    w->replaced = NULL;
    if (branch)
        path_store_set_branch(&w->rows, at->path, at->path_len, node->child);
    return VD_OK;
}

static enum vd_err
exact_replace(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *old)
{
    struct world *w = ctx;
    struct place *p = find_place(&w->places, at->path, at->path_len);
    assert_non_null(p);
    assert_int_equal(p->type, old->type);
    struct vd_trie_ref ref = ref_at(old, at->path_len);
    assert_true(ref_eq(&p->ref, &ref));
    assert_null(w->replaced);
    w->replaced = p;
    if (old->type == VD_TRIE_BRANCH)
        push_undo(w, at, old);
    return VD_OK;
}

static enum vd_err
exact_del(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
          const struct vd_trie_node *old)
{
    struct world *w = ctx;
    struct place *p = find_place(&w->places, at->path, at->path_len);
    assert_non_null(p);
    assert_int_equal(p->type, type);
    assert_int_equal(old->type, type);
    struct vd_trie_ref ref = ref_at(old, at->path_len);
    assert_true(ref_eq(&p->ref, &ref));
    assert_null(w->replaced);
    *p = w->places.items[--w->places.count];
    if (type == VD_TRIE_BRANCH) {
        push_undo(w, at, old);
        path_store_set_branch(&w->rows, at->path, at->path_len, NULL);
    }
    return VD_OK;
}

/* --- checks --- */

static void
check_places(struct world *w, struct places *expected)
{
    assert_int_equal(w->places.count, expected->count);
    size_t branches = 0;
    for (size_t i = 0; i < expected->count; i++) {
        const struct place *e = &expected->items[i];
        const struct place *p = find_place(&w->places, e->path, e->path_len);
        assert_non_null(p);
        assert_int_equal(p->type, e->type);
        assert_true(ref_eq(&p->ref, &e->ref));
        if (e->type != VD_TRIE_BRANCH)
            continue;
        struct vd_trie_node row = {.type = VD_TRIE_BRANCH};
        assert_true(path_store_get_branch(&w->rows, e->path, e->path_len, row.child));
        struct vd_trie_ref ref = ref_at(&row, e->path_len);
        assert_true(ref_eq(&ref, &e->ref));
        branches++;
    }
    assert_int_equal(w->rows.branches.count, branches);
}

static void
check_key(const struct vd_trie_source *source, const struct vd_hash *root, const struct pair *pair)
{
    size_t mark = vd_arena_mark(&arena);
    struct vd_slice expected = vd_slice(pair->value, pair->len);
    struct vd_slice value;
    bool complete;
    enum vd_err err = vd_trie_get(source, &value, &complete, &arena, NULL, root, &pair->key);
    assert_int_equal(err, pair->len == 0 ? VD_ERR_NOT_FOUND : VD_OK);
    assert_true(complete);
    assert_true(vd_slice_eq(value, expected));

    struct vd_slice proof[VD_TRIE_MAX_NIBBLES + 1];
    size_t len;
    assert_int_equal(vd_trie_prove(source, proof, &len, &value, &arena, NULL, root, &pair->key),
                     VD_OK);
    assert_true(vd_slice_eq(value, expected));
    assert_int_equal(vd_trie_verify(&value, root, &pair->key, proof, len), VD_OK);
    assert_true(vd_slice_eq(value, expected));
    if (len != 0) {
        assert_int_equal(vd_trie_verify(&value, root, &pair->key, proof, len - 1), VD_ERR_INVALID);
        proof[len] = proof[0];
        assert_int_equal(vd_trie_verify(&value, root, &pair->key, proof, len + 1), VD_ERR_INVALID);
        struct vd_slice last = proof[len - 1];
        uint8_t *copy = vd_arena_copy(&arena, last);
        copy[last.len / 2] ^= 1;
        proof[len - 1].ptr = copy;
        assert_int_equal(vd_trie_verify(&value, root, &pair->key, proof, len), VD_ERR_INVALID);
    }
    vd_arena_rewind(&arena, mark);
}

/* --- random batches --- */

enum key_shape {
    KEYS_UNIFORM,
    KEYS_FORKING,  /* one key with a nibble changed: extensions fork everywhere */
    KEYS_INLINED,  /* only the last three nibbles differ: nodes shorter than a hash */
    KEYS_CLUSTERS, /* a few long prefixes, then few nibbles */
    KEY_SHAPES,
};

static void
set_nibble(struct vd_hash *key, size_t i, uint8_t nibble)
{
    uint8_t *b = &key->b[i / 2];
    *b = (uint8_t)((i & 1) != 0 ? (*b & 0xf0) | nibble : (*b & 15) | nibble << 4);
}

static struct vd_hash
make_key(struct vd_random *random, enum key_shape shape)
{
    struct vd_hash key;
    memset(key.b, 0x5a, sizeof key.b);
    if (shape == KEYS_UNIFORM)
        vd_random_bytes(random, key.b, sizeof key.b);
    if (shape == KEYS_FORKING) {
        for (unsigned n = 0; n < 2; n++)
            set_nibble(&key, vd_random_below(random, 64), (uint8_t)vd_random_below(random, 16));
    }
    if (shape == KEYS_INLINED) {
        for (size_t i = 61; i < 64; i++)
            set_nibble(&key, i, (uint8_t)vd_random_below(random, i == 63 ? 16 : 2));
    }
    if (shape == KEYS_CLUSTERS) {
        static const uint8_t lengths[] = {0, 1, 2, 7, 31, 61};
        size_t len = lengths[vd_random_below(random, sizeof lengths)];
        memset(key.b + len / 2, 0x11 * (int)vd_random_below(random, 2), sizeof key.b - len / 2);
        for (size_t i = len; i < len + 3; i++)
            set_nibble(&key, i, (uint8_t)vd_random_below(random, 3));
    }
    return key;
}

static void
make_keys(struct world *w, struct vd_random *random, enum key_shape shape, size_t count)
{
    w->count = 0;
    for (size_t tries = 0; tries < 4 * count && w->count < count; tries++) {
        struct pair pair = {.key = make_key(random, shape)};
        bool found = false;
        for (size_t i = 0; i < w->count; i++)
            found |= vd_hash_eq(&w->pairs[i].key, &pair.key);
        if (!found)
            w->pairs[w->count++] = pair;
    }
}

static int
compare_changes(const void *a, const void *b)
{
    const struct vd_trie_change *x = a;
    const struct vd_trie_change *y = b;
    return memcmp(x->key.b, y->key.b, sizeof x->key.b);
}

/* Changes some pairs and says so in changes, sorted. */
static size_t
make_batch(struct world *w, struct vd_random *random, struct vd_trie_change *changes)
{
    bool seen[MAX_KEYS] = {0};
    size_t count = 0;
    size_t want = 1 + vd_random_below(random, vd_random_below(random, 4) == 0 ? MAX_BATCH : 4);
    uint64_t deletes = vd_random_below(random, 5); /* of four: 0 none, 4 nothing else */
    for (size_t i = 0; i < want; i++) {
        size_t at = vd_random_below(random, w->count);
        struct pair *pair = &w->pairs[at];
        if (seen[at])
            continue;
        seen[at] = true;
        if (vd_random_below(random, 4) < deletes) {
            pair->len = 0;
        } else if (vd_random_below(random, 8) != 0 || pair->len == 0) {
            uint64_t limit = vd_random_below(random, 3) == 0 ? MAX_VALUE : 2;
            pair->len = (uint8_t)(1 + vd_random_below(random, limit));
            vd_random_bytes(random, pair->value, pair->len);
        }
        changes[count++] = (struct vd_trie_change){pair->key, vd_slice(pair->value, pair->len)};
    }
    qsort(changes, count, sizeof *changes, compare_changes);
    return count;
}

static void
set_leaves(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        path_store_set_leaf(&w->rows, &w->pairs[i].key,
                            vd_slice(w->pairs[i].value, w->pairs[i].len));
}

static struct vd_hash
update(const struct vd_trie_source *source, const struct vd_trie_sink *sink,
       const struct vd_hash *root, const struct vd_trie_change *changes, size_t count)
{
    struct vd_hash new_root;
    size_t used = arena.used;
    assert_int_equal(vd_trie_update(source, sink, &new_root, &arena, NULL, root, changes, count),
                     VD_OK);
    assert_int_equal(arena.used, used);
    return new_root;
}

static void
unwind(struct world *w)
{
    while (w->undo_count != 0) {
        const struct undo *u = &w->undo[--w->undo_count];
        path_store_set_branch(&w->rows, u->path, u->path_len, u->had_row ? u->child : NULL);
    }
}

/* One batch through both stores; then, sometimes, back. */
static void
one_round(struct world *w, struct vd_random *random)
{
    static struct places expected;
    static struct world before;
    struct vd_trie_source by_hash;
    struct vd_trie_source by_path;
    struct vd_trie_sink nodes;
    struct vd_trie_sink exact = {w, exact_put, exact_del, exact_replace};
    hash_store_source(&by_hash, &w->nodes);
    hash_store_sink(&nodes, &w->nodes);
    path_store_source(&by_path, &w->rows);
    memcpy(before.pairs, w->pairs, sizeof w->pairs);
    before.root = w->root;
    before.places = w->places;

    struct vd_trie_change changes[MAX_BATCH];
    size_t count = make_batch(w, random, changes);
    struct vd_hash root = naive_world(w, &expected);
    struct vd_hash silent = update(&by_path, NULL, &w->root, changes, count);
    assert_memory_equal(silent.b, root.b, 32);
    struct vd_hash hashed = update(&by_hash, &nodes, &w->root, changes, count);
    assert_memory_equal(hashed.b, root.b, 32);
    w->undo_count = 0;
    struct vd_hash pathed = update(&by_path, &exact, &w->root, changes, count);
    assert_memory_equal(pathed.b, root.b, 32);
    w->root = root;
    set_leaves(w);
    check_places(w, &expected);
    const struct pair *some = &w->pairs[vd_random_below(random, w->count)];
    check_key(&by_hash, &w->root, some);
    check_key(&by_path, &w->root, some);

    if (vd_random_below(random, 4) == 0) {
        memcpy(w->pairs, before.pairs, sizeof w->pairs);
        w->root = before.root;
        w->places = before.places;
        unwind(w);
        set_leaves(w);
        (void)naive_world(w, &expected);
        check_places(w, &expected);
    }
}

static void
test_update_of_random_batches_matches_naive_trie(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("random batches");
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    for (unsigned game = 0; game < 24; game++) {
        *w = (struct world){.root = VD_EMPTY_ROOT};
        path_store_init(&w->rows, game % 3 == 0 ? 1 : 8);
        size_t keys = 1 + vd_random_below(&random, game < 12 ? 12 : 150);
        make_keys(w, &random, game % KEY_SHAPES, keys);
        for (unsigned round = 0; round < 200; round++)
            one_round(w, &random);
        hash_store_deinit(&w->nodes);
        path_store_deinit(&w->rows);
    }
    free(w);
}

/* --- lists --- */

static size_t
rlp_index(uint8_t out[9], size_t index)
{
    if (index == 0 || index >= 0x80) {
        size_t len = index == 0 ? 0 : index < 0x100 ? 1 : index < 0x10000 ? 2 : 3;
        out[0] = (uint8_t)(0x80 + len);
        for (size_t i = 0; i < len; i++)
            out[1 + i] = (uint8_t)(index >> (8 * (len - 1 - i)));
        return 1 + len;
    }
    out[0] = (uint8_t)index;
    return 1;
}

static void
check_list(struct vd_random *random, size_t count, size_t max_len)
{
    struct naive_pair *pairs = calloc(count + 1, sizeof *pairs);
    struct vd_slice *items = calloc(count + 1, sizeof *items);
    uint8_t *pool = malloc(max_len + count);
    assert_true(pairs != NULL && items != NULL && pool != NULL);
    vd_random_bytes(random, pool, max_len + count);
    for (size_t i = 0; i < count; i++) {
        uint8_t key[9];
        items[i] = vd_slice(pool + i, 1 + vd_random_below(random, max_len));
        naive_pair_init(&pairs[i], vd_slice(key, rlp_index(key, i)), items[i]);
    }
    naive_sort(pairs, count);
    struct vd_hash expected = naive_root(pairs, count, NULL, NULL);
    struct vd_hash root;
    size_t used = arena.used;
    assert_int_equal(vd_trie_list_root(&root, &arena, items, count), VD_OK);
    assert_memory_equal(root.b, expected.b, 32);
    assert_int_equal(arena.used, used);
    free(pool);
    free(items);
    free(pairs);
}

static void
test_list_root_matches_naive_trie(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("list roots");
    static const size_t counts[] = {0,   1,   2,   3,   16,  17,  127, 128,
                                    129, 130, 255, 256, 257, 300, 5000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        check_list(&random, counts[i], 1);
        check_list(&random, counts[i], 40);
        check_list(&random, counts[i], 300);
    }
    check_list(&random, 66000, 60);
    check_list(&random, 3, 200000);
}

/* --- nodes --- */

static void
expect_decode(const char *hex, enum vd_err expected)
{
    uint8_t bytes[128];
    size_t len = strlen(hex) / 2;
    assert_int_equal(vd_hex_decode(bytes, len, hex, 2 * len), VD_OK);
    struct vd_trie_node node;
    assert_int_equal(vd_trie_decode(&node, vd_slice(bytes, len)), expected);
}

static void
test_decode_accepts_canonical_nodes_only(void **state)
{
    (void)state;
    expect_decode("c22001", VD_OK);              /* leaf, no path */
    expect_decode("c23101", VD_OK);              /* leaf, path 1 */
    expect_decode("c482201201", VD_OK);          /* leaf, path 12 */
    expect_decode("c482201280", VD_ERR_INVALID); /* leaf without a value */
    expect_decode("c22101", VD_ERR_INVALID);     /* padding nibble not zero */
    expect_decode("c24001", VD_ERR_INVALID);     /* unknown flag */
    expect_decode("c28001", VD_ERR_INVALID);     /* no flag at all */
    expect_decode("c3812001", VD_ERR_INVALID);   /* long form of a short string */
    expect_decode("c411c22001", VD_OK);          /* extension to an inlined node */
    expect_decode("c31180", VD_ERR_INVALID);     /* list longer than the bytes */
    expect_decode("c21180", VD_ERR_INVALID);     /* extension to nothing */
    expect_decode("c21101", VD_ERR_INVALID);     /* extension to one byte */
    expect_decode("c400c22001", VD_ERR_INVALID); /* extension without a path */
    expect_decode("c3200101", VD_ERR_INVALID);   /* three items */
    expect_decode("c2200101", VD_ERR_INVALID);   /* a byte too many */
    expect_decode("80", VD_ERR_INVALID);         /* the empty trie is no node */
    expect_decode("", VD_ERR_INVALID);
}

/* A branch with count inlined leaves c22001 and value, or one item too few. */
static enum vd_err
decode_branch(size_t count, uint8_t value, size_t items)
{
    uint8_t bytes[128];
    size_t len = 1;
    for (size_t i = 0; i + 1 < items; i++) {
        static const uint8_t leaf[] = {0xc2, 0x20, 0x01};
        size_t n = i < count ? sizeof leaf : 1;
        memcpy(bytes + len, i < count ? leaf : (const uint8_t[]){0x80}, n);
        len += n;
    }
    bytes[len++] = value;
    bytes[0] = (uint8_t)(0xc0 + len - 1);
    struct vd_trie_node node;
    return vd_trie_decode(&node, vd_slice(bytes, len));
}

static void
test_decode_wants_two_ways_on_from_a_branch(void **state)
{
    (void)state;
    assert_int_equal(decode_branch(0, 0x80, 17), VD_ERR_INVALID);
    assert_int_equal(decode_branch(1, 0x80, 17), VD_ERR_INVALID);
    assert_int_equal(decode_branch(0, 0x01, 17), VD_ERR_INVALID);
    assert_int_equal(decode_branch(2, 0x80, 17), VD_OK);
    assert_int_equal(decode_branch(1, 0x01, 17), VD_OK);
    assert_int_equal(decode_branch(16, 0x80, 17), VD_OK);
    assert_int_equal(decode_branch(2, 0x80, 16), VD_ERR_INVALID);
    assert_int_equal(decode_branch(2, 0x80, 18), VD_ERR_INVALID);
}

/* --- proofs that no trie gives --- */

static void
put_node(struct vd_slice *proof, const struct vd_trie_node *node)
{
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    vd_trie_encode(&buf, node);
    assert_int_equal(buf.err, VD_OK);
    *proof = vd_buf_view(&buf);
}

/* Extension, branch and leaf for the key 0; the leaf is short and the branch has it inlined, as it
   must, or by its hash. */
static enum vd_err
verify_short_leaf(bool inlined, struct vd_slice *value)
{
    static const uint8_t one = 1;
    struct vd_trie_node leaf = {.type = VD_TRIE_LEAF, .value = {&one, 1}};
    struct vd_trie_node branch = {.type = VD_TRIE_BRANCH};
    struct vd_trie_node top = {.type = VD_TRIE_EXTENSION, .path_len = 63};
    struct vd_hash hash = vd_trie_node_hash(&leaf);
    branch.child[0] = branch.child[7] = vd_trie_node_ref(&leaf);
    branch.child[3].len = 32; /* so that the branch itself is hashed */
    if (!inlined) {
        branch.child[0].len = 32;
        memcpy(branch.child[0].bytes, hash.b, 32);
    }
    top.child[0] = vd_trie_node_ref(&branch);
    struct vd_slice proof[3];
    put_node(&proof[0], &top);
    put_node(&proof[1], &branch);
    put_node(&proof[2], &leaf);
    struct vd_hash root = vd_trie_node_hash(&top);
    return vd_trie_verify(value, &root, &(struct vd_hash){{0}}, proof, inlined ? 2 : 3);
}

static void
test_verify_refuses_a_short_node_behind_a_hash(void **state)
{
    (void)state;
    struct vd_slice value;
    assert_int_equal(verify_short_leaf(true, &value), VD_OK);
    assert_int_equal(value.len, 1);
    assert_int_equal(value.ptr[0], 1);
    assert_int_equal(verify_short_leaf(false, &value), VD_ERR_INVALID);
}

/* --- failures --- */

struct counting_sink {
    size_t calls;
};

static enum vd_err
count_put(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *node,
          struct vd_slice rlp, const struct vd_trie_ref *ref)
{
    (void)at;
    (void)node;
    (void)rlp;
    (void)ref;
    ((struct counting_sink *)ctx)->calls++;
    return VD_OK;
}

static enum vd_err
count_del(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
          const struct vd_trie_node *old)
{
    (void)at;
    (void)type;
    (void)old;
    ((struct counting_sink *)ctx)->calls++;
    return VD_OK;
}

/* 40 keys in both stores. */
static void
fill(struct world *w, struct vd_random *random)
{
    *w = (struct world){.root = VD_EMPTY_ROOT};
    path_store_init(&w->rows, 4);
    make_keys(w, random, KEYS_UNIFORM, 40);
    struct vd_trie_change changes[40];
    for (size_t i = 0; i < 40; i++) {
        w->pairs[i].len = 40;
        vd_random_bytes(random, w->pairs[i].value, 40);
        changes[i] = (struct vd_trie_change){w->pairs[i].key, vd_slice(w->pairs[i].value, 40)};
    }
    qsort(changes, 40, sizeof *changes, compare_changes);
    struct vd_trie_source source;
    struct vd_trie_sink sink;
    hash_store_source(&source, &w->nodes);
    hash_store_sink(&sink, &w->nodes);
    struct vd_hash root = update(&source, &sink, &w->root, changes, 40);
    path_store_source(&source, &w->rows);
    path_store_sink(&sink, &w->rows);
    w->root = update(&source, &sink, &w->root, changes, 40);
    assert_memory_equal(root.b, w->root.b, 32);
    set_leaves(w);
}

static void
empty(struct world *w)
{
    hash_store_deinit(&w->nodes);
    path_store_deinit(&w->rows);
}

static void
test_missing_node_is_told_from_missing_key(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("missing nodes");
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fill(w, &random);
    struct hash_store partial = {0};
    hash_store_put(&partial, &w->root, hash_store_get(&w->nodes, &w->root));
    struct vd_trie_source source;
    hash_store_source(&source, &partial);
    struct vd_slice value;
    bool complete = true;
    assert_int_equal(
        vd_trie_get(&source, &value, &complete, &arena, NULL, &w->root, &w->pairs[0].key),
        VD_ERR_NOT_FOUND);
    assert_false(complete);
    struct vd_trie_change change = {w->pairs[0].key, {0}};
    struct counting_sink calls = {0};
    struct vd_trie_sink sink = {.ctx = &calls, .put = count_put, .del = count_del};
    struct vd_hash root;
    assert_int_equal(vd_trie_update(&source, &sink, &root, &arena, NULL, &w->root, &change, 1),
                     VD_ERR_NOT_FOUND);
    assert_int_equal(calls.calls, 0);
    hash_store_deinit(&partial);
    empty(w);
    free(w);
}

static void
test_path_store_with_a_wrong_row_is_corrupt(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("wrong rows");
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fill(w, &random);
    struct vd_trie_source source;
    path_store_source(&source, &w->rows);
    struct vd_slice value;
    bool complete;
    struct pair *pair = &w->pairs[7];
    path_store_set_leaf(&w->rows, &pair->key, vd_slice(pair->value, 39));
    assert_int_equal(vd_trie_get(&source, &value, &complete, &arena, NULL, &w->root, &pair->key),
                     VD_ERR_CORRUPT);
    path_store_set_leaf(&w->rows, &pair->key, (struct vd_slice){0});
    assert_int_equal(vd_trie_get(&source, &value, &complete, &arena, NULL, &w->root, &pair->key),
                     VD_ERR_CORRUPT);
    path_store_set_branch(&w->rows, NULL, 0, NULL);
    assert_int_equal(vd_trie_get(&source, &value, &complete, &arena, NULL, &w->root, &pair->key),
                     VD_ERR_CORRUPT);
    empty(w);
    free(w);
}

static void
test_update_over_a_wrong_row_is_corrupt_and_tells_nothing(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("wrong rows under an update");
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fill(w, &random);
    struct vd_trie_source source;
    struct counting_sink calls = {0};
    struct vd_trie_sink sink = {.ctx = &calls, .put = count_put, .del = count_del};
    path_store_source(&source, &w->rows);
    struct vd_trie_node row;
    assert_true(path_store_get_branch(&w->rows, NULL, 0, row.child));
    /* Each child of the root in turn, and a change whose path passes by it. */
    for (size_t i = 0; i < 16; i++) {
        if (row.child[i].len == 0)
            continue;
        row.child[i].bytes[9] ^= 1;
        path_store_set_branch(&w->rows, NULL, 0, row.child);
        struct vd_hash root;
        struct vd_trie_change change = {{{0}}, vd_slice(w->pairs[0].value, 1)};
        change.key.b[0] = (uint8_t)((i + 1) % 16 << 4);
        for (size_t n = 0; n < 2; n++) {
            assert_int_equal(vd_trie_update(&source, n == 0 ? NULL : &sink, &root, &arena, NULL,
                                            &w->root, &change, 1),
                             VD_ERR_CORRUPT);
        }
        row.child[i].bytes[9] ^= 1;
    }
    assert_int_equal(calls.calls, 0);
    empty(w);
    free(w);
}

static void
test_update_without_memory_fails_cleanly(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("no memory");
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fill(w, &random);
    struct vd_trie_source source;
    struct counting_sink calls = {0};
    struct vd_trie_sink sink = {.ctx = &calls, .put = count_put, .del = count_del};
    path_store_source(&source, &w->rows);
    struct vd_trie_change changes[3] = {{w->pairs[0].key, {0}},
                                        {w->pairs[1].key, vd_slice(w->pairs[0].value, 9)},
                                        {w->pairs[2].key, vd_slice(w->pairs[0].value, 120)}};
    qsort(changes, 3, sizeof *changes, compare_changes);
    enum vd_err err = VD_ERR_NO_MEMORY;
    for (size_t size = 0; err != VD_OK; size += 97) {
        assert_true(size < 1 << 20);
        struct vd_arena small = {.base = arena.base, .size = size};
        struct vd_hash root;
        err = vd_trie_update(&source, &sink, &root, &small, NULL, &w->root, changes, 3);
        assert_true(err == VD_OK || err == VD_ERR_NO_MEMORY);
        assert_int_equal(small.used, 0);
        assert_true((calls.calls == 0) == (err != VD_OK));
    }
    empty(w);
    free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update_of_random_batches_matches_naive_trie),
        cmocka_unit_test(test_list_root_matches_naive_trie),
        cmocka_unit_test(test_decode_accepts_canonical_nodes_only),
        cmocka_unit_test(test_decode_wants_two_ways_on_from_a_branch),
        cmocka_unit_test(test_verify_refuses_a_short_node_behind_a_hash),
        cmocka_unit_test(test_missing_node_is_told_from_missing_key),
        cmocka_unit_test(test_path_store_with_a_wrong_row_is_corrupt),
        cmocka_unit_test(test_update_over_a_wrong_row_is_corrupt_and_tells_nothing),
        cmocka_unit_test(test_update_without_memory_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
