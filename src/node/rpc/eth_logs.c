/* eth_getLogs, and what filters share with it. */
#include <inttypes.h>

#include "rpc_internal.h"

/* A view hands out what lives until it is closed; a long scan takes a new one after so many
   blocks that it had to read. */
#define BLOCKS_PER_VIEW 64u
#define MAX_ADDRESSES 1000u

/* --- the filter object --- */

static vd_done *
bad_filter(struct vd_rpc_call *call, size_t index, const char *why)
{
    return vd_rpc_bad_argument(call, index, why);
}

static const json_t *
member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

static vd_done *
read_addresses(struct vd_rpc_call *call, struct vd_log_query *query, struct vd_arena *arena,
               size_t index, const json_t *value)
{
    struct vd_json_why why;
    if (value == NULL)
        return NULL;
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (count > MAX_ADDRESSES)
        return vd_rpc_error(call, VD_RPC_INVALID_PARAMS,
                            "exceed max addresses or topics per search position: %u",
                            MAX_ADDRESSES);
    struct vd_address *all = VD_ARENA_NEW(arena, struct vd_address, count + 1);
    if (all == NULL)
        return vd_answer_err(call, VD_ERR_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        if (!vd_json_read_address(&all[i], &why, one))
            return bad_filter(call, index, why.text);
    }
    query->addresses = all;
    query->address_count = count;
    return NULL;
}

/* One position: null for any, a hash, or a list of hashes (a null in it means any). */
static vd_done *
read_topic(struct vd_rpc_call *call, struct vd_log_query *query, struct vd_arena *arena,
           size_t index, size_t position, const json_t *value)
{
    struct vd_json_why why;
    if (json_is_null(value))
        return NULL;
    if (!json_is_array(value) && !json_is_string(value))
        return bad_filter(call, index, "invalid topic(s)");
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (count > VD_MAX_TOPIC_CHOICES)
        return vd_rpc_error(call, VD_RPC_INVALID_PARAMS,
                            "exceed max addresses or topics per search position: %u",
                            VD_MAX_TOPIC_CHOICES);
    struct vd_hash *all = VD_ARENA_NEW(arena, struct vd_hash, count + 1);
    if (all == NULL)
        return vd_answer_err(call, VD_ERR_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        if (json_is_null(one))
            return NULL;
        if (!vd_json_read_hash(&all[i], &why, one))
            return bad_filter(call, index, why.text);
    }
    query->topics[position].hashes = all;
    query->topics[position].count = count;
    return NULL;
}

static vd_done *
read_topics(struct vd_rpc_call *call, struct vd_log_query *query, struct vd_arena *arena,
            size_t index, const json_t *value)
{
    if (value == NULL)
        return NULL;
    if (!json_is_array(value))
        return bad_filter(call, index, "invalid topics: not an array");
    query->topic_count = json_array_size(value);
    if (query->topic_count > VD_COUNT_OF(query->topics))
        return vd_rpc_error(call, VD_RPC_INVALID_PARAMS, "exceed max topics");
    vd_done *bad = NULL;
    for (size_t i = 0; i < query->topic_count && bad == NULL; i++)
        bad = read_topic(call, query, arena, index, i, json_array_get(value, i));
    return bad;
}

static vd_done *
read_blocks(struct vd_rpc_call *call, struct vd_log_query *query, size_t index,
            const json_t *object)
{
    struct vd_json_why why;
    const json_t *hash = member(object, "blockHash");
    const json_t *from = member(object, "fromBlock");
    const json_t *to = member(object, "toBlock");
    query->from.tag = query->to.tag = VD_BLOCK_LATEST;
    if (hash != NULL && (from != NULL || to != NULL))
        return bad_filter(call, index,
                          "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the "
                          "other");
    query->by_hash = hash != NULL;
    if (hash != NULL && !vd_json_read_hash(&query->block_hash, &why, hash))
        return bad_filter(call, index, why.text);
    query->has_from = from != NULL;
    query->has_to = to != NULL;
    if ((from != NULL && !vd_rpc_read_block(&query->from, &why, from, false)) ||
        (to != NULL && !vd_rpc_read_block(&query->to, &why, to, false)))
        return bad_filter(call, index, why.text);
    return NULL;
}

vd_done *
vd_log_query_read(struct vd_rpc_call *call, struct vd_log_query *query, struct vd_arena *arena,
                  size_t index, const json_t *object)
{
    *query = (struct vd_log_query){0};
    if (!json_is_object(object))
        return bad_filter(call, index,
                          "json: cannot unmarshal value into Go value of type filters.input");
    vd_done *bad = read_blocks(call, query, index, object);
    if (bad == NULL)
        bad = read_addresses(call, query, arena, index, member(object, "address"));
    if (bad == NULL)
        bad = read_topics(call, query, arena, index, member(object, "topics"));
    return bad;
}

/* --- matching --- */

static bool
may_match(const struct vd_log_query *query, const uint8_t bloom[256])
{
    bool any = query->address_count == 0;
    for (size_t i = 0; i < query->address_count && !any; i++)
        any = vd_bloom_may_have(bloom, vd_slice(query->addresses[i].b, 20));
    for (size_t t = 0; t < query->topic_count && any; t++) {
        if (query->topics[t].count == 0)
            continue;
        any = false;
        for (size_t i = 0; i < query->topics[t].count && !any; i++)
            any = vd_bloom_may_have(bloom, vd_slice(query->topics[t].hashes[i].b, 32));
    }
    return any;
}

static bool
matches(const struct vd_log_query *query, const struct vd_log *log)
{
    bool any = query->address_count == 0;
    for (size_t i = 0; i < query->address_count && !any; i++)
        any = vd_address_eq(&query->addresses[i], &log->address);
    if (!any || query->topic_count > log->topic_count)
        return false;
    for (size_t t = 0; t < query->topic_count && any; t++) {
        any = query->topics[t].count == 0;
        for (size_t i = 0; i < query->topics[t].count && !any; i++)
            any = vd_hash_eq(&query->topics[t].hashes[i], &log->topics[t]);
    }
    return any;
}

/* --- scanning --- */

static vd_done *
write_matching(struct vd_reading *r, struct vd_json *j, uint32_t *left,
               const struct vd_log_query *query, const struct vd_at *at)
{
    const struct vd_tx_record *txs;
    size_t count;
    vd_done *bad = vd_reading_txs(r, &txs, &count, at);
    if (bad != NULL)
        return bad;
    for (size_t t = 0; t < count; t++) {
        struct vd_place place = {&at->header, at->open != NULL ? NULL : &at->hash, t};
        for (size_t i = 0; i < txs[t].receipt.log_count; i++) {
            if (!matches(query, &txs[t].receipt.logs[i]))
                continue;
            if (*left == 0)
                return vd_rpc_error(r->call, VD_RPC_LIMIT_EXCEEDED,
                                    "query returned more than %" PRIu32 " results",
                                    r->api->config.limits.logs);
            (*left)--;
            vd_write_log(j, &txs[t].receipt.logs[i], &place, &txs[t].hash,
                         txs[t].first_log_index + i);
        }
    }
    return NULL;
}

vd_done *
vd_logs_scan(struct vd_reading *r, struct vd_json *j, uint32_t *left,
             const struct vd_log_query *query, uint64_t from, uint64_t to)
{
    unsigned read = 0;
    vd_done *bad = NULL;
    for (uint64_t n = from; n <= to && bad == NULL; n++) {
        struct vd_at at = {.number = n};
        enum vd_err err = vd_view_header(r->view, &at.header, &at.hash, n);
        if (err == VD_ERR_NOT_FOUND) /* a reorg has shortened the chain meanwhile */
            break;
        if (err != VD_OK)
            return vd_answer_err(r->call, err);
        if (!may_match(query, at.header.logs_bloom))
            continue;
        bad = write_matching(r, j, left, query, &at);
        if (bad == NULL && ++read % BLOCKS_PER_VIEW == 0)
            bad = vd_reading_renew(r);
    }
    return bad;
}

static uint64_t
number_of_tag(struct vd_reading *r, const struct vd_rpc_block *block)
{
    const struct vd_heads *heads = vd_view_heads(r->view);
    switch (block->tag) {
    case VD_BLOCK_NUMBER:
        return block->number;
    case VD_BLOCK_SAFE:
        return heads->safe.number;
    case VD_BLOCK_FINALIZED:
        return heads->finalized.number;
    case VD_BLOCK_EARLIEST:
        return vd_engine_genesis(r->api->engine)->number;
    case VD_BLOCK_LATEST:
    case VD_BLOCK_PENDING:
    case VD_BLOCK_HASH:
        break;
    }
    return heads->unsafe.number;
}

vd_done *
vd_log_query_range(struct vd_reading *r, const struct vd_log_query *query, uint64_t *from,
                   uint64_t *to)
{
    uint64_t latest = vd_view_heads(r->view)->unsafe.number;
    *from = number_of_tag(r, &query->from);
    *to = number_of_tag(r, &query->to);
    if (*from > *to)
        return vd_rpc_error(r->call, VD_RPC_INVALID_PARAMS, "invalid block range params");
    if (*to > latest)
        return vd_rpc_error(r->call, VD_RPC_INVALID_PARAMS,
                            "block range extends beyond current head block");
    if (*to - *from >= r->api->config.limits.log_blocks)
        return vd_rpc_error(r->call, VD_RPC_LIMIT_EXCEEDED, "exceed maximum block range: %" PRIu64,
                            r->api->config.limits.log_blocks);
    return NULL;
}

/* Logs of the open block come last, where the range reaches it. */
static vd_done *
scan_open(struct vd_reading *r, struct vd_json *j, uint32_t *left, const struct vd_log_query *query)
{
    struct vd_at at;
    bool found;
    struct vd_rpc_block pending = {.tag = VD_BLOCK_PENDING};
    if (query->to.tag != VD_BLOCK_PENDING || query->by_hash)
        return NULL;
    vd_done *bad = vd_reading_find(r, &at, &found, &pending);
    return bad != NULL || at.open == NULL ? bad : write_matching(r, j, left, query, &at);
}

static vd_done *
find_range(struct vd_reading *r, const struct vd_log_query *query, uint64_t *from, uint64_t *to)
{
    if (!query->by_hash)
        return vd_log_query_range(r, query, from, to);
    enum vd_err err = vd_view_number(r->view, from, &query->block_hash);
    *to = *from;
    if (err == VD_ERR_NOT_FOUND)
        return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "unknown block");
    return err == VD_OK ? NULL : vd_answer_err(r->call, err);
}

vd_done *
vd_logs_answer(struct vd_reading *r, const struct vd_log_query *query)
{
    uint64_t from;
    uint64_t to;
    uint32_t left = r->api->config.limits.logs;
    vd_done *bad = find_range(r, query, &from, &to);
    if (bad != NULL)
        return bad;
    struct vd_json *j = vd_rpc_result(r->call);
    vd_json_array_begin(j);
    /* From `pending` alone is the open block alone. */
    if (query->from.tag != VD_BLOCK_PENDING || query->by_hash || vd_view_pending(r->view) == NULL)
        bad = vd_logs_scan(r, j, &left, query, from, to);
    if (bad == NULL)
        bad = scan_open(r, j, &left, query);
    if (bad != NULL)
        return bad;
    vd_json_array_end(j);
    return vd_rpc_reply(r->call);
}

static vd_done *
eth_get_logs(struct vd_rpc_call *call, void *ctx)
{
    const json_t *object;
    struct vd_log_query query;
    struct vd_reading r;
    vd_done *done = vd_rpc_params(call, VD_PARAM_JSON(&object));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = vd_log_query_read(call, &query, r.arena, 0, object);
    if (done == NULL)
        done = vd_logs_answer(&r, &query);
    vd_reading_close(&r);
    return done;
}

static const struct vd_rpc_method METHODS[] = {
    {"eth_getLogs", eth_get_logs, VD_RPC_POOL},
};
const struct vd_method_table VD_ETH_LOG_METHODS = {METHODS, VD_COUNT_OF(METHODS)};
