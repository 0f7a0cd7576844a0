/* What a transaction and a block changed, and the state root. */
#include "core/state/state_internal.h"
#include "viaduct/core/codec/rlp.h"
#include "viaduct/core/crypto/keccak.h"

enum { MAX_SLOT_RLP = 33 };

static bool
account_eq(const struct vd_account *a, const struct vd_account *b)
{
    return a->nonce == b->nonce && vd_u256_eq(&a->balance, &b->balance) &&
           vd_hash_eq(&a->code_hash, &b->code_hash) &&
           vd_hash_eq(&a->storage_root, &b->storage_root);
}

/* Reports an account that stood as before (NULL: not at all) and stands as after, if that is a
   change, and its code if that is new. */
static enum vd_err
visit_account(const struct vd_state_visitor *visitor, const struct vd_acct *acct,
              const struct vd_account *before, const struct vd_account *after)
{
    if (before == after || (before != NULL && after != NULL && account_eq(before, after)))
        return VD_OK;
    bool new_code = after != NULL && !vd_hash_eq(&after->code_hash, &VD_EMPTY_CODE_HASH) &&
                    (before == NULL || !vd_hash_eq(&before->code_hash, &after->code_hash));
    if (new_code && visitor->code != NULL) {
        enum vd_err err = visitor->code(visitor->ctx, &after->code_hash, acct->code);
        if (err != VD_OK)
            return err;
    }
    if (visitor->account == NULL)
        return VD_OK;
    return visitor->account(visitor->ctx, &acct->address, &acct->hash, before, after);
}

static enum vd_err
visit_slot(const struct vd_state_visitor *visitor, const struct vd_slot *slot,
           const struct vd_u256 *before)
{
    if (visitor->slot == NULL)
        return VD_OK;
    const struct vd_acct *acct = slot->owner;
    return visitor->slot(visitor->ctx, &acct->address, &acct->hash, &slot->key, &slot->hash, before,
                         &slot->now);
}

enum vd_err
vd_state_visit_tx(struct vd_state *state, const struct vd_state_visitor *visitor)
{
    enum vd_err err = state->err;
    for (struct vd_slot *slot = state->slots_in_tx; slot != NULL && err == VD_OK;
         slot = slot->next_in_tx) {
        if (!slot->owner->exists || vd_u256_eq(&slot->now, &slot->before))
            continue;
        if (!slot->hashed)
            vd_state_hash_slots(&slot, 1);
        err = visit_slot(visitor, slot, &slot->before);
    }
    for (const struct vd_acct *acct = state->accounts_in_tx; acct != NULL && err == VD_OK;
         acct = acct->next_in_tx)
        err = visit_account(visitor, acct, acct->existed_before ? &acct->before : NULL,
                            acct->exists ? &acct->now : NULL);
    return vd_state_fail(state, err);
}

/* --- sorting by hash --- */

struct sortable {
    uint64_t prefix; /* of the hash, big-endian: decides nearly every comparison */
    const struct vd_hash *hash;
    void *object;
};

static struct sortable
make_sortable(const struct vd_hash *hash, void *object)
{
    return (struct sortable){vd_load_be64(hash->b), hash, object};
}

static bool
is_before(const struct sortable *a, const struct sortable *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix;
    return memcmp(a->hash->b, b->hash->b, sizeof a->hash->b) < 0;
}

/* Merges from[lo, mid) and from[mid, hi), both sorted, into to. */
static void
merge(struct sortable *to, const struct sortable *from, size_t lo, size_t mid, size_t hi)
{
    size_t a = lo;
    size_t b = mid;
    for (size_t i = lo; i < hi; i++) {
        bool take_b = a == mid || (b < hi && is_before(&from[b], &from[a]));
        to[i] = from[take_b ? b++ : a++];
    }
}

/* Merge sort; spare is as long as items.  Returns whichever of the two ends up sorted. */
static struct sortable *
sort(struct sortable *items, struct sortable *spare, size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t lo = 0; lo < count; lo += 2 * width) {
            size_t mid = lo + width < count ? lo + width : count;
            size_t hi = mid + width < count ? mid + width : count;
            merge(spare, items, lo, mid, hi);
        }
        struct sortable *swap = items;
        items = spare;
        spare = swap;
    }
    return items;
}

/* --- storage roots --- */

/* What one account contributes to the block's end. */
struct finished {
    struct vd_acct *acct;
    struct sortable *slots; /* changed, sorted by hash */
    size_t slot_count;
    bool changed;
};

static bool
slot_changed(const struct vd_slot *slot)
{
    return slot->loaded && !vd_u256_eq(&slot->now, &slot->parent);
}

/* Lists the changed slots of an account, sorted by hash, in the arena. */
static enum vd_err
list_slots(struct vd_arena *arena, struct finished *f)
{
    size_t n = 0;
    size_t unhashed = 0;
    struct vd_slot *first = f->acct->slots;
    for (const struct vd_slot *slot = first; slot != NULL; slot = slot->next)
        n += slot_changed(slot);
    f->slot_count = n;
    if (n == 0)
        return VD_OK;
    struct sortable *items = VD_ARENA_NEW(arena, struct sortable, 2 * n);
    struct vd_slot **to_hash = VD_ARENA_NEW(arena, struct vd_slot *, n);
    if (items == NULL || to_hash == NULL)
        return VD_ERR_NO_MEMORY;
    for (struct vd_slot *slot = first; slot != NULL; slot = slot->next) {
        if (slot_changed(slot) && !slot->hashed)
            to_hash[unhashed++] = slot;
    }
    vd_state_hash_slots(to_hash, unhashed);
    size_t i = 0;
    for (struct vd_slot *slot = first; slot != NULL; slot = slot->next) {
        if (slot_changed(slot))
            items[i++] = make_sortable(&slot->hash, slot);
    }
    f->slots = sort(items, items + n, n);
    return VD_OK;
}

static struct vd_slice
encode_slot(uint8_t out[MAX_SLOT_RLP], const struct vd_u256 *value)
{
    unsigned len = vd_u256_byte_len(value);
    uint8_t bytes[32];
    vd_u256_to_be(bytes, value);
    if (len == 1 && bytes[31] < 0x80) {
        out[0] = bytes[31];
        return vd_slice(out, 1);
    }
    out[0] = (uint8_t)(0x80 + len);
    memcpy(out + 1, bytes + 32 - len, len);
    return vd_slice(out, len == 0 ? 0 : 1 + len);
}

static enum vd_err
storage_root(struct vd_state *state, struct finished *f, const struct vd_trie_sink *sink)
{
    struct vd_acct *acct = f->acct;
    acct->new_storage_root = acct->now.storage_root;
    enum vd_err err = list_slots(state->arena, f);
    if (err != VD_OK || f->slot_count == 0)
        return err;
    struct vd_trie_change *changes =
        VD_ARENA_NEW(state->arena, struct vd_trie_change, f->slot_count);
    uint8_t *values = vd_arena_alloc(state->arena, f->slot_count * MAX_SLOT_RLP, 1);
    if (changes == NULL || values == NULL)
        return VD_ERR_NO_MEMORY;
    for (size_t i = 0; i < f->slot_count; i++) {
        const struct vd_slot *slot = f->slots[i].object;
        changes[i].key = slot->hash;
        changes[i].value = encode_slot(values + i * MAX_SLOT_RLP, &slot->now);
    }
    return vd_trie_update(&state->source->trie, sink, &acct->new_storage_root, state->arena,
                          &acct->hash, &acct->now.storage_root, changes, f->slot_count);
}

/* --- state root --- */

static struct vd_account
with_new_root(const struct vd_acct *acct)
{
    struct vd_account account = acct->now;
    account.storage_root = acct->new_storage_root;
    return account;
}

/* The account's storage root, and its change of the state trie if it changed. */
static enum vd_err
finish_account(struct vd_state *state, struct finished *f, struct vd_trie_change *change,
               const struct vd_trie_sink *sink)
{
    struct vd_acct *acct = f->acct;
    enum vd_err err = VD_OK;
    if (acct->exists)
        err = storage_root(state, f, sink);
    else
        acct->new_storage_root = VD_EMPTY_ROOT;
    if (err != VD_OK)
        return err;
    struct vd_account after = with_new_root(acct);
    f->changed =
        acct->exists != acct->existed || (acct->exists && !account_eq(&after, &acct->parent));
    if (!f->changed)
        return VD_OK;
    *change = (struct vd_trie_change){.key = acct->hash};
    if (!acct->exists)
        return VD_OK;
    struct vd_buf buf;
    vd_buf_init(&buf, state->arena);
    vd_account_encode(&buf, &after);
    change->value = vd_buf_view(&buf);
    return buf.err;
}

/* The accounts written in this block, sorted by hash, in the arena. */
static enum vd_err
list_accounts(struct vd_state *state, struct finished **out, size_t *count)
{
    size_t n = 0;
    for (const struct vd_acct *acct = state->accounts_in_block; acct; acct = acct->next_in_block)
        n++;
    *count = n;
    struct sortable *items = VD_ARENA_NEW(state->arena, struct sortable, 2 * n);
    *out = VD_ARENA_NEW(state->arena, struct finished, n);
    if (items == NULL || *out == NULL)
        return VD_ERR_NO_MEMORY;
    size_t i = 0;
    for (struct vd_acct *acct = state->accounts_in_block; acct; acct = acct->next_in_block)
        items[i++] = make_sortable(&acct->hash, acct);
    items = sort(items, items + n, n);
    for (i = 0; i < n; i++)
        (*out)[i].acct = items[i].object;
    return VD_OK;
}

static enum vd_err
visit_finished(const struct vd_state_visitor *visitor, const struct finished *f)
{
    const struct vd_acct *acct = f->acct;
    for (size_t i = 0; i < f->slot_count; i++) {
        const struct vd_slot *slot = f->slots[i].object;
        enum vd_err err = visit_slot(visitor, slot, &slot->parent);
        if (err != VD_OK)
            return err;
    }
    struct vd_account after = with_new_root(acct);
    return visit_account(visitor, acct, acct->existed ? &acct->parent : NULL,
                         acct->exists ? &after : NULL);
}

/* The visitor comes last, when all nodes are read: it may write to what the source reads from. */
static enum vd_err
compute_root(struct vd_state *state, struct vd_hash *root, const struct vd_state_visitor *visitor,
             const struct vd_trie_sink *sink)
{
    struct finished *accounts;
    size_t count;
    enum vd_err err = list_accounts(state, &accounts, &count);
    if (err != VD_OK)
        return err;
    struct vd_trie_change *changes = VD_ARENA_NEW(state->arena, struct vd_trie_change, count);
    if (changes == NULL)
        return VD_ERR_NO_MEMORY;
    size_t change_count = 0;
    for (size_t i = 0; i < count && err == VD_OK; i++) {
        err = finish_account(state, &accounts[i], &changes[change_count], sink);
        change_count += accounts[i].changed;
    }
    if (err == VD_OK)
        err = vd_trie_update(&state->source->trie, sink, root, state->arena, NULL, &state->root,
                             changes, change_count);
    for (size_t i = 0; i < count && err == VD_OK && visitor != NULL; i++) {
        if (accounts[i].changed)
            err = visit_finished(visitor, &accounts[i]);
    }
    return err;
}

enum vd_err
vd_state_root(struct vd_state *state, struct vd_hash *root, const struct vd_state_visitor *visitor,
              const struct vd_trie_sink *sink)
{
    if (state->err != VD_OK)
        return state->err;
    size_t mark = vd_arena_mark(state->arena);
    enum vd_err err = compute_root(state, root, visitor, sink);
    vd_arena_rewind(state->arena, mark);
    return vd_state_fail(state, err);
}

enum vd_err
vd_state_storage_root(struct vd_state *state, struct vd_hash *root,
                      const struct vd_address *address)
{
    *root = VD_EMPTY_ROOT;
    const struct vd_acct *acct = vd_state_load(state, address);
    if (acct == NULL)
        return state->err;
    if (acct->exists)
        *root = acct->new_storage_root;
    return VD_OK;
}
