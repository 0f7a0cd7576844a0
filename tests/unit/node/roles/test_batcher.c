/* The batcher over a model of L2, of the transaction manager and of derivation: whatever the delays
   and crashes, every block must come to L1 once and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <brotli/decode.h>
#include <cmocka.h>

#include "node/roles/channel_job.h"
#include "support/random.h"
#include "unit/core/rollup/whole_batch.h"
#include "viaduct/core/codec/rlp.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"

#define MAX_BLOCKS 4000u
#define MAX_PAYLOADS 20000u
#define ARENA ((size_t)1 << 30)

struct payload {
    uint8_t data[2048];
    size_t len;
    uint8_t tag[VD_TXM_MAX_TAG];
    size_t tag_len;
    bool included;
    bool reported;
    uint64_t l1_block;
};

struct model {
    struct vd_arena arena;
    struct vd_rollup_config rollup;
    struct vd_l2_ref blocks[MAX_BLOCKS];
    struct vd_slice txs[MAX_BLOCKS][3];
    size_t tx_counts[MAX_BLOCKS];
    uint64_t unsafe;
    uint64_t safe;
    struct payload *payloads;
    size_t payload_count;
    size_t included; /* payloads in blocks: a prefix */
    size_t derived;  /* payloads read by derivation */
    uint64_t l1_head;
    uint64_t now;
    bool drop_next; /* derivation loses the next channel */
    struct vd_channel_job *job;
    struct vd_batcher *batcher;
    struct vd_batcher_config config;
    /* The channel that derivation is reading. */
    uint8_t channel[1 << 20];
    size_t channel_len;
    uint64_t unfinished;  /* channels that another one cut off */
    uint64_t blocks_read; /* every block that a whole channel held, repeats included */
};

static struct vd_slice
make_tx(struct model *m, struct vd_random *random, uint64_t nonce)
{
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                       .has_chain_id = true,
                       .chain_id = m->rollup.l2.chain_id,
                       .nonce = nonce,
                       .max_fee = vd_u256(1000000),
                       .gas_limit = 21000,
                       .value = vd_u256(vd_random_below(random, 1000)),
                       .r = vd_u256(vd_random_below(random, UINT64_MAX)),
                       .s = vd_u256(vd_random_below(random, UINT64_MAX))};
    struct vd_buf buf;
    vd_buf_init(&buf, &m->arena);
    vd_tx_encode(&buf, &tx);
    assert_int_equal(buf.err, VD_OK);
    return vd_buf_view(&buf);
}

static void
add_block(struct model *m, struct vd_random *random)
{
    static const uint8_t deposit[] = {VD_TX_DEPOSIT, 0xc0};
    uint64_t n = ++m->unsafe;
    assert_true(n < MAX_BLOCKS);
    uint8_t seed[8];
    vd_store_be64(seed, n);
    m->blocks[n] = (struct vd_l2_ref){.hash = vd_keccak256(vd_slice(seed, 8)),
                                      .number = n,
                                      .parent_hash = m->blocks[n - 1].hash,
                                      .timestamp = 2 * n,
                                      .l1_origin = {.number = n / 6},
                                      .sequence_number = n % 6};
    m->txs[n][0] = vd_slice(deposit, sizeof deposit);
    m->tx_counts[n] = 1 + vd_random_below(random, 3);
    for (size_t i = 1; i < m->tx_counts[n]; i++) {
        m->txs[n][i] = make_tx(m, random, n);
    }
}

/* --- effects --- */

static void
get_block(void *ctx, uint64_t number)
{
    struct model *m = ctx;
    struct vd_batcher_block block = {.ref = m->blocks[number],
                                     .transactions = m->txs[number],
                                     .transaction_count = m->tx_counts[number]};
    vd_batcher_block(m->batcher, number <= m->unsafe ? &block : NULL);
}

static void
encode(void *ctx, struct vd_channel_job *job)
{
    struct model *m = ctx;
    assert_null(m->job);
    m->job = job;
}

static enum vd_err
send_frame(void *ctx, struct vd_slice data, struct vd_slice tag)
{
    struct model *m = ctx;
    assert_true(m->payload_count < MAX_PAYLOADS);
    struct payload *p = &m->payloads[m->payload_count++];
    *p = (struct payload){.len = data.len, .tag_len = tag.len};
    assert_true(data.len <= sizeof p->data && tag.len <= sizeof p->tag);
    memcpy(p->data, data.ptr, data.len);
    memcpy(p->tag, tag.ptr, tag.len);
    return VD_OK;
}

static size_t
room(void *ctx)
{
    struct model *m = ctx;
    size_t open = m->payload_count - m->included;
    return open < 2 ? 2 - open : 0; /* less than a channel: crashes fall inside one */
}

static void
note(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

static void
new_batcher(struct model *m)
{
    struct vd_batcher_effects effects = {.ctx = m,
                                         .get_block = get_block,
                                         .encode = encode,
                                         .send = send_frame,
                                         .room = room,
                                         .note = note};
    assert_int_equal(vd_batcher_new(&m->batcher, &m->config, &effects), VD_OK);
}

/* --- derivation's model: whole channels in order make blocks safe --- */

static void
read_channel(struct model *m)
{
    uint8_t *plain = malloc(1 << 22);
    size_t len = 1 << 22;
    if (m->config.compression == VD_COMPRESS_ZLIB) {
        uLongf zlib_len = 1 << 22;
        assert_int_equal(uncompress(plain, &zlib_len, m->channel, m->channel_len), Z_OK);
        len = zlib_len;
    } else {
        assert_int_equal(m->channel[0], 1);
        assert_int_equal(BrotliDecoderDecompress(m->channel_len - 1, m->channel + 1, &len, plain),
                         BROTLI_DECODER_RESULT_SUCCESS);
    }
    size_t mark = vd_arena_mark(&m->arena);
    struct vd_rlp r = vd_rlp(vd_slice(plain, len));
    while (vd_rlp_more(&r)) {
        struct whole_batch batch;
        enum vd_batch_verdict verdict;
        struct vd_slice content = vd_rlp_string(&r);
        assert_int_equal(whole_batch_decode(&batch, &verdict, &m->arena, &m->rollup, content),
                         VD_OK);
        assert_int_equal(verdict, VD_BATCH_OK);
        size_t count = batch.type == VD_BATCH_SPAN ? batch.span.block_count : 1;
        uint64_t first = batch.type == VD_BATCH_SPAN ? batch.span.rel_timestamp / 2
                                                     : batch.singular.block.timestamp / 2;
        for (size_t i = 0; i < count; i++) {
            const struct vd_batch_block *block =
                batch.type == VD_BATCH_SPAN ? &batch.span.blocks[i] : &batch.singular.block;
            uint64_t n = first + i;
            assert_int_equal(block->transaction_count, m->tx_counts[n] - 1);
            for (size_t j = 0; j < block->transaction_count; j++) {
                assert_true(vd_slice_eq(block->transactions[j], m->txs[n][j + 1]));
            }
            m->blocks_read++;
            if (m->safe + 1 == n && !m->drop_next) {
                m->safe = n;
            }
        }
    }
    m->drop_next = false;
    assert_true(vd_rlp_done(&r));
    vd_arena_rewind(&m->arena, mark);
    free(plain);
}

static void
derive_one(struct model *m)
{
    struct payload *p = &m->payloads[m->derived++];
    struct vd_frame *frames = NULL;
    size_t count = 0;
    size_t mark = vd_arena_mark(&m->arena);
    assert_int_equal(vd_frames_decode(&frames, &count, &m->arena, vd_slice(p->data, p->len)),
                     VD_OK);
    assert_int_equal(count, 1);
    if (frames[0].number == 0) {
        m->unfinished += m->channel_len > 0 ? 1 : 0;
        m->channel_len = 0;
    }
    memcpy(m->channel + m->channel_len, frames[0].data.ptr, frames[0].data.len);
    m->channel_len += frames[0].data.len;
    bool last = frames[0].is_last;
    vd_arena_rewind(&m->arena, mark);
    if (last) {
        read_channel(m);
        m->channel_len = 0;
    }
}

static void
report(struct model *m, size_t index, enum vd_txm_event_kind kind)
{
    struct payload *p = &m->payloads[index];
    struct vd_txm_event event = {
        .kind = kind, .tag = vd_slice(p->tag, p->tag_len), .block = {.number = p->l1_block}};
    vd_batcher_tx_event(m->batcher, &event);
}

/* L1 makes a block with the next payloads; derivation reads up to a block behind. */
static void
l1_block(struct model *m, struct vd_random *random)
{
    m->l1_head++;
    size_t take = vd_random_below(random, 4);
    while (take-- > 0 && m->included < m->payload_count) {
        struct payload *p = &m->payloads[m->included];
        p->included = true;
        p->l1_block = m->l1_head;
        report(m, m->included++, VD_TXM_INCLUDED);
    }
}

static void
tell_heads(struct model *m)
{
    /* Derivation has read every block below the head. */
    while (m->derived < m->included && m->payloads[m->derived].l1_block < m->l1_head) {
        derive_one(m);
    }
    uint64_t derived_l1 = m->l1_head > 0 ? m->l1_head - 1 : 0;
    vd_batcher_heads(m->batcher, m->now, &m->blocks[m->unsafe], &m->blocks[m->safe], derived_l1,
                     derived_l1);
}

static void
restart(struct model *m)
{
    vd_batcher_free(m->batcher);
    if (m->job) {
        /* What the pool was compressing dies with the process: the batcher owned it. */
        m->job = NULL;
    }
    new_batcher(m);
    size_t confirmed = 0;
    while (confirmed < m->included && m->payloads[confirmed].l1_block + 3 < m->l1_head) {
        confirmed++;
    }
    /* Of the confirmed ones the manager need only know the last, and not where it is. */
    for (size_t i = confirmed > 0 ? confirmed - 1 : 0; i < m->payload_count; i++) {
        const struct payload *p = &m->payloads[i];
        struct vd_txm_status status = {.tag = vd_slice(p->tag, p->tag_len),
                                       .included = p->included,
                                       .confirmed = i < confirmed,
                                       .block = {.number = i < confirmed ? 0 : p->l1_block}};
        vd_batcher_restore(m->batcher, &status);
    }
}

static void
run_encoder(struct model *m)
{
    struct vd_channel_job *job = m->job;
    if (job) {
        m->job = NULL;
        vd_channel_job_run(job);
        vd_batcher_encoded(m->batcher, job);
    }
}

static void
model_init(struct model *m, enum vd_batch_type type)
{
    memset(m, 0, sizeof *m);
    vd_arena_init(&m->arena, vd_reserve(ARENA), ARENA);
    m->payloads = calloc(MAX_PAYLOADS, sizeof *m->payloads);
    m->rollup.block_time_s = 2;
    m->rollup.seq_window_size = 3600;
    m->rollup.l2.chain_id = 901;
    m->rollup.l2.is_l2 = true;
    m->config = (struct vd_batcher_config){
        .rollup = &m->rollup,
        .batch_type = type,
        .compression = type == VD_BATCH_SINGULAR ? VD_COMPRESS_ZLIB : VD_COMPRESS_BROTLI,
        .max_channel_bytes = 3000,
        .max_channel_age_ms = 20000,
        .frame_bytes = 1000};
    new_batcher(m);
}

static void
model_deinit(struct model *m)
{
    vd_batcher_free(m->batcher);
    vd_release(m->arena.base, ARENA);
    free(m->payloads);
}

static void
run_model(enum vd_batch_type type, bool crashes, bool drops)
{
    static struct model m;
    static unsigned runs; /* no two runs of one seed are the same */
    struct vd_random random = vd_random_start("batcher");
    random.state += runs++;
    model_init(&m, type);
    for (unsigned step = 0; step < 3000; step++) {
        m.now += 500;
        switch (vd_random_below(&random, 8)) {
        case 0:
        case 1:
        case 2:
            if (m.unsafe < 1000) {
                add_block(&m, &random);
            }
            break;
        case 3:
            l1_block(&m, &random);
            break;
        case 4:
            run_encoder(&m);
            break;
        case 5:
            vd_batcher_tick(m.batcher, m.now);
            break;
        case 6:
            tell_heads(&m);
            break;
        case 7:
            if (crashes && vd_random_below(&random, 20) == 0) {
                restart(&m);
            } else if (drops && vd_random_below(&random, 40) == 0) {
                m.drop_next = true;
            }
            break;
        default:
            break;
        }
    }
    m.drop_next = false;
    for (unsigned i = 0; i < 2000 && m.safe < m.unsafe; i++) {
        m.now += 1000;
        run_encoder(&m);
        l1_block(&m, &random);
        tell_heads(&m);
        vd_batcher_tick(m.batcher, m.now);
    }
    assert_int_equal(m.safe, m.unsafe);
    if (!drops) {
        assert_int_equal(m.blocks_read, m.unsafe); /* each exactly once */
        assert_int_equal(m.unfinished, 0);
    }
    assert_int_equal(vd_batcher_debt(m.batcher), 0);
    model_deinit(&m);
}

static void
test_every_block_comes_to_l1_once(void **state)
{
    (void)state;
    run_model(VD_BATCH_SPAN, false, false);
    run_model(VD_BATCH_SINGULAR, false, false);
}

static void
test_a_crash_repeats_no_block(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        run_model(VD_BATCH_SPAN, true, false);
    }
    run_model(VD_BATCH_SINGULAR, true, false);
}

static void
test_a_lost_channel_is_posted_again(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        run_model(VD_BATCH_SPAN, true, true);
    }
}

static void
run_seconds(struct model *m, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        m->now += 1000;
        vd_batcher_tick(m->batcher, m->now);
        run_encoder(m);
    }
}

/* A reorganisation of L1 cuts the unsafe chain and sends derivation back by a sequencing window.
   What L1 holds of the blocks between is not posted again: the batcher waits until derivation has
   read it, and goes on after the safe head of then. */
static void
test_a_reorg_posts_no_block_that_l1_still_holds(void **state)
{
    (void)state;
    static struct model m;
    struct vd_random random = vd_random_start("batcher");
    model_init(&m, VD_BATCH_SPAN);
    for (unsigned i = 0; i < 1000 && (m.unsafe < 100 || m.safe < m.unsafe); i++) {
        if (m.unsafe < 100) {
            add_block(&m, &random);
        }
        run_seconds(&m, 1);
        l1_block(&m, &random);
        tell_heads(&m);
    }
    assert_int_equal(m.safe, 100);
    size_t posted = m.payload_count;
    m.unsafe = 60;
    vd_batcher_heads(m.batcher, m.now, &m.blocks[60], &m.blocks[10], m.l1_head - 90, m.l1_head);
    for (uint64_t safe = 10; safe < 60; safe++) {
        uint64_t derived_l1 = m.l1_head - 100 + safe;
        add_block(&m, &random);
        vd_batcher_heads(m.batcher, m.now, &m.blocks[m.unsafe], &m.blocks[safe], derived_l1,
                         m.l1_head);
        run_seconds(&m, 1);
    }
    assert_int_equal(m.payload_count, posted);
    vd_batcher_heads(m.batcher, m.now, &m.blocks[m.unsafe], &m.blocks[60], m.l1_head, m.l1_head);
    run_seconds(&m, 60);
    assert_true(m.payload_count > posted);
    m.safe = 60;
    m.derived = posted;
    m.blocks_read = 0;
    for (unsigned i = 0; i < 100 && m.safe < m.unsafe; i++) {
        l1_block(&m, &random);
        tell_heads(&m);
        run_seconds(&m, 1);
    }
    assert_int_equal(m.safe, m.unsafe);
    assert_int_equal(m.blocks_read, m.unsafe - 60);
    model_deinit(&m);
}

/* Waits for a channel to be closed; how long that took. */
static unsigned
wait_for_channel(struct model *m)
{
    unsigned seconds = 0;
    for (; !m->job && seconds < 100; seconds++) {
        m->now += 1000;
        vd_batcher_tick(m->batcher, m->now);
    }
    assert_non_null(m->job);
    return seconds;
}

/* Of a window of 12 L1 blocks the last 6 are the margin: at L1's head 10 it closes for epochs up to
   4.  The channel that begins there does not wait for its age and holds singular batches. */
static void
test_where_the_window_closes_a_channel_hurries_as_singular_batches(void **state)
{
    (void)state;
    static struct model m;
    struct vd_random random = vd_random_start("batcher");
    model_init(&m, VD_BATCH_SPAN);
    m.rollup.seq_window_size = 12;
    m.config.max_channel_bytes = 1000000;
    vd_batcher_free(m.batcher);
    new_batcher(&m);
    while (m.unsafe < 59) { /* six to an epoch */
        add_block(&m, &random);
    }
    vd_batcher_heads(m.batcher, m.now, &m.blocks[m.unsafe], &m.blocks[29], 10, 10);
    m.safe = 29; /* the next is the first of epoch 5 */
    assert_int_equal(wait_for_channel(&m), 20);
    assert_int_equal(m.job->batch_type, VD_BATCH_SPAN);
    vd_batcher_free(m.batcher);
    m.job = NULL;

    new_batcher(&m);
    vd_batcher_heads(m.batcher, m.now, &m.blocks[m.unsafe], &m.blocks[28], 10, 10);
    m.safe = 28; /* the last of epoch 4 is left */
    assert_int_equal(wait_for_channel(&m), 1);
    assert_int_equal(m.job->batch_type, VD_BATCH_SINGULAR);
    assert_int_equal(m.job->block_count, 31); /* none left out */
    for (unsigned i = 0; i < 100 && m.safe < m.unsafe; i++) {
        run_encoder(&m);
        l1_block(&m, &random);
        tell_heads(&m);
    }
    assert_int_equal(m.safe, m.unsafe);
    model_deinit(&m);
}

/* A window that begins to close over a channel in hand closes the channel. */
static void
test_a_channel_in_hand_does_not_wait_until_its_window_is_over(void **state)
{
    (void)state;
    static struct model m;
    struct vd_random random = vd_random_start("batcher");
    model_init(&m, VD_BATCH_SPAN);
    m.rollup.seq_window_size = 12;
    m.config.max_channel_age_ms = 1000000;
    vd_batcher_free(m.batcher);
    new_batcher(&m);
    while (m.unsafe < 11) {
        add_block(&m, &random);
    }
    for (uint64_t l1 = 1; l1 < 6; l1++) {
        vd_batcher_heads(m.batcher, m.now, &m.blocks[m.unsafe], &m.blocks[0], l1, l1);
        m.now += 12000;
        vd_batcher_tick(m.batcher, m.now);
        assert_null(m.job);
    }
    vd_batcher_heads(m.batcher, m.now, &m.blocks[m.unsafe], &m.blocks[0], 6, 6);
    assert_non_null(m.job);
    run_encoder(&m);
    model_deinit(&m);
}

/* With the blocks of a whole channel at hand the next attempt would begin at once. */
static void
test_a_channel_that_cannot_be_encoded_is_tried_again_once_a_second(void **state)
{
    (void)state;
    static struct model m;
    struct vd_random random = vd_random_start("batcher");
    model_init(&m, VD_BATCH_SPAN);
    while (m.unsafe < 100) {
        add_block(&m, &random);
    }
    m.now = 1000000;
    vd_batcher_heads(m.batcher, m.now, &m.blocks[m.unsafe], &m.blocks[0], 1, 1);
    unsigned failed = 0;
    for (uint64_t end = m.now + 5000; m.now < end; m.now++) {
        vd_batcher_tick(m.batcher, m.now);
        if (m.job) {
            struct vd_channel_job *job = m.job;
            m.job = NULL;
            job->err = VD_ERR_NO_MEMORY;
            failed++;
            vd_batcher_encoded(m.batcher, job);
        }
    }
    assert_int_equal(failed, 5);
    for (unsigned i = 0; i < 1000 && m.safe < m.unsafe; i++) {
        run_seconds(&m, 1);
        l1_block(&m, &random);
        tell_heads(&m);
    }
    assert_int_equal(m.safe, m.unsafe);
    model_deinit(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_block_comes_to_l1_once),
        cmocka_unit_test(test_a_crash_repeats_no_block),
        cmocka_unit_test(test_a_lost_channel_is_posted_again),
        cmocka_unit_test(test_a_reorg_posts_no_block_that_l1_still_holds),
        cmocka_unit_test(test_where_the_window_closes_a_channel_hurries_as_singular_batches),
        cmocka_unit_test(test_a_channel_in_hand_does_not_wait_until_its_window_is_over),
        cmocka_unit_test(test_a_channel_that_cannot_be_encoded_is_tried_again_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
