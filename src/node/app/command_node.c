/* viaduct node: an L2 node on an external L1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain_files.h"
#include "commands.h"
#include "run.h"
#include "signers.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 32)

/* POSIX leaves this declaration to the program. */
extern char **environ;

struct command {
    struct vd_run run; /* first: the callbacks get it */
    struct vd_options options;
    struct vd_arena arena;
    struct vd_rollup_config rollup;
    struct vd_genesis genesis;
    char *rollup_json;
    struct vd_signer *batcher;
    struct vd_signer *proposer;
    struct vd_signer *challenger;
    struct vd_node *node;
    int stage; /* of stopping */
};

static void
stop_step(void *ctx)
{
    struct command *c = ctx;
    int stage = c->stage++;
    if (stage == 0 && c->node) {
        vd_node_close(c->node, stop_step, c);
    } else if (stage == 1 && c->batcher) {
        vd_signer_close(c->batcher, stop_step, c);
    } else if (stage == 2 && c->proposer) {
        vd_signer_close(c->proposer, stop_step, c);
    } else if (stage == 3 && c->challenger) {
        vd_signer_close(c->challenger, stop_step, c);
    } else if (stage < 4) {
        stop_step(c);
    } else {
        vd_run_stopped(&c->run);
    }
}

static void
stop(struct vd_run *run)
{
    stop_step(run);
}

static void
on_failed(void *ctx, const char *text)
{
    vd_run_fail(ctx, text);
}

/* Reads the chain's files; false with a message. */
static bool
read_files(struct command *c, char *error, size_t error_len)
{
    struct vd_file_read r = {.arena = &c->arena, .error = error, .error_len = error_len};
    if (!c->options.l1 || !c->options.datadir) {
        snprintf(error, error_len, "--%s is missing; viaduct help node lists the options",
                 c->options.l1 ? "datadir" : "l1");
        return false;
    }
    if (!vd_rollup_json_read(&r, &c->rollup, c->options.rollup) ||
        !vd_genesis_json_read(&r, &c->genesis, c->options.genesis)) {
        return false;
    }
    json_t *document = vd_rollup_json_write(&c->rollup);
    c->rollup_json = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    return true;
}

/* A challenger without a key watches.  It may have the proposer's, whose manager it shares then. */
static bool
open_challenger(struct command *c, char *error, size_t error_len)
{
    struct vd_role_key_options keys = vd_challenger_key_options(&c->options);
    bool has_key =
        keys.key_file || keys.keystore || keys.signer || keys.password_file || keys.signer_address;
    return !c->options.challenger || !has_key ||
           (vd_signer_from_options(&c->challenger, &keys, &c->run.loop, c->run.pool, error,
                                   error_len) &&
            vd_signers_differ(c->batcher, "batcher", c->challenger, "challenger", error,
                              error_len));
}

/* The keys of the roles that run. */
static bool
open_signers(struct command *c, char *error, size_t error_len)
{
    struct vd_role_key_options batcher = vd_batcher_key_options(&c->options);
    struct vd_role_key_options proposer = vd_proposer_key_options(&c->options);
    return (!c->options.batcher || vd_signer_from_options(&c->batcher, &batcher, &c->run.loop,
                                                          c->run.pool, error, error_len)) &&
           (!c->options.proposer || vd_signer_from_options(&c->proposer, &proposer, &c->run.loop,
                                                           c->run.pool, error, error_len)) &&
           vd_signers_differ(c->batcher, "batcher", c->proposer, "proposer", error, error_len) &&
           open_challenger(c, error, error_len);
}

static void
open_node(struct command *c)
{
    struct vd_node_config config = {.loop = &c->run.loop,
                                    .pool = c->run.pool,
                                    .logger = &c->run.logger,
                                    .folder = c->options.datadir,
                                    .rollup = &c->rollup,
                                    .genesis = &c->genesis,
                                    .rollup_json = c->rollup_json,
                                    .l1_url = c->options.l1,
                                    .l1_poll_ms = (uint32_t)c->options.l1_poll_ms,
                                    .l1_trust_blob_blocks = c->options.l1_trust_blob_roots,
                                    .verifier_l1_confs = c->options.verifier_l1_confs,
                                    .sequencer = c->options.sequencer,
                                    .sequencer_l1_confs = c->options.sequencer_l1_confs,
                                    .http_port = (uint16_t)c->options.http_port,
                                    .failed = on_failed,
                                    .ctx = c};
    vd_node_config_from_options(&config, &c->options);
    char why[512];
    if (!open_signers(c, why, sizeof why)) {
        vd_run_fail(&c->run, why);
        return;
    }
    config.batcher_signer = c->batcher;
    config.proposer_signer = c->proposer;
    config.challenger = c->options.challenger;
    config.challenger_signer = c->challenger;
    if (vd_node_new(&c->node, why, sizeof why, &config) != VD_OK) {
        vd_run_fail(&c->run, why);
        return;
    }
    vd_log(&c->run.logger, VD_LOG_INFO, "node", "L2 JSON-RPC on http://%s:%u", c->options.http_host,
           (unsigned)vd_node_port(c->node));
}

int
vd_command_node(int argc, char **argv)
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
    if (!vd_options_parse(&c->options, VD_COMMAND_NODE, argc, argv, environ, error, sizeof error) ||
        !read_files(c, error, sizeof error)) {
        fprintf(stderr, "viaduct: %s\n", error);
    } else if (vd_run_init(&c->run, &c->options, stop)) {
        open_node(c);
        status = vd_run_loop(&c->run);
    }
    free(c->rollup_json);
    vd_options_deinit(&c->options);
    vd_release(memory, ARENA_BYTES);
    free(c);
    return status;
}
