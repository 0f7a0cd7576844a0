# The guest begins here: with all registers zero and memory as the image has it.
    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    li sp, 0xf0000000
    call vd_guest_main
    # Never reached: vd_guest_main ends in a system call.
    li a0, 2
    li a7, 93
    ecall
