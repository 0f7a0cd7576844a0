/* Filters: what has come since somebody last asked.

   A filter is a position.  Logs and blocks are read from the database between the position and the
   tip when they are asked for, so nothing is collected in between; only hashes of pending
   transactions are kept, in a ring that all such filters share.  Filters are looked up under the
   lock and held by count while they are read. */
#include <stdlib.h>
#include <string.h>

#include "rpc_internal.h"

#define RING 32768u /* pending hashes kept; who asks too seldom misses the oldest */

enum filter_kind {
    FILTER_LOGS,
    FILTER_BLOCKS,
    FILTER_PENDING,
};

struct filter {
    struct filter *next;
    unsigned refs; /* one while it is installed */
    enum filter_kind kind;
    struct vd_hash id; /* the first 16 bytes */
    uint64_t deadline_ms;
    uint64_t position; /* the next block, or the next hash of the ring */
    struct vd_log_query query;
    void *memory; /* of the query */
};

struct vd_filters {
    uv_mutex_t lock;
    struct filter *list;
    size_t count;
    struct vd_hash *ring; /* made with the first filter that needs it */
    uint64_t ring_end;    /* hashes ever put in */
};

enum vd_err
vd_filters_new(struct vd_filters **out)
{
    struct vd_filters *filters = calloc(1, sizeof *filters);
    if (filters == NULL)
        return VD_ERR_NO_MEMORY;
    VD_ASSERT(uv_mutex_init(&filters->lock) == 0);
    *out = filters;
    return VD_OK;
}

static void
unref(struct filter *filter)
{
    if (--filter->refs == 0) {
        free(filter->memory);
        free(filter);
    }
}

void
vd_filters_free(struct vd_filters *filters)
{
    if (filters == NULL)
        return;
    for (struct filter *f = filters->list, *next; f != NULL; f = next) {
        next = f->next;
        unref(f);
    }
    uv_mutex_destroy(&filters->lock);
    free(filters->ring);
    free(filters);
}

size_t
vd_filters_count(struct vd_filters *filters)
{
    uv_mutex_lock(&filters->lock);
    size_t count = filters->count;
    uv_mutex_unlock(&filters->lock);
    return count;
}

/* --- events --- */

void
vd_rpc_api_heads(struct vd_rpc_api *api, const struct vd_heads *heads, bool reorg,
                 uint64_t common_ancestor)
{
    (void)heads;
    if (!reorg)
        return;
    uv_mutex_lock(&api->filters->lock);
    for (struct filter *f = api->filters->list; f != NULL; f = f->next) {
        if (f->kind != FILTER_PENDING && f->position > common_ancestor + 1)
            f->position = common_ancestor + 1;
    }
    uv_mutex_unlock(&api->filters->lock);
}

void
vd_rpc_api_pending(struct vd_rpc_api *api, const struct vd_hash *hashes, size_t count)
{
    struct vd_filters *filters = api->filters;
    uv_mutex_lock(&filters->lock);
    for (size_t i = 0; i < count && filters->ring != NULL; i++)
        filters->ring[filters->ring_end++ % RING] = hashes[i];
    uv_mutex_unlock(&filters->lock);
}

/* --- the list, under the lock --- */

static void
remove_at(struct vd_filters *filters, struct filter **link)
{
    struct filter *filter = *link;
    *link = filter->next;
    filters->count--;
    unref(filter);
}

static void
remove_expired(struct vd_filters *filters, uint64_t now)
{
    struct filter **link = &filters->list;
    while (*link != NULL) {
        if ((*link)->deadline_ms < now)
            remove_at(filters, link);
        else
            link = &(*link)->next;
    }
}

static struct filter **
find(struct vd_filters *filters, const struct vd_hash *id)
{
    struct filter **link = &filters->list;
    while (*link != NULL && !vd_hash_eq(&(*link)->id, id))
        link = &(*link)->next;
    return *link != NULL ? link : NULL;
}

static uint64_t
now_ms(const struct vd_rpc_api *api)
{
    return api->clock->monotonic_ms(api->clock->ctx);
}

/* --- installing --- */

/* Takes the filter over. */
static vd_done *
install(struct vd_rpc_api *api, struct vd_rpc_call *call, struct filter *filter)
{
    struct vd_filters *filters = api->filters;
    char id[35] = "0x";
    VD_ASSERT(uv_random(NULL, NULL, filter->id.b, 16, 0, NULL) == 0);
    vd_hex_encode(id + 2, filter->id.b, 16);
    filter->refs = 1;
    filter->deadline_ms = now_ms(api) + api->config.limits.filter_idle_ms;
    uv_mutex_lock(&filters->lock);
    remove_expired(filters, now_ms(api));
    if (filter->kind == FILTER_PENDING && filters->ring == NULL)
        filters->ring = calloc(RING, sizeof filters->ring[0]);
    if (filter->kind == FILTER_PENDING)
        filter->position = filters->ring_end;
    bool room = filters->count < api->config.limits.filters &&
                (filter->kind != FILTER_PENDING || filters->ring != NULL);
    if (room) {
        filter->next = filters->list;
        filters->list = filter;
        filters->count++;
    } else {
        unref(filter);
    }
    uv_mutex_unlock(&filters->lock);
    if (!room)
        return vd_rpc_error(call, VD_RPC_LIMIT_EXCEEDED, "too many filters, at most %u",
                            api->config.limits.filters);
    return vd_rpc_reply_string(call, id);
}

/* A filter of blocks to come, with room for copies of a query. */
static struct filter *
new_filter(const struct vd_reading *r, enum filter_kind kind, size_t memory)
{
    struct filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL)
        return NULL;
    filter->kind = kind;
    filter->position = vd_view_heads(r->view)->unsafe.number + 1;
    filter->memory = memory == 0 ? NULL : malloc(memory);
    if (memory != 0 && filter->memory == NULL) {
        free(filter);
        return NULL;
    }
    return filter;
}

static size_t
query_size(const struct vd_log_query *query)
{
    size_t size = query->address_count * sizeof query->addresses[0];
    for (size_t i = 0; i < query->topic_count; i++)
        size += query->topics[i].count * sizeof query->topics[i].hashes[0];
    return size;
}

static void
copy_query(struct filter *filter, const struct vd_log_query *query)
{
    uint8_t *at = filter->memory;
    filter->query = *query;
    for (size_t i = 0; i < query->topic_count; i++) {
        size_t size = query->topics[i].count * sizeof query->topics[i].hashes[0];
        if (size == 0)
            continue;
        memcpy(at, query->topics[i].hashes, size);
        filter->query.topics[i].hashes = (const struct vd_hash *)at;
        at += size;
    }
    if (query->address_count != 0)
        memcpy(at, query->addresses, query->address_count * sizeof query->addresses[0]);
    filter->query.addresses = (const struct vd_address *)at;
}

static vd_done *
install_logs(struct vd_reading *r, const json_t *object)
{
    struct vd_log_query query;
    vd_done *bad = vd_log_query_read(r->call, &query, r->arena, 0, object);
    if (bad != NULL)
        return bad;
    if (query.from.tag == VD_BLOCK_NUMBER && query.to.tag == VD_BLOCK_NUMBER &&
        query.from.number > query.to.number)
        return vd_rpc_error(r->call, VD_RPC_INVALID_PARAMS, "invalid block range params");
    struct filter *filter = new_filter(r, FILTER_LOGS, query_size(&query));
    if (filter == NULL)
        return vd_answer_err(r->call, VD_ERR_NO_MEMORY);
    copy_query(filter, &query);
    return install(r->api, r->call, filter);
}

static vd_done *
eth_new_filter(struct vd_rpc_call *call, void *ctx)
{
    const json_t *object;
    struct vd_reading r;
    vd_done *done = vd_rpc_params(call, VD_PARAM_JSON(&object));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = install_logs(&r, object);
    vd_reading_close(&r);
    return done;
}

static vd_done *
install_plain(struct vd_rpc_call *call, void *ctx, enum filter_kind kind)
{
    struct vd_reading r;
    vd_done *done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    struct filter *filter = new_filter(&r, kind, 0);
    vd_reading_close(&r);
    return filter != NULL ? install(ctx, call, filter) : vd_answer_err(call, VD_ERR_NO_MEMORY);
}

static vd_done *
eth_new_block_filter(struct vd_rpc_call *call, void *ctx)
{
    vd_done *bad = vd_rpc_no_params(call);
    return bad != NULL ? bad : install_plain(call, ctx, FILTER_BLOCKS);
}

/* geth's parameter for whole transactions is not taken: hashes only. */
static vd_done *
eth_new_pending_transaction_filter(struct vd_rpc_call *call, void *ctx)
{
    bool full = false;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_BOOL_OPT(&full));
    if (bad == NULL && full)
        bad = vd_rpc_error(call, VD_RPC_INVALID_PARAMS,
                           "filters of whole pending transactions are not supported");
    return bad != NULL ? bad : install_plain(call, ctx, FILTER_PENDING);
}

/* --- asking --- */

static bool
read_id(struct vd_hash *id, const char *text)
{
    memset(id->b, 0, sizeof id->b);
    return strlen(text) == 34 && memcmp(text, "0x", 2) == 0 &&
           vd_hex_decode(id->b, 16, text + 2, 32) == VD_OK;
}

/* Takes a reference and tells the position, which moves to next_position where that is ahead. */
static struct filter *
take(struct vd_rpc_api *api, const char *text, uint64_t *position, uint64_t next_position)
{
    struct vd_hash id;
    struct filter *filter = NULL;
    if (!read_id(&id, text))
        return NULL;
    uv_mutex_lock(&api->filters->lock);
    struct filter **link = find(api->filters, &id);
    if (link != NULL && (*link)->deadline_ms >= now_ms(api)) {
        filter = *link;
        filter->refs++;
        filter->deadline_ms = now_ms(api) + api->config.limits.filter_idle_ms;
        *position = filter->position;
        if (filter->kind != FILTER_PENDING && filter->position < next_position)
            filter->position = next_position;
    }
    uv_mutex_unlock(&api->filters->lock);
    return filter;
}

static void
give(struct vd_rpc_api *api, struct filter *filter)
{
    uv_mutex_lock(&api->filters->lock);
    unref(filter);
    uv_mutex_unlock(&api->filters->lock);
}

static vd_done *
not_found(struct vd_rpc_call *call)
{
    return vd_rpc_error(call, VD_RPC_SERVER_ERROR, "filter not found");
}

static vd_done *
log_changes(struct vd_reading *r, const struct filter *filter, uint64_t from, uint64_t latest)
{
    const struct vd_log_query *query = &filter->query;
    struct vd_json *j = vd_rpc_result(r->call);
    uint32_t left = r->api->config.limits.logs;
    uint64_t to = latest;
    if (query->to.tag == VD_BLOCK_NUMBER && query->to.number < to)
        to = query->to.number;
    if (query->from.tag == VD_BLOCK_NUMBER && query->from.number > from)
        from = query->from.number;
    vd_json_array_begin(j);
    vd_done *bad = from <= to ? vd_logs_scan(r, j, &left, query, from, to) : NULL;
    if (bad != NULL)
        return bad;
    vd_json_array_end(j);
    return vd_rpc_reply(r->call);
}

static vd_done *
block_changes(struct vd_reading *r, uint64_t from, uint64_t latest)
{
    struct vd_json *j = vd_rpc_result(r->call);
    vd_json_array_begin(j);
    for (uint64_t n = from; n <= latest; n++) {
        struct vd_header header;
        struct vd_hash hash;
        enum vd_err err = vd_view_header(r->view, &header, &hash, n);
        if (err != VD_OK)
            return vd_answer_err(r->call, err);
        vd_json_hash(j, &hash);
    }
    vd_json_array_end(j);
    return vd_rpc_reply(r->call);
}

static vd_done *
pending_changes(struct vd_reading *r, struct filter *filter)
{
    struct vd_filters *filters = r->api->filters;
    struct vd_json *j = vd_rpc_result(r->call);
    vd_json_array_begin(j);
    uv_mutex_lock(&filters->lock);
    if (filters->ring_end > RING && filter->position < filters->ring_end - RING)
        filter->position = filters->ring_end - RING;
    for (; filter->position < filters->ring_end; filter->position++)
        vd_json_hash(j, &filters->ring[filter->position % RING]);
    uv_mutex_unlock(&filters->lock);
    vd_json_array_end(j);
    return vd_rpc_reply(r->call);
}

static vd_done *
changes(struct vd_reading *r, const char *id)
{
    uint64_t latest = vd_view_heads(r->view)->unsafe.number;
    uint64_t from = 0;
    struct filter *filter = take(r->api, id, &from, latest + 1);
    if (filter == NULL)
        return not_found(r->call);
    vd_done *done = NULL;
    switch (filter->kind) {
    case FILTER_LOGS:
        done = log_changes(r, filter, from, latest);
        break;
    case FILTER_BLOCKS:
        done = block_changes(r, from, latest);
        break;
    case FILTER_PENDING:
        done = pending_changes(r, filter);
        break;
    }
    give(r->api, filter);
    return done;
}

static vd_done *
eth_get_filter_changes(struct vd_rpc_call *call, void *ctx)
{
    const char *id;
    struct vd_reading r;
    vd_done *done = vd_rpc_params(call, VD_PARAM_STRING(&id));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = changes(&r, id);
    vd_reading_close(&r);
    return done;
}

/* All that the filter's own range holds, whatever was asked before. */
static vd_done *
eth_get_filter_logs(struct vd_rpc_call *call, void *ctx)
{
    const char *id;
    uint64_t position;
    struct vd_reading r;
    vd_done *done = vd_rpc_params(call, VD_PARAM_STRING(&id));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    struct filter *filter = take(ctx, id, &position, 0);
    if (filter == NULL || filter->kind != FILTER_LOGS)
        done = not_found(call);
    else
        done = vd_logs_answer(&r, &filter->query);
    if (filter != NULL)
        give(ctx, filter);
    vd_reading_close(&r);
    return done;
}

static vd_done *
eth_uninstall_filter(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_api *api = ctx;
    const char *text;
    struct vd_hash id;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_STRING(&text));
    if (bad != NULL)
        return bad;
    if (!read_id(&id, text))
        return vd_rpc_reply_bool(call, false);
    uv_mutex_lock(&api->filters->lock);
    struct filter **link = find(api->filters, &id);
    bool found = link != NULL;
    if (found)
        remove_at(api->filters, link);
    uv_mutex_unlock(&api->filters->lock);
    return vd_rpc_reply_bool(call, found);
}

static const struct vd_rpc_method METHODS[] = {
    {"eth_newFilter", eth_new_filter, VD_RPC_POOL},
    {"eth_newBlockFilter", eth_new_block_filter, VD_RPC_POOL},
    {"eth_newPendingTransactionFilter", eth_new_pending_transaction_filter, VD_RPC_POOL},
    {"eth_getFilterChanges", eth_get_filter_changes, VD_RPC_POOL},
    {"eth_getFilterLogs", eth_get_filter_logs, VD_RPC_POOL},
    {"eth_uninstallFilter", eth_uninstall_filter, VD_RPC_LOOP},
};
const struct vd_method_table VD_FILTER_METHODS = {METHODS, VD_COUNT_OF(METHODS)};
