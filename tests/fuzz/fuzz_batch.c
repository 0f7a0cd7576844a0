/* A decompressed batch: the model, which takes it apart at once, says the same of it; what decodes
   can be encoded and decodes to the same. */
#include "unit/core/rollup/batch_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ARENA_BYTES = 1 << 21,
    INPUT_MAX = 1 << 13, /* what decodes takes up to 72 times its size, twice */
};

static struct vd_slice
encode(const struct whole_batch *batch, struct vd_arena *arena, struct vd_arena *scratch,
       const struct vd_rollup_config *config)
{
    struct vd_buf buf;
    vd_buf_init(&buf, arena);
    enum vd_err err = batch->type == VD_BATCH_SPAN
                          ? vd_span_batch_encode(&buf, scratch, config, &batch->span)
                          : vd_singular_batch_encode(&buf, scratch, &batch->singular);
    VD_ASSERT(err == VD_OK);
    struct vd_rlp r = vd_rlp(vd_buf_view(&buf));
    struct vd_slice content = vd_rlp_string(&r);
    VD_ASSERT(vd_rlp_done(&r));
    return content;
}

/* Encodings of the same batch can differ in the length of a uvarint and in bytes left over: the
   second round is the fixed point. */
static void
check_round_trip(const struct whole_batch *batch, struct vd_arena *arena, struct vd_arena *scratch,
                 const struct vd_rollup_config *config)
{
    enum vd_batch_verdict verdict;
    struct whole_batch again;
    struct vd_slice first = encode(batch, arena, scratch, config);
    enum vd_err err = whole_batch_decode(&again, &verdict, arena, config, first);
    VD_ASSERT(err == VD_OK && verdict == VD_BATCH_OK && again.type == batch->type);
    struct vd_slice second = encode(&again, arena, scratch, config);
    VD_ASSERT(vd_slice_eq(first, second));
}

static void
check_block(const struct vd_batch_block *a, const struct vd_batch_block *b)
{
    VD_ASSERT(a->timestamp == b->timestamp && a->epoch_number == b->epoch_number);
    VD_ASSERT(vd_hash_eq(&a->epoch_hash, &b->epoch_hash));
    VD_ASSERT(a->transaction_count == b->transaction_count);
    for (size_t i = 0; i < a->transaction_count; i++)
        VD_ASSERT(vd_slice_eq(a->transactions[i], b->transactions[i]));
}

static void
check_model(const struct whole_batch *batch, const struct whole_batch *model)
{
    VD_ASSERT(batch->type == model->type);
    if (batch->type == VD_BATCH_SINGULAR) {
        VD_ASSERT(vd_hash_eq(&batch->singular.parent_hash, &model->singular.parent_hash));
        check_block(&batch->singular.block, &model->singular.block);
        return;
    }
    VD_ASSERT(batch->span.block_count == model->span.block_count);
    for (size_t i = 0; i < batch->span.block_count; i++)
        check_block(&batch->span.blocks[i], &model->span.blocks[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t rooms[2][ARENA_BYTES];
    struct vd_rollup_config config = {.genesis_l2_time = 1000, .block_time_s = 2};
    enum vd_batch_verdict verdict;
    enum vd_batch_verdict right;
    struct whole_batch batch;
    struct whole_batch model;
    struct vd_arena arena;
    struct vd_arena scratch;
    config.l2.chain_id = 901;
    if (size > INPUT_MAX)
        return 0;
    vd_arena_init(&arena, rooms[0], ARENA_BYTES);
    vd_arena_init(&scratch, rooms[1], ARENA_BYTES);
    struct vd_slice content = vd_slice(data, size);
    enum vd_err err = whole_batch_decode(&batch, &verdict, &arena, &config, content);
    VD_ASSERT(err == VD_OK);
    err = model_decode(&model, &right, &scratch, &config, content);
    VD_ASSERT(err == VD_OK && verdict == right);
    if (verdict == VD_BATCH_OK) {
        check_model(&batch, &model);
        vd_arena_rewind(&scratch, 0);
        check_round_trip(&batch, &arena, &scratch, &config);
    }
    return 0;
}
