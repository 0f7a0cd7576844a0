#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/app/founding.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/node/platform/artifacts.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

#define ARENA ((size_t)1 << 30)

static char error[512];

static struct vd_founding
dev_like(void)
{
    static struct vd_genesis_account funded;
    funded = (struct vd_genesis_account){.address = vd_dev_accounts[0].address,
                                         .balance = vd_u256(12345)};
    return (struct vd_founding){.l1_chain_id = 900,
                                .l2_chain_id = 901,
                                .block_time_s = 2,
                                .seq_window_size = 3600,
                                .gas_limit = 60000000,
                                .base_fee = vd_u256(1000000),
                                .eip1559 = {.denominator = 250, .elasticity = 6},
                                .base_fee_scalar = 1368,
                                .blob_base_fee_scalar = 810949,
                                .operator_fee_scalar = 3,
                                .operator_fee_constant = 4,
                                .batcher = {{1}},
                                .sequencer_vault = {.recipient = {{2}}, .network = 1},
                                .base_fee_vault = {.recipient = {{3}}},
                                .l1_fee_vault = {.recipient = {{4}}, .minimum = vd_u256(7)},
                                .operator_fee_vault = {.recipient = {{5}}},
                                .l2_proxy_owner = {{6}},
                                .l1 = {.batch_inbox = {{7}},
                                       .optimism_portal = {{8}},
                                       .system_config = {{9}},
                                       .l1_cross_domain_messenger = {{10}},
                                       .l1_standard_bridge = {{11}},
                                       .l1_erc721_bridge = {{12}}},
                                .funded = &funded,
                                .funded_count = 1};
}

static void
test_dev_keys_have_the_dev_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < VD_DEV_ACCOUNTS; i++) {
        struct vd_address address;
        assert_int_equal(vd_key_to_address(&address, vd_dev_accounts[i].key), VD_OK);
        assert_memory_equal(address.b, vd_dev_accounts[i].address.b, 20);
    }
}

/* Writes both files, reads them back, and demands the same chain. */
static void
test_a_founded_chain_survives_its_files(void **state)
{
    (void)state;
    struct vd_arena arena;
    vd_arena_init(&arena, vd_reserve(ARENA), ARENA);
    struct vd_founding founding = dev_like();
    struct vd_l1_ref start = {.hash = {{7}}, .number = 5, .timestamp = 1700000000};
    struct vd_founded founded;
    assert_true(vd_found(&founded, &arena, &founding, &start, error, sizeof error));
    const struct vd_rollup_config config = founded.config;
    char rollup_path[] = "rollup-XXXXXX";
    char genesis_path[] = "genesis-XXXXXX";
    close(mkstemp(rollup_path));
    close(mkstemp(genesis_path));
    json_t *document = vd_rollup_json_write(&config);
    assert_true(vd_file_store(document, rollup_path, error, sizeof error));
    json_decref(document);
    document = vd_genesis_json_write(&founded.genesis, &config.l2);
    assert_true(vd_file_store(document, genesis_path, error, sizeof error));
    json_decref(document);

    struct vd_file_read r = {.arena = &arena, .error = error, .error_len = sizeof error};
    struct vd_rollup_config config_again;
    struct vd_genesis genesis_again;
    error[0] = '\0';
    if (!vd_rollup_json_read(&r, &config_again, rollup_path) ||
        !vd_genesis_json_read(&r, &genesis_again, genesis_path)) {
        fail_msg("%s", error);
    }
    assert_memory_equal(&config_again.genesis_system_config, &config.genesis_system_config,
                        sizeof config.genesis_system_config);
    struct vd_hash prestate;
    struct vd_hash prestate_again;
    assert_true(vd_founding_prestate(&prestate, &config, error, sizeof error));
    assert_true(vd_founding_prestate(&prestate_again, &config_again, error, sizeof error));
    assert_true(vd_hash_eq(&prestate, &prestate_again));
    assert_int_equal(config_again.genesis_l2_time, 1700000000);
    assert_int_equal(config_again.genesis_l1.number, 5);
    struct vd_header header;
    struct vd_hash hash;
    assert_int_equal(
        vd_genesis_build(&header, &hash, &arena, &config_again.l2, &genesis_again, NULL, NULL),
        VD_OK);
    assert_memory_equal(hash.b, config.genesis_l2.hash.b, 32);
    assert_memory_equal(config_again.genesis_l2.hash.b, hash.b, 32);
    unlink(rollup_path);
    unlink(genesis_path);
    vd_release(arena.base, ARENA);
}

static const struct vd_genesis_account *
find(const struct vd_genesis *genesis, const struct vd_address *address)
{
    const struct vd_genesis_account *found = NULL;
    for (size_t i = 0; i < genesis->account_count; i++) {
        if (memcmp(genesis->accounts[i].address.b, address->b, 20) == 0) {
            assert_null(found); /* an address stands there once */
            found = &genesis->accounts[i];
        }
    }
    return found;
}

static struct vd_u256
slot(const struct vd_genesis *genesis, const struct vd_address *address, struct vd_u256 key)
{
    const struct vd_genesis_account *account = find(genesis, address);
    assert_non_null(account);
    for (size_t i = 0; i < account->slot_count; i++) {
        if (vd_u256_eq(&account->slots[i].key, &key)) {
            return account->slots[i].value;
        }
    }
    return vd_u256(0);
}

static void
assert_slot(const struct vd_genesis *genesis, const struct vd_address *address, uint64_t key,
            const char *expected)
{
    uint8_t word[32];
    char text[65] = {0};
    struct vd_u256 value = slot(genesis, address, vd_u256(key));
    vd_u256_to_be(word, &value);
    vd_hex_encode(text, word, 32);
    assert_string_equal(text, expected);
}

static void
found_dev_like(struct vd_founded *founded, struct vd_arena *arena)
{
    struct vd_founding founding = dev_like();
    struct vd_l1_ref start = {.hash = {{7}}, .number = 5, .timestamp = 1700000000};
    vd_arena_init(arena, vd_reserve(ARENA), ARENA);
    if (!vd_found(founded, arena, &founding, &start, error, sizeof error)) {
        fail_msg("%s", error);
    }
}

/* OP Stack specs, predeploys: which addresses are proxies, and what those of use hold. */
static void
test_every_predeploy_stands_in_its_place(void **state)
{
    (void)state;
    struct vd_arena arena;
    struct vd_founded founded;
    found_dev_like(&founded, &arena);
    const struct vd_genesis *g = &founded.genesis;
    const struct vd_artifact *proxy = vd_artifact_find("Proxy");
    struct vd_u256 admin_key = vd_u256_from_be(VD_SLOT_PROXY_ADMIN.b);
    struct vd_u256 admin = vd_u256_from_slice(vd_slice(VD_L2_PROXY_ADMIN.b, 20));
    for (unsigned i = 0; i < 2048; i++) {
        struct vd_address address = VD_PREDEPLOY_BASE;
        address.b[18] = (uint8_t)(i >> 8);
        address.b[19] = (uint8_t)i;
        const struct vd_genesis_account *account = find(g, &address);
        if (i == 0x42) {
            assert_null(account);
            continue;
        }
        assert_non_null(account);
        bool is_proxy = account->code.len == proxy->code_len &&
                        memcmp(account->code.ptr, proxy->code, proxy->code_len) == 0;
        assert_int_equal(is_proxy, i != 6);
        struct vd_u256 found = slot(g, &address, admin_key);
        assert_int_equal(vd_u256_eq(&found, &admin), is_proxy);
        assert_int_equal(account->nonce, 0);
    }
    vd_release(arena.base, ARENA);
}

/* Slots: OP Stack specs, predeploys and L2 genesis; the fee vaults' packing is their contract's. */
static void
test_predeploys_hold_what_their_initializers_would_write(void **state)
{
    (void)state;
    struct vd_arena arena;
    struct vd_founded founded;
    found_dev_like(&founded, &arena);
    const struct vd_genesis *g = &founded.genesis;
    assert_slot(g, &VD_L2_CROSS_DOMAIN_MESSENGER, 204,
                "000000000000000000000000000000000000000000000000000000000000dead");
    assert_slot(g, &VD_L2_CROSS_DOMAIN_MESSENGER, 207,
                "0000000000000000000000000a00000000000000000000000000000000000000");
    assert_slot(g, &VD_L2_STANDARD_BRIDGE, 3,
                "0000000000000000000000004200000000000000000000000000000000000007");
    assert_slot(g, &VD_L2_STANDARD_BRIDGE, 4,
                "0000000000000000000000000b00000000000000000000000000000000000000");
    assert_slot(g, &VD_L2_ERC721_BRIDGE, 2,
                "0000000000000000000000000c00000000000000000000000000000000000000");
    assert_slot(g, &VD_GAS_PRICE_ORACLE, 0,
                "0000000000000000000000000000000000000000000000000000000000010101");
    assert_slot(g, &VD_L2_PROXY_ADMIN, 0,
                "0000000000000000000000000600000000000000000000000000000000000000");
    assert_slot(g, &VD_SEQUENCER_FEE_VAULT, 2,
                "0000000000000000000000010200000000000000000000000000000000000000");
    assert_slot(g, &VD_L1_FEE_VAULT, 1,
                "0000000000000000000000000000000000000000000000000000000000000007");
    assert_slot(g, &VD_L1_FEE_VAULT, 2,
                "0000000000000000000000000400000000000000000000000000000000000000");
    struct vd_address implementation = VD_CODE_NAMESPACE;
    implementation.b[19] = 0x07;
    const struct vd_artifact *messenger = vd_artifact_find("L2CrossDomainMessenger");
    const struct vd_genesis_account *account = find(g, &implementation);
    assert_non_null(account);
    assert_int_equal(account->code.len, messenger->code_len);
    assert_int_equal(account->slot_count, 1); /* its initializer is locked */
    vd_release(arena.base, ARENA);
}

/* The domain separator: hashDomain of viem 2.56.9 for chain 901. */
static void
test_permit2_knows_the_chain(void **state)
{
    (void)state;
    static const char domain[] = "48deb34b39fb4b41f5c195008940d5ef510cdd7853eba5807b2fa08dfd586475";
    struct vd_arena arena;
    struct vd_founded founded;
    uint8_t expected[32];
    found_dev_like(&founded, &arena);
    const struct vd_genesis_account *account = find(&founded.genesis, &VD_PREINSTALL_PERMIT2);
    assert_int_equal(vd_hex_decode(expected, 32, domain, 64), VD_OK);
    assert_non_null(account);
    bool stands = false;
    for (size_t i = 0; i + 32 <= account->code.len; i++) {
        stands = stands || memcmp(account->code.ptr + i, expected, 32) == 0;
    }
    assert_true(stands);
    vd_release(arena.base, ARENA);
}

/* The same founder's file gives the same chain, every setting of L2 another one. */
static void
test_the_genesis_is_a_function_of_the_settings(void **state)
{
    (void)state;
    struct vd_arena arena;
    struct vd_founded first;
    struct vd_founded again;
    found_dev_like(&first, &arena);
    struct vd_l1_ref start = {.hash = {{7}}, .number = 5, .timestamp = 1700000000};
    const struct vd_hash *hash = &first.config.genesis_l2.hash;
    struct vd_founding f = dev_like();
    assert_true(vd_found(&again, &arena, &f, &start, error, sizeof error));
    assert_true(vd_hash_eq(hash, &again.config.genesis_l2.hash));
    assert_true(vd_hash_eq(&first.output_root, &again.output_root));
    f.operator_fee_vault.network ^= 1;
    assert_true(vd_found(&again, &arena, &f, &start, error, sizeof error));
    assert_false(vd_hash_eq(hash, &again.config.genesis_l2.hash));
    f = dev_like();
    f.l1.l1_erc721_bridge.b[19] = 1;
    assert_true(vd_found(&again, &arena, &f, &start, error, sizeof error));
    assert_false(vd_hash_eq(hash, &again.config.genesis_l2.hash));
    f = dev_like();
    f.l2_chain_id = 902; /* Permit2's domain */
    assert_true(vd_found(&again, &arena, &f, &start, error, sizeof error));
    assert_false(vd_hash_eq(hash, &again.config.genesis_l2.hash));
    vd_release(arena.base, ARENA);
}

/* Funds for an account that stands there already are added to it. */
static void
test_a_funded_precompile_has_one_account(void **state)
{
    (void)state;
    struct vd_arena arena;
    struct vd_founded founded;
    struct vd_founding f = dev_like();
    struct vd_genesis_account funded = {.address = {{[19] = 9}}, .balance = vd_u256(41)};
    struct vd_l1_ref start = {.hash = {{7}}, .timestamp = 1700000000};
    f.funded = &funded;
    vd_arena_init(&arena, vd_reserve(ARENA), ARENA);
    assert_true(vd_found(&founded, &arena, &f, &start, error, sizeof error));
    const struct vd_genesis_account *account = find(&founded.genesis, &funded.address);
    struct vd_u256 sum = vd_u256(42);
    assert_true(vd_u256_eq(&account->balance, &sum));
    vd_release(arena.base, ARENA);
}

static void
test_a_bond_that_no_game_can_hold_is_refused(void **state)
{
    (void)state;
    struct vd_founding f = dev_like();
    f.proposer = f.unsafe_block_signer = f.system_owner = (struct vd_address){{13}};
    f.guardian = (struct vd_address){{14}};
    f.game_max_depth = 4;
    f.game_split_depth = 2;
    f.game_clock_s = 1;
    f.preimage_min_bytes = 136;
    f.game_bond = (struct vd_u256){{UINT64_MAX, UINT32_MAX, 0, 0}};
    assert_true(vd_founding_check_deploy(&f, error, sizeof error));
    f.game_bond = (struct vd_u256){{0, (uint64_t)1 << 32, 0, 0}};
    assert_false(vd_founding_check_deploy(&f, error, sizeof error));
    assert_non_null(strstr(error, "disputeGameInitBond"));
}

static bool
reads(struct vd_file_read *r, const char *extra)
{
    char path[] = "config-XXXXXX";
    int fd = mkstemp(path);
    struct vd_founding f;
    assert_true(dprintf(fd,
                        "{\"l1ChainID\": 900, \"l2ChainID\": 901, \"l1FeeVaultRecipient\": "
                        "\"0x%040d\", \"batchSenderAddress\": \"0x%040d\", "
                        "\"batchInboxAddress\": \"0x%040d\", \"%s\": 5}",
                        1, 2, 3, extra) > 0);
    close(fd);
    error[0] = '\0';
    bool read = vd_founding_read(r, &f, path);
    unlink(path);
    return read;
}

static void
test_a_mistyped_key_is_found(void **state)
{
    (void)state;
    struct vd_arena arena;
    vd_arena_init(&arena, vd_reserve(ARENA), ARENA);
    struct vd_file_read r = {.arena = &arena, .error = error, .error_len = sizeof error};
    assert_true(reads(&r, "proofMaturityDelaySeconds"));
    assert_string_equal(r.unknown, "");
    assert_true(reads(&r, "proofMaturityDelaySecond"));
    assert_string_equal(r.unknown, "proofMaturityDelaySecond");
    vd_release(arena.base, ARENA);
}

static void
refuses(const char *text, const char *fragment)
{
    struct vd_arena arena;
    vd_arena_init(&arena, vd_reserve(ARENA), ARENA);
    char path[] = "bad-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct vd_file_read r = {.arena = &arena, .error = error, .error_len = sizeof error};
    struct vd_rollup_config config;
    error[0] = '\0';
    assert_false(vd_rollup_json_read(&r, &config, path));
    if (!strstr(error, fragment)) {
        fail_msg("'%s' does not say '%s'", error, fragment);
    }
    unlink(path);
    vd_release(arena.base, ARENA);
}

static void
test_a_bad_rollup_file_is_refused_by_name(void **state)
{
    (void)state;
    refuses("", "line");
    refuses("[]", "expected a JSON object");
    refuses("{}", "'genesis' must be an object");
    refuses("{\"genesis\":{\"l1\":{\"hash\":\"0x12\",\"number\":1}}}",
            "'hash' must be 0x and 64 hex digits");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dev_keys_have_the_dev_addresses),
        cmocka_unit_test(test_a_founded_chain_survives_its_files),
        cmocka_unit_test(test_every_predeploy_stands_in_its_place),
        cmocka_unit_test(test_predeploys_hold_what_their_initializers_would_write),
        cmocka_unit_test(test_permit2_knows_the_chain),
        cmocka_unit_test(test_the_genesis_is_a_function_of_the_settings),
        cmocka_unit_test(test_a_funded_precompile_has_one_account),
        cmocka_unit_test(test_a_bond_that_no_game_can_hold_is_refused),
        cmocka_unit_test(test_a_mistyped_key_is_found),
        cmocka_unit_test(test_a_bad_rollup_file_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
