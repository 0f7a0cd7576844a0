/* The chain instance: open block, journal, mempool, database.

   One engine for each chain: L2 and the embedded L1 use the same.  Its owner is the loop; every
   function here is called on the loop's thread unless it says otherwise, and every callback runs
   there, never inside the call.  Behind it two threads work: the engine thread executes and keeps
   the journal, the store thread alone writes the database.

   Acknowledged means journaled: a submit callback with an accepted transaction runs only after the
   journal's record is on disk.  After a crash the journal rebuilds the same open block. */
#ifndef VIADUCT_NODE_ENGINE_ENGINE_H
#define VIADUCT_NODE_ENGINE_ENGINE_H

#include <uv.h>

#include "viaduct/core/chain/genesis.h"
#include "viaduct/core/rollup/attributes.h"
#include "viaduct/node/platform/clock.h"
#include "viaduct/node/platform/log.h"
#include "viaduct/node/platform/pool.h"
#include "viaduct/node/store/store.h"

struct vd_engine;

/* Limits of the mempool: transactions that cannot run yet (a nonce gap, a fee below the base fee,
   no room in the open block).  A full pool refuses the newcomer and evicts nobody. */
#define VD_POOL_MAX_TXS 20000u
#define VD_POOL_MAX_BYTES ((size_t)64 << 20)
#define VD_POOL_MAX_PER_ACCOUNT 128u
#define VD_POOL_LIFETIME_MS ((uint64_t)3 * 3600 * 1000)
#define VD_POOL_BUMP_PERCENT 10u /* both fees of a replacement, as geth */
#define VD_TX_MAX_BYTES ((size_t)128 * 1024)

struct vd_engine_config {
    const char *folder;
    const struct vd_chain_config *chain;   /* copied */
    const struct vd_rollup_config *rollup; /* copied; NULL on L1 */
    const struct vd_genesis *genesis;      /* borrowed during the call */
    const struct vd_hash *genesis_hash;    /* what it must be; NULL: not compared */
    bool takes_transactions;               /* false: submit refuses (a verifier) */
    uint64_t retention_blocks;
    uv_loop_t *loop;
    struct vd_pool *pool;
    const struct vd_clock *clock;
    const struct vd_logger *logger; /* may be NULL */
};

/* vd_engine_open opens the folder (and writes the genesis block into an empty one), replays the
   journal and starts the threads.  On failure why says what is wrong and what to do. */
VD_MUST_USE enum vd_err vd_engine_open(struct vd_engine **out, char *why, size_t why_size,
                                       const struct vd_engine_config *config);
/* Finishes what was taken, closes the database, frees the engine, then calls closed. */
void vd_engine_close(struct vd_engine *engine, void (*closed)(void *ctx), void *ctx);

/* --- blocks --- */

enum vd_build_verdict {
    VD_BUILD_VALID,
    VD_BUILD_INVALID,
    VD_BUILD_UNSUPPORTED,
};

struct vd_engine_result {
    enum vd_err err; /* VD_OK, or the world failed: the rest says nothing */
    enum vd_build_verdict verdict;
    char why[200];            /* when it failed, is invalid or unsupported */
    struct vd_block_id block; /* sealed, built or open (hash zero) */
    uint64_t timestamp;
    struct vd_l2_ref ref;           /* L2; of an open block the hash is zero */
    struct vd_system_config system; /* L2: attributes copy after the block */
    bool adopted; /* open: a block that the journal rebuilt on this parent stays open instead */
};
typedef void (*vd_engine_fn)(void *ctx, const struct vd_engine_result *result);

/* What fixes a block. */
struct vd_block_plan {
    struct vd_hash parent_hash; /* must be the tip */
    struct vd_block_env env;
    const struct vd_slice *transactions; /* forced ones, in order */
    size_t transaction_count;
    bool no_tx_pool;
};

/* vd_engine_open_block opens a block on the tip; an open one is dropped and its transactions run
   again, in order.  plan is copied.  Forced transactions that cannot be included make the answer
   INVALID or UNSUPPORTED, and nothing is open. */
void vd_engine_open_block(struct vd_engine *engine, const struct vd_block_plan *plan,
                          vd_engine_fn fn, void *ctx);
/* Drops the open block; its transactions go back to the pool, in order. */
void vd_engine_drop_block(struct vd_engine *engine, vd_engine_fn fn, void *ctx);
/* vd_engine_seal seals the open block; the answer comes when it is sealed, the database follows.
   VD_ERR_NOT_FOUND: none is open.  VD_ERR_BUSY: the database lags too far behind. */
void vd_engine_seal(struct vd_engine *engine, vd_engine_fn fn, void *ctx);
/* vd_engine_build makes the block that attributes describe the safe head: finds it on the chain
   already, or builds it on its parent, whatever unsafe blocks stand in the way.  attributes are
   copied.  The answer comes when the database has it. */
void vd_engine_build(struct vd_engine *engine, const struct vd_attributes *attributes,
                     vd_engine_fn fn, void *ctx);
/* Sets heads; blocks above unsafe are thrown away, their transactions come back. */
void vd_engine_set_heads(struct vd_engine *engine, const struct vd_block_id heads[VD_HEADS],
                         vd_engine_fn fn, void *ctx);
/* Derivation has drained an L1 block.  No answer. */
void vd_engine_drained(struct vd_engine *engine, const struct vd_safe_entry *entry);
/* L1 has finalized this block: the safe head derivable at it becomes finalized.  No answer. */
void vd_engine_finalize(struct vd_engine *engine, uint64_t l1_number);
/* An embedded L1's own safe and finalized heads.  No answer. */
void vd_engine_mark(struct vd_engine *engine, enum vd_head head, uint64_t number);
/* The transaction bytes that a block may take from users; 0: no limit.  The batcher's debt slows
   the builder through it. */
void vd_engine_limit_block_bytes(struct vd_engine *engine, uint64_t bytes);

/* --- transactions --- */

struct vd_submit_result {
    bool accepted;
    struct vd_hash hash;
    char text[240]; /* refused: geth's text */
    bool executed;  /* accepted: it stands in the open block */
};
typedef void (*vd_submit_fn)(void *ctx, const struct vd_submit_result *result);
/* vd_engine_submit takes one EIP-2718 transaction; raw is copied. */
void vd_engine_submit(struct vd_engine *engine, struct vd_slice raw, vd_submit_fn fn, void *ctx);

/* --- heads --- */

struct vd_engine_heads {
    struct vd_block_id head[VD_HEADS]; /* of the database */
    uint64_t timestamp;                /* of the unsafe head */
};
struct vd_engine_listener {
    void *ctx;
    /* The database has moved. */
    void (*heads)(void *ctx, const struct vd_engine_heads *heads);
    /* A transaction was accepted. */
    void (*transaction)(void *ctx, const struct vd_hash *hash);
};
#define VD_ENGINE_MAX_LISTENERS 8
VD_MUST_USE enum vd_err vd_engine_listen(struct vd_engine *engine,
                                         const struct vd_engine_listener *listener);
const struct vd_engine_heads *vd_engine_heads(const struct vd_engine *engine);

/* --- reading: any thread --- */

struct vd_store *vd_engine_store(struct vd_engine *engine);
const struct vd_chain_config *vd_engine_chain(const struct vd_engine *engine);
const struct vd_rollup_config *vd_engine_rollup(const struct vd_engine *engine);

/* One transaction of the open block. */
struct vd_pending_tx {
    struct vd_tx tx;
    struct vd_address sender;
    struct vd_receipt receipt;
};
/* The open block as of the last group of transactions; immutable, shared by reference. */
struct vd_pending {
    struct vd_header header; /* partial: roots and bloom zero */
    struct vd_hash parent_hash;
    const struct vd_pending_tx *transactions;
    size_t transaction_count;
    struct vd_diff *layers; /* state changes, newest first, down to base */
    const struct vd_diff **layer_list;
    size_t layer_count;
    uint64_t base; /* the database must be at this block or above, up to the parent */
};
/* NULL when no block is open. */
const struct vd_pending *vd_engine_pending(struct vd_engine *engine);
void vd_pending_release(const struct vd_pending *pending);
/* vd_pending_state makes a source of the state after the open block's transactions, over a
   snapshot.  VD_ERR_BUSY: snapshot and pending do not fit each other: take both again. */
VD_MUST_USE enum vd_err vd_pending_state(const struct vd_pending *pending,
                                         struct vd_snapshot *snapshot, struct vd_layers *layers,
                                         struct vd_state_source *out);

/* Transactions that wait, by hash and as the next nonce of an account (counting from next on). */
bool vd_engine_waiting_tx(struct vd_engine *engine, struct vd_slice *raw, struct vd_address *sender,
                          const struct vd_hash *hash, struct vd_arena *arena);
uint64_t vd_engine_next_nonce(struct vd_engine *engine, const struct vd_address *sender,
                              uint64_t next);
struct vd_engine_stats {
    uint64_t waiting;
    uint64_t waiting_bytes;
    uint64_t uncommitted_blocks;
    bool out_of_space;
    bool broken;
};
struct vd_engine_stats vd_engine_stats(struct vd_engine *engine);

#endif
