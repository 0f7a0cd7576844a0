#include "core/rollup/channel.h"

enum {
    FRAME_OVERHEAD_COUNTED = 200, /* what the limit counts per frame, whatever it takes on L1 */
    ZLIB_CM8 = 8,
    ZLIB_CM15 = 15,
    BROTLI = 1,
};

static bool
same_channel(const struct vd_frame *a, const struct vd_frame *b)
{
    return memcmp(a->id.b, b->id.b, sizeof a->id.b) == 0;
}

/* Section 7.3.  kept[0..n) is a stack: closed runs, and at its top the one still open.  A first
   frame of another channel throws the open run away; the pair below is then looked at again. */
static size_t
push_frame(struct vd_frame *kept, size_t n, const struct vd_frame *next)
{
    while (n > 0) {
        const struct vd_frame *cur = &kept[n - 1];
        if (same_channel(cur, next)) {
            if (cur->is_last || next->number != cur->number + 1)
                return n;
            break;
        }
        if (next->number != 0)
            return n;
        if (cur->is_last)
            break;
        n--;
    }
    kept[n] = *next;
    return n + 1;
}

size_t
vd_frames_prune(struct vd_frame *frames, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        struct vd_frame next = frames[i];
        n = push_frame(frames, n, &next);
    }
    return n;
}

bool
vd_assembler_expire(struct vd_assembler *a, uint64_t l1_number)
{
    if (!a->open || a->open_block + VD_CHANNEL_TIMEOUT >= l1_number)
        return false;
    a->open = false;
    return true;
}

static void
start_channel(struct vd_assembler *a, const struct vd_frame *frame, uint64_t l1_number)
{
    a->open = true;
    a->id = frame->id;
    a->open_block = l1_number;
    a->frame_count = 0;
    a->len = 0;
    a->size = 0;
}

enum vd_err
vd_assembler_add(struct vd_assembler *a, enum vd_assembled *result, const struct vd_frame *frame,
                 uint64_t l1_number)
{
    /* Frame 0 begins a channel, the same one again too. */
    if (frame->number == 0)
        start_channel(a, frame, l1_number);
    *result = VD_ASSEMBLED_DROPPED;
    if (!a->open || memcmp(a->id.b, frame->id.b, sizeof a->id.b) != 0 ||
        frame->number != a->frame_count)
        return VD_OK;
    uint64_t size = a->size + frame->data.len + FRAME_OVERHEAD_COUNTED;
    if (size > VD_CHANNEL_MAX_BYTES) {
        a->open = false;
        *result = VD_ASSEMBLED_TOO_BIG;
        return VD_OK;
    }
    if (frame->data.len > a->cap - a->len)
        return VD_ERR_NO_MEMORY;
    if (frame->data.len != 0)
        memcpy(a->bytes + a->len, frame->data.ptr, frame->data.len);
    a->len += frame->data.len;
    a->size = size;
    a->frame_count++;
    a->open = !frame->is_last;
    *result = frame->is_last ? VD_ASSEMBLED_WHOLE : VD_ASSEMBLED_PART;
    return VD_OK;
}

enum vd_channel_open
vd_channel_reader_open(struct vd_channel_reader *r, struct vd_slice channel)
{
    r->active = false;
    if (channel.len == 0)
        return VD_CHANNEL_BAD;
    uint8_t method = channel.ptr[0] & 0x0f;
    r->z = NULL;
    if (method == ZLIB_CM8 || method == ZLIB_CM15)
        r->z = vd_inflate_init(r->memory, channel);
    else if (channel.ptr[0] == BROTLI)
        r->brotli = vd_brotli_init(r->brotli_memory, vd_slice(channel.ptr + 1, channel.len - 1));
    else
        return VD_CHANNEL_BAD;
    r->left = VD_CHANNEL_MAX_BYTES;
    r->active = true;
    return VD_CHANNEL_OPENED;
}

/* False: the stream is at its end, well or badly. */
static bool
read_some(struct vd_channel_reader *r, uint8_t *out, size_t cap, size_t *len)
{
    if (r->z != NULL)
        return vd_inflate_read(r->z, out, cap, len) == VD_INFLATE_MORE;
    return vd_brotli_read(r->brotli, out, cap, len) == VD_BROTLI_MORE;
}

/* Up to len bytes; fewer only where the stream ends, well or badly. */
static size_t
read_bytes(struct vd_channel_reader *r, uint8_t *out, size_t len)
{
    size_t got = 0;
    while (got < len) {
        size_t n = 0;
        bool more = read_some(r, out + got, len - got, &n);
        got += n;
        if (!more)
            break;
    }
    r->left -= got;
    return got;
}

/* The header of an RLP string under the limit.  Each byte read counts, and the length announced
   must fit in what is left.  Content of one byte below 0x80 is its own header. */
static bool
read_header(struct vd_channel_reader *r, uint8_t first, size_t *len)
{
    uint8_t bytes[8];
    uint64_t value = 0;
    if (first < 0xb8) {
        *len = (size_t)(first - 0x80);
        return *len <= r->left;
    }
    size_t n = (size_t)(first - 0xb7);
    if (first >= 0xc0 || n > r->left || read_bytes(r, bytes, n) != n || bytes[0] == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    *len = (size_t)value;
    return value > 55 && value <= r->left;
}

/* Fills the arena as far as the stream goes, so that a false promise of length costs no memory
   that is not there. */
static enum vd_err
read_content(struct vd_channel_reader *r, bool *whole, struct vd_slice *content, size_t len,
             struct vd_arena *arena)
{
    size_t room = arena->size - arena->used;
    size_t want = len < room ? len : room;
    uint8_t *p = vd_arena_alloc(arena, want, 1);
    if (p == NULL)
        return VD_ERR_NO_MEMORY;
    *whole = read_bytes(r, p, want) == want;
    *content = vd_slice(p, want);
    return *whole && want < len ? VD_ERR_NO_MEMORY : VD_OK;
}

static enum vd_err
next_string(struct vd_channel_reader *r, bool *whole, struct vd_slice *content, uint8_t first,
            struct vd_arena *arena)
{
    size_t len;
    *whole = false;
    if (first < 0x80) {
        uint8_t *p = vd_arena_alloc(arena, 1, 1);
        if (p == NULL)
            return VD_ERR_NO_MEMORY;
        *p = first;
        *content = vd_slice(p, 1);
        *whole = true;
        return VD_OK;
    }
    if (!read_header(r, first, &len))
        return VD_OK;
    enum vd_err err = read_content(r, whole, content, len, arena);
    if (err == VD_OK && *whole && len == 1 && content->ptr[0] < 0x80)
        *whole = false; /* not canonical */
    return err;
}

enum vd_err
vd_channel_reader_next(struct vd_channel_reader *r, enum vd_channel_item *item,
                       struct vd_slice *content, struct vd_arena *arena)
{
    uint8_t first;
    bool whole;
    if (r->left == 0 || read_bytes(r, &first, 1) == 0) {
        r->active = false;
        *item = VD_CHANNEL_END;
        return VD_OK;
    }
    enum vd_err err = next_string(r, &whole, content, first, arena);
    if (err != VD_OK)
        return err;
    *item = whole ? VD_CHANNEL_BATCH : VD_CHANNEL_MALFORMED;
    r->active = whole;
    return VD_OK;
}
