#include "core/state/trie_internal.h"
#include "viaduct/core/crypto/keccak.h"

enum vd_err
vd_trie_check_finish(struct vd_trie_check *check)
{
    vd_keccak256_many(check->actual, check->rlp, check->count);
    bool all = true;
    for (size_t i = 0; i < check->count; i++)
        all &= vd_hash_eq(&check->actual[i], &check->expected[i]);
    check->count = 0;
    check->bytes = 0;
    return all ? VD_OK : VD_ERR_CORRUPT;
}

enum vd_err
vd_trie_check_add(struct vd_trie_check *check, const struct vd_trie_node *node,
                  const struct vd_hash *expected)
{
    size_t len = vd_trie_encoded_len(node);
    if (len > sizeof check->room) {
        struct vd_hash actual = vd_trie_node_hash(node);
        return vd_hash_eq(&actual, expected) ? VD_OK : VD_ERR_CORRUPT;
    }
    enum vd_err err = VD_OK;
    if (check->count == VD_TRIE_CHECK_NODES || len > sizeof check->room - check->bytes)
        err = vd_trie_check_finish(check);
    uint8_t *out = check->room + check->bytes;
    vd_trie_write(out, node);
    check->rlp[check->count] = vd_slice(out, len);
    check->expected[check->count++] = *expected;
    check->bytes += len;
    return err;
}
