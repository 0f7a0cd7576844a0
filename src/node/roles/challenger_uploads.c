/* Preimages too large for one transaction, on their way into the oracle (OP Stack specs, fault
   proof, large preimage proposals): announced with a bond, added block by block over many
   transactions, open to challenges for a period, then squeezed, which loads the part that a step
   reads and gives the bond back.

   The number of a proposal follows from the key and the part, so whatever step, game or process
   asks for it finds the same one, and how far it came is read from the oracle at each head.  What
   was announced is carried on to the end, whatever becomes of the games, since its bond waits
   there. */
#include <stdio.h>
#include <stdlib.h>

#include "challenger_internal.h"
#include "viaduct/core/crypto/keccak.h"

#define PAUSE_MS 1000u
#define REFUSED_PAUSE_MS 60000u
/* Transactions of blocks that are in no L1 block at a time: what is sent behind them waits for
   them, and so many fit one. */
#define ADDS_AT_ONCE 4u
/* An upload that no game has asked for during so many L1 blocks, and of which L1 holds nothing, is
   forgotten. */
#define KEEP_BLOCKS 64u

/* --- oracles --- */

const struct oracle *
oracles_find(const struct vd_challenger *c, const struct vd_address *address)
{
    for (size_t i = 0; i < c->oracle_count; i++) {
        if (vd_address_eq(&c->oracles[i].address, address)) {
            return &c->oracles[i];
        }
    }
    return NULL;
}

struct oracle *
oracles_of(struct vd_challenger *c, const struct vd_address *address)
{
    for (size_t i = 0; i < c->oracle_count; i++) {
        if (vd_address_eq(&c->oracles[i].address, address)) {
            return &c->oracles[i];
        }
    }
    if (c->oracle_count == MAX_ORACLES) {
        return NULL;
    }
    struct oracle *o = &c->oracles[c->oracle_count++];
    *o = (struct oracle){.address = *address};
    return o;
}

bool
oracles_ask(struct vd_challenger *c)
{
    static const char *const terms[] = {"MIN_BOND_SIZE()", "minProposalSize()",
                                        "challengePeriod()"};
    for (size_t i = 0; i < c->oracle_count; i++) {
        struct oracle *o = &c->oracles[i];
        if ((!o->is_known || o->is_unable) && o->next_ms <= c->now_ms) {
            struct vd_abi data;
            vd_abi_signature(&data, terms[o->stage]);
            c->asker_oracle = i;
            return challenger_call(c, ASKER_TERMS, &o->address, &data);
        }
    }
    return false;
}

static void
take_term(struct oracle *o, const struct vd_u256 *value)
{
    uint64_t number = vd_u256_fits_u64(value) ? value->w[0] : UINT64_MAX;
    if (o->stage == 0) {
        o->bond = *value;
    } else {
        *(o->stage == 1 ? &o->least_bytes : &o->period_s) = number;
    }
    o->stage = (o->stage + 1) % 3;
    if (o->stage == 0) {
        o->is_known = true;
        o->is_unable = false;
    }
}

/* One that refuses to say takes no proposals: no bond is counted with, and it is asked again. */
void
oracles_answer(struct vd_challenger *c, enum vd_err err, const char *text, struct vd_slice answer)
{
    struct oracle *o = &c->oracles[c->asker_oracle];
    struct vd_u256 value;
    char line[200];
    if (err == VD_OK && vd_abi_read_u256(&value, answer, 0)) {
        take_term(o, &value);
        return;
    }
    bool is_refused = err == VD_OK || err == VD_ERR_REFUSED;
    o->is_known = o->is_known || is_refused;
    o->is_unable = o->is_unable || is_refused;
    o->next_ms = c->now_ms + (is_refused ? REFUSED_PAUSE_MS : PAUSE_MS);
    if (!o->said) {
        o->said = true;
        snprintf(line, sizeof line, "the games' oracle cannot be asked for its terms: %s", text);
        c->effects.note(c->effects.ctx, true, line);
    }
}

/* --- uploads and steps --- */

struct vd_hash
large_tag(const struct vd_address *claimant, const struct vd_hash *uuid)
{
    uint8_t bytes[20 + 32];
    memcpy(bytes, claimant->b, 20);
    memcpy(bytes + 20, uuid->b, 32);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

static struct vd_hash
uuid_of(const uint8_t key[32], uint32_t offset)
{
    uint8_t bytes[32 + 4];
    memcpy(bytes, key, 32);
    vd_store_be32(bytes + 32, offset);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

/* Under which the upload of a step is remembered. */
static struct vd_hash
key_of_step(const struct vd_hash *step_key)
{
    uint8_t bytes[6 + 32] = {'u', 'p', 'l', 'o', 'a', 'd'};
    memcpy(bytes + 6, step_key->b, 32);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

struct upload *
uploads_find(const struct vd_challenger *c, const struct vd_address *oracle,
             const struct vd_hash *tag)
{
    for (size_t i = 0; i < c->upload_count; i++) {
        struct upload *u = c->uploads[i];
        if (vd_address_eq(&u->oracle, oracle) && vd_hash_eq(&u->tag, tag)) {
            return u;
        }
    }
    return NULL;
}

struct upload *
uploads_of_step(const struct vd_challenger *c, const struct game *g, const struct vd_hash *step_key)
{
    struct vd_hash key = key_of_step(step_key);
    const struct vd_hash *tag = memory_find(&c->memory, &key);
    struct upload *u = tag ? uploads_find(c, &g->d.oracle, tag) : NULL;
    return u && !u->is_loaded ? u : NULL;
}

static void
free_upload(struct upload *u)
{
    if (u) {
        large_deinit(&u->blocks);
        free(u->commitments);
        free(u->bytes);
        free(u);
    }
}

/* All blocks with their commitments. */
static bool
prepare(struct upload *u)
{
    size_t count = large_blocks(u->call.preimage.len);
    u->commitments = malloc(count * sizeof *u->commitments);
    bool ok = u->commitments != NULL;
    for (size_t i = 0; i < count && ok; i++) {
        uint8_t block[LARGE_BLOCK];
        large_block(block, u->call.preimage, i);
        ok = large_add(&u->blocks, &u->commitments[i], block, NULL) == VD_OK;
    }
    u->call.commitments = u->commitments;
    u->call.blocks = &u->blocks;
    return ok;
}

static struct upload *
add_upload(struct vd_challenger *c, struct game *g, const struct vd_hash *uuid,
           const struct vd_hash *tag)
{
    if (c->upload_count == c->upload_cap) {
        size_t cap = c->upload_cap == 0 ? 8 : 2 * c->upload_cap;
        struct upload **uploads = realloc(c->uploads, cap * sizeof *uploads);
        if (!uploads) {
            return NULL;
        }
        c->uploads = uploads;
        c->upload_cap = cap;
    }
    struct upload *u = calloc(1, sizeof *u);
    if (!u) {
        return NULL;
    }
    u->oracle = g->d.oracle;
    u->tag = *tag;
    memcpy(u->key, g->step.vm.key, sizeof u->key);
    u->call = (struct large_call){.claimant = c->config.from,
                                  .uuid = *uuid,
                                  .offset = g->step.vm.offset,
                                  .preimage = g->step.preimage};
    if (!prepare(u)) {
        free_upload(u);
        return NULL;
    }
    u->bytes = g->preimage;
    g->preimage = NULL;
    c->uploads[c->upload_count++] = u;
    return u;
}

bool
uploads_take(struct vd_challenger *c, struct upload **out, struct game *g)
{
    struct vd_hash uuid = uuid_of(g->step.vm.key, g->step.vm.offset);
    struct vd_hash tag = large_tag(&c->config.from, &uuid);
    struct upload *u = uploads_find(c, &g->d.oracle, &tag);
    *out = NULL;
    if ((u && u->is_loaded) || !oracles_find(c, &g->d.oracle)) {
        return true;
    }
    if (!u) {
        u = add_upload(c, g, &uuid, &tag);
    }
    if (u) {
        struct vd_hash key = key_of_step(&g->step_key);
        memory_put(&c->memory, &key, &tag);
        free(g->preimage);
        g->preimage = NULL;
        g->has_step = false;
    }
    *out = u;
    return u != NULL;
}

void
uploads_want(const struct vd_challenger *c, struct upload *u, uint64_t left_s)
{
    bool is_first = u->wanted_at != c->heads.l1.number;
    u->wanted_at = c->heads.l1.number;
    u->left_s = is_first || left_s < u->left_s ? left_s : u->left_s;
}

/* --- reading --- */

/* Nothing changes until the period is over. */
static bool
is_open(const struct vd_challenger *c, const struct upload *u)
{
    const struct oracle *o = oracles_find(c, &u->oracle);
    return u->was_read && u->timestamp != 0 && u->has_bond && !u->is_countered &&
           (!o || c->heads.l1.timestamp - u->timestamp <= o->period_s);
}

bool
uploads_ask(struct vd_challenger *c)
{
    for (size_t i = 0; i < c->upload_count; i++) {
        struct upload *u = c->uploads[i];
        if ((u->was_read && u->read_at == c->heads.l1.number) || u->next_ms > c->now_ms ||
            is_open(c, u)) {
            continue;
        }
        struct vd_abi data;
        u->stage = u->stage_at == c->heads.l1.number ? u->stage : 0;
        u->stage_at = c->heads.l1.number;
        if (u->stage == 0) {
            vd_abi_signature(&data, "preimagePartOk(bytes32,uint256)");
            vd_abi_raw(&data, vd_slice(u->key, sizeof u->key));
            vd_abi_u64(&data, u->call.offset);
        } else {
            vd_abi_signature(&data, u->stage == 1 ? "proposalMetadata(address,uint256)"
                                                  : "proposalBonds(address,uint256)");
            vd_abi_address(&data, &u->call.claimant);
            vd_abi_hash(&data, &u->call.uuid);
        }
        c->asker_oracle = (size_t)(oracles_find(c, &u->oracle) - c->oracles);
        c->asker_tag = u->tag;
        return challenger_call(c, ASKER_UPLOAD, &u->oracle, &data);
    }
    return false;
}

/* Every game whose step may have waited for it. */
static void
loaded(struct vd_challenger *c)
{
    for (size_t i = 0; i < c->count; i++) {
        challenger_judge(c, c->games[i]);
    }
}

static bool
take_answer(struct upload *u, struct vd_slice answer)
{
    struct vd_hash word;
    if (!vd_abi_read_hash(&word, answer, 0)) {
        return false;
    }
    if (u->stage == 0) {
        u->is_loaded = !vd_hash_is_zero(&word);
    } else if (u->stage == 1) {
        /* timestamp 8, part's offset 4, claimed size 4, blocks 4, bytes 4, countered 8 */
        u->timestamp = vd_load_be64(word.b);
        u->claimed_size = vd_load_be32(word.b + 12);
        u->added = vd_load_be32(word.b + 16);
        u->is_countered = vd_load_be64(word.b + 24) != 0;
    } else {
        u->has_bond = !vd_hash_is_zero(&word);
    }
    return true;
}

void
uploads_answer(struct vd_challenger *c, enum vd_err err, struct vd_slice answer)
{
    struct upload *u = uploads_find(c, &c->oracles[c->asker_oracle].address, &c->asker_tag);
    if (!u) {
        return;
    }
    bool was_loaded = u->is_loaded;
    if (err != VD_OK || u->stage_at != c->question_at || !take_answer(u, answer)) {
        u->next_ms = err == VD_OK && u->stage_at != c->question_at ? 0 : c->now_ms + PAUSE_MS;
        u->stage = 0;
        return;
    }
    u->stage++;
    if (u->stage == 3) {
        u->stage = 0;
        u->was_read = true;
        u->read_at = c->question_at;
    }
    if (u->is_loaded && !was_loaded) {
        loaded(c);
    }
}

/* --- what is due --- */

/* Said once, until something else is. */
static bool
refuse(struct vd_challenger *c, struct upload *u, const char *reason)
{
    u->is_waiting = true;
    if (u->said != reason) {
        u->said = reason;
        c->effects.note(c->effects.ctx, true, reason);
    }
    return false;
}

/* Late too: the step counts until somebody resolves its claim. */
static bool
propose(struct vd_challenger *c, struct upload *u, const struct oracle *o)
{
    u->action.kind = ACTION_PROPOSE;
    u->action.bond = o->bond;
    if (u->is_loaded || !challenger_is_recent(c, u->wanted_at != 0, u->wanted_at) ||
        challenger_in_flight(c, u->read_at, &u->action)) {
        return false;
    }
    if (o->is_unable || u->call.preimage.len < o->least_bytes) {
        return refuse(c, u,
                      "a step is due, but its preimage is too large for one transaction, and the "
                      "oracle takes no proposal of it");
    }
    if (!challenger_has(c, &o->bond)) {
        return refuse(c, u,
                      "a step is due, but the account has too little for the bond of its large "
                      "preimage");
    }
    return true;
}

static size_t
count_unincluded(const struct vd_challenger *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->flight_count; i++) {
        enum action_kind kind;
        struct vd_slice tag = vd_slice(c->flights[i].tag, ACTION_TAG_BYTES);
        bool is_add = action_of_tag(&kind, tag) && kind == ACTION_ADD;
        count += is_add && c->flights[i].unincluded > 0;
    }
    return count;
}

/* The next blocks.  Those right behind what L1 holds are estimated; further ones follow what is on
   its way, which no estimate knows of. */
static bool
add(struct vd_challenger *c, struct upload *u)
{
    size_t blocks = u->blocks.count;
    u->action.kind = ACTION_ADD;
    for (size_t start = u->added; start < blocks; start = large_next(start, blocks)) {
        u->action.claim = (uint32_t)start;
        u->action.is_blind = start != u->added;
        if (!challenger_in_flight(c, u->read_at, &u->action)) {
            return count_unincluded(c) < ADDS_AT_ONCE;
        }
        if (!challenger_is_sent(c, &u->action)) {
            return false; /* refused */
        }
    }
    return false;
}

static bool
squeeze(struct vd_challenger *c, struct upload *u, const struct oracle *o)
{
    u->action.kind = ACTION_SQUEEZE;
    return u->has_bond && c->heads.l1.timestamp > u->timestamp &&
           c->heads.l1.timestamp - u->timestamp > o->period_s &&
           !challenger_in_flight(c, u->read_at, &u->action);
}

/* u->action becomes what is due now; false: nothing is. */
static bool
find_due(struct vd_challenger *c, struct upload *u)
{
    const struct oracle *o = oracles_find(c, &u->oracle);
    bool is_wanted = challenger_is_recent(c, u->wanted_at != 0, u->wanted_at);
    u->is_waiting = false;
    if (!o || !o->is_known || !u->was_read || u->read_at != c->heads.l1.number) {
        return false;
    }
    u->action = (struct action){.proxy = u->oracle,
                                .oracle = u->oracle,
                                .value = u->tag,
                                .left_s = is_wanted ? u->left_s : LATER_S,
                                .large = &u->call};
    if (is_wanted && u->timestamp == 0) {
        u->action.left_s = u->left_s > o->period_s ? u->left_s - o->period_s : 0;
    }
    if (u->claimed_size == 0) {
        return propose(c, u, o);
    }
    if (u->is_countered || u->claimed_size != u->call.preimage.len || u->added > u->blocks.count) {
        return refuse(c, u,
                      "a proposal of this account for a large preimage was refuted, or is of "
                      "another: something is wrong with this program or its memory");
    }
    return u->timestamp == 0 ? add(c, u) : squeeze(c, u, o);
}

const struct action *
uploads_pick(struct vd_challenger *c, const struct action *best, uint64_t limit_s)
{
    for (size_t i = 0; i < c->upload_count; i++) {
        struct upload *u = c->uploads[i];
        if (find_due(c, u) && u->action.left_s < limit_s &&
            (!best || u->action.left_s < best->left_s)) {
            best = &u->action;
        }
    }
    return best;
}

/* --- keeping --- */

/* Nothing of it is on L1, or on its way there. */
static bool
is_over(const struct vd_challenger *c, const struct upload *u)
{
    struct action propose = {.kind = ACTION_PROPOSE, .proxy = u->oracle, .value = u->tag};
    return u->was_read && !u->has_bond && (u->claimed_size == 0 || u->timestamp != 0) &&
           !challenger_is_sent(c, &propose);
}

void
uploads_tidy(struct vd_challenger *c)
{
    for (size_t i = c->upload_count; i-- > 0;) {
        struct upload *u = c->uploads[i];
        if (is_over(c, u) && u->wanted_at + KEEP_BLOCKS < c->heads.l1.number) {
            free_upload(u);
            c->uploads[i] = c->uploads[--c->upload_count];
        }
    }
}

/* The bytes are what they are; what L1 holds of them is read again. */
void
uploads_forget(struct vd_challenger *c)
{
    for (size_t i = 0; i < c->upload_count; i++) {
        struct upload *u = c->uploads[i];
        u->was_read = false;
        u->is_loaded = false;
        u->stage = 0;
        u->stage_at = 0;
        u->wanted_at = 0;
    }
}

void
uploads_free(struct vd_challenger *c)
{
    for (size_t i = 0; i < c->upload_count; i++) {
        free_upload(c->uploads[i]);
    }
    free(c->uploads);
    c->uploads = NULL;
    c->upload_count = 0;
}
