/* What is due, over all games and uploads: the most urgent first, estimated, then handed to the
   transaction manager. */
#include <stdio.h>

#include "challenger_internal.h"

static const char *
text_of(enum action_kind kind)
{
    static const char *const texts[] = {"move against",
                                        "step against",
                                        "preimage for",
                                        "other block than named, against",
                                        "resolving",
                                        "resolving the game of",
                                        "claiming bonds, of",
                                        "announced a large preimage",
                                        "more of a large preimage",
                                        "loading a part of a large preimage",
                                        "refuting a large preimage"};
    return texts[kind];
}

static void
say_sent(struct vd_challenger *c, struct game *g, const struct action *action)
{
    char line[120];
    if (g) {
        challenger_say(c, g, false, "%s claim %u", text_of(action->kind), (unsigned)action->claim);
    } else {
        snprintf(line, sizeof line, "%s, %u.. from block %u", text_of(action->kind),
                 (unsigned)vd_load_be32(action->value.b), (unsigned)action->claim);
        c->effects.note(c->effects.ctx, false, line);
    }
}

void
challenger_hand_over(struct vd_challenger *c, struct game *g, const struct action *action,
                     uint64_t gas)
{
    uint8_t tag[ACTION_TAG_BYTES];
    action_tag(tag, action);
    struct vd_txm_payload payload = {.to = c->to,
                                     .data = vd_abi_view(&c->data),
                                     .value = action->bond,
                                     .gas_limit = gas,
                                     .tag = vd_slice(tag, sizeof tag)};
    if (c->effects.send(c->effects.ctx, &payload) == VD_OK) {
        struct flight *flight = flights_put(c, tag, FLIGHT_SENT, 0);
        flight->value = g ? challenger_cost(c, g, action) : action->bond;
        flight->unincluded++;
        c->moves += action->kind == ACTION_MOVE || action->kind == ACTION_STEP;
        say_sent(c, g, action);
    } else {
        c->is_full = true; /* until something of the manager moves */
    }
}

static bool
is_before(const struct action *a, const struct action *b)
{
    return !b || a->left_s < b->left_s;
}

/* Whether it can be made at all; if not, that is said. */
static bool
is_possible(struct vd_challenger *c, struct game *g, const struct action *action)
{
    const char *reason = NULL;
    const struct oracle *oracle = oracles_find(c, &g->d.oracle);
    if (action->opens && oracle && !oracle->is_known) {
        return false; /* what its path costs is not known yet */
    }
    if (action->kind == ACTION_MOVE && !challenger_can_pay(c, g, action)) {
        reason = "a counter is due, but the account has too little for it";
    } else if (action_is_too_large(action)) {
        reason = "a step is due, but its preimage is too large for one transaction";
    }
    if (reason) {
        g->waiting++;
        challenger_say(c, g, true, "%s", reason);
    }
    return reason == NULL;
}

/* The most urgent action of one game before `best` that is not on its way. */
static const struct action *
pick_of_game(struct vd_challenger *c, struct game *g, const struct action *best, uint64_t limit_s)
{
    g->waiting = 0;
    for (size_t k = 0; k < g->action_count; k++) {
        const struct action *action = &g->actions[k];
        if (action->left_s < limit_s && is_before(action, best) &&
            !challenger_in_flight(c, g->read_at, action) && is_possible(c, g, action)) {
            best = action;
        }
    }
    return best;
}

/* Only of games as they were lately: on a slow line the head moves on while a long game is read.
   What was sent since the read is known by the flights. */
static const struct action *
pick_action(struct vd_challenger *c, struct game **of, uint64_t limit_s)
{
    const struct action *best = NULL;
    if (c->is_full || challenger_is_behind(c) || c->config.watch) {
        return NULL;
    }
    for (size_t i = 0; i < c->count; i++) {
        struct game *g = c->games[i];
        if (challenger_is_recent(c, g->was_read, g->read_at)) {
            const struct action *before = best;
            best = pick_of_game(c, g, best, limit_s);
            *of = best != before ? g : *of;
        }
    }
    const struct action *large = proposals_pick(c, uploads_pick(c, best, limit_s), limit_s);
    *of = large == best ? *of : NULL;
    return large;
}

bool
challenger_act(struct vd_challenger *c, uint64_t limit_s)
{
    struct game *g = NULL;
    const struct action *action = pick_action(c, &g, limit_s);
    if (!action) {
        return false;
    }
    vd_abi_deinit(&c->data);
    c->action = *action;
    c->to = *action_call(&c->data, action, &c->config.from);
    c->question_game = g ? g->id.index : UINT64_MAX;
    c->question_at = c->heads.l1.number;
    if (c->data.err != VD_OK) {
        c->is_full = true; /* no memory: tried again at the next head */
        return false;
    }
    uint64_t gas = action_gas(action, vd_abi_view(&c->data));
    if (gas != 0) {
        challenger_hand_over(c, g, action, gas);
        return true;
    }
    c->question = Q_ESTIMATE;
    c->effects.estimate(c->effects.ctx, &c->to, vd_abi_view(&c->data), &c->action.bond);
    return true;
}

/* The account may lack the gas, or a node of L1 the state: a clock runs out meanwhile. */
void
challenger_say_refused(struct vd_challenger *c, struct game *g, const struct flight *flight,
                       const char *text)
{
    char line[300];
    bool tells = flight->refusals == REFUSALS_TO_TELL;
    if (g && c->action.kind != ACTION_CLAIM) {
        challenger_say(c, g, false, "%s claim %u: %s", text_of(c->action.kind),
                       (unsigned)c->action.claim, text);
    }
    if (g && c->action.kind <= ACTION_BLOCK && tells) {
        challenger_say(c, g, true, "a move is due, but L1 refuses it: %s", text);
    } else if (!g) {
        snprintf(line, sizeof line, "%s, %u..: %s", text_of(c->action.kind),
                 (unsigned)vd_load_be32(c->action.value.b), text);
        c->effects.note(c->effects.ctx, tells, line);
    }
}
