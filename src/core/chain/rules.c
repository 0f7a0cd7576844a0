#include "viaduct/core/chain/rules.h"

static const struct vd_rules CANCUN = {
    .name = "Cancun",
    .revision = VD_EVM_CANCUN,
    .blob_tx = true,
    .beacon_root_contract = true,
};

static const struct vd_rules PRAGUE = {
    .name = "Prague",
    .revision = VD_EVM_PRAGUE,
    .calldata_floor = true,
    .set_code_tx = true,
    .blob_tx = true,
    .block_hash_contract = true,
    .beacon_root_contract = true,
    .execution_requests = true,
    .requests_hash = true,
};

static const struct vd_rules HOLOCENE = {
    .name = "Holocene",
    .revision = VD_EVM_CANCUN,
    .is_l2 = true,
    .beacon_root_contract = true,
};

static const struct vd_rules ISTHMUS = {
    .name = "Isthmus",
    .revision = VD_EVM_PRAGUE,
    .is_l2 = true,
    .calldata_floor = true,
    .set_code_tx = true,
    .block_hash_contract = true,
    .beacon_root_contract = true,
    .requests_hash = true,
    .operator_fee = true,
    .withdrawals_root_is_storage = true,
};

static bool
same_text(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const struct vd_rules *
vd_rules_find(const char *name)
{
    static const struct vd_rules *const rows[] = {&CANCUN, &PRAGUE, &HOLOCENE, &ISTHMUS};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (same_text(rows[i]->name, name))
            return rows[i];
    }
    return NULL;
}

const struct vd_rules *
vd_chain_rules(const struct vd_chain_config *config, uint64_t timestamp)
{
    if (config->unknown_fork_time != 0 && timestamp >= config->unknown_fork_time)
        return NULL;
    uint64_t newer = config->is_l2 ? config->isthmus_time : config->prague_time;
    uint64_t older = config->is_l2 ? config->holocene_time : config->cancun_time;
    if (timestamp >= newer && newer != VD_NEVER)
        return config->is_l2 ? &ISTHMUS : &PRAGUE;
    if (timestamp >= older && older != VD_NEVER)
        return config->is_l2 ? &HOLOCENE : &CANCUN;
    return NULL;
}

const struct vd_blob_params *
vd_chain_blobs(const struct vd_chain_config *config, uint64_t timestamp)
{
    const struct vd_blob_params *found = NULL;
    for (uint32_t i = 0; i < config->blob_count; i++) {
        const struct vd_blob_params *row = &config->blobs[i];
        if (timestamp >= row->from_time && (found == NULL || row->from_time >= found->from_time))
            found = row;
    }
    return found;
}

void
vd_chain_config_l1(struct vd_chain_config *config, uint64_t chain_id, uint64_t cancun_time,
                   uint64_t prague_time)
{
    /* EIP-6110: the mainnet deposit contract. */
    static const struct vd_address deposit_contract = {{0x00, 0x00, 0x00, 0x00, 0x21, 0x9a, 0xb5,
                                                        0x40, 0x35, 0x6c, 0xbb, 0x83, 0x9c, 0xbe,
                                                        0x05, 0x30, 0x3d, 0x77, 0x05, 0xfa}};
    *config = (struct vd_chain_config){
        .chain_id = chain_id,
        .cancun_time = cancun_time,
        .prague_time = prague_time,
        .holocene_time = VD_NEVER,
        .isthmus_time = VD_NEVER,
        .deposit_contract = deposit_contract,
        .blob_count = 2,
    };
    /* EIP-4844 and EIP-7691. */
    config->blobs[0] = (struct vd_blob_params){cancun_time, 3, 6, 3338477};
    config->blobs[1] = (struct vd_blob_params){prague_time, 6, 9, 5007716};
}
