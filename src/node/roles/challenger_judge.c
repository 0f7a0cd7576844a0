/* From a game as L1 has it and from what is known of the own chain: is the root true, which moves
   are due, what can be resolved.  What is not known yet is put down as wanted, one thing at a time;
   the answer leads here again. */
#include <stdlib.h>

#include "challenger_internal.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"

/* A claim's counters looked at in one transaction, about 6,000 gas each. */
#define RESOLVE_AT_ONCE 256u
#define RESOLVE_GAS 150000u
#define RESOLVE_GAS_EACH 20000u

struct judge {
    struct vd_challenger *c;
    struct game *g;
    size_t passed; /* questions passed over, the first of them, and the last */
    struct want first;
    struct vd_hash last;
    bool step_at_hand; /* what g->step proves is still to be sent: no other is fetched */
    /* Of the game's claims: */
    uint8_t *steps;   /* a step against it is due */
    uint8_t *unknown; /* VD_GAME_UNKNOWN: perhaps one is */
};

bool
challenger_is_behind(const struct vd_challenger *c)
{
    uint64_t lag = c->config.max_lag_blocks == 0 ? 16 : c->config.max_lag_blocks;
    return c->heads.derived_l1 + lag < c->heads.l1.number;
}

/* --- keys --- */

static struct vd_hash
key_of_number(const char *what, uint64_t number)
{
    uint8_t bytes[8];
    struct vd_keccak k;
    vd_store_be64(bytes, number);
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice((const uint8_t *)what, strlen(what)));
    vd_keccak_update(&k, vd_slice(bytes, sizeof bytes));
    return vd_keccak_final(&k);
}

static struct vd_hash
key_of_run(const char *what, const struct vd_dispute_run *run, uint64_t steps)
{
    uint8_t bytes[24];
    struct vd_keccak k;
    vd_store_be64(bytes, run->agreed_block);
    vd_store_be64(bytes + 8, run->claimed_block);
    vd_store_be64(bytes + 16, steps);
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice((const uint8_t *)what, strlen(what)));
    vd_keccak_update(&k, vd_slice(run->l1_head.b, 32));
    vd_keccak_update(&k, vd_slice(run->agreed_root.b, 32));
    vd_keccak_update(&k, vd_slice(run->claimed_root.b, 32));
    vd_keccak_update(&k, vd_slice(bytes, sizeof bytes));
    return vd_keccak_final(&k);
}

/* One question is asked at a time.  Those that failed just now are passed over for a while, so that
   nothing waits for what cannot be answered but what needs the answer. */
static void
put_want(struct judge *j, const struct want *want)
{
    struct game *g = j->g;
    if (g->want.kind != WANT_NOTHING || (j->passed > 0 && vd_hash_eq(&want->key, &j->last))) {
        return;
    }
    if (j->passed == g->failed) {
        g->want = *want;
        return;
    }
    j->first = j->passed == 0 ? *want : j->first;
    j->last = want->key;
    j->passed++;
}

/* All were passed over: the first again, after the pause. */
static void
end_wants(struct judge *j)
{
    bool waits = j->g->want.kind == WANT_NOTHING && j->passed > 0;
    j->g->want = waits ? j->first : j->g->want;
    j->g->want_ms = waits ? j->g->failed_ms : 0;
}

/* The value under want's key, or it is wanted. */
static enum vd_err
know(struct judge *j, struct vd_hash *out, const struct want *want)
{
    const struct vd_hash *value = memory_find(&j->c->memory, &want->key);
    if (value) {
        *out = *value;
        return VD_OK;
    }
    put_want(j, want);
    return VD_ERR_BUSY;
}

static enum vd_err
know_output(struct judge *j, struct vd_hash *out, uint64_t number)
{
    struct want want = {.kind = WANT_OUTPUT, .number = number};
    want.key = key_of_number("output", number);
    return know(j, out, &want);
}

/* --- what an honest claim says --- */

static uint64_t
min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The block that a position down to the split stands for. */
static uint64_t
block_at(const struct vd_dispute *d, struct vd_position position)
{
    unsigned __int128 index = vd_position_trace_index(position, d->game.split_depth);
    unsigned __int128 block = (unsigned __int128)d->start_block + index + 1;
    return block < d->l2_block ? (uint64_t)block : d->l2_block;
}

/* The run between two claims.  Both sides agree on the first; were it not the own chain's, the own
   machine could not run from it. */
static enum vd_err
run_of(struct judge *j, struct vd_dispute_run *run, const struct vd_execution *execution)
{
    const struct vd_dispute *d = &j->g->d;
    struct vd_hash own;
    if (execution->end == VD_NO_PARENT) {
        return VD_ERR_MISMATCH;
    }
    const struct vd_claim *end = &d->game.claims[execution->end];
    *run = (struct vd_dispute_run){.l1_head = d->l1_head,
                                   .agreed_root = d->start_root,
                                   .agreed_block = d->start_block,
                                   .claimed_root = end->value,
                                   .claimed_block = block_at(d, end->position)};
    if (execution->begin != VD_NO_PARENT) {
        const struct vd_claim *begin = &d->game.claims[execution->begin];
        run->agreed_root = begin->value;
        run->agreed_block = min_u64(block_at(d, begin->position), j->g->safe);
    }
    enum vd_err err = know_output(j, &own, run->agreed_block);
    if (err == VD_OK && !vd_hash_eq(&own, &run->agreed_root)) {
        return VD_ERR_MISMATCH;
    }
    return err;
}

/* The leaf of index i is the state after i + 1 steps, and a run's last state repeats for ever. */
static uint64_t
leaf_of(const struct vd_dispute *d, struct vd_position position)
{
    unsigned levels = d->game.max_depth - d->game.split_depth - 1;
    unsigned __int128 index = vd_position_trace_index(position, d->game.max_depth) &
                              (((unsigned __int128)1 << levels) - 1);
    return index < UINT64_MAX - 1 ? (uint64_t)index : UINT64_MAX - 2;
}

static enum vd_err
honest_value(void *ctx, struct vd_hash *out, struct vd_position position,
             const struct vd_execution *execution)
{
    struct judge *j = ctx;
    struct want want = {.kind = WANT_STATE};
    if (!execution) {
        return know_output(j, out, min_u64(block_at(&j->g->d, position), j->g->safe));
    }
    enum vd_err err = run_of(j, &want.run, execution);
    if (err != VD_OK) {
        return err;
    }
    want.number = leaf_of(&j->g->d, position) + 1;
    want.key = key_of_run("state", &want.run, want.number);
    return know(j, out, &want);
}

/* --- the root --- */

/* Why the program has no business in this game; NULL: it has. */
static const char *
not_ours(const struct vd_challenger *c, const struct vd_dispute *d)
{
    if (!vd_hash_eq(&d->prestate, &c->config.prestate)) {
        return "its prestate is not the one that this program builds for its chain";
    }
    if (d->chain_id != c->config.chain_id) {
        return "it is about another chain";
    }
    if (d->game.max_depth > VD_GAME_MAX_DEPTH || d->game.split_depth < 2 ||
        d->game.split_depth + 1 >= d->game.max_depth || d->game.count == 0) {
        return "its depths are none that a game can have";
    }
    return NULL;
}

static enum verdict
compare_root(struct judge *j, const struct vd_hash *own)
{
    const struct vd_dispute *d = &j->g->d;
    if (!vd_hash_eq(own, &d->game.claims[0].value)) {
        challenger_say(j->c, j->g, true, "FALSE root claim about block %llu: it is disputed%s",
                       (unsigned long long)d->l2_block,
                       j->c->config.watch ? " by nobody here, this node only watches" : "");
        return ROOT_FALSE;
    }
    if (d->l2_block > j->g->safe) {
        challenger_say(j->c, j->g, true, "FALSE root claim: its output is of block %llu, not %llu",
                       (unsigned long long)j->g->safe, (unsigned long long)d->l2_block);
        return ROOT_MISNAMED;
    }
    return ROOT_TRUE;
}

/* OP Stack specs, honest challenger: the root is true iff it is the own output of the claimed
   block, or of the last one that the game's L1 block makes safe if that comes first. */
static void
judge_root(struct judge *j)
{
    struct game *g = j->g;
    struct vd_hash start;
    struct vd_hash own;
    const char *reason = not_ours(j->c, &g->d);
    if (reason) {
        challenger_say(j->c, g, true, "no judgement: %s", reason);
        return;
    }
    if (!g->has_safe) {
        put_want(j, &(struct want){.kind = WANT_SAFE});
        return;
    }
    if (g->d.start_block > g->safe) {
        challenger_say(j->c, g, true,
                       "no judgement: it starts from block %llu, which is not safe "
                       "by its L1 block",
                       (unsigned long long)g->d.start_block);
        return;
    }
    if (know_output(j, &start, g->d.start_block) != VD_OK ||
        know_output(j, &own, min_u64(g->d.l2_block, g->safe)) != VD_OK) {
        return;
    }
    if (!vd_hash_eq(&start, &g->d.start_root)) {
        challenger_say(j->c, g, true,
                       "no judgement: it starts from an output of block %llu that is not of the "
                       "own chain",
                       (unsigned long long)g->d.start_block);
        return;
    }
    g->verdict = compare_root(j, &own);
    g->said_against = g->verdict != ROOT_TRUE;
}

/* --- actions --- */

static struct action
new_action(const struct game *g, enum action_kind kind, uint32_t claim)
{
    return (struct action){.kind = kind,
                           .game = g->id.index,
                           .proxy = g->id.proxy,
                           .oracle = g->d.oracle,
                           .claim = claim,
                           .left_s = LATER_S};
}

static void
add_action(struct judge *j, const struct action *action)
{
    if (j->g->action_count == j->g->action_cap) {
        return;
    }
    if (!challenger_in_flight(j->c, j->g->read_at, action)) {
        j->g->actions[j->g->action_count++] = *action;
    } else if (action->kind == ACTION_MOVE) {
        flights_price(j->c, action, challenger_cost(j->c, j->g, action));
    }
}

static uint64_t
left_of(const struct judge *j, size_t claim)
{
    const struct vd_game *game = &j->g->d.game;
    return game->max_clock_s - vd_game_challenger_duration(game, claim, j->c->heads.l1.timestamp);
}

static bool
is_own(const struct vd_challenger *c, const struct vd_claim *claim)
{
    return vd_address_eq(&claim->claimant, &c->config.from);
}

static bool
opens_path(const struct judge *j, uint32_t claim)
{
    const struct vd_claim *claims = j->g->d.game.claims;
    for (uint32_t i = claim; i != VD_NO_PARENT; i = claims[i].parent) {
        if (is_own(j->c, &claims[i])) {
            return false;
        }
    }
    return true;
}

/* With the claim: local data belong to the claims that a run is between, of which there can be
   several with the same values. */
static struct vd_hash
load_key(const struct game *g, uint32_t claim)
{
    uint8_t number[4];
    struct vd_keccak k;
    vd_store_be32(number, claim);
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice(g->step.vm.key, 32));
    vd_keccak_update(&k, vd_slice(g->step_key.b, 32));
    vd_keccak_update(&k, vd_slice(number, sizeof number));
    return vd_keccak_final(&k);
}

/* The preimage that the step reads is loaded first, unless it is there: that shows when the step
   would go through (needs_load is set when it would not). */
static void
add_step_at_hand(struct judge *j, const struct action *step)
{
    struct action load = *step;
    load.kind = ACTION_LOAD;
    load.attack = false;
    load.value = load_key(j->g, step->claim);
    j->step_at_hand = true;
    bool loads = j->g->needs_load && !challenger_is_done(j->c, &load);
    add_action(j, loads ? &load : step);
}

/* What does not fit one transaction is uploaded; until that is done other steps can be fetched.
   False: the step, or its preimage, is to be sent. */
static bool
is_uploaded(struct judge *j, const struct action *step)
{
    struct action load = *step;
    load.kind = ACTION_LOAD;
    if (!j->g->needs_load || !action_is_too_large(&load) || !action_can_be_proposed(&load)) {
        return false;
    }
    struct upload *upload = NULL;
    if (!uploads_take(j->c, &upload, j->g)) {
        j->step_at_hand = true;
        return true; /* tried again when the game was read again */
    }
    if (upload) {
        uploads_want(j->c, upload, step->left_s);
    } else {
        j->g->needs_load = false; /* the part is there */
    }
    return upload != NULL;
}

/* fetch: what it takes is wanted if it is not at hand; else it is only sent if it is. */
static void
add_step(struct judge *j, const struct vd_move *move, uint64_t left_s, bool fetch)
{
    struct game *g = j->g;
    struct want want = {.kind = WANT_STEP};
    struct action step = new_action(g, ACTION_STEP, move->claim);
    step.attack = move->attack;
    step.left_s = left_s;
    step.step = &g->step;
    if (challenger_in_flight(j->c, g->read_at, &step) ||
        run_of(j, &want.run, &move->execution) != VD_OK) {
        return;
    }
    uint64_t leaf = leaf_of(&g->d, g->d.game.claims[move->claim].position);
    want.number = move->attack ? leaf : leaf + 1;
    want.key = key_of_run("step", &want.run, want.number);
    struct upload *upload = uploads_of_step(j->c, g, &want.key);
    if (upload) {
        uploads_want(j->c, upload, left_s);
        return;
    }
    bool at_hand = g->has_step && vd_hash_eq(&g->step_key, &want.key);
    if (at_hand && !fetch) {
        if (!is_uploaded(j, &step)) {
            add_step_at_hand(j, &step);
        }
    } else if (!at_hand && fetch && !j->step_at_hand) {
        put_want(j, &want);
    }
}

static bool
is_too_young(const struct judge *j, size_t claim, uint64_t left_s)
{
    uint64_t settle_s = j->c->config.settle_s;
    uint64_t made = j->g->d.game.claims[claim].clock_timestamp;
    return left_s / 3 > settle_s && made + settle_s > j->c->heads.l1.timestamp;
}

static void
add_move(struct judge *j, const struct vd_move *move, bool fetch)
{
    uint64_t left_s = left_of(j, move->claim);
    j->steps[move->claim] = move->step && !j->g->resolved[move->claim];
    if (left_s == 0 && !j->steps[move->claim]) {
        challenger_say(j->c, j->g, true, "claim %u stands, its clock has run out",
                       (unsigned)move->claim);
        return;
    }
    if (is_too_young(j, move->claim, left_s)) {
        return;
    }
    if (move->step || fetch) {
        if (move->step) {
            add_step(j, move, left_s, fetch);
        }
        return;
    }
    struct action action = new_action(j->g, ACTION_MOVE, move->claim);
    action.attack = move->attack;
    action.disputed = j->g->d.game.claims[move->claim].value;
    action.value = move->value;
    action.depth = vd_position_depth(move->position);
    action.bond = j->g->bonds[action.depth];
    action.opens = opens_path(j, move->claim);
    action.left_s = left_s;
    add_action(j, &action);
}

/* What vd_game_moves lists is due, whatever else is not known. */
static void
find_moves(struct judge *j)
{
    struct game *g = j->g;
    struct vd_honest honest = {.ctx = j, .value = honest_value};
    size_t most = g->d.game.count; /* each claim has at most one answer */
    struct vd_move *moves = calloc(most, sizeof *moves);
    size_t count = 0;
    enum vd_err err = VD_ERR_NO_MEMORY;
    memset(j->unknown, VD_GAME_UNKNOWN, most);
    if (moves) {
        err = vd_game_moves(moves, most, &count, &g->d.game, &honest, j->unknown);
    }
    for (size_t i = 0; i < 2 * count; i++) {
        add_move(j, &moves[i % count], i >= count);
    }
    free(moves);
    if (err != VD_OK && err != VD_ERR_BUSY) {
        challenger_say(j->c, g, true, "its moves cannot be found: %s",
                       err == VD_ERR_MISMATCH ? "a trace starts from an output that is not of the "
                                                "own chain"
                                              : vd_err_text(err));
    }
}

static void
find_block_challenge(struct judge *j)
{
    struct game *g = j->g;
    struct action action = new_action(g, ACTION_BLOCK, 0);
    action.left_s = left_of(j, 0);
    g->late_s = action.left_s; /* a header is cheap */
    if (g->d.block_challenged || g->resolved[0] ||
        challenger_in_flight(j->c, g->read_at, &action)) {
        return;
    }
    if (!g->has_output) {
        put_want(j, &(struct want){.kind = WANT_HEADER, .number = g->safe});
        return;
    }
    action.output = &g->output;
    add_action(j, &action);
}

/* --- resolution --- */

/* Added just now, or sent before. */
static bool
is_coming(struct judge *j, const struct action *action)
{
    const struct game *g = j->g;
    const struct action *last = g->action_count == 0 ? NULL : &g->actions[g->action_count - 1];
    return (last && last->kind == action->kind && last->claim == action->claim) ||
           challenger_is_sent(j->c, action);
}

/* No clock is asked of a step, nor of the proof that the root names another block: they count until
   somebody resolves the claim.  So the challenger does not, as long as one is due against it, or
   may turn out to be. */
static bool
is_held(const struct judge *j, size_t i)
{
    const struct vd_game *game = &j->g->d.game;
    const struct vd_claim *claim = &game->claims[i];
    if (i == 0 && j->g->verdict == ROOT_MISNAMED) {
        return !j->g->d.block_challenged;
    }
    return vd_position_depth(claim->position) == game->max_depth && !claim->countered &&
           (j->steps[i] != 0 || (j->unknown[i] & VD_GAME_UNKNOWN) != 0);
}

/* From the leaves up, but for a claim that can still be refuted.  The manager keeps the order, so a
   claim need not wait until its counters' transactions are mined; only an estimate could not be
   made then. */
static void
find_resolutions(struct judge *j)
{
    struct game *g = j->g;
    size_t count = g->d.game.count;
    uint32_t *counters = calloc(count, sizeof *counters);
    uint8_t *open = calloc(count, 1); /* 1: a counter is on its way, 2: it is not resolved */
    for (size_t i = count; counters && open && i-- > 0;) {
        uint32_t parent = g->d.game.claims[i].parent;
        struct action action = new_action(g, ACTION_RESOLVE_CLAIM, (uint32_t)i);
        action.count = counters[i] > RESOLVE_AT_ONCE ? RESOLVE_AT_ONCE : 0;
        action.gas = open[i] == 1 ? RESOLVE_GAS + RESOLVE_GAS_EACH * counters[i] : 0;
        bool is_out = !g->resolved[i] && left_of(j, i) == 0;
        bool is_late = is_out && is_held(j, i);
        bool is_due = is_out && !is_late && open[i] < 2 && (action.count == 0 || open[i] == 0);
        if (is_late && g->late_s > LATE_S) {
            g->late_s = LATE_S;
        }
        if (is_due) {
            add_action(j, &action);
        }
        bool on_its_way = is_due && action.count == 0 && is_coming(j, &action);
        uint8_t state = g->resolved[i] ? 0 : on_its_way ? 1 : 2;
        if (parent != VD_NO_PARENT) {
            counters[parent]++;
            open[parent] = open[parent] > state ? open[parent] : state;
        }
    }
    free(counters);
    free(open);
    if (g->resolved[0]) {
        struct action action = new_action(g, ACTION_RESOLVE, 0);
        add_action(j, &action);
    }
}

/* --- the whole --- */

/* Also of a game decided against the account: while it is not closed, a guardian can still find it
   unreliable, and then everybody has the own bonds back. */
bool
challenger_has_bonds(const struct game *g)
{
    return !vd_u256_is_zero(&g->d.credit) || (!g->d.closed && !vd_u256_is_zero(&g->d.refund));
}

static void
look_at_end(struct judge *j)
{
    struct game *g = j->g;
    bool stands = g->d.status == VD_GAME_DEFENDER_WINS;
    if (g->verdict != UNJUDGED) {
        g->against = stands != (g->verdict == ROOT_TRUE);
        if (g->against) {
            challenger_say(j->c, g, true, "LOST: it was resolved against the own chain, root %s",
                           stands ? "false but standing" : "true but refuted");
        }
    }
    if (!j->c->config.watch && challenger_has_bonds(g)) {
        struct action action = new_action(g, ACTION_CLAIM, 0);
        add_action(j, &action);
    }
}

/* A watcher tells of every turn.  A challenger answers itself, turn after turn: it tells of the
   first attack on a true root, and that it was answered; of a false root it has told before. */
static void
tell_outlook(struct judge *j)
{
    struct game *g = j->g;
    bool watch = j->c->config.watch;
    if (g->verdict == UNJUDGED || g->against == g->said_against ||
        (!watch && (g->verdict != ROOT_TRUE || g->outlooks == 2))) {
        return;
    }
    g->said_against = g->against;
    g->outlooks++;
    g->said[g->against][0] = '\0'; /* not for the first time */
    if (!g->against) {
        challenger_say(j->c, g, false, "it would be decided rightly now, if nobody moved any more");
        return;
    }
    challenger_say(j->c, g, true, "AGAINST the own chain, if nobody moves: its %s root claim %s%s",
                   g->verdict == ROOT_TRUE ? "true" : "false",
                   g->verdict == ROOT_TRUE ? "is attacked" : "stands",
                   watch ? "; this node only watches" : "");
}

static void
look_ahead(struct judge *j)
{
    struct game *g = j->g;
    uint8_t *countered = malloc(g->d.game.count);
    if (countered) {
        bool stands = vd_game_outcome(countered, &g->d.game) && !g->d.block_challenged;
        g->against = g->verdict != UNJUDGED && stands != (g->verdict == ROOT_TRUE);
        free(countered);
        tell_outlook(j);
    }
}

static void
judge_game(struct judge *j)
{
    struct vd_challenger *c = j->c;
    struct game *g = j->g;
    g->late_s = g->verdict == UNJUDGED ? LATE_S : UINT64_MAX;
    if (!g->was_read || !c->has_heads || challenger_is_behind(c)) {
        return;
    }
    if (g->verdict == UNJUDGED) {
        judge_root(j);
    }
    if (g->d.status != VD_GAME_IN_PROGRESS) {
        look_at_end(j);
        return;
    }
    if (g->verdict == UNJUDGED) {
        return;
    }
    (void)oracles_of(c, &g->d.oracle);
    look_ahead(j);
    j->steps = c->config.watch ? NULL : calloc(2 * g->d.game.count, 1);
    if (!j->steps) {
        return;
    }
    j->unknown = j->steps + g->d.game.count;
    if (g->verdict == ROOT_MISNAMED) {
        find_block_challenge(j);
    } else if (!g->resolved[0]) {
        find_moves(j);
    }
    find_resolutions(j);
    free(j->steps);
}

void
challenger_judge(struct vd_challenger *c, struct game *g)
{
    struct judge j = {.c = c, .g = g};
    g->action_count = 0;
    g->want = (struct want){.kind = WANT_NOTHING};
    if (g->failed_ms <= c->now_ms) {
        g->failed = 0;
    }
    judge_game(&j);
    end_wants(&j);
}

/* --- funds --- */

static struct vd_u256
gas_cost(const struct vd_challenger *c, uint64_t gas)
{
    struct vd_u256 amount = vd_u256(gas);
    return vd_u256_mul(&amount, &c->heads.gas_price);
}

static struct vd_u256
move_cost(const struct vd_challenger *c, const struct vd_u256 *bond)
{
    struct vd_u256 gas = gas_cost(c, VD_CHALLENGER_MOVE_GAS);
    return vd_u256_add(bond, &gas);
}

/* One path from a depth to the leaves: every second bond is the honest side's, and where the last
   claim is the other's, it ends in a step, whose preimage may have to be proposed. */
static struct vd_u256
path_cost(const struct vd_challenger *c, const struct game *g, unsigned depth)
{
    const struct oracle *o = oracles_find(c, &g->d.oracle);
    bool steps = (g->d.game.max_depth + 1 - depth) % 2 == 0;
    struct vd_u256 sum = gas_cost(c, steps ? VD_CHALLENGER_STEP_GAS : 0);
    if (o && steps) {
        sum = vd_u256_add(&sum, &o->bond);
    }
    for (unsigned d = depth; d <= g->d.game.max_depth; d += 2) {
        struct vd_u256 cost = move_cost(c, &g->bonds[d]);
        sum = vd_u256_add(&sum, &cost);
    }
    return sum;
}

/* What the dearest path of the account in this game could still take. */
static struct vd_u256
reserve_of(const struct vd_challenger *c, const struct game *g)
{
    struct vd_u256 most = vd_u256(0);
    const struct vd_game *game = &g->d.game;
    for (size_t i = 0; i < game->count && g->d.status == VD_GAME_IN_PROGRESS; i++) {
        unsigned depth = vd_position_depth(game->claims[i].position);
        if (!is_own(c, &game->claims[i]) || g->resolved[i] ||
            vd_game_challenger_duration(game, i, c->heads.l1.timestamp) == game->max_clock_s) {
            continue;
        }
        struct vd_u256 cost = path_cost(c, g, depth + 2);
        most = vd_u256_lt(&most, &cost) ? cost : most;
    }
    return most;
}

/* What is on its way and not yet seen in its game; an opening holds all that its path may take. */
static struct vd_u256
held_back(const struct vd_challenger *c)
{
    struct vd_u256 sum = vd_u256(0);
    for (size_t i = 0; i < c->flight_count; i++) {
        const struct flight *flight = &c->flights[i];
        bool is_unseen = flight->unincluded > 0 ||
                         (flight->state == FLIGHT_INCLUDED && flight->block > c->heads.l1.number);
        for (size_t k = 0; k < c->count && flight->state == FLIGHT_INCLUDED; k++) {
            const struct game *g = c->games[k];
            is_unseen = is_unseen || (memcmp(flight->tag + 1, g->id.proxy.b, 20) == 0 &&
                                      g->read_at < flight->block);
        }
        sum = is_unseen ? vd_u256_add(&sum, &flight->value) : sum;
    }
    return sum;
}

struct vd_u256
challenger_cost(const struct vd_challenger *c, const struct game *g, const struct action *action)
{
    return action->opens                 ? path_cost(c, g, action->depth)
           : action->kind == ACTION_MOVE ? move_cost(c, &action->bond)
                                         : action->bond;
}

bool
challenger_has(const struct vd_challenger *c, const struct vd_u256 *amount)
{
    struct vd_u256 held = held_back(c);
    struct vd_u256 needed = vd_u256_add(amount, &held);
    return !vd_u256_lt(&c->heads.balance, &needed);
}

bool
challenger_can_pay(const struct vd_challenger *c, const struct game *g, const struct action *action)
{
    struct vd_u256 needed = challenger_cost(c, g, action);
    for (size_t i = 0; i < c->count && action->opens; i++) {
        if (c->games[i] != g && c->games[i]->was_read) {
            struct vd_u256 reserve = reserve_of(c, c->games[i]);
            needed = vd_u256_add(&needed, &reserve);
        }
    }
    return challenger_has(c, &needed);
}
