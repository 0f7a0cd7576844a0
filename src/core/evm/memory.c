/* A frame's memory: its price and its growth. */
#include "core/evm/machine.h"

/* Beyond this the price of memory is above 2^53 gas, more than any message has. */
#define MEMORY_LIMIT ((uint64_t)1 << 36)

/* Yellow Paper, appendix H, C_mem. */
static int64_t
memory_price(uint64_t words)
{
    return (int64_t)(3 * words + words * words / 512);
}

static int64_t
memory_grow(struct vd_frame *frame, uint64_t end, int64_t gas)
{
    uint64_t words = (end + 31) / 32;
    gas -= memory_price(words) - memory_price(frame->memory_len / 32);
    if (gas < 0) {
        return VD_OUT_OF_GAS;
    }
    struct vd_evm *evm = frame->evm;
    uint64_t len = words * 32;
    if (len > evm->memory_cap - (uint64_t)(frame->memory - evm->memory)) {
        /* Only a message with more gas than its block has can come here. */
        evm->err = VD_ERR_NO_MEMORY;
        return VD_OUT_OF_GAS;
    }
    /* The room was used by frames that have ended. */
    memset(frame->memory + frame->memory_len, 0, len - frame->memory_len);
    frame->memory_len = len;
    frame->word_limit = len - 31;
    return gas;
}

int64_t
vd_memory_need64(struct vd_frame *frame, const struct vd_u256 *offset, uint64_t len, int64_t gas)
{
    if (!vd_u256_fits_u64(offset) || offset->w[0] > MEMORY_LIMIT || len > MEMORY_LIMIT) {
        return VD_OUT_OF_GAS;
    }
    uint64_t end = offset->w[0] + len;
    return end <= frame->memory_len ? gas : memory_grow(frame, end, gas);
}

int64_t
vd_memory_need(struct vd_frame *frame, const struct vd_u256 *offset, const struct vd_u256 *len,
               int64_t gas)
{
    if (vd_u256_is_zero(len)) {
        return gas;
    }
    if (!vd_u256_fits_u64(len)) {
        return VD_OUT_OF_GAS;
    }
    return vd_memory_need64(frame, offset, len->w[0], gas);
}
