/* eth_: accounts, storage and their proofs. */
#include <string.h>

#include "rpc_internal.h"
#include "viaduct/core/crypto/keccak.h"

/* Reads one account of the state after a block. */
struct account_read {
    struct vd_at at;
    struct vd_state_source source;
    struct vd_account account;
    bool found;
};

static vd_done *
read_account(struct vd_reading *r, struct account_read *a, const struct vd_rpc_block *block,
             const struct vd_address *address)
{
    vd_done *bad = vd_reading_block(r, &a->at, block);
    if (bad == NULL)
        bad = vd_reading_state(r, &a->source, &a->at);
    return bad != NULL ? bad : vd_reading_account(r, &a->account, &a->found, &a->source, address);
}

/* The answer on one account of one block.  A block that is left out is the latest, as the execution
   APIs have it and other nodes do; geth alone demands one. */
static vd_done *
of_account(struct vd_rpc_call *call, void *ctx,
           vd_done *(*answer)(struct vd_reading *r, const struct vd_rpc_block *block,
                              const struct vd_address *address))
{
    struct vd_address address;
    struct vd_rpc_block block;
    struct vd_reading r;
    vd_done *done =
        vd_rpc_params(call, VD_PARAM_ADDRESS(&address), VD_PARAM_BLOCK_OR_HASH_OPT(&block));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = answer(&r, &block, &address);
    vd_reading_close(&r);
    return done;
}

static vd_done *
reply_balance(struct vd_reading *r, const struct vd_rpc_block *block,
              const struct vd_address *address)
{
    struct account_read a;
    vd_done *bad = read_account(r, &a, block, address);
    return bad != NULL ? bad : vd_rpc_reply_u256(r->call, &a.account.balance);
}

static vd_done *
eth_get_balance(struct vd_rpc_call *call, void *ctx)
{
    return of_account(call, ctx, reply_balance);
}

static vd_done *
reply_nonce(struct vd_reading *r, const struct vd_rpc_block *block,
            const struct vd_address *address)
{
    if (block->tag == VD_BLOCK_PENDING) {
        uint64_t nonce;
        enum vd_err err = vd_view_next_nonce(r->view, &nonce, address);
        return err == VD_OK ? vd_rpc_reply_quantity(r->call, nonce) : vd_answer_err(r->call, err);
    }
    struct account_read a;
    vd_done *bad = read_account(r, &a, block, address);
    return bad != NULL ? bad : vd_rpc_reply_quantity(r->call, a.account.nonce);
}

static vd_done *
eth_get_transaction_count(struct vd_rpc_call *call, void *ctx)
{
    return of_account(call, ctx, reply_nonce);
}

static vd_done *
reply_code(struct vd_reading *r, const struct vd_rpc_block *block, const struct vd_address *address)
{
    struct account_read a;
    struct vd_slice code = {0};
    vd_done *bad = read_account(r, &a, block, address);
    if (bad != NULL)
        return bad;
    if (a.found && !vd_hash_eq(&a.account.code_hash, &VD_EMPTY_CODE_HASH)) {
        enum vd_err err = a.source.code(a.source.ctx, &code, &a.account.code_hash);
        if (err != VD_OK)
            return vd_answer_err(r->call, err);
    }
    return vd_rpc_reply_data(r->call, code);
}

static vd_done *
eth_get_code(struct vd_rpc_call *call, void *ctx)
{
    return of_account(call, ctx, reply_code);
}

/* --- storage --- */

/* A storage key as geth decodes it (decodeStorageKey): any number of digits up to 64, odd too.
 *digits_len is that number. */
static vd_done *
read_key(struct vd_rpc_call *call, struct vd_hash *key, size_t *digits_len, const json_t *value)
{
    if (!json_is_string(value))
        return vd_rpc_error(call, VD_RPC_INVALID_PARAMS,
                            "json: cannot unmarshal non-string into Go value of type string");
    const char *text = json_string_value(value);
    const char *digits = text;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        digits += 2;
    size_t len = strlen(digits);
    *digits_len = len;
    if (len > 64)
        return vd_rpc_error(call, VD_RPC_INVALID_PARAMS,
                            "storage key too long (want at most 32 bytes): \"%.100s\"", text);
    char padded[64];
    memset(padded, '0', sizeof padded);
    memcpy(padded + sizeof padded - len, digits, len);
    if (vd_hex_decode(key->b, sizeof key->b, padded, sizeof padded) != VD_OK)
        return vd_rpc_error(call, VD_RPC_INVALID_PARAMS, "invalid hex in storage key: \"%.100s\"",
                            text);
    return NULL;
}

static vd_done *
read_slot(struct vd_reading *r, struct vd_u256 *value, const struct account_read *a,
          const struct vd_address *address, const struct vd_hash *key)
{
    *value = vd_u256(0);
    if (!a->found || vd_hash_eq(&a->account.storage_root, &VD_EMPTY_ROOT)) {
        /* The open block writes storage of accounts whose root is still the empty one. */
        if (!a->found || a->at.open == NULL)
            return NULL;
    }
    struct vd_hash address_hash = vd_keccak256(vd_slice(address->b, sizeof address->b));
    struct vd_hash slot_hash = vd_keccak256(vd_slice(key->b, sizeof key->b));
    enum vd_err err =
        a->source.slot(a->source.ctx, value, &address_hash, &a->account.storage_root, &slot_hash);
    return err == VD_OK ? NULL : vd_answer_err(r->call, err);
}

static void
write_word(struct vd_json *j, const struct vd_u256 *value)
{
    struct vd_hash word;
    vd_u256_to_be(word.b, value);
    vd_json_hash(j, &word);
}

static vd_done *
eth_get_storage_at(struct vd_rpc_call *call, void *ctx)
{
    struct vd_address address;
    const json_t *key_json;
    struct vd_rpc_block block;
    struct vd_reading r;
    struct account_read a;
    struct vd_hash key;
    struct vd_u256 value;
    size_t digits;
    vd_done *done = vd_rpc_params(call, VD_PARAM_ADDRESS(&address), VD_PARAM_JSON(&key_json),
                                  VD_PARAM_BLOCK_OR_HASH_OPT(&block));
    if (done == NULL)
        done = read_key(call, &key, &digits, key_json);
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = read_account(&r, &a, &block, &address);
    if (done == NULL)
        done = read_slot(&r, &value, &a, &address, &key);
    if (done == NULL) {
        write_word(vd_rpc_result(call), &value);
        done = vd_rpc_reply(call);
    }
    vd_reading_close(&r);
    return done;
}

#define MAX_STORAGE_VALUES 1024u

static vd_done *
write_values_of(struct vd_reading *r, struct vd_json *j, const struct vd_rpc_block *block,
                const char *name, const json_t *keys)
{
    struct vd_address address;
    struct vd_json_why why;
    json_t *text = json_string(name);
    bool ok = vd_json_read_address(&address, &why, text);
    json_decref(text);
    if (!ok)
        return vd_rpc_bad_argument(r->call, 0, why.text);
    struct account_read a;
    vd_done *bad = read_account(r, &a, block, &address);
    if (bad != NULL)
        return bad;
    char shown[43] = "0x";
    vd_hex_encode(shown + 2, address.b, sizeof address.b);
    vd_json_key(j, shown);
    vd_json_array_begin(j);
    for (size_t i = 0; i < json_array_size(keys) && bad == NULL; i++) {
        struct vd_hash key;
        struct vd_u256 value = {0};
        size_t digits;
        bad = read_key(r->call, &key, &digits, json_array_get(keys, i));
        if (bad == NULL)
            bad = read_slot(r, &value, &a, &address, &key);
        if (bad == NULL)
            write_word(j, &value);
    }
    if (bad == NULL)
        vd_json_array_end(j);
    return bad;
}

static vd_done *
count_values(struct vd_rpc_call *call, const json_t *requests)
{
    size_t total = 0;
    const char *name;
    json_t *keys;
    json_object_foreach((json_t *)(uintptr_t)requests, name, keys)
    {
        if (!json_is_array(keys))
            return vd_rpc_bad_argument(
                call, 0, "json: cannot unmarshal value into Go value of type []common.Hash");
        total += json_array_size(keys);
    }
    if (total == 0)
        return vd_rpc_error(call, VD_RPC_INVALID_PARAMS, "empty request");
    if (total > MAX_STORAGE_VALUES)
        return vd_rpc_error(call, VD_RPC_INVALID_PARAMS, "too many slots (max %u)",
                            MAX_STORAGE_VALUES);
    return NULL;
}

static vd_done *
eth_get_storage_values(struct vd_rpc_call *call, void *ctx)
{
    const json_t *requests;
    struct vd_rpc_block block;
    struct vd_reading r;
    vd_done *done =
        vd_rpc_params(call, VD_PARAM_JSON(&requests), VD_PARAM_BLOCK_OR_HASH_OPT(&block));
    if (done == NULL && !json_is_object(requests))
        done = vd_rpc_bad_argument(call, 0,
                                   "json: cannot unmarshal value into Go value of type "
                                   "map[common.Address][]common.Hash");
    if (done == NULL)
        done = count_values(call, requests);
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    struct vd_json *j = vd_rpc_result(call);
    const char *name;
    json_t *keys;
    vd_json_object_begin(j);
    json_object_foreach((json_t *)(uintptr_t)requests, name, keys)
    {
        if (done == NULL)
            done = write_values_of(&r, j, &block, name, keys);
    }
    if (done == NULL) {
        vd_json_object_end(j);
        done = vd_rpc_reply(call);
    }
    vd_reading_close(&r);
    return done;
}

/* --- proofs (EIP-1186) --- */

static enum vd_err
write_proof(struct vd_reading *r, struct vd_json *j, const struct vd_state_source *source,
            const struct vd_hash *owner, const struct vd_hash *root, const struct vd_hash *key,
            struct vd_slice *value)
{
    struct vd_slice nodes[VD_TRIE_MAX_NIBBLES + 1];
    size_t count = 0;
    enum vd_err err =
        vd_trie_prove(&source->trie, nodes, &count, value, r->arena, owner, root, key);
    if (err != VD_OK)
        return err;
    vd_json_array_begin(j);
    for (size_t i = 0; i < count; i++)
        vd_json_data(j, nodes[i]);
    vd_json_array_end(j);
    return VD_OK;
}

/* The value that a storage leaf holds: RLP of an integer. */
static enum vd_err
slot_value(struct vd_u256 *out, struct vd_slice leaf)
{
    *out = vd_u256(0);
    if (leaf.len == 0)
        return VD_OK;
    struct vd_rlp rlp = vd_rlp(leaf);
    *out = vd_rlp_u256(&rlp);
    return vd_rlp_done(&rlp) ? VD_OK : VD_ERR_CORRUPT;
}

struct proof_keys {
    struct vd_hash *keys;
    bool *full; /* written with all 64 digits: shown so */
    size_t count;
};

static vd_done *
read_keys(struct vd_reading *r, struct proof_keys *out, const json_t *keys)
{
    if (!json_is_array(keys))
        return vd_rpc_bad_argument(r->call, 1,
                                   "json: cannot unmarshal value into Go value of type []string");
    out->count = json_array_size(keys);
    if (out->count > r->api->config.limits.proof_keys)
        return vd_rpc_error(r->call, VD_RPC_INVALID_PARAMS, "too many keys (max %u)",
                            r->api->config.limits.proof_keys);
    out->keys = VD_ARENA_NEW(r->arena, struct vd_hash, out->count + 1);
    out->full = VD_ARENA_NEW(r->arena, bool, out->count + 1);
    if (out->keys == NULL || out->full == NULL)
        return vd_answer_err(r->call, VD_ERR_NO_MEMORY);
    vd_done *bad = NULL;
    for (size_t i = 0; i < out->count && bad == NULL; i++) {
        size_t digits;
        bad = read_key(r->call, &out->keys[i], &digits, json_array_get(keys, i));
        out->full[i] = digits == 64;
    }
    return bad;
}

static enum vd_err
write_storage_proofs(struct vd_reading *r, struct vd_json *j, const struct account_read *a,
                     const struct vd_hash *owner, const struct proof_keys *keys)
{
    const struct vd_hash *root = a->found ? &a->account.storage_root : &VD_EMPTY_ROOT;
    enum vd_err err = VD_OK;
    vd_json_key(j, "storageProof");
    vd_json_array_begin(j);
    for (size_t i = 0; i < keys->count && err == VD_OK; i++) {
        struct vd_hash slot = vd_keccak256(vd_slice(keys->keys[i].b, 32));
        struct vd_u256 key = vd_u256_from_be(keys->keys[i].b);
        struct vd_u256 value;
        struct vd_slice leaf = {0};
        size_t mark = vd_arena_mark(r->arena);
        vd_json_object_begin(j);
        if (keys->full[i])
            vd_json_put_hash(j, "key", &keys->keys[i]);
        else
            vd_json_put_u256(j, "key", &key);
        vd_json_key(j, "proof");
        err = write_proof(r, j, &a->source, owner, root, &slot, &leaf);
        if (err == VD_OK)
            err = slot_value(&value, leaf);
        if (err == VD_OK)
            vd_json_put_u256(j, "value", &value);
        vd_json_object_end(j);
        vd_arena_rewind(r->arena, mark);
    }
    vd_json_array_end(j);
    return err;
}

static vd_done *
write_account_proof(struct vd_reading *r, const struct account_read *a,
                    const struct vd_address *address, const struct proof_keys *keys)
{
    struct vd_json *j = vd_rpc_result(r->call);
    struct vd_hash hash = vd_keccak256(vd_slice(address->b, sizeof address->b));
    struct vd_slice leaf;
    vd_json_object_begin(j);
    vd_json_put_address(j, "address", address);
    vd_json_key(j, "accountProof");
    enum vd_err err = write_proof(r, j, &a->source, NULL, &a->at.header.state_root, &hash, &leaf);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    vd_json_put_u256(j, "balance", &a->account.balance);
    vd_json_put_hash(j, "codeHash", a->found ? &a->account.code_hash : &VD_EMPTY_CODE_HASH);
    vd_json_put_quantity(j, "nonce", a->account.nonce);
    vd_json_put_hash(j, "storageHash", a->found ? &a->account.storage_root : &VD_EMPTY_ROOT);
    err = write_storage_proofs(r, j, a, &hash, keys);
    if (err != VD_OK)
        return vd_answer_err(r->call, err);
    vd_json_object_end(j);
    return vd_rpc_reply(r->call);
}

static vd_done *
eth_get_proof(struct vd_rpc_call *call, void *ctx)
{
    struct vd_address address;
    const json_t *keys_json;
    struct vd_rpc_block block;
    struct vd_reading r;
    struct account_read a;
    struct proof_keys keys = {0};
    vd_done *done = vd_rpc_params(call, VD_PARAM_ADDRESS(&address), VD_PARAM_JSON(&keys_json),
                                  VD_PARAM_BLOCK_OR_HASH_OPT(&block));
    if (done == NULL)
        done = vd_reading_open(&r, ctx, call);
    if (done != NULL)
        return done;
    done = read_keys(&r, &keys, keys_json);
    if (done == NULL)
        done = read_account(&r, &a, &block, &address);
    if (done == NULL && a.at.open != NULL)
        done = vd_rpc_error(call, VD_RPC_SERVER_ERROR,
                            "the pending block has no state root yet: ask for latest");
    if (done == NULL)
        done = write_account_proof(&r, &a, &address, &keys);
    vd_reading_close(&r);
    return done;
}

static const struct vd_rpc_method METHODS[] = {
    {"eth_getBalance", eth_get_balance, VD_RPC_POOL},
    {"eth_getTransactionCount", eth_get_transaction_count, VD_RPC_POOL},
    {"eth_getCode", eth_get_code, VD_RPC_POOL},
    {"eth_getStorageAt", eth_get_storage_at, VD_RPC_POOL},
    {"eth_getStorageValues", eth_get_storage_values, VD_RPC_POOL},
    {"eth_getProof", eth_get_proof, VD_RPC_POOL},
};
const struct vd_method_table VD_ETH_STATE_METHODS = {METHODS, VD_COUNT_OF(METHODS)};
