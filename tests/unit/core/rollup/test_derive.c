/* The whole pipeline in a simulated world: what is posted to L1 is made by the encoders from a
   plan, what is derived is compared with the plan or with a table. */
#include "unit/core/rollup/sim.h"
#include "viaduct/core/codec/brotli.h"

static void
test_singular_and_span_channels_give_the_plan(void **state)
{
    (void)state;
    for (int span = 0; span < 2; span++) {
        struct sim *s = sim_planned(30);
        struct vd_slice channel = sim_channel(s, 1, 31, span != 0);
        size_t count;
        struct vd_slice *frames = sim_frames(s, channel, 1, 5, &count);
        for (size_t i = 0; i < count; i++) {
            (void)sim_l1_add(s);
            sim_post(s, &frames[i], 1);
        }
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        sim_expect_plan(s, 31);
        sim_free(s);
    }
}

static void
test_several_channels_and_items_in_a_block(void **state)
{
    (void)state;
    struct sim *s = sim_planned(30);
    struct vd_slice frames[8];
    size_t n;
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        struct vd_slice channel = sim_channel(s, 1 + 10 * i, 11 + 10 * i, i != 1);
        struct vd_slice *cut = sim_frames(s, channel, (uint8_t)i, 2, &n);
        assert_int_equal(n, 2);
        memcpy(frames + count, cut, n * sizeof *cut);
        count += n;
    }
    (void)sim_l1_add(s);
    sim_post(s, frames, 3); /* the first channel and half of the second */
    sim_post(s, frames + 3, 3);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 31);
    sim_free(s);
}

static void
test_deposits_stand_in_the_first_block_of_their_epoch(void **state)
{
    (void)state;
    struct sim *s = sim_new(20);
    for (size_t i = 1; i < 12; i++) {
        (void)sim_l1_add(s);
        for (size_t j = 0; j < i % 4; j++)
            sim_deposit(s, 100 * j);
    }
    sim_plan(s, 30, 1, UINT64_MAX);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 31, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 31);
    assert_int_equal(s->origins_asked, 0);
    sim_free(s);
}

/* With no room for deposits each origin that has some is asked for again. */
static void
test_deposits_that_were_not_kept_are_asked_for(void **state)
{
    (void)state;
    struct sim *s = sim_new(20);
    s->limits.l1_bytes = 400; /* one small deposit */
    sim_make_derive(s);
    sim_reset(s);
    for (size_t i = 1; i < 12; i++) {
        (void)sim_l1_add(s);
        for (size_t j = 0; j < i % 4; j++)
            sim_deposit(s, 100);
    }
    sim_plan(s, 30, 1, UINT64_MAX);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 31, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 31);
    assert_true(s->origins_asked > 3);
    sim_free(s);
}

/* --- frames on L1 --- */

struct frame_case {
    const char *what;
    const char *items; /* frames of one channel by digit, ' ' ends an item, '|' an L1 block */
    bool whole;
};

static void
run_frame_case(const struct frame_case *c)
{
    struct sim *s = sim_planned(12);
    size_t count;
    struct vd_slice *frames = sim_frames(s, sim_channel(s, 1, 13, false), 1, 4, &count);
    struct vd_slice item[8];
    size_t n = 0;
    assert_int_equal(count, 4);
    (void)sim_l1_add(s);
    for (const char *p = c->items;; p++) {
        if (*p >= '0' && *p <= '3') {
            item[n++] = frames[*p - '0'];
            continue;
        }
        if (n > 0)
            sim_post(s, item, n);
        n = 0;
        if (*p == '|')
            (void)sim_l1_add(s);
        if (*p == '\0')
            break;
    }
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    if (s->out_count != (c->whole ? 13u : 1u))
        fail_msg("%s: %zu blocks", c->what, s->out_count);
    sim_free(s);
}

static void
test_frames_in_every_disorder(void **state)
{
    static const struct frame_case cases[] = {
        {"in one item", "0123", true},
        {"in four items", "0 1 2 3", true},
        {"in four blocks", "0|1|2|3", true},
        {"twice", "0123 0123", true},
        {"each twice in its item", "00 11 22 33", true},
        {"each twice in two items", "0 0 1 1 2 2 3 3", true},
        {"last two swapped", "0 1 3 2", false},
        {"all swapped", "3210", false},
        {"shuffled as in the vectors", "20 31", false},
        {"one lost", "0 1 3", false},
        {"the first lost", "1 2 3", false},
        {"one lost, then all again", "0 1 3|0 1 2 3", true},
        {"the first again in between", "0 1 0 1 2 3", true},
        {"the first again too late", "0 1 2 0 3", false},
        {"the lost one late", "0 1 3 2 3", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_frame_case(&cases[i]);
}

static void
test_corrupt_items_are_dropped_whole(void **state)
{
    (void)state;
    for (unsigned damage = 0; damage < 5; damage++) {
        struct sim *s = sim_planned(12);
        size_t count;
        struct vd_slice *frames = sim_frames(s, sim_channel(s, 1, 13, false), 1, 2, &count);
        struct vd_buf item;
        (void)sim_l1_add(s);
        vd_buf_init(&item, &s->arena);
        vd_buf_byte(&item, damage == 0 ? 1 : 0); /* another version */
        vd_buf_slice(&item, frames[0]);
        vd_buf_slice(&item, frames[1]);
        if (damage == 1)
            item.ptr[item.len - 1] = 2; /* isLast of the second frame */
        if (damage == 2)
            item.len--; /* cut off */
        if (damage == 3)
            vd_buf_byte(&item, 0); /* left over */
        if (damage == 4)
            item.ptr[1 + 18] = 0xff; /* a length over the limit */
        sim_post_item(s, vd_buf_view(&item));
        sim_post_item(s, vd_slice(NULL, 0));
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        assert_int_equal(s->out_count, 1);
        assert_true(sim_saw(s, "data item"));
        (void)sim_l1_add(s);
        sim_post(s, frames, 2);
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        sim_expect_plan(s, 13);
        sim_free(s);
    }
}

/* Section 7.3: in one item a closed channel is not opened again; in the next one it may be. */
static void
test_pruning_is_in_force(void **state)
{
    (void)state;
    struct sim *s = sim_planned(12);
    struct vd_slice frames[2];
    size_t count;
    frames[0] = *sim_frames(s, sim_channel(s, 1, 7, false), 1, 1, &count);
    frames[1] = *sim_frames(s, sim_channel(s, 7, 13, false), 1, 1, &count);
    (void)sim_l1_add(s);
    sim_post(s, frames, 2);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 7);
    (void)sim_l1_add(s);
    sim_post(s, &frames[1], 1);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 13);
    sim_free(s);
}

static void
test_channel_times_out_after_fifty_blocks(void **state)
{
    (void)state;
    for (size_t gap = 50; gap < 52; gap++) {
        struct sim *s = sim_new(200);
        size_t count;
        sim_l1_grow(s, 6);
        sim_plan(s, 12, 1, UINT64_MAX);
        struct vd_slice *frames = sim_frames(s, sim_channel(s, 1, 13, true), 1, 2, &count);
        (void)sim_l1_add(s);
        sim_post(s, &frames[0], 1);
        sim_l1_grow(s, s->l1_count + gap);
        sim_post(s, &frames[1], 1);
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        sim_expect_plan(s, gap == 50 ? 13 : 1);
        sim_free(s);
    }
}

static void
test_only_the_batcher_is_listened_to(void **state)
{
    (void)state;
    struct sim *s = sim_planned(12);
    struct vd_address other = s->batcher;
    struct vd_slice channel = sim_channel(s, 1, 13, false);
    size_t count;
    struct vd_slice *frames = sim_frames(s, channel, 1, 1, &count);
    struct vd_buf item;
    vd_buf_init(&item, &s->arena);
    vd_buf_byte(&item, 0);
    vd_buf_slice(&item, frames[0]);
    other.b[5] ^= 1;
    (void)sim_l1_add(s);
    sim_l1_tx(s, VD_TX_LEGACY, vd_buf_view(&item), &other, &s->config.batch_inbox);
    sim_l1_tx(s, VD_TX_LEGACY, vd_buf_view(&item), &s->batcher, &other);
    sim_l1_tx(s, VD_TX_SET_CODE, vd_buf_view(&item), &s->batcher, &s->config.batch_inbox);
    sim_l1_tx(s, VD_TX_BLOB, vd_buf_view(&item), &other, &s->config.batch_inbox);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    assert_int_equal(s->out_count, 1);
    (void)sim_l1_add(s);
    sim_l1_tx(s, VD_TX_LEGACY, vd_buf_view(&item), &s->batcher, &s->config.batch_inbox);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 13);
    sim_free(s);
}

static void
test_every_type_of_calldata_transaction_counts(void **state)
{
    static const enum vd_tx_type types[] = {VD_TX_LEGACY, VD_TX_ACCESS_LIST, VD_TX_DYNAMIC_FEE};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct sim *s = sim_planned(6);
        size_t count;
        struct vd_slice *frames = sim_frames(s, sim_channel(s, 1, 7, false), 1, 1, &count);
        struct vd_buf item;
        vd_buf_init(&item, &s->arena);
        vd_buf_byte(&item, 0);
        vd_buf_slice(&item, frames[0]);
        (void)sim_l1_add(s);
        sim_l1_tx(s, types[i], vd_buf_view(&item), &s->batcher, &s->config.batch_inbox);
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        sim_expect_plan(s, 7);
        sim_free(s);
    }
}

/* --- what this build does not have --- */

static void
test_blobs_are_unsupported(void **state)
{
    (void)state;
    struct sim *s = sim_planned(6);
    (void)sim_l1_add(s);
    sim_l1_tx(s, VD_TX_BLOB, vd_slice(NULL, 0), &s->batcher, &s->config.batch_inbox);
    assert_int_equal(sim_run(s), VD_DERIVE_UNSUPPORTED);
    assert_non_null(s->last.reason);
    /* It stays so. */
    assert_int_equal(sim_run(s), VD_DERIVE_UNSUPPORTED);
    sim_reset(s);
    assert_int_equal(sim_run(s), VD_DERIVE_UNSUPPORTED);
    sim_free(s);
}

static void
test_unknown_compression_costs_the_channel(void **state)
{
    uint8_t bytes[] = {0x02, 0x02, 0x03};
    (void)state;
    struct sim *s = sim_planned(6);
    (void)sim_l1_add(s);
    sim_post_channel(s, vd_slice(bytes, sizeof bytes));
    sim_post_channel(s, vd_slice(bytes, 0));
    sim_post_channel(s, sim_channel(s, 1, 7, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 7);
    sim_free(s);
}

static void
test_unknown_fork_is_unsupported(void **state)
{
    (void)state;
    struct sim *s = sim_planned(6);
    s->config.l2.unknown_fork_time = s->plan[4].ref.timestamp;
    sim_make_derive(s);
    sim_reset(s);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 7, true));
    assert_int_equal(sim_run(s), VD_DERIVE_UNSUPPORTED);
    sim_expect_plan(s, 4);
    sim_free(s);
}

/* --- reorgs and restarts --- */

static void
test_l1_reorg_asks_for_a_reset(void **state)
{
    (void)state;
    struct sim *s = sim_planned(12);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 5, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 5);
    /* L1 from block 3 on is another. */
    s->fork = 1;
    s->l1_count = 3;
    sim_l1_grow(s, 8);
    s->plan_count = 5;
    sim_plan(s, 8, 2, UINT64_MAX);
    assert_int_equal(sim_run(s), VD_DERIVE_RESET);
    s->out_count = 5; /* all of it is on origins below 3 */
    sim_reset(s);
    sim_post_channel(s, sim_channel(s, 1, 13, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 13);
    sim_free(s);
}

static void
test_start_on_another_l1_block_asks_for_a_reset(void **state)
{
    struct vd_derive_output out;
    (void)state;
    struct sim *s = sim_planned(3);
    struct vd_l1_block block = sim_l1_block(s, 0);
    block.hash.b[0] ^= 1;
    assert_int_equal(vd_derive_step(s->d, &out), VD_OK);
    assert_int_equal(out.status, VD_DERIVE_NEED_L1);
    assert_int_equal(out.need_l1, 0);
    assert_int_equal(vd_derive_l1(s->d, &block), VD_ERR_MISMATCH);
    assert_int_equal(vd_derive_step(s->d, &out), VD_OK);
    assert_int_equal(out.status, VD_DERIVE_RESET);
    sim_free(s);
}

static void
test_missing_receipts_are_refused(void **state)
{
    struct vd_derive_output out;
    (void)state;
    struct sim *s = sim_new(20);
    sim_deposit(s, 1);
    struct vd_l1_block block = sim_l1_block(s, 0);
    block.receipt_count = 0;
    assert_int_equal(vd_derive_step(s->d, &out), VD_OK);
    assert_int_equal(vd_derive_l1(s->d, &block), VD_ERR_INVALID);
    block.receipt_count = s->l1[0].receipt_count;
    assert_int_equal(vd_derive_l1(s->d, &block), VD_OK);
    sim_free(s);
}

/* Section 7.9: walk back while the origin is less than fifty blocks below the safe head's. */
static void
test_reset_starts_a_channel_timeout_below_the_safe_head(void **state)
{
    struct vd_l2_ref start;
    (void)state;
    struct sim *s = sim_new(200);
    sim_l1_grow(s, 90);
    sim_plan(s, 250, 0, UINT64_MAX);
    memcpy(s->out, s->plan, s->plan_count * sizeof *s->plan);
    s->out_count = s->plan_count;
    const struct vd_l2_ref *safe = &s->out[250].ref;
    assert_int_equal(vd_derive_reset_start(s->d, &start, safe), VD_OK);
    assert_int_equal(start.l1_origin.number, safe->l1_origin.number - 50);
    assert_int_equal(s->out[start.number + 1].ref.l1_origin.number, start.l1_origin.number + 1);
    assert_int_equal(vd_derive_reset_start(s->d, &start, &s->out[100].ref), VD_OK);
    assert_int_equal(start.l1_origin.number, 0);
    s->failures = 1;
    assert_int_equal(vd_derive_reset_start(s->d, &start, safe), VD_ERR_IO);
    sim_free(s);
}

/* --- many seeds --- */

/* Posts the plan in channels, some of them spoiled and then posted again, over a growing L1. */
static void
post_with_faults(struct sim *s, struct vd_random *r)
{
    size_t at = 1;
    uint8_t id = 0;
    while (at < s->plan_count) {
        size_t to = at + 1 + vd_random_below(r, 20);
        size_t count;
        if (to > s->plan_count)
            to = s->plan_count;
        size_t from = at > 3 && vd_random_below(r, 4) == 0 ? at - vd_random_below(r, 3) : at;
        struct vd_slice channel = sim_channel(s, from, to, vd_random_below(r, 2) == 0);
        struct vd_slice *frames = sim_frames(s, channel, id++, 1 + vd_random_below(r, 5), &count);
        bool spoiled = vd_random_below(r, 3) == 0;
        size_t victim = vd_random_below(r, count);
        for (size_t i = 0; i < count; i++) {
            if (vd_random_below(r, 2) == 0)
                (void)sim_l1_add(s);
            if (spoiled && i == victim)
                continue; /* a frame is lost */
            sim_post(s, &frames[i], 1);
            if (vd_random_below(r, 4) == 0)
                sim_post(s, &frames[i], 1);
            if (vd_random_below(r, 4) == 0) {
                uint8_t junk[40];
                vd_random_bytes(r, junk, sizeof junk);
                junk[0] &= 1;
                sim_post_item(s, vd_slice(junk, vd_random_below(r, sizeof junk)));
            }
        }
        if (!spoiled)
            at = to;
        (void)sim_l1_add(s);
    }
}

static void
test_lost_and_doubled_frames_never_change_the_chain(void **state)
{
    struct vd_random r = vd_random_start("derivation with faults");
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct sim *s = sim_new(500);
        sim_l1_grow(s, 40);
        for (size_t i = 0; i < 5; i++) {
            sim_plan(s, 20, vd_random_below(&r, 4), UINT64_MAX);
            sim_plan(s, 2, 0, UINT64_MAX);
        }
        post_with_faults(s, &r);
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        sim_expect_plan(s, s->plan_count);
        sim_free(s);
    }
}

/* A derivation that is stopped anywhere and started again on its safe head gives the same. */
static void
test_restarts_never_change_the_chain(void **state)
{
    struct vd_random r = vd_random_start("derivation with restarts");
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct sim *s = sim_new(500);
        sim_l1_grow(s, 40);
        sim_plan(s, 100, 2, UINT64_MAX);
        post_with_faults(s, &r);
        size_t whole = s->l1_count;
        while (s->out_count < s->plan_count) {
            s->l1_count = 1 + vd_random_below(&r, whole);
            if (s->l1_count <= s->out[s->out_count - 1].ref.l1_origin.number)
                s->l1_count = whole;
            assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
            sim_expect_plan(s, s->out_count);
            if (vd_random_below(&r, 2) == 0)
                sim_make_derive(s);
            sim_reset(s);
        }
        s->l1_count = whole;
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        sim_expect_plan(s, s->plan_count);
        sim_free(s);
    }
}

/* Thousands of L1 blocks through small regions: the rings go round, nothing grows. */
static void
test_long_runs_stay_in_their_regions(void **state)
{
    (void)state;
    struct sim *s = sim_new(30);
    s->limits = (struct vd_derive_limits){1 << 16, 1 << 18, 5000};
    sim_make_derive(s);
    sim_reset(s);
    size_t at = 1;
    for (size_t i = 1; i < 3000; i++) {
        (void)sim_l1_add(s);
        for (size_t j = 0; j < i % 5; j++)
            sim_deposit(s, 50 * (i % 7));
        sim_plan(s, 3, i % 3, i > 2 ? i - 2 : 0);
        if (i % 10 != 0)
            continue;
        sim_post_channel(s, sim_channel(s, at, s->plan_count, i % 20 == 0));
        at = s->plan_count;
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    }
    sim_expect_plan(s, at);
    assert_true(s->origins_asked < 3000);
    assert_true(s->regions_used < vd_brotli_size() + (1 << 20));
    sim_free(s);
}

/* The attributes of one block take the room that those of the last one had. */
static void
test_long_span_needs_no_more_than_its_blocks(void **state)
{
    (void)state;
    struct sim *s = sim_new(1000);
    s->limits.batch_bytes = 200000;
    sim_make_derive(s);
    sim_reset(s);
    sim_l1_grow(s, 700);
    sim_plan(s, 2000, 0, UINT64_MAX);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 2001, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 2001);
    sim_free(s);
}

/* Random bytes in the places where a batcher writes: nothing is derived, nothing breaks. */
static void
test_random_channels_are_harmless(void **state)
{
    struct vd_random r = vd_random_start("random channels");
    (void)state;
    struct sim *s = sim_planned(12);
    for (unsigned round = 0; round < 300; round++) {
        uint8_t bytes[300];
        struct vd_buf batches;
        (void)sim_l1_add(s);
        vd_buf_init(&batches, &s->arena);
        vd_random_bytes(&r, bytes, sizeof bytes);
        bytes[0] = 0xb8;
        bytes[1] = (uint8_t)(56 + vd_random_below(&r, 190));
        bytes[2] = (uint8_t)vd_random_below(&r, 2);
        vd_buf_bytes(&batches, bytes, sizeof bytes);
        struct vd_slice channel = sim_compress(s, &batches);
        if (round % 3 == 0)
            ((uint8_t *)(uintptr_t)channel.ptr)[2 + vd_random_below(&r, channel.len - 2)] ^= 4;
        sim_post_channel(s, channel);
    }
    s->config.seq_window_size = 500;
    sim_make_derive(s);
    sim_reset(s);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    assert_int_equal(s->out_count, 1);
    sim_free(s);
}

static void
test_small_batch_region_is_a_failure_not_a_verdict(void **state)
{
    struct vd_derive_output out = {.status = VD_DERIVE_CONTINUE};
    (void)state;
    struct sim *s = sim_planned(12);
    s->limits.batch_bytes = 1000;
    sim_make_derive(s);
    sim_reset(s);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 13, true));
    enum vd_err err = VD_OK;
    for (uint64_t n = 0; err == VD_OK;) {
        err = vd_derive_step(s->d, &out);
        if (err == VD_OK && out.status == VD_DERIVE_NEED_L1) {
            struct vd_l1_block block = sim_l1_block(s, n++);
            assert_int_equal(vd_derive_l1(s->d, &block), VD_OK);
        }
    }
    assert_int_equal(err, VD_ERR_NO_MEMORY);
    assert_int_equal(vd_derive_step(s->d, &out), VD_ERR_NO_MEMORY);
    sim_free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_singular_and_span_channels_give_the_plan),
        cmocka_unit_test(test_several_channels_and_items_in_a_block),
        cmocka_unit_test(test_deposits_stand_in_the_first_block_of_their_epoch),
        cmocka_unit_test(test_deposits_that_were_not_kept_are_asked_for),
        cmocka_unit_test(test_frames_in_every_disorder),
        cmocka_unit_test(test_corrupt_items_are_dropped_whole),
        cmocka_unit_test(test_pruning_is_in_force),
        cmocka_unit_test(test_channel_times_out_after_fifty_blocks),
        cmocka_unit_test(test_only_the_batcher_is_listened_to),
        cmocka_unit_test(test_every_type_of_calldata_transaction_counts),
        cmocka_unit_test(test_blobs_are_unsupported),
        cmocka_unit_test(test_unknown_compression_costs_the_channel),
        cmocka_unit_test(test_unknown_fork_is_unsupported),
        cmocka_unit_test(test_l1_reorg_asks_for_a_reset),
        cmocka_unit_test(test_start_on_another_l1_block_asks_for_a_reset),
        cmocka_unit_test(test_missing_receipts_are_refused),
        cmocka_unit_test(test_reset_starts_a_channel_timeout_below_the_safe_head),
        cmocka_unit_test(test_lost_and_doubled_frames_never_change_the_chain),
        cmocka_unit_test(test_restarts_never_change_the_chain),
        cmocka_unit_test(test_long_runs_stay_in_their_regions),
        cmocka_unit_test(test_long_span_needs_no_more_than_its_blocks),
        cmocka_unit_test(test_random_channels_are_harmless),
        cmocka_unit_test(test_small_batch_region_is_a_failure_not_a_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
