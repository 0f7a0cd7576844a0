/* The sequencer: opens a block right after the last seal, on the L1 origin that the protocol's
   rules allow, and seals it when its time has come.

   A state machine without clock or socket; transactions go to the engine, which executes them into
   the open block without asking here.  Behind the clock, blocks follow at once until caught up; a
   clock set back only makes it wait.  With L1 out of reach it keeps the old origin up to the drift
   limit (OP Stack specs, derivation: max sequencer drift) and then waits.

   Recovery: blocks whose batches may miss the sequencing window (window.h), since none came for
   long or the chain was cut back, are made as derivation would make them, so that it meets its own
   blocks and the safe head moves over them without a cut.  Users' transactions wait.  Blocks that
   are clear of the window's end take them again.  One thread. */
#ifndef VIADUCT_NODE_ROLES_SEQUENCER_H
#define VIADUCT_NODE_ROLES_SEQUENCER_H

#include "viaduct/core/rollup/derive.h"

struct vd_sequencer;

struct vd_sequencer_config {
    const struct vd_rollup_config *rollup; /* borrowed */
    uint64_t l1_confirmations;             /* how deep an L1 block must be to become an origin */
    bool deposits_only;                    /* no block takes users' transactions */
};

/* Effects are answered later, never inside the call. */
struct vd_sequencer_effects {
    void *ctx;
    /* The canonical L1 block at number -> vd_sequencer_give_origin or
       vd_sequencer_no_origin. */
    void (*fetch_origin)(void *ctx, uint64_t number);
    /* Opens a block -> vd_sequencer_opened.  attributes live until the block is sealed or
       dropped. */
    void (*open)(void *ctx, const struct vd_attributes *attributes);
    /* Seals the open block -> vd_sequencer_sealed. */
    void (*seal)(void *ctx);
    /* The origin of the head, or of the block in hand, is not on L1's chain: the heads have to be
       found again and the sequencer started on them.  Told once a second until then.  No answer. */
    void (*origin_left)(void *ctx);
    void (*note)(void *ctx, const char *text);
};

VD_MUST_USE enum vd_err vd_sequencer_new(struct vd_sequencer **out,
                                         const struct vd_sequencer_config *config,
                                         const struct vd_sequencer_effects *effects);
void vd_sequencer_free(struct vd_sequencer *sequencer);

/* Starts building on head, whose attributes copy of the system config is system; also after a
   reorg.  Answers to effects of before are ignored. */
void vd_sequencer_start(struct vd_sequencer *sequencer, uint64_t now_ms,
                        const struct vd_l2_ref *head, const struct vd_system_config *system);
/* Stops after what is under way; the open block is left to the engine. */
void vd_sequencer_stop(struct vd_sequencer *sequencer);
bool vd_sequencer_is_active(const struct vd_sequencer *sequencer);

/* --- inputs; now_ms is wall time in milliseconds since 1970 --- */
void vd_sequencer_tick(struct vd_sequencer *sequencer, uint64_t now_ms);
void vd_sequencer_l1(struct vd_sequencer *sequencer, uint64_t now_ms, uint64_t latest);
/* block is borrowed during the call; of its transactions nothing is read. */
void vd_sequencer_give_origin(struct vd_sequencer *sequencer, uint64_t now_ms,
                              const struct vd_l1_block *block);
/* L1 does not have it, or does not answer: asked again at the next tick after a second. */
void vd_sequencer_no_origin(struct vd_sequencer *sequencer, uint64_t now_ms);
void vd_sequencer_opened(struct vd_sequencer *sequencer, uint64_t now_ms, enum vd_err err);
void vd_sequencer_sealed(struct vd_sequencer *sequencer, uint64_t now_ms, enum vd_err err,
                         const struct vd_l2_ref *ref);

/* Whether the block in hand was opened on that origin.  A block that the engine kept from before a
   crash may stand on another one: then it has to be started again on that block. */
bool vd_sequencer_is_on(const struct vd_sequencer *sequencer, const struct vd_hash *origin);

/* When the next tick matters, in wall milliseconds; UINT64_MAX: only after another input. */
uint64_t vd_sequencer_wakes(const struct vd_sequencer *sequencer);

#endif
