/* Attributes, references and configuration; the ring of L1 blocks against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/rollup/l1_window.h"
#include "support/random.h"
#include "viaduct/core/rollup/attributes.h"

enum { ARENA_BYTES = 4 << 20 };

static struct vd_arena arena;
static struct vd_rollup_config config;
static struct vd_l2_ref parent;
static struct vd_header l1_header;
static struct vd_l1_origin origin;
static struct vd_system_config system_config;

static int
setup(void **state)
{
    (void)state;
    vd_arena_rewind(&arena, 0);
    config = (struct vd_rollup_config){
        .genesis_l2_time = 1000,
        .block_time_s = 2,
        .seq_window_size = 2,
        .l1_chain_id = 900,
        .batch_inbox = {{1}},
        .deposit_contract = {{2}},
        .l1_system_config = {{3}},
        .pectra_blob_schedule_time = VD_NEVER,
    };
    config.l2 = (struct vd_chain_config){
        .chain_id = 901, .is_l2 = true, .eip1559_elasticity = 6, .eip1559_denominator_canyon = 250};
    vd_chain_config_l1(&config.l1, 900, 0, 5000);
    config.genesis_system_config.gas_limit = 30000000;
    config.genesis_l1 = (struct vd_block_id){{{0x11}}, 7};
    config.genesis_l2 = (struct vd_block_id){{{0x22}}, 0};
    parent = (struct vd_l2_ref){.hash = {{0x33}},
                                .number = 9,
                                .timestamp = 6000,
                                .l1_origin = {{{0x44}}, 40},
                                .sequence_number = 3};
    l1_header = (struct vd_header){
        .number = 41, .parent_hash = {{0x44}}, .timestamp = 6002, .has_base_fee = true};
    l1_header.mix_hash.b[3] = 9;
    origin = (struct vd_l1_origin){.header = &l1_header, .hash = {{0x55}}};
    system_config = config.genesis_system_config;
    return 0;
}

static enum vd_err
build(struct vd_attributes *out)
{
    return vd_attributes_build(out, &arena, &config, &parent, &system_config, &origin, NULL, 0);
}

static struct vd_l1_info
info_of(const struct vd_attributes *attributes)
{
    struct vd_tx tx;
    struct vd_l1_info info;
    assert_int_equal(vd_tx_decode(&tx, NULL, &arena, attributes->transactions[0]), VD_OK);
    assert_int_equal(vd_l1_info_decode(&info, tx.data), VD_OK);
    return info;
}

static void
test_origin_must_follow_the_parents(void **state)
{
    struct vd_attributes a;
    (void)state;
    assert_int_equal(build(&a), VD_OK);
    assert_int_equal(a.sequence_number, 0);
    l1_header.timestamp++;
    assert_int_equal(build(&a), VD_ERR_MISMATCH); /* younger than the block */
    l1_header.timestamp--;
    l1_header.parent_hash.b[0] ^= 1;
    assert_int_equal(build(&a), VD_ERR_MISMATCH);
    l1_header.parent_hash.b[0] ^= 1;
    l1_header.number = 42;
    assert_int_equal(build(&a), VD_ERR_MISMATCH);
    l1_header.number = 40;
    assert_int_equal(build(&a), VD_ERR_MISMATCH); /* the same number, another hash */
    origin.hash = parent.l1_origin.hash;
    assert_int_equal(build(&a), VD_OK);
    assert_int_equal(a.sequence_number, 4);
    l1_header.number = 39;
    assert_int_equal(build(&a), VD_ERR_MISMATCH);
}

static void
test_deposits_only_when_the_epoch_opens(void **state)
{
    static const uint8_t raw[] = {0x7e, 0xc0};
    static const uint8_t user_raw[] = {0x02, 0xc0};
    struct vd_slice deposits[2] = {vd_slice(raw, 2), vd_slice(raw, 2)};
    struct vd_slice user = vd_slice(user_raw, 2);
    struct vd_attributes a;
    (void)state;
    origin.deposits = deposits;
    origin.deposit_count = 2;
    assert_int_equal(
        vd_attributes_build(&a, &arena, &config, &parent, &system_config, &origin, &user, 1),
        VD_OK);
    assert_int_equal(a.transaction_count, 4);
    assert_int_equal(a.deposit_count, 3);
    assert_true(a.transactions[3].ptr == user_raw);
    l1_header.number = 40;
    origin.hash = parent.l1_origin.hash;
    assert_int_equal(build(&a), VD_OK);
    assert_int_equal(a.transaction_count, 1);
}

static void
test_sequencer_may_take_transactions_within_the_drift(void **state)
{
    struct vd_attributes a;
    (void)state;
    l1_header.timestamp = 6002 - 1800;
    assert_int_equal(build(&a), VD_OK);
    assert_false(a.no_tx_pool);
    l1_header.timestamp--;
    assert_int_equal(build(&a), VD_OK);
    assert_true(a.no_tx_pool);
}

/* EIP-4844 by hand: e^(excess / fraction) rounded down is 2 from fraction * ln 2 on and 2 up to
   fraction * ln 3. */
static void
test_blob_base_fee_follows_l1(void **state)
{
    struct vd_attributes a;
    (void)state;
    assert_int_equal(build(&a), VD_OK); /* no excess in the header */
    assert_int_equal(info_of(&a).blob_base_fee.w[0], 1);
    l1_header.has_blob_gas = true;
    l1_header.excess_blob_gas = 3338477; /* e^1 under Cancun, e^0.67 under Prague */
    assert_int_equal(build(&a), VD_OK);
    assert_int_equal(info_of(&a).blob_base_fee.w[0], 1);
    l1_header.timestamp = 4999; /* Cancun's time */
    assert_int_equal(build(&a), VD_OK);
    assert_int_equal(info_of(&a).blob_base_fee.w[0], 2);
    /* The schedule of Prague may come later on L2 than on L1. */
    l1_header.timestamp = 6002;
    config.pectra_blob_schedule_time = 6003;
    assert_int_equal(build(&a), VD_OK);
    assert_int_equal(info_of(&a).blob_base_fee.w[0], 2);
    config.pectra_blob_schedule_time = 6002;
    assert_int_equal(build(&a), VD_OK);
    assert_int_equal(info_of(&a).blob_base_fee.w[0], 1);
    config.l1.blob_count = 0;
    assert_int_equal(build(&a), VD_ERR_UNSUPPORTED);
}

static void
test_fork_decides_the_form_of_the_attributes(void **state)
{
    struct vd_attributes a;
    (void)state;
    config.l2.isthmus_time = VD_NEVER;
    assert_int_equal(build(&a), VD_OK);
    assert_false(info_of(&a).isthmus);
    config.l2.isthmus_time = 0;
    assert_int_equal(build(&a), VD_OK);
    assert_true(info_of(&a).isthmus);
    config.l2.unknown_fork_time = 6002;
    assert_int_equal(build(&a), VD_ERR_UNSUPPORTED);
    config.l2.unknown_fork_time = 6003;
    assert_int_equal(build(&a), VD_OK);
}

static void
test_scalars_of_both_versions(void **state)
{
    struct vd_system_config s = {0};
    uint32_t base;
    uint32_t blob;
    (void)state;
    vd_store_be32(s.scalar + 28, 1234);
    vd_system_config_scalars(&s, &base, &blob);
    assert_int_equal(base, 1234);
    assert_int_equal(blob, 0);
    s.scalar[27] = 1;
    vd_system_config_scalars(&s, &base, &blob);
    assert_int_equal(base, UINT32_MAX);
    assert_int_equal(blob, 0);
    s.scalar[0] = 1;
    vd_system_config_scalars(&s, &base, &blob);
    assert_int_equal(base, 1234);
    assert_int_equal(blob, 1);
}

static void
test_match_sees_every_field(void **state)
{
    static const uint8_t user_raw[] = {0x02, 0xc0};
    struct vd_slice user = vd_slice(user_raw, 2);
    struct vd_attributes a;
    struct vd_header header;
    struct vd_slice txs[2];
    uint8_t extra[9];
    (void)state;
    assert_int_equal(
        vd_attributes_build(&a, &arena, &config, &parent, &system_config, &origin, &user, 1),
        VD_OK);
    memcpy(extra, a.env.extra_data.ptr, 9);
    memcpy(txs, a.transactions, sizeof txs);
    const struct vd_header good = {.parent_hash = parent.hash,
                                   .timestamp = 6002,
                                   .gas_limit = 30000000,
                                   .beneficiary = VD_SEQUENCER_FEE_VAULT,
                                   .mix_hash = l1_header.mix_hash,
                                   .extra_data = vd_slice(extra, 9),
                                   .has_parent_beacon_root = true};
    assert_true(vd_attributes_match(&a, &good, txs, 2));
    for (unsigned i = 0; i < 7; i++) {
        header = good;
        uint8_t *const fields[] = {header.parent_hash.b,
                                   (uint8_t *)&header.timestamp,
                                   (uint8_t *)&header.gas_limit,
                                   header.beneficiary.b,
                                   header.mix_hash.b,
                                   &extra[8],
                                   header.parent_beacon_root.b};
        fields[i][0] ^= 1;
        assert_false(vd_attributes_match(&a, &header, txs, 2));
        fields[i][0] ^= 1;
    }
    assert_false(vd_attributes_match(&a, &good, txs, 1));
    static const uint8_t other_raw[] = {0x02, 0xc1};
    txs[1].ptr = other_raw;
    assert_false(vd_attributes_match(&a, &good, txs, 2));
}

/* --- references --- */

static void
test_references_come_from_the_first_transaction(void **state)
{
    struct vd_attributes a;
    struct vd_l2_ref ref;
    struct vd_system_config read;
    (void)state;
    system_config.batcher.b[4] = 0xba;
    system_config.scalar[0] = 1;
    vd_store_be32(system_config.scalar + 24, 77);
    vd_store_be32(system_config.scalar + 28, 88);
    system_config.eip1559 = (struct vd_eip1559_params){50, 2};
    system_config.operator_fee_scalar = 5;
    system_config.operator_fee_constant = 6;
    assert_int_equal(build(&a), VD_OK);
    struct vd_header header = {.number = 10,
                               .parent_hash = parent.hash,
                               .timestamp = 6002,
                               .gas_limit = 30000000,
                               .extra_data = a.env.extra_data};
    struct vd_hash hash = {{0x66}};
    size_t mark = vd_arena_mark(&arena);
    assert_int_equal(vd_l2_ref_read(&ref, &config, &header, &hash, a.transactions[0], &arena),
                     VD_OK);
    assert_int_equal(vd_arena_mark(&arena), mark);
    assert_int_equal(ref.number, 10);
    assert_true(vd_hash_eq(&ref.l1_origin.hash, &origin.hash));
    assert_int_equal(ref.l1_origin.number, 41);
    assert_int_equal(ref.sequence_number, 0);
    assert_int_equal(
        vd_system_config_read(&read, &config, &header, &hash, a.transactions[0], &arena), VD_OK);
    assert_memory_equal(&read, &system_config, sizeof read);
    static const uint8_t junk[] = {0x02, 0xc0};
    assert_int_equal(vd_l2_ref_read(&ref, &config, &header, &hash, vd_slice(junk, 2), &arena),
                     VD_ERR_INVALID);
    assert_int_equal(vd_l2_ref_read(&ref, &config, &header, &hash, vd_slice(NULL, 0), &arena),
                     VD_ERR_INVALID);
}

static void
test_genesis_has_its_reference_from_the_configuration(void **state)
{
    struct vd_l2_ref ref;
    struct vd_system_config read;
    struct vd_header header = {.timestamp = 1000};
    struct vd_hash hash = config.genesis_l2.hash;
    (void)state;
    assert_int_equal(vd_l2_ref_read(&ref, &config, &header, &hash, vd_slice(NULL, 0), &arena),
                     VD_OK);
    assert_int_equal(ref.l1_origin.number, 7);
    assert_int_equal(
        vd_system_config_read(&read, &config, &header, &hash, vd_slice(NULL, 0), &arena), VD_OK);
    assert_memory_equal(&read, &config.genesis_system_config, sizeof read);
    hash.b[0] ^= 1;
    assert_int_equal(vd_l2_ref_read(&ref, &config, &header, &hash, vd_slice(NULL, 0), &arena),
                     VD_ERR_INVALID);
    assert_int_equal(vd_l2_time(&config, 5), 1010);
}

static void
expect_config(enum vd_err expected)
{
    const char *reason;
    assert_int_equal(vd_rollup_config_check(&config, &reason), expected);
    assert_true((reason == NULL) == (expected == VD_OK));
    (void)setup(NULL);
}

static void
test_configurations_that_cannot_run_are_refused(void **state)
{
    (void)state;
    expect_config(VD_OK);
    config.l2.isthmus_time = VD_NEVER;
    expect_config(VD_OK);
    config.block_time_s = 0;
    expect_config(VD_ERR_INVALID);
    config.seq_window_size = 1;
    expect_config(VD_ERR_INVALID);
    config.l2.chain_id = 900;
    expect_config(VD_ERR_INVALID);
    config.batch_inbox.b[0] = 0;
    expect_config(VD_ERR_INVALID);
    config.deposit_contract.b[0] = 0;
    expect_config(VD_ERR_INVALID);
    config.genesis_system_config.scalar[0] = 2;
    expect_config(VD_ERR_INVALID);
    config.l2.holocene_time = 1001;
    expect_config(VD_ERR_UNSUPPORTED);
    config.l2.isthmus_time = 1001;
    expect_config(VD_ERR_UNSUPPORTED);
    config.l2.unknown_fork_time = 1000;
    expect_config(VD_ERR_UNSUPPORTED);
    config.l2.unknown_fork_time = 1001;
    expect_config(VD_OK);
}

/* --- deposits from decoded and from raw receipts --- */

static struct vd_log
deposit_log(size_t data_len)
{
    static const char topic[] = "b3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32";
    size_t padded = (73 + data_len + 31) / 32 * 32;
    uint8_t *data = vd_arena_zeroed(&arena, 64 + padded, 1, 1);
    assert_non_null(data);
    data[31] = 32;
    vd_store_be64(data + 56, 73 + data_len);
    struct vd_log log = {
        .address = config.deposit_contract, .topic_count = 4, .data = vd_slice(data, 64 + padded)};
    assert_int_equal(vd_hex_decode(log.topics[0].b, 32, topic, 64), VD_OK);
    return log;
}

static void
test_deposits_of_both_forms_are_the_same(void **state)
{
    struct vd_random r = vd_random_start("deposits");
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct vd_receipt receipts[6] = {{0}};
        struct vd_slice raw[6];
        struct vd_log logs[6][4];
        struct vd_slice *a;
        struct vd_slice *b;
        size_t a_count;
        size_t b_count;
        size_t expected = 0;
        size_t index = 0;
        uint64_t indices[24];
        struct vd_hash block = {{(uint8_t)round}};
        vd_arena_rewind(&arena, 0);
        for (size_t i = 0; i < 6; i++) {
            receipts[i].type = (enum vd_tx_type)vd_random_below(&r, 5);
            receipts[i].success = vd_random_below(&r, 4) != 0;
            receipts[i].log_count = receipts[i].success ? vd_random_below(&r, 5) : 0;
            receipts[i].logs = logs[i];
            for (size_t j = 0; j < receipts[i].log_count; j++, index++) {
                logs[i][j] = deposit_log(vd_random_below(&r, 100));
                unsigned kind = (unsigned)vd_random_below(&r, 3);
                if (kind == 0)
                    logs[i][j].address.b[0] ^= 1;
                if (kind == 1)
                    logs[i][j].topics[0].b[0] ^= 1;
                if (kind == 2)
                    indices[expected++] = index;
            }
            struct vd_buf buf;
            vd_buf_init(&buf, &arena);
            vd_receipt_encode(&buf, &receipts[i]);
            raw[i] = vd_buf_view(&buf);
        }
        assert_int_equal(
            vd_deposits_read(&a, &a_count, &arena, &config.deposit_contract, &block, receipts, 6),
            VD_OK);
        assert_int_equal(
            vd_deposits_read_raw(&b, &b_count, &arena, &config.deposit_contract, &block, raw, 6),
            VD_OK);
        assert_int_equal(a_count, expected);
        assert_int_equal(b_count, expected);
        for (size_t i = 0; i < expected; i++) {
            struct vd_tx tx;
            struct vd_hash source = vd_source_hash(0, &block, indices[i]);
            assert_true(vd_slice_eq(a[i], b[i]));
            assert_int_equal(vd_tx_decode(&tx, NULL, &arena, a[i]), VD_OK);
            assert_true(vd_hash_eq(&tx.source_hash, &source));
        }
    }
}

/* --- the window of L1 blocks --- */

static struct vd_slice
receipt_with(size_t deposits, size_t data_len)
{
    struct vd_log logs[4];
    struct vd_receipt receipt = {.success = true, .logs = logs, .log_count = deposits};
    struct vd_buf buf;
    for (size_t i = 0; i < deposits; i++)
        logs[i] = deposit_log(data_len);
    vd_buf_init(&buf, &arena);
    vd_receipt_encode(&buf, &receipt);
    return vd_buf_view(&buf);
}

/* Every entry that was kept holds, as long as it is there, what parsing its receipt anew gives. */
static void
check_entry(const struct vd_l1_entry *entry, struct vd_slice receipt)
{
    struct vd_slice *expected;
    size_t count;
    assert_int_equal(vd_deposits_read_raw(&expected, &count, &arena, &config.deposit_contract,
                                          &entry->epoch.ref.hash, &receipt, 1),
                     VD_OK);
    if (!entry->deposits_kept)
        return;
    assert_int_equal(entry->deposit_count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(vd_slice_eq(entry->deposits[i], expected[i]));
}

static void
test_window_holds_what_it_keeps(void **state)
{
    struct vd_random r = vd_random_start("window of L1 blocks");
    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        struct vd_l1_window w;
        struct vd_slice receipts[16];
        struct vd_system_patch patch = {0};
        uint64_t first = 5;
        uint64_t next = 5;
        size_t kept = 0;
        vd_arena_rewind(&arena, 0);
        assert_int_equal(vd_l1_window_init(&w, &arena, 16, vd_random_below(&r, 4000)), VD_OK);
        uint8_t *copies = vd_arena_alloc(&arena, 16 * 4096, 1);
        size_t mark = vd_arena_mark(&arena);
        for (unsigned step = 0; step < 2000; step++) {
            vd_arena_rewind(&arena, mark);
            if (next - first < 16 && vd_random_below(&r, 2) == 0) {
                struct vd_epoch epoch = {.ref = {.number = next, .hash = {{(uint8_t)next}}}};
                struct vd_slice receipt =
                    receipt_with(vd_random_below(&r, 5), vd_random_below(&r, 200));
                uint8_t *copy = copies + 4096 * (next % 16);
                assert_true(receipt.len <= 4096);
                memcpy(copy, receipt.ptr, receipt.len);
                receipts[next % 16] = vd_slice(copy, receipt.len);
                vd_l1_window_push(&w, &epoch, &patch, &config.deposit_contract,
                                  &receipts[next % 16], 1);
                kept += vd_l1_window_find(&w, next)->deposits_kept;
                next++;
            } else if (first < next) {
                vd_l1_window_pop(&w);
                first++;
            }
            assert_int_equal(w.count, next - first);
            assert_null(vd_l1_window_find(&w, first - 1));
            assert_null(vd_l1_window_find(&w, next));
            for (uint64_t n = first; n < next; n++) {
                assert_ptr_equal(vd_l1_window_find(&w, n),
                                 vd_l1_window_at(&w, (size_t)(n - first)));
                check_entry(vd_l1_window_find(&w, n), receipts[n % 16]);
            }
        }
        assert_true(kept > 0 || w.ring_size < 1000);
    }
}

/* With three blocks at a time, and room for five, everything is kept however long it goes on. */
static void
test_window_gives_room_back(void **state)
{
    struct vd_l1_window w;
    struct vd_system_patch patch = {0};
    (void)state;
    struct vd_slice receipt = receipt_with(3, 100);
    assert_int_equal(vd_l1_window_init(&w, &arena, 16, 5 * 900), VD_OK);
    for (uint64_t n = 0; n < 1000; n++) {
        struct vd_epoch epoch = {.ref = {.number = n}};
        vd_l1_window_push(&w, &epoch, &patch, &config.deposit_contract, &receipt, 1);
        assert_true(vd_l1_window_find(&w, n)->deposits_kept);
        if (n >= 2)
            vd_l1_window_pop(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_origin_must_follow_the_parents, setup),
        cmocka_unit_test_setup(test_deposits_only_when_the_epoch_opens, setup),
        cmocka_unit_test_setup(test_sequencer_may_take_transactions_within_the_drift, setup),
        cmocka_unit_test_setup(test_blob_base_fee_follows_l1, setup),
        cmocka_unit_test_setup(test_fork_decides_the_form_of_the_attributes, setup),
        cmocka_unit_test_setup(test_scalars_of_both_versions, setup),
        cmocka_unit_test_setup(test_match_sees_every_field, setup),
        cmocka_unit_test_setup(test_references_come_from_the_first_transaction, setup),
        cmocka_unit_test_setup(test_genesis_has_its_reference_from_the_configuration, setup),
        cmocka_unit_test_setup(test_configurations_that_cannot_run_are_refused, setup),
        cmocka_unit_test_setup(test_deposits_of_both_forms_are_the_same, setup),
        cmocka_unit_test_setup(test_window_gives_room_back, setup),
        cmocka_unit_test_setup(test_window_holds_what_it_keeps, setup),
    };
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(arena.base);
    return failed;
}
