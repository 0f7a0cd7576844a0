/* Genesis: an allocation of accounts turned into the first block. */
#ifndef VIADUCT_CORE_CHAIN_GENESIS_H
#define VIADUCT_CORE_CHAIN_GENESIS_H

#include "viaduct/core/chain/header.h"

struct vd_genesis_slot {
    struct vd_u256 key;
    struct vd_u256 value;
};

struct vd_genesis_account {
    struct vd_address address;
    uint64_t nonce;
    struct vd_u256 balance;
    struct vd_slice code;
    const struct vd_genesis_slot *slots;
    size_t slot_count;
};

/* Header fields that are not computed. */
struct vd_genesis {
    uint64_t timestamp;
    uint64_t number;
    uint64_t gas_limit;
    struct vd_u256 base_fee;
    struct vd_slice extra_data;
    struct vd_address coinbase;
    struct vd_hash mix_hash;
    struct vd_hash parent_hash;
    struct vd_u256 difficulty;
    uint8_t nonce[8];
    uint64_t excess_blob_gas;
    uint64_t blob_gas_used;
    struct vd_hash parent_beacon_root;
    const struct vd_genesis_account *accounts;
    size_t account_count;
};

/* vd_genesis_build computes state and header under the rules of config at genesis->timestamp
   (withdrawalsRoot and requestsHash as the OP Stack specs, Isthmus execution engine, have them on
   L2).  visitor and sink as vd_state_root's, may be NULL.  Zero slots and empty accounts without
   code are left out. */
VD_MUST_USE enum vd_err
vd_genesis_build(struct vd_header *header, struct vd_hash *hash, struct vd_arena *arena,
                 const struct vd_chain_config *config, const struct vd_genesis *genesis,
                 const struct vd_state_visitor *visitor, const struct vd_trie_sink *sink);

#endif
