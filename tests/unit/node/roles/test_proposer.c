/* The proposer over a model of L1 with a factory on it, of L2 and of the transaction manager:
   whatever the reorgs, delays and crashes, no L2 block gets two games and proposals go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/abi.h"
#include "viaduct/node/roles/proposer.h"

#define MAX_L1 4000u
#define MAX_GAMES 4000u
#define MAX_PAYLOADS 4000u
#define FINAL_DEPTH 12u
#define CONFIRMATIONS 3u
#define INTERVAL_S 60u
#define GAME_TYPE 100u
#define ANCHOR 5u

static const struct vd_address portal = {{1}};
static const struct vd_address factory = {{2}};
static const struct vd_address registry = {{3}};
static const struct vd_address own = {{4}};
static const struct vd_address stranger = {{5}};

struct l1_block {
    struct vd_hash hash;
    uint64_t timestamp;
    uint64_t safe; /* L2 blocks derivable at it */
    uint64_t bond;
};

struct game {
    uint64_t l1_block;
    uint64_t number;
    struct vd_hash root;
    struct vd_address creator;
};

struct payload {
    uint8_t data[512];
    size_t len;
    uint8_t tag[VD_TXM_MAX_TAG];
    size_t tag_len;
    uint64_t value;
    bool durable;
    bool orphan; /* of a folder that is gone: L1's pool may still have it */
    bool gone;   /* lost, or dropped by L1's pool */
    bool confirmed;
    uint64_t l1_block; /* 0: in none */
    bool success;
};

enum question {
    ASK_NOTHING,
    ASK_CALL,
    ASK_OUTPUT,
    ASK_ESTIMATE,
};

struct model {
    struct vd_random *random;
    struct vd_proposer_config config;
    struct vd_proposer *proposer;
    uint64_t now;
    struct l1_block l1[MAX_L1];
    uint64_t head;
    uint64_t derived;
    uint64_t forks; /* distinguishes the hashes of competing blocks */
    struct game games[MAX_GAMES];
    size_t game_count;
    struct payload payloads[MAX_PAYLOADS];
    size_t payload_count;
    bool instant; /* effects answer inside the call */
    bool spike;   /* nothing is included */
    /* the question under way */
    enum question question;
    struct vd_address to;
    uint8_t data[512];
    size_t len;
    struct vd_hash at;
    uint64_t number;
    uint64_t value;
    uint64_t sent;
};

/* --- L2 as it follows from L1 --- */

static struct vd_l2_ref
l2_ref(const struct model *m, uint64_t number)
{
    uint64_t h = 0;
    while (m->l1[h].safe < number) {
        h++;
    }
    uint8_t seed[40];
    memcpy(seed, m->l1[h].hash.b, 32);
    vd_store_be64(seed + 32, number);
    return (struct vd_l2_ref){.hash = vd_keccak256(vd_slice(seed, sizeof seed)),
                              .number = number,
                              .timestamp = m->l1[h].timestamp,
                              .l1_origin = {.hash = m->l1[h].hash, .number = h}};
}

static struct vd_hash
root_of(const struct vd_l2_ref *ref)
{
    return vd_keccak256(vd_slice(ref->hash.b, 32));
}

static uint64_t
final_l1(const struct model *m)
{
    return m->head > FINAL_DEPTH ? m->head - FINAL_DEPTH : 0;
}

/* --- L1 --- */

static void
set_block(struct model *m, uint64_t h)
{
    uint8_t seed[16];
    vd_store_be64(seed, h);
    vd_store_be64(seed + 8, m->forks);
    m->l1[h].hash = vd_keccak256(vd_slice(seed, sizeof seed));
    m->l1[h].timestamp = h == 0 ? 1000 : m->l1[h - 1].timestamp + 12;
    m->l1[h].safe = h == 0 ? 0 : m->l1[h - 1].safe + vd_random_below(m->random, 4);
    bool changes = vd_random_below(m->random, 40) == 0;
    m->l1[h].bond = h == 0 ? 80 : changes ? 80 + vd_random_below(m->random, 3) : m->l1[h - 1].bond;
}

static bool
game_exists(const struct model *m, uint64_t number, const struct vd_hash *root, uint64_t at)
{
    for (size_t i = 0; i < m->game_count; i++) {
        if (m->games[i].l1_block <= at && m->games[i].number == number &&
            vd_hash_eq(&m->games[i].root, root)) {
            return true;
        }
    }
    return false;
}

static bool
create(struct model *m, uint64_t number, const struct vd_hash *root, const struct vd_address *who)
{
    if (game_exists(m, number, root, m->head)) {
        return false;
    }
    assert_true(m->game_count < MAX_GAMES);
    m->games[m->game_count++] =
        (struct game){.l1_block = m->head, .number = number, .root = *root, .creator = *who};
    return true;
}

static void
report(struct model *m, struct payload *p, enum vd_txm_event_kind kind)
{
    struct vd_txm_event event = {.kind = kind,
                                 .tag = vd_slice(p->tag, p->tag_len),
                                 .block = {.number = p->l1_block},
                                 .success = p->success};
    if (!p->orphan) {
        vd_proposer_tx_event(m->proposer, &event);
    }
}

static bool
execute(struct model *m, const struct payload *p)
{
    struct vd_slice data = vd_slice(p->data + 4, p->len - 4);
    uint64_t type = 0;
    uint64_t number = 0;
    struct vd_hash root;
    struct vd_slice extra;
    assert_int_equal(vd_load_be32(p->data), 0x82ecf2f6);
    assert_true(vd_abi_read_u64(&type, data, 0) && vd_abi_read_hash(&root, data, 32));
    assert_true(vd_abi_read_bytes(&extra, data, 0, 64));
    assert_int_equal(extra.len, 32);
    assert_true(vd_abi_read_u64(&number, extra, 0));
    assert_int_equal(type, GAME_TYPE);
    return p->value == m->l1[m->head].bond && create(m, number, &root, &own);
}

/* The next L1 block, with what the pool gives it. */
static void
mine(struct model *m)
{
    m->head++;
    assert_true(m->head < MAX_L1);
    set_block(m, m->head);
    m->now += 12000;
    for (size_t i = 0; i < m->payload_count && !m->spike; i++) {
        struct payload *p = &m->payloads[i];
        if (p->l1_block || p->gone || !p->durable) {
            continue;
        }
        if (vd_random_below(m->random, 3) == 0) {
            break; /* and nothing behind it: nonces come in order */
        }
        p->l1_block = m->head;
        p->success = execute(m, p);
        report(m, p, VD_TXM_INCLUDED);
    }
    for (size_t i = 0; i < m->payload_count; i++) {
        struct payload *p = &m->payloads[i];
        if (p->l1_block && !p->confirmed && p->l1_block + CONFIRMATIONS <= m->head) {
            p->confirmed = true;
            report(m, p, VD_TXM_CONFIRMED);
        }
    }
}

static void
reorg(struct model *m, uint64_t depth)
{
    uint64_t ancestor = m->head > depth ? m->head - depth : 0;
    if (ancestor < final_l1(m) || m->head == 0) {
        return;
    }
    m->forks++;
    m->head = ancestor;
    m->derived = m->derived < ancestor ? m->derived : ancestor;
    while (m->game_count > 0 && m->games[m->game_count - 1].l1_block > ancestor) {
        m->game_count--;
    }
    vd_proposer_reorg(m->proposer);
    for (size_t i = 0; i < m->payload_count; i++) {
        struct payload *p = &m->payloads[i];
        if (p->l1_block > ancestor) {
            p->l1_block = 0;
            p->confirmed = false;
            report(m, p, VD_TXM_REORGED_OUT);
        }
    }
    /* The new chain is longer than the old one. */
    for (uint64_t i = 0; i <= depth; i++) {
        mine(m);
    }
}

/* --- effects --- */

static bool
find_block(const struct model *m, uint64_t *h)
{
    for (*h = m->head; *h > 0; (*h)--) {
        if (vd_hash_eq(&m->l1[*h].hash, &m->at)) {
            return true;
        }
    }
    return false;
}

static size_t
games_at(const struct model *m, uint64_t h)
{
    size_t count = 0;
    while (count < m->game_count && m->games[count].l1_block <= h) {
        count++;
    }
    return count;
}

static struct vd_address
proxy_of(size_t index)
{
    struct vd_address proxy = {{0xaa}};
    vd_store_be64(proxy.b + 12, index);
    return proxy;
}

static void
answer_games(const struct model *m, struct vd_abi *out, uint64_t start, uint64_t count, uint64_t h)
{
    size_t have = games_at(m, h);
    size_t n = 0;
    if (start < have) {
        n = start + 1 < count ? (size_t)start + 1 : (size_t)count;
    }
    vd_abi_u64(out, 32);
    vd_abi_u64(out, n);
    for (size_t i = 0; i < n; i++) {
        vd_abi_u64(out, n * 32 + i * 7 * 32);
    }
    for (size_t i = 0; i < n; i++) {
        size_t index = (size_t)start - i;
        const struct game *g = &m->games[index];
        struct vd_hash metadata = {{0}};
        struct vd_address proxy = proxy_of(index);
        uint8_t extra[32] = {0};
        vd_store_be32(metadata.b, GAME_TYPE);
        vd_store_be64(metadata.b + 4, m->l1[g->l1_block].timestamp);
        memcpy(metadata.b + 12, proxy.b, 20);
        vd_store_be64(extra + 24, g->number);
        vd_abi_u64(out, index);
        vd_abi_hash(out, &metadata);
        vd_abi_u64(out, m->l1[g->l1_block].timestamp);
        vd_abi_hash(out, &g->root);
        vd_abi_u64(out, 160);
        vd_abi_bytes(out, vd_slice(extra, 32));
    }
}

static void
answer_exists(const struct model *m, struct vd_abi *out, struct vd_slice data, uint64_t h)
{
    struct vd_hash root;
    struct vd_slice extra;
    uint64_t number = 0;
    struct vd_address proxy = {{0}};
    assert_true(vd_abi_read_hash(&root, data, 32));
    assert_true(vd_abi_read_bytes(&extra, data, 0, 64) && vd_abi_read_u64(&number, extra, 0));
    for (size_t i = 0; i < games_at(m, h); i++) {
        if (m->games[i].number == number && vd_hash_eq(&m->games[i].root, &root)) {
            proxy = proxy_of(i);
            vd_abi_address(out, &proxy);
            vd_abi_u64(out, m->l1[m->games[i].l1_block].timestamp);
            return;
        }
    }
    vd_abi_address(out, &proxy);
    vd_abi_u64(out, 0);
}

static void
answer_call(struct model *m)
{
    uint64_t h = 0;
    struct vd_slice data = vd_slice(m->data + 4, m->len - 4);
    struct vd_abi out;
    struct vd_hash anchor_root = {{7}};
    uint64_t start = 0;
    uint64_t count = 0;
    if (!find_block(m, &h) || vd_random_below(m->random, 50) == 0) {
        vd_proposer_called(m->proposer, VD_ERR_IO, "no answer", vd_slice(NULL, 0));
        return;
    }
    vd_abi_call(&out, 0);
    uint32_t selector = vd_load_be32(m->data);
    if (selector == 0xf2b4e617 && vd_address_eq(&m->to, &portal)) {
        vd_abi_address(&out, &factory);
    } else if (selector == 0x5c0cba33 && vd_address_eq(&m->to, &portal)) {
        vd_abi_address(&out, &registry);
    } else if (selector == 0x3c9f397c && vd_address_eq(&m->to, &portal)) {
        vd_abi_u64(&out, GAME_TYPE);
    } else if (selector == 0xd83ef267 && vd_address_eq(&m->to, &registry)) {
        vd_abi_hash(&out, &anchor_root);
        vd_abi_u64(&out, ANCHOR);
    } else if (selector == 0x6593dc6e && vd_address_eq(&m->to, &factory)) {
        vd_abi_u64(&out, m->l1[h].bond);
    } else if (selector == 0x4d1975b4 && vd_address_eq(&m->to, &factory)) {
        vd_abi_u64(&out, games_at(m, h));
    } else if (selector == 0x254bd683 && vd_address_eq(&m->to, &factory)) {
        assert_true(vd_abi_read_u64(&start, data, 32) && vd_abi_read_u64(&count, data, 64));
        answer_games(m, &out, start, count, h);
    } else if (selector == 0x37b1b229) {
        vd_abi_address(&out, &m->games[vd_load_be64(m->to.b + 12)].creator);
    } else if (selector == 0x5f0150cb && vd_address_eq(&m->to, &factory)) {
        answer_exists(m, &out, data, h);
    } else {
        fail_msg("unexpected call %08x", selector);
    }
    assert_int_equal(out.err, VD_OK);
    vd_proposer_called(m->proposer, VD_OK, "", vd_slice(out.ptr + 4, out.len - 4));
    vd_abi_deinit(&out);
}

static void
answer(struct model *m)
{
    enum question question = m->question;
    m->question = ASK_NOTHING;
    if (question == ASK_CALL) {
        answer_call(m);
    } else if (question == ASK_OUTPUT) {
        if (m->l1[m->derived].safe < m->number) {
            vd_proposer_output(m->proposer, VD_ERR_NOT_FOUND, NULL, NULL);
            return;
        }
        struct vd_l2_ref ref = l2_ref(m, m->number);
        struct vd_block_id id = {ref.hash, ref.number};
        struct vd_hash root = root_of(&ref);
        vd_proposer_output(m->proposer, VD_OK, &id, &root);
    } else if (question == ASK_ESTIMATE) {
        bool fits = m->value == m->l1[m->head].bond;
        vd_proposer_estimated(m->proposer, fits ? VD_OK : VD_ERR_REFUSED,
                              fits ? "" : "IncorrectBondAmount", 400000);
    }
}

static void
asked(struct model *m, enum question question)
{
    assert_int_equal(m->question, ASK_NOTHING); /* one at a time */
    m->question = question;
    if (m->instant) {
        answer(m);
    }
}

static void
on_call(void *ctx, const struct vd_address *to, struct vd_slice data, const struct vd_hash *at)
{
    struct model *m = ctx;
    assert_true(data.len <= sizeof m->data);
    m->to = *to;
    m->at = *at;
    m->len = data.len;
    memcpy(m->data, data.ptr, data.len);
    asked(m, ASK_CALL);
}

static void
on_output(void *ctx, uint64_t number)
{
    struct model *m = ctx;
    m->number = number;
    asked(m, ASK_OUTPUT);
}

static void
on_estimate(void *ctx, const struct vd_address *to, struct vd_slice data,
            const struct vd_u256 *value)
{
    struct model *m = ctx;
    assert_true(vd_address_eq(to, &factory) && data.len > 4);
    m->value = value->w[0];
    asked(m, ASK_ESTIMATE);
}

static enum vd_err
on_send(void *ctx, const struct vd_txm_payload *payload)
{
    struct model *m = ctx;
    if (vd_random_below(m->random, 10) == 0) {
        return VD_ERR_BUSY;
    }
    assert_true(m->payload_count < MAX_PAYLOADS);
    struct payload *p = &m->payloads[m->payload_count++];
    *p = (struct payload){
        .len = payload->data.len, .tag_len = payload->tag.len, .value = payload->value.w[0]};
    assert_true(p->len <= sizeof p->data && p->tag_len <= sizeof p->tag);
    assert_int_equal(payload->gas_limit, 600000);
    memcpy(p->data, payload->data.ptr, p->len);
    memcpy(p->tag, payload->tag.ptr, p->tag_len);
    m->sent++;
    return VD_OK;
}

static size_t
on_unconfirmed(void *ctx)
{
    struct model *m = ctx;
    size_t count = 0;
    for (size_t i = 0; i < m->payload_count; i++) {
        const struct payload *p = &m->payloads[i];
        count += !p->confirmed && !p->gone && !p->orphan ? 1 : 0;
    }
    return count;
}

static void
on_note(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

static void
new_proposer(struct model *m)
{
    struct vd_proposer_effects effects = {.ctx = m,
                                          .call = on_call,
                                          .output = on_output,
                                          .estimate = on_estimate,
                                          .send = on_send,
                                          .unconfirmed = on_unconfirmed,
                                          .note = on_note};
    m->question = ASK_NOTHING;
    assert_int_equal(vd_proposer_new(&m->proposer, &m->config, &effects), VD_OK);
}

/* The process dies: what was not durable is gone; with empty_folder the journal too. */
static void
restart(struct model *m, bool empty_folder)
{
    vd_proposer_free(m->proposer);
    new_proposer(m);
    for (size_t i = 0; i < m->payload_count; i++) {
        struct payload *p = &m->payloads[i];
        if (p->gone || p->orphan) {
            continue;
        }
        if (!p->durable) {
            p->gone = true;
        } else if (empty_folder) {
            p->orphan = true;
            p->gone = p->l1_block == 0 && vd_random_below(m->random, 2) == 0;
        } else {
            struct vd_txm_status status = {.tag = vd_slice(p->tag, p->tag_len),
                                           .included = p->l1_block != 0,
                                           .confirmed = p->confirmed,
                                           .block = {.number = p->l1_block}};
            vd_proposer_restore(m->proposer, &status);
        }
    }
}

static void
tell_heads(struct model *m)
{
    uint64_t final = final_l1(m);
    uint64_t final_l2 = m->l1[final < m->derived ? final : m->derived].safe;
    struct vd_proposer_heads heads = {.l1 = {.hash = m->l1[m->head].hash,
                                             .number = m->head,
                                             .timestamp = m->l1[m->head].timestamp},
                                      .safe = l2_ref(m, m->l1[m->derived].safe),
                                      .finalized = l2_ref(m, final_l2),
                                      .derived_l1 = m->derived};
    vd_proposer_heads(m->proposer, m->now, &heads);
}

static void
make_durable(struct model *m)
{
    for (size_t i = 0; i < m->payload_count; i++) {
        m->payloads[i].durable = true;
    }
}

static void
stranger_creates(struct model *m)
{
    struct vd_l2_ref ref = l2_ref(m, m->l1[m->derived].safe);
    struct vd_hash root = root_of(&ref);
    if (vd_random_below(m->random, 2) == 0) {
        root.b[0] ^= 1; /* a wrong one */
    }
    create(m, ref.number, &root, &stranger);
}

static void
lose(struct model *m)
{
    for (size_t i = 0; i < m->payload_count; i++) {
        struct payload *p = &m->payloads[i];
        if (p->durable && !p->l1_block && !p->gone && !p->orphan) {
            report(m, p, VD_TXM_LOST);
            p->gone = true;
            return;
        }
    }
}

static void
check(const struct model *m)
{
    for (size_t i = 0; i < m->game_count; i++) {
        const struct game *a = &m->games[i];
        if (!vd_address_eq(&a->creator, &own)) {
            continue;
        }
        assert_true(a->number > ANCHOR);
        for (size_t j = i + 1; j < m->game_count; j++) {
            const struct game *b = &m->games[j];
            assert_false(vd_address_eq(&b->creator, &own) && a->number == b->number);
        }
        if (!m->config.allow_unfinalized) {
            struct vd_l2_ref ref = l2_ref(m, a->number);
            struct vd_hash root = root_of(&ref);
            assert_true(vd_hash_eq(&root, &a->root));
            /* The game's l1Head is the block before its own; the claim is derivable there. */
            assert_true(a->l1_block - 1 >= ref.l1_origin.number);
        }
    }
}

static uint64_t
newest_proposed(const struct model *m)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < m->game_count; i++) {
        newest = m->games[i].number > newest ? m->games[i].number : newest;
    }
    return newest;
}

struct faults {
    bool reorgs;
    bool crashes;
    bool empty_folders;
    bool strangers;
};

static void
model_init(struct model *m, struct vd_random *random, bool allow_unfinalized)
{
    memset(m, 0, sizeof *m);
    m->random = random;
    m->config = (struct vd_proposer_config){.portal = portal,
                                            .from = own,
                                            .interval_s = INTERVAL_S,
                                            .allow_unfinalized = allow_unfinalized};
    set_block(m, 0);
    new_proposer(m);
}

static void
random_step(struct model *m, const struct faults *faults)
{
    m->now += 100;
    m->instant = vd_random_below(m->random, 2) == 0;
    switch (vd_random_below(m->random, 12)) {
    case 0:
        mine(m);
        break;
    case 1:
    case 2:
        m->derived += vd_random_below(m->random, m->head - m->derived + 1);
        tell_heads(m);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        if (m->question != ASK_NOTHING) {
            answer(m);
        }
        break;
    case 7:
        make_durable(m);
        break;
    case 8:
        vd_proposer_tick(m->proposer, m->now);
        break;
    case 9:
        if (faults->reorgs && vd_random_below(m->random, 15) == 0) {
            reorg(m, 1 + vd_random_below(m->random, 6));
        }
        break;
    case 10:
        if (faults->crashes && vd_random_below(m->random, 15) == 0) {
            restart(m, faults->empty_folders && vd_random_below(m->random, 3) == 0);
        } else if (vd_random_below(m->random, 60) == 0) {
            lose(m);
        }
        break;
    case 11:
        if (faults->strangers && vd_random_below(m->random, 4) == 0) {
            stranger_creates(m);
        }
        m->spike =
            m->spike ? vd_random_below(m->random, 5) != 0 : vd_random_below(m->random, 30) == 0;
        break;
    default:
        break;
    }
}

static void
calm_down(struct model *m)
{
    m->spike = false;
    m->instant = true;
    for (size_t i = 0; i < m->payload_count; i++) {
        m->payloads[i].gone = m->payloads[i].gone || m->payloads[i].orphan;
    }
    if (m->question != ASK_NOTHING) {
        answer(m);
    }
    uint64_t goal = m->l1[m->head].safe;
    for (unsigned i = 0; i < 400 && newest_proposed(m) < goal; i++) {
        make_durable(m);
        mine(m);
        m->derived = m->head;
        tell_heads(m);
        vd_proposer_tick(m->proposer, m->now);
    }
    assert_true(newest_proposed(m) >= goal);
}

static void
run_model(struct vd_random *random, bool allow_unfinalized, const struct faults *faults)
{
    static struct model m;
    model_init(&m, random, allow_unfinalized);
    for (unsigned step = 0; step < 800; step++) {
        random_step(&m, faults);
    }
    check(&m);
    calm_down(&m);
    check(&m);
    vd_proposer_free(m.proposer);
}

static void
test_finalized_blocks_are_proposed_once_and_rightly(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("proposer");
    struct faults none = {.reorgs = false};
    struct faults all = {.reorgs = true, .crashes = true, .empty_folders = true, .strangers = true};
    for (int i = 0; i < 100; i++) {
        run_model(&random, false, &none);
    }
    for (int i = 0; i < 2000; i++) {
        run_model(&random, false, &all);
    }
}

static void
test_safe_blocks_are_proposed_once(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("proposer, safe blocks");
    struct faults all = {.reorgs = true, .crashes = true, .strangers = true};
    for (int i = 0; i < 2000; i++) {
        run_model(&random, true, &all);
    }
}

/* On a quiet chain proposals come at the interval, no more often and not much less. */
static void
test_proposals_keep_the_interval(void **state)
{
    (void)state;
    static struct model m;
    struct vd_random random = vd_random_start("proposer, interval");
    model_init(&m, &random, true);
    m.instant = true;
    for (unsigned i = 0; i < 1000; i++) {
        m.now += 12000;
        make_durable(&m);
        mine(&m);
        m.derived = m.head;
        tell_heads(&m);
    }
    uint64_t last = 0;
    size_t count = 0;
    for (size_t i = 0; i < m.game_count; i++) {
        uint64_t time = m.l1[m.games[i].l1_block].timestamp;
        assert_true(last == 0 || time - last >= INTERVAL_S);
        /* Sent when L1 had gone on by two blocks behind the one it was derived from. */
        assert_true(m.games[i].l1_block >= l2_ref(&m, m.games[i].number).l1_origin.number + 3);
        last = time;
        count++;
    }
    assert_true(count > 1000 * 12 / (4 * INTERVAL_S));
    vd_proposer_free(m.proposer);
}

/* A create() that failed for good may come back with a deep reorg: its block's number must not have
   been tried with another root meanwhile. */
static void
test_a_number_is_never_tried_with_another_root(void **state)
{
    (void)state;
    static struct model m;
    struct vd_random random = vd_random_start("proposer, another root");
    model_init(&m, &random, true);
    m.instant = true;
    m.spike = true; /* nothing is included by itself */
    while (m.sent == 0) {
        mine(&m);
        m.derived = m.head;
        tell_heads(&m);
        vd_proposer_tick(m.proposer, m.now);
    }
    struct payload *p = &m.payloads[0];
    p->durable = true;
    p->l1_block = m.head;
    p->confirmed = true;
    report(&m, p, VD_TXM_INCLUDED);
    report(&m, p, VD_TXM_CONFIRMED); /* reverted */
    uint64_t number = vd_load_be64(p->tag + 1);
    /* The same number, another block: L1 took another way. */
    uint64_t derived = l2_ref(&m, number).l1_origin.number;
    m.forks++;
    for (uint64_t h = derived; h <= m.head; h++) {
        struct l1_block old = m.l1[h];
        set_block(&m, h);
        m.l1[h].safe = old.safe < number ? old.safe : number;
        m.l1[h].bond = old.bond;
    }
    vd_proposer_reorg(m.proposer);
    for (unsigned i = 0; i < 100; i++) {
        m.now += 12000;
        tell_heads(&m);
        vd_proposer_tick(m.proposer, m.now);
        mine(&m);
        m.l1[m.head].safe = number;
    }
    assert_int_equal(m.sent, 1);
    vd_proposer_free(m.proposer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finalized_blocks_are_proposed_once_and_rightly),
        cmocka_unit_test(test_safe_blocks_are_proposed_once),
        cmocka_unit_test(test_proposals_keep_the_interval),
        cmocka_unit_test(test_a_number_is_never_tried_with_another_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
