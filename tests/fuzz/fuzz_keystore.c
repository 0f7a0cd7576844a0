/* A key file's text: taken apart without a password, it never crashes, and what is stated comes
   back the same from the same text. */
#include "viaduct/node/platform/keystore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_address a;
    struct vd_address b;
    enum vd_err err = vd_keystore_address(&a, vd_slice(data, size));
    VD_ASSERT(vd_keystore_address(&b, vd_slice(data, size)) == err);
    VD_ASSERT(err == VD_OK || err == VD_ERR_NOT_FOUND || err == VD_ERR_INVALID);
    VD_ASSERT(err != VD_OK || vd_address_eq(&a, &b));
    return 0;
}
