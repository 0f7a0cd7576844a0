/* The Ethereum virtual machine: executes one message over a journaled state.

   A struct vd_evm is made once for a block in that block's arena and used on one thread.  Call
   frames lie on an explicit stack, EVM memories on another, both taken at set-up or grown from the
   arena within stated bounds; nothing recurses on C's stack.  What a fork changes is data: struct
   vd_evm_rules.  Transactions (intrinsic gas, fees, authorisations) are core/chain's. */
#ifndef VIADUCT_CORE_EVM_EVM_H
#define VIADUCT_CORE_EVM_EVM_H

#include "viaduct/core/crypto/curves.h"
#include "viaduct/core/state/state.h"

/* Highest number of nested calls below the first (Yellow Paper, call depth 1024). */
#define VD_EVM_MAX_DEPTH 1024
#define VD_EVM_MAX_STACK 1024

/* What came of a message: the protocol's verdict.  Everything but SUCCESS and REVERT uses all gas
   and undoes all changes of the message. */
enum vd_evm_status {
    VD_EVM_SUCCESS,
    VD_EVM_REVERT,
    VD_EVM_OUT_OF_GAS,
    VD_EVM_INVALID_INSTRUCTION, /* 0xfe */
    VD_EVM_UNDEFINED_INSTRUCTION,
    VD_EVM_STACK_UNDERFLOW,
    VD_EVM_STACK_OVERFLOW,
    VD_EVM_BAD_JUMP,
    VD_EVM_RETURN_DATA_BOUNDS, /* RETURNDATACOPY past the end */
    VD_EVM_STATIC_VIOLATION,
    VD_EVM_NONCE_OVERFLOW,
    VD_EVM_COLLISION,
    VD_EVM_CODE_TOO_LARGE,      /* EIP-170 */
    VD_EVM_INIT_CODE_TOO_LARGE, /* EIP-3860 */
    VD_EVM_BAD_CODE_PREFIX,     /* EIP-3541 */
    VD_EVM_CALL_DEPTH,
    VD_EVM_INSUFFICIENT_BALANCE,
    VD_EVM_PRECOMPILE_FAILURE,
    /* A rule that this build does not have was reached: no verdict about the message can be given.
       The block that holds it can be neither accepted nor called invalid. */
    VD_EVM_UNSUPPORTED,
};
/* Text as geth's errors have it ("out of gas", "invalid jump destination", …). */
const char *vd_evm_status_text(enum vd_evm_status status);

struct vd_evm_rules; /* instruction and gas table, precompiles, code limits of one fork */
enum vd_evm_revision {
    VD_EVM_CANCUN,
    VD_EVM_PRAGUE,
};
/* The rules of L1 at a revision, and those of the OP Stack on top of the same revision (RIP-7212's
   precompile at 0x100, input caps of the OP Stack specs, precompiles).  Static. */
const struct vd_evm_rules *vd_evm_rules_l1(enum vd_evm_revision revision);
const struct vd_evm_rules *vd_evm_rules_l2(enum vd_evm_revision revision);

/* vd_evm_is_precompile tells whether address is a precompile under rules, of this build or not. */
bool vd_evm_is_precompile(const struct vd_evm_rules *rules, const struct vd_address *address);
/* The precompiles' addresses, warm from a transaction's start (EIP-2929). */
size_t vd_evm_precompiles(const struct vd_evm_rules *rules, const struct vd_address **addresses);

struct vd_evm_block {
    uint64_t chain_id;
    uint64_t number;
    uint64_t timestamp;
    uint64_t gas_limit;
    struct vd_address coinbase;
    struct vd_hash prev_randao;
    struct vd_u256 base_fee;
    struct vd_u256 blob_base_fee;
    /* The hash of an ancestor, number - 256 <= n < number; zero when unknown. */
    void *hash_ctx;
    enum vd_err (*block_hash)(void *ctx, struct vd_hash *out, uint64_t n);
};

struct vd_evm_tx {
    struct vd_address origin;
    struct vd_u256 gas_price;
    const struct vd_hash *blob_hashes;
    size_t blob_hash_count;
};

struct vd_evm_message {
    bool is_create;
    bool is_static;
    struct vd_address sender;
    struct vd_address to; /* call: receiver; create: the address computed by the caller */
    struct vd_u256 value;
    struct vd_slice input; /* call data or init code; outlives the call */
    uint64_t gas;
};

struct vd_evm_result {
    enum vd_evm_status status;
    uint64_t gas_left;
    struct vd_slice output; /* valid until the next vd_evm_execute */
    /* VD_EVM_UNSUPPORTED: which precompile was reached. */
    struct vd_address unsupported;
};

/* One instruction as EIP-3155 traces it, with the machine as it stood before it.  What it points to
   lives until step returns. */
struct vd_evm_step {
    uint64_t pc;
    uint8_t opcode;
    uint64_t gas;
    uint64_t gas_cost; /* whole cost, with the gas that goes along with a call */
    uint64_t memory_len;
    const struct vd_u256 *stack; /* stack[0] is the bottom */
    size_t stack_len;
    struct vd_slice return_data;
    unsigned depth; /* from 1 */
    uint64_t refund;
    const char *error; /* why it failed, or NULL; gas_cost is then its static price */
};

/* step is called for every instruction in order, when the instruction's cost is known. */
struct vd_evm_tracer {
    void *ctx;
    void (*step)(void *ctx, const struct vd_evm_step *step);
};
/* "ADD", …; "UNDEFINED" where there is no instruction. */
const char *vd_opcode_name(uint8_t opcode);

struct vd_evm;

/* vd_evm_room is the room in bytes that vd_evm_new asks of an arena for a block of gas_limit; on a
   host most of it is never touched.  It holds what any message of at most that much gas needs.
   Gas limits above 1.9 G, which only tests have, can buy more: the machine then takes up to 2 GiB
   where the arena has twice that, and a message that needs more ends with VD_ERR_NO_MEMORY, as one
   with more gas than its block may. */
size_t vd_evm_room(uint64_t gas_limit);

/* vd_evm_new takes its stacks from arena.  rules, block, curves and state are borrowed for the
   life of the machine; block may change between messages.  tracer may be NULL. */
VD_MUST_USE enum vd_err vd_evm_new(struct vd_evm **out, struct vd_arena *arena,
                                   const struct vd_evm_rules *rules, struct vd_state *state,
                                   const struct vd_evm_block *block, const struct vd_curves *curves,
                                   const struct vd_evm_tracer *tracer);

/* vd_evm_execute runs one message to its end.  The sender's nonce, the warm sets of the
   transaction and the gas purchase are the caller's; value moves here; a create marks and pays
   for its account here (deposit of code, EIP-170, EIP-3541) but does not touch the sender's nonce
   at depth 0.  A delegation (EIP-7702) on message.to is followed here, without charge at depth 0.
   cancel (may be NULL) is polled: when it becomes non-zero the run ends with VD_ERR_TIMEOUT.
   Any other error is a failure of the world and says nothing about the message. */
VD_MUST_USE enum vd_err vd_evm_execute(struct vd_evm *evm, struct vd_evm_result *result,
                                       const struct vd_evm_tx *tx,
                                       const struct vd_evm_message *message,
                                       const volatile int *cancel);

/* vd_evm_prepare decodes the code at address now, which execution would do bit by bit when it comes
   to it: for measurements. */
VD_MUST_USE enum vd_err vd_evm_prepare(struct vd_evm *evm, const struct vd_address *address);

/* Addresses of CREATE (Yellow Paper, section 7) and CREATE2 (EIP-1014). */
struct vd_address vd_create_address(const struct vd_address *sender, uint64_t nonce);
struct vd_address vd_create2_address(const struct vd_address *sender, const struct vd_hash *salt,
                                     const struct vd_hash *init_code_hash);

/* The designator of EIP-7702: 0xef0100 || address.  False when code is none. */
bool vd_delegation(struct vd_address *target, struct vd_slice code);

#endif
