/* Transactions: EIP-2718 envelopes of type 0 (legacy, EIP-155), 1 (EIP-2930), 2 (EIP-1559),
   3 (EIP-4844, without sidecar), 4 (EIP-7702) and the OP Stack's deposit, 0x7e. */
#ifndef VIADUCT_CORE_CHAIN_TX_H
#define VIADUCT_CORE_CHAIN_TX_H

#include "viaduct/core/chain/rules.h"
#include "viaduct/core/codec/rlp.h"

enum vd_tx_type {
    VD_TX_LEGACY = 0,
    VD_TX_ACCESS_LIST = 1,
    VD_TX_DYNAMIC_FEE = 2,
    VD_TX_BLOB = 3,
    VD_TX_SET_CODE = 4,
    VD_TX_DEPOSIT = 0x7e,
};

struct vd_access {
    struct vd_address address;
    const struct vd_hash *keys;
    size_t key_count;
};

/* EIP-7702.  An authorisation with an impossible signature is skipped, not an error. */
struct vd_authorization {
    struct vd_u256 chain_id;
    struct vd_address address;
    uint64_t nonce;
    uint8_t y_parity; /* as it stands on the wire; only 0 and 1 can recover */
    struct vd_u256 r;
    struct vd_u256 s;
};

struct vd_tx {
    enum vd_tx_type type;
    struct vd_slice raw; /* the EIP-2718 bytes, borrowed from the decoder's input */
    struct vd_hash hash; /* keccak256(raw) */
    bool has_chain_id;   /* false: legacy without EIP-155 */
    uint64_t chain_id;
    uint64_t nonce;
    struct vd_u256 max_priority_fee; /* legacy and type 1: the gas price, both */
    struct vd_u256 max_fee;
    uint64_t gas_limit;
    bool is_create;
    struct vd_address to;
    struct vd_u256 value;
    struct vd_slice data;
    const struct vd_access *accesses;
    size_t access_count;
    const struct vd_authorization *authorizations;
    size_t authorization_count;
    struct vd_u256 max_fee_per_blob_gas;
    const struct vd_hash *blob_hashes;
    size_t blob_hash_count;
    uint8_t y_parity;
    struct vd_u256 r;
    struct vd_u256 s;
    /* Deposits only (OP Stack specs, deposits). */
    struct vd_hash source_hash;
    struct vd_address from;
    bool has_mint;
    struct vd_u256 mint;
    bool is_system_tx;
};

/* vd_tx_decode reads one EIP-2718 transaction, strictly: canonical RLP, nothing left over, fields
   in range.  tx borrows from raw; arrays are in the arena.
   VD_ERR_INVALID: not a transaction; *reason (static text, may be NULL) says which field.
   VD_ERR_UNSUPPORTED: a type this build does not know. */
VD_MUST_USE enum vd_err vd_tx_decode(struct vd_tx *tx, const char **reason, struct vd_arena *arena,
                                     struct vd_slice raw);

/* vd_tx_encode appends the EIP-2718 bytes; tx->raw and tx->hash are not used. */
void vd_tx_encode(struct vd_buf *buf, const struct vd_tx *tx);

/* The hash that the sender signed. Not for deposits. */
VD_MUST_USE enum vd_err vd_tx_signing_hash(struct vd_hash *hash, const struct vd_tx *tx,
                                           struct vd_arena *arena);

/* vd_tx_sender recovers who signed (EIP-2: s at most half the order).  A deposit's sender is its
   from field.  *valid false: nobody did. */
VD_MUST_USE enum vd_err vd_tx_sender(struct vd_address *sender, bool *valid, const struct vd_tx *tx,
                                     const struct vd_curves *curves, struct vd_arena *arena);

/* keccak256(0x05 || rlp([chain_id, address, nonce])) (EIP-7702). */
struct vd_hash vd_authorization_hash(const struct vd_authorization *authorization);

/* Gas before the first instruction (Yellow Paper g0, EIP-2028, 2930, 3860, 7702) and the floor of
   EIP-7623 (0 without it).  *overflow when it does not fit 64 bits. */
struct vd_intrinsic_gas {
    uint64_t gas;
    uint64_t floor;
    bool overflow;
};
struct vd_intrinsic_gas vd_tx_intrinsic_gas(const struct vd_tx *tx, const struct vd_rules *rules);

#endif
