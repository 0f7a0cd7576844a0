#include "viaduct/node/fault/l1_wait.h"

#include <stdlib.h>

enum state { IDLE, ASKED, ANSWERED };

struct vd_l1_wait {
    struct vd_l1 *l1;
    uv_async_t async;
    uv_mutex_t mutex; /* over all that follows */
    uv_cond_t cond;
    enum state state;
    bool cancelled;
    struct vd_hash hash;
    enum vd_err err;
    struct vd_l1_fetched *fetched;
    void (*closed)(void *ctx);
    void *closed_ctx;
    /* Of the loop alone: a request whose answer will come, if only when l1 is closed; and that
       nobody but this answer holds w any more. */
    bool fetching;
    bool orphan;
};

static void
destroy(struct vd_l1_wait *w)
{
    vd_l1_fetched_release(w->fetched);
    uv_cond_destroy(&w->cond);
    uv_mutex_destroy(&w->mutex);
    free(w);
}

static void
answer(struct vd_l1_wait *w, enum vd_err err, struct vd_l1_fetched *fetched)
{
    uv_mutex_lock(&w->mutex);
    w->err = err;
    w->fetched = fetched;
    w->state = ANSWERED;
    uv_cond_signal(&w->cond);
    uv_mutex_unlock(&w->mutex);
}

static void
on_block(void *ctx, const struct vd_l1_status *status, struct vd_l1_fetched *fetched)
{
    struct vd_l1_wait *w = ctx;
    w->fetching = false;
    answer(w, status->err, fetched);
    if (w->orphan) {
        destroy(w);
    }
}

static void
on_async(uv_async_t *async)
{
    struct vd_l1_wait *w = async->data;
    uv_mutex_lock(&w->mutex);
    bool ask = w->state == ASKED && !w->cancelled;
    struct vd_hash hash = w->hash;
    uv_mutex_unlock(&w->mutex);
    if (ask && !w->fetching) {
        w->fetching = true;
        vd_l1_block_fetch_hash(w->l1, &hash, on_block, w);
    }
}

enum vd_err
vd_l1_wait_new(struct vd_l1_wait **out, uv_loop_t *loop, struct vd_l1 *l1)
{
    struct vd_l1_wait *w = calloc(1, sizeof *w);
    if (!w) {
        return VD_ERR_NO_MEMORY;
    }
    w->l1 = l1;
    w->async.data = w;
    uv_mutex_init(&w->mutex);
    uv_cond_init(&w->cond);
    uv_async_init(loop, &w->async, on_async);
    *out = w;
    return VD_OK;
}

void
vd_l1_wait_cancel(struct vd_l1_wait *w)
{
    uv_mutex_lock(&w->mutex);
    w->cancelled = true;
    uv_cond_signal(&w->cond);
    uv_mutex_unlock(&w->mutex);
}

static void
on_closed(uv_handle_t *handle)
{
    struct vd_l1_wait *w = handle->data;
    void (*closed)(void *ctx) = w->closed;
    void *ctx = w->closed_ctx;
    if (w->fetching) {
        w->orphan = true;
    } else {
        destroy(w);
    }
    closed(ctx);
}

void
vd_l1_wait_close(struct vd_l1_wait *w, void (*closed)(void *ctx), void *ctx)
{
    w->closed = closed;
    w->closed_ctx = ctx;
    uv_close((uv_handle_t *)&w->async, on_closed);
}

enum vd_err
vd_l1_wait_block(struct vd_l1_wait *w, struct vd_l1_block *block, const struct vd_hash *hash)
{
    uv_mutex_lock(&w->mutex);
    w->hash = *hash;
    w->state = ASKED;
    w->err = VD_OK;
    uv_async_send(&w->async);
    while (w->state != ANSWERED && !w->cancelled) {
        uv_cond_wait(&w->cond, &w->mutex);
    }
    enum vd_err err = w->cancelled ? VD_ERR_CLOSED : w->err;
    if (err == VD_OK) {
        *block = *vd_l1_fetched_block(w->fetched);
    }
    w->state = IDLE;
    uv_mutex_unlock(&w->mutex);
    return err;
}

void
vd_l1_wait_release(struct vd_l1_wait *w)
{
    uv_mutex_lock(&w->mutex);
    vd_l1_fetched_release(w->fetched);
    w->fetched = NULL;
    uv_mutex_unlock(&w->mutex);
}
