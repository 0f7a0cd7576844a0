/* What the challenger reads of L1: the factory's list, games, what moves would cost, logs. */
#include "node_challenge.h"

#include <stdlib.h>

#include "viaduct/core/base/constants.h"

/* --- games kept --- */

static void
free_kept(struct vd_kept_game *game)
{
    vd_game_view_deinit(&game->view);
    free(game);
}

void
vd_challenge_forget(struct vd_challenge *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free_kept(c->games[i]);
    }
    c->count = 0;
    c->listed = false;
    c->forget = false;
}

static void
forget_game(struct vd_challenge *c, const struct vd_kept_game *game)
{
    size_t i = 0;
    while (c->games[i] != game) {
        i++;
    }
    free_kept(c->games[i]);
    c->games[i] = c->games[--c->count];
}

/* NULL: out of memory. */
static struct vd_kept_game *
keep_game(struct vd_challenge *c, const struct vd_dispute_id *id)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->games[i]->id.index == id->index) {
            return c->games[i];
        }
    }
    if (c->count == c->cap) {
        size_t cap = c->cap == 0 ? 16 : 2 * c->cap;
        struct vd_kept_game **games = realloc(c->games, cap * sizeof *games);
        if (!games) {
            return NULL;
        }
        c->games = games;
        c->cap = cap;
    }
    struct vd_kept_game *game = calloc(1, sizeof *game);
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
        const struct vd_kept_game *game = c->games[i];
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
               c->next + c->entry_count < c->first + VD_CHALLENGE_LIST_AT_ONCE) {
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

void
vd_challenge_list(void *ctx, uint64_t first, const struct vd_hash *l1_block)
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
                                 .credit = v->credit,
                                 .closed = v->closed,
                                 .refund = v->refund};
    vd_challenger_read(c->role, VD_OK, "", &dispute);
}

static void
on_game(void *ctx, enum vd_err err, const char *text)
{
    struct vd_challenge *c = ctx;
    struct vd_kept_game *game = c->reading;
    c->reading = NULL;
    if (c->node->closing) {
        return;
    }
    const struct vd_game_view *v = &game->view;
    bool has_bonds = !vd_u256_is_zero(&v->credit) || (!v->closed && !vd_u256_is_zero(&v->refund));
    bool is_over = err == VD_OK && v->status != VD_GAME_IN_PROGRESS && (c->watch || !has_bonds);
    game->was_tried |= err == VD_OK || err == VD_ERR_INVALID;
    move_pin(c);
    /* What follows may ask for the next game at once, so this one is given back before. */
    struct vd_game_view view = game->view;
    if (err == VD_OK && (is_over || c->forget)) {
        vd_game_view_init(&game->view, &view.proxy);
        forget_game(c, game);
    }
    if (c->forget) {
        vd_challenge_forget(c);
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

void
vd_challenge_read(void *ctx, const struct vd_dispute_id *id, const struct vd_hash *l1_block)
{
    struct vd_challenge *c = ctx;
    struct vd_kept_game *game = c->is_stale ? NULL : keep_game(c, id);
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

void
vd_challenge_estimate(void *ctx, const struct vd_address *to, struct vd_slice data,
                      const struct vd_u256 *value)
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

void
vd_challenge_call(void *ctx, const struct vd_address *to, struct vd_slice data,
                  const struct vd_hash *l1_block)
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

void
vd_challenge_logs(void *ctx, const struct vd_address *address, uint64_t block)
{
    struct vd_challenge *c = ctx;
    vd_l1_logs(c->node->l1, address, NULL, block, block, on_logs, c);
}
