/* Nodes of a trie from outside: decoding, proofs, and walks over hostile nodes.

   The input is a key of 32 bytes and then nodes, each after its length in one byte (two bytes from
   0xff on, as in ff 0234). */
#include <stdlib.h>

#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/state/trie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    MAX_NODES = VD_TRIE_MAX_NIBBLES + 1,
    ARENA_BYTES = 1 << 20,
};

struct input {
    struct vd_hash key;
    struct vd_slice nodes[MAX_NODES];
    size_t count;
    size_t next; /* node that the source hands out next */
};

static void
check_node(struct vd_slice rlp, struct vd_arena *arena)
{
    struct vd_trie_node node;
    if (vd_trie_decode(&node, rlp) != VD_OK)
        return;
    struct vd_buf buf;
    vd_buf_init(&buf, arena);
    vd_trie_encode(&buf, &node);
    VD_ASSERT(buf.err == VD_OK && vd_slice_eq(vd_buf_view(&buf), rlp));
    struct vd_hash expected = vd_keccak256(rlp);
    struct vd_hash hash = vd_trie_node_hash(&node);
    VD_ASSERT(vd_hash_eq(&hash, &expected));
}

/* Whatever is asked for, the next node: shapes that no honest trie has, under any parent. */
static enum vd_err
next_node(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
          const struct vd_hash *hash)
{
    struct input *in = ctx;
    (void)at;
    (void)hash;
    if (in->next == in->count)
        return VD_ERR_NOT_FOUND;
    return vd_trie_decode(out, in->nodes[in->next++]) == VD_OK ? VD_OK : VD_ERR_CORRUPT;
}

static enum vd_err
ignore_put(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *node,
           struct vd_slice rlp, const struct vd_trie_ref *ref)
{
    (void)ctx;
    VD_ASSERT(at->path_len <= VD_TRIE_MAX_NIBBLES && rlp.len != 0 && ref->len != 0);
    (void)node;
    return VD_OK;
}

static enum vd_err
ignore_del(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
           const struct vd_trie_node *old)
{
    (void)ctx;
    VD_ASSERT(at->path_len <= VD_TRIE_MAX_NIBBLES && old->type == type);
    return VD_OK;
}

/* The key and two neighbours of it, one of them deleted. */
static void
check_walks(struct input *in, struct vd_arena *arena)
{
    struct vd_trie_source source = {.ctx = in, .node = next_node};
    struct vd_trie_sink sink = {.put = ignore_put, .del = ignore_del};
    struct vd_hash root = {{1}};
    struct vd_slice value;
    struct vd_slice proof[MAX_NODES];
    bool complete;
    size_t len;
    enum vd_err err = vd_trie_get(&source, &value, &complete, arena, NULL, &root, &in->key);
    in->next = 0;
    enum vd_err again = vd_trie_prove(&source, proof, &len, &value, arena, NULL, &root, &in->key);
    VD_ASSERT((err == VD_OK) == (again == VD_OK && value.len != 0));
    static const uint8_t one = 1;
    struct vd_trie_change changes[3] = {{in->key, {0}}, {in->key, {&one, 1}}, {in->key, {0}}};
    changes[0].key.b[31] &= 0xf0;
    changes[1].key.b[31] = (uint8_t)((changes[1].key.b[31] & 0xf0) + 5);
    changes[2].key.b[31] |= 0x0f;
    for (size_t count = 1; count <= 3; count++) {
        in->next = 0;
        err = vd_trie_update(&source, &sink, &root, arena, NULL, &(struct vd_hash){{1}}, changes,
                             count);
        VD_ASSERT(err == VD_OK || err == VD_ERR_CORRUPT || err == VD_ERR_NOT_FOUND);
    }
}

static void
check_proof(const struct input *in)
{
    struct vd_slice value;
    struct vd_hash root = vd_keccak256(in->nodes[0]);
    enum vd_err err = vd_trie_verify(&value, &root, &in->key, in->nodes, in->count);
    VD_ASSERT(err == VD_OK || err == VD_ERR_INVALID);
    root.b[0] ^= 1;
    err = vd_trie_verify(&value, &root, &in->key, in->nodes, in->count);
    VD_ASSERT(err == VD_ERR_INVALID);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.count = 0};
    if (size < sizeof in.key.b + 1)
        return 0;
    memcpy(in.key.b, data, sizeof in.key.b);
    struct vd_arena arena;
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    size_t at = sizeof in.key.b;
    while (at < size && in.count < MAX_NODES) {
        size_t len = data[at++];
        if (len == 0xff && size - at >= 2) {
            len = vd_load_be16(data + at);
            at += 2;
        }
        if (len > size - at)
            len = size - at;
        in.nodes[in.count++] = vd_slice(data + at, len);
        check_node(in.nodes[in.count - 1], &arena);
        at += len;
        vd_arena_rewind(&arena, 0);
    }
    check_walks(&in, &arena);
    check_proof(&in);
    free(arena.base);
    return 0;
}
