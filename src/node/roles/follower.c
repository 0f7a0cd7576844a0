#include "viaduct/node/roles/follower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viaduct/node/platform/memory.h"

#define RETRY_MS 1000u
/* How often heads are looked for while L1 does not have what is final.  That L1 has reorganised is
   told besides. */
#define HELD_MS 10000u
/* Steps of derivation in one piece of work, so that others get their turn. */
#define WORK_STEPS 64u
/* Deposits kept ahead of their use; those that do not fit are asked for again. */
#define L1_RING_BYTES ((size_t)64 << 20)
/* Canonical hashes that one sync start may have asked for. */
#define MAX_L1_IDS 8u
/* What stopped it, for whoever asks. */
#define STOPPED_TEXT 320

enum state {
    IDLE,
    STARTING,    /* walks down the unsafe chain */
    WAIT_L1_ID,  /* the same, an L1 hash is asked for */
    RETRY_L1_ID, /* the same, L1 did not answer: asked again at retry_at_ms */
    HELD,        /* the finalized block's origin left L1: looked at again at retry_at_ms */
    SETTING,     /* the engine is cutting back */
    WORKING,     /* work is under way */
    NEED_L1,     /* derivation wants an L1 block that is not there yet */
    FETCHING,    /* it is asked for */
    BUILDING,    /* the engine has the payload */
    PAUSED,      /* until retry_at_ms, then works on */
    STOPPED,
};

struct l1_id {
    uint64_t number;
    bool missing; /* L1 is not that high */
    struct vd_hash hash;
};

struct vd_follower {
    struct vd_follower_config config;
    struct vd_follower_l2 l2;
    struct vd_follower_effects effects;
    struct vd_arena arena;
    struct vd_derive *derive;

    enum state state;
    bool restart; /* start again when what is under way has answered */
    struct vd_follower_heads heads;
    struct vd_sync_start sync;
    struct l1_id ids[MAX_L1_IDS]; /* a ring */
    size_t id_count;
    uint64_t wanted_id;
    uint64_t l1_latest;
    uint64_t retry_at_ms;
    struct vd_l1_ref drained;
    struct vd_l1_ref reading; /* the L1 block derivation is in */

    /* Between work and worked these belong to the worker. */
    const struct vd_l1_block *give; /* handed in before the next step */
    bool give_is_origin;
    bool give_failed;               /* it is given again */
    const struct vd_l1_block *held; /* borrowed by derivation: the current L1 block */
    struct vd_derive_output output;
    enum vd_err work_err;
    char stopped[STOPPED_TEXT]; /* why; empty while it goes on */
};

static void begin_sync(struct vd_follower *f, uint64_t now_ms);

enum vd_err
vd_follower_new(struct vd_follower **out, const struct vd_follower_config *config,
                const struct vd_curves *curves, const struct vd_follower_l2 *l2,
                const struct vd_follower_effects *effects)
{
    struct vd_follower *f = calloc(1, sizeof *f);
    struct vd_derive_limits limits = {.channel_bytes = VD_CHANNEL_MAX_BYTES,
                                      .batch_bytes = VD_DERIVE_BATCH_BYTES,
                                      .l1_bytes = L1_RING_BYTES};
    size_t size = 4 * limits.channel_bytes + limits.batch_bytes + 2 * limits.l1_bytes;
    void *memory = f ? vd_reserve(size) : NULL;
    if (!memory) {
        free(f);
        return VD_ERR_NO_MEMORY;
    }
    f->config = *config;
    f->l2 = *l2;
    f->effects = *effects;
    vd_arena_init(&f->arena, memory, size);
    enum vd_err err =
        vd_derive_new(&f->derive, &f->arena, config->rollup, curves, &f->l2.derive, &limits, NULL);
    if (err != VD_OK) {
        vd_release(memory, size);
        free(f);
        return err;
    }
    *out = f;
    return VD_OK;
}

static void
release(struct vd_follower *f, const struct vd_l1_block **block)
{
    if (*block) {
        f->effects.release_l1(f->effects.ctx, *block);
        *block = NULL;
    }
}

static void
release_all(struct vd_follower *f)
{
    release(f, &f->give);
    release(f, &f->held);
}

void
vd_follower_free(struct vd_follower *f)
{
    if (f) {
        release_all(f);
        vd_release(f->arena.base, f->arena.size);
        free(f);
    }
}

static void
note(struct vd_follower *f, const char *what, const char *why)
{
    char text[400];
    snprintf(text, sizeof text, "%s: %s (L1 block %llu, safe block %llu)", what, why,
             (unsigned long long)f->reading.number, (unsigned long long)f->heads.safe.number);
    f->effects.note(f->effects.ctx, text);
}

static void
pause(struct vd_follower *f, uint64_t now_ms, const char *what, const char *why)
{
    note(f, what, why);
    f->state = PAUSED;
    f->retry_at_ms = now_ms + RETRY_MS;
}

static void
stop(struct vd_follower *f, const char *what, const char *why)
{
    note(f, what, why);
    snprintf(f->stopped, sizeof f->stopped, "%s: %s", what, why);
    f->state = STOPPED;
    release_all(f);
}

static void
work(struct vd_follower *f)
{
    f->state = WORKING;
    f->effects.work(f->effects.ctx);
}

/* --- sync start --- */

static enum vd_err
sync_l2_ref(void *ctx, struct vd_l2_ref *out, uint64_t number)
{
    struct vd_follower *f = ctx;
    return f->l2.derive.ref(f->l2.derive.ctx, out, number);
}

/* Known hashes answer at once; another one is asked for and the step tried again. */
static enum vd_err
sync_l1_hash(void *ctx, struct vd_hash *out, uint64_t number)
{
    struct vd_follower *f = ctx;
    for (size_t i = 0; i < f->id_count && i < MAX_L1_IDS; i++) {
        if (f->ids[i].number == number) {
            *out = f->ids[i].hash;
            return f->ids[i].missing ? VD_ERR_NOT_FOUND : VD_OK;
        }
    }
    f->wanted_id = number;
    return VD_ERR_BUSY;
}

/* Whether the walk ended on a block whose origin is not on L1's chain: then even what is final
   stands on blocks that L1 does not have any more. */
static bool
final_left_l1(const struct vd_follower *f)
{
    const struct vd_sync_start *s = &f->sync;
    return s->has_l1 && !s->l1_ahead && s->l1_number == s->at.l1_origin.number &&
           !vd_hash_eq(&s->l1_hash, &s->at.l1_origin.hash);
}

/* No block below the finalized one may be built on again, so nothing can be done here; but L1 may
   reorganise back.  Told once. */
static void
hold(struct vd_follower *f, uint64_t now_ms)
{
    const struct vd_l2_ref *bottom = &f->sync.at;
    char why[STOPPED_TEXT];
    snprintf(why, sizeof why,
             "the L1 origin of finalized block %llu, L1 block %llu, left L1's chain: the data "
             "folder does not go with this L1",
             (unsigned long long)bottom->number, (unsigned long long)bottom->l1_origin.number);
    if (strcmp(why, f->stopped) != 0) {
        memcpy(f->stopped, why, sizeof why);
        note(f, "derivation cannot start", why);
    }
    f->restart = true;
    f->state = HELD;
    f->retry_at_ms = now_ms + HELD_MS;
}

static void
sync_step(struct vd_follower *f, uint64_t now_ms)
{
    struct vd_sync_source source = {.ctx = f, .l2_ref = sync_l2_ref, .l1_hash = sync_l1_hash};
    bool done = false;
    enum vd_err err = VD_OK;
    while (!done && err == VD_OK) {
        err = vd_sync_start_step(&f->sync, &done, &source);
    }
    if (err == VD_ERR_BUSY) {
        f->state = WAIT_L1_ID;
        f->effects.fetch_l1_id(f->effects.ctx, f->wanted_id);
        return;
    }
    if (err == VD_ERR_MISMATCH || err == VD_ERR_CORRUPT) {
        stop(f, "the chain in the data folder does not fit this L1", vd_err_text(err));
        return;
    }
    if (err != VD_OK) {
        f->restart = true;
        pause(f, now_ms, "cannot find the heads to start from", vd_err_text(err));
        return;
    }
    if (final_left_l1(f)) {
        hold(f, now_ms);
        return;
    }
    f->stopped[0] = '\0';
    f->heads.unsafe = f->sync.unsafe;
    f->heads.safe = f->sync.safe;
    f->state = SETTING;
    f->effects.set_heads(f->effects.ctx, &f->heads);
}

static void
begin_sync(struct vd_follower *f, uint64_t now_ms)
{
    f->restart = false;
    release_all(f);
    f->id_count = 0;
    f->drained = (struct vd_l1_ref){0};
    vd_sync_start_init(&f->sync, f->config.rollup, &f->heads.unsafe, &f->heads.safe,
                       &f->heads.finalized);
    f->state = STARTING;
    sync_step(f, now_ms);
}

/* Whether something is under way whose answer has to come before a start. */
static bool
is_busy(const struct vd_follower *f)
{
    return f->state == WAIT_L1_ID || f->state == SETTING || f->state == WORKING ||
           f->state == FETCHING || f->state == BUILDING;
}

void
vd_follower_start(struct vd_follower *f, uint64_t now_ms, const struct vd_follower_heads *heads)
{
    f->heads = *heads;
    f->restart = true;
    f->drained = (struct vd_l1_ref){0}; /* what was read may be gone */
    if (!is_busy(f)) {
        begin_sync(f, now_ms);
    }
}

void
vd_follower_l1_reorg(struct vd_follower *f, uint64_t now_ms, const struct vd_follower_heads *heads)
{
    if (f->state != IDLE && f->state != STOPPED) {
        vd_follower_start(f, now_ms, heads);
    }
}

/* True when an answer belongs to what a restart gave up; the restart begins. */
static bool
restarted(struct vd_follower *f, uint64_t now_ms)
{
    if (!f->restart) {
        return false;
    }
    begin_sync(f, now_ms);
    return true;
}

void
vd_follower_l1_hash(struct vd_follower *f, uint64_t now_ms, enum vd_err err,
                    const struct vd_hash *hash)
{
    VD_ASSERT(f->state == WAIT_L1_ID);
    f->state = STARTING;
    if (restarted(f, now_ms)) {
        return;
    }
    if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
        /* The walk goes on where it is: a window has thousands of origins, and one from its top
           after each lost answer might never reach the bottom. */
        pause(f, now_ms, "L1 does not answer", vd_err_text(err));
        f->state = RETRY_L1_ID;
        return;
    }
    struct l1_id *id = &f->ids[f->id_count++ % MAX_L1_IDS];
    *id = (struct l1_id){.number = f->wanted_id, .missing = err == VD_ERR_NOT_FOUND};
    if (!id->missing) {
        id->hash = *hash;
    }
    sync_step(f, now_ms);
}

/* Points derivation at the safe head. */
static enum vd_err
reset_derivation(struct vd_follower *f)
{
    struct vd_l2_ref start;
    struct vd_system_config safe_system;
    struct vd_system_config start_system;
    enum vd_err err = vd_derive_reset_start(f->derive, &start, &f->heads.safe);
    if (err == VD_OK) {
        err = f->l2.system(f->l2.derive.ctx, &safe_system, f->heads.safe.number);
    }
    if (err == VD_OK) {
        err = f->l2.system(f->l2.derive.ctx, &start_system, start.number);
    }
    if (err == VD_OK) {
        vd_derive_reset(f->derive, &f->heads.safe, &safe_system, &start, &start_system);
    }
    return err;
}

void
vd_follower_heads_set(struct vd_follower *f, uint64_t now_ms, enum vd_err err)
{
    VD_ASSERT(f->state == SETTING);
    f->state = STARTING;
    if (restarted(f, now_ms)) {
        return;
    }
    if (err == VD_OK) {
        err = reset_derivation(f);
    }
    if (err != VD_OK) {
        f->restart = true;
        pause(f, now_ms, "cannot start on the safe head", vd_err_text(err));
        return;
    }
    note(f, "derivation starts", "heads fit L1");
    work(f);
}

/* --- derivation --- */

void
vd_follower_work(struct vd_follower *f)
{
    f->work_err = VD_OK;
    f->give_failed = false;
    if (f->give) {
        f->work_err = f->give_is_origin ? vd_derive_origin(f->derive, f->give)
                                        : vd_derive_l1(f->derive, f->give);
        f->give_failed = f->work_err != VD_OK && f->work_err != VD_ERR_MISMATCH;
    }
    for (unsigned i = 0; i < WORK_STEPS && f->work_err == VD_OK; i++) {
        f->work_err = vd_derive_step(f->derive, &f->output);
        if (f->output.status != VD_DERIVE_CONTINUE) {
            break;
        }
    }
}

static void
ask_l1(struct vd_follower *f)
{
    if (f->output.need_l1 + f->config.l1_confirmations > f->l1_latest) {
        f->state = NEED_L1;
        return;
    }
    f->state = FETCHING;
    f->effects.fetch_l1(f->effects.ctx, f->output.need_l1);
}

/* The L1 block before the one that is asked for is drained. */
static void
mark_drained(struct vd_follower *f)
{
    const struct vd_l1_ref *l1 = &f->output.current_l1;
    if (f->output.need_l1 == l1->number + 1 && l1->number >= f->config.rollup->genesis_l1.number &&
        (l1->number != f->drained.number || !vd_hash_eq(&l1->hash, &f->drained.hash))) {
        f->drained = *l1;
        f->effects.drained(f->effects.ctx, l1, &f->heads.safe);
    }
}

static void
take_output(struct vd_follower *f, uint64_t now_ms)
{
    switch (f->output.status) {
    case VD_DERIVE_CONTINUE:
        work(f);
        break;
    case VD_DERIVE_NEED_L1:
        release(f, &f->held);
        mark_drained(f);
        ask_l1(f);
        break;
    case VD_DERIVE_NEED_ORIGIN:
        f->state = FETCHING;
        f->effects.fetch_l1_hash(f->effects.ctx, &f->output.need_origin);
        break;
    case VD_DERIVE_PAYLOAD:
        f->state = BUILDING;
        f->effects.build(f->effects.ctx, f->output.attributes);
        break;
    case VD_DERIVE_RESET:
        f->restart = true;
        pause(f, now_ms, "derivation starts again", f->output.reason);
        break;
    case VD_DERIVE_UNSUPPORTED:
        stop(f, "this build does not have a rule that L1 data needs", f->output.reason);
        break;
    case VD_DERIVE_CRITICAL:
        stop(f, "L1 data that cannot be", f->output.reason);
        break;
    }
}

void
vd_follower_worked(struct vd_follower *f, uint64_t now_ms)
{
    VD_ASSERT(f->state == WORKING);
    f->state = PAUSED;
    f->retry_at_ms = now_ms;
    if (f->give && !f->give_failed) {
        /* Transactions stay borrowed until the next L1 block is asked for; an origin is not. */
        if (f->give_is_origin) {
            release(f, &f->give);
        } else {
            release(f, &f->held);
            f->held = f->give;
            f->give = NULL;
        }
    }
    if (restarted(f, now_ms)) {
        return;
    }
    f->reading = f->output.current_l1;
    if (f->work_err != VD_OK) {
        f->output.status = VD_DERIVE_CONTINUE; /* the same again, or RESET after a mismatch */
    }
    if (f->work_err == VD_ERR_MISMATCH) {
        work(f);
    } else if (f->work_err != VD_OK) {
        pause(f, now_ms, "derivation cannot go on now", vd_err_text(f->work_err));
    } else {
        take_output(f, now_ms);
    }
}

void
vd_follower_l1(struct vd_follower *f, uint64_t now_ms, const struct vd_l1_block *block)
{
    VD_ASSERT(f->state == FETCHING);
    f->state = PAUSED;
    f->retry_at_ms = now_ms + RETRY_MS;
    if (f->restart) {
        if (block) {
            f->effects.release_l1(f->effects.ctx, block);
        }
        begin_sync(f, now_ms);
        return;
    }
    if (block) {
        f->give = block;
        f->give_is_origin = f->output.status == VD_DERIVE_NEED_ORIGIN;
        work(f);
    }
}

void
vd_follower_built(struct vd_follower *f, uint64_t now_ms, enum vd_payload_verdict verdict,
                  const struct vd_l2_ref *ref, const struct vd_system_config *system,
                  const char *why)
{
    VD_ASSERT(f->state == BUILDING);
    f->state = PAUSED;
    f->retry_at_ms = now_ms;
    if (verdict == VD_PAYLOAD_VALID) {
        f->heads.safe = *ref;
        if (ref->number > f->heads.unsafe.number) {
            f->heads.unsafe = *ref;
        }
    }
    if (restarted(f, now_ms)) {
        return;
    }
    switch (verdict) {
    case VD_PAYLOAD_VALID:
        vd_derive_accepted(f->derive, ref, system);
        work(f);
        break;
    case VD_PAYLOAD_INVALID:
        note(f, "an invalid payload is replaced by its deposits", why);
        vd_derive_invalid(f->derive);
        work(f);
        break;
    case VD_PAYLOAD_UNSUPPORTED:
        stop(f, "this build does not have a rule that a block needs", why);
        break;
    case VD_PAYLOAD_FAILED:
        pause(f, now_ms, "the engine failed", why);
        break;
    }
}

void
vd_follower_tick(struct vd_follower *f, uint64_t now_ms)
{
    bool waits = f->state == PAUSED || f->state == RETRY_L1_ID || f->state == HELD;
    if (!waits || now_ms < f->retry_at_ms || restarted(f, now_ms)) {
        return;
    }
    if (f->state == RETRY_L1_ID) {
        sync_step(f, now_ms);
    } else {
        take_output(f, now_ms);
    }
}

void
vd_follower_l1_head(struct vd_follower *f, uint64_t now_ms, uint64_t latest)
{
    (void)now_ms;
    f->l1_latest = latest;
    if (f->state == NEED_L1) {
        ask_l1(f);
    }
}

const struct vd_l2_ref *
vd_follower_safe(const struct vd_follower *f)
{
    return &f->heads.safe;
}

const struct vd_l1_ref *
vd_follower_drained(const struct vd_follower *f)
{
    return &f->drained;
}

const char *
vd_follower_stopped(const struct vd_follower *f)
{
    return f->stopped[0] != '\0' ? f->stopped : NULL;
}

bool
vd_follower_is_started(const struct vd_follower *f)
{
    return f->state != IDLE && f->state != STARTING && f->state != WAIT_L1_ID &&
           f->state != RETRY_L1_ID && f->state != HELD && f->state != SETTING;
}
