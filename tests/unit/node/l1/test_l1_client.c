/* The L1 client over HTTP against a small L1 in the same process. */
#include "unit/node/l1/small_l1.h"

static void
test_heads_follow_and_reorgs_name_their_ancestor(void **state)
{
    (void)state;
    static struct fake f;
    struct log log = {0};
    struct vd_l1_listener listener = {&log, log_heads, log_reorg, log_reachable};
    fake_start(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){.expected_chain_id = CHAIN_ID});
    assert_int_equal(vd_l1_listen(l1, &listener), VD_OK);
    for (int i = 0; i < 10; i++)
        mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    assert_true(log.last.has_safe && log.last.safe.number == 6);
    assert_true(log.last.has_finalized && log.last.finalized.number == 2);
    assert_int_equal(log.reorgs, 0);
    for (unsigned depth = 1; depth <= 20; depth++) {
        for (int i = 0; i < 22; i++)
            mine(&f);
        follow(&f, l1);
        assert_int_equal(log.reorgs, depth - 1);
        unwind(&f, depth);
        struct vd_hash ancestor = f.blocks[f.height].hash;
        /* A shorter, an equally long or a longer chain. */
        for (unsigned i = 0; i + 1 < depth + depth % 3; i++)
            mine(&f);
        follow(&f, l1);
        assert_int_equal(log.reorgs, depth);
        assert_int_equal(log.lost_reorgs, 0);
        assert_true(vd_hash_eq(&log.ancestor.hash, &ancestor));
    }
    vd_l1_close(l1, NULL, NULL);
    fake_stop(&f);
}

static void
test_reorg_below_what_is_remembered_is_told_as_such(void **state)
{
    (void)state;
    static struct fake f;
    struct log log = {0};
    struct vd_l1_listener listener = {&log, log_heads, log_reorg, log_reachable};
    fake_start(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){.remembered_heads = 8});
    assert_int_equal(vd_l1_listen(l1, &listener), VD_OK);
    f.no_safe = true;
    mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    assert_false(log.last.has_safe);
    /* Far ahead of what is remembered, and no reorg. */
    for (int i = 0; i < 200; i++)
        mine(&f);
    follow(&f, l1);
    assert_int_equal(log.reorgs, 0);
    for (int i = 0; i < 20; i++)
        mine(&f);
    follow(&f, l1);
    assert_int_equal(log.reorgs, 0);
    unwind(&f, 15);
    for (int i = 0; i < 16; i++)
        mine(&f);
    follow(&f, l1);
    assert_int_equal(log.reorgs, 1);
    assert_int_equal(log.lost_reorgs, 1);
    vd_l1_close(l1, NULL, NULL);
    fake_stop(&f);
}

static bool
went_down(void *ctx)
{
    return ((struct log *)ctx)->down == 1;
}

static bool
came_up(void *ctx)
{
    return ((struct log *)ctx)->up == 2;
}

static void
test_unreachable_l1_is_told_once_with_its_reason(void **state)
{
    (void)state;
    static struct fake f;
    struct log log = {0};
    struct vd_l1_listener listener = {&log, log_heads, log_reorg, log_reachable};
    fake_start(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){.expected_chain_id = CHAIN_ID});
    assert_int_equal(vd_l1_listen(l1, &listener), VD_OK);
    mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    assert_int_equal(log.up, 1);
    f.broken = true;
    run_until(&f, went_down, &log);
    assert_string_equal(log.why, "down for maintenance");
    f.broken = false;
    run_until(&f, came_up, &log);
    f.chain_id = 7;
    f.tampered = true;
    log.down = 0;
    run_until(&f, went_down, &log);
    assert_non_null(strstr(log.why, "failed to verify block hash"));
    f.tampered = false;
    spin(&f, 200);
    assert_int_equal(log.up, 2); /* another chain answers now */
    vd_l1_close(l1, NULL, NULL);
    fake_stop(&f);
}

static void
test_blocks_are_fetched_ahead_cached_and_dropped_on_reorg(void **state)
{
    (void)state;
    static struct fake f;
    fake_start(&f);
    struct vd_address source = {{0xaa}};
    struct vd_l1 *l1 = connect_l1(
        &f, (struct vd_l1_config){
                .log_sources = &source, .log_source_count = 1, .prefetch = 8, .cache_blocks = 32});
    for (int i = 0; i < 40; i++)
        mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    for (uint64_t n = 1; n <= 20; n++)
        vd_l1_fetched_release(fetch(&f, l1, n).block);
    spin(&f, 50);
    assert_int_equal(f.block_calls, 28);
    assert_int_equal(f.receipt_calls, 0);
    struct fetched got = fetch(&f, l1, 10);
    assert_int_equal(f.block_calls, 28);
    vd_l1_fetched_release(got.block);
    unwind(&f, 20);
    for (int i = 0; i < 21; i++)
        mine(&f);
    follow(&f, l1);
    got = fetch(&f, l1, 21);
    assert_true(vd_hash_eq(&vd_l1_fetched_block(got.block)->hash, &f.blocks[21].hash));
    vd_l1_fetched_release(got.block);
    f.tampered = true;
    got = fetch(&f, l1, 0);
    assert_int_equal(got.err, VD_ERR_MISMATCH);
    assert_non_null(strstr(got.text, "failed to verify block hash"));
    /* A close while fetches are under way ends them. */
    struct fetched late = {0};
    vd_l1_block_fetch(l1, 1, on_fetched, &late);
    vd_l1_block_fetch(l1, 2, on_fetched, &late);
    vd_l1_close(l1, NULL, NULL);
    fake_stop(&f);
    assert_true(late.called);
    vd_l1_fetched_release(late.block);
}

static void
on_call(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    (void)bytes;
    assert_int_equal(status->err, VD_ERR_REFUSED);
    assert_int_equal(status->code, 3);
    assert_int_equal(status->data.len, 3);
    *(bool *)ctx = true;
}

static void
on_missing(void *ctx, const struct vd_l1_status *status, uint64_t value)
{
    (void)value;
    assert_int_equal(status->err, VD_ERR_REFUSED);
    assert_int_equal(status->code, -32601);
    *(bool *)ctx = true;
}

static void
test_errors_of_l1_reach_the_caller(void **state)
{
    (void)state;
    static struct fake f;
    bool done = false;
    struct vd_address to = {{1}};
    fake_start(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){0});
    vd_l1_call(l1, &to, vd_slice(NULL, 0), vd_l1_latest(), on_call, &done);
    run_until(&f, is_set, &done);
    done = false;
    vd_l1_block_number(l1, on_missing, &done);
    run_until(&f, is_set, &done);
    vd_l1_close(l1, NULL, NULL);
    fake_stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_follow_and_reorgs_name_their_ancestor),
        cmocka_unit_test(test_reorg_below_what_is_remembered_is_told_as_such),
        cmocka_unit_test(test_unreachable_l1_is_told_once_with_its_reason),
        cmocka_unit_test(test_blocks_are_fetched_ahead_cached_and_dropped_on_reorg),
        cmocka_unit_test(test_errors_of_l1_reach_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
