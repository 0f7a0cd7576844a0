/* Traces: any state of a run again, on many threads, with few snapshots, with errors on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "support/random.h"
#include "viaduct/node/fault/trace.h"

#define TEXT ((struct vd_vm_text){0x10000, 0x20000})
#define KEY_AT 0x30000u
#define STEPS (5u + 7u * 4096u + 3u)
#define THREADS 4u

/* Walks over memory, reads a preimage each time round and stores its count of bytes there. */
static const uint32_t program[] = {
    0x00030437,             /* lui s0, 0x30: the key */
    0x00031337,             /* lui t1, 0x31: an address */
    0x000013b7,             /* lui t2, 1: rounds */
    0x00031637,             /* lui a2, 0x31: where the preimage goes */
    0x00000593,             /* addi a1, x0, 0 */
    0x00040513,             /* loop: addi a0, s0, 0 */
    0x7d100893,             /* addi a7, x0, 2001 */
    0x00000073,             /* ecall */
    0x00a33423,             /* sd a0, 8(t1) */
    0x7f830313,             /* addi t1, t1, 2040 */
    0xfff38393,             /* addi t2, t2, -1 */
    0xfe0394e3,             /* bne t2, x0, loop */
    0x00100513, 0x05d00893, /* addi a0, x0, 1; addi a7, x0, 93 */
    0x00000073,             /* ecall */
};

static enum vd_err
preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    unsigned *left = ctx;
    (void)key;
    if (left && (*left)-- == 0) {
        return VD_ERR_NOT_FOUND;
    }
    *value = vd_slice((const uint8_t *)"a preimage", 10);
    return VD_OK;
}

static const struct vd_vm_host host = {.preimage = preimage};

static struct vd_machine *
make(void)
{
    static const uint8_t key[32] = {2};
    struct vd_machine *m = NULL;
    struct vd_vm_registers r = {.pc = TEXT.lo};
    assert_int_equal(vd_machine_new(&m, TEXT), VD_OK);
    assert_int_equal(
        vd_machine_load(m, TEXT.lo, vd_slice((const uint8_t *)program, sizeof program)), VD_OK);
    assert_int_equal(vd_machine_load(m, KEY_AT, vd_slice(key, sizeof key)), VD_OK);
    vd_machine_set_registers(m, &r);
    return m;
}

static struct vd_trace *
trace_of(uint64_t interval, size_t snapshots, uint64_t max_steps)
{
    struct vd_trace *trace = NULL;
    struct vd_trace_config config = {.prestate = make(),
                                     .host = &host,
                                     .interval = interval,
                                     .max_snapshots = snapshots,
                                     .max_steps = max_steps};
    assert_int_equal(vd_trace_new(&trace, &config), VD_OK);
    return trace;
}

static void
state_at(uint8_t state[VD_VM_STATE_BYTES], const struct vd_trace *trace, uint64_t step)
{
    struct vd_machine *m = NULL;
    assert_int_equal(vd_trace_machine(&m, trace, step, &host), VD_OK);
    vd_machine_state(m, state);
    vd_machine_free(m);
}

static void
direct_state(uint8_t state[VD_VM_STATE_BYTES], uint64_t step)
{
    struct vd_machine *m = make();
    assert_int_equal(vd_machine_run(m, step, &host), VD_OK);
    vd_machine_state(m, state);
    vd_machine_free(m);
}

static void
test_trace_with_any_snapshots_has_the_same_states(void **state)
{
    struct vd_random r = vd_random_start("traces");
    uint8_t want[VD_VM_STATE_BYTES];
    uint8_t have[VD_VM_STATE_BYTES];
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        uint64_t interval = 1 + vd_random_below(&r, i % 2 ? 500 : 20000);
        struct vd_trace *trace = trace_of(interval, 2 + (size_t)vd_random_below(&r, 9), 0);
        assert_int_equal(vd_trace_end(trace)->step, STEPS);
        for (unsigned n = 0; n < 5; n++) {
            uint64_t step = n == 0 ? 0 : n == 1 ? STEPS - 1 : vd_random_below(&r, STEPS);
            direct_state(want, step);
            state_at(have, trace, step);
            assert_memory_equal(have, want, sizeof want);
        }
        vd_trace_free(trace);
    }
}

static void
test_trace_repeats_its_last_state(void **state)
{
    uint8_t last[VD_VM_STATE_BYTES];
    uint8_t later[VD_VM_STATE_BYTES];
    (void)state;
    struct vd_trace *trace = trace_of(1000, 4, 0);
    state_at(last, trace, STEPS);
    state_at(later, trace, UINT64_MAX);
    assert_memory_equal(last, later, sizeof last);
    assert_int_equal(last[48], 1);
    assert_int_equal(last[49], VD_VM_INVALID);
    assert_true(vd_trace_bytes(trace) > 0);
    vd_trace_free(trace);
}

static void
test_trace_ends_at_its_limit(void **state)
{
    (void)state;
    struct vd_trace *trace = trace_of(100, 4, 7777);
    assert_int_equal(vd_trace_end(trace)->step, 7777);
    assert_false(vd_trace_end(trace)->exited);
    vd_trace_free(trace);
}

/* Wherever the host fails, nothing is left behind. */
static void
test_trace_gives_the_error_of_its_host(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 4096; at += 333) {
        unsigned left = at;
        struct vd_trace *trace = NULL;
        struct vd_vm_host failing = {.ctx = &left, .preimage = preimage};
        struct vd_trace_config config = {
            .prestate = make(), .host = &failing, .interval = 500, .max_snapshots = 3};
        assert_int_equal(vd_trace_new(&trace, &config), VD_ERR_NOT_FOUND);
        assert_null(trace);
    }
    unsigned none = 0;
    struct vd_machine *m = NULL;
    struct vd_vm_host failing = {.ctx = &none, .preimage = preimage};
    struct vd_trace *trace = trace_of(20000, 3, 0);
    assert_int_equal(vd_trace_machine(&m, trace, 10000, &failing), VD_ERR_NOT_FOUND);
    assert_null(m);
    vd_trace_free(trace);
}

/* As host, but from the call number `from` on it has another preimage. */
struct turning {
    unsigned calls;
    unsigned from;
};

static enum vd_err
turning_preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    struct turning *t = ctx;
    (void)key;
    *value = vd_slice((const uint8_t *)"another preimage", t->calls++ < t->from ? 3 : 16);
    return VD_OK;
}

/* The preimage's length is what is stored and hashed, so runs of other hosts differ from the first
   call on. */
static void
test_open_trace_goes_on_with_what_the_host_says(void **state)
{
    static const uint8_t key[32] = {2};
    struct vd_trace *trace = NULL;
    struct vd_trace_config config = {
        .prestate = make(), .host = &host, .interval = 3, .open_key = key};
    (void)state;
    assert_int_equal(vd_trace_new(&trace, &config), VD_OK);
    assert_int_equal(vd_trace_end(trace)->step, 7);
    assert_false(vd_trace_end(trace)->exited);
    for (uint64_t step = 0; step < STEPS + 5; step += step < 20 ? 1 : 4099) {
        for (unsigned from = 0; from < 3; from++) {
            uint8_t want[VD_VM_STATE_BYTES];
            uint8_t have[VD_VM_STATE_BYTES];
            struct turning a = {.from = from};
            struct turning b = {.from = from};
            struct vd_vm_host host_a = {.ctx = &a, .preimage = turning_preimage};
            struct vd_vm_host host_b = {.ctx = &b, .preimage = turning_preimage};
            struct vd_machine *m = make();
            assert_int_equal(vd_machine_run(m, step, &host_a), VD_OK);
            vd_machine_state(m, want);
            vd_machine_free(m);
            assert_int_equal(vd_trace_machine(&m, trace, step, &host_b), VD_OK);
            vd_machine_state(m, have);
            vd_machine_free(m);
            assert_memory_equal(have, want, sizeof want);
        }
    }
    vd_trace_free(trace);
}

/* Nobody asks for the key: the trace is as any other. */
static void
test_open_trace_may_exit(void **state)
{
    static const uint8_t key[32] = {2, 1};
    uint8_t want[VD_VM_STATE_BYTES];
    uint8_t have[VD_VM_STATE_BYTES];
    struct vd_trace *trace = NULL;
    struct vd_trace_config config = {.prestate = make(), .host = &host, .open_key = key};
    (void)state;
    assert_int_equal(vd_trace_new(&trace, &config), VD_OK);
    assert_int_equal(vd_trace_end(trace)->step, STEPS);
    for (uint64_t step = STEPS - 2; step < STEPS + 2; step++) {
        direct_state(want, step);
        state_at(have, trace, step);
        assert_memory_equal(have, want, sizeof want);
    }
    vd_trace_free(trace);
}

/* The same pages written again and again: their snapshots are joined until they fit. */
static void
test_trace_keeps_no_more_than_it_may(void **state)
{
    uint8_t want[VD_VM_STATE_BYTES];
    uint8_t have[VD_VM_STATE_BYTES];
    struct vd_trace *trace = NULL;
    struct vd_trace_config config = {
        .prestate = make(), .host = &host, .interval = 5, .max_bytes = 20 * VD_VM_PAGE};
    (void)state;
    assert_int_equal(vd_trace_new(&trace, &config), VD_OK);
    /* Of the 4,096 rounds each writes a page of its own half a page further, and one for all. */
    size_t touched = 4096 * 2040 / VD_VM_PAGE + 3;
    assert_true(vd_trace_bytes(trace) <= (touched + 20 + 100) * VD_VM_PAGE);
    for (uint64_t step = 0; step < STEPS; step += 1777) {
        direct_state(want, step);
        state_at(have, trace, step);
        assert_memory_equal(have, want, sizeof want);
    }
    vd_trace_free(trace);
}

struct reader {
    uv_thread_t thread;
    const struct vd_trace *trace;
    struct vd_random random;
    uint64_t steps[6];
    uint8_t states[6][VD_VM_STATE_BYTES];
};

static void
read_states(void *ctx)
{
    struct reader *reader = ctx;
    for (unsigned i = 0; i < 6; i++) {
        reader->steps[i] = vd_random_below(&reader->random, STEPS + 100);
        state_at(reader->states[i], reader->trace, reader->steps[i]);
    }
}

static void
test_trace_serves_many_threads(void **state)
{
    static struct reader readers[THREADS];
    uint8_t want[VD_VM_STATE_BYTES];
    (void)state;
    struct vd_trace *trace = trace_of(700, 16, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){.trace = trace, .random = {.state = i}};
        assert_int_equal(uv_thread_create(&readers[i].thread, read_states, &readers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        uv_thread_join(&readers[i].thread);
        for (unsigned n = 0; n < 6; n++) {
            direct_state(want, readers[i].steps[n]);
            assert_memory_equal(readers[i].states[n], want, sizeof want);
        }
    }
    vd_trace_free(trace);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace_with_any_snapshots_has_the_same_states),
        cmocka_unit_test(test_trace_repeats_its_last_state),
        cmocka_unit_test(test_trace_ends_at_its_limit),
        cmocka_unit_test(test_trace_gives_the_error_of_its_host),
        cmocka_unit_test(test_open_trace_goes_on_with_what_the_host_says),
        cmocka_unit_test(test_open_trace_may_exit),
        cmocka_unit_test(test_trace_keeps_no_more_than_it_may),
        cmocka_unit_test(test_trace_serves_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
