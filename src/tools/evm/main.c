/* viaduct-evm: the EVM alone, in the shape of geth's evm. */
#include <stdio.h>
#include <string.h>

#include "tools/evm/tools.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
} COMMANDS[] = {
    {"run", tool_run,
     "run --codefile F [--inputfile F] --gas N [--fork NAME] [--bench [--iterations N]] [--trace]\n"
     "      exit status 0: it ran, whatever its status; 3: it reached a precompile that this "
     "build\n"
     "      lacks (status: unsupported precompile ADDRESS); 2: it could not be run"},
    {"statetest", tool_statetest, "statetest [--fork NAME] PATH..."},
    {"blocktest", tool_blocktest, "blocktest [--fork NAME] PATH..."},
    {"block", tool_block, "block DIR"},
};
#define COMMAND_COUNT (sizeof COMMANDS / sizeof COMMANDS[0])

static void
usage(FILE *out)
{
    fputs("usage:\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  viaduct-evm %s\n", COMMANDS[i].usage);
    }
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return 0;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0) {
            return COMMANDS[i].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "viaduct-evm: no command named '%s'\n", argv[1]);
    usage(stderr);
    return 2;
}
