/* The batcher's effects over engine, worker pool and transaction manager. */
#include "node_internal.h"

static void
get_block(void *ctx, uint64_t number)
{
    struct vd_node *n = ctx;
    struct vd_view *view = NULL;
    struct vd_batcher_block block;
    enum vd_err err = vd_view_open(&view, n->engine);
    if (err == VD_OK) {
        err = vd_view_l2_ref(view, &block.ref, number);
    }
    if (err == VD_OK) {
        err = vd_view_raw_txs(view, &block.transactions, &block.transaction_count, number);
    }
    vd_batcher_block(n->batcher, err == VD_OK ? &block : NULL);
    vd_view_close(view);
}

static void
run_encode(struct vd_job *job)
{
    struct vd_node *n =
        (struct vd_node *)(void *)((char *)job - offsetof(struct vd_node, encode_job));
    vd_channel_job_run(n->encoding);
}

static void
done_encode(struct vd_job *job)
{
    struct vd_node *n =
        (struct vd_node *)(void *)((char *)job - offsetof(struct vd_node, encode_job));
    struct vd_channel_job *encoded = n->encoding;
    n->encoding = NULL;
    if (!n->closing) { /* else the transaction manager is gone; the batcher frees the channel */
        vd_batcher_encoded(n->batcher, encoded);
    }
}

static void
encode(void *ctx, struct vd_channel_job *channel)
{
    struct vd_node *n = ctx;
    n->encoding = channel;
    n->encode_job = (struct vd_job){.run = run_encode, .done = done_encode};
    enum vd_err err = vd_pool_submit(n->config.pool, &n->encode_job);
    VD_ASSERT(err == VD_OK || n->closing);
}

static enum vd_err
send_frame(void *ctx, struct vd_slice data, struct vd_slice tag)
{
    struct vd_node *n = ctx;
    uint64_t id = 0;
    struct vd_txm_payload payload = {.to = n->rollup.batch_inbox, .data = data, .tag = tag};
    return vd_txm_send(vd_txm_driver_manager(n->txm), &id, &payload);
}

static size_t
room(void *ctx)
{
    struct vd_node *n = ctx;
    return vd_txm_room(vd_txm_driver_manager(n->txm));
}

static void
note(void *ctx, const char *text)
{
    struct vd_node *n = ctx;
    vd_log(n->config.logger, VD_LOG_INFO, "batcher", "%s", text);
}

static void
on_event(void *ctx, const struct vd_txm_event *event)
{
    struct vd_node *n = ctx;
    vd_node_txm_log(n, "batcher", event);
    if (n->batcher && !n->closing) {
        vd_batcher_tx_event(n->batcher, event);
    }
}

static void
restore(void *ctx, const struct vd_txm_status *status)
{
    struct vd_node *n = ctx;
    vd_batcher_restore(n->batcher, status);
}

enum vd_err
vd_node_batcher_new(struct vd_node *n, char *why, size_t why_size)
{
    if (!n->config.batcher_signer) {
        return VD_OK;
    }
    struct vd_node_account account = {.role = "batcher",
                                      .signer = n->config.batcher_signer,
                                      .confirmations = n->config.batcher_confs,
                                      .max_fee_gwei = n->config.batcher_max_fee_gwei};
    n->txm_listener = (struct vd_txm_listener){.ctx = n, .event = on_event};
    struct vd_batcher_config config = {
        .rollup = &n->rollup,
        .batch_type = n->config.singular_batches ? VD_BATCH_SINGULAR : VD_BATCH_SPAN,
        .compression = n->config.zlib_channels ? VD_COMPRESS_ZLIB : VD_COMPRESS_BROTLI,
        .max_channel_bytes = n->config.channel_bytes,
        .max_channel_age_ms = n->config.channel_age_ms,
        .frame_bytes = n->config.frame_bytes};
    struct vd_batcher_effects effects = {.ctx = n,
                                         .get_block = get_block,
                                         .encode = encode,
                                         .send = send_frame,
                                         .room = room,
                                         .note = note};
    enum vd_err err = vd_batcher_new(&n->batcher, &config, &effects);
    if (err == VD_OK) {
        err = vd_node_txm_open(n, &n->txm, why, why_size, &account, &n->txm_listener);
    }
    if (err == VD_OK) {
        vd_txm_each(vd_txm_driver_manager(n->txm), restore, n);
    }
    return err;
}

/* Batches of any account but the system config's batcher are paid for and passed over by derivation
   (OP Stack specs, batch submission).  They are posted all the same, since the system config may be
   about to change. */
static void
check_account(struct vd_node *n, const struct vd_l2_ref *head)
{
    struct vd_view *view = NULL;
    struct vd_system_config system;
    if (head->l1_origin.number == n->batcher_origin) {
        return;
    }
    enum vd_err err = vd_view_open(&view, n->engine);
    if (err == VD_OK) {
        err = vd_view_system(view, &system, head->number);
    }
    vd_view_close(view);
    if (err != VD_OK) {
        return;
    }
    n->batcher_origin = head->l1_origin.number;
    const struct vd_address *own = vd_signer_address(n->config.batcher_signer);
    bool stranger = !vd_address_eq(own, &system.batcher);
    if (stranger != n->batcher_stranger) {
        char own_text[41] = "";
        char named[41] = "";
        vd_hex_encode(own_text, own->b, 20);
        vd_hex_encode(named, system.batcher.b, 20);
        vd_log(n->config.logger, VD_LOG_WARN, "batcher",
               "the system config's batcher is 0x%s and this account 0x%s: its batches %s", named,
               own_text, stranger ? "do not count" : "count");
    }
    n->batcher_stranger = stranger;
}

/* Tells the batcher where the chain stands, and lets its debt slow the builder. */
void
vd_node_batcher_heads(struct vd_node *n)
{
    if (!n->batcher || n->closing || !vd_follower_is_started(n->follower) ||
        !vd_l1_heads(n->l1)->known) {
        return;
    }
    struct vd_l2_ref unsafe;
    if (vd_node_ref(n, &unsafe, vd_engine_heads(n->engine)->unsafe.number) != VD_OK) {
        return;
    }
    check_account(n, &unsafe);
    /* The follower's safe head and what it has drained are of one moment; the database's safe head
       comes later, and a channel would seem not to have taken. */
    const struct vd_l2_ref *safe = vd_follower_safe(n->follower);
    if (unsafe.number < safe->number) {
        unsafe = *safe;
    }
    vd_batcher_heads(n->batcher, vd_node_now(n), &unsafe, safe,
                     vd_follower_drained(n->follower)->number, vd_l1_heads(n->l1)->latest.number);
    bool throttle = vd_batcher_debt(n->batcher) > VD_NODE_DEBT_BYTES;
    if (throttle != n->throttled) {
        n->throttled = throttle;
        vd_engine_set_throttle(n->engine, throttle ? VD_NODE_DEBT_BLOCK_BYTES : 0, 0);
        vd_log(n->config.logger, VD_LOG_WARN, "batcher", "%s",
               throttle ? "L1 lags behind: blocks take less" : "L1 has caught up");
    }
}
