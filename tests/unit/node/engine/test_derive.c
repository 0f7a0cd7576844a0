/* Following: derived blocks are recognised or built, heads and the safe-head index move, invalid
   and unsupported ones are told apart. */
#include "harness.h"

static struct bench_engine bench;
static uint8_t memory[1 << 20];
static struct vd_arena arena;

/* A rollup whose genesis block is b's. */
static void
fill_rollup(struct bench_engine *b)
{
    static uint8_t scratch[1 << 22];
    struct vd_arena a;
    struct vd_header header;
    struct vd_hash hash;
    vd_arena_init(&a, scratch, sizeof scratch);
    assert_int_equal(vd_genesis_build(&header, &hash, &a, &b->chain, &b->genesis, NULL, NULL),
                     VD_OK);
    b->rollup = (struct vd_rollup_config){.genesis_l2 = {.hash = hash},
                                          .genesis_l2_time = b->genesis.timestamp,
                                          .block_time_s = 2,
                                          .max_sequencer_drift_s = 600,
                                          .seq_window_size = 3600,
                                          .channel_timeout = 300,
                                          .l1_chain_id = 900,
                                          .l2 = b->chain,
                                          .pectra_blob_schedule_time = VD_NEVER};
    b->rollup.genesis_system_config.gas_limit = 60000000;
    b->rollup.genesis_system_config.scalar[0] = 1;
    b->rollup.genesis_l1.hash.b[0] = 0x11;
    vd_chain_config_l1(&b->rollup.l1, 900, 0, 0);
}

static int
set_up(void **state)
{
    (void)state;
    bench_prepare(&bench, true);
    fill_rollup(&bench);
    bench_config(&bench, true);
    bench_open(&bench);
    vd_arena_init(&arena, memory, sizeof memory);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    bench_close(&bench);
    bench_remove(&bench);
    return 0;
}

/* Attributes on the newest block with L1's genesis as the origin; tail is added as they are. */
static struct vd_attributes
plan_on(const struct vd_block_info *parent, const struct vd_slice *user, size_t count)
{
    static struct vd_header l1;
    struct vd_attributes plan;
    l1 = (struct vd_header){.timestamp = bench.genesis.timestamp,
                            .has_base_fee = true,
                            .base_fee = vd_u256(7),
                            .has_blob_gas = true,
                            .has_parent_beacon_root = true};
    l1.mix_hash.b[5] = (uint8_t)parent->ref.number;
    struct vd_l1_origin origin = {.header = &l1, .hash = bench.rollup.genesis_l1.hash};
    assert_int_equal(vd_attributes_build(&plan, &arena, &bench.rollup, &parent->l2, &parent->system,
                                         &origin, user, count),
                     VD_OK);
    plan.no_tx_pool = count > 0;
    return plan;
}

static struct vd_block_info
genesis_info(void)
{
    struct vd_block_info info = {.ref = *vd_engine_genesis(bench.engine)};
    struct vd_view *view = view_of(&bench);
    assert_int_equal(vd_view_l2_ref(view, &info.l2, 0), VD_OK);
    assert_int_equal(vd_view_system(view, &info.system, 0), VD_OK);
    vd_view_close(view);
    return info;
}

static struct block_answer
derive(const struct vd_attributes *plan)
{
    struct block_answer a = {0};
    vd_engine_derive(bench.engine, plan, on_build, &a);
    wait_block(&bench, &a);
    return a;
}

/* A transfer of account's as the batch holds it. */
static struct vd_slice
transfer(unsigned account, uint64_t nonce)
{
    struct made_tx made;
    struct vd_tx tx = plain_tx(&bench, nonce, &bench.address[0], 1);
    sign_tx(&made, &tx, account);
    return vd_slice(vd_arena_copy(&arena, vd_slice(made.bytes, made.len)), made.len);
}

static void
wait_heads(uint64_t unsafe, uint64_t safe)
{
    while (vd_engine_heads(bench.engine)->unsafe.number != unsafe ||
           vd_engine_heads(bench.engine)->safe.number != safe) {
        uv_run(&bench.loop, UV_RUN_ONCE);
    }
}

static void
test_derived_blocks_are_built_and_become_safe(void **state)
{
    (void)state;
    struct vd_block_info tip = genesis_info();
    for (uint64_t n = 1; n <= 40; n++) {
        struct vd_slice user = transfer(1, n - 1);
        struct vd_attributes plan = plan_on(&tip, &user, 1);
        struct block_answer a = derive(&plan);
        assert_int_equal(a.err, VD_OK);
        if (a.verdict != VD_BUILD_VALID) {
            fail_msg("%s", a.why);
        }
        assert_false(a.was_there);
        assert_int_equal(a.info.ref.number, n);
        assert_int_equal(a.info.l2.sequence_number, n);
        assert_int_equal(a.info.tx_count, 2);
        /* Derivation may ask for it at once, in the database or not. */
        struct vd_view *view = view_of(&bench);
        struct vd_l2_ref ref;
        const struct vd_slice *txs = NULL;
        size_t count = 0;
        assert_int_equal(vd_view_l2_ref(view, &ref, n), VD_OK);
        assert_memory_equal(&ref.hash, &a.info.ref.hash, 32);
        assert_int_equal(vd_view_raw_txs(view, &txs, &count, n), VD_OK);
        assert_int_equal(count, 2);
        assert_true(vd_slice_eq(txs[1], user));
        vd_view_close(view);
        tip = a.info;
    }
    wait_heads(40, 40);
    assert_memory_equal(&vd_engine_heads(bench.engine)->safe.hash, &tip.ref.hash, 32);
    struct vd_engine_stats stats;
    vd_engine_stats(bench.engine, &stats);
    printf("40 derived blocks in %llu commits\n", (unsigned long long)stats.commits);
    assert_int_equal(account_at(&bench, &bench.address[1], 40).nonce, 40);
}

static void
test_a_block_that_stands_only_becomes_safe(void **state)
{
    (void)state;
    struct vd_block_info genesis = genesis_info();
    struct vd_attributes plan = plan_on(&genesis, NULL, 0);
    struct block_answer a = {0};
    vd_engine_open_block(bench.engine, &plan, on_block, &a);
    wait_block(&bench, &a);
    assert_int_equal(a.err, VD_OK);
    assert_int_equal(a.info.l2.l1_origin.number, 0);
    struct vd_slice user = transfer(1, 0);
    struct made_tx made = {.len = user.len};
    memcpy(made.bytes, user.ptr, user.len);
    assert_true(submit_tx(&bench, &made).in_block);
    struct block_answer sealed = seal_block(&bench);
    assert_int_equal(sealed.err, VD_OK);
    assert_int_equal(vd_engine_heads(bench.engine)->safe.number, 0);

    plan = plan_on(&genesis, &user, 1);
    a = derive(&plan);
    assert_int_equal(a.verdict, VD_BUILD_VALID);
    assert_true(a.was_there);
    assert_memory_equal(&a.info.ref.hash, &sealed.info.ref.hash, 32);
    wait_heads(1, 1);
    assert_int_equal(bench.reorgs, 0);
}

static void
test_another_block_replaces_the_unsafe_ones(void **state)
{
    (void)state;
    struct vd_block_info genesis = genesis_info();
    struct vd_block_info tip = genesis;
    /* Two unsafe blocks with a transaction each, a third open. */
    for (uint64_t n = 0; n < 3; n++) {
        struct vd_attributes plan = plan_on(&tip, NULL, 0);
        struct block_answer a = {0};
        vd_engine_open_block(bench.engine, &plan, on_block, &a);
        wait_block(&bench, &a);
        assert_int_equal(a.err, VD_OK);
        struct vd_slice user = transfer(2, n);
        struct made_tx made = {.len = user.len};
        memcpy(made.bytes, user.ptr, user.len);
        assert_true(submit_tx(&bench, &made).in_block);
        if (n < 2) {
            tip = seal_block(&bench).info;
        }
    }
    /* L1 says that block 1 held something else. */
    struct vd_slice user = transfer(3, 0);
    struct vd_attributes plan = plan_on(&genesis, &user, 1);
    struct block_answer a = derive(&plan);
    assert_int_equal(a.err, VD_OK);
    assert_int_equal(a.verdict, VD_BUILD_VALID);
    assert_false(a.was_there);
    wait_heads(1, 1);
    assert_int_equal(bench.reorgs, 1);
    /* Those of the three come back in their order. */
    plan = plan_on(&a.info, NULL, 0);
    struct block_answer opened = {0};
    vd_engine_open_block(bench.engine, &plan, on_block, &opened);
    wait_block(&bench, &opened);
    assert_int_equal(opened.info.tx_count, 4);
    struct vd_view *view = view_of(&bench);
    for (unsigned i = 0; i < 3; i++) {
        const struct vd_tx_record *r = &vd_view_pending(view)->txs[1 + i];
        assert_memory_equal(&r->sender, &bench.address[2], 20);
    }
    vd_view_close(view);
}

static void
test_invalid_and_unsupported_are_told_apart(void **state)
{
    (void)state;
    struct vd_block_info genesis = genesis_info();
    struct vd_slice user = transfer(1, 5);
    struct vd_attributes plan = plan_on(&genesis, &user, 1);
    struct block_answer a = derive(&plan);
    assert_int_equal(a.err, VD_OK);
    assert_int_equal(a.verdict, VD_BUILD_INVALID);
    assert_string_equal(a.why, "transaction 1: nonce too high");

    static const struct vd_address pairing = {{[19] = 8}};
    struct made_tx made;
    struct vd_tx tx = plain_tx(&bench, 0, &pairing, 0);
    tx.gas_limit = 200000;
    sign_tx(&made, &tx, 1);
    user = vd_slice(made.bytes, made.len);
    plan = plan_on(&genesis, &user, 1);
    a = derive(&plan);
    if (a.verdict != VD_BUILD_VALID) { /* a build with the precompile runs it */
        assert_int_equal(a.verdict, VD_BUILD_UNSUPPORTED);
        assert_non_null(strstr(a.why, "transaction 1 reaches precompile 0x00"));
        wait_heads(0, 0);
    }
    plan.parent.hash.b[0] ^= 1;
    a = derive(&plan);
    assert_int_equal(a.err, VD_ERR_MISMATCH);
}

static void
on_done(void *ctx, enum vd_err err)
{
    struct block_answer *a = ctx;
    a->err = err;
    a->done = true;
}

static void
test_the_safe_head_index_knows_its_range(void **state)
{
    (void)state;
    struct vd_block_info tip = genesis_info();
    struct vd_block_id ids[6] = {{.hash = tip.ref.hash}};
    for (uint64_t n = 1; n <= 5; n++) {
        struct vd_attributes plan = plan_on(&tip, NULL, 0);
        tip = derive(&plan).info;
        ids[n] = (struct vd_block_id){.hash = tip.ref.hash, .number = n};
        struct vd_l1_ref l1 = {.number = 100 + n};
        l1.hash.b[0] = (uint8_t)n;
        vd_engine_drained(bench.engine, &l1, &ids[n]);
    }
    /* Back to block 3: entries at L1 blocks that reorganised go. */
    struct block_answer done = {0};
    vd_engine_set_heads(bench.engine, &ids[3], &ids[3], &ids[2], 104, on_done, &done);
    wait_block(&bench, &done);
    assert_int_equal(done.err, VD_OK);
    wait_heads(3, 3);
    struct vd_view *view = view_of(&bench);
    struct vd_block_id l1;
    struct vd_block_id l2;
    uint64_t first = 0;
    uint64_t last = 0;
    assert_int_equal(vd_view_heads(view)->finalized.number, 2);
    assert_int_equal(vd_view_safe_head_at(view, &l1, &l2, &first, &last, 102), VD_OK);
    assert_int_equal(l2.number, 2);
    assert_int_equal(l1.hash.b[0], 2);
    assert_int_equal(first, 101);
    assert_int_equal(last, 103);
    assert_int_equal(vd_view_safe_head_at(view, &l1, &l2, &first, &last, 104), VD_ERR_NOT_FOUND);
    assert_int_equal(vd_view_safe_head_at(view, &l1, &l2, &first, &last, 100), VD_ERR_NOT_FOUND);
    vd_view_close(view);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_derived_blocks_are_built_and_become_safe, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_block_that_stands_only_becomes_safe, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_another_block_replaces_the_unsafe_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_invalid_and_unsupported_are_told_apart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_safe_head_index_knows_its_range, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
