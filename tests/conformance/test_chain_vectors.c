/* Smaller sets of vectors for core/chain: BasicTests (keys, transactions, paths, the genesis block)
   and the OP Stack's fees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/vectors.h"
#include "viaduct/core/chain/exec.h"
#include "viaduct/core/chain/genesis.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

static uint8_t memory[1 << 20];

static struct vd_arena
new_arena(void)
{
    struct vd_arena arena;
    vd_arena_init(&arena, memory, sizeof memory);
    return arena;
}

static const char *
text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* A number in decimal, as text or as a JSON number. */
static struct vd_u256
decimal(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        return vd_u256((uint64_t)json_integer_value(value));
    struct vd_u256 ten = vd_u256(10);
    struct vd_u256 sum = vd_u256(0);
    const char *digits = json_string_value(value);
    assert_non_null(digits);
    for (; *digits != '\0'; digits++) {
        struct vd_u256 digit = vd_u256((uint64_t)(*digits - '0'));
        sum = vd_u256_mul(&sum, &ten);
        sum = vd_u256_add(&sum, &digit);
    }
    return sum;
}

static void
assert_u256(const char *name, struct vd_u256 have, struct vd_u256 want)
{
    char have_text[79];
    char want_text[79];
    vd_u256_to_dec(have_text, &have);
    vd_u256_to_dec(want_text, &want);
    if (!vd_u256_eq(&have, &want))
        fail_msg("%s: %s instead of %s", name, have_text, want_text);
}

static bool
is_of_fork(const json_t *test, const char *fork)
{
    const char *name = text(test, "fork");
    return name != NULL && strcmp(name, fork) == 0;
}

/* --- basic/ --- */

static void
check_signed_tx(const json_t *test)
{
    size_t len;
    bool valid;
    struct vd_tx tx;
    struct vd_buf buf;
    struct vd_hash hash;
    uint8_t signature[64];
    struct vd_address signer;
    struct vd_address owner;
    struct vd_arena arena = new_arena();
    uint8_t *bytes = vd_unhex(text(test, "signed"), &len);
    struct vd_hash key = vd_unhex_word(text(test, "key"));
    assert_int_equal(vd_tx_decode(&tx, NULL, &arena, vd_slice(bytes, len)), VD_OK);
    assert_int_equal(vd_tx_signing_hash(&hash, &tx, &arena), VD_OK);
    /* Older than EIP-2: one of these has a high s, which vd_tx_sender refuses. */
    vd_u256_to_be(signature, &tx.r);
    vd_u256_to_be(signature + 32, &tx.s);
    const struct vd_curves *curves = vd_curves_host();
    assert_int_equal(curves->recover(curves->ctx, &signer, &valid, &hash, signature, tx.y_parity),
                     VD_OK);
    assert_true(valid);
    assert_int_equal(vd_key_to_address(&owner, key.b), VD_OK);
    assert_memory_equal(signer.b, owner.b, 20);
    vd_buf_init(&buf, &arena);
    vd_tx_encode(&buf, &tx);
    assert_true(vd_slice_eq(vd_buf_view(&buf), vd_slice(bytes, len)));
    free(bytes);
}

static void
test_basic_transactions_recover_and_encode(void **state)
{
    (void)state;
    json_t *root = vd_vectors_json("basic/txtest.json");
    for (size_t i = 0; i < json_array_size(root); i++)
        check_signed_tx(json_array_get(root, i));
    json_decref(root);
}

static void
test_mainnet_genesis_has_its_hash(void **state)
{
    (void)state;
    size_t len;
    struct vd_block block;
    struct vd_buf buf;
    struct vd_arena arena = new_arena();
    json_t *root = vd_vectors_json("basic/genesishashestest.json");
    if (root == NULL)
        return;
    uint8_t *bytes = vd_unhex(text(root, "genesis_rlp_hex"), &len);
    struct vd_hash want = vd_unhex_word(text(root, "genesis_hash"));
    struct vd_hash want_root = vd_unhex_word(text(root, "genesis_state_root"));
    assert_int_equal(vd_block_decode(&block, &arena, vd_slice(bytes, len)), VD_OK);
    struct vd_hash hash = vd_header_hash(&block.header);
    assert_memory_equal(hash.b, want.b, 32);
    assert_memory_equal(block.hash.b, want.b, 32);
    assert_memory_equal(block.header.state_root.b, want_root.b, 32);
    vd_buf_init(&buf, &arena);
    vd_block_encode(&buf, &block);
    assert_true(vd_slice_eq(vd_buf_view(&buf), vd_slice(bytes, len)));
    free(bytes);
    json_decref(root);
}

/* A key is the hash of its seed.  sig_of_emptystring does not apply: the file is older than any
   rule of what is hashed before signing, and under none of the hashes of nothing (keccak256, SHA-3,
   SHA-256, zero) does it recover to the address; txtest.json has signatures that do. */
static void
check_key(const json_t *test)
{
    uint8_t expected[20];
    struct vd_address address;
    const char *seed = text(test, "seed");
    struct vd_hash key = vd_keccak256(vd_slice((const uint8_t *)seed, strlen(seed)));
    struct vd_hash want = vd_unhex_word(text(test, "key"));
    assert_memory_equal(key.b, want.b, 32);
    vd_unhex_fixed(expected, sizeof expected, text(test, "addr"));
    assert_int_equal(vd_key_to_address(&address, key.b), VD_OK);
    assert_memory_equal(address.b, expected, sizeof expected);
}

static void
test_basic_keys_have_their_addresses(void **state)
{
    (void)state;
    json_t *root = vd_vectors_json("basic/keyaddrtest.json");
    for (size_t i = 0; i < json_array_size(root); i++)
        check_key(json_array_get(root, i));
    assert_true(root == NULL || json_array_size(root) > 0);
    json_decref(root);
}

/* As the first item of a leaf (term) or an extension, and back. */
static void
check_path(const char *name, const json_t *test)
{
    size_t len;
    struct vd_buf buf;
    struct vd_rlp outer;
    struct vd_rlp items;
    struct vd_trie_node back;
    struct vd_trie_node node = {.type = VD_TRIE_EXTENSION, .child = {{.len = 32}}};
    const json_t *nibbles = json_object_get(test, "seq");
    struct vd_arena arena = new_arena();
    uint8_t *want = vd_unhex(text(test, "out"), &len);
    if (json_is_true(json_object_get(test, "term"))) {
        node.type = VD_TRIE_LEAF;
        node.value = vd_slice((const uint8_t *)"value", 5);
    }
    node.path_len = (uint8_t)json_array_size(nibbles);
    for (size_t i = 0; i < node.path_len; i++)
        node.path[i] = (uint8_t)json_integer_value(json_array_get(nibbles, i));
    vd_buf_init(&buf, &arena);
    vd_trie_encode(&buf, &node);
    outer = vd_rlp(vd_buf_view(&buf));
    items = vd_rlp_list(&outer);
    if (!vd_slice_eq(vd_rlp_string(&items), vd_slice(want, len)))
        fail_msg("%s", name);
    assert_int_equal(vd_trie_decode(&back, vd_buf_view(&buf)), VD_OK);
    assert_int_equal(back.type, node.type);
    assert_int_equal(back.path_len, node.path_len);
    assert_memory_equal(back.path, node.path, node.path_len);
    free(want);
}

static void
test_basic_paths_have_their_hex_prefix(void **state)
{
    (void)state;
    const char *name;
    json_t *test;
    json_t *root = vd_vectors_json("basic/hexencodetest.json");
    json_object_foreach(root, name, test) check_path(name, test);
    assert_true(root == NULL || json_object_size(root) > 0);
    json_decref(root);
}

/* These blocks are older than Frontier: their headers lack fields that every header since has, and
   tell the root of an empty trie as an empty string.  No chain has such blocks, so all there is to
   hold is that they are refused. */
static void
test_basic_blocks_from_before_frontier_are_refused(void **state)
{
    (void)state;
    size_t file_len;
    uint8_t *file = vd_vectors_file("basic/blockgenesistest.json", &file_len);
    if (file == NULL)
        return;
    /* Its inputs, which are not read, are larger than JSON integers may be. */
    json_t *root = json_loadb((const char *)file, file_len, JSON_DECODE_INT_AS_REAL, NULL);
    assert_true(json_array_size(root) > 0);
    for (size_t i = 0; i < json_array_size(root); i++) {
        size_t len;
        struct vd_block block;
        struct vd_arena arena = new_arena();
        uint8_t *bytes = vd_unhex(text(json_array_get(root, i), "result"), &len);
        assert_int_equal(vd_block_decode(&block, &arena, vd_slice(bytes, len)), VD_ERR_INVALID);
        free(bytes);
    }
    json_decref(root);
    free(file);
}

/* --- genesis blocks of the blockchain tests --- */

#define GENESIS_ROOM ((size_t)1 << 30)

struct genesis_run {
    struct vd_arena arena;
    unsigned built;
};

static struct vd_u256
hex_number(const json_t *object, const char *key)
{
    struct vd_hash word = vd_unhex_word(text(object, key));
    return vd_u256_from_be(word.b);
}

static struct vd_slice
hex_bytes(struct vd_arena *arena, const json_t *object, const char *key)
{
    size_t len;
    uint8_t *bytes = vd_unhex(text(object, key), &len);
    uint8_t *copy = vd_arena_copy(arena, vd_slice(bytes, len));
    free(bytes);
    return vd_slice(copy, len);
}

static void
read_account(struct vd_arena *arena, struct vd_genesis_account *account, json_t *from)
{
    const char *key;
    json_t *value;
    json_t *storage = json_object_get(from, "storage");
    struct vd_genesis_slot *slots =
        VD_ARENA_NEW(arena, struct vd_genesis_slot, json_object_size(storage));
    account->nonce = hex_number(from, "nonce").w[0];
    account->balance = hex_number(from, "balance");
    account->code = hex_bytes(arena, from, "code");
    account->slots = slots;
    json_object_foreach(storage, key, value)
    {
        struct vd_genesis_slot *slot = &slots[account->slot_count++];
        struct vd_hash k = vd_unhex_word(key);
        struct vd_hash v = vd_unhex_word(json_string_value(value));
        slot->key = vd_u256_from_be(k.b);
        slot->value = vd_u256_from_be(v.b);
    }
}

static void
read_genesis(struct vd_arena *arena, struct vd_genesis *g, const json_t *header)
{
    *g = (struct vd_genesis){
        .timestamp = hex_number(header, "timestamp").w[0],
        .number = hex_number(header, "number").w[0],
        .gas_limit = hex_number(header, "gasLimit").w[0],
        .base_fee = hex_number(header, "baseFeePerGas"),
        .extra_data = hex_bytes(arena, header, "extraData"),
        .mix_hash = vd_unhex_word(text(header, "mixHash")),
        .parent_hash = vd_unhex_word(text(header, "parentHash")),
        .difficulty = hex_number(header, "difficulty"),
        .excess_blob_gas = hex_number(header, "excessBlobGas").w[0],
        .blob_gas_used = hex_number(header, "blobGasUsed").w[0],
        .parent_beacon_root = vd_unhex_word(text(header, "parentBeaconBlockRoot")),
    };
    vd_unhex_fixed(g->coinbase.b, 20, text(header, "coinbase"));
    vd_unhex_fixed(g->nonce, 8, text(header, "nonce"));
}

static void
check_genesis(struct genesis_run *run, const char *name, const json_t *test)
{
    const char *key;
    json_t *value;
    struct vd_chain_config config;
    struct vd_genesis genesis;
    struct vd_header header;
    struct vd_hash hash;
    json_t *pre = json_object_get(test, "pre");
    const json_t *want_header = json_object_get(test, "genesisBlockHeader");
    bool prague = strcmp(text(test, "network"), "Prague") == 0;
    if (!prague && strcmp(text(test, "network"), "Cancun") != 0)
        return;
    struct vd_genesis_account *accounts =
        VD_ARENA_NEW(&run->arena, struct vd_genesis_account, json_object_size(pre));
    vd_chain_config_l1(&config, 1, 0, prague ? 0 : VD_NEVER);
    read_genesis(&run->arena, &genesis, want_header);
    genesis.accounts = accounts;
    json_object_foreach(pre, key, value)
    {
        struct vd_genesis_account *account = &accounts[genesis.account_count++];
        vd_unhex_fixed(account->address.b, 20, key);
        read_account(&run->arena, account, value);
    }
    assert_int_equal(vd_genesis_build(&header, &hash, &run->arena, &config, &genesis, NULL, NULL),
                     VD_OK);
    struct vd_hash want = vd_unhex_word(text(want_header, "hash"));
    if (!vd_hash_eq(&hash, &want))
        fail_msg("%s: wrong genesis hash", name);
    run->built++;
    vd_arena_rewind(&run->arena, 0);
}

static void
check_genesis_file(void *ctx, const char *path)
{
    const char *name;
    json_t *test;
    json_t *root = vd_vectors_json(path);
    json_object_foreach(root, name, test)
    {
        check_genesis(ctx, name, test);
    }
    json_decref(root);
}

static void
test_genesis_blocks_have_their_hashes(void **state)
{
    (void)state;
    struct genesis_run run = {0};
    void *room = vd_reserve(GENESIS_ROOM);
    assert_non_null(room);
    vd_arena_init(&run.arena, room, GENESIS_ROOM);
    if (vd_vectors_walk("blocks", ".json", check_genesis_file, &run)) {
        printf("genesis: %u built\n", run.built);
        assert_true(run.built != 0);
    }
    vd_release(room, GENESIS_ROOM);
}

/* --- op/derive/l1_cost, base_fee --- */

typedef void (*check_fn)(const json_t *test);

static void
run_cases(const char *path, check_fn check)
{
    json_t *root = vd_vectors_json(path);
    const json_t *cases = json_object_get(root, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++)
        check(json_array_get(cases, i));
    json_decref(root);
}

static size_t files_run;

/* The folder holds X.open.json or X.held.json, depending on the half of the vectors. */
static void
run_halves(void *ctx, const char *path)
{
    union {
        void *ptr;
        check_fn fn;
    } cast = {.ptr = ctx};
    run_cases(path, cast.fn);
    files_run++;
}

static void
run_set(const char *folder, const char *name, check_fn check)
{
    union {
        void *ptr;
        check_fn fn;
    } cast = {.fn = check};
    char suffix[64];
    (void)snprintf(suffix, sizeof suffix, "%s.open.json", name);
    files_run = 0;
    bool has_vectors = vd_vectors_walk(folder, suffix, run_halves, cast.ptr);
    (void)snprintf(suffix, sizeof suffix, "%s.held.json", name);
    if (has_vectors)
        (void)vd_vectors_walk(folder, suffix, run_halves, cast.ptr);
    assert_true(files_run != 0 || !has_vectors);
}

static void
check_flz(const json_t *test)
{
    size_t len;
    uint8_t *bytes = vd_unhex(text(test, "input"), &len);
    assert_u256(text(test, "name"), vd_u256(vd_flz_len(vd_slice(bytes, len))),
                decimal(test, "fastlz_len"));
    free(bytes);
}

static void
test_fastlz_lengths(void **state)
{
    (void)state;
    run_set("op/derive/l1_cost", "fastlz", check_flz);
}

static void
check_l1_cost(const json_t *test)
{
    if (!is_of_fork(test, "fjord"))
        return;
    const char *name = text(test, "name");
    struct vd_l1_fee_params params = {
        .l1_base_fee = decimal(test, "l1_base_fee"),
        .blob_base_fee = decimal(test, "blob_base_fee"),
        .base_fee_scalar = (uint32_t)decimal(test, "base_fee_scalar").w[0],
        .blob_base_fee_scalar = (uint32_t)decimal(test, "blob_base_fee_scalar").w[0],
    };
    struct vd_u256 size = vd_l1_size_of_flz((uint32_t)decimal(test, "fastlz_len").w[0]);
    assert_u256(name, vd_l1_fee_of_size(&size, &params), decimal(test, "fee"));
    if (text(test, "tx") == NULL)
        return;
    size_t len;
    uint8_t *bytes = vd_unhex(text(test, "tx"), &len);
    assert_u256(name, vd_l1_fee(vd_slice(bytes, len), &params), decimal(test, "fee"));
    assert_u256(name, vd_u256(vd_l1_gas_used(vd_slice(bytes, len))), decimal(test, "gas"));
    free(bytes);
}

static void
test_l1_fees(void **state)
{
    (void)state;
    run_set("op/derive/l1_cost", "l1_cost", check_l1_cost);
}

static void
check_operator_fee(const json_t *test)
{
    struct vd_l1_fee_params params = {
        .operator_fee_scalar = (uint32_t)decimal(test, "operator_fee_scalar").w[0],
        .operator_fee_constant = decimal(test, "operator_fee_constant").w[0],
    };
    assert_u256(text(test, "name"), vd_operator_fee(decimal(test, "gas").w[0], &params),
                decimal(test, "isthmus"));
}

static void
test_operator_fees(void **state)
{
    (void)state;
    run_set("op/derive/l1_cost", "operator_fee", check_operator_fee);
}

static void
check_base_fee(const json_t *test)
{
    size_t len;
    struct vd_u256 base_fee;
    uint8_t extra[9];
    /* Jovian's minimum and blob gas are a later fork's. */
    if (json_object_get(test, "jovian_min_base_fee") != NULL)
        return;
    struct vd_eip1559_params params = {
        .denominator = (uint32_t)decimal(test, "denominator").w[0],
        .elasticity = (uint32_t)decimal(test, "elasticity").w[0],
    };
    struct vd_chain_config config = {.is_l2 = true};
    struct vd_header parent = {
        .gas_limit = decimal(test, "parent_gas_limit").w[0],
        .gas_used = decimal(test, "parent_gas_used").w[0],
        .base_fee = decimal(test, "parent_base_fee"),
    };
    vd_holocene_extra_encode(extra, &params);
    parent.extra_data = vd_slice(extra, sizeof extra);
    if (text(test, "parent_extra_data") != NULL) {
        uint8_t *bytes = vd_unhex(text(test, "parent_extra_data"), &len);
        assert_true(vd_slice_eq(parent.extra_data, vd_slice(bytes, len)));
        free(bytes);
    }
    assert_int_equal(vd_base_fee_l2(&base_fee, &parent, &config), VD_OK);
    assert_u256(text(test, "name"), base_fee, decimal(test, "base_fee"));
    if (params.denominator == 8 && params.elasticity == 2)
        assert_u256(text(test, "name"), vd_base_fee_l1(&parent), decimal(test, "base_fee"));
}

static void
test_base_fees(void **state)
{
    (void)state;
    run_set("op/derive/base_fee", "base_fee", check_base_fee);
}

static void
check_extra_data(const json_t *test)
{
    size_t len;
    uint8_t again[9];
    struct vd_eip1559_params params;
    if (!is_of_fork(test, "holocene") || strcmp(text(test, "op"), "decode_header") != 0)
        return;
    uint8_t *bytes = vd_unhex(text(test, "extra_data"), &len);
    bool ok = vd_holocene_extra_decode(&params, vd_slice(bytes, len)) == VD_OK;
    assert_int_equal(ok, json_is_true(json_object_get(test, "ok")));
    if (ok) {
        assert_u256("denominator", vd_u256(params.denominator), decimal(test, "denominator"));
        assert_u256("elasticity", vd_u256(params.elasticity), decimal(test, "elasticity"));
        vd_holocene_extra_encode(again, &params);
        assert_memory_equal(again, bytes, sizeof again);
    }
    free(bytes);
}

static void
test_extra_data(void **state)
{
    (void)state;
    run_set("op/derive/base_fee", "extra_data", check_extra_data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basic_transactions_recover_and_encode),
        cmocka_unit_test(test_mainnet_genesis_has_its_hash),
        cmocka_unit_test(test_basic_keys_have_their_addresses),
        cmocka_unit_test(test_basic_paths_have_their_hex_prefix),
        cmocka_unit_test(test_basic_blocks_from_before_frontier_are_refused),
        cmocka_unit_test(test_genesis_blocks_have_their_hashes),
        cmocka_unit_test(test_fastlz_lengths),
        cmocka_unit_test(test_l1_fees),
        cmocka_unit_test(test_operator_fees),
        cmocka_unit_test(test_base_fees),
        cmocka_unit_test(test_extra_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
