/* One round, from due to sent:

       HOLD      the L2 block is fixed; L1 has to pass the block that it was derived from
       FACTORY.. contracts are read, each at the same L1 block, one call after the other
       GAMES     pages of the factory's games, newest first, down to the first of our own
       OUTPUT    the root, of the block that was fixed and no other
       EXISTS    is there such a game?
       ESTIMATE  the gas, which also shows a revert before it costs anything

   A round that meets anything unexpected ends; the next one begins from the heads of then. */
#include "viaduct/node/roles/proposer.h"
#include "viaduct/core/base/constants.h"

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/node/l1/abi.h"

/* Games asked for in one call. */
#define PAGE 16u
#define FIRST_RETRY_MS 1000u
#define MAX_RETRY_MS 60000u
/* How far an L2 block's time may lie ahead of the L1 block that holds its data
   (max_sequencer_drift, Fjord). */
#define DRIFT_S VD_MAX_SEQUENCER_DRIFT_S

/* The tag of a payload: kind 1, L2 block 8, output root 32. */
#define TAG_BYTES 41u
#define TAG_CREATE 'C'

enum step {
    STEP_IDLE,
    STEP_HOLD,
    STEP_FACTORY,
    STEP_REGISTRY,
    STEP_TYPE,
    STEP_ANCHOR,
    STEP_BOND,
    STEP_COUNT,
    STEP_GAMES,
    STEP_CREATOR,
    STEP_OUTPUT,
    STEP_EXISTS,
    STEP_ESTIMATE,
};

/* What was handed to the manager last. */
struct handed {
    bool any;
    bool failed; /* reverted or lost, for good: the same root may be tried again */
    uint64_t number;
    struct vd_hash root;
};

struct round {
    struct vd_l2_ref target;
    uint64_t derived_l1;
    struct vd_l1_ref at; /* every call is made at this block */
    struct vd_address factory;
    struct vd_address registry;
    uint64_t type;
    struct vd_u256 bond;
    uint64_t next_game; /* games from this index down are not looked at yet */
    bool more_games;
    struct vd_abi_game games[PAGE];
    size_t game_count;
    size_t game;
    bool found_own;
    struct vd_hash root;
};

struct vd_proposer {
    struct vd_proposer_config config;
    struct vd_proposer_effects effects;
    uint64_t now_ms;
    struct vd_proposer_heads heads;
    bool has_heads;
    enum step step;
    bool asking;    /* an answer is on its way */
    bool abandoned; /* to a question of a round that is over */
    bool stepping;
    uint64_t retry_ms;
    uint64_t pause_ms;
    struct round round;
    struct handed handed;
    uint64_t anchor;        /* as read last */
    uint64_t own_block;     /* of our own newest game, or of one that served in its place */
    uint64_t own_timestamp; /* of L1; 0: to be read */
    uint64_t games;
    char said[200]; /* the last complaint: each is told once */
};

enum vd_err
vd_proposer_new(struct vd_proposer **out, const struct vd_proposer_config *config,
                const struct vd_proposer_effects *effects)
{
    struct vd_proposer *p = calloc(1, sizeof *p);
    if (!p) {
        return VD_ERR_NO_MEMORY;
    }
    p->config = *config;
    p->effects = *effects;
    p->pause_ms = FIRST_RETRY_MS;
    *out = p;
    return VD_OK;
}

void
vd_proposer_free(struct vd_proposer *p)
{
    free(p);
}

/* --- ends of a round --- */

static void
abandon(struct vd_proposer *p)
{
    p->step = STEP_IDLE;
    p->abandoned = p->asking;
}

static void
pause_round(struct vd_proposer *p)
{
    p->retry_ms = p->now_ms + p->pause_ms;
    p->pause_ms = p->pause_ms * 2 < MAX_RETRY_MS ? p->pause_ms * 2 : MAX_RETRY_MS;
    abandon(p);
}

/* Ends the round for a reason that the operator should know; tried again after a pause. */
static void
fail(struct vd_proposer *p, const char *what, const char *why)
{
    char text[sizeof p->said];
    snprintf(text, sizeof text, "no proposal now: %.80s%s%.100s", what, why[0] ? ": " : "", why);
    if (strcmp(text, p->said) != 0) {
        memcpy(p->said, text, sizeof text);
        p->effects.note(p->effects.ctx, text);
    }
    pause_round(p);
}

/* --- when --- */

static const struct vd_l2_ref *
candidate(const struct vd_proposer *p)
{
    return p->config.allow_unfinalized ? &p->heads.safe : &p->heads.finalized;
}

static bool
is_due(const struct vd_proposer *p)
{
    return p->own_timestamp == 0 ||
           (p->heads.l1.timestamp >= p->own_timestamp &&
            p->heads.l1.timestamp - p->own_timestamp >= p->config.interval_s);
}

/* Whether the block may be proposed at all, before its root is known. */
static bool
is_new(const struct vd_proposer *p, uint64_t number)
{
    if (number == 0 || number <= p->anchor || number <= p->own_block) {
        return false;
    }
    return !p->handed.any || number > p->handed.number ||
           (number == p->handed.number && p->handed.failed);
}

static void
begin(struct vd_proposer *p)
{
    const struct vd_l2_ref *target = candidate(p);
    if (!p->has_heads || p->asking || p->now_ms < p->retry_ms || !is_due(p) ||
        !is_new(p, target->number) || p->effects.unconfirmed(p->effects.ctx) > 0) {
        return;
    }
    p->round = (struct round){.target = *target, .derived_l1 = p->heads.derived_l1};
    p->step = STEP_HOLD;
}

/* --- asking --- */

static void
call(struct vd_proposer *p, const struct vd_address *to, struct vd_abi *data)
{
    if (data->err != VD_OK) {
        vd_abi_deinit(data);
        fail(p, "out of memory", "");
        return;
    }
    p->asking = true;
    p->effects.call(p->effects.ctx, to, vd_abi_view(data), &p->round.at.hash);
    vd_abi_deinit(data);
}

/* extraData of a game: abi.encodePacked(uint256 l2BlockNumber). */
static void
append_game_id(struct vd_abi *data, const struct round *r)
{
    uint8_t extra[32] = {0};
    vd_store_be64(extra + 24, r->target.number);
    vd_abi_u64(data, r->type);
    vd_abi_hash(data, &r->root);
    vd_abi_u64(data, 96);
    vd_abi_bytes(data, vd_slice(extra, sizeof extra));
}

static void
estimate(struct vd_proposer *p)
{
    struct vd_abi data;
    vd_abi_call(&data, VD_SELECTOR_CREATE);
    append_game_id(&data, &p->round);
    if (data.err != VD_OK) {
        vd_abi_deinit(&data);
        fail(p, "out of memory", "");
        return;
    }
    p->asking = true;
    p->effects.estimate(p->effects.ctx, &p->round.factory, vd_abi_view(&data), &p->round.bond);
    vd_abi_deinit(&data);
}

static void
call_plain(struct vd_proposer *p, const struct vd_address *to, uint32_t selector)
{
    struct vd_abi data;
    vd_abi_call(&data, selector);
    call(p, to, &data);
}

/* Asks what the step wants to know. */
static void
ask(struct vd_proposer *p)
{
    struct round *r = &p->round;
    struct vd_abi data;
    switch (p->step) {
    case STEP_IDLE:
    case STEP_HOLD:
        return;
    case STEP_FACTORY:
        call_plain(p, &p->config.portal, VD_SELECTOR_DISPUTE_GAME_FACTORY);
        return;
    case STEP_REGISTRY:
        call_plain(p, &p->config.portal, VD_SELECTOR_ANCHOR_STATE_REGISTRY);
        return;
    case STEP_TYPE:
        call_plain(p, &p->config.portal, VD_SELECTOR_RESPECTED_GAME_TYPE);
        return;
    case STEP_ANCHOR:
        call_plain(p, &r->registry, VD_SELECTOR_GET_ANCHOR_ROOT);
        return;
    case STEP_BOND:
        vd_abi_call(&data, VD_SELECTOR_INIT_BONDS);
        vd_abi_u64(&data, r->type);
        call(p, &r->factory, &data);
        return;
    case STEP_COUNT:
        call_plain(p, &r->factory, VD_SELECTOR_GAME_COUNT);
        return;
    case STEP_GAMES:
        vd_abi_call(&data, VD_SELECTOR_FIND_LATEST_GAMES);
        vd_abi_u64(&data, r->type);
        vd_abi_u64(&data, r->next_game);
        vd_abi_u64(&data, PAGE);
        call(p, &r->factory, &data);
        return;
    case STEP_CREATOR:
        call_plain(p, &r->games[r->game].proxy, VD_SELECTOR_GAME_CREATOR);
        return;
    case STEP_OUTPUT:
        p->asking = true;
        p->effects.output(p->effects.ctx, r->target.number);
        return;
    case STEP_EXISTS:
        vd_abi_call(&data, VD_SELECTOR_GAMES);
        append_game_id(&data, r);
        call(p, &r->factory, &data);
        return;
    case STEP_ESTIMATE:
        estimate(p);
        return;
    }
}

/* --- what the answers say --- */

/* A game created before this can neither be younger than the interval nor claim the target. */
static uint64_t
oldest_of_interest(const struct vd_proposer *p)
{
    const struct round *r = &p->round;
    uint64_t by_interval =
        r->at.timestamp > p->config.interval_s ? r->at.timestamp - p->config.interval_s : 0;
    uint64_t by_block = r->target.timestamp > DRIFT_S ? r->target.timestamp - DRIFT_S : 0;
    return by_interval < by_block ? by_interval : by_block;
}

/* The next game to look at, the next page, or, when all were looked at, the output. */
static void
next_game(struct vd_proposer *p)
{
    struct round *r = &p->round;
    if (r->game < r->game_count && r->games[r->game].timestamp >= oldest_of_interest(p)) {
        p->step = STEP_CREATOR;
    } else if (r->game == r->game_count && r->more_games) {
        p->step = STEP_GAMES;
    } else {
        p->step = STEP_OUTPUT;
    }
}

static bool
take_games(struct vd_proposer *p, struct vd_slice answer)
{
    struct round *r = &p->round;
    size_t count = 0;
    if (!vd_abi_game_count(&count, answer) || count > PAGE) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!vd_abi_game_at(&r->games[i], answer, i)) {
            return false;
        }
    }
    r->game_count = count;
    r->game = 0;
    r->more_games = count == PAGE && r->games[count - 1].index > 0;
    r->next_game = r->more_games ? r->games[count - 1].index - 1 : 0;
    next_game(p);
    return true;
}

static bool
take_creator(struct vd_proposer *p, struct vd_slice answer)
{
    struct round *r = &p->round;
    const struct vd_abi_game *game = &r->games[r->game];
    struct vd_address creator;
    if (!vd_abi_read_address(&creator, answer, 0)) {
        return false;
    }
    if (!vd_address_eq(&creator, &p->config.from)) {
        r->game++;
        next_game(p);
        return true;
    }
    p->own_timestamp = game->timestamp;
    p->own_block = game->has_block ? game->l2_block : 0;
    p->step = STEP_OUTPUT;
    if (!is_due(p) || !is_new(p, r->target.number)) {
        abandon(p);
    }
    return true;
}

static bool
take_anchor(struct vd_proposer *p, struct vd_slice answer)
{
    struct vd_hash root;
    if (!vd_abi_read_hash(&root, answer, 0) || !vd_abi_read_u64(&p->anchor, answer, 32)) {
        return false;
    }
    if (vd_hash_is_zero(&root)) {
        fail(p, "the registry has no anchor yet", "");
    } else if (!is_new(p, p->round.target.number)) {
        abandon(p);
    } else {
        p->step = STEP_BOND;
    }
    return true;
}

static bool
take_exists(struct vd_proposer *p, struct vd_slice answer)
{
    struct vd_address proxy;
    uint64_t timestamp = 0;
    static const struct vd_address none;
    if (!vd_abi_read_address(&proxy, answer, 0) || !vd_abi_read_u64(&timestamp, answer, 32)) {
        return false;
    }
    if (vd_address_eq(&proxy, &none)) {
        p->step = STEP_ESTIMATE;
        return true;
    }
    /* Somebody else's serves as well as ours. */
    p->own_block = p->round.target.number;
    p->own_timestamp = timestamp;
    abandon(p);
    return true;
}

static bool
take_count(struct vd_proposer *p, struct vd_slice answer)
{
    uint64_t count = 0;
    if (!vd_abi_read_u64(&count, answer, 0)) {
        return false;
    }
    p->round.next_game = count > 0 ? count - 1 : 0;
    p->step = count > 0 ? STEP_GAMES : STEP_OUTPUT;
    return true;
}

/* Takes the answer of the step and moves on; false: it makes no sense. */
static bool
take(struct vd_proposer *p, struct vd_slice answer)
{
    struct round *r = &p->round;
    switch (p->step) {
    case STEP_FACTORY:
        p->step = STEP_REGISTRY;
        return vd_abi_read_address(&r->factory, answer, 0);
    case STEP_REGISTRY:
        p->step = STEP_TYPE;
        return vd_abi_read_address(&r->registry, answer, 0);
    case STEP_TYPE:
        p->step = STEP_ANCHOR;
        return vd_abi_read_u64(&r->type, answer, 0) && r->type <= UINT32_MAX;
    case STEP_ANCHOR:
        return take_anchor(p, answer);
    case STEP_BOND:
        p->step = STEP_COUNT;
        return vd_abi_read_u256(&r->bond, answer, 0);
    case STEP_COUNT:
        return take_count(p, answer);
    case STEP_GAMES:
        return take_games(p, answer);
    case STEP_CREATOR:
        return take_creator(p, answer);
    case STEP_EXISTS:
        return take_exists(p, answer);
    case STEP_IDLE:
    case STEP_HOLD:
    case STEP_OUTPUT:
    case STEP_ESTIMATE:
        break;
    }
    return false;
}

static void
hand_over(struct vd_proposer *p, uint64_t gas)
{
    const struct round *r = &p->round;
    uint8_t tag[TAG_BYTES] = {TAG_CREATE};
    vd_store_be64(tag + 1, r->target.number);
    memcpy(tag + 9, r->root.b, sizeof r->root.b);
    struct vd_abi data;
    vd_abi_call(&data, VD_SELECTOR_CREATE);
    append_game_id(&data, r);
    /* Half as much again: what create() touches may be colder in the block than in the estimate. */
    struct vd_txm_payload payload = {.to = r->factory,
                                     .data = vd_abi_view(&data),
                                     .value = r->bond,
                                     .gas_limit = gas + gas / 2,
                                     .tag = vd_slice(tag, sizeof tag)};
    enum vd_err err = data.err == VD_OK ? p->effects.send(p->effects.ctx, &payload) : data.err;
    vd_abi_deinit(&data);
    if (err != VD_OK) {
        fail(p, "the transaction manager takes none", vd_err_text(err));
        return;
    }
    p->handed = (struct handed){.any = true, .number = r->target.number, .root = r->root};
    p->pause_ms = FIRST_RETRY_MS;
    p->said[0] = '\0';
    char text[120];
    snprintf(text, sizeof text, "proposing the output of block %llu",
             (unsigned long long)r->target.number);
    p->effects.note(p->effects.ctx, text);
    abandon(p);
}

/* --- going on --- */

/* Everything that can be done now.  Effects may answer at once, so it runs until nothing moves and
   never inside itself. */
static void
step(struct vd_proposer *p)
{
    if (p->stepping) {
        return;
    }
    p->stepping = true;
    if (p->step == STEP_IDLE) {
        begin(p);
    }
    if (p->step == STEP_HOLD && p->heads.l1.number > p->round.derived_l1 + 1) {
        p->round.at = p->heads.l1;
        p->step = STEP_FACTORY;
    }
    while (!p->asking && p->step > STEP_HOLD) {
        ask(p);
    }
    p->stepping = false;
}

/* True when the answer that came belongs to the round under way. */
static bool
answered(struct vd_proposer *p)
{
    bool wanted = p->asking && !p->abandoned;
    p->asking = false;
    p->abandoned = false;
    return wanted;
}

void
vd_proposer_called(struct vd_proposer *p, enum vd_err err, const char *text, struct vd_slice answer)
{
    static const char *const names[] = {
        [STEP_FACTORY] = "the portal's disputeGameFactory()",
        [STEP_REGISTRY] = "the portal's anchorStateRegistry()",
        [STEP_TYPE] = "the portal's respectedGameType()",
        [STEP_ANCHOR] = "the registry's getAnchorRoot()",
        [STEP_BOND] = "the factory's initBonds()",
        [STEP_COUNT] = "the factory's gameCount()",
        [STEP_GAMES] = "the factory's findLatestGames()",
        [STEP_CREATOR] = "a game's gameCreator()",
        [STEP_EXISTS] = "the factory's games()",
    };
    if (!answered(p)) {
        return;
    }
    enum step asked = p->step;
    VD_ASSERT((size_t)asked < sizeof names / sizeof names[0] && names[asked] != NULL);
    if (err != VD_OK) {
        fail(p, names[asked], text);
    } else if (!take(p, answer)) {
        fail(p, names[asked], "the answer makes no sense; is rollup.json that of this L1?");
    }
    step(p);
}

void
vd_proposer_output(struct vd_proposer *p, enum vd_err err, const struct vd_block_id *block,
                   const struct vd_hash *root)
{
    if (!answered(p)) {
        return;
    }
    struct round *r = &p->round;
    if (err == VD_ERR_NOT_FOUND) {
        pause_round(p); /* not in the database yet, or cut off */
    } else if (err != VD_OK) {
        fail(p, "the output root", vd_err_text(err));
    } else if (block->number != r->target.number || !vd_hash_eq(&block->hash, &r->target.hash)) {
        pause_round(p); /* the block left the chain since it was fixed */
    } else if (p->handed.any && p->handed.number == r->target.number &&
               !vd_hash_eq(&p->handed.root, root)) {
        pause_round(p); /* this number was tried with another root: a later block serves */
    } else {
        r->root = *root;
        p->step = STEP_EXISTS;
    }
    step(p);
}

void
vd_proposer_estimated(struct vd_proposer *p, enum vd_err err, const char *text, uint64_t gas)
{
    if (!answered(p)) {
        return;
    }
    const struct vd_l2_ref *now = candidate(p);
    if (err != VD_OK) {
        fail(p, "create() would fail (is the account the proposer, and has it the bond?)", text);
    } else if (now->number < p->round.target.number) {
        pause_round(p); /* the chain was cut back meanwhile */
    } else {
        hand_over(p, gas);
    }
    step(p);
}

/* --- inputs --- */

bool
vd_proposer_owns(struct vd_slice tag)
{
    return tag.len == TAG_BYTES && tag.ptr[0] == TAG_CREATE;
}

void
vd_proposer_restore(struct vd_proposer *p, const struct vd_txm_status *payload)
{
    if (!vd_proposer_owns(payload->tag)) {
        return;
    }
    /* Whether a confirmed one succeeded is not on record; the factory tells. */
    p->handed = (struct handed){.any = true, .failed = payload->confirmed};
    p->handed.number = vd_load_be64(payload->tag.ptr + 1);
    memcpy(p->handed.root.b, payload->tag.ptr + 9, sizeof p->handed.root.b);
}

void
vd_proposer_heads(struct vd_proposer *p, uint64_t now_ms, const struct vd_proposer_heads *heads)
{
    p->now_ms = now_ms;
    p->heads = *heads;
    p->has_heads = true;
    step(p);
}

void
vd_proposer_reorg(struct vd_proposer *p)
{
    p->own_timestamp = 0;
    p->own_block = 0;
    p->anchor = 0;
    abandon(p);
}

void
vd_proposer_tick(struct vd_proposer *p, uint64_t now_ms)
{
    p->now_ms = now_ms;
    step(p);
}

void
vd_proposer_tx_event(struct vd_proposer *p, const struct vd_txm_event *event)
{
    if (!vd_proposer_owns(event->tag)) {
        return;
    }
    bool is_last = vd_load_be64(event->tag.ptr + 1) == p->handed.number;
    switch (event->kind) {
    case VD_TXM_INCLUDED:
        p->games += event->success ? 1 : 0;
        p->own_timestamp = event->success ? p->heads.l1.timestamp : 0;
        break;
    case VD_TXM_CONFIRMED:
    case VD_TXM_LOST:
        if (event->kind == VD_TXM_LOST || !event->success) {
            p->effects.note(p->effects.ctx,
                            event->kind == VD_TXM_LOST
                                ? "create() was lost to a foreign transaction"
                                : "create() reverted; the contracts are read again");
            p->handed.failed = p->handed.failed || is_last;
            p->own_timestamp = 0;
        }
        break;
    case VD_TXM_REORGED_OUT:
        p->handed.failed = p->handed.failed && !is_last;
        p->own_timestamp = 0;
        break;
    case VD_TXM_SENT:
    case VD_TXM_REPLACED:
    case VD_TXM_STUCK:
        break;
    }
}

uint64_t
vd_proposer_games(const struct vd_proposer *p)
{
    return p->games;
}

uint64_t
vd_proposer_last(const struct vd_proposer *p)
{
    return p->handed.any && p->handed.number > p->own_block ? p->handed.number : p->own_block;
}
