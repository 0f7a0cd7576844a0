/* Addresses of created contracts, delegation designators, precompile lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/vectors.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/evm/evm.h"

static struct vd_address
address_of(const char *hex)
{
    struct vd_address address;
    vd_unhex_fixed(address.b, sizeof address.b, hex);
    return address;
}

/* The first contracts of one account, as go-ethereum's crypto_test.go has them
   (TestNewContractAddress). */
static void
test_create_address_is_that_of_known_contracts(void **state)
{
    (void)state;
    struct vd_address sender = address_of("970e8128ab834e8eac17ab8e3812f010678cf791");
    static const char *const expected[] = {"333c3310824b7c685133f2bedb2ca4b8b4df633d",
                                           "8bda78331c916a08481428e4b07c96d3e916d165",
                                           "c9ddedf451bc62ce88bf9292afb13df35b670699"};
    for (uint64_t nonce = 0; nonce < 3; nonce++) {
        struct vd_address made = vd_create_address(&sender, nonce);
        struct vd_address wanted = address_of(expected[nonce]);
        assert_memory_equal(made.b, wanted.b, 20);
    }
}

/* The examples of EIP-1014. */
static void
test_create2_address_is_that_of_the_eip(void **state)
{
    (void)state;
    static const struct {
        const char *sender;
        const char *salt;
        const char *code;
        const char *expected;
    } rows[] = {
        {"0000000000000000000000000000000000000000", "00", "00",
         "4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"},
        {"deadbeef00000000000000000000000000000000", "00", "00",
         "B928f69Bb1D91Cd65274e3c79d8986362984fDA3"},
        {"00000000000000000000000000000000deadbeef", "cafebabe", "deadbeef",
         "60f3f640a8508fC6a86d45DF051962668E1e8AC7"},
        {"0000000000000000000000000000000000000000", "00", "",
         "E33C0C7F7df4809055C3ebA6c09CFe4BaF1BD9e0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vd_address sender = address_of(rows[i].sender);
        struct vd_hash salt = vd_unhex_word(rows[i].salt);
        size_t len;
        uint8_t *code = vd_unhex(rows[i].code, &len);
        struct vd_hash hash = vd_keccak256(vd_slice(code, len));
        struct vd_address made = vd_create2_address(&sender, &salt, &hash);
        struct vd_address wanted = address_of(rows[i].expected);
        assert_memory_equal(made.b, wanted.b, 20);
        free(code);
    }
}

static void
test_delegation_is_exactly_23_bytes_with_its_prefix(void **state)
{
    (void)state;
    uint8_t code[24] = {0xef, 0x01, 0x00, 0x11};
    code[22] = 0x22;
    struct vd_address target;
    assert_true(vd_delegation(&target, vd_slice(code, 23)));
    assert_int_equal(target.b[0], 0x11);
    assert_int_equal(target.b[19], 0x22);
    assert_false(vd_delegation(&target, vd_slice(code, 22)));
    assert_false(vd_delegation(&target, vd_slice(code, 24)));
    code[2] = 1;
    assert_false(vd_delegation(&target, vd_slice(code, 23)));
    assert_false(vd_delegation(&target, vd_slice(NULL, 0)));
}

static void
test_precompiles_are_those_of_the_fork(void **state)
{
    (void)state;
    const struct vd_address *list;
    struct vd_address p256 = {{[18] = 1}};
    struct vd_address bls = {{[19] = 0x11}};
    assert_int_equal(vd_evm_precompiles(vd_evm_rules_l1(VD_EVM_CANCUN), &list), 10);
    assert_int_equal(vd_evm_precompiles(vd_evm_rules_l1(VD_EVM_PRAGUE), &list), 17);
    assert_int_equal(vd_evm_precompiles(vd_evm_rules_l2(VD_EVM_CANCUN), &list), 11);
    assert_int_equal(vd_evm_precompiles(vd_evm_rules_l2(VD_EVM_PRAGUE), &list), 18);
    assert_true(vd_evm_is_precompile(vd_evm_rules_l2(VD_EVM_CANCUN), &p256));
    assert_false(vd_evm_is_precompile(vd_evm_rules_l1(VD_EVM_PRAGUE), &p256));
    assert_true(vd_evm_is_precompile(vd_evm_rules_l1(VD_EVM_PRAGUE), &bls));
    assert_false(vd_evm_is_precompile(vd_evm_rules_l2(VD_EVM_CANCUN), &bls));
    struct vd_address zero = {{0}};
    assert_false(vd_evm_is_precompile(vd_evm_rules_l2(VD_EVM_PRAGUE), &zero));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_address_is_that_of_known_contracts),
        cmocka_unit_test(test_create2_address_is_that_of_the_eip),
        cmocka_unit_test(test_delegation_is_exactly_23_bytes_with_its_prefix),
        cmocka_unit_test(test_precompiles_are_those_of_the_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
