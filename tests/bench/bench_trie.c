/* Time of a block's trie work: CHANGES random accounts changed among ACCOUNTS, over rows by path in
   memory.  Reads, their checks, hashing and the writing of branch rows are all counted. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/figures.h"
#include "support/random.h"
#include "support/trie_store.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/state.h"

enum {
    ACCOUNTS = 1000000,
    CHANGES = 10000,
    FILL_BATCH = 50000,
    ROUNDS = 15,
    TABLE_BITS = 20,
    VALUE_BYTES = 112,
};

static double
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
compare_changes(const void *a, const void *b)
{
    const struct vd_trie_change *x = a;
    const struct vd_trie_change *y = b;
    return memcmp(x->key.b, y->key.b, sizeof x->key.b);
}

static int
compare_ms(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The hashed address of account i. */
static struct vd_hash
key_of(uint64_t i)
{
    uint8_t address[20] = {0};
    vd_store_be64(address + 12, i);
    return vd_keccak256(vd_slice(address, sizeof address));
}

struct bench {
    struct vd_random random;
    struct vd_arena arena;
    struct path_store rows;
    struct vd_trie_source source;
    struct vd_trie_sink sink;
    struct vd_hash root;
    struct vd_trie_change *changes;
    uint8_t (*values)[VALUE_BYTES];
};

/* Change number n becomes the given account with a random balance. */
static void
set_change(struct bench *b, size_t n, uint64_t account)
{
    struct vd_arena memory;
    struct vd_buf buf;
    vd_arena_init(&memory, b->values[n], VALUE_BYTES);
    vd_buf_init(&buf, &memory);
    struct vd_account a = {.nonce = vd_random_below(&b->random, 1000),
                           .balance = vd_u256(vd_random_u64(&b->random)),
                           .storage_root = VD_EMPTY_ROOT,
                           .code_hash = VD_EMPTY_CODE_HASH};
    vd_account_encode(&buf, &a);
    VD_ASSERT(buf.err == VD_OK);
    b->changes[n] = (struct vd_trie_change){key_of(account), vd_buf_view(&buf)};
}

static double
apply(struct bench *b, const struct vd_trie_sink *sink, size_t count)
{
    double start = now_ms();
    struct vd_hash root;
    enum vd_err err =
        vd_trie_update(&b->source, sink, &root, &b->arena, NULL, &b->root, b->changes, count);
    double ms = now_ms() - start;
    VD_ASSERT(err == VD_OK);
    if (sink == NULL)
        return ms;
    b->root = root;
    for (size_t i = 0; i < count; i++)
        path_store_set_leaf(&b->rows, &b->changes[i].key, b->changes[i].value);
    return ms;
}

static void
fill(struct bench *b)
{
    for (uint64_t done = 0; done < ACCOUNTS; done += FILL_BATCH) {
        for (size_t i = 0; i < FILL_BATCH; i++)
            set_change(b, i, done + i);
        qsort(b->changes, FILL_BATCH, sizeof *b->changes, compare_changes);
        (void)apply(b, &b->sink, FILL_BATCH);
    }
}

static size_t
random_changes(struct bench *b)
{
    for (size_t i = 0; i < CHANGES; i++)
        set_change(b, i, vd_random_below(&b->random, ACCOUNTS));
    qsort(b->changes, CHANGES, sizeof *b->changes, compare_changes);
    size_t count = 0;
    for (size_t i = 0; i < CHANGES; i++) {
        if (i == 0 || !vd_hash_eq(&b->changes[i].key, &b->changes[i - 1].key))
            b->changes[count++] = b->changes[i];
    }
    return count;
}

static void
measure(struct bench *b, const char *what, const struct vd_trie_sink *sink)
{
    double ms[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t count = random_changes(b);
        ms[i] = apply(b, sink, count);
    }
    qsort(ms, ROUNDS, sizeof *ms, compare_ms);
    printf("  %-42s median %6.1f ms, best %6.1f ms\n", what, ms[ROUNDS / 2], ms[0]);
    figure("bench_trie", what, ms[ROUNDS / 2], "ms");
}

int
main(void)
{
    static struct bench b;
    size_t memory = (size_t)1 << 30;
    b.random = vd_random_start("bench_trie");
    vd_arena_init(&b.arena, malloc(memory), memory);
    b.changes = calloc(FILL_BATCH, sizeof *b.changes);
    b.values = calloc(FILL_BATCH, sizeof *b.values);
    VD_ASSERT(b.arena.base != NULL && b.changes != NULL && b.values != NULL);
    path_store_init(&b.rows, TABLE_BITS);
    path_store_source(&b.source, &b.rows);
    path_store_sink(&b.sink, &b.rows);
    b.root = VD_EMPTY_ROOT;
    double start = now_ms();
    fill(&b);
    printf("%d accounts in %.0f ms, %zu branch rows\n", ACCOUNTS, now_ms() - start,
           b.rows.branches.count);
    printf("%d random changes:\n", CHANGES);
    measure(&b, "root only", NULL);
    measure(&b, "root and branch rows stored", &b.sink);
    path_store_deinit(&b.rows);
    free(b.values);
    free(b.changes);
    free(b.arena.base);
    return 0;
}
