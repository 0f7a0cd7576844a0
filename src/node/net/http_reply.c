#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "http_internal.h"

void
vd_http_exchange_free(struct vd_http_exchange *exchange)
{
    if (exchange == NULL)
        return;
    vd_json_deinit(&exchange->answer);
    free(exchange->body);
    free(exchange->origin);
    free(exchange);
}

static const char *
status_text(int status)
{
    return http_status_str((enum http_status)status);
}

void
vd_http_finish(struct vd_http_exchange *exchange, int status, const char *type, const char *extra)
{
    VD_ASSERT(!exchange->answered);
    if (exchange->answer.err != VD_OK) {
        vd_json_clear(&exchange->answer);
        status = 500;
    }
    char cors[VD_HTTP_ORIGIN_MAX + 64] = "";
    if (exchange->origin != NULL)
        snprintf(cors, sizeof cors, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n",
                 exchange->origin);
    /* HTTP/1.0 clients that keep the connection want to be told so. */
    const char *connection = !exchange->keep_alive ? "Connection: close\r\n"
                             : exchange->http_1_0  ? "Connection: keep-alive\r\n"
                                                   : "";
    char content[128] = "";
    /* RFC 9110 8.6: no Content-Length with 204. */
    if (status != 204)
        snprintf(content, sizeof content, "Content-Type: %s\r\nContent-Length: %zu\r\n", type,
                 exchange->answer.len);
    int len = snprintf(exchange->head, sizeof exchange->head, "HTTP/1.1 %d %s\r\n%s%s%s%s\r\n",
                       status, status_text(status), content, cors, extra, connection);
    VD_ASSERT(len > 0 && (size_t)len < sizeof exchange->head);
    exchange->head_len = (size_t)len;
    if (exchange->head_only)
        vd_json_deinit(&exchange->answer);
    exchange->answered = true;
    struct vd_http_conn *conn = exchange->conn;
    if (conn == NULL) {
        vd_http_exchange_free(exchange);
        return;
    }
    conn->unsent += exchange->head_len + exchange->answer.len;
    vd_http_conn_mark(conn);
}

void
vd_http_finish_text(struct vd_http_exchange *exchange, int status, const char *text)
{
    if (exchange->conn != NULL && status >= 400)
        exchange->conn->server->stats.refused++;
    vd_json_clear(&exchange->answer);
    vd_json_bytes(&exchange->answer, text, strlen(text));
    vd_json_bytes(&exchange->answer, "\n", 1);
    vd_http_finish(exchange, status, "text/plain; charset=utf-8", "");
}

void
vd_http_answer(struct vd_http_exchange *exchange, int status, struct vd_json *body)
{
    vd_json_deinit(&exchange->answer);
    exchange->answer = *body;
    *body = (struct vd_json){.limit = body->limit};
    vd_http_finish(exchange, status, "application/json", "");
}

/* Whether the comma-separated list holds name, in either case, or "*". */
static bool
listed(const char *list, const char *name, size_t name_len)
{
    while (*list != '\0') {
        list += strspn(list, " ,");
        size_t len = strcspn(list, ",");
        size_t trimmed = len;
        while (trimmed > 0 && list[trimmed - 1] == ' ')
            trimmed--;
        if (trimmed == 1 && list[0] == '*')
            return true;
        if (trimmed == name_len && name_len != 0 && strncasecmp(list, name, name_len) == 0)
            return true;
        list += len;
    }
    return false;
}

bool
vd_http_origin_allowed(const struct vd_http_server *server, const char *origin)
{
    return server->cors != NULL && listed(server->cors, origin, strlen(origin));
}

/* geth's rule (node/rpcstack.go, virtualHostHandler): no host, an IP address, or a listed name.
   It keeps web pages from reaching the node through a name that they point at it. */
bool
vd_http_host_allowed(const struct vd_http_server *server, const char *host)
{
    char name[VD_HTTP_HOST_MAX];
    size_t len = strlen(host);
    if (len == 0)
        return true;
    VD_ASSERT(len < sizeof name);
    if (host[0] == '[') {
        host++;
        len = strcspn(host, "]");
    } else {
        const char *colon = strrchr(host, ':');
        if (colon != NULL && strchr(host, ':') == colon)
            len = (size_t)(colon - host);
    }
    memcpy(name, host, len);
    name[len] = '\0';
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(name, 0, &v4) == 0 || uv_ip6_addr(name, 0, &v6) == 0)
        return true;
    return listed(server->vhosts, name, len);
}
