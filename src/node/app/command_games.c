/* viaduct games: the dispute games of a chain and their claims, as L1 has them at one block. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge.h"
#include "commands.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/fault/game.h"
#include "viaduct/node/l1/reads.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 30)
/* Calls for one claim: what it says, and whether it is resolved. */
#define CALLS_OF_CLAIM 2u
#define MAX_CLAIMS 1000000u

/* POSIX leaves this declaration to the program. */
extern char **environ;

struct claim {
    struct vd_claim c;
    bool resolved;
};

struct game {
    uint64_t index;
    uint64_t type;
    struct vd_address proxy;
    uint64_t timestamp;
    uint64_t status;
    uint64_t resolved_at;
    struct vd_hash root;
    uint64_t l2_block;
    struct vd_address creator;
    bool is_fault; /* it has claims; of the others what follows is empty */
    uint64_t max_depth;
    uint64_t split_depth;
    uint64_t max_clock_s;
    bool block_challenged;
    struct vd_hash prestate;
    struct claim *claims; /* in the arena */
    uint64_t count;
};

struct command {
    struct bridge b; /* first: the callbacks get it */
    struct vd_reads reads;
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

static uint32_t
selector(const char *signature)
{
    struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)signature, strlen(signature)));
    return vd_load_be32(hash.b);
}

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
    vd_abi_u64(vd_reads_add(&c->reads, &c->factory, VD_SELECTOR_GAME_AT_INDEX), g->index);
    if (!run_reads(c)) {
        return false;
    }
    struct vd_slice answer = vd_reads_answer(&c->reads, 0);
    return (vd_abi_read_u64(&g->type, answer, 0) && vd_abi_read_u64(&g->timestamp, answer, 32) &&
            vd_abi_read_address(&g->proxy, answer, 64)) ||
           bad_answer(c, &c->factory, "such game");
}

/* What every kind of game has, and behind it what only the fault game has. */
static bool
read_game(struct command *c, struct game *g)
{
    static const char *const calls[] = {"status()",           "resolvedAt()",
                                        "rootClaim()",        "l2SequenceNumber()",
                                        "gameCreator()",      "claimDataLen()",
                                        "maxGameDepth()",     "splitDepth()",
                                        "maxClockDuration()", "l2BlockNumberChallenged()",
                                        "absolutePrestate()"};
    vd_reads_clear(&c->reads);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        vd_reads_add(&c->reads, &g->proxy, selector(calls[i]));
    }
    if (!run_reads(c)) {
        return false;
    }
    struct vd_slice a[sizeof calls / sizeof calls[0]];
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        a[i] = vd_reads_answer(&c->reads, i);
    }
    g->is_fault =
        vd_abi_read_u64(&g->count, a[5], 0) && vd_abi_read_u64(&g->max_depth, a[6], 0) &&
        vd_abi_read_u64(&g->split_depth, a[7], 0) && vd_abi_read_u64(&g->max_clock_s, a[8], 0) &&
        vd_abi_read_bool(&g->block_challenged, a[9], 0) && vd_abi_read_hash(&g->prestate, a[10], 0);
    return (vd_abi_read_u64(&g->status, a[0], 0) && vd_abi_read_u64(&g->resolved_at, a[1], 0) &&
            vd_abi_read_hash(&g->root, a[2], 0) && vd_abi_read_u64(&g->l2_block, a[3], 0) &&
            vd_abi_read_address(&g->creator, a[4], 0)) ||
           bad_answer(c, &g->proxy, "status of a game");
}

/* claimData: parent, who countered it, claimant, bond, value, position u128, clock: seconds used
   u64 || when it was made u64. */
static bool
take_claim(struct claim *out, struct vd_slice data, struct vd_slice resolved)
{
    static const struct vd_address nobody;
    struct vd_hash position;
    struct vd_hash clock;
    uint64_t parent = 0;
    bool ok = vd_abi_read_u64(&parent, data, 0) && parent <= UINT32_MAX &&
              vd_abi_read_address(&out->c.countered_by, data, 32) &&
              vd_abi_read_address(&out->c.claimant, data, 64) &&
              vd_abi_read_u256(&out->c.bond, data, 96) &&
              vd_abi_read_hash(&out->c.value, data, 128) &&
              vd_abi_read_hash(&position, data, 160) && vd_abi_read_hash(&clock, data, 192) &&
              vd_abi_read_bool(&out->resolved, resolved, 0);
    if (!ok) {
        return false;
    }
    out->c.parent = (uint32_t)parent;
    out->c.countered = !vd_address_eq(&out->c.countered_by, &nobody);
    out->c.position.gindex =
        (unsigned __int128)vd_load_be64(position.b + 16) << 64 | vd_load_be64(position.b + 24);
    out->c.clock_duration_s = vd_load_be64(clock.b + 16);
    out->c.clock_timestamp = vd_load_be64(clock.b + 24);
    return out->c.position.gindex != 0;
}

static bool
read_claims(struct command *c, struct game *g)
{
    if (g->count == 0 || !g->is_fault) {
        return true;
    }
    if (g->count > MAX_CLAIMS) {
        return bad_answer(c, &g->proxy, "number of claims that can be listed");
    }
    g->claims = vd_arena_alloc(&c->b.arena, g->count * sizeof *g->claims, _Alignof(struct claim));
    if (!g->claims) {
        return bridge_fail(&c->b, "out of memory");
    }
    for (uint64_t i = 0; i < g->count;) {
        uint64_t first = i;
        vd_reads_clear(&c->reads);
        for (; i < g->count && c->reads.count + CALLS_OF_CLAIM <= VD_READS_MAX; i++) {
            vd_abi_u64(vd_reads_add(&c->reads, &g->proxy, selector("claimData(uint256)")), i);
            vd_abi_u64(vd_reads_add(&c->reads, &g->proxy, selector("resolvedSubgames(uint256)")),
                       i);
        }
        if (!run_reads(c)) {
            return false;
        }
        for (uint64_t k = first; k < i; k++) {
            size_t at = (size_t)(k - first) * CALLS_OF_CLAIM;
            g->claims[k] = (struct claim){.resolved = false};
            if (!take_claim(&g->claims[k], vd_reads_answer(&c->reads, at),
                            vd_reads_answer(&c->reads, at + 1)) ||
                (g->claims[k].c.parent != VD_NO_PARENT && g->claims[k].c.parent >= k)) {
                return bad_answer(c, &g->proxy, "such claim");
            }
        }
    }
    return true;
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
    uint32_t parent = g->claims[i].c.parent;
    uint64_t used = parent == VD_NO_PARENT ? 0 : g->claims[parent].c.clock_duration_s;
    uint64_t made = g->claims[i].c.clock_timestamp;
    uint64_t since = c->now > made ? c->now - made : 0;
    bool is_over = since > g->max_clock_s || used > g->max_clock_s - since;
    return is_over || g->status != VD_GAME_IN_PROGRESS ? 0 : g->max_clock_s - since - used;
}

static const char *
claim_text(const struct claim *claim)
{
    return claim->c.countered ? "countered" : claim->resolved ? "stands" : "open";
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
    const struct claim *claim = &g->claims[i];
    char bond[79];
    vd_u256_to_dec(bond, &claim->c.bond);
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:I, s:s, s:b, s:I, s:I, s:I}", "index", (json_int_t)i,
        "parent", claim->c.parent == VD_NO_PARENT ? json_null() : json_integer(claim->c.parent),
        "claimant", address_value(&claim->c.claimant), "counteredBy",
        claim->c.countered ? address_value(&claim->c.countered_by) : json_null(), "bond", bond,
        "claim", hash_value(&claim->c.value), "position", position_value(claim->c.position),
        "depth", (json_int_t)vd_position_depth(claim->c.position), "state", claim_text(claim),
        "resolved", claim->resolved, "clockUsed", (json_int_t)claim->c.clock_duration_s,
        "timestamp", (json_int_t)claim->c.clock_timestamp, "clockLeft",
        (json_int_t)clock_left(c, g, i));
}

static json_t *
game_value(const struct command *c, const struct game *g)
{
    json_t *value =
        json_pack("{s:I, s:I, s:o, s:I, s:s, s:I, s:o, s:I, s:o}", "index", (json_int_t)g->index,
                  "gameType", (json_int_t)g->type, "address", address_value(&g->proxy), "timestamp",
                  (json_int_t)g->timestamp, "status", status_text(g->status), "resolvedAt",
                  (json_int_t)g->resolved_at, "rootClaim", hash_value(&g->root), "l2BlockNumber",
                  (json_int_t)g->l2_block, "creator", address_value(&g->creator));
    if (!g->is_fault) {
        return value;
    }
    json_t *claims = json_array();
    for (size_t i = 0; i < g->count; i++) {
        json_array_append_new(claims, claim_value(c, g, i));
    }
    json_object_set_new(value, "absolutePrestate", hash_value(&g->prestate));
    json_object_set_new(value, "maxGameDepth", json_integer((json_int_t)g->max_depth));
    json_object_set_new(value, "splitDepth", json_integer((json_int_t)g->split_depth));
    json_object_set_new(value, "maxClockDuration", json_integer((json_int_t)g->max_clock_s));
    json_object_set_new(value, "l2BlockNumberChallenged", json_boolean(g->block_challenged));
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
    vd_address_text(address, &g->proxy);
    print_time(created, g->timestamp);
    printf("%6llu %5llu  %-15s %10llu  %s  %s  %s%s\n", (unsigned long long)g->index,
           (unsigned long long)g->type, status_text(g->status), (unsigned long long)g->l2_block,
           created, address, bridge_hex(g->root.b, 32).text,
           g->block_challenged ? "  block number refuted" : "");
    for (size_t i = 0; i < g->count && g->is_fault; i++) {
        const struct claim *claim = &g->claims[i];
        char parent[12] = "-";
        if (claim->c.parent != VD_NO_PARENT) {
            snprintf(parent, sizeof parent, "%u", (unsigned)claim->c.parent);
        }
        vd_address_text(address, &claim->c.claimant);
        printf("       claim %5zu  answers %5s  depth %3u  %-9s  %7llu s left  %s ether  %s  %s\n",
               i, parent, vd_position_depth(claim->c.position), claim_text(claim),
               (unsigned long long)clock_left(c, g, i), bridge_ether(&claim->c.bond).text, address,
               bridge_hex(claim->c.value.b, 32).text);
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
    if (!read_entry(c, &g) || !read_game(c, &g) || !read_claims(c, &g)) {
        return false;
    }
    if (c->list) {
        json_array_append_new(c->list, game_value(c, &g));
    } else {
        print_game(c, &g);
    }
    return true;
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
