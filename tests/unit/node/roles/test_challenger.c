/* The challenger against a model of the game's contract: moves, clocks with extension, bonds, steps
   decided by the true trace, resolution, delayed payout.  Opponents of many kinds play against it
   on virtual time, with L1 reorgs, lost answers and restarts.  In every game the true side wins, no
   claim of the challenger is ever lost, and its account ends with every bond that it paid and every
   bond that it won, to the wei. */
#include "dispute_play.h"

static void
play_against(struct vd_random *rng, bool disturbed, unsigned rounds)
{
    const uint64_t balance = 100000000;
    for (unsigned i = 0; i < rounds; i++) {
        struct model *m = new_model(*rng, balance);
        m->fails = disturbed;
        m->settle_s = disturbed ? 4 * 12 : 0; /* longer than any reorg here */
        for (unsigned k = 1 + (unsigned)vd_random_below(&m->rng, GAMES); k > 0; k--) {
            enum opponent opponent = (enum opponent)vd_random_below(&m->rng, OPPONENTS);
            opponent = opponent == FLOOD ? LIAR : opponent;
            uint64_t beyond = vd_random_below(&m->rng, 4) == 0 ? 1 : 0;
            add_game(m, opponent, vd_random_below(&m->rng, 2) == 0, beyond);
        }
        start(m);
        play(m, disturbed);
        check_won(m, balance);
        *rng = m->rng;
        end_model(m);
    }
}

static void
test_the_true_side_wins_against_every_opponent(void **state)
{
    (void)state;
    struct vd_random rng = vd_random_start("opponents");
    play_against(&rng, false, 60);
}

static void
test_reorgs_lost_answers_and_restarts_change_nothing(void **state)
{
    (void)state;
    struct vd_random rng = vd_random_start("disturbed");
    play_against(&rng, true, 60);
}

/* The sizes of a real chain: 2^20 blocks, 2^43 steps. */
static void
test_full_depth_disputes_are_won(void **state)
{
    (void)state;
    const uint64_t balance = 1000000;
    struct vd_random rng = vd_random_start("full depth");
    for (unsigned i = 0; i < 8; i++) {
        struct model *m = new_model(rng, balance);
        add_game(m, i % 2 == 0 ? LIAR : LAST_SECOND, i % 4 < 2, 0);
        struct contract *g = &m->now.games[0];
        g->game.split_depth = 20;
        g->game.max_depth = 64;
        g->l2_block = g->start_block + 1 + vd_random_below(&m->rng, 1 << 20);
        g->safe = g->l2_block;
        g->lie_leaf = vd_random_below(&m->rng, g->l2_block - g->start_block);
        g->lie_step = vd_random_below(&m->rng, leaves_of(g));
        g->claims[0].value = true_value(g, VD_GAME_ROOT, NULL);
        g->claims[0].value.b[31] ^= i % 4 >= 2;
        start(m);
        play(m, false);
        check_won(m, balance);
        bool stepped = false;
        for (size_t k = 0; k < m->tx_count; k++) {
            stepped = stepped || (m->txs[k].tag[0] == 'S' && m->txs[k].success);
        }
        assert_int_equal(stepped, i % 4 >= 2); /* of a true root the last claim is ours */
        rng = m->rng;
        end_model(m);
    }
}

/* Every due move of the flood within one extension, whatever room the manager has. */
static void
test_a_flood_of_claims_is_answered_within_an_extension(void **state)
{
    (void)state;
    const uint64_t balance = 10000000;
    struct model *m = new_model(vd_random_start("flood"), balance);
    m->per_block = 64;
    add_game(m, FLOOD, true, 0);
    add_game(m, LIAR, false, 0);
    start(m);
    while (m->now.time < 1000000 + 20) {
        block(m);
    }
    uint64_t flooded = m->now.games[0].claims[1].clock_timestamp;
    play(m, false);
    check_won(m, balance);
    struct contract *g = &m->now.games[0];
    assert_true(g->game.count >= 2001);
    for (size_t i = 1; i < g->game.count; i++) {
        assert_true(g->claims[i].clock_timestamp <= flooded + EXTENSION_S * 4);
    }
    assert_int_equal(m->reverted, 0);
    end_model(m);
}

/* The head has moved on whenever a game was read. */
static void
test_a_slow_line_to_l1_misses_no_move(void **state)
{
    (void)state;
    const uint64_t balance = 1000000;
    struct vd_random rng = vd_random_start("slow");
    for (unsigned i = 0; i < 8; i++) {
        struct model *m = new_model(rng, balance);
        m->is_slow = true;
        add_game(m, LIAR, i % 2 == 0, 0);
        add_game(m, LIAR, i % 2 == 1, 0);
        start(m);
        play(m, false);
        check_won(m, balance);
        rng = m->rng;
        end_model(m);
    }
}

/* Of many claims at the split the machine cannot run to the first: all others are answered, at
   once. */
static void
test_a_run_that_fails_hides_no_other_claim(void **state)
{
    (void)state;
    struct model *m = new_model(vd_random_start("broken"), 100000000);
    add_game(m, SILENT, true, 0);
    struct contract *g = shape_game(m, 3, 9, true);
    struct vd_hash value = part_of("bad", 0);
    m->per_block = 64;
    start(m);
    assert_true(do_move(g, &m->now, &other, 0, true, &value, BOND, false));
    while (g->game.count < 3) {
        block(m);
    }
    m->broken = part_of("leaf", 0);
    for (unsigned i = 0; i < 20; i++) {
        value = part_of("leaf", i);
        assert_true(do_move(g, &m->now, &other, 2, true, &value, BOND, false));
    }
    block(m);
    block(m);
    assert_int_equal(g->game.count, 23 + 19);
    m->broken = (struct vd_hash){{0}};
    play(m, false);
    check_won(m, 100000000);
    end_model(m);
}

static size_t
count_own(const struct contract *g, unsigned depth)
{
    size_t count = 0;
    for (size_t i = 0; i < g->game.count; i++) {
        count += vd_address_eq(&g->claims[i].claimant, &own) &&
                 vd_position_depth(g->claims[i].position) >= depth;
    }
    return count;
}

/* Hundreds of counters that cannot be paid do not stand before the one that can. */
static void
test_an_open_path_is_played_on_behind_a_flood_beyond_the_funds(void **state)
{
    (void)state;
    struct model *m = new_model(vd_random_start("poor flood"), 0);
    add_game(m, LIAR, true, 0);
    struct contract *g = shape_game(m, 3, 9, true);
    for (unsigned d = 2; d <= g->game.max_depth; d += 2) {
        m->now.balance += bond_at(g, d);
    }
    m->now.balance += LPP_BOND;
    start(m);
    while (count_own(g, 0) == 0) {
        block(m);
    }
    for (unsigned i = 0; i < 700; i++) {
        struct vd_hash value = part_of("flood", i);
        assert_true(do_move(g, &m->now, &other, 0, true, &value, BOND, false));
    }
    for (unsigned i = 0; i < 60; i++) {
        block(m);
    }
    assert_true(count_own(g, 8) >= 1); /* the last before the step */
    end_model(m);
}

enum disturbance {
    NO_DISTURBANCE,
    A_RESTART,
    A_REORG, /* one that takes nothing back */
    DISTURBANCES
};

/* Of a step no clock is asked: nobody has resolved the claim yet, the challenger least of all, even
   while it does not know any more, or not yet again, that the step is due. */
static void
test_a_late_step_still_counts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8 * DISTURBANCES; i++) {
        struct model *m = new_model(vd_random_start("late"), 1000000);
        for (unsigned k = 0; k < i / DISTURBANCES; k++) {
            (void)vd_random_below(&m->rng, 2);
        }
        add_game(m, LIAR, false, 0);
        struct contract *g = shape_game(m, 2, 6, false);
        start(m);
        m->per_block = 1;
        while (g->game.count < 6) {
            block(m);
        }
        m->per_block = 0; /* L1 takes nothing more until all clocks have run out */
        for (unsigned k = 0; k < 200; k++) {
            block(m);
        }
        if (i % DISTURBANCES == A_RESTART) {
            restart(m);
        } else if (i % DISTURBANCES == A_REORG) {
            vd_challenger_reorg(m->challenger);
        }
        m->per_block = 16;
        play(m, false);
        check_won(m, 1000000);
        end_model(m);
    }
}

/* The same of a root that names another block than its output's: its clock ran out while the node
   was away, and its header is asked for before the states that another game waits for. */
static void
test_a_late_block_challenge_still_counts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        struct model *m = new_model(vd_random_start("late block"), 1000000);
        add_game(m, LIAR, false, 0);
        (void)shape_game(m, 2, 9, false);
        start(m);
        for (unsigned k = 0; k < i; k++) {
            block(m);
        }
        add_game(m, SILENT, true, 1);
        struct contract *g = &m->now.games[1];
        g->claims[0].clock_timestamp -= 2 * MAX_CLOCK_S;
        m->slow_node = i % 2 == 0 ? A_HEADER : A_STATE;
        for (unsigned k = 0; k < 4; k++) {
            block(m);
            assert_int_not_equal(g->status, 2);
        }
        assert_false(g->resolved[0] && !g->block_challenged);
        enum ask slow = m->slow_node;
        m->slow_node = A_NONE;
        if (m->node == slow) {
            answer_node(m);
        }
        play(m, false);
        check_won(m, 1000000);
        end_model(m);
    }
}

static void
test_a_watcher_reports_and_sends_nothing(void **state)
{
    (void)state;
    struct vd_challenger_stats stats;
    struct model *m = new_model(vd_random_start("watch"), 0);
    m->watch = true;
    add_game(m, SILENT, true, 0);
    struct contract *g = shape_game(m, 5, 9, true);
    add_game(m, SILENT, false, 0);
    start(m);
    block(m);
    vd_challenger_stats(m->challenger, &stats);
    assert_int_equal(stats.open, 2);
    assert_int_equal(stats.disputed, 1);
    assert_int_equal(stats.against, 1);
    assert_int_equal(m->alerts, 1);
    block(m);
    assert_int_equal(m->alerts, 1);
    m->now.games[1].status = 2;
    block(m);
    assert_int_equal(m->alerts, 2);
    vd_challenger_stats(m->challenger, &stats);
    assert_int_equal(stats.open, 1);
    assert_int_equal(stats.against, 1);
    struct vd_hash value = part_of("attack", 0);
    for (uint32_t i = 0; i < 4; i++) { /* the true root is attacked, defended, attacked, defended */
        assert_true(do_move(g, &m->now, &other, i, true, &value, bond_at(g, i + 1), false));
        block(m);
        block(m);
        vd_challenger_stats(m->challenger, &stats);
        assert_int_equal(stats.against, i % 2 == 0 ? 2 : 1);
        assert_int_equal(m->alerts, 3 + i / 2);
    }
    assert_int_equal(m->tx_count, 0);
    end_model(m);
}

/* An attack on a true root is told once, however often it is answered. */
/* After a start the games in which clocks may run are not read behind all that are long decided. */
static void
test_young_games_are_read_first(void **state)
{
    (void)state;
    struct model *m = new_model(vd_random_start("young"), 1000000);
    m->now.time = 100000000;
    for (unsigned i = 0; i < 4; i++) {
        add_game(m, SILENT, i % 2 == 0, 0);
        if (i % 2 == 0) {
            m->now.games[i].created -= 30 * 86400;
            m->now.games[i].status = 2;
            m->now.games[i].resolved[0] = true;
        }
    }
    m->is_slow = true; /* one is read a block */
    start(m);
    for (unsigned i = 0; i < 2; i++) {
        block(m);
        assert_int_equal(m->l1, A_READ);
        assert_int_equal(m->l1_to.b[19] % 2, 1);
    }
    m->is_slow = false;
    play(m, false);
    check_won(m, 1000000);
    end_model(m);
}

static void
test_an_attack_on_a_true_root_is_told_once(void **state)
{
    (void)state;
    struct model *m = new_model(vd_random_start("attacked"), 1000000);
    add_game(m, LIAR, true, 0);
    struct contract *g = shape_game(m, 2, 6, true);
    start(m);
    play(m, false);
    check_won(m, 1000000);
    assert_true(g->game.count > 4);
    assert_int_equal(m->alerts, 1);
    end_model(m);
}

static void
test_a_game_of_something_else_is_left_alone_and_said(void **state)
{
    (void)state;
    struct model *m = new_model(vd_random_start("foreign"), 1000000);
    for (unsigned i = 0; i < 3; i++) {
        add_game(m, SILENT, false, 0);
        m->now.games[i].foreign = i + 1;
    }
    start(m);
    for (unsigned i = 0; i < 100; i++) {
        block(m);
    }
    assert_int_equal(m->tx_count, 0);
    assert_int_equal(m->alerts, 3);
    end_model(m);
}

static void
test_nothing_is_done_while_derivation_is_behind(void **state)
{
    (void)state;
    struct model *m = new_model(vd_random_start("behind"), 1000000);
    add_game(m, SILENT, false, 0);
    start(m);
    m->lag = 17;
    for (unsigned i = 0; i < 20; i++) {
        block(m);
    }
    assert_int_equal(m->tx_count, 0);
    m->lag = 16;
    play(m, false);
    check_won(m, 1000000);
    end_model(m);
}

/* The delays of a game's bonds are of L1's time, however fast that runs on a test chain. */
static void
test_bonds_are_claimed_as_soon_as_l1_pays_them(void **state)
{
    (void)state;
    struct model *m = new_model(vd_random_start("bonds"), 1000000);
    add_game(m, SILENT, false, 0);
    start(m);
    while (m->now.games[0].status == 0) {
        block(m);
    }
    for (unsigned i = 0; i < 2; i++) {
        block(m);
        m->now.time += 100000;
        m->skipped_s += 100000;
        block(m);
        block(m);
    }
    assert_true(is_settled(m));
    check_won(m, 1000000);
    end_model(m);
}

/* Lost by the own view, but not closed: then the guardian's word may give everybody the own bonds
   back, and when somebody has closed it as decided, nothing is left to wait for. */
static void
test_a_lost_game_is_kept_until_its_bonds_are_decided(void **state)
{
    (void)state;
    struct vd_challenger_stats stats;
    for (unsigned refunds = 0; refunds < 2; refunds++) {
        struct model *m = new_model(vd_random_start("refund"), 1000000);
        add_game(m, SILENT, false, 0);
        struct contract *g = &m->now.games[0];
        start(m);
        while (g->game.count < 2) {
            block(m);
        }
        g->status = 2;
        g->resolved_at = m->now.time;
        for (unsigned i = 0; i < 20; i++) {
            block(m);
        }
        vd_challenger_stats(m->challenger, &stats);
        assert_int_equal(stats.open, 1);
        assert_int_equal(stats.against, 1);
        assert_int_equal(m->now.balance, 1000000 - BOND);
        g->blacklisted = refunds != 0;
        g->mode = refunds != 0 ? UNDECIDED : NORMAL;
        for (unsigned i = 0; i < 100; i++) {
            block(m);
        }
        vd_challenger_stats(m->challenger, &stats);
        assert_int_equal(stats.open, 0);
        assert_int_equal(m->now.balance, 1000000 - (refunds != 0 ? 0 : BOND));
        assert_int_equal(m->reverted, 0);
        end_model(m);
    }
}

/* A path costs what it costs down to the leaves; with less nothing is opened, and an alert says so.
 */
static void
check_path(unsigned max_depth, uint64_t gas_price)
{
    struct vd_challenger_stats stats;
    struct model *m = new_model(vd_random_start("funds"), 0);
    add_game(m, SILENT, false, 0);
    struct contract *g = shape_game(m, 2, max_depth, false);
    bool steps = max_depth % 2 == 0; /* it ends in a step of the challenger's */
    uint64_t cost = steps ? LPP_BOND + gas_price * VD_CHALLENGER_STEP_GAS : 0;
    for (unsigned d = 1; d <= max_depth; d += 2) {
        cost += bond_at(g, d) + gas_price * VD_CHALLENGER_MOVE_GAS;
    }
    m->gas_price = gas_price;
    m->now.balance = cost - 1;
    start(m);
    block(m);
    block(m);
    vd_challenger_stats(m->challenger, &stats);
    assert_int_equal(m->tx_count, 0);
    assert_int_equal(stats.waiting, 1);
    assert_int_equal(m->alerts, 2); /* the false root, and the funds */
    m->now.balance = cost;
    play(m, false);
    check_won(m, cost);
    end_model(m);
}

static void
test_a_path_that_cannot_be_paid_is_not_opened(void **state)
{
    (void)state;
    check_path(6, 0);
    check_path(7, 0);
    check_path(6, 3);
    check_path(7, 3);
}

/* The account has its bonds, but L1 takes nothing of it: that is told long before the clock is out,
   once, and over when it does. */
static void
test_a_due_move_that_l1_refuses_is_told(void **state)
{
    (void)state;
    struct vd_challenger_stats stats;
    for (unsigned beyond = 0; beyond < 2; beyond++) {
        struct model *m = new_model(vd_random_start("refused"), 1000000);
        add_game(m, SILENT, beyond != 0, beyond);
        m->has_no_gas = true;
        start(m);
        block(m);
        assert_int_equal(m->alerts, 1); /* the false root */
        for (unsigned i = 0; i < 20; i++) {
            block(m);
            vd_challenger_stats(m->challenger, &stats);
            assert_int_equal(m->alerts, 2);
            assert_int_equal(stats.waiting, 1);
        }
        m->has_no_gas = false;
        block(m);
        vd_challenger_stats(m->challenger, &stats);
        assert_int_equal(stats.waiting, 0);
        play(m, false);
        check_won(m, 1000000);
        assert_int_equal(m->alerts, 2);
        end_model(m);
    }
}

/* Two games, money for one path: the second waits until the first's bonds are back. */
static void
test_open_paths_keep_their_money(void **state)
{
    (void)state;
    struct model *m = new_model(vd_random_start("reserve"), 0);
    add_game(m, SILENT, false, 0);
    add_game(m, SILENT, false, 0);
    m->now.games[1].game = m->now.games[0].game;
    m->now.games[1].game.claims = m->now.games[1].claims;
    for (unsigned d = 1; d <= m->now.games[0].game.max_depth; d += 2) {
        m->now.balance += bond_at(&m->now.games[0], d);
    }
    m->now.balance += m->now.games[0].game.max_depth % 2 == 0 ? LPP_BOND : 0;
    m->now.balance += BOND;
    start(m);
    for (unsigned i = 0; i < 10; i++) {
        block(m);
    }
    assert_int_equal(m->now.games[0].game.count + m->now.games[1].game.count, 3);
    end_model(m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_true_side_wins_against_every_opponent),
        cmocka_unit_test(test_reorgs_lost_answers_and_restarts_change_nothing),
        cmocka_unit_test(test_full_depth_disputes_are_won),
        cmocka_unit_test(test_a_flood_of_claims_is_answered_within_an_extension),
        cmocka_unit_test(test_a_slow_line_to_l1_misses_no_move),
        cmocka_unit_test(test_a_run_that_fails_hides_no_other_claim),
        cmocka_unit_test(test_an_open_path_is_played_on_behind_a_flood_beyond_the_funds),
        cmocka_unit_test(test_a_late_step_still_counts),
        cmocka_unit_test(test_a_late_block_challenge_still_counts),
        cmocka_unit_test(test_a_watcher_reports_and_sends_nothing),
        cmocka_unit_test(test_young_games_are_read_first),
        cmocka_unit_test(test_an_attack_on_a_true_root_is_told_once),
        cmocka_unit_test(test_a_game_of_something_else_is_left_alone_and_said),
        cmocka_unit_test(test_nothing_is_done_while_derivation_is_behind),
        cmocka_unit_test(test_bonds_are_claimed_as_soon_as_l1_pays_them),
        cmocka_unit_test(test_a_lost_game_is_kept_until_its_bonds_are_decided),
        cmocka_unit_test(test_a_path_that_cannot_be_paid_is_not_opened),
        cmocka_unit_test(test_a_due_move_that_l1_refuses_is_told),
        cmocka_unit_test(test_open_paths_keep_their_money),
    };
    return cmocka_run_group_tests(tests, NULL, free_preimages);
}
