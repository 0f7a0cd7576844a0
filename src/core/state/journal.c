/* The journal: what to put back when a call frame is undone. */
#include "core/state/state_internal.h"

static struct vd_undo_chunk *
new_chunk(struct vd_state *state)
{
    struct vd_undo_chunk *chunk =
        vd_arena_alloc(state->arena, sizeof *chunk, _Alignof(struct vd_undo_chunk));
    if (chunk == NULL)
        return NULL;
    chunk->below = state->undo_top;
    chunk->above = NULL;
    if (state->undo_top != NULL)
        state->undo_top->above = chunk;
    return chunk;
}

struct vd_undo *
vd_state_push(struct vd_state *state, enum vd_undo_kind kind)
{
    size_t at = state->undo_count % VD_UNDO_CHUNK;
    if (state->undo_top == NULL || (at == 0 && state->undo_count != 0)) {
        struct vd_undo_chunk *above = state->undo_top == NULL ? NULL : state->undo_top->above;
        if (above == NULL)
            above = new_chunk(state);
        if (above == NULL) {
            (void)vd_state_fail(state, VD_ERR_NO_MEMORY);
            return NULL;
        }
        state->undo_top = above;
    }
    state->undo_count++;
    struct vd_undo *undo = &state->undo_top->entries[at];
    undo->kind = kind;
    return undo;
}

void
vd_state_forget_undo(struct vd_state *state)
{
    while (state->undo_top != NULL && state->undo_top->below != NULL)
        state->undo_top = state->undo_top->below;
    state->undo_count = 0;
}

static void
undo_account(struct vd_acct *acct, const struct vd_undo *undo)
{
    struct vd_account *now = &acct->now;
    switch (undo->kind) {
    case VD_UNDO_BALANCE:
        now->balance = undo->was.word;
        break;
    case VD_UNDO_NONCE:
        now->nonce = undo->was.nonce;
        break;
    case VD_UNDO_CODE:
        acct->code = undo->was.code.bytes;
        acct->has_code = undo->has_code;
        now->code_hash = undo->was.code.hash;
        break;
    case VD_UNDO_BIRTH:
        acct->exists = false;
        break;
    case VD_UNDO_TOUCHED:
        acct->touched = 0;
        break;
    case VD_UNDO_CREATED:
        acct->created = 0;
        break;
    case VD_UNDO_DESTROYED:
        acct->destroyed = 0;
        break;
    case VD_UNDO_WARM_ACCOUNT:
        acct->warm = 0;
        break;
    case VD_UNDO_SLOT:
    case VD_UNDO_TRANSIENT:
    case VD_UNDO_WARM_SLOT:
    case VD_UNDO_LOG:
    case VD_UNDO_REFUND:
        break;
    }
}

static void
undo_one(struct vd_state *state, const struct vd_undo *undo)
{
    switch (undo->kind) {
    case VD_UNDO_SLOT:
        undo->of.slot->now = undo->was.word;
        return;
    case VD_UNDO_TRANSIENT:
        undo->of.transient->value = undo->was.word;
        return;
    case VD_UNDO_WARM_SLOT:
        undo->of.slot->warm = 0;
        return;
    case VD_UNDO_LOG:
        state->log_count--;
        return;
    case VD_UNDO_REFUND:
        state->refund = undo->was.refund;
        return;
    case VD_UNDO_BALANCE:
    case VD_UNDO_NONCE:
    case VD_UNDO_CODE:
    case VD_UNDO_BIRTH:
    case VD_UNDO_TOUCHED:
    case VD_UNDO_CREATED:
    case VD_UNDO_DESTROYED:
    case VD_UNDO_WARM_ACCOUNT:
        undo_account(undo->of.acct, undo);
        return;
    }
}

void
vd_state_pop(struct vd_state *state)
{
    size_t at = --state->undo_count % VD_UNDO_CHUNK;
    undo_one(state, &state->undo_top->entries[at]);
    if (at == 0 && state->undo_top->below != NULL)
        state->undo_top = state->undo_top->below;
}

size_t
vd_state_snapshot(const struct vd_state *state)
{
    return state->undo_count;
}

void
vd_state_revert(struct vd_state *state, size_t snapshot)
{
    while (state->undo_count > snapshot)
        vd_state_pop(state);
}
