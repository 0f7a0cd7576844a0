/* What fixes a block, copied and as the journal keeps it:
   parent number 8 and hash 32, timestamp 8, prevRandao 32, fee recipient 20, gas limit 8, beacon
   root 32, flags 1 (no_tx_pool), extra data length 4 and bytes, withdrawal count 4 and each index
   8, validator 8, address 20, amount 8, transaction count 4 and each length 4 and bytes. */
#include "engine_internal.h"

#include "viaduct/core/base/cursor.h"

enum vd_err
vd_plan_copy(struct vd_attributes *out, struct vd_arena *arena, const struct vd_attributes *plan)
{
    *out = *plan;
    size_t count = plan->transaction_count;
    size_t withdrawal_count = plan->env.withdrawal_count;
    struct vd_slice *txs = VD_ARENA_NEW(arena, struct vd_slice, count + 1);
    struct vd_withdrawal *withdrawals =
        VD_ARENA_NEW(arena, struct vd_withdrawal, withdrawal_count + 1);
    uint8_t *extra = vd_arena_copy(arena, plan->env.extra_data);
    if (!txs || !withdrawals || !extra) {
        return VD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        txs[i] = vd_slice(vd_arena_copy(arena, plan->transactions[i]), plan->transactions[i].len);
        if (!txs[i].ptr) {
            return VD_ERR_NO_MEMORY;
        }
    }
    if (withdrawal_count > 0) {
        memcpy(withdrawals, plan->env.withdrawals, withdrawal_count * sizeof *withdrawals);
    }
    out->transactions = txs;
    out->env.withdrawals = withdrawals;
    out->env.extra_data.ptr = extra;
    return VD_OK;
}

static void
put_hash(struct vd_buf *out, const struct vd_hash *hash)
{
    vd_buf_bytes(out, hash->b, sizeof hash->b);
}

void
vd_plan_encode(struct vd_buf *out, const struct vd_attributes *plan)
{
    const struct vd_block_env *env = &plan->env;
    vd_buf_be64(out, plan->parent.number);
    put_hash(out, &plan->parent.hash);
    vd_buf_be64(out, env->timestamp);
    put_hash(out, &env->prev_randao);
    vd_buf_bytes(out, env->fee_recipient.b, 20);
    vd_buf_be64(out, env->gas_limit);
    put_hash(out, &env->parent_beacon_root);
    vd_buf_byte(out, plan->no_tx_pool ? 1 : 0);
    vd_buf_be32(out, (uint32_t)env->extra_data.len);
    vd_buf_slice(out, env->extra_data);
    vd_buf_be32(out, (uint32_t)env->withdrawal_count);
    for (size_t i = 0; i < env->withdrawal_count; i++) {
        vd_buf_be64(out, env->withdrawals[i].index);
        vd_buf_be64(out, env->withdrawals[i].validator_index);
        vd_buf_bytes(out, env->withdrawals[i].address.b, 20);
        vd_buf_be64(out, env->withdrawals[i].amount_gwei);
    }
    vd_buf_be32(out, (uint32_t)plan->transaction_count);
    for (size_t i = 0; i < plan->transaction_count; i++) {
        vd_buf_be32(out, (uint32_t)plan->transactions[i].len);
        vd_buf_slice(out, plan->transactions[i]);
    }
}

static enum vd_err
read_withdrawals(struct vd_cursor *cur, struct vd_attributes *out, struct vd_arena *arena)
{
    size_t count = vd_cursor_be32(cur);
    if (cur->failed || count > vd_cursor_left(cur) / 44) {
        return VD_ERR_CORRUPT;
    }
    struct vd_withdrawal *list = VD_ARENA_NEW(arena, struct vd_withdrawal, count + 1);
    if (!list) {
        return VD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        list[i].index = vd_cursor_be64(cur);
        list[i].validator_index = vd_cursor_be64(cur);
        list[i].address = vd_cursor_address(cur);
        list[i].amount_gwei = vd_cursor_be64(cur);
    }
    out->env.withdrawals = list;
    out->env.withdrawal_count = count;
    return VD_OK;
}

static enum vd_err
read_transactions(struct vd_cursor *cur, struct vd_attributes *out, struct vd_arena *arena)
{
    size_t count = vd_cursor_be32(cur);
    if (cur->failed || count > vd_cursor_left(cur) / 4) {
        return VD_ERR_CORRUPT;
    }
    struct vd_slice *list = VD_ARENA_NEW(arena, struct vd_slice, count + 1);
    if (!list) {
        return VD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        size_t len = vd_cursor_be32(cur);
        list[i] = vd_cursor_take(cur, len);
    }
    out->transactions = list;
    out->transaction_count = count;
    return VD_OK;
}

enum vd_err
vd_plan_decode(struct vd_attributes *out, struct vd_arena *arena, struct vd_slice bytes)
{
    struct vd_cursor cur = vd_cursor(bytes);
    *out = (struct vd_attributes){0};
    out->parent.number = vd_cursor_be64(&cur);
    out->parent.hash = vd_cursor_hash(&cur);
    out->env.timestamp = vd_cursor_be64(&cur);
    out->env.prev_randao = vd_cursor_hash(&cur);
    out->env.fee_recipient = vd_cursor_address(&cur);
    out->env.gas_limit = vd_cursor_be64(&cur);
    out->env.parent_beacon_root = vd_cursor_hash(&cur);
    out->no_tx_pool = vd_cursor_u8(&cur) != 0;
    size_t extra = vd_cursor_be32(&cur);
    out->env.extra_data = vd_cursor_take(&cur, extra);
    enum vd_err err = read_withdrawals(&cur, out, arena);
    if (err == VD_OK) {
        err = read_transactions(&cur, out, arena);
    }
    if (err != VD_OK) {
        return err;
    }
    return cur.failed || vd_cursor_left(&cur) != 0 ? VD_ERR_CORRUPT : VD_OK;
}
