/* Roots of the lists in a header: tries keyed by rlp(index). */
#include "core/chain/exec_internal.h"

enum vd_err
vd_transactions_root(struct vd_hash *root, struct vd_arena *arena,
                     const struct vd_tx *const *transactions, size_t count)
{
    size_t mark = vd_arena_mark(arena);
    struct vd_slice *items = VD_ARENA_NEW(arena, struct vd_slice, count);
    enum vd_err err = VD_ERR_NO_MEMORY;
    for (size_t i = 0; items != NULL && i < count; i++)
        items[i] = transactions[i]->raw;
    if (items != NULL)
        err = vd_trie_list_root(root, arena, items, count);
    vd_arena_rewind(arena, mark);
    return err;
}

enum vd_err
vd_receipts_root(struct vd_hash *root, struct vd_arena *arena, const struct vd_receipt *receipts,
                 size_t count)
{
    size_t mark = vd_arena_mark(arena);
    struct vd_slice *items = VD_ARENA_NEW(arena, struct vd_slice, count);
    enum vd_err err = items == NULL ? VD_ERR_NO_MEMORY : VD_OK;
    for (size_t i = 0; err == VD_OK && i < count; i++) {
        struct vd_buf buf;
        vd_buf_init(&buf, arena);
        vd_receipt_encode(&buf, &receipts[i]);
        items[i] = vd_buf_view(&buf);
        err = buf.err;
    }
    if (err == VD_OK)
        err = vd_trie_list_root(root, arena, items, count);
    vd_arena_rewind(arena, mark);
    return err;
}

enum vd_err
vd_withdrawals_root(struct vd_hash *root, struct vd_arena *arena,
                    const struct vd_withdrawal *withdrawals, size_t count)
{
    size_t mark = vd_arena_mark(arena);
    struct vd_slice *items = VD_ARENA_NEW(arena, struct vd_slice, count);
    enum vd_err err = items == NULL ? VD_ERR_NO_MEMORY : VD_OK;
    for (size_t i = 0; err == VD_OK && i < count; i++) {
        struct vd_buf buf;
        vd_buf_init(&buf, arena);
        vd_withdrawal_encode(&buf, &withdrawals[i]);
        items[i] = vd_buf_view(&buf);
        err = buf.err;
    }
    if (err == VD_OK)
        err = vd_trie_list_root(root, arena, items, count);
    vd_arena_rewind(arena, mark);
    return err;
}
