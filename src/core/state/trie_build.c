/* Building a trie from sorted pairs, and hashing what is new. */
#include "core/state/trie_internal.h"
#include "viaduct/core/codec/rlp.h"
#include "viaduct/core/crypto/keccak.h"

enum {
    /* How many nodes are hashed by one call, and after how many bytes of RLP it is made. */
    ROUND_NODES = 128,
    ROUND_BYTES = 128 * 1024,
};

/* --- building --- */

static size_t
common_prefix(const struct vd_trie_item *a, const struct vd_trie_item *b, size_t from)
{
    size_t end = a->nibbles < b->nibbles ? a->nibbles : b->nibbles;
    while (from < end && vd_nibble(a->key, from) == vd_nibble(b->key, from))
        from++;
    return from;
}

static struct vd_trie_tnode *
new_tnode(struct vd_arena *arena, enum vd_trie_node_type type, const uint8_t *key, size_t from,
          size_t to)
{
    struct vd_trie_tnode *t = VD_ARENA_NEW(arena, struct vd_trie_tnode, 1);
    if (t == NULL)
        return NULL;
    t->dirty = true;
    t->node.type = type;
    t->node.path_len = (uint8_t)(to - from);
    for (size_t i = from; i < to; i++)
        t->node.path[i - from] = vd_nibble(key, i);
    return t;
}

static enum vd_err
build_branch(struct vd_arena *arena, struct vd_trie_tnode **out, const struct vd_trie_item *items,
             size_t count, size_t depth)
{
    struct vd_trie_tnode *t = new_tnode(arena, VD_TRIE_BRANCH, NULL, 0, 0);
    if (t == NULL)
        return VD_ERR_NO_MEMORY;
    *out = t;
    size_t lo = 0;
    if (items[0].nibbles == depth)
        t->node.value = items[lo++].value;
    while (lo < count) {
        uint8_t nibble = vd_nibble(items[lo].key, depth);
        size_t hi = lo + 1;
        while (hi < count && vd_nibble(items[hi].key, depth) == nibble)
            hi++;
        enum vd_err err = vd_trie_build(arena, &t->kid[nibble], items + lo, hi - lo, depth + 1);
        if (err != VD_OK)
            return err;
        lo = hi;
    }
    return VD_OK;
}

enum vd_err
vd_trie_build(struct vd_arena *arena, struct vd_trie_tnode **out, const struct vd_trie_item *items,
              size_t count, size_t depth)
{
    if (count == 1) {
        *out = new_tnode(arena, VD_TRIE_LEAF, items[0].key, depth, items[0].nibbles);
        if (*out == NULL)
            return VD_ERR_NO_MEMORY;
        (*out)->node.value = items[0].value;
        return VD_OK;
    }
    /* Sorted: what the first and the last have in common, all have. */
    size_t fork = common_prefix(&items[0], &items[count - 1], depth);
    if (fork == depth)
        return build_branch(arena, out, items, count, depth);
    *out = new_tnode(arena, VD_TRIE_EXTENSION, items[0].key, depth, fork);
    if (*out == NULL)
        return VD_ERR_NO_MEMORY;
    return build_branch(arena, &(*out)->kid[0], items, count, fork);
}

/* --- hashing --- */

/* The dirty nodes by the rounds in which they can be hashed: leaves first, whatever their depth,
   then the rest from the deepest level up. */
struct rounds {
    struct vd_trie_tnode *leaves;
    struct vd_trie_tnode *levels[VD_TRIE_MAX_NIBBLES + 1];
};

/* Sorts the dirty nodes under t, which is dirty and stands at depth.  All that is dirty hangs
   below dirty nodes only. */
static void
gather(struct rounds *rounds, struct vd_trie_tnode *t, size_t depth)
{
    struct vd_trie_tnode **list =
        t->node.type == VD_TRIE_LEAF ? &rounds->leaves : &rounds->levels[depth];
    t->next = *list;
    *list = t;
    if (t->node.type == VD_TRIE_LEAF)
        return;
    size_t below = depth + (t->node.type == VD_TRIE_BRANCH ? 1 : t->node.path_len);
    size_t kids = t->node.type == VD_TRIE_BRANCH ? 16 : 1;
    for (size_t i = 0; i < kids; i++) {
        if (t->kid[i] != NULL && t->kid[i]->dirty)
            gather(rounds, t->kid[i], below);
    }
}

/* Up to ROUND_NODES nodes whose RLP is ready. */
struct batch {
    size_t count;
    size_t bytes;
    struct vd_trie_tnode *nodes[ROUND_NODES];
    struct vd_slice rlp[ROUND_NODES];
    struct vd_hash hashes[ROUND_NODES];
};

static enum vd_err
batch_add(struct batch *batch, struct vd_arena *arena, struct vd_trie_tnode *t)
{
    size_t kids = t->node.type == VD_TRIE_BRANCH ? 16 : t->node.type == VD_TRIE_LEAF ? 0 : 1;
    for (size_t i = 0; i < kids; i++) {
        if (t->kid[i] != NULL)
            t->node.child[i] = t->kid[i]->ref;
    }
    size_t len = vd_trie_encoded_len(&t->node);
    uint8_t *out = vd_arena_alloc(arena, len, 8); /* hashed soonest where it is aligned */
    if (out == NULL)
        return VD_ERR_NO_MEMORY;
    vd_trie_write(out, &t->node);
    batch->nodes[batch->count] = t;
    batch->rlp[batch->count++] = vd_slice(out, len);
    batch->bytes += len;
    return VD_OK;
}

static void
batch_hash(struct batch *batch, bool keep_rlp)
{
    vd_keccak256_many(batch->hashes, batch->rlp, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        struct vd_trie_tnode *t = batch->nodes[i];
        struct vd_slice rlp = batch->rlp[i];
        bool inlined = rlp.len < 32;
        t->ref.len = inlined ? (uint8_t)rlp.len : 32;
        memcpy(t->ref.bytes, inlined ? rlp.ptr : batch->hashes[i].b, t->ref.len);
        if (keep_rlp)
            t->rlp = rlp;
    }
    batch->count = 0;
    batch->bytes = 0;
}

static enum vd_err
hash_list(struct batch *batch, struct vd_arena *arena, struct vd_trie_tnode *list, bool keep_rlp)
{
    size_t mark = vd_arena_mark(arena);
    for (struct vd_trie_tnode *t = list; t != NULL; t = t->next) {
        enum vd_err err = batch_add(batch, arena, t);
        if (err != VD_OK)
            return err;
        if (batch->count < ROUND_NODES && batch->bytes < ROUND_BYTES && t->next != NULL)
            continue;
        batch_hash(batch, keep_rlp);
        if (!keep_rlp)
            vd_arena_rewind(arena, mark);
    }
    return VD_OK;
}

/* The root is referred to by its hash even when its RLP is short. */
static void
hash_short_root(struct vd_trie_tnode *root)
{
    if (root->ref.len == 32)
        return;
    struct vd_hash hash = vd_keccak256(vd_slice(root->ref.bytes, root->ref.len));
    root->ref.len = 32;
    memcpy(root->ref.bytes, hash.b, sizeof hash.b);
}

enum vd_err
vd_trie_hash_part(struct vd_arena *arena, struct vd_trie_tnode *top, bool keep_rlp)
{
    if (!top->dirty)
        return VD_OK;
    struct batch *batch = vd_arena_alloc(arena, sizeof *batch, _Alignof(struct batch));
    struct rounds *rounds = VD_ARENA_NEW(arena, struct rounds, 1);
    if (batch == NULL || rounds == NULL)
        return VD_ERR_NO_MEMORY;
    batch->count = batch->bytes = 0;
    gather(rounds, top, 0);
    enum vd_err err = hash_list(batch, arena, rounds->leaves, keep_rlp);
    for (size_t depth = VD_TRIE_MAX_NIBBLES + 1; depth-- > 0 && err == VD_OK;)
        err = hash_list(batch, arena, rounds->levels[depth], keep_rlp);
    return err;
}

enum vd_err
vd_trie_hash(struct vd_arena *arena, struct vd_trie_tnode *root, bool keep_rlp)
{
    enum vd_err err = vd_trie_hash_part(arena, root, keep_rlp);
    if (err == VD_OK && root->dirty)
        hash_short_root(root);
    return err;
}

/* --- tries without a past --- */

static enum vd_err
pairs_root(struct vd_hash *root, struct vd_arena *arena, const struct vd_trie_item *items,
           size_t count, const struct vd_trie_sink *sink)
{
    *root = VD_EMPTY_ROOT;
    if (count == 0)
        return VD_OK;
    size_t mark = vd_arena_mark(arena);
    struct vd_trie_tnode *top;
    enum vd_err err = vd_trie_build(arena, &top, items, count, 0);
    if (err == VD_OK)
        err = vd_trie_hash(arena, top, sink != NULL);
    if (err == VD_OK)
        memcpy(root->b, top->ref.bytes, sizeof root->b);
    if (err == VD_OK && sink != NULL)
        err = vd_trie_emit(sink, NULL, top, NULL);
    vd_arena_rewind(arena, mark);
    return err;
}

enum vd_err
vd_trie_pairs_root(struct vd_hash *root, struct vd_arena *arena, const struct vd_trie_item *items,
                   size_t count)
{
    return pairs_root(root, arena, items, count, NULL);
}

/* rlp(index), which for the indices of a list is at most nine bytes. */
struct list_key {
    uint8_t bytes[16];
};

static size_t
write_list_key(struct list_key *key, size_t index)
{
    if (index != 0 && index < 0x80) {
        key->bytes[0] = (uint8_t)index;
        return 1;
    }
    size_t len = 0;
    while (len < sizeof index && index >> (8 * len) != 0)
        len++;
    key->bytes[0] = (uint8_t)(0x80 + len);
    for (size_t i = 0; i < len; i++)
        key->bytes[1 + i] = (uint8_t)(index >> (8 * (len - 1 - i)));
    return 1 + len;
}

/* rlp(0) is 0x80 and sorts behind rlp(1) to rlp(127), before rlp(128); all else sorts by index. */
static size_t
list_rank_to_index(size_t rank, size_t count)
{
    size_t small = count < 128 ? count - 1 : 127;
    return rank < small ? rank + 1 : rank == small ? 0 : rank;
}

enum vd_err
vd_trie_list_nodes(struct vd_hash *root, struct vd_arena *arena, const struct vd_slice *items,
                   size_t count, const struct vd_trie_sink *sink)
{
    size_t mark = vd_arena_mark(arena);
    struct list_key *keys = VD_ARENA_NEW(arena, struct list_key, count);
    struct vd_trie_item *pairs = VD_ARENA_NEW(arena, struct vd_trie_item, count);
    if (keys == NULL || pairs == NULL) {
        vd_arena_rewind(arena, mark);
        return VD_ERR_NO_MEMORY;
    }
    for (size_t rank = 0; rank < count; rank++) {
        size_t index = list_rank_to_index(rank, count);
        size_t len = write_list_key(&keys[rank], index);
        pairs[rank] = (struct vd_trie_item){keys[rank].bytes, 2 * len, items[index]};
    }
    enum vd_err err = pairs_root(root, arena, pairs, count, sink);
    vd_arena_rewind(arena, mark);
    return err;
}

enum vd_err
vd_trie_list_root(struct vd_hash *root, struct vd_arena *arena, const struct vd_slice *items,
                  size_t count)
{
    return vd_trie_list_nodes(root, arena, items, count, NULL);
}
