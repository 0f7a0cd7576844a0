/* Readers on other threads while one thread commits and unwinds: what a snapshot shows is one
   whole state, however the writer goes on. */
#define _XOPEN_SOURCE 700

#include <pthread.h>
#include <stdatomic.h>

#include "store_world.h"

enum {
    READERS = 3,
    MOVES = 60,
    READER_ARENA = 64 << 20,
};

struct reader {
    struct vd_store *store;
    struct vd_random random;
    atomic_bool *stop;
    unsigned reads;
    pthread_t thread;
};

/* The rows are the state whose root the header of that number has. */
static void
check_rows_are_state(struct vd_snapshot *snapshot, const struct vd_rows *rows, uint64_t number)
{
    struct vd_header header;
    struct world_model model;
    VD_ASSERT(vd_snapshot_header(snapshot, &header, NULL, number) == VD_OK);
    world_read_model(rows, &model);
    struct vd_hash root = world_root(&model);
    VD_ASSERT(vd_hash_eq(&root, &header.state_root));
}

static void
check_snapshot(struct reader *reader, struct vd_arena *arena)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_block_id tip;
    VD_ASSERT(vd_snapshot_begin(&snapshot, reader->store) == VD_OK);
    VD_ASSERT(vd_snapshot_head(snapshot, VD_HEAD_UNSAFE, &tip) == VD_OK);
    check_rows_are_state(snapshot, vd_snapshot_rows(snapshot), tip.number);
    struct vd_state_source source;
    struct vd_snapshot_state past;
    uint64_t number = tip.number - vd_random_below(&reader->random, tip.number + 1);
    vd_arena_rewind(arena, 0);
    enum vd_err err = vd_snapshot_source(snapshot, &source, &past, number, arena);
    VD_ASSERT(err == VD_OK || (err == VD_ERR_BUSY && tip.number - number > VD_MAX_BACK));
    if (err == VD_OK)
        check_rows_are_state(snapshot, vd_snapshot_state_rows(&past), number);
    vd_snapshot_end(snapshot);
    reader->reads++;
}

static void *
read_on(void *arg)
{
    struct reader *reader = arg;
    struct vd_arena arena;
    vd_arena_init(&arena, vd_reserve(READER_ARENA), READER_ARENA);
    VD_ASSERT(arena.base);
    while (!atomic_load(reader->stop))
        check_snapshot(reader, &arena);
    vd_release(arena.base, arena.size);
    return NULL;
}

static void
test_readers_see_whole_states(void **unused)
{
    (void)unused;
    struct world *w = world_new("store threads");
    struct reader readers[READERS];
    atomic_bool stop = false;
    assert_int_equal(world_open(w), VD_OK);
    assert_int_equal(world_commit(w, WORLD_BATCH), VD_OK);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){
            .store = w->store, .random = {.state = vd_random_u64(&w->random)}, .stop = &stop};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    for (int i = 0; i < MOVES; i++) {
        if (vd_random_below(&w->random, 4) == 0) {
            w->tip -= vd_random_below(&w->random, w->tip < 10 ? w->tip + 1 : 10);
            assert_int_equal(vd_store_unwind(w->store, w->tip), VD_OK);
        } else {
            size_t count = 1 + vd_random_below(&w->random, WORLD_BATCH);
            assert_int_equal(world_commit(w, count), VD_OK);
        }
    }
    atomic_store(&stop, true);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
        printf("reader %d: %u snapshots\n", i, readers[i].reads);
        assert_true(readers[i].reads > 0);
    }
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_see_whole_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
