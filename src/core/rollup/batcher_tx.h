/* L1 transactions to the batch inbox (OP Stack specs, derivation: L1 retrieval), read without
   memory: transactions of a block whose root was checked are valid, so only what matters here is
   looked at, and the hash that was signed is made from the bytes as they stand. */
#ifndef VD_CORE_ROLLUP_BATCHER_TX_H
#define VD_CORE_ROLLUP_BATCHER_TX_H

#include "viaduct/core/chain/tx.h"
#include "viaduct/core/crypto/curves.h"

struct vd_batcher_tx {
    uint8_t type;
    struct vd_address to;
    struct vd_slice data;
    struct vd_hash signing_hash;
    uint8_t signature[64];
    uint8_t y_parity;
};

/* False: not a call of types 0 to 3 to the inbox. */
bool vd_batcher_tx_read(struct vd_batcher_tx *tx, const struct vd_address *inbox,
                        struct vd_slice raw);
/* Whether batcher signed it. */
VD_MUST_USE enum vd_err vd_batcher_tx_is_from(bool *is_from, const struct vd_batcher_tx *tx,
                                              const struct vd_address *batcher,
                                              const struct vd_curves *curves);

#endif
