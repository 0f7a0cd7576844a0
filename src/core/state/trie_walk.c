/* Reading one key: lookup, proof and its check (EIP-1186). */
#include "core/state/trie_internal.h"
#include "viaduct/core/crypto/keccak.h"

static void
unpack(uint8_t nibbles[VD_TRIE_MAX_NIBBLES], const struct vd_hash *key)
{
    for (size_t i = 0; i < VD_TRIE_MAX_NIBBLES; i++)
        nibbles[i] = vd_nibble(key->b, i);
}

static struct vd_trie_ref
hash_ref(const struct vd_hash *hash)
{
    struct vd_trie_ref ref = {.len = 32};
    memcpy(ref.bytes, hash->b, sizeof hash->b);
    return ref;
}

/* Follows nibbles through node, from *depth on.  True: *ref is the next node's reference and
 *depth its depth.  False: the walk ends here, *value is what the key has (empty: nothing). */
static bool
step(const struct vd_trie_node *node, const uint8_t *nibbles, size_t *depth,
     struct vd_trie_ref *ref, struct vd_slice *value)
{
    *value = (struct vd_slice){0};
    size_t len = node->path_len;
    if (node->type != VD_TRIE_BRANCH) {
        if (*depth + len > VD_TRIE_MAX_NIBBLES || memcmp(node->path, nibbles + *depth, len) != 0)
            return false;
        *depth += len;
    }
    if (node->type == VD_TRIE_LEAF) {
        if (*depth == VD_TRIE_MAX_NIBBLES)
            *value = node->value;
        return false;
    }
    if (*depth == VD_TRIE_MAX_NIBBLES)
        return false;
    *ref = node->child[node->type == VD_TRIE_BRANCH ? nibbles[(*depth)++] : 0];
    return ref->len != 0;
}

/* Where a walk stands, so that lookups and proofs share it. */
struct walk {
    const struct vd_trie_source *source;
    const struct vd_hash *owner;
    struct vd_trie_ref ref;
    uint8_t nibbles[VD_TRIE_MAX_NIBBLES];
    size_t depth;
    struct vd_trie_node node;
};

static void
walk_begin(struct walk *walk, const struct vd_trie_source *source, const struct vd_hash *owner,
           const struct vd_hash *root, const struct vd_hash *key)
{
    walk->source = source;
    walk->owner = owner;
    walk->ref = hash_ref(root);
    walk->depth = 0;
    unpack(walk->nibbles, key);
}

static enum vd_err
walk_read(struct walk *walk)
{
    struct vd_trie_position at = {walk->owner, walk->nibbles, walk->depth};
    enum vd_err err = vd_trie_read_ref(walk->source, &walk->node, &at, &walk->ref);
    if (err != VD_OK || walk->ref.len < 32 || !walk->source->unchecked)
        return err;
    struct vd_hash hash = vd_trie_node_hash(&walk->node);
    return memcmp(hash.b, walk->ref.bytes, sizeof hash.b) == 0 ? VD_OK : VD_ERR_CORRUPT;
}

static enum vd_err
copy_value(struct vd_slice *out, struct vd_arena *arena, struct vd_slice value)
{
    uint8_t *copy = vd_arena_copy(arena, value);
    if (copy == NULL)
        return VD_ERR_NO_MEMORY;
    *out = vd_slice(copy, value.len);
    return VD_OK;
}

enum vd_err
vd_trie_get(const struct vd_trie_source *source, struct vd_slice *value, bool *complete,
            struct vd_arena *arena, const struct vd_hash *owner, const struct vd_hash *root,
            const struct vd_hash *key)
{
    *value = (struct vd_slice){0};
    *complete = true;
    if (vd_hash_eq(root, &VD_EMPTY_ROOT))
        return VD_ERR_NOT_FOUND;
    struct walk walk;
    walk_begin(&walk, source, owner, root, key);
    struct vd_slice found;
    do {
        enum vd_err err = walk_read(&walk);
        if (err != VD_OK) {
            *complete = err != VD_ERR_NOT_FOUND;
            return err;
        }
    } while (step(&walk.node, walk.nibbles, &walk.depth, &walk.ref, &found));
    return found.len == 0 ? VD_ERR_NOT_FOUND : copy_value(value, arena, found);
}

enum vd_err
vd_trie_prove(const struct vd_trie_source *source, struct vd_slice *proof, size_t *proof_len,
              struct vd_slice *value, struct vd_arena *arena, const struct vd_hash *owner,
              const struct vd_hash *root, const struct vd_hash *key)
{
    *value = (struct vd_slice){0};
    *proof_len = 0;
    if (vd_hash_eq(root, &VD_EMPTY_ROOT))
        return VD_OK;
    struct walk walk;
    walk_begin(&walk, source, owner, root, key);
    struct vd_slice found;
    do {
        bool hashed = walk.ref.len == 32;
        enum vd_err err = walk_read(&walk);
        if (err != VD_OK)
            return err;
        if (hashed) {
            struct vd_buf buf;
            vd_buf_init(&buf, arena);
            vd_trie_encode(&buf, &walk.node);
            if (buf.err != VD_OK)
                return buf.err;
            proof[(*proof_len)++] = vd_buf_view(&buf);
        }
    } while (step(&walk.node, walk.nibbles, &walk.depth, &walk.ref, &found));
    return found.len == 0 ? VD_OK : copy_value(value, arena, found);
}

/* The next node of a proof must be the one behind ref; an inlined node is in ref itself. */
static bool
next_of_proof(struct vd_trie_node *out, const struct vd_trie_ref *ref, const struct vd_slice *proof,
              size_t proof_len, size_t *used)
{
    if (ref->len < 32)
        return vd_trie_decode(out, vd_slice(ref->bytes, ref->len)) == VD_OK;
    if (*used == proof_len)
        return false;
    struct vd_slice rlp = proof[*used];
    struct vd_hash hash = vd_keccak256(rlp);
    /* Only the root is referred to by hash when it is short. */
    if (memcmp(hash.b, ref->bytes, sizeof hash.b) != 0 || (rlp.len < 32 && *used != 0))
        return false;
    (*used)++;
    return vd_trie_decode(out, rlp) == VD_OK;
}

/* The empty trie is proved by no nodes, or by the one empty string that its root is the hash of. */
static bool
proves_empty(const struct vd_slice *proof, size_t proof_len)
{
    return proof_len == 0 || (proof_len == 1 && proof[0].len == 1 && proof[0].ptr[0] == 0x80);
}

/* The bytes of value as they stand in rlp, which contains them. */
static struct vd_slice
locate(struct vd_slice rlp, struct vd_slice value)
{
    size_t at = 0;
    while (memcmp(rlp.ptr + at, value.ptr, value.len) != 0) {
        at++;
        VD_ASSERT(at + value.len <= rlp.len);
    }
    return vd_slice(rlp.ptr + at, value.len);
}

enum vd_err
vd_trie_verify(struct vd_slice *value, const struct vd_hash *root, const struct vd_hash *key,
               const struct vd_slice *proof, size_t proof_len)
{
    *value = (struct vd_slice){0};
    if (vd_hash_eq(root, &VD_EMPTY_ROOT))
        return proves_empty(proof, proof_len) ? VD_OK : VD_ERR_INVALID;
    uint8_t nibbles[VD_TRIE_MAX_NIBBLES];
    unpack(nibbles, key);
    struct vd_trie_ref ref = hash_ref(root);
    struct vd_trie_ref next = ref;
    struct vd_trie_node node;
    struct vd_slice found;
    size_t depth = 0;
    size_t used = 0;
    do {
        ref = next;
        if (!next_of_proof(&node, &ref, proof, proof_len, &used) ||
            !vd_trie_fits_depth(&node, depth))
            return VD_ERR_INVALID;
    } while (step(&node, nibbles, &depth, &next, &found));
    if (used != proof_len)
        return VD_ERR_INVALID;
    /* An inlined leaf was read from this frame, but it lies in the last node of the proof. */
    *value = ref.len < 32 && found.len != 0 ? locate(proof[used - 1], found) : found;
    return VD_OK;
}
