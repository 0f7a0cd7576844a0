/* Where the bonds of the decided game went, to the wei. */
#include <stdio.h>

#include "drill_internal.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/net/json_reader.h"

/* --- what is due --- */

/* A claim's bond goes to who countered it, or back (OP Stack specs, bond incentives).  Every claim
   of the dishonest side must have been countered by the challenger. */
bool
drill_bonds_count(struct drill *d)
{
    struct drill_game *g = &d->game;
    const struct vd_address *challenger = &d->config->challenger;
    const struct vd_address *dishonest = vd_signer_address(d->dishonest);
    g->due = vd_u256(0);
    g->lost = vd_u256(0);
    for (size_t i = 0; i < g->count; i++) {
        const struct vd_claim *claim = &g->claims[i];
        const struct vd_address *to = claim->countered ? &claim->countered_by : &claim->claimant;
        bool is_false = vd_address_eq(&claim->claimant, dishonest);
        if (is_false && !vd_address_eq(to, challenger)) {
            return bridge_fail(&d->b, "the bond of the false claim %zu goes to %s", i,
                               bridge_hex(to->b, 20).text);
        }
        if (is_false) {
            g->lost = vd_u256_add(&g->lost, &claim->bond);
        }
        if (vd_address_eq(to, challenger)) {
            g->due = vd_u256_add(&g->due, &claim->bond);
        }
    }
    drill_tell(d, "", "bonds of the false side, %s, are the challenger's",
               bridge_ether(&g->lost).text);
    return true;
}

/* --- what was paid --- */

static json_t *
quantity(uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)value);
    return json_string(text);
}

static json_t *
hex(const uint8_t *bytes, size_t len)
{
    return json_string(bridge_hex(bytes, len).text);
}

/* The event with which DelayedWETH gave out what the game held: its block and amount. */
static bool
find_payment(struct drill *d, uint64_t *block, struct vd_u256 *wei)
{
    static const char event[] = "Withdrawal(address,uint256)";
    struct vd_json_why why;
    struct vd_hash word = {{0}};
    struct vd_hash topic = vd_keccak256(vd_slice((const uint8_t *)event, sizeof event - 1));
    memcpy(word.b + 12, d->game.proxy.b, 20);
    json_t *query = json_pack("[{s:o, s:o, s:s, s:[o, o]}]", "address",
                              hex(d->config->addresses->delayed_weth.b, 20), "fromBlock",
                              quantity(d->game.created_at), "toBlock", "latest", "topics",
                              hex(topic.b, 32), hex(word.b, 32));
    if (!bridge_request(&d->b, d->b.l1, "eth_getLogs", query)) {
        return false;
    }
    const json_t *log = json_array_get(d->b.json, 0);
    struct vd_hash amount;
    if (json_array_size(d->b.json) != 1 ||
        !vd_json_read_u64(block, &why, json_object_get(log, "blockNumber")) ||
        !vd_json_read_fixed(amount.b, 32, "bytes32", &why, json_object_get(log, "data"))) {
        return bridge_fail(&d->b, "L1: DelayedWETH has no one payment of the game");
    }
    *wei = vd_u256_from_be(amount.b);
    return true;
}

/* What the challenger's own transactions of a block took from its account. */
static bool
add_spent(struct drill *d, struct vd_u256 *spent, const json_t *tx)
{
    struct vd_json_why why;
    struct vd_address from;
    struct vd_hash hash;
    struct vd_u256 value;
    struct vd_u256 gas;
    struct vd_u256 price;
    if (!vd_json_read_address(&from, &why, json_object_get(tx, "from")) ||
        !vd_json_read_hash(&hash, &why, json_object_get(tx, "hash")) ||
        !vd_json_read_u256(&value, &why, json_object_get(tx, "value"))) {
        return bridge_fail(&d->b, "L1: a block has a malformed transaction");
    }
    if (!vd_address_eq(&from, &d->config->challenger)) {
        return true;
    }
    if (!bridge_request(&d->b, d->b.l1, "eth_getTransactionReceipt",
                        json_pack("[o]", hex(hash.b, 32)))) {
        return false;
    }
    const json_t *status = json_object_get(d->b.json, "status");
    uint64_t success = 0;
    if (!vd_json_read_u256(&gas, &why, json_object_get(d->b.json, "gasUsed")) ||
        !vd_json_read_u256(&price, &why, json_object_get(d->b.json, "effectiveGasPrice")) ||
        !vd_json_read_u64(&success, &why, status)) {
        return bridge_fail(&d->b, "L1: a malformed receipt");
    }
    struct vd_u256 fee = vd_u256_mul(&gas, &price);
    *spent = vd_u256_add(spent, &fee);
    if (success == 1) {
        *spent = vd_u256_add(spent, &value);
    }
    return true;
}

static bool
spent_in(struct drill *d, struct vd_u256 *spent, uint64_t block)
{
    *spent = vd_u256(0);
    if (!bridge_request(&d->b, d->b.l1, "eth_getBlockByNumber",
                        json_pack("[o, b]", quantity(block), 1))) {
        return false;
    }
    json_t *txs = json_deep_copy(json_object_get(d->b.json, "transactions"));
    bool ok = true;
    for (size_t i = 0; ok && i < json_array_size(txs); i++) {
        ok = add_spent(d, spent, json_array_get(txs, i));
    }
    json_decref(txs);
    return ok;
}

/* The account has grown by exactly what was due, less what it spent itself in that block. */
static bool
check_account(struct drill *d, uint64_t block)
{
    struct vd_u256 before;
    struct vd_u256 after;
    struct vd_u256 spent;
    const struct vd_address *account = &d->config->challenger;
    if (!bridge_balance(&d->b, d->b.l1, &before, account, vd_l1_number(block - 1)) ||
        !bridge_balance(&d->b, d->b.l1, &after, account, vd_l1_number(block)) ||
        !spent_in(d, &spent, block)) {
        return false;
    }
    struct vd_u256 want = vd_u256_add(&before, &d->game.due);
    struct vd_u256 have = vd_u256_add(&after, &spent);
    return vd_u256_eq(&want, &have) ||
           bridge_fail(&d->b, "the challenger's account did not grow by %s in L1 block %llu",
                       bridge_ether(&d->game.due).text, (unsigned long long)block);
}

static bool
check_payment(struct drill *d)
{
    uint64_t block = 0;
    struct vd_u256 wei;
    if (!find_payment(d, &block, &wei)) {
        return false;
    }
    if (!vd_u256_eq(&wei, &d->game.due)) {
        return bridge_fail(&d->b, "DelayedWETH paid %s, not the %s that were due",
                           bridge_ether(&wei).text, bridge_ether(&d->game.due).text);
    }
    if (!check_account(d, block)) {
        return false;
    }
    char digits[79];
    vd_u256_to_dec(digits, &wei);
    drill_tell(d, "challenger", "gets %s wei from DelayedWETH: its own bonds and the false side's",
               digits);
    d->game.paid = true;
    return true;
}

bool
drill_bonds_look(struct drill *d)
{
    struct drill_game *g = &d->game;
    bool unlocked = false;
    struct vd_u256 left;
    struct vd_u256 other;
    uint32_t has_unlocked = drill_selector("hasUnlockedCredit(address)");
    vd_reads_clear(&d->reads);
    vd_abi_address(vd_reads_add(&d->reads, &g->proxy, has_unlocked), &d->config->challenger);
    vd_abi_address(vd_reads_add(&d->reads, &g->proxy, VD_SELECTOR_CREDIT), &d->config->challenger);
    vd_abi_address(vd_reads_add(&d->reads, &g->proxy, VD_SELECTOR_CREDIT),
                   vd_signer_address(d->dishonest));
    if (!drill_read(d, vd_l1_latest()) ||
        !((vd_abi_read_bool(&unlocked, vd_reads_answer(&d->reads, 0), 0) &&
           vd_abi_read_u256(&left, vd_reads_answer(&d->reads, 1), 0) &&
           vd_abi_read_u256(&other, vd_reads_answer(&d->reads, 2), 0)) ||
          drill_bad_answer(d, "credits"))) {
        return drill_try_again(d);
    }
    if (!vd_u256_is_zero(&other)) {
        return bridge_fail(&d->b, "the dishonest side is to get %s back",
                           bridge_ether(&other).text);
    }
    if (unlocked && !g->unlocked) {
        drill_tell(d, "challenger", "closes the game and unlocks its bonds");
        g->unlocked = true;
    }
    if (unlocked && vd_u256_is_zero(&left)) {
        return check_payment(d) || drill_try_again(d);
    }
    d->failures = 0;
    return true;
}
