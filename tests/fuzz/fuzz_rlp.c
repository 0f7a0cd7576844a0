/* What is read as one item and written again is the same bytes: there is one encoding. */
#include "viaduct/core/codec/rlp.h"

enum { VD_DEPTH = 64, VD_MEMORY = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Copies the items of stack[0], and what is in them, to buf; false when malformed or too deep. */
static bool
copy_items(struct vd_buf *buf, struct vd_rlp stack[VD_DEPTH])
{
    size_t marks[VD_DEPTH];
    for (unsigned depth = 0;;) {
        struct vd_rlp *top = &stack[depth];
        if (top->failed)
            return false;
        if (vd_rlp_is_list(top)) {
            if (depth + 1 == VD_DEPTH)
                return false;
            stack[++depth] = vd_rlp_list(top);
            marks[depth] = vd_rlp_begin(buf);
        } else if (vd_rlp_more(top)) {
            struct vd_slice bytes = vd_rlp_string(top);
            if (!top->failed)
                vd_rlp_put_string(buf, bytes);
        } else if (depth == 0) {
            return true;
        } else {
            vd_rlp_end(buf, marks[depth]);
            vd_rlp_close(&stack[depth - 1], top);
            depth--;
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[VD_MEMORY];
    struct vd_arena arena;
    struct vd_buf buf;
    struct vd_rlp stack[VD_DEPTH] = {vd_rlp(vd_slice(data, size))};
    vd_arena_init(&arena, memory, sizeof memory);
    vd_buf_init(&buf, &arena);
    bool failed;
    size_t count = vd_rlp_count(&stack[0], &failed);
    VD_ASSERT(!failed || count == 0);
    if (copy_items(&buf, stack)) {
        VD_ASSERT(!failed && buf.err == VD_OK);
        VD_ASSERT(vd_slice_eq(vd_buf_view(&buf), vd_slice(data, size)));
    }
    return 0;
}
