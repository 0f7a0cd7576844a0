/* The embedded artifacts: what is there, and that its bytes are those of the published contracts.
 */
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/artifacts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Code hashes from outside: EIP-2935's stands in the OP Stack's Isthmus upgrade, EIP-4788's is
   what every block explorer shows. */
static const struct {
    const char *name;
    uint8_t hash[32];
} published[] = {
    {"HistoryStorage", {0x6e, 0x49, 0xe6, 0x67, 0x82, 0x03, 0x7c, 0x05, 0x55, 0x89, 0x78,
                        0x70, 0xe2, 0x9f, 0xa5, 0xe5, 0x52, 0xda, 0xf4, 0x71, 0x95, 0x52,
                        0x13, 0x1a, 0x0a, 0xbc, 0xe7, 0x79, 0xda, 0xec, 0x0a, 0x5d}},
    {"BeaconRoots", {0xf5, 0x7a, 0xcd, 0x40, 0x25, 0x98, 0x72, 0x60, 0x6d, 0x76, 0x19,
                     0x7e, 0xf0, 0x52, 0xf3, 0xd3, 0x55, 0x88, 0xda, 0xdf, 0x91, 0x9e,
                     0xe1, 0xf0, 0xe3, 0xcb, 0x9b, 0x62, 0xd3, 0xf4, 0xb0, 0x2c}},
};

static void
test_system_contracts_hash_as_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        const struct vd_artifact *artifact = vd_artifact_find(published[i].name);
        assert_non_null(artifact);
        struct vd_hash hash = vd_keccak256(vd_slice(artifact->code, artifact->code_len));
        assert_memory_equal(hash.b, published[i].hash, 32);
        assert_null(artifact->init);
        assert_int_equal(artifact->init_len, 0);
    }
}

static void
test_request_contracts_check_the_system_caller_first(void **state)
{
    (void)state;
    /* EIP-7002 and EIP-7251: both begin with CALLER, PUSH20 of the system address, EQ. */
    uint8_t head[23] = {0x33, 0x73, [22] = 0x14};
    memset(head + 2, 0xff, 20);
    head[21] = 0xfe;
    static const char *const names[] = {"WithdrawalRequests", "ConsolidationRequests"};
    for (size_t i = 0; i < 2; i++) {
        const struct vd_artifact *artifact = vd_artifact_find(names[i]);
        assert_non_null(artifact);
        assert_true(artifact->code_len > sizeof head);
        assert_memory_equal(artifact->code, head, sizeof head);
    }
}

static void
test_own_contracts_have_both_codes(void **state)
{
    (void)state;
    static const char *const names[] = {"L1Block", "L2ToL1MessagePasser", "LogSource"};
    for (size_t i = 0; i < 3; i++) {
        const struct vd_artifact *artifact = vd_artifact_find(names[i]);
        assert_non_null(artifact);
        assert_string_equal(artifact->name, names[i]);
        /* None has a constructor argument or an immutable, so the creation code ends with the
           runtime code. */
        assert_true(artifact->code_len > 0 && artifact->init_len > artifact->code_len);
        assert_memory_equal(artifact->init + artifact->init_len - artifact->code_len,
                            artifact->code, artifact->code_len);
    }
}

static void
test_unknown_name_is_null(void **state)
{
    (void)state;
    assert_null(vd_artifact_find("Nothing"));
    assert_null(vd_artifact_find(""));
    assert_null(vd_artifact_find("L1Bloc"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_system_contracts_hash_as_published),
        cmocka_unit_test(test_request_contracts_check_the_system_caller_first),
        cmocka_unit_test(test_own_contracts_have_both_codes),
        cmocka_unit_test(test_unknown_name_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
