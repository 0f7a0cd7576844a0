/* Frames (OP Stack specs, derivation: batcher transaction and frame format):
   channelId(16) || frameNumber u16 || len u32 || data(len) || isLast u8. */
#include "viaduct/core/base/cursor.h"
#include "viaduct/core/rollup/batch.h"

enum {
    VERSION_0 = 0,
    MAX_FRAMES = 65536, /* numbers have 16 bits */
};

static struct vd_frame
read_frame(struct vd_cursor *cur)
{
    struct vd_frame frame = {0};
    struct vd_slice id = vd_cursor_take(cur, sizeof frame.id.b);
    frame.number = vd_cursor_be16(cur);
    uint32_t len = vd_cursor_be32(cur);
    if (len > VD_FRAME_MAX_DATA)
        cur->failed = true;
    frame.data = vd_cursor_take(cur, len);
    uint8_t last = vd_cursor_u8(cur);
    if (last > 1)
        cur->failed = true;
    if (!cur->failed)
        memcpy(frame.id.b, id.ptr, id.len);
    frame.is_last = last == 1;
    return frame;
}

/* The number of frames that fill bytes exactly; 0 when they do not. */
static size_t
count_frames(struct vd_slice bytes)
{
    struct vd_cursor cur = vd_cursor(bytes);
    size_t count = 0;
    while (vd_cursor_left(&cur) != 0 && !cur.failed) {
        (void)read_frame(&cur);
        count++;
    }
    return cur.failed ? 0 : count;
}

enum vd_err
vd_frames_decode(struct vd_frame **frames, size_t *count, struct vd_arena *arena,
                 struct vd_slice item)
{
    if (item.len == 0 || item.ptr[0] != VERSION_0)
        return VD_ERR_INVALID;
    struct vd_slice bytes = vd_slice(item.ptr + 1, item.len - 1);
    *count = count_frames(bytes);
    if (*count == 0)
        return VD_ERR_INVALID;
    *frames = VD_ARENA_NEW(arena, struct vd_frame, *count);
    if (*frames == NULL)
        return VD_ERR_NO_MEMORY;
    struct vd_cursor cur = vd_cursor(bytes);
    for (size_t i = 0; i < *count; i++)
        (*frames)[i] = read_frame(&cur);
    return VD_OK;
}

void
vd_frame_encode(struct vd_buf *buf, const struct vd_frame *frame)
{
    uint8_t number[2];
    vd_store_be16(number, frame->number);
    vd_buf_bytes(buf, frame->id.b, sizeof frame->id.b);
    vd_buf_bytes(buf, number, sizeof number);
    vd_buf_be32(buf, (uint32_t)frame->data.len);
    vd_buf_slice(buf, frame->data);
    vd_buf_byte(buf, frame->is_last);
}

enum vd_err
vd_channel_frames(struct vd_slice **frames, size_t *count, struct vd_arena *arena,
                  const struct vd_channel_id *id, struct vd_slice compressed, size_t max_frame)
{
    if (max_frame <= VD_FRAME_OVERHEAD)
        return VD_ERR_INVALID;
    size_t room = max_frame - VD_FRAME_OVERHEAD;
    if (room > VD_FRAME_MAX_DATA)
        room = VD_FRAME_MAX_DATA;
    size_t n = compressed.len == 0 ? 1 : (compressed.len - 1) / room + 1;
    if (n > MAX_FRAMES)
        return VD_ERR_TOO_LARGE;
    *frames = VD_ARENA_NEW(arena, struct vd_slice, n);
    if (*frames == NULL)
        return VD_ERR_NO_MEMORY;
    struct vd_cursor cur = vd_cursor(compressed);
    for (size_t i = 0; i < n; i++) {
        size_t left = vd_cursor_left(&cur);
        struct vd_frame frame = {.id = *id, .number = (uint16_t)i, .is_last = i + 1 == n};
        frame.data = vd_cursor_take(&cur, left < room ? left : room);
        struct vd_buf buf;
        vd_buf_init(&buf, arena);
        vd_frame_encode(&buf, &frame);
        if (buf.err != VD_OK)
            return buf.err;
        (*frames)[i] = vd_buf_view(&buf);
    }
    *count = n;
    return VD_OK;
}

static bool
same_id(const struct vd_channel_id *a, const struct vd_channel_id *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static void
put_empty_frame(struct vd_buf *out, const struct vd_channel_id *id, uint16_t number, bool is_last)
{
    struct vd_frame frame = {.id = *id, .number = number, .is_last = is_last};
    vd_frame_encode(out, &frame);
}

enum vd_err
vd_channel_force_close(struct vd_buf *out, const struct vd_frame *frames, size_t count)
{
    uint8_t seen[MAX_FRAMES / 8] = {0};
    const struct vd_frame *last = NULL;
    if (count == 0)
        return VD_ERR_INVALID;
    for (size_t i = 0; i < count; i++) {
        if (!same_id(&frames[i].id, &frames[0].id))
            return VD_ERR_INVALID;
        seen[frames[i].number / 8] |= (uint8_t)(1u << frames[i].number % 8);
        if (frames[i].is_last && last == NULL)
            last = &frames[i];
    }
    vd_buf_byte(out, VERSION_0);
    if (last == NULL) {
        put_empty_frame(out, &frames[0].id, 0, true);
        return out->err;
    }
    for (uint32_t i = 0; i < last->number; i++) {
        if ((seen[i / 8] & 1u << i % 8) == 0)
            put_empty_frame(out, &frames[0].id, (uint16_t)i, false);
    }
    return out->err;
}
