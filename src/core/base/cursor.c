#include "viaduct/core/base/cursor.h"

/* The next len bytes, or NULL after marking the failure. */
static const uint8_t *
take(struct vd_cursor *cur, size_t len)
{
    if (cur->failed || len > vd_cursor_left(cur)) {
        cur->failed = true;
        return NULL;
    }
    const uint8_t *p = cur->ptr;
    if (len != 0)
        cur->ptr += len;
    return p;
}

struct vd_slice
vd_cursor_take(struct vd_cursor *cur, size_t len)
{
    const uint8_t *p = take(cur, len);
    return vd_slice(p, p == NULL ? 0 : len);
}

uint8_t
vd_cursor_u8(struct vd_cursor *cur)
{
    const uint8_t *p = take(cur, 1);
    return p == NULL ? 0 : *p;
}

uint16_t
vd_cursor_be16(struct vd_cursor *cur)
{
    const uint8_t *p = take(cur, 2);
    return p == NULL ? 0 : vd_load_be16(p);
}

uint32_t
vd_cursor_be32(struct vd_cursor *cur)
{
    const uint8_t *p = take(cur, 4);
    return p == NULL ? 0 : vd_load_be32(p);
}

uint64_t
vd_cursor_be64(struct vd_cursor *cur)
{
    const uint8_t *p = take(cur, 8);
    return p == NULL ? 0 : vd_load_be64(p);
}

struct vd_hash
vd_cursor_hash(struct vd_cursor *cur)
{
    struct vd_hash hash = {{0}};
    const uint8_t *p = take(cur, sizeof hash.b);
    if (p != NULL)
        memcpy(hash.b, p, sizeof hash.b);
    return hash;
}

struct vd_address
vd_cursor_address(struct vd_cursor *cur)
{
    struct vd_address address = {{0}};
    const uint8_t *p = take(cur, sizeof address.b);
    if (p != NULL)
        memcpy(address.b, p, sizeof address.b);
    return address;
}

uint64_t
vd_cursor_uvarint(struct vd_cursor *cur)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = vd_cursor_u8(cur);
        if (cur->failed)
            return 0;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    cur->failed = true;
    return 0;
}
