#include "viaduct/node/fault/runs.h"

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/node/fault/prestate.h"

/* Each reserves address space for a record and two machines, some 75 GiB. */
#define MAX_RUNS 64u
#define KEEP_BYTES ((size_t)2 << 30)

struct run {
    struct vd_question about; /* its claimed root is no claim's */
    struct vd_record *record;
    struct vd_trace *trace;
    uint64_t used; /* when, in questions */
};

struct vd_runs {
    struct vd_runs_config config;
    uint64_t questions;
    struct run runs[MAX_RUNS];
    size_t count;
};

enum vd_err
vd_runs_new(struct vd_runs **out, const struct vd_runs_config *config)
{
    struct vd_runs *r = calloc(1, sizeof *r);
    if (!r) {
        return VD_ERR_NO_MEMORY;
    }
    r->config = *config;
    r->config.keep_bytes = config->keep_bytes ? config->keep_bytes : KEEP_BYTES;
    *out = r;
    return VD_OK;
}

/* --- what is kept --- */

static void
free_run(struct run *run)
{
    vd_trace_free(run->trace);
    vd_record_free(run->record);
}

void
vd_runs_free(struct vd_runs *r)
{
    if (r) {
        for (size_t i = 0; i < r->count; i++) {
            free_run(&r->runs[i]);
        }
        free(r);
    }
}

static bool
is_same(const struct vd_question *a, const struct vd_question *b)
{
    return vd_hash_eq(&a->l1_head, &b->l1_head) && vd_hash_eq(&a->agreed_root, &b->agreed_root) &&
           a->claimed_block == b->claimed_block;
}

static struct run *
find_run(struct vd_runs *r, const struct vd_question *about)
{
    for (size_t i = 0; i < r->count; i++) {
        if (is_same(&r->runs[i].about, about)) {
            return &r->runs[i];
        }
    }
    return NULL;
}

static size_t
bytes_kept(const struct vd_runs *r)
{
    size_t bytes = 0;
    for (size_t i = 0; i < r->count; i++) {
        bytes += vd_trace_bytes(r->runs[i].trace) + vd_record_bytes(r->runs[i].record);
    }
    return bytes;
}

/* The one used longest ago goes first. */
static void
make_room(struct vd_runs *r)
{
    while (r->count == MAX_RUNS || (r->count > 0 && bytes_kept(r) > r->config.keep_bytes)) {
        struct run *oldest = &r->runs[0];
        for (size_t i = 1; i < r->count; i++) {
            oldest = r->runs[i].used < oldest->used ? &r->runs[i] : oldest;
        }
        free_run(oldest);
        *oldest = r->runs[--r->count];
    }
}

/* --- one claim's run --- */

/* The record as the machine's host, but for the root that this claim claims. */
struct claim_host {
    const struct vd_runs *runs;
    const struct vd_record *record;
    struct vd_hash claimed_key;
    const struct vd_hash *claimed_root;
};

static enum vd_err
preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    const struct claim_host *h = ctx;
    struct vd_hash hash;
    memcpy(hash.b, key, sizeof hash.b);
    if (h->runs->config.is_cancelled(h->runs->config.ctx)) {
        return VD_ERR_CLOSED;
    }
    if (vd_hash_eq(&hash, &h->claimed_key)) {
        *value = vd_slice(h->claimed_root->b, sizeof h->claimed_root->b);
        return VD_OK;
    }
    return vd_record_get(h->record, value, &hash);
}

static struct claim_host
claim_host(const struct vd_runs *r, const struct run *run, const struct vd_hash *claimed_root)
{
    return (struct claim_host){.runs = r,
                               .record = run->record,
                               .claimed_key = vd_key_local(VD_LOCAL_CLAIMED_ROOT),
                               .claimed_root = claimed_root};
}

static enum vd_err
machine_at(struct vd_machine **out, const struct vd_runs *r, const struct run *run,
           const struct vd_hash *claimed_root, uint64_t steps)
{
    struct claim_host claim = claim_host(r, run, claimed_root);
    struct vd_vm_host host = {.ctx = &claim, .preimage = preimage};
    return vd_trace_machine(out, run->trace, steps, &host);
}

/* --- a new run --- */

static enum vd_err
fail(struct vd_runs_answer *answer, enum vd_err err, const char *what)
{
    if (answer->text[0] == '\0') {
        snprintf(answer->text, sizeof answer->text, "%s: %s", what, vd_err_text(err));
    }
    return err;
}

static enum vd_err
trace(const struct vd_runs *r, struct run *run, struct vd_runs_answer *answer)
{
    struct claim_host claim = claim_host(r, run, &run->about.claimed_root);
    struct vd_vm_host host = {.ctx = &claim, .preimage = preimage};
    struct vd_trace_config config = {.host = &host, .open_key = claim.claimed_key.b};
    enum vd_err err = vd_prestate_new(&config.prestate, answer->text, sizeof answer->text,
                                      r->config.image, r->config.rollup);
    return err == VD_OK ? vd_trace_new(&run->trace, &config) : err;
}

/* A claim of the output that the native run found has to be valid in the machine: then the two
   agree about every claim. */
static enum vd_err
compare(const struct vd_runs *r, const struct run *run, const struct vd_program_result *result,
        struct vd_runs_answer *answer)
{
    struct vd_machine *machine = NULL;
    bool judges = result->verdict != VD_PROGRAM_PANIC && !vd_trace_end(run->trace)->exited;
    unsigned want = judges ? VD_PROGRAM_VALID : result->verdict;
    enum vd_err err = machine_at(&machine, r, run, &result->output, UINT64_MAX);
    if (err != VD_OK) {
        return err;
    }
    unsigned code = vd_machine_registers(machine)->exit_code;
    vd_machine_free(machine);
    if (code != want) {
        snprintf(answer->alarm, sizeof answer->alarm,
                 "the machine ends with %u and the native run with %u (%s) on the way to block "
                 "%llu: the machine decides, but one of them is wrong",
                 code, want, result->why[0] ? result->why : "no reason",
                 (unsigned long long)run->about.claimed_block);
    }
    return VD_OK;
}

static enum vd_err
make_run(const struct vd_runs *r, struct run *run, struct vd_runs_answer *answer)
{
    struct vd_program_result result = {.why = ""};
    enum vd_err err = vd_record_new(&run->record);
    if (err == VD_OK) {
        err = r->config.record(r->config.ctx, run->record, &result, &run->about, answer->text,
                               sizeof answer->text);
    }
    if (err == VD_OK) {
        err = trace(r, run, answer);
    }
    return err == VD_OK ? compare(r, run, &result, answer) : err;
}

static enum vd_err
get_run(struct vd_runs *r, struct run **out, struct vd_runs_answer *answer,
        const struct vd_question *question)
{
    *out = find_run(r, question);
    if (!*out) {
        struct run run = {.about = *question};
        run.about.claimed_root = (struct vd_hash){{0}};
        enum vd_err err = make_run(r, &run, answer);
        if (err != VD_OK) {
            free_run(&run);
            return fail(answer, err, "the machine's run");
        }
        make_room(r);
        r->runs[r->count] = run;
        *out = &r->runs[r->count++];
    }
    (*out)->used = ++r->questions;
    return VD_OK;
}

enum vd_err
vd_runs_at(struct vd_runs *r, struct vd_runs_answer *answer, const struct vd_question *question,
           uint64_t steps)
{
    struct run *run = NULL;
    answer->machine = NULL;
    answer->text[0] = '\0';
    answer->alarm[0] = '\0';
    enum vd_err err = get_run(r, &run, answer, question);
    if (err != VD_OK) {
        return err;
    }
    answer->record = run->record;
    err = machine_at(&answer->machine, r, run, &question->claimed_root, steps);
    return err == VD_OK ? VD_OK : fail(answer, err, "the machine");
}
