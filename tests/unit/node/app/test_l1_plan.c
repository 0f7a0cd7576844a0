#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/app/deploy_file.h"
#include "node/app/l1_plan.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/chain/tx.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/evm/evm.h"
#include "viaduct/node/platform/artifacts.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

#define ARENA ((size_t)1 << 30)

static struct vd_arena arena;
static char error[512];

static int
set_up(void **state)
{
    (void)state;
    vd_arena_init(&arena, vd_reserve(ARENA), ARENA);
    error[0] = '\0';
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    vd_release(arena.base, ARENA);
    return 0;
}

static struct vd_founding
sound(void)
{
    struct vd_fee_vault vault = {.recipient = {{21}}, .network = 1};
    return (struct vd_founding){.l1_chain_id = 900,
                                .l2_chain_id = 901,
                                .block_time_s = 2,
                                .seq_window_size = 3600,
                                .gas_limit = 60000000,
                                .base_fee = vd_u256(1000000),
                                .eip1559 = {.denominator = 250, .elasticity = 6},
                                .base_fee_scalar = 1368,
                                .blob_base_fee_scalar = 810949,
                                .l1_start_number = UINT64_MAX,
                                .batcher = {{11}},
                                .proposer = {{12}},
                                .unsafe_block_signer = {{13}},
                                .system_owner = {{14}},
                                .guardian = {{15}},
                                .l2_proxy_owner = {{16}},
                                .sequencer_vault = vault,
                                .base_fee_vault = vault,
                                .l1_fee_vault = vault,
                                .operator_fee_vault = vault,
                                .proof_maturity_delay_s = 1,
                                .game_finality_delay_s = 2,
                                .game_clock_s = 30,
                                .game_extension_s = 10,
                                .weth_delay_s = 4,
                                .pause_expiry_s = 5,
                                .preimage_challenge_s = 20,
                                .game_max_depth = 64,
                                .game_split_depth = 20,
                                .game_bond = vd_u256(6),
                                .bisection_bond = vd_u256(7),
                                .step_bond = vd_u256(8),
                                .preimage_min_bytes = 126000,
                                .l1 = {.batch_inbox = {{22}}}};
}

static const struct vd_address deployer = {{0xde, [19] = 1}};
static const struct vd_hash root = {{0x77}};
static const struct vd_hash prestate = {{3, 0x55}};

static void
make(struct vd_l1_plan *plan, const struct vd_founding *founding, const struct vd_address *from)
{
    if (!vd_l1_plan_make(plan, &arena, founding, from, false, error, sizeof error)) {
        fail_msg("%s", error);
    }
}

/* The address and the code are those that chains know; nobody chose them here. */
static void
test_the_deterministic_deployer_is_the_known_one(void **state)
{
    (void)state;
    struct vd_tx tx;
    struct vd_address sender;
    bool valid = false;
    const struct vd_artifact *artifact = vd_artifact_find("DeterministicDeploymentProxy");
    assert_non_null(artifact);
    assert_int_equal(artifact->code_len, sizeof vd_deployer_code);
    assert_memory_equal(artifact->code, vd_deployer_code, sizeof vd_deployer_code);
    assert_int_equal(vd_tx_decode(&tx, NULL, &arena, vd_deployer_transaction()), VD_OK);
    assert_int_equal(vd_tx_sender(&sender, &valid, &tx, vd_curves_host(), &arena), VD_OK);
    assert_true(valid);
    assert_memory_equal(sender.b, vd_deployer_sender.b, 20);
    struct vd_address created = vd_create_address(&sender, 0);
    assert_memory_equal(created.b, VD_PREINSTALL_DETERMINISTIC_DEPLOYER.b, 20);
    assert_false(tx.has_chain_id);
    struct vd_u256 gas = vd_u256(tx.gas_limit);
    struct vd_u256 cost = vd_u256_mul(&gas, &tx.max_fee);
    struct vd_u256 funds = vd_u256(VD_DEPLOYER_FUNDS);
    assert_true(vd_u256_eq(&cost, &funds));
}

static void
test_each_creation_says_its_own_address(void **state)
{
    (void)state;
    struct vd_founding founding = sound();
    struct vd_l1_plan plan;
    make(&plan, &founding, &deployer);
    vd_l1_plan_set_anchor(&plan, &root, &prestate);
    for (size_t i = 0; i < plan.step_count; i++) {
        const struct vd_step *step = &plan.steps[i];
        assert_null(strchr(step->name, ' '));
        if (!step->creates) {
            continue;
        }
        struct vd_hash salt;
        memcpy(salt.b, step->data.ptr, 32);
        struct vd_hash hash = vd_keccak256(vd_slice(step->data.ptr + 32, step->data.len - 32));
        struct vd_address address =
            vd_create2_address(&VD_PREINSTALL_DETERMINISTIC_DEPLOYER, &salt, &hash);
        assert_memory_equal(address.b, step->subject.b, 20);
        assert_memory_equal(step->to.b, VD_PREINSTALL_DETERMINISTIC_DEPLOYER.b, 20);
        assert_memory_equal(vd_addresses_find(&plan.at, step->name)->b, address.b, 20);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(plan.steps[j].creates ? plan.steps[j].subject.b : deployer.b,
                                    address.b, 20);
        }
    }
}

/* Phases never go back, and the handover of the proxies is the very last step. */
static void
test_steps_stand_in_their_order(void **state)
{
    (void)state;
    struct vd_founding founding = sound();
    struct vd_l1_plan plan;
    make(&plan, &founding, &deployer);
    for (size_t i = 1; i < plan.step_count; i++) {
        assert_true(plan.steps[i - 1].phase <= plan.steps[i].phase);
    }
    assert_string_equal(plan.steps[plan.step_count - 1].name, "ProxyAdmin.transferOwnership");
    assert_string_equal(plan.steps[0].name, "ProxyAdmin");
}

static void
test_a_plan_depends_on_what_it_is_given_alone(void **state)
{
    (void)state;
    struct vd_founding founding = sound();
    struct vd_founding other = sound();
    struct vd_l1_plan first;
    struct vd_l1_plan second;
    make(&first, &founding, &deployer);
    make(&second, &other, &deployer);
    assert_memory_equal(&first.at, &second.at, sizeof first.at);
    assert_true(vd_hash_eq(&first.digest, &second.digest));
    other.salt.b[0] = 1;
    make(&second, &other, &deployer);
    assert_memory_not_equal(first.at.optimism_portal.b, second.at.optimism_portal.b, 20);
    other = sound();
    other.l2_chain_id++;
    make(&second, &other, &deployer);
    assert_memory_not_equal(first.at.optimism_portal.b, second.at.optimism_portal.b, 20);
    other = sound();
    make(&second, &other, &founding.guardian);
    assert_memory_not_equal(first.at.optimism_portal.b, second.at.optimism_portal.b, 20);
    /* A setting of an implementation moves that implementation and no proxy. */
    other.proof_maturity_delay_s++;
    make(&second, &other, &deployer);
    assert_memory_equal(first.at.optimism_portal.b, second.at.optimism_portal.b, 20);
    assert_memory_not_equal(first.at.optimism_portal_impl.b, second.at.optimism_portal_impl.b, 20);
    assert_false(vd_hash_eq(&first.digest, &second.digest));
}

/* The prestate is known last: it moves the game alone, and the plan of a second run, which begins
   without it, is the same plan. */
static void
test_the_prestate_moves_the_game_alone(void **state)
{
    (void)state;
    struct vd_founding founding = sound();
    struct vd_hash other = prestate;
    struct vd_l1_plan first;
    struct vd_l1_plan second;
    other.b[31] ^= 1;
    make(&first, &founding, &deployer);
    make(&second, &founding, &deployer);
    assert_memory_equal(first.at.fault_dispute_game.b, (struct vd_address){{0}}.b, 20);
    vd_l1_plan_set_anchor(&first, &root, &prestate);
    assert_true(vd_hash_eq(&first.digest, &second.digest));
    vd_l1_plan_set_anchor(&second, &root, &other);
    assert_memory_not_equal(first.at.fault_dispute_game.b, second.at.fault_dispute_game.b, 20);
    second.at.fault_dispute_game = first.at.fault_dispute_game;
    assert_memory_equal(&first.at, &second.at, sizeof first.at);
    /* Its settings are part of the plan from the beginning. */
    founding.step_bond = vd_u256(9);
    make(&second, &founding, &deployer);
    assert_false(vd_hash_eq(&first.digest, &second.digest));
}

static void
test_multicall_is_deployed_only_where_it_is_missing(void **state)
{
    (void)state;
    struct vd_founding founding = sound();
    struct vd_l1_plan without;
    struct vd_l1_plan with;
    make(&without, &founding, &deployer);
    assert_true(vd_l1_plan_make(&with, &arena, &founding, &deployer, true, error, sizeof error));
    assert_int_equal(with.step_count + 1, without.step_count);
    assert_memory_equal(with.at.multicall3.b, VD_PREINSTALL_MULTICALL3.b, 20);
}

/* --- refusals --- */

static void
refuses(const struct vd_founding *founding, const char *fragment)
{
    error[0] = '\0';
    assert_false(vd_founding_check_deploy(founding, error, sizeof error));
    if (!strstr(error, fragment)) {
        fail_msg("'%s' does not say '%s'", error, fragment);
    }
}

#define REFUSES(change, fragment)       \
    do {                                \
        struct vd_founding f = sound(); \
        change;                         \
        refuses(&f, fragment);          \
    } while (0)

static void
test_unsafe_settings_are_refused_by_name(void **state)
{
    (void)state;
    const struct vd_address zero = {{0}};
    struct vd_founding founding = sound();
    assert_true(vd_founding_check_deploy(&founding, error, sizeof error));
    REFUSES(f.gas_limit = 20999999, "l2GenesisBlockGasLimit");
    REFUSES(f.gas_limit = 500000001, "l2GenesisBlockGasLimit");
    REFUSES(f.batcher = zero, "batchSenderAddress");
    REFUSES(f.unsafe_block_signer = zero, "p2pSequencerAddress");
    REFUSES(f.system_owner = zero, "finalSystemOwner");
    REFUSES(f.guardian = zero, "superchainConfigGuardian");
    REFUSES(f.l2_proxy_owner = zero, "proxyAdminOwner");
    REFUSES(f.l1.batch_inbox = zero, "batchInboxAddress");
    REFUSES(f.l1_fee_vault.recipient = zero, "l1FeeVaultRecipient");
    REFUSES(f.guardian = f.proposer, "one account");
    REFUSES(f.batcher = f.proposer, "nonces");
    REFUSES(f.eip1559.elasticity = 0, "eip1559Elasticity");
    REFUSES(f.l2_chain_id = f.l1_chain_id, "configuration");
    REFUSES(f.block_time_s = 0, "configuration");
    REFUSES(f.seq_window_size = 1, "configuration");
    founding.gas_limit = 21000000;
    founding.proposer = zero; /* anybody proposes */
    assert_true(vd_founding_check_deploy(&founding, error, sizeof error));
}

/* The bounds of FaultDisputeGame's and PreimageOracle's constructors, from their sources. */
static void
test_games_that_their_contract_refuses_are_refused(void **state)
{
    (void)state;
    struct vd_u256 large = {.w = {0, (uint64_t)1 << 32, 0, 0}};
    struct vd_founding founding = sound();
    REFUSES(f.game_split_depth = 1, "faultGameSplitDepth");
    REFUSES(f.game_split_depth = 63, "faultGameSplitDepth");
    REFUSES(f.game_max_depth = 126, "faultGameMaxDepth");
    REFUSES(f.game_extension_s = 16, "faultGameClockExtension");
    REFUSES(f.preimage_challenge_s = 21, "preimageOracleChallengePeriod");
    REFUSES(f.preimage_challenge_s = UINT64_MAX, "preimageOracleChallengePeriod");
    REFUSES(f.game_clock_s = (uint64_t)1 << 48, "faultGameMaxClockDuration");
    REFUSES(f.game_clock_s = f.game_extension_s = f.preimage_challenge_s = 0,
            "faultGameMaxClockDuration is 0");
    REFUSES(f.proof_maturity_delay_s = UINT64_MAX, "proofMaturityDelaySeconds");
    REFUSES(f.game_finality_delay_s = UINT64_MAX, "disputeGameFinalityDelaySeconds");
    REFUSES(f.weth_delay_s = (uint64_t)1 << 48, "faultGameWithdrawalDelay");
    REFUSES(f.preimage_min_bytes = 135, "preimageOracleMinProposalSize");
    REFUSES(f.preimage_min_bytes = 126001, "preimageOracleMinProposalSize");
    REFUSES(f.game_bond = large, "disputeGameInitBond");
    REFUSES(f.bisection_bond = large, "faultGameBisectionBond");
    REFUSES(f.step_bond = large, "faultGameStepBond");
    founding.game_split_depth = 2;
    founding.game_max_depth = 4;
    assert_true(vd_founding_check_deploy(&founding, error, sizeof error));
}

/* Where value may be at stake, the tree holds the worst case, with the defaults of the standard
   chain as what must pass. */
static void
test_games_too_small_for_the_worst_case_are_for_development(void **state)
{
    (void)state;
    struct vd_founding founding = sound();
    founding.l1_chain_id = 11155111;
    founding.game_clock_s = founding.game_finality_delay_s = 302400;
    founding.game_extension_s = 10800;
    founding.preimage_challenge_s = 86400;
    for (uint64_t block_time = 1; block_time <= 12; block_time++) {
        founding.block_time_s = block_time;
        if (!vd_founding_check_deploy(&founding, error, sizeof error)) {
            fail_msg("%s", error);
        }
    }
    struct vd_founding f = founding;
    f.game_max_depth = 60;
    refuses(&f, "faultGameMaxDepth is 60");
    f.game_max_depth = 61;
    assert_true(vd_founding_check_deploy(&f, error, sizeof error));
    f.seq_window_size = 7200;
    refuses(&f, "sequencerWindowSize 7200");
    f = founding;
    f.game_split_depth = 15; /* 32,768 blocks of 12 s: 4.5 days */
    refuses(&f, "faultGameSplitDepth is 15");
    f = founding;
    f.bisection_bond = vd_u256(0);
    refuses(&f, "faultGameBisectionBond is 0");
    f = founding;
    f.game_extension_s = 599;
    refuses(&f, "faultGameClockExtension is 599");
    f.game_extension_s = 600;
    assert_true(vd_founding_check_deploy(&f, error, sizeof error));
}

/* --- the plan file --- */

static void
test_the_plan_file_survives(void **state)
{
    (void)state;
    char path[] = "plan-XXXXXX";
    struct vd_founding founding = sound();
    struct vd_l1_plan plan;
    struct vd_deploy_record record = {.has_anchor = true, .anchor = {{{7}}, 77}};
    struct vd_deploy_record again;
    close(mkstemp(path));
    make(&plan, &founding, &deployer);
    record.status[3] = VD_STEP_DONE;
    record.has_tx[3] = true;
    record.tx[3] = (struct vd_hash){{3}};
    assert_true(vd_deploy_file_write(&plan, &record, path, error, sizeof error));
    assert_true(vd_deploy_file_read(&again, &plan, path, error, sizeof error));
    assert_true(again.has_anchor);
    assert_int_equal(again.anchor.number, 77);
    assert_true(vd_hash_eq(&again.anchor.hash, &record.anchor.hash));
    assert_true(again.has_tx[3] && !again.has_tx[2]);
    assert_true(vd_hash_eq(&again.tx[3], &record.tx[3]));
    assert_int_equal(again.status[3], VD_STEP_UNKNOWN); /* L1 decides */
    founding.game_bond = vd_u256(7);
    make(&plan, &founding, &deployer);
    assert_false(vd_deploy_file_read(&again, &plan, path, error, sizeof error));
    assert_non_null(strstr(error, "another deployment"));
    unlink(path);
}

/* Any prefix of a plan file, and any byte of it changed, is read or refused, and never crashes. */
static void
test_a_damaged_plan_file_is_refused_or_read(void **state)
{
    (void)state;
    char path[] = "plan-XXXXXX";
    struct vd_founding founding = sound();
    struct vd_l1_plan plan;
    struct vd_deploy_record record = {.has_anchor = true, .anchor = {{{7}}, 77}};
    struct vd_deploy_record again;
    static char text[16384];
    close(mkstemp(path));
    make(&plan, &founding, &deployer);
    assert_true(vd_deploy_file_write(&plan, &record, path, error, sizeof error));
    FILE *file = fopen(path, "r");
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    for (size_t i = 0; i < len; i += 7) {
        char kept = text[i];
        text[i] = (char)(kept ^ 0x15);
        file = fopen(path, "w");
        fwrite(text, 1, i % 2 == 0 ? len : i, file);
        fclose(file);
        text[i] = kept;
        error[0] = '\0';
        if (!vd_deploy_file_read(&again, &plan, path, error, sizeof error)) {
            assert_true(error[0] != '\0');
        }
    }
    unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_deterministic_deployer_is_the_known_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_each_creation_says_its_own_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_steps_stand_in_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_plan_depends_on_what_it_is_given_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_prestate_moves_the_game_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_multicall_is_deployed_only_where_it_is_missing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_unsafe_settings_are_refused_by_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_games_that_their_contract_refuses_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_games_too_small_for_the_worst_case_are_for_development,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_plan_file_survives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_damaged_plan_file_is_refused_or_read, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
