/* A transaction as a span batch takes it apart (OP Stack specs, span batches). */
#ifndef VD_CORE_ROLLUP_SPAN_H
#define VD_CORE_ROLLUP_SPAN_H

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
/* The same for a tx_data that was read before, whole at p; its length. */
size_t vd_span_tx_split(struct vd_span_tx *tx, const uint8_t *p);
size_t vd_span_tx_data_len(const uint8_t *p);
void vd_span_tx_put_data(struct vd_buf *buf, const struct vd_span_tx *tx);
/* A whole EIP-2718 transaction.  False: not one that a span batch on this chain can hold. */
bool vd_span_tx_read(struct vd_span_tx *tx, uint64_t chain_id, struct vd_slice raw);
void vd_span_tx_put(struct vd_buf *buf, const struct vd_span_tx *tx, uint64_t chain_id);

/* Behind vd_batch_decode, with content less its type byte, and behind vd_batch_transactions. */
enum vd_batch_verdict vd_span_decode(struct vd_span *span, const struct vd_rollup_config *config,
                                     struct vd_slice content);
VD_MUST_USE enum vd_err vd_span_transactions(struct vd_slice *out, struct vd_arena *arena,
                                             const struct vd_batch_entry *entry);

#endif
