/* Payload attributes (OP Stack specs, derivation: payload attributes derivation). */
#include "core/rollup/internal.h"
#include "viaduct/core/base/constants.h"

enum {
    EXTRA_DATA_LEN = 9,
    CANCUN_UPDATE_FRACTION = 3338477, /* EIP-4844 */
};

void
vd_epoch_read(struct vd_epoch *epoch, const struct vd_header *header, const struct vd_hash *hash)
{
    *epoch = (struct vd_epoch){
        .ref = {.hash = *hash,
                .number = header->number,
                .parent_hash = header->parent_hash,
                .timestamp = header->timestamp},
        .mix_hash = header->mix_hash,
        .base_fee = header->base_fee,
        .has_excess_blob_gas = header->has_blob_gas,
        .excess_blob_gas = header->excess_blob_gas,
    };
    if (header->has_parent_beacon_root)
        epoch->parent_beacon_root = header->parent_beacon_root;
}

/* Section 3.2.  False: the configuration has no parameters for the origin's time. */
static bool
blob_base_fee(struct vd_u256 *fee, const struct vd_rollup_config *config,
              const struct vd_epoch *epoch)
{
    *fee = vd_u256(1);
    if (!epoch->has_excess_blob_gas)
        return true;
    uint64_t fraction = CANCUN_UPDATE_FRACTION;
    if (config->pectra_blob_schedule_time == VD_NEVER ||
        epoch->ref.timestamp >= config->pectra_blob_schedule_time) {
        const struct vd_blob_params *params = vd_chain_blobs(&config->l1, epoch->ref.timestamp);
        if (params == NULL)
            return false;
        fraction = params->update_fraction;
    }
    *fee = vd_blob_base_fee(epoch->excess_blob_gas, fraction);
    return true;
}

static bool
make_l1_info(struct vd_l1_info *info, const struct vd_rollup_config *config,
             const struct vd_system_config *system, const struct vd_epoch *epoch,
             uint64_t sequence_number, uint64_t l2_time)
{
    *info = (struct vd_l1_info){
        .isthmus = l2_time >= config->l2.isthmus_time,
        .sequence_number = sequence_number,
        .timestamp = epoch->ref.timestamp,
        .number = epoch->ref.number,
        .base_fee = epoch->base_fee,
        .hash = epoch->ref.hash,
        .operator_fee_scalar = system->operator_fee_scalar,
        .operator_fee_constant = system->operator_fee_constant,
    };
    vd_system_config_scalars(system, &info->base_fee_scalar, &info->blob_base_fee_scalar);
    memcpy(info->batcher_hash.b + 12, system->batcher.b, sizeof system->batcher.b);
    return blob_base_fee(&info->blob_base_fee, config, epoch);
}

/* Section 3: the deposit that tells L2 of its origin. */
static enum vd_err
put_l1_info_tx(struct vd_slice *out, struct vd_arena *arena, const struct vd_l1_info *info)
{
    uint8_t calldata[176];
    size_t len = vd_l1_info_encode(calldata, info);
    struct vd_tx tx = {
        .type = VD_TX_DEPOSIT,
        .source_hash = vd_source_hash(VD_SOURCE_L1_ATTRIBUTES, &info->hash, info->sequence_number),
        .from = VD_L1_ATTRIBUTES_DEPOSITOR,
        .to = VD_L1_BLOCK,
        .gas_limit = VD_SYSTEM_TX_GAS,
        .data = vd_slice(calldata, len),
    };
    struct vd_buf buf;
    vd_buf_init(&buf, arena);
    vd_tx_encode(&buf, &tx);
    *out = vd_buf_view(&buf);
    return buf.err;
}

/* Whether the origin is the parent's, or its child and not younger than the block. */
static bool
origin_fits(const struct vd_l2_ref *parent, const struct vd_l1_ref *origin, uint64_t l2_time)
{
    if (l2_time < origin->timestamp)
        return false;
    if (origin->number == parent->l1_origin.number)
        return vd_hash_eq(&origin->hash, &parent->l1_origin.hash);
    return origin->number == parent->l1_origin.number + 1 &&
           vd_hash_eq(&origin->parent_hash, &parent->l1_origin.hash);
}

static void
resolve_params(struct vd_eip1559_params *params, const struct vd_rollup_config *config)
{
    if (params->denominator != 0 || params->elasticity != 0)
        return;
    params->denominator = config->l2.eip1559_denominator_canyon;
    params->elasticity = config->l2.eip1559_elasticity;
}

static bool
make_env(struct vd_block_env *env, struct vd_arena *arena, const struct vd_rollup_config *config,
         const struct vd_system_config *system, const struct vd_epoch *epoch, uint64_t l2_time)
{
    struct vd_eip1559_params params = system->eip1559;
    uint8_t *extra = vd_arena_alloc(arena, EXTRA_DATA_LEN, 1);
    if (extra == NULL)
        return false;
    resolve_params(&params, config);
    vd_holocene_extra_encode(extra, &params);
    *env = (struct vd_block_env){
        .timestamp = l2_time,
        .prev_randao = epoch->mix_hash,
        .fee_recipient = VD_SEQUENCER_FEE_VAULT,
        .gas_limit = system->gas_limit,
        .parent_beacon_root = epoch->parent_beacon_root,
        .extra_data = vd_slice(extra, EXTRA_DATA_LEN),
    };
    return true;
}

/* Section 2.3: attributes, user deposits, the batch's transactions. */
static enum vd_err
make_transactions(struct vd_attributes *out, struct vd_arena *arena, const struct vd_l1_info *info,
                  const struct vd_slice *deposits, size_t deposit_count,
                  const struct vd_slice *user, size_t user_count)
{
    size_t count = 1 + deposit_count + user_count;
    struct vd_slice *all = NULL;
    if (count <= SIZE_MAX / sizeof *all)
        all = vd_arena_alloc(arena, count * sizeof *all, _Alignof(struct vd_slice));
    if (all == NULL)
        return VD_ERR_NO_MEMORY;
    if (deposit_count != 0)
        memcpy(all + 1, deposits, deposit_count * sizeof *all);
    if (user_count != 0)
        memcpy(all + 1 + deposit_count, user, user_count * sizeof *all);
    out->transactions = all;
    out->transaction_count = count;
    out->deposit_count = 1 + deposit_count;
    return put_l1_info_tx(&all[0], arena, info);
}

enum vd_err
vd_attributes_make(struct vd_attributes *out, struct vd_arena *arena,
                   const struct vd_rollup_config *config, const struct vd_l2_ref *parent,
                   const struct vd_system_config *system, const struct vd_epoch *epoch,
                   const struct vd_slice *deposits, size_t deposit_count,
                   const struct vd_slice *user, size_t user_count)
{
    uint64_t l2_time = parent->timestamp + config->block_time_s;
    bool opens = epoch->ref.number != parent->l1_origin.number;
    struct vd_l1_info info;
    if (!origin_fits(parent, &epoch->ref, l2_time))
        return VD_ERR_MISMATCH;
    *out = (struct vd_attributes){
        .parent = *parent,
        .origin = epoch->ref,
        .sequence_number = opens ? 0 : parent->sequence_number + 1,
        .no_tx_pool = l2_time > epoch->ref.timestamp + VD_MAX_SEQUENCER_DRIFT_S,
    };
    if (vd_chain_rules(&config->l2, l2_time) == NULL ||
        !make_l1_info(&info, config, system, epoch, out->sequence_number, l2_time))
        return VD_ERR_UNSUPPORTED;
    if (!make_env(&out->env, arena, config, system, epoch, l2_time))
        return VD_ERR_NO_MEMORY;
    return make_transactions(out, arena, &info, deposits, opens ? deposit_count : 0, user,
                             user_count);
}

enum vd_err
vd_attributes_build(struct vd_attributes *out, struct vd_arena *arena,
                    const struct vd_rollup_config *config, const struct vd_l2_ref *parent,
                    const struct vd_system_config *system, const struct vd_l1_origin *origin,
                    const struct vd_slice *user, size_t user_count)
{
    struct vd_epoch epoch;
    vd_epoch_read(&epoch, origin->header, &origin->hash);
    return vd_attributes_make(out, arena, config, parent, system, &epoch, origin->deposits,
                              origin->deposit_count, user, user_count);
}

bool
vd_attributes_match(const struct vd_attributes *attributes, const struct vd_header *header,
                    const struct vd_slice *transactions, size_t count)
{
    const struct vd_block_env *env = &attributes->env;
    static const struct vd_hash zero = {{0}};
    const struct vd_hash *beacon_root =
        header->has_parent_beacon_root ? &header->parent_beacon_root : &zero;
    if (!vd_hash_eq(&header->parent_hash, &attributes->parent.hash) ||
        header->timestamp != env->timestamp || header->gas_limit != env->gas_limit ||
        !vd_hash_eq(&header->mix_hash, &env->prev_randao) ||
        !vd_address_eq(&header->beneficiary, &env->fee_recipient) ||
        !vd_slice_eq(header->extra_data, env->extra_data) ||
        !vd_hash_eq(beacon_root, &env->parent_beacon_root) ||
        count != attributes->transaction_count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!vd_slice_eq(transactions[i], attributes->transactions[i]))
            return false;
    }
    return true;
}
