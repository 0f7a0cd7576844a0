/* A deployment's steps.

   For each step: unknown -> (L1 is asked) -> done, or to do -> (gas is estimated) -> sent ->
   (included) -> unknown.  What L1 says decides, never what this process remembers: a step counts as
   done when its effect can be read.  A step whose transaction stands in the journal of an earlier
   run is waited for, not sent again. */
#include "deploy_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/signer.h"

#define TICK_MS 500u
#define FUND_TAG "DeterministicDeployer"
#define FUND_GAS 21000u
#define LOOKS 60u /* at the effect of an included transaction, one a tick */

static void advance(struct vd_deploy *d);

/* --- ends and messages --- */

void
vd_deploy_say(struct vd_deploy *d, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    d->config.progress(d->config.ctx, line);
}

void
vd_deploy_end(struct vd_deploy *d)
{
    d->stage = VD_DEPLOY_ENDED;
    d->config.done(d->config.ctx, d->error[0] ? d->error : NULL);
}

void
vd_deploy_fail(struct vd_deploy *d, const char *format, ...)
{
    if (d->stage == VD_DEPLOY_ENDED) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(d->error, sizeof d->error, format, arguments);
    va_end(arguments);
    vd_deploy_end(d);
}

bool
vd_deploy_answered(struct vd_deploy *d, const struct vd_l1_status *status, const char *what)
{
    if (d->stage == VD_DEPLOY_ENDED) {
        return false;
    }
    if (status->err == VD_ERR_NOT_FOUND) {
        vd_deploy_fail(d, "%s is not on L1; if L1 was reorganised, run the same command again",
                       what);
    } else if (status->err != VD_OK) {
        vd_deploy_fail(d, "%s: %s %s; run the same command again to go on", what,
                       vd_err_text(status->err), status->text);
    }
    return status->err == VD_OK;
}

bool
vd_deploy_write_record(struct vd_deploy *d)
{
    char error[512];
    if (!vd_deploy_file_write(&d->plan, &d->record, d->path, error, sizeof error)) {
        vd_deploy_fail(d, "%s", error);
        return false;
    }
    return true;
}

static void
set_status(struct vd_deploy *d, size_t index, enum vd_step_status status)
{
    d->record.status[index] = status;
    if (status == VD_STEP_DONE || status == VD_STEP_SENT) {
        (void)vd_deploy_write_record(d);
    }
}

/* --- reading --- */

/* eth_getStorageAt answers a quantity or a word as a string. */
struct slot_ask {
    vd_l1_bytes_fn fn;
    struct vd_deploy_ask *ask;
};

static void
on_slot(void *ctx, const struct vd_l1_status *status, const json_t *result)
{
    struct slot_ask *slot = ctx;
    struct vd_l1_status answer = *status;
    struct vd_u256 value = vd_u256(0);
    uint8_t word[32];
    if (status->err == VD_OK &&
        (!json_is_string(result) || !vd_file_parse_u256(&value, json_string_value(result)))) {
        answer.err = VD_ERR_INVALID;
        answer.text = "eth_getStorageAt gives no word";
    }
    vd_u256_to_be(word, &value);
    slot->fn(slot->ask, &answer, vd_slice(word, sizeof word));
    free(slot);
}

static void
read_slot(struct vd_deploy *d, const struct vd_l1_read *read, vd_l1_bytes_fn fn,
          struct vd_deploy_ask *ask)
{
    char address[41] = {0};
    char key[65] = {0};
    char params[160];
    struct slot_ask *slot = calloc(1, sizeof *slot);
    VD_ASSERT(slot != NULL); /* too little memory for some bytes */
    *slot = (struct slot_ask){fn, ask};
    vd_hex_encode(address, read->contract.b, 20);
    vd_hex_encode(key, read->slot.b, 32);
    int len = snprintf(params, sizeof params, "[\"0x%s\",\"0x%s\",\"latest\"]", address, key);
    vd_l1_request(d->config.l1, "eth_getStorageAt", vd_slice((const uint8_t *)params, (size_t)len),
                  on_slot, slot);
}

void
vd_deploy_read(struct vd_deploy *d, const struct vd_l1_read *read, vd_l1_bytes_fn fn,
               struct vd_deploy_ask *ask)
{
    if (read->is_slot) {
        read_slot(d, read, fn, ask);
    } else {
        vd_l1_call(d->config.l1, &read->contract, read->call, vd_l1_latest(), fn, ask);
    }
}

/* --- a step --- */

static void
conflict(struct vd_deploy *d, const struct vd_step *step, struct vd_slice found)
{
    char address[43];
    char text[67] = "0x";
    vd_address_text(address, &step->subject);
    vd_hex_encode(text + 2, found.ptr, found.len > 32 ? 32 : found.len);
    text[2 + 2 * (found.len > 32 ? 32 : found.len)] = '\0';
    vd_deploy_fail(d,
                   "the step %s finds the contract %s in a state that this deployment does not "
                   "make (%s): it belongs to another one, or was changed since",
                   step->name, address, text);
}

/* The transaction is in a block and its effect is not there to read: an L1 behind a balancer may
   answer from a node that is behind.  Sending it again would be wrong in any case. */
static void
look_again(struct vd_deploy *d, size_t index)
{
    if (++d->looked[index] > LOOKS) {
        vd_deploy_fail(d, "the transaction of the step %s is in a block and changed nothing",
                       d->plan.steps[index].name);
    } else {
        d->again[index] = true; /* at the next tick */
    }
}

static void
on_looked(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    struct vd_deploy_ask *ask = ctx;
    struct vd_deploy *d = ask->d;
    const struct vd_step *step = &d->plan.steps[ask->index];
    if (!vd_deploy_answered(d, status, step->name)) {
        return;
    }
    bool done = step->creates ? bytes.len > 0
                              : bytes.len == 32 && memcmp(bytes.ptr, step->after.b, 32) == 0;
    bool todo = step->creates || (bytes.len == 32 && memcmp(bytes.ptr, step->before.b, 32) == 0);
    if (done) {
        vd_deploy_say(d, "%s", step->name);
        set_status(d, ask->index, VD_STEP_DONE);
    } else if (todo && d->included[ask->index]) {
        look_again(d, ask->index);
    } else if (todo) {
        set_status(d, ask->index, VD_STEP_TODO);
    } else {
        conflict(d, step, bytes);
    }
    advance(d);
}

static void
look(struct vd_deploy *d, size_t index)
{
    const struct vd_step *step = &d->plan.steps[index];
    d->record.status[index] = VD_STEP_LOOKING;
    if (step->creates) {
        vd_l1_code(d->config.l1, &step->subject, vd_l1_latest(), on_looked, &d->steps[index]);
    } else {
        vd_deploy_read(d, &step->read, on_looked, &d->steps[index]);
    }
}

static bool
send_payload(struct vd_deploy *d, const char *tag, const struct vd_txm_payload *payload)
{
    uint64_t id;
    enum vd_err err = vd_txm_send(vd_txm_driver_manager(d->txm), &id, payload);
    if (err != VD_OK) {
        vd_deploy_fail(d, "%s cannot be sent: %s", tag, vd_err_text(err));
    }
    return err == VD_OK;
}

static void
on_estimated(void *ctx, const struct vd_l1_status *status, uint64_t gas)
{
    struct vd_deploy_ask *ask = ctx;
    struct vd_deploy *d = ask->d;
    const struct vd_step *step = &d->plan.steps[ask->index];
    if (!vd_deploy_answered(d, status, step->name)) {
        return;
    }
    struct vd_txm_payload payload = {
        .to = step->to,
        .data = step->data,
        .gas_limit = gas + gas / 5, /* what it costs may move a little until it is included */
        .tag = vd_slice((const uint8_t *)step->name, strlen(step->name))};
    if (send_payload(d, step->name, &payload)) {
        set_status(d, ask->index, VD_STEP_SENT);
    }
}

static void
begin_send(struct vd_deploy *d, size_t index)
{
    const struct vd_step *step = &d->plan.steps[index];
    struct vd_u256 zero = vd_u256(0);
    d->record.status[index] = VD_STEP_ESTIMATING;
    vd_l1_estimate_gas(d->config.l1, &d->plan.deployer, &step->to, step->data, &zero, on_estimated,
                       &d->steps[index]);
}

/* Moves the steps of a phase on; true when all are done. */
static bool
work(struct vd_deploy *d, enum vd_phase phase)
{
    bool all_done = true;
    for (size_t i = 0; i < d->plan.step_count && d->stage != VD_DEPLOY_ENDED; i++) {
        enum vd_step_status status = d->record.status[i];
        if (d->plan.steps[i].phase != phase || status == VD_STEP_DONE) {
            continue;
        }
        if (status == VD_STEP_UNKNOWN) {
            look(d, i);
        } else if (status == VD_STEP_TODO && (phase == VD_PHASE_CONTRACTS || all_done)) {
            begin_send(d, i);
        }
        all_done = false;
    }
    return all_done;
}

/* Looks at everything once before the first transaction, so that a conflict costs nothing; true
   when all is known. */
static bool
survey(struct vd_deploy *d)
{
    bool known = true;
    for (size_t i = 0; i < d->plan.step_count && !d->surveyed; i++) {
        enum vd_step_status status = d->record.status[i];
        if (d->plan.steps[i].phase != VD_PHASE_FINISH && status == VD_STEP_UNKNOWN) {
            look(d, i);
            known = false;
        } else if (status == VD_STEP_LOOKING) {
            known = false;
        }
    }
    d->surveyed = d->surveyed || known;
    return d->surveyed;
}

/* --- the transaction manager --- */

static size_t
step_of(const struct vd_deploy *d, struct vd_slice tag)
{
    for (size_t i = 0; i < d->plan.step_count; i++) {
        const char *name = d->plan.steps[i].name;
        if (strlen(name) == tag.len && memcmp(name, tag.ptr, tag.len) == 0) {
            return i;
        }
    }
    return d->plan.step_count;
}

static void
on_stuck(struct vd_deploy *d, const char *text)
{
    if (strstr(text, "L1 refuses") || strstr(text, "journal")) {
        vd_deploy_fail(d, "%s; run the same command again to go on", text);
    } else {
        vd_deploy_say(d, "waiting: %s", text);
    }
}

static void
on_included(struct vd_deploy *d, size_t index, const struct vd_txm_event *event)
{
    d->record.tx[index] = event->hash;
    d->record.has_tx[index] = true;
    if (d->record.status[index] == VD_STEP_DONE) {
        (void)vd_deploy_write_record(d);
        return;
    }
    if (!event->success && !d->plan.steps[index].creates) {
        vd_deploy_fail(d, "the transaction of the step %s failed on L1", d->plan.steps[index].name);
        return;
    }
    /* A creation that failed: another one came first with the same code, or looking tells. */
    d->included[index] = true;
    d->record.status[index] = VD_STEP_UNKNOWN;
    advance(d);
}

static void
on_txm_event(void *ctx, const struct vd_txm_event *event)
{
    struct vd_deploy *d = ctx;
    if (d->stage == VD_DEPLOY_ENDED) {
        return;
    }
    size_t index = step_of(d, event->tag);
    switch (event->kind) {
    case VD_TXM_SENT:
    case VD_TXM_REPLACED:
        if (index < d->plan.step_count) {
            d->record.tx[index] = event->hash;
            d->record.has_tx[index] = true;
            (void)vd_deploy_write_record(d);
        }
        return;
    case VD_TXM_INCLUDED:
        if (index < d->plan.step_count) {
            on_included(d, index, event);
        } else {
            d->funding = false;
            advance(d);
        }
        return;
    case VD_TXM_CONFIRMED:
        advance(d);
        return;
    case VD_TXM_REORGED_OUT:
    case VD_TXM_LOST:
        if (index < d->plan.step_count) {
            d->record.status[index] = event->kind == VD_TXM_LOST ? VD_STEP_UNKNOWN : VD_STEP_SENT;
        }
        advance(d);
        return;
    case VD_TXM_STUCK:
        on_stuck(d, event->text);
        return;
    }
}

static void
find_journaled(void *ctx, const struct vd_txm_status *status)
{
    struct vd_deploy *d = ctx;
    size_t index = step_of(d, status->tag);
    if (index < d->plan.step_count) {
        d->included[index] = status->included;
        d->record.status[index] = status->included ? VD_STEP_UNKNOWN : VD_STEP_SENT;
    } else {
        d->funding = !status->included;
    }
}

static bool
open_txm(struct vd_deploy *d)
{
    char path[4096];
    char why[512];
    snprintf(path, sizeof path, "%s/deploy.journal", d->config.out);
    struct vd_u256 gwei = vd_u256(1000000000);
    struct vd_u256 cap = vd_u256(d->config.max_fee_gwei);
    struct vd_txm_config config = {.chain_id = d->config.founding->l1_chain_id,
                                   .max_fee_cap = vd_u256_mul(&gwei, &cap),
                                   .confirmations = d->config.confirmations,
                                   .depth_0 = d->config.confirmations == 0,
                                   .max_queued = 128};
    d->txm_listener = (struct vd_txm_listener){.ctx = d, .event = on_txm_event};
    if (vd_txm_open(&d->txm, why, sizeof why, d->config.loop, d->config.pool, d->config.l1,
                    d->config.signer, path, &config, &d->txm_listener) != VD_OK) {
        vd_deploy_fail(d, "%s", why);
        return false;
    }
    vd_txm_each(vd_txm_driver_manager(d->txm), find_journaled, d);
    return true;
}

/* --- the deterministic deployer --- */

static void look_for_deployer(struct vd_deploy *d);

static void
on_deployer_sent(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    struct vd_deploy *d = ctx;
    (void)bytes;
    d->asking_deployer = false;
    if (d->stage == VD_DEPLOY_ENDED) {
        return;
    }
    if (status->err == VD_ERR_REFUSED && !strstr(status->text, "already")) {
        vd_deploy_fail(d,
                       "L1 has no deterministic deployer at "
                       "0x4e59b44847b379578588920cA78FbF26c0B4956C and refuses the transaction "
                       "that creates it: %s; have it created by the operators of that L1",
                       status->text);
        return;
    }
    d->created_deployer = true; /* the timer looks for its code */
}

static void
on_sender_balance(void *ctx, const struct vd_l1_status *status, const struct vd_u256 *balance)
{
    struct vd_deploy *d = ctx;
    if (!vd_deploy_answered(d, status, "the deterministic deployer's creator")) {
        return;
    }
    struct vd_u256 needed = vd_u256(VD_DEPLOYER_FUNDS);
    if (!vd_u256_lt(balance, &needed)) {
        vd_l1_send_raw(d->config.l1, vd_deployer_transaction(), on_deployer_sent, d);
        return;
    }
    struct vd_txm_payload payload = {.to = vd_deployer_sender,
                                     .value = vd_u256_sub(&needed, balance),
                                     .gas_limit = FUND_GAS,
                                     .tag = vd_slice((const uint8_t *)FUND_TAG, strlen(FUND_TAG))};
    d->asking_deployer = false;
    d->funding = send_payload(d, FUND_TAG, &payload);
}

static void
on_deployer_code(void *ctx, const struct vd_l1_status *status, struct vd_slice code)
{
    struct vd_deploy *d = ctx;
    if (!vd_deploy_answered(d, status, "the deterministic deployer")) {
        return;
    }
    if (code.len == 0) {
        if (!d->funding && !d->created_deployer) {
            vd_l1_balance(d->config.l1, &vd_deployer_sender, vd_l1_latest(), on_sender_balance, d);
        } else {
            d->asking_deployer = false;
        }
        return;
    }
    if (code.len != sizeof vd_deployer_code || memcmp(code.ptr, vd_deployer_code, code.len) != 0) {
        vd_deploy_fail(d, "L1 has other code than the deterministic deployer's at "
                          "0x4e59b44847b379578588920cA78FbF26c0B4956C");
        return;
    }
    d->stage = VD_DEPLOY_CONTRACTS;
    advance(d);
}

/* One question at a time: several events may lead here. */
static void
look_for_deployer(struct vd_deploy *d)
{
    if (d->asking_deployer) {
        return;
    }
    d->asking_deployer = true;
    vd_l1_code(d->config.l1, &VD_PREINSTALL_DETERMINISTIC_DEPLOYER, vd_l1_latest(),
               on_deployer_code, d);
}

/* --- the order of things --- */

static void
on_tick(uv_timer_t *timer)
{
    struct vd_deploy *d = timer->data;
    bool any = false;
    if (d->stage == VD_DEPLOY_DEPLOYER && d->created_deployer) {
        look_for_deployer(d);
    }
    for (size_t i = 0; i < VD_PLAN_MAX_STEPS; i++) {
        if (d->again[i]) {
            d->again[i] = false;
            d->record.status[i] = VD_STEP_UNKNOWN;
            any = true;
        }
    }
    if (any) {
        advance(d);
    }
}

static void
advance(struct vd_deploy *d)
{
    if (d->stage == VD_DEPLOY_DEPLOYER && !d->funding && !d->created_deployer) {
        look_for_deployer(d);
    }
    if (d->stage == VD_DEPLOY_CONTRACTS && survey(d) && work(d, VD_PHASE_CONTRACTS) &&
        d->stage == VD_DEPLOY_CONTRACTS) {
        d->stage = VD_DEPLOY_SETTINGS;
    }
    if (d->stage == VD_DEPLOY_SETTINGS && work(d, VD_PHASE_SETTINGS) &&
        d->stage == VD_DEPLOY_SETTINGS) {
        d->stage = VD_DEPLOY_ANCHOR;
    }
    bool deep = d->txm && vd_txm_count(vd_txm_driver_manager(d->txm)) == 0;
    if (d->stage == VD_DEPLOY_ANCHOR && deep && !d->asking_anchor) {
        d->asking_anchor = true;
        vd_deploy_anchor(d);
    }
    if (d->stage == VD_DEPLOY_FINISH && work(d, VD_PHASE_FINISH) && d->stage == VD_DEPLOY_FINISH &&
        deep) {
        d->stage = VD_DEPLOY_VERIFY;
        vd_deploy_verify(d);
    }
}

void
vd_deploy_anchored(struct vd_deploy *d)
{
    d->stage = VD_DEPLOY_FINISH;
    advance(d);
}

/* --- the beginning --- */

static void
on_reachable(void *ctx, bool reachable, const char *why)
{
    struct vd_deploy *d = ctx;
    if (d->stage != VD_DEPLOY_ENDED) {
        vd_deploy_say(d, reachable ? "L1 answers%s" : "waiting for L1: %s", reachable ? "" : why);
    }
}

static void
on_multicall(void *ctx, const struct vd_l1_status *status, struct vd_slice code)
{
    struct vd_deploy *d = ctx;
    char error[512];
    if (!vd_deploy_answered(d, status, "Multicall3 on L1")) {
        return;
    }
    if (!vd_l1_plan_make(&d->plan, d->config.arena, d->config.founding,
                         vd_signer_address(d->config.signer), code.len > 0, error, sizeof error) ||
        !vd_deploy_file_read(&d->record, &d->plan, d->path, error, sizeof error)) {
        vd_deploy_fail(d, "%s", error);
        return;
    }
    d->config.founding->l1 = d->plan.at;
    if (!open_txm(d) || !vd_deploy_write_record(d)) {
        return;
    }
    d->stage = VD_DEPLOY_DEPLOYER;
    advance(d);
}

static void
on_chain_id(void *ctx, const struct vd_l1_status *status, uint64_t chain_id)
{
    struct vd_deploy *d = ctx;
    uint64_t expected = d->config.founding->l1_chain_id;
    if (d->stage == VD_DEPLOY_ENDED) {
        return;
    }
    if (status->err != VD_OK) {
        vd_deploy_fail(d, "the L1 at %s does not answer: %s %s", d->config.l1_url,
                       vd_err_text(status->err), status->text);
        return;
    }
    if (chain_id != expected) {
        vd_deploy_fail(d, "the L1 at %s has chain id %llu, the configuration says %llu (l1ChainID)",
                       d->config.l1_url, (unsigned long long)chain_id,
                       (unsigned long long)expected);
        return;
    }
    vd_l1_start(d->config.l1);
    vd_deploy_probe(d);
}

void
vd_deploy_probed(struct vd_deploy *d)
{
    vd_l1_code(d->config.l1, &VD_PREINSTALL_MULTICALL3, vd_l1_latest(), on_multicall, d);
}

enum vd_err
vd_deploy_new(struct vd_deploy **out, const struct vd_deploy_config *config)
{
    struct vd_deploy *d = calloc(1, sizeof *d);
    if (!d) {
        return VD_ERR_NO_MEMORY;
    }
    d->config = *config;
    snprintf(d->path, sizeof d->path, "%s/%s", config->out, VD_DEPLOY_PLAN_FILE);
    for (size_t i = 0; i < VD_PLAN_MAX_STEPS; i++) {
        d->steps[i] = (struct vd_deploy_ask){d, i};
    }
    d->l1_listener = (struct vd_l1_listener){.ctx = d, .reachable = on_reachable};
    d->listening = vd_l1_listen(config->l1, &d->l1_listener) == VD_OK;
    uv_timer_init(config->loop, &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_tick, TICK_MS, TICK_MS);
    vd_l1_chain_id(config->l1, on_chain_id, d);
    *out = d;
    return VD_OK;
}

/* --- closing --- */

static void
close_txm(void *ctx)
{
    struct vd_deploy *d = ctx;
    if (d->txm) {
        struct vd_txm_driver *txm = d->txm;
        d->txm = NULL;
        vd_txm_close(txm, close_txm, d);
    } else {
        d->closed(d->closed_ctx);
    }
}

static void
on_timer_closed(uv_handle_t *handle)
{
    close_txm(handle->data);
}

void
vd_deploy_close(struct vd_deploy *d, void (*closed)(void *ctx), void *ctx)
{
    d->stage = VD_DEPLOY_ENDED;
    d->closed = closed;
    d->closed_ctx = ctx;
    if (d->listening) {
        vd_l1_unlisten(d->config.l1, &d->l1_listener);
    }
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

void
vd_deploy_free(struct vd_deploy *d)
{
    free(d);
}
