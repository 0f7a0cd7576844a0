/* viaduct node: an L2 node on an external L1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain_files.h"
#include "commands.h"
#include "run.h"
#include "viaduct/node/l1/key.h"
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
    struct vd_key *key;
    struct vd_node *node;
};

static void
on_node_closed(void *ctx)
{
    vd_run_stopped(ctx);
}

static void
stop(struct vd_run *run)
{
    struct command *c = (struct command *)run;
    if (c->node) {
        vd_node_close(c->node, on_node_closed, c);
    } else {
        vd_run_stopped(run);
    }
}

static void
on_failed(void *ctx, const char *text)
{
    vd_run_fail(ctx, text);
}

/* Reads the chain's files and the key; false with a message. */
static bool
read_files(struct command *c, char *error, size_t error_len)
{
    struct vd_file_read r = {.arena = &c->arena, .error = error, .error_len = error_len};
    if (!c->options.l1 || !c->options.datadir) {
        snprintf(error, error_len, "--%s is missing; viaduct help node lists the options",
                 c->options.l1 ? "datadir" : "l1");
        return false;
    }
    if (c->options.batcher && !c->options.batcher_key_file) {
        snprintf(error, error_len, "--batcher needs --batcher-key-file");
        return false;
    }
    if (!vd_rollup_json_read(&r, &c->rollup, c->options.rollup) ||
        !vd_genesis_json_read(&r, &c->genesis, c->options.genesis)) {
        return false;
    }
    json_t *document = vd_rollup_json_write(&c->rollup);
    c->rollup_json = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    return !c->options.batcher ||
           vd_key_load(&c->key, error, error_len, c->options.batcher_key_file) == VD_OK;
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
                                    .batcher_key = c->key,
                                    .http_port = (uint16_t)c->options.http_port,
                                    .failed = on_failed,
                                    .ctx = c};
    vd_node_config_from_options(&config, &c->options);
    char why[512];
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
    vd_key_free(c->key);
    free(c->rollup_json);
    vd_options_deinit(&c->options);
    vd_release(memory, ARENA_BYTES);
    free(c);
    return status;
}
