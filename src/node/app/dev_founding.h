/* The chain of `viaduct dev`, and of the drill on another L1: who its roles are, and what it is
   founded with.  Its accounts are the ten of the public mnemonic, so its keys are nobody's secret.
 */
#ifndef VIADUCT_NODE_APP_DEV_FOUNDING_H
#define VIADUCT_NODE_APP_DEV_FOUNDING_H

#include "founding.h"

#define VD_DEV_L1_CHAIN 900u
#define VD_DEV_L2_CHAIN 901u

/* Accounts with a role, by their index. */
enum {
    VD_DEV_USER = 0,       /* of the drill */
    VD_DEV_DISHONEST = 5,  /* of the drill */
    VD_DEV_CHALLENGER = 6, /* disputes false outputs */
    VD_DEV_OWNER = 7,      /* deploys, owns and guards the contracts */
    VD_DEV_PROPOSER = 8,
    VD_DEV_BATCHER = 9,
};

/* 10,000 ETH for each of the ten. */
void vd_dev_fund(struct vd_genesis_account accounts[VD_DEV_ACCOUNTS]);

/* Everything that the founder decides, for the embedded L1.  What it points to is in the arena,
   which has room. */
void vd_dev_founding(struct vd_founding *founding, struct vd_arena *arena);

#endif
