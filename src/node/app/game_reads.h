/* Dispute games as L1's contracts have them, read over eth_call at one block.

   A struct vd_game_view is kept from one read to the next: what a game cannot change is read once,
   and of its claims only those that are new or that can have changed since, so that a game of
   thousands of claims costs a few calls a block.  That holds along one chain: after a reorg of L1
   views are thrown away.  Loop's thread. */
#ifndef VIADUCT_NODE_APP_GAME_READS_H
#define VIADUCT_NODE_APP_GAME_READS_H

#include "viaduct/node/fault/game.h"
#include "viaduct/node/l1/reads.h"

struct vd_game_view {
    struct vd_address proxy;
    /* What every kind of game has. */
    uint8_t status;
    uint64_t resolved_at;
    struct vd_hash root;
    uint64_t l2_block;
    struct vd_address creator;
    /* What a fault game has beside that; of others nothing that follows is filled. */
    bool is_fault;
    struct vd_hash prestate;
    bool block_challenged;
    struct vd_game game;
    struct vd_claim *claims; /* those of game */
    bool *resolved;          /* game.count of them */
    size_t cap;
    /* For playing it, read where an account is given. */
    bool is_whole;
    uint64_t chain_id;
    struct vd_hash l1_head;
    struct vd_hash start_root;
    uint64_t start_block;
    struct vd_address vm;
    struct vd_address oracle;
    struct vd_u256 *bonds; /* game.max_depth + 1 of them; zero where the game was over before */
    struct vd_u256 credit; /* of the account */
    bool closed;           /* its bonds are paid in one mode or the other */
    struct vd_u256 refund; /* of the account, were it closed for refunds */
};

/* Begins with nothing known. */
void vd_game_view_init(struct vd_game_view *view, const struct vd_address *proxy);
void vd_game_view_deinit(struct vd_game_view *view);

/* One read under way.  Zero it before its first use. */
struct vd_game_reader {
    struct vd_reads reads;
    struct vd_l1 *l1;
    struct vd_game_view *view;
    struct vd_hash at;
    uint64_t now; /* that block's time */
    bool plays;
    struct vd_address account;
    int stage;
    size_t next;                  /* of the stage: a depth, a claim */
    uint32_t asked[VD_READS_MAX]; /* claims */
    size_t known;                 /* claims that were there before this read */
    size_t count;                 /* claims that there are */
    char text[200];
    void (*done)(void *ctx, enum vd_err err, const char *text);
    void *ctx;
};

/* Reads the game into view, all at the block `at` of time now; done runs once, never inside this
   call, and both structs live until then.  account NULL: what is needed to list the game; else what
   is needed to play it, but of a game that is over only the root claim.  An error leaves nothing
   wrong in the view, but what it says is not of that block.  VD_ERR_INVALID: the contract does not
   answer as a game does. */
void vd_game_read(struct vd_game_reader *reader, struct vd_game_view *view, struct vd_l1 *l1,
                  const struct vd_hash *at, uint64_t now, const struct vd_address *account,
                  void (*done)(void *ctx, enum vd_err err, const char *text), void *ctx);

/* The answer of claimData; false: it is none. */
bool vd_game_claim_take(struct vd_claim *claim, struct vd_slice answer);

/* --- the factory --- */

struct vd_game_entry {
    uint64_t type;
    uint64_t timestamp;
    struct vd_address proxy;
};
/* The call of gameAtIndex, and its answer; false: it is none. */
void vd_game_entry_add(struct vd_reads *reads, const struct vd_address *factory, uint64_t index);
bool vd_game_entry_take(struct vd_game_entry *entry, struct vd_slice answer);

#endif
