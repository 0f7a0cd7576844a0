/* Shared by the files of the machine. */
#ifndef VIADUCT_NODE_FAULT_MACHINE_INTERNAL_H
#define VIADUCT_NODE_FAULT_MACHINE_INTERNAL_H

#include "viaduct/node/fault/machine.h"

enum vd_insn {
#define VD_INSN(name, mask, match, form) VD_RV_##name,
#include "viaduct/node/fault/riscv.def"
#undef VD_INSN
    VD_RV_ILLEGAL, /* no row matches */
};
#define VD_RV_COUNT ((unsigned)VD_RV_ILLEGAL)

/* A word taken apart; imm is sign-extended, or the shift amount. */
struct vd_rv {
    enum vd_insn insn;
    uint8_t rd;
    uint8_t rs1;
    uint8_t rs2;
    int32_t imm;
};
struct vd_rv vd_rv_decode(uint32_t word);

/* One record of decoded text. */
struct vd_rv_record {
    int32_t handler; /* of run.c: distance from the one of illegal instructions */
    uint8_t rd;      /* VD_RV_SINK in place of x0 */
    uint8_t rs1;
    uint8_t rs2;
    uint8_t insn;
    int32_t imm;  /* branches and JAL: the target's distance in records */
    uint32_t run; /* instructions from here to the end of the straight run, this one included */
};
#define VD_RV_SINK 32u

/* Marks of a page. */
#define VD_VM_UNHASHED 1u
#define VD_VM_WRITTEN 2u
#define VD_VM_TOUCHED 4u /* ever written, loading included */
#define VD_VM_MARKS (VD_VM_UNHASHED | VD_VM_WRITTEN | VD_VM_TOUCHED)

struct vd_machine {
    struct vd_vm_text text;
    struct vd_vm_registers registers;
    uint8_t *memory;       /* 2^32 bytes reserved */
    uint8_t *marks;        /* one byte per page */
    struct vd_hash *nodes; /* the tree above pages: root at 1, page p at 2^20 + p; zero where the
                              subtree is that of zeros */
    struct vd_rv_record *records; /* text decoded, and a record of zeros behind it */
    uint32_t record_count;
    uint64_t loaded_hi; /* end of what was loaded into text: zeros, which trap, from there on */
    bool decoded;
    struct vd_hash zero[VD_VM_LEVELS + 1]; /* by level: the root of so many levels of zeros */
};

/* run.c: decodes text into records, unless that was done since text was last loaded. */
VD_MUST_USE enum vd_err vd_machine_decode(struct vd_machine *machine);

/* Room for count records and one more, all zero. */
VD_MUST_USE enum vd_err vd_machine_reserve_records(struct vd_machine *machine, uint32_t count);

/* A machine of its own in the same state, with the decoded text and the hashes; what it writes
   from then on is marked. */
VD_MUST_USE enum vd_err vd_machine_clone(struct vd_machine **out, const struct vd_machine *machine);

/* tree.c: fills machine->zero; then brings the nodes up to date. */
void vd_machine_zero_hashes(struct vd_machine *machine);
void vd_machine_hash(struct vd_machine *machine);
/* The leaf at address and its siblings, bottom up, after vd_machine_hash. */
void vd_machine_prove(const struct vd_machine *machine, uint8_t proof[VD_VM_PROOF_BYTES],
                      uint32_t address);
/* The siblings of the 8-leaf subtree at address, bottom up. */
void vd_machine_prove_state(const struct vd_machine *machine, uint8_t *siblings, uint32_t address);

/* Whether the arguments of a system call have their form. */
static inline bool
vd_vm_preimage_args(struct vd_vm_text text, uint64_t key, uint64_t offset, uint64_t to)
{
    return key >> 32 == 0 && key % 32 == 0 && offset >> 32 == 0 &&
           (offset == 0 || offset % 32 == 8) && to >> 32 == 0 && to % 32 == 0 && to >= text.hi;
}

static inline bool
vd_vm_keccak_args(struct vd_vm_text text, uint64_t state)
{
    return state >> 32 == 0 && state % 256 == 0 && state >= text.hi;
}

/* The kinds of keys that L1 can hold a preimage of: local, keccak256, sha256, blob, precompile. */
static inline bool
vd_vm_key_known(const uint8_t key[32])
{
    return key[0] == 1 || key[0] == 2 || (key[0] >= 4 && key[0] <= 6);
}

#endif
