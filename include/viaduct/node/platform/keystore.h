/* Key files of Web3 Secret Storage, version 3: a private key encrypted with a password, as geth,
   foundry and the wallets write and read them.

   The key is encrypted with AES-128 in counter mode under the first 16 bytes of what scrypt (RFC
   7914) or PBKDF2-HMAC-SHA256 (RFC 8018) derives from the password; keccak256 of the next 16 bytes
   and the ciphertext tells a wrong password.  Whatever is derived lives in locked memory and is
   wiped.  Any thread; nothing is kept between calls.  No message holds a digit of key or password.
 */
#ifndef VIADUCT_NODE_PLATFORM_KEYSTORE_H
#define VIADUCT_NODE_PLATFORM_KEYSTORE_H

#include "viaduct/core/base/bytes.h"

/* What a file may ask for; one that asks for more is refused before anything is derived.  geth's
   own cost, n = 262,144 and r = 8, takes a quarter of the memory and a 16th of the work. */
#define VD_KEYSTORE_MAX_BYTES 65536u
#define VD_KEYSTORE_MAX_SCRYPT_BYTES ((uint64_t)1 << 30) /* 128 * r * (n + p) */
#define VD_KEYSTORE_MAX_SCRYPT_WORK ((uint64_t)1 << 25)  /* n * r * p */
#define VD_KEYSTORE_MAX_ITERATIONS 20000000u             /* of PBKDF2 */

/* vd_keystore_decrypt writes the key to secret, which the caller keeps in locked memory; on failure
   it is zero and why (of why_size bytes) says what is wrong and what to do.
   VD_ERR_REFUSED: the password is not the file's.  VD_ERR_INVALID: the text is no such file, or
   what it holds is no key.  VD_ERR_UNSUPPORTED: another version, cipher or derivation.
   VD_ERR_TOO_LARGE: over one of the limits above.  VD_ERR_MISMATCH: the key's address is not the
   one that the file states.  VD_ERR_NO_MEMORY. */
VD_MUST_USE enum vd_err vd_keystore_decrypt(uint8_t secret[32], char *why, size_t why_size,
                                            struct vd_slice text, struct vd_slice password);

/* vd_keystore_address reads the address that a file states, unproven.  VD_ERR_NOT_FOUND: it states
   none, which is allowed.  VD_ERR_INVALID: the text is no key file of version 3. */
VD_MUST_USE enum vd_err vd_keystore_address(struct vd_address *address, struct vd_slice text);

enum vd_keystore_cost {
    VD_KEYSTORE_STANDARD, /* scrypt n = 262,144, r = 8, p = 1: 256 MiB and about a second */
    VD_KEYSTORE_LIGHT,    /* n = 4,096, r = 8, p = 6: for tests and weak machines */
};

/* vd_keystore_encrypt gives the file's text, terminated and malloc'd, for the caller to free.
   VD_ERR_INVALID: secret is no key. */
VD_MUST_USE enum vd_err vd_keystore_encrypt(char **text, const uint8_t secret[32],
                                            struct vd_slice password, enum vd_keystore_cost cost);

#endif
