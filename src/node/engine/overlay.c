/* The state of the open block as readers on other threads see it: sorted layers that never change
   once they are made. */
#include "engine_internal.h"

#include <stdlib.h>

void
vd_overlay_init(struct vd_overlay *overlay, struct vd_arena *arena)
{
    overlay->layer_count = 0;
    vd_diff_begin(&overlay->fresh, arena);
}

enum vd_err
vd_overlay_collect(struct vd_overlay *overlay, struct vd_state *state)
{
    return vd_state_visit_tx(state, &overlay->fresh.visitor);
}

static int
compare_keys(const struct vd_change *a, const struct vd_change *b)
{
    if (a->table != b->table) {
        return a->table < b->table ? -1 : 1;
    }
    size_t common = a->key.len < b->key.len ? a->key.len : b->key.len;
    int order = memcmp(a->key.ptr, b->key.ptr, common);
    if (order != 0) {
        return order;
    }
    return a->key.len < b->key.len ? -1 : a->key.len > b->key.len;
}

/* Of equal keys the later change comes last: changes stand in the array in their order. */
static int
compare_pointers(const void *a, const void *b)
{
    const struct vd_change *x = *(const struct vd_change *const *)a;
    const struct vd_change *y = *(const struct vd_change *const *)b;
    int order = compare_keys(x, y);
    return order != 0 ? order : (x > y) - (x < y);
}

/* Sorts what was collected; the last change of a key stays. */
static enum vd_err
sort_fresh(struct vd_diff *out, struct vd_diff_builder *fresh)
{
    size_t count = fresh->count;
    size_t mark = vd_arena_mark(fresh->arena);
    struct vd_change *sorted = VD_ARENA_NEW(fresh->arena, struct vd_change, count);
    size_t keep = vd_arena_mark(fresh->arena);
    const struct vd_change **order = VD_ARENA_NEW(fresh->arena, const struct vd_change *, count);
    if (!sorted || !order) {
        vd_arena_rewind(fresh->arena, mark);
        return VD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = &fresh->changes[i];
    }
    qsort(order, count, sizeof(const struct vd_change *), compare_pointers);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (n > 0 && compare_keys(&sorted[n - 1], order[i]) == 0) {
            n--;
        }
        sorted[n++] = *order[i];
    }
    vd_arena_rewind(fresh->arena, keep);
    *out = (struct vd_diff){.changes = sorted, .count = n};
    return VD_OK;
}

static enum vd_err
merge(struct vd_diff *out, struct vd_arena *arena, const struct vd_diff *older,
      const struct vd_diff *newer)
{
    size_t room = older->count + newer->count;
    struct vd_change *merged =
        vd_arena_alloc(arena, room * sizeof *merged, _Alignof(struct vd_change));
    if (!merged) {
        return VD_ERR_NO_MEMORY;
    }
    size_t i = 0;
    size_t j = 0;
    size_t n = 0;
    while (i < older->count || j < newer->count) {
        int order = i == older->count   ? 1
                    : j == newer->count ? -1
                                        : compare_keys(&older->changes[i], &newer->changes[j]);
        if (order == 0) {
            i++;
        }
        merged[n++] = order < 0 ? older->changes[i++] : newer->changes[j++];
    }
    *out = (struct vd_diff){.changes = merged, .count = n};
    return VD_OK;
}

enum vd_err
vd_overlay_flush(struct vd_overlay *o)
{
    if (o->fresh.count == 0) {
        return VD_OK;
    }
    struct vd_diff diff;
    enum vd_err err = sort_fresh(&diff, &o->fresh);
    while (err == VD_OK && o->layer_count > 0 &&
           (diff.count * 2 > o->layers[o->layer_count - 1].count ||
            o->layer_count == VD_OVERLAY_MAX_LAYERS)) {
        struct vd_diff merged;
        err = merge(&merged, o->fresh.arena, &o->layers[o->layer_count - 1], &diff);
        diff = merged;
        o->layer_count--;
    }
    if (err == VD_OK) {
        o->layers[o->layer_count++] = diff;
        o->fresh.count = 0;
    }
    return err;
}
