/* One request's reading: view, arena, and finding what the request names. */
#include <inttypes.h>
#include <stdlib.h>

#include "rpc_internal.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"

/* Address space beside the machine's: decoded transactions, proofs, journaled state. */
#define ARENA_EXTRA ((size_t)1 << 31)
#define ARENA_GAS_LIMIT 1000000000u
/* Pages that an idle arena keeps. */
#define ARENA_KEEP ((size_t)1 << 18)

struct vd_scratch *
vd_scratch_take(struct vd_rpc_api *api)
{
    uv_mutex_lock(&api->lock);
    struct vd_scratch *scratch = api->idle;
    if (scratch != NULL)
        api->idle = scratch->next;
    uv_mutex_unlock(&api->lock);
    if (scratch != NULL)
        return scratch;
    scratch = malloc(sizeof *scratch);
    if (scratch == NULL)
        return NULL;
    size_t size = vd_evm_room(ARENA_GAS_LIMIT) + ARENA_EXTRA;
    void *memory = vd_reserve(size);
    if (memory == NULL) {
        free(scratch);
        return NULL;
    }
    vd_arena_init(&scratch->arena, memory, size);
    return scratch;
}

/* What was taken and given back inside the request is not counted in used, so the pages above what
   stays are always given back. */
void
vd_scratch_give(struct vd_rpc_api *api, struct vd_scratch *scratch)
{
    vd_arena_rewind(&scratch->arena, 0);
    vd_trim(scratch->arena.base, scratch->arena.size, ARENA_KEEP);
    uv_mutex_lock(&api->lock);
    scratch->next = api->idle;
    api->idle = scratch;
    uv_mutex_unlock(&api->lock);
}

vd_done *
vd_reading_open(struct vd_reading *r, struct vd_rpc_api *api, struct vd_rpc_call *call)
{
    *r = (struct vd_reading){.api = api, .call = call, .scratch = vd_scratch_take(api)};
    if (r->scratch == NULL)
        return vd_answer_err(call, VD_ERR_NO_MEMORY);
    r->arena = &r->scratch->arena;
    enum vd_err err = vd_view_open(&r->view, api->engine);
    if (err == VD_OK)
        return NULL;
    vd_scratch_give(api, r->scratch);
    return vd_answer_err(call, err);
}

void
vd_reading_close(struct vd_reading *r)
{
    if (r->view != NULL)
        vd_view_close(r->view);
    vd_scratch_give(r->api, r->scratch);
}

vd_done *
vd_reading_renew(struct vd_reading *r)
{
    vd_view_close(r->view);
    r->view = NULL;
    enum vd_err err = vd_view_open(&r->view, r->api->engine);
    return err == VD_OK ? NULL : vd_answer_err(r->call, err);
}

/* --- blocks --- */

static bool
number_of(struct vd_reading *r, uint64_t *number, enum vd_err *err,
          const struct vd_rpc_block *block)
{
    const struct vd_heads *heads = vd_view_heads(r->view);
    *err = VD_OK;
    switch (block->tag) {
    case VD_BLOCK_LATEST:
    case VD_BLOCK_PENDING:
        *number = heads->unsafe.number;
        return true;
    case VD_BLOCK_SAFE:
        *number = heads->safe.number;
        return true;
    case VD_BLOCK_FINALIZED:
        *number = heads->finalized.number;
        return true;
    case VD_BLOCK_EARLIEST:
        *number = vd_engine_genesis(r->api->engine)->number;
        return true;
    case VD_BLOCK_NUMBER:
        *number = block->number;
        return true;
    case VD_BLOCK_HASH:
        *err = vd_view_number(r->view, number, &block->hash);
        return *err == VD_OK;
    }
    return false;
}

vd_done *
vd_reading_find(struct vd_reading *r, struct vd_at *at, bool *found,
                const struct vd_rpc_block *block)
{
    *at = (struct vd_at){0};
    *found = false;
    const struct vd_pending *open =
        block->tag == VD_BLOCK_PENDING ? vd_view_pending(r->view) : NULL;
    if (open != NULL) {
        at->open = open;
        at->header = open->header;
        at->number = open->header.number;
        *found = true;
        return NULL;
    }
    enum vd_err err;
    if (number_of(r, &at->number, &err, block))
        err = vd_view_header(r->view, &at->header, &at->hash, at->number);
    *found = err == VD_OK;
    return err == VD_OK || err == VD_ERR_NOT_FOUND ? NULL : vd_answer_err(r->call, err);
}

vd_done *
vd_reading_block(struct vd_reading *r, struct vd_at *at, const struct vd_rpc_block *block)
{
    bool found;
    vd_done *bad = vd_reading_find(r, at, &found, block);
    if (bad != NULL || found)
        return bad;
    return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR, "%s",
                        block->tag == VD_BLOCK_HASH ? "header for hash not found"
                                                    : "header not found");
}

vd_done *
vd_reading_txs(struct vd_reading *r, const struct vd_tx_record **txs, size_t *count,
               const struct vd_at *at)
{
    if (at->open != NULL) {
        *txs = at->open->txs;
        *count = at->open->tx_count;
        return NULL;
    }
    enum vd_err err = vd_view_txs(r->view, txs, count, at->number);
    return err == VD_OK ? NULL : vd_answer_err(r->call, err);
}

/* --- state --- */

/* geth's words for a block whose state is not kept, and from which block on it is. */
static vd_done *
state_error(struct vd_reading *r, enum vd_err err, const struct vd_at *at)
{
    uint64_t oldest = 0;
    char root[65] = {0};
    vd_hex_encode(root, at->header.state_root.b, 32);
    if (err == VD_ERR_BUSY)
        return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR,
                            "historical state %s is not available yet: the index of past states is "
                            "being built, try again",
                            root);
    if (err != VD_ERR_NOT_FOUND)
        return vd_answer_err(r->call, err);
    err = vd_view_oldest_state(r->view, &oldest);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR,
                        "historical state %s is not available: states are kept from block %" PRIu64
                        " to %" PRIu64,
                        root, oldest, vd_view_heads(r->view)->unsafe.number);
}

vd_done *
vd_reading_state(struct vd_reading *r, struct vd_state_source *source, const struct vd_at *at)
{
    struct vd_header header;
    enum vd_err err =
        vd_view_state(r->view, source, &header, at->open != NULL ? VD_VIEW_PENDING : at->number);
    return err == VD_OK ? NULL : state_error(r, err, at);
}

/* BLOCKHASH.  The parent of the open block may not be in the database yet, but its child names
   it. */
struct ancestors {
    struct vd_view *view;
    struct vd_hash parent;
    uint64_t number;
};

static enum vd_err
ancestor_hash(void *ctx, struct vd_hash *out, uint64_t n)
{
    const struct ancestors *a = ctx;
    struct vd_header header;
    *out = (struct vd_hash){{0}};
    if (n + 1 == a->number) {
        *out = a->parent;
        return VD_OK;
    }
    enum vd_err err = vd_view_header(a->view, &header, out, n);
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

vd_done *
vd_reading_exec(struct vd_reading *r, struct vd_exec **exec, const struct vd_at *at,
                const struct vd_evm_tracer *tracer)
{
    struct vd_state_source *source = VD_ARENA_NEW(r->arena, struct vd_state_source, 1);
    struct ancestors *ancestors = VD_ARENA_NEW(r->arena, struct ancestors, 1);
    if (source == NULL || ancestors == NULL)
        return vd_answer_err(r->call, VD_ERR_NO_MEMORY);
    vd_done *bad = vd_reading_state(r, source, at);
    if (bad != NULL)
        return bad;
    *ancestors = (struct ancestors){r->view, at->header.parent_hash, at->number};
    struct vd_exec_inputs inputs = {
        .config = r->api->chain,
        .parent = &at->header,
        .parent_hash = at->header.parent_hash,
        .source = source,
        .curves = vd_engine_curves(r->api->engine),
        .hash_ctx = ancestors,
        .block_hash = ancestor_hash,
        .tracer = tracer,
    };
    enum vd_err err = vd_exec_at(exec, r->arena, &inputs, &at->header);
    return err == VD_OK ? NULL : vd_answer_err(r->call, err);
}

vd_done *
vd_reading_account(struct vd_reading *r, struct vd_account *account, bool *found,
                   const struct vd_state_source *source, const struct vd_address *address)
{
    *account = (struct vd_account){0};
    struct vd_hash hash = vd_keccak256(vd_slice(address->b, sizeof address->b));
    enum vd_err err = source->account(source->ctx, account, address, &hash);
    *found = err == VD_OK;
    return err == VD_OK || err == VD_ERR_NOT_FOUND ? NULL : vd_answer_err(r->call, err);
}

vd_done *
vd_reading_next_base_fee(struct vd_reading *r, struct vd_u256 *base_fee)
{
    const struct vd_pending *open = vd_view_pending(r->view);
    if (open != NULL) {
        *base_fee = open->header.base_fee;
        return NULL;
    }
    struct vd_header header;
    struct vd_hash hash;
    enum vd_err err =
        vd_view_header(r->view, &header, &hash, vd_view_heads(r->view)->unsafe.number);
    if (err == VD_OK && r->api->chain->is_l2)
        err = vd_base_fee_l2(base_fee, &header, r->api->chain);
    else if (err == VD_OK)
        *base_fee = vd_base_fee_l1(&header);
    return err == VD_OK ? NULL : vd_answer_err(r->call, err);
}
