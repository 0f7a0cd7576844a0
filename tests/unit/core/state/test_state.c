/* The state against a model that copies everything at every snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/naive_trie.h"
#include "support/random.h"
#include "support/trie_store.h"
#include "viaduct/core/codec/rlp.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/state.h"

enum {
    ADDRESSES = 12,
    KEYS = 6,
    MAX_CODE = 5,
    MAX_SNAPSHOTS = 8,
    GAMES = 100,
    BLOCKS = 8,
    ARENA_BYTES = 32 << 20,
};

/* --- the model --- */

struct model_account {
    bool exists;
    uint64_t nonce;
    uint64_t balance;
    uint8_t code_len; /* code is that many bytes of code_byte */
    uint8_t code_byte;
    uint64_t slots[KEYS];
};

struct model_tx {
    bool warm, touched, created, destroyed;
    bool slot_warm[KEYS];
    uint64_t transient[KEYS];
};

struct model {
    struct model_account accounts[ADDRESSES];
    struct model_tx tx[ADDRESSES];
    size_t logs;
    int64_t refund;
};

struct saved {
    struct model model;
    size_t snapshots[2];
};

/* One state over nodes by hash, one over flat rows and branches by path. */
struct flat {
    struct model_account accounts[ADDRESSES]; /* changed by the visitor only */
    struct vd_hash storage_roots[ADDRESSES];
    struct path_store tries[ADDRESSES + 1]; /* the last is the account trie */
    bool visited_account[ADDRESSES];
    bool visited_slot[ADDRESSES][KEYS];
    struct vd_hash last_account; /* for the order */
    struct vd_hash last_slot;
};

struct game {
    struct vd_random random;
    struct model now, tx_start, parent;
    bool wiped[ADDRESSES]; /* erased in this block */
    struct hash_store nodes;
    struct hash_store codes;
    struct flat flat;
    struct vd_hash root;
    struct vd_arena arenas[3]; /* of the states, and scratch */
    struct vd_trie_walker walker;
    struct vd_state_source sources[2];
    struct vd_state *states[2];
    struct saved saved[MAX_SNAPSHOTS];
    size_t saved_count;
};

static struct vd_address
address_of(size_t i)
{
    struct vd_address address = {{0}};
    address.b[0] = (uint8_t)(i / 4);
    address.b[19] = (uint8_t)(1 + i);
    return address;
}

static struct vd_u256
key_of(size_t i)
{
    return (struct vd_u256){.w = {i % 3, 0, 0, i < 3 ? 0 : (uint64_t)i << 60}};
}

static struct vd_hash
address_hash_of(size_t i)
{
    struct vd_address address = address_of(i);
    return vd_keccak256(vd_slice(address.b, sizeof address.b));
}

static struct vd_hash
slot_hash_of(size_t i)
{
    struct vd_u256 key = key_of(i);
    uint8_t bytes[32];
    vd_u256_to_be(bytes, &key);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

static size_t
index_of(const struct vd_hash *address_hash)
{
    for (size_t i = 0; i < ADDRESSES; i++) {
        struct vd_hash hash = address_hash_of(i);
        if (vd_hash_eq(&hash, address_hash))
            return i;
    }
    fail_msg("an address nobody used");
    return 0;
}

static size_t
key_index_of(const struct vd_hash *slot_hash)
{
    for (size_t i = 0; i < KEYS; i++) {
        struct vd_hash hash = slot_hash_of(i);
        if (vd_hash_eq(&hash, slot_hash))
            return i;
    }
    fail_msg("a slot nobody used");
    return 0;
}

static void
code_of(const struct model_account *account, uint8_t code[MAX_CODE])
{
    memset(code, account->code_byte, MAX_CODE);
}

static struct vd_hash
code_hash_of(const struct model_account *account)
{
    uint8_t code[MAX_CODE];
    code_of(account, code);
    return vd_keccak256(vd_slice(code, account->code_len));
}

static bool
is_empty(const struct model_account *account)
{
    return account->nonce == 0 && account->balance == 0 && account->code_len == 0;
}

static bool
any_slot(const struct model_account *account)
{
    bool any = false;
    for (size_t k = 0; k < KEYS; k++)
        any |= account->slots[k] != 0;
    return any;
}

/* --- the model's roots, from scratch --- */

static size_t
number_rlp(uint8_t out[9], uint64_t value)
{
    size_t len = 0;
    for (uint64_t v = value; v != 0; v >>= 8)
        len++;
    if (len == 1 && value < 0x80) {
        out[0] = (uint8_t)value;
        return 1;
    }
    out[0] = (uint8_t)(0x80 + len);
    for (size_t i = 0; i < len; i++)
        out[1 + i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    return 1 + len;
}

static struct vd_hash
model_storage_root(const struct model_account *account)
{
    struct naive_pair pairs[KEYS];
    uint8_t values[KEYS][9];
    size_t count = 0;
    for (size_t k = 0; k < KEYS; k++) {
        if (!account->exists || account->slots[k] == 0)
            continue;
        struct vd_hash key = slot_hash_of(k);
        size_t len = number_rlp(values[k], account->slots[k]);
        naive_pair_init(&pairs[count++], vd_slice(key.b, 32), vd_slice(values[k], len));
    }
    naive_sort(pairs, count);
    return naive_root(pairs, count, NULL, NULL);
}

static size_t
model_account_rlp(uint8_t out[128], const struct model_account *account)
{
    struct vd_hash storage = model_storage_root(account);
    struct vd_hash code = code_hash_of(account);
    size_t len = 2;
    len += number_rlp(out + len, account->nonce);
    len += number_rlp(out + len, account->balance);
    out[len++] = 0xa0;
    memcpy(out + len, storage.b, 32);
    out[len + 32] = 0xa0;
    memcpy(out + len + 33, code.b, 32);
    len += 65;
    out[0] = 0xf8;
    out[1] = (uint8_t)(len - 2);
    return len;
}

static struct vd_hash
model_root(const struct model *model)
{
    struct naive_pair pairs[ADDRESSES];
    uint8_t values[ADDRESSES][128];
    size_t count = 0;
    for (size_t i = 0; i < ADDRESSES; i++) {
        if (!model->accounts[i].exists)
            continue;
        struct vd_hash key = address_hash_of(i);
        size_t len = model_account_rlp(values[i], &model->accounts[i]);
        naive_pair_init(&pairs[count++], vd_slice(key.b, 32), vd_slice(values[i], len));
    }
    naive_sort(pairs, count);
    return naive_root(pairs, count, NULL, NULL);
}

/* --- the flat source, its visitor and its sink --- */

static enum vd_err
flat_account(void *ctx, struct vd_account *out, const struct vd_address *address,
             const struct vd_hash *address_hash)
{
    struct game *g = ctx;
    size_t i = index_of(address_hash);
    struct vd_address expected = address_of(i);
    assert_true(vd_address_eq(&expected, address));
    const struct model_account *account = &g->flat.accounts[i];
    if (!account->exists)
        return VD_ERR_NOT_FOUND;
    *out = (struct vd_account){.nonce = account->nonce,
                               .balance = vd_u256(account->balance),
                               .storage_root = g->flat.storage_roots[i],
                               .code_hash = code_hash_of(account)};
    return VD_OK;
}

static enum vd_err
flat_slot(void *ctx, struct vd_u256 *out, const struct vd_hash *address_hash,
          const struct vd_hash *storage_root, const struct vd_hash *slot_hash)
{
    struct game *g = ctx;
    size_t i = index_of(address_hash);
    assert_false(vd_hash_eq(storage_root, &VD_EMPTY_ROOT));
    assert_true(vd_hash_eq(storage_root, &g->flat.storage_roots[i]));
    *out = vd_u256(g->flat.accounts[i].slots[key_index_of(slot_hash)]);
    return VD_OK;
}

static enum vd_err
read_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    struct game *g = ctx;
    assert_false(vd_hash_eq(code_hash, &VD_EMPTY_CODE_HASH));
    *out = hash_store_get(&g->codes, code_hash);
    return out->len == 0 ? VD_ERR_IO : VD_OK;
}

static struct path_store *
trie_of(struct game *g, const struct vd_trie_position *at)
{
    return &g->flat.tries[at->owner == NULL ? ADDRESSES : index_of(at->owner)];
}

static enum vd_err
flat_node(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
          const struct vd_hash *hash)
{
    return vd_pathstore_node(&trie_of(ctx, at)->rows, out, at, hash);
}

static enum vd_err
flat_put(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *node,
         struct vd_slice rlp, const struct vd_trie_ref *ref)
{
    (void)rlp;
    (void)ref;
    if (node->type == VD_TRIE_BRANCH)
        path_store_set_branch(trie_of(ctx, at), at->path, at->path_len, node->child);
    return VD_OK;
}

static enum vd_err
flat_del(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
         const struct vd_trie_node *old)
{
    (void)old;
    if (type == VD_TRIE_BRANCH)
        path_store_set_branch(trie_of(ctx, at), at->path, at->path_len, NULL);
    return VD_OK;
}

static void
expect_account(const struct vd_account *account, const struct model_account *expected)
{
    assert_int_equal(account != NULL, expected->exists);
    if (account == NULL)
        return;
    struct vd_hash code = code_hash_of(expected);
    assert_int_equal(account->nonce, expected->nonce);
    assert_true(vd_u256_fits_u64(&account->balance));
    assert_int_equal(account->balance.w[0], expected->balance);
    assert_true(vd_hash_eq(&account->code_hash, &code));
}

/* The visitor of the block: writes what it is told, checks it against the model. */
static enum vd_err
commit_account(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
               const struct vd_account *before, const struct vd_account *after)
{
    struct game *g = ctx;
    size_t i = index_of(address_hash);
    struct vd_address expected = address_of(i);
    assert_true(vd_address_eq(&expected, address));
    assert_true(memcmp(g->flat.last_account.b, address_hash->b, 32) < 0);
    g->flat.last_account = *address_hash;
    g->flat.last_slot = (struct vd_hash){{0}};
    g->flat.visited_account[i] = true;
    expect_account(before, &g->parent.accounts[i]);
    expect_account(after, &g->now.accounts[i]);
    struct model_account *row = &g->flat.accounts[i];
    uint64_t slots[KEYS];
    memcpy(slots, row->slots, sizeof slots);
    *row = (struct model_account){0};
    g->flat.storage_roots[i] = VD_EMPTY_ROOT;
    uint8_t rlp[128];
    size_t len = 0;
    if (after != NULL) {
        *row = g->now.accounts[i];
        memcpy(row->slots, slots, sizeof slots);
        g->flat.storage_roots[i] = after->storage_root;
        len = model_account_rlp(rlp, row);
    }
    path_store_set_leaf(&g->flat.tries[ADDRESSES], address_hash, vd_slice(rlp, len));
    return VD_OK;
}

static enum vd_err
commit_slot(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
            const struct vd_u256 *key, const struct vd_hash *slot_hash,
            const struct vd_u256 *before, const struct vd_u256 *after)
{
    struct game *g = ctx;
    size_t i = index_of(address_hash);
    size_t k = key_index_of(slot_hash);
    struct vd_u256 expected_key = key_of(k);
    (void)address;
    assert_true(vd_u256_eq(key, &expected_key));
    /* Sorted, and before their account. */
    assert_true(memcmp(g->flat.last_account.b, address_hash->b, 32) < 0);
    assert_true(memcmp(g->flat.last_slot.b, slot_hash->b, 32) < 0);
    g->flat.last_slot = *slot_hash;
    assert_int_equal(before->w[0], g->parent.accounts[i].slots[k]);
    assert_int_equal(after->w[0], g->now.accounts[i].slots[k]);
    g->flat.visited_slot[i][k] = true;
    g->flat.accounts[i].slots[k] = after->w[0];
    uint8_t rlp[9];
    size_t len = after->w[0] == 0 ? 0 : number_rlp(rlp, after->w[0]);
    path_store_set_leaf(&g->flat.tries[i], slot_hash, vd_slice(rlp, len));
    return VD_OK;
}

static enum vd_err
commit_code(void *ctx, const struct vd_hash *code_hash, struct vd_slice code)
{
    struct game *g = ctx;
    struct vd_hash hash = vd_keccak256(code);
    assert_true(vd_hash_eq(&hash, code_hash));
    hash_store_put(&g->codes, code_hash, code);
    return VD_OK;
}

/* The visitor of a transaction: marks. */
static enum vd_err
mark_account(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
             const struct vd_account *before, const struct vd_account *after)
{
    struct game *g = ctx;
    size_t i = index_of(address_hash);
    (void)address;
    assert_false(g->flat.visited_account[i]);
    g->flat.visited_account[i] = true;
    expect_account(before, &g->tx_start.accounts[i]);
    expect_account(after, &g->now.accounts[i]);
    return VD_OK;
}

static enum vd_err
mark_slot(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
          const struct vd_u256 *key, const struct vd_hash *slot_hash, const struct vd_u256 *before,
          const struct vd_u256 *after)
{
    struct game *g = ctx;
    size_t i = index_of(address_hash);
    size_t k = key_index_of(slot_hash);
    (void)address;
    (void)key;
    assert_false(g->flat.visited_slot[i][k]);
    g->flat.visited_slot[i][k] = true;
    assert_int_equal(before->w[0], g->tx_start.accounts[i].slots[k]);
    assert_int_equal(after->w[0], g->now.accounts[i].slots[k]);
    return VD_OK;
}

static bool
same_account(const struct model_account *a, const struct model_account *b)
{
    return a->exists == b->exists &&
           (!a->exists ||
            (a->nonce == b->nonce && a->balance == b->balance && a->code_len == b->code_len &&
             (a->code_len == 0 || a->code_byte == b->code_byte)));
}

static void
clear_marks(struct game *g)
{
    memset(g->flat.visited_account, 0, sizeof g->flat.visited_account);
    memset(g->flat.visited_slot, 0, sizeof g->flat.visited_slot);
    g->flat.last_account = g->flat.last_slot = (struct vd_hash){{0}};
}

/* Nothing else was visited and nothing left out.  The block's visitor also reports an account of
   which only the storage changed. */
static void
check_marks(const struct game *g, const struct model *from, bool storage_counts)
{
    for (size_t i = 0; i < ADDRESSES; i++) {
        const struct model_account *a = &from->accounts[i];
        const struct model_account *b = &g->now.accounts[i];
        bool storage = false;
        for (size_t k = 0; k < KEYS; k++) {
            bool changed = b->exists && a->slots[k] != b->slots[k];
            assert_int_equal(g->flat.visited_slot[i][k], changed);
            storage |= changed;
        }
        assert_int_equal(g->flat.visited_account[i],
                         !same_account(a, b) || (storage && storage_counts));
    }
}

/* --- operations --- */

#define OK(call) assert_int_equal(call, VD_OK)
#define FOR_BOTH(g, state)                                                          \
    for (struct vd_state **at_ = (g)->states, *state = *at_; at_ < (g)->states + 2; \
         state = ++at_ < (g)->states + 2 ? *at_ : NULL)

static void
touch(struct game *g, size_t i)
{
    g->now.accounts[i].exists = true;
    g->now.tx[i].touched = true;
}

static void
op_balance(struct game *g, size_t i)
{
    struct vd_address address = address_of(i);
    struct model_account *account = &g->now.accounts[i];
    uint64_t amount = vd_random_below(&g->random, 4);
    struct vd_u256 word = vd_u256(amount);
    if (vd_random_below(&g->random, 2) == 0) {
        FOR_BOTH(g, state) OK(vd_state_add_balance(state, &address, &word));
        account->balance += amount;
        touch(g, i);
    } else if (account->balance >= amount) {
        FOR_BOTH(g, state) OK(vd_state_sub_balance(state, &address, &word));
        account->balance -= amount;
        if (amount != 0)
            touch(g, i);
    }
}

static void
op_code(struct game *g, size_t i)
{
    struct vd_address address = address_of(i);
    struct model_account *account = &g->now.accounts[i];
    uint8_t code[MAX_CODE];
    account->code_len = (uint8_t)vd_random_below(&g->random, MAX_CODE);
    account->code_byte = (uint8_t)vd_random_u64(&g->random);
    code_of(account, code);
    FOR_BOTH(g, state) OK(vd_state_set_code(state, &address, vd_slice(code, account->code_len)));
    touch(g, i);
}

static void
op_create(struct game *g, size_t i)
{
    struct vd_address address = address_of(i);
    struct model_account *account = &g->now.accounts[i];
    bool has;
    bool expected = any_slot(account) || (!g->wiped[i] && any_slot(&g->parent.accounts[i]));
    FOR_BOTH(g, state)
    {
        OK(vd_state_has_storage(state, &has, &address));
        assert_int_equal(has, expected);
    }
    if (account->nonce != 0 || account->code_len != 0 || expected)
        return;
    FOR_BOTH(g, state) OK(vd_state_create(state, &address));
    account->nonce = 1;
    g->now.tx[i].created = true;
    touch(g, i);
}

static void
op_destroy(struct game *g, size_t i)
{
    struct vd_address address = address_of(i);
    struct model_account *account = &g->now.accounts[i];
    if (!g->now.tx[i].created)
        return;
    struct vd_u256 balance = vd_u256(account->balance);
    FOR_BOTH(g, state) OK(vd_state_sub_balance(state, &address, &balance));
    FOR_BOTH(g, state) OK(vd_state_destroy(state, &address));
    account->balance = 0;
    g->now.tx[i].destroyed = true;
}

static void
op_slot(struct game *g, size_t i)
{
    struct vd_address address = address_of(i);
    struct model_account *account = &g->now.accounts[i];
    size_t k = vd_random_below(&g->random, KEYS);
    struct vd_u256 key = key_of(k);
    struct vd_u256 value = vd_u256(vd_random_below(&g->random, 3) * 77);
    struct vd_slot_view view;
    if (vd_random_below(&g->random, 3) == 0) {
        struct vd_u256 peek;
        FOR_BOTH(g, state)
        {
            OK(vd_state_peek_slot(state, &peek, &address, &key));
            assert_int_equal(peek.w[0], account->slots[k]);
        }
    }
    FOR_BOTH(g, state)
    {
        OK(vd_state_slot(state, &view, &address, &key));
        assert_int_equal(view.current.w[0], account->slots[k]);
        assert_int_equal(view.original.w[0], g->tx_start.accounts[i].slots[k]);
        assert_int_equal(view.was_cold, !g->now.tx[i].slot_warm[k]);
    }
    g->now.tx[i].slot_warm[k] = true;
    /* Only an account with code running writes, and none such is ever empty. */
    if (account->nonce != 0 && vd_random_below(&g->random, 2) == 0) {
        FOR_BOTH(g, state) OK(vd_state_set_slot(state, &address, &key, &value));
        account->slots[k] = value.w[0];
    }
}

static void
op_transient(struct game *g, size_t i)
{
    struct vd_address address = address_of(i);
    size_t k = vd_random_below(&g->random, KEYS);
    struct vd_u256 key = key_of(k);
    struct vd_u256 value;
    uint64_t *expected = &g->now.tx[i].transient[k];
    FOR_BOTH(g, state)
    {
        OK(vd_state_transient(state, &value, &address, &key));
        assert_int_equal(value.w[0], *expected);
    }
    value = vd_u256(vd_random_below(&g->random, 5));
    FOR_BOTH(g, state) OK(vd_state_set_transient(state, &address, &key, &value));
    *expected = value.w[0];
}

static void
op_warm(struct game *g, size_t i)
{
    struct vd_address address = address_of(i);
    size_t k = vd_random_below(&g->random, KEYS);
    struct vd_u256 key = key_of(k);
    struct model_tx *tx = &g->now.tx[i];
    bool was_cold;
    if (vd_random_below(&g->random, 2) == 0) {
        FOR_BOTH(g, state)
        {
            OK(vd_state_warm_address(state, &was_cold, &address));
            assert_int_equal(was_cold, !tx->warm);
        }
        tx->warm = true;
    } else {
        FOR_BOTH(g, state)
        {
            OK(vd_state_warm_slot(state, &was_cold, &address, &key));
            assert_int_equal(was_cold, !tx->slot_warm[k]);
        }
        tx->slot_warm[k] = true;
    }
}

static void
op_log(struct game *g, size_t i)
{
    uint8_t byte = (uint8_t)g->now.logs;
    struct vd_log log = {.address = address_of(i), .data = vd_slice(&byte, 1)};
    FOR_BOTH(g, state) OK(vd_state_log(state, &log));
    g->now.logs++;
    int64_t refund = (int64_t)vd_random_below(&g->random, 9) - 4;
    for (size_t s = 0; s < 2; s++)
        vd_state_add_refund(g->states[s], refund);
    g->now.refund += refund;
}

static void
op_snapshot(struct game *g)
{
    if (g->saved_count < MAX_SNAPSHOTS && vd_random_below(&g->random, 2) == 0) {
        struct saved *saved = &g->saved[g->saved_count++];
        saved->model = g->now;
        for (size_t s = 0; s < 2; s++)
            saved->snapshots[s] = vd_state_snapshot(g->states[s]);
    } else if (g->saved_count != 0) {
        g->saved_count = vd_random_below(&g->random, g->saved_count);
        const struct saved *saved = &g->saved[g->saved_count];
        if (vd_random_below(&g->random, 3) == 0)
            return;
        g->now = saved->model;
        for (size_t s = 0; s < 2; s++)
            vd_state_revert(g->states[s], saved->snapshots[s]);
    }
}

static void
check_account(struct game *g, size_t i)
{
    struct vd_address address = address_of(i);
    const struct model_account *expected = &g->now.accounts[i];
    const struct vd_account *account;
    struct vd_u256 balance;
    uint64_t nonce;
    struct vd_slice code;
    struct vd_hash hash;
    bool flag;
    uint8_t bytes[MAX_CODE];
    code_of(expected, bytes);
    struct vd_hash expected_hash = expected->exists ? code_hash_of(expected) : (struct vd_hash){0};
    FOR_BOTH(g, state)
    {
        OK(vd_state_account(state, &account, &address));
        expect_account(account, expected);
    }
    FOR_BOTH(g, state)
    {
        OK(vd_state_balance(state, &balance, &address));
        assert_int_equal(balance.w[0], expected->balance);
    }
    FOR_BOTH(g, state)
    {
        OK(vd_state_nonce(state, &nonce, &address));
        assert_int_equal(nonce, expected->nonce);
    }
    FOR_BOTH(g, state)
    {
        OK(vd_state_is_empty(state, &flag, &address));
        assert_int_equal(flag, is_empty(expected));
    }
    FOR_BOTH(g, state)
    {
        OK(vd_state_created_in_tx(state, &flag, &address));
        assert_int_equal(flag, g->now.tx[i].created);
    }
    FOR_BOTH(g, state)
    {
        OK(vd_state_code(state, &code, &hash, &address));
        assert_true(vd_slice_eq(code, vd_slice(bytes, expected->code_len)));
        assert_true(vd_hash_eq(&hash, &expected_hash));
    }
}

static void
check_logs(const struct game *g)
{
    for (size_t s = 0; s < 2; s++) {
        size_t count;
        const struct vd_log *logs = vd_state_logs(g->states[s], &count);
        assert_int_equal(count, g->now.logs);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(logs[i].data.ptr[0], (uint8_t)i);
        assert_int_equal(vd_state_refund(g->states[s]), g->now.refund);
    }
}

static void
one_op(struct game *g)
{
    size_t i = vd_random_below(&g->random, ADDRESSES);
    struct vd_address address = address_of(i);
    switch (vd_random_below(&g->random, 12)) {
    case 0:
    case 1:
        op_balance(g, i);
        break;
    case 2:
        /* Rarely: what has a nonce never goes again. */
        if (vd_random_below(&g->random, 6) != 0)
            break;
        FOR_BOTH(g, state) OK(vd_state_set_nonce(state, &address, g->now.accounts[i].nonce + 1));
        g->now.accounts[i].nonce++;
        touch(g, i);
        break;
    case 3:
        op_code(g, i);
        break;
    case 4:
        op_create(g, i);
        break;
    case 5:
        op_destroy(g, i);
        break;
    case 6:
    case 7:
        op_slot(g, i);
        break;
    case 8:
        op_transient(g, i);
        break;
    case 9:
        op_warm(g, i);
        break;
    case 10:
        op_log(g, i);
        break;
    default:
        op_snapshot(g);
        break;
    }
    if (vd_random_below(&g->random, 8) == 0)
        check_account(g, vd_random_below(&g->random, ADDRESSES));
}

/* --- transactions and blocks --- */

static void
model_tx_end(struct game *g)
{
    for (size_t i = 0; i < ADDRESSES; i++) {
        struct model_account *account = &g->now.accounts[i];
        const struct model_tx *tx = &g->now.tx[i];
        if (account->exists && (tx->destroyed || (tx->touched && is_empty(account)))) {
            *account = (struct model_account){0};
            g->wiped[i] = true;
        }
    }
}

static void
one_tx(struct game *g)
{
    memset(g->now.tx, 0, sizeof g->now.tx);
    g->now.logs = 0;
    g->now.refund = 0;
    g->tx_start = g->now;
    g->saved_count = 0;
    for (size_t s = 0; s < 2; s++)
        vd_state_tx_begin(g->states[s]);
    size_t ops = vd_random_below(&g->random, 80);
    for (size_t i = 0; i < ops; i++)
        one_op(g);
    FOR_BOTH(g, state) OK(vd_state_tx_end(state));
    model_tx_end(g);
    check_logs(g);
    memset(g->now.tx, 0, sizeof g->now.tx);
    for (size_t s = 0; s < 2; s++) {
        struct vd_state_visitor visitor = {g, mark_account, mark_slot, NULL};
        clear_marks(g);
        assert_int_equal(vd_state_visit_tx(g->states[s], &visitor), VD_OK);
        check_marks(g, &g->tx_start, false);
    }
}

static void
check_root(struct game *g, size_t s, const struct vd_state_visitor *visitor,
           const struct vd_trie_sink *sink)
{
    struct vd_hash root;
    struct vd_hash expected = model_root(&g->now);
    size_t used = g->arenas[s].used;
    assert_int_equal(vd_state_root(g->states[s], &root, visitor, sink), VD_OK);
    assert_true(vd_hash_eq(&root, &expected));
    assert_int_equal(g->arenas[s].used, used);
    for (size_t i = 0; i < ADDRESSES; i++) {
        struct vd_address address = address_of(i);
        expected = model_storage_root(&g->now.accounts[i]);
        assert_int_equal(vd_state_storage_root(g->states[s], &root, &address), VD_OK);
        assert_true(vd_hash_eq(&root, &expected));
    }
}

static void
begin_block(struct game *g)
{
    struct vd_hash seed = g->root;
    vd_arena_init(&g->arenas[2], g->arenas[2].base, ARENA_BYTES);
    g->walker.root = g->root;
    g->parent = g->now;
    memset(g->wiped, 0, sizeof g->wiped);
    for (size_t s = 0; s < 2; s++) {
        vd_arena_rewind(&g->arenas[s], 0);
        assert_int_equal(
            vd_state_new(&g->states[s], &g->arenas[s], &g->sources[s], &g->root, &seed), VD_OK);
    }
}

static void
one_block(struct game *g)
{
    begin_block(g);
    size_t txs = 1 + vd_random_below(&g->random, 8);
    for (size_t i = 0; i < txs; i++) {
        one_tx(g);
        if (vd_random_below(&g->random, 3) == 0)
            check_root(g, i % 2, NULL, NULL);
    }
    struct vd_trie_sink sink;
    struct vd_state_visitor visitor = {g, commit_account, commit_slot, commit_code};
    hash_store_sink(&sink, &g->nodes);
    check_root(g, 0, NULL, &sink);
    sink = (struct vd_trie_sink){.ctx = g, .put = flat_put, .del = flat_del};
    clear_marks(g);
    check_root(g, 1, &visitor, &sink);
    check_marks(g, &g->parent, true);
    g->root = model_root(&g->now);
}

static struct game *
new_game(void)
{
    struct game *g = calloc(1, sizeof *g);
    assert_non_null(g);
    for (size_t i = 0; i < 3; i++) {
        vd_arena_init(&g->arenas[i], malloc(ARENA_BYTES), ARENA_BYTES);
        assert_non_null(g->arenas[i].base);
    }
    for (size_t i = 0; i <= ADDRESSES; i++)
        path_store_init(&g->flat.tries[i], 4);
    for (size_t i = 0; i < ADDRESSES; i++)
        g->flat.storage_roots[i] = VD_EMPTY_ROOT;
    g->root = VD_EMPTY_ROOT;
    g->walker = (struct vd_trie_walker){
        .root = VD_EMPTY_ROOT, .arena = &g->arenas[2], .code_ctx = g, .code = read_code};
    hash_store_source(&g->walker.nodes, &g->nodes);
    vd_state_source_from_tries(&g->sources[0], &g->walker);
    g->sources[1] = (struct vd_state_source){
        .ctx = g, .account = flat_account, .slot = flat_slot, .code = read_code};
    g->sources[1].trie = (struct vd_trie_source){.ctx = g, .node = flat_node};
    return g;
}

static void
free_game(struct game *g)
{
    for (size_t i = 0; i <= ADDRESSES; i++)
        path_store_deinit(&g->flat.tries[i]);
    for (size_t i = 0; i < 3; i++)
        free(g->arenas[i].base);
    hash_store_deinit(&g->nodes);
    hash_store_deinit(&g->codes);
    free(g);
}

static void
test_random_blocks_match_a_model_that_copies_everything(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("random blocks");
    for (unsigned n = 0; n < GAMES; n++) {
        struct game *g = new_game();
        g->random = random;
        for (unsigned block = 0; block < BLOCKS; block++)
            one_block(g);
        random = g->random;
        free_game(g);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_blocks_match_a_model_that_copies_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
