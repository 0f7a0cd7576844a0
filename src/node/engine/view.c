/* Views: a snapshot of the database and the open block that fits it. */
#include "engine_internal.h"

#include <stdlib.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"

#define VIEW_BYTES ((size_t)16 << 30) /* address space, taken when first used */
/* How often a snapshot and the published block are taken again until they fit. */
#define MAX_TRIES 16

struct vd_view {
    struct vd_engine *engine;
    struct vd_snapshot *snapshot;
    struct vd_pending_box *pending;                    /* a reference, or NULL */
    struct vd_block_box *recent[VD_ENGINE_MAX_SEALED]; /* references: blocks above latest */
    size_t recent_count;
    struct vd_heads heads;
    struct vd_arena arena;
};

/* --- opening --- */

/* The database is at a block that the layers under the open block begin at or hold. */
static bool
fits(const struct vd_pending_box *pending, const struct vd_block_id *head)
{
    if (vd_hash_eq(&pending->base.hash, &head->hash)) {
        return true;
    }
    for (size_t i = 0; i < pending->below_count; i++) {
        if (vd_hash_eq(&pending->below[i]->result.hash, &head->hash)) {
            return true;
        }
    }
    return false;
}

static struct vd_pending_box *
take_pending(struct vd_engine *e)
{
    uv_mutex_lock(&e->mutex);
    struct vd_pending_box *pending = e->pending;
    if (pending) {
        (void)vd_pending_ref(&pending->view);
    }
    uv_mutex_unlock(&e->mutex);
    return pending;
}

static void
drop_pending(struct vd_view *view)
{
    vd_pending_unref(view->pending ? &view->pending->view : NULL);
    view->pending = NULL;
}

static enum vd_err
take(struct vd_view *view)
{
    for (int i = 0; i < MAX_TRIES; i++) {
        struct vd_block_id head;
        vd_snapshot_end(view->snapshot);
        view->snapshot = NULL;
        drop_pending(view);
        view->pending = take_pending(view->engine);
        enum vd_err err = vd_snapshot_begin(&view->snapshot, view->engine->store);
        if (err == VD_OK) {
            err = vd_snapshot_head(view->snapshot, VD_HEAD_UNSAFE, &head);
        }
        if (err != VD_OK || !view->pending || fits(view->pending, &head)) {
            return err;
        }
        if (head.number >= view->pending->view.header.number) {
            /* Sealed and written; the next one is not published yet. */
            break;
        }
    }
    drop_pending(view);
    return VD_OK;
}

static enum vd_err
read_head(struct vd_view *view, struct vd_block_ref *ref, enum vd_head which)
{
    struct vd_block_id id;
    struct vd_header header;
    enum vd_err err = vd_snapshot_head(view->snapshot, which, &id);
    if (err == VD_OK) {
        err = vd_snapshot_header(view->snapshot, &header, NULL, id.number);
    }
    if (err == VD_OK) {
        *ref = (struct vd_block_ref){.hash = id.hash,
                                     .number = id.number,
                                     .parent_hash = header.parent_hash,
                                     .timestamp = header.timestamp};
    }
    return err;
}

/* Blocks that were made on top of latest and are not in the database yet. */
static void
take_recent(struct vd_view *view)
{
    struct vd_engine *e = view->engine;
    struct vd_hash parent = view->heads.unsafe.hash;
    uv_mutex_lock(&e->mutex);
    for (size_t i = 0; i < e->recent_count; i++) {
        struct vd_block_box *box = e->recent[i];
        if (vd_hash_eq(&box->info.ref.parent_hash, &parent)) {
            vd_box_ref(box);
            view->recent[view->recent_count++] = box;
            parent = box->info.ref.hash;
        }
    }
    uv_mutex_unlock(&e->mutex);
}

static struct vd_block_box *
find_recent(const struct vd_view *view, uint64_t number)
{
    for (size_t i = 0; i < view->recent_count; i++) {
        if (view->recent[i]->info.ref.number == number) {
            return view->recent[i];
        }
    }
    return NULL;
}

enum vd_err
vd_view_open(struct vd_view **out, struct vd_engine *engine)
{
    struct vd_view *view = calloc(1, sizeof *view);
    if (!view) {
        return VD_ERR_NO_MEMORY;
    }
    view->engine = engine;
    enum vd_err err = take(view);
    if (err == VD_OK) {
        err = read_head(view, &view->heads.unsafe, VD_HEAD_UNSAFE);
    }
    if (err == VD_OK) {
        take_recent(view);
        err = read_head(view, &view->heads.safe, VD_HEAD_SAFE);
    }
    if (err == VD_OK) {
        err = read_head(view, &view->heads.finalized, VD_HEAD_FINALIZED);
    }
    if (err != VD_OK) {
        vd_view_close(view);
        return err;
    }
    *out = view;
    return VD_OK;
}

void
vd_view_close(struct vd_view *view)
{
    if (!view) {
        return;
    }
    drop_pending(view);
    for (size_t i = 0; i < view->recent_count; i++) {
        vd_box_release(view->recent[i]);
    }
    vd_snapshot_end(view->snapshot);
    vd_release(view->arena.base, view->arena.size);
    free(view);
}

static enum vd_err
need_arena(struct vd_view *view)
{
    if (view->arena.base) {
        return VD_OK;
    }
    void *memory = vd_reserve(VIEW_BYTES);
    if (!memory) {
        return VD_ERR_NO_MEMORY;
    }
    vd_arena_init(&view->arena, memory, VIEW_BYTES);
    return VD_OK;
}

const struct vd_heads *
vd_view_heads(const struct vd_view *view)
{
    return &view->heads;
}

const struct vd_pending *
vd_view_pending(const struct vd_view *view)
{
    return view->pending ? &view->pending->view : NULL;
}

/* --- blocks --- */

enum vd_err
vd_view_header(struct vd_view *view, struct vd_header *header, struct vd_hash *hash,
               uint64_t number)
{
    return vd_snapshot_header(view->snapshot, header, hash, number);
}

enum vd_err
vd_view_number(struct vd_view *view, uint64_t *number, const struct vd_hash *hash)
{
    return vd_snapshot_number(view->snapshot, number, hash);
}

enum vd_err
vd_view_raw_txs(struct vd_view *view, const struct vd_slice **txs, size_t *count, uint64_t number)
{
    struct vd_body body;
    const struct vd_block_box *box = find_recent(view, number);
    if (box) {
        *txs = box->raws;
        *count = box->tx_count;
        return VD_OK;
    }
    enum vd_err err = need_arena(view);
    if (err == VD_OK) {
        err = vd_snapshot_body(view->snapshot, &body, number);
    }
    if (err != VD_OK) {
        return err;
    }
    struct vd_slice *list = VD_ARENA_NEW(&view->arena, struct vd_slice, (size_t)body.count + 1);
    if (!list) {
        return VD_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < body.count; i++) {
        list[i] = vd_body_transaction(&body, i);
    }
    *txs = list;
    *count = body.count;
    return VD_OK;
}

/* What the L1 fee is computed from: the block's own attributes transaction. */
static bool
read_fee_params(struct vd_view *view, struct vd_l1_fee_params *params, struct vd_slice first)
{
    struct vd_tx tx;
    struct vd_l1_info info;
    if (!view->engine->chain.is_l2 || vd_tx_decode(&tx, NULL, &view->arena, first) != VD_OK ||
        tx.type != VD_TX_DEPOSIT || vd_l1_info_decode(&info, tx.data) != VD_OK) {
        return false;
    }
    *params = (struct vd_l1_fee_params){.l1_base_fee = info.base_fee,
                                        .blob_base_fee = info.blob_base_fee,
                                        .base_fee_scalar = info.base_fee_scalar,
                                        .blob_base_fee_scalar = info.blob_base_fee_scalar,
                                        .operator_fee_scalar = info.operator_fee_scalar,
                                        .operator_fee_constant = info.operator_fee_constant};
    return true;
}

static void
fill_price(struct vd_tx_record *record, const struct vd_tx *tx, const struct vd_header *header)
{
    struct vd_u256 room;
    if (tx->type == VD_TX_DEPOSIT || vd_u256_sub_overflow(&room, &tx->max_fee, &header->base_fee)) {
        return;
    }
    const struct vd_u256 *tip =
        vd_u256_lt(&room, &tx->max_priority_fee) ? &room : &tx->max_priority_fee;
    record->effective_gas_price = vd_u256_add(&header->base_fee, tip);
}

/* Everything but the receipt and its place among the logs.  Leaves nothing in the arena. */
static enum vd_err
fill_record(struct vd_view *view, struct vd_tx_record *r, const struct vd_body *body,
            const struct vd_header *header, const struct vd_l1_fee_params *params, uint32_t index)
{
    size_t start = vd_arena_mark(&view->arena);
    struct vd_tx tx;
    r->raw = vd_body_transaction(body, index);
    if (vd_tx_decode(&tx, NULL, &view->arena, r->raw) != VD_OK) {
        return VD_ERR_CORRUPT;
    }
    r->hash = tx.hash;
    r->sender = vd_body_sender(body, index);
    fill_price(r, &tx, header);
    if (params && tx.type != VD_TX_DEPOSIT) {
        r->l1_fee = vd_l1_fee(r->raw, params);
    }
    vd_arena_rewind(&view->arena, start);
    return VD_OK;
}

static enum vd_err
fill_records(struct vd_view *view, struct vd_tx_record *records, const struct vd_body *body,
             const struct vd_receipt *receipts, const struct vd_header *header)
{
    struct vd_l1_fee_params params;
    size_t logs = 0;
    enum vd_err err = VD_OK;
    bool has_params =
        body->count > 0 && read_fee_params(view, &params, vd_body_transaction(body, 0));
    for (uint32_t i = 0; i < body->count && err == VD_OK; i++) {
        struct vd_tx_record *r = &records[i];
        r->receipt = receipts[i];
        r->first_log_index = logs;
        logs += receipts[i].log_count;
        err = fill_record(view, r, body, header, has_params ? &params : NULL, i);
    }
    return err;
}

enum vd_err
vd_view_tx(struct vd_view *view, struct vd_tx_record *record, struct vd_slice *first,
           uint64_t number, size_t index)
{
    struct vd_body body;
    struct vd_header header;
    struct vd_l1_fee_params params;
    *record = (struct vd_tx_record){0};
    enum vd_err err = need_arena(view);
    if (err == VD_OK) {
        err = vd_snapshot_header(view->snapshot, &header, NULL, number);
    }
    if (err == VD_OK) {
        err = vd_snapshot_body(view->snapshot, &body, number);
    }
    if (err == VD_OK) {
        err = index < body.count
                  ? vd_snapshot_receipt(view->snapshot, &record->receipt, &record->first_log_index,
                                        &view->arena, number, index)
                  : VD_ERR_NOT_FOUND;
    }
    if (err != VD_OK) {
        return err;
    }
    *first = vd_body_transaction(&body, 0);
    bool has_params = read_fee_params(view, &params, *first);
    return fill_record(view, record, &body, &header, has_params ? &params : NULL, (uint32_t)index);
}

enum vd_err
vd_view_txs(struct vd_view *view, const struct vd_tx_record **txs, size_t *count, uint64_t number)
{
    struct vd_body body;
    struct vd_header header;
    struct vd_receipt *receipts = NULL;
    size_t receipt_count = 0;
    enum vd_err err = need_arena(view);
    if (err == VD_OK) {
        err = vd_snapshot_header(view->snapshot, &header, NULL, number);
    }
    if (err == VD_OK) {
        err = vd_snapshot_body(view->snapshot, &body, number);
    }
    if (err == VD_OK) {
        err = vd_snapshot_receipts(view->snapshot, &receipts, &receipt_count, &view->arena, number);
    }
    if (err == VD_OK && receipt_count != body.count) {
        err = VD_ERR_CORRUPT;
    }
    if (err != VD_OK) {
        return err;
    }
    struct vd_tx_record *records =
        VD_ARENA_NEW(&view->arena, struct vd_tx_record, (size_t)body.count + 1);
    *txs = records;
    *count = body.count;
    return records ? fill_records(view, records, &body, receipts, &header) : VD_ERR_NO_MEMORY;
}

enum vd_err
vd_view_find_tx(struct vd_view *view, uint64_t *number, size_t *index, const struct vd_hash *hash)
{
    uint32_t i = 0;
    enum vd_err err = vd_snapshot_find_tx(view->snapshot, number, &i, hash);
    *index = i;
    return err;
}

enum vd_err
vd_view_find_pending(struct vd_view *view, size_t *index, const struct vd_hash *hash)
{
    size_t count = view->pending ? view->pending->view.tx_count : 0;
    for (size_t i = 0; i < count; i++) {
        if (vd_hash_eq(&view->pending->view.txs[i].hash, hash)) {
            *index = i;
            return VD_OK;
        }
    }
    return VD_ERR_NOT_FOUND;
}

/* --- the mempool --- */

enum vd_err
vd_view_find_waiting(struct vd_view *view, struct vd_slice *raw, struct vd_address *sender,
                     const struct vd_hash *hash)
{
    struct vd_engine *e = view->engine;
    enum vd_err err = need_arena(view);
    if (err != VD_OK) {
        return err;
    }
    uv_mutex_lock(&e->pool_mutex);
    const struct vd_waiting *w = vd_mempool_find(&e->pool, hash);
    err = w ? VD_OK : VD_ERR_NOT_FOUND;
    if (w) {
        const uint8_t *copy = vd_arena_copy(&view->arena, vd_slice(w->raw, w->len));
        *raw = vd_slice(copy, w->len);
        *sender = w->sender;
        err = copy ? VD_OK : VD_ERR_NO_MEMORY;
    }
    uv_mutex_unlock(&e->pool_mutex);
    return err;
}

enum vd_err
vd_view_next_nonce(struct vd_view *view, uint64_t *nonce, const struct vd_address *address)
{
    struct vd_engine *e = view->engine;
    struct vd_state_source source;
    struct vd_account account = {0};
    struct vd_hash hash = vd_keccak256(vd_slice(address->b, sizeof address->b));
    enum vd_err err = vd_view_state(view, &source, NULL, VD_VIEW_PENDING);
    if (err == VD_OK) {
        err = source.account(source.ctx, &account, address, &hash);
    }
    if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
        return err;
    }
    *nonce = account.nonce;
    uv_mutex_lock(&e->pool_mutex);
    while (vd_mempool_at(&e->pool, address, *nonce)) {
        (*nonce)++;
    }
    uv_mutex_unlock(&e->pool_mutex);
    return VD_OK;
}

/* --- L2 --- */

static enum vd_err
read_info(struct vd_view *view, struct vd_block_info *info, uint64_t number)
{
    struct vd_header header;
    struct vd_hash hash;
    struct vd_body body;
    const struct vd_block_box *box = find_recent(view, number);
    if (box) {
        *info = box->info;
        return VD_OK;
    }
    *info = (struct vd_block_info){0};
    enum vd_err err = vd_snapshot_header(view->snapshot, &header, &hash, number);
    if (err == VD_OK) {
        err = vd_snapshot_body(view->snapshot, &body, number);
    }
    if (err != VD_OK) {
        return err;
    }
    struct vd_slice first = body.count > 0 ? vd_body_transaction(&body, 0) : vd_slice(NULL, 0);
    return vd_block_info_read(view->engine, info, &header, &hash, first, body.count);
}

enum vd_err
vd_view_l2_ref(struct vd_view *view, struct vd_l2_ref *ref, uint64_t number)
{
    struct vd_block_info info;
    enum vd_err err = read_info(view, &info, number);
    *ref = info.l2;
    return err;
}

enum vd_err
vd_view_system(struct vd_view *view, struct vd_system_config *system, uint64_t number)
{
    struct vd_block_info info;
    enum vd_err err = read_info(view, &info, number);
    *system = info.system;
    return err;
}

enum vd_err
vd_view_safe_head_at(struct vd_view *view, struct vd_block_id *l1, struct vd_block_id *l2,
                     uint64_t *first, uint64_t *last, uint64_t l1_number)
{
    struct vd_safe_entry entry;
    enum vd_err err = vd_snapshot_safe_at(view->snapshot, &entry, first, last, l1_number);
    if (err == VD_OK) {
        *l1 = entry.l1;
        *l2 = entry.l2;
    }
    return err;
}

/* --- state --- */

struct state_view {
    struct vd_layers layers;
    struct vd_state_source source;
    struct vd_snapshot_state back;
};

/* A contract of the open block has no storage root yet, and a state would not ask for its slots
   then.  Any other root makes it ask. */
static enum vd_err
pending_account(void *ctx, struct vd_account *out, const struct vd_address *address,
                const struct vd_hash *address_hash)
{
    struct state_view *s = ctx;
    enum vd_err err = s->source.account(s->source.ctx, out, address, address_hash);
    if (err != VD_OK || !vd_hash_eq(&out->storage_root, &VD_EMPTY_ROOT) ||
        vd_hash_eq(&out->code_hash, &VD_EMPTY_CODE_HASH)) {
        return err;
    }
    uint8_t key[64] = {0};
    struct vd_slice found;
    struct vd_slice value;
    const struct vd_rows *rows = vd_layers_rows(&s->layers);
    memcpy(key, address_hash->b, 32);
    err = rows->seek(rows->ctx, &found, &value, VD_TABLE_SLOTS, vd_slice(key, sizeof key));
    if (err == VD_OK && found.len == 64 && memcmp(found.ptr, key, 32) == 0) {
        memset(out->storage_root.b, 1, sizeof out->storage_root.b);
    }
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

static enum vd_err
pending_slot(void *ctx, struct vd_u256 *out, const struct vd_hash *address_hash,
             const struct vd_hash *storage_root, const struct vd_hash *slot_hash)
{
    struct state_view *s = ctx;
    return s->source.slot(s->source.ctx, out, address_hash, storage_root, slot_hash);
}

static enum vd_err
pending_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    struct state_view *s = ctx;
    return s->source.code(s->source.ctx, out, code_hash);
}

static enum vd_err
pending_node(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
             const struct vd_hash *hash)
{
    (void)ctx;
    (void)out;
    (void)at;
    (void)hash;
    return VD_ERR_UNSUPPORTED;
}

static void
pending_source(struct vd_view *view, struct state_view *s, struct vd_state_source *source)
{
    s->layers = (struct vd_layers){.below = vd_snapshot_rows(view->snapshot),
                                   .layers = view->pending->list,
                                   .count = view->pending->layer_count};
    vd_layers_source(&s->source, &s->layers);
    *source = (struct vd_state_source){.ctx = s,
                                       .account = pending_account,
                                       .slot = pending_slot,
                                       .code = pending_code,
                                       .trie = {.ctx = s, .node = pending_node}};
}

enum vd_err
vd_view_oldest_state(struct vd_view *view, uint64_t *number)
{
    return vd_snapshot_oldest(view->snapshot, number);
}

enum vd_err
vd_view_state(struct vd_view *view, struct vd_state_source *source, struct vd_header *header,
              uint64_t number)
{
    enum vd_err err = need_arena(view);
    struct state_view *s = err == VD_OK ? VD_ARENA_NEW(&view->arena, struct state_view, 1) : NULL;
    if (!s) {
        return VD_ERR_NO_MEMORY;
    }
    if (number == VD_VIEW_PENDING && view->pending) {
        pending_source(view, s, source);
        if (header) {
            *header = view->pending->view.header;
        }
        return VD_OK;
    }
    number = number == VD_VIEW_PENDING ? view->heads.unsafe.number : number;
    err = vd_snapshot_source(view->snapshot, source, &s->back, number, &view->arena);
    if (err == VD_OK && header) {
        err = vd_snapshot_header(view->snapshot, header, NULL, number);
    }
    return err;
}

/* BLOCKHASH in calls: blocks of the database; the parents of the open block that are not there yet
   come from memory. */
static enum vd_err
call_block_hash(void *ctx, struct vd_hash *out, uint64_t n)
{
    struct vd_view *view = ctx;
    struct vd_header header;
    for (size_t i = 0; view->pending && i < view->pending->below_count; i++) {
        if (view->pending->below[i]->result.header.number == n) {
            *out = view->pending->below[i]->result.hash;
            return VD_OK;
        }
    }
    enum vd_err err = vd_snapshot_header(view->snapshot, &header, out, n);
    if (err == VD_ERR_NOT_FOUND) {
        *out = (struct vd_hash){{0}};
        return VD_OK;
    }
    return err;
}

enum vd_err
vd_view_exec(struct vd_view *view, struct vd_exec **exec, struct vd_header *header,
             struct vd_arena *arena, uint64_t number)
{
    struct vd_state_source *source = VD_ARENA_NEW(arena, struct vd_state_source, 1);
    struct vd_header *own = VD_ARENA_NEW(arena, struct vd_header, 1);
    if (!source || !own) {
        return VD_ERR_NO_MEMORY;
    }
    enum vd_err err = vd_view_state(view, source, own, number);
    if (err != VD_OK) {
        return err;
    }
    struct vd_exec_inputs inputs = {.config = &view->engine->chain,
                                    .parent = own,
                                    .parent_hash = own->parent_hash,
                                    .source = source,
                                    .curves = view->engine->config.curves,
                                    .hash_ctx = view,
                                    .block_hash = call_block_hash};
    if (header) {
        *header = *own;
    }
    return vd_exec_at(exec, arena, &inputs, own);
}
