#include "founding.h"

#include <stdio.h>
#include <string.h>

#include "guest_image.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/program/program.h"
#include "viaduct/node/fault/game.h"

/* --- the founder's file --- */

/* Defaults follow the standard chain (OP Stack specs, configurability). */
static void
read_numbers(struct vd_file_read *r, struct vd_founding *f, json_t *root)
{
    f->l1_chain_id = vd_file_u64(r, root, "l1ChainID");
    f->l2_chain_id = vd_file_u64(r, root, "l2ChainID");
    f->block_time_s = vd_file_u64_or(r, root, "l2BlockTime", 2);
    f->seq_window_size = vd_file_u64_or(r, root, "sequencerWindowSize", 3600);
    f->gas_limit = vd_file_u64_or(r, root, "l2GenesisBlockGasLimit", 60000000);
    f->base_fee = vd_file_u256_or(r, root, "l2GenesisBlockBaseFeePerGas", vd_u256(1000000));
    f->operator_fee_constant = vd_file_u64_or(r, root, "gasPriceOracleOperatorFeeConstant", 0);
    f->l1_start_number = vd_file_u64_or(r, root, "l1StartingBlockNumber", UINT64_MAX);
    f->proof_maturity_delay_s = vd_file_u64_or(r, root, "proofMaturityDelaySeconds", 604800);
    f->game_finality_delay_s = vd_file_u64_or(r, root, "disputeGameFinalityDelaySeconds", 302400);
    f->weth_delay_s = vd_file_u64_or(r, root, "faultGameWithdrawalDelay", 604800);
    f->pause_expiry_s = vd_file_u64_or(r, root, "superchainConfigPauseExpiry", 7884000);
}

static void
read_game(struct vd_file_read *r, struct vd_founding *f, json_t *root)
{
    f->game_clock_s = vd_file_u64_or(r, root, "faultGameMaxClockDuration", 302400);
    f->game_extension_s = vd_file_u64_or(r, root, "faultGameClockExtension", 10800);
    f->preimage_challenge_s = vd_file_u64_or(r, root, "preimageOracleChallengePeriod", 86400);
    f->preimage_min_bytes = vd_file_u64_or(r, root, "preimageOracleMinProposalSize", 126000);
    f->game_max_depth = vd_file_u64_or(r, root, "faultGameMaxDepth", 64);
    f->game_split_depth = vd_file_u64_or(r, root, "faultGameSplitDepth", 20);
    f->game_bond = vd_file_u256_or(r, root, "disputeGameInitBond", vd_u256(80000000000000000));
    f->bisection_bond =
        vd_file_u256_or(r, root, "faultGameBisectionBond", vd_u256(80000000000000000));
    f->step_bond = vd_file_u256_or(r, root, "faultGameStepBond", vd_u256(1280000000000000000));
}

/* A number that the contracts keep in four bytes. */
static uint32_t
read_u32(struct vd_file_read *r, json_t *root, const char *key, uint32_t preset)
{
    uint64_t value = vd_file_u64_or(r, root, key, preset);
    if (value > UINT32_MAX) {
        vd_file_fail(r, key, "below 2^32");
    }
    return (uint32_t)value;
}

static void
read_fees(struct vd_file_read *r, struct vd_founding *f, json_t *root)
{
    f->eip1559.denominator = read_u32(r, root, "eip1559Denominator", 250);
    f->eip1559.elasticity = read_u32(r, root, "eip1559Elasticity", 6);
    f->base_fee_scalar = read_u32(r, root, "gasPriceOracleBaseFeeScalar", 1368);
    f->blob_base_fee_scalar = read_u32(r, root, "gasPriceOracleBlobBaseFeeScalar", 810949);
    f->operator_fee_scalar = read_u32(r, root, "gasPriceOracleOperatorFeeScalar", 0);
}

static void
read_vault(struct vd_file_read *r, struct vd_fee_vault *vault, json_t *root, const char *name)
{
    char key[80];
    snprintf(key, sizeof key, "%sVaultRecipient", name);
    vd_file_fixed_or_zero(r, vault->recipient.b, 20, root, key);
    snprintf(key, sizeof key, "%sVaultMinimumWithdrawalAmount", name);
    vault->minimum = vd_file_u256_or(r, root, key, vd_u256(0));
    snprintf(key, sizeof key, "%sVaultWithdrawalNetwork", name);
    json_t *network = json_object_get(root, key);
    /* op-deployer's file has a number, or a word. */
    if (json_is_string(network) && strcmp(json_string_value(network), "local") == 0) {
        vault->network = VD_WITHDRAWAL_NETWORK_L2;
    } else if (json_is_string(network) && strcmp(json_string_value(network), "remote") == 0) {
        vault->network = VD_WITHDRAWAL_NETWORK_L1;
    } else {
        uint64_t value = vd_file_u64_or(r, root, key, VD_WITHDRAWAL_NETWORK_L2);
        vault->network = (uint8_t)value;
        if (value > 1) {
            vd_file_fail(r, key, "0 or \"remote\" (L1), or 1 or \"local\" (L2)");
        }
    }
}

static void
read_roles(struct vd_file_read *r, struct vd_founding *f, json_t *root)
{
    vd_file_fixed(r, f->batcher.b, 20, root, "batchSenderAddress");
    vd_file_fixed_or_zero(r, f->proposer.b, 20, root, "l2OutputOracleProposer");
    vd_file_fixed_or_zero(r, f->unsafe_block_signer.b, 20, root, "p2pSequencerAddress");
    vd_file_fixed_or_zero(r, f->system_owner.b, 20, root, "finalSystemOwner");
    vd_file_fixed_or_zero(r, f->guardian.b, 20, root, "superchainConfigGuardian");
    vd_file_fixed_or_zero(r, f->l2_proxy_owner.b, 20, root, "proxyAdminOwner");
    vd_file_fixed_or_zero(r, f->salt.b, 32, root, "create2Salt");
    read_vault(r, &f->sequencer_vault, root, "sequencerFee");
    read_vault(r, &f->base_fee_vault, root, "baseFee");
    read_vault(r, &f->l1_fee_vault, root, "l1Fee");
    read_vault(r, &f->operator_fee_vault, root, "operatorFee");
}

static void
read_contracts(struct vd_file_read *r, struct vd_addresses *l1, json_t *root)
{
    vd_file_fixed(r, l1->batch_inbox.b, 20, root, "batchInboxAddress");
    vd_file_fixed_or_zero(r, l1->optimism_portal.b, 20, root, "optimismPortalProxy");
    vd_file_fixed_or_zero(r, l1->system_config.b, 20, root, "systemConfigProxy");
    vd_file_fixed_or_zero(r, l1->l1_cross_domain_messenger.b, 20, root,
                          "l1CrossDomainMessengerProxy");
    vd_file_fixed_or_zero(r, l1->l1_standard_bridge.b, 20, root, "l1StandardBridgeProxy");
    vd_file_fixed_or_zero(r, l1->l1_erc721_bridge.b, 20, root, "l1ERC721BridgeProxy");
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

/* What the functions above look for. */
static const char *const known_keys[] = {"l1ChainID",
                                         "l2ChainID",
                                         "l2BlockTime",
                                         "sequencerWindowSize",
                                         "l2GenesisBlockGasLimit",
                                         "l2GenesisBlockBaseFeePerGas",
                                         "gasPriceOracleOperatorFeeConstant",
                                         "l1StartingBlockNumber",
                                         "proofMaturityDelaySeconds",
                                         "disputeGameFinalityDelaySeconds",
                                         "faultGameMaxClockDuration",
                                         "faultGameClockExtension",
                                         "faultGameMaxDepth",
                                         "faultGameSplitDepth",
                                         "faultGameBisectionBond",
                                         "faultGameStepBond",
                                         "preimageOracleMinProposalSize",
                                         "preimageOracleChallengePeriod",
                                         "faultGameWithdrawalDelay",
                                         "superchainConfigPauseExpiry",
                                         "disputeGameInitBond",
                                         "eip1559Denominator",
                                         "eip1559Elasticity",
                                         "gasPriceOracleBaseFeeScalar",
                                         "gasPriceOracleBlobBaseFeeScalar",
                                         "gasPriceOracleOperatorFeeScalar",
                                         "batchSenderAddress",
                                         "l2OutputOracleProposer",
                                         "p2pSequencerAddress",
                                         "finalSystemOwner",
                                         "superchainConfigGuardian",
                                         "proxyAdminOwner",
                                         "create2Salt",
                                         "batchInboxAddress",
                                         "optimismPortalProxy",
                                         "systemConfigProxy",
                                         "l1CrossDomainMessengerProxy",
                                         "l1StandardBridgeProxy",
                                         "l1ERC721BridgeProxy",
                                         "fundAccounts",
                                         "sequencerFeeVaultRecipient",
                                         "sequencerFeeVaultMinimumWithdrawalAmount",
                                         "sequencerFeeVaultWithdrawalNetwork",
                                         "baseFeeVaultRecipient",
                                         "baseFeeVaultMinimumWithdrawalAmount",
                                         "baseFeeVaultWithdrawalNetwork",
                                         "l1FeeVaultRecipient",
                                         "l1FeeVaultMinimumWithdrawalAmount",
                                         "l1FeeVaultWithdrawalNetwork",
                                         "operatorFeeVaultRecipient",
                                         "operatorFeeVaultMinimumWithdrawalAmount",
                                         "operatorFeeVaultWithdrawalNetwork"};

static bool
is_known(const char *key)
{
    for (size_t i = 0; i < sizeof known_keys / sizeof known_keys[0]; i++) {
        if (strcmp(key, known_keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A deploy config of op-deployer has more keys than mean something here, so they are no error; but
   a mistyped delay must not become the default in silence. */
static void
note_unknown(struct vd_file_read *r, json_t *root)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(root, key, value)
    {
        if (!is_known(key) && r->unknown[0] == '\0') {
            snprintf(r->unknown, sizeof r->unknown, "%s", key);
        }
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
    read_game(r, founding, root);
    read_fees(r, founding, root);
    read_roles(r, founding, root);
    read_contracts(r, &founding->l1, root);
    read_funded(r, founding, json_object_get(root, "fundAccounts"));
    note_unknown(r, root);
    json_decref(root);
    return !vd_file_failed(r);
}

void
vd_founding_print_unknown(const struct vd_file_read *r)
{
    if (r->unknown[0] != '\0') {
        fprintf(stderr,
                "viaduct: %s: '%s' means nothing here and is ignored; docs/deploy.md lists "
                "the keys\n",
                r->file, r->unknown);
    }
}

/* --- rollup.json --- */

/* OP Stack specs, system config: version 1 of scalar. */
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
        .batch_inbox = founding->l1.batch_inbox,
        .deposit_contract = founding->l1.optimism_portal,
        .l1_system_config = founding->l1.system_config,
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

/* --- what is refused --- */

/* No chain can come to have a block that the fault proof has no memory for. */
_Static_assert(VD_MAX_GAS_LIMIT <= VD_PROGRAM_MAX_GAS_LIMIT, "the gas limit of a fault proof");

/* Where value may be at stake: a challenger leaves a claim alone for a minute, as a reorg of L1
   could take it back, and its transaction may have to wait for room in L1's blocks. */
#define LEAST_EXTENSION_S 600u
/* Clients of L1 pass on no transaction above 128 KiB; this leaves room for the call. */
#define VD_MOST_PREIMAGE_AT_ONCE 126000u

static bool
refuse(char *error, size_t error_len, const char *text)
{
    snprintf(error, error_len, "%s", text);
    return false;
}

struct role {
    const char *key;
    const struct vd_address *who;
};

/* Each of them must be somebody. */
static bool
check_given(const struct role *roles, size_t count, char *error, size_t error_len)
{
    static const struct vd_address nobody;
    for (size_t i = 0; i < count; i++) {
        if (memcmp(roles[i].who, &nobody, sizeof nobody) == 0) {
            snprintf(error, error_len, "%s is missing or zero; give the address", roles[i].key);
            return false;
        }
    }
    return true;
}

/* What rollup.json would be refused for, before anything is done on L1: with an anchor and
   contracts made up where they are not known yet. */
static bool
check_rollup(const struct vd_founding *f, char *error, size_t error_len)
{
    struct vd_founding trial = *f;
    struct vd_rollup_config config;
    const struct vd_l1_ref anchor = {.hash = {{1}}, .timestamp = 1};
    const char *reason = NULL;
    trial.l1.optimism_portal = trial.l1.system_config = (struct vd_address){{1}};
    fill_config(&config, &trial, &anchor);
    config.genesis_l2.hash = (struct vd_hash){{1}};
    if (vd_rollup_config_check(&config, &reason) != VD_OK) {
        snprintf(error, error_len, "the chain's configuration: %s", reason);
        return false;
    }
    return true;
}

bool
vd_founding_check(const struct vd_founding *f, char *error, size_t error_len)
{
    const struct role roles[] = {{"batchSenderAddress", &f->batcher},
                                 {"batchInboxAddress", &f->l1.batch_inbox},
                                 {"sequencerFeeVaultRecipient", &f->sequencer_vault.recipient},
                                 {"baseFeeVaultRecipient", &f->base_fee_vault.recipient},
                                 {"l1FeeVaultRecipient", &f->l1_fee_vault.recipient},
                                 {"operatorFeeVaultRecipient", &f->operator_fee_vault.recipient}};
    if (f->eip1559.denominator == 0 || f->eip1559.elasticity == 0) {
        return refuse(error, error_len, "eip1559Denominator and eip1559Elasticity must not be 0");
    }
    /* OP Stack specs, system config: the deposits of one L1 block and the system transaction must
       fit a block, or the chain can be halted by deposits. */
    if (f->gas_limit < VD_MIN_GENESIS_GAS_LIMIT || f->gas_limit > VD_MAX_GAS_LIMIT) {
        snprintf(error, error_len, "l2GenesisBlockGasLimit is %llu; give %d to %d",
                 (unsigned long long)f->gas_limit, VD_MIN_GENESIS_GAS_LIMIT, VD_MAX_GAS_LIMIT);
        return false;
    }
    return check_given(roles, sizeof roles / sizeof roles[0], error, error_len) &&
           check_rollup(f, error, error_len);
}

static bool
same(const struct vd_address *a, const struct vd_address *b)
{
    return memcmp(a->b, b->b, 20) == 0;
}

bool
vd_founding_is_dev(const struct vd_founding *f)
{
    return f->l1_chain_id == 900 || f->l1_chain_id == 31337;
}

/* The game keeps bonds in 96 bits; with a larger one nobody could make the claim. */
static bool
check_bonds(const struct vd_founding *f, char *error, size_t error_len)
{
    const struct {
        const char *key;
        const struct vd_u256 *wei;
    } bonds[] = {{"disputeGameInitBond", &f->game_bond},
                 {"faultGameBisectionBond", &f->bisection_bond},
                 {"faultGameStepBond", &f->step_bond}};
    for (size_t i = 0; i < sizeof bonds / sizeof bonds[0]; i++) {
        if (vd_u256_bit_len(bonds[i].wei) > 96) {
            snprintf(error, error_len, "%s is too large; give less than 2^96 wei", bonds[i].key);
            return false;
        }
        if (vd_u256_is_zero(bonds[i].wei) && !vd_founding_is_dev(f)) {
            snprintf(error, error_len, "%s is 0: claims that cost nothing can be made without end",
                     bonds[i].key);
            return false;
        }
    }
    return true;
}

/* FaultDisputeGame's constructor: each extension fits the clock, the clock fits 48 bits. */
static bool
check_clocks(const struct vd_founding *f, char *error, size_t error_len)
{
    uint64_t clock = f->game_clock_s;
    if (clock == 0) {
        return refuse(error, error_len,
                      "faultGameMaxClockDuration is 0: nobody could object to a false output");
    }
    if (clock >= (uint64_t)1 << 48 || f->game_extension_s > clock / 2 ||
        f->preimage_challenge_s > clock - f->game_extension_s) {
        return refuse(
            error, error_len,
            "faultGameMaxClockDuration must be below 2^48 and hold faultGameClockExtension "
            "twice, and faultGameClockExtension with preimageOracleChallengePeriod");
    }
    if (f->game_extension_s < LEAST_EXTENSION_S && !vd_founding_is_dev(f)) {
        snprintf(error, error_len,
                 "faultGameClockExtension is %llu: the answer to a claim of the last second has to "
                 "get into L1 within it; give %u or more",
                 (unsigned long long)f->game_extension_s, LEAST_EXTENSION_S);
        return false;
    }
    return true;
}

/* The contracts add a delay to a time: one that does not fit there is never over. */
static bool
check_delays(const struct vd_founding *f, char *error, size_t error_len)
{
    const struct {
        const char *key;
        uint64_t seconds;
    } delays[] = {{"proofMaturityDelaySeconds", f->proof_maturity_delay_s},
                  {"disputeGameFinalityDelaySeconds", f->game_finality_delay_s},
                  {"faultGameWithdrawalDelay", f->weth_delay_s}};
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        if (delays[i].seconds >= (uint64_t)1 << 48) {
            snprintf(error, error_len, "%s is too large; give less than 2^48 seconds",
                     delays[i].key);
            return false;
        }
    }
    return true;
}

/* How many steps and outputs there are leaves for.  A game begins at the anchor, the output of the
   newest game that was closed: what the chain makes during a clock and a finality delay needs
   leaves, or no game can be created any more. */
static bool
check_leaves(const struct vd_founding *f, char *error, size_t error_len)
{
    uint64_t levels = f->game_max_depth - f->game_split_depth - 1;
    uint64_t l1_blocks = f->seq_window_size + VD_CHANNEL_TIMEOUT;
    if (f->seq_window_size > UINT32_MAX ||
        (levels < 63 &&
         l1_blocks * VD_STEPS_OF_L1_BLOCK + (uint64_t)VD_STEPS_OF_L2_GAS * VD_MAX_GAS_LIMIT >
             (uint64_t)1 << levels)) {
        snprintf(error, error_len,
                 "faultGameMaxDepth is %llu: the worst trace of sequencerWindowSize %llu has more "
                 "than the 2^%llu steps below faultGameSplitDepth %llu",
                 (unsigned long long)f->game_max_depth, (unsigned long long)f->seq_window_size,
                 (unsigned long long)levels, (unsigned long long)f->game_split_depth);
        return false;
    }
    uint64_t blocks = f->game_split_depth < 63 ? (uint64_t)1 << f->game_split_depth : INT64_MAX;
    if (blocks < (f->game_clock_s + f->game_finality_delay_s) / f->block_time_s) {
        snprintf(error, error_len,
                 "faultGameSplitDepth is %llu: games reach %llu blocks past the anchor, which is "
                 "less than the chain makes until one of them is final",
                 (unsigned long long)f->game_split_depth, (unsigned long long)blocks);
        return false;
    }
    return true;
}

/* What FaultDisputeGame and PreimageOracle refuse, and what docs/fault-proofs.md's table of worst
   cases does not fit. */
static bool
check_game(const struct vd_founding *f, char *error, size_t error_len)
{
    if (f->game_max_depth > VD_GAME_MAX_DEPTH || f->game_split_depth < 2 ||
        f->game_split_depth + 1 >= f->game_max_depth) {
        snprintf(error, error_len,
                 "faultGameSplitDepth is %llu and faultGameMaxDepth %llu; give 2 or more and, at "
                 "least two above that, %u or less",
                 (unsigned long long)f->game_split_depth, (unsigned long long)f->game_max_depth,
                 VD_GAME_MAX_DEPTH);
        return false;
    }
    if (f->preimage_min_bytes < 136 || f->preimage_min_bytes > VD_MOST_PREIMAGE_AT_ONCE) {
        snprintf(error, error_len,
                 "preimageOracleMinProposalSize is %llu; give 136, a block of Keccak, to %u, what "
                 "one transaction takes to L1",
                 (unsigned long long)f->preimage_min_bytes, VD_MOST_PREIMAGE_AT_ONCE);
        return false;
    }
    return check_clocks(f, error, error_len) && check_delays(f, error, error_len) &&
           check_bonds(f, error, error_len) &&
           (vd_founding_is_dev(f) || check_leaves(f, error, error_len));
}

bool
vd_founding_check_deploy(const struct vd_founding *f, char *error, size_t error_len)
{
    const struct role roles[] = {{"p2pSequencerAddress", &f->unsafe_block_signer},
                                 {"finalSystemOwner", &f->system_owner},
                                 {"superchainConfigGuardian", &f->guardian},
                                 {"proxyAdminOwner", &f->l2_proxy_owner}};
    if (!check_given(roles, sizeof roles / sizeof roles[0], error, error_len)) {
        return false;
    }
    if (same(&f->proposer, &f->guardian)) {
        return refuse(error, error_len,
                      "l2OutputOracleProposer and superchainConfigGuardian are one account: it "
                      "would judge its own games");
    }
    if (same(&f->batcher, &f->proposer)) {
        return refuse(error, error_len,
                      "batchSenderAddress and l2OutputOracleProposer are one account: they would "
                      "use the same nonces");
    }
    return vd_founding_check(f, error, error_len) && check_game(f, error, error_len);
}

/* --- the prestate --- */

bool
vd_founding_prestate(struct vd_hash *prestate, const struct vd_rollup_config *config, char *error,
                     size_t error_len)
{
    struct vd_slice image;
    return vd_guest_image_open(&image, NULL, NULL, error, error_len) &&
           vd_guest_prestate(prestate, image, config, error, error_len);
}

/* --- the genesis block --- */

/* OP Stack specs, proposals: version 0 of the output root. */
static struct vd_hash
output_root(const struct vd_header *header, const struct vd_hash *hash)
{
    uint8_t bytes[128] = {0};
    memcpy(bytes + 32, header->state_root.b, 32);
    memcpy(bytes + 64, header->withdrawals_root.b, 32);
    memcpy(bytes + 96, hash->b, 32);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

static bool
fill_genesis(struct vd_genesis *genesis, struct vd_arena *arena, const struct vd_founding *founding,
             const struct vd_l1_ref *l1_start, char *error, size_t error_len)
{
    uint8_t *extra = vd_arena_alloc(arena, 9, 1);
    if (!extra) {
        return refuse(error, error_len, "out of memory for the genesis block");
    }
    vd_holocene_extra_encode(extra, &founding->eip1559);
    *genesis = (struct vd_genesis){.timestamp = l1_start->timestamp,
                                   .gas_limit = founding->gas_limit,
                                   .base_fee = founding->base_fee,
                                   .extra_data = vd_slice(extra, 9),
                                   .coinbase = VD_SEQUENCER_FEE_VAULT};
    const char *missing = NULL;
    if (!vd_founding_state(genesis, arena, founding, &missing)) {
        snprintf(error, error_len, missing ? "this build lacks the contract %s" : "out of memory%s",
                 missing ? missing : "");
        return false;
    }
    return true;
}

bool
vd_found(struct vd_founded *out, struct vd_arena *arena, const struct vd_founding *founding,
         const struct vd_l1_ref *l1_start, char *error, size_t error_len)
{
    if (!vd_founding_check(founding, error, error_len)) {
        return false;
    }
    fill_config(&out->config, founding, l1_start);
    if (!fill_genesis(&out->genesis, arena, founding, l1_start, error, error_len)) {
        return false;
    }
    struct vd_header header;
    struct vd_hash *hash = &out->config.genesis_l2.hash;
    enum vd_err err =
        vd_genesis_build(&header, hash, arena, &out->config.l2, &out->genesis, NULL, NULL);
    if (err != VD_OK) {
        snprintf(error, error_len, "the genesis block cannot be computed: %s", vd_err_text(err));
        return false;
    }
    out->output_root = output_root(&header, hash);
    const char *reason = NULL;
    if (vd_rollup_config_check(&out->config, &reason) != VD_OK) {
        snprintf(error, error_len, "the chain's configuration: %s", reason);
        return false;
    }
    return true;
}
