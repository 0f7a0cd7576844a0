#include "rebuild.h"

#include <stdio.h>

#include "viaduct/core/crypto/keccak.h"

struct vd_hex_text
vd_hex_text(const void *bytes, size_t len)
{
    struct vd_hex_text out = {{0}};
    VD_ASSERT(len <= VD_MAX_KEY);
    vd_hex_encode(out.text, bytes, len);
    return out;
}

static uint8_t
nibble(const struct vd_hash *key, size_t i)
{
    return i % 2 == 0 ? key->b[i / 2] >> 4 : key->b[i / 2] & 15;
}

static int
shared_nibbles(const struct vd_hash *a, const struct vd_hash *b)
{
    int n = 0;
    while (n < VD_TRIE_MAX_NIBBLES && nibble(a, (size_t)n) == nibble(b, (size_t)n)) {
        n++;
    }
    return n;
}

static void
take_path(struct vd_trie_node *node, const struct vd_hash *key, size_t from, size_t to)
{
    node->path_len = (uint8_t)(to - from);
    for (size_t i = from; i < to; i++) {
        node->path[i - from] = nibble(key, i);
    }
}

static enum vd_err
compare_row(struct vd_rebuild *r, const struct vd_open_branch *branch)
{
    uint8_t path[VD_TRIE_MAX_NIBBLES];
    uint8_t key[VD_MAX_KEY];
    uint8_t row[VD_MAX_BRANCH];
    struct vd_slice stored;
    for (size_t i = 0; i < branch->depth; i++) {
        path[i] = nibble(&r->leaf, i);
    }
    struct vd_trie_position at = {.owner = r->owner, .path = path, .path_len = branch->depth};
    struct vd_slice key_slice = vd_slice(key, vd_branch_key(key, &at));
    size_t len = vd_branch_encode(row, branch->child);
    const struct vd_rows *rows = vd_snapshot_rows(r->snapshot);
    enum vd_err err = rows->get(rows->ctx, &stored, VD_TABLE_BRANCHES, key_slice);
    if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
        return err;
    }
    r->branches++;
    if (err == VD_OK && vd_slice_eq(stored, vd_slice(row, len))) {
        return VD_OK;
    }
    snprintf(r->fault, r->fault_size, "branches: the row %s %s the trie that the leaves make",
             vd_hex_text(key_slice.ptr, key_slice.len).text,
             err == VD_OK ? "differs from" : "is missing, which is in");
    return VD_ERR_CORRUPT;
}

static void
open_branch(struct vd_rebuild *r, int depth)
{
    VD_ASSERT(r->count < VD_TRIE_MAX_NIBBLES);
    r->open[r->count++] = (struct vd_open_branch){.depth = (size_t)depth};
}

/* Hangs a node that stands at depth `at` below the innermost branch, or makes it the root. */
static void
hang(struct vd_rebuild *r, const struct vd_trie_node *node)
{
    if (r->count == 0) {
        r->root = vd_trie_node_hash(node);
        return;
    }
    struct vd_open_branch *parent = &r->open[r->count - 1];
    parent->child[nibble(&r->leaf, parent->depth)] = vd_trie_node_ref(node);
}

/* The innermost branch is done: next is what the leaf shares with its successor. */
static enum vd_err
close_branch(struct vd_rebuild *r, int next)
{
    struct vd_open_branch branch = r->open[--r->count];
    enum vd_err err = compare_row(r, &branch);
    if (err != VD_OK) {
        return err;
    }
    int below = r->count > 0 ? (int)r->open[r->count - 1].depth : -1;
    if (next > below) {
        open_branch(r, next);
        below = next;
    }
    struct vd_trie_node node = {.type = VD_TRIE_BRANCH};
    memcpy(node.child, branch.child, sizeof node.child);
    size_t from = (size_t)(below + 1);
    if (branch.depth > from) {
        struct vd_trie_node extension = {.type = VD_TRIE_EXTENSION};
        take_path(&extension, &r->leaf, from, branch.depth);
        extension.child[0] = vd_trie_node_ref(&node);
        node = extension;
    }
    hang(r, &node);
    return VD_OK;
}

/* Places the leaf at hand, now that both neighbours are known. */
static enum vd_err
place(struct vd_rebuild *r, int next)
{
    if (next > r->before) {
        open_branch(r, next);
    }
    int depth = next > r->before ? next : r->before;
    struct vd_trie_node leaf = {.type = VD_TRIE_LEAF, .value = r->value};
    take_path(&leaf, &r->leaf, (size_t)(depth + 1), VD_TRIE_MAX_NIBBLES);
    hang(r, &leaf);
    enum vd_err err = VD_OK;
    while (err == VD_OK && r->count > 0 && (int)r->open[r->count - 1].depth > next) {
        err = close_branch(r, next);
    }
    return err;
}

enum vd_err
vd_rebuild_leaf(struct vd_rebuild *r, const struct vd_hash *key, struct vd_slice value)
{
    int shared = -1;
    if (r->has_leaf) {
        shared = shared_nibbles(&r->leaf, key);
        enum vd_err err = place(r, shared);
        if (err != VD_OK) {
            return err;
        }
    }
    r->has_leaf = true;
    r->leaf = *key;
    r->value = value;
    r->before = shared;
    return VD_OK;
}

enum vd_err
vd_rebuild_end(struct vd_rebuild *r, struct vd_hash *root)
{
    r->root = VD_EMPTY_ROOT;
    enum vd_err err = r->has_leaf ? place(r, -1) : VD_OK;
    *root = r->root;
    r->has_leaf = false;
    r->count = 0;
    return err;
}
