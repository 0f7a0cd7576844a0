/* Slots, transient and not. */
#include "core/state/state_internal.h"
#include "viaduct/core/crypto/keccak.h"

enum { HASH_ROUND = 64 };

struct slot_key {
    uint64_t id;
    struct vd_u256 key;
};

/* --- objects --- */

static struct vd_slot *
new_slot(struct vd_state *state, struct vd_acct *acct, const struct vd_u256 *key)
{
    struct vd_slot *slot = VD_ARENA_NEW(state->arena, struct vd_slot, 1);
    if (slot == NULL)
        return NULL;
    slot->key = *key;
    slot->owner = acct;
    slot->next = acct->slots;
    acct->slots = slot;
    return slot;
}

static struct vd_slot *
find_in_map(struct vd_state *state, struct vd_acct *acct, const struct vd_u256 *key)
{
    struct slot_key whole = {acct->id, *key};
    void *value;
    bool is_new;
    struct vd_slot *slot = NULL;
    if (vd_map_insert(&state->slots, &value, &is_new, &whole) == VD_OK)
        slot = is_new ? new_slot(state, acct, key) : *(struct vd_slot **)value;
    if (slot == NULL)
        (void)vd_state_fail(state, VD_ERR_NO_MEMORY);
    else if (is_new)
        *(struct vd_slot **)value = slot;
    return slot;
}

/* The object of a slot, loaded or not; acct may be NULL, then and on failure so is the slot. */
static struct vd_slot *
find(struct vd_state *state, struct vd_acct *acct, const struct vd_u256 *key)
{
    if (acct == NULL)
        return NULL;
    size_t bits = (size_t)(key->w[0] ^ key->w[3]) + (size_t)acct->id * 37;
    struct vd_slot **cached = &state->slot_cache[bits % VD_SLOT_CACHE];
    if (*cached != NULL && (*cached)->owner == acct && vd_u256_eq(&(*cached)->key, key))
        return *cached;
    struct vd_slot *slot = find_in_map(state, acct, key);
    if (slot != NULL)
        *cached = slot;
    return slot;
}

void
vd_state_hash_slots(struct vd_slot *const *slots, size_t count)
{
    uint8_t keys[HASH_ROUND][32];
    struct vd_slice in[HASH_ROUND];
    struct vd_hash out[HASH_ROUND];
    for (size_t done = 0, n; done < count; done += n) {
        n = count - done < HASH_ROUND ? count - done : HASH_ROUND;
        for (size_t i = 0; i < n; i++) {
            vd_u256_to_be(keys[i], &slots[done + i]->key);
            in[i] = vd_slice(keys[i], sizeof keys[i]);
        }
        vd_keccak256_many(out, in, n);
        for (size_t i = 0; i < n; i++) {
            slots[done + i]->hash = out[i];
            slots[done + i]->hashed = true;
        }
    }
}

/* The parent's value.  An account without storage is not asked for any: one that is not in the
   parent's state, or was deleted in this block. */
static bool
load(struct vd_state *state, struct vd_slot *slot)
{
    struct vd_acct *acct = vd_state_load(state, &slot->owner->address);
    if (acct == NULL)
        return false;
    if (!vd_hash_eq(&acct->now.storage_root, &VD_EMPTY_ROOT)) {
        vd_state_hash_slots(&slot, 1);
        enum vd_err err = state->source->slot(state->source->ctx, &slot->parent, &acct->hash,
                                              &acct->now.storage_root, &slot->hash);
        if (err != VD_OK) {
            (void)vd_state_fail(state, err);
            return false;
        }
    }
    slot->now = slot->parent;
    slot->loaded = true;
    return true;
}

static struct vd_slot *
find_loaded(struct vd_state *state, const struct vd_address *address, const struct vd_u256 *key)
{
    struct vd_slot *slot = find(state, vd_state_find(state, address), key);
    if (slot == NULL || (!slot->loaded && !load(state, slot)))
        return NULL;
    return slot;
}

/* --- storage --- */

static bool
warm(struct vd_state *state, struct vd_slot *slot, bool *was_cold)
{
    *was_cold = slot->warm != state->epoch;
    if (!*was_cold)
        return true;
    struct vd_undo *undo = vd_state_push(state, VD_UNDO_WARM_SLOT);
    if (undo == NULL)
        return false;
    undo->of.slot = slot;
    slot->warm = state->epoch;
    return true;
}

enum vd_err
vd_state_slot(struct vd_state *state, struct vd_slot_view *view, const struct vd_address *address,
              const struct vd_u256 *key)
{
    *view = (struct vd_slot_view){0};
    struct vd_slot *slot = find_loaded(state, address, key);
    if (slot == NULL || !warm(state, slot, &view->was_cold))
        return state->err;
    view->current = slot->now;
    view->original = slot->noted == state->epoch ? slot->before : slot->now;
    return VD_OK;
}

enum vd_err
vd_state_peek_slot(struct vd_state *state, struct vd_u256 *value, const struct vd_address *address,
                   const struct vd_u256 *key)
{
    *value = vd_u256(0);
    const struct vd_slot *slot = find_loaded(state, address, key);
    if (slot == NULL)
        return state->err;
    *value = slot->now;
    return VD_OK;
}

enum vd_err
vd_state_warm_slot(struct vd_state *state, bool *was_cold, const struct vd_address *address,
                   const struct vd_u256 *key)
{
    *was_cold = false;
    struct vd_slot *slot = find(state, vd_state_find(state, address), key);
    if (slot != NULL)
        (void)warm(state, slot, was_cold);
    return state->err;
}

enum vd_err
vd_state_set_slot(struct vd_state *state, const struct vd_address *address,
                  const struct vd_u256 *key, const struct vd_u256 *value)
{
    struct vd_slot *slot = find_loaded(state, address, key);
    if (slot == NULL)
        return state->err;
    if (slot->noted != state->epoch) {
        slot->noted = state->epoch;
        slot->before = slot->now;
        slot->next_in_tx = state->slots_in_tx;
        state->slots_in_tx = slot;
        vd_state_note_in_block(state, slot->owner);
    }
    struct vd_undo *undo = vd_state_push(state, VD_UNDO_SLOT);
    if (undo == NULL)
        return state->err;
    undo->of.slot = slot;
    undo->was.word = slot->now;
    slot->now = *value;
    return VD_OK;
}

enum vd_err
vd_state_has_storage(struct vd_state *state, bool *has, const struct vd_address *address)
{
    *has = false;
    const struct vd_acct *acct = vd_state_load(state, address);
    if (acct == NULL)
        return state->err;
    *has = !vd_hash_eq(&acct->now.storage_root, &VD_EMPTY_ROOT);
    for (const struct vd_slot *slot = acct->slots; slot != NULL && !*has; slot = slot->next)
        *has = slot->loaded && !vd_u256_is_zero(&slot->now);
    return VD_OK;
}

/* --- transient storage (EIP-1153) --- */

enum vd_err
vd_state_transient(struct vd_state *state, struct vd_u256 *value, const struct vd_address *address,
                   const struct vd_u256 *key)
{
    *value = vd_u256(0);
    const struct vd_acct *acct = vd_state_find(state, address);
    if (acct == NULL)
        return state->err;
    struct slot_key whole = {acct->id, *key};
    struct vd_transient **found = vd_map_get(&state->transients, &whole);
    if (found != NULL && (*found)->written == state->epoch)
        *value = (*found)->value;
    return VD_OK;
}

/* The transient slot, zero if this transaction did not write it before. */
static struct vd_transient *
open_transient(struct vd_state *state, const struct vd_acct *acct, const struct vd_u256 *key)
{
    struct slot_key whole = {acct->id, *key};
    void *value;
    bool is_new;
    struct vd_transient *transient = NULL;
    if (vd_map_insert(&state->transients, &value, &is_new, &whole) == VD_OK)
        transient = is_new ? VD_ARENA_NEW(state->arena, struct vd_transient, 1)
                           : *(struct vd_transient **)value;
    if (transient == NULL) {
        (void)vd_state_fail(state, VD_ERR_NO_MEMORY);
        return NULL;
    }
    *(struct vd_transient **)value = transient;
    if (transient->written != state->epoch)
        *transient = (struct vd_transient){.written = state->epoch};
    return transient;
}

enum vd_err
vd_state_set_transient(struct vd_state *state, const struct vd_address *address,
                       const struct vd_u256 *key, const struct vd_u256 *value)
{
    const struct vd_acct *acct = vd_state_find(state, address);
    struct vd_transient *transient = acct == NULL ? NULL : open_transient(state, acct, key);
    struct vd_undo *undo = transient == NULL ? NULL : vd_state_push(state, VD_UNDO_TRANSIENT);
    if (undo == NULL)
        return state->err;
    undo->of.transient = transient;
    undo->was.word = transient->value;
    transient->value = *value;
    return VD_OK;
}
