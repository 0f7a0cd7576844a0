#include "viaduct/core/chain/genesis.h"
#include "core/chain/exec_internal.h"
#include "viaduct/core/crypto/keccak.h"

/* --- the allocation --- */

static enum vd_err
put_slots(struct vd_state *state, const struct vd_genesis_account *account)
{
    enum vd_err err = VD_OK;
    for (size_t i = 0; err == VD_OK && i < account->slot_count; i++) {
        const struct vd_genesis_slot *slot = &account->slots[i];
        if (!vd_u256_is_zero(&slot->value))
            err = vd_state_set_slot(state, &account->address, &slot->key, &slot->value);
    }
    return err;
}

static enum vd_err
put_account(struct vd_state *state, const struct vd_genesis_account *account)
{
    bool empty =
        account->nonce == 0 && vd_u256_is_zero(&account->balance) && account->code.len == 0;
    if (empty)
        return VD_OK;
    vd_state_tx_begin(state);
    enum vd_err err = vd_state_add_balance(state, &account->address, &account->balance);
    if (err == VD_OK && account->nonce != 0)
        err = vd_state_set_nonce(state, &account->address, account->nonce);
    if (err == VD_OK && account->code.len != 0)
        err = vd_state_set_code(state, &account->address, account->code);
    if (err == VD_OK)
        err = put_slots(state, account);
    return err == VD_OK ? vd_state_tx_end(state) : err;
}

/* --- the header --- */

static void
fill_header(struct vd_header *h, const struct vd_genesis *genesis, const struct vd_rules *rules)
{
    *h = (struct vd_header){
        .parent_hash = genesis->parent_hash,
        .ommers_hash = VD_EMPTY_OMMERS,
        .beneficiary = genesis->coinbase,
        .transactions_root = VD_EMPTY_ROOT,
        .receipts_root = VD_EMPTY_ROOT,
        .difficulty = genesis->difficulty,
        .number = genesis->number,
        .gas_limit = genesis->gas_limit,
        .timestamp = genesis->timestamp,
        .extra_data = genesis->extra_data,
        .mix_hash = genesis->mix_hash,
        .has_base_fee = true,
        .base_fee = genesis->base_fee,
        .has_withdrawals_root = true,
        .withdrawals_root = VD_EMPTY_ROOT,
        .has_blob_gas = true,
        .blob_gas_used = genesis->blob_gas_used,
        .excess_blob_gas = genesis->excess_blob_gas,
        .has_parent_beacon_root = true,
        .parent_beacon_root = genesis->parent_beacon_root,
        .has_requests_hash = rules->requests_hash,
        .requests_hash = VD_EMPTY_REQUESTS_HASH,
    };
    memcpy(h->nonce, genesis->nonce, sizeof h->nonce);
}

/* The roots that the allocation decides. */
static enum vd_err
fill_roots(struct vd_header *h, struct vd_state *state, const struct vd_rules *rules,
           const struct vd_state_visitor *visitor, const struct vd_trie_sink *sink)
{
    enum vd_err err = vd_state_root(state, &h->state_root, visitor, sink);
    if (err == VD_OK && rules->withdrawals_root_is_storage)
        err = vd_state_storage_root(state, &h->withdrawals_root, &VD_L2_TO_L1_MESSAGE_PASSER);
    return err;
}

enum vd_err
vd_genesis_build(struct vd_header *header, struct vd_hash *hash, struct vd_arena *arena,
                 const struct vd_chain_config *config, const struct vd_genesis *genesis,
                 const struct vd_state_visitor *visitor, const struct vd_trie_sink *sink)
{
    const struct vd_rules *rules = vd_chain_rules(config, genesis->timestamp);
    if (rules == NULL)
        return VD_ERR_UNSUPPORTED;
    static const struct vd_hash seed;
    struct vd_state *state;
    enum vd_err err = vd_state_new(&state, arena, &VD_STATE_NOTHING, &VD_EMPTY_ROOT, &seed);
    for (size_t i = 0; err == VD_OK && i < genesis->account_count; i++)
        err = put_account(state, &genesis->accounts[i]);
    if (err != VD_OK)
        return err;
    fill_header(header, genesis, rules);
    err = fill_roots(header, state, rules, visitor, sink);
    if (err == VD_OK)
        *hash = vd_header_hash(header);
    return err;
}
