#include "viaduct/node/platform/pool.h"

#include <stdlib.h>

#define MAX_THREADS 64u

struct queue {
    struct vd_job *head;
    struct vd_job **tail;
};

struct vd_pool {
    uv_mutex_t mutex; /* guards waiting, reads, reading, finished, stopping */
    uv_cond_t wake;
    struct queue waiting;
    struct queue reads;
    unsigned reading; /* workers at a read */
    struct queue finished;
    bool stopping;
    uv_thread_t threads[MAX_THREADS];
    unsigned thread_count;
    uv_async_t async; /* tells the loop that jobs have finished */
    unsigned pending; /* the loop's own count */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void
queue_put(struct queue *queue, struct vd_job *job)
{
    job->next = NULL;
    *queue->tail = job;
    queue->tail = &job->next;
}

static struct vd_job *
queue_take(struct queue *queue)
{
    struct vd_job *job = queue->head;
    if (job) {
        queue->head = job->next;
        if (!queue->head) {
            queue->tail = &queue->head;
        }
    }
    return job;
}

/* The next job for a worker, under the mutex.  Reads leave one worker to the other jobs; where
   there is but one, it does both. */
static struct vd_job *
next_job(struct vd_pool *pool, bool *is_read)
{
    struct vd_job *job = queue_take(&pool->waiting);
    *is_read = false;
    if (job == NULL && (pool->reading + 1 < pool->thread_count || pool->thread_count == 1)) {
        job = queue_take(&pool->reads);
        *is_read = job != NULL;
    }
    return job;
}

static void
worker(void *arg)
{
    struct vd_pool *pool = arg;
    uv_mutex_lock(&pool->mutex);
    for (;;) {
        bool is_read;
        struct vd_job *job = next_job(pool, &is_read);
        if (job) {
            pool->reading += is_read;
            uv_mutex_unlock(&pool->mutex);
            job->run(job);
            uv_mutex_lock(&pool->mutex);
            pool->reading -= is_read;
            queue_put(&pool->finished, job);
            uv_async_send(&pool->async);
        } else if (pool->stopping) {
            break;
        } else {
            uv_cond_wait(&pool->wake, &pool->mutex);
        }
    }
    uv_mutex_unlock(&pool->mutex);
}

static void
on_closed(uv_handle_t *handle)
{
    struct vd_pool *pool = handle->data;
    uv_cond_destroy(&pool->wake);
    uv_mutex_destroy(&pool->mutex);
    void (*closed)(void *ctx) = pool->closed;
    void *ctx = pool->closed_ctx;
    free(pool);
    if (closed) {
        closed(ctx);
    }
}

static void
finish_close(struct vd_pool *pool)
{
    uv_mutex_lock(&pool->mutex);
    pool->stopping = true;
    uv_cond_broadcast(&pool->wake);
    uv_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        uv_thread_join(&pool->threads[i]);
    }
    uv_close((uv_handle_t *)&pool->async, on_closed);
}

static void
on_finished(uv_async_t *async)
{
    struct vd_pool *pool = async->data;
    uv_mutex_lock(&pool->mutex);
    struct vd_job *job = pool->finished.head;
    pool->finished = (struct queue){.tail = &pool->finished.head};
    uv_mutex_unlock(&pool->mutex);
    while (job) {
        struct vd_job *next = job->next;
        pool->pending--;
        if (job->done) {
            job->done(job);
        }
        job = next;
    }
    if (pool->closing && pool->pending == 0 && !uv_is_closing((uv_handle_t *)&pool->async)) {
        finish_close(pool);
    }
}

enum vd_err
vd_pool_new(struct vd_pool **out, uv_loop_t *loop, unsigned threads)
{
    struct vd_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        return VD_ERR_NO_MEMORY;
    }
    if (threads == 0) {
        threads = 1 + (uv_available_parallelism() < 2 ? 2 : uv_available_parallelism());
    }
    pool->waiting.tail = &pool->waiting.head;
    pool->reads.tail = &pool->reads.head;
    pool->finished.tail = &pool->finished.head;
    uv_mutex_init(&pool->mutex);
    uv_cond_init(&pool->wake);
    uv_async_init(loop, &pool->async, on_finished);
    pool->async.data = pool;
    /* Workers read the count. */
    uv_mutex_lock(&pool->mutex);
    while (pool->thread_count < threads && pool->thread_count < MAX_THREADS) {
        if (uv_thread_create(&pool->threads[pool->thread_count], worker, pool) != 0) {
            break;
        }
        pool->thread_count++;
    }
    uv_mutex_unlock(&pool->mutex);
    if (pool->thread_count == 0) {
        uv_close((uv_handle_t *)&pool->async, on_closed);
        return VD_ERR_NO_MEMORY;
    }
    *out = pool;
    return VD_OK;
}

static enum vd_err
submit(struct vd_pool *pool, struct queue *queue, struct vd_job *job)
{
    if (pool->closing) {
        return VD_ERR_CLOSED;
    }
    if (pool->pending >= VD_POOL_MAX_QUEUE) {
        return VD_ERR_BUSY;
    }
    pool->pending++;
    uv_mutex_lock(&pool->mutex);
    queue_put(queue, job);
    uv_cond_signal(&pool->wake);
    uv_mutex_unlock(&pool->mutex);
    return VD_OK;
}

enum vd_err
vd_pool_submit(struct vd_pool *pool, struct vd_job *job)
{
    return submit(pool, &pool->waiting, job);
}

enum vd_err
vd_pool_submit_read(struct vd_pool *pool, struct vd_job *job)
{
    return submit(pool, &pool->reads, job);
}

unsigned
vd_pool_pending(const struct vd_pool *pool)
{
    return pool->pending;
}

void
vd_pool_close(struct vd_pool *pool, void (*closed)(void *ctx), void *ctx)
{
    pool->closing = true;
    pool->closed = closed;
    pool->closed_ctx = ctx;
    /* on_finished runs at least once more and ends the pool when nothing is pending. */
    uv_async_send(&pool->async);
}
