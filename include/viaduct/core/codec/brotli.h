/* Brotli decompression (RFC 7932), as a stream.

   Derivation reads a channel one batch at a time and must see every byte that comes before an
   error in the stream (OP Stack specs, derivation, channel format).  The window is at most 16 MiB;
   nothing here grows with the data. */
#ifndef VIADUCT_CORE_CODEC_BROTLI_H
#define VIADUCT_CORE_CODEC_BROTLI_H

#include "viaduct/core/base/bytes.h"

enum vd_brotli_status {
    VD_BROTLI_MORE, /* out is full; call again for more */
    VD_BROTLI_END,  /* the stream ended where it should */
    VD_BROTLI_BAD,  /* malformed or truncated; bytes given out before count */
};

struct vd_brotli; /* about 18 MiB */
size_t vd_brotli_size(void);

/* vd_brotli_init makes a decompressor in memory of vd_brotli_size() bytes, aligned to 8.  input is
   the whole stream and stays borrowed while the decompressor is in use; what follows its end is
   ignored.  Windows beyond RFC 7932's (large-window brotli) are refused as malformed. */
struct vd_brotli *vd_brotli_init(void *memory, struct vd_slice input);

/* vd_brotli_read writes up to cap bytes to out and their number to *len.  The bytes that come with
   END or BAD are the last; after it there are no more bytes and the same status. */
enum vd_brotli_status vd_brotli_read(struct vd_brotli *b, uint8_t *out, size_t cap, size_t *len);

#endif
