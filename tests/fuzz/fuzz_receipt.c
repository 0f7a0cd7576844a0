/* Receipts from outside: one encoding each. */
#include "viaduct/core/chain/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[8 << 20];
    struct vd_arena arena;
    struct vd_receipt receipt;
    struct vd_buf buf;
    vd_arena_init(&arena, memory, sizeof memory);
    /* A log takes at most nine times its bytes. */
    if (size > sizeof memory / 16)
        return 0;
    enum vd_err err = vd_receipt_decode(&receipt, &arena, vd_slice(data, size));
    VD_ASSERT(err == VD_OK || err == VD_ERR_INVALID || err == VD_ERR_UNSUPPORTED);
    if (err != VD_OK)
        return 0;
    vd_buf_init(&buf, &arena);
    vd_receipt_encode(&buf, &receipt);
    VD_ASSERT(vd_slice_eq(vd_buf_view(&buf), vd_slice(data, size)));
    vd_bloom_add_logs(receipt.bloom, receipt.logs, receipt.log_count);
    return 0;
}
