/* The transaction manager on virtual time against a model of L1: a pool with geth's replacement
   rule, a base fee that wanders and jumps, blocks that reorganise, answers that come late or never,
   and a process that crashes between any two journal writes.  Whatever happens, every payload lands
   exactly once and in order, no nonce ever carries two payloads, and nothing is sent that is not
   durable. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "support/random.h"
#include "viaduct/core/chain/tx.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/tx_manager.h"

#define CHAIN_ID 900
#define GWEI 1000000000ull
#define MAX_TXS 20000
#define MAX_BLOCKS 20000
#define MAX_PAYLOADS 40
#define BLOCK_TXS 8
#define FOREIGN                                                                      \
    MAX_PAYLOADS /* the payload of a transaction that another holder of the key made \
                  */

static struct vd_random *rng;

static bool
chance(unsigned percent)
{
    return vd_random_below(rng, 100) < percent;
}

/* --- the model of L1 --- */

struct model_tx {
    struct vd_hash hash;
    uint64_t nonce;
    unsigned payload;
    uint64_t max_fee;
    uint64_t tip;
    bool in_pool;
};

struct model_block {
    struct vd_hash hash;
    unsigned txs[BLOCK_TXS];
    unsigned count;
};

struct model {
    struct model_tx txs[MAX_TXS];
    unsigned tx_count;
    struct model_block blocks[MAX_BLOCKS]; /* by number */
    uint64_t height;
    uint64_t hash_counter;
    uint64_t nonce;
    uint64_t base_fee;
    uint64_t spike_left;
};

static unsigned
find_tx(struct model *m, const struct vd_hash *hash)
{
    unsigned i = 0;
    while (i < m->tx_count && !vd_hash_eq(&m->txs[i].hash, hash))
        i++;
    return i;
}

static struct model_tx *
pooled(struct model *m, uint64_t nonce)
{
    for (unsigned i = 0; i < m->tx_count; i++) {
        if (m->txs[i].in_pool && m->txs[i].nonce == nonce)
            return &m->txs[i];
    }
    return NULL;
}

/* NULL: accepted; else the error text. */
static const char *
model_receive(struct model *m, struct vd_slice raw)
{
    static uint8_t memory[1 << 16];
    struct vd_arena arena;
    struct vd_tx tx;
    vd_arena_init(&arena, memory, sizeof memory);
    assert_int_equal(vd_tx_decode(&tx, NULL, &arena, raw), VD_OK);
    unsigned payload = tx.data.ptr[0];
    unsigned index = find_tx(m, &tx.hash);
    if (index == m->tx_count) {
        for (unsigned i = 0; i < m->tx_count; i++) {
            if (m->txs[i].nonce == tx.nonce && m->txs[i].payload != FOREIGN)
                assert_int_equal(m->txs[i].payload, payload);
        }
        assert_true(m->tx_count < MAX_TXS);
        m->txs[m->tx_count++] = (struct model_tx){.hash = tx.hash,
                                                  .nonce = tx.nonce,
                                                  .payload = payload,
                                                  .max_fee = tx.max_fee.w[0],
                                                  .tip = tx.max_priority_fee.w[0]};
    }
    struct model_tx *mine = &m->txs[index];
    if (tx.nonce < m->nonce)
        return "nonce too low: next nonce 7, tx nonce 5";
    if (mine->in_pool)
        return "already known";
    struct model_tx *old = pooled(m, tx.nonce);
    if (old != NULL &&
        (mine->max_fee * 100 < old->max_fee * 110 || mine->tip * 100 < old->tip * 110))
        return "replacement transaction underpriced";
    if (old != NULL)
        old->in_pool = false;
    mine->in_pool = true;
    return NULL;
}

static void
model_mine(struct model *m)
{
    struct model_block *block = &m->blocks[++m->height];
    assert_true(m->height < MAX_BLOCKS - 1);
    *block = (struct model_block){0};
    m->hash_counter++;
    vd_store_be64(block->hash.b, m->hash_counter);
    if (m->spike_left > 0)
        m->spike_left--;
    else
        m->base_fee = m->base_fee * (90 + vd_random_below(rng, 21)) / 100 + 1;
    if (m->base_fee > 50 * GWEI && m->spike_left == 0)
        m->base_fee = 5 * GWEI;
    unsigned room = (unsigned)vd_random_below(rng, BLOCK_TXS + 1);
    struct model_tx *tx;
    while (block->count < room && (tx = pooled(m, m->nonce)) != NULL &&
           tx->max_fee >= m->base_fee) {
        tx->in_pool = false;
        block->txs[block->count++] = (unsigned)(tx - m->txs);
        m->nonce++;
    }
}

/* Another holder of the key has a transaction of the next nonce mined, in place of ours. */
static void
model_mine_foreign(struct model *m)
{
    struct model_tx *ours = pooled(m, m->nonce);
    if (ours != NULL)
        ours->in_pool = false;
    assert_true(m->tx_count < MAX_TXS);
    struct model_tx *tx = &m->txs[m->tx_count++];
    *tx = (struct model_tx){.nonce = m->nonce++, .payload = FOREIGN, .max_fee = 1000 * GWEI};
    vd_store_be64(tx->hash.b, ++m->hash_counter);
    struct model_block *block = &m->blocks[++m->height];
    *block = (struct model_block){.txs = {m->tx_count - 1}, .count = 1};
    vd_store_be64(block->hash.b, ++m->hash_counter);
}

/* Unwinds depth blocks; their transactions go back to the pool or are forgotten. */
static void
model_unwind(struct model *m, uint64_t depth)
{
    bool keep = chance(50);
    for (; depth > 0 && m->height > 0; depth--) {
        struct model_block *block = &m->blocks[m->height--];
        for (unsigned i = block->count; i > 0; i--) {
            struct model_tx *tx = &m->txs[block->txs[i - 1]];
            m->nonce--;
            assert_int_equal(tx->nonce, m->nonce);
            tx->in_pool = keep && tx->payload != FOREIGN && pooled(m, tx->nonce) == NULL;
        }
    }
}

static bool
model_receipt(struct model *m, const struct vd_hash *hash, struct vd_block_id *block)
{
    for (uint64_t n = 1; n <= m->height; n++) {
        for (unsigned i = 0; i < m->blocks[n].count; i++) {
            if (vd_hash_eq(&m->txs[m->blocks[n].txs[i]].hash, hash)) {
                *block = (struct vd_block_id){.hash = m->blocks[n].hash, .number = n};
                return true;
            }
        }
    }
    return false;
}

/* --- the process around the manager --- */

enum answer_kind {
    ANSWER_SIGNED,
    ANSWER_JOURNALED,
    ANSWER_SEND,
    ANSWER_RECEIPT,
    ANSWER_NO_RECEIPT,
    ANSWER_NONCES,
};

struct answer {
    enum answer_kind kind;
    uint64_t at;
    uint64_t id; /* or journal sequence, or latest nonce */
    uint64_t pending;
    uint32_t attempt;
    struct vd_hash hash;
    enum vd_err err;
    const char *text;
    struct vd_txm_inclusion inclusion;
    uint8_t *raw;
    size_t raw_len;
};

#define MAX_ANSWERS 8192

struct bytes {
    uint8_t *ptr;
    size_t len;
};

struct sim {
    struct model l1;
    struct vd_txm *txm;
    struct vd_txm_config config;
    uint64_t now;
    struct answer answers[MAX_ANSWERS];
    unsigned answer_count;
    uint64_t journal_at; /* when the last journal write is through: they are in order */
    struct bytes durable;
    struct bytes unsynced; /* records not yet acknowledged, in order */
    size_t unsynced_len[MAX_ANSWERS];
    unsigned unsynced_count;
    bool calm; /* no faults any more */
    unsigned payloads;
    bool confirmed[MAX_PAYLOADS];
    unsigned replaced;
    unsigned reorged;
    unsigned lost;
    bool key_is_shared;
    uint64_t seen_height;
    uint64_t lowest_since_seen; /* of the model since the manager last heard of a head */
};

static void
bytes_add(struct bytes *b, const uint8_t *ptr, size_t len)
{
    b->ptr = realloc(b->ptr, b->len + len + 1);
    assert_non_null(b->ptr);
    memcpy(b->ptr + b->len, ptr, len);
    b->len += len;
}

static void
post(struct sim *s, struct answer answer, uint64_t max_delay)
{
    assert_true(s->answer_count < MAX_ANSWERS);
    answer.at = s->now + vd_random_below(rng, max_delay + 1);
    s->answers[s->answer_count++] = answer;
}

static bool
is_lost(const struct sim *s)
{
    return !s->calm && chance(15);
}

static uint64_t
delay(const struct sim *s)
{
    return s->calm ? 200 : chance(10) ? 20000 : 1500;
}

static void
effect_sign(void *ctx, const struct vd_txm_unsigned *u)
{
    struct sim *s = ctx;
    static uint8_t memory[1 << 16];
    struct vd_arena arena;
    struct vd_buf buf;
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                       .has_chain_id = true,
                       .chain_id = CHAIN_ID,
                       .nonce = u->nonce,
                       .max_priority_fee = u->max_priority_fee,
                       .max_fee = u->max_fee,
                       .gas_limit = u->gas_limit,
                       .to = u->to,
                       .value = u->value,
                       .data = u->data,
                       .r = vd_u256(1),
                       .s = vd_u256(1)};
    assert_false(vd_u256_lt(&s->config.max_fee_cap, &u->max_fee));
    assert_false(vd_u256_lt(&u->max_fee, &u->max_priority_fee));
    vd_arena_init(&arena, memory, sizeof memory);
    vd_buf_init(&buf, &arena);
    vd_tx_encode(&buf, &tx);
    struct answer a = {.kind = ANSWER_SIGNED, .id = u->id, .attempt = u->attempt};
    a.raw = malloc(buf.len);
    a.raw_len = buf.len;
    memcpy(a.raw, buf.ptr, buf.len);
    post(s, a, 50);
}

static void
effect_journal(void *ctx, uint64_t sequence, struct vd_slice record)
{
    struct sim *s = ctx;
    bytes_add(&s->unsynced, record.ptr, record.len);
    s->unsynced_len[s->unsynced_count++] = record.len;
    post(s, (struct answer){.kind = ANSWER_JOURNALED, .id = sequence}, 300);
    struct answer *a = &s->answers[s->answer_count - 1];
    if (a->at < s->journal_at)
        a->at = s->journal_at;
    s->journal_at = a->at;
}

static bool
contains(const struct bytes *b, struct vd_slice what)
{
    return b->len != 0 && memmem(b->ptr, b->len, what.ptr, what.len) != NULL;
}

static void
effect_send_raw(void *ctx, const struct vd_hash *hash, struct vd_slice raw)
{
    struct sim *s = ctx;
    struct vd_hash computed = vd_keccak256(raw);
    assert_true(vd_hash_eq(&computed, hash));
    assert_true(contains(&s->durable, raw));
    if (is_lost(s)) {
        if (chance(50))
            post(s,
                 (struct answer){
                     .kind = ANSWER_SEND, .hash = *hash, .err = VD_ERR_TIMEOUT, .text = ""},
                 delay(s));
        return;
    }
    const char *error = model_receive(&s->l1, raw);
    if (is_lost(s))
        return;
    post(s,
         (struct answer){.kind = ANSWER_SEND,
                         .hash = *hash,
                         .err = error == NULL ? VD_OK : VD_ERR_REFUSED,
                         .text = error == NULL ? "" : error},
         delay(s));
}

static void
effect_get_receipt(void *ctx, const struct vd_hash *hash)
{
    struct sim *s = ctx;
    struct answer a = {.kind = ANSWER_NO_RECEIPT, .hash = *hash};
    if (model_receipt(&s->l1, hash, &a.inclusion.block)) {
        a.kind = ANSWER_RECEIPT;
        a.inclusion.success = true;
    }
    if (!is_lost(s))
        post(s, a, delay(s));
}

static void
effect_get_nonces(void *ctx)
{
    struct sim *s = ctx;
    uint64_t pending = s->l1.nonce;
    while (pooled(&s->l1, pending) != NULL)
        pending++;
    if (!is_lost(s))
        post(s, (struct answer){.kind = ANSWER_NONCES, .id = s->l1.nonce, .pending = pending},
             delay(s));
}

static unsigned
payload_of(struct vd_slice tag)
{
    assert_int_equal(tag.len, 3);
    return tag.ptr[2];
}

static void
on_event(void *ctx, const struct vd_txm_event *event)
{
    struct sim *s = ctx;
    if (event->kind == VD_TXM_CONFIRMED)
        s->confirmed[payload_of(event->tag)] = true;
    s->replaced += event->kind == VD_TXM_REPLACED;
    s->reorged += event->kind == VD_TXM_REORGED_OUT;
    s->lost += event->kind == VD_TXM_LOST;
    assert_true(s->key_is_shared || s->lost == 0);
}

static void
mark_present(void *ctx, const struct vd_txm_status *status)
{
    bool *present = ctx;
    present[payload_of(status->tag)] = true;
}

/* What a batcher does: hands over, in order, all that is neither confirmed nor in the manager. */
static void
owner_sends(struct sim *s)
{
    bool present[MAX_PAYLOADS] = {false};
    if (!s->calm && !chance(4))
        return;
    vd_txm_each(s->txm, mark_present, present);
    for (unsigned i = 0; i < s->payloads; i++) {
        if (present[i] || s->confirmed[i])
            continue;
        uint8_t data[5] = {(uint8_t)i, 1, 0, 2, 3};
        uint8_t tag[3] = {'t', 'x', (uint8_t)i};
        uint64_t id;
        struct vd_txm_payload payload = {.data = vd_slice(data, sizeof data),
                                         .tag = vd_slice(tag, sizeof tag)};
        if (vd_txm_send(s->txm, &id, &payload) != VD_OK)
            return;
        if (!s->calm && chance(70))
            return;
    }
}

static void
sim_start(struct sim *s)
{
    struct vd_txm_effects effects = {.ctx = s,
                                     .sign = effect_sign,
                                     .journal = effect_journal,
                                     .send_raw = effect_send_raw,
                                     .get_receipt = effect_get_receipt,
                                     .get_nonces = effect_get_nonces};
    struct vd_txm_listener listener = {.ctx = s, .event = on_event};
    assert_int_equal(vd_txm_new(&s->txm, &s->config, &effects, &listener,
                                vd_slice(s->durable.ptr, s->durable.len)),
                     VD_OK);
    s->seen_height = s->lowest_since_seen = s->l1.height;
}

static void
compact_record(void *ctx, struct vd_slice record)
{
    bytes_add(ctx, record.ptr, record.len);
}

/* The snapshot takes the journal's place, with all that was handed over. */
static void
sim_compact(struct sim *s)
{
    struct bytes fresh = {0};
    vd_txm_snapshot(s->txm, compact_record, &fresh);
    free(s->durable.ptr);
    s->durable = fresh;
    s->unsynced.len = 0;
    s->unsynced_count = 0;
}

static void
sync_first(struct sim *s)
{
    if (s->unsynced_count == 0)
        return; /* went with a compaction */
    size_t len = s->unsynced_len[0];
    bytes_add(&s->durable, s->unsynced.ptr, len);
    memmove(s->unsynced.ptr, s->unsynced.ptr + len, s->unsynced.len - len);
    s->unsynced.len -= len;
    s->unsynced_count--;
    memmove(s->unsynced_len, s->unsynced_len + 1, s->unsynced_count * sizeof s->unsynced_len[0]);
}

/* The process dies; of the writes under way some reached the disk. */
static void
sim_crash(struct sim *s)
{
    uint64_t written = vd_random_below(rng, s->unsynced_count + 1);
    for (uint64_t i = 0; i < written; i++)
        sync_first(s);
    s->unsynced.len = 0;
    s->unsynced_count = 0;
    for (unsigned i = 0; i < s->answer_count; i++)
        free(s->answers[i].raw);
    s->answer_count = 0;
    vd_txm_free(s->txm);
    sim_start(s);
}

static void
deliver(struct sim *s, struct answer a)
{
    switch (a.kind) {
    case ANSWER_SIGNED:
        vd_txm_signed(s->txm, a.id, a.attempt, VD_OK, vd_slice(a.raw, a.raw_len));
        free(a.raw);
        break;
    case ANSWER_JOURNALED:
        sync_first(s);
        vd_txm_journaled(s->txm, a.id, VD_OK);
        break;
    case ANSWER_SEND:
        vd_txm_send_answer(s->txm, &a.hash, a.err, a.text);
        break;
    case ANSWER_RECEIPT:
        vd_txm_receipt(s->txm, &a.hash, &a.inclusion);
        break;
    case ANSWER_NO_RECEIPT:
        vd_txm_no_receipt(s->txm, &a.hash);
        break;
    case ANSWER_NONCES:
        vd_txm_nonces(s->txm, a.id, a.pending);
        break;
    }
}

/* The earliest answer that is due; those of one moment in the order they were given. */
static bool
deliver_one(struct sim *s)
{
    unsigned best = s->answer_count;
    for (unsigned i = 0; i < s->answer_count; i++) {
        if (s->answers[i].at <= s->now &&
            (best == s->answer_count || s->answers[i].at < s->answers[best].at))
            best = i;
    }
    if (best == s->answer_count)
        return false;
    struct answer a = s->answers[best];
    s->answer_count--;
    memmove(&s->answers[best], &s->answers[best + 1],
            (s->answer_count - best) * sizeof s->answers[0]);
    deliver(s, a);
    return true;
}

static void
l1_moves(struct sim *s)
{
    if (!s->calm && chance(8)) {
        uint64_t depth = 1 + vd_random_below(rng, 12);
        model_unwind(&s->l1, depth);
        if (s->l1.height < s->lowest_since_seen)
            s->lowest_since_seen = s->l1.height;
        for (uint64_t i = vd_random_below(rng, depth + 2); i > 0; i--)
            model_mine(&s->l1);
    }
    if (!s->calm && chance(3)) {
        s->l1.base_fee *= 1 + vd_random_below(rng, 40);
        s->l1.spike_left = vd_random_below(rng, 12);
    }
    if (!s->calm && chance(5)) {
        struct model_tx *tx = pooled(&s->l1, s->l1.nonce + vd_random_below(rng, 4));
        if (tx != NULL)
            tx->in_pool = false;
    }
    if (s->calm && s->l1.base_fee > 30 * GWEI)
        s->l1.base_fee = 5 * GWEI;
    model_mine(&s->l1);
}

static void
tell_head(struct sim *s)
{
    if (s->lowest_since_seen < s->seen_height)
        vd_txm_reorg(s->txm, s->lowest_since_seen);
    struct vd_block_id head = {.hash = s->l1.blocks[s->l1.height].hash, .number = s->l1.height};
    struct vd_u256 base_fee = vd_u256(s->l1.base_fee);
    struct vd_u256 tip = vd_u256(vd_random_below(rng, 3) * GWEI);
    vd_txm_head(s->txm, s->now, &head, &base_fee, &tip);
    s->seen_height = s->lowest_since_seen = s->l1.height;
}

static void
sim_step(struct sim *s)
{
    s->now += 250;
    while (deliver_one(s)) {
        /* Between any two answers, and so between any two journal writes. */
        if (!s->calm && vd_random_below(rng, 400) == 0)
            sim_crash(s);
    }
    if (!s->calm && vd_random_below(rng, 200) == 0)
        sim_compact(s);
    if (vd_random_below(rng, 12) == 0) {
        l1_moves(s);
        if (s->calm || chance(80))
            tell_head(s);
    }
    vd_txm_tick(s->txm, s->now);
    owner_sends(s);
}

static bool
all_settled(struct sim *s)
{
    for (unsigned i = 0; i < s->payloads; i++) {
        if (!s->confirmed[i])
            return false;
    }
    return vd_txm_count(s->txm) == 0;
}

/* Every payload once, in order, on what is L1's chain in the end. */
static void
check_chain(const struct sim *s)
{
    unsigned next = 0;
    for (uint64_t n = 1; n <= s->l1.height; n++) {
        for (unsigned i = 0; i < s->l1.blocks[n].count; i++) {
            const struct model_tx *tx = &s->l1.txs[s->l1.blocks[n].txs[i]];
            assert_int_equal(tx->payload, next);
            next++;
        }
    }
    assert_int_equal(next, s->payloads);
}

static void
sim_init(struct sim *s, bool depth_0)
{
    memset(s, 0, sizeof *s);
    s->payloads = 1 + (unsigned)vd_random_below(rng, MAX_PAYLOADS);
    s->l1.base_fee = 5 * GWEI;
    s->config = (struct vd_txm_config){
        .chain_id = CHAIN_ID,
        .max_fee_cap = vd_u256(300 * GWEI),
        .min_tip = vd_u256(GWEI),
        .bump_percent = chance(50) ? 10 : 100,
        .resubmit_ms = 8000,
        .resend_ms = 2000,
        .confirmations = depth_0 ? 0 : 1 + vd_random_below(rng, 6),
        .depth_0 = depth_0,
        .max_in_flight = 1 + (uint32_t)vd_random_below(rng, 8),
        .max_queued = 1 + (uint32_t)vd_random_below(rng, 8),
    };
    sim_start(s);
}

static void
sim_settle(struct sim *s)
{
    s->calm = true;
    /* Late answers may still unsettle what seemed settled: some quiet time after the last. */
    unsigned quiet = 0;
    for (uint64_t i = 0; i < 20000 && quiet < 400; i++) {
        sim_step(s);
        quiet = all_settled(s) ? quiet + 1 : 0;
    }
    assert_true(all_settled(s));
}

static void
sim_deinit(struct sim *s)
{
    for (unsigned i = 0; i < s->answer_count; i++)
        free(s->answers[i].raw);
    vd_txm_free(s->txm);
    free(s->durable.ptr);
    free(s->unsynced.ptr);
}

static void
run_sim(struct sim *s, uint64_t seed, bool depth_0)
{
    struct vd_random random = {.state = seed};
    rng = &random;
    sim_init(s, depth_0);
    uint64_t faults = 400 + vd_random_below(rng, 1200);
    for (uint64_t i = 0; i < faults; i++)
        sim_step(s);
    sim_settle(s);
    check_chain(s);
    sim_deinit(s);
}

static struct sim *sim;
static uint64_t sim_seed;

static int
print_seed(void **state)
{
    (void)state;
    if (sim_seed != 0)
        printf("the last simulation ran with VD_SEED=%llu\n", (unsigned long long)sim_seed);
    return 0;
}

static void
test_payloads_land_exactly_once_in_order_under_faults(void **state)
{
    (void)state;
    struct vd_random seeds = vd_random_start("txm simulation");
    const char *rounds_text = getenv("VD_ROUNDS");
    unsigned rounds = rounds_text == NULL ? 60 : (unsigned)strtoul(rounds_text, NULL, 10);
    unsigned replaced = 0;
    unsigned reorged = 0;
    sim = malloc(sizeof *sim);
    for (unsigned i = 0; i < rounds; i++) {
        sim_seed = seeds.state;
        uint64_t seed = vd_random_u64(&seeds);
        run_sim(sim, seed, seed % 8 == 7);
        replaced += sim->replaced;
        reorged += sim->reorged;
    }
    /* The faults did happen. */
    assert_true(replaced > rounds && reorged > rounds);
    free(sim);
    sim_seed = 0;
}

/* --- a nonce that someone else used --- */

/* Runs until a transaction of ours waits in L1's pool for the next nonce.  One alone may be mined
   in the step in which it comes there, but not all of many. */
static void
run_until_one_waits(struct sim *s)
{
    s->payloads = MAX_PAYLOADS;
    unsigned steps = 0;
    while (pooled(&s->l1, s->l1.nonce) == NULL) {
        assert_true(++steps < 20000);
        sim_step(s);
    }
}

static void
check_each_once(const struct sim *s, unsigned foreign)
{
    unsigned count[MAX_PAYLOADS + 1] = {0};
    for (uint64_t n = 1; n <= s->l1.height; n++) {
        for (unsigned i = 0; i < s->l1.blocks[n].count; i++)
            count[s->l1.txs[s->l1.blocks[n].txs[i]].payload]++;
    }
    for (unsigned i = 0; i < s->payloads; i++)
        assert_int_equal(count[i], 1);
    assert_int_equal(count[FOREIGN], foreign);
}

/* The owner hears of the loss and hands the payload over again; a crash right after it brings
   nothing back twice. */
static void
test_a_payload_whose_nonce_someone_else_used_is_lost_and_told(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("txm lost");
    rng = &random;
    sim = malloc(sizeof *sim);
    for (unsigned round = 0; round < 20; round++) {
        sim_init(sim, false);
        sim->key_is_shared = true;
        sim->calm = true;
        run_until_one_waits(sim);
        model_mine_foreign(&sim->l1);
        for (unsigned i = 0; i < 20000 && sim->lost == 0; i++)
            sim_step(sim);
        assert_int_equal(sim->lost, 1);
        if (chance(50))
            sim_crash(sim);
        sim_settle(sim);
        check_each_once(sim, 1);
        sim_deinit(sim);
    }
    free(sim);
}

/* One fork of L1 uses the nonce, the next does not, a third one much later does: what was seen
   missing on the first must not count on the third. */
static void
test_a_nonce_that_came_free_again_is_not_lost(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("txm not lost");
    rng = &random;
    sim = malloc(sizeof *sim);
    sim_init(sim, false);
    sim->calm = true;
    run_until_one_waits(sim);
    uint64_t nonce = sim->l1.nonce;
    struct vd_hash hash = pooled(&sim->l1, nonce)->hash;
    struct vd_u256 base_fee = vd_u256(GWEI);
    struct vd_block_id head = {.number = sim->l1.height};
    vd_txm_nonces(sim->txm, nonce + 1, nonce + 1);
    vd_txm_no_receipt(sim->txm, &hash);
    vd_txm_nonces(sim->txm, nonce, nonce);
    head.number += 100;
    vd_txm_head(sim->txm, sim->now, &head, &base_fee, &base_fee);
    vd_txm_nonces(sim->txm, nonce + 1, nonce + 1);
    vd_txm_no_receipt(sim->txm, &hash);
    assert_int_equal(sim->lost, 0);
    head.number += 100;
    vd_txm_head(sim->txm, sim->now, &head, &base_fee, &base_fee);
    sim->key_is_shared = true;
    vd_txm_no_receipt(sim->txm, &hash);
    assert_int_equal(sim->lost, 1); /* a hundred blocks on the same fork do count */
    sim_deinit(sim);
    free(sim);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_payloads_land_exactly_once_in_order_under_faults,
                                  print_seed),
        cmocka_unit_test(test_a_payload_whose_nonce_someone_else_used_is_lost_and_told),
        cmocka_unit_test(test_a_nonce_that_came_free_again_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
