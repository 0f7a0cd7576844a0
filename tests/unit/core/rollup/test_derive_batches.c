/* The later half of the pipeline in a simulated world: which batches count, what an expired window
   gives, how the system config changes, what happens to a refused payload. */
#include "unit/core/rollup/sim.h"

/* --- batches --- */

/* What is wrong with block 4 of 1..6; then come block 4 as it should be, 5 and 6, in the same
   channel and once more in another one. */
static struct sim_l2_block
spoil(struct sim *s, const char *how)
{
    struct sim_l2_block b = s->plan[4];
    if (strcmp(how, "gap") == 0)
        b.ref.timestamp += SIM_BLOCK_TIME;
    else if (strcmp(how, "past") == 0)
        b.ref.timestamp -= SIM_BLOCK_TIME;
    else if (strcmp(how, "parent") == 0)
        b.ref.parent_hash.b[0] ^= 1;
    else if (strcmp(how, "epoch hash") == 0)
        b.ref.l1_origin.hash.b[0] ^= 1;
    else if (strcmp(how, "epoch back") == 0)
        b.ref.l1_origin = s->plan[2].ref.l1_origin;
    else if (strcmp(how, "epoch far") == 0)
        b.ref.l1_origin = (struct vd_block_id){s->l1[3].hash, 3};
    else if (strcmp(how, "epoch young") == 0)
        b.ref.l1_origin = (struct vd_block_id){s->l1[2].hash, 2};
    return b;
}

static void
test_bad_singular_batch_costs_the_channel_past_ones_nothing(void **state)
{
    static const struct {
        const char *how;
        bool flushes;
    } cases[] = {
        {"gap", true},        {"past", false},     {"parent", true},      {"epoch hash", true},
        {"epoch back", true}, {"epoch far", true}, {"epoch young", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim *s = sim_planned(6);
        struct vd_buf batches;
        vd_buf_init(&batches, &s->arena);
        for (size_t j = 1; j < 4; j++)
            sim_put_singular(s, &batches, &s->plan[j]);
        struct sim_l2_block bad = spoil(s, cases[i].how);
        sim_put_singular(s, &batches, &bad);
        for (size_t j = 4; j < 7; j++)
            sim_put_singular(s, &batches, &s->plan[j]);
        (void)sim_l1_add(s);
        sim_post_channel(s, sim_compress(s, &batches));
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        if (s->out_count != (cases[i].flushes ? 4u : 7u))
            fail_msg("%s: %zu blocks", cases[i].how, s->out_count);
        sim_post_channel(s, sim_channel(s, 1, 7, false));
        (void)sim_l1_add(s);
        sim_post_channel(s, sim_channel(s, 1, 7, false));
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        sim_expect_plan(s, 7);
        sim_free(s);
    }
}

/* Frames of later channels that wait in the same item are not touched by a flush. */
static void
test_flush_spares_waiting_frames(void **state)
{
    (void)state;
    struct sim *s = sim_planned(6);
    struct vd_buf batches;
    struct vd_slice frames[2];
    size_t count;
    vd_buf_init(&batches, &s->arena);
    struct sim_l2_block bad = s->plan[1];
    bad.ref.parent_hash.b[0] ^= 1;
    sim_put_singular(s, &batches, &bad);
    frames[0] = *sim_frames(s, sim_compress(s, &batches), 1, 1, &count);
    frames[1] = *sim_frames(s, sim_channel(s, 1, 7, true), 2, 1, &count);
    (void)sim_l1_add(s);
    sim_post(s, frames, 2);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 7);
    sim_free(s);
}

static void
test_garbage_after_batches_keeps_the_batches(void **state)
{
    (void)state;
    struct sim *s = sim_planned(6);
    struct vd_buf batches;
    vd_buf_init(&batches, &s->arena);
    for (size_t j = 1; j < 4; j++)
        sim_put_singular(s, &batches, &s->plan[j]);
    vd_buf_byte(&batches, 0xc0);
    for (size_t j = 4; j < 7; j++)
        sim_put_singular(s, &batches, &s->plan[j]);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_compress(s, &batches));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 4);
    sim_free(s);
}

/* Section 6.3: a span whose transactions cannot be rebuilt is lost alone. */
static void
test_span_that_cannot_be_rebuilt_is_lost_alone(void **state)
{
    (void)state;
    struct sim *s = sim_planned(6);
    struct vd_buf batches;
    vd_buf_init(&batches, &s->arena);
    sim_put_span(s, &batches, &s->plan[1], &s->plan[2]);
    /* The one transaction type byte (02) of the first tx_data becomes an unknown one. */
    size_t at = batches.len;
    while (at-- > 0) {
        if (batches.ptr[at] == 0x02 && at + 1 < batches.len && batches.ptr[at + 1] == 0xc5)
            break;
    }
    assert_true(at < batches.len);
    batches.ptr[at] = 0x05;
    sim_put_span(s, &batches, &s->plan[1], &s->plan[7]);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_compress(s, &batches));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    assert_true(sim_saw(s, "cannot be rebuilt"));
    sim_expect_plan(s, 7);
    sim_free(s);
}

static void
test_spans_that_overlap_and_agree_go_on(void **state)
{
    (void)state;
    for (size_t back = 0; back < 6; back++) {
        struct sim *s = sim_planned(12);
        (void)sim_l1_add(s);
        sim_post_channel(s, sim_channel(s, 1, 7, false));
        (void)sim_l1_add(s);
        s->failures = 0;
        sim_post_channel(s, sim_channel(s, 7 - back, 13, true));
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        sim_expect_plan(s, 13);
        sim_free(s);
    }
}

static void
test_spans_that_overlap_and_differ_are_dropped(void **state)
{
    (void)state;
    for (size_t other = 3; other < 7; other++) {
        struct sim *s = sim_planned(12);
        (void)sim_l1_add(s);
        sim_post_channel(s, sim_channel(s, 1, 7, false));
        struct vd_buf batches;
        vd_buf_init(&batches, &s->arena);
        struct sim_l2_block keep = s->plan[other];
        s->plan[other].txs = sim_make_txs(s, 2);
        sim_put_span(s, &batches, &s->plan[3], &s->plan[13]);
        s->plan[other] = keep;
        sim_put_singular(s, &batches, &s->plan[7]); /* flushed with it */
        (void)sim_l1_add(s);
        sim_post_channel(s, sim_compress(s, &batches));
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        assert_true(sim_saw(s, "other transactions"));
        sim_expect_plan(s, 7);
        sim_free(s);
    }
}

static void
test_past_spans_cost_nothing(void **state)
{
    (void)state;
    struct sim *s = sim_planned(12);
    struct vd_buf batches;
    vd_buf_init(&batches, &s->arena);
    sim_put_span(s, &batches, &s->plan[1], &s->plan[7]);
    sim_put_span(s, &batches, &s->plan[2], &s->plan[7]);
    sim_put_span(s, &batches, &s->plan[7], &s->plan[13]);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_compress(s, &batches));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 13);
    sim_free(s);
}

/* A block inside a span that fails a singular check ends span and channel, what came before stays:
   here its transactions are a deposit's. */
static void
test_bad_block_inside_a_span_ends_it(void **state)
{
    (void)state;
    struct sim *s = sim_planned(12);
    struct vd_buf batches;
    vd_buf_init(&batches, &s->arena);
    s->plan[5].ref.l1_origin = s->plan[6].ref.l1_origin; /* opens its epoch a block too early */
    sim_put_span(s, &batches, &s->plan[1], &s->plan[13]);
    sim_put_singular(s, &batches, &s->plan[5]);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_compress(s, &batches));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    assert_true(sim_saw(s, "older than its L1 origin"));
    sim_expect_plan(s, 5);
    sim_free(s);
}

static void
test_span_ahead_of_its_l1_block_is_dropped(void **state)
{
    (void)state;
    struct sim *s = sim_planned(12);
    struct vd_slice channel = sim_channel(s, 1, 13, true);
    s->l1_count = 2; /* the span is in L1 block 2, its last origin is 4 */
    (void)sim_l1_add(s);
    sim_post_channel(s, channel);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    assert_int_equal(s->out_count, 1);
    sim_l1_grow(s, 8);
    sim_post_channel(s, channel);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 13);
    sim_free(s);
}

/* Failing callbacks lose nothing: the span is judged again. */
static void
test_undecided_spans_are_kept(void **state)
{
    (void)state;
    for (unsigned failures = 0; failures < 12; failures++) {
        struct sim *s = sim_planned(12);
        (void)sim_l1_add(s);
        sim_post_channel(s, sim_channel(s, 1, 7, false));
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        (void)sim_l1_add(s);
        sim_post_channel(s, sim_channel(s, 3, 13, true));
        s->failures = failures;
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        assert_int_equal(s->failures, 0);
        sim_expect_plan(s, 13);
        sim_free(s);
    }
}

/* --- the sequencing window --- */

/* Window 4, three L2 blocks to an L1 block.  Nothing is posted: when L1 block n + 4 has been read,
   epoch n is filled up with empty blocks until the next one's time. */
static void
test_expired_windows_give_empty_blocks(void **state)
{
    (void)state;
    struct sim *s = sim_new(4);
    sim_l1_grow(s, 4);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect(s, 1, "");
    sim_l1_grow(s, 5);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect(s, 1, "0:0 0:0");
    sim_l1_grow(s, 6);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect(s, 1, "0:0 0:0 1:0 1:0 1:0");
    sim_l1_grow(s, 8);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect(s, 1, "0:0 0:0 1:0 1:0 1:0 2:0 2:0 2:0 3:0 3:0 3:0");
    sim_free(s);
}

/* The last L1 block in time for epoch 0 is the one that ends its window; batches in that block come
   before the empty ones. */
static void
test_batches_in_the_last_block_of_the_window_count(void **state)
{
    (void)state;
    for (size_t late = 0; late < 2; late++) {
        struct sim *s = sim_new(4);
        sim_l1_grow(s, 4);
        sim_plan(s, 8, 1, UINT64_MAX);
        struct vd_slice channel = sim_channel(s, 1, 9, false);
        sim_l1_grow(s, 5 + late);
        sim_post_channel(s, channel);
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        if (late == 0)
            sim_expect_plan(s, 9);
        else
            sim_expect(s, 1, "0:0 0:0 1:0 1:0 1:0");
        sim_free(s);
    }
}

/* An epoch that falls between two L2 blocks still gets one block. */
static void
test_each_expired_epoch_gets_a_block(void **state)
{
    (void)state;
    struct sim *s = sim_new(3);
    for (size_t i = 1; i < 9; i++)
        sim_l1_add(s)->header.timestamp = SIM_START_TIME + i; /* L1 is twice as fast as L2 */
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    /* L1 block 8 ends the window of epoch 5; epoch 0 has no time for a block before epoch 1. */
    sim_expect(s, 1, "1:0 2:0 3:0 4:0 5:0");
    sim_free(s);
}

/* After the window, a sequencer that comes back builds on what was derived. */
static void
test_batches_go_on_after_forced_blocks(void **state)
{
    (void)state;
    struct sim *s = sim_new(4);
    sim_l1_grow(s, 6);
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect(s, 1, "0:0 0:0 1:0 1:0 1:0");
    memcpy(s->plan, s->out, s->out_count * sizeof *s->out);
    s->plan_count = s->out_count;
    sim_plan(s, 6, 1, UINT64_MAX);
    sim_l1_grow(s, 7);
    sim_post_channel(s, sim_channel(s, 6, 12, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 12);
    sim_free(s);
}

/* L1 stands still for 2000 s: past 1800 s on the old origin blocks must be empty. */
static void
test_sequencer_drift(void **state)
{
    (void)state;
    struct sim *s = sim_new(20);
    sim_l1_add(s)->header.timestamp = SIM_START_TIME + 2000;
    sim_plan(s, 900, 1, 0);
    sim_plan(s, 10, 0, 0);
    sim_plan(s, 1, 1, 0);
    (void)sim_l1_add(s);
    sim_l1_head(s)->header.timestamp = SIM_START_TIME + 2006;
    sim_post_channel(s, sim_channel(s, 1, 912, false));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    assert_true(sim_saw(s, "transactions past the sequencer drift"));
    sim_expect_plan(s, 911);
    sim_free(s);
}

/* --- system config --- */

static void
test_batcher_change_counts_from_its_own_block(void **state)
{
    (void)state;
    struct sim *s = sim_planned(12);
    uint8_t word[32] = {0};
    struct vd_address old = s->batcher;
    (void)sim_l1_add(s); /* block 6 */
    sim_post_channel(s, sim_channel(s, 1, 4, false));
    (void)sim_l1_add(s); /* block 7 changes the batcher and holds data of both */
    word[31] = 0x99;
    s->batcher = (struct vd_address){{[19] = 0x99}};
    sim_update(s, VD_TX_DYNAMIC_FEE, 0, word);
    sim_post_channel(s, sim_channel(s, 4, 8, false));
    s->batcher = old;
    sim_post_channel(s, sim_channel(s, 8, 13, false));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 8);
    /* L2 shows the old one until epoch 7 opens. */
    assert_true(vd_address_eq(&s->out[7].system.batcher, &old));
    /* A restart takes the batcher of the block that traversal starts with. */
    sim_make_derive(s);
    sim_reset(s);
    s->batcher = (struct vd_address){{[19] = 0x99}};
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 8, 13, false));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 13);
    sim_plan(s, 15, 0, UINT64_MAX);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 13, 28, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 28);
    for (size_t i = 0; i < s->out_count; i++) {
        bool shown = s->out[i].ref.l1_origin.number >= 7;
        assert_int_equal(shown, vd_address_eq(&s->out[i].system.batcher, &s->batcher));
    }
    sim_free(s);
}

/* The start's system config is taken as it is: genesis' own L1 block does not change it. */
static void
test_start_block_updates_nothing(void **state)
{
    (void)state;
    struct sim *s = sim_new(20);
    uint8_t word[32] = {[31] = 0x99};
    sim_update(s, VD_TX_DYNAMIC_FEE, 0, word);
    sim_l1_grow(s, 4);
    sim_plan(s, 6, 1, UINT64_MAX);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 7, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 7);
    sim_free(s);
}

static void
test_updates_show_in_the_epoch_of_their_block(void **state)
{
    (void)state;
    struct sim *s = sim_new(20);
    uint8_t word[32] = {0};
    (void)sim_l1_add(s);
    (void)sim_l1_add(s);
    vd_store_be64(word + 24, 12345678);
    sim_update(s, VD_TX_DYNAMIC_FEE, 2, word);
    vd_store_be64(word + 24, (uint64_t)40 << 32 | 3);
    sim_update(s, VD_TX_DYNAMIC_FEE, 4, word);
    word[3] = 1; /* a limit that does not fit 64 bits: skipped alone */
    sim_update(s, VD_TX_DYNAMIC_FEE, 2, word);
    word[3] = 0;
    vd_store_be32(word + 20, 5);
    vd_store_be64(word + 24, 6);
    sim_update(s, 0x21, 5, word); /* in a receipt of a type not known today */
    sim_l1_grow(s, 5);
    sim_plan(s, 12, 0, UINT64_MAX);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 13, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 13);
    for (size_t i = 1; i < s->out_count; i++) {
        const struct vd_system_config *c = &s->out[i].system;
        bool updated = s->out[i].ref.l1_origin.number >= 2;
        assert_int_equal(c->gas_limit, updated ? 12345678 : 30000000);
        assert_int_equal(c->eip1559.denominator, updated ? 40 : 250);
        assert_int_equal(c->eip1559.elasticity, updated ? 3 : 6);
        assert_int_equal(c->operator_fee_scalar, updated ? 5 : 0);
        assert_int_equal(c->operator_fee_constant, updated ? 6 : 0);
    }
    sim_free(s);
}

static void
test_receipts_of_unknown_types(void **state)
{
    (void)state;
    struct sim *s = sim_new(20);
    (void)sim_l1_add(s);
    struct vd_log log = sim_deposit_log(s, 5);
    sim_receipt(s, 0x05, &log, true); /* read */
    sim_receipt(s, 0x7d, &log, true);
    s->l1[1].deposits = 2;
    sim_receipt(s, 0x7e, &log, true); /* ignored */
    sim_receipt(s, 0x80, &log, true);
    sim_receipt(s, 0xbf, &log, true);
    sim_receipt(s, 0x02, &log, false); /* failed */
    sim_receipt(s, 0x06, &log, true);  /* of another form: ignored */
    s->l1[1].receipts[s->l1[1].receipt_count - 1].len -= 3;
    sim_l1_grow(s, 4);
    sim_plan(s, 6, 0, UINT64_MAX);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 7, true));
    assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
    sim_expect_plan(s, 7);
    sim_free(s);
}

/* A malformed deposit is fatal, but only when its epoch opens. */
static void
test_malformed_deposit_is_critical(void **state)
{
    (void)state;
    struct sim *s = sim_new(20);
    sim_l1_grow(s, 3);
    struct vd_log log = sim_deposit_log(s, 5);
    log.topic_count = 3;
    sim_receipt(s, VD_TX_DYNAMIC_FEE, &log, true);
    sim_l1_grow(s, 6);
    sim_plan(s, 12, 0, UINT64_MAX);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 13, true));
    assert_int_equal(sim_run(s), VD_DERIVE_CRITICAL);
    sim_expect_plan(s, 6); /* epoch 2 opens with block 6 */
    sim_free(s);
}

/* --- payloads --- */

static void
test_invalid_payload_becomes_deposits_only(void **state)
{
    (void)state;
    for (int span = 0; span < 2; span++) {
        struct sim *s = sim_new(20);
        (void)sim_l1_add(s);
        sim_deposit(s, 10);
        sim_l1_grow(s, 6);
        sim_plan(s, 9, 2, UINT64_MAX);
        s->invalid_at = 3; /* the block that opens epoch 1, with its deposit */
        (void)sim_l1_add(s);
        sim_post_channel(s, sim_channel(s, 1, 10, span != 0));
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        assert_int_equal(s->invalid_seen, 1);
        sim_expect(s, 1, "0:2 0:2 1:0");
        assert_int_equal(s->out[3].deposits, 1);
        /* The sequencer builds on that. */
        memcpy(s->plan, s->out, s->out_count * sizeof *s->out);
        s->plan_count = s->out_count;
        sim_plan(s, 5, 2, UINT64_MAX);
        (void)sim_l1_add(s);
        sim_post_channel(s, sim_channel(s, 4, 9, span != 0));
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        sim_expect_plan(s, 9);
        sim_free(s);
    }
}

/* No execution can make a payload valid that has more transactions than gas for the least of them,
   21,000 less the fifth that may come back (EIP-3529): nobody is asked. */
static void
test_payload_of_too_many_transactions_is_invalid_unseen(void **state)
{
    (void)state;
    for (int span = 0; span < 2; span++) {
        struct sim *s = sim_new(20);
        s->out[0].system.gas_limit = 3 * 16800 - 1;
        sim_reset(s);
        (void)sim_l1_add(s);
        sim_deposit(s, 10);
        sim_l1_grow(s, 6);
        sim_plan(s, 2, 2, UINT64_MAX);
        sim_plan(s, 1, 3, UINT64_MAX);
        sim_plan(s, 6, 2, UINT64_MAX);
        (void)sim_l1_add(s);
        sim_post_channel(s, sim_channel(s, 1, 10, span != 0));
        assert_int_equal(sim_run(s), VD_DERIVE_NEED_L1);
        sim_expect(s, 1, "0:2 0:2 1:0");
        assert_int_equal(s->out[3].deposits, 1);
        assert_true(sim_saw(s, "more transactions than its block has gas for"));
        sim_free(s);
    }
}

static void
test_invalid_deposits_only_payload_is_critical(void **state)
{
    struct vd_derive_output out = {.status = VD_DERIVE_CONTINUE};
    (void)state;
    struct sim *s = sim_planned(6);
    (void)sim_l1_add(s);
    sim_post_channel(s, sim_channel(s, 1, 7, true));
    for (uint64_t n = 0; out.status != VD_DERIVE_PAYLOAD;) {
        assert_int_equal(vd_derive_step(s->d, &out), VD_OK);
        if (out.status == VD_DERIVE_NEED_L1) {
            struct vd_l1_block block = sim_l1_block(s, n++);
            assert_int_equal(vd_derive_l1(s->d, &block), VD_OK);
        }
    }
    assert_int_equal(out.attributes->transaction_count, 3);
    vd_derive_invalid(s->d);
    assert_int_equal(vd_derive_step(s->d, &out), VD_OK);
    assert_int_equal(out.status, VD_DERIVE_PAYLOAD);
    assert_int_equal(out.attributes->transaction_count, 1);
    vd_derive_invalid(s->d);
    assert_int_equal(vd_derive_step(s->d, &out), VD_OK);
    assert_int_equal(out.status, VD_DERIVE_CRITICAL);
    sim_free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_singular_batch_costs_the_channel_past_ones_nothing),
        cmocka_unit_test(test_flush_spares_waiting_frames),
        cmocka_unit_test(test_garbage_after_batches_keeps_the_batches),
        cmocka_unit_test(test_span_that_cannot_be_rebuilt_is_lost_alone),
        cmocka_unit_test(test_spans_that_overlap_and_agree_go_on),
        cmocka_unit_test(test_spans_that_overlap_and_differ_are_dropped),
        cmocka_unit_test(test_past_spans_cost_nothing),
        cmocka_unit_test(test_bad_block_inside_a_span_ends_it),
        cmocka_unit_test(test_span_ahead_of_its_l1_block_is_dropped),
        cmocka_unit_test(test_undecided_spans_are_kept),
        cmocka_unit_test(test_expired_windows_give_empty_blocks),
        cmocka_unit_test(test_batches_in_the_last_block_of_the_window_count),
        cmocka_unit_test(test_each_expired_epoch_gets_a_block),
        cmocka_unit_test(test_batches_go_on_after_forced_blocks),
        cmocka_unit_test(test_sequencer_drift),
        cmocka_unit_test(test_batcher_change_counts_from_its_own_block),
        cmocka_unit_test(test_start_block_updates_nothing),
        cmocka_unit_test(test_updates_show_in_the_epoch_of_their_block),
        cmocka_unit_test(test_receipts_of_unknown_types),
        cmocka_unit_test(test_malformed_deposit_is_critical),
        cmocka_unit_test(test_invalid_payload_becomes_deposits_only),
        cmocka_unit_test(test_payload_of_too_many_transactions_is_invalid_unseen),
        cmocka_unit_test(test_invalid_deposits_only_payload_is_critical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
