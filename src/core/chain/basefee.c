/* Base fees: of gas (EIP-1559, and Holocene's on L2) and of blob gas (EIP-4844). */
#include "viaduct/core/chain/header.h"

#define GAS_PER_BLOB 131072u

/* Saturates: a fee beyond 2^160 is as good as no blob at all, and no balance ever pays it. */
struct vd_u256
vd_blob_base_fee(uint64_t excess_blob_gas, uint64_t update_fraction)
{
    /* EIP-4844, fake_exponential(1, excess, fraction). */
    struct vd_u256 numerator = vd_u256(excess_blob_gas);
    struct vd_u256 fraction = vd_u256(update_fraction);
    struct vd_u256 sum = vd_u256(0);
    struct vd_u256 term = fraction;
    for (uint64_t i = 1; !vd_u256_is_zero(&term); i++) {
        struct vd_u256 divisor = vd_u256(i);
        divisor = vd_u256_mul(&divisor, &fraction);
        bool overflow = vd_u256_add_overflow(&sum, &sum, &term);
        overflow |= vd_u256_mul_overflow(&term, &term, &numerator);
        if (overflow)
            return vd_u256_not(&(struct vd_u256){{0}});
        term = vd_u256_div(&term, &divisor);
    }
    return vd_u256_div(&sum, &fraction);
}

uint64_t
vd_next_excess_blob_gas(const struct vd_header *parent, const struct vd_blob_params *params)
{
    uint64_t target = (uint64_t)params->target * GAS_PER_BLOB;
    uint64_t sum;
    if (__builtin_add_overflow(parent->excess_blob_gas, parent->blob_gas_used, &sum))
        sum = UINT64_MAX;
    return sum < target ? 0 : sum - target;
}

/* EIP-1559.  base * distance / target / denominator, a division each. */
static struct vd_u256
fee_change(const struct vd_u256 *base, uint64_t distance, uint64_t target, uint64_t denominator)
{
    struct vd_u256 factor = vd_u256(distance);
    struct vd_u256 change = vd_u256_mul(base, &factor);
    (void)vd_u256_div_u64(&change, target);
    (void)vd_u256_div_u64(&change, denominator);
    return change;
}

static struct vd_u256
next_base_fee(const struct vd_header *parent, uint64_t elasticity, uint64_t denominator)
{
    const struct vd_u256 *base = &parent->base_fee;
    uint64_t target = parent->gas_limit / elasticity;
    if (parent->gas_used == target || target == 0)
        return *base;
    if (parent->gas_used > target) {
        struct vd_u256 more = fee_change(base, parent->gas_used - target, target, denominator);
        if (vd_u256_is_zero(&more))
            more = vd_u256(1);
        return vd_u256_add(base, &more);
    }
    struct vd_u256 less = fee_change(base, target - parent->gas_used, target, denominator);
    return vd_u256_lt(base, &less) ? vd_u256(0) : vd_u256_sub(base, &less);
}

struct vd_u256
vd_base_fee_l1(const struct vd_header *parent)
{
    return next_base_fee(parent, 2, 8);
}

enum vd_err
vd_holocene_extra_decode(struct vd_eip1559_params *params, struct vd_slice extra)
{
    if (extra.len != 9 || extra.ptr[0] != 0)
        return VD_ERR_INVALID;
    params->denominator = vd_load_be32(extra.ptr + 1);
    params->elasticity = vd_load_be32(extra.ptr + 5);
    if (params->denominator == 0 || params->elasticity == 0)
        return VD_ERR_INVALID;
    return VD_OK;
}

void
vd_holocene_extra_encode(uint8_t out[9], const struct vd_eip1559_params *params)
{
    out[0] = 0;
    vd_store_be32(out + 1, params->denominator);
    vd_store_be32(out + 5, params->elasticity);
}

enum vd_err
vd_base_fee_l2(struct vd_u256 *base_fee, const struct vd_header *parent,
               const struct vd_chain_config *config)
{
    struct vd_eip1559_params params = {.denominator = config->eip1559_denominator_canyon,
                                       .elasticity = config->eip1559_elasticity};
    if (parent->timestamp >= config->holocene_time) {
        enum vd_err err = vd_holocene_extra_decode(&params, parent->extra_data);
        if (err != VD_OK)
            return err;
    }
    if (params.denominator == 0 || params.elasticity == 0)
        return VD_ERR_INVALID;
    *base_fee = next_base_fee(parent, params.elasticity, params.denominator);
    return VD_OK;
}
