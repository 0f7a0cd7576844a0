/* The sequencer's choice of an L1 origin, and the heads that a node starts with, as tables after
   the OP Stack specs (derivation: L1 origin selection in the sequencer, finding the L1 sync start).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "viaduct/core/rollup/origin.h"

/* The new block's time is 1000; times are those of the origins, next 0: not known. */
static void
test_origin_choice(void **state)
{
    static const struct {
        const char *what;
        uint64_t current;
        uint64_t next;
        enum vd_origin_choice choice;
        bool no_tx_pool;
    } cases[] = {
        {"next is young enough", 990, 1000, VD_ORIGIN_USE_NEXT, false},
        {"next is too young", 990, 1001, VD_ORIGIN_USE_CURRENT, false},
        {"next is unknown", 990, 0, VD_ORIGIN_USE_CURRENT, false},
        {"drift just not used up", 1000000 - 1800, 0, VD_ORIGIN_USE_CURRENT, false},
        {"drift used up", 1000000 - 1801, 0, VD_ORIGIN_WAIT_FOR_NEXT, true},
        {"drift used up, next too young", 1000000 - 1801, 1000001, VD_ORIGIN_USE_CURRENT, true},
        {"drift used up, next there", 1000000 - 1801, 1000000, VD_ORIGIN_USE_NEXT, false},
        {"next is old itself", 1000000 - 1900, 1000000 - 1801, VD_ORIGIN_USE_NEXT, true},
        {"next at its own limit", 1000000 - 1900, 1000000 - 1800, VD_ORIGIN_USE_NEXT, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t time = cases[i].current > 10000 ? 1000000 : 1000;
        struct vd_rollup_config config = {.block_time_s = 2};
        struct vd_l2_ref head = {.timestamp = time - 2};
        struct vd_l1_ref current = {.hash = {{1}}, .number = 5, .timestamp = cases[i].current};
        struct vd_l1_ref next = {
            .hash = {{2}}, .number = 6, .parent_hash = {{1}}, .timestamp = cases[i].next};
        struct vd_origin_pick pick =
            vd_origin_choose(&config, &head, &current, cases[i].next == 0 ? NULL : &next);
        if (pick.choice != cases[i].choice || pick.no_tx_pool != cases[i].no_tx_pool)
            fail_msg("%s", cases[i].what);
        /* A block of another fork is no next one. */
        next.parent_hash.b[1] = 9;
        pick = vd_origin_choose(&config, &head, &current, &next);
        assert_int_not_equal(pick.choice, VD_ORIGIN_USE_NEXT);
    }
}

/* --- sync start --- */

enum {
    L2_BLOCKS = 121, /* three to an L1 block */
    WINDOW = 10,
};

static struct vd_rollup_config config;
static struct vd_l2_ref chain[L2_BLOCKS];
static uint64_t l1_head;    /* L1 knows no block above */
static uint64_t l1_forked;  /* L1's blocks from here on are not those that L2 was built on */
static unsigned fail_every; /* each n-th callback fails */
static unsigned calls;

static struct vd_hash
hash_of(char layer, uint64_t number, char fork)
{
    struct vd_hash hash = {{0}};
    hash.b[0] = (uint8_t)layer;
    hash.b[1] = (uint8_t)fork;
    vd_store_be64(hash.b + 2, number);
    return hash;
}

static bool
fails(void)
{
    return fail_every != 0 && ++calls % fail_every == 0;
}

static enum vd_err
l2_ref(void *ctx, struct vd_l2_ref *out, uint64_t number)
{
    (void)ctx;
    if (fails())
        return VD_ERR_IO;
    assert_true(number < L2_BLOCKS);
    *out = chain[number];
    return VD_OK;
}

static enum vd_err
l1_hash(void *ctx, struct vd_hash *out, uint64_t number)
{
    (void)ctx;
    if (fails())
        return VD_ERR_IO;
    if (number > l1_head)
        return VD_ERR_NOT_FOUND;
    *out = hash_of('1', number, number >= l1_forked ? 'b' : 'a');
    return VD_OK;
}

static int
setup(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < L2_BLOCKS; i++) {
        chain[i] = (struct vd_l2_ref){.hash = hash_of('2', i, 'a'), .number = i};
        if (i > 0)
            chain[i].parent_hash = chain[i - 1].hash;
        chain[i].l1_origin =
            (struct vd_block_id){.hash = hash_of('1', i / 3, 'a'), .number = i / 3};
        chain[i].sequence_number = i % 3;
    }
    config = (struct vd_rollup_config){.seq_window_size = WINDOW};
    config.genesis_l1 = chain[0].l1_origin;
    config.genesis_l2.hash = chain[0].hash;
    l1_head = 1000;
    l1_forked = 1000;
    fail_every = 0;
    calls = 0;
    return 0;
}

static enum vd_err
find(uint64_t unsafe, uint64_t safe, uint64_t finalized, struct vd_sync_start *s)
{
    struct vd_sync_source source = {.l2_ref = l2_ref, .l1_hash = l1_hash};
    bool done = false;
    vd_sync_start_init(s, &config, &chain[unsafe], &chain[safe], &chain[finalized]);
    while (!done) {
        enum vd_err err = vd_sync_start_step(s, &done, &source);
        if (err == VD_ERR_IO)
            continue;
        if (err != VD_OK)
            return err;
    }
    return VD_OK;
}

static void
expect(uint64_t unsafe, uint64_t safe, uint64_t finalized, uint64_t new_unsafe, uint64_t new_safe)
{
    struct vd_sync_start s;
    assert_int_equal(find(unsafe, safe, finalized, &s), VD_OK);
    assert_int_equal(s.unsafe.number, new_unsafe);
    assert_int_equal(s.safe.number, new_safe);
}

/* Unsafe 120 has origin 40: the first epoch with origin + 10 < 40 is 29, its first block 87, and
   the block before that is safe. */
static void
test_heads_on_an_unchanged_l1(void **state)
{
    (void)state;
    expect(120, 110, 0, 120, 86);
    expect(120, 110, 100, 120, 100); /* finalized is met first */
    expect(120, 60, 0, 120, 59);     /* never above the first epoch at or below the old safe head */
    expect(120, 61, 0, 120, 59);
    expect(15, 10, 0, 15, 0); /* the chain is shorter than a window */
    expect(0, 0, 0, 0, 0);
}

static void
test_heads_with_l1_behind(void **state)
{
    (void)state;
    l1_head = 35; /* blocks 108.. are on origins not known yet; the highest canonical is 35 */
    expect(120, 110, 0, 120, 71);
}

static void
test_heads_after_an_l1_reorg(void **state)
{
    (void)state;
    l1_forked = 35; /* blocks from 105 on lose their origin */
    expect(120, 110, 0, 104, 68);
    l1_head = 36; /* and some of them are above the new head of L1 */
    expect(120, 110, 0, 104, 68);
    l1_forked = 1;
    expect(120, 110, 0, 2, 0);
}

static void
test_failing_callbacks_change_nothing(void **state)
{
    (void)state;
    l1_forked = 35;
    for (fail_every = 2; fail_every < 6; fail_every++)
        expect(120, 110, 0, 104, 68);
}

static void
test_other_chains_are_refused(void **state)
{
    struct vd_sync_start s;
    struct vd_sync_source source = {.l2_ref = l2_ref, .l1_hash = l1_hash};
    bool done = false;
    (void)state;
    l1_forked = 0;
    assert_int_equal(find(20, 10, 0, &s), VD_ERR_MISMATCH);
    l1_forked = 1000;
    config.genesis_l2.hash.b[5] ^= 1;
    assert_int_equal(find(20, 10, 0, &s), VD_ERR_MISMATCH);
    config.genesis_l2.hash.b[5] ^= 1;
    struct vd_l2_ref other = chain[5];
    other.hash.b[9] ^= 1;
    vd_sync_start_init(&s, &config, &chain[20], &chain[10], &other);
    enum vd_err err = VD_OK;
    while (err == VD_OK && !done)
        err = vd_sync_start_step(&s, &done, &source);
    assert_int_equal(err, VD_ERR_MISMATCH);
}

static void
test_neighbours_that_do_not_fit_are_refused(void **state)
{
    struct vd_sync_start s;
    (void)state;
    chain[12].l1_origin.number = 2;
    assert_int_equal(find(20, 10, 0, &s), VD_ERR_CORRUPT);
    (void)setup(NULL);
    chain[13].sequence_number = 2;
    assert_int_equal(find(20, 10, 0, &s), VD_ERR_CORRUPT);
    (void)setup(NULL);
    chain[12].sequence_number = 1;
    assert_int_equal(find(20, 10, 0, &s), VD_ERR_CORRUPT);
    (void)setup(NULL);
    chain[13].l1_origin.hash.b[0] ^= 1;
    assert_int_equal(find(20, 10, 0, &s), VD_ERR_CORRUPT);
    (void)setup(NULL);
    chain[13].parent_hash.b[0] ^= 1;
    assert_int_equal(find(20, 10, 0, &s), VD_ERR_CORRUPT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origin_choice),
        cmocka_unit_test_setup(test_heads_on_an_unchanged_l1, setup),
        cmocka_unit_test_setup(test_heads_with_l1_behind, setup),
        cmocka_unit_test_setup(test_heads_after_an_l1_reorg, setup),
        cmocka_unit_test_setup(test_failing_callbacks_change_nothing, setup),
        cmocka_unit_test_setup(test_other_chains_are_refused, setup),
        cmocka_unit_test_setup(test_neighbours_that_do_not_fit_are_refused, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
