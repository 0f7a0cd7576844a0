/* The journal of a transaction manager.

   Records (inside a frame; integers big-endian):
       type u8, length u32, then
       1 BEGIN   chain_id u64, from 20             the first one
       2 SIGNED  id u64, nonce u64, attempt u32, tag length u8, tag,
                 attempt + 1 hashes of 32, raw     replaces earlier ones of the same id
       3 DONE    id u64, confirmed u8              deep enough (1), or lost to another's use (0)
       4 NEXT    next_id u64, next_nonce u64       counters, when the records they come from are
   gone A SIGNED record holds the whole payload: what is not beside it is inside the signed bytes.

   The file is frames: "VTX1", length u32, the first 8 bytes of keccak256(record), record.

   Invariants.  A version is sent to L1 only after its SIGNED record is on disk (fdatasync).  New
   ids come with growing nonces.

   After a crash the file ends in whole frames, perhaps followed by a torn one, which was never
   acted on: it is cut off.  A damaged frame with a whole one behind it cannot come from a crash:
   the file is refused, since forgetting a signed nonce could let two payloads carry it.  Compaction
   writes the snapshot to a file beside it, syncs, renames over the old one and syncs the folder. */
#include <stdlib.h>

#include "txm_internal.h"
#include "viaduct/core/base/cursor.h"
#include "viaduct/core/chain/tx.h"
#include "viaduct/core/crypto/keccak.h"

enum record_type {
    RECORD_BEGIN = 1,
    RECORD_SIGNED = 2,
    RECORD_DONE = 3,
    RECORD_NEXT = 4,
};

/* --- writing --- */

static void
put_u8(struct vd_json *out, uint8_t v)
{
    vd_json_bytes(out, &v, 1);
}

static void
put_u32(struct vd_json *out, uint32_t v)
{
    uint8_t b[4];
    vd_store_be32(b, v);
    vd_json_bytes(out, b, sizeof b);
}

static void
put_u64(struct vd_json *out, uint64_t v)
{
    uint8_t b[8];
    vd_store_be64(b, v);
    vd_json_bytes(out, b, sizeof b);
}

static void
put_head(struct vd_json *out, enum record_type type, size_t len)
{
    put_u8(out, (uint8_t)type);
    put_u32(out, (uint32_t)len);
}

void
vd_txm_record_begin(struct vd_json *out, const struct vd_txm_config *config)
{
    put_head(out, RECORD_BEGIN, 28);
    put_u64(out, config->chain_id);
    vd_json_bytes(out, config->from.b, sizeof config->from.b);
}

void
vd_txm_record_signed(struct vd_json *out, const struct vd_txm_slot *slot)
{
    VD_ASSERT(slot->attempts > 0);
    size_t len = 21 + slot->tag_len + 32 * (size_t)slot->attempts + slot->raw_len;
    put_head(out, RECORD_SIGNED, len);
    put_u64(out, slot->id);
    put_u64(out, slot->nonce);
    put_u32(out, slot->attempts - 1);
    put_u8(out, (uint8_t)slot->tag_len);
    vd_json_bytes(out, slot->tag, slot->tag_len);
    vd_json_bytes(out, slot->hashes, 32 * (size_t)slot->attempts);
    vd_json_bytes(out, slot->raw, slot->raw_len);
}

void
vd_txm_record_done(struct vd_json *out, const struct vd_txm_slot *slot)
{
    put_head(out, RECORD_DONE, 9);
    put_u64(out, slot->id);
    put_u8(out, slot->confirmed ? 1 : 0);
}

void
vd_txm_record_next(struct vd_json *out, uint64_t next_id, uint64_t next_nonce)
{
    put_head(out, RECORD_NEXT, 16);
    put_u64(out, next_id);
    put_u64(out, next_nonce);
}

/* --- replay --- */

static struct vd_txm_slot *
find_id(struct vd_txm *txm, uint64_t id, size_t *index)
{
    for (size_t i = 0; i < txm->count; i++) {
        if (txm->slots[i]->id == id) {
            *index = i;
            return txm->slots[i];
        }
    }
    return NULL;
}

static uint8_t *
copy_bytes(struct vd_slice bytes)
{
    uint8_t *copy = malloc(bytes.len + 1);
    if (copy != NULL && bytes.len != 0)
        memcpy(copy, bytes.ptr, bytes.len);
    return copy;
}

/* Takes the payload out of the signed bytes. */
static enum vd_err
fill_slot(struct vd_txm *txm, struct vd_txm_slot *slot, struct vd_slice raw)
{
    uint8_t memory[1024];
    struct vd_arena arena;
    struct vd_tx tx;
    vd_arena_init(&arena, memory, sizeof memory);
    if (vd_tx_decode(&tx, NULL, &arena, raw) != VD_OK || tx.type != VD_TX_DYNAMIC_FEE ||
        tx.is_create || tx.nonce != slot->nonce || tx.chain_id != txm->config.chain_id ||
        !vd_hash_eq(&tx.hash, &slot->hashes[slot->attempts - 1]))
        return VD_ERR_CORRUPT;
    free(slot->raw);
    free(slot->data);
    slot->raw = copy_bytes(raw);
    slot->raw_len = raw.len;
    slot->data = copy_bytes(tx.data);
    slot->data_len = tx.data.len;
    slot->to = tx.to;
    slot->value = tx.value;
    slot->gas_limit = tx.gas_limit;
    slot->max_fee = tx.max_fee;
    slot->tip = tx.max_priority_fee;
    return slot->raw == NULL || slot->data == NULL ? VD_ERR_NO_MEMORY : VD_OK;
}

/* Adds a slot in the order of nonces. */
static struct vd_txm_slot *
add_in_order(struct vd_txm *txm, uint64_t id, uint64_t nonce)
{
    struct vd_txm_slot *slot = vd_txm_slot_add(txm);
    if (slot == NULL)
        return NULL;
    slot->id = id;
    slot->nonce = nonce;
    slot->has_nonce = true;
    for (size_t i = txm->count - 1; i > 0 && txm->slots[i - 1]->nonce > nonce; i--) {
        txm->slots[i] = txm->slots[i - 1];
        txm->slots[i - 1] = slot;
    }
    return slot;
}

/* Two payloads of one nonce: no journal of ours. */
static bool
nonce_is_shared(const struct vd_txm *txm, const struct vd_txm_slot *slot)
{
    for (size_t i = 0; i < txm->count; i++) {
        if (txm->slots[i] != slot && txm->slots[i]->nonce == slot->nonce)
            return true;
    }
    return false;
}

static enum vd_err
replay_signed(struct vd_txm *txm, struct vd_cursor *body)
{
    uint64_t id = vd_cursor_be64(body);
    uint64_t nonce = vd_cursor_be64(body);
    uint32_t attempt = vd_cursor_be32(body);
    uint8_t tag_len = vd_cursor_u8(body);
    struct vd_slice tag = vd_cursor_take(body, tag_len);
    size_t index;
    if (body->failed || tag_len > VD_TXM_MAX_TAG || attempt >= VD_TXM_MAX_ATTEMPTS)
        return VD_ERR_CORRUPT;
    struct vd_txm_slot *slot = find_id(txm, id, &index);
    if (slot == NULL)
        slot = add_in_order(txm, id, nonce);
    if (slot == NULL)
        return VD_ERR_NO_MEMORY;
    if (slot->nonce != nonce || attempt + 1 < slot->attempts || nonce_is_shared(txm, slot))
        return VD_ERR_CORRUPT;
    slot->confirmed = false;
    slot->included = false;
    memcpy(slot->tag, tag.ptr, tag_len);
    slot->tag_len = tag_len;
    slot->attempts = attempt + 1;
    for (uint32_t i = 0; i <= attempt; i++)
        slot->hashes[i] = vd_cursor_hash(body);
    struct vd_slice raw = vd_cursor_take(body, vd_cursor_left(body));
    slot->durable = true;
    slot->was_sent = true; /* it may have been */
    if (id >= txm->next_id)
        txm->next_id = id + 1;
    if (!txm->has_next_nonce || nonce >= txm->next_nonce)
        txm->next_nonce = nonce + 1;
    txm->has_next_nonce = true;
    return body->failed ? VD_ERR_CORRUPT : fill_slot(txm, slot, raw);
}

/* Keeps the newest confirmed payloads only. */
static void
drop_confirmed(struct vd_txm *txm)
{
    size_t kept = 0;
    for (size_t i = txm->count; i > 0; i--) {
        if (txm->slots[i - 1]->confirmed && ++kept > VD_TXM_MAX_KEPT)
            vd_txm_slot_remove(txm, i - 1);
    }
}

static enum vd_err
replay_done(struct vd_txm *txm, struct vd_cursor *body)
{
    uint64_t id = vd_cursor_be64(body);
    bool confirmed = vd_cursor_u8(body) == 1;
    size_t index;
    struct vd_txm_slot *slot = find_id(txm, id, &index);
    if (body->failed || id >= txm->next_id)
        return VD_ERR_CORRUPT;
    if (slot == NULL)
        return VD_OK; /* dropped already, as one of too many */
    slot->confirmed = confirmed;
    slot->included = confirmed;
    slot->included_hash = slot->hashes[slot->attempts - 1];
    if (!confirmed)
        vd_txm_slot_remove(txm, index);
    drop_confirmed(txm);
    return VD_OK;
}

static enum vd_err
replay_record(struct vd_txm *txm, uint8_t type, struct vd_cursor *body)
{
    if ((type == RECORD_BEGIN) == txm->journal_begun)
        return VD_ERR_CORRUPT;
    if (type == RECORD_BEGIN) {
        uint64_t chain_id = vd_cursor_be64(body);
        struct vd_address from = vd_cursor_address(body);
        txm->journal_begun = true;
        bool same = chain_id == txm->config.chain_id && vd_address_eq(&from, &txm->config.from);
        return body->failed ? VD_ERR_CORRUPT : same ? VD_OK : VD_ERR_MISMATCH;
    }
    if (type == RECORD_SIGNED)
        return replay_signed(txm, body);
    if (type == RECORD_DONE)
        return replay_done(txm, body);
    if (type != RECORD_NEXT)
        return VD_ERR_CORRUPT;
    txm->next_id = vd_cursor_be64(body);
    txm->next_nonce = vd_cursor_be64(body);
    txm->has_next_nonce = true;
    return body->failed ? VD_ERR_CORRUPT : VD_OK;
}

enum vd_err
vd_txm_replay(struct vd_txm *txm, struct vd_slice journal)
{
    struct vd_cursor cur = vd_cursor(journal);
    while (vd_cursor_left(&cur) > 0) {
        uint8_t type = vd_cursor_u8(&cur);
        struct vd_cursor body = vd_cursor(vd_cursor_take(&cur, vd_cursor_be32(&cur)));
        if (cur.failed)
            return VD_ERR_CORRUPT;
        enum vd_err err = replay_record(txm, type, &body);
        if (err == VD_OK && vd_cursor_left(&body) != 0)
            err = VD_ERR_CORRUPT;
        if (err != VD_OK)
            return err;
    }
    return VD_OK;
}

/* --- frames --- */

static const uint8_t magic[4] = {'V', 'T', 'X', '1'};
#define FRAME_HEAD 16

void
vd_txm_frame_write(struct vd_json *out, struct vd_slice record)
{
    struct vd_hash check = vd_keccak256(record);
    vd_json_bytes(out, magic, sizeof magic);
    put_u32(out, (uint32_t)record.len);
    vd_json_bytes(out, check.b, 8);
    vd_json_bytes(out, record.ptr, record.len);
}

/* Whether a whole frame stands at the front; *record is what it holds. */
static bool
frame_at(struct vd_slice *record, struct vd_slice bytes)
{
    if (bytes.len < FRAME_HEAD || memcmp(bytes.ptr, magic, sizeof magic) != 0)
        return false;
    uint32_t len = vd_load_be32(bytes.ptr + 4);
    if (len > VD_TXM_RECORD_MAX || len > bytes.len - FRAME_HEAD)
        return false;
    *record = vd_slice(bytes.ptr + FRAME_HEAD, len);
    struct vd_hash check = vd_keccak256(*record);
    return memcmp(check.b, bytes.ptr + 8, 8) == 0;
}

enum vd_err
vd_txm_frames_read(struct vd_txm_frames *out, struct vd_slice file)
{
    struct vd_slice record;
    size_t at = 0;
    *out = (struct vd_txm_frames){.records = malloc(file.len + 1)};
    if (out->records == NULL)
        return VD_ERR_NO_MEMORY;
    if (file.len == 0)
        return VD_OK; /* an empty slice may have no address */
    while (frame_at(&record, vd_slice(file.ptr + at, file.len - at))) {
        memcpy(out->records + out->records_len, record.ptr, record.len);
        out->records_len += record.len;
        at += FRAME_HEAD + record.len;
    }
    out->file_len = at;
    for (size_t i = at + 1; i < file.len; i++) {
        if (frame_at(&record, vd_slice(file.ptr + i, file.len - i))) {
            free(out->records);
            out->records = NULL;
            return VD_ERR_CORRUPT;
        }
    }
    return VD_OK;
}
