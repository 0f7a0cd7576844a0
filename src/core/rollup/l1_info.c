/* Calldata of the L1 attributes transaction (OP Stack specs, Ecotone and Isthmus L1 attributes):
 * packed, not ABI. */
#include "core/rollup/internal.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/base/cursor.h"

enum {
    ECOTONE_LEN = 164,
    ISTHMUS_LEN = 176,
};

size_t
vd_l1_info_encode(uint8_t out[176], const struct vd_l1_info *info)
{
    vd_store_be32(out, info->isthmus ? VD_SELECTOR_SET_L1_BLOCK_VALUES_ISTHMUS
                                     : VD_SELECTOR_SET_L1_BLOCK_VALUES_ECOTONE);
    vd_store_be32(out + 4, info->base_fee_scalar);
    vd_store_be32(out + 8, info->blob_base_fee_scalar);
    vd_store_be64(out + 12, info->sequence_number);
    vd_store_be64(out + 20, info->timestamp);
    vd_store_be64(out + 28, info->number);
    vd_u256_to_be(out + 36, &info->base_fee);
    vd_u256_to_be(out + 68, &info->blob_base_fee);
    memcpy(out + 100, info->hash.b, sizeof info->hash.b);
    memcpy(out + 132, info->batcher_hash.b, sizeof info->batcher_hash.b);
    if (!info->isthmus)
        return ECOTONE_LEN;
    vd_store_be32(out + 164, info->operator_fee_scalar);
    vd_store_be64(out + 168, info->operator_fee_constant);
    return ISTHMUS_LEN;
}

enum vd_err
vd_l1_info_decode(struct vd_l1_info *info, struct vd_slice calldata)
{
    struct vd_cursor cur = vd_cursor(calldata);
    uint32_t selector = vd_cursor_be32(&cur);
    *info = (struct vd_l1_info){.isthmus = selector == VD_SELECTOR_SET_L1_BLOCK_VALUES_ISTHMUS};
    if (cur.failed)
        return VD_ERR_INVALID;
    if (selector == VD_SELECTOR_SET_L1_BLOCK_VALUES_JOVIAN)
        return VD_ERR_UNSUPPORTED;
    if (selector != VD_SELECTOR_SET_L1_BLOCK_VALUES_ECOTONE &&
        selector != VD_SELECTOR_SET_L1_BLOCK_VALUES_ISTHMUS)
        return VD_ERR_INVALID;
    info->base_fee_scalar = vd_cursor_be32(&cur);
    info->blob_base_fee_scalar = vd_cursor_be32(&cur);
    info->sequence_number = vd_cursor_be64(&cur);
    info->timestamp = vd_cursor_be64(&cur);
    info->number = vd_cursor_be64(&cur);
    info->base_fee = vd_u256_from_slice(vd_cursor_take(&cur, 32));
    info->blob_base_fee = vd_u256_from_slice(vd_cursor_take(&cur, 32));
    info->hash = vd_cursor_hash(&cur);
    info->batcher_hash = vd_cursor_hash(&cur);
    if (info->isthmus) {
        info->operator_fee_scalar = vd_cursor_be32(&cur);
        info->operator_fee_constant = vd_cursor_be64(&cur);
    }
    return cur.failed || vd_cursor_left(&cur) != 0 ? VD_ERR_INVALID : VD_OK;
}
