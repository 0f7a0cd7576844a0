/* Batches and frames there and back, and batches that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/core/rollup/batch_model.h"
#include "unit/core/rollup/random_tx.h"

enum {
    ARENA_BYTES = 256 << 20,
    CHAIN_ID = 901,
};

static struct vd_arena arena;
static struct vd_arena scratch;
static struct vd_rollup_config config;

static int
setup(void **state)
{
    (void)state;
    vd_arena_rewind(&arena, 0);
    config = (struct vd_rollup_config){.genesis_l2_time = 1000, .block_time_s = 2};
    config.l2.chain_id = CHAIN_ID;
    return 0;
}

static struct vd_slice
content_of(const struct vd_buf *buf)
{
    assert_int_equal(buf->err, VD_OK);
    struct vd_rlp r = vd_rlp(vd_buf_view(buf));
    struct vd_slice content = vd_rlp_string(&r);
    assert_true(vd_rlp_done(&r));
    return content;
}

static enum vd_batch_verdict
decode(struct whole_batch *batch, struct vd_slice content)
{
    enum vd_batch_verdict verdict;
    assert_int_equal(whole_batch_decode(batch, &verdict, &arena, &config, content), VD_OK);
    return verdict;
}

static void
assert_same_txs(const struct vd_batch_block *a, const struct vd_batch_block *b)
{
    assert_int_equal(a->transaction_count, b->transaction_count);
    for (size_t i = 0; i < a->transaction_count; i++) {
        assert_int_equal(a->transactions[i].len, b->transactions[i].len);
        assert_memory_equal(a->transactions[i].ptr, b->transactions[i].ptr, a->transactions[i].len);
    }
}

static struct vd_batch_block
random_block(struct vd_random *r)
{
    size_t n = vd_random_below(r, 5);
    struct vd_slice *txs = VD_ARENA_NEW(&arena, struct vd_slice, n);
    for (size_t i = 0; i < n; i++) {
        struct vd_tx tx;
        txs[i] = random_tx(r, &arena, CHAIN_ID);
        assert_int_equal(vd_tx_decode(&tx, NULL, &arena, txs[i]), VD_OK);
    }
    return (struct vd_batch_block){.transactions = txs, .transaction_count = n};
}

static void
test_random_singular_batches_survive(void **state)
{
    struct vd_random r = vd_random_start("singular batches");
    (void)state;
    for (unsigned round = 0; round < 1000; round++) {
        vd_arena_rewind(&arena, 0);
        struct vd_singular_batch in = {.block = random_block(&r)};
        struct whole_batch out;
        struct vd_buf buf;
        vd_random_bytes(&r, in.parent_hash.b, 32);
        vd_random_bytes(&r, in.block.epoch_hash.b, 32);
        in.block.epoch_number = vd_random_u64(&r) >> vd_random_below(&r, 64);
        in.block.timestamp = vd_random_u64(&r) >> vd_random_below(&r, 64);
        vd_buf_init(&buf, &arena);
        assert_int_equal(vd_singular_batch_encode(&buf, &scratch, &in), VD_OK);
        assert_int_equal(vd_arena_mark(&scratch), 0);
        assert_int_equal(decode(&out, content_of(&buf)), VD_BATCH_OK);
        assert_int_equal(out.type, VD_BATCH_SINGULAR);
        assert_true(vd_hash_eq(&out.singular.parent_hash, &in.parent_hash));
        assert_true(vd_hash_eq(&out.singular.block.epoch_hash, &in.block.epoch_hash));
        assert_int_equal(out.singular.block.epoch_number, in.block.epoch_number);
        assert_int_equal(out.singular.block.timestamp, in.block.timestamp);
        assert_same_txs(&out.singular.block, &in.block);
    }
}

static struct vd_span_batch
random_span(struct vd_random *r)
{
    struct vd_span_batch span = {.rel_timestamp = 2 * vd_random_below(r, 1000000)};
    size_t n = 1 + vd_random_below(r, 20);
    uint64_t epoch = 100 + vd_random_below(r, 1000);
    struct vd_batch_block *blocks = VD_ARENA_NEW(&arena, struct vd_batch_block, n);
    for (size_t i = 0; i < n; i++) {
        blocks[i] = random_block(r);
        blocks[i].timestamp = 1000 + span.rel_timestamp + 2 * i;
        blocks[i].epoch_number = epoch;
        if (i + 1 < n)
            epoch += vd_random_below(r, 3) == 0;
    }
    span.l1_origin_number = epoch;
    span.first_block_opens_epoch = vd_random_below(r, 2) == 0;
    span.blocks = blocks;
    span.block_count = n;
    vd_random_bytes(r, span.parent_check, 20);
    vd_random_bytes(r, span.l1_origin_check, 20);
    return span;
}

static struct vd_slice
encode_span(const struct vd_span_batch *span)
{
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    assert_int_equal(vd_span_batch_encode(&buf, &scratch, &config, span), VD_OK);
    assert_int_equal(vd_arena_mark(&scratch), 0);
    return content_of(&buf);
}

static void
assert_same_span(const struct vd_span_batch *a, const struct vd_span_batch *b)
{
    assert_int_equal(a->rel_timestamp, b->rel_timestamp);
    assert_int_equal(a->l1_origin_number, b->l1_origin_number);
    assert_int_equal(a->first_block_opens_epoch, b->first_block_opens_epoch);
    assert_memory_equal(a->parent_check, b->parent_check, 20);
    assert_memory_equal(a->l1_origin_check, b->l1_origin_check, 20);
    assert_int_equal(a->block_count, b->block_count);
    for (size_t i = 0; i < a->block_count; i++) {
        assert_int_equal(a->blocks[i].timestamp, b->blocks[i].timestamp);
        assert_int_equal(a->blocks[i].epoch_number, b->blocks[i].epoch_number);
        assert_same_txs(&a->blocks[i], &b->blocks[i]);
    }
}

static void
test_random_span_batches_survive(void **state)
{
    struct vd_random r = vd_random_start("span batches");
    (void)state;
    for (unsigned round = 0; round < 1000; round++) {
        struct whole_batch out;
        vd_arena_rewind(&arena, 0);
        struct vd_span_batch in = random_span(&r);
        struct vd_slice content = encode_span(&in);
        assert_int_equal(decode(&out, content), VD_BATCH_OK);
        assert_int_equal(out.type, VD_BATCH_SPAN);
        assert_same_span(&out.span, &in);
        struct vd_slice again = encode_span(&out.span);
        assert_true(vd_slice_eq(again, content));
    }
}

/* Whatever is cut off, the raw decoding notices; bytes after the batch are ignored. */
static void
test_truncated_batches_end_the_channel(void **state)
{
    struct vd_random r = vd_random_start("truncated batches");
    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        struct whole_batch out;
        struct vd_buf buf;
        vd_arena_rewind(&arena, 0);
        struct vd_span_batch span = random_span(&r);
        struct vd_slice content = encode_span(&span);
        size_t mark = vd_arena_mark(&arena);
        size_t step = 1 + content.len / 500;
        for (size_t len = 0; len < content.len; len += step) {
            assert_int_equal(decode(&out, vd_slice(content.ptr, len)), VD_BATCH_BAD_CHANNEL);
            vd_arena_rewind(&arena, mark);
        }
        vd_buf_init(&buf, &arena);
        vd_buf_slice(&buf, content);
        vd_buf_be64(&buf, 0x0102030405060708);
        assert_int_equal(decode(&out, vd_buf_view(&buf)), VD_BATCH_OK);
        assert_same_span(&out.span, &span);
    }
}

/* --- against the model --- */

static void
assert_same_block(const struct vd_batch_block *a, const struct vd_batch_block *b)
{
    assert_int_equal(a->timestamp, b->timestamp);
    assert_int_equal(a->epoch_number, b->epoch_number);
    assert_true(vd_hash_eq(&a->epoch_hash, &b->epoch_hash));
    assert_same_txs(a, b);
}

static enum vd_batch_verdict
check_against_model(struct vd_slice content)
{
    size_t mark = vd_arena_mark(&arena);
    struct whole_batch got;
    struct whole_batch expected;
    enum vd_batch_verdict verdict;
    enum vd_batch_verdict right;
    assert_int_equal(whole_batch_decode(&got, &verdict, &arena, &config, content), VD_OK);
    assert_int_equal(model_decode(&expected, &right, &arena, &config, content), VD_OK);
    assert_int_equal(verdict, right);
    if (verdict == VD_BATCH_OK) {
        assert_int_equal(got.type, expected.type);
        if (got.type == VD_BATCH_SPAN) {
            assert_same_span(&got.span, &expected.span);
        } else {
            assert_true(vd_hash_eq(&got.singular.parent_hash, &expected.singular.parent_hash));
            assert_same_block(&got.singular.block, &expected.singular.block);
        }
    }
    vd_arena_rewind(&arena, mark);
    return verdict;
}

static struct vd_slice
random_batch(struct vd_random *r)
{
    if (vd_random_below(r, 4) != 0) {
        struct vd_span_batch span = random_span(r);
        return encode_span(&span);
    }
    struct vd_singular_batch batch = {.block = random_block(r)};
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    assert_int_equal(vd_singular_batch_encode(&buf, &scratch, &batch), VD_OK);
    return content_of(&buf);
}

/* Some bytes are changed; those near the front hold the numbers that everything hangs on. */
static void
mutate(struct vd_random *r, uint8_t *bytes, size_t len)
{
    size_t n = 1 + vd_random_below(r, 3);
    while (n-- > 0) {
        size_t reach = vd_random_below(r, 2) == 0 && len > 120 ? 120 : len;
        size_t at = 1 + vd_random_below(r, reach - 1);
        if (vd_random_below(r, 2) == 0)
            bytes[at] ^= (uint8_t)(1u << vd_random_below(r, 8));
        else
            vd_random_bytes(r, bytes + at, 1);
    }
}

static void
test_changed_batches_are_judged_as_by_the_model(void **state)
{
    struct vd_random r = vd_random_start("changed batches");
    unsigned seen[3] = {0};
    (void)state;
    for (unsigned round = 0; round < 6000; round++) {
        vd_arena_rewind(&arena, 0);
        struct vd_slice content = random_batch(&r);
        uint8_t *bytes = vd_arena_copy(&arena, content);
        assert_int_equal(check_against_model(content), VD_BATCH_OK);
        for (unsigned i = 0; i < 4; i++) {
            memcpy(bytes, content.ptr, content.len);
            mutate(&r, bytes, content.len);
            seen[check_against_model(vd_slice(bytes, content.len))]++;
        }
    }
    assert_true(seen[VD_BATCH_OK] > 100 && seen[VD_BATCH_BAD_CHANNEL] > 100 &&
                seen[VD_BATCH_BAD_BATCH] > 100);
}

/* The last transaction of the last block counts before the first block is seen. */
static void
test_one_bad_transaction_costs_the_whole_span(void **state)
{
    struct vd_random r = vd_random_start("bad transactions");
    struct vd_batch batch;
    (void)state;
    struct vd_span_batch span = random_span(&r);
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE, .chain_id = CHAIN_ID};
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    vd_tx_encode(&buf, &tx);
    struct vd_slice last = vd_buf_view(&buf);
    span.blocks[span.block_count - 1].transactions = &last;
    span.blocks[span.block_count - 1].transaction_count = 1;
    struct vd_slice content = encode_span(&span);
    assert_int_equal(vd_batch_decode(&batch, &config, content), VD_BATCH_OK);
    /* 02 c5 80 80 80 80 c0 and a nonce and a gas limit of one byte each stand last, the protection
       bits of those before aside. */
    static const uint8_t tx_data[] = {0x02, 0xc5, 0x80, 0x80, 0x80, 0x80, 0xc0};
    uint8_t *bytes = (uint8_t *)(uintptr_t)content.ptr;
    size_t at = content.len - sizeof tx_data;
    while (memcmp(bytes + at, tx_data, sizeof tx_data) != 0)
        at--;
    bytes[at] = 0x03;
    assert_int_equal(vd_batch_decode(&batch, &config, content), VD_BATCH_BAD_BATCH);
}

/* --- spans put together by hand --- */

static struct vd_buf hand;

static void
put(const char *hex)
{
    for (; *hex != '\0'; hex += 2) {
        uint8_t byte;
        while (*hex == ' ')
            hex++;
        assert_int_equal(vd_hex_decode(&byte, 1, hex, 2), VD_OK);
        vd_buf_byte(&hand, byte);
    }
}

static void
put_zeros(size_t n)
{
    uint8_t *p = vd_buf_extend(&hand, n);
    assert_non_null(p);
    memset(p, 0, n);
}

/* Type, time and origin, two prefixes. */
static void
begin_span(void)
{
    vd_arena_rewind(&arena, 0);
    vd_buf_init(&hand, &arena);
    put("01 04 07");
    put_zeros(40);
}

static void
expect_span(enum vd_batch_verdict expected, const char *what)
{
    struct whole_batch batch;
    if (decode(&batch, vd_buf_view(&hand)) != expected)
        fail_msg("%s", what);
}

static void
test_counts_of_blocks_and_transactions(void **state)
{
    static const struct {
        const char *what;
        const char *payload;
        enum vd_batch_verdict verdict;
    } cases[] = {
        {"one empty block", "01 00 00", VD_BATCH_OK},
        {"its count in two bytes", "8100 00 00", VD_BATCH_OK},
        {"its count in ten bytes", "8180808080808080 8000 00 00", VD_BATCH_OK},
        {"an origin bit past the blocks", "01 02 00", VD_BATCH_BAD_CHANNEL},
        {"no blocks", "00", VD_BATCH_BAD_CHANNEL},
        {"more than ten million blocks", "81ade204", VD_BATCH_BAD_CHANNEL},
        {"a count of eleven bytes", "81808080808080808080 00 00", VD_BATCH_BAD_CHANNEL},
        {"a count over 64 bits", "81808080808080808002 00 00", VD_BATCH_BAD_CHANNEL},
        {"more than ten million transactions", "01 00 81ade204", VD_BATCH_BAD_CHANNEL},
        {"more than that in two blocks", "02 00 80ade204 01", VD_BATCH_BAD_CHANNEL},
        {"no counts", "02 00 00", VD_BATCH_BAD_CHANNEL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin_span();
        put(cases[i].payload);
        expect_span(cases[i].verdict, cases[i].what);
    }
}

/* One block with one transaction: creation bit, parity bit, tx_data, nonce, gas, protected bit. */
static void
put_one_tx(const char *creation, const char *parity, const char *data, const char *rest)
{
    begin_span();
    put("01 00 01");
    put(creation);
    put(parity);
    put_zeros(64);
    if (strcmp(creation, "01") != 0)
        put_zeros(20);
    put(data);
    put(rest);
}

static void
test_forms_of_transactions(void **state)
{
    static const struct {
        const char *what;
        const char *creation;
        const char *data;
        const char *rest;
        enum vd_batch_verdict verdict;
    } cases[] = {
        {"legacy", "00", "c3010280", "0505 01", VD_BATCH_OK},
        {"legacy, unprotected", "00", "c3010280", "0505 00", VD_BATCH_OK},
        {"a creation", "01", "c3010280", "0505 00", VD_BATCH_OK},
        {"type 1", "00", "01c4010280c0", "0505", VD_BATCH_OK},
        {"type 2", "00", "02c501020380c0", "0505", VD_BATCH_OK},
        {"type 4", "00", "04c601020380c0c0", "0505", VD_BATCH_OK},
        {"a value over 256 bits", "00",
         "e4a1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0280", "0505 00",
         VD_BATCH_OK},
        /* What only rebuilding notices costs this batch alone. */
        {"type 0 with its byte", "00", "00c3010280", "0505 00", VD_BATCH_BAD_BATCH},
        {"type 3", "00", "03c501020380c0", "0505", VD_BATCH_BAD_BATCH},
        {"type 5", "00", "05c601020380c0c0", "0505", VD_BATCH_BAD_BATCH},
        {"a deposit", "00", "7ec3010280", "0505", VD_BATCH_BAD_BATCH},
        {"a creation of type 4", "01", "04c601020380c0c0", "0505", VD_BATCH_BAD_BATCH},
        {"type 4 with a value over 256 bits", "00",
         "04e7a1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff020380c0c0",
         "0505", VD_BATCH_BAD_BATCH},
        {"a field too few", "00", "c20102", "0505 00", VD_BATCH_BAD_BATCH},
        {"a field too many", "00", "c401028080", "0505 00", VD_BATCH_BAD_BATCH},
        {"a value with a leading zero", "00", "c400010280", "0505 00", VD_BATCH_BAD_BATCH},
        {"data that is a list", "00", "c30102c0", "0505 00", VD_BATCH_BAD_BATCH},
        {"an access list that is a string", "00", "01c401028080", "0505", VD_BATCH_BAD_BATCH},
        {"an access list of numbers", "00", "01c5010280c101", "0505", VD_BATCH_BAD_BATCH},
        /* The raw decoding takes the rest of the channel with it. */
        {"data without a list", "00", "83010280", "0505 00", VD_BATCH_BAD_CHANNEL},
        {"a list longer than the batch", "00", "f8ff0102", "0505 00", VD_BATCH_BAD_CHANNEL},
        {"a list's length in a long form", "00", "f803010280", "0505 00", VD_BATCH_BAD_CHANNEL},
        {"no protected bit", "00", "c3010280", "0505", VD_BATCH_BAD_CHANNEL},
        {"a protected bit too high", "00", "c3010280", "0505 02", VD_BATCH_BAD_CHANNEL},
        {"a creation bit too high", "02", "c3010280", "0505 00", VD_BATCH_BAD_CHANNEL},
        {"no gas", "00", "02c501020380c0", "05", VD_BATCH_BAD_CHANNEL},
        {"a nonce over 64 bits", "00", "02c501020380c0", "81808080808080808002 05",
         VD_BATCH_BAD_CHANNEL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_one_tx(cases[i].creation, "00", cases[i].data, cases[i].rest);
        expect_span(cases[i].verdict, cases[i].what);
    }
}

/* The limit of 10,000,000 bytes counts the list with its header, not the type byte. */
static void
test_tx_data_over_its_limit_ends_the_channel(void **state)
{
    (void)state;
    for (uint32_t excess = 0; excess < 2; excess++) {
        uint32_t list = VD_BATCH_MAX_ITEMS - 4 + excess;
        uint32_t data = list - 3 - 4 - 1;
        uint8_t header[4];
        begin_span();
        put("01 00 01 00 00");
        put_zeros(84);
        put("02");
        vd_store_be32(header, list);
        header[0] = 0xfa;
        vd_buf_bytes(&hand, header, 4);
        put("010203");
        vd_store_be32(header, data);
        header[0] = 0xba;
        vd_buf_bytes(&hand, header, 4);
        put_zeros(data);
        put("c0 05 05");
        expect_span(excess == 0 ? VD_BATCH_OK : VD_BATCH_BAD_CHANNEL, "ten million bytes");
    }
}

static void
test_signature_values_follow_the_type(void **state)
{
    static const struct {
        const char *data;
        const char *rest;
        const char *parity;
        uint64_t v;
    } cases[] = {
        {"c3010280", "0505 00", "00", 27},
        {"c3010280", "0505 00", "01", 28},
        {"c3010280", "0505 01", "00", 2 * CHAIN_ID + 35},
        {"c3010280", "0505 01", "01", 2 * CHAIN_ID + 36},
        {"02c501020380c0", "0505", "00", 0},
        {"02c501020380c0", "0505", "01", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct whole_batch batch;
        put_one_tx("00", cases[i].parity, cases[i].data, cases[i].rest);
        assert_int_equal(decode(&batch, vd_buf_view(&hand)), VD_BATCH_OK);
        struct vd_slice raw = batch.span.blocks[0].transactions[0];
        bool typed = raw.ptr[0] <= 0x7f;
        struct vd_rlp outer = vd_rlp(vd_slice(raw.ptr + typed, raw.len - typed));
        struct vd_rlp fields = vd_rlp_list(&outer);
        for (unsigned skip = 0; skip < (typed ? 9 : 6); skip++)
            (void)vd_rlp_raw(&fields);
        assert_int_equal(vd_rlp_u64(&fields), cases[i].v);
    }
}

static void
test_origins_count_back_from_the_last_block(void **state)
{
    struct whole_batch batch;
    (void)state;
    begin_span();
    /* Blocks 1 and 3 of five open an epoch: bits 01010. */
    put("05 0a 0000000000");
    assert_int_equal(decode(&batch, vd_buf_view(&hand)), VD_BATCH_OK);
    static const uint64_t epochs[] = {5, 6, 6, 7, 7};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(batch.span.blocks[i].epoch_number, epochs[i]);
        assert_int_equal(batch.span.blocks[i].timestamp, 1000 + 4 + 2 * i);
    }
    assert_false(batch.span.first_block_opens_epoch);
    begin_span();
    put("01 01 00");
    assert_int_equal(decode(&batch, vd_buf_view(&hand)), VD_BATCH_OK);
    assert_true(batch.span.first_block_opens_epoch);
}

static void
test_unknown_batch_types_end_the_channel(void **state)
{
    struct whole_batch batch;
    (void)state;
    for (unsigned type = 2; type < 256; type++) {
        uint8_t bytes[2] = {(uint8_t)type, 0xc0};
        assert_int_equal(decode(&batch, vd_slice(bytes, 2)), VD_BATCH_BAD_CHANNEL);
    }
    assert_int_equal(decode(&batch, vd_slice(NULL, 0)), VD_BATCH_BAD_CHANNEL);
}

static void
test_malformed_singular_batches_end_the_channel(void **state)
{
    struct vd_random r = {.state = 1};
    struct whole_batch out;
    struct vd_buf buf;
    (void)state;
    struct vd_singular_batch in = {.block = random_block(&r)};
    vd_buf_init(&buf, &arena);
    assert_int_equal(vd_singular_batch_encode(&buf, &scratch, &in), VD_OK);
    struct vd_slice content = content_of(&buf);
    for (size_t len = 0; len < content.len; len++)
        assert_int_equal(decode(&out, vd_slice(content.ptr, len)), VD_BATCH_BAD_CHANNEL);
    /* What follows the list inside the string is ignored. */
    vd_buf_byte(&buf, 0x55);
    assert_int_equal(decode(&out, vd_slice(content.ptr, content.len + 1)), VD_BATCH_OK);
    vd_buf_init(&buf, &arena);
    vd_buf_byte(&buf, VD_BATCH_SINGULAR);
    size_t list = vd_rlp_begin(&buf);
    vd_rlp_put_hash(&buf, &in.parent_hash);
    vd_rlp_put_u64(&buf, 1);
    vd_rlp_put_hash(&buf, &in.parent_hash);
    vd_rlp_put_u64(&buf, 1);
    size_t txs = vd_rlp_begin(&buf);
    vd_rlp_end(&buf, vd_rlp_begin(&buf)); /* a transaction that is a list */
    vd_rlp_end(&buf, txs);
    vd_rlp_end(&buf, list);
    assert_int_equal(decode(&out, vd_buf_view(&buf)), VD_BATCH_BAD_CHANNEL);
}

/* --- the encoder's refusals --- */

static enum vd_err
try_encode(const struct vd_span_batch *span)
{
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    return vd_span_batch_encode(&buf, &scratch, &config, span);
}

static enum vd_err
try_tx(struct vd_tx tx)
{
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    vd_tx_encode(&buf, &tx);
    struct vd_slice raw = vd_buf_view(&buf);
    struct vd_batch_block block = {.timestamp = 1000, .transactions = &raw, .transaction_count = 1};
    struct vd_span_batch span = {.blocks = &block, .block_count = 1};
    return try_encode(&span);
}

static void
test_encoder_refuses_what_a_span_cannot_hold(void **state)
{
    (void)state;
    struct vd_tx good = {.type = VD_TX_DYNAMIC_FEE, .has_chain_id = true, .chain_id = CHAIN_ID};
    assert_int_equal(try_tx(good), VD_OK);
    struct vd_tx other_chain = good;
    other_chain.chain_id = CHAIN_ID + 1;
    assert_int_equal(try_tx(other_chain), VD_ERR_INVALID);
    struct vd_tx legacy = {.type = VD_TX_LEGACY};
    assert_int_equal(try_tx(legacy), VD_OK);
    legacy.has_chain_id = true;
    legacy.chain_id = CHAIN_ID;
    assert_int_equal(try_tx(legacy), VD_OK);
    legacy.chain_id = 1;
    assert_int_equal(try_tx(legacy), VD_ERR_INVALID);
    struct vd_tx deposit = {.type = VD_TX_DEPOSIT};
    assert_int_equal(try_tx(deposit), VD_ERR_INVALID);
    struct vd_tx blob = good;
    blob.type = VD_TX_BLOB;
    assert_int_equal(try_tx(blob), VD_ERR_INVALID);
}

static void
test_encoder_refuses_blocks_that_do_not_follow(void **state)
{
    struct vd_batch_block blocks[3] = {{.timestamp = 1000, .epoch_number = 5},
                                       {.timestamp = 1002, .epoch_number = 5},
                                       {.timestamp = 1004, .epoch_number = 6}};
    struct vd_span_batch span = {.blocks = blocks, .block_count = 3, .l1_origin_number = 6};
    (void)state;
    assert_int_equal(try_encode(&span), VD_OK);
    blocks[1].epoch_number = 4;
    assert_int_equal(try_encode(&span), VD_ERR_INVALID);
    blocks[1].epoch_number = 5;
    blocks[2].timestamp++;
    assert_int_equal(try_encode(&span), VD_ERR_INVALID);
    blocks[2].timestamp--;
    span.l1_origin_number = 7;
    assert_int_equal(try_encode(&span), VD_ERR_INVALID);
    span.l1_origin_number = 6;
    span.rel_timestamp = 2;
    assert_int_equal(try_encode(&span), VD_ERR_INVALID);
    span.block_count = 0;
    assert_int_equal(try_encode(&span), VD_ERR_INVALID);
}

/* Every allocation in turn fails without harm. */
static void
test_small_arenas_are_no_verdict(void **state)
{
    struct vd_random r = {.state = 5};
    struct whole_batch batch;
    enum vd_batch_verdict verdict;
    (void)state;
    struct vd_span_batch span = random_span(&r);
    struct vd_slice content = encode_span(&span);
    uint8_t *room = vd_arena_alloc(&arena, 1 << 20, 16);
    struct vd_arena small;
    enum vd_err err = VD_ERR_NO_MEMORY;
    size_t size = 0;
    for (; err != VD_OK; size += 64) {
        vd_arena_init(&small, room, size);
        err = whole_batch_decode(&batch, &verdict, &small, &config, content);
        assert_true(err == VD_OK || err == VD_ERR_NO_MEMORY);
    }
    assert_int_equal(verdict, VD_BATCH_OK);
    assert_true(size > 64);
}

/* --- frames --- */

static void
test_channel_frames_cut_and_join(void **state)
{
    struct vd_channel_id id = {{1, 2, 3}};
    uint8_t bytes[1000];
    struct vd_random r = vd_random_start("frames");
    (void)state;
    vd_random_bytes(&r, bytes, sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len += 37) {
        for (size_t max = 24; max < 1100; max = max * 3 / 2) {
            struct vd_slice *frames;
            size_t count;
            uint8_t joined[1000];
            size_t at = 0;
            vd_arena_rewind(&arena, 0);
            assert_int_equal(
                vd_channel_frames(&frames, &count, &arena, &id, vd_slice(bytes, len), max), VD_OK);
            for (size_t i = 0; i < count; i++) {
                struct vd_frame *out;
                size_t n;
                struct vd_buf item;
                assert_true(frames[i].len <= max);
                vd_buf_init(&item, &arena);
                vd_buf_byte(&item, 0);
                vd_buf_slice(&item, frames[i]);
                assert_int_equal(vd_frames_decode(&out, &n, &arena, vd_buf_view(&item)), VD_OK);
                assert_int_equal(n, 1);
                assert_int_equal(out->number, i);
                assert_int_equal(out->is_last, i + 1 == count);
                if (out->data.len != 0)
                    memcpy(joined + at, out->data.ptr, out->data.len);
                at += out->data.len;
            }
            assert_int_equal(at, len);
            assert_memory_equal(joined, bytes, len);
        }
    }
}

static void
test_channel_frames_have_limits(void **state)
{
    struct vd_channel_id id = {{0}};
    static uint8_t bytes[70000];
    struct vd_slice *frames;
    size_t count;
    (void)state;
    assert_int_equal(vd_channel_frames(&frames, &count, &arena, &id, vd_slice(bytes, 1), 23),
                     VD_ERR_INVALID);
    assert_int_equal(vd_channel_frames(&frames, &count, &arena, &id, vd_slice(bytes, 65536), 24),
                     VD_OK);
    assert_int_equal(count, 65536);
    assert_int_equal(vd_channel_frames(&frames, &count, &arena, &id, vd_slice(bytes, 65537), 24),
                     VD_ERR_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_random_singular_batches_survive, setup),
        cmocka_unit_test_setup(test_random_span_batches_survive, setup),
        cmocka_unit_test_setup(test_truncated_batches_end_the_channel, setup),
        cmocka_unit_test_setup(test_changed_batches_are_judged_as_by_the_model, setup),
        cmocka_unit_test_setup(test_one_bad_transaction_costs_the_whole_span, setup),
        cmocka_unit_test_setup(test_counts_of_blocks_and_transactions, setup),
        cmocka_unit_test_setup(test_forms_of_transactions, setup),
        cmocka_unit_test_setup(test_tx_data_over_its_limit_ends_the_channel, setup),
        cmocka_unit_test_setup(test_signature_values_follow_the_type, setup),
        cmocka_unit_test_setup(test_origins_count_back_from_the_last_block, setup),
        cmocka_unit_test_setup(test_unknown_batch_types_end_the_channel, setup),
        cmocka_unit_test_setup(test_malformed_singular_batches_end_the_channel, setup),
        cmocka_unit_test_setup(test_encoder_refuses_what_a_span_cannot_hold, setup),
        cmocka_unit_test_setup(test_encoder_refuses_blocks_that_do_not_follow, setup),
        cmocka_unit_test_setup(test_small_arenas_are_no_verdict, setup),
        cmocka_unit_test_setup(test_channel_frames_cut_and_join, setup),
        cmocka_unit_test_setup(test_channel_frames_have_limits, setup),
    };
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    vd_arena_init(&scratch, malloc(ARENA_BYTES), ARENA_BYTES);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(arena.base);
    free(scratch.base);
    return failed;
}
