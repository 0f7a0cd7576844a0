/* The proposer: an output root of L2 every interval, as a dispute game on L1.

   A state machine without clock or socket.  When a proposal is due it fixes the L2 block (the
   finalized head, or the safe one where that is allowed), waits until L1 has gone on past the
   block that it was derived from, reads the contracts at one L1 block, asks the engine for the
   output root, and hands one create() to the transaction manager, whose journal outlives a crash.
   Invariants:

   - Never two games for one L2 block: a number is handed to the manager once; only when that
     create() failed for good may the same root (never another one) be tried again, and the factory
     refuses what exists.  Before each create() the factory is asked for the proposer's own newest
     game and for this very game, so an empty folder makes no difference.
   - One create() at a time: nothing is proposed while the manager holds one that is not confirmed.
     Payloads of the resolver, and of a challenger of the same account, do not hold it up.
   - Only blocks above the registry's anchor, and above every block that it proposed before.

   An unfinalized block may leave the chain after its create() was sent; nothing is withdrawn from
   L1, so that game then claims a block that no longer is.  Finalized blocks cannot.

   Contracts are found from the portal.  (OP Stack specs, "Proposals" and "Fault Dispute Game".)
   One thread. */
#ifndef VIADUCT_NODE_ROLES_PROPOSER_H
#define VIADUCT_NODE_ROLES_PROPOSER_H

#include "viaduct/node/l1/tx_manager.h"

struct vd_proposer;

struct vd_proposer_config {
    struct vd_address portal;
    struct vd_address from; /* the account that creates games */
    uint64_t interval_s;    /* of L1's time, from one proposal to the next */
    bool allow_unfinalized;
};

struct vd_proposer_heads {
    struct vd_l1_ref l1; /* latest */
    struct vd_l2_ref safe;
    struct vd_l2_ref finalized;
    uint64_t derived_l1; /* the last L1 block read by derivation */
};

/* Effects.  call, output and estimate are answered once each, later or at once. */
struct vd_proposer_effects {
    void *ctx;
    /* eth_call at the L1 block of this hash -> vd_proposer_called.  data is borrowed. */
    void (*call)(void *ctx, const struct vd_address *to, struct vd_slice data,
                 const struct vd_hash *l1_block);
    /* The output root of the canonical L2 block -> vd_proposer_output. */
    void (*output)(void *ctx, uint64_t number);
    /* eth_estimateGas from the proposer's account -> vd_proposer_estimated. */
    void (*estimate)(void *ctx, const struct vd_address *to, struct vd_slice data,
                     const struct vd_u256 *value);
    /* vd_txm_send.  VD_ERR_BUSY: no room now. */
    enum vd_err (*send)(void *ctx, const struct vd_txm_payload *payload);
    /* Payloads of the manager that are the proposer's (vd_proposer_owns) and not confirmed. */
    size_t (*unconfirmed)(void *ctx);
    /* One line for the log. */
    void (*note)(void *ctx, const char *text);
};

VD_MUST_USE enum vd_err vd_proposer_new(struct vd_proposer **out,
                                        const struct vd_proposer_config *config,
                                        const struct vd_proposer_effects *effects);
void vd_proposer_free(struct vd_proposer *proposer);

/* Whether a payload with this tag is the proposer's. */
bool vd_proposer_owns(struct vd_slice tag);

/* --- inputs; now_ms is of a clock that does not go back --- */

/* A payload that the manager still holds from before this start. */
void vd_proposer_restore(struct vd_proposer *proposer, const struct vd_txm_status *payload);
void vd_proposer_heads(struct vd_proposer *proposer, uint64_t now_ms,
                       const struct vd_proposer_heads *heads);
/* L1 was reorganised: what was read of it is read again. */
void vd_proposer_reorg(struct vd_proposer *proposer);
void vd_proposer_tick(struct vd_proposer *proposer, uint64_t now_ms);
void vd_proposer_tx_event(struct vd_proposer *proposer, const struct vd_txm_event *event);

/* answer borrows; text says what went wrong. */
void vd_proposer_called(struct vd_proposer *proposer, enum vd_err err, const char *text,
                        struct vd_slice answer);
/* block: the canonical block at the number asked for, with its output root. */
void vd_proposer_output(struct vd_proposer *proposer, enum vd_err err,
                        const struct vd_block_id *block, const struct vd_hash *root);
/* VD_ERR_REFUSED: the transaction would revert. */
void vd_proposer_estimated(struct vd_proposer *proposer, enum vd_err err, const char *text,
                           uint64_t gas);

/* --- state --- */
/* Games whose create() is in an L1 block, as far as this process saw them, and the newest L2 block
   that is known to be proposed by this account. */
uint64_t vd_proposer_games(const struct vd_proposer *proposer);
uint64_t vd_proposer_last(const struct vd_proposer *proposer);

#endif
