/* The honest strategy against opponents who move at random: whatever they claim and wherever, the
   true side wins and loses none of its bonds.  Positions against the specification's own words,
   spelled out bit by bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/fault/game.h"

#define MOST 4000u

struct model {
    struct vd_random rng;
    struct vd_game game;
    struct vd_claim claims[MOST];
    bool ours[MOST]; /* made by the honest side */
    uint8_t scratch[MOST];
    uint64_t unknown; /* one of so many values is not known; 0: all are */
    uint64_t salt;    /* which */
};

static struct vd_hash
hash_of(const char *what, const void *a, size_t a_len, const void *b, size_t b_len)
{
    struct vd_keccak k;
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice((const uint8_t *)what, strlen(what)));
    vd_keccak_update(&k, vd_slice(a, a_len));
    vd_keccak_update(&k, vd_slice(b, b_len));
    return vd_keccak_final(&k);
}

/* The true output root, or the true machine state of the sub-game between two claims. */
static enum vd_err
true_value(void *ctx, struct vd_hash *out, struct vd_position position,
           const struct vd_execution *execution)
{
    const struct model *m = ctx;
    struct vd_hash ends[2] = {{{0}}, {{0}}};
    if (!execution) {
        unsigned __int128 leaf = vd_position_trace_index(position, m->game.split_depth);
        *out = hash_of("output", &leaf, sizeof leaf, NULL, 0);
        return VD_OK;
    }
    unsigned __int128 leaf = vd_position_trace_index(position, m->game.max_depth) %
                             ((unsigned __int128)1 << (m->game.max_depth - m->game.split_depth));
    if (execution->begin != VD_NO_PARENT) {
        ends[0] = m->claims[execution->begin].value;
    }
    assert_int_not_equal(execution->end, VD_NO_PARENT);
    ends[1] = m->claims[execution->end].value;
    *out = hash_of("state", &leaf, sizeof leaf, ends, sizeof ends);
    return VD_OK;
}

static bool
is_there(const struct model *m, const struct vd_claim *claim)
{
    for (size_t i = 0; i < m->game.count; i++) {
        const struct vd_claim *c = &m->claims[i];
        if (c->parent == claim->parent && c->position.gindex == claim->position.gindex &&
            vd_hash_eq(&c->value, &claim->value)) {
            return true;
        }
    }
    return false;
}

static void
add(struct model *m, const struct vd_claim *claim, bool ours)
{
    if (m->game.count < MOST && !is_there(m, claim)) {
        m->claims[m->game.count] = *claim;
        m->ours[m->game.count++] = ours;
    }
}

/* A move that the game's rules admit: any claim answered either way, with a true or a false value.
 */
static void
random_move(struct model *m)
{
    uint32_t parent = (uint32_t)vd_random_below(&m->rng, m->game.count);
    const struct vd_claim *on = &m->claims[parent];
    unsigned depth = vd_position_depth(on->position);
    bool attack = parent == 0 || depth == m->game.split_depth + 1 || vd_random_below(&m->rng, 2);
    if (depth == m->game.max_depth) {
        return; /* a step that is false cannot be proven */
    }
    struct vd_claim claim = {.parent = parent, .position = vd_position_move(on->position, attack)};
    bool below = depth >= m->game.split_depth;
    struct vd_execution execution = {0};
    if (below) {
        execution = depth == m->game.split_depth
                        ? vd_game_execution_of_move(&m->game, parent, attack)
                        : vd_game_execution(&m->game, parent);
    }
    assert_int_equal(true_value(m, &claim.value, claim.position, below ? &execution : NULL), VD_OK);
    if (vd_random_below(&m->rng, 3) != 0) {
        claim.value.b[0] ^= (uint8_t)(1 + vd_random_below(&m->rng, 2));
    }
    add(m, &claim, false);
}

static void
honest_moves(struct model *m)
{
    struct vd_honest honest = {.ctx = m, .value = true_value};
    struct vd_move moves[8];
    enum vd_err err = VD_ERR_TOO_LARGE;
    size_t count = 0;
    do {
        err = vd_game_moves(moves, 8, &count, &m->game, &honest, m->scratch);
        assert_true(err == VD_OK || err == VD_ERR_TOO_LARGE);
        for (size_t i = 0; i < count; i++) {
            if (moves[i].step) {
                m->claims[moves[i].claim].countered = true;
                continue;
            }
            struct vd_claim claim = {
                .parent = moves[i].claim, .value = moves[i].value, .position = moves[i].position};
            assert_false(is_there(m, &claim));
            add(m, &claim, true);
        }
    } while (count > 0 && m->game.count < MOST);
}

static void
play(struct model *m, bool root_is_true)
{
    m->game = (struct vd_game){.split_depth = 2 + (unsigned)vd_random_below(&m->rng, 3),
                               .max_clock_s = 1000,
                               .claims = m->claims};
    m->game.max_depth = m->game.split_depth + 2 + (unsigned)vd_random_below(&m->rng, 3);
    struct vd_claim root = {.parent = VD_NO_PARENT, .position = VD_GAME_ROOT};
    assert_int_equal(true_value(m, &root.value, root.position, NULL), VD_OK);
    root.value.b[0] ^= root_is_true ? 0 : 1;
    memset(m->claims, 0, sizeof m->claims);
    memset(m->ours, 0, sizeof m->ours);
    add(m, &root, false);
    unsigned rounds = 1 + (unsigned)vd_random_below(&m->rng, 12);
    for (unsigned i = 0; i < rounds; i++) {
        for (uint64_t n = vd_random_below(&m->rng, 6); n > 0; n--) {
            random_move(m);
        }
        honest_moves(m);
    }
    assert_true(m->game.count < MOST);
}

static void
test_the_true_side_wins_and_loses_no_bond(void **state)
{
    (void)state;
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->rng = vd_random_start("games");
    uint8_t *countered = malloc(MOST);
    for (unsigned i = 0; i < 3000; i++) {
        bool root_is_true = vd_random_below(&m->rng, 2) == 0;
        play(m, root_is_true);
        assert_int_equal(vd_game_outcome(countered, &m->game), root_is_true);
        for (size_t k = 0; k < m->game.count; k++) {
            assert_false(m->ours[k] && countered[k]);
        }
    }
    free(countered);
    free(m);
}

/* The true value, but for some that are not known now, always the same ones. */
static enum vd_err
some_value(void *ctx, struct vd_hash *out, struct vd_position position,
           const struct vd_execution *execution)
{
    const struct model *m = ctx;
    enum vd_err err = true_value(ctx, out, position, execution);
    uint64_t chosen = vd_load_be64(out->b) ^ m->salt;
    bool is_known = m->unknown == 0 || (chosen * 0x9e3779b97f4a7c15u >> 32) % m->unknown != 0;
    return err == VD_OK && !is_known ? VD_ERR_BUSY : err;
}

static bool
is_among(const struct vd_move *moves, size_t count, const struct vd_move *move)
{
    for (size_t i = 0; i < count; i++) {
        if (moves[i].claim == move->claim && moves[i].step == move->step &&
            moves[i].position.gindex == move->position.gindex &&
            vd_hash_eq(&moves[i].value, &move->value)) {
            return true;
        }
    }
    return false;
}

/* With some values unknown the moves are those of full knowledge, but for claims that are said to
   be unknown; a claim of which nothing is unknown up to the root is never one of them. */
static void
test_an_unknown_value_hides_only_the_claims_below_it(void **state)
{
    (void)state;
    static struct vd_move all[MOST];
    static struct vd_move some[MOST];
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->rng = vd_random_start("unknown");
    struct vd_honest honest = {.ctx = m, .value = some_value};
    size_t hidden = 0;
    size_t found_behind = 0;
    for (unsigned i = 0; i < 2000; i++) {
        size_t all_count = 0;
        size_t count = 0;
        play(m, vd_random_below(&m->rng, 2) == 0);
        for (unsigned k = 0; k < 30; k++) {
            random_move(m);
        }
        m->unknown = 0;
        assert_int_equal(vd_game_moves(all, MOST, &all_count, &m->game, &honest, m->scratch),
                         VD_OK);
        m->unknown = 2 + vd_random_below(&m->rng, 20);
        m->salt = vd_random_u64(&m->rng);
        enum vd_err err = vd_game_moves(some, MOST, &count, &m->game, &honest, m->scratch);
        size_t first = MOST;
        for (size_t k = m->game.count; k-- > 0;) {
            first = (m->scratch[k] & VD_GAME_UNKNOWN) != 0 ? k : first;
        }
        assert_int_equal(err, first == MOST ? VD_OK : VD_ERR_BUSY);
        for (size_t k = 0; k < count; k++) {
            assert_true(is_among(all, all_count, &some[k]));
            found_behind += some[k].claim > first;
        }
        for (size_t k = 0; k < all_count; k++) {
            bool is_unknown = (m->scratch[all[k].claim] & VD_GAME_UNKNOWN) != 0;
            assert_true(is_among(some, count, &all[k]) || is_unknown);
            hidden += is_unknown;
        }
    }
    assert_true(hidden > 100 && found_behind > 100);
    free(m);
}

static void
test_positions_are_those_of_the_specification(void **state)
{
    (void)state;
    for (uint64_t g = 1; g < 4096; g++) {
        struct vd_position p = {.gindex = g};
        unsigned depth = 0;
        while ((uint64_t)2 << depth <= g) {
            depth++;
        }
        assert_int_equal(vd_position_depth(p), depth);
        assert_true(vd_position_index(p) == g - ((uint64_t)1 << depth));
        assert_true(vd_position_move(p, true).gindex == 2 * g);
        assert_true(vd_position_move(p, false).gindex == 2 * (g | 1));
        uint64_t leaf = g;
        for (unsigned d = depth; d < 20; d++) {
            leaf = 2 * leaf + 1;
        }
        assert_true(vd_position_trace_index(p, 20) == leaf - (1u << 20));
        /* traceAncestor: g without its trailing ones, at least the root. */
        uint64_t up = g;
        while (up & 1 && up > 1) {
            up >>= 1;
        }
        assert_true(vd_position_ancestor(p).gindex == up);
        assert_true(vd_position_trace_index(vd_position_ancestor(p), 20) == leaf - (1u << 20));
    }
    struct vd_position deep = {.gindex = ((unsigned __int128)1 << 125) + 5};
    assert_int_equal(vd_position_depth(deep), 125);
    assert_true(vd_position_index(deep) == 5);
}

static void
test_clocks_count_the_answering_side(void **state)
{
    (void)state;
    const struct vd_claim claims[] = {
        {.parent = VD_NO_PARENT, .clock_duration_s = 0, .clock_timestamp = 100},
        {.parent = 0, .clock_duration_s = 50, .clock_timestamp = 150},
        {.parent = 1, .clock_duration_s = 30, .clock_timestamp = 180},
    };
    struct vd_game game = {.max_clock_s = 1000, .claims = claims, .count = 3};
    assert_int_equal(vd_game_challenger_duration(&game, 0, 160), 60);
    assert_int_equal(vd_game_challenger_duration(&game, 1, 160), 10);
    assert_int_equal(vd_game_challenger_duration(&game, 2, 200), 70);
    assert_int_equal(vd_game_challenger_duration(&game, 2, 5000), 1000);
    assert_int_equal(vd_game_challenger_duration(&game, 0, 50), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions_are_those_of_the_specification),
        cmocka_unit_test(test_clocks_count_the_answering_side),
        cmocka_unit_test(test_the_true_side_wins_and_loses_no_bond),
        cmocka_unit_test(test_an_unknown_value_hides_only_the_claims_below_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
