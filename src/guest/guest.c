/* The fault-proof program in the machine: the configuration from the image, everything else from
   the oracle, the verdict as the exit code. */
#include "guest/guest.h"

#include "guest/calls.h"

static struct vd_rollup_config config;
static struct vd_oracle oracle = {.get = vd_guest_oracle_get, .head = vd_guest_oracle_head};
static struct vd_oracle_curves curves;
static struct vd_program program;

void
vd_guest_main(void)
{
    struct vd_program_result result;
    const char *reason = NULL;
    if (!vd_guest_config(&config) || vd_rollup_config_check(&config, &reason) != VD_OK) {
        vd_guest_exit(VD_VM_PANIC);
    }
    vd_oracle_curves_init(&curves, &oracle);
    program = (struct vd_program){.config = &config, .curves = &curves.curves, .oracle = &oracle};
    vd_program_memory_init(&program.memory, (void *)(uintptr_t)VD_GUEST_MEMORY, VD_PROGRAM_MEMORY);
    enum vd_err err = vd_program_run(&program, &result);
    if (err != VD_OK || result.verdict == VD_PROGRAM_PANIC) {
        vd_guest_exit(VD_VM_PANIC);
    }
    vd_guest_exit(result.verdict == VD_PROGRAM_VALID ? VD_VM_VALID : VD_VM_INVALID);
}
