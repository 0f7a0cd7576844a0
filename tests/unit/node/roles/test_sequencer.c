/* The sequencer on virtual time, with an engine and an L1 that do what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/roles/sequencer.h"

#define L1_BLOCKS 2000u
#define L1_SECONDS 12u

struct model {
    struct vd_rollup_config rollup;
    struct vd_l1_block l1[L1_BLOCKS];
    uint64_t l1_head;
    bool l1_answers;
    uint64_t l1_seconds;
    struct vd_sequencer *sequencer;
    uint64_t now; /* seconds */
    bool fetching;
    uint64_t fetch_number;
    bool opening;
    bool sealing;
    struct vd_attributes attributes;
    uint64_t closing_at; /* origins up to this one's windows close, when the block opened */
    uint64_t margin;     /* in L1 blocks, of the window's end */
    uint64_t forced;     /* blocks as derivation would make them */
    uint64_t opened;
    uint64_t sealed;
    struct vd_l2_ref head;
    unsigned notes;
    unsigned left; /* how often it said that an origin is not on L1 any more */
};

static void
make_l1(struct model *m, uint64_t number, uint64_t salt)
{
    struct vd_l1_block *block = &m->l1[number];
    memset(block, 0, sizeof *block);
    block->header.number = number;
    block->header.timestamp = m->l1_seconds * number;
    block->header.has_base_fee = true;
    block->header.base_fee = vd_u256(7);
    block->header.difficulty = vd_u256(salt);
    if (number > 0) {
        block->header.parent_hash = m->l1[number - 1].hash;
    }
    block->hash = vd_header_hash(&block->header);
}

static void
fetch_origin(void *ctx, uint64_t number)
{
    struct model *m = ctx;
    assert_false(m->fetching);
    m->fetching = true;
    m->fetch_number = number;
}

static void
open_block(void *ctx, const struct vd_attributes *attributes)
{
    struct model *m = ctx;
    assert_false(m->opening || m->sealing);
    m->opening = true;
    m->attributes = *attributes;
    uint64_t reached = m->l1_head + m->margin;
    uint64_t window = m->rollup.seq_window_size;
    m->closing_at = reached >= window ? reached - window : UINT64_MAX;
}

static void
seal(void *ctx)
{
    struct model *m = ctx;
    assert_false(m->opening || m->sealing);
    m->sealing = true;
}

static void
origin_left(void *ctx)
{
    struct model *m = ctx;
    m->left++;
}

static void
note(void *ctx, const char *text)
{
    struct model *m = ctx;
    (void)text;
    m->notes++;
}

static void
answer_fetch(struct model *m)
{
    m->fetching = false;
    if (m->l1_answers && m->fetch_number <= m->l1_head) {
        vd_sequencer_give_origin(m->sequencer, m->now * 1000, &m->l1[m->fetch_number]);
    } else {
        vd_sequencer_no_origin(m->sequencer, m->now * 1000);
    }
}

static void
answer_seal(struct model *m)
{
    const struct vd_attributes *a = &m->attributes;
    uint8_t seed[16];
    m->sealing = false;
    m->sealed++;
    vd_store_be64(seed, a->parent.number + 1);
    vd_store_be64(seed + 8, a->origin.number);
    m->head = (struct vd_l2_ref){.hash = vd_keccak256(vd_slice(seed, sizeof seed)),
                                 .number = a->parent.number + 1,
                                 .parent_hash = a->parent.hash,
                                 .timestamp = a->env.timestamp,
                                 .l1_origin = {.hash = a->origin.hash, .number = a->origin.number},
                                 .sequence_number = a->sequence_number};
    vd_sequencer_sealed(m->sequencer, m->now * 1000, VD_OK, &m->head);
}

/* The epoch of the empty block that derivation makes on the head (OP Stack specs, derivation: batch
   queue, auto-generated empty batches). */
static uint64_t
forced_origin(const struct model *m)
{
    uint64_t epoch = m->head.l1_origin.number;
    return m->attributes.env.timestamp < m->l1[epoch + 1].header.timestamp ? epoch : epoch + 1;
}

/* Answers whatever is asked until nothing is. */
static void
settle(struct model *m)
{
    while (m->fetching || m->opening || m->sealing) {
        if (m->fetching) {
            answer_fetch(m);
        } else if (m->opening) {
            m->opening = false;
            m->opened++;
            vd_sequencer_opened(m->sequencer, m->now * 1000, VD_OK);
        } else {
            /* Rules that every sealed block obeys (OP Stack specs, derivation: batch queue). */
            assert_true(m->attributes.env.timestamp >= m->attributes.origin.timestamp);
            assert_true(m->attributes.env.timestamp <= m->now);
            assert_true(m->attributes.origin.number >= m->head.l1_origin.number);
            assert_true(m->attributes.origin.number <= m->head.l1_origin.number + 1);
            bool late = m->attributes.env.timestamp >
                        m->attributes.origin.timestamp + VD_MAX_SEQUENCER_DRIFT_S;
            bool closes =
                m->closing_at != UINT64_MAX && m->attributes.origin.number <= m->closing_at;
            assert_int_equal(m->attributes.no_tx_pool, late || closes);
            if (closes) {
                assert_int_equal(m->attributes.origin.number, forced_origin(m));
                m->forced++;
            }
            answer_seal(m);
        }
    }
}

static void
second(struct model *m, bool l1_grows)
{
    m->now++;
    if (l1_grows && m->now / m->l1_seconds > m->l1_head) {
        m->l1_head = m->now / m->l1_seconds;
        vd_sequencer_l1(m->sequencer, m->now * 1000, m->l1_head);
    }
    vd_sequencer_tick(m->sequencer, m->now * 1000);
    settle(m);
}

static void
start_on(struct model *m, uint64_t confirmations, uint64_t l1_seconds)
{
    memset(m, 0, sizeof *m);
    m->l1_seconds = l1_seconds;
    m->rollup.block_time_s = 2;
    m->rollup.seq_window_size = 3600;
    m->margin = 50;
    m->rollup.l2 = (struct vd_chain_config){
        .chain_id = 901, .is_l2 = true, .eip1559_elasticity = 6, .eip1559_denominator_canyon = 250};
    m->rollup.pectra_blob_schedule_time = VD_NEVER;
    vd_chain_config_l1(&m->rollup.l1, 900, 0, 0);
    m->rollup.l1_chain_id = 900;
    m->l1_answers = true;
    for (uint64_t i = 0; i < L1_BLOCKS; i++) {
        make_l1(m, i, 0);
    }
    struct vd_sequencer_config config = {.rollup = &m->rollup, .l1_confirmations = confirmations};
    struct vd_sequencer_effects effects = {.ctx = m,
                                           .fetch_origin = fetch_origin,
                                           .open = open_block,
                                           .seal = seal,
                                           .origin_left = origin_left,
                                           .note = note};
    assert_int_equal(vd_sequencer_new(&m->sequencer, &config, &effects), VD_OK);
    m->head.l1_origin = (struct vd_block_id){.hash = m->l1[0].hash};
    struct vd_system_config system = {
        .gas_limit = 30000000, .scalar = {1}, .eip1559 = {.denominator = 250, .elasticity = 6}};
    vd_sequencer_start(m->sequencer, 0, &m->head, &system);
    settle(m);
}

static void
start(struct model *m, uint64_t confirmations)
{
    start_on(m, confirmations, L1_SECONDS);
}

/* One origin for each block; the answers come before the seal, as L1's usually do. */
static void
test_origins_keep_pace_with_an_l1_as_fast_as_l2(void **state)
{
    (void)state;
    static struct model m;
    start_on(&m, 0, 2);
    for (int i = 0; i < 600; i++) {
        second(&m, true);
    }
    assert_int_equal(m.head.number, m.now / 2);
    assert_true(m.head.l1_origin.number + 2 >= m.l1_head);
    vd_sequencer_free(m.sequencer);
}

static void
test_blocks_keep_pace_with_the_clock(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    for (int i = 0; i < 600; i++) {
        second(&m, true);
        assert_int_equal(m.head.number, m.now / 2);
    }
    /* The origin follows as soon as its time has come. */
    assert_true(m.head.l1_origin.number + 1 >= m.now / L1_SECONDS);
    vd_sequencer_free(m.sequencer);
}

static void
test_origins_wait_for_their_depth(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 4);
    for (int i = 0; i < 600; i++) {
        second(&m, true);
        assert_true(m.head.l1_origin.number + 4 <= m.l1_head || m.head.l1_origin.number == 0);
    }
    assert_true(m.head.l1_origin.number + 6 >= m.l1_head);
    vd_sequencer_free(m.sequencer);
}

static void
test_without_l1_it_goes_on_to_the_drift_limit_and_says_so(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    m.l1_answers = false;
    for (int i = 0; i < 2400; i++) {
        second(&m, false);
    }
    assert_int_equal(m.head.timestamp, VD_MAX_SEQUENCER_DRIFT_S);
    assert_int_equal(m.head.l1_origin.number, 0);
    assert_int_equal(m.notes, 1);
    /* L1 is back: blocks catch up, the origins one after the other. */
    m.l1_answers = true;
    for (int i = 0; i < 600; i++) {
        second(&m, true);
    }
    assert_int_equal(m.head.number, m.now / 2);
    vd_sequencer_free(m.sequencer);
}

/* L1 comes back slowly, an origin a minute, then all at once; and fails a second time. */
static void
test_the_drift_limit_is_told_once_an_episode(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    for (int i = 0; i < 2400; i++) {
        second(&m, false);
    }
    for (int i = 0; i < 1200; i++) {
        if (i % 60 == 0) {
            vd_sequencer_l1(m.sequencer, m.now * 1000, ++m.l1_head);
        }
        second(&m, false);
    }
    assert_int_equal(m.head.l1_origin.number, 20);
    assert_int_equal(m.head.timestamp, 20 * L1_SECONDS + VD_MAX_SEQUENCER_DRIFT_S);
    assert_int_equal(m.notes, 1);
    for (int i = 0; i < 600; i++) {
        second(&m, true);
    }
    assert_int_equal(m.head.number, m.now / 2);
    assert_int_equal(m.notes, 1);
    for (int i = 0; i < 2400; i++) {
        second(&m, false);
    }
    assert_int_equal(m.notes, 2);
    vd_sequencer_free(m.sequencer);
}

static void
test_behind_the_clock_blocks_follow_at_once(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    m.now = 1000;
    m.l1_head = m.now / L1_SECONDS;
    vd_sequencer_l1(m.sequencer, m.now * 1000, m.l1_head);
    settle(&m);
    assert_int_equal(m.head.number, 500);
    vd_sequencer_free(m.sequencer);
}

static void
test_a_start_on_another_head_forgets_what_was_asked(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    for (int i = 0; i < 100; i++) {
        second(&m, true);
    }
    /* L1 reorganises above block 3; the engine cut the chain back to a block on it. */
    for (uint64_t n = 4; n < L1_BLOCKS; n++) {
        make_l1(&m, n, 1);
    }
    m.head = (struct vd_l2_ref){.number = 20,
                                .timestamp = 40,
                                .hash = {{9}},
                                .l1_origin = {.hash = m.l1[3].hash, .number = 3},
                                .sequence_number = 1};
    struct vd_system_config system = {
        .gas_limit = 30000000, .scalar = {1}, .eip1559 = {.denominator = 250, .elasticity = 6}};
    vd_sequencer_start(m.sequencer, m.now * 1000, &m.head, &system);
    settle(&m);
    for (int i = 0; i < 10; i++) {
        second(&m, true);
    }
    assert_int_equal(m.head.number, m.now / 2);
    assert_true(vd_hash_eq(&m.head.l1_origin.hash, &m.l1[m.head.l1_origin.number].hash));
    vd_sequencer_free(m.sequencer);
}

/* The engine tells an opened block as soon as it stands, a sealed one when it is durable: after a
   start the new block's answer may come before that of the seal asked for earlier. */
static void
test_a_late_answer_of_before_a_start_is_not_taken_for_a_new_one(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    m.now = 2;
    vd_sequencer_tick(m.sequencer, m.now * 1000);
    assert_true(m.sealing);
    m.sealing = false; /* its answer is still to come */
    struct vd_system_config system = {
        .gas_limit = 30000000, .scalar = {1}, .eip1559 = {.denominator = 250, .elasticity = 6}};
    vd_sequencer_start(m.sequencer, m.now * 1000, &m.head, &system);
    answer_fetch(&m);
    assert_true(m.opening);
    m.opening = false;
    vd_sequencer_opened(m.sequencer, m.now * 1000, VD_OK);
    assert_true(m.sealing);
    struct vd_l2_ref given_up = {.hash = {{9}}, .number = 7};
    vd_sequencer_sealed(m.sequencer, m.now * 1000, VD_OK, &given_up);
    settle(&m);
    for (int i = 0; i < 20; i++) {
        second(&m, true);
    }
    assert_int_equal(m.head.number, m.now / 2);
    vd_sequencer_free(m.sequencer);
}

static void
test_an_origin_that_left_l1_is_not_built_on(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    for (int i = 0; i < 100; i++) {
        second(&m, true);
    }
    uint64_t origin = m.head.l1_origin.number;
    for (uint64_t n = origin; n < L1_BLOCKS; n++) {
        make_l1(&m, n, 1); /* the head's own origin and all after it are others now */
    }
    for (int i = 0; i < 100; i++) {
        second(&m, true);
    }
    assert_int_equal(m.head.l1_origin.number, origin);
    assert_in_range(m.left, 1, 100); /* seconds */
    vd_sequencer_free(m.sequencer);
}

static void
test_a_start_on_an_origin_that_left_l1_asks_for_other_heads(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    for (int i = 0; i < 100; i++) {
        second(&m, true);
    }
    assert_int_equal(m.left, 0);
    uint64_t number = m.head.number;
    make_l1(&m, m.head.l1_origin.number, 1);
    struct vd_system_config system = {
        .gas_limit = 30000000, .scalar = {1}, .eip1559 = {.denominator = 250, .elasticity = 6}};
    vd_sequencer_start(m.sequencer, m.now * 1000, &m.head, &system);
    settle(&m);
    assert_int_equal(m.left, 1);
    for (int i = 0; i < 10; i++) {
        second(&m, true);
    }
    assert_in_range(m.left, 2, 11);
    assert_int_equal(m.head.number, number);
    vd_sequencer_free(m.sequencer);
}

/* Heads that do not help, as from an L1 whose answers contradict each other: each time it is told,
   the owner finds the same heads again and starts it on them. */
static void
test_starts_on_an_origin_that_left_l1_do_not_go_round_faster_than_once_a_second(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    for (int i = 0; i < 100; i++) {
        second(&m, true);
    }
    make_l1(&m, m.head.l1_origin.number, 1);
    struct vd_system_config system = {
        .gas_limit = 30000000, .scalar = {1}, .eip1559 = {.denominator = 250, .elasticity = 6}};
    unsigned told = 0;
    vd_sequencer_start(m.sequencer, m.now * 1000, &m.head, &system);
    for (uint64_t ms = m.now * 1000, end = ms + 5000; ms < end; ms++) {
        vd_sequencer_tick(m.sequencer, ms);
        if (m.fetching) {
            m.fetching = false;
            vd_sequencer_give_origin(m.sequencer, ms, &m.l1[m.fetch_number]);
        }
        if (m.left > told) {
            told = m.left;
            vd_sequencer_start(m.sequencer, ms, &m.head, &system);
        }
    }
    assert_int_equal(told, 5);
    vd_sequencer_free(m.sequencer);
}

static void
test_a_seal_that_failed_is_tried_again_once_a_second(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    second(&m, true);
    m.now += 10;
    vd_sequencer_tick(m.sequencer, m.now * 1000);
    unsigned failed = 0;
    for (uint64_t ms = m.now * 1000, end = ms + 5000; ms < end; ms++) {
        vd_sequencer_tick(m.sequencer, ms);
        if (m.sealing) {
            m.sealing = false;
            failed++;
            vd_sequencer_sealed(m.sequencer, ms, VD_ERR_IO, NULL);
        }
    }
    assert_int_equal(failed, 5);
    m.now += 6;
    vd_sequencer_tick(m.sequencer, m.now * 1000);
    settle(&m);
    assert_true(m.head.timestamp + m.rollup.block_time_s > m.now); /* caught up */
    vd_sequencer_free(m.sequencer);
}

static void
set_window(struct model *m, uint64_t window, uint64_t margin)
{
    m->rollup.seq_window_size = window;
    m->margin = margin;
}

static void
be_at(struct model *m, uint64_t now)
{
    m->now = now;
    m->l1_head = now / L1_SECONDS;
    vd_sequencer_l1(m->sequencer, now * 1000, m->l1_head);
}

/* Derivation has cut the chain back to a block whose window is over. */
static void
test_where_the_window_closes_blocks_are_derivations_own(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    set_window(&m, 12, 6);
    be_at(&m, 1200);
    settle(&m);
    assert_int_equal(m.head.number, 600);
    /* Origins 0 to 100 - 12 + 6, six blocks each; genesis and the block open before are others. */
    assert_int_equal(m.forced, 95 * 6 - 2);
    assert_int_equal(m.notes, 2); /* begins, is over */
    for (int i = 0; i < 600; i++) {
        second(&m, true);
    }
    assert_int_equal(m.forced, 95 * 6 - 2);
    assert_int_equal(m.notes, 2);
    vd_sequencer_free(m.sequencer);
}

/* Staying on the old origin, as is right elsewhere, would not be derivation's block. */
static void
test_where_the_window_closes_the_next_origin_is_waited_for(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 0);
    set_window(&m, 12, 6);
    m.l1_answers = false;
    be_at(&m, 1200);
    settle(&m);
    uint64_t number = m.head.number;
    for (int i = 0; i < 20; i++) {
        second(&m, true);
    }
    assert_int_equal(m.head.number, number);
    m.l1_answers = true;
    for (int i = 0; i < 10; i++) {
        second(&m, true);
    }
    assert_int_equal(m.head.number, m.now / 2);
    vd_sequencer_free(m.sequencer);
}

/* Of a window of 12, 8 are gone when a block can be made; half of the others is the margin. */
static void
test_confirmations_leave_room_for_users_in_a_small_window(void **state)
{
    (void)state;
    static struct model m;
    start(&m, 8);
    set_window(&m, 12, 2);
    for (int i = 0; i < 600; i++) {
        second(&m, true);
    }
    assert_int_equal(m.forced, 0);
    assert_int_equal(m.notes, 0);
    vd_sequencer_free(m.sequencer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_keep_pace_with_the_clock),
        cmocka_unit_test(test_origins_keep_pace_with_an_l1_as_fast_as_l2),
        cmocka_unit_test(test_origins_wait_for_their_depth),
        cmocka_unit_test(test_without_l1_it_goes_on_to_the_drift_limit_and_says_so),
        cmocka_unit_test(test_the_drift_limit_is_told_once_an_episode),
        cmocka_unit_test(test_behind_the_clock_blocks_follow_at_once),
        cmocka_unit_test(test_a_start_on_another_head_forgets_what_was_asked),
        cmocka_unit_test(test_a_late_answer_of_before_a_start_is_not_taken_for_a_new_one),
        cmocka_unit_test(test_an_origin_that_left_l1_is_not_built_on),
        cmocka_unit_test(test_a_start_on_an_origin_that_left_l1_asks_for_other_heads),
        cmocka_unit_test(test_where_the_window_closes_blocks_are_derivations_own),
        cmocka_unit_test(test_where_the_window_closes_the_next_origin_is_waited_for),
        cmocka_unit_test(test_confirmations_leave_room_for_users_in_a_small_window),
        cmocka_unit_test(
            test_starts_on_an_origin_that_left_l1_do_not_go_round_faster_than_once_a_second),
        cmocka_unit_test(test_a_seal_that_failed_is_tried_again_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
