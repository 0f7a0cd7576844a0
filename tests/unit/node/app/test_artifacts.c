/* The contracts that the program carries. */
#include "viaduct/node/platform/artifacts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "viaduct/core/crypto/keccak.h"

static void
test_system_contracts_have_their_published_code(void **state)
{
    (void)state;
    /* BeaconRoots: the code of EIP-4788.  HistoryStorage: the hash that the rollup protocol's
       Isthmus upgrade states (OP Stack specs, isthmus derivation). */
    static const struct {
        const char *name;
        struct vd_hash hash;
    } cases[] = {
        {"BeaconRoots", {{0xf5, 0x7a, 0xcd, 0x40, 0x25, 0x98, 0x72, 0x60, 0x6d, 0x76, 0x19,
                          0x7e, 0xf0, 0x52, 0xf3, 0xd3, 0x55, 0x88, 0xda, 0xdf, 0x91, 0x9e,
                          0xe1, 0xf0, 0xe3, 0xcb, 0x9b, 0x62, 0xd3, 0xf4, 0xb0, 0x2c}}},
        {"HistoryStorage", {{0x6e, 0x49, 0xe6, 0x67, 0x82, 0x03, 0x7c, 0x05, 0x55, 0x89, 0x78,
                             0x70, 0xe2, 0x9f, 0xa5, 0xe5, 0x52, 0xda, 0xf4, 0x71, 0x95, 0x52,
                             0x13, 0x1a, 0x0a, 0xbc, 0xe7, 0x79, 0xda, 0xec, 0x0a, 0x5d}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct vd_artifact *artifact = vd_artifact_find(cases[i].name);
        assert_non_null(artifact);
        struct vd_hash hash = vd_keccak256(vd_slice(artifact->code, artifact->code_len));
        assert_memory_equal(hash.b, cases[i].hash.b, 32);
        assert_int_equal(artifact->init_len, 0);
    }
}

static void
test_every_name_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {"L1Block",
                                        "L2ToL1MessagePasser",
                                        "LogSource",
                                        "BeaconRoots",
                                        "HistoryStorage",
                                        "WithdrawalRequests",
                                        "ConsolidationRequests"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct vd_artifact *artifact = vd_artifact_find(names[i]);
        assert_non_null(artifact);
        assert_string_equal(artifact->name, names[i]);
        assert_true(artifact->code_len > 0);
    }
    assert_null(vd_artifact_find("Nothing"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_system_contracts_have_their_published_code),
        cmocka_unit_test(test_every_name_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
