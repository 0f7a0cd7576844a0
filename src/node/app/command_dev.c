/* viaduct dev: the embedded L1 and an L2 with every role, in one process.

   Order at a start: folder, L1's genesis and engine, L1's server, founding (or the files of
   before), the L2 node, which meets L1 over its own socket like any other. */
#define _XOPEN_SOURCE 700 /* nftw */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chain_files.h"
#include "commands.h"
#include "dev_rpc.h"
#include "founding.h"
#include "run.h"
#include "serve.h"
#include "viaduct/node/l1/key.h"
#include "viaduct/node/platform/artifacts.h"
#include "viaduct/node/platform/clock.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 32)
#define L1_CHAIN 900u
#define L2_CHAIN 901u
#define L1_GAS_LIMIT 60000000u
#define L2_GAS_LIMIT 400000000u
#define L1_INTERVAL_MS 1000u
#define L1_SAFE_DEPTH 8u
#define L1_FINALIZED_DEPTH 24u /* reorgs of 20 blocks can be tried */
#define STATUS_MS 1000u
/* The batcher's account: the last of the ten. */
#define BATCHER 9u

/* POSIX leaves this declaration to the program. */
extern char **environ;

/* LogSource instances that stand for portal and system config, and the inbox. */
static const struct vd_address portal = {{0x90, 0x00, [19] = 0x01}};
static const struct vd_address system_config = {{0x90, 0x00, [19] = 0x02}};
static const struct vd_address inbox = {{0xff, 0x00, [18] = 0x09, [19] = 0x01}};

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
    struct vd_rollup_config rollup;
    struct vd_genesis l2_genesis;
    char *rollup_json;
    struct vd_key *batcher_key;
    struct vd_node *node;
    char l1_url[64];
    char l2_folder[4096];
    uv_timer_t timer;
    bool timer_open;
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
    } else if (stage == 2 && c->l1_server.rpc) {
        vd_server_close(&c->l1_server, stop_step, c);
    } else if (stage == 3 && c->l1) {
        vd_devchain_close(c->l1, stop_step, c);
    } else if (stage == 4 && c->l1_engine) {
        vd_engine_close(c->l1_engine, stop_step, c);
    } else if (stage < 5) {
        stop_step(c);
    } else {
        vd_run_stopped(&c->run);
    }
}

static void
stop(struct vd_run *run)
{
    stop_step(run);
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
        const char *base = getenv("TMPDIR");
        snprintf(c->folder, sizeof c->folder, "%s/viaduct-dev-XXXXXX", base ? base : P_tmpdir);
        c->temporary = mkdtemp(c->folder) != NULL;
        if (c->temporary) {
            return true;
        }
    }
    snprintf(error, error_len, "cannot make the folder %.300s: %s", c->folder, strerror(errno));
    return false;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
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

struct placed {
    const char *artifact;
    struct vd_address address;
};
static const struct placed l1_contracts[] = {
    {"LogSource", {{0x90, 0x00, [19] = 0x01}}},
    {"LogSource", {{0x90, 0x00, [19] = 0x02}}},
    {"BeaconRoots", {{0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
                      0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02}}},
    {"HistoryStorage", {{0x00, 0x00, 0xf9, 0x08, 0x27, 0xf1, 0xc5, 0x3a, 0x10, 0xcb,
                         0x7a, 0x02, 0x33, 0x5b, 0x17, 0x53, 0x20, 0x00, 0x29, 0x35}}},
    {"WithdrawalRequests", {{0x00, 0x00, 0x09, 0x61, 0xef, 0x48, 0x0e, 0xb5, 0x5e, 0x80,
                             0xd1, 0x9a, 0xd8, 0x35, 0x79, 0xa6, 0x4c, 0x00, 0x70, 0x02}}},
    {"ConsolidationRequests", {{0x00, 0x00, 0xbb, 0xdd, 0xc7, 0xce, 0x48, 0x86, 0x42, 0xfb,
                                0x57, 0x9f, 0x8b, 0x00, 0xf3, 0xa5, 0x90, 0x00, 0x72, 0x51}}},
};
#define L1_CONTRACTS (sizeof l1_contracts / sizeof l1_contracts[0])

/* 10,000 ETH in wei. */
static struct vd_u256
dev_balance(void)
{
    struct vd_u256 ether = vd_u256(1000000000000000000u);
    struct vd_u256 count = vd_u256(10000);
    return vd_u256_mul(&ether, &count);
}

static void
fund(struct vd_genesis_account *accounts)
{
    for (size_t i = 0; i < VD_DEV_ACCOUNTS; i++) {
        accounts[i] = (struct vd_genesis_account){.address = vd_dev_accounts[i].address,
                                                  .balance = dev_balance()};
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
    for (size_t i = 0; i < L1_CONTRACTS; i++) {
        const struct vd_artifact *artifact = vd_artifact_find(l1_contracts[i].artifact);
        VD_ASSERT(artifact != NULL);
        accounts[i] =
            (struct vd_genesis_account){.address = l1_contracts[i].address,
                                        .nonce = 1,
                                        .code = vd_slice(artifact->code, artifact->code_len)};
    }
    fund(accounts + L1_CONTRACTS);
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
        .events = {.ctx = c, .heads = on_l1_heads, .pending = on_l1_pending}};
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
    struct vd_rpc_api_config api = {
        .engine = c->l1_engine, .clock = vd_clock_system(), .client_version = VD_CLIENT_VERSION};
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

static bool
found(struct command *c, char *error, size_t error_len)
{
    char rollup[4096];
    char genesis[4096];
    struct vd_file_read r = {.arena = &c->arena, .error = error, .error_len = error_len};
    in_folder(c, rollup, "rollup.json");
    in_folder(c, genesis, "genesis.json");
    if (exists(rollup)) {
        return vd_rollup_json_read(&r, &c->rollup, rollup) &&
               vd_genesis_json_read(&r, &c->l2_genesis, genesis);
    }
    struct vd_genesis_account *funded =
        VD_ARENA_NEW(&c->arena, struct vd_genesis_account, VD_DEV_ACCOUNTS);
    VD_ASSERT(funded != NULL);
    fund(funded);
    const struct vd_block_ref *start = vd_engine_genesis(c->l1_engine);
    struct vd_founding founding = {.l1_chain_id = L1_CHAIN,
                                   .l2_chain_id = L2_CHAIN,
                                   .block_time_s = 1,
                                   .seq_window_size = 3600,
                                   .gas_limit = L2_GAS_LIMIT,
                                   .base_fee = vd_u256(1000000),
                                   .eip1559 = {.denominator = 250, .elasticity = 6},
                                   .base_fee_scalar = 1368,
                                   .blob_base_fee_scalar = 810949,
                                   .batcher = vd_dev_accounts[BATCHER].address,
                                   .batch_inbox = inbox,
                                   .portal = portal,
                                   .system_config = system_config,
                                   .funded = funded,
                                   .funded_count = VD_DEV_ACCOUNTS};
    struct vd_l1_ref l1 = {.hash = start->hash,
                           .number = start->number,
                           .parent_hash = start->parent_hash,
                           .timestamp = start->timestamp};
    if (!vd_found(&c->l2_genesis, &c->rollup, &c->arena, &founding, &l1, error, error_len)) {
        return false;
    }
    json_t *document = vd_genesis_json_write(&c->l2_genesis, &c->rollup.l2);
    bool stored = vd_file_store(document, genesis, error, error_len);
    json_decref(document);
    document = vd_rollup_json_write(&c->rollup);
    stored = stored && vd_file_store(document, rollup, error, error_len);
    json_decref(document);
    return stored;
}

static bool
open_l2(struct command *c, char *error, size_t error_len)
{
    json_t *document = vd_rollup_json_write(&c->rollup);
    c->rollup_json = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    struct vd_node_config config = {.loop = &c->run.loop,
                                    .pool = c->run.pool,
                                    .logger = &c->run.logger,
                                    .folder = in_folder(c, c->l2_folder, "l2"),
                                    .rollup = &c->rollup,
                                    .genesis = &c->l2_genesis,
                                    .rollup_json = c->rollup_json,
                                    .l1_url = c->l1_url,
                                    .l1_poll_ms = 200,
                                    .sequencer = true,
                                    .batcher_key = c->batcher_key,
                                    .http_port = (uint16_t)c->options.l2_port,
                                    .failed = on_failed,
                                    .ctx = c};
    vd_node_config_from_options(&config, &c->options);
    config.http_cors = dev_cors(c);
    config.batcher_confs = 1;
    if (config.channel_age_ms > 4000) {
        config.channel_age_ms = 4000; /* a developer wants to see safe blocks soon */
    }
    return vd_node_new(&c->node, error, error_len, &config) == VD_OK;
}

/* --- what the user sees --- */

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
        printf("  0x%s  0x%s%s\n", address, key, i == BATCHER ? "  (batcher)" : "");
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
    json_t *contracts = json_pack("{s:o, s:o, s:o}", "OptimismPortalProxy", hex_text(portal.b, 20),
                                  "SystemConfigProxy", hex_text(system_config.b, 20), "BatchInbox",
                                  hex_text(inbox.b, 20));
    json_t *info = json_pack("{s:{s:s, s:i}, s:{s:s, s:i}, s:o, s:o}", "l1", "rpc", c->l1_url,
                             "chainId", (int)L1_CHAIN, "l2", "rpc", l2_url, "chainId",
                             (int)L2_CHAIN, "accounts", accounts, "contracts", contracts);
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
    printf("%sL1 %llu  L2 unsafe %llu safe %llu finalized %llu%s%s%s", terminal ? "\r" : "",
           (unsigned long long)status.l1_head, (unsigned long long)status.unsafe.number,
           (unsigned long long)status.safe.number, (unsigned long long)status.finalized.number,
           status.stopped ? "  STOPPED: " : "", status.stopped ? status.stopped : "",
           terminal ? "   " : "\n");
    fflush(stdout);
}

static bool
open_all(struct command *c, char *error, size_t error_len)
{
    vd_chain_config_l1(&c->l1_chain, L1_CHAIN, 0, 0);
    return make_folder(c, error, error_len) &&
           vd_key_from_bytes(&c->batcher_key, vd_dev_accounts[BATCHER].key) == VD_OK &&
           l1_genesis(c, error, error_len) && open_l1_engine(c, error, error_len) &&
           serve_l1(c, error, error_len) && found(c, error, error_len) &&
           open_l2(c, error, error_len);
}

static void
start(struct command *c)
{
    char error[512] = "";
    if (!open_all(c, error, sizeof error)) {
        vd_run_fail(&c->run, error);
        return;
    }
    char l2_url[64];
    snprintf(l2_url, sizeof l2_url, "http://%s:%u", c->options.http_host,
             (unsigned)vd_node_port(c->node));
    printf("L1  chain %u  %s\nL2  chain %u  %s\ndata in %s%s\n", L1_CHAIN, c->l1_url, L2_CHAIN,
           l2_url, c->folder, c->temporary ? " (removed at the end)" : "");
    print_accounts();
    printf("\n");
    fflush(stdout);
    if (c->options.info && !write_info(c, l2_url, error, sizeof error)) {
        vd_run_fail(&c->run, error);
        return;
    }
    uv_timer_init(&c->run.loop, &c->timer);
    c->timer.data = c;
    c->timer_open = true;
    uv_timer_start(&c->timer, on_status, STATUS_MS, STATUS_MS);
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
    } else if (vd_run_init(&c->run, &c->options, stop)) {
        start(c);
        status = vd_run_loop(&c->run);
    }
    if (c->temporary) {
        nftw(c->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    vd_key_free(c->batcher_key);
    free(c->rollup_json);
    vd_options_deinit(&c->options);
    vd_release(memory, ARENA_BYTES);
    free(c);
    return status;
}
