/* Shared inside core/chain: a block in execution. */
#ifndef VIADUCT_SRC_CORE_CHAIN_EXEC_INTERNAL_H
#define VIADUCT_SRC_CORE_CHAIN_EXEC_INTERNAL_H

#include "viaduct/core/chain/exec.h"

#define VD_GAS_PER_BLOB 131072u /* EIP-4844 */

struct vd_exec {
    struct vd_arena *arena;
    struct vd_exec_inputs in;
    const struct vd_rules *rules;
    const struct vd_blob_params *blobs; /* NULL on L2 */
    struct vd_header header;            /* what is known so far */
    struct vd_state *state;
    struct vd_evm *evm;
    struct vd_evm_block block;
    bool has_fee_params;
    struct vd_l1_fee_params fee_params;
    /* Included transactions; three arrays of the same length. */
    const struct vd_tx **transactions;
    struct vd_address *senders;
    struct vd_receipt *receipts;
    size_t count;
    size_t cap;
};

/* --- one message with what surrounds it (exec_message.c) --- */

struct vd_message_run {
    const struct vd_tx *tx;
    const struct vd_address *sender;
    struct vd_u256 gas_price;
    struct vd_intrinsic_gas intrinsic;
    const volatile int *cancel; /* may be NULL */
    /* Out. */
    struct vd_evm_result result;
    uint64_t gas_used; /* after refunds and EIP-7623's floor */
};

/* vd_message_check says whether run->tx could pay for its bytes: overflow, intrinsic gas, floor,
   size of init code; fills run->intrinsic. */
enum vd_tx_verdict vd_message_check(struct vd_message_run *run, const struct vd_rules *rules);
/* vd_message_execute warms, bumps the sender's nonce, applies authorisations, runs the message and
   counts its gas.  Inside a transaction of the state. */
VD_MUST_USE enum vd_err vd_message_execute(struct vd_exec *exec, struct vd_message_run *run);

/* --- system calls and requests (exec_system.c) --- */

/* EIP-4788 and EIP-2935, before the first transaction. */
VD_MUST_USE enum vd_err vd_exec_pre_block(struct vd_exec *exec);
/* EIP-7685: requests in order, type byte first, the empty ones left out, and their hash. */
VD_MUST_USE enum vd_err vd_exec_requests(struct vd_exec *exec, struct vd_exec_result *result);
/* EIP-4895. */
VD_MUST_USE enum vd_err vd_exec_withdrawals(struct vd_exec *exec);

/* sha256(""), the requests hash of a block without requests. */
extern const struct vd_hash VD_EMPTY_REQUESTS_HASH;

/* --- roots (roots.c) --- */

VD_MUST_USE enum vd_err vd_transactions_root(struct vd_hash *root, struct vd_arena *arena,
                                             const struct vd_tx *const *transactions, size_t count);
VD_MUST_USE enum vd_err vd_receipts_root(struct vd_hash *root, struct vd_arena *arena,
                                         const struct vd_receipt *receipts, size_t count);
VD_MUST_USE enum vd_err vd_withdrawals_root(struct vd_hash *root, struct vd_arena *arena,
                                            const struct vd_withdrawal *withdrawals, size_t count);

#endif
