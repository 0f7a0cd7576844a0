/* optimism_: the rollup node's methods (those of op-node).  Numbers in references are
   decimal JSON numbers. */
#include <inttypes.h>

#include "rpc_internal.h"
#include "viaduct/core/crypto/keccak.h"

static void
write_id(struct vd_json *j, const char *key, const struct vd_block_id *id)
{
    vd_json_key(j, key);
    vd_json_object_begin(j);
    vd_json_put_hash(j, "hash", &id->hash);
    vd_json_put_number(j, "number", id->number);
    vd_json_object_end(j);
}

static void
write_l1_ref(struct vd_json *j, const char *key, const struct vd_l1_ref *ref)
{
    vd_json_key(j, key);
    vd_json_object_begin(j);
    vd_json_put_hash(j, "hash", &ref->hash);
    vd_json_put_number(j, "number", ref->number);
    vd_json_put_hash(j, "parentHash", &ref->parent_hash);
    vd_json_put_number(j, "timestamp", ref->timestamp);
    vd_json_object_end(j);
}

static void
write_l2_ref(struct vd_json *j, const char *key, const struct vd_l2_ref *ref)
{
    vd_json_key(j, key);
    vd_json_object_begin(j);
    vd_json_put_hash(j, "hash", &ref->hash);
    vd_json_put_number(j, "number", ref->number);
    vd_json_put_hash(j, "parentHash", &ref->parent_hash);
    vd_json_put_number(j, "timestamp", ref->timestamp);
    write_id(j, "l1origin", &ref->l1_origin);
    vd_json_put_number(j, "sequenceNumber", ref->sequence_number);
    vd_json_object_end(j);
}

/* --- sync status: L1's part is asked on the loop, L2's read in the pool --- */

struct status_call {
    struct vd_rpc_api *api;
    struct vd_rpc_l1_status l1;
    struct vd_rpc_block block; /* optimism_outputAtBlock */
};

static vd_done *
write_status(struct vd_reading *r, struct vd_json *j, const struct vd_rpc_l1_status *l1)
{
    const struct vd_heads *heads = vd_view_heads(r->view);
    struct vd_l2_ref unsafe = {0};
    struct vd_l2_ref safe = {0};
    struct vd_l2_ref finalized = {0};
    enum vd_err err = vd_view_l2_ref(r->view, &unsafe, heads->unsafe.number);
    if (err == VD_OK)
        err = vd_view_l2_ref(r->view, &safe, heads->safe.number);
    if (err == VD_OK)
        err = vd_view_l2_ref(r->view, &finalized, heads->finalized.number);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    vd_json_object_begin(j);
    write_l1_ref(j, "current_l1", &l1->current);
    write_l1_ref(j, "current_l1_finalized", &l1->finalized);
    write_l1_ref(j, "head_l1", &l1->head);
    write_l1_ref(j, "safe_l1", &l1->safe);
    write_l1_ref(j, "finalized_l1", &l1->finalized);
    write_l2_ref(j, "unsafe_l2", &unsafe);
    write_l2_ref(j, "safe_l2", &safe);
    write_l2_ref(j, "finalized_l2", &finalized);
    /* A span batch's blocks become safe one at a time, and there is no interop set to cross. */
    write_l2_ref(j, "pending_safe_l2", &safe);
    write_l2_ref(j, "cross_unsafe_l2", &unsafe);
    write_l2_ref(j, "local_safe_l2", &safe);
    vd_json_object_end(j);
    return NULL;
}

static struct status_call *
new_status_call(struct vd_rpc_call *call, struct vd_rpc_api *api)
{
    struct status_call *status = vd_rpc_alloc(call, sizeof *status);
    if (status == NULL)
        return NULL;
    *status = (struct status_call){.api = api};
    if (api->config.l1_status != NULL)
        api->config.l1_status(api->config.ctx, &status->l1);
    return status;
}

static vd_done *
sync_status_in_pool(struct vd_rpc_call *call, void *ctx)
{
    struct status_call *status = ctx;
    struct vd_reading r;
    vd_done *done = vd_reading_open(&r, status->api, call);
    if (done != NULL)
        return done;
    done = write_status(&r, vd_rpc_result(call), &status->l1);
    if (done == NULL)
        done = vd_rpc_reply(call);
    vd_reading_close(&r);
    return done;
}

static vd_done *
optimism_sync_status(struct vd_rpc_call *call, void *ctx)
{
    vd_done *bad = vd_rpc_no_params(call);
    if (bad != NULL)
        return bad;
    struct status_call *status = new_status_call(call, ctx);
    if (status == NULL)
        return vd_answer_err(call, VD_ERR_NO_MEMORY);
    return vd_rpc_continue(call, VD_RPC_POOL, sync_status_in_pool, status);
}

/* --- output roots --- */

/* The message passer's storage root: from Isthmus on the header has it. */
static vd_done *
passer_root(struct vd_reading *r, struct vd_hash *root, const struct vd_at *at)
{
    const struct vd_rules *rules = vd_chain_rules(r->api->chain, at->header.timestamp);
    if (rules != NULL && rules->withdrawals_root_is_storage) {
        *root = at->header.withdrawals_root;
        return NULL;
    }
    struct vd_state_source source;
    struct vd_account account;
    bool found;
    vd_done *bad = vd_reading_state(r, &source, at);
    if (bad == NULL)
        bad = vd_reading_account(r, &account, &found, &source, &VD_L2_TO_L1_MESSAGE_PASSER);
    if (bad == NULL)
        *root = found ? account.storage_root : VD_EMPTY_ROOT;
    return bad;
}

static vd_done *
write_output(struct vd_reading *r, const struct status_call *status)
{
    static const struct vd_hash version; /* 0 */
    struct vd_at at;
    struct vd_hash passer;
    struct vd_l2_ref ref;
    vd_done *bad = vd_reading_block(r, &at, &status->block);
    if (bad == NULL)
        bad = passer_root(r, &passer, &at);
    if (bad != NULL)
        return bad;
    enum vd_err err = vd_view_l2_ref(r->view, &ref, at.number);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    struct vd_hash output = vd_output_root(&at.header.state_root, &passer, &at.hash);
    struct vd_json *j = vd_rpc_result(r->call);
    vd_json_object_begin(j);
    vd_json_put_hash(j, "version", &version);
    vd_json_put_hash(j, "outputRoot", &output);
    write_l2_ref(j, "blockRef", &ref);
    vd_json_put_hash(j, "withdrawalStorageRoot", &passer);
    vd_json_put_hash(j, "stateRoot", &at.header.state_root);
    vd_json_key(j, "syncStatus");
    bad = write_status(r, j, &status->l1);
    if (bad != NULL)
        return bad;
    vd_json_object_end(j);
    return vd_rpc_reply(r->call);
}

static vd_done *
output_in_pool(struct vd_rpc_call *call, void *ctx)
{
    struct status_call *status = ctx;
    struct vd_reading r;
    vd_done *done = vd_reading_open(&r, status->api, call);
    if (done != NULL)
        return done;
    done = write_output(&r, status);
    vd_reading_close(&r);
    return done;
}

static vd_done *
optimism_output_at_block(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_block block;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_BLOCK(&block));
    if (bad == NULL && block.tag == VD_BLOCK_PENDING)
        bad = vd_rpc_bad_argument(call, 0, "the pending block has no output root");
    if (bad != NULL)
        return bad;
    struct status_call *status = new_status_call(call, ctx);
    if (status == NULL)
        return vd_answer_err(call, VD_ERR_NO_MEMORY);
    status->block = block;
    return vd_rpc_continue(call, VD_RPC_POOL, output_in_pool, status);
}

/* --- the safe-head index --- */

static vd_done *
safe_head(struct vd_reading *r, uint64_t l1_number)
{
    struct vd_block_id l1;
    struct vd_block_id l2;
    uint64_t first = 1;
    uint64_t last = 0;
    enum vd_err err = vd_view_safe_head_at(r->view, &l1, &l2, &first, &last, l1_number);
    if (err == VD_ERR_NOT_FOUND && first > last)
        return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR,
                            "no safe head is known at L1 block %" PRIu64
                            ": no L1 block has been derived from yet",
                            l1_number);
    if (err == VD_ERR_NOT_FOUND)
        return vd_rpc_error(r->call, VD_RPC_SERVER_ERROR,
                            "no safe head is known at L1 block %" PRIu64 ": known are %" PRIu64
                            " to %" PRIu64,
                            l1_number, first, last);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    struct vd_json *j = vd_rpc_result(r->call);
    vd_json_object_begin(j);
    write_id(j, "l1Block", &l1);
    write_id(j, "safeHead", &l2);
    vd_json_object_end(j);
    return vd_rpc_reply(r->call);
}

static vd_done *
optimism_safe_head_at_l1_block(struct vd_rpc_call *call, void *ctx)
{
    uint64_t number;
    struct vd_reading r;
    vd_done *done = vd_rpc_params(call, VD_PARAM_U64(&number));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = safe_head(&r, number);
    vd_reading_close(&r);
    return done;
}

/* --- fixed texts --- */

static vd_done *
optimism_rollup_config(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_api *api = ctx;
    vd_done *bad = vd_rpc_no_params(call);
    if (bad != NULL)
        return bad;
    if (api->rollup_json == NULL)
        return vd_rpc_error(call, VD_RPC_SERVER_ERROR, "no rollup configuration was given");
    vd_json_raw(vd_rpc_result(call),
                vd_slice((const uint8_t *)api->rollup_json, strlen(api->rollup_json)));
    return vd_rpc_reply(call);
}

static vd_done *
optimism_version(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_api *api = ctx;
    vd_done *bad = vd_rpc_no_params(call);
    return bad != NULL ? bad : vd_rpc_reply_string(call, api->client_version);
}

static const struct vd_rpc_method METHODS[] = {
    {"optimism_syncStatus", optimism_sync_status, VD_RPC_LOOP},
    {"optimism_outputAtBlock", optimism_output_at_block, VD_RPC_LOOP},
    {"optimism_safeHeadAtL1Block", optimism_safe_head_at_l1_block, VD_RPC_POOL},
    {"optimism_rollupConfig", optimism_rollup_config, VD_RPC_LOOP},
    {"optimism_version", optimism_version, VD_RPC_LOOP},
};
const struct vd_method_table VD_OPTIMISM_METHODS = {METHODS, VD_COUNT_OF(METHODS)};
