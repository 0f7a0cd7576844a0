/* Answers of the dispute-game factory: any bytes are read within their bounds, and a game that is
   read stands in the answer as it was given. */
#include "viaduct/node/l1/abi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count = 0;
    struct vd_abi_game game;
    struct vd_slice bytes;
    struct vd_slice answer = vd_slice(data, size);
    if (vd_abi_game_count(&count, answer)) {
        VD_ASSERT(count <= size / 32);
        for (size_t i = 0; i < count; i++) {
            (void)vd_abi_game_at(&game, answer, i);
        }
        VD_ASSERT(!vd_abi_game_at(&game, answer, count));
    }
    if (vd_abi_read_bytes(&bytes, answer, 0, 0)) {
        VD_ASSERT(bytes.ptr >= data && bytes.len <= size &&
                  (size_t)(bytes.ptr - data) <= size - bytes.len);
    }
    return 0;
}
