/* viaduct deploy: the contracts of a new chain on its L1, and the files that its nodes start
   from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "deploy.h"
#include "run.h"
#include "signers.h"
#include "viaduct/node/l1/l1_client.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 32)
#define POLL_MS 250u
/* A public L1 reorganises: fewer confirmations than these are not taken there. */
#define PUBLIC_CONFIRMATIONS 10u

/* POSIX leaves this declaration to the program. */
extern char **environ;

struct command {
    struct vd_run run; /* first: the callbacks get it */
    struct vd_options options;
    struct vd_arena arena;
    struct vd_founding founding;
    struct vd_signer *signer;
    struct vd_l1 *l1;
    struct vd_deploy *deploy;
    int stage;
};

static void
stop_step(void *ctx)
{
    struct command *c = ctx;
    int stage = c->stage++;
    if (stage == 0 && c->deploy) {
        vd_deploy_close(c->deploy, stop_step, c);
    } else if (stage == 1 && c->l1) {
        vd_l1_close(c->l1, stop_step, c);
    } else if (stage == 2 && c->signer) {
        vd_signer_close(c->signer, stop_step, c);
    } else if (stage < 3) {
        stop_step(c);
    } else {
        vd_deploy_free(c->deploy);
        vd_run_stopped(&c->run);
    }
}

static void
stop(struct vd_run *run)
{
    stop_step(run);
}

static void
on_progress(void *ctx, const char *line)
{
    (void)ctx;
    printf("%s\n", line);
    fflush(stdout);
}

static void
on_done(void *ctx, const char *error)
{
    struct command *c = ctx;
    if (error) {
        vd_run_fail(&c->run, error);
    } else {
        printf("deployed: see %s\n", c->options.out);
        vd_run_stop(&c->run);
    }
}

static bool
open_all(struct command *c, char *error, size_t error_len)
{
    struct vd_l1_config l1 = {.url = c->options.l1, .poll_interval_ms = POLL_MS};
    struct vd_role_key_options key = vd_command_key_options(&c->options, "deployer");
    if (!vd_file_folder(c->options.out, error, error_len) ||
        !vd_signer_from_options(&c->signer, &key, &c->run.loop, c->run.pool, error, error_len)) {
        return false;
    }
    if (vd_l1_new(&c->l1, &c->run.loop, c->run.pool, &l1) != VD_OK) {
        snprintf(error, error_len, "cannot use the L1 address '%s'", c->options.l1);
        return false;
    }
    uint64_t confirmations = c->options.confirmations;
    if (!vd_founding_is_dev(&c->founding) && confirmations < PUBLIC_CONFIRMATIONS) {
        confirmations = PUBLIC_CONFIRMATIONS;
    }
    struct vd_deploy_config config = {.loop = &c->run.loop,
                                      .pool = c->run.pool,
                                      .l1 = c->l1,
                                      .signer = c->signer,
                                      .arena = &c->arena,
                                      .founding = &c->founding,
                                      .out = c->options.out,
                                      .l1_url = c->options.l1,
                                      .confirmations = confirmations,
                                      .max_fee_gwei = c->options.deploy_max_fee_gwei,
                                      .progress = on_progress,
                                      .done = on_done,
                                      .ctx = c};
    if (vd_deploy_new(&c->deploy, &config) != VD_OK) {
        snprintf(error, error_len, "out of memory");
        return false;
    }
    return true;
}

/* Everything that can be refused before L1 is asked. */
static bool
read_options(struct command *c, int argc, char **argv, char *error, size_t error_len)
{
    struct vd_file_read r = {.arena = &c->arena, .error = error, .error_len = error_len};
    if (!vd_options_parse(&c->options, VD_COMMAND_DEPLOY, argc, argv, environ, error, error_len)) {
        return false;
    }
    if (!c->options.l1 || !c->options.config) {
        snprintf(error, error_len, "--%s is missing; viaduct help deploy lists the options",
                 c->options.l1 ? "config" : "l1");
        return false;
    }
    c->options.log_level = "warn";
    if (!vd_founding_read(&r, &c->founding, c->options.config)) {
        return false;
    }
    vd_founding_print_unknown(&r);
    return vd_founding_check_deploy(&c->founding, error, error_len);
}

int
vd_command_deploy(int argc, char **argv)
{
    struct command *c = calloc(1, sizeof *c);
    char error[512] = "";
    int status = 2;
    void *memory = vd_reserve(ARENA_BYTES);
    if (!c || !memory) {
        fprintf(stderr, "viaduct: out of memory\n");
        return 1;
    }
    vd_arena_init(&c->arena, memory, ARENA_BYTES);
    if (!read_options(c, argc, argv, error, sizeof error)) {
        fprintf(stderr, "viaduct: %s\n", error);
    } else if (vd_run_init(&c->run, &c->options, stop)) {
        if (!open_all(c, error, sizeof error)) {
            vd_run_fail(&c->run, error);
        }
        status = vd_run_loop(&c->run);
    }
    vd_options_deinit(&c->options);
    vd_release(memory, ARENA_BYTES);
    free(c);
    return status;
}
