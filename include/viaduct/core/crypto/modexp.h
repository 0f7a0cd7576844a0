/* base^exponent mod modulus for big-endian numbers of any length (EIP-198, precompile 5). */
#ifndef VIADUCT_CORE_CRYPTO_MODEXP_H
#define VIADUCT_CORE_CRYPTO_MODEXP_H

#include "viaduct/core/base/arena.h"

/* vd_modexp writes exactly modulus.len bytes.  A modulus of zero (or of no bytes) gives zeros.
   Scratch is taken from arena and given back before it returns: at most 16 * (base.len +
   modulus.len) + 4096 bytes.  VD_ERR_NO_MEMORY: the arena is full. */
VD_MUST_USE enum vd_err vd_modexp(uint8_t *out, struct vd_arena *arena, struct vd_slice base,
                                  struct vd_slice exponent, struct vd_slice modulus);

#endif
