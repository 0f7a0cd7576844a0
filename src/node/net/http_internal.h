/* What the files of the HTTP server share.  See http_server.c for the life of a connection. */
#ifndef VIADUCT_SRC_NODE_NET_HTTP_INTERNAL_H
#define VIADUCT_SRC_NODE_NET_HTTP_INTERNAL_H

#include <http_parser.h>

#include "viaduct/node/net/http_server.h"

#define VD_HTTP_HOST_MAX 256
#define VD_HTTP_ORIGIN_MAX 256
#define VD_HTTP_ASKED_HEADERS_MAX 512
#define VD_HTTP_HEAD_MAX 1536 /* of an answer: status line and headers */

/* The request headers that mean something here. */
enum vd_http_field {
    VD_FIELD_OTHER,
    VD_FIELD_HOST,
    VD_FIELD_ORIGIN,
    VD_FIELD_CONTENT_TYPE,
    VD_FIELD_EXPECT,
    VD_FIELD_ASKED_METHOD,  /* Access-Control-Request-Method */
    VD_FIELD_ASKED_HEADERS, /* Access-Control-Request-Headers */
};

/* One request, from its first byte to the last byte of its answer. */
struct vd_http_exchange {
    struct vd_http_conn *conn; /* NULL once the connection is gone */
    struct vd_http_exchange *next;
    uint8_t *body;
    size_t body_len;
    size_t body_cap;
    struct vd_json answer;
    char *origin; /* to be allowed in the answer; NULL: none */
    bool keep_alive;
    bool http_1_0;
    bool head_only; /* HEAD: the length is told, the body is not */
    bool answered;
    size_t head_len;
    char head[VD_HTTP_HEAD_MAX];
};

enum vd_http_conn_state {
    VD_CONN_OPEN,
    VD_CONN_LAST,   /* no further request is read; closes after the answers that are due */
    VD_CONN_LINGER, /* all is sent and shut down; what still comes in is thrown away */
    VD_CONN_CLOSED, /* uv_close was called */
};

struct vd_http_conn {
    uv_tcp_t tcp;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct vd_http_server *server;
    struct vd_http_conn *prev;
    struct vd_http_conn *next;
    struct vd_http_conn *next_dirty;
    bool dirty;
    bool writing;
    bool reading;
    bool counted; /* against max_connections */
    enum vd_http_conn_state state;
    uint64_t state_since_ms;
    uint64_t last_byte_ms;
    uint64_t last_progress_ms; /* of a write */
    size_t write_left;

    /* Parsing. */
    http_parser parser;
    bool in_request;
    uint64_t request_since_ms;
    size_t header_bytes;
    enum vd_http_field field;
    bool field_complete; /* the value has begun */
    char field_name[40];
    size_t field_name_len;
    bool field_name_too_long;
    char path[256];
    size_t path_len;
    bool path_too_long;
    char host[VD_HTTP_HOST_MAX];
    size_t host_len;
    bool host_too_long;
    char origin[VD_HTTP_ORIGIN_MAX];
    size_t origin_len;
    bool origin_too_long;
    char content_type[64];
    size_t content_type_len;
    char asked_headers[VD_HTTP_ASKED_HEADERS_MAX];
    size_t asked_headers_len;
    bool asked_method;
    bool expects_continue;
    struct vd_http_exchange *in; /* the request that is being read */

    /* Bytes that were read but not parsed, since too many requests wait for their answers. */
    uint8_t *stash;
    size_t stash_len;

    /* In order: those being sent, then those to send. */
    struct vd_http_exchange *first;
    struct vd_http_exchange *last;
    uint32_t waiting; /* in that list */
    size_t unsent;    /* answer bytes in that list */
    uint32_t sending; /* exchanges at the front that the write in progress covers */
};

struct vd_http_server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_timer_t sweep;
    uv_timer_t grace;
    uv_prepare_t flush;
    uint32_t open_handles; /* of the four above */
    uint16_t port;
    struct vd_http_limits limits;
    struct vd_http_route routes[VD_HTTP_MAX_ROUTES];
    size_t route_count;
    vd_http_post_fn post;
    void *post_ctx;
    char *cors;
    char *vhosts;
    struct vd_http_conn *conns;
    struct vd_http_conn *dirty;
    uint32_t counted;
    uint32_t total; /* connections with the refused ones, until their handle is closed */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
    struct vd_http_stats stats;
    char read_buffer[65536];
};

/* http_parse.c: bytes in, exchanges out. */
void vd_http_conn_parser_init(struct vd_http_conn *conn);
/* Parses as far as backpressure lets it; the rest goes to the stash. */
void vd_http_conn_input(struct vd_http_conn *conn, const uint8_t *bytes, size_t len);
/* Goes on with the stash, if there is one and room for more requests. */
void vd_http_conn_resume(struct vd_http_conn *conn);
bool vd_http_conn_is_full(const struct vd_http_conn *conn);

/* http_reply.c: answers into bytes. */
/* The exchange's answer is in place: writes the head.  extra is further header lines or "". */
void vd_http_finish(struct vd_http_exchange *exchange, int status, const char *type,
                    const char *extra);
/* A plain text answer of the server's own. */
void vd_http_finish_text(struct vd_http_exchange *exchange, int status, const char *text);
bool vd_http_origin_allowed(const struct vd_http_server *server, const char *origin);
bool vd_http_host_allowed(const struct vd_http_server *server, const char *host);
void vd_http_exchange_free(struct vd_http_exchange *exchange);

/* http_server.c */
/* Appends a fresh exchange to the connection's list; NULL without memory (the connection is then
   closed). */
struct vd_http_exchange *vd_http_exchange_new(struct vd_http_conn *conn);
void vd_http_conn_mark(struct vd_http_conn *conn);
void vd_http_conn_set_state(struct vd_http_conn *conn, enum vd_http_conn_state state);

#endif
