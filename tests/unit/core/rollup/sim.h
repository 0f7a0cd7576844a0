/* A world in which derivation runs: an L1 that tests write by hand, an honest sequencer's plan of
   L2, an engine that accepts what it is given.

   Nothing is hashed or signed for real.  An L1 block's hash is its number and its fork's; whoever
   "signed" an L1 transaction stands in its r; an L2 block's hash covers its parent, time, origin
   and user transactions.  The plan is made without derivation's code, so that what is derived can
   be compared with it. */
#ifndef VD_TESTS_ROLLUP_SIM_H
#define VD_TESTS_ROLLUP_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "unit/core/rollup/deflate.h"
#include "viaduct/core/codec/inflate.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/rollup/derive.h"

enum {
    SIM_MAX_L1 = 4096,
    SIM_MAX_L2 = 16384,
    SIM_MAX_TXS = 64,
    SIM_BLOCK_TIME = 2,
    SIM_L1_TIME = 6,
    SIM_START_TIME = 1000000,
    SIM_CHAIN = 901,
    SIM_ARENA = 512 << 20,
    SIM_REGIONS = 64 << 20,
};

struct sim_l1_block {
    struct vd_header header;
    struct vd_hash hash;
    struct vd_slice txs[SIM_MAX_TXS];
    size_t tx_count;
    struct vd_slice receipts[SIM_MAX_TXS];
    size_t receipt_count;
    size_t deposits;
};

struct sim_l2_block {
    struct vd_l2_ref ref;
    const struct vd_slice *txs; /* the users' */
    size_t tx_count;
    size_t deposits; /* users' */
    struct vd_system_config system;
};

struct sim {
    struct vd_arena arena;
    uint8_t *regions;
    size_t regions_used;
    struct vd_rollup_config config;
    struct sim_l1_block *l1;
    size_t l1_count;
    uint64_t fork;
    struct sim_l2_block *plan;
    size_t plan_count;
    struct sim_l2_block *out; /* what was derived; 0 is genesis */
    size_t out_count;
    uint64_t nonce;
    struct vd_address batcher;
    struct vd_curves curves;
    struct vd_derive_limits limits;
    struct vd_derive *d;
    struct vd_derive_output last;
    uint64_t invalid_at; /* the payload of that block is refused while it has user transactions */
    unsigned invalid_seen;
    unsigned failures; /* how many of the next L2 callbacks fail */
    unsigned origins_asked;
    char dropped[64][64]; /* the last reasons */
    size_t dropped_count;
};

/* --- hashes --- */

static inline struct vd_hash
sim_l1_hash(uint64_t number, uint64_t fork)
{
    uint8_t bytes[17] = {'1'};
    vd_store_be64(bytes + 1, number);
    vd_store_be64(bytes + 9, fork);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

static inline struct vd_hash
sim_l2_hash(const struct vd_hash *parent, uint64_t time, const struct vd_hash *origin,
            const struct vd_slice *txs, size_t count)
{
    uint8_t word[8];
    struct vd_keccak k;
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice(parent->b, 32));
    vd_store_be64(word, time);
    vd_keccak_update(&k, vd_slice(word, 8));
    vd_keccak_update(&k, vd_slice(origin->b, 32));
    for (size_t i = 0; i < count; i++)
        vd_keccak_update(&k, txs[i]);
    return vd_keccak_final(&k);
}

/* --- callbacks --- */

static inline enum vd_err
sim_recover(void *ctx, struct vd_address *out, bool *valid, const struct vd_hash *hash,
            const uint8_t signature[64], uint8_t y_parity)
{
    (void)ctx;
    (void)hash;
    (void)y_parity;
    memcpy(out->b, signature + 12, 20);
    *valid = true;
    return VD_OK;
}

static inline enum vd_err
sim_ref(void *ctx, struct vd_l2_ref *out, uint64_t number)
{
    struct sim *s = ctx;
    if (s->failures > 0) {
        s->failures--;
        return VD_ERR_IO;
    }
    assert_true(number < s->out_count);
    *out = s->out[number].ref;
    return VD_OK;
}

static inline enum vd_err
sim_transactions(void *ctx, const struct vd_slice **out, size_t *count, uint64_t number)
{
    struct sim *s = ctx;
    if (s->failures > 0) {
        s->failures--;
        return VD_ERR_IO;
    }
    assert_true(number < s->out_count);
    *out = s->out[number].txs;
    *count = s->out[number].tx_count;
    return VD_OK;
}

static inline void
sim_dropped(void *ctx, const char *what, const char *why, uint64_t l1_number)
{
    struct sim *s = ctx;
    (void)l1_number;
    (void)snprintf(s->dropped[s->dropped_count++ % 64], 64, "%s: %s", what, why);
}

static inline bool
sim_saw(const struct sim *s, const char *text)
{
    for (size_t i = 0; i < 64 && i < s->dropped_count; i++) {
        if (strstr(s->dropped[i], text) != NULL)
            return true;
    }
    return false;
}

/* --- L1 --- */

static inline struct sim_l1_block *
sim_l1_add(struct sim *s)
{
    assert_true(s->l1_count < SIM_MAX_L1);
    struct sim_l1_block *b = &s->l1[s->l1_count];
    memset(b, 0, sizeof *b);
    b->header.number = s->l1_count;
    b->header.timestamp = SIM_START_TIME + SIM_L1_TIME * s->l1_count;
    b->header.base_fee = vd_u256(7 + s->l1_count);
    b->header.has_blob_gas = true;
    b->header.has_parent_beacon_root = true;
    b->header.mix_hash.b[0] = (uint8_t)s->l1_count;
    b->header.parent_beacon_root.b[1] = (uint8_t)s->l1_count;
    if (s->l1_count > 0)
        b->header.parent_hash = s->l1[s->l1_count - 1].hash;
    b->hash = sim_l1_hash(s->l1_count, s->fork);
    s->l1_count++;
    return b;
}

static inline struct sim_l1_block *
sim_l1_head(struct sim *s)
{
    return &s->l1[s->l1_count - 1];
}

static inline void
sim_l1_grow(struct sim *s, size_t count)
{
    while (s->l1_count < count)
        (void)sim_l1_add(s);
}

/* An L1 transaction in the newest block; from stands where its signature's r would. */
static inline void
sim_l1_tx(struct sim *s, enum vd_tx_type type, struct vd_slice data, const struct vd_address *from,
          const struct vd_address *to)
{
    struct sim_l1_block *b = sim_l1_head(s);
    uint8_t word[32] = {0};
    struct vd_hash blob = {{1}};
    struct vd_tx tx = {
        .type = type, .has_chain_id = true, .chain_id = 900, .to = *to, .data = data};
    memcpy(word + 12, from->b, 20);
    tx.r = vd_u256_from_be(word);
    tx.s = vd_u256(1);
    tx.blob_hashes = &blob;
    tx.blob_hash_count = type == VD_TX_BLOB;
    struct vd_buf buf;
    vd_buf_init(&buf, &s->arena);
    vd_tx_encode(&buf, &tx);
    assert_int_equal(buf.err, VD_OK);
    assert_true(b->tx_count < SIM_MAX_TXS);
    b->txs[b->tx_count++] = vd_buf_view(&buf);
}

static inline void
sim_post_item(struct sim *s, struct vd_slice item)
{
    sim_l1_tx(s, VD_TX_DYNAMIC_FEE, item, &s->batcher, &s->config.batch_inbox);
}

/* A data item of those frames, in the newest L1 block. */
static inline void
sim_post(struct sim *s, const struct vd_slice *frames, size_t count)
{
    struct vd_buf buf;
    vd_buf_init(&buf, &s->arena);
    vd_buf_byte(&buf, 0);
    for (size_t i = 0; i < count; i++)
        vd_buf_slice(&buf, frames[i]);
    sim_post_item(s, vd_buf_view(&buf));
}

static inline void
sim_receipt(struct sim *s, int type, const struct vd_log *log, bool success)
{
    struct sim_l1_block *b = sim_l1_head(s);
    struct vd_receipt receipt = {
        .type = VD_TX_DYNAMIC_FEE, .success = success, .logs = log, .log_count = 1};
    struct vd_buf buf;
    vd_bloom_add_logs(b->header.logs_bloom, log, 1);
    vd_buf_init(&buf, &s->arena);
    vd_receipt_encode(&buf, &receipt);
    buf.ptr[0] = (uint8_t)type;
    assert_true(b->receipt_count < SIM_MAX_TXS);
    b->receipts[b->receipt_count++] = vd_buf_view(&buf);
}

static inline struct vd_log
sim_deposit_log(struct sim *s, size_t data_len)
{
    /* keccak256("TransactionDeposited(address,address,uint256,bytes)") */
    static const char topic[] = "b3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32";
    size_t padded = (73 + data_len + 31) / 32 * 32;
    uint8_t *data = vd_arena_zeroed(&s->arena, 64 + padded, 1, 1);
    struct vd_log log = {.address = s->config.deposit_contract,
                         .topic_count = 4,
                         .data = vd_slice(data, 64 + padded)};
    assert_int_equal(vd_hex_decode(log.topics[0].b, 32, topic, 64), VD_OK);
    log.topics[1].b[31] = 0xaa;
    log.topics[2].b[31] = 0xbb;
    data[31] = 32;
    vd_store_be64(data + 56, 73 + data_len);
    vd_store_be64(data + 64 + 64, 21000);
    return log;
}

static inline void
sim_deposit(struct sim *s, size_t data_len)
{
    struct vd_log log = sim_deposit_log(s, data_len);
    sim_receipt(s, VD_TX_DYNAMIC_FEE, &log, true);
    sim_l1_head(s)->deposits++;
}

/* A ConfigUpdate of type 0 to 5 with one word of payload. */
static inline void
sim_update(struct sim *s, int receipt_type, uint8_t type, const uint8_t word[32])
{
    static const char topic[] = "1d2b0bda21d56b8bd12d4f94ebacffdfb35f5e226f84b461103bb8beab6353be";
    uint8_t *data = vd_arena_zeroed(&s->arena, 96, 1, 1);
    struct vd_log log = {
        .address = s->config.l1_system_config, .topic_count = 3, .data = vd_slice(data, 96)};
    assert_int_equal(vd_hex_decode(log.topics[0].b, 32, topic, 64), VD_OK);
    log.topics[2].b[31] = type;
    data[31] = 32;
    data[63] = 32;
    memcpy(data + 64, word, 32);
    sim_receipt(s, receipt_type, &log, true);
}

/* --- the plan --- */

static inline const struct vd_slice *
sim_make_txs(struct sim *s, size_t count)
{
    struct vd_slice *txs = VD_ARENA_NEW(&s->arena, struct vd_slice, count);
    for (size_t i = 0; i < count; i++) {
        struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                           .has_chain_id = true,
                           .chain_id = SIM_CHAIN,
                           .nonce = s->nonce++,
                           .gas_limit = 21000,
                           .r = vd_u256(1),
                           .s = vd_u256(1)};
        struct vd_buf buf;
        vd_buf_init(&buf, &s->arena);
        vd_tx_encode(&buf, &tx);
        txs[i] = vd_buf_view(&buf);
    }
    return txs;
}

/* The next block of a chain that ends with parent. */
static inline struct sim_l2_block
sim_child(const struct sim *s, const struct sim_l2_block *parent, uint64_t origin,
          const struct vd_slice *txs, size_t count)
{
    struct sim_l2_block b = {.txs = txs, .tx_count = count};
    b.ref.number = parent->ref.number + 1;
    b.ref.parent_hash = parent->ref.hash;
    b.ref.timestamp = parent->ref.timestamp + SIM_BLOCK_TIME;
    b.ref.l1_origin = (struct vd_block_id){s->l1[origin].hash, origin};
    bool opens = origin != parent->ref.l1_origin.number;
    b.ref.sequence_number = opens ? 0 : parent->ref.sequence_number + 1;
    b.deposits = opens ? s->l1[origin].deposits : 0;
    b.ref.hash = sim_l2_hash(&b.ref.parent_hash, b.ref.timestamp, &s->l1[origin].hash, txs, count);
    return b;
}

static inline void
sim_plan_on(struct sim *s, uint64_t origin, size_t tx_count)
{
    assert_true(s->plan_count < SIM_MAX_L2);
    s->plan[s->plan_count] =
        sim_child(s, &s->plan[s->plan_count - 1], origin, sim_make_txs(s, tx_count), tx_count);
    s->plan_count++;
}

/* Blocks with tx_count transactions, on the newest origin that is old enough but not above
   max_origin. */
static inline void
sim_plan(struct sim *s, size_t blocks, size_t tx_count, uint64_t max_origin)
{
    for (size_t i = 0; i < blocks; i++) {
        const struct vd_l2_ref *head = &s->plan[s->plan_count - 1].ref;
        uint64_t next = head->l1_origin.number + 1;
        bool take = next <= max_origin && next < s->l1_count &&
                    head->timestamp + SIM_BLOCK_TIME >= s->l1[next].header.timestamp;
        sim_plan_on(s, take ? next : head->l1_origin.number, tx_count);
    }
}

/* --- channels --- */

static inline void
sim_put_singular(struct sim *s, struct vd_buf *buf, const struct sim_l2_block *b)
{
    struct vd_arena scratch;
    struct vd_singular_batch batch = {
        .parent_hash = b->ref.parent_hash,
        .block = {.timestamp = b->ref.timestamp,
                  .epoch_number = b->ref.l1_origin.number,
                  .epoch_hash = b->ref.l1_origin.hash,
                  .transactions = b->txs,
                  .transaction_count = b->tx_count},
    };
    void *memory = malloc(1 << 20);
    vd_arena_init(&scratch, memory, 1 << 20);
    (void)s;
    assert_int_equal(vd_singular_batch_encode(buf, &scratch, &batch), VD_OK);
    free(memory);
}

/* Blocks [from, to) as one span. */
static inline void
sim_put_span(struct sim *s, struct vd_buf *buf, const struct sim_l2_block *from,
             const struct sim_l2_block *to)
{
    size_t n = (size_t)(to - from);
    struct vd_arena scratch;
    struct vd_batch_block *blocks = calloc(n, sizeof *blocks);
    const struct vd_l2_ref *last = &to[-1].ref;
    struct vd_span_batch span = {.blocks = blocks,
                                 .block_count = n,
                                 .rel_timestamp = from->ref.timestamp - s->config.genesis_l2_time,
                                 .l1_origin_number = last->l1_origin.number,
                                 .first_block_opens_epoch = from->ref.sequence_number == 0};
    memcpy(span.parent_check, from->ref.parent_hash.b, 20);
    memcpy(span.l1_origin_check, last->l1_origin.hash.b, 20);
    for (size_t i = 0; i < n; i++)
        blocks[i] = (struct vd_batch_block){.timestamp = from[i].ref.timestamp,
                                            .epoch_number = from[i].ref.l1_origin.number,
                                            .transactions = from[i].txs,
                                            .transaction_count = from[i].tx_count};
    void *memory = malloc(4 << 20);
    vd_arena_init(&scratch, memory, 4 << 20);
    assert_int_equal(vd_span_batch_encode(buf, &scratch, &s->config, &span), VD_OK);
    free(memory);
    free(blocks);
}

static inline struct vd_slice
sim_compress(struct sim *s, const struct vd_buf *batches)
{
    struct vd_buf out;
    vd_buf_init(&out, &s->arena);
    deflate_whole(&out, vd_buf_view(batches));
    assert_int_equal(out.err, VD_OK);
    return vd_buf_view(&out);
}

/* Blocks [from, to) of the plan as a channel, span or one singular batch each. */
static inline struct vd_slice
sim_channel(struct sim *s, size_t from, size_t to, bool span)
{
    struct vd_buf batches;
    vd_buf_init(&batches, &s->arena);
    if (span) {
        sim_put_span(s, &batches, &s->plan[from], &s->plan[to]);
    } else {
        for (size_t i = from; i < to; i++)
            sim_put_singular(s, &batches, &s->plan[i]);
    }
    return sim_compress(s, &batches);
}

/* Cuts a channel into about count frames. */
static inline struct vd_slice *
sim_frames(struct sim *s, struct vd_slice channel, uint8_t id, size_t count, size_t *got)
{
    struct vd_channel_id channel_id = {{id}};
    struct vd_slice *frames;
    size_t size = channel.len / count + 1 + VD_FRAME_OVERHEAD;
    assert_int_equal(vd_channel_frames(&frames, got, &s->arena, &channel_id, channel, size), VD_OK);
    return frames;
}

/* The channel whole, in one item of the newest L1 block. */
static inline void
sim_post_channel(struct sim *s, struct vd_slice channel)
{
    size_t count;
    struct vd_slice *frames = sim_frames(s, channel, 0xcc, 1, &count);
    sim_post(s, frames, count);
}

/* --- life --- */

static inline void
sim_make_derive(struct sim *s)
{
    struct vd_arena regions;
    struct vd_derive_l2 l2 = {.ctx = s, .ref = sim_ref, .transactions = sim_transactions};
    struct vd_derive_observer observer = {.ctx = s, .dropped = sim_dropped};
    vd_arena_init(&regions, s->regions, SIM_REGIONS);
    assert_int_equal(
        vd_derive_new(&s->d, &regions, &s->config, &s->curves, &l2, &s->limits, &observer), VD_OK);
    s->regions_used = regions.used;
}

/* Starts over on the last derived block. */
static inline void
sim_reset(struct sim *s)
{
    struct vd_l2_ref start;
    const struct sim_l2_block *safe = &s->out[s->out_count - 1];
    assert_int_equal(vd_derive_reset_start(s->d, &start, &safe->ref), VD_OK);
    vd_derive_reset(s->d, &safe->ref, &safe->system, &start, &s->out[start.number].system);
}

static inline struct sim *
sim_new(uint64_t window)
{
    struct sim *s = calloc(1, sizeof *s);
    assert_non_null(s);
    vd_arena_init(&s->arena, malloc(SIM_ARENA), SIM_ARENA);
    s->regions = malloc(SIM_REGIONS);
    s->l1 = calloc(SIM_MAX_L1, sizeof *s->l1);
    s->plan = calloc(SIM_MAX_L2, sizeof *s->plan);
    s->out = calloc(SIM_MAX_L2, sizeof *s->out);
    s->batcher.b[0] = 0xba;
    s->batcher.b[19] = 0x01;
    s->invalid_at = UINT64_MAX;
    s->curves.recover = sim_recover;
    s->limits = (struct vd_derive_limits){4 << 20, 16 << 20, 1 << 20};
    struct vd_rollup_config *c = &s->config;
    c->block_time_s = SIM_BLOCK_TIME;
    c->seq_window_size = window;
    c->l1_chain_id = 900;
    c->batch_inbox.b[0] = 0xff;
    c->deposit_contract.b[0] = 0xdd;
    c->l1_system_config.b[0] = 0x5c;
    c->pectra_blob_schedule_time = VD_NEVER;
    c->l2 = (struct vd_chain_config){.chain_id = SIM_CHAIN,
                                     .is_l2 = true,
                                     .eip1559_elasticity = 6,
                                     .eip1559_denominator_canyon = 250};
    vd_chain_config_l1(&c->l1, 900, 0, 0);
    c->genesis_system_config.batcher = s->batcher;
    c->genesis_system_config.gas_limit = 30000000;
    (void)sim_l1_add(s);
    c->genesis_l1.hash = s->l1[0].hash;
    c->genesis_l2_time = SIM_START_TIME;
    s->plan[0].ref.timestamp = SIM_START_TIME;
    s->plan[0].ref.l1_origin = c->genesis_l1;
    s->plan[0].ref.hash.b[0] = 0x22;
    s->plan[0].system = c->genesis_system_config;
    c->genesis_l2.hash = s->plan[0].ref.hash;
    s->plan_count = 1;
    s->out[0] = s->plan[0];
    s->out_count = 1;
    const char *reason;
    assert_int_equal(vd_rollup_config_check(c, &reason), VD_OK);
    sim_make_derive(s);
    sim_reset(s);
    return s;
}

static inline void
sim_free(struct sim *s)
{
    free(s->arena.base);
    free(s->regions);
    free(s->l1);
    free(s->plan);
    free(s->out);
    free(s);
}

/* --- running --- */

static inline struct vd_l1_block
sim_l1_block(const struct sim *s, uint64_t number)
{
    const struct sim_l1_block *b = &s->l1[number];
    return (struct vd_l1_block){.header = b->header,
                                .hash = b->hash,
                                .transactions = b->txs,
                                .transaction_count = b->tx_count,
                                .receipts = b->receipts,
                                .receipt_count = b->receipt_count};
}

/* What the specs (derivation: payload attributes) say of the attributes, in so many words. */
static inline void
sim_check_attributes(const struct sim *s, const struct vd_attributes *a)
{
    const struct sim_l2_block *parent = &s->out[s->out_count - 1];
    const struct sim_l1_block *l1 = &s->l1[a->origin.number];
    struct vd_tx tx;
    struct vd_l1_info info;
    uint8_t room[4096];
    struct vd_arena scratch;
    vd_arena_init(&scratch, room, sizeof room);
    bool opens = a->origin.number != parent->ref.l1_origin.number;
    assert_true(vd_hash_eq(&a->parent.hash, &parent->ref.hash));
    assert_true(vd_hash_eq(&a->origin.hash, &l1->hash));
    assert_int_equal(a->env.timestamp, parent->ref.timestamp + SIM_BLOCK_TIME);
    assert_true(a->env.timestamp >= l1->header.timestamp);
    assert_true(vd_hash_eq(&a->env.prev_randao, &l1->header.mix_hash));
    assert_true(vd_hash_eq(&a->env.parent_beacon_root, &l1->header.parent_beacon_root));
    assert_int_equal(a->sequence_number, opens ? 0 : parent->ref.sequence_number + 1);
    assert_true(a->no_tx_pool);
    assert_int_equal(a->deposit_count, 1 + (opens ? l1->deposits : 0));
    assert_true(a->transaction_count >= a->deposit_count);
    for (size_t i = 0; i < a->transaction_count; i++)
        assert_int_equal(a->transactions[i].ptr[0] == 0x7e, i < a->deposit_count);
    assert_int_equal(vd_tx_decode(&tx, NULL, &scratch, a->transactions[0]), VD_OK);
    assert_int_equal(tx.gas_limit, 1000000);
    assert_int_equal(vd_l1_info_decode(&info, tx.data), VD_OK);
    assert_true(info.isthmus);
    assert_int_equal(info.number, a->origin.number);
    assert_int_equal(info.timestamp, l1->header.timestamp);
    assert_int_equal(info.sequence_number, a->sequence_number);
    assert_true(vd_hash_eq(&info.hash, &l1->hash));
    assert_true(vd_u256_eq(&info.base_fee, &l1->header.base_fee));
}

/* The attributes copy of the system config as the new block would show it. */
static inline struct vd_system_config
sim_system_of(const struct vd_attributes *a)
{
    struct vd_system_config system = {.gas_limit = a->env.gas_limit};
    uint8_t room[4096];
    struct vd_arena scratch;
    struct vd_tx tx;
    struct vd_l1_info info;
    vd_arena_init(&scratch, room, sizeof room);
    assert_int_equal(vd_tx_decode(&tx, NULL, &scratch, a->transactions[0]), VD_OK);
    assert_int_equal(vd_l1_info_decode(&info, tx.data), VD_OK);
    memcpy(system.batcher.b, info.batcher_hash.b + 12, 20);
    system.scalar[0] = 1;
    vd_store_be32(system.scalar + 24, info.blob_base_fee_scalar);
    vd_store_be32(system.scalar + 28, info.base_fee_scalar);
    system.operator_fee_scalar = info.operator_fee_scalar;
    system.operator_fee_constant = info.operator_fee_constant;
    assert_int_equal(vd_holocene_extra_decode(&system.eip1559, a->env.extra_data), VD_OK);
    return system;
}

static inline void
sim_build(struct sim *s, const struct vd_attributes *a)
{
    size_t count = a->transaction_count - a->deposit_count;
    sim_check_attributes(s, a);
    if (s->out_count == s->invalid_at && count > 0) {
        s->invalid_seen++;
        vd_derive_invalid(s->d);
        return;
    }
    struct vd_slice *txs = VD_ARENA_NEW(&s->arena, struct vd_slice, count);
    for (size_t i = 0; i < count; i++) {
        struct vd_slice tx = a->transactions[a->deposit_count + i];
        txs[i] = vd_slice(vd_arena_copy(&s->arena, tx), tx.len);
    }
    struct sim_l2_block b = sim_child(s, &s->out[s->out_count - 1], a->origin.number, txs, count);
    assert_int_equal(b.deposits, a->deposit_count - 1);
    b.system = sim_system_of(a);
    assert_true(s->out_count < SIM_MAX_L2);
    s->out[s->out_count++] = b;
    vd_derive_accepted(s->d, &b.ref, &b.system);
}

/* Until L1 is exhausted, or something ends it, whose status is returned. */
static inline enum vd_derive_status
sim_run(struct sim *s)
{
    for (;;) {
        enum vd_err err = vd_derive_step(s->d, &s->last);
        if (err == VD_ERR_IO)
            continue; /* one of the planted failures */
        assert_int_equal(err, VD_OK);
        switch (s->last.status) {
        case VD_DERIVE_CONTINUE:
            break;
        case VD_DERIVE_PAYLOAD:
            sim_build(s, s->last.attributes);
            break;
        case VD_DERIVE_NEED_ORIGIN: {
            struct vd_l1_block block = sim_l1_block(s, s->last.need_origin.number);
            s->origins_asked++;
            assert_true(vd_hash_eq(&s->last.need_origin.hash, &block.hash));
            assert_int_equal(vd_derive_origin(s->d, &block), VD_OK);
            break;
        }
        case VD_DERIVE_NEED_L1: {
            if (s->last.need_l1 >= s->l1_count)
                return s->last.status;
            struct vd_l1_block block = sim_l1_block(s, s->last.need_l1);
            err = vd_derive_l1(s->d, &block);
            assert_true(err == VD_OK || err == VD_ERR_MISMATCH);
            break;
        }
        case VD_DERIVE_RESET:
        case VD_DERIVE_UNSUPPORTED:
        case VD_DERIVE_CRITICAL:
            return s->last.status;
        }
    }
}

/* --- what came of it --- */

/* The derived chain from number on equals the plan up to block count - 1, and ends there. */
static inline void
sim_expect_plan(const struct sim *s, size_t count)
{
    for (size_t i = 0; i < count && i < s->out_count; i++) {
        if (!vd_hash_eq(&s->out[i].ref.hash, &s->plan[i].ref.hash))
            fail_msg("block %zu is not the planned one", i);
        assert_int_equal(s->out[i].ref.sequence_number, s->plan[i].ref.sequence_number);
        assert_int_equal(s->out[i].deposits, s->plan[i].deposits);
    }
    assert_int_equal(s->out_count, count);
}

/* Derived blocks from number on as text: "origin:transactions" each. */
static inline void
sim_expect(const struct sim *s, size_t from, const char *expected)
{
    char text[4096] = "";
    size_t n = 0;
    for (size_t i = from; i < s->out_count && n + 32 < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%llu:%zu", i == from ? "" : " ",
                              (unsigned long long)s->out[i].ref.l1_origin.number,
                              s->out[i].tx_count);
    assert_string_equal(text, expected);
}

/* L1 has blocks 0..l1_count-1, the plan three L2 blocks to each, two transactions a block. */
static inline struct sim *
sim_planned(size_t blocks)
{
    struct sim *s = sim_new(20);
    sim_l1_grow(s, blocks / 3 + 2);
    sim_plan(s, blocks, 2, UINT64_MAX);
    return s;
}

#endif
