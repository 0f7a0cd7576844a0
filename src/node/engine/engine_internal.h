/* The inside of the engine, shared by its files.

   Threads and what they own:
   - the loop calls the API, makes commands and runs callbacks;
   - the pool's workers decode a submitted transaction and recover its sender;
   - the engine thread owns the open block, the mempool (others read it under pool_mutex) and the
     list of sealed blocks that the database does not have yet;
   - the journal thread writes groups of records, syncs, and lets their answers go;
   - the store thread alone writes the database.

   Queues: commands (loop and workers to engine thread, at most VD_ENGINE_MAX_COMMANDS submissions),
   groups (engine to journal thread), jobs (engine to store thread, at most VD_ENGINE_MAX_SEALED of
   them blocks), answers (all to the loop).  All four are guarded by one mutex, held for a few
   instructions. */
#ifndef VIADUCT_NODE_ENGINE_ENGINE_INTERNAL_H
#define VIADUCT_NODE_ENGINE_ENGINE_INTERNAL_H

#include <stdatomic.h>

#include "viaduct/core/base/map.h"
#include "viaduct/node/engine/view.h"
#include "viaduct/node/store/store.h"

/* Submissions under way; one more is refused. */
#define VD_ENGINE_MAX_COMMANDS 60000u
/* Sealed blocks that the database does not have yet; with more, sealing waits. */
#define VD_ENGINE_MAX_SEALED 16u
/* Blocks that share one LMDB transaction. */
#define VD_ENGINE_MAX_COMMIT 32u
/* Submissions executed before their group goes to the journal. */
#define VD_ENGINE_MAX_GROUP 256u
/* Transactions of one block. */
#define VD_BLOCK_MAX_TXS 1000000u
/* Address space of a block's execution beside the machine's, and of what outlives it in views. */
#define VD_BLOCK_EXEC_BYTES ((size_t)12 << 30)
#define VD_BLOCK_OWN_BYTES ((size_t)12 << 30)
/* A journal that grew beyond this is written anew with what still matters; the default. */
#define VD_JOURNAL_ROTATE_BYTES ((uint64_t)64 << 20)

/* --- pending state: layers over the parent's state --- */

/* Each layer is sorted and immutable; a new one swallows the newest ones that are not at least
   twice as long, so their number is a logarithm of the number of changes. */
#define VD_OVERLAY_MAX_LAYERS 64u
struct vd_overlay {
    struct vd_diff_builder fresh;                 /* changes since the last flush, in order */
    struct vd_diff layers[VD_OVERLAY_MAX_LAYERS]; /* oldest first */
    size_t layer_count;
};
void vd_overlay_init(struct vd_overlay *overlay, struct vd_arena *arena);
/* Takes what the last transaction changed. */
enum vd_err vd_overlay_collect(struct vd_overlay *overlay, struct vd_state *state);
/* Makes a layer of all that was collected. */
enum vd_err vd_overlay_flush(struct vd_overlay *overlay);

/* --- the state after the newest block: a snapshot and the blocks above it --- */
struct vd_block_box;
struct vd_base {
    struct vd_snapshot *snapshot;
    struct vd_layers layers;
    const struct vd_diff *list[VD_ENGINE_MAX_SEALED]; /* newest first */
    struct vd_block_box *boxes[VD_ENGINE_MAX_SEALED]; /* references held */
    size_t count;
    struct vd_block_id head; /* of the snapshot */
    struct vd_state_source source;
};
void vd_base_deinit(struct vd_base *base);

/* --- a block, open or sealed; shared with views --- */
struct vd_block_box {
    atomic_uint refs;
    struct vd_arena exec_arena;
    struct vd_arena own; /* what views read */
    struct vd_exec *exec;
    struct vd_exec_inputs inputs;
    struct vd_header parent;
    struct vd_attributes plan; /* in own */
    struct vd_base base;       /* until it is sealed */
    bool replayed;             /* the journal rebuilt it */
    struct vd_tx *txs;         /* VD_BLOCK_MAX_TXS entries of address space */
    struct vd_tx_record *records;
    size_t tx_count;
    size_t forced_count;
    size_t log_count;
    uint64_t user_bytes;
    uint8_t bloom[256];
    struct vd_map by_hash; /* index of each transaction; engine thread */
    struct vd_overlay overlay;
    /* Sealed. */
    struct vd_exec_result result;
    struct vd_diff diff;
    struct vd_slice *raws;
    struct vd_hash *hashes;
    struct vd_block_info info;
    atomic_bool committed;
};
struct vd_block_box *vd_box_new(uint64_t gas_limit);
void vd_box_ref(struct vd_block_box *box);
void vd_box_release(struct vd_block_box *box);

/* --- what views get: shared, immutable --- */
struct vd_pending_box {
    struct vd_pending view; /* first: the public pointer is this one */
    atomic_uint refs;
    struct vd_block_box *box;
    const struct vd_diff **list; /* newest first, down to the database */
    struct vd_diff *layers;
    size_t layer_count;
    struct vd_block_box *below[VD_ENGINE_MAX_SEALED];
    size_t below_count;
    struct vd_block_id base; /* the oldest head of the database that the layers fit */
};
/* NULL: out of memory. */
struct vd_pending_box *vd_pending_make(struct vd_block_box *box);

/* --- mempool --- */
struct vd_command;
struct vd_waiting {
    struct vd_waiting *next_hash;   /* bucket */
    struct vd_waiting *next_sender; /* bucket */
    struct vd_waiting *older;       /* arrival order */
    struct vd_waiting *newer;
    struct vd_hash hash;
    struct vd_address sender;
    uint64_t nonce;
    struct vd_u256 max_fee;
    struct vd_u256 max_priority_fee;
    uint64_t arrived_ms;
    /* Not 0: it stood in a block that was thrown away and runs again before all others, in the
       order of these numbers. */
    uint64_t carried;
    size_t len;
    uint8_t raw[];
};
#define VD_POOL_BUCKETS 16384u
struct vd_mempool {
    struct vd_waiting *by_hash[VD_POOL_BUCKETS];
    struct vd_waiting *by_sender[VD_POOL_BUCKETS];
    struct vd_waiting *oldest;
    struct vd_waiting *newest;
    uint64_t count;
    uint64_t bytes;
};
struct vd_waiting *vd_mempool_find(const struct vd_mempool *pool, const struct vd_hash *hash);
struct vd_waiting *vd_mempool_at(const struct vd_mempool *pool, const struct vd_address *sender,
                                 uint64_t nonce);
size_t vd_mempool_of(const struct vd_mempool *pool, const struct vd_address *sender);
/* NULL: out of memory. */
struct vd_waiting *vd_mempool_add(struct vd_mempool *pool, const struct vd_tx *tx,
                                  const struct vd_address *sender, uint64_t now_ms);
void vd_mempool_remove(struct vd_mempool *pool, struct vd_waiting *waiting);
void vd_mempool_clear(struct vd_mempool *pool);

/* --- the journal's records and file (journal.c) --- */
enum vd_record {
    VD_RECORD_OPEN = 'O',    /* a plan */
    VD_RECORD_TX = 'X',      /* sender and transaction, executed into the open block */
    VD_RECORD_WAITING = 'P', /* arrival, carried, sender and transaction: in the mempool */
    VD_RECORD_RUN = 'R',     /* hash of a waiting one, executed */
    VD_RECORD_SEAL = 'S',    /* hash of the block */
    VD_RECORD_DROP = 'D',    /* the open block is dropped */
    VD_RECORD_CUT = 'U',     /* number 8: it too, and the blocks above number */
    VD_RECORD_EVICT = 'E',   /* hash of a waiting one that left otherwise */
};
/* Records in memory, on their way to the file. */
struct vd_records {
    uint8_t *bytes;
    size_t len;
    size_t cap;
    bool no_memory;
};
void vd_record_add(struct vd_records *records, enum vd_record type, struct vd_slice head,
                   struct vd_slice tail);

struct vd_journal;
enum vd_err vd_journal_open(struct vd_journal **out, const char *folder);
void vd_journal_close(struct vd_journal *journal);
/* Calls fn for each whole record from the start; cuts a torn tail off. */
enum vd_err vd_journal_replay(struct vd_journal *journal,
                              enum vd_err (*fn)(void *ctx, enum vd_record type,
                                                struct vd_slice payload),
                              void *ctx);
/* Appends and syncs.  VD_ERR_FULL: no space, nothing counts as written.  VD_ERR_IO: a sync failed,
   for good. */
enum vd_err vd_journal_write(struct vd_journal *journal, struct vd_slice records);
/* A new file with these records alone takes the old one's place. */
enum vd_err vd_journal_replace(struct vd_journal *journal, struct vd_slice records);
uint64_t vd_journal_bytes(const struct vd_journal *journal);

/* --- plans (plan.c) --- */
enum vd_err vd_plan_copy(struct vd_attributes *out, struct vd_arena *arena,
                         const struct vd_attributes *plan);
void vd_plan_encode(struct vd_buf *out, const struct vd_attributes *plan);
enum vd_err vd_plan_decode(struct vd_attributes *out, struct vd_arena *arena,
                           struct vd_slice bytes);

/* --- commands, groups, jobs, answers --- */
enum vd_command_kind {
    VD_CMD_SUBMIT,
    VD_CMD_OPEN,
    VD_CMD_DROP,
    VD_CMD_FORGET,
    VD_CMD_SEAL,
    VD_CMD_DERIVE,
    VD_CMD_SET_HEADS,
    VD_CMD_DRAINED,
    VD_CMD_THROTTLE,
    VD_CMD_CLOSE,
};
struct vd_command {
    struct vd_job job; /* recovery of a submitted transaction's sender */
    struct vd_engine *engine;
    struct vd_command *next;
    enum vd_command_kind kind;
    unsigned holders; /* loop: the job's completion and the answer */
    union {
        vd_submit_cb submit;
        vd_block_cb block;
        vd_build_cb build;
        vd_done_cb done;
    } fn;
    void *ctx;
    struct vd_arena arena; /* of malloc'd memory, freed with the command, or reserved */
    bool reserved;
    /* SUBMIT */
    struct vd_slice raw;
    struct vd_tx tx;
    struct vd_address sender;
    enum vd_submit_status status;
    char text[256];
    struct vd_pending_box *pending; /* a reference */
    size_t index;
    bool sync; /* answer when it is in a block */
    uint64_t deadline_ms;
    /* OPEN, DERIVE */
    struct vd_attributes plan;
    /* SET_HEADS, DRAINED */
    struct vd_block_id heads[VD_HEADS];
    bool moves[VD_HEADS]; /* false: the head stays */
    uint64_t l1_from;
    struct vd_safe_entry entry;
    /* THROTTLE */
    uint64_t max_block_bytes;
    uint64_t max_tx_bytes;
    /* Answers. */
    enum vd_err err;
    enum vd_build_verdict verdict;
    bool was_there;
    bool has_block;
    struct vd_block_info info;
};
struct vd_command_queue {
    struct vd_command *head;
    struct vd_command **tail;
};
void vd_command_put(struct vd_command_queue *queue, struct vd_command *command);

/* A waiting transaction that now stands in the open block, for those who wait for that. */
struct vd_inclusion {
    struct vd_inclusion *next;
    struct vd_hash hash;
    struct vd_pending_box *pending; /* a reference */
    size_t index;
};

/* What becomes true together with one sync. */
struct vd_group {
    struct vd_group *next;
    struct vd_records records;
    bool replace; /* the records are the whole journal */
    struct vd_command_queue answers;
    struct vd_inclusion *inclusions;
    uint64_t returned_given; /* see struct vd_engine */
    bool publish;
    struct vd_pending_box *pending; /* a reference, or NULL: no open block */
    bool stop;
};

enum vd_job_kind {
    VD_STORE_COMMIT,
    VD_STORE_UNWIND,
    VD_STORE_DROP_ENTRIES,
    VD_STORE_PIN,
    VD_STORE_STOP,
};
struct vd_store_job {
    struct vd_store_job *next;
    enum vd_job_kind kind;
    struct vd_block_box *box; /* a reference; may be NULL */
    bool has_head[VD_HEADS];
    struct vd_block_id heads[VD_HEADS];
    bool has_entry;
    struct vd_safe_entry entry;
    bool clear_returned;
    uint64_t number;           /* UNWIND: to this block; DROP_ENTRIES: from this L1 block; PIN */
    enum vd_err *result;       /* UNWIND: for the engine thread, which waits */
    struct vd_command *answer; /* answered when written; may be NULL */
};

struct vd_engine {
    struct vd_engine_config config;
    char *folder; /* config.folder, for the engine's life */
    struct vd_chain_config chain;
    struct vd_rollup_config rollup;
    struct vd_mempool_limits limits;
    struct vd_store *store;
    struct vd_journal *journal; /* NULL without one; the journal thread's */
    struct vd_block_ref genesis;

    uv_thread_t engine_thread;
    uv_thread_t journal_thread;
    uv_thread_t store_thread;
    uv_mutex_t mutex; /* guards what follows */
    uv_cond_t engine_wake;
    uv_cond_t journal_wake;
    uv_cond_t store_wake;
    uv_cond_t store_idle;
    struct vd_command_queue commands;
    struct vd_command_queue answers;
    struct vd_inclusion *inclusions;
    struct vd_inclusion **inclusions_tail;
    struct vd_group *groups;
    struct vd_group **groups_tail;
    struct vd_store_job *jobs;
    struct vd_store_job **jobs_tail;
    unsigned jobs_open; /* given and not finished */
    struct vd_pending_box *pending;
    struct vd_block_box *recent[VD_ENGINE_MAX_SEALED]; /* what `sealed` holds, for views */
    size_t recent_count;
    struct vd_heads heads_next;
    bool heads_moved;
    bool heads_reorg;
    uint64_t heads_ancestor;
    uv_async_t async;

    /* the store thread's */
    enum vd_err index_err; /* as last told */

    /* the loop's */
    struct vd_heads heads;
    uv_timer_t timer;
    struct vd_command *syncs; /* waiting for their block */
    unsigned submitting;
    bool closing;
    bool stopping;
    unsigned handles;
    int health; /* as last told */
    void (*closed)(void *ctx);
    void *closed_ctx;

    /* the engine thread's */
    struct vd_block_box *open;
    struct vd_block_box *sealed[VD_ENGINE_MAX_SEALED]; /* oldest first */
    size_t sealed_count;
    struct vd_header tip; /* extra data in tip_extra */
    uint8_t tip_extra[32];
    struct vd_block_info tip_info;
    struct vd_base *tip_base; /* for admission while no block is open; may be NULL */
    struct vd_mempool pool;
    uv_mutex_t pool_mutex; /* the engine thread writes the pool under it */
    uint64_t carry_next;
    /* Which unwinding gave transactions back last, and whose gift the database has forgotten since:
       it may only once the journal holds them again (returned_durable). */
    uint64_t returned_given;
    uint64_t returned_cleared;
    struct vd_group *group; /* being filled */
    unsigned group_size;
    uint64_t max_block_bytes;
    uint64_t max_tx_bytes;

    atomic_uint sync_waiters;
    atomic_uint out_of_space; /* VD_FULL_ bits */
    atomic_bool broken;
    atomic_bool giving_up; /* closing: nobody waits for space any more */
    atomic_ullong returned_durable;
    atomic_ullong submitted;
    atomic_ullong accepted;
    atomic_ullong blocks;
    atomic_ullong waiting;
    atomic_ullong waiting_bytes;
    atomic_ullong syncs_done;
    atomic_ullong commits;
    atomic_ullong journal_size;
};

/* Who waits for space. */
#define VD_FULL_DATABASE 1u
#define VD_FULL_JOURNAL 2u
/* Sets or clears a bit; a change is logged and told to the loop. */
void vd_engine_set_full(struct vd_engine *e, unsigned bit, bool full);

/* An answer to the loop, from any thread. */
void vd_engine_answer(struct vd_engine *e, struct vd_command *command);
void vd_engine_say(struct vd_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- block.c: engine thread --- */
enum vd_err vd_base_attach(struct vd_engine *e, struct vd_base *base);
enum vd_err vd_engine_load_tip(struct vd_engine *e);
/* Forgets sealed blocks that the database has. */
void vd_engine_forget_committed(struct vd_engine *e);
/* Opens a box on the tip and executes the plan's transactions.  *verdict and command's text say
   what is wrong with them. */
enum vd_err vd_block_begin(struct vd_engine *e, struct vd_block_box **out,
                           enum vd_build_verdict *verdict, struct vd_command *command,
                           const struct vd_attributes *plan);
/* Executes a transaction into the box: it is the last of box->records when INCLUDED. */
enum vd_err vd_block_run(struct vd_block_box *box, struct vd_tx_outcome *outcome,
                         struct vd_slice raw, const struct vd_address *sender);
enum vd_err vd_block_finish(struct vd_engine *e, struct vd_block_box *box);
/* Makes it the tip and gives it to the store thread together with job's other contents. */
void vd_block_append(struct vd_engine *e, struct vd_block_box *box, struct vd_store_job *job);
void vd_open_info(struct vd_engine *e, struct vd_block_info *info, struct vd_block_box *box);
/* info of a block from its header and first transaction. */
enum vd_err vd_block_info_read(struct vd_engine *e, struct vd_block_info *info,
                               const struct vd_header *header, const struct vd_hash *hash,
                               struct vd_slice first, size_t tx_count);
/* The account as the next transaction meets it. */
enum vd_err vd_engine_account(struct vd_engine *e, uint64_t *nonce, struct vd_u256 *balance,
                              const struct vd_address *address);
void vd_engine_drop_tip_base(struct vd_engine *e);

/* --- build.c: engine thread --- */
void vd_do_open(struct vd_engine *e, struct vd_command *c);
void vd_do_drop(struct vd_engine *e, struct vd_command *c);
void vd_do_seal(struct vd_engine *e, struct vd_command *c);
void vd_do_derive(struct vd_engine *e, struct vd_command *c);
void vd_do_set_heads(struct vd_engine *e, struct vd_command *c);
void vd_do_drained(struct vd_engine *e, struct vd_command *c);
void vd_engine_drop_open(struct vd_engine *e);
/* Seals the open block. */
enum vd_err vd_engine_seal_open(struct vd_engine *e, struct vd_command *answer);

/* --- admit.c --- */
/* On a worker: decodes, recovers, checks what needs no state. */
void vd_admit_prepare(struct vd_command *c);
/* Engine thread. */
void vd_admit(struct vd_engine *e, struct vd_command *c);
void vd_admit_promote(struct vd_engine *e, const struct vd_address *sender);
/* Runs what waits into the block that was just opened. */
void vd_admit_fill(struct vd_engine *e);
/* A transaction that stood in a block comes back, after those that came back before. */
void vd_admit_carry(struct vd_engine *e, struct vd_slice raw, const struct vd_address *sender);
void vd_admit_expire(struct vd_engine *e);
/* Every waiting transaction leaves. */
void vd_admit_forget(struct vd_engine *e);

/* --- groups.c --- */
struct vd_group *vd_group_now(struct vd_engine *e);
void vd_group_record(struct vd_engine *e, enum vd_record type, struct vd_slice head,
                     struct vd_slice tail);
void vd_group_answer(struct vd_engine *e, struct vd_command *command);
void vd_group_waiting(struct vd_engine *e, const struct vd_waiting *w);
/* The records of all that matters while the database holds every sealed block. */
void vd_group_snapshot(struct vd_engine *e, struct vd_records *records);
/* Forgets the group: the records it would write are written otherwise. */
void vd_group_discard(struct vd_engine *e);
/* Hands the group to the journal thread, with a view of the open block. */
void vd_group_flush(struct vd_engine *e, bool stop);
void vd_journal_main(void *arg);

/* --- store_thread.c --- */
void vd_store_main(void *arg);
void vd_store_give(struct vd_engine *e, struct vd_store_job *job);
struct vd_store_job *vd_store_job_new(enum vd_job_kind kind);
void vd_store_wait(struct vd_engine *e);
enum vd_err vd_store_heads(struct vd_heads *heads, struct vd_store *store);

/* --- restore.c --- */
enum vd_err vd_engine_restore(struct vd_engine *e);
enum vd_err vd_engine_load_returned(struct vd_engine *e);

/* --- commands.c: loop --- */
void vd_commands_on_async(uv_async_t *async);
void vd_commands_on_timer(uv_timer_t *timer);
/* Those who wait for a block are told that the node stops. */
void vd_commands_end_syncs(struct vd_engine *e);
/* Tells the engine thread to end once it is asked for and nothing is on its way to it. */
void vd_commands_check_closing(struct vd_engine *e);

/* --- engine.c --- */
void vd_engine_main(void *arg);
/* The engine thread's last answer came: frees the engine and calls closed. */
void vd_engine_finish_close(struct vd_engine *e);

#endif
