#include "viaduct/node/roles/sequencer.h"

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/core/rollup/origin.h"
#include "viaduct/node/platform/memory.h"
#include "viaduct/node/roles/window.h"

/* How long a missing origin, or a block that could not be opened, is left alone. */
#define RETRY_MS 1000u
/* Deposits of one L1 block, and the attributes made of them. */
#define ORIGIN_ARENA_BYTES ((size_t)256 << 20)

enum state {
    STOPPED,
    FETCHING, /* the head's origin, after a start */
    READY,    /* to open; stays here while it has to wait for the next origin */
    OPENING,
    OPEN,
    SEALING,
};

/* An L1 origin and what it brings, in its own arena. */
struct origin {
    struct vd_arena arena;
    bool known;
    struct vd_l1_ref ref;
    struct vd_header header;
    struct vd_slice *deposits;
    size_t deposit_count;
    struct vd_system_config system; /* attributes copy, this origin's updates applied */
};

struct vd_sequencer {
    struct vd_sequencer_config config;
    struct vd_sequencer_effects effects;
    enum state state;
    struct vd_l2_ref head;
    struct vd_system_config system; /* attributes copy after head */
    struct origin origins[2];
    struct origin *current;
    struct origin *next;
    uint64_t l1_latest;
    uint64_t retry_at_ms;
    uint64_t seal_at_ms; /* after a seal that failed: not before */
    uint64_t left_ms;    /* when it was told last that an origin has left */
    bool fetching;
    bool fetching_stale;
    /* Answers of before the last start that are still to come.  Of each kind they come in order; an
       opened block may be told before the seal that was asked for earlier is durable. */
    unsigned stale_opened;
    unsigned stale_sealed;
    bool drift_noted;
    bool recovers;         /* the block in hand, or the one last made, is derivation's own */
    bool advances;         /* the block in hand opens the next origin's epoch */
    struct vd_arena arena; /* of the attributes in use */
    struct vd_attributes attributes;
};

static void advance(struct vd_sequencer *s, uint64_t now_ms);

enum vd_err
vd_sequencer_new(struct vd_sequencer **out, const struct vd_sequencer_config *config,
                 const struct vd_sequencer_effects *effects)
{
    struct vd_sequencer *s = calloc(1, sizeof *s);
    if (!s) {
        return VD_ERR_NO_MEMORY;
    }
    s->config = *config;
    s->effects = *effects;
    struct vd_arena *arenas[] = {&s->origins[0].arena, &s->origins[1].arena, &s->arena};
    for (size_t i = 0; i < sizeof arenas / sizeof arenas[0]; i++) {
        void *memory = vd_reserve(ORIGIN_ARENA_BYTES);
        if (!memory) {
            vd_sequencer_free(s);
            return VD_ERR_NO_MEMORY;
        }
        vd_arena_init(arenas[i], memory, ORIGIN_ARENA_BYTES);
    }
    s->current = &s->origins[0];
    s->next = &s->origins[1];
    *out = s;
    return VD_OK;
}

void
vd_sequencer_free(struct vd_sequencer *s)
{
    if (!s) {
        return;
    }
    struct vd_arena *arenas[] = {&s->origins[0].arena, &s->origins[1].arena, &s->arena};
    for (size_t i = 0; i < sizeof arenas / sizeof arenas[0]; i++) {
        if (arenas[i]->base) {
            vd_release(arenas[i]->base, arenas[i]->size);
        }
    }
    free(s);
}

static void
note(struct vd_sequencer *s, const char *what, uint64_t l1_number)
{
    char text[200];
    snprintf(text, sizeof text, "%s, L1 block %llu", what, (unsigned long long)l1_number);
    s->effects.note(s->effects.ctx, text);
}

static void
origin_clear(struct origin *origin)
{
    vd_arena_rewind(&origin->arena, 0);
    *origin = (struct origin){.arena = origin->arena};
}

static uint64_t
next_timestamp(const struct vd_sequencer *s)
{
    return s->head.timestamp + s->config.rollup->block_time_s;
}

/* Fetches what is missing: the head's own origin, or the next one once it is deep enough, ahead of
   its use. */
static void
fetch(struct vd_sequencer *s, uint64_t now_ms)
{
    if (s->state == STOPPED || s->fetching || now_ms < s->retry_at_ms) {
        return;
    }
    uint64_t number = s->head.l1_origin.number;
    if (s->state != FETCHING) {
        number = s->current->ref.number + 1;
        if (s->next->known || number + s->config.l1_confirmations > s->l1_latest) {
            return;
        }
    }
    s->fetching = true;
    s->fetching_stale = false;
    s->effects.fetch_origin(s->effects.ctx, number);
}

static enum vd_err
build_attributes(struct vd_sequencer *s, const struct origin *origin)
{
    vd_arena_rewind(&s->arena, 0);
    struct vd_l1_origin l1 = {.header = &origin->header,
                              .hash = origin->ref.hash,
                              .deposits = origin->deposits,
                              .deposit_count = origin->deposit_count};
    return vd_attributes_build(&s->attributes, &s->arena, s->config.rollup, &s->head,
                               &origin->system, &l1, NULL, 0);
}

/* One line an episode: while L1 catches up, each new origin allows a few blocks and the limit is
   reached again.  The episode is over when half the limit is free. */
static void
note_drift(struct vd_sequencer *s, bool waits)
{
    if (waits && !s->drift_noted) {
        note(s, "drift limit reached, no block until L1 gives the origin after",
             s->current->ref.number);
        s->drift_noted = true;
    }
    if (next_timestamp(s) <= s->current->ref.timestamp + VD_MAX_SEQUENCER_DRIFT_S / 2) {
        s->drift_noted = false;
    }
}

/* Whether a block on the origin may be batched too late.  Confirmations come off the window: no
   block's origin is younger than they let it be. */
static bool
window_closes(const struct vd_sequencer *s, const struct origin *origin)
{
    uint64_t window = s->config.rollup->seq_window_size;
    uint64_t spent = s->config.l1_confirmations < window ? s->config.l1_confirmations : window;
    return vd_window_closes(s->config.rollup, origin->ref.number, s->l1_latest,
                            vd_window_margin(window - spent));
}

/* One line when it begins and one when it is over. */
static void
note_recovery(struct vd_sequencer *s, const struct origin *origin, bool recovers)
{
    if (recovers == s->recovers) {
        return;
    }
    s->recovers = recovers;
    char text[240];
    snprintf(text, sizeof text,
             "the sequencing window of %llu L1 blocks %s, from L1 origin %llu at L1 block %llu",
             (unsigned long long)s->config.rollup->seq_window_size,
             recovers ? "closes before batches can be on L1: blocks as derivation makes them, "
                        "without users' transactions"
                      : "is open again: blocks take users' transactions",
             (unsigned long long)origin->ref.number, (unsigned long long)s->l1_latest);
    s->effects.note(s->effects.ctx, text);
}

/* The origin of the next block.  Where the window closes, derivation will make the block if no
   batch comes in time, and must find the very same one, or it cuts the chain: no users'
   transactions, and the next origin as soon as its time allows (OP Stack specs, derivation: batch
   queue, auto-generated empty batches).  vd_origin_choose does just that when it knows the next
   origin, which L1 has for long by then; so it is waited for. */
static struct vd_origin_pick
pick_origin(struct vd_sequencer *s)
{
    bool next_known = s->next->known;
    struct vd_origin_pick pick = vd_origin_choose(s->config.rollup, &s->head, &s->current->ref,
                                                  next_known ? &s->next->ref : NULL);
    note_drift(s, pick.choice == VD_ORIGIN_WAIT_FOR_NEXT);
    if (!next_known && window_closes(s, s->current)) {
        pick.choice = VD_ORIGIN_WAIT_FOR_NEXT;
    }
    if (pick.choice != VD_ORIGIN_WAIT_FOR_NEXT) {
        struct origin *origin = pick.choice == VD_ORIGIN_USE_NEXT ? s->next : s->current;
        bool recovers = window_closes(s, origin);
        note_recovery(s, origin, recovers);
        pick.no_tx_pool = pick.no_tx_pool || recovers;
    }
    return pick;
}

static void
open_next(struct vd_sequencer *s, uint64_t now_ms)
{
    if (now_ms < s->retry_at_ms) {
        return;
    }
    struct vd_origin_pick pick = pick_origin(s);
    if (pick.choice == VD_ORIGIN_WAIT_FOR_NEXT) {
        return;
    }
    s->advances = pick.choice == VD_ORIGIN_USE_NEXT;
    struct origin *origin = s->advances ? s->next : s->current;
    enum vd_err err = build_attributes(s, origin);
    if (err != VD_OK) {
        note(s, vd_err_text(err), origin->ref.number);
        s->retry_at_ms = now_ms + RETRY_MS;
        return;
    }
    s->attributes.no_tx_pool = pick.no_tx_pool || s->config.deposits_only;
    s->state = OPENING;
    s->effects.open(s->effects.ctx, &s->attributes);
}

static void
advance(struct vd_sequencer *s, uint64_t now_ms)
{
    fetch(s, now_ms);
    if (s->state == READY) {
        open_next(s, now_ms);
    }
    if (s->state == OPEN && now_ms / 1000 >= next_timestamp(s) && now_ms >= s->seal_at_ms) {
        s->state = SEALING;
        s->effects.seal(s->effects.ctx);
    }
}

static void
forget_answers(struct vd_sequencer *s)
{
    s->stale_opened += s->state == OPENING ? 1 : 0;
    s->stale_sealed += s->state == SEALING ? 1 : 0;
    s->fetching_stale = s->fetching;
}

void
vd_sequencer_start(struct vd_sequencer *s, uint64_t now_ms, const struct vd_l2_ref *head,
                   const struct vd_system_config *system)
{
    forget_answers(s);
    s->head = *head;
    s->system = *system;
    origin_clear(s->current);
    origin_clear(s->next);
    s->retry_at_ms = 0;
    s->seal_at_ms = 0;
    s->drift_noted = false;
    s->state = FETCHING;
    advance(s, now_ms);
}

void
vd_sequencer_stop(struct vd_sequencer *s)
{
    forget_answers(s);
    s->state = STOPPED;
}

bool
vd_sequencer_is_active(const struct vd_sequencer *s)
{
    return s->state != STOPPED;
}

void
vd_sequencer_tick(struct vd_sequencer *s, uint64_t now_ms)
{
    advance(s, now_ms);
}

void
vd_sequencer_l1(struct vd_sequencer *s, uint64_t now_ms, uint64_t latest)
{
    s->l1_latest = latest;
    advance(s, now_ms);
}

/* Takes over header, deposits and updates.  False: L1 data that the protocol says cannot be, or no
   memory. */
static bool
origin_take(struct vd_sequencer *s, struct origin *origin, const struct vd_l1_block *block,
            bool opens_epoch)
{
    origin_clear(origin);
    origin->ref = (struct vd_l1_ref){.hash = block->hash,
                                     .number = block->header.number,
                                     .parent_hash = block->header.parent_hash,
                                     .timestamp = block->header.timestamp};
    origin->header = block->header;
    uint8_t *extra = vd_arena_copy(&origin->arena, block->header.extra_data);
    origin->header.extra_data = vd_slice(extra, block->header.extra_data.len);
    origin->system = s->system;
    enum vd_err err = extra ? VD_OK : VD_ERR_NO_MEMORY;
    if (err == VD_OK && opens_epoch) {
        err = vd_deposits_read_raw(&origin->deposits, &origin->deposit_count, &origin->arena,
                                   &s->config.rollup->deposit_contract, &block->hash,
                                   block->receipts, block->receipt_count);
    }
    if (err == VD_OK && opens_epoch) {
        err = vd_system_config_update_raw(&origin->system, &s->config.rollup->l1_system_config,
                                          block->receipts, block->receipt_count);
    }
    if (err != VD_OK) {
        note(s, "an origin's receipts cannot be read", block->header.number);
    }
    origin->known = err == VD_OK;
    return origin->known;
}

/* Whoever watches L1 for reorganisations need not have seen this one: L1 may have been shorter than
   the origin when heads were looked for, and have grown with another block there.  Starts in
   between do not make it tell sooner: heads that do not help (an L1 of several minds) would go
   round at the speed of L1's answers. */
static void
leave_origin(struct vd_sequencer *s, uint64_t now_ms)
{
    s->retry_at_ms = now_ms + RETRY_MS;
    if (now_ms < s->left_ms || now_ms - s->left_ms >= RETRY_MS) {
        s->left_ms = now_ms;
        s->effects.origin_left(s->effects.ctx);
    }
}

void
vd_sequencer_give_origin(struct vd_sequencer *s, uint64_t now_ms, const struct vd_l1_block *block)
{
    bool stale = s->fetching_stale || s->state == STOPPED;
    s->fetching = false;
    s->fetching_stale = false;
    if (!stale && s->state == FETCHING) {
        if (!vd_hash_eq(&block->hash, &s->head.l1_origin.hash)) {
            leave_origin(s, now_ms);
        } else if (origin_take(s, s->current, block, false)) {
            s->state = READY;
        } else {
            s->retry_at_ms = now_ms + RETRY_MS;
        }
    } else if (!stale && !s->next->known && block->header.number == s->current->ref.number + 1) {
        if (!vd_hash_eq(&block->header.parent_hash, &s->current->ref.hash)) {
            leave_origin(s, now_ms);
        } else if (!origin_take(s, s->next, block, true)) {
            s->retry_at_ms = now_ms + RETRY_MS;
        }
    }
    advance(s, now_ms);
}

void
vd_sequencer_no_origin(struct vd_sequencer *s, uint64_t now_ms)
{
    s->fetching = false;
    if (!s->fetching_stale) {
        s->retry_at_ms = now_ms + RETRY_MS;
    }
    s->fetching_stale = false;
    advance(s, now_ms);
}

/* As soon as the block is open, so that the origin after is at hand when the next block opens,
   right after the seal: an L1 as fast as L2 would run away otherwise. */
static void
use_next_origin(struct vd_sequencer *s)
{
    struct origin *old = s->current;
    s->system = s->next->system;
    s->current = s->next;
    s->next = old;
    origin_clear(s->next);
}

void
vd_sequencer_opened(struct vd_sequencer *s, uint64_t now_ms, enum vd_err err)
{
    if (s->stale_opened > 0) {
        s->stale_opened--;
        advance(s, now_ms);
        return;
    }
    VD_ASSERT(s->state == OPENING);
    s->state = err == VD_OK ? OPEN : READY;
    if (err != VD_OK) {
        note(s, vd_err_text(err), s->attributes.origin.number);
        s->retry_at_ms = now_ms + RETRY_MS;
    } else if (s->advances) {
        use_next_origin(s);
    }
    advance(s, now_ms);
}

void
vd_sequencer_sealed(struct vd_sequencer *s, uint64_t now_ms, enum vd_err err,
                    const struct vd_l2_ref *ref)
{
    if (s->stale_sealed > 0) {
        s->stale_sealed--;
        advance(s, now_ms);
        return;
    }
    VD_ASSERT(s->state == SEALING);
    if (err != VD_OK) {
        note(s, vd_err_text(err), s->attributes.origin.number);
        s->state = OPEN;
        s->seal_at_ms = now_ms + RETRY_MS;
        return;
    }
    s->head = *ref;
    s->state = READY;
    advance(s, now_ms);
}

bool
vd_sequencer_is_on(const struct vd_sequencer *s, const struct vd_hash *origin)
{
    return vd_hash_eq(&s->current->ref.hash, origin);
}

uint64_t
vd_sequencer_wakes(const struct vd_sequencer *s)
{
    switch (s->state) {
    case STOPPED:
    case OPENING:
    case SEALING:
        return UINT64_MAX;
    case FETCHING:
    case READY:
        return s->retry_at_ms;
    case OPEN:
        return next_timestamp(s) * 1000 > s->seal_at_ms ? next_timestamp(s) * 1000 : s->seal_at_ms;
    }
    return UINT64_MAX;
}
