#include "support/naive_trie.h"

#include <stdlib.h>

#include "viaduct/core/crypto/keccak.h"

/* Bytes on the heap that grow. */
struct bytes {
    uint8_t *ptr;
    size_t len;
};

static void
append(struct bytes *out, const uint8_t *bytes, size_t len)
{
    out->ptr = realloc(out->ptr, out->len + len + 1);
    VD_ASSERT(out->ptr != NULL);
    if (len != 0)
        memcpy(out->ptr + out->len, bytes, len);
    out->len += len;
}

static void
append_header(struct bytes *out, uint8_t base, size_t len)
{
    uint8_t header[9];
    size_t n = 0;
    if (len <= 55) {
        header[0] = (uint8_t)(base + len);
    } else {
        for (size_t rest = len; rest != 0; rest >>= 8)
            n++;
        header[0] = (uint8_t)(base + 55 + n);
        for (size_t i = 0; i < n; i++)
            header[n - i] = (uint8_t)(len >> (8 * i));
    }
    append(out, header, n + 1);
}

static void
append_string(struct bytes *out, const uint8_t *bytes, size_t len)
{
    if (len != 1 || bytes[0] >= 0x80)
        append_header(out, 0x80, len);
    append(out, bytes, len);
}

static void
append_path(struct bytes *out, const uint8_t *nibbles, size_t count, bool leaf)
{
    uint8_t hp[48] = {0};
    bool odd = count % 2 != 0;
    hp[0] = (uint8_t)((leaf ? 32 : 0) + (odd ? 16 + nibbles[0] : 0));
    size_t len = 1;
    for (size_t i = odd ? 1 : 0; i < count; i += 2)
        hp[len++] = (uint8_t)(nibbles[i] * 16 + nibbles[i + 1]);
    append_string(out, hp, len);
}

struct visitor {
    naive_node_fn visit;
    void *ctx;
};

static struct bytes node(const struct naive_pair *pairs, size_t count, size_t depth,
                         const struct visitor *v);

/* n(J, i) of appendix D: the RLP itself when shorter than 32 bytes, else its hash. */
static void
append_child(struct bytes *out, struct bytes child)
{
    struct vd_hash hash = vd_keccak256(vd_slice(child.ptr, child.len));
    if (child.len < 32)
        append(out, child.ptr, child.len);
    else
        append_string(out, hash.b, sizeof hash.b);
    free(child.ptr);
}

static void
append_branch(struct bytes *out, const struct naive_pair *pairs, size_t count, size_t depth,
              const struct visitor *v)
{
    struct vd_slice value = {0};
    size_t i = 0;
    if (pairs[0].nibble_count == depth)
        value = pairs[i++].value;
    for (uint8_t nibble = 0; nibble < 16; nibble++) {
        size_t first = i;
        while (i < count && pairs[i].nibbles[depth] == nibble)
            i++;
        if (i == first)
            append_string(out, NULL, 0);
        else
            append_child(out, node(pairs + first, i - first, depth + 1, v));
    }
    append_string(out, value.ptr, value.len);
}

static struct bytes
node(const struct naive_pair *pairs, size_t count, size_t depth, const struct visitor *v)
{
    struct bytes content = {0};
    const struct naive_pair *first = &pairs[0];
    const struct naive_pair *last = &pairs[count - 1];
    size_t fork = depth;
    while (fork < first->nibble_count && fork < last->nibble_count &&
           first->nibbles[fork] == last->nibbles[fork])
        fork++;
    char kind = count == 1 ? 'l' : fork > depth ? 'e' : 'b';
    if (kind == 'l') {
        append_path(&content, first->nibbles + depth, first->nibble_count - depth, true);
        append_string(&content, first->value.ptr, first->value.len);
    } else if (kind == 'e') {
        append_path(&content, first->nibbles + depth, fork - depth, false);
        append_child(&content, node(pairs, count, fork, v));
    } else {
        append_branch(&content, pairs, count, depth, v);
    }
    struct bytes rlp = {0};
    append_header(&rlp, 0xc0, content.len);
    append(&rlp, content.ptr, content.len);
    free(content.ptr);
    if (v->visit != NULL)
        v->visit(v->ctx, first->nibbles, depth, kind, vd_slice(rlp.ptr, rlp.len));
    return rlp;
}

void
naive_pair_init(struct naive_pair *pair, struct vd_slice key, struct vd_slice value)
{
    VD_ASSERT(2 * key.len <= sizeof pair->nibbles);
    *pair = (struct naive_pair){.nibble_count = 2 * key.len, .value = value};
    for (size_t i = 0; i < key.len; i++) {
        pair->nibbles[2 * i] = key.ptr[i] / 16;
        pair->nibbles[2 * i + 1] = key.ptr[i] % 16;
    }
}

static int
compare(const void *a, const void *b)
{
    const struct naive_pair *x = a;
    const struct naive_pair *y = b;
    size_t len = x->nibble_count < y->nibble_count ? x->nibble_count : y->nibble_count;
    int order = memcmp(x->nibbles, y->nibbles, len);
    return order != 0 ? order : (x->nibble_count > len) - (y->nibble_count > len);
}

void
naive_sort(struct naive_pair *pairs, size_t count)
{
    qsort(pairs, count, sizeof *pairs, compare);
}

struct vd_hash
naive_root(const struct naive_pair *pairs, size_t count, naive_node_fn visit, void *ctx)
{
    const uint8_t empty = 0x80;
    if (count == 0)
        return vd_keccak256(vd_slice(&empty, 1));
    struct visitor v = {visit, ctx};
    struct bytes rlp = node(pairs, count, 0, &v);
    struct vd_hash hash = vd_keccak256(vd_slice(rlp.ptr, rlp.len));
    free(rlp.ptr);
    return hash;
}
