/* However the output is cut into pieces, the bytes and the outcome are the same. */
#include <stdlib.h>

#include "viaduct/core/codec/inflate.h"

enum { VD_OUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads up to VD_OUT_MAX bytes in pieces of at most piece bytes. */
static enum vd_inflate_status
read_all(uint8_t *out, size_t *len, struct vd_slice input, size_t piece)
{
    static uint64_t memory[1 << 13];
    VD_ASSERT(vd_inflate_size() <= sizeof memory);
    struct vd_inflate *z = vd_inflate_init(memory, input);
    enum vd_inflate_status status = VD_INFLATE_MORE;
    *len = 0;
    while (status == VD_INFLATE_MORE && *len < VD_OUT_MAX) {
        size_t n;
        size_t want = VD_OUT_MAX - *len < piece ? VD_OUT_MAX - *len : piece;
        status = vd_inflate_read(z, out + *len, want, &n);
        VD_ASSERT(n <= want && (n == want || status != VD_INFLATE_MORE));
        *len += n;
    }
    return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t whole[VD_OUT_MAX];
    static uint8_t pieces[VD_OUT_MAX];
    size_t whole_len;
    size_t pieces_len;
    enum vd_inflate_status a = read_all(whole, &whole_len, vd_slice(data, size), VD_OUT_MAX);
    enum vd_inflate_status b = read_all(pieces, &pieces_len, vd_slice(data, size), 777);
    VD_ASSERT(a == b && whole_len == pieces_len);
    VD_ASSERT(memcmp(whole, pieces, whole_len) == 0);
    return 0;
}
