/* What happens to a submitted transaction: checks, execution into the open block, or waiting.  The
   texts are geth's, since clients match on them. */
#include "engine_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PRICE_BUMP_PERCENT 10u /* both fees of a replacement, as geth */
#define MAX_INIT_CODE 49152u   /* EIP-3860 */

void
vd_engine_say(struct vd_command *command, const char *format, ...)
{
    if (!command) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(command->text, sizeof command->text, format, args);
    va_end(args);
}

static void
refuse(struct vd_command *c, enum vd_submit_status status, const char *text)
{
    c->status = status;
    vd_engine_say(c, "%s", text);
}

/* --- on a worker: what needs no state --- */

static void
check_bytes(struct vd_command *c, const struct vd_rules *rules)
{
    const struct vd_tx *tx = &c->tx;
    const struct vd_chain_config *chain = &c->engine->chain;
    struct vd_intrinsic_gas gas = vd_tx_intrinsic_gas(tx, rules);
    if (tx->has_chain_id && tx->chain_id != chain->chain_id) {
        c->status = VD_SUBMIT_INVALID;
        vd_engine_say(c, "invalid chain id for signer: have %" PRIu64 " want %" PRIu64,
                      tx->chain_id, chain->chain_id);
    } else if (!tx->has_chain_id) {
        refuse(c, VD_SUBMIT_INVALID,
               "only replay-protected (EIP-155) transactions allowed over RPC");
    } else if (tx->is_create && tx->data.len > MAX_INIT_CODE) {
        c->status = VD_SUBMIT_INVALID;
        vd_engine_say(c, "max initcode size exceeded: code size %zu, limit %u", tx->data.len,
                      MAX_INIT_CODE);
    } else if (vd_u256_lt(&tx->max_fee, &tx->max_priority_fee)) {
        refuse(c, VD_SUBMIT_INVALID, vd_tx_verdict_text(VD_TX_TIP_ABOVE_FEE_CAP));
    } else if (gas.overflow) {
        refuse(c, VD_SUBMIT_INVALID, vd_tx_verdict_text(VD_TX_GAS_OVERFLOW));
    } else if (tx->gas_limit < gas.gas) {
        c->status = VD_SUBMIT_INVALID;
        vd_engine_say(c, "intrinsic gas too low: gas %" PRIu64 ", minimum needed %" PRIu64,
                      tx->gas_limit, gas.gas);
    } else if (tx->gas_limit < gas.floor) {
        c->status = VD_SUBMIT_INVALID;
        vd_engine_say(
            c, "insufficient gas for floor data gas cost: gas %" PRIu64 ", minimum needed %" PRIu64,
            tx->gas_limit, gas.floor);
    } else if (tx->type == VD_TX_SET_CODE && tx->authorization_count == 0) {
        refuse(c, VD_SUBMIT_INVALID, vd_tx_verdict_text(VD_TX_SET_CODE_NO_AUTHORIZATION));
    }
}

static bool
is_type_taken(const struct vd_tx *tx, const struct vd_rules *rules)
{
    switch (tx->type) {
    case VD_TX_LEGACY:
    case VD_TX_ACCESS_LIST:
    case VD_TX_DYNAMIC_FEE:
        return true;
    case VD_TX_SET_CODE:
        return rules->set_code_tx;
    case VD_TX_BLOB: /* sidecars are not carried */
    case VD_TX_DEPOSIT:
        return false;
    }
    return false;
}

void
vd_admit_prepare(struct vd_command *c)
{
    struct vd_engine *e = c->engine;
    const char *reason = NULL;
    enum vd_err err = vd_tx_decode(&c->tx, &reason, &c->arena, c->raw);
    c->status = VD_SUBMIT_ACCEPTED;
    if (err == VD_ERR_UNSUPPORTED) {
        refuse(c, VD_SUBMIT_INVALID, vd_tx_verdict_text(VD_TX_TYPE_NOT_SUPPORTED));
        return;
    }
    if (err != VD_OK) {
        c->status = err == VD_ERR_NO_MEMORY ? VD_SUBMIT_UNAVAILABLE : VD_SUBMIT_MALFORMED;
        vd_engine_say(c, "%s%s", err == VD_ERR_NO_MEMORY ? "" : "rlp: ",
                      err == VD_ERR_NO_MEMORY || !reason ? vd_err_text(err) : reason);
        return;
    }
    const struct vd_clock *clock = e->config.clock;
    uint64_t now = clock->wall_ms(clock->ctx) / 1000;
    const struct vd_rules *rules = vd_chain_rules(&e->chain, now);
    if (!rules) {
        /* A virtual clock before genesis. */
        rules = vd_chain_rules(&e->chain, e->genesis.timestamp);
    }
    if (!rules || !is_type_taken(&c->tx, rules)) {
        refuse(c, VD_SUBMIT_INVALID, vd_tx_verdict_text(VD_TX_TYPE_NOT_SUPPORTED));
        return;
    }
    check_bytes(c, rules);
    if (c->status != VD_SUBMIT_ACCEPTED) {
        return;
    }
    bool valid = false;
    err = vd_tx_sender(&c->sender, &valid, &c->tx, e->config.curves, &c->arena);
    if (err != VD_OK) {
        refuse(c, VD_SUBMIT_UNAVAILABLE, vd_err_text(err));
    } else if (!valid) {
        refuse(c, VD_SUBMIT_INVALID, vd_tx_verdict_text(VD_TX_BAD_SIGNATURE));
    }
}

/* --- the mempool's books --- */

static void
count_waiting(struct vd_engine *e)
{
    atomic_store(&e->waiting, e->pool.count);
    atomic_store(&e->waiting_bytes, e->pool.bytes);
}

static struct vd_waiting *
wait_add(struct vd_engine *e, const struct vd_tx *tx, const struct vd_address *sender,
         uint64_t carried)
{
    const struct vd_clock *clock = e->config.clock;
    uv_mutex_lock(&e->pool_mutex);
    struct vd_waiting *w = vd_mempool_add(&e->pool, tx, sender, clock->wall_ms(clock->ctx));
    uv_mutex_unlock(&e->pool_mutex);
    if (w) {
        w->carried = carried;
        vd_group_waiting(e, w);
        count_waiting(e);
    }
    return w;
}

static void
wait_remove(struct vd_engine *e, struct vd_waiting *w, enum vd_record why)
{
    vd_group_record(e, why, vd_slice(w->hash.b, 32), vd_slice(NULL, 0));
    uv_mutex_lock(&e->pool_mutex);
    vd_mempool_remove(&e->pool, w);
    uv_mutex_unlock(&e->pool_mutex);
    count_waiting(e);
}

/* An acknowledged transaction leaves without standing in a block. */
static void
evict(struct vd_engine *e, struct vd_waiting *w, const char *why)
{
    char hash[65] = {0};
    char sender[41] = {0};
    vd_hex_encode(hash, w->hash.b, 32);
    vd_hex_encode(sender, w->sender.b, 20);
    vd_log(e->config.logger, VD_LOG_WARN, "mempool",
           "acknowledged transaction leaves: %s hash=0x%s sender=0x%s nonce=%" PRIu64, why, hash,
           sender, w->nonce);
    wait_remove(e, w, VD_RECORD_EVICT);
}

void
vd_admit_carry(struct vd_engine *e, struct vd_slice raw, const struct vd_address *sender)
{
    struct vd_tx tx;
    size_t room = 4096 + raw.len * 16;
    uint8_t *memory = malloc(room);
    struct vd_arena arena;
    VD_ASSERT(memory != NULL);
    vd_arena_init(&arena, memory, room);
    enum vd_err err = vd_tx_decode(&tx, NULL, &arena, raw);
    if (err == VD_OK && !vd_mempool_find(&e->pool, &tx.hash)) {
        struct vd_waiting *same = vd_mempool_at(&e->pool, sender, tx.nonce);
        if (same) {
            evict(e, same, "another one of its nonce stood in a block that was thrown away");
        }
        struct vd_waiting *w = wait_add(e, &tx, sender, ++e->carry_next);
        VD_ASSERT(w != NULL);
    }
    free(memory);
}

/* One line for all: who set the chain back knows what he undid. */
void
vd_admit_forget(struct vd_engine *e)
{
    size_t count = 0;
    for (; e->pool.oldest; count++) {
        wait_remove(e, e->pool.oldest, VD_RECORD_EVICT);
    }
    if (count > 0) {
        vd_log(e->config.logger, VD_LOG_INFO, "mempool",
               "the chain was set back to a snapshot: %zu transactions are forgotten", count);
    }
}

void
vd_admit_expire(struct vd_engine *e)
{
    const struct vd_clock *clock = e->config.clock;
    uint64_t now = clock->wall_ms(clock->ctx);
    struct vd_waiting *w = e->pool.oldest;
    while (w && w->arrived_ms + e->limits.lifetime_ms < now) {
        struct vd_waiting *next = w->newer;
        evict(e, w, "its lifetime ended");
        w = next;
    }
}

/* --- running --- */

enum run {
    RUN_INCLUDED,
    RUN_LATER, /* it may stand in a later block */
    RUN_REFUSED,
    RUN_FAILED, /* the world failed: the open block is gone */
};

static bool
fits_bytes(const struct vd_engine *e, size_t len)
{
    return (e->max_tx_bytes == 0 || len <= e->max_tx_bytes) &&
           (e->max_block_bytes == 0 || e->open->user_bytes + len <= e->max_block_bytes);
}

static enum run
run(struct vd_engine *e, struct vd_tx_outcome *outcome, struct vd_slice raw,
    const struct vd_address *sender)
{
    *outcome = (struct vd_tx_outcome){.verdict = VD_TX_GAS_LIMIT_REACHED};
    if (!e->open || e->open->plan.no_tx_pool || !fits_bytes(e, raw.len)) {
        return RUN_LATER;
    }
    enum vd_err err = vd_block_run(e->open, outcome, raw, sender);
    if (err != VD_OK) {
        vd_log(e->config.logger, VD_LOG_ERROR, "engine",
               "executing a transaction failed (%s): the open block is dropped", vd_err_text(err));
        vd_engine_drop_open(e);
        return RUN_FAILED;
    }
    if (outcome->verdict == VD_TX_INCLUDED) {
        e->open->user_bytes += raw.len;
        return RUN_INCLUDED;
    }
    bool later = outcome->verdict == VD_TX_NONCE_TOO_HIGH ||
                 outcome->verdict == VD_TX_GAS_LIMIT_REACHED ||
                 outcome->verdict == VD_TX_FEE_CAP_TOO_LOW;
    return later ? RUN_LATER : RUN_REFUSED;
}

static void
tell_inclusion(struct vd_engine *e, const struct vd_hash *hash)
{
    if (atomic_load(&e->sync_waiters) == 0) {
        return;
    }
    struct vd_inclusion *i = calloc(1, sizeof *i);
    if (i) {
        i->hash = *hash;
        i->index = e->open->tx_count - 1;
        i->next = vd_group_now(e)->inclusions;
        vd_group_now(e)->inclusions = i;
    }
}

/* Runs a waiting one.  False: the open block is gone. */
static bool
run_waiting(struct vd_engine *e, struct vd_waiting *w)
{
    struct vd_tx_outcome outcome;
    switch (run(e, &outcome, vd_slice(w->raw, w->len), &w->sender)) {
    case RUN_INCLUDED:
        tell_inclusion(e, &w->hash);
        wait_remove(e, w, VD_RECORD_RUN);
        return true;
    case RUN_LATER:
        return true;
    case RUN_REFUSED:
        evict(e, w, vd_tx_verdict_text(outcome.verdict));
        return true;
    case RUN_FAILED:
        return false;
    }
    return true;
}

void
vd_admit_promote(struct vd_engine *e, const struct vd_address *sender)
{
    while (e->open && e->pool.count > 0) {
        uint64_t nonce = 0;
        struct vd_u256 balance;
        if (vd_engine_account(e, &nonce, &balance, sender) != VD_OK) {
            return;
        }
        /* One whose nonce went to another transaction has no block to hope for. */
        struct vd_waiting *used = nonce > 0 ? vd_mempool_at(&e->pool, sender, nonce - 1) : NULL;
        if (used) {
            evict(e, used, "its nonce is used");
        }
        struct vd_waiting *w = vd_mempool_at(&e->pool, sender, nonce);
        size_t before = e->open->tx_count;
        if (!w || !run_waiting(e, w) || e->open->tx_count == before) {
            return;
        }
    }
}

/* --- filling a block that was just opened --- */

static int
compare_carried(const void *a, const void *b)
{
    const struct vd_waiting *x = *(const struct vd_waiting *const *)a;
    const struct vd_waiting *y = *(const struct vd_waiting *const *)b;
    return (x->carried > y->carried) - (x->carried < y->carried);
}

static struct vd_u256
tip_of(const struct vd_waiting *w, const struct vd_u256 *base_fee)
{
    struct vd_u256 room;
    if (vd_u256_sub_overflow(&room, &w->max_fee, base_fee)) {
        return vd_u256(0);
    }
    return vd_u256_lt(&room, &w->max_priority_fee) ? room : w->max_priority_fee;
}

struct offer {
    struct vd_waiting *w;
    struct vd_u256 tip;
};

/* Highest tip first, then arrival; compare_offers keeps it a total order by the hash. */
static int
compare_offers(const void *a, const void *b)
{
    const struct offer *x = a;
    const struct offer *y = b;
    int order = vd_u256_cmp(&y->tip, &x->tip);
    if (order == 0) {
        order = (x->w->arrived_ms > y->w->arrived_ms) - (x->w->arrived_ms < y->w->arrived_ms);
    }
    return order != 0 ? order : memcmp(x->w->hash.b, y->w->hash.b, 32);
}

/* Those that stood in a block before, in their order. */
static void
fill_carried(struct vd_engine *e)
{
    struct vd_waiting **list = malloc((e->pool.count + 1) * sizeof *list);
    size_t count = 0;
    if (!list) {
        return;
    }
    for (struct vd_waiting *w = e->pool.oldest; w; w = w->newer) {
        if (w->carried != 0) {
            list[count++] = w;
        }
    }
    qsort(list, count, sizeof *list, compare_carried);
    for (size_t i = 0; i < count; i++) {
        if (!run_waiting(e, list[i])) {
            break;
        }
    }
    free(list);
}

/* Everybody whose turn it is by nonce. */
static size_t
gather_offers(struct vd_engine *e, struct offer *offers)
{
    size_t count = 0;
    const struct vd_u256 *base_fee = vd_exec_base_fee(e->open->exec);
    struct vd_waiting *next = NULL;
    for (struct vd_waiting *w = e->pool.oldest; w; w = next) {
        uint64_t nonce = 0;
        struct vd_u256 balance;
        next = w->newer;
        if (vd_engine_account(e, &nonce, &balance, &w->sender) != VD_OK) {
            break;
        }
        if (w->nonce < nonce) {
            evict(e, w, "its nonce is used");
        } else if (w->nonce == nonce && !vd_u256_lt(&w->max_fee, base_fee)) {
            offers[count++] = (struct offer){.w = w, .tip = tip_of(w, base_fee)};
        }
    }
    return count;
}

void
vd_admit_fill(struct vd_engine *e)
{
    vd_admit_expire(e);
    if (!e->open || e->open->plan.no_tx_pool || e->pool.count == 0) {
        return;
    }
    fill_carried(e);
    struct offer *offers = e->open ? malloc((e->pool.count + 1) * sizeof *offers) : NULL;
    if (!offers) {
        return;
    }
    size_t count = gather_offers(e, offers);
    qsort(offers, count, sizeof *offers, compare_offers);
    for (size_t i = 0; i < count && e->open; i++) {
        struct vd_address sender = offers[i].w->sender;
        size_t before = e->open->tx_count;
        if (!run_waiting(e, offers[i].w)) {
            break;
        }
        if (e->open->tx_count != before) {
            vd_admit_promote(e, &sender);
        }
    }
    free(offers);
}

/* --- submissions --- */

static void
say_numbers(struct vd_command *c, const char *text, const char *what_a, const struct vd_u256 *a,
            const char *what_b, const struct vd_u256 *b)
{
    char x[79];
    char y[79];
    vd_u256_to_dec(x, a);
    vd_u256_to_dec(y, b);
    vd_engine_say(c, "%s: %s %s, %s %s", text, what_a, x, what_b, y);
}

static void
refuse_funds(struct vd_command *c, const struct vd_u256 *balance, const struct vd_u256 *cost)
{
    char have[79];
    char want[79];
    char over[79];
    struct vd_u256 missing = vd_u256_sub(cost, balance);
    vd_u256_to_dec(have, balance);
    vd_u256_to_dec(want, cost);
    vd_u256_to_dec(over, &missing);
    c->status = VD_SUBMIT_FUNDS;
    vd_engine_say(c,
                  "insufficient funds for gas * price + value: balance %s, tx cost %s, "
                  "overshot %s",
                  have, want, over);
}

static void
refuse_verdict(struct vd_command *c, const struct vd_tx_outcome *outcome)
{
    const char *text = vd_tx_verdict_text(outcome->verdict);
    c->status = VD_SUBMIT_INVALID;
    if (outcome->verdict == VD_TX_INSUFFICIENT_FUNDS) {
        refuse_funds(c, &outcome->have, &outcome->want);
    } else if (outcome->verdict == VD_TX_UNSUPPORTED) {
        char address[41] = {0};
        vd_hex_encode(address, outcome->unsupported.b, 20);
        c->status = VD_SUBMIT_UNSUPPORTED;
        vd_engine_say(c, "the transaction reaches precompile 0x%s, which this node lacks", address);
    } else if (outcome->verdict == VD_TX_INTRINSIC_GAS ||
               outcome->verdict == VD_TX_FLOOR_DATA_GAS) {
        say_numbers(c, text, "gas", &outcome->have, "minimum needed", &outcome->want);
    } else {
        vd_engine_say(c, "%s", text);
    }
}

/* gas * fee cap + value; false when it does not fit. */
static bool
cost_of(struct vd_u256 *cost, const struct vd_tx *tx)
{
    struct vd_u256 gas = vd_u256(tx->gas_limit);
    bool overflow = vd_u256_mul_overflow(cost, &gas, &tx->max_fee);
    overflow |= vd_u256_add_overflow(cost, cost, &tx->value);
    return !overflow;
}

/* Both fees of a replacement are higher by the bump. */
static bool
is_bumped(const struct vd_u256 *old, const struct vd_u256 *new)
{
    struct vd_u256 hundred = vd_u256(100);
    struct vd_u256 percent = vd_u256(100 + PRICE_BUMP_PERCENT);
    struct vd_u256 want;
    bool overflow = vd_u256_mul_overflow(&want, old, &percent);
    want = vd_u256_div(&want, &hundred);
    return !overflow && !vd_u256_lt(new, &want);
}

/* Between two blocks even what the next one takes at once has to wait: an unbroken run of nonces
   may be longer then than what waits for a gap to be filled or for lower fees. */
static size_t
account_limit(struct vd_engine *e, const struct vd_command *c, size_t of_sender)
{
    uint64_t nonce = 0;
    struct vd_u256 balance;
    if (of_sender < e->limits.per_account || e->open ||
        vd_engine_account(e, &nonce, &balance, &c->sender) != VD_OK ||
        c->tx.nonce != nonce + of_sender) {
        return e->limits.per_account;
    }
    return (size_t)e->limits.per_account * VD_MEMPOOL_RUN_FACTOR;
}

/* same, if there is one, makes place for it. */
static void
wait_for_block(struct vd_engine *e, struct vd_command *c, struct vd_waiting *same)
{
    size_t of_sender = vd_mempool_of(&e->pool, &c->sender) - (same ? 1 : 0);
    uint64_t count = e->pool.count - (same ? 1 : 0);
    uint64_t bytes = e->pool.bytes - (same ? same->len : 0);
    if (of_sender >= account_limit(e, c, of_sender)) {
        c->status = VD_SUBMIT_FULL;
        vd_engine_say(c, "account limit exceeded: pooled %zu txs", of_sender);
        return;
    }
    if (count >= e->limits.total || bytes + c->raw.len > e->limits.bytes) {
        refuse(c, VD_SUBMIT_FULL, "txpool is full");
        return;
    }
    if (same) {
        evict(e, same, "replaced by one of the same nonce");
    }
    if (!wait_add(e, &c->tx, &c->sender, 0)) {
        refuse(c, VD_SUBMIT_UNAVAILABLE, vd_err_text(VD_ERR_NO_MEMORY));
    }
}

/* State and mempool: false when refused. */
static bool
check_account(struct vd_engine *e, struct vd_command *c, struct vd_waiting **same)
{
    uint64_t nonce = 0;
    struct vd_u256 balance;
    struct vd_u256 cost;
    uint64_t gas_limit = e->open ? e->open->plan.env.gas_limit : e->tip.gas_limit;
    enum vd_err err = vd_engine_account(e, &nonce, &balance, &c->sender);
    if (err != VD_OK) {
        refuse(c, VD_SUBMIT_UNAVAILABLE, vd_err_text(err));
    } else if (vd_mempool_find(&e->pool, &c->tx.hash) ||
               (e->open && vd_map_get(&e->open->by_hash, c->tx.hash.b))) {
        refuse(c, VD_SUBMIT_KNOWN, "already known");
    } else if (c->tx.gas_limit > gas_limit) {
        refuse(c, VD_SUBMIT_INVALID, "exceeds block gas limit");
    } else if (c->tx.nonce < nonce) {
        c->status = VD_SUBMIT_NONCE;
        vd_engine_say(c, "nonce too low: next nonce %" PRIu64 ", tx nonce %" PRIu64, nonce,
                      c->tx.nonce);
    } else if (!cost_of(&cost, &c->tx) || vd_u256_lt(&balance, &cost)) {
        if (!cost_of(&cost, &c->tx)) {
            memset(&cost, 0xff, sizeof cost);
        }
        refuse_funds(c, &balance, &cost);
    } else {
        *same = vd_mempool_at(&e->pool, &c->sender, c->tx.nonce);
        if (*same && !(is_bumped(&(*same)->max_fee, &c->tx.max_fee) &&
                       is_bumped(&(*same)->max_priority_fee, &c->tx.max_priority_fee))) {
            refuse(c, VD_SUBMIT_UNDERPRICED, "replacement transaction underpriced");
        }
    }
    return c->status == VD_SUBMIT_ACCEPTED;
}

static void
run_or_wait(struct vd_engine *e, struct vd_command *c, struct vd_waiting *same)
{
    struct vd_tx_outcome outcome;
    enum run what = run(e, &outcome, c->raw, &c->sender);
    if (what == RUN_REFUSED) {
        refuse_verdict(c, &outcome);
        return;
    }
    if (what == RUN_FAILED) {
        refuse(c, VD_SUBMIT_UNAVAILABLE, "the node failed to execute the transaction");
        return;
    }
    if (what == RUN_LATER) {
        wait_for_block(e, c, same);
        return;
    }
    if (same) {
        evict(e, same, "replaced by one of the same nonce");
    }
    c->index = e->open->tx_count - 1;
    vd_group_record(e, VD_RECORD_TX, vd_slice(c->sender.b, 20), c->raw);
    if (e->pool.count > 0) {
        vd_admit_promote(e, &c->sender);
    }
}

void
vd_admit(struct vd_engine *e, struct vd_command *c)
{
    struct vd_waiting *same = NULL;
    atomic_fetch_add(&e->submitted, 1);
    c->index = SIZE_MAX;
    if (c->status == VD_SUBMIT_ACCEPTED && check_account(e, c, &same)) {
        run_or_wait(e, c, same);
    }
    if (c->status == VD_SUBMIT_ACCEPTED) {
        atomic_fetch_add(&e->accepted, 1);
    }
    vd_group_answer(e, c);
}
