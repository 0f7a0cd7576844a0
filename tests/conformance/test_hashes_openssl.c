/* SHA-256, RIPEMD-160 and modular exponentiation against OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "support/random.h"
#include "viaduct/core/crypto/hashes.h"
#include "viaduct/core/crypto/modexp.h"

enum { VD_LONGEST = 400, VD_ROUNDS = 1500, VD_NUMBER_MAX = 260 };

static void
test_hashes_equal_those_of_openssl(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("hashes");
    /* OpenSSL 3 keeps RIPEMD-160 with the old algorithms. */
    OSSL_PROVIDER *legacy = OSSL_PROVIDER_load(NULL, "legacy");
    OSSL_PROVIDER *standard = OSSL_PROVIDER_load(NULL, "default");
    const EVP_MD *ripemd = EVP_ripemd160();
    uint8_t bytes[VD_LONGEST];
    uint8_t got[20];
    uint8_t want[EVP_MAX_MD_SIZE];
    unsigned want_len;
    assert_non_null(standard);
    for (size_t len = 0; len < VD_LONGEST; len++) {
        vd_random_bytes(&r, bytes, len);
        assert_int_equal(EVP_Digest(bytes, len, want, &want_len, EVP_sha256(), NULL), 1);
        struct vd_hash hash = vd_sha256(vd_slice(bytes, len));
        assert_memory_equal(hash.b, want, 32);
        assert_int_equal(EVP_Digest(bytes, len, want, &want_len, ripemd, NULL), 1);
        vd_ripemd160(got, vd_slice(bytes, len));
        assert_memory_equal(got, want, 20);
    }
    OSSL_PROVIDER_unload(standard);
    if (legacy != NULL)
        OSSL_PROVIDER_unload(legacy);
}

/* Numbers with runs of equal bytes reach carries that random ones do not. */
static size_t
random_number(uint8_t *out, struct vd_random *r)
{
    size_t len = vd_random_below(r, vd_random_below(r, 3) == 0 ? VD_NUMBER_MAX : 40);
    vd_random_bytes(r, out, len);
    if (len > 0 && vd_random_below(r, 3) == 0) {
        size_t from = vd_random_below(r, len);
        memset(out + from, vd_random_below(r, 2) == 0 ? 0 : 0xff, len - from);
    }
    return len;
}

/* A modulus of few limbs, which have ways of their own, often with a power of two in it. */
static size_t
shorten(uint8_t *number, size_t len, struct vd_random *r)
{
    size_t short_len = 1 + vd_random_below(r, 56);
    len = len < short_len ? len : short_len;
    size_t zeros = vd_random_below(r, 3) == 0 ? vd_random_below(r, len + 1) : 0;
    memset(number + len - zeros, 0, zeros);
    return len;
}

static void
test_modexp_equals_that_of_openssl(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("modexp");
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *result = BN_new();
    for (unsigned i = 0; i < VD_ROUNDS; i++) {
        static uint8_t number[3][VD_NUMBER_MAX];
        static uint8_t memory[32 * VD_NUMBER_MAX + 4096];
        uint8_t want[VD_NUMBER_MAX];
        uint8_t got[VD_NUMBER_MAX];
        size_t len[3];
        BIGNUM *bn[3];
        for (unsigned k = 0; k < 3; k++) {
            len[k] = random_number(number[k], &r);
            if (k == 2 && i % 2 == 0)
                len[k] = shorten(number[k], len[k], &r);
            bn[k] = BN_bin2bn(number[k], (int)len[k], NULL);
        }
        if (!BN_is_zero(bn[2])) {
            struct vd_arena arena;
            vd_arena_init(&arena, memory, 16 * (len[0] + len[2]) + 4096);
            assert_int_equal(BN_mod_exp(result, bn[0], bn[1], bn[2], ctx), 1);
            assert_int_equal(BN_bn2binpad(result, want, (int)len[2]), (int)len[2]);
            assert_int_equal(vd_modexp(got, &arena, vd_slice(number[0], len[0]),
                                       vd_slice(number[1], len[1]), vd_slice(number[2], len[2])),
                             VD_OK);
            assert_memory_equal(got, want, len[2]);
        }
        for (unsigned k = 0; k < 3; k++)
            BN_free(bn[k]);
    }
    BN_free(result);
    BN_CTX_free(ctx);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes_equal_those_of_openssl),
        cmocka_unit_test(test_modexp_equals_that_of_openssl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
