/* A frame's memory: its price and its growth. */
#include "core/evm/machine.h"

/* Beyond this the price of memory is above 2^53 gas, more than any message has. */
#define MEMORY_LIMIT ((uint64_t)1 << 36)

/* Bytes that are zeroed beyond what is asked for. */
#define CLEAN_AHEAD 1024

/* Yellow Paper, appendix H, C_mem. */
static int64_t
memory_price(uint64_t words)
{
    return (int64_t)(3 * words + words * words / 512);
}

/* Zeros at least up to end; ahead of it by as much as is handy, since memory mostly grows by words.
   The room was used by frames that have ended. */
static void
memory_clean(struct vd_frame *frame, uint64_t end, uint64_t cap)
{
    uint64_t ahead = end + CLEAN_AHEAD < cap ? end + CLEAN_AHEAD : cap;
    memset(frame->memory + frame->memory_clean, 0, ahead - frame->memory_clean);
    frame->memory_clean = ahead;
}

int64_t
vd_memory_grow(struct vd_frame *frame, uint64_t offset, uint64_t len, int64_t gas)
{
    if (offset > MEMORY_LIMIT || len > MEMORY_LIMIT) {
        return VD_OUT_OF_GAS;
    }
    uint64_t words = (offset + len + 31) / 32;
    uint64_t old_words = frame->memory_len / 32;
    if (words <= old_words) {
        return gas;
    }
    gas -= memory_price(words) - memory_price(old_words);
    if (gas < 0) {
        return VD_OUT_OF_GAS;
    }
    uint64_t end = words * 32;
    if (end > frame->memory_clean) {
        struct vd_evm *evm = frame->evm;
        uint64_t cap = evm->memory_cap - (uint64_t)(frame->memory - evm->memory);
        if (end > cap) {
            /* Only a message with more gas than its block has can come here. */
            evm->err = VD_ERR_NO_MEMORY;
            return VD_OUT_OF_GAS;
        }
        memory_clean(frame, end, cap);
    }
    frame->memory_len = end;
    frame->word_limit = end - 31;
    return gas;
}

int64_t
vd_memory_need(struct vd_frame *frame, const struct vd_u256 *offset, const struct vd_u256 *len,
               int64_t gas)
{
    if (vd_u256_is_zero(len)) {
        return gas;
    }
    if (!vd_u256_fits_u64(len) || !vd_u256_fits_u64(offset)) {
        return VD_OUT_OF_GAS;
    }
    return vd_memory_grow(frame, offset->w[0], len->w[0], gas);
}
