/* The journal read back: sealed blocks that the database missed are built again, then the open
   block, transaction by transaction, and what waited waits again. */
#include "engine_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "viaduct/node/platform/memory.h"

#define RESTORE_BYTES ((size_t)64 << 30)

struct past_tx {
    struct past_tx *next;
    struct vd_address sender;
    struct vd_slice raw;
};

struct past_block {
    struct past_block *next;
    struct vd_attributes plan;
    struct past_tx *txs;
    struct past_tx **tail;
    bool sealed;
    struct vd_hash hash;
};

struct restore {
    struct vd_engine *e;
    struct vd_arena arena;
    struct past_block *blocks;
    struct past_block **tail;
    struct past_block *current;
};

/* --- transactions that waited --- */

enum vd_err
vd_engine_load_returned(struct vd_engine *e)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_slice *raws = NULL;
    size_t count = 0;
    struct vd_arena arena;
    void *memory = vd_reserve(RESTORE_BYTES);
    if (!memory) {
        return VD_ERR_NO_MEMORY;
    }
    vd_arena_init(&arena, memory, RESTORE_BYTES);
    enum vd_err err = vd_snapshot_begin(&snapshot, e->store);
    if (err == VD_OK) {
        err = vd_snapshot_returned(snapshot, &raws, &count, &arena);
    }
    for (size_t i = 0; i < count && err == VD_OK; i++) {
        struct vd_tx tx;
        struct vd_address sender;
        bool valid = false;
        size_t mark = vd_arena_mark(&arena);
        if (vd_tx_decode(&tx, NULL, &arena, raws[i]) == VD_OK &&
            vd_tx_sender(&sender, &valid, &tx, e->config.curves, &arena) == VD_OK && valid) {
            vd_admit_carry(e, raws[i], &sender);
        }
        vd_arena_rewind(&arena, mark);
    }
    vd_snapshot_end(snapshot);
    vd_release(memory, RESTORE_BYTES);
    return err;
}

static void
carry_block(struct restore *r, struct past_block *block)
{
    for (struct past_tx *tx = block->txs; tx; tx = tx->next) {
        vd_admit_carry(r->e, tx->raw, &tx->sender);
    }
    block->txs = NULL;
    block->tail = &block->txs;
}

/* --- records --- */

static enum vd_err
on_open(struct restore *r, struct vd_slice payload)
{
    if (r->current) {
        carry_block(r, r->current);
    }
    struct past_block *block = VD_ARENA_NEW(&r->arena, struct past_block, 1);
    const uint8_t *copy = vd_arena_copy(&r->arena, payload);
    if (!block || !copy) {
        return VD_ERR_NO_MEMORY;
    }
    block->tail = &block->txs;
    r->current = block;
    return vd_plan_decode(&block->plan, &r->arena, vd_slice(copy, payload.len));
}

static enum vd_err
add_tx(struct restore *r, const struct vd_address *sender, struct vd_slice raw)
{
    if (!r->current) {
        vd_admit_carry(r->e, raw, sender);
        return VD_OK;
    }
    struct past_tx *tx = VD_ARENA_NEW(&r->arena, struct past_tx, 1);
    const uint8_t *copy = vd_arena_copy(&r->arena, raw);
    if (!tx || !copy) {
        return VD_ERR_NO_MEMORY;
    }
    tx->sender = *sender;
    tx->raw = vd_slice(copy, raw.len);
    *r->current->tail = tx;
    r->current->tail = &tx->next;
    return VD_OK;
}

static enum vd_err
on_tx(struct restore *r, struct vd_slice payload)
{
    struct vd_address sender;
    if (payload.len <= sizeof sender.b) {
        return VD_ERR_CORRUPT;
    }
    memcpy(sender.b, payload.ptr, sizeof sender.b);
    return add_tx(r, &sender, vd_slice(payload.ptr + 20, payload.len - 20));
}

static enum vd_err
on_waiting(struct restore *r, struct vd_slice payload)
{
    struct vd_address sender;
    struct vd_tx tx;
    struct vd_engine *e = r->e;
    if (payload.len <= 36) {
        return VD_ERR_CORRUPT;
    }
    memcpy(sender.b, payload.ptr + 16, sizeof sender.b);
    struct vd_slice raw = vd_slice(payload.ptr + 36, payload.len - 36);
    size_t mark = vd_arena_mark(&r->arena);
    enum vd_err err = vd_tx_decode(&tx, NULL, &r->arena, raw);
    if (err == VD_OK && !vd_mempool_find(&e->pool, &tx.hash)) {
        struct vd_waiting *same = vd_mempool_at(&e->pool, &sender, tx.nonce);
        if (same) {
            vd_mempool_remove(&e->pool, same);
        }
        struct vd_waiting *w = vd_mempool_add(&e->pool, &tx, &sender, vd_load_be64(payload.ptr));
        if (!w) {
            err = VD_ERR_NO_MEMORY;
        } else if (vd_load_be64(payload.ptr + 8) != 0) {
            w->carried = ++e->carry_next;
        }
    }
    vd_arena_rewind(&r->arena, mark);
    return err;
}

/* A waiting one left, into the open block or for good. */
static enum vd_err
on_left(struct restore *r, struct vd_slice payload, bool into_block)
{
    struct vd_hash hash;
    if (payload.len != sizeof hash.b) {
        return VD_ERR_CORRUPT;
    }
    memcpy(hash.b, payload.ptr, sizeof hash.b);
    struct vd_waiting *w = vd_mempool_find(&r->e->pool, &hash);
    enum vd_err err = VD_OK;
    if (w && into_block) {
        err = add_tx(r, &w->sender, vd_slice(w->raw, w->len));
    }
    if (w) {
        vd_mempool_remove(&r->e->pool, w);
    }
    return err;
}

static enum vd_err
on_seal(struct restore *r, struct vd_slice payload)
{
    struct past_block *block = r->current;
    if (!block || payload.len != sizeof block->hash.b) {
        return VD_ERR_CORRUPT;
    }
    memcpy(block->hash.b, payload.ptr, sizeof block->hash.b);
    block->sealed = true;
    *r->tail = block;
    r->tail = &block->next;
    r->current = NULL;
    return VD_OK;
}

static enum vd_err
on_cut(struct restore *r, struct vd_slice payload)
{
    if (payload.len != 8) {
        return VD_ERR_CORRUPT;
    }
    uint64_t number = vd_load_be64(payload.ptr);
    struct past_block **link = &r->blocks;
    while (*link) {
        if ((*link)->plan.parent.number >= number) {
            carry_block(r, *link);
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    }
    r->tail = link;
    if (r->current) {
        carry_block(r, r->current);
        r->current = NULL;
    }
    return VD_OK;
}

static enum vd_err
on_record(void *ctx, enum vd_record type, struct vd_slice payload)
{
    struct restore *r = ctx;
    switch (type) {
    case VD_RECORD_OPEN:
        return on_open(r, payload);
    case VD_RECORD_TX:
        return on_tx(r, payload);
    case VD_RECORD_WAITING:
        return on_waiting(r, payload);
    case VD_RECORD_RUN:
        return on_left(r, payload, true);
    case VD_RECORD_SEAL:
        return on_seal(r, payload);
    case VD_RECORD_DROP:
        if (r->current) {
            carry_block(r, r->current);
            r->current = NULL;
        }
        return VD_OK;
    case VD_RECORD_CUT:
        return on_cut(r, payload);
    case VD_RECORD_EVICT:
        return on_left(r, payload, false);
    }
    return VD_ERR_CORRUPT;
}

/* --- building again --- */

static enum vd_err
run_again(struct restore *r, const struct past_block *block)
{
    enum vd_err err = VD_OK;
    for (const struct past_tx *tx = block->txs; tx && err == VD_OK; tx = tx->next) {
        struct vd_tx_outcome outcome;
        err = vd_block_run(r->e->open, &outcome, tx->raw, &tx->sender);
        if (err == VD_OK && outcome.verdict == VD_TX_INCLUDED) {
            r->e->open->user_bytes += tx->raw.len;
        } else if (err == VD_OK) {
            vd_log(r->e->config.logger, VD_LOG_BROKEN, "journal",
                   "a transaction of the open block does not run again: %s",
                   vd_tx_verdict_text(outcome.verdict));
            vd_admit_carry(r->e, tx->raw, &tx->sender);
        }
    }
    return err;
}

static enum vd_err
rebuild(struct restore *r, struct past_block *block)
{
    struct vd_engine *e = r->e;
    enum vd_build_verdict verdict;
    enum vd_err err = vd_block_begin(e, &e->open, &verdict, NULL, &block->plan);
    if (err != VD_OK || verdict != VD_BUILD_VALID) {
        /* This build knows less or other rules than the one that opened the block. */
        carry_block(r, block);
        return err;
    }
    err = run_again(r, block);
    if (err != VD_OK || !block->sealed) {
        e->open->replayed = true;
        return err;
    }
    err = vd_engine_seal_open(e, NULL);
    if (err == VD_OK && !vd_hash_eq(&e->tip_info.ref.hash, &block->hash)) {
        vd_log(e->config.logger, VD_LOG_BROKEN, "journal",
               "block %" PRIu64 " came out with another hash", e->tip_info.ref.number);
    }
    vd_store_wait(e);
    if (err == VD_OK && atomic_load(&e->broken)) {
        err = VD_ERR_IO;
    }
    return err == VD_OK ? vd_engine_load_tip(e) : err;
}

static enum vd_err
rebuild_all(struct restore *r)
{
    struct vd_engine *e = r->e;
    enum vd_err err = VD_OK;
    if (r->current) {
        *r->tail = r->current;
    }
    for (struct past_block *b = r->blocks; b && err == VD_OK; b = b->next) {
        if (vd_hash_eq(&b->plan.parent.hash, &e->tip_info.ref.hash)) {
            err = rebuild(r, b);
        } else {
            carry_block(r, b);
        }
    }
    return err;
}

/* What stands in the database waits for nothing. */
static enum vd_err
forget_included(struct vd_engine *e)
{
    struct vd_snapshot *snapshot = NULL;
    enum vd_err err = vd_snapshot_begin(&snapshot, e->store);
    struct vd_waiting *w = e->pool.oldest;
    while (w && err == VD_OK) {
        struct vd_waiting *next = w->newer;
        uint64_t number = 0;
        uint32_t index = 0;
        err = vd_snapshot_find_tx(snapshot, &number, &index, &w->hash);
        if (err == VD_OK || (e->open && vd_map_get(&e->open->by_hash, w->hash.b))) {
            vd_mempool_remove(&e->pool, w);
        }
        err = err == VD_ERR_NOT_FOUND ? VD_OK : err;
        w = next;
    }
    vd_snapshot_end(snapshot);
    return err;
}

static enum vd_err
publish(struct vd_engine *e)
{
    if (!e->open) {
        return VD_OK;
    }
    enum vd_err err = vd_overlay_flush(&e->open->overlay);
    if (err == VD_OK) {
        e->pending = vd_pending_make(e->open);
        err = e->pending ? VD_OK : VD_ERR_NO_MEMORY;
    }
    return err;
}

static enum vd_err
start_anew(struct vd_engine *e)
{
    struct vd_records records = {0};
    vd_group_snapshot(e, &records);
    enum vd_err err = records.no_memory
                          ? VD_ERR_NO_MEMORY
                          : vd_journal_replace(e->journal, vd_slice(records.bytes, records.len));
    free(records.bytes);
    if (err == VD_OK) {
        atomic_store(&e->journal_size, vd_journal_bytes(e->journal));
    }
    return err;
}

static enum vd_err
replay(struct vd_engine *e)
{
    struct restore r = {.e = e};
    void *memory = vd_reserve(RESTORE_BYTES);
    if (!memory) {
        return VD_ERR_NO_MEMORY;
    }
    r.tail = &r.blocks;
    vd_arena_init(&r.arena, memory, RESTORE_BYTES);
    enum vd_err err = vd_engine_load_returned(e);
    if (err == VD_OK) {
        err = vd_journal_replay(e->journal, on_record, &r);
    }
    if (err == VD_OK) {
        err = rebuild_all(&r);
    }
    if (err == VD_OK) {
        err = forget_included(e);
    }
    vd_release(memory, RESTORE_BYTES);
    return err;
}

enum vd_err
vd_engine_restore(struct vd_engine *e)
{
    if (!e->journal) {
        return VD_OK;
    }
    /* What happens here is written down once, at the end. */
    e->config.journal = false;
    enum vd_err err = replay(e);
    e->config.journal = true;
    vd_group_discard(e);
    if (err == VD_OK) {
        err = start_anew(e);
    }
    if (err == VD_OK) {
        e->returned_given++;
        atomic_store(&e->returned_durable, e->returned_given);
        atomic_store(&e->waiting, e->pool.count);
        atomic_store(&e->waiting_bytes, e->pool.bytes);
        err = publish(e);
    }
    return err;
}
