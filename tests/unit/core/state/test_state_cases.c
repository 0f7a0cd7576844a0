/* The state's rules one by one: empty and destroyed accounts, what is read and what is not, errors
   that last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/state.h"

#define OK(call) assert_int_equal(call, VD_OK)

static struct vd_address
address_of(size_t i)
{
    return (struct vd_address){{[19] = (uint8_t)(1 + i)}};
}

/* Every account exists and is empty: only a genesis from before EIP-161 has such. */
static enum vd_err
empty_account(void *ctx, struct vd_account *out, const struct vd_address *address,
              const struct vd_hash *address_hash)
{
    (void)ctx;
    (void)address;
    (void)address_hash;
    *out = (struct vd_account){.storage_root = VD_EMPTY_ROOT, .code_hash = VD_EMPTY_CODE_HASH};
    return VD_OK;
}

/* Whether the empty account i goes when a touch of it is undone or not. */
static bool
goes_when_touched(struct vd_state *state, size_t i, bool undone)
{
    struct vd_address a = address_of(i);
    struct vd_u256 zero = vd_u256(0);
    const struct vd_account *account;
    vd_state_tx_begin(state);
    size_t snapshot = vd_state_snapshot(state);
    OK(vd_state_add_balance(state, &a, &zero));
    if (undone)
        vd_state_revert(state, snapshot);
    OK(vd_state_tx_end(state));
    OK(vd_state_account(state, &account, &a));
    return account == NULL;
}

static enum vd_err
count_slot(void *ctx, const struct vd_address *address, const struct vd_hash *address_hash,
           const struct vd_u256 *key, const struct vd_hash *slot_hash, const struct vd_u256 *before,
           const struct vd_u256 *after)
{
    (void)address;
    (void)address_hash;
    (void)key;
    (void)slot_hash;
    (void)before;
    (void)after;
    size_t *count = ctx;
    (*count)++;
    return VD_OK;
}

static void
test_empty_account_goes_when_touched_only(void **unused)
{
    (void)unused;
    struct vd_state_source source = {.account = empty_account};
    struct vd_arena arena;
    struct vd_state *state;
    struct vd_hash seed = {{1}};
    vd_arena_init(&arena, malloc(1 << 20), 1 << 20);
    OK(vd_state_new(&state, &arena, &source, &VD_EMPTY_ROOT, &seed));
    assert_false(goes_when_touched(state, 0, true));
    assert_true(goes_when_touched(state, 0, false));
    assert_true(goes_when_touched(state, 1, false));
    /* A slot of an account that is not there is nobody's. */
    size_t slots = 0;
    struct vd_address a = address_of(0);
    struct vd_u256 one = vd_u256(1);
    struct vd_state_visitor visitor = {.ctx = &slots, .slot = count_slot};
    vd_state_tx_begin(state);
    OK(vd_state_set_slot(state, &a, &one, &one));
    OK(vd_state_tx_end(state));
    OK(vd_state_visit_tx(state, &visitor));
    assert_int_equal(slots, 0);
    free(arena.base);
}

/* What a block without a parent's state reads. */
static enum vd_err
absent(void *ctx, struct vd_account *out, const struct vd_address *address,
       const struct vd_hash *address_hash)
{
    (void)out;
    (void)address;
    (void)address_hash;
    size_t *calls = ctx;
    (*calls)++;
    return VD_ERR_NOT_FOUND;
}

static struct vd_state *
new_state(struct vd_arena *arena, const struct vd_state_source *source)
{
    struct vd_state *out;
    struct vd_hash seed = {{1, 2, 3}};
    assert_int_equal(vd_state_new(&out, arena, source, &VD_EMPTY_ROOT, &seed), VD_OK);
    return out;
}

static void
test_account_destroyed_and_made_again_starts_without_storage(void **unused)
{
    (void)unused;
    size_t calls = 0;
    struct vd_state_source source = {.ctx = &calls, .account = absent};
    struct vd_arena arena;
    vd_arena_init(&arena, malloc(1 << 20), 1 << 20);
    struct vd_state *state = new_state(&arena, &source);
    struct vd_address a = address_of(3);
    struct vd_u256 key = vd_u256(5);
    struct vd_u256 value = vd_u256(9);
    struct vd_slot_view view;
    bool has;
    vd_state_tx_begin(state);
    assert_int_equal(vd_state_create(state, &a), VD_OK);
    assert_int_equal(vd_state_set_slot(state, &a, &key, &value), VD_OK);
    assert_int_equal(vd_state_destroy(state, &a), VD_OK);
    assert_int_equal(vd_state_slot(state, &view, &a, &key), VD_OK);
    assert_int_equal(view.current.w[0], 9); /* until the end it is as it was */
    assert_int_equal(vd_state_tx_end(state), VD_OK);
    struct vd_hash root;
    assert_int_equal(vd_state_root(state, &root, NULL, NULL), VD_OK);
    assert_true(vd_hash_eq(&root, &VD_EMPTY_ROOT));

    vd_state_tx_begin(state);
    assert_int_equal(vd_state_has_storage(state, &has, &a), VD_OK);
    assert_false(has);
    assert_int_equal(vd_state_create(state, &a), VD_OK);
    assert_int_equal(vd_state_slot(state, &view, &a, &key), VD_OK);
    assert_true(vd_u256_is_zero(&view.current) && vd_u256_is_zero(&view.original));
    assert_true(view.was_cold);
    assert_int_equal(vd_state_tx_end(state), VD_OK);
    assert_int_equal(vd_state_storage_root(state, &root, &a), VD_OK);
    assert_true(vd_hash_eq(&root, &VD_EMPTY_ROOT));
    assert_int_equal(calls, 1);
    free(arena.base);
}

static void
test_one_key_in_many_accounts_is_many_slots(void **unused)
{
    (void)unused;
    enum { MANY = 1000 };
    size_t calls = 0;
    struct vd_state_source source = {.ctx = &calls, .account = absent};
    struct vd_arena arena;
    vd_arena_init(&arena, malloc(1 << 22), 1 << 22);
    struct vd_state *state = new_state(&arena, &source);
    struct vd_u256 key = vd_u256(4);
    struct vd_u256 value;
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < MANY; i++) {
            struct vd_address a = {{(uint8_t)i, (uint8_t)(i >> 8)}};
            OK(vd_state_peek_slot(state, &value, &a, &key));
            assert_int_equal(value.w[0], round == 0 ? 0 : i + 1);
            value = vd_u256(i + 1);
            OK(vd_state_set_slot(state, &a, &key, &value));
            OK(vd_state_transient(state, &value, &a, &key));
            assert_int_equal(value.w[0], round == 0 ? 0 : i + 2);
            value = vd_u256(i + 2);
            OK(vd_state_set_transient(state, &a, &key, &value));
        }
    }
    assert_int_equal(calls, MANY);
    free(arena.base);
}

static void
test_warming_reads_nothing(void **unused)
{
    (void)unused;
    size_t calls = 0;
    struct vd_state_source source = {.ctx = &calls, .account = absent};
    struct vd_arena arena;
    vd_arena_init(&arena, malloc(1 << 20), 1 << 20);
    struct vd_state *state = new_state(&arena, &source);
    struct vd_address a = address_of(1);
    struct vd_u256 key = vd_u256(1);
    bool was_cold;
    vd_state_tx_begin(state);
    assert_int_equal(vd_state_warm_address(state, &was_cold, &a), VD_OK);
    assert_int_equal(vd_state_warm_slot(state, &was_cold, &a, &key), VD_OK);
    assert_int_equal(vd_state_created_in_tx(state, &was_cold, &a), VD_OK);
    assert_int_equal(vd_state_tx_end(state), VD_OK);
    struct vd_hash root;
    assert_int_equal(vd_state_root(state, &root, NULL, NULL), VD_OK);
    assert_int_equal(calls, 0);
    free(arena.base);
}

/* Everything that takes memory; the last answer, which repeats the first error. */
static enum vd_err
some_block(struct vd_state *state)
{
    struct vd_hash root;
    bool flag;
    enum vd_err err;
    for (size_t i = 0; i < 20; i++) {
        struct vd_address a = address_of(i);
        struct vd_u256 word = vd_u256(i + 1);
        struct vd_log log = {.address = a, .data = vd_slice(a.b, 20)};
        vd_state_tx_begin(state);
        err = vd_state_warm_address(state, &flag, &a);
        err = vd_state_create(state, &a);
        err = vd_state_add_balance(state, &a, &word);
        err = vd_state_set_slot(state, &a, &word, &word);
        err = vd_state_set_transient(state, &a, &word, &word);
        err = vd_state_set_code(state, &a, vd_slice(a.b, 20));
        err = vd_state_log(state, &log);
        vd_state_add_refund(state, 1);
        err = vd_state_tx_end(state);
        if (err != VD_OK)
            return err;
    }
    return vd_state_root(state, &root, NULL, NULL);
}

static void
test_full_arena_is_a_lasting_error(void **unused)
{
    (void)unused;
    size_t calls = 0;
    struct vd_state_source source = {.ctx = &calls, .account = absent};
    uint8_t *memory = malloc(1 << 22);
    enum vd_err err = VD_ERR_NO_MEMORY;
    for (size_t size = 0; err != VD_OK; size += 499) {
        assert_true(size < 1 << 22);
        struct vd_arena arena;
        struct vd_state *state;
        struct vd_hash seed = {{7}};
        vd_arena_init(&arena, memory, size);
        err = vd_state_new(&state, &arena, &source, &VD_EMPTY_ROOT, &seed);
        if (err == VD_OK)
            err = some_block(state);
        else
            continue;
        assert_true(err == VD_OK || err == VD_ERR_NO_MEMORY);
        struct vd_address a = address_of(2);
        uint64_t nonce;
        arena.size = 1 << 22; /* too late */
        assert_int_equal(vd_state_nonce(state, &nonce, &a), err);
    }
    free(memory);
}

static enum vd_err
failing(void *ctx, struct vd_account *out, const struct vd_address *address,
        const struct vd_hash *address_hash)
{
    (void)address;
    (void)address_hash;
    size_t *left = ctx;
    *out = (struct vd_account){.storage_root = VD_EMPTY_ROOT, .code_hash = VD_EMPTY_CODE_HASH};
    return (*left)-- == 0 ? VD_ERR_IO : VD_OK;
}

static void
test_failed_read_is_a_lasting_error(void **unused)
{
    (void)unused;
    size_t left = 1;
    struct vd_state_source source = {.ctx = &left, .account = failing};
    struct vd_arena arena;
    vd_arena_init(&arena, malloc(1 << 20), 1 << 20);
    struct vd_state *state = new_state(&arena, &source);
    struct vd_address a = address_of(1);
    struct vd_address b = address_of(2);
    struct vd_hash root;
    bool flag;
    assert_int_equal(vd_state_is_empty(state, &flag, &a), VD_OK);
    assert_int_equal(vd_state_is_empty(state, &flag, &b), VD_ERR_IO);
    assert_int_equal(vd_state_is_empty(state, &flag, &a), VD_ERR_IO);
    assert_int_equal(vd_state_warm_address(state, &flag, &a), VD_ERR_IO);
    assert_int_equal(vd_state_tx_end(state), VD_ERR_IO);
    assert_int_equal(vd_state_root(state, &root, NULL, NULL), VD_ERR_IO);
    free(arena.base);
}

static void
test_account_rlp_goes_both_ways(void **unused)
{
    (void)unused;
    uint8_t memory[256];
    struct vd_arena arena;
    vd_arena_init(&arena, memory, sizeof memory);
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    struct vd_account account = {
        .nonce = UINT64_MAX, .storage_root = VD_EMPTY_ROOT, .code_hash = VD_EMPTY_CODE_HASH};
    memset(account.balance.w, 0xff, sizeof account.balance.w);
    vd_account_encode(&buf, &account);
    assert_int_equal(buf.err, VD_OK);
    assert_int_equal(buf.len, 110);
    struct vd_account again;
    assert_int_equal(vd_account_decode(&again, vd_buf_view(&buf)), VD_OK);
    assert_int_equal(again.nonce, account.nonce);
    assert_true(vd_u256_eq(&again.balance, &account.balance));
    assert_true(vd_hash_eq(&again.code_hash, &account.code_hash));
    assert_int_equal(vd_account_decode(&again, vd_slice(buf.ptr, buf.len - 1)), VD_ERR_INVALID);
    vd_buf_byte(&buf, 0);
    assert_int_equal(vd_account_decode(&again, vd_buf_view(&buf)), VD_ERR_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_account_destroyed_and_made_again_starts_without_storage),
        cmocka_unit_test(test_empty_account_goes_when_touched_only),
        cmocka_unit_test(test_one_key_in_many_accounts_is_many_slots),
        cmocka_unit_test(test_warming_reads_nothing),
        cmocka_unit_test(test_full_arena_is_a_lasting_error),
        cmocka_unit_test(test_failed_read_is_a_lasting_error),
        cmocka_unit_test(test_account_rlp_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
