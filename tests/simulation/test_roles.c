/* Sequencer, batcher and follower of one node, and the follower of another, over a model of L1 that
   reorganises, on virtual time.  A failing run is repeated by its seed (VD_SEED). */
#include "roles_play.h"

static size_t
stands(const struct node *n, struct vd_slice tx)
{
    size_t count = 0;
    for (uint64_t i = 1; i <= n->unsafe; i++) {
        const struct l2_block *b = &n->blocks[i];
        for (size_t j = b->deposits; j < b->count; j++) {
            count += vd_slice_eq(b->txs[j], tx) ? 1 : 0;
        }
    }
    return count;
}

/* Every acknowledged transaction stands in the chain once or waits once. */
static void
nothing_is_lost(const struct node *n)
{
    for (size_t i = 0; i < n->acknowledged_count; i++) {
        size_t waits = pool_find(n, n->acknowledged[i]) < n->pool_count ? 1 : 0;
        assert_int_equal(stands(n, n->acknowledged[i]) + waits, 1);
    }
}

static void
run_world(unsigned run, bool reorgs)
{
    static struct world w;
    static struct node sequencer;
    static struct node verifier;
    world_start(&w);
    w.random.state += run;
    node_start(&sequencer, &w, true);
    node_start(&verifier, &w, false);
    for (int i = 0; i < 3000; i++) {
        world_second(&w, &sequencer, &verifier, reorgs);
    }
    /* Quiet: everything has to come together. */
    for (int i = 0; i < 1500; i++) {
        world_second(&w, &sequencer, &verifier, false);
    }
    assert_true(sequencer.unsafe + 1 >= (w.now - 1000) / 2);
    /* What is unsafe: the blocks of the channel in hand (at most 60 s, 30 blocks), and those of the
       channels before it for the few L1 blocks that their frames wait.  Twice what is ever seen. */
    assert_true(sequencer.safe + 120 >= sequencer.unsafe);
    assert_true(verifier.safe + 60 >= sequencer.safe);
    uint64_t common = verifier.safe < sequencer.safe ? verifier.safe : sequencer.safe;
    assert_memory_equal(verifier.blocks[common].ref.hash.b, sequencer.blocks[common].ref.hash.b,
                        32);
    nothing_is_lost(&sequencer);
    node_stop(&sequencer);
    node_stop(&verifier);
    vd_release(w.arena.base, ARENA);
}

static void
run_blocks(struct world *w, struct node *sequencer, struct node *verifier, bool reorgs,
           uint64_t l1_blocks)
{
    for (uint64_t i = 0; i < l1_blocks * L1_SECONDS; i++) {
        world_second(w, sequencer, verifier, reorgs);
    }
}

/* The batcher is gone for longer than the sequencing window, so that derivation gives the blocks of
   that time up and makes its own; then it is back. */
static void
run_expiry(unsigned run, bool reorgs)
{
    static struct world w;
    static struct node sequencer;
    static struct node verifier;
    world_start(&w);
    w.random.state += run;
    uint64_t window = 16 + vd_random_below(&w.random, 33);
    w.rollup.seq_window_size = window;
    w.l1_room = MAX_TXS;
    w.l1_delay = vd_random_below(&w.random, window / 8 + 1);
    w.channel_age_ms = vd_random_below(&w.random, 2) == 0 ? 60000 : window * L1_SECONDS * 1000;
    w.channel_bytes = 20000;
    w.frame_bytes = 5000;
    node_start(&sequencer, &w, true);
    node_start(&verifier, &w, false);
    run_blocks(&w, &sequencer, &verifier, false, 20 + vd_random_below(&w.random, 40));
    assert_int_equal(sequencer.cuts, 0);
    batcher_stop(&sequencer);
    run_blocks(&w, &sequencer, &verifier, reorgs, window + 6 + vd_random_below(&w.random, window));
    /* A reorganisation may have taken the given-up blocks back before derivation could. */
    assert_true(reorgs || sequencer.cuts > 0);
    batcher_start(&sequencer);
    run_blocks(&w, &sequencer, &verifier, false, 2 * window);
    unsigned cuts = sequencer.cuts;
    uint64_t safe = sequencer.safe;
    run_blocks(&w, &sequencer, &verifier, false, 2 * window);
    assert_int_equal(sequencer.cuts, cuts);
    assert_true(sequencer.blocks[sequencer.safe].ref.l1_origin.number + window > w.l1_head);
    assert_true(sequencer.unsafe + 1 >= (w.now - 1000) / 2);
    /* A lost answer may hold it up for a channel, which has the blocks of half a window. */
    assert_true(verifier.safe + window * L1_SECONDS / 2 >= sequencer.safe);
    uint64_t common = verifier.safe < sequencer.safe ? verifier.safe : sequencer.safe;
    assert_memory_equal(verifier.blocks[common].ref.hash.b, sequencer.blocks[common].ref.hash.b,
                        32);
    /* Users are served: nobody waits, and their transactions are in safe blocks. */
    assert_int_equal(sequencer.pool_count, 0);
    size_t users = 0;
    for (uint64_t i = safe + 1; i <= sequencer.safe; i++) {
        users += sequencer.blocks[i].count - sequencer.blocks[i].deposits;
    }
    assert_true(users > 0);
    nothing_is_lost(&sequencer);
    node_stop(&sequencer);
    node_stop(&verifier);
    vd_release(w.arena.base, ARENA);
}

static void
test_a_verifier_derives_the_sequencers_chain(void **state)
{
    (void)state;
    run_world(0, false);
    run_world(1, false);
}

static void
test_reorgs_of_l1_are_overcome(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        run_world(100 + i, true);
    }
}

static void
test_an_expired_sequencing_window_is_overcome(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        run_expiry(200 + i, false);
        run_expiry(300 + i, true);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_verifier_derives_the_sequencers_chain),
        cmocka_unit_test(test_reorgs_of_l1_are_overcome),
        cmocka_unit_test(test_an_expired_sequencing_window_is_overcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
