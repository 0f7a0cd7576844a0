/* Rows and records of the database that a disk may have changed.

   The first byte of the input says which: 0 a record, 1 a branch row, 2 a body, 3 receipts, 4 a
   shape. */
#include "node/store/store_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[8 << 20];

/* A branch row has one form: what decodes encodes to the same bytes. */
static void
check_branch(struct vd_slice row)
{
    struct vd_trie_ref child[16];
    uint8_t again[VD_MAX_BRANCH];
    if (vd_branch_decode(child, row) != VD_OK)
        return;
    size_t len = vd_branch_encode(again, child);
    VD_ASSERT(vd_slice_eq(vd_slice(again, len), row));
}

static void
check_record(struct vd_slice record, struct vd_arena *arena)
{
    struct vd_undo *undos;
    size_t count;
    uint8_t row[VD_MAX_BRANCH];
    static const uint8_t empty[4];
    if (vd_undo_read(&undos, &count, arena, record) != VD_OK)
        return;
    struct vd_slice newer = vd_slice(empty, sizeof empty);
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        VD_ASSERT(undos[i].key.len <= VD_MAX_KEY);
        if (undos[i].delta && vd_undo_branch(row, &len, &undos[i], newer) == VD_OK)
            check_branch(vd_slice(row, len));
    }
}

static void
check_body(struct vd_slice row)
{
    struct vd_body body;
    if (vd_body_read(&body, row) != VD_OK)
        return;
    size_t total = 4 + 24 * (size_t)body.count;
    for (uint32_t i = 0; i < body.count; i++) {
        total += vd_body_transaction(&body, i).len;
        (void)vd_body_sender(&body, i);
    }
    VD_ASSERT(total == row.len);
}

static void
check_receipts(struct vd_slice row, struct vd_arena *arena)
{
    struct vd_receipt *receipts;
    struct vd_buf again;
    size_t count;
    if (vd_receipts_decode(&receipts, &count, arena, row) != VD_OK)
        return;
    struct vd_store_block block = {.receipts = receipts, .transaction_count = count};
    vd_buf_init(&again, arena);
    VD_ASSERT(vd_receipts_encode(&again, &block) == VD_OK);
    VD_ASSERT(vd_slice_eq(vd_buf_view(&again), row));
}

/* One form too, but for the nibble that pads an odd number of them. */
static void
check_shape(struct vd_slice row)
{
    struct vd_trie_node node = {.type = VD_TRIE_BRANCH};
    uint8_t again[VD_MAX_SHAPE];
    if (vd_shape_decode(&node, row) != VD_OK)
        return;
    size_t len = vd_shape_encode(again, &node);
    VD_ASSERT(len == row.len && node.type != VD_TRIE_BRANCH);
    VD_ASSERT(memcmp(again, row.ptr, len - 1) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vd_arena arena;
    vd_arena_init(&arena, memory, sizeof memory);
    if (size == 0 || size > 1 << 14)
        return 0;
    struct vd_slice bytes = vd_slice(data + 1, size - 1);
    switch (data[0] % 5) {
    case 0:
        check_record(bytes, &arena);
        break;
    case 1:
        check_branch(bytes);
        break;
    case 2:
        check_body(bytes);
        break;
    case 3:
        check_receipts(bytes, &arena);
        break;
    default:
        check_shape(bytes);
    }
    return 0;
}
