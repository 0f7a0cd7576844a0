#include "viaduct/node/l1/l1_json.h"

#include <stdarg.h>
#include <stdio.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/trie.h"
#include "viaduct/node/net/json_reader.h"

/* A reading of one JSON object tree with sticky failure: after the first one nothing is read and
 *why keeps its text. */
struct reading {
    struct vd_arena *arena;
    struct vd_l1_why *why;
    enum vd_err err;
};

static void fail(struct reading *r, enum vd_err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
fail(struct reading *r, enum vd_err err, const char *format, ...)
{
    if (r->err != VD_OK)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(r->why->text, sizeof r->why->text, format, args);
    va_end(args);
    r->err = err;
}

static void *
allocate(struct reading *r, void *memory)
{
    if (memory == NULL)
        fail(r, VD_ERR_NO_MEMORY, "out of memory");
    return memory;
}

/* --- fields --- */

static bool
has(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return value != NULL && !json_is_null(value);
}

/* The field, or NULL after a failure. */
static const json_t *
field(struct reading *r, const json_t *object, const char *name)
{
    if (r->err != VD_OK)
        return NULL;
    const json_t *value = json_object_get(object, name);
    if (value == NULL || json_is_null(value))
        fail(r, VD_ERR_INVALID, "field %s is missing", name);
    return r->err == VD_OK ? value : NULL;
}

static void
check(struct reading *r, bool ok, const char *name, const struct vd_json_why *why)
{
    if (!ok)
        fail(r, VD_ERR_INVALID, "field %s: %.120s", name, why->text);
}

static void
read_fixed(struct reading *r, uint8_t *out, size_t len, const json_t *object, const char *name)
{
    struct vd_json_why why;
    const json_t *value = field(r, object, name);
    if (value != NULL)
        check(r, vd_json_read_fixed(out, len, "bytes", &why, value), name, &why);
}

static void
read_hash(struct reading *r, struct vd_hash *out, const json_t *object, const char *name)
{
    read_fixed(r, out->b, sizeof out->b, object, name);
}

static void
read_address(struct reading *r, struct vd_address *out, const json_t *object, const char *name)
{
    read_fixed(r, out->b, sizeof out->b, object, name);
}

static void
read_u64(struct reading *r, uint64_t *out, const json_t *object, const char *name)
{
    struct vd_json_why why;
    const json_t *value = field(r, object, name);
    if (value != NULL)
        check(r, vd_json_read_u64(out, &why, value), name, &why);
}

static void
read_u256(struct reading *r, struct vd_u256 *out, const json_t *object, const char *name)
{
    struct vd_json_why why;
    const json_t *value = field(r, object, name);
    if (value != NULL)
        check(r, vd_json_read_u256(out, &why, value), name, &why);
}

static void
read_data(struct reading *r, struct vd_slice *out, const json_t *object, const char *name)
{
    struct vd_json_why why;
    const json_t *value = field(r, object, name);
    if (value != NULL)
        check(r, vd_json_read_data_arena(out, &why, r->arena, value), name, &why);
}

static const json_t *
read_array(struct reading *r, const json_t *object, const char *name)
{
    const json_t *value = field(r, object, name);
    if (value != NULL && !json_is_array(value))
        fail(r, VD_ERR_INVALID, "field %s is no array", name);
    return r->err == VD_OK ? value : NULL;
}

/* --- headers --- */

static void
read_header(struct reading *r, struct vd_header *h, const json_t *json)
{
    read_hash(r, &h->parent_hash, json, "parentHash");
    read_hash(r, &h->ommers_hash, json, "sha3Uncles");
    read_address(r, &h->beneficiary, json, "miner");
    read_hash(r, &h->state_root, json, "stateRoot");
    read_hash(r, &h->transactions_root, json, "transactionsRoot");
    read_hash(r, &h->receipts_root, json, "receiptsRoot");
    read_fixed(r, h->logs_bloom, sizeof h->logs_bloom, json, "logsBloom");
    read_u256(r, &h->difficulty, json, "difficulty");
    read_u64(r, &h->number, json, "number");
    read_u64(r, &h->gas_limit, json, "gasLimit");
    read_u64(r, &h->gas_used, json, "gasUsed");
    read_u64(r, &h->timestamp, json, "timestamp");
    read_data(r, &h->extra_data, json, "extraData");
    read_hash(r, &h->mix_hash, json, "mixHash");
    read_fixed(r, h->nonce, sizeof h->nonce, json, "nonce");
    /* The header's length says which of the later fields are in it. */
    if ((h->has_base_fee = has(json, "baseFeePerGas")))
        read_u256(r, &h->base_fee, json, "baseFeePerGas");
    if ((h->has_withdrawals_root = has(json, "withdrawalsRoot")))
        read_hash(r, &h->withdrawals_root, json, "withdrawalsRoot");
    if ((h->has_blob_gas = has(json, "excessBlobGas"))) {
        read_u64(r, &h->blob_gas_used, json, "blobGasUsed");
        read_u64(r, &h->excess_blob_gas, json, "excessBlobGas");
    }
    if ((h->has_parent_beacon_root = has(json, "parentBeaconBlockRoot")))
        read_hash(r, &h->parent_beacon_root, json, "parentBeaconBlockRoot");
    if ((h->has_requests_hash = has(json, "requestsHash")))
        read_hash(r, &h->requests_hash, json, "requestsHash");
    /* vd_header_hash encodes on its stack (Yellow Paper 4.3.4: at most 32 bytes). */
    if (h->extra_data.len > 32)
        fail(r, VD_ERR_INVALID, "field extraData has %zu bytes, at most 32 are allowed",
             h->extra_data.len);
    bool in_order = (h->has_base_fee || !h->has_withdrawals_root) &&
                    (h->has_withdrawals_root || !h->has_blob_gas) &&
                    (h->has_blob_gas || !h->has_parent_beacon_root) &&
                    (h->has_parent_beacon_root || !h->has_requests_hash);
    if (!in_order)
        fail(r, VD_ERR_INVALID, "a header field of an earlier fork is missing");
}

static void
parse_header(struct reading *r, struct vd_header *header, struct vd_hash *hash, const json_t *json)
{
    *header = (struct vd_header){0};
    read_hash(r, hash, json, "hash");
    read_header(r, header, json);
    if (r->err != VD_OK)
        return;
    struct vd_hash computed = vd_header_hash(header);
    if (!vd_hash_eq(&computed, hash))
        fail(r, VD_ERR_MISMATCH, "failed to verify block hash of block %llu",
             (unsigned long long)header->number);
}

enum vd_err
vd_l1_parse_header(struct vd_header *header, struct vd_hash *hash, struct vd_l1_why *why,
                   struct vd_arena *arena, const json_t *block)
{
    struct reading r = {.arena = arena, .why = why};
    parse_header(&r, header, hash, block);
    return r.err;
}

/* --- transactions --- */

static void
read_keys(struct reading *r, struct vd_access *access, const json_t *json)
{
    const json_t *keys = read_array(r, json, "storageKeys");
    access->key_count = json_array_size(keys);
    struct vd_hash *out =
        allocate(r, VD_ARENA_NEW(r->arena, struct vd_hash, access->key_count + 1));
    for (size_t i = 0; r->err == VD_OK && i < access->key_count; i++) {
        struct vd_json_why why;
        check(r, vd_json_read_hash(&out[i], &why, json_array_get(keys, i)), "storageKeys", &why);
    }
    access->keys = out;
}

static void
read_accesses(struct reading *r, struct vd_tx *tx, const json_t *json)
{
    const json_t *list = read_array(r, json, "accessList");
    tx->access_count = json_array_size(list);
    struct vd_access *out =
        allocate(r, VD_ARENA_NEW(r->arena, struct vd_access, tx->access_count + 1));
    for (size_t i = 0; r->err == VD_OK && i < tx->access_count; i++) {
        const json_t *item = json_array_get(list, i);
        read_address(r, &out[i].address, item, "address");
        read_keys(r, &out[i], item);
    }
    tx->accesses = out;
}

/* yParity where it stands, else v, which is the same for typed transactions. */
static void
read_parity(struct reading *r, uint8_t *out, const json_t *json)
{
    uint64_t parity = 0;
    read_u64(r, &parity, json, has(json, "yParity") ? "yParity" : "v");
    if (parity > UINT8_MAX)
        fail(r, VD_ERR_INVALID, "field yParity is out of range");
    *out = (uint8_t)parity;
}

static void
read_authorizations(struct reading *r, struct vd_tx *tx, const json_t *json)
{
    const json_t *list = read_array(r, json, "authorizationList");
    tx->authorization_count = json_array_size(list);
    struct vd_authorization *out =
        allocate(r, VD_ARENA_NEW(r->arena, struct vd_authorization, tx->authorization_count + 1));
    for (size_t i = 0; r->err == VD_OK && i < tx->authorization_count; i++) {
        const json_t *item = json_array_get(list, i);
        read_u256(r, &out[i].chain_id, item, "chainId");
        read_address(r, &out[i].address, item, "address");
        read_u64(r, &out[i].nonce, item, "nonce");
        read_parity(r, &out[i].y_parity, item);
        read_u256(r, &out[i].r, item, "r");
        read_u256(r, &out[i].s, item, "s");
    }
    tx->authorizations = out;
}

static void
read_blob_fields(struct reading *r, struct vd_tx *tx, const json_t *json)
{
    read_u256(r, &tx->max_fee_per_blob_gas, json, "maxFeePerBlobGas");
    const json_t *list = read_array(r, json, "blobVersionedHashes");
    tx->blob_hash_count = json_array_size(list);
    struct vd_hash *out =
        allocate(r, VD_ARENA_NEW(r->arena, struct vd_hash, tx->blob_hash_count + 1));
    for (size_t i = 0; r->err == VD_OK && i < tx->blob_hash_count; i++) {
        struct vd_json_why why;
        check(r, vd_json_read_hash(&out[i], &why, json_array_get(list, i)), "blobVersionedHashes",
              &why);
    }
    tx->blob_hashes = out;
}

/* EIP-155: v is 27 or 28 without a chain, else 35 + 2 * chain + parity. */
static void
read_legacy_v(struct reading *r, struct vd_tx *tx, const json_t *json)
{
    uint64_t v = 0;
    read_u64(r, &v, json, "v");
    if (r->err == VD_OK && v != 27 && v != 28 && v < 35)
        fail(r, VD_ERR_INVALID, "field v of a legacy transaction is %llu", (unsigned long long)v);
    tx->has_chain_id = v >= 35;
    tx->chain_id = v >= 35 ? (v - 35) / 2 : 0;
    tx->y_parity = (uint8_t)(v >= 35 ? (v - 35) % 2 : v - 27);
}

static void
read_signature(struct reading *r, struct vd_tx *tx, const json_t *json)
{
    if (tx->type == VD_TX_LEGACY)
        read_legacy_v(r, tx, json);
    else
        read_parity(r, &tx->y_parity, json);
    read_u256(r, &tx->r, json, "r");
    read_u256(r, &tx->s, json, "s");
}

static void
read_prices(struct reading *r, struct vd_tx *tx, const json_t *json)
{
    if (tx->type == VD_TX_LEGACY || tx->type == VD_TX_ACCESS_LIST) {
        read_u256(r, &tx->max_fee, json, "gasPrice");
        tx->max_priority_fee = tx->max_fee;
    } else {
        read_u256(r, &tx->max_fee, json, "maxFeePerGas");
        read_u256(r, &tx->max_priority_fee, json, "maxPriorityFeePerGas");
    }
}

static void
read_signed(struct reading *r, struct vd_tx *tx, const json_t *json)
{
    read_u64(r, &tx->nonce, json, "nonce");
    read_prices(r, tx, json);
    if (tx->type != VD_TX_LEGACY) {
        tx->has_chain_id = true;
        read_u64(r, &tx->chain_id, json, "chainId");
        read_accesses(r, tx, json);
    }
    if (tx->type == VD_TX_BLOB)
        read_blob_fields(r, tx, json);
    if (tx->type == VD_TX_SET_CODE)
        read_authorizations(r, tx, json);
    read_signature(r, tx, json);
}

/* An L1 that is itself an OP chain has deposits (OP Stack specs, deposits). */
static void
read_deposit(struct reading *r, struct vd_tx *tx, const json_t *json)
{
    read_hash(r, &tx->source_hash, json, "sourceHash");
    read_address(r, &tx->from, json, "from");
    if ((tx->has_mint = has(json, "mint")))
        read_u256(r, &tx->mint, json, "mint");
    tx->is_system_tx = json_is_true(json_object_get(json, "isSystemTx"));
}

static void
read_transaction(struct reading *r, struct vd_tx *tx, const json_t *json)
{
    uint64_t type = 0;
    *tx = (struct vd_tx){0};
    if (has(json, "type"))
        read_u64(r, &type, json, "type");
    if (type > VD_TX_SET_CODE && type != VD_TX_DEPOSIT)
        fail(r, VD_ERR_UNSUPPORTED, "transaction type %llu is not known", (unsigned long long)type);
    if (r->err != VD_OK)
        return;
    tx->type = (enum vd_tx_type)type;
    read_hash(r, &tx->hash, json, "hash");
    read_u64(r, &tx->gas_limit, json, "gas");
    read_u256(r, &tx->value, json, "value");
    read_data(r, &tx->data, json, has(json, "input") ? "input" : "data");
    tx->is_create = !has(json, "to");
    if (!tx->is_create)
        read_address(r, &tx->to, json, "to");
    if (tx->type == VD_TX_DEPOSIT)
        read_deposit(r, tx, json);
    else
        read_signed(r, tx, json);
}

/* The bytes of a transaction whose hash fits. */
static struct vd_slice
encode_transaction(struct reading *r, struct vd_hash *hash, const json_t *json)
{
    struct vd_tx tx;
    if (!json_is_object(json))
        fail(r, VD_ERR_INVALID, "a transaction is no object");
    read_transaction(r, &tx, json);
    if (r->err != VD_OK)
        return vd_slice(NULL, 0);
    struct vd_buf buf;
    vd_buf_init(&buf, r->arena);
    vd_tx_encode(&buf, &tx);
    if (buf.err != VD_OK) {
        fail(r, buf.err, "out of memory");
        return vd_slice(NULL, 0);
    }
    *hash = vd_keccak256(vd_buf_view(&buf));
    if (!vd_hash_eq(hash, &tx.hash))
        fail(r, VD_ERR_MISMATCH, "it does not hash to its hash");
    return vd_buf_view(&buf);
}

enum vd_err
vd_l1_parse_transaction(struct vd_slice *raw, struct vd_hash *hash, struct vd_l1_why *why,
                        struct vd_arena *arena, const json_t *json)
{
    struct reading r = {.arena = arena, .why = why};
    *raw = encode_transaction(&r, hash, json);
    return r.err;
}

/* --- blocks --- */

static void
read_transactions(struct reading *r, struct vd_l1_block *block, bool *has_blobs, const json_t *json)
{
    const json_t *list = read_array(r, json, "transactions");
    size_t count = json_array_size(list);
    struct vd_slice *raws = allocate(r, VD_ARENA_NEW(r->arena, struct vd_slice, count + 1));
    for (size_t i = 0; r->err == VD_OK && i < count; i++) {
        struct vd_l1_why why;
        struct vd_hash hash;
        enum vd_err err =
            vd_l1_parse_transaction(&raws[i], &hash, &why, r->arena, json_array_get(list, i));
        if (err != VD_OK)
            fail(r, err, "failed to verify transactions list: transaction %zu: %.100s", i,
                 why.text);
        else
            *has_blobs = *has_blobs || raws[i].ptr[0] == VD_TX_BLOB;
    }
    block->transactions = raws;
    block->transaction_count = count;
}

static void
check_list(struct reading *r, const struct vd_hash *root, const struct vd_slice *items,
           size_t count, const char *what)
{
    struct vd_hash computed;
    if (r->err != VD_OK)
        return;
    if (vd_trie_list_root(&computed, r->arena, items, count) != VD_OK)
        fail(r, VD_ERR_NO_MEMORY, "out of memory");
    else if (!vd_hash_eq(&computed, root))
        fail(r, VD_ERR_MISMATCH, "failed to verify %s list", what);
}

static struct vd_slice
encode_withdrawal(struct reading *r, const json_t *json)
{
    struct vd_withdrawal w = {0};
    struct vd_buf buf;
    read_u64(r, &w.index, json, "index");
    read_u64(r, &w.validator_index, json, "validatorIndex");
    read_address(r, &w.address, json, "address");
    read_u64(r, &w.amount_gwei, json, "amount");
    vd_buf_init(&buf, r->arena);
    vd_withdrawal_encode(&buf, &w);
    if (buf.err != VD_OK)
        fail(r, buf.err, "out of memory");
    return vd_buf_view(&buf);
}

static void
check_withdrawals(struct reading *r, const struct vd_header *header, const json_t *json)
{
    const json_t *list = json_object_get(json, "withdrawals");
    if (!header->has_withdrawals_root) {
        if (json_array_size(list) != 0)
            fail(r, VD_ERR_MISMATCH, "there are withdrawals and no withdrawals root");
        return;
    }
    /* Isthmus and its like keep another root in that field and have no withdrawals. */
    if (!json_is_array(list)) {
        fail(r, VD_ERR_INVALID, "field withdrawals is missing");
        return;
    }
    size_t count = json_array_size(list);
    size_t mark = vd_arena_mark(r->arena);
    struct vd_slice *items = allocate(r, VD_ARENA_NEW(r->arena, struct vd_slice, count + 1));
    for (size_t i = 0; r->err == VD_OK && i < count; i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_object(item))
            fail(r, VD_ERR_INVALID, "block withdrawal %zu is null", i);
        items[i] = encode_withdrawal(r, item);
    }
    check_list(r, &header->withdrawals_root, items, count, "withdrawals");
    vd_arena_rewind(r->arena, mark);
}

enum vd_err
vd_l1_parse_block(struct vd_l1_block *block, struct vd_l1_why *why, struct vd_arena *arena,
                  const struct vd_l1_lenient *lenient, const json_t *json)
{
    struct reading r = {.arena = arena, .why = why};
    bool has_blobs = false;
    *block = (struct vd_l1_block){0};
    parse_header(&r, &block->header, &block->hash, json);
    check_withdrawals(&r, &block->header, json);
    read_transactions(&r, block, &has_blobs, json);
    if (!has_blobs || !lenient->skip_transactions_root_of_blob_blocks)
        check_list(&r, &block->header.transactions_root, block->transactions,
                   block->transaction_count, "transactions");
    return r.err;
}

/* --- receipts --- */

static void
read_log(struct reading *r, struct vd_log *log, const json_t *json)
{
    read_address(r, &log->address, json, "address");
    read_data(r, &log->data, json, "data");
    const json_t *topics = read_array(r, json, "topics");
    size_t count = json_array_size(topics);
    if (count > 4)
        fail(r, VD_ERR_INVALID, "a log has %zu topics", count);
    for (size_t i = 0; r->err == VD_OK && i < count; i++) {
        struct vd_json_why why;
        check(r, vd_json_read_hash(&log->topics[i], &why, json_array_get(topics, i)), "topics",
              &why);
    }
    log->topic_count = r->err == VD_OK ? (uint8_t)count : 0;
}

static void
read_receipt(struct reading *r, struct vd_receipt *receipt, const json_t *json)
{
    uint64_t type = 0;
    uint64_t status = 0;
    if (has(json, "type"))
        read_u64(r, &type, json, "type");
    if (type > 0x7f)
        fail(r, VD_ERR_INVALID, "receipt type %llu", (unsigned long long)type);
    receipt->type = (enum vd_tx_type)type;
    read_u64(r, &status, json, "status");
    receipt->success = status == 1;
    read_u64(r, &receipt->cumulative_gas_used, json, "cumulativeGasUsed");
    read_fixed(r, receipt->bloom, sizeof receipt->bloom, json, "logsBloom");
    if (type == VD_TX_DEPOSIT) {
        read_u64(r, &receipt->deposit_nonce, json, "depositNonce");
        read_u64(r, &receipt->deposit_version, json, "depositReceiptVersion");
    }
    const json_t *logs = read_array(r, json, "logs");
    receipt->log_count = json_array_size(logs);
    struct vd_log *out = allocate(r, VD_ARENA_NEW(r->arena, struct vd_log, receipt->log_count + 1));
    for (size_t i = 0; r->err == VD_OK && i < receipt->log_count; i++)
        read_log(r, &out[i], json_array_get(logs, i));
    receipt->logs = out;
}

static struct vd_slice
encode_receipt(struct reading *r, const json_t *json)
{
    struct vd_receipt receipt = {0};
    struct vd_buf buf;
    if (!json_is_object(json))
        fail(r, VD_ERR_INVALID, "a receipt is no object");
    read_receipt(r, &receipt, json);
    vd_buf_init(&buf, r->arena);
    if (r->err == VD_OK)
        vd_receipt_encode(&buf, &receipt);
    if (buf.err != VD_OK)
        fail(r, buf.err, "out of memory");
    return vd_buf_view(&buf);
}

enum vd_err
vd_l1_parse_receipts(struct vd_l1_block *block, struct vd_l1_why *why, struct vd_arena *arena,
                     const json_t *json)
{
    struct reading r = {.arena = arena, .why = why};
    size_t count = json_array_size(json);
    if (!json_is_array(json))
        fail(&r, VD_ERR_INVALID, "receipts are no array");
    else if (count != block->transaction_count)
        fail(&r, VD_ERR_MISMATCH,
             "failed to verify receipts list: %zu receipts for %zu transactions", count,
             block->transaction_count);
    struct vd_slice *items = allocate(&r, VD_ARENA_NEW(arena, struct vd_slice, count + 1));
    for (size_t i = 0; r.err == VD_OK && i < count; i++)
        items[i] = encode_receipt(&r, json_array_get(json, i));
    check_list(&r, &block->header.receipts_root, items, count, "receipts");
    if (r.err != VD_OK)
        return r.err;
    block->receipts = items;
    block->receipt_count = count;
    return VD_OK;
}
