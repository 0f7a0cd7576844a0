/* The leaf of an account in the state's trie: one encoding each. */
#include "viaduct/core/state/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t memory[256];
    struct vd_arena arena;
    struct vd_account account;
    struct vd_buf buf;
    enum vd_err err = vd_account_decode(&account, vd_slice(data, size));
    VD_ASSERT(err == VD_OK || err == VD_ERR_INVALID);
    if (err != VD_OK)
        return 0;
    vd_arena_init(&arena, memory, sizeof memory);
    vd_buf_init(&buf, &arena);
    vd_account_encode(&buf, &account);
    VD_ASSERT(vd_slice_eq(vd_buf_view(&buf), vd_slice(data, size)));
    return 0;
}
