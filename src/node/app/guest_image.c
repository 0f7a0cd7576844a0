#include "guest_image.h"

#include <stdio.h>

#include "viaduct/node/fault/image.h"
#include "viaduct/node/fault/prestate.h"

#define MAX_IMAGE ((size_t)16 << 20)

bool
vd_guest_image_open(struct vd_slice *image, const char *path, struct vd_arena *arena, char *error,
                    size_t error_len)
{
    if (!path) {
        if (vd_guest_image(image) == VD_OK) {
            return true;
        }
        snprintf(error, error_len, "no memory for the guest's image");
        return false;
    }
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = file ? vd_arena_alloc(arena, MAX_IMAGE + 1, 64) : NULL;
    size_t len = bytes ? fread(bytes, 1, MAX_IMAGE + 1, file) : 0;
    bool good = bytes && !ferror(file) && len <= MAX_IMAGE;
    if (file) {
        fclose(file);
    }
    if (!good) {
        snprintf(error, error_len, "cannot read the guest's image %.300s", path);
    }
    *image = vd_slice(bytes, len);
    return good;
}

bool
vd_guest_prestate(struct vd_hash *prestate, struct vd_slice image,
                  const struct vd_rollup_config *config, char *error, size_t error_len)
{
    struct vd_machine *machine = NULL;
    uint8_t state[VD_VM_STATE_BYTES];
    if (vd_prestate_new(&machine, error, error_len, image, config) != VD_OK) {
        return false;
    }
    vd_machine_state(machine, state);
    *prestate = vd_vm_state_hash(state);
    vd_machine_free(machine);
    return true;
}
