/* Founding: from what a chain is to be to its genesis block and its rollup.json.  `viaduct
   genesis` and `viaduct dev` go through here. */
#ifndef VIADUCT_NODE_APP_FOUNDING_H
#define VIADUCT_NODE_APP_FOUNDING_H

#include "chain_files.h"

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
    struct vd_address batcher;
    struct vd_address batch_inbox;
    struct vd_address portal;
    struct vd_address system_config;
    uint64_t l1_start_number; /* UINT64_MAX: L1's finalized block */
    const struct vd_genesis_account *funded;
    size_t funded_count;
};

/* Reads the founder's file. */
bool vd_founding_read(struct vd_file_read *r, struct vd_founding *founding, const char *path);

/* The ten accounts of the public mnemonic 'test test … junk' (m/44'/60'/0'/0/i), whose keys
   everybody knows. */
#define VD_DEV_ACCOUNTS 10u
struct vd_dev_account {
    struct vd_address address;
    uint8_t key[32];
};
extern const struct vd_dev_account vd_dev_accounts[VD_DEV_ACCOUNTS];

/* vd_found computes the L2 genesis on the L1 block given and fills genesis (accounts in arena) and
   config.  False: error says what is missing. */
bool vd_found(struct vd_genesis *genesis, struct vd_rollup_config *config, struct vd_arena *arena,
              const struct vd_founding *founding, const struct vd_l1_ref *l1_start, char *error,
              size_t error_len);

#endif
