/* What the files of the JSON-RPC server share.  See jsonrpc.c for the life of a request. */
#ifndef VIADUCT_SRC_NODE_NET_JSONRPC_INTERNAL_H
#define VIADUCT_SRC_NODE_NET_JSONRPC_INTERNAL_H

#include "viaduct/node/net/jsonrpc.h"

/* What a handler hands back; each is the address of a byte of its own. */
extern const char vd_rpc_token_answered;
extern const char vd_rpc_token_pending;
extern const char vd_rpc_token_continue;

static inline const struct vd_rpc_done *
vd_rpc_token(const char *token)
{
    return (const struct vd_rpc_done *)token;
}

/* Memory that dies with the call. */
struct vd_rpc_block_of_memory {
    struct vd_rpc_block_of_memory *next;
    max_align_t bytes[];
};

struct vd_rpc_call {
    struct vd_rpc_request *request;
    const struct vd_rpc_method *method;
    struct vd_rpc_method_stats *stats; /* the method's; NULL: there is no such method */
    uint64_t begun_ns;
    struct vd_rpc_call *next_ready;
    /* Where it goes on: the method's handler, or what vd_rpc_continue said. */
    vd_rpc_handler_fn handler;
    void *ctx;
    enum vd_rpc_where where;
    const json_t *id;     /* borrowed from the request; NULL: to be written as null */
    const json_t *params; /* array; NULL: none */
    bool is_notification; /* runs, but its answer goes nowhere */
    bool answered;
    bool failed;   /* the answer is an error */
    bool released; /* the handler said pending and has returned; written on the loop only */
    const struct vd_rpc_done *token; /* what the handler returned */
    struct vd_json out;              /* the whole response object */
    struct vd_rpc_block_of_memory *memory;
};

struct vd_rpc_request {
    struct vd_rpc *rpc;
    vd_rpc_answered_fn answered;
    void *ctx;
    struct vd_slice body;
    json_t *root;
    struct vd_json_why why;
    bool is_batch;
    size_t count;
    size_t left; /* calls without an answer */
    struct vd_rpc_call calls[];
};

/* jsonrpc_reply.c */
/* Makes the response an error; for the envelope too. */
void vd_rpc_write_error(struct vd_rpc_call *call, int code, const char *message,
                        const struct vd_slice *data);
/* Writes an error response for an id (NULL: null). */
void vd_rpc_write_error_for(struct vd_json *out, const json_t *id, int code, const char *message,
                            const struct vd_slice *data);

/* jsonrpc.c */
void vd_rpc_call_answered(struct vd_rpc_call *call);
size_t vd_rpc_response_limit(const struct vd_rpc_call *call);

#endif
