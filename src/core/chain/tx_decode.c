/* Transactions on the wire: reading, and the gas they cost before they run. */
#include "viaduct/core/chain/tx.h"
#include "viaduct/core/crypto/keccak.h"

/* One decoding: the first thing that goes wrong is kept. */
struct decoder {
    struct vd_tx *tx;
    struct vd_arena *arena;
    struct vd_rlp fields;
    const char *reason;
    enum vd_err err;
};

static void
fail(struct decoder *d, const char *reason)
{
    if (d->err != VD_OK)
        return;
    d->err = VD_ERR_INVALID;
    d->reason = reason;
    d->fields.failed = true;
}

static void
no_memory(struct decoder *d)
{
    if (d->err == VD_OK)
        d->err = VD_ERR_NO_MEMORY;
    d->fields.failed = true;
}

/* Gives the last read its name when it is the one that failed. */
static void
named(struct decoder *d, const char *reason)
{
    if (d->fields.failed)
        fail(d, reason);
}

static uint64_t
read_u64(struct decoder *d, const char *reason)
{
    uint64_t value = vd_rlp_u64(&d->fields);
    named(d, reason);
    return value;
}

static struct vd_u256
read_u256(struct decoder *d, const char *reason)
{
    struct vd_u256 value = vd_rlp_u256(&d->fields);
    named(d, reason);
    return value;
}

static void
read_to(struct decoder *d)
{
    struct vd_slice to = vd_rlp_string(&d->fields);
    named(d, "bad receiver");
    d->tx->is_create = to.len == 0;
    if (to.len == sizeof d->tx->to.b)
        memcpy(d->tx->to.b, to.ptr, to.len);
    else if (to.len != 0)
        fail(d, "receiver is not an address");
}

/* The least that an item takes on the wire.  Counting against it keeps lists of empty items from
   claiming many times their own size. */
enum {
    MIN_HASH = 33,
    MIN_ACCESS = 1 + 21 + 1,
    MIN_AUTHORIZATION = 1 + 1 + 21 + 4,
};

/* Enters a list of the fields and makes room for its items. */
static void *
enter_list(struct decoder *d, struct vd_rlp *from, struct vd_rlp *list, size_t *count,
           size_t min_len, size_t size, size_t align)
{
    bool failed;
    *list = vd_rlp_list(from);
    *count = vd_rlp_count(list, &failed);
    if (from->failed || failed || *count > (size_t)(list->end - list->ptr) / min_len) {
        from->failed = true;
        *count = 0;
        return NULL;
    }
    void *items = vd_arena_zeroed(d->arena, *count, size, align);
    if (items == NULL)
        no_memory(d);
    return items;
}
#define ENTER_LIST(d, from, list, count, min_len, type) \
    ((type *)enter_list((d), (from), (list), (count), (min_len), sizeof(type), _Alignof(type)))

static void
read_access(struct decoder *d, struct vd_rlp *list, struct vd_access *access)
{
    struct vd_rlp pair = vd_rlp_list(list);
    struct vd_rlp inner;
    access->address = vd_rlp_address(&pair);
    struct vd_hash *keys =
        ENTER_LIST(d, &pair, &inner, &access->key_count, MIN_HASH, struct vd_hash);
    for (size_t i = 0; keys != NULL && i < access->key_count; i++)
        keys[i] = vd_rlp_hash(&inner);
    access->keys = keys;
    vd_rlp_close(&pair, &inner);
    vd_rlp_close(list, &pair);
}

static void
read_accesses(struct decoder *d)
{
    struct vd_rlp list;
    struct vd_tx *tx = d->tx;
    struct vd_access *accesses =
        ENTER_LIST(d, &d->fields, &list, &tx->access_count, MIN_ACCESS, struct vd_access);
    for (size_t i = 0; accesses != NULL && d->err == VD_OK && i < tx->access_count; i++)
        read_access(d, &list, &accesses[i]);
    tx->accesses = accesses;
    vd_rlp_close(&d->fields, &list);
    named(d, "bad access list");
}

static void
read_authorization(struct vd_rlp *list, struct vd_authorization *authorization)
{
    struct vd_rlp item = vd_rlp_list(list);
    authorization->chain_id = vd_rlp_u256(&item);
    authorization->address = vd_rlp_address(&item);
    authorization->nonce = vd_rlp_u64(&item);
    uint64_t y_parity = vd_rlp_u64(&item);
    /* EIP-7702 wants y_parity below 2^8, or the transaction is malformed. */
    if (y_parity > UINT8_MAX)
        item.failed = true;
    authorization->y_parity = (uint8_t)y_parity;
    authorization->r = vd_rlp_u256(&item);
    authorization->s = vd_rlp_u256(&item);
    vd_rlp_close(list, &item);
}

static void
read_authorizations(struct decoder *d)
{
    struct vd_rlp list;
    struct vd_tx *tx = d->tx;
    struct vd_authorization *authorizations = ENTER_LIST(
        d, &d->fields, &list, &tx->authorization_count, MIN_AUTHORIZATION, struct vd_authorization);
    for (size_t i = 0; authorizations != NULL && i < tx->authorization_count; i++)
        read_authorization(&list, &authorizations[i]);
    tx->authorizations = authorizations;
    vd_rlp_close(&d->fields, &list);
    named(d, "bad authorization list");
}

static void
read_blob_fields(struct decoder *d)
{
    struct vd_tx *tx = d->tx;
    tx->max_fee_per_blob_gas = read_u256(d, "bad blob gas fee cap");
    struct vd_rlp list;
    struct vd_hash *hashes =
        ENTER_LIST(d, &d->fields, &list, &tx->blob_hash_count, MIN_HASH, struct vd_hash);
    for (size_t i = 0; hashes != NULL && i < tx->blob_hash_count; i++)
        hashes[i] = vd_rlp_hash(&list);
    tx->blob_hashes = hashes;
    vd_rlp_close(&d->fields, &list);
    named(d, "bad blob hashes");
}

/* Legacy v is 27 + parity, or 35 + 2 * chain id + parity (EIP-155). */
static void
read_legacy_v(struct decoder *d)
{
    struct vd_u256 v = read_u256(d, "bad v");
    struct vd_u256 base = vd_u256(35);
    if (vd_u256_lt(&v, &base)) {
        if (v.w[0] != 27 && v.w[0] != 28)
            fail(d, "v is neither 27, 28 nor of EIP-155");
        d->tx->y_parity = (uint8_t)(v.w[0] - 27);
        return;
    }
    v = vd_u256_sub(&v, &base);
    d->tx->y_parity = v.w[0] & 1;
    v = vd_u256_shr(&v, 1);
    if (!vd_u256_fits_u64(&v))
        fail(d, "chain id above 64 bits");
    d->tx->has_chain_id = true;
    d->tx->chain_id = v.w[0];
}

static void
read_signature(struct decoder *d)
{
    struct vd_tx *tx = d->tx;
    if (tx->type == VD_TX_LEGACY) {
        read_legacy_v(d);
    } else {
        uint64_t parity = read_u64(d, "bad y parity");
        if (parity > 1)
            fail(d, "y parity is neither 0 nor 1");
        tx->y_parity = (uint8_t)parity;
    }
    tx->r = read_u256(d, "bad r");
    tx->s = read_u256(d, "bad s");
}

static void
read_signed(struct decoder *d)
{
    struct vd_tx *tx = d->tx;
    bool one_price = tx->type == VD_TX_LEGACY || tx->type == VD_TX_ACCESS_LIST;
    if (tx->type != VD_TX_LEGACY) {
        tx->has_chain_id = true;
        tx->chain_id = read_u64(d, "bad chain id");
    }
    tx->nonce = read_u64(d, "bad nonce");
    tx->max_priority_fee = read_u256(d, one_price ? "bad gas price" : "bad priority fee");
    tx->max_fee = one_price ? tx->max_priority_fee : read_u256(d, "bad fee cap");
    tx->gas_limit = read_u64(d, "bad gas limit");
    read_to(d);
    tx->value = read_u256(d, "bad value");
    tx->data = vd_rlp_string(&d->fields);
    named(d, "bad data");
    if (tx->type != VD_TX_LEGACY)
        read_accesses(d);
    if (tx->type == VD_TX_BLOB)
        read_blob_fields(d);
    if (tx->type == VD_TX_SET_CODE)
        read_authorizations(d);
    read_signature(d);
}

/* OP Stack specs, deposits: the deposited transaction type. */
static void
read_deposit(struct decoder *d)
{
    struct vd_tx *tx = d->tx;
    tx->source_hash = vd_rlp_hash(&d->fields);
    named(d, "bad source hash");
    tx->from = vd_rlp_address(&d->fields);
    named(d, "bad sender");
    read_to(d);
    tx->mint = read_u256(d, "bad mint");
    tx->has_mint = !vd_u256_is_zero(&tx->mint);
    tx->value = read_u256(d, "bad value");
    tx->gas_limit = read_u64(d, "bad gas limit");
    uint64_t is_system = read_u64(d, "bad system flag");
    if (is_system > 1)
        fail(d, "system flag is neither 0 nor 1");
    tx->is_system_tx = is_system == 1;
    tx->data = vd_rlp_string(&d->fields);
    named(d, "bad data");
}

/* The type byte; what follows is the payload. */
static void
read_type(struct decoder *d, struct vd_slice raw, struct vd_slice *payload)
{
    *payload = raw;
    if (raw.len == 0) {
        fail(d, "empty");
        return;
    }
    uint8_t first = raw.ptr[0];
    if (first >= 0xc0)
        return; /* a list: legacy */
    if (first == 0 || first >= 0x80) {
        fail(d, "no transaction type begins so");
        return;
    }
    bool known = first <= VD_TX_SET_CODE || first == VD_TX_DEPOSIT;
    if (!known) {
        d->err = VD_ERR_UNSUPPORTED;
        d->reason = "transaction type not supported";
        return;
    }
    d->tx->type = (enum vd_tx_type)first;
    *payload = vd_slice(raw.ptr + 1, raw.len - 1);
}

enum vd_err
vd_tx_decode(struct vd_tx *tx, const char **reason, struct vd_arena *arena, struct vd_slice raw)
{
    *tx = (struct vd_tx){.type = VD_TX_LEGACY, .raw = raw};
    struct decoder d = {.tx = tx, .arena = arena};
    struct vd_slice payload;
    read_type(&d, raw, &payload);
    if (d.err == VD_OK) {
        struct vd_rlp outer = vd_rlp(payload);
        d.fields = vd_rlp_list(&outer);
        named(&d, "not a list");
        if (tx->type == VD_TX_DEPOSIT)
            read_deposit(&d);
        else
            read_signed(&d);
        vd_rlp_close(&outer, &d.fields);
        if (!vd_rlp_done(&outer))
            fail(&d, "bytes left over");
    }
    if (reason != NULL)
        *reason = d.reason;
    if (d.err == VD_OK)
        tx->hash = vd_keccak256(raw);
    return d.err;
}

/* --- intrinsic gas --- */

#define GAS_TX 21000
#define GAS_CREATE 32000
#define GAS_ZERO_BYTE 4
#define GAS_OTHER_BYTE 16 /* EIP-2028 */
#define GAS_INIT_CODE_WORD 2
#define GAS_ACCESS_ADDRESS 2400 /* EIP-2930 */
#define GAS_ACCESS_KEY 1900
#define GAS_AUTHORIZATION 25000 /* EIP-7702 */
#define GAS_FLOOR_TOKEN 10      /* EIP-7623 */
#define TOKENS_OTHER_BYTE 4

static uint64_t
count_zeros(struct vd_slice data)
{
    uint64_t zeros = 0;
    for (size_t i = 0; i < data.len; i++)
        zeros += data.ptr[i] == 0;
    return zeros;
}

/* *sum += count * price; true when that does not fit. */
static bool
add_gas(uint64_t *sum, uint64_t count, uint64_t price)
{
    uint64_t product;
    return __builtin_mul_overflow(count, price, &product) ||
           __builtin_add_overflow(*sum, product, sum);
}

struct vd_intrinsic_gas
vd_tx_intrinsic_gas(const struct vd_tx *tx, const struct vd_rules *rules)
{
    uint64_t zeros = count_zeros(tx->data);
    uint64_t others = tx->data.len - zeros;
    uint64_t gas = GAS_TX + (tx->is_create ? GAS_CREATE : 0);
    uint64_t floor = GAS_TX;
    bool overflow = add_gas(&gas, zeros, GAS_ZERO_BYTE) || add_gas(&gas, others, GAS_OTHER_BYTE);
    if (tx->is_create) /* EIP-3860 */
        overflow |= add_gas(&gas, (tx->data.len + 31) / 32, GAS_INIT_CODE_WORD);
    overflow |= add_gas(&gas, tx->access_count, GAS_ACCESS_ADDRESS);
    for (size_t i = 0; i < tx->access_count; i++)
        overflow |= add_gas(&gas, tx->accesses[i].key_count, GAS_ACCESS_KEY);
    overflow |= add_gas(&gas, tx->authorization_count, GAS_AUTHORIZATION);
    overflow |= add_gas(&floor, zeros, GAS_FLOOR_TOKEN) ||
                add_gas(&floor, others, GAS_FLOOR_TOKEN * TOKENS_OTHER_BYTE);
    return (struct vd_intrinsic_gas){
        .gas = gas, .floor = rules->calldata_floor ? floor : 0, .overflow = overflow};
}
