/* Transactions: encodings, who signed, what they cost before they run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/vectors.h"
#include "viaduct/core/chain/tx.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"

static uint8_t memory[4 << 20];

static struct vd_arena
new_arena(void)
{
    struct vd_arena arena;
    vd_arena_init(&arena, memory, sizeof memory);
    return arena;
}

/* --- random transactions --- */

static const enum vd_tx_type TYPES[] = {
    VD_TX_LEGACY, VD_TX_ACCESS_LIST, VD_TX_DYNAMIC_FEE, VD_TX_BLOB, VD_TX_SET_CODE, VD_TX_DEPOSIT,
};

/* Small numbers, powers and everything between. */
static uint64_t
random_u64(struct vd_random *r)
{
    return vd_random_u64(r) >> vd_random_below(r, 64);
}

static struct vd_u256
random_u256(struct vd_random *r)
{
    struct vd_u256 v = vd_u256(random_u64(r));
    return vd_u256_shl(&v, (unsigned)vd_random_below(r, 192));
}

static void
random_lists(struct vd_random *r, struct vd_arena *arena, struct vd_tx *tx)
{
    tx->access_count = vd_random_below(r, 4);
    struct vd_access *accesses = VD_ARENA_NEW(arena, struct vd_access, tx->access_count);
    for (size_t i = 0; i < tx->access_count; i++) {
        accesses[i].key_count = vd_random_below(r, 3);
        struct vd_hash *keys = VD_ARENA_NEW(arena, struct vd_hash, accesses[i].key_count);
        vd_random_bytes(r, accesses[i].address.b, 20);
        vd_random_bytes(r, (uint8_t *)keys, 32 * accesses[i].key_count);
        accesses[i].keys = keys;
    }
    tx->accesses = accesses;
    if (tx->type == VD_TX_BLOB) {
        tx->blob_hash_count = vd_random_below(r, 4);
        struct vd_hash *hashes = VD_ARENA_NEW(arena, struct vd_hash, tx->blob_hash_count);
        vd_random_bytes(r, (uint8_t *)hashes, 32 * tx->blob_hash_count);
        tx->blob_hashes = hashes;
        tx->max_fee_per_blob_gas = random_u256(r);
    }
    if (tx->type == VD_TX_SET_CODE) {
        tx->authorization_count = vd_random_below(r, 4);
        struct vd_authorization *list =
            VD_ARENA_NEW(arena, struct vd_authorization, tx->authorization_count);
        for (size_t i = 0; i < tx->authorization_count; i++)
            list[i] = (struct vd_authorization){.chain_id = random_u256(r),
                                                .nonce = random_u64(r),
                                                .y_parity = (uint8_t)vd_random_u64(r),
                                                .r = random_u256(r),
                                                .s = random_u256(r)};
        tx->authorizations = list;
    }
}

static struct vd_tx
random_tx(struct vd_random *r, struct vd_arena *arena)
{
    struct vd_tx tx = {.type = TYPES[vd_random_below(r, 6)]};
    size_t len = vd_random_below(r, 100);
    uint8_t *data = vd_arena_alloc(arena, len, 1);
    vd_random_bytes(r, data, len);
    tx.data = vd_slice(data, len);
    tx.gas_limit = random_u64(r);
    tx.value = random_u256(r);
    tx.is_create = vd_random_below(r, 4) == 0;
    if (!tx.is_create)
        vd_random_bytes(r, tx.to.b, 20);
    if (tx.type == VD_TX_DEPOSIT) {
        vd_random_bytes(r, tx.source_hash.b, 32);
        vd_random_bytes(r, tx.from.b, 20);
        tx.mint = random_u256(r);
        tx.has_mint = !vd_u256_is_zero(&tx.mint);
        tx.is_system_tx = vd_random_below(r, 2) == 0;
        return tx;
    }
    tx.has_chain_id = tx.type != VD_TX_LEGACY || vd_random_below(r, 2) == 0;
    tx.chain_id = tx.has_chain_id ? random_u64(r) : 0;
    tx.nonce = random_u64(r);
    tx.max_fee = random_u256(r);
    tx.max_priority_fee = tx.type > VD_TX_ACCESS_LIST ? random_u256(r) : tx.max_fee;
    tx.y_parity = (uint8_t)vd_random_below(r, 2);
    tx.r = random_u256(r);
    tx.s = random_u256(r);
    if (tx.type != VD_TX_LEGACY)
        random_lists(r, arena, &tx);
    return tx;
}

static void
assert_same(const struct vd_tx *a, const struct vd_tx *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->has_chain_id, b->has_chain_id);
    assert_int_equal(a->chain_id, b->chain_id);
    assert_int_equal(a->nonce, b->nonce);
    assert_true(vd_u256_eq(&a->max_fee, &b->max_fee));
    assert_true(vd_u256_eq(&a->max_priority_fee, &b->max_priority_fee));
    assert_int_equal(a->gas_limit, b->gas_limit);
    assert_int_equal(a->is_create, b->is_create);
    assert_memory_equal(a->to.b, b->to.b, 20);
    assert_true(vd_u256_eq(&a->value, &b->value));
    assert_true(vd_slice_eq(a->data, b->data));
    assert_int_equal(a->access_count, b->access_count);
    assert_int_equal(a->authorization_count, b->authorization_count);
    assert_int_equal(a->blob_hash_count, b->blob_hash_count);
    assert_int_equal(a->y_parity, b->y_parity);
    assert_true(vd_u256_eq(&a->r, &b->r));
    assert_true(vd_u256_eq(&a->s, &b->s));
    assert_memory_equal(a->source_hash.b, b->source_hash.b, 32);
    assert_memory_equal(a->from.b, b->from.b, 20);
    assert_int_equal(a->has_mint, b->has_mint);
    assert_true(vd_u256_eq(&a->mint, &b->mint));
    assert_int_equal(a->is_system_tx, b->is_system_tx);
}

static void
test_encoding_decodes_to_the_same(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("transactions");
    for (int i = 0; i < 20000; i++) {
        struct vd_arena arena = new_arena();
        struct vd_tx tx = random_tx(&r, &arena);
        struct vd_tx back;
        struct vd_buf buf;
        struct vd_buf again;
        vd_buf_init(&buf, &arena);
        vd_tx_encode(&buf, &tx);
        assert_int_equal(vd_tx_decode(&back, NULL, &arena, vd_buf_view(&buf)), VD_OK);
        assert_same(&tx, &back);
        vd_buf_init(&again, &arena);
        vd_tx_encode(&again, &back);
        assert_true(vd_slice_eq(vd_buf_view(&buf), vd_buf_view(&again)));
        struct vd_hash hash = vd_keccak256(vd_buf_view(&buf));
        assert_memory_equal(hash.b, back.hash.b, 32);
    }
}

/* Whatever is read is written back the same: there is one encoding. */
static void
test_mutated_bytes_are_refused_or_canonical(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("mutations");
    for (int i = 0; i < 50000; i++) {
        struct vd_arena arena = new_arena();
        struct vd_tx tx = random_tx(&r, &arena);
        struct vd_tx back;
        struct vd_buf buf;
        struct vd_buf again;
        vd_buf_init(&buf, &arena);
        vd_tx_encode(&buf, &tx);
        buf.ptr[vd_random_below(&r, buf.len)] = (uint8_t)vd_random_u64(&r);
        size_t len = buf.len - (vd_random_below(&r, 4) == 0 ? vd_random_below(&r, buf.len) : 0);
        if (vd_tx_decode(&back, NULL, &arena, vd_slice(buf.ptr, len)) != VD_OK)
            continue;
        vd_buf_init(&again, &arena);
        vd_tx_encode(&again, &back);
        assert_true(vd_slice_eq(vd_slice(buf.ptr, len), vd_buf_view(&again)));
    }
}

/* --- refusals, by hand --- */

static const struct {
    const char *hex;
    enum vd_err err;
    const char *reason;
} REFUSALS[] = {
    {"", VD_ERR_INVALID, "empty"},
    {"00", VD_ERR_INVALID, "no transaction type begins so"},
    {"80", VD_ERR_INVALID, "no transaction type begins so"},
    {"05c0", VD_ERR_UNSUPPORTED, "transaction type not supported"},
    {"7dc0", VD_ERR_UNSUPPORTED, "transaction type not supported"},
    {"c0", VD_ERR_INVALID, "bad nonce"},
    {"02", VD_ERR_INVALID, "not a list"},
    {"0280", VD_ERR_INVALID, "not a list"},
    /* EIP-155's example without its last byte, then with one more. */
    {"f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a7640000808080",
     VD_ERR_INVALID, "not a list"},
    {"c9808080808080808080ff", VD_ERR_INVALID, "v is neither 27, 28 nor of EIP-155"},
    {"c9808080808080"
     "1b"
     "8080"
     "ff",
     VD_ERR_INVALID, "bytes left over"},
    {"c9808080808080"
     "1d"
     "8080",
     VD_ERR_INVALID, "v is neither 27, 28 nor of EIP-155"},
    {"c9808000808080"
     "1b"
     "8080",
     VD_ERR_INVALID, "bad gas limit"},
    {"ca80808081aa8080"
     "1b"
     "8080",
     VD_ERR_INVALID, "receiver is not an address"},
    {"01cb8080808080808080c0028080", VD_ERR_INVALID, NULL},
    /* A list of a thousand empty access tuples does not become a thousand structures. */
    {"01cc80808080808080c2c0c0808080", VD_ERR_INVALID, "bad access list"},
};

static void
test_malformed_bytes_name_the_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        size_t len;
        struct vd_tx tx;
        const char *reason = NULL;
        struct vd_arena arena = new_arena();
        uint8_t *bytes = vd_unhex(REFUSALS[i].hex, &len);
        enum vd_err err = vd_tx_decode(&tx, &reason, &arena, vd_slice(bytes, len));
        if (err != REFUSALS[i].err)
            fail_msg("%s: %s", REFUSALS[i].hex, vd_err_text(err));
        if (REFUSALS[i].reason != NULL)
            assert_string_equal(reason, REFUSALS[i].reason);
        free(bytes);
    }
}

/* --- signatures --- */

/* The example of EIP-155: its signing hash, and the key it was made with (32 times 0x46). */
static void
test_eip155_example(void **state)
{
    (void)state;
    size_t len;
    bool valid;
    struct vd_tx tx;
    struct vd_hash hash;
    struct vd_address sender;
    struct vd_address owner;
    uint8_t key[32];
    struct vd_arena arena = new_arena();
    uint8_t *bytes = vd_unhex("f86c098504a817c800825208943535353535353535353535353535353535353535"
                              "880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d"
                              "3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9"
                              "f3dc64214b297fb1966a3b6d83",
                              &len);
    assert_int_equal(vd_tx_decode(&tx, NULL, &arena, vd_slice(bytes, len)), VD_OK);
    assert_int_equal(tx.chain_id, 1);
    assert_int_equal(vd_tx_signing_hash(&hash, &tx, &arena), VD_OK);
    struct vd_hash want =
        vd_unhex_word("daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
    assert_memory_equal(hash.b, want.b, 32);
    assert_int_equal(vd_tx_sender(&sender, &valid, &tx, vd_curves_host(), &arena), VD_OK);
    assert_true(valid);
    memset(key, 0x46, sizeof key);
    assert_int_equal(vd_key_to_address(&owner, key), VD_OK);
    assert_memory_equal(sender.b, owner.b, 20);
    free(bytes);
}

static void
test_signed_transactions_give_their_signer(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("signatures");
    for (int i = 0; i < 200; i++) {
        bool valid;
        uint8_t key[32];
        uint8_t signature[64];
        struct vd_hash hash;
        struct vd_address owner;
        struct vd_address sender;
        struct vd_arena arena = new_arena();
        struct vd_tx tx = random_tx(&r, &arena);
        vd_random_bytes(&r, key, sizeof key);
        key[0] = 1;
        assert_int_equal(vd_key_to_address(&owner, key), VD_OK);
        if (tx.type == VD_TX_DEPOSIT) {
            owner = tx.from;
        } else {
            assert_int_equal(vd_tx_signing_hash(&hash, &tx, &arena), VD_OK);
            assert_int_equal(vd_sign_hash(signature, &tx.y_parity, &hash, key), VD_OK);
            tx.r = vd_u256_from_be(signature);
            tx.s = vd_u256_from_be(signature + 32);
        }
        assert_int_equal(vd_tx_sender(&sender, &valid, &tx, vd_curves_host(), &arena), VD_OK);
        assert_true(valid);
        assert_memory_equal(sender.b, owner.b, 20);
    }
}

/* EIP-2: the mirrored signature recovers the same key and is refused. */
static void
test_high_s_is_nobody(void **state)
{
    (void)state;
    static const struct vd_u256 order = {
        {0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe, 0xffffffffffffffff}};
    bool valid;
    uint8_t key[32] = {1};
    uint8_t signature[64];
    struct vd_hash hash;
    struct vd_address sender;
    struct vd_arena arena = new_arena();
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE, .has_chain_id = true, .chain_id = 901};
    assert_int_equal(vd_tx_signing_hash(&hash, &tx, &arena), VD_OK);
    assert_int_equal(vd_sign_hash(signature, &tx.y_parity, &hash, key), VD_OK);
    tx.r = vd_u256_from_be(signature);
    tx.s = vd_u256_from_be(signature + 32);
    tx.s = vd_u256_sub(&order, &tx.s);
    tx.y_parity ^= 1;
    assert_int_equal(vd_tx_sender(&sender, &valid, &tx, vd_curves_host(), &arena), VD_OK);
    assert_false(valid);
}

/* --- intrinsic gas --- */

static void
test_intrinsic_gas(void **state)
{
    (void)state;
    const struct vd_hash keys[3] = {{{0}}};
    const struct vd_access accesses[2] = {{.keys = keys, .key_count = 3}, {.keys = NULL}};
    const struct vd_authorization authorizations[2] = {{.nonce = 0}};
    static const uint8_t data[64] = {1, 2, 3};
    struct vd_tx tx = {.type = VD_TX_SET_CODE};
    const struct vd_rules *cancun = vd_rules_find("Cancun");
    const struct vd_rules *prague = vd_rules_find("Prague");
    assert_int_equal(vd_tx_intrinsic_gas(&tx, prague).gas, 21000);
    assert_int_equal(vd_tx_intrinsic_gas(&tx, prague).floor, 21000);
    assert_int_equal(vd_tx_intrinsic_gas(&tx, cancun).floor, 0);
    tx.data = vd_slice(data, sizeof data);
    assert_int_equal(vd_tx_intrinsic_gas(&tx, prague).gas, 21000 + 61 * 4 + 3 * 16);
    assert_int_equal(vd_tx_intrinsic_gas(&tx, prague).floor, 21000 + (61 + 3 * 4) * 10);
    tx.is_create = true;
    assert_int_equal(vd_tx_intrinsic_gas(&tx, prague).gas, 53000 + 61 * 4 + 3 * 16 + 2 * 2);
    tx = (struct vd_tx){.accesses = accesses, .access_count = 2};
    assert_int_equal(vd_tx_intrinsic_gas(&tx, prague).gas, 21000 + 2 * 2400 + 3 * 1900);
    tx = (struct vd_tx){.authorizations = authorizations, .authorization_count = 2};
    assert_int_equal(vd_tx_intrinsic_gas(&tx, prague).gas, 21000 + 2 * 25000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoding_decodes_to_the_same),
        cmocka_unit_test(test_mutated_bytes_are_refused_or_canonical),
        cmocka_unit_test(test_malformed_bytes_name_the_field),
        cmocka_unit_test(test_eip155_example),
        cmocka_unit_test(test_signed_transactions_give_their_signer),
        cmocka_unit_test(test_high_s_is_nobody),
        cmocka_unit_test(test_intrinsic_gas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
