/* Verification of a block that somebody else built. */
#include "core/chain/exec_internal.h"
#include "viaduct/core/crypto/keccak.h"

#define MIN_GAS_LIMIT 5000
#define GAS_LIMIT_DIVISOR 1024
#define MAX_EXTRA_DATA 32

struct verification {
    struct vd_block_outcome *outcome;
    struct vd_arena *arena;
    const struct vd_block *block;
    const struct vd_exec_inputs *in;
    const struct vd_rules *rules;
    struct vd_exec *exec;
};

static bool
invalid(struct verification *v, const char *reason)
{
    v->outcome->verdict = VD_BLOCK_INVALID;
    v->outcome->reason = reason;
    return false;
}

static enum vd_err
unsupported(struct vd_block_outcome *outcome, const char *reason)
{
    outcome->verdict = VD_BLOCK_UNSUPPORTED;
    outcome->reason = reason;
    return VD_OK;
}

/* --- the header alone, and against its parent --- */

static bool
check_form(struct verification *v)
{
    static const uint8_t zero_nonce[8];
    const struct vd_header *h = &v->block->header;
    /* EIP-3675. */
    if (!vd_u256_is_zero(&h->difficulty))
        return invalid(v, "difficulty is not zero");
    if (memcmp(h->nonce, zero_nonce, sizeof zero_nonce) != 0)
        return invalid(v, "nonce is not zero");
    if (!vd_hash_eq(&h->ommers_hash, &VD_EMPTY_OMMERS) || v->block->ommer_count != 0)
        return invalid(v, "ommers after the merge");
    if (h->extra_data.len > MAX_EXTRA_DATA)
        return invalid(v, "extra data too long");
    if (!h->has_base_fee || !h->has_withdrawals_root || !v->block->has_withdrawals)
        return invalid(v, "base fee or withdrawals missing");
    if (!h->has_blob_gas || !h->has_parent_beacon_root)
        return invalid(v, "blob gas or parent beacon root missing");
    if (h->has_requests_hash != v->rules->requests_hash)
        return invalid(v, "requests hash against the fork");
    if (h->gas_used > h->gas_limit)
        return invalid(v, "gas used above the gas limit");
    return true;
}

/* L1: at most one 1024th away from the parent's.  On L2 the attributes say it. */
static bool
check_gas_limit(struct verification *v)
{
    uint64_t limit = v->block->header.gas_limit;
    uint64_t parent = v->in->parent->gas_limit;
    uint64_t distance = limit > parent ? limit - parent : parent - limit;
    if (limit > INT64_MAX)
        return invalid(v, "gas limit above 2^63 - 1");
    if (v->rules->is_l2)
        return true;
    if (distance >= parent / GAS_LIMIT_DIVISOR || limit < MIN_GAS_LIMIT)
        return invalid(v, "gas limit too far from the parent's");
    return true;
}

static bool
check_l2(struct verification *v)
{
    struct vd_eip1559_params params;
    const struct vd_header *h = &v->block->header;
    if (h->blob_gas_used != 0 || v->block->withdrawal_count != 0)
        return invalid(v, "blob gas or withdrawals on L2");
    if (vd_holocene_extra_decode(&params, h->extra_data) != VD_OK)
        return invalid(v, "extra data without fee parameters");
    return true;
}

static bool
check_against_parent(struct verification *v)
{
    const struct vd_header *h = &v->block->header;
    const struct vd_header *parent = v->in->parent;
    if (!vd_hash_eq(&h->parent_hash, &v->in->parent_hash))
        return invalid(v, "unknown parent");
    if (h->number != parent->number + 1)
        return invalid(v, "number does not follow the parent's");
    if (h->timestamp <= parent->timestamp)
        return invalid(v, "timestamp not after the parent's");
    if (!check_gas_limit(v))
        return false;
    return !v->rules->is_l2 || check_l2(v);
}

/* What vd_exec_begin computed. */
static bool
check_computed(struct verification *v)
{
    const struct vd_header *h = &v->block->header;
    const struct vd_header *own = &v->exec->header;
    if (!vd_u256_eq(&h->base_fee, &own->base_fee))
        return invalid(v, "wrong base fee");
    if (h->excess_blob_gas != own->excess_blob_gas)
        return invalid(v, "wrong excess blob gas");
    if (v->exec->blobs != NULL &&
        h->blob_gas_used > (uint64_t)v->exec->blobs->max * VD_GAS_PER_BLOB)
        return invalid(v, "too much blob gas");
    return true;
}

/* --- the body --- */

static enum vd_err
tx_refused(struct verification *v, size_t index, const struct vd_tx_outcome *out)
{
    v->outcome->tx_index = index;
    v->outcome->tx_verdict = out->verdict;
    if (out->verdict == VD_TX_UNSUPPORTED) {
        v->outcome->unsupported = out->unsupported;
        return unsupported(v->outcome, vd_tx_verdict_text(out->verdict));
    }
    (void)invalid(v, vd_tx_verdict_text(out->verdict));
    return VD_OK;
}

static enum vd_err
run_transaction(struct verification *v, size_t index)
{
    struct vd_tx_outcome out = {.verdict = VD_TX_BAD_SIGNATURE};
    struct vd_address sender;
    bool valid;
    const char *reason;
    struct vd_tx *tx = VD_ARENA_NEW(v->arena, struct vd_tx, 1);
    if (tx == NULL)
        return VD_ERR_NO_MEMORY;
    enum vd_err err = vd_tx_decode(tx, &reason, v->arena, v->block->transactions[index]);
    /* The fork is known, and so are all its types: an unknown one is invalid. */
    if (err == VD_ERR_INVALID || err == VD_ERR_UNSUPPORTED) {
        v->outcome->tx_index = index;
        v->outcome->tx_verdict = VD_TX_TYPE_NOT_SUPPORTED;
        (void)invalid(v, reason);
        return VD_OK;
    }
    if (err == VD_OK)
        err = vd_tx_sender(&sender, &valid, tx, v->in->curves, v->arena);
    if (err == VD_OK && valid)
        err = vd_exec_tx(v->exec, &out, tx, &sender);
    if (err != VD_OK || out.verdict == VD_TX_INCLUDED)
        return err;
    return tx_refused(v, index, &out);
}

/* The hash covers every field; the names are for whoever reads the reason. */
static bool
compare(struct verification *v, const struct vd_exec_result *result)
{
    const struct vd_header *h = &v->block->header;
    const struct vd_header *own = &result->header;
    if (vd_hash_eq(&result->hash, &v->block->hash))
        return true;
    if (h->gas_used != own->gas_used)
        return invalid(v, "wrong gas used");
    if (h->blob_gas_used != own->blob_gas_used)
        return invalid(v, "wrong blob gas used");
    if (!vd_hash_eq(&h->transactions_root, &own->transactions_root))
        return invalid(v, "wrong transactions root");
    if (!vd_hash_eq(&h->receipts_root, &own->receipts_root))
        return invalid(v, "wrong receipts root");
    if (memcmp(h->logs_bloom, own->logs_bloom, sizeof own->logs_bloom) != 0)
        return invalid(v, "wrong logs bloom");
    if (!vd_hash_eq(&h->withdrawals_root, &own->withdrawals_root))
        return invalid(v, "wrong withdrawals root");
    if (h->has_requests_hash && !vd_hash_eq(&h->requests_hash, &own->requests_hash))
        return invalid(v, "wrong requests hash");
    if (!vd_hash_eq(&h->state_root, &own->state_root))
        return invalid(v, "wrong state root");
    return invalid(v, "wrong block hash");
}

static struct vd_block_env
env_of(const struct vd_block *block)
{
    const struct vd_header *h = &block->header;
    return (struct vd_block_env){
        .timestamp = h->timestamp,
        .prev_randao = h->mix_hash,
        .fee_recipient = h->beneficiary,
        .gas_limit = h->gas_limit,
        .parent_beacon_root = h->parent_beacon_root,
        .extra_data = h->extra_data,
        .withdrawals = block->withdrawals,
        .withdrawal_count = block->withdrawal_count,
    };
}

/* Runs the body.  On VD_OK with the verdict still VALID, result is filled. */
static enum vd_err
run_body(struct verification *v, struct vd_exec_result *result,
         const struct vd_state_visitor *visitor, const struct vd_trie_sink *sink)
{
    enum vd_err err = VD_OK;
    for (size_t i = 0; i < v->block->transaction_count; i++) {
        err = run_transaction(v, i);
        if (err != VD_OK || v->outcome->verdict != VD_BLOCK_VALID)
            return err;
    }
    err = vd_exec_finish(v->exec, result, visitor, sink);
    if (err == VD_ERR_INVALID) {
        (void)invalid(v, "execution requests cannot be computed");
        return VD_OK;
    }
    if (err == VD_OK)
        (void)compare(v, result);
    return err;
}

enum vd_err
vd_block_verify(struct vd_block_outcome *outcome, struct vd_exec_result *result,
                struct vd_arena *arena, const struct vd_block *block,
                const struct vd_exec_inputs *inputs, const struct vd_state_visitor *visitor,
                const struct vd_trie_sink *sink)
{
    *outcome = (struct vd_block_outcome){.verdict = VD_BLOCK_VALID};
    struct vd_block_env env = env_of(block);
    struct vd_exec_inputs in = *inputs;
    in.env = &env;
    struct verification v = {
        .outcome = outcome, .arena = arena, .block = block, .in = &in, .rules = inputs->rules};
    if (v.rules == NULL)
        v.rules = vd_chain_rules(in.config, block->header.timestamp);
    if (v.rules == NULL)
        return unsupported(outcome, "no rules for the block's time");
    if (!check_form(&v) || !check_against_parent(&v))
        return VD_OK;
    enum vd_err err = vd_exec_begin(&v.exec, arena, &in);
    if (err == VD_ERR_INVALID) {
        (void)invalid(&v, "the parent gives no base fee");
        return VD_OK;
    }
    if (err == VD_OK && check_computed(&v))
        err = run_body(&v, result, visitor, sink);
    if (err == VD_ERR_UNSUPPORTED)
        return unsupported(outcome, "a system call reached a rule that this build does not have");
    return err;
}
