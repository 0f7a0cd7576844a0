/* One message and what surrounds it in a transaction: intrinsic gas, warm sets, authorisations,
   refunds. */
#include "core/chain/exec_internal.h"
#include "core/chain/tx_internal.h"
#include "viaduct/core/crypto/keccak.h"

#define MAX_INIT_CODE_SIZE 49152   /* EIP-3860 */
#define AUTHORIZATION_REFUND 12500 /* EIP-7702: PER_EMPTY_ACCOUNT_COST - PER_AUTH_BASE_COST */
#define REFUND_QUOTIENT 5          /* EIP-3529 */

enum vd_tx_verdict
vd_message_check(struct vd_message_run *run, const struct vd_rules *rules)
{
    const struct vd_tx *tx = run->tx;
    run->intrinsic = vd_tx_intrinsic_gas(tx, rules);
    if (run->intrinsic.overflow)
        return VD_TX_GAS_OVERFLOW;
    if (tx->gas_limit < run->intrinsic.gas)
        return VD_TX_INTRINSIC_GAS;
    if (tx->gas_limit < run->intrinsic.floor)
        return VD_TX_FLOOR_DATA_GAS;
    if (tx->is_create && tx->data.len > MAX_INIT_CODE_SIZE)
        return VD_TX_INIT_CODE_TOO_LARGE;
    return VD_TX_INCLUDED;
}

/* --- warm sets --- */

static enum vd_err
warm_accesses(struct vd_state *state, const struct vd_tx *tx)
{
    bool was_cold;
    enum vd_err err = VD_OK;
    for (size_t i = 0; err == VD_OK && i < tx->access_count; i++) {
        const struct vd_access *access = &tx->accesses[i];
        err = vd_state_warm_address(state, &was_cold, &access->address);
        for (size_t k = 0; err == VD_OK && k < access->key_count; k++) {
            struct vd_u256 key = vd_u256_from_be(access->keys[k].b);
            err = vd_state_warm_slot(state, &was_cold, &access->address, &key);
        }
    }
    return err;
}

/* EIP-2929, EIP-2930, EIP-3651.  A create's new address is warmed by the machine. */
static enum vd_err
warm(struct vd_exec *exec, const struct vd_tx *tx, const struct vd_address *sender)
{
    bool was_cold;
    struct vd_state *state = exec->state;
    const struct vd_address *precompiles;
    size_t count = vd_evm_precompiles(vd_rules_evm(exec->rules), &precompiles);
    enum vd_err err = vd_state_warm_address(state, &was_cold, sender);
    if (err == VD_OK && !tx->is_create)
        err = vd_state_warm_address(state, &was_cold, &tx->to);
    for (size_t i = 0; err == VD_OK && i < count; i++)
        err = vd_state_warm_address(state, &was_cold, &precompiles[i]);
    if (err == VD_OK)
        err = vd_state_warm_address(state, &was_cold, &exec->block.coinbase);
    return err == VD_OK ? warm_accesses(state, tx) : err;
}

/* --- EIP-7702 --- */

/* Points the authority at the target, or clears it when the target is zero. */
static enum vd_err
delegate(struct vd_state *state, const struct vd_address *authority,
         const struct vd_address *target)
{
    static const struct vd_address none;
    uint8_t designator[23] = {0xef, 0x01, 0x00};
    memcpy(designator + 3, target->b, sizeof target->b);
    bool clears = vd_address_eq(target, &none);
    return vd_state_set_code(state, authority,
                             clears ? vd_slice(NULL, 0) : vd_slice(designator, sizeof designator));
}

/* Whether the authority's code and nonce let the authorisation through (steps 5 and 6). */
static enum vd_err
authority_allows(struct vd_state *state, bool *allows, const struct vd_address *authority,
                 const struct vd_authorization *authorization)
{
    struct vd_slice code;
    struct vd_address target;
    uint64_t nonce;
    enum vd_err err = vd_state_code(state, &code, NULL, authority);
    if (err == VD_OK)
        err = vd_state_nonce(state, &nonce, authority);
    if (err != VD_OK)
        return err;
    bool free_of_code = code.len == 0 || vd_delegation(&target, code);
    *allows = free_of_code && nonce == authorization->nonce;
    return VD_OK;
}

/* Steps 1 to 9 of EIP-7702 for one tuple; what does not fit is skipped. */
static enum vd_err
apply_authorization(struct vd_exec *exec, const struct vd_authorization *authorization)
{
    struct vd_u256 chain_id = vd_u256(exec->in.config->chain_id);
    bool right_chain = vd_u256_is_zero(&authorization->chain_id) ||
                       vd_u256_eq(&authorization->chain_id, &chain_id);
    if (!right_chain || authorization->nonce == UINT64_MAX)
        return VD_OK;
    struct vd_hash hash = vd_authorization_hash(authorization);
    struct vd_address authority;
    bool valid;
    bool was_cold;
    enum vd_err err = vd_recover(&authority, &valid, &hash, authorization->y_parity,
                                 &authorization->r, &authorization->s, exec->in.curves);
    if (err != VD_OK || !valid)
        return err;
    bool allows = false;
    err = vd_state_warm_address(exec->state, &was_cold, &authority);
    if (err == VD_OK)
        err = authority_allows(exec->state, &allows, &authority, authorization);
    if (err != VD_OK || !allows)
        return err;
    const struct vd_account *account;
    err = vd_state_account(exec->state, &account, &authority);
    if (err == VD_OK && account != NULL)
        vd_state_add_refund(exec->state, AUTHORIZATION_REFUND);
    if (err == VD_OK)
        err = delegate(exec->state, &authority, &authorization->address);
    if (err == VD_OK)
        err = vd_state_set_nonce(exec->state, &authority, authorization->nonce + 1);
    return err;
}

/* --- the run --- */

/* The gas that the transaction pays for: EIP-3529's capped refund, then EIP-7623's floor. */
static uint64_t
gas_used(const struct vd_exec *exec, const struct vd_message_run *run)
{
    uint64_t used = run->tx->gas_limit - run->result.gas_left;
    uint64_t cap = used / REFUND_QUOTIENT;
    int64_t counter = vd_state_refund(exec->state);
    uint64_t refund = counter > 0 ? (uint64_t)counter : 0;
    used -= refund < cap ? refund : cap;
    return used < run->intrinsic.floor ? run->intrinsic.floor : used;
}

static enum vd_err
prepare(struct vd_exec *exec, const struct vd_message_run *run, uint64_t *nonce)
{
    const struct vd_tx *tx = run->tx;
    enum vd_err err = warm(exec, tx, run->sender);
    if (err == VD_OK)
        err = vd_state_nonce(exec->state, nonce, run->sender);
    if (err == VD_OK)
        err = vd_state_set_nonce(exec->state, run->sender, *nonce + 1);
    for (size_t i = 0; err == VD_OK && i < tx->authorization_count; i++)
        err = apply_authorization(exec, &tx->authorizations[i]);
    return err;
}

enum vd_err
vd_message_execute(struct vd_exec *exec, struct vd_message_run *run)
{
    const struct vd_tx *tx = run->tx;
    uint64_t nonce;
    enum vd_err err = prepare(exec, run, &nonce);
    if (err != VD_OK)
        return err;
    struct vd_evm_tx context = {
        .origin = *run->sender,
        .gas_price = run->gas_price,
        .blob_hashes = tx->blob_hashes,
        .blob_hash_count = tx->blob_hash_count,
    };
    struct vd_evm_message message = {
        .is_create = tx->is_create,
        .sender = *run->sender,
        .to = tx->is_create ? vd_create_address(run->sender, nonce) : tx->to,
        .value = tx->value,
        .input = tx->data,
        .gas = tx->gas_limit - run->intrinsic.gas,
    };
    err = vd_evm_execute(exec->evm, &run->result, &context, &message, run->cancel);
    if (err == VD_OK)
        run->gas_used = gas_used(exec, run);
    return err;
}
