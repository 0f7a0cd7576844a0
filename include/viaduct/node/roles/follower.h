/* The follower: derives the safe chain from L1 and keeps the engine's heads on it.

   A state machine around core's derivation, without clock or socket.  Derivation itself runs where
   the owner likes (a worker thread), one piece of work at a time: between the effect `work` and
   its answer the follower touches neither it nor the L1 blocks it holds.  Every node runs one, a
   sequencer too: its own blocks, met again on L1, become safe.

       STARTING  find heads that fit L1 (sync start), cut the engine back
       WORKING   derivation steps: asks for L1 blocks, yields payloads
       BUILDING  the engine builds or recognises a payload
       HELD      L1 does not have the finalized block's origin any more: heads are looked for again
                 now and then, and when L1 reorganises, for L1 may get it back
       STOPPED   at a rule that this build does not have, or at L1 data that cannot be

   One thread. */
#ifndef VIADUCT_NODE_ROLES_FOLLOWER_H
#define VIADUCT_NODE_ROLES_FOLLOWER_H

#include "viaduct/core/rollup/derive.h"
#include "viaduct/core/rollup/origin.h"

struct vd_follower;

struct vd_follower_config {
    const struct vd_rollup_config *rollup; /* borrowed */
    uint64_t l1_confirmations;             /* how deep an L1 block must be to be derived from */
};

struct vd_follower_heads {
    struct vd_l2_ref unsafe;
    struct vd_l2_ref safe;
    struct vd_l2_ref finalized;
};

/* What became of a payload. */
enum vd_payload_verdict {
    VD_PAYLOAD_VALID,
    VD_PAYLOAD_INVALID,
    VD_PAYLOAD_UNSUPPORTED,
    VD_PAYLOAD_FAILED, /* the world failed: tried again after a second */
};

/* Effects; each is answered once, later, never inside the call. */
struct vd_follower_effects {
    void *ctx;
    /* The canonical L1 block at number, checked -> vd_follower_l1 (block NULL: not there, or L1
       did not answer).  The block stays valid until release. */
    void (*fetch_l1)(void *ctx, uint64_t number);
    void (*fetch_l1_hash)(void *ctx, const struct vd_block_id *id);
    void (*release_l1)(void *ctx, const struct vd_l1_block *block);
    /* The hash of the canonical L1 block at number -> vd_follower_l1_hash. */
    void (*fetch_l1_id)(void *ctx, uint64_t number);
    /* Call vd_follower_work on some thread, then vd_follower_worked on this one. */
    void (*work)(void *ctx);
    /* Makes these the heads, throwing unsafe blocks above away (their transactions come back)
       -> vd_follower_heads_set. */
    void (*set_heads)(void *ctx, const struct vd_follower_heads *heads);
    /* Builds the payload on the safe head, or finds it there already, and makes it safe
       -> vd_follower_built.  attributes live until the answer. */
    void (*build)(void *ctx, const struct vd_attributes *attributes);
    /* L1 block l1 is drained: the safe head derivable at it is safe.  No answer. */
    void (*drained)(void *ctx, const struct vd_l1_ref *l1, const struct vd_l2_ref *safe);
    void (*note)(void *ctx, const char *text);
};

/* Past L2 blocks, callable from where the work runs as well as from the owner's thread; and the
   attributes copy of the system config after a block. */
struct vd_follower_l2 {
    struct vd_derive_l2 derive;
    enum vd_err (*system)(void *ctx, struct vd_system_config *out, uint64_t number);
};

VD_MUST_USE enum vd_err vd_follower_new(struct vd_follower **out,
                                        const struct vd_follower_config *config,
                                        const struct vd_curves *curves,
                                        const struct vd_follower_l2 *l2,
                                        const struct vd_follower_effects *effects);
/* Not while work is under way. */
void vd_follower_free(struct vd_follower *follower);

/* Finds heads and begins (at the start, and again after a fault). */
void vd_follower_start(struct vd_follower *follower, uint64_t now_ms,
                       const struct vd_follower_heads *heads);

/* --- inputs --- */
void vd_follower_tick(struct vd_follower *follower, uint64_t now_ms);
void vd_follower_l1_head(struct vd_follower *follower, uint64_t now_ms, uint64_t latest);
/* L1 blocks above ancestor are gone. heads as they stand. */
void vd_follower_l1_reorg(struct vd_follower *follower, uint64_t now_ms,
                          const struct vd_follower_heads *heads);
void vd_follower_l1(struct vd_follower *follower, uint64_t now_ms, const struct vd_l1_block *block);
void vd_follower_l1_hash(struct vd_follower *follower, uint64_t now_ms, enum vd_err err,
                         const struct vd_hash *hash);
void vd_follower_worked(struct vd_follower *follower, uint64_t now_ms);
void vd_follower_heads_set(struct vd_follower *follower, uint64_t now_ms, enum vd_err err);
/* ref and system only when VALID; why (not NULL) otherwise. */
void vd_follower_built(struct vd_follower *follower, uint64_t now_ms,
                       enum vd_payload_verdict verdict, const struct vd_l2_ref *ref,
                       const struct vd_system_config *system, const char *why);

/* One piece of derivation; touches nothing but the follower's derivation. */
void vd_follower_work(struct vd_follower *follower);

/* --- state --- */
const struct vd_l2_ref *vd_follower_safe(const struct vd_follower *follower);
/* The last L1 block whose data is wholly derived; zero before the first. */
const struct vd_l1_ref *vd_follower_drained(const struct vd_follower *follower);
/* NULL while it goes on; else why it stopped or is held, borrowed until the next input. */
const char *vd_follower_stopped(const struct vd_follower *follower);
/* True after STARTING: heads are found. */
bool vd_follower_is_started(const struct vd_follower *follower);

#endif
