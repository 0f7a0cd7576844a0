#include "serve.h"

#include <stdio.h>

/* Requests under way get so long to be answered at the end. */
#define GRACE_MS 500u

static enum vd_err
listen_on(struct vd_server *s, char *why, size_t why_size, const struct vd_serve_config *config)
{
    struct vd_http_route routes[] = {
        {.path = "/metrics", .page = vd_rpc_page_metrics, .ctx = s->api},
        {.path = "/healthz", .page = vd_rpc_page_healthz, .ctx = s->api},
        {.path = "/readyz", .page = vd_rpc_page_readyz, .ctx = s->api},
    };
    struct vd_http_config http = {.host = config->host,
                                  .port = config->port,
                                  .cors = config->cors,
                                  .vhosts = config->vhosts,
                                  .limits = {.max_body_bytes = config->max_body_bytes,
                                             .max_connections = config->max_connections},
                                  .routes = routes,
                                  .route_count = sizeof routes / sizeof routes[0],
                                  .post = vd_rpc_http,
                                  .post_ctx = s->rpc};
    const char *detail = NULL;
    enum vd_err err = vd_http_server_new(&s->http, &detail, config->loop, &http);
    if (err == VD_ERR_EXISTS) {
        snprintf(why, why_size, "port %u on %s is taken; choose another one",
                 (unsigned)config->port, config->host);
    } else if (err != VD_OK) {
        snprintf(why, why_size, "cannot listen on %s port %u: %s", config->host,
                 (unsigned)config->port, detail ? detail : vd_err_text(err));
    }
    return err;
}

enum vd_err
vd_server_open(struct vd_server *s, char *why, size_t why_size,
               const struct vd_serve_config *config, const struct vd_rpc_api_config *api,
               const struct vd_rpc_method *extra, size_t extra_count, void *extra_ctx)
{
    struct vd_rpc_limits limits = {.max_batch = config->max_batch};
    enum vd_err err = vd_rpc_new(&s->rpc, config->loop, config->pool, &limits);
    if (err == VD_OK) {
        err = vd_rpc_api_new(&s->api, api);
    }
    if (err == VD_OK) {
        err = vd_rpc_api_add(s->api, s->rpc);
    }
    if (err == VD_OK && extra_count > 0) {
        err = vd_rpc_add(s->rpc, extra, extra_count, extra_ctx);
    }
    if (err != VD_OK) {
        snprintf(why, why_size, "cannot start JSON-RPC: %s", vd_err_text(err));
        return err;
    }
    return listen_on(s, why, why_size, config);
}

static void
on_rpc_closed(void *ctx)
{
    struct vd_server *s = ctx;
    s->rpc = NULL;
    vd_rpc_api_free(s->api);
    s->api = NULL;
    s->closed(s->closed_ctx);
}

static void
on_http_closed(void *ctx)
{
    struct vd_server *s = ctx;
    s->http = NULL;
    if (s->rpc) {
        vd_rpc_close(s->rpc, on_rpc_closed, s);
    } else {
        on_rpc_closed(s);
    }
}

void
vd_server_close(struct vd_server *s, void (*closed)(void *ctx), void *ctx)
{
    s->closed = closed;
    s->closed_ctx = ctx;
    if (s->http) {
        vd_http_server_close(s->http, GRACE_MS, on_http_closed, s);
    } else {
        on_http_closed(s);
    }
}
