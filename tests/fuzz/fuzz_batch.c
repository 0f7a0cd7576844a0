/* A decompressed batch: what decodes can be encoded and decodes to the same. */
#include <stdlib.h>

#include "unit/core/rollup/whole_batch.h"
#include "viaduct/core/codec/rlp.h"
#include "viaduct/core/rollup/batch.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_rollup_config config = {.genesis_l2_time = 1000, .block_time_s = 2};
    enum vd_batch_verdict verdict;
    struct whole_batch batch;
    struct vd_arena arena;
    struct vd_arena scratch;
    config.l2.chain_id = 901;
    if (size > INPUT_MAX)
        return 0;
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    vd_arena_init(&scratch, malloc(ARENA_BYTES), ARENA_BYTES);
    enum vd_err err = whole_batch_decode(&batch, &verdict, &arena, &config, vd_slice(data, size));
    VD_ASSERT(err == VD_OK);
    if (verdict == VD_BATCH_OK)
        check_round_trip(&batch, &arena, &scratch, &config);
    free(arena.base);
    free(scratch.base);
    return 0;
}
