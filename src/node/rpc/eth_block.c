/* eth_: blocks and what is in them. */
#include "rpc_internal.h"
#include "viaduct/core/crypto/keccak.h"

static vd_done *
eth_block_number(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_api *api = ctx;
    vd_done *bad = vd_rpc_no_params(call);
    return bad != NULL ? bad
                       : vd_rpc_reply_quantity(call, vd_engine_heads(api->engine)->unsafe.number);
}

/* --- whole blocks --- */

static size_t
item_len(struct vd_slice raw)
{
    /* A legacy transaction is a list in the block, a typed one a string (EIP-2718). */
    return raw.len != 0 && raw.ptr[0] >= 0xc0 ? raw.len : vd_rlp_string_len(raw);
}

static size_t
list_len(size_t content)
{
    uint8_t header[9];
    return vd_rlp_list_header(header, content) + content;
}

static size_t
header_len(struct vd_arena *arena, const struct vd_header *header)
{
    size_t mark = vd_arena_mark(arena);
    struct vd_buf buf;
    vd_buf_init(&buf, arena);
    vd_header_encode(&buf, header);
    vd_arena_rewind(arena, mark);
    return buf.len;
}

/* A block as it is shown: with whole transactions, or with their hashes. */
struct shown_block {
    struct vd_at at;
    bool full;
    const struct vd_tx_record *txs; /* NULL where hashes are enough and raw has all */
    const struct vd_slice *raw;
    size_t tx_count;
};

/* Receipts are not read where only hashes are shown. */
static vd_done *
read_txs(struct vd_reading *r, struct shown_block *b)
{
    if (b->full || b->at.open != NULL)
        return vd_reading_txs(r, &b->txs, &b->tx_count, &b->at);
    enum vd_err err = vd_view_raw_txs(r->view, &b->raw, &b->tx_count, b->at.number);
    return err == VD_OK ? NULL : vd_answer_err(r->call, err);
}

static size_t
block_size(struct vd_reading *r, const struct shown_block *b)
{
    size_t txs = 0;
    for (size_t i = 0; i < b->tx_count; i++)
        txs += item_len(b->txs != NULL ? b->txs[i].raw : b->raw[i]);
    size_t content = header_len(r->arena, &b->at.header) + list_len(txs) + list_len(0);
    /* Neither L2 nor the embedded L1 has withdrawals of EIP-4895: the list is there and empty. */
    if (b->at.header.has_withdrawals_root)
        content += list_len(0);
    return list_len(content);
}

static enum vd_err
write_hashes(struct vd_reading *r, struct vd_json *j, const struct shown_block *b)
{
    size_t mark = vd_arena_mark(r->arena);
    struct vd_hash *hashes = VD_ARENA_NEW(r->arena, struct vd_hash, b->tx_count + 1);
    if (hashes == NULL)
        return VD_ERR_NO_MEMORY;
    if (b->txs == NULL)
        vd_keccak256_many(hashes, b->raw, b->tx_count);
    for (size_t i = 0; i < b->tx_count; i++)
        vd_json_hash(j, b->txs != NULL ? &b->txs[i].hash : &hashes[i]);
    vd_arena_rewind(r->arena, mark);
    return VD_OK;
}

static enum vd_err
write_full(struct vd_reading *r, struct vd_json *j, const struct shown_block *b)
{
    enum vd_err err = VD_OK;
    for (size_t i = 0; i < b->tx_count && err == VD_OK; i++) {
        size_t mark = vd_arena_mark(r->arena);
        struct vd_tx tx;
        err = vd_record_tx(&tx, r->arena, b->txs[i].raw);
        struct vd_place place = {&b->at.header, b->at.open != NULL ? NULL : &b->at.hash, i};
        if (err == VD_OK)
            vd_write_tx(j, &tx, &b->txs[i], &place);
        vd_arena_rewind(r->arena, mark);
    }
    return err;
}

static void
put_empty_array(struct vd_json *j, const char *key)
{
    vd_json_key(j, key);
    vd_json_array_begin(j);
    vd_json_array_end(j);
}

static vd_done *
show_block(struct vd_reading *r, const struct vd_rpc_block *which, bool full)
{
    struct shown_block b = {.full = full};
    bool found;
    vd_done *bad = vd_reading_find(r, &b.at, &found, which);
    if (bad == NULL && !found)
        return vd_rpc_reply_null(r->call);
    if (bad == NULL)
        bad = read_txs(r, &b);
    if (bad != NULL)
        return bad;
    struct vd_json *j = vd_rpc_result(r->call);
    vd_json_object_begin(j);
    vd_write_header(j, &b.at.header, b.at.open != NULL ? NULL : &b.at.hash);
    vd_json_put_quantity(j, "size", block_size(r, &b));
    vd_json_key(j, "transactions");
    vd_json_array_begin(j);
    enum vd_err err = full ? write_full(r, j, &b) : write_hashes(r, j, &b);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    vd_json_array_end(j);
    put_empty_array(j, "uncles");
    if (b.at.header.has_withdrawals_root)
        put_empty_array(j, "withdrawals");
    vd_json_object_end(j);
    return vd_rpc_reply(r->call);
}

static vd_done *
get_block(struct vd_rpc_call *call, void *ctx, const struct vd_rpc_block *which, bool full)
{
    struct vd_reading r;
    vd_done *done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = show_block(&r, which, full);
    vd_reading_close(&r);
    return done;
}

static vd_done *
eth_get_block_by_number(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_block block;
    bool full = false;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_BLOCK(&block), VD_PARAM_BOOL_OPT(&full));
    return bad != NULL ? bad : get_block(call, ctx, &block, full);
}

static vd_done *
eth_get_block_by_hash(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_block block = {.tag = VD_BLOCK_HASH};
    bool full = false;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_HASH(&block.hash), VD_PARAM_BOOL_OPT(&full));
    return bad != NULL ? bad : get_block(call, ctx, &block, full);
}

/* --- receipts of a block --- */

static enum vd_err
write_receipts(struct vd_reading *r, struct vd_json *j, const struct vd_at *at,
               const struct vd_tx_record *txs, size_t count)
{
    struct vd_block_fees fees;
    enum vd_err err = vd_block_fees_read(&fees, r->api->chain, &at->header, txs, count, r->arena);
    vd_json_array_begin(j);
    for (size_t i = 0; i < count && err == VD_OK; i++) {
        size_t mark = vd_arena_mark(r->arena);
        struct vd_tx tx;
        err = vd_record_tx(&tx, r->arena, txs[i].raw);
        struct vd_place place = {&at->header, at->open != NULL ? NULL : &at->hash, i};
        if (err == VD_OK)
            vd_write_receipt(j, &tx, &txs[i], &place, &fees);
        vd_arena_rewind(r->arena, mark);
    }
    vd_json_array_end(j);
    return err;
}

static vd_done *
show_receipts(struct vd_reading *r, const struct vd_rpc_block *which)
{
    struct vd_at at;
    const struct vd_tx_record *txs;
    size_t count;
    bool found;
    vd_done *bad = vd_reading_find(r, &at, &found, which);
    if (bad == NULL && !found)
        return vd_rpc_reply_null(r->call);
    if (bad == NULL)
        bad = vd_reading_txs(r, &txs, &count, &at);
    if (bad != NULL)
        return bad;
    enum vd_err err = write_receipts(r, vd_rpc_result(r->call), &at, txs, count);
    return err == VD_OK ? vd_rpc_reply(r->call) : vd_answer_err(r->call, err);
}

static vd_done *
eth_get_block_receipts(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_block block;
    vd_done *done = vd_rpc_params(call, VD_PARAM_BLOCK_OR_HASH(&block));
    struct vd_reading r;
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = show_receipts(&r, &block);
    vd_reading_close(&r);
    return done;
}

/* --- counts --- */

/* How many of what a block holds; uncles are none since the merge. */
static vd_done *
reply_count(struct vd_rpc_call *call, void *ctx, const struct vd_rpc_block *which, bool uncles)
{
    struct vd_reading r;
    vd_done *done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    struct vd_at at;
    bool found;
    done = vd_reading_find(&r, &at, &found, which);
    if (done == NULL && !found) {
        done = vd_rpc_reply_null(call);
    } else if (done == NULL && at.open != NULL) {
        done = vd_rpc_reply_quantity(call, uncles ? 0 : at.open->tx_count);
    } else if (done == NULL) {
        const struct vd_slice *raw;
        size_t count;
        enum vd_err err = vd_view_raw_txs(r.view, &raw, &count, at.number);
        done = err != VD_OK ? vd_answer_err(call, err)
                            : vd_rpc_reply_quantity(call, uncles ? 0 : count);
    }
    vd_reading_close(&r);
    return done;
}

static vd_done *
eth_get_block_transaction_count_by_number(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_block block;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_BLOCK(&block));
    return bad != NULL ? bad : reply_count(call, ctx, &block, false);
}

static vd_done *
eth_get_block_transaction_count_by_hash(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_block block = {.tag = VD_BLOCK_HASH};
    vd_done *bad = vd_rpc_params(call, VD_PARAM_HASH(&block.hash));
    return bad != NULL ? bad : reply_count(call, ctx, &block, false);
}

static vd_done *
eth_get_uncle_count_by_block_number(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_block block;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_BLOCK(&block));
    return bad != NULL ? bad : reply_count(call, ctx, &block, true);
}

static vd_done *
eth_get_uncle_count_by_block_hash(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_block block = {.tag = VD_BLOCK_HASH};
    vd_done *bad = vd_rpc_params(call, VD_PARAM_HASH(&block.hash));
    return bad != NULL ? bad : reply_count(call, ctx, &block, true);
}

static const struct vd_rpc_method METHODS[] = {
    {"eth_blockNumber", eth_block_number, VD_RPC_LOOP},
    {"eth_getBlockByNumber", eth_get_block_by_number, VD_RPC_POOL},
    {"eth_getBlockByHash", eth_get_block_by_hash, VD_RPC_POOL},
    {"eth_getBlockReceipts", eth_get_block_receipts, VD_RPC_POOL},
    {"eth_getBlockTransactionCountByNumber", eth_get_block_transaction_count_by_number,
     VD_RPC_POOL},
    {"eth_getBlockTransactionCountByHash", eth_get_block_transaction_count_by_hash, VD_RPC_POOL},
    {"eth_getUncleCountByBlockNumber", eth_get_uncle_count_by_block_number, VD_RPC_POOL},
    {"eth_getUncleCountByBlockHash", eth_get_uncle_count_by_block_hash, VD_RPC_POOL},
};
const struct vd_method_table VD_ETH_BLOCK_METHODS = {METHODS, VD_COUNT_OF(METHODS)};
