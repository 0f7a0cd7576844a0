#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "jsonrpc_internal.h"

#define MESSAGE_MAX 1024

const char vd_rpc_token_answered = 0;
const char vd_rpc_token_pending = 0;
const char vd_rpc_token_continue = 0;

/* The id as it came: a string, a number, true, false or null. */
static void
write_id(struct vd_json *out, const json_t *id)
{
    if (json_is_integer(id)) {
        vd_json_number(out, json_integer_value(id));
    } else if (json_is_string(id)) {
        vd_json_string_n(out, json_string_value(id), json_string_length(id));
    } else if (json_is_real(id)) {
        vd_json_double(out, json_real_value(id));
    } else if (json_is_boolean(id)) {
        vd_json_bool(out, json_is_true(id));
    } else {
        vd_json_null(out);
    }
}

static void
begin(struct vd_json *out, const json_t *id)
{
    vd_json_clear(out);
    vd_json_object_begin(out);
    vd_json_put_string(out, "jsonrpc", "2.0");
    vd_json_key(out, "id");
    write_id(out, id);
}

void
vd_rpc_write_error_for(struct vd_json *out, const json_t *id, int code, const char *message,
                       const struct vd_slice *data)
{
    begin(out, id);
    vd_json_key(out, "error");
    vd_json_object_begin(out);
    vd_json_key(out, "code");
    vd_json_number(out, code);
    vd_json_put_string(out, "message", message);
    if (data != NULL)
        vd_json_put_data(out, "data", *data);
    vd_json_object_end(out);
    vd_json_object_end(out);
}

void
vd_rpc_write_error(struct vd_rpc_call *call, int code, const char *message,
                   const struct vd_slice *data)
{
    call->failed = true;
    vd_rpc_write_error_for(&call->out, call->id, code, message, data);
    if (call->out.err == VD_ERR_TOO_LARGE)
        vd_rpc_write_error_for(&call->out, call->id, VD_RPC_RESPONSE_TOO_LARGE,
                               "response too large", NULL);
}

struct vd_json *
vd_rpc_result(struct vd_rpc_call *call)
{
    VD_ASSERT(!call->answered);
    begin(&call->out, call->id);
    vd_json_key(&call->out, "result");
    return &call->out;
}

static const struct vd_rpc_done *
done(struct vd_rpc_call *call)
{
    VD_ASSERT(!call->answered);
    call->answered = true;
    /* False in a worker and inside a handler: then whoever ran the handler finishes the call. */
    if (call->released)
        vd_rpc_call_answered(call);
    return vd_rpc_token(&vd_rpc_token_answered);
}

const struct vd_rpc_done *
vd_rpc_reply(struct vd_rpc_call *call)
{
    /* Nothing was written behind the key: a handler without a result. */
    VD_ASSERT(call->out.err != VD_OK ||
              (call->out.len != 0 && call->out.ptr[call->out.len - 1] != ':'));
    vd_json_object_end(&call->out);
    if (call->out.err == VD_ERR_TOO_LARGE)
        vd_rpc_write_error(call, VD_RPC_RESPONSE_TOO_LARGE, "response too large", NULL);
    else if (call->out.err != VD_OK)
        vd_rpc_write_error(call, VD_RPC_INTERNAL_ERROR, "out of memory", NULL);
    return done(call);
}

const struct vd_rpc_done *
vd_rpc_reply_null(struct vd_rpc_call *call)
{
    vd_json_null(vd_rpc_result(call));
    return vd_rpc_reply(call);
}

const struct vd_rpc_done *
vd_rpc_reply_bool(struct vd_rpc_call *call, bool value)
{
    vd_json_bool(vd_rpc_result(call), value);
    return vd_rpc_reply(call);
}

const struct vd_rpc_done *
vd_rpc_reply_string(struct vd_rpc_call *call, const char *text)
{
    vd_json_string(vd_rpc_result(call), text);
    return vd_rpc_reply(call);
}

const struct vd_rpc_done *
vd_rpc_reply_quantity(struct vd_rpc_call *call, uint64_t value)
{
    vd_json_quantity(vd_rpc_result(call), value);
    return vd_rpc_reply(call);
}

const struct vd_rpc_done *
vd_rpc_reply_u256(struct vd_rpc_call *call, const struct vd_u256 *value)
{
    vd_json_u256(vd_rpc_result(call), value);
    return vd_rpc_reply(call);
}

const struct vd_rpc_done *
vd_rpc_reply_data(struct vd_rpc_call *call, struct vd_slice bytes)
{
    vd_json_data(vd_rpc_result(call), bytes);
    return vd_rpc_reply(call);
}

const struct vd_rpc_done *
vd_rpc_reply_hash(struct vd_rpc_call *call, const struct vd_hash *hash)
{
    vd_json_hash(vd_rpc_result(call), hash);
    return vd_rpc_reply(call);
}

const struct vd_rpc_done *
vd_rpc_error(struct vd_rpc_call *call, int code, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    vd_rpc_write_error(call, code, message, NULL);
    return done(call);
}

const struct vd_rpc_done *
vd_rpc_error_data(struct vd_rpc_call *call, int code, struct vd_slice data, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    vd_rpc_write_error(call, code, message, &data);
    return done(call);
}

const struct vd_rpc_done *
vd_rpc_bad_argument(struct vd_rpc_call *call, size_t index, const char *why)
{
    return vd_rpc_error(call, VD_RPC_INVALID_PARAMS, "invalid argument %zu: %s", index, why);
}

const struct vd_rpc_done *
vd_rpc_pending(struct vd_rpc_call *call)
{
    /* The call may be another thread's by now: it is not looked at. */
    (void)call;
    return vd_rpc_token(&vd_rpc_token_pending);
}

const struct vd_rpc_done *
vd_rpc_continue(struct vd_rpc_call *call, enum vd_rpc_where where, vd_rpc_handler_fn handler,
                void *ctx)
{
    call->where = where;
    call->handler = handler;
    call->ctx = ctx;
    return vd_rpc_token(&vd_rpc_token_continue);
}

void *
vd_rpc_alloc(struct vd_rpc_call *call, size_t size)
{
    struct vd_rpc_block_of_memory *memory = malloc(sizeof *memory + size);
    if (memory == NULL)
        return NULL;
    memory->next = call->memory;
    call->memory = memory;
    return memory->bytes;
}

const char *
vd_rpc_method_name(const struct vd_rpc_call *call)
{
    return call->method->name;
}
