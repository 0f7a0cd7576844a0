/* Blocks of both chains by hash: L1 from its head downwards, L2 from the agreed block downwards. */
#include "program_internal.h"

enum vd_err
run_keccak(struct run *run, struct vd_slice *out, struct vd_arena *arena,
           const struct vd_hash *hash)
{
    struct vd_hash key = vd_key_typed(VD_KEY_KECCAK, hash);
    return run->oracle->get(run->oracle->ctx, out, arena, &key);
}

void
run_hint(struct run *run, enum vd_hint_kind kind, const struct vd_hash *hash)
{
    struct vd_hint hint = {.kind = kind, .hash = *hash};
    if (run->oracle->hint != NULL)
        run->oracle->hint(run->oracle->ctx, &hint);
}

enum vd_err
read_header(struct run *run, struct vd_header *header, struct vd_arena *arena,
            enum vd_hint_kind kind, const struct vd_hash *hash)
{
    struct vd_slice rlp;
    run_hint(run, kind, hash);
    enum vd_err err = run_keccak(run, &rlp, arena, hash);
    return err == VD_OK ? vd_header_decode(header, rlp) : err;
}

/* A header's first field.  Headers are lists of 249 bytes to 64 KiB, so three bytes of list header
   and one of string header stand before it. */
static enum vd_err
read_parent(struct run *run, struct vd_hash *parent, enum vd_hint_kind kind,
            const struct vd_hash *hash)
{
    uint8_t head[64];
    struct vd_hash key = vd_key_typed(VD_KEY_KECCAK, hash);
    run_hint(run, kind, hash);
    enum vd_err err = run->oracle->head(run->oracle->ctx, head, &key);
    if (err != VD_OK)
        return err;
    if (head[0] != 0xf9 || head[3] != 0xa0)
        return VD_ERR_CORRUPT;
    memcpy(parent->b, head + 4, sizeof parent->b);
    return VD_OK;
}

/* --- L1 --- */

enum vd_err
l1_walk_down(struct run *run, const struct vd_hash *head, uint64_t from)
{
    struct vd_header header;
    struct vd_arena *arena = &run->program->memory.l1;
    vd_arena_rewind(arena, 0);
    enum vd_err err = read_header(run, &header, arena, VD_HINT_L1_BLOCK, head);
    if (err != VD_OK)
        return err;
    /* The agreed block's origin lies above L1's head: no honest game has such a start. */
    if (header.number < from)
        return VD_ERR_MISMATCH;
    uint64_t count = header.number - from + 1;
    if (count > SIZE_MAX / sizeof(struct vd_hash))
        return VD_ERR_NO_MEMORY;
    run->l1 = (struct l1_walk){.base = from, .head = header.number};
    run->l1.hash =
        vd_arena_alloc(&run->program->memory.walk, (size_t)count * sizeof(struct vd_hash), 8);
    if (run->l1.hash == NULL)
        return VD_ERR_NO_MEMORY;
    run->l1.hash[count - 1] = *head;
    for (uint64_t i = count - 1; err == VD_OK && i > 0; i--)
        err = read_parent(run, &run->l1.hash[i - 1], VD_HINT_L1_BLOCK, &run->l1.hash[i]);
    return err;
}

/* Logs of the portal and of the system config show in the header's bloom, which the hash covers. */
static bool
has_logs(const struct run *run, const struct vd_header *header)
{
    const struct vd_rollup_config *c = run->program->config;
    return vd_bloom_may_have(header->logs_bloom,
                             vd_slice(c->deposit_contract.b, sizeof c->deposit_contract.b)) ||
           vd_bloom_may_have(header->logs_bloom,
                             vd_slice(c->l1_system_config.b, sizeof c->l1_system_config.b));
}

enum vd_err
l1_block(struct run *run, struct vd_l1_block *block, uint64_t number, bool origin_only)
{
    struct vd_arena *arena = &run->program->memory.l1;
    VD_ASSERT(number >= run->l1.base && number <= run->l1.head);
    vd_arena_rewind(arena, 0);
    *block = (struct vd_l1_block){.hash = run->l1.hash[number - run->l1.base]};
    enum vd_err err = read_header(run, &block->header, arena, VD_HINT_L1_BLOCK, &block->hash);
    if (err == VD_OK && block->header.number != number)
        err = VD_ERR_CORRUPT;
    if (err == VD_OK && !origin_only)
        err = list_items(run, &block->transactions, &block->transaction_count, arena,
                         &block->header.transactions_root);
    if (err == VD_OK && has_logs(run, &block->header)) {
        run_hint(run, VD_HINT_L1_RECEIPTS, &block->hash);
        err = list_items(run, &block->receipts, &block->receipt_count, arena,
                         &block->header.receipts_root);
    }
    return err;
}

/* --- L2 --- */

enum vd_err
l2_read(struct run *run, struct vd_l2_ref *ref, struct vd_system_config *system,
        struct vd_header *header, struct vd_arena *arena, const struct vd_hash *hash)
{
    const struct vd_rollup_config *config = run->program->config;
    struct vd_slice first = {0};
    struct vd_header own;
    header = header != NULL ? header : &own;
    enum vd_err err = read_header(run, header, arena, VD_HINT_L2_BLOCK, hash);
    /* Only the genesis block has no transactions. */
    if (err == VD_OK && header->number != config->genesis_l2.number)
        err = list_first(run, &first, arena, &header->transactions_root);
    if (err == VD_OK)
        err = vd_l2_ref_read(ref, config, header, hash, first, arena);
    if (err == VD_OK && system != NULL)
        err = vd_system_config_read(system, config, header, hash, first, arena);
    return err == VD_ERR_NOT_FOUND ? VD_ERR_CORRUPT : err;
}

/* The hash of L2 block number, at or below the last one made. */
static enum vd_err
l2_hash(struct run *run, struct vd_hash *hash, uint64_t number)
{
    struct l2_chain *c = &run->l2;
    if (number > c->agreed.number) {
        VD_ASSERT(number - c->agreed.number <= c->made_count);
        *hash = c->made[number - c->agreed.number - 1];
        return VD_OK;
    }
    if (number > c->at.number)
        c->at = c->agreed;
    struct vd_hash at = c->at.hash;
    struct vd_hash parent = c->at.parent_hash;
    for (uint64_t n = c->at.number; n > number; n--) {
        at = parent;
        enum vd_err err = n - 1 > number ? read_parent(run, &parent, VD_HINT_L2_BLOCK, &at) : VD_OK;
        if (err != VD_OK)
            return err;
    }
    *hash = at;
    return VD_OK;
}

enum vd_err
l2_ref(void *ctx, struct vd_l2_ref *out, uint64_t number)
{
    struct run *run = ctx;
    struct vd_arena *arena = &run->program->memory.exec;
    struct vd_hash hash;
    enum vd_err err = l2_hash(run, &hash, number);
    if (err != VD_OK)
        return err;
    size_t mark = vd_arena_mark(arena);
    err = l2_read(run, out, NULL, NULL, arena, &hash);
    vd_arena_rewind(arena, mark);
    if (err == VD_OK && number <= run->l2.agreed.number)
        run->l2.at = *out;
    return err;
}

/* Not while a block is executed: the list lives in that region until the next call. */
enum vd_err
l2_transactions(void *ctx, const struct vd_slice **out, size_t *count, uint64_t number)
{
    struct run *run = ctx;
    struct vd_arena *arena = &run->program->memory.exec;
    struct vd_hash hash;
    struct vd_header header;
    const struct vd_slice *items = NULL;
    size_t all = 0;
    vd_arena_rewind(arena, 0);
    enum vd_err err = l2_hash(run, &hash, number);
    if (err == VD_OK)
        err = read_header(run, &header, arena, VD_HINT_L2_BLOCK, &hash);
    if (err == VD_OK)
        err = list_items(run, &items, &all, arena, &header.transactions_root);
    if (err != VD_OK)
        return err;
    size_t deposits = 0;
    while (deposits < all && items[deposits].len > 0 && items[deposits].ptr[0] == VD_TX_DEPOSIT)
        deposits++;
    *out = all == deposits ? NULL : items + deposits;
    *count = all - deposits;
    return VD_OK;
}
