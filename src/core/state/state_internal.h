/* What the files of the state share: its objects, and how they come to be.

   Objects never move and live as long as the state.  What belongs to one transaction carries that
   transaction's number (epoch) and needs no clearing: a mark holds while it equals state->epoch. */
#ifndef VD_CORE_STATE_STATE_INTERNAL_H
#define VD_CORE_STATE_STATE_INTERNAL_H

#include "viaduct/core/base/map.h"
#include "viaduct/core/state/state.h"

enum {
    VD_ACCOUNT_CACHE = 64,
    VD_SLOT_CACHE = 256,
    VD_UNDO_CHUNK = 256,
};

struct vd_acct {
    struct vd_address address;
    uint32_t id;         /* with a slot's key, the key of the slot maps */
    bool loaded;         /* the source was asked; all below is void before */
    bool existed;        /* in the parent's state, where it was as parent says */
    bool exists;         /* now; if not, now is blank */
    bool existed_before; /* at the start of the transaction, when it was as before says */
    bool has_code;       /* code is that of now.code_hash */
    bool in_block;       /* on the list of accounts written in this block */
    uint32_t warm;       /* epochs */
    uint32_t noted;      /* before is set and it is on the transaction's list */
    uint32_t touched;    /* EIP-161 */
    uint32_t created;    /* EIP-6780 */
    uint32_t destroyed;
    struct vd_hash hash;
    struct vd_account now;
    struct vd_account before;
    struct vd_account parent;
    struct vd_slice code;
    uint64_t code_generation;        /* of the source's window, when code was read from there */
    struct vd_hash new_storage_root; /* after the last vd_state_root */
    struct vd_slot *slots;           /* all that were seen */
    struct vd_acct *next_in_tx;
    struct vd_acct *next_in_block;
};

struct vd_slot {
    struct vd_u256 key;
    struct vd_u256 now;
    struct vd_u256 before; /* at the start of the transaction, if noted in it */
    struct vd_u256 parent;
    struct vd_acct *owner;
    struct vd_slot *next; /* of the owner */
    struct vd_slot *next_in_tx;
    uint32_t warm;  /* epochs */
    uint32_t noted; /* before is set and it is on the transaction's list */
    bool loaded;    /* the source was asked; now and parent are void before */
    bool hashed;
    struct vd_hash hash;
};

struct vd_transient {
    struct vd_u256 value; /* if written in this epoch */
    uint32_t written;
};

enum vd_undo_kind {
    VD_UNDO_BALANCE,
    VD_UNDO_NONCE,
    VD_UNDO_CODE,
    VD_UNDO_BIRTH,
    VD_UNDO_TOUCHED,
    VD_UNDO_CREATED,
    VD_UNDO_DESTROYED,
    VD_UNDO_SLOT,
    VD_UNDO_TRANSIENT,
    VD_UNDO_WARM_ACCOUNT,
    VD_UNDO_WARM_SLOT,
    VD_UNDO_LOG,
    VD_UNDO_REFUND,
};

/* How it was before. */
struct vd_undo {
    enum vd_undo_kind kind;
    bool has_code;
    union {
        struct vd_acct *acct;
        struct vd_slot *slot;
        struct vd_transient *transient;
    } of;
    union {
        struct vd_u256 word;
        uint64_t nonce;
        int64_t refund;
        struct {
            struct vd_slice bytes;
            struct vd_hash hash;
        } code;
    } was;
};

/* The journal is a stack in chunks, which stay linked for the next transaction. */
struct vd_undo_chunk {
    struct vd_undo_chunk *below;
    struct vd_undo_chunk *above;
    struct vd_undo entries[VD_UNDO_CHUNK];
};

struct vd_state {
    struct vd_arena *arena;
    const struct vd_state_source *source;
    struct vd_hash root;
    struct vd_hash seed;
    enum vd_err err; /* sticky */
    uint32_t epoch;
    uint32_t next_id;
    struct vd_map accounts;   /* address -> struct vd_acct * */
    struct vd_map slots;      /* id and key -> struct vd_slot * */
    struct vd_map transients; /* id and key -> struct vd_transient * */
    /* What was found last under some bits of the key. */
    struct vd_acct *account_cache[VD_ACCOUNT_CACHE];
    struct vd_slot *slot_cache[VD_SLOT_CACHE];
    struct vd_acct *accounts_in_tx;
    struct vd_acct *accounts_in_block;
    struct vd_slot *slots_in_tx;
    struct vd_undo_chunk *undo_top; /* the chunk of the last entry, or the first chunk */
    size_t undo_count;
    struct vd_log *logs;
    size_t log_count;
    size_t log_cap;
    int64_t refund;
};

/* The object of an address, loaded or not; NULL: the state has failed. */
struct vd_acct *vd_state_find(struct vd_state *state, const struct vd_address *address);
/* The same, loaded. */
struct vd_acct *vd_state_load(struct vd_state *state, const struct vd_address *address);

/* vd_state_fail makes err, if it is one, the state's answer for good, and returns the answer. */
enum vd_err vd_state_fail(struct vd_state *state, enum vd_err err);

/* vd_state_push journals an entry of kind for the caller to fill in; NULL: the state has
   failed. */
struct vd_undo *vd_state_push(struct vd_state *state, enum vd_undo_kind kind);
void vd_state_pop(struct vd_state *state);
void vd_state_forget_undo(struct vd_state *state);

/* To be called before the first write: remembers what the transaction found. */
void vd_state_note(struct vd_state *state, struct vd_acct *acct);
void vd_state_note_in_block(struct vd_state *state, struct vd_acct *acct);

/* Computes slot->hash of count slots. */
void vd_state_hash_slots(struct vd_slot *const *slots, size_t count);

static inline bool
vd_acct_is_empty(const struct vd_acct *acct, const struct vd_hash *empty_code)
{
    return acct->now.nonce == 0 && vd_u256_is_zero(&acct->now.balance) &&
           vd_hash_eq(&acct->now.code_hash, empty_code);
}

#endif
