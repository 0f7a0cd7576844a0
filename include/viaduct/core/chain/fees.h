/* What an L2 transaction pays beside gas: the L1 data fee and the operator fee
   (OP Stack specs, Fjord and Isthmus execution engine). */
#ifndef VIADUCT_CORE_CHAIN_FEES_H
#define VIADUCT_CORE_CHAIN_FEES_H

#include "viaduct/core/base/constants.h"
#include "viaduct/core/chain/rules.h"

/* The L1Block contract's values that fees read. */
struct vd_l1_fee_params {
    struct vd_u256 l1_base_fee;
    struct vd_u256 blob_base_fee;
    uint32_t base_fee_scalar;
    uint32_t blob_base_fee_scalar;
    uint32_t operator_fee_scalar; /* both 0 before Isthmus */
    uint64_t operator_fee_constant;
};
/* Read from the state of the block in progress, after its attributes transaction.  Slot 8 is read
   only when with_operator_fee (a witness of an earlier fork does not hold it). */
VD_MUST_USE enum vd_err vd_l1_fee_params_read(struct vd_l1_fee_params *params,
                                              struct vd_state *state, bool with_operator_fee);

/* The length that FastLZ level 1 would compress bytes to (OP Stack specs, Fjord execution engine).
 */
uint32_t vd_flz_len(struct vd_slice bytes);
/* The estimated size of the Fjord L1 cost function, scaled by 1e6. */
struct vd_u256 vd_l1_estimated_size(struct vd_slice raw_tx);
struct vd_u256 vd_l1_size_of_flz(uint32_t flz_len);
struct vd_u256 vd_l1_fee(struct vd_slice raw_tx, const struct vd_l1_fee_params *params);
/* The same from a known estimate. */
struct vd_u256 vd_l1_fee_of_size(const struct vd_u256 *estimated,
                                 const struct vd_l1_fee_params *params);
uint64_t vd_l1_gas_used(struct vd_slice raw_tx);
struct vd_u256 vd_operator_fee(uint64_t gas, const struct vd_l1_fee_params *params);

#endif
