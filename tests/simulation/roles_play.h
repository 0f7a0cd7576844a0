/* The nodes of roles_model.h at work: their life, the answers to what their roles ask for, a second
   of a node and of the world. */
#ifndef VIADUCT_TESTS_SIMULATION_ROLES_PLAY_H
#define VIADUCT_TESTS_SIMULATION_ROLES_PLAY_H

#include "roles_model.h"

/* --- a node --- */

/* The manager's payloads of before outlive the batcher. */
static void
batcher_start(struct node *n)
{
    struct world *w = n->w;
    struct vd_batcher_config config = {.rollup = &w->rollup,
                                       .batch_type = n->batch_type,
                                       .max_channel_bytes = w->channel_bytes,
                                       .max_channel_age_ms = w->channel_age_ms,
                                       .frame_bytes = w->frame_bytes};
    struct vd_batcher_effects effects = {.ctx = n,
                                         .get_block = get_block,
                                         .encode = encode,
                                         .send = send_frame,
                                         .room = room,
                                         .note = note};
    assert_int_equal(vd_batcher_new(&n->batcher, &config, &effects), VD_OK);
    for (size_t i = 0; i < w->payload_count; i++) {
        const struct payload *p = &w->payloads[i];
        struct vd_txm_status status = {.tag = vd_slice(p->tag, p->tag_len),
                                       .included = p->included,
                                       .block = {.number = p->block}};
        vd_batcher_restore(n->batcher, &status);
    }
}

/* What is being encoded goes with the process. */
static void
batcher_stop(struct node *n)
{
    vd_batcher_free(n->batcher);
    n->batcher = NULL;
    n->job = NULL;
}

static void
node_start(struct node *n, struct world *w, bool sequences)
{
    memset(n, 0, sizeof *n);
    n->w = w;
    n->blocks[0].ref = (struct vd_l2_ref){.hash = w->rollup.genesis_l2.hash,
                                          .timestamp = w->rollup.genesis_l2_time,
                                          .l1_origin = w->rollup.genesis_l1};
    struct vd_follower_config config = {.rollup = &w->rollup};
    struct vd_follower_l2 l2 = {
        .derive = {.ctx = n, .ref = past_ref, .transactions = past_transactions},
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
    assert_int_equal(vd_follower_new(&n->follower, &config, vd_curves_host(), &l2, &effects),
                     VD_OK);
    if (sequences) {
        struct vd_sequencer_config sc = {.rollup = &w->rollup, .l1_confirmations = 0};
        struct vd_sequencer_effects se = {.ctx = n,
                                          .fetch_origin = fetch_origin,
                                          .open = open_block,
                                          .seal = seal,
                                          .origin_left = origin_left,
                                          .note = note};
        assert_int_equal(vd_sequencer_new(&n->sequencer, &sc, &se), VD_OK);
        n->batch_type = vd_random_below(&w->random, 2) == 0 ? VD_BATCH_SPAN : VD_BATCH_SINGULAR;
        batcher_start(n);
    }
    struct vd_follower_heads heads = {
        .unsafe = n->blocks[0].ref, .safe = n->blocks[0].ref, .finalized = n->blocks[0].ref};
    vd_follower_start(n->follower, w->now * 1000, &heads);
}

static void
node_stop(struct node *n)
{
    vd_follower_free(n->follower);
    vd_sequencer_free(n->sequencer);
    vd_batcher_free(n->batcher);
}

static struct vd_l1_block *
lend(const struct vd_l1_block *block)
{
    struct vd_l1_block *copy = malloc(sizeof *copy);
    *copy = *block;
    return copy;
}

static void
answer_built(struct node *n)
{
    const struct vd_attributes *a = n->build;
    uint64_t number = a->parent.number + 1;
    n->building = false;
    assert_true(vd_hash_eq(&n->blocks[n->safe].ref.hash, &a->parent.hash));
    bool there = number <= n->unsafe && is_same(&n->blocks[number], a);
    if (!there) {
        n->cuts += number <= n->unsafe ? 1 : 0;
        cut_l2(n, a->parent.number);
        append(n, a, 0);
    }
    n->safe = number;
    vd_follower_built(n->follower, n->w->now * 1000, VD_PAYLOAD_VALID, &n->blocks[number].ref,
                      &n->w->system, "");
    if (!there && n->sequencer) {
        vd_sequencer_start(n->sequencer, n->w->now * 1000, &n->blocks[number].ref, &n->w->system);
    }
}

static void
answer_set(struct node *n)
{
    n->setting = false;
    cut_l2(n, n->set.unsafe.number);
    n->safe = n->set.safe.number;
    assert_true(vd_hash_eq(&n->blocks[n->unsafe].ref.hash, &n->set.unsafe.hash));
    assert_true(vd_hash_eq(&n->blocks[n->safe].ref.hash, &n->set.safe.hash));
    vd_follower_heads_set(n->follower, n->w->now * 1000, VD_OK);
    if (n->sequencer) {
        vd_sequencer_start(n->sequencer, n->w->now * 1000, &n->blocks[n->unsafe].ref,
                           &n->w->system);
    }
}

/* Answers one thing that is under way; some answers of L1 are lost. */
static bool
answer_follower(struct node *n)
{
    struct world *w = n->w;
    uint64_t now = w->now * 1000;
    bool lost = vd_random_below(&w->random, 50) == 0;
    if (n->working) {
        n->working = false;
        vd_follower_work(n->follower);
        vd_follower_worked(n->follower, now);
    } else if (n->building) {
        answer_built(n);
    } else if (n->setting) {
        answer_set(n);
    } else if (n->fetching) {
        n->fetching = false;
        bool there = !lost && n->want_l1 <= w->l1_head;
        vd_follower_l1(n->follower, now, there ? lend(&w->l1[n->want_l1].block) : NULL);
    } else if (n->fetching_hash) {
        n->fetching_hash = false;
        bool there = !lost && n->want_id.number <= w->l1_head &&
                     vd_hash_eq(&w->l1[n->want_id.number].block.hash, &n->want_id.hash);
        vd_follower_l1(n->follower, now, there ? lend(&w->l1[n->want_id.number].block) : NULL);
    } else if (n->fetching_id) {
        n->fetching_id = false;
        bool there = n->want_id_number <= w->l1_head;
        vd_follower_l1_hash(n->follower, now,
                            lost    ? VD_ERR_IO
                            : there ? VD_OK
                                    : VD_ERR_NOT_FOUND,
                            there ? &w->l1[n->want_id_number].block.hash : NULL);
    } else {
        return false;
    }
    return true;
}

/* The engine's chain went another way than the sequencer thinks. */
static void
follow_engine(struct node *n)
{
    if (vd_sequencer_is_active(n->sequencer)) {
        vd_sequencer_start(n->sequencer, n->w->now * 1000, &n->blocks[n->unsafe].ref,
                           &n->w->system);
    }
}

static void
answer_open(struct node *n, const struct vd_attributes *a)
{
    bool fits = vd_hash_eq(&a->parent.hash, &n->blocks[n->unsafe].ref.hash);
    if (fits) {
        n->is_open = true;
        n->open = *a;
    }
    vd_sequencer_opened(n->sequencer, n->w->now * 1000, fits ? VD_OK : VD_ERR_MISMATCH);
    if (!fits) {
        follow_engine(n);
    }
}

static void
answer_seal(struct node *n)
{
    uint64_t now = n->w->now * 1000;
    if (!n->is_open) {
        vd_sequencer_sealed(n->sequencer, now, VD_ERR_NOT_FOUND, NULL);
        follow_engine(n);
        return;
    }
    n->is_open = false;
    receive(n, vd_random_below(&n->w->random, 3));
    size_t pooled = n->pool_count < MAX_BLOCK_TXS ? n->pool_count : MAX_BLOCK_TXS;
    append(n, &n->open, n->open.no_tx_pool ? 0 : pooled);
    vd_sequencer_sealed(n->sequencer, now, VD_OK, &n->blocks[n->unsafe].ref);
}

static bool
answer_sequencer(struct node *n)
{
    struct world *w = n->w;
    uint64_t now = w->now * 1000;
    if (n->origin_wanted) {
        n->origin_wanted = false;
        if (n->origin_number <= w->l1_head && vd_random_below(&w->random, 30) != 0) {
            vd_sequencer_give_origin(n->sequencer, now, &w->l1[n->origin_number].block);
        } else {
            vd_sequencer_no_origin(n->sequencer, now);
        }
    } else if (n->command_count > 0) {
        struct command command = n->commands[0];
        n->command_count--;
        memmove(n->commands, n->commands + 1, n->command_count * sizeof command);
        if (command.seals) {
            answer_seal(n);
        } else {
            answer_open(n, &command.attributes);
        }
    } else {
        return false;
    }
    return true;
}

static void
node_second(struct node *n)
{
    struct world *w = n->w;
    uint64_t now = w->now * 1000;
    bool same =
        n->l1_seen <= w->l1_head && vd_hash_eq(&n->l1_seen_hash, &w->l1[n->l1_seen].block.hash);
    if (!same || n->origin_left) {
        n->origin_left = false;
        struct vd_follower_heads heads = {.unsafe = n->blocks[n->unsafe].ref,
                                          .safe = n->blocks[n->safe].ref,
                                          .finalized = n->blocks[0].ref};
        vd_follower_l1_reorg(n->follower, now, &heads);
    }
    n->l1_seen = w->l1_head;
    n->l1_seen_hash = w->l1[w->l1_head].block.hash;
    vd_follower_l1_head(n->follower, now, w->l1_head);
    vd_follower_tick(n->follower, now);
    if (n->sequencer) {
        vd_sequencer_l1(n->sequencer, now, w->l1_head);
        vd_sequencer_tick(n->sequencer, now);
    }
    for (unsigned i = 0; i < 10000; i++) {
        bool moved = answer_follower(n);
        moved = (n->sequencer && answer_sequencer(n)) || moved;
        if (!moved) {
            break;
        }
    }
    if (vd_follower_stopped(n->follower)) {
        fail_msg("follower stopped: %s", vd_follower_stopped(n->follower));
    }
    if (n->batcher) {
        struct vd_channel_job *job = n->job;
        n->job = NULL;
        if (job) {
            vd_channel_job_run(job);
            vd_batcher_encoded(n->batcher, job);
        }
        if (vd_follower_is_started(n->follower)) {
            vd_batcher_heads(n->batcher, now, &n->blocks[n->unsafe].ref, &n->blocks[n->safe].ref,
                             vd_follower_drained(n->follower)->number, w->l1_head);
        }
        vd_batcher_tick(n->batcher, now);
    }
}

static void
world_start(struct world *w)
{
    memset(w, 0, sizeof *w);
    vd_arena_init(&w->arena, vd_reserve(ARENA), ARENA);
    w->random = vd_random_start("roles");
    w->l1[0].block.header =
        (struct vd_header){.timestamp = 1000, .has_base_fee = true, .base_fee = vd_u256(1000)};
    w->l1[0].block.hash = vd_header_hash(&w->l1[0].block.header);
    w->now = 1000;
    w->l1_room = 8;
    w->channel_age_ms = 60000;
    w->channel_bytes = 2000;
    w->frame_bytes = 700;
    w->system = (struct vd_system_config){
        .gas_limit = 30000000, .scalar = {1}, .eip1559 = {.denominator = 250, .elasticity = 6}};
    assert_int_equal(vd_key_to_address(&w->system.batcher, batcher_key), VD_OK);
    w->rollup = (struct vd_rollup_config){.genesis_l1 = {.hash = w->l1[0].block.hash},
                                          .genesis_l2 = {.hash = {{1}}},
                                          .genesis_l2_time = 1000,
                                          .genesis_system_config = w->system,
                                          .block_time_s = 2,
                                          .max_sequencer_drift_s = 1800,
                                          .seq_window_size = 200,
                                          .channel_timeout = 50,
                                          .l1_chain_id = 900,
                                          .batch_inbox = {{0xff}},
                                          .deposit_contract = {{0xdd}},
                                          .l1_system_config = {{0xcc}},
                                          .l2 = {.chain_id = 901,
                                                 .is_l2 = true,
                                                 .eip1559_elasticity = 6,
                                                 .eip1559_denominator_canyon = 250},
                                          .pectra_blob_schedule_time = VD_NEVER};
    vd_chain_config_l1(&w->rollup.l1, 900, 0, 0);
}

static void
world_second(struct world *w, struct node *sequencer, struct node *verifier, bool reorgs)
{
    w->now++;
    if (w->now >= w->l1[w->l1_head].block.header.timestamp + L1_SECONDS) {
        if (reorgs && vd_random_below(&w->random, 12) == 0) {
            uint64_t depth = 1 + vd_random_below(&w->random, 20);
            depth = depth < w->l1_head ? depth : w->l1_head;
            cut_l1(w, sequencer, depth);
            for (uint64_t i = 0; i < depth; i++) {
                mine_l1(w);
            }
        }
        mine_l1(w);
        for (size_t i = 0; i < w->payload_count; i++) {
            if (w->payloads[i].included && w->payloads[i].block + 25 > w->l1_head) {
                tell_payload(sequencer, i, VD_TXM_INCLUDED);
            }
        }
    }
    node_second(sequencer);
    node_second(verifier);
}

#endif
