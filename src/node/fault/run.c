/* The fast machine: text is decoded once into records, and records are threaded by computed goto.

   Steps are counted by straight runs, not one by one: entering a run takes its length from what is
   left.  When less is left than the run is long, the record at which to stop is replaced by STOP
   until the run ends; so there is one interpreter and every step count can be reached.  A record of
   zeros is that of a word of zeros, of which text is full: an illegal instruction that belongs to
   no run. */
#include "machine_internal.h"

#include <stdlib.h>

#include "viaduct/core/crypto/keccak.h"

/* Handlers beyond those of the instructions. */
enum {
    OP_ILLEGAL = VD_RV_ILLEGAL,
    OP_FAR, /* a branch or JAL to where no record is */
    OP_STOP,
    OP_COUNT
};

static bool
ends_run(enum vd_insn insn)
{
    return (insn >= VD_RV_JAL && insn <= VD_RV_BGEU) || insn == VD_RV_ECALL ||
           insn == VD_RV_ILLEGAL;
}

static void
decode_one(const struct vd_machine *m, uint32_t i, const int32_t handlers[OP_COUNT])
{
    struct vd_rv_record *record = &m->records[i];
    struct vd_rv rv = vd_rv_decode(vd_load_le32(m->memory + m->text.lo + (size_t)4 * i));
    unsigned op = rv.insn;
    if ((rv.insn >= VD_RV_BEQ && rv.insn <= VD_RV_BGEU) || rv.insn == VD_RV_JAL) {
        int64_t target = (int64_t)i + rv.imm / 4;
        if (rv.imm % 4 != 0 || target < 0 || target >= (int64_t)m->record_count) {
            op = OP_FAR;
        } else {
            rv.imm /= 4;
        }
    }
    *record = (struct vd_rv_record){.handler = handlers[op],
                                    .rd = rv.rd ? rv.rd : (uint8_t)VD_RV_SINK,
                                    .rs1 = rv.rs1,
                                    .rs2 = rv.rs2,
                                    .insn = (uint8_t)rv.insn,
                                    .imm = rv.imm,
                                    .run = ends_run(rv.insn) ? 1 : record[1].run + 1};
}

/* The records of a page of text; those of pages that nothing was loaded into stay zero, as do those
   of the record behind the last. */
static void
decode_page(struct vd_machine *m, uint32_t page, const int32_t handlers[OP_COUNT])
{
    uint64_t lo = (uint64_t)page * VD_VM_PAGE;
    uint64_t hi = lo + VD_VM_PAGE;
    lo = lo < m->text.lo ? m->text.lo : lo;
    hi = hi > m->loaded_hi ? m->loaded_hi : hi;
    for (uint64_t i = (hi - m->text.lo) / 4; i-- > (lo - m->text.lo) / 4;) {
        decode_one(m, (uint32_t)i, handlers);
    }
}

static enum vd_err
decode(struct vd_machine *m, const int32_t handlers[OP_COUNT])
{
    enum vd_err err = vd_machine_reserve_records(m, (uint32_t)((m->loaded_hi - m->text.lo) / 4));
    if (err != VD_OK) {
        return err;
    }
    uint32_t first = m->text.lo / VD_VM_PAGE;
    for (uint32_t page = (uint32_t)((m->loaded_hi + VD_VM_PAGE - 1) / VD_VM_PAGE);
         page-- > first;) {
        if (m->marks[page] & VD_VM_TOUCHED) {
            decode_page(m, page, handlers);
        }
    }
    m->decoded = true;
    return VD_OK;
}

static bool
far_taken(const struct vd_rv_record *d, const uint64_t *x)
{
    uint64_t a = x[d->rs1];
    uint64_t b = x[d->rs2];
    switch ((unsigned)d->insn) {
    case VD_RV_BEQ:
        return a == b;
    case VD_RV_BNE:
        return a != b;
    case VD_RV_BLT:
        return (int64_t)a < (int64_t)b;
    case VD_RV_BGE:
        return (int64_t)a >= (int64_t)b;
    case VD_RV_BLTU:
        return a < b;
    case VD_RV_BGEU:
        return a >= b;
    default: /* JAL */
        return true;
    }
}

static uint64_t
div_signed(uint64_t a, uint64_t b)
{
    if (b == 0) {
        return UINT64_MAX;
    }
    return b == UINT64_MAX ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b);
}

static uint64_t
rem_signed(uint64_t a, uint64_t b)
{
    if (b == 0) {
        return a;
    }
    return b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}

static void
mark(struct vd_machine *m, uint64_t address)
{
    m->marks[address / VD_VM_PAGE] = VD_VM_MARKS;
}

/* What a buffer given to WRITE or HINT holds below 2^32. */
static struct vd_slice
buffer(const struct vd_machine *m, uint64_t address, uint64_t len)
{
    uint64_t space = (uint64_t)1 << 32;
    if (address >= space) {
        return vd_slice(NULL, 0);
    }
    return vd_slice(m->memory + address, len < space - address ? len : space - address);
}

/* A system call; false in *go_on: the run ends or traps.  x are the live registers. */
static enum vd_err
call(struct vd_machine *m, uint64_t *x, const struct vd_vm_host *host, bool *go_on)
{
    struct vd_slice preimage;
    struct vd_vm_registers *r = &m->registers;
    *go_on = true;
    switch (x[17]) {
    case VD_VM_CALL_WRITE:
        if (host->write) {
            host->write(host->ctx, buffer(m, x[11], x[12]));
        }
        x[10] = x[12];
        return VD_OK;
    case VD_VM_CALL_HINT:
        if (host->hint) {
            host->hint(host->ctx, buffer(m, x[10], x[11]));
        }
        x[10] = 0;
        return VD_OK;
    case VD_VM_CALL_PREIMAGE:
        if (vd_vm_preimage_args(m->text, x[10], x[11], x[12]) &&
            vd_vm_key_known(m->memory + x[10])) {
            enum vd_err err = host->preimage(host->ctx, &preimage, m->memory + x[10]);
            if (err == VD_OK) {
                uint64_t to = x[12];
                x[10] = vd_vm_part(m->memory + to, preimage, (uint32_t)x[11]);
                mark(m, to);
            }
            return err;
        }
        break;
    case VD_VM_CALL_KECCAK:
        if (vd_vm_keccak_args(m->text, x[10])) {
            uint64_t lanes[25];
            memcpy(lanes, m->memory + x[10], sizeof lanes);
            vd_keccak_f1600(lanes);
            memcpy(m->memory + x[10], lanes, sizeof lanes);
            mark(m, x[10]);
            x[10] = 0;
            return VD_OK;
        }
        break;
    case VD_VM_CALL_EXIT:
        *go_on = false;
        r->exited = true;
        r->exit_code = x[10] < VD_VM_PANIC ? (uint8_t)x[10] : VD_VM_PANIC;
        return VD_OK;
    default:
        break;
    }
    *go_on = false;
    r->exited = true;
    r->exit_code = VD_VM_PANIC;
    return VD_OK;
}

/* handlers != NULL: fills it and does nothing else, for labels are known in here alone. */
static enum vd_err
interpret(struct vd_machine *m, uint64_t until, const struct vd_vm_host *host, int32_t *handlers)
{
#define LABEL(op) [op] = &&do_##op
    static const void *const labels[] = {
#define VD_INSN(name, mask, match, form) [VD_RV_##name] = &&do_##name,
#include "viaduct/node/fault/riscv.def"
#undef VD_INSN
        [OP_ILLEGAL] = &&do_illegal,
        [OP_FAR] = &&do_far,
        [OP_STOP] = &&do_stop,
    };
    if (handlers) {
        for (unsigned i = 0; i < OP_COUNT; i++) {
            handlers[i] = (int32_t)((const char *)labels[i] - (const char *)&&do_illegal);
        }
        return VD_OK;
    }
    struct vd_rv_record *const records = m->records;
    const uint32_t count = m->record_count;
    uint8_t *const memory = m->memory;
    uint8_t *const marks = m->marks;
    const uint32_t text_lo = m->text.lo;
    const uint32_t text_hi = m->text.hi;
    uint64_t x[33];
    memcpy(x, m->registers.x, sizeof m->registers.x);
    struct vd_rv_record *d = records;
    struct vd_rv_record *stop = NULL; /* the record that STOP replaces */
    int32_t kept = 0;
    uint64_t left = until - m->registers.step;
    uint64_t pc = m->registers.pc;
    enum vd_err err = VD_OK;

#define GO() goto *((const char *)&&do_illegal + d->handler)
#define NEXT() \
    do {       \
        d++;   \
        GO();  \
    } while (0)
#define A x[d->rs1]
#define B x[d->rs2]
#define IMM ((uint64_t)(int64_t)d->imm)
#define TO x[d->rd]
#define SEXT(v) ((uint64_t)(int64_t)(int32_t)(uint32_t)(v))
#define HERE ((uint64_t)text_lo + 4 * (uint64_t)(d - records))
/* Into the run that d begins. */
#define ENTER()              \
    do {                     \
        if (d->run > left) { \
            goto short_run;  \
        }                    \
        left -= d->run;      \
        GO();                \
    } while (0)

    goto enter_pc;

enter_pc:
    if (pc % 4 != 0 || pc < text_lo || pc - text_lo >= (uint64_t)4 * count) {
        /* Outside text, or in its zeros: the step that comes now traps. */
        if (left == 0) {
            goto out;
        }
        left--;
        goto trapped;
    }
    d = records + (pc - text_lo) / 4;
    ENTER();

short_run:
    if (left == 0) {
        pc = HERE;
        goto out;
    }
    stop = d + left;
    kept = stop->handler;
    {
        static const void *const stop_label = &&do_stop;
        stop->handler = (int32_t)((const char *)stop_label - (const char *)&&do_illegal);
    }
    left = 0;
    GO();

do_stop:
    pc = HERE;
    goto out;

#define OPERATION(name, value) \
    do_##name : TO = (value);  \
    NEXT();
    OPERATION(LUI, IMM)
    OPERATION(AUIPC, HERE + IMM)
    OPERATION(ADDI, A + IMM)
    OPERATION(SLTI, (int64_t)A < (int64_t)IMM)
    OPERATION(SLTIU, A < IMM)
    OPERATION(XORI, A ^ IMM)
    OPERATION(ORI, A | IMM)
    OPERATION(ANDI, A & IMM)
    OPERATION(SLLI, A << d->imm)
    OPERATION(SRLI, A >> d->imm)
    OPERATION(SRAI, (uint64_t)((int64_t)A >> d->imm))
    OPERATION(ADD, A + B)
    OPERATION(SUB, A - B)
    OPERATION(SLL, A << (B & 63))
    OPERATION(SLT, (int64_t)A < (int64_t)B)
    OPERATION(SLTU, A < B)
    OPERATION(XOR, A ^ B)
    OPERATION(SRL, A >> (B & 63))
    OPERATION(SRA, (uint64_t)((int64_t)A >> (B & 63)))
    OPERATION(OR, A | B)
    OPERATION(AND, A & B)
    OPERATION(ADDIW, SEXT((uint32_t)A + (uint32_t)d->imm))
    OPERATION(SLLIW, SEXT((uint32_t)A << d->imm))
    OPERATION(SRLIW, SEXT((uint32_t)A >> d->imm))
    OPERATION(SRAIW, SEXT((uint32_t)((int32_t)(uint32_t)A >> d->imm)))
    OPERATION(ADDW, SEXT((uint32_t)A + (uint32_t)B))
    OPERATION(SUBW, SEXT((uint32_t)A - (uint32_t)B))
    OPERATION(SLLW, SEXT((uint32_t)A << (B & 31)))
    OPERATION(SRLW, SEXT((uint32_t)A >> (B & 31)))
    OPERATION(SRAW, SEXT((uint32_t)((int32_t)(uint32_t)A >> (B & 31))))
    OPERATION(MUL, A * B)
    OPERATION(MULH, (uint64_t)(((__int128)(int64_t)A * (int64_t)B) >> 64))
    OPERATION(MULHSU, (uint64_t)((__int128)((unsigned __int128)(__int128)(int64_t)A * B) >> 64))
    OPERATION(MULHU, (uint64_t)(((unsigned __int128)A * B) >> 64))
    OPERATION(DIV, div_signed(A, B))
    OPERATION(DIVU, B == 0 ? UINT64_MAX : A / B)
    OPERATION(REM, rem_signed(A, B))
    OPERATION(REMU, B == 0 ? A : A % B)
    OPERATION(MULW, SEXT((uint32_t)A * (uint32_t)B))
    OPERATION(DIVW, SEXT(div_signed(SEXT(A), SEXT(B))))
    OPERATION(DIVUW, SEXT((uint32_t)B == 0 ? UINT32_MAX : (uint32_t)A / (uint32_t)B))
    OPERATION(REMW, SEXT(rem_signed(SEXT(A), SEXT(B))))
    OPERATION(REMUW, SEXT((uint32_t)B == 0 ? (uint32_t)A : (uint32_t)A % (uint32_t)B))
do_FENCE:
    NEXT();

#define LOAD(name, type, as)                            \
    do_##name:                                          \
    {                                                   \
        uint32_t address = (uint32_t)(A + IMM);         \
        type value;                                     \
        if (address % sizeof value != 0) {              \
            goto trap;                                  \
        }                                               \
        memcpy(&value, memory + address, sizeof value); \
        TO = (uint64_t)(as)value;                       \
        NEXT();                                         \
    }
    LOAD(LB, int8_t, int64_t)
    LOAD(LH, int16_t, int64_t)
    LOAD(LW, int32_t, int64_t)
    LOAD(LD, uint64_t, uint64_t)
    LOAD(LBU, uint8_t, uint64_t)
    LOAD(LHU, uint16_t, uint64_t)
    LOAD(LWU, uint32_t, uint64_t)

#define STORE(name, type)                                       \
    do_##name:                                                  \
    {                                                           \
        uint32_t address = (uint32_t)(A + IMM);                 \
        type value = (type)B;                                   \
        if (address % sizeof value != 0 || address < text_hi) { \
            goto trap;                                          \
        }                                                       \
        memcpy(memory + address, &value, sizeof value);         \
        marks[address / VD_VM_PAGE] = VD_VM_MARKS;              \
        NEXT();                                                 \
    }
    STORE(SB, uint8_t)
    STORE(SH, uint16_t)
    STORE(SW, uint32_t)
    STORE(SD, uint64_t)

#define BRANCH(name, condition)                \
    do_##name : d += (condition) ? d->imm : 1; \
    ENTER();
    BRANCH(BEQ, A == B)
    BRANCH(BNE, A != B)
    BRANCH(BLT, (int64_t)A < (int64_t)B)
    BRANCH(BGE, (int64_t)A >= (int64_t)B)
    BRANCH(BLTU, A < B)
    BRANCH(BGEU, A >= B)

do_JAL:
    TO = HERE + 4;
    d += d->imm;
    ENTER();

do_JALR:
    pc = (uint32_t)((A + IMM) & ~(uint64_t)1);
    TO = HERE + 4;
    goto enter_pc;

do_far:
    pc = (uint32_t)(HERE + 4);
    if (far_taken(d, x)) {
        uint64_t target = (uint32_t)(HERE + IMM);
        if (d->insn == VD_RV_JAL) {
            TO = pc;
        }
        pc = target;
    }
    goto enter_pc;

do_ECALL : {
    bool go_on = false;
    pc = HERE;
    err = call(m, x, host, &go_on);
    if (err != VD_OK) {
        left++; /* the step did not take place */
        goto out;
    }
    if (!go_on) {
        goto out;
    }
    d++;
    ENTER();
}

do_illegal:
    if (d->run == 0) {
        /* No record: zeros, which are no instruction, in a run of their own. */
        pc = HERE;
        if (left == 0) {
            goto out;
        }
        left--;
        goto trapped;
    }
trap:
    /* This instruction is a step; those behind it in the run are not. */
    pc = HERE;
    left = stop ? (uint64_t)(stop - d) - 1 : left + d->run - 1;
trapped:
    m->registers.exited = true;
    m->registers.exit_code = VD_VM_PANIC;
out:
    if (stop) {
        stop->handler = kept;
    }
    memcpy(m->registers.x, x, sizeof m->registers.x);
    m->registers.x[0] = 0;
    m->registers.pc = pc;
    m->registers.step = until - left;
    return err;
#undef GO
#undef NEXT
#undef LABEL
}

enum vd_err
vd_machine_decode(struct vd_machine *m)
{
    int32_t handlers[OP_COUNT];
    if (m->decoded) {
        return VD_OK;
    }
    enum vd_err err = interpret(m, 0, NULL, handlers);
    return err == VD_OK ? decode(m, handlers) : err;
}

enum vd_err
vd_machine_run(struct vd_machine *m, uint64_t until_step, const struct vd_vm_host *host)
{
    enum vd_err err = vd_machine_decode(m);
    if (err != VD_OK || m->registers.exited || m->registers.step >= until_step) {
        return err;
    }
    return interpret(m, until_step, host, NULL);
}
