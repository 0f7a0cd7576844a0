/* Transactions that wait: two hash tables over one list in the order of arrival. */
#include "engine_internal.h"

#include <stdlib.h>

/* Hashes are uniform; addresses are chosen by their owners, but only by grinding keys, and each
   account's entries are bounded. */
static size_t
hash_bucket(const struct vd_hash *hash)
{
    return vd_load_be32(hash->b) % VD_POOL_BUCKETS;
}

static size_t
sender_bucket(const struct vd_address *sender)
{
    return vd_load_be32(sender->b + 16) % VD_POOL_BUCKETS;
}

struct vd_waiting *
vd_mempool_find(const struct vd_mempool *pool, const struct vd_hash *hash)
{
    struct vd_waiting *w = pool->by_hash[hash_bucket(hash)];
    while (w && !vd_hash_eq(&w->hash, hash)) {
        w = w->next_hash;
    }
    return w;
}

struct vd_waiting *
vd_mempool_at(const struct vd_mempool *pool, const struct vd_address *sender, uint64_t nonce)
{
    struct vd_waiting *w = pool->by_sender[sender_bucket(sender)];
    while (w && !(w->nonce == nonce && vd_address_eq(&w->sender, sender))) {
        w = w->next_sender;
    }
    return w;
}

size_t
vd_mempool_of(const struct vd_mempool *pool, const struct vd_address *sender)
{
    size_t count = 0;
    for (const struct vd_waiting *w = pool->by_sender[sender_bucket(sender)]; w;
         w = w->next_sender) {
        count += vd_address_eq(&w->sender, sender) ? 1 : 0;
    }
    return count;
}

struct vd_waiting *
vd_mempool_add(struct vd_mempool *pool, const struct vd_tx *tx, const struct vd_address *sender,
               uint64_t now_ms)
{
    struct vd_waiting *w = calloc(1, sizeof *w + tx->raw.len);
    if (!w) {
        return NULL;
    }
    w->hash = tx->hash;
    w->sender = *sender;
    w->nonce = tx->nonce;
    w->max_fee = tx->max_fee;
    w->max_priority_fee = tx->max_priority_fee;
    w->arrived_ms = now_ms;
    w->len = tx->raw.len;
    memcpy(w->raw, tx->raw.ptr, tx->raw.len);
    struct vd_waiting **bucket = &pool->by_hash[hash_bucket(&w->hash)];
    w->next_hash = *bucket;
    *bucket = w;
    bucket = &pool->by_sender[sender_bucket(sender)];
    w->next_sender = *bucket;
    *bucket = w;
    w->older = pool->newest;
    if (pool->newest) {
        pool->newest->newer = w;
    } else {
        pool->oldest = w;
    }
    pool->newest = w;
    pool->count++;
    pool->bytes += w->len;
    return w;
}

void
vd_mempool_remove(struct vd_mempool *pool, struct vd_waiting *waiting)
{
    struct vd_waiting **link = &pool->by_hash[hash_bucket(&waiting->hash)];
    while (*link != waiting) {
        link = &(*link)->next_hash;
    }
    *link = waiting->next_hash;
    link = &pool->by_sender[sender_bucket(&waiting->sender)];
    while (*link != waiting) {
        link = &(*link)->next_sender;
    }
    *link = waiting->next_sender;
    *(waiting->older ? &waiting->older->newer : &pool->oldest) = waiting->newer;
    *(waiting->newer ? &waiting->newer->older : &pool->newest) = waiting->older;
    pool->count--;
    pool->bytes -= waiting->len;
    free(waiting);
}

void
vd_mempool_clear(struct vd_mempool *pool)
{
    while (pool->oldest) {
        vd_mempool_remove(pool, pool->oldest);
    }
}
