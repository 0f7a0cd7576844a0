/* bench_steps [GAS [WHAT]] prints what the fault-proof machine needs for a block that spends its
   gas on one thing: steps per gas beyond an empty block, and the bytes that the run touches.
   bench_steps check does it with little gas, and fails if anything costs more steps than the depth
   of a game was chosen for.

   The whole guest runs, over a chain of its own making: a transaction calls a contract that repeats
   one operation, on operands that cost much, until its gas is nearly used up. */
#include <stdio.h>

#include "bench/figures.h"
#include "node/app/founding.h"
#include "unit/core/program/long_batch.h"
#include "viaduct/node/fault/image.h"
#include "viaduct/node/fault/prestate.h"

#define GAS 10000000u
#define CHECK_GAS 1000000u
#define CODE_MAX 24576u
#define STATE_ITEMS 20000u
#define GUEST_MEMORY 0x02000000u

struct work {
    const char *name;
    const char *setup; /* before the loop, hex */
    const char *body;
    unsigned repeat;
    uint32_t input; /* bytes of calldata, copied to memory at 0 before the setup */
    uint32_t rest;  /* the loop ends when less gas is left: more than one round of it costs */
    void (*fill)(uint8_t *input);
    uint32_t slots;    /* of the contract */
    uint32_t accounts; /* 0xdd, with a number in their last four bytes */
    uint32_t code;     /* bytes of theirs, all different */
    void (*fill_code)(uint8_t *code);
    uint32_t least; /* gas below which the row says nothing */
};

/* Three words with all their bits set, but not the same. */
#define WORDS                                                            \
    "7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff61f" \
    "7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc2f" \
    "7ffeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff43"
/* A divisor of three limbs, a dividend of four; the quotient's digits are guessed too large. */
#define DIVIDE                                       \
    "75ffffffffffffffffffffffffffffffff000000000001" \
    "7fffffffffffffffffffffffffffffffff000000000000fffffffffffffffffff0"
#define PRECOMPILE(len, address) "5f5f61" len "5f60" address "5afa50"

static void
fill_modexp(uint8_t *in, uint32_t size, uint32_t exponent)
{
    memset(in, 0xff, 96 + 2 * size + exponent);
    memset(in, 0, 96);
    vd_store_be32(in + 28, size);
    vd_store_be32(in + 60, exponent);
    vd_store_be32(in + 92, size);
}

static void
fill_modexp_32(uint8_t *in)
{
    fill_modexp(in, 32, 32);
}

static void
fill_modexp_even(uint8_t *in)
{
    fill_modexp(in, 32, 32);
    in[96 + 3 * 32 - 1] = 0;
}

/* A long exponent over a short modulus, whose last byte is 0. */
#define LONG_EXPONENT 1024u
static void
fill_modexp_long(uint8_t *in, uint32_t size)
{
    fill_modexp(in, size, LONG_EXPONENT);
    in[96 + 2 * size + LONG_EXPONENT - 1] = 0;
}

static void
fill_modexp_8_long(uint8_t *in)
{
    fill_modexp_long(in, 8);
}

static void
fill_modexp_16_long(uint8_t *in)
{
    fill_modexp_long(in, 16);
}

static void
fill_modexp_24_long(uint8_t *in)
{
    fill_modexp_long(in, 24);
}

static void
fill_modexp_40_long(uint8_t *in)
{
    fill_modexp_long(in, 40);
}

/* As many bits as cost no more than the least price. */
static void
fill_modexp_64_10(uint8_t *in)
{
    fill_modexp(in, 64, 2);
    in[96 + 64] = 0x03;
}

static void
fill_modexp_256(uint8_t *in)
{
    fill_modexp(in, 256, 3);
}

static void
fill_modexp_1024(uint8_t *in)
{
    fill_modexp(in, 1024, 1);
}

/* The least that modexp of this length costs: once, without a squaring. */
static void
fill_modexp_once(uint8_t *in)
{
    fill_modexp(in, 1024, 1);
    in[96 + 1024] = 1;
}

/* Two products for the price of one. */
static void
fill_modexp_cube(uint8_t *in)
{
    fill_modexp_once(in);
    in[96 + 1024] = 3;
}

static void
fill_modexp_power(uint8_t *in)
{
    fill_modexp_once(in);
    memset(in + 96 + 1024 + 1, 0, 1024);
    in[96 + 1024 + 1] = 0xc0;
}

static void
fill_modexp_half(uint8_t *in)
{
    fill_modexp_once(in);
    memset(in + 96 + 1024 + 1 + 512, 0, 512);
}

/* 200 gas is the least price of all. */
static void
fill_modexp_least(uint8_t *in)
{
    fill_modexp(in, 64, 1);
    in[96 + 64] = 0xff;
    in[96 + 64 + 64] = 0xfe;
}

static void
fill_modexp_least_192(uint8_t *in)
{
    fill_modexp(in, 192, 1);
    in[96 + 192] = 1;
}

static void
fill_blake2f_31(uint8_t *in)
{
    memset(in, 0xff, 212);
    vd_store_be32(in, 31);
    in[212] = 1;
}

/* One round more than the oracle is asked for needs 10 M gas; the table takes the rounds' share. */
static void
fill_blake2f_most(uint8_t *in)
{
    memset(in, 0xff, 212);
    vd_store_be32(in, 10000001);
    in[212] = 1;
}

static void
fill_ones(uint8_t *in)
{
    (void)in;
}

static void
fill_ecrecover(uint8_t *in)
{
    in[63] = 27;
    in[95] = 1;
    in[127] = 1;
}

/* A jump over the whole code, which has as many instructions as can be. */
static void
fill_code_far(uint8_t *code)
{
    memset(code, 0x5b, CODE_MAX - 4);
    vd_store_be32(code, 0x615ffb56);
}

/* A jump to a long block that fails at once: it begins with POP. */
static void
fill_code_vain(uint8_t *code)
{
    fill_code_far(code);
    vd_store_be32(code, 0x61400056);
    memset(code + 0x4001, 0x80, 200);
    code[0x4001] = 0x50;
}

/* More codes of the greatest size than the window holds, each called in turn: the accounts are warm
   after the first round. */
#define WARM_CODES 2047u
#define WARM_CALL(gas) \
    "600101"           \
    "806107ff1673dd00000000000000000000000000000000000000175f5f5f5f5f85" gas "f15050"

#define COUNT "600101" /* the next key or account */
static const struct work works[] = {
    {.name = "JUMPDEST", .body = "5b", .repeat = 8000, .rest = 20000},
    {.name = "ADD", .setup = WORDS, .body = "8101", .repeat = 2000, .rest = 20000},
    {.name = "MUL", .setup = WORDS, .body = "8102", .repeat = 2000, .rest = 30000},
    {.name = "PUSH32 POP", .body = WORDS "505050", .repeat = 200, .rest = 20000},
    {.name = "DIV", .setup = DIVIDE, .body = "81810450", .repeat = 1000, .rest = 30000},
    {.name = "SDIV", .setup = DIVIDE, .body = "81810550", .repeat = 1000, .rest = 30000},
    {.name = "MOD", .setup = DIVIDE, .body = "81810650", .repeat = 1000, .rest = 30000},
    {.name = "ADDMOD", .setup = WORDS, .body = "8282820850", .repeat = 1000, .rest = 30000},
    {.name = "MULMOD", .setup = WORDS, .body = "82829109", .repeat = 1000, .rest = 30000},
    {.name = "EXP", .setup = WORDS, .body = "81810a50", .repeat = 20, .rest = 50000},
    {.name = "SAR", .setup = WORDS "5060c3", .body = "81811d50", .repeat = 1000, .rest = 30000},
    {.name = "BYTE", .setup = WORDS "50601f", .body = "81811a50", .repeat = 1000, .rest = 30000},
    {.name = "SLT", .setup = WORDS, .body = "81811250", .repeat = 1000, .rest = 30000},
    {.name = "MSTORE", .setup = WORDS, .body = "80600152", .repeat = 1000, .rest = 30000},
    {.name = "MLOAD", .body = "60015150", .repeat = 1000, .rest = 30000},
    {.name = "MCOPY 8 KiB, odd", .body = "612000600360055e", .repeat = 20, .rest = 50000},
    {.name = "KECCAK256 of nothing", .body = "5f5f2050", .repeat = 500, .rest = 40000},
    {.name = "KECCAK256 of 32", .body = "60205f2050", .repeat = 500, .rest = 40000},
    {.name = "KECCAK256 of 8 KiB", .body = "6120005f2050", .repeat = 10, .rest = 60000},
    {.name = "LOG0 of 32", .body = "60205fa0", .repeat = 20, .rest = 60000},
    {.name = "LOG4", .body = "5f5f5f5f5f5fa4", .repeat = 20, .rest = 80000},
    {.name = "TSTORE", .setup = "5f", .body = COUNT "80805d", .repeat = 100, .rest = 60000},
    {.name = "CALL of itself", .body = "5f5f5f5f5f305af150", .repeat = 1, .rest = 60000},
    {.name = "CREATE", .body = "5f5f5ff050", .repeat = 1, .rest = 100000},
    {.name = "SLOAD cold",
     .setup = "5f",
     .body = COUNT "805450",
     .repeat = 10,
     .rest = 60000,
     .slots = STATE_ITEMS},
    {.name = "SSTORE cold, changed",
     .setup = "5f",
     .body = COUNT "805a9055",
     .repeat = 4,
     .rest = 200000,
     .slots = STATE_ITEMS},
    {.name = "SSTORE cold, cleared",
     .setup = "5f",
     .body = COUNT "5f8155",
     .repeat = 4,
     .rest = 200000,
     .slots = STATE_ITEMS},
    {.name = "SSTORE cold, new",
     .setup = "63000fffff",
     .body = COUNT "805a9055",
     .repeat = 4,
     .rest = 200000,
     .slots = STATE_ITEMS},
    {.name = "BALANCE cold",
     .setup = "73dd00000000000000000000000000000000000000",
     .body = COUNT "803150",
     .repeat = 10,
     .rest = 60000,
     .accounts = STATE_ITEMS},
    {.name = "EXTCODECOPY cold, 24 KiB",
     .setup = "73dd00000000000000000000000000000000000000",
     .body = COUNT "60015f5f833c",
     .repeat = 4,
     .rest = 60000,
     .accounts = 30000,
     .code = CODE_MAX},
    {.name = "CALL cold, 24 KiB",
     .setup = "73dd00000000000000000000000000000000000000",
     .body = COUNT "5f5f5f5f5f855af150",
     .repeat = 4,
     .rest = 60000,
     .accounts = 30000,
     .code = CODE_MAX},
    {.name = "CALL cold, 24 KiB, jump",
     .setup = "73dd00000000000000000000000000000000000000",
     .body = COUNT "5f5f5f5f5f855af150",
     .repeat = 4,
     .rest = 60000,
     .accounts = 30000,
     .code = CODE_MAX,
     .fill_code = fill_code_far},
    {.name = "CALL warm, 24 KiB",
     .setup = "5f",
     .body = WARM_CALL("5a"),
     .repeat = 20,
     .rest = 100000,
     .accounts = WARM_CODES,
     .code = CODE_MAX,
     .least = 30000000},
    {.name = "CALL warm, 24 KiB, jump",
     .setup = "5f",
     .body = WARM_CALL("5a"),
     .repeat = 20,
     .rest = 100000,
     .accounts = WARM_CODES,
     .code = CODE_MAX,
     .fill_code = fill_code_far,
     .least = 30000000},
    {.name = "CALL warm, 24 KiB, vain",
     .setup = "5f",
     .body = WARM_CALL("6014"),
     .repeat = 20,
     .rest = 100000,
     .accounts = WARM_CODES,
     .code = CODE_MAX,
     .fill_code = fill_code_vain,
     .least = 30000000},
    {.name = "ecrecover",
     .body = PRECOMPILE("0080", "01"),
     .repeat = 10,
     .input = 128,
     .rest = 100000,
     .fill = fill_ecrecover},
    {.name = "sha256 of 8 KiB",
     .body = PRECOMPILE("2000", "02"),
     .repeat = 4,
     .input = 8192,
     .rest = 100000,
     .fill = fill_ones},
    {.name = "ripemd160 of 8 KiB",
     .body = PRECOMPILE("2000", "03"),
     .repeat = 2,
     .input = 8192,
     .rest = 200000,
     .fill = fill_ones},
    {.name = "identity of 8 KiB",
     .body = PRECOMPILE("2000", "04"),
     .repeat = 8,
     .input = 8192,
     .rest = 100000,
     .fill = fill_ones},
    {.name = "modexp 32, odd",
     .body = PRECOMPILE("00c0", "05"),
     .repeat = 4,
     .input = 192,
     .rest = 100000,
     .fill = fill_modexp_32},
    {.name = "modexp 32, even",
     .body = PRECOMPILE("00c0", "05"),
     .repeat = 4,
     .input = 192,
     .rest = 100000,
     .fill = fill_modexp_even},
    {.name = "modexp 8, even, long",
     .body = PRECOMPILE("0470", "05"),
     .repeat = 4,
     .input = 96 + 16 + LONG_EXPONENT,
     .rest = 100000,
     .fill = fill_modexp_8_long},
    {.name = "modexp 16, even, long",
     .body = PRECOMPILE("0480", "05"),
     .repeat = 4,
     .input = 96 + 32 + LONG_EXPONENT,
     .rest = 100000,
     .fill = fill_modexp_16_long},
    {.name = "modexp 24, even, long",
     .body = PRECOMPILE("0490", "05"),
     .repeat = 2,
     .input = 96 + 48 + LONG_EXPONENT,
     .rest = 100000,
     .fill = fill_modexp_24_long},
    {.name = "modexp 40, even, long",
     .body = PRECOMPILE("04b0", "05"),
     .repeat = 1,
     .input = 96 + 80 + LONG_EXPONENT,
     .rest = 200000,
     .fill = fill_modexp_40_long},
    {.name = "modexp 64, 10 bits",
     .body = PRECOMPILE("00e2", "05"),
     .repeat = 1,
     .input = 226,
     .rest = 60000,
     .fill = fill_modexp_64_10},
    {.name = "modexp 256",
     .body = PRECOMPILE("0263", "05"),
     .repeat = 2,
     .input = 611,
     .rest = 200000,
     .fill = fill_modexp_256},
    {.name = "modexp 1024",
     .body = PRECOMPILE("0861", "05"),
     .repeat = 1,
     .input = 2145,
     .rest = 400000,
     .fill = fill_modexp_1024},
    {.name = "modexp 1024, once",
     .body = PRECOMPILE("0861", "05"),
     .repeat = 1,
     .input = 2145,
     .rest = 60000,
     .fill = fill_modexp_once},
    {.name = "modexp 1024, cube",
     .body = PRECOMPILE("0861", "05"),
     .repeat = 1,
     .input = 2145,
     .rest = 60000,
     .fill = fill_modexp_cube},
    {.name = "modexp 1024, once, 3 2^8190",
     .body = PRECOMPILE("0861", "05"),
     .repeat = 1,
     .input = 2145,
     .rest = 60000,
     .fill = fill_modexp_power},
    {.name = "modexp 1024, once, half even",
     .body = PRECOMPILE("0861", "05"),
     .repeat = 1,
     .input = 2145,
     .rest = 60000,
     .fill = fill_modexp_half},
    {.name = "modexp 64, 8 bits, even",
     .body = PRECOMPILE("00e1", "05"),
     .repeat = 1,
     .input = 225,
     .rest = 60000,
     .fill = fill_modexp_least},
    {.name = "modexp 192, once",
     .body = PRECOMPILE("01e1", "05"),
     .repeat = 1,
     .input = 481,
     .rest = 60000,
     .fill = fill_modexp_least_192},
    {.name = "blake2f, 31 rounds",
     .body = PRECOMPILE("00d5", "09"),
     .repeat = 10,
     .input = 213,
     .rest = 60000,
     .fill = fill_blake2f_31},
    {.name = "blake2f, 10,000,001 rounds",
     .body = PRECOMPILE("00d5", "09"),
     .repeat = 1,
     .input = 213,
     .rest = 10100000,
     .fill = fill_blake2f_most},
};

/* --- the block --- */

static size_t
put_hex(uint8_t *code, size_t at, const char *hex)
{
    size_t len = hex == NULL ? 0 : strlen(hex) / 2;
    VD_ASSERT(at + len <= CODE_MAX);
    if (len != 0 && vd_hex_decode(code + at, len, hex, 2 * len) != VD_OK)
        abort();
    return at + len;
}

/* calldatacopy(0, 0, calldatasize); setup; do { body... } while (gas() > rest) */
static struct vd_slice
make_code(struct chain *c, const struct work *w)
{
    uint8_t *code = vd_arena_zeroed(&c->arena, CODE_MAX, 1, 1);
    char tail[32];
    size_t n = put_hex(code, 0, "365f5f37");
    n = put_hex(code, n, w->setup);
    size_t start = n;
    n = put_hex(code, n, "5b");
    for (unsigned i = 0; i < w->repeat; i++)
        n = put_hex(code, n, w->body);
    snprintf(tail, sizeof tail, "63%08x5a1161%04x5700", (unsigned)w->rest, (unsigned)start);
    n = put_hex(code, n, tail);
    return vd_slice(code, n);
}

static void
add_state(struct chain *c, struct vd_genesis_account *contract, const struct work *w, uint64_t gas)
{
    /* No more than the gas reaches: cold access costs 2600. */
    uint64_t reach = gas / 2600 + 100;
    uint32_t accounts = w->accounts < reach ? w->accounts : (uint32_t)reach;
    struct vd_genesis_slot *slots = VD_ARENA_NEW(&c->arena, struct vd_genesis_slot, w->slots + 1);
    for (uint32_t i = 0; i < w->slots; i++)
        slots[i] = (struct vd_genesis_slot){vd_u256(i + 1), vd_u256(i + 7)};
    contract->slots = slots;
    contract->slot_count = w->slots;
    for (uint32_t i = 0; i < accounts; i++) {
        struct vd_address address = {{0xdd}};
        vd_store_be32(address.b + 16, i + 1);
        struct vd_genesis_account *account = chain_account(c, address, 1);
        if (w->code != 0) {
            uint8_t *code = vd_arena_zeroed(&c->arena, w->code, 1, 1);
            if (w->fill_code != NULL)
                w->fill_code(code);
            vd_store_be32(code + w->code - 4, i);
            account->code = vd_slice(code, w->code);
        }
    }
}

static struct chain *
make_chain(const struct work *w, uint64_t gas)
{
    struct chain *c = chain_new(10);
    struct vd_address contract = chain_user(200);
    c->keeps_no_list = true;
    c->config.genesis_system_config.gas_limit = 4 * gas;
    if (w != NULL) {
        struct vd_genesis_account *account = chain_account(c, contract, 0);
        account->code = make_code(c, w);
        add_state(c, account, w, gas);
    }
    chain_begin(c);
    chain_l1_grow(c, 2);
    struct vd_slice *txs = VD_ARENA_NEW(&c->arena, struct vd_slice, 1);
    if (w != NULL) {
        uint8_t *input = vd_arena_zeroed(&c->arena, w->input + 1, 1, 1);
        if (w->fill != NULL)
            w->fill(input);
        txs[0] = chain_tx(c, 0, contract, gas, vd_slice(input, w->input));
    }
    (void)chain_l2_add(c, 0, txs, w != NULL);
    chain_post_in_next(c, 1, 2);
    chain_ask(c, 0, 1, &c->l2[1].output);
    return c;
}

/* --- the machine --- */

struct counted {
    uint64_t pages;
    uint64_t exec_pages;
    uint64_t exec_begin;
};

static void
count_page(void *ctx, uint32_t page, const uint8_t bytes[VD_VM_PAGE])
{
    struct counted *n = ctx;
    uint64_t at = (uint64_t)page * VD_VM_PAGE;
    (void)bytes;
    n->pages++;
    n->exec_pages += at >= n->exec_begin && at < GUEST_MEMORY + (uint64_t)VD_PROGRAM_MEMORY;
}

static enum vd_err
find_preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    struct chain *c = ctx;
    struct vd_hash hash;
    memcpy(hash.b, key, sizeof hash.b);
    *value = key[0] == VD_KEY_LOCAL ? vd_slice(c->local[key[31]], c->local_len[key[31]])
                                    : hash_store_get(&c->preimages, &hash);
    return value->ptr != NULL ? VD_OK : VD_ERR_NOT_FOUND;
}

static uint64_t
run_machine(struct chain *c, struct counted *counted)
{
    struct vd_slice image;
    struct vd_machine *machine;
    char why[256] = "";
    struct vd_vm_host host = {.ctx = c, .preimage = find_preimage};
    assert_int_equal(vd_guest_image(&image), VD_OK);
    assert_int_equal(vd_prestate_new(&machine, why, sizeof why, image, &c->config), VD_OK);
    assert_int_equal(vd_machine_run(machine, UINT64_MAX, &host), VD_OK);
    const struct vd_vm_registers *end = vd_machine_registers(machine);
    if (end->exit_code != VD_VM_VALID)
        printf("    the machine ended with %u\n", end->exit_code);
    uint64_t steps = end->step;
    const uint8_t *base = c->program_memory;
    *counted =
        (struct counted){.exec_begin = GUEST_MEMORY + (uint64_t)(c->regions.exec.base - base)};
    vd_machine_each_written(machine, false, count_page, counted);
    vd_machine_free(machine);
    return steps;
}

static double dearest; /* steps per gas, of all that was measured */

static uint64_t
measure(const struct work *w, uint64_t gas, uint64_t base_steps)
{
    struct chain *c = make_chain(w, gas);
    struct counted counted;
    assert_int_equal(chain_run(c), VD_OK);
    assert_int_equal(c->result.verdict, VD_PROGRAM_VALID);
    uint64_t steps = run_machine(c, &counted);
    uint64_t used = c->l2[1].gas_used;
    double per_gas = w == NULL ? 0 : (double)(steps - base_steps) / (double)used;
    dearest = per_gas > dearest ? per_gas : dearest;
    printf("%-28s %12llu %14llu %9.1f %8.1f %8.1f\n", w == NULL ? "empty block" : w->name,
           (unsigned long long)used, (unsigned long long)steps, per_gas,
           (double)counted.pages * VD_VM_PAGE / 1048576,
           (double)counted.exec_pages * VD_VM_PAGE / 1048576);
    figure("bench_steps", w == NULL ? "empty block" : w->name, (double)steps, "steps");
    fflush(stdout);
    chain_free(c);
    return steps;
}

/* --- what stands on L1 --- */

#define L1_BYTES ((size_t)1 << 20)

static void
no_load(struct chain *c)
{
    (void)c;
}

static void
load_empty_blocks(struct chain *c)
{
    chain_l1_seal(c);
    chain_l1_grow(c, c->l1_count + 29);
    chain_l1_open(c);
}

/* Transactions of 64 KiB to nobody. */
static void
load_calldata(struct chain *c)
{
    static const struct vd_address other = {{0x44}};
    uint8_t *data = vd_arena_zeroed(&c->arena, 65536, 1, 1);
    for (size_t i = 0; i < L1_BYTES / 65536; i++)
        chain_l1_tx(c, &other, &other, vd_slice(data, 65536));
}

/* The same, to the inbox from somebody else. */
static void
load_inbox(struct chain *c)
{
    static const struct vd_address other = {{0x44}};
    uint8_t *data = vd_arena_zeroed(&c->arena, 65536, 1, 1);
    for (size_t i = 0; i < L1_BYTES / 65536; i++)
        chain_l1_tx(c, &other, &c->config.batch_inbox, vd_slice(data, 65536));
}

/* A channel of one string that is no batch: runs of one byte, or literals. */
static void
load_channel(struct chain *c, bool runs)
{
    struct vd_buf out;
    vd_buf_init(&out, &c->arena);
    struct deflate d = deflate_begin(&out);
    static const uint8_t head[] = {0xba, 0x10, 0x00, 0x00, 0x07};
    for (size_t i = 0; i < sizeof head; i++)
        deflate_literal(&d, head[i]);
    if (runs)
        deflate_runs(&d, 0x07, L1_BYTES / 258);
    for (size_t i = 0; !runs && i < L1_BYTES / 2; i++)
        deflate_literal(&d, (uint8_t)(i * 7));
    deflate_end(&d);
    chain_post_channel(c, vd_buf_view(&out), 0x99);
}

static void
load_bomb(struct chain *c)
{
    load_channel(c, true);
}

static void
load_literals(struct chain *c)
{
    load_channel(c, false);
}

/* Blocks of zlib, or prefix codes of brotli, that make next to nothing.  Sizes are of what is on
   L1. */
static void
load_empty_fixed(struct chain *c)
{
    struct vd_buf out;
    vd_buf_init(&out, &c->arena);
    struct deflate d = {.out = &out};
    vd_buf_byte(&out, 0x78);
    vd_buf_byte(&out, 0x01);
    while (out.len < L1_BYTES / 16) {
        deflate_bits(&d, 0, 1);
        deflate_bits(&d, 1, 2);
        deflate_code(&d, 0, 7);
    }
    deflate_bits(&d, 0, 16);
    chain_post_channel(c, vd_buf_view(&out), 0x99);
}

/* The same with codes of their own: two symbols of a bit each, and nothing is said but the end. */
static void
load_empty_dynamic(struct chain *c)
{
    struct vd_buf out;
    vd_buf_init(&out, &c->arena);
    struct deflate d = {.out = &out};
    vd_buf_byte(&out, 0x78);
    vd_buf_byte(&out, 0x01);
    while (out.len < L1_BYTES / 16) {
        deflate_bits(&d, 2 << 1, 3);
        deflate_bits(&d, 0, 10);
        deflate_bits(&d, 14, 4); /* 18 lengths: those of 18 and 1 are one bit */
        for (unsigned i = 0; i < 18; i++)
            deflate_bits(&d, i == 2 || i == 17, 3);
        deflate_bits(&d, 0, 1); /* symbol 0: one bit */
        deflate_bits(&d, 1 | 127 << 1, 8);
        deflate_bits(&d, 1 | 106 << 1, 8);
        deflate_bits(&d, 0, 2); /* the end, and one distance */
        deflate_bits(&d, 1, 1);
    }
    deflate_bits(&d, 0, 16);
    chain_post_channel(c, vd_buf_view(&out), 0x99);
}

/* A string of 1 MiB begins; the rest of it is one meta-block's. */
static struct deflate
begin_string(struct vd_buf *out)
{
    static const uint8_t head[] = {0xba, 0x10, 0x00, 0x00, 0x07};
    struct deflate d = brotli_begin(out);
    brotli_raw(&d, vd_slice(head, sizeof head));
    deflate_bits(&d, 1, 2); /* the last one, not empty */
    deflate_bits(&d, 1, 2); /* a length of five nibbles */
    deflate_bits(&d, (uint32_t)L1_BYTES - 2, 20);
    return d;
}

/* Of one block type each and no direct distances; literals by that mode, of that many trees. */
static void
brotli_header(struct deflate *d, unsigned mode, unsigned trees)
{
    deflate_bits(d, 0, 3);
    deflate_bits(d, 0, 6);
    deflate_bits(d, mode, 2);
    if (trees == 1) {
        deflate_bits(d, 0, 1);
    } else { /* two of them, of which the first is always meant */
        deflate_bits(d, 1, 4);
        deflate_bits(d, 0, 1);
        deflate_bits(d, 1, 5);
        deflate_bits(d, 0, 1);
    }
    deflate_bits(d, 0, 1);
}

static void
brotli_finish(struct chain *c, struct deflate *d)
{
    deflate_bits(d, 0, 16);
    chain_post_channel(c, vd_buf_view(d->out), 0x99);
}

static void
load_brotli_run(struct chain *c)
{
    struct vd_buf out;
    vd_buf_init(&out, &c->arena);
    struct deflate d = begin_string(&out);
    brotli_header(&d, 0, 1);
    brotli_single(&d, 0x07, 8);
    brotli_single(&d, 399, 10); /* one literal, a copy of 2118 and more */
    brotli_single(&d, 16, 6);
    deflate_bits(&d, (uint32_t)L1_BYTES - 2 - 2118, 24);
    deflate_bits(&d, 0, 1);
    brotli_finish(c, &d);
}

/* Commands without a bit: two bytes again, and again. */
static void
load_brotli_pairs(struct chain *c)
{
    struct vd_buf out;
    vd_buf_init(&out, &c->arena);
    struct deflate d = begin_string(&out);
    brotli_header(&d, 0, 1);
    brotli_single(&d, 0x07, 8);
    brotli_single(&d, 128, 10); /* a copy of two from a distance that is read */
    brotli_single(&d, 0, 6);
    brotli_finish(c, &d);
}

static void
brotli_literals(struct chain *c, unsigned mode, unsigned trees)
{
    struct vd_buf out;
    vd_buf_init(&out, &c->arena);
    struct deflate d = begin_string(&out);
    brotli_header(&d, mode, trees);
    for (unsigned i = 0; i < trees; i++) { /* four of two bits each */
        deflate_bits(&d, 1 | 3 << 2, 4);
        for (uint32_t k = 0; k < 4; k++)
            deflate_bits(&d, 0x40 * k + 0x33, 8);
        deflate_bits(&d, 0, 1);
    }
    brotli_single(&d, 504, 10); /* 22594 literals and more */
    brotli_single(&d, 0, 6);
    deflate_bits(&d, (uint32_t)L1_BYTES - 1 - 22594, 24);
    for (size_t i = 0; i < L1_BYTES / 4; i++)
        deflate_bits(&d, (uint32_t)(i * 7) & 0xff, 8);
    brotli_finish(c, &d);
}

static void
load_brotli_literals(struct chain *c)
{
    brotli_literals(c, 0, 1);
}

static void
load_brotli_contexts(struct chain *c)
{
    brotli_literals(c, 2, 2);
}

/* 256 types of commands, each with a code of two symbols in 12 bits, over and over. */
static void
load_brotli_codes(struct chain *c)
{
    struct vd_buf out;
    vd_buf_init(&out, &c->arena);
    struct deflate d = begin_string(&out);
    out.len -= 3; /* of the meta-block that was begun */
    d = (struct deflate){.out = &out};
    while (out.len < L1_BYTES / 16) {
        deflate_bits(&d, 0, 3); /* a length of four nibbles: two bytes */
        deflate_bits(&d, 1, 17);
        deflate_bits(&d, 0, 1);
        deflate_bits(&d, 1 | 7 << 1 | 127 << 4, 11);
        brotli_single(&d, 0, 9);
        brotli_single(&d, 25, 5);
        deflate_bits(&d, 0, 24);
        deflate_bits(&d, 0, 1);
        deflate_bits(&d, 0, 6);
        deflate_bits(&d, 0, 2);
        deflate_bits(&d, 0, 2);
        brotli_single(&d, 0x07, 8);
        for (unsigned i = 0; i < 256; i++) {
            deflate_bits(&d, 0, 2);          /* no length is skipped */
            deflate_bits(&d, 7 | 7 << 4, 8); /* lengths 1 and 2 have one bit each */
            deflate_bits(&d, 0, 2);          /* two symbols of length 1 */
        }
        brotli_single(&d, 0, 6);
        deflate_bits(&d, 0, 1); /* the first: no literal, a copy of two */
    }
    brotli_finish(c, &d);
}

/* The longest batch: as many transactions as a channel may have bytes. */
static void
load_longest(struct chain *c)
{
    static const uint8_t one[] = {0x01};
    struct vd_buf out;
    struct deflate d = long_singular(c, &out, vd_slice(one, 1), 1, (struct vd_slice){0});
    brotli_end(&d);
    chain_post_channel(c, vd_buf_view(&out), 0x99);
}

static void
load_deposits(struct chain *c)
{
    struct vd_address to = chain_user(77);
    for (unsigned i = 0; i < CHAIN_MAX_ITEMS; i++)
        chain_deposit(c, &to, 1);
}

static void
load_receipts(struct chain *c)
{
    for (unsigned i = 0; i < CHAIN_MAX_ITEMS; i++)
        chain_other_log(c);
    memset(chain_l1(c)->header.logs_bloom, 0xff, 256);
}

static const struct {
    const char *name;
    void (*load)(struct chain *c);
    double units;
    const char *unit;
} loads[] = {
    {"L1 block, empty", load_empty_blocks, 30, "block"},
    {"L1 transactions to others", load_calldata, (double)L1_BYTES, "byte"},
    {"L1 transactions to the inbox", load_inbox, (double)L1_BYTES, "byte"},
    {"channel, runs (zlib)", load_bomb, (double)L1_BYTES, "byte inflated"},
    {"channel, literals (zlib)", load_literals, (double)L1_BYTES / 2, "byte inflated"},
    {"channel, empty blocks (zlib)", load_empty_fixed, (double)L1_BYTES / 16, "byte on L1"},
    {"channel, empty codes (zlib)", load_empty_dynamic, (double)L1_BYTES / 16, "byte on L1"},
    {"channel, runs (brotli)", load_brotli_run, (double)L1_BYTES, "byte inflated"},
    {"channel, pairs (brotli)", load_brotli_pairs, (double)L1_BYTES, "byte inflated"},
    {"channel, literals (brotli)", load_brotli_literals, (double)L1_BYTES, "byte inflated"},
    {"channel, contexts (brotli)", load_brotli_contexts, (double)L1_BYTES, "byte inflated"},
    {"channel, codes (brotli)", load_brotli_codes, (double)L1_BYTES / 16, "byte on L1"},
    {"batch of 100 MB (brotli)", load_longest, VD_CHANNEL_MAX_BYTES, "byte of transactions"},
    {"L1 receipts, bloom full", load_receipts, CHAIN_MAX_ITEMS, "receipt"},
    {"L1 receipts with deposits", load_deposits, CHAIN_MAX_ITEMS, "deposit"},
};

/* One L2 block whose batch comes behind an L1 block of that load. */
static uint64_t
measure_l1(void (*load)(struct chain *c))
{
    struct chain *c = chain_new(60);
    struct counted counted;
    c->keeps_no_list = true;
    chain_begin(c);
    chain_l1_grow(c, 2);
    (void)chain_l2_add(c, 0, NULL, 0);
    chain_l1_open(c);
    load(c);
    chain_l1_seal(c);
    chain_post_in_next(c, 1, 2);
    chain_ask(c, 0, 1, &c->l2[1].output);
    assert_int_equal(chain_run(c), VD_OK);
    assert_int_equal(c->result.head.number, 1);
    assert_int_equal(c->result.verdict, VD_PROGRAM_VALID);
    uint64_t steps = run_machine(c, &counted);
    chain_free(c);
    return steps;
}

/* The worst L1 block that is no channel's. */
static double
print_l1(void)
{
    double worst = 0;
    uint64_t base = measure_l1(no_load);
    printf("\n%-28s %14s %12s\n", "what", "steps", "each");
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        fflush(stdout);
        uint64_t steps = measure_l1(loads[i].load);
        double each = (double)(steps - base) / loads[i].units;
        printf("%-28s %14llu %12.2f  per %s\n", loads[i].name, (unsigned long long)steps, each,
               loads[i].unit);
        figure("bench_steps", loads[i].name, (double)steps, "steps");
        if (loads[i].load == load_inbox)
            worst += each * 10 * (1 << 20);
        if (loads[i].load == load_receipts)
            worst += each * (VD_MOST_L1_BLOCK_GAS / 21000);
    }
    return worst;
}

int
main(int argc, char **argv)
{
    bool check = argc > 1 && strcmp(argv[1], "check") == 0;
    uint64_t gas = check ? CHECK_GAS : argc > 1 ? strtoull(argv[1], NULL, 10) : GAS;
    const char *only = argc > 2 ? argv[2] : NULL;
    printf("%-28s %12s %14s %9s %8s %8s\n", "what", "gas", "steps", "per gas", "MiB", "exec MiB");
    uint64_t base_steps = measure(NULL, gas, 0);
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        uint64_t least = (uint64_t)works[i].rest + 2000000;
        least = least > works[i].least ? least : works[i].least;
        if (only == NULL || strstr(works[i].name, only) != NULL)
            (void)measure(&works[i], gas < least ? least : gas, base_steps);
    }
    double l1_block = only == NULL || strcmp(only, "L1") == 0 ? print_l1() : 0;
    if (check) {
        printf("%.1f steps a gas, bound %u; %.0f an L1 block, bound %u\n", dearest,
               VD_STEPS_OF_L2_GAS, l1_block, VD_STEPS_OF_L1_BLOCK);
    }
    return check && (dearest > VD_STEPS_OF_L2_GAS || l1_block > VD_STEPS_OF_L1_BLOCK);
}
