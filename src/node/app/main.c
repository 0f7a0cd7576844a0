/* viaduct: the program.

   Where to read on:
     src/node/app/options.def       what can be set
     src/node/app/command_dev.c     a whole rollup in one process
     src/node/app/node.c            an L2 node: engine, L1, roles
     src/node/app/l1_plan.c         a chain's contracts on its L1
     include/viaduct/node/engine    the chain instance: open block, journal, database
     src/node/roles                 sequencer, batcher, follower as state machines
     src/core/rollup/derive.c       from L1 data to L2 blocks
     src/core/chain/exec_tx.c       a transaction's way through the rules
     src/core/evm/interp.c          the machine */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "options.h"

static const struct {
    const char *name;
    enum vd_command bit;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"dev", VD_COMMAND_DEV, vd_command_dev, "a complete rollup on this machine: L1 and L2"},
    {"node", VD_COMMAND_NODE, vd_command_node, "an L2 node on an external L1"},
    {"deploy", VD_COMMAND_DEPLOY, vd_command_deploy, "a new chain's contracts, on its L1"},
    {"bridge", 0, vd_command_bridge, "move value between L1 and L2"},
    {"genesis", VD_COMMAND_GENESIS, vd_command_genesis, "write rollup.json and genesis.json"},
    /* Its actions have their own options; it prints its help itself. */
    {"account", 0, vd_command_account, "keystore files: new, import, list, sign"},
    {"db", 0, vd_command_db, "a chain's database: stat, copy, verify"},
    {"prove", VD_COMMAND_PROVE, vd_command_prove, "run the fault proof of a block"},
    {"prestate", VD_COMMAND_PRESTATE, vd_command_prestate, "print a chain's absolute prestate"},
    {"games", VD_COMMAND_GAMES, vd_command_games, "the dispute games on L1 and their claims"},
    {"vm", 0, vd_command_vm, "run a program in the fault-proof machine"},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void
print_line(void *ctx, const char *text)
{
    fprintf(ctx, "%s\n", text);
}

static void
usage(FILE *out)
{
    fprintf(out, "viaduct: an optimistic-rollup node\n\nusage: viaduct <command> [options]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(out, "  %-10s the options of a command\n  %-10s the version\n", "help", "version");
}

static int
help(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (name && strcmp(name, commands[i].name) == 0) {
            if (commands[i].bit == 0) {
                return commands[i].run(1, (char *[]){(char *)"--help"});
            }
            printf("viaduct %s: %s\n\n", name, commands[i].help);
            vd_options_help(commands[i].bit, print_line, stdout);
            printf("\nEach option can stand in the environment too (VIADUCT_HTTP_PORT for "
                   "--http-port).\n");
            return 0;
        }
    }
    usage(stdout);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        printf("viaduct 0.1.0\n");
        return 0;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return help(argc > 2 ? argv[2] : NULL);
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i].name) != 0) {
            continue;
        }
        if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
            return help(name);
        }
        return commands[i].run(argc - 2, argv + 2);
    }
    if (argc > 1) {
        fprintf(stderr, "viaduct: unknown command '%s'\n\n", name);
    }
    usage(stderr);
    return 2;
}
