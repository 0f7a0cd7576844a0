/* zlib (RFC 1950) and deflate (RFC 1951) decompression, as a stream.

   Derivation reads a channel one batch at a time and must see every byte that comes before an
   error in the stream (OP Stack specs, derivation, channel format; the reader of Go's
   compress/zlib is the reference, a checksum error shows only at the end).  Output leaves through a
   window of 32 KiB; nothing here grows with the data. */
#ifndef VIADUCT_CORE_CODEC_INFLATE_H
#define VIADUCT_CORE_CODEC_INFLATE_H

#include "viaduct/core/base/bytes.h"

enum vd_inflate_status {
    VD_INFLATE_MORE, /* out is full; call again for more */
    VD_INFLATE_END,  /* the stream ended where it should, checksum right */
    VD_INFLATE_BAD,  /* malformed, truncated or wrong checksum; bytes given out before count */
};

struct vd_inflate; /* about 48 KiB */
size_t vd_inflate_size(void);

/* vd_inflate_init makes a decompressor in memory of vd_inflate_size() bytes, aligned to 8.
   input is the whole zlib stream and stays borrowed while the decompressor is in use; what follows
   its checksum is ignored.  A preset dictionary (FDICT) is refused as malformed, unless it is the
   empty one, which Go's reader takes for its own. */
struct vd_inflate *vd_inflate_init(void *memory, struct vd_slice input);

/* vd_inflate_read writes up to cap bytes to out and their number to *len.  The bytes that come with
   END or BAD are the last; after it there are no more bytes and the same status. */
enum vd_inflate_status vd_inflate_read(struct vd_inflate *z, uint8_t *out, size_t cap, size_t *len);

#endif
