/* Time of a block's way to the disk: CHANGES random accounts changed among ACCOUNTS, root and diff
   computed over the database, then the commit, with and without the sync that makes it durable;
   and the same changes unwound.

     bench_store [FOLDER]     the database goes to a new folder in FOLDER (/tmp) */
#define _XOPEN_SOURCE 700

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench/figures.h"
#include "node/store/store_internal.h"
#include "support/random.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"

enum {
    ACCOUNTS = 1000000,
    CHANGES = 10000,
    FILL_BATCH = 50000,
    ROUNDS = 15,
};

#define ARENA_BYTES ((size_t)8 << 30)

struct bench {
    struct vd_random random;
    struct vd_store *store;
    struct vd_arena state;
    struct vd_arena diff;
    struct vd_header header;
    struct vd_hash hash;
    bool any;
};

/* Time that passed, and time that this thread worked: the second one hardly depends on what else
   the machine does, the first one holds the waits for the disk. */
struct times {
    double wall;
    double cpu;
};

static double
clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct times
now(void)
{
    return (struct times){clock_ms(CLOCK_MONOTONIC), clock_ms(CLOCK_THREAD_CPUTIME_ID)};
}

static struct times
since(struct times start)
{
    struct times t = now();
    return (struct times){t.wall - start.wall, t.cpu - start.cpu};
}

static struct vd_address
address_of(uint64_t account)
{
    struct vd_address address = {{0}};
    vd_store_be64(address.b + 12, account);
    return address;
}

/* Changes count accounts, random ones or those from first on. */
static void
change(struct bench *b, struct vd_state *state, uint64_t first, size_t count)
{
    vd_state_tx_begin(state);
    for (size_t i = 0; i < count; i++) {
        bool fill = first != UINT64_MAX;
        struct vd_address address =
            address_of(fill ? first + i : vd_random_below(&b->random, ACCOUNTS));
        struct vd_u256 amount = vd_u256(1 + vd_random_below(&b->random, 1u << 30));
        VD_ASSERT(vd_state_add_balance(state, &address, &amount) == VD_OK);
    }
    VD_ASSERT(vd_state_tx_end(state) == VD_OK);
}

/* Computes root and diff of a block; sorting is the part of that which sorts the diff. */
static struct times
build(struct bench *b, struct vd_diff *diff, struct times *sorting, uint64_t first, size_t count)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_state_source source;
    struct vd_diff_builder builder;
    struct vd_state *state = NULL;
    struct vd_hash root = b->any ? b->header.state_root : VD_EMPTY_ROOT;
    vd_arena_rewind(&b->state, 0);
    vd_arena_rewind(&b->diff, 0);
    VD_ASSERT(vd_snapshot_begin(&snapshot, b->store) == VD_OK);
    struct vd_layers layers = {.below = vd_snapshot_rows(snapshot)};
    vd_layers_source(&source, &layers);
    VD_ASSERT(vd_state_new(&state, &b->state, &source, &root, &root) == VD_OK);
    change(b, state, first, count);
    struct times start = now();
    vd_diff_begin(&builder, &b->diff);
    VD_ASSERT(vd_state_root(state, &root, &builder.visitor, &builder.sink) == VD_OK);
    struct times sort_start = now();
    VD_ASSERT(vd_diff_finish(&builder, diff) == VD_OK);
    *sorting = since(sort_start);
    struct times took = since(start);
    vd_snapshot_end(snapshot);
    b->header.parent_hash = b->hash;
    b->header.number += b->any;
    b->header.state_root = root;
    b->hash = vd_header_hash(&b->header);
    b->any = true;
    return took;
}

static struct times
commit(struct bench *b, const struct vd_diff *diff)
{
    struct vd_store_block block = {.header = &b->header, .hash = b->hash, .diff = diff};
    struct vd_store_commit c = {.blocks = &block, .block_count = 1};
    struct times start = now();
    VD_ASSERT(vd_store_commit(b->store, &c) == VD_OK);
    return since(start);
}

static int
compare_ms(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
print_times(const char *what, const struct times *times)
{
    double wall[ROUNDS];
    double cpu[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        wall[i] = times[i].wall;
        cpu[i] = times[i].cpu;
    }
    qsort(wall, ROUNDS, sizeof *wall, compare_ms);
    qsort(cpu, ROUNDS, sizeof *cpu, compare_ms);
    printf("  %-28s median %7.1f ms, best %7.1f; of the processor %7.1f, %7.1f\n", what,
           wall[ROUNDS / 2], wall[0], cpu[ROUNDS / 2], cpu[0]);
    figure("bench_store", what, wall[ROUNDS / 2], "ms");
}

static void
measure(struct bench *b, const char *kind)
{
    struct times builds[ROUNDS];
    struct times sorts[ROUNDS];
    struct times commits[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        struct vd_diff diff;
        builds[i] = build(b, &diff, &sorts[i], UINT64_MAX, CHANGES);
        commits[i] = commit(b, &diff);
    }
    char what[3][40];
    snprintf(what[0], sizeof what[0], "root and diff, %s", kind);
    snprintf(what[1], sizeof what[1], "of it sorting, %s", kind);
    snprintf(what[2], sizeof what[2], "commit, %s", kind);
    print_times(what[0], builds);
    print_times(what[1], sorts);
    print_times(what[2], commits);
}

static void
measure_unwind(struct bench *b)
{
    struct times times[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        struct times start = now();
        VD_ASSERT(vd_store_unwind(b->store, b->header.number - 1 - (uint64_t)i) == VD_OK);
        times[i] = since(start);
    }
    print_times("unwinding of one such block", times);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

int
main(int argc, char **argv)
{
    static struct bench b;
    char folder[512];
    char why[1024];
    b.random = vd_random_start("bench_store");
    snprintf(folder, sizeof folder, "%s/bench-store-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    struct vd_store_config config = {.folder = folder, .chain_id = 901};
    if (!mkdtemp(folder) || vd_store_open(&b.store, why, sizeof why, &config) != VD_OK) {
        fprintf(stderr, "cannot make a database in %s\n", folder);
        return 1;
    }
    vd_arena_init(&b.state, vd_reserve(ARENA_BYTES), ARENA_BYTES);
    vd_arena_init(&b.diff, vd_reserve(ARENA_BYTES), ARENA_BYTES);
    VD_ASSERT(b.state.base && b.diff.base);
    struct times start = now();
    VD_ASSERT(mdb_env_set_flags(b.store->env, MDB_NOSYNC, 1) == 0);
    for (uint64_t first = 0; first < ACCOUNTS; first += FILL_BATCH) {
        struct vd_diff diff;
        struct times sorting;
        build(&b, &diff, &sorting, first, FILL_BATCH);
        commit(&b, &diff);
    }
    VD_ASSERT(mdb_env_sync(b.store->env, 1) == 0);
    printf("%d accounts in %.0f ms\n%d random changes:\n", ACCOUNTS, since(start).wall, CHANGES);
    measure(&b, "not synced");
    VD_ASSERT(mdb_env_sync(b.store->env, 1) == 0);
    VD_ASSERT(mdb_env_set_flags(b.store->env, MDB_NOSYNC, 0) == 0);
    measure(&b, "synced");
    measure_unwind(&b);
    vd_store_close(b.store);
    vd_release(b.state.base, b.state.size);
    vd_release(b.diff.base, b.diff.size);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}
