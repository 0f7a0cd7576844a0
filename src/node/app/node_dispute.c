#include "node_dispute.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "viaduct/node/fault/image.h"
#include "viaduct/node/fault/l1_wait.h"
#include "viaduct/node/fault/prestate.h"
#include "viaduct/node/fault/runs.h"
#include "viaduct/node/platform/curves.h"

/* L2 blocks derived again in one native run, and what the runs may have read before they begin
   with nothing again. */
#define BLOCKS_AT_ONCE 1024u
#define DERIVE_BYTES ((size_t)1 << 30)

enum question {
    ASK_STATE,
    ASK_STEP,
    ASK_DERIVE,
};

struct vd_disputes {
    struct vd_disputes_config config;
    struct vd_slice image;
    struct vd_l1_wait *wait;
    uv_async_t finished;
    uv_thread_t thread;
    bool working;
    bool has_thread;
    bool closing;
    atomic_bool cancelled; /* the thread is to end at its next preimage */
    void (*closed)(void *ctx);
    void *closed_ctx;
    vd_disputes_fn fn;
    void *ctx;
    /* The question; from here on the thread's while it works. */
    enum question question;
    struct vd_dispute_run about;
    uint64_t steps;
    struct vd_block_id l1_head;
    uint64_t floor;
    struct vd_runs *runs;
    /* The answer. */
    enum vd_err err;
    char text[300];
    struct vd_runs_answer run;
    struct vd_hash state;
    struct vd_dispute_step step;
    uint64_t safe;
};

/* --- on the thread: recording --- */

static enum vd_err
fail(struct vd_disputes *d, enum vd_err err, const char *what)
{
    if (d->text[0] == '\0') {
        snprintf(d->text, sizeof d->text, "%s: %s", what, vd_err_text(err));
    }
    return err;
}

static enum vd_err
wait_block(void *ctx, struct vd_l1_block *block, const struct vd_hash *hash)
{
    return vd_l1_wait_block(ctx, block, hash);
}

static void
wait_release(void *ctx)
{
    vd_l1_wait_release(ctx);
}

/* The program's own run from an agreed block, whose output goes into the record. */
static enum vd_err
run_natively(const struct vd_disputes *d, struct vd_record *record,
             struct vd_program_result *result, const struct vd_question *question,
             uint64_t agreed_block, char *why, size_t why_size)
{
    struct vd_hash own;
    struct vd_record_source source = {.store = d->config.store,
                                      .rollup = d->config.rollup,
                                      .ctx = d->wait,
                                      .l1_block = wait_block,
                                      .l1_release = wait_release,
                                      .curves = vd_curves_host()};
    enum vd_err err = vd_record_output(record, &own, d->config.store, agreed_block);
    if (err == VD_OK && !vd_hash_eq(&own, &question->agreed_root)) {
        err = VD_ERR_MISMATCH;
    }
    if (err == VD_OK) {
        err = vd_record_ask(record, question, d->config.rollup->l2.chain_id);
    }
    if (err != VD_OK) {
        snprintf(why, why_size, "the output that a run starts from: %s", vd_err_text(err));
        return err;
    }
    char reason[240];
    err = vd_record_run(record, result, reason, sizeof reason, &source);
    if (err != VD_OK) {
        snprintf(why, why_size, "the native run: %s", reason);
    }
    return err;
}

/* --- on the thread: the machine --- */

static enum vd_err
record_run(void *ctx, struct vd_record *record, struct vd_program_result *result,
           const struct vd_question *question, char *why, size_t why_size)
{
    const struct vd_disputes *d = ctx;
    return run_natively(d, record, result, question, d->about.agreed_block, why, why_size);
}

static bool
is_cancelled(void *ctx)
{
    struct vd_disputes *d = ctx;
    return atomic_load(&d->cancelled);
}

/* The preimage that a step reads, as L1's oracle wants it: of a precompile the request. */
static enum vd_err
find_preimage(struct vd_disputes *d, const struct vd_record *record)
{
    struct vd_vm_witness *vm = &d->step.vm;
    struct vd_hash key;
    memcpy(key.b, vm->key, sizeof key.b);
    if (!vm->reads_preimage || key.b[0] == VD_KEY_LOCAL) {
        return VD_OK;
    }
    if (key.b[0] == VD_KEY_PRECOMPILE) {
        key = vd_key_typed(VD_KEY_KECCAK, &key);
    }
    enum vd_err err = vd_record_get(record, &d->step.preimage, &key);
    return err == VD_OK ? VD_OK : fail(d, err, "the preimage that a step reads");
}

static enum vd_err
look_at_run(struct vd_disputes *d)
{
    struct vd_question question = {.l1_head = d->about.l1_head,
                                   .agreed_root = d->about.agreed_root,
                                   .claimed_root = d->about.claimed_root,
                                   .claimed_block = d->about.claimed_block};
    enum vd_err err = vd_runs_at(d->runs, &d->run, &question, d->steps);
    if (err != VD_OK) {
        memcpy(d->text, d->run.text, sizeof d->text);
        return err;
    }
    if (d->question == ASK_STEP) {
        d->step = (struct vd_dispute_step){.preimage = {NULL, 0}};
        vd_machine_witness(d->run.machine, &d->step.vm);
        err = find_preimage(d, d->run.record);
    } else {
        uint8_t state[VD_VM_STATE_BYTES];
        vd_machine_state(d->run.machine, state);
        d->state = vd_vm_state_hash(state);
    }
    vd_machine_free(d->run.machine);
    return err;
}

/* --- on the thread: what L1 makes safe --- */

struct stretch {
    uint64_t agreed;  /* safe by L1 up to the block asked about */
    uint64_t claimed; /* what it makes safe is not above this */
};

/* The nearest entries of the index on both sides. */
static enum vd_err
find_stretch(struct vd_disputes *d, struct stretch *out)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_safe_entry entry;
    struct vd_block_id tip;
    uint64_t first = 1;
    uint64_t last = 0;
    enum vd_err err = vd_snapshot_begin(&snapshot, d->config.store);
    if (err == VD_OK) {
        err = vd_snapshot_head(snapshot, VD_HEAD_SAFE, &tip);
    }
    if (err != VD_OK) {
        vd_snapshot_end(snapshot);
        return err;
    }
    *out = (struct stretch){d->floor, tip.number};
    enum vd_err found = vd_snapshot_safe_at(snapshot, &entry, &first, &last, d->l1_head.number);
    for (uint64_t n = d->l1_head.number; found == VD_ERR_NOT_FOUND && n > first;) {
        found = vd_snapshot_safe_at(snapshot, &entry, &first, &last, --n);
    }
    out->agreed = found == VD_OK && entry.l2.number > d->floor ? entry.l2.number : d->floor;
    found = VD_ERR_NOT_FOUND;
    for (uint64_t n = d->l1_head.number; found == VD_ERR_NOT_FOUND && n < last;) {
        found = vd_snapshot_safe_at(snapshot, &entry, &first, &last, ++n);
    }
    out->claimed = found == VD_OK ? entry.l2.number : out->claimed;
    vd_snapshot_end(snapshot);
    return VD_OK;
}

/* One native run: how far from `agreed` L1 leads, to `claimed` at most. */
static enum vd_err
derive_some(struct vd_disputes *d, struct vd_record *record, uint64_t *reached, uint64_t agreed,
            uint64_t claimed)
{
    struct vd_program_result result = {.why = NULL};
    struct vd_question question = {.l1_head = d->l1_head.hash, .claimed_block = claimed};
    enum vd_err err = vd_record_output(NULL, &question.agreed_root, d->config.store, agreed);
    if (err == VD_OK) {
        err = run_natively(d, record, &result, &question, agreed, d->text, sizeof d->text);
    }
    if (err == VD_OK && result.verdict == VD_PROGRAM_PANIC) {
        snprintf(d->text, sizeof d->text, "deriving again from block %llu: %s",
                 (unsigned long long)agreed, result.why);
        err = VD_ERR_NOT_FOUND;
    }
    *reached = result.head.number;
    return err;
}

static enum vd_err
renew(struct vd_record **record)
{
    if (*record && vd_record_bytes(*record) < DERIVE_BYTES) {
        return VD_OK;
    }
    vd_record_free(*record);
    *record = NULL;
    return vd_record_new(record);
}

static enum vd_err
derive_again(struct vd_disputes *d)
{
    struct stretch s;
    struct vd_record *record = NULL; /* one for all runs: L1 is fetched once */
    enum vd_err err = find_stretch(d, &s);
    bool more = err == VD_OK && s.agreed < s.claimed;
    while (more) {
        uint64_t next =
            s.claimed - s.agreed > BLOCKS_AT_ONCE ? s.agreed + BLOCKS_AT_ONCE : s.claimed;
        err = atomic_load(&d->cancelled) ? VD_ERR_CLOSED : renew(&record);
        if (err == VD_OK) {
            err = derive_some(d, record, &s.agreed, s.agreed, next);
        }
        more = err == VD_OK && s.agreed == next && next < s.claimed;
    }
    vd_record_free(record);
    d->safe = s.agreed;
    return err == VD_OK ? VD_OK : fail(d, err, "deriving again what the index does not have");
}

/* --- questions --- */

static void
work(void *ctx)
{
    struct vd_disputes *d = ctx;
    switch (d->question) {
    case ASK_STATE:
    case ASK_STEP:
        d->err = look_at_run(d);
        break;
    case ASK_DERIVE:
        d->err = derive_again(d);
        break;
    }
    uv_async_send(&d->finished);
}

static void
on_wait_closed(void *ctx)
{
    struct vd_disputes *d = ctx;
    void (*closed)(void *) = d->closed;
    void *closed_ctx = d->closed_ctx;
    vd_runs_free(d->runs);
    free(d);
    closed(closed_ctx);
}

static void
on_async_closed(uv_handle_t *handle)
{
    struct vd_disputes *d = handle->data;
    vd_l1_wait_close(d->wait, on_wait_closed, d);
}

static void
close_handles(struct vd_disputes *d)
{
    uv_close((uv_handle_t *)&d->finished, on_async_closed);
}

static void
on_finished(uv_async_t *async)
{
    struct vd_disputes *d = async->data;
    if (!d->working) {
        return;
    }
    if (d->has_thread) {
        uv_thread_join(&d->thread);
    }
    d->working = false;
    if (d->closing) {
        close_handles(d);
        return;
    }
    struct vd_disputes_answer answer = {.err = d->err,
                                        .text = d->text,
                                        .alarm = d->run.alarm[0] ? d->run.alarm : NULL,
                                        .state = d->state,
                                        .step = &d->step,
                                        .safe = d->safe};
    d->fn(d->ctx, &answer);
}

static void
begin(struct vd_disputes *d, enum question question, vd_disputes_fn fn, void *ctx)
{
    VD_ASSERT(!d->working && !d->closing);
    d->question = question;
    d->fn = fn;
    d->ctx = ctx;
    d->err = VD_OK;
    d->text[0] = '\0';
    d->run.alarm[0] = '\0';
    d->working = true;
    d->has_thread = uv_thread_create(&d->thread, work, d) == 0;
    if (!d->has_thread) {
        d->err = fail(d, VD_ERR_NO_MEMORY, "a thread for it");
        uv_async_send(&d->finished);
    }
}

void
vd_disputes_state(struct vd_disputes *d, const struct vd_dispute_run *run, uint64_t steps,
                  vd_disputes_fn fn, void *ctx)
{
    d->about = *run;
    d->steps = steps;
    begin(d, ASK_STATE, fn, ctx);
}

void
vd_disputes_step(struct vd_disputes *d, const struct vd_dispute_run *run, uint64_t steps,
                 vd_disputes_fn fn, void *ctx)
{
    d->about = *run;
    d->steps = steps;
    begin(d, ASK_STEP, fn, ctx);
}

void
vd_disputes_derive(struct vd_disputes *d, const struct vd_block_id *l1_head, uint64_t floor,
                   vd_disputes_fn fn, void *ctx)
{
    d->l1_head = *l1_head;
    d->floor = floor;
    begin(d, ASK_DERIVE, fn, ctx);
}

/* --- life --- */

static enum vd_err
find_prestate(struct vd_disputes *d, struct vd_hash *prestate, char *why, size_t why_size)
{
    struct vd_machine *machine = NULL;
    uint8_t state[VD_VM_STATE_BYTES];
    enum vd_err err = vd_guest_image(&d->image);
    if (err == VD_OK) {
        err = vd_prestate_new(&machine, why, why_size, d->image, d->config.rollup);
    }
    if (err == VD_OK) {
        vd_machine_state(machine, state);
        *prestate = vd_vm_state_hash(state);
    }
    vd_machine_free(machine);
    return err;
}

static enum vd_err
make_runs(struct vd_disputes *d)
{
    struct vd_runs_config config = {.image = d->image,
                                    .rollup = d->config.rollup,
                                    .keep_bytes = d->config.keep_bytes,
                                    .ctx = d,
                                    .record = record_run,
                                    .is_cancelled = is_cancelled};
    return vd_runs_new(&d->runs, &config);
}

enum vd_err
vd_disputes_new(struct vd_disputes **out, struct vd_hash *prestate, char *why, size_t why_size,
                const struct vd_disputes_config *config)
{
    struct vd_disputes *d = calloc(1, sizeof *d);
    if (!d) {
        return VD_ERR_NO_MEMORY;
    }
    d->config = *config;
    enum vd_err err = find_prestate(d, prestate, why, why_size);
    if (err == VD_OK) {
        err = make_runs(d);
    }
    if (err == VD_OK) {
        err = vd_l1_wait_new(&d->wait, config->loop, config->l1);
    }
    if (err != VD_OK) {
        vd_runs_free(d->runs);
        free(d);
        return err;
    }
    uv_async_init(config->loop, &d->finished, on_finished);
    d->finished.data = d;
    *out = d;
    return VD_OK;
}

void
vd_disputes_close(struct vd_disputes *d, void (*closed)(void *ctx), void *ctx)
{
    d->closed = closed;
    d->closed_ctx = ctx;
    d->closing = true;
    atomic_store(&d->cancelled, true);
    vd_l1_wait_cancel(d->wait);
    if (!d->working) {
        close_handles(d);
    }
}
