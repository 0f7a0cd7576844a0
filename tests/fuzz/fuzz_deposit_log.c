/* Logs of an L1 block.  The input is a receipt's consensus bytes whose logs are all the portal's
   and the system config's, or, after a first byte ff, a number of topics, the topics and the data
   of one log. */
#include <stdlib.h>

#include "viaduct/core/rollup/attributes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 1 << 22 };

static void
check_deposit(struct vd_slice raw, struct vd_arena *arena)
{
    struct vd_tx tx;
    struct vd_buf buf;
    enum vd_err err = vd_tx_decode(&tx, NULL, arena, raw);
    VD_ASSERT(err == VD_OK && tx.type == VD_TX_DEPOSIT && !tx.is_system_tx);
    vd_buf_init(&buf, arena);
    vd_tx_encode(&buf, &tx);
    VD_ASSERT(vd_slice_eq(vd_buf_view(&buf), raw));
}

static void
check_log(struct vd_slice input, struct vd_arena *arena)
{
    struct vd_hash block = {{0}};
    struct vd_log log = {.topic_count = 0};
    struct vd_buf buf;
    if (input.len == 0 || input.len - 1 < 32u * (input.ptr[0] % 5))
        return;
    log.topic_count = input.ptr[0] % 5;
    for (uint8_t i = 0; i < log.topic_count; i++)
        memcpy(log.topics[i].b, input.ptr + 1 + 32 * i, 32);
    size_t at = 1 + 32u * log.topic_count;
    log.data = vd_slice(input.ptr + at, input.len - at);
    vd_buf_init(&buf, arena);
    if (vd_deposit_from_log(&buf, &log, &block, 0) == VD_OK)
        check_deposit(vd_buf_view(&buf), arena);
}

/* The decoded receipt, where there is one, and its bytes must say the same. */
static void
check_receipt(struct vd_slice raw, struct vd_arena *arena)
{
    static const struct vd_address portal = {{0xdd}};
    struct vd_hash block = {{0}};
    struct vd_system_config a = {.gas_limit = 1};
    struct vd_system_config b = a;
    struct vd_receipt receipt;
    struct vd_slice *deposits;
    struct vd_slice *others;
    size_t count = 0;
    size_t other_count = 0;
    enum vd_err err = vd_deposits_read_raw(&deposits, &count, arena, &portal, &block, &raw, 1);
    enum vd_err update_err = vd_system_config_update_raw(&a, &portal, &raw, 1);
    for (size_t i = 0; err == VD_OK && i < count; i++)
        check_deposit(deposits[i], arena);
    if (vd_receipt_decode(&receipt, arena, raw) != VD_OK || receipt.type == VD_TX_DEPOSIT)
        return;
    VD_ASSERT(update_err == VD_OK);
    vd_system_config_update(&b, &portal, &receipt, 1);
    VD_ASSERT(memcmp(&a, &b, sizeof a) == 0);
    VD_ASSERT(err == vd_deposits_read(&others, &other_count, arena, &portal, &block, &receipt, 1));
    VD_ASSERT(err != VD_OK || count == other_count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_arena arena;
    if (size > 1 << 16)
        return 0;
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    if (size > 0 && data[0] == 0xff)
        check_log(vd_slice(data + 1, size - 1), &arena);
    else
        check_receipt(vd_slice(data, size), &arena);
    free(arena.base);
    return 0;
}
