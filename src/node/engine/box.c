/* A block's memory: two arenas of address space, given back when the last view is gone; and what is
   published of an open block. */
#include "engine_internal.h"

#include <stdlib.h>

#include "viaduct/node/platform/memory.h"

struct vd_block_box *
vd_box_new(uint64_t gas_limit)
{
    size_t exec_bytes = VD_BLOCK_EXEC_BYTES + vd_evm_room(gas_limit);
    struct vd_block_box *box = calloc(1, sizeof *box);
    void *exec = box ? vd_reserve(exec_bytes) : NULL;
    void *own = exec ? vd_reserve(VD_BLOCK_OWN_BYTES) : NULL;
    if (!own) {
        vd_release(exec, exec_bytes);
        free(box);
        return NULL;
    }
    atomic_init(&box->refs, 1);
    atomic_init(&box->committed, false);
    vd_arena_init(&box->exec_arena, exec, exec_bytes);
    vd_arena_init(&box->own, own, VD_BLOCK_OWN_BYTES);
    /* Entries are written before they are counted, so the zeros of fresh pages will do. */
    box->txs = vd_arena_alloc(&box->own, VD_BLOCK_MAX_TXS * sizeof *box->txs, 64);
    box->records = vd_arena_alloc(&box->own, VD_BLOCK_MAX_TXS * sizeof *box->records, 64);
    VD_ASSERT(box->txs != NULL && box->records != NULL);
    vd_overlay_init(&box->overlay, &box->own);
    return box;
}

void
vd_box_ref(struct vd_block_box *box)
{
    atomic_fetch_add(&box->refs, 1);
}

void
vd_box_release(struct vd_block_box *box)
{
    if (!box || atomic_fetch_sub(&box->refs, 1) != 1) {
        return;
    }
    vd_base_deinit(&box->base);
    vd_release(box->exec_arena.base, box->exec_arena.size);
    vd_release(box->own.base, box->own.size);
    free(box);
}

void
vd_base_deinit(struct vd_base *base)
{
    vd_snapshot_end(base->snapshot);
    for (size_t i = 0; i < base->count; i++) {
        vd_box_release(base->boxes[i]);
    }
    base->snapshot = NULL;
    base->count = 0;
}

/* --- pending --- */

struct vd_pending_box *
vd_pending_make(struct vd_block_box *box)
{
    struct vd_pending_box *p = calloc(1, sizeof *p);
    size_t own = box->overlay.layer_count;
    size_t count = own + box->base.count;
    struct vd_diff *layers = calloc(own + 1, sizeof *layers);
    const struct vd_diff **list = calloc(count + 1, sizeof *list);
    if (!p || !layers || !list) {
        free(p);
        free(layers);
        free(list);
        return NULL;
    }
    for (size_t i = 0; i < own; i++) {
        layers[i] = box->overlay.layers[own - 1 - i];
        list[i] = &layers[i];
    }
    for (size_t i = 0; i < box->base.count; i++) {
        list[own + i] = box->base.list[i];
        vd_box_ref(box->base.boxes[i]);
        p->below[i] = box->base.boxes[i];
    }
    atomic_init(&p->refs, 1);
    vd_box_ref(box);
    p->box = box;
    p->layers = layers;
    p->list = list;
    p->layer_count = count;
    p->below_count = box->base.count;
    p->base = box->base.head;
    p->view = (struct vd_pending){.header = *vd_exec_partial_header(box->exec),
                                  .txs = box->records,
                                  .tx_count = box->tx_count};
    memcpy(p->view.header.logs_bloom, box->bloom, sizeof box->bloom);
    return p;
}

const struct vd_pending *
vd_pending_ref(const struct vd_pending *pending)
{
    struct vd_pending_box *p = (struct vd_pending_box *)(uintptr_t)pending;
    if (p) {
        atomic_fetch_add(&p->refs, 1);
    }
    return pending;
}

void
vd_pending_unref(const struct vd_pending *pending)
{
    struct vd_pending_box *p = (struct vd_pending_box *)(uintptr_t)pending;
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < p->below_count; i++) {
        vd_box_release(p->below[i]);
    }
    vd_box_release(p->box);
    free((void *)(uintptr_t)p->list);
    free(p->layers);
    free(p);
}
