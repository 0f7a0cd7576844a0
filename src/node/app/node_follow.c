/* The follower's effects over engine and L1. */
#include "node_internal.h"
#include "viaduct/node/platform/curves.h"

/* --- past L2 blocks --- */

/* A fresh view for each question; the last one stays open, since what it handed out lives with
   it. */
static enum vd_err
renew(struct vd_node_past *past)
{
    vd_view_close(past->view);
    past->view = NULL;
    return vd_view_open(&past->view, past->engine);
}

static enum vd_err
past_ref(void *ctx, struct vd_l2_ref *out, uint64_t number)
{
    struct vd_node_past *past = ctx;
    enum vd_err err = renew(past);
    return err == VD_OK ? vd_view_l2_ref(past->view, out, number) : err;
}

static enum vd_err
past_transactions(void *ctx, const struct vd_slice **out, size_t *count, uint64_t number)
{
    struct vd_node_past *past = ctx;
    enum vd_err err = renew(past);
    if (err == VD_OK) {
        err = vd_view_raw_txs(past->view, out, count, number);
    }
    while (err == VD_OK && *count > 0 && (*out)[0].len > 0 && (*out)[0].ptr[0] == VD_TX_DEPOSIT) {
        (*out)++;
        (*count)--;
    }
    return err;
}

static enum vd_err
past_system(void *ctx, struct vd_system_config *out, uint64_t number)
{
    struct vd_node_past *past = ctx;
    enum vd_err err = renew(past);
    return err == VD_OK ? vd_view_system(past->view, out, number) : err;
}

enum vd_err
vd_node_ref(struct vd_node *n, struct vd_l2_ref *ref, uint64_t number)
{
    enum vd_err err = past_ref(&n->past_loop, ref, number);
    vd_view_close(n->past_loop.view);
    n->past_loop.view = NULL;
    return err;
}

void
vd_node_follower_heads(struct vd_node *n, struct vd_follower_heads *heads)
{
    const struct vd_heads *have = vd_engine_heads(n->engine);
    const struct vd_block_ref *refs[] = {&have->unsafe, &have->safe, &have->finalized};
    struct vd_l2_ref *out[] = {&heads->unsafe, &heads->safe, &heads->finalized};
    for (size_t i = 0; i < 3; i++) {
        enum vd_err err = vd_node_ref(n, out[i], refs[i]->number);
        if (err != VD_OK) {
            vd_log(n->config.logger, VD_LOG_ERROR, "node", "cannot read block %llu: %s",
                   (unsigned long long)refs[i]->number, vd_err_text(err));
        }
    }
}

/* --- L1 blocks on loan --- */

static const struct vd_l1_block *
lend(struct vd_node *n, struct vd_l1_fetched *fetched)
{
    size_t i = 0;
    while (i < VD_NODE_MAX_FETCHED && n->fetched[i]) {
        i++;
    }
    VD_ASSERT(i < VD_NODE_MAX_FETCHED); /* the follower holds two at the most */
    n->fetched[i] = fetched;
    return vd_l1_fetched_block(fetched);
}

static void
release_l1(void *ctx, const struct vd_l1_block *block)
{
    struct vd_node *n = ctx;
    for (size_t i = 0; i < VD_NODE_MAX_FETCHED; i++) {
        if (n->fetched[i] && vd_l1_fetched_block(n->fetched[i]) == block) {
            vd_l1_fetched_release(n->fetched[i]);
            n->fetched[i] = NULL;
            return;
        }
    }
}

static void
on_fetched(void *ctx, const struct vd_l1_status *status, struct vd_l1_fetched *fetched)
{
    struct vd_node *n = ctx;
    if (n->closing) {
        vd_l1_fetched_release(fetched);
        return;
    }
    if (status->err != VD_OK && status->err != VD_ERR_NOT_FOUND) {
        vd_log(n->config.logger, VD_LOG_WARN, "follower", "L1 block: %s %s",
               vd_err_text(status->err), status->text);
    }
    vd_follower_l1(n->follower, vd_node_now(n), fetched ? lend(n, fetched) : NULL);
}

static void
fetch_l1(void *ctx, uint64_t number)
{
    struct vd_node *n = ctx;
    vd_l1_block_fetch(n->l1, number, on_fetched, n);
}

static void
fetch_l1_hash(void *ctx, const struct vd_block_id *id)
{
    struct vd_node *n = ctx;
    vd_l1_block_fetch_hash(n->l1, &id->hash, on_fetched, n);
}

/* --- L1 hashes for sync start --- */

static void
on_header(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
          const struct vd_header *header)
{
    struct vd_node *n = ctx;
    (void)header;
    if (!n->closing) {
        vd_follower_l1_hash(n->follower, vd_node_now(n), status->err, hash);
    }
}

static void
fetch_l1_id(void *ctx, uint64_t number)
{
    struct vd_node *n = ctx;
    vd_l1_header(n->l1, vd_l1_number(number), on_header, n);
}

/* --- work --- */

static void
run_work(struct vd_job *job)
{
    struct vd_node *n =
        (struct vd_node *)(void *)((char *)job - offsetof(struct vd_node, work_job));
    vd_follower_work(n->follower);
    vd_view_close(n->past_worker.view);
    n->past_worker.view = NULL;
}

static void
done_work(struct vd_job *job)
{
    struct vd_node *n =
        (struct vd_node *)(void *)((char *)job - offsetof(struct vd_node, work_job));
    n->working = false;
    if (!n->closing) {
        vd_follower_worked(n->follower, vd_node_now(n));
        vd_node_sequencer_check(n);
        vd_node_batcher_heads(n);
    }
}

static void
start_work(void *ctx)
{
    struct vd_node *n = ctx;
    n->work_job = (struct vd_job){.run = run_work, .done = done_work};
    n->working = true;
    enum vd_err err = vd_pool_submit(n->config.pool, &n->work_job);
    /* One job of ours at a time: the queue has room for it unless the pool is closing. */
    VD_ASSERT(err == VD_OK || n->closing);
}

/* --- the engine --- */

static void
on_heads_set(void *ctx, enum vd_err err)
{
    struct vd_node *n = ctx;
    if (n->closing) {
        return;
    }
    vd_follower_heads_set(n->follower, vd_node_now(n), err);
    if (err == VD_OK) {
        vd_node_sequencer_start(n);
    }
}

/* The first L1 block on record at which more was safe than `safe`; UINT64_MAX: none.  *reaches:
   the record holds one at which so much was. */
static uint64_t
first_above(struct vd_node *n, bool *reaches, uint64_t safe)
{
    struct vd_view *view = NULL;
    struct vd_block_id l1;
    struct vd_block_id l2 = {.number = 0};
    uint64_t first = 1;
    uint64_t last = 0;
    uint64_t found = UINT64_MAX;
    *reaches = false;
    enum vd_err err = vd_view_open(&view, n->engine);
    if (err == VD_OK) {
        err = vd_view_safe_head_at(view, &l1, &l2, &first, &last, UINT64_MAX);
    }
    for (uint64_t low = first, end = last + 1; err == VD_ERR_NOT_FOUND && low < end;) {
        uint64_t middle = low + (end - low) / 2;
        uint64_t a;
        uint64_t b;
        if (vd_view_safe_head_at(view, &l1, &l2, &a, &b, middle) != VD_OK) {
            break;
        }
        *reaches = *reaches || l2.number >= safe;
        if (l2.number > safe) {
            found = middle;
            end = middle;
        } else {
            low = middle + 1;
        }
    }
    vd_view_close(view);
    return found;
}

static void
set_heads(void *ctx, const struct vd_follower_heads *heads)
{
    struct vd_node *n = ctx;
    bool reaches = false;
    uint64_t l1_from = first_above(n, &reaches, heads->safe.number);
    l1_from = n->reorged_from < l1_from ? n->reorged_from : l1_from;
    n->reorged_from = UINT64_MAX;
    n->started_safe = heads->safe.number;
    n->drained_is_exact = reaches || heads->safe.number == n->rollup.genesis_l2.number;
    struct vd_block_id unsafe = {heads->unsafe.hash, heads->unsafe.number};
    struct vd_block_id safe = {heads->safe.hash, heads->safe.number};
    struct vd_block_id finalized = {heads->finalized.hash, heads->finalized.number};
    if (n->sequencer) {
        vd_sequencer_stop(n->sequencer);
    }
    vd_engine_set_heads(n->engine, &unsafe, &safe, &finalized, l1_from, on_heads_set, n);
}

static void
on_built(void *ctx, const struct vd_build_result *result)
{
    struct vd_node *n = ctx;
    if (n->closing) {
        return;
    }
    if (result->err != VD_OK) {
        vd_follower_built(n->follower, vd_node_now(n), VD_PAYLOAD_FAILED, NULL, NULL,
                          vd_err_text(result->err));
        return;
    }
    static const enum vd_payload_verdict verdicts[] = {
        [VD_BUILD_VALID] = VD_PAYLOAD_VALID,
        [VD_BUILD_INVALID] = VD_PAYLOAD_INVALID,
        [VD_BUILD_UNSUPPORTED] = VD_PAYLOAD_UNSUPPORTED,
    };
    bool replaced = result->verdict == VD_BUILD_VALID && !result->was_there;
    vd_follower_built(n->follower, vd_node_now(n), verdicts[result->verdict], &result->block.l2,
                      &result->block.system, result->why);
    if (replaced && n->sequencer && n->sequencer_started) {
        /* Derivation went another way than our own blocks: build on what it made. */
        vd_sequencer_start(n->sequencer, vd_node_wall(n), &result->block.l2, &result->block.system);
    }
}

static void
build(void *ctx, const struct vd_attributes *attributes)
{
    struct vd_node *n = ctx;
    vd_engine_derive(n->engine, attributes, on_built, n);
}

/* Derivation starts on a safe head and reads L1 from before the block that made it safe; until it
   has come past that, what it calls safe at an L1 block was not so yet.  Where the index has those
   blocks from before, it keeps what it has; where it does not, it begins behind them. */
static void
drained(void *ctx, const struct vd_l1_ref *l1, const struct vd_l2_ref *safe)
{
    struct vd_node *n = ctx;
    struct vd_block_id id = {safe->hash, safe->number};
    n->drained_is_exact = n->drained_is_exact || safe->number != n->started_safe;
    if (n->drained_is_exact) {
        vd_engine_drained(n->engine, l1, &id);
    }
}

static void
note(void *ctx, const char *text)
{
    struct vd_node *n = ctx;
    vd_log(n->config.logger, VD_LOG_INFO, "follower", "%s", text);
}

enum vd_err
vd_node_follower_new(struct vd_node *n)
{
    n->past_worker = (struct vd_node_past){.engine = n->engine};
    n->past_loop = (struct vd_node_past){.engine = n->engine};
    struct vd_follower_config config = {.rollup = &n->rollup,
                                        .l1_confirmations = n->config.verifier_l1_confs};
    struct vd_follower_l2 l2 = {
        .derive = {.ctx = &n->past_worker, .ref = past_ref, .transactions = past_transactions},
        .system = past_system};
    struct vd_follower_effects effects = {.ctx = n,
                                          .fetch_l1 = fetch_l1,
                                          .fetch_l1_hash = fetch_l1_hash,
                                          .release_l1 = release_l1,
                                          .fetch_l1_id = fetch_l1_id,
                                          .work = start_work,
                                          .set_heads = set_heads,
                                          .build = build,
                                          .drained = drained,
                                          .note = note};
    return vd_follower_new(&n->follower, &config, vd_curves_host(), &l2, &effects);
}

/* --- finality --- */

static void
on_finalized(void *ctx, enum vd_err err)
{
    struct vd_node *n = ctx;
    if (err != VD_OK && !n->closing) {
        vd_log(n->config.logger, VD_LOG_WARN, "node", "finalized head: %s", vd_err_text(err));
    }
}

/* The safe head derivable at L1's finalized block is final (OP Stack specs, derivation: engine
   queue), once derivation has drained that very block. */
void
vd_node_finalize(struct vd_node *n)
{
    const struct vd_l1_heads *l1 = vd_l1_heads(n->l1);
    if (!l1->has_finalized || vd_hash_eq(&l1->finalized.hash, &n->finalized_l1.hash)) {
        return;
    }
    struct vd_view *view = NULL;
    struct vd_block_id l1_id;
    struct vd_block_id l2_id;
    uint64_t first = 0;
    uint64_t last = 0;
    if (vd_view_open(&view, n->engine) != VD_OK) {
        return;
    }
    enum vd_err err =
        vd_view_safe_head_at(view, &l1_id, &l2_id, &first, &last, l1->finalized.number);
    vd_view_close(view);
    const struct vd_heads *heads = vd_engine_heads(n->engine);
    if (err != VD_OK || !vd_hash_eq(&l1_id.hash, &l1->finalized.hash) ||
        l2_id.number < heads->finalized.number || l2_id.number > heads->safe.number) {
        return;
    }
    n->finalized_l1 = l1->finalized;
    /* Only this head: the others may be on their way further. */
    vd_engine_set_heads(n->engine, NULL, NULL, &l2_id, UINT64_MAX, on_finalized, n);
}
