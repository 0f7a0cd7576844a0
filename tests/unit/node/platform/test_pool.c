#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "viaduct/node/platform/pool.h"

enum { JOBS = 5000 };

struct work {
    struct vd_job job;
    unsigned number;
    unsigned result;
    unsigned place; /* in the order of running, with one worker */
    uv_thread_t loop_thread;
    bool on_loop;
    unsigned *done_count;
    unsigned *run_count;
};

static void
run(struct vd_job *job)
{
    struct work *work = (struct work *)job;
    uv_thread_t self = uv_thread_self();
    assert_false(uv_thread_equal(&self, &work->loop_thread));
    if (work->run_count)
        work->place = (*work->run_count)++;
    work->result = work->number * 3 + 1;
}

static void
done(struct vd_job *job)
{
    struct work *work = (struct work *)job;
    uv_thread_t self = uv_thread_self();
    work->on_loop = uv_thread_equal(&self, &work->loop_thread) != 0;
    ++*work->done_count;
}

static void
on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

static struct work *
submit_all(struct vd_pool *pool, unsigned count, unsigned *done_count, unsigned *run_count)
{
    struct work *works = calloc(count, sizeof *works);
    assert_non_null(works);
    for (unsigned i = 0; i < count; i++) {
        works[i] = (struct work){.job = {.run = run, .done = done},
                                 .number = i,
                                 .loop_thread = uv_thread_self(),
                                 .done_count = done_count,
                                 .run_count = run_count};
        assert_int_equal(vd_pool_submit(pool, &works[i].job), VD_OK);
    }
    return works;
}

/* Closing finishes what was taken and refuses what comes later. */
static void
check_pool(unsigned threads)
{
    uv_loop_t loop;
    struct vd_pool *pool = NULL;
    unsigned done_count = 0;
    unsigned run_count = 0;
    bool closed = false;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(vd_pool_new(&pool, &loop, threads), VD_OK);
    struct work *works = submit_all(pool, JOBS, &done_count, threads == 1 ? &run_count : NULL);
    assert_int_equal(vd_pool_pending(pool), JOBS);
    vd_pool_close(pool, on_closed, &closed);
    struct vd_job late = {.run = run};
    assert_int_equal(vd_pool_submit(pool, &late), VD_ERR_CLOSED);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_true(closed);
    assert_int_equal(done_count, JOBS);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(works[i].result, 3 * i + 1);
        assert_true(works[i].on_loop);
        if (threads == 1)
            assert_int_equal(works[i].place, i);
    }
    assert_int_equal(uv_loop_close(&loop), 0);
    free(works);
}

static void
test_jobs_run_on_workers_and_complete_on_the_loop(void **unused)
{
    (void)unused;
    check_pool(0);
    check_pool(4);
}

static void
test_one_worker_runs_jobs_in_their_order(void **unused)
{
    (void)unused;
    check_pool(1);
}

static void
test_idle_pool_closes(void **unused)
{
    (void)unused;
    uv_loop_t loop;
    struct vd_pool *pool = NULL;
    bool closed = false;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(vd_pool_new(&pool, &loop, 2), VD_OK);
    assert_int_equal(vd_pool_pending(pool), 0);
    vd_pool_close(pool, on_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void
do_nothing(struct vd_job *job)
{
    (void)job;
}

static void
test_full_queue_refuses_the_newcomer(void **unused)
{
    (void)unused;
    uv_loop_t loop;
    struct vd_pool *pool = NULL;
    bool closed = false;
    struct vd_job *jobs = calloc(VD_POOL_MAX_QUEUE + 1, sizeof *jobs);
    assert_non_null(jobs);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(vd_pool_new(&pool, &loop, 2), VD_OK);
    /* Jobs count until the loop has seen them complete, and it does not run yet. */
    for (unsigned i = 0; i <= VD_POOL_MAX_QUEUE; i++) {
        jobs[i].run = do_nothing;
        assert_int_equal(vd_pool_submit(pool, &jobs[i]),
                         i < VD_POOL_MAX_QUEUE ? VD_OK : VD_ERR_BUSY);
    }
    while (vd_pool_pending(pool) > 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(vd_pool_submit(pool, &jobs[0]), VD_OK);
    vd_pool_close(pool, on_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&loop), 0);
    free(jobs);
}

struct gate {
    struct vd_job job;
    uv_sem_t *open;
    unsigned *done;
};

static void
wait_at_gate(struct vd_job *job)
{
    uv_sem_wait(((struct gate *)job)->open);
}

static void
count_gate(struct vd_job *job)
{
    ++*((struct gate *)job)->done;
}

/* Reads that none can finish, more than there are workers: other jobs run all the same, and reads
   go on when they can. */
static void
test_reads_leave_a_worker_to_other_jobs(void **unused)
{
    (void)unused;
    enum { READS = 10 };
    uv_loop_t loop;
    uv_sem_t open;
    struct vd_pool *pool = NULL;
    struct gate gates[READS];
    unsigned reads_done = 0;
    unsigned jobs_done = 0;
    bool closed = false;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_sem_init(&open, 0), 0);
    assert_int_equal(vd_pool_new(&pool, &loop, 3), VD_OK);
    for (size_t i = 0; i < READS; i++) {
        gates[i] = (struct gate){{.run = wait_at_gate, .done = count_gate}, &open, &reads_done};
        assert_int_equal(vd_pool_submit_read(pool, &gates[i].job), VD_OK);
    }
    struct work *works = submit_all(pool, JOBS, &jobs_done, NULL);
    while (jobs_done < JOBS)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(reads_done, 0);
    for (size_t i = 0; i < READS; i++)
        uv_sem_post(&open);
    vd_pool_close(pool, on_closed, &closed);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_true(closed);
    assert_int_equal(reads_done, READS);
    assert_int_equal(uv_loop_close(&loop), 0);
    uv_sem_destroy(&open);
    free(works);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_run_on_workers_and_complete_on_the_loop),
        cmocka_unit_test(test_one_worker_runs_jobs_in_their_order),
        cmocka_unit_test(test_idle_pool_closes),
        cmocka_unit_test(test_full_queue_refuses_the_newcomer),
        cmocka_unit_test(test_reads_leave_a_worker_to_other_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
