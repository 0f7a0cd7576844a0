/* Real blocks of the OP Stack by the execution image: natively over a record of the witness, then
   in the machine on that record.  Both must find the block hash that the network has. */
#include <time.h>

#include "conformance/execution_image.h"

/* More would be news: the figure of the heaviest of these blocks is held to this. */
#define STEPS_MAX 80000000u

static uint64_t
run_machine(struct block *b, unsigned code)
{
    struct vd_machine *m = NULL;
    struct vd_vm_host host;
    char why[200] = "";
    struct timespec begin;
    struct timespec end;
    vd_record_host(&host, b->record);
    assert_int_equal(vd_prestate_new(&m, why, sizeof why, read_image(), &b->config), VD_OK);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    assert_int_equal(vd_machine_run(m, UINT64_MAX, &host), VD_OK);
    clock_gettime(CLOCK_MONOTONIC, &end);
    const struct vd_vm_registers *r = vd_machine_registers(m);
    assert_true(r->exited);
    assert_int_equal(r->exit_code, code);
    uint64_t steps = r->step;
    vd_machine_free(m);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    printf("  exit %u after %.2f million steps, %.3f s\n", code, (double)steps / 1e6, seconds);
    return steps;
}

static void
check_folder(void *ctx, const char *path)
{
    struct block b = {0};
    char folder[200];
    unsigned *blocks = ctx;
    void *memory = vd_reserve(SCRATCH);
    assert_non_null(memory);
    vd_arena_init(&b.arena, memory, SCRATCH);
    snprintf(folder, sizeof folder, "%.*s", (int)(strlen(path) - strlen("/meta.json")), path);
    json_t *meta = vd_vectors_json(path);
    assert_int_equal(vd_record_new(&b.record), VD_OK);
    read_block(&b, folder, meta);
    run_natively(&b);
    printf("%s: %zu preimages, %zu bytes\n", folder, vd_record_count(b.record),
           vd_record_bytes(b.record));
    uint64_t steps = run_machine(&b, VD_VM_VALID);
    assert_true(steps <= STEPS_MAX);
    /* Another hash is expected: the same way to the other verdict. */
    b.hash.b[31] ^= 1;
    assert_int_equal(vd_record_set_local(b.record, VD_LOCAL_BLOCK_HASH, vd_slice(b.hash.b, 32)),
                     VD_OK);
    (void)run_machine(&b, VD_VM_INVALID);
    vd_record_free(b.record);
    json_decref(meta);
    vd_release(memory, SCRATCH);
    ++*blocks;
}

static void
test_real_blocks_have_their_hash_in_the_machine(void **state)
{
    (void)state;
    unsigned blocks = 0;
    if (vd_vectors_walk("op/blocks", "meta.json", check_folder, &blocks)) {
        assert_true(blocks > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_blocks_have_their_hash_in_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
