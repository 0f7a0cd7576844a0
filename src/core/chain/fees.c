#include "viaduct/core/chain/fees.h"

/* Slots of the L1Block contract (OP Stack specs, Ecotone and Isthmus L1 attributes). */
enum {
    SLOT_L1_BASE_FEE = 1,
    SLOT_SCALARS = 3,
    SLOT_BLOB_BASE_FEE = 7,
    SLOT_OPERATOR_FEE = 8,
};

static enum vd_err
peek(struct vd_state *state, uint64_t slot, struct vd_u256 *value)
{
    struct vd_u256 key = vd_u256(slot);
    return vd_state_peek_slot(state, value, &VD_L1_BLOCK, &key);
}

enum vd_err
vd_l1_fee_params_read(struct vd_l1_fee_params *params, struct vd_state *state,
                      bool with_operator_fee)
{
    struct vd_u256 word;
    *params = (struct vd_l1_fee_params){0};
    enum vd_err err = peek(state, SLOT_L1_BASE_FEE, &params->l1_base_fee);
    if (err == VD_OK)
        err = peek(state, SLOT_BLOB_BASE_FEE, &params->blob_base_fee);
    if (err == VD_OK)
        err = peek(state, SLOT_SCALARS, &word);
    if (err != VD_OK)
        return err;
    params->base_fee_scalar = (uint32_t)(word.w[1] >> 32);
    params->blob_base_fee_scalar = (uint32_t)word.w[1];
    if (!with_operator_fee)
        return VD_OK;
    err = peek(state, SLOT_OPERATOR_FEE, &word);
    if (err != VD_OK)
        return err;
    params->operator_fee_scalar = (uint32_t)word.w[1];
    params->operator_fee_constant = word.w[0];
    return VD_OK;
}

/* --- FastLZ level 1, the length alone (OP Stack specs, Fjord execution engine) --- */

enum { FLZ_BITS = 13, FLZ_MAX_DISTANCE = 0x1fff, FLZ_TAIL = 13 };

static uint32_t
load24(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static uint32_t
flz_hash(uint32_t v)
{
    return (2654435769u * v) >> (32 - FLZ_BITS) & FLZ_MAX_DISTANCE;
}

static uint32_t
flz_literals(uint32_t run)
{
    return 33 * (run / 32) + (run % 32 != 0 ? run % 32 + 1 : 0);
}

/* Where bytes of a hash stood last; position 0 where they never did.  Most transactions are short:
   for them the table is a small one of hash and position in open addressing, since clearing the
   large one would cost more than all the rest. */
enum { FLZ_SHORT = 512, FLZ_SHORT_SLOTS = 1024 };

static uint32_t
flz_exchange(uint32_t *table, bool is_short, uint32_t hash, uint32_t position)
{
    uint32_t at = hash;
    if (is_short) {
        uint32_t tag = (hash + 1) << 16;
        at %= FLZ_SHORT_SLOTS;
        while (table[at] != 0 && (table[at] & 0xffff0000u) != tag)
            at = (at + 1) % FLZ_SHORT_SLOTS;
        uint32_t before = table[at] & 0xffff;
        table[at] = tag | position;
        return before;
    }
    uint32_t before = table[at];
    table[at] = position;
    return before;
}

/* Advances *ip past bytes without a match.  True: *ref holds a match for *ip. */
static bool
flz_find(const uint8_t *b, uint32_t *table, bool is_short, uint32_t lim, uint32_t *ip,
         uint32_t *ref)
{
    for (;;) {
        uint32_t seq = load24(b + *ip);
        *ref = flz_exchange(table, is_short, flz_hash(seq), *ip);
        if (*ip >= lim)
            return false;
        uint32_t at = (*ip)++;
        if (at - *ref <= FLZ_MAX_DISTANCE && seq == load24(b + *ref)) {
            bool inside = *ip < lim;
            *ip = at;
            return inside;
        }
    }
}

uint32_t
vd_flz_len(struct vd_slice bytes)
{
    uint32_t table[1 << FLZ_BITS];
    bool is_short = bytes.len <= FLZ_SHORT;
    memset(table, 0, is_short ? FLZ_SHORT_SLOTS * sizeof table[0] : sizeof table);
    const uint8_t *b = bytes.ptr;
    uint32_t len = (uint32_t)bytes.len;
    uint32_t lim = len < FLZ_TAIL ? 0 : len - FLZ_TAIL;
    uint32_t anchor = 0;
    uint32_t ip = 2;
    uint32_t n = 0;
    uint32_t ref;
    while (ip < lim && flz_find(b, table, is_short, lim, &ip, &ref)) {
        n += flz_literals(ip - anchor);
        /* The differing byte counts as compared. */
        uint32_t matched = 0;
        uint32_t most = lim + 9 - (ip + 3);
        while (matched < most) {
            bool same = b[ref + 3 + matched] == b[ip + 3 + matched];
            matched++;
            if (!same)
                break;
        }
        uint32_t m = matched - 1;
        n += 3 * (m / 262) + (m % 262 >= 6 ? 3 : 2);
        ip += matched;
        (void)flz_exchange(table, is_short, flz_hash(load24(b + ip)), ip);
        ip++;
        (void)flz_exchange(table, is_short, flz_hash(load24(b + ip)), ip);
        ip++;
        anchor = ip;
    }
    return n + flz_literals(len - anchor);
}

/* --- fees --- */

struct vd_u256
vd_l1_size_of_flz(uint32_t flz_len)
{
    const uint64_t min = 100000000;
    const uint64_t intercept = 42585600;
    uint64_t scaled = 836500 * (uint64_t)flz_len;
    return vd_u256(scaled < min + intercept ? min : scaled - intercept);
}

struct vd_u256
vd_l1_estimated_size(struct vd_slice raw_tx)
{
    return vd_l1_size_of_flz(vd_flz_len(raw_tx));
}

struct vd_u256
vd_l1_fee_of_size(const struct vd_u256 *estimated, const struct vd_l1_fee_params *params)
{
    struct vd_u256 scalar = vd_u256(16 * (uint64_t)params->base_fee_scalar);
    struct vd_u256 calldata = vd_u256_mul(&scalar, &params->l1_base_fee);
    scalar = vd_u256(params->blob_base_fee_scalar);
    struct vd_u256 blobs = vd_u256_mul(&scalar, &params->blob_base_fee);
    struct vd_u256 sum = vd_u256_add(&calldata, &blobs);
    struct vd_u256 fee = vd_u256_mul(estimated, &sum);
    (void)vd_u256_div_u64(&fee, 1000000000000);
    return fee;
}

struct vd_u256
vd_l1_fee(struct vd_slice raw_tx, const struct vd_l1_fee_params *params)
{
    struct vd_u256 estimated = vd_l1_estimated_size(raw_tx);
    return vd_l1_fee_of_size(&estimated, params);
}

uint64_t
vd_l1_gas_used(struct vd_slice raw_tx)
{
    return vd_l1_estimated_size(raw_tx).w[0] * 16 / 1000000;
}

struct vd_u256
vd_operator_fee(uint64_t gas, const struct vd_l1_fee_params *params)
{
    struct vd_u256 fee = vd_u256(gas);
    struct vd_u256 scalar = vd_u256(params->operator_fee_scalar);
    struct vd_u256 constant = vd_u256(params->operator_fee_constant);
    fee = vd_u256_mul(&fee, &scalar);
    (void)vd_u256_div_u64(&fee, 1000000);
    return vd_u256_add(&fee, &constant);
}
