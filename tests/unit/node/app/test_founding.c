#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/app/founding.h"
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
        cmocka_unit_test(test_a_bad_rollup_file_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
