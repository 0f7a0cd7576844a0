#include "viaduct/node/fault/game.h"

/* --- positions --- */

unsigned
vd_position_depth(struct vd_position p)
{
    uint64_t high = (uint64_t)(p.gindex >> 64);
    uint64_t low = (uint64_t)p.gindex;
    VD_ASSERT(p.gindex != 0);
    return high != 0 ? 127u - (unsigned)__builtin_clzll(high)
                     : 63u - (unsigned)__builtin_clzll(low);
}

unsigned __int128
vd_position_index(struct vd_position p)
{
    return p.gindex - ((unsigned __int128)1 << vd_position_depth(p));
}

struct vd_position
vd_position_move(struct vd_position p, bool attack)
{
    return (struct vd_position){.gindex = attack ? p.gindex << 1 : (p.gindex | 1) << 1};
}

unsigned __int128
vd_position_trace_index(struct vd_position p, unsigned depth)
{
    unsigned below = depth - vd_position_depth(p);
    unsigned __int128 leaf = p.gindex << below | (((unsigned __int128)1 << below) - 1);
    return leaf - ((unsigned __int128)1 << depth);
}

/* The leaf is all ones below p: up as long as p is a right child of what commits to the same. */
struct vd_position
vd_position_ancestor(struct vd_position p)
{
    while (p.gindex > 1 && (p.gindex & 1) == 1) {
        p.gindex >>= 1;
    }
    return p;
}

/* --- claims --- */

static unsigned
depth_of(const struct vd_game *game, size_t i)
{
    return vd_position_depth(game->claims[i].position);
}

uint64_t
vd_game_challenger_duration(const struct vd_game *game, size_t i, uint64_t now)
{
    const struct vd_claim *claim = &game->claims[i];
    uint64_t used =
        claim->parent == VD_NO_PARENT ? 0 : game->claims[claim->parent].clock_duration_s;
    uint64_t since = now > claim->clock_timestamp ? now - claim->clock_timestamp : 0;
    return since > game->max_clock_s || used + since > game->max_clock_s ? game->max_clock_s
                                                                         : used + since;
}

/* The claim on the way from i to the root that stands at a position; VD_NO_PARENT: none. */
static uint32_t
find_ancestor(const struct vd_game *game, uint32_t i, struct vd_position position)
{
    while (i != VD_NO_PARENT && game->claims[i].position.gindex != position.gindex) {
        i = game->claims[i].parent;
    }
    return i;
}

/* leaf stands at the split; the answer says that it is wrong (attack) or right, and so the machine
   runs up to it, or on from it. */
static struct vd_execution
execution_at(const struct vd_game *game, uint32_t root, uint32_t leaf, bool attack)
{
    struct vd_position at = game->claims[leaf].position;
    struct vd_execution e = {.root = root, .begin = leaf, .end = leaf};
    if (attack) {
        struct vd_position before = {.gindex = at.gindex - 1};
        e.begin = vd_position_index(at) == 0
                      ? VD_NO_PARENT
                      : find_ancestor(game, leaf, vd_position_ancestor(before));
    } else {
        struct vd_position after = {.gindex = at.gindex + 1};
        e.end = find_ancestor(game, leaf, vd_position_ancestor(after));
    }
    return e;
}

struct vd_execution
vd_game_execution(const struct vd_game *game, size_t i)
{
    uint32_t root = (uint32_t)i;
    while (depth_of(game, root) > game->split_depth + 1) {
        root = game->claims[root].parent;
    }
    uint32_t leaf = game->claims[root].parent;
    bool attack = game->claims[root].position.gindex ==
                  vd_position_move(game->claims[leaf].position, true).gindex;
    return execution_at(game, root, leaf, attack);
}

struct vd_execution
vd_game_execution_of_move(const struct vd_game *game, size_t parent, bool attack)
{
    return execution_at(game, VD_NO_PARENT, (uint32_t)parent, attack);
}

/* --- the honest strategy --- */

/* OURS: what the honest side says there: the root, or the answer to a claim to counter. */
#define OURS 1u
#define COUNTER 2u /* is to be countered */
#define UNKNOWN VD_GAME_UNKNOWN

struct solver {
    const struct vd_game *game;
    const struct vd_honest *honest;
    uint8_t *flags;
    struct vd_move *moves;
    size_t max;
    size_t count;
};

static enum vd_err
honest_value(const struct solver *s, struct vd_hash *out, struct vd_position position,
             const struct vd_execution *execution)
{
    return s->honest->value(s->honest->ctx, out, position, execution);
}

static enum vd_err
agrees(const struct solver *s, bool *agree, uint32_t i)
{
    struct vd_hash value;
    const struct vd_claim *claim = &s->game->claims[i];
    bool below = depth_of(s->game, i) > s->game->split_depth;
    struct vd_execution execution = {0};
    if (below) {
        execution = vd_game_execution(s->game, i);
    }
    enum vd_err err = honest_value(s, &value, claim->position, below ? &execution : NULL);
    *agree = err == VD_OK && vd_hash_eq(&value, &claim->value);
    return err;
}

/* The honest side's move against claim i, which it agrees with or not. */
static enum vd_err
answer(const struct solver *s, struct vd_move *move, uint32_t i, bool agree)
{
    const struct vd_game *g = s->game;
    unsigned depth = depth_of(g, i);
    *move = (struct vd_move){.attack = !agree, .claim = i};
    move->position = vd_position_move(g->claims[i].position, !agree);
    if (depth >= g->split_depth) {
        move->has_execution = true;
        move->execution = depth == g->split_depth ? vd_game_execution_of_move(g, i, !agree)
                                                  : vd_game_execution(g, i);
    }
    if (depth == g->max_depth) {
        move->step = true;
        return VD_OK;
    }
    return honest_value(s, &move->value, move->position,
                        move->has_execution ? &move->execution : NULL);
}

static bool
is_move(const struct vd_claim *claim, const struct vd_move *move)
{
    return claim->parent == move->claim && claim->position.gindex == move->position.gindex &&
           vd_hash_eq(&claim->value, &move->value);
}

/* The claim on L1 that is this move; VD_NO_PARENT: it was not made. */
static uint32_t
find_move(const struct vd_game *g, const struct vd_move *move)
{
    for (size_t i = move->claim + 1; i < g->count; i++) {
        if (is_move(&g->claims[i], move)) {
            return (uint32_t)i;
        }
    }
    return VD_NO_PARENT;
}

/* OP Stack specs, honest challenger: a claim that is no honest one is countered when it answers an
   honest claim, or when it stands beside an honest answer to the same parent and commits to no more
   of the trace than that: such a claim would be the left-most and decide the parent. */
static bool
is_beside_ours(const struct solver *s, uint32_t i)
{
    const struct vd_game *g = s->game;
    const struct vd_claim *claim = &g->claims[i];
    for (size_t k = claim->parent + 1; k < g->count; k++) {
        if (k != i && g->claims[k].parent == claim->parent && (s->flags[k] & OURS) != 0 &&
            vd_position_trace_index(claim->position, g->max_depth) <=
                vd_position_trace_index(g->claims[k].position, g->max_depth)) {
            return true;
        }
    }
    return false;
}

/* Whether the honest answer to claim i's parent is planned, but not on L1 yet. */
static bool
is_beside_planned(const struct solver *s, uint32_t i)
{
    const struct vd_claim *claim = &s->game->claims[i];
    for (size_t k = 0; k < s->count; k++) {
        if (!s->moves[k].step && s->moves[k].claim == claim->parent &&
            vd_position_trace_index(claim->position, s->game->max_depth) <=
                vd_position_trace_index(s->moves[k].position, s->game->max_depth)) {
            return true;
        }
    }
    return false;
}

/* Counters claim i: marks the answer if it stands there, else plans it. */
static enum vd_err
counter(struct solver *s, uint32_t i, bool agree)
{
    struct vd_move move;
    const struct vd_claim *claim = &s->game->claims[i];
    s->flags[i] |= COUNTER;
    enum vd_err err = answer(s, &move, i, agree);
    if (err != VD_OK || (move.step && claim->countered)) {
        return err;
    }
    uint32_t there = move.step ? VD_NO_PARENT : find_move(s->game, &move);
    if (there != VD_NO_PARENT) {
        s->flags[there] |= OURS;
        return VD_OK;
    }
    if (s->count == s->max) {
        return VD_ERR_TOO_LARGE;
    }
    s->moves[s->count++] = move;
    return VD_OK;
}

static enum vd_err
look_at(struct solver *s, uint32_t i)
{
    const struct vd_claim *claim = &s->game->claims[i];
    bool agree = false;
    if ((s->flags[i] & OURS) != 0) {
        return VD_OK;
    }
    bool root = claim->parent == VD_NO_PARENT;
    if (!root && (s->flags[claim->parent] & UNKNOWN) != 0) {
        s->flags[i] |= UNKNOWN;
        return VD_OK;
    }
    bool due = root || (s->flags[claim->parent] & OURS) != 0;
    if (!root && !due) {
        due = (s->flags[claim->parent] & COUNTER) != 0 &&
              (is_beside_ours(s, i) || is_beside_planned(s, i));
    }
    if (!due) {
        return VD_OK;
    }
    enum vd_err err = agrees(s, &agree, i);
    if (err == VD_OK && root && agree) {
        s->flags[i] |= OURS;
        return VD_OK;
    }
    err = err == VD_OK ? counter(s, i, agree) : err;
    s->flags[i] |= err != VD_OK ? UNKNOWN : 0;
    return err;
}

/* Whether a claim is answered, and how, depends on the claims above it and beside it, and of both
   only on what the honest side says there, which the parent's answer tells: so an unknown value
   hides the claims below it and no others. */
enum vd_err
vd_game_moves(struct vd_move *moves, size_t max, size_t *count, const struct vd_game *game,
              const struct vd_honest *honest, uint8_t *scratch)
{
    struct solver s = {
        .game = game, .honest = honest, .flags = scratch, .moves = moves, .max = max};
    enum vd_err first = VD_OK;
    memset(scratch, 0, game->count);
    for (uint32_t i = 0; i < game->count; i++) {
        enum vd_err err = look_at(&s, i);
        first = first == VD_OK || err == VD_ERR_TOO_LARGE ? err : first;
    }
    *count = s.count;
    return first;
}

bool
vd_game_outcome(uint8_t *countered, const struct vd_game *game)
{
    memset(countered, 0, game->count);
    for (size_t i = game->count; i-- > 0;) {
        const struct vd_claim *claim = &game->claims[i];
        /* Resolved from the leaves: a step counters, and so does any answer that stands. */
        countered[i] = countered[i] || claim->countered;
        if (!countered[i] && claim->parent != VD_NO_PARENT) {
            countered[claim->parent] = 1;
        }
    }
    return game->count == 0 || !countered[0];
}
