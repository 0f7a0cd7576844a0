/* What the challenger sends: one call of a game or of the oracle each, with the tag by which it is
   recognised on its way. */
#ifndef VIADUCT_NODE_ROLES_CHALLENGER_CALLS_H
#define VIADUCT_NODE_ROLES_CHALLENGER_CALLS_H

#include "viaduct/node/l1/abi.h"
#include "viaduct/node/roles/challenger.h"

enum action_kind {
    ACTION_MOVE,
    ACTION_STEP,
    ACTION_LOAD,
    ACTION_BLOCK, /* the root claim names another block than its output */
    ACTION_RESOLVE_CLAIM,
    ACTION_RESOLVE,
    ACTION_CLAIM, /* the account's bonds */
};

struct action {
    enum action_kind kind;
    uint64_t game; /* index in the factory */
    struct vd_address proxy;
    struct vd_address oracle;
    uint32_t claim;
    bool attack;
    struct vd_hash disputed; /* MOVE: value of that claim */
    struct vd_hash value;    /* MOVE: the new one; LOAD: which preimage of which run */
    struct vd_u256 bond;
    unsigned depth;  /* MOVE: of the new claim */
    bool opens;      /* MOVE: no claim of the account lies above */
    uint64_t count;  /* RESOLVE_CLAIM: counters to look at; 0: all */
    uint64_t gas;    /* not 0: sent without an estimate */
    uint64_t left_s; /* how urgent */
    /* Borrowed from the game. */
    const struct vd_dispute_step *step;
    const struct vd_dispute_output *output;
};

#define ACTION_TAG_BYTES 58u
void action_tag(uint8_t tag[ACTION_TAG_BYTES], const struct action *action);
/* False: the tag is none. */
bool action_of_tag(enum action_kind *kind, struct vd_slice tag);

/* The receiver, and the calldata in data, which the caller ends.  account: whose bonds. */
const struct vd_address *action_call(struct vd_abi *data, const struct action *action,
                                     const struct vd_address *account);
/* A preimage that one call cannot hold; such a step waits for a proposal in parts. */
bool action_is_too_large(const struct action *action);

#endif
