/* Questions are asked one at a time:

       FACTORY COUNT           is there a game that was not looked at?
       AT CREATOR              each of those, newest first: is it ours?
       STATUS ROOT CREDIT      of an own game whose turn it is; ROOT: is its root claim resolved?
       SUBGAME RESOLVE CLAIM   estimates; what would go through is sent

   A game is looked at again after an eighth of its age, so young games of a development chain are
   asked about every second and those of a chain with delays of days every ten minutes. */
#include "viaduct/node/roles/resolver.h"
#include "viaduct/core/base/constants.h"

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/node/l1/abi.h"

#define MIN_PAUSE_MS 1000u
#define MAX_PAUSE_MS 600000u
#define SCAN_PAUSE_MS 2000u
/* Games are worked on in order, but a later one may overtake one whose transaction was late. */
#define DONE_RUN 64u

/* The tag of a payload: kind 1, index of the game 8. */
#define TAG_BYTES 9u
#define TAG_SUBGAME 'S'
#define TAG_RESOLVE 'R'
#define TAG_CLAIM 'W'

enum question {
    Q_NONE,
    Q_FACTORY,
    Q_COUNT,
    Q_AT,
    Q_CREATOR,
    Q_STATUS,
    Q_ROOT,
    Q_CREDIT,
    Q_SUBGAME,
    Q_RESOLVE,
    Q_CLAIM,
};

struct game {
    uint64_t index;
    struct vd_address proxy;
    bool has_claims;    /* its root claim is resolved before the game is */
    uint64_t timestamp; /* of L1, when it was created */
    uint64_t next_ms;
    bool fresh; /* not looked at since it was found */
    bool sent;  /* a payload for it is on its way */
};

struct vd_resolver {
    struct vd_resolver_config config;
    struct vd_resolver_effects effects;
    uint64_t now_ms;
    struct vd_l1_ref head;
    bool has_head;
    enum question question;
    bool abandoned; /* the answer on its way is not wanted any more */
    bool stepping;

    struct vd_address factory;
    bool has_factory;
    uint64_t scan_ms; /* when to look for new games again */
    bool scanning;    /* scan_next - 1 is the next index, scan_end the last */
    uint64_t scan_next;
    uint64_t scan_end;
    uint64_t seen;       /* games below this index were looked at */
    uint64_t scan_count; /* seen, when this scan is through */
    struct game found;   /* by AT, until CREATOR answers */
    unsigned done_run;   /* own games in a row that the first scan found done */

    struct game *games; /* ours, that are not done */
    size_t count;
    size_t cap;
    size_t current;

    uint64_t restored[VD_TXM_MAX_KEPT]; /* games with a payload of before the start */
    size_t restored_count;
};

enum vd_err
vd_resolver_new(struct vd_resolver **out, const struct vd_resolver_config *config,
                const struct vd_resolver_effects *effects)
{
    struct vd_resolver *r = calloc(1, sizeof *r);
    if (!r) {
        return VD_ERR_NO_MEMORY;
    }
    r->config = *config;
    r->effects = *effects;
    *out = r;
    return VD_OK;
}

void
vd_resolver_free(struct vd_resolver *r)
{
    if (r) {
        free(r->games);
        free(r);
    }
}

/* --- asking --- */

static void
ask(struct vd_resolver *r, enum question question, const struct vd_address *to, struct vd_abi *data)
{
    if (data->err == VD_OK) {
        r->question = question;
        if (question == Q_SUBGAME || question == Q_RESOLVE || question == Q_CLAIM) {
            r->effects.estimate(r->effects.ctx, to, vd_abi_view(data));
        } else {
            r->effects.call(r->effects.ctx, to, vd_abi_view(data), &r->head.hash);
        }
    }
    vd_abi_deinit(data);
}

static void
ask_plain(struct vd_resolver *r, enum question question, const struct vd_address *to,
          uint32_t selector)
{
    struct vd_abi data;
    vd_abi_call(&data, selector);
    ask(r, question, to, &data);
}

static void
action(struct vd_abi *data, const struct vd_resolver *r, enum question question)
{
    if (question == Q_SUBGAME) {
        vd_abi_call(data, VD_SELECTOR_RESOLVE_CLAIM);
        vd_abi_u64(data, 0); /* the root claim */
        vd_abi_u64(data, 0); /* with all that counters it */
    } else if (question == Q_RESOLVE) {
        vd_abi_call(data, VD_SELECTOR_RESOLVE);
    } else {
        vd_abi_call(data, VD_SELECTOR_CLAIM_CREDIT);
        vd_abi_address(data, &r->config.from);
    }
}

static void
ask_action(struct vd_resolver *r, enum question question)
{
    struct vd_abi data;
    action(&data, r, question);
    ask(r, question, &r->games[r->current].proxy, &data);
}

/* The next game down, or the end of the scan. */
static void
scan_on(struct vd_resolver *r)
{
    if (r->scan_next == r->scan_end) {
        r->scanning = false;
        r->seen = r->scan_count;
        return;
    }
    r->scan_next--;
    struct vd_abi data;
    vd_abi_call(&data, VD_SELECTOR_GAME_AT_INDEX);
    vd_abi_u64(&data, r->scan_next);
    ask(r, Q_AT, &r->factory, &data);
}

static void
look_again(struct vd_resolver *r, struct game *game)
{
    uint64_t age_s = r->head.timestamp > game->timestamp ? r->head.timestamp - game->timestamp : 0;
    uint64_t pause = age_s < MAX_PAUSE_MS / 125 ? age_s * 125 : MAX_PAUSE_MS;
    game->next_ms = r->now_ms + (pause < MIN_PAUSE_MS ? MIN_PAUSE_MS : pause);
}

/* An own game whose turn it is. */
static bool
pick_game(struct vd_resolver *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct game *game = &r->games[i];
        if (!game->sent && game->next_ms <= r->now_ms) {
            r->current = i;
            look_again(r, game);
            ask_plain(r, Q_STATUS, &game->proxy, VD_SELECTOR_STATUS);
            return true;
        }
    }
    return false;
}

static void
begin(struct vd_resolver *r)
{
    if (!r->has_head || r->question != Q_NONE) {
        return;
    }
    if (!r->has_factory) {
        if (r->now_ms >= r->scan_ms) {
            r->scan_ms = r->now_ms + SCAN_PAUSE_MS;
            ask_plain(r, Q_FACTORY, &r->config.portal, VD_SELECTOR_DISPUTE_GAME_FACTORY);
        }
    } else if (r->scanning) {
        scan_on(r);
    } else if (r->now_ms >= r->scan_ms) {
        r->scan_ms = r->now_ms + SCAN_PAUSE_MS;
        ask_plain(r, Q_COUNT, &r->factory, VD_SELECTOR_GAME_COUNT);
    } else {
        pick_game(r);
    }
}

/* Effects may answer at once: goes on until a question is open or nothing is left. */
static void
step(struct vd_resolver *r)
{
    if (r->stepping) {
        return;
    }
    r->stepping = true;
    bool again = true;
    while (again && r->question == Q_NONE) {
        bool scanning = r->scanning;
        uint64_t scan_ms = r->scan_ms;
        uint64_t scan_next = r->scan_next;
        size_t current = r->current;
        size_t count = r->count;
        begin(r);
        again = scanning != r->scanning || scan_ms != r->scan_ms || scan_next != r->scan_next ||
                current != r->current || count != r->count;
    }
    r->stepping = false;
}

/* --- own games --- */

static struct game *
find_game(struct vd_resolver *r, uint64_t index)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->games[i].index == index) {
            return &r->games[i];
        }
    }
    return NULL;
}

static bool
was_restored(const struct vd_resolver *r, uint64_t index)
{
    for (size_t i = 0; i < r->restored_count; i++) {
        if (r->restored[i] == index) {
            return true;
        }
    }
    return false;
}

/* Again after a scan that broke off: it is there already. */
static void
add_game(struct vd_resolver *r)
{
    struct game *known = find_game(r, r->found.index);
    if (known) {
        r->current = (size_t)(known - r->games);
        return;
    }
    if (r->count == r->cap) {
        size_t cap = r->cap == 0 ? 32 : 2 * r->cap;
        struct game *games = realloc(r->games, cap * sizeof *games);
        if (!games) {
            return; /* found again after the next start */
        }
        r->games = games;
        r->cap = cap;
    }
    r->found.sent = was_restored(r, r->found.index);
    r->found.fresh = true;
    r->current = r->count;
    while (r->current > 0 && r->games[r->current - 1].index > r->found.index) {
        r->games[r->current] = r->games[r->current - 1];
        r->current--;
    }
    r->games[r->current] = r->found;
    r->count++;
}

static void
remove_current(struct vd_resolver *r)
{
    r->count--;
    memmove(&r->games[r->current], &r->games[r->current + 1],
            (r->count - r->current) * sizeof r->games[0]);
}

/* --- answers --- */

static void
take_count(struct vd_resolver *r, struct vd_slice answer)
{
    uint64_t count = 0;
    if (vd_abi_read_u64(&count, answer, 0) && count > r->seen) {
        r->scanning = true;
        r->scan_next = count;
        r->scan_end = r->seen;
        r->scan_count = count;
        r->done_run = 0;
    }
}

static void
take_at(struct vd_resolver *r, struct vd_slice answer)
{
    uint64_t type = 0;
    r->found = (struct game){.index = r->scan_next};
    if (vd_abi_read_u64(&type, answer, 0) && vd_abi_read_u64(&r->found.timestamp, answer, 32) &&
        vd_abi_read_address(&r->found.proxy, answer, 64)) {
        r->found.has_claims = type != VD_GAME_TYPE_INTERIM;
        ask_plain(r, Q_CREATOR, &r->found.proxy, VD_SELECTOR_GAME_CREATOR);
    }
}

static void
take_creator(struct vd_resolver *r, struct vd_slice answer)
{
    struct vd_address creator;
    if (!vd_abi_read_address(&creator, answer, 0) || !vd_address_eq(&creator, &r->config.from)) {
        return;
    }
    add_game(r);
    if (r->seen == 0 && r->current < r->count) {
        /* The first scan: it ends where own games are done, so each is asked about at once. */
        look_again(r, &r->games[r->current]);
        ask_plain(r, Q_STATUS, &r->found.proxy, VD_SELECTOR_STATUS);
    }
}

static void
take_status(struct vd_resolver *r, struct vd_slice answer)
{
    uint64_t status = 0;
    struct game *game = &r->games[r->current];
    struct vd_abi data;
    if (!vd_abi_read_u64(&status, answer, 0) || (game->sent && status == 0)) {
        return;
    }
    if (status == 0) { /* in progress */
        r->done_run = game->fresh ? 0 : r->done_run;
        game->fresh = false;
        if (game->has_claims) {
            vd_abi_call(&data, VD_SELECTOR_RESOLVED_SUBGAMES);
            vd_abi_u64(&data, 0);
            ask(r, Q_ROOT, &game->proxy, &data);
        } else {
            ask_action(r, Q_RESOLVE);
        }
        return;
    }
    vd_abi_call(&data, VD_SELECTOR_CREDIT);
    vd_abi_address(&data, &r->config.from);
    ask(r, Q_CREDIT, &game->proxy, &data);
}

static void
take_root(struct vd_resolver *r, struct vd_slice answer)
{
    uint64_t resolved = 0;
    if (vd_abi_read_u64(&resolved, answer, 0)) {
        ask_action(r, resolved ? Q_RESOLVE : Q_SUBGAME);
    }
}

static void
take_credit(struct vd_resolver *r, struct vd_slice answer)
{
    struct vd_u256 credit;
    struct game *game = &r->games[r->current];
    bool fresh = game->fresh;
    if (!vd_abi_read_u256(&credit, answer, 0)) {
        return;
    }
    game->fresh = false;
    if (vd_u256_is_zero(&credit)) {
        remove_current(r);
        r->done_run = fresh ? r->done_run + 1 : r->done_run;
        if (r->scanning && r->seen == 0 && r->done_run >= DONE_RUN) {
            r->scan_next = r->scan_end; /* older ones are done too */
        }
        return;
    }
    r->done_run = fresh ? 0 : r->done_run;
    if (!game->sent) {
        ask_action(r, Q_CLAIM);
    }
}

/* True when the answer is wanted; the question is closed. */
static bool
answered(struct vd_resolver *r, enum question *question)
{
    bool wanted = r->question != Q_NONE && !r->abandoned;
    *question = r->question;
    r->question = Q_NONE;
    r->abandoned = false;
    return wanted;
}

void
vd_resolver_called(struct vd_resolver *r, enum vd_err err, struct vd_slice answer)
{
    enum question question;
    bool wanted = answered(r, &question);
    if (wanted && err != VD_OK && (question == Q_AT || question == Q_CREATOR)) {
        r->scanning = false; /* begun again at the next count */
    }
    if (wanted && err == VD_OK) {
        switch (question) {
        case Q_FACTORY:
            r->has_factory = vd_abi_read_address(&r->factory, answer, 0);
            r->scan_ms = r->has_factory ? r->now_ms : r->scan_ms;
            break;
        case Q_COUNT:
            take_count(r, answer);
            break;
        case Q_AT:
            take_at(r, answer);
            break;
        case Q_CREATOR:
            take_creator(r, answer);
            break;
        case Q_STATUS:
            take_status(r, answer);
            break;
        case Q_ROOT:
            take_root(r, answer);
            break;
        case Q_CREDIT:
            take_credit(r, answer);
            break;
        case Q_NONE:
        case Q_SUBGAME:
        case Q_RESOLVE:
        case Q_CLAIM:
            break;
        }
    }
    step(r);
}

static void
hand_over(struct vd_resolver *r, enum question question, uint64_t gas)
{
    struct game *game = &r->games[r->current];
    uint8_t tag[TAG_BYTES] = {question == Q_SUBGAME   ? TAG_SUBGAME
                              : question == Q_RESOLVE ? TAG_RESOLVE
                                                      : TAG_CLAIM};
    vd_store_be64(tag + 1, game->index);
    struct vd_abi data;
    action(&data, r, question);
    struct vd_txm_payload payload = {.to = game->proxy,
                                     .data = vd_abi_view(&data),
                                     .gas_limit = gas + gas / 2,
                                     .tag = vd_slice(tag, sizeof tag)};
    if (data.err == VD_OK && r->effects.send(r->effects.ctx, &payload) == VD_OK) {
        char text[120];
        game->sent = true;
        snprintf(text, sizeof text, "game %llu: %s", (unsigned long long)game->index,
                 question == Q_SUBGAME   ? "resolving the claim"
                 : question == Q_RESOLVE ? "resolving"
                                         : "claiming the bond");
        r->effects.note(r->effects.ctx, text);
    }
    vd_abi_deinit(&data);
}

void
vd_resolver_estimated(struct vd_resolver *r, enum vd_err err, uint64_t gas)
{
    enum question question;
    if (answered(r, &question) && err == VD_OK) {
        hand_over(r, question, gas);
    }
    step(r);
}

/* --- inputs --- */

static bool
is_ours(struct vd_slice tag)
{
    return tag.len == TAG_BYTES &&
           (tag.ptr[0] == TAG_SUBGAME || tag.ptr[0] == TAG_RESOLVE || tag.ptr[0] == TAG_CLAIM);
}

void
vd_resolver_restore(struct vd_resolver *r, const struct vd_txm_status *payload)
{
    if (is_ours(payload->tag) && !payload->confirmed && r->restored_count < VD_TXM_MAX_KEPT) {
        r->restored[r->restored_count++] = vd_load_be64(payload->tag.ptr + 1);
    }
}

void
vd_resolver_head(struct vd_resolver *r, uint64_t now_ms, const struct vd_l1_ref *latest)
{
    r->now_ms = now_ms;
    r->head = *latest;
    r->has_head = true;
    step(r);
}

void
vd_resolver_reorg(struct vd_resolver *r)
{
    /* Indices may mean other games now; what is on its way comes back by them all the same. */
    for (size_t i = 0; i < r->count && r->restored_count < VD_TXM_MAX_KEPT; i++) {
        if (r->games[i].sent && !was_restored(r, r->games[i].index)) {
            r->restored[r->restored_count++] = r->games[i].index;
        }
    }
    r->abandoned = r->question != Q_NONE;
    r->scanning = false;
    r->seen = 0;
    r->count = 0;
    r->current = 0;
}

void
vd_resolver_tick(struct vd_resolver *r, uint64_t now_ms)
{
    r->now_ms = now_ms;
    step(r);
}

void
vd_resolver_tx_event(struct vd_resolver *r, const struct vd_txm_event *event)
{
    if (!is_ours(event->tag)) {
        return;
    }
    uint64_t index = vd_load_be64(event->tag.ptr + 1);
    struct game *game = find_game(r, index);
    bool done = event->kind == VD_TXM_CONFIRMED || event->kind == VD_TXM_LOST;
    if (done) {
        for (size_t i = 0; i < r->restored_count; i++) {
            if (r->restored[i] == index) {
                r->restored[i--] = r->restored[--r->restored_count];
            }
        }
    }
    if (game && (done || event->kind == VD_TXM_REORGED_OUT)) {
        game->sent = !done;
        game->next_ms = r->now_ms + MIN_PAUSE_MS;
    }
}

size_t
vd_resolver_open(const struct vd_resolver *r)
{
    return r->count;
}
