/* Shared inside core/chain: transactions. */
#ifndef VIADUCT_SRC_CORE_CHAIN_TX_INTERNAL_H
#define VIADUCT_SRC_CORE_CHAIN_TX_INTERNAL_H

#include "viaduct/core/chain/tx.h"

/* vd_recover gives who signed hash; *valid false when y_parity is neither 0 nor 1, s lies in the
   upper half (EIP-2) or no key fits. */
VD_MUST_USE enum vd_err vd_recover(struct vd_address *signer, bool *valid,
                                   const struct vd_hash *hash, uint8_t y_parity,
                                   const struct vd_u256 *r, const struct vd_u256 *s,
                                   const struct vd_curves *curves);

#endif
