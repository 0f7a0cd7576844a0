/* net_, web3_, and those of eth_ that say what this node is. */
#include <inttypes.h>
#include <stdio.h>

#include "rpc_internal.h"
#include "viaduct/core/crypto/keccak.h"

static vd_done *
eth_chain_id(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_api *api = ctx;
    vd_done *bad = vd_rpc_no_params(call);
    return bad != NULL ? bad : vd_rpc_reply_quantity(call, api->chain->chain_id);
}

/* The chain that this node has is all that it knows of: there is no other peer to catch up with
   here, and how far derivation is behind L1 is optimism_syncStatus's to say. */
static vd_done *
eth_syncing(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    vd_done *bad = vd_rpc_no_params(call);
    return bad != NULL ? bad : vd_rpc_reply_bool(call, false);
}

/* The node holds no keys for users. */
static vd_done *
eth_accounts(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    vd_done *bad = vd_rpc_no_params(call);
    if (bad != NULL)
        return bad;
    struct vd_json *j = vd_rpc_result(call);
    vd_json_array_begin(j);
    vd_json_array_end(j);
    return vd_rpc_reply(call);
}

static vd_done *
net_version(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_api *api = ctx;
    char text[24];
    vd_done *bad = vd_rpc_no_params(call);
    if (bad != NULL)
        return bad;
    snprintf(text, sizeof text, "%" PRIu64, api->chain->chain_id);
    return vd_rpc_reply_string(call, text);
}

static vd_done *
net_listening(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    vd_done *bad = vd_rpc_no_params(call);
    return bad != NULL ? bad : vd_rpc_reply_bool(call, true);
}

static vd_done *
net_peer_count(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    vd_done *bad = vd_rpc_no_params(call);
    return bad != NULL ? bad : vd_rpc_reply_quantity(call, 0);
}

static vd_done *
web3_client_version(struct vd_rpc_call *call, void *ctx)
{
    struct vd_rpc_api *api = ctx;
    vd_done *bad = vd_rpc_no_params(call);
    return bad != NULL ? bad : vd_rpc_reply_string(call, api->client_version);
}

static vd_done *
web3_sha3(struct vd_rpc_call *call, void *ctx)
{
    (void)ctx;
    struct vd_slice bytes;
    vd_done *bad = vd_rpc_params(call, VD_PARAM_DATA(&bytes));
    if (bad != NULL)
        return bad;
    struct vd_hash hash = vd_keccak256(bytes);
    return vd_rpc_reply_hash(call, &hash);
}

static const struct vd_rpc_method METHODS[] = {
    {"eth_chainId", eth_chain_id, VD_RPC_LOOP},
    {"eth_syncing", eth_syncing, VD_RPC_LOOP},
    {"eth_accounts", eth_accounts, VD_RPC_LOOP},
    {"net_version", net_version, VD_RPC_LOOP},
    {"net_listening", net_listening, VD_RPC_LOOP},
    {"net_peerCount", net_peer_count, VD_RPC_LOOP},
    {"web3_clientVersion", web3_client_version, VD_RPC_LOOP},
    {"web3_sha3", web3_sha3, VD_RPC_POOL},
};
const struct vd_method_table VD_NET_METHODS = {METHODS, VD_COUNT_OF(METHODS)};
