#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/keystore.h"
#include "viaduct/node/platform/secret_file.h"

static char why[256];

static struct vd_slice
slice_of(const char *text)
{
    return vd_slice((const uint8_t *)text, strlen(text));
}

/* "31_byte_key" of go-ethereum's accounts/keystore/testdata/v3_test_vector.json: password foo, and
   a cost that lets a test try many files. */
#define IV "e0c41130a323adc1446fc82f724bca2f"
#define CIPHERTEXT "9517cd5bdbe69076f9bf5057248c6c050141e970efa36ce53692d5d59a3984"
#define SALT "711f816911c92d649fb4c84b047915679933555030b3552c1212609b38208c63"
#define MAC "d5e116151c6aa71470e67a7d42c9620c75c4d23229847dcc127794f0732b0db5"
#define KEY "00fa7b3db73dc7dfdf8c5fbdb796d741e4488628c41fc4febd9160a866ba0f35"
#define PARAMS "'dklen':32,'n':2,'r':8,'p':1,'salt':'" SALT "'"
#define KDF "'kdf':'scrypt','kdfparams':{" PARAMS "}"
#define CIPHER "'cipher':'aes-128-ctr','cipherparams':{'iv':'" IV "'}"
#define TEXT "'ciphertext':'" CIPHERTEXT "'"
#define TAG "'mac':'" MAC "'"
#define CRYPTO "{" CIPHER "," TEXT "," KDF "," TAG "}"
#define ID "'id':'fecfc4ce-e956-48fd-953b-30f8b52ed66c'"
#define FILE_TEXT "{'crypto':" CRYPTO "," ID ",'version':3}"

/* Writes ' for " so that the cases below can be read. */
static enum vd_err
decrypt(uint8_t secret[32], const char *text, const char *password)
{
    char *copy = strdup(text);
    for (char *c = copy; *c; c++) {
        if (*c == '\'')
            *c = '"';
    }
    why[0] = '\0';
    enum vd_err err =
        vd_keystore_decrypt(secret, why, sizeof why, slice_of(copy), slice_of(password));
    assert_true((err == VD_OK) == (why[0] == '\0'));
    free(copy);
    return err;
}

static void
test_what_programs_write_differently_is_read_alike(void **state)
{
    (void)state;
    static const char *const same[] = {
        FILE_TEXT,
        "{'Crypto':" CRYPTO ",'Version':3}",
        "{'crypto':" CRYPTO ",'version':'3','address':''}",
        "{'crypto':" CRYPTO ",'version':3.0,'address':null,'x-more':{}}",
        "{'CRYPTO':{'CIPHER':'AES-128-CTR','cipherParams':{'IV':'0x" IV "'}," TEXT
        ",'KDF':'Scrypt','KDFParams':{'dkLen':64,'N':2.0,'R':8,'P':1,'Salt':'0X" SALT "'}," TAG
        "},'version':3}",
        "{'crypto':{" CIPHER
        ",'ciphertext':'9517CD5BDBE69076F9BF5057248C6C050141E970EFA36CE53692D5D59A3984'," KDF
        ",'mac':'D5E116151C6AA71470E67A7D42C9620C75C4D23229847DCC127794F0732B0DB5'},'version':3}",
    };
    uint8_t want[32];
    assert_int_equal(vd_hex_decode(want, 32, KEY, 64), VD_OK);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        uint8_t secret[32];
        if (decrypt(secret, same[i], "foo") != VD_OK)
            fail_msg("case %zu: %s", i, why);
        assert_memory_equal(secret, want, 32);
    }
}

static void
test_each_fault_has_its_own_error(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum vd_err err;
        const char *says;
    } table[] = {
        {"", VD_ERR_INVALID, "the file is not a JSON object"},
        {"[]", VD_ERR_INVALID, "the file is not a JSON object"},
        {"00fa7b3db73dc7dfdf8c5fbdb796d741e4488628", VD_ERR_INVALID, "not a JSON object"},
        {"{}", VD_ERR_INVALID, "version is missing"},
        {"{'version':3,'version':3}", VD_ERR_INVALID, "not a JSON object"},
        {"{'version':1,'crypto':" CRYPTO "}", VD_ERR_UNSUPPORTED, "version is not 3"},
        {"{'version':'1','crypto':" CRYPTO "}", VD_ERR_UNSUPPORTED, "version is not 3"},
        {"{'version':4,'crypto':{}}", VD_ERR_UNSUPPORTED, "version is not 3"},
        {"{'version':3}", VD_ERR_INVALID, "crypto is missing"},
        {"{'version':3,'crypto':[]}", VD_ERR_INVALID, "crypto is missing or not an object"},
        {"{'version':3,'crypto':{" TEXT "," KDF "," TAG "}}", VD_ERR_INVALID,
         "crypto.cipher is missing"},
        {"{'version':3,'crypto':{'cipher':'aes-128-cbc','cipherparams':{'iv':'" IV "'}," TEXT
         "," KDF "," TAG "}}",
         VD_ERR_UNSUPPORTED, "crypto.cipher is not aes-128-ctr"},
        {"{'version':3,'crypto':{'cipher':'aes-128-ctr'," TEXT "," KDF "," TAG "}}", VD_ERR_INVALID,
         "crypto.cipherparams is missing"},
        {"{'version':3,'crypto':{'cipher':'aes-128-ctr','cipherparams':{'iv':'" IV "00'}," TEXT
         "," KDF "," TAG "}}",
         VD_ERR_INVALID, "cipherparams.iv must be 1 to 16 bytes"},
        {"{'version':3,'crypto':{'cipher':'aes-128-ctr','cipherparams':{'iv':''}," TEXT "," KDF
         "," TAG "}}",
         VD_ERR_INVALID, "cipherparams.iv must be 1 to 16 bytes"},
        {"{'version':3,'crypto':{" CIPHER "," KDF "," TAG "}}", VD_ERR_INVALID,
         "crypto.ciphertext is missing"},
        {"{'version':3,'crypto':{" CIPHER ",'ciphertext':'0x'," KDF "," TAG "}}", VD_ERR_INVALID,
         "crypto.ciphertext must be"},
        {"{'version':3,'crypto':{" CIPHER ",'ciphertext':'zz'," KDF "," TAG "}}", VD_ERR_INVALID,
         "crypto.ciphertext holds a character that is no hex digit"},
        {"{'version':3,'crypto':{" CIPHER ",'ciphertext':'" CIPHERTEXT "0000'," KDF "," TAG "}}",
         VD_ERR_INVALID, "crypto.ciphertext must be 1 to 32 bytes"},
        {"{'version':3,'crypto':{" CIPHER ",'ciphertext':'abc'," KDF "," TAG "}}", VD_ERR_INVALID,
         "crypto.ciphertext must be"},
        {"{'version':3,'crypto':{" CIPHER "," TEXT "," KDF ",'mac':'00'}}", VD_ERR_INVALID,
         "crypto.mac must be 32 bytes"},
        {"{'version':3,'crypto':{" CIPHER "," TEXT "," KDF "}}", VD_ERR_INVALID,
         "crypto.mac is missing"},
        {"{'version':3,'crypto':{" CIPHER "," TEXT "," TAG "}}", VD_ERR_INVALID,
         "crypto.kdf is missing"},
        {"{'version':3,'crypto':{" CIPHER "," TEXT "," TAG ",'kdf':'argon2','kdfparams':{" PARAMS
         "}}}",
         VD_ERR_UNSUPPORTED, "crypto.kdf is neither scrypt nor pbkdf2"},
        {"{'version':3,'crypto':{" CIPHER "," TEXT "," TAG ",'kdf':'scrypt'}}", VD_ERR_INVALID,
         "crypto.kdfparams is missing"},
#define WITH_SCRYPT(numbers)                                                                       \
    "{'version':3,'crypto':{" CIPHER "," TEXT "," TAG ",'kdf':'scrypt','kdfparams':{'salt':'" SALT \
    "'," numbers "}}}"
        {WITH_SCRYPT("'dklen':32,'n':2,'r':8"), VD_ERR_INVALID, "kdfparams.p is missing"},
        {WITH_SCRYPT("'dklen':31,'n':2,'r':8,'p':1"), VD_ERR_INVALID, "kdfparams.dklen"},
        {WITH_SCRYPT("'n':2,'r':8,'p':1"), VD_ERR_INVALID, "kdfparams.dklen"},
        {WITH_SCRYPT("'dklen':32,'n':3,'r':8,'p':1"), VD_ERR_INVALID, "not a power of two"},
        {WITH_SCRYPT("'dklen':32,'n':1,'r':8,'p':1"), VD_ERR_INVALID, "not a power of two"},
        {WITH_SCRYPT("'dklen':32,'n':0,'r':8,'p':1"), VD_ERR_INVALID, "not a power of two"},
        {WITH_SCRYPT("'dklen':32,'n':-2,'r':8,'p':1"), VD_ERR_INVALID, "not a whole number"},
        {WITH_SCRYPT("'dklen':32,'n':2.5,'r':8,'p':1"), VD_ERR_INVALID, "not a whole number"},
        {WITH_SCRYPT("'dklen':32,'n':1e300,'r':8,'p':1"), VD_ERR_INVALID, "not a whole number"},
        {WITH_SCRYPT("'dklen':32,'n':2,'r':0,'p':1"), VD_ERR_INVALID, "must be above 0"},
        {WITH_SCRYPT("'dklen':32,'n':2,'r':8,'p':0"), VD_ERR_INVALID, "must be above 0"},
        {WITH_SCRYPT("'dklen':32,'n':1048576,'r':8,'p':1"), VD_ERR_TOO_LARGE, "1 GiB of memory"},
        {WITH_SCRYPT("'dklen':32,'n':2,'r':8388608,'p':1"), VD_ERR_TOO_LARGE, "1 GiB of memory"},
        {WITH_SCRYPT("'dklen':32,'n':2,'r':1,'p':8388608"), VD_ERR_TOO_LARGE, "1 GiB of memory"},
        {WITH_SCRYPT("'dklen':32,'n':4611686018427387904,'r':8,'p':1"), VD_ERR_TOO_LARGE,
         "1 GiB of memory"},
        {WITH_SCRYPT("'dklen':32,'n':2,'r':9007199254740991,'p':9007199254740991"),
         VD_ERR_TOO_LARGE, "1 GiB of memory"},
        {WITH_SCRYPT("'dklen':32,'n':262144,'r':8,'p':17"), VD_ERR_TOO_LARGE, "33,554,432"},
#define WITH_PBKDF2(numbers)                                                                       \
    "{'version':3,'crypto':{" CIPHER "," TEXT "," TAG ",'kdf':'pbkdf2','kdfparams':{'salt':'" SALT \
    "','dklen':32," numbers "}}}"
        {WITH_PBKDF2("'c':1"), VD_ERR_INVALID, "kdfparams.prf is missing"},
        {WITH_PBKDF2("'c':1,'prf':'hmac-sha512'"), VD_ERR_UNSUPPORTED, "is not hmac-sha256"},
        {WITH_PBKDF2("'c':0,'prf':'hmac-sha256'"), VD_ERR_INVALID, "must be above 0"},
        {WITH_PBKDF2("'c':20000001,'prf':'hmac-sha256'"), VD_ERR_TOO_LARGE, "20,000,000"},
        {WITH_PBKDF2("'c':1,'prf':'hmac-sha256'"), VD_ERR_REFUSED, "the password is wrong"},
        {"{'version':3,'crypto':" CRYPTO ",'address':'00'}", VD_ERR_INVALID, "address must be 20"},
        {"{'version':3,'crypto':" CRYPTO ",'address':5}", VD_ERR_INVALID, "address is missing"},
        {"{'version':3,'crypto':" CRYPTO ",'address':'0000000000000000000000000000000000000001'}",
         VD_ERR_MISMATCH, "another account's key"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint8_t secret[32];
        uint8_t zero[32] = {0};
        enum vd_err err = decrypt(secret, table[i].text, "foo");
        if (err != table[i].err || strstr(why, table[i].says) == NULL)
            fail_msg("case %zu: %s: '%s'", i, vd_err_text(err), why);
        assert_memory_equal(secret, zero, 32);
        assert_null(strstr(why, "fa7b3d"));
    }
}

static void
test_a_wrong_password_is_told_from_a_damaged_file(void **state)
{
    (void)state;
    uint8_t secret[32];
    assert_int_equal(decrypt(secret, FILE_TEXT, "Foo"), VD_ERR_REFUSED);
    assert_int_equal(decrypt(secret, FILE_TEXT, ""), VD_ERR_REFUSED);
    assert_string_equal(why, "the password is wrong");
    char *long_text = malloc(VD_KEYSTORE_MAX_BYTES + 2);
    memset(long_text, ' ', VD_KEYSTORE_MAX_BYTES + 1);
    long_text[VD_KEYSTORE_MAX_BYTES + 1] = '\0';
    assert_int_equal(decrypt(secret, long_text, "foo"), VD_ERR_TOO_LARGE);
    free(long_text);
}

static void
round_trip(enum vd_keystore_cost cost, const char *password)
{
    uint8_t secret[32] = {[0] = 1, [31] = 9};
    uint8_t back[32];
    char *text = NULL;
    struct vd_address stated;
    struct vd_address derived;
    assert_int_equal(vd_keystore_encrypt(&text, secret, slice_of(password), cost), VD_OK);
    enum vd_err err =
        vd_keystore_decrypt(back, why, sizeof why, slice_of(text), slice_of(password));
    if (err != VD_OK)
        fail_msg("%s", why);
    assert_memory_equal(secret, back, 32);
    assert_int_equal(vd_keystore_address(&stated, slice_of(text)), VD_OK);
    assert_int_equal(vd_key_to_address(&derived, secret), VD_OK);
    assert_true(vd_address_eq(&stated, &derived));

    json_t *root = json_loads(text, 0, NULL);
    json_t *crypto = json_object_get(root, "crypto");
    json_t *params = json_object_get(crypto, "kdfparams");
    assert_int_equal(json_integer_value(json_object_get(params, "n")),
                     cost == VD_KEYSTORE_LIGHT ? 4096 : 262144);
    const char *id = json_string_value(json_object_get(root, "id"));
    assert_int_equal(strlen(id), 36);
    assert_int_equal(id[14], '4'); /* RFC 9562: version 4, variant 10 */
    assert_non_null(strchr("89ab", id[19]));
    json_decref(root);
    free(text);
}

static void
test_what_is_encrypted_decrypts(void **state)
{
    (void)state;
    round_trip(VD_KEYSTORE_LIGHT, "correct horse battery staple");
    round_trip(VD_KEYSTORE_LIGHT, "");
    round_trip(VD_KEYSTORE_LIGHT, "p\xc3\xa4ssw\xc3\xb6rd \xf0\x9f\x94\x91");
    round_trip(VD_KEYSTORE_STANDARD, "x");
    uint8_t zero[32] = {0};
    char *text;
    assert_int_equal(vd_keystore_encrypt(&text, zero, slice_of("x"), VD_KEYSTORE_LIGHT),
                     VD_ERR_INVALID);
}

static void
test_the_same_key_never_gives_the_same_file(void **state)
{
    (void)state;
    uint8_t secret[32] = {[31] = 1};
    char *a = NULL;
    char *b = NULL;
    assert_int_equal(vd_keystore_encrypt(&a, secret, slice_of("x"), VD_KEYSTORE_LIGHT), VD_OK);
    assert_int_equal(vd_keystore_encrypt(&b, secret, slice_of("x"), VD_KEYSTORE_LIGHT), VD_OK);
    json_t *x = json_loads(a, 0, NULL);
    json_t *y = json_loads(b, 0, NULL);
    static const char *const differ[] = {"ciphertext", "mac"};
    for (size_t i = 0; i < 2; i++)
        assert_string_not_equal(
            json_string_value(json_object_get(json_object_get(x, "crypto"), differ[i])),
            json_string_value(json_object_get(json_object_get(y, "crypto"), differ[i])));
    json_decref(x);
    json_decref(y);
    free(a);
    free(b);
}

static void
test_the_stated_address_is_read_without_a_password(void **state)
{
    (void)state;
    struct vd_address address;
    struct vd_address want = {{0x0c, [19] = 0xd6}};
    static const char with[] =
        "{\"version\":3,\"address\":\"0x0C000000000000000000000000000000000000d6\",\"crypto\":{"
        "\"cipher\":\"rot13\",\"ciphertext\":\"00\"}}";
    assert_int_equal(vd_keystore_address(&address, slice_of(with)), VD_OK);
    assert_true(vd_address_eq(&address, &want));
    assert_int_equal(vd_keystore_address(&address, slice_of("{\"abi\":[]}")), VD_ERR_INVALID);
    assert_int_equal(vd_keystore_address(&address, slice_of("")), VD_ERR_INVALID);
}

/* --- secret files --- */

static void
test_secret_files_are_private_or_refused(void **state)
{
    (void)state;
    uint8_t out[8];
    size_t len;
    char path[] = "secret-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "12345678", 8), 8);
    assert_int_equal(vd_secret_file_read(out, &len, 8, why, sizeof why, "file", path), VD_OK);
    assert_int_equal(len, 8);
    assert_memory_equal(out, "12345678", 8);
    assert_int_equal(vd_secret_file_read(out, &len, 7, why, sizeof why, "file", path),
                     VD_ERR_TOO_LARGE);
    static const mode_t open_modes[] = {0640, 0604, 0620, 0700, 04600};
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        assert_int_equal(fchmod(fd, open_modes[i]), 0);
        assert_int_equal(vd_secret_file_read(out, &len, 8, why, sizeof why, "file", path),
                         VD_ERR_REFUSED);
        assert_non_null(strstr(why, "chmod 600"));
    }
    assert_int_equal(fchmod(fd, 0400), 0);
    assert_int_equal(vd_secret_file_read(out, &len, 8, why, sizeof why, "file", path), VD_OK);
    close(fd);
    unlink(path);
    assert_int_equal(vd_secret_file_read(out, &len, 8, why, sizeof why, "file", path),
                     VD_ERR_NOT_FOUND);
    assert_int_equal(vd_secret_file_read(out, &len, 8, why, sizeof why, "file", "."),
                     VD_ERR_REFUSED);
}

static void
test_a_secret_may_come_through_a_pipe(void **state)
{
    (void)state;
    int ends[2];
    char path[64];
    uint8_t out[8];
    size_t len;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    if (vd_secret_file_read(out, &len, 8, why, sizeof why, "file", path) != VD_OK)
        fail_msg("%s", why);
    assert_int_equal(len, 3);
    close(ends[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_programs_write_differently_is_read_alike),
        cmocka_unit_test(test_each_fault_has_its_own_error),
        cmocka_unit_test(test_a_wrong_password_is_told_from_a_damaged_file),
        cmocka_unit_test(test_what_is_encrypted_decrypts),
        cmocka_unit_test(test_the_same_key_never_gives_the_same_file),
        cmocka_unit_test(test_the_stated_address_is_read_without_a_password),
        cmocka_unit_test(test_secret_files_are_private_or_refused),
        cmocka_unit_test(test_a_secret_may_come_through_a_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
