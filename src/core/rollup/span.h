/* A transaction as a span batch takes it apart (OP Stack specs, span batches). */
#ifndef VD_CORE_ROLLUP_SPAN_H
#define VD_CORE_ROLLUP_SPAN_H

#include "viaduct/core/base/cursor.h"
#include "viaduct/core/rollup/batch.h"

/* Everything borrows; 'items' are RLP items as they stand, headers included, next to each other. */
struct vd_span_tx {
    uint8_t type;
    struct vd_slice value_item;
    struct vd_slice price_items; /* gas price, or tip and fee cap */
    struct vd_slice data_item;
    struct vd_slice list_items; /* access list, authorisations */
    uint64_t nonce;
    uint64_t gas;
    struct vd_slice to; /* 20 bytes, or none for a creation */
    bool is_protected;  /* legacy: EIP-155 */
    uint8_t y_parity;
    struct vd_slice r; /* without leading zeros when read from a transaction */
    struct vd_slice s;
};

/* tx_data into the fields that it holds; false when it is of no known form. */
bool vd_span_tx_read_data(struct vd_span_tx *tx, struct vd_slice tx_data);
void vd_span_tx_put_data(struct vd_buf *buf, const struct vd_span_tx *tx);
/* A whole EIP-2718 transaction.  False: not one that a span batch on this chain can hold. */
bool vd_span_tx_read(struct vd_span_tx *tx, uint64_t chain_id, struct vd_slice raw);
void vd_span_tx_put(struct vd_buf *buf, const struct vd_span_tx *tx, uint64_t chain_id);

/* The decoder behind vd_batch_decode; content without the type byte. */
VD_MUST_USE enum vd_err vd_span_batch_decode(struct vd_span_batch *span,
                                             enum vd_batch_verdict *verdict, struct vd_arena *arena,
                                             const struct vd_rollup_config *config,
                                             struct vd_slice content);

#endif
