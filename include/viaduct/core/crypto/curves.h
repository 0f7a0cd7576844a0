/* What core may leave to others: on the host a library answers, in the fault-proof guest the
   preimage oracle, that is, L1's own precompile. */
#ifndef VIADUCT_CORE_CRYPTO_CURVES_H
#define VIADUCT_CORE_CRYPTO_CURVES_H

#include "viaduct/core/crypto/hashes.h"

struct vd_curves {
    void *ctx;
    /* recover gives the address that signed hash on secp256k1.  signature is r || s, big-endian;
       y_parity is 0 or 1.  *valid is false when no key fits (r or s zero or not below the group
       order, no such point): that is an answer, not an error.  A high s is accepted; whoever
       must refuse it (EIP-2) checks before.  Safe to call from several threads. */
    enum vd_err (*recover)(void *ctx, struct vd_address *out, bool *valid,
                           const struct vd_hash *hash, const uint8_t signature[64],
                           uint8_t y_parity);
    /* blake2f gives what vd_blake2f gives, or *answered false: core computes it.  NULL: core
       computes it always. */
    enum vd_err (*blake2f)(void *ctx, uint8_t out[64], bool *answered,
                           const uint8_t input[VD_BLAKE2F_INPUT]);
};

#endif
