/* Sequencer, batcher and follower of one node, and the follower of another, over a model of L1 that
   reorganises, on virtual time.  Execution is left out: a block's hash is the hash of what fixes
   it.  A failing run is repeated by its seed (VD_SEED). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"
#include "viaduct/node/roles/batcher.h"
#include "viaduct/node/roles/follower.h"
#include "viaduct/node/roles/sequencer.h"

#define MAX_L1 2000u
#define MAX_L2 6000u
#define MAX_TXS 8u
#define MAX_PAYLOADS 4000u
#define MAX_WAITING 64u /* of the transaction manager, as it is by default */
#define MAX_COMMANDS 16u
#define L1_SECONDS 12u
#define ARENA ((size_t)2 << 30)

static const uint8_t batcher_key[32] = {[31] = 7};

struct l1_block {
    struct vd_l1_block block;
    struct vd_slice txs[MAX_TXS];
    size_t payloads[MAX_TXS]; /* which payload each is */
    size_t count;
};

struct payload {
    struct vd_slice raw;
    uint8_t tag[VD_TXM_MAX_TAG];
    size_t tag_len;
    bool included;
    uint64_t block;
};

struct world {
    struct vd_arena arena;
    struct vd_random random;
    struct vd_rollup_config rollup;
    struct vd_system_config system;
    struct l1_block l1[MAX_L1];
    uint64_t l1_head;
    uint64_t salt;
    struct payload payloads[MAX_PAYLOADS];
    size_t payload_count;
    size_t waiting; /* payloads in no block */
    uint64_t now;   /* seconds */
};

struct l2_block {
    struct vd_l2_ref ref;
    const struct vd_slice *txs;
    size_t count;
    size_t deposits;
};

/* What the sequencer asked of the engine. */
struct command {
    bool seals;
    struct vd_attributes attributes; /* of a block to open */
};

/* One node: its chain and its roles. */
struct node {
    struct world *w;
    struct l2_block blocks[MAX_L2];
    uint64_t unsafe;
    uint64_t safe;
    uint64_t l1_seen;
    struct vd_hash l1_seen_hash;

    struct vd_follower *follower;
    uint64_t want_l1;
    bool fetching;
    bool fetching_hash;
    struct vd_block_id want_id;
    bool fetching_id;
    uint64_t want_id_number;
    bool working;
    bool setting;
    struct vd_follower_heads set;
    bool building;
    const struct vd_attributes *build;
    unsigned stops;

    struct vd_sequencer *sequencer;
    bool origin_wanted;
    bool origin_left;
    uint64_t origin_number;
    struct command commands[MAX_COMMANDS]; /* in the order in which they were given */
    size_t command_count;
    bool is_open;
    struct vd_attributes open;

    struct vd_batcher *batcher;
    struct vd_channel_job *job;
};

/* --- L1 --- */

static void
mine_l1(struct world *w)
{
    struct l1_block *b = &w->l1[++w->l1_head];
    assert_true(w->l1_head < MAX_L1);
    const struct vd_l1_block *parent = &w->l1[w->l1_head - 1].block;
    memset(b, 0, sizeof *b);
    b->block.header = (struct vd_header){.number = w->l1_head,
                                         .timestamp = parent->header.timestamp + L1_SECONDS,
                                         .parent_hash = parent->hash,
                                         .difficulty = vd_u256(w->salt),
                                         .has_base_fee = true,
                                         .base_fee = vd_u256(1000)};
    size_t room = vd_random_below(&w->random, MAX_TXS);
    for (size_t i = 0; i < w->payload_count && b->count < room; i++) {
        if (!w->payloads[i].included) {
            w->payloads[i].included = true;
            w->waiting--;
            w->payloads[i].block = w->l1_head;
            b->payloads[b->count] = i;
            b->txs[b->count++] = w->payloads[i].raw;
        }
    }
    b->block.transactions = b->txs;
    b->block.transaction_count = b->count;
    b->block.hash = vd_header_hash(&b->block.header);
}

static void
tell_payload(struct node *n, size_t index, enum vd_txm_event_kind kind)
{
    struct payload *p = &n->w->payloads[index];
    struct vd_txm_event event = {
        .kind = kind, .tag = vd_slice(p->tag, p->tag_len), .block = {.number = p->block}};
    vd_batcher_tx_event(n->batcher, &event);
}

/* Takes the newest depth blocks off; their payloads wait again. */
static void
cut_l1(struct world *w, struct node *owner, uint64_t depth)
{
    w->salt++;
    while (depth-- > 0 && w->l1_head > 0) {
        struct l1_block *b = &w->l1[w->l1_head--];
        for (size_t i = 0; i < b->count; i++) {
            w->payloads[b->payloads[i]].included = false;
            w->waiting++;
            tell_payload(owner, b->payloads[i], VD_TXM_REORGED_OUT);
        }
    }
}

/* --- L2 blocks --- */

static struct vd_slice
user_tx(struct world *w)
{
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                       .has_chain_id = true,
                       .chain_id = 901,
                       .nonce = vd_random_below(&w->random, 1000),
                       .gas_limit = 21000,
                       .max_fee = vd_u256(5),
                       .r = vd_u256(vd_random_u64(&w->random)),
                       .s = vd_u256(vd_random_u64(&w->random))};
    struct vd_buf buf;
    vd_buf_init(&buf, &w->arena);
    vd_tx_encode(&buf, &tx);
    return vd_buf_view(&buf);
}

/* Appends the block of attributes with extra user transactions behind. */
static void
append(struct node *n, const struct vd_attributes *a, size_t extra)
{
    struct l2_block *b = &n->blocks[++n->unsafe];
    assert_true(n->unsafe < MAX_L2);
    struct vd_slice *txs =
        VD_ARENA_NEW(&n->w->arena, struct vd_slice, a->transaction_count + extra);
    struct vd_keccak k;
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice(a->parent.hash.b, 32));
    for (size_t i = 0; i < a->transaction_count + extra; i++) {
        struct vd_slice raw = i < a->transaction_count ? a->transactions[i] : user_tx(n->w);
        txs[i] = vd_slice(vd_arena_copy(&n->w->arena, raw), raw.len);
        vd_keccak_update(&k, raw);
    }
    uint8_t time[8];
    vd_store_be64(time, a->env.timestamp);
    vd_keccak_update(&k, vd_slice(time, 8));
    *b = (struct l2_block){.ref = {.hash = vd_keccak_final(&k),
                                   .number = a->parent.number + 1,
                                   .parent_hash = a->parent.hash,
                                   .timestamp = a->env.timestamp,
                                   .l1_origin = {a->origin.hash, a->origin.number},
                                   .sequence_number = a->sequence_number},
                           .txs = txs,
                           .count = a->transaction_count + extra,
                           .deposits = a->deposit_count};
    assert_int_equal(b->ref.number, n->unsafe);
}

static bool
is_same(const struct l2_block *b, const struct vd_attributes *a)
{
    bool same = b->ref.timestamp == a->env.timestamp && b->count == a->transaction_count &&
                vd_hash_eq(&b->ref.parent_hash, &a->parent.hash);
    for (size_t i = 0; same && i < b->count; i++) {
        same = vd_slice_eq(b->txs[i], a->transactions[i]);
    }
    return same;
}

/* --- effects of the follower --- */

static void
fetch_l1(void *ctx, uint64_t number)
{
    struct node *n = ctx;
    n->fetching = true;
    n->want_l1 = number;
}

static void
fetch_l1_hash(void *ctx, const struct vd_block_id *id)
{
    struct node *n = ctx;
    n->fetching_hash = true;
    n->want_id = *id;
}

static void
release_l1(void *ctx, const struct vd_l1_block *block)
{
    (void)ctx;
    free((void *)(uintptr_t)block);
}

static void
fetch_l1_id(void *ctx, uint64_t number)
{
    struct node *n = ctx;
    n->fetching_id = true;
    n->want_id_number = number;
}

static void
start_work(void *ctx)
{
    ((struct node *)ctx)->working = true;
}

static void
set_heads(void *ctx, const struct vd_follower_heads *heads)
{
    struct node *n = ctx;
    n->setting = true;
    n->set = *heads;
    if (n->sequencer) {
        vd_sequencer_stop(n->sequencer);
    }
}

static void
build(void *ctx, const struct vd_attributes *attributes)
{
    struct node *n = ctx;
    n->building = true;
    n->build = attributes;
}

static void
drained(void *ctx, const struct vd_l1_ref *l1, const struct vd_l2_ref *safe)
{
    (void)ctx;
    (void)l1;
    (void)safe;
}

static void
note(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

static enum vd_err
past_ref(void *ctx, struct vd_l2_ref *out, uint64_t number)
{
    struct node *n = ctx;
    if (number > n->unsafe) {
        return VD_ERR_NOT_FOUND;
    }
    *out = n->blocks[number].ref;
    return VD_OK;
}

static enum vd_err
past_transactions(void *ctx, const struct vd_slice **out, size_t *count, uint64_t number)
{
    struct node *n = ctx;
    const struct l2_block *b = &n->blocks[number];
    *out = b->txs + b->deposits;
    *count = b->count - b->deposits;
    return VD_OK;
}

static enum vd_err
past_system(void *ctx, struct vd_system_config *out, uint64_t number)
{
    (void)number;
    *out = ((struct node *)ctx)->w->system;
    return VD_OK;
}

/* --- effects of the sequencer --- */

static void
fetch_origin(void *ctx, uint64_t number)
{
    struct node *n = ctx;
    n->origin_wanted = true;
    n->origin_number = number;
}

static struct command *
add_command(struct node *n)
{
    assert_true(n->command_count < MAX_COMMANDS);
    struct command *command = &n->commands[n->command_count++];
    *command = (struct command){0};
    return command;
}

static void
open_block(void *ctx, const struct vd_attributes *attributes)
{
    struct node *n = ctx;
    struct vd_attributes *a = &add_command(n)->attributes;
    struct vd_slice *txs =
        VD_ARENA_NEW(&n->w->arena, struct vd_slice, attributes->transaction_count);
    for (size_t i = 0; i < attributes->transaction_count; i++) {
        struct vd_slice raw = attributes->transactions[i];
        txs[i] = vd_slice(vd_arena_copy(&n->w->arena, raw), raw.len);
    }
    *a = *attributes;
    a->transactions = txs;
}

static void
seal(void *ctx)
{
    add_command(ctx)->seals = true;
}

static void
origin_left(void *ctx)
{
    ((struct node *)ctx)->origin_left = true;
}

/* --- effects of the batcher --- */

static void
get_block(void *ctx, uint64_t number)
{
    struct node *n = ctx;
    struct vd_batcher_block block = {.ref = n->blocks[number].ref,
                                     .transactions = n->blocks[number].txs,
                                     .transaction_count = n->blocks[number].count};
    vd_batcher_block(n->batcher, number <= n->unsafe ? &block : NULL);
}

static void
encode(void *ctx, struct vd_channel_job *job)
{
    ((struct node *)ctx)->job = job;
}

static enum vd_err
send_frame(void *ctx, struct vd_slice data, struct vd_slice tag)
{
    struct node *n = ctx;
    struct world *w = n->w;
    if (w->waiting >= MAX_WAITING) {
        return VD_ERR_BUSY;
    }
    assert_true(w->payload_count < MAX_PAYLOADS);
    w->waiting++;
    struct payload *p = &w->payloads[w->payload_count];
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                       .has_chain_id = true,
                       .chain_id = 900,
                       .nonce = w->payload_count++,
                       .gas_limit = 1000000,
                       .max_fee = vd_u256(5),
                       .to = w->rollup.batch_inbox,
                       .data = data};
    struct vd_hash hash;
    uint8_t signature[64];
    assert_int_equal(vd_tx_signing_hash(&hash, &tx, &w->arena), VD_OK);
    assert_int_equal(vd_sign_hash(signature, &tx.y_parity, &hash, batcher_key), VD_OK);
    tx.r = vd_u256_from_be(signature);
    tx.s = vd_u256_from_be(signature + 32);
    struct vd_buf buf;
    vd_buf_init(&buf, &w->arena);
    vd_tx_encode(&buf, &tx);
    *p = (struct payload){.raw = vd_buf_view(&buf), .tag_len = tag.len};
    memcpy(p->tag, tag.ptr, tag.len);
    return VD_OK;
}

static size_t
room(void *ctx)
{
    size_t waiting = ((struct node *)ctx)->w->waiting;
    return waiting < MAX_WAITING ? MAX_WAITING - waiting : 0;
}

/* --- a node --- */

static void
node_start(struct node *n, struct world *w, bool sequences)
{
    memset(n, 0, sizeof *n);
    n->w = w;
    n->blocks[0].ref = (struct vd_l2_ref){.hash = w->rollup.genesis_l2.hash,
                                          .timestamp = w->rollup.genesis_l2_time,
                                          .l1_origin = w->rollup.genesis_l1};
    struct vd_follower_config config = {.rollup = &w->rollup};
    struct vd_follower_l2 l2 = {
        .derive = {.ctx = n, .ref = past_ref, .transactions = past_transactions},
        .system = past_system};
    struct vd_follower_effects effects = {.ctx = n,
                                          .fetch_l1 = fetch_l1,
                                          .fetch_l1_hash = fetch_l1_hash,
                                          .release_l1 = release_l1,
                                          .fetch_l1_id = fetch_l1_id,
                                          .work = start_work,
                                          .set_heads = set_heads,
                                          .build = build,
                                          .drained = drained,
                                          .note = note};
    assert_int_equal(vd_follower_new(&n->follower, &config, vd_curves_host(), &l2, &effects),
                     VD_OK);
    if (sequences) {
        struct vd_sequencer_config sc = {.rollup = &w->rollup, .l1_confirmations = 0};
        struct vd_sequencer_effects se = {.ctx = n,
                                          .fetch_origin = fetch_origin,
                                          .open = open_block,
                                          .seal = seal,
                                          .origin_left = origin_left,
                                          .note = note};
        assert_int_equal(vd_sequencer_new(&n->sequencer, &sc, &se), VD_OK);
        struct vd_batcher_config bc = {
            .rollup = &w->rollup,
            .batch_type = vd_random_below(&w->random, 2) == 0 ? VD_BATCH_SPAN : VD_BATCH_SINGULAR,
            .max_channel_bytes = 2000,
            .max_channel_age_ms = 60000,
            .frame_bytes = 700};
        struct vd_batcher_effects be = {.ctx = n,
                                        .get_block = get_block,
                                        .encode = encode,
                                        .send = send_frame,
                                        .room = room,
                                        .note = note};
        assert_int_equal(vd_batcher_new(&n->batcher, &bc, &be), VD_OK);
    }
    struct vd_follower_heads heads = {
        .unsafe = n->blocks[0].ref, .safe = n->blocks[0].ref, .finalized = n->blocks[0].ref};
    vd_follower_start(n->follower, w->now * 1000, &heads);
}

static void
node_stop(struct node *n)
{
    vd_follower_free(n->follower);
    vd_sequencer_free(n->sequencer);
    vd_batcher_free(n->batcher);
}

static struct vd_l1_block *
lend(const struct vd_l1_block *block)
{
    struct vd_l1_block *copy = malloc(sizeof *copy);
    *copy = *block;
    return copy;
}

static void
answer_built(struct node *n)
{
    const struct vd_attributes *a = n->build;
    uint64_t number = a->parent.number + 1;
    n->building = false;
    assert_true(vd_hash_eq(&n->blocks[n->safe].ref.hash, &a->parent.hash));
    bool there = number <= n->unsafe && is_same(&n->blocks[number], a);
    if (!there) {
        n->unsafe = a->parent.number;
        n->is_open = false;
        append(n, a, 0);
    }
    n->safe = number;
    vd_follower_built(n->follower, n->w->now * 1000, VD_PAYLOAD_VALID, &n->blocks[number].ref,
                      &n->w->system, "");
    if (!there && n->sequencer) {
        vd_sequencer_start(n->sequencer, n->w->now * 1000, &n->blocks[number].ref, &n->w->system);
    }
}

static void
answer_set(struct node *n)
{
    n->setting = false;
    n->is_open = false;
    n->unsafe = n->set.unsafe.number;
    n->safe = n->set.safe.number;
    assert_true(vd_hash_eq(&n->blocks[n->unsafe].ref.hash, &n->set.unsafe.hash));
    assert_true(vd_hash_eq(&n->blocks[n->safe].ref.hash, &n->set.safe.hash));
    vd_follower_heads_set(n->follower, n->w->now * 1000, VD_OK);
    if (n->sequencer) {
        vd_sequencer_start(n->sequencer, n->w->now * 1000, &n->blocks[n->unsafe].ref,
                           &n->w->system);
    }
}

/* Answers one thing that is under way; some answers of L1 are lost. */
static bool
answer_follower(struct node *n)
{
    struct world *w = n->w;
    uint64_t now = w->now * 1000;
    bool lost = vd_random_below(&w->random, 50) == 0;
    if (n->working) {
        n->working = false;
        vd_follower_work(n->follower);
        vd_follower_worked(n->follower, now);
    } else if (n->building) {
        answer_built(n);
    } else if (n->setting) {
        answer_set(n);
    } else if (n->fetching) {
        n->fetching = false;
        bool there = !lost && n->want_l1 <= w->l1_head;
        vd_follower_l1(n->follower, now, there ? lend(&w->l1[n->want_l1].block) : NULL);
    } else if (n->fetching_hash) {
        n->fetching_hash = false;
        bool there = !lost && n->want_id.number <= w->l1_head &&
                     vd_hash_eq(&w->l1[n->want_id.number].block.hash, &n->want_id.hash);
        vd_follower_l1(n->follower, now, there ? lend(&w->l1[n->want_id.number].block) : NULL);
    } else if (n->fetching_id) {
        n->fetching_id = false;
        bool there = n->want_id_number <= w->l1_head;
        vd_follower_l1_hash(n->follower, now,
                            lost    ? VD_ERR_IO
                            : there ? VD_OK
                                    : VD_ERR_NOT_FOUND,
                            there ? &w->l1[n->want_id_number].block.hash : NULL);
    } else {
        return false;
    }
    return true;
}

/* The engine's chain went another way than the sequencer thinks. */
static void
follow_engine(struct node *n)
{
    if (vd_sequencer_is_active(n->sequencer)) {
        vd_sequencer_start(n->sequencer, n->w->now * 1000, &n->blocks[n->unsafe].ref,
                           &n->w->system);
    }
}

static void
answer_open(struct node *n, const struct vd_attributes *a)
{
    bool fits = vd_hash_eq(&a->parent.hash, &n->blocks[n->unsafe].ref.hash);
    if (fits) {
        n->is_open = true;
        n->open = *a;
    }
    vd_sequencer_opened(n->sequencer, n->w->now * 1000, fits ? VD_OK : VD_ERR_MISMATCH);
    if (!fits) {
        follow_engine(n);
    }
}

static void
answer_seal(struct node *n)
{
    uint64_t now = n->w->now * 1000;
    if (!n->is_open) {
        vd_sequencer_sealed(n->sequencer, now, VD_ERR_NOT_FOUND, NULL);
        follow_engine(n);
        return;
    }
    n->is_open = false;
    append(n, &n->open, n->open.no_tx_pool ? 0 : vd_random_below(&n->w->random, 3));
    vd_sequencer_sealed(n->sequencer, now, VD_OK, &n->blocks[n->unsafe].ref);
}

static bool
answer_sequencer(struct node *n)
{
    struct world *w = n->w;
    uint64_t now = w->now * 1000;
    if (n->origin_wanted) {
        n->origin_wanted = false;
        if (n->origin_number <= w->l1_head && vd_random_below(&w->random, 30) != 0) {
            vd_sequencer_give_origin(n->sequencer, now, &w->l1[n->origin_number].block);
        } else {
            vd_sequencer_no_origin(n->sequencer, now);
        }
    } else if (n->command_count > 0) {
        struct command command = n->commands[0];
        n->command_count--;
        memmove(n->commands, n->commands + 1, n->command_count * sizeof command);
        if (command.seals) {
            answer_seal(n);
        } else {
            answer_open(n, &command.attributes);
        }
    } else {
        return false;
    }
    return true;
}

static void
node_second(struct node *n)
{
    struct world *w = n->w;
    uint64_t now = w->now * 1000;
    bool same =
        n->l1_seen <= w->l1_head && vd_hash_eq(&n->l1_seen_hash, &w->l1[n->l1_seen].block.hash);
    if (!same || n->origin_left) {
        n->origin_left = false;
        struct vd_follower_heads heads = {.unsafe = n->blocks[n->unsafe].ref,
                                          .safe = n->blocks[n->safe].ref,
                                          .finalized = n->blocks[0].ref};
        vd_follower_l1_reorg(n->follower, now, &heads);
    }
    n->l1_seen = w->l1_head;
    n->l1_seen_hash = w->l1[w->l1_head].block.hash;
    vd_follower_l1_head(n->follower, now, w->l1_head);
    vd_follower_tick(n->follower, now);
    if (n->sequencer) {
        vd_sequencer_l1(n->sequencer, now, w->l1_head);
        vd_sequencer_tick(n->sequencer, now);
    }
    for (unsigned i = 0; i < 10000; i++) {
        bool moved = answer_follower(n);
        moved = (n->sequencer && answer_sequencer(n)) || moved;
        if (!moved) {
            break;
        }
    }
    if (vd_follower_stopped(n->follower)) {
        fail_msg("follower stopped: %s", vd_follower_stopped(n->follower));
    }
    if (n->batcher) {
        struct vd_channel_job *job = n->job;
        n->job = NULL;
        if (job) {
            vd_channel_job_run(job);
            vd_batcher_encoded(n->batcher, job);
        }
        if (vd_follower_is_started(n->follower)) {
            vd_batcher_heads(n->batcher, now, &n->blocks[n->unsafe].ref, &n->blocks[n->safe].ref,
                             vd_follower_drained(n->follower)->number, w->l1_head);
        }
        vd_batcher_tick(n->batcher, now);
    }
}

static void
world_start(struct world *w)
{
    memset(w, 0, sizeof *w);
    vd_arena_init(&w->arena, vd_reserve(ARENA), ARENA);
    w->random = vd_random_start("roles");
    w->l1[0].block.header =
        (struct vd_header){.timestamp = 1000, .has_base_fee = true, .base_fee = vd_u256(1000)};
    w->l1[0].block.hash = vd_header_hash(&w->l1[0].block.header);
    w->now = 1000;
    w->system = (struct vd_system_config){
        .gas_limit = 30000000, .scalar = {1}, .eip1559 = {.denominator = 250, .elasticity = 6}};
    assert_int_equal(vd_key_to_address(&w->system.batcher, batcher_key), VD_OK);
    w->rollup = (struct vd_rollup_config){.genesis_l1 = {.hash = w->l1[0].block.hash},
                                          .genesis_l2 = {.hash = {{1}}},
                                          .genesis_l2_time = 1000,
                                          .genesis_system_config = w->system,
                                          .block_time_s = 2,
                                          .max_sequencer_drift_s = 1800,
                                          .seq_window_size = 200,
                                          .channel_timeout = 50,
                                          .l1_chain_id = 900,
                                          .batch_inbox = {{0xff}},
                                          .deposit_contract = {{0xdd}},
                                          .l1_system_config = {{0xcc}},
                                          .l2 = {.chain_id = 901,
                                                 .is_l2 = true,
                                                 .eip1559_elasticity = 6,
                                                 .eip1559_denominator_canyon = 250},
                                          .pectra_blob_schedule_time = VD_NEVER};
    vd_chain_config_l1(&w->rollup.l1, 900, 0, 0);
}

static void
world_second(struct world *w, struct node *sequencer, struct node *verifier, bool reorgs)
{
    w->now++;
    if (w->now >= w->l1[w->l1_head].block.header.timestamp + L1_SECONDS) {
        if (reorgs && vd_random_below(&w->random, 12) == 0) {
            uint64_t depth = 1 + vd_random_below(&w->random, 20);
            depth = depth < w->l1_head ? depth : w->l1_head;
            cut_l1(w, sequencer, depth);
            for (uint64_t i = 0; i < depth; i++) {
                mine_l1(w);
            }
        }
        mine_l1(w);
        for (size_t i = 0; i < w->payload_count; i++) {
            if (w->payloads[i].included && w->payloads[i].block + 25 > w->l1_head) {
                tell_payload(sequencer, i, VD_TXM_INCLUDED);
            }
        }
    }
    node_second(sequencer);
    node_second(verifier);
}

static void
run_world(unsigned run, bool reorgs)
{
    static struct world w;
    static struct node sequencer;
    static struct node verifier;
    world_start(&w);
    w.random.state += run;
    node_start(&sequencer, &w, true);
    node_start(&verifier, &w, false);
    for (int i = 0; i < 3000; i++) {
        world_second(&w, &sequencer, &verifier, reorgs);
    }
    /* Quiet: everything has to come together. */
    for (int i = 0; i < 1500; i++) {
        world_second(&w, &sequencer, &verifier, false);
    }
    assert_true(sequencer.unsafe + 1 >= (w.now - 1000) / 2);
    /* What is unsafe: the blocks of the channel in hand (at most 60 s, 30 blocks), and those of the
       channels before it for the few L1 blocks that their frames wait.  Twice what is ever seen. */
    assert_true(sequencer.safe + 120 >= sequencer.unsafe);
    assert_true(verifier.safe + 60 >= sequencer.safe);
    uint64_t common = verifier.safe < sequencer.safe ? verifier.safe : sequencer.safe;
    assert_memory_equal(verifier.blocks[common].ref.hash.b, sequencer.blocks[common].ref.hash.b,
                        32);
    node_stop(&sequencer);
    node_stop(&verifier);
    vd_release(w.arena.base, ARENA);
}

static void
test_a_verifier_derives_the_sequencers_chain(void **state)
{
    (void)state;
    run_world(0, false);
    run_world(1, false);
}

static void
test_reorgs_of_l1_are_overcome(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        run_world(100 + i, true);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_verifier_derives_the_sequencers_chain),
        cmocka_unit_test(test_reorgs_of_l1_are_overcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
