/* Executables from outside: refused or loaded, never more; what is loaded can run and has a
   witness. */
#include "viaduct/node/fault/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum vd_err
preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    (void)ctx;
    *value = vd_slice(key, 32);
    return VD_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_machine *m = NULL;
    struct vd_vm_host host = {.preimage = preimage};
    struct vd_vm_witness witness;
    char why[100] = "";
    enum vd_err err = vd_elf_load(&m, why, sizeof why, vd_slice(data, size), NULL);
    VD_ASSERT(err == VD_OK || err == VD_ERR_INVALID || err == VD_ERR_UNSUPPORTED);
    VD_ASSERT((err == VD_OK) == (why[0] == '\0'));
    if (err == VD_OK) {
        VD_ASSERT(vd_machine_run(m, 1000, &host) == VD_OK);
        vd_machine_witness(m, &witness);
        vd_machine_free(m);
    }
    return 0;
}
