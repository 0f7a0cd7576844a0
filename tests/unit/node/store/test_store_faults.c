/* Crashes, a full map, strangers' folders. */
#define _XOPEN_SOURCE 700

#include <signal.h>
#include <sys/wait.h>

#include "store_world.h"

enum {
    KILLS = 25,
    KILL_AFTER_US = 25000,
    TINY_MAP = 1 << 20,
};

/* --- kill -9 --- */

static void
report_tip(const struct world *w, int report, uint64_t number)
{
    struct vd_block_id id = {.hash = w->blocks[number]->hash, .number = number};
    if (write(report, &id, sizeof id) != (ssize_t)sizeof id)
        _exit(3);
}

/* Commits until killed and reports each tip when its commit has returned. */
static void
child_commits(struct world *w, int report)
{
    /* A failure here must end this process, not go on with the next test. */
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    signal(SIGABRT, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
    if (world_open(w) != VD_OK)
        _exit(1);
    uint64_t first = w->has_tip ? w->tip : 0; /* the oldest block that this process knows */
    for (;;) {
        if (w->tip + 2 * WORLD_BATCH >= WORLD_BLOCKS)
            pause(); /* the model is full; the parent kills in a moment */
        size_t count = 1 + vd_random_below(&w->random, WORLD_BATCH);
        if (world_commit(w, count) != VD_OK)
            _exit(2);
        report_tip(w, report, w->tip);
        if (w->tip > 40 && vd_random_below(&w->random, 4) == 0) {
            uint64_t number = w->tip - vd_random_below(&w->random, 3);
            number = number < first ? first : number;
            /* Whether it is undone yet or not, the block at number stays. */
            report_tip(w, report, number);
            if (vd_store_unwind(w->store, number) != VD_OK)
                _exit(4);
            w->tip = number;
        }
    }
}

/* What the rows hold is a whole state: the naive trie over them has the header's root, and the
   branch rows are those that such a trie makes. */
static void
check_consistent(struct world *w, const struct vd_block_id *reported)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_block_id tip;
    struct vd_header header;
    struct vd_hash hash;
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    enum vd_err err = vd_snapshot_head(snapshot, VD_HEAD_UNSAFE, &tip);
    if (err == VD_ERR_NOT_FOUND && !reported) {
        vd_snapshot_end(snapshot);
        w->has_tip = false;
        return;
    }
    assert_int_equal(err, VD_OK);
    assert_true(!reported || tip.number >= reported->number);
    for (uint64_t n = 0; n <= tip.number; n++) {
        struct vd_hash parent = hash;
        struct vd_body body;
        uint64_t found;
        assert_int_equal(vd_snapshot_header(snapshot, &header, &hash, n), VD_OK);
        if (n > 0)
            assert_memory_equal(header.parent_hash.b, parent.b, 32);
        assert_int_equal(vd_snapshot_body(snapshot, &body, n), VD_OK);
        assert_int_equal(vd_snapshot_number(snapshot, &found, &hash), VD_OK);
        assert_int_equal(found, n);
        if (reported && n == reported->number)
            assert_memory_equal(hash.b, reported->hash.b, 32);
    }
    assert_memory_equal(hash.b, tip.hash.b, 32);
    struct vd_header above;
    assert_int_equal(vd_snapshot_header(snapshot, &above, NULL, tip.number + 1), VD_ERR_NOT_FOUND);
    struct world_block *block = calloc(1, sizeof *block);
    assert_non_null(block);
    world_read_model(vd_snapshot_rows(snapshot), &block->model);
    world_check_rows(vd_snapshot_rows(snapshot), &block->model);
    struct vd_hash root = world_root(&block->model);
    assert_memory_equal(root.b, header.state_root.b, 32);
    vd_snapshot_end(snapshot);
    block->header = header;
    block->header.extra_data = vd_slice(NULL, 0);
    block->hash = hash;
    free(w->blocks[tip.number]);
    w->blocks[tip.number] = block;
    w->tip = tip.number;
    w->has_tip = true;
}

/* The last whole report; *id stays when there is none. */
static void
last_report(struct vd_block_id *id, bool *any, int pipe_end)
{
    struct vd_block_id read_id;
    while (read(pipe_end, &read_id, sizeof read_id) == (ssize_t)sizeof read_id) {
        *id = read_id;
        *any = true;
    }
}

static void
test_killed_writer_leaves_every_reported_commit(void **unused)
{
    (void)unused;
    struct world *w = world_new("store kill");
    struct vd_block_id reported = {.number = 0};
    bool any = false;
    for (int i = 0; i < KILLS; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            child_commits(w, ends[1]);
        }
        close(ends[1]);
        struct timespec wait = {.tv_nsec =
                                    1000 * (long)(1 + vd_random_below(&w->random, KILL_AFTER_US))};
        nanosleep(&wait, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        last_report(&reported, &any, ends[0]);
        close(ends[0]);
        assert_int_equal(world_open(w), VD_OK);
        check_consistent(w, any ? &reported : NULL);
        vd_store_close(w->store);
        w->store = NULL;
        if (w->has_tip)
            reported = (struct vd_block_id){w->blocks[w->tip]->hash, w->tip};
        any = w->has_tip;
    }
    printf("killed %d times, tip %llu\n", KILLS, (unsigned long long)w->tip);
    assert_true(w->has_tip);
    world_free(w);
}

/* --- folders that are not ours --- */

static void
test_second_opener_is_refused(void **unused)
{
    (void)unused;
    struct world *w = world_new("store lock");
    char why[256];
    struct vd_store *second = NULL;
    assert_int_equal(world_open(w), VD_OK);
    assert_int_equal(vd_store_open(&second, why, sizeof why, &w->config), VD_ERR_BUSY);
    assert_non_null(strstr(why, w->folder));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(vd_store_open(&second, why, sizeof why, &w->config) == VD_ERR_BUSY ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    world_reopen(w);
    world_free(w);
}

static void
test_other_chain_is_refused(void **unused)
{
    (void)unused;
    struct world *w = world_new("store chain");
    assert_int_equal(world_open(w), VD_OK);
    assert_int_equal(world_commit(w, 3), VD_OK);
    vd_store_close(w->store);
    w->config.chain_id++;
    char why[256];
    assert_int_equal(vd_store_open(&w->store, why, sizeof why, &w->config), VD_ERR_MISMATCH);
    assert_non_null(strstr(why, "901"));
    assert_non_null(strstr(why, "902"));
    w->config.chain_id--;
    assert_int_equal(world_open(w), VD_OK);
    check_consistent(w, NULL);
    assert_int_equal(w->tip, 2);
    world_free(w);
}

static void
test_unusable_folder_says_why(void **unused)
{
    (void)unused;
    struct vd_store *store = NULL;
    char why[256];
    struct vd_store_config config = {.folder = "/dev/null/chain", .chain_id = 1};
    assert_int_equal(vd_store_open(&store, why, sizeof why, &config), VD_ERR_IO);
    assert_non_null(strstr(why, config.folder));
    assert_non_null(strstr(why, strerror(ENOTDIR)));
}

/* --- no space --- */

static void
test_full_map_changes_nothing_and_heals(void **unused)
{
    (void)unused;
    struct world *w = world_new("store full");
    w->config.map_bytes = TINY_MAP;
    assert_int_equal(world_open(w), VD_OK);
    enum vd_err err = VD_OK;
    while (err == VD_OK)
        err = world_commit(w, WORLD_BATCH);
    assert_int_equal(err, VD_ERR_FULL);
    uint64_t tip = w->tip;
    check_consistent(w, NULL);
    assert_int_equal(w->tip, tip);
    /* Other blocks may be small enough. */
    err = world_commit(w, 1);
    assert_true(err == VD_OK || err == VD_ERR_FULL);
    tip = w->tip;
    check_consistent(w, NULL);
    assert_int_equal(w->tip, tip);
    world_reopen(w);
    check_consistent(w, NULL);
    assert_int_equal(w->tip, tip);
    w->config.map_bytes = WORLD_MAP;
    world_reopen(w);
    assert_int_equal(world_commit(w, WORLD_BATCH), VD_OK);
    check_consistent(w, NULL);
    assert_int_equal(w->tip, tip + WORLD_BATCH);
    world_free(w);
}

/* --- refusals of moves --- */

static void
test_unwind_refuses_what_is_not_there(void **unused)
{
    (void)unused;
    struct world *w = world_new("store unwind");
    assert_int_equal(world_open(w), VD_OK);
    assert_int_equal(vd_store_unwind(w->store, 0), VD_ERR_NOT_FOUND);
    assert_int_equal(world_commit(w, 5), VD_OK);
    assert_int_equal(vd_store_unwind(w->store, 5), VD_ERR_NOT_FOUND);
    assert_int_equal(vd_store_unwind(w->store, 4), VD_OK);
    check_consistent(w, NULL);
    assert_int_equal(w->tip, 4);
    world_free(w);
}

/* A rollup's first block may have any number. */
static void
test_there_is_no_state_before_genesis(void **unused)
{
    (void)unused;
    struct world *w = world_new("store genesis");
    assert_int_equal(world_open(w), VD_OK);
    struct vd_diff diff = {0};
    struct vd_header header = {.number = 7, .state_root = VD_EMPTY_ROOT};
    struct vd_store_block block = {
        .header = &header, .hash = vd_header_hash(&header), .diff = &diff};
    struct vd_store_commit commit = {.blocks = &block, .block_count = 1};
    assert_int_equal(vd_store_commit(w->store, &commit), VD_OK);
    struct vd_snapshot *snapshot = NULL;
    struct vd_state_source source;
    struct vd_snapshot_state state;
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    assert_int_equal(vd_snapshot_source(snapshot, &source, &state, 7, &w->diffs), VD_OK);
    assert_int_equal(vd_snapshot_source(snapshot, &source, &state, 6, &w->diffs), VD_ERR_NOT_FOUND);
    vd_snapshot_end(snapshot);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_writer_leaves_every_reported_commit),
        cmocka_unit_test(test_second_opener_is_refused),
        cmocka_unit_test(test_other_chain_is_refused),
        cmocka_unit_test(test_unusable_folder_says_why),
        cmocka_unit_test(test_full_map_changes_nothing_and_heals),
        cmocka_unit_test(test_unwind_refuses_what_is_not_there),
        cmocka_unit_test(test_there_is_no_state_before_genesis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
