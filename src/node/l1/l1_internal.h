/* What the files of the L1 client share: l1_client.c has requests and typed calls, l1_heads.c the
   polling, l1_blocks.c the fetching of whole blocks. */
#ifndef VIADUCT_SRC_NODE_L1_L1_INTERNAL_H
#define VIADUCT_SRC_NODE_L1_L1_INTERNAL_H

#include "viaduct/node/l1/l1_client.h"
#include "viaduct/node/net/http_client.h"
#include "viaduct/node/net/json_reader.h"
#include "viaduct/node/net/json_writer.h"
#include "viaduct/node/platform/pool.h"

#define VD_L1_TEXT_MAX 256

/* A JSON-RPC answer taken apart. */
struct vd_l1_answer {
    struct vd_l1_status status;
    json_t *root;         /* owned; holds result */
    const json_t *result; /* NULL unless status.err is VD_OK */
    uint8_t *data;        /* owned; status.data */
    char text[VD_L1_TEXT_MAX];
};

struct vd_l1_request;
typedef void (*vd_l1_answer_fn)(struct vd_l1_request *request, const struct vd_l1_answer *answer);

/* One JSON-RPC request.  Whoever asks embeds nothing: it is made and freed here. */
struct vd_l1_request {
    struct vd_job job; /* first: the parsing of a long answer */
    struct vd_l1 *l1;
    struct vd_l1_request *next_failed;
    /* Either the answer parsed on the loop ... */
    vd_l1_answer_fn answered;
    /* ... or its bytes, which the callback takes by setting *body to NULL. */
    void (*raw)(struct vd_l1_request *request, const struct vd_http_result *result, uint8_t **body);
    /* For the one who asks. */
    union {
        vd_l1_u64_fn u64;
        vd_l1_u256_fn u256;
        vd_l1_bytes_fn bytes;
        vd_l1_json_fn json;
        vd_l1_header_fn header;
        vd_l1_receipt_fn receipt;
    } fn;
    void *ctx;
    /* The answer on its way through the pool, or why the request never left. */
    uint8_t *body;
    size_t body_len;
    struct vd_l1_answer answer;
    enum vd_err failed;
};

/* References to canonical blocks, contiguous by number. */
struct vd_l1_ring {
    struct vd_l1_ref *refs; /* cap of them; number n is at n % cap */
    uint32_t cap;
    uint32_t count; /* the newest is tip */
    struct vd_l1_ref tip;
};

enum vd_l1_poll_state {
    VD_L1_POLL_IDLE,
    VD_L1_POLL_CHAIN_ID,
    VD_L1_POLL_LATEST,
    VD_L1_POLL_WALK, /* from latest back to a block that is remembered */
    VD_L1_POLL_OLD_TIP,
    VD_L1_POLL_SAFE,
    VD_L1_POLL_FINALIZED,
};

struct vd_l1_poll {
    uv_timer_t timer;
    enum vd_l1_poll_state state;
    bool started;
    bool again; /* poked while polling */
    bool chain_checked;
    uint32_t failures;
    struct vd_l1_heads next; /* being put together */
    struct vd_l1_ref *path;  /* newest first: latest and its ancestors */
    uint32_t path_len;
};

struct vd_l1_fetch;

struct vd_l1_waiter {
    struct vd_l1_waiter *next;
    vd_l1_fetched_fn fn;
    void *ctx;
    struct vd_l1_fetched *fetched; /* of those that wait for delivery from the cache */
};

struct vd_l1_blocks {
    struct vd_l1_fetch *fetches; /* under way */
    uint32_t fetch_count;
    struct vd_l1_fetched **cache;
    uint32_t cache_count;
    uint64_t last_asked;
    struct vd_l1_waiter *ready; /* cache hits to be delivered from the loop */
    struct vd_l1_waiter **ready_end;
};

struct vd_l1 {
    uv_loop_t *loop;
    struct vd_pool *pool;
    struct vd_http_client *http;
    struct vd_l1_config config;
    struct vd_address log_sources[VD_L1_MAX_LOG_SOURCES];
    uv_timer_t defer; /* failed requests and cache hits are told from here */
    struct vd_l1_request *failed;
    struct vd_l1_request **failed_end;
    struct vd_l1_listener const *listeners[VD_L1_MAX_LISTENERS];
    struct vd_l1_heads heads;
    bool reachable;
    struct vd_l1_ring ring;
    struct vd_l1_poll poll;
    struct vd_l1_blocks blocks;
    uint32_t handles;
    uint32_t in_pool;
    bool closing;
    bool http_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* l1_client.c */
/* A zeroed request; NULL without memory. */
struct vd_l1_request *vd_l1_request_new(struct vd_l1 *l1, void *ctx);
/* Sends it; params is a writer with a JSON array, which is freed.  The answer, or the failure to
   ask, is told later, and the request freed then. */
void vd_l1_request_send(struct vd_l1_request *request, const char *method, struct vd_json *params);
void vd_l1_params_at(struct vd_json *params, struct vd_l1_at at);
/* Takes a JSON-RPC answer apart, on any thread. */
void vd_l1_answer_read(struct vd_l1_answer *answer, struct vd_slice body);
void vd_l1_answer_fail(struct vd_l1_answer *answer, enum vd_err err, const char *text);
void vd_l1_answer_deinit(struct vd_l1_answer *answer);
/* What a transaction's receipt says of its fate; receipt borrows json.  False: why says. */
bool vd_l1_read_receipt(struct vd_l1_receipt *receipt, struct vd_json_why *why, const json_t *json);
void vd_l1_defer(struct vd_l1 *l1);
void vd_l1_free_if_closed(struct vd_l1 *l1);

/* l1_heads.c */
enum vd_err vd_l1_heads_init(struct vd_l1 *l1);
void vd_l1_heads_deinit(struct vd_l1 *l1);

/* l1_blocks.c */
enum vd_err vd_l1_blocks_init(struct vd_l1 *l1);
void vd_l1_blocks_deinit(struct vd_l1 *l1);
/* Blocks above number are no longer canonical. */
void vd_l1_blocks_reorg(struct vd_l1 *l1, bool known, uint64_t ancestor);
void vd_l1_blocks_deliver(struct vd_l1 *l1);

#endif
