/* ConfigUpdate(uint256 indexed version, uint8 indexed updateType, bytes data) logs of L1's
   SystemConfig (OP Stack specs, system config). */
#include "core/rollup/internal.h"
#include "viaduct/core/base/constants.h"

static bool
all_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= p[i];
    return any == 0;
}

/* A word that is a number of up to 64 bits. */
static bool
read_u64_word(uint64_t *value, const uint8_t *word)
{
    *value = vd_load_be64(word + 24);
    return all_zero(word, 24);
}

/* ABI: word 32, word length, payload, and nothing else.  All payloads are whole words. */
static const uint8_t *
read_payload(struct vd_slice data, size_t len)
{
    uint64_t offset;
    uint64_t length;
    if (data.len != 64 + len || !read_u64_word(&offset, data.ptr) ||
        !read_u64_word(&length, data.ptr + 32))
        return NULL;
    return offset == 32 && length == len ? data.ptr + 64 : NULL;
}

/* Section 3.3: version 0 or 1, with zeros where they have none of their own bytes. */
static bool
is_valid_scalar(const uint8_t scalar[32])
{
    return (scalar[0] == 0 && all_zero(scalar + 1, 27)) ||
           (scalar[0] == 1 && all_zero(scalar + 1, 23));
}

static bool
set_batcher(struct vd_system_config *values, const uint8_t *word)
{
    memcpy(values->batcher.b, word + 12, sizeof values->batcher.b);
    return all_zero(word, 12);
}

static bool
set_fee_scalars(struct vd_system_config *values, const uint8_t *words)
{
    /* The first word is the overhead, of no meaning since Ecotone. */
    memcpy(values->scalar, words + 32, sizeof values->scalar);
    return is_valid_scalar(values->scalar);
}

static bool
set_eip1559_params(struct vd_system_config *values, const uint8_t *word)
{
    values->eip1559.denominator = vd_load_be32(word + 24);
    values->eip1559.elasticity = vd_load_be32(word + 28);
    return true;
}

static bool
set_operator_fee(struct vd_system_config *values, const uint8_t *word)
{
    values->operator_fee_scalar = vd_load_be32(word + 20);
    values->operator_fee_constant = vd_load_be64(word + 24);
    return true;
}

/* False: the payload does not parse, and values are as they were. */
static bool
set_value(struct vd_system_config *values, uint64_t type, struct vd_slice data)
{
    struct vd_system_config next = *values;
    const uint8_t *payload = read_payload(data, type == VD_CONFIG_UPDATE_FEE_SCALARS ? 64 : 32);
    bool ok = false;
    if (payload == NULL)
        return false;
    switch (type) {
    case VD_CONFIG_UPDATE_BATCHER:
        ok = set_batcher(&next, payload);
        break;
    case VD_CONFIG_UPDATE_FEE_SCALARS:
        ok = set_fee_scalars(&next, payload);
        break;
    case VD_CONFIG_UPDATE_GAS_LIMIT:
        ok = read_u64_word(&next.gas_limit, payload);
        break;
    case VD_CONFIG_UPDATE_UNSAFE_BLOCK_SIGNER:
        break;
    case VD_CONFIG_UPDATE_EIP1559_PARAMS:
        ok = set_eip1559_params(&next, payload);
        break;
    case VD_CONFIG_UPDATE_OPERATOR_FEE:
        ok = set_operator_fee(&next, payload);
        break;
    }
    if (ok)
        *values = next;
    return ok;
}

bool
vd_system_patch_log(struct vd_system_patch *patch, const struct vd_address *contract,
                    const struct vd_log *log)
{
    uint64_t version;
    uint64_t type;
    if (!vd_address_eq(&log->address, contract) || log->topic_count != 3 ||
        !vd_hash_eq(&log->topics[0], &VD_TOPIC_CONFIG_UPDATE))
        return false;
    if (!read_u64_word(&version, log->topics[1].b) || version != 0)
        return false;
    if (!read_u64_word(&type, log->topics[2].b) || type > VD_CONFIG_UPDATE_OPERATOR_FEE)
        return false;
    if (!set_value(&patch->values, type, log->data))
        return false;
    patch->mask |= 1u << type;
    return true;
}

void
vd_system_patch_apply(const struct vd_system_patch *patch, struct vd_system_config *system)
{
    const struct vd_system_config *values = &patch->values;
    if (patch->mask & 1u << VD_CONFIG_UPDATE_BATCHER)
        system->batcher = values->batcher;
    if (patch->mask & 1u << VD_CONFIG_UPDATE_FEE_SCALARS)
        memcpy(system->scalar, values->scalar, sizeof system->scalar);
    if (patch->mask & 1u << VD_CONFIG_UPDATE_GAS_LIMIT)
        system->gas_limit = values->gas_limit;
    if (patch->mask & 1u << VD_CONFIG_UPDATE_EIP1559_PARAMS)
        system->eip1559 = values->eip1559;
    if (patch->mask & 1u << VD_CONFIG_UPDATE_OPERATOR_FEE) {
        system->operator_fee_scalar = values->operator_fee_scalar;
        system->operator_fee_constant = values->operator_fee_constant;
    }
}

enum vd_err
vd_system_patch_read(struct vd_system_patch *patch, const struct vd_address *contract,
                     const struct vd_slice *receipts, size_t count)
{
    struct vd_log_walk walk;
    struct vd_log log;
    uint64_t index;
    *patch = (struct vd_system_patch){0};
    vd_log_walk_init(&walk, receipts, count);
    while (vd_log_walk_next(&walk, &log, &index))
        (void)vd_system_patch_log(patch, contract, &log);
    return walk.malformed ? VD_ERR_INVALID : VD_OK;
}

enum vd_err
vd_system_config_update_raw(struct vd_system_config *system, const struct vd_address *contract,
                            const struct vd_slice *receipts, size_t count)
{
    struct vd_system_patch patch;
    enum vd_err err = vd_system_patch_read(&patch, contract, receipts, count);
    vd_system_patch_apply(&patch, system);
    return err;
}

void
vd_system_config_update(struct vd_system_config *system, const struct vd_address *contract,
                        const struct vd_receipt *receipts, size_t count)
{
    struct vd_system_patch patch = {0};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; receipts[i].success && j < receipts[i].log_count; j++)
            (void)vd_system_patch_log(&patch, contract, &receipts[i].logs[j]);
    }
    vd_system_patch_apply(&patch, system);
}

void
vd_system_config_scalars(const struct vd_system_config *system, uint32_t *base_fee_scalar,
                         uint32_t *blob_base_fee_scalar)
{
    const uint8_t *s = system->scalar;
    *base_fee_scalar = vd_load_be32(s + 28);
    *blob_base_fee_scalar = s[0] == 1 ? vd_load_be32(s + 24) : 0;
    /* Section 3.3: a scalar of before Ecotone that does not fit 32 bits saturates. */
    if (s[0] == 0 && !all_zero(s + 1, 27))
        *base_fee_scalar = UINT32_MAX;
}
