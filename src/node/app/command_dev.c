/* viaduct dev: the embedded L1 and an L2 with every role, in one process.

   Order at a start: folder, L1's genesis and engine, L1's server, founding (the contracts' first
   block on L1, or the files of before), the L2 node, which meets L1 over its own socket like any
   other. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chain_files.h"
#include "commands.h"
#include "deploy_file.h"
#include "dev_deploy.h"
#include "dev_founding.h"
#include "dev_rpc.h"
#include "drill.h"
#include "drill_external.h"
#include "folders.h"
#include "founding.h"
#include "run.h"
#include "serve.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/node/l1/key.h"
#include "viaduct/node/l1/signer.h"
#include "viaduct/node/platform/artifacts.h"
#include "viaduct/node/platform/clock.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 32)
#define L1_GAS_LIMIT 60000000u
#define L1_INTERVAL_MS 1000u
#define L1_SAFE_DEPTH 8u
#define L1_FINALIZED_DEPTH 24u /* reorgs of 20 blocks can be tried */
#define STATUS_MS 1000u
#define DRILL_CHANNEL_MS 1000u /* the sooner the first blocks are safe, the sooner it begins */

/* POSIX leaves this declaration to the program. */
extern char **environ;

struct command {
    struct vd_run run; /* first: the callbacks get it */
    struct vd_options options;
    struct vd_arena arena;
    char folder[3800];
    bool temporary;
    struct vd_chain_config l1_chain;
    struct vd_genesis l1_genesis;
    struct vd_engine *l1_engine;
    struct vd_devchain *l1;
    struct vd_server l1_server;
    const char *l1_health; /* as struct vd_node's, of L1's folder */
    struct vd_founding founding;
    struct vd_l1_plan plan;
    struct vd_dev_deploy deploy;
    struct vd_founded founded;
    struct vd_job genesis_job; /* writes genesis.json */
    char *rollup_json;
    struct vd_signer *batcher;
    struct vd_signer *proposer;
    struct vd_signer *challenger;
    struct vd_node *node;
    char l1_url[64];
    char l2_folder[4096];
    uv_timer_t timer;
    bool timer_open;
    bool deploying; /* its transactions are under way on L1 */
    bool served;    /* both layers answer */
    char l2_url[64];
    int stage;
    uint64_t ticks; /* of the status line */
};

/* --- stopping, in order --- */

static void stop_step(void *ctx);

static void
on_timer_closed(uv_handle_t *handle)
{
    stop_step(handle->data);
}

static void
stop_step(void *ctx)
{
    struct command *c = ctx;
    int stage = c->stage++;
    if (stage == 0 && c->timer_open) {
        uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    } else if (stage == 1 && c->node) {
        vd_node_close(c->node, stop_step, c);
    } else if (stage == 2 && c->batcher) {
        vd_signer_close(c->batcher, stop_step, c);
    } else if (stage == 3 && c->proposer) {
        vd_signer_close(c->proposer, stop_step, c);
    } else if (stage == 4 && c->challenger) {
        vd_signer_close(c->challenger, stop_step, c);
    } else if (stage == 5 && c->l1_server.rpc) {
        vd_server_close(&c->l1_server, stop_step, c);
    } else if (stage == 6 && c->l1) {
        vd_devchain_close(c->l1, stop_step, c);
    } else if (stage == 7 && c->l1_engine) {
        vd_engine_close(c->l1_engine, stop_step, c);
    } else if (stage < 8) {
        stop_step(c);
    } else {
        vd_run_stopped(&c->run);
    }
}

static void
stop(struct vd_run *run)
{
    struct command *c = (struct command *)run;
    if (c->options.drill) {
        uv_stop(&run->loop); /* what runs the loop then goes on with the stop */
        return;
    }
    /* A deployment under way is answered first: on_deployed goes on with the stop. */
    if (!c->deploying) {
        stop_step(c);
    }
}

static void
on_failed(void *ctx, const char *text)
{
    vd_run_fail(ctx, text);
}

/* --- the folder --- */

static bool
make_folder(struct command *c, char *error, size_t error_len)
{
    if (c->options.datadir) {
        snprintf(c->folder, sizeof c->folder, "%s", c->options.datadir);
        if (mkdir(c->folder, 0700) == 0 || errno == EEXIST) {
            return true;
        }
    } else {
        c->temporary = vd_folder_temporary(c->folder, sizeof c->folder);
        if (c->temporary) {
            return true;
        }
    }
    snprintf(error, error_len, "cannot make the folder %.300s: %s", c->folder, strerror(errno));
    return false;
}

static const char *
in_folder(const struct command *c, char path[4096], const char *name)
{
    snprintf(path, 4096, "%s/%s", c->folder, name);
    return path;
}

static bool
exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* --- L1 --- */

/* What a public L1 has too: system contracts, the deterministic deployer, Multicall3. */
struct placed {
    const char *artifact;
    const struct vd_address *address;
};
static const struct placed l1_contracts[] = {
    {"BeaconRoots", &VD_BEACON_ROOTS},
    {"HistoryStorage", &VD_HISTORY_STORAGE},
    {"WithdrawalRequests", &VD_WITHDRAWAL_REQUESTS},
    {"ConsolidationRequests", &VD_CONSOLIDATION_REQUESTS},
    {"DeterministicDeploymentProxy", &VD_PREINSTALL_DETERMINISTIC_DEPLOYER},
    {"Multicall3", &VD_PREINSTALL_MULTICALL3},
};
#define L1_CONTRACTS (sizeof l1_contracts / sizeof l1_contracts[0])

static void
place(struct vd_genesis_account *accounts)
{
    for (size_t i = 0; i < L1_CONTRACTS; i++) {
        const struct vd_artifact *artifact = vd_artifact_find(l1_contracts[i].artifact);
        VD_ASSERT(artifact != NULL);
        accounts[i] =
            (struct vd_genesis_account){.address = *l1_contracts[i].address,
                                        .nonce = 1,
                                        .code = vd_slice(artifact->code, artifact->code_len)};
    }
}

static bool
l1_genesis(struct command *c, char *error, size_t error_len)
{
    char path[4096];
    struct vd_file_read r = {.arena = &c->arena, .error = error, .error_len = error_len};
    in_folder(c, path, "l1-genesis.json");
    if (exists(path)) {
        return vd_genesis_json_read(&r, &c->l1_genesis, path);
    }
    struct vd_genesis_account *accounts =
        VD_ARENA_NEW(&c->arena, struct vd_genesis_account, L1_CONTRACTS + VD_DEV_ACCOUNTS);
    VD_ASSERT(accounts != NULL);
    place(accounts);
    vd_dev_fund(accounts + L1_CONTRACTS);
    const struct vd_clock *clock = vd_clock_system();
    c->l1_genesis = (struct vd_genesis){.timestamp = clock->wall_ms(clock->ctx) / 1000 - 1,
                                        .gas_limit = L1_GAS_LIMIT,
                                        .base_fee = vd_u256(1000000000),
                                        .accounts = accounts,
                                        .account_count = L1_CONTRACTS + VD_DEV_ACCOUNTS};
    json_t *document = vd_genesis_json_write(&c->l1_genesis, &c->l1_chain);
    bool stored = vd_file_store(document, path, error, error_len);
    json_decref(document);
    return stored;
}

static void
on_l1_heads(void *ctx, const struct vd_heads *heads, bool reorg, uint64_t common_ancestor)
{
    struct command *c = ctx;
    if (c->l1_server.api) {
        vd_rpc_api_heads(c->l1_server.api, heads, reorg, common_ancestor);
    }
}

static void
on_l1_pending(void *ctx, const struct vd_hash *hashes, size_t count)
{
    struct command *c = ctx;
    if (c->l1_server.api) {
        vd_rpc_api_pending(c->l1_server.api, hashes, count);
    }
}

static void
on_l1_health(void *ctx, const char *text)
{
    struct command *c = ctx;
    c->l1_health = text;
    vd_log(&c->run.logger, text ? VD_LOG_ERROR : VD_LOG_INFO, "L1", "%s",
           text ? text : "the disk takes writes again");
}

static const char *
l1_not_ready(void *ctx)
{
    const struct command *c = ctx;
    return c->l1_health;
}

static bool
open_l1_engine(struct command *c, char *error, size_t error_len)
{
    char path[4096];
    struct vd_engine_config config = {
        .folder = in_folder(c, path, "l1"),
        .chain = &c->l1_chain,
        .genesis = &c->l1_genesis,
        .journal = c->options.datadir != NULL,
        .accept_transactions = true,
        .clock = vd_clock_system(),
        .logger = &c->run.logger,
        .pool = c->run.pool,
        .curves = vd_curves_host(),
        .loop = &c->run.loop,
        .events = {
            .ctx = c, .heads = on_l1_heads, .pending = on_l1_pending, .health = on_l1_health}};
    char why[256] = "";
    if (vd_engine_open(&c->l1_engine, why, &config) != VD_OK) {
        snprintf(error, error_len, "L1: %s", why);
        return false;
    }
    struct vd_devchain_config dev = {.engine = c->l1_engine,
                                     .loop = &c->run.loop,
                                     .clock = vd_clock_system(),
                                     .logger = &c->run.logger,
                                     .interval_ms = L1_INTERVAL_MS,
                                     .gas_limit = L1_GAS_LIMIT,
                                     .safe_depth = L1_SAFE_DEPTH,
                                     .finalized_depth = L1_FINALIZED_DEPTH};
    if (vd_devchain_new(&c->l1, &dev) != VD_OK) {
        snprintf(error, error_len, "L1: out of memory");
        return false;
    }
    return true;
}

static const char *
dev_cors(const struct command *c)
{
    return c->options.http_cors ? c->options.http_cors : "*";
}

static bool
serve_l1(struct command *c, char *error, size_t error_len)
{
    struct vd_rpc_api_config api = {.engine = c->l1_engine,
                                    .clock = vd_clock_system(),
                                    .client_version = VD_CLIENT_VERSION,
                                    .ctx = c,
                                    .not_ready = l1_not_ready};
    struct vd_serve_config serve = {.loop = &c->run.loop,
                                    .pool = c->run.pool,
                                    .host = c->options.http_host,
                                    .port = (uint16_t)c->options.l1_port,
                                    .cors = dev_cors(c),
                                    .vhosts = c->options.http_vhosts,
                                    .max_body_bytes = c->options.http_body_bytes,
                                    .max_connections = (uint32_t)c->options.http_connections,
                                    .max_batch = (uint32_t)c->options.rpc_batch};
    if (vd_server_open(&c->l1_server, error, error_len, &serve, &api, vd_dev_methods,
                       vd_dev_method_count, c->l1) != VD_OK) {
        return false;
    }
    snprintf(c->l1_url, sizeof c->l1_url, "http://%s:%u", c->options.http_host,
             (unsigned)vd_http_server_port(c->l1_server.http));
    return true;
}

/* --- L2 --- */

/* A signer by the key of one of the accounts. */
static bool
open_signer(struct command *c, struct vd_signer **out, size_t account, char *error,
            size_t error_len)
{
    struct vd_key *key;
    if (vd_key_from_bytes(&key, vd_dev_accounts[account].key) != VD_OK ||
        vd_signer_local(out, &c->run.loop, c->run.pool, key) != VD_OK) {
        snprintf(error, error_len, "out of memory");
        return false;
    }
    return true;
}

/* Computes the chain.  L1's genesis is the anchor: the contracts come in the blocks above, so the
   rollup sees everything that ever happened to them. */
static bool
compute(struct command *c, char *error, size_t error_len)
{
    const struct vd_block_ref *start = vd_engine_genesis(c->l1_engine);
    struct vd_l1_ref l1 = {.hash = start->hash,
                           .number = start->number,
                           .parent_hash = start->parent_hash,
                           .timestamp = start->timestamp};
    vd_dev_founding(&c->founding, &c->arena);
    if (c->options.drill) {
        vd_drill_found(&c->founding, L1_INTERVAL_MS / 1000);
    }
    if (!vd_l1_plan_make(&c->plan, &c->arena, &c->founding, &vd_dev_accounts[VD_DEV_OWNER].address,
                         true, error, error_len)) {
        return false;
    }
    c->founding.l1 = c->plan.at;
    struct vd_hash prestate;
    if (!vd_found(&c->founded, &c->arena, &c->founding, &l1, error, error_len) ||
        !vd_founding_prestate(&prestate, &c->founded.config, error, error_len)) {
        return false;
    }
    vd_l1_plan_set_anchor(&c->plan, &c->founded.output_root, &prestate);
    return true;
}

/* A folder that holds a chain already: computed again, or read where another version of the program
   had founded it; that may have had another guest, and so another game, on the same genesis. */
static bool
read_back(struct command *c, const char *rollup, char *error, size_t error_len)
{
    char path[4096];
    struct vd_rollup_config config;
    struct vd_file_read r = {.arena = &c->arena, .error = error, .error_len = error_len};
    if (!vd_rollup_json_read(&r, &config, rollup) ||
        !vd_addresses_read(&r, &c->plan.at, in_folder(c, path, "addresses.json"))) {
        return false;
    }
    if (vd_hash_eq(&config.genesis_l2.hash, &c->founded.config.genesis_l2.hash)) {
        return true;
    }
    c->founded.config = config;
    return vd_genesis_json_read(&r, &c->founded.genesis, in_folder(c, path, "genesis.json"));
}

static bool
store(const struct command *c, json_t *document, const char *name, char *error, size_t error_len)
{
    char path[4096];
    bool stored = vd_file_store(document, in_folder(c, path, name), error, error_len);
    json_decref(document);
    return stored;
}

/* The genesis is eight megabytes of JSON that the node itself does not read: it is written once
   everything is served. */
static void
run_genesis(struct vd_job *job)
{
    struct command *c =
        (struct command *)(void *)((char *)job - offsetof(struct command, genesis_job));
    char error[512];
    if (!store(c, vd_genesis_json_write(&c->founded.genesis, &c->founded.config.l2), "genesis.json",
               error, sizeof error)) {
        vd_log(&c->run.logger, VD_LOG_WARN, "dev", "%s", error);
    }
}

/* The same record as viaduct deploy's, so that its read-back and viaduct genesis take this folder.
 */
static bool
write_record(const struct command *c, char *error, size_t error_len)
{
    char path[4096];
    struct vd_deploy_record record = {
        .has_anchor = true, .anchor = c->founded.config.genesis_l1, .verified = true};
    for (size_t i = 0; i < c->plan.step_count; i++) {
        record.status[i] = VD_STEP_DONE;
    }
    return vd_deploy_file_write(&c->plan, &record, in_folder(c, path, VD_DEPLOY_PLAN_FILE), error,
                                error_len);
}

static void serve_l2(struct command *c);

static void
on_deployed(void *ctx, const char *problem)
{
    struct command *c = ctx;
    char error[512];
    c->deploying = false;
    if (c->run.stopping) {
        stop_step(c);
        return;
    }
    if (problem) {
        snprintf(error, sizeof error, "founding: %s", problem);
        vd_run_fail(&c->run, error);
        return;
    }
    if (!write_record(c, error, sizeof error) ||
        !store(c, vd_addresses_write(&c->plan.at), "addresses.json", error, sizeof error) ||
        !store(c, vd_rollup_json_write(&c->founded.config), "rollup.json", error, sizeof error)) {
        vd_run_fail(&c->run, error);
        return;
    }
    serve_l2(c);
}

static void
deploy(struct command *c)
{
    c->deploying = true;
    c->deploy = (struct vd_dev_deploy){.engine = c->l1_engine,
                                       .chain = c->l1,
                                       .plan = &c->plan,
                                       .key = vd_dev_accounts[VD_DEV_OWNER].key,
                                       .chain_id = VD_DEV_L1_CHAIN,
                                       .arena = &c->arena,
                                       .done = on_deployed,
                                       .ctx = c};
    vd_dev_deploy(&c->deploy);
}

static bool
open_l2(struct command *c, char *error, size_t error_len)
{
    json_t *document = vd_rollup_json_write(&c->founded.config);
    c->rollup_json = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    struct vd_node_config config = {.loop = &c->run.loop,
                                    .pool = c->run.pool,
                                    .logger = &c->run.logger,
                                    .folder = in_folder(c, c->l2_folder, "l2"),
                                    .rollup = &c->founded.config,
                                    .genesis = &c->founded.genesis,
                                    .rollup_json = c->rollup_json,
                                    .l1_url = c->l1_url,
                                    .l1_poll_ms = 200,
                                    .sequencer = true,
                                    .batcher_signer = c->batcher,
                                    .proposer_signer = c->proposer,
                                    .challenger = !c->options.no_challenger,
                                    .challenger_signer = c->challenger,
                                    .http_port = (uint16_t)c->options.l2_port,
                                    .failed = on_failed,
                                    .ctx = c};
    vd_node_config_from_options(&config, &c->options);
    config.http_cors = dev_cors(c);
    config.batcher_confs = 1;
    config.proposer_confs = 1;
    config.challenger_confs = 1;
    config.proposer_unfinalized = true;
    config.proposal_interval_s = c->options.dev_proposal_interval_s;
    if (config.channel_age_ms > 4000) {
        config.channel_age_ms = 4000; /* a developer wants to see safe blocks soon */
    }
    if (c->options.drill) {
        config.channel_age_ms = DRILL_CHANNEL_MS;
    }
    return vd_node_new(&c->node, error, error_len, &config) == VD_OK;
}

/* --- what the user sees --- */

static const char *
role_of(size_t account)
{
    switch (account) {
    case VD_DEV_BATCHER:
        return "  (batcher)";
    case VD_DEV_PROPOSER:
        return "  (proposer)";
    case VD_DEV_OWNER:
        return "  (owner, guardian)";
    case VD_DEV_CHALLENGER:
        return "  (challenger)";
    default:
        return "";
    }
}

static void
print_accounts(void)
{
    printf("\nAccounts, 10,000 ETH each on both layers; the keys are public, never use them "
           "elsewhere:\n");
    for (size_t i = 0; i < VD_DEV_ACCOUNTS; i++) {
        char address[41] = {0};
        char key[65] = {0};
        vd_hex_encode(address, vd_dev_accounts[i].address.b, 20);
        vd_hex_encode(key, vd_dev_accounts[i].key, 32);
        printf("  0x%s  0x%s%s\n", address, key, role_of(i));
    }
}

static json_t *
hex_text(const uint8_t *bytes, size_t len)
{
    char text[67] = "0x";
    vd_hex_encode(text + 2, bytes, len);
    text[2 + 2 * len] = '\0';
    return json_string(text);
}

static bool
write_info(const struct command *c, const char *l2_url, char *error, size_t error_len)
{
    json_t *accounts = json_array();
    for (size_t i = 0; i < VD_DEV_ACCOUNTS; i++) {
        json_array_append_new(accounts, json_pack("{s:o, s:o}", "address",
                                                  hex_text(vd_dev_accounts[i].address.b, 20), "key",
                                                  hex_text(vd_dev_accounts[i].key, 32)));
    }
    json_t *predeploys = json_object();
    const char *name = NULL;
    struct vd_address address;
    for (size_t i = 0; vd_founding_l2_contract(i, &name, &address); i++) {
        json_object_set_new(predeploys, name, hex_text(address.b, 20));
    }
    json_t *info = json_pack("{s:{s:s, s:i}, s:{s:s, s:i}, s:o, s:o, s:o}", "l1", "rpc", c->l1_url,
                             "chainId", (int)VD_DEV_L1_CHAIN, "l2", "rpc", l2_url, "chainId",
                             (int)VD_DEV_L2_CHAIN, "accounts", accounts, "contracts",
                             vd_addresses_write(&c->plan.at), "predeploys", predeploys);
    bool stored = vd_file_store(info, c->options.info, error, error_len);
    json_decref(info);
    return stored;
}

/* One line that is written over on a terminal, one a minute elsewhere. */
static void
on_status(uv_timer_t *timer)
{
    struct command *c = timer->data;
    bool terminal = isatty(STDOUT_FILENO) == 1;
    if (!terminal && c->ticks++ % 60 != 0) {
        return;
    }
    struct vd_node_status status;
    vd_node_status(c->node, &status);
    printf("%sL1 %llu  L2 unsafe %llu safe %llu finalized %llu proposed %llu%s%s%s",
           terminal ? "\r" : "", (unsigned long long)status.l1_head,
           (unsigned long long)status.unsafe.number, (unsigned long long)status.safe.number,
           (unsigned long long)status.finalized.number, (unsigned long long)status.proposed,
           status.stopped ? "  STOPPED: " : "", status.stopped ? status.stopped : "",
           terminal ? "   " : "\n");
    fflush(stdout);
}

static bool
open_l1(struct command *c, char *error, size_t error_len)
{
    vd_chain_config_l1(&c->l1_chain, VD_DEV_L1_CHAIN, 0, 0);
    return make_folder(c, error, error_len) &&
           open_signer(c, &c->batcher, VD_DEV_BATCHER, error, error_len) &&
           open_signer(c, &c->proposer, VD_DEV_PROPOSER, error, error_len) &&
           open_signer(c, &c->challenger, VD_DEV_CHALLENGER, error, error_len) &&
           l1_genesis(c, error, error_len) && open_l1_engine(c, error, error_len) &&
           serve_l1(c, error, error_len) && compute(c, error, error_len);
}

static void
serve_l2(struct command *c)
{
    char error[512] = "";
    if (!open_l2(c, error, sizeof error)) {
        vd_run_fail(&c->run, error);
        return;
    }
    snprintf(c->l2_url, sizeof c->l2_url, "http://%s:%u", c->options.http_host,
             (unsigned)vd_node_port(c->node));
    printf("L1  chain %u  %s\nL2  chain %u  %s\ndata in %s%s\n", VD_DEV_L1_CHAIN, c->l1_url,
           VD_DEV_L2_CHAIN, c->l2_url, c->folder, c->temporary ? " (removed at the end)" : "");
    if (!c->options.drill) {
        print_accounts();
    }
    printf("\n");
    fflush(stdout);
    if (c->options.info && !write_info(c, c->l2_url, error, sizeof error)) {
        vd_run_fail(&c->run, error);
        return;
    }
    char genesis[4096];
    c->genesis_job = (struct vd_job){.run = run_genesis};
    if (!exists(in_folder(c, genesis, "genesis.json")) &&
        vd_pool_submit(c->run.pool, &c->genesis_job) != VD_OK) {
        vd_run_fail(&c->run, "too many jobs");
        return;
    }
    c->served = true;
    if (c->options.drill) {
        uv_stop(&c->run.loop);
        return;
    }
    uv_timer_init(&c->run.loop, &c->timer);
    c->timer.data = c;
    c->timer_open = true;
    uv_timer_start(&c->timer, on_status, STATUS_MS, STATUS_MS);
}

static void
start(struct command *c)
{
    char error[512] = "";
    char rollup[4096];
    if (!open_l1(c, error, sizeof error)) {
        vd_run_fail(&c->run, error);
    } else if (!exists(in_folder(c, rollup, "rollup.json"))) {
        deploy(c);
    } else if (!read_back(c, rollup, error, sizeof error)) {
        vd_run_fail(&c->run, error);
    } else {
        serve_l2(c);
    }
}

/* Runs the drill once both layers are there, then stops. */
static void
drill(struct command *c)
{
    struct vd_drill_config config = {.run = &c->run,
                                     .options = &c->options,
                                     .l1_url = c->l1_url,
                                     .l2_url = c->l2_url,
                                     .addresses = &c->plan.at,
                                     .dishonest_key = vd_dev_accounts[VD_DEV_DISHONEST].key,
                                     .user_key = vd_dev_accounts[VD_DEV_USER].key,
                                     .proposer = vd_dev_accounts[VD_DEV_PROPOSER].address,
                                     .challenger = vd_dev_accounts[VD_DEV_CHALLENGER].address,
                                     .l1_block_s = L1_INTERVAL_MS / 1000};
    while (!c->served && !c->run.stopping) {
        uv_run(&c->run.loop, UV_RUN_DEFAULT);
    }
    if (c->run.stopping || !vd_drill_run(&config)) {
        c->run.status = 1;
    }
    c->run.stopping = true;
    if (!c->deploying) {
        stop_step(c);
    }
}

int
vd_command_dev(int argc, char **argv)
{
    struct command *c = calloc(1, sizeof *c);
    char error[512] = "";
    int status = 2;
    void *memory = vd_reserve(ARENA_BYTES);
    if (!c || !memory) {
        fprintf(stderr, "viaduct: out of memory\n");
        return 1;
    }
    vd_arena_init(&c->arena, memory, ARENA_BYTES);
    if (!vd_options_parse(&c->options, VD_COMMAND_DEV, argc, argv, environ, error, sizeof error)) {
        fprintf(stderr, "viaduct: %s\n", error);
    } else if (c->options.drill && c->options.datadir) {
        fprintf(stderr, "viaduct: the drill founds a chain of its own: give no --datadir\n");
    } else if (c->options.dev_l1 && !c->options.drill) {
        fprintf(stderr, "viaduct: --l1 is for the --drill; dev has an L1 of its own\n");
    } else if (c->options.dev_l1) {
        status = vd_drill_external(&c->options);
    } else if (vd_run_init(&c->run, &c->options, stop)) {
        start(c);
        if (c->options.drill) {
            drill(c);
        }
        status = vd_run_loop(&c->run);
    }
    if (c->temporary) {
        vd_folder_remove(c->folder);
    }
    free(c->rollup_json);
    vd_options_deinit(&c->options);
    vd_release(memory, ARENA_BYTES);
    free(c);
    return status;
}
