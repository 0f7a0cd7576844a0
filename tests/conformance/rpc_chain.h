/* A test-only importer: the chain of ethereum/execution-apis (rpc/chain.rlp) into a database,
   without executing it.

   The chain begins under rules that this build does not have, so nothing of it can be executed
   before block 42.  Headers, bodies and receipts are taken as they are given; the state stands from
   block 41 on, first as a whole, then as what each block changed, and its root is compared with
   each header's. */
#ifndef VIADUCT_TESTS_CONFORMANCE_RPC_CHAIN_H
#define VIADUCT_TESTS_CONFORMANCE_RPC_CHAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/vectors.h"
#include "viaduct/core/chain/genesis.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"
#include "viaduct/node/store/store.h"

#define RPC_CHAIN_ID 3503995874084926u
#define STATE_FROM 41u
#define CHAIN_ARENA ((size_t)4 << 30)

static void
rpc_chain_config(struct vd_chain_config *config)
{
    *config = (struct vd_chain_config){
        .chain_id = RPC_CHAIN_ID,
        .cancun_time = 420,
        .prague_time = 450,
        .blobs = {{420, 3, 6, 3338477},
                  {450, 6, 9, 5007716},
                  {510, 10, 15, 8346193},
                  {540, 14, 21, 11684671}},
        .blob_count = 4,
    };
}

struct rpc_import {
    struct vd_store *store;
    struct vd_arena arena;
    struct vd_arena rows; /* of diffs: a trie's update rewinds the arena that it works in */
    json_t *diffs;
    json_t *receipts;
    json_t *alloc;
    uint64_t count; /* blocks imported */
};

static const char *
text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static struct vd_u256
number_in(const json_t *object, const char *name)
{
    const char *text = text_of(object, name);
    if (text == NULL)
        return vd_u256(0);
    struct vd_hash word = vd_unhex_word(text);
    return vd_u256_from_be(word.b);
}

static struct vd_slice
bytes_in(struct rpc_import *m, const char *text)
{
    size_t len;
    uint8_t *bytes = vd_unhex(text, &len);
    struct vd_slice slice = vd_slice(bytes, len);
    slice.ptr = vd_arena_copy(&m->arena, slice);
    free(bytes);
    assert_non_null(slice.ptr);
    return slice;
}

static const json_t *
entry_of(const json_t *list, uint64_t number)
{
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        if ((uint64_t)json_integer_value(json_object_get(entry, "number")) == number)
            return entry;
    }
    return NULL;
}

/* --- receipts --- */

/* Receipts before Byzantium hold a state root where later ones hold a status; the store has no
   place for it, and a status of 1 stands instead. */
static struct vd_slice
with_status(struct rpc_import *m, struct vd_slice receipt)
{
    struct vd_rlp outer = vd_rlp(receipt);
    struct vd_rlp list = vd_rlp_list(&outer);
    if (receipt.len == 0 || receipt.ptr[0] < 0xc0 || vd_rlp_string(&list).len != 32)
        return receipt;
    struct vd_buf buf;
    vd_buf_init(&buf, &m->arena);
    size_t mark = vd_rlp_begin(&buf);
    vd_rlp_put_u64(&buf, 1);
    vd_buf_bytes(&buf, list.ptr, (size_t)(list.end - list.ptr));
    vd_rlp_end(&buf, mark);
    assert_int_equal(buf.err, VD_OK);
    return vd_buf_view(&buf);
}

static void
read_receipts(struct rpc_import *m, struct vd_receipt *out, const struct vd_tx *txs,
              const struct vd_address *senders, size_t count, uint64_t number)
{
    const json_t *entry = entry_of(m->receipts, number);
    const json_t *list = json_object_get(entry, "receipts");
    uint64_t before = 0;
    for (size_t i = 0; i < count; i++) {
        if (json_array_size(list) == count) {
            struct vd_slice bytes =
                with_status(m, bytes_in(m, json_string_value(json_array_get(list, i))));
            assert_int_equal(vd_receipt_decode(&out[i], &m->arena, bytes), VD_OK);
        } else {
            out[i].success = true; /* block 2's receipts are not in the set */
            out[i].type = txs[i].type;
        }
        out[i].gas_used = out[i].cumulative_gas_used - before;
        before = out[i].cumulative_gas_used;
        out[i].has_contract_address = txs[i].is_create;
        if (txs[i].is_create)
            out[i].contract_address = vd_create_address(&senders[i], txs[i].nonce);
    }
}

/* --- state --- */

static const struct vd_genesis_slot *
read_slots(struct rpc_import *m, const json_t *storage, size_t *count)
{
    *count = json_object_size(storage);
    struct vd_genesis_slot *slots = VD_ARENA_NEW(&m->arena, struct vd_genesis_slot, *count + 1);
    size_t i = 0;
    const char *key;
    json_t *value;
    assert_non_null(slots);
    json_object_foreach((json_t *)(uintptr_t)storage, key, value)
    {
        struct vd_hash k = vd_unhex_word(key);
        struct vd_hash v = vd_unhex_word(json_string_value(value));
        slots[i++] = (struct vd_genesis_slot){vd_u256_from_be(k.b), vd_u256_from_be(v.b)};
    }
    return slots;
}

/* An account of the whole state, with its place in the trie. */
struct whole_account {
    struct vd_hash hash;
    struct vd_address address;
    struct vd_account account;
    struct vd_slice code;
    const struct vd_genesis_slot *slots;
    size_t slot_count;
};

static int
compare_accounts(const void *a, const void *b)
{
    return memcmp(((const struct whole_account *)a)->hash.b,
                  ((const struct whole_account *)b)->hash.b, sizeof(struct vd_hash));
}

static int
compare_changes(const void *a, const void *b)
{
    return memcmp(((const struct vd_trie_change *)a)->key.b,
                  ((const struct vd_trie_change *)b)->key.b, sizeof(struct vd_hash));
}

static enum vd_err
no_node(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
        const struct vd_hash *hash)
{
    (void)ctx;
    (void)out;
    (void)at;
    (void)hash;
    return VD_ERR_NOT_FOUND;
}

static const struct vd_trie_source NO_NODES = {.node = no_node};

/* Writes an account's slots and finds their root. */
static void
put_slots(struct rpc_import *m, struct vd_diff_builder *builder, struct whole_account *a)
{
    static const struct vd_u256 none;
    struct vd_trie_change *changes =
        VD_ARENA_NEW(&m->arena, struct vd_trie_change, a->slot_count + 1);
    assert_non_null(changes);
    for (size_t i = 0; i < a->slot_count; i++) {
        const struct vd_genesis_slot *slot = &a->slots[i];
        struct vd_buf value;
        uint8_t key[32];
        vd_u256_to_be(key, &slot->key);
        vd_buf_init(&value, &m->arena);
        vd_rlp_put_u256(&value, &slot->value);
        changes[i].key = vd_keccak256(vd_slice(key, sizeof key));
        changes[i].value = vd_buf_view(&value);
        assert_int_equal(builder->visitor.slot(builder->visitor.ctx, &a->address, &a->hash,
                                               &slot->key, &changes[i].key, &none, &slot->value),
                         VD_OK);
    }
    qsort(changes, a->slot_count, sizeof changes[0], compare_changes);
    assert_int_equal(vd_trie_update(&NO_NODES, &builder->sink, &a->account.storage_root, &m->arena,
                                    &a->hash, &VD_EMPTY_ROOT, changes, a->slot_count),
                     VD_OK);
}

static void
read_whole(struct rpc_import *m, struct whole_account *a, const char *name, const json_t *entry)
{
    vd_unhex_fixed(a->address.b, sizeof a->address.b, name);
    a->hash = vd_keccak256(vd_slice(a->address.b, sizeof a->address.b));
    a->account.nonce = number_in(entry, "nonce").w[0];
    a->account.balance = number_in(entry, "balance");
    a->account.code_hash = VD_EMPTY_CODE_HASH;
    a->slots = read_slots(m, json_object_get(entry, "storage"), &a->slot_count);
    if (text_of(entry, "code") != NULL) {
        a->code = bytes_in(m, text_of(entry, "code"));
        a->account.code_hash = vd_keccak256(a->code);
    }
}

/* The whole state at block 41.  It holds empty accounts of the time before EIP-158, which a
   journaled state would not keep: the tries are made directly. */
static void
whole_state(struct rpc_import *m, struct vd_diff_builder *builder, const struct vd_hash *root)
{
    const json_t *alloc = json_object_get(m->alloc, "alloc");
    size_t count = json_object_size(alloc);
    struct whole_account *all = VD_ARENA_NEW(&m->arena, struct whole_account, count);
    struct vd_trie_change *changes = VD_ARENA_NEW(&m->arena, struct vd_trie_change, count);
    struct vd_hash got;
    size_t n = 0;
    const char *key;
    json_t *value;
    assert_true(all != NULL && changes != NULL);
    json_object_foreach((json_t *)(uintptr_t)alloc, key, value)
        read_whole(m, &all[n++], key, value);
    qsort(all, count, sizeof all[0], compare_accounts);
    for (size_t i = 0; i < count; i++) {
        const struct vd_state_visitor *visitor = &builder->visitor;
        struct vd_buf rlp;
        put_slots(m, builder, &all[i]);
        if (all[i].code.len != 0)
            assert_int_equal(visitor->code(visitor->ctx, &all[i].account.code_hash, all[i].code),
                             VD_OK);
        assert_int_equal(
            visitor->account(visitor->ctx, &all[i].address, &all[i].hash, NULL, &all[i].account),
            VD_OK);
        vd_buf_init(&rlp, &m->arena);
        vd_account_encode(&rlp, &all[i].account);
        changes[i] = (struct vd_trie_change){all[i].hash, vd_buf_view(&rlp)};
    }
    assert_int_equal(vd_trie_update(&NO_NODES, &builder->sink, &got, &m->arena, NULL,
                                    &VD_EMPTY_ROOT, changes, count),
                     VD_OK);
    assert_memory_equal(got.b, root->b, sizeof got.b);
}

static void
change_account(struct vd_state *state, const char *name, const json_t *entry, struct rpc_import *m)
{
    struct vd_address address;
    struct vd_u256 now;
    struct vd_u256 balance = number_in(entry, "balance");
    vd_unhex_fixed(address.b, sizeof address.b, name);
    assert_false(json_is_null(entry)); /* nothing is deleted from block 42 on */
    assert_int_equal(vd_state_balance(state, &now, &address), VD_OK);
    if (json_object_get(entry, "balance") != NULL) {
        assert_int_equal(vd_state_sub_balance(state, &address, &now), VD_OK);
        assert_int_equal(vd_state_add_balance(state, &address, &balance), VD_OK);
    }
    if (json_object_get(entry, "nonce") != NULL)
        assert_int_equal(vd_state_set_nonce(state, &address, number_in(entry, "nonce").w[0]),
                         VD_OK);
    if (text_of(entry, "code") != NULL)
        assert_int_equal(vd_state_set_code(state, &address, bytes_in(m, text_of(entry, "code"))),
                         VD_OK);
    size_t count;
    const struct vd_genesis_slot *slots = read_slots(m, json_object_get(entry, "storage"), &count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(vd_state_set_slot(state, &address, &slots[i].key, &slots[i].value), VD_OK);
}

static void
changed_state(struct rpc_import *m, struct vd_diff_builder *builder, const struct vd_header *header,
              const struct vd_header *parent)
{
    const json_t *diff = json_object_get(entry_of(m->diffs, header->number), "diff");
    struct vd_snapshot *snapshot;
    struct vd_snapshot_state back;
    struct vd_state_source source;
    struct vd_state *state;
    struct vd_hash root;
    const char *name;
    json_t *entry;
    assert_int_equal(vd_snapshot_begin(&snapshot, m->store), VD_OK);
    assert_int_equal(vd_snapshot_source(snapshot, &source, &back, parent->number, &m->arena),
                     VD_OK);
    assert_int_equal(
        vd_state_new(&state, &m->arena, &source, &parent->state_root, &header->parent_hash), VD_OK);
    json_object_foreach((json_t *)(uintptr_t)diff, name, entry)
        change_account(state, name, entry, m);
    assert_int_equal(vd_state_tx_end(state), VD_OK);
    assert_int_equal(vd_state_root(state, &root, &builder->visitor, &builder->sink), VD_OK);
    assert_memory_equal(root.b, header->state_root.b, sizeof root.b);
    vd_snapshot_end(snapshot);
}

/* --- blocks --- */

static void
import_block(struct rpc_import *m, const struct vd_block *block, const struct vd_header *parent)
{
    size_t n = block->transaction_count;
    struct vd_tx *txs = VD_ARENA_NEW(&m->arena, struct vd_tx, n + 1);
    struct vd_hash *hashes = VD_ARENA_NEW(&m->arena, struct vd_hash, n + 1);
    struct vd_address *senders = VD_ARENA_NEW(&m->arena, struct vd_address, n + 1);
    struct vd_receipt *receipts = VD_ARENA_NEW(&m->arena, struct vd_receipt, n + 1);
    for (size_t i = 0; i < n; i++) {
        bool valid;
        assert_int_equal(vd_tx_decode(&txs[i], NULL, &m->arena, block->transactions[i]), VD_OK);
        assert_int_equal(vd_tx_sender(&senders[i], &valid, &txs[i], vd_curves_host(), &m->arena),
                         VD_OK);
        assert_true(valid);
        hashes[i] = txs[i].hash;
    }
    read_receipts(m, receipts, txs, senders, n, block->header.number);
    struct vd_diff_builder builder;
    struct vd_diff diff;
    vd_diff_begin(&builder, &m->rows);
    if (block->header.number == STATE_FROM)
        whole_state(m, &builder, &block->header.state_root);
    else if (block->header.number > STATE_FROM)
        changed_state(m, &builder, &block->header, parent);
    assert_int_equal(vd_diff_finish(&builder, &diff), VD_OK);
    struct vd_store_block row = {
        .header = &block->header,
        .hash = block->hash,
        .transactions = block->transactions,
        .transaction_hashes = hashes,
        .senders = senders,
        .receipts = receipts,
        .transaction_count = n,
        .diff = &diff,
    };
    struct vd_block_id id = {block->hash, block->header.number};
    struct vd_store_commit commit = {.blocks = &row, .block_count = 1, .heads = {NULL, &id, &id}};
    assert_int_equal(vd_store_commit(m->store, &commit), VD_OK);
}

/* Genesis is not in chain.rlp: its header is made of genesis.json and checked against the hash that
   block 1 names. */
static void
make_genesis(struct vd_block *genesis, const struct vd_header *first, struct rpc_import *m)
{
    json_t *json = vd_vectors_json("rpc/genesis.json");
    struct vd_header *h = &genesis->header;
    struct vd_hash empty_root =
        vd_unhex_word("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    *genesis = (struct vd_block){0};
    h->ommers_hash =
        vd_unhex_word("0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
    /* The state before block 41 is not imported; the root stands in debug_getRawHeader's answer. */
    h->state_root =
        vd_unhex_word("0xdc43f460541a253c0f64b6943ef83fa3bd601699a255622f088d46f7fde359fc");
    h->transactions_root = empty_root;
    h->receipts_root = empty_root;
    h->difficulty = number_in(json, "difficulty");
    h->gas_limit = number_in(json, "gasLimit").w[0];
    h->extra_data = bytes_in(m, text_of(json, "extraData"));
    genesis->hash = vd_header_hash(h);
    assert_memory_equal(genesis->hash.b, first->parent_hash.b, sizeof genesis->hash.b);
    json_decref(json);
}

/* Fills folder with the chain.  False when there are no vectors. */
static bool
rpc_chain_import(const char *folder)
{
    struct rpc_import m = {0};
    size_t len;
    uint8_t *rlp = vd_vectors_file("rpc/chain.rlp", &len);
    if (rlp == NULL)
        return false;
    m.diffs = vd_vectors_json("rpc/state/state_diffs.json");
    m.receipts = vd_vectors_json("rpc/state/receipts.json");
    m.alloc = vd_vectors_json("rpc/state/alloc_at_block_41.json");
    void *memory = vd_reserve(CHAIN_ARENA);
    void *rows = vd_reserve(CHAIN_ARENA);
    vd_arena_init(&m.arena, memory, CHAIN_ARENA);
    vd_arena_init(&m.rows, rows, CHAIN_ARENA);
    char why[256];
    struct vd_store_config config = {
        .folder = folder, .chain_id = RPC_CHAIN_ID, .map_bytes = (uint64_t)1 << 30};
    assert_int_equal(vd_store_open(&m.store, why, sizeof why, &config), VD_OK);
    struct vd_block genesis;
    struct vd_header parent = {0};
    struct vd_rlp at = vd_rlp(vd_slice(rlp, len));
    while (vd_rlp_more(&at)) {
        struct vd_block block;
        assert_int_equal(vd_block_decode(&block, &m.arena, vd_rlp_raw(&at)), VD_OK);
        if (m.count++ == 0) {
            make_genesis(&genesis, &block.header, &m);
            import_block(&m, &genesis, NULL);
        }
        import_block(&m, &block, &parent);
        parent = block.header;
    }
    assert_true(vd_rlp_done(&at));
    vd_store_close(m.store);
    vd_release(memory, CHAIN_ARENA);
    vd_release(rows, CHAIN_ARENA);
    free(rlp);
    json_decref(m.diffs);
    json_decref(m.receipts);
    json_decref(m.alloc);
    return true;
}

#endif
