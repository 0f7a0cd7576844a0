/* The course of the drill. */
#include "drill.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill_internal.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/key.h"
#include "viaduct/node/platform/clock.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 32)
#define TICK_MS 100u
/* Of the ticks, those in which the withdrawal is looked at. */
#define WITHDRAWAL_TICKS 5u
/* The whole drill on an L1 of one block a second; three times what it takes. */
#define BOUND_S 180u
#define RECEIVER_GAS 100000u
#define AMOUNT_WEI 500000000000000000u
/* In blocks of L1: each side has as long for each of its moves. */
#define EXTENSION_BLOCKS 7u
#define SETTLEMENT_BLOCKS 2u
#define MAX_DEPTH 36u
#define SPLIT_DEPTH 6u

void
vd_drill_found(struct vd_founding *founding, uint64_t l1_block_s)
{
    founding->game_max_depth = MAX_DEPTH;
    founding->game_split_depth = SPLIT_DEPTH;
    founding->game_extension_s = EXTENSION_BLOCKS * l1_block_s;
    founding->game_clock_s = 2 * EXTENSION_BLOCKS * l1_block_s;
    founding->preimage_challenge_s = SETTLEMENT_BLOCKS * l1_block_s;
    founding->proof_maturity_delay_s = SETTLEMENT_BLOCKS * l1_block_s;
    founding->game_finality_delay_s = SETTLEMENT_BLOCKS * l1_block_s;
    founding->weth_delay_s = SETTLEMENT_BLOCKS * l1_block_s;
}

/* --- telling --- */

static uint64_t
now_ms(void)
{
    const struct vd_clock *clock = vd_clock_system();
    return clock->monotonic_ms(clock->ctx);
}

void
drill_tell(const struct drill *d, const char *who, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("%6.1f s  %-10s  %s\n", (double)(now_ms() - d->began_ms) / 1000, who, text);
    fflush(stdout);
}

/* --- opening and closing --- */

static bool
open_layer(struct drill *d, struct vd_l1 **layer, const char *url)
{
    struct vd_l1_config config = {.url = url};
    enum vd_err err = vd_l1_new(layer, &d->config->run->loop, d->config->run->pool, &config);
    return err == VD_OK || bridge_fail(&d->b, "%s: %s", url, vd_err_text(err));
}

static bool
open_signer(struct drill *d, struct vd_signer **out, const uint8_t *secret)
{
    struct vd_key *key = NULL;
    enum vd_err err = vd_key_from_bytes(&key, secret);
    if (err == VD_OK) {
        err = vd_signer_local(out, &d->config->run->loop, d->config->run->pool, key);
    }
    return err == VD_OK || bridge_fail(&d->b, "%s", vd_err_text(err));
}

static bool
open_all(struct drill *d)
{
    const struct vd_drill_config *c = d->config;
    d->b.host = c->run;
    d->b.options = *c->options;
    d->b.options.bridge_timeout_s = BOUND_S * c->l1_block_s;
    d->b.addresses = *c->addresses;
    d->b.quiet = true;
    return open_signer(d, &d->dishonest, c->dishonest_key) &&
           open_signer(d, &d->user, c->user_key) && open_layer(d, &d->b.l1, c->l1_url) &&
           open_layer(d, &d->b.l2, c->l2_url);
}

static void
on_late(uv_timer_t *timer)
{
    struct drill *d = timer->data;
    d->late = true;
    vd_run_stop(d->config->run);
}

static void close_step(void *ctx);

static void
on_timer_closed(uv_handle_t *handle)
{
    close_step(handle->data);
}

static void
close_step(void *ctx)
{
    struct drill *d = ctx;
    int stage = d->b.stage++;
    if (stage == 0) {
        uv_close((uv_handle_t *)&d->timer, on_timer_closed);
    } else if (stage == 1 && d->b.l1) {
        vd_l1_close(d->b.l1, close_step, d);
    } else if (stage == 2 && d->b.l2) {
        vd_l1_close(d->b.l2, close_step, d);
    } else if (stage == 3 && d->dishonest) {
        vd_signer_close(d->dishonest, close_step, d);
    } else if (stage == 4 && d->user) {
        vd_signer_close(d->user, close_step, d);
    } else if (stage < 5) {
        close_step(d);
    } else {
        d->closed = true;
        uv_stop(&d->config->run->loop);
    }
}

/* Also after an interruption: what is under way is answered first. */
static void
close_all(struct drill *d)
{
    close_step(d);
    while (!d->closed) {
        uv_run(&d->config->run->loop, UV_RUN_DEFAULT);
    }
}

/* --- the withdrawal --- */

/* The portal can pay out only what somebody has deposited. */
static bool
deposit(struct drill *d)
{
    struct vd_abi call;
    struct bridge_receipt receipt;
    d->amount = vd_u256(AMOUNT_WEI);
    vd_abi_call(&call, VD_SELECTOR_DEPOSIT_TRANSACTION);
    vd_abi_address(&call, vd_signer_address(d->user));
    vd_abi_u256(&call, &d->amount);
    vd_abi_u64(&call, RECEIVER_GAS);
    vd_abi_u64(&call, 0);
    vd_abi_u64(&call, 160);
    vd_abi_bytes(&call, vd_slice(NULL, 0));
    d->b.signer = d->user;
    if (!bridge_send(&d->b, d->b.l1, &receipt, "the deposit", &d->b.addresses.optimism_portal,
                     &d->amount, &call)) {
        return false;
    }
    drill_tell(d, "user", "deposits %s", bridge_ether(&d->amount).text);
    return true;
}

static bool
withdraw(struct drill *d)
{
    struct vd_abi call;
    struct bridge_receipt receipt;
    uint8_t seed[28];
    vd_store_be64(seed, d->began_ms);
    memcpy(seed + 8, vd_signer_address(d->user)->b, 20);
    struct vd_hash hash = vd_keccak256(vd_slice(seed, sizeof seed));
    memcpy(d->receiver.b, hash.b + 12, 20);
    vd_abi_call(&call, VD_SELECTOR_INITIATE_WITHDRAWAL);
    vd_abi_address(&call, &d->receiver);
    vd_abi_u64(&call, RECEIVER_GAS);
    vd_abi_u64(&call, 96);
    vd_abi_bytes(&call, vd_slice(NULL, 0));
    d->b.signer = d->user;
    if (!bridge_send(&d->b, d->b.l2, &receipt, "the withdrawal", &VD_L2_TO_L1_MESSAGE_PASSER,
                     &d->amount, &call)) {
        return false;
    }
    snprintf(d->withdrawal_tx, sizeof d->withdrawal_tx, "%s", bridge_hex(receipt.tx.b, 32).text);
    d->b.options.bridge_tx = d->withdrawal_tx;
    drill_tell(d, "user", "withdraws %s in L2 block %llu, to a new account on L1",
               bridge_ether(&d->amount).text, (unsigned long long)receipt.block.number);
    return true;
}

/* The proof stands on a game of the honest proposer, or the drill shows nothing. */
static bool
prove(struct drill *d)
{
    struct vd_withdrawal_game game = d->b.standing.game;
    struct vd_address creator;
    vd_reads_clear(&d->reads);
    vd_reads_add(&d->reads, &game.proxy, VD_SELECTOR_GAME_CREATOR);
    if (!drill_read(d, vd_l1_latest())) {
        return false;
    }
    if (!vd_abi_read_address(&creator, vd_reads_answer(&d->reads, 0), 0) ||
        !vd_address_eq(&creator, &d->config->proposer)) {
        return bridge_fail(&d->b,
                           "the withdrawal would be proven by game %s, which is not the "
                           "proposer's",
                           bridge_hex(game.proxy.b, 20).text);
    }
    return bridge_prove(&d->b) || drill_try_again(d);
}

static void
tell_proven(struct drill *d)
{
    if (!d->proven) {
        drill_tell(d, "user", "proves the withdrawal by the proposer's output of block %llu",
                   (unsigned long long)d->b.standing.game.l2_block);
        d->proven = true;
    }
}

static bool
check_finalized(struct drill *d)
{
    struct vd_u256 balance;
    if (!bridge_balance(&d->b, d->b.l1, &balance, &d->receiver, vd_l1_latest())) {
        return drill_try_again(d);
    }
    if (!vd_u256_eq(&balance, &d->amount)) {
        return bridge_fail(&d->b, "the withdrawal's receiver has %s on L1",
                           bridge_ether(&balance).text);
    }
    drill_tell(d, "user", "finalizes the withdrawal: %s are on L1", bridge_ether(&balance).text);
    d->finalized = true;
    return true;
}

static bool
advance_withdrawal(struct drill *d)
{
    if (d->finalized) {
        return true;
    }
    d->b.signer = d->user;
    if (!bridge_look(&d->b)) {
        return drill_try_again(d);
    }
    switch (d->b.standing.state) {
    case VD_WITHDRAWAL_NEVER_PROVABLE: /* its target is an account, not the portal */
    case VD_WITHDRAWAL_WAITING_TO_PROVE:
        break;
    case VD_WITHDRAWAL_READY_TO_PROVE:
        return prove(d);
    case VD_WITHDRAWAL_WAITING_TO_FINALIZE:
        tell_proven(d);
        break;
    case VD_WITHDRAWAL_READY_TO_FINALIZE:
        tell_proven(d);
        return bridge_finalize(&d->b) || drill_try_again(d);
    case VD_WITHDRAWAL_FINALIZED:
        return check_finalized(d);
    }
    return true;
}

/* --- the dispute --- */

static bool
advance_dispute(struct drill *d)
{
    struct drill_game *g = &d->game;
    if (!g->exists) {
        return drill_propose(d);
    }
    if (g->status != VD_GAME_IN_PROGRESS) {
        return g->paid || drill_bonds_look(d);
    }
    if (!drill_game_look(d)) {
        return false;
    }
    if (g->status == VD_GAME_DEFENDER_WINS) {
        return bridge_fail(&d->b, "the game is decided for the false output");
    }
    if (g->status == VD_GAME_CHALLENGER_WINS) {
        drill_tell(d, "challenger", "resolves the game: the false output has lost");
        return g->step_told ? drill_bonds_count(d)
                            : bridge_fail(&d->b, "it was decided without a step");
    }
    return drill_game_pending(d) && drill_answer_all(d);
}

/* --- the course --- */

static const char *
missing(const struct drill *d)
{
    return d->withdrawal_tx[0] == '\0'             ? "the withdrawal is in no L2 block"
           : !d->game.exists                       ? "there is no safe block to claim falsely"
           : !d->game.step_told                    ? "the dispute has not come to a step"
           : d->game.status == VD_GAME_IN_PROGRESS ? "the game is not resolved"
           : !d->game.paid                         ? "the bonds are not paid"
           : !d->proven                            ? "the withdrawal is not proven"
                                                   : "the withdrawal is not finalized";
}

static bool
course(struct drill *d)
{
    if (!deposit(d) || !withdraw(d)) {
        return false;
    }
    for (unsigned tick = 0; !d->game.paid || !d->finalized; tick++) {
        if (!advance_dispute(d) || (tick % WITHDRAWAL_TICKS == 0 && !advance_withdrawal(d)) ||
            !bridge_sleep(&d->b, TICK_MS)) {
            return false;
        }
    }
    drill_tell(d, "", "the drill is over: the false output cost its proposer %s",
               bridge_ether(&d->game.lost).text);
    return true;
}

bool
vd_drill_run(const struct vd_drill_config *config)
{
    struct drill *d = calloc(1, sizeof *d);
    void *memory = vd_reserve(ARENA_BYTES);
    VD_ASSERT(d != NULL && memory != NULL);
    vd_arena_init(&d->b.arena, memory, ARENA_BYTES);
    d->config = config;
    d->began_ms = now_ms();
    d->bound_ms = BOUND_S * 1000 * config->l1_block_s;
    uv_timer_init(&config->run->loop, &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_late, d->bound_ms, 0);
    bool ok = open_all(d) && course(d);
    if (d->late) {
        fprintf(stderr, "viaduct: drill: after %llu s %s\n", (unsigned long long)d->bound_ms / 1000,
                missing(d));
    } else if (!ok) {
        fprintf(stderr, "viaduct: drill: %s\n", d->b.error);
    }
    close_all(d);
    vd_reads_clear(&d->reads);
    json_decref(d->b.json);
    vd_release(memory, ARENA_BYTES);
    free(d);
    return ok;
}
