/* Applying a sorted batch of changes to a trie that is read as far as needed.

   Three passes.  apply goes down the changes and the old trie together and leaves the touched part
   of the new trie in memory; every node it reads is also kept as it was, in walking order.  Then
   vd_trie_hash hashes what is dirty, and vd_trie_emit compares the new nodes with the kept old
   ones, place by place.  What an unchecked source gave is checked along the first pass.  A node
   that a change pushes down or pulls up needs no care in the first pass: the comparison finds that
   it left one place and came to another.

   Without a sink nobody asks for the nodes again, and what one block touches can be more than the
   fault-proof guest has memory for: whoever has ground keys with long common prefixes makes a slot
   of 5000 gas touch a dozen nodes of its own.  So once the touched part is large, each piece that
   is done is hashed and given up, all but its top.

   apply calls itself once per node on the way down, at most twice per nibble of a key. */
#include "core/state/trie_internal.h"
#include "viaduct/core/crypto/keccak.h"

enum {
    /* The touched part is kept whole up to this many bytes. */
    KEEP_BYTES = 8 << 20,
    /* Then pieces larger than this are given up.  16 smaller ones can hang at each of 64 branches
       on the way down: with them the touched part is below 72 MiB, and what is built in empty
       places, at 20000 gas a leaf. */
    PIECE_BYTES = 64 << 10,
    /* Accounts and slots are shorter; a leaf with a longer value is not given up. */
    VALUE_BYTES = 128,
};

struct update {
    const struct vd_trie_source *source;
    const struct vd_hash *owner;
    struct vd_arena *arena;
    const struct vd_trie_change *changes;
    bool keep_old;               /* for a sink */
    size_t begin;                /* of the touched part in the arena */
    struct vd_trie_check *check; /* NULL unless the source is unchecked */
    /* What apply read on its way, in order; and what it read to collapse branches, in none. */
    struct vd_trie_old *olds;
    struct vd_trie_old **olds_end;
    struct vd_trie_old *siblings;
    /* The nibbles from the root to the node at hand. */
    uint8_t path[VD_TRIE_MAX_NIBBLES];
};

/* Changes lo to hi - 1. */
struct range {
    size_t lo;
    size_t hi;
};

/* One place in its parent: the node in memory, if it is, and the reference it was read by.
   Nothing is there when there is no node and ref->len is 0. */
struct place {
    struct vd_trie_tnode **kid;
    struct vd_trie_ref *ref;
};

static enum vd_err apply(struct update *up, struct place at, size_t depth, struct range r,
                         bool *changed);

static void
clear_place(struct place at)
{
    *at.kid = NULL;
    at.ref->len = 0;
}

static uint8_t
change_nibble(const struct update *up, size_t change, size_t depth)
{
    return vd_nibble(up->changes[change].key.b, depth);
}

/* --- reading --- */

static enum vd_err
keep_old(struct update *up, const struct vd_trie_tnode *t, size_t depth, bool in_order)
{
    if (!up->keep_old)
        return VD_OK;
    struct vd_trie_old *old = vd_arena_alloc(up->arena, sizeof *old, _Alignof(struct vd_trie_old));
    if (old == NULL)
        return VD_ERR_NO_MEMORY;
    old->next = in_order ? NULL : up->siblings;
    old->node = t->node;
    old->ref = t->ref;
    old->path_len = (uint8_t)depth;
    memcpy(old->path, up->path, sizeof old->path);
    if (in_order) {
        *up->olds_end = old;
        up->olds_end = &old->next;
    } else {
        up->siblings = old;
    }
    return VD_OK;
}

/* Brings the node at up->path into memory. */
static enum vd_err
load(struct update *up, struct place at, size_t depth, bool in_order)
{
    if (*at.kid != NULL)
        return VD_OK;
    struct vd_trie_tnode *t = vd_arena_alloc(up->arena, sizeof *t, _Alignof(struct vd_trie_tnode));
    if (t == NULL)
        return VD_ERR_NO_MEMORY;
    memset(t->kid, 0, sizeof t->kid);
    t->rlp = (struct vd_slice){0};
    t->dirty = false;
    struct vd_trie_position position = {up->owner, up->path, depth};
    enum vd_err err = vd_trie_read_ref(up->source, &t->node, &position, at.ref);
    if (err != VD_OK)
        return err;
    if (up->check != NULL && at.ref->len == 32) {
        struct vd_hash hash;
        memcpy(hash.b, at.ref->bytes, sizeof hash.b);
        err = vd_trie_check_add(up->check, &t->node, &hash);
        if (err != VD_OK)
            return err;
    }
    if (t->node.type == VD_TRIE_LEAF) {
        t->node.value.ptr = vd_arena_copy(up->arena, t->node.value);
        if (t->node.value.ptr == NULL)
            return VD_ERR_NO_MEMORY;
    }
    t->ref = *at.ref;
    *at.kid = t;
    return keep_old(up, t, depth, in_order);
}

/* --- a place that gets its first nodes --- */

/* Builds from what r sets and, where kept.key is not NULL, from that leaf. */
static enum vd_err
build(struct update *up, struct place at, size_t depth, struct range r, struct vd_trie_item kept)
{
    struct vd_trie_item *items = VD_ARENA_NEW(up->arena, struct vd_trie_item, r.hi - r.lo + 1);
    if (items == NULL)
        return VD_ERR_NO_MEMORY;
    size_t count = 0;
    for (size_t i = r.lo; i < r.hi; i++) {
        const struct vd_trie_change *change = &up->changes[i];
        if (kept.key != NULL && memcmp(kept.key, change->key.b, sizeof change->key.b) < 0) {
            items[count++] = kept;
            kept.key = NULL;
        }
        if (change->value.len != 0)
            items[count++] =
                (struct vd_trie_item){change->key.b, VD_TRIE_MAX_NIBBLES, change->value};
    }
    if (kept.key != NULL)
        items[count++] = kept;
    return vd_trie_build(up->arena, at.kid, items, count, depth);
}

/* How many changes of r set a value. */
static size_t
count_sets(const struct update *up, struct range r)
{
    size_t count = 0;
    for (size_t i = r.lo; i < r.hi; i++)
        count += up->changes[i].value.len != 0;
    return count;
}

static enum vd_err
apply_to_empty(struct update *up, struct place at, size_t depth, struct range r, bool *changed)
{
    *changed = count_sets(up, r) != 0;
    return *changed ? build(up, at, depth, r, (struct vd_trie_item){0}) : VD_OK;
}

/* --- leaf --- */

/* The whole key of the leaf at up->path, packed. */
static void
leaf_key(const struct update *up, struct vd_hash *key, const struct vd_trie_node *leaf,
         size_t depth)
{
    uint8_t nibbles[VD_TRIE_MAX_NIBBLES];
    memcpy(nibbles, up->path, depth);
    memcpy(nibbles + depth, leaf->path, VD_TRIE_MAX_NIBBLES - depth);
    for (size_t i = 0; i < sizeof key->b; i++)
        key->b[i] = (uint8_t)(nibbles[2 * i] << 4 | nibbles[2 * i + 1]);
}

/* The change of r for key, or NULL. */
static const struct vd_trie_change *
find_change(const struct update *up, struct range r, const struct vd_hash *key)
{
    for (size_t i = r.lo; i < r.hi; i++) {
        if (vd_hash_eq(&up->changes[i].key, key))
            return &up->changes[i];
    }
    return NULL;
}

static enum vd_err
apply_to_leaf(struct update *up, struct place at, size_t depth, struct range r, bool *changed)
{
    struct vd_trie_tnode *t = *at.kid;
    struct vd_hash *key = VD_ARENA_NEW(up->arena, struct vd_hash, 1);
    if (key == NULL)
        return VD_ERR_NO_MEMORY;
    leaf_key(up, key, &t->node, depth);
    const struct vd_trie_change *own = find_change(up, r, key);
    size_t others = count_sets(up, r) - (own != NULL && own->value.len != 0);
    if (others != 0) {
        struct vd_trie_item kept = {own == NULL ? key->b : NULL, VD_TRIE_MAX_NIBBLES,
                                    t->node.value};
        *changed = true;
        return build(up, at, depth, r, kept);
    }
    *changed = own != NULL && !vd_slice_eq(own->value, t->node.value);
    if (!*changed)
        return VD_OK;
    if (own->value.len == 0) {
        clear_place(at);
        return VD_OK;
    }
    t->node.value = own->value;
    t->dirty = true;
    return VD_OK;
}

/* --- branch and extension --- */

/* Makes of t, which consumes len nibbles of prefix and then has nothing but child, the one node
   that canonical form wants there: child itself with a longer path, or an extension to it. */
static void
join(struct vd_trie_tnode *t, const uint8_t *prefix, size_t len, struct vd_trie_tnode *child)
{
    struct vd_trie_node joined = {.type = VD_TRIE_EXTENSION};
    struct vd_trie_tnode *kid = child;
    memcpy(joined.path, prefix, len);
    if (child->node.type != VD_TRIE_BRANCH) {
        joined.type = child->node.type;
        memcpy(joined.path + len, child->node.path, child->node.path_len);
        len += child->node.path_len;
        joined.value = child->node.value;
        joined.child[0] = child->node.child[0];
        kid = child->kid[0];
    }
    joined.path_len = (uint8_t)len;
    t->node = joined;
    memset(t->kid, 0, sizeof t->kid);
    t->kid[0] = kid;
    t->dirty = true;
}

/* The branch lost children: with one left it is a branch no more, with none it is gone. */
static enum vd_err
settle_branch(struct update *up, struct place at, size_t depth)
{
    struct vd_trie_tnode *t = *at.kid;
    unsigned count = 0;
    uint8_t last = 0;
    for (uint8_t i = 0; i < 16; i++) {
        if (t->kid[i] != NULL || t->node.child[i].len != 0) {
            count++;
            last = i;
        }
    }
    if (count == 0)
        clear_place(at);
    if (count != 1)
        return VD_OK;
    up->path[depth] = last;
    struct place child = {&t->kid[last], &t->node.child[last]};
    enum vd_err err = load(up, child, depth + 1, false);
    if (err != VD_OK)
        return err;
    join(t, &last, 1, t->kid[last]);
    return VD_OK;
}

/* The changes under *kid are made, in memory from mark on: leaves nothing of that but the node
   itself, hashed.  This one stays for its parent, which may be left with it alone. */
static __attribute__((noinline)) enum vd_err
give_up(struct update *up, struct vd_trie_tnode **kid, size_t mark)
{
    uint8_t value[VALUE_BYTES];
    if (*kid == NULL) {
        vd_arena_rewind(up->arena, mark);
        return VD_OK;
    }
    struct vd_trie_tnode top = **kid;
    if (top.node.value.len > sizeof value)
        return VD_OK;
    if (top.node.type == VD_TRIE_LEAF) {
        memcpy(value, top.node.value.ptr, top.node.value.len);
    } else {
        enum vd_err err = vd_trie_hash_part(up->arena, *kid, false);
        if (err != VD_OK)
            return err;
        top = **kid;
        top.dirty = false;
        memset(top.kid, 0, sizeof top.kid);
    }
    vd_arena_rewind(up->arena, mark);
    *kid = vd_arena_alloc(up->arena, sizeof top, _Alignof(struct vd_trie_tnode));
    VD_ASSERT(*kid != NULL);
    if (top.node.type == VD_TRIE_LEAF) {
        top.node.value.ptr = vd_arena_copy(up->arena, vd_slice(value, top.node.value.len));
        VD_ASSERT(top.node.value.ptr != NULL);
    }
    **kid = top;
    return VD_OK;
}

static bool
is_to_give_up(const struct update *up, size_t mark)
{
    size_t used = vd_arena_mark(up->arena);
    return used - mark > PIECE_BYTES && used - up->begin > KEEP_BYTES && !up->keep_old;
}

static enum vd_err
apply_to_branch(struct update *up, struct place at, size_t depth, struct range r, bool *changed)
{
    struct vd_trie_tnode *t = *at.kid;
    bool any = false;
    for (size_t lo = r.lo, hi; lo < r.hi; lo = hi) {
        uint8_t nibble = change_nibble(up, lo, depth);
        hi = lo + 1;
        while (hi < r.hi && change_nibble(up, hi, depth) == nibble)
            hi++;
        up->path[depth] = nibble;
        struct place child = {&t->kid[nibble], &t->node.child[nibble]};
        bool child_changed = false;
        size_t mark = vd_arena_mark(up->arena);
        enum vd_err err = apply(up, child, depth + 1, (struct range){lo, hi}, &child_changed);
        if (err == VD_OK && is_to_give_up(up, mark))
            err = give_up(up, &t->kid[nibble], mark);
        if (err != VD_OK)
            return err;
        any |= child_changed;
    }
    if (!any)
        return VD_OK;
    *changed = true;
    t->dirty = true;
    return settle_branch(up, at, depth);
}

/* After the node below an extension changed, and is in memory or gone. */
static void
settle_extension(struct place at)
{
    struct vd_trie_tnode *t = *at.kid;
    struct vd_trie_tnode *child = t->kid[0];
    if (child == NULL) {
        clear_place(at);
        return;
    }
    uint8_t prefix[VD_TRIE_MAX_NIBBLES];
    size_t len = t->node.path_len;
    memcpy(prefix, t->node.path, len);
    join(t, prefix, len, child);
}

/* How many nibbles of t's path the key of a change agrees with. */
static size_t
agreement(const struct update *up, const struct vd_trie_node *node, size_t depth, size_t change)
{
    size_t n = 0;
    while (n < node->path_len && change_nibble(up, change, depth + n) == node->path[n])
        n++;
    return n;
}

/* The changes of r that agree with the first len nibbles of the path; sorted, they are one run. */
static struct range
agreeing(const struct update *up, const struct vd_trie_node *node, size_t depth, struct range r,
         size_t len)
{
    while (r.lo < r.hi && agreement(up, node, depth, r.lo) < len)
        r.lo++;
    while (r.lo < r.hi && agreement(up, node, depth, r.hi - 1) < len)
        r.hi--;
    return r;
}

/* Puts a branch where the path of the extension at forks after len nibbles, over what is left of
   the extension.  The branch comes back in *branch. */
static enum vd_err
split(struct update *up, struct place at, size_t len, struct vd_trie_tnode **branch)
{
    struct vd_trie_tnode *t = *at.kid;
    struct vd_trie_tnode *fork = VD_ARENA_NEW(up->arena, struct vd_trie_tnode, 1);
    if (fork == NULL)
        return VD_ERR_NO_MEMORY;
    fork->node.type = VD_TRIE_BRANCH;
    fork->dirty = true;
    *branch = fork;
    uint8_t nibble = t->node.path[len];
    size_t rest = (size_t)t->node.path_len - len - 1;
    if (rest == 0) {
        fork->kid[nibble] = t->kid[0];
        fork->node.child[nibble] = t->node.child[0];
    } else {
        struct vd_trie_tnode *tail = VD_ARENA_NEW(up->arena, struct vd_trie_tnode, 1);
        if (tail == NULL)
            return VD_ERR_NO_MEMORY;
        tail->node.type = VD_TRIE_EXTENSION;
        tail->node.path_len = (uint8_t)rest;
        memcpy(tail->node.path, t->node.path + len + 1, rest);
        tail->kid[0] = t->kid[0];
        tail->node.child[0] = t->node.child[0];
        tail->dirty = true;
        fork->kid[nibble] = tail;
    }
    t->node.path_len = (uint8_t)len;
    t->kid[0] = fork;
    t->dirty = true;
    return VD_OK;
}

/* Some change sets a key that leaves the extension's path after len nibbles, and none leaves it
   earlier. */
static enum vd_err
apply_to_fork(struct update *up, struct place at, size_t depth, struct range r, size_t len)
{
    struct vd_trie_tnode *t = *at.kid;
    r = agreeing(up, &t->node, depth, r, len);
    memcpy(up->path + depth, t->node.path, len);
    struct vd_trie_tnode *branch;
    enum vd_err err = split(up, at, len, &branch);
    if (err != VD_OK)
        return err;
    bool changed = false;
    if (len == 0) {
        *at.kid = branch;
        return apply_to_branch(up, at, depth, r, &changed);
    }
    struct place below = {&t->kid[0], &t->node.child[0]};
    err = apply_to_branch(up, below, depth + len, r, &changed);
    if (err == VD_OK)
        settle_extension(at);
    return err;
}

static enum vd_err
apply_to_extension(struct update *up, struct place at, size_t depth, struct range r, bool *changed)
{
    struct vd_trie_tnode *t = *at.kid;
    size_t len = t->node.path_len;
    size_t fork = len;
    for (size_t i = r.lo; i < r.hi; i++) {
        size_t n = agreement(up, &t->node, depth, i);
        if (n < fork && up->changes[i].value.len != 0)
            fork = n;
    }
    if (fork < len) {
        *changed = true;
        return apply_to_fork(up, at, depth, r, fork);
    }
    /* What leaves the path only deletes, and there is nothing to delete. */
    r = agreeing(up, &t->node, depth, r, len);
    if (r.lo == r.hi)
        return VD_OK;
    memcpy(up->path + depth, t->node.path, len);
    struct place below = {&t->kid[0], &t->node.child[0]};
    enum vd_err err = apply(up, below, depth + len, r, changed);
    if (err == VD_OK && *changed)
        settle_extension(at);
    return err;
}

/* Applies r, which is not empty and agrees with up->path, to the place at depth.  *changed, false
   before, tells whether anything under it is new; then the place is empty or its node in memory. */
static enum vd_err
apply(struct update *up, struct place at, size_t depth, struct range r, bool *changed)
{
    if (*at.kid == NULL && at.ref->len == 0)
        return apply_to_empty(up, at, depth, r, changed);
    enum vd_err err = load(up, at, depth, true);
    if (err != VD_OK)
        return err;
    switch ((*at.kid)->node.type) {
    case VD_TRIE_LEAF:
        return apply_to_leaf(up, at, depth, r, changed);
    case VD_TRIE_EXTENSION:
        return apply_to_extension(up, at, depth, r, changed);
    case VD_TRIE_BRANCH:
        break;
    }
    return apply_to_branch(up, at, depth, r, changed);
}

/* --- the whole --- */

static enum vd_err
run(struct update *up, const struct vd_trie_sink *sink, struct vd_hash *new_root,
    const struct vd_hash *root, size_t count)
{
    struct vd_trie_ref ref = {0};
    struct vd_trie_tnode *top = NULL;
    bool changed = false;
    if (!vd_hash_eq(root, &VD_EMPTY_ROOT)) {
        ref.len = 32;
        memcpy(ref.bytes, root->b, sizeof root->b);
    }
    struct place at = {&top, &ref};
    enum vd_err err = apply(up, at, 0, (struct range){0, count}, &changed);
    if (err == VD_OK && up->check != NULL)
        err = vd_trie_check_finish(up->check);
    if (err != VD_OK || !changed)
        return err;
    if (top != NULL)
        err = vd_trie_hash(up->arena, top, sink != NULL);
    if (err != VD_OK)
        return err;
    *new_root = VD_EMPTY_ROOT;
    if (top != NULL)
        memcpy(new_root->b, top->ref.bytes, sizeof new_root->b);
    if (sink == NULL)
        return VD_OK;
    struct vd_trie_old *olds = vd_trie_old_merge(up->olds, vd_trie_old_sort(up->siblings));
    return vd_trie_emit(sink, up->owner, top, olds);
}

enum vd_err
vd_trie_update(const struct vd_trie_source *source, const struct vd_trie_sink *sink,
               struct vd_hash *new_root, struct vd_arena *arena, const struct vd_hash *owner,
               const struct vd_hash *root, const struct vd_trie_change *changes, size_t count)
{
    struct vd_hash old_root = *root;
    *new_root = old_root;
    if (count == 0)
        return VD_OK;
    size_t mark = vd_arena_mark(arena);
    struct update up = {.source = source,
                        .owner = owner,
                        .arena = arena,
                        .changes = changes,
                        .keep_old = sink != NULL,
                        .begin = mark};
    up.olds_end = &up.olds;
    enum vd_err err = VD_OK;
    if (source->unchecked) {
        up.check = vd_arena_alloc(arena, sizeof *up.check, _Alignof(struct vd_trie_check));
        if (up.check == NULL)
            err = VD_ERR_NO_MEMORY;
        else
            up.check->count = up.check->bytes = 0;
    }
    if (err == VD_OK)
        err = run(&up, sink, new_root, &old_root, count);
    vd_arena_rewind(arena, mark);
    return err;
}
