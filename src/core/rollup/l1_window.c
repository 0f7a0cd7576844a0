#include "core/rollup/l1_window.h"

enum vd_err
vd_l1_window_init(struct vd_l1_window *w, struct vd_arena *arena, size_t cap, size_t ring_size)
{
    *w = (struct vd_l1_window){.cap = cap, .ring_size = ring_size};
    w->entries = VD_ARENA_NEW(arena, struct vd_l1_entry, cap);
    w->ring = vd_arena_alloc(arena, ring_size, 16);
    return w->entries == NULL || w->ring == NULL ? VD_ERR_NO_MEMORY : VD_OK;
}

void
vd_l1_window_clear(struct vd_l1_window *w)
{
    w->first = 0;
    w->count = 0;
    w->ring_read = 0;
    w->ring_write = 0;
}

static struct vd_l1_entry *
entry_at(const struct vd_l1_window *w, size_t index)
{
    return &w->entries[(w->first + index) % w->cap];
}

const struct vd_l1_entry *
vd_l1_window_at(const struct vd_l1_window *w, size_t index)
{
    return index < w->count ? entry_at(w, index) : NULL;
}

const struct vd_l1_entry *
vd_l1_window_find(const struct vd_l1_window *w, uint64_t number)
{
    if (w->count == 0)
        return NULL;
    uint64_t first = entry_at(w, 0)->epoch.ref.number;
    return number < first || number - first >= w->count ? NULL
                                                        : entry_at(w, (size_t)(number - first));
}

void
vd_l1_window_pop(struct vd_l1_window *w)
{
    w->ring_read = entry_at(w, 0)->ring_end;
    w->first = (w->first + 1) % w->cap;
    w->count--;
    if (w->count == 0)
        vd_l1_window_clear(w);
}

/* The free stretch that starts where writing goes on, or the one at the ring's start.  A stretch
   never touches the read position from behind, so that equal positions always mean empty. */
static struct vd_arena
free_stretch(const struct vd_l1_window *w, bool at_start)
{
    struct vd_arena arena;
    size_t from = at_start ? 0 : w->ring_write;
    size_t to = w->ring_size;
    if (w->ring_write < w->ring_read || at_start)
        to = w->ring_read == 0 ? 0 : w->ring_read - 1;
    if (w->ring_write < w->ring_read && at_start)
        to = 0; /* that is the stretch above already */
    vd_arena_init(&arena, w->ring + from, to > from ? to - from : 0);
    return arena;
}

/* Puts the block's deposits into the free stretch.  False: there is no room, or they do not
   parse. */
static bool
keep_deposits(struct vd_l1_window *w, struct vd_l1_entry *entry, bool at_start,
              const struct vd_address *portal, const struct vd_slice *receipts,
              size_t receipt_count)
{
    struct vd_slice *deposits = NULL;
    size_t count = 0;
    struct vd_arena arena = free_stretch(w, at_start);
    enum vd_err err = vd_deposits_read_raw(&deposits, &count, &arena, portal,
                                           &entry->epoch.ref.hash, receipts, receipt_count);
    if (err != VD_OK)
        return false;
    entry->deposits = deposits;
    entry->deposit_count = count;
    if (count != 0)
        w->ring_write = (size_t)(arena.base - w->ring) + arena.used;
    return true;
}

void
vd_l1_window_push(struct vd_l1_window *w, const struct vd_epoch *epoch,
                  const struct vd_system_patch *patch, const struct vd_address *portal,
                  const struct vd_slice *receipts, size_t receipt_count)
{
    VD_ASSERT(w->count < w->cap);
    struct vd_l1_entry *entry = entry_at(w, w->count);
    *entry = (struct vd_l1_entry){.epoch = *epoch, .patch = *patch};
    entry->deposits_kept = receipts == NULL ||
                           keep_deposits(w, entry, false, portal, receipts, receipt_count) ||
                           keep_deposits(w, entry, true, portal, receipts, receipt_count);
    entry->ring_end = w->ring_write;
    w->count++;
}
