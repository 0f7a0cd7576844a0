#include "viaduct/node/fault/image.h"

#include <stdlib.h>
#include <uv.h>
#include <zlib.h>

#include "node/fault/image_bytes.h"

#define GZIP_WINDOW (16 + MAX_WBITS) /* zlib: a gzip header is expected */

static uv_once_t once = UV_ONCE_INIT;
static struct vd_slice elf;

/* The last four bytes of a gzip file are its length before compression (RFC 1952). */
static size_t
unpacked_len(void)
{
    VD_ASSERT(vd_guest_gz_len > 18);
    return vd_load_le32(vd_guest_gz + vd_guest_gz_len - 4);
}

/* What the build put in is sound, so only memory can be wanting. */
static void
unpack(void)
{
    size_t len = unpacked_len();
    uint8_t *bytes = malloc(len);
    /* Without ZLIB_CONST the field is not const; zlib only reads there. */
    z_stream z = {.next_in = (Bytef *)(uintptr_t)vd_guest_gz,
                  .avail_in = (uInt)vd_guest_gz_len,
                  .next_out = bytes,
                  .avail_out = (uInt)len};
    if (!bytes || inflateInit2(&z, GZIP_WINDOW) != Z_OK) {
        free(bytes);
        return;
    }
    int end = inflate(&z, Z_FINISH);
    VD_ASSERT(end == Z_STREAM_END || end == Z_MEM_ERROR);
    (void)inflateEnd(&z);
    if (end == Z_STREAM_END) {
        elf = vd_slice(bytes, len);
    } else {
        free(bytes);
    }
}

enum vd_err
vd_guest_image(struct vd_slice *image)
{
    uv_once(&once, unpack);
    *image = elf;
    return elf.ptr ? VD_OK : VD_ERR_NO_MEMORY;
}
