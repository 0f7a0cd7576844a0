/* The rollup's configuration (protocol.md section 1.1) and references to blocks. */
#ifndef VIADUCT_CORE_ROLLUP_CONFIG_H
#define VIADUCT_CORE_ROLLUP_CONFIG_H

#include "viaduct/core/chain/exec.h"

struct vd_block_id {
    struct vd_hash hash;
    uint64_t number;
};

struct vd_l1_ref {
    struct vd_hash hash;
    uint64_t number;
    struct vd_hash parent_hash;
    uint64_t timestamp;
};

struct vd_l2_ref {
    struct vd_hash hash;
    uint64_t number;
    struct vd_hash parent_hash;
    uint64_t timestamp;
    struct vd_block_id l1_origin;
    uint64_t sequence_number; /* distance from the first L2 block of the epoch */
};

/* What L1 says of the rollup's parameters (protocol.md sections 1.2 and 7.8). */
struct vd_system_config {
    struct vd_address batcher;
    uint8_t scalar[32]; /* protocol.md section 3.3, versions 0 and 1 */
    uint64_t gas_limit;
    struct vd_eip1559_params eip1559; /* 0,0: the chain's constants */
    uint32_t operator_fee_scalar;
    uint64_t operator_fee_constant;
};

/* rollup.json as derivation needs it.  Plain data, no pointers. */
struct vd_rollup_config {
    struct vd_block_id genesis_l1;
    struct vd_block_id genesis_l2;
    uint64_t genesis_l2_time;
    struct vd_system_config genesis_system_config;
    uint64_t block_time_s;
    uint64_t max_sequencer_drift_s; /* rollup.json's value; from Fjord on 1800 is in force */
    uint64_t seq_window_size;
    uint64_t channel_timeout; /* rollup.json's value; from Granite on 50 is in force */
    uint64_t l1_chain_id;
    struct vd_address batch_inbox;
    struct vd_address deposit_contract; /* the portal */
    struct vd_address l1_system_config;
    struct vd_address protocol_versions;
    struct vd_chain_config l2;          /* chain id, fork times, EIP-1559 constants */
    struct vd_chain_config l1;          /* blob schedule: the attributes' blob base fee */
    uint64_t pectra_blob_schedule_time; /* VD_NEVER when not set */
};

/* In force for every chain of this build (Fjord, Granite at genesis). */
#define VD_MAX_SEQUENCER_DRIFT_S 1800u
#define VD_CHANNEL_TIMEOUT 50u

/* vd_rollup_config_check refuses a configuration that derivation cannot run on; *reason is static
   text naming the field.  VD_ERR_UNSUPPORTED: a fork this build does not have. */
VD_MUST_USE enum vd_err vd_rollup_config_check(const struct vd_rollup_config *config,
                                               const char **reason);

/* time(n) of protocol.md section 1.1. */
uint64_t vd_l2_time(const struct vd_rollup_config *config, uint64_t number);

/* vd_l2_ref_read makes the reference of an L2 block from its header and its first transaction, the
   L1 attributes (none for the genesis block).  VD_ERR_INVALID: that is no L1 attributes deposit. */
VD_MUST_USE enum vd_err vd_l2_ref_read(struct vd_l2_ref *ref, const struct vd_rollup_config *config,
                                       const struct vd_header *header, const struct vd_hash *hash,
                                       struct vd_slice first_tx, struct vd_arena *scratch);

/* The system config as the L2 block shows it (protocol.md section 1.2, the attributes copy). */
VD_MUST_USE enum vd_err vd_system_config_read(struct vd_system_config *out,
                                              const struct vd_rollup_config *config,
                                              const struct vd_header *header,
                                              const struct vd_hash *hash, struct vd_slice first_tx,
                                              struct vd_arena *scratch);

/* Applies the ConfigUpdate logs of one L1 block's receipts (protocol.md section 7.8): a log that
   does not parse is skipped alone. */
void vd_system_config_update(struct vd_system_config *system, const struct vd_address *contract,
                             const struct vd_receipt *receipts, size_t count);

/* keccak256(0^32 || state_root || message_passer_root || block_hash) (section 8.1). */
struct vd_hash vd_output_root(const struct vd_hash *state_root,
                              const struct vd_hash *message_passer_root,
                              const struct vd_hash *block_hash);

/* keccak256(abi.encode(nonce, sender, target, value, gasLimit, data)) (section 8.1). */
VD_MUST_USE enum vd_err vd_withdrawal_hash(struct vd_hash *hash, struct vd_arena *scratch,
                                           const struct vd_u256 *nonce,
                                           const struct vd_address *sender,
                                           const struct vd_address *target,
                                           const struct vd_u256 *value,
                                           const struct vd_u256 *gas_limit, struct vd_slice data);

#endif
