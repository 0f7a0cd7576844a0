/* The inside of the drill: drill.c has its course, drill_game.c what L1 says of the game and how it
   is told, drill_moves.c the dishonest side, drill_bonds.c where the bonds went. */
#ifndef VIADUCT_NODE_APP_DRILL_INTERNAL_H
#define VIADUCT_NODE_APP_DRILL_INTERNAL_H

#include "bridge.h"
#include "drill.h"
#include "viaduct/node/fault/game.h"
#include "viaduct/node/l1/reads.h"

/* A dispute along one path has a claim at each depth. */
#define DRILL_MAX_CLAIMS 256u

/* The dishonest side's answer to a claim. */
struct drill_answer {
    bool sent;
    struct vd_hash tx;
    unsigned failures;
};

struct drill_game {
    bool exists;
    struct vd_address proxy;
    struct vd_hash root;
    uint64_t l2_block;
    uint64_t created_at; /* L1 block */
    uint64_t start_block;
    uint64_t max_depth;
    uint64_t split_depth;
    uint64_t max_clock_s;
    uint64_t status;
    /* In L1's latest block, of which so many have been told. */
    struct vd_claim claims[DRILL_MAX_CLAIMS];
    struct vd_claim fresh[DRILL_MAX_CLAIMS]; /* being read */
    size_t count;
    size_t told;
    bool step_told;
    /* With what waits for the next block, which the dishonest side answers already. */
    struct vd_claim pending[DRILL_MAX_CLAIMS];
    size_t pending_count;
    struct drill_answer answers[DRILL_MAX_CLAIMS]; /* by the index of what is answered */
    bool latest_only;    /* L1 cannot be asked for what waits, or orders it as it likes */
    struct vd_u256 due;  /* what the challenger is to get */
    struct vd_u256 lost; /* of it, bonds of the dishonest side */
    bool unlocked;
    bool paid;
};

struct drill {
    struct bridge b; /* first: the callbacks get it */
    const struct vd_drill_config *config;
    struct vd_signer *dishonest;
    struct vd_signer *user;
    struct vd_reads reads;
    uint64_t began_ms;
    uint64_t bound_ms; /* it ends then, whatever it waits for */
    uv_timer_t timer;
    bool late;
    bool closed;
    unsigned failures; /* of reads in a row */
    struct drill_game game;
    /* the withdrawal */
    char withdrawal_tx[67];
    struct vd_address receiver; /* a fresh one, whose balance is what it got */
    struct vd_u256 amount;
    bool proven;
    bool finalized;
};

/* A line of the story: seconds since the begin, who, what. */
void drill_tell(const struct drill *d, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- reading --- */
uint32_t drill_selector(const char *signature);
/* What L1 answers while it makes a block need not fit together: true if the read that failed may be
   tried again at the next tick. */
bool drill_try_again(struct drill *d);
/* Runs what was added to d->reads, all at one block. */
bool drill_read(struct drill *d, struct vd_l1_at at);
bool drill_bad_answer(struct drill *d, const char *what);
/* Claims from the index on that the game has at that block, of which there are count then. */
bool drill_read_claims(struct drill *d, struct vd_l1_at at, struct vd_claim *claims, size_t first,
                       size_t count);

/* --- the game --- */
/* Reads what does not change of the game just created. */
bool drill_game_open(struct drill *d);
/* What L1's latest block has; what is new is told. */
bool drill_game_look(struct drill *d);
/* Claims as the next block will have them. */
bool drill_game_pending(struct drill *d);

/* --- the dishonest side --- */
/* Proposes a false root for a block that L1 has made safe and nobody has claimed; does nothing
   while there is none. */
bool drill_propose(struct drill *d);
bool drill_answer_all(struct drill *d);

/* --- the bonds of a game that is decided --- */
bool drill_bonds_count(struct drill *d);
/* Looks whether the challenger was paid, and then that it was to the wei. */
bool drill_bonds_look(struct drill *d);

#endif
