/* The challenger: plays the honest side in every dispute game of one type.

   A state machine without clock or socket.  It follows the factory's games, reads each at L1's
   head, asks for what an honest claim says where it does not know it (an output root, a state of
   the machine), and hands the moves that are due to the transaction manager.  Invariants:

   - What L1 holds is the truth: every move follows from a game as it was read at the head, and only
     what is on its way (by the tags of the manager) is left out.  So a restart anywhere neither
     repeats nor misses a move, and no file of its own is needed.
   - It acts only in games whose prestate is the one that this program builds for this chain, whose
     starting output is its own chain's, and whose last L1 block was derived; never while derivation
     is behind L1's head.  Why it does not act is said, once for each reason.
   - It opens a path only when the account could pay it down to the full depth, gas at the present
     price included, beside the dearest open path of every other game; a path once open is played on
   while its next bond can be paid. A path that ends in a step of its own counts the bond of a large
   preimage, too.
   - A preimage too large for one transaction is proposed in the oracle block by block; what was
     announced is carried on until its bond is back.  Every proposal of others in the oracles of the
     games it follows is checked, and refuted if it is wrong.
   - A move that is due goes out before one that is not so urgent, whatever game it is of.

   What it sends follows from what it read in one of the last L1 blocks, so a slow line is enough.
   Without an account (watch) it judges and reports, and sends nothing.
   (OP Stack specs, "Honest Challenger" and "Fault Dispute Game".)  One thread. */
#ifndef VIADUCT_NODE_ROLES_CHALLENGER_H
#define VIADUCT_NODE_ROLES_CHALLENGER_H

#include "viaduct/node/fault/game.h"
#include "viaduct/node/fault/machine.h"
#include "viaduct/node/l1/tx_manager.h"

struct vd_challenger;

struct vd_challenger_config {
    bool watch;             /* no account: from is not looked at */
    struct vd_address from; /* the account that moves, and to which bonds come back */
    struct vd_hash prestate;
    uint64_t chain_id;       /* of L2 */
    uint64_t max_lag_blocks; /* derivation may be so far behind L1's head; 0: 16 */
    /* While there is time, a claim younger than this is not answered: a move names a claim by index
       and value alone, and after a reorg of L1 another claim of the same value could stand there.
     */
    uint64_t settle_s;
};

/* What is counted with for a move and the resolution of two claims (230,000 and 2 * 81,000
   measured), and for a step and what it reads (286,000 and 338,000; more where that is large). */
#define VD_CHALLENGER_MOVE_GAS 400000u
#define VD_CHALLENGER_STEP_GAS 1000000u

struct vd_challenger_heads {
    struct vd_l1_ref l1;    /* latest */
    uint64_t derived_l1;    /* the last L1 block read by derivation */
    struct vd_u256 balance; /* of the account at that head; of a watcher: any */
    /* Wei that is counted with for a gas beside the bonds, by the estimates below; 0: none is. */
    struct vd_u256 gas_price;
};

/* A game of the type watched, as the factory lists it. */
struct vd_dispute_id {
    uint64_t index;
    struct vd_address proxy;
    uint64_t timestamp; /* of L1, when it was created */
};

/* A game as L1 has it at one block. */
struct vd_dispute {
    struct vd_hash prestate;
    uint64_t chain_id;
    struct vd_hash l1_head;
    uint64_t l2_block;
    uint64_t start_block;
    struct vd_hash start_root;
    struct vd_address oracle;    /* of preimages */
    uint8_t status;              /* VD_GAME_IN_PROGRESS ... */
    bool block_challenged;       /* the root claim names another block than its output */
    struct vd_game game;         /* claims[0].value is the root claim */
    const bool *resolved;        /* game.count of them */
    const struct vd_u256 *bonds; /* of a claim by its depth: game.max_depth + 1 of them */
    struct vd_u256 credit;       /* of the account */
    bool closed;                 /* how bonds are paid does not change any more */
    struct vd_u256 refund;       /* of the account, were it closed as a game not to be relied on */
};

/* A run of the machine: from one output to another, with its trace. */
struct vd_dispute_run {
    struct vd_hash l1_head;
    struct vd_hash agreed_root;
    uint64_t agreed_block;
    struct vd_hash claimed_root;
    uint64_t claimed_block;
};

/* What challengeRootL2Block takes: the output that the root claims, and its block's header. */
struct vd_dispute_output {
    struct vd_hash version;
    struct vd_hash state_root;
    struct vd_hash storage_root; /* of the message passer */
    struct vd_hash block_hash;
    struct vd_slice header; /* RLP */
};

/* What a step takes. */
struct vd_dispute_step {
    struct vd_vm_witness vm;
    /* Where vm.reads_preimage and the key is none of the local ones: the preimage of a keccak or
       sha256 key; of a precompile key the request (address 20, gas 8, input), not the answer. */
    struct vd_slice preimage;
};

/* Effects.  list, read, estimate, call and logs are questions to L1, of which one is open at a
   time; safe, output, state, step and header are questions to the node, of which one is open at a
   time.  Each is answered once, later or at once.  What an effect is given lives during it. */
struct vd_challenger_effects {
    void *ctx;
    /* The games from this index of the factory on, oldest first -> vd_challenger_listed. */
    void (*list)(void *ctx, uint64_t first, const struct vd_hash *l1_block);
    /* -> vd_challenger_read */
    void (*read)(void *ctx, const struct vd_dispute_id *id, const struct vd_hash *l1_block);
    /* eth_estimateGas from the account -> vd_challenger_estimated */
    void (*estimate)(void *ctx, const struct vd_address *to, struct vd_slice data,
                     const struct vd_u256 *value);
    /* eth_call of a view at that block -> vd_challenger_called */
    void (*call)(void *ctx, const struct vd_address *to, struct vd_slice data,
                 const struct vd_hash *l1_block);
    /* What this address logged without topics in the L1 block of that number
       -> vd_challenger_logged */
    void (*logs)(void *ctx, const struct vd_address *address, uint64_t block);
    /* The last L2 block that L1 up to this block makes safe -> vd_challenger_safe */
    void (*safe)(void *ctx, const struct vd_hash *l1_head);
    /* The output root of the own chain's block -> vd_challenger_output */
    void (*output)(void *ctx, uint64_t number);
    /* The hash of the state after so many steps -> vd_challenger_state */
    void (*state)(void *ctx, const struct vd_dispute_run *run, uint64_t steps);
    /* What proves the step after so many steps -> vd_challenger_step */
    void (*step)(void *ctx, const struct vd_dispute_run *run, uint64_t steps);
    /* -> vd_challenger_header */
    void (*header)(void *ctx, uint64_t number);
    /* vd_txm_send.  VD_ERR_BUSY: no room now. */
    enum vd_err (*send)(void *ctx, const struct vd_txm_payload *payload);
    /* One line for the log; alert: someone should look at it. */
    void (*note)(void *ctx, bool alert, const char *text);
};

VD_MUST_USE enum vd_err vd_challenger_new(struct vd_challenger **out,
                                          const struct vd_challenger_config *config,
                                          const struct vd_challenger_effects *effects);
void vd_challenger_free(struct vd_challenger *challenger);

/* --- inputs; now_ms is of a clock that does not go back --- */

/* A payload that the manager still holds from before this start. */
void vd_challenger_restore(struct vd_challenger *challenger, const struct vd_txm_status *payload);
void vd_challenger_heads(struct vd_challenger *challenger, uint64_t now_ms,
                         const struct vd_challenger_heads *heads);
/* L1 was reorganised: everything is read and judged again. */
void vd_challenger_reorg(struct vd_challenger *challenger);
void vd_challenger_tick(struct vd_challenger *challenger, uint64_t now_ms);
void vd_challenger_tx_event(struct vd_challenger *challenger, const struct vd_txm_event *event);

/* --- answers; what they point to is copied.  text says what went wrong --- */

/* ids: those of the type watched among the factory's games from the index asked for up to (not
   including) next. */
void vd_challenger_listed(struct vd_challenger *challenger, enum vd_err err,
                          const struct vd_dispute_id *ids, size_t count, uint64_t next);
void vd_challenger_read(struct vd_challenger *challenger, enum vd_err err, const char *text,
                        const struct vd_dispute *dispute);
/* VD_ERR_REFUSED: it would revert. */
void vd_challenger_estimated(struct vd_challenger *challenger, enum vd_err err, const char *text,
                             uint64_t gas);
/* VD_ERR_REFUSED: it reverts. */
void vd_challenger_called(struct vd_challenger *challenger, enum vd_err err, const char *text,
                          struct vd_slice answer);
/* data: of each such log, in their order. */
void vd_challenger_logged(struct vd_challenger *challenger, enum vd_err err, const char *text,
                          const struct vd_slice *data, size_t count);
/* VD_ERR_BUSY, VD_ERR_NOT_FOUND: not derived so far, or a gap in the record of safe heads. */
void vd_challenger_safe(struct vd_challenger *challenger, enum vd_err err, const char *text,
                        uint64_t number);
void vd_challenger_output(struct vd_challenger *challenger, enum vd_err err, const char *text,
                          const struct vd_hash *root);
void vd_challenger_state(struct vd_challenger *challenger, enum vd_err err, const char *text,
                         const struct vd_hash *state);
void vd_challenger_step(struct vd_challenger *challenger, enum vd_err err, const char *text,
                        const struct vd_dispute_step *step);
void vd_challenger_header(struct vd_challenger *challenger, enum vd_err err, const char *text,
                          const struct vd_dispute_output *output);

/* --- state --- */

struct vd_challenger_stats {
    size_t open;      /* games that are not resolved, or whose bonds are not back */
    size_t disputed;  /* in progress, with a root that is not true by the own chain */
    size_t against;   /* resolved against the own view, or about to be if nobody moves */
    uint64_t moves;   /* claims and steps handed to the manager by this process */
    uint64_t waiting; /* due moves that it does not make now: funds, or what they need is missing,
                         or L1 refuses them */
};
void vd_challenger_stats(const struct vd_challenger *challenger, struct vd_challenger_stats *stats);

#endif
