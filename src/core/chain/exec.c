/* A block in execution: how it begins and ends. */
#include "core/chain/exec_internal.h"
#include "viaduct/core/crypto/keccak.h"

/* BLOCKHASH: the parent's hash is at hand, older ones come from the caller. */
static enum vd_err
block_hash(void *ctx, struct vd_hash *out, uint64_t n)
{
    const struct vd_exec *exec = ctx;
    if (n + 1 == exec->header.number) {
        *out = exec->header.parent_hash;
        return VD_OK;
    }
    *out = (struct vd_hash){{0}};
    if (exec->in.block_hash == NULL)
        return VD_OK;
    return exec->in.block_hash(exec->in.hash_ctx, out, n);
}

/* What the machine sees of the block, from the header. */
static void
fill_block(struct vd_exec *exec)
{
    const struct vd_header *h = &exec->header;
    exec->block = (struct vd_evm_block){
        .chain_id = exec->in.config->chain_id,
        .number = h->number,
        .timestamp = h->timestamp,
        .gas_limit = h->gas_limit,
        .coinbase = h->beneficiary,
        .prev_randao = h->mix_hash,
        .base_fee = h->base_fee,
        .blob_base_fee = vd_u256(1),
        .hash_ctx = exec,
        .block_hash = block_hash,
    };
    if (exec->blobs != NULL)
        exec->block.blob_base_fee =
            vd_blob_base_fee(h->excess_blob_gas, exec->blobs->update_fraction);
}

/* The execution without its header and machines. */
static enum vd_err
new_exec(struct vd_exec **out, struct vd_arena *arena, const struct vd_exec_inputs *inputs,
         uint64_t timestamp)
{
    struct vd_exec *exec = VD_ARENA_NEW(arena, struct vd_exec, 1);
    if (exec == NULL)
        return VD_ERR_NO_MEMORY;
    exec->arena = arena;
    exec->in = *inputs;
    exec->rules = inputs->rules;
    if (exec->rules == NULL)
        exec->rules = vd_chain_rules(inputs->config, timestamp);
    if (exec->rules == NULL)
        return VD_ERR_UNSUPPORTED;
    if (!exec->rules->is_l2) {
        exec->blobs = vd_chain_blobs(inputs->config, timestamp);
        if (exec->blobs == NULL)
            return VD_ERR_UNSUPPORTED;
    }
    *out = exec;
    return VD_OK;
}

static enum vd_err
start_machines(struct vd_exec *exec, const struct vd_hash *root)
{
    fill_block(exec);
    enum vd_err err =
        vd_state_new(&exec->state, exec->arena, exec->in.source, root, &exec->header.parent_hash);
    if (err != VD_OK)
        return err;
    return vd_evm_new(&exec->evm, exec->arena, vd_rules_evm(exec->rules), exec->state, &exec->block,
                      exec->in.curves, exec->in.tracer);
}

static enum vd_err
fill_header(struct vd_exec *exec)
{
    const struct vd_header *parent = exec->in.parent;
    const struct vd_block_env *env = exec->in.env;
    enum vd_err err = VD_OK;
    exec->header = (struct vd_header){
        .parent_hash = exec->in.parent_hash,
        .ommers_hash = VD_EMPTY_OMMERS,
        .beneficiary = env->fee_recipient,
        .number = parent->number + 1,
        .gas_limit = env->gas_limit,
        .timestamp = env->timestamp,
        .extra_data = env->extra_data,
        .mix_hash = env->prev_randao,
        .has_base_fee = true,
        .has_withdrawals_root = true,
        .has_blob_gas = true,
        .has_parent_beacon_root = true,
        .parent_beacon_root = env->parent_beacon_root,
        .has_requests_hash = exec->rules->requests_hash,
    };
    if (exec->rules->is_l2) {
        err = vd_base_fee_l2(&exec->header.base_fee, parent, exec->in.config);
    } else {
        exec->header.base_fee = vd_base_fee_l1(parent);
        exec->header.excess_blob_gas = vd_next_excess_blob_gas(parent, exec->blobs);
    }
    return err;
}

enum vd_err
vd_exec_begin(struct vd_exec **out, struct vd_arena *arena, const struct vd_exec_inputs *inputs)
{
    struct vd_exec *exec;
    /* The machine counts gas in 63 bits; no chain comes near. */
    if (inputs->env->gas_limit > INT64_MAX)
        return VD_ERR_INVALID;
    enum vd_err err = new_exec(&exec, arena, inputs, inputs->env->timestamp);
    if (err == VD_OK)
        err = fill_header(exec);
    if (err == VD_OK)
        err = start_machines(exec, &inputs->parent->state_root);
    if (err == VD_OK)
        err = vd_exec_pre_block(exec);
    if (err == VD_OK)
        *out = exec;
    return err;
}

enum vd_err
vd_exec_at(struct vd_exec **out, struct vd_arena *arena, const struct vd_exec_inputs *inputs,
           const struct vd_header *header)
{
    struct vd_exec *exec;
    enum vd_err err = new_exec(&exec, arena, inputs, header->timestamp);
    if (err != VD_OK)
        return err;
    exec->header = *header;
    exec->header.gas_used = 0;
    exec->header.blob_gas_used = 0;
    if (exec->header.gas_limit > INT64_MAX)
        exec->header.gas_limit = INT64_MAX;
    err = start_machines(exec, &header->state_root);
    if (err == VD_OK)
        *out = exec;
    return err;
}

/* --- while it is open --- */

uint64_t
vd_exec_gas_left(const struct vd_exec *exec)
{
    return exec->header.gas_limit - exec->header.gas_used;
}

size_t
vd_exec_tx_count(const struct vd_exec *exec)
{
    return exec->count;
}

struct vd_state *
vd_exec_state(struct vd_exec *exec)
{
    return exec->state;
}

const struct vd_u256 *
vd_exec_base_fee(const struct vd_exec *exec)
{
    return &exec->header.base_fee;
}

const struct vd_header *
vd_exec_partial_header(const struct vd_exec *exec)
{
    return &exec->header;
}

enum vd_err
vd_exec_fee_params(struct vd_exec *exec, struct vd_l1_fee_params *params)
{
    if (!exec->has_fee_params) {
        enum vd_err err =
            vd_l1_fee_params_read(&exec->fee_params, exec->state, exec->rules->operator_fee);
        if (err != VD_OK)
            return err;
        exec->has_fee_params = true;
    }
    *params = exec->fee_params;
    return VD_OK;
}

/* --- the end --- */

static enum vd_err
fill_withdrawals_root(struct vd_exec *exec)
{
    if (exec->rules->withdrawals_root_is_storage)
        return vd_state_storage_root(exec->state, &exec->header.withdrawals_root,
                                     &VD_L2_TO_L1_MESSAGE_PASSER);
    return vd_withdrawals_root(&exec->header.withdrawals_root, exec->arena,
                               exec->in.env->withdrawals, exec->in.env->withdrawal_count);
}

static enum vd_err
fill_roots(struct vd_exec *exec, const struct vd_state_visitor *visitor,
           const struct vd_trie_sink *sink)
{
    struct vd_header *h = &exec->header;
    enum vd_err err = vd_state_root(exec->state, &h->state_root, visitor, sink);
    if (err == VD_OK)
        err = fill_withdrawals_root(exec);
    if (err == VD_OK)
        err = vd_transactions_root(&h->transactions_root, exec->arena, exec->transactions,
                                   exec->count);
    if (err == VD_OK)
        err = vd_receipts_root(&h->receipts_root, exec->arena, exec->receipts, exec->count);
    return err;
}

static void
merge_blooms(struct vd_exec *exec)
{
    for (size_t i = 0; i < exec->count; i++) {
        if (exec->receipts[i].log_count == 0)
            continue;
        for (size_t k = 0; k < sizeof exec->header.logs_bloom; k++)
            exec->header.logs_bloom[k] |= exec->receipts[i].bloom[k];
    }
}

enum vd_err
vd_exec_finish(struct vd_exec *exec, struct vd_exec_result *result,
               const struct vd_state_visitor *visitor, const struct vd_trie_sink *sink)
{
    *result = (struct vd_exec_result){0};
    enum vd_err err = vd_exec_requests(exec, result);
    if (err == VD_OK)
        err = vd_exec_withdrawals(exec);
    if (err == VD_OK)
        err = fill_roots(exec, visitor, sink);
    if (err != VD_OK)
        return err;
    merge_blooms(exec);
    result->header = exec->header;
    result->hash = vd_header_hash(&exec->header);
    result->transactions = exec->transactions;
    result->senders = exec->senders;
    result->receipts = exec->receipts;
    result->transaction_count = exec->count;
    return VD_OK;
}
