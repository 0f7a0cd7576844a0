#include "core/rollup/internal.h"

struct demand {
    bool met;
    const char *reason;
};

static bool
is_zero_address(const struct vd_address *address)
{
    static const struct vd_address zero = {{0}};
    return vd_address_eq(address, &zero);
}

static const char *
first_unmet(const struct demand *demands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!demands[i].met)
            return demands[i].reason;
    }
    return NULL;
}

static const char *
malformed(const struct vd_rollup_config *c)
{
    const struct demand demands[] = {
        {c->block_time_s != 0, "block_time is 0"},
        /* The time of the last of VD_BATCH_MAX_ITEMS blocks fits 64 bits. */
        {c->block_time_s <= UINT32_MAX, "block_time does not fit 32 bits"},
        {c->seq_window_size >= 2, "seq_window_size is below 2"},
        {c->l1_chain_id != 0, "l1_chain_id is 0"},
        {c->l2.chain_id != 0, "l2_chain_id is 0"},
        {c->l1_chain_id != c->l2.chain_id, "l1_chain_id and l2_chain_id are the same"},
        {!is_zero_address(&c->batch_inbox), "batch_inbox_address is zero"},
        {!is_zero_address(&c->deposit_contract), "deposit_contract_address is zero"},
        {c->l2.is_l2 && !c->l1.is_l2, "the chains' configurations are swapped"},
        {c->l2.eip1559_elasticity != 0, "chain_op_config: eip1559Elasticity is 0"},
        {c->l2.eip1559_denominator_canyon != 0, "chain_op_config: eip1559DenominatorCanyon is 0"},
        {c->genesis_system_config.scalar[0] <= 1, "system_config: unknown version of the scalar"},
        {c->genesis_system_config.gas_limit != 0, "system_config: gasLimit is 0"},
    };
    return first_unmet(demands, sizeof demands / sizeof *demands);
}

static const char *
unsupported(const struct vd_rollup_config *c)
{
    const struct vd_chain_config *l2 = &c->l2;
    const struct demand demands[] = {
        {l2->holocene_time <= c->genesis_l2_time, "holocene_time is after genesis"},
        {l2->isthmus_time <= c->genesis_l2_time || l2->isthmus_time == VD_NEVER,
         "isthmus_time is after genesis"},
        {vd_chain_rules(l2, c->genesis_l2_time) != NULL, "an unknown fork is active at genesis"},
    };
    return first_unmet(demands, sizeof demands / sizeof *demands);
}

enum vd_err
vd_rollup_config_check(const struct vd_rollup_config *config, const char **reason)
{
    *reason = malformed(config);
    if (*reason != NULL)
        return VD_ERR_INVALID;
    *reason = unsupported(config);
    return *reason != NULL ? VD_ERR_UNSUPPORTED : VD_OK;
}

uint64_t
vd_l2_time(const struct vd_rollup_config *config, uint64_t number)
{
    return config->genesis_l2_time + (number - config->genesis_l2.number) * config->block_time_s;
}

static enum vd_err
read_first_tx(struct vd_l1_info *info, struct vd_slice first_tx, struct vd_arena *scratch)
{
    struct vd_tx tx;
    size_t mark = vd_arena_mark(scratch);
    enum vd_err err = vd_tx_decode(&tx, NULL, scratch, first_tx);
    if (err == VD_OK)
        err = tx.type == VD_TX_DEPOSIT ? vd_l1_info_decode(info, tx.data) : VD_ERR_INVALID;
    vd_arena_rewind(scratch, mark);
    return err == VD_ERR_UNSUPPORTED ? VD_ERR_INVALID : err;
}

/* Sets *genesis when the header is the chain's first. VD_ERR_INVALID: another chain's. */
static enum vd_err
check_genesis(bool *genesis, const struct vd_rollup_config *config, const struct vd_header *header,
              const struct vd_hash *hash)
{
    *genesis = header->number == config->genesis_l2.number;
    if (header->number < config->genesis_l2.number)
        return VD_ERR_INVALID;
    return *genesis && !vd_hash_eq(hash, &config->genesis_l2.hash) ? VD_ERR_INVALID : VD_OK;
}

enum vd_err
vd_l2_ref_read(struct vd_l2_ref *ref, const struct vd_rollup_config *config,
               const struct vd_header *header, const struct vd_hash *hash, struct vd_slice first_tx,
               struct vd_arena *scratch)
{
    bool genesis;
    enum vd_err err = check_genesis(&genesis, config, header, hash);
    if (err != VD_OK)
        return err;
    *ref = (struct vd_l2_ref){.hash = *hash,
                              .number = header->number,
                              .parent_hash = header->parent_hash,
                              .timestamp = header->timestamp,
                              .l1_origin = config->genesis_l1};
    if (genesis)
        return VD_OK;
    struct vd_l1_info info;
    err = read_first_tx(&info, first_tx, scratch);
    if (err != VD_OK)
        return err;
    ref->l1_origin = (struct vd_block_id){.hash = info.hash, .number = info.number};
    ref->sequence_number = info.sequence_number;
    return VD_OK;
}

enum vd_err
vd_system_config_read(struct vd_system_config *out, const struct vd_rollup_config *config,
                      const struct vd_header *header, const struct vd_hash *hash,
                      struct vd_slice first_tx, struct vd_arena *scratch)
{
    bool genesis;
    struct vd_l1_info info;
    enum vd_err err = check_genesis(&genesis, config, header, hash);
    if (err != VD_OK)
        return err;
    *out = config->genesis_system_config;
    if (genesis)
        return VD_OK;
    err = read_first_tx(&info, first_tx, scratch);
    if (err != VD_OK)
        return err;
    memset(out, 0, sizeof *out);
    memcpy(out->batcher.b, info.batcher_hash.b + 12, sizeof out->batcher.b);
    out->scalar[0] = 1;
    vd_store_be32(out->scalar + 24, info.blob_base_fee_scalar);
    vd_store_be32(out->scalar + 28, info.base_fee_scalar);
    out->gas_limit = header->gas_limit;
    out->operator_fee_scalar = info.operator_fee_scalar;
    out->operator_fee_constant = info.operator_fee_constant;
    return vd_holocene_extra_decode(&out->eip1559, header->extra_data);
}
