#include "game_reads.h"

#include <stdio.h>
#include <stdlib.h>

#include "addresses.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"

#define MAX_CLAIMS 1000000u

enum stage {
    STAGE_PLAIN,    /* what every game has and what can change */
    STAGE_FIXED,    /* what cannot, for playing */
    STAGE_ORACLE,   /* of the machine */
    STAGE_BONDS,    /* by depth */
    STAGE_CLAIMS,   /* new ones, and those that can have been countered */
    STAGE_RESOLVED, /* those whose clock has run out */
    STAGE_DONE,
};

void
vd_game_view_init(struct vd_game_view *view, const struct vd_address *proxy)
{
    *view = (struct vd_game_view){.proxy = *proxy};
}

void
vd_game_view_deinit(struct vd_game_view *view)
{
    free(view->claims);
    free(view->resolved);
    free(view->bonds);
    vd_game_view_init(view, &view->proxy);
}

static uint32_t
selector(const char *signature)
{
    struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)signature, strlen(signature)));
    return vd_load_be32(hash.b);
}

/* --- which calls a stage takes --- */

static bool
is_over(const struct vd_game_reader *r)
{
    return r->view->status != VD_GAME_IN_PROGRESS;
}

static bool
clock_is_out(const struct vd_game_reader *r, size_t i)
{
    const struct vd_game *game = &r->view->game;
    return vd_game_challenger_duration(game, i, r->now) == game->max_clock_s;
}

/* A claim is countered by its resolution, which its clock must have run out for, or by a step,
   which only claims at the greatest depth can be (OP Stack specs, fault dispute game). */
static bool
can_be_countered(const struct vd_game_reader *r, size_t i)
{
    const struct vd_game_view *v = r->view;
    return !v->resolved[i] &&
           (clock_is_out(r, i) || vd_position_depth(v->claims[i].position) == v->game.max_depth);
}

static void
fill_plain(struct vd_game_reader *r)
{
    static const char *const calls[] = {"status()",           "resolvedAt()",
                                        "rootClaim()",        "l2SequenceNumber()",
                                        "gameCreator()",      "claimDataLen()",
                                        "maxGameDepth()",     "splitDepth()",
                                        "maxClockDuration()", "l2BlockNumberChallenged()",
                                        "absolutePrestate()"};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        vd_reads_add(&r->reads, &r->view->proxy, selector(calls[i]));
    }
    if (r->plays) {
        vd_abi_address(vd_reads_add(&r->reads, &r->view->proxy, VD_SELECTOR_CREDIT), &r->account);
        vd_reads_add(&r->reads, &r->view->proxy, selector("bondDistributionMode()"));
        vd_abi_address(
            vd_reads_add(&r->reads, &r->view->proxy, selector("refundModeCredit(address)")),
            &r->account);
    }
}

static void
fill_fixed(struct vd_game_reader *r)
{
    static const char *const calls[] = {"vm()", "l1Head()", "startingOutputRoot()", "l2ChainId()"};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        vd_reads_add(&r->reads, &r->view->proxy, selector(calls[i]));
    }
}

static void
fill_bonds(struct vd_game_reader *r)
{
    for (; r->next <= r->view->game.max_depth && r->reads.count < VD_READS_MAX; r->next++) {
        struct vd_u256 position = {.w = {r->next < 64 ? (uint64_t)1 << r->next : 0,
                                         r->next < 64 ? 0 : (uint64_t)1 << (r->next - 64)}};
        vd_abi_u256(vd_reads_add(&r->reads, &r->view->proxy, selector("getRequiredBond(uint128)")),
                    &position);
    }
}

static void
ask_claim(struct vd_game_reader *r, const char *signature, size_t i)
{
    r->asked[r->reads.count] = (uint32_t)i;
    vd_abi_u64(vd_reads_add(&r->reads, &r->view->proxy, selector(signature)), i);
}

static void
fill_claims(struct vd_game_reader *r)
{
    for (; r->next < r->count && r->reads.count < VD_READS_MAX; r->next++) {
        if (r->next >= r->known || can_be_countered(r, r->next)) {
            ask_claim(r, "claimData(uint256)", r->next);
        }
    }
}

static void
fill_resolved(struct vd_game_reader *r)
{
    for (; r->next < r->count && r->reads.count < VD_READS_MAX; r->next++) {
        if (!r->view->resolved[r->next] && clock_is_out(r, r->next)) {
            ask_claim(r, "resolvedSubgames(uint256)", r->next);
        }
    }
}

static void
fill(struct vd_game_reader *r)
{
    const struct vd_game_view *v = r->view;
    bool lists = v->is_fault && !(r->plays && is_over(r));
    switch ((enum stage)r->stage) {
    case STAGE_PLAIN:
        fill_plain(r);
        break;
    case STAGE_FIXED:
        if (v->is_fault && r->plays && !v->is_whole) {
            fill_fixed(r);
        }
        break;
    case STAGE_ORACLE:
        if (v->is_fault && r->plays && !v->is_whole) {
            vd_reads_add(&r->reads, &v->vm, selector("oracle()"));
        }
        break;
    case STAGE_BONDS:
        if (lists && r->plays && !v->is_whole) {
            fill_bonds(r);
        }
        break;
    case STAGE_CLAIMS:
        if (lists) {
            fill_claims(r);
        }
        break;
    case STAGE_RESOLVED:
        if (lists) {
            fill_resolved(r);
        }
        break;
    case STAGE_DONE:
        break;
    }
}

/* --- what they answer --- */

static enum vd_err
lacks(struct vd_game_reader *r, const char *what)
{
    char address[43];
    vd_address_text(address, &r->view->proxy);
    snprintf(r->text, sizeof r->text, "the contract at %s has no %s", address, what);
    return VD_ERR_INVALID;
}

static enum vd_err
make_room(struct vd_game_view *v, size_t count)
{
    if (count <= v->cap) {
        return VD_OK;
    }
    struct vd_claim *claims = realloc(v->claims, count * sizeof *claims);
    v->claims = claims ? claims : v->claims;
    v->game.claims = v->claims; /* also where the next line fails */
    bool *resolved = realloc(v->resolved, count * sizeof *resolved);
    v->resolved = resolved ? resolved : v->resolved;
    if (!claims || !resolved) {
        return VD_ERR_NO_MEMORY;
    }
    v->cap = count;
    return VD_OK;
}

/* Of a game that is over, whatever claims were in it: its root. */
static void
keep_root(struct vd_game_view *v)
{
    v->claims[0] =
        (struct vd_claim){.parent = VD_NO_PARENT, .value = v->root, .position = VD_GAME_ROOT};
    v->resolved[0] = true;
    v->game.count = 1;
}

static enum vd_err
prepare_claims(struct vd_game_reader *r, uint64_t count)
{
    struct vd_game_view *v = r->view;
    if (count == 0 || count > MAX_CLAIMS || count < v->game.count) {
        return lacks(r, "number of claims that can be listed");
    }
    r->count = (size_t)count;
    enum vd_err err = make_room(v, r->count);
    if (err == VD_OK && r->plays && is_over(r)) {
        keep_root(v);
    }
    r->known = v->game.count;
    return err;
}

static enum vd_err
take_fault(struct vd_game_reader *r, const struct vd_slice *a)
{
    struct vd_game_view *v = r->view;
    uint64_t count = 0;
    uint64_t max_depth = 0;
    uint64_t split_depth = 0;
    uint64_t clock = 0;
    v->is_fault = vd_abi_read_u64(&count, a[5], 0) && vd_abi_read_u64(&max_depth, a[6], 0) &&
                  vd_abi_read_u64(&split_depth, a[7], 0) && vd_abi_read_u64(&clock, a[8], 0) &&
                  vd_abi_read_bool(&v->block_challenged, a[9], 0) &&
                  vd_abi_read_hash(&v->prestate, a[10], 0);
    if (!v->is_fault) {
        return r->plays ? lacks(r, "claims") : VD_OK;
    }
    if (max_depth > VD_GAME_MAX_DEPTH || split_depth > max_depth) {
        return lacks(r, "depths that a game can have");
    }
    v->game.max_depth = (unsigned)max_depth;
    v->game.split_depth = (unsigned)split_depth;
    v->game.max_clock_s = clock;
    return prepare_claims(r, count);
}

/* bondDistributionMode: 0 until the game is closed. */
static bool
take_bonds_of_account(struct vd_game_view *v, const struct vd_slice *a)
{
    uint64_t mode = 0;
    bool ok = vd_abi_read_u256(&v->credit, a[0], 0) && vd_abi_read_u64(&mode, a[1], 0) &&
              vd_abi_read_u256(&v->refund, a[2], 0);
    v->closed = mode != 0;
    return ok;
}

/* What every kind of game has, and behind it what only the fault game has. */
static enum vd_err
take_plain(struct vd_game_reader *r)
{
    struct vd_slice a[VD_READS_MAX];
    struct vd_game_view *v = r->view;
    uint64_t status = 0;
    for (size_t i = 0; i < r->reads.count; i++) {
        a[i] = vd_reads_answer(&r->reads, i);
    }
    if (!vd_abi_read_u64(&status, a[0], 0) || status > VD_GAME_DEFENDER_WINS ||
        !vd_abi_read_u64(&v->resolved_at, a[1], 0) || !vd_abi_read_hash(&v->root, a[2], 0) ||
        !vd_abi_read_u64(&v->l2_block, a[3], 0) || !vd_abi_read_address(&v->creator, a[4], 0) ||
        (r->plays && !take_bonds_of_account(v, &a[11]))) {
        return lacks(r, "status of a game");
    }
    v->status = (uint8_t)status;
    return take_fault(r, a);
}

static enum vd_err
take_fixed(struct vd_game_reader *r)
{
    struct vd_game_view *v = r->view;
    struct vd_slice start = vd_reads_answer(&r->reads, 2);
    bool ok = vd_abi_read_address(&v->vm, vd_reads_answer(&r->reads, 0), 0) &&
              vd_abi_read_hash(&v->l1_head, vd_reads_answer(&r->reads, 1), 0) &&
              vd_abi_read_hash(&v->start_root, start, 0) &&
              vd_abi_read_u64(&v->start_block, start, 32) &&
              vd_abi_read_u64(&v->chain_id, vd_reads_answer(&r->reads, 3), 0);
    if (!ok) {
        return lacks(r, "constants of a game");
    }
    free(v->bonds);
    v->bonds = calloc(v->game.max_depth + 1, sizeof *v->bonds);
    return v->bonds ? VD_OK : VD_ERR_NO_MEMORY;
}

static enum vd_err
take_bonds(struct vd_game_reader *r)
{
    size_t first = r->next - r->reads.count;
    for (size_t i = 0; i < r->reads.count; i++) {
        if (!vd_abi_read_u256(&r->view->bonds[first + i], vd_reads_answer(&r->reads, i), 0)) {
            return lacks(r, "bond for each depth");
        }
    }
    return VD_OK;
}

/* claimData: parent, who countered it, claimant, bond, value, position u128, clock: seconds used
   u64 || when it was made u64. */
bool
vd_game_claim_take(struct vd_claim *out, struct vd_slice data)
{
    static const struct vd_address nobody;
    struct vd_hash position;
    struct vd_hash clock;
    uint64_t parent = 0;
    bool ok = vd_abi_read_u64(&parent, data, 0) && parent <= UINT32_MAX &&
              vd_abi_read_address(&out->countered_by, data, 32) &&
              vd_abi_read_address(&out->claimant, data, 64) &&
              vd_abi_read_u256(&out->bond, data, 96) && vd_abi_read_hash(&out->value, data, 128) &&
              vd_abi_read_hash(&position, data, 160) && vd_abi_read_hash(&clock, data, 192);
    if (!ok) {
        return false;
    }
    out->parent = (uint32_t)parent;
    out->countered = !vd_address_eq(&out->countered_by, &nobody);
    out->position.gindex =
        (unsigned __int128)vd_load_be64(position.b + 16) << 64 | vd_load_be64(position.b + 24);
    out->clock_duration_s = vd_load_be64(clock.b + 16);
    out->clock_timestamp = vd_load_be64(clock.b + 24);
    return out->position.gindex != 0;
}

/* Claims come in their order, so those that are new stand at the end one after the other. */
static enum vd_err
take_claims(struct vd_game_reader *r)
{
    struct vd_game_view *v = r->view;
    for (size_t k = 0; k < r->reads.count; k++) {
        uint32_t i = r->asked[k];
        struct vd_claim claim = {.parent = VD_NO_PARENT};
        if (!vd_game_claim_take(&claim, vd_reads_answer(&r->reads, k)) ||
            (claim.parent == VD_NO_PARENT ? i != 0 : claim.parent >= i) ||
            vd_position_depth(claim.position) > v->game.max_depth) {
            return lacks(r, "such claim");
        }
        v->claims[i] = claim;
        if (i >= v->game.count) {
            v->resolved[i] = false;
            v->game.count = (size_t)i + 1;
        }
    }
    return VD_OK;
}

static enum vd_err
take_resolved(struct vd_game_reader *r)
{
    for (size_t k = 0; k < r->reads.count; k++) {
        if (!vd_abi_read_bool(&r->view->resolved[r->asked[k]], vd_reads_answer(&r->reads, k), 0)) {
            return lacks(r, "such claim");
        }
    }
    return VD_OK;
}

static enum vd_err
take(struct vd_game_reader *r)
{
    switch ((enum stage)r->stage) {
    case STAGE_PLAIN:
        return take_plain(r);
    case STAGE_FIXED:
        return take_fixed(r);
    case STAGE_ORACLE:
        return vd_abi_read_address(&r->view->oracle, vd_reads_answer(&r->reads, 0), 0)
                   ? VD_OK
                   : lacks(r, "machine with an oracle");
    case STAGE_BONDS:
        return take_bonds(r);
    case STAGE_CLAIMS:
        return take_claims(r);
    case STAGE_RESOLVED:
        return take_resolved(r);
    case STAGE_DONE:
        break;
    }
    return VD_OK;
}

/* --- one stage after the other --- */

static bool
takes_many(int stage)
{
    return stage == STAGE_BONDS || stage == STAGE_CLAIMS || stage == STAGE_RESOLVED;
}

static void
finish(struct vd_game_reader *r, enum vd_err err)
{
    vd_reads_clear(&r->reads);
    r->view->is_whole |= err == VD_OK && r->plays;
    r->done(r->ctx, err, r->text[0] ? r->text : vd_err_text(err));
}

static void on_reads(void *ctx);

static void
go_on(struct vd_game_reader *r)
{
    for (;;) {
        vd_reads_clear(&r->reads);
        fill(r);
        if (r->reads.count > 0) {
            vd_reads_run(&r->reads, r->l1, vd_l1_hash(&r->at), on_reads, r);
            return;
        }
        if (r->stage == STAGE_DONE) {
            finish(r, VD_OK);
            return;
        }
        r->stage++;
        r->next = 0;
    }
}

static void
on_reads(void *ctx)
{
    struct vd_game_reader *r = ctx;
    const struct vd_read *failure = vd_reads_failure(&r->reads);
    enum vd_err err = failure ? failure->err : take(r);
    if (failure) {
        snprintf(r->text, sizeof r->text, "eth_call: %s",
                 failure->text[0] ? failure->text : vd_err_text(failure->err));
    }
    if (err != VD_OK) {
        finish(r, err);
        return;
    }
    if (!takes_many(r->stage)) {
        r->stage++;
        r->next = 0;
    }
    go_on(r);
}

void
vd_game_read(struct vd_game_reader *r, struct vd_game_view *view, struct vd_l1 *l1,
             const struct vd_hash *at, uint64_t now, const struct vd_address *account,
             void (*done)(void *ctx, enum vd_err err, const char *text), void *ctx)
{
    *r = (struct vd_game_reader){.l1 = l1,
                                 .view = view,
                                 .at = *at,
                                 .now = now,
                                 .plays = account != NULL,
                                 .account = account ? *account : (struct vd_address){{0}},
                                 .stage = STAGE_PLAIN,
                                 .done = done,
                                 .ctx = ctx};
    go_on(r);
}

/* --- the factory --- */

void
vd_game_entry_add(struct vd_reads *reads, const struct vd_address *factory, uint64_t index)
{
    vd_abi_u64(vd_reads_add(reads, factory, VD_SELECTOR_GAME_AT_INDEX), index);
}

bool
vd_game_entry_take(struct vd_game_entry *entry, struct vd_slice answer)
{
    return vd_abi_read_u64(&entry->type, answer, 0) &&
           vd_abi_read_u64(&entry->timestamp, answer, 32) &&
           vd_abi_read_address(&entry->proxy, answer, 64);
}
