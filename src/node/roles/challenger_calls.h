/* What the challenger sends: one call of a game or of the oracle each, with the tag by which it is
   recognised on its way. */
#ifndef VIADUCT_NODE_ROLES_CHALLENGER_CALLS_H
#define VIADUCT_NODE_ROLES_CHALLENGER_CALLS_H

#include "challenger_large.h"
#include "viaduct/node/roles/challenger.h"

enum action_kind {
    ACTION_MOVE,
    ACTION_STEP,
    ACTION_LOAD,
    ACTION_BLOCK, /* the root claim names another block than its output */
    /* No clock waits for these: */
    ACTION_RESOLVE_CLAIM,
    ACTION_RESOLVE,
    ACTION_CLAIM, /* the account's bonds */
    /* Of a large preimage, with the oracle in the game's place: */
    ACTION_PROPOSE, /* announce it */
    ACTION_ADD,     /* blocks of it */
    ACTION_SQUEEZE, /* load its part, and have the bond back */
    ACTION_REFUTE,  /* show that it is wrong, and take the bond */
};

struct large_call {
    struct vd_address claimant;
    struct vd_hash uuid;
    uint32_t offset;                   /* of the part */
    struct vd_slice preimage;          /* PROPOSE, ADD */
    const struct vd_hash *commitments; /* ADD */
    const struct large *blocks;        /* SQUEEZE, REFUTE */
};

struct action {
    enum action_kind kind;
    uint64_t game;           /* index in the factory */
    struct vd_address proxy; /* of a large preimage: the oracle */
    struct vd_address oracle;
    uint32_t claim; /* ADD: the first block */
    bool attack;
    struct vd_hash disputed; /* MOVE: value of that claim */
    struct vd_hash value;    /* MOVE: the new one; LOAD: which preimage of which run;
                                of a large preimage: whose of which number */
    struct vd_u256 bond;
    unsigned depth;  /* MOVE: of the new claim */
    bool opens;      /* MOVE: no claim of the account lies above */
    uint64_t count;  /* RESOLVE_CLAIM: counters to look at; 0: all */
    uint64_t gas;    /* not 0: sent without an estimate */
    bool is_blind;   /* ADD: the same, the gas comes from the data */
    uint64_t left_s; /* how urgent */
    /* Borrowed from the game. */
    const struct vd_dispute_step *step;
    const struct vd_dispute_output *output;
    /* Borrowed from what is uploaded or checked. */
    const struct large_call *large;
};

#define ACTION_TAG_BYTES 58u
void action_tag(uint8_t tag[ACTION_TAG_BYTES], const struct action *action);
/* False: the tag is none. */
bool action_of_tag(enum action_kind *kind, struct vd_slice tag);

/* The receiver, and the calldata in data, which the caller ends.  account: whose bonds. */
const struct vd_address *action_call(struct vd_abi *data, const struct action *action,
                                     const struct vd_address *account);
/* The gas that is known without an estimate; 0: none is. */
uint64_t action_gas(const struct action *action, struct vd_slice data);
/* A preimage that one call cannot hold. */
bool action_is_too_large(const struct action *action);
/* Is it one of a kind that can be proposed in blocks, and of a size that the tree can hold? */
bool action_can_be_proposed(const struct action *action);

#endif
