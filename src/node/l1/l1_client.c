/* Requests to L1 and the typed calls. */
#include "viaduct/node/l1/l1_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "l1_internal.h"
#include "viaduct/node/net/json_reader.h"

/* Longer answers are parsed in the pool. */
#define PARSE_ON_LOOP_MAX 65536
#define PARAMS_MAX ((size_t)16 << 20)

/* --- answers --- */

void
vd_l1_answer_fail(struct vd_l1_answer *answer, enum vd_err err, const char *text)
{
    snprintf(answer->text, sizeof answer->text, "%s", text);
    answer->status.err = err;
    answer->status.text = answer->text;
    answer->result = NULL;
}

static void
read_error(struct vd_l1_answer *answer, const json_t *error)
{
    const json_t *code = json_object_get(error, "code");
    const char *message = json_string_value(json_object_get(error, "message"));
    struct vd_json_why why;
    size_t len;
    vd_l1_answer_fail(answer, VD_ERR_REFUSED, message == NULL ? "an error" : message);
    answer->status.code = (int)json_integer_value(code);
    if (vd_json_read_data(&answer->data, &len, &why, json_object_get(error, "data")))
        answer->status.data = vd_slice(answer->data, len);
}

void
vd_l1_answer_read(struct vd_l1_answer *answer, struct vd_slice body)
{
    struct vd_json_why why;
    char text[VD_L1_TEXT_MAX];
    *answer = (struct vd_l1_answer){.status = {.text = ""}};
    answer->root = vd_json_parse(&why, body);
    if (answer->root == NULL) {
        snprintf(text, sizeof text, "the answer is no JSON: %.180s", why.text);
        vd_l1_answer_fail(answer, VD_ERR_INVALID, text);
        return;
    }
    const json_t *error = json_object_get(answer->root, "error");
    answer->result = json_object_get(answer->root, "result");
    if (error != NULL && !json_is_null(error))
        read_error(answer, error);
    else if (answer->result == NULL)
        vd_l1_answer_fail(answer, VD_ERR_INVALID, "the answer has no result");
    else if (json_is_null(answer->result))
        vd_l1_answer_fail(answer, VD_ERR_NOT_FOUND, "not found");
}

void
vd_l1_answer_deinit(struct vd_l1_answer *answer)
{
    json_decref(answer->root);
    free(answer->data);
    answer->root = NULL;
    answer->data = NULL;
}

/* --- requests --- */

struct vd_l1_request *
vd_l1_request_new(struct vd_l1 *l1, void *ctx)
{
    struct vd_l1_request *request = calloc(1, sizeof *request);
    /* Too little memory for some hundred bytes: nothing here could go on, nor be told so. */
    VD_ASSERT(request != NULL);
    request->l1 = l1;
    request->ctx = ctx;
    return request;
}

static void
end_request(struct vd_l1_request *request)
{
    request->answered(request, &request->answer);
    vd_l1_answer_deinit(&request->answer);
    free(request->body);
    free(request);
}

static void
run_parse(struct vd_job *job)
{
    struct vd_l1_request *request = (struct vd_l1_request *)job;
    vd_l1_answer_read(&request->answer, vd_slice(request->body, request->body_len));
}

static void
parse_done(struct vd_job *job)
{
    struct vd_l1_request *request = (struct vd_l1_request *)job;
    struct vd_l1 *l1 = request->l1;
    l1->in_pool--;
    end_request(request);
    vd_l1_free_if_closed(l1);
}

static void
on_result(void *ctx, const struct vd_http_result *result, uint8_t **body)
{
    struct vd_l1_request *request = ctx;
    struct vd_l1 *l1 = request->l1;
    if (request->raw != NULL) {
        request->raw(request, result, body);
        free(request);
        return;
    }
    if (result->err != VD_OK) {
        vd_l1_answer_fail(&request->answer, result->err, result->detail);
        end_request(request);
        return;
    }
    request->job = (struct vd_job){.run = run_parse, .done = parse_done};
    request->body = *body;
    request->body_len = result->body.len;
    *body = NULL;
    if (request->body_len > PARSE_ON_LOOP_MAX && vd_pool_submit(l1->pool, &request->job) == VD_OK) {
        l1->in_pool++;
        return;
    }
    run_parse(&request->job);
    end_request(request);
}

static void
fail_later(struct vd_l1_request *request, enum vd_err err)
{
    struct vd_l1 *l1 = request->l1;
    request->failed = err;
    *l1->failed_end = request;
    l1->failed_end = &request->next_failed;
    vd_l1_defer(l1);
}

static void
tell_failed(struct vd_l1 *l1)
{
    struct vd_l1_request *request = l1->failed;
    l1->failed = NULL;
    l1->failed_end = &l1->failed;
    while (request != NULL) {
        struct vd_l1_request *next = request->next_failed;
        uint8_t *body = NULL;
        struct vd_http_result result = {.err = request->failed,
                                        .detail = vd_err_text(request->failed)};
        on_result(request, &result, &body);
        request = next;
    }
}

static void
on_defer(uv_timer_t *timer)
{
    struct vd_l1 *l1 = timer->data;
    tell_failed(l1);
    vd_l1_blocks_deliver(l1);
}

void
vd_l1_defer(struct vd_l1 *l1)
{
    if (!l1->closing)
        uv_timer_start(&l1->defer, on_defer, 0, 0);
}

void
vd_l1_request_send(struct vd_l1_request *request, const char *method, struct vd_json *params)
{
    struct vd_l1 *l1 = request->l1;
    struct vd_json body;
    vd_json_init(&body, PARAMS_MAX + 256);
    vd_json_object_begin(&body);
    vd_json_put_string(&body, "jsonrpc", "2.0");
    vd_json_put_number(&body, "id", 1);
    vd_json_put_string(&body, "method", method);
    vd_json_key(&body, "params");
    vd_json_raw(&body, vd_json_view(params));
    vd_json_object_end(&body);
    enum vd_err err = params->err != VD_OK ? params->err : body.err;
    if (err == VD_OK)
        err = vd_http_client_post(l1->http, vd_json_view(&body), on_result, request);
    vd_json_deinit(&body);
    vd_json_deinit(params);
    if (err != VD_OK)
        fail_later(request, err);
}

static void
params_begin(struct vd_json *params)
{
    vd_json_init(params, PARAMS_MAX);
    vd_json_array_begin(params);
}

static void
ask(struct vd_l1_request *request, vd_l1_answer_fn answered, const char *method,
    struct vd_json *params)
{
    vd_json_array_end(params);
    request->answered = answered;
    vd_l1_request_send(request, method, params);
}

void
vd_l1_params_at(struct vd_json *params, struct vd_l1_at at)
{
    switch (at.tag) {
    case VD_L1_LATEST:
        vd_json_string(params, "latest");
        break;
    case VD_L1_SAFE:
        vd_json_string(params, "safe");
        break;
    case VD_L1_FINALIZED:
        vd_json_string(params, "finalized");
        break;
    case VD_L1_PENDING:
        vd_json_string(params, "pending");
        break;
    case VD_L1_NUMBER:
        vd_json_quantity(params, at.number);
        break;
    case VD_L1_HASH:
        vd_json_hash(params, &at.hash);
        break;
    }
}

/* --- typed answers --- */

static void
invalid(struct vd_l1_status *status, const struct vd_json_why *why)
{
    status->err = VD_ERR_INVALID;
    status->text = why->text;
}

static void
answer_u64(struct vd_l1_request *request, const struct vd_l1_answer *answer)
{
    struct vd_l1_status status = answer->status;
    struct vd_json_why why;
    uint64_t value = 0;
    if (status.err == VD_OK && !vd_json_read_u64(&value, &why, answer->result))
        invalid(&status, &why);
    request->fn.u64(request->ctx, &status, value);
}

static void
answer_u256(struct vd_l1_request *request, const struct vd_l1_answer *answer)
{
    struct vd_l1_status status = answer->status;
    struct vd_json_why why;
    struct vd_u256 value = {0};
    if (status.err == VD_OK && !vd_json_read_u256(&value, &why, answer->result))
        invalid(&status, &why);
    request->fn.u256(request->ctx, &status, &value);
}

static void
answer_bytes(struct vd_l1_request *request, const struct vd_l1_answer *answer)
{
    struct vd_l1_status status = answer->status;
    struct vd_json_why why;
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (status.err == VD_OK && !vd_json_read_data(&bytes, &len, &why, answer->result))
        invalid(&status, &why);
    request->fn.bytes(request->ctx, &status, vd_slice(bytes, len));
    free(bytes);
}

static void
answer_json(struct vd_l1_request *request, const struct vd_l1_answer *answer)
{
    request->fn.json(request->ctx, &answer->status, answer->result);
}

static void
answer_header(struct vd_l1_request *request, const struct vd_l1_answer *answer)
{
    struct vd_l1_status status = answer->status;
    struct vd_l1_why why;
    struct vd_header header = {0};
    struct vd_hash hash = {{0}};
    uint8_t memory[4096];
    struct vd_arena arena;
    vd_arena_init(&arena, memory, sizeof memory);
    if (status.err == VD_OK) {
        status.err = vd_l1_parse_header(&header, &hash, &why, &arena, answer->result);
        if (status.err != VD_OK)
            status.text = why.text;
    }
    bool ok = status.err == VD_OK;
    request->fn.header(request->ctx, &status, ok ? &hash : NULL, ok ? &header : NULL);
}

bool
vd_l1_read_receipt(struct vd_l1_receipt *receipt, struct vd_json_why *why, const json_t *json)
{
    uint64_t status = 0;
    const json_t *contract = json_object_get(json, "contractAddress");
    const json_t *price = json_object_get(json, "effectiveGasPrice");
    receipt->json = json;
    receipt->has_contract_address = contract != NULL && !json_is_null(contract);
    if (price != NULL && !vd_json_read_u256(&receipt->effective_gas_price, why, price))
        return false;
    if (receipt->has_contract_address &&
        !vd_json_read_address(&receipt->contract_address, why, contract))
        return false;
    if (!vd_json_read_hash(&receipt->tx_hash, why, json_object_get(json, "transactionHash")) ||
        !vd_json_read_hash(&receipt->block.hash, why, json_object_get(json, "blockHash")) ||
        !vd_json_read_u64(&receipt->block.number, why, json_object_get(json, "blockNumber")) ||
        !vd_json_read_u64(&receipt->gas_used, why, json_object_get(json, "gasUsed")) ||
        !vd_json_read_u64(&status, why, json_object_get(json, "status")))
        return false;
    receipt->success = status == 1;
    return true;
}

static void
answer_receipt(struct vd_l1_request *request, const struct vd_l1_answer *answer)
{
    struct vd_l1_status status = answer->status;
    struct vd_json_why why;
    struct vd_l1_receipt receipt = {0};
    if (status.err == VD_OK && !vd_l1_read_receipt(&receipt, &why, answer->result))
        invalid(&status, &why);
    request->fn.receipt(request->ctx, &status, status.err == VD_OK ? &receipt : NULL);
}

/* --- typed calls --- */

static void
ask_u64(struct vd_l1 *l1, const char *method, struct vd_json *params, vd_l1_u64_fn fn, void *ctx)
{
    struct vd_l1_request *request = vd_l1_request_new(l1, ctx);
    request->fn.u64 = fn;
    ask(request, answer_u64, method, params);
}

static void
ask_u256(struct vd_l1 *l1, const char *method, struct vd_json *params, vd_l1_u256_fn fn, void *ctx)
{
    struct vd_l1_request *request = vd_l1_request_new(l1, ctx);
    request->fn.u256 = fn;
    ask(request, answer_u256, method, params);
}

static void
ask_bytes(struct vd_l1 *l1, const char *method, struct vd_json *params, vd_l1_bytes_fn fn,
          void *ctx)
{
    struct vd_l1_request *request = vd_l1_request_new(l1, ctx);
    request->fn.bytes = fn;
    ask(request, answer_bytes, method, params);
}

static void
ask_json(struct vd_l1 *l1, const char *method, struct vd_json *params, vd_l1_json_fn fn, void *ctx)
{
    struct vd_l1_request *request = vd_l1_request_new(l1, ctx);
    request->fn.json = fn;
    ask(request, answer_json, method, params);
}

void
vd_l1_chain_id(struct vd_l1 *l1, vd_l1_u64_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    ask_u64(l1, "eth_chainId", &params, fn, ctx);
}

void
vd_l1_block_number(struct vd_l1 *l1, vd_l1_u64_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    ask_u64(l1, "eth_blockNumber", &params, fn, ctx);
}

void
vd_l1_transaction_count(struct vd_l1 *l1, const struct vd_address *address, struct vd_l1_at at,
                        vd_l1_u64_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    vd_json_address(&params, address);
    vd_l1_params_at(&params, at);
    ask_u64(l1, "eth_getTransactionCount", &params, fn, ctx);
}

void
vd_l1_balance(struct vd_l1 *l1, const struct vd_address *address, struct vd_l1_at at,
              vd_l1_u256_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    vd_json_address(&params, address);
    vd_l1_params_at(&params, at);
    ask_u256(l1, "eth_getBalance", &params, fn, ctx);
}

void
vd_l1_gas_price(struct vd_l1 *l1, vd_l1_u256_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    ask_u256(l1, "eth_gasPrice", &params, fn, ctx);
}

void
vd_l1_max_priority_fee(struct vd_l1 *l1, vd_l1_u256_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    ask_u256(l1, "eth_maxPriorityFeePerGas", &params, fn, ctx);
}

void
vd_l1_code(struct vd_l1 *l1, const struct vd_address *address, struct vd_l1_at at,
           vd_l1_bytes_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    vd_json_address(&params, address);
    vd_l1_params_at(&params, at);
    ask_bytes(l1, "eth_getCode", &params, fn, ctx);
}

static void
put_message(struct vd_json *params, const struct vd_address *from, const struct vd_address *to,
            struct vd_slice data, const struct vd_u256 *value)
{
    vd_json_object_begin(params);
    if (from != NULL)
        vd_json_put_address(params, "from", from);
    if (to != NULL)
        vd_json_put_address(params, "to", to);
    vd_json_put_data(params, "data", data);
    if (value != NULL)
        vd_json_put_u256(params, "value", value);
    vd_json_object_end(params);
}

void
vd_l1_call(struct vd_l1 *l1, const struct vd_address *to, struct vd_slice data, struct vd_l1_at at,
           vd_l1_bytes_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    put_message(&params, NULL, to, data, NULL);
    vd_l1_params_at(&params, at);
    ask_bytes(l1, "eth_call", &params, fn, ctx);
}

void
vd_l1_estimate_gas(struct vd_l1 *l1, const struct vd_address *from, const struct vd_address *to,
                   struct vd_slice data, const struct vd_u256 *value, vd_l1_u64_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    put_message(&params, from, to, data, value);
    ask_u64(l1, "eth_estimateGas", &params, fn, ctx);
}

void
vd_l1_send_raw(struct vd_l1 *l1, struct vd_slice raw, vd_l1_bytes_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    vd_json_data(&params, raw);
    ask_bytes(l1, "eth_sendRawTransaction", &params, fn, ctx);
}

void
vd_l1_header(struct vd_l1 *l1, struct vd_l1_at at, vd_l1_header_fn fn, void *ctx)
{
    struct vd_l1_request *request = vd_l1_request_new(l1, ctx);
    struct vd_json params;
    params_begin(&params);
    vd_l1_params_at(&params, at);
    vd_json_bool(&params, false);
    request->fn.header = fn;
    ask(request, answer_header,
        at.tag == VD_L1_HASH ? "eth_getBlockByHash" : "eth_getBlockByNumber", &params);
}

void
vd_l1_receipt(struct vd_l1 *l1, const struct vd_hash *tx_hash, vd_l1_receipt_fn fn, void *ctx)
{
    struct vd_l1_request *request = vd_l1_request_new(l1, ctx);
    struct vd_json params;
    params_begin(&params);
    vd_json_hash(&params, tx_hash);
    request->fn.receipt = fn;
    ask(request, answer_receipt, "eth_getTransactionReceipt", &params);
}

void
vd_l1_logs(struct vd_l1 *l1, const struct vd_address *address, const struct vd_hash *topic0,
           uint64_t from, uint64_t to, vd_l1_json_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    vd_json_object_begin(&params);
    vd_json_put_address(&params, "address", address);
    vd_json_put_quantity(&params, "fromBlock", from);
    vd_json_put_quantity(&params, "toBlock", to);
    if (topic0 != NULL) {
        vd_json_key(&params, "topics");
        vd_json_array_begin(&params);
        vd_json_hash(&params, topic0);
        vd_json_array_end(&params);
    }
    vd_json_object_end(&params);
    ask_json(l1, "eth_getLogs", &params, fn, ctx);
}

void
vd_l1_proof(struct vd_l1 *l1, const struct vd_address *address, const struct vd_hash *keys,
            size_t key_count, struct vd_l1_at at, vd_l1_json_fn fn, void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    vd_json_address(&params, address);
    vd_json_array_begin(&params);
    for (size_t i = 0; i < key_count; i++)
        vd_json_hash(&params, &keys[i]);
    vd_json_array_end(&params);
    vd_l1_params_at(&params, at);
    ask_json(l1, "eth_getProof", &params, fn, ctx);
}

void
vd_l1_fee_history(struct vd_l1 *l1, uint32_t count, uint32_t percentile, vd_l1_json_fn fn,
                  void *ctx)
{
    struct vd_json params;
    params_begin(&params);
    vd_json_quantity(&params, count);
    vd_json_string(&params, "latest");
    vd_json_array_begin(&params);
    vd_json_number_u64(&params, percentile);
    vd_json_array_end(&params);
    ask_json(l1, "eth_feeHistory", &params, fn, ctx);
}

void
vd_l1_request(struct vd_l1 *l1, const char *method, struct vd_slice json, vd_l1_json_fn fn,
              void *ctx)
{
    struct vd_l1_request *request = vd_l1_request_new(l1, ctx);
    struct vd_json params;
    vd_json_init(&params, PARAMS_MAX);
    vd_json_raw(&params, json);
    request->fn.json = fn;
    request->answered = answer_json;
    vd_l1_request_send(request, method, &params);
}

/* --- the client --- */

static uint32_t
or_default(uint32_t value, uint32_t standard)
{
    return value == 0 ? standard : value;
}

static void
copy_config(struct vd_l1 *l1, const struct vd_l1_config *config)
{
    struct vd_l1_config *c = &l1->config;
    VD_ASSERT(config->log_source_count <= VD_L1_MAX_LOG_SOURCES);
    *c = *config;
    c->url = NULL; /* the HTTP client has its copy */
    c->poll_interval_ms = or_default(c->poll_interval_ms, 1000);
    c->prefetch = or_default(c->prefetch, 16);
    c->cache_blocks = or_default(c->cache_blocks, 64);
    c->remembered_heads = or_default(c->remembered_heads, 512);
    for (uint32_t i = 0; i < config->log_source_count; i++)
        l1->log_sources[i] = config->log_sources[i];
    c->log_sources = l1->log_sources;
}

enum vd_err
vd_l1_new(struct vd_l1 **out, uv_loop_t *loop, struct vd_pool *pool,
          const struct vd_l1_config *config)
{
    struct vd_l1 *l1 = calloc(1, sizeof *l1);
    if (l1 == NULL)
        return VD_ERR_NO_MEMORY;
    l1->loop = loop;
    l1->pool = pool;
    l1->failed_end = &l1->failed;
    copy_config(l1, config);
    struct vd_http_client_config http = {.url = config->url,
                                         .max_concurrent = config->max_concurrent,
                                         .timeout_ms = config->timeout_ms};
    enum vd_err err = vd_l1_heads_init(l1);
    if (err == VD_OK)
        err = vd_l1_blocks_init(l1);
    if (err == VD_OK)
        err = vd_http_client_new(&l1->http, loop, &http);
    if (err != VD_OK) {
        vd_l1_blocks_deinit(l1);
        vd_l1_heads_deinit(l1);
        free(l1);
        return err;
    }
    uv_timer_init(loop, &l1->defer);
    uv_timer_init(loop, &l1->poll.timer);
    l1->defer.data = l1->poll.timer.data = l1;
    l1->handles = 2;
    *out = l1;
    return VD_OK;
}

void
vd_l1_free_if_closed(struct vd_l1 *l1)
{
    if (!l1->closing || !l1->http_closed || l1->handles != 0 || l1->in_pool != 0)
        return;
    void (*closed)(void *ctx) = l1->closed;
    void *ctx = l1->closed_ctx;
    vd_l1_blocks_deinit(l1);
    vd_l1_heads_deinit(l1);
    free(l1);
    if (closed != NULL)
        closed(ctx);
}

static void
on_http_closed(void *ctx)
{
    struct vd_l1 *l1 = ctx;
    l1->http_closed = true;
    vd_l1_free_if_closed(l1);
}

static void
on_handle_closed(uv_handle_t *handle)
{
    struct vd_l1 *l1 = handle->data;
    l1->handles--;
    vd_l1_free_if_closed(l1);
}

void
vd_l1_close(struct vd_l1 *l1, void (*closed)(void *ctx), void *ctx)
{
    VD_ASSERT(!l1->closing);
    l1->closing = true;
    l1->closed = closed;
    l1->closed_ctx = ctx;
    memset(l1->listeners, 0, sizeof l1->listeners);
    vd_http_client_close(l1->http, on_http_closed, l1);
    /* What the callbacks of the above have asked for once more has failed at once. */
    while (l1->failed != NULL)
        tell_failed(l1);
    vd_l1_blocks_deliver(l1);
    uv_close((uv_handle_t *)&l1->defer, on_handle_closed);
    uv_close((uv_handle_t *)&l1->poll.timer, on_handle_closed);
}
