#include "viaduct/core/base/buf.h"

enum { VD_BUF_MIN_CAP = 64 };

/* Whether nothing was allocated in the arena after the buffer. */
static bool
is_last(const struct vd_buf *buf)
{
    return buf->ptr != NULL && buf->ptr + buf->cap == buf->arena->base + buf->arena->used;
}

/* Makes room for need bytes in all, in place. */
static bool
grow_in_place(struct vd_buf *buf, size_t need)
{
    struct vd_arena *arena = buf->arena;
    size_t more = need - buf->cap;
    if (more > arena->size - arena->used)
        return false;
    arena->used += more;
    buf->cap = need;
    return true;
}

/* Moves the buffer to the end of the arena.  Twice the room if there is that much left, so that
   a run of small writes is copied a logarithmic number of times. */
static bool
grow_by_copy(struct vd_buf *buf, size_t need)
{
    size_t cap = buf->cap < VD_BUF_MIN_CAP / 2 ? VD_BUF_MIN_CAP : buf->cap * 2;
    if (cap < need)
        cap = need;
    uint8_t *p = vd_arena_alloc(buf->arena, cap, 8);
    if (p == NULL) {
        cap = need;
        p = vd_arena_alloc(buf->arena, cap, 8);
    }
    if (p == NULL)
        return false;
    if (buf->len != 0)
        memcpy(p, buf->ptr, buf->len);
    buf->ptr = p;
    buf->cap = cap;
    return true;
}

uint8_t *
vd_buf_extend(struct vd_buf *buf, size_t len)
{
    if (buf->err != VD_OK)
        return NULL;
    size_t need;
    bool fits = !__builtin_add_overflow(buf->len, len, &need);
    if (fits && (need > buf->cap || buf->ptr == NULL))
        fits = is_last(buf) ? grow_in_place(buf, need) : grow_by_copy(buf, need);
    if (!fits) {
        buf->err = VD_ERR_NO_MEMORY;
        return NULL;
    }
    uint8_t *p = buf->ptr + buf->len;
    buf->len = need;
    return p;
}

void
vd_buf_byte(struct vd_buf *buf, uint8_t byte)
{
    uint8_t *p = vd_buf_extend(buf, 1);
    if (p != NULL)
        *p = byte;
}

void
vd_buf_bytes(struct vd_buf *buf, const uint8_t *bytes, size_t len)
{
    uint8_t *p = vd_buf_extend(buf, len);
    if (p != NULL && len != 0)
        memcpy(p, bytes, len);
}

void
vd_buf_slice(struct vd_buf *buf, struct vd_slice bytes)
{
    vd_buf_bytes(buf, bytes.ptr, bytes.len);
}

void
vd_buf_be32(struct vd_buf *buf, uint32_t value)
{
    uint8_t *p = vd_buf_extend(buf, 4);
    if (p != NULL)
        vd_store_be32(p, value);
}

void
vd_buf_be64(struct vd_buf *buf, uint64_t value)
{
    uint8_t *p = vd_buf_extend(buf, 8);
    if (p != NULL)
        vd_store_be64(p, value);
}
