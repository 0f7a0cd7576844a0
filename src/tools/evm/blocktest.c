/* viaduct-evm blocktest: imports the blocks of blockchain tests and compares head and state. */
#include <stdio.h>
#include <string.h>

#include "tools/evm/suite.h"
#include "tools/evm/tools.h"
#include "viaduct/core/chain/exec.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"

/* Most blocks in one test. */
#define MAX_BLOCKS 4096

struct imported {
    struct vd_header header;
    struct vd_hash hash;
};

struct run {
    struct suite suite;
    const char *network;
    struct vd_chain_config config;
    struct imported *chain; /* in the test's region; chain[0] is genesis */
    size_t count;
    const struct imported *tip; /* of the block that is being imported */
    bool ended;                 /* the test has its result */
};

static const struct {
    const char *network;
    uint64_t prague_time;
} NETWORKS[] = {
    {"Cancun", VD_NEVER},
    {"Prague", 0},
    {"CancunToPragueAtTime15k", 15000},
};

static bool
config_of(struct vd_chain_config *config, const char *network)
{
    for (size_t i = 0; i < sizeof NETWORKS / sizeof NETWORKS[0]; i++) {
        if (strcmp(network, NETWORKS[i].network) == 0) {
            vd_chain_config_l1(config, 1, 0, NETWORKS[i].prague_time);
            return true;
        }
    }
    return false;
}

static void
fail(struct run *run, size_t index, const char *reason)
{
    suite_fail(&run->suite, run->network, index, reason);
    run->ended = true;
}

static const struct imported *
find(const struct run *run, const struct vd_hash *hash)
{
    for (size_t i = run->count; i > 0; i--) {
        if (vd_hash_eq(&run->chain[i - 1].hash, hash))
            return &run->chain[i - 1];
    }
    return NULL;
}

/* BLOCKHASH along the ancestors of the block that is being imported. */
static enum vd_err
block_hash(void *ctx, struct vd_hash *out, uint64_t n)
{
    const struct run *run = ctx;
    const struct imported *at = run->tip;
    while (at != NULL && at->header.number > n)
        at = find(run, &at->header.parent_hash);
    if (at != NULL && at->header.number == n)
        *out = at->hash;
    return VD_OK;
}

/* Keeps a valid block; its extra data has to outlive the block's region. */
static enum vd_err
keep(struct run *run, const struct vd_header *header, const struct vd_hash *hash)
{
    if (run->count == MAX_BLOCKS)
        return VD_ERR_TOO_LARGE;
    uint8_t *extra = vd_arena_copy(&run->suite.test.arena, header->extra_data);
    if (extra == NULL)
        return VD_ERR_NO_MEMORY;
    struct imported *block = &run->chain[run->count++];
    block->header = *header;
    block->header.extra_data.ptr = extra;
    block->hash = *hash;
    return VD_OK;
}

static enum vd_err
verify(struct run *run, struct vd_block_outcome *outcome, const struct vd_block *block)
{
    struct vd_state_source source;
    struct vd_trie_walker walker;
    struct vd_trie_sink sink;
    struct vd_state_visitor visitor;
    struct vd_exec_result result;
    run->tip = find(run, &block->header.parent_hash);
    if (run->tip == NULL) {
        *outcome = (struct vd_block_outcome){VD_BLOCK_INVALID, .reason = "unknown parent"};
        return VD_OK;
    }
    memdb_source(&run->suite.db, &source, &walker, &run->suite.test.arena,
                 &run->tip->header.state_root);
    memdb_keepers(&run->suite.db, &sink, &visitor);
    struct vd_exec_inputs inputs = {
        .config = &run->config,
        .parent = &run->tip->header,
        .parent_hash = run->tip->hash,
        .source = &source,
        .curves = vd_curves_host(),
        .hash_ctx = run,
        .block_hash = block_hash,
    };
    enum vd_err err =
        vd_block_verify(outcome, &result, &run->suite.block.arena, block, &inputs, &visitor, &sink);
    if (err == VD_OK && outcome->verdict == VD_BLOCK_VALID)
        err = keep(run, &result.header, &result.hash);
    return err;
}

/* Whether a refusal is of the kind that the test names: over a transaction or over the block. */
static bool
fits(const char *exception, const struct vd_block_outcome *outcome)
{
    bool of_tx = outcome->tx_verdict != VD_TX_INCLUDED;
    bool want_tx = strstr(exception, "TransactionException.") != NULL;
    bool want_block = strstr(exception, "BlockException.") != NULL;
    return of_tx ? want_tx : want_block;
}

static void
judge(struct run *run, size_t index, const json_t *entry, const struct vd_block_outcome *outcome)
{
    const char *exception = json_string_value(json_object_get(entry, "expectException"));
    switch (outcome->verdict) {
    case VD_BLOCK_VALID:
        if (exception != NULL)
            fail(run, index, "should have been refused");
        return;
    case VD_BLOCK_INVALID:
        if (exception == NULL || !fits(exception, outcome))
            fail(run, index, outcome->reason);
        return;
    case VD_BLOCK_UNSUPPORTED:
        suite_unsupported(&run->suite, run->network, index, &outcome->unsupported);
        run->ended = true;
        return;
    }
}

static void
run_block(struct run *run, size_t index, const json_t *entry)
{
    struct vd_slice rlp;
    struct vd_block block;
    struct vd_block_outcome outcome = {VD_BLOCK_INVALID, .reason = "malformed block"};
    enum vd_err err = VD_ERR_INVALID;
    if (json_bytes(&rlp, &run->suite.block.arena, json_object_get(entry, "rlp")))
        err = vd_block_decode(&block, &run->suite.block.arena, rlp);
    if (err == VD_OK)
        err = verify(run, &outcome, &block);
    else if (err == VD_ERR_INVALID || err == VD_ERR_UNSUPPORTED)
        err = VD_OK; /* malformed, or fields that none of these forks has */
    if (err == VD_OK)
        judge(run, index, entry, &outcome);
    else
        fail(run, index, vd_err_text(err));
    region_reset(&run->suite.block);
}

static enum vd_err
load_genesis(struct run *run, const json_t *body)
{
    struct vd_slice rlp;
    struct vd_block block;
    struct vd_hash root;
    run->chain = VD_ARENA_NEW(&run->suite.test.arena, struct imported, MAX_BLOCKS);
    if (run->chain == NULL)
        return VD_ERR_NO_MEMORY;
    if (!json_bytes(&rlp, &run->suite.test.arena, json_object_get(body, "genesisRLP")))
        return VD_ERR_INVALID;
    enum vd_err err = vd_block_decode(&block, &run->suite.test.arena, rlp);
    if (err == VD_OK)
        err =
            memdb_load(&run->suite.db, &root, &run->suite.test.arena, json_object_get(body, "pre"));
    if (err == VD_OK && !vd_hash_eq(&root, &block.header.state_root))
        err = VD_ERR_MISMATCH;
    return err == VD_OK ? keep(run, &block.header, &block.hash) : err;
}

/* Head and state at the end. */
static void
compare(struct run *run, const json_t *body)
{
    struct vd_hash want;
    struct vd_hash root;
    const struct imported *head = &run->chain[run->count - 1];
    const json_t *state = json_object_get(body, "postState");
    const json_t *state_hash = json_object_get(body, "postStateHash");
    if (!json_fixed(want.b, 32, json_object_get(body, "lastblockhash")) ||
        !vd_hash_eq(&want, &head->hash)) {
        fail(run, run->count, "wrong head");
        return;
    }
    bool ok = state != NULL
                  ? memdb_load(&run->suite.db, &root, &run->suite.test.arena, state) == VD_OK
                  : json_fixed(root.b, 32, state_hash);
    if (!ok || !vd_hash_eq(&root, &head->header.state_root))
        fail(run, run->count, "wrong state at the end");
    else
        run->suite.passed++;
}

static void
run_test(void *ctx, const json_t *body)
{
    struct run *run = ctx;
    const json_t *blocks = json_object_get(body, "blocks");
    run->network = json_string_value(json_object_get(body, "network"));
    run->count = 0;
    run->ended = false;
    if (run->network == NULL) {
        run->network = "-";
        fail(run, 0, "no network");
        return;
    }
    if (run->suite.only_fork != NULL && strcmp(run->suite.only_fork, run->network) != 0)
        return;
    if (!config_of(&run->config, run->network)) {
        run->suite.unsupported++;
        return;
    }
    enum vd_err err = VD_ERR_INVALID;
    if (json_chain_config(&run->config, body))
        err = load_genesis(run, body);
    if (err != VD_OK)
        fail(run, 0, vd_err_text(err));
    for (size_t i = 0; !run->ended && i < json_array_size(blocks); i++)
        run_block(run, i, json_array_get(blocks, i));
    if (!run->ended)
        compare(run, body);
}

int
tool_blocktest(int argc, char **argv)
{
    struct run run = {0};
    return suite_run(&run.suite, argc, argv, run_test, &run);
}
