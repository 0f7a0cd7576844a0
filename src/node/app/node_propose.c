/* The effects of proposer and resolver over L1, engine and transaction manager: both belong to one
   account and share its manager. */
#include "node_internal.h"

/* --- reads of L1 --- */

static void
on_proposer_called(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    struct vd_node *n = ctx;
    if (!n->closing) {
        vd_proposer_called(n->proposer, status->err, status->text, bytes);
    }
}

static void
proposer_call(void *ctx, const struct vd_address *to, struct vd_slice data,
              const struct vd_hash *l1_block)
{
    struct vd_node *n = ctx;
    vd_l1_call(n->l1, to, data, vd_l1_hash(l1_block), on_proposer_called, n);
}

static void
on_proposer_estimated(void *ctx, const struct vd_l1_status *status, uint64_t gas)
{
    struct vd_node *n = ctx;
    if (!n->closing) {
        vd_proposer_estimated(n->proposer, status->err, status->text, gas);
    }
}

static void
proposer_estimate(void *ctx, const struct vd_address *to, struct vd_slice data,
                  const struct vd_u256 *value)
{
    struct vd_node *n = ctx;
    vd_l1_estimate_gas(n->l1, vd_signer_address(n->config.proposer_signer), to, data, value,
                       on_proposer_estimated, n);
}

static void
on_resolver_called(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    struct vd_node *n = ctx;
    if (!n->closing) {
        vd_resolver_called(n->resolver, status->err, bytes);
    }
}

static void
resolver_call(void *ctx, const struct vd_address *to, struct vd_slice data,
              const struct vd_hash *l1_block)
{
    struct vd_node *n = ctx;
    vd_l1_call(n->l1, to, data, vd_l1_hash(l1_block), on_resolver_called, n);
}

static void
on_resolver_estimated(void *ctx, const struct vd_l1_status *status, uint64_t gas)
{
    struct vd_node *n = ctx;
    if (!n->closing) {
        vd_resolver_estimated(n->resolver, status->err, gas);
    }
}

static void
resolver_estimate(void *ctx, const struct vd_address *to, struct vd_slice data)
{
    struct vd_node *n = ctx;
    vd_l1_estimate_gas(n->l1, vd_signer_address(n->config.proposer_signer), to, data, NULL,
                       on_resolver_estimated, n);
}

/* --- the engine --- */

/* From Isthmus on the header holds the message passer's storage root, so no state is read. */
enum vd_err
vd_node_output(struct vd_node *n, struct vd_block_id *id, struct vd_hash *root, uint64_t number)
{
    struct vd_view *view = NULL;
    struct vd_header header;
    id->number = number;
    enum vd_err err = vd_view_open(&view, n->engine);
    if (err == VD_OK) {
        err = vd_view_header(view, &header, &id->hash, number);
    }
    if (err == VD_OK) {
        const struct vd_rules *rules = vd_chain_rules(&n->rollup.l2, header.timestamp);
        err = rules && rules->withdrawals_root_is_storage ? VD_OK : VD_ERR_UNSUPPORTED;
    }
    if (err == VD_OK) {
        *root = vd_output_root(&header.state_root, &header.withdrawals_root, &id->hash);
    }
    vd_view_close(view);
    return err;
}

static void
output(void *ctx, uint64_t number)
{
    struct vd_node *n = ctx;
    struct vd_block_id id = {.number = number};
    struct vd_hash root = {{0}};
    enum vd_err err = vd_node_output(n, &id, &root, number);
    vd_proposer_output(n->proposer, err, &id, &root);
}

/* --- the transaction manager --- */

static enum vd_err
send_payload(void *ctx, const struct vd_txm_payload *payload)
{
    struct vd_node *n = ctx;
    uint64_t id = 0;
    return vd_txm_send(vd_txm_driver_manager(n->proposer_txm), &id, payload);
}

static void
count_unconfirmed(void *ctx, const struct vd_txm_status *status)
{
    size_t *count = ctx;
    *count += vd_proposer_owns(status->tag) && !status->confirmed;
}

static size_t
unconfirmed(void *ctx)
{
    struct vd_node *n = ctx;
    size_t count = 0;
    vd_txm_each(vd_txm_driver_manager(n->proposer_txm), count_unconfirmed, &count);
    return count;
}

static void
note(void *ctx, const char *text)
{
    struct vd_node *n = ctx;
    vd_log(n->config.logger, VD_LOG_INFO, "proposer", "%s", text);
}

static void
on_event(void *ctx, const struct vd_txm_event *event)
{
    struct vd_node *n = ctx;
    vd_node_txm_log(n, "proposer", event);
    if (n->proposer && !n->closing) {
        vd_proposer_tx_event(n->proposer, event);
        vd_resolver_tx_event(n->resolver, event);
    }
    if (n->config.challenger_signer &&
        vd_address_eq(vd_signer_address(n->config.challenger_signer),
                      vd_signer_address(n->config.proposer_signer))) {
        vd_node_challenger_tx_event(n, event);
    }
}

static void
restore(void *ctx, const struct vd_txm_status *status)
{
    struct vd_node *n = ctx;
    vd_proposer_restore(n->proposer, status);
    vd_resolver_restore(n->resolver, status);
}

static enum vd_err
new_roles(struct vd_node *n)
{
    const struct vd_address *from = vd_signer_address(n->config.proposer_signer);
    struct vd_proposer_config proposer = {.portal = n->rollup.deposit_contract,
                                          .from = *from,
                                          .interval_s = n->config.proposal_interval_s,
                                          .allow_unfinalized = n->config.proposer_unfinalized};
    struct vd_proposer_effects proposer_effects = {.ctx = n,
                                                   .call = proposer_call,
                                                   .output = output,
                                                   .estimate = proposer_estimate,
                                                   .send = send_payload,
                                                   .unconfirmed = unconfirmed,
                                                   .note = note};
    struct vd_resolver_config resolver = {.portal = n->rollup.deposit_contract, .from = *from};
    struct vd_resolver_effects resolver_effects = {.ctx = n,
                                                   .call = resolver_call,
                                                   .estimate = resolver_estimate,
                                                   .send = send_payload,
                                                   .note = note};
    enum vd_err err = vd_proposer_new(&n->proposer, &proposer, &proposer_effects);
    if (err == VD_OK) {
        err = vd_resolver_new(&n->resolver, &resolver, &resolver_effects);
    }
    return err;
}

enum vd_err
vd_node_proposer_new(struct vd_node *n, char *why, size_t why_size)
{
    if (!n->config.proposer_signer) {
        return VD_OK;
    }
    struct vd_node_account account = {.role = "proposer",
                                      .signer = n->config.proposer_signer,
                                      .confirmations = n->config.proposer_confs,
                                      .max_fee_gwei = n->config.proposer_max_fee_gwei};
    n->proposer_listener = (struct vd_txm_listener){.ctx = n, .event = on_event};
    enum vd_err err = new_roles(n);
    if (err == VD_OK) {
        err = vd_node_txm_open(n, &n->proposer_txm, why, why_size, &account, &n->proposer_listener);
    }
    if (err == VD_OK) {
        vd_txm_each(vd_txm_driver_manager(n->proposer_txm), restore, n);
    }
    return err;
}

void
vd_node_proposer_free(struct vd_node *n)
{
    vd_proposer_free(n->proposer);
    vd_resolver_free(n->resolver);
}

/* --- events --- */

void
vd_node_proposer_heads(struct vd_node *n)
{
    if (!n->proposer || n->closing || !vd_follower_is_started(n->follower) ||
        !vd_l1_heads(n->l1)->known) {
        return;
    }
    const struct vd_heads *l2 = vd_engine_heads(n->engine);
    struct vd_proposer_heads heads = {.l1 = vd_l1_heads(n->l1)->latest,
                                      .derived_l1 = vd_follower_drained(n->follower)->number};
    if (vd_node_ref(n, &heads.safe, l2->safe.number) != VD_OK ||
        vd_node_ref(n, &heads.finalized, l2->finalized.number) != VD_OK) {
        return;
    }
    vd_proposer_heads(n->proposer, vd_node_now(n), &heads);
    vd_resolver_head(n->resolver, vd_node_now(n), &heads.l1);
}

void
vd_node_proposer_reorg(struct vd_node *n)
{
    if (n->proposer) {
        vd_proposer_reorg(n->proposer);
        vd_resolver_reorg(n->resolver);
    }
}

void
vd_node_proposer_tick(struct vd_node *n)
{
    if (n->proposer) {
        vd_proposer_tick(n->proposer, vd_node_now(n));
        vd_resolver_tick(n->resolver, vd_node_now(n));
    }
}
