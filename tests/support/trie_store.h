/* Stores of tries in memory: nodes by hash, as a witness has them, and flat leaves with branch rows
   by path, as the database has them.  One trie each; memory comes from malloc. */
#ifndef VD_TESTS_SUPPORT_TRIE_STORE_H
#define VD_TESTS_SUPPORT_TRIE_STORE_H

#include "viaduct/core/state/pathstore.h"

/* --- by hash --- */

struct hash_store {
    struct hash_store_row *rows;
    size_t cap; /* a power of two, or 0 */
    size_t count;
};

void hash_store_deinit(struct hash_store *store);
void hash_store_put(struct hash_store *store, const struct vd_hash *hash, struct vd_slice bytes);
/* An empty slice when it is not there. */
struct vd_slice hash_store_get(const struct hash_store *store, const struct vd_hash *hash);
void hash_store_source(struct vd_trie_source *out, struct hash_store *store);
/* Adds every hashed node; removes nothing. */
void hash_store_sink(struct vd_trie_sink *out, struct hash_store *store);

/* --- by path --- */

/* A sorted table in 2^bits buckets by the first bits of the key. */
struct path_table {
    struct path_bucket *buckets;
    unsigned bits;
    size_t count;
};

struct path_store {
    struct path_table leaves;
    struct path_table branches;
    struct vd_pathstore rows;
    uint8_t value[256]; /* handed out by first_leaf, overwritten by each call */
};

void path_store_init(struct path_store *store, unsigned bits);
void path_store_deinit(struct path_store *store);
/* An empty value erases the leaf. */
void path_store_set_leaf(struct path_store *store, const struct vd_hash *key,
                         struct vd_slice value);
/* child NULL erases the row. */
void path_store_set_branch(struct path_store *store, const uint8_t *path, size_t path_len,
                           const struct vd_trie_ref *child);
/* The children of the row; false when there is none. */
bool path_store_get_branch(const struct path_store *store, const uint8_t *path, size_t path_len,
                           struct vd_trie_ref child[16]);
void path_store_source(struct vd_trie_source *out, struct path_store *store);
/* Keeps the branch rows; leaves are set by whoever makes the changes. */
void path_store_sink(struct vd_trie_sink *out, struct path_store *store);

#endif
