/* Load on a JSON-RPC server: transfers signed beforehand, sent over keep-alive connections.  Counts
   what the server acknowledged, how long each request took, and the rate until all of them stood in
   blocks (0: they did not within a minute).

   Accounts are funded from the public development keys; each account stays on one connection, so
   its nonces arrive in order.  Without --rate every connection keeps --pipeline requests under way;
   with it, requests leave at fixed times and latency counts from the time a request was due. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "node/app/founding.h"
#include "transfers.h"

enum {
    MAX_CONNECTIONS = 256,
    MAX_PIPELINE = 4096,
    REPLY_BYTES = 1 << 20,
    FUNDERS = 8, /* the development accounts but the batcher's and one to spare */
    FUND_BATCH = 50,
    SIGNERS = 2,
    STALL_MS = 20000,
    SETTLE_S = 60,
};

struct options {
    uint16_t port;
    uint64_t chain_id;
    uint64_t accounts;
    uint64_t recipients; /* 0: the accounts themselves */
    uint64_t transfers;
    uint64_t connections;
    uint64_t batch; /* 1: single requests */
    uint64_t pipeline;
    uint64_t rate; /* transfers a second, 0: as fast as they are answered */
    const char *method;
};

struct request {
    char *bytes; /* HTTP and all */
    size_t len;
    uint64_t due_ns;
    uint64_t sent_ns;
};

struct connection {
    int fd;
    struct request *requests;
    size_t count;
    size_t queued;  /* handed to the socket's queue */
    size_t written; /* wholly written */
    size_t offset;  /* of requests[written] */
    size_t answered;
    char *reply;
    size_t reply_len;
};

struct load {
    struct options o;
    uint64_t family;
    struct connection connections[MAX_CONNECTIONS];
    uint64_t *latencies;
    size_t latency_count;
    uint64_t accepted;
    uint64_t refused;
    char first_error[300];
    uint64_t start_ns;
};

static void
die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *
must(void *memory)
{
    if (!memory) {
        die("memory");
    }
    return memory;
}

static uint64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int
connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        die("connect");
    }
    return fd;
}

/* --- requests --- */

struct body {
    char *bytes;
    size_t len;
    size_t size;
};

static void
append(struct body *body, const char *bytes, size_t len)
{
    if (body->len + len > body->size) {
        body->size = 2 * body->size + len;
        body->bytes = must(realloc(body->bytes, body->size));
    }
    memcpy(body->bytes + body->len, bytes, len);
    body->len += len;
}

static void
append_call(struct body *body, const char *method, const uint8_t *raw, size_t raw_len)
{
    char head[160];
    char hex[2 * TRANSFER_BYTES];
    int len = snprintf(head, sizeof head,
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[\"0x", method);
    append(body, head, (size_t)len);
    vd_hex_encode(hex, raw, raw_len);
    append(body, hex, 2 * raw_len);
    append(body, "\"]}", 3);
}

static struct request
finish_request(const struct body *body)
{
    char head[160];
    int len = snprintf(head, sizeof head,
                       "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n",
                       body->len);
    struct request request = {.len = (size_t)len + body->len};
    request.bytes = must(malloc(request.len));
    memcpy(request.bytes, head, (size_t)len);
    memcpy(request.bytes + len, body->bytes, body->len);
    return request;
}

/* --- replies --- */

static size_t
count_text(const char *bytes, size_t len, const char *text)
{
    size_t count = 0;
    size_t step = strlen(text);
    const char *end = bytes + len;
    for (const char *p = bytes; (p = memmem(p, (size_t)(end - p), text, step)) != NULL; p += step) {
        count++;
    }
    return count;
}

/* The length of the first whole reply in the buffer, its body in *body; 0: not all there. */
static size_t
whole_reply(const struct connection *c, const char **body, size_t *body_len)
{
    const char *end = memmem(c->reply, c->reply_len, "\r\n\r\n", 4);
    if (!end) {
        return 0;
    }
    const char *field = strcasestr(c->reply, "content-length:");
    if (!field || field > end) {
        errno = EPROTO;
        die("a reply without length");
    }
    *body = end + 4;
    *body_len = strtoull(field + 15, NULL, 10);
    size_t all = (size_t)(*body - c->reply) + *body_len;
    return all <= c->reply_len ? all : 0;
}

static void
count_reply(struct load *l, const char *body, size_t len)
{
    l->accepted += count_text(body, len, "\"result\":");
    size_t errors = count_text(body, len, "\"error\":");
    if (errors > 0 && l->refused == 0) {
        snprintf(l->first_error, sizeof l->first_error, "%.*s", (int)(len < 250 ? len : 250), body);
    }
    l->refused += errors;
}

static void
read_replies(struct load *l, struct connection *c)
{
    ssize_t got = read(c->fd, c->reply + c->reply_len, REPLY_BYTES - 1 - c->reply_len);
    if (got <= 0) {
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        die("the server closed a connection");
    }
    c->reply_len += (size_t)got;
    c->reply[c->reply_len] = '\0';
    uint64_t now = now_ns();
    const char *body = NULL;
    size_t body_len = 0;
    for (size_t all; (all = whole_reply(c, &body, &body_len)) > 0;) {
        const struct request *request = &c->requests[c->answered++];
        l->latencies[l->latency_count++] =
            now - (l->o.rate ? l->start_ns + request->due_ns : request->sent_ns);
        count_reply(l, body, body_len);
        memmove(c->reply, c->reply + all, c->reply_len - all);
        c->reply_len -= all;
        c->reply[c->reply_len] = '\0';
    }
}

/* --- the run --- */

static void
queue_due(const struct load *l, struct connection *c, uint64_t now)
{
    while (c->queued < c->count && c->queued - c->answered < l->o.pipeline &&
           (l->o.rate == 0 || l->start_ns + c->requests[c->queued].due_ns <= now)) {
        c->requests[c->queued++].sent_ns = now;
    }
}

static void
write_queued(struct connection *c)
{
    while (c->written < c->queued) {
        const struct request *request = &c->requests[c->written];
        ssize_t put = write(c->fd, request->bytes + c->offset, request->len - c->offset);
        if (put < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                return;
            }
            die("write");
        }
        c->offset += (size_t)put;
        if (c->offset < request->len) {
            return;
        }
        c->offset = 0;
        c->written++;
    }
}

static size_t
prepare_poll(struct load *l, struct pollfd polls[MAX_CONNECTIONS])
{
    size_t open = 0;
    uint64_t now = now_ns();
    for (size_t i = 0; i < l->o.connections; i++) {
        struct connection *c = &l->connections[i];
        queue_due(l, c, now);
        write_queued(c);
        polls[i] = (struct pollfd){.fd = c->answered < c->count ? c->fd : -1, .events = POLLIN};
        if (c->written < c->queued) {
            polls[i].events |= POLLOUT;
        }
        open += c->answered < c->count;
    }
    return open;
}

static void
run(struct load *l)
{
    struct pollfd polls[MAX_CONNECTIONS];
    l->start_ns = now_ns();
    uint64_t last = l->start_ns;
    while (prepare_poll(l, polls) > 0) {
        int ready = poll(polls, (nfds_t)l->o.connections, l->o.rate ? 1 : 100);
        uint64_t now = now_ns();
        if (ready > 0) {
            last = now;
        } else if (now - last > STALL_MS * (uint64_t)1000000) {
            errno = ETIMEDOUT;
            die("no answer");
        }
        for (size_t i = 0; i < l->o.connections; i++) {
            if (polls[i].revents & (POLLIN | POLLHUP | POLLERR)) {
                read_replies(l, &l->connections[i]);
            }
        }
    }
}

static void
open_connection(struct connection *c, uint16_t port)
{
    c->fd = connect_to(port);
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0) {
        die("fcntl");
    }
    c->reply = must(malloc(REPLY_BYTES));
}

/* --- accounts --- */

static struct vd_address
account_address(const struct load *l, uint64_t index)
{
    uint8_t key[32];
    struct vd_address address;
    transfer_key(key, l->family, index);
    if (vd_key_to_address(&address, key) != VD_OK) {
        abort();
    }
    return address;
}

static uint64_t
nonce_of(const struct vd_address *address, const char *tag, uint16_t port)
{
    char hex[41] = {0};
    char text[200];
    struct connection c = {0};
    vd_hex_encode(hex, address->b, 20);
    int len = snprintf(text, sizeof text,
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getTransactionCount\","
                       "\"params\":[\"0x%s\",\"%s\"]}",
                       hex, tag);
    struct body body = {.bytes = text, .len = (size_t)len};
    struct request request = finish_request(&body);
    c.fd = connect_to(port);
    c.reply = must(calloc(1, REPLY_BYTES));
    if (write(c.fd, request.bytes, request.len) != (ssize_t)request.len) {
        die("write");
    }
    const char *answer = NULL;
    size_t answer_len = 0;
    while (whole_reply(&c, &answer, &answer_len) == 0) {
        ssize_t got = read(c.fd, c.reply + c.reply_len, REPLY_BYTES - 1 - c.reply_len);
        if (got <= 0) {
            die("read");
        }
        c.reply_len += (size_t)got;
    }
    const char *result = strstr(answer, "\"result\":\"0x");
    uint64_t nonce = result ? strtoull(result + 12, NULL, 16) : 0;
    close(c.fd);
    free(c.reply);
    free(request.bytes);
    return nonce;
}

/* Two thirds of what the funders have at the start, shared out, 5 ETH at most. */
static struct vd_u256
fund_value(const struct load *l)
{
    uint64_t share_gwei = 50000000000000u / l->o.accounts;
    struct vd_u256 gwei = vd_u256(1000000000);
    struct vd_u256 count = vd_u256(share_gwei < 5000000000u ? share_gwei : 5000000000u);
    return vd_u256_mul(&gwei, &count);
}

static void
fund_requests(struct load *l, const secp256k1_context *context, size_t funder)
{
    struct connection *c = &l->connections[funder];
    struct transfer t = {.chain_id = l->o.chain_id,
                         .nonce = nonce_of(&vd_dev_accounts[funder].address, "pending", l->o.port),
                         .max_fee = 100000000000u,
                         .max_priority_fee = 1,
                         .value = fund_value(l)};
    struct body body = {0};
    size_t in_batch = 0;
    c->requests = must(calloc(l->o.accounts, sizeof *c->requests));
    for (uint64_t i = funder; i < l->o.accounts; i += FUNDERS) {
        uint8_t raw[TRANSFER_BYTES];
        t.to = account_address(l, i);
        size_t len = transfer_sign(raw, context, vd_dev_accounts[funder].key, &t);
        t.nonce++;
        append(&body, in_batch == 0 ? "[" : ",", 1);
        append_call(&body, "eth_sendRawTransaction", raw, len);
        if (++in_batch == FUND_BATCH || i + FUNDERS >= l->o.accounts) {
            append(&body, "]", 1);
            c->requests[c->count++] = finish_request(&body);
            body.len = 0;
            in_batch = 0;
        }
    }
    free(body.bytes);
}

static void
reset(struct load *l)
{
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *c = &l->connections[i];
        for (size_t j = 0; j < c->count; j++) {
            free(c->requests[j].bytes);
        }
        if (c->reply) {
            close(c->fd);
        }
        free(c->requests);
        free(c->reply);
        *c = (struct connection){0};
    }
    l->accepted = l->refused = 0;
    l->latency_count = 0;
}

static void
fund(struct load *l)
{
    struct options kept = l->o;
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    l->o.connections = FUNDERS;
    l->o.pipeline = 1;
    l->o.rate = 0;
    for (size_t i = 0; i < FUNDERS; i++) {
        fund_requests(l, context, i);
        open_connection(&l->connections[i], l->o.port);
    }
    run(l);
    if (l->accepted != l->o.accounts) {
        fprintf(stderr, "load: %llu of %llu accounts were funded: %s\n",
                (unsigned long long)l->accepted, (unsigned long long)l->o.accounts, l->first_error);
        exit(1);
    }
    reset(l);
    l->o = kept;
    secp256k1_context_destroy(context);
    sleep(2); /* the open block becomes a block */
}

/* --- the transfers --- */

struct signer {
    struct load *load;
    const struct vd_address *recipients;
    size_t recipient_count;
    size_t first;
    pthread_t thread;
};

/* Connection index sends for the accounts index, index + connections, ... in turn. */
static void
sign_for(const struct signer *s, const secp256k1_context *context, size_t index)
{
    struct load *l = s->load;
    struct connection *c = &l->connections[index];
    uint64_t per_connection = l->o.transfers / l->o.connections;
    uint64_t own = (l->o.accounts - index + l->o.connections - 1) / l->o.connections;
    struct body body = {0};
    c->requests = must(calloc(per_connection / l->o.batch + 1, sizeof *c->requests));
    for (uint64_t i = 0; i < per_connection; i++) {
        uint8_t key[32];
        uint8_t raw[TRANSFER_BYTES];
        uint64_t global = i * l->o.connections + index;
        struct transfer t = {.chain_id = l->o.chain_id,
                             .nonce = i / own,
                             .max_fee = 10000000000u,
                             .max_priority_fee = 1,
                             .to = s->recipients[(global * 7 + 1) % s->recipient_count],
                             .value = vd_u256(1)};
        transfer_key(key, l->family, index + i % own * l->o.connections);
        size_t len = transfer_sign(raw, context, key, &t);
        bool last = (i + 1) % l->o.batch == 0 || i + 1 == per_connection;
        if (l->o.batch > 1) {
            append(&body, body.len == 0 ? "[" : ",", 1);
        }
        append_call(&body, l->o.method, raw, len);
        if (last) {
            append(&body, "]", l->o.batch > 1 ? 1 : 0);
            c->requests[c->count] = finish_request(&body);
            if (l->o.rate) {
                /* Connections take turns, also with batches. */
                double before = (double)(c->count * l->o.connections + index) * (double)l->o.batch;
                c->requests[c->count].due_ns = (uint64_t)(before * 1e9 / (double)l->o.rate);
            }
            c->count++;
            body.len = 0;
        }
    }
    free(body.bytes);
}

static void *
sign_all(void *ctx)
{
    const struct signer *s = ctx;
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    for (size_t i = s->first; i < s->load->o.connections; i += SIGNERS) {
        sign_for(s, context, i);
    }
    secp256k1_context_destroy(context);
    return NULL;
}

static struct vd_address *
make_recipients(const struct load *l, size_t *count)
{
    *count = l->o.recipients ? l->o.recipients : l->o.accounts;
    struct vd_address *list = must(calloc(*count, sizeof *list));
    for (size_t i = 0; i < *count; i++) {
        if (l->o.recipients) {
            uint8_t key[32]; /* nobody needs the key of an account that only receives */
            transfer_key(key, ~l->family, i);
            memcpy(list[i].b, key, sizeof list[i].b);
        } else {
            list[i] = account_address(l, i);
        }
    }
    return list;
}

static void
sign_transfers(struct load *l)
{
    struct signer signers[SIGNERS];
    size_t count = 0;
    struct vd_address *recipients = make_recipients(l, &count);
    for (size_t i = 0; i < SIGNERS; i++) {
        signers[i] = (struct signer){
            .load = l, .recipients = recipients, .recipient_count = count, .first = i};
        if (pthread_create(&signers[i].thread, NULL, sign_all, &signers[i]) != 0) {
            die("thread");
        }
    }
    for (size_t i = 0; i < SIGNERS; i++) {
        pthread_join(signers[i].thread, NULL);
    }
    for (size_t i = 0; i < l->o.connections; i++) {
        open_connection(&l->connections[i], l->o.port);
    }
    free(recipients);
}

/* Waits until the last transfer of each connection stands in a block; false after a minute. */
static bool
settle(const struct load *l)
{
    uint64_t per_connection = l->o.transfers / l->o.connections;
    uint64_t end = now_ns() + SETTLE_S * (uint64_t)1000000000;
    for (size_t index = 0; index < l->o.connections; index++) {
        uint64_t own = (l->o.accounts - index + l->o.connections - 1) / l->o.connections;
        uint64_t last = per_connection - 1;
        struct vd_address address = account_address(l, index + last % own * l->o.connections);
        while (nonce_of(&address, "latest", l->o.port) <= last / own) {
            if (now_ns() > end) {
                return false;
            }
            usleep(20000);
        }
    }
    return true;
}

/* --- the figures --- */

static int
compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double
percentile_ms(const struct load *l, double share)
{
    if (l->latency_count == 0) {
        return 0;
    }
    size_t index = (size_t)(share * (double)(l->latency_count - 1));
    return (double)l->latencies[index] / 1e6;
}

static void
print_figures(struct load *l, double seconds, double included_seconds)
{
    qsort(l->latencies, l->latency_count, sizeof *l->latencies, compare_ns);
    printf("{\"acknowledged\":%llu,\"refused\":%llu,\"seconds\":%.3f,\"per_second\":%.0f,"
           "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"included_per_second\":%.0f}\n",
           (unsigned long long)l->accepted, (unsigned long long)l->refused, seconds,
           (double)l->accepted / seconds, percentile_ms(l, 0.5), percentile_ms(l, 0.99),
           percentile_ms(l, 1),
           included_seconds > 0 ? (double)l->accepted / included_seconds : 0.0);
    if (l->refused) {
        fprintf(stderr, "load: first refusal: %s\n", l->first_error);
    }
}

static void
usage(void)
{
    fprintf(stderr,
            "usage: load --port N [--chain 901] [--accounts 1000] [--recipients 0]\n"
            "            [--transfers 50000] [--connections 16] [--batch 1] [--pipeline 16]\n"
            "            [--rate 0] [--method eth_sendRawTransaction]\n");
    exit(2);
}

static void
read_options(struct options *o, int argc, char **argv)
{
    uint64_t port = 0;
    const struct {
        const char *name;
        uint64_t *value;
    } numbers[] = {{"--port", &port},
                   {"--chain", &o->chain_id},
                   {"--accounts", &o->accounts},
                   {"--recipients", &o->recipients},
                   {"--transfers", &o->transfers},
                   {"--connections", &o->connections},
                   {"--batch", &o->batch},
                   {"--pipeline", &o->pipeline},
                   {"--rate", &o->rate}};
    for (int i = 1; i + 1 < argc; i += 2) {
        size_t row = 0;
        while (row < sizeof numbers / sizeof numbers[0] && strcmp(argv[i], numbers[row].name)) {
            row++;
        }
        if (row < sizeof numbers / sizeof numbers[0]) {
            *numbers[row].value = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--method") == 0) {
            o->method = argv[i + 1];
        } else {
            usage();
        }
    }
    o->port = (uint16_t)port;
    if (argc % 2 == 0 || !port || !o->batch || !o->pipeline || o->pipeline > MAX_PIPELINE ||
        !o->connections || o->connections > MAX_CONNECTIONS || o->accounts < o->connections ||
        o->transfers < o->connections) {
        usage();
    }
}

int
main(int argc, char **argv)
{
    static struct load load = {.o = {.chain_id = 901,
                                     .accounts = 1000,
                                     .transfers = 50000,
                                     .connections = 16,
                                     .batch = 1,
                                     .pipeline = 16,
                                     .method = "eth_sendRawTransaction"}};
    struct load *l = &load;
    read_options(&l->o, argc, argv);
    if (getrandom(&l->family, sizeof l->family, 0) != (ssize_t)sizeof l->family) {
        die("random");
    }
    l->latencies =
        must(calloc(l->o.transfers + l->o.accounts + MAX_CONNECTIONS, sizeof *l->latencies));
    fund(l);
    sign_transfers(l);
    run(l);
    double seconds = (double)(now_ns() - l->start_ns) / 1e9;
    bool settled = l->refused == 0 && settle(l);
    print_figures(l, seconds, settled ? (double)(now_ns() - l->start_ns) / 1e9 : 0);
    reset(l);
    free(l->latencies);
    return 0;
}
