/* Bytes of a connection, cut at a place that the first byte says: every request that comes out is
   answered, and nothing is left over.  The parser runs inside a server whose connection was never
   opened: nothing is written, all else is real. */
#include <stdlib.h>

#include "node/net/http_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_post(void *ctx, struct vd_http_exchange *exchange, struct vd_slice body)
{
    struct vd_json answer;
    (void)ctx;
    vd_json_init(&answer, 1 << 20);
    vd_json_bytes(&answer, body.ptr, body.len);
    vd_http_answer(exchange, 200, &answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uv_loop_t loop;
    static bool is_ready;
    static char vhosts[] = "localhost";
    static char cors[] = "http://good.example";
    if (!is_ready)
        is_ready = uv_loop_init(&loop) == 0;
    struct vd_http_server server = {.loop = &loop,
                                    .vhosts = vhosts,
                                    .cors = cors,
                                    .limits = VD_HTTP_DEFAULT_LIMITS,
                                    .post = on_post};
    server.limits.max_body_bytes = 1000;
    server.limits.max_header_bytes = 500;
    struct vd_http_conn *conn = calloc(1, sizeof *conn);
    /* Nothing goes out: it is marked already but in no list, and seems to be writing. */
    conn->dirty = true;
    conn->writing = true;
    conn->server = &server;
    vd_http_conn_parser_init(conn);
    size_t cut = size == 0 ? 0 : data[0] % size;
    vd_http_conn_input(conn, data, cut);
    vd_http_conn_input(conn, data + cut, size - cut);
    VD_ASSERT(conn->state != VD_CONN_CLOSED);
    while (conn->first != NULL) {
        struct vd_http_exchange *next = conn->first->next;
        VD_ASSERT(conn->first->answered || conn->first == conn->in);
        vd_http_exchange_free(conn->first);
        conn->first = next;
    }
    free(conn->stash);
    free(conn);
    return 0;
}
