/* Whether an L1 can judge a fault proof, before anything is sent to it.

   A step on L1 may need any preimage that the machine has read: the answer of a precompile, so L1
   must have those that the guest asks the oracle for; and any node of the tries of L1's
   transactions and receipts, so the largest that L1 lets anybody make must fit a large preimage of
   the oracle, and those of one block the guest's memory.  (docs/deploy.md, "What L1 must be able to
   do") */
#include <stdio.h>
#include <string.h>

#include "deploy_internal.h"

/* Room for the longest input, that of blake2f. */
#define INPUT_BYTES 213u
#define OUTPUT_BYTES 64u

struct vector {
    const char *name;
    uint8_t address;
    const char *input; /* hex */
    const char *output;
};

static const struct vector vectors[] = {
    /* go-ethereum's precompile tests, "ValidKey" */
    {"ecrecover", 0x01,
     "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c"
     "000000000000000000000000000000000000000000000000000000000000001c"
     "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f"
     "eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549",
     "000000000000000000000000a94f5374fce5edbc8e2a8697c15331677e6ebf0b"},
    /* FIPS 180-2, B.1 */
    {"sha256", 0x02, "616263", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    /* EIP-152, test vector 5 */
    {"blake2f", 0x09,
     "0000000c"
     "48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5"
     "d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b"
     "6162630000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000"
     "0300000000000000000000000000000001",
     "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
     "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"},
};
#define VECTORS (sizeof vectors / sizeof vectors[0])

/* PreimageOracle's largest proposal: 65,535 blocks of 136 bytes, at least one of which is padding.
 */
#define LARGEST_PREIMAGE (65535u * 136u - 1)
/* The most gas of one transaction (EIP-7825). */
#define TX_GAS_CAP ((uint64_t)1 << 24)
/* The dearest bytes are the data of logs, 8 gas each; bytes of calldata cost 10 or more (EIP-7623),
   topics and addresses more than either. */
#define GAS_PER_BYTE 8u
/* What a receipt or transaction has besides: bloom, lengths, the node around it. */
#define NODE_BYTES 4096u
/* The guest's region for one block of L1 and the receipts of its origin is 192 MiB.  Their bytes
   are a quarter of the block's gas at most; half of the region is left for nodes and lists. */
#define MOST_BLOCK_GAS ((uint64_t)(192u << 20) / 2 * (GAS_PER_BYTE / 2))
_Static_assert(MOST_BLOCK_GAS == VD_MOST_L1_BLOCK_GAS, "what a game's depth was judged by");

static size_t
unhex(uint8_t *out, const char *text)
{
    size_t len = strlen(text) / 2;
    enum vd_err err = vd_hex_decode(out, len, text, 2 * len);
    VD_ASSERT(err == VD_OK);
    return len;
}

/* --- the largest preimage --- */

static void
on_head(void *ctx, const struct vd_l1_status *status, const struct vd_hash *hash,
        const struct vd_header *header)
{
    struct vd_deploy *d = ctx;
    (void)hash;
    if (!vd_deploy_answered(d, status, "L1's head")) {
        return;
    }
    uint64_t gas = header->gas_limit;
    uint64_t tx_gas = d->l1_caps_gas && gas > TX_GAS_CAP ? TX_GAS_CAP : gas;
    if (tx_gas / GAS_PER_BYTE + NODE_BYTES > LARGEST_PREIMAGE) {
        vd_deploy_fail(d,
                       "a transaction on this L1 may use %llu gas and write a receipt of %llu "
                       "bytes; the preimage oracle holds %u, so that a fault proof that reads it "
                       "could not be finished",
                       (unsigned long long)tx_gas, (unsigned long long)(tx_gas / GAS_PER_BYTE),
                       LARGEST_PREIMAGE);
    } else if (gas > MOST_BLOCK_GAS) {
        vd_deploy_fail(d,
                       "a block of this L1 may use %llu gas; the fault proof has memory for the "
                       "receipts of %llu",
                       (unsigned long long)gas, (unsigned long long)MOST_BLOCK_GAS);
    } else {
        vd_deploy_probed(d);
    }
}

/* CLZ came with the cap on a transaction's gas (EIP-7939, EIP-7825), and can be tried: an L1 on
   which this program does not run, for whatever reason, is taken for one without the cap. */
static void
on_clz(void *ctx, const struct vd_l1_status *status, const json_t *result)
{
    struct vd_deploy *d = ctx;
    if (d->stage == VD_DEPLOY_ENDED) {
        return;
    }
    struct vd_u256 answer = vd_u256(0);
    struct vd_u256 expected = vd_u256(255);
    d->l1_caps_gas = status->err == VD_OK && json_is_string(result) &&
                     vd_file_parse_u256(&answer, json_string_value(result)) &&
                     vd_u256_eq(&answer, &expected);
    vd_l1_header(d->config.l1, vd_l1_latest(), on_head, d);
}

static void
try_clz(struct vd_deploy *d)
{
    /* PUSH1 1, CLZ, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN, as creation code */
    static const char params[] = "[{\"data\":\"0x60011e5f5260205ff3\"},\"latest\"]";
    vd_l1_request(d->config.l1, "eth_call", vd_slice((const uint8_t *)params, sizeof params - 1),
                  on_clz, d);
}

/* --- precompiles --- */

static void
on_vector(void *ctx, const struct vd_l1_status *status, struct vd_slice answer)
{
    struct vd_deploy *d = ctx;
    const struct vector *vector = &vectors[d->probes];
    uint8_t output[OUTPUT_BYTES];
    size_t len = unhex(output, vector->output);
    struct vd_l1_status told = *status;
    if (told.err == VD_ERR_REFUSED) { /* as good as a wrong answer */
        told.err = VD_OK;
        answer = vd_slice(NULL, 0);
    }
    if (!vd_deploy_answered(d, &told, vector->name)) {
        return;
    }
    if (answer.len != len || memcmp(answer.ptr, output, len) != 0) {
        vd_deploy_fail(d,
                       "this L1 has no precompile %s at address %u, or another one: it could not "
                       "judge a fault proof that relies on it",
                       vector->name, vector->address);
        return;
    }
    d->probes++;
    vd_deploy_probe(d);
}

void
vd_deploy_probe(struct vd_deploy *d)
{
    if (d->probes == VECTORS) {
        try_clz(d);
        return;
    }
    const struct vector *vector = &vectors[d->probes];
    struct vd_address precompile = {{[19] = vector->address}};
    uint8_t input[INPUT_BYTES];
    size_t len = unhex(input, vector->input);
    vd_l1_call(d->config.l1, &precompile, vd_slice(input, len), vd_l1_latest(), on_vector, d);
}
