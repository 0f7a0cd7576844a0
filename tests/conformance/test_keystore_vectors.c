/* Every key file of vectors/keystore gives its key with its password, and none with another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "support/vectors.h"
#include "viaduct/node/platform/keystore.h"

static void
check(const char *name, const json_t *test)
{
    uint8_t secret[32];
    uint8_t again[32];
    char why[256] = "";
    char *text = json_dumps(json_object_get(test, "json"), 0);
    const char *password = json_string_value(json_object_get(test, "password"));
    struct vd_hash want = vd_unhex_word(json_string_value(json_object_get(test, "priv")));
    assert_non_null(text);
    struct vd_slice file = vd_slice((const uint8_t *)text, strlen(text));
    struct vd_slice right = vd_slice((const uint8_t *)password, strlen(password));
    if (vd_keystore_decrypt(secret, why, sizeof why, file, right) != VD_OK)
        fail_msg("%s: %s", name, why);
    assert_memory_equal(secret, want.b, 32);
    struct vd_slice wrong = vd_slice((const uint8_t *)"x", 1);
    assert_int_equal(vd_keystore_decrypt(again, why, sizeof why, file, wrong), VD_ERR_REFUSED);
    assert_string_equal(why, "the password is wrong");
    free(text);
}

static void
check_file(void *ctx, const char *path)
{
    json_t *root = vd_vectors_json(path);
    const char *name;
    json_t *test;
    json_object_foreach(root, name, test)
    {
        check(name, test);
        ++*(size_t *)ctx;
    }
    json_decref(root);
}

static void
test_every_vector_decrypts(void **state)
{
    (void)state;
    size_t count = 0;
    if (!vd_vectors_walk("keystore", ".json", check_file, &count))
        return;
    printf("%zu key files\n", count);
    assert_true(count > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_vector_decrypts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
