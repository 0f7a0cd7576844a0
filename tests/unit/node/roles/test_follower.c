/* The follower's search for the heads to start from, over a model of L2 and an L1 that loses
   answers.  What comes after is in simulation/test_roles.c and the node's own tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/roles/follower.h"

#define BLOCKS 1000u

struct model {
    struct vd_rollup_config rollup;
    struct vd_l2_ref blocks[BLOCKS + 1]; /* each on an origin of its own */
    struct vd_follower *follower;
    bool asked;
    uint64_t asked_number;
    bool set;
    struct vd_follower_heads heads;
    uint64_t now_ms;
    unsigned notes;
};

static struct vd_hash
hash_of(uint8_t chain, uint64_t number)
{
    uint8_t bytes[9] = {chain};
    vd_store_be64(bytes + 1, number);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

static enum vd_err
past_ref(void *ctx, struct vd_l2_ref *out, uint64_t number)
{
    *out = ((struct model *)ctx)->blocks[number];
    return VD_OK;
}

static void
fetch_l1_id(void *ctx, uint64_t number)
{
    struct model *m = ctx;
    assert_false(m->asked);
    m->asked = true;
    m->asked_number = number;
}

static void
set_heads(void *ctx, const struct vd_follower_heads *heads)
{
    struct model *m = ctx;
    m->set = true;
    m->heads = *heads;
}

static void
note(void *ctx, const char *text)
{
    struct model *m = ctx;
    (void)text;
    m->notes++;
}

static void
model_start(struct model *m)
{
    memset(m, 0, sizeof *m);
    for (uint64_t i = 0; i <= BLOCKS; i++) {
        m->blocks[i] = (struct vd_l2_ref){.hash = hash_of(2, i),
                                          .number = i,
                                          .timestamp = 12 * i,
                                          .l1_origin = {.hash = hash_of(1, i), .number = i}};
        m->blocks[i].parent_hash = i > 0 ? m->blocks[i - 1].hash : (struct vd_hash){0};
    }
    m->rollup = (struct vd_rollup_config){.genesis_l1 = m->blocks[0].l1_origin,
                                          .genesis_l2 = {.hash = m->blocks[0].hash},
                                          .block_time_s = 12,
                                          .seq_window_size = 800,
                                          .channel_timeout = 50};
    struct vd_follower_config config = {.rollup = &m->rollup};
    struct vd_follower_l2 l2 = {.derive = {.ctx = m, .ref = past_ref}};
    struct vd_follower_effects effects = {
        .ctx = m, .fetch_l1_id = fetch_l1_id, .set_heads = set_heads, .note = note};
    assert_int_equal(vd_follower_new(&m->follower, &config, vd_curves_host(), &l2, &effects),
                     VD_OK);
    struct vd_follower_heads heads = {
        .unsafe = m->blocks[BLOCKS], .safe = m->blocks[990], .finalized = m->blocks[0]};
    vd_follower_start(m->follower, m->now_ms, &heads);
}

/* Each tenth answer is lost.  The window's 800 origins would never be walked through if each loss
   meant to start from the top; so each origin is asked for once, and once more for each loss. */
static void
test_lost_answers_do_not_start_the_walk_anew(void **state)
{
    (void)state;
    static struct model m;
    model_start(&m);
    unsigned questions = 0;
    for (; !m.set && questions < 2000; questions++) {
        assert_true(m.asked);
        assert_false(vd_follower_is_started(m.follower));
        m.asked = false;
        if (questions % 10 == 9) {
            vd_follower_l1_hash(m.follower, m.now_ms, VD_ERR_IO, NULL);
            assert_false(m.asked);
            m.now_ms += 1000;
            vd_follower_tick(m.follower, m.now_ms);
        } else {
            struct vd_hash hash = hash_of(1, m.asked_number);
            vd_follower_l1_hash(m.follower, m.now_ms, VD_OK, &hash);
        }
    }
    assert_true(m.set);
    assert_int_equal(m.heads.unsafe.number, BLOCKS);
    /* OP Stack specs, derivation, finding the sync starting point: the parent of the first block
       whose origin is more than a window below the highest. */
    assert_int_equal(m.heads.safe.number, BLOCKS - 800 - 2);
    assert_in_range(questions, 801, 801 + 801 / 9 + 1);
    vd_follower_free(m.follower);
}

static void
test_a_start_while_l1_does_not_answer_walks_from_the_new_heads(void **state)
{
    (void)state;
    static struct model m;
    model_start(&m);
    m.asked = false;
    vd_follower_l1_hash(m.follower, m.now_ms, VD_ERR_IO, NULL);
    struct vd_follower_heads heads = {
        .unsafe = m.blocks[500], .safe = m.blocks[400], .finalized = m.blocks[0]};
    vd_follower_start(m.follower, m.now_ms, &heads);
    assert_true(m.asked);
    assert_int_equal(m.asked_number, 500);
    vd_follower_free(m.follower);
}

/* L1 has other blocks from `from` on. */
static void
answer_l1_ids(struct model *m, uint64_t from)
{
    while (m->asked) {
        m->asked = false;
        struct vd_hash hash = hash_of(m->asked_number < from ? 1 : 3, m->asked_number);
        vd_follower_l1_hash(m->follower, m->now_ms, VD_OK, &hash);
    }
}

/* Nothing below the finalized block may be built on again: no heads are set, the reason is told
   once, L1 is asked now and then, and when it has its old blocks again the follower goes on. */
static void
test_a_finalized_block_whose_origin_left_l1_holds_it_until_l1_has_the_origin_again(void **state)
{
    (void)state;
    static struct model m;
    model_start(&m);
    struct vd_follower_heads heads = {
        .unsafe = m.blocks[BLOCKS], .safe = m.blocks[990], .finalized = m.blocks[980]};
    vd_follower_start(m.follower, m.now_ms, &heads);
    answer_l1_ids(&m, 975);
    unsigned walks = 0;
    for (uint64_t end = m.now_ms + 60000; m.now_ms < end; m.now_ms++) {
        vd_follower_tick(m.follower, m.now_ms);
        walks += m.asked;
        answer_l1_ids(&m, 975);
    }
    assert_false(m.set);
    assert_in_range(walks, 3, 12);
    assert_int_equal(m.notes, 1);
    assert_false(vd_follower_is_started(m.follower));
    assert_non_null(vd_follower_stopped(m.follower));
    assert_non_null(strstr(vd_follower_stopped(m.follower), "finalized block 980"));

    vd_follower_l1_reorg(m.follower, m.now_ms, &heads);
    answer_l1_ids(&m, 995);
    assert_true(m.set);
    assert_null(vd_follower_stopped(m.follower));
    assert_int_equal(m.heads.unsafe.number, 994);
    assert_int_equal(m.heads.safe.number, 980);
    vd_follower_free(m.follower);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_answers_do_not_start_the_walk_anew),
        cmocka_unit_test(test_a_start_while_l1_does_not_answer_walks_from_the_new_heads),
        cmocka_unit_test(
            test_a_finalized_block_whose_origin_left_l1_holds_it_until_l1_has_the_origin_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
