#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/vectors.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"

enum { ROUNDS = 200 };

/* The order of the group, SEC 2 section 2.4.1. */
static const char order[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/* Keys 0 and 1 of the mnemonic 'test test test test test test test test test test test junk', as
   Hardhat's and Foundry's documentation list them. */
static const struct {
    const char *secret;
    const char *address;
} known[] = {
    {"ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
     "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"},
    {"59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
     "70997970c51812dc3a010c7d01b50e0d17dc79c8"},
};

static void
test_known_keys_have_their_addresses(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct vd_address address;
        struct vd_address want;
        struct vd_hash secret = vd_unhex_word(known[i].secret);
        vd_unhex_fixed(want.b, sizeof want.b, known[i].address);
        assert_int_equal(vd_key_to_address(&address, secret.b), VD_OK);
        assert_memory_equal(address.b, want.b, sizeof want.b);
    }
}

/* RFC 6979's nonce: secret 1 and the SHA-256 of "Satoshi Nakamoto" give this r and s with many
   implementations (python-ecdsa, Haskoin, btcec list it). */
static void
test_signature_has_the_deterministic_nonce(void **unused)
{
    (void)unused;
    uint8_t signature[64];
    uint8_t parity;
    uint8_t want[64];
    struct vd_hash hash =
        vd_unhex_word("a0dc65ffca799873cbea0ac274015b9526505daaaed385155425f7337704883e");
    struct vd_hash secret = vd_unhex_word("1");
    vd_unhex_fixed(want, sizeof want,
                   "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
                   "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5");
    assert_int_equal(vd_sign_hash(signature, &parity, &hash, secret.b), VD_OK);
    assert_memory_equal(signature, want, sizeof want);
}

static void
test_recovery_returns_the_signer(void **unused)
{
    (void)unused;
    struct vd_random r = vd_random_start("curves");
    const struct vd_curves *curves = vd_curves_host();
    static const uint8_t half[] = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    for (int i = 0; i < ROUNDS; i++) {
        struct vd_hash secret;
        struct vd_hash hash;
        struct vd_address signer;
        struct vd_address got;
        uint8_t signature[64];
        uint8_t parity;
        bool valid = false;
        vd_random_bytes(&r, secret.b, sizeof secret.b);
        vd_random_bytes(&r, hash.b, sizeof hash.b);
        secret.b[0] &= 0x7f;
        assert_int_equal(vd_key_to_address(&signer, secret.b), VD_OK);
        assert_int_equal(vd_sign_hash(signature, &parity, &hash, secret.b), VD_OK);
        assert_true(parity <= 1);
        assert_true(memcmp(signature + 32, half, sizeof half) <= 0); /* EIP-2: low s */
        assert_int_equal(curves->recover(curves->ctx, &got, &valid, &hash, signature, parity),
                         VD_OK);
        assert_true(valid && vd_address_eq(&got, &signer));
        assert_int_equal(
            curves->recover(curves->ctx, &got, &valid, &hash, signature, (uint8_t)(1 - parity)),
            VD_OK);
        assert_false(valid && vd_address_eq(&got, &signer));
        hash.b[i % 32] ^= 1;
        assert_int_equal(curves->recover(curves->ctx, &got, &valid, &hash, signature, parity),
                         VD_OK);
        assert_false(valid && vd_address_eq(&got, &signer));
    }
}

static void
test_no_key_fits_numbers_outside_the_group(void **unused)
{
    (void)unused;
    const struct vd_curves *curves = vd_curves_host();
    struct vd_hash n = vd_unhex_word(order);
    struct vd_hash one = vd_unhex_word("1");
    struct vd_hash zero = {{0}};
    const struct vd_hash *pairs[][2] = {{&zero, &one}, {&one, &zero}, {&n, &one}, {&one, &n}};
    struct vd_address got;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        uint8_t signature[64];
        bool valid = true;
        memcpy(signature, pairs[i][0]->b, 32);
        memcpy(signature + 32, pairs[i][1]->b, 32);
        assert_int_equal(curves->recover(curves->ctx, &got, &valid, &one, signature, 0), VD_OK);
        assert_false(valid);
        valid = true;
        assert_int_equal(curves->recover(curves->ctx, &got, &valid, &one, signature, 2), VD_OK);
        assert_false(valid);
    }
    uint8_t signature[64];
    uint8_t parity;
    assert_int_equal(vd_key_to_address(&got, zero.b), VD_ERR_INVALID);
    assert_int_equal(vd_key_to_address(&got, n.b), VD_ERR_INVALID);
    assert_int_equal(vd_sign_hash(signature, &parity, &one, zero.b), VD_ERR_INVALID);
    assert_int_equal(vd_sign_hash(signature, &parity, &one, n.b), VD_ERR_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_keys_have_their_addresses),
        cmocka_unit_test(test_signature_has_the_deterministic_nonce),
        cmocka_unit_test(test_recovery_returns_the_signer),
        cmocka_unit_test(test_no_key_fits_numbers_outside_the_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
