/* The host's elliptic curves: libsecp256k1. */
#ifndef VIADUCT_NODE_PLATFORM_CURVES_H
#define VIADUCT_NODE_PLATFORM_CURVES_H

#include "viaduct/core/crypto/curves.h"

/* Static; safe to use from any thread. */
const struct vd_curves *vd_curves_host(void);

/* The address of a private key.  VD_ERR_INVALID: zero or not below the group order. */
VD_MUST_USE enum vd_err vd_key_to_address(struct vd_address *address, const uint8_t secret[32]);
/* vd_sign_hash signs with RFC 6979's nonce and a low s (EIP-2).  VD_ERR_INVALID: no valid key. */
VD_MUST_USE enum vd_err vd_sign_hash(uint8_t signature[64], uint8_t *y_parity,
                                     const struct vd_hash *hash, const uint8_t secret[32]);

#endif
