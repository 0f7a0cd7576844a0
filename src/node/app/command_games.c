/* viaduct games: the dispute games of a chain and their claims, as L1 has them at one block. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge.h"
#include "commands.h"
#include "game_reads.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 30)
/* POSIX leaves this declaration to the program. */
extern char **environ;

struct game {
    uint64_t index;
    struct vd_game_entry entry;
    struct vd_game_view v;
};

struct command {
    struct bridge b; /* first: the callbacks get it */
    struct vd_reads reads;
    struct vd_game_reader reader;
    enum vd_err err; /* of it */
    char text[200];
    struct vd_hash at;
    uint64_t now; /* that block's time */
    struct vd_address factory;
    json_t *list;
};

/* --- stopping --- */

static void
close_step(void *ctx)
{
    struct bridge *b = ctx;
    if (b->stage++ == 0 && b->l1) {
        vd_l1_close(b->l1, close_step, b);
    } else {
        vd_run_stopped(&b->run);
    }
}

/* A signal only ends what is waited for. */
static void
stop(struct vd_run *run)
{
    uv_stop(&run->loop);
}

/* --- reading --- */

static void
on_reads(void *ctx)
{
    bridge_done(ctx);
}

/* Runs what was added; all at the one block. */
static bool
run_reads(struct command *c)
{
    c->b.done = false;
    vd_reads_run(&c->reads, c->b.l1, vd_l1_hash(&c->at), on_reads, &c->b);
    if (!bridge_wait(&c->b)) {
        return false;
    }
    const struct vd_read *failure = vd_reads_failure(&c->reads);
    return !failure || bridge_fail(&c->b, "L1: eth_call: %s",
                                   failure->text[0] ? failure->text : vd_err_text(failure->err));
}

static bool
bad_answer(struct command *c, const struct vd_address *contract, const char *what)
{
    return bridge_fail(&c->b, "L1: the contract at %s has no %s", bridge_hex(contract->b, 20).text,
                       what);
}

static bool
read_count(struct command *c, uint64_t *count)
{
    vd_reads_clear(&c->reads);
    vd_reads_add(&c->reads, &c->factory, VD_SELECTOR_GAME_COUNT);
    return run_reads(c) && (vd_abi_read_u64(count, vd_reads_answer(&c->reads, 0), 0) ||
                            bad_answer(c, &c->factory, "gameCount(); is it a factory of games?"));
}

static bool
read_entry(struct command *c, struct game *g)
{
    vd_reads_clear(&c->reads);
    vd_game_entry_add(&c->reads, &c->factory, g->index);
    return run_reads(c) && (vd_game_entry_take(&g->entry, vd_reads_answer(&c->reads, 0)) ||
                            bad_answer(c, &c->factory, "such game"));
}

static void
on_game(void *ctx, enum vd_err err, const char *text)
{
    struct command *c = ctx;
    c->err = err;
    snprintf(c->text, sizeof c->text, "%s", text);
    bridge_done(&c->b);
}

static bool
read_game(struct command *c, struct game *g)
{
    vd_game_view_init(&g->v, &g->entry.proxy);
    c->b.done = false;
    vd_game_read(&c->reader, &g->v, c->b.l1, &c->at, c->now, NULL, on_game, c);
    return bridge_wait(&c->b) && (c->err == VD_OK || bridge_fail(&c->b, "L1: %s", c->text));
}

/* --- values --- */

static const char *
status_text(uint64_t status)
{
    return status == VD_GAME_IN_PROGRESS       ? "in progress"
           : status == VD_GAME_CHALLENGER_WINS ? "challenger wins"
           : status == VD_GAME_DEFENDER_WINS   ? "defender wins"
                                               : "unknown";
}

/* Seconds in which the claim can still be countered. */
static uint64_t
clock_left(const struct command *c, const struct game *g, size_t i)
{
    const struct vd_game *game = &g->v.game;
    return g->v.status != VD_GAME_IN_PROGRESS
               ? 0
               : game->max_clock_s - vd_game_challenger_duration(game, i, c->now);
}

static const char *
claim_text(const struct game *g, size_t i)
{
    return g->v.claims[i].countered ? "countered" : g->v.resolved[i] ? "stands" : "open";
}

static json_t *
hash_value(const struct vd_hash *hash)
{
    return json_string(bridge_hex(hash->b, 32).text);
}

static json_t *
address_value(const struct vd_address *address)
{
    char text[43];
    vd_address_text(text, address);
    return json_string(text);
}

static json_t *
position_value(struct vd_position position)
{
    char text[79];
    struct vd_u256 wide = {.w = {(uint64_t)position.gindex, (uint64_t)(position.gindex >> 64)}};
    vd_u256_to_dec(text, &wide);
    return json_string(text);
}

static json_t *
claim_value(const struct command *c, const struct game *g, size_t i)
{
    const struct vd_claim *claim = &g->v.claims[i];
    char bond[79];
    vd_u256_to_dec(bond, &claim->bond);
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:I, s:s, s:b, s:I, s:I, s:I}", "index", (json_int_t)i,
        "parent", claim->parent == VD_NO_PARENT ? json_null() : json_integer(claim->parent),
        "claimant", address_value(&claim->claimant), "counteredBy",
        claim->countered ? address_value(&claim->countered_by) : json_null(), "bond", bond, "claim",
        hash_value(&claim->value), "position", position_value(claim->position), "depth",
        (json_int_t)vd_position_depth(claim->position), "state", claim_text(g, i), "resolved",
        g->v.resolved[i], "clockUsed", (json_int_t)claim->clock_duration_s, "timestamp",
        (json_int_t)claim->clock_timestamp, "clockLeft", (json_int_t)clock_left(c, g, i));
}

static json_t *
game_value(const struct command *c, const struct game *g)
{
    json_t *value = json_pack(
        "{s:I, s:I, s:o, s:I, s:s, s:I, s:o, s:I, s:o}", "index", (json_int_t)g->index, "gameType",
        (json_int_t)g->entry.type, "address", address_value(&g->entry.proxy), "timestamp",
        (json_int_t)g->entry.timestamp, "status", status_text(g->v.status), "resolvedAt",
        (json_int_t)g->v.resolved_at, "rootClaim", hash_value(&g->v.root), "l2BlockNumber",
        (json_int_t)g->v.l2_block, "creator", address_value(&g->v.creator));
    if (!g->v.is_fault) {
        return value;
    }
    json_t *claims = json_array();
    for (size_t i = 0; i < g->v.game.count; i++) {
        json_array_append_new(claims, claim_value(c, g, i));
    }
    json_object_set_new(value, "absolutePrestate", hash_value(&g->v.prestate));
    json_object_set_new(value, "maxGameDepth", json_integer((json_int_t)g->v.game.max_depth));
    json_object_set_new(value, "splitDepth", json_integer((json_int_t)g->v.game.split_depth));
    json_object_set_new(value, "maxClockDuration", json_integer((json_int_t)g->v.game.max_clock_s));
    json_object_set_new(value, "l2BlockNumberChallenged", json_boolean(g->v.block_challenged));
    json_object_set_new(value, "claims", claims);
    return value;
}

/* --- the table --- */

static void
print_time(char out[24], uint64_t seconds)
{
    struct tm tm;
    time_t t = (time_t)seconds;
    out[0] = '\0';
    if (gmtime_r(&t, &tm)) {
        strftime(out, 24, "%Y-%m-%d %H:%M:%S", &tm);
    }
}

static void
print_game(const struct command *c, const struct game *g)
{
    char address[43];
    char created[24];
    vd_address_text(address, &g->entry.proxy);
    print_time(created, g->entry.timestamp);
    printf("%6llu %5llu  %-15s %10llu  %s  %s  %s%s\n", (unsigned long long)g->index,
           (unsigned long long)g->entry.type, status_text(g->v.status),
           (unsigned long long)g->v.l2_block, created, address, bridge_hex(g->v.root.b, 32).text,
           g->v.block_challenged ? "  block number refuted" : "");
    for (size_t i = 0; i < g->v.game.count && g->v.is_fault; i++) {
        const struct vd_claim *claim = &g->v.claims[i];
        char parent[12] = "-";
        if (claim->parent != VD_NO_PARENT) {
            snprintf(parent, sizeof parent, "%u", (unsigned)claim->parent);
        }
        vd_address_text(address, &claim->claimant);
        printf("       claim %5zu  answers %5s  depth %3u  %-9s  %7llu s left  %s  %s  %s\n", i,
               parent, vd_position_depth(claim->position), claim_text(g, i),
               (unsigned long long)clock_left(c, g, i), bridge_ether(&claim->bond).text, address,
               bridge_hex(claim->value.b, 32).text);
    }
}

/* --- the command --- */

static bool
open_l1(struct command *c)
{
    static const struct vd_address none;
    struct bridge *b = &c->b;
    struct vd_addresses addresses;
    struct vd_file_read r = {.arena = &b->arena, .error = b->error, .error_len = sizeof b->error};
    if (!b->options.l1) {
        return bridge_fail(b, "--l1 is missing: the JSON-RPC address of an L1 node");
    }
    if (!vd_addresses_read(&r, &addresses, b->options.addresses)) {
        return false;
    }
    c->factory = addresses.dispute_game_factory;
    if (vd_address_eq(&c->factory, &none)) {
        return bridge_fail(b, "%s names no DisputeGameFactoryProxy", b->options.addresses);
    }
    struct vd_l1_config config = {.url = b->options.l1};
    enum vd_err err = vd_l1_new(&b->l1, &b->run.loop, b->run.pool, &config);
    if (err != VD_OK) {
        return bridge_fail(b, "--l1: %s", vd_err_text(err));
    }
    if (!bridge_header(b, b->l1, vd_l1_latest())) {
        return false;
    }
    c->at = b->hash;
    c->now = b->header.timestamp;
    return true;
}

static bool
show(struct command *c, uint64_t index)
{
    struct game g = {.index = index};
    bool ok = read_entry(c, &g) && read_game(c, &g);
    if (ok && c->list) {
        json_array_append_new(c->list, game_value(c, &g));
    } else if (ok) {
        print_game(c, &g);
    }
    vd_game_view_deinit(&g.v);
    return ok;
}

static bool
work(struct command *c)
{
    uint64_t count = 0;
    const struct vd_options *o = &c->b.options;
    if (!open_l1(c) || !read_count(c, &count)) {
        return false;
    }
    bool all = o->games_index == UINT64_MAX;
    if (!all && o->games_index >= count) {
        return bridge_fail(&c->b, "there is no game %llu; the factory has %llu",
                           (unsigned long long)o->games_index, (unsigned long long)count);
    }
    if (!o->games_json) {
        printf("  game  type  status            L2 block  created (UTC)        "
               "address                                     root claim\n");
    }
    uint64_t end = all ? count : o->games_index + 1;
    for (uint64_t i = all ? 0 : o->games_index; i < end; i++) {
        if (!show(c, i)) {
            return false;
        }
    }
    return true;
}

static int
run(struct command *c)
{
    c->list = c->b.options.games_json ? json_array() : NULL;
    bool ok = work(c);
    if (ok && c->list) {
        char *text = json_dumps(c->list, JSON_COMPACT | JSON_PRESERVE_ORDER);
        printf("%s\n", text);
        free(text);
    } else if (!ok) {
        fprintf(stderr, "viaduct: %s\n", c->b.error);
    }
    json_decref(c->list);
    close_step(&c->b);
    vd_run_loop(&c->b.run);
    vd_reads_clear(&c->reads);
    return ok ? 0 : 1;
}

int
vd_command_games(int argc, char **argv)
{
    struct command *c = calloc(1, sizeof *c);
    void *memory = vd_reserve(ARENA_BYTES);
    int status = 2;
    if (!c || !memory) {
        fprintf(stderr, "viaduct: out of memory\n");
        return 1;
    }
    vd_arena_init(&c->b.arena, memory, ARENA_BYTES);
    if (!vd_options_parse(&c->b.options, VD_COMMAND_GAMES, argc, argv, environ, c->b.error,
                          sizeof c->b.error)) {
        fprintf(stderr, "viaduct: %s\n", c->b.error);
    } else if (vd_run_init(&c->b.run, &c->b.options, stop)) {
        status = run(c);
    }
    vd_options_deinit(&c->b.options);
    vd_release(memory, ARENA_BYTES);
    free(c);
    return status;
}
