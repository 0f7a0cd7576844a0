/* The effects of the challenger over engine, transaction manager and the runs of disputes, its
   start and what it is told. */
#include "node_challenge.h"

#include <stdio.h>
#include <stdlib.h>

#include "addresses.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/chain/header.h"

#define RETRY_MS 1000u
#define HEADER_BYTES 4096u
/* How long the claim of a move has to be old on an L1 where it could be replaced. */
#define SETTLE_S 60u
/* L1 chains for development: the embedded one and anvil's. */
#define L1_EMBEDDED 900u
#define L1_ANVIL 31337u

/* --- questions to the node --- */

static void
on_derived(void *ctx, const struct vd_disputes_answer *answer)
{
    struct vd_challenge *c = ctx;
    if (answer->err == VD_OK) {
        vd_log(c->node->config.logger, VD_LOG_INFO, "challenger",
               "L1 block %llu had no entry in the index of safe heads: derived again, up to "
               "block %llu",
               (unsigned long long)c->l1_head.number, (unsigned long long)answer->safe);
    }
    vd_challenger_safe(c->role, answer->err, answer->text, answer->safe);
}

/* The highest own block that has to be safe by an L1 block, whatever the batcher did: a sequencing
   window after its origin it is decided (OP Stack specs, derivation, batch queue). */
static enum vd_err
decided_by(struct vd_challenge *c, struct vd_view *view, uint64_t *number, uint64_t l1_number)
{
    const struct vd_rollup_config *rollup = &c->node->rollup;
    uint64_t low = rollup->genesis_l2.number; /* decided */
    uint64_t end = vd_view_heads(view)->safe.number + 1;
    enum vd_err err = VD_OK;
    while (err == VD_OK && end - low > 1) {
        struct vd_l2_ref ref;
        uint64_t middle = low + (end - low) / 2;
        err = vd_view_l2_ref(view, &ref, middle);
        if (err == VD_OK && ref.l1_origin.number + rollup->seq_window_size < l1_number) {
            low = middle;
        } else {
            end = middle;
        }
    }
    *number = low;
    return err;
}

static void
derive_safe(struct vd_challenge *c)
{
    struct vd_view *view = NULL;
    uint64_t floor = 0;
    enum vd_err err = vd_view_open(&view, c->node->engine);
    if (err == VD_OK) {
        err = decided_by(c, view, &floor, c->l1_head.number);
    }
    vd_view_close(view);
    if (err == VD_OK) {
        vd_disputes_derive(c->disputes, &c->l1_head, floor, on_derived, c);
    } else {
        vd_challenger_safe(c->role, err, vd_err_text(err), 0);
    }
}

static void
look_up_safe(struct vd_challenge *c)
{
    struct vd_view *view = NULL;
    struct vd_block_id l1;
    struct vd_block_id l2;
    uint64_t first = 1;
    uint64_t last = 0;
    enum vd_err err = vd_view_open(&view, c->node->engine);
    if (err == VD_OK) {
        err = vd_view_safe_head_at(view, &l1, &l2, &first, &last, c->l1_head.number);
    }
    vd_view_close(view);
    if (err == VD_OK && vd_hash_eq(&l1.hash, &c->l1_head.hash)) {
        vd_challenger_safe(c->role, VD_OK, "", l2.number);
    } else if (err == VD_OK) {
        vd_challenger_safe(c->role, VD_ERR_BUSY, "derivation read another L1 block than its", 0);
    } else if (err != VD_ERR_NOT_FOUND) {
        vd_challenger_safe(c->role, err, vd_err_text(err), 0);
    } else if (first > last || c->l1_head.number > last) {
        vd_challenger_safe(c->role, VD_ERR_BUSY, "its L1 block is not derived yet", 0);
    } else {
        derive_safe(c);
    }
}

static void
on_l1_head(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
           const struct vd_header *header)
{
    struct vd_challenge *c = ctx;
    if (c->node->closing) {
        return;
    }
    if (status->err != VD_OK) {
        vd_challenger_safe(c->role, VD_ERR_BUSY, "L1 does not show its L1 block", 0);
        return;
    }
    c->l1_head = (struct vd_block_id){.hash = *hash, .number = header->number};
    look_up_safe(c);
}

static void
safe(void *ctx, const struct vd_hash *l1_head)
{
    struct vd_challenge *c = ctx;
    vd_l1_header(c->node->l1, vd_l1_hash(l1_head), on_l1_head, c);
}

static void
output(void *ctx, uint64_t number)
{
    struct vd_challenge *c = ctx;
    struct vd_block_id id;
    struct vd_hash root = {{0}};
    enum vd_err err = vd_node_output(c->node, &id, &root, number);
    vd_challenger_output(c->role, err, err == VD_OK ? "" : "a block of its own chain is missing",
                         &root);
}

static void
header(void *ctx, uint64_t number)
{
    struct vd_challenge *c = ctx;
    struct vd_view *view = NULL;
    struct vd_header own;
    struct vd_dispute_output out = {.version = {{0}}};
    struct vd_arena arena;
    struct vd_buf buf;
    uint8_t memory[HEADER_BYTES];
    enum vd_err err = vd_view_open(&view, c->node->engine);
    if (err == VD_OK) {
        err = vd_view_header(view, &own, &out.block_hash, number);
    }
    if (err == VD_OK) {
        vd_arena_init(&arena, memory, sizeof memory);
        vd_buf_init(&buf, &arena);
        vd_header_encode(&buf, &own);
        err = buf.err;
        out.state_root = own.state_root;
        out.storage_root = own.withdrawals_root;
        out.header = vd_buf_view(&buf);
    }
    vd_challenger_header(c->role, err, vd_err_text(err), &out);
    vd_view_close(view);
}

static void
alarm_of(struct vd_challenge *c, const struct vd_disputes_answer *answer)
{
    if (answer->alarm) {
        vd_log(c->node->config.logger, VD_LOG_ERROR, "challenger", "ALERT %s", answer->alarm);
    }
}

static void
on_state(void *ctx, const struct vd_disputes_answer *answer)
{
    struct vd_challenge *c = ctx;
    alarm_of(c, answer);
    vd_challenger_state(c->role, answer->err, answer->text, &answer->state);
}

static void
state(void *ctx, const struct vd_dispute_run *run, uint64_t steps)
{
    struct vd_challenge *c = ctx;
    vd_disputes_state(c->disputes, run, steps, on_state, c);
}

static void
on_step(void *ctx, const struct vd_disputes_answer *answer)
{
    struct vd_challenge *c = ctx;
    alarm_of(c, answer);
    vd_challenger_step(c->role, answer->err, answer->text, answer->step);
}

static void
step(void *ctx, const struct vd_dispute_run *run, uint64_t steps)
{
    struct vd_challenge *c = ctx;
    vd_disputes_step(c->disputes, run, steps, on_step, c);
}

/* --- the transaction manager --- */

static enum vd_err
send_payload(void *ctx, const struct vd_txm_payload *payload)
{
    struct vd_challenge *c = ctx;
    uint64_t id = 0;
    return vd_txm_send(c->manager, &id, payload);
}

static void
note(void *ctx, bool alert, const char *text)
{
    struct vd_challenge *c = ctx;
    vd_log(c->node->config.logger, alert ? VD_LOG_WARN : VD_LOG_INFO, "challenger", "%s%s",
           alert ? "ALERT " : "", text);
}

void
vd_node_challenger_tx_event(struct vd_node *n, const struct vd_txm_event *event)
{
    struct vd_challenge *c = n->challenge;
    if (c && c->role && !n->closing) {
        vd_challenger_tx_event(c->role, event);
    }
}

static void
on_event(void *ctx, const struct vd_txm_event *event)
{
    struct vd_node *n = ctx;
    vd_node_txm_log(n, "challenger", event);
    vd_node_challenger_tx_event(n, event);
}

static void
restore(void *ctx, const struct vd_txm_status *status)
{
    struct vd_challenge *c = ctx;
    vd_challenger_restore(c->role, status);
}

/* Two managers of one account would fight over its nonces. */
static bool
shares_account(const struct vd_node *n)
{
    return n->proposer_txm && vd_address_eq(vd_signer_address(n->config.proposer_signer),
                                            vd_signer_address(n->config.challenger_signer));
}

static enum vd_err
open_manager(struct vd_challenge *c, char *why, size_t why_size)
{
    struct vd_node *n = c->node;
    if (shares_account(n)) {
        c->manager = vd_txm_driver_manager(n->proposer_txm);
    } else {
        struct vd_node_account account = {.role = "challenger",
                                          .signer = n->config.challenger_signer,
                                          .confirmations = n->config.challenger_confs,
                                          .max_fee_gwei = n->config.challenger_max_fee_gwei,
                                          /* A flood of claims is to be answered in time. */
                                          .max_in_flight = VD_TXM_MAX_IN_FLIGHT};
        c->listener = (struct vd_txm_listener){.ctx = n, .event = on_event};
        enum vd_err err = vd_node_txm_open(n, &c->own_txm, why, why_size, &account, &c->listener);
        if (err != VD_OK) {
            return err;
        }
        c->manager = vd_txm_driver_manager(c->own_txm);
    }
    vd_txm_each(c->manager, restore, c);
    return VD_OK;
}

/* --- start --- */

static enum vd_err
open_role(struct vd_challenge *c, char *why, size_t why_size)
{
    struct vd_node *n = c->node;
    uint64_t l1 = n->rollup.l1_chain_id;
    struct vd_disputes_config disputes = {.loop = n->config.loop,
                                          .l1 = n->l1,
                                          .store = vd_engine_store(n->engine),
                                          .rollup = &n->rollup};
    enum vd_err err = vd_disputes_new(&c->disputes, &c->prestate, why, why_size, &disputes);
    if (err != VD_OK) {
        return err;
    }
    struct vd_challenger_config config = {.watch = c->watch,
                                          .from = c->from,
                                          .prestate = c->prestate,
                                          .chain_id = n->rollup.l2.chain_id,
                                          .settle_s =
                                              l1 == L1_EMBEDDED || l1 == L1_ANVIL ? 0 : SETTLE_S};
    struct vd_challenger_effects effects = {.ctx = c,
                                            .list = vd_challenge_list,
                                            .read = vd_challenge_read,
                                            .estimate = vd_challenge_estimate,
                                            .call = vd_challenge_call,
                                            .logs = vd_challenge_logs,
                                            .safe = safe,
                                            .output = output,
                                            .state = state,
                                            .step = step,
                                            .header = header,
                                            .send = send_payload,
                                            .note = note};
    return vd_challenger_new(&c->role, &config, &effects);
}

static void
say_start(const struct vd_challenge *c)
{
    char account[43];
    char prestate[65] = {0};
    vd_address_text(account, &c->from);
    vd_hex_encode(prestate, c->prestate.b, sizeof c->prestate.b);
    vd_log(c->node->config.logger, VD_LOG_INFO, "challenger",
           "%s%s: games of type %u with prestate 0x%s", c->watch ? "watches only" : "plays as ",
           c->watch ? "" : account, (unsigned)VD_GAME_TYPE_FAULT, prestate);
}

enum vd_err
vd_node_challenger_new(struct vd_node *n, char *why, size_t why_size)
{
    if (!n->config.challenger) {
        return VD_OK;
    }
    struct vd_challenge *c = calloc(1, sizeof *c);
    if (!c) {
        return VD_ERR_NO_MEMORY;
    }
    n->challenge = c;
    c->node = n;
    c->watch = n->config.challenger_signer == NULL;
    if (!c->watch) {
        c->from = *vd_signer_address(n->config.challenger_signer);
    }
    enum vd_err err = open_role(c, why, why_size);
    if (err == VD_OK && !c->watch) {
        err = open_manager(c, why, why_size);
    }
    if (err == VD_OK) {
        say_start(c);
    }
    return err;
}

static void
on_disputes_closed(void *ctx)
{
    struct vd_challenge *c = ctx;
    c->disputes = NULL;
    if (c->own_txm) {
        vd_txm_close(c->own_txm, c->closed, c->closed_ctx);
    } else {
        c->closed(c->closed_ctx);
    }
}

void
vd_node_challenger_close(struct vd_node *n, void (*closed)(void *ctx), void *ctx)
{
    struct vd_challenge *c = n->challenge;
    if (!c) {
        closed(ctx);
        return;
    }
    c->closed = closed;
    c->closed_ctx = ctx;
    if (c->disputes) {
        vd_disputes_close(c->disputes, on_disputes_closed, c);
    } else {
        on_disputes_closed(c);
    }
}

void
vd_node_challenger_free(struct vd_node *n)
{
    struct vd_challenge *c = n->challenge;
    if (c) {
        vd_challenger_free(c->role);
        vd_challenge_forget(c);
        free(c->games);
        free(c);
        n->challenge = NULL;
    }
}

/* --- events --- */

static void
give_heads(struct vd_challenge *c)
{
    struct vd_node *n = c->node;
    c->has_heads = true;
    c->is_stale = false;
    c->heads.derived_l1 = vd_follower_drained(n->follower)->number;
    vd_challenger_heads(c->role, vd_node_now(n), &c->heads);
}

static void
on_balance(void *ctx, const struct vd_l1_status *status, const struct vd_u256 *balance)
{
    struct vd_challenge *c = ctx;
    struct vd_node *n = c->node;
    c->asking_balance = false;
    if (n->closing) {
        return;
    }
    if (status->err != VD_OK) {
        c->retry_ms = vd_node_now(n) + RETRY_MS;
        return;
    }
    struct vd_l1_ref now;
    /* Unless L1 has been reorganised meanwhile. */
    if (vd_l1_canonical(n->l1, &now, c->asked_l1.number) &&
        vd_hash_eq(&now.hash, &c->asked_l1.hash)) {
        c->heads.l1 = c->asked_l1;
        c->heads.balance = *balance;
        c->heads.gas_price = vd_l1_heads(n->l1)->latest_base_fee;
        give_heads(c);
    }
    vd_node_challenger_heads(n);
}

void
vd_node_challenger_heads(struct vd_node *n)
{
    struct vd_challenge *c = n->challenge;
    if (!c || !c->role || n->closing || !vd_follower_is_started(n->follower) ||
        !vd_l1_heads(n->l1)->known) {
        return;
    }
    const struct vd_l1_ref *latest = &vd_l1_heads(n->l1)->latest;
    bool is_new = !c->has_heads || !vd_hash_eq(&latest->hash, &c->heads.l1.hash);
    if (!is_new && c->is_stale) {
        return; /* the head that comes after the reorg */
    }
    if (c->watch || !is_new) {
        c->heads.l1 = *latest;
        give_heads(c);
    } else if (!c->asking_balance && vd_node_now(n) >= c->retry_ms) {
        c->asking_balance = true;
        c->asked_l1 = *latest;
        vd_l1_balance(n->l1, &c->from, vd_l1_hash(&latest->hash), on_balance, c);
    }
}

void
vd_node_challenger_reorg(struct vd_node *n)
{
    struct vd_challenge *c = n->challenge;
    if (!c || !c->role) {
        return;
    }
    vd_challenger_reorg(c->role);
    c->is_stale = true;
    if (c->reading) {
        c->forget = true;
    } else {
        vd_challenge_forget(c);
    }
}

void
vd_node_challenger_tick(struct vd_node *n)
{
    struct vd_challenge *c = n->challenge;
    if (!c || !c->has_heads) {
        vd_node_challenger_heads(n);
        return;
    }
    if (!vd_hash_eq(&vd_l1_heads(n->l1)->latest.hash, &c->heads.l1.hash)) {
        vd_node_challenger_heads(n); /* asked for again after a failure */
    }
    vd_challenger_tick(c->role, vd_node_now(n));
}

void
vd_node_challenger_metrics(const struct vd_node *n, struct vd_json *out)
{
    struct vd_challenger_stats stats;
    if (!n->challenge || !n->challenge->role) {
        return;
    }
    vd_challenger_stats(n->challenge->role, &stats);
    vd_rpc_metric(out, "viaduct_challenger_open_games", "gauge",
                  "Games not resolved, or with own bonds not back.", stats.open);
    vd_rpc_metric(out, "viaduct_challenger_disputed_games", "gauge",
                  "Games in progress whose root claim is false by the own chain.", stats.disputed);
    vd_rpc_metric(out, "viaduct_challenger_games_against", "gauge",
                  "Games decided against the own chain, or about to be.", stats.against);
    vd_rpc_metric(out, "viaduct_challenger_moves", "counter",
                  "Claims and steps handed to the transaction manager.", stats.moves);
    vd_rpc_metric(out, "viaduct_challenger_waiting_moves", "gauge",
                  "Moves that are due and cannot be made now.", stats.waiting);
}
