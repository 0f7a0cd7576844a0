/* A chain over a real store with a model beside it: random blocks are built through vd_state and
   committed, while the model keeps, by plain arrays, what accounts, slots, heads and index must be.
   Roots and branch rows are expected as the naive trie over the model gives them. */
#ifndef VIADUCT_TESTS_UNIT_NODE_STORE_STORE_WORLD_H
#define VIADUCT_TESTS_UNIT_NODE_STORE_STORE_WORLD_H

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/naive_trie.h"
#include "support/random.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"
#include "viaduct/node/store/store.h"

enum {
    WORLD_ACCOUNTS = 40,
    WORLD_CONTRACTS = 6, /* the first accounts; only they have storage */
    WORLD_SLOTS = 36,
    WORLD_TXS = 4,
    WORLD_LOGS = 2,
    WORLD_BLOCKS = 4096,
    WORLD_BATCH = 8,
    WORLD_CHAIN = 901,
};

#define WORLD_MAP ((uint64_t)1 << 30)
#define WORLD_ARENA ((size_t)256 << 20)

struct world_account {
    bool exists;
    uint64_t nonce;
    uint64_t balance;
    unsigned code; /* 0: none */
};

struct world_model {
    struct world_account accounts[WORLD_ACCOUNTS];
    struct vd_u256 slots[WORLD_CONTRACTS][WORLD_SLOTS];
};

struct world_tx {
    uint8_t raw[64];
    size_t len;
    struct vd_hash hash;
    struct vd_address sender;
    struct vd_receipt receipt;
    struct vd_log logs[WORLD_LOGS];
    uint8_t data[WORLD_LOGS][40];
};

struct world_block {
    struct world_model model; /* the state after it */
    struct vd_header header;
    struct vd_hash hash;
    unsigned tx_count;
    struct world_tx txs[WORLD_TXS];
};

struct world {
    struct vd_random random;
    char folder[64];
    struct vd_store_config config;
    struct vd_store *store;
    struct vd_arena diffs;
    struct vd_arena states;
    struct world_block *blocks[WORLD_BLOCKS];
    uint64_t tip;
    bool has_tip;
};

/* --- keys --- */

/* Hashed slot keys whose first nine nibbles or more agree in pairs, found by search: a leaf with a
   small value below such a fork is shorter than 32 bytes and stands inside its branch. */
static const uint32_t world_near_slots[] = {844434, 1971453, 597456, 1382749, 468858, 1452710,
                                            247476, 515151,  959100, 1490001, 947135, 1483483,
                                            89225,  2464380, 861346, 1207695, 848418, 1519231};

static inline struct vd_u256
world_slot_key(unsigned slot)
{
    size_t near = sizeof world_near_slots / sizeof world_near_slots[0];
    return vd_u256(slot < near ? world_near_slots[slot] : slot);
}

static inline struct vd_hash
world_slot_hash(unsigned slot)
{
    uint8_t bytes[32];
    struct vd_u256 key = world_slot_key(slot);
    vd_u256_to_be(bytes, &key);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

static inline struct vd_address
world_address(unsigned account)
{
    struct vd_address address = {{0xac, (uint8_t)account}};
    return address;
}

static inline struct vd_hash
world_address_hash(unsigned account)
{
    struct vd_address address = world_address(account);
    return vd_keccak256(vd_slice(address.b, sizeof address.b));
}

static inline struct vd_slice
world_code(uint8_t out[64], unsigned code)
{
    for (unsigned i = 0; i < 64; i++)
        out[i] = (uint8_t)(code + i);
    return vd_slice(out, code == 0 ? 0 : code % 60 + 1);
}

static inline struct vd_hash
world_code_hash(unsigned code)
{
    uint8_t bytes[64];
    return vd_keccak256(world_code(bytes, code));
}

/* --- the rows that a model stands for, encoded by hand --- */

struct world_row {
    uint8_t key[VD_MAX_KEY];
    size_t key_len;
    uint8_t value[VD_MAX_BRANCH];
    size_t value_len;
};

struct world_rows {
    struct world_row *rows;
    size_t count;
    size_t cap;
};

static inline struct world_row *
world_add_row(struct world_rows *rows)
{
    if (rows->count == rows->cap) {
        rows->cap = rows->cap ? 2 * rows->cap : 64;
        rows->rows = realloc(rows->rows, rows->cap * sizeof *rows->rows);
        assert_non_null(rows->rows);
    }
    struct world_row *row = &rows->rows[rows->count++];
    memset(row, 0, sizeof *row);
    return row;
}

static inline int
world_compare_rows(const void *a, const void *b)
{
    const struct world_row *x = a;
    const struct world_row *y = b;
    size_t common = x->key_len < y->key_len ? x->key_len : y->key_len;
    int order = memcmp(x->key, y->key, common);
    return order != 0 ? order : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

/* A string of at most 55 bytes. */
static inline size_t
world_put_string(uint8_t *out, const uint8_t *bytes, size_t len)
{
    if (len == 1 && bytes[0] < 0x80) {
        out[0] = bytes[0];
        return 1;
    }
    out[0] = (uint8_t)(0x80 + len);
    memcpy(out + 1, bytes, len);
    return len + 1;
}

static inline size_t
world_put_number(uint8_t *out, const struct vd_u256 *number)
{
    uint8_t bytes[32];
    size_t zeros = 0;
    vd_u256_to_be(bytes, number);
    while (zeros < 32 && bytes[zeros] == 0)
        zeros++;
    return world_put_string(out, bytes + zeros, 32 - zeros);
}

struct world_trie {
    struct world_rows *branches; /* may be NULL */
    const struct vd_hash *owner;
};

/* A branch's row, read off the RLP of the naive trie's node as diff.h describes it. */
static inline void
world_see_node(void *ctx, const uint8_t *path, size_t path_len, char kind, struct vd_slice rlp)
{
    const struct world_trie *trie = ctx;
    if (kind != 'b' || !trie->branches)
        return;
    struct world_row *row = world_add_row(trie->branches);
    row->key[row->key_len++] = trie->owner ? 's' : 'a';
    if (trie->owner) {
        memcpy(row->key + 1, trie->owner->b, 32);
        row->key_len += 32;
    }
    memcpy(row->key + row->key_len, path, path_len);
    row->key_len += path_len;
    row->value_len = 4;
    const uint8_t *p = rlp.ptr + (rlp.ptr[0] < 0xf8 ? 1 : 1 + (rlp.ptr[0] - 0xf7));
    for (unsigned i = 0; i < 16; i++) {
        if (*p == 0x80) {
            p++;
            continue;
        }
        row->value[1 - i / 8] |= (uint8_t)(1u << i % 8);
        size_t len = 32;
        if (*p == 0xa0) {
            p++;
        } else {
            len = (size_t)(*p - 0xc0) + 1;
            row->value[3 - i / 8] |= (uint8_t)(1u << i % 8);
            row->value[row->value_len++] = (uint8_t)len;
        }
        memcpy(row->value + row->value_len, p, len);
        row->value_len += len;
        p += len;
    }
}

static inline struct vd_hash
world_naive_root(const struct world_rows *rows, size_t from, size_t head,
                 struct world_rows *branches, const struct vd_hash *owner)
{
    size_t count = rows->count - from;
    struct naive_pair *pairs = calloc(count + 1, sizeof *pairs);
    assert_non_null(pairs);
    for (size_t i = 0; i < count; i++) {
        const struct world_row *row = &rows->rows[from + i];
        naive_pair_init(&pairs[i], vd_slice(row->key + head, 32),
                        vd_slice(row->value, row->value_len));
    }
    naive_sort(pairs, count);
    struct world_trie trie = {branches, owner};
    struct vd_hash root = naive_root(pairs, count, world_see_node, &trie);
    free(pairs);
    return root;
}

static inline struct vd_hash
world_storage(const struct world_model *model, unsigned contract, struct world_rows *slots,
              struct world_rows *branches)
{
    size_t from = slots->count;
    struct vd_hash owner = world_address_hash(contract);
    for (unsigned i = 0; i < WORLD_SLOTS; i++) {
        if (vd_u256_is_zero(&model->slots[contract][i]))
            continue;
        struct world_row *row = world_add_row(slots);
        struct vd_hash hash = world_slot_hash(i);
        memcpy(row->key, owner.b, 32);
        memcpy(row->key + 32, hash.b, 32);
        row->key_len = 64;
        row->value_len = world_put_number(row->value, &model->slots[contract][i]);
    }
    return world_naive_root(slots, from, 32, branches, &owner);
}

struct world_expected {
    struct world_rows tables[3]; /* accounts, slots, branches, sorted */
    struct vd_hash root;
};

static inline void
world_expect(struct world_expected *out, const struct world_model *model)
{
    *out = (struct world_expected){0};
    struct world_rows *accounts = &out->tables[VD_TABLE_ACCOUNTS];
    struct world_rows *branches = &out->tables[VD_TABLE_BRANCHES];
    struct world_rows *slots = &out->tables[VD_TABLE_SLOTS];
    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
        const struct world_account *account = &model->accounts[i];
        if (!account->exists)
            continue;
        struct vd_hash root = VD_EMPTY_ROOT;
        if (i < WORLD_CONTRACTS)
            root = world_storage(model, i, slots, branches);
        struct vd_hash code_hash = world_code_hash(account->code);
        struct vd_hash key = world_address_hash(i);
        struct vd_u256 numbers[2] = {vd_u256(account->nonce), vd_u256(account->balance)};
        struct world_row *row = world_add_row(accounts);
        memcpy(row->key, key.b, row->key_len = 32);
        size_t len = 2;
        len += world_put_number(row->value + len, &numbers[0]);
        len += world_put_number(row->value + len, &numbers[1]);
        len += world_put_string(row->value + len, root.b, 32);
        len += world_put_string(row->value + len, code_hash.b, 32);
        row->value[0] = 0xf8; /* two words: always more than 55 bytes */
        row->value[1] = (uint8_t)(len - 2);
        row->value_len = len;
    }
    out->root = world_naive_root(accounts, 0, 0, branches, NULL);
    for (int t = 0; t < 3; t++) {
        if (out->tables[t].count > 0)
            qsort(out->tables[t].rows, out->tables[t].count, sizeof(struct world_row),
                  world_compare_rows);
    }
}

static inline void
world_expected_free(struct world_expected *expected)
{
    for (int t = 0; t < 3; t++)
        free(expected->tables[t].rows);
}

static inline struct vd_hash
world_root(const struct world_model *model)
{
    struct world_expected expected;
    world_expect(&expected, model);
    world_expected_free(&expected);
    return expected.root;
}

/* Every row of the three tables, no more and no less. */
static inline void
world_check_rows(const struct vd_rows *rows, const struct world_model *model)
{
    struct world_expected expected;
    world_expect(&expected, model);
    for (int t = 0; t < 3; t++) {
        uint8_t next[VD_MAX_KEY + 1] = {0};
        struct vd_slice key = vd_slice(next, 1);
        struct vd_slice found;
        struct vd_slice value;
        for (size_t i = 0; i < expected.tables[t].count; i++) {
            const struct world_row *row = &expected.tables[t].rows[i];
            assert_int_equal(rows->seek(rows->ctx, &found, &value, (enum vd_table)t, key), VD_OK);
            assert_true(vd_slice_eq(found, vd_slice(row->key, row->key_len)));
            assert_true(vd_slice_eq(value, vd_slice(row->value, row->value_len)));
            memcpy(next, row->key, row->key_len);
            next[row->key_len] = 0;
            key = vd_slice(next, row->key_len + 1);
        }
        assert_int_equal(rows->seek(rows->ctx, &found, &value, (enum vd_table)t, key),
                         VD_ERR_NOT_FOUND);
    }
    world_expected_free(&expected);
}

/* The model read back from rows: of a state that another process committed. */
static inline void
world_read_model(const struct vd_rows *rows, struct world_model *model)
{
    *model = (struct world_model){0};
    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
        struct vd_slice row;
        struct vd_account account;
        struct vd_hash key = world_address_hash(i);
        enum vd_err err = rows->get(rows->ctx, &row, VD_TABLE_ACCOUNTS, vd_slice(key.b, 32));
        if (err == VD_ERR_NOT_FOUND)
            continue;
        assert_int_equal(err, VD_OK);
        assert_int_equal(vd_account_decode(&account, row), VD_OK);
        struct world_account *out = &model->accounts[i];
        *out = (struct world_account){true, account.nonce, account.balance.w[0], 0};
        while (out->code <= 200) {
            struct vd_hash hash = world_code_hash(out->code);
            if (vd_hash_eq(&hash, &account.code_hash))
                break;
            out->code++;
        }
        for (unsigned s = 0; i < WORLD_CONTRACTS && s < WORLD_SLOTS; s++) {
            uint8_t slot_key[64];
            struct vd_hash slot = world_slot_hash(s);
            memcpy(slot_key, key.b, 32);
            memcpy(slot_key + 32, slot.b, 32);
            err = rows->get(rows->ctx, &row, VD_TABLE_SLOTS, vd_slice(slot_key, 64));
            if (err == VD_OK && row.len == 1)
                model->slots[i][s] = vd_u256(row.ptr[0]);
            else if (err == VD_OK)
                model->slots[i][s] = vd_u256_from_slice(vd_slice(row.ptr + 1, row.len - 1));
        }
    }
}

/* --- changing model and state alike --- */

static inline struct vd_u256
world_value(struct vd_random *r)
{
    struct vd_u256 value = vd_u256(1 + vd_random_below(r, 0x7f));
    if (vd_random_below(r, 3) == 0) {
        for (int i = 0; i < 4; i++)
            value.w[i] = vd_random_u64(r);
    }
    return vd_random_below(r, 3) == 0 ? vd_u256(0) : value;
}

static inline void
world_write_slot(struct world_model *model, struct vd_state *state, unsigned contract,
                 unsigned slot, struct vd_u256 value)
{
    struct vd_address address = world_address(contract);
    struct vd_u256 key = world_slot_key(slot);
    struct vd_slot_view view;
    assert_int_equal(vd_state_slot(state, &view, &address, &key), VD_OK);
    assert_true(vd_u256_eq(&view.current, &model->slots[contract][slot]));
    assert_int_equal(vd_state_set_slot(state, &address, &key, &value), VD_OK);
    model->slots[contract][slot] = value;
}

static inline void
world_change_contract(struct vd_random *r, struct world_model *model, struct vd_state *state)
{
    unsigned i = (unsigned)vd_random_below(r, WORLD_CONTRACTS);
    struct vd_address address = world_address(i);
    struct world_account *account = &model->accounts[i];
    uint8_t code[64];
    if (account->nonce == 0) {
        bool destroyed = !account->exists && vd_random_below(r, 2) == 0;
        account->code = 1 + (unsigned)vd_random_below(r, 200);
        assert_int_equal(vd_state_create(state, &address), VD_OK);
        assert_int_equal(vd_state_set_code(state, &address, world_code(code, account->code)),
                         VD_OK);
        account->exists = true;
        account->nonce = 1;
        world_write_slot(model, state, i, 0, vd_u256(1));
        if (destroyed) {
            assert_int_equal(vd_state_destroy(state, &address), VD_OK);
            *account = (struct world_account){0};
            model->slots[i][0] = vd_u256(0);
        }
        return;
    }
    bool clear = vd_random_below(r, 8) == 0;
    unsigned count = clear ? WORLD_SLOTS : 1 + (unsigned)vd_random_below(r, 8);
    for (unsigned n = 0; n < count; n++) {
        unsigned slot = clear ? n : (unsigned)vd_random_below(r, WORLD_SLOTS);
        world_write_slot(model, state, i, slot, clear ? vd_u256(0) : world_value(r));
    }
}

static inline void
world_change_account(struct vd_random *r, struct world_model *model, struct vd_state *state)
{
    unsigned i = (unsigned)vd_random_below(r, WORLD_ACCOUNTS);
    struct vd_address address = world_address(i);
    struct world_account *account = &model->accounts[i];
    struct vd_u256 amount = vd_u256(vd_random_below(r, 4) == 0 ? 0 : vd_random_below(r, 1u << 30));
    uint8_t code[64];
    switch (vd_random_below(r, 4)) {
    case 0:
        assert_int_equal(vd_state_add_balance(state, &address, &amount), VD_OK);
        account->exists = true;
        account->balance += amount.w[0];
        break;
    case 1:
        amount = vd_u256(account->balance);
        assert_int_equal(vd_state_add_balance(state, &address, &(struct vd_u256){{0}}), VD_OK);
        assert_int_equal(vd_state_sub_balance(state, &address, &amount), VD_OK);
        account->balance = 0;
        break;
    case 2:
        if (i < WORLD_CONTRACTS)
            break;
        account->nonce++;
        account->exists = true;
        assert_int_equal(vd_state_set_nonce(state, &address, account->nonce), VD_OK);
        break;
    default:
        if (i < WORLD_CONTRACTS || account->nonce == 0)
            break;
        account->code = vd_random_below(r, 2) == 0 ? 0 : 1 + (unsigned)vd_random_below(r, 200);
        assert_int_equal(vd_state_set_code(state, &address, world_code(code, account->code)),
                         VD_OK);
    }
    if (account->nonce == 0 && account->balance == 0 && account->code == 0)
        account->exists = false; /* EIP-161 */
}

static inline void
world_change(struct vd_random *r, struct world_model *model, struct vd_state *state)
{
    for (uint64_t n = vd_random_below(r, 12); n > 0; n--) {
        vd_state_tx_begin(state);
        if (vd_random_below(r, 2) == 0)
            world_change_contract(r, model, state);
        else
            world_change_account(r, model, state);
        assert_int_equal(vd_state_tx_end(state), VD_OK);
    }
}

/* --- blocks --- */

static inline void
world_fill_receipt(struct vd_random *r, struct world_tx *tx)
{
    struct vd_receipt *receipt = &tx->receipt;
    *receipt = (struct vd_receipt){.type = (enum vd_tx_type)tx->raw[0],
                                   .success = vd_random_below(r, 2) == 0,
                                   .cumulative_gas_used = vd_random_u64(r),
                                   .gas_used = vd_random_u64(r),
                                   .deposit_nonce = vd_random_u64(r),
                                   .deposit_version = 1,
                                   .has_contract_address = vd_random_below(r, 2) == 0,
                                   .logs = tx->logs,
                                   .log_count = vd_random_below(r, WORLD_LOGS + 1)};
    if (receipt->has_contract_address)
        vd_random_bytes(r, receipt->contract_address.b, 20);
    for (size_t i = 0; i < receipt->log_count; i++) {
        struct vd_log *log = &tx->logs[i];
        vd_random_bytes(r, log->address.b, 20);
        log->topic_count = (uint8_t)vd_random_below(r, 5);
        vd_random_bytes(r, log->topics[0].b, sizeof log->topics);
        vd_random_bytes(r, tx->data[i], sizeof tx->data[i]);
        log->data = vd_slice(tx->data[i], vd_random_below(r, sizeof tx->data[i] + 1));
    }
    vd_bloom_add_logs(receipt->bloom, receipt->logs, receipt->log_count);
}

static inline void
world_fill_txs(struct vd_random *r, struct world_block *block)
{
    block->tx_count = (unsigned)vd_random_below(r, WORLD_TXS + 1);
    for (unsigned i = 0; i < block->tx_count; i++) {
        struct world_tx *tx = &block->txs[i];
        tx->len = 20 + vd_random_below(r, 45);
        vd_random_bytes(r, tx->raw, tx->len);
        tx->raw[0] = vd_random_below(r, 3) == 0 ? VD_TX_DEPOSIT : VD_TX_DYNAMIC_FEE;
        tx->hash = vd_keccak256(vd_slice(tx->raw, tx->len));
        vd_random_bytes(r, tx->sender.b, 20);
        world_fill_receipt(r, tx);
    }
}

static inline void
world_fill_roots(struct world *w, struct world_block *block)
{
    struct vd_slice raws[WORLD_TXS];
    struct vd_slice receipts[WORLD_TXS];
    for (unsigned i = 0; i < block->tx_count; i++) {
        struct vd_buf buf;
        vd_buf_init(&buf, &w->states);
        vd_receipt_encode(&buf, &block->txs[i].receipt);
        assert_int_equal(buf.err, VD_OK);
        raws[i] = vd_slice(block->txs[i].raw, block->txs[i].len);
        receipts[i] = vd_buf_view(&buf);
    }
    assert_int_equal(
        vd_trie_list_root(&block->header.transactions_root, &w->states, raws, block->tx_count),
        VD_OK);
    assert_int_equal(
        vd_trie_list_root(&block->header.receipts_root, &w->states, receipts, block->tx_count),
        VD_OK);
}

/* Makes block number over the layers: state, header, transactions; its diff is in w->diffs. */
static inline struct vd_diff
world_build(struct world *w, uint64_t number, struct vd_layers *layers)
{
    struct world_block *parent = number > 0 ? w->blocks[number - 1] : NULL;
    struct world_block *block = calloc(1, sizeof *block);
    assert_non_null(block);
    struct vd_hash root = VD_EMPTY_ROOT;
    if (parent) {
        block->model = parent->model;
        block->header.parent_hash = parent->hash;
        root = parent->header.state_root;
    }
    struct vd_state_source source;
    struct vd_state *state = NULL;
    struct vd_diff_builder builder;
    struct vd_diff diff;
    vd_layers_source(&source, layers);
    vd_arena_rewind(&w->states, 0);
    assert_int_equal(vd_state_new(&state, &w->states, &source, &root, &root), VD_OK);
    world_change(&w->random, &block->model, state);
    vd_diff_begin(&builder, &w->diffs);
    assert_int_equal(
        vd_state_root(state, &block->header.state_root, &builder.visitor, &builder.sink), VD_OK);
    assert_int_equal(vd_diff_finish(&builder, &diff), VD_OK);
    block->header.number = number;
    block->header.timestamp = vd_random_u64(&w->random) >> 1;
    world_fill_txs(&w->random, block);
    world_fill_roots(w, block);
    block->hash = vd_header_hash(&block->header);
    assert_true(number < WORLD_BLOCKS);
    free(w->blocks[number]);
    w->blocks[number] = block;
    return diff;
}

struct world_batch {
    struct vd_diff diffs[WORLD_BATCH];
    struct vd_store_block blocks[WORLD_BATCH];
    struct vd_slice raws[WORLD_BATCH][WORLD_TXS];
    struct vd_hash hashes[WORLD_BATCH][WORLD_TXS];
    struct vd_address senders[WORLD_BATCH][WORLD_TXS];
    struct vd_receipt receipts[WORLD_BATCH][WORLD_TXS];
    size_t count;
};

static inline void
world_batch_block(struct world_batch *batch, size_t i, const struct world_block *block)
{
    for (unsigned t = 0; t < block->tx_count; t++) {
        batch->raws[i][t] = vd_slice(block->txs[t].raw, block->txs[t].len);
        batch->hashes[i][t] = block->txs[t].hash;
        batch->senders[i][t] = block->txs[t].sender;
        batch->receipts[i][t] = block->txs[t].receipt;
    }
    batch->blocks[i] = (struct vd_store_block){.header = &block->header,
                                               .hash = block->hash,
                                               .transactions = batch->raws[i],
                                               .transaction_hashes = batch->hashes[i],
                                               .senders = batch->senders[i],
                                               .receipts = batch->receipts[i],
                                               .transaction_count = block->tx_count,
                                               .diff = &batch->diffs[i]};
}

/* Builds count blocks on the tip, each over the diffs of those before it. */
static inline void
world_prepare(struct world *w, struct world_batch *batch, size_t count)
{
    struct vd_snapshot *snapshot = NULL;
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    vd_arena_rewind(&w->diffs, 0);
    batch->count = count;
    uint64_t first = w->has_tip ? w->tip + 1 : 0;
    for (size_t i = 0; i < count; i++) {
        const struct vd_diff *newest_first[WORLD_BATCH];
        for (size_t j = 0; j < i; j++)
            newest_first[j] = &batch->diffs[i - 1 - j];
        struct vd_layers layers = {
            .below = vd_snapshot_rows(snapshot), .layers = newest_first, .count = i};
        batch->diffs[i] = world_build(w, first + i, &layers);
        world_batch_block(batch, i, w->blocks[first + i]);
    }
    vd_snapshot_end(snapshot);
}

static inline enum vd_err
world_commit(struct world *w, size_t count)
{
    static _Thread_local struct world_batch batch;
    world_prepare(w, &batch, count);
    struct vd_store_commit commit = {.blocks = batch.blocks, .block_count = count};
    enum vd_err err = vd_store_commit(w->store, &commit);
    if (err == VD_OK) {
        w->tip = w->has_tip ? w->tip + count : count - 1;
        w->has_tip = true;
    }
    return err;
}

/* Every account, slot and code by the source; then random changes on top of it, whose root takes
   the trie's nodes at every kind of place. */
static inline void
world_check_state(struct world *w, const struct vd_state_source *source,
                  const struct world_block *block)
{
    struct vd_account account;
    struct world_model changed = block->model;
    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
        const struct world_account *want = &block->model.accounts[i];
        struct vd_address address = world_address(i);
        struct vd_hash hash = world_address_hash(i);
        enum vd_err err = source->account(source->ctx, &account, &address, &hash);
        assert_int_equal(err, want->exists ? VD_OK : VD_ERR_NOT_FOUND);
        if (!want->exists)
            continue;
        assert_true(account.nonce == want->nonce && account.balance.w[0] == want->balance);
        struct vd_hash code_hash = world_code_hash(want->code);
        assert_memory_equal(account.code_hash.b, code_hash.b, 32);
        uint8_t bytes[64];
        struct vd_slice code = {0};
        if (want->code != 0) {
            assert_int_equal(source->code(source->ctx, &code, &code_hash), VD_OK);
            assert_true(vd_slice_eq(code, world_code(bytes, want->code)));
        }
        for (unsigned s = 0; i < WORLD_CONTRACTS && s < WORLD_SLOTS; s++) {
            struct vd_u256 value;
            struct vd_hash slot = world_slot_hash(s);
            assert_int_equal(source->slot(source->ctx, &value, &hash, &account.storage_root, &slot),
                             VD_OK);
            assert_true(vd_u256_eq(&value, &block->model.slots[i][s]));
        }
    }
    struct vd_state *state = NULL;
    struct vd_hash root;
    vd_arena_rewind(&w->states, 0);
    assert_int_equal(
        vd_state_new(&state, &w->states, source, &block->header.state_root, &block->hash), VD_OK);
    world_change(&w->random, &changed, state);
    assert_int_equal(vd_state_root(state, &root, NULL, NULL), VD_OK);
    struct vd_hash want = world_root(&changed);
    assert_memory_equal(root.b, want.b, 32);
}

/* --- life --- */

static inline enum vd_err
world_open(struct world *w)
{
    char why[256];
    enum vd_err err = vd_store_open(&w->store, why, sizeof why, &w->config);
    if (err != VD_OK)
        w->store = NULL;
    return err;
}

static inline void
world_reopen(struct world *w)
{
    vd_store_close(w->store);
    assert_int_equal(world_open(w), VD_OK);
}

static inline struct world *
world_new(const char *what)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->random = vd_random_start(what);
    snprintf(w->folder, sizeof w->folder, P_tmpdir "/vd-store-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    w->config = (struct vd_store_config){
        .folder = w->folder, .chain_id = WORLD_CHAIN, .map_bytes = WORLD_MAP};
    vd_arena_init(&w->diffs, vd_reserve(WORLD_ARENA), WORLD_ARENA);
    vd_arena_init(&w->states, vd_reserve(WORLD_ARENA), WORLD_ARENA);
    assert_true(w->diffs.base && w->states.base);
    return w;
}

static inline int
world_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void
world_free(struct world *w)
{
    vd_store_close(w->store);
    vd_release(w->diffs.base, w->diffs.size);
    vd_release(w->states.base, w->states.size);
    for (size_t i = 0; i < WORLD_BLOCKS; i++)
        free(w->blocks[i]);
    nftw(w->folder, world_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(w);
}

#endif
