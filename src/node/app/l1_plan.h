/* The plan of a deployment: every contract of a chain on its L1, with the transactions that bring
   it there and what can be read of it afterwards.

   One table of contracts (l1_plan.c) drives the addresses, the steps, the read-back and the
   addresses file, for `viaduct deploy` and `viaduct dev` alike.  Everything is created by CREATE2
   through the deterministic deployer, so each address is known before the first transaction and a
   step that was done can be recognised on L1.  A plan is a pure function of the founder's file, the
   deployer's address, the contracts of this build and, for its last part, of the output root of
   the L2 genesis and of the prestate. */
#ifndef VIADUCT_NODE_APP_L1_PLAN_H
#define VIADUCT_NODE_APP_L1_PLAN_H

#include "founding.h"

enum vd_phase {
    VD_PHASE_CONTRACTS, /* creations, in any order */
    VD_PHASE_SETTINGS,  /* initialisation, one after the other */
    VD_PHASE_FINISH,    /* after the L2 genesis: the anchor, the game, the handover, in order */
};

/* Something to read on L1: a storage word, or the answer of a call. */
struct vd_l1_read {
    struct vd_address contract;
    bool is_slot;
    struct vd_hash slot;
    struct vd_slice call;
};

struct vd_step {
    const char *name; /* without spaces */
    enum vd_phase phase;
    bool creates;
    struct vd_address subject; /* the contract that is made or changed */
    /* The transaction. */
    struct vd_address to;
    struct vd_slice data;
    uint64_t gas_bound; /* it never needs more */
    /* Not for creations, which are done when the subject has code: the step is to do while read
       gives before, done once it gives after, and in conflict with anything else. */
    struct vd_l1_read read;
    struct vd_hash before;
    struct vd_hash after;
};

/* One fact of the finished deployment. */
struct vd_l1_check {
    const char *contract; /* names for messages */
    const char *what;
    struct vd_l1_read read;
    struct vd_slice expected;
};

/* The code that stands at an address.  Where the runtime code has immutables, which the artifact
   holds as zeros, those bytes are not compared; the address, which commits to creation code and
   arguments, binds them. */
struct vd_l1_code_check {
    const char *contract;
    struct vd_address address;
    struct vd_slice code;
    bool immutables;
};

#define VD_PLAN_MAX_STEPS 48u
#define VD_PLAN_MAX_CHECKS 128u
#define VD_PLAN_MAX_CODES 32u

struct vd_l1_plan {
    struct vd_arena *arena;
    const struct vd_founding *founding; /* borrowed */
    struct vd_address deployer;
    struct vd_addresses at;
    /* Of everything but anchor and prestate: the same for the same deployment. */
    struct vd_hash digest;
    struct vd_step steps[VD_PLAN_MAX_STEPS];
    size_t step_count;
    struct vd_l1_check checks[VD_PLAN_MAX_CHECKS];
    size_t check_count;
    struct vd_l1_code_check codes[VD_PLAN_MAX_CODES];
    size_t code_count;
    const char *missing; /* a contract that this build lacks */
};

/* vd_l1_plan_make computes the plan.  has_multicall: L1 has Multicall3 at its usual address, else
   one is deployed.  founding and arena outlive the plan.  False: error says what is wrong. */
bool vd_l1_plan_make(struct vd_l1_plan *plan, struct vd_arena *arena,
                     const struct vd_founding *founding, const struct vd_address *deployer,
                     bool has_multicall, char *error, size_t error_len);

/* What is known once the rollup's configuration is, given once: the output root of the L2 genesis,
   which the anchor begins with, and the prestate (vd_founding_prestate), which is part of the
   game's code.  Fills the steps of both and plan->at.fault_dispute_game; until then their subjects
   are zero and they hold no transaction. */
void vd_l1_plan_set_anchor(struct vd_l1_plan *plan, const struct vd_hash *output_root,
                           const struct vd_hash *prestate);

/* The deterministic deployer: its code, and the transaction that creates it on any L1 that takes
   transactions without a chain id (EIP-155), signed by nobody's key, with what its sender must
   hold. */
extern const uint8_t vd_deployer_code[69];
struct vd_slice vd_deployer_transaction(void);
extern const struct vd_address vd_deployer_sender;
#define VD_DEPLOYER_FUNDS 10000000000000000u /* wei: 100,000 gas at 100 gwei */

#endif
