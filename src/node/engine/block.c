/* Opening, running and sealing blocks, on the engine thread. */
#include "engine_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/core/crypto/keccak.h"

/* --- the newest block --- */

static void
set_tip(struct vd_engine *e, const struct vd_header *header, const struct vd_block_info *info)
{
    e->tip = *header;
    VD_ASSERT(header->extra_data.len <= sizeof e->tip_extra);
    if (header->extra_data.len > 0) {
        memmove(e->tip_extra, header->extra_data.ptr, header->extra_data.len);
    }
    e->tip.extra_data.ptr = e->tip_extra;
    e->tip_info = *info;
    vd_engine_drop_tip_base(e);
}

/* info of a block from its header and first transaction. */
enum vd_err
vd_block_info_read(struct vd_engine *e, struct vd_block_info *info, const struct vd_header *header,
                   const struct vd_hash *hash, struct vd_slice first, size_t tx_count)
{
    *info = (struct vd_block_info){.ref = {.hash = *hash,
                                           .number = header->number,
                                           .parent_hash = header->parent_hash,
                                           .timestamp = header->timestamp},
                                   .gas_used = header->gas_used,
                                   .tx_count = tx_count};
    if (!e->config.rollup) {
        return VD_OK;
    }
    uint8_t memory[16384];
    struct vd_arena scratch;
    vd_arena_init(&scratch, memory, sizeof memory);
    enum vd_err err = vd_l2_ref_read(&info->l2, &e->rollup, header, hash, first, &scratch);
    if (err == VD_OK) {
        vd_arena_init(&scratch, memory, sizeof memory);
        err = vd_system_config_read(&info->system, &e->rollup, header, hash, first, &scratch);
    }
    return err;
}

static enum vd_err
read_tip(struct vd_engine *e, struct vd_snapshot *snapshot)
{
    struct vd_block_id tip;
    struct vd_header header;
    struct vd_body body;
    struct vd_block_info info;
    enum vd_err err = vd_snapshot_head(snapshot, VD_HEAD_UNSAFE, &tip);
    if (err == VD_OK) {
        err = vd_snapshot_header(snapshot, &header, NULL, tip.number);
    }
    if (err == VD_OK) {
        err = vd_snapshot_body(snapshot, &body, tip.number);
    }
    if (err == VD_OK) {
        struct vd_slice first = body.count > 0 ? vd_body_transaction(&body, 0) : vd_slice(NULL, 0);
        err = vd_block_info_read(e, &info, &header, &tip.hash, first, body.count);
    }
    if (err == VD_OK) {
        set_tip(e, &header, &info);
    }
    return err;
}

/* Shows `sealed` to views. */
static void
show_sealed(struct vd_engine *e)
{
    struct vd_block_box *old[VD_ENGINE_MAX_SEALED];
    size_t old_count = e->recent_count;
    for (size_t i = 0; i < e->sealed_count; i++) {
        vd_box_ref(e->sealed[i]);
    }
    uv_mutex_lock(&e->mutex);
    memcpy(old, e->recent, old_count * sizeof(struct vd_block_box *));
    memcpy(e->recent, e->sealed, e->sealed_count * sizeof(struct vd_block_box *));
    e->recent_count = e->sealed_count;
    uv_mutex_unlock(&e->mutex);
    for (size_t i = 0; i < old_count; i++) {
        vd_box_release(old[i]);
    }
}

void
vd_engine_forget_committed(struct vd_engine *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->sealed_count; i++) {
        if (atomic_load(&e->sealed[i]->committed)) {
            vd_box_release(e->sealed[i]);
        } else {
            e->sealed[kept++] = e->sealed[i];
        }
    }
    if (kept != e->sealed_count) {
        e->sealed_count = kept;
        show_sealed(e);
    }
}

/* Forgets sealed blocks and takes the tip from the database. */
enum vd_err
vd_engine_load_tip(struct vd_engine *e)
{
    struct vd_snapshot *snapshot = NULL;
    for (size_t i = 0; i < e->sealed_count; i++) {
        vd_box_release(e->sealed[i]);
    }
    e->sealed_count = 0;
    show_sealed(e);
    enum vd_err err = vd_snapshot_begin(&snapshot, e->store);
    if (err == VD_OK) {
        err = read_tip(e, snapshot);
    }
    vd_snapshot_end(snapshot);
    return err;
}

/* --- the state under a block --- */

enum vd_err
vd_base_attach(struct vd_engine *e, struct vd_base *base)
{
    /* In this order: what is forgotten here the snapshot has.  It may have more. */
    vd_engine_forget_committed(e);
    enum vd_err err = vd_snapshot_begin(&base->snapshot, e->store);
    if (err == VD_OK) {
        err = vd_snapshot_head(base->snapshot, VD_HEAD_UNSAFE, &base->head);
    }
    if (err != VD_OK) {
        return err;
    }
    base->count = 0;
    while (base->count < e->sealed_count &&
           e->sealed[e->sealed_count - 1 - base->count]->info.ref.number > base->head.number) {
        base->count++;
    }
    for (size_t i = 0; i < base->count; i++) {
        struct vd_block_box *below = e->sealed[e->sealed_count - 1 - i];
        vd_box_ref(below);
        base->boxes[i] = below;
        base->list[i] = &below->diff;
    }
    base->layers = (struct vd_layers){
        .below = vd_snapshot_rows(base->snapshot), .layers = base->list, .count = base->count};
    vd_layers_source(&base->source, &base->layers);
    return VD_OK;
}

void
vd_engine_drop_tip_base(struct vd_engine *e)
{
    if (e->tip_base) {
        vd_base_deinit(e->tip_base);
        free(e->tip_base);
        e->tip_base = NULL;
    }
}

static enum vd_err
read_account(struct vd_engine *e, struct vd_account *account, const struct vd_address *address)
{
    if (!e->tip_base) {
        e->tip_base = calloc(1, sizeof *e->tip_base);
        if (!e->tip_base) {
            return VD_ERR_NO_MEMORY;
        }
        enum vd_err err = vd_base_attach(e, e->tip_base);
        if (err != VD_OK) {
            vd_engine_drop_tip_base(e);
            return err;
        }
    }
    const struct vd_state_source *source = &e->tip_base->source;
    struct vd_hash hash = vd_keccak256(vd_slice(address->b, sizeof address->b));
    return source->account(source->ctx, account, address, &hash);
}

enum vd_err
vd_engine_account(struct vd_engine *e, uint64_t *nonce, struct vd_u256 *balance,
                  const struct vd_address *address)
{
    *nonce = 0;
    *balance = vd_u256(0);
    if (e->open) {
        const struct vd_account *account = NULL;
        enum vd_err err = vd_state_account(vd_exec_state(e->open->exec), &account, address);
        if (err == VD_OK && account) {
            *nonce = account->nonce;
            *balance = account->balance;
        }
        return err;
    }
    struct vd_account account;
    enum vd_err err = read_account(e, &account, address);
    if (err == VD_OK) {
        *nonce = account.nonce;
        *balance = account.balance;
    }
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

/* BLOCKHASH: from the snapshot, of the blocks above it from memory. */
static enum vd_err
block_hash(void *ctx, struct vd_hash *out, uint64_t n)
{
    struct vd_block_box *box = ctx;
    for (size_t i = 0; i < box->base.count; i++) {
        if (box->base.boxes[i]->result.header.number == n) {
            *out = box->base.boxes[i]->result.hash;
            return VD_OK;
        }
    }
    struct vd_header header;
    enum vd_err err = vd_snapshot_header(box->base.snapshot, &header, out, n);
    if (err == VD_ERR_NOT_FOUND) {
        *out = (struct vd_hash){{0}};
        return VD_OK;
    }
    return err;
}

/* --- running --- */

static enum vd_err
record(struct vd_block_box *box, const struct vd_tx_outcome *outcome,
       const struct vd_address *sender)
{
    const struct vd_tx *tx = &box->txs[box->tx_count];
    struct vd_map *map = &box->by_hash;
    void *index = NULL;
    uint32_t number = (uint32_t)box->tx_count;
    enum vd_err err = vd_map_insert(map, &index, NULL, tx->hash.b);
    if (err != VD_OK) {
        return err;
    }
    memcpy(index, &number, sizeof number);
    box->records[box->tx_count] =
        (struct vd_tx_record){.raw = tx->raw,
                              .hash = tx->hash,
                              .sender = *sender,
                              .receipt = outcome->receipt,
                              .effective_gas_price = outcome->effective_gas_price,
                              .l1_fee = outcome->l1_fee,
                              .first_log_index = box->log_count};
    box->log_count += outcome->receipt.log_count;
    if (outcome->receipt.log_count > 0) {
        for (size_t i = 0; i < sizeof box->bloom; i++) {
            box->bloom[i] |= outcome->receipt.bloom[i];
        }
    }
    box->tx_count++;
    return vd_overlay_collect(&box->overlay, vd_exec_state(box->exec));
}

enum vd_err
vd_block_run(struct vd_block_box *box, struct vd_tx_outcome *outcome, struct vd_slice raw,
             const struct vd_address *sender)
{
    if (box->tx_count == VD_BLOCK_MAX_TXS) {
        *outcome = (struct vd_tx_outcome){.verdict = VD_TX_GAS_LIMIT_REACHED};
        return VD_OK;
    }
    struct vd_tx *tx = &box->txs[box->tx_count];
    size_t mark = vd_arena_mark(&box->own);
    uint8_t *copy = vd_arena_copy(&box->own, raw);
    if (!copy) {
        return VD_ERR_NO_MEMORY;
    }
    enum vd_err err = vd_tx_decode(tx, NULL, &box->own, vd_slice(copy, raw.len));
    if (err == VD_OK) {
        err = vd_exec_tx(box->exec, outcome, tx, sender);
    }
    if (err != VD_OK) {
        return err;
    }
    if (outcome->verdict != VD_TX_INCLUDED) {
        vd_arena_rewind(&box->own, mark);
        return VD_OK;
    }
    return record(box, outcome, sender);
}

/* --- opening --- */

static enum vd_err
find_sender(struct vd_address *sender, bool *valid, enum vd_build_verdict *verdict,
            struct vd_engine *e, struct vd_block_box *box, struct vd_slice raw,
            struct vd_command *command, size_t index)
{
    struct vd_tx tx;
    const char *reason = NULL;
    size_t mark = vd_arena_mark(&box->own);
    enum vd_err err = vd_tx_decode(&tx, &reason, &box->own, raw);
    *valid = false;
    if (err == VD_ERR_INVALID || err == VD_ERR_UNSUPPORTED) {
        /* The protocol has no other types at the forks of this build. */
        *verdict = VD_BUILD_INVALID;
        vd_engine_say(command, "transaction %zu: %s", index, reason ? reason : "unknown type");
        err = VD_OK;
    } else if (err == VD_OK) {
        err = vd_tx_sender(sender, valid, &tx, e->config.curves, &box->own);
        if (err == VD_OK && !*valid) {
            *verdict = VD_BUILD_INVALID;
            vd_engine_say(command, "transaction %zu: invalid sender", index);
        }
    }
    vd_arena_rewind(&box->own, mark);
    return err;
}

static void
explain(struct vd_command *command, enum vd_build_verdict *verdict,
        const struct vd_tx_outcome *outcome, size_t index)
{
    if (outcome->verdict == VD_TX_UNSUPPORTED) {
        char address[41] = {0};
        vd_hex_encode(address, outcome->unsupported.b, 20);
        *verdict = VD_BUILD_UNSUPPORTED;
        vd_engine_say(command, "transaction %zu reaches precompile 0x%s, which this build lacks",
                      index, address);
        return;
    }
    *verdict = VD_BUILD_INVALID;
    vd_engine_say(command, "transaction %zu: %s", index, vd_tx_verdict_text(outcome->verdict));
}

static enum vd_err
run_forced(struct vd_engine *e, struct vd_block_box *box, enum vd_build_verdict *verdict,
           struct vd_command *command)
{
    const struct vd_attributes *plan = &box->plan;
    enum vd_err err = VD_OK;
    for (size_t i = 0; i < plan->transaction_count && err == VD_OK; i++) {
        struct vd_address sender;
        struct vd_tx_outcome outcome;
        bool valid = false;
        err = find_sender(&sender, &valid, verdict, e, box, plan->transactions[i], command, i);
        if (err != VD_OK || !valid) {
            return err;
        }
        err = vd_block_run(box, &outcome, plan->transactions[i], &sender);
        if (err == VD_OK && outcome.verdict != VD_TX_INCLUDED) {
            explain(command, verdict, &outcome, i);
            return VD_OK;
        }
    }
    box->forced_count = box->tx_count;
    return err;
}

static enum vd_err
begin_exec(struct vd_engine *e, struct vd_block_box *box)
{
    box->parent = e->tip;
    uint8_t *extra = vd_arena_copy(&box->own, e->tip.extra_data);
    if (!extra) {
        return VD_ERR_NO_MEMORY;
    }
    box->parent.extra_data.ptr = extra;
    vd_map_init(&box->by_hash, &box->own, &e->tip_info.ref.hash, 32, sizeof(uint32_t));
    box->inputs = (struct vd_exec_inputs){.config = &e->chain,
                                          .parent = &box->parent,
                                          .parent_hash = e->tip_info.ref.hash,
                                          .env = &box->plan.env,
                                          .source = &box->base.source,
                                          .curves = e->config.curves,
                                          .hash_ctx = box,
                                          .block_hash = block_hash};
    enum vd_err err = vd_exec_begin(&box->exec, &box->exec_arena, &box->inputs);
    if (err == VD_OK) {
        /* All that the system calls wrote; they are several transactions of the state. */
        struct vd_hash root;
        err = vd_state_root(vd_exec_state(box->exec), &root, &box->overlay.fresh.visitor, NULL);
    }
    return err;
}

enum vd_err
vd_block_begin(struct vd_engine *e, struct vd_block_box **out, enum vd_build_verdict *verdict,
               struct vd_command *command, const struct vd_attributes *plan)
{
    *verdict = VD_BUILD_VALID;
    struct vd_block_box *box = vd_box_new(plan->env.gas_limit);
    if (!box) {
        return VD_ERR_NO_MEMORY;
    }
    enum vd_err err = vd_plan_copy(&box->plan, &box->own, plan);
    if (err == VD_OK) {
        err = vd_base_attach(e, &box->base);
    }
    if (err == VD_OK) {
        err = begin_exec(e, box);
        if (err == VD_ERR_UNSUPPORTED || err == VD_ERR_INVALID) {
            *verdict = err == VD_ERR_INVALID ? VD_BUILD_INVALID : VD_BUILD_UNSUPPORTED;
            vd_engine_say(command, "%s",
                          err == VD_ERR_INVALID ? "the parent's extra data or the gas limit does "
                                                  "not fit the rules"
                                                : "no rules for the block's time in this build");
            err = VD_OK;
        }
    }
    if (err == VD_OK && *verdict == VD_BUILD_VALID) {
        err = run_forced(e, box, verdict, command);
    }
    if (err != VD_OK || *verdict != VD_BUILD_VALID) {
        vd_box_release(box);
        return err;
    }
    *out = box;
    return VD_OK;
}

void
vd_open_info(struct vd_engine *e, struct vd_block_info *info, struct vd_block_box *box)
{
    static const struct vd_hash none = {{0}};
    struct vd_slice first = box->tx_count > 0 ? box->records[0].raw : vd_slice(NULL, 0);
    const struct vd_header *header = vd_exec_partial_header(box->exec);
    if (vd_block_info_read(e, info, header, &none, first, box->tx_count) != VD_OK) {
        /* A block without L1 attributes: what can be said without them has been. */
        info->l2 = (struct vd_l2_ref){.number = header->number, .timestamp = header->timestamp};
    }
}

/* --- sealing --- */

static enum vd_err
list_transactions(struct vd_block_box *box)
{
    box->raws = VD_ARENA_NEW(&box->own, struct vd_slice, box->tx_count + 1);
    box->hashes = VD_ARENA_NEW(&box->own, struct vd_hash, box->tx_count + 1);
    if (!box->raws || !box->hashes) {
        return VD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < box->tx_count; i++) {
        box->raws[i] = box->records[i].raw;
        box->hashes[i] = box->records[i].hash;
    }
    return VD_OK;
}

enum vd_err
vd_block_finish(struct vd_engine *e, struct vd_block_box *box)
{
    struct vd_diff_builder builder;
    vd_diff_begin(&builder, &box->own);
    enum vd_err err = vd_exec_finish(box->exec, &box->result, &builder.visitor, &builder.sink);
    if (err == VD_OK) {
        err = vd_diff_finish(&builder, &box->diff);
    }
    if (err == VD_OK) {
        err = list_transactions(box);
    }
    if (err == VD_OK) {
        struct vd_slice first = box->tx_count > 0 ? box->raws[0] : vd_slice(NULL, 0);
        err = vd_block_info_read(e, &box->info, &box->result.header, &box->result.hash, first,
                                 box->tx_count);
    }
    return err;
}

void
vd_block_append(struct vd_engine *e, struct vd_block_box *box, struct vd_store_job *job)
{
    VD_ASSERT(e->sealed_count < VD_ENGINE_MAX_SEALED);
    set_tip(e, &box->result.header, &box->info);
    /* Nothing executes in it any more, and it must not pin pages nor blocks below. */
    vd_base_deinit(&box->base);
    e->sealed[e->sealed_count++] = box;
    vd_box_ref(box);
    show_sealed(e);
    job->box = box;
    if (e->returned_cleared != e->returned_given &&
        atomic_load(&e->returned_durable) == e->returned_given) {
        job->clear_returned = true;
        e->returned_cleared = e->returned_given;
    }
    atomic_fetch_add(&e->blocks, 1);
    vd_store_give(e, job);
}
