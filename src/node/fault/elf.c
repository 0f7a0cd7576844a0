/* Statically linked RISC-V executables: the System V ABI's object file format, 64 bits,
   little-endian.  Offsets and sizes are the file's word for it and are checked before use. */
#include "machine_internal.h"

#include <stdio.h>

#define EHDR 64u
#define PHDR 56u
#define SHDR 64u
#define ET_EXEC 2u
#define EM_RISCV 243u
#define PT_LOAD 1u
#define PF_X 1u
#define SHF_CODE 6u /* in memory, executable */
#define MAX_ENTRIES 4096u
#define SPACE ((uint64_t)1 << 32)

struct elf {
    struct vd_slice bytes;
    uint64_t entry;
    struct vd_vm_text text;
    char *why;
    size_t why_size;
};

/* One row of a table of headers; NULL: it is not inside the file. */
static const uint8_t *
row(const struct elf *e, uint64_t table, unsigned size, unsigned i)
{
    uint64_t at = (uint64_t)size * i;
    if (table > e->bytes.len || e->bytes.len - table < at + size) {
        return NULL;
    }
    return e->bytes.ptr + table + at;
}

static unsigned
half(const uint8_t *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static enum vd_err
fail(const struct elf *e, enum vd_err err, const char *text)
{
    snprintf(e->why, e->why_size, "%s", text);
    return err;
}

static enum vd_err
check_header(struct elf *e)
{
    const uint8_t *p = e->bytes.ptr;
    if (e->bytes.len < EHDR || memcmp(p, "\177ELF", 4) != 0) {
        return fail(e, VD_ERR_INVALID, "not an ELF file");
    }
    if (p[4] != 2 || p[5] != 1 || half(p + 18) != EM_RISCV || half(p + 16) != ET_EXEC) {
        return fail(e, VD_ERR_UNSUPPORTED,
                    "not a 64-bit little-endian RISC-V executable linked to fixed addresses "
                    "(ET_EXEC)");
    }
    if (half(p + 54) != PHDR || half(p + 56) == 0 || half(p + 56) > MAX_ENTRIES ||
        (half(p + 60) != 0 && (half(p + 58) != SHDR || half(p + 60) > MAX_ENTRIES))) {
        return fail(e, VD_ERR_INVALID, "its tables of headers have another form");
    }
    e->entry = vd_load_le64(p + 24);
    if (e->entry >= SPACE) {
        return fail(e, VD_ERR_INVALID, "its entry point lies outside 32 bits of address");
    }
    return VD_OK;
}

/* Text ends in whole words; code that has no word behind it below 2^32 counts for nothing. */
static void
widen(struct elf *e, uint64_t address, uint64_t size)
{
    if (size != 0 && address < SPACE - 4 && size <= SPACE - 4 - address) {
        uint32_t lo = (uint32_t)address & ~3u;
        uint32_t hi = (uint32_t)((address + size + 3) / 4 * 4);
        e->text.lo = e->text.hi == 0 || lo < e->text.lo ? lo : e->text.lo;
        e->text.hi = hi > e->text.hi ? hi : e->text.hi;
    }
}

/* Sections tell code from data that shares a segment with it; without them what the file holds of
   an executable segment is code, and what memory adds to it is data. */
static void
find_text(struct elf *e)
{
    const uint8_t *p = e->bytes.ptr;
    for (unsigned i = 0; i < half(p + 60); i++) {
        const uint8_t *section = row(e, vd_load_le64(p + 40), SHDR, i);
        if (section && (vd_load_le64(section + 8) & SHF_CODE) == SHF_CODE) {
            widen(e, vd_load_le64(section + 16), vd_load_le64(section + 32));
        }
    }
    bool by_sections = e->text.hi != 0;
    for (unsigned i = 0; !by_sections && i < half(p + 56); i++) {
        const uint8_t *segment = row(e, vd_load_le64(p + 32), PHDR, i);
        if (segment && vd_load_le32(segment) == PT_LOAD && vd_load_le32(segment + 4) & PF_X) {
            widen(e, vd_load_le64(segment + 16), vd_load_le64(segment + 32));
        }
    }
}

static enum vd_err
load_segments(const struct elf *e, struct vd_machine *m)
{
    const uint8_t *p = e->bytes.ptr;
    for (unsigned i = 0; i < half(p + 56); i++) {
        const uint8_t *segment = row(e, vd_load_le64(p + 32), PHDR, i);
        if (!segment) {
            return fail(e, VD_ERR_INVALID, "a program header lies outside the file");
        }
        if (vd_load_le32(segment) != PT_LOAD) {
            continue;
        }
        uint64_t offset = vd_load_le64(segment + 8);
        uint64_t address = vd_load_le64(segment + 16);
        uint64_t size = vd_load_le64(segment + 32);
        uint64_t in_memory = vd_load_le64(segment + 40);
        if (offset > e->bytes.len || size > e->bytes.len - offset || size > in_memory) {
            return fail(e, VD_ERR_INVALID, "a segment lies outside the file");
        }
        if (address > SPACE || in_memory > SPACE - address ||
            vd_machine_load(m, address, vd_slice(e->bytes.ptr + offset, size)) != VD_OK) {
            return fail(e, VD_ERR_INVALID, "a segment lies outside 32 bits of address");
        }
    }
    return VD_OK;
}

enum vd_err
vd_elf_load(struct vd_machine **out, char *why, size_t why_size, struct vd_slice elf,
            const struct vd_vm_text *text)
{
    struct elf e = {.bytes = elf, .why = why, .why_size = why_size};
    enum vd_err err = check_header(&e);
    if (err != VD_OK) {
        return err;
    }
    if (text) {
        e.text = *text;
    } else {
        find_text(&e);
    }
    struct vd_machine *m = NULL;
    err = vd_machine_new(&m, e.text);
    if (err != VD_OK) {
        return fail(&e, err, "no address space left for a machine");
    }
    err = load_segments(&e, m);
    if (err != VD_OK) {
        vd_machine_free(m);
        return err;
    }
    m->registers.pc = e.entry;
    *out = m;
    return VD_OK;
}
