/* The life of a payload.

   queued -> (gets the next nonce) signing -> journaling -> sent -> included -> confirmed -> kept ->
   forgotten.  While it is not included its last version is sent again every resend_ms; the lowest
   nonce that L1 is without, and only that one (those above wait for it), is signed again at a
   higher fee after resubmit_ms.  A version is never sent before it is journaled, and new payloads
   are signed one at a time, so the journal has every nonce that L1 may have seen, in order.

   What L1 has is found out from three answers: the account's nonce at each head, receipts of
   versions whose nonce is used, and the same again for blocks that reorganised.  An answer may be
   late, lost or old: each is only a reason to ask or to send again, never to sign another payload
   for a nonce. */
#include <stdio.h>
#include <stdlib.h>

#include "txm_internal.h"
#include "viaduct/core/crypto/keccak.h"

/* Blocks to wait before a nonce that none of our versions has a receipt for counts as lost. */
#define LOST_AFTER_MIN 8
/* Answers in a row that show L1 behind the journal before that is worth telling. */
#define GAP_AFTER 8
#define ASK_NONCES_MS 5000

static void advance(struct vd_txm *txm);

/* --- slots --- */

struct vd_txm_slot *
vd_txm_slot_add(struct vd_txm *txm)
{
    if (txm->count == txm->cap) {
        size_t cap = txm->cap == 0 ? 64 : 2 * txm->cap;
        struct vd_txm_slot **slots = realloc(txm->slots, cap * sizeof *slots);
        if (slots == NULL)
            return NULL;
        txm->slots = slots;
        txm->cap = cap;
    }
    struct vd_txm_slot *slot = calloc(1, sizeof *slot);
    if (slot != NULL)
        txm->slots[txm->count++] = slot;
    return slot;
}

static void
slot_free(struct vd_txm_slot *slot)
{
    free(slot->data);
    free(slot->raw);
    free(slot);
}

void
vd_txm_slot_remove(struct vd_txm *txm, size_t index)
{
    slot_free(txm->slots[index]);
    txm->count--;
    memmove(&txm->slots[index], &txm->slots[index + 1],
            (txm->count - index) * sizeof txm->slots[0]);
}

static struct vd_txm_slot *
slot_by_id(const struct vd_txm *txm, uint64_t id)
{
    for (size_t i = 0; i < txm->count; i++) {
        if (txm->slots[i]->id == id)
            return txm->slots[i];
    }
    return NULL;
}

static struct vd_txm_slot *
slot_by_hash(const struct vd_txm *txm, const struct vd_hash *hash, uint32_t *attempt)
{
    for (size_t i = 0; i < txm->count; i++) {
        for (uint32_t k = 0; k < txm->slots[i]->attempts; k++) {
            if (vd_hash_eq(&txm->slots[i]->hashes[k], hash)) {
                *attempt = k;
                return txm->slots[i];
            }
        }
    }
    return NULL;
}

/* --- events --- */

static void
tell(struct vd_txm *txm, const struct vd_txm_slot *slot, enum vd_txm_event_kind kind,
     const char *text)
{
    struct vd_txm_event event = {.kind = kind, .text = text};
    if (slot != NULL) {
        event.id = slot->id;
        event.nonce = slot->nonce;
        event.tag = vd_slice(slot->tag, slot->tag_len);
        if (slot->included || kind == VD_TXM_REORGED_OUT)
            event.hash = slot->included_hash;
        else if (slot->attempts > 0)
            event.hash = slot->hashes[slot->attempts - 1];
        event.block = slot->inclusion.block;
        event.success = slot->inclusion.success;
        event.gas_used = slot->inclusion.gas_used;
        event.gas_price = slot->inclusion.gas_price;
    }
    if (txm->listener.event != NULL)
        txm->listener.event(txm->listener.ctx, &event);
}

/* Tells each new reason once. */
static void
tell_stuck(struct vd_txm *txm, const struct vd_txm_slot *slot, const char *text)
{
    if (strncmp(txm->stuck, text, sizeof txm->stuck - 1) == 0)
        return;
    snprintf(txm->stuck, sizeof txm->stuck, "%s", text);
    tell(txm, slot, VD_TXM_STUCK, txm->stuck);
}

/* --- journaling --- */

static void
append(struct vd_txm *txm, struct vd_json *record, struct vd_txm_slot *slot)
{
    uint64_t sequence = txm->next_sequence++;
    if (slot != NULL)
        slot->journal_sequence = sequence;
    if (record->err != VD_OK)
        txm->journal_failed = true;
    else
        txm->effects.journal(txm->effects.ctx, sequence, vd_json_view(record));
    vd_json_deinit(record);
}

static void
journal_begin(struct vd_txm *txm)
{
    struct vd_json record;
    if (txm->journal_begun)
        return;
    vd_json_init(&record, VD_TXM_RECORD_MAX);
    vd_txm_record_begin(&record, &txm->config);
    txm->journal_begun = true;
    append(txm, &record, NULL);
}

static void
journal_done(struct vd_txm *txm, const struct vd_txm_slot *slot)
{
    struct vd_json record;
    vd_json_init(&record, VD_TXM_RECORD_MAX);
    vd_txm_record_done(&record, slot);
    append(txm, &record, NULL);
}

void
vd_txm_snapshot(const struct vd_txm *txm, void (*fn)(void *ctx, struct vd_slice record), void *ctx)
{
    struct vd_json out;
    vd_json_init(&out, VD_TXM_RECORD_MAX);
    if (txm->journal_begun) {
        vd_txm_record_begin(&out, &txm->config);
        fn(ctx, vd_json_view(&out));
    }
    for (size_t i = 0; i < txm->count; i++) {
        const struct vd_txm_slot *slot = txm->slots[i];
        if (slot->attempts == 0)
            continue;
        vd_json_clear(&out);
        vd_txm_record_signed(&out, slot);
        fn(ctx, vd_json_view(&out));
        if (!slot->confirmed)
            continue;
        vd_json_clear(&out);
        vd_txm_record_done(&out, slot);
        fn(ctx, vd_json_view(&out));
    }
    if (txm->journal_begun && txm->has_next_nonce) {
        /* A nonce that is given to a payload whose signature is still being made is free again. */
        uint64_t next = txm->next_nonce;
        for (size_t i = 0; i < txm->count; i++) {
            const struct vd_txm_slot *slot = txm->slots[i];
            if (slot->has_nonce && slot->attempts == 0 && slot->nonce < next)
                next = slot->nonce;
        }
        vd_json_clear(&out);
        vd_txm_record_next(&out, txm->next_id, next);
        fn(ctx, vd_json_view(&out));
    }
    vd_json_deinit(&out);
}

/* --- signing --- */

static void
sign(struct vd_txm *txm, struct vd_txm_slot *slot, const struct vd_u256 *max_fee,
     const struct vd_u256 *tip)
{
    slot->max_fee = *max_fee;
    slot->tip = *tip;
    slot->work = VD_TXM_SIGNING;
    slot->wants_bump = false;
    struct vd_txm_unsigned tx = {
        .id = slot->id,
        .attempt = slot->attempts,
        .nonce = slot->nonce,
        .max_priority_fee = *tip,
        .max_fee = *max_fee,
        .gas_limit = slot->gas_limit,
        .to = slot->to,
        .value = slot->value,
        .data = vd_slice(slot->data, slot->data_len),
    };
    txm->effects.sign(txm->effects.ctx, &tx);
}

void
vd_txm_signed(struct vd_txm *txm, uint64_t id, uint32_t attempt, enum vd_err err,
              struct vd_slice raw)
{
    struct vd_txm_slot *slot = slot_by_id(txm, id);
    if (slot == NULL || slot->work != VD_TXM_SIGNING || attempt != slot->attempts)
        return;
    uint8_t *copy = err == VD_OK ? malloc(raw.len) : NULL;
    if (copy == NULL) {
        /* Signed again at the next occasion. */
        slot->work = VD_TXM_NOTHING;
        return;
    }
    memcpy(copy, raw.ptr, raw.len);
    free(slot->raw);
    slot->raw = copy;
    slot->raw_len = raw.len;
    slot->hashes[slot->attempts++] = vd_keccak256(raw);
    slot->durable = false;
    slot->is_missing = false;
    slot->signed_ms = txm->now_ms;
    slot->work = VD_TXM_JOURNALING;
    struct vd_json record;
    journal_begin(txm);
    vd_json_init(&record, VD_TXM_RECORD_MAX);
    vd_txm_record_signed(&record, slot);
    append(txm, &record, slot);
    advance(txm);
}

/* --- sending --- */

static bool
is_live(const struct vd_txm_slot *slot)
{
    return slot->has_nonce && !slot->included;
}

static void
send_version(struct vd_txm *txm, struct vd_txm_slot *slot)
{
    slot->sent_ms = txm->now_ms;
    txm->effects.send_raw(txm->effects.ctx, &slot->hashes[slot->attempts - 1],
                          vd_slice(slot->raw, slot->raw_len));
}

void
vd_txm_journaled(struct vd_txm *txm, uint64_t sequence, enum vd_err err)
{
    if (err != VD_OK) {
        /* After a failed write or sync nobody knows what is on disk: nothing goes out any more. */
        txm->journal_failed = true;
        tell_stuck(txm, NULL, "the journal cannot be written; see the disk, then restart");
        return;
    }
    for (size_t i = 0; i < txm->count; i++) {
        struct vd_txm_slot *slot = txm->slots[i];
        if (slot->work != VD_TXM_JOURNALING || slot->journal_sequence != sequence)
            continue;
        slot->work = VD_TXM_NOTHING;
        slot->durable = true;
        bool first = !slot->was_sent;
        slot->was_sent = true;
        if (!slot->included)
            send_version(txm, slot);
        tell(txm, slot, first ? VD_TXM_SENT : VD_TXM_REPLACED, "");
        break;
    }
    advance(txm);
}

static bool
says(const char *text, const char *what)
{
    return strstr(text, what) != NULL;
}

void
vd_txm_send_answer(struct vd_txm *txm, const struct vd_hash *hash, enum vd_err err,
                   const char *text)
{
    uint32_t attempt;
    struct vd_txm_slot *slot = slot_by_hash(txm, hash, &attempt);
    if (slot == NULL || !is_live(slot) || attempt + 1 != slot->attempts)
        return;
    if (err == VD_OK) {
        txm->stuck[0] = '\0';
        return;
    }
    /* No answer at all: the next sending will tell. */
    if (err != VD_ERR_REFUSED || says(text, "already known") || says(text, "already imported"))
        return;
    if (says(text, "underpriced") || says(text, "less than block base fee") ||
        says(text, "fee too low")) {
        slot->wants_bump = true;
        advance(txm);
    } else if (says(text, "nonce too low") || says(text, "already been used")) {
        txm->effects.get_nonces(txm->effects.ctx);
    } else {
        char reason[sizeof txm->stuck];
        snprintf(reason, sizeof reason, "L1 refuses the transaction: %.100s", text);
        tell_stuck(txm, slot, reason);
    }
}

/* --- what L1 has --- */

static void
ask_receipts(struct vd_txm *txm, struct vd_txm_slot *slot)
{
    /* The last version first: it is the likeliest. */
    for (uint32_t k = slot->attempts; k > 0; k--)
        txm->effects.get_receipt(txm->effects.ctx, &slot->hashes[k - 1]);
}

static void
set_reorged_out(struct vd_txm *txm, struct vd_txm_slot *slot)
{
    if (slot->confirmed) {
        /* Takes back the journal's word that it is done. */
        struct vd_json record;
        vd_json_init(&record, VD_TXM_RECORD_MAX);
        vd_txm_record_signed(&record, slot);
        append(txm, &record, NULL);
    }
    slot->included = false;
    slot->confirmed = false;
    slot->is_deep = false;
    slot->missing = 0;
    slot->is_missing = false;
    slot->sent_ms = 0;
    slot->signed_ms = txm->now_ms;
    tell(txm, slot, VD_TXM_REORGED_OUT, "");
}

static bool
is_deep(const struct vd_txm *txm, const struct vd_block_id *block)
{
    return txm->config.depth_0 || (txm->has_head && txm->head.number >= block->number &&
                                   txm->head.number - block->number >= txm->config.confirmations);
}

/* Receipts come in any order, confirmations in that of nonces. */
static void
confirm_in_order(struct vd_txm *txm)
{
    for (size_t i = 0; i < txm->count; i++) {
        struct vd_txm_slot *slot = txm->slots[i];
        if (slot->confirmed)
            continue;
        if (!slot->is_deep)
            return;
        slot->confirmed = true;
        journal_done(txm, slot);
        tell(txm, slot, VD_TXM_CONFIRMED, "");
    }
}

void
vd_txm_receipt(struct vd_txm *txm, const struct vd_hash *hash,
               const struct vd_txm_inclusion *inclusion)
{
    uint32_t attempt;
    struct vd_txm_slot *slot = slot_by_hash(txm, hash, &attempt);
    if (slot == NULL)
        return;
    bool moved =
        !slot->included || !vd_hash_eq(&slot->inclusion.block.hash, &inclusion->block.hash);
    slot->included = true;
    slot->included_hash = *hash;
    slot->inclusion = *inclusion;
    slot->missing = 0;
    slot->is_missing = false;
    if (moved && !slot->confirmed) {
        txm->stuck[0] = '\0';
        tell(txm, slot, VD_TXM_INCLUDED, "");
    }
    slot->is_deep = is_deep(txm, &inclusion->block);
    confirm_in_order(txm);
    advance(txm);
}

static void
check_missing(struct vd_txm *txm, struct vd_txm_slot *slot)
{
    uint32_t all = slot->attempts == 32 ? UINT32_MAX : (1u << slot->attempts) - 1;
    uint64_t wait =
        txm->config.confirmations > LOST_AFTER_MIN ? txm->config.confirmations : LOST_AFTER_MIN;
    if (slot->missing != all || !txm->has_head || slot->work != VD_TXM_NOTHING)
        return;
    slot->missing = 0;
    if (!slot->is_missing) {
        slot->is_missing = true;
        slot->missing_since = txm->head.number;
        return;
    }
    if (txm->head.number < slot->missing_since || txm->head.number - slot->missing_since < wait)
        return;
    journal_done(txm, slot);
    tell(txm, slot, VD_TXM_LOST, "the nonce was used by a transaction that is not ours");
    for (size_t i = 0; i < txm->count; i++) {
        if (txm->slots[i] == slot) {
            vd_txm_slot_remove(txm, i);
            break;
        }
    }
}

void
vd_txm_no_receipt(struct vd_txm *txm, const struct vd_hash *hash)
{
    uint32_t attempt;
    struct vd_txm_slot *slot = slot_by_hash(txm, hash, &attempt);
    if (slot == NULL)
        return;
    if (slot->included && vd_hash_eq(&slot->included_hash, hash)) {
        set_reorged_out(txm, slot);
    } else if (is_live(slot) && txm->nonces_known && slot->nonce < txm->chain_nonce) {
        slot->missing |= 1u << attempt;
        check_missing(txm, slot);
    }
    advance(txm);
}

static void
check_gap(struct vd_txm *txm)
{
    uint64_t lowest = txm->next_nonce;
    for (size_t i = 0; i < txm->count; i++) {
        if (txm->slots[i]->has_nonce && txm->slots[i]->nonce < lowest)
            lowest = txm->slots[i]->nonce;
    }
    txm->gap_seen = txm->chain_nonce < lowest ? txm->gap_seen + 1 : 0;
    if (txm->gap_seen < GAP_AFTER)
        return;
    char reason[sizeof txm->stuck];
    snprintf(
        reason, sizeof reason,
        "L1's nonce of the account is %llu, the journal goes on at %llu: is this another chain? "
        "Then use another journal",
        (unsigned long long)txm->chain_nonce, (unsigned long long)lowest);
    tell_stuck(txm, NULL, reason);
}

/* The first nonce of this run: above all that the journal or L1 (its pool too) knows of. */
static void
set_next_nonce(struct vd_txm *txm, uint64_t latest, uint64_t pending)
{
    bool any = false;
    for (size_t i = 0; i < txm->count; i++)
        any = any || (txm->slots[i]->has_nonce && !txm->slots[i]->confirmed);
    uint64_t least = latest;
    if (!any && pending > least)
        least = pending;
    if (!txm->has_next_nonce || least > txm->next_nonce)
        txm->next_nonce = least;
    txm->has_next_nonce = true;
}

void
vd_txm_nonces(struct vd_txm *txm, uint64_t latest, uint64_t pending)
{
    bool first = !txm->nonces_known;
    txm->nonces_known = true;
    txm->chain_nonce = latest;
    if (first || latest > txm->next_nonce)
        set_next_nonce(txm, latest, pending);
    for (size_t i = 0; i < txm->count; i++) {
        struct vd_txm_slot *slot = txm->slots[i];
        if (slot->nonce >= latest) {
            /* Not used after all: what was seen missing was on another fork. */
            slot->missing = 0;
            slot->is_missing = false;
        }
        /* Used and not seen included, or the other way round. */
        if (slot->has_nonce && slot->attempts > 0 && slot->included == (slot->nonce >= latest))
            ask_receipts(txm, slot);
    }
    check_gap(txm);
    advance(txm);
}

void
vd_txm_reorg(struct vd_txm *txm, uint64_t ancestor)
{
    for (size_t i = 0; i < txm->count; i++) {
        struct vd_txm_slot *slot = txm->slots[i];
        slot->missing = 0;
        slot->is_missing = false;
        if (slot->included && slot->inclusion.block.number > ancestor)
            set_reorged_out(txm, slot);
    }
    txm->effects.get_nonces(txm->effects.ctx);
    advance(txm);
}

/* --- going on --- */

static size_t
in_flight(const struct vd_txm *txm)
{
    size_t count = 0;
    for (size_t i = 0; i < txm->count; i++)
        count += txm->slots[i]->has_nonce && !txm->slots[i]->confirmed;
    return count;
}

/* Gives the first queued payload a nonce and has it signed, when nothing stands against it. */
static void
start_next(struct vd_txm *txm)
{
    struct vd_u256 max_fee;
    struct vd_u256 tip;
    if (!txm->nonces_known || !txm->has_head || in_flight(txm) >= txm->config.max_in_flight)
        return;
    for (size_t i = 0; i < txm->count; i++) {
        struct vd_txm_slot *slot = txm->slots[i];
        if (slot->has_nonce && slot->attempts > 0)
            continue;
        if (slot->work != VD_TXM_NOTHING || !vd_txm_first_fees(txm, &max_fee, &tip))
            return;
        if (!slot->has_nonce)
            slot->nonce = txm->next_nonce++;
        slot->has_nonce = true;
        sign(txm, slot, &max_fee, &tip);
        return;
    }
}

/* Sends again or replaces the lowest nonce that L1 is without; those above it are sent again only,
   for L1 may have dropped them. */
static void
push_live(struct vd_txm *txm)
{
    bool lowest = true;
    for (size_t i = 0; i < txm->count; i++) {
        struct vd_txm_slot *slot = txm->slots[i];
        if (!is_live(slot) || slot->attempts == 0)
            continue;
        /* A used nonce waits for its receipt. */
        if (txm->nonces_known && slot->nonce < txm->chain_nonce)
            continue;
        bool first = lowest;
        lowest = false;
        if (slot->work != VD_TXM_NOTHING || !slot->durable)
            continue;
        uint64_t age = txm->now_ms - slot->signed_ms;
        bool due = slot->wants_bump || (first && age >= txm->config.resubmit_ms);
        struct vd_u256 max_fee;
        struct vd_u256 tip;
        if (due && txm->has_head && slot->attempts < VD_TXM_MAX_ATTEMPTS &&
            vd_txm_bumped_fees(txm, &max_fee, &tip, slot))
            sign(txm, slot, &max_fee, &tip);
        else if (slot->sent_ms == 0 || txm->now_ms - slot->sent_ms >= txm->config.resend_ms)
            send_version(txm, slot);
    }
}

/* Forgets confirmed payloads that lie deep, or are too many; the newest stays, for vd_txm_each. */
static void
drop_kept(struct vd_txm *txm)
{
    size_t kept = 0;
    for (size_t i = txm->count; i > 0; i--) {
        const struct vd_txm_slot *slot = txm->slots[i - 1];
        if (!slot->confirmed)
            continue;
        uint64_t until =
            slot->inclusion.block.number + txm->config.confirmations + VD_TXM_KEEP_BLOCKS;
        if (++kept > VD_TXM_MAX_KEPT || (kept > 1 && txm->has_head && txm->head.number > until))
            vd_txm_slot_remove(txm, i - 1);
    }
}

static void
advance(struct vd_txm *txm)
{
    if (txm->journal_failed)
        return;
    drop_kept(txm);
    start_next(txm);
    push_live(txm);
}

/* The reasons that only time shows. */
static void
tell_reasons(struct vd_txm *txm)
{
    struct vd_u256 max_fee;
    struct vd_u256 tip;
    for (size_t i = 0; i < txm->count && txm->has_head; i++) {
        const struct vd_txm_slot *slot = txm->slots[i];
        if (slot->included || slot->work != VD_TXM_NOTHING)
            continue;
        if (slot->attempts == 0 && !vd_txm_first_fees(txm, &max_fee, &tip))
            tell_stuck(txm, slot, "L1's base fee is above the fee cap");
        else if (slot->attempts > 0 && txm->now_ms - slot->signed_ms >= txm->config.resubmit_ms &&
                 !vd_txm_bumped_fees(txm, &max_fee, &tip, slot))
            tell_stuck(txm, slot, "not included, and a higher fee would be above the fee cap");
        return;
    }
}

void
vd_txm_tick(struct vd_txm *txm, uint64_t now_ms)
{
    txm->now_ms = now_ms;
    for (size_t i = 0; i < txm->count; i++) {
        /* From a journal: its time begins now. */
        if (txm->slots[i]->signed_ms == 0)
            txm->slots[i]->signed_ms = now_ms;
    }
    if (txm->asked_nonces_ms == 0 || now_ms - txm->asked_nonces_ms >= ASK_NONCES_MS) {
        txm->asked_nonces_ms = now_ms == 0 ? 1 : now_ms;
        txm->effects.get_nonces(txm->effects.ctx);
    }
    advance(txm);
    tell_reasons(txm);
}

void
vd_txm_head(struct vd_txm *txm, uint64_t now_ms, const struct vd_block_id *latest,
            const struct vd_u256 *base_fee, const struct vd_u256 *tip)
{
    txm->now_ms = now_ms;
    txm->has_head = true;
    txm->head = *latest;
    txm->base_fee = *base_fee;
    txm->suggested_tip = *tip;
    for (size_t i = 0; i < txm->count; i++) {
        struct vd_txm_slot *slot = txm->slots[i];
        /* From a journal: deep once, but where is not on record. */
        if (slot->confirmed && slot->inclusion.block.number == 0)
            slot->inclusion.block.number = latest->number;
        /* Asked once more before it counts: the block may have been reorganised since. */
        if (slot->included && !slot->confirmed && is_deep(txm, &slot->inclusion.block))
            txm->effects.get_receipt(txm->effects.ctx, &slot->included_hash);
    }
    txm->asked_nonces_ms = now_ms == 0 ? 1 : now_ms;
    txm->effects.get_nonces(txm->effects.ctx);
    advance(txm);
}

/* --- the owner's side --- */

size_t
vd_txm_count(const struct vd_txm *txm)
{
    size_t count = 0;
    for (size_t i = 0; i < txm->count; i++)
        count += !txm->slots[i]->confirmed;
    return count;
}

size_t
vd_txm_room(const struct vd_txm *txm)
{
    size_t queued = 0;
    for (size_t i = 0; i < txm->count; i++)
        queued += !txm->slots[i]->has_nonce;
    return queued >= txm->config.max_queued ? 0 : txm->config.max_queued - queued;
}

enum vd_err
vd_txm_send(struct vd_txm *txm, uint64_t *id, const struct vd_txm_payload *payload)
{
    if (payload->data.len > VD_TXM_MAX_DATA || payload->tag.len > VD_TXM_MAX_TAG)
        return VD_ERR_TOO_LARGE;
    if (vd_txm_room(txm) == 0)
        return VD_ERR_BUSY;
    uint8_t *data = malloc(payload->data.len + 1);
    struct vd_txm_slot *slot = data == NULL ? NULL : vd_txm_slot_add(txm);
    if (slot == NULL) {
        free(data);
        return VD_ERR_NO_MEMORY;
    }
    if (payload->data.len != 0)
        memcpy(data, payload->data.ptr, payload->data.len);
    if (payload->tag.len != 0)
        memcpy(slot->tag, payload->tag.ptr, payload->tag.len);
    slot->id = txm->next_id++;
    slot->to = payload->to;
    slot->value = payload->value;
    slot->data = data;
    slot->data_len = payload->data.len;
    slot->tag_len = payload->tag.len;
    slot->gas_limit =
        payload->gas_limit != 0 ? payload->gas_limit : vd_txm_calldata_gas(payload->data);
    *id = slot->id;
    if (!txm->journal_failed)
        start_next(txm);
    return VD_OK;
}

void
vd_txm_each(const struct vd_txm *txm, void (*fn)(void *ctx, const struct vd_txm_status *s),
            void *ctx)
{
    for (size_t i = 0; i < txm->count; i++) {
        const struct vd_txm_slot *slot = txm->slots[i];
        struct vd_txm_status status = {
            .id = slot->id,
            .has_nonce = slot->has_nonce,
            .nonce = slot->nonce,
            .tag = vd_slice(slot->tag, slot->tag_len),
            .data = vd_slice(slot->data, slot->data_len),
            .included = slot->included,
            .confirmed = slot->confirmed,
            .block = slot->inclusion.block,
        };
        fn(ctx, &status);
    }
}

static bool
set_config(struct vd_txm_config *config)
{
    if (vd_u256_is_zero(&config->max_fee_cap))
        config->max_fee_cap = vd_u256(200000000000);
    if (vd_u256_is_zero(&config->min_tip))
        config->min_tip = vd_u256(1000000000);
    if (config->base_fee_percent == 0)
        config->base_fee_percent = 200;
    if (config->bump_percent == 0)
        config->bump_percent = 10;
    if (config->resubmit_ms == 0)
        config->resubmit_ms = 48000;
    if (config->resend_ms == 0)
        config->resend_ms = 6000;
    if (config->confirmations == 0 && !config->depth_0)
        config->confirmations = 10;
    if (config->max_in_flight == 0)
        config->max_in_flight = 16;
    if (config->max_queued == 0)
        config->max_queued = 64;
    return config->bump_percent >= 10 && config->base_fee_percent >= 100 &&
           config->max_in_flight <= VD_TXM_MAX_IN_FLIGHT;
}

enum vd_err
vd_txm_new(struct vd_txm **out, const struct vd_txm_config *config,
           const struct vd_txm_effects *effects, const struct vd_txm_listener *listener,
           struct vd_slice journal)
{
    struct vd_txm *txm = calloc(1, sizeof *txm);
    if (txm == NULL)
        return VD_ERR_NO_MEMORY;
    txm->config = *config;
    txm->effects = *effects;
    txm->listener = *listener;
    txm->next_id = 1;
    enum vd_err err = set_config(&txm->config) ? vd_txm_replay(txm, journal) : VD_ERR_INVALID;
    if (err != VD_OK) {
        vd_txm_free(txm);
        return err;
    }
    *out = txm;
    return VD_OK;
}

void
vd_txm_free(struct vd_txm *txm)
{
    if (txm == NULL)
        return;
    for (size_t i = 0; i < txm->count; i++)
        slot_free(txm->slots[i]);
    free(txm->slots);
    free(txm);
}
