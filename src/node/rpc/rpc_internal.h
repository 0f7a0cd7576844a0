/* What the files of the methods share.

   A handler that reads opens a struct vd_reading: a view of the chain and an arena, both for one
   request.  Functions that may fail return the error answer, NULL when all is well, so that a
   handler reads top down: get, return what is wrong, go on. */
#ifndef VIADUCT_SRC_NODE_RPC_RPC_INTERNAL_H
#define VIADUCT_SRC_NODE_RPC_RPC_INTERNAL_H

#include "viaduct/core/rollup/attributes.h"
#include "viaduct/node/engine/view.h"
#include "viaduct/node/rpc/rpc.h"

typedef const struct vd_rpc_done vd_done;

#define VD_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- the API (api.c) --- */

struct vd_scratch; /* an arena that goes from request to request */
struct vd_filters;
struct vd_watchdog;

struct vd_rpc_api {
    struct vd_engine *engine;
    const struct vd_clock *clock;
    const struct vd_chain_config *chain;
    const struct vd_rollup_config *rollup; /* NULL on L1 */
    struct vd_rpc_api_config config;
    char *client_version;
    char *rollup_json;
    struct vd_rpc *rpc; /* the first server it was added to, for /metrics */
    uv_mutex_t lock;    /* of idle */
    struct vd_scratch *idle;
    struct vd_filters *filters;
    struct vd_watchdog *watchdog;
};

/* Tables of the files. */
struct vd_method_table {
    const struct vd_rpc_method *methods;
    size_t count;
};
extern const struct vd_method_table VD_ETH_BLOCK_METHODS;
extern const struct vd_method_table VD_ETH_STATE_METHODS;
extern const struct vd_method_table VD_ETH_TX_METHODS;
extern const struct vd_method_table VD_ETH_CALL_METHODS;
extern const struct vd_method_table VD_ETH_LOG_METHODS;
extern const struct vd_method_table VD_FILTER_METHODS;
extern const struct vd_method_table VD_FEE_METHODS;
extern const struct vd_method_table VD_NET_METHODS;
extern const struct vd_method_table VD_DEBUG_METHODS;
extern const struct vd_method_table VD_OPTIMISM_METHODS;
extern const struct vd_method_table VD_WITHDRAWAL_METHODS;

/* An error of the world as an answer: -32000 with a sentence. */
vd_done *vd_answer_err(struct vd_rpc_call *call, enum vd_err err);
/* A count as clients write it: a JSON number, a decimal or a hexadecimal string. */
bool vd_read_loose_u64(uint64_t *out, const json_t *value);

/* --- reading (reading.c) --- */

struct vd_scratch {
    struct vd_scratch *next;
    struct vd_arena arena;
};
/* NULL: no address space. */
struct vd_scratch *vd_scratch_take(struct vd_rpc_api *api);
void vd_scratch_give(struct vd_rpc_api *api, struct vd_scratch *scratch);

struct vd_reading {
    struct vd_rpc_api *api;
    struct vd_rpc_call *call;
    struct vd_view *view;
    struct vd_scratch *scratch;
    struct vd_arena *arena;
};
vd_done *vd_reading_open(struct vd_reading *r, struct vd_rpc_api *api, struct vd_rpc_call *call);
void vd_reading_close(struct vd_reading *r);
/* A newer view in place of this one: what the old one handed out is gone. */
vd_done *vd_reading_renew(struct vd_reading *r);

/* A block that a request named.  open: it is the open block, which has no hash. */
struct vd_at {
    uint64_t number;
    const struct vd_pending *open;
    struct vd_header header;
    struct vd_hash hash;
};
/* *found false: there is no such block.  open is set only for `pending` with an open block. */
vd_done *vd_reading_find(struct vd_reading *r, struct vd_at *at, bool *found,
                         const struct vd_rpc_block *block);
/* The same where geth answers "header not found". */
vd_done *vd_reading_block(struct vd_reading *r, struct vd_at *at, const struct vd_rpc_block *block);
/* The transactions of that block with what is known of them. */
vd_done *vd_reading_txs(struct vd_reading *r, const struct vd_tx_record **txs, size_t *count,
                        const struct vd_at *at);
/* The state after it, for reads; and for calls. */
vd_done *vd_reading_state(struct vd_reading *r, struct vd_state_source *source,
                          const struct vd_at *at);
/* The calls see at->header, which may have been changed since the block was found.  tracer may be
   NULL. */
vd_done *vd_reading_exec(struct vd_reading *r, struct vd_exec **exec, const struct vd_at *at,
                         const struct vd_evm_tracer *tracer);
/* An account of a state; *found false: no such account. */
vd_done *vd_reading_account(struct vd_reading *r, struct vd_account *account, bool *found,
                            const struct vd_state_source *source, const struct vd_address *address);
/* What the node has as the base fee of the block after the tip. */
vd_done *vd_reading_next_base_fee(struct vd_reading *r, struct vd_u256 *base_fee);

/* --- writing JSON (views.c) --- */

/* Where a transaction stands.  hash NULL: in the open block. */
struct vd_place {
    const struct vd_header *header;
    const struct vd_hash *hash;
    size_t index;
};

/* Decodes a record's transaction into the reading's arena. */
enum vd_err vd_record_tx(struct vd_tx *tx, struct vd_arena *arena, struct vd_slice raw);
/* The fields of a header, without braces. */
void vd_write_header(struct vd_json *j, const struct vd_header *header, const struct vd_hash *hash);
/* A transaction object.  place NULL: it waits for a block; record then holds raw and sender. */
void vd_write_tx(struct vd_json *j, const struct vd_tx *tx, const struct vd_tx_record *record,
                 const struct vd_place *place);

/* The L1 attributes that the block's first transaction carries. */
struct vd_block_fees {
    bool is_l2; /* info is there */
    struct vd_l1_info info;
    struct vd_u256 blob_base_fee; /* L1: of the block */
};
enum vd_err vd_block_fees_read(struct vd_block_fees *fees, const struct vd_chain_config *chain,
                               const struct vd_header *header, const struct vd_tx_record *txs,
                               size_t count, struct vd_arena *arena);
/* A receipt object; 32 zero bytes stand for the hash of the open block. */
void vd_write_receipt(struct vd_json *j, const struct vd_tx *tx, const struct vd_tx_record *record,
                      const struct vd_place *place, const struct vd_block_fees *fees);
void vd_write_log(struct vd_json *j, const struct vd_log *log, const struct vd_place *place,
                  const struct vd_hash *tx_hash, size_t log_index);

/* --- execution (eth_call.c, watchdog.c) --- */

/* Ends calls that take too long: *flag becomes 1 after ms. */
struct vd_watch {
    struct vd_watch *next;
    struct vd_watch *prev;
    uint64_t deadline_ns;
    volatile int flag;
};
enum vd_err vd_watchdog_new(struct vd_watchdog **out);
void vd_watchdog_free(struct vd_watchdog *dog);
void vd_watch_begin(struct vd_watchdog *dog, struct vd_watch *watch, uint32_t ms);
void vd_watch_end(struct vd_watchdog *dog, struct vd_watch *watch);

/* A call object as geth reads it. */
struct vd_call_args {
    struct vd_call call;
    bool has_gas;
    bool has_gas_price; /* gasPrice */
    bool has_fee_cap;   /* maxFeePerGas or maxPriorityFeePerGas */
    struct vd_u256 gas_price;
    struct vd_u256 max_fee;
    struct vd_u256 max_priority_fee;
};
/* Everything is in the reading's arena; index is the argument's, for errors. */
vd_done *vd_call_args_read(struct vd_reading *r, struct vd_call_args *args, size_t index,
                           const json_t *object);
/* Fills the call's prices, against the block's base fee. */
void vd_call_args_price(struct vd_call_args *args, const struct vd_u256 *base_fee);
/* Code 3 and the reason, where output holds one. */
vd_done *vd_answer_reverted(struct vd_rpc_call *call, struct vd_slice output);
/* Why a call did not run, in geth's words. */
#define VD_REFUSAL_MAX 320
void vd_refusal_text(char out[VD_REFUSAL_MAX], const struct vd_call_result *result,
                     const struct vd_call *call);
/* Changes the header that the calls see (geth's block overrides). */
vd_done *vd_block_overrides_apply(struct vd_reading *r, struct vd_header *header, size_t index,
                                  const json_t *overrides);
/* Changes the state that the calls run on as the object says (geth's state overrides). */
vd_done *vd_overrides_apply(struct vd_reading *r, struct vd_exec *exec, size_t index,
                            const json_t *overrides);

/* Answers that a call ran on the block's state with the overrides and ended with status, which is
   neither success nor a revert (call_failure.c). */
vd_done *vd_answer_failed_call(struct vd_reading *r, const struct vd_at *at,
                               const json_t *overrides, const struct vd_call *call,
                               enum vd_evm_status status, const volatile int *cancel);

/* --- logs (eth_logs.c) --- */

#define VD_MAX_TOPIC_CHOICES 1000u
struct vd_log_query {
    bool by_hash;
    struct vd_hash block_hash;
    bool has_from;
    bool has_to;
    struct vd_rpc_block from;
    struct vd_rpc_block to;
    const struct vd_address *addresses;
    size_t address_count;
    size_t topic_count;
    struct {
        const struct vd_hash *hashes; /* count 0: any */
        size_t count;
    } topics[4];
};
/* Reads a filter object; arrays are in the arena. */
vd_done *vd_log_query_read(struct vd_rpc_call *call, struct vd_log_query *query,
                           struct vd_arena *arena, size_t index, const json_t *object);
/* The query's range of numbers now.  *empty: nothing can be in it. */
vd_done *vd_log_query_range(struct vd_reading *r, const struct vd_log_query *query, uint64_t *from,
                            uint64_t *to);
/* Writes the matching logs of blocks from .. to into j, inside an array. */
vd_done *vd_logs_scan(struct vd_reading *r, struct vd_json *j, uint32_t *left,
                      const struct vd_log_query *query, uint64_t from, uint64_t to);
/* The whole answer of a query. */
vd_done *vd_logs_answer(struct vd_reading *r, const struct vd_log_query *query);

/* --- filters (filters.c) --- */
enum vd_err vd_filters_new(struct vd_filters **out);
void vd_filters_free(struct vd_filters *filters);
size_t vd_filters_count(struct vd_filters *filters);

#endif
