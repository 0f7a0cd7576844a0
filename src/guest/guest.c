/* The fault-proof program in the machine: the configuration from the image, everything else from
   the oracle, the verdict as the exit code. */
#include "guest/calls.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/program/program.h"

#define MEMORY 0x02000000u

/* --- what core leaves to its surroundings --- */

void
vd_assert_failed(const char *expression, const char *file, int line)
{
    (void)file;
    (void)line;
    size_t len = 0;
    while (expression[len] != '\0') {
        len++;
    }
    vd_guest_call(VD_VM_CALL_WRITE, 2, (uint64_t)(uintptr_t)expression, len);
    vd_guest_exit(VD_VM_PANIC);
}

/* The machine's own permutation, on a buffer of the place that it wants. */
void
vd_keccak_f1600(uint64_t state[25])
{
    static _Alignas(256) uint64_t lanes[25];
    for (unsigned i = 0; i < 25; i++) {
        lanes[i] = state[i];
    }
    vd_guest_call(VD_VM_CALL_KECCAK, (uint64_t)(uintptr_t)lanes, 0, 0);
    for (unsigned i = 0; i < 25; i++) {
        state[i] = lanes[i];
    }
}

/* --- the oracle --- */

static _Alignas(32) struct vd_hash wanted;
static _Alignas(32) uint8_t part[32];

static uint64_t
read_part(uint8_t *to, uint32_t offset)
{
    return vd_guest_call(VD_VM_CALL_PREIMAGE, (uint64_t)(uintptr_t)wanted.b, offset,
                         (uint64_t)(uintptr_t)to);
}

static enum vd_err
oracle_get(void *ctx, struct vd_slice *out, struct vd_arena *arena, const struct vd_hash *key)
{
    (void)ctx;
    wanted = *key;
    read_part(part, 0);
    uint64_t len = vd_load_be64(part);
    uint64_t words = len / 32 + (len % 32 != 0);
    if (words > UINT32_MAX / 32) {
        return VD_ERR_NO_MEMORY;
    }
    uint8_t *room = vd_arena_alloc(arena, words * 32, 32);
    if (room == NULL) {
        return VD_ERR_NO_MEMORY;
    }
    for (uint64_t i = 0; i < words; i++) {
        read_part(room + 32 * i, (uint32_t)(8 + 32 * i));
    }
    *out = vd_slice(room, len);
    return VD_OK;
}

static enum vd_err
oracle_head(void *ctx, uint8_t out[64], const struct vd_hash *key)
{
    (void)ctx;
    wanted = *key;
    read_part(part, 8);
    memcpy(out, part, 32);
    read_part(part, 40);
    memcpy(out + 32, part, 32);
    return VD_OK;
}

/* --- the run --- */

static struct vd_rollup_config config;
static struct vd_oracle oracle = {.get = oracle_get, .head = oracle_head};
static struct vd_oracle_curves curves;
static struct vd_program program;

static bool
read_config(void)
{
    const uint8_t *at = (const uint8_t *)(uintptr_t)VD_VM_CONFIG;
    const char *reason = NULL;
    uint32_t len = vd_load_le32(at);
    return len <= VD_VM_CONFIG_MAX - 4 &&
           vd_rollup_config_decode(&config, vd_slice(at + 4, len)) == VD_OK &&
           vd_rollup_config_check(&config, &reason) == VD_OK;
}

void vd_guest_main(void);
void
vd_guest_main(void)
{
    struct vd_program_result result;
    if (!read_config()) {
        vd_guest_exit(VD_VM_PANIC);
    }
    vd_oracle_curves_init(&curves, &oracle);
    program = (struct vd_program){.config = &config, .curves = &curves.curves, .oracle = &oracle};
    vd_program_memory_init(&program.memory, (void *)(uintptr_t)MEMORY, VD_PROGRAM_MEMORY);
    enum vd_err err = vd_program_run(&program, &result);
    if (err != VD_OK || result.verdict == VD_PROGRAM_PANIC) {
        vd_guest_exit(VD_VM_PANIC);
    }
    vd_guest_exit(result.verdict == VD_PROGRAM_VALID ? VD_VM_VALID : VD_VM_INVALID);
}
