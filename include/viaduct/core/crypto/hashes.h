/* The other hashes that the EVM's precompiles and the protocol use. */
#ifndef VIADUCT_CORE_CRYPTO_HASHES_H
#define VIADUCT_CORE_CRYPTO_HASHES_H

#include "viaduct/core/base/bytes.h"

/* FIPS 180-4. */
struct vd_hash vd_sha256(struct vd_slice bytes);

/* RIPEMD-160 (Dobbertin, Bosselaers, Preneel 1996). */
void vd_ripemd160(uint8_t out[20], struct vd_slice bytes);

/* vd_blake2b_f is the compression function F of RFC 7693 section 3.2 with a free number of
   rounds, as EIP-152 calls it: h and m little-endian words already loaded. */
void vd_blake2b_f(uint64_t h[8], const uint64_t m[16], const uint64_t t[2], bool final_block,
                  uint32_t rounds);
/* The same as EIP-152 encodes it: rounds u32, h, m, t as little-endian words, a byte that is 1 for
   the last block (and 0 otherwise: the caller has checked). */
#define VD_BLAKE2F_INPUT 213u
void vd_blake2f(uint8_t out[64], const uint8_t input[VD_BLAKE2F_INPUT]);

#endif
