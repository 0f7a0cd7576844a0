/* Whole blocks from outside: one encoding each, ommers apart, which have no place in a valid one.
 */
#include "viaduct/core/chain/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[16 << 20];
    struct vd_arena arena;
    struct vd_block block;
    struct vd_buf buf;
    vd_arena_init(&arena, memory, sizeof memory);
    /* A transaction's slice takes sixteen times its smallest encoding. */
    if (size > sizeof memory / 32)
        return 0;
    enum vd_err err = vd_block_decode(&block, &arena, vd_slice(data, size));
    VD_ASSERT(err == VD_OK || err == VD_ERR_INVALID || err == VD_ERR_UNSUPPORTED);
    if (err != VD_OK || block.ommer_count != 0)
        return 0;
    vd_buf_init(&buf, &arena);
    vd_block_encode(&buf, &block);
    VD_ASSERT(vd_slice_eq(vd_buf_view(&buf), vd_slice(data, size)));
    return 0;
}
