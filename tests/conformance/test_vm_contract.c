/* One step of the fault-proof machine on L1: contract RISCV runs on this build's EVM, and must give
   the state hash that the plain step gives, or revert where that refuses.

   With VD_VM_CASES=FILE every seventh step is also written to that file, a line of hex each, for
   forge to check (contracts/test/RISCVCases.t.sol):

     reads a part 1 | key 32 | offset 4 | length 8 | part 32 | sender 20 | local context 32 |
     expected hash, zero if refused 32 | state 298 | proof */
#include "support/random.h"
#include "unit/core/evm/evm_fixture.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/program/oracle.h"
#include "viaduct/node/fault/machine.h"
#include "viaduct/node/platform/artifacts.h"

enum { GAS = 16777216 }; /* EIP-7825: what one transaction may have */
#define DATA VD_VM_TEXT_HI
#define EDGES(array) (sizeof(array) / sizeof((array)[0]))

static const struct vd_hash local_context = {{0x10, 0xca, [31] = 0x1c}};

struct world {
    struct fixture fx;
    struct vd_evm *evm;
    struct vd_address oracle;
    struct vd_address contract;
    struct vd_address game;
    struct vd_random random;
    struct vd_machine *machine;
    uint8_t calldata[8192];
    FILE *cases;
    size_t steps;
    size_t refused;
    uint64_t most_gas;
};

/* --- preimages --- */

/* One of 0 to 63 bytes by the last byte of the key. */
static enum vd_err
preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    static uint8_t bytes[64];
    (void)ctx;
    memset(bytes, key[1], sizeof bytes);
    *value = vd_slice(bytes, key[31] % 64);
    return VD_OK;
}

static enum vd_err
no_preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    (void)ctx, (void)value, (void)key;
    return VD_ERR_NOT_FOUND;
}

static const struct vd_vm_host host = {.preimage = preimage};
static const struct vd_vm_host empty_host = {.preimage = no_preimage};

/* --- the contracts --- */

static void
create(struct world *w, const struct vd_address *at, const char *name,
       const struct vd_address *argument)
{
    const struct vd_artifact *artifact = vd_artifact_find(name);
    assert_non_null(artifact);
    size_t len = artifact->init_len;
    uint8_t *code = malloc(len + 64);
    assert_non_null(code);
    memcpy(code, artifact->init, len);
    memset(code + len, 0, 64);
    if (argument) {
        memcpy(code + len + 12, argument->b, 20);
        len += 32;
    } else {
        vd_store_be64(code + len + 24, 136); /* smallest proposal, challenge period 0 */
        len += 64;
    }
    vd_state_tx_begin(w->fx.state);
    w->fx.message = (struct vd_evm_message){
        .is_create = true, .sender = w->game, .to = *at, .input = vd_slice(code, len), .gas = GAS};
    assert_int_equal(vd_evm_execute(w->evm, &w->fx.result, &w->fx.tx, &w->fx.message, NULL), VD_OK);
    assert_int_equal(w->fx.result.status, VD_EVM_SUCCESS);
    assert_int_equal(vd_state_tx_end(w->fx.state), VD_OK);
    free(code);
}

static void
world_init(struct world *w)
{
    const char *path = getenv("VD_VM_CASES");
    memset(w, 0, sizeof *w);
    w->random = vd_random_start("vm contract");
    fixture_init(&w->fx, GAS);
    w->fx.block.gas_limit = GAS;
    w->game = fixture_address(0x6a3e);
    w->oracle = fixture_address(0x04ac1e);
    w->contract = fixture_address(0x415c);
    assert_int_equal(vd_state_tx_end(w->fx.state), VD_OK);
    assert_int_equal(vd_evm_new(&w->evm, &w->fx.arena, vd_evm_rules_l1(VD_EVM_PRAGUE), w->fx.state,
                                &w->fx.block, &w->fx.curves, NULL),
                     VD_OK);
    create(w, &w->oracle, "PreimageOracle", NULL);
    create(w, &w->contract, "RISCV", &w->oracle);
    assert_int_equal(vd_machine_new(&w->machine, VD_VM_GUEST_TEXT), VD_OK);
    if (path) {
        w->cases = fopen(path, "a");
        assert_non_null(w->cases);
    }
}

static void
world_deinit(struct world *w)
{
    printf("%zu steps alike, %zu of them refused, at most %llu gas\n", w->steps, w->refused,
           (unsigned long long)w->most_gas);
    if (w->cases) {
        assert_int_equal(fclose(w->cases), 0);
    }
    vd_machine_free(w->machine);
    fixture_deinit(&w->fx);
}

/* keccak256(key || slot), both words: where Solidity puts a mapping's element. */
static struct vd_hash
element(const uint8_t key[32], const struct vd_hash *slot)
{
    uint8_t both[64];
    memcpy(both, key, 32);
    memcpy(both + 32, slot->b, 32);
    return vd_keccak256(vd_slice(both, sizeof both));
}

static void
set_slot(struct world *w, const struct vd_hash *slot, struct vd_u256 value)
{
    struct vd_u256 key = vd_u256_from_be(slot->b);
    assert_int_equal(vd_state_set_slot(w->fx.state, &w->oracle, &key, &value), VD_OK);
}

/* The key that the oracle has a preimage under (OP Stack specs, pre-image oracle, local keys). */
static struct vd_hash
key_on_l1(const struct world *w, const uint8_t key[32])
{
    uint8_t bytes[96] = {0};
    struct vd_hash hash;
    memcpy(hash.b, key, 32);
    if (key[0] == VD_KEY_LOCAL) {
        memcpy(bytes, key, 32);
        memcpy(bytes + 32 + 12, w->game.b, 20);
        memcpy(bytes + 64, local_context.b, 32);
        hash = vd_keccak256(vd_slice(bytes, sizeof bytes));
        hash.b[0] = VD_KEY_LOCAL;
    }
    return hash;
}

/* Puts a part into the oracle's storage as if it had been loaded, or takes it out again. */
static void
set_part(struct world *w, const struct vd_vm_witness *witness, bool loaded)
{
    struct vd_hash key = key_on_l1(w, witness->key);
    struct vd_slice value;
    uint8_t part[32];
    uint8_t offset[32] = {0};
    assert_int_equal(preimage(NULL, &value, witness->key), VD_OK);
    (void)vd_vm_part(part, value, witness->offset);
    vd_store_be64(offset + 24, witness->offset);
    struct vd_hash slot = element(key.b, &(struct vd_hash){{0}});
    set_slot(w, &slot, vd_u256(value.len));
    slot = element(key.b, &(struct vd_hash){{[31] = 1}});
    slot = element(offset, &slot);
    set_slot(w, &slot, vd_u256_from_be(part));
    slot = element(key.b, &(struct vd_hash){{[31] = 2}});
    slot = element(offset, &slot);
    set_slot(w, &slot, vd_u256(loaded ? 1 : 0));
}

static size_t
encode_bytes(uint8_t *out, struct vd_slice bytes)
{
    size_t padded = (bytes.len + 31) / 32 * 32;
    memset(out, 0, 32 + padded);
    vd_store_be64(out + 24, bytes.len);
    if (bytes.len > 0) {
        memcpy(out + 32, bytes.ptr, bytes.len);
    }
    return 32 + padded;
}

/* step(bytes,bytes,bytes32): what it did is in w->fx.result. */
static void
call_step(struct world *w, struct vd_slice state, struct vd_slice proof)
{
    uint8_t *args = w->calldata + 4;
    vd_store_be32(w->calldata, 0xe14ced32);
    memset(args, 0, 96);
    vd_store_be64(args + 24, 96);
    memcpy(args + 64, local_context.b, 32);
    size_t len = 96 + encode_bytes(args + 96, state);
    vd_store_be64(args + 32 + 24, len);
    len += encode_bytes(args + len, proof);
    w->fx.message = (struct vd_evm_message){
        .sender = w->game, .to = w->contract, .input = vd_slice(w->calldata, 4 + len), .gas = GAS};
    assert_int_equal(vd_evm_execute(w->evm, &w->fx.result, &w->fx.tx, &w->fx.message, NULL), VD_OK);
    uint64_t gas = GAS - w->fx.result.gas_left;
    w->most_gas = gas > w->most_gas ? gas : w->most_gas;
}

static void
put_hex(FILE *file, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        (void)fprintf(file, "%02x", ((const uint8_t *)bytes)[i]);
    }
}

static void
write_case(struct world *w, const struct vd_vm_witness *witness, bool loaded,
           const struct vd_hash *hash)
{
    uint8_t head[1 + 32 + 4 + 8 + 32] = {loaded};
    struct vd_hash key = key_on_l1(w, witness->key);
    struct vd_slice value;
    assert_int_equal(preimage(NULL, &value, witness->key), VD_OK);
    memcpy(head + 1, key.b, 32);
    vd_store_be32(head + 33, witness->offset);
    vd_store_be64(head + 37, value.len);
    (void)vd_vm_part(head + 45, value, witness->offset);
    (void)fputs("0x", w->cases);
    put_hex(w->cases, head, sizeof head);
    put_hex(w->cases, w->game.b, 20);
    put_hex(w->cases, local_context.b, 32);
    put_hex(w->cases, hash->b, 32);
    put_hex(w->cases, witness->state, VD_VM_STATE_BYTES);
    put_hex(w->cases, witness->proof, witness->proof_len);
    (void)fputc('\n', w->cases);
}

/* The selector of the error with which the contract answers what the plain step calls err. */
static bool
is_error(struct vd_slice output, const char *signature)
{
    struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)signature, strlen(signature)));
    return output.len == 4 && memcmp(output.ptr, hash.b, 4) == 0;
}

static bool
refused_as(struct vd_slice output, enum vd_err err)
{
    if (err == VD_ERR_INVALID) {
        return is_error(output, "RISCV_BadProofLength()") || is_error(output, "RISCV_BadState()");
    }
    if (err == VD_ERR_MISMATCH) {
        return is_error(output, "RISCV_BadProof()");
    }
    return is_error(output, "PreimageOracle_PartNotLoaded()");
}

/* Runs a witness, as it is or spoiled, through contract and plain step. */
static enum vd_err
compare(struct world *w, const struct vd_vm_witness *witness, const struct vd_vm_host *from)
{
    uint8_t after[VD_VM_STATE_BYTES];
    struct vd_slice proof = vd_slice(witness->proof, witness->proof_len);
    enum vd_err err = vd_vm_step(after, witness->state, proof, VD_VM_GUEST_TEXT, from);
    struct vd_hash hash = {{0}};
    vd_state_tx_begin(w->fx.state);
    if (witness->reads_preimage) {
        set_part(w, witness, from == &host);
    }
    call_step(w, vd_slice(witness->state, VD_VM_STATE_BYTES), proof);
    if (err == VD_OK) {
        hash = vd_vm_state_hash(after);
        assert_int_equal(w->fx.result.status, VD_EVM_SUCCESS);
        assert_int_equal(w->fx.result.output.len, 32);
        assert_memory_equal(w->fx.result.output.ptr, hash.b, 32);
    } else {
        assert_int_equal(w->fx.result.status, VD_EVM_REVERT);
        assert_true(refused_as(w->fx.result.output, err));
        w->refused++;
    }
    assert_int_equal(vd_state_tx_end(w->fx.state), VD_OK);
    w->steps++;
    if (w->cases && w->steps % 7 == 0) {
        write_case(w, witness, witness->reads_preimage && from == &host, &hash);
    }
    return err;
}

/* The machine's next step in all three, and the machine goes on; spoiled says whether to try what
   must be refused, too. */
static void
step(struct world *w, bool spoiled)
{
    struct vd_vm_witness good;
    struct vd_vm_witness bad;
    struct vd_random *r = &w->random;
    uint8_t fast[VD_VM_STATE_BYTES];
    vd_machine_witness(w->machine, &good);
    assert_int_equal(compare(w, &good, &host), VD_OK);
    struct vd_hash hash;
    memcpy(hash.b, w->fx.result.output.ptr, 32);
    uint64_t number = vd_machine_registers(w->machine)->step;
    assert_int_equal(vd_machine_run(w->machine, number + 1, &host), VD_OK);
    vd_machine_state(w->machine, fast);
    struct vd_hash fast_hash = vd_vm_state_hash(fast);
    assert_memory_equal(hash.b, fast_hash.b, 32);
    if (!spoiled) {
        return;
    }
    if (good.reads_preimage) {
        assert_int_equal(compare(w, &good, &empty_host), VD_ERR_NOT_FOUND);
    }
    if (good.proof_len > 0) {
        bad = good;
        bad.proof[vd_random_below(r, good.proof_len)] ^= (uint8_t)(1u << vd_random_below(r, 8));
        assert_int_equal(compare(w, &bad, &host), VD_ERR_MISMATCH);
        bad = good;
        bad.proof_len -= 1 + vd_random_below(r, good.proof_len);
        assert_int_equal(compare(w, &bad, &host), VD_ERR_INVALID);
    }
    if (good.proof_len < VD_VM_MAX_PROOF) {
        bad = good;
        bad.proof_len += 1 + vd_random_below(r, VD_VM_MAX_PROOF - good.proof_len);
        enum vd_err err = compare(w, &bad, &host);
        assert_true(err == VD_ERR_INVALID);
    }
    /* The same proof under a spoiled state: another state's step, or none. */
    bad = good;
    bad.state[vd_random_below(r, VD_VM_STATE_BYTES)] ^= (uint8_t)(1u << vd_random_below(r, 8));
    bad.reads_preimage = false;
    (void)compare(w, &bad, &empty_host);
}

/* --- random programs --- */

struct row {
    uint32_t mask;
    uint32_t match;
};
static const struct row rows[] = {
#define VD_INSN(name, mask, match, form) {mask, match},
#include "viaduct/node/fault/riscv.def"
#undef VD_INSN
};

/* Values that instructions treat apart. */
static const uint64_t edges[] = {0,
                                 1,
                                 2,
                                 31,
                                 63,
                                 64,
                                 UINT64_MAX,
                                 INT64_MAX,
                                 1ull << 63,
                                 0x7fffffff,
                                 0x80000000,
                                 0xffffffff,
                                 0x100000000,
                                 DATA,
                                 DATA - 8,
                                 DATA + 12,
                                 0xfffffffffffffffe};

static uint64_t
random_value(struct vd_random *r)
{
    uint64_t pick = vd_random_u64(r);
    switch (pick % 5) {
    case 0:
        return edges[pick / 5 % EDGES(edges)];
    case 1:
        return DATA + (pick >> 32) % 4096;
    case 2:
        return DATA + (pick >> 32) % 4096 / 8 * 8;
    case 3:
        return DATA + (pick >> 32) % 4096 / 256 * 256;
    default:
        return vd_random_u64(r);
    }
}

static uint32_t
random_instruction(struct vd_random *r)
{
    uint64_t pick = vd_random_u64(r);
    if (pick % 50 == 0) {
        return (uint32_t)(pick >> 32);
    }
    const struct row *row = &rows[(pick >> 8) % EDGES(rows)];
    uint32_t word = ((uint32_t)(pick >> 32) & ~row->mask) | row->match;
    if ((word & 0x7f) == 0x63 || (word & 0x7f) == 0x6f) {
        /* Near targets, most of them aligned. */
        word &= ~(uint32_t)(pick % 7 == 0 ? 0x7e000000u : 0x7e000100u);
    }
    return word;
}

static void
load(struct world *w, uint64_t address, const void *bytes, size_t len)
{
    assert_int_equal(vd_machine_load(w->machine, address, vd_slice(bytes, len)), VD_OK);
}

static void
random_program(struct world *w)
{
    static const uint64_t calls[] = {VD_VM_CALL_PREIMAGE, VD_VM_CALL_KECCAK, VD_VM_CALL_WRITE,
                                     VD_VM_CALL_HINT, VD_VM_CALL_EXIT};
    struct vd_random *r = &w->random;
    uint8_t bytes[4096];
    for (size_t i = 0; i < sizeof bytes; i += 4) {
        vd_store_le32(bytes + i, random_instruction(r));
    }
    load(w, VD_VM_TEXT_LO, bytes, sizeof bytes);
    vd_random_bytes(r, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i += 32) {
        bytes[i] = (uint8_t)vd_random_below(r, 8);
    }
    load(w, DATA, bytes, sizeof bytes);
    struct vd_vm_registers x = {.pc = VD_VM_TEXT_LO + vd_random_below(r, 1024) * 4,
                                .step = vd_random_u64(r) >> 1};
    for (unsigned i = 1; i < 32; i++) {
        x.x[i] = random_value(r);
    }
    if (vd_random_below(r, 4) != 0) {
        x.x[17] = calls[vd_random_below(r, EDGES(calls))];
        x.x[11] = vd_random_below(r, 2) ? 0 : 8 + vd_random_below(r, 4) * 32;
    }
    vd_machine_set_registers(w->machine, &x);
}

static void
test_random_programs_have_the_same_steps(void **state)
{
    (void)state;
    static struct world w;
    world_init(&w);
    for (unsigned i = 0; i < 60; i++) {
        random_program(&w);
        for (unsigned n = 0; n < 20 && !vd_machine_registers(w.machine)->exited; n++) {
            step(&w, true);
        }
        step(&w, true);
    }
    world_deinit(&w);
}

/* --- every instruction at its edges --- */

/* One instruction at the start of text, over these operands; rd is x7. */
static void
run_word(struct world *w, uint32_t word, const struct vd_vm_registers *registers, bool spoiled)
{
    uint8_t bytes[4];
    vd_store_le32(bytes, word);
    load(w, VD_VM_TEXT_LO + 64, bytes, sizeof bytes);
    vd_machine_set_registers(w->machine, registers);
    step(w, spoiled);
}

static void
test_every_instruction_at_its_edges_is_the_same(void **state)
{
    (void)state;
    static struct world w;
    uint8_t bytes[4096];
    world_init(&w);
    vd_random_bytes(&w.random, bytes, sizeof bytes);
    load(&w, DATA, bytes, sizeof bytes);
    for (size_t i = 0; i < EDGES(rows); i++) {
        for (size_t n = 0; n < EDGES(edges) * EDGES(edges); n++) {
            struct vd_vm_registers x = {.pc = VD_VM_TEXT_LO + 64, .step = n};
            x.x[5] = edges[n % EDGES(edges)];
            x.x[6] = edges[n / EDGES(edges)];
            x.x[17] = x.x[6];
            uint32_t other = (uint32_t)vd_random_u64(&w.random);
            uint32_t fields = (other & 0xfe000000u) | 6u << 20 | 5u << 15 | 7u << 7;
            if (n % 4 == 0) {
                fields = (fields & 0xfffff07fu) | (other & 0x00000f80u); /* any rd, x0 too */
            }
            run_word(&w, (fields & ~rows[i].mask) | rows[i].match, &x, false);
        }
    }
    world_deinit(&w);
}

/* --- system calls and traps --- */

static void
test_every_system_call_and_its_bad_arguments_are_the_same(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {VD_VM_CALL_EXIT,
                                       VD_VM_CALL_WRITE,
                                       VD_VM_CALL_HINT,
                                       VD_VM_CALL_PREIMAGE,
                                       VD_VM_CALL_KECCAK,
                                       0,
                                       2003,
                                       VD_VM_CALL_EXIT + (1ull << 32)};
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      3,
                                      8,
                                      40,
                                      DATA,
                                      DATA + 32,
                                      DATA + 64 + 8,
                                      DATA + 256,
                                      DATA - 32,
                                      0xffffff00,
                                      0xffffffe0,
                                      DATA + (1ull << 32),
                                      UINT64_MAX};
    static struct world w;
    world_init(&w);
    for (size_t i = 0; i < EDGES(numbers); i++) {
        bool three = numbers[i] == VD_VM_CALL_PREIMAGE;
        size_t count = EDGES(values) * (three ? EDGES(values) * EDGES(values) : 1);
        for (size_t n = 0; n < count; n++) {
            struct vd_vm_registers x = {.pc = VD_VM_TEXT_LO + 64, .step = n};
            x.x[17] = numbers[i];
            x.x[10] = values[n % EDGES(values)];
            x.x[11] = three ? values[n / EDGES(values) % EDGES(values)] : 7;
            x.x[12] = three ? values[n / EDGES(values) / EDGES(values)] : UINT64_MAX - n;
            uint8_t key[32] = {(uint8_t)(n % 8), [31] = (uint8_t)n};
            load(&w, DATA, key, sizeof key);
            load(&w, DATA + 32, key, sizeof key);
            run_word(&w, 0x00000073, &x, n % 16 == 0);
        }
    }
    world_deinit(&w);
}

static void
test_every_trap_is_the_same(void **state)
{
    (void)state;
    static const uint64_t places[] = {0,
                                      VD_VM_TEXT_LO - 4,
                                      VD_VM_TEXT_LO + 1,
                                      VD_VM_TEXT_LO + 2,
                                      VD_VM_TEXT_HI - 4, /* zeros: an illegal instruction */
                                      VD_VM_TEXT_HI,
                                      VD_VM_TEXT_LO + (1ull << 32),
                                      UINT64_MAX - 3};
    static const uint32_t words[] = {0x00000000,
                                     0xffffffff,
                                     0x00100073 /* EBREAK */,
                                     0x0000100f /* FENCE.I */,
                                     0xc0001073 /* CSRRW */,
                                     0x00007003 /* a load of no size */,
                                     0x00004023 /* a store of no size */,
                                     0x00001067 /* JALR of no kind */,
                                     0x02001013 /* SLLI by 32: good */,
                                     0x0200101b /* SLLIW by 32 */,
                                     0x04001013 /* SLLI, reserved bit */,
                                     0x00002063 /* a branch of no kind */,
                                     0x0000007b,
                                     0x60001013 /* CLZ of Zbb */};
    static struct world w;
    world_init(&w);
    for (size_t i = 0; i < EDGES(places); i++) {
        struct vd_vm_registers x = {.pc = places[i], .step = i};
        vd_machine_set_registers(w.machine, &x);
        step(&w, true);
        step(&w, true); /* exited */
    }
    for (size_t i = 0; i < EDGES(words); i++) {
        struct vd_vm_registers x = {.pc = VD_VM_TEXT_LO + 64, .step = UINT64_MAX - 2};
        run_word(&w, words[i], &x, true);
        step(&w, true);
    }
    world_deinit(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_programs_have_the_same_steps),
        cmocka_unit_test(test_every_instruction_at_its_edges_is_the_same),
        cmocka_unit_test(test_every_system_call_and_its_bad_arguments_are_the_same),
        cmocka_unit_test(test_every_trap_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
