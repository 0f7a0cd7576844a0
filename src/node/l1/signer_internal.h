/* What the two kinds of signer share.  signer.c has the life of a signer, its calls and signing by
   a key; signer_remote.c has asking a remote one. */
#ifndef VIADUCT_SRC_NODE_L1_SIGNER_INTERNAL_H
#define VIADUCT_SRC_NODE_L1_SIGNER_INTERNAL_H

#include "viaduct/core/chain/tx.h"
#include "viaduct/node/l1/signer.h"
#include "viaduct/node/l1/tx_manager.h"
#include "viaduct/node/net/http_client.h"
#include "viaduct/node/platform/pool.h"

#define VD_SIGNER_TEXT_MAX 1024

struct vd_key;

/* One signature asked for.  It is made here, listed in its signer, and freed after its answer. */
struct vd_signer_call {
    struct vd_job job; /* first: signing by a key */
    struct vd_signer *signer;
    struct vd_signer_call *next; /* of the answers that wait for the loop */
    uint64_t chain_id;
    struct vd_txm_unsigned tx; /* data borrows from the one who asks */
    vd_signer_fn fn;
    void *ctx;
    uint8_t *memory; /* for the arena of signing or checking */
    size_t memory_size;
    /* The answer. */
    enum vd_err err;
    char text[VD_SIGNER_TEXT_MAX];
    struct vd_slice raw; /* in memory */
};

struct vd_signer {
    uv_loop_t *loop;
    struct vd_address address;
    /* A signer by a key has these two, */
    struct vd_pool *pool;
    struct vd_key *key;
    /* a remote one these. */
    struct vd_http_client *http;
    struct vd_http_url url;
    uv_timer_t timer; /* tells answers that are there at once */
    struct vd_signer_call *answers;
    struct vd_signer_call **answers_end;
    size_t calls; /* not yet answered */
    bool closing;
    bool timer_closed;
    bool http_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* signer.c: a signer of neither kind yet. */
struct vd_signer *vd_signer_alloc(uv_loop_t *loop, const struct vd_address *address);
/* The transaction that a call asks for, unsigned. */
struct vd_tx vd_signer_tx(const struct vd_signer_call *call);
/* Answers with what stands in the call, and frees it. */
void vd_signer_answer(struct vd_signer_call *call);
/* The same from the loop, soon. */
void vd_signer_answer_later(struct vd_signer_call *call, enum vd_err err, const char *text);
void vd_signer_free_if_closed(struct vd_signer *signer);

/* signer_remote.c */
void vd_signer_ask(struct vd_signer_call *call);
/* Takes a signer's answer apart and checks what it signed: fills the call's err, text and raw. */
void vd_signer_read_answer(struct vd_signer_call *call, const struct vd_http_result *result);

#endif
