/* Transactions of ethereum/tests (TransactionTests), under the rules of Cancun on chain 1: hash,
   sender and intrinsic gas, or refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/vectors.h"
#include "viaduct/core/chain/exec.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

#define ROOM ((size_t)4 << 30)

struct fixture {
    struct vd_arena arena;
    struct vd_chain_config config;
    /* The only account: as rich as can be, with the transaction's nonce. */
    struct vd_address sender;
    struct vd_account account;
    unsigned accepted;
    unsigned refused;
};

static enum vd_err
only_account(void *ctx, struct vd_account *out, const struct vd_address *address,
             const struct vd_hash *address_hash)
{
    const struct fixture *f = ctx;
    (void)address_hash;
    *out = f->account;
    return vd_address_eq(address, &f->sender) ? VD_OK : VD_ERR_NOT_FOUND;
}

/* The verdict of a block without a base fee over a state where only money is certain. */
static enum vd_tx_verdict
verdict_of(struct fixture *f, const struct vd_tx *tx)
{
    const struct vd_state_source source = {.ctx = f, .account = only_account};
    const struct vd_exec_inputs inputs = {
        .config = &f->config, .source = &source, .curves = vd_curves_host()};
    const struct vd_header header = {.number = 1, .gas_limit = INT64_MAX};
    struct vd_exec *exec;
    struct vd_tx_outcome outcome;
    f->account = (struct vd_account){
        .nonce = tx->nonce,
        .balance = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}},
        .storage_root = VD_EMPTY_ROOT,
        .code_hash = VD_EMPTY_CODE_HASH,
    };
    assert_int_equal(vd_exec_at(&exec, &f->arena, &inputs, &header), VD_OK);
    assert_int_equal(vd_exec_tx(exec, &outcome, tx, &f->sender), VD_OK);
    return outcome.verdict;
}

static const char *
refusal(struct fixture *f, struct vd_tx *tx, struct vd_slice raw)
{
    bool valid;
    const char *reason;
    if (vd_tx_decode(tx, &reason, &f->arena, raw) != VD_OK)
        return reason;
    assert_int_equal(vd_tx_sender(&f->sender, &valid, tx, vd_curves_host(), &f->arena), VD_OK);
    if (!valid)
        return "invalid sender";
    /* Nobody is rich enough for a value of 2^256 - 1 and the fee; the value is not in question. */
    struct vd_tx without_value = *tx;
    without_value.value = vd_u256(0);
    enum vd_tx_verdict verdict = verdict_of(f, &without_value);
    /* These tests know no block: a gas limit above 2^63 is none of their refusals. */
    if (verdict == VD_TX_INCLUDED || verdict == VD_TX_GAS_LIMIT_REACHED)
        return NULL;
    return vd_tx_verdict_text(verdict);
}

static void
check_accepted(const struct fixture *f, const struct vd_tx *tx, const json_t *expected)
{
    struct vd_hash hash = vd_unhex_word(json_string_value(json_object_get(expected, "hash")));
    struct vd_hash gas =
        vd_unhex_word(json_string_value(json_object_get(expected, "intrinsicGas")));
    struct vd_address sender;
    vd_unhex_fixed(sender.b, 20, json_string_value(json_object_get(expected, "sender")));
    assert_memory_equal(tx->hash.b, hash.b, 32);
    assert_memory_equal(f->sender.b, sender.b, 20);
    const struct vd_rules *rules = vd_rules_find("Cancun");
    assert_int_equal(vd_tx_intrinsic_gas(tx, rules).gas, vd_load_be64(gas.b + 24));
}

static void
check_test(struct fixture *f, const char *name, const json_t *test)
{
    size_t len;
    struct vd_tx tx;
    const json_t *expected = json_object_get(json_object_get(test, "result"), "Cancun");
    if (expected == NULL)
        return;
    uint8_t *bytes = vd_unhex(json_string_value(json_object_get(test, "txbytes")), &len);
    bool must_refuse = json_object_get(expected, "exception") != NULL;
    const char *why = refusal(f, &tx, vd_slice(bytes, len));
    if (must_refuse != (why != NULL))
        fail_msg("%s: %s", name, why == NULL ? "was accepted" : why);
    if (must_refuse)
        f->refused++;
    else
        f->accepted++;
    if (!must_refuse)
        check_accepted(f, &tx, expected);
    vd_arena_rewind(&f->arena, 0);
    free(bytes);
}

static void
check_file(void *ctx, const char *path)
{
    const char *name;
    json_t *test;
    json_t *root = vd_vectors_json(path);
    json_object_foreach(root, name, test)
    {
        check_test(ctx, name, test);
    }
    json_decref(root);
}

static void
test_transactions_give_sender_or_refusal(void **state)
{
    (void)state;
    struct fixture f = {0};
    void *memory = vd_reserve(ROOM);
    assert_non_null(memory);
    vd_arena_init(&f.arena, memory, ROOM);
    vd_chain_config_l1(&f.config, 1, 0, VD_NEVER);
    if (vd_vectors_walk("tx", ".json", check_file, &f)) {
        printf("tx: %u accepted, %u refused\n", f.accepted, f.refused);
        assert_true(f.accepted != 0 && f.refused != 0);
    }
    vd_release(memory, ROOM);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transactions_give_sender_or_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
