/* The life of a request.

   A body is parsed (long ones in the pool) and becomes a request with one call for each object of
   the batch.  Calls whose envelope is wrong are answered at once; the others are dispatched: LOOP
   handlers run in place, POOL handlers are collected and handed to the pool in chunks before the
   loop waits, so that many small calls cost few hand-overs.  A call ends when its handler has
   returned an answer, or has said pending and somebody has answered since.  With its last call the
   request is put together and answered. */
#include "viaduct/node/net/jsonrpc.h"

#include <stdio.h>
#include <stdlib.h>

#include "jsonrpc_internal.h"
#include "viaduct/node/platform/pool.h"

/* Calls in one job: few enough that a slow one does not hold up many.  What waits is shared out
   evenly, so that no worker idles while another has a long chunk. */
#define CHUNK_MAX 16
#define SHARES 4

const struct vd_rpc_limits VD_RPC_DEFAULT_LIMITS = {
    .max_batch = 1000,
    .max_response_bytes = 25 * 1000 * 1000,
    .parse_on_loop_max = 64 * 1024,
    .max_in_pool = 4096,
};

const uint64_t vd_rpc_bucket_us[VD_RPC_TIME_BUCKETS] = {500, 2500, 10000, 50000, 250000, 1000000};

struct slot {
    const struct vd_rpc_method *method; /* NULL: empty */
    void *ctx;
    struct vd_rpc_method_stats *stats; /* calls point to it, so it stays where it is */
};

struct vd_rpc {
    uv_loop_t *loop;
    struct vd_pool *pool;
    uv_prepare_t flush;
    struct vd_rpc_limits limits;
    struct slot *slots;
    size_t slot_cap; /* a power of two */
    size_t method_count;
    struct vd_rpc_call *ready; /* for the pool, in order */
    struct vd_rpc_call **ready_end;
    uint32_t ready_count;
    uint32_t in_pool;
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
    struct vd_rpc_stats stats;
};

/* --- the table of methods --- */

/* FNV-1a; names are ours, nobody chooses collisions. */
static size_t
name_hash(const char *name)
{
    uint64_t h = 0xcbf29ce484222325;
    for (; *name != '\0'; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3;
    return (size_t)(h ^ h >> 32);
}

static struct slot *
find_slot(const struct vd_rpc *rpc, const char *name)
{
    size_t at = name_hash(name) & (rpc->slot_cap - 1);
    while (rpc->slots[at].method != NULL && strcmp(rpc->slots[at].method->name, name) != 0)
        at = (at + 1) & (rpc->slot_cap - 1);
    return &rpc->slots[at];
}

static bool
reserve_slots(struct vd_rpc *rpc, size_t count)
{
    size_t cap = rpc->slot_cap;
    while (2 * count > cap)
        cap *= 2;
    if (cap == rpc->slot_cap)
        return true;
    struct vd_rpc bigger = {.slots = calloc(cap, sizeof *rpc->slots), .slot_cap = cap};
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < rpc->slot_cap; i++) {
        if (rpc->slots[i].method != NULL)
            *find_slot(&bigger, rpc->slots[i].method->name) = rpc->slots[i];
    }
    free(rpc->slots);
    rpc->slots = bigger.slots;
    rpc->slot_cap = cap;
    return true;
}

enum vd_err
vd_rpc_add(struct vd_rpc *rpc, const struct vd_rpc_method *methods, size_t count, void *ctx)
{
    if (!reserve_slots(rpc, rpc->method_count + count))
        return VD_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = find_slot(rpc, methods[i].name);
        if (slot->method != NULL)
            return VD_ERR_EXISTS;
        struct vd_rpc_method_stats *stats = calloc(1, sizeof *stats);
        if (stats == NULL)
            return VD_ERR_NO_MEMORY;
        *slot = (struct slot){.method = &methods[i], .ctx = ctx, .stats = stats};
        rpc->method_count++;
    }
    return VD_OK;
}

/* --- the end of a request --- */

static void
finish_close(uv_handle_t *handle)
{
    struct vd_rpc *rpc = handle->data;
    void (*closed)(void *ctx) = rpc->closed;
    void *ctx = rpc->closed_ctx;
    for (size_t i = 0; i < rpc->slot_cap; i++)
        free(rpc->slots[i].stats);
    free(rpc->slots);
    free(rpc);
    if (closed != NULL)
        closed(ctx);
}

static void
close_if_idle(struct vd_rpc *rpc)
{
    uv_handle_t *handle = (uv_handle_t *)&rpc->flush;
    if (rpc->closing && rpc->stats.in_flight == 0 && !uv_is_closing(handle))
        uv_close(handle, finish_close);
}

static void
free_call(struct vd_rpc_call *call)
{
    vd_json_deinit(&call->out);
    while (call->memory != NULL) {
        struct vd_rpc_block_of_memory *next = call->memory->next;
        free(call->memory);
        call->memory = next;
    }
}

/* Joins a batch's answers.  geth: once the answers are over the limit, the call that went over it
   and those after it get an error instead. */
static void
join_batch(struct vd_rpc_request *request, struct vd_json *out)
{
    size_t limit = request->rpc->limits.max_response_bytes;
    bool over = false;
    bool any = false;
    for (size_t i = 0; i < request->count; i++) {
        struct vd_rpc_call *call = &request->calls[i];
        if (call->is_notification)
            continue;
        if (!any)
            vd_json_array_begin(out);
        any = true;
        over = over || call->out.len > limit - (out->len < limit ? out->len : limit);
        if (over)
            vd_rpc_write_error(call, VD_RPC_RESPONSE_TOO_LARGE, "response too large", NULL);
        vd_json_raw(out, vd_json_view(&call->out));
    }
    if (any)
        vd_json_array_end(out);
}

static void
finish_request(struct vd_rpc_request *request)
{
    struct vd_rpc *rpc = request->rpc;
    struct vd_json answer;
    vd_json_init(&answer, SIZE_MAX / 2);
    if (request->is_batch) {
        join_batch(request, &answer);
    } else if (!request->calls[0].is_notification) {
        struct vd_json empty = answer;
        answer = request->calls[0].out;
        request->calls[0].out = empty;
    }
    for (size_t i = 0; i < request->count; i++)
        free_call(&request->calls[i]);
    request->answered(request->ctx, &answer);
    vd_json_deinit(&answer);
    json_decref(request->root);
    free(request);
    rpc->stats.in_flight--;
    close_if_idle(rpc);
}

size_t
vd_rpc_response_limit(const struct vd_rpc_call *call)
{
    return call->request->rpc->limits.max_response_bytes;
}

static void
count_answer(const struct vd_rpc_call *call)
{
    struct vd_rpc_method_stats *stats = call->stats;
    call->request->rpc->stats.errors += call->failed;
    if (stats == NULL)
        return;
    uint64_t took_ns = uv_hrtime() - call->begun_ns;
    stats->calls++;
    stats->errors += call->failed;
    stats->time_ns += took_ns;
    for (int i = 0; i < VD_RPC_TIME_BUCKETS; i++)
        stats->buckets[i] += took_ns <= vd_rpc_bucket_us[i] * 1000;
}

void
vd_rpc_call_answered(struct vd_rpc_call *call)
{
    struct vd_rpc_request *request = call->request;
    VD_ASSERT(request->left > 0);
    count_answer(call);
    if (--request->left == 0)
        finish_request(request);
}

/* --- running handlers --- */

static void dispatch(struct vd_rpc_call *call);

/* The handler has returned, on the loop or in a worker that is done with the call. */
static void
settle(struct vd_rpc_call *call)
{
    const struct vd_rpc_done *token = call->token;
    if (token == vd_rpc_token(&vd_rpc_token_continue)) {
        dispatch(call);
        return;
    }
    if (token == vd_rpc_token(&vd_rpc_token_pending)) {
        call->released = true;
        if (!call->answered)
            return;
    } else {
        VD_ASSERT(token == vd_rpc_token(&vd_rpc_token_answered) && call->answered);
    }
    vd_rpc_call_answered(call);
}

struct chunk {
    struct vd_job job;
    struct vd_rpc *rpc;
    size_t count;
    struct vd_rpc_call *calls[CHUNK_MAX];
};

static void
run_chunk(struct vd_job *job)
{
    struct chunk *chunk = (struct chunk *)job;
    for (size_t i = 0; i < chunk->count; i++) {
        struct vd_rpc_call *call = chunk->calls[i];
        call->token = call->handler(call, call->ctx);
    }
}

static void
chunk_done(struct vd_job *job)
{
    struct chunk *chunk = (struct chunk *)job;
    chunk->rpc->in_pool -= (uint32_t)chunk->count;
    for (size_t i = 0; i < chunk->count; i++)
        settle(chunk->calls[i]);
    free(chunk);
}

static void
refuse_busy(struct vd_rpc_call *call)
{
    vd_rpc_error(call, VD_RPC_LIMIT_EXCEEDED, "too many requests are waiting, try again");
    vd_rpc_call_answered(call);
}

static struct vd_rpc_call *
take_ready(struct vd_rpc *rpc)
{
    struct vd_rpc_call *call = rpc->ready;
    rpc->ready = call->next_ready;
    if (rpc->ready == NULL)
        rpc->ready_end = &rpc->ready;
    rpc->ready_count--;
    return call;
}

static void
submit_ready(struct vd_rpc *rpc)
{
    while (rpc->ready != NULL) {
        struct chunk *chunk = malloc(sizeof *chunk);
        if (chunk == NULL) {
            rpc->in_pool--;
            refuse_busy(take_ready(rpc));
            continue;
        }
        uint32_t share = (rpc->ready_count + SHARES - 1) / SHARES;
        *chunk = (struct chunk){.job = {.run = run_chunk, .done = chunk_done}, .rpc = rpc};
        chunk->count = share > CHUNK_MAX ? CHUNK_MAX : share;
        for (size_t i = 0; i < chunk->count; i++)
            chunk->calls[i] = take_ready(rpc);
        if (vd_pool_submit_read(rpc->pool, &chunk->job) == VD_OK)
            continue;
        rpc->in_pool -= (uint32_t)chunk->count;
        for (size_t i = 0; i < chunk->count; i++)
            refuse_busy(chunk->calls[i]);
        free(chunk);
    }
}

static void
dispatch(struct vd_rpc_call *call)
{
    struct vd_rpc *rpc = call->request->rpc;
    if (call->where == VD_RPC_LOOP || rpc->pool == NULL) {
        call->token = call->handler(call, call->ctx);
        settle(call);
        return;
    }
    if (rpc->in_pool >= rpc->limits.max_in_pool) {
        refuse_busy(call);
        return;
    }
    rpc->in_pool++;
    rpc->ready_count++;
    call->next_ready = NULL;
    *rpc->ready_end = call;
    rpc->ready_end = &call->next_ready;
}

/* --- the envelope --- */

static void
refuse_call(struct vd_rpc_call *call, int code, const char *message)
{
    vd_rpc_write_error(call, code, message, NULL);
    call->answered = true;
}

/* geth (rpc/json.go, hasValidID): any JSON value that is neither object nor array. */
static bool
is_id(const json_t *id)
{
    return id != NULL && !json_is_object(id) && !json_is_array(id);
}

static void
find_method(struct vd_rpc_call *call, const char *name)
{
    struct vd_rpc *rpc = call->request->rpc;
    const struct slot *slot = find_slot(rpc, name);
    if (slot->method == NULL) {
        char message[160];
        snprintf(message, sizeof message, "the method %.80s does not exist/is not available", name);
        refuse_call(call, VD_RPC_METHOD_NOT_FOUND, message);
        return;
    }
    call->method = slot->method;
    call->stats = slot->stats;
    call->handler = slot->method->handler;
    call->ctx = slot->ctx;
    call->where = slot->method->where;
}

/* Reads one call; it is answered already when its envelope is wrong. */
static void
open_call(struct vd_rpc_call *call, const json_t *json)
{
    struct vd_rpc *rpc = call->request->rpc;
    vd_json_init(&call->out, rpc->limits.max_response_bytes);
    rpc->stats.calls++;
    call->begun_ns = uv_hrtime();
    const json_t *version = json_object_get(json, "jsonrpc");
    const json_t *id = json_object_get(json, "id");
    const json_t *method = json_object_get(json, "method");
    const json_t *params = json_object_get(json, "params");
    if (is_id(id))
        call->id = id;
    bool valid = json_is_string(version) && strcmp(json_string_value(version), "2.0") == 0 &&
                 json_is_string(method) && json_string_length(method) != 0;
    if (!valid || (id != NULL && !is_id(id))) {
        refuse_call(call, VD_RPC_INVALID_REQUEST, "invalid request");
        return;
    }
    call->is_notification = id == NULL;
    if (params != NULL && !json_is_null(params) && !json_is_array(params)) {
        refuse_call(call, VD_RPC_INVALID_PARAMS, "non-array args");
        return;
    }
    call->params = json_is_array(params) ? params : NULL;
    find_method(call, json_string_value(method));
}

static void
run_request(struct vd_rpc_request *request)
{
    /* The request may be gone after its last call is settled: nothing of it is read then. */
    size_t count = request->count;
    request->left = count;
    for (size_t i = 0; i < count; i++) {
        struct vd_rpc_call *call = &request->calls[i];
        if (call->answered)
            vd_rpc_call_answered(call);
        else
            dispatch(call);
    }
}

static struct vd_rpc_request *
request_new(struct vd_rpc *rpc, size_t count, vd_rpc_answered_fn answered, void *ctx)
{
    struct vd_rpc_request *request =
        calloc(1, sizeof *request + count * sizeof(struct vd_rpc_call));
    if (request == NULL)
        return NULL;
    request->rpc = rpc;
    request->answered = answered;
    request->ctx = ctx;
    request->count = count;
    for (size_t i = 0; i < count; i++)
        request->calls[i].request = request;
    return request;
}

/* Answers with one error object (within an array when as_array) and nothing else. */
static void
answer_error(struct vd_rpc *rpc, vd_rpc_answered_fn answered, void *ctx, bool as_array,
             const json_t *id, int code, const char *message)
{
    struct vd_json one;
    struct vd_json answer;
    rpc->stats.errors++;
    vd_json_init(&one, SIZE_MAX / 2);
    vd_json_init(&answer, SIZE_MAX / 2);
    vd_rpc_write_error_for(&one, id, code, message, NULL);
    if (as_array)
        vd_json_array_begin(&answer);
    vd_json_raw(&answer, vd_json_view(&one));
    if (as_array)
        vd_json_array_end(&answer);
    answered(ctx, &answer);
    vd_json_deinit(&one);
    vd_json_deinit(&answer);
}

/* The id of the first call in a batch, as geth uses it for "batch too large". */
static const json_t *
first_id(const json_t *batch)
{
    size_t i;
    const json_t *item;
    json_array_foreach(batch, i, item)
    {
        const json_t *id = json_object_get(item, "id");
        if (is_id(id))
            return id;
    }
    return NULL;
}

static void
handle(struct vd_rpc *rpc, json_t *root, vd_rpc_answered_fn answered, void *ctx)
{
    bool is_batch = json_is_array(root);
    size_t count = is_batch ? json_array_size(root) : 1;
    if (root == NULL) {
        answer_error(rpc, answered, ctx, false, NULL, VD_RPC_PARSE_ERROR, "parse error");
        return;
    }
    if (count == 0 || count > rpc->limits.max_batch) {
        if (count == 0)
            answer_error(rpc, answered, ctx, false, NULL, VD_RPC_INVALID_REQUEST, "empty batch");
        else
            answer_error(rpc, answered, ctx, true, first_id(root), VD_RPC_INVALID_REQUEST,
                         "batch too large");
        json_decref(root);
        return;
    }
    struct vd_rpc_request *request = request_new(rpc, count, answered, ctx);
    if (request == NULL) {
        answer_error(rpc, answered, ctx, false, NULL, VD_RPC_INTERNAL_ERROR, "out of memory");
        json_decref(root);
        return;
    }
    rpc->stats.in_flight++;
    request->root = root;
    request->is_batch = is_batch;
    for (size_t i = 0; i < count; i++)
        open_call(&request->calls[i], is_batch ? json_array_get(root, i) : root);
    run_request(request);
}

/* --- bodies --- */

/* A long body on its way through the pool; the job comes first, as in struct chunk. */
struct parse_job {
    struct vd_job job;
    struct vd_rpc *rpc;
    struct vd_slice body;
    json_t *root;
    vd_rpc_answered_fn answered;
    void *ctx;
};

static void
run_parse(struct vd_job *job)
{
    struct parse_job *parse = (struct parse_job *)job;
    struct vd_json_why why;
    parse->root = vd_json_parse(&why, parse->body);
}

static void
parse_done(struct vd_job *job)
{
    struct parse_job *parse = (struct parse_job *)job;
    struct vd_rpc *rpc = parse->rpc;
    handle(rpc, parse->root, parse->answered, parse->ctx);
    free(parse);
    rpc->stats.in_flight--;
    close_if_idle(rpc);
}

static bool
parse_in_pool(struct vd_rpc *rpc, struct vd_slice body, vd_rpc_answered_fn answered, void *ctx)
{
    struct parse_job *parse = malloc(sizeof *parse);
    if (parse == NULL)
        return false;
    *parse = (struct parse_job){.job = {.run = run_parse, .done = parse_done},
                                .rpc = rpc,
                                .body = body,
                                .answered = answered,
                                .ctx = ctx};
    if (vd_pool_submit(rpc->pool, &parse->job) != VD_OK) {
        free(parse);
        return false;
    }
    rpc->stats.in_flight++;
    return true;
}

void
vd_rpc_submit(struct vd_rpc *rpc, struct vd_slice body, vd_rpc_answered_fn answered, void *ctx)
{
    struct vd_json_why why;
    if (rpc->closing)
        answer_error(rpc, answered, ctx, false, NULL, VD_RPC_SERVER_ERROR,
                     "the server is shutting down");
    else if (body.len <= rpc->limits.parse_on_loop_max || rpc->pool == NULL)
        handle(rpc, vd_json_parse(&why, body), answered, ctx);
    else if (!parse_in_pool(rpc, body, answered, ctx))
        answer_error(rpc, answered, ctx, false, NULL, VD_RPC_LIMIT_EXCEEDED,
                     "too many requests are waiting, try again");
}

static void
answer_http(void *ctx, struct vd_json *answer)
{
    vd_http_answer(ctx, 200, answer);
}

void
vd_rpc_http(void *rpc, struct vd_http_exchange *exchange, struct vd_slice body)
{
    vd_rpc_submit(rpc, body, answer_http, exchange);
}

/* --- the server --- */

static void
on_prepare(uv_prepare_t *handle)
{
    submit_ready(handle->data);
}

enum vd_err
vd_rpc_new(struct vd_rpc **out, uv_loop_t *loop, struct vd_pool *pool,
           const struct vd_rpc_limits *limits)
{
    struct vd_rpc *rpc = calloc(1, sizeof *rpc);
    if (rpc == NULL)
        return VD_ERR_NO_MEMORY;
    rpc->slot_cap = 64;
    rpc->slots = calloc(rpc->slot_cap, sizeof *rpc->slots);
    if (rpc->slots == NULL) {
        free(rpc);
        return VD_ERR_NO_MEMORY;
    }
    rpc->loop = loop;
    rpc->pool = pool;
    rpc->ready_end = &rpc->ready;
    rpc->limits = VD_RPC_DEFAULT_LIMITS;
    if (limits != NULL && limits->max_batch != 0)
        rpc->limits.max_batch = limits->max_batch;
    if (limits != NULL && limits->max_response_bytes != 0)
        rpc->limits.max_response_bytes = limits->max_response_bytes;
    if (limits != NULL && limits->parse_on_loop_max != 0)
        rpc->limits.parse_on_loop_max = limits->parse_on_loop_max;
    if (limits != NULL && limits->max_in_pool != 0)
        rpc->limits.max_in_pool = limits->max_in_pool;
    uv_prepare_init(loop, &rpc->flush);
    rpc->flush.data = rpc;
    uv_prepare_start(&rpc->flush, on_prepare);
    uv_unref((uv_handle_t *)&rpc->flush);
    *out = rpc;
    return VD_OK;
}

void
vd_rpc_close(struct vd_rpc *rpc, void (*closed)(void *ctx), void *ctx)
{
    VD_ASSERT(!rpc->closing);
    rpc->closing = true;
    rpc->closed = closed;
    rpc->closed_ctx = ctx;
    close_if_idle(rpc);
}

struct vd_rpc_stats
vd_rpc_stats(const struct vd_rpc *rpc)
{
    return rpc->stats;
}

void
vd_rpc_each_method(const struct vd_rpc *rpc,
                   void (*fn)(void *ctx, const char *name, const struct vd_rpc_method_stats *stats),
                   void *ctx)
{
    for (size_t i = 0; i < rpc->slot_cap; i++) {
        const struct slot *slot = &rpc->slots[i];
        if (slot->method != NULL && slot->stats->calls > 0)
            fn(ctx, slot->method->name, slot->stats);
    }
}
