/* Receipts, logs and blooms. */
#ifndef VIADUCT_CORE_CHAIN_RECEIPT_H
#define VIADUCT_CORE_CHAIN_RECEIPT_H

#include "viaduct/core/chain/tx.h"

/* What execution leaves of a transaction.  The first part is consensus, the rest is what RPC
   shows and cannot be had from the block alone without executing it again. */
struct vd_receipt {
    enum vd_tx_type type;
    bool success;
    uint64_t cumulative_gas_used;
    uint8_t bloom[256];
    const struct vd_log *logs;
    size_t log_count;
    /* Deposits (OP Stack specs, deposits: deposit receipt). */
    uint64_t deposit_nonce;
    uint64_t deposit_version; /* 1 */

    uint64_t gas_used;
    bool has_contract_address;
    struct vd_address contract_address;
};

/* The consensus form: type byte (none for legacy) and RLP. */
void vd_receipt_encode(struct vd_buf *buf, const struct vd_receipt *receipt);
/* Borrows log data from bytes, arrays in the arena; fills the consensus part only.
   VD_ERR_UNSUPPORTED: a type this build does not know (derivation passes over such
   a receipt, as op-node does). */
VD_MUST_USE enum vd_err vd_receipt_decode(struct vd_receipt *receipt, struct vd_arena *arena,
                                          struct vd_slice bytes);

/* rlp([[address, [topics], data], ...]). */
void vd_logs_encode(struct vd_buf *buf, const struct vd_log *logs, size_t count);

/* Yellow Paper 4.3.1: three of 2048 bits for every address and topic. */
void vd_bloom_add(uint8_t bloom[256], struct vd_slice item);
void vd_bloom_add_logs(uint8_t bloom[256], const struct vd_log *logs, size_t count);
bool vd_bloom_may_have(const uint8_t bloom[256], struct vd_slice item);

#endif
