/* Every line of instructions.txt through the fast machine and through the plain step: registers,
   pc, exit and memory as the line says, nothing else changed, and both with the same state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "viaduct/node/fault/machine.h"

#define TEXT ((struct vd_vm_text){0x10000, 0x20000})
#define LINE_MAX_BYTES 2048
#define MAX_BYTES 256

struct bytes {
    uint32_t at;
    size_t len;
    uint8_t value[MAX_BYTES];
};

/* One side of a line. */
struct side {
    struct vd_vm_registers r;
    struct bytes memory[2];
    size_t memory_count;
};

struct line {
    char text[LINE_MAX_BYTES];
    bool has_word;
    uint32_t word;
    struct side before;
    struct side after;
};

/* A preimage of n bytes 1, 2, 3, ... where n is the last byte of the key. */
static enum vd_err
preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    static uint8_t bytes[256];
    (void)ctx;
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i + 1);
    }
    *value = vd_slice(bytes, key[31]);
    return VD_OK;
}

static const struct vd_vm_host host = {.preimage = preimage};

/* --- reading a line --- */

static void
parse_memory(struct side *side, const char *token)
{
    char *end = NULL;
    assert_true(side->memory_count < 2);
    struct bytes *b = &side->memory[side->memory_count++];
    b->at = (uint32_t)strtoull(token + 2, &end, 16);
    assert_int_equal(*end, '=');
    for (end++; end[0] != '\0'; end += 2) {
        char digits[3] = {end[0], end[1], '\0'};
        assert_true(b->len < MAX_BYTES && end[1] != '\0');
        b->value[b->len++] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

static void
parse_token(struct side *side, const char *token)
{
    const char *value = strchr(token, '=');
    assert_non_null(value);
    uint64_t number = strtoull(value + 1, NULL, 16);
    if (token[0] == 'm') {
        parse_memory(side, token);
    } else if (token[0] == 'p') {
        side->r.pc = number;
    } else if (token[0] == 'e') {
        side->r.exited = true;
        side->r.exit_code = (uint8_t)number;
    } else {
        assert_int_equal(token[0], 'x');
        unsigned long reg = strtoul(token + 1, NULL, 10);
        assert_in_range(reg, 1, 31);
        side->r.x[reg] = number;
    }
}

static void
parse_side(struct side *side, char *text)
{
    char *rest = NULL;
    for (char *t = strtok_r(text, " \n", &rest); t; t = strtok_r(NULL, " \n", &rest)) {
        parse_token(side, t);
    }
}

static bool
names(const char *text, const char *what)
{
    return strstr(text, what) != NULL;
}

/* False: a comment or an empty line. */
static bool
parse(struct line *line, const char *text)
{
    char copy[LINE_MAX_BYTES];
    *line = (struct line){0};
    if (text[0] == '#' || text[0] == '\n') {
        return false;
    }
    snprintf(line->text, sizeof line->text, "%s", text);
    snprintf(copy, sizeof copy, "%s", text);
    char *before = strchr(copy, '|');
    char *after = before ? strchr(before + 1, '|') : NULL;
    assert_non_null(after);
    *before++ = '\0';
    *after++ = '\0';
    line->has_word = copy[0] != '-';
    line->word = (uint32_t)strtoul(copy, NULL, 16);
    line->before.r.pc = TEXT.lo;
    bool moves = names(after, "pc=");
    bool exits = names(after, "exit=");
    parse_side(&line->before, before);
    line->after.r = line->before.r;
    parse_side(&line->after, after);
    if (!moves && !exits) {
        line->after.r.pc += 4;
    }
    line->after.r.step = 1;
    return true;
}

/* --- a step --- */

static void
put(struct vd_machine *m, const struct bytes *b)
{
    assert_int_equal(vd_machine_load(m, b->at, vd_slice(b->value, b->len)), VD_OK);
}

static struct vd_machine *
make(const struct line *line)
{
    struct vd_machine *m = NULL;
    uint8_t word[4];
    assert_int_equal(vd_machine_new(&m, TEXT), VD_OK);
    for (size_t i = 0; i < line->before.memory_count; i++) {
        put(m, &line->before.memory[i]);
    }
    if (line->has_word) {
        vd_store_le32(word, line->word);
        assert_int_equal(vd_machine_load(m, line->before.r.pc, vd_slice(word, 4)), VD_OK);
    }
    vd_machine_set_registers(m, &line->before.r);
    return m;
}

/* What must come out, put together by hand: a machine with the registers and memory of after. */
static void
expected_state(uint8_t state[VD_VM_STATE_BYTES], const struct line *line)
{
    struct vd_machine *m = make(line);
    for (size_t i = 0; i < line->after.memory_count; i++) {
        put(m, &line->after.memory[i]);
    }
    vd_machine_set_registers(m, &line->after.r);
    vd_machine_state(m, state);
    vd_machine_free(m);
}

static bool
explain(const struct line *line, const char *who, const uint8_t *have, const uint8_t *want)
{
    if (memcmp(have, want, VD_VM_STATE_BYTES) == 0) {
        return true;
    }
    printf("%s: %s", who, line->text);
    printf("  pc %llx, want %llx; exited %u code %u, want %u code %u; memory %s\n",
           (unsigned long long)vd_load_be64(have + 32), (unsigned long long)vd_load_be64(want + 32),
           have[48], have[49], want[48], want[49],
           memcmp(have, want, 32) == 0 ? "same" : "differs");
    for (unsigned i = 1; i < 32; i++) {
        uint64_t a = vd_load_be64(have + 50 + 8 * (i - 1));
        uint64_t b = vd_load_be64(want + 50 + 8 * (i - 1));
        if (a != b) {
            printf("  x%u %llx, want %llx\n", i, (unsigned long long)a, (unsigned long long)b);
        }
    }
    return false;
}

static bool
check(const struct line *line)
{
    struct vd_vm_witness w;
    uint8_t want[VD_VM_STATE_BYTES];
    uint8_t plain[VD_VM_STATE_BYTES];
    uint8_t fast[VD_VM_STATE_BYTES];
    struct vd_machine *m = make(line);
    expected_state(want, line);
    vd_machine_witness(m, &w);
    struct vd_slice proof = vd_slice(w.proof, w.proof_len);
    assert_int_equal(vd_vm_step(plain, w.state, proof, TEXT, &host), VD_OK);
    assert_int_equal(vd_machine_run(m, 1, &host), VD_OK);
    vd_machine_state(m, fast);
    vd_machine_free(m);
    bool good = explain(line, "plain step", plain, want);
    return explain(line, "fast machine", fast, want) && good;
}

static void
test_instructions_do_what_their_lines_say(void **state)
{
    (void)state;
    FILE *file = fopen(VD_INSTRUCTIONS, "r");
    char text[LINE_MAX_BYTES];
    struct line line;
    unsigned lines = 0;
    unsigned wrong = 0;
    assert_non_null(file);
    while (fgets(text, sizeof text, file)) {
        if (parse(&line, text)) {
            lines++;
            wrong += !check(&line);
        }
    }
    fclose(file);
    printf("%u lines, %u wrong\n", lines, wrong);
    assert_true(lines > 900);
    assert_int_equal(wrong, 0);
}

/* Each row of the table is met by a line that does not end in a trap. */
static void
test_lines_meet_every_instruction(void **state)
{
    static const struct {
        const char *name;
        uint32_t mask;
        uint32_t match;
    } rows[] = {
#define VD_INSN(name, mask, match, form) {#name, mask, match},
#include "viaduct/node/fault/riscv.def"
#undef VD_INSN
    };
    (void)state;
    FILE *file = fopen(VD_INSTRUCTIONS, "r");
    char text[LINE_MAX_BYTES];
    struct line line;
    bool met[sizeof rows / sizeof rows[0]] = {false};
    assert_non_null(file);
    while (fgets(text, sizeof text, file)) {
        bool counts = parse(&line, text) && line.has_word && !names(text, "exit=2");
        for (size_t i = 0; counts && i < sizeof rows / sizeof rows[0]; i++) {
            met[i] |= (line.word & rows[i].mask) == rows[i].match;
        }
    }
    fclose(file);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!met[i]) {
            printf("no line for %s\n", rows[i].name);
        }
        assert_true(met[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instructions_do_what_their_lines_say),
        cmocka_unit_test(test_lines_meet_every_instruction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
