/* Real channels: vectors/op/derive/{span_batch,batcher_tx,channels}.  Left out: channels in blobs
   (no blobs yet). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/rollup/batcher_tx.h"
#include "core/rollup/channel.h"
#include "support/vectors.h"
#include "unit/core/rollup/whole_batch.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/rollup/derive.h"
#include "viaduct/node/platform/curves.h"

enum { ARENA_BYTES = 64 << 20 };

static struct vd_arena arena;
static struct vd_arena scratch;
static struct vd_channel_reader reader;

static const char *
text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static uint64_t
number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    return (uint64_t)json_integer_value(value);
}

static struct vd_slice
keep(uint8_t *bytes, size_t len)
{
    uint8_t *copy = vd_arena_copy(&arena, vd_slice(bytes, len));
    free(bytes);
    assert_non_null(copy);
    return vd_slice(copy, len);
}

static struct vd_slice
unhex(const char *hex)
{
    size_t len;
    uint8_t *bytes = vd_unhex(hex, &len);
    return keep(bytes, len);
}

static void
assert_hash(struct vd_hash got, const char *expected)
{
    struct vd_hash want = vd_unhex_word(expected);
    assert_memory_equal(got.b, want.b, sizeof want.b);
}

static struct vd_rollup_config
chain(uint64_t chain_id, uint64_t genesis_time, uint64_t block_time)
{
    struct vd_rollup_config config = {.genesis_l2_time = genesis_time, .block_time_s = block_time};
    config.l2.chain_id = chain_id;
    return config;
}

static struct whole_batch
read_batch(const struct vd_rollup_config *config, struct vd_slice *content)
{
    enum vd_channel_item item;
    enum vd_batch_verdict verdict;
    struct whole_batch batch;
    assert_int_equal(vd_channel_reader_next(&reader, &item, content, &arena), VD_OK);
    assert_int_equal(item, VD_CHANNEL_BATCH);
    assert_int_equal(whole_batch_decode(&batch, &verdict, &arena, config, *content), VD_OK);
    assert_int_equal(verdict, VD_BATCH_OK);
    return batch;
}

static void
assert_channel_ends(enum vd_channel_item expected)
{
    enum vd_channel_item item;
    struct vd_slice content;
    assert_int_equal(vd_channel_reader_next(&reader, &item, &content, &arena), VD_OK);
    assert_int_equal(item, expected);
}

static void
assert_encodes_back(const struct vd_rollup_config *config, const struct vd_span_batch *span,
                    struct vd_slice content)
{
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    assert_int_equal(vd_span_batch_encode(&buf, &scratch, config, span), VD_OK);
    struct vd_rlp r = vd_rlp(vd_buf_view(&buf));
    struct vd_slice encoded = vd_rlp_string(&r);
    assert_true(vd_rlp_done(&r));
    assert_int_equal(encoded.len, content.len);
    assert_memory_equal(encoded.ptr, content.ptr, content.len);
}

static void
check_block_of_span(const struct vd_batch_block *block, const json_t *expected)
{
    struct vd_keccak all;
    const json_t *hashes = json_object_get(expected, "tx_hashes");
    assert_int_equal(block->epoch_number, number(expected, "l1_origin_number"));
    assert_int_equal(block->timestamp, number(expected, "timestamp"));
    assert_int_equal(block->transaction_count, number(expected, "tx_count"));
    vd_keccak_init(&all);
    for (size_t i = 0; i < block->transaction_count; i++) {
        vd_keccak_update(&all, block->transactions[i]);
        assert_hash(vd_keccak256(block->transactions[i]),
                    json_string_value(json_array_get(hashes, i)));
    }
    assert_hash(vd_keccak_final(&all), text(expected, "txs_concat_keccak"));
}

static void
check_span(const struct vd_span_batch *span, const json_t *expected)
{
    const json_t *blocks = json_object_get(expected, "blocks");
    struct vd_slice parent = unhex(text(expected, "parent_check"));
    struct vd_slice origin = unhex(text(expected, "l1_origin_check"));
    assert_int_equal(span->rel_timestamp, number(expected, "rel_timestamp"));
    assert_int_equal(span->l1_origin_number, number(expected, "l1_origin_num"));
    assert_memory_equal(span->parent_check, parent.ptr, 20);
    assert_memory_equal(span->l1_origin_check, origin.ptr, 20);
    assert_int_equal(span->block_count, number(expected, "block_count"));
    for (size_t i = 0; i < span->block_count; i++)
        check_block_of_span(&span->blocks[i], json_array_get(blocks, i));
    assert_int_equal(span->first_block_opens_epoch,
                     number(json_array_get(blocks, 0), "origin_bit"));
}

static void
check_mainnet_channel(void *ctx, const char *path)
{
    (void)ctx;
    size_t len;
    uint8_t *hex = vd_vectors_file(path, &len);
    json_t *file = vd_vectors_json("op/derive/span_batch/mainnet_channel/expected.json");
    const json_t *expected = json_object_get(file, "computed");
    struct vd_rollup_config config =
        chain(number(expected, "l2_chain_id"), number(expected, "l2_genesis_time"),
              number(expected, "block_time"));
    struct vd_slice content;
    while (len > 0 && (hex[len - 1] == '\n' || hex[len - 1] == ' '))
        hex[--len] = 0;
    struct vd_slice channel = unhex((const char *)hex);
    free(hex);
    assert_int_equal(channel.len, number(expected, "compressed_len"));
    assert_int_equal(vd_channel_reader_open(&reader, channel), VD_CHANNEL_OPENED);
    struct whole_batch batch = read_batch(&config, &content);
    assert_int_equal(content.len, number(expected, "batch_len"));
    assert_int_equal(batch.type, VD_BATCH_SPAN);
    check_span(&batch.span, expected);
    assert_channel_ends(VD_CHANNEL_END);
    assert_encodes_back(&config, &batch.span, content);

    /* Half of the channel holds no whole batch. */
    channel.len /= 2;
    assert_int_equal(vd_channel_reader_open(&reader, channel), VD_CHANNEL_OPENED);
    assert_channel_ends(VD_CHANNEL_MALFORMED);
    printf("%s: ok\n", path);
    json_decref(file);
}

static void
test_mainnet_span_batch_decodes_and_encodes_back(void **state)
{
    (void)state;
    vd_arena_rewind(&arena, 0);
    (void)vd_vectors_walk("op/derive/span_batch", "channel.hex", check_mainnet_channel, NULL);
}

/* A raw span batch has no type byte.  Its chain does not show in it. */
static void
check_raw_span(void *ctx, const char *path)
{
    (void)ctx;
    size_t len;
    uint8_t *file = vd_vectors_file(path, &len);
    uint8_t *typed = malloc(len + 1);
    struct vd_rollup_config config = chain(10, 0, 2);
    struct whole_batch batch;
    enum vd_batch_verdict verdict;
    assert_non_null(typed);
    typed[0] = VD_BATCH_SPAN;
    memcpy(typed + 1, file, len);
    free(file);
    struct vd_slice content = keep(typed, len + 1);
    assert_int_equal(whole_batch_decode(&batch, &verdict, &arena, &config, content), VD_OK);
    assert_int_equal(verdict, VD_BATCH_OK);
    assert_encodes_back(&config, &batch.span, content);
    printf("%s: ok\n", path);
}

static void
test_raw_span_batch_decodes_and_encodes_back(void **state)
{
    (void)state;
    vd_arena_rewind(&arena, 0);
    (void)vd_vectors_walk("op/derive/span_batch", "raw_span_batch.bin", check_raw_span, NULL);
}

static void
check_sender(struct vd_slice raw, const json_t *expected, struct vd_batcher_tx *tx)
{
    struct vd_address inbox;
    struct vd_address batcher;
    bool is_from;
    vd_unhex_fixed(inbox.b, sizeof inbox.b, text(expected, "to"));
    vd_unhex_fixed(batcher.b, sizeof batcher.b, text(expected, "from"));
    assert_hash(vd_keccak256(raw), text(expected, "hash"));
    assert_true(vd_batcher_tx_read(tx, &inbox, raw));
    assert_int_equal(tx->type, number(expected, "type"));
    assert_int_equal(tx->data.len, number(expected, "data_len"));
    assert_int_equal(vd_batcher_tx_is_from(&is_from, tx, &batcher, vd_curves_host()), VD_OK);
    assert_true(is_from);
    batcher.b[0] ^= 1;
    assert_int_equal(vd_batcher_tx_is_from(&is_from, tx, &batcher, vd_curves_host()), VD_OK);
    assert_false(is_from);
    assert_false(vd_batcher_tx_read(tx, &batcher, raw));
    assert_true(vd_batcher_tx_read(tx, &inbox, raw));
}

static void
check_mainnet_tx(void *ctx, const char *path)
{
    (void)ctx;
    size_t len;
    uint8_t *file = vd_vectors_file(path, &len);
    struct vd_slice raw = keep(file, len);
    json_t *json = vd_vectors_json("op/derive/batcher_tx/mainnet_calldata/expected.json");
    const json_t *expected = json_object_get(json, "computed");
    const json_t *span = json_object_get(expected, "span");
    /* OP Mainnet's genesis; the file gives times relative to it. */
    struct vd_rollup_config config = chain(number(span, "l2_chain_id"), 1686789347, 2);
    struct vd_batcher_tx tx;
    struct vd_frame *frames;
    size_t count;
    struct vd_slice content;
    check_sender(raw, json_object_get(expected, "tx"), &tx);
    assert_int_equal(vd_frames_decode(&frames, &count, &arena, tx.data), VD_OK);
    assert_int_equal(count, 1);
    assert_true(frames[0].is_last);
    assert_int_equal(vd_channel_reader_open(&reader, frames[0].data), VD_CHANNEL_OPENED);
    struct whole_batch batch = read_batch(&config, &content);
    assert_int_equal(content.len, number(expected, "batch_len"));
    check_span(&batch.span, span);
    /* The stream is not terminated: it ends where the batch does, without a last block. */
    assert_channel_ends(VD_CHANNEL_END);
    assert_encodes_back(&config, &batch.span, content);
    printf("%s: ok\n", path);
    json_decref(json);
}

static void
test_mainnet_batcher_transaction(void **state)
{
    (void)state;
    vd_arena_rewind(&arena, 0);
    (void)vd_vectors_walk("op/derive/batcher_tx", "tx.bin", check_mainnet_tx, NULL);
}

/* All items through frame queue and assembler.  False: no channel became whole. */
static bool
assemble(struct vd_assembler *a, const json_t *items)
{
    enum vd_assembled result = VD_ASSEMBLED_PART;
    for (size_t i = 0; i < json_array_size(items); i++) {
        struct vd_frame *frames;
        size_t count;
        struct vd_slice item = unhex(json_string_value(json_array_get(items, i)));
        assert_int_equal(vd_frames_decode(&frames, &count, &arena, item), VD_OK);
        count = vd_frames_prune(frames, count);
        for (size_t j = 0; j < count; j++)
            assert_int_equal(vd_assembler_add(a, &result, &frames[j], 1), VD_OK);
    }
    return result == VD_ASSEMBLED_WHOLE;
}

static void
check_block(const struct whole_batch *batch, size_t i, const json_t *expected)
{
    bool is_span = batch->type == VD_BATCH_SPAN;
    const struct vd_batch_block *block = is_span ? &batch->span.blocks[i] : &batch->singular.block;
    const json_t *txs = json_object_get(expected, "txs");
    if (!is_span) {
        assert_hash(batch->singular.parent_hash, text(expected, "parent_hash"));
        assert_hash(block->epoch_hash, text(expected, "l1_origin_hash"));
    }
    assert_int_equal(block->epoch_number, number(expected, "l1_origin_number"));
    assert_int_equal(block->timestamp, number(expected, "timestamp"));
    assert_int_equal(block->transaction_count, json_array_size(txs));
    for (size_t j = 0; j < block->transaction_count; j++) {
        struct vd_slice tx = unhex(json_string_value(json_array_get(txs, j)));
        assert_int_equal(block->transactions[j].len, tx.len);
        assert_memory_equal(block->transactions[j].ptr, tx.ptr, tx.len);
    }
}

static void
check_batches(const json_t *file, const struct vd_rollup_config *config)
{
    const json_t *blocks = json_object_get(file, "blocks");
    size_t at = 0;
    for (uint64_t i = 0; i < number(file, "batch_count"); i++) {
        struct vd_slice content;
        struct whole_batch batch = read_batch(config, &content);
        size_t n = 1;
        if (batch.type == VD_BATCH_SPAN) {
            const json_t *span = json_object_get(file, "span");
            struct vd_slice parent = unhex(text(span, "parent_check"));
            n = batch.span.block_count;
            assert_memory_equal(batch.span.parent_check, parent.ptr, 20);
            assert_encodes_back(config, &batch.span, content);
        }
        for (size_t j = 0; j < n; j++)
            check_block(&batch, j, json_array_get(blocks, at++));
    }
    assert_int_equal(at, json_array_size(blocks));
    assert_channel_ends(VD_CHANNEL_END);
}

static bool
in_order(const json_t *file)
{
    const json_t *order = json_object_get(file, "frame_order");
    for (size_t i = 0; i < json_array_size(order); i++) {
        if ((size_t)json_integer_value(json_array_get(order, i)) != i)
            return false;
    }
    return true;
}

static void
check_channel(void *ctx, const char *path)
{
    (void)ctx;
    json_t *file = vd_vectors_json(path);
    struct vd_rollup_config config = chain(
        number(file, "l2_chain_id"), number(file, "l2_genesis_time"), number(file, "block_time"));
    vd_arena_rewind(&arena, 0);
    if (strcmp(text(file, "carrier"), "calldata") != 0) {
        printf("%s: left out, this build has no blobs\n", path);
        json_decref(file);
        return;
    }
    struct vd_assembler a = {.cap = VD_CHANNEL_MAX_BYTES / 50};
    a.bytes = vd_arena_alloc(&arena, a.cap, 1);
    bool whole = assemble(&a, json_object_get(file, "batcher_data"));
    /* Frames out of order are dropped under Holocene's rules: the channel never becomes whole. */
    assert_int_equal(whole, in_order(file));
    if (whole) {
        struct vd_slice channel = vd_slice(a.bytes, a.len);
        assert_int_equal(channel.len, number(file, "channel_len"));
        assert_hash(vd_keccak256(channel), text(file, "channel_keccak"));
        assert_int_equal(vd_channel_reader_open(&reader, channel), VD_CHANNEL_OPENED);
        check_batches(file, &config);
    }
    printf("%s: %s\n", path, whole ? "ok" : "never whole, as it must");
    json_decref(file);
}

static void
test_channels_give_their_blocks(void **state)
{
    (void)state;
    (void)vd_vectors_walk("op/derive/channels", ".json", check_channel, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mainnet_span_batch_decodes_and_encodes_back),
        cmocka_unit_test(test_raw_span_batch_decodes_and_encodes_back),
        cmocka_unit_test(test_mainnet_batcher_transaction),
        cmocka_unit_test(test_channels_give_their_blocks),
    };
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    vd_arena_init(&scratch, malloc(ARENA_BYTES), ARENA_BYTES);
    reader.memory = malloc(vd_inflate_size());
    reader.brotli_memory = malloc(vd_brotli_size());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(arena.base);
    free(scratch.base);
    free(reader.memory);
    free(reader.brotli_memory);
    return failed;
}
