/* A disk that fills and one that fails to sync, under a running engine, and a journal that is
   written anew while it runs.  The faults are made where the system is entered: this program's
   pwrite, write, writev, fdatasync and fsync take the place of the C library's, for the engine and
   for LMDB. */
#include "harness.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static struct bench_engine bench;

/* --- the faults --- */

enum fault {
    FAULT_NONE,
    FAULT_NO_SPACE, /* a file does not grow; the journal's own preallocated space is gone too */
    FAULT_SYNC,
};
static atomic_int fault;
static const char *_Atomic fault_file; /* end of the name */
static atomic_bool fault_met;
static atomic_uint renames;

static bool
is_struck(int fd, enum fault what)
{
    char link[64];
    char path[4096];
    if (atomic_load(&fault) != (int)what) {
        return false;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    const char *end = atomic_load(&fault_file);
    size_t end_len = strlen(end);
    bool struck = (size_t)(len > 0 ? len : 0) > end_len && strcmp(path + len - end_len, end) == 0;
    if (struck) {
        atomic_store(&fault_met, true);
    }
    return struck;
}

/* How many of len bytes at offset the disk has room for. */
static size_t
room_for(int fd, size_t len, off_t offset)
{
    struct stat st;
    if (!is_struck(fd, FAULT_NO_SPACE)) {
        return len;
    }
    if (strcmp(atomic_load(&fault_file), "/journal") == 0) {
        return len > 1000 ? len / 2 : 0; /* a short write first, then none */
    }
    assert_int_equal(fstat(fd, &st), 0);
    return offset + (off_t)len <= st.st_size ? len : 0;
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    size_t room = room_for(fd, len, offset);
    if (room == 0 && len > 0) {
        errno = ENOSPC;
        return -1;
    }
    return (ssize_t)syscall(SYS_pwrite64, fd, bytes, room, offset);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        len += parts[i].iov_len;
    }
    off_t offset = atomic_load(&fault) == FAULT_NO_SPACE ? lseek(fd, 0, SEEK_CUR) : 0;
    if (room_for(fd, len, offset) < len) {
        errno = ENOSPC;
        return -1;
    }
    return (ssize_t)syscall(SYS_writev, fd, parts, count);
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
    off_t offset = atomic_load(&fault) == FAULT_NO_SPACE ? lseek(fd, 0, SEEK_CUR) : 0;
    if (room_for(fd, len, offset) < len) {
        errno = ENOSPC;
        return -1;
    }
    return (ssize_t)syscall(SYS_write, fd, bytes, len);
}

int
fdatasync(int fd)
{
    if (is_struck(fd, FAULT_SYNC)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
    if (is_struck(fd, FAULT_SYNC)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int
rename(const char *from, const char *to)
{
    atomic_fetch_add(&renames, 1);
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

static void
strike(enum fault what, const char *file)
{
    atomic_store(&fault_file, file);
    atomic_store(&fault_met, false);
    atomic_store(&fault, (int)what);
}

static void
heal(void)
{
    atomic_store(&fault, FAULT_NONE);
}

/* --- the engine --- */

static const char *health_text;
static unsigned health_changes;

static void
on_health(void *ctx, const char *text)
{
    (void)ctx;
    health_text = text;
    health_changes++;
}

static int
set_up(void **state)
{
    static const struct vd_logger quiet = {.fd = 2, .level = VD_LOG_BROKEN};
    (void)state;
    health_text = NULL;
    health_changes = 0;
    bench_prepare(&bench, false);
    bench_config(&bench, false);
    bench.config.logger = &quiet;
    bench.config.events.health = on_health;
    bench_open(&bench);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    heal();
    bench_close(&bench);
    bench_remove(&bench);
    return 0;
}

static void
make_transfer(struct made_tx *made, unsigned from, uint64_t nonce)
{
    struct vd_tx tx = plain_tx(&bench, nonce, &bench.address[(from + 1) % ACCOUNTS], 1);
    sign_tx(made, &tx, from);
}

static struct submit_answer
transfer(unsigned from, uint64_t nonce)
{
    struct made_tx made;
    make_transfer(&made, from, nonce);
    return submit_tx(&bench, &made);
}

static struct chain_tip
seal_ok(struct chain_tip *tip)
{
    struct block_answer a = seal_block(&bench);
    assert_int_equal(a.err, VD_OK);
    *tip = tip_of_answer(&a);
    assert_int_equal(open_on(&bench, tip).err, VD_OK);
    return *tip;
}

static void
wait_for_health(bool fine)
{
    while ((health_text == NULL) != fine) {
        uv_run(&bench.loop, UV_RUN_ONCE);
    }
}

static uint64_t
nonce_at(uint64_t number)
{
    return account_at(&bench, &bench.address[0], number).nonce;
}

/* --- no space --- */

static void
test_a_full_disk_stops_sealing_until_there_is_space_again(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    uint64_t nonce = 0;
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    assert_int_equal(transfer(0, nonce++).status, VD_SUBMIT_ACCEPTED);
    seal_ok(&tip);
    strike(FAULT_NO_SPACE, "/data.mdb");
    struct block_answer stuck = {0};
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(transfer(0, nonce++).status, VD_SUBMIT_ACCEPTED);
        stuck = (struct block_answer){0};
        vd_engine_seal(bench.engine, on_block, &stuck);
        while (!stuck.done && !health_text) {
            uv_run(&bench.loop, UV_RUN_ONCE);
        }
        if (health_text) {
            break;
        }
        assert_int_equal(stuck.err, VD_OK); /* there were free pages inside the file */
        tip = tip_of_answer(&stuck);
        assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    }
    assert_true(atomic_load(&fault_met));
    assert_string_equal(health_text, "no space left in the node's folder");
    struct submit_answer refused = transfer(0, nonce);
    assert_int_equal(refused.status, VD_SUBMIT_UNAVAILABLE);
    assert_string_equal(refused.text, "the node's disk is full");
    assert_int_equal(nonce_at(tip.number), nonce - 1);
    assert_false(stuck.done);
    heal();
    wait_block(&bench, &stuck);
    assert_int_equal(stuck.err, VD_OK);
    wait_for_health(true);
    tip = tip_of_answer(&stuck);
    assert_int_equal(nonce_at(tip.number), nonce);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    assert_int_equal(transfer(0, nonce++).status, VD_SUBMIT_ACCEPTED);
    seal_ok(&tip);
    assert_int_equal(health_changes, 2);
    bench_close(&bench);
    bench_open(&bench);
    assert_int_equal(vd_engine_heads(bench.engine)->unsafe.number, tip.number);
    assert_int_equal(nonce_at(tip.number), nonce);
}

/* The folder's name is the engine's own: the caller's memory may be gone when a log line needs it.
 */
static void
test_a_full_disk_is_logged_with_the_folder_after_the_callers_text_is_gone(void **state)
{
    (void)state;
    char folder[sizeof bench.folder];
    char line[512] = {0};
    char want[128];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct vd_logger logger = {.fd = ends[1], .level = VD_LOG_ERROR};
    bench_close(&bench);
    snprintf(folder, sizeof folder, "%s", bench.folder);
    bench.config.folder = folder;
    bench.config.logger = &logger;
    bench_open(&bench);
    memset(folder, '?', sizeof folder - 1);
    struct chain_tip tip = tip_of_heads(&bench);
    strike(FAULT_NO_SPACE, "/journal");
    struct block_answer opened = {0};
    struct vd_attributes attributes = l1_plan(&tip);
    vd_engine_open_block(bench.engine, &attributes, on_block, &opened);
    wait_for_health(false);
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    snprintf(want, sizeof want, "no space left for the journal in %s:", bench.folder);
    assert_non_null(strstr(line, want));
    heal();
    wait_block(&bench, &opened);
    bench_close(&bench);
    bench.config.folder = bench.folder;
    bench_open(&bench);
    close(ends[0]);
    close(ends[1]);
}

static void
test_a_journal_without_space_acknowledges_nothing_until_there_is_some(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    struct made_tx made;
    struct submit_answer late = {0};
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    assert_int_equal(transfer(0, 0).status, VD_SUBMIT_ACCEPTED);
    seal_ok(&tip);
    strike(FAULT_NO_SPACE, "/journal");
    make_transfer(&made, 0, 1);
    vd_engine_submit(bench.engine, vd_slice(made.bytes, made.len), on_submit, &late);
    wait_for_health(false);
    assert_string_equal(health_text, "no space left in the node's folder");
    assert_false(late.done);
    assert_int_equal(transfer(0, 2).status, VD_SUBMIT_UNAVAILABLE);
    assert_int_equal(nonce_at(tip.number), 1);
    struct block_answer seal = {0};
    vd_engine_seal(bench.engine, on_block, &seal);
    uint64_t until = uv_hrtime() + 1500000000u; /* longer than one retry of the writer */
    while (uv_hrtime() < until) {
        uv_run(&bench.loop, UV_RUN_NOWAIT);
        uv_sleep(10);
    }
    assert_false(late.done || seal.done);
    heal();
    while (!late.done || !seal.done) {
        uv_run(&bench.loop, UV_RUN_ONCE);
    }
    assert_int_equal(late.status, VD_SUBMIT_ACCEPTED);
    assert_true(late.in_block);
    assert_int_equal(seal.err, VD_ERR_FULL); /* to be asked for again */
    wait_for_health(true);
    assert_int_equal(transfer(0, 2).status, VD_SUBMIT_ACCEPTED);
    bench_close(&bench);
    bench_open(&bench);
    assert_int_equal(nonce_at(VD_VIEW_PENDING), 3);
}

/* --- a sync that fails --- */

/* From now on nothing is written whatever the disk says later, and reads go on. */
static void
check_writing_has_ended(uint64_t latest, uint64_t nonce)
{
    wait_for_health(false);
    assert_string_equal(health_text, "writing to the node's folder failed; restart the node");
    heal();
    for (unsigned i = 0; i < 3; i++) {
        struct submit_answer a = transfer(1, i);
        assert_int_equal(a.status, VD_SUBMIT_UNAVAILABLE);
        assert_string_equal(a.text, "the node cannot write to its folder any more");
        struct chain_tip tip = tip_of_heads(&bench);
        struct block_answer open = open_on(&bench, &tip);
        assert_int_equal(open.err, VD_ERR_IO);
        assert_string_equal(open.why, "the node cannot write to its folder any more; restart it");
    }
    assert_int_equal(vd_engine_heads(bench.engine)->unsafe.number, latest);
    assert_int_equal(nonce_at(latest), nonce);
    assert_int_equal(health_changes, 1);
}

static void
test_a_failed_sync_of_the_journal_ends_writing_for_good(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    assert_int_equal(transfer(0, 0).status, VD_SUBMIT_ACCEPTED);
    seal_ok(&tip);
    assert_int_equal(transfer(0, 1).status, VD_SUBMIT_ACCEPTED);
    strike(FAULT_SYNC, "/journal");
    struct submit_answer a = transfer(0, 2);
    assert_int_equal(a.status, VD_SUBMIT_UNAVAILABLE);
    assert_string_equal(a.text, "the node cannot write its journal");
    assert_int_equal(seal_block(&bench).err, VD_ERR_IO);
    check_writing_has_ended(tip.number, 1);
    bench_close(&bench);
    health_text = NULL;
    bench_open(&bench);
    /* What was acknowledged is there; the one refused may be, for its bytes were written. */
    assert_true(nonce_at(VD_VIEW_PENDING) >= 2);
    assert_int_equal(transfer(0, nonce_at(VD_VIEW_PENDING)).status, VD_SUBMIT_ACCEPTED);
}

static void
test_a_failed_sync_of_the_database_ends_writing_for_good(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    assert_int_equal(transfer(0, 0).status, VD_SUBMIT_ACCEPTED);
    seal_ok(&tip);
    assert_int_equal(transfer(0, 1).status, VD_SUBMIT_ACCEPTED);
    strike(FAULT_SYNC, "/data.mdb");
    struct block_answer seal = seal_block(&bench);
    assert_int_equal(seal.err, VD_ERR_IO);
    check_writing_has_ended(tip.number, 1);
    bench_close(&bench);
    health_text = NULL;
    bench_open(&bench);
    /* The block that was being sealed is made again from the journal; whether it was sealed depends
       on whether the journal still took that before the database failed. */
    assert_true(vd_engine_heads(bench.engine)->unsafe.number <= tip.number + 1);
    struct vd_view *view = view_of(&bench);
    uint64_t number = vd_view_pending(view) ? VD_VIEW_PENDING : tip.number + 1;
    vd_view_close(view);
    assert_int_equal(nonce_at(number), 2);
}

/* --- the journal is written anew --- */

static void
test_a_rotated_journal_holds_what_still_matters(void **state)
{
    (void)state;
    enum { ROTATE = 20000, BLOCKS = 30, PER_BLOCK = 40 };
    bench_close(&bench);
    bench.config.journal_rotate_bytes = ROTATE;
    bench_open(&bench);
    struct chain_tip tip = tip_of_heads(&bench);
    uint64_t nonce = 0;
    atomic_store(&renames, 0);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    struct made_tx gap;
    make_transfer(&gap, 1, 5); /* waits for its nonce all the time */
    assert_int_equal(submit_tx(&bench, &gap).status, VD_SUBMIT_ACCEPTED);
    for (unsigned block = 0; block < BLOCKS; block++) {
        for (unsigned i = 0; i < PER_BLOCK; i++) {
            assert_int_equal(transfer(0, nonce++).status, VD_SUBMIT_ACCEPTED);
        }
        if (block + 1 < BLOCKS) {
            seal_ok(&tip);
        }
    }
    struct vd_engine_stats stats;
    vd_engine_stats(bench.engine, &stats);
    assert_true(atomic_load(&renames) > 3);
    assert_true(stats.journal_bytes < 2 * ROTATE);
    bench_close(&bench);
    bench_open(&bench);
    assert_int_equal(vd_engine_heads(bench.engine)->unsafe.number, tip.number);
    assert_int_equal(nonce_at(VD_VIEW_PENDING), nonce);
    struct vd_view *view = view_of(&bench);
    struct vd_slice raw;
    struct vd_address sender;
    assert_int_equal(vd_view_pending(view)->tx_count, PER_BLOCK);
    assert_int_equal(vd_view_find_waiting(view, &raw, &sender, &gap.hash), VD_OK);
    vd_view_close(view);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_full_disk_stops_sealing_until_there_is_space_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_full_disk_is_logged_with_the_folder_after_the_callers_text_is_gone, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_journal_without_space_acknowledges_nothing_until_there_is_some, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_sync_of_the_journal_ends_writing_for_good,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_sync_of_the_database_ends_writing_for_good,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_rotated_journal_holds_what_still_matters, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
