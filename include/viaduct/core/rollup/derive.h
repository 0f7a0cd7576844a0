/* Derivation (protocol.md section 7, Holocene rules): from L1 blocks to payload attributes.

   The pipeline fetches nothing.  Its owner calls vd_derive_step in a loop and does what it asks:
   hand in the next L1 block, build the payload and say what became of it, or start again.  Past L2
   blocks come through one callback.  Everything lives in regions taken from one arena when it is
   made; nothing grows with its inputs beyond the stated limits.  One thread. */
#ifndef VIADUCT_CORE_ROLLUP_DERIVE_H
#define VIADUCT_CORE_ROLLUP_DERIVE_H

#include "viaduct/core/crypto/curves.h"
#include "viaduct/core/rollup/attributes.h"
#include "viaduct/core/rollup/batch.h"

/* An L1 block as it is handed in.  The owner has checked hash, transactions and receipts against
   the header's roots. */
struct vd_l1_block {
    struct vd_header header;
    struct vd_hash hash;
    const struct vd_slice *transactions; /* EIP-2718; at least all those to the inbox, in order */
    size_t transaction_count;
    const struct vd_slice *receipts; /* consensus bytes of all; may be none when the header's bloom
                                        holds neither portal nor system config */
    size_t receipt_count;
};

/* Past L2 blocks, by number on the chain of the safe head. */
struct vd_derive_l2 {
    void *ctx;
    enum vd_err (*ref)(void *ctx, struct vd_l2_ref *out, uint64_t number);
    /* Transactions that are no deposits; in memory that lives until the next call. */
    enum vd_err (*transactions)(void *ctx, const struct vd_slice **out, size_t *count,
                                uint64_t number);
};

/* How much room each region takes of the arena.  The host gives the protocol's limits in memory
   that becomes real on first touch. */
struct vd_derive_limits {
    size_t channel_bytes; /* one channel's frames; protocol: VD_CHANNEL_MAX_BYTES */
    size_t batch_bytes;   /* one decoded batch with its rebuilt transactions */
    size_t l1_bytes;      /* deposits of the L1 blocks of one sequencing window */
};

enum vd_derive_status {
    VD_DERIVE_NEED_L1,     /* hand in L1 block number need_l1, child of the last one */
    VD_DERIVE_PAYLOAD,     /* attributes: build it, then accepted or invalid */
    VD_DERIVE_CONTINUE,    /* progress was made; call again */
    VD_DERIVE_RESET,       /* L1 and L2 do not fit: find the safe head again, then reset */
    VD_DERIVE_UNSUPPORTED, /* a rule that this build does not have; reason says which */
    VD_DERIVE_CRITICAL,    /* L1 data that the protocol says cannot be; stop */
};

struct vd_derive_output {
    enum vd_derive_status status;
    uint64_t need_l1;
    const struct vd_attributes *attributes; /* until accepted, invalid or reset */
    const char *reason;                     /* static text for the last three */
    struct vd_l1_ref current_l1;            /* the L1 block that is being read */
};

/* Counters and one line per dropped thing, for logs; may be NULL. */
struct vd_derive_observer {
    void *ctx;
    void (*dropped)(void *ctx, const char *what, const char *why, uint64_t l1_number);
};

struct vd_derive;
VD_MUST_USE enum vd_err vd_derive_new(struct vd_derive **out, struct vd_arena *arena,
                                      const struct vd_rollup_config *config,
                                      const struct vd_curves *curves, const struct vd_derive_l2 *l2,
                                      const struct vd_derive_limits *limits,
                                      const struct vd_derive_observer *observer);

/* vd_derive_reset_start tells where a pipeline on this safe head must begin (section 7.9,
   'Pipeline reset'): the L2 block whose L1 origin is the first L1 block to hand in, and whose
   system config is the traversal copy.  It reads L2 blocks through the callback. */
VD_MUST_USE enum vd_err vd_derive_reset_start(struct vd_derive *d, struct vd_l2_ref *start,
                                              const struct vd_l2_ref *safe);
/* vd_derive_reset clears every stage.  safe is the head to build on, safe_system its attributes
   copy, traversal_system that of the start block; the next step asks for start's origin. */
void vd_derive_reset(struct vd_derive *d, const struct vd_l2_ref *safe,
                     const struct vd_system_config *safe_system, const struct vd_l2_ref *start,
                     const struct vd_system_config *traversal_system);

VD_MUST_USE enum vd_err vd_derive_step(struct vd_derive *d, struct vd_derive_output *out);

/* Answers to NEED_L1.  The block is copied as far as it is kept.  VD_ERR_MISMATCH: not a child of
   the last one: L1 reorganised, the next step says RESET. */
VD_MUST_USE enum vd_err vd_derive_l1(struct vd_derive *d, const struct vd_l1_block *block);

/* Answers to PAYLOAD.  head is the block that was built, system its attributes copy. */
void vd_derive_accepted(struct vd_derive *d, const struct vd_l2_ref *head,
                        const struct vd_system_config *system);
/* The payload was invalid: the next step gives the same attributes with the deposits alone, the
   rest of span and channel is dropped (section 7.10).  Invalid again is CRITICAL. */
void vd_derive_invalid(struct vd_derive *d);

#endif
