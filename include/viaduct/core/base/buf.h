/* A byte buffer that grows inside an arena.  Failure is sticky: write on, check buf.err once.
   The last buffer of an arena grows in place, any other by copying. */
#ifndef VIADUCT_CORE_BASE_BUF_H
#define VIADUCT_CORE_BASE_BUF_H

#include "viaduct/core/base/arena.h"

struct vd_buf {
    struct vd_arena *arena;
    uint8_t *ptr;
    size_t len;
    size_t cap;
    enum vd_err err; /* VD_OK or VD_ERR_NO_MEMORY */
};

static inline void
vd_buf_init(struct vd_buf *buf, struct vd_arena *arena)
{
    *buf = (struct vd_buf){.arena = arena};
}

/* vd_buf_extend returns room for len more bytes at the end, uninitialised, counted in buf->len;
   NULL once the buffer has failed. */
uint8_t *vd_buf_extend(struct vd_buf *buf, size_t len);
void vd_buf_byte(struct vd_buf *buf, uint8_t byte);
void vd_buf_bytes(struct vd_buf *buf, const uint8_t *bytes, size_t len);
void vd_buf_slice(struct vd_buf *buf, struct vd_slice bytes);
void vd_buf_be32(struct vd_buf *buf, uint32_t value);
void vd_buf_be64(struct vd_buf *buf, uint64_t value);

/* The bytes written so far; they move when the buffer grows. */
static inline struct vd_slice
vd_buf_view(const struct vd_buf *buf)
{
    return vd_slice(buf->ptr, buf->len);
}

#endif
