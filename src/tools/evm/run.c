/* viaduct-evm run: executes code given as hex over an otherwise empty state.  What the code itself
   comes to is no failure of the run: only where this build cannot say what it comes to, because it
   reaches a rule that the build lacks, is the exit status another one than 0. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/evm/tools.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/evm/evm.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

/* Bytes of a code or input file. */
#define FILE_MAX ((size_t)64 << 20)

#define EXIT_UNSUPPORTED 3

struct options {
    const char *code_path;
    const char *input_path;
    uint64_t gas;
    bool has_gas;
    enum vd_evm_revision revision;
    bool bench;
    bool trace;
    uint64_t iterations;
};

/* --- reading what is asked --- */

static int
complain(const char *what, const char *which)
{
    fprintf(stderr, "viaduct-evm run: %s '%s'\n", what, which);
    return 2;
}

static bool
parse_number(uint64_t *out, const char *text)
{
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    *out = value;
    return errno == 0 && *end == '\0';
}

static bool
parse_fork(enum vd_evm_revision *out, const char *name)
{
    if (strcmp(name, "Cancun") == 0 || strcmp(name, "cancun") == 0) {
        *out = VD_EVM_CANCUN;
        return true;
    }
    *out = VD_EVM_PRAGUE;
    return strcmp(name, "Prague") == 0 || strcmp(name, "prague") == 0;
}

/* A flag with a value; 0 when it was taken. */
static int
parse_valued(struct options *o, const char *flag, const char *value)
{
    if (strcmp(flag, "--codefile") == 0) {
        o->code_path = value;
        return 0;
    }
    if (strcmp(flag, "--inputfile") == 0) {
        o->input_path = value;
        return 0;
    }
    if (strcmp(flag, "--gas") == 0) {
        o->has_gas = true;
        return parse_number(&o->gas, value) ? 0 : complain("--gas wants a number, not", value);
    }
    if (strcmp(flag, "--iterations") == 0) {
        bool ok = parse_number(&o->iterations, value) && o->iterations > 0;
        return ok ? 0 : complain("--iterations wants a number above 0, not", value);
    }
    if (strcmp(flag, "--fork") == 0) {
        return parse_fork(&o->revision, value)
                   ? 0
                   : complain("--fork knows Cancun and Prague, not", value);
    }
    return complain("unknown option", flag);
}

static bool
is_switch(struct options *o, const char *flag)
{
    if (strcmp(flag, "--bench") == 0) {
        o->bench = true;
        return true;
    }
    if (strcmp(flag, "--trace") == 0) {
        o->trace = true;
        return true;
    }
    return false;
}

static int
parse_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){.revision = VD_EVM_PRAGUE, .iterations = 1};
    for (int i = 1; i < argc; i++) {
        if (is_switch(o, argv[i])) {
            continue;
        }
        char name[32];
        const char *value = strchr(argv[i], '=');
        if (value != NULL && (size_t)(value - argv[i]) < sizeof name) {
            memcpy(name, argv[i], (size_t)(value - argv[i]));
            name[value - argv[i]] = '\0';
            value++;
        } else {
            snprintf(name, sizeof name, "%s", argv[i]);
            value = i + 1 < argc ? argv[++i] : NULL;
        }
        if (value == NULL) {
            return complain("no value after, or unknown option", name);
        }
        int status = parse_valued(o, name, value);
        if (status != 0) {
            return status;
        }
    }
    if (o->code_path == NULL) {
        return complain("missing option", "--codefile");
    }
    if (!o->has_gas) {
        return complain("missing option", "--gas");
    }
    if (o->bench && o->trace) {
        return complain("cannot be joined with --bench:", "--trace");
    }
    return 0;
}

static bool
is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Hex text, white space around it and a 0x before it allowed, to bytes in the arena. */
static int
read_hex(struct vd_slice *out, struct vd_arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "viaduct-evm run: cannot open '%s': %s\n", path, strerror(errno));
        return 2;
    }
    char *text = vd_arena_alloc(arena, FILE_MAX, 1);
    size_t len = text == NULL ? 0 : fread(text, 1, FILE_MAX, file);
    bool bad = text == NULL || ferror(file) != 0 || len == FILE_MAX;
    fclose(file);
    if (bad) {
        return complain("cannot read, or is longer than 64 MiB:", path);
    }
    while (len > 0 && is_space(text[len - 1])) {
        len--;
    }
    while (len > 0 && is_space(text[0])) {
        text++, len--;
    }
    if (len >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2, len -= 2;
    }
    uint8_t *bytes = vd_arena_alloc(arena, len / 2, 1);
    if (bytes == NULL || vd_hex_decode(bytes, len / 2, text, len) != VD_OK) {
        return complain("no even number of hex digits in", path);
    }
    *out = vd_slice(bytes, len / 2);
    return 0;
}

/* --- traces --- */

static void
put_hex(struct vd_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        printf("%02x", bytes.ptr[i]);
    }
}

static void
put_word(const struct vd_u256 *word)
{
    uint8_t bytes[32];
    char text[64 + 1];
    vd_u256_to_be(bytes, word);
    vd_hex_encode(text, bytes, sizeof bytes);
    text[64] = '\0';
    const char *digits = text;
    while (digits[0] == '0' && digits[1] != '\0') {
        digits++;
    }
    printf("\"0x%s\"", digits);
}

static void
print_step(void *ctx, const struct vd_evm_step *step)
{
    (void)ctx;
    printf("{\"pc\":%" PRIu64 ",\"op\":%u,\"gas\":\"0x%" PRIx64 "\",\"gasCost\":\"0x%" PRIx64
           "\",\"memSize\":%" PRIu64 ",\"stack\":[",
           step->pc, step->opcode, step->gas, step->gas_cost, step->memory_len);
    for (size_t i = 0; i < step->stack_len; i++) {
        if (i > 0) {
            putchar(',');
        }
        put_word(&step->stack[i]);
    }
    printf("],\"depth\":%u,\"returnData\":\"0x", step->depth);
    put_hex(step->return_data);
    printf("\",\"refund\":%" PRIu64 ",\"opName\":\"%s\"", step->refund,
           vd_opcode_name(step->opcode));
    if (step->error != NULL) {
        printf(",\"error\":\"%s\"", step->error);
    }
    puts("}");
}

/* --- running --- */

struct run {
    struct vd_arena arena;
    struct vd_state *state;
    struct vd_evm *evm;
    struct vd_evm_block block;
    struct vd_evm_tx tx;
    struct vd_evm_message message;
    struct vd_evm_tracer tracer;
    struct vd_slice code;
};

/* The addresses that geth's evm uses. */
static void
set_addresses(struct run *run)
{
    memcpy(run->message.sender.b + 14, "sender", 6);
    memcpy(run->message.to.b + 12, "receiver", 8);
    run->tx.origin = run->message.sender;
}

static enum vd_err
set_up(struct run *run, const struct options *o)
{
    static const struct vd_hash seed;
    run->tracer.step = print_step;
    run->block = (struct vd_evm_block){.chain_id = 1, .gas_limit = o->gas};
    run->message.gas = o->gas;
    set_addresses(run);
    enum vd_err err =
        vd_state_new(&run->state, &run->arena, &VD_STATE_NOTHING, &VD_EMPTY_ROOT, &seed);
    if (err == VD_OK) {
        vd_state_tx_begin(run->state);
        err = vd_state_set_code(run->state, &run->message.to, run->code);
    }
    if (err == VD_OK) {
        err = vd_state_tx_end(run->state);
    }
    if (err == VD_OK) {
        err = vd_evm_new(&run->evm, &run->arena, vd_evm_rules_l1(o->revision), run->state,
                         &run->block, vd_curves_host(), o->trace ? &run->tracer : NULL);
    }
    if (err == VD_OK) {
        err = vd_evm_prepare(run->evm, &run->message.to);
    }
    return err;
}

/* What a transaction warms before it starts (EIP-2929, EIP-3651). */
static enum vd_err
warm_up(struct run *run, const struct options *o)
{
    const struct vd_address *precompiles;
    bool was_cold;
    size_t count = vd_evm_precompiles(vd_evm_rules_l1(o->revision), &precompiles);
    enum vd_err err = VD_OK;
    for (size_t i = 0; i < count && err == VD_OK; i++) {
        err = vd_state_warm_address(run->state, &was_cold, &precompiles[i]);
    }
    const struct vd_address *own[] = {&run->message.sender, &run->message.to, &run->block.coinbase};
    for (size_t i = 0; i < 3 && err == VD_OK; i++) {
        err = vd_state_warm_address(run->state, &was_cold, own[i]);
    }
    return err;
}

static uint64_t
now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Runs the message as often as asked, each time over the state as it was, and adds up the time of
   the runs alone. */
static enum vd_err
run_all(struct run *run, const struct options *o, struct vd_evm_result *result, uint64_t *ns)
{
    *ns = 0;
    for (uint64_t i = 0; i < o->iterations; i++) {
        vd_state_tx_begin(run->state);
        size_t snapshot = vd_state_snapshot(run->state);
        enum vd_err err = warm_up(run, o);
        if (err != VD_OK) {
            return err;
        }
        uint64_t start = now_ns();
        err = vd_evm_execute(run->evm, result, &run->tx, &run->message, NULL);
        *ns += now_ns() - start;
        if (err != VD_OK) {
            return err;
        }
        vd_state_revert(run->state, snapshot);
    }
    return VD_OK;
}

static void
print_result(const struct options *o, const struct vd_evm_result *result, uint64_t ns)
{
    uint64_t used = o->gas - result->gas_left;
    if (o->trace) {
        printf("{\"output\":\"0x");
        put_hex(result->output);
        printf("\",\"gasUsed\":\"0x%" PRIx64 "\",\"pass\":%s}\n", used,
               result->status == VD_EVM_SUCCESS ? "true" : "false");
    }
    printf("status: %s", vd_evm_status_text(result->status));
    if (result->status == VD_EVM_UNSUPPORTED) {
        printf(" 0x");
        put_hex(vd_slice(result->unsupported.b, sizeof result->unsupported.b));
    }
    printf("\ngas used: %" PRIu64 "\noutput: 0x", used);
    put_hex(result->output);
    puts("");
    if (o->bench) {
        double per_run = (double)ns / (double)o->iterations;
        printf("ns per run: %.0f\nMgas/s: %.2f\n", per_run,
               per_run > 0 ? (double)used * 1000.0 / per_run : 0.0);
    }
}

static int
run_with(struct run *run, const struct options *o)
{
    struct vd_evm_result result;
    uint64_t ns;
    if (read_hex(&run->code, &run->arena, o->code_path) != 0 ||
        (o->input_path != NULL && read_hex(&run->message.input, &run->arena, o->input_path) != 0)) {
        return 2;
    }
    enum vd_err err = set_up(run, o);
    if (err == VD_OK) {
        err = run_all(run, o, &result, &ns);
    }
    if (err != VD_OK) {
        return complain("the run could not be made:", vd_err_text(err));
    }
    print_result(o, &result, ns);
    return result.status == VD_EVM_UNSUPPORTED ? EXIT_UNSUPPORTED : 0;
}

int
tool_run(int argc, char **argv)
{
    struct options o;
    int status = parse_options(&o, argc, argv);
    if (status != 0) {
        return status;
    }
    size_t size = vd_evm_room(o.gas) + ((size_t)8 << 30);
    void *memory = vd_reserve(size);
    if (memory == NULL) {
        return complain("cannot reserve address space:", strerror(errno));
    }
    struct run run = {0};
    vd_arena_init(&run.arena, memory, size);
    status = run_with(&run, &o);
    vd_release(memory, size);
    return status;
}
