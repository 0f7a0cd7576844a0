/* One step of the fault-proof machine on L1: contract RISCV runs on this build's EVM, and must give
   the state hash that the plain step gives, or revert where that refuses. */
#include "conformance/vm_contract.h"

#define DATA VD_VM_TEXT_HI
#define EDGES(array) (sizeof(array) / sizeof((array)[0]))

/* One of 0 to 63 bytes by the last byte of the key. */
static enum vd_err
preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    static uint8_t bytes[64];
    (void)ctx;
    memset(bytes, key[1], sizeof bytes);
    *value = vd_slice(bytes, key[31] % 64);
    return VD_OK;
}

static const struct vd_vm_host host = {.preimage = preimage};

static void
begin(struct world *w)
{
    world_init(w, &host);
    assert_int_equal(vd_machine_new(&w->machine, VD_VM_GUEST_TEXT), VD_OK);
}

/* --- random programs --- */

struct row {
    uint32_t mask;
    uint32_t match;
};
static const struct row rows[] = {
#define VD_INSN(name, mask, match, form) {mask, match},
#include "viaduct/node/fault/riscv.def"
#undef VD_INSN
};

/* Values that instructions treat apart. */
static const uint64_t edges[] = {0,
                                 1,
                                 2,
                                 31,
                                 63,
                                 64,
                                 UINT64_MAX,
                                 INT64_MAX,
                                 1ull << 63,
                                 0x7fffffff,
                                 0x80000000,
                                 0xffffffff,
                                 0x100000000,
                                 DATA,
                                 DATA - 8,
                                 DATA + 12,
                                 0xfffffffffffffffe};

static uint64_t
random_value(struct vd_random *r)
{
    uint64_t pick = vd_random_u64(r);
    switch (pick % 5) {
    case 0:
        return edges[pick / 5 % EDGES(edges)];
    case 1:
        return DATA + (pick >> 32) % 4096;
    case 2:
        return DATA + (pick >> 32) % 4096 / 8 * 8;
    case 3:
        return DATA + (pick >> 32) % 4096 / 256 * 256;
    default:
        return vd_random_u64(r);
    }
}

static uint32_t
random_instruction(struct vd_random *r)
{
    uint64_t pick = vd_random_u64(r);
    if (pick % 50 == 0) {
        return (uint32_t)(pick >> 32);
    }
    const struct row *row = &rows[(pick >> 8) % EDGES(rows)];
    uint32_t word = ((uint32_t)(pick >> 32) & ~row->mask) | row->match;
    if ((word & 0x7f) == 0x63 || (word & 0x7f) == 0x6f) {
        /* Near targets, most of them aligned. */
        word &= ~(uint32_t)(pick % 7 == 0 ? 0x7e000000u : 0x7e000100u);
    }
    return word;
}

static void
load(struct world *w, uint64_t address, const void *bytes, size_t len)
{
    assert_int_equal(vd_machine_load(w->machine, address, vd_slice(bytes, len)), VD_OK);
}

static void
random_program(struct world *w)
{
    static const uint64_t calls[] = {VD_VM_CALL_PREIMAGE, VD_VM_CALL_KECCAK, VD_VM_CALL_WRITE,
                                     VD_VM_CALL_HINT, VD_VM_CALL_EXIT};
    struct vd_random *r = &w->random;
    uint8_t bytes[4096];
    for (size_t i = 0; i < sizeof bytes; i += 4) {
        vd_store_le32(bytes + i, random_instruction(r));
    }
    load(w, VD_VM_TEXT_LO, bytes, sizeof bytes);
    vd_random_bytes(r, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i += 32) {
        bytes[i] = (uint8_t)vd_random_below(r, 8);
    }
    load(w, DATA, bytes, sizeof bytes);
    struct vd_vm_registers x = {.pc = VD_VM_TEXT_LO + vd_random_below(r, 1024) * 4,
                                .step = vd_random_u64(r) >> 1};
    for (unsigned i = 1; i < 32; i++) {
        x.x[i] = random_value(r);
    }
    if (vd_random_below(r, 4) != 0) {
        x.x[17] = calls[vd_random_below(r, EDGES(calls))];
        x.x[11] = vd_random_below(r, 2) ? 0 : 8 + vd_random_below(r, 4) * 32;
    }
    vd_machine_set_registers(w->machine, &x);
}

static void
test_random_programs_have_the_same_steps(void **state)
{
    (void)state;
    static struct world w;
    begin(&w);
    for (unsigned i = 0; i < 60; i++) {
        random_program(&w);
        for (unsigned n = 0; n < 20 && !vd_machine_registers(w.machine)->exited; n++) {
            step(&w, true);
        }
        step(&w, true);
    }
    world_deinit(&w);
}

/* --- every instruction at its edges --- */

/* One instruction at the start of text, over these operands; rd is x7. */
static void
run_word(struct world *w, uint32_t word, const struct vd_vm_registers *registers, bool spoiled)
{
    uint8_t bytes[4];
    vd_store_le32(bytes, word);
    load(w, VD_VM_TEXT_LO + 64, bytes, sizeof bytes);
    vd_machine_set_registers(w->machine, registers);
    step(w, spoiled);
}

static void
test_every_instruction_at_its_edges_is_the_same(void **state)
{
    (void)state;
    static struct world w;
    uint8_t bytes[4096];
    begin(&w);
    vd_random_bytes(&w.random, bytes, sizeof bytes);
    load(&w, DATA, bytes, sizeof bytes);
    for (size_t i = 0; i < EDGES(rows); i++) {
        for (size_t n = 0; n < EDGES(edges) * EDGES(edges); n++) {
            struct vd_vm_registers x = {.pc = VD_VM_TEXT_LO + 64, .step = n};
            x.x[5] = edges[n % EDGES(edges)];
            x.x[6] = edges[n / EDGES(edges)];
            x.x[17] = x.x[6];
            uint32_t other = (uint32_t)vd_random_u64(&w.random);
            uint32_t fields = (other & 0xfe000000u) | 6u << 20 | 5u << 15 | 7u << 7;
            if (n % 4 == 0) {
                fields = (fields & 0xfffff07fu) | (other & 0x00000f80u); /* any rd, x0 too */
            }
            run_word(&w, (fields & ~rows[i].mask) | rows[i].match, &x, false);
        }
    }
    world_deinit(&w);
}

/* --- system calls and traps --- */

static void
test_every_system_call_and_its_bad_arguments_are_the_same(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {VD_VM_CALL_EXIT,
                                       VD_VM_CALL_WRITE,
                                       VD_VM_CALL_HINT,
                                       VD_VM_CALL_PREIMAGE,
                                       VD_VM_CALL_KECCAK,
                                       0,
                                       2003,
                                       VD_VM_CALL_EXIT + (1ull << 32)};
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      3,
                                      8,
                                      40,
                                      DATA,
                                      DATA + 32,
                                      DATA + 64 + 8,
                                      DATA + 256,
                                      DATA - 32,
                                      0xffffff00,
                                      0xffffffe0,
                                      DATA + (1ull << 32),
                                      UINT64_MAX};
    static struct world w;
    begin(&w);
    for (size_t i = 0; i < EDGES(numbers); i++) {
        bool three = numbers[i] == VD_VM_CALL_PREIMAGE;
        size_t count = EDGES(values) * (three ? EDGES(values) * EDGES(values) : 1);
        for (size_t n = 0; n < count; n++) {
            struct vd_vm_registers x = {.pc = VD_VM_TEXT_LO + 64, .step = n};
            x.x[17] = numbers[i];
            x.x[10] = values[n % EDGES(values)];
            x.x[11] = three ? values[n / EDGES(values) % EDGES(values)] : 7;
            x.x[12] = three ? values[n / EDGES(values) / EDGES(values)] : UINT64_MAX - n;
            uint8_t key[32] = {(uint8_t)(n % 8), [31] = (uint8_t)n};
            load(&w, DATA, key, sizeof key);
            load(&w, DATA + 32, key, sizeof key);
            run_word(&w, 0x00000073, &x, n % 16 == 0);
        }
    }
    world_deinit(&w);
}

static void
test_every_trap_is_the_same(void **state)
{
    (void)state;
    static const uint64_t places[] = {0,
                                      VD_VM_TEXT_LO - 4,
                                      VD_VM_TEXT_LO + 1,
                                      VD_VM_TEXT_LO + 2,
                                      VD_VM_TEXT_HI - 4, /* zeros: an illegal instruction */
                                      VD_VM_TEXT_HI,
                                      VD_VM_TEXT_LO + (1ull << 32),
                                      UINT64_MAX - 3};
    static const uint32_t words[] = {0x00000000,
                                     0xffffffff,
                                     0x00100073 /* EBREAK */,
                                     0x0000100f /* FENCE.I */,
                                     0xc0001073 /* CSRRW */,
                                     0x00007003 /* a load of no size */,
                                     0x00004023 /* a store of no size */,
                                     0x00001067 /* JALR of no kind */,
                                     0x02001013 /* SLLI by 32: good */,
                                     0x0200101b /* SLLIW by 32 */,
                                     0x04001013 /* SLLI, reserved bit */,
                                     0x00002063 /* a branch of no kind */,
                                     0x0000007b,
                                     0x60001013 /* CLZ of Zbb */};
    static struct world w;
    begin(&w);
    for (size_t i = 0; i < EDGES(places); i++) {
        struct vd_vm_registers x = {.pc = places[i], .step = i};
        vd_machine_set_registers(w.machine, &x);
        step(&w, true);
        step(&w, true); /* exited */
    }
    for (size_t i = 0; i < EDGES(words); i++) {
        struct vd_vm_registers x = {.pc = VD_VM_TEXT_LO + 64, .step = UINT64_MAX - 2};
        run_word(&w, words[i], &x, true);
        step(&w, true);
    }
    world_deinit(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_programs_have_the_same_steps),
        cmocka_unit_test(test_every_instruction_at_its_edges_is_the_same),
        cmocka_unit_test(test_every_system_call_and_its_bad_arguments_are_the_same),
        cmocka_unit_test(test_every_trap_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
