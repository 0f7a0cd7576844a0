/* The dishonest side: a false output root, and a false claim against every claim that counters
   one of its own. */
#include <stdio.h>
#include <string.h>

#include "drill_internal.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"

/* Enough for any move; nobody can be asked what one needs whose parent waits for the same block. */
#define MOVE_GAS 1000000u
/* Times that an answer may be refused, as one is that comes before what it answers. */
#define MAX_FAILURES 8u
/* The step that it lets the dispute come to, as nearly as its own moves decide that: somewhere in
   the work on a block. */
#define STEP 700000u
/* With fewer outputs there is nothing to bisect. */
#define LEAST_BLOCK 4u

/* --- the root --- */

/* Anything but the true root: a hash of no output. */
static struct vd_hash
false_value(const struct drill *d, uint64_t a, uint64_t b)
{
    uint8_t bytes[16 + 8 + 20];
    vd_store_be64(bytes, a);
    vd_store_be64(bytes + 8, b);
    vd_store_be64(bytes + 16, d->began_ms);
    memcpy(bytes + 24, d->receiver.b, 20);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

/* The newest proposal's block, or 0. */
static bool
newest_claimed(struct drill *d, uint64_t *block, struct vd_u256 *bond)
{
    const struct vd_address *factory = &d->config->addresses->dispute_game_factory;
    uint64_t count = 0;
    *block = 0;
    vd_reads_clear(&d->reads);
    vd_reads_add(&d->reads, factory, VD_SELECTOR_GAME_COUNT);
    vd_abi_u64(vd_reads_add(&d->reads, factory, VD_SELECTOR_INIT_BONDS), VD_GAME_TYPE_FAULT);
    if (!drill_read(d, vd_l1_latest())) {
        return false;
    }
    if (!vd_abi_read_u64(&count, vd_reads_answer(&d->reads, 0), 0) ||
        !vd_abi_read_u256(bond, vd_reads_answer(&d->reads, 1), 0)) {
        return bridge_fail(&d->b, "L1: there is no factory of games at %s",
                           bridge_hex(factory->b, 20).text);
    }
    if (count == 0) {
        return true;
    }
    vd_reads_clear(&d->reads);
    struct vd_abi *call = vd_reads_add(&d->reads, factory, VD_SELECTOR_FIND_LATEST_GAMES);
    vd_abi_u64(call, VD_GAME_TYPE_FAULT);
    vd_abi_u64(call, count - 1);
    vd_abi_u64(call, 1);
    if (!drill_read(d, vd_l1_latest())) {
        return false;
    }
    struct vd_abi_game game;
    if (vd_abi_game_at(&game, vd_reads_answer(&d->reads, 0), 0) && game.has_block) {
        *block = game.l2_block;
    }
    return true;
}

static bool
find_game(struct drill *d)
{
    const struct vd_address *factory = &d->config->addresses->dispute_game_factory;
    struct vd_abi call;
    struct vd_slice answer;
    uint8_t block[32] = {0};
    vd_store_be64(block + 24, d->game.l2_block);
    vd_abi_call(&call, VD_SELECTOR_GAMES);
    vd_abi_u64(&call, VD_GAME_TYPE_FAULT);
    vd_abi_hash(&call, &d->game.root);
    vd_abi_u64(&call, 96);
    vd_abi_bytes(&call, vd_slice(block, sizeof block));
    return bridge_call(&d->b, d->b.l1, &answer, NULL, factory, &call) &&
           (vd_abi_read_address(&d->game.proxy, answer, 0) ||
            bridge_fail(&d->b, "L1: the factory does not have the game just created"));
}

static bool
create(struct drill *d, const struct vd_u256 *bond)
{
    struct drill_game *g = &d->game;
    struct vd_abi call;
    struct vd_hash tx;
    struct bridge_receipt receipt;
    struct bridge_post post = {.what = "a false proposal",
                               .to = d->config->addresses->dispute_game_factory,
                               .value = *bond};
    uint8_t block[32] = {0};
    vd_store_be64(block + 24, g->l2_block);
    vd_abi_call(&call, VD_SELECTOR_CREATE);
    vd_abi_u64(&call, VD_GAME_TYPE_FAULT);
    vd_abi_hash(&call, &g->root);
    vd_abi_u64(&call, 96);
    vd_abi_bytes(&call, vd_slice(block, sizeof block));
    d->b.signer = d->dishonest;
    if (!bridge_post(&d->b, d->b.l1, &tx, &post, &call) ||
        !bridge_await(&d->b, d->b.l1, &receipt, &tx)) {
        return false;
    }
    g->created_at = receipt.block.number;
    return receipt.success || bridge_fail(&d->b, "L1: the false proposal reverted");
}

bool
drill_propose(struct drill *d)
{
    struct drill_game *g = &d->game;
    uint64_t claimed = 0;
    struct vd_u256 bond;
    if (!bridge_header(&d->b, d->b.l2, (struct vd_l1_at){.tag = VD_L1_SAFE})) {
        return false;
    }
    uint64_t safe = d->b.header.number;
    struct vd_hash truth =
        vd_output_root(&d->b.header.state_root, &d->b.header.withdrawals_root, &d->b.hash);
    if (!newest_claimed(d, &claimed, &bond)) {
        return drill_try_again(d);
    }
    d->failures = 0;
    if (safe < LEAST_BLOCK || safe <= claimed) {
        return true;
    }
    g->l2_block = safe;
    g->root = false_value(d, safe, 0);
    if (!create(d, &bond) || !find_game(d) || !drill_game_open(d)) {
        return false;
    }
    drill_tell(d, "dishonest", "proposes a false output of block %llu, with a bond of %s",
               (unsigned long long)safe, bridge_ether(&bond).text);
    drill_tell(d, "", "true   %s", bridge_hex(truth.b, 32).text);
    drill_tell(d, "", "false  %s", bridge_hex(g->root.b, 32).text);
    drill_tell(
        d, "", "game   %s, from block %llu, %llu levels, the lower %llu of one block's steps",
        bridge_hex(g->proxy.b, 20).text, (unsigned long long)g->start_block,
        (unsigned long long)g->max_depth, (unsigned long long)(g->max_depth - g->split_depth));
    return true;
}

/* --- moves --- */

/* It may say of a counter that it is wrong, or right as far as it goes; that decides where the
   dispute goes on.  Defends where what follows begins no later than the block or step it wants. */
static bool
attacks(const struct drill_game *g, struct vd_position parent)
{
    unsigned depth = vd_position_depth(parent) + 1;
    unsigned split = (unsigned)g->split_depth;
    struct vd_position there = vd_position_move(parent, false);
    if (depth == 1 || depth == split + 2) {
        return true; /* no other move is allowed against a root */
    }
    if (depth <= split) {
        unsigned __int128 first = vd_position_index(there) << (split - depth);
        return first > g->l2_block - g->start_block - 1;
    }
    unsigned __int128 mask = ((unsigned __int128)1 << (g->max_depth - split - 1)) - 1;
    return ((vd_position_index(there) << (g->max_depth - depth)) & mask) > STEP;
}

static bool
required_bond(struct drill *d, struct vd_u256 *bond, struct vd_position position)
{
    struct vd_abi call;
    struct vd_slice answer;
    struct vd_u256 wide = {.w = {(uint64_t)position.gindex, (uint64_t)(position.gindex >> 64)}};
    vd_abi_signature(&call, "getRequiredBond(uint128)");
    vd_abi_u256(&call, &wide);
    return bridge_call(&d->b, d->b.l1, &answer, NULL, &d->game.proxy, &call) &&
           (vd_abi_read_u256(bond, answer, 0) || drill_bad_answer(d, "bond of a move"));
}

static bool
send_answer(struct drill *d, size_t i)
{
    struct drill_game *g = &d->game;
    const struct vd_claim *parent = &g->pending[i];
    struct drill_answer *answer = &g->answers[i];
    bool attack = attacks(g, parent->position);
    struct vd_hash value = false_value(d, i, answer->failures + 1);
    struct bridge_post post = {.what = "a false claim", .to = g->proxy, .gas = MOVE_GAS};
    struct vd_abi call;
    if (!required_bond(d, &post.value, vd_position_move(parent->position, attack))) {
        return false;
    }
    vd_abi_call(&call, attack ? VD_SELECTOR_ATTACK : VD_SELECTOR_DEFEND);
    vd_abi_hash(&call, &parent->value);
    vd_abi_u64(&call, i);
    vd_abi_hash(&call, &value);
    d->b.signer = d->dishonest;
    answer->sent = bridge_post(&d->b, d->b.l1, &answer->tx, &post, &call);
    return answer->sent;
}

/* An answer that L1 put before what it answers has reverted, and is sent again. */
static bool
check_answer(struct drill *d, size_t i)
{
    struct drill_answer *answer = &d->game.answers[i];
    struct bridge_receipt receipt;
    bool found = false;
    if (!bridge_receipt(&d->b, d->b.l1, &receipt, &found, &answer->tx)) {
        return false;
    }
    if (!found || receipt.success) {
        return true;
    }
    answer->sent = false;
    d->game.latest_only = true;
    return ++answer->failures < MAX_FAILURES ||
           bridge_fail(&d->b, "L1: the dishonest side's moves revert: transaction %s",
                       bridge_hex(answer->tx.b, 32).text);
}

static bool
is_answered(const struct drill *d, const struct vd_claim *claims, size_t count, size_t i)
{
    const struct vd_address *own = vd_signer_address(d->dishonest);
    for (size_t k = i + 1; k < count; k++) {
        if (claims[k].parent == i && vd_address_eq(&claims[k].claimant, own)) {
            return true;
        }
    }
    return false;
}

bool
drill_answer_all(struct drill *d)
{
    struct drill_game *g = &d->game;
    const struct vd_address *own = vd_signer_address(d->dishonest);
    for (size_t i = 0; i < g->pending_count; i++) {
        const struct vd_claim *claim = &g->pending[i];
        if (vd_address_eq(&claim->claimant, own) ||
            vd_position_depth(claim->position) == g->max_depth ||
            is_answered(d, g->claims, g->count, i)) {
            continue;
        }
        if (g->answers[i].sent ? !check_answer(d, i) : !send_answer(d, i)) {
            return false;
        }
    }
    return true;
}
