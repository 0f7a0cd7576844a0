/* One thread that raises the flags of calls that are over their time.  It sleeps while no call
   runs. */
#include <stdlib.h>

#include "rpc_internal.h"

#define POLL_NS 20000000u /* how late a flag may come */

struct vd_watchdog {
    uv_thread_t thread;
    uv_mutex_t lock;
    uv_cond_t wake;
    struct vd_watch list; /* head of a ring */
    bool closing;
};

static void
keep_watch(void *arg)
{
    struct vd_watchdog *dog = arg;
    uv_mutex_lock(&dog->lock);
    while (!dog->closing) {
        if (dog->list.next == &dog->list) {
            uv_cond_wait(&dog->wake, &dog->lock);
            continue;
        }
        uint64_t now = uv_hrtime();
        for (struct vd_watch *w = dog->list.next; w != &dog->list; w = w->next) {
            if (now >= w->deadline_ns)
                __atomic_store_n(&w->flag, 1, __ATOMIC_RELAXED);
        }
        (void)uv_cond_timedwait(&dog->wake, &dog->lock, POLL_NS);
    }
    uv_mutex_unlock(&dog->lock);
}

enum vd_err
vd_watchdog_new(struct vd_watchdog **out)
{
    struct vd_watchdog *dog = calloc(1, sizeof *dog);
    if (dog == NULL)
        return VD_ERR_NO_MEMORY;
    dog->list.next = dog->list.prev = &dog->list;
    VD_ASSERT(uv_mutex_init(&dog->lock) == 0 && uv_cond_init(&dog->wake) == 0);
    if (uv_thread_create(&dog->thread, keep_watch, dog) != 0) {
        uv_cond_destroy(&dog->wake);
        uv_mutex_destroy(&dog->lock);
        free(dog);
        return VD_ERR_NO_MEMORY;
    }
    *out = dog;
    return VD_OK;
}

void
vd_watchdog_free(struct vd_watchdog *dog)
{
    if (dog == NULL)
        return;
    uv_mutex_lock(&dog->lock);
    dog->closing = true;
    uv_cond_signal(&dog->wake);
    uv_mutex_unlock(&dog->lock);
    uv_thread_join(&dog->thread);
    uv_cond_destroy(&dog->wake);
    uv_mutex_destroy(&dog->lock);
    free(dog);
}

void
vd_watch_begin(struct vd_watchdog *dog, struct vd_watch *watch, uint32_t ms)
{
    watch->flag = 0;
    watch->deadline_ns = uv_hrtime() + (uint64_t)ms * 1000000u;
    uv_mutex_lock(&dog->lock);
    watch->next = dog->list.next;
    watch->prev = &dog->list;
    watch->next->prev = watch;
    dog->list.next = watch;
    uv_cond_signal(&dog->wake);
    uv_mutex_unlock(&dog->lock);
}

void
vd_watch_end(struct vd_watchdog *dog, struct vd_watch *watch)
{
    uv_mutex_lock(&dog->lock);
    watch->next->prev = watch->prev;
    watch->prev->next = watch->next;
    uv_mutex_unlock(&dog->lock);
}
