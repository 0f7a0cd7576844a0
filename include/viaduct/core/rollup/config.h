/* The rollup's configuration (op-node's rollup.json) and references to blocks. */
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

/* What L1 says of the rollup's parameters (OP Stack specs, system config). */
struct vd_system_config {
    struct vd_address batcher;
    uint8_t scalar[32]; /* OP Stack specs, system config: versions 0 and 1 */
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
   text naming the field.  VD_ERR_UNSUPPORTED: a fork that this build does not have, or one that
   starts after genesis and so would need upgrade transactions (OP Stack specs, derivation: network
   upgrade transactions). */
VD_MUST_USE enum vd_err vd_rollup_config_check(const struct vd_rollup_config *config,
                                               const char **reason);

/* rollup.json's consensus fields, fork times and L1's blob schedule as bytes: every field of
   struct vd_rollup_config in order, integers big-endian, behind a version byte. */
#define VD_CONFIG_MAX_BYTES 1024u
size_t vd_rollup_config_encode(uint8_t out[VD_CONFIG_MAX_BYTES],
                               const struct vd_rollup_config *config);
/* VD_ERR_INVALID: not such bytes, to the last.  The values are not checked
   (vd_rollup_config_check). */
VD_MUST_USE enum vd_err vd_rollup_config_decode(struct vd_rollup_config *config,
                                                struct vd_slice bytes);

/* The timestamp of L2 block n: genesis time + (n - genesis number) * block time. */
uint64_t vd_l2_time(const struct vd_rollup_config *config, uint64_t number);

/* vd_l2_ref_read makes the reference of an L2 block from its header and its first transaction, the
   L1 attributes (none for the genesis block).  VD_ERR_INVALID: that is no L1 attributes deposit. */
VD_MUST_USE enum vd_err vd_l2_ref_read(struct vd_l2_ref *ref, const struct vd_rollup_config *config,
                                       const struct vd_header *header, const struct vd_hash *hash,
                                       struct vd_slice first_tx, struct vd_arena *scratch);

/* The system config as the L2 block shows it (its L1 attributes transaction and header). */
VD_MUST_USE enum vd_err vd_system_config_read(struct vd_system_config *out,
                                              const struct vd_rollup_config *config,
                                              const struct vd_header *header,
                                              const struct vd_hash *hash, struct vd_slice first_tx,
                                              struct vd_arena *scratch);

/* Applies the ConfigUpdate logs of one L1 block's receipts (OP Stack specs, system config): a log
   that does not parse is skipped alone. */
void vd_system_config_update(struct vd_system_config *system, const struct vd_address *contract,
                             const struct vd_receipt *receipts, size_t count);
/* The same from the receipts' consensus bytes, those of unknown types included as far as they can
   be read, as op-node does.  Takes no memory.  VD_ERR_INVALID: a receipt of a known type does not
   parse; what came before it has been applied. */
VD_MUST_USE enum vd_err vd_system_config_update_raw(struct vd_system_config *system,
                                                    const struct vd_address *contract,
                                                    const struct vd_slice *receipts, size_t count);
/* The two fee scalars out of system->scalar (OP Stack specs, system config: scalars). */
void vd_system_config_scalars(const struct vd_system_config *system, uint32_t *base_fee_scalar,
                              uint32_t *blob_base_fee_scalar);

/* keccak256(0^32 || state_root || message_passer_root || block_hash) (OP Stack specs, proposals).
 */
struct vd_hash vd_output_root(const struct vd_hash *state_root,
                              const struct vd_hash *message_passer_root,
                              const struct vd_hash *block_hash);

/* A message from L2 to L1 (OP Stack specs, withdrawals). */
struct vd_withdrawal_message {
    struct vd_u256 nonce;
    struct vd_address sender;
    struct vd_address target;
    struct vd_u256 value;
    struct vd_u256 gas_limit;
    struct vd_slice data;
};
/* keccak256(abi.encode(nonce, sender, target, value, gasLimit, data)). */
struct vd_hash vd_withdrawal_hash(const struct vd_withdrawal_message *message);
/* Where the message passer's storage marks it as sent: keccak256(hash || 0^32). */
struct vd_hash vd_withdrawal_slot(const struct vd_hash *withdrawal_hash);
/* Reads a MessagePassed log of the message passer; data borrows from the log.  VD_ERR_NOT_FOUND:
   another log.  VD_ERR_INVALID: malformed.  VD_ERR_MISMATCH: the hash in it is not the message's.
 */
VD_MUST_USE enum vd_err vd_withdrawal_from_log(struct vd_withdrawal_message *message,
                                               struct vd_hash *withdrawal_hash,
                                               const struct vd_log *log);
/* The address that an L1 contract's deposits come from on L2 (OP Stack specs, deposits: address
 * aliasing). */
struct vd_address vd_l1_alias(const struct vd_address *l1);

#endif
