#include "dev_rpc.h"

/* Blocks of one call: each is a commit of the database. */
#define MAX_MINE 1000u

static void
on_done(void *ctx, enum vd_err err, const char *why)
{
    struct vd_rpc_call *call = ctx;
    if (err == VD_OK) {
        (void)vd_rpc_reply_string(call, "0x0");
    } else {
        (void)vd_rpc_error(call, VD_RPC_SERVER_ERROR, "%s", why);
    }
}

static const struct vd_rpc_done *
mine(struct vd_rpc_call *call, void *ctx)
{
    uint64_t blocks = 1;
    bool present = false;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_U64_OPT(&blocks, &present));
    if (bad) {
        return bad;
    }
    if (!present) {
        blocks = 1;
    }
    if (blocks > MAX_MINE) {
        return vd_rpc_bad_argument(call, 0, "at most 1000 blocks a call");
    }
    vd_devchain_mine(ctx, blocks, on_done, call);
    return vd_rpc_pending(call);
}

static void
on_time(void *ctx, enum vd_err err, const char *why)
{
    on_done(ctx, err, why);
}

static const struct vd_rpc_done *
increase_time(struct vd_rpc_call *call, void *ctx)
{
    uint64_t seconds = 0;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_U64(&seconds));
    if (bad) {
        return bad;
    }
    if (seconds > (uint64_t)1 << 32) {
        return vd_rpc_bad_argument(call, 0, "at most 2^32 seconds a call");
    }
    vd_devchain_increase_time(ctx, seconds, on_time, call);
    return vd_rpc_pending(call);
}

static const struct vd_rpc_done *
reorg(struct vd_rpc_call *call, void *ctx)
{
    uint64_t depth = 0;
    const struct vd_rpc_done *bad = vd_rpc_params(call, VD_PARAM_U64(&depth));
    if (bad) {
        return bad;
    }
    vd_devchain_reorg(ctx, depth, on_done, call);
    return vd_rpc_pending(call);
}

const struct vd_rpc_method vd_dev_methods[] = {
    {"evm_mine", mine, VD_RPC_LOOP},
    {"anvil_mine", mine, VD_RPC_LOOP},
    {"evm_increaseTime", increase_time, VD_RPC_LOOP},
    {"anvil_reorg", reorg, VD_RPC_LOOP},
};
const size_t vd_dev_method_count = sizeof vd_dev_methods / sizeof vd_dev_methods[0];
