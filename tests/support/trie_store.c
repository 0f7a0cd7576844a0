#include "support/trie_store.h"

#include <stdlib.h>

/* --- by hash --- */

struct hash_store_row {
    struct vd_hash hash;
    uint8_t *bytes; /* NULL: free */
    size_t len;
};

static struct hash_store_row *
find_row(const struct hash_store *store, const struct vd_hash *hash)
{
    size_t i;
    memcpy(&i, hash->b, sizeof i);
    for (;; i++) {
        struct hash_store_row *row = &store->rows[i & (store->cap - 1)];
        if (row->bytes == NULL || vd_hash_eq(&row->hash, hash))
            return row;
    }
}

static void
grow(struct hash_store *store)
{
    struct hash_store bigger = {.cap = store->cap == 0 ? 64 : store->cap * 2,
                                .count = store->count};
    bigger.rows = calloc(bigger.cap, sizeof *bigger.rows);
    VD_ASSERT(bigger.rows != NULL);
    for (size_t i = 0; i < store->cap; i++) {
        if (store->rows[i].bytes != NULL)
            *find_row(&bigger, &store->rows[i].hash) = store->rows[i];
    }
    free(store->rows);
    *store = bigger;
}

void
hash_store_deinit(struct hash_store *store)
{
    for (size_t i = 0; i < store->cap; i++)
        free(store->rows[i].bytes);
    free(store->rows);
    *store = (struct hash_store){0};
}

void
hash_store_put(struct hash_store *store, const struct vd_hash *hash, struct vd_slice bytes)
{
    if (store->count * 2 >= store->cap)
        grow(store);
    struct hash_store_row *row = find_row(store, hash);
    if (row->bytes != NULL)
        return;
    row->hash = *hash;
    row->bytes = malloc(bytes.len + 1);
    VD_ASSERT(row->bytes != NULL);
    if (bytes.len != 0)
        memcpy(row->bytes, bytes.ptr, bytes.len);
    row->len = bytes.len;
    store->count++;
}

struct vd_slice
hash_store_get(const struct hash_store *store, const struct vd_hash *hash)
{
    if (store->cap == 0)
        return (struct vd_slice){0};
    const struct hash_store_row *row = find_row(store, hash);
    return row->bytes == NULL ? (struct vd_slice){0} : vd_slice(row->bytes, row->len);
}

static enum vd_err
hash_node(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
          const struct vd_hash *hash)
{
    (void)at;
    struct vd_slice rlp = hash_store_get(ctx, hash);
    if (rlp.len == 0)
        return VD_ERR_NOT_FOUND;
    return vd_trie_decode(out, rlp) == VD_OK ? VD_OK : VD_ERR_CORRUPT;
}

void
hash_store_source(struct vd_trie_source *out, struct hash_store *store)
{
    *out = (struct vd_trie_source){.ctx = store, .node = hash_node};
}

static enum vd_err
hash_put(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *node,
         struct vd_slice rlp, const struct vd_trie_ref *ref)
{
    (void)at;
    (void)node;
    struct vd_hash hash;
    memcpy(hash.b, ref->bytes, sizeof hash.b);
    if (ref->len == 32)
        hash_store_put(ctx, &hash, rlp);
    return VD_OK;
}

static enum vd_err
hash_del(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
         const struct vd_trie_node *old)
{
    (void)ctx;
    (void)at;
    (void)type;
    (void)old;
    return VD_OK;
}

void
hash_store_sink(struct vd_trie_sink *out, struct hash_store *store)
{
    *out = (struct vd_trie_sink){.ctx = store, .put = hash_put, .del = hash_del};
}

/* --- by path --- */

/* The path packed and padded with zero nibbles; rows are sorted by it and then by length, which
   is the order of paths.  A leaf is a row of 64 nibbles. */
struct path_row {
    uint8_t packed[32];
    uint8_t nibbles;
    uint16_t len;
    uint8_t data[]; /* the value, or for each child its length and its bytes */
};

struct path_bucket {
    struct path_row **rows;
    uint32_t count;
    uint32_t cap;
};

struct path_key {
    uint8_t packed[32];
    uint8_t nibbles;
};

static struct path_key
path_key(const uint8_t *path, size_t len)
{
    struct path_key key = {.nibbles = (uint8_t)len};
    for (size_t i = 0; i < len; i++)
        key.packed[i / 2] |= (uint8_t)(path[i] << ((i & 1) != 0 ? 0 : 4));
    return key;
}

static int
compare(const struct path_row *row, const struct path_key *key)
{
    int order = memcmp(row->packed, key->packed, sizeof key->packed);
    return order != 0 ? order : row->nibbles - key->nibbles;
}

static size_t
bucket_of(const struct path_table *table, const struct path_key *key)
{
    return vd_load_be32(key->packed) >> (32 - table->bits);
}

/* The first row of the bucket not before key. */
static size_t
lower_bound(const struct path_bucket *bucket, const struct path_key *key)
{
    size_t lo = 0;
    size_t hi = bucket->count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (compare(bucket->rows[mid], key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static const struct path_row *
table_first(const struct path_table *table, const struct path_key *key)
{
    size_t b = bucket_of(table, key);
    size_t i = lower_bound(&table->buckets[b], key);
    while (i == table->buckets[b].count) {
        if (++b == (size_t)1 << table->bits)
            return NULL;
        i = 0;
    }
    return table->buckets[b].rows[i];
}

static void
table_erase(struct path_table *table, const struct path_key *key)
{
    struct path_bucket *bucket = &table->buckets[bucket_of(table, key)];
    size_t i = lower_bound(bucket, key);
    if (i == bucket->count || compare(bucket->rows[i], key) != 0)
        return;
    free(bucket->rows[i]);
    bucket->count--;
    memmove(bucket->rows + i, bucket->rows + i + 1, (bucket->count - i) * sizeof *bucket->rows);
    table->count--;
}

static void
table_set(struct path_table *table, const struct path_key *key, const uint8_t *data, size_t len)
{
    table_erase(table, key);
    struct path_bucket *bucket = &table->buckets[bucket_of(table, key)];
    if (bucket->count == bucket->cap) {
        bucket->cap = bucket->cap == 0 ? 2 : bucket->cap * 2;
        bucket->rows = realloc(bucket->rows, bucket->cap * sizeof *bucket->rows);
    }
    struct path_row *row = malloc(sizeof *row + len);
    VD_ASSERT(bucket->rows != NULL && row != NULL);
    memcpy(row->packed, key->packed, sizeof row->packed);
    row->nibbles = key->nibbles;
    row->len = (uint16_t)len;
    memcpy(row->data, data, len);
    size_t i = lower_bound(bucket, key);
    memmove(bucket->rows + i + 1, bucket->rows + i, (bucket->count - i) * sizeof *bucket->rows);
    bucket->rows[i] = row;
    bucket->count++;
    table->count++;
}

static void
table_init(struct path_table *table, unsigned bits)
{
    *table = (struct path_table){.bits = bits};
    table->buckets = calloc((size_t)1 << bits, sizeof *table->buckets);
    VD_ASSERT(table->buckets != NULL);
}

static void
table_deinit(struct path_table *table)
{
    for (size_t b = 0; b < (size_t)1 << table->bits; b++) {
        for (size_t i = 0; i < table->buckets[b].count; i++)
            free(table->buckets[b].rows[i]);
        free(table->buckets[b].rows);
    }
    free(table->buckets);
}

static struct path_key
leaf_key(const struct vd_hash *key)
{
    struct path_key k = {.nibbles = VD_TRIE_MAX_NIBBLES};
    memcpy(k.packed, key->b, sizeof key->b);
    return k;
}

void
path_store_set_leaf(struct path_store *store, const struct vd_hash *key, struct vd_slice value)
{
    struct path_key k = leaf_key(key);
    VD_ASSERT(value.len <= sizeof store->value);
    if (value.len == 0)
        table_erase(&store->leaves, &k);
    else
        table_set(&store->leaves, &k, value.ptr, value.len);
}

void
path_store_set_branch(struct path_store *store, const uint8_t *path, size_t path_len,
                      const struct vd_trie_ref *child)
{
    struct path_key key = path_key(path, path_len);
    if (child == NULL) {
        table_erase(&store->branches, &key);
        return;
    }
    uint8_t data[16 * 33];
    size_t len = 0;
    for (size_t i = 0; i < 16; i++) {
        data[len++] = child[i].len;
        memcpy(data + len, child[i].bytes, child[i].len);
        len += child[i].len;
    }
    table_set(&store->branches, &key, data, len);
}

static void
unpack_children(struct vd_trie_ref child[16], const struct path_row *row)
{
    const uint8_t *p = row->data;
    for (size_t i = 0; i < 16; i++) {
        child[i].len = *p++;
        if (child[i].len == 32)
            memcpy(child[i].bytes, p, 32);
        else
            memcpy(child[i].bytes, p, child[i].len);
        p += child[i].len;
    }
}

bool
path_store_get_branch(const struct path_store *store, const uint8_t *path, size_t path_len,
                      struct vd_trie_ref child[16])
{
    struct path_key key = path_key(path, path_len);
    const struct path_row *row = table_first(&store->branches, &key);
    if (row == NULL || compare(row, &key) != 0)
        return false;
    unpack_children(child, row);
    return true;
}

static enum vd_err
first_branch(void *ctx, uint8_t path[VD_TRIE_MAX_NIBBLES], size_t *path_len,
             struct vd_trie_ref child[16], const struct vd_trie_position *at)
{
    const struct path_store *store = ctx;
    struct path_key key = path_key(at->path, at->path_len);
    const struct path_row *row = table_first(&store->branches, &key);
    if (row == NULL)
        return VD_ERR_NOT_FOUND;
    *path_len = row->nibbles;
    for (size_t i = 0; i < row->nibbles; i++)
        path[i] = (i & 1) != 0 ? row->packed[i / 2] & 15 : row->packed[i / 2] >> 4;
    unpack_children(child, row);
    return VD_OK;
}

static enum vd_err
first_leaf(void *ctx, struct vd_hash *key, struct vd_slice *value,
           const struct vd_trie_position *at)
{
    struct path_store *store = ctx;
    struct path_key from = path_key(at->path, at->path_len);
    from.nibbles = VD_TRIE_MAX_NIBBLES;
    const struct path_row *row = table_first(&store->leaves, &from);
    if (row == NULL)
        return VD_ERR_NOT_FOUND;
    memcpy(key->b, row->packed, sizeof key->b);
    memcpy(store->value, row->data, row->len);
    *value = vd_slice(store->value, row->len);
    return VD_OK;
}

void
path_store_init(struct path_store *store, unsigned bits)
{
    *store = (struct path_store){
        .rows = {.ctx = store, .first_branch = first_branch, .first_leaf = first_leaf}};
    table_init(&store->leaves, bits);
    table_init(&store->branches, bits);
}

void
path_store_deinit(struct path_store *store)
{
    table_deinit(&store->leaves);
    table_deinit(&store->branches);
}

void
path_store_source(struct vd_trie_source *out, struct path_store *store)
{
    vd_pathstore_source(out, &store->rows);
}

static enum vd_err
path_put(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *node,
         struct vd_slice rlp, const struct vd_trie_ref *ref)
{
    (void)rlp;
    (void)ref;
    if (node->type == VD_TRIE_BRANCH)
        path_store_set_branch(ctx, at->path, at->path_len, node->child);
    return VD_OK;
}

static enum vd_err
path_del(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
         const struct vd_trie_node *old)
{
    (void)old;
    if (type == VD_TRIE_BRANCH)
        path_store_set_branch(ctx, at->path, at->path_len, NULL);
    return VD_OK;
}

void
path_store_sink(struct vd_trie_sink *out, struct path_store *store)
{
    *out = (struct vd_trie_sink){.ctx = store, .put = path_put, .del = path_del};
}
