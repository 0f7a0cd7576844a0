/* The resolver over a model of games with clocks and delays, with claims and without, some of them
   disputed and resolved by others: every own game is resolved and its bond comes back, nobody
   else's game is touched, whatever the delays, restarts and reorgs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random.h"
#include "viaduct/node/l1/abi.h"
#include "viaduct/node/roles/resolver.h"

#define MAX_GAMES 64u
#define MANY_GAMES 2000u
#define MAX_PAYLOADS 2000u
#define CLOCK_S 100u
#define FINALITY_S 50u
#define WETH_S 30u

static const struct vd_address portal = {{1}};
static const struct vd_address factory = {{2}};
static const struct vd_address own = {{4}};
static const struct vd_address stranger = {{5}};

struct game {
    bool is_own;
    bool has_claims;
    bool disputed; /* there is a counter that is not resolved */
    bool has_root; /* the root claim is resolved */
    uint64_t created;
    uint64_t resolved; /* 0: in progress */
    uint64_t unlocked;
    bool paid;
};

struct payload {
    size_t game;
    uint32_t selector;
    uint8_t tag[VD_TXM_MAX_TAG];
    size_t tag_len;
    bool confirmed;
};

struct model {
    struct vd_random *random;
    struct vd_resolver *resolver;
    uint64_t time; /* of L1, seconds */
    struct game games[MANY_GAMES];
    size_t count;
    struct payload payloads[MAX_PAYLOADS];
    size_t payload_count;
    size_t reverted;
    bool instant;
    bool fails;  /* L1 sometimes does not answer */
    bool others; /* somebody else resolves games too */
    bool asked;
    bool estimates;
    struct vd_address to;
    uint8_t data[96];
    size_t len;
    uint64_t calls;
};

static bool
can_resolve(const struct model *m, const struct game *g)
{
    return g->resolved == 0 && m->time >= g->created + CLOCK_S && (!g->has_claims || g->has_root);
}

static bool
can_resolve_root(const struct model *m, const struct game *g)
{
    return g->has_claims && !g->has_root && !g->disputed && m->time >= g->created + CLOCK_S;
}

static bool
can_claim(const struct model *m, const struct game *g)
{
    if (g->resolved == 0 || g->paid || m->time <= g->resolved + FINALITY_S) {
        return false;
    }
    return g->unlocked == 0 || m->time >= g->unlocked + WETH_S;
}

#define RESOLVE_CLAIM 0x03c2924du
#define RESOLVE 0x2810e1d6u
#define CLAIM_CREDIT 0x60e27464u

static bool
can(const struct model *m, const struct game *g, uint32_t selector)
{
    return selector == CLAIM_CREDIT ? can_claim(m, g)
           : selector == RESOLVE    ? can_resolve(m, g)
                                    : can_resolve_root(m, g);
}

static size_t
game_of(const struct model *m, const struct vd_address *proxy)
{
    size_t index = (size_t)vd_load_be64(proxy->b + 12);
    assert_true(proxy->b[0] == 0xaa && index < m->count);
    return index;
}

static void
answer_call(struct model *m, struct vd_abi *out)
{
    struct vd_slice data = vd_slice(m->data + 4, m->len - 4);
    uint64_t index = 0;
    uint32_t selector = vd_load_be32(m->data);
    struct vd_address proxy = {{0xaa}};
    if (vd_address_eq(&m->to, &portal)) {
        assert_int_equal(selector, 0xf2b4e617);
        vd_abi_address(out, &factory);
    } else if (vd_address_eq(&m->to, &factory) && selector == 0x4d1975b4) {
        vd_abi_u64(out, m->count);
    } else if (vd_address_eq(&m->to, &factory)) {
        assert_int_equal(selector, 0xbb8aa1fc);
        assert_true(vd_abi_read_u64(&index, data, 0) && index < m->count);
        vd_store_be64(proxy.b + 12, index);
        vd_abi_u64(out, m->games[index].has_claims ? 101 : 100);
        vd_abi_u64(out, m->games[index].created);
        vd_abi_address(out, &proxy);
    } else {
        const struct game *g = &m->games[game_of(m, &m->to)];
        if (selector == 0x37b1b229) {
            vd_abi_address(out, g->is_own ? &own : &stranger);
        } else if (selector == 0x200d2ed2) {
            vd_abi_u64(out, g->resolved ? 2 : 0);
        } else if (selector == 0xfe2bbeb2) { /* resolvedSubgames(uint256) */
            assert_true(g->has_claims && vd_abi_read_u64(&index, data, 0) && index == 0);
            vd_abi_u64(out, g->has_root);
        } else {
            assert_int_equal(selector, 0xd5d44d80);
            vd_abi_u64(out, g->paid ? 0 : 80);
        }
    }
}

static void
answer(struct model *m)
{
    struct vd_abi out;
    m->asked = false;
    if (m->fails && vd_random_below(m->random, 30) == 0) {
        if (m->estimates) {
            vd_resolver_estimated(m->resolver, VD_ERR_IO, 0);
        } else {
            vd_resolver_called(m->resolver, VD_ERR_IO, vd_slice(NULL, 0));
        }
        return;
    }
    if (m->estimates) {
        const struct game *g = &m->games[game_of(m, &m->to)];
        uint32_t selector = vd_load_be32(m->data);
        assert_true(selector == RESOLVE_CLAIM || selector == RESOLVE || selector == CLAIM_CREDIT);
        bool ok = can(m, g, selector);
        vd_resolver_estimated(m->resolver, ok ? VD_OK : VD_ERR_REFUSED, 100000);
        return;
    }
    vd_abi_call(&out, 0);
    answer_call(m, &out);
    vd_resolver_called(m->resolver, VD_OK, vd_slice(out.ptr + 4, out.len - 4));
    vd_abi_deinit(&out);
}

static void
ask(struct model *m, bool estimates, const struct vd_address *to, struct vd_slice data)
{
    assert_false(m->asked);
    assert_true(data.len >= 4 && data.len <= sizeof m->data);
    m->asked = true;
    m->estimates = estimates;
    m->to = *to;
    m->len = data.len;
    m->calls++;
    memcpy(m->data, data.ptr, data.len);
    if (m->instant) {
        answer(m);
    }
}

static void
on_call(void *ctx, const struct vd_address *to, struct vd_slice data, const struct vd_hash *at)
{
    (void)at;
    ask(ctx, false, to, data);
}

static void
on_estimate(void *ctx, const struct vd_address *to, struct vd_slice data)
{
    ask(ctx, true, to, data);
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
    *p = (struct payload){.game = game_of(m, &payload->to),
                          .selector = vd_load_be32(payload->data.ptr),
                          .tag_len = payload->tag.len};
    memcpy(p->tag, payload->tag.ptr, p->tag_len);
    assert_true(m->games[p->game].is_own);
    return VD_OK;
}

static void
on_note(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

static void
new_resolver(struct model *m)
{
    struct vd_resolver_config config = {.portal = portal, .from = own};
    struct vd_resolver_effects effects = {
        .ctx = m, .call = on_call, .estimate = on_estimate, .send = on_send, .note = on_note};
    m->asked = false;
    assert_int_equal(vd_resolver_new(&m->resolver, &config, &effects), VD_OK);
}

static void
restart(struct model *m)
{
    vd_resolver_free(m->resolver);
    new_resolver(m);
    for (size_t i = 0; i < m->payload_count; i++) {
        const struct payload *p = &m->payloads[i];
        struct vd_txm_status status = {.tag = vd_slice(p->tag, p->tag_len),
                                       .confirmed = p->confirmed};
        vd_resolver_restore(m->resolver, &status);
    }
}

static void
include(struct model *m)
{
    for (size_t i = 0; i < m->payload_count; i++) {
        struct payload *p = &m->payloads[i];
        struct game *g = &m->games[p->game];
        if (p->confirmed) {
            continue;
        }
        bool ok = can(m, g, p->selector);
        m->reverted += ok ? 0 : 1;
        if (ok && p->selector == RESOLVE_CLAIM) {
            g->has_root = true;
        } else if (ok && p->selector == RESOLVE) {
            g->resolved = m->time;
        } else if (ok && g->unlocked == 0) {
            g->unlocked = m->time;
        } else if (ok) {
            g->paid = true;
        }
        p->confirmed = true;
        struct vd_txm_event event = {
            .kind = VD_TXM_CONFIRMED, .tag = vd_slice(p->tag, p->tag_len), .success = ok};
        vd_resolver_tx_event(m->resolver, &event);
        return;
    }
}

/* A challenger's work: counters, and now and then what the resolver would do. */
static void
somebody_else(struct model *m)
{
    if (m->count == 0) {
        return;
    }
    struct game *g = &m->games[vd_random_below(m->random, (uint32_t)m->count)];
    if (g->disputed && m->time >= g->created + CLOCK_S) {
        g->disputed = false;
    } else if (m->others && can_resolve_root(m, g)) {
        g->has_root = true;
    } else if (m->others && can_resolve(m, g)) {
        g->resolved = m->time;
    }
}

static void
tell(struct model *m)
{
    struct vd_l1_ref head = {.number = m->time, .timestamp = m->time};
    vd_resolver_head(m->resolver, m->time * 1000, &head);
}

static bool
all_paid(const struct model *m)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->games[i].is_own && !m->games[i].paid) {
            return false;
        }
    }
    return true;
}

static void
random_step(struct model *m)
{
    m->instant = vd_random_below(m->random, 2) == 0;
    switch (vd_random_below(m->random, 9)) {
    case 0:
        if (m->count < MAX_GAMES && vd_random_below(m->random, 4) == 0) {
            bool has_claims = vd_random_below(m->random, 4) > 0;
            m->games[m->count++] =
                (struct game){.is_own = vd_random_below(m->random, 2) == 0,
                              .has_claims = has_claims,
                              .disputed = has_claims && vd_random_below(m->random, 3) == 0,
                              .created = m->time};
        }
        break;
    case 8:
        if (vd_random_below(m->random, 5) == 0) {
            somebody_else(m);
        }
        break;
    case 1:
        m->time += vd_random_below(m->random, 5);
        tell(m);
        break;
    case 2:
    case 3:
    case 4:
        if (m->asked) {
            answer(m);
        }
        break;
    case 5:
        include(m);
        break;
    case 6:
        vd_resolver_tick(m->resolver, m->time * 1000);
        break;
    case 7:
        if (vd_random_below(m->random, 50) == 0) {
            restart(m);
        } else if (vd_random_below(m->random, 50) == 0) {
            vd_resolver_reorg(m->resolver);
        }
        break;
    default:
        break;
    }
}

static void
test_own_games_are_resolved_and_their_bonds_come_back(void **state)
{
    (void)state;
    static struct model m;
    struct vd_random random = vd_random_start("resolver");
    for (unsigned run = 0; run < 500; run++) {
        memset(&m, 0, sizeof m);
        m.random = &random;
        m.time = 1000;
        m.fails = true;
        m.others = run % 2 == 1;
        new_resolver(&m);
        for (unsigned i = 0; i < 1500; i++) {
            random_step(&m);
        }
        m.instant = true;
        if (m.asked) {
            answer(&m);
        }
        for (unsigned i = 0; i < 3000 && !(all_paid(&m) && vd_resolver_open(m.resolver) == 0);
             i++) {
            m.time++;
            include(&m);
            somebody_else(&m);
            tell(&m);
            vd_resolver_tick(m.resolver, m.time * 1000);
        }
        assert_true(all_paid(&m));
        assert_int_equal(vd_resolver_open(m.resolver), 0);
        assert_true(m.others || m.reverted == 0);
        vd_resolver_free(m.resolver);
    }
}

/* With delays of days, hundreds of open games cost a call now and then, and a start on a chain of
   many finished games reads few of them. */
static void
test_old_games_are_not_asked_about(void **state)
{
    (void)state;
    static struct model m;
    struct vd_random random = vd_random_start("resolver, old games");
    memset(&m, 0, sizeof m);
    m.random = &random;
    m.instant = true;
    m.time = 1000000;
    m.count = MANY_GAMES;
    for (size_t i = 0; i < MANY_GAMES; i++) {
        m.games[i] = (struct game){.is_own = true, .created = 1000, .resolved = 2000, .paid = true};
    }
    new_resolver(&m);
    for (unsigned i = 0; i < 100; i++) {
        m.time++;
        tell(&m);
    }
    assert_int_equal(vd_resolver_open(m.resolver), 0);
    assert_true(m.calls < 500);
    assert_int_equal(m.payload_count, 0);
    vd_resolver_free(m.resolver);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_games_are_resolved_and_their_bonds_come_back),
        cmocka_unit_test(test_old_games_are_not_asked_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
