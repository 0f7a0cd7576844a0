/* The machine's inside: call frames, decoded code, the regions that a machine owns.

   A frame's code is decoded to records of 16 bytes, a handler and its operand, on first execution
   and in runs that end where control cannot fall through.  Gas and stack height are checked once
   per block: what the instructions of a block cost is taken at its start, so instructions that
   show the gas left (GAS, SSTORE, calls, creates) end a block.  A failure inside a block has taken
   gas for instructions that it did not reach; as every failure takes all gas, nobody can tell.

   Handlers keep the position, the stack pointer, the gas left and the frame in arguments; a frame's
   ip, sp and gas are valid only while another function works on the frame. */
#ifndef VD_CORE_EVM_MACHINE_H
#define VD_CORE_EVM_MACHINE_H

#include "viaduct/core/base/map.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/evm/evm.h"

enum vd_opcode {
#define X(value, name, immediate, need, change) VD_OP_##name = value,
#include "viaduct/core/evm/opcodes.def"
#undef X
};

struct vd_evm_rules {
    const uint16_t *gas; /* static cost of each instruction */
    bool delegation;     /* EIP-7702 */
    const struct vd_address *precompiles;
    size_t precompile_count;
};

/* Stack need and change of each opcode, from opcodes.def.  An undefined one has defined == 0. */
struct vd_opcode_info {
    uint8_t defined;
    uint8_t immediate;
    uint8_t need;
    int8_t change;
};
extern const struct vd_opcode_info VD_OPCODES[256];

struct vd_frame;
struct vd_op;
typedef int vd_op_fn(struct vd_op *ip, struct vd_u256 *sp, int64_t gas, struct vd_frame *frame);

/* What a block asks for at its start.  A height outside need .. need + range, in bytes, fails. */
struct vd_need {
    uint32_t gas;
    uint16_t need;
    uint16_t range;
};

/* The target of a jump: the JUMPDEST and what follows it. */
struct vd_block {
    struct vd_need need;
    struct vd_op *ip;
};

struct vd_op {
    vd_op_fn *fn;
    union {
        uint64_t u;
        const struct vd_u256 *word;
        struct vd_block *block;
        struct vd_op *op;
        struct vd_need need;
    } a;
};
_Static_assert(sizeof(struct vd_op) == 16, "records are 16 bytes");
_Static_assert(sizeof(struct vd_block) == 16, "blocks are addressed in units of 16 bytes");

/* The target of a jump that was not decoded when the jump was.  Who enters the block comes to the
   record, which finds the real block and copies it over this one. */
struct vd_jump {
    struct vd_block block;
    struct vd_op resolve; /* vd_handle_resolve, a.u: the target's pc */
};

/* One contract's decoded code. */
struct vd_code {
    struct vd_slice bytes;
    struct vd_hash hash;
    struct vd_op *start; /* NULL until decoded */
    /* Once the first jump has been made: for each VD_JUMP_LEAF bytes of code the place of a leaf,
       0 if nothing in it is known yet.  A leaf has an entry per byte of code: VD_JUMP_UNKNOWN, or
       the place of the block that starts there.  Places are in the region, in units of 16 bytes;
       at place 0 stands a leaf of which nothing is known. */
    uint32_t *jumps;
    const uint8_t *starts; /* starts.c; made with jumps */
};
#define VD_JUMP_LEAF 64u
#define VD_JUMP_UNKNOWN 0

struct vd_frame {
    struct vd_evm *evm;
    struct vd_u256 *stack; /* bottom */
    uint8_t *memory;
    uint64_t memory_len;
    uint64_t memory_clean; /* bytes from memory on that are memory or zeros */
    uint64_t word_limit;   /* offsets below it have a whole word in memory */
    const uint32_t *jumps;
    uint64_t jump_count; /* 0 until code->jumps is made */
    uint8_t *region;     /* what jumps count from */
    const uint8_t *input;
    uint64_t input_len;
    struct vd_code *code;
    uint64_t generation; /* of the code region, when code and ip were taken from it */
    /* Where the frame goes on. */
    struct vd_op *ip;
    struct vd_u256 *sp;
    int64_t gas;
    uint64_t resume_pc; /* ip again, should the region be flushed meanwhile */
    /* Where the parent wants the output. */
    uint64_t out_offset;
    uint64_t out_len;
    struct vd_u256 value;
    struct vd_address self;
    struct vd_address caller;
    struct vd_need needed; /* by the block that could not be entered */
    uint64_t grow_offset;  /* memory that an instruction lacks */
    uint64_t grow_len;
    uint64_t jump_pc;           /* the target of a jump that is not in the table yet */
    struct vd_slice code_bytes; /* see vd_code_bytes */
    struct vd_hash code_hash;   /* zero: init code, not kept under a hash */
    uint64_t code_generation;   /* of the state's codes, when code_bytes was read */
    size_t snapshot;
    unsigned depth;
    bool is_static;
    bool is_create;
    enum vd_evm_status failure; /* why an instruction failed, if not for lack of gas */
};

/* An index of decoded code by hash: sets of ways, the next way is overwritten in turn. */
#define VD_CODE_SETS 512
#define VD_CODE_WAYS 4

struct vd_trace_pending {
    bool active;
    uint64_t pc;
    uint8_t opcode;
    int64_t gas;
    size_t memory_len;
    size_t stack_len;
    unsigned depth;
    uint64_t refund;
    struct vd_u256 *stack;
};

struct vd_evm {
    struct vd_arena *arena;
    const struct vd_evm_rules *rules;
    struct vd_state *state;
    const struct vd_evm_block *block;
    const struct vd_curves *curves;
    const struct vd_evm_tracer *tracer;
    const struct vd_evm_tx *tx;
    const volatile int *cancel;

    struct vd_frame *frames; /* VD_EVM_MAX_DEPTH + 1 */
    struct vd_frame *frame;  /* the one that runs */
    struct vd_u256 *stacks;
    uint8_t *memory;
    uint64_t memory_cap;
    /* The output of the last call that ended (RETURNDATASIZE, RETURNDATACOPY). */
    uint8_t *output;
    uint64_t output_cap;
    uint64_t output_len;

    uint8_t *region; /* decoded code */
    size_t region_cap;
    size_t region_low;
    size_t region_high;
    uint64_t generation;
    struct vd_code **index; /* VD_CODE_SETS * VD_CODE_WAYS */
    uint8_t next_way[VD_CODE_SETS];
    struct vd_map starts; /* code's hash -> const uint8_t *; see find_starts */
    bool polls;           /* records in the region poll *cancel at JUMPDESTs */

    enum vd_err err; /* a failure of the world ends the run */
    enum vd_evm_status status;
    int64_t gas_left;
    struct vd_address unsupported;
    struct vd_trace_pending trace;
};

/* What a handler returns to the driver: the message ended (evm->status) or the world failed
   (evm->err); a step of a frame that goes on gives VD_RUN_GO. */
#define VD_RUN_GO 0
#define VD_RUN_END 1

/* --- interp.c --- */
int vd_interp_run(struct vd_evm *evm);
/* The handlers that decode.c puts into records. */
extern vd_op_fn *const VD_HANDLERS[256];
vd_op_fn vd_handle_begin;  /* a block's checks: a.need */
vd_op_fn vd_handle_enter;  /* goes on in a.block */
vd_op_fn vd_handle_goto;   /* goes on at a.op */
vd_op_fn vd_handle_decode; /* goes on at the pc a.u, not decoded yet */
vd_op_fn vd_handle_poll;   /* looks at *cancel */
vd_op_fn vd_handle_trace;  /* a.u: pc */
vd_op_fn vd_handle_undefined;
#define VD_SELDOM __attribute__((noinline, cold))
VD_SELDOM vd_op_fn vd_handle_fail;       /* the instruction failed */
VD_SELDOM vd_op_fn vd_handle_fail_block; /* frame->needed was not there */
VD_SELDOM vd_op_fn vd_handle_grow;       /* frame->grow_offset and grow_len are not in memory */
VD_SELDOM vd_op_fn vd_handle_resolve;    /* the record of a struct vd_jump */

/* --- fused.c: several instructions in one record; NULL where there is none --- */
extern vd_op_fn *const VD_FUSED_PUSH[256];  /* PUSH of up to 8 bytes (a.u), then the instruction */
extern vd_op_fn *const VD_FUSED_WORD[256];  /* PUSH of more (a.word), then the instruction */
extern vd_op_fn *const VD_FUSED_DUP[256];   /* DUPn, then the instruction; a.u: n */
extern vd_op_fn *const VD_FUSED_SWAP[256];  /* SWAP1, then the instruction */
extern vd_op_fn *const VD_FUSED_JUMPI[256]; /* the instruction, PUSH, JUMPI; a.block */
vd_op_fn vd_handle_jump_to;                 /* PUSH, JUMP; a.block */
vd_op_fn vd_handle_jumpi_to;                /* PUSH, JUMPI; a.block */
vd_op_fn vd_handle_swap_pop;                /* SWAPn, POP; a.u: n */
vd_op_fn vd_handle_drop;                    /* POP n times; a.u: n */
vd_op_fn vd_handle_store_push;              /* PUSH, DUP2, MSTORE; a.u */

/* --- decode.c --- */
/* Sees to it that frame->code_bytes are there: where the state's source may forget codes, another
   account's code that was read meanwhile may have driven them out.  False: evm->err. */
bool vd_code_bytes(struct vd_frame *frame);
/* Makes frame->code and frame->ip for the frame's code, from its start.  False: evm->err. */
bool vd_code_enter(struct vd_frame *frame);
/* The first record (a begin record) of code decoded from pc on; NULL: evm->err. */
struct vd_op *vd_code_at(struct vd_frame *frame, uint64_t pc);
/* The block of the JUMPDEST at pc.  NULL: none there, or evm->err. */
struct vd_block *vd_code_jump(struct vd_frame *frame, uint64_t pc);
void vd_code_flush(struct vd_evm *evm);

/* --- starts.c --- */
size_t vd_starts_len(size_t code_len);
/* Room for vd_starts_len bytes at starts. */
void vd_starts_make(uint8_t *starts, struct vd_slice code);
/* Whether an instruction starts at pc, which lies in code. */
bool vd_starts_at(const uint8_t *starts, struct vd_slice code, size_t pc);

/* --- memory.c --- */
#define VD_OUT_OF_GAS (-1)
/* Grows the frame's memory to hold len bytes at offset and returns the gas left, negative when it
   does not suffice. */
int64_t vd_memory_grow(struct vd_frame *frame, uint64_t offset, uint64_t len, int64_t gas);
/* The same for words of the stack.  Afterwards offset fits 64 bits unless len is 0. */
int64_t vd_memory_need(struct vd_frame *frame, const struct vd_u256 *offset,
                       const struct vd_u256 *len, int64_t gas);

/* --- ops_*.c: bodies of the longer instructions.  sp is the stack before the instruction; they
   return the gas left or a negative number: out of gas, or frame->failure, or evm->err. --- */
typedef int64_t vd_body_fn(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas);
vd_body_fn vd_do_exp, vd_do_keccak256, vd_do_balance, vd_do_calldataload, vd_do_calldatacopy,
    vd_do_codecopy, vd_do_extcodesize, vd_do_extcodecopy, vd_do_returndatacopy, vd_do_extcodehash,
    vd_do_blockhash, vd_do_selfbalance, vd_do_blobhash, vd_do_sload, vd_do_sstore, vd_do_tload,
    vd_do_tstore, vd_do_mcopy;
int64_t vd_do_log(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas, unsigned topics);
int64_t vd_do_selfdestruct(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas);
/* EIP-2929: 2600 or 100 for touching address, less the 100 of the static table; negative: evm->err
   or out of gas. */
int64_t vd_charge_account(struct vd_frame *frame, const struct vd_address *address, int64_t gas);
struct vd_address vd_word_address(const struct vd_u256 *word);
struct vd_u256 vd_address_word(const struct vd_address *address);

/* --- call.c --- */
/* Start a call or a create from the frame that runs, whose ip, sp and gas are stored.  Afterwards
   evm->frame is the frame to go on with. */
int vd_call_begin(struct vd_evm *evm, enum vd_opcode kind);
int vd_create_begin(struct vd_evm *evm, enum vd_opcode kind);
/* Ends the frame that runs.  Its memory holds the output. */
int vd_frame_end(struct vd_evm *evm, enum vd_evm_status status, const uint8_t *output,
                 uint64_t output_len);
/* Ends it for a failed instruction: frame->failure, or evm->err. */
int vd_frame_fail(struct vd_evm *evm);
/* RETURN and REVERT from the stored sp and gas. */
int vd_frame_return(struct vd_evm *evm, enum vd_evm_status status);
/* The frame of a message, or its end when none is needed. */
int vd_message_begin(struct vd_evm *evm, const struct vd_evm_message *message);

/* --- precompile.c --- */
struct vd_precompile_result {
    enum vd_evm_status status; /* SUCCESS, OUT_OF_GAS, PRECOMPILE_FAILURE, UNSUPPORTED */
    uint64_t gas_left;
};
/* Runs the precompile at address; output goes to evm->output, its length to evm->output_len. */
VD_MUST_USE enum vd_err vd_precompile_run(struct vd_evm *evm, struct vd_precompile_result *result,
                                          const struct vd_address *address, struct vd_slice input,
                                          uint64_t gas);

/* --- trace.c --- */
void vd_trace_step(struct vd_frame *frame, struct vd_u256 *sp, int64_t gas, uint64_t pc);
void vd_trace_flush(struct vd_evm *evm, int64_t gas_now, const char *error);

#endif
