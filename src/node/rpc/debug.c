/* debug_: raw bytes. */
#include <inttypes.h>

#include "rpc_internal.h"

/* Finds the block, or says so as geth does. */
static vd_done *
find_raw(struct vd_reading *r, struct vd_at *at, const struct vd_rpc_block *block, const char *what)
{
    bool found;
    vd_done *bad = vd_reading_find(r, at, &found, block);
    if (bad != NULL || found)
        return bad;
    if (block->tag == VD_BLOCK_HASH)
        return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "%s not found", what);
    return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "%s #%" PRIu64 " not found", what,
                        block->number);
}

static vd_done *
reply_buf(struct vd_reading *r, const struct vd_buf *buf)
{
    return buf->err == VD_OK ? vd_rpc_reply_data(r->call, vd_buf_view(buf))
                             : vd_answer_err(r->call, buf->err);
}

static vd_done *
raw_header(struct vd_reading *r, const struct vd_rpc_block *block)
{
    struct vd_at at;
    struct vd_buf buf;
    vd_done *bad = find_raw(r, &at, block, "header");
    if (bad != NULL)
        return bad;
    vd_buf_init(&buf, r->arena);
    vd_header_encode(&buf, &at.header);
    return reply_buf(r, &buf);
}

static vd_done *
raw_block(struct vd_reading *r, const struct vd_rpc_block *block)
{
    struct vd_at at;
    struct vd_buf buf;
    const struct vd_tx_record *txs;
    size_t count;
    vd_done *bad = find_raw(r, &at, block, "block");
    if (bad == NULL)
        bad = vd_reading_txs(r, &txs, &count, &at);
    if (bad != NULL)
        return bad;
    struct vd_slice *raw = VD_ARENA_NEW(r->arena, struct vd_slice, count + 1);
    if (raw == NULL)
        return vd_answer_err(r->call, VD_ERR_NO_MEMORY);
    for (size_t i = 0; i < count; i++)
        raw[i] = txs[i].raw;
    struct vd_block whole = {
        .header = at.header,
        .hash = at.hash,
        .transactions = raw,
        .transaction_count = count,
        .has_withdrawals = at.header.has_withdrawals_root,
    };
    vd_buf_init(&buf, r->arena);
    vd_block_encode(&buf, &whole);
    return reply_buf(r, &buf);
}

static vd_done *
raw_receipts(struct vd_reading *r, const struct vd_rpc_block *block)
{
    struct vd_at at;
    const struct vd_tx_record *txs;
    size_t count;
    vd_done *bad = find_raw(r, &at, block, "block");
    if (bad == NULL)
        bad = vd_reading_txs(r, &txs, &count, &at);
    if (bad != NULL)
        return bad;
    struct vd_json *j = vd_rpc_result(r->call);
    enum vd_err err = VD_OK;
    vd_json_array_begin(j);
    for (size_t i = 0; i < count && err == VD_OK; i++) {
        size_t mark = vd_arena_mark(r->arena);
        struct vd_buf buf;
        vd_buf_init(&buf, r->arena);
        vd_receipt_encode(&buf, &txs[i].receipt);
        err = buf.err;
        vd_json_data(j, vd_buf_view(&buf));
        vd_arena_rewind(r->arena, mark);
    }
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    vd_json_array_end(j);
    return vd_rpc_reply(r->call);
}

static vd_done *
of_block(struct vd_rpc_call *call, void *ctx,
         vd_done *(*answer)(struct vd_reading *r, const struct vd_rpc_block *block))
{
    struct vd_rpc_block block;
    struct vd_reading r;
    vd_done *done = vd_rpc_params(call, VD_PARAM_BLOCK_OR_HASH(&block));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = answer(&r, &block);
    vd_reading_close(&r);
    return done;
}

static vd_done *
debug_get_raw_header(struct vd_rpc_call *call, void *ctx)
{
    return of_block(call, ctx, raw_header);
}

static vd_done *
debug_get_raw_block(struct vd_rpc_call *call, void *ctx)
{
    return of_block(call, ctx, raw_block);
}

static vd_done *
debug_get_raw_receipts(struct vd_rpc_call *call, void *ctx)
{
    return of_block(call, ctx, raw_receipts);
}

/* Empty for a transaction that is nowhere. */
static vd_done *
raw_transaction(struct vd_reading *r, const struct vd_hash *hash)
{
    uint64_t number;
    size_t index;
    struct vd_slice raw = {0};
    struct vd_address sender;
    enum vd_err err = vd_view_find_tx(r->view, &number, &index, hash);
    if (err == VD_OK) {
        const struct vd_slice *all;
        size_t count;
        err = vd_view_raw_txs(r->view, &all, &count, number);
        if (err == VD_OK && index < count)
            raw = all[index];
    } else if (err == VD_ERR_NOT_FOUND && vd_view_pending(r->view) != NULL &&
               vd_view_find_pending(r->view, &index, hash) == VD_OK) {
        raw = vd_view_pending(r->view)->txs[index].raw;
        err = VD_OK;
    } else if (err == VD_ERR_NOT_FOUND) {
        err = vd_view_find_waiting(r->view, &raw, &sender, hash);
    }
    if (err != VD_OK && err != VD_ERR_NOT_FOUND)
        return vd_answer_err(r->call, err);
    return vd_rpc_reply_data(r->call, err == VD_OK ? raw : (struct vd_slice){0});
}

static vd_done *
debug_get_raw_transaction(struct vd_rpc_call *call, void *ctx)
{
    struct vd_hash hash;
    struct vd_reading r;
    vd_done *done = vd_rpc_params(call, VD_PARAM_HASH(&hash));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = raw_transaction(&r, &hash);
    vd_reading_close(&r);
    return done;
}

static const struct vd_rpc_method METHODS[] = {
    {"debug_getRawHeader", debug_get_raw_header, VD_RPC_POOL},
    {"debug_getRawBlock", debug_get_raw_block, VD_RPC_POOL},
    {"debug_getRawReceipts", debug_get_raw_receipts, VD_RPC_POOL},
    {"debug_getRawTransaction", debug_get_raw_transaction, VD_RPC_POOL},
};
const struct vd_method_table VD_DEBUG_METHODS = {METHODS, VD_COUNT_OF(METHODS)};
