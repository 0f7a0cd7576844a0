/* Whole blocks, checked, with a window fetched ahead and a small cache.

   A fetch asks for the block with its transactions, checks it in the pool, and asks for the
   receipts where the header's bloom may hold a log of interest.  Waiters share one fetch of a
   number.  A block that was fetched by number before a reorg is not cached; who waits for it gets
   it all the same and finds that its parent does not fit. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "l1_internal.h"
#include "viaduct/node/net/json_reader.h"
#include "viaduct/node/platform/memory.h"

/* Address space for a block out of JSON of len bytes: its bytes take less than half of their hex,
   once decoded and once encoded, and arrays less than the objects they come from. */
#define ROOM(len) (4 * (len) + ((size_t)1 << 20))

struct vd_l1_fetched {
    atomic_uint references;
    struct vd_l1_block block;
    void *memory[2]; /* of the block, of the receipts */
    size_t size[2];
};

struct vd_l1_fetch {
    struct vd_job job; /* first */
    struct vd_l1 *l1;
    struct vd_l1_fetch *next;
    bool by_hash;
    uint64_t number;
    struct vd_hash hash;
    bool stale; /* a reorg came in between */
    struct vd_l1_waiter *waiters;
    struct vd_l1_waiter **waiters_end;
    /* In the pool. */
    uint8_t *body;
    size_t body_len;
    bool is_receipts;
    bool wants_receipts;
    struct vd_l1_fetched *fetched;
    enum vd_err err;
    int code;
    char text[VD_L1_TEXT_MAX];
};

/* --- fetched blocks --- */

const struct vd_l1_block *
vd_l1_fetched_block(const struct vd_l1_fetched *fetched)
{
    return &fetched->block;
}

struct vd_l1_ref
vd_l1_fetched_ref(const struct vd_l1_fetched *fetched)
{
    const struct vd_l1_block *block = &fetched->block;
    return (struct vd_l1_ref){.hash = block->hash,
                              .number = block->header.number,
                              .parent_hash = block->header.parent_hash,
                              .timestamp = block->header.timestamp};
}

struct vd_l1_fetched *
vd_l1_fetched_hold(struct vd_l1_fetched *fetched)
{
    atomic_fetch_add(&fetched->references, 1);
    return fetched;
}

void
vd_l1_fetched_release(struct vd_l1_fetched *fetched)
{
    if (fetched == NULL || atomic_fetch_sub(&fetched->references, 1) != 1)
        return;
    vd_release(fetched->memory[0], fetched->size[0]);
    vd_release(fetched->memory[1], fetched->size[1]);
    free(fetched);
}

/* --- the cache --- */

enum vd_err
vd_l1_blocks_init(struct vd_l1 *l1)
{
    l1->blocks.ready_end = &l1->blocks.ready;
    l1->blocks.cache = calloc(l1->config.cache_blocks, sizeof(struct vd_l1_fetched *));
    return l1->blocks.cache == NULL ? VD_ERR_NO_MEMORY : VD_OK;
}

static void
cache_drop(struct vd_l1_blocks *blocks, uint32_t index)
{
    vd_l1_fetched_release(blocks->cache[index]);
    blocks->cache[index] = blocks->cache[--blocks->cache_count];
}

void
vd_l1_blocks_deinit(struct vd_l1 *l1)
{
    while (l1->blocks.cache_count > 0)
        cache_drop(&l1->blocks, 0);
    free(l1->blocks.cache);
}

static uint64_t
distance(uint64_t a, uint64_t b)
{
    return a < b ? b - a : a - b;
}

/* Keeps a block; the one farthest from where the reader is makes room. */
static void
cache_add(struct vd_l1 *l1, struct vd_l1_fetched *fetched)
{
    struct vd_l1_blocks *blocks = &l1->blocks;
    if (blocks->cache_count == l1->config.cache_blocks) {
        uint32_t farthest = 0;
        for (uint32_t i = 1; i < blocks->cache_count; i++) {
            if (distance(blocks->cache[i]->block.header.number, blocks->last_asked) >
                distance(blocks->cache[farthest]->block.header.number, blocks->last_asked))
                farthest = i;
        }
        cache_drop(blocks, farthest);
    }
    blocks->cache[blocks->cache_count++] = vd_l1_fetched_hold(fetched);
}

static struct vd_l1_fetched *
cache_by_hash(const struct vd_l1 *l1, const struct vd_hash *hash)
{
    for (uint32_t i = 0; i < l1->blocks.cache_count; i++) {
        if (vd_hash_eq(&l1->blocks.cache[i]->block.hash, hash))
            return l1->blocks.cache[i];
    }
    return NULL;
}

/* The cached block at number, unless another one is known to be canonical there. */
static struct vd_l1_fetched *
cache_by_number(struct vd_l1 *l1, uint64_t number)
{
    struct vd_l1_ref canonical;
    bool known = vd_l1_canonical(l1, &canonical, number);
    for (uint32_t i = 0; i < l1->blocks.cache_count; i++) {
        const struct vd_l1_block *block = &l1->blocks.cache[i]->block;
        if (block->header.number == number && (!known || vd_hash_eq(&block->hash, &canonical.hash)))
            return l1->blocks.cache[i];
    }
    return NULL;
}

void
vd_l1_block_forget(struct vd_l1 *l1, uint64_t number)
{
    for (uint32_t i = l1->blocks.cache_count; i > 0; i--) {
        if (l1->blocks.cache[i - 1]->block.header.number >= number)
            cache_drop(&l1->blocks, i - 1);
    }
    for (struct vd_l1_fetch *fetch = l1->blocks.fetches; fetch != NULL; fetch = fetch->next) {
        if (!fetch->by_hash && fetch->number >= number)
            fetch->stale = true;
    }
}

void
vd_l1_blocks_reorg(struct vd_l1 *l1, bool known, uint64_t ancestor)
{
    vd_l1_block_forget(l1, known ? ancestor + 1 : 0);
}

/* --- delivery --- */

static struct vd_l1_waiter *
waiter_new(vd_l1_fetched_fn fn, void *ctx)
{
    struct vd_l1_waiter *waiter = calloc(1, sizeof *waiter);
    VD_ASSERT(waiter != NULL); /* as in vd_l1_request_new */
    waiter->fn = fn;
    waiter->ctx = ctx;
    return waiter;
}

void
vd_l1_blocks_deliver(struct vd_l1 *l1)
{
    static const struct vd_l1_status ok = {.err = VD_OK, .text = ""};
    struct vd_l1_waiter *waiter = l1->blocks.ready;
    l1->blocks.ready = NULL;
    l1->blocks.ready_end = &l1->blocks.ready;
    while (waiter != NULL) {
        struct vd_l1_waiter *next = waiter->next;
        waiter->fn(waiter->ctx, &ok, waiter->fetched);
        free(waiter);
        waiter = next;
    }
}

static void
deliver_later(struct vd_l1 *l1, struct vd_l1_waiter *waiter, struct vd_l1_fetched *fetched)
{
    waiter->fetched = vd_l1_fetched_hold(fetched);
    *l1->blocks.ready_end = waiter;
    l1->blocks.ready_end = &waiter->next;
    vd_l1_defer(l1);
}

static void
unlink_fetch(struct vd_l1_fetch *fetch)
{
    struct vd_l1_fetch **at = &fetch->l1->blocks.fetches;
    while (*at != fetch)
        at = &(*at)->next;
    *at = fetch->next;
    fetch->l1->blocks.fetch_count--;
}

static void
end_fetch(struct vd_l1_fetch *fetch)
{
    struct vd_l1 *l1 = fetch->l1;
    bool ok = fetch->err == VD_OK && !l1->closing;
    if (fetch->err == VD_OK && l1->closing) {
        fetch->err = VD_ERR_CLOSED;
        snprintf(fetch->text, sizeof fetch->text, "the client is closing");
    }
    struct vd_l1_status status = {
        .err = fetch->err, .code = fetch->code, .text = ok ? "" : fetch->text};
    unlink_fetch(fetch);
    if (ok && !fetch->stale && cache_by_hash(l1, &fetch->fetched->block.hash) == NULL)
        cache_add(l1, fetch->fetched);
    struct vd_l1_waiter *waiter = fetch->waiters;
    while (waiter != NULL) {
        struct vd_l1_waiter *next = waiter->next;
        waiter->fn(waiter->ctx, &status, ok ? vd_l1_fetched_hold(fetch->fetched) : NULL);
        free(waiter);
        waiter = next;
    }
    vd_l1_fetched_release(fetch->fetched);
    free(fetch->body);
    free(fetch);
}

static void
fail_fetch(struct vd_l1_fetch *fetch, enum vd_err err, const char *text)
{
    fetch->err = err;
    if (text != fetch->text)
        snprintf(fetch->text, sizeof fetch->text, "%s", text);
    end_fetch(fetch);
}

/* --- in the pool --- */

static bool
may_have_logs(const struct vd_l1 *l1, const struct vd_header *header)
{
    for (uint32_t i = 0; i < l1->config.log_source_count; i++) {
        if (vd_bloom_may_have(header->logs_bloom,
                              vd_slice(l1->log_sources[i].b, sizeof l1->log_sources[i].b)))
            return true;
    }
    return l1->config.log_source_count == 0;
}

static enum vd_err
check_block(struct vd_l1_fetch *fetch, struct vd_l1_why *why, struct vd_arena *arena,
            const json_t *json)
{
    struct vd_l1_block *block = &fetch->fetched->block;
    enum vd_err err = vd_l1_parse_block(block, why, arena, &fetch->l1->config.lenient, json);
    if (err != VD_OK)
        return err;
    bool fits = fetch->by_hash ? vd_hash_eq(&block->hash, &fetch->hash)
                               : block->header.number == fetch->number;
    if (!fits) {
        snprintf(why->text, sizeof why->text, "L1 answers with another block than was asked for");
        return VD_ERR_MISMATCH;
    }
    fetch->wants_receipts =
        block->transaction_count != 0 && may_have_logs(fetch->l1, &block->header);
    return VD_OK;
}

static void
run_check(struct vd_job *job)
{
    struct vd_l1_fetch *fetch = (struct vd_l1_fetch *)job;
    struct vd_l1_fetched *fetched = fetch->fetched;
    struct vd_l1_answer answer;
    struct vd_l1_why why = {""};
    struct vd_arena arena;
    int part = fetch->is_receipts ? 1 : 0;
    vd_l1_answer_read(&answer, vd_slice(fetch->body, fetch->body_len));
    fetch->err = answer.status.err;
    fetch->code = answer.status.code;
    snprintf(fetch->text, sizeof fetch->text, "%s", answer.status.text);
    if (fetch->err == VD_OK) {
        fetched->size[part] = ROOM(fetch->body_len);
        fetched->memory[part] = vd_reserve(fetched->size[part]);
        vd_arena_init(&arena, fetched->memory[part], fetched->size[part]);
        if (fetched->memory[part] == NULL)
            fetch->err = VD_ERR_NO_MEMORY;
        else if (fetch->is_receipts)
            fetch->err = vd_l1_parse_receipts(&fetched->block, &why, &arena, answer.result);
        else
            fetch->err = check_block(fetch, &why, &arena, answer.result);
        snprintf(fetch->text, sizeof fetch->text, "%s",
                 why.text[0] != '\0' ? why.text : vd_err_text(fetch->err));
        if (fetch->err == VD_OK)
            vd_trim(arena.base, arena.size, arena.used);
    }
    vd_l1_answer_deinit(&answer);
    free(fetch->body);
    fetch->body = NULL;
}

static void ask_receipts(struct vd_l1_fetch *fetch);

static void
check_done(struct vd_job *job)
{
    struct vd_l1_fetch *fetch = (struct vd_l1_fetch *)job;
    struct vd_l1 *l1 = fetch->l1;
    l1->in_pool--;
    if (fetch->err == VD_OK && !fetch->is_receipts && fetch->wants_receipts && !l1->closing)
        ask_receipts(fetch);
    else
        end_fetch(fetch);
    vd_l1_free_if_closed(l1);
}

/* --- asking --- */

static void
on_body(struct vd_l1_request *request, const struct vd_http_result *result, uint8_t **body)
{
    struct vd_l1_fetch *fetch = request->ctx;
    if (result->err != VD_OK) {
        fail_fetch(fetch, result->err, result->detail);
        return;
    }
    fetch->job = (struct vd_job){.run = run_check, .done = check_done};
    fetch->body = *body;
    fetch->body_len = result->body.len;
    *body = NULL;
    enum vd_err err = vd_pool_submit(fetch->l1->pool, &fetch->job);
    if (err != VD_OK)
        fail_fetch(fetch, err, vd_err_text(err));
    else
        fetch->l1->in_pool++;
}

static void
ask(struct vd_l1_fetch *fetch, const char *method, struct vd_json *params)
{
    struct vd_l1_request *request = vd_l1_request_new(fetch->l1, fetch);
    vd_json_array_end(params);
    request->raw = on_body;
    vd_l1_request_send(request, method, params);
}

static void
ask_receipts(struct vd_l1_fetch *fetch)
{
    struct vd_json params;
    vd_json_init(&params, 256);
    vd_json_array_begin(&params);
    vd_json_hash(&params, &fetch->fetched->block.hash);
    fetch->is_receipts = true;
    ask(fetch, "eth_getBlockReceipts", &params);
}

static void
ask_block(struct vd_l1_fetch *fetch)
{
    struct vd_json params;
    vd_json_init(&params, 256);
    vd_json_array_begin(&params);
    vd_l1_params_at(&params,
                    fetch->by_hash ? vd_l1_hash(&fetch->hash) : vd_l1_number(fetch->number));
    vd_json_bool(&params, true);
    ask(fetch, fetch->by_hash ? "eth_getBlockByHash" : "eth_getBlockByNumber", &params);
}

static struct vd_l1_fetch *
fetch_new(struct vd_l1 *l1)
{
    struct vd_l1_fetch *fetch = calloc(1, sizeof *fetch);
    struct vd_l1_fetched *fetched = calloc(1, sizeof *fetched);
    VD_ASSERT(fetch != NULL && fetched != NULL); /* as in vd_l1_request_new */
    atomic_init(&fetched->references, 1);
    fetch->l1 = l1;
    fetch->fetched = fetched;
    fetch->waiters_end = &fetch->waiters;
    fetch->next = l1->blocks.fetches;
    l1->blocks.fetches = fetch;
    l1->blocks.fetch_count++;
    return fetch;
}

static void
fetch_wait(struct vd_l1_fetch *fetch, struct vd_l1_waiter *waiter)
{
    *fetch->waiters_end = waiter;
    fetch->waiters_end = &waiter->next;
}

static struct vd_l1_fetch *
find_fetch(const struct vd_l1 *l1, uint64_t number)
{
    struct vd_l1_fetch *fetch = l1->blocks.fetches;
    while (fetch != NULL && (fetch->by_hash || fetch->stale || fetch->number != number))
        fetch = fetch->next;
    return fetch;
}

static struct vd_l1_fetch *
start_number(struct vd_l1 *l1, uint64_t number)
{
    struct vd_l1_fetch *fetch = fetch_new(l1);
    fetch->number = number;
    return fetch;
}

static void
prefetch(struct vd_l1 *l1, uint64_t number)
{
    uint64_t end = l1->heads.known ? l1->heads.latest.number : 0;
    for (uint64_t n = number + 1; n <= end && n - number <= l1->config.prefetch; n++) {
        if (l1->blocks.fetch_count >= l1->config.prefetch)
            return;
        if (find_fetch(l1, n) == NULL && cache_by_number(l1, n) == NULL)
            ask_block(start_number(l1, n));
    }
}

void
vd_l1_block_fetch(struct vd_l1 *l1, uint64_t number, vd_l1_fetched_fn fn, void *ctx)
{
    struct vd_l1_waiter *waiter = waiter_new(fn, ctx);
    struct vd_l1_fetched *cached = cache_by_number(l1, number);
    struct vd_l1_fetch *fetch = find_fetch(l1, number);
    l1->blocks.last_asked = number;
    if (cached != NULL) {
        deliver_later(l1, waiter, cached);
    } else if (fetch != NULL) {
        fetch_wait(fetch, waiter);
    } else {
        fetch = start_number(l1, number);
        fetch_wait(fetch, waiter);
        ask_block(fetch);
    }
    prefetch(l1, number);
}

void
vd_l1_block_fetch_hash(struct vd_l1 *l1, const struct vd_hash *hash, vd_l1_fetched_fn fn, void *ctx)
{
    struct vd_l1_waiter *waiter = waiter_new(fn, ctx);
    struct vd_l1_fetched *cached = cache_by_hash(l1, hash);
    if (cached != NULL) {
        deliver_later(l1, waiter, cached);
        return;
    }
    struct vd_l1_fetch *fetch = fetch_new(l1);
    fetch->by_hash = true;
    fetch->hash = *hash;
    fetch_wait(fetch, waiter);
    ask_block(fetch);
}
