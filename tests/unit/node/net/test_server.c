/* The HTTP and JSON-RPC server over real sockets: a thread of its own runs the loop, the tests
   speak raw bytes to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/random.h"
#include "viaduct/node/net/jsonrpc.h"
#include "viaduct/node/platform/pool.h"

/* --- methods --- */

static const struct vd_rpc_done *
test_echo(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    uint64_t value;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_U64(&value));
    return bad != NULL ? bad : vd_rpc_reply_quantity(call, value);
}

static const struct vd_rpc_done *
test_get_balance(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    struct vd_address address;
    struct vd_rpc_block block;
    const struct vd_rpc_done *bad =
        vd_rpc_params(call, VD_PARAM_ADDRESS(&address), VD_PARAM_BLOCK_OR_HASH_OPT(&block));
    if (bad != NULL)
        return bad;
    return vd_rpc_reply_quantity(call,
                                 block.tag == VD_BLOCK_NUMBER ? block.number : 1000u + block.tag);
}

static const struct vd_rpc_done *
test_revert(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    static const uint8_t data[] = {0x08, 0xc3, 0x79, 0xa0};
    return vd_rpc_error_data(call, VD_RPC_REVERTED, vd_slice(data, sizeof data),
                             "execution reverted: %s", "\"no\"");
}

static const struct vd_rpc_done *
test_large(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    uint64_t len;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_U64(&len));
    if (bad != NULL)
        return bad;
    uint8_t *bytes = calloc(1, len / 2 + 1);
    vd_json_data(vd_rpc_result(call), vd_slice(bytes, len / 2));
    free(bytes);
    return vd_rpc_reply(call);
}

static const struct vd_rpc_done *
test_data_length(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    struct vd_slice data;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_DATA(&data));
    return bad != NULL ? bad : vd_rpc_reply_quantity(call, data.len);
}

struct later {
    uv_timer_t timer;
    struct vd_rpc_call *call;
    uint64_t value;
};

static void
free_later(uv_handle_t *handle)
{
    free(handle->data);
}

static void
answer_later(uv_timer_t *timer)
{
    struct later *later = timer->data;
    vd_rpc_reply_quantity(later->call, later->value);
    uv_close((uv_handle_t *)timer, free_later);
}

/* Answers after as many milliseconds as its parameter says. */
static const struct vd_rpc_done *
test_later(struct vd_rpc_call *call, void *ctx)
{
    struct later *later = calloc(1, sizeof *later);
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_U64(&later->value));
    if (bad != NULL) {
        free(later);
        return bad;
    }
    later->call = call;
    later->timer.data = later;
    uv_timer_init(ctx, &later->timer);
    uv_timer_start(&later->timer, answer_later, later->value, 0);
    return vd_rpc_pending(call);
}

static const struct vd_rpc_done *
test_hop(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    return vd_rpc_continue(call, VD_RPC_POOL, test_echo, NULL);
}

static const struct vd_rpc_method loop_methods[] = {
    {"test_echo", test_echo, VD_RPC_LOOP},
    {"test_poolEcho", test_echo, VD_RPC_POOL},
    {"test_getBalance", test_get_balance, VD_RPC_LOOP},
    {"test_revert", test_revert, VD_RPC_POOL},
    {"test_large", test_large, VD_RPC_POOL},
    {"test_dataLength", test_data_length, VD_RPC_POOL},
    {"test_later", test_later, VD_RPC_LOOP},
    {"test_hop", test_hop, VD_RPC_LOOP},
};

/* --- the server under test --- */

struct server {
    uv_loop_t loop;
    uv_async_t stop;
    pthread_t thread;
    struct vd_pool *pool;
    struct vd_rpc *rpc;
    struct vd_http_server *http;
    uint32_t grace_ms;
    uint16_t port;
    bool http_closed;
    bool rpc_closed;
};

static void
on_rpc_closed(void *ctx)
{
    struct server *s = ctx;
    s->rpc_closed = true;
    vd_pool_close(s->pool, NULL, NULL);
}

static void
on_http_closed(void *ctx)
{
    struct server *s = ctx;
    s->http_closed = true;
}

static void
on_stop(uv_async_t *async)
{
    struct server *s = async->data;
    vd_http_server_close(s->http, s->grace_ms, on_http_closed, s);
    vd_rpc_close(s->rpc, on_rpc_closed, s);
    uv_close((uv_handle_t *)async, NULL);
}

static void *
run_loop(void *arg)
{
    struct server *s = arg;
    uv_run(&s->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void
page_healthz(void *ctx, struct vd_http_page *page)
{
    (void)ctx;
    vd_json_bytes(&page->body, "ok", 2);
}

static void
page_readyz(void *ctx, struct vd_http_page *page)
{
    (void)ctx;
    page->status = 503;
    vd_json_bytes(&page->body, "L1 is not reachable", 19);
}

static struct server *
start(const struct vd_http_limits *limits, const struct vd_rpc_limits *rpc_limits)
{
    static const struct vd_http_route routes[] = {
        {"/healthz", page_healthz, NULL},
        {"/readyz", page_readyz, NULL},
    };
    struct server *s = calloc(1, sizeof *s);
    assert_non_null(s);
    assert_int_equal(uv_loop_init(&s->loop), 0);
    assert_int_equal(vd_pool_new(&s->pool, &s->loop, 3), VD_OK);
    s->grace_ms = 2000;
    s->stop.data = s;
    uv_async_init(&s->loop, &s->stop, on_stop);
    assert_int_equal(vd_rpc_new(&s->rpc, &s->loop, s->pool, rpc_limits), VD_OK);
    assert_int_equal(
        vd_rpc_add(s->rpc, loop_methods, sizeof loop_methods / sizeof loop_methods[0], &s->loop),
        VD_OK);
    assert_int_equal(vd_rpc_add(s->rpc, loop_methods, 1, NULL), VD_ERR_EXISTS);
    struct vd_http_config config = {
        .host = "127.0.0.1",
        .cors = "http://good.example, https://other.example",
        .vhosts = "localhost,node.example",
        .routes = routes,
        .route_count = 2,
        .post = vd_rpc_http,
        .post_ctx = s->rpc,
    };
    if (limits != NULL)
        config.limits = *limits;
    const char *detail;
    assert_int_equal(vd_http_server_new(&s->http, &detail, &s->loop, &config), VD_OK);
    s->port = vd_http_server_port(s->http);
    assert_int_equal(pthread_create(&s->thread, NULL, run_loop, s), 0);
    return s;
}

static void
stop(struct server *s)
{
    uv_async_send(&s->stop);
    pthread_join(s->thread, NULL);
    assert_true(s->http_closed && s->rpc_closed);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    free(s);
}

/* --- a client of raw bytes --- */

static int
dial(const struct server *s)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void
put(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the server may close while we send: the answer is what counts */
        bytes += n;
        len -= (size_t)n;
    }
}

struct reader {
    int fd;
    size_t len;
    size_t used;
    char buffer[1 << 20];
};

static bool
fill(struct reader *r)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    if (poll(&p, 1, 10000) != 1)
        return false;
    if (r->used > 0) {
        memmove(r->buffer, r->buffer + r->used, r->len - r->used);
        r->len -= r->used;
        r->used = 0;
    }
    assert_true(r->len < sizeof r->buffer - 1);
    ssize_t n = recv(r->fd, r->buffer + r->len, sizeof r->buffer - 1 - r->len, 0);
    if (n <= 0)
        return false;
    r->len += (size_t)n;
    return true;
}

struct response {
    int status;
    char *head; /* with the empty line, terminated */
    char *body;
    size_t body_len;
    bool close;
};

static void
free_response(struct response *response)
{
    free(response->head);
    free(response->body);
}

/* The next response (to HEAD: without the body it announces); false at the end of the
   connection. */
static bool
next_response(struct reader *r, struct response *out, bool is_head)
{
    char *end;
    for (;;) {
        r->buffer[r->len] = '\0';
        end = strstr(r->buffer + r->used, "\r\n\r\n");
        if (end != NULL)
            break;
        if (!fill(r))
            return false;
    }
    size_t head_len = (size_t)(end + 4 - (r->buffer + r->used));
    *out = (struct response){.head = strndup(r->buffer + r->used, head_len)};
    r->used += head_len;
    assert_int_equal(sscanf(out->head, "HTTP/1.1 %d", &out->status), 1);
    out->close = strstr(out->head, "Connection: close") != NULL;
    const char *length = strstr(out->head, "Content-Length: ");
    out->body_len = length == NULL || is_head ? 0 : strtoul(length + 16, NULL, 10);
    out->body = malloc(out->body_len + 1);
    for (size_t got = 0; got < out->body_len;) {
        if (r->used == r->len)
            assert_true(fill(r));
        size_t n = r->len - r->used < out->body_len - got ? r->len - r->used : out->body_len - got;
        memcpy(out->body + got, r->buffer + r->used, n);
        r->used += n;
        got += n;
    }
    out->body[out->body_len] = '\0';
    return true;
}

/* Sends bytes on a fresh connection and reads one response. */
static struct response
ask(const struct server *s, const char *bytes)
{
    struct reader *r = calloc(1, sizeof *r);
    struct response response;
    r->fd = dial(s);
    put(r->fd, bytes, strlen(bytes));
    assert_true(next_response(r, &response, strncmp(bytes, "HEAD", 4) == 0));
    if (response.close)
        assert_false(fill(r));
    close(r->fd);
    free(r);
    return response;
}

static size_t
post_text(char *out, size_t cap, const char *body)
{
    int n = snprintf(out, cap,
                     "POST / HTTP/1.1\r\nHost: localhost:1\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     strlen(body), body);
    assert_true(n > 0 && (size_t)n < cap);
    return (size_t)n;
}

static void
check_rpc(const struct server *s, const char *body, const char *expected)
{
    char text[8192];
    post_text(text, sizeof text, body);
    struct response response = ask(s, text);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body, expected);
    free_response(&response);
}

static void
check_status(const struct server *s, const char *bytes, int status, const char *body)
{
    struct response response = ask(s, bytes);
    if (response.status != status)
        printf("for %.60s: %s%s\n", bytes, response.head, response.body);
    assert_int_equal(response.status, status);
    if (body != NULL)
        assert_string_equal(response.body, body);
    free_response(&response);
}

/* --- tests --- */

#define CALL(method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":" params "}"
#define ERROR(code, text) \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":" code ",\"message\":\"" text "\"}}"
#define NULL_ERROR(code, text) \
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":" code ",\"message\":\"" text "\"}}"
#define RESULT(value) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" value "}"

static void
test_rpc_answers_as_geth(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *answer;
    } table[] = {
        {CALL("test_echo", "[\"0x5\"]"), RESULT("\"0x5\"")},
        {CALL("test_poolEcho", "[\"0x5\"]"), RESULT("\"0x5\"")},
        {CALL("test_hop", "[\"0x5\"]"), RESULT("\"0x5\"")},
        {CALL("test_later", "[\"0x5\"]"), RESULT("\"0x5\"")},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"a\\u00e9\",\"method\":\"test_echo\",\"params\":[\"0x1\"]}",
         "{\"jsonrpc\":\"2.0\",\"id\":\"a\xc3\xa9\",\"result\":\"0x1\"}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"test_echo\",\"params\":[\"0x1\"]}",
         "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":\"0x1\"}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"test_echo\",\"params\":[\"0x1\"]}",
         "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"result\":\"0x1\"}"},
        {CALL("test_echo", "[]"), ERROR("-32602", "missing value for required argument 0")},
        {CALL("test_echo", "null"), ERROR("-32602", "missing value for required argument 0")},
        {CALL("test_echo", "{}"), ERROR("-32602", "non-array args")},
        {CALL("test_echo", "[\"0x1\",2]"), ERROR("-32602", "too many arguments, want at most 1")},
        {CALL("test_echo", "[\"0x01\"]"),
         ERROR("-32602", "invalid argument 0: json: cannot unmarshal hex number with leading "
                         "zero digits into Go value of type hexutil.Uint64")},
        {CALL("test_nothing", "[]"),
         ERROR("-32601", "the method test_nothing does not exist/is not available")},
        {CALL("test_revert", "[]"),
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":3,\"message\":\"execution reverted: "
         "\\\"no\\\"\",\"data\":\"0x08c379a0\"}}"},
        {"{", NULL_ERROR("-32700", "parse error")},
        {"", NULL_ERROR("-32700", "parse error")},
        {"{} {}", NULL_ERROR("-32700", "parse error")},
        {"[]", NULL_ERROR("-32600", "empty batch")},
        {"1", NULL_ERROR("-32600", "invalid request")},
        {"\"x\"", NULL_ERROR("-32600", "invalid request")},
        {"{}", NULL_ERROR("-32600", "invalid request")},
        {"{\"id\":1,\"method\":\"test_echo\"}", ERROR("-32600", "invalid request")},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"test_echo\"}",
         ERROR("-32600", "invalid request")},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", ERROR("-32600", "invalid request")},
        {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"test_echo\"}",
         NULL_ERROR("-32600", "invalid request")},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"test_echo\",\"params\":[\"0x1\"]}", ""},
        {"[1,{},\"a\"]",
         "[" NULL_ERROR("-32600", "invalid request") "," NULL_ERROR(
             "-32600", "invalid request") "," NULL_ERROR("-32600", "invalid request") "]"},
        {"[{\"jsonrpc\":\"2.0\",\"method\":\"test_echo\",\"params\":[\"0x1\"]}]", ""},
    };
    struct server *s = start(NULL, NULL);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        check_rpc(s, table[i].body, table[i].answer);
    stop(s);
}

static void
test_rpc_reads_block_parameters(void **state)
{
    (void)state;
#define AT(block) \
    CALL("test_getBalance", "[\"0x00000000000000000000000000000000000000aa\"," block "]")
#define BAD(text) ERROR("-32602", "invalid argument 1: " text)
#define H64 "0000000000000000000000000000000000000000000000000000000000000001"
    static const struct {
        const char *body;
        const char *answer;
    } table[] = {
        {CALL("test_getBalance", "[\"0x00000000000000000000000000000000000000aa\"]"),
         RESULT("\"0x3e8\"")},
        {AT("null"), RESULT("\"0x3e8\"")},
        {AT("\"latest\""), RESULT("\"0x3e8\"")},
        {AT("\"pending\""), RESULT("\"0x3e9\"")},
        {AT("\"safe\""), RESULT("\"0x3ea\"")},
        {AT("\"finalized\""), RESULT("\"0x3eb\"")},
        {AT("\"earliest\""), RESULT("\"0x3ec\"")},
        {AT("\"0x10\""), RESULT("\"0x10\"")},
        {AT("\"0x" H64 "\""), RESULT("\"0x3ee\"")},
        {AT("{\"blockHash\":\"0x" H64 "\",\"requireCanonical\":true}"), RESULT("\"0x3ee\"")},
        {AT("{\"blockNumber\":\"0x7\"}"), RESULT("\"0x7\"")},
        {AT("{\"blockNumber\":\"0x7\",\"blockHash\":\"0x" H64 "\"}"),
         BAD("cannot specify both BlockHash and BlockNumber, choose one or the other")},
        {AT("\"0x010\""), BAD("hex number with leading zero digits")},
        {AT("\"10\""), BAD("hex string without 0x prefix")},
        {AT("\"\""), BAD("empty hex string")},
        {AT("\"0xzz\""), BAD("invalid hex string")},
        {AT("\"0x8000000000000000\""), BAD("block number larger than int64")},
        {AT("\"0x10000000000000000\""), BAD("hex number > 64 bits")},
    };
    struct server *s = start(NULL, NULL);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        check_rpc(s, table[i].body, table[i].answer);
    stop(s);
}

static void
test_http_refuses_what_it_should(void **state)
{
    (void)state;
    struct server *s = start(NULL, NULL);
    check_status(s, "hello\r\n\r\n", 400, NULL);
    check_status(s, "GET / HTTP/1.1\r\nBad Header\r\n\r\n", 400, NULL);
    check_status(s, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03zzzz", 400, NULL);
    check_status(s, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, "ok");
    check_status(s, "GET /healthz?x=1 HTTP/1.0\r\n\r\n", 200, "ok");
    check_status(s, "HEAD /healthz HTTP/1.0\r\n\r\n", 200, NULL);
    check_status(s, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", 503,
                 "L1 is not reachable");
    check_status(s, "GET / HTTP/1.1\r\n\r\n", 200, "");
    check_status(s, "GET /other HTTP/1.1\r\n\r\n", 404, "404 page not found\n");
    check_status(s, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403,
                 "invalid host specified\n");
    check_status(s, "GET / HTTP/1.1\r\nHost: NODE.example:99\r\n\r\n", 200, "");
    check_status(s, "GET / HTTP/1.1\r\nHost: [::1]:99\r\n\r\n", 200, "");
    check_status(s, "DELETE / HTTP/1.1\r\n\r\n", 405, "method not allowed\n");
    check_status(s, "CONNECT a:1 HTTP/1.1\r\n\r\n", 405, NULL);
    check_status(s, "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 415,
                 "invalid content type, only application/json is supported\n");
    check_status(
        s, "POST /x HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", 404,
        NULL);
    check_status(s, "POST / HTTP/1.1\r\nContent-Length: 5242881\r\n\r\n", 413,
                 "content length too large (5242881>5242880)\n");
    check_status(s, "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400,
                 NULL);
    check_status(s, "POST / HTTP/1.1\r\nContent-Length: -2\r\n\r\n{}", 400, NULL);
    check_status(s,
                 "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nHost: localhost\r\n\r\n",
                 200, "");
    char *big = malloc(20000);
    int n = snprintf(big, 20000, "GET / HTTP/1.1\r\nX: ");
    memset(big + n, 'a', 17000);
    strcpy(big + n + 17000, "\r\n\r\n");
    check_status(s, big, 431, NULL);
    free(big);
    stop(s);
}

static void
test_cors_allows_only_its_list(void **state)
{
    (void)state;
    struct server *s = start(NULL, NULL);
    struct response r = ask(s, "OPTIONS / HTTP/1.1\r\nOrigin: http://good.example\r\n"
                               "Access-Control-Request-Method: POST\r\n"
                               "Access-Control-Request-Headers: content-type\r\n\r\n");
    assert_int_equal(r.status, 204);
    assert_non_null(strstr(r.head, "Access-Control-Allow-Origin: http://good.example\r\n"));
    assert_non_null(strstr(r.head, "Access-Control-Allow-Headers: content-type\r\n"));
    assert_non_null(strstr(r.head, "Access-Control-Allow-Methods: POST, GET\r\n"));
    assert_null(strstr(r.head, "Content-Length"));
    free_response(&r);
    r = ask(s, "OPTIONS / HTTP/1.1\r\nOrigin: http://evil.example\r\n"
               "Access-Control-Request-Method: POST\r\n\r\n");
    assert_null(strstr(r.head, "Access-Control"));
    free_response(&r);
    r = ask(s, "POST / HTTP/1.1\r\nOrigin: https://other.example\r\nContent-Length: 2\r\n"
               "Content-Type: application/json; charset=utf-8\r\n\r\n[]");
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.head, "Access-Control-Allow-Origin: https://other.example\r\n"));
    free_response(&r);
    stop(s);
}

static void
test_chunked_body_is_read_and_bounded(void **state)
{
    (void)state;
    struct server *s = start(&(struct vd_http_limits){.max_body_bytes = 100}, NULL);
    check_status(s,
                 "POST / HTTP/1.1\r\nContent-Type: application/json\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n",
                 200, NULL_ERROR("-32600", "empty batch"));
    check_status(s,
                 "POST / HTTP/1.1\r\nContent-Type: application/json\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n40\r\n"
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n40\r\n"
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
                 413, "request body too large\n");
    stop(s);
}

/* A body of several megabytes is parsed outside the loop, and a client that writes all of an
   oversized one still reads the answer. */
static void
test_large_bodies(void **state)
{
    (void)state;
    struct server *s = start(NULL, NULL);
    size_t data = 4 * 1024 * 1024;
    char *body = malloc(data + 200);
    int n = sprintf(body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test_dataLength\","
                          "\"params\":[\"0x");
    memset(body + n, '5', data);
    strcpy(body + n + data, "\"]}");
    char *text = malloc(6 * 1024 * 1024 + 300);
    post_text(text, data + 500, body);
    check_status(s, text, 200, RESULT("\"0x200000\""));
    n = sprintf(text, "POST / HTTP/1.1\r\nContent-Length: 6291456\r\n\r\n");
    memset(text + n, 'x', 6 * 1024 * 1024);
    text[n + 6 * 1024 * 1024] = '\0';
    check_status(s, text, 413, NULL);
    free(text);
    free(body);
    stop(s);
}

static void
test_expect_continue_is_honoured(void **state)
{
    (void)state;
    struct server *s = start(NULL, NULL);
    struct reader *r = calloc(1, sizeof *r);
    struct response response;
    r->fd = dial(s);
    const char *head = "POST / HTTP/1.1\r\nContent-Type: application/json\r\n"
                       "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    put(r->fd, head, strlen(head));
    assert_true(next_response(r, &response, false));
    assert_int_equal(response.status, 100);
    free_response(&response);
    put(r->fd, "[]", 2);
    assert_true(next_response(r, &response, false));
    assert_int_equal(response.status, 200);
    free_response(&response);
    close(r->fd);
    free(r);
    stop(s);
}

/* Requests of several kinds written at once: the slow ones first, the answers still in order. */
static void
test_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    static const char *const methods[] = {"test_echo", "test_poolEcho", "test_later", "test_hop"};
    struct vd_random random = vd_random_start("pipelining");
    struct server *s = start(&(struct vd_http_limits){.max_pipelined = 8}, NULL);
    struct reader *r = calloc(1, sizeof *r);
    char *text = malloc(500 * 300);
    size_t len = 0;
    for (unsigned i = 0; i < 500; i++) {
        char body[160];
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":[\"0x%x\"]}", i,
                 methods[vd_random_below(&random, 4)], (unsigned)vd_random_below(&random, 5));
        len += post_text(text + len, 300, body);
    }
    r->fd = dial(s);
    size_t sent = 0;
    for (unsigned i = 0; i < 500; i++) {
        while (sent < len && sent < (i + 100) * 200) {
            size_t piece = 1 + vd_random_below(&random, 3000);
            piece = piece > len - sent ? len - sent : piece;
            put(r->fd, text + sent, piece);
            sent += piece;
        }
        struct response response;
        char id[32];
        assert_true(next_response(r, &response, false));
        snprintf(id, sizeof id, "\"id\":%u,", i);
        assert_non_null(strstr(response.body, id));
        assert_non_null(strstr(response.body, "\"result\""));
        free_response(&response);
    }
    close(r->fd);
    free(text);
    free(r);
    stop(s);
}

static void
test_thousand_requests_on_one_connection(void **state)
{
    (void)state;
    struct server *s = start(NULL, NULL);
    struct reader *r = calloc(1, sizeof *r);
    r->fd = dial(s);
    for (unsigned i = 0; i < 1000; i++) {
        char text[400];
        char body[160];
        char expected[160];
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":[\"0x%x\"]}", i,
                 i % 2 == 0 ? "test_echo" : "test_poolEcho", i);
        snprintf(expected, sizeof expected, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":\"0x%x\"}",
                 i, i);
        put(r->fd, text, post_text(text, sizeof text, body));
        struct response response;
        assert_true(next_response(r, &response, false));
        assert_string_equal(response.body, expected);
        free_response(&response);
    }
    close(r->fd);
    free(r);
    stop(s);
}

static void
test_batch_keeps_order_and_limits(void **state)
{
    (void)state;
    struct server *s =
        start(NULL, &(struct vd_rpc_limits){.max_batch = 50, .max_response_bytes = 5000});
    char body[8192];
    char expected[8192];
    size_t n = 0;
    size_t m = 0;
    for (unsigned i = 0; i < 50; i++) {
        n += (size_t)snprintf(body + n, sizeof body - n,
                              "%s{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":"
                              "[\"0x%x\"]}",
                              i == 0 ? "[" : ",", i,
                              i % 3 == 0   ? "test_later"
                              : i % 3 == 1 ? "test_poolEcho"
                                           : "test_echo",
                              50 - i);
        m += (size_t)snprintf(expected + m, sizeof expected - m,
                              "%s{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":\"0x%x\"}",
                              i == 0 ? "[" : ",", i, 50 - i);
    }
    snprintf(body + n, sizeof body - n, "]");
    snprintf(expected + m, sizeof expected - m, "]");
    check_rpc(s, body, expected);
    snprintf(body + n, sizeof body - n, ",1]");
    check_rpc(s, body,
              "[{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32600,\"message\":\"batch too "
              "large\"}}]");
    check_rpc(s, CALL("test_large", "[\"0x2000\"]"), ERROR("-32003", "response too large"));
    struct response r;
    char text[8192];
    post_text(text, sizeof text,
              "[" CALL("test_large", "[\"0x900\"]") "," CALL("test_large", "[\"0xb00\"]") "," CALL(
                  "test_large", "[\"0x300\"]") "]");
    r = ask(s, text);
    const char *error = strstr(r.body, ERROR("-32003", "response too large"));
    assert_non_null(error);
    assert_non_null(strstr(error + 1, ERROR("-32003", "response too large")));
    assert_non_null(strstr(r.body, "\"result\":\"0x0000"));
    free_response(&r);
    stop(s);
}

static void
test_slow_clients_are_cut_off(void **state)
{
    (void)state;
    struct server *s =
        start(&(struct vd_http_limits){.request_timeout_ms = 200, .idle_timeout_ms = 400}, NULL);
    /* A byte now and then does not keep a request alive. */
    struct reader *r = calloc(1, sizeof *r);
    struct response response;
    r->fd = dial(s);
    const char *head = "POST / HTTP/1.1\r\nHost: localhost\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaa";
    for (size_t i = 0; i < strlen(head); i++) {
        put(r->fd, head + i, 1);
        usleep(10000);
    }
    assert_true(next_response(r, &response, false));
    assert_int_equal(response.status, 408);
    assert_true(response.close);
    free_response(&response);
    assert_false(fill(r));
    close(r->fd);
    /* An idle connection is closed without a word. */
    memset(r, 0, sizeof *r);
    r->fd = dial(s);
    assert_false(fill(r));
    assert_int_equal(r->len, 0);
    close(r->fd);
    free(r);
    stop(s);
}

static void
test_connections_over_the_limit_get_503(void **state)
{
    (void)state;
    struct server *s = start(&(struct vd_http_limits){.max_connections = 3}, NULL);
    int held[3];
    const char *get = "GET / HTTP/1.1\r\n\r\n";
    for (int i = 0; i < 3; i++) {
        char answer[64];
        held[i] = dial(s);
        put(held[i], get, strlen(get));
        assert_true(recv(held[i], answer, sizeof answer, 0) > 0);
    }
    check_status(s, get, 503, "too many connections\n");
    close(held[0]);
    usleep(50000);
    check_status(s, get, 200, "");
    close(held[1]);
    close(held[2]);
    stop(s);
}

/* A client that asks for much and reads nothing is cut off, and holds up nobody. */
static void
test_peer_that_does_not_read_is_dropped(void **state)
{
    (void)state;
    struct server *s =
        start(&(struct vd_http_limits){.write_timeout_ms = 300, .max_unsent_bytes = 1000000}, NULL);
    int fd = dial(s);
    char text[400];
    size_t len = post_text(text, sizeof text, CALL("test_large", "[\"0x100000\"]"));
    for (int i = 0; i < 100; i++)
        put(fd, text, len);
    check_rpc(s, CALL("test_echo", "[\"0x1\"]"), RESULT("\"0x1\""));
    usleep(1200000);
    char byte;
    int opt = 0;
    socklen_t opt_len = sizeof opt;
    /* What the kernel took before is still there; behind it the connection has ended. */
    size_t got = 0;
    static char sink[65536];
    ssize_t n;
    while ((n = recv(fd, sink, sizeof sink, 0)) > 0)
        got += (size_t)n;
    assert_true(got < 100u * 0x100000u);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &opt, &opt_len);
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
    stop(s);
}

/* Closing answers what is under way, in time, and ends idle connections. */
static void
test_close_answers_what_is_under_way(void **state)
{
    (void)state;
    struct server *s = start(NULL, NULL);
    struct reader *r = calloc(1, sizeof *r);
    char text[400];
    r->fd = dial(s);
    int idle = dial(s);
    put(r->fd, text, post_text(text, sizeof text, CALL("test_later", "[\"0xc8\"]")));
    usleep(50000);
    stop(s);
    struct response response;
    assert_true(next_response(r, &response, false));
    assert_string_equal(response.body, RESULT("\"0xc8\""));
    free_response(&response);
    assert_false(fill(r));
    char byte;
    assert_int_equal(recv(idle, &byte, 1, 0), 0);
    close(idle);
    close(r->fd);
    free(r);
}

/* The client is gone before its answer; the grace is over before it too. */
static void
test_answers_without_a_connection_are_dropped(void **state)
{
    (void)state;
    struct server *s = start(NULL, NULL);
    char text[400];
    s->grace_ms = 10;
    int fd = dial(s);
    put(fd, text, post_text(text, sizeof text, CALL("test_later", "[\"0x32\"]")));
    usleep(20000);
    close(fd);
    fd = dial(s);
    put(fd, text, post_text(text, sizeof text, CALL("test_later", "[\"0xc8\"]")));
    usleep(20000);
    stop(s);
    close(fd);
}

/* Bytes that are nearly requests, cut into random pieces: always an answer or an end, and the
   server lives. */
static void
test_garbage_never_harms(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("garbage");
    struct server *s =
        start(&(struct vd_http_limits){.request_timeout_ms = 50, .idle_timeout_ms = 50}, NULL);
    for (int round = 0; round < 150; round++) {
        char text[600];
        size_t len = post_text(text, sizeof text, CALL("test_poolEcho", "[\"0x1\"]"));
        len += post_text(text + len, sizeof text - len, "[" CALL("test_later", "[\"0x1\"]") "]");
        for (unsigned i = (unsigned)vd_random_below(&random, 6); i > 0; i--)
            text[vd_random_below(&random, len)] = (char)vd_random_u64(&random);
        int fd = dial(s);
        put(fd, text, vd_random_below(&random, len + 1));
        if (vd_random_below(&random, 4) == 0)
            shutdown(fd, SHUT_WR);
        if (vd_random_below(&random, 4) != 0) {
            struct pollfd p = {.fd = fd, .events = POLLIN};
            assert_int_equal(poll(&p, 1, 10000), 1);
        }
        close(fd);
    }
    check_rpc(s, CALL("test_echo", "[\"0x1\"]"), RESULT("\"0x1\""));
    stop(s);
}

static void
test_second_listener_on_a_port_is_refused(void **state)
{
    (void)state;
    struct server *s = start(NULL, NULL);
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vd_http_server *other;
    const char *detail;
    struct vd_http_config config = {.host = "127.0.0.1", .port = s->port};
    assert_int_equal(vd_http_server_new(&other, &detail, &loop, &config), VD_ERR_EXISTS);
    assert_string_equal(detail, uv_strerror(UV_EADDRINUSE));
    const char *const hosts[] = {"not-an-address", "999.1.1.1", ""};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        config.host = hosts[i];
        assert_int_equal(vd_http_server_new(&other, &detail, &loop, &config), VD_ERR_INVALID);
        assert_string_equal(detail, "not an IPv4 or IPv6 address");
    }
    config.host = "192.0.2.1"; /* RFC 5737: nobody's */
    assert_int_equal(vd_http_server_new(&other, &detail, &loop, &config), VD_ERR_IO);
    assert_string_equal(detail, uv_strerror(UV_EADDRNOTAVAIL));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    stop(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_answers_as_geth),
        cmocka_unit_test(test_rpc_reads_block_parameters),
        cmocka_unit_test(test_http_refuses_what_it_should),
        cmocka_unit_test(test_cors_allows_only_its_list),
        cmocka_unit_test(test_chunked_body_is_read_and_bounded),
        cmocka_unit_test(test_large_bodies),
        cmocka_unit_test(test_expect_continue_is_honoured),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_thousand_requests_on_one_connection),
        cmocka_unit_test(test_batch_keeps_order_and_limits),
        cmocka_unit_test(test_slow_clients_are_cut_off),
        cmocka_unit_test(test_connections_over_the_limit_get_503),
        cmocka_unit_test(test_peer_that_does_not_read_is_dropped),
        cmocka_unit_test(test_close_answers_what_is_under_way),
        cmocka_unit_test(test_answers_without_a_connection_are_dropped),
        cmocka_unit_test(test_garbage_never_harms),
        cmocka_unit_test(test_second_listener_on_a_port_is_refused),
    };
    signal(SIGPIPE, SIG_IGN); /* as the program does: clients of these tests go away */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
