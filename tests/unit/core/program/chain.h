/* A small L1 and an L2 on it, made without derivation, with every preimage of theirs: what the
   fault-proof program is asked about.

   Signatures are not real: who "signed" stands in the transaction's r, and the oracle answers
   ecrecover that way. */
#ifndef VD_TESTS_PROGRAM_CHAIN_H
#define VD_TESTS_PROGRAM_CHAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/trie_store.h"
#include "unit/core/rollup/deflate.h"
#include "viaduct/core/chain/genesis.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/program/program.h"
#include "viaduct/core/rollup/batch.h"
#include "viaduct/node/platform/memory.h"

enum {
    CHAIN_ID = 901,
    CHAIN_BLOCK_TIME = 2,
    CHAIN_L1_TIME = 6,
    CHAIN_START = 1000000,
    CHAIN_MAX_L1 = 64,
    CHAIN_MAX_L2 = 256,
    CHAIN_MAX_ITEMS = 64,
    CHAIN_MAX_ASKED = 1 << 14,
    CHAIN_MAX_ACCOUNTS = 1 << 15,
};
#define CHAIN_ROOM ((size_t)4 << 30)

struct l1_made {
    struct vd_header header;
    struct vd_hash hash;
    struct vd_slice txs[CHAIN_MAX_ITEMS];
    size_t tx_count;
    struct vd_slice receipts[CHAIN_MAX_ITEMS];
    size_t receipt_count;
};

struct l2_made {
    struct vd_l2_ref ref;
    struct vd_system_config system;
    struct vd_header header;
    struct vd_hash output;
    const struct vd_slice *txs; /* the users' */
    size_t tx_count;
    struct vd_slice batch; /* as a singular batch */
    uint64_t gas_used;
};

struct chain {
    void *memory;
    struct vd_arena arena;
    void *exec_memory;
    struct vd_arena exec; /* one block in execution */
    void *program_memory;
    struct vd_rollup_config config;
    struct vd_genesis_account *accounts;
    size_t account_count;
    struct l1_made l1[CHAIN_MAX_L1];
    size_t l1_count;
    struct l2_made l2[CHAIN_MAX_L2];
    size_t l2_count;
    struct vd_address batcher;
    struct vd_curves curves;
    uint64_t nonces[256];
    /* The oracle: preimages by typed key, the question, what was asked. */
    struct hash_store preimages;
    uint8_t local[6][32];
    size_t local_len[6];
    struct vd_hint hint;
    struct vd_hash *asked; /* keccak keys, in order, each once */
    size_t asked_count;
    bool keeps_no_list; /* of what is asked: that takes time by its square */
    size_t asks;
    unsigned blake2f_asked;
    size_t asks_max;    /* 0: no limit */
    bool is_overridden; /* this key has other bytes, or none */
    struct vd_hash override;
    bool is_missing;
    struct vd_slice override_bytes;
    struct vd_hash forbidden; /* nobody may ask for it */
    struct vd_program_result result;
    size_t code_window;               /* 0: as the program has it */
    struct vd_program_memory regions; /* after the last run */
};

/* --- preimages --- */

static inline struct vd_hash
chain_put(struct chain *c, struct vd_slice bytes)
{
    struct vd_hash hash = vd_keccak256(bytes);
    struct vd_hash key = vd_key_typed(VD_KEY_KECCAK, &hash);
    hash_store_put(&c->preimages, &key, bytes);
    return hash;
}

static inline enum vd_err
chain_put_node(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *node,
               struct vd_slice rlp, const struct vd_trie_ref *ref)
{
    (void)at, (void)node;
    if (ref->len == 32)
        (void)chain_put(ctx, rlp);
    return VD_OK;
}

static inline enum vd_err
chain_del_node(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
               const struct vd_trie_node *old)
{
    (void)ctx, (void)at, (void)type, (void)old;
    return VD_OK;
}

static inline struct vd_trie_sink
chain_sink(struct chain *c)
{
    return (struct vd_trie_sink){.ctx = c, .put = chain_put_node, .del = chain_del_node};
}

static inline struct vd_hash
chain_put_list(struct chain *c, const struct vd_slice *items, size_t count)
{
    struct vd_hash root;
    struct vd_trie_sink sink = chain_sink(c);
    assert_int_equal(vd_trie_list_nodes(&root, &c->arena, items, count, &sink), VD_OK);
    return root;
}

static inline struct vd_slice
chain_preimage(struct chain *c, const struct vd_hash *hash)
{
    struct vd_hash key = vd_key_typed(VD_KEY_KECCAK, hash);
    return hash_store_get(&c->preimages, &key);
}

static inline struct vd_hash
chain_put_header(struct chain *c, const struct vd_header *header)
{
    struct vd_buf buf;
    vd_buf_init(&buf, &c->arena);
    vd_header_encode(&buf, header);
    assert_int_equal(buf.err, VD_OK);
    return chain_put(c, vd_buf_view(&buf));
}

/* --- the state of L2 --- */

static inline enum vd_err
chain_node(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
           const struct vd_hash *hash)
{
    (void)at;
    return vd_trie_decode(out, chain_preimage(ctx, hash));
}

static inline enum vd_err
chain_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    *out = chain_preimage(ctx, code_hash);
    return out->len != 0 ? VD_OK : VD_ERR_NOT_FOUND;
}

static inline enum vd_err
chain_block_hash(void *ctx, struct vd_hash *out, uint64_t n)
{
    struct chain *c = ctx;
    assert_true(n < c->l2_count);
    *out = c->l2[n].ref.hash;
    return VD_OK;
}

static inline enum vd_err
chain_keep_code(void *ctx, const struct vd_hash *code_hash, struct vd_slice code)
{
    struct vd_hash hash = chain_put(ctx, code);
    assert_true(vd_hash_eq(&hash, code_hash));
    return VD_OK;
}

static inline enum vd_err
chain_recover(void *ctx, struct vd_address *out, bool *valid, const struct vd_hash *hash,
              const uint8_t signature[64], uint8_t y_parity)
{
    (void)ctx, (void)hash, (void)y_parity;
    memcpy(out->b, signature + 12, sizeof out->b);
    *valid = true;
    return VD_OK;
}

/* --- L1 --- */

static inline struct l1_made *
chain_l1(struct chain *c)
{
    return &c->l1[c->l1_count - 1];
}

static inline struct vd_slice
chain_keep(struct chain *c, struct vd_slice bytes)
{
    uint8_t *copy = vd_arena_copy(&c->arena, bytes);
    assert_non_null(copy);
    return vd_slice(copy, bytes.len);
}

/* Opens an L1 block: fill it, then seal it. */
static inline void
chain_l1_open(struct chain *c)
{
    assert_true(c->l1_count < CHAIN_MAX_L1);
    uint64_t n = c->l1_count++;
    struct l1_made *b = chain_l1(c);
    *b = (struct l1_made){.header = {.number = n,
                                     .gas_limit = 60000000,
                                     .timestamp = CHAIN_START + CHAIN_L1_TIME * n,
                                     .ommers_hash = VD_EMPTY_OMMERS,
                                     .has_base_fee = true,
                                     .base_fee = vd_u256(7 + n),
                                     .has_withdrawals_root = true,
                                     .withdrawals_root = VD_EMPTY_ROOT,
                                     .has_blob_gas = true,
                                     .has_parent_beacon_root = true,
                                     .has_requests_hash = true}};
    b->header.mix_hash.b[0] = (uint8_t)n;
    b->header.parent_beacon_root.b[1] = (uint8_t)n;
    if (n > 0)
        b->header.parent_hash = b[-1].hash;
}

static inline void
chain_l1_seal(struct chain *c)
{
    struct l1_made *b = chain_l1(c);
    b->header.transactions_root = chain_put_list(c, b->txs, b->tx_count);
    b->header.receipts_root = chain_put_list(c, b->receipts, b->receipt_count);
    b->hash = chain_put_header(c, &b->header);
}

static inline void
chain_l1_grow(struct chain *c, size_t count)
{
    while (c->l1_count < count) {
        chain_l1_open(c);
        chain_l1_seal(c);
    }
}

static inline struct vd_u256
chain_signature(const struct vd_address *from)
{
    uint8_t word[32] = {0};
    memcpy(word + 12, from->b, sizeof from->b);
    return vd_u256_from_be(word);
}

static inline struct vd_slice
chain_encode(struct chain *c, const struct vd_tx *tx)
{
    struct vd_buf buf;
    vd_buf_init(&buf, &c->arena);
    vd_tx_encode(&buf, tx);
    assert_int_equal(buf.err, VD_OK);
    return vd_buf_view(&buf);
}

static inline void
chain_l1_tx(struct chain *c, const struct vd_address *from, const struct vd_address *to,
            struct vd_slice data)
{
    struct l1_made *b = chain_l1(c);
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                       .has_chain_id = true,
                       .chain_id = 900,
                       .nonce = c->l1_count * 100 + b->tx_count,
                       .to = *to,
                       .data = data,
                       .r = chain_signature(from),
                       .s = vd_u256(1)};
    assert_true(b->tx_count < CHAIN_MAX_ITEMS);
    b->txs[b->tx_count++] = chain_encode(c, &tx);
}

static inline void
chain_receipt(struct chain *c, const struct vd_log *log)
{
    struct l1_made *b = chain_l1(c);
    struct vd_receipt receipt = {
        .type = VD_TX_DYNAMIC_FEE, .success = true, .logs = log, .log_count = 1};
    struct vd_buf buf;
    vd_bloom_add_logs(receipt.bloom, log, 1);
    vd_bloom_add_logs(b->header.logs_bloom, log, 1);
    vd_buf_init(&buf, &c->arena);
    vd_receipt_encode(&buf, &receipt);
    assert_true(b->receipt_count < CHAIN_MAX_ITEMS);
    b->receipts[b->receipt_count++] = vd_buf_view(&buf);
}

/* A deposit that mints (OP Stack specs, deposits: TransactionDeposited, version 0). */
static inline void
chain_deposit(struct chain *c, const struct vd_address *to, uint64_t mint)
{
    static const char topic[] = "b3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32";
    uint8_t *data = vd_arena_zeroed(&c->arena, 64 + 96, 1, 1);
    struct vd_log log = {
        .address = c->config.deposit_contract, .topic_count = 4, .data = vd_slice(data, 64 + 96)};
    assert_int_equal(vd_hex_decode(log.topics[0].b, 32, topic, 64), VD_OK);
    memcpy(log.topics[1].b + 12, to->b, 20);
    memcpy(log.topics[2].b + 12, to->b, 20);
    data[31] = 32;
    data[63] = 73;
    vd_store_be64(data + 64 + 24, mint);
    vd_store_be64(data + 64 + 64, 50000);
    chain_receipt(c, &log);
}

/* A log of a contract that derivation does not look at. */
static inline void
chain_other_log(struct chain *c)
{
    struct vd_log log = {.address = {{0x77, 0x01, 0x42}}, .topic_count = 1};
    log.topics[0].b[7] = 0x33;
    chain_receipt(c, &log);
}

/* --- L2 --- */

static inline struct vd_address
chain_user(uint8_t n)
{
    return (struct vd_address){{0xaa, [19] = n}};
}

static inline struct l2_made *
chain_head(struct chain *c)
{
    return &c->l2[c->l2_count - 1];
}

/* A transaction of user n, with the next nonce. */
static inline struct vd_slice
chain_tx(struct chain *c, uint8_t n, struct vd_address to, uint64_t gas, struct vd_slice data)
{
    struct vd_address from = chain_user(n);
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                       .has_chain_id = true,
                       .chain_id = CHAIN_ID,
                       .nonce = c->nonces[n]++,
                       .gas_limit = gas,
                       .max_fee = vd_u256(1000000000),
                       .to = to,
                       .data = data,
                       .value = vd_u256(1),
                       .r = chain_signature(&from),
                       .s = vd_u256(1)};
    return chain_encode(c, &tx);
}

static inline struct vd_slice *
chain_transfers(struct chain *c, size_t count)
{
    struct vd_slice *txs = VD_ARENA_NEW(&c->arena, struct vd_slice, count + 1);
    for (size_t i = 0; i < count; i++)
        txs[i] = chain_tx(c, (uint8_t)(i % 3), chain_user((uint8_t)(100 + i)), 50000,
                          (struct vd_slice){0});
    return txs;
}

static inline void
chain_put_output(struct chain *c, struct l2_made *b)
{
    uint8_t output[128] = {0};
    memcpy(output + 32, b->header.state_root.b, 32);
    memcpy(output + 64, b->header.withdrawals_root.b, 32);
    memcpy(output + 96, b->ref.hash.b, 32);
    b->output = chain_put(c, vd_slice(output, sizeof output));
}

static inline struct vd_attributes
chain_attributes(struct chain *c, const struct l2_made *parent, uint64_t origin,
                 const struct vd_slice *txs, size_t count)
{
    struct vd_attributes attributes;
    const struct l1_made *l1 = &c->l1[origin];
    struct vd_system_config system = parent->system;
    struct vd_slice *deposits = NULL;
    struct vd_l1_origin o = {.header = &l1->header, .hash = l1->hash};
    assert_int_equal(vd_deposits_read_raw(&deposits, &o.deposit_count, &c->arena,
                                          &c->config.deposit_contract, &l1->hash, l1->receipts,
                                          l1->receipt_count),
                     VD_OK);
    o.deposits = deposits;
    if (origin != parent->ref.l1_origin.number)
        assert_int_equal(vd_system_config_update_raw(&system, &c->config.l1_system_config,
                                                     l1->receipts, l1->receipt_count),
                         VD_OK);
    assert_int_equal(vd_attributes_build(&attributes, &c->arena, &c->config, &parent->ref, &system,
                                         &o, txs, count),
                     VD_OK);
    return attributes;
}

static inline void
chain_execute(struct chain *c, struct vd_exec_result *result, const struct l2_made *parent,
              const struct vd_attributes *attributes)
{
    struct vd_exec *exec;
    struct vd_state_source source;
    struct vd_trie_sink sink = chain_sink(c);
    struct vd_state_visitor visitor = {.ctx = c, .code = chain_keep_code};
    struct vd_trie_walker walker = {.nodes = {.ctx = c, .node = chain_node},
                                    .root = parent->header.state_root,
                                    .arena = &c->exec,
                                    .code_ctx = c,
                                    .code = chain_code};
    vd_state_source_from_tries(&source, &walker);
    struct vd_exec_inputs inputs = {.config = &c->config.l2,
                                    .parent = &parent->header,
                                    .parent_hash = parent->ref.hash,
                                    .env = &attributes->env,
                                    .source = &source,
                                    .curves = &c->curves,
                                    .hash_ctx = c,
                                    .block_hash = chain_block_hash};
    vd_arena_rewind(&c->exec, 0);
    assert_int_equal(vd_exec_begin(&exec, &c->exec, &inputs), VD_OK);
    for (size_t i = 0; i < attributes->transaction_count; i++) {
        struct vd_tx *tx = VD_ARENA_NEW(&c->arena, struct vd_tx, 1);
        struct vd_address sender;
        struct vd_tx_outcome outcome;
        bool valid;
        assert_int_equal(vd_tx_decode(tx, NULL, &c->arena, attributes->transactions[i]), VD_OK);
        assert_int_equal(vd_tx_sender(&sender, &valid, tx, &c->curves, &c->arena), VD_OK);
        assert_int_equal(vd_exec_tx(exec, &outcome, tx, &sender), VD_OK);
        if (outcome.verdict != VD_TX_INCLUDED)
            fail_msg("transaction %zu: %s", i, vd_tx_verdict_text(outcome.verdict));
    }
    assert_int_equal(vd_exec_finish(exec, result, &visitor, &sink), VD_OK);
}

/* As the batcher writes it. */
static inline struct vd_slice
chain_batch(struct chain *c, const struct l2_made *b, const struct vd_slice *txs, size_t count)
{
    struct vd_singular_batch batch = {.parent_hash = b->ref.parent_hash,
                                      .block = {.timestamp = b->ref.timestamp,
                                                .epoch_number = b->ref.l1_origin.number,
                                                .epoch_hash = b->ref.l1_origin.hash,
                                                .transactions = txs,
                                                .transaction_count = count}};
    struct vd_arena scratch;
    struct vd_buf buf;
    size_t room = (size_t)8 << 20;
    void *memory = malloc(room);
    vd_arena_init(&scratch, memory, room);
    vd_buf_init(&buf, &c->arena);
    assert_int_equal(vd_singular_batch_encode(&buf, &scratch, &batch), VD_OK);
    free(memory);
    return vd_buf_view(&buf);
}

/* The next block, with those user transactions. */
static inline struct l2_made *
chain_l2_add(struct chain *c, uint64_t origin, const struct vd_slice *txs, size_t count)
{
    struct vd_exec_result result;
    const struct l2_made *parent = chain_head(c);
    struct vd_attributes attributes = chain_attributes(c, parent, origin, txs, count);
    chain_execute(c, &result, parent, &attributes);
    assert_true(c->l2_count < CHAIN_MAX_L2);
    struct l2_made *b = &c->l2[c->l2_count++];
    *b = (struct l2_made){.header = result.header, .txs = txs, .tx_count = count};
    struct vd_hash hash = chain_put_header(c, &result.header);
    assert_true(vd_hash_eq(&hash, &result.hash));
    (void)chain_put_list(c, attributes.transactions, attributes.transaction_count);
    struct vd_slice first = attributes.transactions[0];
    assert_int_equal(
        vd_l2_ref_read(&b->ref, &c->config, &b->header, &result.hash, first, &c->arena), VD_OK);
    assert_int_equal(
        vd_system_config_read(&b->system, &c->config, &b->header, &result.hash, first, &c->arena),
        VD_OK);
    b->gas_used = result.header.gas_used;
    b->batch = chain_batch(c, b, txs, count);
    chain_put_output(c, b);
    return b;
}

/* The origin that a sequencer takes: the newest that is old enough, one step at most. */
static inline uint64_t
chain_origin(const struct chain *c)
{
    const struct vd_l2_ref *head = &c->l2[c->l2_count - 1].ref;
    uint64_t next = head->l1_origin.number + 1;
    bool take =
        next < c->l1_count && head->timestamp + CHAIN_BLOCK_TIME >= c->l1[next].header.timestamp;
    return take ? next : next - 1;
}

static inline void
chain_l2_grow(struct chain *c, size_t blocks, size_t transfers)
{
    for (size_t i = 0; i < blocks; i++)
        (void)chain_l2_add(c, chain_origin(c), chain_transfers(c, transfers), transfers);
}

/* --- the batcher --- */

static inline void
chain_post_channel(struct chain *c, struct vd_slice compressed, uint8_t id)
{
    struct vd_channel_id channel = {{id}};
    struct vd_slice *frames;
    size_t count;
    struct vd_buf item;
    assert_int_equal(vd_channel_frames(&frames, &count, &c->arena, &channel, compressed, 900000),
                     VD_OK);
    vd_buf_init(&item, &c->arena);
    vd_buf_byte(&item, 0);
    for (size_t i = 0; i < count; i++)
        vd_buf_slice(&item, frames[i]);
    chain_l1_tx(c, &c->batcher, &c->config.batch_inbox, vd_buf_view(&item));
}

/* Blocks [from, to) as one channel of singular batches, in the open L1 block. */
static inline void
chain_post(struct chain *c, size_t from, size_t to)
{
    struct vd_buf batches;
    struct vd_buf out;
    vd_buf_init(&batches, &c->arena);
    for (size_t i = from; i < to; i++)
        vd_buf_slice(&batches, c->l2[i].batch);
    vd_buf_init(&out, &c->arena);
    deflate_whole(&out, vd_buf_view(&batches));
    chain_post_channel(c, vd_buf_view(&out), (uint8_t)from);
}

static inline void
chain_post_in_next(struct chain *c, size_t from, size_t to)
{
    chain_l1_open(c);
    chain_post(c, from, to);
    chain_l1_seal(c);
}

/* --- the oracle --- */

static inline void
chain_hint(void *ctx, const struct vd_hint *hint)
{
    struct chain *c = ctx;
    c->hint = *hint;
}

static inline void
chain_note(struct chain *c, const struct vd_hash *key)
{
    for (size_t i = 0; i < c->asked_count; i++) {
        if (vd_hash_eq(&c->asked[i], key))
            return;
    }
    if (c->asked_count < CHAIN_MAX_ASKED)
        c->asked[c->asked_count++] = *key;
}

static inline enum vd_err
chain_answer_precompile(struct chain *c, struct vd_slice *value, const struct vd_hash *key)
{
    static uint8_t answer[65];
    const uint8_t *input = c->hint.input.ptr;
    struct vd_hash want = vd_precompile_key(c->hint.input);
    assert_int_equal(c->hint.kind, VD_HINT_PRECOMPILE);
    assert_true(vd_hash_eq(&want, key));
    memset(answer, 0, sizeof answer);
    answer[0] = 1;
    if (input[19] == 9) {
        assert_int_equal(c->hint.input.len, 28 + VD_BLAKE2F_INPUT);
        assert_int_equal(vd_load_be64(input + 20), vd_load_be32(input + 28) * (uint64_t)5 / 4);
        vd_blake2f(answer + 1, input + 28);
        c->blake2f_asked++;
    } else {
        assert_int_equal(c->hint.input.len, 28 + 128);
        assert_int_equal(vd_load_be64(input + 20), 3750);
        memcpy(answer + 13, input + 28 + 64 + 12, 20);
    }
    *value = vd_slice(answer, input[19] == 9 ? 65 : 33);
    hash_store_put(&c->preimages, key, *value);
    return VD_OK;
}

static inline enum vd_err
chain_find(struct chain *c, struct vd_slice *value, const struct vd_hash *key)
{
    c->asks++;
    if (c->asks_max != 0 && c->asks > c->asks_max)
        return VD_ERR_IO;
    if (vd_hash_eq(key, &c->forbidden))
        fail_msg("asked for what is not needed");
    if (!c->keeps_no_list)
        chain_note(c, key);
    if (c->is_overridden && vd_hash_eq(key, &c->override)) {
        *value = c->override_bytes;
        return c->is_missing ? VD_ERR_NOT_FOUND : VD_OK;
    }
    if (key->b[0] == VD_KEY_LOCAL) {
        *value = vd_slice(c->local[key->b[31]], c->local_len[key->b[31]]);
        return VD_OK;
    }
    if (key->b[0] == VD_KEY_PRECOMPILE)
        return chain_answer_precompile(c, value, key);
    *value = hash_store_get(&c->preimages, key);
    return value->ptr != NULL ? VD_OK : VD_ERR_NOT_FOUND;
}

static inline enum vd_err
chain_get(void *ctx, struct vd_slice *out, struct vd_arena *arena, const struct vd_hash *key)
{
    struct vd_slice value;
    enum vd_err err = chain_find(ctx, &value, key);
    if (err != VD_OK)
        return err;
    uint8_t *room = vd_arena_alloc(arena, (value.len + 31) / 32 * 32, 32);
    if (room == NULL)
        return VD_ERR_NO_MEMORY;
    if (value.len != 0)
        memcpy(room, value.ptr, value.len);
    *out = vd_slice(room, value.len);
    return VD_OK;
}

static inline enum vd_err
chain_get_head(void *ctx, uint8_t out[64], const struct vd_hash *key)
{
    struct vd_slice value;
    enum vd_err err = chain_find(ctx, &value, key);
    memset(out, 0, 64);
    if (err == VD_OK && value.len != 0)
        memcpy(out, value.ptr, value.len < 64 ? value.len : 64);
    return err;
}

static inline void
chain_set_local(struct chain *c, unsigned ident, const void *bytes, size_t len)
{
    memcpy(c->local[ident], bytes, len);
    c->local_len[ident] = len;
}

static inline void
chain_ask(struct chain *c, size_t agreed, uint64_t block, const struct vd_hash *claim)
{
    uint8_t word[8];
    chain_set_local(c, VD_LOCAL_L1_HEAD, chain_l1(c)->hash.b, 32);
    chain_set_local(c, VD_LOCAL_AGREED_ROOT, c->l2[agreed].output.b, 32);
    chain_set_local(c, VD_LOCAL_CLAIMED_ROOT, claim->b, 32);
    vd_store_be64(word, block);
    chain_set_local(c, VD_LOCAL_CLAIMED_BLOCK, word, 8);
    vd_store_be64(word, CHAIN_ID);
    chain_set_local(c, VD_LOCAL_CHAIN_ID, word, 8);
}

static inline enum vd_err
chain_run(struct chain *c)
{
    struct vd_oracle oracle = {
        .ctx = c, .hint = chain_hint, .get = chain_get, .head = chain_get_head};
    static struct vd_oracle_curves curves;
    vd_oracle_curves_init(&curves, &oracle);
    struct vd_program program = {.config = &c->config, .curves = &curves.curves, .oracle = &oracle};
    vd_program_memory_init(&program.memory, c->program_memory, VD_PROGRAM_MEMORY);
    if (c->code_window != 0)
        program.memory.code_window = c->code_window;
    c->asked_count = 0;
    c->asks = 0;
    c->blake2f_asked = 0;
    enum vd_err err = vd_program_run(&program, &c->result);
    c->regions = program.memory;
    return err;
}

/* --- life --- */

static inline struct vd_genesis_account *
chain_account(struct chain *c, struct vd_address address, uint64_t balance)
{
    assert_true(c->account_count < CHAIN_MAX_ACCOUNTS);
    struct vd_genesis_account *account = &c->accounts[c->account_count++];
    *account = (struct vd_genesis_account){.address = address, .balance = vd_u256(balance)};
    return account;
}

static inline struct chain *
chain_new(uint64_t window)
{
    struct chain *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->memory = vd_reserve(CHAIN_ROOM);
    c->exec_memory = vd_reserve(CHAIN_ROOM);
    c->program_memory = vd_reserve(VD_PROGRAM_MEMORY);
    assert_non_null(c->memory);
    assert_non_null(c->exec_memory);
    assert_non_null(c->program_memory);
    vd_arena_init(&c->exec, c->exec_memory, CHAIN_ROOM);
    vd_arena_init(&c->arena, c->memory, CHAIN_ROOM);
    c->accounts = calloc(CHAIN_MAX_ACCOUNTS, sizeof *c->accounts);
    c->asked = calloc(CHAIN_MAX_ASKED, sizeof *c->asked);
    c->batcher = (struct vd_address){{0xba, [19] = 1}};
    c->curves.recover = chain_recover;
    struct vd_rollup_config *r = &c->config;
    r->block_time_s = CHAIN_BLOCK_TIME;
    r->seq_window_size = window;
    r->l1_chain_id = 900;
    r->batch_inbox.b[0] = 0xff;
    r->deposit_contract.b[0] = 0xdd;
    r->l1_system_config.b[0] = 0x5c;
    r->pectra_blob_schedule_time = VD_NEVER;
    r->l2 = (struct vd_chain_config){.chain_id = CHAIN_ID,
                                     .is_l2 = true,
                                     .eip1559_elasticity = 6,
                                     .eip1559_denominator_canyon = 250};
    vd_chain_config_l1(&r->l1, 900, 0, 0);
    r->genesis_system_config.batcher = c->batcher;
    r->genesis_system_config.gas_limit = 30000000;
    r->genesis_system_config.scalar[0] = 1;
    r->genesis_l2_time = CHAIN_START;
    for (uint8_t i = 0; i < 3; i++)
        (void)chain_account(c, chain_user(i), (uint64_t)1 << 62);
    return c;
}

/* L1's first block and L2's, with the accounts as they stand. */
static inline void
chain_begin(struct chain *c)
{
    struct vd_rollup_config *r = &c->config;
    uint8_t extra[9];
    const struct vd_eip1559_params params = {250, 6};
    vd_holocene_extra_encode(extra, &params);
    struct vd_genesis genesis = {.timestamp = CHAIN_START,
                                 .gas_limit = r->genesis_system_config.gas_limit,
                                 .base_fee = vd_u256(1000),
                                 .extra_data = chain_keep(c, vd_slice(extra, sizeof extra)),
                                 .accounts = c->accounts,
                                 .account_count = c->account_count};
    struct vd_trie_sink sink = chain_sink(c);
    struct vd_state_visitor visitor = {.ctx = c, .code = chain_keep_code};
    struct l2_made *b = &c->l2[0];
    const char *reason = NULL;
    chain_l1_grow(c, 1);
    r->genesis_l1.hash = c->l1[0].hash;
    assert_int_equal(
        vd_genesis_build(&b->header, &b->ref.hash, &c->arena, &r->l2, &genesis, &visitor, &sink),
        VD_OK);
    b->ref.timestamp = CHAIN_START;
    b->ref.l1_origin = r->genesis_l1;
    b->ref.parent_hash = b->header.parent_hash;
    b->system = r->genesis_system_config;
    r->genesis_l2.hash = b->ref.hash;
    struct vd_hash hash = chain_put_header(c, &b->header);
    assert_true(vd_hash_eq(&hash, &b->ref.hash));
    chain_put_output(c, b);
    c->l2_count = 1;
    assert_int_equal(vd_rollup_config_check(r, &reason), VD_OK);
}

static inline void
chain_free(struct chain *c)
{
    hash_store_deinit(&c->preimages);
    vd_release(c->memory, CHAIN_ROOM);
    vd_release(c->exec_memory, CHAIN_ROOM);
    vd_release(c->program_memory, VD_PROGRAM_MEMORY);
    free(c->accounts);
    free(c->asked);
    free(c);
}

#endif
