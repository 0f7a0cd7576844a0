/* Telling a sink how the new trie differs from the old one.

   Both are walked in the order of their paths, a path before its continuations: the new trie by
   descent, the old one as the sorted list of the nodes that were read.  What only the list has is
   gone, what only the trie has is new. */
#include "core/state/trie_internal.h"

struct emit {
    const struct vd_trie_sink *sink;
    const struct vd_hash *owner;
    struct vd_trie_old *old;
    uint8_t path[VD_TRIE_MAX_NIBBLES];
};

static int
compare_paths(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    if (order != 0)
        return order;
    return (a_len > b_len) - (a_len < b_len);
}

/* --- lists of old nodes --- */

struct vd_trie_old *
vd_trie_old_merge(struct vd_trie_old *a, struct vd_trie_old *b)
{
    struct vd_trie_old *head = NULL;
    struct vd_trie_old **end = &head;
    while (a != NULL && b != NULL) {
        bool a_first = compare_paths(a->path, a->path_len, b->path, b->path_len) <= 0;
        struct vd_trie_old **first = a_first ? &a : &b;
        *end = *first;
        end = &(*first)->next;
        *first = (*first)->next;
    }
    *end = a != NULL ? a : b;
    return head;
}

/* Merge sort: runs[i] is a sorted list of 2^i nodes, or empty. */
struct vd_trie_old *
vd_trie_old_sort(struct vd_trie_old *list)
{
    struct vd_trie_old *runs[64] = {0};
    while (list != NULL) {
        struct vd_trie_old *run = list;
        list = list->next;
        run->next = NULL;
        size_t i = 0;
        for (; runs[i] != NULL; i++) {
            run = vd_trie_old_merge(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }
    struct vd_trie_old *sorted = NULL;
    for (size_t i = 0; i < 64; i++)
        sorted = vd_trie_old_merge(runs[i], sorted);
    return sorted;
}

/* --- the comparison --- */

static enum vd_err
tell_del(struct emit *emit, const struct vd_trie_old *old)
{
    struct vd_trie_position at = {emit->owner, old->path, old->path_len};
    return emit->sink->del(emit->sink->ctx, &at, old->node.type, &old->node);
}

/* Old nodes before the place of len nibbles are gone. */
static enum vd_err
pass_olds(struct emit *emit, size_t len)
{
    for (; emit->old != NULL; emit->old = emit->old->next) {
        const struct vd_trie_old *old = emit->old;
        if (compare_paths(old->path, old->path_len, emit->path, len) >= 0)
            break;
        enum vd_err err = tell_del(emit, old);
        if (err != VD_OK)
            return err;
    }
    return VD_OK;
}

/* Old nodes in and below a place where nothing changed are still there. */
static void
skip_olds(struct emit *emit, size_t len)
{
    while (emit->old != NULL && emit->old->path_len >= len &&
           memcmp(emit->old->path, emit->path, len) == 0)
        emit->old = emit->old->next;
}

/* The old node of just this place, taken off the list, or NULL. */
static const struct vd_trie_old *
take_old(struct emit *emit, size_t len)
{
    const struct vd_trie_old *old = emit->old;
    if (old == NULL || old->path_len != len || memcmp(old->path, emit->path, len) != 0)
        return NULL;
    emit->old = old->next;
    return old;
}

/* Branches always; leaves and extensions when they consume other nibbles, so that a sink learns of
   every node that no longer stands where it stood. */
static bool
is_replaced(const struct vd_trie_node *old, const struct vd_trie_node *node)
{
    return node->type == VD_TRIE_BRANCH || old->path_len != node->path_len ||
           memcmp(old->path, node->path, node->path_len) != 0;
}

/* A dirty node differs from what stood in its place: it has a pair there that is new, or lacks one
   that was. */
static enum vd_err
tell_node(struct emit *emit, const struct vd_trie_tnode *t, const struct vd_trie_old *old,
          size_t len)
{
    const struct vd_trie_sink *sink = emit->sink;
    struct vd_trie_position at = {emit->owner, emit->path, len};
    enum vd_err err = VD_OK;
    if (old != NULL && old->node.type != t->node.type)
        err = tell_del(emit, old);
    else if (old != NULL && sink->replace != NULL && is_replaced(&old->node, &t->node))
        err = sink->replace(sink->ctx, &at, &old->node);
    if (err != VD_OK)
        return err;
    return sink->put(sink->ctx, &at, &t->node, t->rlp, &t->ref);
}

/* Recursion bounded by the path length. */
static enum vd_err
walk(struct emit *emit, const struct vd_trie_tnode *t, size_t len)
{
    enum vd_err err = pass_olds(emit, len);
    if (err != VD_OK)
        return err;
    if (!t->dirty) {
        skip_olds(emit, len);
        return VD_OK;
    }
    err = tell_node(emit, t, take_old(emit, len), len);
    if (t->node.type == VD_TRIE_EXTENSION && err == VD_OK && t->kid[0] != NULL) {
        memcpy(emit->path + len, t->node.path, t->node.path_len);
        return walk(emit, t->kid[0], len + t->node.path_len);
    }
    if (t->node.type != VD_TRIE_BRANCH)
        return err;
    for (uint8_t i = 0; i < 16 && err == VD_OK; i++) {
        emit->path[len] = i;
        if (t->kid[i] != NULL)
            err = walk(emit, t->kid[i], len + 1);
    }
    return err;
}

enum vd_err
vd_trie_emit(const struct vd_trie_sink *sink, const struct vd_hash *owner,
             struct vd_trie_tnode *root, struct vd_trie_old *olds)
{
    struct emit emit = {.sink = sink, .owner = owner, .old = olds};
    enum vd_err err = root == NULL ? VD_OK : walk(&emit, root, 0);
    for (; emit.old != NULL && err == VD_OK; emit.old = emit.old->next)
        err = tell_del(&emit, emit.old);
    return err;
}
