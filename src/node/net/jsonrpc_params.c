/* Parameters, with the texts of geth's decoder (rpc/json.go, rpc/types.go). */
#include <stdio.h>
#include <stdlib.h>

#include "jsonrpc_internal.h"
#include "viaduct/core/base/arena.h"

static bool
say(struct vd_json_why *why, const char *text)
{
    snprintf(why->text, sizeof why->text, "%s", text);
    return false;
}

static bool
tag_of(struct vd_rpc_block *out, const char *text)
{
    static const struct {
        const char *name;
        enum vd_rpc_tag tag;
    } tags[] = {
        {"latest", VD_BLOCK_LATEST},       {"pending", VD_BLOCK_PENDING},   {"safe", VD_BLOCK_SAFE},
        {"finalized", VD_BLOCK_FINALIZED}, {"earliest", VD_BLOCK_EARLIEST},
    };
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (strcmp(text, tags[i].name) == 0) {
            out->tag = tags[i].tag;
            return true;
        }
    }
    return false;
}

/* hexutil.DecodeUint64 and its errors, which come without a type here. */
static bool
block_number(struct vd_rpc_block *out, struct vd_json_why *why, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (len == 0)
        return say(why, "empty hex string");
    if (len < 2 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
        return say(why, "hex string without 0x prefix");
    if (len == 2)
        return say(why, "hex string \"0x\"");
    if (text[2] == '0' && len > 3)
        return say(why, "hex number with leading zero digits");
    if (len > 18)
        return say(why, "hex number > 64 bits");
    if (!vd_json_read_u64(&out->number, why, value))
        return say(why, "invalid hex string");
    if (out->number > INT64_MAX)
        return say(why, "block number larger than int64");
    out->tag = VD_BLOCK_NUMBER;
    return true;
}

/* EIP-1898's object. */
static bool
block_object(struct vd_rpc_block *out, struct vd_json_why *why, const json_t *value)
{
    const json_t *number = json_object_get(value, "blockNumber");
    const json_t *hash = json_object_get(value, "blockHash");
    const json_t *canonical = json_object_get(value, "requireCanonical");
    bool has_number = number != NULL && !json_is_null(number);
    bool has_hash = hash != NULL && !json_is_null(hash);
    if (has_number && has_hash)
        return say(why, "cannot specify both BlockHash and BlockNumber, choose one or the other");
    if (!has_number && !has_hash)
        return say(why, "invalid arguments; neither block nor hash specified");
    if (canonical != NULL && !json_is_null(canonical) &&
        !vd_json_read_bool(&out->require_canonical, why, canonical))
        return false;
    if (has_number)
        return vd_rpc_read_block(out, why, number, false);
    out->tag = VD_BLOCK_HASH;
    return vd_json_read_hash(&out->hash, why, hash);
}

bool
vd_rpc_read_block(struct vd_rpc_block *out, struct vd_json_why *why, const json_t *value,
                  bool allow_hash)
{
    if (allow_hash && json_is_object(value))
        return block_object(out, why, value);
    if (!json_is_string(value))
        return say(why, allow_hash ? "json: cannot unmarshal non-string into Go value of type "
                                     "rpc.BlockNumberOrHash"
                                   : "hex string without 0x prefix");
    if (tag_of(out, json_string_value(value)))
        return true;
    if (allow_hash && json_string_length(value) == 66) {
        out->tag = VD_BLOCK_HASH;
        return vd_json_read_hash(&out->hash, why, value);
    }
    return block_number(out, why, value);
}

static bool
read_data(struct vd_rpc_call *call, struct vd_slice *out, struct vd_json_why *why,
          const json_t *value)
{
    size_t room = json_is_string(value) ? json_string_length(value) / 2 + 1 : 1;
    uint8_t *memory = vd_rpc_alloc(call, room);
    if (memory == NULL)
        return say(why, "out of memory");
    struct vd_arena arena;
    vd_arena_init(&arena, memory, room);
    return vd_json_read_data_arena(out, why, &arena, value);
}

static bool
read_string(const char **out, struct vd_json_why *why, const json_t *value)
{
    if (!json_is_string(value)) {
        snprintf(why->text, sizeof why->text,
                 "json: cannot unmarshal %s into Go value of type string",
                 json_is_object(value)    ? "object"
                 : json_is_array(value)   ? "array"
                 : json_is_boolean(value) ? "bool"
                                          : "number");
        return false;
    }
    *out = json_string_value(value);
    return true;
}

static bool
read_param(struct vd_rpc_call *call, const struct vd_rpc_param *param, struct vd_json_why *why,
           const json_t *value)
{
    switch (param->kind) {
    case VD_PARAM_KIND_ADDRESS:
        return vd_json_read_address(param->out.address, why, value);
    case VD_PARAM_KIND_HASH:
        return vd_json_read_hash(param->out.hash, why, value);
    case VD_PARAM_KIND_WORD:
        return vd_json_read_word(param->out.hash, why, value);
    case VD_PARAM_KIND_DATA:
        return read_data(call, param->out.data, why, value);
    case VD_PARAM_KIND_U64:
        return vd_json_read_u64(param->out.u64, why, value);
    case VD_PARAM_KIND_U256:
        return vd_json_read_u256(param->out.u256, why, value);
    case VD_PARAM_KIND_BOOL:
        return vd_json_read_bool(param->out.boolean, why, value);
    case VD_PARAM_KIND_STRING:
        return read_string(param->out.string, why, value);
    case VD_PARAM_KIND_BLOCK:
        return vd_rpc_read_block(param->out.block, why, value, false);
    case VD_PARAM_KIND_BLOCK_OR_HASH:
        return vd_rpc_read_block(param->out.block, why, value, true);
    case VD_PARAM_KIND_JSON:
        *param->out.json = value;
        return true;
    }
    return false;
}

/* What an optional parameter is when it is missing: latest for a block, NULL for a value. */
static void
set_missing(const struct vd_rpc_param *param)
{
    if (param->kind == VD_PARAM_KIND_BLOCK || param->kind == VD_PARAM_KIND_BLOCK_OR_HASH)
        *param->out.block = (struct vd_rpc_block){.tag = VD_BLOCK_LATEST};
    else if (param->kind == VD_PARAM_KIND_JSON)
        *param->out.json = NULL;
}

const struct vd_rpc_done *
vd_rpc_params_read(struct vd_rpc_call *call, const struct vd_rpc_param *params, size_t count)
{
    size_t given = json_array_size(call->params);
    for (size_t i = 0; i < count; i++) {
        const struct vd_rpc_param *param = &params[i];
        const json_t *value = i < given ? json_array_get(call->params, i) : NULL;
        bool missing = value == NULL || (param->optional && json_is_null(value));
        if (param->present != NULL)
            *param->present = !missing;
        if (missing && !param->optional)
            return vd_rpc_error(call, VD_RPC_INVALID_PARAMS,
                                "missing value for required argument %zu", i);
        if (missing) {
            set_missing(param);
            continue;
        }
        if (param->kind == VD_PARAM_KIND_BLOCK || param->kind == VD_PARAM_KIND_BLOCK_OR_HASH)
            *param->out.block = (struct vd_rpc_block){.tag = VD_BLOCK_LATEST};
        struct vd_json_why why;
        if (!read_param(call, param, &why, value))
            return vd_rpc_bad_argument(call, i, why.text);
    }
    if (given > count)
        return vd_rpc_error(call, VD_RPC_INVALID_PARAMS, "too many arguments, want at most %zu",
                            count);
    return NULL;
}

const struct vd_rpc_done *
vd_rpc_no_params(struct vd_rpc_call *call)
{
    return vd_rpc_params_read(call, NULL, 0);
}
