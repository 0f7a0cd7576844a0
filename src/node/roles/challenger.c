/* Two conversations go on at a time, each one question after the other:

       with L1         LIST     are there new games?
                       READ     each game, once at each head; one that is decided less often
                       ESTIMATE the most urgent action of all games, which is then sent
       with the node   what the most urgent game wants to know

   Every answer that changes what is known of a game judges it anew (challenger_judge.c), so what is
   due is always made of the game as it was read last. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "challenger_internal.h"
#include "viaduct/core/base/constants.h"

#define LIST_PAUSE_MS 1000u
#define FIRST_PAUSE_MS 1000u
#define MAX_PAUSE_MS 60000u
#define MAX_SETTLED_PAUSE_S 600u
#define MAX_TX_GAS 16777216u /* EIP-7825 */
#define WEEK_S 604800u
#define YOUNG_S (2u * WEEK_S) /* a game on a public chain takes less, see docs/fault-proofs.md */

enum vd_err
vd_challenger_new(struct vd_challenger **out, const struct vd_challenger_config *config,
                  const struct vd_challenger_effects *effects)
{
    struct vd_challenger *c = calloc(1, sizeof *c);
    if (!c) {
        return VD_ERR_NO_MEMORY;
    }
    c->config = *config;
    c->effects = *effects;
    *out = c;
    return VD_OK;
}

static void
free_game(struct game *g)
{
    free(g->claims);
    free(g->resolved);
    free(g->actions);
    free(g->preimage);
    free(g->header);
    free(g);
}

static void
free_games(struct vd_challenger *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free_game(c->games[i]);
    }
    c->count = 0;
}

void
vd_challenger_free(struct vd_challenger *c)
{
    if (c) {
        free_games(c);
        uploads_free(c);
        proposals_forget(c);
        vd_abi_deinit(&c->data);
        free(c->games);
        free(c->flights);
        memory_clear(&c->memory);
        free(c);
    }
}

/* Each thing is said once, until another one is. */
void
challenger_say(struct vd_challenger *c, struct game *g, bool alert, const char *format, ...)
{
    char text[200];
    char line[260];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (memcmp(text, g->said[alert], strlen(text) + 1) != 0) {
        memcpy(g->said[alert], text, sizeof text);
        snprintf(line, sizeof line, "game %llu: %s", (unsigned long long)g->id.index, text);
        c->effects.note(c->effects.ctx, alert, line);
    }
}

static struct game *
find_game(struct vd_challenger *c, uint64_t index)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->games[i]->id.index == index) {
            return c->games[i];
        }
    }
    return NULL;
}

/* --- asking L1 --- */

static bool
ask_list(struct vd_challenger *c)
{
    if (c->listed || c->now_ms < c->list_ms) {
        return false;
    }
    c->question = Q_LIST;
    c->effects.list(c->effects.ctx, c->list_next, &c->heads.l1.hash);
    return true;
}

/* The less the sooner: so on a line that is too slow to read every game at every head, each is read
   as often as is urgent, and none never.  Of those not read yet, after a start or a reorg, the
   young ones, in which clocks may run, go before all others, and the old ones, most of which are
   decided, take turns with the clocks that are known to run. */
static uint64_t
turn_of(const struct vd_challenger *c, const struct game *g)
{
    uint64_t left_s = g->left_s < WEEK_S ? g->left_s : WEEK_S;
    uint64_t head = c->heads.l1.number;
    if (!g->was_read) {
        bool is_young = g->id.timestamp + YOUNG_S > c->heads.l1.timestamp;
        return is_young ? 0 : WEEK_S / (1 + (head > g->listed_at ? head - g->listed_at : 0));
    }
    return head > g->read_at ? left_s / (head - g->read_at) : 0;
}

static bool
ask_read(struct vd_challenger *c)
{
    struct game *best = NULL;
    for (size_t i = 0; i < c->count; i++) {
        struct game *g = c->games[i];
        bool is_due = g->next_ms <= c->now_ms && g->next_s <= c->heads.l1.timestamp &&
                      (!g->was_read || g->read_at != c->heads.l1.number);
        if (is_due && (!best || turn_of(c, g) < turn_of(c, best))) {
            best = g;
        }
    }
    if (!best) {
        return false;
    }
    c->question = Q_READ;
    c->question_game = best->id.index;
    c->question_at = c->heads.l1.number;
    struct vd_dispute_id id = best->id;
    c->effects.read(c->effects.ctx, &id, &c->heads.l1.hash);
    return true;
}

bool
challenger_call(struct vd_challenger *c, enum asker asker, const struct vd_address *to,
                struct vd_abi *data)
{
    bool ok = data->err == VD_OK;
    if (ok) {
        c->question = Q_CALL;
        c->asker = asker;
        c->question_at = c->heads.l1.number;
        c->effects.call(c->effects.ctx, to, vd_abi_view(data), &c->heads.l1.hash);
    }
    vd_abi_deinit(data);
    return ok;
}

void
challenger_logs(struct vd_challenger *c, enum asker asker, const struct vd_address *address,
                uint64_t block)
{
    c->question = Q_LOGS;
    c->asker = asker;
    c->question_at = c->heads.l1.number;
    c->effects.logs(c->effects.ctx, address, block);
}

/* Further games, the proposals of others, and what no clock waits for take turns: on a slow line
   none of them keeps another waiting for ever. */
static bool
ask_in_turn(struct vd_challenger *c)
{
    bool asked = false;
    for (unsigned i = 0; i < 3 && !asked; i++) {
        c->turn = (c->turn + 1) % 3;
        asked = c->turn == 0   ? ask_read(c)
                : c->turn == 1 ? proposals_ask(c)
                               : challenger_act(c, UINT64_MAX);
    }
    return asked;
}

static bool
ask_l1(struct vd_challenger *c)
{
    if (!c->has_heads || c->question != Q_NONE) {
        return false;
    }
    /* What a clock waits for goes before further games are read. */
    return ask_list(c) || oracles_ask(c) || challenger_act(c, LATER_S) || uploads_ask(c) ||
           ask_in_turn(c);
}

/* --- asking the node --- */

static uint64_t
urgency_of(const struct game *g)
{
    return g->late_s < g->left_s ? g->late_s : g->left_s;
}

static bool
ask_node(struct vd_challenger *c)
{
    struct game *best = NULL;
    for (size_t i = 0; i < c->count && !c->asking; i++) {
        struct game *g = c->games[i];
        bool is_due = g->want.kind != WANT_NOTHING && g->want_ms <= c->now_ms;
        if (is_due && (!best || urgency_of(g) < urgency_of(best))) {
            best = g;
        }
    }
    if (!best) {
        return false;
    }
    const struct vd_challenger_effects *e = &c->effects;
    c->asking = true;
    c->asking_game = best->id.index;
    c->asked = best->want;
    switch (c->asked.kind) {
    case WANT_SAFE:
        e->safe(e->ctx, &best->d.l1_head);
        break;
    case WANT_OUTPUT:
        e->output(e->ctx, c->asked.number);
        break;
    case WANT_STATE:
        e->state(e->ctx, &c->asked.run, c->asked.number);
        break;
    case WANT_STEP:
        e->step(e->ctx, &c->asked.run, c->asked.number);
        break;
    case WANT_HEADER:
        e->header(e->ctx, c->asked.number);
        break;
    case WANT_NOTHING:
        break;
    }
    return true;
}

/* Effects may answer at once. */
static void
pump(struct vd_challenger *c)
{
    if (c->pumping) {
        return;
    }
    c->pumping = true;
    bool more = true;
    while (more) {
        more = ask_l1(c);
        more = ask_node(c) || more;
    }
    c->pumping = false;
}

/* --- answers of L1 --- */

/* True when the answer is wanted; the question is closed. */
static bool
l1_answered(struct vd_challenger *c, enum question question)
{
    bool wanted = c->question == question && !c->question_abandoned;
    c->question = Q_NONE;
    c->question_abandoned = false;
    return wanted;
}

static bool
add_game(struct vd_challenger *c, const struct vd_dispute_id *id)
{
    if (find_game(c, id->index)) {
        return true;
    }
    if (c->count == c->cap) {
        size_t cap = c->cap == 0 ? 16 : 2 * c->cap;
        struct game **games = realloc(c->games, cap * sizeof *games);
        if (!games) {
            return false;
        }
        c->games = games;
        c->cap = cap;
    }
    struct game *g = calloc(1, sizeof *g);
    if (!g) {
        return false;
    }
    g->id = *id;
    g->listed_at = c->heads.l1.number;
    c->games[c->count++] = g;
    return true;
}

void
vd_challenger_listed(struct vd_challenger *c, enum vd_err err, const struct vd_dispute_id *ids,
                     size_t count, uint64_t next)
{
    bool ok = l1_answered(c, Q_LIST) && err == VD_OK;
    c->list_ms = ok ? 0 : c->now_ms + LIST_PAUSE_MS;
    for (size_t i = 0; i < count && ok; i++) {
        ok = add_game(c, &ids[i]);
    }
    if (ok) {
        c->listed = next == c->list_next;
        c->list_next = next;
    }
    pump(c);
}

/* False: no memory, or depths beyond all bounds; then nothing of the game is to be relied on. */
static bool
copy_dispute(struct game *g, const struct vd_dispute *d)
{
    size_t count = d->game.count;
    struct vd_claim *claims = realloc(g->claims, (count + 1) * sizeof *claims);
    g->claims = claims ? claims : g->claims;
    bool *resolved = realloc(g->resolved, (count + 1) * sizeof *resolved);
    g->resolved = resolved ? resolved : g->resolved;
    struct action *actions = realloc(g->actions, (2 * count + 8) * sizeof *actions);
    g->actions = actions ? actions : g->actions;
    g->action_cap = actions ? 2 * count + 8 : g->action_cap;
    if (!claims || !resolved || !actions || d->game.max_depth > VD_GAME_MAX_DEPTH) {
        g->d.game.count = 0; /* what was there may have moved, or shrunk */
        g->was_read = false;
        g->action_count = 0;
        g->want = (struct want){.kind = WANT_NOTHING};
        return false;
    }
    if (count > 0) {
        memcpy(claims, d->game.claims, count * sizeof *claims);
        memcpy(resolved, d->resolved, count * sizeof *resolved);
    }
    memcpy(g->bonds, d->bonds, (d->game.max_depth + 1) * sizeof g->bonds[0]);
    g->d = *d;
    g->d.game.claims = claims;
    g->d.resolved = resolved;
    g->d.bonds = g->bonds;
    return true;
}

/* Seconds until the first clock that still runs has run out. */
static uint64_t
first_clock(const struct vd_challenger *c, const struct game *g)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < g->d.game.count; i++) {
        uint64_t used = vd_game_challenger_duration(&g->d.game, i, c->heads.l1.timestamp);
        uint64_t left = g->d.game.max_clock_s - used;
        least = left > 0 && left < least ? left : least;
    }
    return least;
}

/* A decided game is looked at again after an eighth of the time since it was found so: its bonds
   wait for delays of L1's time.  At once while they are being claimed. */
static void
look_again(struct vd_challenger *c, struct game *g)
{
    struct action claim = {.kind = ACTION_CLAIM, .proxy = g->id.proxy};
    uint64_t now_s = c->heads.l1.timestamp;
    g->decided_s = g->decided_s == 0 ? now_s : g->decided_s;
    uint64_t age_s = now_s > g->decided_s ? now_s - g->decided_s : 0;
    uint64_t pause_s = age_s / 8 < MAX_SETTLED_PAUSE_S ? age_s / 8 : MAX_SETTLED_PAUSE_S;
    bool is_claimed = g->action_count > 0 || challenger_is_sent(c, &claim);
    g->next_s = is_claimed ? 0 : now_s + pause_s;
}

static void
remove_game(struct vd_challenger *c, struct game *g)
{
    size_t i = 0;
    while (c->games[i] != g) {
        i++;
    }
    c->lost += g->against;
    free_game(g);
    c->games[i] = c->games[--c->count];
}

/* Nothing is left to be done. */
static bool
is_over(const struct vd_challenger *c, const struct game *g)
{
    return g->was_read && g->d.status != VD_GAME_IN_PROGRESS &&
           (c->config.watch || !challenger_has_bonds(g));
}

void
vd_challenger_read(struct vd_challenger *c, enum vd_err err, const char *text,
                   const struct vd_dispute *dispute)
{
    struct game *g = NULL;
    if (l1_answered(c, Q_READ)) {
        g = find_game(c, c->question_game);
    }
    if (g && (err != VD_OK || !copy_dispute(g, dispute))) {
        g->next_ms = c->now_ms + FIRST_PAUSE_MS;
        challenger_say(c, g, false, "cannot be read: %s",
                       err != VD_OK ? text : "no memory, or depths that no game has");
    } else if (g) {
        g->was_read = true;
        g->read_at = c->question_at;
        g->left_s = first_clock(c, g);
        challenger_judge(c, g);
        if (g->d.status != VD_GAME_IN_PROGRESS) {
            look_again(c, g);
        }
        if (is_over(c, g) && (g->verdict != UNJUDGED || g->want.kind == WANT_NOTHING) &&
            !challenger_is_behind(c)) {
            remove_game(c, g);
        }
    }
    pump(c);
}

/* Half as much again as an estimate says, since what L1 does until then can change it; but a
   transaction may not have more than EIP-7825 says. */
static uint64_t
limit_of(uint64_t gas)
{
    uint64_t limit = gas + gas / 2;
    return limit < MAX_TX_GAS || gas > MAX_TX_GAS ? limit : MAX_TX_GAS;
}

void
vd_challenger_estimated(struct vd_challenger *c, enum vd_err err, const char *text, uint64_t gas)
{
    bool is_wanted = l1_answered(c, Q_ESTIMATE);
    struct game *g = is_wanted ? find_game(c, c->question_game) : NULL;
    is_wanted = is_wanted && (g || c->action.large);
    if (is_wanted && err == VD_OK) {
        challenger_hand_over(c, g, &c->action, limit_of(gas));
    } else if (g && err == VD_ERR_REFUSED && c->action.kind == ACTION_STEP &&
               g->step.vm.reads_preimage && !g->needs_load) {
        g->needs_load = true;
        challenger_judge(c, g);
    } else if (is_wanted) {
        uint8_t tag[ACTION_TAG_BYTES];
        action_tag(tag, &c->action);
        challenger_say_refused(c, g, flights_put(c, tag, FLIGHT_REFUSED, c->question_at), text);
        if (c->action.kind == ACTION_CLAIM) {
            challenger_judge(c, g);
            look_again(c, g);
        }
    }
    pump(c);
}

void
vd_challenger_called(struct vd_challenger *c, enum vd_err err, const char *text,
                     struct vd_slice answer)
{
    if (l1_answered(c, Q_CALL)) {
        switch (c->asker) {
        case ASKER_TERMS:
            oracles_answer(c, err, text, answer);
            break;
        case ASKER_UPLOAD:
            uploads_answer(c, err, answer);
            break;
        case ASKER_COUNT:
        case ASKER_KEYS:
        case ASKER_PROPOSAL:
            proposals_answer(c, err, text, answer);
            break;
        }
    }
    pump(c);
}

void
vd_challenger_logged(struct vd_challenger *c, enum vd_err err, const char *text,
                     const struct vd_slice *data, size_t count)
{
    if (l1_answered(c, Q_LOGS)) {
        proposals_logged(c, err, text, data, count);
    }
    pump(c);
}

/* --- answers of the node --- */

/* The game's next question at once, if it has another one; this one after a pause. */
static void
pass_over(struct vd_challenger *c, struct game *g)
{
    if (g->want.kind != c->asked.kind || !vd_hash_eq(&g->want.key, &c->asked.key)) {
        return;
    }
    if (g->failed == 0 || g->failed_ms <= c->now_ms) {
        g->failed = 0;
        g->pause_ms = g->pause_ms == 0 ? FIRST_PAUSE_MS : 2 * g->pause_ms;
        g->pause_ms = g->pause_ms > MAX_PAUSE_MS ? MAX_PAUSE_MS : g->pause_ms;
        g->failed_ms = c->now_ms + g->pause_ms;
    }
    g->failed++;
    challenger_judge(c, g);
}

/* The game that asked, if it is still there; on a failure it waits. */
static struct game *
node_answered(struct vd_challenger *c, enum vd_err err, const char *text)
{
    struct game *g = c->asking && !c->asking_abandoned ? find_game(c, c->asking_game) : NULL;
    c->asking = false;
    c->asking_abandoned = false;
    if (g && err != VD_OK) {
        pass_over(c, g);
        challenger_say(c, g, err != VD_ERR_BUSY, "waits: %s", text);
        if (err != VD_ERR_BUSY && is_over(c, g)) {
            remove_game(c, g); /* too old to be judged */
            g = NULL;
        }
    } else if (g) {
        g->pause_ms = g->failed > 0 ? g->pause_ms : 0;
    }
    return g;
}

/* Every game that waits for the value just learnt. */
static void
judge_waiting(struct vd_challenger *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct game *g = c->games[i];
        if (g->want.kind == c->asked.kind && vd_hash_eq(&g->want.key, &c->asked.key)) {
            challenger_judge(c, g);
        }
    }
}

void
vd_challenger_safe(struct vd_challenger *c, enum vd_err err, const char *text, uint64_t number)
{
    struct game *g = node_answered(c, err, text);
    if (g && err == VD_OK) {
        g->has_safe = true;
        g->safe = number;
        challenger_judge(c, g);
    }
    pump(c);
}

static void
take_value(struct vd_challenger *c, enum vd_err err, const char *text, const struct vd_hash *value)
{
    struct game *g = node_answered(c, err, text);
    if (g && err == VD_OK) {
        memory_put(&c->memory, &c->asked.key, value);
        judge_waiting(c);
    }
    pump(c);
}

void
vd_challenger_output(struct vd_challenger *c, enum vd_err err, const char *text,
                     const struct vd_hash *root)
{
    take_value(c, err, text, root);
}

void
vd_challenger_state(struct vd_challenger *c, enum vd_err err, const char *text,
                    const struct vd_hash *state)
{
    take_value(c, err, text, state);
}

/* A copy of borrowed bytes, in place of what *memory held. */
static bool
keep(uint8_t **memory, struct vd_slice *bytes)
{
    free(*memory);
    *memory = malloc(bytes->len + 1);
    if (*memory && bytes->len > 0) {
        memcpy(*memory, bytes->ptr, bytes->len);
    }
    bytes->ptr = *memory;
    return *memory != NULL;
}

void
vd_challenger_step(struct vd_challenger *c, enum vd_err err, const char *text,
                   const struct vd_dispute_step *step)
{
    struct game *g = node_answered(c, err, text);
    if (g && err == VD_OK) {
        g->step = *step;
        g->has_step = keep(&g->preimage, &g->step.preimage);
        g->step_key = c->asked.key;
        g->needs_load = false;
        challenger_judge(c, g);
    }
    pump(c);
}

void
vd_challenger_header(struct vd_challenger *c, enum vd_err err, const char *text,
                     const struct vd_dispute_output *output)
{
    struct game *g = node_answered(c, err, text);
    if (g && err == VD_OK) {
        g->output = *output;
        g->has_output = keep(&g->header, &g->output.header);
        challenger_judge(c, g);
    }
    pump(c);
}

/* --- inputs --- */

void
vd_challenger_restore(struct vd_challenger *c, const struct vd_txm_status *payload)
{
    enum action_kind kind;
    if (action_of_tag(&kind, payload->tag) && !payload->confirmed) {
        enum flight_state state = payload->included ? FLIGHT_INCLUDED : FLIGHT_SENT;
        flights_put(c, payload->tag.ptr, state, 0)->unincluded += !payload->included;
    }
}

void
vd_challenger_heads(struct vd_challenger *c, uint64_t now_ms,
                    const struct vd_challenger_heads *heads)
{
    bool is_new = !c->has_heads || !vd_hash_eq(&c->heads.l1.hash, &heads->l1.hash);
    c->now_ms = now_ms;
    c->heads = *heads;
    c->has_heads = true;
    c->is_full = false;
    if (is_new) {
        c->listed = false;
    }
    bool behind = challenger_is_behind(c);
    if (behind && !c->said_behind) {
        c->effects.note(c->effects.ctx, false,
                        "waits: derivation is behind L1's head, games are not judged until then");
    }
    for (size_t i = 0; i < c->count && behind != c->said_behind; i++) {
        challenger_judge(c, c->games[i]);
    }
    c->said_behind = behind;
    flights_purge(c);
    uploads_tidy(c);
    pump(c);
}

void
vd_challenger_reorg(struct vd_challenger *c)
{
    c->question_abandoned = c->question != Q_NONE;
    c->asking_abandoned = c->asking;
    free_games(c);
    memory_clear(&c->memory);
    uploads_forget(c);
    proposals_forget(c);
    c->list_next = 0;
    c->listed = false;
    for (size_t i = c->flight_count; i-- > 0;) {
        if (c->flights[i].state == FLIGHT_REFUSED) {
            flights_drop(c, &c->flights[i]);
        }
    }
}

void
vd_challenger_tick(struct vd_challenger *c, uint64_t now_ms)
{
    c->now_ms = now_ms;
    pump(c);
}

/* A move that went through is on L1, where it is seen; until it is confirmed a reorg may take it
   away again, and then the manager sends the same bytes. */
static void
included(struct vd_challenger *c, enum action_kind kind, const struct vd_txm_event *event)
{
    bool repeats = kind == ACTION_RESOLVE_CLAIM || kind == ACTION_RESOLVE || kind == ACTION_CLAIM;
    enum flight_state state = FLIGHT_INCLUDED;
    if (!event->success || repeats) {
        state = FLIGHT_SETTLED;
    } else if (kind == ACTION_LOAD) {
        state = FLIGHT_DONE;
    }
    struct flight *flight = flights_put(c, event->tag.ptr, state, event->block.number);
    flight->unincluded -= flight->unincluded > 0;
}

void
vd_challenger_tx_event(struct vd_challenger *c, const struct vd_txm_event *event)
{
    enum action_kind kind;
    if (!action_of_tag(&kind, event->tag)) {
        return;
    }
    c->is_full = false;
    struct flight *flight = flights_find(c, event->tag.ptr);
    switch (event->kind) {
    case VD_TXM_INCLUDED:
        included(c, kind, event);
        break;
    case VD_TXM_CONFIRMED:
        if (flight && kind == ACTION_LOAD && event->success) {
            flight->state = FLIGHT_DONE;
        } else if (flight) {
            flight->state = FLIGHT_SETTLED;
            flight->block = event->block.number;
        }
        break;
    case VD_TXM_REORGED_OUT:
        flights_put(c, event->tag.ptr, FLIGHT_SENT, 0)->unincluded++;
        break;
    case VD_TXM_LOST:
        if (flight && flight->unincluded <= 1) {
            flights_drop(c, flight);
        } else if (flight) {
            flight->unincluded--;
        }
        break;
    case VD_TXM_SENT:
    case VD_TXM_REPLACED:
    case VD_TXM_STUCK:
        break;
    }
    pump(c);
}

/* --- state --- */

void
vd_challenger_stats(const struct vd_challenger *c, struct vd_challenger_stats *stats)
{
    *stats = (struct vd_challenger_stats){.open = c->count,
                                          .against = c->lost,
                                          .moves = c->moves,
                                          .waiting = flights_count_refused(c)};
    for (size_t i = 0; i < c->count; i++) {
        const struct game *g = c->games[i];
        bool in_progress = g->was_read && g->d.status == VD_GAME_IN_PROGRESS;
        stats->disputed += in_progress && g->verdict > ROOT_TRUE;
        stats->against += g->against;
        stats->waiting += g->waiting;
    }
    for (size_t i = 0; i < c->upload_count; i++) {
        stats->waiting += c->uploads[i]->is_waiting;
    }
}
