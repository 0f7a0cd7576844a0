/* One HTTP server with the JSON-RPC methods of one engine. */
#ifndef VIADUCT_NODE_APP_SERVE_H
#define VIADUCT_NODE_APP_SERVE_H

#include "viaduct/node/net/jsonrpc.h"
#include "viaduct/node/rpc/rpc.h"

#define VD_CLIENT_VERSION "viaduct/v0.1.0"

struct vd_serve_config {
    uv_loop_t *loop;
    struct vd_pool *pool;
    const char *host;
    uint16_t port;
    const char *cors;
    const char *vhosts;
    size_t max_body_bytes;
    uint32_t max_connections;
    uint32_t max_batch;
};

struct vd_server {
    struct vd_rpc *rpc;
    struct vd_rpc_api *api;
    struct vd_http_server *http;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* extra methods (may be none) are added with extra_ctx.  On failure why says what is wrong and
   what is open is closed again by vd_server_close. */
VD_MUST_USE enum vd_err vd_server_open(struct vd_server *server, char *why, size_t why_size,
                                       const struct vd_serve_config *config,
                                       const struct vd_rpc_api_config *api,
                                       const struct vd_rpc_method *extra, size_t extra_count,
                                       void *extra_ctx);
/* Answers what is under way, then closes and calls closed.  Also for one that did not open. */
void vd_server_close(struct vd_server *server, void (*closed)(void *ctx), void *ctx);

#endif
