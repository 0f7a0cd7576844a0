/* Reading a chain instance: one consistent picture of its blocks and of its open block.

   A struct vd_view is opened on any thread for one request, used on that thread and closed soon: it
   pins the database's pages.  Everything that it hands out lives until it is closed, unless said
   otherwise.  It never waits for the engine. */
#ifndef VIADUCT_NODE_ENGINE_VIEW_H
#define VIADUCT_NODE_ENGINE_VIEW_H

#include "viaduct/core/chain/exec.h"
#include "viaduct/node/engine/engine.h"

/* What a block left for each transaction beyond its consensus receipt. */
struct vd_tx_record {
    struct vd_slice raw;
    struct vd_hash hash;
    struct vd_address sender;
    struct vd_receipt receipt; /* bloom included */
    struct vd_u256 effective_gas_price;
    struct vd_u256 l1_fee;  /* L2, not for deposits */
    size_t first_log_index; /* of its logs in the block */
};

/* The open block as it stood after some group commit: immutable, counted. */
struct vd_pending {
    struct vd_header header; /* roots zero; gas used and bloom of what is in it */
    const struct vd_tx_record *txs;
    size_t tx_count;
};
const struct vd_pending *vd_pending_ref(const struct vd_pending *pending);
void vd_pending_unref(const struct vd_pending *pending);

struct vd_view;
VD_MUST_USE enum vd_err vd_view_open(struct vd_view **out, struct vd_engine *engine);
void vd_view_close(struct vd_view *view);

const struct vd_heads *vd_view_heads(const struct vd_view *view);
/* NULL when no block is open. */
const struct vd_pending *vd_view_pending(const struct vd_view *view);

/* Blocks in the database by number, 0 .. latest.  VD_ERR_NOT_FOUND otherwise. */
VD_MUST_USE enum vd_err vd_view_header(struct vd_view *view, struct vd_header *header,
                                       struct vd_hash *hash, uint64_t number);
VD_MUST_USE enum vd_err vd_view_number(struct vd_view *view, uint64_t *number,
                                       const struct vd_hash *hash);
/* All transactions of a block with their records. */
VD_MUST_USE enum vd_err vd_view_txs(struct vd_view *view, const struct vd_tx_record **txs,
                                    size_t *count, uint64_t number);
/* One of them, at the cost of one, and the block's first raw transaction, which on L2 holds the
   attributes.  VD_ERR_NOT_FOUND: no such block, or it has no such transaction. */
VD_MUST_USE enum vd_err vd_view_tx(struct vd_view *view, struct vd_tx_record *record,
                                   struct vd_slice *first, uint64_t number, size_t index);
/* The raw transactions alone, which is cheaper.  Blocks that the engine has made and the database
   does not have yet (vd_engine_derive answers before) answer here, in vd_view_l2_ref and in
   vd_view_system. */
VD_MUST_USE enum vd_err vd_view_raw_txs(struct vd_view *view, const struct vd_slice **txs,
                                        size_t *count, uint64_t number);
/* Where a transaction stands in the database.  VD_ERR_NOT_FOUND: nowhere. */
VD_MUST_USE enum vd_err vd_view_find_tx(struct vd_view *view, uint64_t *number, size_t *index,
                                        const struct vd_hash *hash);
/* The same in the open block. */
VD_MUST_USE enum vd_err vd_view_find_pending(struct vd_view *view, size_t *index,
                                             const struct vd_hash *hash);
/* A transaction that waits in the mempool, copied: raw and sender. */
VD_MUST_USE enum vd_err vd_view_find_waiting(struct vd_view *view, struct vd_slice *raw,
                                             struct vd_address *sender, const struct vd_hash *hash);
/* The nonce that the sender's next transaction needs, counting the open block and what waits
   without a gap (`pending` in eth_getTransactionCount). */
VD_MUST_USE enum vd_err vd_view_next_nonce(struct vd_view *view, uint64_t *nonce,
                                           const struct vd_address *address);

/* L2 references and the attributes copy of the system config, by number. */
VD_MUST_USE enum vd_err vd_view_l2_ref(struct vd_view *view, struct vd_l2_ref *ref,
                                       uint64_t number);
VD_MUST_USE enum vd_err vd_view_system(struct vd_view *view, struct vd_system_config *system,
                                       uint64_t number);

/* The safe-head index.  VD_ERR_NOT_FOUND: l1_number lies outside [*first, *last], which derivation
   has drained (empty when *first > *last), or in a gap. */
VD_MUST_USE enum vd_err vd_view_safe_head_at(struct vd_view *view, struct vd_block_id *l1,
                                             struct vd_block_id *l2, uint64_t *first,
                                             uint64_t *last, uint64_t l1_number);

/* The oldest block whose state can be read. */
VD_MUST_USE enum vd_err vd_view_oldest_state(struct vd_view *view, uint64_t *number);

/* Which state: after block number, or after the open block's transactions. */
#define VD_VIEW_PENDING UINT64_MAX
/* The state after a block: vd_view_oldest_state .. latest, or VD_VIEW_PENDING, which is latest when
   no block is open.  VD_ERR_NOT_FOUND: too old or not there.  VD_ERR_BUSY: the index of past states
   has not come so far, try later.  The trie source of a pending state answers VD_ERR_UNSUPPORTED:
   it has no roots yet. */
VD_MUST_USE enum vd_err vd_view_state(struct vd_view *view, struct vd_state_source *source,
                                      struct vd_header *header, uint64_t number);
/* The state of vd_view_state, ready for vd_exec_call; the execution lives in arena and must not
 * outlive the view. */
VD_MUST_USE enum vd_err vd_view_exec(struct vd_view *view, struct vd_exec **exec,
                                     struct vd_header *header, struct vd_arena *arena,
                                     uint64_t number);

#endif
