/* What core and the program leave to their surroundings, by system calls of the machine. */
#include "guest/guest.h"

#include "guest/calls.h"
#include "viaduct/core/crypto/keccak.h"

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
    if (((uintptr_t)state & 255) == 0) {
        vd_guest_call(VD_VM_CALL_KECCAK, (uint64_t)(uintptr_t)state, 0, 0);
        return;
    }
#pragma GCC unroll 25
    for (unsigned i = 0; i < 25; i++) {
        lanes[i] = state[i];
    }
    vd_guest_call(VD_VM_CALL_KECCAK, (uint64_t)(uintptr_t)lanes, 0, 0);
#pragma GCC unroll 25
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

enum vd_err
vd_guest_oracle_get(void *ctx, struct vd_slice *out, struct vd_arena *arena,
                    const struct vd_hash *key)
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

enum vd_err
vd_guest_oracle_head(void *ctx, uint8_t out[64], const struct vd_hash *key)
{
    (void)ctx;
    wanted = *key;
    read_part(part, 8);
    memcpy(out, part, 32);
    read_part(part, 40);
    memcpy(out + 32, part, 32);
    return VD_OK;
}

/* --- the configuration --- */

bool
vd_guest_config(struct vd_rollup_config *config)
{
    const uint8_t *at = (const uint8_t *)(uintptr_t)VD_VM_CONFIG;
    uint32_t len = vd_load_le32(at);
    return len <= VD_VM_CONFIG_MAX - 4 &&
           vd_rollup_config_decode(config, vd_slice(at + 4, len)) == VD_OK;
}
