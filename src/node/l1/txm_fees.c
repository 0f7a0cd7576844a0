/* EIP-1559 fees.  L1 nodes take a replacement only when both fees are at least a tenth higher
   (geth's --txpool.pricebump). */
#include "txm_internal.h"

static struct vd_u256
max_of(struct vd_u256 a, struct vd_u256 b)
{
    return vd_u256_lt(&a, &b) ? b : a;
}

static struct vd_u256
min_of(struct vd_u256 a, struct vd_u256 b)
{
    return vd_u256_lt(&a, &b) ? a : b;
}

/* a * percent / 100, rounded up; the largest number when it does not fit. */
static struct vd_u256
percent_of(const struct vd_u256 *a, uint64_t percent)
{
    struct vd_u256 factor = vd_u256(percent);
    struct vd_u256 round = vd_u256(99);
    struct vd_u256 product;
    if (vd_u256_mul_overflow(&product, a, &factor) ||
        vd_u256_add_overflow(&product, &product, &round))
        return (struct vd_u256){.w = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    vd_u256_div_u64(&product, 100);
    return product;
}

static struct vd_u256
add(const struct vd_u256 *a, const struct vd_u256 *b)
{
    struct vd_u256 sum;
    if (vd_u256_add_overflow(&sum, a, b))
        return (struct vd_u256){.w = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    return sum;
}

bool
vd_txm_first_fees(const struct vd_txm *txm, struct vd_u256 *max_fee, struct vd_u256 *tip)
{
    const struct vd_txm_config *config = &txm->config;
    if (vd_u256_lt(&config->max_fee_cap, &txm->base_fee))
        return false;
    struct vd_u256 base = percent_of(&txm->base_fee, config->base_fee_percent);
    *tip = min_of(max_of(txm->suggested_tip, config->min_tip), config->max_fee_cap);
    *max_fee = min_of(add(&base, tip), config->max_fee_cap);
    return true;
}

bool
vd_txm_bumped_fees(const struct vd_txm *txm, struct vd_u256 *max_fee, struct vd_u256 *tip,
                   const struct vd_txm_slot *slot)
{
    const struct vd_txm_config *config = &txm->config;
    struct vd_u256 least_fee = percent_of(&slot->max_fee, 100 + (uint64_t)config->bump_percent);
    struct vd_u256 least_tip = percent_of(&slot->tip, 100 + (uint64_t)config->bump_percent);
    if (vd_u256_lt(&config->max_fee_cap, &least_fee) ||
        vd_u256_lt(&config->max_fee_cap, &least_tip))
        return false;
    struct vd_u256 base = percent_of(&txm->base_fee, config->base_fee_percent);
    *tip = min_of(max_of(txm->suggested_tip, least_tip), config->max_fee_cap);
    *max_fee = min_of(max_of(add(&base, tip), least_fee), config->max_fee_cap);
    *max_fee = max_of(*max_fee, *tip);
    return true;
}

uint64_t
vd_txm_calldata_gas(struct vd_slice data)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < data.len; i++)
        tokens += data.ptr[i] == 0 ? 1 : 4;
    return 21000 + 10 * tokens;
}
