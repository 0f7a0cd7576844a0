/* The guest's own memory functions, compiled for the host under other names, against the C
   library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"

void *guest_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *guest_memmove(void *dst, const void *src, size_t n);
void *guest_memset(void *dst, int byte, size_t n);
int guest_memcmp(const void *a, const void *b, size_t n);
#define memcpy guest_memcpy
#define memmove guest_memmove
#define memset guest_memset
#define memcmp guest_memcmp
#include "guest/memory.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

#define ROOM 512u

static int
sign(int value)
{
    return (value > 0) - (value < 0);
}

static void
test_they_do_what_the_library_does(void **state)
{
    (void)state;
    struct vd_random rng = vd_random_start("guest memory");
    for (unsigned i = 0; i < 200000; i++) {
        _Alignas(64) uint8_t a[ROOM];
        _Alignas(64) uint8_t b[ROOM];
        vd_random_bytes(&rng, a, 64);
        for (size_t k = 64; k < ROOM; k++) {
            a[k] = (uint8_t)(a[k - 64] * 5 + k);
        }
        memcpy(b, a, ROOM);
        size_t len = (size_t)vd_random_below(&rng, vd_random_below(&rng, 2) ? 20 : 200);
        size_t to = (size_t)vd_random_below(&rng, ROOM - len);
        size_t from = (size_t)vd_random_below(&rng, 3)
                          ? (to + (size_t)vd_random_below(&rng, 40)) % (ROOM - len)
                          : (size_t)vd_random_below(&rng, ROOM - len);
        int byte = (int)vd_random_below(&rng, 3) ? 0 : (int)vd_random_below(&rng, 256);
        switch (i % 4) {
        case 0:
            if (to + len <= from || from + len <= to) {
                memcpy(a + to, a + from, len);
                assert_ptr_equal(guest_memcpy(b + to, b + from, len), b + to);
            }
            break;
        case 1:
            memmove(a + to, a + from, len);
            assert_ptr_equal(guest_memmove(b + to, b + from, len), b + to);
            break;
        case 2:
            memset(a + to, byte, len);
            assert_ptr_equal(guest_memset(b + to, byte, len), b + to);
            break;
        default:
            if (len > 0 && vd_random_below(&rng, 2)) {
                memcpy(b + to, a + from, len);
                b[to + vd_random_below(&rng, len)] ^= (uint8_t)byte;
                assert_int_equal(sign(memcmp(a + from, b + to, len)),
                                 sign(guest_memcmp(a + from, b + to, len)));
                memcpy(b, a, ROOM);
            }
            break;
        }
        assert_memory_equal(a, b, ROOM);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_do_what_the_library_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
