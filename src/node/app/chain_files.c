#include "chain_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Activation times and blob parameters of the public L1s (go-ethereum, params/config.go). */
struct known_l1 {
    uint64_t chain_id;
    uint64_t cancun_time;
    uint64_t prague_time;
    uint64_t bpo1_time;
    uint64_t bpo2_time;
};
static const struct known_l1 known_l1s[] = {
    {1, 1710338135, 1746612311, 1765290071, 1767747671},
    {11155111, 1706655072, 1741159776, 1761017184, 1761607008},
};

void
vd_l1_chain_config(struct vd_chain_config *config, uint64_t l1_chain_id)
{
    for (size_t i = 0; i < sizeof known_l1s / sizeof known_l1s[0]; i++) {
        const struct known_l1 *known = &known_l1s[i];
        if (known->chain_id != l1_chain_id) {
            continue;
        }
        vd_chain_config_l1(config, l1_chain_id, known->cancun_time, known->prague_time);
        VD_ASSERT(config->blob_count + 2 <= VD_MAX_BLOB_PARAMS);
        config->blobs[config->blob_count++] =
            (struct vd_blob_params){known->bpo1_time, 10, 15, 8346193};
        config->blobs[config->blob_count++] =
            (struct vd_blob_params){known->bpo2_time, 14, 21, 11684671};
        return;
    }
    vd_chain_config_l1(config, l1_chain_id, 0, 0);
}

static void
read_id(struct vd_file_read *r, struct vd_block_id *id, json_t *genesis, const char *key)
{
    json_t *object = vd_file_object(r, genesis, key);
    if (object) {
        vd_file_fixed(r, id->hash.b, 32, object, "hash");
        id->number = vd_file_u64(r, object, "number");
    }
}

static void
read_system_config(struct vd_file_read *r, struct vd_system_config *system, json_t *genesis)
{
    json_t *object = vd_file_object(r, genesis, "system_config");
    if (!object) {
        return;
    }
    vd_file_fixed(r, system->batcher.b, 20, object, "batcherAddr");
    vd_file_fixed(r, system->scalar, 32, object, "scalar");
    system->gas_limit = vd_file_u64(r, object, "gasLimit");
    uint8_t params[8];
    vd_file_fixed_or_zero(r, params, sizeof params, object, "eip1559Params");
    system->eip1559.denominator = vd_load_be32(params);
    system->eip1559.elasticity = vd_load_be32(params + 4);
    uint8_t operator_fee[32];
    vd_file_fixed_or_zero(r, operator_fee, sizeof operator_fee, object, "operatorFeeParams");
    system->operator_fee_scalar = vd_load_be32(operator_fee + 20);
    system->operator_fee_constant = vd_load_be64(operator_fee + 24);
}

/* Forks that every chain of this build has had from its genesis, and those it does not have. */
static const char *const genesis_forks[] = {"regolith_time", "canyon_time", "delta_time",
                                            "ecotone_time",  "fjord_time",  "granite_time"};
static const char *const absent_forks[] = {"jovian_time", "karst_time", "interop_time"};

static void
read_forks(struct vd_file_read *r, struct vd_rollup_config *config, json_t *root)
{
    for (size_t i = 0; i < sizeof genesis_forks / sizeof genesis_forks[0]; i++) {
        uint64_t time = vd_file_u64_or(r, root, genesis_forks[i], VD_NEVER);
        if (time > config->genesis_l2_time) {
            vd_file_fail(r, genesis_forks[i],
                         "at or before the genesis time: this build begins with Holocene's rules");
        }
    }
    for (size_t i = 0; i < sizeof absent_forks / sizeof absent_forks[0]; i++) {
        if (vd_file_u64_or(r, root, absent_forks[i], VD_NEVER) != VD_NEVER) {
            vd_file_fail(r, absent_forks[i], "absent: this build does not have that fork");
        }
    }
    config->l2.holocene_time = vd_file_u64_or(r, root, "holocene_time", VD_NEVER);
    config->l2.isthmus_time = vd_file_u64_or(r, root, "isthmus_time", VD_NEVER);
    config->pectra_blob_schedule_time =
        vd_file_u64_or(r, root, "pectra_blob_schedule_time", VD_NEVER);
}

static void
read_rollup(struct vd_file_read *r, struct vd_rollup_config *config, json_t *root)
{
    json_t *genesis = vd_file_object(r, root, "genesis");
    if (genesis) {
        read_id(r, &config->genesis_l1, genesis, "l1");
        read_id(r, &config->genesis_l2, genesis, "l2");
        config->genesis_l2_time = vd_file_u64(r, genesis, "l2_time");
        read_system_config(r, &config->genesis_system_config, genesis);
    }
    config->block_time_s = vd_file_u64(r, root, "block_time");
    config->max_sequencer_drift_s =
        vd_file_u64_or(r, root, "max_sequencer_drift", VD_MAX_SEQUENCER_DRIFT_S);
    config->seq_window_size = vd_file_u64(r, root, "seq_window_size");
    config->channel_timeout = vd_file_u64_or(r, root, "channel_timeout", VD_CHANNEL_TIMEOUT);
    config->l1_chain_id = vd_file_u64(r, root, "l1_chain_id");
    config->l2.chain_id = vd_file_u64(r, root, "l2_chain_id");
    config->l2.is_l2 = true;
    read_forks(r, config, root);
    vd_file_fixed(r, config->batch_inbox.b, 20, root, "batch_inbox_address");
    vd_file_fixed(r, config->deposit_contract.b, 20, root, "deposit_contract_address");
    vd_file_fixed(r, config->l1_system_config.b, 20, root, "l1_system_config_address");
    vd_file_fixed_or_zero(r, config->protocol_versions.b, 20, root, "protocol_versions_address");
    json_t *op = json_object_get(root, "chain_op_config");
    config->l2.eip1559_elasticity = (uint32_t)vd_file_u64_or(r, op, "eip1559Elasticity", 6);
    config->l2.eip1559_denominator_canyon =
        (uint32_t)vd_file_u64_or(r, op, "eip1559DenominatorCanyon", 250);
    vd_l1_chain_config(&config->l1, config->l1_chain_id);
}

bool
vd_rollup_json_read(struct vd_file_read *r, struct vd_rollup_config *config, const char *path)
{
    *config = (struct vd_rollup_config){0};
    r->file = path;
    json_t *root = vd_file_load(r, path);
    if (!root) {
        return false;
    }
    read_rollup(r, config, root);
    json_decref(root);
    const char *reason = NULL;
    if (!vd_file_failed(r) && vd_rollup_config_check(config, &reason) != VD_OK) {
        snprintf(r->error, r->error_len, "%s: %s", path, reason);
    }
    return !vd_file_failed(r);
}

static json_t *
hex_json(const uint8_t *bytes, size_t len)
{
    char *text = malloc(2 * len + 3);
    VD_ASSERT(text != NULL);
    memcpy(text, "0x", 2);
    vd_hex_encode(text + 2, bytes, len);
    json_t *value = json_stringn(text, 2 * len + 2);
    free(text);
    return value;
}

static json_t *
quantity_json(const struct vd_u256 *number)
{
    uint8_t bytes[32];
    vd_u256_to_be(bytes, number);
    char digits[64];
    vd_hex_encode(digits, bytes, sizeof bytes);
    size_t skip = 0;
    while (skip < sizeof digits - 1 && digits[skip] == '0') {
        skip++;
    }
    return json_sprintf("0x%.*s", (int)(sizeof digits - skip), digits + skip);
}

static json_t *
u64_hex_json(uint64_t number)
{
    struct vd_u256 wide = vd_u256(number);
    return quantity_json(&wide);
}

static json_t *
integer_json(uint64_t number)
{
    return json_integer((json_int_t)number);
}

static json_t *
id_json(const struct vd_block_id *id)
{
    return json_pack("{s:o, s:o}", "hash", hex_json(id->hash.b, 32), "number",
                     integer_json(id->number));
}

static json_t *
system_config_json(const struct vd_system_config *system)
{
    uint8_t overhead[32] = {0};
    uint8_t params[8];
    vd_store_be32(params, system->eip1559.denominator);
    vd_store_be32(params + 4, system->eip1559.elasticity);
    uint8_t operator_fee[32] = {0};
    vd_store_be32(operator_fee + 20, system->operator_fee_scalar);
    vd_store_be64(operator_fee + 24, system->operator_fee_constant);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "batcherAddr",
                     hex_json(system->batcher.b, 20), "overhead", hex_json(overhead, 32), "scalar",
                     hex_json(system->scalar, 32), "gasLimit", integer_json(system->gas_limit),
                     "eip1559Params", hex_json(params, 8), "operatorFeeParams",
                     hex_json(operator_fee, 32));
}

json_t *
vd_rollup_json_write(const struct vd_rollup_config *config)
{
    json_t *genesis =
        json_pack("{s:o, s:o, s:o, s:o}", "l1", id_json(&config->genesis_l1), "l2",
                  id_json(&config->genesis_l2), "l2_time", integer_json(config->genesis_l2_time),
                  "system_config", system_config_json(&config->genesis_system_config));
    json_t *root = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "genesis", genesis,
                             "block_time", integer_json(config->block_time_s),
                             "max_sequencer_drift", integer_json(config->max_sequencer_drift_s),
                             "seq_window_size", integer_json(config->seq_window_size),
                             "channel_timeout", integer_json(config->channel_timeout),
                             "l1_chain_id", integer_json(config->l1_chain_id), "l2_chain_id",
                             integer_json(config->l2.chain_id));
    for (size_t i = 0; i < sizeof genesis_forks / sizeof genesis_forks[0]; i++) {
        json_object_set_new(root, genesis_forks[i], json_integer(0));
    }
    json_object_set_new(root, "holocene_time", integer_json(config->l2.holocene_time));
    if (config->l2.isthmus_time != VD_NEVER) {
        json_object_set_new(root, "isthmus_time", integer_json(config->l2.isthmus_time));
    }
    if (config->pectra_blob_schedule_time != VD_NEVER) {
        json_object_set_new(root, "pectra_blob_schedule_time",
                            integer_json(config->pectra_blob_schedule_time));
    }
    json_object_set_new(root, "batch_inbox_address", hex_json(config->batch_inbox.b, 20));
    json_object_set_new(root, "deposit_contract_address", hex_json(config->deposit_contract.b, 20));
    json_object_set_new(root, "l1_system_config_address", hex_json(config->l1_system_config.b, 20));
    json_object_set_new(root, "protocol_versions_address",
                        hex_json(config->protocol_versions.b, 20));
    json_object_set_new(root, "chain_op_config",
                        json_pack("{s:i, s:i, s:i}", "eip1559Elasticity",
                                  (int)config->l2.eip1559_elasticity, "eip1559Denominator", 50,
                                  "eip1559DenominatorCanyon",
                                  (int)config->l2.eip1559_denominator_canyon));
    return root;
}

static bool
read_storage(struct vd_file_read *r, struct vd_genesis_account *account, json_t *object)
{
    json_t *storage = json_object_get(object, "storage");
    size_t count = json_object_size(storage);
    struct vd_genesis_slot *slots = VD_ARENA_NEW(r->arena, struct vd_genesis_slot, count + 1);
    if (!slots) {
        vd_file_fail(r, "storage", "smaller (out of memory)");
        return false;
    }
    account->slots = slots;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(storage, key, value)
    {
        struct vd_genesis_slot *slot = &slots[account->slot_count++];
        if (!vd_file_parse_u256(&slot->key, key) || !json_is_string(value) ||
            !vd_file_parse_u256(&slot->value, json_string_value(value))) {
            vd_file_fail(r, "storage", "pairs of 0x-hex words");
            return false;
        }
    }
    return true;
}

static void
read_alloc(struct vd_file_read *r, struct vd_genesis *genesis, json_t *alloc)
{
    size_t count = json_object_size(alloc);
    struct vd_genesis_account *accounts =
        VD_ARENA_NEW(r->arena, struct vd_genesis_account, count + 1);
    if (!accounts) {
        vd_file_fail(r, "alloc", "smaller (out of memory)");
        return;
    }
    genesis->accounts = accounts;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(alloc, key, value)
    {
        struct vd_genesis_account *account = &accounts[genesis->account_count++];
        const char *digits = strncmp(key, "0x", 2) == 0 ? key + 2 : key;
        if (vd_hex_decode(account->address.b, 20, digits, strlen(digits)) != VD_OK ||
            !json_is_object(value)) {
            vd_file_fail(r, key, "an account: 40 hex digits and an object");
            return;
        }
        account->nonce = vd_file_u64_or(r, value, "nonce", 0);
        account->balance = vd_file_u256_or(r, value, "balance", vd_u256(0));
        account->code = vd_file_bytes(r, value, "code");
        if (!read_storage(r, account, value)) {
            return;
        }
    }
}

bool
vd_genesis_json_read(struct vd_file_read *r, struct vd_genesis *genesis, const char *path)
{
    *genesis = (struct vd_genesis){0};
    r->file = path;
    json_t *root = vd_file_load(r, path);
    if (!root) {
        return false;
    }
    genesis->timestamp = vd_file_u64(r, root, "timestamp");
    genesis->number = vd_file_u64_or(r, root, "number", 0);
    genesis->gas_limit = vd_file_u64(r, root, "gasLimit");
    genesis->base_fee = vd_file_u256_or(r, root, "baseFeePerGas", vd_u256(0));
    genesis->extra_data = vd_file_bytes(r, root, "extraData");
    genesis->difficulty = vd_file_u256_or(r, root, "difficulty", vd_u256(0));
    genesis->excess_blob_gas = vd_file_u64_or(r, root, "excessBlobGas", 0);
    genesis->blob_gas_used = vd_file_u64_or(r, root, "blobGasUsed", 0);
    vd_file_fixed_or_zero(r, genesis->coinbase.b, 20, root, "coinbase");
    vd_file_fixed_or_zero(r, genesis->mix_hash.b, 32, root, "mixHash");
    vd_file_fixed_or_zero(r, genesis->parent_hash.b, 32, root, "parentHash");
    vd_store_be64(genesis->nonce, vd_file_u64_or(r, root, "nonce", 0));
    json_t *alloc = vd_file_object(r, root, "alloc");
    if (alloc) {
        read_alloc(r, genesis, alloc);
    }
    json_decref(root);
    return !vd_file_failed(r);
}

static json_t *
account_json(const struct vd_genesis_account *account)
{
    json_t *object = json_pack("{s:o}", "balance", quantity_json(&account->balance));
    if (account->nonce != 0) {
        json_object_set_new(object, "nonce", u64_hex_json(account->nonce));
    }
    if (account->code.len > 0) {
        json_object_set_new(object, "code", hex_json(account->code.ptr, account->code.len));
    }
    if (account->slot_count > 0) {
        json_t *storage = json_object();
        for (size_t i = 0; i < account->slot_count; i++) {
            uint8_t key[32];
            uint8_t value[32];
            char text[67] = "0x";
            vd_u256_to_be(key, &account->slots[i].key);
            vd_u256_to_be(value, &account->slots[i].value);
            vd_hex_encode(text + 2, key, sizeof key);
            json_object_set_new(storage, text, hex_json(value, sizeof value));
        }
        json_object_set_new(object, "storage", storage);
    }
    return object;
}

static json_t *
config_json(const struct vd_chain_config *config)
{
    static const char *const l1_blocks[] = {
        "homesteadBlock",   "eip150Block",         "eip155Block",     "eip158Block",
        "byzantiumBlock",   "constantinopleBlock", "petersburgBlock", "istanbulBlock",
        "muirGlacierBlock", "berlinBlock",         "londonBlock",     "arrowGlacierBlock",
        "grayGlacierBlock", "mergeNetsplitBlock",  "bedrockBlock"};
    static const char *const times[] = {"shanghaiTime", "cancunTime", "regolithTime", "canyonTime",
                                        "ecotoneTime",  "fjordTime",  "graniteTime"};
    json_t *object = json_pack("{s:o}", "chainId", integer_json(config->chain_id));
    for (size_t i = 0; i < sizeof l1_blocks / sizeof l1_blocks[0]; i++) {
        json_object_set_new(object, l1_blocks[i], json_integer(0));
    }
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        json_object_set_new(object, times[i], json_integer(0));
    }
    json_object_set_new(object, "terminalTotalDifficulty", json_integer(0));
    json_object_set_new(object, "holoceneTime", integer_json(config->holocene_time));
    if (config->isthmus_time != VD_NEVER) {
        json_object_set_new(object, "pragueTime", integer_json(config->isthmus_time));
        json_object_set_new(object, "isthmusTime", integer_json(config->isthmus_time));
    }
    json_object_set_new(object, "optimism",
                        json_pack("{s:i, s:i, s:i}", "eip1559Elasticity",
                                  (int)config->eip1559_elasticity, "eip1559Denominator", 50,
                                  "eip1559DenominatorCanyon",
                                  (int)config->eip1559_denominator_canyon));
    return object;
}

json_t *
vd_genesis_json_write(const struct vd_genesis *genesis, const struct vd_chain_config *config)
{
    json_t *alloc = json_object();
    for (size_t i = 0; i < genesis->account_count; i++) {
        char text[43] = "0x";
        vd_hex_encode(text + 2, genesis->accounts[i].address.b, 20);
        json_object_set_new(alloc, text, account_json(&genesis->accounts[i]));
    }
    json_t *root = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "config", config_json(config), "nonce",
        u64_hex_json(vd_load_be64(genesis->nonce)), "timestamp", u64_hex_json(genesis->timestamp),
        "extraData", hex_json(genesis->extra_data.ptr, genesis->extra_data.len), "gasLimit",
        u64_hex_json(genesis->gas_limit), "difficulty", quantity_json(&genesis->difficulty),
        "mixHash", hex_json(genesis->mix_hash.b, 32), "coinbase",
        hex_json(genesis->coinbase.b, 20));
    json_object_set_new(root, "alloc", alloc);
    json_object_set_new(root, "number", u64_hex_json(genesis->number));
    json_object_set_new(root, "gasUsed", u64_hex_json(0));
    json_object_set_new(root, "parentHash", hex_json(genesis->parent_hash.b, 32));
    json_object_set_new(root, "baseFeePerGas", quantity_json(&genesis->base_fee));
    json_object_set_new(root, "excessBlobGas", u64_hex_json(genesis->excess_blob_gas));
    json_object_set_new(root, "blobGasUsed", u64_hex_json(genesis->blob_gas_used));
    return root;
}

bool
vd_file_folder(const char *path, char *error, size_t error_len)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST) {
        return true;
    }
    snprintf(error, error_len, "cannot make the folder %s: %s", path, strerror(errno));
    return false;
}

bool
vd_file_store(json_t *document, const char *path, char *error, size_t error_len)
{
    char temporary[4096];
    int len = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (len < 0 || (size_t)len >= sizeof temporary) {
        snprintf(error, error_len, "the path %.100s… is too long", path);
        return false;
    }
    FILE *file = fopen(temporary, "w");
    bool good = file && json_dumpf(document, file, JSON_INDENT(2)) == 0 && fputc('\n', file) > 0 &&
                fflush(file) == 0 && fsync(fileno(file)) == 0;
    int reason = errno;
    if (file) {
        good = fclose(file) == 0 && good;
    }
    if (!good || rename(temporary, path) != 0) {
        snprintf(error, error_len, "cannot write %s: %s", path, strerror(good ? errno : reason));
        if (file) {
            unlink(temporary);
        }
        return false;
    }
    return true;
}
