#include "tools/evm/suite.h"

#include <stdio.h>
#include <string.h>

#define DB_BYTES ((size_t)4 << 30)
#define TEST_BYTES ((size_t)4 << 30)
#define BLOCK_BYTES ((size_t)16 << 30)

void
suite_fail(struct suite *suite, const char *fork, size_t index, const char *reason)
{
    suite->failed++;
    printf("FAIL %s %s %s %zu %s\n", suite->file, suite->name, fork, index, reason);
}

void
suite_unsupported(struct suite *suite, const char *fork, size_t index,
                  const struct vd_address *precompile)
{
    char hex[41] = {0};
    vd_hex_encode(hex, precompile->b, sizeof precompile->b);
    suite->unsupported++;
    printf("UNSUPPORTED %s %s %s %zu 0x%s\n", suite->file, suite->name, fork, index, hex);
}

/* The number of arguments before the paths; 0 after a complaint. */
static int
read_options(struct suite *suite, int argc, char **argv)
{
    int i = 1;
    while (i < argc && strncmp(argv[i], "--", 2) == 0) {
        if (strcmp(argv[i], "--fork") != 0 || i + 1 == argc) {
            fprintf(stderr, "viaduct-evm %s: bad option '%s'\n", argv[0], argv[i]);
            return 0;
        }
        suite->only_fork = argv[i + 1];
        i += 2;
    }
    if (i == argc) {
        fprintf(stderr, "viaduct-evm %s: name at least one file or folder\n", argv[0]);
        return 0;
    }
    return i;
}

struct walk {
    struct suite *suite;
    suite_test_fn test;
    void *ctx;
};

static void
run_file(void *ctx, const char *path, json_t *root)
{
    const struct walk *walk = ctx;
    struct suite *suite = walk->suite;
    const char *name;
    json_t *body;
    suite->file = path;
    json_object_foreach(root, name, body)
    {
        suite->name = name;
        walk->test(walk->ctx, body);
        memdb_reset(&suite->db);
        region_reset(&suite->test);
    }
}

int
suite_run(struct suite *suite, int argc, char **argv, suite_test_fn test, void *ctx)
{
    *suite = (struct suite){0};
    int first = read_options(suite, argc, argv);
    if (first == 0)
        return 2;
    if (!memdb_init(&suite->db, DB_BYTES) || !region_init(&suite->test, TEST_BYTES) ||
        !region_init(&suite->block, BLOCK_BYTES)) {
        fprintf(stderr, "viaduct-evm %s: no address space\n", argv[0]);
        return 2;
    }
    struct walk walk = {suite, test, ctx};
    bool ok = true;
    for (int i = first; i < argc; i++)
        ok &= json_walk(argv[i], run_file, &walk);
    printf("passed %lu failed %lu unsupported %lu\n", suite->passed, suite->failed,
           suite->unsupported);
    memdb_deinit(&suite->db);
    region_deinit(&suite->test);
    region_deinit(&suite->block);
    if (!ok)
        return 2;
    return suite->failed != 0 ? 1 : 0;
}
