/* Requests out of bytes, with every limit that applies before a handler sees them. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "http_internal.h"

/* A body's first allocation; longer ones grow as their bytes arrive, so that a length announced
   and never sent costs nothing. */
#define BODY_FIRST 65536
/* What a callback returns to end parsing; 1 and 2 mean other things to http-parser. */
#define STOP (-1)

bool
vd_http_conn_is_full(const struct vd_http_conn *conn)
{
    const struct vd_http_limits *limits = &conn->server->limits;
    return conn->waiting >= limits->max_pipelined || conn->unsent >= limits->max_unsent_bytes;
}

static struct vd_http_conn *
conn_of(http_parser *parser)
{
    return parser->data;
}

/* Answers the current request with an error after which nothing more is read, and stops the
   parser. */
static int
refuse(struct vd_http_conn *conn, int status, const char *text)
{
    struct vd_http_exchange *exchange = conn->in;
    if (exchange == NULL)
        exchange = vd_http_exchange_new(conn);
    conn->in = NULL;
    conn->in_request = false;
    if (exchange == NULL)
        return STOP;
    exchange->keep_alive = false;
    vd_http_conn_set_state(conn, VD_CONN_LAST);
    vd_http_finish_text(exchange, status, text);
    return STOP;
}

static int
on_begin(http_parser *parser)
{
    struct vd_http_conn *conn = conn_of(parser);
    conn->in = vd_http_exchange_new(conn);
    if (conn->in == NULL)
        return STOP;
    conn->in_request = true;
    conn->request_since_ms = uv_now(conn->server->loop);
    conn->header_bytes = 0;
    conn->field_complete = true;
    conn->field_name_len = 0;
    conn->path[0] = '\0';
    conn->path_len = conn->host_len = conn->origin_len = 0;
    conn->content_type_len = conn->asked_headers_len = 0;
    conn->path_too_long = conn->host_too_long = conn->origin_too_long = false;
    conn->asked_method = conn->expects_continue = false;
    return 0;
}

/* Counts bytes of the request line and headers. */
static bool
headers_fit(struct vd_http_conn *conn, size_t len)
{
    conn->header_bytes += len;
    return conn->header_bytes <= conn->server->limits.max_header_bytes;
}

/* Appends to a terminated text; false: it does not fit. */
static bool
append(char *text, size_t cap, size_t *len, const char *at, size_t at_len)
{
    if (at_len > cap - 1 - *len)
        return false;
    memcpy(text + *len, at, at_len);
    *len += at_len;
    text[*len] = '\0';
    return true;
}

static int
on_url(http_parser *parser, const char *at, size_t len)
{
    struct vd_http_conn *conn = conn_of(parser);
    if (!headers_fit(conn, len))
        return refuse(conn, 431, "request line and headers are too long");
    /* Whatever comes after the path may be cut off, the path may not. */
    size_t room = sizeof conn->path - 1 - conn->path_len;
    append(conn->path, sizeof conn->path, &conn->path_len, at, len < room ? len : room);
    conn->path_too_long = len > room && strpbrk(conn->path, "?#") == NULL;
    return 0;
}

static int
on_field(http_parser *parser, const char *at, size_t len)
{
    struct vd_http_conn *conn = conn_of(parser);
    if (!headers_fit(conn, len + 4))
        return refuse(conn, 431, "request line and headers are too long");
    if (conn->field_complete) {
        conn->field_complete = false;
        conn->field_name_len = 0;
        conn->field_name_too_long = false;
    }
    if (!append(conn->field_name, sizeof conn->field_name, &conn->field_name_len, at, len))
        conn->field_name_too_long = true;
    return 0;
}

static enum vd_http_field
field_by_name(const char *name)
{
    static const struct {
        const char *name;
        enum vd_http_field field;
    } fields[] = {
        {"host", VD_FIELD_HOST},
        {"origin", VD_FIELD_ORIGIN},
        {"content-type", VD_FIELD_CONTENT_TYPE},
        {"expect", VD_FIELD_EXPECT},
        {"access-control-request-method", VD_FIELD_ASKED_METHOD},
        {"access-control-request-headers", VD_FIELD_ASKED_HEADERS},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcasecmp(name, fields[i].name) == 0)
            return fields[i].field;
    }
    return VD_FIELD_OTHER;
}

static int
on_value(http_parser *parser, const char *at, size_t len)
{
    struct vd_http_conn *conn = conn_of(parser);
    if (!headers_fit(conn, len))
        return refuse(conn, 431, "request line and headers are too long");
    if (!conn->field_complete) {
        conn->field_complete = true;
        conn->field = conn->field_name_too_long ? VD_FIELD_OTHER : field_by_name(conn->field_name);
    }
    switch (conn->field) {
    case VD_FIELD_HOST:
        if (!append(conn->host, sizeof conn->host, &conn->host_len, at, len))
            conn->host_too_long = true;
        break;
    case VD_FIELD_ORIGIN:
        if (!append(conn->origin, sizeof conn->origin, &conn->origin_len, at, len))
            conn->origin_too_long = true;
        break;
    case VD_FIELD_CONTENT_TYPE: {
        /* Parameters after the type may be cut off. */
        size_t room = sizeof conn->content_type - 1 - conn->content_type_len;
        append(conn->content_type, sizeof conn->content_type, &conn->content_type_len, at,
               len < room ? len : room);
        break;
    }
    case VD_FIELD_ASKED_HEADERS:
        append(conn->asked_headers, sizeof conn->asked_headers, &conn->asked_headers_len, at, len);
        break;
    case VD_FIELD_ASKED_METHOD:
        conn->asked_method = true;
        break;
    case VD_FIELD_EXPECT:
        conn->expects_continue = true;
        break;
    case VD_FIELD_OTHER:
        break;
    }
    return 0;
}

/* geth's list (rpc/http.go); a browser cannot send any of these across origins without asking
   first. */
static bool
is_json_type(const char *type)
{
    static const char *const accepted[] = {"application/json", "application/json-rpc",
                                           "application/jsonrequest"};
    size_t len = strcspn(type, "; ");
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        if (strlen(accepted[i]) == len && strncasecmp(type, accepted[i], len) == 0)
            return true;
    }
    return false;
}

/* RFC 9110 10.1.1.  It may only go out when no earlier answer is due; otherwise the client's own
   timeout makes it send the body. */
static void
send_continue(struct vd_http_conn *conn)
{
    static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (conn->waiting != 1 || conn->writing)
        return;
    uv_buf_t buf = uv_buf_init(text, sizeof text - 1);
    int sent = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    /* A part of it would garble the answer that follows. */
    if (sent > 0 && sent < (int)buf.len)
        vd_http_conn_set_state(conn, VD_CONN_CLOSED);
}

static void
take_origin(struct vd_http_conn *conn)
{
    if (conn->origin_len == 0 || conn->origin_too_long ||
        !vd_http_origin_allowed(conn->server, conn->origin))
        return;
    conn->in->origin = strdup(conn->origin);
}

/* Everything that can be refused before the body is. */
static int
on_headers(http_parser *parser)
{
    struct vd_http_conn *conn = conn_of(parser);
    struct vd_http_exchange *exchange = conn->in;
    size_t max_body = conn->server->limits.max_body_bytes;
    exchange->keep_alive = http_should_keep_alive(parser) != 0;
    exchange->http_1_0 = parser->http_major == 1 && parser->http_minor == 0;
    exchange->head_only = parser->method == HTTP_HEAD;
    /* Nothing here changes protocols: an offer to upgrade is ignored (RFC 9110 7.8). */
    parser->upgrade = 0;
    if (parser->http_major != 1)
        return refuse(conn, 505, "HTTP/1.1 is spoken here");
    conn->host[conn->host_len] = '\0';
    if (conn->host_too_long || !vd_http_host_allowed(conn->server, conn->host))
        return refuse(conn, 403, "invalid host specified");
    take_origin(conn);
    bool has_length = (parser->flags & F_CONTENTLENGTH) != 0;
    if (has_length && parser->content_length > max_body) {
        char text[96];
        snprintf(text, sizeof text, "content length too large (%llu>%zu)",
                 (unsigned long long)parser->content_length, max_body);
        return refuse(conn, 413, text);
    }
    bool has_body = (has_length && parser->content_length > 0) || (parser->flags & F_CHUNKED) != 0;
    if (conn->expects_continue && has_body)
        send_continue(conn);
    return conn->state == VD_CONN_OPEN ? 0 : STOP;
}

static int
on_body(http_parser *parser, const char *at, size_t len)
{
    struct vd_http_conn *conn = conn_of(parser);
    struct vd_http_exchange *exchange = conn->in;
    size_t max_body = conn->server->limits.max_body_bytes;
    if (len > max_body - exchange->body_len)
        return refuse(conn, 413, "request body too large");
    if (exchange->body_len + len > exchange->body_cap) {
        size_t cap = exchange->body_cap == 0 ? 1024 : 2 * exchange->body_cap;
        if (cap < BODY_FIRST && parser->content_length > 1024)
            cap = BODY_FIRST;
        while (cap < exchange->body_len + len)
            cap *= 2;
        uint8_t *body = realloc(exchange->body, cap);
        if (body == NULL)
            return refuse(conn, 500, "out of memory");
        exchange->body = body;
        exchange->body_cap = cap;
    }
    memcpy(exchange->body + exchange->body_len, at, len);
    exchange->body_len += len;
    return 0;
}

static void
answer_get(struct vd_http_conn *conn, struct vd_http_exchange *exchange)
{
    struct vd_http_server *server = conn->server;
    /* geth answers an empty GET with an empty 200, for the health checks of load balancers. */
    if (strcmp(conn->path, "/") == 0) {
        vd_http_finish(exchange, 200, "text/plain; charset=utf-8", "");
        return;
    }
    for (size_t i = 0; i < server->route_count; i++) {
        const struct vd_http_route *route = &server->routes[i];
        if (conn->path_too_long || strcmp(route->path, conn->path) != 0)
            continue;
        struct vd_http_page page = {.status = 200, .content_type = "text/plain; charset=utf-8"};
        vd_json_init(&page.body, SIZE_MAX / 2);
        route->page(route->ctx, &page);
        vd_json_deinit(&exchange->answer);
        exchange->answer = page.body;
        vd_http_finish(exchange, page.status, page.content_type, "");
        return;
    }
    vd_http_finish_text(exchange, 404, "404 page not found");
}

static void
answer_options(struct vd_http_conn *conn, struct vd_http_exchange *exchange)
{
    char extra[VD_HTTP_ASKED_HEADERS_MAX + 160] = "";
    if (exchange->origin != NULL && conn->asked_method) {
        conn->asked_headers[conn->asked_headers_len] = '\0';
        snprintf(extra, sizeof extra,
                 "Access-Control-Allow-Methods: POST, GET\r\n%s%s%s"
                 "Access-Control-Max-Age: 600\r\n",
                 conn->asked_headers_len == 0 ? "" : "Access-Control-Allow-Headers: ",
                 conn->asked_headers, conn->asked_headers_len == 0 ? "" : "\r\n");
    }
    vd_http_finish(exchange, 204, "", extra);
}

static void
answer_post(struct vd_http_conn *conn, struct vd_http_exchange *exchange)
{
    struct vd_http_server *server = conn->server;
    conn->content_type[conn->content_type_len] = '\0';
    if (server->post == NULL)
        vd_http_finish_text(exchange, 405, "method not allowed");
    else if (conn->path_too_long || strcmp(conn->path, "/") != 0)
        vd_http_finish_text(exchange, 404, "404 page not found");
    else if (!is_json_type(conn->content_type))
        vd_http_finish_text(exchange, 415,
                            "invalid content type, only application/json is supported");
    else
        server->post(server->post_ctx, exchange, vd_slice(exchange->body, exchange->body_len));
}

static int
on_complete(http_parser *parser)
{
    struct vd_http_conn *conn = conn_of(parser);
    struct vd_http_exchange *exchange = conn->in;
    conn->in = NULL;
    conn->in_request = false;
    conn->server->stats.requests++;
    conn->path[strcspn(conn->path, "?#")] = '\0';
    if (conn->server->closing)
        exchange->keep_alive = false;
    if (!exchange->keep_alive)
        vd_http_conn_set_state(conn, VD_CONN_LAST);
    if (parser->method == HTTP_POST)
        answer_post(conn, exchange);
    else if (parser->method == HTTP_GET || parser->method == HTTP_HEAD)
        answer_get(conn, exchange);
    else if (parser->method == HTTP_OPTIONS)
        answer_options(conn, exchange);
    else
        vd_http_finish_text(exchange, 405, "method not allowed");
    if (conn->state == VD_CONN_OPEN && vd_http_conn_is_full(conn))
        http_parser_pause(parser, 1);
    return conn->state == VD_CONN_OPEN ? 0 : STOP;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void
vd_http_conn_parser_init(struct vd_http_conn *conn)
{
    http_parser_init(&conn->parser, HTTP_REQUEST);
    conn->parser.data = conn;
}

/* Keeps what the paused parser left. */
static void
stash(struct vd_http_conn *conn, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = NULL;
    if (len != 0) {
        copy = malloc(len);
        if (copy == NULL) {
            vd_http_conn_set_state(conn, VD_CONN_CLOSED);
            return;
        }
        memcpy(copy, bytes, len);
    }
    free(conn->stash);
    conn->stash = copy;
    conn->stash_len = len;
}

void
vd_http_conn_input(struct vd_http_conn *conn, const uint8_t *bytes, size_t len)
{
    if (conn->state != VD_CONN_OPEN || len == 0)
        return;
    size_t taken = http_parser_execute(&conn->parser, &settings, (const char *)bytes, len);
    if (conn->state != VD_CONN_OPEN)
        return;
    enum http_errno problem = HTTP_PARSER_ERRNO(&conn->parser);
    if (problem == HPE_PAUSED) {
        stash(conn, bytes + taken, len - taken);
    } else if (problem == HPE_HEADER_OVERFLOW) {
        refuse(conn, 431, "request line and headers are too long");
    } else if (problem != HPE_OK || taken != len) {
        char text[128];
        snprintf(text, sizeof text, "400 Bad Request: %s", http_errno_description(problem));
        refuse(conn, 400, text);
    }
}

void
vd_http_conn_resume(struct vd_http_conn *conn)
{
    if (conn->state != VD_CONN_OPEN || vd_http_conn_is_full(conn) ||
        HTTP_PARSER_ERRNO(&conn->parser) != HPE_PAUSED)
        return;
    http_parser_pause(&conn->parser, 0);
    uint8_t *bytes = conn->stash;
    size_t len = conn->stash_len;
    conn->stash = NULL;
    conn->stash_len = 0;
    vd_http_conn_input(conn, bytes, len);
    free(bytes);
}
