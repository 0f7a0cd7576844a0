/* viaduct-evm statetest: runs state tests (one transaction over a state spelled out) and compares
   state root and logs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/evm/suite.h"
#include "tools/evm/tools.h"
#include "viaduct/core/chain/exec.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/curves.h"

struct run {
    struct suite suite;
    const json_t *body;
    struct vd_hash pre_root;
    struct vd_header header; /* the environment */
};

/* One entry of "post". */
struct test_case {
    const char *fork;
    size_t index;
    const json_t *entry;
    struct vd_chain_config config;
    bool must_fail;
};

/* BLOCKHASH in state tests: keccak256 of the number in decimal. */
static struct vd_hash
number_hash(uint64_t n)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRIu64, n);
    return vd_keccak256(vd_slice((const uint8_t *)text, (size_t)len));
}

static enum vd_err
block_hash(void *ctx, struct vd_hash *out, uint64_t n)
{
    (void)ctx;
    *out = number_hash(n);
    return VD_OK;
}

static bool
read_env(struct vd_header *h, const json_t *env)
{
    *h = (struct vd_header){0};
    bool ok = json_u64(&h->number, json_object_get(env, "currentNumber")) &&
              json_u64(&h->gas_limit, json_object_get(env, "currentGasLimit")) &&
              json_u64(&h->timestamp, json_object_get(env, "currentTimestamp")) &&
              json_u64(&h->excess_blob_gas, json_object_get(env, "currentExcessBlobGas")) &&
              json_u256(&h->base_fee, json_object_get(env, "currentBaseFee")) &&
              json_fixed(h->beneficiary.b, 20, json_object_get(env, "currentCoinbase")) &&
              json_fixed(h->mix_hash.b, 32, json_object_get(env, "currentRandom"));
    h->parent_hash = number_hash(h->number - 1);
    return ok;
}

static void
fail(struct run *run, const struct test_case *c, const char *reason)
{
    suite_fail(&run->suite, c->fork, c->index, reason);
}

static enum vd_err
logs_hash(struct vd_hash *hash, struct vd_arena *arena, const struct vd_receipt *receipt)
{
    struct vd_buf buf;
    vd_buf_init(&buf, arena);
    vd_logs_encode(&buf, receipt->logs, receipt->log_count);
    *hash = vd_keccak256(vd_buf_view(&buf));
    return buf.err;
}

static enum vd_err
compare(struct run *run, struct vd_exec *exec, const struct test_case *c,
        const struct vd_tx_outcome *outcome)
{
    struct vd_hash root;
    struct vd_hash logs;
    struct vd_hash want_root;
    struct vd_hash want_logs;
    bool refused = outcome->verdict != VD_TX_INCLUDED;
    enum vd_err err = vd_state_root(vd_exec_state(exec), &root, NULL, NULL);
    if (err == VD_OK)
        err = logs_hash(&logs, &run->suite.block.arena, &outcome->receipt);
    if (err != VD_OK)
        return err;
    if (!json_fixed(want_root.b, 32, json_object_get(c->entry, "hash")) ||
        !json_fixed(want_logs.b, 32, json_object_get(c->entry, "logs")))
        fail(run, c, "malformed expectation");
    else if (refused != c->must_fail)
        fail(run, c, refused ? vd_tx_verdict_text(outcome->verdict) : "should have been refused");
    else if (!vd_hash_eq(&root, &want_root))
        fail(run, c, "wrong state root");
    else if (!refused && !vd_hash_eq(&logs, &want_logs))
        fail(run, c, "wrong logs");
    else
        run->suite.passed++;
    return VD_OK;
}

/* Bytes that are no transaction, or that nobody signed, are refused like any other. */
static enum vd_err
execute(struct run *run, struct vd_exec *exec, struct vd_tx_outcome *outcome,
        const struct test_case *c)
{
    struct vd_tx *tx = VD_ARENA_NEW(&run->suite.block.arena, struct vd_tx, 1);
    struct vd_slice raw;
    struct vd_address sender;
    bool valid;
    *outcome = (struct vd_tx_outcome){.verdict = VD_TX_BAD_SIGNATURE};
    if (!json_bytes(&raw, &run->suite.block.arena, json_object_get(c->entry, "txbytes")))
        return VD_ERR_INVALID;
    enum vd_err err = vd_tx_decode(tx, NULL, &run->suite.block.arena, raw);
    if (err == VD_ERR_INVALID || err == VD_ERR_UNSUPPORTED)
        return VD_OK;
    if (err == VD_OK)
        err = vd_tx_sender(&sender, &valid, tx, vd_curves_host(), &run->suite.block.arena);
    if (err != VD_OK || !valid)
        return err;
    return vd_exec_tx(exec, outcome, tx, &sender);
}

static enum vd_err
run_entry(struct run *run, const struct test_case *c, const struct vd_rules *rules)
{
    struct vd_state_source source;
    struct vd_trie_walker walker;
    struct vd_exec *exec;
    struct vd_tx_outcome outcome;
    struct vd_arena *arena = &run->suite.block.arena;
    memdb_source(&run->suite.db, &source, &walker, &run->suite.test.arena, &run->pre_root);
    struct vd_exec_inputs inputs = {
        .config = &c->config,
        .rules = rules,
        .source = &source,
        .curves = vd_curves_host(),
        .block_hash = block_hash,
    };
    struct vd_header header = run->header;
    header.state_root = run->pre_root;
    enum vd_err err = vd_exec_at(&exec, arena, &inputs, &header);
    if (err == VD_OK)
        err = execute(run, exec, &outcome, c);
    if (err != VD_OK)
        return err;
    if (outcome.verdict == VD_TX_UNSUPPORTED) {
        suite_unsupported(&run->suite, c->fork, c->index, &outcome.unsupported);
        return VD_OK;
    }
    return compare(run, exec, c, &outcome);
}

static void
run_fork(struct run *run, const char *fork, const json_t *entries)
{
    const struct vd_rules *rules = vd_rules_find(fork);
    if (run->suite.only_fork != NULL && strcmp(run->suite.only_fork, fork) != 0)
        return;
    if (rules == NULL) {
        run->suite.unsupported += json_array_size(entries);
        return;
    }
    struct test_case c = {.fork = fork};
    bool is_prague = strcmp(fork, "Prague") == 0;
    vd_chain_config_l1(&c.config, 1, 0, is_prague ? 0 : VD_NEVER);
    bool config_ok = json_chain_config(&c.config, run->body);
    for (c.index = 0; c.index < json_array_size(entries); c.index++) {
        c.entry = json_array_get(entries, c.index);
        c.must_fail = json_object_get(c.entry, "expectException") != NULL;
        enum vd_err err = config_ok ? run_entry(run, &c, rules) : VD_ERR_INVALID;
        if (err != VD_OK)
            fail(run, &c, vd_err_text(err));
        region_reset(&run->suite.block);
    }
}

static void
run_test(void *ctx, const json_t *body)
{
    struct run *run = ctx;
    const char *fork;
    json_t *entries;
    run->body = body;
    enum vd_err err = memdb_load(&run->suite.db, &run->pre_root, &run->suite.test.arena,
                                 json_object_get(body, "pre"));
    if (err == VD_OK && !read_env(&run->header, json_object_get(body, "env")))
        err = VD_ERR_INVALID;
    if (err != VD_OK) {
        suite_fail(&run->suite, "-", 0, vd_err_text(err));
        return;
    }
    json_object_foreach(json_object_get(body, "post"), fork, entries)
    {
        run_fork(run, fork, entries);
    }
}

int
tool_statetest(int argc, char **argv)
{
    struct run run = {0};
    return suite_run(&run.suite, argc, argv, run_test, &run);
}
