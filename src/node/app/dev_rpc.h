/* The embedded L1's controls over JSON-RPC, in anvil's spelling. */
#ifndef VIADUCT_NODE_APP_DEV_RPC_H
#define VIADUCT_NODE_APP_DEV_RPC_H

#include "viaduct/node/devchain/devchain.h"
#include "viaduct/node/net/jsonrpc.h"

/* evm_mine [blocks], anvil_mine [blocks], evm_increaseTime seconds, anvil_reorg depth,
   evm_snapshot, evm_revert id; their context is a struct vd_devchain *. */
extern const struct vd_rpc_method vd_dev_methods[];
extern const size_t vd_dev_method_count;

#endif
