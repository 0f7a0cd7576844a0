/* The challenger's state: challenger.c asks, answers and sends, challenger_judge.c decides. */
#ifndef VIADUCT_NODE_ROLES_CHALLENGER_INTERNAL_H
#define VIADUCT_NODE_ROLES_CHALLENGER_INTERNAL_H

#include "challenger_calls.h"

#define MAX_ACTIONS 256u
/* Urgency of what no clock waits for. */
#define LATER_S ((uint64_t)1 << 40)

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
    uint64_t read_at; /* L1 block */
    uint64_t next_ms; /* not read again before */
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
    bool has_step;
    struct vd_hash step_key;
    struct vd_dispute_step step;
    uint8_t *preimage; /* of step */
    bool needs_load;
    bool has_output;
    struct vd_dispute_output output;
    uint8_t *header;        /* of output */
    struct action *actions; /* MAX_ACTIONS */
    size_t action_count;
    uint64_t left_s;   /* until the first of its clocks runs out */
    char said[2][200]; /* the last note, the last alert */
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
    struct action action;   /* of Q_ESTIMATE */
    bool is_full;           /* the manager takes no more now */

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

/* challenger_flights.c */
struct flight *flights_find(const struct vd_challenger *c, const uint8_t tag[ACTION_TAG_BYTES]);
void flights_drop(struct vd_challenger *c, struct flight *flight);
/* Adds it, or changes its state. */
struct flight *flights_put(struct vd_challenger *c, const uint8_t tag[ACTION_TAG_BYTES],
                           enum flight_state state, uint64_t block);
void flights_purge(struct vd_challenger *c);
/* Is it on its way, done, or refused at this head?  Forgets what a newer read made obsolete. */
bool challenger_in_flight(struct vd_challenger *c, const struct game *g,
                          const struct action *action);
/* Has it had its effect for good?  Is it with the manager? */
bool challenger_is_done(const struct vd_challenger *c, const struct action *action);
bool challenger_is_sent(const struct vd_challenger *c, const struct action *action);

/* challenger_judge.c: what is wanted and what is to be done now, from the game as read last. */
void challenger_judge(struct vd_challenger *c, struct game *g);
/* What an action takes in the end, and whether the account can pay for it beside all else. */
struct vd_u256 challenger_cost(const struct game *g, const struct action *action);
bool challenger_can_pay(const struct vd_challenger *c, const struct game *g,
                        const struct action *action);
bool challenger_is_behind(const struct vd_challenger *c);

#endif
