/* Lists as tries: keys are rlp(index), at most nine bytes, so that a walk is at most 19 nodes deep.
   In the order of keys the items 1 to 127 come first, then 0, then 128 and so on. */
#include "program_internal.h"

#include "viaduct/core/crypto/keccak.h"

#define MAX_NIBBLES 18u
#define FRAMES (MAX_NIBBLES + 1u)

struct frame {
    struct vd_trie_node node;
    uint8_t depth; /* nibbles above the node */
    uint8_t next;  /* child to visit */
};

struct list {
    struct run *run;
    struct vd_arena *arena;
    struct frame *frames;
    unsigned depth;
    struct vd_slice *items; /* as they are met, then put in order */
    size_t count;
    size_t cap;
};

static enum vd_err
read_node(struct list *l, struct vd_trie_node *node, const struct vd_trie_ref *ref)
{
    struct vd_slice rlp;
    enum vd_err err = VD_OK;
    if (ref->len == 32) {
        struct vd_hash hash;
        memcpy(hash.b, ref->bytes, sizeof hash.b);
        err = run_keccak(l->run, &rlp, l->arena, &hash);
    } else {
        /* The parent's frame is used again: what the node borrows has to stay. */
        uint8_t *copy = vd_arena_copy(l->arena, vd_slice(ref->bytes, ref->len));
        rlp = vd_slice(copy, ref->len);
        err = copy == NULL ? VD_ERR_NO_MEMORY : VD_OK;
    }
    return err == VD_OK ? vd_trie_decode(node, rlp) : err;
}

static enum vd_err
push(struct list *l, const struct vd_trie_ref *ref, unsigned depth)
{
    if (l->depth > MAX_NIBBLES || depth > MAX_NIBBLES)
        return VD_ERR_CORRUPT;
    struct frame *frame = &l->frames[l->depth++];
    frame->depth = (uint8_t)depth;
    frame->next = 0;
    return read_node(l, &frame->node, ref);
}

static enum vd_err
keep(struct list *l, struct vd_slice value)
{
    if (l->count == l->cap) {
        size_t cap = l->cap == 0 ? 256 : 2 * l->cap;
        struct vd_slice *items = VD_ARENA_NEW(l->arena, struct vd_slice, cap);
        if (items == NULL)
            return VD_ERR_NO_MEMORY;
        if (l->count != 0)
            memcpy(items, l->items, l->count * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->count++] = value;
    return VD_OK;
}

/* One move of the walk in order: into the next child of the top frame, or back from it. */
static enum vd_err
move(struct list *l)
{
    struct frame *top = &l->frames[l->depth - 1];
    unsigned depth = (unsigned)top->depth + top->node.path_len;
    if (top->node.type == VD_TRIE_LEAF) {
        l->depth--;
        return keep(l, top->node.value);
    }
    if (top->node.type == VD_TRIE_EXTENSION) {
        if (top->next++ == 0)
            return push(l, &top->node.child[0], depth);
        l->depth--;
        return VD_OK;
    }
    /* rlp(0), 0x80, is a prefix of no other key, and no key of another: branches hold no values. */
    if (top->node.value.len != 0)
        return VD_ERR_CORRUPT;
    while (top->next < 16 && top->node.child[top->next].len == 0)
        top->next++;
    if (top->next == 16) {
        l->depth--;
        return VD_OK;
    }
    return push(l, &top->node.child[top->next++], depth + 1);
}

static enum vd_err
begin(struct list *l, struct run *run, struct vd_arena *arena, const struct vd_hash *root,
      size_t frames)
{
    struct vd_trie_ref ref = {.len = 32};
    memcpy(ref.bytes, root->b, sizeof root->b);
    *l = (struct list){.run = run, .arena = arena};
    l->frames = vd_arena_alloc(arena, frames * sizeof(struct frame), 8);
    return l->frames == NULL ? VD_ERR_NO_MEMORY : push(l, &ref, 0);
}

enum vd_err
list_items(struct run *run, const struct vd_slice **items, size_t *count, struct vd_arena *arena,
           const struct vd_hash *root)
{
    struct list l;
    *items = NULL;
    *count = 0;
    if (vd_hash_eq(root, &VD_EMPTY_ROOT))
        return VD_OK;
    enum vd_err err = begin(&l, run, arena, root, FRAMES);
    while (err == VD_OK && l.depth > 0)
        err = move(&l);
    if (err != VD_OK || l.count == 0)
        return err == VD_OK ? VD_ERR_CORRUPT : err;
    size_t small = l.count < 128 ? l.count - 1 : 127;
    struct vd_slice first = l.items[small];
    memmove(l.items + 1, l.items, small * sizeof first);
    l.items[0] = first;
    *items = l.items;
    *count = l.count;
    return VD_OK;
}

/* Towards the key 0x80: nibbles 8 and 0. */
enum vd_err
list_first(struct run *run, struct vd_slice *item, struct vd_arena *arena,
           const struct vd_hash *root)
{
    static const uint8_t key[2] = {8, 0};
    struct list l;
    if (vd_hash_eq(root, &VD_EMPTY_ROOT))
        return VD_ERR_NOT_FOUND;
    enum vd_err err = begin(&l, run, arena, root, 1);
    for (unsigned depth = 0; err == VD_OK;) {
        const struct vd_trie_node *node = &l.frames[0].node;
        if (node->type == VD_TRIE_LEAF) {
            *item = node->value;
            return VD_OK;
        }
        unsigned child = node->type == VD_TRIE_BRANCH && depth < 2 ? key[depth] : 0;
        depth += node->type == VD_TRIE_BRANCH ? 1 : node->path_len;
        struct vd_trie_ref ref = node->child[child];
        l.depth = 0;
        err = ref.len == 0 || depth > 2 ? VD_ERR_CORRUPT : push(&l, &ref, depth);
    }
    return err;
}
