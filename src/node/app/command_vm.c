/* viaduct vm run: a bare RISC-V program in the fault-proof machine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "viaduct/node/fault/trace.h"

#define MAX_FILE ((size_t)256 << 20)

struct run {
    const char *path;
    uint64_t steps;
    bool trace;
};

static enum vd_err
no_preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    (void)ctx;
    (void)value;
    (void)key;
    return VD_ERR_NOT_FOUND;
}

static void
show_write(void *ctx, struct vd_slice bytes)
{
    (void)ctx;
    fwrite(bytes.ptr, 1, bytes.len, stderr);
}

static bool
read_file(uint8_t **bytes, size_t *len, const char *path)
{
    FILE *file = fopen(path, "rb");
    *bytes = file ? malloc(MAX_FILE) : NULL;
    if (*bytes) {
        *len = fread(*bytes, 1, MAX_FILE, file);
    }
    if (file) {
        fclose(file);
    }
    return *bytes != NULL && *len < MAX_FILE;
}

static void
print_registers(const struct vd_vm_registers *r)
{
    printf("pc 0x%08llx\n", (unsigned long long)r->pc);
    for (unsigned i = 0; i < 32; i++) {
        printf("x%-2u 0x%016llx%s", i, (unsigned long long)r->x[i], i % 4 == 3 ? "\n" : "  ");
    }
}

static void
print_trace_line(const struct vd_vm_registers *r)
{
    printf("%llu pc=%08llx", (unsigned long long)r->step, (unsigned long long)r->pc);
    for (unsigned i = 1; i < 32; i++) {
        printf(" x%u=%llx", i, (unsigned long long)r->x[i]);
    }
    printf("\n");
}

static int
execute(struct vd_machine *m, const struct run *run)
{
    struct vd_vm_host host = {.preimage = no_preimage, .write = show_write};
    const struct vd_vm_registers *r = vd_machine_registers(m);
    enum vd_err err = VD_OK;
    while (run->trace && err == VD_OK && !r->exited && r->step < run->steps) {
        print_trace_line(r);
        err = vd_machine_run(m, r->step + 1, &host);
    }
    if (!run->trace) {
        err = vd_machine_run(m, run->steps, &host);
    }
    if (err == VD_ERR_NO_MEMORY) {
        fprintf(stderr, "viaduct: no address space left for the program's code\n");
        return 1;
    }
    if (err != VD_OK) {
        fprintf(stderr, "viaduct: step %llu asks for a preimage; vm run has none\n",
                (unsigned long long)r->step);
        return 1;
    }
    uint8_t state[VD_VM_STATE_BYTES];
    char hex[65] = {0};
    vd_machine_state(m, state);
    struct vd_hash hash = vd_vm_state_hash(state);
    vd_hex_encode(hex, hash.b, sizeof hash.b);
    uint64_t code;
    if (r->exited) {
        bool called = vd_machine_exit_call(m, &code);
        printf("exit %llu\n", (unsigned long long)(called ? code : r->exit_code));
    } else {
        printf("running\n");
    }
    printf("steps %llu\n", (unsigned long long)r->step);
    print_registers(r);
    printf("state 0x%s\n", hex);
    if (r->exited && r->exit_code == VD_VM_PANIC) {
        char why[120];
        vd_machine_panic_reason(m, why, sizeof why);
        fprintf(stderr, "viaduct: panic at step %llu, pc 0x%08llx: %s\n",
                (unsigned long long)r->step - 1, (unsigned long long)r->pc, why);
    }
    return 0;
}

static int
usage(FILE *out, int status)
{
    fprintf(
        out,
        "usage: viaduct vm run ELF [--steps N] [--trace]\n\n"
        "  Runs a statically linked RV64IM executable to its exit call (a7 = 93), or for N\n"
        "  steps; prints exit code, steps, pc, registers and state hash.  --trace prints step\n"
        "  number, pc and registers (hex) before every step.  A trap has exit code 2, and in the\n"
        "  state every code above 2 counts as 2; standard error says then what it was.  The\n"
        "  status is 0 whatever the program's exit code.\n");
    return status;
}

static bool
parse(struct run *run, int argc, char **argv)
{
    *run = (struct run){.steps = UINT64_MAX};
    if (argc < 2 || strcmp(argv[0], "run") != 0) {
        return false;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            run->trace = true;
        } else if (strcmp(argv[i], "--steps") == 0 && i + 1 < argc) {
            char *end = NULL;
            errno = 0;
            run->steps = strtoull(argv[++i], &end, 10);
            if (errno != 0 || *end != '\0' || argv[i][0] < '0' || argv[i][0] > '9') {
                return false;
            }
        } else if (argv[i][0] != '-' && !run->path) {
            run->path = argv[i];
        } else {
            return false;
        }
    }
    return run->path != NULL;
}

int
vd_command_vm(int argc, char **argv)
{
    struct run run;
    char why[200];
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct vd_machine *m = NULL;
    if (argc > 0 && strcmp(argv[argc - 1], "--help") == 0) {
        return usage(stdout, 0);
    }
    if (!parse(&run, argc, argv)) {
        return usage(stderr, 2);
    }
    if (!read_file(&bytes, &len, run.path)) {
        fprintf(stderr, "viaduct: cannot read %s\n", run.path);
        free(bytes);
        return 1;
    }
    int status = 1;
    if (vd_elf_load(&m, why, sizeof why, vd_slice(bytes, len), NULL) == VD_OK) {
        status = execute(m, &run);
    } else {
        fprintf(stderr, "viaduct: %s: %s\n", run.path, why);
    }
    vd_machine_free(m);
    free(bytes);
    return status;
}
