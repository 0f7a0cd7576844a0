/* Instructions that hash, copy or read the surroundings of a frame. */
#include "core/evm/machine.h"

static int64_t
charge_words(uint64_t len, uint64_t price, int64_t gas)
{
    /* len is bounded by what memory can be paid for, far below overflow. */
    return gas - (int64_t)((len + 31) / 32 * price);
}

/* EIP-160: 50 gas for each byte of the exponent. */
int64_t
vd_do_exp(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    (void)frame;
    gas -= 50 * (int64_t)vd_u256_byte_len(&sp[-2]);
    if (gas >= 0) {
        sp[-2] = vd_u256_exp(&sp[-1], &sp[-2]);
    }
    return gas;
}

int64_t
vd_do_keccak256(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    gas = vd_memory_need(frame, &sp[-1], &sp[-2], gas);
    if (gas < 0) {
        return gas;
    }
    uint64_t len = sp[-2].w[0];
    gas = charge_words(len, 6, gas);
    if (gas < 0) {
        return gas;
    }
    uint64_t offset = len == 0 ? 0 : sp[-1].w[0];
    struct vd_hash hash = vd_keccak256(vd_slice(frame->memory + offset, len));
    sp[-2] = vd_u256_from_be(hash.b);
    return gas;
}

/* Writes len bytes of data from offset on, with zeros beyond its end. */
static void
copy_padded(uint8_t *out, uint64_t len, struct vd_slice data, const struct vd_u256 *offset)
{
    uint64_t from = vd_u256_fits_u64(offset) && offset->w[0] < data.len ? offset->w[0] : data.len;
    uint64_t have = data.len - from;
    have = have < len ? have : len;
    if (have > 0) {
        memcpy(out, data.ptr + from, have);
    }
    memset(out + have, 0, len - have);
}

int64_t
vd_do_calldataload(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    uint8_t word[32];
    copy_padded(word, sizeof word, vd_slice(frame->input, frame->input_len), &sp[-1]);
    sp[-1] = vd_u256_from_be(word);
    return gas;
}

/* Pays for a copy of sp[2] bytes to memory at sp[0]. */
static int64_t
charge_copy(struct vd_frame *frame, const struct vd_u256 *to, const struct vd_u256 *len,
            int64_t gas)
{
    gas = vd_memory_need(frame, to, len, gas);
    return gas < 0 ? gas : charge_words(len->w[0], 3, gas);
}

static int64_t
copy_to_memory(struct vd_frame *frame, struct vd_slice data, struct vd_u256 *sp, int64_t gas)
{
    gas = charge_copy(frame, &sp[-1], &sp[-3], gas);
    if (gas >= 0 && sp[-3].w[0] > 0) {
        copy_padded(frame->memory + sp[-1].w[0], sp[-3].w[0], data, &sp[-2]);
    }
    return gas;
}

int64_t
vd_do_calldatacopy(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    return copy_to_memory(frame, vd_slice(frame->input, frame->input_len), sp, gas);
}

int64_t
vd_do_codecopy(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    if (!vd_code_bytes(frame)) {
        return VD_OUT_OF_GAS;
    }
    return copy_to_memory(frame, frame->code_bytes, sp, gas);
}

/* EIP-211: reading past the end fails, also when nothing is read. */
int64_t
vd_do_returndatacopy(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    const struct vd_u256 *from = &sp[-2];
    const struct vd_u256 *len = &sp[-3];
    uint64_t have = frame->evm->output_len;
    if (!vd_u256_fits_u64(from) || !vd_u256_fits_u64(len) || from->w[0] > have ||
        len->w[0] > have - from->w[0]) {
        frame->failure = VD_EVM_RETURN_DATA_BOUNDS;
        return VD_OUT_OF_GAS;
    }
    return copy_to_memory(frame, vd_slice(frame->evm->output, have), sp, gas);
}

/* EIP-5656. */
int64_t
vd_do_mcopy(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    const struct vd_u256 *to = &sp[-1];
    const struct vd_u256 *from = &sp[-2];
    const struct vd_u256 *len = &sp[-3];
    gas = vd_memory_need(frame, vd_u256_lt(from, to) ? to : from, len, gas);
    if (gas < 0) {
        return gas;
    }
    gas = charge_words(len->w[0], 3, gas);
    if (gas >= 0 && len->w[0] > 0) {
        memmove(frame->memory + to->w[0], frame->memory + from->w[0], len->w[0]);
    }
    return gas;
}

int64_t
vd_do_blockhash(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    const struct vd_evm_block *block = frame->evm->block;
    uint64_t n = sp[-1].w[0];
    bool known = vd_u256_fits_u64(&sp[-1]) && n < block->number && block->number - n <= 256;
    struct vd_hash hash = {{0}};
    if (known && block->block_hash != NULL) {
        frame->evm->err = block->block_hash(block->hash_ctx, &hash, n);
        if (frame->evm->err != VD_OK) {
            return VD_OUT_OF_GAS;
        }
    }
    sp[-1] = vd_u256_from_be(hash.b);
    return gas;
}

/* EIP-4844. */
int64_t
vd_do_blobhash(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    const struct vd_evm_tx *tx = frame->evm->tx;
    if (vd_u256_fits_u64(&sp[-1]) && sp[-1].w[0] < tx->blob_hash_count) {
        sp[-1] = vd_u256_from_be(tx->blob_hashes[sp[-1].w[0]].b);
    } else {
        sp[-1] = vd_u256(0);
    }
    return gas;
}

int64_t
vd_do_extcodecopy(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas)
{
    struct vd_evm *evm = frame->evm;
    struct vd_address address = vd_word_address(&sp[-1]);
    gas = charge_copy(frame, &sp[-2], &sp[-4], gas);
    if (gas < 0) {
        return gas;
    }
    gas = vd_charge_account(frame, &address, gas);
    if (gas < 0) {
        return gas;
    }
    struct vd_slice code;
    evm->err = vd_state_code(evm->state, &code, NULL, &address);
    if (evm->err != VD_OK) {
        return VD_OUT_OF_GAS;
    }
    if (sp[-4].w[0] > 0) {
        copy_padded(frame->memory + sp[-2].w[0], sp[-4].w[0], code, &sp[-3]);
    }
    return gas;
}
