/* A deployment on an embedded L1, cut off after each of its steps. */
#define _XOPEN_SOURCE 700 /* nftw, mkdtemp */
#define _DEFAULT_SOURCE
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/app/dev_deploy.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/engine/view.h"
#include "viaduct/node/platform/artifacts.h"
#include "viaduct/node/platform/clock.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

#define ARENA ((size_t)1 << 32)
#define OWNER 7u

struct world {
    uv_loop_t loop;
    struct vd_pool *pool;
    struct vd_logger logger;
    struct vd_arena arena;
    char folder[64];
    struct vd_chain_config chain;
    struct vd_engine *engine;
    struct vd_devchain *l1;
    struct vd_founding founding;
    struct vd_l1_plan plan;
    struct vd_founded founded;
    struct vd_dev_deploy deploy;
    bool answered;
    char problem[256];
    int stage;
};

/* --- a world --- */

static struct vd_genesis_account
placed(const char *name, const struct vd_address *address)
{
    const struct vd_artifact *artifact = vd_artifact_find(name);
    assert_non_null(artifact);
    return (struct vd_genesis_account){
        .address = *address, .nonce = 1, .code = vd_slice(artifact->code, artifact->code_len)};
}

static void
open_engine(struct world *w)
{
    struct vd_genesis_account accounts[] = {
        {.address = vd_dev_accounts[OWNER].address,
         .balance = {.w = {0, 1000, 0, 0}}}, /* more than enough */
        placed("DeterministicDeploymentProxy", &VD_PREINSTALL_DETERMINISTIC_DEPLOYER),
        placed("BeaconRoots", &VD_BEACON_ROOTS),
        placed("HistoryStorage", &VD_HISTORY_STORAGE),
        placed("WithdrawalRequests", &VD_WITHDRAWAL_REQUESTS),
        placed("ConsolidationRequests", &VD_CONSOLIDATION_REQUESTS),
    };
    struct vd_genesis genesis = {.timestamp = 1700000000,
                                 .gas_limit = 60000000,
                                 .base_fee = vd_u256(1000000000),
                                 .accounts = accounts,
                                 .account_count = sizeof accounts / sizeof accounts[0]};
    vd_chain_config_l1(&w->chain, 900, 0, 0);
    struct vd_engine_config config = {.folder = w->folder,
                                      .chain = &w->chain,
                                      .genesis = &genesis,
                                      .accept_transactions = true,
                                      .map_bytes = (size_t)1 << 30, /* the thread sanitizer has
                                                                       little address space */
                                      .clock = vd_clock_system(),
                                      .logger = &w->logger,
                                      .pool = w->pool,
                                      .curves = vd_curves_host(),
                                      .loop = &w->loop};
    char why[256];
    assert_int_equal(vd_engine_open(&w->engine, why, &config), VD_OK);
    struct vd_devchain_config dev = {.engine = w->engine,
                                     .loop = &w->loop,
                                     .clock = vd_clock_system(),
                                     .logger = &w->logger,
                                     .gas_limit = 60000000,
                                     .safe_depth = 1,
                                     .finalized_depth = 2};
    assert_int_equal(vd_devchain_new(&w->l1, &dev), VD_OK);
}

static void
make_plan(struct world *w)
{
    struct vd_fee_vault vault = {.recipient = {{21}}, .network = 1};
    const struct vd_address *owner = &vd_dev_accounts[OWNER].address;
    char error[512];
    w->founding = (struct vd_founding){.l1_chain_id = 900,
                                       .l2_chain_id = 901,
                                       .block_time_s = 1,
                                       .seq_window_size = 3600,
                                       .gas_limit = 60000000,
                                       .base_fee = vd_u256(1000000),
                                       .eip1559 = {.denominator = 250, .elasticity = 6},
                                       .batcher = {{11}},
                                       .proposer = {{12}},
                                       .unsafe_block_signer = {{13}},
                                       .system_owner = {{14}},
                                       .guardian = {{15}},
                                       .l2_proxy_owner = {{16}},
                                       .sequencer_vault = vault,
                                       .base_fee_vault = vault,
                                       .l1_fee_vault = vault,
                                       .operator_fee_vault = vault,
                                       .proof_maturity_delay_s = 1,
                                       .game_finality_delay_s = 2,
                                       .game_clock_s = 3,
                                       .game_extension_s = 1,
                                       .weth_delay_s = 4,
                                       .pause_expiry_s = 5,
                                       .preimage_challenge_s = 2,
                                       .game_max_depth = 64,
                                       .game_split_depth = 20,
                                       .game_bond = vd_u256(6),
                                       .bisection_bond = vd_u256(7),
                                       .step_bond = vd_u256(8),
                                       .preimage_min_bytes = 136,
                                       .l1.batch_inbox = {{22}}};
    const struct vd_block_ref *start = vd_engine_genesis(w->engine);
    struct vd_l1_ref anchor = {.hash = start->hash, .timestamp = start->timestamp};
    if (!vd_l1_plan_make(&w->plan, &w->arena, &w->founding, owner, false, error, sizeof error)) {
        fail_msg("%s", error);
    }
    w->founding.l1 = w->plan.at;
    if (!vd_found(&w->founded, &w->arena, &w->founding, &anchor, error, sizeof error)) {
        fail_msg("%s", error);
    }
    struct vd_hash prestate;
    assert_true(vd_founding_prestate(&prestate, &w->founded.config, error, sizeof error));
    vd_l1_plan_set_anchor(&w->plan, &w->founded.output_root, &prestate);
}

static void
open_world(struct world *w)
{
    *w = (struct world){.logger = {.level = VD_LOG_ERROR, .fd = STDERR_FILENO}};
    vd_arena_init(&w->arena, vd_reserve(ARENA), ARENA);
    snprintf(w->folder, sizeof w->folder, "dev-deploy-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    uv_loop_init(&w->loop);
    assert_int_equal(vd_pool_new(&w->pool, &w->loop, 2), VD_OK);
    open_engine(w);
    make_plan(w);
}

static void
close_step(void *ctx)
{
    struct world *w = ctx;
    switch (w->stage++) {
    case 0:
        vd_devchain_close(w->l1, close_step, w);
        return;
    case 1:
        vd_engine_close(w->engine, close_step, w);
        return;
    case 2:
        vd_pool_close(w->pool, close_step, w);
        return;
    default:
        return;
    }
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void
close_world(struct world *w)
{
    close_step(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    nftw(w->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    vd_release(w->arena.base, ARENA);
}

/* --- deploying --- */

static void
on_done(void *ctx, const char *error)
{
    struct world *w = ctx;
    w->answered = true;
    snprintf(w->problem, sizeof w->problem, "%s", error ? error : "");
}

static void
deploy(struct world *w, const struct vd_l1_plan *plan)
{
    w->answered = false;
    w->deploy = (struct vd_dev_deploy){.engine = w->engine,
                                       .chain = w->l1,
                                       .plan = plan,
                                       .key = vd_dev_accounts[OWNER].key,
                                       .chain_id = 900,
                                       .arena = &w->arena,
                                       .done = on_done,
                                       .ctx = w};
    vd_dev_deploy(&w->deploy);
    while (!w->answered) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
}

static uint64_t
nonce(struct world *w)
{
    struct vd_view *view = NULL;
    struct vd_state_source source;
    struct vd_header header;
    struct vd_account account;
    const struct vd_address *owner = &vd_dev_accounts[OWNER].address;
    struct vd_hash hash = vd_keccak256(vd_slice(owner->b, 20));
    assert_int_equal(vd_view_open(&view, w->engine), VD_OK);
    assert_int_equal(
        vd_view_state(view, &source, &header, vd_engine_heads(w->engine)->unsafe.number), VD_OK);
    assert_int_equal(source.account(source.ctx, &account, owner, &hash), VD_OK);
    vd_view_close(view);
    return account.nonce;
}

static void
test_everything_reads_as_planned(void **state)
{
    (void)state;
    static struct world w;
    open_world(&w);
    deploy(&w, &w.plan);
    assert_string_equal(w.problem, "");
    assert_int_equal(nonce(&w), w.plan.step_count);
    deploy(&w, &w.plan);
    assert_string_equal(w.problem, "");
    assert_int_equal(nonce(&w), w.plan.step_count);
    close_world(&w);
}

/* The read-back is shown to see a difference, in each of its facts. */
static void
test_the_read_back_sees_a_difference(void **state)
{
    (void)state;
    static struct world w;
    static struct vd_l1_plan wrong;
    static const uint8_t other[256] = {[31] = 0xee};
    open_world(&w);
    deploy(&w, &w.plan);
    for (size_t i = 0; i < w.plan.check_count; i++) {
        wrong = w.plan;
        wrong.checks[i].expected = vd_slice(other, wrong.checks[i].expected.len);
        deploy(&w, &wrong);
        if (!strstr(w.problem, wrong.checks[i].what)) {
            fail_msg("%s: '%s'", wrong.checks[i].what, w.problem);
        }
    }
    close_world(&w);
}

/* Cut off after k steps, in a block or not yet, then done again: nothing twice, all there. */
static void
test_a_deployment_goes_on_after_any_step(void **state)
{
    (void)state;
    static struct world w;
    static struct vd_l1_plan part;
    size_t steps = 1;
    for (size_t k = 1; k < steps + 1; k++) {
        open_world(&w);
        steps = w.plan.step_count;
        part = w.plan;
        part.step_count = k < steps ? k : steps;
        part.check_count = 0;
        deploy(&w, &part);
        assert_string_equal(w.problem, "");
        assert_int_equal(nonce(&w), part.step_count);
        deploy(&w, &w.plan);
        assert_string_equal(w.problem, "");
        assert_int_equal(nonce(&w), steps);
        close_world(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_reads_as_planned),
        cmocka_unit_test(test_the_read_back_sees_a_difference),
        cmocka_unit_test(test_a_deployment_goes_on_after_any_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
