#include "machine_internal.h"

#include <stdlib.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"

#define MEMORY_BYTES ((size_t)1 << 32)
#define NODE_BYTES ((size_t)2 * VD_VM_PAGES * sizeof(struct vd_hash))

enum vd_err
vd_machine_new(struct vd_machine **out, struct vd_vm_text text)
{
    VD_ASSERT(text.lo % 4 == 0 && text.hi % 4 == 0 && text.lo <= text.hi);
    struct vd_machine *m = calloc(1, sizeof *m);
    if (!m) {
        return VD_ERR_NO_MEMORY;
    }
    m->text = text;
    m->loaded_hi = text.lo;
    m->memory = vd_reserve(MEMORY_BYTES);
    m->marks = vd_reserve(VD_VM_PAGES);
    m->nodes = vd_reserve(NODE_BYTES);
    if (!m->memory || !m->marks || !m->nodes) {
        vd_machine_free(m);
        return VD_ERR_NO_MEMORY;
    }
    vd_machine_zero_hashes(m);
    *out = m;
    return VD_OK;
}

static void
release_records(struct vd_machine *m)
{
    vd_release(m->records, ((size_t)m->record_count + 1) * sizeof *m->records);
    m->records = NULL;
    m->record_count = 0;
}

enum vd_err
vd_machine_reserve_records(struct vd_machine *m, uint32_t count)
{
    release_records(m);
    m->records = vd_reserve(((size_t)count + 1) * sizeof *m->records);
    m->record_count = m->records ? count : 0;
    return m->records ? VD_OK : VD_ERR_NO_MEMORY;
}

void
vd_machine_free(struct vd_machine *m)
{
    if (m) {
        vd_release(m->memory, MEMORY_BYTES);
        vd_release(m->marks, VD_VM_PAGES);
        vd_release(m->nodes, NODE_BYTES);
        release_records(m);
        free(m);
    }
}

enum vd_err
vd_machine_load(struct vd_machine *m, uint64_t address, struct vd_slice bytes)
{
    if (address > MEMORY_BYTES || bytes.len > MEMORY_BYTES - address) {
        return VD_ERR_TOO_LARGE;
    }
    if (bytes.len == 0) {
        return VD_OK;
    }
    memcpy(m->memory + address, bytes.ptr, bytes.len);
    uint64_t end = address + bytes.len;
    for (uint64_t page = address / VD_VM_PAGE; page * VD_VM_PAGE < end; page++) {
        m->marks[page] = VD_VM_MARKS;
    }
    if (address < m->text.hi && end > m->text.lo) {
        uint64_t hi = end < m->text.hi ? (end + 3) / 4 * 4 : m->text.hi;
        m->loaded_hi = hi > m->loaded_hi ? hi : m->loaded_hi;
        m->decoded = false;
    }
    return VD_OK;
}

static void
clone_page(struct vd_machine *to, const struct vd_machine *from, uint32_t page)
{
    size_t at = (size_t)page * VD_VM_PAGE;
    memcpy(to->memory + at, from->memory + at, VD_VM_PAGE);
    to->marks[page] = from->marks[page] & (uint8_t)~VD_VM_WRITTEN;
    for (uint32_t node = VD_VM_PAGES + page; node > 0; node /= 2) {
        to->nodes[node] = from->nodes[node];
    }
    uint64_t lo = at < from->text.lo ? from->text.lo : at;
    uint64_t hi = at + VD_VM_PAGE < from->loaded_hi ? at + VD_VM_PAGE : from->loaded_hi;
    if (from->decoded && lo < hi) {
        memcpy(to->records + (lo - from->text.lo) / 4, from->records + (lo - from->text.lo) / 4,
               (hi - lo) / 4 * sizeof *to->records);
    }
}

enum vd_err
vd_machine_clone(struct vd_machine **out, const struct vd_machine *m)
{
    enum vd_err err = vd_machine_new(out, m->text);
    if (err != VD_OK) {
        return err;
    }
    struct vd_machine *copy = *out;
    err = vd_machine_reserve_records(copy, m->record_count);
    if (err != VD_OK) {
        vd_machine_free(copy);
        *out = NULL;
        return err;
    }
    copy->loaded_hi = m->loaded_hi;
    copy->decoded = m->decoded;
    copy->registers = m->registers;
    for (uint32_t page = 0; page < VD_VM_PAGES; page++) {
        if (page % 8 == 0 && vd_load_le64(m->marks + page) == 0) {
            page += 7;
        } else if (m->marks[page] & VD_VM_TOUCHED) {
            clone_page(copy, m, page);
        }
    }
    return VD_OK;
}

const uint8_t *
vd_machine_memory(const struct vd_machine *m)
{
    return m->memory;
}

const struct vd_vm_registers *
vd_machine_registers(const struct vd_machine *m)
{
    return &m->registers;
}

void
vd_machine_set_registers(struct vd_machine *m, const struct vd_vm_registers *registers)
{
    m->registers = *registers;
    m->registers.x[0] = 0;
}

void
vd_machine_state(struct vd_machine *m, uint8_t state[VD_VM_STATE_BYTES])
{
    const struct vd_vm_registers *r = &m->registers;
    vd_machine_hash(m);
    const struct vd_hash *root =
        vd_hash_is_zero(&m->nodes[1]) ? &m->zero[VD_VM_LEVELS] : &m->nodes[1];
    memcpy(state, root->b, 32);
    vd_store_be64(state + 32, r->pc);
    vd_store_be64(state + 40, r->step);
    state[48] = r->exited;
    state[49] = r->exit_code;
    for (unsigned i = 1; i < 32; i++) {
        vd_store_be64(state + 50 + 8 * (i - 1), r->x[i]);
    }
}

struct vd_hash
vd_vm_state_hash(const uint8_t state[VD_VM_STATE_BYTES])
{
    struct vd_hash hash = vd_keccak256(vd_slice(state, VD_VM_STATE_BYTES));
    uint8_t code = state[49] < VD_VM_PANIC ? state[49] : VD_VM_PANIC;
    hash.b[0] = state[48] ? code : VD_VM_UNFINISHED;
    return hash;
}

void
vd_machine_each_written(struct vd_machine *m, bool clear,
                        void (*fn)(void *ctx, uint32_t page, const uint8_t bytes[VD_VM_PAGE]),
                        void *ctx)
{
    for (uint32_t page = 0; page < VD_VM_PAGES; page++) {
        if (page % 8 == 0 && vd_load_le64(m->marks + page) == 0) {
            page += 7;
            continue;
        }
        if (m->marks[page] & VD_VM_WRITTEN) {
            fn(ctx, page, m->memory + (size_t)page * VD_VM_PAGE);
            if (clear) {
                m->marks[page] &= (uint8_t)~VD_VM_WRITTEN;
            }
        }
    }
}

size_t
vd_vm_part(uint8_t part[32], struct vd_slice preimage, uint32_t offset)
{
    uint8_t length[8];
    vd_store_be64(length, preimage.len);
    memset(part, 0, 32);
    uint64_t total = 8 + (uint64_t)preimage.len;
    size_t count = offset >= total ? 0 : total - offset < 32 ? (size_t)(total - offset) : 32;
    for (size_t i = 0; i < count; i++) {
        uint64_t at = (uint64_t)offset + i;
        part[i] = at < 8 ? length[at] : preimage.ptr[at - 8];
    }
    return count;
}

/* What the next step touches beyond the instruction: see vd_vm_step, which checks it. */
static void
prove_call(struct vd_machine *m, struct vd_vm_witness *w)
{
    const uint64_t *x = m->registers.x;
    uint8_t *proof = w->proof + w->proof_len;
    if (x[17] == VD_VM_CALL_PREIMAGE && vd_vm_preimage_args(m->text, x[10], x[11], x[12])) {
        vd_machine_prove(m, proof, (uint32_t)x[10]);
        w->proof_len += VD_VM_PROOF_BYTES;
        memcpy(w->key, m->memory + x[10], 32);
        if (vd_vm_key_known(w->key)) {
            w->reads_preimage = true;
            w->offset = (uint32_t)x[11];
            vd_machine_prove(m, proof + VD_VM_PROOF_BYTES, (uint32_t)x[12]);
            w->proof_len += VD_VM_PROOF_BYTES;
        }
    } else if (x[17] == VD_VM_CALL_KECCAK && vd_vm_keccak_args(m->text, x[10])) {
        memcpy(proof, m->memory + x[10], 256);
        vd_machine_prove_state(m, proof + 256, (uint32_t)x[10]);
        w->proof_len += VD_VM_KECCAK_PROOF_BYTES;
    }
}

/* Bytes that a load or store moves; 0 for other instructions. */
static unsigned
access_bytes(enum vd_insn insn, bool *store)
{
    *store = insn >= VD_RV_SB && insn <= VD_RV_SD;
    if (insn == VD_RV_LB || insn == VD_RV_LBU || insn == VD_RV_SB) {
        return 1;
    }
    if (insn == VD_RV_LH || insn == VD_RV_LHU || insn == VD_RV_SH) {
        return 2;
    }
    if (insn == VD_RV_LW || insn == VD_RV_LWU || insn == VD_RV_SW) {
        return 4;
    }
    return insn == VD_RV_LD || insn == VD_RV_SD ? 8 : 0;
}

void
vd_machine_witness(struct vd_machine *m, struct vd_vm_witness *w)
{
    const struct vd_vm_registers *r = &m->registers;
    *w = (struct vd_vm_witness){0};
    vd_machine_state(m, w->state);
    if (r->exited || r->pc % 4 != 0 || r->pc < m->text.lo || r->pc >= m->text.hi) {
        return;
    }
    vd_machine_prove(m, w->proof, (uint32_t)r->pc);
    w->proof_len = VD_VM_PROOF_BYTES;
    struct vd_rv rv = vd_rv_decode(vd_load_le32(m->memory + r->pc));
    if (rv.insn == VD_RV_ECALL) {
        prove_call(m, w);
        return;
    }
    bool store = false;
    unsigned bytes = access_bytes(rv.insn, &store);
    uint32_t address = (uint32_t)(r->x[rv.rs1] + (uint64_t)(int64_t)rv.imm);
    if (bytes != 0 && address % bytes == 0 && !(store && address < m->text.hi)) {
        vd_machine_prove(m, w->proof + w->proof_len, address);
        w->proof_len += VD_VM_PROOF_BYTES;
    }
}
