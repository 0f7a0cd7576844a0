/* The check of a database finds what is planted in it and nothing else; a copy made while another
   process writes is whole and goes on. */
#define _XOPEN_SOURCE 700

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "node/store/index.h"
#include "store_world.h"
#include "viaduct/node/store/care.h"

enum {
    ROUNDS = 60,
    COPIES = 8,
    ACCOUNTS_ALONE = 400,
};

static void
verify(struct world *w, struct vd_store *store, struct vd_store_verified *out)
{
    char fault[512];
    enum vd_err err = vd_store_verify(store, out, fault, sizeof fault);
    if (err != VD_OK)
        fail_msg("%s: %s", vd_err_text(err), fault);
    assert_int_equal(out->tip.number, w->tip);
}

/* --- what is right --- */

static void
test_whatever_happened_it_verifies(void **unused)
{
    (void)unused;
    struct world *w = world_new("store verify");
    struct vd_store_verified out;
    w->config.retention_blocks = 300;
    assert_int_equal(world_open(w), VD_OK);
    for (int i = 0; i < ROUNDS; i++) {
        if (w->has_tip && vd_random_below(&w->random, 5) == 0) {
            w->tip -= vd_random_below(&w->random, w->tip < 30 ? w->tip + 1 : 30);
            assert_int_equal(vd_store_unwind(w->store, w->tip), VD_OK);
        } else {
            for (int n = 0; n < 3; n++)
                assert_int_equal(world_commit(w, WORLD_BATCH), VD_OK);
        }
        if (vd_random_below(&w->random, 2) == 0)
            assert_int_equal(vd_store_settle(w->store), VD_OK);
        verify(w, w->store, &out);
        struct world_expected expected;
        world_expect(&expected, &w->blocks[w->tip]->model);
        assert_int_equal(out.accounts, expected.tables[VD_TABLE_ACCOUNTS].count);
        assert_int_equal(out.slots, expected.tables[VD_TABLE_SLOTS].count);
        assert_int_equal(out.branches, expected.tables[VD_TABLE_BRANCHES].count);
        world_expected_free(&expected);
        assert_int_equal(out.blocks, w->tip + 1);
    }
    world_free(w);
}

/* --- what is not --- */

enum plant {
    CHANGE, /* the last byte of a value */
    REMOVE,
    ADD, /* a row with another key */
};

static MDB_txn *
begin_write(MDB_env *env)
{
    MDB_txn *txn = NULL;
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    return txn;
}

/* Some row of a table: a copy of key and value. */
struct row {
    uint8_t key[VD_INDEX_MAX_KEY];
    size_t key_len;
    uint8_t *value;
    size_t value_len;
};

static struct row
pick(struct world *w, MDB_txn *txn, MDB_dbi dbi)
{
    struct row row = {.key_len = 0};
    MDB_cursor *cursor = NULL;
    MDB_stat stat;
    MDB_val key;
    MDB_val value;
    assert_int_equal(mdb_stat(txn, dbi, &stat), 0);
    assert_true(stat.ms_entries > 0);
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    for (uint64_t n = vd_random_below(&w->random, stat.ms_entries) + 1; n > 0; n--)
        assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), 0);
    row.key_len = key.mv_size;
    memcpy(row.key, key.mv_data, key.mv_size);
    row.value_len = value.mv_size;
    row.value = malloc(value.mv_size + 1);
    assert_non_null(row.value);
    memcpy(row.value, value.mv_data, value.mv_size);
    mdb_cursor_close(cursor);
    return row;
}

static void
put_row(MDB_txn *txn, MDB_dbi dbi, const struct row *row)
{
    MDB_val key = {.mv_size = row->key_len, .mv_data = (void *)(uintptr_t)row->key};
    MDB_val value = {.mv_size = row->value_len, .mv_data = row->value};
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
}

static void
del_row(MDB_txn *txn, MDB_dbi dbi, const struct row *row)
{
    MDB_val key = {.mv_size = row->key_len, .mv_data = (void *)(uintptr_t)row->key};
    assert_int_equal(mdb_del(txn, dbi, &key, NULL), 0);
}

static void
expect_fault(struct world *w, const char *table)
{
    char fault[512];
    char name[32];
    struct vd_store_verified out;
    assert_int_equal(vd_store_verify(w->store, &out, fault, sizeof fault), VD_ERR_CORRUPT);
    const char *colon = strchr(fault, ':');
    assert_non_null(colon);
    snprintf(name, sizeof name, "%.*s", (int)(colon - fault), fault);
    if (!strstr(table, name))
        fail_msg("%s, not %s", fault, table);
}

/* tables: where the check may notice it first. */
static void
plant(struct world *w, MDB_env *env, MDB_dbi dbi, enum plant what, const char *tables)
{
    MDB_txn *txn = begin_write(env);
    struct row row = pick(w, txn, dbi);
    struct row other = row;
    switch (what) {
    case CHANGE:
        row.value[row.value_len - 1] ^= 1;
        put_row(txn, dbi, &row);
        row.value[row.value_len - 1] ^= 1;
        break;
    case REMOVE:
        del_row(txn, dbi, &row);
        break;
    case ADD:
        for (size_t i = 0; i < 8 && i < other.key_len; i++)
            other.key[other.key_len - 1 - i] ^= 0x0f;
        put_row(txn, dbi, &other);
        break;
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    expect_fault(w, tables);
    txn = begin_write(env);
    if (what == ADD)
        del_row(txn, dbi, &other);
    else
        put_row(txn, dbi, &row);
    assert_int_equal(mdb_txn_commit(txn), 0);
    free(row.value);
}

static MDB_dbi
index_entries(struct world *w)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    uint64_t first;
    uint64_t last;
    assert_int_equal(vd_index_begin(w->store->index, &txn, &cursor, &first, &last, NULL), VD_OK);
    MDB_dbi dbi = mdb_cursor_dbi(cursor);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return dbi;
}

static void
test_planted_faults_are_named(void **unused)
{
    (void)unused;
    static const struct {
        enum db db;
        enum plant what;
        const char *tables;
    } cases[] = {
        {DB_ACCOUNTS, CHANGE, "accounts branches slots code"},
        {DB_ACCOUNTS, REMOVE, "accounts branches slots"},
        {DB_ACCOUNTS, ADD, "accounts branches slots"},
        {DB_SLOTS, CHANGE, "slots branches"},
        {DB_SLOTS, REMOVE, "slots branches"},
        {DB_SLOTS, ADD, "slots branches"},
        {DB_BRANCHES, CHANGE, "branches"},
        {DB_BRANCHES, REMOVE, "branches"},
        {DB_BRANCHES, ADD, "branches"},
        {DB_CODE, CHANGE, "code"},
        {DB_HEADERS, CHANGE, "headers"},
        {DB_HEADERS, REMOVE, "headers"},
        {DB_HEADERS, ADD, "headers"},
        {DB_BODIES, CHANGE, "bodies bodies, receipts txs"},
        {DB_BODIES, REMOVE, "bodies, receipts"},
        {DB_RECEIPTS, REMOVE, "bodies, receipts"},
        {DB_NUMBERS, CHANGE, "numbers"},
        {DB_NUMBERS, REMOVE, "numbers"},
        {DB_NUMBERS, ADD, "numbers"},
        {DB_TXS, CHANGE, "txs"},
        {DB_TXS, REMOVE, "txs"},
        {DB_TXS, ADD, "txs"},
        {DB_SAFE, CHANGE, "safe"},
        {DB_SAFE, REMOVE, "safe"},
        {DB_SAFE, ADD, "safe"},
        {DB_CHANGES, REMOVE, "changes"},
    };
    struct world *w = world_new("store plants");
    struct vd_store_verified out;
    struct vd_safe_entry entries[3] = {{.l1.number = 10}, {.l1.number = 11}, {.l1.number = 12}};
    w->config.retention_blocks = 1u << 20;
    assert_int_equal(world_open(w), VD_OK);
    for (int i = 0; i < 40; i++)
        assert_int_equal(world_commit(w, WORLD_BATCH), VD_OK);
    for (uint64_t i = 0; i < 3; i++)
        entries[i].l2 = (struct vd_block_id){.hash = w->blocks[20 * i]->hash, .number = 20 * i};
    struct vd_store_commit commit = {.heads = {NULL, &entries[2].l2, &entries[1].l2},
                                     .safe_entries = entries,
                                     .safe_entry_count = 3};
    assert_int_equal(vd_store_commit(w->store, &commit), VD_OK);
    assert_int_equal(vd_store_settle(w->store), VD_OK);
    verify(w, w->store, &out);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            plant(w, w->store->env, w->store->dbi[cases[i].db], cases[i].what, cases[i].tables);
            verify(w, w->store, &out);
        }
        MDB_env *env = vd_index_env(w->store->index);
        plant(w, env, index_entries(w), CHANGE, "index");
        plant(w, env, index_entries(w), REMOVE, "index");
        plant(w, env, index_entries(w), ADD, "index");
        verify(w, w->store, &out);
    }
    world_free(w);
}

static void
test_heads_that_name_no_block_are_found(void **unused)
{
    (void)unused;
    struct world *w = world_new("store heads");
    struct vd_store_verified out;
    assert_int_equal(world_open(w), VD_OK);
    assert_int_equal(world_commit(w, 5), VD_OK);
    struct vd_block_id wrong = {.hash = w->blocks[2]->hash, .number = 3};
    struct vd_block_id right = {.hash = w->blocks[3]->hash, .number = 3};
    struct vd_store_commit commit = {.heads = {NULL, &wrong, NULL}};
    assert_int_equal(vd_store_commit(w->store, &commit), VD_OK);
    expect_fault(w, "safe");
    commit.heads[VD_HEAD_SAFE] = &right;
    commit.heads[VD_HEAD_FINALIZED] = &wrong;
    assert_int_equal(vd_store_commit(w->store, &commit), VD_OK);
    expect_fault(w, "finalized");
    commit.heads[VD_HEAD_FINALIZED] = &right;
    assert_int_equal(vd_store_commit(w->store, &commit), VD_OK);
    verify(w, w->store, &out);
    world_free(w);
}

/* --- copies --- */

static void
child_writes(struct world *w, int ready)
{
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    signal(SIGABRT, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails must not leave it behind */
    w->random.state ^= 1;             /* other transactions than the copies get */
    if (world_open(w) != VD_OK)
        _exit(1);
    for (int i = 0;; i++) {
        bool full = w->tip + 2 * WORLD_BATCH >= WORLD_BLOCKS;
        if (full || (w->tip > 30 && vd_random_below(&w->random, 5) == 0)) {
            w->tip -= vd_random_below(&w->random, 20);
            if (vd_store_unwind(w->store, w->tip) != VD_OK)
                _exit(2);
        } else if (world_commit(w, 1 + vd_random_below(&w->random, WORLD_BATCH)) != VD_OK) {
            _exit(3);
        }
        if (i == 5 && write(ready, "", 1) != 1)
            _exit(4);
    }
}

static void
read_tip(struct world *w)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_block_id tip;
    struct vd_header header;
    struct world_block *block = calloc(1, sizeof *block);
    assert_non_null(block);
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    assert_int_equal(vd_snapshot_head(snapshot, VD_HEAD_UNSAFE, &tip), VD_OK);
    assert_int_equal(vd_snapshot_header(snapshot, &header, &block->hash, tip.number), VD_OK);
    world_read_model(vd_snapshot_rows(snapshot), &block->model);
    vd_snapshot_end(snapshot);
    block->header = header;
    block->header.extra_data = vd_slice(NULL, 0);
    free(w->blocks[tip.number]);
    w->blocks[tip.number] = block;
    w->tip = tip.number;
    w->has_tip = true;
}

/* The copy verifies, is the same as its tip's header says, and takes blocks. */
static void
check_copy(struct world *w, const char *folder)
{
    struct vd_store_verified out;
    struct vd_store *store = w->store;
    const char *original = w->config.folder;
    w->config.folder = folder;
    assert_int_equal(world_open(w), VD_OK);
    read_tip(w);
    verify(w, w->store, &out);
    uint64_t first = w->tip;
    for (int i = 0; i < 4; i++)
        assert_int_equal(world_commit(w, WORLD_BATCH), VD_OK);
    assert_int_equal(vd_store_settle(w->store), VD_OK);
    verify(w, w->store, &out);
    struct vd_snapshot *snapshot = NULL;
    assert_int_equal(vd_snapshot_begin(&snapshot, w->store), VD_OK);
    for (uint64_t n = first; n <= w->tip; n++) {
        struct vd_state_source source;
        struct vd_snapshot_state past;
        vd_arena_rewind(&w->diffs, 0);
        assert_int_equal(vd_snapshot_source(snapshot, &source, &past, n, &w->diffs), VD_OK);
        world_check_state(w, &source, w->blocks[n]);
    }
    vd_snapshot_end(snapshot);
    vd_store_close(w->store);
    w->config.folder = original;
    w->store = store;
    nftw(folder, world_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
test_copy_beside_a_writer_is_whole(void **unused)
{
    (void)unused;
    struct world *w = world_new("store copy");
    int ends[2];
    char byte;
    char why[512];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        child_writes(w, ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    struct vd_store_config config = w->config;
    config.read_only = true;
    config.chain_id = 0;
    assert_int_equal(vd_store_open(&w->store, why, sizeof why, &config), VD_OK);
    for (int i = 0; i < COPIES; i++) {
        char folder[80];
        struct vd_store_figures figures;
        snprintf(folder, sizeof folder, "%s-copy", w->folder);
        assert_int_equal(vd_store_figures(&figures, w->store), VD_OK);
        assert_int_equal(figures.chain_id, WORLD_CHAIN);
        assert_true(figures.table_count >= DB_COUNT && figures.state_file_bytes > 0);
        assert_int_equal(vd_store_copy(w->store, why, sizeof why, folder), VD_OK);
        assert_int_equal(vd_store_copy(w->store, why, sizeof why, folder), VD_ERR_EXISTS);
        assert_non_null(strstr(why, folder));
        check_copy(w, folder);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    close(ends[0]);
    world_free(w);
}

static void
test_reading_alone_makes_nothing(void **unused)
{
    (void)unused;
    struct world *w = world_new("store reader");
    char why[512];
    w->config.read_only = true;
    assert_int_not_equal(vd_store_open(&w->store, why, sizeof why, &w->config), VD_OK);
    assert_non_null(strstr(why, w->folder));
    w->store = NULL;
    assert_int_equal(rmdir(w->folder), 0); /* empty still */
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whatever_happened_it_verifies),
        cmocka_unit_test(test_planted_faults_are_named),
        cmocka_unit_test(test_heads_that_name_no_block_are_found),
        cmocka_unit_test(test_copy_beside_a_writer_is_whole),
        cmocka_unit_test(test_reading_alone_makes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
