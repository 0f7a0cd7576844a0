/* A chain instance: the blocks of one chain, the block that is open on top, the transactions that
   wait for one, and the files that keep all that.  The L2 node, the follower and the embedded L1
   run the same engine under different rules.

   Threads.  All functions here are called on the loop's thread and their callbacks come there,
   later, never inside the call; reading is the exception (view.h: any thread).  Behind them
   work three threads: the engine's executes and computes roots, the journal's makes
   acknowledgements durable, the store's is the only writer of the database.

   Invariants.
   - A transaction is acknowledged only when the journal holds it; it then leaves only by inclusion,
     by replacement, by a used nonce, for missing funds or at the end of its lifetime, each logged.
   - One block is open or none.  Its attributes never change; what was shown of it stays true
     unless it is dropped, and then its transactions run again, in order, in the next.
   - `latest` is the last block in the database.  Blocks, heads and the safe-head index move in one
     transaction of it. */
#ifndef VIADUCT_NODE_ENGINE_ENGINE_H
#define VIADUCT_NODE_ENGINE_ENGINE_H

#include <uv.h>

#include "viaduct/core/chain/genesis.h"
#include "viaduct/core/rollup/attributes.h"
#include "viaduct/node/platform/clock.h"
#include "viaduct/node/platform/log.h"
#include "viaduct/node/platform/pool.h"

struct vd_engine;
struct vd_pending;
struct vd_store;

/* Between two blocks an account may have so many times more waiting, if its nonces have no gap. */
#define VD_MEMPOOL_RUN_FACTOR 16u

/* Room for transactions that are acknowledged but do not stand in the open block: nonce gaps, fees
   below the base fee, no gas left.  A newcomer over a limit is refused; nobody is evicted. */
struct vd_mempool_limits {
    uint32_t per_account; /* 64 */
    uint32_t total;       /* 16,384 */
    size_t bytes;         /* 64 MiB */
    uint64_t lifetime_ms; /* 3 hours */
};
extern const struct vd_mempool_limits VD_MEMPOOL_DEFAULT_LIMITS;

#define VD_MAX_TX_BYTES (128u * 1024u) /* of one submitted transaction, as in geth */

struct vd_block_ref {
    struct vd_hash hash;
    uint64_t number;
    struct vd_hash parent_hash;
    uint64_t timestamp;
};

struct vd_heads {
    struct vd_block_ref unsafe; /* `latest` */
    struct vd_block_ref safe;
    struct vd_block_ref finalized;
};

/* What happens without being asked for.  Any of them may be NULL. */
struct vd_engine_events {
    void *ctx;
    /* The heads moved: blocks are in the database.  reorg: blocks above common_ancestor were thrown
       away before. */
    void (*heads)(void *ctx, const struct vd_heads *heads, bool reorg, uint64_t common_ancestor);
    /* Acknowledged transactions, for filters. */
    void (*pending)(void *ctx, const struct vd_hash *hashes, size_t count);
    /* The disk is full (stalled, recovers by itself) or a sync failed (for good); NULL text: fine
       again.  For /readyz; text is static. */
    void (*health)(void *ctx, const char *text);
};

struct vd_engine_config {
    const char *folder;                    /* made when missing; locked while open; copied */
    const struct vd_chain_config *chain;   /* copied */
    const struct vd_rollup_config *rollup; /* L2 only, else NULL; copied */
    /* Read when the folder is empty, and to check the chain otherwise; may be NULL when the folder
       is not empty.  Borrowed until vd_engine_open returns. */
    const struct vd_genesis *genesis;
    bool journal;                    /* off: an acknowledgement does not outlive the process */
    bool accept_transactions;        /* off: every submission is refused */
    uint64_t retention_blocks;       /* of changes; 0: 4,096; at least 256 */
    size_t map_bytes;                /* the database's address space; 0: 1 TiB */
    uint64_t journal_rotate_bytes;   /* a longer journal is written anew; 0: 64 MiB */
    struct vd_mempool_limits limits; /* a field that is 0 takes the default */
    const struct vd_clock *clock;
    const struct vd_logger *logger;
    struct vd_pool *pool; /* recovers signatures; outlives the engine */
    const struct vd_curves *curves;
    uv_loop_t *loop;
    struct vd_engine_events events;
};

/* vd_engine_open locks the folder, makes the genesis block when it is empty, opens the database,
   starts the threads and replays the journal: the open block stands as it stood.  why (256 bytes)
   gets a sentence when it fails.  VD_ERR_BUSY: another process has the folder.  VD_ERR_MISMATCH:
   another chain's folder.  VD_ERR_UNSUPPORTED: another schema. */
VD_MUST_USE enum vd_err vd_engine_open(struct vd_engine **out, char why[256],
                                       const struct vd_engine_config *config);
/* Finishes what was asked for, answers every callback, syncs, ends the threads; then closed.  The
   open block stays in the journal.  Views must be closed before. */
void vd_engine_close(struct vd_engine *engine, void (*closed)(void *ctx), void *ctx);

const struct vd_chain_config *vd_engine_chain(const struct vd_engine *engine);
const struct vd_rollup_config *vd_engine_rollup(const struct vd_engine *engine); /* or NULL */
const struct vd_curves *vd_engine_curves(const struct vd_engine *engine);
const struct vd_block_ref *vd_engine_genesis(const struct vd_engine *engine);
/* As the database has them.  The loop's thread only; elsewhere vd_view_heads. */
const struct vd_heads *vd_engine_heads(const struct vd_engine *engine);

/* --- transactions --- */

/* Why a submission was refused; the text is geth's. */
enum vd_submit_status {
    VD_SUBMIT_ACCEPTED,
    VD_SUBMIT_MALFORMED,   /* does not decode */
    VD_SUBMIT_INVALID,     /* can never stand in a block of this chain */
    VD_SUBMIT_NONCE,       /* too low */
    VD_SUBMIT_KNOWN,       /* "already known" */
    VD_SUBMIT_UNDERPRICED, /* replaces another one for too little */
    VD_SUBMIT_FUNDS,
    VD_SUBMIT_FULL,        /* the mempool's limits */
    VD_SUBMIT_UNSUPPORTED, /* reaches a rule that this build does not have */
    VD_SUBMIT_UNAVAILABLE, /* the node takes none: no sequencer, no disk space, shutting down */
    VD_SUBMIT_TIMEOUT,     /* vd_engine_submit_sync only: acknowledged, not yet in the block */
};

struct vd_submit_result {
    enum vd_submit_status status;
    struct vd_hash hash; /* ACCEPTED and TIMEOUT; zero when malformed */
    const char *text;    /* not ACCEPTED: geth's error; borrowed during the callback */
    /* ACCEPTED into the open block: where; NULL while it waits in the mempool.  Borrowed during the
       callback (vd_pending_ref keeps it). */
    const struct vd_pending *pending;
    size_t index;
};
typedef void (*vd_submit_cb)(void *ctx, const struct vd_submit_result *result);

/* raw (EIP-2718) is copied. */
void vd_engine_submit(struct vd_engine *engine, struct vd_slice raw, vd_submit_cb callback,
                      void *ctx);
/* Answers when the transaction stands in the open block, or after timeout_ms (EIP-7966). */
void vd_engine_submit_sync(struct vd_engine *engine, struct vd_slice raw, uint64_t timeout_ms,
                           vd_submit_cb callback, void *ctx);

/* --- building blocks --- */

struct vd_block_info {
    struct vd_block_ref ref;
    struct vd_l2_ref l2;            /* L2 only */
    struct vd_system_config system; /* L2 only: the attributes copy */
    uint64_t gas_used;
    size_t tx_count;
    bool adopted; /* opening: a block that the journal rebuilt on this parent stays open instead */
};
/* err other than VD_OK: nothing happened; why (not NULL) is a sentence, borrowed.  block is NULL
   then. */
typedef void (*vd_block_cb)(void *ctx, enum vd_err err, const char *why,
                            const struct vd_block_info *block);

/* vd_engine_open_block opens a block on attributes->parent, the newest block, and executes their
   transactions and, unless no_tx_pool, those of a block that was open (in order) and those that
   wait (by tip, then arrival).  On L1 of parent only hash and number count, and transactions are
   none.  attributes are copied.  The callback's block has no hash yet.
   VD_ERR_MISMATCH: parent is not the newest block.  VD_ERR_INVALID: a transaction of attributes
   cannot stand.  VD_ERR_UNSUPPORTED: it reaches a rule that this build does not have. */
void vd_engine_open_block(struct vd_engine *engine, const struct vd_attributes *attributes,
                          vd_block_cb callback, void *ctx);
/* Seals it; the callback comes when it is in the database.  VD_ERR_NOT_FOUND: none is open. */
void vd_engine_seal(struct vd_engine *engine, vd_block_cb callback, void *ctx);
/* Drops it; its transactions wait for the next.  callback may be NULL; its block is NULL. */
void vd_engine_drop_block(struct vd_engine *engine, vd_block_cb callback, void *ctx);

typedef void (*vd_done_cb)(void *ctx, enum vd_err err);
/* Drops the open block and forgets every transaction that waits, acknowledged or not; the log gets
   their number: a development chain set back to a snapshot. */
void vd_engine_forget(struct vd_engine *engine, vd_done_cb callback, void *ctx);

/* The batcher's debt slows the builder: at most so many bytes of user transactions in the blocks
   opened from now on, and at most so many in one; 0 for no limit. */
void vd_engine_set_throttle(struct vd_engine *engine, uint64_t max_block_bytes,
                            uint64_t max_tx_bytes);

/* --- following --- */

enum vd_build_verdict {
    VD_BUILD_VALID,
    VD_BUILD_INVALID,
    VD_BUILD_UNSUPPORTED,
};
struct vd_build_result {
    enum vd_err err; /* the world failed: no verdict */
    enum vd_build_verdict verdict;
    const char *why;            /* not VALID: a sentence that names the transaction */
    bool was_there;             /* the block stood there already */
    struct vd_block_info block; /* VALID */
};
typedef void (*vd_build_cb)(void *ctx, const struct vd_build_result *result);

/* vd_engine_derive makes the block of derived attributes the safe head: recognises it above the
   parent, or else throws the blocks above the parent away (their transactions come back) and builds
   it.  The callback comes when it is executed; the database follows, several blocks in one
   transaction. attributes are copied. */
void vd_engine_derive(struct vd_engine *engine, const struct vd_attributes *attributes,
                      vd_build_cb callback, void *ctx);

/* Moves the heads to blocks that are there; blocks above unsafe are thrown away and their
   transactions come back in order.  A head of NULL stays where it is when the command runs, which
   may be further than any caller knows.  Safe-head entries at L1 blocks from l1_from on are taken
   back (UINT64_MAX: none). */
void vd_engine_set_heads(struct vd_engine *engine, const struct vd_block_id *unsafe,
                         const struct vd_block_id *safe, const struct vd_block_id *finalized,
                         uint64_t l1_from, vd_done_cb callback, void *ctx);
/* L1 block l1 is wholly derived, and safe is the safe head at it. */
void vd_engine_drained(struct vd_engine *engine, const struct vd_l1_ref *l1,
                       const struct vd_block_id *safe);

/* The state after block number and all later ones stay readable (vd_store_set_pin); UINT64_MAX
   takes that away.  It outlives the process. */
VD_MUST_USE enum vd_err vd_engine_set_pin(struct vd_engine *engine, uint64_t number);
/* The database, for snapshots on any thread until the engine is closed; the engine alone writes. */
struct vd_store *vd_engine_store(const struct vd_engine *engine);

/* --- figures --- */

struct vd_engine_stats {
    uint64_t submitted;
    uint64_t accepted;
    uint64_t blocks;
    uint64_t waiting; /* transactions in the mempool */
    uint64_t waiting_bytes;
    uint64_t journal_syncs;
    uint64_t journal_bytes;
    uint64_t commits;
};
/* Any thread. */
void vd_engine_stats(struct vd_engine *engine, struct vd_engine_stats *stats);

#endif
