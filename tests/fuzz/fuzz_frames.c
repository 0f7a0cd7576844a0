/* A data item: frames there and back, pruned, assembled. */
#include <stdlib.h>

#include "core/rollup/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 1 << 22 };

static void
check_assembly(struct vd_frame *frames, size_t count, struct vd_arena *arena, size_t cap)
{
    enum vd_assembled result;
    struct vd_assembler a = {.bytes = vd_arena_alloc(arena, cap, 1), .cap = cap};
    VD_ASSERT(a.bytes != NULL);
    size_t left = vd_frames_prune(frames, count);
    VD_ASSERT(left <= count && (count == 0 || left > 0));
    for (size_t i = 0; i < left; i++) {
        (void)vd_assembler_expire(&a, i);
        enum vd_err err = vd_assembler_add(&a, &result, &frames[i], i);
        VD_ASSERT(err == VD_OK && a.len <= a.cap);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_arena arena;
    struct vd_frame *frames;
    size_t count;
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    struct vd_slice item = vd_slice(data, size);
    if (size < 1 << 16 && vd_frames_decode(&frames, &count, &arena, item) == VD_OK) {
        struct vd_buf buf;
        vd_buf_init(&buf, &arena);
        vd_buf_byte(&buf, 0);
        for (size_t i = 0; i < count; i++)
            vd_frame_encode(&buf, &frames[i]);
        VD_ASSERT(buf.err == VD_OK && vd_slice_eq(vd_buf_view(&buf), item));
        check_assembly(frames, count, &arena, size);
    }
    free(arena.base);
    return 0;
}
