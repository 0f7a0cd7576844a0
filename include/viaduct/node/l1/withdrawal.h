/* Where a withdrawal stands, by L1's word.

   A message from L2 goes three ways on L1: an output root whose block holds it is proposed as a
   dispute game; it is proven against that game; both delays pass, the game is resolved, and it is
   finalized.  This module asks portal, registry and factory, all at one L1 block, and says which
   step is next, which game serves, and how long it still takes.  The names of the states are those
   of viem's getWithdrawalStatus, and one that viem does not know.  (OP Stack specs, "Withdrawals",
   "Stage One: Optimism Portal".)

   Games are taken for what the registry says of them; whether a game's root is that of the L2 chain
   only L2 knows, so the caller is asked.  Loop's thread. */
#ifndef VIADUCT_NODE_L1_WITHDRAWAL_H
#define VIADUCT_NODE_L1_WITHDRAWAL_H

#include "viaduct/core/rollup/config.h"
#include "viaduct/node/l1/l1_client.h"

/* In the order in which they are passed. */
enum vd_withdrawal_state {
    /* Its target is the portal, which refuses to prove or finalize such a one. */
    VD_WITHDRAWAL_NEVER_PROVABLE,
    VD_WITHDRAWAL_WAITING_TO_PROVE,
    VD_WITHDRAWAL_READY_TO_PROVE,
    VD_WITHDRAWAL_WAITING_TO_FINALIZE,
    VD_WITHDRAWAL_READY_TO_FINALIZE,
    VD_WITHDRAWAL_FINALIZED,
};
/* "waiting-to-prove" and so on. */
const char *vd_withdrawal_state_name(enum vd_withdrawal_state state);

/* What became of a message that L2's messenger sent to L1's, once its withdrawal is finalized. */
enum vd_withdrawal_relay {
    VD_RELAY_NONE,    /* not finalized, or not sent by the messenger */
    VD_RELAY_DONE,    /* its call succeeded */
    VD_RELAY_FAILED,  /* the messenger keeps it: anybody can replay it */
    VD_RELAY_REFUSED, /* the messenger itself reverted: it is lost */
};
/* "relayed", "failed", "refused"; NULL for VD_RELAY_NONE. */
const char *vd_withdrawal_relay_name(enum vd_withdrawal_relay relay);

struct vd_withdrawal_game {
    struct vd_address proxy;
    bool has_index;
    uint64_t index; /* in the factory */
    uint64_t l2_block;
    struct vd_hash root;
    uint64_t created; /* L1 times, seconds */
    uint64_t resolved;
    uint64_t clock_s; /* its longest clock */
    uint64_t status;  /* VD_GAME_IN_PROGRESS and so on */
    uint64_t claims;  /* of a fault dispute game; 0 for a kind without */
    bool root_resolved;
    bool root_countered; /* the root claim was resolved against its claimant */
    bool proper;         /* registered, neither blacklisted nor retired, L1 not paused */
    bool respected;
    bool blacklisted;
    bool retired;
};
/* Proper, respected, and not lost. */
bool vd_withdrawal_game_is_valid(const struct vd_withdrawal_game *game);
/* Somebody has countered its root claim, and how that ends is not decided. */
bool vd_withdrawal_game_is_disputed(const struct vd_withdrawal_game *game);

struct vd_withdrawal_standing {
    enum vd_withdrawal_state state;
    enum vd_withdrawal_relay relay;
    struct vd_address messenger; /* L1's, unless relay is VD_RELAY_NONE */
    bool has_game;
    struct vd_withdrawal_game game; /* the one that proves it, or that can */
    bool proven;
    struct vd_address submitter; /* whose proof it is */
    uint64_t proven_at;
    bool seconds_known;
    uint64_t seconds_left; /* until the next step can be taken, by L1's clock */
    /* The game's clock is over and somebody has to resolve it: its root claim first, if it has
       claims and that is not resolved (root_resolved).  Of a disputed game the challenger does. */
    bool can_resolve;
    bool paused;
    uint64_t games_refused; /* games of late enough blocks that are not valid */
    struct vd_l1_ref at;    /* everything was read at this L1 block */
    /* What a transaction of the next step needs. */
    struct vd_address factory;
    struct vd_address registry;
};

/* Whether L1's messenger is to relay it: it was sent by L2's, whose withdrawals have as data the
   call of relayMessage.  The message's hash is that of the data. */
bool vd_withdrawal_is_relayed(const struct vd_withdrawal_message *message);

/* What to do next, in a sentence without a full stop; out holds size bytes, 300 are enough. */
void vd_withdrawal_explain(char *out, size_t size, const struct vd_withdrawal_standing *standing);

/* Answers vd_withdrawal_root_fn: whether the L2 chain has this root at that block.
   VD_ERR_NOT_FOUND: L2 does not have the block (yet). */
typedef void (*vd_withdrawal_root_answer)(void *ctx, enum vd_err err, bool is_right);
typedef void (*vd_withdrawal_root_fn)(void *ctx, uint64_t number, const struct vd_hash *root,
                                      vd_withdrawal_root_answer answer, void *answer_ctx);

struct vd_withdrawal_query {
    struct vd_address portal;
    struct vd_hash hash;                         /* of the withdrawal */
    const struct vd_withdrawal_message *message; /* the same; borrowed during the call */
    /* The L2 block that holds it.  Without it no game to prove it by is looked for. */
    bool has_block;
    uint64_t l2_block;
    uint64_t l2_time;
    vd_withdrawal_root_fn check_root; /* may be NULL: games are believed */
    void *ctx;
};

/* standing is NULL on an error, which text explains; both live during the callback.  fn runs once,
   never inside this call. */
typedef void (*vd_withdrawal_fn)(void *ctx, enum vd_err err, const char *text,
                                 const struct vd_withdrawal_standing *standing);
void vd_withdrawal_look(struct vd_l1 *l1, const struct vd_withdrawal_query *query,
                        vd_withdrawal_fn fn, void *ctx);

#endif
