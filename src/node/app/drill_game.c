/* What L1 says of the disputed game, and how it is told. */
#include <stdio.h>
#include <string.h>

#include "drill_internal.h"
#include "game_reads.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"

/* Reads in a row that may fail: some seconds. */
#define MAX_FAILURES 50u

/* --- reading --- */

uint32_t
drill_selector(const char *signature)
{
    struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)signature, strlen(signature)));
    return vd_load_be32(hash.b);
}

bool
drill_try_again(struct drill *d)
{
    return !bridge_run(&d->b)->stopping && ++d->failures < MAX_FAILURES;
}

static void
on_reads(void *ctx)
{
    bridge_done(ctx);
}

bool
drill_read(struct drill *d, struct vd_l1_at at)
{
    d->b.done = false;
    vd_reads_run(&d->reads, d->b.l1, at, on_reads, &d->b);
    if (!bridge_wait(&d->b)) {
        return false;
    }
    const struct vd_read *failure = vd_reads_failure(&d->reads);
    return !failure || bridge_fail(&d->b, "L1: eth_call: %s",
                                   failure->text[0] ? failure->text : vd_err_text(failure->err));
}

bool
drill_bad_answer(struct drill *d, const char *what)
{
    return bridge_fail(&d->b, "L1: the game %s does not say its %s",
                       bridge_hex(d->game.proxy.b, 20).text, what);
}

bool
drill_read_claims(struct drill *d, struct vd_l1_at at, struct vd_claim *claims, size_t first,
                  size_t count)
{
    if (count > DRILL_MAX_CLAIMS) {
        return bridge_fail(&d->b, "the game has %zu claims, more than a drill can have", count);
    }
    uint32_t claim_data = drill_selector("claimData(uint256)");
    while (first < count) {
        size_t begin = first;
        vd_reads_clear(&d->reads);
        for (; first < count && d->reads.count < VD_READS_MAX; first++) {
            vd_abi_u64(vd_reads_add(&d->reads, &d->game.proxy, claim_data), first);
        }
        if (!drill_read(d, at)) {
            return false;
        }
        for (size_t i = begin; i < first; i++) {
            if (!vd_game_claim_take(&claims[i], vd_reads_answer(&d->reads, i - begin)) ||
                (i == 0) != (claims[i].parent == VD_NO_PARENT) ||
                (i > 0 && claims[i].parent >= i)) {
                return drill_bad_answer(d, "claims");
            }
        }
    }
    return true;
}

/* --- telling --- */

/* The L2 block of a leaf of the upper part; leaves behind the proposed block stand for it. */
static uint64_t
block_of(const struct drill_game *g, unsigned __int128 leaf)
{
    unsigned __int128 block = leaf + g->start_block + 1;
    return block < g->l2_block ? (uint64_t)block : g->l2_block;
}

static struct vd_game
as_game(const struct drill_game *g)
{
    return (struct vd_game){.max_depth = (unsigned)g->max_depth,
                            .split_depth = (unsigned)g->split_depth,
                            .max_clock_s = g->max_clock_s,
                            .claims = g->claims,
                            .count = g->count};
}

/* What a claim is about: a stretch of outputs, or of steps of the machine on one block. */
static void
describe(char out[96], const struct drill_game *g, size_t i)
{
    struct vd_position p = g->claims[i].position;
    unsigned depth = vd_position_depth(p);
    if (depth <= g->split_depth) {
        unsigned levels = (unsigned)g->split_depth - depth;
        uint64_t first = block_of(g, vd_position_index(p) << levels);
        uint64_t last = block_of(g, vd_position_trace_index(p, (unsigned)g->split_depth));
        if (first == last) {
            snprintf(out, 96, "output %llu", (unsigned long long)last);
        } else {
            snprintf(out, 96, "outputs %llu..%llu", (unsigned long long)first,
                     (unsigned long long)last);
        }
        return;
    }
    struct vd_game game = as_game(g);
    struct vd_execution run = vd_game_execution(&game, i);
    struct vd_position end = g->claims[run.end].position;
    unsigned long long block = block_of(g, vd_position_trace_index(end, (unsigned)g->split_depth));
    unsigned levels = (unsigned)g->max_depth - depth;
    unsigned __int128 mask = ((unsigned __int128)1 << (g->max_depth - g->split_depth - 1)) - 1;
    unsigned long long first = (unsigned long long)((vd_position_index(p) << levels) & mask);
    if (levels == 0) {
        snprintf(out, 96, "step %llu of block %llu", first, block);
    } else {
        snprintf(out, 96, "steps %llu..%llu of block %llu", first, first + ((1ull << levels) - 1),
                 block);
    }
}

static const char *
name_of(const struct drill *d, const struct vd_address *account)
{
    return vd_address_eq(account, vd_signer_address(d->dishonest)) ? "dishonest"
           : vd_address_eq(account, &d->config->challenger)        ? "challenger"
                                                                   : "somebody";
}

static void
tell_claim(const struct drill *d, size_t i)
{
    char what[96];
    const struct drill_game *g = &d->game;
    const struct vd_claim *claim = &g->claims[i];
    if (claim->parent == VD_NO_PARENT) {
        return; /* told when it was proposed */
    }
    bool attack = claim->position.gindex == g->claims[claim->parent].position.gindex << 1;
    describe(what, g, i);
    drill_tell(d, name_of(d, &claim->claimant), "depth %2u  %s  %s",
               vd_position_depth(claim->position), attack ? "attacks" : "defends", what);
}

/* Until the game is decided, only a step can have countered a claim. */
static void
tell_steps(struct drill *d)
{
    char what[96];
    struct drill_game *g = &d->game;
    for (size_t i = 0; i < g->count && !g->step_told; i++) {
        if (g->claims[i].countered && vd_position_depth(g->claims[i].position) == g->max_depth) {
            describe(what, g, i);
            drill_tell(d, name_of(d, &g->claims[i].countered_by),
                       "has L1 compute %s: it does not lead to the claimed state", what);
            g->step_told = true;
        }
    }
}

/* --- the game --- */

bool
drill_game_open(struct drill *d)
{
    static const char *const calls[] = {"startingBlockNumber()", "maxGameDepth()", "splitDepth()",
                                        "maxClockDuration()"};
    struct drill_game *g = &d->game;
    vd_reads_clear(&d->reads);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        vd_reads_add(&d->reads, &g->proxy, drill_selector(calls[i]));
    }
    if (!drill_read(d, vd_l1_latest())) {
        return false;
    }
    if (!vd_abi_read_u64(&g->start_block, vd_reads_answer(&d->reads, 0), 0) ||
        !vd_abi_read_u64(&g->max_depth, vd_reads_answer(&d->reads, 1), 0) ||
        !vd_abi_read_u64(&g->split_depth, vd_reads_answer(&d->reads, 2), 0) ||
        !vd_abi_read_u64(&g->max_clock_s, vd_reads_answer(&d->reads, 3), 0)) {
        return drill_bad_answer(d, "depths and clock");
    }
    /* The dishonest side, which has the even depths, then never has to say how the machine ends,
       and the last claim is its own. */
    if (g->max_depth > 64 || g->split_depth >= g->max_depth || g->split_depth % 2 != 0 ||
        g->max_depth % 2 != 0) {
        return bridge_fail(&d->b, "games of depth %llu, split at %llu, are not those of a drill",
                           (unsigned long long)g->max_depth, (unsigned long long)g->split_depth);
    }
    g->exists = true;
    return true;
}

static bool
read_count(struct drill *d, struct vd_l1_at at, uint64_t *count, uint64_t *status)
{
    vd_reads_clear(&d->reads);
    vd_reads_add(&d->reads, &d->game.proxy, drill_selector("claimDataLen()"));
    vd_reads_add(&d->reads, &d->game.proxy, VD_SELECTOR_STATUS);
    return drill_read(d, at) && ((vd_abi_read_u64(count, vd_reads_answer(&d->reads, 0), 0) &&
                                  vd_abi_read_u64(status, vd_reads_answer(&d->reads, 1), 0)) ||
                                 drill_bad_answer(d, "number of claims"));
}

/* A false claim that nobody has countered in time stands: the drill has failed. */
static bool
check_clocks(struct drill *d, uint64_t now)
{
    const struct drill_game *g = &d->game;
    struct vd_game game = as_game(g);
    for (size_t i = 0; i < g->count; i++) {
        bool countered = g->claims[i].countered;
        for (size_t k = i + 1; k < g->count; k++) {
            countered |= g->claims[k].parent == i;
        }
        if (!countered && vd_game_challenger_duration(&game, i, now) == g->max_clock_s &&
            vd_address_eq(&g->claims[i].claimant, vd_signer_address(d->dishonest))) {
            return bridge_fail(&d->b, "nobody has countered the false claim of depth %u in time",
                               vd_position_depth(g->claims[i].position));
        }
    }
    return true;
}

/* All claims are read each time: a reorganisation of L1 may have put others in their places. */
bool
drill_game_look(struct drill *d)
{
    struct drill_game *g = &d->game;
    uint64_t count = 0;
    uint64_t status = 0;
    if (!bridge_header(&d->b, d->b.l1, vd_l1_latest())) {
        return drill_try_again(d);
    }
    struct vd_l1_at at = vd_l1_hash(&d->b.hash);
    uint64_t now = d->b.header.timestamp;
    if (!read_count(d, at, &count, &status) ||
        !drill_read_claims(d, at, g->fresh, 0, (size_t)count)) {
        return drill_try_again(d);
    }
    d->failures = 0;
    memcpy(g->claims, g->fresh, (size_t)count * sizeof g->claims[0]);
    g->count = (size_t)count;
    for (; g->told < g->count; g->told++) {
        tell_claim(d, g->told);
    }
    tell_steps(d);
    g->status = status;
    return status != VD_GAME_IN_PROGRESS || check_clocks(d, now);
}

bool
drill_game_pending(struct drill *d)
{
    struct drill_game *g = &d->game;
    struct vd_l1_at at = {.tag = VD_L1_PENDING};
    uint64_t count = 0;
    uint64_t status = 0;
    memcpy(g->pending, g->claims, sizeof g->pending);
    g->pending_count = g->count;
    if (g->latest_only || g->status != VD_GAME_IN_PROGRESS) {
        return true;
    }
    if (!read_count(d, at, &count, &status)) {
        g->latest_only = !bridge_run(&d->b)->stopping;
        return g->latest_only;
    }
    /* What waits may change from one call to the next: then it is looked at again. */
    if (count > g->count && count <= DRILL_MAX_CLAIMS &&
        drill_read_claims(d, at, g->pending, g->count, (size_t)count)) {
        g->pending_count = (size_t)count;
    }
    return !bridge_run(&d->b)->stopping || bridge_fail(&d->b, BRIDGE_STOPPED);
}
