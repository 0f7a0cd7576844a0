/* A compressed channel, read to its end; every batch in it is decoded. */
#include <stdlib.h>

#include "core/rollup/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 1 << 22 };

static void
read_all(struct vd_channel_reader *r, struct vd_arena *arena, const struct vd_rollup_config *config)
{
    uint64_t before = r->left + 1;
    while (r->active) {
        enum vd_channel_item item;
        struct vd_slice content;
        struct vd_batch batch;
        VD_ASSERT(r->left < before);
        before = r->left;
        vd_arena_rewind(arena, 0);
        if (vd_channel_reader_next(r, &item, &content, arena) != VD_OK)
            return;
        VD_ASSERT(r->active == (item == VD_CHANNEL_BATCH));
        if (item == VD_CHANNEL_BATCH)
            (void)vd_batch_decode(&batch, config, content);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_rollup_config config = {.genesis_l2_time = 1000, .block_time_s = 2};
    static void *brotli; /* kept: 18 MiB */
    brotli = brotli != NULL ? brotli : malloc(vd_brotli_size());
    struct vd_channel_reader reader = {.memory = malloc(vd_inflate_size()),
                                       .brotli_memory = brotli};
    struct vd_arena arena;
    config.l2.chain_id = 901;
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    if (vd_channel_reader_open(&reader, vd_slice(data, size)) == VD_CHANNEL_OPENED)
        read_all(&reader, &arena, &config);
    free(arena.base);
    free(reader.memory);
    return 0;
}
