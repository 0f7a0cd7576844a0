#include "viaduct/node/fault/trace.h"

#include <stdlib.h>

#include "machine_internal.h"

#define DEFAULT_INTERVAL ((uint64_t)1 << 20)
#define DEFAULT_SNAPSHOTS 2048u
#define DEFAULT_BYTES ((size_t)256 << 20)

/* What was written since the snapshot before: whole pages in order of their numbers, as they stand
   at this one. */
struct snapshot {
    struct vd_vm_registers registers;
    uint32_t *pages;
    uint8_t *bytes; /* VD_VM_PAGE for each */
    size_t count;
    size_t cap;
    bool failed;
};

struct vd_trace {
    struct vd_machine *prestate;
    struct vd_vm_registers end;
    struct snapshot *snapshots;
    size_t count;
    size_t max;
    size_t max_bytes;
    uint64_t interval;
    /* Of an open trace: the machine as it stands at the end, hashed, so that what goes on from
       there has only its own pages to hash. */
    struct vd_machine *last;
    size_t last_pages;
};

static void
snapshot_deinit(struct snapshot *s)
{
    free(s->pages);
    free(s->bytes);
    *s = (struct snapshot){0};
}

static void
keep_page(void *ctx, uint32_t page, const uint8_t bytes[VD_VM_PAGE])
{
    struct snapshot *s = ctx;
    if (s->count == s->cap && !s->failed) {
        size_t cap = s->cap ? 2 * s->cap : 16;
        uint32_t *pages = realloc(s->pages, cap * sizeof *pages);
        s->pages = pages ? pages : s->pages;
        uint8_t *room = pages ? realloc(s->bytes, cap * VD_VM_PAGE) : NULL;
        s->bytes = room ? room : s->bytes;
        s->cap = room ? cap : s->cap;
        s->failed = !room;
    }
    if (!s->failed) {
        s->pages[s->count] = page;
        memcpy(s->bytes + s->count * VD_VM_PAGE, bytes, VD_VM_PAGE);
        s->count++;
    }
}

/* The two as one: the pages of both, in order, those of the later where both have one. */
static enum vd_err
merge(struct snapshot *earlier, struct snapshot *later)
{
    struct snapshot both = {.registers = later->registers};
    size_t a = 0;
    size_t b = 0;
    while (a < earlier->count || b < later->count) {
        if (b == later->count || (a < earlier->count && earlier->pages[a] < later->pages[b])) {
            keep_page(&both, earlier->pages[a], earlier->bytes + a * VD_VM_PAGE);
            a++;
        } else {
            a += a < earlier->count && earlier->pages[a] == later->pages[b];
            keep_page(&both, later->pages[b], later->bytes + b * VD_VM_PAGE);
            b++;
        }
    }
    if (both.failed) {
        snapshot_deinit(&both);
        return VD_ERR_NO_MEMORY;
    }
    snapshot_deinit(earlier);
    snapshot_deinit(later);
    *earlier = both;
    return VD_OK;
}

/* Joins snapshots in pairs and doubles the distance between those to come. */
static enum vd_err
thin_out(struct vd_trace *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i += 2, kept++) {
        if (i + 1 < t->count) {
            enum vd_err err = merge(&t->snapshots[i], &t->snapshots[i + 1]);
            if (err != VD_OK) {
                return err;
            }
        }
        struct snapshot moved = t->snapshots[i];
        t->snapshots[i] = (struct snapshot){0};
        t->snapshots[kept] = moved;
    }
    t->count = kept;
    t->interval *= 2;
    return VD_OK;
}

static size_t
touched_pages(const struct vd_machine *m)
{
    size_t count = 0;
    for (uint32_t page = 0; page < VD_VM_PAGES; page++) {
        if (page % 8 == 0 && vd_load_le64(m->marks + page) == 0) {
            page += 7;
        } else {
            count += (m->marks[page] & VD_VM_TOUCHED) != 0;
        }
    }
    return count;
}

static size_t
snapshot_bytes(const struct vd_trace *t)
{
    size_t pages = 0;
    for (size_t i = 0; i < t->count; i++) {
        pages += t->snapshots[i].count;
    }
    return pages * VD_VM_PAGE;
}

/* A page that is written once is kept once, however many snapshots there are: what is thinned out
   are the same pages again and again. */
static bool
is_too_much(const struct vd_trace *t, const struct vd_machine *m)
{
    size_t bytes = snapshot_bytes(t);
    return t->count == t->max || (t->count > 1 && bytes > t->max_bytes &&
                                  bytes - t->max_bytes > touched_pages(m) * VD_VM_PAGE);
}

static enum vd_err
take_snapshot(struct vd_trace *t, struct vd_machine *m)
{
    while (is_too_much(t, m)) {
        enum vd_err err = thin_out(t);
        if (err != VD_OK) {
            return err;
        }
    }
    struct snapshot *s = &t->snapshots[t->count++];
    s->registers = *vd_machine_registers(m);
    vd_machine_each_written(m, true, keep_page, s);
    return s->failed ? VD_ERR_NO_MEMORY : VD_OK;
}

/* The host of a run that is to end before open_key is asked for. */
struct gate {
    const struct vd_vm_host *host;
    const uint8_t *open_key;
    bool reached;
};

static enum vd_err
gate_preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    struct gate *gate = ctx;
    gate->reached = gate->open_key && memcmp(key, gate->open_key, 32) == 0;
    return gate->reached ? VD_ERR_CLOSED : gate->host->preimage(gate->host->ctx, value, key);
}

static void
gate_write(void *ctx, struct vd_slice bytes)
{
    const struct vd_vm_host *host = ((struct gate *)ctx)->host;
    if (host->write) {
        host->write(host->ctx, bytes);
    }
}

static void
gate_hint(void *ctx, struct vd_slice bytes)
{
    const struct vd_vm_host *host = ((struct gate *)ctx)->host;
    if (host->hint) {
        host->hint(host->ctx, bytes);
    }
}

static enum vd_err
run_to_end(struct vd_trace *t, struct vd_machine *m, const struct vd_trace_config *config)
{
    uint64_t limit = config->max_steps ? config->max_steps : UINT64_MAX;
    struct gate gate = {.host = config->host, .open_key = config->open_key};
    struct vd_vm_host host = {
        .ctx = &gate, .preimage = gate_preimage, .write = gate_write, .hint = gate_hint};
    while (!m->registers.exited && m->registers.step < limit) {
        uint64_t step = m->registers.step;
        enum vd_err err =
            vd_machine_run(m, limit - step > t->interval ? step + t->interval : limit, &host);
        if (gate.reached) {
            return VD_OK;
        }
        if (err == VD_OK && !m->registers.exited) {
            err = take_snapshot(t, m);
        }
        if (err != VD_OK) {
            return err;
        }
    }
    return VD_OK;
}

static enum vd_err
run(struct vd_trace *t, const struct vd_trace_config *config)
{
    struct vd_machine *m = NULL;
    enum vd_err err = vd_machine_clone(&m, t->prestate);
    if (err == VD_OK) {
        err = run_to_end(t, m, config);
    }
    if (err == VD_OK) {
        t->end = m->registers;
    }
    if (err == VD_OK && config->open_key) {
        vd_machine_hash(m);
        t->last = m;
        t->last_pages = touched_pages(m);
        return VD_OK;
    }
    vd_machine_free(m);
    return err;
}

enum vd_err
vd_trace_new(struct vd_trace **out, const struct vd_trace_config *config)
{
    struct vd_trace *t = calloc(1, sizeof *t);
    if (!t) {
        vd_machine_free(config->prestate);
        return VD_ERR_NO_MEMORY;
    }
    t->prestate = config->prestate;
    t->interval = config->interval ? config->interval : DEFAULT_INTERVAL;
    t->max = config->max_snapshots ? config->max_snapshots : DEFAULT_SNAPSHOTS;
    t->max = t->max < 2 ? 2 : t->max;
    t->max_bytes = config->max_bytes ? config->max_bytes : DEFAULT_BYTES;
    t->snapshots = calloc(t->max, sizeof *t->snapshots);
    enum vd_err err = t->snapshots ? vd_machine_decode(t->prestate) : VD_ERR_NO_MEMORY;
    if (err == VD_OK) {
        /* Hashed once here, so that no clone has to do it. */
        vd_machine_hash(t->prestate);
        err = run(t, config);
    }
    if (err != VD_OK) {
        vd_trace_free(t);
        return err;
    }
    *out = t;
    return VD_OK;
}

void
vd_trace_free(struct vd_trace *t)
{
    if (t) {
        for (size_t i = 0; t->snapshots && i < t->count; i++) {
            snapshot_deinit(&t->snapshots[i]);
        }
        free(t->snapshots);
        vd_machine_free(t->last);
        vd_machine_free(t->prestate);
        free(t);
    }
}

const struct vd_vm_registers *
vd_trace_end(const struct vd_trace *t)
{
    return &t->end;
}

size_t
vd_trace_bytes(const struct vd_trace *t)
{
    return snapshot_bytes(t) + t->last_pages * VD_VM_PAGE;
}

/* From the last snapshot that counts backwards: of each page the first that is met is the one. */
static enum vd_err
restore(struct vd_machine *m, const struct vd_trace *t, uint64_t step)
{
    size_t count = 0;
    while (count < t->count && t->snapshots[count].registers.step <= step) {
        count++;
    }
    for (size_t i = count; i-- > 0;) {
        const struct snapshot *s = &t->snapshots[i];
        for (size_t p = 0; p < s->count; p++) {
            if (m->marks[s->pages[p]] & VD_VM_WRITTEN) {
                continue; /* since the machine was cloned: by a later snapshot */
            }
            enum vd_err err = vd_machine_load(m, (uint64_t)s->pages[p] * VD_VM_PAGE,
                                              vd_slice(s->bytes + p * VD_VM_PAGE, VD_VM_PAGE));
            if (err != VD_OK) {
                return err;
            }
        }
    }
    if (count > 0) {
        m->registers = t->snapshots[count - 1].registers;
    }
    return VD_OK;
}

enum vd_err
vd_trace_machine(struct vd_machine **out, const struct vd_trace *t, uint64_t step,
                 const struct vd_vm_host *host)
{
    struct vd_machine *m = NULL;
    bool is_behind = t->last && step >= t->end.step;
    enum vd_err err = vd_machine_clone(&m, is_behind ? t->last : t->prestate);
    if (err == VD_OK && !is_behind) {
        err = restore(m, t, step);
    }
    if (err == VD_OK) {
        err = vd_machine_run(m, step, host);
    }
    if (err != VD_OK) {
        vd_machine_free(m);
        return err;
    }
    *out = m;
    return VD_OK;
}
