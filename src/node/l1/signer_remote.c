/* A signer behind eth_signTransaction.

   The request names every field of the transaction.  Calldata goes as "input" and as "data":
   op-signer and geth take both when they are equal, web3signer reads "data" alone.  The result is
   the raw transaction (web3signer, op-signer) or an object that holds it as "raw" (geth, clef).
   What comes back is decoded and compared with what was asked for, field by field, and its
   signature recovered: a signer that is wrong, or somebody in its place, can refuse to sign but not
   make this node send anything else. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "l1_internal.h"
#include "signer_internal.h"
#include "viaduct/node/net/json_reader.h"
#include "viaduct/node/platform/curves.h"

#define TIMEOUT_MS 10000u
#define REQUEST_MAX ((size_t)1 << 20)
/* geth's form has the calldata twice, as hex. */
#define ANSWER_MAX ((size_t)2 << 20)
#define ARENA_SLACK 65536u

/* --- making one --- */

static bool
check_file(const char *path, const char *what, char *why, size_t why_size)
{
    if (path == NULL || access(path, R_OK) == 0)
        return true;
    snprintf(why, why_size, "the signer's %s %s cannot be read: %s", what, path, strerror(errno));
    return false;
}

static bool
check_config(struct vd_http_url *url, const struct vd_signer_remote *config, char *why,
             size_t why_size)
{
    bool has_cert = config->client_cert_file != NULL;
    if (vd_http_url_read(url, config->url) != VD_OK) {
        snprintf(why, why_size, "the signer's address is no URL; give https://host:port");
        return false;
    }
    if (!url->is_https && !url->is_loopback) {
        snprintf(why, why_size,
                 "the signer %s is neither https nor on this machine: whoever is on the way could "
                 "have transactions signed; give an https URL",
                 url->address);
        return false;
    }
    if (has_cert != (config->client_key_file != NULL)) {
        snprintf(why, why_size, "a client certificate and its key go together; the %s is missing",
                 has_cert ? "key" : "certificate");
        return false;
    }
    if (!url->is_https && (has_cert || config->ca_file != NULL)) {
        snprintf(why, why_size, "certificates were given, but the signer %s is not https",
                 url->address);
        return false;
    }
    return check_file(config->ca_file, "CA file", why, why_size) &&
           check_file(config->client_cert_file, "client certificate", why, why_size) &&
           check_file(config->client_key_file, "client key", why, why_size);
}

enum vd_err
vd_signer_remote_new(struct vd_signer **out, char *why, size_t why_size, uv_loop_t *loop,
                     const struct vd_signer_remote *config)
{
    struct vd_http_url url;
    if (!check_config(&url, config, why, why_size))
        return VD_ERR_INVALID;
    uint32_t timeout_ms = config->timeout_ms == 0 ? TIMEOUT_MS : config->timeout_ms;
    struct vd_http_client_config http = {.url = config->url,
                                         .timeout_ms = timeout_ms,
                                         .connect_timeout_ms = timeout_ms,
                                         .max_response_bytes = ANSWER_MAX,
                                         .ca_file = config->ca_file,
                                         .client_cert_file = config->client_cert_file,
                                         .client_key_file = config->client_key_file};
    struct vd_http_client *client;
    enum vd_err err = vd_http_client_new(&client, loop, &http);
    if (err != VD_OK) {
        snprintf(why, why_size, "the signer: %s", vd_err_text(err));
        return err;
    }
    struct vd_signer *signer = vd_signer_alloc(loop, &config->address);
    if (signer == NULL) {
        vd_http_client_close(client, NULL, NULL);
        snprintf(why, why_size, "the signer: %s", vd_err_text(VD_ERR_NO_MEMORY));
        return VD_ERR_NO_MEMORY;
    }
    signer->http = client;
    signer->http_closed = false;
    signer->url = url;
    *out = signer;
    return VD_OK;
}

/* --- believing an answer --- */

/* The name of the first field in which the signed transaction differs, or NULL. */
static const char *
difference(const struct vd_tx *got, const struct vd_tx *want)
{
    if (got->type != want->type)
        return "type";
    if (got->chain_id != want->chain_id)
        return "chain id";
    if (got->nonce != want->nonce)
        return "nonce";
    if (!vd_u256_eq(&got->max_priority_fee, &want->max_priority_fee))
        return "priority fee";
    if (!vd_u256_eq(&got->max_fee, &want->max_fee))
        return "fee";
    if (got->gas_limit != want->gas_limit)
        return "gas limit";
    if (got->is_create || !vd_address_eq(&got->to, &want->to))
        return "recipient";
    if (!vd_u256_eq(&got->value, &want->value))
        return "value";
    if (!vd_slice_eq(got->data, want->data))
        return "data";
    return got->access_count != 0 ? "access list" : NULL;
}

/* Sets the call's failure.  What a peer says may hold anything; a log takes printable text. */
static void
fail(struct vd_signer_call *call, enum vd_err err, const char *text, const char *detail)
{
    call->err = err;
    snprintf(call->text, sizeof call->text, "signer %s: %s%.190s", call->signer->url.address, text,
             detail);
    for (char *c = call->text; *c != '\0'; c++) {
        if (!isprint((unsigned char)*c))
            *c = '?';
    }
}

static void
check_signed(struct vd_signer_call *call, struct vd_arena *arena)
{
    struct vd_tx got;
    struct vd_tx want = vd_signer_tx(call);
    struct vd_address sender;
    bool valid = false;
    const char *reason = "";
    enum vd_err err = vd_tx_decode(&got, &reason, arena, call->raw);
    if (err != VD_OK) {
        fail(call, err == VD_ERR_NO_MEMORY ? err : VD_ERR_MISMATCH,
             "what it signed is no transaction: ",
             err == VD_ERR_INVALID && reason != NULL ? reason : vd_err_text(err));
        return;
    }
    const char *field = difference(&got, &want);
    if (field != NULL) {
        fail(call, VD_ERR_MISMATCH, "it signed another transaction than it was asked to: other ",
             field);
        return;
    }
    err = vd_tx_sender(&sender, &valid, &got, vd_curves_host(), arena);
    if (err != VD_OK)
        fail(call, err, "checking its signature: ", vd_err_text(err));
    else if (!valid || !vd_address_eq(&sender, &call->signer->address))
        fail(call, VD_ERR_MISMATCH, "it signed with another key than the configured address's", "");
}

static void
read_result(struct vd_signer_call *call, const json_t *result, size_t body_len)
{
    struct vd_json_why why;
    struct vd_arena arena;
    const json_t *raw = json_is_object(result) ? json_object_get(result, "raw") : result;
    /* The raw bytes, what decoding makes of them, and their encoding for the signature's hash. */
    call->memory_size = 4 * body_len + ARENA_SLACK;
    call->memory = malloc(call->memory_size);
    if (call->memory == NULL) {
        fail(call, VD_ERR_NO_MEMORY, vd_err_text(VD_ERR_NO_MEMORY), "");
        return;
    }
    vd_arena_init(&arena, call->memory, call->memory_size);
    if (!vd_json_read_data_arena(&call->raw, &why, &arena, raw)) {
        fail(call, VD_ERR_INVALID,
             "its result is neither a raw transaction nor has one: ", why.text);
        return;
    }
    check_signed(call, &arena);
}

void
vd_signer_read_answer(struct vd_signer_call *call, const struct vd_http_result *result)
{
    struct vd_l1_answer answer;
    vd_l1_answer_read(&answer, result->body);
    if (answer.status.err == VD_ERR_REFUSED)
        fail(call, VD_ERR_REFUSED, "it refused: ", answer.status.text);
    else if (result->err != VD_OK) /* web3signer's errors come with such a status */
        fail(call, result->err, result->detail, "");
    else if (answer.status.err == VD_ERR_NOT_FOUND)
        fail(call, VD_ERR_INVALID, "it answered null", "");
    else if (answer.status.err != VD_OK)
        fail(call, answer.status.err, answer.status.text, "");
    else
        read_result(call, answer.result, result->body.len);
    vd_l1_answer_deinit(&answer);
}

static void
on_result(void *ctx, const struct vd_http_result *result, uint8_t **body)
{
    struct vd_signer_call *call = ctx;
    (void)body;
    if (result->err == VD_OK || result->err == VD_ERR_REFUSED)
        vd_signer_read_answer(call, result);
    else
        fail(call, result->err, result->detail, "");
    vd_signer_answer(call);
}

/* --- asking --- */

static void
write_request(struct vd_json *body, const struct vd_signer_call *call)
{
    const struct vd_txm_unsigned *tx = &call->tx;
    vd_json_object_begin(body);
    vd_json_put_string(body, "jsonrpc", "2.0");
    vd_json_put_number(body, "id", 1);
    vd_json_put_string(body, "method", "eth_signTransaction");
    vd_json_key(body, "params");
    vd_json_array_begin(body);
    vd_json_object_begin(body);
    vd_json_put_address(body, "from", &call->signer->address);
    vd_json_put_address(body, "to", &tx->to);
    vd_json_put_quantity(body, "gas", tx->gas_limit);
    vd_json_put_u256(body, "maxFeePerGas", &tx->max_fee);
    vd_json_put_u256(body, "maxPriorityFeePerGas", &tx->max_priority_fee);
    vd_json_put_u256(body, "value", &tx->value);
    vd_json_put_quantity(body, "nonce", tx->nonce);
    vd_json_put_data(body, "input", tx->data);
    vd_json_put_data(body, "data", tx->data);
    vd_json_put_quantity(body, "chainId", call->chain_id);
    vd_json_object_end(body);
    vd_json_array_end(body);
    vd_json_object_end(body);
}

void
vd_signer_ask(struct vd_signer_call *call)
{
    struct vd_json body;
    vd_json_init(&body, REQUEST_MAX);
    write_request(&body, call);
    enum vd_err err = body.err;
    if (err == VD_OK)
        err = vd_http_client_post(call->signer->http, vd_json_view(&body), on_result, call);
    vd_json_deinit(&body);
    if (err != VD_OK)
        vd_signer_answer_later(call, err, vd_err_text(err));
}
