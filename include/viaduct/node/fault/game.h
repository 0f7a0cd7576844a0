/* The dispute game as data: positions, claims, clocks and the honest strategy (OP Stack specs,
   fault proof, fault dispute game and honest challenger behaviour).

   Nothing here knows of L1 or of a machine: claims come in, moves go out, and what an honest claim
   says at a position comes through one callback. */
#ifndef VIADUCT_NODE_FAULT_GAME_H
#define VIADUCT_NODE_FAULT_GAME_H

#include "viaduct/core/base/u256.h"

/* A node of the game's binary tree by its generalised index: 1 is the root, the children of g are
   2g and 2g + 1.  Depth at most VD_GAME_MAX_DEPTH. */
struct vd_position {
    unsigned __int128 gindex;
};
#define VD_GAME_MAX_DEPTH 125u
#define VD_GAME_ROOT ((struct vd_position){.gindex = 1})

unsigned vd_position_depth(struct vd_position p);
/* Among the positions of its depth, from the left. */
unsigned __int128 vd_position_index(struct vd_position p);
/* Where a claim stands that answers p: attack says that p is wrong, defend that it is right. */
struct vd_position vd_position_move(struct vd_position p, bool attack);
/* The leaf at depth (not above p) that p commits to, the right-most below it, from the left. */
unsigned __int128 vd_position_trace_index(struct vd_position p, unsigned depth);
/* The highest position that commits to the same leaf. */
struct vd_position vd_position_ancestor(struct vd_position p);

#define VD_NO_PARENT UINT32_MAX

/* As claimData of the game has it. */
struct vd_claim {
    uint32_t parent; /* VD_NO_PARENT: the root */
    bool countered;  /* countered_by is set: stepped against, or resolved so */
    struct vd_address countered_by;
    struct vd_address claimant;
    struct vd_u256 bond; /* wei */
    struct vd_hash value;
    struct vd_position position;
    uint64_t clock_duration_s; /* used by its side before it was made */
    uint64_t clock_timestamp;  /* when it was made */
};

struct vd_game {
    unsigned max_depth;
    unsigned split_depth; /* positions down to it claim output roots, below it machine states */
    uint64_t max_clock_s;
    const struct vd_claim *claims; /* parents before their children */
    size_t count;
};

/* Seconds that the side which would answer claim i has used: at max_clock_s it is too late. */
uint64_t vd_game_challenger_duration(const struct vd_game *game, size_t i, uint64_t now);

/* The claims between which the machine runs below claim i, which stands deeper than split_depth:
   the root of its execution sub-game, and around it the output roots that its trace begins and ends
   with.  begin is VD_NO_PARENT where it is the game's own starting root. */
struct vd_execution {
    uint32_t root;
    uint32_t begin;
    uint32_t end;
};
struct vd_execution vd_game_execution(const struct vd_game *game, size_t i);
/* The same for a claim not yet made: the answer of that kind to claim `parent` at split_depth. */
struct vd_execution vd_game_execution_of_move(const struct vd_game *game, size_t parent,
                                              bool attack);

/* What an honest claim says.  execution is NULL at and above the split. */
struct vd_honest {
    void *ctx;
    enum vd_err (*value)(void *ctx, struct vd_hash *out, struct vd_position position,
                         const struct vd_execution *execution);
};

struct vd_move {
    bool step;                   /* at max_depth: no claim, the step itself */
    bool attack;                 /* else defend */
    uint32_t claim;              /* the claim that it answers */
    struct vd_hash value;        /* not for a step */
    struct vd_position position; /* where the new claim stands; of a step: where it leads to */
    bool has_execution;
    struct vd_execution execution;
};

/* vd_game_moves lists the moves that the honest side owes now, parents' answers before their
   children's, at most max, and their number in *count.  What stands on L1 already is left out.
   VD_ERR_TOO_LARGE: more than max are due; make these first.  Else the first error of
   honest->value: the moves that are listed are due all the same.  scratch has game->count bytes;
   afterwards VD_GAME_UNKNOWN is set in that of each claim of which it is not known now whether it
   is to be answered, or how. */
#define VD_GAME_UNKNOWN 4u
VD_MUST_USE enum vd_err vd_game_moves(struct vd_move *moves, size_t max, size_t *count,
                                      const struct vd_game *game, const struct vd_honest *honest,
                                      uint8_t *scratch);

/* How the game ends if nobody moves any more: countered[i] for each claim (game->count bytes).
   True: the root stands. */
bool vd_game_outcome(uint8_t *countered, const struct vd_game *game);

#endif
