#include "founding.h"

#include <stdio.h>
#include <string.h>

#include "viaduct/node/platform/artifacts.h"

/* The file's keys and defaults.  Defaults follow the standard chain (protocol.md section 1.2). */
static void
read_numbers(struct vd_file_read *r, struct vd_founding *f, json_t *root)
{
    f->l1_chain_id = vd_file_u64(r, root, "l1ChainID");
    f->l2_chain_id = vd_file_u64(r, root, "l2ChainID");
    f->block_time_s = vd_file_u64_or(r, root, "l2BlockTime", 2);
    f->seq_window_size = vd_file_u64_or(r, root, "sequencerWindowSize", 3600);
    f->gas_limit = vd_file_u64_or(r, root, "l2GenesisBlockGasLimit", 60000000);
    f->base_fee = vd_file_u256_or(r, root, "l2GenesisBlockBaseFeePerGas", vd_u256(1000000));
    f->eip1559.denominator = (uint32_t)vd_file_u64_or(r, root, "eip1559Denominator", 250);
    f->eip1559.elasticity = (uint32_t)vd_file_u64_or(r, root, "eip1559Elasticity", 6);
    f->base_fee_scalar = (uint32_t)vd_file_u64_or(r, root, "gasPriceOracleBaseFeeScalar", 1368);
    f->blob_base_fee_scalar =
        (uint32_t)vd_file_u64_or(r, root, "gasPriceOracleBlobBaseFeeScalar", 810949);
    f->operator_fee_scalar =
        (uint32_t)vd_file_u64_or(r, root, "gasPriceOracleOperatorFeeScalar", 0);
    f->operator_fee_constant = vd_file_u64_or(r, root, "gasPriceOracleOperatorFeeConstant", 0);
    f->l1_start_number = vd_file_u64_or(r, root, "l1StartingBlockNumber", UINT64_MAX);
}

static void
read_funded(struct vd_file_read *r, struct vd_founding *f, json_t *object)
{
    size_t count = json_object_size(object);
    struct vd_genesis_account *funded =
        VD_ARENA_NEW(r->arena, struct vd_genesis_account, count + 1);
    if (!funded) {
        vd_file_fail(r, "fundAccounts", "shorter (out of memory)");
        return;
    }
    f->funded = funded;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value)
    {
        struct vd_genesis_account *account = &funded[f->funded_count++];
        if (!vd_file_parse_fixed(account->address.b, 20, key)) {
            vd_file_fail(r, key, "an address: 0x and 40 hex digits");
            return;
        }
        account->balance = vd_file_u256_or(r, object, key, vd_u256(0));
    }
}

bool
vd_founding_read(struct vd_file_read *r, struct vd_founding *founding, const char *path)
{
    *founding = (struct vd_founding){0};
    r->file = path;
    json_t *root = vd_file_load(r, path);
    if (!root) {
        return false;
    }
    read_numbers(r, founding, root);
    vd_file_fixed(r, founding->batcher.b, 20, root, "batchSenderAddress");
    vd_file_fixed(r, founding->batch_inbox.b, 20, root, "batchInboxAddress");
    vd_file_fixed(r, founding->portal.b, 20, root, "optimismPortalProxy");
    vd_file_fixed(r, founding->system_config.b, 20, root, "systemConfigProxy");
    read_funded(r, founding, json_object_get(root, "fundAccounts"));
    json_decref(root);
    return !vd_file_failed(r);
}

/* Contracts of the genesis state, by the name of their artifact. */
struct predeploy {
    const char *artifact;
    struct vd_address address;
};
static const struct predeploy predeploys[] = {
    {"L1Block", {{0x42, [19] = 0x15}}},
    {"L2ToL1MessagePasser", {{0x42, [19] = 0x16}}},
    /* EIP-4788 */
    {"BeaconRoots", {{0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
                      0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02}}},
    /* EIP-2935 */
    {"HistoryStorage", {{0x00, 0x00, 0xf9, 0x08, 0x27, 0xf1, 0xc5, 0x3a, 0x10, 0xcb,
                         0x7a, 0x02, 0x33, 0x5b, 0x17, 0x53, 0x20, 0x00, 0x29, 0x35}}},
};
#define PREDEPLOY_COUNT (sizeof predeploys / sizeof predeploys[0])

static bool
fill_accounts(struct vd_genesis *genesis, struct vd_arena *arena,
              const struct vd_founding *founding, char *error, size_t error_len)
{
    size_t count = PREDEPLOY_COUNT + founding->funded_count;
    struct vd_genesis_account *accounts = VD_ARENA_NEW(arena, struct vd_genesis_account, count);
    if (!accounts) {
        snprintf(error, error_len, "out of memory for %zu genesis accounts", count);
        return false;
    }
    for (size_t i = 0; i < PREDEPLOY_COUNT; i++) {
        const struct vd_artifact *artifact = vd_artifact_find(predeploys[i].artifact);
        VD_ASSERT(artifact != NULL);
        accounts[i].address = predeploys[i].address;
        accounts[i].code = vd_slice(artifact->code, artifact->code_len);
    }
    for (size_t i = 0; i < founding->funded_count; i++) {
        accounts[PREDEPLOY_COUNT + i] = founding->funded[i];
    }
    genesis->accounts = accounts;
    genesis->account_count = count;
    return true;
}

/* protocol.md section 3.3, version 1. */
static void
fill_scalar(uint8_t scalar[32], const struct vd_founding *founding)
{
    memset(scalar, 0, 32);
    scalar[0] = 1;
    vd_store_be32(scalar + 24, founding->blob_base_fee_scalar);
    vd_store_be32(scalar + 28, founding->base_fee_scalar);
}

static void
fill_config(struct vd_rollup_config *config, const struct vd_founding *founding,
            const struct vd_l1_ref *l1_start)
{
    *config = (struct vd_rollup_config){
        .genesis_l1 = {.hash = l1_start->hash, .number = l1_start->number},
        .genesis_l2_time = l1_start->timestamp,
        .genesis_system_config = {.batcher = founding->batcher,
                                  .gas_limit = founding->gas_limit,
                                  .eip1559 = founding->eip1559,
                                  .operator_fee_scalar = founding->operator_fee_scalar,
                                  .operator_fee_constant = founding->operator_fee_constant},
        .block_time_s = founding->block_time_s,
        .max_sequencer_drift_s = VD_MAX_SEQUENCER_DRIFT_S,
        .seq_window_size = founding->seq_window_size,
        .channel_timeout = VD_CHANNEL_TIMEOUT,
        .l1_chain_id = founding->l1_chain_id,
        .batch_inbox = founding->batch_inbox,
        .deposit_contract = founding->portal,
        .l1_system_config = founding->system_config,
        .l2 = {.chain_id = founding->l2_chain_id,
               .is_l2 = true,
               .cancun_time = 0,
               .eip1559_elasticity = founding->eip1559.elasticity,
               .eip1559_denominator_canyon = founding->eip1559.denominator},
        .pectra_blob_schedule_time = VD_NEVER,
    };
    fill_scalar(config->genesis_system_config.scalar, founding);
    vd_l1_chain_config(&config->l1, founding->l1_chain_id);
}

bool
vd_found(struct vd_genesis *genesis, struct vd_rollup_config *config, struct vd_arena *arena,
         const struct vd_founding *founding, const struct vd_l1_ref *l1_start, char *error,
         size_t error_len)
{
    if (founding->eip1559.denominator == 0 || founding->eip1559.elasticity == 0) {
        snprintf(error, error_len, "eip1559Denominator and eip1559Elasticity must not be 0");
        return false;
    }
    fill_config(config, founding, l1_start);
    uint8_t *extra = vd_arena_alloc(arena, 9, 1);
    if (!extra) {
        snprintf(error, error_len, "out of memory for the genesis block");
        return false;
    }
    vd_holocene_extra_encode(extra, &founding->eip1559);
    *genesis = (struct vd_genesis){.timestamp = l1_start->timestamp,
                                   .gas_limit = founding->gas_limit,
                                   .base_fee = founding->base_fee,
                                   .extra_data = vd_slice(extra, 9),
                                   .coinbase = VD_SEQUENCER_FEE_VAULT};
    if (!fill_accounts(genesis, arena, founding, error, error_len)) {
        return false;
    }
    struct vd_header header;
    enum vd_err err = vd_genesis_build(&header, &config->genesis_l2.hash, arena, &config->l2,
                                       genesis, NULL, NULL);
    if (err != VD_OK) {
        snprintf(error, error_len, "the genesis block cannot be computed: %s", vd_err_text(err));
        return false;
    }
    const char *reason = NULL;
    if (vd_rollup_config_check(config, &reason) != VD_OK) {
        snprintf(error, error_len, "the chain's configuration: %s", reason);
        return false;
    }
    return true;
}
