#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "viaduct/node/platform/memory.h"

enum { SIZE = 1 << 20, KEEP = 100000 };

static void
test_reservation_is_zeroed_and_writable(void **unused)
{
    (void)unused;
    uint8_t *memory = vd_reserve(SIZE);
    assert_non_null(memory);
    for (size_t i = 0; i < SIZE; i++) {
        assert_int_equal(memory[i], 0);
        memory[i] = 0xa5;
    }
    vd_release(memory, SIZE);
}

static void
test_trim_keeps_the_front_and_zeroes_the_rest(void **unused)
{
    (void)unused;
    uint8_t *memory = vd_reserve(SIZE);
    assert_non_null(memory);
    for (size_t i = 0; i < SIZE; i++)
        memory[i] = 0xa5;
    vd_trim(memory, SIZE, KEEP);
    for (size_t i = 0; i < KEEP; i++)
        assert_int_equal(memory[i], 0xa5);
    /* Whole pages go: up to the end of the page of the last kept byte anything may stand. */
    for (size_t i = KEEP + 65536; i < SIZE; i++)
        assert_int_equal(memory[i], 0);
    memory[SIZE - 1] = 1;
    vd_trim(memory, SIZE, SIZE);
    assert_int_equal(memory[SIZE - 1], 1);
    vd_release(memory, SIZE);
}

static void
test_more_than_the_address_space_is_refused(void **unused)
{
    (void)unused;
    assert_null(vd_reserve(SIZE_MAX / 2));
    vd_release(NULL, SIZE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reservation_is_zeroed_and_writable),
        cmocka_unit_test(test_trim_keeps_the_front_and_zeroes_the_rest),
        cmocka_unit_test(test_more_than_the_address_space_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
