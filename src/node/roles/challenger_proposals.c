/* Large preimages that anybody proposes in the oracles of the games watched.  A wrong one would
   load a part under the key of another preimage, and a step that reads it would decide a game
   wrongly, so every commitment of every proposal is computed again within its challenge period,
   from what the oracle logged, and a wrong one is shown to it, which pays the bond.  A proposal of
   the own account whose period is over is squeezed, for its bond: a process before this one may
   have left it. (OP Stack specs, fault proof, large preimage proposals.) */
#include <stdio.h>
#include <stdlib.h>

#include "challenger_internal.h"

#define PAUSE_MS 1000u
/* An unfinished proposal is looked at so many times in a period, and at least so often. */
#define LOOKS 8u
#define MAX_PAUSE_S 600u
#define UNLIKE_COUNT "the logs of its blocks are not those of the oracle's count"

/* --- asking --- */

static bool
ask(struct vd_challenger *c, struct oracle *o, const struct proposal *p, enum asker asker,
    struct vd_abi *data)
{
    c->asker_oracle = (size_t)(o - c->oracles);
    c->asker_proposal = p ? p->index : 0;
    return challenger_call(c, asker, &o->address, data);
}

static bool
ask_of_proposal(struct vd_challenger *c, struct oracle *o, struct proposal *p)
{
    struct vd_abi data;
    const char *view = NULL;
    switch (p->stage) {
    case LOOK_AT_STATE:
        view = "proposalMetadata(address,uint256)";
        break;
    case LOOK_AT_BOND:
        view = "proposalBonds(address,uint256)";
        break;
    case LOOK_AT_LENGTH:
        view = "proposalBlocksLen(address,uint256)";
        break;
    case LOOK_AT_BLOCK:
        view = "proposalBlocks(address,uint256,uint256)";
        break;
    case LOOK_AT_LOGS:
        c->asker_oracle = (size_t)(o - c->oracles);
        c->asker_proposal = p->index;
        challenger_logs(c, ASKER_PROPOSAL, &o->address, p->block);
        return true;
    case LOOK_NO_MORE:
        return false;
    }
    vd_abi_signature(&data, view);
    vd_abi_address(&data, &p->call.claimant);
    vd_abi_hash(&data, &p->call.uuid);
    if (p->stage == LOOK_AT_BLOCK) {
        vd_abi_u64(&data, p->part);
    }
    return ask(c, o, p, ASKER_PROPOSAL, &data);
}

/* State and bond are those of one head; the leaves of a complete proposal do not change. */
static void
follow_head(const struct vd_challenger *c, struct proposal *p)
{
    if (p->stage_at != c->heads.l1.number) {
        p->stage_at = c->heads.l1.number;
        p->stage = p->stage == LOOK_NO_MORE || p->stage == LOOK_AT_BOND ? LOOK_AT_STATE : p->stage;
    }
}

static bool
ask_of_oracle(struct vd_challenger *c, struct oracle *o)
{
    struct vd_abi data;
    if (!o->is_known || o->is_unable || o->next_ms > c->now_ms) {
        return false;
    }
    if (!o->was_counted || o->counted_at != c->heads.l1.number) {
        vd_abi_signature(&data, "proposalCount()");
        return ask(c, o, NULL, ASKER_COUNT, &data);
    }
    if (o->next < o->count) {
        vd_abi_signature(&data, "proposals(uint256)");
        vd_abi_u64(&data, o->next);
        return ask(c, o, NULL, ASKER_KEYS, &data);
    }
    for (size_t i = 0; i < o->proposal_count; i++) {
        struct proposal *p = &o->proposals[i];
        bool is_due = p->next_s <= c->heads.l1.timestamp && p->next_ms <= c->now_ms &&
                      !uploads_find(c, &o->address, &p->tag);
        follow_head(c, p);
        if (is_due && p->stage != LOOK_NO_MORE) {
            return ask_of_proposal(c, o, p);
        }
    }
    return false;
}

bool
proposals_ask(struct vd_challenger *c)
{
    for (size_t i = 0; i < c->oracle_count; i++) {
        if (ask_of_oracle(c, &c->oracles[i])) {
            return true;
        }
    }
    return false;
}

/* --- answers --- */

static void
forget_blocks(struct proposal *p)
{
    if (p->blocks) {
        large_deinit(p->blocks);
        free(p->blocks);
        p->blocks = NULL;
    }
}

static void
drop(struct oracle *o, struct proposal *p)
{
    forget_blocks(p);
    *p = o->proposals[--o->proposal_count];
}

static bool
add_proposal(struct oracle *o, const struct vd_address *claimant, const struct vd_hash *uuid)
{
    if (o->proposal_count == o->proposal_cap) {
        size_t cap = o->proposal_cap == 0 ? 16 : 2 * o->proposal_cap;
        struct proposal *proposals = realloc(o->proposals, cap * sizeof *proposals);
        if (!proposals) {
            return false;
        }
        o->proposals = proposals;
        o->proposal_cap = cap;
    }
    struct proposal *p = &o->proposals[o->proposal_count++];
    *p = (struct proposal){.index = o->next, .tag = large_tag(claimant, uuid)};
    p->call = (struct large_call){.claimant = *claimant, .uuid = *uuid};
    return true;
}

/* Only complete ones are checked: what they commit to is final, and nothing comes of others. */
static void
take_state(const struct vd_challenger *c, struct oracle *o, struct proposal *p,
           const struct vd_hash *word)
{
    p->timestamp = vd_load_be64(word->b);
    p->added = vd_load_be32(word->b + 16);
    if (vd_load_be64(word->b + 24) != 0) {
        drop(o, p); /* refuted */
    } else if (p->timestamp == 0) {
        uint64_t pause = o->period_s / LOOKS < MAX_PAUSE_S ? o->period_s / LOOKS : MAX_PAUSE_S;
        p->next_s = c->heads.l1.timestamp + pause;
        p->stage = LOOK_NO_MORE;
    } else {
        p->stage = LOOK_AT_BOND;
    }
}

static void
take_bond(const struct vd_challenger *c, struct oracle *o, struct proposal *p,
          const struct vd_hash *word)
{
    if (vd_hash_is_zero(word)) {
        drop(o, p); /* squeezed */
        return;
    }
    p->stage = p->is_checked ? LOOK_NO_MORE : LOOK_AT_LENGTH;
    if (!p->is_checked) {
        forget_blocks(p);
        p->blocks = calloc(1, sizeof *p->blocks);
        p->part = 0;
        p->block = 0;
    }
    if (!p->is_checked && !p->blocks) {
        p->stage = LOOK_AT_STATE;
        p->next_ms = c->now_ms + PAUSE_MS;
    }
}

/* It is read again from the start. */
static void
fail(const struct vd_challenger *c, struct proposal *p, const char *text)
{
    char line[200];
    if (!p->said) {
        p->said = true;
        snprintf(line, sizeof line, "large preimage %llu in the oracle cannot be checked: %s",
                 (unsigned long long)p->index, text);
        c->effects.note(c->effects.ctx, true, line);
    }
    forget_blocks(p);
    p->is_checked = false;
    p->stage = LOOK_AT_STATE;
    p->next_ms = c->now_ms + PAUSE_MS;
}

/* What the logs lack would be taken for right: they must hold all blocks that the oracle counts. */
static void
judge_proposal(struct vd_challenger *c, struct oracle *o, struct proposal *p)
{
    char text[160];
    if (p->blocks->count != p->added) {
        fail(c, p, UNLIKE_COUNT);
        return;
    }
    bool is_own = !c->config.watch && vd_address_eq(&p->call.claimant, &c->config.from);
    p->is_checked = true;
    p->call.blocks = p->blocks;
    p->stage = LOOK_AT_STATE;
    if (p->blocks->is_wrong) {
        snprintf(text, sizeof text,
                 "large preimage %llu in the oracle: WRONG, its commitment of block %u is false%s",
                 (unsigned long long)p->index, (unsigned)p->blocks->last.index,
                 c->config.watch ? "; this node only watches" : "");
        c->effects.note(c->effects.ctx, true, text);
    }
    if (c->config.watch || (!p->blocks->is_wrong && !is_own)) {
        drop(o, p);
    } else if (!p->blocks->is_wrong) {
        p->next_s = p->timestamp + o->period_s + 1;
    }
}

/* A transaction that the last block's logs held already needs no look at them again. */
static void
take_block(struct vd_challenger *c, struct oracle *o, struct proposal *p, uint64_t number)
{
    bool is_new = p->part == 0 || number != p->block;
    p->block = number;
    p->part++;
    p->stage = is_new ? LOOK_AT_LOGS : LOOK_AT_BLOCK;
    if (!is_new && p->part >= p->parts) {
        judge_proposal(c, o, p);
    }
}

static void
take_answer(struct vd_challenger *c, struct oracle *o, struct proposal *p,
            const struct vd_hash *word, uint64_t number)
{
    switch (p->stage) {
    case LOOK_AT_STATE:
        take_state(c, o, p, word);
        break;
    case LOOK_AT_BOND:
        take_bond(c, o, p, word);
        break;
    case LOOK_AT_LENGTH:
        p->parts = number;
        p->stage = LOOK_AT_BLOCK;
        break;
    case LOOK_AT_BLOCK:
        take_block(c, o, p, number);
        break;
    case LOOK_AT_LOGS:
    case LOOK_NO_MORE:
        break;
    }
}

static struct proposal *
find_proposal(struct vd_challenger *c)
{
    struct oracle *o = &c->oracles[c->asker_oracle];
    for (size_t i = 0; i < o->proposal_count; i++) {
        if (o->proposals[i].index == c->asker_proposal) {
            return &o->proposals[i];
        }
    }
    return NULL;
}

void
proposals_answer(struct vd_challenger *c, enum vd_err err, const char *text, struct vd_slice answer)
{
    struct oracle *o = &c->oracles[c->asker_oracle];
    struct proposal *p = c->asker == ASKER_PROPOSAL ? find_proposal(c) : NULL;
    struct vd_hash word;
    struct vd_address claimant;
    uint64_t number = 0;
    bool ok = err == VD_OK && vd_abi_read_hash(&word, answer, 0);
    (void)vd_abi_read_u64(&number, answer, 0);
    if (ok && c->asker == ASKER_COUNT) {
        o->count = number;
        o->was_counted = true;
        o->counted_at = c->question_at;
    } else if (ok && c->asker == ASKER_KEYS) {
        ok = vd_abi_read_address(&claimant, answer, 0) && vd_abi_read_hash(&word, answer, 32) &&
             add_proposal(o, &claimant, &word);
        o->next += ok;
    } else if (ok && p) {
        take_answer(c, o, p, &word, number);
    } else if (p) {
        fail(c, p, err == VD_OK ? "the oracle's answer makes no sense" : text);
    }
    if (!ok && !p) {
        o->next_ms = c->now_ms + PAUSE_MS;
    }
}

void
proposals_logged(struct vd_challenger *c, enum vd_err err, const char *text,
                 const struct vd_slice *data, size_t count)
{
    struct oracle *o = &c->oracles[c->asker_oracle];
    struct proposal *p = find_proposal(c);
    if (!p || p->stage != LOOK_AT_LOGS) {
        return;
    }
    for (size_t i = 0; i < count && err == VD_OK; i++) {
        struct large_added added;
        if (large_read_log(&added, &p->call.claimant, data[i]) &&
            vd_hash_eq(&added.uuid, &p->call.uuid)) {
            err = large_add_all(p->blocks, &added);
        }
    }
    if (err != VD_OK) {
        fail(c, p, err == VD_ERR_INVALID ? UNLIKE_COUNT : text);
    } else if (p->part >= p->parts) {
        judge_proposal(c, o, p);
    } else {
        p->stage = LOOK_AT_BLOCK;
    }
}

/* --- what is due --- */

static bool
find_due(struct vd_challenger *c, const struct oracle *o, struct proposal *p)
{
    uint64_t now = c->heads.l1.timestamp;
    uint64_t end = p->timestamp + o->period_s;
    if (!p->is_checked || p->stage != LOOK_NO_MORE || p->stage_at != c->heads.l1.number) {
        return false;
    }
    p->action = (struct action){.kind = p->blocks->is_wrong ? ACTION_REFUTE : ACTION_SQUEEZE,
                                .proxy = o->address,
                                .oracle = o->address,
                                .value = p->tag,
                                .left_s = LATER_S,
                                .large = &p->call};
    if (p->blocks->is_wrong) {
        p->action.left_s = end > now ? end - now : 0;
    }
    return (p->blocks->is_wrong || now > end) && !challenger_in_flight(c, p->stage_at, &p->action);
}

const struct action *
proposals_pick(struct vd_challenger *c, const struct action *best, uint64_t limit_s)
{
    for (size_t i = 0; i < c->oracle_count; i++) {
        struct oracle *o = &c->oracles[i];
        for (size_t k = 0; k < o->proposal_count; k++) {
            struct proposal *p = &o->proposals[k];
            if (find_due(c, o, p) && p->action.left_s < limit_s &&
                (!best || p->action.left_s < best->left_s)) {
                best = &p->action;
            }
        }
    }
    return best;
}

void
proposals_forget(struct vd_challenger *c)
{
    for (size_t i = 0; i < c->oracle_count; i++) {
        struct oracle *o = &c->oracles[i];
        while (o->proposal_count > 0) {
            drop(o, &o->proposals[o->proposal_count - 1]);
        }
        free(o->proposals);
        o->proposals = NULL;
        o->proposal_cap = 0;
        o->next = 0;
        o->was_counted = false;
    }
}
