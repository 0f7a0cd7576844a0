/* A model of L1 as the challenger sees it: the truth about outputs and machine states, the game's
   contract with its clocks, bonds, steps and payouts, and what the account sends to it.  Of one
   test program. */
#ifndef VIADUCT_TESTS_UNIT_NODE_ROLES_DISPUTE_MODEL_H
#define VIADUCT_TESTS_UNIT_NODE_ROLES_DISPUTE_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "oracle_model.h"
#include "support/random.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/abi.h"
#include "viaduct/node/roles/challenger.h"

#define MOST 2600u
#define GAMES 4u
#define TXS 12000u
#define MAX_CLOCK_S 600u
#define EXTENSION_S 60u
/* What the clock has more before a step: more than the period of challenges to its preimage, for
   the turns of chance in these tests. */
#define STEP_EXTENSION_S (LPP_PERIOD_S + 240u)
#define FINALITY_S 30u
#define WETH_S 30u
#define BOND 80u
#define LAST_BOND 1280u
#define CHAIN 901u

static const struct vd_address own = {{4}};
static const struct vd_address other = {{5}};
static const struct vd_address oracle = {{6}};
static const struct vd_hash prestate = {{3, 7, 7}};

enum opponent {
    RANDOM,      /* any claim answered either way, with true and false values */
    STALLS,      /* answers a little, then never again */
    LIAR,        /* plays a whole trace of its own, which is false from one place on */
    LAST_SECOND, /* the same, each answer in the last block before its clock runs out */
    FLOOD,       /* a thousand claims at once */
    SILENT,      /* the root claim alone */
    OPPONENTS
};

struct tx {
    uint8_t tag[VD_TXM_MAX_TAG];
    size_t tag_len;
    struct vd_address to;
    uint8_t *data;
    size_t len;
    uint64_t value;
    uint64_t block; /* of inclusion; 0: none */
    bool success;
    bool confirmed;
    bool announced;
};

struct contract {
    struct vd_address proxy;
    uint64_t created;
    uint64_t l2_block;
    uint64_t start_block;
    uint64_t safe;
    struct vd_hash l1_head;
    struct vd_game game;
    struct vd_claim claims[MOST];
    bool resolved[MOST];
    uint32_t looked[MOST]; /* resolution checkpoints */
    unsigned __int128 leftmost[MOST];
    struct vd_address leftmost_by[MOST];
    bool block_challenged;
    uint8_t status;
    uint64_t resolved_at;
    uint64_t unlocked_at;
    uint64_t credit;  /* of own */
    uint64_t refund;  /* the same, of a game that is not to be relied on */
    bool blacklisted; /* by a guardian */
    enum { UNDECIDED, NORMAL, REFUND } mode;
    unsigned foreign; /* not the challenger's: 1 prestate, 2 chain, 3 starting output */
    enum opponent opponent;
    unsigned __int128 lie_leaf; /* LIAR: first false leaf at the split */
    uint64_t lie_step;
    unsigned patience;
};

/* What a reorg takes back. */
struct chain {
    struct contract games[GAMES];
    size_t count;
    uint64_t balance;
    struct oracle_state oracle;
    uint64_t number;
    uint64_t time;
};

enum ask {
    A_NONE,
    A_LIST,
    A_READ,
    A_ESTIMATE,
    A_CALL,
    A_LOGS,
    A_SAFE,
    A_OUTPUT,
    A_STATE,
    A_STEP,
    A_HEADER,
};

struct model {
    struct vd_random rng;
    struct chain now;
    struct chain saved;
    uint64_t saved_txs;
    uint64_t fork;
    uint64_t lag;
    enum ask slow_node; /* questions of this kind are answered by the test only; A_NONE: none are */
    bool is_slow;       /* a game takes a block's time to be read */
    uint64_t asked_at;
    struct vd_challenger *challenger;
    bool watch;
    bool fails;
    struct tx txs[TXS];
    size_t tx_count;
    size_t mined;
    enum ask l1;
    uint64_t l1_first;
    struct vd_address l1_to;
    uint8_t *l1_data;
    size_t l1_len;
    uint64_t l1_value;
    enum ask node;
    struct vd_hash head;
    uint64_t number;
    struct vd_dispute_run run;
    size_t alerts;
    size_t reverted;
    bool moved_foreign;
    uint64_t per_block;
    uint64_t settle_s;
    uint64_t skipped_s;    /* of L1's time, which the node's own clock did not see pass */
    size_t forgotten_logs; /* the next answer lacks so many of the oldest */
    bool has_no_gas;       /* every estimate is refused */
    uint64_t gas_price;
    struct vd_hash broken; /* runs to this output fail */
    bool is_mute;          /* the oracle does not say its terms */
    uint8_t *held[16];     /* calldata of others */
    size_t held_count;
};

/* Not 0: some steps read preimages of that size and a little more. */
static size_t large_size;

/* --- the truth --- */

static struct vd_hash
hash_of(const char *what, uint64_t number, struct vd_slice rest)
{
    uint8_t bytes[8];
    struct vd_keccak k;
    vd_store_be64(bytes, number);
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice((const uint8_t *)what, strlen(what)));
    vd_keccak_update(&k, vd_slice(bytes, sizeof bytes));
    vd_keccak_update(&k, rest);
    return vd_keccak_final(&k);
}

static struct vd_hash
part_of(const char *what, uint64_t number)
{
    return hash_of(what, number, vd_slice(NULL, 0));
}

static struct vd_hash
true_output(uint64_t number)
{
    uint8_t bytes[128] = {0};
    struct vd_hash state = part_of("state root", number);
    struct vd_hash storage = part_of("storage root", number);
    struct vd_hash block = part_of("header", number);
    memcpy(bytes + 32, state.b, 32);
    memcpy(bytes + 64, storage.b, 32);
    memcpy(bytes + 96, block.b, 32);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static struct vd_hash
key_of_run(const struct vd_dispute_run *run)
{
    uint8_t bytes[96];
    memcpy(bytes, run->l1_head.b, 32);
    memcpy(bytes + 32, run->agreed_root.b, 32);
    memcpy(bytes + 64, run->claimed_root.b, 32);
    return hash_of("run", run->claimed_block, vd_slice(bytes, sizeof bytes));
}

/* The machine ends after some steps, valid or not. */
static struct vd_hash
true_state(const struct vd_dispute_run *run, uint64_t safe, uint64_t leaves, uint64_t steps)
{
    struct vd_hash key = key_of_run(run);
    struct vd_hash right = true_output(smaller(run->claimed_block, safe));
    uint64_t len = 1 + vd_load_be64(key.b) % leaves;
    if (steps == 0) {
        return prestate;
    }
    struct vd_hash state = hash_of("machine", smaller(steps, len), vd_slice(key.b, 32));
    bool valid = vd_hash_eq(&right, &run->claimed_root);
    state.b[0] = steps < len ? 3 : (valid ? 0 : 1);
    return state;
}

static uint64_t
leaves_of(const struct contract *g)
{
    return (uint64_t)1 << (g->game.max_depth - g->game.split_depth - 1);
}

static uint64_t
block_at(const struct contract *g, struct vd_position p)
{
    unsigned __int128 index = vd_position_trace_index(p, g->game.split_depth);
    return smaller(g->start_block + (uint64_t)index + 1, g->l2_block);
}

static struct vd_dispute_run
run_of(const struct contract *g, const struct vd_execution *e)
{
    struct vd_dispute_run run = {.l1_head = g->l1_head,
                                 .agreed_root = true_output(g->start_block),
                                 .claimed_root = g->claims[e->end].value,
                                 .claimed_block = block_at(g, g->claims[e->end].position)};
    if (e->begin != VD_NO_PARENT) {
        run.agreed_root = g->claims[e->begin].value;
    }
    return run;
}

static uint64_t
leaf_of(const struct contract *g, struct vd_position p)
{
    return (uint64_t)(vd_position_trace_index(p, g->game.max_depth) & (leaves_of(g) - 1));
}

static struct vd_hash
true_value(const struct contract *g, struct vd_position p, const struct vd_execution *e)
{
    if (!e) {
        return true_output(smaller(block_at(g, p), g->safe));
    }
    struct vd_dispute_run run = run_of(g, e);
    return true_state(&run, g->safe, leaves_of(g), leaf_of(g, p) + 1);
}

/* --- the contract --- */

static uint64_t
bond_at(const struct contract *g, unsigned depth)
{
    return depth + 1 < g->game.max_depth ? BOND : LAST_BOND;
}

static bool
exists(const struct contract *g, uint32_t parent, struct vd_position p, const struct vd_hash *value)
{
    for (size_t i = 1; i < g->game.count; i++) {
        const struct vd_claim *c = &g->claims[i];
        if (c->parent == parent && c->position.gindex == p.gindex && vd_hash_eq(&c->value, value)) {
            return true;
        }
    }
    return false;
}

/* The status in the root of a trace must fit what the move says of the output. */
static bool
fits_status(const struct contract *g, uint32_t parent, const struct vd_hash *value, bool attack)
{
    bool disputes = attack;
    if (!attack) {
        struct vd_execution e = vd_game_execution_of_move(&g->game, parent, false);
        unsigned depth = vd_position_depth(g->claims[e.end].position);
        disputes = depth % 2 == g->game.split_depth % 2;
    }
    return disputes ? value->b[0] == 1 || value->b[0] == 2 : value->b[0] == 0;
}

static bool
do_move(struct contract *g, const struct chain *chain, const struct vd_address *who,
        uint32_t parent, bool attack, const struct vd_hash *value, uint64_t bond, bool dry)
{
    if (g->status != 0 || parent >= g->game.count || g->game.count == MOST) {
        return false;
    }
    struct vd_position p = vd_position_move(g->claims[parent].position, attack);
    unsigned depth = vd_position_depth(p);
    if ((!attack && (parent == 0 || depth == g->game.split_depth + 2)) ||
        (parent == 0 && g->block_challenged) || depth > g->game.max_depth ||
        bond != bond_at(g, depth) || exists(g, parent, p, value) ||
        (depth == g->game.split_depth + 1 && !fits_status(g, parent, value, attack))) {
        return false;
    }
    uint64_t used = vd_game_challenger_duration(&g->game, parent, chain->time);
    if (used == MAX_CLOCK_S) {
        return false;
    }
    uint64_t extension = depth + 1 == g->game.split_depth ? 2 * EXTENSION_S
                         : depth + 1 == g->game.max_depth ? EXTENSION_S + STEP_EXTENSION_S
                                                          : EXTENSION_S;
    if (!dry) {
        g->refund += vd_address_eq(who, &own) ? bond : 0;
        g->claims[g->game.count++] =
            (struct vd_claim){.parent = parent,
                              .claimant = *who,
                              .bond = vd_u256(bond),
                              .value = *value,
                              .position = p,
                              .clock_duration_s = smaller(used, MAX_CLOCK_S - extension),
                              .clock_timestamp = chain->time};
    }
    return true;
}

/* Sizes of the preimages that steps read: a few small ones, and large ones if there are any. */
static size_t
size_of(uint64_t steps)
{
    return large_size != 0 && steps % 2 == 0 ? large_size + steps % 5 * 100
                                             : PART_BYTES + steps % 7;
}

static uint32_t
offset_of(uint64_t steps)
{
    return (uint32_t)(8 + PART_BYTES * (steps % 2));
}

/* Local data are those of the claims between which the machine runs. */
static struct vd_hash
local_key(const struct contract *g, const struct vd_execution *e)
{
    uint8_t bytes[64 + 16] = {0};
    uint32_t ends[] = {e->begin, e->end};
    for (unsigned i = 0; i < 2; i++) {
        if (ends[i] != VD_NO_PARENT) {
            const struct vd_claim *claim = &g->claims[ends[i]];
            memcpy(bytes + (size_t)40 * i, claim->value.b, 32);
            vd_store_be64(bytes + (size_t)40 * i + 32, (uint64_t)claim->position.gindex);
        }
    }
    return hash_of("local", g->proxy.b[19], vd_slice(bytes, sizeof bytes));
}

/* Which part the step reads: none, local data, or a keccak preimage. */
static struct vd_hash
load_key(const struct contract *g, const struct vd_execution *e, uint64_t steps)
{
    return steps % 3 == 0 ? local_key(g, e)
                          : hash_part(&preimage_of(size_of(steps))->key, offset_of(steps));
}

static bool
do_step(struct contract *g, const struct chain *chain, uint32_t claim, bool attack,
        const struct vd_hash *before, bool dry)
{
    if (g->status != 0 || claim >= g->game.count || g->resolved[claim] ||
        g->claims[claim].countered ||
        vd_position_depth(g->claims[claim].position) != g->game.max_depth) {
        return false;
    }
    struct vd_execution e = vd_game_execution(&g->game, claim);
    struct vd_dispute_run run = run_of(g, &e);
    uint64_t steps = leaf_of(g, g->claims[claim].position) + (attack ? 0 : 1);
    struct vd_hash truth = true_state(&run, g->safe, leaves_of(g), steps);
    struct vd_hash needed = load_key(g, &e, steps);
    if (!vd_hash_eq(&truth, before) || (steps % 3 != 2 && !is_loaded(&chain->oracle, &needed))) {
        return false;
    }
    struct vd_hash after = true_state(&run, g->safe, leaves_of(g), steps + 1);
    uint32_t post = claim;
    if (!attack) {
        struct vd_position next = {.gindex = g->claims[claim].position.gindex + 1};
        next = vd_position_ancestor(next);
        while (g->claims[post].position.gindex != next.gindex) {
            post = g->claims[post].parent;
            if (post == VD_NO_PARENT) {
                return false;
            }
        }
    } else if (steps > 0) {
        /* The state before must be what its claim says. */
        struct vd_position previous = {.gindex = g->claims[claim].position.gindex - 1};
        previous = vd_position_ancestor(previous);
        uint32_t pre = claim;
        while (pre != VD_NO_PARENT && g->claims[pre].position.gindex != previous.gindex) {
            pre = g->claims[pre].parent;
        }
        if (pre == VD_NO_PARENT || memcmp(g->claims[pre].value.b + 1, before->b + 1, 31) != 0) {
            return false;
        }
    }
    if (!attack && memcmp(g->claims[claim].value.b + 1, before->b + 1, 31) != 0) {
        return false;
    }
    bool as_claimed = vd_hash_eq(&after, &g->claims[post].value);
    bool same_side = (g->game.max_depth - vd_position_depth(g->claims[post].position)) % 2 == 0;
    if (same_side == as_claimed) {
        return false;
    }
    if (!dry) {
        g->claims[claim].countered = true;
        g->claims[claim].countered_by = own;
    }
    return true;
}

static void
conclude(struct contract *g, uint32_t claim, const struct vd_address *by)
{
    static const struct vd_address nobody;
    struct vd_claim *c = &g->claims[claim];
    g->resolved[claim] = true;
    c->countered_by = *by;
    c->countered = !vd_address_eq(by, &nobody);
    const struct vd_address *to = c->countered ? by : &c->claimant;
    if (vd_address_eq(to, &own)) {
        g->credit += c->bond.w[0];
    }
}

static bool
do_resolve_claim(struct contract *g, const struct chain *chain, uint32_t claim, uint64_t n,
                 bool dry)
{
    if (g->status != 0 || claim >= g->game.count || g->resolved[claim] ||
        vd_game_challenger_duration(&g->game, claim, chain->time) < MAX_CLOCK_S) {
        return false;
    }
    uint32_t seen = 0;
    uint64_t looked = 0;
    struct vd_address by = g->leftmost_by[claim];
    unsigned __int128 leftmost = g->leftmost[claim];
    bool complete = true;
    for (size_t i = claim + 1; i < g->game.count; i++) {
        if (g->claims[i].parent != claim || seen++ < g->looked[claim]) {
            continue;
        }
        if (n != 0 && looked == n) {
            complete = false;
            break;
        }
        if (!g->resolved[i]) {
            return false;
        }
        looked++;
        if (!g->claims[i].countered && (leftmost == 0 || g->claims[i].position.gindex < leftmost)) {
            leftmost = g->claims[i].position.gindex;
            by = g->claims[i].claimant;
        }
    }
    if (dry) {
        return true;
    }
    if (!complete) {
        g->looked[claim] += (uint32_t)looked;
        g->leftmost[claim] = leftmost;
        g->leftmost_by[claim] = by;
        return true;
    }
    if (seen == 0 && claim != 0) {
        by = g->claims[claim].countered_by;
    } else if (claim == 0 && g->block_challenged) {
        by = own;
    }
    conclude(g, claim, &by);
    return true;
}

static bool
do_claim_credit(struct chain *chain, struct contract *g, bool dry)
{
    unsigned mode = g->mode != UNDECIDED ? g->mode : g->blacklisted ? REFUND : NORMAL;
    uint64_t amount = mode == REFUND ? g->refund : g->credit;
    if (g->status == 0 || amount == 0 || chain->time <= g->resolved_at + FINALITY_S ||
        (g->unlocked_at != 0 && chain->time < g->unlocked_at + WETH_S)) {
        return false;
    }
    if (!dry) {
        g->mode = mode;
    }
    if (!dry && g->unlocked_at == 0) {
        g->unlocked_at = chain->time;
    } else if (!dry) {
        chain->balance += amount;
        g->credit = 0;
        g->refund = 0;
    }
    return true;
}

static bool
do_block(struct contract *g, struct vd_slice args, bool dry)
{
    struct vd_slice header;
    if (g->status != 0 || g->resolved[0] || g->block_challenged || args.len < 160 ||
        !vd_abi_read_bytes(&header, args, 0, 128) || header.len != 8) {
        return false;
    }
    struct vd_hash root = vd_keccak256(vd_slice(args.ptr, 128));
    struct vd_hash block = part_of("header", vd_load_be64(header.ptr));
    if (!vd_hash_eq(&root, &g->claims[0].value) || memcmp(block.b, args.ptr + 96, 32) != 0 ||
        vd_load_be64(header.ptr) == g->l2_block) {
        return false;
    }
    g->block_challenged = !dry || g->block_challenged;
    return true;
}

static struct contract *
game_at(struct chain *chain, const struct vd_address *proxy)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (vd_address_eq(&chain->games[i].proxy, proxy)) {
            return &chain->games[i];
        }
    }
    return NULL;
}

static bool
do_local(struct chain *chain, struct contract *g, struct vd_slice args, bool dry)
{
    uint64_t ident = 0;
    uint64_t claim = 0;
    if (!vd_abi_read_u64(&ident, args, 0) || !vd_abi_read_u64(&claim, args, 32) || ident != 3 ||
        claim >= g->game.count ||
        vd_position_depth(g->claims[claim].position) <= g->game.split_depth || g->status != 0) {
        return false;
    }
    struct vd_execution e = vd_game_execution(&g->game, claim);
    struct vd_hash key = load_key(g, &e, 0);
    return do_load(&chain->oracle, &key, dry);
}

/* One transaction of the challenger's account; dry: only whether it would go through. */
static bool
execute(struct model *m, const struct vd_address *to, struct vd_slice data, uint64_t value,
        bool dry)
{
    struct chain *chain = &m->now;
    struct vd_slice args = vd_slice(data.ptr + 4, data.len - 4);
    uint32_t selector = vd_load_be32(data.ptr);
    uint64_t number = 0;
    uint64_t attack = 0;
    struct vd_hash disputed;
    struct vd_hash claim;
    if (vd_address_eq(to, &oracle)) {
        uint64_t paid = 0;
        chain->oracle.number = chain->number;
        chain->oracle.time = chain->time;
        if (value > chain->balance || !do_oracle(&chain->oracle, &own, data, value, &paid, dry)) {
            return false;
        }
        chain->balance += dry ? 0 : paid - value;
        return true;
    }
    struct contract *g = game_at(chain, to);
    if (!g) {
        return false; /* gone with a reorg */
    }
    m->moved_foreign = m->moved_foreign || g->foreign;
    switch (selector) {
    case 0x472777c6:
    case 0x7b0f0adc:
        assert_true(vd_abi_read_hash(&disputed, args, 0) && vd_abi_read_u64(&number, args, 32) &&
                    vd_abi_read_hash(&claim, args, 64));
        if (number >= g->game.count || !vd_hash_eq(&disputed, &g->claims[number].value) ||
            value > chain->balance ||
            !do_move(g, chain, &own, (uint32_t)number, selector == 0x472777c6, &claim, value,
                     dry)) {
            return false;
        }
        chain->balance -= dry ? 0 : value;
        return true;
    case 0xd8cc1a3c: {
        struct vd_slice state;
        struct vd_slice proof;
        assert_true(vd_abi_read_u64(&number, args, 0) && vd_abi_read_u64(&attack, args, 32) &&
                    vd_abi_read_bytes(&state, args, 0, 64) &&
                    vd_abi_read_bytes(&proof, args, 0, 96) && state.len == VD_VM_STATE_BYTES);
        memcpy(claim.b, state.ptr, 32);
        return do_step(g, chain, (uint32_t)number, attack != 0, &claim, dry);
    }
    case 0xf8f43ff6:
        return do_local(chain, g, args, dry);
    case 0x01935130:
        return do_block(g, args, dry);
    case 0x03c2924d:
        assert_true(vd_abi_read_u64(&number, args, 0) && vd_abi_read_u64(&attack, args, 32));
        return do_resolve_claim(g, chain, (uint32_t)number, attack, dry);
    case 0x2810e1d6:
        if (g->status != 0 || !g->resolved[0]) {
            return false;
        }
        if (!dry) {
            g->status = g->claims[0].countered ? 1 : 2;
            g->resolved_at = chain->time;
        }
        return true;
    case 0x60e27464:
        assert_memory_equal(args.ptr + 12, own.b, 20);
        return do_claim_credit(chain, g, dry);
    default:
        fail_msg("unknown call %08x", selector);
    }
    return false;
}

#endif
