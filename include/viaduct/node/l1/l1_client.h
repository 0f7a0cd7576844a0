/* The L1 as the node sees it: typed calls over JSON-RPC, its heads and reorgs, its blocks ready for
   derivation.

   Everything lives on the loop's thread and every callback runs there, never inside the call that
   asked; parsing and checking of whole blocks runs in the pool.  Nothing is retried silently but
   head polling: a failed call reports its error and the caller decides.  Callbacks run exactly
   once; closing ends those under way with VD_ERR_CLOSED. */
#ifndef VIADUCT_NODE_L1_L1_CLIENT_H
#define VIADUCT_NODE_L1_L1_CLIENT_H

#include <uv.h>

#include "viaduct/node/l1/l1_json.h"

struct vd_pool;
struct vd_l1;

struct vd_l1_config {
    const char *url;
    uint64_t expected_chain_id; /* 0: any; else each reconnect checks it */
    uint32_t poll_interval_ms;  /* of heads; 0: 1,000 */
    uint32_t timeout_ms;        /* of one request; 0: 30,000 */
    uint32_t max_concurrent;    /* requests at once; 0: 16 */
    uint32_t prefetch;          /* blocks fetched ahead of the last one asked for; 0: 16 */
    uint32_t cache_blocks;      /* fetched blocks kept; 0: 64 */
    uint32_t remembered_heads;  /* canonical references kept to find a reorg's ancestor; 0: 512 */
    struct vd_l1_lenient lenient;
    /* Receipts are fetched only where the header's bloom may hold one of these (see struct
       vd_l1_block); with count 0 always. */
    const struct vd_address *log_sources; /* copied, at most VD_L1_MAX_LOG_SOURCES */
    uint32_t log_source_count;
};
#define VD_L1_MAX_LOG_SOURCES 8

/* How a call ended. */
struct vd_l1_status {
    /* VD_OK.  VD_ERR_NOT_FOUND: the answer is null (no such block, not mined).  VD_ERR_IO,
       VD_ERR_TIMEOUT, VD_ERR_CLOSED: no answer.  VD_ERR_REFUSED: a JSON-RPC error (code, text) or
       an HTTP status.  VD_ERR_INVALID: the answer makes no sense.  VD_ERR_MISMATCH: it does not
       hash to what it should.  VD_ERR_UNSUPPORTED: a transaction type this build does not know.
       VD_ERR_BUSY: too many calls are waiting. */
    enum vd_err err;
    int code;             /* of the JSON-RPC error, else 0 */
    const char *text;     /* for a log line or to match on; "" on VD_OK; during the callback */
    struct vd_slice data; /* the error's "data" when it is hex; during the callback */
};

/* config's strings and arrays are copied.  No request is made before the first call or
   vd_l1_start. */
VD_MUST_USE enum vd_err vd_l1_new(struct vd_l1 **out, uv_loop_t *loop, struct vd_pool *pool,
                                  const struct vd_l1_config *config);
void vd_l1_close(struct vd_l1 *l1, void (*closed)(void *ctx), void *ctx);

/* --- typed calls --- */

enum vd_l1_tag {
    VD_L1_LATEST,
    VD_L1_SAFE,
    VD_L1_FINALIZED,
    VD_L1_PENDING,
    VD_L1_NUMBER,
    VD_L1_HASH,
};
struct vd_l1_at {
    enum vd_l1_tag tag;
    uint64_t number;
    struct vd_hash hash;
};
static inline struct vd_l1_at
vd_l1_latest(void)
{
    return (struct vd_l1_at){.tag = VD_L1_LATEST};
}
static inline struct vd_l1_at
vd_l1_number(uint64_t number)
{
    return (struct vd_l1_at){.tag = VD_L1_NUMBER, .number = number};
}
static inline struct vd_l1_at
vd_l1_hash(const struct vd_hash *hash)
{
    return (struct vd_l1_at){.tag = VD_L1_HASH, .hash = *hash};
}

typedef void (*vd_l1_u64_fn)(void *ctx, const struct vd_l1_status *status, uint64_t value);
typedef void (*vd_l1_u256_fn)(void *ctx, const struct vd_l1_status *status,
                              const struct vd_u256 *value);
typedef void (*vd_l1_bytes_fn)(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes);
typedef void (*vd_l1_json_fn)(void *ctx, const struct vd_l1_status *status, const json_t *result);

void vd_l1_chain_id(struct vd_l1 *l1, vd_l1_u64_fn fn, void *ctx);
void vd_l1_block_number(struct vd_l1 *l1, vd_l1_u64_fn fn, void *ctx);
void vd_l1_transaction_count(struct vd_l1 *l1, const struct vd_address *address, struct vd_l1_at at,
                             vd_l1_u64_fn fn, void *ctx);
void vd_l1_balance(struct vd_l1 *l1, const struct vd_address *address, struct vd_l1_at at,
                   vd_l1_u256_fn fn, void *ctx);
void vd_l1_gas_price(struct vd_l1 *l1, vd_l1_u256_fn fn, void *ctx);
void vd_l1_max_priority_fee(struct vd_l1 *l1, vd_l1_u256_fn fn, void *ctx);
void vd_l1_code(struct vd_l1 *l1, const struct vd_address *address, struct vd_l1_at at,
                vd_l1_bytes_fn fn, void *ctx);
/* A revert is VD_ERR_REFUSED with the return data in status->data. */
void vd_l1_call(struct vd_l1 *l1, const struct vd_address *to, struct vd_slice data,
                struct vd_l1_at at, vd_l1_bytes_fn fn, void *ctx);
/* from may be NULL; to NULL: creation. */
void vd_l1_estimate_gas(struct vd_l1 *l1, const struct vd_address *from,
                        const struct vd_address *to, struct vd_slice data,
                        const struct vd_u256 *value, vd_l1_u64_fn fn, void *ctx);
/* The bytes of the answer are the 32-byte hash. */
void vd_l1_send_raw(struct vd_l1 *l1, struct vd_slice raw, vd_l1_bytes_fn fn, void *ctx);

/* The header, checked against its hash.  header borrows during the callback. */
typedef void (*vd_l1_header_fn)(void *ctx, const struct vd_l1_status *status,
                                const struct vd_hash *hash, const struct vd_header *header);
void vd_l1_header(struct vd_l1 *l1, struct vd_l1_at at, vd_l1_header_fn fn, void *ctx);

/* What a transaction's sender wants to know of its receipt. */
struct vd_l1_receipt {
    struct vd_hash tx_hash;
    struct vd_block_id block;
    bool success;
    uint64_t gas_used;
    struct vd_u256 effective_gas_price;
    bool has_contract_address;
    struct vd_address contract_address;
    const json_t *json; /* the whole object, during the callback */
};
typedef void (*vd_l1_receipt_fn)(void *ctx, const struct vd_l1_status *status,
                                 const struct vd_l1_receipt *receipt);
void vd_l1_receipt(struct vd_l1 *l1, const struct vd_hash *tx_hash, vd_l1_receipt_fn fn, void *ctx);

/* eth_getLogs; topic0 may be NULL.  result is the array as it came. */
void vd_l1_logs(struct vd_l1 *l1, const struct vd_address *address, const struct vd_hash *topic0,
                uint64_t from, uint64_t to, vd_l1_json_fn fn, void *ctx);
/* eth_getProof, as it came: the caller verifies it (core/state/trie.h). */
void vd_l1_proof(struct vd_l1 *l1, const struct vd_address *address, const struct vd_hash *keys,
                 size_t key_count, struct vd_l1_at at, vd_l1_json_fn fn, void *ctx);
/* eth_feeHistory over the last count blocks with one reward percentile. */
void vd_l1_fee_history(struct vd_l1 *l1, uint32_t count, uint32_t percentile, vd_l1_json_fn fn,
                       void *ctx);
/* Any other method; params is a JSON array. */
void vd_l1_request(struct vd_l1 *l1, const char *method, struct vd_slice params, vd_l1_json_fn fn,
                   void *ctx);

/* --- heads --- */

struct vd_l1_heads {
    bool known; /* false before the first answer */
    struct vd_l1_ref latest;
    struct vd_u256 latest_base_fee;
    uint64_t latest_excess_blob_gas;
    bool has_safe; /* a young chain has none */
    struct vd_l1_ref safe;
    bool has_finalized;
    struct vd_l1_ref finalized;
};

/* Any function may be NULL.  A reorg is reported before the head that it leads to. */
struct vd_l1_listener {
    void *ctx;
    /* latest, safe or finalized changed. */
    void (*heads)(void *ctx, const struct vd_l1_heads *heads);
    /* ancestor is the last block that both chains have; NULL: it lies deeper than what is
       remembered, nothing known of unfinalized L1 blocks may be believed. */
    void (*reorg)(void *ctx, const struct vd_l1_ref *ancestor);
    /* Once when L1 stops answering as it should, with the reason; once when it is back. */
    void (*reachable)(void *ctx, bool reachable, const char *why);
};

/* vd_l1_listen adds a listener (at most VD_L1_MAX_LISTENERS; VD_ERR_FULL), which must live until
   vd_l1_unlisten or the close. */
#define VD_L1_MAX_LISTENERS 16
VD_MUST_USE enum vd_err vd_l1_listen(struct vd_l1 *l1, const struct vd_l1_listener *listener);
void vd_l1_unlisten(struct vd_l1 *l1, const struct vd_l1_listener *listener);

/* Starts polling: at once, then at each interval; with growing pauses while L1 does not answer. */
void vd_l1_start(struct vd_l1 *l1);
/* Polls now (a test, or a role that has just sent something). */
void vd_l1_poke(struct vd_l1 *l1);
const struct vd_l1_heads *vd_l1_heads(const struct vd_l1 *l1);
bool vd_l1_is_reachable(const struct vd_l1 *l1);
/* The remembered canonical block at number; false: not remembered. */
bool vd_l1_canonical(const struct vd_l1 *l1, struct vd_l1_ref *out, uint64_t number);

/* --- blocks for derivation --- */

/* A checked block, immutable, with the memory it lives in; shared by reference. Any thread. */
struct vd_l1_fetched;
const struct vd_l1_block *vd_l1_fetched_block(const struct vd_l1_fetched *fetched);
struct vd_l1_ref vd_l1_fetched_ref(const struct vd_l1_fetched *fetched);
struct vd_l1_fetched *vd_l1_fetched_hold(struct vd_l1_fetched *fetched);
void vd_l1_fetched_release(struct vd_l1_fetched *fetched); /* takes NULL */

/* fetched is NULL unless VD_OK; it belongs to the callback, which releases it.
   VD_ERR_NOT_FOUND: L1 has no such block yet. */
typedef void (*vd_l1_fetched_fn)(void *ctx, const struct vd_l1_status *status,
                                 struct vd_l1_fetched *fetched);
/* vd_l1_block_fetch gives the canonical block at number as of now, from the cache if it is there,
   and begins to fetch the next ones up to latest.  A reorg drops what it replaced. */
void vd_l1_block_fetch(struct vd_l1 *l1, uint64_t number, vd_l1_fetched_fn fn, void *ctx);
void vd_l1_block_fetch_hash(struct vd_l1 *l1, const struct vd_hash *hash, vd_l1_fetched_fn fn,
                            void *ctx);
/* Forgets cached blocks by number from number on (a pipeline that found them unfitting asks
   again). */
void vd_l1_block_forget(struct vd_l1 *l1, uint64_t number);

#endif
