#include "viaduct/core/rollup/origin.h"

struct vd_origin_pick
vd_origin_choose(const struct vd_rollup_config *config, const struct vd_l2_ref *head,
                 const struct vd_l1_ref *current, const struct vd_l1_ref *next)
{
    uint64_t time = head->timestamp + config->block_time_s;
    bool drained = time > current->timestamp + VD_MAX_SEQUENCER_DRIFT_S;
    bool known = next != NULL && next->number == current->number + 1 &&
                 vd_hash_eq(&next->parent_hash, &current->hash);
    if (known && time >= next->timestamp) {
        bool late = time > next->timestamp + VD_MAX_SEQUENCER_DRIFT_S;
        return (struct vd_origin_pick){VD_ORIGIN_USE_NEXT, late};
    }
    /* Past the drift a block may stay on its origin, empty, only while the next one is younger
       than the block: otherwise the batch would be dropped (batch queue: max sequencer drift). */
    if (drained && !known)
        return (struct vd_origin_pick){VD_ORIGIN_WAIT_FOR_NEXT, true};
    return (struct vd_origin_pick){VD_ORIGIN_USE_CURRENT, drained};
}

void
vd_sync_start_init(struct vd_sync_start *s, const struct vd_rollup_config *config,
                   const struct vd_l2_ref *unsafe, const struct vd_l2_ref *safe,
                   const struct vd_l2_ref *finalized)
{
    *s = (struct vd_sync_start){.config = config,
                                .unsafe = *unsafe,
                                .safe = *safe,
                                .finalized = *finalized,
                                .at = *unsafe,
                                .has_unsafe = true};
}

/* Asks L1 once per origin. */
static enum vd_err
look_at_l1(struct vd_sync_start *s, const struct vd_sync_source *source)
{
    if (s->has_l1 && s->l1_number == s->at.l1_origin.number)
        return VD_OK;
    enum vd_err err = source->l1_hash(source->ctx, &s->l1_hash, s->at.l1_origin.number);
    if (err != VD_OK && err != VD_ERR_NOT_FOUND)
        return err;
    s->has_l1 = true;
    s->l1_ahead = err == VD_ERR_NOT_FOUND;
    s->l1_number = s->at.l1_origin.number;
    return VD_OK;
}

/* The chain below must be ours: its genesis block, L1's, and what is final. */
static bool
is_our_chain(const struct vd_sync_start *s)
{
    const struct vd_rollup_config *c = s->config;
    if (s->at.number == c->genesis_l2.number &&
        (!vd_hash_eq(&s->at.hash, &c->genesis_l2.hash) || s->l1_ahead ||
         !vd_hash_eq(&s->l1_hash, &c->genesis_l1.hash)))
        return false;
    return s->at.number != s->finalized.number || vd_hash_eq(&s->at.hash, &s->finalized.hash);
}

static void
judge_origin(struct vd_sync_start *s)
{
    if (!s->has_unsafe) {
        s->unsafe = s->at;
        s->has_unsafe = true;
    }
    if (s->l1_ahead)
        return;
    if (!vd_hash_eq(&s->l1_hash, &s->at.l1_origin.hash)) {
        s->has_unsafe = false;
        s->has_highest = false;
    } else if (!s->has_highest) {
        s->highest_origin = s->at.l1_origin;
        s->has_highest = true;
    }
}

/* OP Stack specs, derivation, "Resetting the Pipeline": the first block of an epoch, at or below
   the old safe head, and a whole sequencing window below the highest block whose origin is
   canonical.  Its parent is safe. */
static bool
parent_is_safe(const struct vd_sync_start *s)
{
    return s->has_highest && s->at.number <= s->safe.number && s->at.sequence_number == 0 &&
           s->at.l1_origin.number + s->config->seq_window_size < s->highest_origin.number;
}

static bool
neighbours_fit(const struct vd_l2_ref *parent, const struct vd_l2_ref *child)
{
    if (!vd_hash_eq(&parent->hash, &child->parent_hash))
        return false;
    if (parent->l1_origin.number == child->l1_origin.number)
        return vd_hash_eq(&parent->l1_origin.hash, &child->l1_origin.hash) &&
               parent->sequence_number + 1 == child->sequence_number;
    return parent->l1_origin.number + 1 == child->l1_origin.number && child->sequence_number == 0;
}

enum vd_err
vd_sync_start_step(struct vd_sync_start *s, bool *done, const struct vd_sync_source *source)
{
    struct vd_l2_ref parent;
    *done = false;
    enum vd_err err = look_at_l1(s, source);
    if (err != VD_OK)
        return err;
    if (!is_our_chain(s))
        return VD_ERR_MISMATCH;
    bool at_bottom =
        s->at.number <= s->finalized.number || s->at.number == s->config->genesis_l2.number;
    if (!at_bottom) {
        err = source->l2_ref(source->ctx, &parent, s->at.number - 1);
        if (err != VD_OK)
            return err;
        if (!neighbours_fit(&parent, &s->at))
            return VD_ERR_CORRUPT;
    }
    /* Nothing has changed before here, so that a failed step can be tried again. */
    judge_origin(s);
    if (at_bottom) {
        s->unsafe = s->has_unsafe ? s->unsafe : s->at;
        s->safe = s->at;
        *done = true;
        return VD_OK;
    }
    if (parent_is_safe(s)) {
        s->safe = parent;
        *done = true;
    }
    s->at = parent;
    return VD_OK;
}
