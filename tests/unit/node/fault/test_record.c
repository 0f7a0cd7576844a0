/* The record of preimages, the embedded image and the prestate made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/fault/image.h"
#include "viaduct/node/fault/prestate.h"
#include "viaduct/node/fault/record.h"

static struct vd_slice
text(const char *t)
{
    return vd_slice((const uint8_t *)t, strlen(t));
}

static void
assert_value(const struct vd_record *record, const struct vd_hash *key, struct vd_slice want)
{
    struct vd_slice value;
    assert_int_equal(vd_record_get(record, &value, key), VD_OK);
    assert_true(vd_slice_eq(value, want));
}

static void
test_record_takes_what_hashes_to_its_key(void **state)
{
    struct vd_record *record = NULL;
    struct vd_slice value;
    struct vd_hash hash = vd_keccak256(text("abc"));
    struct vd_hash key = vd_key_typed(VD_KEY_KECCAK, &hash);
    (void)state;
    assert_int_equal(vd_record_new(&record), VD_OK);
    assert_int_equal(vd_record_get(record, &value, &key), VD_ERR_NOT_FOUND);
    assert_int_equal(vd_record_put(record, &key, text("abd")), VD_ERR_MISMATCH);
    assert_int_equal(vd_record_count(record), 0);
    assert_int_equal(vd_record_put(record, &key, text("abc")), VD_OK);
    assert_int_equal(vd_record_put(record, &key, text("abc")), VD_OK);
    assert_value(record, &key, text("abc"));
    assert_int_equal(vd_record_count(record), 1);
    assert_int_equal(vd_record_bytes(record), 3);
    /* The hash's own first byte makes no difference: it gave way to the type. */
    hash.b[0] ^= 0xff;
    struct vd_hash same = vd_key_typed(VD_KEY_KECCAK, &hash);
    assert_value(record, &same, text("abc"));
    /* Nothing at all is a preimage too. */
    hash = vd_keccak256(text(""));
    key = vd_key_typed(VD_KEY_KECCAK, &hash);
    assert_int_equal(vd_record_put(record, &key, text("")), VD_OK);
    assert_value(record, &key, text(""));
    vd_record_free(record);
}

static void
test_record_asks_a_question_again(void **state)
{
    struct vd_record *record = NULL;
    struct vd_question q = {.l1_head = {{1}},
                            .agreed_root = {{2}},
                            .claimed_root = {{3}},
                            .claimed_block = 0x1122334455667788};
    (void)state;
    assert_int_equal(vd_record_new(&record), VD_OK);
    assert_int_equal(vd_record_ask(record, &q, 901), VD_OK);
    q.claimed_root = (struct vd_hash){{4}};
    assert_int_equal(vd_record_ask(record, &q, 901), VD_OK);
    assert_int_equal(vd_record_count(record), 5);
    assert_int_equal(vd_record_bytes(record), 3 * 32 + 2 * 8);
    struct vd_hash key = vd_key_local(VD_LOCAL_CLAIMED_ROOT);
    assert_value(record, &key, vd_slice(q.claimed_root.b, 32));
    key = vd_key_local(VD_LOCAL_CLAIMED_BLOCK);
    assert_value(record, &key, text("\x11\x22\x33\x44\x55\x66\x77\x88"));
    key = vd_key_local(VD_LOCAL_L1_HEAD);
    assert_value(record, &key, vd_slice(q.l1_head.b, 32));
    vd_record_free(record);
}

/* --- the prestate --- */

static struct vd_hash
prestate_hash(const struct vd_rollup_config *config)
{
    struct vd_machine *m = NULL;
    struct vd_slice image;
    char why[100] = "";
    uint8_t bytes[VD_CONFIG_MAX_BYTES];
    uint8_t state[VD_VM_STATE_BYTES];
    assert_int_equal(vd_guest_image(&image), VD_OK);
    assert_int_equal(vd_prestate_new(&m, why, sizeof why, image, config), VD_OK);
    size_t len = vd_rollup_config_encode(bytes, config);
    const uint8_t *memory = vd_machine_memory(m);
    assert_int_equal(vd_load_le32(memory + VD_VM_CONFIG), len);
    assert_memory_equal(memory + VD_VM_CONFIG + 4, bytes, len);
    assert_int_equal(vd_machine_registers(m)->pc, VD_VM_TEXT_LO);
    assert_int_equal(vd_machine_registers(m)->step, 0);
    vd_machine_state(m, state);
    vd_machine_free(m);
    return vd_vm_state_hash(state);
}

static void
test_prestate_holds_the_configuration(void **state)
{
    struct vd_rollup_config config = {.block_time_s = 2};
    (void)state;
    struct vd_hash one = prestate_hash(&config);
    struct vd_hash again = prestate_hash(&config);
    config.block_time_s = 1;
    struct vd_hash other = prestate_hash(&config);
    assert_true(vd_hash_eq(&one, &again));
    assert_false(vd_hash_eq(&one, &other));
    assert_int_equal(one.b[0], VD_VM_UNFINISHED);
}

static void
test_prestate_refuses_what_is_no_image(void **state)
{
    struct vd_rollup_config config = {0};
    struct vd_machine *m = NULL;
    struct vd_slice image;
    char why[100] = "";
    (void)state;
    assert_int_equal(vd_guest_image(&image), VD_OK);
    assert_int_equal(vd_prestate_new(&m, why, sizeof why, text("none"), &config), VD_ERR_INVALID);
    assert_string_not_equal(why, "");
    image.len /= 2;
    assert_int_equal(vd_prestate_new(&m, why, sizeof why, image, &config), VD_ERR_INVALID);
    assert_null(m);
}

/* The guest checks its configuration before it reads anything. */
static void
test_guest_panics_over_a_configuration_that_is_none(void **state)
{
    struct vd_rollup_config config = {0};
    struct vd_machine *m = NULL;
    struct vd_record *record = NULL;
    struct vd_vm_host host;
    struct vd_slice image;
    char why[100] = "";
    (void)state;
    assert_int_equal(vd_record_new(&record), VD_OK);
    vd_record_host(&host, record);
    assert_int_equal(vd_guest_image(&image), VD_OK);
    assert_int_equal(vd_prestate_new(&m, why, sizeof why, image, &config), VD_OK);
    assert_int_equal(vd_machine_run(m, UINT64_MAX, &host), VD_OK);
    assert_true(vd_machine_registers(m)->exited);
    assert_int_equal(vd_machine_registers(m)->exit_code, VD_VM_PANIC);
    vd_machine_free(m);
    vd_record_free(record);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_takes_what_hashes_to_its_key),
        cmocka_unit_test(test_record_asks_a_question_again),
        cmocka_unit_test(test_prestate_holds_the_configuration),
        cmocka_unit_test(test_prestate_refuses_what_is_no_image),
        cmocka_unit_test(test_guest_panics_over_a_configuration_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
