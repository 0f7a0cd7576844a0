/* Why a run ended, for those who read it: an exit changes nothing but itself and the step count, so
   that pc, registers and memory are still those of the instruction. */
#include "machine_internal.h"

#include <stdio.h>

static void
access_reason(const struct vd_machine *m, char *why, size_t size, struct vd_rv rv)
{
    static const uint8_t log2[] = {0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 3}; /* LB .. LWU, SB .. SD */
    uint32_t address = (uint32_t)(m->registers.x[rv.rs1] + (uint64_t)(int64_t)rv.imm);
    unsigned bytes = 1u << log2[rv.insn - VD_RV_LB];
    const char *what = rv.insn >= VD_RV_SB ? "store" : "load";
    if (address % bytes != 0) {
        snprintf(why, size, "%s of %u bytes at 0x%08x, which is not aligned", what, bytes, address);
    } else {
        snprintf(why, size, "store to 0x%08x, below 0x%08x where code ends", address, m->text.hi);
    }
}

static void
call_reason(const struct vd_machine *m, char *why, size_t size)
{
    unsigned long long number = m->registers.x[17];
    if (number == VD_VM_CALL_EXIT) {
        snprintf(why, size, "exit call with a0 = %llu", (unsigned long long)m->registers.x[10]);
    } else if (number == VD_VM_CALL_PREIMAGE || number == VD_VM_CALL_KECCAK) {
        snprintf(why, size, "an argument of system call %llu is not of its form", number);
    } else {
        snprintf(why, size, "system call a7 = %llu does not exist", number);
    }
}

static bool
is_in_text(const struct vd_machine *m, uint64_t pc)
{
    return pc % 4 == 0 && pc >= m->text.lo && pc < m->text.hi;
}

bool
vd_machine_exit_call(const struct vd_machine *m, uint64_t *argument)
{
    const struct vd_vm_registers *r = &m->registers;
    if (!r->exited || !is_in_text(m, r->pc) || r->x[17] != VD_VM_CALL_EXIT ||
        vd_rv_decode(vd_load_le32(m->memory + r->pc)).insn != VD_RV_ECALL) {
        return false;
    }
    *argument = r->x[10];
    return true;
}

void
vd_machine_panic_reason(const struct vd_machine *m, char *why, size_t size)
{
    uint64_t pc = m->registers.pc;
    if (!is_in_text(m, pc)) {
        snprintf(why, size, "%s [0x%08x, 0x%08x)",
                 pc % 4 != 0 ? "pc is no multiple of 4; code is" : "pc is outside code", m->text.lo,
                 m->text.hi);
        return;
    }
    uint32_t word = vd_load_le32(m->memory + pc);
    struct vd_rv rv = vd_rv_decode(word);
    if (rv.insn == VD_RV_ECALL) {
        call_reason(m, why, size);
    } else if (rv.insn >= VD_RV_LB && rv.insn <= VD_RV_SD) {
        access_reason(m, why, size, rv);
    } else if (word % 4 != 3 && word != 0) {
        snprintf(why, size, "0x%04x is a compressed instruction, which RV64IM has not",
                 word & 0xffff);
    } else {
        snprintf(why, size, "0x%08x is no RV64IM instruction", word);
    }
}
