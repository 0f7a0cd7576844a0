/* A small HTTP(S) server on a thread of its own, and the certificates for it, made in the test:
   each connection brings one request, whose body an answer function turns into a response. */
#ifndef VIADUCT_TESTS_UNIT_NODE_L1_TLS_SERVER_H
#define VIADUCT_TESTS_UNIT_NODE_L1_TLS_SERVER_H

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- certificates --- */

struct identity {
    X509 *cert;
    EVP_PKEY *key;
};

static inline void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

/* A certificate for an hour, signed by issuer (NULL: by itself, and it may sign others).  names are
   the server's, such as "IP:127.0.0.1". */
static inline struct identity
identity_new(const char *name, const struct identity *issuer, const char *names)
{
    static long serial;
    struct identity id = {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
    assert_true(id.cert != NULL && id.key != NULL);
    X509 *signer = issuer == NULL ? id.cert : issuer->cert;
    X509_set_version(id.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(id.cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(id.cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(id.cert), 3600);
    X509_set_pubkey(id.cert, id.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(id.cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(id.cert, X509_get_subject_name(signer));
    if (issuer == NULL)
        add_extension(id.cert, signer, NID_basic_constraints, "critical,CA:TRUE");
    if (names != NULL)
        add_extension(id.cert, signer, NID_subject_alt_name, names);
    assert_true(X509_sign(id.cert, issuer == NULL ? id.key : issuer->key, EVP_sha256()) > 0);
    return id;
}

static inline void
identity_free(struct identity *id)
{
    X509_free(id->cert);
    EVP_PKEY_free(id->key);
}

/* Either may be NULL. */
static inline void
identity_write(const struct identity *id, const char *cert_path, const char *key_path)
{
    FILE *file;
    if (cert_path != NULL) {
        file = fopen(cert_path, "w");
        assert_true(file != NULL && PEM_write_X509(file, id->cert) == 1);
        fclose(file);
    }
    if (key_path != NULL) {
        file = fopen(key_path, "w");
        assert_true(file != NULL &&
                    PEM_write_PrivateKey(file, id->key, NULL, NULL, 0, NULL, NULL) == 1);
        fclose(file);
    }
}

/* --- the server --- */

struct tls_server;
/* The whole response, malloc'd; NULL: the connection stays open without one until the client ends
   it. */
typedef char *(*tls_answer_fn)(void *ctx, const char *body);

struct tls_server {
    pthread_t thread;
    int fd;
    uint16_t port;
    int stop[2];
    SSL_CTX *tls; /* NULL: plain HTTP */
    tls_answer_fn answer;
    void *ctx;
    atomic_uint answered;
};

struct tls_connection {
    int fd;
    SSL *ssl;
};

static inline int
connection_read(struct tls_connection *c, char *out, size_t len)
{
    return c->ssl != NULL ? SSL_read(c->ssl, out, (int)len) : (int)read(c->fd, out, len);
}

static inline void
connection_write(struct tls_connection *c, const char *text)
{
    int n = c->ssl != NULL ? SSL_write(c->ssl, text, (int)strlen(text))
                           : (int)send(c->fd, text, strlen(text), MSG_NOSIGNAL);
    (void)n; /* the client may have gone */
}

/* One request into text; its body, or NULL. */
static inline char *
read_request(struct tls_connection *c, char *text, size_t size)
{
    size_t len = 0;
    for (;;) {
        int n = connection_read(c, text + len, size - 1 - len);
        if (n <= 0)
            return NULL;
        len += (size_t)n;
        text[len] = '\0';
        char *body = strstr(text, "\r\n\r\n");
        char *length = strcasestr(text, "content-length:");
        if (body != NULL && length != NULL && strlen(body + 4) >= strtoul(length + 15, NULL, 10))
            return body + 4;
    }
}

static inline void
serve(struct tls_server *s, int fd)
{
    size_t size = 1 << 20;
    char *text = malloc(size);
    struct tls_connection c = {.fd = fd};
    bool open = true;
    if (s->tls != NULL) {
        c.ssl = SSL_new(s->tls);
        SSL_set_fd(c.ssl, fd);
        open = SSL_accept(c.ssl) == 1;
    }
    char *body = open ? read_request(&c, text, size) : NULL;
    if (body != NULL) {
        char *response = s->answer(s->ctx, body);
        atomic_fetch_add(&s->answered, 1);
        if (response != NULL)
            connection_write(&c, response);
        else
            while (connection_read(&c, text, size) > 0) {
            }
        free(response);
    }
    if (c.ssl != NULL) {
        if (open)
            SSL_shutdown(c.ssl);
        SSL_free(c.ssl);
    }
    close(fd);
    free(text);
}

static inline void *
server_run(void *ctx)
{
    struct tls_server *s = ctx;
    for (;;) {
        struct pollfd wait[2] = {{.fd = s->fd, .events = POLLIN},
                                 {.fd = s->stop[0], .events = POLLIN}};
        poll(wait, 2, -1);
        if (wait[1].revents != 0)
            return NULL;
        int fd = accept(s->fd, NULL, NULL);
        if (fd >= 0)
            serve(s, fd);
    }
}

/* With own NULL it serves plain HTTP; with client_ca it wants a certificate signed by that. */
static inline void
tls_server_start(struct tls_server *s, const struct identity *own, const struct identity *client_ca,
                 tls_answer_fn answer, void *ctx)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *s = (struct tls_server){.answer = answer, .ctx = ctx};
    if (own != NULL) {
        s->tls = SSL_CTX_new(TLS_server_method());
        assert_true(SSL_CTX_use_certificate(s->tls, own->cert) == 1);
        assert_true(SSL_CTX_use_PrivateKey(s->tls, own->key) == 1);
    }
    if (client_ca != NULL) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(s->tls), client_ca->cert);
        SSL_CTX_set_verify(s->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    getsockname(s->fd, (struct sockaddr *)&address, &len);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

static inline void
tls_server_stop(struct tls_server *s)
{
    assert_int_equal(write(s->stop[1], "x", 1), 1);
    pthread_join(s->thread, NULL);
    close(s->stop[0]);
    close(s->stop[1]);
    close(s->fd);
    SSL_CTX_free(s->tls);
}

#endif
