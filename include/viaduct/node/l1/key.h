/* A private key of secp256k1 in locked memory, for signing in this process.

   The 32 bytes live in memory that is never swapped or dumped (sodium_malloc) and is wiped when the
   key is freed.  Signing may run on any thread, several at once. */
#ifndef VIADUCT_NODE_L1_KEY_H
#define VIADUCT_NODE_L1_KEY_H

#include "viaduct/core/base/buf.h"
#include "viaduct/node/platform/keystore.h"

struct vd_key;

/* vd_key_load reads 64 hex digits, with or without 0x and a line end, from the file at path.
   The file must be a regular file or a pipe of mode 0600 (or 0400) that belongs to the user.  On
   failure why (of why_size bytes) says what is wrong, with which file, and what to do; never a
   digit of the key.  VD_ERR_NOT_FOUND, VD_ERR_REFUSED (mode, owner), VD_ERR_INVALID (not a key),
   VD_ERR_IO, VD_ERR_NO_MEMORY. */
VD_MUST_USE enum vd_err vd_key_load(struct vd_key **out, char *why, size_t why_size,
                                    const char *path);

/* From 32 bytes, which the caller wipes.  VD_ERR_INVALID: zero or not below the group order. */
VD_MUST_USE enum vd_err vd_key_from_bytes(struct vd_key **out, const uint8_t secret[32]);
/* A new key from the system's randomness. */
VD_MUST_USE enum vd_err vd_key_generate(struct vd_key **out);
/* Out of, and into, the text of a keystore file; errors and messages are those of
   vd_keystore_decrypt and vd_keystore_encrypt. */
VD_MUST_USE enum vd_err vd_key_from_keystore(struct vd_key **out, char *why, size_t why_size,
                                             struct vd_slice text, struct vd_slice password);
VD_MUST_USE enum vd_err vd_key_to_keystore(char **text, const struct vd_key *key,
                                           struct vd_slice password, enum vd_keystore_cost cost);
void vd_key_free(struct vd_key *key);

/* keccak256(public key)[12..32]. */
const struct vd_address *vd_key_address(const struct vd_key *key);

/* vd_key_sign signs with RFC 6979's nonce; s is at most half the order (EIP-2).  It cannot fail for
   a key that exists; the result is the library's. */
VD_MUST_USE enum vd_err vd_key_sign(const struct vd_key *key, uint8_t signature[64],
                                    uint8_t *y_parity, const struct vd_hash *hash);

#endif
