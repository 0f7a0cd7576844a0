/* Random code run twice: as fused records in blocks, and instruction by instruction as for a trace.
   The second way checks and charges each instruction by itself, so it is the model for the first.
 */
#include "support/random.h"
#include "unit/core/evm/evm_fixture.h"

#define PROGRAMS 20000
#define CODE_ROOM 600

/* Instructions without memory, weighted towards what is fused. */
static const uint8_t COMMON[] = {
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13,
    0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x30, 0x33, 0x34, 0x35, 0x36,
    0x3d, 0x50, 0x50, 0x54, 0x55, 0x58, 0x59, 0x5a, 0x5b, 0x80, 0x80, 0x81, 0x81, 0x82, 0x83,
    0x90, 0x90, 0x91, 0x92, 0x01, 0x03, 0x16, 0x1b, 0x1c, 0x10, 0x11, 0x14, 0x15, 0x5c, 0x5d,
};
/* Instructions with memory and how many words of theirs must be small: a random one would take all
   gas. */
static const struct {
    uint8_t opcode;
    uint8_t small;
} WITH_MEMORY[] = {{0x51, 1}, {0x52, 1}, {0x53, 1}, {0x20, 2}, {0x37, 3},
                   {0x39, 3}, {0x5e, 3}, {0xa1, 2}, {0x52, 1}, {0x51, 1}};

static size_t
push(struct vd_random *r, uint8_t *out, uint64_t limit)
{
    switch (vd_random_below(r, 8)) {
    case 0:
        out[0] = 0x5f;
        return 1;
    case 1:
        out[0] = 0x7f;
        for (int i = 1; i <= 32; i++) {
            out[i] = (uint8_t)vd_random_u64(r);
        }
        return 33;
    case 2:
        out[0] = 0x69; /* PUSH10: more than a limb */
        for (int i = 1; i <= 10; i++) {
            out[i] = vd_random_below(r, 2) ? 0xff : 0;
        }
        return 11;
    case 3:
        out[0] = 0x61;
        vd_store_be16(out + 1, (uint16_t)vd_random_below(r, limit));
        return 3;
    default:
        out[0] = 0x60;
        out[1] = (uint8_t)vd_random_below(r, vd_random_below(r, 2) ? 256 : 8);
        return 2;
    }
}

/* The start of a jump, mostly on a condition; the target's place in the code is returned. */
static size_t
jump(struct vd_random *r, uint8_t *code, size_t *len)
{
    static const uint8_t conditions[] = {0x15, 0x10, 0x11, 0x12, 0x13, 0x14, 0x03, 0x36};
    bool conditional = vd_random_below(r, 6) != 0;
    if (conditional && vd_random_below(r, 2)) {
        code[(*len)++] = conditions[vd_random_below(r, sizeof conditions)];
    }
    code[(*len)++] = 0x61;
    size_t place = *len;
    *len += 2;
    code[(*len)++] = conditional ? 0x57 : 0x56;
    return place;
}

static size_t
memory(struct vd_random *r, uint8_t *out)
{
    size_t len = 0;
    size_t which = vd_random_below(r, sizeof WITH_MEMORY / sizeof WITH_MEMORY[0]);
    for (unsigned i = 0; i < WITH_MEMORY[which].small; i++) {
        out[len++] = 0x60;
        out[len++] = (uint8_t)vd_random_u64(r);
    }
    if (WITH_MEMORY[which].opcode == 0x52 && vd_random_below(r, 2)) {
        out[len++] = 0x60;
        out[len++] = (uint8_t)vd_random_u64(r);
        out[len++] = 0x81; /* PUSH, DUP2, MSTORE */
    }
    out[len++] = WITH_MEMORY[which].opcode;
    return len;
}

static void
land(uint8_t *code, size_t *len, size_t place)
{
    vd_store_be16(code + place, (uint16_t)*len);
    code[(*len)++] = 0x5b;
}

static size_t
program(struct vd_random *r, uint8_t *code)
{
    size_t places[2];
    size_t open = 0;
    size_t len = 0;
    if (vd_random_below(r, 4) == 0) {
        /* Near the stack's limit. */
        len = VD_EVM_MAX_STACK - 60 + vd_random_below(r, 40);
        memset(code, 0x5f, len);
    }
    size_t size = len + 40 + vd_random_below(r, CODE_ROOM - 160);
    for (unsigned i = 0; i < 20; i++) {
        len += push(r, code + len, CODE_ROOM);
    }
    while (len < size) {
        uint64_t choice = vd_random_below(r, 12);
        if (choice < 5) {
            len += push(r, code + len, CODE_ROOM);
        } else if (choice == 5 && open < 2) {
            places[open++] = jump(r, code, &len);
        } else if (choice == 6 && open > 0) {
            land(code, &len, places[--open]);
        } else if (choice == 7) {
            len += memory(r, code + len);
        } else {
            code[len++] = COMMON[vd_random_below(r, sizeof COMMON)];
        }
    }
    while (open > 0) {
        land(code, &len, places[--open]);
    }
    /* What is left on the stack and in memory is the result. */
    static const uint8_t tail[] = {0x5f, 0x52, 0x60, 0x20, 0x52, 0x60, 0x40, 0x5f, 0xf3};
    memcpy(code + len, tail, sizeof tail);
    return len + sizeof tail;
}

struct outcome {
    bool ok;
    uint64_t gas_left;
    size_t logs;
    int64_t refund;
    struct vd_hash output;
};

static void
no_step(void *ctx, const struct vd_evm_step *step)
{
    (void)ctx, (void)step;
}

static struct outcome
run(struct fixture *fx, struct vd_slice code, const struct vd_evm_tracer *tracer, uint64_t gas)
{
    static const uint8_t input[40] = {1, 2, 3, [31] = 4, [39] = 5};
    size_t mark = vd_arena_mark(&fx->arena);
    static const struct vd_hash seed;
    assert_int_equal(vd_state_new(&fx->state, &fx->arena, &fx->source, &VD_EMPTY_ROOT, &seed),
                     VD_OK);
    vd_state_tx_begin(fx->state);
    fixture_account(fx, &fx->message.to, 1, code);
    fx->message.input = vd_slice(input, sizeof input);
    fx->message.gas = gas;
    assert_int_equal(fixture_run(fx, vd_evm_rules_l1(VD_EVM_PRAGUE), tracer), VD_OK);
    struct outcome o = {.ok = fx->result.status == VD_EVM_SUCCESS,
                        .gas_left = fx->result.gas_left,
                        .refund = vd_state_refund(fx->state),
                        .output = vd_keccak256(fx->result.output)};
    (void)vd_state_logs(fx->state, &o.logs);
    vd_arena_rewind(&fx->arena, mark);
    return o;
}

static void
test_blocks_agree_with_single_instructions(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("evm");
    struct vd_evm_tracer tracer = {.step = no_step};
    struct fixture fx;
    unsigned succeeded = 0;
    fixture_init(&fx, 0);
    for (unsigned i = 0; i < PROGRAMS; i++) {
        uint8_t code[VD_EVM_MAX_STACK + CODE_ROOM + 700];
        size_t len = program(&r, code);
        uint64_t gas = 300 + (i % 2) * 3000 + vd_random_below(&r, (uint64_t)1 << (8 + i % 11));
        struct outcome a = run(&fx, vd_slice(code, len), NULL, gas);
        struct outcome b = run(&fx, vd_slice(code, len), &tracer, gas);
        succeeded += a.ok;
        if (a.ok != b.ok || a.gas_left != b.gas_left || a.logs != b.logs || a.refund != b.refund ||
            !vd_hash_eq(&a.output, &b.output)) {
            for (size_t k = 0; k < len; k++) {
                printf("%02x", code[k]);
            }
            fail_msg("program %u: blocks %d %llu, single %d %llu", i, a.ok,
                     (unsigned long long)a.gas_left, b.ok, (unsigned long long)b.gas_left);
        }
    }
    fixture_deinit(&fx);
    printf("%u of %u programs ran to their end\n", succeeded, PROGRAMS);
    assert_true(succeeded > PROGRAMS / 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_agree_with_single_instructions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
