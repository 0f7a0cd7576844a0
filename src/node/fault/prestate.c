#include "viaduct/node/fault/prestate.h"

#include <stdio.h>

enum vd_err
vd_prestate_new(struct vd_machine **out, char *why, size_t why_size, struct vd_slice image,
                const struct vd_rollup_config *config)
{
    uint8_t bytes[4 + VD_CONFIG_MAX_BYTES];
    struct vd_vm_text text = VD_VM_GUEST_TEXT;
    size_t len = vd_rollup_config_encode(bytes + 4, config);
    vd_store_le32(bytes, (uint32_t)len);
    enum vd_err err = vd_elf_load(out, why, why_size, image, &text);
    if (err != VD_OK) {
        return err;
    }
    err = vd_machine_load(*out, VD_VM_CONFIG, vd_slice(bytes, 4 + len));
    if (err != VD_OK) {
        vd_machine_free(*out);
        *out = NULL;
        snprintf(why, why_size, "the configuration does not fit its place");
    }
    return err;
}
