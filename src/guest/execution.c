/* The execution half alone (include/viaduct/core/program/block.h): one block, its hash against the
   one expected.  Of the configuration the rules of L2 count; the rest is not checked. */
#include "guest/calls.h"
#include "guest/guest.h"
#include "viaduct/core/program/block.h"

static struct vd_rollup_config config;
static struct vd_oracle oracle = {.get = vd_guest_oracle_get, .head = vd_guest_oracle_head};
static struct vd_oracle_curves curves;
static struct vd_program program;

void
vd_guest_main(void)
{
    struct vd_program_result result;
    struct vd_hash hash;
    if (!vd_guest_config(&config)) {
        vd_guest_exit(VD_VM_PANIC);
    }
    vd_oracle_curves_init(&curves, &oracle);
    program = (struct vd_program){.config = &config, .curves = &curves.curves, .oracle = &oracle};
    vd_program_memory_init(&program.memory, (void *)(uintptr_t)VD_GUEST_MEMORY, VD_PROGRAM_MEMORY);
    enum vd_err err = vd_execution_run(&program, &result, &hash);
    if (err != VD_OK || result.verdict == VD_PROGRAM_PANIC) {
        vd_guest_exit(VD_VM_PANIC);
    }
    vd_guest_exit(result.verdict == VD_PROGRAM_VALID ? VD_VM_VALID : VD_VM_INVALID);
}
