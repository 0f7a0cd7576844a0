/* Reading states of the past through the index, against the models of the blocks: random blocks,
   unwinding, restarts, kills, a lost index, pruning and the pin. */
#define _XOPEN_SOURCE 700

#include <signal.h>
#include <sys/wait.h>

#include "node/store/index.h"
#include "store_world.h"

enum {
    ROUNDS = 500,
    KILLS = 20,
    KILL_AFTER_US = 40000,
    PROOFS = 6,
    GROWN = 3000, /* accounts made after the past that is read */
};

/* --- checks --- */

/* The proof of a key under the block's root shows just what the state holds. */
static void
check_proof(struct world *w, const struct vd_state_source *source, const struct vd_hash *root,
            const struct vd_hash *owner, const struct vd_hash *key, bool exists)
{
    struct vd_slice proof[VD_TRIE_MAX_NIBBLES + 1];
    struct vd_slice value;
    struct vd_slice shown;
    size_t len = 0;
    size_t mark = vd_arena_mark(&w->states);
    assert_int_equal(
        vd_trie_prove(&source->trie, proof, &len, &value, &w->states, owner, root, key), VD_OK);
    assert_int_equal(vd_trie_verify(&shown, root, key, proof, len), VD_OK);
    assert_true(vd_slice_eq(shown, value));
    assert_int_equal(shown.len > 0, exists);
    vd_arena_rewind(&w->states, mark);
}

static void
check_proofs(struct world *w, const struct vd_state_source *source, const struct world_block *block)
{
    vd_arena_rewind(&w->states, 0);
    for (int i = 0; i < PROOFS; i++) {
        unsigned account = (unsigned)vd_random_below(&w->random, WORLD_ACCOUNTS);
        struct vd_hash key = world_address_hash(account);
        bool exists = block->model.accounts[account].exists;
        check_proof(w, source, &block->header.state_root, NULL, &key, exists);
        if (!exists || account >= WORLD_CONTRACTS)
            continue;
        struct vd_account got;
        unsigned slot = (unsigned)vd_random_below(&w->random, WORLD_SLOTS);
        struct vd_address address = world_address(account);
        struct vd_hash slot_hash = world_slot_hash(slot);
        assert_int_equal(source->account(source->ctx, &got, &address, &key), VD_OK);
        check_proof(w, source, &got.storage_root, &key, &slot_hash,
                    !vd_u256_is_zero(&block->model.slots[account][slot]));
    }
}

static void
check_block_state(struct world *w, struct vd_snapshot *snapshot, uint64_t number)
{
    struct vd_state_source source;
    struct vd_snapshot_state state;
    vd_arena_rewind(&w->diffs, 0);
    enum vd_err err = vd_snapshot_source(snapshot, &source, &state, number, &w->diffs);
    if (err == VD_ERR_BUSY) {
        assert_true(w->tip - number > VD_MAX_BACK);
        return;
    }
    assert_int_equal(err, VD_OK);
    world_check_state(w, &source, w->blocks[number]);
    check_proofs(w, &source, w->blocks[number]);
}

static void
check_some(struct world *w, uint64_t oldest, int count)
{
    struct vd_snapshot *snapshot = NULL;
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    check_block_state(w, snapshot, oldest);
    for (int i = 0; i < count; i++)
        check_block_state(w, snapshot, oldest + vd_random_below(&w->random, w->tip - oldest + 1));
    vd_snapshot_end(snapshot);
}

/* A number that stands for all that is in the index. */
static uint64_t
digest(struct world *w, uint64_t *first, uint64_t *last)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    uint64_t sum = 14695981039346656037u;
    assert_int_equal(vd_store_settle(w->store), VD_OK);
    assert_int_equal(vd_index_begin(w->store->index, &txn, &cursor, first, last, NULL), VD_OK);
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
        const MDB_val *parts[2] = {&key, &value};
        for (int p = 0; p < 2; p++) {
            const uint8_t *bytes = parts[p]->mv_data;
            for (size_t i = 0; i < parts[p]->mv_size; i++)
                sum = (sum ^ bytes[i]) * 1099511628211u;
        }
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return sum;
}

static void
remove_index(struct world *w)
{
    char path[128];
    vd_store_close(w->store);
    snprintf(path, sizeof path, "%s/index", w->folder);
    nftw(path, world_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(world_open(w), VD_OK);
}

/* What the index holds after all that happened is what one made from nothing holds. */
static void
check_index_as_if_new(struct world *w)
{
    uint64_t range[2];
    uint64_t again[2];
    uint64_t before = digest(w, &range[0], &range[1]);
    remove_index(w);
    uint64_t after = digest(w, &again[0], &again[1]);
    assert_int_equal(range[0], again[0]);
    assert_int_equal(range[1], again[1]);
    assert_int_equal(range[1], w->tip);
    assert_true(before == after);
}

/* --- random rounds --- */

static void
move(struct world *w)
{
    switch (vd_random_below(&w->random, 12)) {
    case 0: {
        uint64_t far = vd_random_below(&w->random, 10) == 0 ? 400 : 12;
        uint64_t depth = vd_random_below(&w->random, far);
        w->tip = depth > w->tip ? 0 : w->tip - depth;
        assert_int_equal(vd_store_unwind(w->store, w->tip), VD_OK);
        break;
    }
    case 1:
        if (vd_random_below(&w->random, 5) == 0)
            remove_index(w);
        else
            world_reopen(w);
        break;
    case 2:
        assert_int_equal(vd_store_settle(w->store), VD_OK);
        break;
    default:
        for (uint64_t n = 1 + vd_random_below(&w->random, 3); n > 0; n--)
            assert_int_equal(world_commit(w, 1 + vd_random_below(&w->random, WORLD_BATCH)), VD_OK);
    }
}

static void
test_past_states_equal_their_models(void **unused)
{
    (void)unused;
    struct world *w = world_new("store past");
    w->config.retention_blocks = 1u << 20;
    assert_int_equal(world_open(w), VD_OK);
    assert_int_equal(world_commit(w, 2), VD_OK);
    for (int i = 0; i < ROUNDS && w->tip + 3 * WORLD_BATCH < WORLD_BLOCKS; i++) {
        move(w);
        check_some(w, 0, 2);
    }
    assert_int_equal(vd_store_settle(w->store), VD_OK);
    for (uint64_t n = 0; n <= w->tip; n += 37)
        check_some(w, n, 0);
    check_index_as_if_new(w);
    printf("tip %llu\n", (unsigned long long)w->tip);
    world_free(w);
}

/* --- a trie that has grown since --- */

/* Commits one block that gives count new accounts, from first on, one wei. */
static void
grow(struct world *w, struct vd_header *header, uint64_t first, uint64_t count)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_state_source source;
    struct vd_state *state = NULL;
    struct vd_diff_builder builder;
    struct vd_diff diff;
    struct vd_hash root = header->number > 0 ? header->state_root : VD_EMPTY_ROOT;
    struct vd_u256 one = vd_u256(1);
    vd_arena_rewind(&w->states, 0);
    vd_arena_rewind(&w->diffs, 0);
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    struct vd_layers layers = {.below = vd_snapshot_rows(snapshot)};
    vd_layers_source(&source, &layers);
    assert_int_equal(vd_state_new(&state, &w->states, &source, &root, &root), VD_OK);
    vd_state_tx_begin(state);
    for (uint64_t i = first; i < first + count; i++) {
        struct vd_address address = {{0}};
        vd_store_be64(address.b, i);
        assert_int_equal(vd_state_add_balance(state, &address, &one), VD_OK);
    }
    assert_int_equal(vd_state_tx_end(state), VD_OK);
    vd_diff_begin(&builder, &w->diffs);
    assert_int_equal(vd_state_root(state, &root, &builder.visitor, &builder.sink), VD_OK);
    assert_int_equal(vd_diff_finish(&builder, &diff), VD_OK);
    vd_snapshot_end(snapshot);
    header->state_root = root;
    header->number++;
    struct vd_store_block block = {.header = header, .hash = vd_header_hash(header), .diff = &diff};
    struct vd_store_commit commit = {.blocks = &block, .block_count = 1};
    assert_int_equal(vd_store_commit(w->store, &commit), VD_OK);
}

static unsigned seeks;

static enum vd_err
counted_seek(void *ctx, struct vd_slice *found, struct vd_slice *value, enum vd_table table,
             struct vd_slice key)
{
    (void)ctx;
    seeks++;
    (void)found;
    (void)value;
    (void)table;
    (void)key;
    return VD_ERR_NOT_FOUND;
}

/* The first state has three accounts, the last one thousands: proofs in the first look at no row
   that was made since. */
static void
test_growth_does_not_cost_the_past(void **unused)
{
    (void)unused;
    struct world *w = world_new("store growth");
    struct vd_header header = {.number = 0};
    struct vd_hash roots[4];
    assert_int_equal(world_open(w), VD_OK);
    grow(w, &header, 0, 3);
    roots[1] = header.state_root;
    grow(w, &header, 3, GROWN);
    roots[2] = header.state_root;
    grow(w, &header, 3 + GROWN, 3);
    roots[3] = header.state_root;
    assert_int_equal(vd_store_settle(w->store), VD_OK);
    struct vd_snapshot *snapshot = NULL;
    struct vd_state_source source;
    struct vd_snapshot_state past;
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    vd_arena_rewind(&w->diffs, 0);
    assert_int_equal(vd_snapshot_source(snapshot, &source, &past, 1, &w->diffs), VD_OK);
    assert_non_null(past.past);
    /* No account of the present has kept its place, so none is sought. */
    struct vd_rows counted = *vd_snapshot_rows(snapshot);
    past.layers.below = &counted;
    counted.seek = counted_seek;
    vd_arena_rewind(&w->states, 0);
    for (uint64_t i = 0; i < 200; i++) {
        struct vd_address address = {{0}};
        vd_store_be64(address.b, i);
        struct vd_hash key = vd_keccak256(vd_slice(address.b, sizeof address.b));
        check_proof(w, &source, &roots[1], NULL, &key, i < 3);
    }
    assert_int_equal(seeks, 0);
    assert_int_equal(vd_snapshot_source(snapshot, &source, &past, 2, &w->diffs), VD_OK);
    for (uint64_t i = 0; i < 200; i++) {
        struct vd_address address = {{0}};
        vd_store_be64(address.b, GROWN - 97 + i);
        struct vd_hash key = vd_keccak256(vd_slice(address.b, sizeof address.b));
        check_proof(w, &source, &roots[2], NULL, &key, GROWN - 97 + i < 3 + GROWN);
    }
    vd_snapshot_end(snapshot);
    world_free(w);
}

/* --- retention --- */

static void
commit_blocks(struct world *w, uint64_t count)
{
    for (; count > 0; count -= count < WORLD_BATCH ? count : WORLD_BATCH)
        assert_int_equal(world_commit(w, count < WORLD_BATCH ? count : WORLD_BATCH), VD_OK);
}

/* Lets the pruning come to rest; the oldest block that can be read. */
static uint64_t
oldest_at_rest(struct world *w)
{
    struct vd_snapshot *snapshot = NULL;
    uint64_t oldest = 0;
    for (int i = 0; i < 12; i++) {
        assert_int_equal(vd_store_settle(w->store), VD_OK);
        commit_blocks(w, 1);
    }
    assert_int_equal(vd_store_settle(w->store), VD_OK);
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    assert_int_equal(vd_snapshot_oldest(snapshot, &oldest), VD_OK);
    struct vd_state_source source;
    struct vd_snapshot_state state;
    if (oldest > 0)
        assert_int_equal(vd_snapshot_source(snapshot, &source, &state, oldest - 1, &w->diffs),
                         VD_ERR_NOT_FOUND);
    vd_snapshot_end(snapshot);
    check_some(w, oldest, 5);
    return oldest;
}

static void
test_window_and_pin_bound_what_is_kept(void **unused)
{
    (void)unused;
    struct world *w = world_new("store window");
    uint64_t low = 0;
    uint64_t last = 0;
    w->config.retention_blocks = 300;
    assert_int_equal(world_open(w), VD_OK);
    commit_blocks(w, 200);
    assert_int_equal(oldest_at_rest(w), 0);
    commit_blocks(w, 300);
    uint64_t oldest = oldest_at_rest(w);
    assert_true(oldest <= w->tip - 300 && oldest + 20 >= w->tip - 300);
    assert_int_equal(vd_store_set_pin(w->store, oldest + 30), VD_OK);
    commit_blocks(w, 200);
    assert_int_equal(oldest_at_rest(w), oldest + 30);
    world_reopen(w);
    commit_blocks(w, 50);
    assert_int_equal(oldest_at_rest(w), oldest + 30);
    check_index_as_if_new(w);
    assert_int_equal(vd_store_set_pin(w->store, UINT64_MAX), VD_OK);
    commit_blocks(w, 200);
    oldest = oldest_at_rest(w);
    assert_true(oldest <= w->tip - 300 && oldest + 20 >= w->tip - 300);
    /* The index lets go of as much as the records do. */
    (void)digest(w, &low, &last);
    assert_true(low > oldest && low <= oldest + 20);
    world_free(w);
}

/* A folder that was used without its index lost records that the index still has. */
static void
test_index_of_pruned_records_is_made_again(void **unused)
{
    (void)unused;
    struct world *w = world_new("store stale index");
    uint64_t first = 0;
    uint64_t last = 0;
    w->config.retention_blocks = 256;
    assert_int_equal(world_open(w), VD_OK);
    commit_blocks(w, 200);
    (void)digest(w, &first, &last);
    assert_int_equal(first, 1);
    w->config.without_index = true;
    world_reopen(w);
    commit_blocks(w, 300);
    w->config.without_index = false;
    world_reopen(w);
    (void)digest(w, &first, &last);
    assert_true(first > 200);
    assert_int_equal(last, w->tip);
    check_index_as_if_new(w);
    world_free(w);
}

/* --- kill -9 --- */

static void
child_commits(struct world *w, int report)
{
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    signal(SIGABRT, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
    if (world_open(w) != VD_OK)
        _exit(1);
    while (w->tip + 2 * WORLD_BATCH < WORLD_BLOCKS) {
        uint64_t first = w->has_tip ? w->tip + 1 : 0;
        if (world_commit(w, 1 + vd_random_below(&w->random, WORLD_BATCH)) != VD_OK)
            _exit(2);
        for (uint64_t n = first; n <= w->tip; n++) {
            if (write(report, w->blocks[n], sizeof *w->blocks[n]) != (ssize_t)sizeof *w->blocks[n])
                _exit(3);
        }
    }
    pause();
}

/* Reads until the child is dead; on a thread so that the pipe never fills. */
static void
read_reports(struct world *w, int from)
{
    struct world_block *block = calloc(1, sizeof *block);
    assert_non_null(block);
    for (;;) {
        size_t have = 0;
        ssize_t got = 1;
        while (have < sizeof *block && got > 0) {
            got = read(from, (uint8_t *)block + have, sizeof *block - have);
            have += got > 0 ? (size_t)got : 0;
        }
        if (have < sizeof *block)
            break;
        struct world_block *kept = calloc(1, sizeof *kept);
        assert_non_null(kept);
        *kept = *block;
        kept->header.extra_data = vd_slice(NULL, 0);
        free(w->blocks[kept->header.number]);
        w->blocks[kept->header.number] = kept;
        w->tip = kept->header.number;
        w->has_tip = true;
    }
    free(block);
}

/* Blocks that were committed and not reported are taken off again. */
static void
go_on_from_reported(struct world *w)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_block_id tip = {.number = 0};
    assert_int_equal(world_open(w), VD_OK);
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    enum vd_err err = vd_snapshot_head(snapshot, VD_HEAD_UNSAFE, &tip);
    vd_snapshot_end(snapshot);
    if (!w->has_tip) {
        assert_true(err == VD_OK || err == VD_ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(err, VD_OK);
    assert_true(tip.number >= w->tip);
    assert_int_equal(vd_store_unwind(w->store, w->tip), VD_OK);
}

static void
test_killed_index_goes_on(void **unused)
{
    (void)unused;
    struct world *w = world_new("store past kill");
    w->config.retention_blocks = 1u << 20;
    assert_int_equal(world_open(w), VD_OK);
    assert_int_equal(world_commit(w, 1), VD_OK);
    for (int i = 0; i < KILLS; i++) {
        int ends[2];
        if (vd_random_below(&w->random, 4) == 0)
            remove_index(w); /* killed while it is made from nothing */
        vd_store_close(w->store);
        w->store = NULL;
        assert_int_equal(pipe(ends), 0);
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            child_commits(w, ends[1]);
        }
        close(ends[1]);
        pid_t killer = fork();
        assert_true(killer >= 0);
        if (killer == 0) {
            struct timespec wait = {
                .tv_nsec = 1000 * (long)(1 + vd_random_below(&w->random, KILL_AFTER_US))};
            nanosleep(&wait, NULL);
            kill(child, SIGKILL);
            _exit(0);
        }
        read_reports(w, ends[0]);
        close(ends[0]);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(waitpid(killer, &status, 0), killer);
        vd_random_u64(&w->random);
        go_on_from_reported(w);
        if (w->has_tip)
            check_some(w, 0, 3);
    }
    printf("killed %d times, tip %llu\n", KILLS, (unsigned long long)w->tip);
    check_index_as_if_new(w);
    world_free(w);
}

/* --- a broken index --- */

static void
test_files_that_are_no_index_are_replaced(void **unused)
{
    (void)unused;
    struct world *w = world_new("store broken index");
    char path[128];
    w->config.retention_blocks = 1u << 20;
    assert_int_equal(world_open(w), VD_OK);
    commit_blocks(w, 300);
    vd_store_close(w->store);
    snprintf(path, sizeof path, "%s/index/data.mdb", w->folder);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    for (int i = 0; i < 8192; i++)
        fputc(0x5a, file);
    fclose(file);
    assert_int_equal(world_open(w), VD_OK);
    assert_int_equal(vd_store_settle(w->store), VD_OK);
    check_some(w, 0, 5);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_past_states_equal_their_models),
        cmocka_unit_test(test_growth_does_not_cost_the_past),
        cmocka_unit_test(test_window_and_pin_bound_what_is_kept),
        cmocka_unit_test(test_index_of_pruned_records_is_made_again),
        cmocka_unit_test(test_killed_index_goes_on),
        cmocka_unit_test(test_files_that_are_no_index_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
