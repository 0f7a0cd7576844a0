/* A world for roles: nodes with sequencer, batcher and follower over a model of L1 that
   reorganises, on virtual time.  Execution is left out: a block's hash is the hash of what fixes
   it.  Users' transactions are acknowledged when they arrive, and stand in the chain or wait from
   then on. */
#ifndef VIADUCT_TESTS_SIMULATION_ROLES_MODEL_H
#define VIADUCT_TESTS_SIMULATION_ROLES_MODEL_H

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
#define MAX_TXS 24u
#define MAX_PAYLOADS 4000u
#define MAX_WAITING 64u /* of the transaction manager, as it is by default */
#define MAX_COMMANDS 16u
#define MAX_USER_TXS 16384u
#define MAX_BLOCK_TXS 6u /* of users */
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
    uint64_t sent_at; /* L1's head */
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
    size_t waiting;    /* payloads in no block */
    uint64_t now;      /* seconds */
    size_t l1_room;    /* payloads in an L1 block: fewer than that */
    uint64_t l1_delay; /* L1 blocks that a payload waits at least */
    uint64_t channel_age_ms;
    size_t channel_bytes;
    size_t frame_bytes;
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
    unsigned cuts; /* derivation made another block than the unsafe one */

    struct vd_sequencer *sequencer;
    bool origin_wanted;
    bool origin_left;
    uint64_t origin_number;
    struct command commands[MAX_COMMANDS]; /* in the order in which they were given */
    size_t command_count;
    bool is_open;
    struct vd_attributes open;

    struct vd_slice pool[MAX_USER_TXS]; /* acknowledged, in no block, in order */
    size_t pool_count;
    struct vd_slice acknowledged[MAX_USER_TXS];
    size_t acknowledged_count;

    enum vd_batch_type batch_type;
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
    size_t room = vd_random_below(&w->random, w->l1_room);
    for (size_t i = 0; i < w->payload_count && b->count < room; i++) {
        if (!w->payloads[i].included && w->payloads[i].sent_at + w->l1_delay < w->l1_head) {
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
    if (n->batcher) {
        vd_batcher_tx_event(n->batcher, &event);
    }
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
    for (size_t i = 0; i < w->payload_count; i++) {
        struct payload *p = &w->payloads[i];
        p->sent_at = p->sent_at < w->l1_head ? p->sent_at : w->l1_head;
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

static void
receive(struct node *n, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(n->acknowledged_count < MAX_USER_TXS && n->pool_count < MAX_USER_TXS);
        struct vd_slice tx = user_tx(n->w);
        n->acknowledged[n->acknowledged_count++] = tx;
        n->pool[n->pool_count++] = tx;
    }
}

static size_t
pool_find(const struct node *n, struct vd_slice tx)
{
    size_t i = 0;
    while (i < n->pool_count && !vd_slice_eq(n->pool[i], tx)) {
        i++;
    }
    return i;
}

static void
pool_remove(struct node *n, size_t at, size_t count)
{
    n->pool_count -= count;
    memmove(n->pool + at, n->pool + at + count, (n->pool_count - at) * sizeof n->pool[0]);
}

/* Throws the unsafe blocks above number away; their transactions wait again, before all others. */
static void
cut_l2(struct node *n, uint64_t number)
{
    n->is_open = false;
    for (; n->unsafe > number; n->unsafe--) {
        const struct l2_block *b = &n->blocks[n->unsafe];
        size_t count = n->sequencer ? b->count - b->deposits : 0;
        assert_true(n->pool_count + count <= MAX_USER_TXS);
        memmove(n->pool + count, n->pool, n->pool_count * sizeof n->pool[0]);
        memcpy(n->pool, b->txs + b->deposits, count * sizeof n->pool[0]);
        n->pool_count += count;
    }
}

/* Appends the block of attributes with the pool's first transactions behind. */
static void
append(struct node *n, const struct vd_attributes *a, size_t pooled)
{
    struct l2_block *b = &n->blocks[++n->unsafe];
    assert_true(n->unsafe < MAX_L2);
    struct vd_slice *txs =
        VD_ARENA_NEW(&n->w->arena, struct vd_slice, a->transaction_count + pooled);
    struct vd_keccak k;
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice(a->parent.hash.b, 32));
    for (size_t i = 0; i < a->transaction_count + pooled; i++) {
        struct vd_slice raw =
            i < a->transaction_count ? a->transactions[i] : n->pool[i - a->transaction_count];
        txs[i] = vd_slice(vd_arena_copy(&n->w->arena, raw), raw.len);
        vd_keccak_update(&k, raw);
    }
    pool_remove(n, 0, pooled);
    for (size_t i = a->deposit_count; i < a->transaction_count; i++) {
        size_t at = pool_find(n, a->transactions[i]);
        pool_remove(n, at, at < n->pool_count ? 1 : 0);
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
                           .count = a->transaction_count + pooled,
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
    *p = (struct payload){.raw = vd_buf_view(&buf), .tag_len = tag.len, .sent_at = w->l1_head};
    memcpy(p->tag, tag.ptr, tag.len);
    return VD_OK;
}

static size_t
room(void *ctx)
{
    size_t waiting = ((struct node *)ctx)->w->waiting;
    return waiting < MAX_WAITING ? MAX_WAITING - waiting : 0;
}

#endif
