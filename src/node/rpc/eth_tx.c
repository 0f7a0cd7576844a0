/* eth_: transactions, coming in and found again. */
#include <inttypes.h>

#include "rpc_internal.h"

/* --- submission --- */

/* geth gives the errors of its pool no code of their own. */
static void
answer_refused(struct vd_rpc_call *call, const struct vd_submit_result *result)
{
    (void)vd_rpc_error(call, VD_RPC_SERVER_ERROR, "%s",
                       result->text != NULL ? result->text : "transaction refused");
}

static void
submitted(void *ctx, const struct vd_submit_result *result)
{
    struct vd_rpc_call *call = ctx;
    if (result->status == VD_SUBMIT_ACCEPTED)
        (void)vd_rpc_reply_hash(call, &result->hash);
    else
        answer_refused(call, result);
}

static vd_done *
check_raw(struct vd_rpc_call *call, struct vd_slice raw)
{
    if (raw.len > VD_MAX_TX_BYTES)
        return vd_rpc_error(call, VD_RPC_SERVER_ERROR,
                            "oversized data: transaction size %zu, limit %u", raw.len,
                            VD_MAX_TX_BYTES);
    return NULL;
}

static vd_done *
eth_send_raw_transaction(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_api *api = ctx;
    struct vd_slice raw;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_DATA(&raw));
    if (bad == NULL)
        bad = check_raw(call, raw);
    if (bad != NULL)
        return bad;
    vd_engine_submit(api->engine, raw, submitted, call);
    return vd_rpc_pending(call);
}

/* EIP-7966. */
struct sync_call {
    struct vd_rpc_api *api;
    struct vd_rpc_call *call;
    uint64_t timeout_ms;
};

static enum vd_err
write_preconfirmed(struct vd_rpc_api *api, struct vd_json *j, struct vd_arena *arena,
                   const struct vd_pending *pending, size_t index)
{
    struct vd_block_fees fees;
    struct vd_tx tx;
    enum vd_err err = vd_block_fees_read(&fees, api->chain, &pending->header, pending->txs,
                                         pending->tx_count, arena);
    if (err == VD_OK)
        err = vd_record_tx(&tx, arena, pending->txs[index].raw);
    if (err != VD_OK)
        return err;
    struct vd_place place = {&pending->header, NULL, index};
    vd_write_receipt(j, &tx, &pending->txs[index], &place, &fees);
    return VD_OK;
}

static void
answer_preconfirmed(struct sync_call *sync, const struct vd_submit_result *result)
{
    struct vd_scratch *scratch = vd_scratch_take(sync->api);
    if (scratch == NULL) {
        (void)vd_answer_err(sync->call, VD_ERR_NO_MEMORY);
        return;
    }
    enum vd_err err = write_preconfirmed(sync->api, vd_rpc_result(sync->call), &scratch->arena,
                                         result->pending, result->index);
    vd_scratch_give(sync->api, scratch);
    if (err == VD_OK)
        (void)vd_rpc_reply(sync->call);
    else
        (void)vd_answer_err(sync->call, err);
}

static void
submitted_sync(void *ctx, const struct vd_submit_result *result)
{
    struct sync_call *sync = ctx;
    bool accepted = result->status == VD_SUBMIT_ACCEPTED;
    if (accepted && result->pending != NULL)
        answer_preconfirmed(sync, result);
    else if (accepted || result->status == VD_SUBMIT_TIMEOUT)
        (void)vd_rpc_error_data(
            sync->call, VD_RPC_PRECONF_TIMEOUT, vd_slice(result->hash.b, sizeof result->hash.b),
            "The transaction was added to the transaction pool but wasn't processed in %" PRIu64
            "ms.",
            sync->timeout_ms);
    else
        answer_refused(sync->call, result);
}

/* The timeout in milliseconds: a JSON number or a quantity. */
static vd_done *
read_timeout(struct sync_call *sync, const json_t *value)
{
    const struct vd_rpc_api_limits *limits = &sync->api->config.limits;
    sync->timeout_ms = limits->sync_ms;
    if (value == NULL)
        return NULL;
    if (!vd_read_loose_u64(&sync->timeout_ms, value))
        return vd_rpc_bad_argument(sync->call, 1, "the timeout is a number of milliseconds");
    if (sync->timeout_ms > limits->sync_max_ms)
        sync->timeout_ms = limits->sync_max_ms;
    if (sync->timeout_ms == 0)
        sync->timeout_ms = limits->sync_ms;
    return NULL;
}

static vd_done *
eth_send_raw_transaction_sync(struct vd_rpc_call *call, void *ctx)
{
    struct vd_slice raw;
    const json_t *timeout;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_DATA(&raw), VD_PARAM_JSON_OPT(&timeout));
    if (bad == NULL)
        bad = check_raw(call, raw);
    if (bad != NULL)
        return bad;
    struct sync_call *sync = vd_rpc_alloc(call, sizeof *sync);
    if (sync == NULL)
        return vd_answer_err(call, VD_ERR_NO_MEMORY);
    *sync = (struct sync_call){.api = ctx, .call = call};
    bad = read_timeout(sync, timeout);
    if (bad != NULL)
        return bad;
    vd_engine_submit_sync(sync->api->engine, raw, sync->timeout_ms, submitted_sync, sync);
    return vd_rpc_pending(call);
}

/* --- finding one --- */

/* A transaction in the database or in the open block. */
struct found_tx {
    struct vd_at at;
    struct vd_tx_record record;
    struct vd_slice first; /* raw transaction of its block */
    size_t index;
};

/* *found false: nowhere in the database. */
static vd_done *
find_sealed(struct vd_reading *r, struct found_tx *f, bool *found, const struct vd_hash *hash)
{
    struct vd_rpc_block block = {.tag = VD_BLOCK_NUMBER};
    enum vd_err err = vd_view_find_tx(r->view, &block.number, &f->index, hash);
    *found = false;
    if (err == VD_ERR_NOT_FOUND)
        return NULL;
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    vd_done *bad = vd_reading_find(r, &f->at, found, &block);
    if (bad != NULL || !*found)
        return bad;
    err = vd_view_tx(r->view, &f->record, &f->first, f->at.number, f->index);
    if (err == VD_OK)
        return NULL;
    return vd_answer_err(r->call, err == VD_ERR_NOT_FOUND ? VD_ERR_CORRUPT : err);
}

static vd_done *
reply_tx(struct vd_reading *r, const struct vd_tx_record *record, const struct vd_place *place)
{
    struct vd_tx tx;
    enum vd_err err = vd_record_tx(&tx, r->arena, record->raw);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    vd_write_tx(vd_rpc_result(r->call), &tx, record, place);
    return vd_rpc_reply(r->call);
}

static vd_done *
reply_found(struct vd_reading *r, const struct found_tx *f)
{
    struct vd_place place = {&f->at.header, f->at.open != NULL ? NULL : &f->at.hash, f->index};
    return reply_tx(r, &f->record, &place);
}

/* In the open block, or waiting: shown without a block. */
static vd_done *
reply_unsealed(struct vd_reading *r, const struct vd_hash *hash)
{
    const struct vd_pending *open = vd_view_pending(r->view);
    size_t index;
    if (open != NULL && vd_view_find_pending(r->view, &index, hash) == VD_OK)
        return reply_tx(r, &open->txs[index], NULL);
    struct vd_tx_record record = {.hash = *hash};
    enum vd_err err = vd_view_find_waiting(r->view, &record.raw, &record.sender, hash);
    if (err == VD_ERR_NOT_FOUND)
        return vd_rpc_reply_null(r->call);
    return err == VD_OK ? reply_tx(r, &record, NULL) : vd_answer_err(r->call, err);
}

static vd_done *
eth_get_transaction_by_hash(struct vd_rpc_call *call, void *ctx)
{
    struct vd_hash hash;
    struct vd_reading r;
    struct found_tx f;
    bool found;
    vd_done *done = vd_rpc_params(call, VD_PARAM_HASH(&hash));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = find_sealed(&r, &f, &found, &hash);
    if (done == NULL)
        done = found ? reply_found(&r, &f) : reply_unsealed(&r, &hash);
    vd_reading_close(&r);
    return done;
}

static vd_done *
reply_receipt(struct vd_reading *r, const struct found_tx *f)
{
    struct vd_block_fees fees;
    struct vd_tx tx;
    struct vd_tx_record first = {.raw = f->first};
    enum vd_err err = vd_block_fees_read(&fees, r->api->chain, &f->at.header, &first, 1, r->arena);
    if (err == VD_OK)
        err = vd_record_tx(&tx, r->arena, f->record.raw);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    struct vd_place place = {&f->at.header, &f->at.hash, f->index};
    vd_write_receipt(vd_rpc_result(r->call), &tx, &f->record, &place, &fees);
    return vd_rpc_reply(r->call);
}

/* Null until the block is in the database, so that a receipt always has its block's hash. */
static vd_done *
eth_get_transaction_receipt(struct vd_rpc_call *call, void *ctx)
{
    struct vd_hash hash;
    struct vd_reading r;
    struct found_tx f;
    bool found;
    vd_done *done = vd_rpc_params(call, VD_PARAM_HASH(&hash));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = find_sealed(&r, &f, &found, &hash);
    if (done == NULL)
        done = found ? reply_receipt(&r, &f) : vd_rpc_reply_null(call);
    vd_reading_close(&r);
    return done;
}

/* *found false: the block has no such transaction. */
static vd_done *
find_at_index(struct vd_reading *r, struct found_tx *f, bool *found)
{
    const struct vd_pending *open = f->at.open;
    if (open != NULL) {
        *found = f->index < open->tx_count;
        if (*found)
            f->record = open->txs[f->index];
        return NULL;
    }
    enum vd_err err = vd_view_tx(r->view, &f->record, &f->first, f->at.number, f->index);
    *found = err == VD_OK;
    return err == VD_OK || err == VD_ERR_NOT_FOUND ? NULL : vd_answer_err(r->call, err);
}

static vd_done *
reply_at_index(struct vd_rpc_call *call, void *ctx, const struct vd_rpc_block *block,
               uint64_t index)
{
    struct vd_reading r;
    struct found_tx f = {.index = (size_t)index};
    bool found;
    vd_done *done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = vd_reading_find(&r, &f.at, &found, block);
    if (done == NULL && found)
        done = find_at_index(&r, &f, &found);
    if (done == NULL)
        done = found ? reply_found(&r, &f) : vd_rpc_reply_null(call);
    vd_reading_close(&r);
    return done;
}

static vd_done *
eth_get_transaction_by_block_number_and_index(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_block block;
    uint64_t index;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_BLOCK(&block), VD_PARAM_U64(&index));
    return bad != NULL ? bad : reply_at_index(call, ctx, &block, index);
}

static vd_done *
eth_get_transaction_by_block_hash_and_index(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_block block = {.tag = VD_BLOCK_HASH};
    uint64_t index;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_HASH(&block.hash), VD_PARAM_U64(&index));
    return bad != NULL ? bad : reply_at_index(call, ctx, &block, index);
}

static const struct vd_rpc_method METHODS[] = {
    {"eth_sendRawTransaction", eth_send_raw_transaction, VD_RPC_LOOP},
    {"eth_sendRawTransactionSync", eth_send_raw_transaction_sync, VD_RPC_LOOP},
    {"eth_getTransactionByHash", eth_get_transaction_by_hash, VD_RPC_POOL},
    {"eth_getTransactionReceipt", eth_get_transaction_receipt, VD_RPC_POOL},
    {"eth_getTransactionByBlockNumberAndIndex", eth_get_transaction_by_block_number_and_index,
     VD_RPC_POOL},
    {"eth_getTransactionByBlockHashAndIndex", eth_get_transaction_by_block_hash_and_index,
     VD_RPC_POOL},
};
const struct vd_method_table VD_ETH_TX_METHODS = {METHODS, VD_COUNT_OF(METHODS)};
