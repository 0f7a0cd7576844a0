/* An HTTP client for JSON-RPC on the libuv loop (libcurl's multi interface).

   Requests beyond the concurrency limit wait in a bounded queue.  Nothing is retried here: that is
   the caller's decision.  It lives on the loop's thread; callbacks run there, never inside the
   call that started the request. */
#ifndef VIADUCT_NODE_NET_HTTP_CLIENT_H
#define VIADUCT_NODE_NET_HTTP_CLIENT_H

#include <uv.h>

#include "viaduct/core/base/bytes.h"

struct vd_http_client_config {
    const char *url;             /* copied; http or https */
    uint32_t max_concurrent;     /* 0: 16 */
    uint32_t max_queued;         /* 0: 1,024; above: VD_ERR_BUSY */
    uint32_t timeout_ms;         /* whole request; 0: 30,000 */
    uint32_t connect_timeout_ms; /* 0: 5,000 */
    size_t max_response_bytes;   /* 0: 256 MiB; above: VD_ERR_TOO_LARGE */
    /* https only: paths of PEM files, copied.  The server's certificate is always checked, against
       those of ca_file alone if it is given, else the system's.  The client's are read anew for
       each connection. */
    const char *ca_file;          /* or NULL */
    const char *client_cert_file; /* identifies this client; with its chain; or NULL */
    const char *client_key_file;  /* of that certificate, not encrypted; or NULL */
};

/* What a URL says about who can listen. */
struct vd_http_url {
    bool is_https;
    bool is_loopback; /* "localhost", 127.0.0.0/8 or ::1 */
    char
        address[300]; /* scheme, host and port: without what may be secret (user, path), for logs */
};
/* VD_ERR_INVALID: text is no URL of http or https. */
VD_MUST_USE enum vd_err vd_http_url_read(struct vd_http_url *out, const char *text);

struct vd_http_result {
    /* VD_OK: an HTTP answer with status 200 came.  VD_ERR_REFUSED: another status.  VD_ERR_TIMEOUT,
       VD_ERR_TOO_LARGE, VD_ERR_NO_MEMORY.  VD_ERR_IO: not reachable or broken off.
       VD_ERR_CLOSED: the client was closed first. */
    enum vd_err err;
    int status;           /* 0 when none came */
    const char *detail;   /* what went wrong, for a log; "" on VD_OK; during the callback */
    struct vd_slice body; /* during the callback */
};
/* body is the answer in malloc'd memory whose ownership passes to the callback when it sets *body
   to NULL; otherwise it is freed after it. */
typedef void (*vd_http_result_fn)(void *ctx, const struct vd_http_result *result, uint8_t **body);

struct vd_http_client;

VD_MUST_USE enum vd_err vd_http_client_new(struct vd_http_client **out, uv_loop_t *loop,
                                           const struct vd_http_client_config *config);

/* vd_http_client_post sends body (copied) as application/json.  On VD_OK fn is called exactly once.
   VD_ERR_BUSY: the queue is full; VD_ERR_CLOSED: closing. */
VD_MUST_USE enum vd_err vd_http_client_post(struct vd_http_client *client, struct vd_slice body,
                                            vd_http_result_fn fn, void *ctx);

/* Ends every request with VD_ERR_CLOSED, then frees the client and calls closed (may be NULL). */
void vd_http_client_close(struct vd_http_client *client, void (*closed)(void *ctx), void *ctx);

#endif
