/* Keccak-256 as Ethereum uses it (the original padding byte 0x01, not SHA-3's 0x06). */
#ifndef VIADUCT_CORE_CRYPTO_KECCAK_H
#define VIADUCT_CORE_CRYPTO_KECCAK_H

#include "viaduct/core/base/bytes.h"

/* Keccak-f[1600] in place; lane i is bytes 8i..8i+7, little-endian.  In the guest this is a
   system call. */
void vd_keccak_f1600(uint64_t state[25]);

struct vd_hash vd_keccak256(struct vd_slice bytes);

/* The same over bytes that arrive in pieces. */
struct vd_keccak {
    uint64_t state[25];
    uint32_t filled; /* bytes of the current 136-byte block */
};
void vd_keccak_init(struct vd_keccak *k);
void vd_keccak_update(struct vd_keccak *k, struct vd_slice bytes);
struct vd_hash vd_keccak_final(struct vd_keccak *k);

/* vd_keccak256_many hashes count messages; out[i] is the hash of in[i].  One call for many short
   messages lets the host hash several at once. */
void vd_keccak256_many(struct vd_hash *out, const struct vd_slice *in, size_t count);

extern const struct vd_hash VD_EMPTY_CODE_HASH; /* keccak256("") */
extern const struct vd_hash VD_EMPTY_ROOT;      /* keccak256(rlp("")): the empty trie */
extern const struct vd_hash VD_EMPTY_OMMERS;    /* keccak256(rlp([])) */

#endif
