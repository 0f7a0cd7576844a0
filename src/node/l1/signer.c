#include "signer_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/node/l1/key.h"

/* What a transaction takes in memory beside its data, signing hash and encoding included. */
#define SIGN_SLACK 4096

/* --- the life of a signer --- */

struct vd_signer *
vd_signer_alloc(uv_loop_t *loop, const struct vd_address *address)
{
    struct vd_signer *signer = calloc(1, sizeof *signer);
    if (signer == NULL)
        return NULL;
    signer->loop = loop;
    signer->address = *address;
    signer->answers_end = &signer->answers;
    signer->http_closed = true;
    uv_timer_init(loop, &signer->timer);
    signer->timer.data = signer;
    return signer;
}

enum vd_err
vd_signer_local(struct vd_signer **out, uv_loop_t *loop, struct vd_pool *pool, struct vd_key *key)
{
    struct vd_signer *signer = vd_signer_alloc(loop, vd_key_address(key));
    if (signer == NULL) {
        vd_key_free(key);
        return VD_ERR_NO_MEMORY;
    }
    signer->pool = pool;
    signer->key = key;
    *out = signer;
    return VD_OK;
}

const struct vd_address *
vd_signer_address(const struct vd_signer *signer)
{
    return &signer->address;
}

void
vd_signer_free_if_closed(struct vd_signer *signer)
{
    if (!signer->closing || !signer->timer_closed || !signer->http_closed || signer->calls != 0)
        return;
    void (*closed)(void *ctx) = signer->closed;
    void *ctx = signer->closed_ctx;
    vd_key_free(signer->key);
    free(signer);
    if (closed != NULL)
        closed(ctx);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    struct vd_signer *signer = handle->data;
    signer->timer_closed = true;
    vd_signer_free_if_closed(signer);
}

static void
on_http_closed(void *ctx)
{
    struct vd_signer *signer = ctx;
    signer->http_closed = true;
    vd_signer_free_if_closed(signer);
}

static void tell_answers(struct vd_signer *signer);

void
vd_signer_close(struct vd_signer *signer, void (*closed)(void *ctx), void *ctx)
{
    VD_ASSERT(!signer->closing);
    signer->closing = true;
    signer->closed = closed;
    signer->closed_ctx = ctx;
    uv_close((uv_handle_t *)&signer->timer, on_timer_closed);
    tell_answers(signer);
    if (signer->http != NULL)
        vd_http_client_close(signer->http, on_http_closed, signer);
}

/* --- answers --- */

void
vd_signer_answer(struct vd_signer_call *call)
{
    struct vd_signer *signer = call->signer;
    if (signer->closing) {
        call->err = VD_ERR_CLOSED;
        snprintf(call->text, sizeof call->text, "%s", vd_err_text(VD_ERR_CLOSED));
    }
    bool good = call->err == VD_OK;
    call->fn(call->ctx, call->err, good ? "" : call->text, good ? call->raw : vd_slice(NULL, 0));
    free(call->memory);
    free(call);
    signer->calls--;
    vd_signer_free_if_closed(signer);
}

/* Those that are there now: an answer may ask again. */
static void
tell_answers(struct vd_signer *signer)
{
    struct vd_signer_call *call = signer->answers;
    signer->answers = NULL;
    signer->answers_end = &signer->answers;
    while (call != NULL) {
        struct vd_signer_call *next = call->next;
        vd_signer_answer(call);
        call = next;
    }
}

static void
on_timer(uv_timer_t *timer)
{
    tell_answers(timer->data);
}

void
vd_signer_answer_later(struct vd_signer_call *call, enum vd_err err, const char *text)
{
    struct vd_signer *signer = call->signer;
    call->err = err;
    snprintf(call->text, sizeof call->text, "%s", text);
    *signer->answers_end = call;
    signer->answers_end = &call->next;
    uv_timer_start(&signer->timer, on_timer, 0, 0);
}

/* --- signing by a key --- */

struct vd_tx
vd_signer_tx(const struct vd_signer_call *call)
{
    const struct vd_txm_unsigned *u = &call->tx;
    return (struct vd_tx){.type = VD_TX_DYNAMIC_FEE,
                          .has_chain_id = true,
                          .chain_id = call->chain_id,
                          .nonce = u->nonce,
                          .max_priority_fee = u->max_priority_fee,
                          .max_fee = u->max_fee,
                          .gas_limit = u->gas_limit,
                          .to = u->to,
                          .value = u->value,
                          .data = u->data};
}

static void
run_sign(struct vd_job *job)
{
    struct vd_signer_call *call = (struct vd_signer_call *)job;
    struct vd_tx tx = vd_signer_tx(call);
    struct vd_arena arena;
    struct vd_buf buf;
    struct vd_hash hash;
    uint8_t signature[64];
    vd_arena_init(&arena, call->memory, call->memory_size);
    call->err = vd_tx_signing_hash(&hash, &tx, &arena);
    if (call->err == VD_OK)
        call->err = vd_key_sign(call->signer->key, signature, &tx.y_parity, &hash);
    if (call->err == VD_OK) {
        tx.r = vd_u256_from_be(signature);
        tx.s = vd_u256_from_be(signature + 32);
        vd_buf_init(&buf, &arena);
        vd_tx_encode(&buf, &tx);
        call->err = buf.err;
        call->raw = vd_buf_view(&buf);
    }
    if (call->err != VD_OK)
        snprintf(call->text, sizeof call->text, "signing: %s", vd_err_text(call->err));
}

static void
sign_done(struct vd_job *job)
{
    vd_signer_answer((struct vd_signer_call *)job);
}

static void
sign_locally(struct vd_signer_call *call)
{
    call->memory_size = 2 * call->tx.data.len + SIGN_SLACK;
    call->memory = malloc(call->memory_size);
    call->job = (struct vd_job){.run = run_sign, .done = sign_done};
    enum vd_err err =
        call->memory == NULL ? VD_ERR_NO_MEMORY : vd_pool_submit(call->signer->pool, &call->job);
    if (err != VD_OK)
        vd_signer_answer_later(call, err, vd_err_text(err));
}

void
vd_signer_sign(struct vd_signer *signer, uint64_t chain_id, const struct vd_txm_unsigned *tx,
               vd_signer_fn fn, void *ctx)
{
    VD_ASSERT(!signer->closing);
    struct vd_signer_call *call = calloc(1, sizeof *call);
    VD_ASSERT(call != NULL); /* too little memory for some hundred bytes */
    call->signer = signer;
    call->chain_id = chain_id;
    call->tx = *tx;
    call->fn = fn;
    call->ctx = ctx;
    signer->calls++;
    if (signer->key != NULL)
        sign_locally(call);
    else
        vd_signer_ask(call);
}
