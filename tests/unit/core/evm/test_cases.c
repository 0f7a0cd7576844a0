/* Instruction cases as text lines, in the folder cases; see its README for the form. */
#include "unit/core/evm/evm_fixture.h"

#include <dirent.h>

#define LINE_MAX_LEN 8192
#define CODE_MAX 65536

struct text_case {
    char name[128];
    uint8_t code[CODE_MAX];
    size_t code_len;
    uint8_t input[4096];
    size_t input_len;
    uint64_t gas;
    uint64_t value;
    bool is_static;
    bool is_create;
    bool cancun;
    bool l2;
    struct fixture fx;
};

static unsigned cases_run;
static unsigned cases_failed;

static bool
token_opcode(uint8_t *out, const char *token)
{
    for (unsigned op = 0; op < 256; op++) {
        if (strcmp(vd_opcode_name((uint8_t)op), token) == 0) {
            *out = (uint8_t)op;
            return strcmp(token, "UNDEFINED") != 0;
        }
    }
    return false;
}

/* Mnemonics and 0x… bytes; N*TOKEN repeats a token. */
static size_t
assemble(uint8_t *out, size_t room, char *text)
{
    size_t len = 0;
    char *save = NULL;
    for (char *t = strtok_r(text, " \t\n", &save); t != NULL; t = strtok_r(NULL, " \t\n", &save)) {
        unsigned long times = 1;
        char *star = strchr(t, '*');
        if (star != NULL) {
            times = strtoul(t, NULL, 10);
            t = star + 1;
        }
        for (unsigned long i = 0; i < times; i++) {
            assert_true(len < room);
            if (strncmp(t, "0x", 2) == 0) {
                size_t bytes = strlen(t + 2) / 2;
                assert_true(len + bytes <= room);
                assert_int_equal(vd_hex_decode(out + len, bytes, t + 2, strlen(t + 2)), VD_OK);
                len += bytes;
            } else if (token_opcode(&out[len], t)) {
                len++;
            } else {
                fail_msg("no such instruction: %s", t);
            }
        }
    }
    return len;
}

static const struct vd_evm_rules *
case_rules(const struct text_case *c)
{
    enum vd_evm_revision revision = c->cancun ? VD_EVM_CANCUN : VD_EVM_PRAGUE;
    return c->l2 ? vd_evm_rules_l2(revision) : vd_evm_rules_l1(revision);
}

/* Status names in the files: the end of the enumerator, in lower case. */
static const struct {
    const char *name;
    enum vd_evm_status status;
} STATUSES[] = {
    {"success", VD_EVM_SUCCESS},
    {"revert", VD_EVM_REVERT},
    {"out_of_gas", VD_EVM_OUT_OF_GAS},
    {"invalid", VD_EVM_INVALID_INSTRUCTION},
    {"undefined", VD_EVM_UNDEFINED_INSTRUCTION},
    {"underflow", VD_EVM_STACK_UNDERFLOW},
    {"overflow", VD_EVM_STACK_OVERFLOW},
    {"bad_jump", VD_EVM_BAD_JUMP},
    {"return_data", VD_EVM_RETURN_DATA_BOUNDS},
    {"static", VD_EVM_STATIC_VIOLATION},
    {"collision", VD_EVM_COLLISION},
    {"code_too_large", VD_EVM_CODE_TOO_LARGE},
    {"init_code_too_large", VD_EVM_INIT_CODE_TOO_LARGE},
    {"bad_prefix", VD_EVM_BAD_CODE_PREFIX},
    {"insufficient_balance", VD_EVM_INSUFFICIENT_BALANCE},
    {"precompile", VD_EVM_PRECOMPILE_FAILURE},
    {"unsupported", VD_EVM_UNSUPPORTED},
};

static enum vd_evm_status
parse_status(const char *name)
{
    for (size_t i = 0; i < sizeof STATUSES / sizeof STATUSES[0]; i++) {
        if (strcmp(STATUSES[i].name, name) == 0) {
            return STATUSES[i].status;
        }
    }
    fail_msg("no such status: %s", name);
    return VD_EVM_UNSUPPORTED;
}

static void
silent_step(void *ctx, const struct vd_evm_step *step)
{
    (void)step;
    *(size_t *)ctx += 1;
}

/* Every case runs twice: as blocks and, with a tracer, instruction by instruction. */
static void
check(struct text_case *c, const struct vd_evm_tracer *tracer, enum vd_evm_status status,
      uint64_t gas_used, struct vd_slice output)
{
    struct fixture *fx = &c->fx;
    fx->message.input =
        vd_slice(c->is_create ? c->code : c->input, c->is_create ? c->code_len : c->input_len);
    fx->message.gas = c->gas;
    fx->message.value = vd_u256(c->value);
    fx->message.is_static = c->is_static;
    fx->message.is_create = c->is_create;
    assert_int_equal(fixture_run(fx, case_rules(c), tracer), VD_OK);
    uint64_t used = c->gas - fx->result.gas_left;
    bool same =
        fx->result.status == status && used == gas_used && vd_slice_eq(fx->result.output, output);
    if (!same) {
        cases_failed++;
        printf("%s%s: %s, gas %llu, output ", c->name, tracer != NULL ? " (traced)" : "",
               vd_evm_status_text(fx->result.status), (unsigned long long)used);
        for (size_t i = 0; i < fx->result.output.len && i < 64; i++) {
            printf("%02x", fx->result.output.ptr[i]);
        }
        printf("; expected status %d, gas %llu\n", (int)status, (unsigned long long)gas_used);
    }
}

struct account_line {
    struct vd_address address;
    uint64_t balance;
    uint8_t *code;
    size_t code_len;
};

static struct account_line accounts[16];
static size_t account_count;

static void
build(struct text_case *c)
{
    fixture_init(&c->fx, c->gas);
    if (!c->is_create) {
        fixture_account(&c->fx, &c->fx.message.to, 0, vd_slice(c->code, c->code_len));
    }
    for (size_t i = 0; i < account_count; i++) {
        fixture_account(&c->fx, &accounts[i].address, accounts[i].balance,
                        vd_slice(accounts[i].code, accounts[i].code_len));
    }
}

static void
run_case(struct text_case *c, char *expectation)
{
    char status[64];
    unsigned long long gas_used;
    char hex[4096] = "";
    assert_true(sscanf(expectation, "%63s %llu %4095s", status, &gas_used, hex) >= 2);
    uint8_t output[2048];
    char *digits = strncmp(hex, "0x", 2) == 0 ? hex + 2 : hex;
    size_t len = strlen(digits) / 2;
    assert_int_equal(vd_hex_decode(output, len, digits, strlen(digits)), VD_OK);
    size_t steps = 0;
    struct vd_evm_tracer tracer = {.ctx = &steps, .step = silent_step};
    cases_run++;
    for (int traced = 0; traced < 2; traced++) {
        build(c);
        check(c, traced ? &tracer : NULL, parse_status(status), gas_used, vd_slice(output, len));
        fixture_deinit(&c->fx);
    }
}

static void
account_line(char *rest)
{
    struct account_line *a = &accounts[account_count++];
    assert_true(account_count <= 16);
    char *end;
    a->address = fixture_address(strtoull(rest, &end, 0));
    a->balance = strtoull(end, &end, 0);
    a->code = malloc(CODE_MAX);
    assert_non_null(a->code);
    a->code_len = assemble(a->code, CODE_MAX, end);
}

static void
start_case(struct text_case *c, const char *name)
{
    memset(c, 0, sizeof *c);
    snprintf(c->name, sizeof c->name, "%s", name);
    c->gas = 1000000;
    for (size_t i = 0; i < account_count; i++) {
        free(accounts[i].code);
    }
    account_count = 0;
}

static void
flag_line(struct text_case *c, const char *flags)
{
    c->is_static = strstr(flags, "static") != NULL;
    c->is_create = strstr(flags, "create") != NULL;
    c->cancun = strstr(flags, "cancun") != NULL;
    c->l2 = strstr(flags, "l2") != NULL;
}

static void
case_line(struct text_case *c, const char *key, char *rest)
{
    if (strcmp(key, "case") == 0) {
        start_case(c, rest);
    } else if (strcmp(key, "code") == 0) {
        c->code_len = assemble(c->code, sizeof c->code, rest);
    } else if (strcmp(key, "input") == 0) {
        c->input_len = assemble(c->input, sizeof c->input, rest);
    } else if (strcmp(key, "gas") == 0) {
        c->gas = strtoull(rest, NULL, 0);
    } else if (strcmp(key, "value") == 0) {
        c->value = strtoull(rest, NULL, 0);
    } else if (strcmp(key, "flags") == 0) {
        flag_line(c, rest);
    } else if (strcmp(key, "account") == 0) {
        account_line(rest);
    } else if (strcmp(key, "expect") == 0) {
        run_case(c, rest);
    } else {
        fail_msg("no such line: %s", key);
    }
}

static void
run_file(const char *path)
{
    static struct text_case c;
    static char line[LINE_MAX_LEN];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *space = strchr(line, ' ');
        if (line[0] == '#' || line[0] == '\0' || space == NULL) {
            continue;
        }
        *space = '\0';
        case_line(&c, line, space + 1);
    }
    start_case(&c, "");
    fclose(file);
}

static void
test_cases_give_what_the_yellow_paper_says(void **state)
{
    (void)state;
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", __FILE__);
    *strrchr(folder, '/') = '\0';
    strncat(folder, "/cases", sizeof folder - strlen(folder) - 1);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        size_t len = strlen(entry->d_name);
        if (len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0) {
            char path[2048];
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            run_file(path);
        }
    }
    closedir(dir);
    printf("%u cases, %u failed runs\n", cases_run, cases_failed);
    assert_true(cases_run > 0);
    assert_int_equal(cases_failed, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_give_what_the_yellow_paper_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
