/* The journaled state: what one block reads and writes, over the state of its parent.

   A struct vd_state lives for one block in that block's arena, on one thread.  Values come from a
   struct vd_state_source once and are cached; writes stay in the cache.  Three scopes nest: the
   block (changes since the parent), the transaction (original values of EIP-2200, warm sets of
   EIP-2929, transient storage of EIP-1153, created accounts of EIP-6780, logs, refund) and the
   snapshot (a call frame, undone by revert).  Every function that may read the source returns an
   enum vd_err: a failure of the world, which ends the block's execution and is never a verdict.
   Once one has failed the state answers the same error for good.

   The source is asked as late as possible: warming an address or a slot reads nothing, so a witness
   need not have what was only warmed. */
#ifndef VIADUCT_CORE_STATE_STATE_H
#define VIADUCT_CORE_STATE_STATE_H

#include "viaduct/core/base/u256.h"
#include "viaduct/core/state/trie.h"

struct vd_account {
    uint64_t nonce;
    struct vd_u256 balance;
    struct vd_hash storage_root;
    struct vd_hash code_hash;
};

/* rlp([nonce, balance, storageRoot, codeHash]); at most 110 bytes. */
void vd_account_encode(struct vd_buf *buf, const struct vd_account *account);
VD_MUST_USE enum vd_err vd_account_decode(struct vd_account *out, struct vd_slice rlp);

/* Where a source keeps the codes that it gave, when it does not keep them for good: having no room
   for another, it forgets all of them, and generation grows. */
struct vd_code_window {
    struct vd_arena codes;
    uint64_t generation;
};

/* The parent's state.  Errors other than VD_ERR_NOT_FOUND where it is named end the block. */
struct vd_state_source {
    void *ctx;
    /* VD_ERR_NOT_FOUND: no such account. */
    enum vd_err (*account)(void *ctx, struct vd_account *out, const struct vd_address *address,
                           const struct vd_hash *address_hash);
    /* Zero when the slot is not set.  Never asked for an account whose storage root is empty. */
    enum vd_err (*slot)(void *ctx, struct vd_u256 *out, const struct vd_hash *address_hash,
                        const struct vd_hash *storage_root, const struct vd_hash *slot_hash);
    /* Code by hash; borrowed for the life of the block, or while window (may be NULL) is of the
       same generation.  Never asked for the empty code. */
    enum vd_err (*code)(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash);
    const struct vd_code_window *window;
    /* Trie nodes, for the roots at the block's end. */
    struct vd_trie_source trie;
};

/* The state before a genesis: nothing.  Its root is VD_EMPTY_ROOT. */
extern const struct vd_state_source VD_STATE_NOTHING;

/* vd_state_source_from_tries makes *out read accounts and slots by walking the tries under root
   through nodes (a witness, preimages) and code through code/code_ctx.  *walker is the caller's
   memory and must outlive *out.  A node that is missing (VD_ERR_NOT_FOUND of nodes) or a value that
   does not parse ends the block with VD_ERR_CORRUPT. */
struct vd_trie_walker {
    struct vd_trie_source nodes;
    struct vd_hash root;
    struct vd_arena *arena; /* scratch, rewound after each read */
    void *code_ctx;
    enum vd_err (*code)(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash);
};
void vd_state_source_from_tries(struct vd_state_source *out, struct vd_trie_walker *walker);

struct vd_log {
    struct vd_address address;
    uint8_t topic_count;
    struct vd_hash topics[4];
    struct vd_slice data; /* in the state's arena; vd_state_log copies it there */
};

struct vd_state;

/* vd_state_new makes an empty cache over source, whose state root is root.  seed keys the hash
   maps (the parent block's hash).  Everything is taken from arena, which nobody may rewind below
   what the state took: call frames need an arena of their own. */
VD_MUST_USE enum vd_err vd_state_new(struct vd_state **out, struct vd_arena *arena,
                                     const struct vd_state_source *source,
                                     const struct vd_hash *root, const struct vd_hash *seed);
/* That seed, for maps of who executes over the state. */
struct vd_hash vd_state_seed(const struct vd_state *state);

/* --- transactions --- */
/* What is written before the first begin makes a transaction of its own. */
void vd_state_tx_begin(struct vd_state *state);
/* Ends the transaction: deletes the accounts that destroyed themselves and the touched empty ones
   (EIP-161), makes current values the next transaction's originals.  Logs stay readable until the
   next vd_state_tx_begin. */
VD_MUST_USE enum vd_err vd_state_tx_end(struct vd_state *state);

/* A snapshot is a position of the journal; reverting undoes everything after it: balances, storage,
   transient storage, warm sets, logs, refund, creations. */
size_t vd_state_snapshot(const struct vd_state *state);
void vd_state_revert(struct vd_state *state, size_t snapshot);

/* --- accounts --- */
/* The account as it stands now; NULL in *account when it does not exist.  The pointer stays valid
   for the block and follows later writes.  storage_root is the parent block's. */
VD_MUST_USE enum vd_err vd_state_account(struct vd_state *state, const struct vd_account **account,
                                         const struct vd_address *address);
/* Does not exist, or nonce 0, balance 0, no code (EIP-161). */
VD_MUST_USE enum vd_err vd_state_is_empty(struct vd_state *state, bool *empty,
                                          const struct vd_address *address);
VD_MUST_USE enum vd_err vd_state_balance(struct vd_state *state, struct vd_u256 *balance,
                                         const struct vd_address *address);
VD_MUST_USE enum vd_err vd_state_nonce(struct vd_state *state, uint64_t *nonce,
                                       const struct vd_address *address);
/* Code of the account itself, a delegation designator (EIP-7702) included; *hash may be NULL.
   For an account that does not exist: empty code, zero hash.  Where the source has a window the
   bytes are to be used before the next code is read, or to be asked for again. */
VD_MUST_USE enum vd_err vd_state_code(struct vd_state *state, struct vd_slice *code,
                                      struct vd_hash *hash, const struct vd_address *address);
/* The generation of the source's window, 0 without one. */
uint64_t vd_state_code_generation(const struct vd_state *state);
/* *code, which has this hash and was read in another generation, as it can be read now.  Bytes that
   do not lie in the window stay as they are. */
VD_MUST_USE enum vd_err vd_state_code_again(struct vd_state *state, struct vd_slice *code,
                                            const struct vd_hash *hash);
/* Adding creates the account if need be and touches it, also when amount is zero. */
VD_MUST_USE enum vd_err vd_state_add_balance(struct vd_state *state,
                                             const struct vd_address *address,
                                             const struct vd_u256 *amount);
/* The caller has checked that the balance suffices. */
VD_MUST_USE enum vd_err vd_state_sub_balance(struct vd_state *state,
                                             const struct vd_address *address,
                                             const struct vd_u256 *amount);
VD_MUST_USE enum vd_err vd_state_set_nonce(struct vd_state *state, const struct vd_address *address,
                                           uint64_t nonce);
/* Copies code into the arena.  Empty code clears it (EIP-7702). */
VD_MUST_USE enum vd_err vd_state_set_code(struct vd_state *state, const struct vd_address *address,
                                          struct vd_slice code);
/* Marks the account as created in this transaction (EIP-6780) with nonce 1 and keeps its balance.
   The caller has checked for a collision: nonce, code, and storage (EIP-7610). */
VD_MUST_USE enum vd_err vd_state_create(struct vd_state *state, const struct vd_address *address);
VD_MUST_USE enum vd_err vd_state_created_in_tx(struct vd_state *state, bool *created,
                                               const struct vd_address *address);
/* Whether the account has any storage in the parent's state or in this block (EIP-7610). */
VD_MUST_USE enum vd_err vd_state_has_storage(struct vd_state *state, bool *has,
                                             const struct vd_address *address);
/* Marks for deletion at the end of the transaction.  The caller has moved the balance. */
VD_MUST_USE enum vd_err vd_state_destroy(struct vd_state *state, const struct vd_address *address);

/* --- storage --- */
/* current and original (value at the start of the transaction) of a slot, and whether this access
   found it cold; the access warms it (EIP-2929). */
struct vd_slot_view {
    struct vd_u256 current;
    struct vd_u256 original;
    bool was_cold;
};
VD_MUST_USE enum vd_err vd_state_slot(struct vd_state *state, struct vd_slot_view *view,
                                      const struct vd_address *address, const struct vd_u256 *key);
VD_MUST_USE enum vd_err vd_state_set_slot(struct vd_state *state, const struct vd_address *address,
                                          const struct vd_u256 *key, const struct vd_u256 *value);
/* Reads without warming, for what is not the EVM (fees, RPC). */
VD_MUST_USE enum vd_err vd_state_peek_slot(struct vd_state *state, struct vd_u256 *value,
                                           const struct vd_address *address,
                                           const struct vd_u256 *key);
VD_MUST_USE enum vd_err vd_state_transient(struct vd_state *state, struct vd_u256 *value,
                                           const struct vd_address *address,
                                           const struct vd_u256 *key);
VD_MUST_USE enum vd_err vd_state_set_transient(struct vd_state *state,
                                               const struct vd_address *address,
                                               const struct vd_u256 *key,
                                               const struct vd_u256 *value);

/* --- access lists (EIP-2929) --- */
VD_MUST_USE enum vd_err vd_state_warm_address(struct vd_state *state, bool *was_cold,
                                              const struct vd_address *address);
VD_MUST_USE enum vd_err vd_state_warm_slot(struct vd_state *state, bool *was_cold,
                                           const struct vd_address *address,
                                           const struct vd_u256 *key);

/* --- logs and refund of the transaction --- */
VD_MUST_USE enum vd_err vd_state_log(struct vd_state *state, const struct vd_log *log);
/* The logs of the transaction in order; valid until the next vd_state_tx_begin. */
const struct vd_log *vd_state_logs(const struct vd_state *state, size_t *count);
void vd_state_add_refund(struct vd_state *state, int64_t gas);
int64_t vd_state_refund(const struct vd_state *state);

/* --- what changed --- */
/* Changes against the parent's state.  NULL old: did not exist; NULL new: deleted.  Slots of a
   deleted account are not listed one by one; only an account without storage in the parent's state
   can be deleted (EIP-6780, EIP-161), so there are none to list.  Slots of an account that does not
   exist are not listed either.  A code is reported before the account that has it, once per such
   account.  A member may be NULL. */
struct vd_state_visitor {
    void *ctx;
    enum vd_err (*account)(void *ctx, const struct vd_address *address,
                           const struct vd_hash *address_hash, const struct vd_account *before,
                           const struct vd_account *after);
    enum vd_err (*slot)(void *ctx, const struct vd_address *address,
                        const struct vd_hash *address_hash, const struct vd_u256 *key,
                        const struct vd_hash *slot_hash, const struct vd_u256 *before,
                        const struct vd_u256 *after);
    enum vd_err (*code)(void *ctx, const struct vd_hash *code_hash, struct vd_slice code);
};
/* After vd_state_tx_end: the accounts and slots that this transaction changed, before and after it
   (after->storage_root is not updated). */
VD_MUST_USE enum vd_err vd_state_visit_tx(struct vd_state *state,
                                          const struct vd_state_visitor *visitor);

/* vd_state_root computes the state root with all changes of the block.  visitor (may be NULL) gets
   every account and slot that differs from the parent's state, accounts sorted by hash and each
   account's slots, sorted by hash, before it; sink (may be NULL) gets the trie nodes.  The visitor
   is called when the root is known and nothing is read any more, the sink for a trie when that
   trie is not read any more: both may write to what the source reads from.  The state can go on
   being used over the parent's state; calling again starts again from the parent's root. */
VD_MUST_USE enum vd_err vd_state_root(struct vd_state *state, struct vd_hash *root,
                                      const struct vd_state_visitor *visitor,
                                      const struct vd_trie_sink *sink);
/* The storage root of one account as of the last vd_state_root (before the first: the parent's);
   the empty root if absent. */
VD_MUST_USE enum vd_err vd_state_storage_root(struct vd_state *state, struct vd_hash *root,
                                              const struct vd_address *address);

#endif
