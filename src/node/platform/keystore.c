/* A key file, as the Ethereum wiki's "Web3 Secret Storage Definition" has it:

       { "version": 3, "id": uuid, "address": hex,
         "crypto": { "cipher": "aes-128-ctr", "cipherparams": { "iv": hex }, "ciphertext": hex,
                     "kdf": "scrypt", "kdfparams": { "n", "r", "p", "dklen", "salt": hex },
                     "mac": hex } }

   or "kdf": "pbkdf2" with { "c", "prf": "hmac-sha256", "dklen", "salt" }.  Programs differ in small
   things, and all that cannot be mistaken is taken: names in either case ("Crypto"), hex in either
   case and with or without 0x, no address, an iv or a key whose leading zero bytes were left out,
   numbers written as 8192.0. */
#include "viaduct/node/platform/keystore.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"

#define SALT_MAX 1024
#define KEY_BYTES 32 /* of the derived key; the cipher takes 16, the check 16 */

enum kdf {
    KDF_SCRYPT,
    KDF_PBKDF2,
};

/* What a file says, taken apart. */
struct file {
    enum kdf kdf;
    uint64_t n; /* scrypt's, or PBKDF2's iterations */
    uint64_t r;
    uint64_t p;
    uint8_t salt[SALT_MAX];
    size_t salt_len;
    uint8_t iv[16];
    uint8_t ciphertext[32];
    size_t ciphertext_len;
    uint8_t mac[32];
    bool has_address;
    struct vd_address address;
};

/* Reading with sticky failure: the first error and its text stay. */
struct reader {
    enum vd_err err;
    char *why;
    size_t why_size;
};

static void
fail(struct reader *r, enum vd_err err, const char *what, const char *expected)
{
    if (r->err == VD_OK) {
        r->err = err;
        snprintf(r->why, r->why_size, "%s %s", what, expected);
    }
}

/* --- members --- */

/* The member of that name, else one that differs from it in case alone. */
static const json_t *
member(const json_t *object, const char *name)
{
    const json_t *exact = json_object_get(object, name);
    const char *key;
    json_t *value;
    if (exact != NULL)
        return exact;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (strcasecmp(key, name) == 0)
            return value;
    }
    return NULL;
}

static const json_t *
get_object(struct reader *r, const json_t *object, const char *name, const char *what)
{
    const json_t *value = member(object, name);
    if (!json_is_object(value))
        fail(r, VD_ERR_INVALID, what, "is missing or not an object");
    return value;
}

static const char *
get_text(struct reader *r, const json_t *object, const char *name, const char *what)
{
    const json_t *value = member(object, name);
    if (!json_is_string(value)) {
        fail(r, VD_ERR_INVALID, what, "is missing or not a text");
        return "";
    }
    return json_string_value(value);
}

static uint64_t
get_number(struct reader *r, const json_t *object, const char *name, const char *what)
{
    const json_t *value = member(object, name);
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        return (uint64_t)json_integer_value(value);
    if (json_is_real(value)) {
        double real = json_real_value(value);
        if (real >= 0 && real < 9007199254740992.0 && real == (double)(uint64_t)real)
            return (uint64_t)real;
    }
    fail(r, VD_ERR_INVALID, what, "is missing or not a whole number");
    return 0;
}

/* Between 1 and max bytes. */
static size_t
get_hex(struct reader *r, uint8_t *out, size_t max, const json_t *object, const char *name,
        const char *what)
{
    const char *text = get_text(r, object, name, what);
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    size_t digits = strlen(text);
    if (digits == 0 || digits % 2 != 0 || digits / 2 > max) {
        char expected[64];
        snprintf(expected, sizeof expected, "must be 1 to %zu bytes of hex", max);
        fail(r, VD_ERR_INVALID, what, expected);
        return 0;
    }
    if (vd_hex_decode(out, digits / 2, text, digits) != VD_OK)
        fail(r, VD_ERR_INVALID, what, "holds a character that is no hex digit");
    return digits / 2;
}

/* --- the parts of a file --- */

static void
read_scrypt(struct reader *r, struct file *f, const json_t *params)
{
    f->kdf = KDF_SCRYPT;
    f->n = get_number(r, params, "n", "kdfparams.n");
    f->r = get_number(r, params, "r", "kdfparams.r");
    f->p = get_number(r, params, "p", "kdfparams.p");
    if (r->err != VD_OK)
        return;
    if (f->n < 2 || (f->n & (f->n - 1)) != 0)
        fail(r, VD_ERR_INVALID, "kdfparams.n", "is not a power of two above 1");
    else if (f->r == 0 || f->p == 0)
        fail(r, VD_ERR_INVALID, "kdfparams.r and p", "must be above 0");
    else if (f->n > UINT32_MAX || f->r > UINT32_MAX || f->p > UINT32_MAX ||
             f->n + f->p > VD_KEYSTORE_MAX_SCRYPT_BYTES / 128 / f->r)
        fail(r, VD_ERR_TOO_LARGE, "kdfparams",
             "ask scrypt for more than 1 GiB of memory, which is the limit (128 * r * (n + p))");
    else if (f->n * f->r > VD_KEYSTORE_MAX_SCRYPT_WORK / f->p)
        fail(r, VD_ERR_TOO_LARGE, "kdfparams",
             "ask scrypt for too much work; the limit of n * r * p is 33,554,432");
}

static void
read_pbkdf2(struct reader *r, struct file *f, const json_t *params)
{
    const char *prf = get_text(r, params, "prf", "kdfparams.prf");
    f->kdf = KDF_PBKDF2;
    f->n = get_number(r, params, "c", "kdfparams.c");
    if (r->err != VD_OK)
        return;
    if (strcasecmp(prf, "hmac-sha256") != 0)
        fail(r, VD_ERR_UNSUPPORTED, "kdfparams.prf", "is not hmac-sha256, which alone is known");
    else if (f->n == 0)
        fail(r, VD_ERR_INVALID, "kdfparams.c", "must be above 0");
    else if (f->n > VD_KEYSTORE_MAX_ITERATIONS)
        fail(r, VD_ERR_TOO_LARGE, "kdfparams.c", "is over the limit of 20,000,000 iterations");
}

static void
read_kdf(struct reader *r, struct file *f, const json_t *crypto)
{
    const char *kdf = get_text(r, crypto, "kdf", "crypto.kdf");
    const json_t *params = get_object(r, crypto, "kdfparams", "crypto.kdfparams");
    if (r->err != VD_OK)
        return;
    f->salt_len = get_hex(r, f->salt, sizeof f->salt, params, "salt", "kdfparams.salt");
    /* Both functions give the same first bytes whatever length is asked for. */
    if (get_number(r, params, "dklen", "kdfparams.dklen") < KEY_BYTES)
        fail(r, VD_ERR_INVALID, "kdfparams.dklen", "is missing or below 32");
    if (strcasecmp(kdf, "scrypt") == 0)
        read_scrypt(r, f, params);
    else if (strcasecmp(kdf, "pbkdf2") == 0)
        read_pbkdf2(r, f, params);
    else
        fail(r, VD_ERR_UNSUPPORTED, "crypto.kdf", "is neither scrypt nor pbkdf2");
}

static void
read_cipher(struct reader *r, struct file *f, const json_t *crypto)
{
    uint8_t iv[16];
    const char *cipher = get_text(r, crypto, "cipher", "crypto.cipher");
    if (r->err == VD_OK && strcasecmp(cipher, "aes-128-ctr") != 0)
        fail(r, VD_ERR_UNSUPPORTED, "crypto.cipher", "is not aes-128-ctr, which alone is known");
    const json_t *params = get_object(r, crypto, "cipherparams", "crypto.cipherparams");
    size_t len = get_hex(r, iv, sizeof iv, params, "iv", "cipherparams.iv");
    if (r->err == VD_OK)
        memcpy(f->iv + sizeof f->iv - len, iv, len);
    f->ciphertext_len =
        get_hex(r, f->ciphertext, sizeof f->ciphertext, crypto, "ciphertext", "crypto.ciphertext");
    if (get_hex(r, f->mac, sizeof f->mac, crypto, "mac", "crypto.mac") != sizeof f->mac)
        fail(r, VD_ERR_INVALID, "crypto.mac", "must be 32 bytes of hex");
}

static void
read_version(struct reader *r, const json_t *root)
{
    const json_t *version = member(root, "version");
    if (json_is_string(version) && strcmp(json_string_value(version), "3") == 0)
        return;
    if (version != NULL && json_is_string(version))
        fail(r, VD_ERR_UNSUPPORTED, "version", "is not 3, which alone is known");
    else if (get_number(r, root, "version", "version") != 3)
        fail(r, VD_ERR_UNSUPPORTED, "version", "is not 3, which alone is known");
}

static void
read_address(struct reader *r, struct file *f, const json_t *root)
{
    const json_t *value = member(root, "address");
    if (value == NULL || json_is_null(value) ||
        (json_is_string(value) && json_string_length(value) == 0))
        return;
    f->has_address = get_hex(r, f->address.b, sizeof f->address.b, root, "address", "address") ==
                     sizeof f->address.b;
    if (!f->has_address)
        fail(r, VD_ERR_INVALID, "address", "must be 20 bytes of hex");
}

/* Parses the text; the caller owns the reference. */
static json_t *
parse(struct reader *r, struct vd_slice text)
{
    json_error_t error;
    if (text.len > VD_KEYSTORE_MAX_BYTES) {
        fail(r, VD_ERR_TOO_LARGE, "the file", "is longer than 65,536 bytes, which is the limit");
        return NULL;
    }
    json_t *root = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        /* jansson's text quotes the input, which may be a key in the wrong kind of file. */
        fail(r, VD_ERR_INVALID, "the file", "is not a JSON object");
        json_decref(root);
        return NULL;
    }
    return root;
}

static enum vd_err
read_all(struct file *f, char *why, size_t why_size, struct vd_slice text)
{
    struct reader r = {.why = why, .why_size = why_size};
    *f = (struct file){0};
    json_t *root = parse(&r, text);
    if (root != NULL) {
        read_version(&r, root);
        const json_t *crypto = get_object(&r, root, "crypto", "crypto");
        if (r.err == VD_OK) {
            read_cipher(&r, f, crypto);
            read_kdf(&r, f, crypto);
            read_address(&r, f, root);
        }
    }
    json_decref(root);
    return r.err;
}

enum vd_err
vd_keystore_address(struct vd_address *address, struct vd_slice text)
{
    struct file f;
    char why[128];
    enum vd_err err = read_all(&f, why, sizeof why, text);
    /* A file that cannot be decrypted here is a key file all the same. */
    if (err != VD_OK && err != VD_ERR_UNSUPPORTED && err != VD_ERR_TOO_LARGE)
        return VD_ERR_INVALID;
    if (!f.has_address)
        return VD_ERR_NOT_FOUND;
    *address = f.address;
    return VD_OK;
}

/* --- deriving --- */

/* Derives KEY_BYTES into locked memory. */
static enum vd_err
derive(uint8_t *key, const struct file *f, struct vd_slice password)
{
    /* Neither library takes NULL for an empty password. */
    const uint8_t *text = password.len == 0 ? (const uint8_t *)"" : password.ptr;
    if (f->kdf == KDF_SCRYPT)
        return crypto_pwhash_scryptsalsa208sha256_ll(text, password.len, f->salt, f->salt_len, f->n,
                                                     (uint32_t)f->r, (uint32_t)f->p, key,
                                                     KEY_BYTES) == 0
                   ? VD_OK
                   : VD_ERR_NO_MEMORY;
    return PKCS5_PBKDF2_HMAC((const char *)text, (int)password.len, f->salt, (int)f->salt_len,
                             (int)f->n, EVP_sha256(), KEY_BYTES, key) == 1
               ? VD_OK
               : VD_ERR_NO_MEMORY;
}

static struct vd_hash
mac_of(const uint8_t *key, const struct file *f)
{
    struct vd_keccak k;
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice(key + 16, 16));
    vd_keccak_update(&k, vd_slice(f->ciphertext, f->ciphertext_len));
    struct vd_hash mac = vd_keccak_final(&k);
    sodium_memzero(&k, sizeof k);
    return mac;
}

/* AES-128-CTR, its own inverse. */
static enum vd_err
aes(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *key, const uint8_t iv[16])
{
    int n = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, key, iv) == 1 &&
              EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1 && n == (int)len;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? VD_OK : VD_ERR_NO_MEMORY;
}

/* --- decrypting --- */

static enum vd_err
check_key(const uint8_t secret[32], const struct file *f, char *why, size_t why_size)
{
    struct vd_address address;
    if (vd_key_to_address(&address, secret) != VD_OK) {
        snprintf(why, why_size, "the file decrypts to a number that is no private key");
        return VD_ERR_INVALID;
    }
    if (f->has_address && !vd_address_eq(&address, &f->address)) {
        snprintf(why, why_size,
                 "the file holds another account's key than its address says; correct or remove "
                 "the address");
        return VD_ERR_MISMATCH;
    }
    return VD_OK;
}

static enum vd_err
open_file(uint8_t secret[32], uint8_t *key, const struct file *f, char *why, size_t why_size,
          struct vd_slice password)
{
    enum vd_err err = derive(key, f, password);
    if (err == VD_OK) {
        struct vd_hash mac = mac_of(key, f);
        if (sodium_memcmp(mac.b, f->mac, sizeof mac.b) != 0) {
            snprintf(why, why_size, "the password is wrong");
            return VD_ERR_REFUSED;
        }
        /* A key whose leading zero bytes were left out stands at the end. */
        size_t len = f->ciphertext_len;
        err = aes(secret + 32 - len, f->ciphertext, len, key, f->iv);
    }
    if (err != VD_OK) {
        snprintf(why, why_size, "too little memory to derive the key");
        return err;
    }
    return check_key(secret, f, why, why_size);
}

enum vd_err
vd_keystore_decrypt(uint8_t secret[32], char *why, size_t why_size, struct vd_slice text,
                    struct vd_slice password)
{
    struct file f;
    memset(secret, 0, 32);
    enum vd_err err = read_all(&f, why, why_size, text);
    if (err != VD_OK)
        return err;
    uint8_t *key = sodium_init() < 0 ? NULL : sodium_malloc(KEY_BYTES);
    if (key == NULL || password.len > INT32_MAX) {
        sodium_free(key);
        snprintf(why, why_size, "too little locked memory");
        return VD_ERR_NO_MEMORY;
    }
    err = open_file(secret, key, &f, why, why_size, password);
    sodium_free(key);
    if (err != VD_OK)
        sodium_memzero(secret, 32);
    return err;
}

/* --- encrypting --- */

static json_t *
hex_text(const uint8_t *bytes, size_t len)
{
    char text[65];
    VD_ASSERT(len <= 32);
    vd_hex_encode(text, bytes, len);
    return json_stringn(text, 2 * len);
}

/* A random UUID (RFC 9562, version 4). */
static json_t *
new_id(void)
{
    uint8_t b[16];
    char digits[32];
    char text[37];
    randombytes_buf(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    vd_hex_encode(digits, b, sizeof b);
    snprintf(text, sizeof text, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12,
             digits + 16, digits + 20);
    return json_string(text);
}

static char *
write_file(const struct file *f)
{
    json_t *kdf =
        json_pack("{s:i, s:I, s:I, s:I, s:o}", "dklen", KEY_BYTES, "n", (json_int_t)f->n, "p",
                  (json_int_t)f->p, "r", (json_int_t)f->r, "salt", hex_text(f->salt, f->salt_len));
    json_t *crypto = json_pack("{s:s, s:o, s:{s:o}, s:s, s:o, s:o}", "cipher", "aes-128-ctr",
                               "ciphertext", hex_text(f->ciphertext, f->ciphertext_len),
                               "cipherparams", "iv", hex_text(f->iv, sizeof f->iv), "kdf", "scrypt",
                               "kdfparams", kdf, "mac", hex_text(f->mac, sizeof f->mac));
    json_t *root =
        json_pack("{s:o, s:o, s:o, s:i}", "address", hex_text(f->address.b, sizeof f->address.b),
                  "crypto", crypto, "id", new_id(), "version", 3);
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

enum vd_err
vd_keystore_encrypt(char **text, const uint8_t secret[32], struct vd_slice password,
                    enum vd_keystore_cost cost)
{
    struct file f = {
        .kdf = KDF_SCRYPT, .r = 8, .salt_len = 32, .ciphertext_len = 32, .has_address = true};
    f.n = cost == VD_KEYSTORE_LIGHT ? 4096 : 262144;
    f.p = cost == VD_KEYSTORE_LIGHT ? 6 : 1;
    if (vd_key_to_address(&f.address, secret) != VD_OK)
        return VD_ERR_INVALID;
    uint8_t *key = sodium_init() < 0 ? NULL : sodium_malloc(KEY_BYTES);
    if (key == NULL || password.len > INT32_MAX) {
        sodium_free(key);
        return VD_ERR_NO_MEMORY;
    }
    randombytes_buf(f.salt, f.salt_len);
    randombytes_buf(f.iv, sizeof f.iv);
    enum vd_err err = derive(key, &f, password);
    if (err == VD_OK)
        err = aes(f.ciphertext, secret, 32, key, f.iv);
    if (err == VD_OK) {
        struct vd_hash mac = mac_of(key, &f);
        memcpy(f.mac, mac.b, sizeof f.mac);
        *text = write_file(&f);
        err = *text == NULL ? VD_ERR_NO_MEMORY : VD_OK;
    }
    sodium_free(key);
    return err;
}
