/* The fault-proof program over an oracle in memory (OP Stack specs, fault proof, program). */
#include "core/program/program_internal.h"
#include "unit/core/program/chain.h"

#define WINDOW 10

static struct vd_random random_source;

static const struct vd_hash wrong = {{0xde, 0xad}};

/* Eight blocks of two transfers on origins 0 to 2, the first of them with a deposit; all in one
   channel in L1 block 3. */
static struct chain *
standard(void)
{
    struct chain *c = chain_new(WINDOW);
    struct vd_address to = chain_user(50);
    chain_begin(c);
    chain_l1_open(c);
    chain_deposit(c, &to, 12345);
    chain_l1_seal(c);
    chain_l1_grow(c, 3);
    chain_l2_grow(c, 8, 2);
    assert_int_equal(c->l2[3].ref.l1_origin.number, 1);
    assert_int_equal(c->l2[8].ref.l1_origin.number, 2);
    chain_post_in_next(c, 1, 9);
    return c;
}

static void
expect(struct chain *c, size_t agreed, uint64_t block, const struct vd_hash *claim,
       enum vd_program_verdict verdict)
{
    chain_ask(c, agreed, block, claim);
    assert_int_equal(chain_run(c), VD_OK);
    if (c->result.verdict != verdict)
        fail_msg("block %llu on %zu: verdict %d, %s", (unsigned long long)block, agreed,
                 (int)c->result.verdict, c->result.why);
}

/* --- verdicts --- */

static void
test_claim_is_judged_by_the_derived_chain(void **state)
{
    struct chain *c = standard();
    (void)state;
    for (size_t agreed = 0; agreed < 8; agreed++) {
        for (size_t block = agreed + 1; block <= 8; block += 3) {
            expect(c, agreed, block, &c->l2[block].output, VD_PROGRAM_VALID);
            assert_int_equal(c->result.head.number, block);
            assert_true(vd_hash_eq(&c->result.output, &c->l2[block].output));
            expect(c, agreed, block, &wrong, VD_PROGRAM_INVALID);
            expect(c, agreed, block, &c->l2[block - 1].output, VD_PROGRAM_INVALID);
        }
    }
    chain_free(c);
}

static void
test_claim_below_the_agreed_block_is_invalid(void **state)
{
    struct chain *c = standard();
    (void)state;
    expect(c, 5, 4, &c->l2[4].output, VD_PROGRAM_INVALID);
    expect(c, 5, 0, &c->l2[0].output, VD_PROGRAM_INVALID);
    chain_free(c);
}

static void
test_claim_about_the_agreed_block_is_valid_when_roots_are_equal(void **state)
{
    struct chain *c = standard();
    (void)state;
    expect(c, 5, 5, &c->l2[5].output, VD_PROGRAM_VALID);
    expect(c, 5, 5, &c->l2[4].output, VD_PROGRAM_INVALID);
    assert_int_equal(c->result.l1_blocks, 0);
    chain_free(c);
}

/* L1's data end before the claimed block: the last block that they lead to counts. */
static void
test_block_beyond_the_data_is_judged_by_the_last_one(void **state)
{
    struct chain *c = standard();
    (void)state;
    expect(c, 4, 9, &c->l2[8].output, VD_PROGRAM_VALID);
    expect(c, 4, UINT64_MAX, &c->l2[8].output, VD_PROGRAM_VALID);
    assert_int_equal(c->result.head.number, 8);
    expect(c, 4, 9, &c->l2[7].output, VD_PROGRAM_INVALID);
    expect(c, 8, 20, &c->l2[8].output, VD_PROGRAM_VALID);
    chain_free(c);
}

/* --- what derivation makes of bad or missing batches --- */

static void
test_invalid_batch_leaves_its_deposits(void **state)
{
    struct chain *c = chain_new(WINDOW);
    (void)state;
    chain_begin(c);
    chain_l1_grow(c, 2);
    chain_l2_grow(c, 1, 2);
    /* A nonce that is far off: the payload is refused, a block of deposits stands in its place
       (Holocene derivation). */
    struct vd_slice *bad = VD_ARENA_NEW(&c->arena, struct vd_slice, 1);
    c->nonces[1] += 100;
    bad[0] = chain_tx(c, 1, chain_user(9), 50000, (struct vd_slice){0});
    struct l2_made *b = chain_l2_add(c, 0, NULL, 0);
    b->batch = chain_batch(c, b, bad, 1);
    chain_post_in_next(c, 1, 3);
    expect(c, 0, 2, &b->output, VD_PROGRAM_VALID);
    assert_int_equal(c->result.head.number, 2);
    expect(c, 0, 2, &wrong, VD_PROGRAM_INVALID);
    chain_free(c);
}

/* A transaction that no decoder takes, a deposit among them, drops the batch or empties the block,
   never ends the run. */
static void
test_garbage_in_a_batch_is_no_error(void **state)
{
    static const uint8_t garbage[] = {0x02, 0xc0, 0x7e, 0xff};
    struct chain *c = chain_new(WINDOW);
    (void)state;
    chain_begin(c);
    chain_l1_grow(c, 2);
    struct vd_slice *bad = VD_ARENA_NEW(&c->arena, struct vd_slice, 1);
    bad[0] = vd_slice(garbage, 2);
    struct l2_made *b = chain_l2_add(c, 0, NULL, 0);
    b->batch = chain_batch(c, b, bad, 1);
    chain_post_in_next(c, 1, 2);
    expect(c, 0, 1, &b->output, VD_PROGRAM_VALID);
    assert_int_equal(c->result.head.number, 1);
    bad[0] = vd_slice(garbage + 2, 2);
    b->batch = chain_batch(c, b, bad, 1);
    chain_post_in_next(c, 1, 2);
    expect(c, 0, 1, &b->output, VD_PROGRAM_VALID);
    chain_free(c);
}

/* No batch within the sequencing window: blocks of deposits alone. */
static void
test_empty_blocks_are_forced_when_the_window_ends(void **state)
{
    struct chain *c = chain_new(4);
    struct vd_address to = chain_user(60);
    (void)state;
    chain_begin(c);
    chain_l1_open(c);
    chain_deposit(c, &to, 777);
    chain_l1_seal(c);
    chain_l1_grow(c, 4);
    chain_ask(c, 0, 1, &c->l2[0].output);
    assert_int_equal(chain_run(c), VD_OK);
    assert_int_equal(c->result.verdict, VD_PROGRAM_VALID); /* the window is open: block 0 counts */
    chain_l1_grow(c, 8);
    chain_l2_grow(c, 7, 0);
    for (size_t block = 1; block <= 7; block++) {
        expect(c, block / 2, block, &c->l2[block].output, VD_PROGRAM_VALID);
        assert_int_equal(c->result.head.number, block);
    }
    chain_free(c);
}

static void
test_span_batch_over_several_origins_is_derived(void **state)
{
    struct chain *c = chain_new(WINDOW);
    struct vd_batch_block blocks[8];
    struct vd_buf batch;
    struct vd_buf out;
    struct vd_arena scratch;
    void *memory = malloc(1 << 22);
    (void)state;
    chain_begin(c);
    chain_l1_grow(c, 3);
    chain_l2_grow(c, 8, 3);
    for (size_t i = 0; i < 8; i++) {
        const struct l2_made *b = &c->l2[i + 1];
        blocks[i] = (struct vd_batch_block){.timestamp = b->ref.timestamp,
                                            .epoch_number = b->ref.l1_origin.number,
                                            .transactions = b->txs,
                                            .transaction_count = b->tx_count};
    }
    struct vd_span_batch span = {.rel_timestamp = CHAIN_BLOCK_TIME,
                                 .l1_origin_number = c->l2[8].ref.l1_origin.number,
                                 .blocks = blocks,
                                 .block_count = 8};
    memcpy(span.parent_check, c->l2[0].ref.hash.b, 20);
    memcpy(span.l1_origin_check, c->l2[8].ref.l1_origin.hash.b, 20);
    vd_arena_init(&scratch, memory, 1 << 22);
    vd_buf_init(&batch, &c->arena);
    assert_int_equal(vd_span_batch_encode(&batch, &scratch, &c->config, &span), VD_OK);
    vd_buf_init(&out, &c->arena);
    deflate_whole(&out, vd_buf_view(&batch));
    chain_l1_open(c);
    chain_post_channel(c, vd_buf_view(&out), 1);
    chain_l1_seal(c);
    expect(c, 0, 8, &c->l2[8].output, VD_PROGRAM_VALID);
    assert_int_equal(c->result.head.number, 8);
    /* Begun in the middle, the span overlaps blocks that exist and reads them again. */
    expect(c, 4, 8, &c->l2[8].output, VD_PROGRAM_VALID);
    assert_int_equal(c->result.head.number, 8);
    free(memory);
    chain_free(c);
}

/* --- questions that make no sense --- */

static void
test_another_chain_id_is_an_error(void **state)
{
    struct chain *c = standard();
    uint8_t id[8];
    (void)state;
    chain_ask(c, 0, 3, &c->l2[3].output);
    vd_store_be64(id, CHAIN_ID + 1);
    chain_set_local(c, VD_LOCAL_CHAIN_ID, id, 8);
    assert_int_equal(chain_run(c), VD_ERR_MISMATCH);
    chain_free(c);
}

static void
test_local_of_wrong_length_is_an_error(void **state)
{
    struct chain *c = standard();
    (void)state;
    for (unsigned ident = VD_LOCAL_L1_HEAD; ident <= VD_LOCAL_CHAIN_ID; ident++) {
        chain_ask(c, 0, 3, &c->l2[3].output);
        c->local_len[ident]--;
        assert_int_equal(chain_run(c), VD_ERR_CORRUPT);
    }
    chain_free(c);
}

/* Derivation would have to begin above L1's head, and no honest game has such a start.  A head
   above it that does not reach the agreed block's origin leaves the agreed block as the last. */
static void
test_l1_head_below_the_start_is_an_error(void **state)
{
    struct chain *c = chain_new(2 * CHAIN_MAX_L1);
    (void)state;
    chain_begin(c);
    chain_l1_grow(c, CHAIN_MAX_L1);
    chain_l2_grow(c, 3 * 56, 0);
    uint64_t origin = chain_head(c)->ref.l1_origin.number;
    assert_true(origin > VD_CHANNEL_TIMEOUT + 4);
    const struct vd_hash agreed = chain_head(c)->output;
    chain_ask(c, c->l2_count - 1, c->l2_count, &agreed);
    chain_set_local(c, VD_LOCAL_L1_HEAD, c->l1[0].hash.b, 32);
    assert_int_equal(chain_run(c), VD_ERR_MISMATCH);
    chain_set_local(c, VD_LOCAL_L1_HEAD, c->l1[origin - 1].hash.b, 32);
    assert_int_equal(chain_run(c), VD_OK);
    assert_int_equal(c->result.verdict, VD_PROGRAM_VALID);
    chain_free(c);
}

/* --- preimages that are missing or wrong --- */

static void
override_with(struct chain *c, const struct vd_hash *key, struct vd_slice bytes)
{
    c->is_overridden = true;
    c->is_missing = false;
    c->override = *key;
    c->override_bytes = bytes;
}

static void
test_any_missing_preimage_is_an_error(void **state)
{
    struct chain *c = standard();
    (void)state;
    chain_ask(c, 2, 8, &c->l2[8].output);
    assert_int_equal(chain_run(c), VD_OK);
    size_t count = c->asked_count;
    struct vd_hash *keys = calloc(count, sizeof *keys);
    memcpy(keys, c->asked, count * sizeof *keys);
    assert_true(count > 50);
    for (size_t i = 0; i < count; i++) {
        override_with(c, &keys[i], (struct vd_slice){0});
        c->is_missing = true;
        enum vd_err err = chain_run(c);
        /* A trie that lacks a node does not fit its root. */
        if (err != VD_ERR_NOT_FOUND && err != VD_ERR_CORRUPT)
            fail_msg("key %zu of type %u: %s", i, keys[i].b[0], vd_err_text(err));
        assert_true(vd_hash_eq(&c->asked[c->asked_count - 1], &keys[i]));
    }
    free(keys);
    chain_free(c);
}

static struct vd_slice
with_length(struct chain *c, const struct vd_hash *hash, size_t len)
{
    struct vd_slice whole = chain_preimage(c, hash);
    uint8_t *bytes = vd_arena_zeroed(&c->arena, len + 1, 1, 1);
    memcpy(bytes, whole.ptr, whole.len < len ? whole.len : len);
    return vd_slice(bytes, len);
}

static void
test_output_root_of_wrong_length_is_an_error(void **state)
{
    static const size_t lengths[] = {0, 1, 96, 127, 129, 256};
    struct chain *c = standard();
    (void)state;
    struct vd_hash key = vd_key_typed(VD_KEY_KECCAK, &c->l2[2].output);
    chain_ask(c, 2, 5, &c->l2[5].output);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        override_with(c, &key, with_length(c, &c->l2[2].output, lengths[i]));
        assert_int_equal(chain_run(c), VD_ERR_CORRUPT);
    }
    chain_free(c);
}

static void
test_header_that_does_not_decode_is_an_error(void **state)
{
    struct chain *c = standard();
    (void)state;
    const struct vd_hash headers[] = {c->l1[3].hash, c->l1[1].hash, c->l2[2].ref.hash};
    chain_ask(c, 2, 5, &c->l2[5].output);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct vd_hash key = vd_key_typed(VD_KEY_KECCAK, &headers[i]);
        struct vd_slice whole = chain_preimage(c, &headers[i]);
        for (size_t len = 0; len < whole.len; len += 37) {
            override_with(c, &key, with_length(c, &headers[i], len));
            assert_int_not_equal(chain_run(c), VD_OK);
        }
        override_with(c, &key, with_length(c, &headers[i], whole.len + 1));
        assert_int_not_equal(chain_run(c), VD_OK);
    }
    chain_free(c);
}

static struct vd_slice
mutate(struct chain *c, struct vd_slice bytes)
{
    struct vd_random *r = &random_source;
    uint8_t *out = vd_arena_alloc(&c->arena, bytes.len + 64, 1);
    size_t len = bytes.len;
    if (len != 0)
        memcpy(out, bytes.ptr, len);
    for (size_t edits = 1 + vd_random_below(r, 4); edits > 0; edits--) {
        size_t at = len == 0 ? 0 : vd_random_below(r, len);
        switch (vd_random_below(r, 5)) {
        case 0:
            len = at;
            break;
        case 1:
            vd_random_bytes(r, out + len, 8);
            len += 8;
            break;
        case 2:
            if (len != 0)
                out[at] = (uint8_t)vd_random_u64(r);
            break;
        case 3:
            if (len != 0)
                out[at] = vd_random_below(r, 2) == 0 ? 0xff : 0x80;
            break;
        default:
            if (len != 0)
                out[at] ^= (uint8_t)(1u << vd_random_below(r, 8));
            break;
        }
    }
    return vd_slice(out, len);
}

/* Keys authenticate their preimages, so nothing of this can happen; it must not bring the program
   down or make it run on without an end all the same. */
static void
test_mutated_preimages_never_crash_or_hang(void **state)
{
    struct chain *c = standard();
    unsigned ended = 0;
    (void)state;
    chain_ask(c, 2, 8, &c->l2[8].output);
    assert_int_equal(chain_run(c), VD_OK);
    size_t count = c->asked_count;
    struct vd_hash *keys = calloc(count, sizeof *keys);
    memcpy(keys, c->asked, count * sizeof *keys);
    size_t mark = vd_arena_mark(&c->arena);
    c->asks_max = 200000;
    for (unsigned i = 0; i < 6000; i++) {
        const struct vd_hash *key = &keys[vd_random_below(&random_source, count)];
        struct vd_slice bytes = key->b[0] == VD_KEY_LOCAL
                                    ? vd_slice(c->local[key->b[31]], c->local_len[key->b[31]])
                                    : hash_store_get(&c->preimages, key);
        vd_arena_rewind(&c->arena, mark);
        override_with(c, key, mutate(c, bytes));
        ended += chain_run(c) == VD_OK;
        assert_true(c->asks < c->asks_max);
    }
    printf("%u of 6000 runs came to a verdict\n", ended);
    free(keys);
    chain_free(c);
}

/* --- what is read --- */

static void
test_receipts_are_skipped_where_the_bloom_excludes_them(void **state)
{
    struct chain *c = chain_new(WINDOW);
    (void)state;
    chain_begin(c);
    chain_l1_open(c);
    for (unsigned i = 0; i < 20; i++)
        chain_other_log(c);
    chain_l1_seal(c);
    const struct l1_made *quiet = chain_l1(c);
    chain_l1_grow(c, 3);
    chain_l2_grow(c, 6, 1);
    chain_post_in_next(c, 1, 7);
    assert_false(vd_hash_eq(&quiet->header.receipts_root, &VD_EMPTY_ROOT));
    c->forbidden = vd_key_typed(VD_KEY_KECCAK, &quiet->header.receipts_root);
    expect(c, 0, 6, &c->l2[6].output, VD_PROGRAM_VALID);
    assert_int_equal(c->result.head.number, 6);
    chain_free(c);
}

/* The bloom says yes though no log is of interest: receipts are read and nothing comes of it. */
static void
test_receipts_are_read_where_the_bloom_says_so(void **state)
{
    struct chain *c = chain_new(WINDOW);
    (void)state;
    chain_begin(c);
    chain_l1_open(c);
    chain_other_log(c);
    memset(chain_l1(c)->header.logs_bloom, 0xff, 256);
    chain_l1_seal(c);
    const struct l1_made *loud = chain_l1(c);
    chain_l2_grow(c, 3, 1);
    chain_post_in_next(c, 1, 4);
    expect(c, 0, 3, &c->l2[3].output, VD_PROGRAM_VALID);
    struct vd_hash key = vd_key_typed(VD_KEY_KECCAK, &loud->header.receipts_root);
    bool seen = false;
    for (size_t i = 0; i < c->asked_count; i++)
        seen = seen || vd_hash_eq(&c->asked[i], &key);
    assert_true(seen);
    chain_free(c);
}

/* The claimed root is read last of all, so that runs for two claims differ in their tails alone. */
static void
test_claim_is_read_last(void **state)
{
    struct chain *c = standard();
    (void)state;
    expect(c, 2, 8, &c->l2[8].output, VD_PROGRAM_VALID);
    struct vd_hash claim = vd_key_local(VD_LOCAL_CLAIMED_ROOT);
    assert_true(vd_hash_eq(&c->asked[c->asked_count - 1], &claim));
    chain_free(c);
}

/* sstore(number, blockhash(calldata[0])) */
static const uint8_t blockhash_code[] = {0x5f, 0x35, 0x40, 0x43, 0x55};

static void
test_blockhash_reads_ancestors_by_their_headers(void **state)
{
    struct chain *c = chain_new(40);
    struct vd_address contract = chain_user(200);
    (void)state;
    chain_account(c, contract, 0)->code = vd_slice(blockhash_code, sizeof blockhash_code);
    chain_begin(c);
    chain_l1_grow(c, 8);
    chain_l2_grow(c, 18, 0);
    struct vd_slice *txs = VD_ARENA_NEW(&c->arena, struct vd_slice, 5);
    static const uint8_t asked[] = {17, 16, 3, 0, 18};
    for (size_t i = 0; i < 5; i++) {
        uint8_t *word = vd_arena_zeroed(&c->arena, 32, 1, 1);
        word[31] = asked[i];
        txs[i] = chain_tx(c, 0, contract, 100000, vd_slice(word, 32));
    }
    (void)chain_l2_add(c, chain_origin(c), txs, 5);
    chain_post_in_next(c, 1, 20);
    expect(c, 18, 19, &c->l2[19].output, VD_PROGRAM_VALID);
    assert_int_equal(c->result.head.number, 19);
    expect(c, 3, 19, &c->l2[19].output, VD_PROGRAM_VALID);
    chain_free(c);
}

/* --- blake2f --- */

/* Passes its calldata to blake2f and keeps the first word of what comes back at its slot 0:
   calldatacopy(0, 0, calldatasize); call(gas, 9, 0, 0, calldatasize, 0, 64); sstore(0, mload(0)) */
static const uint8_t blake2f_code[] = {0x36, 0x5f, 0x5f, 0x37, 0x60, 0x40, 0x5f, 0x36, 0x5f, 0x5f,
                                       0x60, 0x09, 0x5a, 0xf1, 0x50, 0x5f, 0x51, 0x5f, 0x55};

static struct vd_slice
blake2f_input(struct chain *c, uint32_t rounds)
{
    uint8_t *input = vd_arena_alloc(&c->arena, VD_BLAKE2F_INPUT, 1);
    vd_random_bytes(&random_source, input, VD_BLAKE2F_INPUT);
    vd_store_be32(input, rounds);
    input[212] &= 1;
    return vd_slice(input, VD_BLAKE2F_INPUT);
}

static void
check_blake2f(uint32_t rounds, unsigned asked)
{
    struct chain *c = chain_new(WINDOW);
    struct vd_address contract = chain_user(200);
    chain_account(c, contract, 0)->code = vd_slice(blake2f_code, sizeof blake2f_code);
    chain_begin(c);
    chain_l1_grow(c, 2);
    struct vd_slice *txs = VD_ARENA_NEW(&c->arena, struct vd_slice, 1);
    txs[0] = chain_tx(c, 0, contract, 20000000, blake2f_input(c, rounds));
    struct l2_made *b = chain_l2_add(c, 0, txs, 1);
    assert_true(b->gas_used > 21000 + 20000 + rounds);
    chain_post_in_next(c, 1, 2);
    expect(c, 0, 1, &c->l2[1].output, VD_PROGRAM_VALID);
    assert_int_equal(c->result.head.number, 1);
    assert_int_equal(c->blake2f_asked, asked);
    chain_free(c);
}

/* Few rounds are computed at once; more than a transaction of L1 may ask for are too. */
static void
test_blake2f_is_asked_where_l1_can_answer(void **state)
{
    (void)state;
    check_blake2f(0, 0);
    check_blake2f(31, 0);
    check_blake2f(32, 1);
    check_blake2f(1000, 1);
    check_blake2f(10000000, 1);
    check_blake2f(10000001, 0);
}

/* --- memory --- */

/* The dearest that gas buys in bytes: codes of 24 KiB (EIP-170) at 2600 gas each (EIP-2929), kept
   with the words that they are read in; four bytes for each gas that went elsewhere would be more
   than transient storage takes, the next in line. */
static void
test_memory_holds_what_the_gas_of_a_block_buys(void **state)
{
    struct vd_program_memory memory;
    const uint64_t gas = VD_PROGRAM_MAX_GAS_LIMIT;
    uint8_t *base = vd_reserve(VD_PROGRAM_MEMORY);
    (void)state;
    assert_non_null(base);
    vd_program_memory_init(&memory, base, VD_PROGRAM_MEMORY);
    assert_true(memory.exec.base + memory.exec.size == base + VD_PROGRAM_MEMORY);
    assert_int_equal(gas, VD_MAX_GAS_LIMIT);
    assert_true(memory.code_window >= 1024 * 24576);
    /* A batch adds transactions that its block has no gas for: of its 100 MB decoding makes 5.4
       bytes each at most, of authorisations of 27 bytes (EIP-7702), and the sender is recovered
       from one more. */
    assert_true(sizeof(struct vd_authorization) <= 27 * 54 / 10);
    uint64_t refused = 7 * (uint64_t)VD_CHANNEL_MAX_BYTES;
    assert_true(vd_evm_room(gas) + memory.code_window + 4 * gas + refused < memory.exec.size);
    assert_true(memory.derive.size >
                memory.limits.channel_bytes + memory.limits.batch_bytes + memory.limits.l1_bytes);
    assert_true(memory.limits.channel_bytes >= VD_CHANNEL_MAX_BYTES);
    assert_true(memory.limits.batch_bytes >= VD_DERIVE_BATCH_BYTES);
    vd_release(base, VD_PROGRAM_MEMORY);
}

/* --- lists --- */

static void
check_list(struct chain *c, size_t count, size_t longest)
{
    struct run *run = calloc(1, sizeof *run);
    struct vd_program program = {0};
    struct vd_oracle oracle = {
        .ctx = c, .hint = chain_hint, .get = chain_get, .head = chain_get_head};
    struct vd_slice *items = calloc(count + 1, sizeof *items);
    const struct vd_slice *got;
    struct vd_slice first;
    size_t got_count;
    struct vd_arena arena;
    for (size_t i = 0; i < count; i++) {
        size_t len = 1 + vd_random_below(&random_source, longest);
        uint8_t *bytes = vd_arena_alloc(&c->arena, len, 1);
        vd_random_bytes(&random_source, bytes, len);
        items[i] = vd_slice(bytes, len);
    }
    struct vd_hash root = chain_put_list(c, items, count);
    run->program = &program;
    run->oracle = &oracle;
    vd_arena_init(&arena, c->program_memory, VD_PROGRAM_MEMORY);
    assert_int_equal(list_items(run, &got, &got_count, &arena, &root), VD_OK);
    assert_int_equal(got_count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(vd_slice_eq(got[i], items[i]));
    enum vd_err err = list_first(run, &first, &arena, &root);
    assert_int_equal(err, count == 0 ? VD_ERR_NOT_FOUND : VD_OK);
    if (count != 0)
        assert_true(vd_slice_eq(first, items[0]));
    free(items);
    free(run);
}

static void
test_list_tries_give_their_items_in_order(void **state)
{
    static const size_t counts[] = {0, 1, 2, 16, 17, 126, 127, 128, 129, 255, 256, 257, 1000};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct chain *c = chain_new(WINDOW);
        check_list(c, counts[i], 200);
        check_list(c, counts[i], 4); /* nodes inlined in their parents */
        check_list(c, counts[i], 1);
        chain_free(c);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claim_is_judged_by_the_derived_chain),
        cmocka_unit_test(test_claim_below_the_agreed_block_is_invalid),
        cmocka_unit_test(test_claim_about_the_agreed_block_is_valid_when_roots_are_equal),
        cmocka_unit_test(test_block_beyond_the_data_is_judged_by_the_last_one),
        cmocka_unit_test(test_invalid_batch_leaves_its_deposits),
        cmocka_unit_test(test_garbage_in_a_batch_is_no_error),
        cmocka_unit_test(test_empty_blocks_are_forced_when_the_window_ends),
        cmocka_unit_test(test_span_batch_over_several_origins_is_derived),
        cmocka_unit_test(test_another_chain_id_is_an_error),
        cmocka_unit_test(test_local_of_wrong_length_is_an_error),
        cmocka_unit_test(test_l1_head_below_the_start_is_an_error),
        cmocka_unit_test(test_any_missing_preimage_is_an_error),
        cmocka_unit_test(test_output_root_of_wrong_length_is_an_error),
        cmocka_unit_test(test_header_that_does_not_decode_is_an_error),
        cmocka_unit_test(test_mutated_preimages_never_crash_or_hang),
        cmocka_unit_test(test_receipts_are_skipped_where_the_bloom_excludes_them),
        cmocka_unit_test(test_receipts_are_read_where_the_bloom_says_so),
        cmocka_unit_test(test_claim_is_read_last),
        cmocka_unit_test(test_blockhash_reads_ancestors_by_their_headers),
        cmocka_unit_test(test_blake2f_is_asked_where_l1_can_answer),
        cmocka_unit_test(test_memory_holds_what_the_gas_of_a_block_buys),
        cmocka_unit_test(test_list_tries_give_their_items_in_order),
    };
    random_source = vd_random_start("program");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
