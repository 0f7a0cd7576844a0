/* The transaction manager: gets payloads into L1 blocks, in order, each exactly once, whatever
   happens to the process, the connection or the L1.

   One manager owns the nonces of one key.  A durable journal holds every signed transaction before
   it is first sent; the same bytes are sent again until they are in a block or replaced by the same
   payload at a higher fee.  So after any crash no nonce ever carries two payloads.

   There are two parts.  struct vd_txm is a state machine without clock, socket or file: inputs come
   as calls with the time in them, effects go out through struct vd_txm_effects, so a test can run
   it on virtual time against a model L1.  struct vd_txm_driver ties one to a struct vd_l1, a
   signer, a journal file and the loop.  Both live on one thread.

   The journal is one append-only file of checksummed records; see src/node/l1/txm_journal.c for its
   layout and crash story. */
#ifndef VIADUCT_NODE_L1_TX_MANAGER_H
#define VIADUCT_NODE_L1_TX_MANAGER_H

#include <uv.h>

#include "viaduct/core/rollup/config.h"

struct vd_l1;
struct vd_signer;
struct vd_pool;
struct vd_txm;

#define VD_TXM_MAX_TAG 64             /* bytes that the owner recognises a payload by */
#define VD_TXM_MAX_DATA (128u * 1024) /* geth's limit of a whole transaction */
#define VD_TXM_MAX_IN_FLIGHT 64       /* ceiling for max_in_flight */
#define VD_TXM_KEEP_BLOCKS 64         /* confirmed transactions are watched so much longer */
#define VD_TXM_MAX_KEPT 64            /* and at most so many of them */
#define VD_TXM_MAX_ATTEMPTS 32        /* signed versions of one payload */

struct vd_txm_config {
    uint64_t chain_id;
    struct vd_address from;
    struct vd_u256 max_fee_cap; /* wei per gas; no transaction is signed above; 0: 200 gwei */
    struct vd_u256 min_tip;     /* wei per gas; 0: 1 gwei */
    uint32_t base_fee_percent;  /* max fee = base fee * this / 100 + tip; 0: 200 */
    uint32_t bump_percent;      /* of a replacement, at least 10 (100 doubles); 0: 10 */
    uint64_t resubmit_ms;       /* unincluded for so long: replaced at a higher fee; 0: 48,000 */
    uint64_t resend_ms;         /* the same bytes are sent again; 0: 6,000 */
    uint64_t confirmations;     /* blocks on top of the block of inclusion; 0: 10; see depth_0 */
    bool depth_0;               /* included is confirmed (confirmations is not looked at) */
    uint32_t max_in_flight;     /* unconfirmed transactions sent; 0: 16 */
    uint32_t max_queued;        /* payloads waiting for a nonce; 0: 64 */
    uint64_t compact_bytes;     /* a longer journal is replaced by a snapshot; 0: 64 MiB */
};

/* What vd_txm_send is given.  data and tag are copied. */
struct vd_txm_payload {
    struct vd_address to;
    struct vd_slice data;
    struct vd_u256 value;
    uint64_t gas_limit; /* 0: what the calldata costs to an account without code (EIP-7623) */
    struct vd_slice tag;
};

enum vd_txm_event_kind {
    VD_TXM_SENT,     /* signed, journaled and handed to L1 for the first time */
    VD_TXM_REPLACED, /* a version with a higher fee was signed and journaled; hash is the new one */
    VD_TXM_INCLUDED, /* in the L1 block `block` */
    VD_TXM_REORGED_OUT, /* that block is gone; the bytes are sent again */
    VD_TXM_CONFIRMED,   /* deep enough; in the order of nonces.  The bytes are kept for
                           VD_TXM_KEEP_BLOCKS more: should L1   reorganise deeper than that depth,
                           VD_TXM_REORGED_OUT follows and they   are sent again */
    VD_TXM_LOST,        /* the nonce was used, that deep, by a transaction that is none of ours;
                           the payload is forgotten after this event */
    VD_TXM_STUCK,       /* cannot go on now, text says why (fee cap, funds, refused; without a tag:
                           the signer); it goes on trying.  Once for each new reason. */
};

struct vd_txm_event {
    enum vd_txm_event_kind kind;
    uint64_t id; /* of the payload; journaled, never used twice */
    uint64_t nonce;
    struct vd_slice tag;      /* during the call */
    struct vd_hash hash;      /* of the version concerned */
    struct vd_block_id block; /* INCLUDED, REORGED_OUT, CONFIRMED */
    bool success;             /* INCLUDED, CONFIRMED: the receipt's status */
    uint64_t gas_used;
    struct vd_u256 gas_price; /* effective */
    const char *text;         /* STUCK; else "" */
};
struct vd_txm_listener {
    void *ctx;
    /* Not inside vd_txm_send.  It may call vd_txm_send. */
    void (*event)(void *ctx, const struct vd_txm_event *event);
};

/* A transaction to sign: EIP-1559. */
struct vd_txm_unsigned {
    uint64_t id;
    uint32_t attempt;
    uint64_t nonce;
    struct vd_u256 max_priority_fee;
    struct vd_u256 max_fee;
    uint64_t gas_limit;
    struct vd_address to;
    struct vd_u256 value;
    struct vd_slice data; /* lives until the answer */
};

/* Effects.  Each is answered by the input named, later (never inside the effect), or never: a lost
   answer delays but never harms.  sign and journal must be answered. */
struct vd_txm_effects {
    void *ctx;
    /* -> vd_txm_signed */
    void (*sign)(void *ctx, const struct vd_txm_unsigned *tx);
    /* Append the record durably.  record lives during the call.  Records are made durable in order.
       -> vd_txm_journaled with the same sequence number, after it is on disk. */
    void (*journal)(void *ctx, uint64_t sequence, struct vd_slice record);
    /* -> vd_txm_send_answer.  raw lives during the call. */
    void (*send_raw)(void *ctx, const struct vd_hash *hash, struct vd_slice raw);
    /* -> vd_txm_receipt or vd_txm_no_receipt */
    void (*get_receipt)(void *ctx, const struct vd_hash *hash);
    /* eth_getTransactionCount at latest and at pending -> vd_txm_nonces */
    void (*get_nonces)(void *ctx);
};

/* vd_txm_new makes a manager.  journal is the concatenation of the records that were journaled
   before (empty for a new key): the manager goes on where they
   end.  VD_ERR_CORRUPT: they contradict themselves; VD_ERR_MISMATCH: they are another key's or
   another chain's; VD_ERR_INVALID: config. */
VD_MUST_USE enum vd_err vd_txm_new(struct vd_txm **out, const struct vd_txm_config *config,
                                   const struct vd_txm_effects *effects,
                                   const struct vd_txm_listener *listener, struct vd_slice journal);
void vd_txm_free(struct vd_txm *txm);

/* vd_txm_send takes a payload; *id identifies it in events.  Payloads get nonces in the order of
   these calls.  It is durable only once VD_TXM_SENT was reported: after a crash before that the
   owner does not find its tag and sends it again.
   VD_ERR_BUSY: max_queued wait already.  VD_ERR_TOO_LARGE: data or tag. */
VD_MUST_USE enum vd_err vd_txm_send(struct vd_txm *txm, uint64_t *id,
                                    const struct vd_txm_payload *payload);

/* A payload that is not forgotten yet.  The confirmed one of the highest nonce never is, so that an
   owner learns after any crash how far it had come. */
struct vd_txm_status {
    uint64_t id;
    bool has_nonce; /* false: still queued */
    uint64_t nonce;
    struct vd_slice tag; /* these two borrow until the next call on the manager */
    struct vd_slice data;
    bool included;
    bool confirmed;
    struct vd_block_id block; /* number 0: confirmed before this start, where is not on record */
};
/* In the order of their nonces; fn must not call the manager. */
void vd_txm_each(const struct vd_txm *txm, void (*fn)(void *ctx, const struct vd_txm_status *s),
                 void *ctx);
/* Payloads not yet confirmed, and how many more vd_txm_send takes now. */
size_t vd_txm_count(const struct vd_txm *txm);
size_t vd_txm_room(const struct vd_txm *txm);

/* --- inputs --- */

/* now is in milliseconds of a clock that does not go back. */
void vd_txm_tick(struct vd_txm *txm, uint64_t now_ms);
/* A new L1 head; tip is what L1 suggests (zero: unknown, min_tip). */
void vd_txm_head(struct vd_txm *txm, uint64_t now_ms, const struct vd_block_id *latest,
                 const struct vd_u256 *base_fee, const struct vd_u256 *tip);
/* L1 blocks above ancestor are gone.  ancestor 0: believe nothing. */
void vd_txm_reorg(struct vd_txm *txm, uint64_t ancestor);
void vd_txm_signed(struct vd_txm *txm, uint64_t id, uint32_t attempt, enum vd_err err,
                   struct vd_slice raw);
void vd_txm_journaled(struct vd_txm *txm, uint64_t sequence, enum vd_err err);
/* err VD_OK, or VD_ERR_REFUSED with L1's text, or a failure to reach it. */
void vd_txm_send_answer(struct vd_txm *txm, const struct vd_hash *hash, enum vd_err err,
                        const char *text);
struct vd_txm_inclusion {
    struct vd_block_id block;
    bool success;
    uint64_t gas_used;
    struct vd_u256 gas_price;
};
void vd_txm_receipt(struct vd_txm *txm, const struct vd_hash *hash,
                    const struct vd_txm_inclusion *inclusion);
void vd_txm_no_receipt(struct vd_txm *txm, const struct vd_hash *hash);
void vd_txm_nonces(struct vd_txm *txm, uint64_t latest, uint64_t pending);

/* vd_txm_snapshot gives the records that stand for the manager's state with all that was handed to
   effects.journal so far: a new journal of them alone may take the place of the old one. */
void vd_txm_snapshot(const struct vd_txm *txm, void (*fn)(void *ctx, struct vd_slice record),
                     void *ctx);

/* --- the driver --- */

struct vd_txm_driver;

/* vd_txm_open reads (or makes) the journal at path, locks it, and starts.  l1, pool and signer
   outlive it.  config->from is taken from the signer.  On failure why (of why_size bytes) says what
   is wrong and what to do.  VD_ERR_BUSY: another process holds the journal. */
VD_MUST_USE enum vd_err vd_txm_open(struct vd_txm_driver **out, char *why, size_t why_size,
                                    uv_loop_t *loop, struct vd_pool *pool, struct vd_l1 *l1,
                                    struct vd_signer *signer, const char *path,
                                    const struct vd_txm_config *config,
                                    const struct vd_txm_listener *listener);
/* The manager inside, for vd_txm_send and vd_txm_each. */
struct vd_txm *vd_txm_driver_manager(struct vd_txm_driver *driver);
/* Waits for journal writes under way; nothing is withdrawn from L1. */
void vd_txm_close(struct vd_txm_driver *driver, void (*closed)(void *ctx), void *ctx);

#endif
