/* The effects of the challenger over L1, engine, transaction manager and the runs of disputes. */
#include <stdio.h>
#include <stdlib.h>

#include "addresses.h"
#include "game_reads.h"
#include "node_dispute.h"
#include "node_internal.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/chain/header.h"
#include "viaduct/node/platform/memory.h"

#define RETRY_MS 1000u
/* Entries of the factory read for one answer. */
#define LIST_AT_ONCE 600u
#define HEADER_BYTES 4096u
/* How long the claim of a move has to be old on an L1 where it could be replaced. */
#define SETTLE_S 60u
/* L1 chains for development: the embedded one and anvil's. */
#define L1_EMBEDDED 900u
#define L1_ANVIL 31337u

struct kept_game {
    struct vd_dispute_id id;
    bool was_tried; /* read, or found to be no game */
    struct vd_game_view view;
};

enum list_stage {
    LIST_FACTORY,
    LIST_COUNT,
    LIST_ENTRIES,
};

struct vd_challenge {
    struct vd_node *node;
    struct vd_challenger *role;
    bool watch;
    struct vd_address from;
    struct vd_hash prestate;
    struct vd_disputes *disputes;
    struct vd_txm_driver *own_txm; /* NULL: it watches, or shares the proposer's */
    struct vd_txm *manager;        /* NULL: it watches */
    struct vd_txm_listener listener;

    /* heads */
    bool has_heads;
    bool is_stale; /* L1 was reorganised since */
    struct vd_challenger_heads heads;
    bool asking_balance;
    struct vd_l1_ref asked_l1;
    uint64_t retry_ms;

    /* the list under way */
    struct vd_reads reads;
    enum list_stage stage;
    struct vd_hash list_at;
    struct vd_address factory;
    uint64_t first;
    uint64_t next;
    uint64_t total;
    uint64_t entry_count; /* of the batch under way */
    struct vd_dispute_id ids[LIST_AT_ONCE];
    size_t id_count;
    bool listed; /* to the end */

    /* games, and the one that is being read */
    struct kept_game **games;
    size_t count;
    size_t cap;
    struct vd_game_reader reader;
    struct kept_game *reading;
    bool forget; /* once it is read */
    bool has_pin;
    uint64_t pin;

    struct vd_block_id l1_head; /* of the question for a safe block */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* --- games kept --- */

static void
free_kept(struct kept_game *game)
{
    vd_game_view_deinit(&game->view);
    free(game);
}

static void
forget_games(struct vd_challenge *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free_kept(c->games[i]);
    }
    c->count = 0;
    c->listed = false;
    c->forget = false;
}

static void
forget_game(struct vd_challenge *c, const struct kept_game *game)
{
    size_t i = 0;
    while (c->games[i] != game) {
        i++;
    }
    free_kept(c->games[i]);
    c->games[i] = c->games[--c->count];
}

/* NULL: out of memory. */
static struct kept_game *
keep_game(struct vd_challenge *c, const struct vd_dispute_id *id)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->games[i]->id.index == id->index) {
            return c->games[i];
        }
    }
    if (c->count == c->cap) {
        size_t cap = c->cap == 0 ? 16 : 2 * c->cap;
        struct kept_game **games = realloc(c->games, cap * sizeof *games);
        if (!games) {
            return NULL;
        }
        c->games = games;
        c->cap = cap;
    }
    struct kept_game *game = calloc(1, sizeof *game);
    if (game) {
        game->id = *id;
        vd_game_view_init(&game->view, &id->proxy);
        c->games[c->count++] = game;
    }
    return game;
}

/* The blocks that open games may run from stay readable.  Before every game was looked at the pin
   of an earlier start stays, whatever it is. */
static void
move_pin(struct vd_challenge *c)
{
    uint64_t pin = UINT64_MAX;
    bool complete = c->listed;
    for (size_t i = 0; i < c->count; i++) {
        const struct kept_game *game = c->games[i];
        const struct vd_game_view *v = &game->view;
        complete = complete && game->was_tried;
        bool is_open = v->is_whole && v->status == VD_GAME_IN_PROGRESS &&
                       vd_hash_eq(&v->prestate, &c->prestate) &&
                       v->chain_id == c->node->rollup.l2.chain_id;
        pin = is_open && v->start_block < pin ? v->start_block : pin;
    }
    bool moves = complete ? !c->has_pin || pin != c->pin : c->has_pin && pin < c->pin;
    if (moves && vd_engine_set_pin(c->node->engine, pin) == VD_OK) {
        c->has_pin = true;
        c->pin = pin;
    }
}

/* --- the list --- */

static void list_on(struct vd_challenge *c);

static void
end_list(struct vd_challenge *c, enum vd_err err)
{
    vd_reads_clear(&c->reads);
    bool all = err == VD_OK && c->next == c->total;
    for (size_t i = 0; i < c->id_count && err == VD_OK; i++) {
        err = keep_game(c, &c->ids[i]) ? VD_OK : VD_ERR_NO_MEMORY;
    }
    c->listed = all && err == VD_OK;
    if (c->listed) {
        move_pin(c);
    }
    vd_challenger_listed(c->role, err, c->ids, c->id_count, c->next);
}

static bool
take_entries(struct vd_challenge *c)
{
    for (uint64_t i = 0; i < c->entry_count; i++) {
        struct vd_game_entry entry;
        if (!vd_game_entry_take(&entry, vd_reads_answer(&c->reads, (size_t)i))) {
            return false;
        }
        if (entry.type == VD_GAME_TYPE_FAULT) {
            c->ids[c->id_count++] = (struct vd_dispute_id){
                .index = c->next, .proxy = entry.proxy, .timestamp = entry.timestamp};
        }
        c->next++;
    }
    return true;
}

static bool
take_list(struct vd_challenge *c)
{
    struct vd_slice answer = vd_reads_answer(&c->reads, 0);
    switch (c->stage) {
    case LIST_FACTORY:
        c->stage = LIST_COUNT;
        return vd_abi_read_address(&c->factory, answer, 0);
    case LIST_COUNT:
        c->stage = LIST_ENTRIES;
        return vd_abi_read_u64(&c->total, answer, 0) && c->total >= c->first;
    case LIST_ENTRIES:
        return take_entries(c);
    }
    return false;
}

static void
on_listed(void *ctx)
{
    struct vd_challenge *c = ctx;
    const struct vd_read *failure = vd_reads_failure(&c->reads);
    if (c->node->closing) {
        vd_reads_clear(&c->reads);
    } else if (failure || !take_list(c)) {
        vd_log(c->node->config.logger, VD_LOG_WARN, "challenger", "the games cannot be listed: %s",
               failure ? failure->text : "the portal or its factory does not answer as one");
        end_list(c, failure ? failure->err : VD_ERR_INVALID);
    } else {
        list_on(c);
    }
}

static void
list_on(struct vd_challenge *c)
{
    vd_reads_clear(&c->reads);
    switch (c->stage) {
    case LIST_FACTORY:
        vd_reads_add(&c->reads, &c->node->rollup.deposit_contract,
                     VD_SELECTOR_DISPUTE_GAME_FACTORY);
        break;
    case LIST_COUNT:
        vd_reads_add(&c->reads, &c->factory, VD_SELECTOR_GAME_COUNT);
        break;
    case LIST_ENTRIES:
        c->entry_count = 0;
        while (c->next + c->entry_count < c->total && c->entry_count < VD_READS_MAX &&
               c->next + c->entry_count < c->first + LIST_AT_ONCE) {
            vd_game_entry_add(&c->reads, &c->factory, c->next + c->entry_count++);
        }
        if (c->entry_count == 0) {
            end_list(c, VD_OK);
            return;
        }
        break;
    }
    vd_reads_run(&c->reads, c->node->l1, vd_l1_hash(&c->list_at), on_listed, c);
}

static void
list(void *ctx, uint64_t first, const struct vd_hash *l1_block)
{
    struct vd_challenge *c = ctx;
    c->id_count = 0;
    c->first = first;
    c->next = first;
    c->stage = LIST_FACTORY;
    c->list_at = *l1_block;
    if (c->is_stale) {
        vd_challenger_listed(c->role, VD_ERR_BUSY, NULL, 0, first);
    } else {
        list_on(c);
    }
}

/* --- one game --- */

static void
give_game(struct vd_challenge *c, const struct vd_game_view *v)
{
    struct vd_dispute dispute = {.prestate = v->prestate,
                                 .chain_id = v->chain_id,
                                 .l1_head = v->l1_head,
                                 .l2_block = v->l2_block,
                                 .start_block = v->start_block,
                                 .start_root = v->start_root,
                                 .oracle = v->oracle,
                                 .status = v->status,
                                 .block_challenged = v->block_challenged,
                                 .game = v->game,
                                 .resolved = v->resolved,
                                 .bonds = v->bonds,
                                 .credit = v->credit};
    vd_challenger_read(c->role, VD_OK, "", &dispute);
}

static void
on_game(void *ctx, enum vd_err err, const char *text)
{
    struct vd_challenge *c = ctx;
    struct kept_game *game = c->reading;
    c->reading = NULL;
    if (c->node->closing) {
        return;
    }
    bool is_over = err == VD_OK && game->view.status != VD_GAME_IN_PROGRESS &&
                   (c->watch || vd_u256_is_zero(&game->view.credit));
    game->was_tried |= err == VD_OK || err == VD_ERR_INVALID;
    move_pin(c);
    /* What follows may ask for the next game at once, so this one is given back before. */
    struct vd_game_view view = game->view;
    if (err == VD_OK && (is_over || c->forget)) {
        vd_game_view_init(&game->view, &view.proxy);
        forget_game(c, game);
    }
    if (c->forget) {
        forget_games(c);
        is_over = true;
    }
    if (err == VD_OK) {
        give_game(c, &view);
    } else {
        vd_challenger_read(c->role, err, text, NULL);
    }
    if (err == VD_OK && is_over) {
        vd_game_view_deinit(&view);
    }
}

static void
read_game(void *ctx, const struct vd_dispute_id *id, const struct vd_hash *l1_block)
{
    struct vd_challenge *c = ctx;
    struct kept_game *game = c->is_stale ? NULL : keep_game(c, id);
    if (!game) {
        vd_challenger_read(c->role, VD_ERR_BUSY,
                           c->is_stale ? "L1 was reorganised" : "out of memory", NULL);
        return;
    }
    c->reading = game;
    vd_game_read(&c->reader, &game->view, c->node->l1, l1_block, c->heads.l1.timestamp, &c->from,
                 on_game, c);
}

/* --- other questions to L1 --- */

static void
on_estimated(void *ctx, const struct vd_l1_status *status, uint64_t gas)
{
    struct vd_challenge *c = ctx;
    if (!c->node->closing) {
        vd_challenger_estimated(c->role, status->err, status->text, gas);
    }
}

static void
estimate(void *ctx, const struct vd_address *to, struct vd_slice data, const struct vd_u256 *value)
{
    struct vd_challenge *c = ctx;
    vd_l1_estimate_gas(c->node->l1, &c->from, to, data, value, on_estimated, c);
}

static void
on_called(void *ctx, const struct vd_l1_status *status, struct vd_slice bytes)
{
    struct vd_challenge *c = ctx;
    if (!c->node->closing) {
        vd_challenger_called(c->role, status->err, status->text, bytes);
    }
}

static void
call(void *ctx, const struct vd_address *to, struct vd_slice data, const struct vd_hash *l1_block)
{
    struct vd_challenge *c = ctx;
    vd_l1_call(c->node->l1, to, data, vd_l1_hash(l1_block), on_called, c);
}

static void
free_logs(struct vd_slice *data, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)data[i].ptr);
    }
    free(data);
}

/* The data of logs without topics; NULL: out of memory, or no such data. */
static struct vd_slice *
take_logs(const json_t *logs, size_t *count)
{
    size_t i;
    json_t *log;
    struct vd_slice *data = calloc(json_array_size(logs) + 1, sizeof *data);
    *count = 0;
    json_array_foreach(logs, i, log)
    {
        const char *hex = json_string_value(json_object_get(log, "data"));
        if (!data || json_array_size(json_object_get(log, "topics")) > 0) {
            continue;
        }
        size_t len = hex && strlen(hex) >= 2 ? strlen(hex) / 2 - 1 : 0;
        uint8_t *bytes = malloc(len + 1);
        data[(*count)++] = vd_slice(bytes, len);
        if (!bytes || !hex || vd_hex_decode(bytes, len, hex + 2, 2 * len) != VD_OK) {
            free_logs(data, *count);
            return NULL;
        }
    }
    return data;
}

static void
on_logs(void *ctx, const struct vd_l1_status *status, const json_t *result)
{
    struct vd_challenge *c = ctx;
    size_t count = 0;
    if (c->node->closing) {
        return;
    }
    struct vd_slice *data = status->err == VD_OK ? take_logs(result, &count) : NULL;
    if (data) {
        vd_challenger_logged(c->role, VD_OK, "", data, count);
        free_logs(data, count);
    } else {
        bool is_ours = status->err == VD_OK;
        vd_challenger_logged(c->role, is_ours ? VD_ERR_INVALID : status->err,
                             is_ours ? "eth_getLogs: no logs" : status->text, NULL, 0);
    }
}

static void
logs(void *ctx, const struct vd_address *address, uint64_t block)
{
    struct vd_challenge *c = ctx;
    vd_l1_logs(c->node->l1, address, NULL, block, block, on_logs, c);
}

/* --- questions to the node --- */

static void
on_derived(void *ctx, const struct vd_disputes_answer *answer)
{
    struct vd_challenge *c = ctx;
    if (answer->err == VD_OK) {
        vd_log(c->node->config.logger, VD_LOG_INFO, "challenger",
               "L1 block %llu had no entry in the index of safe heads: derived again, up to "
               "block %llu",
               (unsigned long long)c->l1_head.number, (unsigned long long)answer->safe);
    }
    vd_challenger_safe(c->role, answer->err, answer->text, answer->safe);
}

static void
look_up_safe(struct vd_challenge *c)
{
    struct vd_view *view = NULL;
    struct vd_block_id l1;
    struct vd_block_id l2;
    uint64_t first = 1;
    uint64_t last = 0;
    enum vd_err err = vd_view_open(&view, c->node->engine);
    if (err == VD_OK) {
        err = vd_view_safe_head_at(view, &l1, &l2, &first, &last, c->l1_head.number);
    }
    vd_view_close(view);
    if (err == VD_OK && vd_hash_eq(&l1.hash, &c->l1_head.hash)) {
        vd_challenger_safe(c->role, VD_OK, "", l2.number);
    } else if (err == VD_OK) {
        vd_challenger_safe(c->role, VD_ERR_BUSY, "derivation read another L1 block than its", 0);
    } else if (err != VD_ERR_NOT_FOUND) {
        vd_challenger_safe(c->role, err, vd_err_text(err), 0);
    } else if (first > last || c->l1_head.number > last) {
        vd_challenger_safe(c->role, VD_ERR_BUSY, "its L1 block is not derived yet", 0);
    } else {
        vd_disputes_derive(c->disputes, &c->l1_head, on_derived, c);
    }
}

static void
on_l1_head(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
           const struct vd_header *header)
{
    struct vd_challenge *c = ctx;
    if (c->node->closing) {
        return;
    }
    if (status->err != VD_OK) {
        vd_challenger_safe(c->role, VD_ERR_BUSY, "L1 does not show its L1 block", 0);
        return;
    }
    c->l1_head = (struct vd_block_id){.hash = *hash, .number = header->number};
    look_up_safe(c);
}

static void
safe(void *ctx, const struct vd_hash *l1_head)
{
    struct vd_challenge *c = ctx;
    vd_l1_header(c->node->l1, vd_l1_hash(l1_head), on_l1_head, c);
}

static void
output(void *ctx, uint64_t number)
{
    struct vd_challenge *c = ctx;
    struct vd_block_id id;
    struct vd_hash root = {{0}};
    enum vd_err err = vd_node_output(c->node, &id, &root, number);
    vd_challenger_output(c->role, err, err == VD_OK ? "" : "a block of its own chain is missing",
                         &root);
}

static void
header(void *ctx, uint64_t number)
{
    struct vd_challenge *c = ctx;
    struct vd_view *view = NULL;
    struct vd_header own;
    struct vd_dispute_output out = {.version = {{0}}};
    struct vd_arena arena;
    struct vd_buf buf;
    uint8_t memory[HEADER_BYTES];
    enum vd_err err = vd_view_open(&view, c->node->engine);
    if (err == VD_OK) {
        err = vd_view_header(view, &own, &out.block_hash, number);
    }
    if (err == VD_OK) {
        vd_arena_init(&arena, memory, sizeof memory);
        vd_buf_init(&buf, &arena);
        vd_header_encode(&buf, &own);
        err = buf.err;
        out.state_root = own.state_root;
        out.storage_root = own.withdrawals_root;
        out.header = vd_buf_view(&buf);
    }
    vd_challenger_header(c->role, err, vd_err_text(err), &out);
    vd_view_close(view);
}

static void
alarm_of(struct vd_challenge *c, const struct vd_disputes_answer *answer)
{
    if (answer->alarm) {
        vd_log(c->node->config.logger, VD_LOG_ERROR, "challenger", "ALERT %s", answer->alarm);
    }
}

static void
on_state(void *ctx, const struct vd_disputes_answer *answer)
{
    struct vd_challenge *c = ctx;
    alarm_of(c, answer);
    vd_challenger_state(c->role, answer->err, answer->text, &answer->state);
}

static void
state(void *ctx, const struct vd_dispute_run *run, uint64_t steps)
{
    struct vd_challenge *c = ctx;
    vd_disputes_state(c->disputes, run, steps, on_state, c);
}

static void
on_step(void *ctx, const struct vd_disputes_answer *answer)
{
    struct vd_challenge *c = ctx;
    alarm_of(c, answer);
    vd_challenger_step(c->role, answer->err, answer->text, answer->step);
}

static void
step(void *ctx, const struct vd_dispute_run *run, uint64_t steps)
{
    struct vd_challenge *c = ctx;
    vd_disputes_step(c->disputes, run, steps, on_step, c);
}

/* --- the transaction manager --- */

static enum vd_err
send_payload(void *ctx, const struct vd_txm_payload *payload)
{
    struct vd_challenge *c = ctx;
    uint64_t id = 0;
    return vd_txm_send(c->manager, &id, payload);
}

static void
note(void *ctx, bool alert, const char *text)
{
    struct vd_challenge *c = ctx;
    vd_log(c->node->config.logger, alert ? VD_LOG_WARN : VD_LOG_INFO, "challenger", "%s%s",
           alert ? "ALERT " : "", text);
}

void
vd_node_challenger_tx_event(struct vd_node *n, const struct vd_txm_event *event)
{
    struct vd_challenge *c = n->challenge;
    if (c && c->role && !n->closing) {
        vd_challenger_tx_event(c->role, event);
    }
}

static void
on_event(void *ctx, const struct vd_txm_event *event)
{
    struct vd_node *n = ctx;
    vd_node_txm_log(n, "challenger", event);
    vd_node_challenger_tx_event(n, event);
}

static void
restore(void *ctx, const struct vd_txm_status *status)
{
    struct vd_challenge *c = ctx;
    vd_challenger_restore(c->role, status);
}

/* Two managers of one account would fight over its nonces. */
static bool
shares_account(const struct vd_node *n)
{
    return n->proposer_txm && vd_address_eq(vd_signer_address(n->config.proposer_signer),
                                            vd_signer_address(n->config.challenger_signer));
}

static enum vd_err
open_manager(struct vd_challenge *c, char *why, size_t why_size)
{
    struct vd_node *n = c->node;
    if (shares_account(n)) {
        c->manager = vd_txm_driver_manager(n->proposer_txm);
    } else {
        struct vd_node_account account = {.role = "challenger",
                                          .signer = n->config.challenger_signer,
                                          .confirmations = n->config.challenger_confs,
                                          .max_fee_gwei = n->config.challenger_max_fee_gwei,
                                          /* A flood of claims is to be answered in time. */
                                          .max_in_flight = VD_TXM_MAX_IN_FLIGHT};
        c->listener = (struct vd_txm_listener){.ctx = n, .event = on_event};
        enum vd_err err = vd_node_txm_open(n, &c->own_txm, why, why_size, &account, &c->listener);
        if (err != VD_OK) {
            return err;
        }
        c->manager = vd_txm_driver_manager(c->own_txm);
    }
    vd_txm_each(c->manager, restore, c);
    return VD_OK;
}

/* --- start --- */

static enum vd_err
open_role(struct vd_challenge *c, char *why, size_t why_size)
{
    struct vd_node *n = c->node;
    uint64_t l1 = n->rollup.l1_chain_id;
    struct vd_disputes_config disputes = {.loop = n->config.loop,
                                          .l1 = n->l1,
                                          .store = vd_engine_store(n->engine),
                                          .rollup = &n->rollup};
    enum vd_err err = vd_disputes_new(&c->disputes, &c->prestate, why, why_size, &disputes);
    if (err != VD_OK) {
        return err;
    }
    struct vd_challenger_config config = {.watch = c->watch,
                                          .from = c->from,
                                          .prestate = c->prestate,
                                          .chain_id = n->rollup.l2.chain_id,
                                          .settle_s =
                                              l1 == L1_EMBEDDED || l1 == L1_ANVIL ? 0 : SETTLE_S};
    struct vd_challenger_effects effects = {.ctx = c,
                                            .list = list,
                                            .read = read_game,
                                            .estimate = estimate,
                                            .call = call,
                                            .logs = logs,
                                            .safe = safe,
                                            .output = output,
                                            .state = state,
                                            .step = step,
                                            .header = header,
                                            .send = send_payload,
                                            .note = note};
    return vd_challenger_new(&c->role, &config, &effects);
}

static void
say_start(const struct vd_challenge *c)
{
    char account[43];
    char prestate[65] = {0};
    vd_address_text(account, &c->from);
    vd_hex_encode(prestate, c->prestate.b, sizeof c->prestate.b);
    vd_log(c->node->config.logger, VD_LOG_INFO, "challenger",
           "%s%s: games of type %u with prestate 0x%s", c->watch ? "watches only" : "plays as ",
           c->watch ? "" : account, (unsigned)VD_GAME_TYPE_FAULT, prestate);
}

enum vd_err
vd_node_challenger_new(struct vd_node *n, char *why, size_t why_size)
{
    if (!n->config.challenger) {
        return VD_OK;
    }
    struct vd_challenge *c = calloc(1, sizeof *c);
    if (!c) {
        return VD_ERR_NO_MEMORY;
    }
    n->challenge = c;
    c->node = n;
    c->watch = n->config.challenger_signer == NULL;
    if (!c->watch) {
        c->from = *vd_signer_address(n->config.challenger_signer);
    }
    enum vd_err err = open_role(c, why, why_size);
    if (err == VD_OK && !c->watch) {
        err = open_manager(c, why, why_size);
    }
    if (err == VD_OK) {
        say_start(c);
    }
    return err;
}

static void
on_disputes_closed(void *ctx)
{
    struct vd_challenge *c = ctx;
    c->disputes = NULL;
    if (c->own_txm) {
        vd_txm_close(c->own_txm, c->closed, c->closed_ctx);
    } else {
        c->closed(c->closed_ctx);
    }
}

void
vd_node_challenger_close(struct vd_node *n, void (*closed)(void *ctx), void *ctx)
{
    struct vd_challenge *c = n->challenge;
    if (!c) {
        closed(ctx);
        return;
    }
    c->closed = closed;
    c->closed_ctx = ctx;
    if (c->disputes) {
        vd_disputes_close(c->disputes, on_disputes_closed, c);
    } else {
        on_disputes_closed(c);
    }
}

void
vd_node_challenger_free(struct vd_node *n)
{
    struct vd_challenge *c = n->challenge;
    if (c) {
        vd_challenger_free(c->role);
        forget_games(c);
        free(c->games);
        free(c);
        n->challenge = NULL;
    }
}

/* --- events --- */

static void
give_heads(struct vd_challenge *c)
{
    struct vd_node *n = c->node;
    c->has_heads = true;
    c->is_stale = false;
    c->heads.derived_l1 = vd_follower_drained(n->follower)->number;
    vd_challenger_heads(c->role, vd_node_now(n), &c->heads);
}

static void
on_balance(void *ctx, const struct vd_l1_status *status, const struct vd_u256 *balance)
{
    struct vd_challenge *c = ctx;
    struct vd_node *n = c->node;
    c->asking_balance = false;
    if (n->closing) {
        return;
    }
    if (status->err != VD_OK) {
        c->retry_ms = vd_node_now(n) + RETRY_MS;
        return;
    }
    struct vd_l1_ref now;
    /* Unless L1 has been reorganised meanwhile. */
    if (vd_l1_canonical(n->l1, &now, c->asked_l1.number) &&
        vd_hash_eq(&now.hash, &c->asked_l1.hash)) {
        c->heads.l1 = c->asked_l1;
        c->heads.balance = *balance;
        give_heads(c);
    }
    vd_node_challenger_heads(n);
}

void
vd_node_challenger_heads(struct vd_node *n)
{
    struct vd_challenge *c = n->challenge;
    if (!c || !c->role || n->closing || !vd_follower_is_started(n->follower) ||
        !vd_l1_heads(n->l1)->known) {
        return;
    }
    const struct vd_l1_ref *latest = &vd_l1_heads(n->l1)->latest;
    bool is_new = !c->has_heads || !vd_hash_eq(&latest->hash, &c->heads.l1.hash);
    if (!is_new && c->is_stale) {
        return; /* the head that comes after the reorg */
    }
    if (c->watch || !is_new) {
        c->heads.l1 = *latest;
        give_heads(c);
    } else if (!c->asking_balance && vd_node_now(n) >= c->retry_ms) {
        c->asking_balance = true;
        c->asked_l1 = *latest;
        vd_l1_balance(n->l1, &c->from, vd_l1_hash(&latest->hash), on_balance, c);
    }
}

void
vd_node_challenger_reorg(struct vd_node *n)
{
    struct vd_challenge *c = n->challenge;
    if (!c || !c->role) {
        return;
    }
    vd_challenger_reorg(c->role);
    c->is_stale = true;
    if (c->reading) {
        c->forget = true;
    } else {
        forget_games(c);
    }
}

void
vd_node_challenger_tick(struct vd_node *n)
{
    struct vd_challenge *c = n->challenge;
    if (!c || !c->has_heads) {
        vd_node_challenger_heads(n);
        return;
    }
    if (!vd_hash_eq(&vd_l1_heads(n->l1)->latest.hash, &c->heads.l1.hash)) {
        vd_node_challenger_heads(n); /* asked for again after a failure */
    }
    vd_challenger_tick(c->role, vd_node_now(n));
}

void
vd_node_challenger_metrics(const struct vd_node *n, struct vd_json *out)
{
    struct vd_challenger_stats stats;
    if (!n->challenge || !n->challenge->role) {
        return;
    }
    vd_challenger_stats(n->challenge->role, &stats);
    vd_rpc_metric(out, "viaduct_challenger_open_games", "gauge",
                  "Games not resolved, or with own bonds not back.", stats.open);
    vd_rpc_metric(out, "viaduct_challenger_disputed_games", "gauge",
                  "Games in progress whose root claim is false by the own chain.", stats.disputed);
    vd_rpc_metric(out, "viaduct_challenger_games_against", "gauge",
                  "Games decided against the own chain, or about to be.", stats.against);
    vd_rpc_metric(out, "viaduct_challenger_moves", "counter",
                  "Claims and steps handed to the transaction manager.", stats.moves);
    vd_rpc_metric(out, "viaduct_challenger_waiting_moves", "gauge",
                  "Moves that are due and cannot be made now.", stats.waiting);
}
