/* kill -9 at random moments: nothing that was acknowledged is lost, and the database is as some
   commit left it. */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define ROUNDS 12

static struct bench_engine bench;

/* --- the child: sends, seals, sometimes goes back, until it is killed --- */

struct child {
    int out; /* acknowledged hashes */
    unsigned under_way;
    struct vd_random random;
    bool busy;
    struct chain_tip tip;
};

static void
on_child_submit(void *ctx, const struct vd_submit_result *result)
{
    struct child *c = ctx;
    c->under_way--;
    if (result->status == VD_SUBMIT_ACCEPTED) {
        ssize_t n = write(c->out, result->hash.b, 32);
        (void)n;
    }
}

static void child_open(struct child *c);

static void
on_child_seal(void *ctx, enum vd_err err, const char *why, const struct vd_block_info *block)
{
    struct child *c = ctx;
    (void)why;
    if (err == VD_OK) {
        c->tip = (struct chain_tip){block->ref.hash, block->ref.number, block->ref.timestamp};
    }
    child_open(c);
}

static void
on_child_open(void *ctx, enum vd_err err, const char *why, const struct vd_block_info *block)
{
    struct child *c = ctx;
    (void)why;
    (void)block;
    c->busy = false;
    if (err != VD_OK) {
        _exit(3);
    }
}

static void
child_open(struct child *c)
{
    struct vd_attributes plan = l1_plan(&c->tip);
    vd_engine_open_block(bench.engine, &plan, on_child_open, c);
}

static void
on_child_cut(void *ctx, enum vd_err err)
{
    struct child *c = ctx;
    if (err != VD_OK) {
        _exit(4);
    }
    c->tip = tip_of_heads(&bench);
    child_open(c);
}

/* Back to the parent of the newest block. */
static void
child_cut(struct child *c)
{
    struct vd_view *view = view_of(&bench);
    struct vd_block_id genesis = {.hash = vd_engine_genesis(bench.engine)->hash};
    struct vd_block_id parent = {.hash = vd_view_heads(view)->unsafe.parent_hash,
                                 .number = vd_view_heads(view)->unsafe.number - 1};
    vd_view_close(view);
    vd_engine_set_heads(bench.engine, &parent, &genesis, &genesis, UINT64_MAX, on_child_cut, c);
}

static void
child_step(struct child *c)
{
    uint64_t what = vd_random_below(&c->random, 400);
    if (what == 0 && !c->busy) {
        c->busy = true;
        vd_engine_seal(bench.engine, on_child_seal, c);
        return;
    }
    if (what == 1 && !c->busy && vd_engine_heads(bench.engine)->unsafe.number > 2) {
        c->busy = true;
        child_cut(c);
        return;
    }
    unsigned from = (unsigned)vd_random_below(&c->random, ACCOUNTS);
    /* Now and then one too far ahead, which waits. */
    uint64_t ahead = vd_random_below(&c->random, 50) == 0 ? 1 : 0;
    struct made_tx made;
    struct vd_tx tx = plain_tx(&bench, bench.nonce[from] + ahead, &bench.address[0],
                               1 + vd_random_below(&c->random, 1000));
    bench.nonce[from] += ahead == 0 ? 1 : 0;
    sign_tx(&made, &tx, from);
    c->under_way++;
    vd_engine_submit(bench.engine, vd_slice(made.bytes, made.len), on_child_submit, c);
}

static void
child_main(int out, uint64_t seed)
{
    struct child c = {.out = out, .random = {.state = seed}};
    bench_open(&bench);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        struct vd_view *view = view_of(&bench);
        if (vd_view_next_nonce(view, &bench.nonce[i], &bench.address[i]) != VD_OK) {
            _exit(5);
        }
        vd_view_close(view);
    }
    c.tip = tip_of_heads(&bench);
    c.busy = true;
    child_open(&c);
    for (;;) {
        while (c.under_way < 50) {
            child_step(&c);
        }
        uv_run(&bench.loop, UV_RUN_ONCE);
    }
}

/* --- the parent --- */

static size_t
check_acknowledged(const char *path)
{
    struct vd_view *view = view_of(&bench);
    FILE *file = fopen(path, "rb");
    size_t count = 0;
    struct vd_hash hash;
    assert_non_null(file);
    while (fread(hash.b, 1, 32, file) == 32) {
        uint64_t number = 0;
        size_t index = 0;
        struct vd_slice raw;
        struct vd_address sender;
        bool found = vd_view_find_tx(view, &number, &index, &hash) == VD_OK ||
                     vd_view_find_pending(view, &index, &hash) == VD_OK ||
                     vd_view_find_waiting(view, &raw, &sender, &hash) == VD_OK;
        if (!found) {
            char text[65] = {0};
            vd_hex_encode(text, hash.b, 32);
            fail_msg("acknowledged transaction %zu, %s, is lost", count, text);
        }
        count++;
    }
    fclose(file);
    vd_view_close(view);
    return count;
}

/* The state's root from the database is the newest header's. */
static void
check_root(void)
{
    struct vd_view *view = view_of(&bench);
    struct vd_state_source source;
    struct vd_header header;
    static uint8_t memory[1 << 20];
    struct vd_arena arena;
    assert_int_equal(vd_view_state(view, &source, &header, vd_view_heads(view)->unsafe.number),
                     VD_OK);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        struct vd_slice value;
        bool complete = false;
        struct vd_hash key = vd_keccak256(vd_slice(bench.address[i].b, 20));
        vd_arena_init(&arena, memory, sizeof memory);
        assert_int_equal(
            vd_trie_get(&source.trie, &value, &complete, &arena, NULL, &header.state_root, &key),
            VD_OK);
        struct vd_account flat;
        struct vd_account leaf;
        assert_int_equal(source.account(source.ctx, &flat, &bench.address[i], &key), VD_OK);
        assert_int_equal(vd_account_decode(&leaf, value), VD_OK);
        assert_memory_equal(&flat.balance, &leaf.balance, sizeof flat.balance);
        assert_int_equal(flat.nonce, leaf.nonce);
    }
    vd_view_close(view);
}

static void
test_kill_at_random_moments_loses_nothing_acknowledged(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("crash");
    char acked[96];
    size_t total = 0;
    bench_prepare(&bench, false);
    bench_config(&bench, false);
    bench.config.journal_rotate_bytes = 200000; /* the kill meets the journal's replacement too */
    /* The children's evictions are expected: every nonce may meet its double after going back. */
    static const struct vd_logger quiet = {.fd = 2, .level = VD_LOG_ERROR};
    bench.config.logger = &quiet;
    snprintf(acked, sizeof acked, "%s.acked", bench.folder);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t seed = vd_random_u64(&r);
        useconds_t wait = (useconds_t)(20000 + vd_random_below(&r, 400000));
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            int out = open(acked, O_WRONLY | O_CREAT | O_APPEND, 0600);
            child_main(out, seed);
            _exit(0);
        }
        usleep(wait);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFSIGNALED(status)) {
            fail_msg("the child ended by itself with status %d", WEXITSTATUS(status));
        }
        bench_open(&bench);
        if (access(acked, F_OK) == 0) {
            total = check_acknowledged(acked);
        }
        check_root();
        bench_close(&bench);
    }
    printf("%zu acknowledged transactions over %d kills\n", total, ROUNDS);
    assert_true(total > 0);
    unlink(acked);
    bench_remove(&bench);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill_at_random_moments_loses_nothing_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
