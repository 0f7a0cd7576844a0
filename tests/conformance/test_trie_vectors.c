/* The trie vectors of ethereum/tests (trie/) and a real eth_getProof answer
   (op/derive/account_proof). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/state/trie_internal.h"
#include "support/trie_store.h"
#include "support/vectors.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/state.h"

enum {
    MAX_PAIRS = 128,
    ARENA_BYTES = 16 << 20,
};

/* --- cases --- */

struct pair {
    uint8_t *key;
    size_t key_len;
    uint8_t *value; /* NULL: deleted */
    size_t value_len;
};

struct list {
    struct pair pairs[MAX_PAIRS];
    size_t count;
};

/* A string of a vector: 0x-hex, or its own characters. */
static uint8_t *
read_bytes(const char *text, size_t *len)
{
    if (strncmp(text, "0x", 2) == 0)
        return vd_unhex(text, len);
    *len = strlen(text);
    uint8_t *copy = malloc(*len + 1);
    assert_non_null(copy);
    memcpy(copy, text, *len + 1);
    return copy;
}

static void
add_pair(struct list *list, const char *key, const json_t *value, bool secure)
{
    assert_true(list->count < MAX_PAIRS);
    struct pair *pair = &list->pairs[list->count++];
    *pair = (struct pair){0};
    pair->key = read_bytes(key, &pair->key_len);
    if (secure) {
        struct vd_hash hash = vd_keccak256(vd_slice(pair->key, pair->key_len));
        pair->key = realloc(pair->key, sizeof hash.b);
        assert_non_null(pair->key);
        pair->key_len = sizeof hash.b;
        memcpy(pair->key, hash.b, sizeof hash.b);
    }
    if (!json_is_null(value))
        pair->value = read_bytes(json_string_value(value), &pair->value_len);
}

/* Every step in order. */
static void
read_steps(struct list *list, json_t *in, bool secure)
{
    list->count = 0;
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_object(in)) {
        json_object_foreach(in, key, value) add_pair(list, key, value, secure);
        return;
    }
    json_array_foreach(in, i, value) add_pair(list, json_string_value(json_array_get(value, 0)),
                                              json_array_get(value, 1), secure);
}

static void
free_steps(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->pairs[i].key);
        free(list->pairs[i].value);
    }
}

static bool
same_key(const struct pair *a, const struct pair *b)
{
    return a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

static int
compare_items(const void *a, const void *b)
{
    const struct vd_trie_item *x = a;
    const struct vd_trie_item *y = b;
    size_t len = x->nibbles < y->nibbles ? x->nibbles : y->nibbles;
    int order = memcmp(x->key, y->key, len / 2);
    return order != 0 ? order : (x->nibbles > len) - (y->nibbles > len);
}

/* What is left after all steps, sorted. */
static size_t
final_items(const struct list *list, struct vd_trie_item items[MAX_PAIRS])
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct pair *p = &list->pairs[i];
        bool later = false;
        for (size_t j = i + 1; j < list->count; j++)
            later |= same_key(p, &list->pairs[j]);
        if (!later && p->value != NULL)
            items[count++] =
                (struct vd_trie_item){p->key, 2 * p->key_len, vd_slice(p->value, p->value_len)};
    }
    qsort(items, count, sizeof *items, compare_items);
    return count;
}

/* --- checks --- */

/* Keys of 32 bytes: step by step through both kinds of store. */
static void
check_steps(const struct list *list, struct vd_arena *arena, const struct vd_hash *expected)
{
    struct hash_store nodes = {0};
    struct path_store rows;
    path_store_init(&rows, 4);
    struct vd_trie_source sources[2];
    struct vd_trie_sink sinks[2];
    hash_store_source(&sources[0], &nodes);
    hash_store_sink(&sinks[0], &nodes);
    path_store_source(&sources[1], &rows);
    path_store_sink(&sinks[1], &rows);
    struct vd_hash roots[2] = {VD_EMPTY_ROOT, VD_EMPTY_ROOT};
    for (size_t i = 0; i < list->count; i++) {
        const struct pair *p = &list->pairs[i];
        struct vd_trie_change change = {.value = vd_slice(p->value, p->value_len)};
        memcpy(change.key.b, p->key, sizeof change.key.b);
        for (size_t s = 0; s < 2; s++)
            assert_int_equal(vd_trie_update(&sources[s], &sinks[s], &roots[s], arena, NULL,
                                            &roots[s], &change, 1),
                             VD_OK);
        path_store_set_leaf(&rows, &change.key, change.value);
    }
    assert_memory_equal(roots[0].b, expected->b, 32);
    assert_memory_equal(roots[1].b, expected->b, 32);
    hash_store_deinit(&nodes);
    path_store_deinit(&rows);
}

static void
check_case(const char *name, json_t *test, bool secure, struct vd_arena *arena)
{
    static struct list list;
    struct vd_trie_item items[MAX_PAIRS];
    struct vd_hash expected = vd_unhex_word(json_string_value(json_object_get(test, "root")));
    struct vd_hash root;
    read_steps(&list, json_object_get(test, "in"), secure);
    size_t count = final_items(&list, items);
    assert_int_equal(vd_trie_pairs_root(&root, arena, items, count), VD_OK);
    if (!vd_hash_eq(&root, &expected))
        fail_msg("%s: wrong root", name);
    bool whole_keys = true;
    for (size_t i = 0; i < list.count; i++)
        whole_keys &= list.pairs[i].key_len == 32;
    if (whole_keys)
        check_steps(&list, arena, &expected);
    printf("%s: %zu steps, %zu pairs%s\n", name, list.count, count,
           whole_keys ? ", by steps too" : "");
    free_steps(&list);
}

static void
check_file(const char *path, bool secure)
{
    json_t *file = vd_vectors_json(path);
    if (file == NULL)
        return;
    struct vd_arena arena;
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    assert_non_null(arena.base);
    const char *name;
    json_t *test;
    json_object_foreach(file, name, test) check_case(name, test, secure, &arena);
    free(arena.base);
    json_decref(file);
}

static void
test_tries_with_plain_keys_have_the_given_roots(void **state)
{
    (void)state;
    check_file("trie/trietest.json", false);
    check_file("trie/trieanyorder.json", false);
}

static void
test_tries_with_hashed_keys_have_the_given_roots(void **state)
{
    (void)state;
    check_file("trie/trietest_secureTrie.json", true);
    check_file("trie/hex_encoded_securetrie_test.json", true);
}

/* --- account proof --- */

struct proof {
    size_t count;
    struct vd_slice nodes[VD_TRIE_MAX_NIBBLES + 1];
};

static void
read_proof(struct proof *proof, json_t *list)
{
    proof->count = json_array_size(list);
    assert_in_range(proof->count, 1, VD_TRIE_MAX_NIBBLES);
    for (size_t i = 0; i < proof->count; i++) {
        size_t len;
        uint8_t *bytes = vd_unhex(json_string_value(json_array_get(list, i)), &len);
        proof->nodes[i] = vd_slice(bytes, len);
    }
}

static void
free_proof(struct proof *proof)
{
    for (size_t i = 0; i < proof->count; i++)
        free((void *)(uintptr_t)proof->nodes[i].ptr);
}

static struct vd_hash
word_of(json_t *object, const char *name)
{
    return vd_unhex_word(json_string_value(json_object_get(object, name)));
}

/* The account of the answer, proved under root or not. */
static enum vd_err
verify_account(json_t *answer, const struct vd_hash *root, struct vd_account *account)
{
    struct vd_address address;
    vd_unhex_fixed(address.b, 20, json_string_value(json_object_get(answer, "address")));
    struct vd_hash key = vd_keccak256(vd_slice(address.b, 20));
    struct proof proof;
    struct vd_slice value;
    read_proof(&proof, json_object_get(answer, "accountProof"));
    enum vd_err err = vd_trie_verify(&value, root, &key, proof.nodes, proof.count);
    if (err == VD_OK)
        assert_int_equal(vd_account_decode(account, value), VD_OK);
    /* The same proof with a node less, or with a bit turned, proves nothing. */
    assert_int_equal(vd_trie_verify(&value, root, &key, proof.nodes, proof.count - 1),
                     VD_ERR_INVALID);
    ((uint8_t *)(uintptr_t)proof.nodes[proof.count - 1].ptr)[60] ^= 4;
    assert_int_equal(vd_trie_verify(&value, root, &key, proof.nodes, proof.count), VD_ERR_INVALID);
    free_proof(&proof);
    return err;
}

static void
verify_slot(json_t *slot, const struct vd_hash *storage_root)
{
    struct vd_hash plain = word_of(slot, "key");
    struct vd_hash key = vd_keccak256(vd_slice(plain.b, 32));
    struct vd_hash expected = word_of(slot, "value");
    struct proof proof;
    struct vd_slice value;
    read_proof(&proof, json_object_get(slot, "proof"));
    assert_int_equal(vd_trie_verify(&value, storage_root, &key, proof.nodes, proof.count), VD_OK);
    /* rlp of the 20-byte address that the slot holds. */
    assert_int_equal(value.len, 21);
    assert_memory_equal(value.ptr + 1, expected.b + 12, 20);
    free_proof(&proof);
}

static void
test_account_proof_holds_under_its_root_only(void **state)
{
    (void)state;
    json_t *file = vd_vectors_json("op/derive/account_proof/goerli_system_config.json");
    if (file == NULL)
        return;
    json_t *answer = json_object_get(file, "proof");
    struct vd_hash good = word_of(file, "good_root");
    struct vd_hash bad = word_of(file, "bad_root");
    struct vd_account account = {0};
    assert_int_equal(verify_account(answer, &bad, &account), VD_ERR_INVALID);
    assert_int_equal(verify_account(answer, &good, &account), VD_OK);
    struct vd_hash storage = word_of(answer, "storageHash");
    struct vd_hash code = word_of(answer, "codeHash");
    assert_int_equal(account.nonce, 1);
    assert_true(vd_u256_is_zero(&account.balance));
    assert_memory_equal(account.storage_root.b, storage.b, 32);
    assert_memory_equal(account.code_hash.b, code.b, 32);
    json_t *slots = json_object_get(answer, "storageProof");
    assert_int_equal(json_array_size(slots), 1);
    verify_slot(json_array_get(slots, 0), &storage);
    json_decref(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tries_with_plain_keys_have_the_given_roots),
        cmocka_unit_test(test_tries_with_hashed_keys_have_the_given_roots),
        cmocka_unit_test(test_account_proof_holds_under_its_root_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
