/* One look, step by step: the head of L1, the contracts, the games that are late enough, the proofs
   (newest first), and, if none of them is worth anything, the oldest valid game to prove it by: the
   oldest, because its clock has the least to run; but one that is in dispute only if there is no
   other, because nobody knows when that ends. */
#include "viaduct/node/l1/withdrawal.h"
#include "viaduct/core/base/constants.h"

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/reads.h"

/* Games asked for in one call, and looked at altogether. */
#define PAGE 32u
#define MAX_GAMES 4096u
/* Proofs looked at: anybody may prove anybody's withdrawal, so there can be many. */
#define MAX_PROOFS 8u
/* Candidates whose root was wrong or which are not valid, before it is given up. */
#define MAX_TRIED 64u

/* Of the messenger: failedMessages(bytes32), successfulMessages(bytes32). */
#define SELECTOR_FAILED_MESSAGES 0xa4e7f8bdu
#define SELECTOR_SUCCESSFUL_MESSAGES 0xb1b1b209u

struct look {
    struct vd_l1 *l1;
    struct vd_withdrawal_query query; /* its message is not there any more */
    struct vd_address target;
    bool is_relayed;
    struct vd_hash relayed; /* the message's hash in the messenger */
    vd_withdrawal_fn fn;
    void *ctx;
    struct vd_withdrawal_standing standing; /* the result as far as it is known */
    struct vd_reads reads;
    struct vd_l1_at at;
    uint64_t type;
    uint64_t maturity_s;
    uint64_t finality_s;
    uint64_t proofs;       /* submitters not looked at: indices below this */
    uint64_t proofs_floor; /* down to this one */
    uint64_t next_game;
    struct vd_abi_game *games; /* newest first */
    size_t game_count;
    size_t candidate; /* games[candidate - 1] is tried next */
    size_t tried;
    bool takes_disputed; /* the second round over the candidates, if there is one */
    bool saw_disputed;
    uint64_t newest_time; /* of the newest two games, to guess the interval */
    uint64_t second_time;
    /* the proof or candidate being looked at */
    struct vd_withdrawal_standing draft;
    bool draft_checks; /* checkWithdrawal passed */
    bool have_best;
    bool too_fresh; /* a game that serves was created in the newest block */
};

const char *
vd_withdrawal_state_name(enum vd_withdrawal_state state)
{
    static const char *const names[] = {
        [VD_WITHDRAWAL_NEVER_PROVABLE] = "never-provable",
        [VD_WITHDRAWAL_WAITING_TO_PROVE] = "waiting-to-prove",
        [VD_WITHDRAWAL_READY_TO_PROVE] = "ready-to-prove",
        [VD_WITHDRAWAL_WAITING_TO_FINALIZE] = "waiting-to-finalize",
        [VD_WITHDRAWAL_READY_TO_FINALIZE] = "ready-to-finalize",
        [VD_WITHDRAWAL_FINALIZED] = "finalized",
    };
    return names[state];
}

const char *
vd_withdrawal_relay_name(enum vd_withdrawal_relay relay)
{
    static const char *const names[] = {
        [VD_RELAY_DONE] = "relayed",
        [VD_RELAY_FAILED] = "failed",
        [VD_RELAY_REFUSED] = "refused",
    };
    return relay == VD_RELAY_NONE ? NULL : names[relay];
}

bool
vd_withdrawal_is_relayed(const struct vd_withdrawal_message *message)
{
    return vd_address_eq(&message->sender, &VD_L2_CROSS_DOMAIN_MESSENGER);
}

bool
vd_withdrawal_game_is_valid(const struct vd_withdrawal_game *game)
{
    return game->proper && game->respected && game->status != VD_GAME_CHALLENGER_WINS &&
           !game->root_countered;
}

bool
vd_withdrawal_game_is_disputed(const struct vd_withdrawal_game *game)
{
    return game->status == VD_GAME_IN_PROGRESS && game->claims > 1 && !game->root_resolved;
}

/* --- ends --- */

static void
end(struct look *k, enum vd_err err, const char *text)
{
    k->fn(k->ctx, err, text, err == VD_OK ? &k->standing : NULL);
    vd_reads_clear(&k->reads);
    free(k->games);
    free(k);
}

/* True when L1 answered everything; a revert is for the caller to judge. */
static bool
answered(struct look *k)
{
    const struct vd_read *failure = vd_reads_failure(&k->reads);
    if (failure) {
        char text[VD_READ_TEXT];
        snprintf(text, sizeof text, "%s", failure->text);
        end(k, failure->err, text);
    }
    return failure == NULL;
}

static void
end_strange(struct look *k, const char *what)
{
    char text[200];
    snprintf(text, sizeof text,
             "L1's answer about %s makes no sense; is the portal's address that of this rollup?",
             what);
    end(k, VD_ERR_INVALID, text);
}

static void
run(struct look *k, void (*next)(void *ctx))
{
    vd_reads_run(&k->reads, k->l1, k->at, next, k);
}

/* --- a game's details, the same reads for a proof's game and for a candidate --- */

static void
add_game_reads(struct look *k, const struct vd_address *proxy)
{
    static const uint32_t of_registry[] = {
        VD_SELECTOR_IS_GAME_PROPER,
        VD_SELECTOR_IS_GAME_RESPECTED,
        VD_SELECTOR_IS_GAME_BLACKLISTED,
        VD_SELECTOR_IS_GAME_RETIRED,
    };
    static const uint32_t of_game[] = {
        VD_SELECTOR_STATUS,      VD_SELECTOR_CREATED_AT,
        VD_SELECTOR_RESOLVED_AT, VD_SELECTOR_L2_SEQUENCE_NUMBER,
        VD_SELECTOR_ROOT_CLAIM,  VD_SELECTOR_MAX_CLOCK_DURATION,
    };
    for (size_t i = 0; i < sizeof of_registry / sizeof of_registry[0]; i++) {
        vd_abi_address(vd_reads_add(&k->reads, &k->standing.registry, of_registry[i]), proxy);
    }
    for (size_t i = 0; i < sizeof of_game / sizeof of_game[0]; i++) {
        vd_reads_add(&k->reads, proxy, of_game[i]);
    }
    vd_reads_add(&k->reads, proxy, VD_SELECTOR_CLAIM_DATA_LEN);
    vd_abi_u64(vd_reads_add(&k->reads, proxy, VD_SELECTOR_RESOLVED_SUBGAMES), 0);
    vd_abi_u64(vd_reads_add(&k->reads, proxy, VD_SELECTOR_CLAIM_DATA), 0);
}

/* What only a game of claims has; each call reverts on another kind. */
static void
take_claims(struct look *k, struct vd_withdrawal_game *game, size_t first)
{
    struct vd_address countered_by = {{0}};
    static const struct vd_address nobody;
    if (!vd_abi_read_u64(&game->claims, vd_reads_answer(&k->reads, first), 0) ||
        !vd_abi_read_bool(&game->root_resolved, vd_reads_answer(&k->reads, first + 1), 0) ||
        !vd_abi_read_address(&countered_by, vd_reads_answer(&k->reads, first + 2), 32)) {
        game->claims = 0;
        game->root_resolved = false;
    }
    game->root_countered = game->root_resolved && !vd_address_eq(&countered_by, &nobody);
}

static bool
take_game(struct look *k, struct vd_withdrawal_game *game, size_t first,
          const struct vd_address *proxy)
{
    uint64_t status = 0;
    *game = (struct vd_withdrawal_game){.proxy = *proxy};
    bool ok = vd_abi_read_bool(&game->proper, vd_reads_answer(&k->reads, first), 0) &&
              vd_abi_read_bool(&game->respected, vd_reads_answer(&k->reads, first + 1), 0) &&
              vd_abi_read_bool(&game->blacklisted, vd_reads_answer(&k->reads, first + 2), 0) &&
              vd_abi_read_bool(&game->retired, vd_reads_answer(&k->reads, first + 3), 0) &&
              vd_abi_read_u64(&status, vd_reads_answer(&k->reads, first + 4), 0) &&
              vd_abi_read_u64(&game->created, vd_reads_answer(&k->reads, first + 5), 0) &&
              vd_abi_read_u64(&game->resolved, vd_reads_answer(&k->reads, first + 6), 0) &&
              vd_abi_read_u64(&game->l2_block, vd_reads_answer(&k->reads, first + 7), 0) &&
              vd_abi_read_hash(&game->root, vd_reads_answer(&k->reads, first + 8), 0) &&
              status <= VD_GAME_DEFENDER_WINS;
    game->status = status;
    /* Not every kind of game has this one. */
    if (!vd_abi_read_u64(&game->clock_s, vd_reads_answer(&k->reads, first + 9), 0)) {
        game->clock_s = 0;
    }
    take_claims(k, game, first + 10);
    for (size_t i = 0; i < k->game_count && !game->has_index; i++) {
        game->has_index = vd_address_eq(&k->games[i].proxy, proxy);
        game->index = k->games[i].index;
    }
    return ok;
}

/* --- candidates to prove it by --- */

static void try_candidate(struct look *k);

static uint64_t
later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t
until(const struct look *k, uint64_t moment)
{
    return moment > k->standing.at.timestamp ? moment - k->standing.at.timestamp : 0;
}

/* No game serves: the next one comes when the interval of the last two has passed again. */
static void
end_waiting_to_prove(struct look *k)
{
    k->standing.state = VD_WITHDRAWAL_WAITING_TO_PROVE;
    k->standing.seconds_known = k->second_time != 0 || k->too_fresh;
    k->standing.seconds_left = k->too_fresh ? 1 : until(k, 2 * k->newest_time - k->second_time);
    end(k, VD_OK, "");
}

static void
on_root_checked(void *ctx, enum vd_err err, bool is_right)
{
    struct look *k = ctx;
    if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
        end(k, err, "L2 does not say whether a game's root is right");
        return;
    }
    if (err == VD_OK && is_right) {
        k->standing.state = VD_WITHDRAWAL_READY_TO_PROVE;
        k->standing.has_game = true;
        k->standing.game = k->draft.game;
        k->standing.seconds_known = true;
        end(k, VD_OK, "");
        return;
    }
    k->standing.games_refused += is_right ? 0 : 1;
    try_candidate(k);
}

static void
on_candidate(void *ctx)
{
    struct look *k = ctx;
    if (!answered(k)) {
        return;
    }
    const struct vd_abi_game *candidate = &k->games[k->candidate];
    if (!take_game(k, &k->draft.game, 0, &candidate->proxy)) {
        end_strange(k, "a game");
        return;
    }
    /* The portal takes no proof in the very second of the game's creation. */
    if (!vd_withdrawal_game_is_valid(&k->draft.game)) {
        k->standing.games_refused++;
        try_candidate(k);
    } else if (k->draft.game.created >= k->standing.at.timestamp) {
        k->too_fresh = true;
        try_candidate(k);
    } else if (vd_withdrawal_game_is_disputed(&k->draft.game) && !k->takes_disputed) {
        k->saw_disputed = true;
        try_candidate(k);
    } else if (k->query.check_root) {
        k->query.check_root(k->query.ctx, k->draft.game.l2_block, &k->draft.game.root,
                            on_root_checked, k);
    } else {
        on_root_checked(k, VD_OK, true);
    }
}

static void
try_candidate(struct look *k)
{
    if (k->candidate == 0 || k->tried == MAX_TRIED) {
        if (!k->saw_disputed || k->takes_disputed) {
            end_waiting_to_prove(k);
            return;
        }
        k->takes_disputed = true;
        k->candidate = k->game_count;
        k->tried = 0;
        k->standing.games_refused = 0; /* they are counted again */
    }
    k->candidate--;
    k->tried++;
    vd_reads_clear(&k->reads);
    add_game_reads(k, &k->games[k->candidate].proxy);
    run(k, on_candidate);
}

/* --- proofs --- */

static void next_proof(struct look *k);

/* What a proof is worth: finalizable now, or after how long; one on a game that is not valid is
   worth nothing. */
static void
judge_proof(struct look *k)
{
    struct vd_withdrawal_standing *draft = &k->draft;
    const struct vd_withdrawal_game *game = &draft->game;
    uint64_t matured = draft->proven_at + k->maturity_s + 1;
    if (k->draft_checks) {
        draft->state = VD_WITHDRAWAL_READY_TO_FINALIZE;
        draft->seconds_known = true;
        draft->seconds_left = 0;
        return;
    }
    bool in_progress = game->status == VD_GAME_IN_PROGRESS;
    uint64_t resolvable = game->created + game->clock_s + 1;
    uint64_t resolved = in_progress ? later(resolvable, k->standing.at.timestamp) : game->resolved;
    draft->state = VD_WITHDRAWAL_WAITING_TO_FINALIZE;
    bool disputed = vd_withdrawal_game_is_disputed(game);
    draft->can_resolve =
        in_progress && !disputed && game->clock_s > 0 && resolvable <= k->standing.at.timestamp;
    draft->seconds_known = !in_progress || (game->clock_s > 0 && !disputed);
    draft->seconds_left = until(k, later(matured, resolved + k->finality_s + 1));
}

static bool
is_better(const struct look *k)
{
    const struct vd_withdrawal_standing *a = &k->draft;
    const struct vd_withdrawal_standing *b = &k->standing;
    return !k->have_best || a->state > b->state ||
           (a->state == b->state && a->seconds_left < b->seconds_left);
}

static void
on_proof_game(void *ctx)
{
    struct look *k = ctx;
    if (!answered(k)) {
        return;
    }
    struct vd_address proxy = k->draft.game.proxy;
    if (!take_game(k, &k->draft.game, 0, &proxy)) {
        end_strange(k, "the game of a proof");
        return;
    }
    k->draft.has_game = true;
    if (vd_withdrawal_game_is_valid(&k->draft.game)) {
        judge_proof(k);
        if (is_better(k)) {
            k->standing = k->draft;
            k->have_best = true;
        }
    } else {
        k->standing.games_refused++;
    }
    next_proof(k);
}

static void
on_proof(void *ctx)
{
    struct look *k = ctx;
    if (!answered(k)) {
        return;
    }
    struct vd_slice proven = vd_reads_answer(&k->reads, 0);
    k->draft_checks = k->reads.items[1].err == VD_OK;
    if (!vd_abi_read_address(&k->draft.game.proxy, proven, 0) ||
        !vd_abi_read_u64(&k->draft.proven_at, proven, 32)) {
        end_strange(k, "a proof");
        return;
    }
    struct vd_address proxy = k->draft.game.proxy;
    vd_reads_clear(&k->reads);
    add_game_reads(k, &proxy);
    run(k, on_proof_game);
}

static void
on_submitter(void *ctx)
{
    struct look *k = ctx;
    if (!answered(k)) {
        return;
    }
    k->draft = k->standing;
    k->draft.proven = true;
    if (!vd_abi_read_address(&k->draft.submitter, vd_reads_answer(&k->reads, 0), 0)) {
        end_strange(k, "a proof's sender");
        return;
    }
    vd_reads_clear(&k->reads);
    static const uint32_t selectors[] = {
        VD_SELECTOR_PROVEN_WITHDRAWALS,
        VD_SELECTOR_CHECK_WITHDRAWAL,
    };
    for (size_t i = 0; i < 2; i++) {
        struct vd_abi *call = vd_reads_add(&k->reads, &k->query.portal, selectors[i]);
        vd_abi_hash(call, &k->query.hash);
        vd_abi_address(call, &k->draft.submitter);
    }
    run(k, on_proof);
}

static void
next_proof(struct look *k)
{
    if (k->proofs > k->proofs_floor) {
        k->proofs--;
        vd_reads_clear(&k->reads);
        struct vd_abi *call =
            vd_reads_add(&k->reads, &k->query.portal, VD_SELECTOR_PROOF_SUBMITTERS);
        vd_abi_hash(call, &k->query.hash); /* proofSubmitters(bytes32,uint256) */
        vd_abi_u64(call, k->proofs);
        run(k, on_submitter);
    } else if (k->have_best) {
        end(k, VD_OK, "");
    } else {
        try_candidate(k);
    }
}

/* --- games late enough --- */

static void ask_games(struct look *k);

static bool
keep_game(struct look *k, const struct vd_abi_game *game)
{
    if (k->newest_time == 0) {
        k->newest_time = game->timestamp;
    } else if (k->second_time == 0) {
        k->second_time = game->timestamp;
    }
    if (!game->has_block || game->l2_block < k->query.l2_block || k->game_count == MAX_GAMES) {
        return true;
    }
    if ((k->game_count & (k->game_count - 1)) == 0) { /* the room is a power of two */
        size_t room = k->game_count == 0 ? 1 : 2 * k->game_count;
        struct vd_abi_game *games = realloc(k->games, room * sizeof *games);
        if (!games) {
            return false;
        }
        k->games = games;
    }
    k->games[k->game_count++] = *game;
    return true;
}

static void
on_games(void *ctx)
{
    struct look *k = ctx;
    size_t count = 0;
    struct vd_abi_game game = {.timestamp = 0};
    if (!answered(k)) {
        return;
    }
    struct vd_slice answer = vd_reads_answer(&k->reads, 0);
    bool ok = vd_abi_game_count(&count, answer);
    for (size_t i = 0; ok && i < count; i++) {
        ok = vd_abi_game_at(&game, answer, i) && keep_game(k, &game);
    }
    if (!ok) {
        end_strange(k, "the games");
        return;
    }
    /* A game of before the withdrawal's block cannot hold it. */
    bool more = count == PAGE && game.index > 0 && game.timestamp >= k->query.l2_time &&
                k->game_count < MAX_GAMES;
    if (more) {
        k->next_game = game.index - 1;
        ask_games(k);
        return;
    }
    k->candidate = k->game_count;
    next_proof(k);
}

static void
ask_games(struct look *k)
{
    vd_reads_clear(&k->reads);
    struct vd_abi *call =
        vd_reads_add(&k->reads, &k->standing.factory, VD_SELECTOR_FIND_LATEST_GAMES);
    vd_abi_u64(call, k->type); /* findLatestGames(uint32,uint256,uint256) */
    vd_abi_u64(call, k->next_game);
    vd_abi_u64(call, PAGE);
    run(k, on_games);
}

static void
on_game_count(void *ctx)
{
    struct look *k = ctx;
    uint64_t count = 0;
    if (!answered(k)) {
        return;
    }
    if (!vd_abi_read_u64(&count, vd_reads_answer(&k->reads, 0), 0)) {
        end_strange(k, "the games");
    } else if (count == 0 || !k->query.has_block) {
        next_proof(k);
    } else {
        k->next_game = count - 1;
        ask_games(k);
    }
}

/* --- the contracts --- */

static void
on_relay(void *ctx)
{
    struct look *k = ctx;
    bool failed = false;
    bool relayed = false;
    if (!answered(k)) {
        return;
    }
    /* L2's messenger of a chain without one on L1 calls an account that answers nothing. */
    if (vd_abi_read_bool(&failed, vd_reads_answer(&k->reads, 0), 0) &&
        vd_abi_read_bool(&relayed, vd_reads_answer(&k->reads, 1), 0)) {
        k->standing.messenger = k->target;
        k->standing.relay = relayed ? VD_RELAY_DONE : failed ? VD_RELAY_FAILED : VD_RELAY_REFUSED;
    }
    end(k, VD_OK, "");
}

/* The portal forgets whether the call succeeded; a messenger knows what became of its messages. */
static void
end_finalized(struct look *k)
{
    k->standing.state = VD_WITHDRAWAL_FINALIZED;
    k->standing.seconds_known = true;
    if (!k->is_relayed) {
        end(k, VD_OK, "");
        return;
    }
    vd_reads_clear(&k->reads);
    vd_abi_hash(vd_reads_add(&k->reads, &k->target, SELECTOR_FAILED_MESSAGES), &k->relayed);
    vd_abi_hash(vd_reads_add(&k->reads, &k->target, SELECTOR_SUCCESSFUL_MESSAGES), &k->relayed);
    run(k, on_relay);
}

static void
on_contracts(void *ctx)
{
    struct look *k = ctx;
    bool finalized = false;
    if (!answered(k)) {
        return;
    }
    struct vd_withdrawal_standing *s = &k->standing;
    const struct vd_reads *r = &k->reads;
    if (!vd_abi_read_address(&s->factory, vd_reads_answer(r, 0), 0) ||
        !vd_abi_read_address(&s->registry, vd_reads_answer(r, 1), 0) ||
        !vd_abi_read_u64(&k->type, vd_reads_answer(r, 2), 0) ||
        !vd_abi_read_u64(&k->maturity_s, vd_reads_answer(r, 3), 0) ||
        !vd_abi_read_u64(&k->finality_s, vd_reads_answer(r, 4), 0) ||
        !vd_abi_read_bool(&s->paused, vd_reads_answer(r, 5), 0) ||
        !vd_abi_read_bool(&finalized, vd_reads_answer(r, 6), 0) ||
        !vd_abi_read_u64(&k->proofs, vd_reads_answer(r, 7), 0)) {
        end_strange(k, "the portal");
        return;
    }
    if (finalized) {
        end_finalized(k);
        return;
    }
    if (vd_address_eq(&k->target, &k->query.portal)) {
        s->state = VD_WITHDRAWAL_NEVER_PROVABLE;
        end(k, VD_OK, "");
        return;
    }
    k->proofs_floor = k->proofs > MAX_PROOFS ? k->proofs - MAX_PROOFS : 0;
    vd_reads_clear(&k->reads);
    vd_reads_add(&k->reads, &s->factory, VD_SELECTOR_GAME_COUNT);
    run(k, on_game_count);
}

static void
on_head(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
        const struct vd_header *header)
{
    struct look *k = ctx;
    if (status->err != VD_OK) {
        end(k, status->err, status->text);
        return;
    }
    static const uint32_t selectors[] = {
        VD_SELECTOR_DISPUTE_GAME_FACTORY,
        VD_SELECTOR_ANCHOR_STATE_REGISTRY,
        VD_SELECTOR_RESPECTED_GAME_TYPE,
        VD_SELECTOR_PROOF_MATURITY_DELAY_SECONDS,
        VD_SELECTOR_DISPUTE_GAME_FINALITY_DELAY_SECONDS,
        VD_SELECTOR_PAUSED,
    };
    k->standing.at = (struct vd_l1_ref){.hash = *hash,
                                        .number = header->number,
                                        .parent_hash = header->parent_hash,
                                        .timestamp = header->timestamp};
    k->at = vd_l1_hash(hash);
    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++) {
        vd_reads_add(&k->reads, &k->query.portal, selectors[i]);
    }
    /* finalizedWithdrawals(bytes32), numProofSubmitters(bytes32) */
    vd_abi_hash(vd_reads_add(&k->reads, &k->query.portal, VD_SELECTOR_FINALIZED_WITHDRAWALS),
                &k->query.hash);
    vd_abi_hash(vd_reads_add(&k->reads, &k->query.portal, VD_SELECTOR_NUM_PROOF_SUBMITTERS),
                &k->query.hash);
    run(k, on_contracts);
}

void
vd_withdrawal_look(struct vd_l1 *l1, const struct vd_withdrawal_query *query, vd_withdrawal_fn fn,
                   void *ctx)
{
    struct look *k = calloc(1, sizeof *k);
    VD_ASSERT(k != NULL);
    k->l1 = l1;
    k->query = *query;
    k->query.message = NULL;
    k->target = query->message->target;
    k->is_relayed = vd_withdrawal_is_relayed(query->message);
    if (k->is_relayed) {
        k->relayed = vd_keccak256(query->message->data);
    }
    k->fn = fn;
    k->ctx = ctx;
    vd_l1_header(l1, vd_l1_latest(), on_head, k);
}

/* --- in words --- */

static size_t
put_span(char *out, size_t size, uint64_t seconds)
{
    const char *unit = "seconds";
    if (seconds >= 2 * 86400u) {
        seconds /= 86400u;
        unit = "days";
    } else if (seconds >= 2 * 3600u) {
        seconds /= 3600u;
        unit = "hours";
    } else if (seconds >= 120u) {
        seconds /= 60u;
        unit = "minutes";
    }
    return (size_t)snprintf(out, size, "%llu %s", (unsigned long long)seconds, unit);
}

static void
explain_waiting_to_prove(char *out, size_t size, const struct vd_withdrawal_standing *s)
{
    char span[40] = "";
    if (s->games_refused > 0) {
        snprintf(out, size,
                 "no game proves it: %llu of late enough blocks are blacklisted, retired, lost or "
                 "of a wrong root; wait for the next proposal",
                 (unsigned long long)s->games_refused);
        return;
    }
    if (s->seconds_known) {
        put_span(span, sizeof span, s->seconds_left);
    }
    snprintf(out, size, "no output root of its block or a later one has been proposed yet%s%s",
             s->seconds_known ? "; the next proposal may come in " : "; wait for the next proposal",
             span);
}

static void
explain_finalized(char *out, size_t size, const struct vd_withdrawal_standing *s)
{
    char messenger[41] = {0};
    vd_hex_encode(messenger, s->messenger.b, sizeof s->messenger.b);
    switch (s->relay) {
    case VD_RELAY_NONE:
    case VD_RELAY_DONE:
        snprintf(out, size, "nothing: it is finalized");
        break;
    case VD_RELAY_FAILED:
        snprintf(
            out, size,
            "replay it: its message failed in the messenger, which keeps it; once the cause is "
            "gone any account may call the messenger 0x%s with the withdrawal's data and "
            "enough gas",
            messenger);
        break;
    case VD_RELAY_REFUSED:
        snprintf(out, size,
                 "nothing: it is finalized, but the messenger 0x%s refused its message, which is "
                 "lost",
                 messenger);
        break;
    }
}

void
vd_withdrawal_explain(char *out, size_t size, const struct vd_withdrawal_standing *s)
{
    char span[40] = "";
    put_span(span, sizeof span, s->seconds_left);
    switch (s->state) {
    case VD_WITHDRAWAL_NEVER_PROVABLE:
        snprintf(out, size,
                 "nothing: its target is the portal, which refuses such a withdrawal; what it "
                 "carries is lost");
        break;
    case VD_WITHDRAWAL_WAITING_TO_PROVE:
        explain_waiting_to_prove(out, size, s);
        break;
    case VD_WITHDRAWAL_READY_TO_PROVE:
        snprintf(out, size, "prove it against game %llu, of L2 block %llu%s",
                 (unsigned long long)s->game.index, (unsigned long long)s->game.l2_block,
                 vd_withdrawal_game_is_disputed(&s->game) ? ", which is in dispute" : "");
        break;
    case VD_WITHDRAWAL_WAITING_TO_FINALIZE:
        if (s->can_resolve) {
            snprintf(out, size,
                     "the game's clock is over: anybody may resolve it; then it can be finalized "
                     "after %s",
                     span);
        } else if (vd_withdrawal_game_is_disputed(&s->game)) {
            snprintf(out, size,
                     "its game is in dispute, with %llu claims: wait until that is decided and the "
                     "delay after it is over, %s at the least",
                     (unsigned long long)s->game.claims, span);
        } else if (s->seconds_known && s->seconds_left > 0) {
            snprintf(out, size, "finalize it in %s", span);
        } else {
            snprintf(out, size, "wait until the game is resolved and the delay after it is over");
        }
        break;
    case VD_WITHDRAWAL_READY_TO_FINALIZE:
        snprintf(out, size, "finalize it");
        break;
    case VD_WITHDRAWAL_FINALIZED:
        explain_finalized(out, size, s);
        break;
    }
    if (s->paused && s->state != VD_WITHDRAWAL_FINALIZED &&
        s->state != VD_WITHDRAWAL_NEVER_PROVABLE) {
        size_t len = strlen(out);
        snprintf(out + len, size - len, " (L1's portal is paused: nothing is taken now)");
    }
}
