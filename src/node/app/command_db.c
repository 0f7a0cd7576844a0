/* viaduct db: a chain's database, looked at from outside.  The node that writes it may run. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"
#include "viaduct/node/store/care.h"

/* POSIX leaves this declaration to the program. */
extern char **environ;

#define FAULT_TEXT 1024

static void
print_line(void *ctx, const char *text)
{
    fprintf(ctx, "%s\n", text);
}

static void
print_id(const char *what, const struct vd_block_id *id)
{
    char hash[65] = {0};
    vd_hex_encode(hash, id->hash.b, sizeof id->hash.b);
    printf("%-16s %" PRIu64 " 0x%s\n", what, id->number, hash);
}

static void
print_figures(const struct vd_store_figures *f)
{
    static const char *const heads[VD_HEADS] = {"unsafe", "safe", "finalized"};
    printf("%-16s %" PRIu64 "\n%-16s %" PRIu64 "\n", "chain", f->chain_id, "layout", f->schema);
    print_id("genesis", &f->genesis);
    for (int i = 0; i < VD_HEADS; i++) {
        if (f->has_head[i]) {
            print_id(heads[i], &f->heads[i]);
        }
    }
    printf("%-16s blocks %" PRIu64 " to %" PRIu64 "\n", "states", f->oldest_state,
           f->heads[VD_HEAD_UNSAFE].number);
    if (f->index_first <= f->index_last) {
        printf("%-16s blocks %" PRIu64 " to %" PRIu64 "\n", "indexed", f->index_first,
               f->index_last);
    } else {
        printf("%-16s none\n", "indexed");
    }
    if (f->pin != UINT64_MAX) {
        printf("%-16s %" PRIu64 "\n", "pin", f->pin);
    }
    printf("%-16s %" PRIu64 " bytes\n%-16s %" PRIu64 " bytes\n", "state file", f->state_file_bytes,
           "index file", f->index_file_bytes);
    printf("\n%-12s %14s %16s\n", "table", "rows", "bytes");
    for (size_t i = 0; i < f->table_count; i++) {
        printf("%-12s %14" PRIu64 " %16" PRIu64 "\n", f->tables[i].name, f->tables[i].rows,
               f->tables[i].bytes);
    }
}

static int
stat_database(struct vd_store *store, const struct vd_options *options)
{
    struct vd_store_figures figures;
    enum vd_err err = vd_store_figures(&figures, store);
    if (err == VD_ERR_NOT_FOUND) {
        fprintf(stderr, "viaduct: the database in %s has no block yet\n", options->datadir);
        return 1;
    }
    if (err != VD_OK) {
        fprintf(stderr, "viaduct: cannot read %s: %s\n", options->datadir, vd_err_text(err));
        return 1;
    }
    print_figures(&figures);
    return 0;
}

static int
copy_database(struct vd_store *store, const struct vd_options *options)
{
    char why[FAULT_TEXT];
    if (!options->db_to) {
        fprintf(stderr, "viaduct: give --to, the folder of the copy\n");
        return 2;
    }
    if (vd_store_copy(store, why, sizeof why, options->db_to) != VD_OK) {
        fprintf(stderr, "viaduct: %s\n", why);
        return 1;
    }
    printf("%s\n", options->db_to);
    return 0;
}

static int
verify_database(struct vd_store *store, const struct vd_options *options)
{
    char fault[FAULT_TEXT];
    struct vd_store_verified v;
    enum vd_err err = vd_store_verify(store, &v, fault, sizeof fault);
    if (err == VD_ERR_CORRUPT) {
        fprintf(stderr, "viaduct: %s: %s\n", options->datadir, fault);
        return 1;
    }
    if (err != VD_OK) {
        fprintf(stderr, "viaduct: cannot read %s: %s\n", options->datadir, vd_err_text(err));
        return 1;
    }
    print_id("verified", &v.tip);
    const struct {
        const char *name;
        uint64_t count;
    } lines[] = {{"accounts", v.accounts}, {"slots", v.slots},
                 {"branches", v.branches}, {"codes", v.codes},
                 {"blocks", v.blocks},     {"transactions", v.transactions},
                 {"records", v.records},   {"index entries", v.index_entries}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        printf("%-16s %" PRIu64 "\n", lines[i].name, lines[i].count);
    }
    return 0;
}

static const struct {
    const char *name;
    int (*run)(struct vd_store *store, const struct vd_options *options);
    const char *help;
} actions[] = {
    {"stat", stat_database, "heads, window, and the size of each table"},
    {"copy", copy_database, "a consistent copy into the folder --to, while the node runs"},
    {"verify", verify_database, "computes roots and indexes again; exit status 1 on a difference"},
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

static int
usage(FILE *out)
{
    fprintf(out, "usage: viaduct db <action> --datadir <folder> [--to <folder>]\n\n");
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        fprintf(out, "  %-8s %s\n", actions[i].name, actions[i].help);
    }
    fprintf(out, "\n");
    vd_options_help(VD_COMMAND_DB, print_line, out);
    return out == stdout ? 0 : 2;
}

/* A folder of viaduct dev holds two chains. */
static bool
has_database(const struct vd_options *options)
{
    char path[4096];
    if (!options->datadir) {
        fprintf(stderr, "viaduct: give --datadir, the chain's folder\n");
        return false;
    }
    snprintf(path, sizeof path, "%s/data.mdb", options->datadir);
    if (access(path, R_OK) == 0) {
        return true;
    }
    snprintf(path, sizeof path, "%s/l2/data.mdb", options->datadir);
    if (access(path, R_OK) == 0) {
        fprintf(stderr, "viaduct: %s holds two chains; give %s/l1 or %s/l2\n", options->datadir,
                options->datadir, options->datadir);
    } else {
        fprintf(stderr, "viaduct: there is no database in %s\n", options->datadir);
    }
    return false;
}

static int
run(size_t action, const struct vd_options *options)
{
    char why[FAULT_TEXT];
    struct vd_store *store = NULL;
    if (!has_database(options)) {
        return 2;
    }
    struct vd_store_config config = {.folder = options->datadir, .read_only = true};
    if (vd_store_open(&store, why, sizeof why, &config) != VD_OK) {
        fprintf(stderr, "viaduct: %s\n", why);
        return 1;
    }
    int status = actions[action].run(store, options);
    vd_store_close(store);
    return status;
}

int
vd_command_db(int argc, char **argv)
{
    char error[512];
    struct vd_options options;
    size_t action = 0;
    const char *name = argc > 0 ? argv[0] : "--help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return usage(argc > 0 ? stdout : stderr);
    }
    while (action < ACTION_COUNT && strcmp(name, actions[action].name) != 0) {
        action++;
    }
    if (action == ACTION_COUNT) {
        fprintf(stderr, "viaduct: db has no action '%s'\n", name);
        return usage(stderr);
    }
    int status = 2;
    if (vd_options_parse(&options, VD_COMMAND_DB, argc - 1, argv + 1, environ, error,
                         sizeof error)) {
        status = run(action, &options);
    } else {
        fprintf(stderr, "viaduct: %s\n", error);
    }
    vd_options_deinit(&options);
    return status;
}
