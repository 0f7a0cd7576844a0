/* Shared by the files of Keccak: its constants, and what the x86-64 build adds. */
#ifndef VIADUCT_CORE_CRYPTO_KECCAK_INTERNAL_H
#define VIADUCT_CORE_CRYPTO_KECCAK_INTERNAL_H

#include "viaduct/core/crypto/keccak.h"

enum {
    VD_KECCAK_RATE = 136, /* bytes per block of Keccak-256 */
    VD_KECCAK_ROUNDS = 24,
};

/* FIPS 202, 3.2.5: the constants of iota. */
static const uint64_t vd_keccak_constants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* The permutation in plain C, whatever the processor has. */
void vd_keccak_f1600_plain(uint64_t state[25]);

/* Several states at once, where the processor can; freestanding builds have no way to ask it. */
#if __STDC_HOSTED__ && defined(__x86_64__)
#define VD_KECCAK_X86 1

enum { VD_KECCAK_MAX_LANES = 8 };

/* The same permutation with BMI2's three-operand rotation and BMI's and-not. */
void vd_keccak_f1600_bmi2(uint64_t state[25]);

/* How many states the next function can take: 8 with AVX-512F, 4 with AVX2, else 1. */
unsigned vd_keccak_x86_lanes(void);

/* vd_keccak_x86_hash hashes lanes messages that all have the same number of blocks
   (len / 136 + 1).  lanes is 8 or 4, and not more than vd_keccak_x86_lanes says. */
void vd_keccak_x86_hash(struct vd_hash *const out[], const struct vd_slice *const in[],
                        unsigned lanes);
#else
#define VD_KECCAK_X86 0
#endif

#endif
