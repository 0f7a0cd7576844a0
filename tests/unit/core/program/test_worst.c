/* What the gas of a block can make the program keep, and that what it does not keep is read again:
   the table of docs/fault-proofs.md ("Worst cases"). */
#include "core/state/state_internal.h"
#include "unit/core/program/chain.h"

#define CODE_MAX 24576u
#define GAS 30000000u

/* --- blocks --- */

static size_t
put_hex(uint8_t *code, size_t at, const char *hex)
{
    size_t len = hex == NULL ? 0 : strlen(hex) / 2;
    assert_true(at + len <= CODE_MAX);
    assert_true(len == 0 || vd_hex_decode(code + at, len, hex, 2 * len) == VD_OK);
    return at + len;
}

/* The account of number n that a loop comes to. */
static struct vd_address
numbered(uint32_t n)
{
    struct vd_address address = {{0xdd}};
    vd_store_be32(address.b + 16, n);
    return address;
}

/* One transaction of gas to the contract, proven with the program's codes in window bytes (0: as
   they are).  The chain's own execution, which keeps all codes, says what must come out. */
static void
prove(struct chain *c, const struct vd_address *contract, uint64_t gas, size_t window)
{
    struct vd_slice *txs = VD_ARENA_NEW(&c->arena, struct vd_slice, 1);
    chain_begin(c);
    chain_l1_grow(c, 2);
    txs[0] = chain_tx(c, 0, *contract, gas, (struct vd_slice){0});
    (void)chain_l2_add(c, 0, txs, 1);
    chain_post_in_next(c, 1, 2);
    chain_ask(c, 0, 1, &c->l2[1].output);
    c->code_window = window;
    assert_int_equal(chain_run(c), VD_OK);
    assert_int_equal(c->result.verdict, VD_PROGRAM_VALID);
    assert_int_equal(c->result.head.number, 1);
}

static struct chain *
new_chain(void)
{
    struct chain *c = chain_new(10);
    c->keeps_no_list = true;
    c->config.genesis_system_config.gas_limit = 4 * GAS;
    return c;
}

/* --- codes are read again --- */

#define DEEP 60u

/* Calls the next account, copies some of its own code, which says its number, jumps, and stores
   what it copied.  JUMPDESTs fill the rest. */
static struct vd_slice
deep_code(struct chain *c, uint32_t n)
{
    uint8_t *code = vd_arena_zeroed(&c->arena, CODE_MAX, 1, 1);
    struct vd_address next = numbered(n + 1);
    memset(code, 0x5b, CODE_MAX);
    size_t at = put_hex(code, 0, "5f5f5f5f5f73");
    memcpy(code + at, next.b, sizeof next.b);
    at = put_hex(code, at + sizeof next.b,
                 "5af150"         /* call, with all gas */
                 "6020615f005f39" /* codecopy(0, 0x5f00, 32) */
                 "615fe056");
    vd_store_be32(code + 0x5f00, 0x7f000000 + n); /* a JUMPDEST after this is PUSH32's */
    (void)put_hex(code, 0x5fe0, "5b5f51305500");  /* sstore(address(), mload(0)) */
    return vd_slice(code, CODE_MAX);
}

/* put_hex with an address between two pieces. */
static size_t
put_with_address(uint8_t *code, size_t at, const char *before, uint32_t n, const char *after)
{
    struct vd_address address = numbered(n);
    at = put_hex(code, at, before);
    at = put_hex(code, at, "73");
    memcpy(code + at, address.b, sizeof address.b);
    return put_hex(code, at + sizeof address.b, after);
}

#define ADD_UP "5f51015f52" /* mstore(0, mload(0) + top of the stack) */

/* All that asks for a code, of every account in turn and twice, then the first of them called. */
static struct vd_slice
asking_code(struct chain *c)
{
    uint8_t *code = vd_arena_zeroed(&c->arena, CODE_MAX, 1, 1);
    size_t at = 0;
    for (uint32_t i = 0; i < 2 * DEEP; i++) {
        uint32_t n = 1 + i % DEEP;
        at = put_with_address(code, at, "", n, "3b" ADD_UP);
        at = put_with_address(code, at, "", n, "3f" ADD_UP);
        at = put_with_address(code, at, "6020615f006020", n, "3c602051" ADD_UP);
    }
    at = put_with_address(code, at, "5f5f5f5f5f", 1, "5af150");
    return vd_slice(code, put_hex(code, at, "5f515f5500"));
}

/* Sixty frames deep, with room for one code, for three and for all: each frame's code is gone when
   its child returns, and it copies from it and jumps in it. */
static void
test_codes_of_live_frames_are_read_again(void **state)
{
    static const size_t windows[] = {CODE_MAX, 3 * CODE_MAX + 1000, 0};
    size_t asks[3];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct chain *c = new_chain();
        struct vd_address contract = chain_user(200);
        for (uint32_t n = 1; n <= DEEP; n++)
            chain_account(c, numbered(n), 1)->code = deep_code(c, n);
        chain_account(c, contract, 0)->code = asking_code(c);
        prove(c, &contract, 20000000, windows[i]);
        assert_true(c->l2[1].gas_used > DEEP * 22100);
        asks[i] = c->asks;
        chain_free(c);
    }
    /* Twice for the two rounds, once for the call and once after the child's return, instead of
       once. */
    assert_true(asks[0] >= asks[2] + 3 * DEEP);
    assert_true(asks[1] >= asks[2] + 3 * DEEP);
}

/* A code that the block itself sets is no preimage: it stays. */
static void
test_codes_that_the_block_sets_stay(void **state)
{
    /* Jumps, then adds one to its slot 1; and what creates that. */
    static const char create[] = "766e"
                                 "600456005b60015460010160015500"
                                 "5f52600f6011f3"
                                 "5f52601760095ff0";
    static const char call_it[] = "5f5f5f5f5f855af150";
    struct chain *c = new_chain();
    struct vd_address contract = chain_user(200);
    uint8_t *code = vd_arena_zeroed(&c->arena, CODE_MAX, 1, 1);
    (void)state;
    for (uint32_t n = 1; n <= DEEP; n++)
        chain_account(c, numbered(n), 1)->code = deep_code(c, n);
    size_t at = put_hex(code, 0, create);
    at = put_hex(code, at, call_it);
    at = put_with_address(code, at, "5f5f5f5f5f", 1, "5af150");
    at = put_hex(code, at, call_it);
    at = put_hex(code, at, "803b5f55803f60015500");
    chain_account(c, contract, 0)->code = vd_slice(code, at);
    prove(c, &contract, 20000000, CODE_MAX);
    chain_free(c);
}

/* --- what gas buys --- */

/* What one operation leaves in the region for execution until the block's end, and what it costs at
   the least. */
struct row {
    const char *name;
    const char *setup;
    const char *body;
    unsigned repeat;
    double gas;
    size_t bytes;  /* of its own */
    size_t in_map; /* of an entry of a hash map: a map that has just grown is 3/8 full, and what it
                      had before lies there still */
    size_t in_array; /* the same for an array, which doubles when it is full */
    uint32_t slots;
    uint32_t accounts;
    uint32_t code;
};

#define MAP_ENTRY(key, value) (8 + ((key) + 7) / 8 * 8 + (value))
#define SLOT_ENTRY MAP_ENTRY(40, 8)
#define ACCOUNT_ENTRY MAP_ENTRY(20, 8)
#define STARTS (CODE_MAX / 32)
#define UNDO (sizeof(struct vd_undo) + 1)
/* Address, no topics and no data in a receipt's RLP; that grows by doubling in the arena. */
#define LOG_RLP 26
#define NEXT "600101"
#define FIRST "73dd00000000000000000000000000000000000000"

static const struct row rows[] = {
    {"TSTORE", "5f", "5f5a5d", 400, 104, sizeof(struct vd_transient) + UNDO, SLOT_ENTRY, 0, 0, 0,
     0},
    {"LOG0", "", "5f5fa0", 100, 379, sizeof(struct vd_log) + UNDO + LOG_RLP, 0,
     sizeof(struct vd_log) + LOG_RLP, 0, 0, 0},
    {"SSTORE of a warm slot", "", "5a5f55", 200, 100, 2 * UNDO, 0, 0, 0, 0, 0},
    {"SLOAD cold", "5f", NEXT "805450", 20, 1900, sizeof(struct vd_slot) + UNDO, SLOT_ENTRY, 0,
     20000, 0, 0},
    {"SSTORE cold, new", "63000fffff", NEXT "805a9055", 10, 22000,
     sizeof(struct vd_slot) + 3 * UNDO, SLOT_ENTRY, 0, 100, 0, 0},
    {"BALANCE cold", FIRST, NEXT "803150", 20, 2400, sizeof(struct vd_acct) + UNDO, ACCOUNT_ENTRY,
     0, 0, 13000, 0},
    {"CALL cold that jumps", FIRST, NEXT "5f5f5f5f5f855af150", 10, 2400,
     sizeof(struct vd_acct) + 3 * UNDO + STARTS, ACCOUNT_ENTRY + MAP_ENTRY(32, 8), 0, 0, 13000,
     CODE_MAX},
};

/* Bytes a unit of gas, at the worst. */
static double
rate(const struct row *row)
{
    double map = (double)row->in_map * (8.0 / 3) * 2;
    return ((double)row->bytes + map + (double)row->in_array * 4) / row->gas;
}

/* setup; do { body... } while (gas() > 150000) */
static struct vd_slice
loop_code(struct chain *c, const struct row *row)
{
    uint8_t *code = vd_arena_zeroed(&c->arena, CODE_MAX, 1, 1);
    char tail[32];
    size_t start = put_hex(code, 0, row->setup);
    size_t at = put_hex(code, start, "5b");
    for (unsigned i = 0; i < row->repeat; i++)
        at = put_hex(code, at, row->body);
    snprintf(tail, sizeof tail, "63%08x5a1161%04x5700", 300000u, (unsigned)start);
    return vd_slice(code, put_hex(code, at, tail));
}

static void
fill_state(struct chain *c, const struct row *row)
{
    struct vd_genesis_account *contract = chain_account(c, chain_user(200), 0);
    contract->code = loop_code(c, row);
    contract->slots = VD_ARENA_NEW(&c->arena, struct vd_genesis_slot, row->slots + 1);
    contract->slot_count = row->slots;
    for (uint32_t i = 0; i < row->slots; i++)
        ((struct vd_genesis_slot *)(uintptr_t)contract->slots)[i] =
            (struct vd_genesis_slot){vd_u256(i + 1), vd_u256(i + 7)};
    for (uint32_t n = 1; n <= row->accounts; n++) {
        struct vd_genesis_account *account = chain_account(c, numbered(n), 1);
        if (row->code == 0)
            continue;
        /* PUSH2 0x5ff0, JUMP; there a JUMPDEST. */
        uint8_t *code = vd_arena_zeroed(&c->arena, row->code, 1, 1);
        vd_store_be32(code, 0x615ff056);
        code[0x5ff0] = 0x5b;
        vd_store_be32(code + row->code - 4, n);
        account->code = vd_slice(code, row->code);
    }
}

/* What a block needs whatever it does, transactions and their receipts included. */
static size_t
fixed(const struct vd_program_memory *memory, uint64_t gas)
{
    return vd_evm_room(gas) + memory->code_window + ((size_t)1 << 20);
}

/* Clearing a slot gives back at most what it costs, 4800 gas (EIP-3529), and all that is given back
   at most a fifth of the gas spent.  So a block spends its limit on whatever it likes and a quarter
   of it on clearing. */
static const struct row clearing = {
    .gas = 4800, .bytes = sizeof(struct vd_slot) + 3 * UNDO, .in_map = SLOT_ENTRY};
#define SPENT_ON_CLEARING 0.25

/* The touched part of one trie (core/state/trie_update.c), and what a batch has beside the block's
   gas, one transaction that has too little of it (test_batches.c). */
#define TRIE_BYTES (72 << 20)
#define BATCH_LEFTOVER 533000000

/* No block leaves more than the rates say, and the most that a block of the greatest limit can buy
   fits: all of one thing, or less of several. */
static void
test_gas_of_a_block_buys_what_fits(void **state)
{
    double worst = 0;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct chain *c = new_chain();
        struct vd_address contract = chain_user(200);
        fill_state(c, &rows[i]);
        prove(c, &contract, GAS, 0);
        assert_true(c->l2[1].gas_used > GAS - 600000);
        size_t base = fixed(&c->regions, c->config.genesis_system_config.gas_limit);
        double bought = (double)c->regions.exec.used - (double)base;
        printf("%-24s %6.2f bytes a gas, at most %.2f\n", rows[i].name, bought / GAS,
               rate(&rows[i]));
        assert_true(bought <= rate(&rows[i]) * GAS);
        worst = rate(&rows[i]) > worst ? rate(&rows[i]) : worst;
        chain_free(c);
    }
    struct vd_program_memory memory;
    void *bytes = vd_reserve(VD_PROGRAM_MEMORY);
    assert_non_null(bytes);
    vd_program_memory_init(&memory, bytes, VD_PROGRAM_MEMORY);
    const uint64_t limit = VD_PROGRAM_MAX_GAS_LIMIT;
    double bought = (worst + SPENT_ON_CLEARING * rate(&clearing)) * (double)limit;
    double most = (double)fixed(&memory, limit) + TRIE_BYTES + BATCH_LEFTOVER + bought;
    printf("a block of %llu gas: %.0f MiB of %.0f\n", (unsigned long long)limit, most / 1048576,
           (double)memory.exec.size / 1048576);
    assert_true(most < (double)memory.exec.size);
    vd_release(bytes, VD_PROGRAM_MEMORY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_of_live_frames_are_read_again),
        cmocka_unit_test(test_codes_that_the_block_sets_stay),
        cmocka_unit_test(test_gas_of_a_block_buys_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
