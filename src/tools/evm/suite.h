/* A run over files of tests: arguments, memory and what it adds up, for statetest and blocktest. */
#ifndef VD_TOOLS_EVM_SUITE_H
#define VD_TOOLS_EVM_SUITE_H

#include "tools/evm/json.h"
#include "tools/evm/memdb.h"

struct suite {
    const char *only_fork; /* NULL: all */
    const char *file;
    const char *name;    /* of the test */
    struct memdb db;     /* emptied after each test */
    struct region test;  /* likewise */
    struct region block; /* the test's to empty */
    unsigned long passed;
    unsigned long failed;
    unsigned long unsupported;
};

/* suite_run calls test for every test in the files that the arguments name, [--fork NAME] PATH...
   Returns the exit status. */
typedef void (*suite_test_fn)(void *ctx, const json_t *body);
int suite_run(struct suite *suite, int argc, char **argv, suite_test_fn test, void *ctx);

void suite_fail(struct suite *suite, const char *fork, size_t index, const char *reason);
void suite_unsupported(struct suite *suite, const char *fork, size_t index,
                       const struct vd_address *precompile);

#endif
