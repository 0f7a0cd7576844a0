#include "viaduct/core/state/pathstore.h"
#include "core/state/trie_internal.h"

/* A branch row at the position itself, or below it and then the extension to it. */
static enum vd_err
from_branch(const struct vd_pathstore *store, struct vd_trie_node *out,
            const struct vd_trie_position *at)
{
    uint8_t path[VD_TRIE_MAX_NIBBLES];
    size_t len = 0;
    enum vd_err err = store->first_branch(store->ctx, path, &len, out->child, at);
    if (err != VD_OK)
        return err;
    if (len > VD_TRIE_MAX_NIBBLES)
        return VD_ERR_CORRUPT;
    if (len < at->path_len || memcmp(path, at->path, at->path_len) != 0)
        return VD_ERR_NOT_FOUND;
    out->type = VD_TRIE_BRANCH;
    if (len == at->path_len)
        return VD_OK;
    struct vd_trie_ref ref = vd_trie_node_ref(out);
    memset(out->child, 0, sizeof out->child);
    out->type = VD_TRIE_EXTENSION;
    out->path_len = (uint8_t)(len - at->path_len);
    memcpy(out->path, path + at->path_len, out->path_len);
    out->child[0] = ref;
    return VD_OK;
}

static enum vd_err
from_leaf(const struct vd_pathstore *store, struct vd_trie_node *out,
          const struct vd_trie_position *at)
{
    struct vd_hash key;
    memset(out->child, 0, sizeof out->child);
    enum vd_err err = store->first_leaf(store->ctx, &key, &out->value, at);
    if (err != VD_OK)
        return err;
    for (size_t i = 0; i < at->path_len; i++) {
        if (vd_nibble(key.b, i) != at->path[i])
            return VD_ERR_NOT_FOUND;
    }
    out->type = VD_TRIE_LEAF;
    out->path_len = (uint8_t)(VD_TRIE_MAX_NIBBLES - at->path_len);
    for (size_t i = 0; i < out->path_len; i++)
        out->path[i] = vd_nibble(key.b, at->path_len + i);
    return VD_OK;
}

enum vd_err
vd_pathstore_build(const struct vd_pathstore *store, struct vd_trie_node *out,
                   const struct vd_trie_position *at)
{
    *out = (struct vd_trie_node){0};
    enum vd_err err = from_branch(store, out, at);
    if (err == VD_ERR_NOT_FOUND)
        err = from_leaf(store, out, at);
    /* The parent refers to this place, so an empty one is a hole in the store. */
    return err == VD_ERR_NOT_FOUND ? VD_ERR_CORRUPT : err;
}

enum vd_err
vd_pathstore_node(const struct vd_pathstore *store, struct vd_trie_node *out,
                  const struct vd_trie_position *at, const struct vd_hash *hash)
{
    enum vd_err err = vd_pathstore_build(store, out, at);
    if (err != VD_OK)
        return err;
    struct vd_hash actual = vd_trie_node_hash(out);
    return vd_hash_eq(&actual, hash) ? VD_OK : VD_ERR_CORRUPT;
}

static enum vd_err
read_node(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
          const struct vd_hash *hash)
{
    (void)hash;
    return vd_pathstore_build(ctx, out, at);
}

void
vd_pathstore_source(struct vd_trie_source *out, const struct vd_pathstore *store)
{
    /* The source only ever hands the store back to vd_pathstore_build, which takes it const. */
    *out = (struct vd_trie_source){
        .ctx = (void *)(uintptr_t)store, .node = read_node, .unchecked = true};
}
