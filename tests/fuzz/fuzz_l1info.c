/* Calldata of the L1 attributes transaction, there and back. */
#include "viaduct/core/rollup/attributes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_l1_info info;
    uint8_t out[176];
    struct vd_slice calldata = vd_slice(data, size);
    if (vd_l1_info_decode(&info, calldata) == VD_OK) {
        size_t len = vd_l1_info_encode(out, &info);
        VD_ASSERT(vd_slice_eq(vd_slice(out, len), calldata));
    }
    return 0;
}
