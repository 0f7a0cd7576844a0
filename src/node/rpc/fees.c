/* eth_: what gas costs. */
#include <stdlib.h>

#include "rpc_internal.h"

/* op-geth's suggestion (eth/gasprice/optimism-gasprice.go): while blocks are not full, the least
   tip will do; a full one means a market, and the median of what was paid plus a tenth. */
#define MIN_TIP 1000000u            /* wei */
#define MAX_TIP 500000000000u       /* 500 gwei */
#define FULL_BELOW_GAS_LEFT 100000u /* how little is left of the gas of a full block */
#define MAX_PERCENTILES 100u

static int
compare_u256(const void *a, const void *b)
{
    return vd_u256_cmp(a, b);
}

static struct vd_u256
tip_of(const struct vd_tx_record *record, const struct vd_u256 *base_fee)
{
    struct vd_u256 tip;
    if (vd_u256_sub_overflow(&tip, &record->effective_gas_price, base_fee))
        return vd_u256(0); /* deposits pay nothing */
    return tip;
}

static vd_done *
suggest_tip(struct vd_reading *r, struct vd_u256 *tip)
{
    struct vd_at at;
    struct vd_rpc_block latest = {.tag = VD_BLOCK_LATEST};
    *tip = vd_u256(MIN_TIP);
    vd_done *bad = vd_reading_block(r, &at, &latest);
    if (bad != NULL || at.header.gas_limit - at.header.gas_used > FULL_BELOW_GAS_LEFT)
        return bad;
    const struct vd_tx_record *txs;
    size_t count;
    bad = vd_reading_txs(r, &txs, &count, &at);
    if (bad != NULL || count == 0)
        return bad;
    struct vd_u256 *tips = VD_ARENA_NEW(r->arena, struct vd_u256, count);
    if (tips == NULL)
        return vd_answer_err(r->call, VD_ERR_NO_MEMORY);
    for (size_t i = 0; i < count; i++)
        tips[i] = tip_of(&txs[i], &at.header.base_fee);
    qsort(tips, count, sizeof tips[0], compare_u256);
    struct vd_u256 median = tips[count / 2];
    struct vd_u256 tenth = median;
    (void)vd_u256_div_u64(&tenth, 10);
    median = vd_u256_add(&median, &tenth);
    struct vd_u256 most = vd_u256(MAX_TIP);
    if (vd_u256_lt(tip, &median))
        *tip = vd_u256_lt(&most, &median) ? most : median;
    return NULL;
}

/* The answer of a method without parameters: one price in wei. */
static vd_done *
price(struct vd_rpc_call *call, void *ctx,
      vd_done *(*find)(struct vd_reading *r, struct vd_u256 *price))
{
    struct vd_reading r;
    struct vd_u256 found;
    vd_done *done = vd_rpc_no_params(call);
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = find(&r, &found);
    if (done == NULL)
        done = vd_rpc_reply_u256(call, &found);
    vd_reading_close(&r);
    return done;
}

static vd_done *
eth_max_priority_fee_per_gas(struct vd_rpc_call *call, void *ctx)
{
    return price(call, ctx, suggest_tip);
}

static vd_done *
gas_price(struct vd_reading *r, struct vd_u256 *sum)
{
    struct vd_u256 tip;
    struct vd_u256 base_fee;
    vd_done *bad = suggest_tip(r, &tip);
    if (bad == NULL)
        bad = vd_reading_next_base_fee(r, &base_fee);
    if (bad == NULL)
        *sum = vd_u256_add(&tip, &base_fee);
    return bad;
}

static vd_done *
eth_gas_price(struct vd_rpc_call *call, void *ctx)
{
    return price(call, ctx, gas_price);
}

static vd_done *
eth_base_fee(struct vd_rpc_call *call, void *ctx)
{
    return price(call, ctx, vd_reading_next_base_fee);
}

/* On L2 the fee is 1, as BLOBBASEFEE says (OP Stack specs, Ecotone execution engine). */
static struct vd_u256
blob_fee(const struct vd_rpc_api *api, uint64_t excess, uint64_t time)
{
    const struct vd_blob_params *blobs =
        api->chain->is_l2 ? NULL : vd_chain_blobs(api->chain, time);
    return blobs == NULL ? vd_u256(1) : vd_blob_base_fee(excess, blobs->update_fraction);
}

static vd_done *
latest_blob_fee(struct vd_reading *r, struct vd_u256 *fee)
{
    struct vd_at at;
    struct vd_rpc_block latest = {.tag = VD_BLOCK_LATEST};
    vd_done *bad = vd_reading_block(r, &at, &latest);
    if (bad == NULL)
        *fee = blob_fee(r->api, at.header.excess_blob_gas, at.header.timestamp);
    return bad;
}

static vd_done *
eth_blob_base_fee(struct vd_rpc_call *call, void *ctx)
{
    return price(call, ctx, latest_blob_fee);
}

/* --- eth_feeHistory --- */

struct history {
    uint64_t oldest;
    size_t count;
    struct vd_header *headers;
    struct vd_u256 *rewards; /* count rows of percentile_count */
    double percentiles[MAX_PERCENTILES];
    size_t percentile_count;
};

static vd_done *
read_percentiles(struct vd_rpc_call *call, struct history *h, const json_t *list)
{
    h->percentile_count = json_array_size(list);
    if (h->percentile_count > MAX_PERCENTILES)
        return vd_rpc_error(call, VD_RPC_SERVER_ERROR,
                            "invalid reward percentile: over the query limit %u", MAX_PERCENTILES);
    for (size_t i = 0; i < h->percentile_count; i++) {
        const json_t *value = json_array_get(list, i);
        if (!json_is_number(value))
            return vd_rpc_bad_argument(
                call, 2, "json: cannot unmarshal value into Go value of type float64");
        double p = h->percentiles[i] = json_number_value(value);
        if (!(p >= 0 && p <= 100))
            return vd_rpc_error(call, VD_RPC_SERVER_ERROR, "invalid reward percentile: %f", p);
        if (i > 0 && p <= h->percentiles[i - 1])
            return vd_rpc_error(call, VD_RPC_SERVER_ERROR,
                                "invalid reward percentile: #%zu:%f >= #%zu:%f", i - 1,
                                h->percentiles[i - 1], i, p);
    }
    return NULL;
}

struct paid {
    struct vd_u256 tip;
    uint64_t gas;
};

static int
compare_paid(const void *a, const void *b)
{
    return vd_u256_cmp(&((const struct paid *)a)->tip, &((const struct paid *)b)->tip);
}

/* Tips at shares of the gas used, transactions sorted by tip. */
static vd_done *
block_rewards(struct vd_reading *r, struct history *h, size_t row, const struct vd_at *at)
{
    const struct vd_tx_record *txs;
    size_t count;
    vd_done *bad = vd_reading_txs(r, &txs, &count, at);
    if (bad != NULL || count == 0)
        return bad;
    size_t mark = vd_arena_mark(r->arena);
    struct paid *paid = VD_ARENA_NEW(r->arena, struct paid, count);
    if (paid == NULL)
        return vd_answer_err(r->call, VD_ERR_NO_MEMORY);
    for (size_t i = 0; i < count; i++)
        paid[i] = (struct paid){tip_of(&txs[i], &at->header.base_fee), txs[i].receipt.gas_used};
    qsort(paid, count, sizeof paid[0], compare_paid);
    size_t at_tx = 0;
    uint64_t sum = paid[0].gas;
    for (size_t p = 0; p < h->percentile_count; p++) {
        uint64_t threshold = (uint64_t)((double)at->header.gas_used * h->percentiles[p] / 100);
        while (sum < threshold && at_tx + 1 < count)
            sum += paid[++at_tx].gas;
        h->rewards[row * h->percentile_count + p] = paid[at_tx].tip;
    }
    vd_arena_rewind(r->arena, mark);
    return NULL;
}

static vd_done *
read_history(struct vd_reading *r, struct history *h, const struct vd_at *last)
{
    h->headers = VD_ARENA_NEW(r->arena, struct vd_header, h->count + 1);
    h->rewards = VD_ARENA_NEW(r->arena, struct vd_u256, h->count * h->percentile_count + 1);
    if (h->headers == NULL || h->rewards == NULL)
        return vd_answer_err(r->call, VD_ERR_NO_MEMORY);
    vd_done *bad = NULL;
    for (size_t i = 0; i < h->count && bad == NULL; i++) {
        struct vd_at at = {.number = h->oldest + i};
        if (at.number == last->number) {
            at = *last;
        } else {
            enum vd_err err = vd_view_header(r->view, &at.header, &at.hash, at.number);
            if (err != VD_OK)
                return vd_answer_err(r->call, err);
        }
        h->headers[i] = at.header;
        if (h->percentile_count != 0)
            bad = block_rewards(r, h, i, &at);
    }
    return bad;
}

/* The fee that the block after the last one has. */
static struct vd_u256
fee_after(const struct vd_rpc_api *api, const struct vd_header *header)
{
    struct vd_u256 fee = header->base_fee;
    if (api->chain->is_l2)
        return vd_base_fee_l2(&fee, header, api->chain) == VD_OK ? fee : header->base_fee;
    return header->has_base_fee ? vd_base_fee_l1(header) : fee;
}

static struct vd_u256
blob_fee_after(const struct vd_rpc_api *api, const struct vd_header *header)
{
    const struct vd_blob_params *blobs =
        api->chain->is_l2 ? NULL : vd_chain_blobs(api->chain, header->timestamp);
    return blobs == NULL
               ? vd_u256(1)
               : vd_blob_base_fee(vd_next_excess_blob_gas(header, blobs), blobs->update_fraction);
}

static void
write_fees(struct vd_json *j, const struct vd_rpc_api *api, const struct history *h)
{
    vd_json_key(j, "baseFeePerGas");
    vd_json_array_begin(j);
    for (size_t i = 0; i < h->count; i++)
        vd_json_u256(j, &h->headers[i].base_fee);
    struct vd_u256 next = fee_after(api, &h->headers[h->count - 1]);
    vd_json_u256(j, &next);
    vd_json_array_end(j);
    vd_json_key(j, "baseFeePerBlobGas");
    vd_json_array_begin(j);
    for (size_t i = 0; i < h->count; i++) {
        struct vd_u256 fee =
            h->headers[i].has_blob_gas
                ? blob_fee(api, h->headers[i].excess_blob_gas, h->headers[i].timestamp)
                : vd_u256(0);
        vd_json_u256(j, &fee);
    }
    next = h->headers[h->count - 1].has_blob_gas ? blob_fee_after(api, &h->headers[h->count - 1])
                                                 : vd_u256(0);
    vd_json_u256(j, &next);
    vd_json_array_end(j);
}

static void
write_ratios(struct vd_json *j, const struct vd_rpc_api *api, const struct history *h)
{
    vd_json_key(j, "gasUsedRatio");
    vd_json_array_begin(j);
    for (size_t i = 0; i < h->count; i++)
        vd_json_double(j, (double)h->headers[i].gas_used / (double)h->headers[i].gas_limit);
    vd_json_array_end(j);
    vd_json_key(j, "blobGasUsedRatio");
    vd_json_array_begin(j);
    for (size_t i = 0; i < h->count; i++) {
        const struct vd_blob_params *blobs =
            api->chain->is_l2 ? NULL : vd_chain_blobs(api->chain, h->headers[i].timestamp);
        double most = blobs == NULL ? 1 : (double)blobs->max * 131072;
        vd_json_double(j, (double)h->headers[i].blob_gas_used / most);
    }
    vd_json_array_end(j);
}

static vd_done *
reply_history(struct vd_reading *r, const struct history *h)
{
    struct vd_json *j = vd_rpc_result(r->call);
    vd_json_object_begin(j);
    vd_json_put_quantity(j, "oldestBlock", h->count == 0 ? 0 : h->oldest);
    if (h->count == 0) { /* as geth answers a request for no blocks */
        vd_json_put_null(j, "gasUsedRatio");
        vd_json_object_end(j);
        return vd_rpc_reply(r->call);
    }
    write_fees(j, r->api, h);
    write_ratios(j, r->api, h);
    if (h->percentile_count != 0) {
        vd_json_key(j, "reward");
        vd_json_array_begin(j);
        for (size_t i = 0; i < h->count; i++) {
            vd_json_array_begin(j);
            for (size_t p = 0; p < h->percentile_count; p++)
                vd_json_u256(j, &h->rewards[i * h->percentile_count + p]);
            vd_json_array_end(j);
        }
        vd_json_array_end(j);
    }
    vd_json_object_end(j);
    return vd_rpc_reply(r->call);
}

static vd_done *
find_last(struct vd_reading *r, struct vd_at *last, const struct vd_rpc_block *newest)
{
    uint64_t head = vd_view_heads(r->view)->unsafe.number;
    bool found;
    vd_done *bad = vd_reading_find(r, last, &found, newest);
    if (bad != NULL || found)
        return bad;
    return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR,
                        "request beyond head block: requested %llu, head %llu",
                        (unsigned long long)newest->number, (unsigned long long)head);
}

static vd_done *
fee_history(struct vd_reading *r, uint64_t blocks, const struct vd_rpc_block *newest,
            const json_t *percentiles)
{
    struct history *h = VD_ARENA_NEW(r->arena, struct history, 1);
    struct vd_at last;
    if (h == NULL)
        return vd_answer_err(r->call, VD_ERR_NO_MEMORY);
    vd_done *bad = read_percentiles(r->call, h, percentiles);
    if (bad == NULL)
        bad = find_last(r, &last, newest);
    if (bad != NULL)
        return bad;
    if (blocks > r->api->config.limits.fee_history_blocks)
        blocks = r->api->config.limits.fee_history_blocks;
    uint64_t first = vd_engine_genesis(r->api->engine)->number;
    if (blocks > last.number - first + 1)
        blocks = last.number - first + 1;
    h->count = blocks;
    h->oldest = last.number + 1 - blocks;
    if (blocks != 0)
        bad = read_history(r, h, &last);
    return bad != NULL ? bad : reply_history(r, h);
}

static vd_done *
eth_fee_history(struct vd_rpc_call *call, void *ctx)
{
    const json_t *blocks_json;
    const json_t *percentiles;
    struct vd_rpc_block newest;
    struct vd_reading r;
    uint64_t blocks = 0;
    vd_done *done = vd_rpc_params(call, VD_PARAM_JSON(&blocks_json), VD_PARAM_BLOCK(&newest),
                                  VD_PARAM_JSON_OPT(&percentiles));
    if (done == NULL && !vd_read_loose_u64(&blocks, blocks_json))
        done = vd_rpc_bad_argument(call, 0, "invalid hex or decimal integer");
    if (done == NULL && percentiles != NULL && !json_is_array(percentiles))
        done = vd_rpc_bad_argument(call, 2,
                                   "json: cannot unmarshal value into Go value of type []float64");
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = fee_history(&r, blocks, &newest, percentiles);
    vd_reading_close(&r);
    return done;
}

static const struct vd_rpc_method METHODS[] = {
    {"eth_gasPrice", eth_gas_price, VD_RPC_POOL},
    {"eth_maxPriorityFeePerGas", eth_max_priority_fee_per_gas, VD_RPC_POOL},
    {"eth_baseFee", eth_base_fee, VD_RPC_POOL},
    {"eth_blobBaseFee", eth_blob_base_fee, VD_RPC_POOL},
    {"eth_feeHistory", eth_fee_history, VD_RPC_POOL},
};
const struct vd_method_table VD_FEE_METHODS = {METHODS, VD_COUNT_OF(METHODS)};
