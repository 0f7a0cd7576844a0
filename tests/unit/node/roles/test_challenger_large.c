/* The challenger's large preimages against a model of the oracle: its own on their way, over
   restarts, reorgs and lost answers, and those of others, of which every wrong one is refuted. */
#include "dispute_play.h"

/* Just above what one transaction holds. */
#define LARGE_BYTES 131000u

static size_t
count_sent(const struct model *m, char kind)
{
    size_t count = 0;
    for (size_t i = 0; i < m->tx_count; i++) {
        count += m->txs[i].tag[0] == (uint8_t)kind && m->txs[i].success;
    }
    return count;
}

/* A false root, and a trace whose first lie is step 4, which reads a large preimage. */
static void
add_large_dispute(struct model *m, enum opponent opponent)
{
    add_game(m, opponent, false, 0);
    (void)shape_game(m, 2, 6, false);
}

static void
play_large(const char *name, bool disturbed)
{
    const uint64_t balance = 100000000;
    struct vd_random rng = vd_random_start(name);
    large_size = LARGE_BYTES;
    for (unsigned i = 0; i < 24; i++) {
        struct model *m = new_model(rng, balance);
        m->fails = disturbed;
        m->settle_s = disturbed ? 4 * 12 : 0;
        add_large_dispute(m, i % 2 == 0 ? LIAR : LAST_SECOND);
        add_game(m, RANDOM, vd_random_below(&m->rng, 2) == 0, 0);
        start(m);
        play(m, disturbed);
        check_won(m, balance);
        assert_true(count_sent(m, 'Q') > 0);
        assert_int_equal(count_sent(m, 'P'), count_sent(m, 'Q'));
        rng = m->rng;
        end_model(m);
    }
    large_size = 0;
}

static void
test_steps_wait_for_their_large_preimages_and_win(void **state)
{
    (void)state;
    play_large("large", false);
}

static void
test_uploads_survive_restarts_reorgs_and_lost_answers(void **state)
{
    (void)state;
    play_large("large disturbed", true);
}

static struct model *
new_large_dispute(const char *name, size_t size, uint64_t balance)
{
    struct model *m = new_model(vd_random_start(name), balance);
    large_size = size;
    add_large_dispute(m, LIAR);
    return m;
}

static void
test_two_megabytes_are_uploaded_in_order(void **state)
{
    (void)state;
    const uint64_t balance = 1000000;
    const size_t size = (size_t)2 << 20;
    struct model *m = new_large_dispute("two megabytes", size, balance);
    m->per_block = 4;
    start(m);
    play(m, false);
    check_won(m, balance);
    assert_int_equal(m->reverted, 0);
    assert_int_equal(count_sent(m, 'P'), 1);
    assert_int_equal(count_sent(m, 'A'),
                     (large_blocks(size_of(4)) + LARGE_AT_ONCE - 1) / LARGE_AT_ONCE);
    assert_int_equal(count_sent(m, 'Q'), 1);
    assert_int_equal(m->now.oracle.lpps[0].added, large_blocks(size_of(4)));
    large_size = 0;
    end_model(m);
}

/* Calls of somebody else, which L1 takes at once. */
static void
other_sends(struct model *m, struct vd_abi *data, uint64_t value)
{
    uint64_t paid = 0;
    assert_int_equal(data->err, VD_OK);
    assert_true(m->held_count < sizeof m->held / sizeof m->held[0]);
    m->held[m->held_count++] = data->ptr;
    m->now.oracle.number = m->now.number;
    m->now.oracle.time = m->now.time;
    assert_true(do_oracle(&m->now.oracle, &other, vd_abi_view(data), value, &paid, false));
}

/* who proposes a preimage of that size, with a wrong commitment at a block if there is one. */
static void
propose(struct model *m, const struct vd_address *who, size_t size, size_t wrong)
{
    struct vd_abi data;
    struct vd_hash uuid = part_of("uuid", m->now.oracle.lpp_count);
    struct large blocks = {0};
    struct vd_slice bytes = vd_slice(preimage_of(size)->bytes, size);
    size_t count = large_blocks(size);
    struct vd_hash *commitments = malloc(count * sizeof *commitments);
    assert_non_null(commitments);
    for (size_t i = 0; i < count; i++) {
        uint8_t block[LARGE_BLOCK];
        large_block(block, bytes, i);
        assert_int_equal(large_add(&blocks, &commitments[i], block, NULL), VD_OK);
    }
    if (wrong < count) {
        commitments[wrong].b[7] ^= 1;
    }
    large_call_init(&data, &uuid, 8, (uint32_t)size);
    other_sends(m, &data, LPP_BOND);
    for (size_t at = 0; at < count; at = large_next(at, count)) {
        large_call_add(&data, &uuid, bytes, commitments, at);
        other_sends(m, &data, 0);
    }
    /* As if it had been another's all along. */
    struct lpp *lpp = find_lpp(&m->now.oracle, &other, &uuid);
    lpp->claimant = *who;
    for (size_t i = 0; i < m->now.oracle.log_count; i++) {
        struct oracle_log *log = &m->now.oracle.logs[i];
        log->caller = memcmp(log->data.ptr + 4, uuid.b, 32) == 0 ? *who : log->caller;
    }
    large_deinit(&blocks);
    free(commitments);
}

/* A game, so that its oracle is looked at. */
static struct model *
new_watched(const char *name, uint64_t balance)
{
    struct model *m = new_model(vd_random_start(name), balance);
    add_game(m, SILENT, true, 0);
    return m;
}

static void
run_s(struct model *m, uint64_t seconds)
{
    for (uint64_t end = m->now.time + seconds; m->now.time < end;) {
        block(m);
    }
}

static void
test_a_wrong_proposal_of_anybody_is_refuted_in_time(void **state)
{
    (void)state;
    const size_t size = LARGE_BYTES;
    size_t count = large_blocks(size);
    size_t wrong[] = {0, 1, LARGE_AT_ONCE - 1, LARGE_AT_ONCE, count - 2, count - 1};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct model *m = new_watched("wrong", 1000);
        m->fails = true;
        propose(m, &other, size, count);
        start(m);
        block(m);
        propose(m, &other, size, wrong[i]);
        propose(m, &other, size, count);
        run_s(m, LPP_PERIOD_S);
        assert_false(m->now.oracle.lpps[0].countered);
        assert_true(m->now.oracle.lpps[1].countered);
        assert_false(m->now.oracle.lpps[2].countered);
        assert_int_equal(m->now.balance, 1000 + LPP_BOND);
        assert_int_equal(m->tx_count, 1);
        end_model(m);
    }
}

/* A node behind the one that knew of the block, or behind its index of logs, answers with none:
   what was not seen was not checked. */
static void
test_logs_that_are_not_all_there_are_asked_for_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct model *m = new_watched("no logs", 1000);
        start(m);
        block(m);
        propose(m, &other, LARGE_BYTES, 3); /* all in one block of L1 */
        m->forgotten_logs = i == 0 ? m->now.oracle.log_count : 1;
        run_s(m, LPP_PERIOD_S);
        assert_true(m->now.oracle.lpps[0].countered);
        assert_int_equal(m->now.balance, 1000 + LPP_BOND);
        end_model(m);
    }
}

static void
test_a_watcher_tells_of_a_wrong_proposal_once(void **state)
{
    (void)state;
    struct model *m = new_watched("wrong, watched", 0);
    m->watch = true;
    propose(m, &other, LARGE_BYTES, 5);
    start(m);
    block(m);
    assert_int_equal(m->alerts, 1);
    block(m);
    assert_int_equal(m->alerts, 1);
    assert_int_equal(m->tx_count, 0);
    end_model(m);
}

/* What a process before this one has left: its game may be over, its bond is not forgotten. */
static void
test_the_bond_of_a_forgotten_upload_comes_back(void **state)
{
    (void)state;
    struct model *m = new_watched("forgotten", 1000);
    propose(m, &own, LARGE_BYTES, SIZE_MAX);
    start(m);
    run_s(m, LPP_PERIOD_S - 13);
    assert_int_equal(m->tx_count, 0);
    run_s(m, 60);
    assert_int_equal(m->now.balance, 1000 + LPP_BOND);
    assert_int_equal(m->tx_count, 1);
    end_model(m);
}

/* A reorg takes back what was checked: the same numbers may be other proposals then. */
static void
test_proposals_are_checked_again_after_a_reorg(void **state)
{
    (void)state;
    struct model *m = new_watched("wrong after a reorg", 1000);
    start(m);
    block(m);
    m->saved = m->now;
    m->saved_txs = m->mined;
    propose(m, &other, LARGE_BYTES, SIZE_MAX);
    block(m);
    reorg(m);
    propose(m, &other, LARGE_BYTES, 77);
    run_s(m, LPP_PERIOD_S);
    assert_true(m->now.oracle.lpps[0].countered);
    assert_int_equal(m->now.balance, 1000 + LPP_BOND);
    end_model(m);
}

/* The account is emptied behind the challenger's back; the step is made once there is money. */
static void
test_an_upload_waits_for_its_bond(void **state)
{
    (void)state;
    struct vd_challenger_stats stats;
    struct model *m = new_large_dispute("poor", LARGE_BYTES, 1000000);
    start(m);
    while (m->now.games[0].game.count < 7) {
        block(m);
    }
    uint64_t left = m->now.balance;
    m->now.balance = LPP_BOND - 1;
    run_s(m, 20);
    vd_challenger_stats(m->challenger, &stats);
    assert_int_equal(stats.waiting, 1);
    assert_int_equal(m->now.oracle.lpp_count, 0);
    m->now.balance = left;
    play(m, false);
    check_won(m, 1000000);
    assert_int_equal(count_sent(m, 'Q'), 1);
    large_size = 0;
    end_model(m);
}

/* Its terms are asked for again, and all but uploads goes on meanwhile. */
static void
test_an_oracle_that_refuses_its_terms_is_asked_again(void **state)
{
    (void)state;
    struct model *m = new_large_dispute("mute", LARGE_BYTES, 1000000);
    m->is_mute = true;
    start(m);
    while (m->now.games[0].game.count < 7) {
        block(m);
    }
    run_s(m, 40);
    assert_int_equal(m->now.oracle.lpp_count, 0);
    m->is_mute = false;
    play(m, false);
    check_won(m, 1000000);
    assert_int_equal(count_sent(m, 'Q'), 1);
    large_size = 0;
    end_model(m);
}

/* Somebody else loads the part first: no proposal is made for it. */
static void
test_a_part_that_is_there_is_not_proposed(void **state)
{
    (void)state;
    struct model *m = new_large_dispute("there", LARGE_BYTES, 1000000);
    struct vd_hash part = hash_part(&preimage_of(size_of(4))->key, offset_of(4));
    start(m);
    while (m->now.games[0].game.count < 3) {
        block(m);
    }
    (void)do_load(&m->now.oracle, &part, false);
    play(m, false);
    check_won(m, 1000000);
    assert_int_equal(m->now.oracle.lpp_count, 0);
    large_size = 0;
    end_model(m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_wait_for_their_large_preimages_and_win),
        cmocka_unit_test(test_uploads_survive_restarts_reorgs_and_lost_answers),
        cmocka_unit_test(test_two_megabytes_are_uploaded_in_order),
        cmocka_unit_test(test_a_wrong_proposal_of_anybody_is_refuted_in_time),
        cmocka_unit_test(test_logs_that_are_not_all_there_are_asked_for_again),
        cmocka_unit_test(test_a_watcher_tells_of_a_wrong_proposal_once),
        cmocka_unit_test(test_the_bond_of_a_forgotten_upload_comes_back),
        cmocka_unit_test(test_proposals_are_checked_again_after_a_reorg),
        cmocka_unit_test(test_an_upload_waits_for_its_bond),
        cmocka_unit_test(test_an_oracle_that_refuses_its_terms_is_asked_again),
        cmocka_unit_test(test_a_part_that_is_there_is_not_proposed),
    };
    return cmocka_run_group_tests(tests, NULL, free_preimages);
}
