/* viaduct-evm block: executes one block of the OP Stack from its witness alone.

   The folder holds meta.json (rollup configuration, parent header, payload attributes, what must
   come out) and preimages.bin (32-byte hash, 4-byte big-endian length, bytes; again and again). */
#include <stdio.h>
#include <string.h>

#include "tools/evm/json.h"
#include "tools/evm/memdb.h"
#include "tools/evm/tools.h"
#include "viaduct/core/base/cursor.h"
#include "viaduct/core/chain/exec.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"

/* Largest witness file. */
#define WITNESS_MAX ((size_t)1 << 30)

struct run {
    struct memdb db;
    struct region region;
    const json_t *meta;
    struct vd_chain_config config;
    struct vd_header parent;
    struct vd_block_env env;
    uint8_t extra[9];
};

static int
complain(const char *dir, const char *what)
{
    fprintf(stderr, "viaduct-evm block: %s: %s\n", dir, what);
    return 2;
}

/* --- reading --- */

static bool
read_file(struct vd_slice *out, struct vd_arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    bool ok = fseek(file, 0, SEEK_END) == 0;
    long len = ok ? ftell(file) : -1;
    ok = len >= 0 && (size_t)len <= WITNESS_MAX && fseek(file, 0, SEEK_SET) == 0;
    uint8_t *bytes = ok ? vd_arena_alloc(arena, (size_t)len, 1) : NULL;
    ok = bytes != NULL && fread(bytes, 1, (size_t)len, file) == (size_t)len;
    (void)fclose(file);
    *out = vd_slice(bytes, ok ? (size_t)len : 0);
    return ok;
}

/* Every preimage must hash to its key. */
static enum vd_err
read_preimages(struct run *run, struct vd_slice file)
{
    struct vd_cursor cur = vd_cursor(file);
    while (vd_cursor_left(&cur) != 0) {
        struct vd_hash key = vd_cursor_hash(&cur);
        struct vd_slice value = vd_cursor_take(&cur, vd_cursor_be32(&cur));
        if (cur.failed)
            return VD_ERR_INVALID;
        struct vd_hash hash = vd_keccak256(value);
        if (!vd_hash_eq(&hash, &key))
            return VD_ERR_CORRUPT;
        enum vd_err err = memdb_put(&run->db, &key, value);
        if (err != VD_OK)
            return err;
    }
    return VD_OK;
}

/* A fork time: absent or null is never. */
static uint64_t
fork_time(const json_t *rollup, const char *key)
{
    const json_t *value = json_object_get(rollup, key);
    return json_is_integer(value) ? (uint64_t)json_integer_value(value) : VD_NEVER;
}

static bool
read_config(struct run *run)
{
    const json_t *rollup = json_object_get(run->meta, "rollup_config");
    const json_t *fees = json_object_get(rollup, "chain_op_config");
    const json_t *chain_id = json_object_get(rollup, "l2_chain_id");
    uint64_t jovian = fork_time(rollup, "jovian_time");
    run->config = (struct vd_chain_config){
        .chain_id = (uint64_t)json_integer_value(chain_id),
        .is_l2 = true,
        .unknown_fork_time = jovian == VD_NEVER ? 0 : jovian,
        .holocene_time = fork_time(rollup, "holocene_time"),
        .isthmus_time = fork_time(rollup, "isthmus_time"),
        .eip1559_elasticity =
            (uint32_t)json_integer_value(json_object_get(fees, "eip1559Elasticity")),
        .eip1559_denominator_canyon =
            (uint32_t)json_integer_value(json_object_get(fees, "eip1559DenominatorCanyon")),
    };
    return json_is_integer(chain_id);
}

static bool
hash_field(struct vd_hash *out, const json_t *object, const char *key)
{
    return json_fixed(out->b, sizeof out->b, json_object_get(object, key));
}

static bool
u64_field(uint64_t *out, const json_t *object, const char *key)
{
    return json_u64(out, json_object_get(object, key));
}

static bool
read_optional_fields(struct vd_header *h, const json_t *from)
{
    h->has_base_fee = h->has_withdrawals_root = h->has_blob_gas = true;
    h->has_parent_beacon_root = true;
    h->has_requests_hash = json_object_get(from, "requestsHash") != NULL;
    return json_u256(&h->base_fee, json_object_get(from, "baseFeePerGas")) &&
           hash_field(&h->withdrawals_root, from, "withdrawalsRoot") &&
           u64_field(&h->blob_gas_used, from, "blobGasUsed") &&
           u64_field(&h->excess_blob_gas, from, "excessBlobGas") &&
           hash_field(&h->parent_beacon_root, from, "parentBeaconBlockRoot") &&
           (!h->has_requests_hash || hash_field(&h->requests_hash, from, "requestsHash"));
}

static bool
read_header(struct vd_header *h, struct vd_arena *arena, const json_t *from)
{
    *h = (struct vd_header){0};
    return hash_field(&h->parent_hash, from, "parentHash") &&
           hash_field(&h->ommers_hash, from, "sha3Uncles") &&
           json_fixed(h->beneficiary.b, 20, json_object_get(from, "miner")) &&
           hash_field(&h->state_root, from, "stateRoot") &&
           hash_field(&h->transactions_root, from, "transactionsRoot") &&
           hash_field(&h->receipts_root, from, "receiptsRoot") &&
           json_fixed(h->logs_bloom, 256, json_object_get(from, "logsBloom")) &&
           json_u256(&h->difficulty, json_object_get(from, "difficulty")) &&
           u64_field(&h->number, from, "number") && u64_field(&h->gas_limit, from, "gasLimit") &&
           u64_field(&h->gas_used, from, "gasUsed") &&
           u64_field(&h->timestamp, from, "timestamp") &&
           json_bytes(&h->extra_data, arena, json_object_get(from, "extraData")) &&
           hash_field(&h->mix_hash, from, "mixHash") &&
           json_fixed(h->nonce, 8, json_object_get(from, "nonce")) && read_optional_fields(h, from);
}

/* OP Stack specs, Holocene execution engine: zero parameters stand for the chain's constants. */
static bool
read_attributes(struct run *run)
{
    const json_t *from = json_object_get(run->meta, "payload_attributes");
    struct vd_block_env *env = &run->env;
    uint8_t params[8];
    if (!u64_field(&env->timestamp, from, "timestamp") ||
        !hash_field(&env->prev_randao, from, "prevRandao") ||
        !json_fixed(env->fee_recipient.b, 20, json_object_get(from, "suggestedFeeRecipient")) ||
        !hash_field(&env->parent_beacon_root, from, "parentBeaconBlockRoot") ||
        !u64_field(&env->gas_limit, from, "gasLimit") ||
        !json_fixed(params, sizeof params, json_object_get(from, "eip1559Params")))
        return false;
    struct vd_eip1559_params fees = {vd_load_be32(params), vd_load_be32(params + 4)};
    if (fees.denominator == 0 && fees.elasticity == 0)
        fees = (struct vd_eip1559_params){run->config.eip1559_denominator_canyon,
                                          run->config.eip1559_elasticity};
    vd_holocene_extra_encode(run->extra, &fees);
    env->extra_data = vd_slice(run->extra, sizeof run->extra);
    return true;
}

/* --- running --- */

static enum vd_err
run_transaction(struct run *run, struct vd_exec *exec, size_t index, const json_t *value)
{
    struct vd_tx *tx = VD_ARENA_NEW(&run->region.arena, struct vd_tx, 1);
    struct vd_slice raw;
    struct vd_address sender;
    struct vd_tx_outcome outcome;
    bool valid;
    if (tx == NULL || !json_bytes(&raw, &run->region.arena, value))
        return VD_ERR_INVALID;
    enum vd_err err = vd_tx_decode(tx, NULL, &run->region.arena, raw);
    if (err == VD_OK)
        err = vd_tx_sender(&sender, &valid, tx, vd_curves_host(), &run->region.arena);
    if (err == VD_OK && !valid)
        err = VD_ERR_INVALID;
    if (err == VD_OK)
        err = vd_exec_tx(exec, &outcome, tx, &sender);
    if (err != VD_OK || outcome.verdict == VD_TX_INCLUDED)
        return err;
    fprintf(stderr, "transaction %zu: %s\n", index, vd_tx_verdict_text(outcome.verdict));
    return outcome.verdict == VD_TX_UNSUPPORTED ? VD_ERR_UNSUPPORTED : VD_ERR_INVALID;
}

static enum vd_err
execute(struct run *run, struct vd_exec_result *result)
{
    struct vd_state_source source;
    struct vd_trie_walker walker;
    struct vd_exec *exec;
    const json_t *list =
        json_object_get(json_object_get(run->meta, "payload_attributes"), "transactions");
    memdb_source(&run->db, &source, &walker, &run->db.region.arena, &run->parent.state_root);
    struct vd_exec_inputs inputs = {
        .config = &run->config,
        .parent = &run->parent,
        .parent_hash = vd_header_hash(&run->parent),
        .env = &run->env,
        .source = &source,
        .curves = vd_curves_host(),
    };
    enum vd_err err = vd_exec_begin(&exec, &run->region.arena, &inputs);
    for (size_t i = 0; err == VD_OK && i < json_array_size(list); i++)
        err = run_transaction(run, exec, i, json_array_get(list, i));
    return err == VD_OK ? vd_exec_finish(exec, result, NULL, NULL) : err;
}

static bool
agree(const char *what, const struct vd_hash *have, const json_t *want)
{
    struct vd_hash expected = {{0}};
    char hex[65] = {0};
    bool ok = json_fixed(expected.b, 32, want) && vd_hash_eq(have, &expected);
    vd_hex_encode(hex, have->b, sizeof have->b);
    printf("%s 0x%s %s\n", what, hex, ok ? "ok" : "MISMATCH");
    return ok;
}

/* The receipts themselves, where the file has them, to say which one differs. */
static bool
agree_receipts(struct run *run, const struct vd_exec_result *result)
{
    const json_t *list = json_object_get(run->meta, "expected_receipts");
    bool ok = json_array_size(list) == result->transaction_count;
    for (size_t i = 0; ok && i < result->transaction_count; i++) {
        struct vd_slice want;
        struct vd_buf buf;
        vd_buf_init(&buf, &run->region.arena);
        vd_receipt_encode(&buf, &result->receipts[i]);
        const json_t *value = json_object_get(json_array_get(list, i), "receipt");
        if (!json_bytes(&want, &run->db.region.arena, value) ||
            !vd_slice_eq(vd_buf_view(&buf), want)) {
            printf("receipt %zu MISMATCH\n", i);
            ok = false;
        }
    }
    return ok;
}

static int
run_block(struct run *run, const char *dir)
{
    struct vd_exec_result result;
    const json_t *header = json_object_get(run->meta, "expected_header");
    if (!read_config(run) || !read_attributes(run) ||
        !read_header(&run->parent, &run->region.arena, json_object_get(run->meta, "parent_header")))
        return complain(dir, "meta.json: malformed");
    enum vd_err err = execute(run, &result);
    if (err != VD_OK) {
        (void)complain(dir, vd_err_text(err));
        return 1;
    }
    bool ok = agree("state root", &result.header.state_root, json_object_get(header, "stateRoot"));
    ok &= agree("receipts root", &result.header.receipts_root,
                json_object_get(header, "receiptsRoot"));
    ok &= agree_receipts(run, &result);
    ok &= agree("block hash", &result.hash, json_object_get(run->meta, "expected_block_hash"));
    return ok ? 0 : 1;
}

static int
load(struct run *run, const char *dir)
{
    char path[4096];
    struct vd_slice file;
    int len = snprintf(path, sizeof path, "%s/preimages.bin", dir);
    if (len < 0 || (size_t)len >= sizeof path)
        return complain(dir, "path too long");
    if (!read_file(&file, &run->region.arena, path))
        return complain(dir, "cannot read preimages.bin");
    enum vd_err err = read_preimages(run, file);
    if (err != VD_OK) {
        (void)complain(dir, "preimages.bin");
        return complain(dir, vd_err_text(err));
    }
    return 0;
}

int
tool_block(int argc, char **argv)
{
    char path[4096];
    json_error_t error;
    struct run run = {0};
    if (argc != 2 || (size_t)snprintf(path, sizeof path, "%s/meta.json", argv[1]) >= sizeof path) {
        fputs("viaduct-evm block: name one folder\n", stderr);
        return 2;
    }
    json_t *meta = json_load_file(path, 0, &error);
    if (meta == NULL)
        return complain(path, error.text);
    run.meta = meta;
    int status = 2;
    if (!memdb_init(&run.db, (size_t)4 << 30) || !region_init(&run.region, (size_t)8 << 30))
        (void)complain(argv[1], "no address space");
    else
        status = load(&run, argv[1]);
    if (status == 0)
        status = run_block(&run, argv[1]);
    memdb_deinit(&run.db);
    region_deinit(&run.region);
    json_decref(meta);
    return status;
}
