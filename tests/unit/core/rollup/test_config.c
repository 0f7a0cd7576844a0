/* The configuration as bytes: the part of it that prestates commit to. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/core/rollup/config.h"

static struct vd_random random_source;

#define RANDOM_BYTES(field) vd_random_bytes(r, (void *)&(field), sizeof(field))

static void
random_chain(struct vd_random *r, struct vd_chain_config *c)
{
    c->chain_id = vd_random_u64(r);
    c->is_l2 = vd_random_below(r, 2) == 1;
    c->unknown_fork_time = vd_random_u64(r);
    c->cancun_time = vd_random_u64(r);
    c->prague_time = vd_random_u64(r);
    c->blob_count = (uint32_t)vd_random_below(r, VD_MAX_BLOB_PARAMS + 1);
    for (uint32_t i = 0; i < c->blob_count; i++) {
        c->blobs[i].from_time = vd_random_u64(r);
        c->blobs[i].target = (uint32_t)vd_random_u64(r);
        c->blobs[i].max = (uint32_t)vd_random_u64(r);
        c->blobs[i].update_fraction = vd_random_u64(r);
    }
    RANDOM_BYTES(c->deposit_contract);
    c->holocene_time = vd_random_u64(r);
    c->isthmus_time = vd_random_u64(r);
    c->eip1559_elasticity = (uint32_t)vd_random_u64(r);
    c->eip1559_denominator_canyon = (uint32_t)vd_random_u64(r);
}

/* Every field, so that one which the encoding forgets shows. */
static void
random_config(struct vd_random *r, struct vd_rollup_config *c)
{
    memset(c, 0, sizeof *c);
    RANDOM_BYTES(c->genesis_l1.hash);
    c->genesis_l1.number = vd_random_u64(r);
    RANDOM_BYTES(c->genesis_l2.hash);
    c->genesis_l2.number = vd_random_u64(r);
    c->genesis_l2_time = vd_random_u64(r);
    RANDOM_BYTES(c->genesis_system_config.batcher);
    RANDOM_BYTES(c->genesis_system_config.scalar);
    c->genesis_system_config.gas_limit = vd_random_u64(r);
    c->genesis_system_config.eip1559.denominator = (uint32_t)vd_random_u64(r);
    c->genesis_system_config.eip1559.elasticity = (uint32_t)vd_random_u64(r);
    c->genesis_system_config.operator_fee_scalar = (uint32_t)vd_random_u64(r);
    c->genesis_system_config.operator_fee_constant = vd_random_u64(r);
    c->block_time_s = vd_random_u64(r);
    c->max_sequencer_drift_s = vd_random_u64(r);
    c->seq_window_size = vd_random_u64(r);
    c->channel_timeout = vd_random_u64(r);
    c->l1_chain_id = vd_random_u64(r);
    RANDOM_BYTES(c->batch_inbox);
    RANDOM_BYTES(c->deposit_contract);
    RANDOM_BYTES(c->l1_system_config);
    RANDOM_BYTES(c->protocol_versions);
    random_chain(r, &c->l2);
    random_chain(r, &c->l1);
    c->pectra_blob_schedule_time = vd_random_u64(r);
}

static void
test_config_bytes_round_trip(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        static struct vd_rollup_config config;
        static struct vd_rollup_config again;
        uint8_t bytes[VD_CONFIG_MAX_BYTES];
        random_config(&random_source, &config);
        size_t len = vd_rollup_config_encode(bytes, &config);
        assert_true(len <= sizeof bytes);
        memset(&again, 0, sizeof again);
        assert_int_equal(vd_rollup_config_decode(&again, vd_slice(bytes, len)), VD_OK);
        assert_memory_equal(&again, &config, sizeof config);
    }
}

static void
test_config_bytes_cut_or_with_more_are_refused(void **state)
{
    struct vd_rollup_config config;
    struct vd_rollup_config again;
    uint8_t bytes[VD_CONFIG_MAX_BYTES + 1] = {0};
    (void)state;
    random_config(&random_source, &config);
    size_t len = vd_rollup_config_encode(bytes, &config);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(vd_rollup_config_decode(&again, vd_slice(bytes, i)), VD_ERR_INVALID);
    assert_int_equal(vd_rollup_config_decode(&again, vd_slice(bytes, len + 1)), VD_ERR_INVALID);
}

/* Offsets follow from the order of the fields and their widths. */
static void
test_config_bytes_with_bad_flags_are_refused(void **state)
{
    const size_t genesis = 1 + 40 + 40 + 8;
    const size_t system = 20 + 32 + 8 + 4 + 4 + 4 + 8;
    const size_t l2 = genesis + system + 5 * 8 + 4 * 20;
    const size_t flag = l2 + 8;
    const size_t blobs = flag + 1 + 3 * 8;
    struct vd_rollup_config config;
    struct vd_rollup_config again;
    uint8_t bytes[VD_CONFIG_MAX_BYTES];
    (void)state;
    random_config(&random_source, &config);
    config.l2.is_l2 = true;
    config.l2.blob_count = VD_MAX_BLOB_PARAMS;
    size_t len = vd_rollup_config_encode(bytes, &config);
    assert_int_equal(bytes[0], 1);
    assert_int_equal(bytes[flag], 1);
    assert_int_equal(bytes[blobs + 3], VD_MAX_BLOB_PARAMS);
    const struct {
        size_t at;
        uint8_t value;
    } cases[] = {{0, 0},         {0, 2},        {0, 0xff},  {flag, 2},     {flag, 0xff},
                 {blobs + 3, 9}, {blobs, 0x80}, {blobs, 1}, {blobs + 3, 7}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t before = bytes[cases[i].at];
        bytes[cases[i].at] = cases[i].value;
        assert_int_equal(vd_rollup_config_decode(&again, vd_slice(bytes, len)), VD_ERR_INVALID);
        bytes[cases[i].at] = before;
    }
    assert_int_equal(vd_rollup_config_decode(&again, vd_slice(bytes, len)), VD_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_bytes_round_trip),
        cmocka_unit_test(test_config_bytes_cut_or_with_more_are_refused),
        cmocka_unit_test(test_config_bytes_with_bad_flags_are_refused),
    };
    random_source = vd_random_start("config");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
