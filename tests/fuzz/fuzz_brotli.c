/* Any bytes: decompressed without a fault, the same whatever the pieces it is read in. */
#include <stdlib.h>
#include <string.h>

#include "viaduct/core/codec/brotli.h"

#define MOST 200000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
decode(void *memory, uint8_t *out, struct vd_slice in, size_t piece)
{
    struct vd_brotli *b = vd_brotli_init(memory, in);
    size_t total = 0;
    size_t n = 0;
    while (total + piece <= MOST && vd_brotli_read(b, out + total, piece, &n) == VD_BROTLI_MORE) {
        total += n;
        n = 0;
    }
    return total + n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t whole[MOST];
    static uint8_t pieces[MOST];
    static void *memory; /* kept: 18 MiB */
    memory = memory != NULL ? memory : malloc(vd_brotli_size());
    VD_ASSERT(memory != NULL);
    size_t a = decode(memory, whole, vd_slice(data, size), MOST);
    size_t b = decode(memory, pieces, vd_slice(data, size), 777);
    VD_ASSERT(b <= a && a - b < 777 && memcmp(whole, pieces, b) == 0);
    return 0;
}
