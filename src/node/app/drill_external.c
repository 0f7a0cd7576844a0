#include "drill_external.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge.h"
#include "chain_files.h"
#include "deploy.h"
#include "dev_founding.h"
#include "drill.h"
#include "folders.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/key.h"
#include "viaduct/node/platform/clock.h"
#include "viaduct/node/platform/memory.h"

#define ARENA_BYTES ((size_t)1 << 32)
#define POLL_MS 200u
#define DEPLOY_LOOK_MS 200u
/* A deployment's bound, in blocks of L1; it takes about twenty. */
#define DEPLOY_BLOCKS 180u
/* Blocks of L1 that say how far one is from the next. */
#define SAMPLE_BLOCKS 8u
/* Each account needs as much: the bonds of a whole dispute are 2.72 ETH. */
#define NEEDED_ETHER 5u

/* Those that send transactions on L1. */
static const size_t payers[] = {VD_DEV_USER,  VD_DEV_DISHONEST, VD_DEV_CHALLENGER,
                                VD_DEV_OWNER, VD_DEV_PROPOSER,  VD_DEV_BATCHER};
#define PAYERS (sizeof payers / sizeof payers[0])

struct external {
    struct bridge b; /* first: the callbacks get it */
    struct vd_run run;
    const struct vd_options *options;
    uint64_t l1_chain_id;
    uint64_t l1_block_s;
    char folder[3800];
    char chain_folder[4096];
    char data_folder[4096];
    struct vd_founding founding;
    struct vd_signer *owner;
    struct vd_signer *batcher;
    struct vd_signer *proposer;
    struct vd_signer *challenger;
    struct vd_deploy *deploy;
    bool deploy_open;
    bool deployed;
    struct vd_rollup_config rollup;
    struct vd_genesis genesis;
    char *rollup_json;
    struct vd_node *node;
    char l2_url[64];
};

/* --- stopping, in order --- */

static void
close_step(void *ctx)
{
    struct external *e = ctx;
    int stage = e->b.stage++;
    if (stage == 0 && e->node) {
        vd_node_close(e->node, close_step, e);
    } else if (stage == 1 && e->deploy_open) {
        vd_deploy_close(e->deploy, close_step, e);
    } else if (stage == 2 && e->b.l1) {
        vd_l1_close(e->b.l1, close_step, e);
    } else if (stage == 3 && e->owner) {
        vd_signer_close(e->owner, close_step, e);
    } else if (stage == 4 && e->batcher) {
        vd_signer_close(e->batcher, close_step, e);
    } else if (stage == 5 && e->proposer) {
        vd_signer_close(e->proposer, close_step, e);
    } else if (stage == 6 && e->challenger) {
        vd_signer_close(e->challenger, close_step, e);
    } else if (stage < 7) {
        close_step(e);
    } else {
        vd_deploy_free(e->deploy);
        vd_run_stopped(&e->run);
    }
}

/* A signal, or a failure of the node, only ends what is waited for. */
static void
stop(struct vd_run *run)
{
    uv_stop(&run->loop);
}

static void
on_failed(void *ctx, const char *text)
{
    struct external *e = ctx;
    vd_run_fail(&e->run, text);
}

/* --- which L1 it is --- */

static bool
check_chain(struct external *e)
{
    struct bridge *b = &e->b;
    if (!bridge_chain_id(b, b->l1, &e->l1_chain_id)) {
        return false;
    }
    e->founding.l1_chain_id = e->l1_chain_id;
    return vd_founding_is_dev(&e->founding) || e->l1_chain_id == e->options->drill_accept ||
           bridge_fail(b,
                       "L1 is chain %llu: if it is one for tests, on which the ten public accounts "
                       "of viaduct dev may be used, give --accept-l1 %llu",
                       (unsigned long long)e->l1_chain_id, (unsigned long long)e->l1_chain_id);
}

static bool
check_balances(struct external *e)
{
    struct bridge *b = &e->b;
    struct vd_u256 ether = vd_u256(1000000000000000000u);
    struct vd_u256 count = vd_u256(NEEDED_ETHER);
    struct vd_u256 needed = vd_u256_mul(&ether, &count);
    for (size_t i = 0; i < PAYERS; i++) {
        struct vd_u256 balance;
        const struct vd_address *account = &vd_dev_accounts[payers[i]].address;
        if (!bridge_balance(b, b->l1, &balance, account, vd_l1_latest())) {
            return false;
        }
        if (vd_u256_lt(&balance, &needed)) {
            return bridge_fail(b, "L1: the account %s has %s and needs %u ether",
                               bridge_hex(account->b, 20).text, bridge_ether(&balance).text,
                               NEEDED_ETHER);
        }
    }
    return true;
}

/* The least distance between two of the newest blocks: an L1 that makes blocks only for
   transactions has had pauses. */
static bool
measure_blocks(struct external *e)
{
    struct bridge *b = &e->b;
    if (!bridge_header(b, b->l1, vd_l1_latest())) {
        return false;
    }
    uint64_t number = b->header.number;
    uint64_t time = b->header.timestamp;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < SAMPLE_BLOCKS && number > 1; i++) {
        if (!bridge_header(b, b->l1, vd_l1_number(--number))) {
            return false;
        }
        uint64_t distance = time - b->header.timestamp;
        least = distance < least ? distance : least;
        time = b->header.timestamp;
    }
    e->l1_block_s = least == UINT64_MAX || least == 0 ? 1 : least;
    return true;
}

/* --- founding --- */

static bool
open_signer(struct external *e, struct vd_signer **out, size_t account)
{
    struct vd_key *key = NULL;
    return (vd_key_from_bytes(&key, vd_dev_accounts[account].key) == VD_OK &&
            vd_signer_local(out, &e->run.loop, e->run.pool, key) == VD_OK) ||
           bridge_fail(&e->b, "out of memory");
}

/* No two drills get the same contracts. */
static struct vd_hash
new_salt(void)
{
    const struct vd_clock *clock = vd_clock_system();
    uint8_t seed[16];
    vd_store_be64(seed, clock->wall_ms(clock->ctx));
    vd_store_be64(seed + 8, (uint64_t)getpid());
    return vd_keccak256(vd_slice(seed, sizeof seed));
}

static void
on_progress(void *ctx, const char *line)
{
    struct external *e = ctx;
    vd_log(&e->run.logger, VD_LOG_DEBUG, "deploy", "%s", line);
}

static void
on_deployed(void *ctx, const char *error)
{
    struct external *e = ctx;
    e->deployed = true;
    snprintf(e->b.error, sizeof e->b.error, "%s", error ? error : "");
}

static bool
await_deployed(struct external *e)
{
    uint64_t bound_ms = DEPLOY_BLOCKS * e->l1_block_s * 1000;
    for (uint64_t waited_ms = 0; !e->deployed; waited_ms += DEPLOY_LOOK_MS) {
        if (waited_ms > bound_ms) {
            return bridge_fail(&e->b, "the contracts are not on L1 after %llu s",
                               (unsigned long long)bound_ms / 1000);
        }
        if (!bridge_sleep(&e->b, DEPLOY_LOOK_MS)) {
            return false;
        }
    }
    return e->b.error[0] == '\0';
}

static bool
deploy(struct external *e)
{
    struct bridge *b = &e->b;
    vd_dev_founding(&e->founding, &b->arena);
    e->founding.l1_chain_id = e->l1_chain_id;
    e->founding.l1_start_number = UINT64_MAX;
    e->founding.block_time_s = e->l1_block_s;
    e->founding.salt = new_salt();
    vd_drill_found(&e->founding, e->l1_block_s);
    snprintf(e->chain_folder, sizeof e->chain_folder, "%s/chain", e->folder);
    struct vd_deploy_config config = {.loop = &e->run.loop,
                                      .pool = e->run.pool,
                                      .l1 = b->l1,
                                      .signer = e->owner,
                                      .arena = &b->arena,
                                      .founding = &e->founding,
                                      .out = e->chain_folder,
                                      .l1_url = e->options->dev_l1,
                                      .max_fee_gwei = e->options->proposer_max_fee_gwei,
                                      .progress = on_progress,
                                      .done = on_deployed,
                                      .ctx = e};
    if (!vd_founding_check(&e->founding, b->error, sizeof b->error) ||
        !vd_file_folder(e->chain_folder, b->error, sizeof b->error)) {
        return false;
    }
    if (vd_deploy_new(&e->deploy, &config) != VD_OK) {
        return bridge_fail(b, "out of memory");
    }
    e->deploy_open = true;
    return await_deployed(e);
}

/* --- the node --- */

static bool
read_chain(struct external *e)
{
    struct bridge *b = &e->b;
    char path[4200];
    struct vd_file_read r = {.arena = &b->arena, .error = b->error, .error_len = sizeof b->error};
    snprintf(path, sizeof path, "%s/rollup.json", e->chain_folder);
    if (!vd_rollup_json_read(&r, &e->rollup, path)) {
        return false;
    }
    snprintf(path, sizeof path, "%s/genesis.json", e->chain_folder);
    if (!vd_genesis_json_read(&r, &e->genesis, path)) {
        return false;
    }
    snprintf(path, sizeof path, "%s/addresses.json", e->chain_folder);
    if (!vd_addresses_read(&r, &b->addresses, path)) {
        return false;
    }
    json_t *document = vd_rollup_json_write(&e->rollup);
    e->rollup_json = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    return e->rollup_json != NULL || bridge_fail(b, "out of memory");
}

static bool
open_node(struct external *e)
{
    snprintf(e->data_folder, sizeof e->data_folder, "%s/l2", e->folder);
    struct vd_node_config config = {.loop = &e->run.loop,
                                    .pool = e->run.pool,
                                    .logger = &e->run.logger,
                                    .folder = e->data_folder,
                                    .rollup = &e->rollup,
                                    .genesis = &e->genesis,
                                    .rollup_json = e->rollup_json,
                                    .l1_url = e->options->dev_l1,
                                    .l1_poll_ms = POLL_MS,
                                    .sequencer = true,
                                    .batcher_signer = e->batcher,
                                    .proposer_signer = e->proposer,
                                    .challenger = true,
                                    .challenger_signer = e->challenger,
                                    .http_port = (uint16_t)e->options->l2_port,
                                    .failed = on_failed,
                                    .ctx = e};
    vd_node_config_from_options(&config, e->options);
    config.channel_age_ms = 1000 * e->l1_block_s;
    config.batcher_confs = 1;
    config.proposer_confs = 1;
    config.challenger_confs = 1;
    config.proposer_unfinalized = true;
    config.proposal_interval_s = e->options->dev_proposal_interval_s * e->l1_block_s;
    if (vd_node_new(&e->node, e->b.error, sizeof e->b.error, &config) != VD_OK) {
        return false;
    }
    snprintf(e->l2_url, sizeof e->l2_url, "http://%s:%u", e->options->http_host,
             (unsigned)vd_node_port(e->node));
    return true;
}

/* --- the command --- */

static bool
open_all(struct external *e)
{
    struct bridge *b = &e->b;
    struct vd_l1_config l1 = {.url = e->options->dev_l1, .poll_interval_ms = POLL_MS};
    enum vd_err err = vd_l1_new(&b->l1, &e->run.loop, e->run.pool, &l1);
    if (err != VD_OK) {
        return bridge_fail(b, "--l1: %s", vd_err_text(err));
    }
    if (!vd_folder_temporary(e->folder, sizeof e->folder)) {
        return bridge_fail(b, "cannot make the folder %.300s: %s", e->folder, strerror(errno));
    }
    return open_signer(e, &e->owner, VD_DEV_OWNER) && open_signer(e, &e->batcher, VD_DEV_BATCHER) &&
           open_signer(e, &e->proposer, VD_DEV_PROPOSER) &&
           open_signer(e, &e->challenger, VD_DEV_CHALLENGER) && check_chain(e) &&
           check_balances(e) && measure_blocks(e);
}

static bool
prepare(struct external *e)
{
    if (!open_all(e)) {
        return false;
    }
    printf("L1  chain %llu  %s, a block every %llu s\nfounding a chain\n",
           (unsigned long long)e->l1_chain_id, e->options->dev_l1,
           (unsigned long long)e->l1_block_s);
    fflush(stdout);
    if (!deploy(e) || !read_chain(e) || !open_node(e)) {
        return false;
    }
    printf("L2  chain %u  %s\ndata in %s (removed at the end)\n\n", VD_DEV_L2_CHAIN, e->l2_url,
           e->folder);
    fflush(stdout);
    return true;
}

static bool
drill(struct external *e)
{
    if (!prepare(e)) {
        fprintf(stderr, "viaduct: drill: %s\n", e->b.error);
        return false;
    }
    struct vd_drill_config config = {.run = &e->run,
                                     .options = e->options,
                                     .l1_url = e->options->dev_l1,
                                     .l2_url = e->l2_url,
                                     .addresses = &e->b.addresses,
                                     .dishonest_key = vd_dev_accounts[VD_DEV_DISHONEST].key,
                                     .user_key = vd_dev_accounts[VD_DEV_USER].key,
                                     .proposer = vd_dev_accounts[VD_DEV_PROPOSER].address,
                                     .challenger = vd_dev_accounts[VD_DEV_CHALLENGER].address,
                                     .l1_block_s = e->l1_block_s};
    return vd_drill_run(&config);
}

int
vd_drill_external(const struct vd_options *options)
{
    struct external *e = calloc(1, sizeof *e);
    void *memory = vd_reserve(ARENA_BYTES);
    int status = 1;
    if (!e || !memory) {
        fprintf(stderr, "viaduct: out of memory\n");
        return 1;
    }
    vd_arena_init(&e->b.arena, memory, ARENA_BYTES);
    e->options = options;
    e->b.options = *options;
    e->b.host = &e->run;
    if (vd_run_init(&e->run, options, stop)) {
        bool passed = drill(e);
        e->run.stopping = true; /* a signal from now on changes nothing */
        close_step(e);
        vd_run_loop(&e->run);
        status = passed && e->run.status == 0 ? 0 : 1;
    }
    if (e->folder[0] != '\0') {
        vd_folder_remove(e->folder);
    }
    json_decref(e->b.json);
    free(e->rollup_json);
    vd_release(memory, ARENA_BYTES);
    free(e);
    return status;
}
