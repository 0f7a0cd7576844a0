/* A read position in borrowed bytes, with sticky failure: a parser reads everything it expects
   and checks once at the end.  After a failure every read returns zeros or an empty slice. */
#ifndef VIADUCT_CORE_BASE_CURSOR_H
#define VIADUCT_CORE_BASE_CURSOR_H

#include "viaduct/core/base/bytes.h"

struct vd_cursor {
    const uint8_t *ptr;
    const uint8_t *end;
    bool failed;
};

static inline struct vd_cursor
vd_cursor(struct vd_slice bytes)
{
    /* An empty slice may have no address, and NULL + 0 is undefined in C. */
    const uint8_t *end = bytes.len == 0 ? bytes.ptr : bytes.ptr + bytes.len;
    return (struct vd_cursor){.ptr = bytes.ptr, .end = end};
}

static inline size_t
vd_cursor_left(const struct vd_cursor *cur)
{
    return (size_t)(cur->end - cur->ptr);
}

struct vd_slice vd_cursor_take(struct vd_cursor *cur, size_t len);
uint8_t vd_cursor_u8(struct vd_cursor *cur);
uint16_t vd_cursor_be16(struct vd_cursor *cur);
uint32_t vd_cursor_be32(struct vd_cursor *cur);
uint64_t vd_cursor_be64(struct vd_cursor *cur);
struct vd_hash vd_cursor_hash(struct vd_cursor *cur);
struct vd_address vd_cursor_address(struct vd_cursor *cur);

/* An unsigned LEB128 of at most 64 bits: at most 10 bytes, the tenth at most 1.  Longer than
   minimal encodings are read, as op-node does (OP Stack specs, span batches). */
uint64_t vd_cursor_uvarint(struct vd_cursor *cur);

#endif
