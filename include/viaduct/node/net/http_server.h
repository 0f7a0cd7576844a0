/* An HTTP/1.1 server on the libuv loop.

   It speaks plain HTTP with keep-alive and pipelining; answers go out in the order of the
   requests.  All requests of one readable socket are taken in one pass, and all answers that are
   ready when the loop is about to wait go out in one write for each connection.  It lives on the
   loop's thread; nothing here may be called from another one.

   What it answers by itself, before any handler: 400 (not HTTP), 403 "invalid host specified",
   404, 405, 408 (a request that does not come to its end in time), 413 (body over the limit), 415
   (POST that is not JSON), 431 (headers over the limit), 503 (too many connections), CORS
   preflights.  Every request that a handler got is answered by it exactly once. */
#ifndef VIADUCT_NODE_NET_HTTP_SERVER_H
#define VIADUCT_NODE_NET_HTTP_SERVER_H

#include <uv.h>

#include "viaduct/node/net/json_writer.h"

struct vd_http_limits {
    size_t max_body_bytes;       /* 413 above; 5 MiB */
    size_t max_header_bytes;     /* request line and headers; 431 above; 16 KiB */
    uint32_t max_connections;    /* 503 above; 1,000 */
    uint32_t max_pipelined;      /* unanswered requests of one connection; reading stops; 256 */
    uint32_t request_timeout_ms; /* from a request's first byte to its last; 408; 30 s */
    uint32_t idle_timeout_ms;    /* a connection without a request is closed; 120 s */
    uint32_t write_timeout_ms;   /* a peer that does not read is dropped; 30 s */
    size_t max_unsent_bytes;     /* reading of one connection stops above; 16 MiB */
};

/* The figures in the comments above. */
extern const struct vd_http_limits VD_HTTP_DEFAULT_LIMITS;

struct vd_http_exchange; /* one request that waits for its answer */

/* A GET route answers at once: write the body, set status and type. */
struct vd_http_page {
    int status;               /* 200 unless changed */
    const char *content_type; /* static text; "text/plain; charset=utf-8" unless changed */
    struct vd_json body;      /* any bytes: vd_json_bytes */
};
typedef void (*vd_http_page_fn)(void *ctx, struct vd_http_page *page);

/* A POST to "/" (any query) with a complete body.  body borrows and lives until the answer.  The
   handler calls vd_http_answer once, now or later. */
typedef void (*vd_http_post_fn)(void *ctx, struct vd_http_exchange *exchange, struct vd_slice body);

struct vd_http_route {
    const char *path; /* "/metrics" */
    vd_http_page_fn page;
    void *ctx;
};

struct vd_http_config {
    const char *host; /* address to listen on, "127.0.0.1" */
    uint16_t port;    /* 0: any; vd_http_server_port tells */
    /* Comma-separated origins that a browser may call from, "*" for any, "" or NULL for none. */
    const char *cors;
    /* Comma-separated host names that requests may be addressed to, "*" for any, NULL for
       "localhost".  IP addresses and a missing Host header always pass, as in geth. */
    const char *vhosts;
    struct vd_http_limits limits;       /* a field that is 0 takes the default */
    const struct vd_http_route *routes; /* copied */
    size_t route_count;                 /* at most VD_HTTP_MAX_ROUTES */
    vd_http_post_fn post;               /* NULL: POST is 405 */
    void *post_ctx;
};
#define VD_HTTP_MAX_ROUTES 16

struct vd_http_server;

/* vd_http_server_new listens.  VD_ERR_EXISTS: the port is taken; VD_ERR_INVALID: not an address;
   VD_ERR_IO: anything else, so.
   *detail (static text; detail may be NULL) says why in each case. */
VD_MUST_USE enum vd_err vd_http_server_new(struct vd_http_server **out, const char **detail,
                                           uv_loop_t *loop, const struct vd_http_config *config);
uint16_t vd_http_server_port(const struct vd_http_server *server);

/* vd_http_server_close stops listening, lets requests that handlers hold be answered for up to
   grace_ms, closes all connections, then frees the server and calls closed (may be NULL).  An
   exchange that is still held after that may and must still be answered; the answer goes
   nowhere. */
void vd_http_server_close(struct vd_http_server *server, uint32_t grace_ms,
                          void (*closed)(void *ctx), void *ctx);

/* vd_http_answer answers a POST with a JSON body, which it copies; the exchange dies.  *body may be
   taken instead of copied: pass the writer and it is left empty. */
void vd_http_answer(struct vd_http_exchange *exchange, int status, struct vd_json *body);

struct vd_http_stats {
    uint64_t connections; /* open now */
    uint64_t accepted;
    uint64_t requests;
    uint64_t refused; /* answered with a status of 400 or above by the server itself */
};
struct vd_http_stats vd_http_server_stats(const struct vd_http_server *server);

#endif
