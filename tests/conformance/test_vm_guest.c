/* Steps of the real guest on L1: the program's image proves a claim about a small chain, and at
   random places of the run contract RISCV must give what the machine gives, its preimages loaded
   into the oracle as a challenger loads them. */
#include "conformance/execution_image.h"
#include "conformance/vm_contract.h"
#include "unit/core/program/chain.h"
#include "viaduct/node/fault/image.h"
#include "viaduct/node/fault/prestate.h"
#include "viaduct/node/fault/trace.h"

enum {
    PLACES = 100,
    STEPS = 10,        /* from each place */
    MAX_WALK = 200000, /* to the next system call */
    ECALL = 0x73,
};

/* After a native run: everything that it read. */
static enum vd_err
preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    struct chain *c = ctx;
    struct vd_hash hash;
    memcpy(hash.b, key, 32);
    *value = key[0] == VD_KEY_LOCAL ? vd_slice(c->local[key[31]], c->local_len[key[31]])
                                    : hash_store_get(&c->preimages, &hash);
    return value->ptr ? VD_OK : VD_ERR_NOT_FOUND;
}

/* Eight blocks of two transfers, a deposit, one channel; the claim is about the fifth. */
static struct chain *
make_chain(void)
{
    struct chain *c = chain_new(10);
    struct vd_address to = chain_user(50);
    chain_begin(c);
    chain_l1_open(c);
    chain_deposit(c, &to, 12345);
    chain_l1_seal(c);
    chain_l1_grow(c, 3);
    chain_l2_grow(c, 8, 2);
    chain_post_in_next(c, 1, 9);
    chain_ask(c, 3, 5, &c->l2[5].output);
    assert_int_equal(chain_run(c), VD_OK);
    assert_int_equal(c->result.verdict, VD_PROGRAM_VALID);
    return c;
}

static struct vd_trace *
make_trace(struct vd_slice image, const struct vd_rollup_config *rollup,
           const struct vd_vm_host *host)
{
    struct vd_machine *prestate = NULL;
    struct vd_trace *trace = NULL;
    char why[200] = "";
    assert_int_equal(vd_prestate_new(&prestate, why, sizeof why, image, rollup), VD_OK);
    struct vd_trace_config config = {.prestate = prestate, .host = host};
    assert_int_equal(vd_trace_new(&trace, &config), VD_OK);
    assert_true(vd_trace_end(trace)->exited);
    assert_int_equal(vd_trace_end(trace)->exit_code, VD_VM_VALID);
    return trace;
}

static bool
at_call(const struct vd_machine *m)
{
    const struct vd_vm_registers *r = vd_machine_registers(m);
    return !r->exited && vd_load_le32(vd_machine_memory(m) + r->pc) == ECALL;
}

/* From this step on some steps, and the next system call. */
static void
check_place(struct world *w, const struct vd_trace *trace, uint64_t number, size_t calls[3])
{
    assert_int_equal(vd_trace_machine(&w->machine, trace, number, w->host), VD_OK);
    for (unsigned i = 0; i < STEPS; i++) {
        step(w, i == 0);
    }
    unsigned walked = 0;
    while (!at_call(w->machine) && walked++ < MAX_WALK) {
        const struct vd_vm_registers *r = vd_machine_registers(w->machine);
        assert_int_equal(vd_machine_run(w->machine, r->step + 1, w->host), VD_OK);
    }
    uint64_t call_number = vd_machine_registers(w->machine)->x[17];
    calls[call_number == VD_VM_CALL_PREIMAGE ? 0 : call_number == VD_VM_CALL_KECCAK ? 1 : 2]++;
    step(w, true);
    vd_machine_free(w->machine);
    w->machine = NULL;
}

static void
check_trace(const struct vd_trace *trace, const struct vd_vm_host *host)
{
    static struct world w;
    size_t calls[3] = {0};
    uint64_t end = vd_trace_end(trace)->step;
    world_init(&w, host);
    w.loads = true;
    /* The start and the end, which exits, among them. */
    check_place(&w, trace, 0, calls);
    check_place(&w, trace, end - 3, calls);
    for (unsigned i = 2; i < PLACES; i++) {
        check_place(&w, trace, vd_random_below(&w.random, end), calls);
    }
    printf("%llu steps in all; %zu preimage calls, %zu of keccak, %zu others\n",
           (unsigned long long)end, calls[0], calls[1], calls[2]);
    assert_true(calls[0] > 0 && calls[1] > 0);
    world_deinit(&w);
}

static void
test_random_steps_of_the_guest_are_the_same(void **state)
{
    (void)state;
    struct chain *c = make_chain();
    struct vd_vm_host host = {.ctx = c, .preimage = preimage};
    struct vd_slice image;
    assert_int_equal(vd_guest_image(&image), VD_OK);
    struct vd_trace *trace = make_trace(image, &c->config, &host);
    check_trace(trace, &host);
    vd_trace_free(trace);
    chain_free(c);
}

static void
check_block(void *ctx, const char *path)
{
    struct block b = {0};
    char folder[200];
    struct vd_vm_host host;
    unsigned *blocks = ctx;
    void *memory = vd_reserve(SCRATCH);
    assert_non_null(memory);
    vd_arena_init(&b.arena, memory, SCRATCH);
    snprintf(folder, sizeof folder, "%.*s", (int)(strlen(path) - strlen("/meta.json")), path);
    json_t *meta = vd_vectors_json(path);
    assert_int_equal(vd_record_new(&b.record), VD_OK);
    read_block(&b, folder, meta);
    run_natively(&b);
    vd_record_host(&host, b.record);
    struct vd_trace *trace = make_trace(read_image(), &b.config, &host);
    printf("%s: ", folder);
    check_trace(trace, &host);
    vd_trace_free(trace);
    vd_record_free(b.record);
    json_decref(meta);
    vd_release(memory, SCRATCH);
    ++*blocks;
}

static void
test_random_steps_of_real_blocks_are_the_same(void **state)
{
    (void)state;
    unsigned blocks = 0;
    if (vd_vectors_walk("op/blocks", "meta.json", check_block, &blocks)) {
        assert_true(blocks > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_steps_of_the_guest_are_the_same),
        cmocka_unit_test(test_random_steps_of_real_blocks_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
