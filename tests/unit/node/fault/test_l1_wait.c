/* A thread that waits for an L1 block: an answer that never comes, and the end of waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "viaduct/node/fault/l1_wait.h"
#include "viaduct/node/platform/pool.h"

struct world {
    uv_loop_t loop;
    struct vd_pool *pool;
    struct vd_l1 *l1;
    struct vd_l1_wait *wait;
    uv_tcp_t server; /* takes connections and says nothing */
    uv_tcp_t peer;
    bool has_peer;
    uv_thread_t thread;
    enum vd_err err;
    unsigned closed;
};

static void
on_connection(uv_stream_t *stream, int status)
{
    struct world *w = stream->data;
    assert_int_equal(status, 0);
    if (!w->has_peer) {
        w->has_peer = true;
        assert_int_equal(uv_tcp_init(&w->loop, &w->peer), 0);
        assert_int_equal(uv_accept(stream, (uv_stream_t *)&w->peer), 0);
    }
}

static void
begin(struct world *w)
{
    struct sockaddr_in address;
    int len = sizeof address;
    char url[64];
    *w = (struct world){.err = VD_OK};
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(uv_tcp_init(&w->loop, &w->server), 0);
    w->server.data = w;
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(uv_tcp_bind(&w->server, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&w->server, 8, on_connection), 0);
    uv_tcp_getsockname(&w->server, (struct sockaddr *)&address, &len);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    struct vd_l1_config config = {.url = url, .expected_chain_id = 900};
    assert_int_equal(vd_pool_new(&w->pool, &w->loop, 1), VD_OK);
    assert_int_equal(vd_l1_new(&w->l1, &w->loop, w->pool, &config), VD_OK);
    assert_int_equal(vd_l1_wait_new(&w->wait, &w->loop, w->l1), VD_OK);
}

static void
on_closed(void *ctx)
{
    struct world *w = ctx;
    w->closed++;
}

/* The wait goes before L1 does, as the header says. */
static void
end(struct world *w)
{
    vd_l1_wait_close(w->wait, on_closed, w);
    while (w->closed < 1) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
    vd_l1_close(w->l1, on_closed, w);
    while (w->closed < 2) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&w->server, NULL);
    if (w->has_peer) {
        uv_close((uv_handle_t *)&w->peer, NULL);
    }
    vd_pool_close(w->pool, on_closed, w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closed, 3);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void
ask(void *ctx)
{
    struct world *w = ctx;
    struct vd_l1_block block;
    struct vd_hash hash = {{1}};
    w->err = vd_l1_wait_block(w->wait, &block, &hash);
}

static void
test_cancel_ends_a_wait_whose_request_is_under_way(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    assert_int_equal(uv_thread_create(&w.thread, ask, &w), 0);
    while (!w.has_peer) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    vd_l1_wait_cancel(w.wait);
    uv_thread_join(&w.thread);
    assert_int_equal(w.err, VD_ERR_CLOSED);
    end(&w);
}

static void
test_after_cancel_nobody_waits(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    vd_l1_wait_cancel(w.wait);
    assert_int_equal(uv_thread_create(&w.thread, ask, &w), 0);
    uv_thread_join(&w.thread);
    assert_int_equal(w.err, VD_ERR_CLOSED);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_false(w.has_peer);
    end(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_ends_a_wait_whose_request_is_under_way),
        cmocka_unit_test(test_after_cancel_nobody_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
