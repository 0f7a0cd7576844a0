/* Calls and answers in Solidity's ABI, against examples of its specification and of the OP Stack's
   contracts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "viaduct/node/l1/abi.h"

static void
from_hex(uint8_t *out, size_t len, const char *text)
{
    assert_int_equal(vd_hex_decode(out, len, text, strlen(text)), VD_OK);
}

/* The specification's example: sam("dave", true, [1, 2, 3]), without the array. */
static void
test_a_call_is_a_selector_words_and_tails(void **state)
{
    (void)state;
    static const char expected[] =
        "a5643bf2"
        "0000000000000000000000000000000000000000000000000000000000000040"
        "0000000000000000000000000000000000000000000000000000000000000001"
        "0000000000000000000000000000000000000000000000000000000000000004"
        "6461766500000000000000000000000000000000000000000000000000000000";
    uint8_t bytes[132];
    struct vd_abi abi;
    from_hex(bytes, sizeof bytes, expected);
    vd_abi_call(&abi, 0xa5643bf2);
    vd_abi_u64(&abi, 64);
    vd_abi_u64(&abi, 1);
    vd_abi_bytes(&abi, vd_slice((const uint8_t *)"dave", 4));
    assert_int_equal(abi.err, VD_OK);
    assert_true(vd_slice_eq(vd_abi_view(&abi), vd_slice(bytes, sizeof bytes)));
    struct vd_slice dave;
    assert_true(vd_abi_read_bytes(&dave, vd_slice(bytes + 4, 128), 0, 0));
    assert_true(vd_slice_eq(dave, vd_slice((const uint8_t *)"dave", 4)));
    vd_abi_deinit(&abi);
}

static void
assert_call(struct vd_abi *abi, const char *hex)
{
    uint8_t expected[512];
    size_t len = strlen(hex) / 2;
    assert_true(len <= sizeof expected);
    from_hex(expected, len, hex);
    assert_int_equal(abi->err, VD_OK);
    assert_true(vd_slice_eq(vd_abi_view(abi), vd_slice(expected, len)));
    vd_abi_deinit(abi);
}

/* Expected bytes: encodeFunctionData of viem 2.56.9. */
static void
test_calls_by_signature_are_those_of_viem(void **state)
{
    (void)state;
    struct vd_abi abi;
    struct vd_address ones;
    struct vd_address twos;
    struct vd_u256 bond = vd_u256(80000000000000000u);
    memset(ones.b, 0x11, 20);
    memset(twos.b, 0x22, 20);
    vd_abi_signature(&abi, "upgradeAndCall(address,address,bytes)");
    vd_abi_address(&abi, &ones);
    vd_abi_address(&abi, &twos);
    vd_abi_u64(&abi, 0x60);
    vd_abi_bytes(&abi, vd_slice((const uint8_t *)"\1\2\3\4\5", 5));
    assert_call(&abi, "9623609d"
                      "0000000000000000000000001111111111111111111111111111111111111111"
                      "0000000000000000000000002222222222222222222222222222222222222222"
                      "0000000000000000000000000000000000000000000000000000000000000060"
                      "0000000000000000000000000000000000000000000000000000000000000005"
                      "0102030405000000000000000000000000000000000000000000000000000000");
    vd_abi_signature(&abi, "setInitBond(uint32,uint256)");
    vd_abi_u64(&abi, 100);
    vd_abi_u256(&abi, &bond);
    assert_call(&abi, "1e334240"
                      "0000000000000000000000000000000000000000000000000000000000000064"
                      "000000000000000000000000000000000000000000000000011c37937e080000");
}

/* A tail of whole words gets no padding, an empty one only its length. */
static void
test_a_tail_ends_on_a_word(void **state)
{
    (void)state;
    static const uint8_t bytes[64];
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct vd_abi abi = {.err = VD_OK};
        vd_abi_bytes(&abi, vd_slice(bytes, len));
        assert_int_equal(abi.len, 32 + (len + 31) / 32 * 32);
        vd_abi_deinit(&abi);
    }
}

static void
test_words_out_of_range_are_refused(void **state)
{
    (void)state;
    uint8_t word[32];
    uint64_t number = 0;
    bool flag = false;
    struct vd_address address;
    struct vd_slice bytes;
    memset(word, 0xff, sizeof word);
    struct vd_slice data = vd_slice(word, sizeof word);
    assert_false(vd_abi_read_u64(&number, data, 0));
    assert_false(vd_abi_read_bool(&flag, data, 0));
    assert_false(vd_abi_read_address(&address, data, 0));
    assert_false(vd_abi_read_bytes(&bytes, data, 0, 0));
    memset(word, 0, sizeof word);
    word[31] = 2;
    assert_true(vd_abi_read_u64(&number, data, 0));
    assert_int_equal(number, 2);
    assert_false(vd_abi_read_bool(&flag, data, 0));
    assert_false(vd_abi_read_u64(&number, data, 1)); /* past the end */
    assert_false(vd_abi_read_u64(&number, vd_slice(NULL, 0), 0));
    assert_false(vd_abi_read_u64(&number, data, SIZE_MAX));
}

/* findLatestGames of a factory with one game of type 100, for L2 block 0x4d. */
static void
test_games_of_the_factory_are_read(void **state)
{
    (void)state;
    static const char answer[] = "0000000000000000000000000000000000000000000000000000000000000020"
                                 "0000000000000000000000000000000000000000000000000000000000000001"
                                 "0000000000000000000000000000000000000000000000000000000000000020"
                                 "0000000000000000000000000000000000000000000000000000000000000003"
                                 "00000064000000006553f100aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                 "000000000000000000000000000000000000000000000000000000006553f100"
                                 "1111111111111111111111111111111111111111111111111111111111111111"
                                 "00000000000000000000000000000000000000000000000000000000000000a0"
                                 "0000000000000000000000000000000000000000000000000000000000000020"
                                 "000000000000000000000000000000000000000000000000000000000000004d";
    uint8_t bytes[320];
    size_t count = 0;
    struct vd_abi_game game;
    from_hex(bytes, sizeof bytes, answer);
    struct vd_slice data = vd_slice(bytes, sizeof bytes);
    assert_true(vd_abi_game_count(&count, data));
    assert_int_equal(count, 1);
    assert_true(vd_abi_game_at(&game, data, 0));
    assert_int_equal(game.index, 3);
    assert_int_equal(game.type, 100);
    assert_int_equal(game.timestamp, 1700000000);
    assert_int_equal(game.proxy.b[0], 0xaa);
    assert_int_equal(game.root.b[31], 0x11);
    assert_true(game.has_block);
    assert_int_equal(game.l2_block, 0x4d);
    assert_false(vd_abi_game_at(&game, data, 1));
    for (size_t len = 0; len < sizeof bytes; len++) { /* cut anywhere: never read past the end */
        (void)vd_abi_game_at(&game, vd_slice(bytes, len), 0);
    }
    assert_false(vd_abi_game_at(&game, vd_slice(bytes, 256), 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_is_a_selector_words_and_tails),
        cmocka_unit_test(test_calls_by_signature_are_those_of_viem),
        cmocka_unit_test(test_a_tail_ends_on_a_word),
        cmocka_unit_test(test_words_out_of_range_are_refused),
        cmocka_unit_test(test_games_of_the_factory_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
