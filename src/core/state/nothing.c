#include "viaduct/core/state/state.h"

static enum vd_err
no_account(void *ctx, struct vd_account *out, const struct vd_address *address,
           const struct vd_hash *address_hash)
{
    (void)ctx;
    (void)out;
    (void)address;
    (void)address_hash;
    return VD_ERR_NOT_FOUND;
}

static enum vd_err
no_slot(void *ctx, struct vd_u256 *out, const struct vd_hash *address_hash,
        const struct vd_hash *storage_root, const struct vd_hash *slot_hash)
{
    (void)ctx;
    (void)address_hash;
    (void)storage_root;
    (void)slot_hash;
    *out = vd_u256(0);
    return VD_OK;
}

static enum vd_err
no_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    (void)ctx;
    (void)out;
    (void)code_hash;
    return VD_ERR_NOT_FOUND;
}

static enum vd_err
no_node(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
        const struct vd_hash *hash)
{
    (void)ctx;
    (void)out;
    (void)at;
    (void)hash;
    return VD_ERR_NOT_FOUND;
}

const struct vd_state_source VD_STATE_NOTHING = {
    .account = no_account, .slot = no_slot, .code = no_code, .trie = {.node = no_node}};
