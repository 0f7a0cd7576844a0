/* Headers, blocks, receipts, blooms, base fees and the table of rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/core/chain/fees.h"
#include "viaduct/core/chain/header.h"
#include "viaduct/core/chain/receipt.h"
#include "viaduct/core/crypto/keccak.h"

static uint8_t memory[4 << 20];

static struct vd_arena
new_arena(void)
{
    struct vd_arena arena;
    vd_arena_init(&arena, memory, sizeof memory);
    return arena;
}

static uint64_t
random_u64(struct vd_random *r)
{
    return vd_random_u64(r) >> vd_random_below(r, 64);
}

/* fields: how many of the optional groups, 0 to 5. */
static struct vd_header
random_header(struct vd_random *r, struct vd_arena *arena, unsigned fields)
{
    struct vd_header h;
    size_t extra_len = vd_random_below(r, 4) == 0 ? vd_random_below(r, 300) : 9;
    uint8_t *extra = vd_arena_alloc(arena, extra_len, 1);
    vd_random_bytes(r, (uint8_t *)&h, sizeof h);
    vd_random_bytes(r, extra, extra_len);
    h.extra_data = vd_slice(extra, extra_len);
    h.number = random_u64(r);
    h.timestamp = random_u64(r);
    h.has_base_fee = fields > 0;
    h.has_withdrawals_root = fields > 1;
    h.has_blob_gas = fields > 2;
    h.has_parent_beacon_root = fields > 3;
    h.has_requests_hash = fields > 4;
    return h;
}

static void
test_headers_round_trip(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("headers");
    for (unsigned i = 0; i < 6000; i++) {
        struct vd_arena arena = new_arena();
        struct vd_header h = random_header(&r, &arena, i % 6);
        struct vd_header back;
        struct vd_buf buf;
        struct vd_buf again;
        vd_buf_init(&buf, &arena);
        vd_header_encode(&buf, &h);
        assert_int_equal(vd_header_decode(&back, vd_buf_view(&buf)), VD_OK);
        vd_buf_init(&again, &arena);
        vd_header_encode(&again, &back);
        assert_true(vd_slice_eq(vd_buf_view(&buf), vd_buf_view(&again)));
        assert_int_equal(back.number, h.number);
        assert_int_equal(back.has_requests_hash, i % 6 == 5);
        struct vd_hash hash = vd_header_hash(&back);
        struct vd_hash want = vd_keccak256(vd_buf_view(&buf));
        assert_memory_equal(hash.b, want.b, 32);
    }
}

static void
test_fields_of_later_forks_are_unsupported(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("later fields");
    struct vd_arena arena = new_arena();
    struct vd_header h = random_header(&r, &arena, 5);
    struct vd_header back;
    struct vd_buf buf;
    struct vd_buf longer;
    vd_buf_init(&buf, &arena);
    vd_header_encode(&buf, &h);
    struct vd_rlp outer = vd_rlp(vd_buf_view(&buf));
    struct vd_rlp fields = vd_rlp_list(&outer);
    vd_buf_init(&longer, &arena);
    size_t list = vd_rlp_begin(&longer);
    vd_buf_bytes(&longer, fields.ptr, (size_t)(fields.end - fields.ptr));
    vd_rlp_put_u64(&longer, 7);
    vd_rlp_end(&longer, list);
    assert_int_equal(vd_header_decode(&back, vd_buf_view(&longer)), VD_ERR_UNSUPPORTED);
    vd_buf_byte(&longer, 0);
    assert_int_equal(vd_header_decode(&back, vd_buf_view(&longer)), VD_ERR_INVALID);
    /* Blob gas used without excess. */
    h = random_header(&r, &arena, 2);
    vd_buf_init(&buf, &arena);
    vd_header_encode(&buf, &h);
    outer = vd_rlp(vd_buf_view(&buf));
    fields = vd_rlp_list(&outer);
    vd_buf_init(&longer, &arena);
    list = vd_rlp_begin(&longer);
    vd_buf_bytes(&longer, fields.ptr, (size_t)(fields.end - fields.ptr));
    vd_rlp_put_u64(&longer, 7);
    vd_rlp_end(&longer, list);
    assert_int_equal(vd_header_decode(&back, vd_buf_view(&longer)), VD_ERR_INVALID);
}

static void
test_blocks_round_trip(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("blocks");
    static const uint8_t legacy[] = {0xc2, 0x01, 0x02};
    static const uint8_t typed[] = {0x02, 0xc1, 0x05};
    const struct vd_slice transactions[] = {{legacy, 3}, {typed, 3}, {legacy, 3}};
    const struct vd_withdrawal withdrawals[] = {{1, 2, {{3}}, 4}, {5, 6, {{7}}, UINT64_MAX}};
    for (unsigned i = 0; i < 300; i++) {
        struct vd_arena arena = new_arena();
        struct vd_block back;
        struct vd_buf buf;
        struct vd_buf again;
        struct vd_block block = {
            .header = random_header(&r, &arena, i % 6),
            .transactions = transactions,
            .transaction_count = vd_random_below(&r, 4),
            .has_withdrawals = i % 2 == 0,
            .withdrawals = withdrawals,
            .withdrawal_count = vd_random_below(&r, 3),
        };
        vd_buf_init(&buf, &arena);
        vd_block_encode(&buf, &block);
        assert_int_equal(vd_block_decode(&back, &arena, vd_buf_view(&buf)), VD_OK);
        assert_int_equal(back.transaction_count, block.transaction_count);
        for (size_t k = 0; k < back.transaction_count; k++)
            assert_true(vd_slice_eq(back.transactions[k], transactions[k]));
        struct vd_hash hash = vd_header_hash(&block.header);
        assert_memory_equal(back.hash.b, hash.b, 32);
        vd_buf_init(&again, &arena);
        vd_block_encode(&again, &back);
        assert_true(vd_slice_eq(vd_buf_view(&buf), vd_buf_view(&again)));
        for (size_t len = 0; len < buf.len; len += 1 + vd_random_below(&r, 20)) {
            struct vd_arena scratch = arena;
            assert_int_not_equal(vd_block_decode(&back, &scratch, vd_slice(buf.ptr, len)), VD_OK);
        }
    }
}

/* --- receipts --- */

static struct vd_receipt
random_receipt(struct vd_random *r, struct vd_arena *arena)
{
    static const enum vd_tx_type types[] = {VD_TX_LEGACY, VD_TX_DYNAMIC_FEE, VD_TX_DEPOSIT};
    struct vd_receipt receipt = {.type = types[vd_random_below(r, 3)],
                                 .success = vd_random_below(r, 2) == 0,
                                 .cumulative_gas_used = random_u64(r),
                                 .log_count = vd_random_below(r, 4)};
    struct vd_log *logs = VD_ARENA_NEW(arena, struct vd_log, receipt.log_count);
    for (size_t i = 0; i < receipt.log_count; i++) {
        size_t len = vd_random_below(r, 90);
        uint8_t *data = vd_arena_alloc(arena, len, 1);
        vd_random_bytes(r, data, len);
        vd_random_bytes(r, logs[i].address.b, 20);
        vd_random_bytes(r, (uint8_t *)logs[i].topics, sizeof logs[i].topics);
        logs[i].topic_count = (uint8_t)vd_random_below(r, 5);
        logs[i].data = vd_slice(data, len);
    }
    receipt.logs = logs;
    vd_bloom_add_logs(receipt.bloom, logs, receipt.log_count);
    if (receipt.type == VD_TX_DEPOSIT) {
        receipt.deposit_nonce = random_u64(r);
        receipt.deposit_version = 1;
    }
    return receipt;
}

static void
test_receipts_round_trip(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("receipts");
    for (int i = 0; i < 5000; i++) {
        struct vd_arena arena = new_arena();
        struct vd_receipt receipt = random_receipt(&r, &arena);
        struct vd_receipt back;
        struct vd_buf buf;
        struct vd_buf again;
        vd_buf_init(&buf, &arena);
        vd_receipt_encode(&buf, &receipt);
        assert_int_equal(vd_receipt_decode(&back, &arena, vd_buf_view(&buf)), VD_OK);
        assert_int_equal(back.log_count, receipt.log_count);
        assert_int_equal(back.deposit_nonce, receipt.deposit_nonce);
        vd_buf_init(&again, &arena);
        vd_receipt_encode(&again, &back);
        assert_true(vd_slice_eq(vd_buf_view(&buf), vd_buf_view(&again)));
        for (size_t k = 0; k < receipt.log_count; k++)
            assert_true(vd_bloom_may_have(back.bloom, vd_slice(receipt.logs[k].address.b, 20)));
    }
}

static void
test_receipts_of_unknown_types_are_unsupported(void **state)
{
    (void)state;
    struct vd_receipt receipt;
    struct vd_arena arena = new_arena();
    static const uint8_t unknown[] = {0x05, 0xc0};
    static const uint8_t zero[] = {0x00, 0xc0};
    assert_int_equal(vd_receipt_decode(&receipt, &arena, vd_slice(unknown, 2)), VD_ERR_UNSUPPORTED);
    assert_int_equal(vd_receipt_decode(&receipt, &arena, vd_slice(zero, 2)), VD_ERR_INVALID);
    assert_int_equal(vd_receipt_decode(&receipt, &arena, vd_slice(NULL, 0)), VD_ERR_INVALID);
}

/* Three bits at most, and what was not put in is mostly not found. */
static void
test_blooms_hold_three_bits_an_item(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("blooms");
    unsigned wrong = 0;
    for (int i = 0; i < 1000; i++) {
        uint8_t bloom[256] = {0};
        uint8_t item[20];
        unsigned bits = 0;
        vd_random_bytes(&r, item, sizeof item);
        vd_bloom_add(bloom, vd_slice(item, sizeof item));
        for (size_t k = 0; k < sizeof bloom; k++)
            bits += (unsigned)__builtin_popcount(bloom[k]);
        assert_true(bits >= 1 && bits <= 3);
        assert_true(vd_bloom_may_have(bloom, vd_slice(item, sizeof item)));
        item[0] ^= 1;
        wrong += vd_bloom_may_have(bloom, vd_slice(item, sizeof item));
    }
    assert_in_range(wrong, 0, 2);
}

/* --- fees --- */

/* go-ethereum, consensus/misc/eip4844, TestFakeExponential: the cases with factor 1. */
static void
test_blob_base_fees(void **state)
{
    (void)state;
    static const struct {
        uint64_t excess, fraction, fee;
    } cases[] = {
        {0, 1, 1},  {2, 1, 6},  {4, 2, 6},  {3, 1, 16},
        {6, 2, 18}, {4, 1, 49}, {8, 2, 50}, {50000000, 2225652, 5709098764},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vd_u256 fee = vd_blob_base_fee(cases[i].excess, cases[i].fraction);
        assert_true(vd_u256_fits_u64(&fee));
        assert_int_equal(fee.w[0], cases[i].fee);
    }
    /* Absurd input ends, and with a fee that nobody pays. */
    struct vd_u256 most = vd_blob_base_fee(UINT64_MAX, 1);
    assert_true(vd_u256_bit_len(&most) > 160);
}

static void
test_excess_blob_gas_follows_the_target(void **state)
{
    (void)state;
    const struct vd_blob_params params = {.target = 3};
    const uint64_t blob = 131072;
    struct vd_header parent = {.blob_gas_used = 2 * blob};
    assert_int_equal(vd_next_excess_blob_gas(&parent, &params), 0);
    parent.blob_gas_used = 6 * blob;
    assert_int_equal(vd_next_excess_blob_gas(&parent, &params), 3 * blob);
    parent.excess_blob_gas = 5 * blob + 1;
    assert_int_equal(vd_next_excess_blob_gas(&parent, &params), 8 * blob + 1);
    parent.excess_blob_gas = UINT64_MAX;
    assert_int_equal(vd_next_excess_blob_gas(&parent, &params), UINT64_MAX - 3 * blob);
}

/* OP Stack specs, Holocene execution engine: dynamic EIP-1559 parameters. */
static void
test_holocene_base_fees(void **state)
{
    (void)state;
    static const struct {
        uint32_t denominator, elasticity;
        uint64_t used, fee;
    } cases[] = {
        {10, 2, 10000000, 9666667},
        {10, 2, 20000000, 10333333},
        {2, 10, 1000000, 6666667},
        {2, 10, 30000000, 55000000},
    };
    const struct vd_chain_config config = {.is_l2 = true};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t extra[9];
        struct vd_u256 fee;
        const struct vd_eip1559_params params = {cases[i].denominator, cases[i].elasticity};
        vd_holocene_extra_encode(extra, &params);
        const struct vd_header parent = {.gas_limit = 30000000,
                                         .gas_used = cases[i].used,
                                         .base_fee = vd_u256(10000000),
                                         .extra_data = vd_slice(extra, sizeof extra)};
        assert_int_equal(vd_base_fee_l2(&fee, &parent, &config), VD_OK);
        assert_int_equal(fee.w[0], cases[i].fee);
    }
}

/* The chain's constants govern children of blocks before Holocene, whatever their extra data. */
static void
test_base_fee_without_parameters(void **state)
{
    (void)state;
    struct vd_u256 fee;
    const struct vd_chain_config config = {.is_l2 = true,
                                           .holocene_time = 100,
                                           .eip1559_elasticity = 6,
                                           .eip1559_denominator_canyon = 250};
    struct vd_header parent = {
        .timestamp = 99, .gas_limit = 30000000, .gas_used = 30000000, .base_fee = vd_u256(1000)};
    assert_int_equal(vd_base_fee_l2(&fee, &parent, &config), VD_OK);
    assert_int_equal(fee.w[0], 1000 + 1000 * 5 / 250);
    parent.timestamp = 100;
    assert_int_equal(vd_base_fee_l2(&fee, &parent, &config), VD_ERR_INVALID);
    /* A full block raises even the smallest fee (EIP-1559: by 1 at least). */
    parent.base_fee = vd_u256(1);
    assert_int_equal(vd_base_fee_l1(&parent).w[0], 2);
}

/* OP Stack specs, Fjord execution engine: FastLZ. */
static void
test_l1_fee_examples(void **state)
{
    (void)state;
    uint8_t same[1000];
    memset(same, 1, sizeof same);
    assert_int_equal(vd_flz_len(vd_slice(NULL, 0)), 0);
    assert_int_equal(vd_flz_len(vd_slice(same, sizeof same)), 21);
    struct vd_l1_fee_params params = {.l1_base_fee = vd_u256(1000000000),
                                      .blob_base_fee = vd_u256(10000000),
                                      .base_fee_scalar = 2,
                                      .blob_base_fee_scalar = 3};
    assert_int_equal(vd_l1_fee(vd_slice(same, 30), &params).w[0], 3203000);
    params = (struct vd_l1_fee_params){.l1_base_fee = vd_u256(2000000),
                                       .blob_base_fee = vd_u256(3000000),
                                       .base_fee_scalar = 20,
                                       .blob_base_fee_scalar = 15};
    struct vd_u256 size = vd_l1_size_of_flz(235);
    assert_int_equal(vd_l1_fee_of_size(&size, &params).w[0], 105484);
}

/* Random bytes do not compress: the length only grows, by a literal's byte in 32. */
static void
test_flz_of_noise_is_longer(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("flz");
    for (size_t i = 0; i < 2000; i++) {
        uint8_t bytes[200];
        size_t len = vd_random_below(&r, sizeof bytes);
        vd_random_bytes(&r, bytes, len);
        uint32_t flz = vd_flz_len(vd_slice(bytes, len));
        assert_in_range(flz, len, len + len / 32 + 1);
    }
}

/* --- rules --- */

static void
test_forks_follow_the_clock(void **state)
{
    (void)state;
    struct vd_chain_config l1;
    vd_chain_config_l1(&l1, 1, 100, 200);
    assert_null(vd_chain_rules(&l1, 99));
    assert_string_equal(vd_chain_rules(&l1, 100)->name, "Cancun");
    assert_string_equal(vd_chain_rules(&l1, 199)->name, "Cancun");
    assert_string_equal(vd_chain_rules(&l1, 200)->name, "Prague");
    assert_int_equal(vd_chain_blobs(&l1, 199)->max, 6);
    assert_int_equal(vd_chain_blobs(&l1, 200)->max, 9);
    l1.unknown_fork_time = 300;
    assert_string_equal(vd_chain_rules(&l1, 299)->name, "Prague");
    assert_null(vd_chain_rules(&l1, 300));
    const struct vd_chain_config l2 = {.is_l2 = true, .holocene_time = 5, .isthmus_time = VD_NEVER};
    assert_null(vd_chain_rules(&l2, 4));
    assert_string_equal(vd_chain_rules(&l2, UINT64_MAX)->name, "Holocene");
    assert_true(vd_chain_rules(&l2, 5)->is_l2);
    vd_chain_config_l1(&l1, 1, 0, 0);
    assert_string_equal(vd_chain_rules(&l1, 0)->name, "Prague");
    assert_int_equal(vd_chain_blobs(&l1, 0)->max, 9);
    assert_null(vd_rules_find("Osaka"));
    assert_null(vd_rules_find("Can"));
    assert_null(vd_rules_find("Cancuns"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_round_trip),
        cmocka_unit_test(test_fields_of_later_forks_are_unsupported),
        cmocka_unit_test(test_blocks_round_trip),
        cmocka_unit_test(test_receipts_round_trip),
        cmocka_unit_test(test_receipts_of_unknown_types_are_unsupported),
        cmocka_unit_test(test_blooms_hold_three_bits_an_item),
        cmocka_unit_test(test_blob_base_fees),
        cmocka_unit_test(test_excess_blob_gas_follows_the_target),
        cmocka_unit_test(test_holocene_base_fees),
        cmocka_unit_test(test_base_fee_without_parameters),
        cmocka_unit_test(test_l1_fee_examples),
        cmocka_unit_test(test_flz_of_noise_is_longer),
        cmocka_unit_test(test_forks_follow_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
