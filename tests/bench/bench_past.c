/* What reading the past costs.  A chain of BLOCKS blocks over ACCOUNTS accounts, in which CHANGES
   accounts change in each block, HOT of them in every one; then the balance and the proof of random
   accounts and of hot ones at the head, in the middle and at the far end of the window, each proof
   checked against its block's state root.  And what the index costs the commits.

     bench_past [FOLDER [BLOCKS]]     the databases go to new folders in FOLDER (/tmp) */
#define _XOPEN_SOURCE 700

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/figures.h"
#include "node/store/store_internal.h"
#include "support/random.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"
#include "viaduct/node/store/care.h"

enum {
    BLOCKS = 20000,
    ACCOUNTS = 100000,
    FILL_BATCH = 20000,
    CHANGES = 20,
    HOT = 8,
    READS = 400,
    ROUNDS = 15,
};

#define ARENA_BYTES ((size_t)4 << 30)

struct bench {
    struct vd_random random;
    struct vd_store *store;
    struct vd_arena state;
    struct vd_arena diff;
    struct vd_header header;
    struct vd_hash hash;
    bool any;
    struct vd_hash *roots;
};

static double
now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Of this thread: reads wait for nothing, and what else the machine does hardly counts. */
static double
cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct vd_address
address_of(uint64_t account)
{
    struct vd_address address = {{0}};
    vd_store_be64(address.b + 12, account);
    return address;
}

static void
change(struct bench *b, struct vd_state *state, uint64_t first, size_t count)
{
    vd_state_tx_begin(state);
    for (size_t i = 0; i < count; i++) {
        uint64_t account = first != UINT64_MAX ? first + i
                           : i < HOT           ? i
                                               : vd_random_below(&b->random, ACCOUNTS);
        struct vd_address address = address_of(account);
        struct vd_u256 amount = vd_u256(1 + vd_random_below(&b->random, 1u << 30));
        VD_ASSERT(vd_state_add_balance(state, &address, &amount) == VD_OK);
    }
    VD_ASSERT(vd_state_tx_end(state) == VD_OK);
}

/* Builds a block and commits it; the time of the commit alone. */
static double
add_block(struct bench *b, uint64_t first, size_t count)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_state_source source;
    struct vd_diff_builder builder;
    struct vd_diff diff;
    struct vd_state *state = NULL;
    struct vd_hash root = b->any ? b->header.state_root : VD_EMPTY_ROOT;
    vd_arena_rewind(&b->state, 0);
    vd_arena_rewind(&b->diff, 0);
    VD_ASSERT(vd_snapshot_begin(&snapshot, b->store) == VD_OK);
    struct vd_layers layers = {.below = vd_snapshot_rows(snapshot)};
    vd_layers_source(&source, &layers);
    VD_ASSERT(vd_state_new(&state, &b->state, &source, &root, &root) == VD_OK);
    change(b, state, first, count);
    vd_diff_begin(&builder, &b->diff);
    VD_ASSERT(vd_state_root(state, &root, &builder.visitor, &builder.sink) == VD_OK);
    VD_ASSERT(vd_diff_finish(&builder, &diff) == VD_OK);
    vd_snapshot_end(snapshot);
    b->header.parent_hash = b->hash;
    b->header.number += b->any;
    b->header.state_root = root;
    b->hash = vd_header_hash(&b->header);
    b->any = true;
    struct vd_store_block block = {.header = &b->header, .hash = b->hash, .diff = &diff};
    struct vd_store_commit c = {.blocks = &block, .block_count = 1};
    double start = now_us();
    VD_ASSERT(vd_store_commit(b->store, &c) == VD_OK);
    return now_us() - start;
}

static void
open_store(struct bench *b, char folder[512], const char *parent, bool without_index)
{
    char why[512];
    snprintf(folder, 512, "%s/bench-past-XXXXXX", parent);
    struct vd_store_config config = {.folder = folder,
                                     .chain_id = 901,
                                     .retention_blocks = 1u << 30,
                                     .without_index = without_index};
    if (!mkdtemp(folder) || vd_store_open(&b->store, why, sizeof why, &config) != VD_OK) {
        fprintf(stderr, "cannot make a database in %s\n", folder);
        exit(1);
    }
    b->any = false;
    b->header = (struct vd_header){.number = 0};
    b->hash = (struct vd_hash){{0}};
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void
close_store(struct bench *b, const char *folder)
{
    vd_store_close(b->store);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
fill(struct bench *b)
{
    VD_ASSERT(mdb_env_set_flags(b->store->env, MDB_NOSYNC, 1) == 0);
    for (uint64_t first = 0; first < ACCOUNTS; first += FILL_BATCH) {
        (void)add_block(b, first, FILL_BATCH);
    }
}

/* --- reads --- */

static int
compare_us(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One request: a snapshot, the state, the answer. */
static double
read_once(struct bench *b, uint64_t number, uint64_t account, bool proof)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_state_source source;
    struct vd_snapshot_state past;
    struct vd_account got;
    struct vd_slice nodes[VD_TRIE_MAX_NIBBLES + 1];
    struct vd_slice value;
    size_t count = 0;
    struct vd_address address = address_of(account);
    struct vd_hash key = vd_keccak256(vd_slice(address.b, sizeof address.b));
    vd_arena_rewind(&b->state, 0);
    vd_arena_rewind(&b->diff, 0);
    double start = cpu_us();
    VD_ASSERT(vd_snapshot_begin(&snapshot, b->store) == VD_OK);
    VD_ASSERT(vd_snapshot_source(snapshot, &source, &past, number, &b->diff) == VD_OK);
    VD_ASSERT(source.account(source.ctx, &got, &address, &key) == VD_OK);
    if (proof) {
        VD_ASSERT(vd_trie_prove(&source.trie, nodes, &count, &value, &b->state, NULL,
                                &b->roots[number], &key) == VD_OK);
    }
    double took = cpu_us() - start;
    if (proof) {
        VD_ASSERT(vd_trie_verify(&value, &b->roots[number], &key, nodes, count) == VD_OK);
        VD_ASSERT(vd_account_decode(&got, value) == VD_OK);
    }
    vd_snapshot_end(snapshot);
    return took;
}

/* The median over rounds of the mean of the same reads at three blocks in turn; a first round
   brings the pages in. */
static void
print_reads(struct bench *b, const char *what, uint64_t below, bool proof, uint64_t filled)
{
    uint64_t tip = b->header.number;
    const uint64_t blocks[3] = {tip, filled + (tip - filled) / 2, filled};
    static double rounds[3][ROUNDS];
    static uint64_t accounts[READS];
    for (int i = 0; i < READS; i++) {
        accounts[i] = vd_random_below(&b->random, below);
    }
    for (int r = -1; r < ROUNDS; r++) {
        for (int p = 0; p < 3; p++) {
            double sum = 0;
            for (int i = 0; i < READS; i++) {
                sum += read_once(b, blocks[p], accounts[i], proof);
            }
            rounds[p][r < 0 ? 0 : r] = sum / READS;
        }
    }
    for (int p = 0; p < 3; p++) {
        qsort(rounds[p], ROUNDS, sizeof rounds[p][0], compare_us);
    }
    double head = rounds[0][ROUNDS / 2];
    double far = rounds[2][ROUNDS / 2];
    printf("%-24s head %6.2f us, middle %6.2f, far end %6.2f: %.2f times the head\n", what, head,
           rounds[1][ROUNDS / 2], far, far / head);
    char name[80];
    snprintf(name, sizeof name, "%s, head", what);
    figure("bench_past", name, head, "us");
    snprintf(name, sizeof name, "%s, far end", what);
    figure("bench_past", name, far, "us");
}

static void
reads(struct bench *b, const char *parent, uint64_t blocks)
{
    char folder[512];
    struct vd_store_figures figures;
    open_store(b, folder, parent, false);
    fill(b);
    uint64_t filled = b->header.number;
    b->roots = calloc(filled + blocks + 1, sizeof *b->roots);
    VD_ASSERT(b->roots);
    b->roots[filled] = b->header.state_root;
    double start = now_us();
    for (uint64_t i = 0; i < blocks; i++) {
        (void)add_block(b, UINT64_MAX, CHANGES);
        b->roots[b->header.number] = b->header.state_root;
    }
    double built = now_us();
    VD_ASSERT(vd_store_settle(b->store) == VD_OK);
    printf("%llu blocks of %d changes over %d accounts: built in %.1f s, the index was %.1f s "
           "behind\n",
           (unsigned long long)blocks, CHANGES, ACCOUNTS, (built - start) / 1e6,
           (now_us() - built) / 1e6);
    print_reads(b, "balance, any account", ACCOUNTS, false, filled);
    print_reads(b, "balance, hot account", HOT, false, filled);
    print_reads(b, "proof, any account", ACCOUNTS, true, filled);
    print_reads(b, "proof, hot account", HOT, true, filled);
    VD_ASSERT(vd_store_figures(&figures, b->store) == VD_OK);
    uint64_t changes = figures.tables[DB_CHANGES].bytes;
    printf("records %.1f MB, index %.1f MB\n", (double)changes / 1e6,
           (double)figures.index_file_bytes / 1e6);
    free(b->roots);
    close_store(b, folder);
}

/* --- commits --- */

/* Durable commits with a pause between them, as blocks come: the median and the slowest tenth. */
static void
commits(struct bench *b, const char *parent, bool without_index, size_t changes)
{
    enum { COMMITS = 60 };
    static double times[COMMITS];
    char folder[512];
    open_store(b, folder, parent, without_index);
    fill(b);
    VD_ASSERT(vd_store_settle(b->store) == VD_OK);
    VD_ASSERT(mdb_env_sync(b->store->env, 1) == 0);
    VD_ASSERT(mdb_env_set_flags(b->store->env, MDB_NOSYNC, 0) == 0);
    for (int i = 0; i < COMMITS; i++) {
        struct timespec wait = {.tv_nsec = 50000000};
        times[i] = add_block(b, UINT64_MAX, changes);
        nanosleep(&wait, NULL);
    }
    qsort(times, COMMITS, sizeof *times, compare_us);
    printf("commit of %5zu changes, %-13s median %6.2f ms, nine tenths below %6.2f\n", changes,
           without_index ? "no index:" : "with index:", times[COMMITS / 2] / 1e3,
           times[COMMITS * 9 / 10] / 1e3);
    char name[80];
    snprintf(name, sizeof name, "commit of %zu changes, %s", changes,
             without_index ? "no index" : "with index");
    figure("bench_past", name, times[COMMITS / 2] / 1e3, "ms");
    close_store(b, folder);
}

int
main(int argc, char **argv)
{
    static struct bench b;
    const char *parent = argc > 1 ? argv[1] : "/tmp";
    uint64_t blocks = argc > 2 ? strtoull(argv[2], NULL, 10) : BLOCKS;
    b.random = vd_random_start("bench_past");
    vd_arena_init(&b.state, vd_reserve(ARENA_BYTES), ARENA_BYTES);
    vd_arena_init(&b.diff, vd_reserve(ARENA_BYTES), ARENA_BYTES);
    VD_ASSERT(b.state.base && b.diff.base && blocks > 1);
    reads(&b, parent, blocks);
    static const size_t sizes[] = {100, 5000};
    for (size_t i = 0; i < 2; i++) {
        commits(&b, parent, true, sizes[i]);
        commits(&b, parent, false, sizes[i]);
    }
    vd_release(b.state.base, b.state.size);
    vd_release(b.diff.base, b.diff.size);
    return 0;
}
