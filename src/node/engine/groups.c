/* Group commit: what happened since the last flush becomes durable together, is published together
   and answered together. */
#include "engine_internal.h"

#include <stdlib.h>

#define RETRY_MS 1000u

struct vd_group *
vd_group_now(struct vd_engine *e)
{
    if (!e->group) {
        e->group = calloc(1, sizeof *e->group);
        VD_ASSERT(e->group != NULL);
        e->group->answers.tail = &e->group->answers.head;
    }
    return e->group;
}

void
vd_group_record(struct vd_engine *e, enum vd_record type, struct vd_slice head,
                struct vd_slice tail)
{
    struct vd_group *group = vd_group_now(e);
    if (e->config.journal) {
        vd_record_add(&group->records, type, head, tail);
    }
    group->publish = true;
}

void
vd_group_answer(struct vd_engine *e, struct vd_command *command)
{
    vd_command_put(&vd_group_now(e)->answers, command);
}

/* --- records --- */

static void
waiting_record(struct vd_records *records, const struct vd_waiting *w)
{
    uint8_t head[36];
    vd_store_be64(head, w->arrived_ms);
    vd_store_be64(head + 8, w->carried);
    memcpy(head + 16, w->sender.b, 20);
    vd_record_add(records, VD_RECORD_WAITING, vd_slice(head, sizeof head),
                  vd_slice(w->raw, w->len));
}

void
vd_group_waiting(struct vd_engine *e, const struct vd_waiting *w)
{
    struct vd_group *group = vd_group_now(e);
    if (e->config.journal) {
        waiting_record(&group->records, w);
    }
}

static void
plan_record(struct vd_records *records, struct vd_block_box *box)
{
    size_t mark = vd_arena_mark(&box->exec_arena);
    struct vd_buf buf;
    vd_buf_init(&buf, &box->exec_arena);
    vd_plan_encode(&buf, &box->plan);
    if (buf.err == VD_OK) {
        vd_record_add(records, VD_RECORD_OPEN, vd_buf_view(&buf), vd_slice(NULL, 0));
    } else {
        records->no_memory = true;
    }
    vd_arena_rewind(&box->exec_arena, mark);
}

void
vd_group_snapshot(struct vd_engine *e, struct vd_records *records)
{
    records->len = 0;
    for (const struct vd_waiting *w = e->pool.oldest; w; w = w->newer) {
        waiting_record(records, w);
    }
    if (!e->open) {
        return;
    }
    plan_record(records, e->open);
    for (size_t i = e->open->forced_count; i < e->open->tx_count; i++) {
        const struct vd_tx_record *r = &e->open->records[i];
        vd_record_add(records, VD_RECORD_TX, vd_slice(r->sender.b, 20), r->raw);
    }
}

static bool
is_all_committed(const struct vd_engine *e)
{
    for (size_t i = 0; i < e->sealed_count; i++) {
        if (!atomic_load(&e->sealed[i]->committed)) {
            return false;
        }
    }
    return true;
}

void
vd_group_discard(struct vd_engine *e)
{
    if (e->group) {
        free(e->group->records.bytes);
        free(e->group);
        e->group = NULL;
    }
}

/* --- handing over --- */

static void
give(struct vd_engine *e, struct vd_group *group)
{
    uv_mutex_lock(&e->mutex);
    *e->groups_tail = group;
    e->groups_tail = &group->next;
    uv_cond_signal(&e->journal_wake);
    uv_mutex_unlock(&e->mutex);
}

void
vd_group_flush(struct vd_engine *e, bool stop)
{
    if (!e->group && !stop) {
        return;
    }
    struct vd_group *group = vd_group_now(e);
    e->group = NULL;
    e->group_size = 0;
    group->stop = stop;
    group->returned_given = e->returned_given;
    if (e->config.journal && atomic_load(&e->journal_size) > e->config.journal_rotate_bytes &&
        is_all_committed(e)) {
        vd_group_snapshot(e, &group->records);
        group->replace = true;
    }
    if (group->publish && e->open) {
        if (vd_overlay_flush(&e->open->overlay) == VD_OK) {
            group->pending = vd_pending_make(e->open);
        }
        group->publish = group->pending != NULL;
    }
    for (struct vd_inclusion *i = group->inclusions; i; i = i->next) {
        if (group->pending) {
            i->pending = group->pending;
            (void)vd_pending_ref(&group->pending->view);
        }
    }
    for (struct vd_command *c = group->answers.head; c; c = c->next) {
        if (c->kind == VD_CMD_SUBMIT && c->status == VD_SUBMIT_ACCEPTED && c->index != SIZE_MAX &&
            group->pending) {
            c->pending = group->pending;
            (void)vd_pending_ref(&group->pending->view);
        }
    }
    give(e, group);
}

/* --- the journal thread --- */

static struct vd_group *
take_groups(struct vd_engine *e)
{
    uv_mutex_lock(&e->mutex);
    while (!e->groups) {
        uv_cond_wait(&e->journal_wake, &e->mutex);
    }
    struct vd_group *groups = e->groups;
    e->groups = NULL;
    e->groups_tail = &e->groups;
    uv_mutex_unlock(&e->mutex);
    return groups;
}

static enum vd_err
write_once(struct vd_engine *e, const struct vd_records *records, bool replace)
{
    struct vd_slice bytes = vd_slice(records->bytes, records->len);
    if (atomic_load(&e->broken)) {
        return VD_ERR_IO;
    }
    if (records->no_memory) {
        return VD_ERR_NO_MEMORY;
    }
    return replace ? vd_journal_replace(e->journal, bytes) : vd_journal_write(e->journal, bytes);
}

/* Waits for space; any other failure ends acknowledging for good. */
static enum vd_err
insist(struct vd_engine *e, const struct vd_records *records, bool replace)
{
    if (!e->journal || (records->len == 0 && !replace)) {
        return VD_OK;
    }
    for (;;) {
        enum vd_err err = write_once(e, records, replace);
        if (err != VD_ERR_FULL || atomic_load(&e->giving_up)) {
            if (err == VD_OK) {
                vd_engine_set_full(e, VD_FULL_JOURNAL, false);
                atomic_store(&e->journal_size, vd_journal_bytes(e->journal));
                atomic_fetch_add(&e->syncs_done, 1);
            } else if (!atomic_exchange(&e->broken, true)) {
                vd_log(e->config.logger, VD_LOG_ERROR, "journal",
                       "writing the journal failed (%s): nothing is acknowledged until a restart",
                       vd_err_text(err));
                uv_async_send(&e->async);
            }
            return err;
        }
        vd_engine_set_full(e, VD_FULL_JOURNAL, true);
        uv_mutex_lock(&e->mutex);
        (void)uv_cond_timedwait(&e->journal_wake, &e->mutex, (uint64_t)RETRY_MS * 1000000u);
        uv_mutex_unlock(&e->mutex);
    }
}

/* One write and one sync for groups up to the next one that replaces the journal. */
static struct vd_group *
write_some(struct vd_engine *e, struct vd_group *from, enum vd_err *err)
{
    struct vd_records *all = &from->records;
    struct vd_group *next = from->next;
    while (next && !next->replace) {
        struct vd_records *more = &next->records;
        if (all->len + more->len > all->cap) {
            size_t cap = (all->len + more->len) * 2;
            uint8_t *bytes = realloc(all->bytes, cap);
            if (!bytes) {
                break;
            }
            all->bytes = bytes;
            all->cap = cap;
        }
        if (more->len > 0) {
            memcpy(all->bytes + all->len, more->bytes, more->len);
        }
        all->len += more->len;
        all->no_memory |= more->no_memory;
        next = next->next;
    }
    *err = insist(e, all, from->replace);
    return next;
}

static void
fail_answers(struct vd_group *group)
{
    for (struct vd_command *c = group->answers.head; c; c = c->next) {
        if (c->kind == VD_CMD_SUBMIT && c->status == VD_SUBMIT_ACCEPTED) {
            c->status = VD_SUBMIT_UNAVAILABLE;
            vd_engine_say(c, "the node cannot write its journal");
        } else if (c->err == VD_OK) {
            c->err = VD_ERR_IO;
        }
    }
}

/* Publishes, then lets the answers go: who has an answer finds the transaction in the view. */
static void
release(struct vd_engine *e, struct vd_group *group, enum vd_err err)
{
    struct vd_pending_box *old = group->pending;
    if (err != VD_OK) {
        fail_answers(group);
    }
    if (err == VD_OK) {
        atomic_store(&e->returned_durable, group->returned_given);
    }
    uv_mutex_lock(&e->mutex);
    if (err == VD_OK && group->publish) {
        old = e->pending;
        e->pending = group->pending;
    }
    if (group->answers.head) {
        *e->answers.tail = group->answers.head;
        e->answers.tail = group->answers.tail;
    }
    while (group->inclusions) {
        struct vd_inclusion *i = group->inclusions;
        group->inclusions = i->next;
        i->next = NULL;
        *e->inclusions_tail = i;
        e->inclusions_tail = &i->next;
    }
    uv_async_send(&e->async);
    uv_mutex_unlock(&e->mutex);
    vd_pending_unref(old ? &old->view : NULL);
    free(group->records.bytes);
    free(group);
}

void
vd_journal_main(void *arg)
{
    struct vd_engine *e = arg;
    bool stop = false;
    while (!stop) {
        struct vd_group *group = take_groups(e);
        while (group) {
            enum vd_err err = VD_OK;
            struct vd_group *end = write_some(e, group, &err);
            while (group != end) {
                struct vd_group *next = group->next;
                stop |= group->stop;
                release(e, group, err);
                group = next;
            }
        }
    }
}
