#include "viaduct/core/codec/rlp.h"

enum {
    VD_RLP_STRING = 0x80,
    VD_RLP_LIST = 0xc0,
    VD_RLP_SHORT_MAX = 55, /* the longest content whose length is in the first byte */
};

/* An item found at the cursor. */
struct item {
    bool list;
    size_t header_len;
    size_t len; /* of the content */
};

/* The length field of n bytes after the first; false unless it is minimal. */
static bool
read_long_length(size_t *len, const uint8_t *p, size_t n, size_t left)
{
    if (n > left || p[0] == 0 || n > sizeof *len)
        return false;
    size_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | p[i];
    *len = value;
    return value > VD_RLP_SHORT_MAX;
}

/* Reads the header at p and checks that the content is there and that no shorter encoding
   exists. */
static bool
parse_header(struct item *item, const uint8_t *p, size_t left)
{
    if (left == 0)
        return false;
    uint8_t first = *p;
    *item = (struct item){.list = first >= VD_RLP_LIST, .header_len = 1};
    if (first < VD_RLP_STRING) {
        item->header_len = 0;
        item->len = 1;
        return true;
    }
    size_t tag = (size_t)(first - (item->list ? VD_RLP_LIST : VD_RLP_STRING));
    if (tag <= VD_RLP_SHORT_MAX) {
        item->len = tag;
    } else {
        size_t n = tag - VD_RLP_SHORT_MAX;
        if (!read_long_length(&item->len, p + 1, n, left - 1))
            return false;
        item->header_len += n;
    }
    if (item->len > left - item->header_len)
        return false;
    return item->list || item->len != 1 || p[item->header_len] >= VD_RLP_STRING;
}

static bool
next_item(struct vd_rlp *r, struct item *item)
{
    if (r->failed || !parse_header(item, r->ptr, (size_t)(r->end - r->ptr))) {
        r->failed = true;
        return false;
    }
    return true;
}

/* The content of the item, which the cursor then leaves behind. */
static struct vd_slice
consume(struct vd_rlp *r, const struct item *item)
{
    struct vd_slice content = vd_slice(r->ptr + item->header_len, item->len);
    r->ptr = content.ptr + content.len;
    return content;
}

bool
vd_rlp_is_list(const struct vd_rlp *r)
{
    return vd_rlp_more(r) && *r->ptr >= VD_RLP_LIST;
}

struct vd_slice
vd_rlp_string(struct vd_rlp *r)
{
    struct item item;
    if (next_item(r, &item) && !item.list)
        return consume(r, &item);
    r->failed = true;
    return vd_slice(NULL, 0);
}

struct vd_slice
vd_rlp_fixed(struct vd_rlp *r, size_t len)
{
    struct vd_slice bytes = vd_rlp_string(r);
    if (!r->failed && bytes.len == len)
        return bytes;
    r->failed = true;
    return vd_slice(NULL, 0);
}

struct vd_hash
vd_rlp_hash(struct vd_rlp *r)
{
    struct vd_hash hash = {{0}};
    struct vd_slice bytes = vd_rlp_fixed(r, sizeof hash.b);
    if (!r->failed)
        memcpy(hash.b, bytes.ptr, sizeof hash.b);
    return hash;
}

struct vd_address
vd_rlp_address(struct vd_rlp *r)
{
    struct vd_address address = {{0}};
    struct vd_slice bytes = vd_rlp_fixed(r, sizeof address.b);
    if (!r->failed)
        memcpy(address.b, bytes.ptr, sizeof address.b);
    return address;
}

/* A string that is an integer of at most max bytes; empty after a failure. */
static struct vd_slice
read_integer(struct vd_rlp *r, size_t max)
{
    struct vd_slice bytes = vd_rlp_string(r);
    if (bytes.len <= max && (bytes.len == 0 || bytes.ptr[0] != 0))
        return bytes;
    r->failed = true;
    return vd_slice(NULL, 0);
}

uint64_t
vd_rlp_u64(struct vd_rlp *r)
{
    struct vd_slice bytes = read_integer(r, sizeof(uint64_t));
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++)
        value = value << 8 | bytes.ptr[i];
    return value;
}

struct vd_u256
vd_rlp_u256(struct vd_rlp *r)
{
    return vd_u256_from_slice(read_integer(r, sizeof(struct vd_u256)));
}

struct vd_slice
vd_rlp_raw(struct vd_rlp *r)
{
    struct item item;
    const uint8_t *start = r->ptr;
    if (!next_item(r, &item))
        return vd_slice(NULL, 0);
    (void)consume(r, &item);
    return vd_slice(start, item.header_len + item.len);
}

struct vd_rlp
vd_rlp_list(struct vd_rlp *r)
{
    struct item item;
    if (next_item(r, &item) && item.list)
        return vd_rlp(consume(r, &item));
    r->failed = true;
    return (struct vd_rlp){.failed = true};
}

void
vd_rlp_close(struct vd_rlp *r, const struct vd_rlp *list)
{
    if (!vd_rlp_done(list))
        r->failed = true;
}

size_t
vd_rlp_count(const struct vd_rlp *r, bool *failed)
{
    struct vd_rlp walk = *r;
    size_t count = 0;
    while (vd_rlp_more(&walk)) {
        (void)vd_rlp_raw(&walk);
        count++;
    }
    *failed = walk.failed;
    return walk.failed ? 0 : count;
}

/* Writes a header for content of len bytes; offset is the tag of an empty string or list. */
static size_t
put_header(uint8_t out[9], uint8_t offset, size_t len)
{
    if (len <= VD_RLP_SHORT_MAX) {
        out[0] = (uint8_t)(offset + len);
        return 1;
    }
    size_t n = 0;
    for (size_t rest = len; rest != 0; rest >>= 8)
        n++;
    out[0] = (uint8_t)(offset + VD_RLP_SHORT_MAX + n);
    for (size_t i = 0; i < n; i++)
        out[1 + i] = (uint8_t)(len >> (8 * (n - 1 - i)));
    return 1 + n;
}

/* A byte below 0x80 is its own encoding. */
static bool
is_bare_byte(struct vd_slice bytes)
{
    return bytes.len == 1 && bytes.ptr[0] < VD_RLP_STRING;
}

void
vd_rlp_put_string(struct vd_buf *buf, struct vd_slice bytes)
{
    uint8_t header[9];
    if (!is_bare_byte(bytes))
        vd_buf_bytes(buf, header, put_header(header, VD_RLP_STRING, bytes.len));
    vd_buf_slice(buf, bytes);
}

void
vd_rlp_put_u64(struct vd_buf *buf, uint64_t value)
{
    struct vd_u256 wide = vd_u256(value);
    vd_rlp_put_u256(buf, &wide);
}

void
vd_rlp_put_u256(struct vd_buf *buf, const struct vd_u256 *value)
{
    uint8_t word[32];
    vd_u256_to_be(word, value);
    size_t len = vd_u256_byte_len(value);
    vd_rlp_put_string(buf, vd_slice(word + sizeof word - len, len));
}

void
vd_rlp_put_hash(struct vd_buf *buf, const struct vd_hash *hash)
{
    vd_rlp_put_string(buf, vd_slice(hash->b, sizeof hash->b));
}

void
vd_rlp_put_address(struct vd_buf *buf, const struct vd_address *address)
{
    vd_rlp_put_string(buf, vd_slice(address->b, sizeof address->b));
}

size_t
vd_rlp_begin(struct vd_buf *buf)
{
    return buf->len;
}

/* The content was written where its header belongs: it moves up by the header's length. */
void
vd_rlp_end(struct vd_buf *buf, size_t mark)
{
    uint8_t header[9];
    if (buf->err != VD_OK)
        return;
    size_t len = buf->len - mark;
    size_t header_len = put_header(header, VD_RLP_LIST, len);
    if (vd_buf_extend(buf, header_len) == NULL)
        return;
    memmove(buf->ptr + mark + header_len, buf->ptr + mark, len);
    memcpy(buf->ptr + mark, header, header_len);
}

size_t
vd_rlp_string_len(struct vd_slice bytes)
{
    uint8_t header[9];
    return bytes.len + (is_bare_byte(bytes) ? 0 : put_header(header, VD_RLP_STRING, bytes.len));
}

size_t
vd_rlp_list_header(uint8_t out[9], size_t len)
{
    return put_header(out, VD_RLP_LIST, len);
}
