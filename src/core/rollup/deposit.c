/* User deposits: TransactionDeposited logs of L1's portal (OP Stack specs, deposits). */
#include "core/rollup/internal.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"

enum {
    OPAQUE_FIXED = 73, /* mint, value, gas limit, isCreation */
};

static struct vd_hash
hash_words(const struct vd_hash *a, const struct vd_hash *b)
{
    uint8_t words[64];
    memcpy(words, a->b, 32);
    memcpy(words + 32, b->b, 32);
    return vd_keccak256(vd_slice(words, sizeof words));
}

static struct vd_hash
number_word(uint64_t value)
{
    struct vd_hash word = {{0}};
    vd_store_be64(word.b + 24, value);
    return word;
}

struct vd_hash
vd_source_hash(uint64_t domain, const struct vd_hash *inner, uint64_t index)
{
    struct vd_hash id = *inner;
    struct vd_hash domain_word = number_word(domain);
    if (domain < VD_SOURCE_UPGRADE) {
        struct vd_hash index_word = number_word(index);
        id = hash_words(inner, &index_word);
    }
    return hash_words(&domain_word, &id);
}

bool
vd_is_deposit_log(const struct vd_log *log, const struct vd_address *portal)
{
    return log->topic_count > 0 && vd_address_eq(&log->address, portal) &&
           vd_hash_eq(&log->topics[0], &VD_TOPIC_TRANSACTION_DEPOSITED);
}

/* word 32, word n, then n bytes and zeros up to a whole word, and nothing else. */
static bool
read_opaque(struct vd_slice *opaque, struct vd_slice data)
{
    if (data.len < 64)
        return false;
    struct vd_u256 offset = vd_u256_from_be(data.ptr);
    struct vd_u256 length = vd_u256_from_be(data.ptr + 32);
    size_t room = data.len - 64;
    if (!vd_u256_fits_u64(&offset) || offset.w[0] != 32 || !vd_u256_fits_u64(&length) ||
        length.w[0] > room)
        return false;
    *opaque = vd_slice(data.ptr + 64, (size_t)length.w[0]);
    if (room != (opaque->len + 31) / 32 * 32)
        return false;
    for (size_t i = opaque->len; i < room; i++) {
        if (data.ptr[64 + i] != 0)
            return false;
    }
    return opaque->len >= OPAQUE_FIXED;
}

enum vd_err
vd_deposit_from_log(struct vd_buf *out, const struct vd_log *log,
                    const struct vd_hash *l1_block_hash, uint64_t log_index)
{
    static const struct vd_hash version0 = {{0}};
    struct vd_slice opaque;
    if (log->topic_count != 4 || !vd_hash_eq(&log->topics[0], &VD_TOPIC_TRANSACTION_DEPOSITED) ||
        !vd_hash_eq(&log->topics[3], &version0) || !read_opaque(&opaque, log->data))
        return VD_ERR_INVALID;
    const uint8_t *p = opaque.ptr;
    struct vd_tx tx = {
        .type = VD_TX_DEPOSIT,
        .source_hash = vd_source_hash(VD_SOURCE_USER_DEPOSIT, l1_block_hash, log_index),
        .mint = vd_u256_from_be(p),
        .value = vd_u256_from_be(p + 32),
        .gas_limit = vd_load_be64(p + 64),
        .is_create = p[72] != 0,
        .data = vd_slice(p + OPAQUE_FIXED, opaque.len - OPAQUE_FIXED),
    };
    tx.has_mint = !vd_u256_is_zero(&tx.mint);
    memcpy(tx.from.b, log->topics[1].b + 12, sizeof tx.from.b);
    memcpy(tx.to.b, log->topics[2].b + 12, sizeof tx.to.b);
    vd_tx_encode(out, &tx);
    return out->err;
}

/* Deposits as they come, in one buffer; offsets become addresses when it no longer moves. */
struct collector {
    struct vd_slice *slices;
    size_t count;
    struct vd_buf bytes;
    const struct vd_hash *l1_block_hash;
};

static enum vd_err
collect(struct collector *c, const struct vd_log *log, uint64_t index)
{
    size_t start = c->bytes.len;
    enum vd_err err = vd_deposit_from_log(&c->bytes, log, c->l1_block_hash, index);
    if (err == VD_OK)
        c->slices[c->count++] = vd_slice(NULL, c->bytes.len - start);
    return err;
}

static enum vd_err
collector_init(struct collector *c, struct vd_arena *arena, size_t count,
               const struct vd_hash *l1_block_hash)
{
    *c = (struct collector){.l1_block_hash = l1_block_hash};
    c->slices = VD_ARENA_NEW(arena, struct vd_slice, count);
    vd_buf_init(&c->bytes, arena);
    return c->slices == NULL ? VD_ERR_NO_MEMORY : VD_OK;
}

static void
collector_finish(struct collector *c, struct vd_slice **deposits, size_t *count)
{
    const uint8_t *p = c->bytes.ptr;
    for (size_t i = 0; i < c->count; i++) {
        c->slices[i].ptr = p;
        p += c->slices[i].len;
    }
    *deposits = c->slices;
    *count = c->count;
}

enum vd_err
vd_deposits_read(struct vd_slice **deposits, size_t *count, struct vd_arena *arena,
                 const struct vd_address *portal, const struct vd_hash *l1_block_hash,
                 const struct vd_receipt *receipts, size_t receipt_count)
{
    struct collector c;
    size_t found = 0;
    for (size_t i = 0; i < receipt_count; i++) {
        for (size_t j = 0; receipts[i].success && j < receipts[i].log_count; j++)
            found += vd_is_deposit_log(&receipts[i].logs[j], portal);
    }
    enum vd_err err = collector_init(&c, arena, found, l1_block_hash);
    uint64_t index = 0;
    for (size_t i = 0; err == VD_OK && i < receipt_count; i++) {
        for (size_t j = 0; err == VD_OK && j < receipts[i].log_count; j++, index++) {
            const struct vd_log *log = &receipts[i].logs[j];
            if (receipts[i].success && vd_is_deposit_log(log, portal))
                err = collect(&c, log, index);
        }
    }
    if (err == VD_OK)
        collector_finish(&c, deposits, count);
    return err;
}

enum vd_err
vd_deposits_read_raw(struct vd_slice **deposits, size_t *count, struct vd_arena *arena,
                     const struct vd_address *portal, const struct vd_hash *l1_block_hash,
                     const struct vd_slice *receipts, size_t receipt_count)
{
    struct collector c;
    struct vd_log_walk walk;
    struct vd_log log;
    uint64_t index;
    size_t found = 0;
    vd_log_walk_init(&walk, receipts, receipt_count);
    while (vd_log_walk_next(&walk, &log, &index))
        found += vd_is_deposit_log(&log, portal);
    if (walk.malformed)
        return VD_ERR_INVALID;
    enum vd_err err = collector_init(&c, arena, found, l1_block_hash);
    vd_log_walk_init(&walk, receipts, receipt_count);
    while (err == VD_OK && vd_log_walk_next(&walk, &log, &index)) {
        if (vd_is_deposit_log(&log, portal))
            err = collect(&c, &log, index);
    }
    if (err == VD_OK)
        collector_finish(&c, deposits, count);
    return err;
}
