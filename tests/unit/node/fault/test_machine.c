/* The fast machine against the plain step: after every instruction both must have the same state,
   and the plain one must have got there from the witness alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/node/fault/trace.h"

#define DATA 0x20000u
#define TEXT ((struct vd_vm_text){0x10000, 0x20000})

static struct vd_random rng;

static uint64_t
next_random(void)
{
    return vd_random_u64(&rng);
}

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

/* Preimages of 0 to 63 bytes by the low byte of the key. */
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

/* Values that instructions treat apart, and addresses of data. */
static uint64_t
random_value(void)
{
    static const uint64_t edges[] = {0,          1,          UINT64_MAX, INT64_MAX,
                                     1ull << 63, 0x7fffffff, 0x80000000, 0xffffffff};
    uint64_t r = next_random();
    switch (r % 5) {
    case 0:
        return edges[r / 5 % 8];
    case 1:
        return DATA + (r >> 32) % 4096;
    case 2:
        return DATA + (r >> 32) % 4096 / 8 * 8;
    case 3:
        return DATA + (r >> 32) % 4096 / 256 * 256;
    default:
        return next_random();
    }
}

static uint32_t
random_instruction(void)
{
    uint64_t r = next_random();
    if (r % 50 == 0) {
        return (uint32_t)(r >> 32);
    }
    const struct row *row = &rows[(r >> 8) % ROWS];
    uint32_t word = ((uint32_t)(r >> 32) & ~row->mask) | row->match;
    if ((word & 0x7f) == 0x63 || (word & 0x7f) == 0x6f) {
        /* Near targets, most of them aligned. */
        word &= ~(uint32_t)(r % 7 == 0 ? 0x7e000000u : 0x7e000100u);
    }
    return word;
}

static void
make(struct vd_machine **out, struct vd_vm_registers *r)
{
    uint8_t bytes[4096];
    assert_int_equal(vd_machine_new(out, TEXT), VD_OK);
    for (size_t i = 0; i < sizeof bytes; i += 4) {
        vd_store_le32(bytes + i, random_instruction());
    }
    assert_int_equal(vd_machine_load(*out, TEXT.lo, vd_slice(bytes, sizeof bytes)), VD_OK);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)next_random();
    }
    for (size_t i = 0; i < sizeof bytes; i += 32) {
        bytes[i] = (uint8_t)(next_random() % 8);
    }
    assert_int_equal(vd_machine_load(*out, DATA, vd_slice(bytes, sizeof bytes)), VD_OK);
    *r = (struct vd_vm_registers){.pc = TEXT.lo + next_random() % 1024 * 4};
    for (unsigned i = 1; i < 32; i++) {
        r->x[i] = random_value();
    }
    static const uint64_t calls[] = {VD_VM_CALL_PREIMAGE, VD_VM_CALL_KECCAK, VD_VM_CALL_WRITE,
                                     VD_VM_CALL_HINT, VD_VM_CALL_EXIT};
    if (next_random() % 4 != 0) {
        r->x[17] = calls[next_random() % 5];
        r->x[11] = next_random() % 2 ? 0 : 8 + next_random() % 4 * 32;
    }
}

static void
assert_step(struct vd_machine *m)
{
    struct vd_vm_witness w;
    uint8_t plain[VD_VM_STATE_BYTES];
    uint8_t fast[VD_VM_STATE_BYTES];
    vd_machine_witness(m, &w);
    assert_int_equal(vd_vm_step(plain, w.state, vd_slice(w.proof, w.proof_len), TEXT, &host),
                     VD_OK);
    uint64_t step = vd_machine_registers(m)->step;
    bool exited = vd_machine_registers(m)->exited;
    assert_int_equal(vd_machine_run(m, step + 1, &host), VD_OK);
    vd_machine_state(m, fast);
    assert_memory_equal(plain, fast, sizeof fast);
    assert_int_equal(vd_machine_registers(m)->step, step + (exited ? 0 : 1));
    /* One flipped bit anywhere is refused, or cannot lead to the same claim: the state's hash
       changes, or the proof no longer leads to the root. */
    if (w.proof_len > 0) {
        w.proof[next_random() % w.proof_len] ^= (uint8_t)(1u << next_random() % 8);
        assert_int_equal(vd_vm_step(plain, w.state, vd_slice(w.proof, w.proof_len), TEXT, &host),
                         VD_ERR_MISMATCH);
    }
}

static void
test_random_programs_agree_step_by_step(void **state)
{
    (void)state;
    rng = vd_random_start("machine");
    for (unsigned i = 0; i < 150; i++) {
        struct vd_machine *m = NULL;
        struct vd_vm_registers r;
        make(&m, &r);
        vd_machine_set_registers(m, &r);
        for (unsigned n = 0; n < 40 && !vd_machine_registers(m)->exited; n++) {
            assert_step(m);
        }
        assert_step(m);
        vd_machine_free(m);
    }
}

/* However a run is cut into pieces, it ends in the same state. */
static void
test_any_step_count_is_reached(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        uint64_t seed = rng.state;
        uint8_t whole[VD_VM_STATE_BYTES];
        uint8_t cut[VD_VM_STATE_BYTES];
        struct vd_machine *m = NULL;
        struct vd_vm_registers r;
        make(&m, &r);
        vd_machine_set_registers(m, &r);
        assert_int_equal(vd_machine_run(m, 500, &host), VD_OK);
        vd_machine_state(m, whole);
        vd_machine_free(m);
        rng.state = seed;
        make(&m, &r);
        vd_machine_set_registers(m, &r);
        for (uint64_t at = 0; at < 500; at += 1 + next_random() % 20) {
            assert_int_equal(vd_machine_run(m, at, &host), VD_OK);
            assert_true(vd_machine_registers(m)->exited || vd_machine_registers(m)->step == at);
        }
        assert_int_equal(vd_machine_run(m, 500, &host), VD_OK);
        vd_machine_state(m, cut);
        assert_memory_equal(whole, cut, sizeof cut);
        vd_machine_free(m);
    }
}

/* A loop that writes all over data for a while, then exits with 1. */
static void
make_loop(struct vd_machine **out)
{
    static const uint32_t program[] = {
        0x000002b7,             /* lui t0, 0 */
        0x00030337,             /* lui t1, 0x30: an address */
        0x0020039b,             /* addiw t2, x0, 2 */
        0x00f39393,             /* slli t2, t2, 15: rounds */
        0x00533023,             /* loop: sd t0, 0(t1) */
        0x00128293,             /* addi t0, t0, 1 */
        0x7f830313,             /* addi t1, t1, 2040 */
        0xfe729ae3,             /* bne t0, t2, loop */
        0x00100513, 0x05d00893, /* li a0, 1; li a7, 93 */
        0x00000073,             /* ecall */
    };
    assert_int_equal(vd_machine_new(out, TEXT), VD_OK);
    assert_int_equal(
        vd_machine_load(*out, TEXT.lo, vd_slice((const uint8_t *)program, sizeof program)), VD_OK);
    struct vd_vm_registers r = {.pc = TEXT.lo};
    vd_machine_set_registers(*out, &r);
}

static void
assert_trace_at(const struct vd_trace *trace, struct vd_machine *direct, uint64_t step)
{
    uint8_t expected[VD_VM_STATE_BYTES];
    uint8_t got[VD_VM_STATE_BYTES];
    struct vd_machine *m = NULL;
    assert_int_equal(vd_machine_run(direct, step, &host), VD_OK);
    vd_machine_state(direct, expected);
    assert_int_equal(vd_trace_machine(&m, trace, step, &host), VD_OK);
    vd_machine_state(m, got);
    assert_memory_equal(expected, got, sizeof got);
    vd_machine_free(m);
}

static void
test_trace_reaches_every_state_of_its_run(void **state)
{
    (void)state;
    struct vd_machine *prestate = NULL;
    struct vd_machine *direct = NULL;
    struct vd_trace *trace = NULL;
    make_loop(&prestate);
    make_loop(&direct);
    struct vd_trace_config config = {
        .prestate = prestate, .host = &host, .interval = 1000, .max_snapshots = 5};
    assert_int_equal(vd_trace_new(&trace, &config), VD_OK);
    assert_true(vd_trace_end(trace)->exited);
    assert_int_equal(vd_trace_end(trace)->exit_code, 1);
    assert_int_equal(vd_trace_end(trace)->step, 4 + 4 * 65536 + 3);
    for (uint64_t step = 0; step < 300000; step += 1 + next_random() % 40000) {
        assert_trace_at(trace, direct, step);
    }
    vd_machine_free(direct);
    vd_trace_free(trace);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_programs_agree_step_by_step),
        cmocka_unit_test(test_any_step_count_is_reached),
        cmocka_unit_test(test_trace_reaches_every_state_of_its_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
