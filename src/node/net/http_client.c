/* libcurl's multi interface driven by libuv: curl says which sockets it waits for and when it wants
   to be woken; libuv watches them (curl's documentation of CURLMOPT_SOCKETFUNCTION and
   CURLMOPT_TIMERFUNCTION). */
#include "viaduct/node/net/http_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct request {
    struct request *next;
    struct request *prev;
    struct vd_http_client *client;
    CURL *easy;
    bool is_running;
    uint8_t *body;
    size_t body_len;
    uint8_t *answer;
    size_t answer_len;
    size_t answer_cap;
    enum vd_err write_err; /* why the answer was cut off */
    vd_http_result_fn fn;
    void *ctx;
    char error[CURL_ERROR_SIZE];
};

struct list {
    struct request *first;
    struct request *last;
    uint32_t count;
};

/* One socket that curl waits for. */
struct watch {
    uv_poll_t poll;
    struct vd_http_client *client;
    curl_socket_t fd;
};

struct vd_http_client {
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    struct curl_slist *headers;
    struct vd_http_client_config config; /* its texts are owned */
    struct list running;
    struct list waiting;
    uint32_t handles; /* open uv handles */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void
list_add(struct list *list, struct request *request)
{
    request->next = NULL;
    request->prev = list->last;
    if (list->last != NULL)
        list->last->next = request;
    else
        list->first = request;
    list->last = request;
    list->count++;
}

static void
list_remove(struct list *list, struct request *request)
{
    if (request->prev != NULL)
        request->prev->next = request->next;
    else
        list->first = request->next;
    if (request->next != NULL)
        request->next->prev = request->prev;
    else
        list->last = request->prev;
    list->count--;
}

/* --- the end of a request --- */

/* Reports the result and frees the request, which is in no list any more. */
static void
finish(struct request *request, enum vd_err err, int status, const char *detail)
{
    struct vd_http_result result = {
        .err = err,
        .status = status,
        .detail = detail,
        .body = vd_slice(request->answer, request->answer_len),
    };
    uint8_t *answer = request->answer;
    request->fn(request->ctx, &result, &answer);
    free(answer);
    free(request->body);
    free(request);
}

static void
detach(struct request *request)
{
    struct vd_http_client *client = request->client;
    list_remove(request->is_running ? &client->running : &client->waiting, request);
    if (request->is_running)
        curl_multi_remove_handle(client->multi, request->easy);
    curl_easy_cleanup(request->easy);
}

static enum vd_err
error_of(const struct request *request, CURLcode code)
{
    if (request->write_err != VD_OK)
        return request->write_err;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return VD_ERR_TIMEOUT;
    return code == CURLE_OUT_OF_MEMORY ? VD_ERR_NO_MEMORY : VD_ERR_IO;
}

/* Takes " after 12 ms" out: the same failure has the same text, for those who tell each once. */
static void
drop_duration(char *text)
{
    char *at = strstr(text, " after ");
    size_t digits = at != NULL ? strspn(at + 7, "0123456789") : 0;
    if (digits > 0 && strncmp(at + 7 + digits, " ms", 3) == 0) {
        char *rest = at + 7 + digits + 3;
        memmove(at, rest, strlen(rest) + 1);
    }
}

static void
complete(struct request *request, CURLcode code)
{
    long status = 0;
    char detail[CURL_ERROR_SIZE + 32] = "";
    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    enum vd_err err = VD_OK;
    if (code != CURLE_OK) {
        err = error_of(request, code);
        const char *text = request->error[0] != '\0' ? request->error : curl_easy_strerror(code);
        snprintf(detail, sizeof detail, "%s",
                 err == VD_ERR_TOO_LARGE ? "the answer is over the limit" : text);
        drop_duration(detail);
    } else if (status != 200) {
        err = VD_ERR_REFUSED;
        snprintf(detail, sizeof detail, "HTTP status %ld", status);
    }
    detach(request);
    finish(request, err, (int)status, detail);
}

static void start_waiting(struct vd_http_client *client);

static void
take_messages(struct vd_http_client *client)
{
    CURLMsg *message;
    int left;
    while (!client->closing && (message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct request *request;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
        complete(request, message->data.result);
    }
    if (!client->closing)
        start_waiting(client);
}

/* --- curl's callbacks --- */

static size_t
on_data(char *bytes, size_t size, size_t count, void *ctx)
{
    struct request *request = ctx;
    size_t len = size * count;
    if (len > request->client->config.max_response_bytes - request->answer_len) {
        request->write_err = VD_ERR_TOO_LARGE;
        return 0;
    }
    if (request->answer_len + len > request->answer_cap) {
        size_t cap = request->answer_cap == 0 ? 4096 : 2 * request->answer_cap;
        while (cap < request->answer_len + len)
            cap *= 2;
        uint8_t *answer = realloc(request->answer, cap);
        if (answer == NULL) {
            request->write_err = VD_ERR_NO_MEMORY;
            return 0;
        }
        request->answer = answer;
        request->answer_cap = cap;
    }
    memcpy(request->answer + request->answer_len, bytes, len);
    request->answer_len += len;
    return len;
}

static void client_free(struct vd_http_client *client);

static void
free_if_closed(struct vd_http_client *client)
{
    if (!client->closing || client->handles != 0)
        return;
    void (*closed)(void *ctx) = client->closed;
    void *ctx = client->closed_ctx;
    client_free(client);
    if (closed != NULL)
        closed(ctx);
}

static void
on_watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    struct vd_http_client *client = watch->client;
    free(watch);
    client->handles--;
    free_if_closed(client);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    struct vd_http_client *client = watch->client;
    int running;
    /* On an error of the socket curl is to read and write and so find out which: a server that ends
       the connection may have said why just before, as TLS does when it wants a certificate. */
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE;
    int flags = (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(client->multi, watch->fd, flags, &running);
    take_messages(client);
}

static struct watch *
watch_new(struct vd_http_client *client, curl_socket_t fd)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    if (uv_poll_init_socket(client->loop, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->client = client;
    watch->fd = fd;
    client->handles++;
    curl_multi_assign(client->multi, fd, watch);
    return watch;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    (void)easy;
    struct watch *watch = socket_ctx;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            curl_multi_assign(watch->client->multi, fd, NULL);
            uv_poll_stop(&watch->poll);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (watch == NULL)
        watch = watch_new(ctx, fd);
    if (watch == NULL)
        return -1;
    int events = (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
    events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
    return uv_poll_start(&watch->poll, events, on_poll) == 0 ? 0 : -1;
}

static void
on_timeout(uv_timer_t *timer)
{
    struct vd_http_client *client = timer->data;
    int running;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_messages(client);
}

static int
on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct vd_http_client *client = ctx;
    if (client->closing)
        return 0;
    if (timeout_ms < 0) {
        uv_timer_stop(&client->timer);
    } else {
        /* The loop's clock stands still during a callback: after a long one the timer would fire
           before its time, and curl, which reads the clock, would find nothing due. */
        uv_update_time(client->timer.loop);
        uv_timer_start(&client->timer, on_timeout, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

/* --- starting --- */

/* curl trusts the system's folder of certificates beside a given file unless it is told not to. */
static bool
set_tls(CURL *easy, const struct vd_http_client_config *config)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (code == CURLE_OK && config->ca_file != NULL)
        code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (code == CURLE_OK && config->ca_file != NULL)
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file);
    if (code == CURLE_OK && config->client_cert_file != NULL)
        code = curl_easy_setopt(easy, CURLOPT_SSLCERT, config->client_cert_file);
    if (code == CURLE_OK && config->client_key_file != NULL)
        code = curl_easy_setopt(easy, CURLOPT_SSLKEY, config->client_key_file);
    return code == CURLE_OK;
}

static CURL *
easy_new(struct request *request)
{
    struct vd_http_client *client = request->client;
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_URL, client->config.url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "localhost,127.0.0.0/8,::1");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)client->config.timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)client->config.connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    if (!set_tls(easy, &client->config)) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    return easy;
}

/* Hands waiting requests to curl, which begins with them from its timer. */
static void
start_waiting(struct vd_http_client *client)
{
    while (client->waiting.first != NULL && client->running.count < client->config.max_concurrent) {
        struct request *request = client->waiting.first;
        list_remove(&client->waiting, request);
        request->is_running = true;
        list_add(&client->running, request);
        curl_multi_add_handle(client->multi, request->easy);
    }
}

enum vd_err
vd_http_client_post(struct vd_http_client *client, struct vd_slice body, vd_http_result_fn fn,
                    void *ctx)
{
    if (client->closing)
        return VD_ERR_CLOSED;
    if (client->waiting.count >= client->config.max_queued)
        return VD_ERR_BUSY;
    struct request *request = calloc(1, sizeof *request);
    uint8_t *copy = malloc(body.len + 1);
    if (request == NULL || copy == NULL) {
        free(request);
        free(copy);
        return VD_ERR_NO_MEMORY;
    }
    memcpy(copy, body.ptr, body.len);
    request->client = client;
    request->body = copy;
    request->body_len = body.len;
    request->fn = fn;
    request->ctx = ctx;
    request->easy = easy_new(request);
    if (request->easy == NULL) {
        free(request);
        free(copy);
        return VD_ERR_NO_MEMORY;
    }
    list_add(&client->waiting, request);
    start_waiting(client);
    return VD_OK;
}

/* --- URLs --- */

static bool
is_loopback(const char *host)
{
    unsigned a, b, c, d;
    char rest;
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return sscanf(host, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest) == 4 && a == 127 && b < 256 &&
           c < 256 && d < 256;
}

/* curl's own parser takes it apart, so that what is checked here is where curl connects to. */
static enum vd_err
read_parts(struct vd_http_url *out, CURLU *parsed)
{
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    enum vd_err err = VD_ERR_INVALID;
    if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) && host[0] != '\0') {
        *out = (struct vd_http_url){.is_https = strcmp(scheme, "https") == 0,
                                    .is_loopback = is_loopback(host)};
        snprintf(out->address, sizeof out->address, "%s://%s:%s", scheme, host, port);
        err = VD_OK;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return err;
}

enum vd_err
vd_http_url_read(struct vd_http_url *out, const char *text)
{
    CURLU *parsed = curl_url();
    if (parsed == NULL)
        return VD_ERR_NO_MEMORY;
    enum vd_err err = curl_url_set(parsed, CURLUPART_URL, text, 0) == CURLUE_OK
                          ? read_parts(out, parsed)
                          : VD_ERR_INVALID;
    curl_url_cleanup(parsed);
    return err;
}

/* --- the client --- */

static void
set_defaults(struct vd_http_client_config *config)
{
    if (config->max_concurrent == 0)
        config->max_concurrent = 16;
    if (config->max_queued == 0)
        config->max_queued = 1024;
    if (config->timeout_ms == 0)
        config->timeout_ms = 30000;
    if (config->connect_timeout_ms == 0)
        config->connect_timeout_ms = 5000;
    if (config->max_response_bytes == 0)
        config->max_response_bytes = (size_t)256 * 1024 * 1024;
}

static bool
copy_text(const char **out, const char *text)
{
    *out = text == NULL ? NULL : strdup(text);
    return text == NULL || *out != NULL;
}

static bool
copy_config(struct vd_http_client_config *out, const struct vd_http_client_config *config)
{
    *out = *config;
    set_defaults(out);
    /* Each is set, so that a failure leaves nothing of the caller's to be freed. */
    bool ok = copy_text(&out->url, config->url);
    ok &= copy_text(&out->ca_file, config->ca_file);
    ok &= copy_text(&out->client_cert_file, config->client_cert_file);
    ok &= copy_text(&out->client_key_file, config->client_key_file);
    return ok;
}

/* All but the loop's handles. */
static void
client_free(struct vd_http_client *client)
{
    curl_slist_free_all(client->headers);
    free((char *)(uintptr_t)client->config.url);
    free((char *)(uintptr_t)client->config.ca_file);
    free((char *)(uintptr_t)client->config.client_cert_file);
    free((char *)(uintptr_t)client->config.client_key_file);
    free(client);
    curl_global_cleanup();
}

enum vd_err
vd_http_client_new(struct vd_http_client **out, uv_loop_t *loop,
                   const struct vd_http_client_config *config)
{
    struct vd_http_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return VD_ERR_NO_MEMORY;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(client);
        return VD_ERR_NO_MEMORY;
    }
    bool copied = copy_config(&client->config, config);
    CURLM *multi = curl_multi_init();
    /* Without "Expect:" curl asks before it sends a body and waits for the answer. */
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    client->headers = headers;
    headers = headers == NULL ? NULL : curl_slist_append(headers, "Expect:");
    if (!copied || multi == NULL || headers == NULL) {
        curl_multi_cleanup(multi);
        client_free(client);
        return VD_ERR_NO_MEMORY;
    }
    client->loop = loop;
    client->multi = multi;
    uv_timer_init(loop, &client->timer);
    client->timer.data = client;
    client->handles = 1;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
    *out = client;
    return VD_OK;
}

static void
on_timer_closed(uv_handle_t *handle)
{
    struct vd_http_client *client = handle->data;
    client->handles--;
    free_if_closed(client);
}

static void
end_all(struct list *list)
{
    while (list->first != NULL) {
        struct request *request = list->first;
        detach(request);
        finish(request, VD_ERR_CLOSED, 0, "the client is closing");
    }
}

void
vd_http_client_close(struct vd_http_client *client, void (*closed)(void *ctx), void *ctx)
{
    VD_ASSERT(!client->closing);
    client->closing = true;
    client->closed = closed;
    client->closed_ctx = ctx;
    end_all(&client->running);
    end_all(&client->waiting);
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
    /* Closes idle connections, whose watches are then removed by on_socket. */
    curl_multi_cleanup(client->multi);
}
