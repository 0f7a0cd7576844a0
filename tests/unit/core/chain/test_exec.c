/* Block execution: refusals, fees, deposits, and what must leave no trace.  The rules of the EVM
   and of gas are the vectors' matter. */
#include "unit/core/chain/world.h"

/* Accounts that every world has. */
enum {
    RICH = 1, /* plenty, nonce 0 */
    POOR,     /* 1000 wei */
    CONTRACT, /* code, balance, nonce 7 */
    REVERTS,  /* returns nothing but a revert */
    STORES,   /* SSTORE(0, 1) and a log */
    UNKNOWN,  /* calls precompile 6 */
    POINTS,   /* delegated to STORES (EIP-7702) */
    NOBODY,   /* no account */
};
#define RICHES ((uint64_t)1 << 62)
#define ACC(n) address_of(n)

static const uint8_t STOP[] = {0x00};
static const uint8_t REVERT[] = {0x5f, 0x5f, 0xfd};
/* sstore(0, 1); log0(0, 0); stop */
static const uint8_t STORE[] = {0x60, 0x01, 0x5f, 0x55, 0x5f, 0x5f, 0xa0, 0x00};
/* sstore(0, 1); staticcall(gas, 6, 0, 0, 0, 0); stop */
static const uint8_t PAIRING[] = {0x60, 0x01, 0x5f, 0x55, 0x5f, 0x5f, 0x5f,
                                  0x5f, 0x60, 0x06, 0x5a, 0xfa, 0x00};
static const uint8_t DELEGATION[] = {0xef, 0x01, 0x00, 0xaa, 0, 0, 0, 0, 0, 0, 0,     0,
                                     0,    0,    0,    0,    0, 0, 0, 0, 0, 0, STORES};

static void
add_code(struct world *w, uint8_t n, const uint8_t *code, size_t len)
{
    struct vd_genesis_account *account = world_account(w, ACC(n), RICHES);
    account->nonce = 7;
    account->code = vd_slice(code, len);
}

/* L1Block as after an attributes transaction: slots 1, 3, 7 and, if asked for, 8. */
static void
add_l1_block(struct world *w, bool with_operator_fee)
{
    static const struct vd_genesis_slot slots[] = {
        {.key = {{1}}, .value = {{20000000000}}},
        /* baseFeeScalar 1368, blobBaseFeeScalar 810949, sequenceNumber 5 */
        {.key = {{3}}, .value = {{5, (uint64_t)1368 << 32 | 810949}}},
        {.key = {{7}}, .value = {{7}}},
        /* operatorFeeScalar 1439103868, operatorFeeConstant 1142694 */
        {.key = {{8}}, .value = {{1142694, 1439103868}}},
    };
    struct vd_genesis_account *account = world_account(w, VD_L1_BLOCK, 0);
    account->nonce = 1;
    account->code = vd_slice(STOP, sizeof STOP);
    account->slots = slots;
    account->slot_count = with_operator_fee ? 4 : 3;
}

static struct world *
new_world(bool is_l2, bool newer)
{
    struct world *w = world_new(is_l2, newer ? 0 : VD_NEVER);
    world_account(w, ACC(RICH), RICHES);
    world_account(w, ACC(POOR), 1000);
    add_code(w, CONTRACT, STOP, sizeof STOP);
    add_code(w, REVERTS, REVERT, sizeof REVERT);
    add_code(w, STORES, STORE, sizeof STORE);
    add_code(w, UNKNOWN, PAIRING, sizeof PAIRING);
    if (newer)
        add_code(w, POINTS, DELEGATION, sizeof DELEGATION);
    if (is_l2)
        add_l1_block(w, newer);
    return w;
}

static struct world *
open_world(bool is_l2, bool newer)
{
    struct world *w = new_world(is_l2, newer);
    world_begin(w);
    return w;
}

static struct vd_tx
transfer(uint8_t to)
{
    return (struct vd_tx){.type = VD_TX_DYNAMIC_FEE,
                          .has_chain_id = true,
                          .chain_id = 901,
                          .gas_limit = 100000,
                          .max_fee = vd_u256(5000),
                          .max_priority_fee = vd_u256(10),
                          .value = vd_u256(3),
                          .to = ACC(to)};
}

static struct vd_tx
deposit(uint8_t from, uint8_t to)
{
    return (struct vd_tx){
        .type = VD_TX_DEPOSIT, .from = ACC(from), .to = ACC(to), .gas_limit = 100000};
}

/* --- refusals --- */

typedef void (*change_fn)(struct vd_tx *tx);

static void
change_chain(struct vd_tx *tx)
{
    tx->chain_id = 1;
}

static void
change_nonce(struct vd_tx *tx)
{
    tx->nonce = 1;
}

static void
change_tip(struct vd_tx *tx)
{
    tx->max_priority_fee = vd_u256(5001);
}

static void
change_cap(struct vd_tx *tx)
{
    tx->max_fee = vd_u256(20);
}

static void
change_value(struct vd_tx *tx)
{
    tx->value = vd_u256(RICHES);
}

static void
change_overflow(struct vd_tx *tx)
{
    tx->value = vd_u256_not(&(struct vd_u256){{0}});
}

static void
change_gas_low(struct vd_tx *tx)
{
    tx->gas_limit = 20999;
}

static void
change_gas_high(struct vd_tx *tx)
{
    tx->gas_limit = 30000001;
}

static uint8_t zeros[49153];

static void
change_floor(struct vd_tx *tx)
{
    tx->data = vd_slice(zeros, 1000);
    tx->gas_limit = 21000 + 4000;
}

static void
change_init_code(struct vd_tx *tx)
{
    tx->is_create = true;
    tx->gas_limit = 20000000;
    tx->data = vd_slice(zeros, sizeof zeros);
}

static void
change_to_blob(struct vd_tx *tx)
{
    static const struct vd_hash hashes[7] = {{{1}}, {{1}}, {{1}}, {{1}}, {{1}}, {{1}}, {{1}}};
    tx->type = VD_TX_BLOB;
    tx->max_fee_per_blob_gas = vd_u256(1);
    tx->blob_hashes = hashes;
    tx->blob_hash_count = 1;
}

static void
change_blob_create(struct vd_tx *tx)
{
    change_to_blob(tx);
    tx->is_create = true;
}

static void
change_blob_none(struct vd_tx *tx)
{
    change_to_blob(tx);
    tx->blob_hash_count = 0;
}

static void
change_blob_many(struct vd_tx *tx)
{
    change_to_blob(tx);
    tx->blob_hash_count = 7;
}

static void
change_blob_hash(struct vd_tx *tx)
{
    static const struct vd_hash hash = {{2}};
    change_to_blob(tx);
    tx->blob_hashes = &hash;
}

static void
change_blob_fee(struct vd_tx *tx)
{
    change_to_blob(tx);
    tx->max_fee_per_blob_gas = vd_u256(0);
}

static void
change_to_set_code(struct vd_tx *tx)
{
    static const struct vd_authorization authorization = {.nonce = 0};
    tx->type = VD_TX_SET_CODE;
    tx->authorizations = &authorization;
    tx->authorization_count = 1;
}

static void
change_set_code_create(struct vd_tx *tx)
{
    change_to_set_code(tx);
    tx->is_create = true;
}

static void
change_set_code_none(struct vd_tx *tx)
{
    change_to_set_code(tx);
    tx->authorization_count = 0;
}

static void
change_to_unknown(struct vd_tx *tx)
{
    tx->to = ACC(UNKNOWN);
}

enum { L1_CANCUN, L1_PRAGUE, L2_HOLOCENE, L2_ISTHMUS };

static const struct {
    int chain;
    uint8_t sender;
    change_fn change;
    enum vd_tx_verdict verdict;
} REFUSALS[] = {
    {L1_CANCUN, RICH, change_chain, VD_TX_WRONG_CHAIN_ID},
    {L1_CANCUN, RICH, change_nonce, VD_TX_NONCE_TOO_HIGH},
    {L1_PRAGUE, POINTS, NULL, VD_TX_NONCE_TOO_LOW},
    {L1_CANCUN, RICH, change_tip, VD_TX_TIP_ABOVE_FEE_CAP},
    {L1_CANCUN, RICH, change_cap, VD_TX_FEE_CAP_TOO_LOW},
    {L1_CANCUN, RICH, change_value, VD_TX_INSUFFICIENT_FUNDS},
    {L1_CANCUN, RICH, change_overflow, VD_TX_INSUFFICIENT_FUNDS},
    {L1_CANCUN, POOR, NULL, VD_TX_INSUFFICIENT_FUNDS},
    {L1_CANCUN, NOBODY, NULL, VD_TX_INSUFFICIENT_FUNDS},
    {L1_CANCUN, RICH, change_gas_low, VD_TX_INTRINSIC_GAS},
    {L1_CANCUN, RICH, change_gas_high, VD_TX_GAS_LIMIT_REACHED},
    {L1_PRAGUE, RICH, change_floor, VD_TX_FLOOR_DATA_GAS},
    {L2_ISTHMUS, RICH, change_floor, VD_TX_FLOOR_DATA_GAS},
    {L1_CANCUN, RICH, change_init_code, VD_TX_INIT_CODE_TOO_LARGE},
    {L1_CANCUN, RICH, change_blob_create, VD_TX_BLOB_CREATE},
    {L1_CANCUN, RICH, change_blob_none, VD_TX_BLOB_NONE},
    {L1_CANCUN, RICH, change_blob_many, VD_TX_BLOB_TOO_MANY},
    {L1_CANCUN, RICH, change_blob_hash, VD_TX_BLOB_BAD_HASH},
    {L1_CANCUN, RICH, change_blob_fee, VD_TX_BLOB_FEE_CAP_TOO_LOW},
    {L2_HOLOCENE, RICH, change_to_blob, VD_TX_TYPE_NOT_SUPPORTED},
    {L2_ISTHMUS, RICH, change_to_blob, VD_TX_TYPE_NOT_SUPPORTED},
    {L1_CANCUN, RICH, change_to_set_code, VD_TX_TYPE_NOT_SUPPORTED},
    {L2_HOLOCENE, RICH, change_to_set_code, VD_TX_TYPE_NOT_SUPPORTED},
    {L1_PRAGUE, RICH, change_set_code_create, VD_TX_SET_CODE_CREATE},
    {L2_ISTHMUS, RICH, change_set_code_none, VD_TX_SET_CODE_NO_AUTHORIZATION},
    {L1_CANCUN, RICH, change_to_unknown, VD_TX_UNSUPPORTED},
    {L2_ISTHMUS, RICH, change_to_unknown, VD_TX_UNSUPPORTED},
};

static void
test_refused_transactions_change_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        bool is_l2 = REFUSALS[i].chain >= L2_HOLOCENE;
        bool newer = REFUSALS[i].chain == L1_PRAGUE || REFUSALS[i].chain == L2_ISTHMUS;
        struct world *w = open_world(is_l2, newer);
        struct vd_hash before = world_root(w);
        struct vd_tx tx = transfer(CONTRACT);
        if (REFUSALS[i].change != NULL)
            REFUSALS[i].change(&tx);
        struct vd_tx_outcome out = world_run(w, tx, ACC(REFUSALS[i].sender));
        if (out.verdict != REFUSALS[i].verdict)
            fail_msg("%zu: %s", i, vd_tx_verdict_text(out.verdict));
        struct vd_hash after = world_root(w);
        assert_memory_equal(before.b, after.b, 32);
        assert_int_equal(vd_exec_tx_count(w->exec), 0);
        assert_int_equal(vd_exec_gas_left(w->exec), 30000000);
        /* The block goes on. */
        assert_int_equal(world_run(w, transfer(NOBODY), ACC(RICH)).verdict, VD_TX_INCLUDED);
        world_free(w);
    }
}

/* EIP-3607, and EIP-7702's exception to it. */
static void
test_contracts_send_only_through_delegation(void **state)
{
    (void)state;
    struct vd_tx tx = transfer(NOBODY);
    tx.nonce = 7;
    struct world *w = open_world(false, true);
    assert_int_equal(world_run(w, tx, ACC(CONTRACT)).verdict, VD_TX_SENDER_NOT_EOA);
    assert_int_equal(world_run(w, tx, ACC(POINTS)).verdict, VD_TX_INCLUDED);
    world_free(w);
}

static void
test_the_highest_nonce_is_refused(void **state)
{
    (void)state;
    struct world *w = new_world(false, false);
    w->accounts[0].nonce = UINT64_MAX;
    world_begin(w);
    struct vd_tx tx = transfer(NOBODY);
    tx.nonce = UINT64_MAX;
    assert_int_equal(world_run(w, tx, ACC(RICH)).verdict, VD_TX_NONCE_MAX);
    world_free(w);
}

/* --- who pays and who earns --- */

static void
test_l1_burns_the_base_fee(void **state)
{
    (void)state;
    struct world *w = open_world(false, false);
    uint64_t base_fee = vd_exec_base_fee(w->exec)->w[0];
    struct vd_tx_outcome out = world_run(w, transfer(NOBODY), ACC(RICH));
    assert_int_equal(out.verdict, VD_TX_INCLUDED);
    assert_int_equal(out.receipt.gas_used, 21000);
    assert_int_equal(out.effective_gas_price.w[0], base_fee + 10);
    assert_int_equal(world_balance(w, ACC(0xfe)), 21000 * 10);
    assert_int_equal(world_balance(w, ACC(NOBODY)), 3);
    assert_int_equal(world_balance(w, ACC(RICH)), RICHES - 3 - 21000 * (base_fee + 10));
    assert_int_equal(world_nonce(w, ACC(RICH)), 1);
    world_free(w);
}

static void
test_blob_gas_is_burnt_and_counted(void **state)
{
    (void)state;
    struct world *w = open_world(false, true);
    struct vd_tx tx = transfer(NOBODY);
    change_to_blob(&tx);
    tx.blob_hash_count = 5;
    uint64_t base_fee = vd_exec_base_fee(w->exec)->w[0];
    assert_int_equal(world_run(w, tx, ACC(RICH)).verdict, VD_TX_INCLUDED);
    assert_int_equal(world_balance(w, ACC(RICH)),
                     RICHES - 3 - 21000 * (base_fee + 10) - 5 * 131072);
    /* Prague has room for nine. */
    tx.nonce = 1;
    assert_int_equal(world_run(w, tx, ACC(RICH)).verdict, VD_TX_BLOB_TOO_MANY);
    tx.blob_hash_count = 4;
    assert_int_equal(world_run(w, tx, ACC(RICH)).verdict, VD_TX_INCLUDED);
    assert_int_equal(vd_exec_partial_header(w->exec)->blob_gas_used, 9 * 131072);
    world_free(w);
}

/* Nothing is burnt on L2: what the sender loses, vaults and receiver have (OP Stack specs,
 * execution engine: fees). */
static void
check_l2_fees(bool isthmus)
{
    struct world *w = open_world(true, isthmus);
    uint64_t base_fee = vd_exec_base_fee(w->exec)->w[0];
    const struct vd_tx *tx = world_tx(w, transfer(STORES));
    struct vd_address sender = ACC(RICH);
    struct vd_tx_outcome out;
    assert_int_equal(vd_exec_tx(w->exec, &out, tx, &sender), VD_OK);
    assert_int_equal(out.verdict, VD_TX_INCLUDED);
    assert_true(out.receipt.success);
    uint64_t used = out.receipt.gas_used;
    /* OP Stack specs, Fjord execution engine, with a transaction too short to compress: 100 bytes
     * at least. */
    const uint64_t l1_fee = 43776000567; /* 1e8 * (16 * 1368 * 2e10 + 810949 * 7) / 1e12 */
    assert_int_equal(out.l1_fee.w[0], l1_fee);
    /* 4.3: on the gas used, not on the gas limit. */
    uint64_t operator_fee = isthmus ? used * 1439103868 / 1000000 + 1142694 : 0;
    assert_int_equal(world_balance(w, VD_L1_FEE_VAULT), l1_fee);
    assert_int_equal(world_balance(w, VD_BASE_FEE_VAULT), used * base_fee);
    assert_int_equal(world_balance(w, ACC(0xfe)), used * 10);
    assert_int_equal(world_balance(w, VD_OPERATOR_FEE_VAULT), operator_fee);
    assert_int_equal(world_balance(w, ACC(RICH)),
                     RICHES - 3 - used * (base_fee + 10) - l1_fee - operator_fee);
    world_free(w);
}

static void
test_l2_fees_go_to_the_vaults(void **state)
{
    (void)state;
    check_l2_fees(true);
    check_l2_fees(false);
}

/* Before Isthmus a witness does not hold slot 8. */
static struct vd_state_source plain_source;

static enum vd_err
refuse_slot_8(void *ctx, struct vd_u256 *out, const struct vd_hash *address_hash,
              const struct vd_hash *storage_root, const struct vd_hash *slot_hash)
{
    const uint8_t word[32] = {[31] = 8};
    struct vd_hash eight = vd_keccak256(vd_slice(word, sizeof word));
    if (vd_hash_eq(slot_hash, &eight))
        return VD_ERR_NOT_FOUND;
    return plain_source.slot(ctx, out, address_hash, storage_root, slot_hash);
}

static void
test_only_isthmus_reads_the_operator_fee(void **state)
{
    (void)state;
    for (int isthmus = 0; isthmus < 2; isthmus++) {
        struct vd_tx_outcome out;
        struct vd_address sender = ACC(RICH);
        struct world *w = new_world(true, isthmus);
        world_genesis(w);
        plain_source = w->source;
        w->source.slot = refuse_slot_8;
        assert_int_equal(vd_exec_begin(&w->exec, &w->arena, &w->inputs), VD_OK);
        enum vd_err err = vd_exec_tx(w->exec, &out, world_tx(w, transfer(NOBODY)), &sender);
        assert_int_equal(err, isthmus ? VD_ERR_NOT_FOUND : VD_OK);
        world_free(w);
    }
}

/* The balance must cover value, gas at the fee cap, L1 fee and operator fee, to the wei. */
static void
test_l2_funds_are_checked_with_all_fees(void **state)
{
    (void)state;
    struct world *w = open_world(true, true);
    struct vd_tx tx = transfer(NOBODY);
    tx.value = vd_u256(RICHES);
    struct vd_tx_outcome out = world_run(w, tx, ACC(RICH));
    assert_int_equal(out.verdict, VD_TX_INSUFFICIENT_FUNDS);
    uint64_t fees = out.want.w[0] - RICHES;
    tx.value = vd_u256(RICHES - fees + 1);
    assert_int_equal(world_run(w, tx, ACC(RICH)).verdict, VD_TX_INSUFFICIENT_FUNDS);
    tx.value = vd_u256(RICHES - fees);
    out = world_run(w, tx, ACC(RICH));
    assert_int_equal(out.verdict, VD_TX_INCLUDED);
    assert_int_equal(fees, 100000 * 5000 + out.l1_fee.w[0] +
                               (uint64_t)100000 * 1439103868 / 1000000 + 1142694);
    world_free(w);
}

/* EIP-7623: the floor counts after the refund, for signed transactions and deposits. */
static void
test_the_floor_is_the_least_that_is_used(void **state)
{
    (void)state;
    struct world *w = open_world(true, true);
    struct vd_tx tx = transfer(CONTRACT);
    tx.data = vd_slice(zeros, 1000);
    assert_int_equal(world_run(w, tx, ACC(RICH)).receipt.gas_used, 21000 + 10000);
    struct vd_tx d = deposit(RICH, CONTRACT);
    d.data = tx.data;
    assert_int_equal(world_run(w, d, ACC(RICH)).receipt.gas_used, 21000 + 10000);
    world_free(w);
}

/* --- deposits (OP Stack specs, deposits: execution) --- */

static void
test_a_deposit_mints_and_pays_nothing(void **state)
{
    (void)state;
    struct world *w = open_world(true, true);
    struct vd_tx tx = deposit(NOBODY, STORES);
    tx.has_mint = true;
    tx.mint = vd_u256(500);
    tx.value = vd_u256(400);
    struct vd_tx_outcome out = world_run(w, tx, ACC(NOBODY));
    assert_int_equal(out.verdict, VD_TX_INCLUDED);
    assert_true(out.receipt.success);
    assert_int_equal(out.receipt.log_count, 1);
    assert_int_equal(out.receipt.deposit_nonce, 0);
    assert_int_equal(out.receipt.deposit_version, 1);
    assert_true(vd_u256_is_zero(&out.l1_fee) && vd_u256_is_zero(&out.effective_gas_price));
    assert_int_equal(world_balance(w, ACC(NOBODY)), 100);
    assert_int_equal(world_balance(w, ACC(STORES)), RICHES + 400);
    assert_int_equal(world_nonce(w, ACC(NOBODY)), 1);
    assert_int_equal(world_balance(w, ACC(0xfe)), 0);
    assert_int_equal(world_balance(w, VD_BASE_FEE_VAULT), 0);
    assert_int_equal(vd_exec_gas_left(w->exec), 30000000 - out.receipt.gas_used);
    world_free(w);
}

static void
change_deposit_value(struct vd_tx *tx)
{
    tx->value = vd_u256(501);
}

static void
change_deposit_gas(struct vd_tx *tx)
{
    tx->gas_limit = 20000;
}

/* Enough for its bytes, not for their floor. */
static void
change_deposit_floor(struct vd_tx *tx)
{
    tx->data = vd_slice(zeros, 1000);
    tx->gas_limit = 21000 + 4000;
}

static void
change_deposit_init_code(struct vd_tx *tx)
{
    change_init_code(tx);
}

static void
test_a_deposit_that_cannot_run_is_included_as_failed(void **state)
{
    (void)state;
    static const change_fn changes[] = {change_deposit_value, change_deposit_gas,
                                        change_deposit_floor, change_deposit_init_code};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct world *w = open_world(true, true);
        struct vd_tx tx = deposit(NOBODY, STORES);
        tx.has_mint = true;
        tx.mint = vd_u256(500);
        changes[i](&tx);
        struct vd_tx_outcome out = world_run(w, tx, ACC(NOBODY));
        assert_int_equal(out.verdict, VD_TX_INCLUDED);
        assert_false(out.receipt.success);
        assert_int_equal(out.receipt.log_count, 0);
        assert_int_equal(out.receipt.gas_used, tx.gas_limit);
        assert_int_equal(out.receipt.deposit_nonce, 0);
        assert_int_equal(world_balance(w, ACC(NOBODY)), 500);
        assert_int_equal(world_nonce(w, ACC(NOBODY)), 1);
        world_free(w);
    }
}

static void
test_a_deposit_that_reverts_keeps_mint_and_gas(void **state)
{
    (void)state;
    struct world *w = open_world(true, true);
    struct vd_tx tx = deposit(POOR, REVERTS);
    tx.has_mint = true;
    tx.mint = vd_u256(500);
    tx.value = vd_u256(1200);
    struct vd_tx_outcome out = world_run(w, tx, ACC(POOR));
    assert_int_equal(out.verdict, VD_TX_INCLUDED);
    assert_false(out.receipt.success);
    assert_int_equal(out.receipt.gas_used, 21000 + 2 + 2);
    assert_int_equal(world_balance(w, ACC(POOR)), 1500);
    assert_int_equal(world_nonce(w, ACC(POOR)), 1);
    world_free(w);
}

/* A contract may deposit; its nonce counts, and names what it creates. */
static void
test_a_deposit_creates_at_its_own_nonce(void **state)
{
    (void)state;
    struct world *w = open_world(true, false);
    struct vd_tx tx = deposit(CONTRACT, 0);
    struct vd_address from = ACC(CONTRACT);
    tx.is_create = true;
    struct vd_tx_outcome out = world_run(w, tx, from);
    struct vd_address expected = vd_create_address(&from, 7);
    assert_true(out.receipt.success && out.receipt.has_contract_address);
    assert_memory_equal(out.receipt.contract_address.b, expected.b, 20);
    assert_int_equal(out.receipt.deposit_nonce, 7);
    assert_int_equal(world_nonce(w, from), 8);
    assert_int_equal(world_nonce(w, expected), 1);
    world_free(w);
}

/* What makes the block invalid, or leaves it undecided, takes the mint back too. */
static void
test_a_deposit_without_verdict_leaves_nothing(void **state)
{
    (void)state;
    static const struct {
        uint8_t to;
        uint64_t gas;
        bool is_system;
        enum vd_tx_verdict verdict;
    } cases[] = {
        {UNKNOWN, 100000, false, VD_TX_UNSUPPORTED},
        {STORES, 30000001, false, VD_TX_GAS_LIMIT_REACHED},
        {STORES, 100000, true, VD_TX_SYSTEM_TX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = open_world(true, true);
        struct vd_hash before = world_root(w);
        struct vd_tx tx = deposit(NOBODY, cases[i].to);
        tx.has_mint = true;
        tx.mint = vd_u256(500);
        tx.gas_limit = cases[i].gas;
        tx.is_system_tx = cases[i].is_system;
        struct vd_tx_outcome out = world_run(w, tx, ACC(NOBODY));
        assert_int_equal(out.verdict, cases[i].verdict);
        if (out.verdict == VD_TX_UNSUPPORTED)
            assert_int_equal(out.unsupported.b[19], 6);
        struct vd_hash after = world_root(w);
        assert_memory_equal(before.b, after.b, 32);
        assert_int_equal(vd_exec_tx_count(w->exec), 0);
        world_free(w);
    }
}

static void
test_l1_knows_no_deposits(void **state)
{
    (void)state;
    struct world *w = open_world(false, false);
    assert_int_equal(world_run(w, deposit(RICH, STORES), ACC(RICH)).verdict,
                     VD_TX_TYPE_NOT_SUPPORTED);
    world_free(w);
}

/* --- system calls --- */

static void
test_a_system_call_without_verdict_decides_nothing(void **state)
{
    (void)state;
    struct vd_address beacon_roots = {{0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
                                       0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02}};
    struct world *w = new_world(true, true);
    struct vd_genesis_account *account = world_account(w, beacon_roots, 0);
    account->nonce = 1;
    account->code = vd_slice(PAIRING, sizeof PAIRING);
    world_genesis(w);
    assert_int_equal(vd_exec_begin(&w->exec, &w->arena, &w->inputs), VD_ERR_UNSUPPORTED);
    world_free(w);
}

/* Prague's request contracts must be there (EIP-7002, EIP-7251). */
static void
test_l1_prague_without_request_contracts_is_invalid(void **state)
{
    (void)state;
    struct vd_exec_result result;
    struct world *w = open_world(false, true);
    assert_int_equal(vd_exec_finish(w->exec, &result, NULL, NULL), VD_ERR_INVALID);
    world_free(w);
}

/* --- whole blocks --- */

static const struct vd_block *
block_of(struct world *w, const struct vd_exec_result *result)
{
    struct vd_block *block = VD_ARENA_NEW(&w->arena, struct vd_block, 1);
    struct vd_slice *raw = VD_ARENA_NEW(&w->arena, struct vd_slice, result->transaction_count);
    for (size_t i = 0; i < result->transaction_count; i++)
        raw[i] = result->transactions[i]->raw;
    *block = (struct vd_block){.header = result->header,
                               .hash = result->hash,
                               .transactions = raw,
                               .transaction_count = result->transaction_count,
                               .has_withdrawals = true};
    return block;
}

static struct vd_block_outcome
verify(struct world *w, const struct vd_block *block)
{
    struct vd_exec_result again;
    struct vd_block_outcome outcome;
    assert_int_equal(vd_block_verify(&outcome, &again, &w->arena, block, &w->inputs, NULL, NULL),
                     VD_OK);
    return outcome;
}

/* An L2 block of deposits alone, which need no signature, is verified as it was built, and any
   change of its header is noticed. */
static void
test_a_built_block_verifies(void **state)
{
    (void)state;
    struct vd_exec_result result;
    struct world *w = open_world(true, true);
    struct vd_tx tx = deposit(RICH, STORES);
    tx.value = vd_u256(5);
    assert_int_equal(world_run(w, tx, ACC(RICH)).verdict, VD_TX_INCLUDED);
    assert_int_equal(world_run(w, deposit(POOR, REVERTS), ACC(POOR)).verdict, VD_TX_INCLUDED);
    assert_int_equal(vd_exec_finish(w->exec, &result, NULL, NULL), VD_OK);
    assert_int_equal(result.transaction_count, 2);
    /* OP Stack specs, Isthmus execution engine: no storage under the message passer, no requests.
     */
    assert_memory_equal(result.header.withdrawals_root.b, VD_EMPTY_ROOT.b, 32);
    assert_true(result.header.has_requests_hash);
    const struct vd_block *block = block_of(w, &result);
    assert_int_equal(verify(w, block).verdict, VD_BLOCK_VALID);
    struct vd_block bad = *block;
    bad.header.gas_used++;
    bad.hash = vd_header_hash(&bad.header);
    assert_string_equal(verify(w, &bad).reason, "wrong gas used");
    bad = *block;
    bad.header.state_root.b[0] ^= 1;
    bad.hash = vd_header_hash(&bad.header);
    assert_string_equal(verify(w, &bad).reason, "wrong state root");
    bad = *block;
    bad.header.base_fee = vd_u256(1);
    bad.hash = vd_header_hash(&bad.header);
    assert_string_equal(verify(w, &bad).reason, "wrong base fee");
    bad = *block;
    bad.header.logs_bloom[3] ^= 1;
    bad.hash = vd_header_hash(&bad.header);
    assert_string_equal(verify(w, &bad).reason, "wrong logs bloom");
    world_free(w);
}

static void
test_an_undecided_transaction_leaves_the_block_undecided(void **state)
{
    (void)state;
    struct vd_exec_result result;
    struct world *w = open_world(true, true);
    assert_int_equal(vd_exec_finish(w->exec, &result, NULL, NULL), VD_OK);
    struct vd_block block = *block_of(w, &result);
    const struct vd_tx *tx = world_tx(w, deposit(RICH, UNKNOWN));
    block.transactions = &tx->raw;
    block.transaction_count = 1;
    struct vd_block_outcome outcome = verify(w, &block);
    assert_int_equal(outcome.verdict, VD_BLOCK_UNSUPPORTED);
    assert_int_equal(outcome.tx_verdict, VD_TX_UNSUPPORTED);
    assert_int_equal(outcome.unsupported.b[19], 6);
    world_free(w);
}

/* --- calls --- */

static void
test_calls_leave_nothing(void **state)
{
    (void)state;
    struct world *w = open_world(true, true);
    struct vd_hash before = world_root(w);
    struct vd_call call = {
        .from = ACC(POOR), .to = ACC(STORES), .gas = 1000000, .value = vd_u256(1000)};
    struct vd_call_result result;
    assert_int_equal(vd_exec_call(w->exec, &result, &call, NULL), VD_OK);
    assert_int_equal(result.verdict, VD_TX_INCLUDED);
    assert_int_equal(result.status, VD_EVM_SUCCESS);
    /* 21000, sstore cold 22100, log0 375, pushes. */
    assert_int_equal(result.gas_used, 21000 + 22100 + 375 + 3 + 3 * 2);
    struct vd_hash after = world_root(w);
    assert_memory_equal(before.b, after.b, 32);
    call.value = vd_u256(1001);
    assert_int_equal(vd_exec_call(w->exec, &result, &call, NULL), VD_OK);
    assert_int_equal(result.verdict, VD_TX_INSUFFICIENT_FUNDS);
    assert_int_equal(result.have.w[0], 1000);
    assert_int_equal(result.want.w[0], 1001);
    call = (struct vd_call){.from = ACC(POOR), .to = ACC(UNKNOWN), .gas = 1000000};
    assert_int_equal(vd_exec_call(w->exec, &result, &call, NULL), VD_OK);
    assert_int_equal(result.verdict, VD_TX_UNSUPPORTED);
    call.to = ACC(REVERTS);
    call.gas_price = vd_u256(1);
    call.max_fee = vd_u256(1);
    assert_int_equal(vd_exec_call(w->exec, &result, &call, NULL), VD_OK);
    assert_int_equal(result.verdict, VD_TX_FEE_CAP_TOO_LOW);
    after = world_root(w);
    assert_memory_equal(before.b, after.b, 32);
    world_free(w);
}

static void
test_a_cancelled_call_says_so_and_leaves_nothing(void **state)
{
    (void)state;
    /* jumpdest; push0; jump: for ever */
    static const uint8_t loop[] = {0x5b, 0x5f, 0x56};
    struct world *w = new_world(false, false);
    add_code(w, 0x40, loop, sizeof loop);
    world_begin(w);
    struct vd_hash before = world_root(w);
    const volatile int cancel = 1;
    struct vd_call call = {.from = ACC(RICH), .to = ACC(0x40), .gas = INT64_MAX};
    struct vd_call_result result;
    assert_int_equal(vd_exec_call(w->exec, &result, &call, &cancel), VD_ERR_TIMEOUT);
    struct vd_hash after = world_root(w);
    assert_memory_equal(before.b, after.b, 32);
    assert_int_equal(world_run(w, transfer(NOBODY), ACC(RICH)).verdict, VD_TX_INCLUDED);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_transactions_change_nothing),
        cmocka_unit_test(test_contracts_send_only_through_delegation),
        cmocka_unit_test(test_the_highest_nonce_is_refused),
        cmocka_unit_test(test_l1_burns_the_base_fee),
        cmocka_unit_test(test_blob_gas_is_burnt_and_counted),
        cmocka_unit_test(test_l2_fees_go_to_the_vaults),
        cmocka_unit_test(test_only_isthmus_reads_the_operator_fee),
        cmocka_unit_test(test_l2_funds_are_checked_with_all_fees),
        cmocka_unit_test(test_the_floor_is_the_least_that_is_used),
        cmocka_unit_test(test_a_deposit_mints_and_pays_nothing),
        cmocka_unit_test(test_a_deposit_that_cannot_run_is_included_as_failed),
        cmocka_unit_test(test_a_deposit_that_reverts_keeps_mint_and_gas),
        cmocka_unit_test(test_a_deposit_creates_at_its_own_nonce),
        cmocka_unit_test(test_a_deposit_without_verdict_leaves_nothing),
        cmocka_unit_test(test_l1_knows_no_deposits),
        cmocka_unit_test(test_a_system_call_without_verdict_decides_nothing),
        cmocka_unit_test(test_l1_prague_without_request_contracts_is_invalid),
        cmocka_unit_test(test_a_built_block_verifies),
        cmocka_unit_test(test_an_undecided_transaction_leaves_the_block_undecided),
        cmocka_unit_test(test_calls_leave_nothing),
        cmocka_unit_test(test_a_cancelled_call_says_so_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
