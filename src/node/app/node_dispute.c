#include "node_dispute.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "viaduct/node/fault/image.h"
#include "viaduct/node/fault/l1_wait.h"
#include "viaduct/node/fault/prestate.h"
#include "viaduct/node/fault/record.h"
#include "viaduct/node/fault/trace.h"
#include "viaduct/node/platform/curves.h"

#define MAX_RUNS 16u
#define KEEP_BYTES ((size_t)2 << 30)
/* L2 blocks derived again in one native run, and what the runs may have read before they begin
   with nothing again. */
#define BLOCKS_AT_ONCE 1024u
#define DERIVE_BYTES ((size_t)1 << 30)

enum question {
    ASK_STATE,
    ASK_STEP,
    ASK_DERIVE,
};

struct run {
    struct vd_dispute_run about;
    struct vd_record *record;
    struct vd_trace *trace;
    uint64_t used; /* when, in questions */
};

struct vd_disputes {
    struct vd_disputes_config config;
    struct vd_slice image;
    struct vd_l1_wait *wait;
    uv_async_t finished;
    uv_thread_t thread;
    bool working;
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
    uint64_t count; /* of questions */
    struct run runs[MAX_RUNS];
    size_t run_count;
    struct vd_vm_host recorded; /* of the run at work */
    /* The answer. */
    enum vd_err err;
    char text[300];
    char alarm[200];
    struct vd_hash state;
    struct vd_dispute_step step;
    uint64_t safe;
};

/* --- runs kept --- */

static bool
is_same(const struct vd_dispute_run *a, const struct vd_dispute_run *b)
{
    return vd_hash_eq(&a->l1_head, &b->l1_head) && vd_hash_eq(&a->agreed_root, &b->agreed_root) &&
           a->agreed_block == b->agreed_block && vd_hash_eq(&a->claimed_root, &b->claimed_root) &&
           a->claimed_block == b->claimed_block;
}

static struct run *
find_run(struct vd_disputes *d, const struct vd_dispute_run *about)
{
    for (size_t i = 0; i < d->run_count; i++) {
        if (is_same(&d->runs[i].about, about)) {
            return &d->runs[i];
        }
    }
    return NULL;
}

static void
drop_run(struct vd_disputes *d, struct run *run)
{
    vd_trace_free(run->trace);
    vd_record_free(run->record);
    *run = d->runs[--d->run_count];
}

static size_t
bytes_kept(const struct vd_disputes *d)
{
    size_t bytes = 0;
    for (size_t i = 0; i < d->run_count; i++) {
        bytes += vd_trace_bytes(d->runs[i].trace) + vd_record_bytes(d->runs[i].record);
    }
    return bytes;
}

/* The one used longest ago goes first. */
static void
make_room(struct vd_disputes *d)
{
    size_t most = d->config.keep_bytes == 0 ? KEEP_BYTES : d->config.keep_bytes;
    while (d->run_count == MAX_RUNS || (d->run_count > 0 && bytes_kept(d) > most)) {
        struct run *oldest = &d->runs[0];
        for (size_t i = 1; i < d->run_count; i++) {
            oldest = d->runs[i].used < oldest->used ? &d->runs[i] : oldest;
        }
        drop_run(d, oldest);
    }
}

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
run_natively(struct vd_disputes *d, struct vd_record *record, struct vd_program_result *result,
             const struct vd_question *question, uint64_t agreed_block)
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
        return fail(d, err, "the output that a run starts from");
    }
    char why[240];
    err = vd_record_run(record, result, why, sizeof why, &source);
    if (err != VD_OK) {
        snprintf(d->text, sizeof d->text, "the native run: %s", why);
    }
    return err;
}

/* --- on the thread: the machine --- */

static enum vd_err
preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    struct vd_disputes *d = ctx;
    return atomic_load(&d->cancelled) ? VD_ERR_CLOSED
                                      : d->recorded.preimage(d->recorded.ctx, value, key);
}

static struct vd_vm_host
host_of(struct vd_disputes *d, struct vd_record *record)
{
    vd_record_host(&d->recorded, record);
    return (struct vd_vm_host){.ctx = d, .preimage = preimage};
}

static enum vd_err
trace(struct vd_disputes *d, struct vd_trace **out, struct vd_record *record)
{
    struct vd_vm_host host = host_of(d, record);
    struct vd_trace_config config = {.host = &host};
    enum vd_err err =
        vd_prestate_new(&config.prestate, d->text, sizeof d->text, d->image, d->config.rollup);
    return err == VD_OK ? vd_trace_new(out, &config) : err;
}

/* L1 computes the machine's step, so where the two disagree the machine is believed. */
static void
compare(struct vd_disputes *d, const struct vd_program_result *result, const struct run *run)
{
    unsigned code = vd_trace_end(run->trace)->exit_code;
    if ((unsigned)result->verdict != code) {
        snprintf(d->alarm, sizeof d->alarm,
                 "the machine ends with %u and the native run with %u (%s) between blocks %llu "
                 "and %llu: the machine decides, but one of them is wrong",
                 code, (unsigned)result->verdict, result->why ? result->why : "no reason",
                 (unsigned long long)run->about.agreed_block,
                 (unsigned long long)run->about.claimed_block);
    }
}

static enum vd_err
make_run(struct vd_disputes *d, struct run *run)
{
    struct vd_program_result result = {.why = NULL};
    struct vd_question question = {.l1_head = run->about.l1_head,
                                   .agreed_root = run->about.agreed_root,
                                   .claimed_root = run->about.claimed_root,
                                   .claimed_block = run->about.claimed_block};
    enum vd_err err = vd_record_new(&run->record);
    if (err == VD_OK) {
        err = run_natively(d, run->record, &result, &question, run->about.agreed_block);
    }
    if (err == VD_OK) {
        err = trace(d, &run->trace, run->record);
    }
    if (err == VD_OK) {
        compare(d, &result, run);
    }
    return err;
}

static enum vd_err
get_run(struct vd_disputes *d, struct run **out)
{
    *out = find_run(d, &d->about);
    if (!*out) {
        struct run run = {.about = d->about};
        enum vd_err err = make_run(d, &run);
        if (err != VD_OK) {
            vd_trace_free(run.trace);
            vd_record_free(run.record);
            return fail(d, err, "the machine's run");
        }
        make_room(d);
        d->runs[d->run_count] = run;
        *out = &d->runs[d->run_count++];
    }
    (*out)->used = d->count;
    return VD_OK;
}

/* The preimage that a step reads, as L1's oracle wants it: of a precompile the request. */
static enum vd_err
find_preimage(struct vd_disputes *d, const struct run *run)
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
    enum vd_err err = vd_record_get(run->record, &d->step.preimage, &key);
    return err == VD_OK ? VD_OK : fail(d, err, "the preimage that a step reads");
}

static enum vd_err
look_at_run(struct vd_disputes *d)
{
    struct run *run = NULL;
    struct vd_machine *machine = NULL;
    enum vd_err err = get_run(d, &run);
    if (err != VD_OK) {
        return err;
    }
    struct vd_vm_host host = host_of(d, run->record);
    err = vd_trace_machine(&machine, run->trace, d->steps, &host);
    if (err != VD_OK) {
        return fail(d, err, "the machine");
    }
    if (d->question == ASK_STEP) {
        d->step = (struct vd_dispute_step){.preimage = {NULL, 0}};
        vd_machine_witness(machine, &d->step.vm);
        err = find_preimage(d, run);
    } else {
        uint8_t state[VD_VM_STATE_BYTES];
        vd_machine_state(machine, state);
        d->state = vd_vm_state_hash(state);
    }
    vd_machine_free(machine);
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
        err = run_natively(d, record, &result, &question, agreed);
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
    while (d->run_count > 0) {
        drop_run(d, &d->runs[0]);
    }
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
    uv_thread_join(&d->thread);
    d->working = false;
    if (d->closing) {
        close_handles(d);
        return;
    }
    struct vd_disputes_answer answer = {.err = d->err,
                                        .text = d->text,
                                        .alarm = d->alarm[0] ? d->alarm : NULL,
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
    d->count++;
    d->err = VD_OK;
    d->text[0] = '\0';
    d->alarm[0] = '\0';
    d->working = true;
    VD_ASSERT(uv_thread_create(&d->thread, work, d) == 0);
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
        err = vd_l1_wait_new(&d->wait, config->loop, config->l1);
    }
    if (err != VD_OK) {
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
