/* viaduct bridge deposit|withdraw|prove|finalize|status: value between the layers, by L1's word. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "commands.h"
#include "signers.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 32)

/* POSIX leaves this declaration to the program. */
extern char **environ;

static const struct action {
    const char *name;
    bool (*run)(struct bridge *b);
    bool signs;
    const char *help;
} actions[] = {
    {"deposit", bridge_deposit, true, "move ETH or a token from L1 to L2"},
    {"withdraw", bridge_withdraw, true, "begin to move ETH or a token from L2 to L1"},
    {"prove", bridge_prove, true, "prove a withdrawal on L1"},
    {"finalize", bridge_finalize, true, "finish a proven withdrawal on L1"},
    {"status", bridge_status, false, "where a withdrawal stands and what comes next"},
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

/* --- stopping, in order --- */

static void
close_step(void *ctx)
{
    struct bridge *b = ctx;
    int stage = b->stage++;
    if (stage == 0 && b->l1) {
        vd_l1_close(b->l1, close_step, b);
    } else if (stage == 1 && b->l2) {
        vd_l1_close(b->l2, close_step, b);
    } else if (stage == 2 && b->signer) {
        vd_signer_close(b->signer, close_step, b);
    } else if (stage < 3) {
        close_step(b);
    } else {
        vd_run_stopped(&b->run);
    }
}

/* A signal only ends what is waited for; the action returns and closes everything. */
static void
stop(struct vd_run *run)
{
    uv_stop(&run->loop);
}

/* --- opening --- */

static bool
open_layer(struct bridge *b, struct vd_l1 **layer, const char *option, const char *url)
{
    if (!url) {
        return bridge_fail(b, "%s is missing: the JSON-RPC address of a node of that layer",
                           option);
    }
    struct vd_l1_config config = {.url = url};
    enum vd_err err = vd_l1_new(layer, &b->run.loop, b->run.pool, &config);
    return err == VD_OK || bridge_fail(b, "%s: %s", option, vd_err_text(err));
}

static bool
check_portal(struct bridge *b)
{
    struct vd_slice answer;
    struct vd_address there;
    struct vd_abi call;
    bool reverted = false;
    vd_abi_call(&call, VD_SELECTOR_SYSTEM_CONFIG);
    if (!bridge_call(b, b->l1, &answer, &reverted, &b->addresses.optimism_portal, &call)) {
        return false;
    }
    return (!reverted && vd_abi_read_address(&there, answer, 0)) ||
           bridge_fail(b, "L1: there is no portal at %s; are --l1 and --addresses of one rollup?",
                       bridge_hex(b->addresses.optimism_portal.b, 20).text);
}

/* The bridge of L2 names its counterpart, which a node of another rollup cannot get right. */
static bool
check_l2_bridge(struct bridge *b)
{
    struct vd_slice answer;
    struct vd_address there;
    struct vd_abi call;
    bool reverted = false;
    vd_abi_call(&call, VD_SELECTOR_OTHER_BRIDGE);
    if (!bridge_call(b, b->l2, &answer, &reverted, &VD_L2_STANDARD_BRIDGE, &call)) {
        return false;
    }
    if (reverted || !vd_abi_read_address(&there, answer, 0)) {
        return bridge_fail(b, "L2: there is no bridge at %s; is --l2 a node of the rollup?",
                           bridge_hex(VD_L2_STANDARD_BRIDGE.b, 20).text);
    }
    return vd_address_eq(&there, &b->addresses.l1_standard_bridge) ||
           bridge_fail(b,
                       "L2: its bridge belongs to %s of L1 and not to %s; are --l2 and "
                       "--addresses of one rollup?",
                       bridge_hex(there.b, 20).text,
                       bridge_hex(b->addresses.l1_standard_bridge.b, 20).text);
}

/* Both are asked what they are at once, so that a wrong address shows before anything is sent. */
static bool
check_layers(struct bridge *b)
{
    uint64_t l1_id = 0;
    uint64_t l2_id = 0;
    if (!bridge_chain_id(b, b->l1, &l1_id) || !bridge_chain_id(b, b->l2, &l2_id)) {
        return false;
    }
    if (l1_id == l2_id) {
        return bridge_fail(b, "--l1 and --l2 are the same chain, %llu", (unsigned long long)l1_id);
    }
    return check_portal(b) && check_l2_bridge(b);
}

static bool
open_all(struct bridge *b, const struct action *action)
{
    struct vd_file_read r = {.arena = &b->arena, .error = b->error, .error_len = sizeof b->error};
    static const struct vd_address none;
    if (!vd_addresses_read(&r, &b->addresses, b->options.addresses)) {
        return false;
    }
    if (vd_address_eq(&b->addresses.optimism_portal, &none) ||
        vd_address_eq(&b->addresses.l1_standard_bridge, &none)) {
        return bridge_fail(b, "%s names no OptimismPortalProxy or no L1StandardBridgeProxy",
                           b->options.addresses);
    }
    struct vd_role_key_options keys = vd_command_key_options(&b->options, "account");
    return open_layer(b, &b->l1, "--l1", b->options.l1) &&
           open_layer(b, &b->l2, "--l2", b->options.bridge_l2) &&
           (!action->signs || vd_signer_from_options(&b->signer, &keys, &b->run.loop, b->run.pool,
                                                     b->error, sizeof b->error)) &&
           check_layers(b);
}

/* --- the command --- */

static int
run(const struct action *action, int argc, char **argv)
{
    struct bridge *b = calloc(1, sizeof *b);
    void *memory = vd_reserve(ARENA_BYTES);
    int status = 2;
    if (!b || !memory) {
        fprintf(stderr, "viaduct: out of memory\n");
        return 1;
    }
    vd_arena_init(&b->arena, memory, ARENA_BYTES);
    if (!vd_options_parse(&b->options, VD_COMMAND_BRIDGE, argc, argv, environ, b->error,
                          sizeof b->error)) {
        fprintf(stderr, "viaduct: %s\n", b->error);
    } else if (vd_run_init(&b->run, &b->options, stop)) {
        bool ok = open_all(b, action) && action->run(b);
        if (!ok) {
            fprintf(stderr, "viaduct: %s\n", b->error);
        }
        close_step(b);
        vd_run_loop(&b->run);
        status = ok ? 0 : 1;
        json_decref(b->json);
    }
    vd_options_deinit(&b->options);
    vd_release(memory, ARENA_BYTES);
    free(b);
    return status;
}

static void
print_line(void *ctx, const char *text)
{
    fprintf(ctx, "%s\n", text);
}

static bool
is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

static void
usage(FILE *out)
{
    fprintf(out, "viaduct bridge: value between L1 and L2 (docs/bridge.md)\n\n"
                 "usage: viaduct bridge <action> [options]\n\n");
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        fprintf(out, "  %-10s %s\n", actions[i].name, actions[i].help);
    }
    fprintf(out, "\n");
    vd_options_help(VD_COMMAND_BRIDGE, print_line, out);
}

int
vd_command_bridge(int argc, char **argv)
{
    const char *name = argc > 0 ? argv[0] : "";
    if (is_help(name) || (argc > 1 && is_help(argv[1]))) {
        usage(stdout);
        return 0;
    }
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(name, actions[i].name) == 0) {
            return run(&actions[i], argc - 1, argv + 1);
        }
    }
    if (*name) {
        fprintf(stderr, "viaduct: bridge has no action '%s'\n\n", name);
    }
    usage(stderr);
    return 2;
}
