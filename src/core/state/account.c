/* Accounts as the trie holds them, and the parent's state read through tries. */
#include "viaduct/core/codec/rlp.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/state.h"

void
vd_account_encode(struct vd_buf *buf, const struct vd_account *account)
{
    size_t mark = vd_rlp_begin(buf);
    vd_rlp_put_u64(buf, account->nonce);
    vd_rlp_put_u256(buf, &account->balance);
    vd_rlp_put_hash(buf, &account->storage_root);
    vd_rlp_put_hash(buf, &account->code_hash);
    vd_rlp_end(buf, mark);
}

enum vd_err
vd_account_decode(struct vd_account *out, struct vd_slice rlp)
{
    struct vd_rlp r = vd_rlp(rlp);
    struct vd_rlp list = vd_rlp_list(&r);
    out->nonce = vd_rlp_u64(&list);
    out->balance = vd_rlp_u256(&list);
    out->storage_root = vd_rlp_hash(&list);
    out->code_hash = vd_rlp_hash(&list);
    vd_rlp_close(&r, &list);
    return vd_rlp_done(&r) ? VD_OK : VD_ERR_INVALID;
}

/* A key of a trie that the walker reads; the value stays in the arena until the caller rewinds it.
   VD_ERR_NOT_FOUND: the trie has no such key.  VD_ERR_CORRUPT: the nodes to tell are missing. */
static enum vd_err
walk(const struct vd_trie_walker *walker, struct vd_slice *value, const struct vd_hash *owner,
     const struct vd_hash *root, const struct vd_hash *key)
{
    bool complete;
    enum vd_err err =
        vd_trie_get(&walker->nodes, value, &complete, walker->arena, owner, root, key);
    return err == VD_ERR_NOT_FOUND && !complete ? VD_ERR_CORRUPT : err;
}

static enum vd_err
walk_account(void *ctx, struct vd_account *out, const struct vd_address *address,
             const struct vd_hash *address_hash)
{
    (void)address;
    const struct vd_trie_walker *walker = ctx;
    size_t mark = vd_arena_mark(walker->arena);
    struct vd_slice value;
    enum vd_err err = walk(walker, &value, NULL, &walker->root, address_hash);
    if (err == VD_OK && vd_account_decode(out, value) != VD_OK)
        err = VD_ERR_CORRUPT;
    vd_arena_rewind(walker->arena, mark);
    return err;
}

static enum vd_err
walk_slot(void *ctx, struct vd_u256 *out, const struct vd_hash *address_hash,
          const struct vd_hash *storage_root, const struct vd_hash *slot_hash)
{
    const struct vd_trie_walker *walker = ctx;
    size_t mark = vd_arena_mark(walker->arena);
    struct vd_slice value;
    enum vd_err err = walk(walker, &value, address_hash, storage_root, slot_hash);
    *out = vd_u256(0);
    if (err == VD_OK) {
        struct vd_rlp r = vd_rlp(value);
        *out = vd_rlp_u256(&r);
        err = vd_rlp_done(&r) ? VD_OK : VD_ERR_CORRUPT;
    }
    vd_arena_rewind(walker->arena, mark);
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

static enum vd_err
walk_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    const struct vd_trie_walker *walker = ctx;
    return walker->code(walker->code_ctx, out, code_hash);
}

void
vd_state_source_from_tries(struct vd_state_source *out, struct vd_trie_walker *walker)
{
    *out = (struct vd_state_source){.ctx = walker,
                                    .account = walk_account,
                                    .slot = walk_slot,
                                    .code = walk_code,
                                    .trie = walker->nodes};
}
