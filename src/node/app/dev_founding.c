#include "dev_founding.h"

#define L2_GAS_LIMIT 400000000u
/* Delays of settlement in seconds, so short that a withdrawal is walked in a minute. */
#define PROOF_MATURITY_S 5u
#define GAME_CLOCK_S 5u
#define GAME_EXTENSION_S 1u
#define PREIMAGE_CHALLENGE_S 2u
#define GAME_FINALITY_S 3u
#define WETH_DELAY_S 3u
#define PAUSE_EXPIRY_S 7884000u
/* The game as on any chain. */
#define GAME_MAX_DEPTH 64u
#define GAME_SPLIT_DEPTH 20u
#define GAME_BOND_WEI 80000000000000000u
#define STEP_BOND_WEI 1280000000000000000u
#define PREIMAGE_MIN_BYTES 126000u

static const struct vd_address inbox = {{0xff, 0x00, [18] = 0x09, [19] = 0x01}};

/* 10,000 ETH in wei. */
static struct vd_u256
dev_balance(void)
{
    struct vd_u256 ether = vd_u256(1000000000000000000u);
    struct vd_u256 count = vd_u256(10000);
    return vd_u256_mul(&ether, &count);
}

void
vd_dev_fund(struct vd_genesis_account accounts[VD_DEV_ACCOUNTS])
{
    for (size_t i = 0; i < VD_DEV_ACCOUNTS; i++) {
        accounts[i] = (struct vd_genesis_account){.address = vd_dev_accounts[i].address,
                                                  .balance = dev_balance()};
    }
}

static struct vd_fee_vault
dev_vault(void)
{
    return (struct vd_fee_vault){.recipient = vd_dev_accounts[VD_DEV_OWNER].address,
                                 .network = VD_WITHDRAWAL_NETWORK_L2};
}

void
vd_dev_founding(struct vd_founding *founding, struct vd_arena *arena)
{
    struct vd_genesis_account *funded =
        VD_ARENA_NEW(arena, struct vd_genesis_account, VD_DEV_ACCOUNTS);
    VD_ASSERT(funded != NULL);
    vd_dev_fund(funded);
    const struct vd_address *owner = &vd_dev_accounts[VD_DEV_OWNER].address;
    *founding = (struct vd_founding){.l1_chain_id = VD_DEV_L1_CHAIN,
                                     .l2_chain_id = VD_DEV_L2_CHAIN,
                                     .block_time_s = 1,
                                     .seq_window_size = 3600,
                                     .gas_limit = L2_GAS_LIMIT,
                                     .base_fee = vd_u256(1000000),
                                     .eip1559 = {.denominator = 250, .elasticity = 6},
                                     .base_fee_scalar = 1368,
                                     .blob_base_fee_scalar = 810949,
                                     .funded = funded,
                                     .funded_count = VD_DEV_ACCOUNTS,
                                     .batcher = vd_dev_accounts[VD_DEV_BATCHER].address,
                                     .proposer = vd_dev_accounts[VD_DEV_PROPOSER].address,
                                     .unsafe_block_signer = *owner,
                                     .system_owner = *owner,
                                     .guardian = *owner,
                                     .l2_proxy_owner = *owner,
                                     .sequencer_vault = dev_vault(),
                                     .base_fee_vault = dev_vault(),
                                     .l1_fee_vault = dev_vault(),
                                     .operator_fee_vault = dev_vault(),
                                     .proof_maturity_delay_s = PROOF_MATURITY_S,
                                     .game_finality_delay_s = GAME_FINALITY_S,
                                     .game_clock_s = GAME_CLOCK_S,
                                     .game_extension_s = GAME_EXTENSION_S,
                                     .weth_delay_s = WETH_DELAY_S,
                                     .pause_expiry_s = PAUSE_EXPIRY_S,
                                     .preimage_challenge_s = PREIMAGE_CHALLENGE_S,
                                     .game_max_depth = GAME_MAX_DEPTH,
                                     .game_split_depth = GAME_SPLIT_DEPTH,
                                     .game_bond = vd_u256(GAME_BOND_WEI),
                                     .bisection_bond = vd_u256(GAME_BOND_WEI),
                                     .step_bond = vd_u256(STEP_BOND_WEI),
                                     .preimage_min_bytes = PREIMAGE_MIN_BYTES,
                                     .l1.batch_inbox = inbox};
}
