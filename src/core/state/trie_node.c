/* Nodes and their RLP (Yellow Paper, appendix D: hex-prefix paths, child references). */
#include "core/state/trie_internal.h"
#include "viaduct/core/codec/rlp.h"
#include "viaduct/core/crypto/keccak.h"

enum {
    HEX_PREFIX_ODD = 1,
    HEX_PREFIX_LEAF = 2,
    /* Holds any node but a leaf with a long value. */
    SMALL_NODE = 640,
};

/* --- decoding --- */

static bool
decode_hex_prefix(struct vd_trie_node *out, struct vd_slice hp)
{
    if (hp.len == 0 || hp.len > 1 + VD_TRIE_MAX_NIBBLES / 2)
        return false;
    uint8_t flags = hp.ptr[0] >> 4;
    bool odd = (flags & HEX_PREFIX_ODD) != 0;
    if (flags > (HEX_PREFIX_ODD | HEX_PREFIX_LEAF) || (!odd && (hp.ptr[0] & 15) != 0))
        return false;
    size_t len = 2 * (hp.len - 1) + (odd ? 1 : 0);
    if (len > VD_TRIE_MAX_NIBBLES)
        return false;
    for (size_t i = 0; i < len; i++)
        out->path[i] = vd_nibble(hp.ptr, i + (odd ? 1 : 2));
    out->path_len = (uint8_t)len;
    out->type = (flags & HEX_PREFIX_LEAF) != 0 ? VD_TRIE_LEAF : VD_TRIE_EXTENSION;
    return true;
}

static bool
decode_ref(struct vd_trie_ref *out, struct vd_rlp *r)
{
    bool inlined = vd_rlp_is_list(r);
    struct vd_slice bytes = inlined ? vd_rlp_raw(r) : vd_rlp_string(r);
    if (r->failed || (inlined ? bytes.len >= 32 : bytes.len != 0 && bytes.len != 32))
        return false;
    out->len = (uint8_t)bytes.len;
    if (bytes.len != 0)
        memcpy(out->bytes, bytes.ptr, bytes.len);
    return true;
}

static bool
decode_branch(struct vd_trie_node *out, struct vd_rlp *list)
{
    out->type = VD_TRIE_BRANCH;
    unsigned occupied = 0;
    for (size_t i = 0; i < 16; i++) {
        if (!decode_ref(&out->child[i], list))
            return false;
        occupied += out->child[i].len != 0;
    }
    out->value = vd_rlp_string(list);
    /* A branch with less than two ways on would be an extension or a leaf. */
    return occupied + (out->value.len != 0) >= 2;
}

static bool
decode_short(struct vd_trie_node *out, struct vd_rlp *list)
{
    if (!decode_hex_prefix(out, vd_rlp_string(list)))
        return false;
    if (out->type == VD_TRIE_EXTENSION)
        return out->path_len != 0 && decode_ref(&out->child[0], list) && out->child[0].len != 0;
    out->value = vd_rlp_string(list);
    return out->value.len != 0;
}

enum vd_err
vd_trie_decode(struct vd_trie_node *out, struct vd_slice rlp)
{
    *out = (struct vd_trie_node){0};
    struct vd_rlp r = vd_rlp(rlp);
    struct vd_rlp list = vd_rlp_list(&r);
    /* Two items, or as many as a branch has. */
    struct vd_rlp ahead = list;
    (void)vd_rlp_raw(&ahead);
    (void)vd_rlp_raw(&ahead);
    if (ahead.failed ||
        !(vd_rlp_more(&ahead) ? decode_branch(out, &list) : decode_short(out, &list)))
        return VD_ERR_INVALID;
    vd_rlp_close(&r, &list);
    return vd_rlp_done(&r) ? VD_OK : VD_ERR_INVALID;
}

/* --- encoding --- */

static size_t
ref_len(const struct vd_trie_ref *ref)
{
    return ref->len == 32 ? 33 : ref->len == 0 ? 1 : ref->len;
}

static uint8_t *
write_ref(uint8_t *out, const struct vd_trie_ref *ref)
{
    if (ref->len == 32) {
        /* Nearly all are hashes, and a copy of known length is no call. */
        *out = 0x80 + 32;
        memcpy(out + 1, ref->bytes, 32);
        return out + 33;
    }
    if (ref->len == 0)
        *out++ = 0x80;
    memcpy(out, ref->bytes, ref->len);
    return out + ref->len;
}

static size_t
hex_prefix_len(const struct vd_trie_node *node)
{
    size_t bytes = 1 + (size_t)node->path_len / 2;
    return bytes == 1 ? 1 : 1 + bytes;
}

/* The hex-prefix bytes as an RLP string; a lone byte is below 0x80 and stands for itself. */
static uint8_t *
write_hex_prefix(uint8_t *out, const struct vd_trie_node *node)
{
    size_t len = node->path_len;
    uint8_t flags = node->type == VD_TRIE_LEAF ? HEX_PREFIX_LEAF << 4 : 0;
    size_t at = 0;
    if (len > 1)
        *out++ = (uint8_t)(0x80 + 1 + len / 2);
    if ((len & 1) != 0)
        flags |= (uint8_t)(HEX_PREFIX_ODD << 4 | node->path[at++]);
    *out++ = flags;
    for (; at < len; at += 2)
        *out++ = (uint8_t)(node->path[at] << 4 | node->path[at + 1]);
    return out;
}

/* The header of an RLP string, not of one that stands for itself. */
static uint8_t *
write_string_header(uint8_t *out, size_t len)
{
    if (len <= 55) {
        *out++ = (uint8_t)(0x80 + len);
        return out;
    }
    /* The long forms of strings and lists differ in the first byte only: 0xb7 + n, 0xf7 + n. */
    size_t header = vd_rlp_list_header(out, len);
    out[0] = (uint8_t)(out[0] - 0x40);
    return out + header;
}

static size_t
content_len(const struct vd_trie_node *node)
{
    switch (node->type) {
    case VD_TRIE_LEAF:
        return hex_prefix_len(node) + vd_rlp_string_len(node->value);
    case VD_TRIE_EXTENSION:
        return hex_prefix_len(node) + ref_len(&node->child[0]);
    case VD_TRIE_BRANCH:
        break;
    }
    size_t len = vd_rlp_string_len(node->value);
    for (size_t i = 0; i < 16; i++)
        len += ref_len(&node->child[i]);
    return len;
}

/* All of the node's RLP that comes before the bytes of its value; an extension has no value. */
static uint8_t *
write_head(uint8_t *out, const struct vd_trie_node *node)
{
    out += vd_rlp_list_header(out, content_len(node));
    switch (node->type) {
    case VD_TRIE_LEAF:
        out = write_hex_prefix(out, node);
        break;
    case VD_TRIE_EXTENSION:
        return write_ref(write_hex_prefix(out, node), &node->child[0]);
    case VD_TRIE_BRANCH:
        for (size_t i = 0; i < 16; i++)
            out = write_ref(out, &node->child[i]);
        break;
    }
    bool itself = node->value.len == 1 && node->value.ptr[0] < 0x80;
    return itself ? out : write_string_header(out, node->value.len);
}

size_t
vd_trie_encoded_len(const struct vd_trie_node *node)
{
    uint8_t header[9];
    size_t len = content_len(node);
    return vd_rlp_list_header(header, len) + len;
}

void
vd_trie_write(uint8_t *out, const struct vd_trie_node *node)
{
    out = write_head(out, node);
    if (node->type != VD_TRIE_EXTENSION && node->value.len != 0)
        memcpy(out, node->value.ptr, node->value.len);
}

void
vd_trie_encode(struct vd_buf *buf, const struct vd_trie_node *node)
{
    uint8_t *out = vd_buf_extend(buf, vd_trie_encoded_len(node));
    if (out != NULL)
        vd_trie_write(out, node);
}

struct vd_hash
vd_trie_node_hash(const struct vd_trie_node *node)
{
    uint8_t bytes[SMALL_NODE];
    size_t len = vd_trie_encoded_len(node);
    if (len <= sizeof bytes) {
        vd_trie_write(bytes, node);
        return vd_keccak256(vd_slice(bytes, len));
    }
    struct vd_keccak k;
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice(bytes, (size_t)(write_head(bytes, node) - bytes)));
    vd_keccak_update(&k, node->value);
    return vd_keccak_final(&k);
}

struct vd_trie_ref
vd_trie_node_ref(const struct vd_trie_node *node)
{
    struct vd_trie_ref ref = {.len = 32};
    size_t len = vd_trie_encoded_len(node);
    if (len < 32) {
        ref.len = (uint8_t)len;
        vd_trie_write(ref.bytes, node);
        return ref;
    }
    struct vd_hash hash = vd_trie_node_hash(node);
    memcpy(ref.bytes, hash.b, sizeof hash.b);
    return ref;
}

/* --- references --- */

/* In a trie of 32-byte keys every leaf ends at nibble 64 and everything else above it. */
bool
vd_trie_fits_depth(const struct vd_trie_node *node, size_t depth)
{
    switch (node->type) {
    case VD_TRIE_LEAF:
        return depth + node->path_len == VD_TRIE_MAX_NIBBLES;
    case VD_TRIE_EXTENSION:
        return depth + node->path_len < VD_TRIE_MAX_NIBBLES;
    case VD_TRIE_BRANCH:
        break;
    }
    return depth < VD_TRIE_MAX_NIBBLES && node->value.len == 0;
}

enum vd_err
vd_trie_read_ref(const struct vd_trie_source *source, struct vd_trie_node *out,
                 const struct vd_trie_position *at, const struct vd_trie_ref *ref)
{
    enum vd_err err;
    if (ref->len < 32) {
        err = vd_trie_decode(out, vd_slice(ref->bytes, ref->len));
        if (err != VD_OK)
            return VD_ERR_CORRUPT;
    } else {
        struct vd_hash hash;
        memcpy(hash.b, ref->bytes, sizeof hash.b);
        err = source->node(source->ctx, out, at, &hash);
        if (err != VD_OK)
            return err;
    }
    return vd_trie_fits_depth(out, at->path_len) ? VD_OK : VD_ERR_CORRUPT;
}
