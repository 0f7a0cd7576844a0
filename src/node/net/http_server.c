/* The life of a connection.

   accepted -> OPEN -> (LAST ->) LINGER -> CLOSED.  Bytes go through the parser (http_parse.c),
   which appends an exchange to the connection's list for each request.  An exchange is answered at
   any later time.  The answered exchanges at the front of the list go out together, in order, when
   the loop has handled everything that was ready (on_flush), with one system call; what the socket
   does not take goes by uv_write.  An exchange whose handler still holds it outlives its connection
   and is freed by its answer.

   A connection is closed in two steps, since closing a socket with unread bytes in it makes the
   kernel throw away what was just sent: first the sending side is shut down, then input is thrown
   away until the peer closes or LINGER_MS have passed. */
#include <stdio.h>
#include <stdlib.h>

#include "http_internal.h"

#define LINGER_MS 1000
#define BACKLOG 511
/* Connections above max_connections that are told 503; beyond, they are just closed. */
#define MAX_REFUSED 64
#define MAX_WRITE_EXCHANGES 32

const struct vd_http_limits VD_HTTP_DEFAULT_LIMITS = {
    .max_body_bytes = 5 * 1024 * 1024,
    .max_header_bytes = 16 * 1024,
    .max_connections = 1000,
    .max_pipelined = 256,
    .request_timeout_ms = 30000,
    .idle_timeout_ms = 120000,
    .write_timeout_ms = 30000,
    .max_unsent_bytes = 16 * 1024 * 1024,
};

/* --- connections --- */

static void
free_server_if_done(struct vd_http_server *server)
{
    if (!server->closing || server->open_handles != 0 || server->total != 0)
        return;
    void (*closed)(void *ctx) = server->closed;
    void *ctx = server->closed_ctx;
    free(server->cors);
    free(server->vhosts);
    for (size_t i = 0; i < server->route_count; i++)
        free((char *)server->routes[i].path);
    free(server);
    if (closed != NULL)
        closed(ctx);
}

static void on_grace(uv_timer_t *timer);

static void
on_conn_closed(uv_handle_t *handle)
{
    struct vd_http_conn *conn = handle->data;
    struct vd_http_server *server = conn->server;
    free(conn->stash);
    free(conn);
    server->total--;
    if (server->closing && server->conns == NULL && uv_is_active((uv_handle_t *)&server->grace))
        uv_timer_start(&server->grace, on_grace, 0, 0);
    free_server_if_done(server);
}

/* Gives up the exchanges: those that a handler holds live on without a connection. */
static void
drop_exchanges(struct vd_http_conn *conn)
{
    struct vd_http_exchange *exchange = conn->first;
    while (exchange != NULL) {
        struct vd_http_exchange *next = exchange->next;
        exchange->conn = NULL;
        exchange->next = NULL;
        if (exchange->answered || exchange == conn->in)
            vd_http_exchange_free(exchange);
        exchange = next;
    }
    conn->first = conn->last = conn->in = NULL;
    conn->waiting = 0;
}

static void
unlink_conn(struct vd_http_conn *conn)
{
    struct vd_http_server *server = conn->server;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        server->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    conn->prev = conn->next = NULL;
    struct vd_http_conn **dirty = &server->dirty;
    while (*dirty != NULL && *dirty != conn)
        dirty = &(*dirty)->next_dirty;
    if (*dirty != NULL)
        *dirty = conn->next_dirty;
    if (conn->counted)
        server->counted--;
    conn->counted = false;
}

void
vd_http_conn_set_state(struct vd_http_conn *conn, enum vd_http_conn_state state)
{
    if (state <= conn->state)
        return;
    conn->state = state;
    conn->state_since_ms = uv_now(conn->server->loop);
    if (state != VD_CONN_CLOSED)
        return;
    unlink_conn(conn);
    /* A write in progress still reads from its exchanges; its callback, which uv_close brings
       about, drops them. */
    if (!conn->writing)
        drop_exchanges(conn);
    uv_close((uv_handle_t *)&conn->tcp, on_conn_closed);
}

void
vd_http_conn_mark(struct vd_http_conn *conn)
{
    struct vd_http_server *server = conn->server;
    if (conn->dirty || conn->state == VD_CONN_CLOSED)
        return;
    conn->dirty = true;
    conn->next_dirty = server->dirty;
    server->dirty = conn;
}

struct vd_http_exchange *
vd_http_exchange_new(struct vd_http_conn *conn)
{
    struct vd_http_exchange *exchange = malloc(sizeof *exchange);
    if (exchange == NULL) {
        vd_http_conn_set_state(conn, VD_CONN_CLOSED);
        return NULL;
    }
    /* All but the large buffer at the end. */
    memset(exchange, 0, offsetof(struct vd_http_exchange, head));
    vd_json_init(&exchange->answer, SIZE_MAX / 2);
    exchange->conn = conn;
    if (conn->last != NULL)
        conn->last->next = exchange;
    else
        conn->first = exchange;
    conn->last = exchange;
    conn->waiting++;
    return exchange;
}

/* --- reading --- */

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct vd_http_conn *conn = handle->data;
    /* One buffer for all: a read is handled to its end before the next. */
    *buf = uv_buf_init(conn->server->read_buffer, sizeof conn->server->read_buffer);
}

static void set_reading(struct vd_http_conn *conn, bool reading);

/* The peer has sent its last byte; what it asked for before is still answered. */
static void
on_end(struct vd_http_conn *conn)
{
    set_reading(conn, false);
    if (conn->state == VD_CONN_LINGER || conn->in_request || conn->first == NULL)
        vd_http_conn_set_state(conn, VD_CONN_CLOSED);
    else
        vd_http_conn_set_state(conn, VD_CONN_LAST);
}

static void
on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct vd_http_conn *conn = stream->data;
    if (conn->state == VD_CONN_CLOSED || len == 0)
        return;
    if (len == UV_EOF) {
        on_end(conn);
        return;
    }
    if (len < 0) {
        vd_http_conn_set_state(conn, VD_CONN_CLOSED);
        return;
    }
    conn->last_byte_ms = uv_now(conn->server->loop);
    vd_http_conn_input(conn, (const uint8_t *)buf->base, (size_t)len);
    if (conn->state == VD_CONN_OPEN && vd_http_conn_is_full(conn))
        set_reading(conn, false);
}

static void
set_reading(struct vd_http_conn *conn, bool reading)
{
    if (conn->reading == reading || conn->state == VD_CONN_CLOSED)
        return;
    conn->reading = reading;
    if (!reading)
        uv_read_stop((uv_stream_t *)&conn->tcp);
    else if (uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) != 0)
        vd_http_conn_set_state(conn, VD_CONN_CLOSED);
}

/* --- writing --- */

static void send_ready(struct vd_http_conn *conn);

/* The first count exchanges are out. */
static void
pop_sent(struct vd_http_conn *conn, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct vd_http_exchange *exchange = conn->first;
        conn->first = exchange->next;
        if (conn->first == NULL)
            conn->last = NULL;
        conn->waiting--;
        conn->unsent -= exchange->head_len + exchange->answer.len;
        vd_http_exchange_free(exchange);
    }
}

static void
on_written(uv_write_t *request, int status)
{
    struct vd_http_conn *conn = request->data;
    conn->writing = false;
    if (conn->state == VD_CONN_CLOSED) {
        drop_exchanges(conn);
        return;
    }
    if (status != 0) {
        vd_http_conn_set_state(conn, VD_CONN_CLOSED);
        return;
    }
    pop_sent(conn, conn->sending);
    conn->sending = 0;
    send_ready(conn);
}

/* Gathers the answered exchanges at the front. */
static uint32_t
gather(const struct vd_http_conn *conn, uv_buf_t *bufs, unsigned *buf_count)
{
    uint32_t count = 0;
    *buf_count = 0;
    for (struct vd_http_exchange *exchange = conn->first;
         exchange != NULL && exchange->answered && count < MAX_WRITE_EXCHANGES;
         exchange = exchange->next) {
        bufs[(*buf_count)++] = uv_buf_init(exchange->head, (unsigned)exchange->head_len);
        if (exchange->answer.len != 0)
            bufs[(*buf_count)++] =
                uv_buf_init(exchange->answer.ptr, (unsigned)exchange->answer.len);
        count++;
    }
    return count;
}

/* Takes len bytes off the front of bufs; returns how many buffers are done. */
static unsigned
advance(uv_buf_t *bufs, unsigned count, size_t len)
{
    unsigned done = 0;
    while (done < count && len >= bufs[done].len)
        len -= bufs[done++].len;
    if (done < count) {
        bufs[done].base += len;
        bufs[done].len -= len;
    }
    return done;
}

static void
on_shutdown(uv_shutdown_t *request, int status)
{
    struct vd_http_conn *conn = request->data;
    if (status != 0)
        vd_http_conn_set_state(conn, VD_CONN_CLOSED);
}

/* Everything that is due was sent. */
static void
end_if_last(struct vd_http_conn *conn)
{
    if (conn->state != VD_CONN_LAST || conn->first != NULL)
        return;
    vd_http_conn_set_state(conn, VD_CONN_LINGER);
    conn->shutdown.data = conn;
    bool ended = !conn->reading; /* the peer is done already, or was paused */
    if (uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, on_shutdown) != 0)
        vd_http_conn_set_state(conn, VD_CONN_CLOSED);
    else if (ended)
        set_reading(conn, true);
}

static void
send_ready(struct vd_http_conn *conn)
{
    uv_buf_t bufs[2 * MAX_WRITE_EXCHANGES];
    unsigned buf_count;
    while (!conn->writing && conn->state < VD_CONN_LINGER) {
        uint32_t count = gather(conn, bufs, &buf_count);
        if (count == 0)
            break;
        int sent = uv_try_write((uv_stream_t *)&conn->tcp, bufs, buf_count);
        if (sent < 0 && sent != UV_EAGAIN) {
            vd_http_conn_set_state(conn, VD_CONN_CLOSED);
            return;
        }
        unsigned done = advance(bufs, buf_count, sent < 0 ? 0 : (size_t)sent);
        if (done == buf_count) {
            pop_sent(conn, count);
            continue;
        }
        conn->sending = count;
        conn->write.data = conn;
        conn->last_progress_ms = uv_now(conn->server->loop);
        conn->writing = uv_write(&conn->write, (uv_stream_t *)&conn->tcp, bufs + done,
                                 buf_count - done, on_written) == 0;
        conn->write_left = uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp);
        if (!conn->writing) {
            vd_http_conn_set_state(conn, VD_CONN_CLOSED);
            return;
        }
    }
    if (conn->state == VD_CONN_OPEN && !vd_http_conn_is_full(conn)) {
        vd_http_conn_resume(conn);
        if (conn->state == VD_CONN_OPEN && !vd_http_conn_is_full(conn))
            set_reading(conn, true);
    }
    end_if_last(conn);
}

/* Runs right before the loop waits, after all that was ready in the round before was handled. */
static void
flush_dirty(struct vd_http_server *server)
{
    while (server->dirty != NULL) {
        struct vd_http_conn *conn = server->dirty;
        server->dirty = conn->next_dirty;
        conn->next_dirty = NULL;
        conn->dirty = false;
        send_ready(conn);
    }
}

/* --- time --- */

static void
expire(struct vd_http_conn *conn, uint64_t now)
{
    const struct vd_http_limits *limits = &conn->server->limits;
    if (conn->writing) {
        size_t left = uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp);
        if (left != conn->write_left) {
            conn->write_left = left;
            conn->last_progress_ms = now;
        } else if (now - conn->last_progress_ms >= limits->write_timeout_ms) {
            vd_http_conn_set_state(conn, VD_CONN_CLOSED);
        }
        return;
    }
    if (conn->state == VD_CONN_LINGER) {
        if (now - conn->state_since_ms >= LINGER_MS)
            vd_http_conn_set_state(conn, VD_CONN_CLOSED);
    } else if (conn->in_request) {
        if (now - conn->request_since_ms >= limits->request_timeout_ms) {
            struct vd_http_exchange *exchange = conn->in;
            conn->in = NULL;
            conn->in_request = false;
            exchange->keep_alive = false;
            vd_http_conn_set_state(conn, VD_CONN_LAST);
            vd_http_finish_text(exchange, 408, "request did not arrive in time");
        }
    } else if (conn->first == NULL && now - conn->last_byte_ms >= limits->idle_timeout_ms) {
        vd_http_conn_set_state(conn, VD_CONN_CLOSED);
    }
}

static void
on_sweep(uv_timer_t *timer)
{
    struct vd_http_server *server = timer->data;
    uint64_t now = uv_now(server->loop);
    struct vd_http_conn *next;
    for (struct vd_http_conn *conn = server->conns; conn != NULL; conn = next) {
        next = conn->next;
        expire(conn, now);
    }
}

/* --- accepting --- */

static void
refuse_conn(struct vd_http_conn *conn)
{
    struct vd_http_exchange *exchange = vd_http_exchange_new(conn);
    if (exchange == NULL)
        return;
    exchange->keep_alive = false;
    vd_http_conn_set_state(conn, VD_CONN_LAST);
    vd_http_finish_text(exchange, 503, "too many connections");
}

static void
on_connection(uv_stream_t *stream, int status)
{
    struct vd_http_server *server = stream->data;
    struct vd_http_conn *conn = status == 0 ? calloc(1, sizeof *conn) : NULL;
    if (conn == NULL)
        return;
    conn->server = server;
    conn->tcp.data = conn;
    if (uv_tcp_init(server->loop, &conn->tcp) != 0) {
        free(conn);
        return;
    }
    server->total++;
    conn->next = server->conns;
    if (server->conns != NULL)
        server->conns->prev = conn;
    server->conns = conn;
    conn->last_byte_ms = uv_now(server->loop);
    vd_http_conn_parser_init(conn);
    bool full = server->counted >= server->limits.max_connections;
    if (uv_accept(stream, (uv_stream_t *)&conn->tcp) != 0 ||
        server->total - server->counted > MAX_REFUSED + 1) {
        vd_http_conn_set_state(conn, VD_CONN_CLOSED);
        return;
    }
    server->stats.accepted++;
    uv_tcp_nodelay(&conn->tcp, 1);
    if (full) {
        refuse_conn(conn);
    } else {
        conn->counted = true;
        server->counted++;
    }
    set_reading(conn, true);
}

/* --- the server --- */

static void
on_prepare(uv_prepare_t *handle)
{
    flush_dirty(handle->data);
}

static uint32_t
or_default(uint32_t value, uint32_t standard)
{
    return value == 0 ? standard : value;
}

static void
set_limits(struct vd_http_limits *out, const struct vd_http_limits *in)
{
    const struct vd_http_limits *d = &VD_HTTP_DEFAULT_LIMITS;
    *out = (struct vd_http_limits){
        .max_body_bytes = in->max_body_bytes == 0 ? d->max_body_bytes : in->max_body_bytes,
        .max_header_bytes = in->max_header_bytes == 0 ? d->max_header_bytes : in->max_header_bytes,
        .max_connections = or_default(in->max_connections, d->max_connections),
        .max_pipelined = or_default(in->max_pipelined, d->max_pipelined),
        .request_timeout_ms = or_default(in->request_timeout_ms, d->request_timeout_ms),
        .idle_timeout_ms = or_default(in->idle_timeout_ms, d->idle_timeout_ms),
        .write_timeout_ms = or_default(in->write_timeout_ms, d->write_timeout_ms),
        .max_unsent_bytes = in->max_unsent_bytes == 0 ? d->max_unsent_bytes : in->max_unsent_bytes,
    };
}

static bool
copy_config(struct vd_http_server *server, const struct vd_http_config *config)
{
    VD_ASSERT(config->route_count <= VD_HTTP_MAX_ROUTES);
    set_limits(&server->limits, &config->limits);
    server->post = config->post;
    server->post_ctx = config->post_ctx;
    server->vhosts = strdup(config->vhosts == NULL ? "localhost" : config->vhosts);
    bool has_cors = config->cors != NULL && config->cors[0] != '\0';
    server->cors = has_cors ? strdup(config->cors) : NULL;
    if (server->vhosts == NULL || (has_cors && server->cors == NULL))
        return false;
    for (size_t i = 0; i < config->route_count; i++) {
        struct vd_http_route route = config->routes[i];
        route.path = strdup(route.path);
        if (route.path == NULL)
            return false;
        server->routes[server->route_count++] = route;
    }
    return true;
}

/* Listens on the handle; a libuv error code. */
static int
listen_on(struct vd_http_server *server, const struct sockaddr *address)
{
    int rc = uv_tcp_bind(&server->listener, address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
    if (rc != 0)
        return rc;
    struct sockaddr_storage bound;
    int len = sizeof bound;
    rc = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&bound, &len);
    if (rc != 0)
        return rc;
    /* The port stands at the same place for both families. */
    server->port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    return 0;
}

static void
on_handle_closed(uv_handle_t *handle)
{
    struct vd_http_server *server = handle->data;
    server->open_handles--;
    free_server_if_done(server);
}

static void
close_handles(struct vd_http_server *server)
{
    uv_close((uv_handle_t *)&server->sweep, on_handle_closed);
    uv_close((uv_handle_t *)&server->grace, on_handle_closed);
    uv_close((uv_handle_t *)&server->flush, on_handle_closed);
}

static void
start_handles(struct vd_http_server *server)
{
    const struct vd_http_limits *limits = &server->limits;
    uint32_t shortest = limits->request_timeout_ms;
    shortest = limits->idle_timeout_ms < shortest ? limits->idle_timeout_ms : shortest;
    shortest = limits->write_timeout_ms < shortest ? limits->write_timeout_ms : shortest;
    uint32_t every = shortest / 4 < 10 ? 10 : shortest / 4 > 1000 ? 1000 : shortest / 4;
    server->listener.data = server->sweep.data = server->grace.data = server->flush.data = server;
    uv_timer_start(&server->sweep, on_sweep, every, every);
    uv_prepare_start(&server->flush, on_prepare);
    uv_unref((uv_handle_t *)&server->sweep);
    uv_unref((uv_handle_t *)&server->flush);
}

enum vd_err
vd_http_server_new(struct vd_http_server **out, const char **detail, uv_loop_t *loop,
                   const struct vd_http_config *config)
{
    struct sockaddr_storage address;
    const char *host = strcmp(config->host, "localhost") == 0 ? "127.0.0.1" : config->host;
    const char *unused;
    if (detail == NULL)
        detail = &unused;
    *detail = "not an IPv4 or IPv6 address";
    if (uv_ip4_addr(host, config->port, (struct sockaddr_in *)&address) != 0 &&
        uv_ip6_addr(host, config->port, (struct sockaddr_in6 *)&address) != 0)
        return VD_ERR_INVALID;
    *detail = vd_err_text(VD_ERR_NO_MEMORY);
    struct vd_http_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return VD_ERR_NO_MEMORY;
    server->loop = loop;
    if (!copy_config(server, config)) {
        server->closing = true;
        free_server_if_done(server);
        return VD_ERR_NO_MEMORY;
    }
    uv_tcp_init(loop, &server->listener);
    uv_timer_init(loop, &server->sweep);
    uv_timer_init(loop, &server->grace);
    uv_prepare_init(loop, &server->flush);
    server->open_handles = 4;
    start_handles(server);
    int rc = listen_on(server, (const struct sockaddr *)&address);
    if (rc != 0) {
        *detail = uv_strerror(rc);
        /* Frees itself once the loop has closed the handles. */
        server->closing = true;
        uv_close((uv_handle_t *)&server->listener, on_handle_closed);
        close_handles(server);
        return rc == UV_EADDRINUSE ? VD_ERR_EXISTS : VD_ERR_IO;
    }
    *detail = "";
    *out = server;
    return VD_OK;
}

uint16_t
vd_http_server_port(const struct vd_http_server *server)
{
    return server->port;
}

static void
on_grace(uv_timer_t *timer)
{
    struct vd_http_server *server = timer->data;
    while (server->conns != NULL)
        vd_http_conn_set_state(server->conns, VD_CONN_CLOSED);
    close_handles(server);
}

void
vd_http_server_close(struct vd_http_server *server, uint32_t grace_ms, void (*closed)(void *ctx),
                     void *ctx)
{
    VD_ASSERT(!server->closing);
    server->closing = true;
    server->closed = closed;
    server->closed_ctx = ctx;
    uv_close((uv_handle_t *)&server->listener, on_handle_closed);
    struct vd_http_conn *next;
    for (struct vd_http_conn *conn = server->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->first == NULL)
            vd_http_conn_set_state(conn, VD_CONN_CLOSED);
        else if (conn->in == NULL)
            vd_http_conn_set_state(conn, VD_CONN_LAST);
    }
    uv_timer_start(&server->grace, on_grace, server->conns == NULL ? 0 : grace_ms, 0);
}

struct vd_http_stats
vd_http_server_stats(const struct vd_http_server *server)
{
    struct vd_http_stats stats = server->stats;
    stats.connections = server->counted;
    return stats;
}
