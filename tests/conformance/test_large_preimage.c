/* Large preimages as the challenger proposes and refutes them, in contract PreimageOracle on this
   build's EVM: what it sends is taken, loads the right part, gives the bond back, and takes the
   bond of whoever commits to anything else. */
#include "node/roles/challenger_large.h"
#include "support/random.h"
#include "unit/core/evm/evm_fixture.h"
#include "viaduct/node/fault/machine.h"
#include "viaduct/node/platform/artifacts.h"

enum {
    GAS = 16777216, /* EIP-7825 */
    LEAST = 136,
    PERIOD = 100,
};
#define BOND 250000000000000000u
#define MAX_LOGS 64u
#define MEGABYTE ((size_t)1 << 20)

struct world {
    struct fixture fx;
    struct vd_evm *evm;
    struct vd_address oracle;
    struct vd_address proposer;
    struct vd_address challenger;
    struct vd_random random;
    /* What the oracle logged. */
    uint8_t *logs[MAX_LOGS];
    size_t lens[MAX_LOGS];
    size_t log_count;
    uint64_t number; /* of the next proposal */
};

/* A preimage with the commitments that somebody makes to it. */
struct preimage {
    struct vd_slice bytes;
    struct vd_hash *commitments;
    struct large blocks;
    struct vd_hash uuid;
};

static void
world_init(struct world *w)
{
    const struct vd_artifact *artifact = vd_artifact_find("PreimageOracle");
    assert_non_null(artifact);
    memset(w, 0, sizeof *w);
    w->random = vd_random_start("large preimage");
    fixture_init(&w->fx, GAS);
    w->fx.block.gas_limit = GAS;
    w->proposer = w->fx.message.sender;
    w->challenger = fixture_address(0xc4a1);
    w->oracle = fixture_address(0x04ac1e);
    assert_int_equal(vd_state_tx_end(w->fx.state), VD_OK);
    assert_int_equal(vd_evm_new(&w->evm, &w->fx.arena, vd_evm_rules_l1(VD_EVM_PRAGUE), w->fx.state,
                                &w->fx.block, &w->fx.curves, NULL),
                     VD_OK);
    size_t len = artifact->init_len + 64;
    uint8_t *code = calloc(1, len);
    assert_non_null(code);
    memcpy(code, artifact->init, artifact->init_len);
    vd_store_be64(code + len - 40, LEAST);
    vd_store_be64(code + len - 8, PERIOD);
    vd_state_tx_begin(w->fx.state);
    w->fx.message = (struct vd_evm_message){.is_create = true,
                                            .sender = w->proposer,
                                            .to = w->oracle,
                                            .input = vd_slice(code, len),
                                            .gas = GAS};
    assert_int_equal(vd_evm_execute(w->evm, &w->fx.result, &w->fx.tx, &w->fx.message, NULL), VD_OK);
    assert_int_equal(w->fx.result.status, VD_EVM_SUCCESS);
    assert_int_equal(vd_state_tx_end(w->fx.state), VD_OK);
    free(code);
}

static void
forget_logs(struct world *w)
{
    while (w->log_count > 0) {
        free(w->logs[--w->log_count]);
    }
}

static void
world_deinit(struct world *w)
{
    forget_logs(w);
    fixture_deinit(&w->fx);
}

static void
keep_logs(struct world *w)
{
    size_t count = 0;
    const struct vd_log *logs = vd_state_logs(w->fx.state, &count);
    for (size_t i = 0; i < count; i++) {
        assert_true(w->log_count < MAX_LOGS);
        uint8_t *copy = malloc(logs[i].data.len + 1);
        assert_non_null(copy);
        memcpy(copy, logs[i].data.ptr, logs[i].data.len);
        w->logs[w->log_count] = copy;
        w->lens[w->log_count++] = logs[i].data.len;
    }
}

/* A transaction with this much gas beside what its calldata costs; true: it succeeded.  Ends data;
   the gas that execution took is in *used. */
static bool
send(struct world *w, struct vd_abi *data, const struct vd_address *from, uint64_t value,
     uint64_t gas, uint64_t *used)
{
    assert_int_equal(data->err, VD_OK);
    vd_state_tx_begin(w->fx.state);
    w->fx.tx.origin = *from;
    w->fx.message = (struct vd_evm_message){.sender = *from,
                                            .to = w->oracle,
                                            .value = vd_u256(value),
                                            .input = vd_abi_view(data),
                                            .gas = gas};
    assert_int_equal(vd_evm_execute(w->evm, &w->fx.result, &w->fx.tx, &w->fx.message, NULL), VD_OK);
    *used = gas - w->fx.result.gas_left;
    bool ok = w->fx.result.status == VD_EVM_SUCCESS;
    if (ok) {
        keep_logs(w);
    }
    assert_int_equal(vd_state_tx_end(w->fx.state), VD_OK);
    vd_abi_deinit(data);
    return ok;
}

static uint64_t
balance_of(struct world *w, const struct vd_address *address)
{
    struct vd_u256 balance;
    assert_int_equal(vd_state_balance(w->fx.state, &balance, address), VD_OK);
    return balance.w[0];
}

/* --- preimages --- */

static void
preimage_init(struct world *w, struct preimage *p, size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    size_t count = large_blocks(len);
    assert_non_null(bytes);
    vd_random_bytes(&w->random, bytes, len);
    *p = (struct preimage){.bytes = vd_slice(bytes, len)};
    vd_store_be64(p->uuid.b + 24, w->number++);
    p->uuid.b[0] = 0xee;
    p->commitments = malloc(count * sizeof *p->commitments);
    assert_non_null(p->commitments);
    for (size_t i = 0; i < count; i++) {
        uint8_t block[LARGE_BLOCK];
        large_block(block, p->bytes, i);
        assert_int_equal(large_add(&p->blocks, &p->commitments[i], block, NULL), VD_OK);
    }
    forget_logs(w);
}

static void
preimage_deinit(struct preimage *p)
{
    large_deinit(&p->blocks);
    free(p->commitments);
    free((void *)p->bytes.ptr);
}

/* EIP-2028, EIP-7623: what calldata costs before anything is executed, and at least. */
static void
calldata_gas(uint64_t *intrinsic, uint64_t *floor, struct vd_slice data)
{
    *intrinsic = *floor = 21000;
    for (size_t i = 0; i < data.len; i++) {
        *intrinsic += data.ptr[i] == 0 ? 4 : 16;
        *floor += data.ptr[i] == 0 ? 10 : 40;
    }
}

/* Announces and adds all of it, each transaction with the gas that the challenger gives it. */
static uint64_t
upload(struct world *w, const struct preimage *p, uint32_t offset, size_t *transactions)
{
    struct vd_abi data;
    uint64_t used = 0;
    uint64_t intrinsic = 0;
    uint64_t floor = 0;
    uint64_t total = 0;
    large_call_init(&data, &p->uuid, offset, (uint32_t)p->bytes.len);
    calldata_gas(&intrinsic, &floor, vd_abi_view(&data));
    assert_true(send(w, &data, &w->proposer, BOND, GAS, &used));
    total += intrinsic + used;
    *transactions = 1;
    for (size_t at = 0; at < p->blocks.count; at = large_next(at, p->blocks.count)) {
        large_call_add(&data, &p->uuid, p->bytes, p->commitments, at);
        assert_true(data.len + 1024 < 128 * 1024); /* of a whole transaction, geth's limit */
        uint64_t limit = large_gas_of_add(vd_abi_view(&data));
        calldata_gas(&intrinsic, &floor, vd_abi_view(&data));
        assert_true(limit <= GAS && limit >= floor);
        assert_true(send(w, &data, &w->proposer, 0, limit - intrinsic, &used));
        total += floor > intrinsic + used ? floor : intrinsic + used;
        ++*transactions;
    }
    return total;
}

/* Reads the proposal back from the logs, as whoever watches does. */
static void
check(struct world *w, const struct preimage *p, struct large *seen)
{
    size_t count = 0;
    *seen = (struct large){.leaves = NULL};
    for (size_t i = 0; i < w->log_count; i++) {
        struct large_added added;
        struct vd_slice log = vd_slice(w->logs[i], w->lens[i]);
        assert_false(large_read_log(&added, &w->challenger, log));
        assert_true(large_read_log(&added, &w->proposer, log));
        assert_true(vd_hash_eq(&added.uuid, &p->uuid));
        assert_int_equal(large_add_all(seen, &added), VD_OK);
        count += added.input.len;
    }
    assert_int_equal(count, p->bytes.len);
    assert_int_equal(seen->count, p->blocks.count);
}

static bool
squeeze(struct world *w, const struct preimage *p, const struct large *blocks, uint64_t *total)
{
    struct vd_abi data;
    uint64_t used = 0;
    uint64_t intrinsic = 0;
    uint64_t floor = 0;
    large_call_pair(&data, &w->proposer, &p->uuid, blocks);
    calldata_gas(&intrinsic, &floor, vd_abi_view(&data));
    bool ok = send(w, &data, &w->challenger, 0, 1000000, &used);
    *total += intrinsic + used > floor ? intrinsic + used : floor;
    return ok;
}

static void
read_part(struct world *w, const struct preimage *p, uint32_t offset)
{
    struct vd_abi data;
    uint8_t part[32];
    uint64_t used = 0;
    struct vd_hash key = vd_keccak256(p->bytes);
    key.b[0] = 2;
    size_t len = vd_vm_part(part, p->bytes, offset);
    vd_abi_signature(&data, "readPreimage(bytes32,uint256)");
    vd_abi_hash(&data, &key);
    vd_abi_u64(&data, offset);
    assert_true(send(w, &data, &w->challenger, 0, 1000000, &used));
    assert_int_equal(w->fx.result.output.len, 64);
    assert_memory_equal(w->fx.result.output.ptr, part, 32);
    assert_int_equal(vd_load_be64(w->fx.result.output.ptr + 56), len);
}

/* --- tests --- */

static void
load(struct world *w, size_t len, uint32_t offset)
{
    struct preimage p;
    struct large seen;
    size_t transactions = 0;
    preimage_init(w, &p, len);
    uint64_t balance = balance_of(w, &w->proposer);
    uint64_t gas = upload(w, &p, offset, &transactions);
    assert_true(balance_of(w, &w->proposer) == balance - BOND);
    check(w, &p, &seen);
    assert_false(seen.is_wrong);
    assert_false(squeeze(w, &p, &p.blocks, &(uint64_t){0})); /* too early */
    w->fx.block.timestamp += PERIOD;
    assert_false(squeeze(w, &p, &seen, &(uint64_t){0}));
    w->fx.block.timestamp++;
    assert_true(squeeze(w, &p, &seen, &gas));
    assert_true(balance_of(w, &w->proposer) == balance);
    read_part(w, &p, offset);
    printf("%zu bytes in %zu transactions and the last: %llu gas\n", len, transactions,
           (unsigned long long)gas);
    large_deinit(&seen);
    preimage_deinit(&p);
}

static void
test_parts_of_large_preimages_are_loaded(void **state)
{
    (void)state;
    static struct world w;
    static const size_t lens[] = {136, 271, 272, 5000, 104447, 104448, 104449, 130561, 250000};
    world_init(&w);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        uint32_t len = (uint32_t)lens[i];
        uint32_t offsets[] = {0, 8, len - 24, len + 8,
                              (uint32_t)vd_random_below(&w.random, len / 32) * 32 + 8};
        load(&w, len, offsets[vd_random_below(&w.random, 5)]);
    }
    world_deinit(&w);
}

static void
test_a_preimage_of_two_megabytes_is_loaded(void **state)
{
    (void)state;
    static struct world w;
    world_init(&w);
    load(&w, 2 * MEGABYTE, (uint32_t)MEGABYTE + 8);
    world_deinit(&w);
}

static void
refute(struct world *w, size_t len, size_t wrong)
{
    struct preimage p;
    struct large seen;
    struct vd_abi data;
    uint64_t used = 0;
    size_t transactions = 0;
    preimage_init(w, &p, len);
    uint64_t balance = balance_of(w, &w->challenger);
    p.commitments[wrong].b[vd_random_below(&w->random, 32)] ^= 0x10;
    (void)upload(w, &p, 8, &transactions);
    check(w, &p, &seen);
    assert_true(seen.is_wrong);
    assert_int_equal(seen.last.index, wrong);
    large_call_pair(&data, &w->proposer, &p.uuid, &seen);
    assert_true(send(w, &data, &w->challenger, 0, 1000000, &used));
    assert_true(balance_of(w, &w->challenger) == balance + BOND);
    w->fx.block.timestamp += PERIOD + 1;
    assert_false(squeeze(w, &p, &p.blocks, &(uint64_t){0}));
    struct vd_u256 bond = vd_u256(BOND); /* for the next one */
    assert_int_equal(vd_state_add_balance(w->fx.state, &w->proposer, &bond), VD_OK);
    large_deinit(&seen);
    preimage_deinit(&p);
}

static void
test_a_wrong_commitment_costs_the_bond_wherever_it_is(void **state)
{
    (void)state;
    static struct world w;
    world_init(&w);
    size_t blocks = large_blocks(5000);
    for (size_t i = 0; i < blocks; i++) {
        refute(&w, 5000, i);
    }
    for (unsigned i = 0; i < 4; i++) {
        refute(&w, 250000, vd_random_below(&w.random, large_blocks(250000)));
    }
    refute(&w, 250000, LARGE_AT_ONCE);
    refute(&w, 250000, LARGE_AT_ONCE - 1);
    world_deinit(&w);
}

/* Solidity reads calldata whose tail is cut short of a whole word, and tails in any order: such
   proposals are read, too. */
static void
test_unusual_calldata_is_read_as_the_oracle_reads_it(void **state)
{
    (void)state;
    static struct world w;
    struct preimage p;
    struct large seen;
    struct vd_abi data;
    uint64_t used = 0;
    world_init(&w);
    preimage_init(&w, &p, 300);
    large_call_init(&data, &p.uuid, 8, 300);
    assert_true(send(&w, &data, &w.proposer, BOND, GAS, &used));
    vd_abi_signature(&data, "addLeavesLPP(uint256,uint256,bytes,bytes32[],bool)");
    vd_abi_hash(&data, &p.uuid);
    vd_abi_u64(&data, 0);
    vd_abi_u64(&data, 5 * 32 + 7 + 4 * 32);
    vd_abi_u64(&data, 5 * 32 + 7);
    vd_abi_u64(&data, 1);
    vd_abi_raw(&data, vd_slice((const uint8_t *)"between", 7));
    vd_abi_u64(&data, 3);
    vd_abi_raw(&data, vd_slice(p.commitments[0].b, 3 * 32));
    vd_abi_u64(&data, 300);
    vd_abi_raw(&data, p.bytes);
    assert_true(send(&w, &data, &w.proposer, 0, GAS, &used));
    check(&w, &p, &seen);
    assert_false(seen.is_wrong);
    large_deinit(&seen);
    preimage_deinit(&p);
    world_deinit(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_of_large_preimages_are_loaded),
        cmocka_unit_test(test_a_preimage_of_two_megabytes_is_loaded),
        cmocka_unit_test(test_a_wrong_commitment_costs_the_bond_wherever_it_is),
        cmocka_unit_test(test_unusual_calldata_is_read_as_the_oracle_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
