/* The engine over a real folder: transactions in, blocks out, and back. */
#include "harness.h"
#include "viaduct/node/platform/memory.h"

static struct bench_engine bench;

static int
set_up(void **state)
{
    (void)state;
    bench_prepare(&bench, false);
    bench_config(&bench, false);
    bench_open(&bench);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    bench_close(&bench);
    bench_remove(&bench);
    return 0;
}

/* --- many transactions against a model --- */

struct model {
    struct vd_u256 balance[ACCOUNTS];
    uint64_t nonce[ACCOUNTS];
    uint64_t calls[ACCOUNTS];
};

static void
model_init(struct model *m)
{
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        m->balance[i] = bench.accounts[i].balance;
        m->nonce[i] = 0;
        m->calls[i] = 0;
    }
}

struct many {
    unsigned left;
    struct made_tx last;
};

static void
on_many(void *ctx, const struct vd_submit_result *result)
{
    struct many *m = ctx;
    if (result->status != VD_SUBMIT_ACCEPTED) {
        fail_msg("%s", result->text);
    }
    m->left--;
}

/* Sends count random transfers and calls, 100 under way at a time, and tells the model all but the
   fees, which are taken from the receipts afterwards. */
static void
send_many(struct vd_random *r, struct model *m, unsigned count)
{
    struct many many = {0};
    for (unsigned i = 0; i < count; i++) {
        unsigned from = (unsigned)vd_random_below(r, ACCOUNTS);
        unsigned to = (unsigned)vd_random_below(r, ACCOUNTS);
        struct made_tx made;
        struct vd_tx tx = plain_tx(&bench, m->nonce[from]++, &bench.address[to], i + 1);
        if (vd_random_below(r, 4) == 0) {
            tx.to = counter_address;
            tx.value = vd_u256(0);
            tx.gas_limit = 100000;
            m->calls[from]++;
        } else {
            m->balance[from] = vd_u256_sub(&m->balance[from], &tx.value);
            m->balance[to] = vd_u256_add(&m->balance[to], &tx.value);
        }
        sign_tx(&made, &tx, from);
        many.left++;
        vd_engine_submit(bench.engine, vd_slice(made.bytes, made.len), on_many, &many);
        while (many.left > 100) {
            uv_run(&bench.loop, UV_RUN_ONCE);
        }
    }
    while (many.left > 0) {
        uv_run(&bench.loop, UV_RUN_ONCE);
    }
}

static unsigned
account_index(const struct vd_address *address)
{
    unsigned i = 0;
    while (!vd_address_eq(&bench.address[i], address)) {
        i++;
    }
    return i;
}

/* Takes what the senders of a block paid out of the model. */
static void
pay_fees(struct model *m, const struct vd_tx_record *txs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned from = account_index(&txs[i].sender);
        struct vd_u256 gas = vd_u256(txs[i].receipt.gas_used);
        struct vd_u256 fee = vd_u256_mul(&gas, &txs[i].effective_gas_price);
        assert_true(txs[i].receipt.success);
        m->balance[from] = vd_u256_sub(&m->balance[from], &fee);
    }
}

static void
check_state(const struct model *m, uint64_t number)
{
    struct vd_view *view = view_of(&bench);
    struct vd_state_source source;
    struct vd_hash counter = vd_keccak256(vd_slice(counter_address.b, 20));
    struct vd_account contract;
    assert_int_equal(vd_view_state(view, &source, NULL, number), VD_OK);
    assert_int_equal(source.account(source.ctx, &contract, &counter_address, &counter), VD_OK);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        struct vd_account account;
        struct vd_u256 calls;
        uint8_t key[32] = {0};
        struct vd_hash hash = vd_keccak256(vd_slice(bench.address[i].b, 20));
        memcpy(key + 12, bench.address[i].b, 20);
        struct vd_hash slot = vd_keccak256(vd_slice(key, 32));
        assert_int_equal(source.account(source.ctx, &account, &bench.address[i], &hash), VD_OK);
        assert_memory_equal(&account.balance, &m->balance[i], sizeof account.balance);
        assert_int_equal(account.nonce, m->nonce[i]);
        assert_int_equal(source.slot(source.ctx, &calls, &counter, &contract.storage_root, &slot),
                         VD_OK);
        assert_int_equal(calls.w[0], m->calls[i]);
    }
    vd_view_close(view);
}

static void
test_random_transactions_give_the_model_s_state(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("random transactions");
    struct model m;
    model_init(&m);
    struct chain_tip tip = tip_of_heads(&bench);
    for (unsigned block = 1; block <= 8; block++) {
        assert_int_equal(open_on(&bench, &tip).err, VD_OK);
        send_many(&r, &m, 300);
        struct vd_view *view = view_of(&bench);
        const struct vd_pending *pending = vd_view_pending(view);
        assert_non_null(pending);
        assert_int_equal(pending->tx_count, 300);
        pay_fees(&m, pending->txs, pending->tx_count);
        check_state(&m, VD_VIEW_PENDING);
        struct block_answer a = seal_block(&bench);
        assert_int_equal(a.err, VD_OK);
        assert_int_equal(a.info.tx_count, 300);
        struct vd_view *after = view_of(&bench);
        const struct vd_tx_record *txs = NULL;
        size_t count = 0;
        assert_int_equal(vd_view_txs(after, &txs, &count, block), VD_OK);
        assert_int_equal(count, 300);
        for (size_t i = 0; i < count; i++) {
            /* What was shown before the seal stays true. */
            const struct vd_tx_record *was = &pending->txs[i];
            uint64_t number = 0;
            size_t index = 0;
            assert_memory_equal(&txs[i].hash, &was->hash, 32);
            assert_memory_equal(&txs[i].sender, &was->sender, 20);
            assert_int_equal(txs[i].receipt.gas_used, was->receipt.gas_used);
            assert_int_equal(txs[i].receipt.cumulative_gas_used, was->receipt.cumulative_gas_used);
            assert_memory_equal(txs[i].receipt.bloom, was->receipt.bloom, 256);
            assert_memory_equal(&txs[i].effective_gas_price, &was->effective_gas_price, 32);
            assert_int_equal(txs[i].first_log_index, was->first_log_index);
            assert_int_equal(vd_view_find_tx(after, &number, &index, &txs[i].hash), VD_OK);
            assert_int_equal(number, block);
            assert_int_equal(index, i);
        }
        vd_view_close(after);
        vd_view_close(view);
        tip = tip_of_answer(&a);
        check_state(&m, block);
    }
    assert_int_equal(bench.pending_events, 2400);
    assert_int_equal(vd_engine_heads(bench.engine)->unsafe.number, 8);
}

/* --- restart --- */

static void
test_restart_rebuilds_the_same_open_block(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("restart");
    struct model m;
    model_init(&m);
    struct chain_tip tip = tip_of_heads(&bench);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    send_many(&r, &m, 200);
    struct block_answer a = seal_block(&bench);
    tip = tip_of_answer(&a);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    send_many(&r, &m, 150);
    /* One with a gap waits over the restart too. */
    struct made_tx gap;
    struct vd_tx tx = plain_tx(&bench, m.nonce[0] + 1, &bench.address[1], 1);
    sign_tx(&gap, &tx, 0);
    struct submit_answer answer = submit_tx(&bench, &gap);
    assert_int_equal(answer.status, VD_SUBMIT_ACCEPTED);
    assert_false(answer.in_block);

    struct vd_view *view = view_of(&bench);
    size_t count = vd_view_pending(view)->tx_count;
    struct vd_hash *hashes = calloc(count, sizeof *hashes);
    uint64_t *gas = calloc(count, sizeof *gas);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = vd_view_pending(view)->txs[i].hash;
        gas[i] = vd_view_pending(view)->txs[i].receipt.cumulative_gas_used;
    }
    vd_view_close(view);
    bench_close(&bench);
    bench_open(&bench);

    view = view_of(&bench);
    const struct vd_pending *pending = vd_view_pending(view);
    assert_non_null(pending);
    assert_int_equal(pending->tx_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(&pending->txs[i].hash, &hashes[i], 32);
        assert_int_equal(pending->txs[i].receipt.cumulative_gas_used, gas[i]);
    }
    struct vd_slice raw;
    struct vd_address sender;
    assert_int_equal(vd_view_find_waiting(view, &raw, &sender, &gap.hash), VD_OK);
    vd_view_close(view);
    /* A sequencer that opens a block on the same parent gets this one. */
    a = open_on(&bench, &tip);
    assert_int_equal(a.err, VD_OK);
    assert_true(a.info.adopted);
    a = seal_block(&bench);
    assert_int_equal(a.err, VD_OK);
    assert_int_equal(a.info.tx_count, count);
    free(hashes);
    free(gas);
}

/* --- going back --- */

static void
test_unwound_transactions_come_back_in_order(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("unwind");
    struct model m;
    model_init(&m);
    struct chain_tip tip = tip_of_heads(&bench);
    struct vd_block_id genesis = {.hash = tip.hash, .number = tip.number};
    struct chain_tip first = tip;
    struct vd_hash hashes[300];
    for (unsigned block = 0; block < 3; block++) {
        assert_int_equal(open_on(&bench, &tip).err, VD_OK);
        send_many(&r, &m, 100);
        if (block < 2) {
            struct block_answer a = seal_block(&bench);
            tip = tip_of_answer(&a);
        }
        struct vd_view *view = view_of(&bench);
        const struct vd_tx_record *txs = NULL;
        size_t count = 0;
        if (block < 2) {
            assert_int_equal(vd_view_txs(view, &txs, &count, block + 1), VD_OK);
        } else {
            txs = vd_view_pending(view)->txs;
            count = vd_view_pending(view)->tx_count;
        }
        assert_int_equal(count, 100);
        for (size_t i = 0; i < count; i++) {
            hashes[block * 100 + i] = txs[i].hash;
        }
        vd_view_close(view);
    }
    vd_engine_set_heads(bench.engine, &genesis, &genesis, &genesis, UINT64_MAX, NULL, NULL);
    struct block_answer a = open_on(&bench, &first);
    assert_int_equal(a.err, VD_OK);
    assert_int_equal(a.info.tx_count, 300);
    struct vd_view *view = view_of(&bench);
    const struct vd_pending *pending = vd_view_pending(view);
    assert_int_equal(pending->tx_count, 300);
    for (size_t i = 0; i < 300; i++) {
        assert_memory_equal(&pending->txs[i].hash, &hashes[i], 32);
    }
    assert_int_equal(vd_view_heads(view)->unsafe.number, 0);
    vd_view_close(view);
    assert_int_equal(bench.reorgs, 1);
    a = seal_block(&bench);
    assert_int_equal(a.err, VD_OK);
    assert_int_equal(a.info.ref.number, 1);
}

static void
on_heads_set(void *ctx, enum vd_err err)
{
    assert_int_equal(err, VD_OK);
    set_true(ctx);
}

static void
set_heads_and_check(const struct vd_block_id *unsafe, const struct vd_block_id *safe,
                    const struct vd_block_id *finalized, const uint64_t *numbers)
{
    bool done = false;
    vd_engine_set_heads(bench.engine, unsafe, safe, finalized, UINT64_MAX, on_heads_set, &done);
    while (!done) {
        uv_run(&bench.loop, UV_RUN_ONCE);
    }
    const struct vd_heads *heads = vd_engine_heads(bench.engine);
    assert_int_equal(heads->unsafe.number, numbers[0]);
    assert_int_equal(heads->safe.number, numbers[1]);
    assert_int_equal(heads->finalized.number, numbers[2]);
}

/* Whoever moves the safe or finalized head may not know of the newest block yet. */
static void
test_a_head_left_out_stays(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    struct vd_block_id ids[4];
    struct block_answer last = {0};
    for (unsigned block = 1; block <= 3; block++) {
        assert_int_equal(open_on(&bench, &tip).err, VD_OK);
        if (block == 3) {
            vd_engine_seal(bench.engine, on_block, &last);
            break; /* the heads are set while it is being sealed */
        }
        struct block_answer a = seal_block(&bench);
        tip = tip_of_answer(&a);
        ids[block] = (struct vd_block_id){tip.hash, tip.number};
    }
    set_heads_and_check(NULL, &ids[1], &ids[1], (uint64_t[]){3, 1, 1});
    assert_true(last.done);
    set_heads_and_check(NULL, &ids[2], NULL, (uint64_t[]){3, 2, 1});
    set_heads_and_check(NULL, NULL, &ids[2], (uint64_t[]){3, 2, 2});
    set_heads_and_check(NULL, NULL, NULL, (uint64_t[]){3, 2, 2});
    set_heads_and_check(&ids[2], NULL, NULL, (uint64_t[]){2, 2, 2});
    bench_close(&bench);
    bench_open(&bench);
    set_heads_and_check(NULL, NULL, NULL, (uint64_t[]){2, 2, 2});
}

static void
test_a_dropped_block_runs_again_on_other_attributes(void **state)
{
    (void)state;
    struct vd_random r = vd_random_start("drop");
    struct model m;
    model_init(&m);
    struct chain_tip tip = tip_of_heads(&bench);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    send_many(&r, &m, 50);
    tip.timestamp += 5; /* another block */
    struct block_answer a = open_on(&bench, &tip);
    assert_int_equal(a.err, VD_OK);
    assert_int_equal(a.info.tx_count, 50);
    assert_int_equal(a.info.ref.timestamp, tip.timestamp + 1);
    struct block_answer dropped = {0};
    vd_engine_drop_block(bench.engine, on_block, &dropped);
    wait_block(&bench, &dropped);
    struct vd_view *view = view_of(&bench);
    assert_null(vd_view_pending(view));
    vd_view_close(view);
    a = open_on(&bench, &tip);
    assert_int_equal(a.info.tx_count, 50);
}

/* --- the mempool --- */

static struct submit_answer
send_plain(unsigned from, uint64_t nonce, uint64_t tip_gwei, uint64_t fee_gwei)
{
    struct made_tx made;
    struct vd_tx tx = plain_tx(&bench, nonce, &bench.address[(from + 1) % ACCOUNTS], 1);
    tx.max_priority_fee = vd_u256(tip_gwei * GWEI);
    tx.max_fee = vd_u256(fee_gwei * GWEI);
    sign_tx(&made, &tx, from);
    return submit_tx(&bench, &made);
}

static void
test_gaps_wait_and_are_filled(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    for (uint64_t nonce = 5; nonce >= 1; nonce--) {
        struct submit_answer a = send_plain(0, nonce, 1, 100);
        assert_int_equal(a.status, VD_SUBMIT_ACCEPTED);
        assert_false(a.in_block);
    }
    struct vd_view *view = view_of(&bench);
    uint64_t next = 99;
    assert_int_equal(vd_view_next_nonce(view, &next, &bench.address[0]), VD_OK);
    assert_int_equal(next, 0);
    vd_view_close(view);
    struct submit_answer a = send_plain(0, 0, 1, 100);
    assert_true(a.in_block);
    view = view_of(&bench);
    assert_int_equal(vd_view_pending(view)->tx_count, 6);
    assert_int_equal(vd_view_next_nonce(view, &next, &bench.address[0]), VD_OK);
    assert_int_equal(next, 6);
    vd_view_close(view);
}

static void
test_waiting_ones_enter_by_tip_then_arrival(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    static const uint64_t tips[] = {3, 9, 1, 9, 5};
    struct vd_hash hashes[5];
    for (unsigned i = 0; i < 5; i++) {
        struct submit_answer a = send_plain(i, 0, tips[i], 100);
        assert_int_equal(a.status, VD_SUBMIT_ACCEPTED);
        hashes[i] = a.hash;
        uv_sleep(2); /* another millisecond of arrival */
    }
    assert_int_equal(open_on(&bench, &tip).info.tx_count, 5);
    static const unsigned order[] = {1, 3, 4, 0, 2};
    struct vd_view *view = view_of(&bench);
    for (unsigned i = 0; i < 5; i++) {
        assert_memory_equal(&vd_view_pending(view)->txs[i].hash, &hashes[order[i]], 32);
    }
    vd_view_close(view);
}

static void
test_refusals_speak_as_geth(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    struct submit_answer a = send_plain(0, 0, 1, 100);
    assert_true(a.in_block);
    struct vd_hash first = a.hash;
    a = send_plain(0, 0, 1, 100);
    assert_string_equal(a.text, "already known");
    assert_memory_equal(&a.hash, &first, 32);
    a = send_plain(0, 0, 2, 100);
    assert_string_equal(a.text, "nonce too low: next nonce 1, tx nonce 0");
    a = send_plain(0, 7, 10, 100);
    assert_int_equal(a.status, VD_SUBMIT_ACCEPTED);
    a = send_plain(0, 7, 10, 109);
    assert_string_equal(a.text, "replacement transaction underpriced");
    a = send_plain(0, 7, 11, 110);
    assert_int_equal(a.status, VD_SUBMIT_ACCEPTED);
    a = send_plain(0, 1, 200, 100);
    assert_string_equal(a.text, "max priority fee per gas higher than max fee per gas");

    struct made_tx made;
    struct vd_tx tx = plain_tx(&bench, 1, &bench.address[1], 1);
    tx.gas_limit = 20999;
    sign_tx(&made, &tx, 0);
    a = submit_tx(&bench, &made);
    assert_string_equal(a.text, "intrinsic gas too low: gas 20999, minimum needed 21000");
    tx.gas_limit = 60000001;
    sign_tx(&made, &tx, 0);
    a = submit_tx(&bench, &made);
    assert_string_equal(a.text, "exceeds block gas limit");
    tx.gas_limit = 21000;
    tx.value = vd_u256_shl(&tx.value, 90);
    sign_tx(&made, &tx, 0);
    a = submit_tx(&bench, &made);
    assert_int_equal(a.status, VD_SUBMIT_FUNDS);
    assert_non_null(strstr(a.text, "insufficient funds for gas * price + value: balance 99999"));
    assert_non_null(strstr(a.text, ", tx cost 1237940039287480274899124224, overshot "));
    tx = plain_tx(&bench, 1, &bench.address[1], 1);
    tx.chain_id = 1;
    sign_tx(&made, &tx, 0);
    a = submit_tx(&bench, &made);
    assert_string_equal(a.text, "invalid chain id for signer: have 1 want 900");
    tx.type = VD_TX_LEGACY;
    tx.has_chain_id = false;
    sign_tx(&made, &tx, 0);
    a = submit_tx(&bench, &made);
    assert_string_equal(a.text, "only replay-protected (EIP-155) transactions allowed over RPC");
    tx.type = VD_TX_SET_CODE; /* not before Prague */
    tx.has_chain_id = true;
    tx.chain_id = 900;
    sign_tx(&made, &tx, 0);
    a = submit_tx(&bench, &made);
    assert_string_equal(a.text, "transaction type not supported");
    made.len--;
    a = submit_tx(&bench, &made);
    assert_int_equal(a.status, VD_SUBMIT_MALFORMED);
}

static void
test_full_mempool_refuses_the_newcomer(void **state)
{
    (void)state;
    for (uint64_t nonce = 1; nonce <= 64; nonce++) {
        assert_int_equal(send_plain(0, nonce, 1, 100).status, VD_SUBMIT_ACCEPTED);
    }
    struct submit_answer a = send_plain(0, 65, 1, 100);
    assert_int_equal(a.status, VD_SUBMIT_FULL);
    assert_string_equal(a.text, "account limit exceeded: pooled 64 txs");
    /* A replacement needs no room. */
    assert_int_equal(send_plain(0, 64, 2, 200).status, VD_SUBMIT_ACCEPTED);
    struct vd_engine_stats stats;
    vd_engine_stats(bench.engine, &stats);
    assert_int_equal(stats.waiting, 64);
}

/* A client that sends one nonce after the other does not see that a block is being sealed. */
static void
test_a_run_of_nonces_between_two_blocks_waits(void **state)
{
    (void)state;
    for (uint64_t nonce = 0; nonce < 200; nonce++) {
        struct submit_answer a = send_plain(0, nonce, 1, 100);
        assert_int_equal(a.status, VD_SUBMIT_ACCEPTED);
        assert_false(a.in_block);
    }
    /* One with a gap is over the limit as ever. */
    assert_int_equal(send_plain(0, 201, 1, 100).status, VD_SUBMIT_FULL);
    struct chain_tip tip = tip_of_heads(&bench);
    assert_int_equal(open_on(&bench, &tip).info.tx_count, 200);
}

static void
test_sync_submission_waits_for_the_block(void **state)
{
    (void)state;
    struct made_tx made;
    struct vd_tx tx = plain_tx(&bench, 0, &bench.address[1], 1);
    sign_tx(&made, &tx, 0);
    struct submit_answer late = {0};
    vd_engine_submit_sync(bench.engine, vd_slice(made.bytes, made.len), 50, on_submit, &late);
    while (!late.done) {
        uv_run(&bench.loop, UV_RUN_ONCE);
    }
    assert_int_equal(late.status, VD_SUBMIT_TIMEOUT);
    assert_memory_equal(&late.hash, &made.hash, 32);

    tx = plain_tx(&bench, 0, &bench.address[1], 1);
    sign_tx(&made, &tx, 1);
    struct submit_answer sync = {0};
    vd_engine_submit_sync(bench.engine, vd_slice(made.bytes, made.len), 60000, on_submit, &sync);
    struct chain_tip tip = tip_of_heads(&bench);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    while (!sync.done) {
        uv_run(&bench.loop, UV_RUN_ONCE);
    }
    assert_int_equal(sync.status, VD_SUBMIT_ACCEPTED);
    assert_true(sync.in_block);
    assert_int_equal(sync.gas_used, 21000);
}

static void
test_throttle_limits_a_block_s_bytes(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    vd_engine_set_throttle(bench.engine, 300, 0);
    assert_true(send_plain(0, 0, 1, 100).in_block);
    assert_true(send_plain(1, 0, 1, 100).in_block);
    assert_false(send_plain(2, 0, 1, 100).in_block);
    vd_engine_set_throttle(bench.engine, 0, 0);
    struct block_answer a = seal_block(&bench);
    tip = tip_of_answer(&a);
    assert_int_equal(open_on(&bench, &tip).info.tx_count, 1);
}

/* --- opening and sealing --- */

static void
test_wrong_parent_and_nothing_open_are_errors(void **state)
{
    (void)state;
    assert_int_equal(seal_block(&bench).err, VD_ERR_NOT_FOUND);
    struct chain_tip tip = tip_of_heads(&bench);
    tip.hash.b[0] ^= 1;
    struct block_answer a = open_on(&bench, &tip);
    assert_int_equal(a.err, VD_ERR_MISMATCH);
    assert_non_null(strstr(a.why, "not the newest block"));
}

static void
test_another_chain_s_folder_is_refused(void **state)
{
    (void)state;
    char why[256];
    struct vd_engine_config kept = bench.config;
    bench_close(&bench);
    bench.chain.chain_id = 7;
    assert_int_equal(bench_try_open(&bench, why), VD_ERR_MISMATCH);
    assert_non_null(strstr(why, "choose another"));
    bench_end_loop(&bench);
    bench.chain.chain_id = 900;
    bench.genesis.gas_limit++;
    assert_int_equal(bench_try_open(&bench, why), VD_ERR_MISMATCH);
    assert_non_null(strstr(why, "another genesis"));
    bench_end_loop(&bench);
    bench.genesis.gas_limit--;
    bench.config = kept;
    bench_open(&bench);
    struct bench_engine second = bench;
    assert_int_equal(bench_try_open(&second, why), VD_ERR_BUSY);
    bench_end_loop(&second);
}

static void
test_recent_states_are_readable(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    struct vd_u256 balance[21];
    for (unsigned block = 0; block <= 20; block++) {
        balance[block] = account_at(&bench, &bench.address[1], block).balance;
        if (block == 20) {
            break;
        }
        assert_int_equal(open_on(&bench, &tip).err, VD_OK);
        assert_true(send_plain(0, block, 1, 100).in_block);
        struct block_answer a = seal_block(&bench);
        tip = tip_of_answer(&a);
    }
    for (unsigned block = 0; block <= 20; block++) {
        struct vd_u256 then = account_at(&bench, &bench.address[1], block).balance;
        assert_memory_equal(&then, &balance[block], sizeof then);
        assert_int_equal(account_at(&bench, &bench.address[0], block).nonce, block);
        /* A proof against the block's own root. */
        struct vd_view *view = view_of(&bench);
        struct vd_state_source source;
        struct vd_header header;
        struct vd_slice proof[VD_TRIE_MAX_NIBBLES + 1];
        struct vd_slice value;
        struct vd_slice verified;
        size_t len = 0;
        static uint8_t memory[1 << 16];
        struct vd_arena arena;
        vd_arena_init(&arena, memory, sizeof memory);
        struct vd_hash key = vd_keccak256(vd_slice(bench.address[1].b, 20));
        assert_int_equal(vd_view_state(view, &source, &header, block), VD_OK);
        assert_int_equal(vd_trie_prove(&source.trie, proof, &len, &value, &arena, NULL,
                                       &header.state_root, &key),
                         VD_OK);
        assert_int_equal(vd_trie_verify(&verified, &header.state_root, &key, proof, len), VD_OK);
        assert_true(vd_slice_eq(value, verified));
        assert_true(verified.len > 0);
        vd_view_close(view);
    }
}

static void
test_calls_run_on_the_open_block(void **state)
{
    (void)state;
    struct chain_tip tip = tip_of_heads(&bench);
    assert_int_equal(open_on(&bench, &tip).err, VD_OK);
    assert_true(send_plain(0, 0, 1, 100).in_block);
    struct vd_view *view = view_of(&bench);
    size_t size = (size_t)1 << 34;
    void *memory = vd_reserve(size);
    struct vd_arena arena;
    vd_arena_init(&arena, memory, size);
    struct vd_exec *exec = NULL;
    struct vd_header header;
    assert_int_equal(vd_view_exec(view, &exec, &header, &arena, VD_VIEW_PENDING), VD_OK);
    assert_int_equal(header.number, 1);
    /* The balance that the open block's transfer left to the sender pays no more than itself. */
    struct vd_account account = account_at(&bench, &bench.address[0], VD_VIEW_PENDING);
    struct vd_call call = {.from = bench.address[0], .to = bench.address[3], .gas = 21000};
    struct vd_call_result result;
    call.value = account.balance;
    assert_int_equal(vd_exec_call(exec, &result, &call, NULL), VD_OK);
    assert_int_equal(result.verdict, VD_TX_INCLUDED);
    struct vd_u256 one = vd_u256(1);
    call.value = vd_u256_add(&account.balance, &one);
    assert_int_equal(vd_exec_call(exec, &result, &call, NULL), VD_OK);
    assert_int_equal(result.verdict, VD_TX_INSUFFICIENT_FUNDS);
    vd_release(memory, size);
    vd_view_close(view);
}

/* --- no space --- */

static const char *health_text;

static void
on_health(void *ctx, const char *text)
{
    (void)ctx;
    health_text = text;
}

static void
test_a_full_database_stops_sealing_and_keeps_reads(void **state)
{
    (void)state;
    struct made_tx made;
    bench_prepare(&bench, false);
    bench_config(&bench, false);
    bench.config.map_bytes = (size_t)1 << 20;
    bench.config.events.health = on_health;
    static const struct vd_logger quiet = {.fd = 2, .level = VD_LOG_BROKEN};
    bench.config.logger = &quiet;
    health_text = NULL;
    bench_open(&bench);
    struct chain_tip tip = tip_of_heads(&bench);
    uint64_t nonce = 0;
    struct block_answer stuck = {0};
    for (;;) {
        assert_int_equal(open_on(&bench, &tip).err, VD_OK);
        for (unsigned i = 0; i < 20; i++) {
            assert_true(send_plain(0, nonce++, 1, 100).in_block);
        }
        stuck = (struct block_answer){0};
        vd_engine_seal(bench.engine, on_block, &stuck);
        while (!stuck.done && !health_text) {
            uv_run(&bench.loop, UV_RUN_ONCE);
        }
        if (health_text) {
            break;
        }
        tip = tip_of_answer(&stuck);
    }
    assert_string_equal(health_text, "no space left in the node's folder");
    assert_false(stuck.done);
    uint64_t latest = vd_engine_heads(bench.engine)->unsafe.number;
    assert_int_equal(latest, tip.number);
    assert_int_equal(account_at(&bench, &bench.address[0], latest).nonce, nonce - 20);
    struct vd_tx tx = plain_tx(&bench, nonce, &bench.address[1], 1);
    sign_tx(&made, &tx, 0);
    struct submit_answer a = submit_tx(&bench, &made);
    assert_int_equal(a.status, VD_SUBMIT_UNAVAILABLE);
    assert_string_equal(a.text, "the node's disk is full");
    bench_close(&bench);
    assert_true(stuck.done);
    assert_int_not_equal(stuck.err, VD_OK);
    /* With space again, the block that was sealed and not written is there. */
    bench.config.map_bytes = (size_t)1 << 26;
    bench_open(&bench);
    assert_int_equal(vd_engine_heads(bench.engine)->unsafe.number, latest + 1);
    assert_int_equal(account_at(&bench, &bench.address[0], latest + 1).nonce, nonce);
    bench_close(&bench);
    bench_remove(&bench);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_transactions_give_the_model_s_state, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_restart_rebuilds_the_same_open_block, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_unwound_transactions_come_back_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_head_left_out_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_dropped_block_runs_again_on_other_attributes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_gaps_wait_and_are_filled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waiting_ones_enter_by_tip_then_arrival, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_refusals_speak_as_geth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_mempool_refuses_the_newcomer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_run_of_nonces_between_two_blocks_waits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_sync_submission_waits_for_the_block, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_throttle_limits_a_block_s_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_parent_and_nothing_open_are_errors, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_another_chain_s_folder_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_recent_states_are_readable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_calls_run_on_the_open_block, set_up, tear_down),
        cmocka_unit_test(test_a_full_database_stops_sealing_and_keeps_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
