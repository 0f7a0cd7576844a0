/* What the roles ask for, on the engine thread: opening, sealing, dropping, derived blocks,
   heads. */
#include "engine_internal.h"

#include <inttypes.h>
#include <stdlib.h>

static bool
is_stopped(struct vd_engine *e, struct vd_command *c)
{
    if (atomic_load(&e->broken)) {
        c->err = VD_ERR_IO;
        vd_engine_say(c, "the node cannot write to its folder any more; restart it");
    } else if (atomic_load(&e->out_of_space)) {
        c->err = VD_ERR_FULL;
        vd_engine_say(c, "no space left in the node's folder");
    }
    return c->err != VD_OK;
}

/* Room for one more sealed block: waits for the store thread when there is none. */
static bool
make_room(struct vd_engine *e)
{
    if (e->sealed_count < VD_ENGINE_MAX_SEALED) {
        return true;
    }
    vd_store_wait(e);
    vd_engine_forget_committed(e);
    return e->sealed_count < VD_ENGINE_MAX_SEALED;
}

/* --- the open block --- */

/* Its user transactions wait again, in order, and the block goes. */
static void
carry_open(struct vd_engine *e, struct vd_block_box *box)
{
    for (size_t i = box->forced_count; i < box->tx_count; i++) {
        vd_admit_carry(e, box->records[i].raw, &box->records[i].sender);
    }
    vd_box_release(box);
}

void
vd_engine_drop_open(struct vd_engine *e)
{
    struct vd_block_box *box = e->open;
    if (!box) {
        return;
    }
    e->open = NULL;
    vd_group_record(e, VD_RECORD_DROP, vd_slice(NULL, 0), vd_slice(NULL, 0));
    carry_open(e, box);
}

static void
record_plan(struct vd_engine *e, struct vd_block_box *box)
{
    size_t mark = vd_arena_mark(&box->own);
    struct vd_buf buf;
    vd_buf_init(&buf, &box->own);
    vd_plan_encode(&buf, &box->plan);
    VD_ASSERT(buf.err == VD_OK);
    vd_group_record(e, VD_RECORD_OPEN, vd_buf_view(&buf), vd_slice(NULL, 0));
    vd_arena_rewind(&box->own, mark);
}

static void
answer_open(struct vd_engine *e, struct vd_command *c, bool adopted)
{
    vd_open_info(e, &c->info, e->open);
    c->info.adopted = adopted;
    c->has_block = true;
}

static void
open_block(struct vd_engine *e, struct vd_command *c)
{
    struct vd_block_box *box = NULL;
    if (!vd_hash_eq(&c->plan.parent.hash, &e->tip_info.ref.hash)) {
        c->err = VD_ERR_MISMATCH;
        vd_engine_say(c, "the parent is not the newest block, which has number %" PRIu64,
                      e->tip_info.ref.number);
        return;
    }
    if (e->open && e->open->replayed) {
        e->open->replayed = false;
        vd_admit_fill(e);
        if (e->open) {
            answer_open(e, c, true);
        } else {
            c->err = VD_ERR_IO;
        }
        return;
    }
    c->err = vd_block_begin(e, &box, &c->verdict, c, &c->plan);
    if (c->err == VD_OK && c->verdict != VD_BUILD_VALID) {
        c->err = c->verdict == VD_BUILD_INVALID ? VD_ERR_INVALID : VD_ERR_UNSUPPORTED;
    }
    if (c->err != VD_OK) {
        return;
    }
    vd_engine_drop_open(e);
    e->open = box;
    vd_engine_drop_tip_base(e);
    record_plan(e, box);
    vd_admit_fill(e);
    if (!e->open) {
        c->err = VD_ERR_IO;
        vd_engine_say(c, "executing the waiting transactions failed");
        return;
    }
    answer_open(e, c, false);
}

void
vd_do_open(struct vd_engine *e, struct vd_command *c)
{
    if (!is_stopped(e, c)) {
        open_block(e, c);
    }
    vd_group_answer(e, c);
}

void
vd_do_drop(struct vd_engine *e, struct vd_command *c)
{
    vd_engine_drop_open(e);
    vd_group_answer(e, c);
}

enum vd_err
vd_engine_seal_open(struct vd_engine *e, struct vd_command *answer)
{
    struct vd_block_box *box = e->open;
    struct vd_store_job *job = vd_store_job_new(VD_STORE_COMMIT);
    enum vd_err err = job ? vd_block_finish(e, box) : VD_ERR_NO_MEMORY;
    if (err != VD_OK) {
        free(job);
        return err;
    }
    e->open = NULL;
    /* Readers keep the open block's view until the next one, or the database, replaces it. */
    vd_group_record(e, VD_RECORD_SEAL, vd_slice(box->info.ref.hash.b, 32), vd_slice(NULL, 0));
    e->group->publish = false;
    job->answer = answer;
    if (answer) {
        answer->info = box->info;
        answer->has_block = true;
    }
    vd_block_append(e, box, job);
    return VD_OK;
}

/* True: the store thread answers, and the command is its own from then on. */
static bool
seal(struct vd_engine *e, struct vd_command *c)
{
    if (!make_room(e)) {
        c->err = VD_ERR_BUSY;
        vd_engine_say(c, "the database lags behind");
        return false;
    }
    enum vd_err err = vd_engine_seal_open(e, c);
    if (err == VD_OK) {
        vd_group_flush(e, false);
        return true;
    }
    c->err = err;
    vd_engine_say(c, "sealing failed: %s", vd_err_text(c->err));
    vd_log(e->config.logger, VD_LOG_ERROR, "engine", "%s; the open block is dropped", c->text);
    vd_engine_drop_open(e);
    return false;
}

void
vd_do_seal(struct vd_engine *e, struct vd_command *c)
{
    vd_group_flush(e, false);
    if (!e->open) {
        c->err = VD_ERR_NOT_FOUND;
        vd_engine_say(c, "no block is open");
    } else if (!is_stopped(e, c)) {
        if (seal(e, c)) {
            return;
        }
    }
    vd_group_answer(e, c);
}

/* --- going back --- */

/* Throws the blocks above number away; their transactions run again before all others. */
static enum vd_err
cut(struct vd_engine *e, uint64_t number)
{
    enum vd_err result = VD_OK;
    struct vd_block_box *open = e->open;
    struct vd_store_job *job = vd_store_job_new(VD_STORE_UNWIND);
    if (!job) {
        return VD_ERR_NO_MEMORY;
    }
    vd_group_flush(e, false);
    vd_engine_drop_tip_base(e);
    e->open = NULL;
    job->number = number;
    job->result = &result;
    e->returned_given++;
    uint8_t key[8];
    vd_store_be64(key, number);
    vd_group_record(e, VD_RECORD_CUT, vd_slice(key, sizeof key), vd_slice(NULL, 0));
    vd_store_give(e, job);
    vd_store_wait(e);
    if (result != VD_OK) {
        e->open = open;
        return result;
    }
    vd_log(e->config.logger, VD_LOG_WARN, "engine",
           "chain cut back from block %" PRIu64 " to %" PRIu64, e->tip_info.ref.number, number);
    result = vd_engine_load_tip(e);
    if (result == VD_OK && e->config.accept_transactions) {
        result = vd_engine_load_returned(e);
    }
    if (open) {
        carry_open(e, open);
    }
    /* No view of a block that is gone stays published, and what came back is durable soon. */
    vd_group_now(e)->publish = true;
    vd_group_flush(e, false);
    return result;
}

/* --- blocks that stand already --- */

struct standing {
    struct vd_block_box *box; /* not in the database yet, or NULL */
    struct vd_snapshot *snapshot;
    struct vd_header header;
    struct vd_hash hash;
};

static enum vd_err
find_block(struct vd_engine *e, struct standing *out, uint64_t number)
{
    *out = (struct standing){0};
    if (number > e->tip_info.ref.number) {
        return VD_ERR_NOT_FOUND;
    }
    for (size_t i = 0; i < e->sealed_count; i++) {
        struct vd_block_box *box = e->sealed[i];
        if (box->result.header.number == number) {
            out->box = box;
            out->header = box->result.header;
            out->hash = box->result.hash;
            return VD_OK;
        }
    }
    enum vd_err err = vd_snapshot_begin(&out->snapshot, e->store);
    if (err == VD_OK) {
        err = vd_snapshot_header(out->snapshot, &out->header, &out->hash, number);
    }
    return err;
}

/* Whether the block at the plan's number is the plan's. */
static enum vd_err
match(struct vd_engine *e, bool *same, struct vd_block_info *info, const struct standing *block,
      const struct vd_attributes *plan)
{
    *same = false;
    if (block->box) {
        *info = block->box->info;
        *same = vd_attributes_match(plan, &block->header, block->box->raws, block->box->tx_count);
        return VD_OK;
    }
    struct vd_body body;
    enum vd_err err = vd_snapshot_body(block->snapshot, &body, block->header.number);
    if (err != VD_OK || body.count != plan->transaction_count) {
        return err;
    }
    struct vd_slice *raws = malloc((body.count + 1) * sizeof *raws);
    if (!raws) {
        return VD_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < body.count; i++) {
        raws[i] = vd_body_transaction(&body, i);
    }
    *same = vd_attributes_match(plan, &block->header, raws, body.count);
    if (*same) {
        err = vd_block_info_read(e, info, &block->header, &block->hash,
                                 body.count > 0 ? raws[0] : vd_slice(NULL, 0), body.count);
    }
    free(raws);
    return err;
}

/* --- derived blocks --- */

static enum vd_err
give_head(struct vd_engine *e, enum vd_head head, const struct vd_block_id *id)
{
    struct vd_store_job *job = vd_store_job_new(VD_STORE_COMMIT);
    if (!job) {
        return VD_ERR_NO_MEMORY;
    }
    job->has_head[head] = true;
    job->heads[head] = *id;
    vd_store_give(e, job);
    return VD_OK;
}

/* The block stands already: only the safe head moves. */
static enum vd_err
recognise(struct vd_engine *e, struct vd_command *c, bool *done)
{
    struct standing block;
    enum vd_err err = find_block(e, &block, c->plan.parent.number + 1);
    *done = false;
    if (err == VD_OK) {
        err = match(e, done, &c->info, &block, &c->plan);
    }
    if (err == VD_OK && *done) {
        struct vd_block_id id = {.hash = block.hash, .number = block.header.number};
        c->was_there = true;
        c->has_block = true;
        err = give_head(e, VD_HEAD_SAFE, &id);
    }
    vd_snapshot_end(block.snapshot);
    return err == VD_ERR_NOT_FOUND ? VD_OK : err;
}

static enum vd_err
build(struct vd_engine *e, struct vd_command *c)
{
    struct vd_block_box *box = NULL;
    struct vd_store_job *job = vd_store_job_new(VD_STORE_COMMIT);
    enum vd_err err = job ? VD_OK : VD_ERR_NO_MEMORY;
    if (err == VD_OK && !make_room(e)) {
        err = VD_ERR_BUSY;
    }
    if (err == VD_OK) {
        vd_engine_drop_tip_base(e);
        err = vd_block_begin(e, &box, &c->verdict, c, &c->plan);
    }
    if (err == VD_OK && c->verdict == VD_BUILD_VALID) {
        err = vd_block_finish(e, box);
        if (err == VD_ERR_INVALID) {
            c->verdict = VD_BUILD_INVALID;
            vd_engine_say(c, "the block's requests or L1 attributes cannot be read");
            err = VD_OK;
        }
    }
    if (err != VD_OK || c->verdict != VD_BUILD_VALID) {
        if (box) {
            vd_box_release(box);
        }
        free(job);
        return err;
    }
    c->info = box->info;
    c->has_block = true;
    job->has_head[VD_HEAD_SAFE] = true;
    job->heads[VD_HEAD_SAFE] =
        (struct vd_block_id){.hash = box->result.hash, .number = box->result.header.number};
    vd_block_append(e, box, job);
    return VD_OK;
}

static enum vd_err
derive(struct vd_engine *e, struct vd_command *c)
{
    struct standing parent;
    bool done = false;
    enum vd_err err = find_block(e, &parent, c->plan.parent.number);
    vd_snapshot_end(parent.snapshot);
    if (err == VD_ERR_NOT_FOUND ||
        (err == VD_OK && !vd_hash_eq(&parent.hash, &c->plan.parent.hash))) {
        vd_engine_say(c, "the parent, number %" PRIu64 ", is not on the chain",
                      c->plan.parent.number);
        return VD_ERR_MISMATCH;
    }
    if (err == VD_OK) {
        err = recognise(e, c, &done);
    }
    if (err != VD_OK || done) {
        return err;
    }
    if (e->tip_info.ref.number > c->plan.parent.number) {
        err = cut(e, c->plan.parent.number);
    } else {
        vd_engine_drop_open(e);
    }
    return err == VD_OK ? build(e, c) : err;
}

void
vd_do_derive(struct vd_engine *e, struct vd_command *c)
{
    if (!is_stopped(e, c)) {
        c->err = derive(e, c);
        if (c->err != VD_OK && c->text[0] == '\0') {
            vd_engine_say(c, "%s", vd_err_text(c->err));
        }
    }
    vd_group_answer(e, c);
}

/* --- heads --- */

static enum vd_err
set_heads(struct vd_engine *e, struct vd_command *c)
{
    for (int i = 0; i < VD_HEADS; i++) {
        if (!c->moves[i]) {
            continue;
        }
        struct standing block;
        enum vd_err err = find_block(e, &block, c->heads[i].number);
        vd_snapshot_end(block.snapshot);
        if (err != VD_OK) {
            return err;
        }
        if (!vd_hash_eq(&block.hash, &c->heads[i].hash)) {
            return VD_ERR_MISMATCH;
        }
    }
    if (c->moves[VD_HEAD_UNSAFE] && c->heads[VD_HEAD_UNSAFE].number < e->tip_info.ref.number) {
        enum vd_err err = cut(e, c->heads[VD_HEAD_UNSAFE].number);
        if (err != VD_OK) {
            return err;
        }
    }
    struct vd_store_job *drop =
        c->l1_from != UINT64_MAX ? vd_store_job_new(VD_STORE_DROP_ENTRIES) : NULL;
    struct vd_store_job *job = vd_store_job_new(VD_STORE_COMMIT);
    if (!job || (!drop && c->l1_from != UINT64_MAX)) {
        free(job);
        free(drop);
        return VD_ERR_NO_MEMORY;
    }
    if (drop) {
        drop->number = c->l1_from;
        vd_store_give(e, drop);
    }
    for (int i = VD_HEAD_SAFE; i < VD_HEADS; i++) {
        job->has_head[i] = c->moves[i];
        job->heads[i] = c->heads[i];
    }
    job->answer = c;
    vd_store_give(e, job);
    return VD_OK;
}

void
vd_do_set_heads(struct vd_engine *e, struct vd_command *c)
{
    if (!is_stopped(e, c)) {
        enum vd_err err = set_heads(e, c);
        if (err == VD_OK) {
            return; /* the store thread answers, or has answered */
        }
        c->err = err;
    }
    vd_group_answer(e, c);
}

void
vd_do_drained(struct vd_engine *e, struct vd_command *c)
{
    struct vd_store_job *job = vd_store_job_new(VD_STORE_COMMIT);
    if (job) {
        job->has_entry = true;
        job->entry = c->entry;
        vd_store_give(e, job);
    }
    vd_group_answer(e, c);
}
