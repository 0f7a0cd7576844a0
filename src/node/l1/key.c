#include "viaduct/node/l1/key.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/secret_file.h"

/* A key file holds 64 digits, perhaps 0x, perhaps white space around. */
#define FILE_MAX 128u

/* secp256k1: secret keys are the numbers from 1 to the group's order less one (SEC 2, 2.4.1). */
#define NO_KEY_NUMBER                                                                      \
    "its 32 bytes are no private key, which is a number from 1 to n - 1; n, the order of " \
    "secp256k1, is fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

struct vd_key {
    uint8_t *secret; /* locked memory */
    struct vd_address address;
};

static enum vd_err
prepare(struct vd_key *key, const uint8_t secret[32])
{
    if (sodium_init() < 0 || (key->secret = sodium_malloc(32)) == NULL)
        return VD_ERR_NO_MEMORY;
    memcpy(key->secret, secret, 32);
    sodium_mprotect_readonly(key->secret);
    return vd_key_to_address(&key->address, key->secret);
}

enum vd_err
vd_key_from_bytes(struct vd_key **out, const uint8_t secret[32])
{
    struct vd_key *key = calloc(1, sizeof *key);
    enum vd_err err = key == NULL ? VD_ERR_NO_MEMORY : prepare(key, secret);
    if (err != VD_OK) {
        vd_key_free(key);
        return err;
    }
    *out = key;
    return VD_OK;
}

void
vd_key_free(struct vd_key *key)
{
    if (key == NULL)
        return;
    sodium_free(key->secret); /* wipes it */
    free(key);
}

const struct vd_address *
vd_key_address(const struct vd_key *key)
{
    return &key->address;
}

enum vd_err
vd_key_sign(const struct vd_key *key, uint8_t signature[64], uint8_t *y_parity,
            const struct vd_hash *hash)
{
    return vd_sign_hash(signature, y_parity, hash, key->secret);
}

/* --- making and keeping --- */

enum vd_err
vd_key_generate(struct vd_key **out)
{
    uint8_t *secret = sodium_init() < 0 ? NULL : sodium_malloc(32);
    if (secret == NULL)
        return VD_ERR_NO_MEMORY;
    enum vd_err err;
    /* A number that is no key comes up once in 2^128 draws. */
    do {
        randombytes_buf(secret, 32);
        err = vd_key_from_bytes(out, secret);
    } while (err == VD_ERR_INVALID);
    sodium_free(secret);
    return err;
}

enum vd_err
vd_key_from_keystore(struct vd_key **out, char *why, size_t why_size, struct vd_slice text,
                     struct vd_slice password)
{
    uint8_t *secret = sodium_init() < 0 ? NULL : sodium_malloc(32);
    if (secret == NULL) {
        snprintf(why, why_size, "too little locked memory");
        return VD_ERR_NO_MEMORY;
    }
    enum vd_err err = vd_keystore_decrypt(secret, why, why_size, text, password);
    if (err == VD_OK && (err = vd_key_from_bytes(out, secret)) != VD_OK)
        snprintf(why, why_size, "too little locked memory");
    sodium_free(secret);
    return err;
}

enum vd_err
vd_key_to_keystore(char **text, const struct vd_key *key, struct vd_slice password,
                   enum vd_keystore_cost cost)
{
    return vd_keystore_encrypt(text, key->secret, password, cost);
}

/* --- plain files --- */

static bool
is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static enum vd_err
parse(uint8_t secret[32], const char *text, size_t len)
{
    while (len > 0 && is_space(text[0])) {
        text++;
        len--;
    }
    while (len > 0 && is_space(text[len - 1]))
        len--;
    if (len >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        len -= 2;
    }
    return vd_hex_decode(secret, 32, text, len);
}

enum vd_err
vd_key_load(struct vd_key **out, char *why, size_t why_size, const char *path)
{
    size_t len = 0;
    /* The file's text, then the key. */
    uint8_t *text = sodium_init() < 0 ? NULL : sodium_malloc(FILE_MAX + 32);
    if (text == NULL) {
        snprintf(why, why_size, "key file %s: too little locked memory", path);
        return VD_ERR_NO_MEMORY;
    }
    enum vd_err err = vd_secret_file_read(text, &len, FILE_MAX, why, why_size, "key file", path);
    if (err == VD_OK || err == VD_ERR_TOO_LARGE) {
        err = err == VD_OK ? parse(text + FILE_MAX, (const char *)text, len) : VD_ERR_INVALID;
        bool is_parsed = err == VD_OK;
        if (is_parsed)
            err = vd_key_from_bytes(out, text + FILE_MAX);
        if (err == VD_ERR_INVALID && is_parsed)
            snprintf(why, why_size, "key file %s: %s", path, NO_KEY_NUMBER);
        else if (err == VD_ERR_INVALID)
            snprintf(why, why_size,
                     "key file %s does not hold a private key: 64 hex digits are wanted, with or "
                     "without 0x",
                     path);
        else if (err != VD_OK)
            snprintf(why, why_size, "key file %s: %s", path, vd_err_text(err));
    }
    sodium_free(text);
    return err;
}
