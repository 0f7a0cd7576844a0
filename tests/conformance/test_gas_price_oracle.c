/* The GasPriceOracle predeploy against the fees that are charged: its runtime code runs over
   L1Block's on this build's machine, and must answer what core/chain computes and the vectors say.

   The oracle is asked about unsigned transactions and adds 68 bytes for the signature. */
#include "support/random.h"
#include "support/vectors.h"
#include "unit/core/evm/evm_fixture.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/chain/fees.h"
#include "viaduct/core/rollup/attributes.h"
#include "viaduct/node/platform/artifacts.h"

enum { GAS = 150000000, SIGNATURE_SIZE = 68, ROUNDS = 400, LONGEST = 4000 };
static const char get_l1_fee[] = "getL1Fee(bytes)";
static const char get_l1_gas_used[] = "getL1GasUsed(bytes)";
static const char get_operator_fee[] = "getOperatorFee(uint256)";

struct world {
    struct fixture fx;
    struct vd_evm *evm;
    uint8_t *calldata;
};

static void
place(struct world *w, const char *name, const struct vd_address *address)
{
    const struct vd_artifact *artifact = vd_artifact_find(name);
    assert_non_null(artifact);
    fixture_account(&w->fx, address, 0, vd_slice(artifact->code, artifact->code_len));
}

static void
world_init(struct world *w)
{
    fixture_init(&w->fx, GAS);
    w->fx.block.gas_limit = GAS;
    place(w, "GasPriceOracle", &VD_GAS_PRICE_ORACLE);
    place(w, "L1Block", &VD_L1_BLOCK);
    assert_int_equal(vd_state_tx_end(w->fx.state), VD_OK);
    assert_int_equal(vd_evm_new(&w->evm, &w->fx.arena, vd_evm_rules_l2(VD_EVM_PRAGUE), w->fx.state,
                                &w->fx.block, &w->fx.curves, NULL),
                     VD_OK);
    w->calldata = malloc(131072 + 256);
    assert_non_null(w->calldata);
}

static void
world_deinit(struct world *w)
{
    free(w->calldata);
    fixture_deinit(&w->fx);
}

static struct vd_slice
call(struct world *w, const struct vd_address *from, const struct vd_address *to, size_t len)
{
    vd_state_tx_begin(w->fx.state);
    w->fx.message = (struct vd_evm_message){
        .sender = *from, .to = *to, .input = vd_slice(w->calldata, len), .gas = GAS};
    assert_int_equal(vd_evm_execute(w->evm, &w->fx.result, &w->fx.tx, &w->fx.message, NULL), VD_OK);
    assert_int_equal(w->fx.result.status, VD_EVM_SUCCESS);
    assert_int_equal(vd_state_tx_end(w->fx.state), VD_OK);
    return w->fx.result.output;
}

/* As the first transaction of a block sets them. */
static void
set_params(struct world *w, const struct vd_l1_fee_params *params)
{
    const struct vd_l1_info info = {.isthmus = true,
                                    .base_fee_scalar = params->base_fee_scalar,
                                    .blob_base_fee_scalar = params->blob_base_fee_scalar,
                                    .base_fee = params->l1_base_fee,
                                    .blob_base_fee = params->blob_base_fee,
                                    .operator_fee_scalar = params->operator_fee_scalar,
                                    .operator_fee_constant = params->operator_fee_constant};
    size_t len = vd_l1_info_encode(w->calldata, &info);
    (void)call(w, &VD_L1_ATTRIBUTES_DEPOSITOR, &VD_L1_BLOCK, len);
}

static void
write_word(uint8_t *out, uint64_t value)
{
    memset(out, 0, 24);
    vd_store_be64(out + 24, value);
}

static struct vd_u256
ask(struct world *w, const char *signature, size_t len)
{
    struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)signature, strlen(signature)));
    memcpy(w->calldata, hash.b, 4);
    struct vd_slice answer = call(w, &w->fx.tx.origin, &VD_GAS_PRICE_ORACLE, len);
    assert_int_equal(answer.len, 32);
    return vd_u256_from_be(answer.ptr);
}

static struct vd_u256
ask_bytes(struct world *w, const char *signature, struct vd_slice data)
{
    size_t padded = (data.len + 31) / 32 * 32;
    write_word(w->calldata + 4, 32);
    write_word(w->calldata + 36, data.len);
    memset(w->calldata + 68, 0, padded);
    if (data.len > 0)
        memcpy(w->calldata + 68, data.ptr, data.len);
    return ask(w, signature, 68 + padded);
}

static struct vd_u256
ask_number(struct world *w, const char *signature, uint64_t number)
{
    write_word(w->calldata + 4, number);
    return ask(w, signature, 36);
}

static void
assert_same(struct vd_u256 got, struct vd_u256 want, const char *what)
{
    if (!vd_u256_eq(&got, &want))
        fail_msg("%s: %llu, not %llu", what, (unsigned long long)got.w[0],
                 (unsigned long long)want.w[0]);
}

/* flz_len is that of data, from whatever source. */
static void
check_fees(struct world *w, struct vd_slice data, uint32_t flz_len,
           const struct vd_l1_fee_params *params, const char *what)
{
    struct vd_u256 size = vd_l1_size_of_flz(flz_len + SIGNATURE_SIZE);
    assert_same(ask_bytes(w, get_l1_fee, data), vd_l1_fee_of_size(&size, params), what);
    assert_same(ask_bytes(w, get_l1_gas_used, data), vd_u256(size.w[0] * 16 / 1000000), what);
}

/* Few letters make many matches, long runs make long ones. */
static void
random_text(struct vd_random *r, uint8_t *out, size_t len)
{
    uint64_t letters = 1 + vd_random_below(r, vd_random_below(r, 4) == 0 ? 256 : 6);
    size_t done = 0;
    while (done < len) {
        size_t run = 1 + vd_random_below(r, vd_random_below(r, 8) == 0 ? 600 : 4);
        uint8_t letter = (uint8_t)vd_random_below(r, letters);
        for (; run > 0 && done < len; run--)
            out[done++] = letter;
    }
}

static struct vd_l1_fee_params
random_params(struct vd_random *r)
{
    return (struct vd_l1_fee_params){
        .l1_base_fee = vd_u256(vd_random_u64(r) >> vd_random_below(r, 64)),
        .blob_base_fee = vd_u256(vd_random_u64(r) >> vd_random_below(r, 64)),
        .base_fee_scalar = (uint32_t)(vd_random_u64(r) >> vd_random_below(r, 64)),
        .blob_base_fee_scalar = (uint32_t)(vd_random_u64(r) >> vd_random_below(r, 64)),
        .operator_fee_scalar = (uint32_t)vd_random_u64(r),
        .operator_fee_constant = vd_random_u64(r) >> vd_random_below(r, 64),
    };
}

static void
test_random_fees_are_those_charged(void **state)
{
    (void)state;
    static uint8_t bytes[LONGEST];
    struct vd_random r = vd_random_start("gas price oracle");
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < ROUNDS; i++) {
        struct vd_l1_fee_params params = random_params(&r);
        size_t len = vd_random_below(&r, i < ROUNDS / 2 ? 64 : LONGEST);
        random_text(&r, bytes, len);
        set_params(&w, &params);
        check_fees(&w, vd_slice(bytes, len), vd_flz_len(vd_slice(bytes, len)), &params, "random");
        uint64_t gas = vd_random_u64(&r) >> vd_random_below(&r, 64);
        assert_same(ask_number(&w, get_operator_fee, gas), vd_operator_fee(gas, &params),
                    "operator fee");
    }
    world_deinit(&w);
}

/* Both halves of a set of vectors. */
static json_t *
load_cases(const char *name)
{
    json_t *all = json_array();
    static const char *const halves[] = {"open", "held"};
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "op/derive/l1_cost/%s.%s.json", name, halves[i]);
        char whole[4096];
        const char *folder = vd_vectors_dir();
        (void)snprintf(whole, sizeof whole, "%s/%s", folder ? folder : "", path);
        FILE *file = folder ? fopen(whole, "rb") : NULL;
        if (file == NULL)
            continue;
        (void)fclose(file);
        json_t *root = vd_vectors_json(path);
        assert_int_equal(json_array_extend(all, json_object_get(root, "cases")), 0);
        json_decref(root);
    }
    return all;
}

static uint64_t
number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10)
                                 : (uint64_t)json_integer_value(value);
}

static void
test_fees_of_vectors_are_theirs(void **state)
{
    (void)state;
    struct vd_l1_fee_params params = {.l1_base_fee = vd_u256(1000000000),
                                      .blob_base_fee = vd_u256(10000000),
                                      .base_fee_scalar = 1368,
                                      .blob_base_fee_scalar = 810949};
    struct world w;
    world_init(&w);
    set_params(&w, &params);
    json_t *cases = load_cases("fastlz");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *test = json_array_get(cases, i);
        size_t len;
        uint8_t *bytes = vd_unhex(json_string_value(json_object_get(test, "input")), &len);
        check_fees(&w, vd_slice(bytes, len), (uint32_t)number_of(test, "fastlz_len"), &params,
                   json_string_value(json_object_get(test, "name")));
        free(bytes);
    }
    printf("fastlz: %zu cases\n", json_array_size(cases));
    json_decref(cases);
    world_deinit(&w);
}

static void
test_operator_fees_of_vectors_are_theirs(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    json_t *cases = load_cases("operator_fee");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *test = json_array_get(cases, i);
        const struct vd_l1_fee_params params = {
            .operator_fee_scalar = (uint32_t)number_of(test, "operator_fee_scalar"),
            .operator_fee_constant = number_of(test, "operator_fee_constant")};
        const char *text = json_string_value(json_object_get(test, "isthmus"));
        set_params(&w, &params);
        struct vd_u256 got = ask_number(&w, get_operator_fee, number_of(test, "gas"));
        struct vd_u256 want = vd_u256(0);
        const struct vd_u256 ten = vd_u256(10);
        for (; *text != '\0'; text++) {
            const struct vd_u256 digit = vd_u256((uint64_t)(*text - '0'));
            want = vd_u256_mul(&want, &ten);
            want = vd_u256_add(&want, &digit);
        }
        assert_same(got, want, json_string_value(json_object_get(test, "name")));
    }
    printf("operator fee: %zu cases\n", json_array_size(cases));
    json_decref(cases);
    world_deinit(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_fees_are_those_charged),
        cmocka_unit_test(test_fees_of_vectors_are_theirs),
        cmocka_unit_test(test_operator_fees_of_vectors_are_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
