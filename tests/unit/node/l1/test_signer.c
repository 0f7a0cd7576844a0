/* Signers: by a key, and remote ones as a server of the test answers them, rightly and otherwise.
 */
#define _GNU_SOURCE /* strcasestr */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "tls_server.h"
#include "viaduct/core/chain/tx.h"
#include "viaduct/node/l1/key.h"
#include "viaduct/node/l1/signer.h"
#include "viaduct/node/l1/tx_manager.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/pool.h"

static const uint8_t own_secret[32] = {[0] = 7, [31] = 1};
static const uint8_t other_secret[32] = {[0] = 7, [31] = 2};
#define CHAIN_ID 900u

static uint8_t calldata[5000];

static struct vd_txm_unsigned
transaction(void)
{
    for (size_t i = 0; i < sizeof calldata; i++)
        calldata[i] = (uint8_t)(i * 31);
    return (struct vd_txm_unsigned){.nonce = 300,
                                    .max_priority_fee = vd_u256(1500000000),
                                    .max_fee = vd_u256(90000000000),
                                    .gas_limit = 210000,
                                    .to = {{0xff, [19] = 0x42}},
                                    .value = {{0, 5, 0, 0}}, /* above 64 bits */
                                    .data = vd_slice(calldata, sizeof calldata)};
}

/* --- the one who asks --- */

struct outcome {
    unsigned calls;
    enum vd_err err;
    char text[1024];
    uint8_t raw[8192];
    size_t raw_len;
};

struct world {
    uv_loop_t loop;
    struct vd_pool *pool;
    struct vd_signer *signer;
    struct vd_txm_unsigned tx;
    struct outcome outcome;
};

static void
world_start(struct world *w)
{
    memset(w, 0, sizeof *w);
    uv_loop_init(&w->loop);
    assert_int_equal(vd_pool_new(&w->pool, &w->loop, 2), VD_OK);
    w->tx = transaction();
}

static void
on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

static void
close_signer(struct world *w)
{
    bool closed = false;
    vd_signer_close(w->signer, on_closed, &closed);
    w->signer = NULL;
    assert_false(closed); /* never inside the call */
    while (!closed)
        uv_run(&w->loop, UV_RUN_ONCE);
}

static void
world_stop(struct world *w)
{
    if (w->signer != NULL)
        close_signer(w);
    vd_pool_close(w->pool, NULL, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void
on_signed(void *ctx, enum vd_err err, const char *text, struct vd_slice raw)
{
    struct outcome *o = ctx;
    o->calls++;
    o->err = err;
    snprintf(o->text, sizeof o->text, "%s", text);
    assert_true(raw.len <= sizeof o->raw);
    if (raw.len != 0)
        memcpy(o->raw, raw.ptr, raw.len);
    o->raw_len = raw.len;
    assert_true((err == VD_OK) == (text[0] == '\0'));
    assert_true((err == VD_OK) == (raw.len != 0));
}

static enum vd_err
sign(struct world *w)
{
    w->outcome = (struct outcome){0};
    vd_signer_sign(w->signer, CHAIN_ID, &w->tx, on_signed, &w->outcome);
    assert_int_equal(w->outcome.calls, 0); /* never inside the call */
    while (w->outcome.calls == 0)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(w->outcome.calls, 1);
    return w->outcome.err;
}

/* What was signed is the transaction asked for, by the key's account. */
static void
check_raw(const struct world *w)
{
    static uint8_t memory[65536];
    struct vd_arena arena;
    struct vd_tx tx;
    struct vd_address sender;
    struct vd_address want;
    const char *reason = "";
    bool valid = false;
    vd_arena_init(&arena, memory, sizeof memory);
    struct vd_slice raw = vd_slice(w->outcome.raw, w->outcome.raw_len);
    if (vd_tx_decode(&tx, &reason, &arena, raw) != VD_OK)
        fail_msg("%s", reason);
    assert_int_equal(tx.type, VD_TX_DYNAMIC_FEE);
    assert_int_equal(tx.chain_id, CHAIN_ID);
    assert_int_equal(tx.nonce, w->tx.nonce);
    assert_int_equal(tx.gas_limit, w->tx.gas_limit);
    assert_true(vd_u256_eq(&tx.max_fee, &w->tx.max_fee));
    assert_true(vd_u256_eq(&tx.max_priority_fee, &w->tx.max_priority_fee));
    assert_true(vd_u256_eq(&tx.value, &w->tx.value));
    assert_true(vd_address_eq(&tx.to, &w->tx.to));
    assert_true(vd_slice_eq(tx.data, w->tx.data));
    assert_int_equal(vd_tx_sender(&sender, &valid, &tx, vd_curves_host(), &arena), VD_OK);
    assert_int_equal(vd_key_to_address(&want, own_secret), VD_OK);
    assert_true(valid && vd_address_eq(&sender, &want));
}

static void
test_a_key_signs_what_it_is_asked_to(void **state)
{
    (void)state;
    struct world w;
    struct vd_key *key;
    world_start(&w);
    assert_int_equal(vd_key_from_bytes(&key, own_secret), VD_OK);
    assert_int_equal(vd_signer_local(&w.signer, &w.loop, w.pool, key), VD_OK);
    assert_int_equal(sign(&w), VD_OK);
    check_raw(&w);
    w.tx.data = vd_slice(NULL, 0);
    assert_int_equal(sign(&w), VD_OK);
    check_raw(&w);
    /* What is under way at the close is answered, once. */
    w.outcome = (struct outcome){0};
    vd_signer_sign(w.signer, CHAIN_ID, &w.tx, on_signed, &w.outcome);
    world_stop(&w);
    assert_int_equal(w.outcome.calls, 1);
    assert_int_equal(w.outcome.err, VD_ERR_CLOSED);
}

/* --- the remote signer --- */

/* What it does wrong. */
enum fault {
    NONE,
    NONE_AS_OBJECT, /* geth's and clef's form of a right answer */
    OTHER_CHAIN,
    OTHER_NONCE,
    OTHER_TIP,
    OTHER_FEE,
    OTHER_GAS,
    OTHER_RECIPIENT,
    NO_RECIPIENT,
    OTHER_VALUE,
    OTHER_DATA,
    SHORTER_DATA,
    ACCESS_LIST,
    LEGACY,
    OTHER_KEY,
    HIGH_S,
    OTHER_PARITY,
    TRUNCATED,
    TRAILING,
    UNSIGNED,
};

struct remote {
    enum fault fault;
    const char *response; /* instead of a signature; NULL: sign */
    bool silent;
};

static struct vd_u256
number_of(const json_t *params, const char *key)
{
    uint8_t bytes[32] = {0};
    char digits[64];
    const char *text = json_string_value(json_object_get(params, key));
    size_t len = strlen(text + 2);
    memset(digits, '0', sizeof digits);
    memcpy(digits + 64 - len, text + 2, len);
    assert_int_equal(vd_hex_decode(bytes, 32, digits, 64), VD_OK);
    return vd_u256_from_be(bytes);
}

/* The transaction that the request states, as web3signer and op-signer read it. */
static struct vd_tx
requested(const json_t *params, uint8_t *data)
{
    struct vd_address from;
    struct vd_address want;
    const char *text = json_string_value(json_object_get(params, "data"));
    const char *input = json_string_value(json_object_get(params, "input"));
    const char *sender = json_string_value(json_object_get(params, "from"));
    const char *to = json_string_value(json_object_get(params, "to"));
    size_t len = strlen(text + 2) / 2;
    assert_string_equal(text, input);
    assert_int_equal(vd_hex_decode(data, len, text + 2, 2 * len), VD_OK);
    assert_int_equal(vd_hex_decode(from.b, 20, sender + 2, 40), VD_OK);
    assert_int_equal(vd_key_to_address(&want, own_secret), VD_OK);
    assert_true(vd_address_eq(&from, &want));
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                       .has_chain_id = true,
                       .chain_id = number_of(params, "chainId").w[0],
                       .nonce = number_of(params, "nonce").w[0],
                       .max_priority_fee = number_of(params, "maxPriorityFeePerGas"),
                       .max_fee = number_of(params, "maxFeePerGas"),
                       .gas_limit = number_of(params, "gas").w[0],
                       .value = number_of(params, "value"),
                       .data = vd_slice(data, len)};
    assert_int_equal(vd_hex_decode(tx.to.b, 20, to + 2, 40), VD_OK);
    return tx;
}

static void
spoil(struct vd_tx *tx, uint8_t *data, enum fault fault)
{
    static const struct vd_access access = {.address = {{1}}};
    tx->chain_id += fault == OTHER_CHAIN;
    tx->nonce += fault == OTHER_NONCE;
    tx->max_priority_fee.w[0] += fault == OTHER_TIP;
    tx->max_fee.w[0] += fault == OTHER_FEE;
    tx->gas_limit += fault == OTHER_GAS;
    tx->to.b[19] ^= fault == OTHER_RECIPIENT;
    tx->is_create = fault == NO_RECIPIENT;
    tx->value.w[3] += fault == OTHER_VALUE;
    if (fault == OTHER_DATA)
        data[tx->data.len - 1] ^= 1;
    tx->data.len -= fault == SHORTER_DATA;
    if (fault == ACCESS_LIST) {
        tx->accesses = &access;
        tx->access_count = 1;
    }
    if (fault == LEGACY)
        tx->type = VD_TX_LEGACY;
}

/* The other signature of the same key and hash, which EIP-2 forbids. */
static void
raise_s(struct vd_tx *tx)
{
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
                                      0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b,
                                      0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
    struct vd_u256 n = vd_u256_from_be(order);
    tx->s = vd_u256_sub(&n, &tx->s);
    tx->y_parity ^= 1;
}

static struct vd_slice
signed_raw(struct vd_arena *arena, struct vd_tx *tx, enum fault fault)
{
    struct vd_hash hash;
    struct vd_buf buf;
    uint8_t signature[64];
    const uint8_t *secret = fault == OTHER_KEY ? other_secret : own_secret;
    assert_int_equal(vd_tx_signing_hash(&hash, tx, arena), VD_OK);
    assert_int_equal(vd_sign_hash(signature, &tx->y_parity, &hash, secret), VD_OK);
    tx->r = vd_u256_from_be(signature);
    tx->s = vd_u256_from_be(signature + 32);
    if (fault == HIGH_S)
        raise_s(tx);
    if (fault == OTHER_PARITY)
        tx->y_parity ^= 1;
    if (fault == UNSIGNED)
        tx->r = tx->s = vd_u256(0);
    vd_buf_init(&buf, arena);
    vd_tx_encode(&buf, tx);
    if (fault == TRAILING)
        vd_buf_byte(&buf, 0);
    assert_int_equal(buf.err, VD_OK);
    return vd_slice(buf.ptr, buf.len - (fault == TRUNCATED));
}

static char *
http_response(int status, const char *body)
{
    size_t size = strlen(body) + 200;
    char *text = malloc(size);
    snprintf(text, size,
             "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
             "Connection: close\r\n\r\n%s",
             status, strlen(body), body);
    return text;
}

static char *
answer(void *ctx, const char *body)
{
    static uint8_t memory[65536];
    static uint8_t data[8192];
    static char hex[16384];
    static char text[20000];
    struct remote *r = ctx;
    struct vd_arena arena;
    if (r->silent)
        return NULL;
    if (r->response != NULL)
        return strdup(r->response);
    vd_arena_init(&arena, memory, sizeof memory);
    json_t *root = json_loads(body, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "method")), "eth_signTransaction");
    struct vd_tx tx = requested(json_array_get(json_object_get(root, "params"), 0), data);
    spoil(&tx, data, r->fault);
    struct vd_slice raw = signed_raw(&arena, &tx, r->fault);
    json_decref(root);
    vd_hex_encode(hex, raw.ptr, raw.len);
    hex[2 * raw.len] = '\0';
    snprintf(text, sizeof text,
             r->fault == NONE_AS_OBJECT
                 ? "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"raw\":\"0x%s\",\"tx\":{}}}"
                 : "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x%s\"}",
             hex);
    return http_response(200, text);
}

static enum vd_err
open_remote(struct world *w, char why[512], struct vd_signer_remote config)
{
    assert_int_equal(vd_key_to_address(&config.address, own_secret), VD_OK);
    why[0] = '\0';
    return vd_signer_remote_new(&w->signer, why, 512, &w->loop, &config);
}

static void
open_url(struct world *w, const char *scheme, uint16_t port, struct vd_signer_remote config)
{
    char url[128];
    char why[512];
    snprintf(url, sizeof url, "%s://127.0.0.1:%u/secret-path", scheme, port);
    config.url = url;
    if (open_remote(w, why, config) != VD_OK)
        fail_msg("%s", why);
    struct vd_address want;
    assert_int_equal(vd_key_to_address(&want, own_secret), VD_OK);
    assert_true(vd_address_eq(vd_signer_address(w->signer), &want));
}

static void
test_an_honest_remote_signer_is_believed(void **state)
{
    (void)state;
    struct world w;
    struct tls_server server;
    struct remote remote = {.fault = NONE};
    world_start(&w);
    tls_server_start(&server, NULL, NULL, answer, &remote);
    open_url(&w, "http", server.port, (struct vd_signer_remote){0});
    for (remote.fault = NONE; remote.fault <= NONE_AS_OBJECT; remote.fault++) {
        w.tx = transaction();
        if (sign(&w) != VD_OK)
            fail_msg("%s", w.outcome.text);
        check_raw(&w);
        w.tx.data = vd_slice(NULL, 0);
        assert_int_equal(sign(&w), VD_OK);
        check_raw(&w);
    }
    world_stop(&w);
    tls_server_stop(&server);
}

static void
test_anything_else_than_what_was_asked_for_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        const char *says;
    } table[] = {
        {OTHER_CHAIN, "other chain id"},    {OTHER_NONCE, "other nonce"},
        {OTHER_TIP, "other priority fee"},  {OTHER_FEE, "other fee"},
        {OTHER_GAS, "other gas limit"},     {OTHER_RECIPIENT, "other recipient"},
        {NO_RECIPIENT, "other recipient"},  {OTHER_VALUE, "other value"},
        {OTHER_DATA, "other data"},         {SHORTER_DATA, "other data"},
        {ACCESS_LIST, "other access list"}, {LEGACY, "other type"},
        {OTHER_KEY, "another key"},         {HIGH_S, "another key"},
        {OTHER_PARITY, "another key"},      {TRUNCATED, "no transaction"},
        {TRAILING, "no transaction"},       {UNSIGNED, ""},
    };
    struct world w;
    struct tls_server server;
    struct remote remote = {0};
    world_start(&w);
    tls_server_start(&server, NULL, NULL, answer, &remote);
    open_url(&w, "http", server.port, (struct vd_signer_remote){0});
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        w.tx = transaction();
        remote.fault = table[i].fault;
        enum vd_err err = sign(&w);
        if (err != VD_ERR_MISMATCH || strstr(w.outcome.text, table[i].says) == NULL)
            fail_msg("case %zu: %s: %s", i, vd_err_text(err), w.outcome.text);
        assert_non_null(strstr(w.outcome.text, "signer http://127.0.0.1:"));
        assert_null(strstr(w.outcome.text, "secret-path"));
    }
    world_stop(&w);
    tls_server_stop(&server);
}

#define RESPONSE(status, body) "HTTP/1.1 " status " X\r\nConnection: close\r\n\r\n" body

static void
test_refusals_and_garbage_have_their_own_errors(void **state)
{
    (void)state;
    static const struct {
        const char *response;
        enum vd_err err;
        const char *says;
    } table[] = {
        {RESPONSE("200", "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":"
                         "\"account\\u0007 not unlocked\"}}"),
         VD_ERR_REFUSED, "it refused: account? not unlocked"},
        {RESPONSE("400", "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":"
                         "\"Invalid params\"}}"),
         VD_ERR_REFUSED, "it refused: Invalid params"},
        {RESPONSE("500", "oops"), VD_ERR_REFUSED, "HTTP status 500"},
        {RESPONSE("500", "{\"result\":\"0x02\"}"), VD_ERR_REFUSED, "HTTP status 500"},
        {"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
         VD_ERR_REFUSED, "HTTP status 302"},
        {RESPONSE("200", "{\"result\":null}"), VD_ERR_INVALID, "it answered null"},
        {RESPONSE("200", "{}"), VD_ERR_INVALID, "no result"},
        {RESPONSE("200", "[1]"), VD_ERR_INVALID, ""},
        {RESPONSE("200", ""), VD_ERR_INVALID, "no JSON"},
        {RESPONSE("200", "<html>"), VD_ERR_INVALID, "no JSON"},
        {RESPONSE("200", "{\"result\":5}"), VD_ERR_INVALID, "neither a raw transaction"},
        {RESPONSE("200", "{\"result\":{}}"), VD_ERR_INVALID, "neither a raw transaction"},
        {RESPONSE("200", "{\"result\":{\"raw\":[]}}"), VD_ERR_INVALID, "neither a raw"},
        {RESPONSE("200", "{\"result\":\"02ff\"}"), VD_ERR_INVALID, "neither a raw"},
        {RESPONSE("200", "{\"result\":\"0xzz\"}"), VD_ERR_INVALID, "neither a raw"},
        {RESPONSE("200", "{\"result\":\"0x\"}"), VD_ERR_MISMATCH, "no transaction"},
        {RESPONSE("200", "{\"result\":\"0x02c0\"}"), VD_ERR_MISMATCH, "no transaction"},
        {RESPONSE("200", "{\"result\":\"0x7fc0\"}"), VD_ERR_MISMATCH, "no transaction"},
        {"not HTTP at all\r\n\r\n", VD_ERR_IO, ""},
        {"", VD_ERR_IO, ""},
    };
    struct world w;
    struct tls_server server;
    struct remote remote = {0};
    world_start(&w);
    tls_server_start(&server, NULL, NULL, answer, &remote);
    open_url(&w, "http", server.port, (struct vd_signer_remote){0});
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        remote.response = table[i].response;
        enum vd_err err = sign(&w);
        if (err != table[i].err || strstr(w.outcome.text, table[i].says) == NULL)
            fail_msg("case %zu: %s: %s", i, vd_err_text(err), w.outcome.text);
    }
    /* And after all that it signs as before. */
    remote.response = NULL;
    assert_int_equal(sign(&w), VD_OK);
    check_raw(&w);
    world_stop(&w);
    tls_server_stop(&server);
}

static void
test_a_silent_signer_times_out_and_does_not_hold_up_a_close(void **state)
{
    (void)state;
    struct world w;
    struct tls_server server;
    struct remote remote = {.silent = true};
    world_start(&w);
    tls_server_start(&server, NULL, NULL, answer, &remote);
    open_url(&w, "http", server.port, (struct vd_signer_remote){.timeout_ms = 200});
    assert_int_equal(sign(&w), VD_ERR_TIMEOUT);
    close_signer(&w);
    open_url(&w, "http", server.port, (struct vd_signer_remote){.timeout_ms = 60000});
    struct outcome outcomes[3] = {0};
    for (int i = 0; i < 3; i++)
        vd_signer_sign(w.signer, CHAIN_ID, &w.tx, on_signed, &outcomes[i]);
    uv_run(&w.loop, UV_RUN_ONCE);
    uint64_t start = uv_hrtime();
    world_stop(&w);
    assert_true(uv_hrtime() - start < 5000000000u);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].err, VD_ERR_CLOSED);
    }
    tls_server_stop(&server);
}

static void
test_a_signer_that_is_down_is_told(void **state)
{
    (void)state;
    struct world w;
    struct tls_server server;
    struct remote remote = {0};
    world_start(&w);
    tls_server_start(&server, NULL, NULL, answer, &remote);
    uint16_t port = server.port;
    tls_server_stop(&server);
    open_url(&w, "http", port, (struct vd_signer_remote){0});
    assert_int_equal(sign(&w), VD_ERR_IO);
    assert_non_null(strstr(w.outcome.text, "onnect"));
    world_stop(&w);
}

/* --- HTTPS --- */

struct files {
    char folder[64];
    char ca[96], other_ca[96], cert[96], key[96], foreign_cert[96], foreign_key[96];
};

static void
name_files(struct files *f)
{
    snprintf(f->folder, sizeof f->folder, "signer-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->ca, sizeof f->ca, "%s/ca.pem", f->folder);
    snprintf(f->other_ca, sizeof f->other_ca, "%s/other-ca.pem", f->folder);
    snprintf(f->cert, sizeof f->cert, "%s/client.pem", f->folder);
    snprintf(f->key, sizeof f->key, "%s/client-key.pem", f->folder);
    snprintf(f->foreign_cert, sizeof f->foreign_cert, "%s/foreign.pem", f->folder);
    snprintf(f->foreign_key, sizeof f->foreign_key, "%s/foreign-key.pem", f->folder);
}

static void
remove_files(const struct files *f)
{
    const char *const names[] = {f->ca,           f->other_ca,    f->cert, f->key,
                                 f->foreign_cert, f->foreign_key, NULL};
    for (size_t i = 0; names[i] != NULL; i++)
        unlink(names[i]);
    rmdir(f->folder);
}

/* Signs once through a signer of its own. */
static enum vd_err
sign_by(struct world *w, uint16_t port, struct vd_signer_remote config)
{
    open_url(w, "https", port, config);
    enum vd_err err = sign(w);
    close_signer(w);
    return err;
}

static void
test_https_proves_both_sides(void **state)
{
    (void)state;
    struct world w;
    struct tls_server server;
    struct remote remote = {0};
    struct files f;
    struct identity ca = identity_new("Test CA", NULL, NULL);
    struct identity other_ca = identity_new("Other CA", NULL, NULL);
    struct identity own = identity_new("signer", &ca, "IP:127.0.0.1");
    struct identity misnamed = identity_new("signer", &ca, "DNS:signer.example");
    struct identity client = identity_new("node", &ca, NULL);
    struct identity foreign = identity_new("node", &other_ca, NULL);
    name_files(&f);
    identity_write(&ca, f.ca, NULL);
    identity_write(&other_ca, f.other_ca, NULL);
    identity_write(&client, f.cert, f.key);
    identity_write(&foreign, f.foreign_cert, f.foreign_key);
    world_start(&w);
    tls_server_start(&server, &own, &ca, answer, &remote);
    struct vd_signer_remote good = {
        .ca_file = f.ca, .client_cert_file = f.cert, .client_key_file = f.key};

    if (sign_by(&w, server.port, good) != VD_OK)
        fail_msg("%s", w.outcome.text);
    check_raw(&w);
    assert_int_equal(server.answered, 1);

    /* The server's certificate is not under the given one, nor under the system's. */
    struct vd_signer_remote bad = good;
    bad.ca_file = f.other_ca;
    assert_int_equal(sign_by(&w, server.port, bad), VD_ERR_IO);
    assert_non_null(strstr(w.outcome.text, "certificate"));
    bad.ca_file = NULL;
    assert_int_equal(sign_by(&w, server.port, bad), VD_ERR_IO);
    assert_non_null(strstr(w.outcome.text, "certificate"));

    /* The client shows no certificate, or a foreign one. */
    bad = (struct vd_signer_remote){.ca_file = f.ca};
    assert_int_equal(sign_by(&w, server.port, bad), VD_ERR_IO);
    bad.client_cert_file = f.foreign_cert;
    bad.client_key_file = f.foreign_key;
    assert_int_equal(sign_by(&w, server.port, bad), VD_ERR_IO);
    /* One with another's key. */
    bad.client_cert_file = f.cert;
    assert_int_equal(sign_by(&w, server.port, bad), VD_ERR_IO);
    assert_int_equal(server.answered, 1);
    tls_server_stop(&server);

    /* A certificate for another host, and plain HTTP where TLS is expected. */
    tls_server_start(&server, &misnamed, &ca, answer, &remote);
    assert_int_equal(sign_by(&w, server.port, good), VD_ERR_IO);
    assert_int_equal(server.answered, 0);
    tls_server_stop(&server);
    tls_server_start(&server, NULL, NULL, answer, &remote);
    good.timeout_ms = 300; /* the server waits for the rest of a request */
    assert_int_equal(sign_by(&w, server.port, good), VD_ERR_TIMEOUT);
    assert_int_equal(server.answered, 0);
    tls_server_stop(&server);

    world_stop(&w);
    remove_files(&f);
    struct identity *const all[] = {&ca, &other_ca, &own, &misnamed, &client, &foreign};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        identity_free(all[i]);
}

static void
test_configurations_that_cannot_be_safe_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct vd_signer_remote config;
        const char *says;
    } table[] = {
        {{.url = ""}, "no URL"},
        {{.url = "signer:9000"}, "no URL"},
        {{.url = "ftp://127.0.0.1/"}, "no URL"},
        {{.url = "http://10.0.0.1:9000"}, "neither https nor on this machine"},
        {{.url = "http://user:hunter2@signer.example:9000/token"}, "http://signer.example:9000 is"},
        {{.url = "http://localhost.example"}, "neither https"},
        {{.url = "http://127.0.0.1.example"}, "neither https"},
        {{.url = "http://127.0.0.1@example.com/"}, "neither https"},
        {{.url = "https://s", .client_cert_file = "a"}, "the key is missing"},
        {{.url = "https://s", .client_key_file = "a"}, "the certificate is missing"},
        {{.url = "http://localhost", .ca_file = "a"}, "is not https"},
        {{.url = "https://s", .ca_file = "no-such-file"}, "CA file no-such-file cannot be read"},
        {{.url = "https://s", .client_cert_file = "no-such-file", .client_key_file = "b"},
         "client certificate no-such-file cannot be read"},
    };
    struct world w;
    char why[512];
    world_start(&w);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        enum vd_err err = open_remote(&w, why, table[i].config);
        if (err != VD_ERR_INVALID || strstr(why, table[i].says) == NULL)
            fail_msg("case %zu: %s: '%s'", i, vd_err_text(err), why);
        assert_null(strstr(why, "hunter2"));
        assert_null(strstr(why, "token"));
    }
    static const char *const local[] = {"http://localhost:1", "http://127.0.0.1", "http://[::1]:9",
                                        "http://127.1.2.3:9/x", "https://signer.example"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        if (open_remote(&w, why, (struct vd_signer_remote){.url = local[i]}) != VD_OK)
            fail_msg("%s: %s", local[i], why);
        close_signer(&w);
    }
    world_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_signs_what_it_is_asked_to),
        cmocka_unit_test(test_an_honest_remote_signer_is_believed),
        cmocka_unit_test(test_anything_else_than_what_was_asked_for_is_refused),
        cmocka_unit_test(test_refusals_and_garbage_have_their_own_errors),
        cmocka_unit_test(test_a_silent_signer_times_out_and_does_not_hold_up_a_close),
        cmocka_unit_test(test_a_signer_that_is_down_is_told),
        cmocka_unit_test(test_https_proves_both_sides),
        cmocka_unit_test(test_configurations_that_cannot_be_safe_are_refused),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
