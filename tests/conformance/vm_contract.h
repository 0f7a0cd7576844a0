/* Contracts RISCV and PreimageOracle on this build's EVM beside the plain step and the fast
   machine: what the tests of the machine's step on L1 share.

   With VD_VM_CASES=FILE every seventh step is also written to that file, a line of hex each, for
   forge to check (contracts/test/RISCVCases.t.sol):

     reads a part 1 | key 32 | offset 4 | length 8 | part 32 | sender 20 | local context 32 |
     expected hash, zero if refused 32 | state 298 | proof */
#ifndef VIADUCT_TESTS_VM_CONTRACT_H
#define VIADUCT_TESTS_VM_CONTRACT_H

#include "support/random.h"
#include "unit/core/evm/evm_fixture.h"
#include "viaduct/core/base/constants.h"
#include "viaduct/core/program/oracle.h"
#include "viaduct/node/fault/machine.h"
#include "viaduct/node/platform/artifacts.h"

enum { GAS = 16777216 }; /* EIP-7825: what one transaction may have */
static const struct vd_hash local_context = {{0x10, 0xca, [31] = 0x1c}};

struct world {
    struct fixture fx;
    struct vd_evm *evm;
    struct vd_address oracle;
    struct vd_address contract;
    struct vd_address game;
    struct vd_random random;
    struct vd_machine *machine;    /* the test's */
    const struct vd_vm_host *host; /* the machine's; borrowed */
    bool loads;                    /* parts by calls to the oracle, not into its storage */
    uint8_t calldata[1 << 20];
    FILE *cases;
    size_t steps;
    size_t refused;
    uint64_t most_gas;
};

/* --- preimages --- */

static enum vd_err
no_preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    (void)ctx, (void)value, (void)key;
    return VD_ERR_NOT_FOUND;
}

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
world_init(struct world *w, const struct vd_vm_host *host)
{
    const char *path = getenv("VD_VM_CASES");
    memset(w, 0, sizeof *w);
    w->host = host;
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
    assert_int_equal(w->host->preimage(w->host->ctx, &value, witness->key), VD_OK);
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

static void
call(struct world *w, const struct vd_address *to, size_t len)
{
    w->fx.message = (struct vd_evm_message){
        .sender = w->game, .to = *to, .input = vd_slice(w->calldata, len), .gas = GAS};
    assert_int_equal(vd_evm_execute(w->evm, &w->fx.result, &w->fx.tx, &w->fx.message, NULL), VD_OK);
}

/* Loads a part as challengers do: loadKeccak256PreimagePart(uint256,bytes), or, which the game
   does, loadLocalData(uint256,bytes32,bytes32,uint256,uint256).  Answers of precompiles are the
   test's own and cannot be loaded, nor can local data that no game has. */
static void
load_part(struct world *w, const struct vd_vm_witness *witness)
{
    uint8_t *args = w->calldata + 4;
    struct vd_slice value;
    assert_int_equal(w->host->preimage(w->host->ctx, &value, witness->key), VD_OK);
    memset(args, 0, 160);
    if (witness->key[0] == VD_KEY_KECCAK) {
        vd_store_be32(w->calldata, 0xe1592611);
        vd_store_be64(args + 24, witness->offset);
        vd_store_be64(args + 32 + 24, 64);
        call(w, &w->oracle, 4 + 64 + encode_bytes(args + 64, value));
    } else if (witness->key[0] == VD_KEY_LOCAL && value.len <= 32) {
        vd_store_be32(w->calldata, 0x52f0f3ad);
        args[31] = witness->key[31];
        memcpy(args + 32, local_context.b, 32);
        memcpy(args + 64, value.ptr, value.len);
        vd_store_be64(args + 96 + 24, value.len);
        vd_store_be64(args + 128 + 24, witness->offset);
        call(w, &w->oracle, 4 + 160);
    } else {
        set_part(w, witness, true);
        return;
    }
    assert_int_equal(w->fx.result.status, VD_EVM_SUCCESS);
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
    struct vd_slice value = {0};
    if (loaded) {
        assert_int_equal(w->host->preimage(w->host->ctx, &value, witness->key), VD_OK);
    }
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
    if (witness->reads_preimage && w->loads && from == w->host) {
        load_part(w, witness);
    } else if (witness->reads_preimage) {
        set_part(w, witness, from == w->host);
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
        write_case(w, witness, witness->reads_preimage && from == w->host, &hash);
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
    assert_int_equal(compare(w, &good, w->host), VD_OK);
    struct vd_hash hash;
    memcpy(hash.b, w->fx.result.output.ptr, 32);
    uint64_t number = vd_machine_registers(w->machine)->step;
    assert_int_equal(vd_machine_run(w->machine, number + 1, w->host), VD_OK);
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
        assert_int_equal(compare(w, &bad, w->host), VD_ERR_MISMATCH);
        bad = good;
        bad.proof_len -= 1 + vd_random_below(r, good.proof_len);
        assert_int_equal(compare(w, &bad, w->host), VD_ERR_INVALID);
    }
    if (good.proof_len < VD_VM_MAX_PROOF) {
        bad = good;
        bad.proof_len += 1 + vd_random_below(r, VD_VM_MAX_PROOF - good.proof_len);
        enum vd_err err = compare(w, &bad, w->host);
        assert_true(err == VD_ERR_INVALID);
    }
    /* The same proof under a spoiled state: another state's step, or none.  A call that reads could
       ask for another part, of which nobody knows whether it is there. */
    bad = good;
    bad.state[vd_random_below(r, VD_VM_STATE_BYTES)] ^= (uint8_t)(1u << vd_random_below(r, 8));
    if (!good.reads_preimage) {
        (void)compare(w, &bad, &empty_host);
    }
}

#endif
