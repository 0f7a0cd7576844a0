/* The preimage oracle: everything that the fault-proof program learns beyond its configuration, by
   32-byte keys (OP Stack specs, fault proof, pre-image oracle).

   A key's first byte is its type; what a key of types 2, 4 and 6 names is authenticated by the key
   and is not hashed again: on L1 by the oracle contract, on the host by whoever records. */
#ifndef VIADUCT_CORE_PROGRAM_ORACLE_H
#define VIADUCT_CORE_PROGRAM_ORACLE_H

#include "viaduct/core/base/arena.h"
#include "viaduct/core/state/trie.h"

#define VD_KEY_LOCAL 1u
#define VD_KEY_KECCAK 2u
#define VD_KEY_SHA256 4u
#define VD_KEY_BLOB 5u
#define VD_KEY_PRECOMPILE 6u

/* Local keys: what a dispute is about. */
#define VD_LOCAL_L1_HEAD 1u       /* 32 bytes: hash of the last L1 block that counts */
#define VD_LOCAL_AGREED_ROOT 2u   /* 32 bytes: output root that both sides agree on */
#define VD_LOCAL_CLAIMED_ROOT 3u  /* 32 bytes: output root in dispute */
#define VD_LOCAL_CLAIMED_BLOCK 4u /* u64, big-endian: its L2 block number */
#define VD_LOCAL_CHAIN_ID 5u      /* u64, big-endian: L2's */

/* What the keys that follow belong to, for a host that has to find them; in a recorded run nobody
   listens. */
enum vd_hint_kind {
    VD_HINT_L1_BLOCK,    /* hash: header, transactions trie */
    VD_HINT_L1_RECEIPTS, /* hash: of the block; receipts trie */
    VD_HINT_L2_OUTPUT,   /* hash: output root */
    VD_HINT_L2_BLOCK,    /* hash: header, transactions trie */
    VD_HINT_L2_NODE,     /* hash: of a state or storage trie's node; number: of the block whose
                            state it belongs to; at: where */
    VD_HINT_L2_CODE,     /* hash: of the code */
    VD_HINT_PRECOMPILE,  /* input: address || gas || input, as hashed into the key */
};
struct vd_hint {
    enum vd_hint_kind kind;
    struct vd_hash hash;
    uint64_t number;
    const struct vd_trie_position *at;
    struct vd_slice input;
};

struct vd_oracle {
    void *ctx;
    /* May be NULL. */
    void (*hint)(void *ctx, const struct vd_hint *hint);
    /* The whole preimage, in arena. */
    enum vd_err (*get)(void *ctx, struct vd_slice *out, struct vd_arena *arena,
                       const struct vd_hash *key);
    /* Its first 64 bytes, zeros where it is shorter. */
    enum vd_err (*head)(void *ctx, uint8_t out[64], const struct vd_hash *key);
};

static inline struct vd_hash
vd_key_local(unsigned ident)
{
    struct vd_hash key = {{VD_KEY_LOCAL}};
    key.b[31] = (uint8_t)ident;
    return key;
}

/* The key of type that a hash belongs to. */
static inline struct vd_hash
vd_key_typed(unsigned type, const struct vd_hash *hash)
{
    struct vd_hash key = *hash;
    key.b[0] = (uint8_t)type;
    return key;
}

#endif
