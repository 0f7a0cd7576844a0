/* From an L1 block to the transactions that an L2 block must begin with: the L1 attributes deposit
   and the user deposits (OP Stack specs, deposits; derivation, payload attributes). */
#ifndef VIADUCT_CORE_ROLLUP_ATTRIBUTES_H
#define VIADUCT_CORE_ROLLUP_ATTRIBUTES_H

#include "viaduct/core/rollup/config.h"

/* Calldata of the L1 attributes transaction (OP Stack specs, L1 attributes), Ecotone or Isthmus
 * form. */
struct vd_l1_info {
    bool isthmus;
    uint32_t base_fee_scalar;
    uint32_t blob_base_fee_scalar;
    uint64_t sequence_number;
    uint64_t timestamp;
    uint64_t number;
    struct vd_u256 base_fee;
    struct vd_u256 blob_base_fee;
    struct vd_hash hash;
    struct vd_hash batcher_hash;
    uint32_t operator_fee_scalar;
    uint64_t operator_fee_constant;
};
/* Writes 164 or 176 bytes and returns the number. */
size_t vd_l1_info_encode(uint8_t out[176], const struct vd_l1_info *info);
/* VD_ERR_INVALID: wrong selector or length.  VD_ERR_UNSUPPORTED: a form this build does not know
   (Jovian's selector). */
VD_MUST_USE enum vd_err vd_l1_info_decode(struct vd_l1_info *info, struct vd_slice calldata);

/* The source hash (OP Stack specs, deposits); domain 0 (user deposit), 1 (L1 attributes), 2
   (upgrade: inner is the hash of the intent and index is not used). */
struct vd_hash vd_source_hash(uint64_t domain, const struct vd_hash *inner, uint64_t index);

/* One TransactionDeposited log into the EIP-2718 bytes of a deposit.  log_index is block-wide.
   VD_ERR_INVALID: malformed; derivation stops, it never skips one (OP Stack specs, derivation:
   deriving the transaction list). */
VD_MUST_USE enum vd_err vd_deposit_from_log(struct vd_buf *out, const struct vd_log *log,
                                            const struct vd_hash *l1_block_hash,
                                            uint64_t log_index);

/* All deposits of one L1 block's receipts, in order; *deposits is in the arena. */
VD_MUST_USE enum vd_err vd_deposits_read(struct vd_slice **deposits, size_t *count,
                                         struct vd_arena *arena, const struct vd_address *portal,
                                         const struct vd_hash *l1_block_hash,
                                         const struct vd_receipt *receipts, size_t receipt_count);

/* The same from the receipts' consensus bytes, those of unknown types included as far as they can
   be read, as op-node does.  Slices and bytes are in the arena, nothing else is left there.
   VD_ERR_INVALID: a deposit or a receipt of a known type is malformed. */
VD_MUST_USE enum vd_err vd_deposits_read_raw(struct vd_slice **deposits, size_t *count,
                                             struct vd_arena *arena,
                                             const struct vd_address *portal,
                                             const struct vd_hash *l1_block_hash,
                                             const struct vd_slice *receipts, size_t receipt_count);

/* Payload attributes: everything that fixes an L2 block (OP Stack specs, derivation: payload
 * attributes). */
struct vd_attributes {
    struct vd_l2_ref parent;
    struct vd_block_env env; /* extra_data whole, params of 0,0 already resolved */
    struct vd_l1_ref origin;
    uint64_t sequence_number;
    const struct vd_slice *transactions; /* deposits first */
    size_t transaction_count;
    size_t deposit_count;          /* forced transactions at the front, upgrades included */
    bool no_tx_pool;               /* the block may hold nothing else (drift limit, or derived) */
    struct vd_l1_ref derived_from; /* the L1 block that completed it; zero for a sequencer's own */
};

/* What of an L1 block the attributes need. */
struct vd_l1_origin {
    const struct vd_header *header;
    struct vd_hash hash;
    const struct vd_slice *deposits; /* used when the epoch opens */
    size_t deposit_count;
};

/* vd_attributes_build makes the attributes of the block on parent with the L1 origin given.
   system is the attributes copy after parent, with the origin's own updates applied when it opens
   the epoch.  user holds the batch's transactions (none for a sequencer).  All in the arena.
   no_tx_pool says only whether the origin's drift is used up; derivation sets it always.
   VD_ERR_MISMATCH: origin does not follow the parent's, or is younger than the block (reset).
   VD_ERR_UNSUPPORTED: no rules, or no blob fee parameters, for that time. */
VD_MUST_USE enum vd_err vd_attributes_build(struct vd_attributes *out, struct vd_arena *arena,
                                            const struct vd_rollup_config *config,
                                            const struct vd_l2_ref *parent,
                                            const struct vd_system_config *system,
                                            const struct vd_l1_origin *origin,
                                            const struct vd_slice *user, size_t user_count);

/* vd_attributes_match compares with a block that exists already (OP Stack specs, derivation:
 * L1-consolidation). */
bool vd_attributes_match(const struct vd_attributes *attributes, const struct vd_header *header,
                         const struct vd_slice *transactions, size_t count);

#endif
