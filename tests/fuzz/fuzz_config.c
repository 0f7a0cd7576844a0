/* The chain's configuration as bytes: one encoding each, and a check that ends. */
#include "viaduct/core/rollup/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_rollup_config config;
    uint8_t again[VD_CONFIG_MAX_BYTES];
    const char *reason;
    enum vd_err err = vd_rollup_config_decode(&config, vd_slice(data, size));
    VD_ASSERT(err == VD_OK || err == VD_ERR_INVALID);
    if (err != VD_OK)
        return 0;
    size_t len = vd_rollup_config_encode(again, &config);
    VD_ASSERT(vd_slice_eq(vd_slice(again, len), vd_slice(data, size)));
    err = vd_rollup_config_check(&config, &reason);
    VD_ASSERT((err == VD_OK) == (reason == NULL));
    return 0;
}
