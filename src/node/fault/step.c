/* The plain step: one instruction from a witness and proofs, in the order in which the contract
   does it.  Nothing here shares code with the fast machine but the decoder's table. */
#include "machine_internal.h"

#include "viaduct/core/crypto/keccak.h"

#define ROOT 0
#define PC 32
#define STEP 40
#define EXITED 48
#define EXIT_CODE 49
#define REGISTERS 50

struct step {
    uint8_t *state; /* the next one, as it grows */
    struct vd_slice proof;
    struct vd_vm_text text;
    const struct vd_vm_host *host;
    struct vd_rv rv;
    uint64_t pc; /* of this instruction */
    uint64_t a;  /* rs1 */
    uint64_t b;  /* rs2 */
};

static uint64_t
get(const struct step *s, unsigned reg)
{
    return reg == 0 ? 0 : vd_load_be64(s->state + REGISTERS + 8 * (reg - 1));
}

static void
set(struct step *s, unsigned reg, uint64_t value)
{
    if (reg != 0) {
        vd_store_be64(s->state + REGISTERS + 8 * (reg - 1), value);
    }
}

static void
set_pc(struct step *s, uint64_t pc)
{
    vd_store_be64(s->state + PC, pc & 0xffffffffu);
}

static uint64_t
imm(const struct step *s)
{
    return (uint64_t)(int64_t)s->rv.imm;
}

static uint64_t
sext32(uint64_t value)
{
    return (uint64_t)(int64_t)(int32_t)(uint32_t)value;
}

static void
end(struct step *s, uint64_t code)
{
    s->state[EXITED] = 1;
    s->state[EXIT_CODE] = code < VD_VM_PANIC ? (uint8_t)code : VD_VM_PANIC;
}

static enum vd_err
trap(struct step *s, size_t proof_len)
{
    end(s, VD_VM_PANIC);
    return s->proof.len == proof_len ? VD_OK : VD_ERR_INVALID;
}

/* --- memory through proofs --- */

/* Folds a node with its siblings; index is the node's at its level. */
static struct vd_hash
fold(struct vd_hash node, uint32_t index, const uint8_t *siblings, unsigned levels)
{
    for (unsigned i = 0; i < levels; i++, index /= 2, siblings += 32) {
        uint8_t both[64];
        memcpy(both + (index & 1 ? 32 : 0), node.b, 32);
        memcpy(both + (index & 1 ? 0 : 32), siblings, 32);
        node = vd_keccak256(vd_slice(both, sizeof both));
    }
    return node;
}

static bool
leaf_is(const struct step *s, const uint8_t *proof, uint32_t address)
{
    struct vd_hash leaf;
    memcpy(leaf.b, proof, 32);
    leaf = fold(leaf, address / 32, proof + 32, VD_VM_LEVELS);
    return memcmp(leaf.b, s->state + ROOT, 32) == 0;
}

static void
leaf_becomes(struct step *s, const uint8_t *proof, uint32_t address, const uint8_t leaf[32])
{
    struct vd_hash node;
    memcpy(node.b, leaf, 32);
    node = fold(node, address / 32, proof + 32, VD_VM_LEVELS);
    memcpy(s->state + ROOT, node.b, 32);
}

/* --- instructions --- */

static uint64_t
high(unsigned __int128 product)
{
    return (uint64_t)(product >> 64);
}

static uint64_t
divide(const struct step *s)
{
    int64_t a = (int64_t)s->a;
    int64_t b = (int64_t)s->b;
    bool overflow = a == INT64_MIN && b == -1;
    switch ((unsigned)s->rv.insn) {
    case VD_RV_DIV:
        return b == 0 ? UINT64_MAX : overflow ? s->a : (uint64_t)(a / b);
    case VD_RV_DIVU:
        return b == 0 ? UINT64_MAX : s->a / s->b;
    case VD_RV_REM:
        return b == 0 ? s->a : overflow ? 0 : (uint64_t)(a % b);
    default: /* REMU */
        return b == 0 ? s->a : s->a % s->b;
    }
}

/* On 32 bits widened to 64 there is no overflow to except: the quotient is cut by sext32. */
static uint64_t
divide_word(const struct step *s)
{
    int64_t a = (int32_t)(uint32_t)s->a;
    int64_t b = (int32_t)(uint32_t)s->b;
    uint64_t ua = (uint32_t)s->a;
    uint64_t ub = (uint32_t)s->b;
    switch ((unsigned)s->rv.insn) {
    case VD_RV_DIVW:
        return b == 0 ? UINT64_MAX : sext32((uint64_t)(a / b));
    case VD_RV_DIVUW:
        return b == 0 ? UINT64_MAX : sext32(ua / ub);
    case VD_RV_REMW:
        return b == 0 ? sext32(ua) : sext32((uint64_t)(a % b));
    default: /* REMUW */
        return b == 0 ? sext32(ua) : sext32(ua % ub);
    }
}

static uint64_t
word_result(const struct step *s)
{
    uint32_t a = (uint32_t)s->a;
    uint32_t b = (uint32_t)s->b;
    uint32_t i = (uint32_t)s->rv.imm;
    switch ((unsigned)s->rv.insn) {
    case VD_RV_ADDIW:
        return sext32(a + i);
    case VD_RV_SLLIW:
        return sext32(a << i);
    case VD_RV_SRLIW:
        return sext32(a >> i);
    case VD_RV_SRAIW:
        return sext32((uint32_t)((int32_t)a >> i));
    case VD_RV_ADDW:
        return sext32(a + b);
    case VD_RV_SUBW:
        return sext32(a - b);
    case VD_RV_SLLW:
        return sext32(a << (b & 31));
    case VD_RV_SRLW:
        return sext32(a >> (b & 31));
    case VD_RV_SRAW:
        return sext32((uint32_t)((int32_t)a >> (b & 31)));
    case VD_RV_MULW:
        return sext32(a * b);
    default:
        return divide_word(s);
    }
}

static uint64_t
register_result(const struct step *s)
{
    uint64_t a = s->a;
    uint64_t b = s->b;
    switch ((unsigned)s->rv.insn) {
    case VD_RV_ADD:
        return a + b;
    case VD_RV_SUB:
        return a - b;
    case VD_RV_SLL:
        return a << (b & 63);
    case VD_RV_SLT:
        return (int64_t)a < (int64_t)b;
    case VD_RV_SLTU:
        return a < b;
    case VD_RV_XOR:
        return a ^ b;
    case VD_RV_SRL:
        return a >> (b & 63);
    case VD_RV_SRA:
        return (uint64_t)((int64_t)a >> (b & 63));
    case VD_RV_OR:
        return a | b;
    case VD_RV_AND:
        return a & b;
    case VD_RV_MUL:
        return a * b;
    case VD_RV_MULH:
        return high((unsigned __int128)((__int128)(int64_t)a * (int64_t)b));
    case VD_RV_MULHSU:
        /* Of the product modulo 2^128, which takes the signed factor sign-extended. */
        return high((unsigned __int128)(__int128)(int64_t)a * b);
    case VD_RV_MULHU:
        return high((unsigned __int128)a * b);
    default:
        return divide(s);
    }
}

static uint64_t
immediate_result(const struct step *s)
{
    uint64_t a = s->a;
    uint64_t i = imm(s);
    switch ((unsigned)s->rv.insn) {
    case VD_RV_LUI:
        return i;
    case VD_RV_AUIPC:
        return s->pc + i;
    case VD_RV_ADDI:
        return a + i;
    case VD_RV_SLTI:
        return (int64_t)a < (int64_t)i;
    case VD_RV_SLTIU:
        return a < i;
    case VD_RV_XORI:
        return a ^ i;
    case VD_RV_ORI:
        return a | i;
    case VD_RV_ANDI:
        return a & i;
    case VD_RV_SLLI:
        return a << i;
    case VD_RV_SRLI:
        return a >> i;
    default: /* SRAI */
        return (uint64_t)((int64_t)a >> i);
    }
}

static bool
taken(const struct step *s)
{
    switch ((unsigned)s->rv.insn) {
    case VD_RV_BEQ:
        return s->a == s->b;
    case VD_RV_BNE:
        return s->a != s->b;
    case VD_RV_BLT:
        return (int64_t)s->a < (int64_t)s->b;
    case VD_RV_BGE:
        return (int64_t)s->a >= (int64_t)s->b;
    case VD_RV_BLTU:
        return s->a < s->b;
    default: /* BGEU */
        return s->a >= s->b;
    }
}

static enum vd_err
load(struct step *s)
{
    /* funct3: bits 0-1 the logarithm of the size, bit 2 unsigned. */
    static const uint8_t funct3[] = {[VD_RV_LB - VD_RV_LB] = 0,  [VD_RV_LH - VD_RV_LB] = 1,
                                     [VD_RV_LW - VD_RV_LB] = 2,  [VD_RV_LD - VD_RV_LB] = 3,
                                     [VD_RV_LBU - VD_RV_LB] = 4, [VD_RV_LHU - VD_RV_LB] = 5,
                                     [VD_RV_LWU - VD_RV_LB] = 6};
    unsigned f = funct3[s->rv.insn - VD_RV_LB];
    unsigned size = 1u << (f & 3);
    uint32_t address = (uint32_t)(s->a + imm(s));
    if (address % size != 0) {
        return trap(s, VD_VM_PROOF_BYTES);
    }
    if (s->proof.len != (size_t)2 * VD_VM_PROOF_BYTES) {
        return VD_ERR_INVALID;
    }
    const uint8_t *leaf = s->proof.ptr + VD_VM_PROOF_BYTES;
    if (!leaf_is(s, leaf, address)) {
        return VD_ERR_MISMATCH;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)leaf[address % 32 + i] << 8 * i;
    }
    unsigned unused = 64 - 8 * size;
    if (f < 4) {
        value = (uint64_t)((int64_t)(value << unused) >> unused);
    }
    set(s, s->rv.rd, value);
    set_pc(s, s->pc + 4);
    return VD_OK;
}

static enum vd_err
store(struct step *s)
{
    unsigned size = 1u << (s->rv.insn - VD_RV_SB);
    uint32_t address = (uint32_t)(s->a + imm(s));
    if (address % size != 0 || address < s->text.hi) {
        return trap(s, VD_VM_PROOF_BYTES);
    }
    if (s->proof.len != (size_t)2 * VD_VM_PROOF_BYTES) {
        return VD_ERR_INVALID;
    }
    const uint8_t *proof = s->proof.ptr + VD_VM_PROOF_BYTES;
    if (!leaf_is(s, proof, address)) {
        return VD_ERR_MISMATCH;
    }
    uint8_t leaf[32];
    memcpy(leaf, proof, 32);
    for (unsigned i = 0; i < size; i++) {
        leaf[address % 32 + i] = (uint8_t)(s->b >> 8 * i);
    }
    leaf_becomes(s, proof, address, leaf);
    set_pc(s, s->pc + 4);
    return VD_OK;
}

/* --- system calls --- */

static enum vd_err
call_preimage(struct step *s)
{
    uint64_t key = get(s, 10);
    uint64_t offset = get(s, 11);
    uint64_t to = get(s, 12);
    if (!vd_vm_preimage_args(s->text, key, offset, to)) {
        return trap(s, VD_VM_PROOF_BYTES);
    }
    if (s->proof.len < (size_t)2 * VD_VM_PROOF_BYTES) {
        return VD_ERR_INVALID;
    }
    const uint8_t *proof = s->proof.ptr + VD_VM_PROOF_BYTES;
    if (!leaf_is(s, proof, (uint32_t)key)) {
        return VD_ERR_MISMATCH;
    }
    if (!vd_vm_key_known(proof)) {
        return trap(s, (size_t)2 * VD_VM_PROOF_BYTES);
    }
    const uint8_t *destination = proof + VD_VM_PROOF_BYTES;
    if (s->proof.len != (size_t)3 * VD_VM_PROOF_BYTES) {
        return VD_ERR_INVALID;
    }
    if (!leaf_is(s, destination, (uint32_t)to)) {
        return VD_ERR_MISMATCH;
    }
    struct vd_slice preimage;
    uint8_t part[32];
    enum vd_err err = s->host->preimage(s->host->ctx, &preimage, proof);
    if (err != VD_OK) {
        return err;
    }
    size_t count = vd_vm_part(part, preimage, (uint32_t)offset);
    leaf_becomes(s, destination, (uint32_t)to, part);
    set(s, 10, count);
    set_pc(s, s->pc + 4);
    return VD_OK;
}

static enum vd_err
call_keccak(struct step *s)
{
    uint64_t address = get(s, 10);
    if (!vd_vm_keccak_args(s->text, address)) {
        return trap(s, VD_VM_PROOF_BYTES);
    }
    if (s->proof.len != (size_t)VD_VM_PROOF_BYTES + VD_VM_KECCAK_PROOF_BYTES) {
        return VD_ERR_INVALID;
    }
    uint8_t leaves[256];
    const uint8_t *proof = s->proof.ptr + VD_VM_PROOF_BYTES;
    memcpy(leaves, proof, sizeof leaves);
    for (int after = 0; after < 2; after++) {
        struct vd_hash node[8];
        memcpy(node, leaves, sizeof leaves);
        for (unsigned count = 4; count > 0; count /= 2) {
            for (unsigned i = 0; i < count; i++) {
                node[i] = vd_keccak256(vd_slice(node[2 * i].b, 64));
            }
        }
        node[0] = fold(node[0], (uint32_t)address / 256, proof + 256, VD_VM_LEVELS - 3);
        if (after) {
            memcpy(s->state + ROOT, node[0].b, 32);
        } else if (memcmp(node[0].b, s->state + ROOT, 32) != 0) {
            return VD_ERR_MISMATCH;
        } else {
            uint64_t lanes[25];
            memcpy(lanes, leaves, sizeof lanes);
            vd_keccak_f1600(lanes);
            memcpy(leaves, lanes, sizeof lanes);
        }
    }
    set(s, 10, 0);
    set_pc(s, s->pc + 4);
    return VD_OK;
}

static enum vd_err
call(struct step *s)
{
    uint64_t number = get(s, 17);
    if (number == VD_VM_CALL_PREIMAGE) {
        return call_preimage(s);
    }
    if (number == VD_VM_CALL_KECCAK) {
        return call_keccak(s);
    }
    if (number == VD_VM_CALL_EXIT) {
        end(s, get(s, 10));
    } else if (number == VD_VM_CALL_WRITE) {
        set(s, 10, get(s, 12));
        set_pc(s, s->pc + 4);
    } else if (number == VD_VM_CALL_HINT) {
        set(s, 10, 0);
        set_pc(s, s->pc + 4);
    } else {
        end(s, VD_VM_PANIC);
    }
    return s->proof.len == VD_VM_PROOF_BYTES ? VD_OK : VD_ERR_INVALID;
}

/* Everything that touches registers and pc alone. */
static enum vd_err
compute(struct step *s)
{
    enum vd_insn insn = s->rv.insn;
    uint64_t next = s->pc + 4;
    if (s->proof.len != VD_VM_PROOF_BYTES) {
        return VD_ERR_INVALID;
    }
    if (insn >= VD_RV_BEQ && insn <= VD_RV_BGEU) {
        next = taken(s) ? s->pc + imm(s) : next;
    } else if (insn == VD_RV_JAL) {
        set(s, s->rv.rd, s->pc + 4);
        next = s->pc + imm(s);
    } else if (insn == VD_RV_JALR) {
        set(s, s->rv.rd, s->pc + 4);
        next = (s->a + imm(s)) & ~(uint64_t)1;
    } else if (insn >= VD_RV_ADDIW && insn <= VD_RV_SRAW) {
        set(s, s->rv.rd, word_result(s));
    } else if (insn >= VD_RV_MULW && insn <= VD_RV_REMUW) {
        set(s, s->rv.rd, word_result(s));
    } else if (insn >= VD_RV_ADD && insn <= VD_RV_REMU) {
        set(s, s->rv.rd, register_result(s));
    } else if (insn != VD_RV_FENCE) {
        set(s, s->rv.rd, immediate_result(s));
    }
    set_pc(s, next);
    return VD_OK;
}

static enum vd_err
execute(struct step *s)
{
    enum vd_insn insn = s->rv.insn;
    if (insn == VD_RV_ILLEGAL) {
        return trap(s, VD_VM_PROOF_BYTES);
    }
    if (insn >= VD_RV_LB && insn <= VD_RV_LWU) {
        return load(s);
    }
    if (insn >= VD_RV_SB && insn <= VD_RV_SD) {
        return store(s);
    }
    return insn == VD_RV_ECALL ? call(s) : compute(s);
}

enum vd_err
vd_vm_step(uint8_t after[VD_VM_STATE_BYTES], const uint8_t state[VD_VM_STATE_BYTES],
           struct vd_slice proof, struct vd_vm_text text, const struct vd_vm_host *host)
{
    struct step s = {.state = after, .proof = proof, .text = text, .host = host};
    memcpy(after, state, VD_VM_STATE_BYTES);
    if (state[EXITED] > 1) {
        return VD_ERR_INVALID;
    }
    if (state[EXITED] == 1) {
        return proof.len == 0 ? VD_OK : VD_ERR_INVALID;
    }
    vd_store_be64(after + STEP, vd_load_be64(state + STEP) + 1);
    s.pc = vd_load_be64(state + PC);
    if (s.pc % 4 != 0 || s.pc < text.lo || s.pc >= text.hi) {
        return trap(&s, 0);
    }
    if (proof.len < VD_VM_PROOF_BYTES) {
        return VD_ERR_INVALID;
    }
    if (!leaf_is(&s, proof.ptr, (uint32_t)s.pc)) {
        return VD_ERR_MISMATCH;
    }
    s.rv = vd_rv_decode(vd_load_le32(proof.ptr + s.pc % 32));
    s.a = get(&s, s.rv.rs1);
    s.b = get(&s, s.rv.rs2);
    return execute(&s);
}
