/* The configuration as bytes: what the prestate of the fault-proof program commits to.

   version 1 | every field in the order of struct vd_rollup_config, integers big-endian, lists
   behind their count.  One value has one encoding, so equal prestates mean equal configurations. */
#include "viaduct/core/base/cursor.h"
#include "viaduct/core/rollup/config.h"

#define VERSION 1u

/* --- writing --- */

struct out {
    uint8_t *at;
};

static void
put(struct out *o, const void *bytes, size_t len)
{
    memcpy(o->at, bytes, len);
    o->at += len;
}

static void
put_u32(struct out *o, uint32_t value)
{
    vd_store_be32(o->at, value);
    o->at += 4;
}

static void
put_u64(struct out *o, uint64_t value)
{
    vd_store_be64(o->at, value);
    o->at += 8;
}

static void
put_system(struct out *o, const struct vd_system_config *s)
{
    put(o, s->batcher.b, sizeof s->batcher.b);
    put(o, s->scalar, sizeof s->scalar);
    put_u64(o, s->gas_limit);
    put_u32(o, s->eip1559.denominator);
    put_u32(o, s->eip1559.elasticity);
    put_u32(o, s->operator_fee_scalar);
    put_u64(o, s->operator_fee_constant);
}

static void
put_chain(struct out *o, const struct vd_chain_config *c)
{
    put_u64(o, c->chain_id);
    *o->at++ = c->is_l2;
    put_u64(o, c->unknown_fork_time);
    put_u64(o, c->cancun_time);
    put_u64(o, c->prague_time);
    put_u32(o, c->blob_count);
    for (uint32_t i = 0; i < c->blob_count; i++) {
        put_u64(o, c->blobs[i].from_time);
        put_u32(o, c->blobs[i].target);
        put_u32(o, c->blobs[i].max);
        put_u64(o, c->blobs[i].update_fraction);
    }
    put(o, c->deposit_contract.b, sizeof c->deposit_contract.b);
    put_u64(o, c->holocene_time);
    put_u64(o, c->isthmus_time);
    put_u32(o, c->eip1559_elasticity);
    put_u32(o, c->eip1559_denominator_canyon);
}

static void
put_id(struct out *o, const struct vd_block_id *id)
{
    put(o, id->hash.b, sizeof id->hash.b);
    put_u64(o, id->number);
}

size_t
vd_rollup_config_encode(uint8_t out[VD_CONFIG_MAX_BYTES], const struct vd_rollup_config *c)
{
    struct out o = {.at = out};
    VD_ASSERT(c->l1.blob_count <= VD_MAX_BLOB_PARAMS && c->l2.blob_count <= VD_MAX_BLOB_PARAMS);
    *o.at++ = VERSION;
    put_id(&o, &c->genesis_l1);
    put_id(&o, &c->genesis_l2);
    put_u64(&o, c->genesis_l2_time);
    put_system(&o, &c->genesis_system_config);
    put_u64(&o, c->block_time_s);
    put_u64(&o, c->max_sequencer_drift_s);
    put_u64(&o, c->seq_window_size);
    put_u64(&o, c->channel_timeout);
    put_u64(&o, c->l1_chain_id);
    put(&o, c->batch_inbox.b, sizeof c->batch_inbox.b);
    put(&o, c->deposit_contract.b, sizeof c->deposit_contract.b);
    put(&o, c->l1_system_config.b, sizeof c->l1_system_config.b);
    put(&o, c->protocol_versions.b, sizeof c->protocol_versions.b);
    put_chain(&o, &c->l2);
    put_chain(&o, &c->l1);
    put_u64(&o, c->pectra_blob_schedule_time);
    return (size_t)(o.at - out);
}

/* --- reading --- */

static void
take(struct vd_cursor *cur, void *out, size_t len)
{
    struct vd_slice bytes = vd_cursor_take(cur, len);
    if (bytes.len == len)
        memcpy(out, bytes.ptr, len);
}

static void
take_system(struct vd_cursor *cur, struct vd_system_config *s)
{
    s->batcher = vd_cursor_address(cur);
    take(cur, s->scalar, sizeof s->scalar);
    s->gas_limit = vd_cursor_be64(cur);
    s->eip1559.denominator = vd_cursor_be32(cur);
    s->eip1559.elasticity = vd_cursor_be32(cur);
    s->operator_fee_scalar = vd_cursor_be32(cur);
    s->operator_fee_constant = vd_cursor_be64(cur);
}

static void
take_chain(struct vd_cursor *cur, struct vd_chain_config *c)
{
    c->chain_id = vd_cursor_be64(cur);
    uint8_t is_l2 = vd_cursor_u8(cur);
    cur->failed = cur->failed || is_l2 > 1;
    c->is_l2 = is_l2 == 1;
    c->unknown_fork_time = vd_cursor_be64(cur);
    c->cancun_time = vd_cursor_be64(cur);
    c->prague_time = vd_cursor_be64(cur);
    c->blob_count = vd_cursor_be32(cur);
    if (c->blob_count > VD_MAX_BLOB_PARAMS) {
        cur->failed = true;
        c->blob_count = 0;
    }
    for (uint32_t i = 0; i < c->blob_count; i++) {
        c->blobs[i].from_time = vd_cursor_be64(cur);
        c->blobs[i].target = vd_cursor_be32(cur);
        c->blobs[i].max = vd_cursor_be32(cur);
        c->blobs[i].update_fraction = vd_cursor_be64(cur);
    }
    c->deposit_contract = vd_cursor_address(cur);
    c->holocene_time = vd_cursor_be64(cur);
    c->isthmus_time = vd_cursor_be64(cur);
    c->eip1559_elasticity = vd_cursor_be32(cur);
    c->eip1559_denominator_canyon = vd_cursor_be32(cur);
}

static void
take_id(struct vd_cursor *cur, struct vd_block_id *id)
{
    id->hash = vd_cursor_hash(cur);
    id->number = vd_cursor_be64(cur);
}

enum vd_err
vd_rollup_config_decode(struct vd_rollup_config *c, struct vd_slice bytes)
{
    struct vd_cursor cur = vd_cursor(bytes);
    *c = (struct vd_rollup_config){0};
    if (vd_cursor_u8(&cur) != VERSION)
        return VD_ERR_INVALID;
    take_id(&cur, &c->genesis_l1);
    take_id(&cur, &c->genesis_l2);
    c->genesis_l2_time = vd_cursor_be64(&cur);
    take_system(&cur, &c->genesis_system_config);
    c->block_time_s = vd_cursor_be64(&cur);
    c->max_sequencer_drift_s = vd_cursor_be64(&cur);
    c->seq_window_size = vd_cursor_be64(&cur);
    c->channel_timeout = vd_cursor_be64(&cur);
    c->l1_chain_id = vd_cursor_be64(&cur);
    c->batch_inbox = vd_cursor_address(&cur);
    c->deposit_contract = vd_cursor_address(&cur);
    c->l1_system_config = vd_cursor_address(&cur);
    c->protocol_versions = vd_cursor_address(&cur);
    take_chain(&cur, &c->l2);
    take_chain(&cur, &c->l1);
    c->pectra_blob_schedule_time = vd_cursor_be64(&cur);
    return cur.failed || vd_cursor_left(&cur) != 0 ? VD_ERR_INVALID : VD_OK;
}
