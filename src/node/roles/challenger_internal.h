/* The challenger's state: challenger.c asks and takes answers, challenger_judge.c decides about
   games, challenger_send.c sends what is due, challenger_uploads.c brings large preimages to the
   oracle, challenger_proposals.c checks those of others. */
#ifndef VIADUCT_NODE_ROLES_CHALLENGER_INTERNAL_H
#define VIADUCT_NODE_ROLES_CHALLENGER_INTERNAL_H

#include "challenger_calls.h"

/* Urgency of what no clock waits for. */
#define LATER_S ((uint64_t)1 << 40)
/* Heads in turn that refuse a move until somebody is called: at the first, L1 may have changed
   since the game was read. */
#define REFUSALS_TO_TELL 2u
/* Urgency of what counts although its clock has run out: until somebody resolves the claim. */
#define LATE_S 600u
/* What was read so many L1 blocks ago is acted on. */
#define RECENT_BLOCKS 8u

enum want_kind {
    WANT_NOTHING,
    WANT_SAFE,
    WANT_OUTPUT,
    WANT_STATE,
    WANT_STEP,
    WANT_HEADER,
};

/* What the node must be asked before a game can go on. */
struct want {
    enum want_kind kind;
    struct vd_hash key; /* under which the answer is kept */
    uint64_t number;    /* block; steps */
    struct vd_dispute_run run;
};

enum verdict {
    UNJUDGED,
    ROOT_TRUE,
    ROOT_FALSE,
    ROOT_MISNAMED, /* the output is true, but of another block than the claim names */
};

struct game {
    struct vd_dispute_id id;
    bool was_read;
    uint64_t listed_at; /* L1 block, and when it was read: */
    uint64_t read_at;
    uint64_t next_ms;   /* not read again before */
    uint64_t next_s;    /* nor before this time of L1 */
    uint64_t decided_s; /* L1's time at which it was first seen decided; 0: it was not */
    struct vd_dispute d;
    struct vd_claim *claims;
    bool *resolved;
    struct vd_u256 bonds[VD_GAME_MAX_DEPTH + 1];
    bool has_safe;
    uint64_t safe;
    enum verdict verdict;
    bool against;
    size_t waiting;
    struct want want;
    uint64_t want_ms; /* not asked before */
    uint64_t pause_ms;
    size_t failed;      /* so many of its questions are passed over */
    uint64_t failed_ms; /* until then */
    bool has_step;
    struct vd_hash step_key;
    struct vd_dispute_step step;
    uint8_t *preimage; /* of step */
    bool needs_load;
    bool has_output;
    struct vd_dispute_output output;
    uint8_t *header;        /* of output */
    struct action *actions; /* a move and a resolution of each claim, and a few of the game */
    size_t action_count;
    size_t action_cap;
    uint64_t left_s;   /* until the first of its clocks runs out */
    uint64_t late_s;   /* how urgent its question to the node is whatever its clocks say */
    char said[2][200]; /* the last note, the last alert */
    bool said_against; /* the last said of how it would end, and how often something was */
    size_t outlooks;
};

enum flight_state {
    FLIGHT_SENT,     /* handed to the manager */
    FLIGHT_INCLUDED, /* its bond is paid; holds until it is confirmed */
    FLIGHT_SETTLED,  /* a game read at `block` or later shows what came of it */
    FLIGHT_DONE,     /* need not be repeated, whatever a game shows: a preimage */
    FLIGHT_REFUSED,  /* an estimate at `block` said that it would revert */
};
struct flight {
    uint8_t tag[ACTION_TAG_BYTES];
    enum flight_state state;
    uint64_t block;
    unsigned refusals;   /* at so many heads one after the other */
    uint32_t unincluded; /* payloads of this tag that are in no block: after a reorg even two */
    struct vd_u256 value;
};

/* Known values by key; open addressing. */
struct known {
    struct vd_hash key;
    struct vd_hash value;
};
struct memory {
    struct known *slots;
    size_t cap;
    size_t count;
};

/* A large preimage that a step reads, on its way into the oracle.  What L1 holds of it says what
   comes next: nothing, blocks, all of them, the part. */
struct upload {
    struct vd_address oracle;
    struct vd_hash tag; /* of claimant and number */
    struct large_call call;
    uint8_t key[32];
    uint8_t *bytes;
    struct vd_hash *commitments;
    struct large blocks;
    /* as L1 has it at read_at */
    bool was_read;
    uint64_t read_at;
    bool is_loaded;
    uint32_t claimed_size; /* 0: not announced */
    uint32_t added;        /* blocks */
    uint64_t timestamp;    /* of the last block; 0: not all are there */
    bool is_countered;
    bool has_bond;
    unsigned stage;    /* of reading */
    uint64_t stage_at; /* L1 block */
    uint64_t next_ms;
    /* by the games at the head wanted_at */
    uint64_t wanted_at;
    uint64_t left_s; /* until the step is too late */
    bool is_waiting;
    const char *said;
    struct action action;
};

/* A proposal of anybody in an oracle; dropped when there is nothing more to be done about it. */
enum proposal_stage {
    LOOK_AT_STATE,
    LOOK_AT_BOND,
    LOOK_AT_LENGTH,
    LOOK_AT_BLOCK, /* in which L1 block leaves were added */
    LOOK_AT_LOGS,
    LOOK_NO_MORE, /* at this head */
};
struct proposal {
    uint64_t index; /* in the oracle */
    struct vd_hash tag;
    struct large_call call;
    enum proposal_stage stage;
    uint64_t stage_at;
    uint64_t next_s; /* of L1: not looked at before */
    uint64_t next_ms;
    uint64_t timestamp;
    uint32_t added;
    bool is_checked;
    bool said;      /* that it cannot be */
    uint64_t parts; /* transactions that added leaves, and how many were read */
    uint64_t part;
    uint64_t block;
    struct large *blocks;
    struct action action;
};

/* The contract that holds the preimages of games. */
struct oracle {
    struct vd_address address;
    unsigned stage; /* of reading the terms */
    bool is_known;  /* they were read */
    bool is_unable; /* it takes no proposals */
    bool said;      /* that it cannot be asked */
    uint64_t next_ms;
    struct vd_u256 bond;
    uint64_t least_bytes;
    uint64_t period_s;
    bool was_counted;
    uint64_t counted_at;
    uint64_t count;
    uint64_t next; /* proposals below were looked up */
    struct proposal *proposals;
    size_t proposal_count;
    size_t proposal_cap;
};
#define MAX_ORACLES 16u

/* Who asked a view of the oracle. */
enum asker {
    ASKER_TERMS,
    ASKER_UPLOAD,
    ASKER_COUNT,
    ASKER_KEYS,
    ASKER_PROPOSAL,
};

enum question {
    Q_NONE,
    Q_LIST,
    Q_READ,
    Q_ESTIMATE,
    Q_CALL,
    Q_LOGS,
};

struct vd_challenger {
    struct vd_challenger_config config;
    struct vd_challenger_effects effects;
    uint64_t now_ms;
    bool has_heads;
    struct vd_challenger_heads heads;
    bool pumping;

    enum question question;
    bool question_abandoned;
    uint64_t question_game; /* index in the factory */
    uint64_t question_at;   /* L1 block */
    struct action action;   /* of Q_ESTIMATE; what it borrows may be gone */
    struct vd_address to;   /* the same, as a call */
    struct vd_abi data;
    enum asker asker;         /* of Q_CALL, Q_LOGS */
    size_t asker_oracle;      /* which */
    uint64_t asker_proposal;  /* its index */
    struct vd_hash asker_tag; /* of the upload */
    unsigned turn;            /* of games, proposals, and what can wait */
    bool is_full;             /* the manager takes no more now */

    bool asking; /* the node */
    bool asking_abandoned;
    uint64_t asking_game;
    struct want asked;

    bool listed; /* to the end, at the present head */
    uint64_t list_next;
    uint64_t list_ms; /* not before */
    struct game **games;
    size_t count;
    size_t cap;

    struct flight *flights;
    size_t flight_count;
    size_t flight_cap;
    struct memory memory;
    struct oracle oracles[MAX_ORACLES];
    size_t oracle_count;
    struct upload **uploads;
    size_t upload_count;
    size_t upload_cap;
    uint64_t moves;
    size_t lost; /* games resolved against the own view */
    bool said_behind;
};

/* challenger_memory.c */
const struct vd_hash *memory_find(const struct memory *memory, const struct vd_hash *key);
void memory_put(struct memory *memory, const struct vd_hash *key, const struct vd_hash *value);
void memory_clear(struct memory *memory);

/* challenger.c */
void challenger_say(struct vd_challenger *c, struct game *g, bool alert, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A view of the oracle, or its logs in an L1 block; the answer goes to the asker. */
bool challenger_call(struct vd_challenger *c, enum asker asker, const struct vd_address *to,
                     struct vd_abi *data);
void challenger_logs(struct vd_challenger *c, enum asker asker, const struct vd_address *address,
                     uint64_t block);

static inline bool
challenger_is_recent(const struct vd_challenger *c, bool was_read, uint64_t read_at)
{
    return was_read && read_at + RECENT_BLOCKS >= c->heads.l1.number;
}

/* challenger_send.c: estimates or sends the most urgent action more urgent than limit_s; false:
   there is none. */
bool challenger_act(struct vd_challenger *c, uint64_t limit_s);
/* The action as the call in c->to and c->data.  g: whose action it is; NULL: a large preimage's. */
void challenger_hand_over(struct vd_challenger *c, struct game *g, const struct action *action,
                          uint64_t gas);
/* c->action was refused; flight: which then counts that. */
void challenger_say_refused(struct vd_challenger *c, struct game *g, const struct flight *flight,
                            const char *text);

/* challenger_flights.c */
struct flight *flights_find(const struct vd_challenger *c, const uint8_t tag[ACTION_TAG_BYTES]);
void flights_drop(struct vd_challenger *c, struct flight *flight);
/* Adds it, or changes its state. */
struct flight *flights_put(struct vd_challenger *c, const uint8_t tag[ACTION_TAG_BYTES],
                           enum flight_state state, uint64_t block);
/* What an action takes that was sent by a process before this one. */
void flights_price(struct vd_challenger *c, const struct action *action, struct vd_u256 value);
void flights_purge(struct vd_challenger *c);
/* Is it on its way, done, or refused at this head?  Forgets what a read at this L1 block made
   obsolete. */
bool challenger_in_flight(struct vd_challenger *c, uint64_t read_at, const struct action *action);
/* Has it had its effect for good?  Is it with the manager? */
bool challenger_is_done(const struct vd_challenger *c, const struct action *action);
bool challenger_is_sent(const struct vd_challenger *c, const struct action *action);
/* Moves, steps and the like that are due, and that several heads in turn have refused. */
size_t flights_count_refused(const struct vd_challenger *c);

/* challenger_judge.c: what is wanted and what is to be done now, from the game as read last. */
void challenger_judge(struct vd_challenger *c, struct game *g);
/* What an action takes in the end, and whether the account can pay for it beside all else. */
struct vd_u256 challenger_cost(const struct vd_challenger *c, const struct game *g,
                               const struct action *action);
bool challenger_can_pay(const struct vd_challenger *c, const struct game *g,
                        const struct action *action);
/* Can bonds of the account come out of it? */
bool challenger_has_bonds(const struct game *g);
bool challenger_is_behind(const struct vd_challenger *c);
/* Is so much left beside what was sent and is not seen yet? */
bool challenger_has(const struct vd_challenger *c, const struct vd_u256 *amount);

/* challenger_uploads.c */
struct vd_hash large_tag(const struct vd_address *claimant, const struct vd_hash *uuid);
/* The oracle of games; NULL: there are too many. */
struct oracle *oracles_of(struct vd_challenger *c, const struct vd_address *address);
const struct oracle *oracles_find(const struct vd_challenger *c, const struct vd_address *address);
bool oracles_ask(struct vd_challenger *c);
void oracles_answer(struct vd_challenger *c, enum vd_err err, const char *text,
                    struct vd_slice answer);
struct upload *uploads_find(const struct vd_challenger *c, const struct vd_address *oracle,
                            const struct vd_hash *tag);
/* What a step waits for: an upload that is not loaded yet.  NULL: nothing. */
struct upload *uploads_of_step(const struct vd_challenger *c, const struct game *g,
                               const struct vd_hash *step_key);
/* The preimage of the game's step moves to an upload, unless *out is NULL: then it is loaded, or
   its oracle is one too many.  False: no memory; it stays with the game. */
bool uploads_take(struct vd_challenger *c, struct upload **out, struct game *g);
void uploads_want(const struct vd_challenger *c, struct upload *upload, uint64_t left_s);
bool uploads_ask(struct vd_challenger *c);
void uploads_answer(struct vd_challenger *c, enum vd_err err, struct vd_slice answer);
/* What is due of all of them and more urgent than `best`, or best. */
const struct action *uploads_pick(struct vd_challenger *c, const struct action *best,
                                  uint64_t limit_s);
/* Another head; L1 was reorganised; the end. */
void uploads_tidy(struct vd_challenger *c);
void uploads_forget(struct vd_challenger *c);
void uploads_free(struct vd_challenger *c);

/* challenger_proposals.c */
bool proposals_ask(struct vd_challenger *c);
void proposals_answer(struct vd_challenger *c, enum vd_err err, const char *text,
                      struct vd_slice answer);
void proposals_logged(struct vd_challenger *c, enum vd_err err, const char *text,
                      const struct vd_slice *data, size_t count);
const struct action *proposals_pick(struct vd_challenger *c, const struct action *best,
                                    uint64_t limit_s);
void proposals_forget(struct vd_challenger *c);

#endif
