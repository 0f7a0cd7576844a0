/* Accounts, transactions, logs. */
#include "core/state/state_internal.h"
#include "viaduct/core/crypto/keccak.h"

enum { FIRST_LOGS = 16 };

/* --- objects --- */

enum vd_err
vd_state_new(struct vd_state **out, struct vd_arena *arena, const struct vd_state_source *source,
             const struct vd_hash *root, const struct vd_hash *seed)
{
    struct vd_state *state = VD_ARENA_NEW(arena, struct vd_state, 1);
    if (state == NULL)
        return VD_ERR_NO_MEMORY;
    state->arena = arena;
    state->source = source;
    state->root = *root;
    state->seed = *seed;
    /* Marks are 0 when they never held. */
    state->epoch = 1;
    enum { SLOT_KEY = sizeof(uint64_t) + sizeof(struct vd_u256) };
    vd_map_init(&state->accounts, arena, seed, sizeof(struct vd_address), sizeof(void *));
    vd_map_init(&state->slots, arena, seed, SLOT_KEY, sizeof(void *));
    vd_map_init(&state->transients, arena, seed, SLOT_KEY, sizeof(void *));
    *out = state;
    return VD_OK;
}

struct vd_hash
vd_state_seed(const struct vd_state *state)
{
    return state->seed;
}

enum vd_err
vd_state_fail(struct vd_state *state, enum vd_err err)
{
    if (state->err == VD_OK)
        state->err = err;
    return state->err;
}

static struct vd_acct *
new_acct(struct vd_state *state, const struct vd_address *address)
{
    struct vd_acct *acct = VD_ARENA_NEW(state->arena, struct vd_acct, 1);
    if (acct == NULL)
        return NULL;
    acct->address = *address;
    acct->id = state->next_id++;
    return acct;
}

static struct vd_acct *
find_in_map(struct vd_state *state, const struct vd_address *address)
{
    void *value;
    bool is_new;
    struct vd_acct *acct = NULL;
    if (vd_map_insert(&state->accounts, &value, &is_new, address) == VD_OK)
        acct = is_new ? new_acct(state, address) : *(struct vd_acct **)value;
    if (acct == NULL)
        (void)vd_state_fail(state, VD_ERR_NO_MEMORY);
    else if (is_new)
        *(struct vd_acct **)value = acct;
    return acct;
}

struct vd_acct *
vd_state_find(struct vd_state *state, const struct vd_address *address)
{
    if (state->err != VD_OK)
        return NULL;
    const uint8_t *b = address->b;
    struct vd_acct **cached =
        &state->account_cache[(b[0] ^ b[9] ^ b[18] ^ b[19]) % VD_ACCOUNT_CACHE];
    if (*cached != NULL && vd_address_eq(&(*cached)->address, address))
        return *cached;
    struct vd_acct *acct = find_in_map(state, address);
    if (acct != NULL)
        *cached = acct;
    return acct;
}

static void
make_blank(struct vd_account *account)
{
    *account = (struct vd_account){.storage_root = VD_EMPTY_ROOT, .code_hash = VD_EMPTY_CODE_HASH};
}

static bool
load(struct vd_state *state, struct vd_acct *acct)
{
    acct->hash = vd_keccak256(vd_slice(acct->address.b, sizeof acct->address.b));
    enum vd_err err =
        state->source->account(state->source->ctx, &acct->parent, &acct->address, &acct->hash);
    if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
        (void)vd_state_fail(state, err);
        return false;
    }
    acct->existed = acct->exists = err == VD_OK;
    if (!acct->exists)
        make_blank(&acct->parent);
    acct->now = acct->parent;
    acct->new_storage_root = acct->parent.storage_root;
    acct->loaded = true;
    return true;
}

struct vd_acct *
vd_state_load(struct vd_state *state, const struct vd_address *address)
{
    struct vd_acct *acct = vd_state_find(state, address);
    if (acct == NULL || (!acct->loaded && !load(state, acct)))
        return NULL;
    return acct;
}

void
vd_state_note_in_block(struct vd_state *state, struct vd_acct *acct)
{
    if (acct->in_block)
        return;
    acct->in_block = true;
    acct->next_in_block = state->accounts_in_block;
    state->accounts_in_block = acct;
}

void
vd_state_note(struct vd_state *state, struct vd_acct *acct)
{
    if (acct->noted == state->epoch)
        return;
    acct->noted = state->epoch;
    acct->existed_before = acct->exists;
    acct->before = acct->now;
    acct->next_in_tx = state->accounts_in_tx;
    state->accounts_in_tx = acct;
    vd_state_note_in_block(state, acct);
}

/* --- transactions --- */

void
vd_state_tx_begin(struct vd_state *state)
{
    state->epoch++;
    VD_ASSERT(state->epoch != 0);
    vd_state_forget_undo(state);
    state->accounts_in_tx = NULL;
    state->slots_in_tx = NULL;
    state->log_count = 0;
    state->refund = 0;
}

/* An account that goes takes its storage along: if it comes back in a later transaction its slots
   are zero, and its storage trie starts empty. */
static void
erase(struct vd_acct *acct)
{
    acct->exists = false;
    make_blank(&acct->now);
    acct->code = (struct vd_slice){0};
    acct->has_code = false;
    for (struct vd_slot *slot = acct->slots; slot != NULL; slot = slot->next) {
        slot->now = slot->parent = vd_u256(0);
        slot->loaded = true;
    }
}

enum vd_err
vd_state_tx_end(struct vd_state *state)
{
    for (struct vd_acct *acct = state->accounts_in_tx; acct != NULL; acct = acct->next_in_tx) {
        bool touched_empty =
            acct->touched == state->epoch && vd_acct_is_empty(acct, &VD_EMPTY_CODE_HASH);
        if (acct->exists && (acct->destroyed == state->epoch || touched_empty))
            erase(acct);
    }
    vd_state_forget_undo(state);
    return state->err;
}

/* --- reading accounts --- */

enum vd_err
vd_state_account(struct vd_state *state, const struct vd_account **account,
                 const struct vd_address *address)
{
    *account = NULL;
    const struct vd_acct *acct = vd_state_load(state, address);
    if (acct == NULL)
        return state->err;
    if (acct->exists)
        *account = &acct->now;
    return VD_OK;
}

enum vd_err
vd_state_is_empty(struct vd_state *state, bool *empty, const struct vd_address *address)
{
    *empty = true;
    const struct vd_acct *acct = vd_state_load(state, address);
    if (acct == NULL)
        return state->err;
    *empty = vd_acct_is_empty(acct, &VD_EMPTY_CODE_HASH);
    return VD_OK;
}

enum vd_err
vd_state_balance(struct vd_state *state, struct vd_u256 *balance, const struct vd_address *address)
{
    *balance = vd_u256(0);
    const struct vd_acct *acct = vd_state_load(state, address);
    if (acct == NULL)
        return state->err;
    *balance = acct->now.balance;
    return VD_OK;
}

enum vd_err
vd_state_nonce(struct vd_state *state, uint64_t *nonce, const struct vd_address *address)
{
    *nonce = 0;
    const struct vd_acct *acct = vd_state_load(state, address);
    if (acct == NULL)
        return state->err;
    *nonce = acct->now.nonce;
    return VD_OK;
}

uint64_t
vd_state_code_generation(const struct vd_state *state)
{
    const struct vd_code_window *window = state->source->window;
    return window == NULL ? 0 : window->generation;
}

static bool
is_in_window(const struct vd_state *state, struct vd_slice code)
{
    const struct vd_code_window *window = state->source->window;
    return window != NULL &&
           (uintptr_t)code.ptr - (uintptr_t)window->codes.base < window->codes.size;
}

/* Code that the source has forgotten.  The generation belongs to what was read: while a code that
   was set in this block stands in its place it means nothing, and if that is undone it is right
   again. */
static bool
is_forgotten(const struct vd_state *state, const struct vd_acct *acct)
{
    return acct->code_generation != vd_state_code_generation(state) &&
           is_in_window(state, acct->code);
}

/* Brings the account's code into memory. */
static bool
load_code(struct vd_state *state, struct vd_acct *acct)
{
    acct->code = (struct vd_slice){0};
    if (!vd_hash_eq(&acct->now.code_hash, &VD_EMPTY_CODE_HASH)) {
        enum vd_err err =
            state->source->code(state->source->ctx, &acct->code, &acct->now.code_hash);
        if (err != VD_OK) {
            (void)vd_state_fail(state, err);
            return false;
        }
    }
    acct->has_code = true;
    acct->code_generation = vd_state_code_generation(state);
    return true;
}

enum vd_err
vd_state_code(struct vd_state *state, struct vd_slice *code, struct vd_hash *hash,
              const struct vd_address *address)
{
    *code = (struct vd_slice){0};
    if (hash != NULL)
        *hash = (struct vd_hash){0};
    struct vd_acct *acct = vd_state_load(state, address);
    if (acct == NULL)
        return state->err;
    if ((!acct->has_code || is_forgotten(state, acct)) && !load_code(state, acct))
        return state->err;
    *code = acct->code;
    if (hash != NULL && acct->exists)
        *hash = acct->now.code_hash;
    return VD_OK;
}

enum vd_err
vd_state_code_again(struct vd_state *state, struct vd_slice *code, const struct vd_hash *hash)
{
    if (state->err != VD_OK || !is_in_window(state, *code))
        return state->err;
    return vd_state_fail(state, state->source->code(state->source->ctx, code, hash));
}

enum vd_err
vd_state_created_in_tx(struct vd_state *state, bool *created, const struct vd_address *address)
{
    *created = false;
    const struct vd_acct *acct = vd_state_find(state, address);
    if (acct == NULL)
        return state->err;
    *created = acct->created == state->epoch;
    return VD_OK;
}

/* --- writing accounts --- */

static struct vd_undo *
push_acct(struct vd_state *state, struct vd_acct *acct, enum vd_undo_kind kind)
{
    struct vd_undo *undo = vd_state_push(state, kind);
    if (undo != NULL)
        undo->of.acct = acct;
    return undo;
}

/* Sets one of the account's epochs to this one. */
static bool
mark(struct vd_state *state, struct vd_acct *acct, uint32_t *epoch, enum vd_undo_kind kind)
{
    if (*epoch == state->epoch)
        return true;
    if (push_acct(state, acct, kind) == NULL)
        return false;
    *epoch = state->epoch;
    return true;
}

/* The account to write to: it exists from here on and is touched (EIP-161). */
static struct vd_acct *
open_acct(struct vd_state *state, const struct vd_address *address)
{
    struct vd_acct *acct = vd_state_load(state, address);
    if (acct == NULL)
        return NULL;
    vd_state_note(state, acct);
    if (!acct->exists) {
        if (push_acct(state, acct, VD_UNDO_BIRTH) == NULL)
            return NULL;
        acct->exists = true;
    }
    return mark(state, acct, &acct->touched, VD_UNDO_TOUCHED) ? acct : NULL;
}

static enum vd_err
write_balance(struct vd_state *state, struct vd_acct *acct, const struct vd_u256 *balance)
{
    struct vd_undo *undo = push_acct(state, acct, VD_UNDO_BALANCE);
    if (undo == NULL)
        return state->err;
    undo->was.word = acct->now.balance;
    acct->now.balance = *balance;
    return VD_OK;
}

enum vd_err
vd_state_add_balance(struct vd_state *state, const struct vd_address *address,
                     const struct vd_u256 *amount)
{
    struct vd_acct *acct = open_acct(state, address);
    if (acct == NULL)
        return state->err;
    if (vd_u256_is_zero(amount))
        return VD_OK;
    struct vd_u256 sum = vd_u256_add(&acct->now.balance, amount);
    return write_balance(state, acct, &sum);
}

enum vd_err
vd_state_sub_balance(struct vd_state *state, const struct vd_address *address,
                     const struct vd_u256 *amount)
{
    if (vd_u256_is_zero(amount))
        return state->err;
    struct vd_acct *acct = open_acct(state, address);
    if (acct == NULL)
        return state->err;
    struct vd_u256 difference;
    VD_ASSERT(!vd_u256_sub_overflow(&difference, &acct->now.balance, amount));
    return write_balance(state, acct, &difference);
}

enum vd_err
vd_state_set_nonce(struct vd_state *state, const struct vd_address *address, uint64_t nonce)
{
    struct vd_acct *acct = open_acct(state, address);
    struct vd_undo *undo = acct == NULL ? NULL : push_acct(state, acct, VD_UNDO_NONCE);
    if (undo == NULL)
        return state->err;
    undo->was.nonce = acct->now.nonce;
    acct->now.nonce = nonce;
    return VD_OK;
}

enum vd_err
vd_state_set_code(struct vd_state *state, const struct vd_address *address, struct vd_slice code)
{
    struct vd_acct *acct = open_acct(state, address);
    const uint8_t *copy = acct == NULL ? NULL : vd_arena_copy(state->arena, code);
    if (acct != NULL && copy == NULL)
        return vd_state_fail(state, VD_ERR_NO_MEMORY);
    struct vd_undo *undo = acct == NULL ? NULL : push_acct(state, acct, VD_UNDO_CODE);
    if (undo == NULL)
        return state->err;
    undo->has_code = acct->has_code;
    undo->was.code.bytes = acct->code;
    undo->was.code.hash = acct->now.code_hash;
    acct->code = vd_slice(copy, code.len);
    acct->has_code = true;
    acct->now.code_hash = vd_keccak256(code);
    return VD_OK;
}

enum vd_err
vd_state_create(struct vd_state *state, const struct vd_address *address)
{
    struct vd_acct *acct = open_acct(state, address);
    if (acct == NULL || !mark(state, acct, &acct->created, VD_UNDO_CREATED))
        return state->err;
    return vd_state_set_nonce(state, address, 1);
}

enum vd_err
vd_state_destroy(struct vd_state *state, const struct vd_address *address)
{
    struct vd_acct *acct = vd_state_load(state, address);
    if (acct == NULL)
        return state->err;
    vd_state_note(state, acct);
    (void)mark(state, acct, &acct->destroyed, VD_UNDO_DESTROYED);
    return state->err;
}

enum vd_err
vd_state_warm_address(struct vd_state *state, bool *was_cold, const struct vd_address *address)
{
    *was_cold = false;
    struct vd_acct *acct = vd_state_find(state, address);
    if (acct == NULL)
        return state->err;
    *was_cold = acct->warm != state->epoch;
    (void)mark(state, acct, &acct->warm, VD_UNDO_WARM_ACCOUNT);
    return state->err;
}

/* --- logs and refund --- */

static bool
grow_logs(struct vd_state *state)
{
    size_t cap = state->log_cap == 0 ? FIRST_LOGS : 2 * state->log_cap;
    struct vd_log *logs = vd_arena_alloc(state->arena, cap * sizeof *logs, _Alignof(struct vd_log));
    if (logs == NULL)
        return false;
    if (state->log_count != 0)
        memcpy(logs, state->logs, state->log_count * sizeof *logs);
    state->logs = logs;
    state->log_cap = cap;
    return true;
}

enum vd_err
vd_state_log(struct vd_state *state, const struct vd_log *log)
{
    if (state->err != VD_OK)
        return state->err;
    const uint8_t *data = vd_arena_copy(state->arena, log->data);
    if (data == NULL || (state->log_count == state->log_cap && !grow_logs(state)))
        return vd_state_fail(state, VD_ERR_NO_MEMORY);
    if (vd_state_push(state, VD_UNDO_LOG) == NULL)
        return state->err;
    struct vd_log *copy = &state->logs[state->log_count++];
    *copy = *log;
    copy->data.ptr = data;
    return VD_OK;
}

const struct vd_log *
vd_state_logs(const struct vd_state *state, size_t *count)
{
    *count = state->log_count;
    return state->logs;
}

void
vd_state_add_refund(struct vd_state *state, int64_t gas)
{
    if (state->err != VD_OK || gas == 0)
        return;
    struct vd_undo *undo = vd_state_push(state, VD_UNDO_REFUND);
    if (undo == NULL)
        return;
    undo->was.refund = state->refund;
    state->refund += gas;
}

int64_t
vd_state_refund(const struct vd_state *state)
{
    return state->refund;
}
