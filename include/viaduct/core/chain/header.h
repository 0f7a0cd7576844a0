/* Block headers, withdrawals and whole blocks on the wire. */
#ifndef VIADUCT_CORE_CHAIN_HEADER_H
#define VIADUCT_CORE_CHAIN_HEADER_H

#include "viaduct/core/chain/rules.h"
#include "viaduct/core/codec/rlp.h"

struct vd_header {
    struct vd_hash parent_hash;
    struct vd_hash ommers_hash;
    struct vd_address beneficiary;
    struct vd_hash state_root;
    struct vd_hash transactions_root;
    struct vd_hash receipts_root;
    uint8_t logs_bloom[256];
    struct vd_u256 difficulty;
    uint64_t number;
    uint64_t gas_limit;
    uint64_t gas_used;
    uint64_t timestamp;
    struct vd_slice extra_data; /* at most 32 bytes where Ethereum's rules hold */
    struct vd_hash mix_hash;    /* prevRandao */
    uint8_t nonce[8];
    /* Each of these has the ones before it (London, Shanghai, Cancun x3, Prague). */
    bool has_base_fee;
    struct vd_u256 base_fee;
    bool has_withdrawals_root;
    struct vd_hash withdrawals_root;
    bool has_blob_gas;
    uint64_t blob_gas_used;
    uint64_t excess_blob_gas;
    bool has_parent_beacon_root;
    struct vd_hash parent_beacon_root;
    bool has_requests_hash;
    struct vd_hash requests_hash;
};

/* vd_header_decode reads a header's RLP list; extra_data borrows from rlp.  Trailing fields that
   this build does not know give VD_ERR_UNSUPPORTED, anything malformed VD_ERR_INVALID. */
VD_MUST_USE enum vd_err vd_header_decode(struct vd_header *header, struct vd_slice rlp);
void vd_header_encode(struct vd_buf *buf, const struct vd_header *header);
/* keccak256 of the encoding.  extra_data is at most 32 bytes here; scratch is on the stack. */
struct vd_hash vd_header_hash(const struct vd_header *header);

/* EIP-4895; the amount is in gwei. */
struct vd_withdrawal {
    uint64_t index;
    uint64_t validator_index;
    struct vd_address address;
    uint64_t amount_gwei;
};
void vd_withdrawal_encode(struct vd_buf *buf, const struct vd_withdrawal *withdrawal);

/* A block as blockchain tests and debug_getRawBlock have it:
   rlp([header, [transactions], [ommers], [withdrawals]]). */
struct vd_block {
    struct vd_header header;
    struct vd_hash hash;
    const struct vd_slice *transactions; /* EIP-2718 bytes each; legacy ones as their RLP list */
    size_t transaction_count;
    size_t ommer_count; /* always 0 in a valid block after the merge */
    bool has_withdrawals;
    const struct vd_withdrawal *withdrawals;
    size_t withdrawal_count;
};
/* vd_block_decode borrows from rlp; arrays are in the arena. */
VD_MUST_USE enum vd_err vd_block_decode(struct vd_block *block, struct vd_arena *arena,
                                        struct vd_slice rlp);
void vd_block_encode(struct vd_buf *buf, const struct vd_block *block);

/* EIP-4844: fake_exponential(1, excess, fraction), and the excess of a child (EIP-7691 target). */
struct vd_u256 vd_blob_base_fee(uint64_t excess_blob_gas, uint64_t update_fraction);
uint64_t vd_next_excess_blob_gas(const struct vd_header *parent,
                                 const struct vd_blob_params *params);
/* EIP-1559 on L1 (elasticity 2, denominator 8). */
struct vd_u256 vd_base_fee_l1(const struct vd_header *parent);

/* L2, Holocene (OP Stack specs, Holocene execution engine): parameters in the parent's extra data.
 */
struct vd_eip1559_params {
    uint32_t denominator;
    uint32_t elasticity;
};
/* 9 bytes, version 0, both non-zero; anything else VD_ERR_INVALID. */
VD_MUST_USE enum vd_err vd_holocene_extra_decode(struct vd_eip1559_params *params,
                                                 struct vd_slice extra);
void vd_holocene_extra_encode(uint8_t out[9], const struct vd_eip1559_params *params);
/* params as they govern the child: from the parent's extra data, else the chain's constants. */
VD_MUST_USE enum vd_err vd_base_fee_l2(struct vd_u256 *base_fee, const struct vd_header *parent,
                                       const struct vd_chain_config *config);

#endif
