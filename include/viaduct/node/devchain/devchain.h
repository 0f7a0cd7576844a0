/* The embedded L1: an engine under L1 rules with a clock that mines.

   It keeps one block open at a time, seals it at each interval and lets safe and finalized trail
   the tip by fixed depths.  The rollup meets it only as an L1 over JSON-RPC; tests and developers
   move it through the controls.  Lives on the loop. */
#ifndef VIADUCT_NODE_DEVCHAIN_DEVCHAIN_H
#define VIADUCT_NODE_DEVCHAIN_DEVCHAIN_H

#include <uv.h>

#include "viaduct/node/engine/view.h"

struct vd_devchain;

struct vd_devchain_config {
    struct vd_engine *engine; /* outlives it */
    uv_loop_t *loop;
    const struct vd_clock *clock;
    const struct vd_logger *logger;
    uint64_t interval_ms; /* 0: blocks come only by mine */
    uint64_t gas_limit;
    uint64_t safe_depth; /* blocks behind the tip */
    uint64_t finalized_depth;
};

VD_MUST_USE enum vd_err vd_devchain_new(struct vd_devchain **out,
                                        const struct vd_devchain_config *config);
/* Stops mining, finishes what is under way, frees it, calls closed. */
void vd_devchain_close(struct vd_devchain *dev, void (*closed)(void *ctx), void *ctx);

/* value: a snapshot's id, else 0.  why is not NULL. */
typedef void (*vd_devchain_fn)(void *ctx, enum vd_err err, const char *why, uint64_t value);

/* Controls run one after the other, in the order of the calls; each answers when the database has
   what it did.  VD_ERR_BUSY: too many are waiting. */
/* Seals blocks at once. */
void vd_devchain_mine(struct vd_devchain *dev, uint64_t blocks, vd_devchain_fn fn, void *ctx);
/* Moves the chain's clock on, from the next block. */
void vd_devchain_increase_time(struct vd_devchain *dev, uint64_t seconds, vd_devchain_fn fn,
                               void *ctx);
uint64_t vd_devchain_offset(const struct vd_devchain *dev);
/* Replaces the newest depth blocks by as many others and one more.  Their transactions come back,
   in order, in the new ones.  VD_ERR_INVALID: the chain is not that long, or finalized there. */
void vd_devchain_reorg(struct vd_devchain *dev, uint64_t depth, vd_devchain_fn fn, void *ctx);

/* A snapshot is a block: what is pending is sealed into it first.  Setting the chain back to one
   uses it and all later ones up; transactions since are forgotten.  VD_ERR_NOT_FOUND: no such
   snapshot, or its block is not on the chain any more.  VD_ERR_INVALID: its block is below the
   finalized one; the snapshot stays, as do later ones.  At most VD_DEVCHAIN_SNAPSHOTS are kept. */
#define VD_DEVCHAIN_SNAPSHOTS 256u
void vd_devchain_snapshot(struct vd_devchain *dev, vd_devchain_fn fn, void *ctx);
void vd_devchain_revert(struct vd_devchain *dev, uint64_t id, vd_devchain_fn fn, void *ctx);

#endif
