/* Random programs in the machine and in qemu-riscv64, which prints pc and registers before every
   instruction: both must go the same way.  The programs are complete executables without traps:
   all instructions on random registers, loads and stores in a page of data, branches and jumps
   forward, and the exit call at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/node/fault/machine.h"

#define TEXT_AT 0x40000u
#define DATA_AT 0x80000u
#define DATA_BYTES 4096u
#define WORDS 1500u
#define PROGRAMS 40u
#define HEADERS 4096u
#define BASE 31u /* the register that holds DATA_AT + 2048 and is never written again */

struct row {
    uint32_t mask;
    uint32_t match;
};
static const struct row rows[] = {
#define VD_INSN(name, mask, match, form) {mask, match},
#include "viaduct/node/fault/riscv.def"
#undef VD_INSN
};
#define ROWS (sizeof rows / sizeof rows[0])

struct program {
    struct vd_random *r;
    uint32_t words[WORDS];
    uint32_t count;
    uint8_t data[DATA_BYTES];
};

/* --- making a program --- */

static void
emit(struct program *p, uint32_t word)
{
    assert_true(p->count < WORDS);
    p->words[p->count++] = word;
}

static uint32_t
below(struct program *p, uint32_t n)
{
    return (uint32_t)vd_random_below(p->r, n);
}

static uint32_t
i_form(uint32_t opcode, uint32_t funct3, uint32_t rd, uint32_t rs1, uint32_t imm)
{
    return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | imm << 20;
}

/* Every register but BASE from the table in data. */
static void
emit_start(struct program *p)
{
    emit(p, 0x37 | BASE << 7 | DATA_AT); /* lui */
    for (uint32_t rd = 1; rd < BASE; rd++) {
        emit(p, i_form(0x03, 3, rd, BASE, 8 * rd)); /* ld */
    }
    emit(p, i_form(0x13, 0, BASE, BASE, 2047)); /* addi, twice: the middle of the page */
    emit(p, i_form(0x13, 0, BASE, BASE, 1));
}

/* Forward over up to seven words, all of which lie before the end. */
static void
emit_branch(struct program *p)
{
    static const uint32_t funct3[] = {0, 1, 4, 5, 6, 7};
    uint32_t distance = 4 * (1 + below(p, 8));
    emit(p, 0x63 | (distance >> 1 & 15) << 8 | (distance >> 5 & 63) << 25 |
                funct3[below(p, 6)] << 12 | below(p, 32) << 15 | below(p, 32) << 20);
}

static void
emit_jump(struct program *p)
{
    uint32_t rd = below(p, BASE);
    uint32_t distance = 4 * (1 + below(p, 8));
    if (below(p, 2) == 0) {
        emit(p, 0x6f | rd << 7 | (distance >> 1 & 0x3ff) << 21);
        return;
    }
    /* auipc and jalr, on one register that is not x0; bit 0 of the target does not count.  No jump
       from before may land between the two. */
    for (unsigned i = 0; i < 8; i++) {
        emit(p, 0x13);
    }
    uint32_t link = 1 + below(p, BASE - 1);
    emit(p, 0x17 | link << 7);
    emit(p, i_form(0x67, 0, below(p, 2) ? link : rd, link, 4 + distance + below(p, 2)));
}

static void
emit_access(struct program *p, uint32_t opcode)
{
    uint32_t size = below(p, 4);
    uint32_t offset = (below(p, DATA_BYTES) & ~((1u << size) - 1)) - DATA_BYTES / 2;
    if (opcode == 0x03) {
        uint32_t sign = size < 3 ? 4 * below(p, 2) : 0;
        emit(p, i_form(0x03, size | sign, below(p, BASE), BASE, offset & 0xfff));
    } else {
        emit(p, 0x23 | (offset & 31) << 7 | size << 12 | BASE << 15 | below(p, 32) << 20 |
                    (offset >> 5 & 127) << 25);
    }
}

static void
emit_random(struct program *p)
{
    const struct row *row = &rows[below(p, ROWS)];
    uint32_t opcode = row->match & 0x7f;
    if (opcode == 0x63) {
        emit_branch(p);
    } else if (opcode == 0x6f || opcode == 0x67) {
        emit_jump(p);
    } else if (opcode == 0x03 || opcode == 0x23) {
        emit_access(p, opcode);
    } else if (opcode != 0x73 && opcode != 0x0f) {
        uint32_t word = ((uint32_t)vd_random_u64(p->r) & ~row->mask) | row->match;
        word = (word >> 7 & 31) == BASE ? word ^ 1u << 7 : word;
        emit(p, word);
    } else if (opcode == 0x0f) {
        emit(p, 0x0ff0000f);
    }
}

static void
make_program(struct program *p, struct vd_random *r)
{
    static const uint64_t edges[] = {0,         1,          2,          31,
                                     63,        0x7fffffff, 0x80000000, 0xffffffff,
                                     INT64_MAX, 1ull << 63, UINT64_MAX, 0xffffffff80000000};
    *p = (struct program){.r = r};
    vd_random_bytes(r, p->data, sizeof p->data);
    for (unsigned i = 0; i < DATA_BYTES / 8; i++) {
        if (below(p, 3) == 0) {
            vd_store_le64(p->data + 8 * (size_t)i, edges[below(p, 12)]);
        }
    }
    emit_start(p);
    while (p->count < WORDS - 32) {
        emit_random(p);
    }
    for (unsigned i = 0; i < 9; i++) {
        emit(p, 0x13); /* what the last jumps may pass */
    }
    emit(p, i_form(0x13, 0, 10, 0, below(p, 2))); /* addi a0, x0, 0 or 1 */
    emit(p, i_form(0x13, 0, 17, 0, VD_VM_CALL_EXIT));
    emit(p, 0x73);
}

/* --- the executable --- */

static void
put_segment(uint8_t *header, uint32_t flags, uint64_t offset, uint64_t address, uint64_t size)
{
    vd_store_le32(header, 1);
    vd_store_le32(header + 4, flags);
    vd_store_le64(header + 8, offset);
    vd_store_le64(header + 16, address);
    vd_store_le64(header + 24, address);
    vd_store_le64(header + 32, size);
    vd_store_le64(header + 40, size);
    vd_store_le64(header + 48, 4096);
}

static void
put_header(uint8_t *elf)
{
    static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    memcpy(elf, ident, sizeof ident);
    vd_store_le32(elf + 16, 2 | 243u << 16); /* an executable, RISC-V */
    vd_store_le32(elf + 20, 1);
    vd_store_le64(elf + 24, TEXT_AT);
    vd_store_le64(elf + 32, 64);
    vd_store_le32(elf + 52, 64 | 56u << 16);
    vd_store_le32(elf + 56, 2);
}

#define ELF_BYTES (HEADERS + 2 * HEADERS + DATA_BYTES)

static void
make_elf(uint8_t elf[ELF_BYTES], const struct program *p)
{
    memset(elf, 0, ELF_BYTES);
    put_header(elf);
    put_segment(elf + 64, 5, HEADERS, TEXT_AT, sizeof p->words);
    put_segment(elf + 64 + 56, 6, 3 * HEADERS, DATA_AT, DATA_BYTES);
    for (uint32_t i = 0; i < p->count; i++) {
        vd_store_le32(elf + HEADERS + 4 * (size_t)i, p->words[i]);
    }
    memcpy(elf + 3 * HEADERS, p->data, DATA_BYTES);
}

/* --- both runs, side by side --- */

/* The next state that qemu printed: pc and x0 to x31.  False: there is none. */
static bool
next_state(uint64_t *pc, uint64_t x[32], FILE *log)
{
    char line[256];
    unsigned have = 0;
    bool has_pc = false;
    while (have < 32 && fgets(line, sizeof line, log)) {
        unsigned long long value = 0;
        if (sscanf(line, " pc %llx", &value) == 1) {
            *pc = value;
            has_pc = true;
        } else if (line[1] == 'x') {
            char *rest = NULL;
            for (char *t = strtok_r(line, " \n", &rest); t && have < 32;
                 t = strtok_r(NULL, " \n", &rest)) {
                t = strtok_r(NULL, " \n", &rest);
                assert_non_null(t);
                x[have++] = strtoull(t, NULL, 16);
            }
        }
    }
    return has_pc && have == 32;
}

/* Registers are known from the end of the start on. */
static uint64_t
compare(struct vd_machine *m, FILE *log)
{
    const struct vd_vm_registers *r = vd_machine_registers(m);
    uint64_t pc = 0;
    uint64_t x[32];
    uint64_t steps = 0;
    while (next_state(&pc, x, log)) {
        assert_false(r->exited);
        assert_int_equal(r->pc, pc);
        for (unsigned i = 0; i < 32 && pc >= TEXT_AT + 4 * BASE; i++) {
            if (r->x[i] != x[i]) {
                printf("before pc %llx: x%u is %llx, qemu has %llx\n", (unsigned long long)pc, i,
                       (unsigned long long)r->x[i], (unsigned long long)x[i]);
            }
            assert_int_equal(r->x[i], x[i]);
        }
        steps++;
        assert_int_equal(vd_machine_run(m, steps, NULL), VD_OK);
    }
    return steps;
}

static uint64_t
run_both(const char *folder, const struct program *p)
{
    static uint8_t elf[ELF_BYTES];
    char path[200];
    char command[600];
    char why[200];
    struct vd_machine *m = NULL;
    make_elf(elf, p);
    snprintf(path, sizeof path, "%s/program", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(elf, 1, sizeof elf, file), sizeof elf);
    fclose(file);
    snprintf(command, sizeof command,
             "chmod 700 %s && qemu-riscv64 -singlestep -d cpu,nochain -D %s/log %s", path, folder,
             path);
    int status = system(command);
    assert_int_equal(vd_elf_load(&m, why, sizeof why, vd_slice(elf, sizeof elf), NULL), VD_OK);
    snprintf(path, sizeof path, "%s/log", folder);
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    uint64_t steps = compare(m, log);
    fclose(log);
    assert_true(vd_machine_registers(m)->exited);
    assert_int_equal(status, vd_machine_registers(m)->exit_code << 8);
    vd_machine_free(m);
    return steps;
}

static void
test_random_programs_go_the_way_of_qemu(void **state)
{
    (void)state;
    char folder[] = P_tmpdir "/vd-qemu-XXXXXX";
    char command[100];
    static struct program program;
    struct vd_random r = vd_random_start("programs");
    if (system("qemu-riscv64 --version >/dev/null 2>&1") != 0) {
        printf("SKIPPED: qemu-riscv64 is not installed (package qemu-user)\n");
        return;
    }
    assert_non_null(mkdtemp(folder));
    uint64_t steps = 0;
    for (unsigned i = 0; i < PROGRAMS; i++) {
        make_program(&program, &r);
        steps += run_both(folder, &program);
    }
    printf("%llu steps of %u programs\n", (unsigned long long)steps, PROGRAMS);
    assert_true(steps > (uint64_t)PROGRAMS * WORDS / 8);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_programs_go_the_way_of_qemu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
