/* Derivation (OP Stack specs, derivation, Holocene rules): from L1 blocks to payload attributes.

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
   the header's roots.  Header and receipts are read during the call; the array of transactions and
   their bytes stay borrowed until derivation asks for the next block (VD_DERIVE_NEED_L1), is
   reset, or is thrown away. */
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
   that becomes real on first touch.  A batcher (nobody else) can fill the first two: a channel or a
   batch that the protocol allows and the region does not hold ends in VD_ERR_NO_MEMORY. */
struct vd_derive_limits {
    size_t channel_bytes; /* one channel's frames; protocol: VD_CHANNEL_MAX_BYTES */
    size_t batch_bytes;   /* frame list of one data item, the bytes of one batch, one of its blocks
                             with rebuilt transactions, attributes with the deposits of one L1 block
                             that was asked for again; for what the protocol allows:
                             VD_DERIVE_BATCH_BYTES */
    size_t l1_bytes;      /* ring of deposits of L1 blocks not yet opened; those that do not fit are
                             asked for again (VD_DERIVE_NEED_ORIGIN), so any size will do */
};
/* A batch is at most a channel's 100 MB and stays as it came.  The transactions of one block are at
   most as many as its gas limit pays for, 29,761 of 500 million gas, rebuilt from no more bytes
   than the batch has: 100 MB, VD_SPAN_TX_GROWTH and two slices each, 105 MB.  An L1 transaction of
   10 MiB (EIP-7934) holds 455,000 frames of 48 bytes, 22 MB.  What is left of 300 MB, 70 MB, is for
   deposits that are asked for again: L1 takes 8 gas for a byte of a log (Yellow Paper, G_logdata),
   so that an L1 block of 500 million gas has no more than 63 MB. */
#define VD_DERIVE_BATCH_BYTES ((size_t)VD_CHANNEL_MAX_BYTES * 3)

enum vd_derive_status {
    VD_DERIVE_NEED_L1,     /* hand in L1 block number need_l1, child of the last one */
    VD_DERIVE_NEED_ORIGIN, /* hand in L1 block need_origin once more: its deposits were not kept */
    VD_DERIVE_PAYLOAD,     /* attributes: build it, then accepted or invalid */
    VD_DERIVE_CONTINUE,    /* progress was made; call again */
    VD_DERIVE_RESET,       /* L1 and L2 do not fit: find the safe head again, then reset */
    VD_DERIVE_UNSUPPORTED, /* a rule that this build does not have; reason says which */
    VD_DERIVE_CRITICAL,    /* L1 data that the protocol says cannot be; stop */
};

struct vd_derive_output {
    enum vd_derive_status status;
    uint64_t need_l1;
    struct vd_block_id need_origin;
    const struct vd_attributes *attributes; /* until accepted, invalid or reset */
    const char *reason;                     /* static text for the last three */
    struct vd_l1_ref current_l1;            /* the L1 block that is being read */
};

/* One call per dropped thing, for logs and counters; may be NULL. */
struct vd_derive_observer {
    void *ctx;
    /* what: "data item", "frame", "channel", "batch", "span batch"; static texts. */
    void (*dropped)(void *ctx, const char *what, const char *why, uint64_t l1_number);
};

struct vd_derive;
VD_MUST_USE enum vd_err vd_derive_new(struct vd_derive **out, struct vd_arena *arena,
                                      const struct vd_rollup_config *config,
                                      const struct vd_curves *curves, const struct vd_derive_l2 *l2,
                                      const struct vd_derive_limits *limits,
                                      const struct vd_derive_observer *observer);

/* vd_derive_reset_start tells where a pipeline on this safe head must begin (derivation, resetting
   the pipeline): the L2 block whose L1 origin is the first L1 block to hand in, and whose
   system config is the traversal copy.  It reads L2 blocks through the callback. */
VD_MUST_USE enum vd_err vd_derive_reset_start(struct vd_derive *d, struct vd_l2_ref *start,
                                              const struct vd_l2_ref *safe);
/* vd_derive_reset clears every stage.  safe is the head to build on, safe_system its attributes
   copy, traversal_system that of the start block; the next step asks for start's origin. */
void vd_derive_reset(struct vd_derive *d, const struct vd_l2_ref *safe,
                     const struct vd_system_config *safe_system, const struct vd_l2_ref *start,
                     const struct vd_system_config *traversal_system);

/* vd_derive_step does one piece of work.  An error is one of the world: a callback's, when nothing
   is lost and the next call tries the same again, or VD_ERR_NO_MEMORY for a region that is too
   small, which stays until the next reset.  RESET, UNSUPPORTED and CRITICAL stay until then too. */
VD_MUST_USE enum vd_err vd_derive_step(struct vd_derive *d, struct vd_derive_output *out);

/* Answers to NEED_L1.  VD_ERR_MISMATCH: not the child of the last one, or after a reset not the
   start's origin: L1 reorganised, the next step says RESET.
   VD_ERR_INVALID: receipts are missing though the bloom says that there are some of interest. */
VD_MUST_USE enum vd_err vd_derive_l1(struct vd_derive *d, const struct vd_l1_block *block);
/* Answers to NEED_ORIGIN; only receipts are read.  VD_ERR_MISMATCH: another block. */
VD_MUST_USE enum vd_err vd_derive_origin(struct vd_derive *d, const struct vd_l1_block *block);

/* Answers to PAYLOAD.  head is the block that was built, system its attributes copy. */
void vd_derive_accepted(struct vd_derive *d, const struct vd_l2_ref *head,
                        const struct vd_system_config *system);
/* The payload was invalid: the next step gives the same attributes with the deposits alone, the
   rest of span and channel is dropped (Holocene derivation).  Invalid again is CRITICAL. */
void vd_derive_invalid(struct vd_derive *d);

#endif
