/* A Merkle Patricia trie written down straight from the Yellow Paper's appendix D: a function of a
   sorted list of pairs, by recursion, from scratch each time.  It shares no code with core but
   keccak, and is what core's trie is compared with. */
#ifndef VD_TESTS_SUPPORT_NAIVE_TRIE_H
#define VD_TESTS_SUPPORT_NAIVE_TRIE_H

#include "viaduct/core/base/bytes.h"

struct naive_pair {
    uint8_t nibbles[80];
    size_t nibble_count;
    struct vd_slice value;
};

/* kind: 'l', 'e' or 'b'.  rlp lives during the call. */
typedef void (*naive_node_fn)(void *ctx, const uint8_t *path, size_t path_len, char kind,
                              struct vd_slice rlp);

void naive_pair_init(struct naive_pair *pair, struct vd_slice key, struct vd_slice value);
/* Sorts pairs by key. */
void naive_sort(struct naive_pair *pairs, size_t count);
/* The root over sorted pairs; visit (may be NULL) gets every node. */
struct vd_hash naive_root(const struct naive_pair *pairs, size_t count, naive_node_fn visit,
                          void *ctx);

#endif
