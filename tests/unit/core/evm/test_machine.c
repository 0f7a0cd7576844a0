/* What a machine does beside executing: cancelling, refusing, tracing, forgetting decoded code. */
#include "unit/core/evm/evm_fixture.h"

static void
test_cancelled_loop_ends_with_a_timeout(void **state)
{
    (void)state;
    static const uint8_t loop[] = {0x5b, 0x5f, 0x56};
    struct fixture fx;
    fixture_init(&fx, 30000000);
    fixture_account(&fx, &fx.message.to, 0, vd_slice(loop, sizeof loop));
    struct vd_evm *evm;
    assert_int_equal(vd_evm_new(&evm, &fx.arena, vd_evm_rules_l1(VD_EVM_PRAGUE), fx.state,
                                &fx.block, &fx.curves, NULL),
                     VD_OK);
    volatile int cancel = 1;
    assert_int_equal(vd_evm_execute(evm, &fx.result, &fx.tx, &fx.message, &cancel), VD_ERR_TIMEOUT);
    /* The machine can go on, with and without a flag. */
    cancel = 0;
    assert_int_equal(vd_evm_execute(evm, &fx.result, &fx.tx, &fx.message, &cancel), VD_OK);
    assert_int_equal(fx.result.status, VD_EVM_OUT_OF_GAS);
    assert_int_equal(vd_evm_execute(evm, &fx.result, &fx.tx, &fx.message, NULL), VD_OK);
    assert_int_equal(fx.result.status, VD_EVM_OUT_OF_GAS);
    fixture_deinit(&fx);
}

/* The receiver stores 1 and calls a precompile that this build lacks: no trace of it may stay. */
static void
test_unsupported_precompile_undoes_everything_and_says_which(void **state)
{
    (void)state;
    static const uint8_t code[] = {0x60, 0x01, 0x5f, 0x55, 0x5f, 0x5f, 0x5f,
                                   0x5f, 0x5f, 0x60, 0x08, 0x5a, 0xf1, 0x00};
    struct fixture fx;
    struct vd_u256 slot = vd_u256(0);
    struct vd_u256 value;
    fixture_init(&fx, 1000000);
    fixture_account(&fx, &fx.message.to, 0, vd_slice(code, sizeof code));
    fx.message.value = vd_u256(5);
    assert_int_equal(fixture_run(&fx, vd_evm_rules_l2(VD_EVM_PRAGUE), NULL), VD_OK);
    assert_int_equal(fx.result.status, VD_EVM_UNSUPPORTED);
    assert_int_equal(fx.result.unsupported.b[19], 8);
    assert_int_equal(fx.result.output.len, 0);
    assert_int_equal(vd_state_peek_slot(fx.state, &value, &fx.message.to, &slot), VD_OK);
    assert_true(vd_u256_is_zero(&value));
    assert_int_equal(vd_state_balance(fx.state, &value, &fx.message.to), VD_OK);
    assert_true(vd_u256_is_zero(&value));
    fixture_deinit(&fx);
}

static void
test_unsupported_receiver_is_named(void **state)
{
    (void)state;
    struct fixture fx;
    fixture_init(&fx, 1000000);
    fx.message.to = fixture_address(0x100);
    assert_int_equal(fixture_run(&fx, vd_evm_rules_l2(VD_EVM_CANCUN), NULL), VD_OK);
    assert_int_equal(fx.result.status, VD_EVM_UNSUPPORTED);
    assert_int_equal(fx.result.unsupported.b[18], 1);
    fixture_deinit(&fx);
}

struct steps {
    size_t count;
    struct vd_evm_step step[16];
};

static void
keep_step(void *ctx, const struct vd_evm_step *step)
{
    struct steps *steps = ctx;
    assert_true(steps->count < 16);
    steps->step[steps->count++] = *step;
}

/* CALL with 100 gas to a contract that does PUSH0, INVALID.  Costs: five PUSH0, PUSH2, PUSH1; CALL
   2600 and the 100 that go along; in the callee 2 and the failure; then STOP. */
static void
test_trace_has_every_step_with_its_whole_cost(void **state)
{
    (void)state;
    static const uint8_t code[] = {0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x61,
                                   0x10, 0x00, 0x60, 0x64, 0xf1, 0x00};
    static const uint8_t callee[] = {0x5f, 0xfe};
    static const struct {
        uint64_t pc;
        uint8_t opcode;
        uint64_t cost;
        unsigned depth;
        size_t stack_len;
    } expected[] = {{0, 0x5f, 2, 1, 0}, {1, 0x5f, 2, 1, 1},     {2, 0x5f, 2, 1, 2},
                    {3, 0x5f, 2, 1, 3}, {4, 0x5f, 2, 1, 4},     {5, 0x61, 3, 1, 5},
                    {8, 0x60, 3, 1, 6}, {10, 0xf1, 2700, 1, 7}, {0, 0x5f, 2, 2, 0},
                    {1, 0xfe, 0, 2, 1}, {11, 0x00, 0, 1, 1}};
    struct steps steps = {0};
    struct vd_evm_tracer tracer = {.ctx = &steps, .step = keep_step};
    struct fixture fx;
    struct vd_address to = fixture_address(0x1000);
    fixture_init(&fx, 100000);
    fixture_account(&fx, &fx.message.to, 0, vd_slice(code, sizeof code));
    fixture_account(&fx, &to, 0, vd_slice(callee, sizeof callee));
    assert_int_equal(fixture_run(&fx, vd_evm_rules_l1(VD_EVM_PRAGUE), &tracer), VD_OK);
    assert_int_equal(steps.count, sizeof expected / sizeof expected[0]);
    uint64_t gas = 100000;
    for (size_t i = 0; i < steps.count; i++) {
        assert_int_equal(steps.step[i].pc, expected[i].pc);
        assert_int_equal(steps.step[i].opcode, expected[i].opcode);
        assert_int_equal(steps.step[i].gas_cost, expected[i].cost);
        assert_int_equal(steps.step[i].depth, expected[i].depth);
        assert_int_equal(steps.step[i].stack_len, expected[i].stack_len);
        if (expected[i].depth == 1) {
            assert_int_equal(steps.step[i].gas, gas);
            gas -= expected[i].cost;
        }
    }
    assert_non_null(steps.step[9].error);
    fixture_deinit(&fx);
}

/* Contracts that differ in their last bytes and return their number, called twice in turn: more
   decoded code than the machine keeps at once. */
#define CONTRACTS 400
#define CONTRACT_SIZE 20000

static void
test_forgotten_code_is_decoded_again(void **state)
{
    (void)state;
    static uint8_t code[CONTRACT_SIZE];
    /* JUMP to a JUMPDEST, so that a jump table is made; CALLDATALOAD picks nothing; the answer is
       the word at the code's end: CODECOPY. */
    static const uint8_t start[] = {0x60,
                                    0x04,
                                    0x56,
                                    0xfe,
                                    0x5b,
                                    0x60,
                                    0x20,
                                    0x61,
                                    (CONTRACT_SIZE - 32) >> 8,
                                    (CONTRACT_SIZE - 32) & 0xff,
                                    0x5f,
                                    0x39,
                                    0x60,
                                    0x20,
                                    0x5f,
                                    0xf3};
    memcpy(code, start, sizeof start);
    struct fixture fx;
    struct vd_evm *evm;
    fixture_init(&fx, 1000000);
    for (uint64_t i = 0; i < CONTRACTS; i++) {
        struct vd_address to = fixture_address(0x10000 + i);
        vd_store_be64(code + CONTRACT_SIZE - 8, i);
        fixture_account(&fx, &to, 0, vd_slice(code, sizeof code));
    }
    assert_int_equal(vd_evm_new(&evm, &fx.arena, vd_evm_rules_l1(VD_EVM_PRAGUE), fx.state,
                                &fx.block, &fx.curves, NULL),
                     VD_OK);
    for (uint64_t i = 0; i < 2 * CONTRACTS; i++) {
        fx.message.to = fixture_address(0x10000 + i % CONTRACTS);
        assert_int_equal(vd_evm_execute(evm, &fx.result, &fx.tx, &fx.message, NULL), VD_OK);
        assert_int_equal(fx.result.status, VD_EVM_SUCCESS);
        assert_int_equal(vd_load_be64(fx.result.output.ptr + 24), i % CONTRACTS);
    }
    fixture_deinit(&fx);
}

static void
test_arena_that_is_too_small_is_refused(void **state)
{
    (void)state;
    struct fixture fx;
    struct vd_evm *evm;
    struct vd_arena small;
    static uint8_t memory[1 << 16];
    fixture_init(&fx, 1000);
    vd_arena_init(&small, memory, sizeof memory);
    assert_int_equal(vd_evm_new(&evm, &small, vd_evm_rules_l1(VD_EVM_PRAGUE), fx.state, &fx.block,
                                &fx.curves, NULL),
                     VD_ERR_NO_MEMORY);
    fixture_deinit(&fx);
}

/* The room that is named is the room that is taken, for the gas limits that chains have. */
static void
test_room_suffices(void **state)
{
    (void)state;
    static const uint64_t limits[] = {0, 30000000, 60000000, 400000000, 1900000000};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct fixture fx;
        struct vd_evm *evm;
        struct vd_arena exact;
        fixture_init(&fx, 1000);
        fx.block.gas_limit = limits[i];
        size_t room = vd_evm_room(limits[i]);
        vd_arena_init(&exact, vd_arena_alloc(&fx.arena, room, 64), room);
        assert_int_equal(vd_evm_new(&evm, &exact, vd_evm_rules_l1(VD_EVM_PRAGUE), fx.state,
                                    &fx.block, &fx.curves, NULL),
                         VD_OK);
        assert_true(exact.used + 65536 > room); /* a tracer would take the rest */
        fixture_deinit(&fx);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancelled_loop_ends_with_a_timeout),
        cmocka_unit_test(test_unsupported_precompile_undoes_everything_and_says_which),
        cmocka_unit_test(test_unsupported_receiver_is_named),
        cmocka_unit_test(test_trace_has_every_step_with_its_whole_cost),
        cmocka_unit_test(test_forgotten_code_is_decoded_again),
        cmocka_unit_test(test_arena_that_is_too_small_is_refused),
        cmocka_unit_test(test_room_suffices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
