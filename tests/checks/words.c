/* words FILE...: fails unless each 32-bit word of the files is an instruction of the machine's
   table.  The files hold the text of an image, raw. */
#include <stdint.h>
#include <stdio.h>

static const struct {
    uint32_t mask;
    uint32_t match;
} rows[] = {
#define VD_INSN(name, mask, match, form) {mask, match},
#include "viaduct/node/fault/riscv.def"
#undef VD_INSN
};

static int
is_instruction(uint32_t word)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((word & rows[i].mask) == rows[i].match) {
            return 1;
        }
    }
    return 0;
}

static int
check(const char *path)
{
    unsigned char b[4];
    unsigned long words = 0;
    unsigned long bad = 0;
    FILE *file = fopen(path, "rb");
    for (; file && fread(b, 1, 4, file) == 4; words++) {
        uint32_t word = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        if (!is_instruction(word)) {
            printf("%s+0x%lx: 0x%08lx is no instruction of the machine\n", path, 4 * words,
                   (unsigned long)word);
            bad++;
        }
    }
    if (file) {
        fclose(file);
    }
    printf("%s: %lu words, %lu outside the table\n", path, words, bad);
    return words > 0 && bad == 0;
}

int
main(int argc, char **argv)
{
    int good = argc > 1;
    for (int i = 1; i < argc; i++) {
        good &= check(argv[i]);
    }
    return !good;
}
