#include "machine_internal.h"

enum form { FORM_R, FORM_I, FORM_S, FORM_B, FORM_U, FORM_J, FORM_SHIFT, FORM_NONE };

struct row {
    uint32_t mask;
    uint32_t match;
    enum form form;
};
static const struct row rows[] = {
#define VD_INSN(name, mask, match, form) {mask, match, FORM_##form},
#include "viaduct/node/fault/riscv.def"
#undef VD_INSN
};

static uint32_t
bits(uint32_t word, unsigned high, unsigned low)
{
    return word >> low & ((1u << (high - low + 1)) - 1);
}

/* The immediates of the specification, section 2.3; each ends in the sign bit 31. */
static int32_t
immediate(enum form form, uint32_t w)
{
    int32_t sign = (int32_t)w >> 31;
    switch (form) {
    case FORM_I:
        return (int32_t)w >> 20;
    case FORM_S:
        return (int32_t)((uint32_t)((int32_t)w >> 20) & ~31u) | (int32_t)bits(w, 11, 7);
    case FORM_B:
        return (int32_t)((uint32_t)sign << 12 | bits(w, 7, 7) << 11 | bits(w, 30, 25) << 5 |
                         bits(w, 11, 8) << 1);
    case FORM_U:
        return (int32_t)(w & 0xfffff000u);
    case FORM_J:
        return (int32_t)((uint32_t)sign << 20 | bits(w, 19, 12) << 12 | bits(w, 20, 20) << 11 |
                         bits(w, 30, 21) << 1);
    case FORM_SHIFT:
        return (int32_t)bits(w, 25, 20);
    case FORM_R:
    case FORM_NONE:
        return 0;
    }
    return 0;
}

struct vd_rv
vd_rv_decode(uint32_t word)
{
    for (unsigned i = 0; i < VD_RV_COUNT; i++) {
        if ((word & rows[i].mask) == rows[i].match) {
            return (struct vd_rv){.insn = (enum vd_insn)i,
                                  .rd = (uint8_t)bits(word, 11, 7),
                                  .rs1 = (uint8_t)bits(word, 19, 15),
                                  .rs2 = (uint8_t)bits(word, 24, 20),
                                  .imm = immediate(rows[i].form, word)};
        }
    }
    return (struct vd_rv){.insn = VD_RV_ILLEGAL};
}
