/* Headers from outside: one encoding each, and a hash that is the encoding's. */
#include "viaduct/core/chain/header.h"
#include "viaduct/core/crypto/keccak.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[1 << 20];
    struct vd_arena arena;
    struct vd_header header;
    struct vd_buf buf;
    struct vd_eip1559_params params;
    vd_arena_init(&arena, memory, sizeof memory);
    if (size > sizeof memory / 4)
        return 0;
    enum vd_err err = vd_header_decode(&header, vd_slice(data, size));
    VD_ASSERT(err == VD_OK || err == VD_ERR_INVALID || err == VD_ERR_UNSUPPORTED);
    if (err != VD_OK)
        return 0;
    vd_buf_init(&buf, &arena);
    vd_header_encode(&buf, &header);
    VD_ASSERT(vd_slice_eq(vd_buf_view(&buf), vd_slice(data, size)));
    struct vd_hash hash = vd_header_hash(&header);
    struct vd_hash want = vd_keccak256(vd_slice(data, size));
    VD_ASSERT(vd_hash_eq(&hash, &want));
    if (vd_holocene_extra_decode(&params, header.extra_data) == VD_OK)
        VD_ASSERT(params.denominator != 0 && params.elasticity != 0);
    (void)vd_base_fee_l1(&header);
    (void)vd_blob_base_fee(header.excess_blob_gas, 3338477);
    return 0;
}
