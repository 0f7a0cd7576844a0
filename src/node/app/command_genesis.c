/* viaduct genesis: rollup.json and genesis.json of a chain on an L1: computed again from what a
   deployment left behind, or for contracts that the founder's file names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain_files.h"
#include "commands.h"
#include "deploy_file.h"
#include "founding.h"
#include "run.h"
#include "viaduct/node/l1/l1_client.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 32)

/* POSIX leaves this declaration to the program. */
extern char **environ;

struct command {
    struct vd_run run; /* first: the callbacks get it */
    struct vd_options options;
    struct vd_arena arena;
    struct vd_founding founding;
    struct vd_block_id anchor; /* of the deployment; its hash is zero without one */
    struct vd_l1 *l1;
};

static void
on_l1_closed(void *ctx)
{
    vd_run_stopped(ctx);
}

static void
stop(struct vd_run *run)
{
    struct command *c = (struct command *)run;
    vd_l1_close(c->l1, on_l1_closed, c);
}

static bool
store(struct command *c, json_t *document, const char *name, char *error, size_t error_len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", c->options.out, name);
    bool stored = vd_file_store(document, path, error, error_len);
    json_decref(document);
    if (stored) {
        printf("%s\n", path);
    }
    return stored;
}

static void
on_start_block(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
               const struct vd_header *header)
{
    struct command *c = ctx;
    char error[512];
    if (status->err != VD_OK) {
        snprintf(error, sizeof error, "L1's starting block: %s %s", vd_err_text(status->err),
                 status->text);
        vd_run_fail(&c->run, error);
        return;
    }
    if (c->options.deployment && !vd_hash_eq(hash, &c->anchor.hash)) {
        snprintf(error, sizeof error, "L1 has another block %llu than the deployment's anchor",
                 (unsigned long long)header->number);
        vd_run_fail(&c->run, error);
        return;
    }
    struct vd_l1_ref start = {.hash = *hash,
                              .number = header->number,
                              .parent_hash = header->parent_hash,
                              .timestamp = header->timestamp};
    struct vd_founded founded;
    if (!vd_found(&founded, &c->arena, &c->founding, &start, error, sizeof error) ||
        !vd_file_folder(c->options.out, error, sizeof error) ||
        !store(c, vd_genesis_json_write(&founded.genesis, &founded.config.l2), "genesis.json",
               error, sizeof error) ||
        !store(c, vd_rollup_json_write(&founded.config), "rollup.json", error, sizeof error)) {
        vd_run_fail(&c->run, error);
        return;
    }
    vd_run_stop(&c->run);
}

static void
on_chain_id(void *ctx, const struct vd_l1_status *status, uint64_t chain_id)
{
    struct command *c = ctx;
    char error[512];
    if (status->err != VD_OK) {
        snprintf(error, sizeof error, "the L1 at %s does not answer: %s %s", c->options.l1,
                 vd_err_text(status->err), status->text);
        vd_run_fail(&c->run, error);
        return;
    }
    if (chain_id != c->founding.l1_chain_id) {
        snprintf(error, sizeof error, "the L1 at %s has chain id %llu, %s says %llu (l1ChainID)",
                 c->options.l1, (unsigned long long)chain_id, c->options.config,
                 (unsigned long long)c->founding.l1_chain_id);
        vd_run_fail(&c->run, error);
        return;
    }
    struct vd_l1_at at = {.tag = VD_L1_FINALIZED};
    if (c->founding.l1_start_number != UINT64_MAX) {
        at = vd_l1_number(c->founding.l1_start_number);
    }
    vd_l1_header(c->l1, at, on_start_block, c);
}

static void
begin(struct command *c)
{
    struct vd_l1_config config = {.url = c->options.l1};
    if (vd_l1_new(&c->l1, &c->run.loop, c->run.pool, &config) != VD_OK) {
        fprintf(stderr, "viaduct: cannot use the L1 address '%s'\n", c->options.l1);
        c->run.status = 1;
        c->run.stopping = true;
        vd_run_stopped(&c->run);
        return;
    }
    vd_l1_chain_id(c->l1, on_chain_id, c);
}

static bool
read_deployment(struct command *c, struct vd_file_read *r)
{
    char path[4096];
    struct vd_address inbox = c->founding.l1.batch_inbox;
    snprintf(path, sizeof path, "%s/addresses.json", c->options.deployment);
    if (!vd_addresses_read(r, &c->founding.l1, path)) {
        return false;
    }
    if (memcmp(&inbox, &c->founding.l1.batch_inbox, sizeof inbox) != 0) {
        snprintf(r->error, r->error_len, "%s has another BatchInbox than the configuration", path);
        return false;
    }
    snprintf(path, sizeof path, "%s/%s", c->options.deployment, VD_DEPLOY_PLAN_FILE);
    if (!vd_deploy_file_anchor(&c->anchor, path, r->error, r->error_len)) {
        return false;
    }
    c->founding.l1_start_number = c->anchor.number;
    return true;
}

/* A chain needs these two of its contracts; the bridges' addresses may be given as well. */
static bool
check_contracts(const struct command *c, char *error, size_t error_len)
{
    static const struct vd_address none;
    bool portal = memcmp(&c->founding.l1.optimism_portal, &none, sizeof none) != 0;
    bool system = memcmp(&c->founding.l1.system_config, &none, sizeof none) != 0;
    if (!portal || !system) {
        snprintf(error, error_len,
                 "%s is missing: give --deployment, or the contracts' addresses in %s",
                 portal ? "systemConfigProxy" : "optimismPortalProxy", c->options.config);
    }
    return portal && system;
}

int
vd_command_genesis(int argc, char **argv)
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
    struct vd_file_read r = {.arena = &c->arena, .error = error, .error_len = sizeof error};
    bool good =
        vd_options_parse(&c->options, VD_COMMAND_GENESIS, argc, argv, environ, error, sizeof error);
    if (good && (!c->options.l1 || !c->options.config)) {
        snprintf(error, sizeof error, "--%s is missing; viaduct help genesis lists the options",
                 c->options.l1 ? "config" : "l1");
        good = false;
    }
    good = good && vd_founding_read(&r, &c->founding, c->options.config);
    if (good) {
        vd_founding_print_unknown(&r);
    }
    good = good && (!c->options.deployment || read_deployment(c, &r)) &&
           check_contracts(c, error, sizeof error) &&
           vd_founding_check(&c->founding, error, sizeof error);
    c->options.log_level = "warn";
    if (!good) {
        fprintf(stderr, "viaduct: %s\n", error);
    } else if (vd_run_init(&c->run, &c->options, stop)) {
        begin(c);
        status = vd_run_loop(&c->run);
    }
    vd_options_deinit(&c->options);
    vd_release(memory, ARENA_BYTES);
    free(c);
    return status;
}
