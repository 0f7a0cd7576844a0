/* The rules of one fork of one kind of chain, and the chain's configuration that says which is in
   force.  Code asks the rules what holds, never the fork's name. */
#ifndef VIADUCT_CORE_CHAIN_RULES_H
#define VIADUCT_CORE_CHAIN_RULES_H

#include "viaduct/core/evm/evm.h"

/* One row per fork; static. */
struct vd_rules {
    const char *name; /* "Cancun", "Prague", "Holocene", "Isthmus" */
    enum vd_evm_revision revision;
    bool is_l2;
    bool calldata_floor;       /* EIP-7623 */
    bool set_code_tx;          /* EIP-7702, type 4 */
    bool blob_tx;              /* EIP-4844 type 3 is valid (never on L2) */
    bool block_hash_contract;  /* EIP-2935 system call */
    bool beacon_root_contract; /* EIP-4788 system call */
    bool execution_requests;   /* EIP-7685 list is computed (L1 Prague) */
    bool requests_hash;        /* the header has the field (L1 Prague, L2 Isthmus: sha256("")) */
    bool operator_fee;         /* L2 Isthmus */
    bool withdrawals_root_is_storage; /* L2 Isthmus: root of 0x42…16's storage */
};

/* The EVM's rules under a row. */
static inline const struct vd_evm_rules *
vd_rules_evm(const struct vd_rules *rules)
{
    return rules->is_l2 ? vd_evm_rules_l2(rules->revision) : vd_evm_rules_l1(rules->revision);
}

/* Row by name (as in state test files: "Cancun", "Prague"; L2 "Holocene", "Isthmus"); NULL when
   this build does not have it. */
const struct vd_rules *vd_rules_find(const char *name);

/* EIP-4844 and EIP-7840 parameters of one stretch of L1's time. */
struct vd_blob_params {
    uint64_t from_time;
    uint32_t target; /* blobs per block */
    uint32_t max;
    uint64_t update_fraction;
};
#define VD_MAX_BLOB_PARAMS 8

#define VD_NEVER UINT64_MAX /* a fork time that never comes */

/* What consensus needs to know of a chain beyond its genesis block.  Plain data, no pointers. */
struct vd_chain_config {
    uint64_t chain_id;
    bool is_l2;
    /* Activation of the first fork that this build does not have; 0: none is announced. */
    uint64_t unknown_fork_time;
    /* L1: activation times; 0 is from genesis. */
    uint64_t cancun_time;
    uint64_t prague_time;
    struct vd_blob_params blobs[VD_MAX_BLOB_PARAMS];
    uint32_t blob_count;
    struct vd_address deposit_contract; /* EIP-6110 */
    /* L2 */
    uint64_t holocene_time;
    uint64_t isthmus_time;
    uint32_t eip1559_elasticity;         /* used while a header has zero parameters */
    uint32_t eip1559_denominator_canyon; /* the same */
};

/* Rules in force at timestamp.  NULL: a time before the oldest or after the newest fork that this
   build has (the caller reports unsupported). */
const struct vd_rules *vd_chain_rules(const struct vd_chain_config *config, uint64_t timestamp);
const struct vd_blob_params *vd_chain_blobs(const struct vd_chain_config *config,
                                            uint64_t timestamp);

/* L1 mainnet's schedule of blob parameters (Cancun 3/6/3338477, Prague 6/9/5007716) with the forks
   at the times given. */
void vd_chain_config_l1(struct vd_chain_config *config, uint64_t chain_id, uint64_t cancun_time,
                        uint64_t prague_time);

#endif
