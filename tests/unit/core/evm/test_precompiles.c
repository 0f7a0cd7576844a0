/* The precompiles of this build against the vectors, called as the receiver of a message. */
#include "support/vectors.h"
#include "unit/core/evm/evm_fixture.h"
#include "viaduct/node/platform/curves.h"

static const char *
text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    assert_non_null(value);
    return value;
}

/* Calls the precompile and compares gas and output; then with one gas less, which must fail. */
static void
check(uint64_t address, const char *name, const char *input_hex, const char *output_hex,
      uint64_t gas)
{
    size_t input_len;
    size_t output_len;
    uint8_t *input = vd_unhex(input_hex, &input_len);
    uint8_t *output = vd_unhex(output_hex, &output_len);
    for (uint64_t less = 0; less < 2 && less <= gas; less++) {
        struct fixture fx;
        fixture_init(&fx, gas - less);
        fx.curves = *vd_curves_host();
        fx.message.to = fixture_address(address);
        fx.message.input = vd_slice(input, input_len);
        assert_int_equal(fixture_run(&fx, vd_evm_rules_l1(VD_EVM_PRAGUE), NULL), VD_OK);
        if (less == 0 && (fx.result.status != VD_EVM_SUCCESS || fx.result.gas_left != 0 ||
                          !vd_slice_eq(fx.result.output, vd_slice(output, output_len)))) {
            fail_msg("%s: status %d, gas left %llu", name, (int)fx.result.status,
                     (unsigned long long)fx.result.gas_left);
        }
        if (less == 1) {
            assert_int_equal(fx.result.status, VD_EVM_OUT_OF_GAS);
        }
        fixture_deinit(&fx);
    }
    free(input);
    free(output);
}

static void
check_file(const char *path, uint64_t address, const char *gas_key)
{
    json_t *cases = vd_vectors_json(path);
    size_t i;
    json_t *c;
    json_array_foreach(cases, i, c)
    {
        json_t *gas = json_object_get(c, gas_key);
        assert_true(json_is_integer(gas));
        check(address, text(c, "Name"), text(c, "Input"), text(c, "Expected"),
              (uint64_t)json_integer_value(gas));
    }
    json_decref(cases);
}

static void
test_modexp_matches_the_vectors(void **state)
{
    (void)state;
    check_file("precompiles/go-ethereum/modexp_eip2565.open.json", 5, "Gas");
    check_file("precompiles/evmone/expmod.open.json", 5, "GasEIP2565");
}

static void
test_ecrecover_matches_the_vectors(void **state)
{
    (void)state;
    check_file("precompiles/go-ethereum/ecRecover.open.json", 1, "Gas");
}

static void
test_blake2f_matches_the_vectors(void **state)
{
    (void)state;
    check_file("precompiles/go-ethereum/blake2F.open.json", 9, "Gas");
}

static void
test_malformed_blake2f_takes_all_gas(void **state)
{
    (void)state;
    json_t *cases = vd_vectors_json("precompiles/go-ethereum/fail-blake2f.open.json");
    size_t i;
    json_t *c;
    json_array_foreach(cases, i, c)
    {
        struct fixture fx;
        size_t len;
        uint8_t *input = vd_unhex(text(c, "Input"), &len);
        fixture_init(&fx, 100000000);
        fx.message.to = fixture_address(9);
        fx.message.input = vd_slice(input, len);
        assert_int_equal(fixture_run(&fx, vd_evm_rules_l1(VD_EVM_PRAGUE), NULL), VD_OK);
        assert_int_equal(fx.result.status, VD_EVM_PRECOMPILE_FAILURE);
        assert_int_equal(fx.result.gas_left, 0);
        fixture_deinit(&fx);
        free(input);
    }
    json_decref(cases);
}

static void
test_hashes_and_identity_match_the_vectors(void **state)
{
    (void)state;
    json_t *cases = vd_vectors_json("precompiles/generated/hashes.open.json");
    size_t i;
    json_t *c;
    json_array_foreach(cases, i, c)
    {
        const char *name = text(c, "Name");
        const char *input = text(c, "Input");
        check(2, name, input, text(c, "sha256"),
              (uint64_t)json_integer_value(json_object_get(c, "sha256_gas")));
        check(3, name, input, text(c, "ripemd160"),
              (uint64_t)json_integer_value(json_object_get(c, "ripemd160_gas")));
        check(4, name, input, input,
              (uint64_t)json_integer_value(json_object_get(c, "identity_gas")));
    }
    json_decref(cases);
}

/* Stands in for the curve: knows one signature and writes down what it was asked. */
struct fake_curve {
    unsigned asked;
    uint8_t y_parity;
};

static enum vd_err
fake_recover(void *ctx, struct vd_address *out, bool *valid, const struct vd_hash *hash,
             const uint8_t signature[64], uint8_t y_parity)
{
    struct fake_curve *fake = ctx;
    fake->asked++;
    fake->y_parity = y_parity;
    *valid = hash->b[0] == 1 && signature[0] == 2 && signature[63] == 3;
    *out = fixture_address(0x77);
    return VD_OK;
}

static void
run_ecrecover(struct fixture *fx, struct fake_curve *fake, const uint8_t *input, size_t len)
{
    fixture_init(fx, 3000);
    *fake = (struct fake_curve){0};
    fx->curves = (struct vd_curves){.ctx = fake, .recover = fake_recover};
    fx->message.to = fixture_address(1);
    fx->message.input = vd_slice(input, len);
    assert_int_equal(fixture_run(fx, vd_evm_rules_l1(VD_EVM_PRAGUE), NULL), VD_OK);
    assert_int_equal(fx->result.status, VD_EVM_SUCCESS);
    assert_int_equal(fx->result.gas_left, 0);
}

static void
test_ecrecover_reads_v_as_a_whole_word(void **state)
{
    (void)state;
    struct fixture fx;
    struct fake_curve fake;
    uint8_t input[128] = {0};
    input[0] = 1, input[63] = 28, input[64] = 2, input[127] = 3;
    run_ecrecover(&fx, &fake, input, sizeof input);
    assert_int_equal(fx.result.output.len, 32);
    assert_int_equal(fx.result.output.ptr[31], 0x77);
    assert_int_equal(fake.y_parity, 1);
    fixture_deinit(&fx);
    input[32] = 1;
    run_ecrecover(&fx, &fake, input, sizeof input);
    assert_int_equal(fx.result.output.len, 0);
    assert_int_equal(fake.asked, 0);
    fixture_deinit(&fx);
    input[32] = 0;
    input[63] = 29;
    run_ecrecover(&fx, &fake, input, sizeof input);
    assert_int_equal(fake.asked, 0);
    fixture_deinit(&fx);
}

static void
test_ecrecover_of_no_key_has_no_output(void **state)
{
    (void)state;
    struct fixture fx;
    struct fake_curve fake;
    uint8_t input[64] = {[63] = 27};
    run_ecrecover(&fx, &fake, input, sizeof input);
    assert_int_equal(fake.asked, 1);
    assert_int_equal(fx.result.output.len, 0);
    fixture_deinit(&fx);
}

/* Exponent and modulus beyond the input's end are zeros: 3^0 mod 0 is 0 (EIP-198).  8 bytes of
   base and an exponent of 10000 bytes cost 1 * 8 * (10000 - 32) / 3 (EIP-2565). */
static void
test_modexp_with_a_modulus_beyond_the_input_is_zero(void **state)
{
    (void)state;
    uint8_t input[96 + 8 + 1] = {[31] = 8, [95] = 8};
    vd_store_be64(input + 56, 10000);
    input[96 + 7] = 3;
    struct fixture fx;
    fixture_init(&fx, 30000);
    fx.message.to = fixture_address(5);
    fx.message.input = vd_slice(input, sizeof input);
    assert_int_equal(fixture_run(&fx, vd_evm_rules_l1(VD_EVM_PRAGUE), NULL), VD_OK);
    assert_int_equal(fx.result.status, VD_EVM_SUCCESS);
    assert_int_equal(fx.result.gas_left, 30000 - 26581);
    assert_int_equal(fx.result.output.len, 8);
    assert_int_equal(vd_load_be64(fx.result.output.ptr), 0);
    fixture_deinit(&fx);
}

/* Lengths of 2^256 - 1 cost more than any gas, and nothing is touched. */
static void
test_modexp_of_endless_lengths_is_out_of_gas(void **state)
{
    (void)state;
    uint8_t input[96];
    memset(input, 0xff, sizeof input);
    struct fixture fx;
    fixture_init(&fx, 30000000);
    fx.message.to = fixture_address(5);
    fx.message.input = vd_slice(input, sizeof input);
    assert_int_equal(fixture_run(&fx, vd_evm_rules_l1(VD_EVM_PRAGUE), NULL), VD_OK);
    assert_int_equal(fx.result.status, VD_EVM_OUT_OF_GAS);
    fixture_deinit(&fx);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modexp_matches_the_vectors),
        cmocka_unit_test(test_ecrecover_matches_the_vectors),
        cmocka_unit_test(test_blake2f_matches_the_vectors),
        cmocka_unit_test(test_malformed_blake2f_takes_all_gas),
        cmocka_unit_test(test_hashes_and_identity_match_the_vectors),
        cmocka_unit_test(test_ecrecover_reads_v_as_a_whole_word),
        cmocka_unit_test(test_ecrecover_of_no_key_has_no_output),
        cmocka_unit_test(test_modexp_with_a_modulus_beyond_the_input_is_zero),
        cmocka_unit_test(test_modexp_of_endless_lengths_is_out_of_gas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
