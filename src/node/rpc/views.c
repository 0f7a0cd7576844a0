/* Blocks, transactions, receipts and logs as JSON, field by field as geth and op-geth write them
   (op-geth for what is L2's own: deposit and L1 fee fields). */
#include "rpc_internal.h"

#define GAS_PER_BLOB 131072u /* EIP-4844 */

static void
put_bytes(struct vd_json *j, const char *key, const void *bytes, size_t len)
{
    vd_json_put_data(j, key, vd_slice(bytes, len));
}

void
vd_write_header(struct vd_json *j, const struct vd_header *header, const struct vd_hash *hash)
{
    if (hash != NULL) {
        vd_json_put_hash(j, "hash", hash);
        put_bytes(j, "nonce", header->nonce, sizeof header->nonce);
        vd_json_put_address(j, "miner", &header->beneficiary);
    } else { /* as geth shows the pending block */
        vd_json_put_null(j, "hash");
        vd_json_put_null(j, "nonce");
        vd_json_put_null(j, "miner");
    }
    vd_json_put_quantity(j, "number", header->number);
    vd_json_put_hash(j, "parentHash", &header->parent_hash);
    vd_json_put_hash(j, "mixHash", &header->mix_hash);
    vd_json_put_hash(j, "sha3Uncles", &header->ommers_hash);
    put_bytes(j, "logsBloom", header->logs_bloom, sizeof header->logs_bloom);
    vd_json_put_hash(j, "stateRoot", &header->state_root);
    vd_json_put_u256(j, "difficulty", &header->difficulty);
    vd_json_put_data(j, "extraData", header->extra_data);
    vd_json_put_quantity(j, "gasLimit", header->gas_limit);
    vd_json_put_quantity(j, "gasUsed", header->gas_used);
    vd_json_put_quantity(j, "timestamp", header->timestamp);
    vd_json_put_hash(j, "transactionsRoot", &header->transactions_root);
    vd_json_put_hash(j, "receiptsRoot", &header->receipts_root);
    if (header->has_base_fee)
        vd_json_put_u256(j, "baseFeePerGas", &header->base_fee);
    if (header->has_withdrawals_root)
        vd_json_put_hash(j, "withdrawalsRoot", &header->withdrawals_root);
    if (header->has_blob_gas) {
        vd_json_put_quantity(j, "blobGasUsed", header->blob_gas_used);
        vd_json_put_quantity(j, "excessBlobGas", header->excess_blob_gas);
    }
    if (header->has_parent_beacon_root)
        vd_json_put_hash(j, "parentBeaconBlockRoot", &header->parent_beacon_root);
    if (header->has_requests_hash)
        vd_json_put_hash(j, "requestsHash", &header->requests_hash);
}

enum vd_err
vd_record_tx(struct vd_tx *tx, struct vd_arena *arena, struct vd_slice raw)
{
    enum vd_err err = vd_tx_decode(tx, NULL, arena, raw);
    /* What lies in the database was decoded before. */
    return err == VD_ERR_INVALID ? VD_ERR_CORRUPT : err;
}

/* --- transactions --- */

static void
put_access_list(struct vd_json *j, const struct vd_tx *tx)
{
    vd_json_key(j, "accessList");
    vd_json_array_begin(j);
    for (size_t i = 0; i < tx->access_count; i++) {
        vd_json_object_begin(j);
        vd_json_put_address(j, "address", &tx->accesses[i].address);
        vd_json_key(j, "storageKeys");
        vd_json_array_begin(j);
        for (size_t k = 0; k < tx->accesses[i].key_count; k++)
            vd_json_hash(j, &tx->accesses[i].keys[k]);
        vd_json_array_end(j);
        vd_json_object_end(j);
    }
    vd_json_array_end(j);
}

static void
put_authorizations(struct vd_json *j, const struct vd_tx *tx)
{
    vd_json_key(j, "authorizationList");
    vd_json_array_begin(j);
    for (size_t i = 0; i < tx->authorization_count; i++) {
        const struct vd_authorization *a = &tx->authorizations[i];
        vd_json_object_begin(j);
        vd_json_put_u256(j, "chainId", &a->chain_id);
        vd_json_put_address(j, "address", &a->address);
        vd_json_put_quantity(j, "nonce", a->nonce);
        vd_json_put_quantity(j, "yParity", a->y_parity);
        vd_json_put_u256(j, "r", &a->r);
        vd_json_put_u256(j, "s", &a->s);
        vd_json_object_end(j);
    }
    vd_json_array_end(j);
}

static void
put_blob_hashes(struct vd_json *j, const struct vd_tx *tx)
{
    vd_json_key(j, "blobVersionedHashes");
    vd_json_array_begin(j);
    for (size_t i = 0; i < tx->blob_hash_count; i++)
        vd_json_hash(j, &tx->blob_hashes[i]);
    vd_json_array_end(j);
}

/* EIP-155: 35 + 2 * chain id + parity, 27 + parity before it. */
static struct vd_u256
legacy_v(const struct vd_tx *tx)
{
    struct vd_u256 v = vd_u256(27 + (uint64_t)tx->y_parity);
    if (!tx->has_chain_id)
        return v;
    struct vd_u256 id = vd_u256(tx->chain_id);
    id = vd_u256_add(&id, &id);
    v = vd_u256(35 + (uint64_t)tx->y_parity);
    return vd_u256_add(&v, &id);
}

static void
put_signature(struct vd_json *j, const struct vd_tx *tx)
{
    struct vd_u256 v = tx->type == VD_TX_LEGACY ? legacy_v(tx) : vd_u256(tx->y_parity);
    vd_json_put_u256(j, "v", &v);
    vd_json_put_u256(j, "r", &tx->r);
    vd_json_put_u256(j, "s", &tx->s);
    if (tx->type != VD_TX_LEGACY && tx->type != VD_TX_DEPOSIT)
        vd_json_put_quantity(j, "yParity", tx->y_parity);
}

static void
put_deposit(struct vd_json *j, const struct vd_tx *tx, const struct vd_tx_record *record)
{
    static const struct vd_u256 zero;
    vd_json_put_hash(j, "sourceHash", &tx->source_hash);
    if (tx->has_mint)
        vd_json_put_u256(j, "mint", &tx->mint);
    if (tx->is_system_tx)
        vd_json_put_bool(j, "isSystemTx", true);
    vd_json_put_quantity(j, "nonce", record->receipt.deposit_nonce);
    vd_json_put_quantity(j, "depositReceiptVersion", record->receipt.deposit_version);
    vd_json_put_u256(j, "gasPrice", &zero);
}

static void
put_fees(struct vd_json *j, const struct vd_tx *tx, const struct vd_tx_record *record,
         const struct vd_place *place)
{
    bool has_price = tx->type == VD_TX_LEGACY || tx->type == VD_TX_ACCESS_LIST;
    /* A transaction without a block shows the most that it would pay. */
    bool effective = !has_price && place != NULL;
    vd_json_put_u256(j, "gasPrice", effective ? &record->effective_gas_price : &tx->max_fee);
    if (!has_price) {
        vd_json_put_u256(j, "maxFeePerGas", &tx->max_fee);
        vd_json_put_u256(j, "maxPriorityFeePerGas", &tx->max_priority_fee);
    }
    if (tx->type == VD_TX_BLOB)
        vd_json_put_u256(j, "maxFeePerBlobGas", &tx->max_fee_per_blob_gas);
}

static void
put_place(struct vd_json *j, const struct vd_place *place)
{
    if (place == NULL) {
        vd_json_put_null(j, "blockHash");
        vd_json_put_null(j, "blockNumber");
        vd_json_put_null(j, "transactionIndex");
        return;
    }
    if (place->hash != NULL)
        vd_json_put_hash(j, "blockHash", place->hash);
    else
        vd_json_put_null(j, "blockHash");
    vd_json_put_quantity(j, "blockNumber", place->header->number);
    vd_json_put_quantity(j, "blockTimestamp", place->header->timestamp);
    vd_json_put_quantity(j, "transactionIndex", place->index);
}

static void
put_typed(struct vd_json *j, const struct vd_tx *tx)
{
    if (tx->has_chain_id)
        vd_json_put_quantity(j, "chainId", tx->chain_id);
    if (tx->type != VD_TX_LEGACY)
        put_access_list(j, tx);
    if (tx->type == VD_TX_BLOB)
        put_blob_hashes(j, tx);
    if (tx->type == VD_TX_SET_CODE)
        put_authorizations(j, tx);
}

void
vd_write_tx(struct vd_json *j, const struct vd_tx *tx, const struct vd_tx_record *record,
            const struct vd_place *place)
{
    vd_json_object_begin(j);
    put_place(j, place);
    vd_json_put_address(j, "from", &record->sender);
    vd_json_put_quantity(j, "gas", tx->gas_limit);
    vd_json_put_hash(j, "hash", &tx->hash);
    vd_json_put_data(j, "input", tx->data);
    if (tx->is_create)
        vd_json_put_null(j, "to");
    else
        vd_json_put_address(j, "to", &tx->to);
    vd_json_put_u256(j, "value", &tx->value);
    vd_json_put_quantity(j, "type", tx->type);
    if (tx->type == VD_TX_DEPOSIT) {
        put_deposit(j, tx, record);
    } else {
        vd_json_put_quantity(j, "nonce", tx->nonce);
        put_fees(j, tx, record, place);
        put_typed(j, tx);
    }
    put_signature(j, tx);
    vd_json_object_end(j);
}

/* --- receipts --- */

enum vd_err
vd_block_fees_read(struct vd_block_fees *fees, const struct vd_chain_config *chain,
                   const struct vd_header *header, const struct vd_tx_record *txs, size_t count,
                   struct vd_arena *arena)
{
    *fees = (struct vd_block_fees){0};
    if (!chain->is_l2) {
        const struct vd_blob_params *blobs = vd_chain_blobs(chain, header->timestamp);
        if (header->has_blob_gas && blobs != NULL)
            fees->blob_base_fee = vd_blob_base_fee(header->excess_blob_gas, blobs->update_fraction);
        return VD_OK;
    }
    if (count == 0)
        return VD_OK;
    struct vd_tx first;
    enum vd_err err = vd_record_tx(&first, arena, txs[0].raw);
    if (err != VD_OK || first.type != VD_TX_DEPOSIT)
        return err;
    err = vd_l1_info_decode(&fees->info, first.data);
    fees->is_l2 = err == VD_OK;
    return err == VD_ERR_INVALID ? VD_ERR_CORRUPT : err;
}

static const struct vd_hash *
place_hash(const struct vd_place *place)
{
    static const struct vd_hash none;
    return place->hash != NULL ? place->hash : &none;
}

void
vd_write_log(struct vd_json *j, const struct vd_log *log, const struct vd_place *place,
             const struct vd_hash *tx_hash, size_t log_index)
{
    vd_json_object_begin(j);
    vd_json_put_address(j, "address", &log->address);
    vd_json_key(j, "topics");
    vd_json_array_begin(j);
    for (size_t i = 0; i < log->topic_count; i++)
        vd_json_hash(j, &log->topics[i]);
    vd_json_array_end(j);
    vd_json_put_data(j, "data", log->data);
    vd_json_put_quantity(j, "blockNumber", place->header->number);
    vd_json_put_hash(j, "transactionHash", tx_hash);
    vd_json_put_quantity(j, "transactionIndex", place->index);
    vd_json_put_hash(j, "blockHash", place_hash(place));
    vd_json_put_quantity(j, "blockTimestamp", place->header->timestamp);
    vd_json_put_quantity(j, "logIndex", log_index);
    vd_json_put_bool(j, "removed", false);
    vd_json_object_end(j);
}

/* The fields that op-geth adds to a receipt (OP Stack specs, "L1 fee"). */
static void
put_l1_fees(struct vd_json *j, const struct vd_tx *tx, const struct vd_tx_record *record,
            const struct vd_l1_info *info)
{
    vd_json_put_u256(j, "l1GasPrice", &info->base_fee);
    vd_json_put_quantity(j, "l1GasUsed", vd_l1_gas_used(tx->raw));
    vd_json_put_u256(j, "l1Fee", &record->l1_fee);
    vd_json_put_u256(j, "l1BlobBaseFee", &info->blob_base_fee);
    vd_json_put_quantity(j, "l1BaseFeeScalar", info->base_fee_scalar);
    vd_json_put_quantity(j, "l1BlobBaseFeeScalar", info->blob_base_fee_scalar);
    if (info->isthmus && (info->operator_fee_scalar != 0 || info->operator_fee_constant != 0)) {
        vd_json_put_quantity(j, "operatorFeeScalar", info->operator_fee_scalar);
        vd_json_put_quantity(j, "operatorFeeConstant", info->operator_fee_constant);
    }
}

static void
put_logs(struct vd_json *j, const struct vd_tx_record *record, const struct vd_place *place)
{
    vd_json_key(j, "logs");
    vd_json_array_begin(j);
    for (size_t i = 0; i < record->receipt.log_count; i++)
        vd_write_log(j, &record->receipt.logs[i], place, &record->hash,
                     record->first_log_index + i);
    vd_json_array_end(j);
    put_bytes(j, "logsBloom", record->receipt.bloom, sizeof record->receipt.bloom);
}

static void
put_own_fees(struct vd_json *j, const struct vd_tx *tx, const struct vd_tx_record *record,
             const struct vd_block_fees *fees)
{
    if (tx->type == VD_TX_DEPOSIT) {
        vd_json_put_quantity(j, "depositNonce", record->receipt.deposit_nonce);
        vd_json_put_quantity(j, "depositReceiptVersion", record->receipt.deposit_version);
    } else if (fees->is_l2) {
        put_l1_fees(j, tx, record, &fees->info);
    }
    if (tx->type == VD_TX_BLOB) {
        vd_json_put_quantity(j, "blobGasUsed", tx->blob_hash_count * GAS_PER_BLOB);
        vd_json_put_u256(j, "blobGasPrice", &fees->blob_base_fee);
    }
}

void
vd_write_receipt(struct vd_json *j, const struct vd_tx *tx, const struct vd_tx_record *record,
                 const struct vd_place *place, const struct vd_block_fees *fees)
{
    const struct vd_receipt *receipt = &record->receipt;
    vd_json_object_begin(j);
    vd_json_put_hash(j, "blockHash", place_hash(place));
    vd_json_put_quantity(j, "blockNumber", place->header->number);
    vd_json_put_hash(j, "transactionHash", &record->hash);
    vd_json_put_quantity(j, "transactionIndex", place->index);
    vd_json_put_address(j, "from", &record->sender);
    if (tx->is_create)
        vd_json_put_null(j, "to");
    else
        vd_json_put_address(j, "to", &tx->to);
    vd_json_put_quantity(j, "gasUsed", receipt->gas_used);
    vd_json_put_quantity(j, "cumulativeGasUsed", receipt->cumulative_gas_used);
    vd_json_put_u256(j, "effectiveGasPrice", &record->effective_gas_price);
    if (receipt->has_contract_address)
        vd_json_put_address(j, "contractAddress", &receipt->contract_address);
    else
        vd_json_put_null(j, "contractAddress");
    put_logs(j, record, place);
    vd_json_put_quantity(j, "type", receipt->type);
    vd_json_put_quantity(j, "status", receipt->success ? 1 : 0);
    put_own_fees(j, tx, record, fees);
    vd_json_object_end(j);
}
