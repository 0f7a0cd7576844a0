#include "core/rollup/span.h"
#include "viaduct/core/codec/rlp.h"

/* How many price and list items a type has. */
static bool
shape(uint8_t type, unsigned *prices, unsigned *lists)
{
    *prices = type >= VD_TX_DYNAMIC_FEE ? 2 : 1;
    *lists = type == VD_TX_SET_CODE ? 2 : type == VD_TX_LEGACY ? 0 : 1;
    return type <= VD_TX_DYNAMIC_FEE || type == VD_TX_SET_CODE;
}

/* An integer of any size, as the reference reads prices and values; of 32 bytes at most in a
   set-code transaction, whose fields are fixed-size there. */
static void
skip_integer(struct vd_rlp *r, uint8_t type)
{
    struct vd_slice bytes = vd_rlp_string(r);
    if (bytes.len != 0 && (bytes.ptr[0] == 0 || (type == VD_TX_SET_CODE && bytes.len > 32)))
        r->failed = true;
}

static struct vd_slice
integer_items(struct vd_rlp *r, uint8_t type, unsigned count)
{
    const uint8_t *start = r->ptr;
    for (unsigned i = 0; i < count; i++)
        skip_integer(r, type);
    return vd_slice(start, (size_t)(r->ptr - start));
}

static struct vd_slice
string_item(struct vd_rlp *r)
{
    const uint8_t *start = r->ptr;
    (void)vd_rlp_string(r);
    return vd_slice(start, (size_t)(r->ptr - start));
}

/* EIP-2930: [[address, [key, ...]], ...] */
static void
skip_access_list(struct vd_rlp *r)
{
    struct vd_rlp list = vd_rlp_list(r);
    while (vd_rlp_more(&list)) {
        struct vd_rlp entry = vd_rlp_list(&list);
        (void)vd_rlp_fixed(&entry, 20);
        struct vd_rlp keys = vd_rlp_list(&entry);
        while (vd_rlp_more(&keys))
            (void)vd_rlp_fixed(&keys, 32);
        vd_rlp_close(&entry, &keys);
        vd_rlp_close(&list, &entry);
    }
    vd_rlp_close(r, &list);
}

/* EIP-7702: [[chainId, address, nonce, yParity, r, s], ...] */
static void
skip_authorizations(struct vd_rlp *r)
{
    struct vd_rlp list = vd_rlp_list(r);
    while (vd_rlp_more(&list)) {
        struct vd_rlp entry = vd_rlp_list(&list);
        (void)vd_rlp_u256(&entry);
        (void)vd_rlp_fixed(&entry, 20);
        (void)vd_rlp_u64(&entry);
        if (vd_rlp_u64(&entry) > UINT8_MAX)
            entry.failed = true;
        (void)vd_rlp_u256(&entry);
        (void)vd_rlp_u256(&entry);
        vd_rlp_close(&list, &entry);
    }
    vd_rlp_close(r, &list);
}

static struct vd_slice
list_items(struct vd_rlp *r, unsigned count)
{
    const uint8_t *start = r->ptr;
    if (count > 0)
        skip_access_list(r);
    if (count > 1)
        skip_authorizations(r);
    return vd_slice(start, (size_t)(r->ptr - start));
}

bool
vd_span_tx_read_data(struct vd_span_tx *tx, struct vd_slice tx_data)
{
    unsigned prices;
    unsigned lists;
    *tx = (struct vd_span_tx){.type = VD_TX_LEGACY};
    if (tx_data.len == 0)
        return false;
    if (tx_data.ptr[0] <= 0x7f) {
        tx->type = tx_data.ptr[0];
        tx_data = vd_slice(tx_data.ptr + 1, tx_data.len - 1);
        /* A legacy transaction has no type byte, and so 00 is none that is known. */
        if (tx->type == VD_TX_LEGACY)
            return false;
    }
    if (!shape(tx->type, &prices, &lists))
        return false;
    struct vd_rlp outer = vd_rlp(tx_data);
    struct vd_rlp fields = vd_rlp_list(&outer);
    tx->value_item = integer_items(&fields, tx->type, 1);
    tx->price_items = integer_items(&fields, tx->type, prices);
    tx->data_item = string_item(&fields);
    tx->list_items = list_items(&fields, lists);
    vd_rlp_close(&outer, &fields);
    return vd_rlp_done(&outer);
}

/* The length of an RLP item that is known to be well-formed and whole, header included. */
static size_t
item_len(const uint8_t *p)
{
    size_t tag = *p < 0xc0 ? *p - 0x80u : *p - 0xc0u;
    if (*p < 0x80)
        return 1;
    if (tag <= 55)
        return 1 + tag;
    size_t len = 0;
    for (size_t i = 1; i <= tag - 55; i++)
        len = len << 8 | p[i];
    return 1 + tag - 55 + len;
}

size_t
vd_span_tx_data_len(const uint8_t *p)
{
    return *p < 0x80 ? 1 + item_len(p + 1) : item_len(p);
}

static const uint8_t *
take_items(struct vd_slice *items, const uint8_t *p, unsigned count)
{
    const uint8_t *start = p;
    for (; count > 0; count--)
        p += item_len(p);
    *items = vd_slice(start, (size_t)(p - start));
    return p;
}

size_t
vd_span_tx_split(struct vd_span_tx *tx, const uint8_t *p)
{
    unsigned prices;
    unsigned lists;
    size_t type_len = *p < 0x80;
    *tx = (struct vd_span_tx){.type = type_len == 0 ? VD_TX_LEGACY : *p};
    (void)shape(tx->type, &prices, &lists);
    const uint8_t *list = p + type_len;
    const uint8_t *at = list + (*list > 0xf7 ? *list - 0xf7u + 1 : 1);
    at = take_items(&tx->value_item, at, 1);
    at = take_items(&tx->price_items, at, prices);
    at = take_items(&tx->data_item, at, 1);
    at = take_items(&tx->list_items, at, lists);
    return (size_t)(at - p);
}

void
vd_span_tx_put_data(struct vd_buf *buf, const struct vd_span_tx *tx)
{
    if (tx->type != VD_TX_LEGACY)
        vd_buf_byte(buf, tx->type);
    size_t list = vd_rlp_begin(buf);
    vd_buf_slice(buf, tx->value_item);
    vd_buf_slice(buf, tx->price_items);
    vd_buf_slice(buf, tx->data_item);
    vd_buf_slice(buf, tx->list_items);
    vd_rlp_end(buf, list);
}

/* EIP-155: v is 35 or 36 plus twice the chain id, or 27 or 28 without one.  The arithmetic wraps
   at 64 bits, as the reference's does. */
static bool
read_legacy_v(struct vd_span_tx *tx, uint64_t chain_id, uint64_t v)
{
    uint64_t base = chain_id * 2 + 35;
    tx->is_protected = v != 27 && v != 28;
    tx->y_parity = (uint8_t)(tx->is_protected ? v - base : v - 27);
    return !tx->is_protected || v - base <= 1;
}

static struct vd_slice
read_word(struct vd_rlp *r)
{
    struct vd_slice word = vd_rlp_string(r);
    if (word.len > 32 || (word.len != 0 && word.ptr[0] == 0))
        r->failed = true;
    return word;
}

/* nonce, prices, gas, to, value, data, lists */
static void
read_body(struct vd_span_tx *tx, struct vd_rlp *fields, unsigned prices, unsigned lists)
{
    tx->nonce = vd_rlp_u64(fields);
    tx->price_items = integer_items(fields, tx->type, prices);
    tx->gas = vd_rlp_u64(fields);
    tx->to = vd_rlp_string(fields);
    if (tx->to.len != 0 && tx->to.len != 20)
        fields->failed = true;
    tx->value_item = integer_items(fields, tx->type, 1);
    tx->data_item = string_item(fields);
    tx->list_items = list_items(fields, lists);
}

bool
vd_span_tx_read(struct vd_span_tx *tx, uint64_t chain_id, struct vd_slice raw)
{
    unsigned prices;
    unsigned lists;
    *tx = (struct vd_span_tx){.type = VD_TX_LEGACY};
    if (raw.len == 0)
        return false;
    if (raw.ptr[0] <= 0x7f) {
        tx->type = raw.ptr[0];
        raw = vd_slice(raw.ptr + 1, raw.len - 1);
        if (tx->type == VD_TX_LEGACY)
            return false;
    }
    if (!shape(tx->type, &prices, &lists))
        return false;
    struct vd_rlp outer = vd_rlp(raw);
    struct vd_rlp fields = vd_rlp_list(&outer);
    if (tx->type != VD_TX_LEGACY && vd_rlp_u64(&fields) != chain_id)
        return false;
    read_body(tx, &fields, prices, lists);
    uint64_t v = vd_rlp_u64(&fields);
    tx->r = read_word(&fields);
    tx->s = read_word(&fields);
    vd_rlp_close(&outer, &fields);
    if (!vd_rlp_done(&outer) || (tx->type == VD_TX_SET_CODE && tx->to.len == 0))
        return false;
    if (tx->type == VD_TX_LEGACY)
        return read_legacy_v(tx, chain_id, v);
    tx->y_parity = (uint8_t)v;
    return v <= 1;
}

static uint64_t
signature_v(const struct vd_span_tx *tx, uint64_t chain_id)
{
    if (tx->type != VD_TX_LEGACY)
        return tx->y_parity;
    return tx->y_parity + (tx->is_protected ? chain_id * 2 + 35 : 27);
}

static void
put_word(struct vd_buf *buf, struct vd_slice word)
{
    struct vd_u256 value = vd_u256_from_slice(word);
    vd_rlp_put_u256(buf, &value);
}

void
vd_span_tx_put(struct vd_buf *buf, const struct vd_span_tx *tx, uint64_t chain_id)
{
    if (tx->type != VD_TX_LEGACY)
        vd_buf_byte(buf, tx->type);
    size_t list = vd_rlp_begin(buf);
    if (tx->type != VD_TX_LEGACY)
        vd_rlp_put_u64(buf, chain_id);
    vd_rlp_put_u64(buf, tx->nonce);
    vd_buf_slice(buf, tx->price_items);
    vd_rlp_put_u64(buf, tx->gas);
    vd_rlp_put_string(buf, tx->to);
    vd_buf_slice(buf, tx->value_item);
    vd_buf_slice(buf, tx->data_item);
    vd_buf_slice(buf, tx->list_items);
    vd_rlp_put_u64(buf, signature_v(tx, chain_id));
    put_word(buf, tx->r);
    put_word(buf, tx->s);
    vd_rlp_end(buf, list);
}
