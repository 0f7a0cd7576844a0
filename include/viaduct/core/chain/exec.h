/* Block execution, one transaction at a time: the same code builds a sequencer's open block,
   mines the embedded L1, and verifies a block that somebody else built.

       vd_exec_begin    pre-block system calls (EIP-4788, EIP-2935)
       vd_exec_tx       one transaction, any number of times
       vd_exec_finish   withdrawals, requests, roots, header

   Everything lives in the arena of the block.  Three verdicts (see enum vd_tx_verdict): included,
   refused, unsupported. */
#ifndef VIADUCT_CORE_CHAIN_EXEC_H
#define VIADUCT_CORE_CHAIN_EXEC_H

#include "viaduct/core/chain/fees.h"
#include "viaduct/core/chain/header.h"
#include "viaduct/core/chain/receipt.h"

/* What fixes a block before its transactions.  L2: payload attributes (OP Stack specs, derivation).
 */
struct vd_block_env {
    uint64_t timestamp;
    struct vd_hash prev_randao;
    struct vd_address fee_recipient;
    uint64_t gas_limit;
    struct vd_hash parent_beacon_root;
    struct vd_slice extra_data;              /* the header's, whole */
    const struct vd_withdrawal *withdrawals; /* L1 */
    size_t withdrawal_count;
};

/* Why a transaction cannot stand in this block at this place.  Texts follow geth's errors. */
#define VD_TX_VERDICT_LIST(X)                                                    \
    X(INCLUDED, "included")                                                      \
    X(TYPE_NOT_SUPPORTED, "transaction type not supported")                      \
    X(BAD_SIGNATURE, "invalid sender")                                           \
    X(WRONG_CHAIN_ID, "invalid chain id for signer")                             \
    X(NONCE_TOO_LOW, "nonce too low")                                            \
    X(NONCE_TOO_HIGH, "nonce too high")                                          \
    X(NONCE_MAX, "nonce has max value")                                          \
    X(SENDER_NOT_EOA, "sender not an eoa")                                       \
    X(GAS_LIMIT_REACHED, "gas limit reached")                                    \
    X(INTRINSIC_GAS, "intrinsic gas too low")                                    \
    X(FLOOR_DATA_GAS, "insufficient gas for floor data gas cost")                \
    X(GAS_OVERFLOW, "gas uint64 overflow")                                       \
    X(TIP_ABOVE_FEE_CAP, "max priority fee per gas higher than max fee per gas") \
    X(FEE_CAP_TOO_LOW, "max fee per gas less than block base fee")               \
    X(INSUFFICIENT_FUNDS, "insufficient funds for gas * price + value")          \
    X(INIT_CODE_TOO_LARGE, "max initcode size exceeded")                         \
    X(BLOB_CREATE, "blob transaction of type create")                            \
    X(BLOB_NONE, "blob transaction missing blob hashes")                         \
    X(BLOB_TOO_MANY, "blob transaction has too many blobs")                      \
    X(BLOB_BAD_HASH, "blob transaction has a blob hash of unknown version")      \
    X(BLOB_FEE_CAP_TOO_LOW, "max fee per blob gas less than block blob gas fee") \
    X(SET_CODE_CREATE, "EIP-7702 transaction cannot be used to create contract") \
    X(SET_CODE_NO_AUTHORIZATION, "EIP-7702 transaction with empty auth list")    \
    X(SYSTEM_TX, "system transactions are not supported after Regolith")         \
    X(UNSUPPORTED, "a rule that this build does not have was reached")

enum vd_tx_verdict {
#define X(name, text) VD_TX_##name,
    VD_TX_VERDICT_LIST(X)
#undef X
};
const char *vd_tx_verdict_text(enum vd_tx_verdict verdict);

/* What came of one transaction.  Refused and unsupported ones leave the state as it was. */
struct vd_tx_outcome {
    enum vd_tx_verdict verdict;
    struct vd_receipt receipt;     /* INCLUDED */
    enum vd_evm_status evm_status; /* INCLUDED: why it failed, if it did */
    struct vd_slice output;        /* INCLUDED: return data; valid until the next transaction */
    struct vd_u256 effective_gas_price;
    struct vd_u256 l1_fee;         /* L2, not for deposits */
    struct vd_address unsupported; /* UNSUPPORTED: the precompile reached */
    /* Refusals over numbers: what the transaction has and what it would need. */
    struct vd_u256 have;
    struct vd_u256 want;
};

struct vd_exec;

/* Borrowed for the life of the execution. */
struct vd_exec_inputs {
    const struct vd_chain_config *config;
    const struct vd_rules *rules; /* NULL: those of config at env->timestamp */
    const struct vd_header *parent;
    struct vd_hash parent_hash;
    const struct vd_block_env *env;
    const struct vd_state_source *source; /* the state after parent */
    const struct vd_curves *curves;
    void *hash_ctx; /* ancestors' hashes for BLOCKHASH */
    enum vd_err (*block_hash)(void *ctx, struct vd_hash *out, uint64_t n);
    const struct vd_evm_tracer *tracer; /* may be NULL */
};

/* vd_exec_begin opens a block on parent.  VD_ERR_UNSUPPORTED: no rules for its time, or a system
   call reached a rule that this build does not have; nothing can be said about the block.
   VD_ERR_INVALID: the parent's extra data gives no base fee (L2), or a gas limit above 2^63 - 1. */
VD_MUST_USE enum vd_err vd_exec_begin(struct vd_exec **out, struct vd_arena *arena,
                                      const struct vd_exec_inputs *inputs);

/* vd_exec_tx executes one transaction after those before.  sender is who signed (recovered by the
   caller, once); for a deposit its from field.  tx and its bytes must live as long as the arena
   (they go into the block).  index of the transaction = the number included before it. */
VD_MUST_USE enum vd_err vd_exec_tx(struct vd_exec *exec, struct vd_tx_outcome *outcome,
                                   const struct vd_tx *tx, const struct vd_address *sender);

/* Gas that is left in the block, and the count and total of what is in it. */
uint64_t vd_exec_gas_left(const struct vd_exec *exec);
size_t vd_exec_tx_count(const struct vd_exec *exec);
struct vd_state *vd_exec_state(struct vd_exec *exec);
const struct vd_u256 *vd_exec_base_fee(const struct vd_exec *exec);
/* L2: fee parameters in force, read at the first transaction that is no deposit. */
VD_MUST_USE enum vd_err vd_exec_fee_params(struct vd_exec *exec, struct vd_l1_fee_params *params);
/* The header as it would stand with nothing more: roots and bloom zero.  For pending views. */
const struct vd_header *vd_exec_partial_header(const struct vd_exec *exec);

/* A finished block.  All of it lives in the arena. */
struct vd_exec_result {
    struct vd_header header;
    struct vd_hash hash;
    const struct vd_tx *const *transactions; /* as given to vd_exec_tx */
    const struct vd_address *senders;
    const struct vd_receipt *receipts;
    size_t transaction_count;
    struct vd_slice *requests; /* EIP-7685, L1 */
    size_t request_count;
};
/* vd_exec_finish computes what remains.  visitor and sink as vd_state_root's.
   VD_ERR_INVALID: the requests of EIP-7002, 7251 or 6110 cannot be computed (their contract is
   absent or fails, or a deposit log is malformed): such a block is invalid.
   VD_ERR_UNSUPPORTED: as vd_exec_begin's, of those contracts' calls. */
VD_MUST_USE enum vd_err vd_exec_finish(struct vd_exec *exec, struct vd_exec_result *result,
                                       const struct vd_state_visitor *visitor,
                                       const struct vd_trie_sink *sink);

/* --- verification of a whole block (blockchain tests, L1 blocks) --- */
enum vd_block_verdict {
    VD_BLOCK_VALID,
    VD_BLOCK_INVALID,
    VD_BLOCK_UNSUPPORTED,
};
struct vd_block_outcome {
    enum vd_block_verdict verdict;
    const char *reason; /* static text */
    size_t tx_index;    /* where a transaction is the reason */
    enum vd_tx_verdict tx_verdict;
    struct vd_address unsupported;
};
/* vd_block_verify checks block against its parent and executes it: every header field, every root.
   result is filled when VALID. */
VD_MUST_USE enum vd_err vd_block_verify(struct vd_block_outcome *outcome,
                                        struct vd_exec_result *result, struct vd_arena *arena,
                                        const struct vd_block *block,
                                        const struct vd_exec_inputs *inputs,
                                        const struct vd_state_visitor *visitor,
                                        const struct vd_trie_sink *sink);

/* --- calls that leave nothing (eth_call, eth_estimateGas, tests) --- */
struct vd_call {
    struct vd_address from;
    bool is_create;
    struct vd_address to;
    uint64_t gas;
    struct vd_u256 gas_price; /* what GASPRICE shows; nothing is charged when zero */
    struct vd_u256 max_fee;   /* checked against the base fee unless gas_price is zero */
    struct vd_u256 value;
    struct vd_slice data;
    const struct vd_access *accesses;
    size_t access_count;
    const struct vd_authorization *authorizations;
    size_t authorization_count;
};
struct vd_call_result {
    enum vd_tx_verdict verdict; /* INCLUDED: it ran */
    enum vd_evm_status status;
    uint64_t gas_used;
    struct vd_slice output;
    struct vd_address unsupported;
    struct vd_u256 have, want;
};
/* vd_exec_call runs call on the state as it stands and takes everything back.  No nonce or
   signature is checked, no fee is moved.  cancel as vd_evm_execute's. */
VD_MUST_USE enum vd_err vd_exec_call(struct vd_exec *exec, struct vd_call_result *result,
                                     const struct vd_call *call, const volatile int *cancel);
/* vd_exec_at prepares such calls on the state after a finished block, in that block's own
   environment (number, time, base fee of header): no system calls run.  inputs->parent and
   inputs->env are not used.  vd_exec_tx works on it too (tests of single transactions). */
VD_MUST_USE enum vd_err vd_exec_at(struct vd_exec **out, struct vd_arena *arena,
                                   const struct vd_exec_inputs *inputs,
                                   const struct vd_header *header);

#endif
