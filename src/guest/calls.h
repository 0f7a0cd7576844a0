/* System calls of the machine (include/viaduct/core/base/vm.h). */
#ifndef VIADUCT_GUEST_CALLS_H
#define VIADUCT_GUEST_CALLS_H

#include "viaduct/core/base/bytes.h"
#include "viaduct/core/base/vm.h"

static inline uint64_t
vd_guest_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t a0 __asm__("a0") = a;
    register uint64_t a1 __asm__("a1") = b;
    register uint64_t a2 __asm__("a2") = c;
    register uint64_t a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

static inline void __attribute__((noreturn)) vd_guest_exit(uint64_t code)
{
    for (;;) {
        vd_guest_call(VD_VM_CALL_EXIT, code, 0, 0);
    }
}

#endif
