/* JSON-RPC 2.0, the server's side: envelope, dispatch, parameters, answers.

   A method is a row of a table: name, handler, and where the handler runs.  A handler gets a
   struct vd_rpc_call and returns a struct vd_rpc_done, which only the answering functions below
   can make, so no request goes unanswered:

       static const struct vd_rpc_done *
       eth_get_balance(struct vd_rpc_call *call, void *ctx)
       {
           struct vd_address address;
           struct vd_rpc_block block;
           const struct vd_rpc_done *bad =
               vd_rpc_params(call, VD_PARAM_ADDRESS(&address), VD_PARAM_BLOCK_OR_HASH(&block));
           if (bad != NULL)
               return bad;
           ...
           vd_json_u256(vd_rpc_result(call), &balance);
           return vd_rpc_reply(call);
       }

   Threads: LOOP handlers run on the loop's thread and take less than a millisecond; POOL handlers
   run in a worker, several at once, and write into their own call's buffer.  A call is used by one
   thread at a time.  Calls of a batch may run side by side; their answers keep the batch's order.
   Error codes and texts are geth's, since clients match on them. */
#ifndef VIADUCT_NODE_NET_JSONRPC_H
#define VIADUCT_NODE_NET_JSONRPC_H

#include <jansson.h>
#include <uv.h>

#include "viaduct/node/net/http_server.h"
#include "viaduct/node/net/json_reader.h"
#include "viaduct/node/net/json_writer.h"

struct vd_pool;

enum vd_rpc_code {
    VD_RPC_PARSE_ERROR = -32700,
    VD_RPC_INVALID_REQUEST = -32600,
    VD_RPC_METHOD_NOT_FOUND = -32601,
    VD_RPC_INVALID_PARAMS = -32602,
    VD_RPC_INTERNAL_ERROR = -32603,
    VD_RPC_SERVER_ERROR = -32000,       /* geth's default for every error without a code */
    VD_RPC_TIMEOUT = -32002,            /* "request timed out" */
    VD_RPC_RESPONSE_TOO_LARGE = -32003, /* "response too large" */
    VD_RPC_TX_REJECTED = -32003,        /* EIP-1474: transaction rejected */
    VD_RPC_NOT_SUPPORTED = -32004,      /* EIP-1474: method not supported */
    VD_RPC_LIMIT_EXCEEDED = -32005,     /* EIP-1474: limit exceeded */
    VD_RPC_REVERTED = 3,                /* "execution reverted", data holds the return data */
    VD_RPC_PRECONF_TIMEOUT = 4,         /* EIP-7966: not in time, data holds the hash */
};

struct vd_rpc_call;
struct vd_rpc_done; /* never defined: a pointer to it is the proof of an answer */
typedef const struct vd_rpc_done *(*vd_rpc_handler_fn)(struct vd_rpc_call *call, void *ctx);

enum vd_rpc_where {
    VD_RPC_LOOP,
    VD_RPC_POOL,
};

struct vd_rpc_method {
    const char *name; /* "eth_getBalance" */
    vd_rpc_handler_fn handler;
    enum vd_rpc_where where;
};

struct vd_rpc_limits {
    uint32_t max_batch;        /* calls in a batch; 1,000 */
    size_t max_response_bytes; /* all answers of a request together; 25,000,000 */
    size_t parse_on_loop_max;  /* longer bodies are parsed in the pool; 64 KiB */
    uint32_t max_in_pool;      /* calls waiting for or in the pool; above: -32005; 4,096 */
};
extern const struct vd_rpc_limits VD_RPC_DEFAULT_LIMITS;

struct vd_rpc;

/* limits may be NULL; a field that is 0 takes the default.  pool may be NULL: then POOL handlers
   run on the loop (tests). */
VD_MUST_USE enum vd_err vd_rpc_new(struct vd_rpc **out, uv_loop_t *loop, struct vd_pool *pool,
                                   const struct vd_rpc_limits *limits);

/* vd_rpc_add adds a table of methods, which must outlive the server; ctx goes to each handler.
   VD_ERR_EXISTS: a name is there already. */
VD_MUST_USE enum vd_err vd_rpc_add(struct vd_rpc *rpc, const struct vd_rpc_method *methods,
                                   size_t count, void *ctx);

/* The POST handler for struct vd_http_config: post = vd_rpc_http, post_ctx = the vd_rpc. */
void vd_rpc_http(void *rpc, struct vd_http_exchange *exchange, struct vd_slice body);

/* vd_rpc_submit handles one request text without HTTP.  body must live until answered runs, which
   may be inside this call.  *answer is empty when there is nothing to answer (notifications);
   answered may take the text by swapping the writer for an empty one. */
typedef void (*vd_rpc_answered_fn)(void *ctx, struct vd_json *answer);
void vd_rpc_submit(struct vd_rpc *rpc, struct vd_slice body, vd_rpc_answered_fn answered,
                   void *ctx);

/* vd_rpc_close refuses new requests, waits for those under way (pending ones must still be answered
   by whoever holds them), frees the server and calls closed (may be NULL). */
void vd_rpc_close(struct vd_rpc *rpc, void (*closed)(void *ctx), void *ctx);

struct vd_rpc_stats {
    uint64_t calls;
    uint64_t errors; /* calls and bodies answered by an error */
    uint64_t in_flight;
};
struct vd_rpc_stats vd_rpc_stats(const struct vd_rpc *rpc);

/* What the calls of one method have cost, from the parsed request to the answer. */
#define VD_RPC_TIME_BUCKETS 6
extern const uint64_t vd_rpc_bucket_us[VD_RPC_TIME_BUCKETS]; /* upper bounds, ascending */
struct vd_rpc_method_stats {
    uint64_t calls;
    uint64_t errors;
    uint64_t time_ns;                      /* of all calls */
    uint64_t buckets[VD_RPC_TIME_BUCKETS]; /* calls within the bound, those of lower bounds too */
};
/* The methods that were called at least once, always in the same order.  The loop's thread. */
void vd_rpc_each_method(const struct vd_rpc *rpc,
                        void (*fn)(void *ctx, const char *name,
                                   const struct vd_rpc_method_stats *stats),
                        void *ctx);

/* --- answering --- */

/* The writer for the result: write exactly one JSON value, then vd_rpc_reply.  Calling it again
   starts the result afresh. */
struct vd_json *vd_rpc_result(struct vd_rpc_call *call);
/* The value written to vd_rpc_result is the answer.  A result over the response limit becomes the
   error -32003 "response too large". */
const struct vd_rpc_done *vd_rpc_reply(struct vd_rpc_call *call);

/* Results of one value. */
const struct vd_rpc_done *vd_rpc_reply_null(struct vd_rpc_call *call);
const struct vd_rpc_done *vd_rpc_reply_bool(struct vd_rpc_call *call, bool value);
const struct vd_rpc_done *vd_rpc_reply_string(struct vd_rpc_call *call, const char *text);
const struct vd_rpc_done *vd_rpc_reply_quantity(struct vd_rpc_call *call, uint64_t value);
const struct vd_rpc_done *vd_rpc_reply_u256(struct vd_rpc_call *call, const struct vd_u256 *value);
const struct vd_rpc_done *vd_rpc_reply_data(struct vd_rpc_call *call, struct vd_slice bytes);
const struct vd_rpc_done *vd_rpc_reply_hash(struct vd_rpc_call *call, const struct vd_hash *hash);

/* An error.  Whatever was written to the result is dropped. */
const struct vd_rpc_done *vd_rpc_error(struct vd_rpc_call *call, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* With "data": hex of the bytes (execution reverted). */
const struct vd_rpc_done *vd_rpc_error_data(struct vd_rpc_call *call, int code,
                                            struct vd_slice data, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* -32602 "invalid argument N: …", for values that vd_rpc_params cannot check. */
const struct vd_rpc_done *vd_rpc_bad_argument(struct vd_rpc_call *call, size_t index,
                                              const char *why);

/* The answer comes later: whoever was given the call answers it by one of the functions above, on
   the loop's thread (ignoring what it returns).  That may happen before this handler has returned
   in its worker.  The call stays valid until it is answered. */
const struct vd_rpc_done *vd_rpc_pending(struct vd_rpc_call *call);

/* Goes on in another place: handler runs there with ctx, and answers. */
const struct vd_rpc_done *vd_rpc_continue(struct vd_rpc_call *call, enum vd_rpc_where where,
                                          vd_rpc_handler_fn handler, void *ctx);

/* --- the request --- */

/* Memory that lives as long as the call; NULL when there is none. */
void *vd_rpc_alloc(struct vd_rpc_call *call, size_t size);
const char *vd_rpc_method_name(const struct vd_rpc_call *call);

enum vd_rpc_tag {
    VD_BLOCK_LATEST,
    VD_BLOCK_PENDING,
    VD_BLOCK_SAFE,
    VD_BLOCK_FINALIZED,
    VD_BLOCK_EARLIEST,
    VD_BLOCK_NUMBER,
    VD_BLOCK_HASH, /* EIP-1898 */
};

struct vd_rpc_block {
    enum vd_rpc_tag tag;
    uint64_t number;
    struct vd_hash hash;
    bool require_canonical;
};

/* Reads a block number or tag, and with allow_hash EIP-1898's forms, from a value inside another
   (a filter object). */
bool vd_rpc_read_block(struct vd_rpc_block *out, struct vd_json_why *why, const json_t *value,
                       bool allow_hash);

enum vd_rpc_param_kind {
    VD_PARAM_KIND_ADDRESS,
    VD_PARAM_KIND_HASH,
    VD_PARAM_KIND_WORD,
    VD_PARAM_KIND_DATA,
    VD_PARAM_KIND_U64,
    VD_PARAM_KIND_U256,
    VD_PARAM_KIND_BOOL,
    VD_PARAM_KIND_STRING,
    VD_PARAM_KIND_BLOCK,
    VD_PARAM_KIND_BLOCK_OR_HASH,
    VD_PARAM_KIND_JSON,
};

/* One declared parameter: made by the macros below, whose pointers are type-checked. */
struct vd_rpc_param {
    enum vd_rpc_param_kind kind;
    bool optional;
    bool *present; /* optional ones: whether it was there; may be NULL */
    union {
        struct vd_address *address;
        struct vd_hash *hash;
        struct vd_slice *data;
        uint64_t *u64;
        struct vd_u256 *u256;
        bool *boolean;
        const char **string;
        struct vd_rpc_block *block;
        const json_t **json;
    } out;
};

#define VD_PARAM_(kind_, member, pointer)                      \
    (struct vd_rpc_param)                                      \
    {                                                          \
        .kind = VD_PARAM_KIND_##kind_, .out.member = (pointer) \
    }
#define VD_PARAM_OPT_(kind_, member, pointer, present_)                         \
    (struct vd_rpc_param)                                                       \
    {                                                                           \
        .kind = VD_PARAM_KIND_##kind_, .optional = true, .present = (present_), \
        .out.member = (pointer)                                                 \
    }

#define VD_PARAM_ADDRESS(p) VD_PARAM_(ADDRESS, address, p)
#define VD_PARAM_HASH(p) VD_PARAM_(HASH, hash, p)
/* A storage key: 32 bytes, short forms allowed. */
#define VD_PARAM_WORD(p) VD_PARAM_(WORD, hash, p)
/* Bytes; they live as long as the call. */
#define VD_PARAM_DATA(p) VD_PARAM_(DATA, data, p)
#define VD_PARAM_U64(p) VD_PARAM_(U64, u64, p)
#define VD_PARAM_U256(p) VD_PARAM_(U256, u256, p)
#define VD_PARAM_BOOL(p) VD_PARAM_(BOOL, boolean, p)
#define VD_PARAM_STRING(p) VD_PARAM_(STRING, string, p)
/* A number or a tag. */
#define VD_PARAM_BLOCK(p) VD_PARAM_(BLOCK, block, p)
/* A number, a tag, a hash, or the object of EIP-1898. */
#define VD_PARAM_BLOCK_OR_HASH(p) VD_PARAM_(BLOCK_OR_HASH, block, p)
/* Any value; it lives as long as the call. */
#define VD_PARAM_JSON(p) VD_PARAM_(JSON, json, p)

/* Optional: missing or null leaves *p as it was (BLOCK: set to latest) and *present false. */
#define VD_PARAM_ADDRESS_OPT(p, present) VD_PARAM_OPT_(ADDRESS, address, p, present)
#define VD_PARAM_HASH_OPT(p, present) VD_PARAM_OPT_(HASH, hash, p, present)
#define VD_PARAM_U64_OPT(p, present) VD_PARAM_OPT_(U64, u64, p, present)
#define VD_PARAM_U256_OPT(p, present) VD_PARAM_OPT_(U256, u256, p, present)
#define VD_PARAM_BOOL_OPT(p) VD_PARAM_OPT_(BOOL, boolean, p, NULL)
#define VD_PARAM_STRING_OPT(p) VD_PARAM_OPT_(STRING, string, p, NULL)
#define VD_PARAM_BLOCK_OPT(p) VD_PARAM_OPT_(BLOCK, block, p, NULL)
#define VD_PARAM_BLOCK_OR_HASH_OPT(p) VD_PARAM_OPT_(BLOCK_OR_HASH, block, p, NULL)
#define VD_PARAM_JSON_OPT(p) VD_PARAM_OPT_(JSON, json, p, NULL)

/* vd_rpc_params reads the call's parameters as declared.  NULL: they are all there; else the error
   answer, to be returned at once ("missing value for required argument 0", "invalid argument 1:
   …", "too many arguments, want at most 2"). */
#define vd_rpc_params(call, ...)                                            \
    vd_rpc_params_read((call), (const struct vd_rpc_param[]){__VA_ARGS__},  \
                       sizeof((const struct vd_rpc_param[]){__VA_ARGS__}) / \
                           sizeof(struct vd_rpc_param))
const struct vd_rpc_done *vd_rpc_params_read(struct vd_rpc_call *call,
                                             const struct vd_rpc_param *params, size_t count);
/* For methods without any. */
const struct vd_rpc_done *vd_rpc_no_params(struct vd_rpc_call *call);

#endif
