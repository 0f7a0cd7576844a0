/* The HTTP client against the server of this folder, and against nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/node/net/http_client.h"
#include "viaduct/node/net/http_server.h"

/* What the server does with a body: "size N" answers N bytes, "wait N" after N ms, "status N" with
   that status, all else is sent back. */
struct held {
    uv_timer_t timer;
    struct vd_http_exchange *exchange;
};

static void
free_held(uv_handle_t *handle)
{
    free(handle->data);
}

static void
answer_held(uv_timer_t *timer)
{
    struct held *held = timer->data;
    struct vd_json body;
    vd_json_init(&body, 100);
    vd_json_bytes(&body, "late", 4);
    vd_http_answer(held->exchange, 200, &body);
    uv_close((uv_handle_t *)timer, free_held);
}

static void
on_post(void *ctx, struct vd_http_exchange *exchange, struct vd_slice bytes)
{
    char text[64] = "";
    unsigned long n = 0;
    struct vd_json body;
    memcpy(text, bytes.ptr, bytes.len < 63 ? bytes.len : 63);
    if (sscanf(text, "wait %lu", &n) == 1) {
        struct held *held = calloc(1, sizeof *held);
        held->exchange = exchange;
        held->timer.data = held;
        uv_timer_init(ctx, &held->timer);
        uv_timer_start(&held->timer, answer_held, n, 0);
        return;
    }
    vd_json_init(&body, 1 << 24);
    if (sscanf(text, "size %lu", &n) == 1) {
        for (unsigned long i = 0; i < n; i++)
            vd_json_bytes(&body, "x", 1);
    } else if (sscanf(text, "status %lu", &n) != 1) {
        vd_json_bytes(&body, bytes.ptr, bytes.len);
    }
    vd_http_answer(exchange, strncmp(text, "status", 6) == 0 ? (int)n : 200, &body);
}

struct fixture {
    uv_loop_t loop;
    struct vd_http_server *server;
    struct vd_http_client *client;
};

struct outcome {
    bool called;
    enum vd_err err;
    int status;
    size_t len;
    char text[32];
    unsigned order;
};

static unsigned next_order;

static void
on_result(void *ctx, const struct vd_http_result *result, uint8_t **body)
{
    struct outcome *o = ctx;
    assert_false(o->called);
    *o = (struct outcome){.called = true,
                          .err = result->err,
                          .status = result->status,
                          .len = result->body.len,
                          .order = next_order++};
    if (result->body.len != 0)
        memcpy(o->text, result->body.ptr, result->body.len < 31 ? result->body.len : 31);
    assert_true((result->err == VD_OK) == (result->detail[0] == '\0'));
    /* Taking the bytes and leaving them must both be right. */
    if (result->body.len % 2 == 1) {
        free(*body);
        *body = NULL;
    }
}

static enum vd_err
post(struct fixture *f, const char *text, struct outcome *o)
{
    *o = (struct outcome){0};
    return vd_http_client_post(f->client, vd_slice((const uint8_t *)text, strlen(text)), on_result,
                               o);
}

static void
start(struct fixture *f, struct vd_http_client_config config)
{
    char url[64];
    memset(f, 0, sizeof *f);
    uv_loop_init(&f->loop);
    struct vd_http_config server = {.host = "127.0.0.1", .post = on_post, .post_ctx = &f->loop};
    assert_int_equal(vd_http_server_new(&f->server, NULL, &f->loop, &server), VD_OK);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", vd_http_server_port(f->server));
    if (config.url == NULL)
        config.url = url;
    assert_int_equal(vd_http_client_new(&f->client, &f->loop, &config), VD_OK);
}

static void
run_until(struct fixture *f, const struct outcome *outcomes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while (!outcomes[i].called)
            uv_run(&f->loop, UV_RUN_ONCE);
    }
}

static void
stop(struct fixture *f)
{
    if (f->client != NULL)
        vd_http_client_close(f->client, NULL, NULL);
    vd_http_server_close(f->server, 1000, NULL, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void
test_requests_beyond_the_limit_wait_their_turn(void **state)
{
    (void)state;
    struct fixture f;
    static struct outcome o[200];
    start(&f, (struct vd_http_client_config){.max_concurrent = 3, .max_queued = 150});
    for (int i = 0; i < 153; i++) {
        char text[32];
        snprintf(text, sizeof text, "hello %d", i);
        assert_int_equal(post(&f, text, &o[i]), VD_OK);
        assert_false(o[i].called);
    }
    assert_int_equal(post(&f, "too many", &o[199]), VD_ERR_BUSY);
    run_until(&f, o, 153);
    for (int i = 0; i < 153; i++) {
        char text[32];
        snprintf(text, sizeof text, "hello %d", i);
        assert_int_equal(o[i].err, VD_OK);
        assert_string_equal(o[i].text, text);
    }
    assert_false(o[199].called);
    assert_true(vd_http_server_stats(f.server).accepted <= 4);
    stop(&f);
}

static void
test_errors_are_told_apart(void **state)
{
    (void)state;
    struct fixture f;
    struct outcome o[5];
    start(&f, (struct vd_http_client_config){.timeout_ms = 200, .max_response_bytes = 1000});
    assert_int_equal(post(&f, "status 500", &o[0]), VD_OK);
    assert_int_equal(post(&f, "size 1001", &o[1]), VD_OK);
    assert_int_equal(post(&f, "wait 1000", &o[2]), VD_OK);
    assert_int_equal(post(&f, "size 1000", &o[3]), VD_OK);
    assert_int_equal(post(&f, "wait 100", &o[4]), VD_OK);
    run_until(&f, o, 5);
    assert_int_equal(o[0].err, VD_ERR_REFUSED);
    assert_int_equal(o[0].status, 500);
    assert_int_equal(o[1].err, VD_ERR_TOO_LARGE);
    assert_int_equal(o[2].err, VD_ERR_TIMEOUT);
    assert_int_equal(o[3].err, VD_OK);
    assert_int_equal(o[3].len, 1000);
    assert_string_equal(o[4].text, "late");
    stop(&f);
}

static void
test_nobody_there_is_an_io_error(void **state)
{
    (void)state;
    struct fixture f;
    struct outcome o[3];
    static const char *const urls[] = {"http://127.0.0.1:1/", "file:///etc/hostname",
                                       "nonsense://x"};
    for (int i = 0; i < 3; i++) {
        start(&f, (struct vd_http_client_config){.url = urls[i]});
        assert_int_equal(post(&f, "x", &o[i]), VD_OK);
        run_until(&f, &o[i], 1);
        assert_int_equal(o[i].err, VD_ERR_IO);
        stop(&f);
    }
}

static void
test_close_ends_what_is_under_way(void **state)
{
    (void)state;
    struct fixture f;
    struct outcome o[4];
    start(&f, (struct vd_http_client_config){.max_concurrent = 2});
    for (int i = 0; i < 4; i++)
        assert_int_equal(post(&f, "wait 300", &o[i]), VD_OK);
    for (int i = 0; i < 20; i++)
        uv_run(&f.loop, UV_RUN_NOWAIT);
    vd_http_client_close(f.client, NULL, NULL);
    f.client = NULL;
    for (int i = 0; i < 4; i++)
        assert_int_equal(o[i].err, VD_ERR_CLOSED);
    stop(&f);
}

static void
test_one_connection_serves_many_requests(void **state)
{
    (void)state;
    struct fixture f;
    struct outcome o[2];
    start(&f, (struct vd_http_client_config){.max_concurrent = 1});
    for (int i = 0; i < 50; i++) {
        assert_int_equal(post(&f, "again", &o[0]), VD_OK);
        run_until(&f, o, 1);
        assert_int_equal(o[0].err, VD_OK);
    }
    assert_int_equal(vd_http_server_stats(f.server).accepted, 1);
    stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_beyond_the_limit_wait_their_turn),
        cmocka_unit_test(test_errors_are_told_apart),
        cmocka_unit_test(test_nobody_there_is_an_io_error),
        cmocka_unit_test(test_close_ends_what_is_under_way),
        cmocka_unit_test(test_one_connection_serves_many_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
