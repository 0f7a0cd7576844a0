/* The L1 blocks that L2 blocks may still take as their origin: consecutive, the first one the
   current epoch.  A ring of fixed-size entries; the deposits of those blocks lie in a second ring,
   of bytes, in the same order.  Deposits that find no room there are marked as not kept. */
#ifndef VD_CORE_ROLLUP_L1_WINDOW_H
#define VD_CORE_ROLLUP_L1_WINDOW_H

#include "core/rollup/internal.h"

struct vd_l1_entry {
    struct vd_epoch epoch;
    struct vd_system_patch patch;
    bool deposits_kept;
    const struct vd_slice *deposits;
    size_t deposit_count;
    size_t ring_end; /* where the byte ring's write position stood after this entry */
};

struct vd_l1_window {
    struct vd_l1_entry *entries;
    size_t cap;
    size_t first;
    size_t count;
    uint8_t *ring;
    size_t ring_size;
    size_t ring_read; /* bytes from here up to ring_write, around the end, are in use */
    size_t ring_write;
};

/* cap entries and ring_size bytes from the arena. */
VD_MUST_USE enum vd_err vd_l1_window_init(struct vd_l1_window *w, struct vd_arena *arena,
                                          size_t cap, size_t ring_size);
void vd_l1_window_clear(struct vd_l1_window *w);
/* The entry at index from the current epoch, or with that block number; NULL when there is none. */
const struct vd_l1_entry *vd_l1_window_at(const struct vd_l1_window *w, size_t index);
const struct vd_l1_entry *vd_l1_window_find(const struct vd_l1_window *w, uint64_t number);
/* Forgets the first entry. */
void vd_l1_window_pop(struct vd_l1_window *w);
/* Appends a block, for which there is room.  Receipts NULL: there are no deposits in them. Deposits
   that find no room, or that are malformed, are not kept: they are looked at again when the epoch
   opens, and only then is a malformed one fatal. */
void vd_l1_window_push(struct vd_l1_window *w, const struct vd_epoch *epoch,
                       const struct vd_system_patch *patch, const struct vd_address *portal,
                       const struct vd_slice *receipts, size_t receipt_count);

#endif
