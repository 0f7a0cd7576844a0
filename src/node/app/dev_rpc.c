#include "dev_rpc.h"

#include <stdlib.h>
#include <string.h>

/* The first parameter: a quantity, or a plain number as anvil's clients also send.  With optional
   an absent one leaves *out alone. */
static const struct vd_rpc_done *
read_number(struct vd_rpc_call *call, uint64_t *out, bool optional)
{
    const json_t *value = NULL;
    const struct vd_rpc_done *bad = optional ? vd_rpc_params(call, VD_PARAM_JSON_OPT(&value))
                                             : vd_rpc_params(call, VD_PARAM_JSON(&value));
    if (bad || !value) {
        return bad;
    }
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (uint64_t)json_integer_value(value);
        return NULL;
    }
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    char *end = NULL;
    *out = strtoull(text, &end, 16);
    if (strncmp(text, "0x", 2) != 0 || strlen(text) < 3 || strlen(text) > 18 || *end != '\0') {
        return vd_rpc_bad_argument(call, 0, "give a number or 0x-hex of at most 64 bits");
    }
    return NULL;
}

/* Blocks of one call: each is a commit of the database. */
#define MAX_MINE 1000u

static void
on_done(void *ctx, enum vd_err err, const char *why, uint64_t value)
{
    (void)value;
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
    const struct vd_rpc_done *bad = read_number(call, &blocks, true);
    if (bad) {
        return bad;
    }
    if (blocks > MAX_MINE) {
        return vd_rpc_bad_argument(call, 0, "at most 1000 blocks a call");
    }
    vd_devchain_mine(ctx, blocks, on_done, call);
    return vd_rpc_pending(call);
}

static const struct vd_rpc_done *
increase_time(struct vd_rpc_call *call, void *ctx)
{
    uint64_t seconds = 0;
    const struct vd_rpc_done *bad = read_number(call, &seconds, false);
    if (bad) {
        return bad;
    }
    if (seconds > (uint64_t)1 << 32) {
        return vd_rpc_bad_argument(call, 0, "at most 2^32 seconds a call");
    }
    vd_devchain_increase_time(ctx, seconds, on_done, call);
    return vd_rpc_pending(call);
}

static const struct vd_rpc_done *
reorg(struct vd_rpc_call *call, void *ctx)
{
    uint64_t depth = 0;
    const struct vd_rpc_done *bad = read_number(call, &depth, false);
    if (bad) {
        return bad;
    }
    vd_devchain_reorg(ctx, depth, on_done, call);
    return vd_rpc_pending(call);
}

static void
on_snapshot(void *ctx, enum vd_err err, const char *why, uint64_t value)
{
    struct vd_rpc_call *call = ctx;
    if (err == VD_OK) {
        (void)vd_rpc_reply_quantity(call, value);
    } else {
        (void)vd_rpc_error(call, VD_RPC_SERVER_ERROR, "%s", why);
    }
}

static const struct vd_rpc_done *
snapshot(struct vd_rpc_call *call, void *ctx)
{
    vd_devchain_snapshot(ctx, on_snapshot, call);
    return vd_rpc_pending(call);
}

/* As anvil: false for a snapshot that is not there. */
static void
on_revert(void *ctx, enum vd_err err, const char *why, uint64_t value)
{
    struct vd_rpc_call *call = ctx;
    (void)value;
    if (err == VD_OK || err == VD_ERR_NOT_FOUND) {
        (void)vd_rpc_reply_bool(call, err == VD_OK);
    } else {
        (void)vd_rpc_error(call, VD_RPC_SERVER_ERROR, "%s", why);
    }
}

static const struct vd_rpc_done *
revert(struct vd_rpc_call *call, void *ctx)
{
    uint64_t id = 0;
    const struct vd_rpc_done *bad = read_number(call, &id, false);
    if (bad) {
        return bad;
    }
    vd_devchain_revert(ctx, id, on_revert, call);
    return vd_rpc_pending(call);
}

const struct vd_rpc_method vd_dev_methods[] = {
    {"evm_mine", mine, VD_RPC_LOOP},
    {"anvil_mine", mine, VD_RPC_LOOP},
    {"evm_increaseTime", increase_time, VD_RPC_LOOP},
    {"anvil_reorg", reorg, VD_RPC_LOOP},
    {"evm_snapshot", snapshot, VD_RPC_LOOP},
    {"evm_revert", revert, VD_RPC_LOOP},
};
const size_t vd_dev_method_count = sizeof vd_dev_methods / sizeof vd_dev_methods[0];
