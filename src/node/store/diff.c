#include "store_internal.h"

#include <stdlib.h>

#include "viaduct/core/codec/rlp.h"

static int
compare_slices(struct vd_slice a, struct vd_slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

int
vd_compare_rows(enum vd_table a_table, struct vd_slice a, enum vd_table b_table, struct vd_slice b)
{
    if (a_table != b_table) {
        return a_table < b_table ? -1 : 1;
    }
    return compare_slices(a, b);
}

/* --- branches --- */

size_t
vd_branch_encode(uint8_t out[VD_MAX_BRANCH], const struct vd_trie_ref child[16])
{
    uint16_t present = 0;
    uint16_t inlined = 0;
    size_t len = 4;
    for (unsigned i = 0; i < 16; i++) {
        if (child[i].len == 0) {
            continue;
        }
        present |= (uint16_t)(1u << i);
        if (child[i].len != 32) {
            inlined |= (uint16_t)(1u << i);
            out[len++] = child[i].len;
        }
        memcpy(out + len, child[i].bytes, child[i].len);
        len += child[i].len;
    }
    vd_store_be16(out, present);
    vd_store_be16(out + 2, inlined);
    return len;
}

enum vd_err
vd_branch_decode(struct vd_trie_ref child[16], struct vd_slice row)
{
    if (row.len < 4) {
        return VD_ERR_CORRUPT;
    }
    uint16_t present = vd_load_be16(row.ptr);
    uint16_t inlined = vd_load_be16(row.ptr + 2);
    size_t at = 4;
    if ((inlined & ~present) != 0) {
        return VD_ERR_CORRUPT;
    }
    for (unsigned i = 0; i < 16; i++) {
        child[i].len = 0;
        if (!(present >> i & 1)) {
            continue;
        }
        size_t len = 32;
        if (inlined >> i & 1) {
            len = at < row.len ? row.ptr[at] : 0;
            at++;
            if (len == 0 || len > 31) {
                return VD_ERR_CORRUPT;
            }
        }
        if (at + len > row.len) {
            return VD_ERR_CORRUPT;
        }
        child[i].len = (uint8_t)len;
        memcpy(child[i].bytes, row.ptr + at, len);
        at += len;
    }
    return at == row.len ? VD_OK : VD_ERR_CORRUPT;
}

size_t
vd_branch_key(uint8_t out[VD_MAX_KEY], const struct vd_trie_position *at)
{
    size_t len = 1;
    out[0] = at->owner ? 's' : 'a';
    if (at->owner) {
        memcpy(out + 1, at->owner->b, 32);
        len += 32;
    }
    memcpy(out + len, at->path, at->path_len);
    return len + at->path_len;
}

/* --- building --- */

static struct vd_slice
copy(struct vd_arena *arena, const uint8_t *bytes, size_t len)
{
    return vd_slice(vd_arena_copy(arena, vd_slice(bytes, len)), len);
}

static enum vd_err
add(struct vd_diff_builder *b, enum vd_table table, struct vd_slice key, struct vd_slice before,
    struct vd_slice after)
{
    if (b->count == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 256;
        struct vd_change *changes =
            vd_arena_alloc(b->arena, cap * sizeof *changes, _Alignof(struct vd_change));
        if (!changes) {
            return VD_ERR_NO_MEMORY;
        }
        if (b->count > 0) {
            memcpy(changes, b->changes, b->count * sizeof *changes);
        }
        b->changes = changes;
        b->cap = cap;
    }
    b->changes[b->count++] = (struct vd_change){table, key, before, after};
    return key.ptr ? VD_OK : VD_ERR_NO_MEMORY;
}

static enum vd_err
account_row(struct vd_slice *row, struct vd_arena *arena, const struct vd_account *account)
{
    *row = vd_slice(NULL, 0);
    if (!account) {
        return VD_OK;
    }
    struct vd_buf buf;
    vd_buf_init(&buf, arena);
    vd_account_encode(&buf, account);
    *row = vd_buf_view(&buf);
    return buf.err;
}

static enum vd_err
visit_account(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
              const struct vd_account *before, const struct vd_account *after)
{
    (void)address;
    struct vd_diff_builder *b = ctx;
    struct vd_slice old_row;
    struct vd_slice new_row;
    enum vd_err err = account_row(&old_row, b->arena, before);
    if (err == VD_OK) {
        err = account_row(&new_row, b->arena, after);
    }
    if (err != VD_OK) {
        return err;
    }
    return add(b, VD_TABLE_ACCOUNTS, copy(b->arena, address_hash->b, 32), old_row, new_row);
}

static enum vd_err
slot_row(struct vd_slice *row, struct vd_arena *arena, const struct vd_u256 *value)
{
    *row = vd_slice(NULL, 0);
    if (vd_u256_is_zero(value)) {
        return VD_OK;
    }
    struct vd_buf buf;
    vd_buf_init(&buf, arena);
    vd_rlp_put_u256(&buf, value);
    *row = vd_buf_view(&buf);
    return buf.err;
}

static enum vd_err
visit_slot(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
           const struct vd_u256 *key, const struct vd_hash *slot_hash, const struct vd_u256 *before,
           const struct vd_u256 *after)
{
    (void)address;
    (void)key;
    struct vd_diff_builder *b = ctx;
    uint8_t row_key[64];
    memcpy(row_key, address_hash->b, 32);
    memcpy(row_key + 32, slot_hash->b, 32);
    struct vd_slice old_row;
    struct vd_slice new_row;
    enum vd_err err = slot_row(&old_row, b->arena, before);
    if (err == VD_OK) {
        err = slot_row(&new_row, b->arena, after);
    }
    if (err != VD_OK) {
        return err;
    }
    return add(b, VD_TABLE_SLOTS, copy(b->arena, row_key, sizeof row_key), old_row, new_row);
}

static enum vd_err
visit_code(void *ctx, const struct vd_hash *code_hash, struct vd_slice code)
{
    struct vd_diff_builder *b = ctx;
    struct vd_slice row = copy(b->arena, code.ptr, code.len);
    return add(b, VD_TABLE_CODE, copy(b->arena, code_hash->b, 32), vd_slice(NULL, 0), row);
}

static enum vd_err
add_branch(struct vd_diff_builder *b, const struct vd_trie_position *at,
           const struct vd_trie_node *before, const struct vd_trie_node *after)
{
    uint8_t key[VD_MAX_KEY];
    uint8_t row[VD_MAX_BRANCH];
    size_t key_len = vd_branch_key(key, at);
    struct vd_slice rows[2] = {{0}, {0}};
    const struct vd_trie_node *nodes[2] = {before, after};
    for (int i = 0; i < 2; i++) {
        if (nodes[i]) {
            size_t len = vd_branch_encode(row, nodes[i]->child);
            rows[i] = copy(b->arena, row, len);
            if (!rows[i].ptr) {
                return VD_ERR_NO_MEMORY;
            }
        }
    }
    return add(b, VD_TABLE_BRANCHES, copy(b->arena, key, key_len), rows[0], rows[1]);
}

/* --- shapes --- */

#define SHAPE_LEAF 'l'
#define SHAPE_EXTENSION 'e'

size_t
vd_shape_encode(uint8_t out[VD_MAX_SHAPE], const struct vd_trie_node *node)
{
    size_t len = 2 + ((size_t)node->path_len + 1) / 2;
    memset(out, 0, len);
    out[0] = node->type == VD_TRIE_LEAF ? SHAPE_LEAF : SHAPE_EXTENSION;
    out[1] = node->path_len;
    for (size_t i = 0; i < node->path_len; i++) {
        out[2 + i / 2] |= (uint8_t)(i % 2 == 0 ? node->path[i] << 4 : node->path[i]);
    }
    return len;
}

enum vd_err
vd_shape_decode(struct vd_trie_node *node, struct vd_slice row)
{
    if (row.len < 2 || (row.ptr[0] != SHAPE_LEAF && row.ptr[0] != SHAPE_EXTENSION) ||
        row.ptr[1] > VD_TRIE_MAX_NIBBLES || row.len != 2 + ((size_t)row.ptr[1] + 1) / 2) {
        return VD_ERR_CORRUPT;
    }
    node->type = row.ptr[0] == SHAPE_LEAF ? VD_TRIE_LEAF : VD_TRIE_EXTENSION;
    node->path_len = row.ptr[1];
    for (size_t i = 0; i < node->path_len; i++) {
        node->path[i] = (uint8_t)(i % 2 == 0 ? row.ptr[2 + i / 2] >> 4 : row.ptr[2 + i / 2] & 15);
    }
    return VD_OK;
}

static enum vd_err
add_shape(struct vd_diff_builder *b, const struct vd_trie_position *at,
          const struct vd_trie_node *old)
{
    uint8_t key[VD_MAX_KEY];
    uint8_t row[VD_MAX_SHAPE];
    size_t key_len = vd_branch_key(key, at);
    struct vd_slice before = copy(b->arena, row, vd_shape_encode(row, old));
    if (!before.ptr) {
        return VD_ERR_NO_MEMORY;
    }
    return add(b, VD_TABLE_SHAPES, copy(b->arena, key, key_len), before, vd_slice(NULL, 0));
}

/* --- what the trie tells --- */

static enum vd_err
sink_put(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *node,
         struct vd_slice rlp, const struct vd_trie_ref *ref)
{
    (void)rlp;
    (void)ref;
    return node->type == VD_TRIE_BRANCH ? add_branch(ctx, at, NULL, node) : VD_OK;
}

static enum vd_err
sink_del(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
         const struct vd_trie_node *old)
{
    return type == VD_TRIE_BRANCH ? add_branch(ctx, at, old, NULL) : add_shape(ctx, at, old);
}

/* A put of the same place comes too; finish merges the two of a branch. */
static enum vd_err
sink_replace(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *old)
{
    return sink_del(ctx, at, old->type, old);
}

void
vd_diff_begin(struct vd_diff_builder *b, struct vd_arena *arena)
{
    *b = (struct vd_diff_builder){
        .arena = arena,
        .visitor = {.account = visit_account, .slot = visit_slot, .code = visit_code},
        .sink = {.put = sink_put, .del = sink_del, .replace = sink_replace}};
    b->visitor.ctx = b;
    b->sink.ctx = b;
}

static int
compare_changes(const void *a, const void *b)
{
    const struct vd_change *x = a;
    const struct vd_change *y = b;
    return vd_compare_rows(x->table, x->key, y->table, y->key);
}

enum vd_err
vd_diff_finish(struct vd_diff_builder *b, struct vd_diff *diff)
{
    if (b->count > 0) {
        qsort(b->changes, b->count, sizeof *b->changes, compare_changes);
    }
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct vd_change *last = kept > 0 ? &b->changes[kept - 1] : NULL;
        if (last && compare_changes(last, &b->changes[i]) == 0) {
            /* A branch's old and new form, or the same code twice. */
            last->before = last->before.ptr ? last->before : b->changes[i].before;
            last->after = last->after.ptr ? last->after : b->changes[i].after;
        } else {
            b->changes[kept++] = b->changes[i];
        }
    }
    *diff = (struct vd_diff){.changes = b->changes, .count = kept};
    return VD_OK;
}

size_t
vd_diff_lower_bound(const struct vd_diff *diff, enum vd_table table, struct vd_slice key)
{
    size_t low = 0;
    size_t high = diff->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct vd_change *change = &diff->changes[middle];
        if (vd_compare_rows(change->table, change->key, table, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct vd_change *
vd_diff_find(const struct vd_diff *diff, enum vd_table table, struct vd_slice key)
{
    size_t i = vd_diff_lower_bound(diff, table, key);
    if (i < diff->count && diff->changes[i].table == table &&
        vd_slice_eq(diff->changes[i].key, key)) {
        return &diff->changes[i];
    }
    return NULL;
}

/* --- layers --- */

static enum vd_err
layered_get(void *ctx, struct vd_slice *value, enum vd_table table, struct vd_slice key)
{
    const struct vd_layers *l = ctx;
    for (size_t i = 0; i < l->count; i++) {
        const struct vd_change *change = vd_diff_find(l->layers[i], table, key);
        if (change) {
            *value = change->after;
            return change->after.ptr ? VD_OK : VD_ERR_NOT_FOUND;
        }
    }
    return l->below->get(l->below->ctx, value, table, key);
}

/* The smallest key at or after key among the database and all layers; whether it is there is the
   newest layer's word. */
static enum vd_err
first_candidate(const struct vd_layers *l, struct vd_slice *found, enum vd_table table,
                struct vd_slice key)
{
    struct vd_slice value;
    enum vd_err err = l->below->seek(l->below->ctx, found, &value, table, key);
    bool any = err == VD_OK;
    if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
        return err;
    }
    for (size_t i = 0; i < l->count; i++) {
        size_t at = vd_diff_lower_bound(l->layers[i], table, key);
        if (at == l->layers[i]->count || l->layers[i]->changes[at].table != table) {
            continue;
        }
        struct vd_slice candidate = l->layers[i]->changes[at].key;
        if (!any || compare_slices(candidate, *found) < 0) {
            *found = candidate;
            any = true;
        }
    }
    return any ? VD_OK : VD_ERR_NOT_FOUND;
}

static bool
starts_with(struct vd_slice bytes, struct vd_slice prefix)
{
    return bytes.len >= prefix.len &&
           (prefix.len == 0 || memcmp(bytes.ptr, prefix.ptr, prefix.len) == 0);
}

/* The first row at or after key.  VD_ERR_NOT_FOUND also when it does not begin with prefix: a past
   state has few rows among many that were made later, and to step over all of these would tell
   nothing. */
static enum vd_err
seek_within(const struct vd_layers *l, struct vd_slice *found, struct vd_slice *value,
            enum vd_table table, struct vd_slice key, struct vd_slice prefix)
{
    uint8_t next[VD_MAX_KEY + 1];
    for (;;) {
        enum vd_err err = first_candidate(l, found, table, key);
        if (err == VD_OK && !starts_with(*found, prefix)) {
            err = VD_ERR_NOT_FOUND;
        }
        if (err != VD_OK) {
            return err;
        }
        err = layered_get((void *)(uintptr_t)l, value, table, *found);
        if (err != VD_ERR_NOT_FOUND) {
            return err;
        }
        /* Deleted in a layer: go on behind it. */
        if (found->len > VD_MAX_KEY) {
            return VD_ERR_CORRUPT;
        }
        size_t len = found->len;
        memmove(next, found->ptr, len);
        next[len] = 0;
        key = vd_slice(next, len + 1);
    }
}

static enum vd_err
layered_seek(void *ctx, struct vd_slice *found, struct vd_slice *value, enum vd_table table,
             struct vd_slice key)
{
    return seek_within(ctx, found, value, table, key, vd_slice(NULL, 0));
}

static enum vd_err
source_account(void *ctx, struct vd_account *out, const struct vd_address *address,
               const struct vd_hash *address_hash)
{
    (void)address;
    struct vd_slice row;
    enum vd_err err = layered_get(ctx, &row, VD_TABLE_ACCOUNTS, vd_slice(address_hash->b, 32));
    if (err != VD_OK) {
        return err;
    }
    return vd_account_decode(out, row) == VD_OK ? VD_OK : VD_ERR_CORRUPT;
}

enum vd_err
vd_slot_decode(struct vd_u256 *out, struct vd_slice row)
{
    struct vd_rlp r = vd_rlp(row);
    *out = vd_rlp_u256(&r);
    return vd_rlp_done(&r) ? VD_OK : VD_ERR_CORRUPT;
}

static enum vd_err
source_slot(void *ctx, struct vd_u256 *out, const struct vd_hash *address_hash,
            const struct vd_hash *storage_root, const struct vd_hash *slot_hash)
{
    (void)storage_root;
    uint8_t key[64];
    memcpy(key, address_hash->b, 32);
    memcpy(key + 32, slot_hash->b, 32);
    struct vd_slice row;
    enum vd_err err = layered_get(ctx, &row, VD_TABLE_SLOTS, vd_slice(key, sizeof key));
    if (err == VD_ERR_NOT_FOUND) {
        *out = vd_u256(0);
        return VD_OK;
    }
    return err == VD_OK ? vd_slot_decode(out, row) : err;
}

static enum vd_err
source_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    enum vd_err err = layered_get(ctx, out, VD_TABLE_CODE, vd_slice(code_hash->b, 32));
    return err == VD_ERR_NOT_FOUND ? VD_ERR_CORRUPT : err;
}

static enum vd_err
first_branch(void *ctx, uint8_t path[VD_TRIE_MAX_NIBBLES], size_t *path_len,
             struct vd_trie_ref child[16], const struct vd_trie_position *at)
{
    uint8_t key[VD_MAX_KEY];
    size_t key_len = vd_branch_key(key, at);
    struct vd_slice found;
    struct vd_slice row;
    struct vd_slice prefix = vd_slice(key, key_len);
    enum vd_err err = seek_within(ctx, &found, &row, VD_TABLE_BRANCHES, prefix, prefix);
    if (err != VD_OK) {
        return err;
    }
    size_t head = key_len - at->path_len;
    if (found.len - head > VD_TRIE_MAX_NIBBLES) {
        return VD_ERR_CORRUPT;
    }
    *path_len = found.len - head;
    memcpy(path, found.ptr + head, *path_len);
    return vd_branch_decode(child, row);
}

static enum vd_err
first_leaf(void *ctx, struct vd_hash *leaf, struct vd_slice *value,
           const struct vd_trie_position *at)
{
    uint8_t key[64] = {0};
    size_t head = at->owner ? 32 : 0;
    if (at->owner) {
        memcpy(key, at->owner->b, 32);
    }
    for (size_t i = 0; i < at->path_len; i++) {
        key[head + i / 2] |= (uint8_t)(i % 2 == 0 ? at->path[i] << 4 : at->path[i]);
    }
    struct vd_slice found;
    /* Whole bytes of the path; the caller compares what is left of it. */
    enum vd_err err =
        seek_within(ctx, &found, value, at->owner ? VD_TABLE_SLOTS : VD_TABLE_ACCOUNTS,
                    vd_slice(key, head + 32), vd_slice(key, head + at->path_len / 2));
    if (err != VD_OK) {
        return err;
    }
    if (found.len != head + 32) {
        return VD_ERR_CORRUPT;
    }
    memcpy(leaf->b, found.ptr + head, 32);
    return VD_OK;
}

void
vd_layers_source(struct vd_state_source *out, struct vd_layers *layers)
{
    layers->paths = (struct vd_pathstore){
        .ctx = layers, .first_branch = first_branch, .first_leaf = first_leaf};
    *out = (struct vd_state_source){
        .ctx = layers, .account = source_account, .slot = source_slot, .code = source_code};
    vd_pathstore_source(&out->trie, &layers->paths);
}

const struct vd_rows *
vd_layers_rows(struct vd_layers *layers)
{
    layers->over = (struct vd_rows){.ctx = layers, .get = layered_get, .seek = layered_seek};
    return &layers->over;
}
