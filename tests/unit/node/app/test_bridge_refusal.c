/* Reverts by the contracts' names.  The selectors are those that foundry's `cast sig` gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/app/bridge.h"

static struct bridge_refusal
refusal(const char *hex)
{
    uint8_t data[300];
    size_t len = strlen(hex) / 2;
    assert_true(len <= sizeof data);
    assert_int_equal(vd_hex_decode(data, len, hex, 2 * len), VD_OK);
    return bridge_refusal(vd_slice(data, len));
}

#define WORD "00000000000000000000000000000000000000000000000000000000000000"

static void
test_errors_are_named_by_their_selectors(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        const char *text;
    } table[] = {
        {"c5defbad", "OptimismPortal_BadTarget: the withdrawal's target is the portal"},
        {"b9c3c2ef", "OptimismPortal_CallPaused: the guardian has paused"},
        {"cca6afda", "OptimismPortal_Unproven: "},
        {"d9bc01be", "OptimismPortal_ProofNotOldEnough: the delay after the proof"},
        {"332a57f8", "OptimismPortal_InvalidRootClaim: "},
        {"b4caa4e5", "OptimismPortal_InvalidProofTimestamp: "},
        {"77ebef4d", "OutOfGas: "},
        {"2e5321ac", "AnchorStateRegistry_Unauthorized: only the guardian"},
        {"f2440b53", "ClockNotExpired: the game's clock is not over"},
        {"c07c26d2", "NoMessage"},
        {"195a3ca1" WORD "05" WORD "07",
         "WrongValue: another amount of ether is attached than it says, 0x" WORD "05" WORD "07"},
        {"e450d38c" WORD "01" WORD "02" WORD "03",
         "ERC20InsufficientBalance: the account has fewer tokens, 0x" WORD "01"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bridge_refusal out = refusal(table[i].data);
        assert_memory_equal(out.text, table[i].text, strlen(table[i].text));
    }
}

static void
test_an_unknown_error_shows_its_data(void **state)
{
    (void)state;
    assert_string_equal(refusal("9ade1a7a").text, "reverted with 0x9ade1a7a");
    assert_string_equal(refusal("9ade1a7a" WORD "05").text, "reverted with 0x9ade1a7a" WORD "05");
    struct bridge_refusal out =
        refusal("9ade1a7a" WORD "01" WORD "02" WORD "03" WORD "04" WORD "05");
    assert_string_equal(out.text,
                        "reverted with 0x9ade1a7a" WORD "01" WORD "02" WORD "03" WORD "04…");
}

/* The node says these in words. */
static void
test_what_is_no_custom_error_is_left_to_the_nodes_text(void **state)
{
    (void)state;
    assert_string_equal(refusal("").text, "");
    assert_string_equal(refusal("c5defb").text, "");
    assert_string_equal(refusal("08c379a0" WORD "20" WORD "00").text, "");
    assert_string_equal(refusal("4e487b71" WORD "11").text, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_are_named_by_their_selectors),
        cmocka_unit_test(test_an_unknown_error_shows_its_data),
        cmocka_unit_test(test_what_is_no_custom_error_is_left_to_the_nodes_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
