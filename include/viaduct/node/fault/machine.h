/* The fault-proof machine: RV64IM on a memory of 2^32 bytes, of which L1 can check any single step.

   A state is pc, step count, exit, 31 registers and the root of memory, a binary Keccak tree of
   32-byte leaves with 27 levels.  Its witness is 298 bytes:

     root 32 | pc 8 | step 8 | exited 1 | exit code 1 | x1 .. x31, 8 each      (big-endian)

   and its hash is keccak256 of the witness with the VM status in place of the first byte.  The next
   state is a total function of the state and of memory (and of the preimage that a PREIMAGE call
   names): a trap is a transition to exited with code VD_VM_PANIC that changes nothing else but the
   step count.

   Three implementations must agree on every step: vd_machine_run (fast, on real memory),
   vd_vm_step (plain, from a witness and proofs alone) and contracts/src/vm.  One machine lives on
   one thread at a time. */
#ifndef VIADUCT_NODE_FAULT_MACHINE_H
#define VIADUCT_NODE_FAULT_MACHINE_H

#include "viaduct/core/base/bytes.h"
#include "viaduct/core/base/vm.h"

#define VD_VM_STATE_BYTES 298u
#define VD_VM_LEVELS 27u
#define VD_VM_PROOF_BYTES (32u + 32u * VD_VM_LEVELS) /* a leaf and its siblings, bottom up */
/* A KECCAK call: the 8 leaves of the state, and 24 siblings above them. */
#define VD_VM_KECCAK_PROOF_BYTES (8u * 32u + 24u * 32u)
#define VD_VM_MAX_PROOF (3u * VD_VM_PROOF_BYTES)

/* Code and constants: fetched from here alone, and nothing is stored below hi.  Multiples of 4. */
struct vd_vm_text {
    uint32_t lo;
    uint32_t hi;
};
/* That of the guest, which is the only one that the contract knows. */
#define VD_VM_GUEST_TEXT ((struct vd_vm_text){VD_VM_TEXT_LO, VD_VM_TEXT_HI})

/* Where preimages come from, and what a run tells its host.  write and hint may be NULL. */
struct vd_vm_host {
    void *ctx;
    /* The preimage of key, without its length; lives until the next call.  An error other than
       VD_OK ends the run with it, before the step. */
    enum vd_err (*preimage)(void *ctx, struct vd_slice *value, const uint8_t key[32]);
    void (*write)(void *ctx, struct vd_slice bytes);
    void (*hint)(void *ctx, struct vd_slice bytes);
};

struct vd_vm_registers {
    uint64_t pc;
    uint64_t step;
    bool exited;
    uint8_t exit_code;
    uint64_t x[32]; /* x[0] is 0 */
};

struct vd_machine;

/* All memory zero, pc 0.  VD_ERR_NO_MEMORY: the address space is used up (about 5 GiB of it are
   reserved; pages become real when they are touched). */
VD_MUST_USE enum vd_err vd_machine_new(struct vd_machine **out, struct vd_vm_text text);
void vd_machine_free(struct vd_machine *machine);

/* Puts bytes into memory, wherever: for building a prestate.  VD_ERR_TOO_LARGE: past 2^32. */
VD_MUST_USE enum vd_err vd_machine_load(struct vd_machine *machine, uint64_t address,
                                        struct vd_slice bytes);
/* Memory, 2^32 bytes of it, to read. */
const uint8_t *vd_machine_memory(const struct vd_machine *machine);
const struct vd_vm_registers *vd_machine_registers(const struct vd_machine *machine);
void vd_machine_set_registers(struct vd_machine *machine, const struct vd_vm_registers *registers);

/* Runs until the machine has exited or its step count is until_step.  VD_OK then; else the error of
   host->preimage, and the machine stands before the step that asked. */
VD_MUST_USE enum vd_err vd_machine_run(struct vd_machine *machine, uint64_t until_step,
                                       const struct vd_vm_host *host);

/* True: it has exited by the exit call, with that argument; the state knows those up to 2. */
bool vd_machine_exit_call(const struct vd_machine *machine, uint64_t *argument);

/* How a machine that has exited with VD_VM_PANIC came to it, in words: its last step changed
   nothing but the exit and the step count, so the state still shows. */
void vd_machine_panic_reason(const struct vd_machine *machine, char *why, size_t why_size);

/* The witness of the state as it stands; hashes what was written since the last time. */
void vd_machine_state(struct vd_machine *machine, uint8_t state[VD_VM_STATE_BYTES]);
struct vd_hash vd_vm_state_hash(const uint8_t state[VD_VM_STATE_BYTES]);

/* What L1 needs to check the next step. */
struct vd_vm_witness {
    uint8_t state[VD_VM_STATE_BYTES];
    uint8_t proof[VD_VM_MAX_PROOF];
    size_t proof_len;
    bool reads_preimage;
    uint8_t key[32];
    uint32_t offset;
};
void vd_machine_witness(struct vd_machine *machine, struct vd_vm_witness *witness);

/* The plain step: the state after `state`, from proofs alone, as the contract computes it.
   VD_ERR_INVALID: exited is neither 0 nor 1, or the proof has not exactly the length that this step
   needs.  VD_ERR_MISMATCH: a proof does not lead to the state's root.  Else VD_OK, or the error of
   host->preimage. */
VD_MUST_USE enum vd_err vd_vm_step(uint8_t after[VD_VM_STATE_BYTES],
                                   const uint8_t state[VD_VM_STATE_BYTES], struct vd_slice proof,
                                   struct vd_vm_text text, const struct vd_vm_host *host);

/* vd_vm_part gives the 32 bytes from offset of length || preimage, and how many of them there
   are: what a PREIMAGE call moves. */
size_t vd_vm_part(uint8_t part[32], struct vd_slice preimage, uint32_t offset);

/* --- pages, for snapshots --- */

#define VD_VM_PAGE 4096u
#define VD_VM_PAGES (1u << 20)
/* Calls fn for each page that was written since the marks were last cleared (or since the machine
   was made), in order; clear clears the marks. */
void vd_machine_each_written(struct vd_machine *machine, bool clear,
                             void (*fn)(void *ctx, uint32_t page, const uint8_t bytes[VD_VM_PAGE]),
                             void *ctx);

/* --- programs --- */

/* vd_elf_load makes a machine from a statically linked 64-bit little-endian RISC-V executable:
   loadable segments in memory, pc at the entry point.  text NULL: from the lowest to the highest
   section (or, without sections, segment) that is executable.  On failure why says what is wrong.
   VD_ERR_INVALID: no such file; VD_ERR_UNSUPPORTED: another machine or kind. */
VD_MUST_USE enum vd_err vd_elf_load(struct vd_machine **out, char *why, size_t why_size,
                                    struct vd_slice elf, const struct vd_vm_text *text);

#endif
