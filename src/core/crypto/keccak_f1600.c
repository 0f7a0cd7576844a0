/* Keccak-f[1600].  A file of its own because the fault-proof guest has a system call instead. */
#include "core/crypto/keccak_internal.h"

#define VD_LANE uint64_t
#define VD_KECCAK_ROUND keccak_round
#define VD_KECCAK_TARGET
#define VD_LANE_XOR(x, y) ((x) ^ (y))
#define VD_LANE_XOR5(p, q, r, s, t) ((p) ^ (q) ^ (r) ^ (s) ^ (t))
#define VD_LANE_ROTL(x, n) ((x) << (n) | (x) >> (64 - (n)))
#define VD_LANE_CHI(x, y, z) ((x) ^ (~(y) & (z)))
#include "core/crypto/keccak_round.inc"

void
vd_keccak_f1600_plain(uint64_t state[25])
{
    uint64_t other[25];
    for (unsigned i = 0; i < VD_KECCAK_ROUNDS; i += 2) {
        keccak_round(other, state, vd_keccak_constants[i]);
        keccak_round(state, other, vd_keccak_constants[i + 1]);
    }
}

void
vd_keccak_f1600(uint64_t state[25])
{
#if VD_KECCAK_X86
    if (__builtin_cpu_supports("bmi2")) {
        vd_keccak_f1600_bmi2(state);
        return;
    }
#endif
    vd_keccak_f1600_plain(state);
}
