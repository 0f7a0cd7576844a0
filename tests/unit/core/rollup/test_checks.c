/* Every rule of the OP Stack specs for singular batches (derivation, batch queue) and for the
   prefix of span batches (span batches; Holocene derivation), once so that it fires and once so
   that it just does not.  Each case changes one thing in a batch that is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/rollup/checks.h"
#include "unit/core/rollup/random_tx.h"
#include "viaduct/core/codec/rlp.h"

enum {
    BLOCK_TIME = 2,
    WINDOW = 10,
    ARENA_BYTES = 1 << 20,
    SAFE_NUMBER = 50,
    SAFE_TIME = 10000,
    FIRST_L1 = 100, /* the safe head's origin */
    L1_COUNT = 4,
};

static struct vd_arena arena;
static struct vd_arena scratch;
static struct vd_rollup_config config;
static struct vd_l1_window window;
static struct vd_l2_ref safe;
static struct vd_check_context context;
static struct vd_slice txs[3]; /* all different, none of type 4 */

/* --- the L2 chain below the safe head --- */

static unsigned fetches;
static bool fetch_fails;
static uint64_t other_origin_at; /* numbers at which the chain differs from what spans say */
static uint64_t other_txs_at;
static bool more_txs;

static struct vd_hash
hash_of(char layer, uint64_t number)
{
    struct vd_hash hash = {{0}};
    hash.b[0] = (uint8_t)layer;
    vd_store_be64(hash.b + 1, number);
    hash.b[31] = 0x31;
    return hash;
}

/* Five blocks to an epoch. */
static uint64_t
origin_of(uint64_t number)
{
    return FIRST_L1 - (SAFE_NUMBER - number) / 5;
}

static enum vd_err
l2_ref(void *ctx, struct vd_l2_ref *out, uint64_t number)
{
    (void)ctx;
    fetches++;
    if (fetch_fails)
        return VD_ERR_IO;
    *out = (struct vd_l2_ref){.hash = hash_of('2', number), .number = number};
    out->l1_origin.number = origin_of(number) + (number == other_origin_at);
    return VD_OK;
}

static enum vd_err
l2_transactions(void *ctx, const struct vd_slice **out, size_t *count, uint64_t number)
{
    (void)ctx;
    *out = number == other_txs_at && !more_txs ? &txs[1] : &txs[0];
    *count = number == other_txs_at && more_txs ? 2 : 1;
    return VD_OK;
}

static const struct vd_derive_l2 l2 = {.ref = l2_ref, .transactions = l2_transactions};

static int
setup(void **state)
{
    (void)state;
    vd_arena_rewind(&arena, 0);
    struct vd_random r = {.state = 7};
    for (size_t i = 0; i < 3; i++) {
        do
            txs[i] = random_tx(&r, &arena, 0);
        while (txs[i].ptr[0] == VD_TX_SET_CODE);
    }
    config = (struct vd_rollup_config){.block_time_s = BLOCK_TIME, .seq_window_size = WINDOW};
    config.genesis_l2_time = SAFE_TIME - BLOCK_TIME * SAFE_NUMBER;
    safe = (struct vd_l2_ref){
        .hash = hash_of('2', SAFE_NUMBER), .number = SAFE_NUMBER, .timestamp = SAFE_TIME};
    safe.l1_origin.number = FIRST_L1;
    safe.l1_origin.hash = hash_of('1', FIRST_L1);
    fetches = 0;
    fetch_fails = false;
    other_origin_at = UINT64_MAX;
    other_txs_at = UINT64_MAX;
    more_txs = false;
    return vd_l1_window_init(&window, &arena, L1_COUNT, 1000) != VD_OK;
}

/* L1 blocks FIRST_L1 and so on; times count from the safe head's. */
static void
set_l1(size_t count, const int64_t *times)
{
    struct vd_system_patch patch = {0};
    vd_l1_window_clear(&window);
    for (size_t i = 0; i < count; i++) {
        struct vd_epoch epoch = {0};
        epoch.ref.number = FIRST_L1 + i;
        epoch.ref.hash = hash_of('1', FIRST_L1 + i);
        epoch.ref.timestamp = (uint64_t)(SAFE_TIME + times[i]);
        vd_l1_window_push(&window, &epoch, &patch, &config.deposit_contract, NULL, 0);
    }
    context = (struct vd_check_context){
        .config = &config, .l1 = &window, .parent = &safe, .inclusion = FIRST_L1 + 1};
}

static const int64_t near_times[L1_COUNT] = {-8, 2, 14, 26};

/* --- singular batches --- */

static struct vd_singular_batch
good_singular(uint64_t epoch)
{
    return (struct vd_singular_batch){
        .parent_hash = safe.hash,
        .block = {.timestamp = SAFE_TIME + BLOCK_TIME,
                  .epoch_number = epoch,
                  .epoch_hash = hash_of('1', epoch),
                  .transactions = txs,
                  .transaction_count = 2},
    };
}

static struct vd_slice
content_of(const struct vd_buf *buf)
{
    assert_int_equal(buf->err, VD_OK);
    struct vd_rlp r = vd_rlp(vd_buf_view(buf));
    return vd_rlp_string(&r);
}

static void
expect_singular(const struct vd_singular_batch *batch, enum vd_check_verdict expected)
{
    struct vd_batch read;
    size_t mark = vd_arena_mark(&arena);
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    assert_int_equal(vd_singular_batch_encode(&buf, &scratch, batch), VD_OK);
    assert_int_equal(vd_batch_decode(&read, &config, content_of(&buf)), VD_BATCH_OK);
    struct vd_check check = vd_check_block(&context, &read.parent_hash, &read.singular);
    vd_arena_rewind(&arena, mark);
    if (check.verdict != expected)
        fail_msg("got %d (%s), expected %d", (int)check.verdict, check.why ? check.why : "-",
                 (int)expected);
    assert_true((check.why == NULL) == (expected == VD_CHECK_ACCEPT));
}

static void
test_singular_on_the_epoch_or_the_next_is_accepted(void **state)
{
    (void)state;
    set_l1(2, near_times);
    for (uint64_t epoch = FIRST_L1; epoch < FIRST_L1 + 2; epoch++) {
        struct vd_singular_batch batch = good_singular(epoch);
        expect_singular(&batch, VD_CHECK_ACCEPT);
    }
}

static void
test_singular_time_decides_first(void **state)
{
    (void)state;
    set_l1(2, near_times);
    struct vd_singular_batch batch = good_singular(FIRST_L1);
    memset(&batch.parent_hash, 0,
           sizeof batch.parent_hash); /* the parent is checked after the time */
    batch.block.timestamp = SAFE_TIME + BLOCK_TIME + 1;
    expect_singular(&batch, VD_CHECK_DROP);
    batch.block.timestamp = SAFE_TIME + BLOCK_TIME - 1; /* misaligned, and past all the same */
    expect_singular(&batch, VD_CHECK_PAST);
    batch.block.timestamp = SAFE_TIME;
    expect_singular(&batch, VD_CHECK_PAST);
}

static void
test_singular_on_another_parent_is_dropped(void **state)
{
    (void)state;
    set_l1(2, near_times);
    struct vd_singular_batch batch = good_singular(FIRST_L1);
    batch.parent_hash.b[31] ^= 1;
    expect_singular(&batch, VD_CHECK_DROP);
}

static void
test_singular_after_its_window_is_dropped(void **state)
{
    (void)state;
    set_l1(2, near_times);
    struct vd_singular_batch batch = good_singular(FIRST_L1);
    context.inclusion = FIRST_L1 + WINDOW;
    expect_singular(&batch, VD_CHECK_ACCEPT);
    context.inclusion = FIRST_L1 + WINDOW + 1;
    expect_singular(&batch, VD_CHECK_DROP);
    batch = good_singular(FIRST_L1 + 1);
    expect_singular(&batch, VD_CHECK_ACCEPT);
}

static void
test_singular_with_an_epoch_out_of_reach_is_dropped(void **state)
{
    (void)state;
    set_l1(4, near_times);
    struct vd_singular_batch batch = good_singular(FIRST_L1 - 1);
    expect_singular(&batch, VD_CHECK_DROP);
    batch = good_singular(FIRST_L1 + 2);
    expect_singular(&batch, VD_CHECK_DROP);
}

static void
test_singular_on_an_unknown_origin_is_undecided(void **state)
{
    (void)state;
    set_l1(1, near_times);
    struct vd_singular_batch batch = good_singular(FIRST_L1 + 1);
    expect_singular(&batch, VD_CHECK_UNDECIDED);
    batch = good_singular(FIRST_L1);
    expect_singular(&batch, VD_CHECK_ACCEPT);
    /* Row 7 does not need to know the origin. */
    batch = good_singular(FIRST_L1 + 2);
    expect_singular(&batch, VD_CHECK_DROP);
}

static void
test_singular_with_another_origin_hash_is_dropped(void **state)
{
    (void)state;
    set_l1(2, near_times);
    for (uint64_t epoch = FIRST_L1; epoch < FIRST_L1 + 2; epoch++) {
        struct vd_singular_batch batch = good_singular(epoch);
        batch.block.epoch_hash.b[0] ^= 1;
        expect_singular(&batch, VD_CHECK_DROP);
    }
}

static void
test_singular_older_than_its_origin_is_dropped(void **state)
{
    static const int64_t at[] = {-8, 2};
    static const int64_t after[] = {-8, 3};
    (void)state;
    struct vd_singular_batch batch = good_singular(FIRST_L1 + 1);
    set_l1(2, at);
    expect_singular(&batch, VD_CHECK_ACCEPT);
    set_l1(2, after);
    expect_singular(&batch, VD_CHECK_DROP);
}

/* next time - origin time = 1800 is within the drift, 1801 is past it. */
static void
test_singular_past_the_drift_must_be_empty(void **state)
{
    static const int64_t within[] = {BLOCK_TIME - 1800, 100};
    static const int64_t past[] = {BLOCK_TIME - 1801, 100};
    (void)state;
    struct vd_singular_batch batch = good_singular(FIRST_L1);
    set_l1(2, within);
    expect_singular(&batch, VD_CHECK_ACCEPT);
    set_l1(2, past);
    expect_singular(&batch, VD_CHECK_DROP);
    batch.block.transaction_count = 0;
    expect_singular(&batch, VD_CHECK_ACCEPT);
}

static void
test_singular_past_the_drift_must_take_the_next_origin(void **state)
{
    static const int64_t next_at[] = {-1900, BLOCK_TIME};
    static const int64_t next_after[] = {-1900, BLOCK_TIME + 1};
    static const int64_t both_old[] = {-1902, -1900};
    (void)state;
    struct vd_singular_batch batch = good_singular(FIRST_L1);
    batch.block.transaction_count = 0;
    set_l1(2, next_at);
    expect_singular(&batch, VD_CHECK_DROP);
    set_l1(2, next_after);
    expect_singular(&batch, VD_CHECK_ACCEPT);
    set_l1(1, next_at);
    expect_singular(&batch, VD_CHECK_UNDECIDED);
    /* An empty block may advance the epoch however late it is. */
    set_l1(2, both_old);
    batch = good_singular(FIRST_L1 + 1);
    batch.block.transaction_count = 0;
    expect_singular(&batch, VD_CHECK_ACCEPT);
}

static void
test_singular_with_empty_or_deposit_transactions_is_dropped(void **state)
{
    uint8_t deposit[] = {0x7e, 1};
    uint8_t future[] = {0x7d, 1};
    struct vd_slice list[2] = {txs[0], vd_slice(deposit, 0)};
    (void)state;
    set_l1(2, near_times);
    struct vd_singular_batch batch = good_singular(FIRST_L1);
    batch.block.transactions = list;
    expect_singular(&batch, VD_CHECK_DROP);
    list[1] = vd_slice(deposit, sizeof deposit);
    expect_singular(&batch, VD_CHECK_DROP);
    /* An unknown type is the engine's matter. */
    list[1] = vd_slice(future, sizeof future);
    expect_singular(&batch, VD_CHECK_ACCEPT);
}

static void
test_set_code_transactions_need_isthmus(void **state)
{
    uint8_t set_code[] = {0x04, 1};
    struct vd_slice list[2] = {txs[0], vd_slice(set_code, sizeof set_code)};
    (void)state;
    set_l1(2, near_times);
    struct vd_singular_batch batch = good_singular(FIRST_L1);
    batch.block.transactions = list;
    config.l2.isthmus_time = SAFE_TIME + BLOCK_TIME;
    expect_singular(&batch, VD_CHECK_ACCEPT);
    config.l2.isthmus_time++;
    expect_singular(&batch, VD_CHECK_DROP);
    batch.block.transaction_count = 1;
    expect_singular(&batch, VD_CHECK_ACCEPT);
}

/* --- span batches --- */

static struct vd_batch_block blocks[16];

/* count blocks, the first one at height start, each with the first transaction; origins as on the
   safe chain, and after it five blocks to an epoch as well. */
static struct vd_span_batch
good_span(uint64_t start, size_t count)
{
    struct vd_span_batch span = {.blocks = blocks, .block_count = count};
    for (size_t i = 0; i < count; i++) {
        uint64_t number = start + i;
        blocks[i] =
            (struct vd_batch_block){.timestamp = config.genesis_l2_time + BLOCK_TIME * number,
                                    .transactions = txs,
                                    .transaction_count = 1};
        blocks[i].epoch_number =
            number <= SAFE_NUMBER ? origin_of(number) : FIRST_L1 + (number - SAFE_NUMBER + 4) / 5;
    }
    span.l1_origin_number = blocks[count - 1].epoch_number;
    struct vd_hash parent = hash_of('2', start - 1);
    struct vd_hash origin = hash_of('1', span.l1_origin_number);
    memcpy(span.parent_check, parent.b, 20);
    memcpy(span.l1_origin_check, origin.b, 20);
    return span;
}

/* The span as it is read; its times and origins follow the blocks'.  It lives in the arena. */
static struct vd_batch
read_span(const struct vd_span_batch *span)
{
    struct vd_span_batch out = *span;
    struct vd_batch batch;
    struct vd_buf buf;
    out.rel_timestamp = blocks[0].timestamp - config.genesis_l2_time;
    out.l1_origin_number = blocks[span->block_count - 1].epoch_number;
    vd_buf_init(&buf, &arena);
    assert_int_equal(vd_span_batch_encode(&buf, &scratch, &config, &out), VD_OK);
    assert_int_equal(vd_batch_decode(&batch, &config, content_of(&buf)), VD_BATCH_OK);
    return batch;
}

/* How many blocks of the span are safe already, when it is accepted. */
static size_t
expect_span(const struct vd_span_batch *span, enum vd_check_verdict expected)
{
    struct vd_check check;
    size_t mark = vd_arena_mark(&arena);
    struct vd_batch batch = read_span(span);
    assert_int_equal(vd_check_span(&check, &context, &batch.span, &l2, &scratch), VD_OK);
    if (check.verdict != expected)
        fail_msg("got %d (%s), expected %d", (int)check.verdict, check.why ? check.why : "-",
                 (int)expected);
    assert_int_equal(vd_arena_mark(&scratch), 0);
    vd_arena_rewind(&arena, mark);
    return batch.span.next.block;
}

static void
test_span_after_the_safe_head_is_accepted(void **state)
{
    (void)state;
    set_l1(4, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER + 1, 7);
    assert_int_equal(expect_span(&span, VD_CHECK_ACCEPT), 0);
    assert_int_equal(fetches, 0);
}

static void
test_span_on_an_unknown_first_origin_is_undecided(void **state)
{
    (void)state;
    set_l1(1, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER + 1, 1);
    assert_int_equal(span.l1_origin_number, FIRST_L1 + 1);
    (void)expect_span(&span, VD_CHECK_UNDECIDED);
    set_l1(2, near_times);
    (void)expect_span(&span, VD_CHECK_ACCEPT);
}

static void
test_span_after_a_gap_is_dropped(void **state)
{
    (void)state;
    set_l1(4, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER + 2, 3);
    (void)expect_span(&span, VD_CHECK_DROP);
}

static void
test_span_below_the_safe_head_is_past(void **state)
{
    (void)state;
    set_l1(4, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER - 3, 4);
    memset(span.parent_check, 0xee, 20); /* later rows do not matter */
    (void)expect_span(&span, VD_CHECK_PAST);
    span = good_span(SAFE_NUMBER - 3, 5);
    assert_int_equal(expect_span(&span, VD_CHECK_ACCEPT), 4);
}

static void
test_span_off_the_blocks_times_is_dropped(void **state)
{
    (void)state;
    set_l1(4, near_times);
    for (uint64_t shift = 0; shift < 4; shift++) {
        struct vd_span_batch span = good_span(SAFE_NUMBER - 1, 5);
        for (size_t i = 0; i < 5; i++)
            blocks[i].timestamp -= shift;
        if (shift % 2 == 1)
            (void)expect_span(&span, VD_CHECK_DROP);
    }
    /* Between the safe head and the next block. */
    struct vd_span_batch span = good_span(SAFE_NUMBER + 1, 5);
    for (size_t i = 0; i < 5; i++)
        blocks[i].timestamp--;
    (void)expect_span(&span, VD_CHECK_DROP);
}

static void
test_span_from_genesis_is_dropped(void **state)
{
    (void)state;
    set_l1(4, near_times);
    safe.number = 2;
    config.genesis_l2_time = SAFE_TIME - 2 * BLOCK_TIME;
    struct vd_span_batch span = good_span(SAFE_NUMBER + 1, 5);
    for (size_t first = 0; first < 2; first++) {
        for (size_t i = 0; i < 5; i++)
            blocks[i].timestamp = config.genesis_l2_time + BLOCK_TIME * (first + i);
        (void)expect_span(&span, VD_CHECK_DROP);
        /* The genesis block itself has no block before it to ask for. */
        assert_int_equal(fetches, first);
    }
}

static void
test_span_on_another_parent_is_dropped(void **state)
{
    (void)state;
    set_l1(4, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER + 1, 5);
    span.parent_check[19] ^= 1;
    (void)expect_span(&span, VD_CHECK_DROP);
    /* An overlapping span continues the block before its own first. */
    span = good_span(SAFE_NUMBER - 2, 5);
    (void)expect_span(&span, VD_CHECK_ACCEPT);
    memcpy(span.parent_check, safe.hash.b, 20);
    (void)expect_span(&span, VD_CHECK_DROP);
}

static void
test_span_after_its_window_is_dropped(void **state)
{
    (void)state;
    set_l1(4, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER + 1, 5);
    context.inclusion = FIRST_L1 + 1 + WINDOW;
    (void)expect_span(&span, VD_CHECK_ACCEPT);
    context.inclusion++;
    (void)expect_span(&span, VD_CHECK_DROP);
}

static void
test_span_that_skips_an_origin_is_dropped(void **state)
{
    (void)state;
    set_l1(4, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER + 1, 1);
    struct vd_hash origin = hash_of('1', FIRST_L1 + 2);
    blocks[0].epoch_number = FIRST_L1 + 2;
    memcpy(span.l1_origin_check, origin.b, 20);
    (void)expect_span(&span, VD_CHECK_DROP);
}

static void
test_span_with_another_last_origin_is_dropped(void **state)
{
    (void)state;
    set_l1(4, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER + 1, 7);
    span.l1_origin_check[19] ^= 1;
    (void)expect_span(&span, VD_CHECK_DROP);
    span = good_span(SAFE_NUMBER + 1, 7);
    set_l1(2, near_times);
    (void)expect_span(&span, VD_CHECK_UNDECIDED);
    set_l1(3, near_times);
    (void)expect_span(&span, VD_CHECK_ACCEPT);
}

static void
test_span_with_an_origin_below_its_parents_is_dropped(void **state)
{
    (void)state;
    set_l1(4, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER + 1, 6);
    blocks[0].epoch_number = FIRST_L1;
    (void)expect_span(&span, VD_CHECK_ACCEPT);
    blocks[0].epoch_number = FIRST_L1 - 1;
    blocks[1].epoch_number = FIRST_L1;
    (void)expect_span(&span, VD_CHECK_DROP);
    /* Row 9 it is, not the later look at the blocks after the safe head. */
    struct vd_check check;
    struct vd_batch batch = read_span(&span);
    assert_int_equal(vd_check_span(&check, &context, &batch.span, &l2, &scratch), VD_OK);
    assert_string_equal(check.why, "its first L1 origin is over");
}

static void
test_span_overlap_must_repeat_the_safe_blocks(void **state)
{
    (void)state;
    set_l1(4, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER - 6, 10);
    assert_int_equal(expect_span(&span, VD_CHECK_ACCEPT), 7);
    for (uint64_t number = SAFE_NUMBER - 6; number <= SAFE_NUMBER; number++) {
        other_txs_at = number;
        (void)expect_span(&span, VD_CHECK_DROP);
        more_txs = true;
        (void)expect_span(&span, VD_CHECK_DROP);
        more_txs = false;
        other_txs_at = UINT64_MAX;
        other_origin_at = number;
        (void)expect_span(&span, VD_CHECK_DROP);
        other_origin_at = UINT64_MAX;
    }
    /* Blocks outside the overlap are nobody's business. */
    other_txs_at = SAFE_NUMBER - 7;
    (void)expect_span(&span, VD_CHECK_ACCEPT);
    other_txs_at = SAFE_NUMBER + 1;
    (void)expect_span(&span, VD_CHECK_ACCEPT);
}

static void
test_span_whose_rest_has_old_origins_is_dropped(void **state)
{
    (void)state;
    set_l1(4, near_times);
    /* The epoch was advanced past the safe head's origin: L1 is known from the next one on. */
    vd_l1_window_pop(&window);
    struct vd_span_batch span = good_span(SAFE_NUMBER + 1, 6);
    (void)expect_span(&span, VD_CHECK_ACCEPT);
    blocks[0].epoch_number = FIRST_L1;
    (void)expect_span(&span, VD_CHECK_DROP);
    /* Known or not, an origin below the safe head's own is over. */
    set_l1(4, near_times);
    span = good_span(SAFE_NUMBER, 7);
    blocks[1].epoch_number = FIRST_L1;
    (void)expect_span(&span, VD_CHECK_ACCEPT);
    safe.l1_origin.number = FIRST_L1 + 1;
    (void)expect_span(&span, VD_CHECK_DROP);
}

/* A check that failed for the world's sake leaves the span where it was. */
static void
test_span_waits_for_blocks_that_cannot_be_fetched(void **state)
{
    struct vd_check check;
    struct vd_arena small = {0};
    (void)state;
    set_l1(4, near_times);
    struct vd_span_batch span = good_span(SAFE_NUMBER - 2, 5);
    struct vd_batch batch = read_span(&span);
    fetch_fails = true;
    assert_int_equal(vd_check_span(&check, &context, &batch.span, &l2, &scratch), VD_ERR_IO);
    fetch_fails = false;
    assert_int_equal(vd_check_span(&check, &context, &batch.span, &l2, &small), VD_ERR_NO_MEMORY);
    assert_int_equal(batch.span.next.block, 0);
    assert_int_equal(vd_check_span(&check, &context, &batch.span, &l2, &scratch), VD_OK);
    assert_int_equal(check.verdict, VD_CHECK_ACCEPT);
    assert_int_equal(batch.span.next.block, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_singular_on_the_epoch_or_the_next_is_accepted, setup),
        cmocka_unit_test_setup(test_singular_time_decides_first, setup),
        cmocka_unit_test_setup(test_singular_on_another_parent_is_dropped, setup),
        cmocka_unit_test_setup(test_singular_after_its_window_is_dropped, setup),
        cmocka_unit_test_setup(test_singular_with_an_epoch_out_of_reach_is_dropped, setup),
        cmocka_unit_test_setup(test_singular_on_an_unknown_origin_is_undecided, setup),
        cmocka_unit_test_setup(test_singular_with_another_origin_hash_is_dropped, setup),
        cmocka_unit_test_setup(test_singular_older_than_its_origin_is_dropped, setup),
        cmocka_unit_test_setup(test_singular_past_the_drift_must_be_empty, setup),
        cmocka_unit_test_setup(test_singular_past_the_drift_must_take_the_next_origin, setup),
        cmocka_unit_test_setup(test_singular_with_empty_or_deposit_transactions_is_dropped, setup),
        cmocka_unit_test_setup(test_set_code_transactions_need_isthmus, setup),
        cmocka_unit_test_setup(test_span_after_the_safe_head_is_accepted, setup),
        cmocka_unit_test_setup(test_span_on_an_unknown_first_origin_is_undecided, setup),
        cmocka_unit_test_setup(test_span_after_a_gap_is_dropped, setup),
        cmocka_unit_test_setup(test_span_below_the_safe_head_is_past, setup),
        cmocka_unit_test_setup(test_span_off_the_blocks_times_is_dropped, setup),
        cmocka_unit_test_setup(test_span_from_genesis_is_dropped, setup),
        cmocka_unit_test_setup(test_span_on_another_parent_is_dropped, setup),
        cmocka_unit_test_setup(test_span_after_its_window_is_dropped, setup),
        cmocka_unit_test_setup(test_span_that_skips_an_origin_is_dropped, setup),
        cmocka_unit_test_setup(test_span_with_another_last_origin_is_dropped, setup),
        cmocka_unit_test_setup(test_span_with_an_origin_below_its_parents_is_dropped, setup),
        cmocka_unit_test_setup(test_span_overlap_must_repeat_the_safe_blocks, setup),
        cmocka_unit_test_setup(test_span_whose_rest_has_old_origins_is_dropped, setup),
        cmocka_unit_test_setup(test_span_waits_for_blocks_that_cannot_be_fetched, setup),
    };
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    vd_arena_init(&scratch, malloc(ARENA_BYTES), ARENA_BYTES);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(arena.base);
    free(scratch.base);
    return failed;
}
