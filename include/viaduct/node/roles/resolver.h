/* The resolver: brings the games of the proposer's account to their end.

   A game that nobody disputed is resolved by transactions that anybody may send and that somebody
   has to: until then no withdrawal proven on it finalizes.  First its one claim is resolved, then
   the game; the interim game has no claims, which saves the first.  Afterwards its bond comes back
   in two steps, which lie a delay apart: claimCredit() unlocks it, and claimCredit() again pays it
   out.  The resolver does these for the account's own games, each as soon as an estimate of its gas
   shows that it would go through, by the same transaction manager as the proposer.

   A game with further claims is the challenger's, which resolves them from the leaves up; its root
   claim cannot be resolved before, so the resolver waits, and goes on from wherever others have
   left it: what another account has done meanwhile makes a question or an estimate come out
   otherwise, or at worst a transaction of its own fail.

   A state machine without clock or socket; what it knows it reads from L1, so it needs no file: at
   a start it walks the factory's games from the newest down to where its own are done.
   (OP Stack specs, "Fault Dispute Game" and "Bond Incentives".)  One thread. */
#ifndef VIADUCT_NODE_ROLES_RESOLVER_H
#define VIADUCT_NODE_ROLES_RESOLVER_H

#include "viaduct/node/l1/tx_manager.h"

struct vd_resolver;

struct vd_resolver_config {
    struct vd_address portal;
    struct vd_address from; /* the account whose games and bonds these are */
};

/* As the effects of the proposer: call and estimate are answered once each, later or at once. */
struct vd_resolver_effects {
    void *ctx;
    void (*call)(void *ctx, const struct vd_address *to, struct vd_slice data,
                 const struct vd_hash *l1_block);
    void (*estimate)(void *ctx, const struct vd_address *to, struct vd_slice data);
    enum vd_err (*send)(void *ctx, const struct vd_txm_payload *payload);
    void (*note)(void *ctx, const char *text);
};

VD_MUST_USE enum vd_err vd_resolver_new(struct vd_resolver **out,
                                        const struct vd_resolver_config *config,
                                        const struct vd_resolver_effects *effects);
void vd_resolver_free(struct vd_resolver *resolver);

/* A payload that the manager still holds from before this start. */
void vd_resolver_restore(struct vd_resolver *resolver, const struct vd_txm_status *payload);
void vd_resolver_head(struct vd_resolver *resolver, uint64_t now_ms,
                      const struct vd_l1_ref *latest);
void vd_resolver_reorg(struct vd_resolver *resolver);
void vd_resolver_tick(struct vd_resolver *resolver, uint64_t now_ms);
void vd_resolver_tx_event(struct vd_resolver *resolver, const struct vd_txm_event *event);

void vd_resolver_called(struct vd_resolver *resolver, enum vd_err err, struct vd_slice answer);
/* VD_ERR_REFUSED: it would revert, so its time has not come. */
void vd_resolver_estimated(struct vd_resolver *resolver, enum vd_err err, uint64_t gas);

/* Own games that are not resolved, or whose bond is not back. */
size_t vd_resolver_open(const struct vd_resolver *resolver);

#endif
