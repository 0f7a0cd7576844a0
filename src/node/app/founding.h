/* Founding: from what a chain is to be to its contracts on L1, its genesis block and its
   rollup.json.  `viaduct deploy`, `viaduct genesis` and `viaduct dev` go through here. */
#ifndef VIADUCT_NODE_APP_FOUNDING_H
#define VIADUCT_NODE_APP_FOUNDING_H

#include "addresses.h"
#include "chain_files.h"

/* Where the fees of one vault go. */
struct vd_fee_vault {
    struct vd_address recipient;
    struct vd_u256 minimum; /* wei; a withdrawal of less is refused */
    uint8_t network;        /* VD_WITHDRAWAL_NETWORK_L1 or _L2 */
};

/* What others than the batcher can make a run cost at most (docs/fault-proofs.md), as the depth of
   a game is judged by it: steps for an L1 block full of transactions to the inbox (10 MiB) and of
   receipts (one for each 21,000 of VD_MOST_L1_BLOCK_GAS, which deploy_probe.c allows), and for a
   gas of L2.  `bench_steps check`, a test, holds the worst inputs that are known against them. */
#define VD_STEPS_OF_L1_BLOCK 200000000u
#define VD_STEPS_OF_L2_GAS 240u
#define VD_MOST_L1_BLOCK_GAS 402653184u

/* What the founder decides.  File keys (those of op-deployer's deploy config) in founding.c. */
struct vd_founding {
    uint64_t l1_chain_id;
    uint64_t l2_chain_id;
    uint64_t block_time_s;
    uint64_t seq_window_size;
    uint64_t gas_limit;
    struct vd_u256 base_fee;
    struct vd_eip1559_params eip1559;
    uint32_t base_fee_scalar;
    uint32_t blob_base_fee_scalar;
    uint32_t operator_fee_scalar;
    uint64_t operator_fee_constant;
    uint64_t l1_start_number; /* UINT64_MAX: the command chooses */
    const struct vd_genesis_account *funded;
    size_t funded_count;

    /* Roles. */
    struct vd_address batcher;
    struct vd_address proposer;
    struct vd_address unsafe_block_signer;
    struct vd_address system_owner;   /* of the contracts on L1 and their proxies */
    struct vd_address guardian;       /* pauses, blacklists games */
    struct vd_address l2_proxy_owner; /* of the predeploys' ProxyAdmin */
    struct vd_fee_vault sequencer_vault;
    struct vd_fee_vault base_fee_vault;
    struct vd_fee_vault l1_fee_vault;
    struct vd_fee_vault operator_fee_vault;

    /* Settlement; all in seconds. */
    uint64_t proof_maturity_delay_s;
    uint64_t game_finality_delay_s;
    uint64_t game_clock_s;
    uint64_t game_extension_s;
    uint64_t weth_delay_s;
    uint64_t pause_expiry_s;
    uint64_t preimage_challenge_s; /* of a large preimage */
    /* The game's tree and what its claims cost, in wei. */
    uint64_t game_max_depth;
    uint64_t game_split_depth;
    struct vd_u256 game_bond;      /* of the root claim */
    struct vd_u256 bisection_bond; /* of a move */
    struct vd_u256 step_bond;      /* of a move to the last two depths */
    uint64_t preimage_min_bytes;   /* that may be proposed in parts */
    struct vd_hash salt;           /* tells two deployments of one deployer and chain id apart */

    /* Contracts on L1: computed by the plan of a deployment (l1_plan.h), or given. */
    struct vd_addresses l1;
};

/* Reads the founder's file.  Addresses of contracts may stand in it. */
bool vd_founding_read(struct vd_file_read *r, struct vd_founding *founding, const char *path);
/* Says on stderr which key of the file, if any, means nothing. */
void vd_founding_print_unknown(const struct vd_file_read *r);

/* What no chain can be founded with: false, error names the key. */
bool vd_founding_check(const struct vd_founding *founding, char *error, size_t error_len);
/* What no chain should be deployed with: roles that are nobody's or that must not be one account,
   and a game that its contract refuses or that docs/fault-proofs.md's table of worst cases does not
   fit.  L1s for development (vd_founding_is_dev) may have a smaller game. */
bool vd_founding_check_deploy(const struct vd_founding *founding, char *error, size_t error_len);

/* L1s that hold nothing of value: those of `viaduct dev`, anvil and hardhat. */
bool vd_founding_is_dev(const struct vd_founding *founding);

/* The ten accounts of the public mnemonic 'test test … junk' (m/44'/60'/0'/0/i), whose keys
   everybody knows. */
#define VD_DEV_ACCOUNTS 10u
struct vd_dev_account {
    struct vd_address address;
    uint8_t key[32];
};
extern const struct vd_dev_account vd_dev_accounts[VD_DEV_ACCOUNTS];

/* The first block of L2 with what commands want to know of it. */
struct vd_founded {
    struct vd_genesis genesis; /* accounts in the arena */
    struct vd_rollup_config config;
    struct vd_hash output_root; /* of the genesis block: where settlement begins */
};

/* The hash of the machine's first state for a chain: this build's guest with the chain's
   configuration, which every game of the chain begins its traces with. */
bool vd_founding_prestate(struct vd_hash *prestate, const struct vd_rollup_config *config,
                          char *error, size_t error_len);

/* vd_found computes the L2 genesis on the L1 block given.  The result depends on nothing but its
   arguments and the contracts of this build.  False: error says what is wrong. */
bool vd_found(struct vd_founded *out, struct vd_arena *arena, const struct vd_founding *founding,
              const struct vd_l1_ref *l1_start, char *error, size_t error_len);

/* The accounts of the L2 genesis state (founding_state.c), in no order that matters.  False:
   out of memory, or this build lacks a contract, which *missing then names. */
bool vd_founding_state(struct vd_genesis *genesis, struct vd_arena *arena,
                       const struct vd_founding *founding, const char **missing);

/* The i-th contract of L2 that has a name, or false after the last: for --info. */
bool vd_founding_l2_contract(size_t i, const char **name, struct vd_address *address);

#endif
