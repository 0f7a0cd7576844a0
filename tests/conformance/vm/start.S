    .section .text.init, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    li sp, 0x90000000
    call main
    fence
    li a7, 93
    ecall
    .section .tohost, "aw", @progbits
    .globl tohost
tohost:
    .dword 0
