/* Jumps between two segments of code and stores between neither of them. */
    .globl _start
_start:
    la      t0, word
    lui     t1, 0x7000
    jalr    t1
    ld      a0, 0(t0)
    addi    a0, a0, -42
    li      a7, 93
    ecall

    .section .far, "ax"
    li      t2, 42
    sd      t2, 0(t0)
    ret

    .data
    .balign 8
word:
    .dword  0
