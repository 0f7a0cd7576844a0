/* A model of the oracle as the challenger sees it: parts that are loaded, and large preimages with
   their bonds, trees, challenges and logs.  Of the challenger's tests. */
#ifndef VIADUCT_TESTS_UNIT_NODE_ROLES_ORACLE_MODEL_H
#define VIADUCT_TESTS_UNIT_NODE_ROLES_ORACLE_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/roles/challenger_large.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/abi.h"

#define LOADS 4096u
#define LPPS 64u
#define LPP_BLOCKS 64u
#define LPP_LOGS 1024u
#define LPP_BOND 250u
#define LPP_LEAST 126000u
#define LPP_PERIOD_S 60u
#define PART_BYTES 32u

struct lpp {
    struct vd_address claimant;
    struct vd_hash uuid;
    uint32_t offset;
    uint32_t size;
    uint32_t added;
    uint32_t bytes;
    uint64_t timestamp;
    bool countered;
    uint64_t bond;
    struct vd_hash branch[LARGE_DEPTH];
    uint64_t blocks[LPP_BLOCKS];
    size_t block_count;
};

struct oracle_log {
    uint64_t block;
    struct vd_address caller;
    struct vd_slice data; /* of the transaction */
};

/* What a reorg takes back. */
struct oracle_state {
    struct vd_hash loads[LOADS];
    size_t load_count;
    struct lpp lpps[LPPS];
    size_t lpp_count;
    struct oracle_log logs[LPP_LOGS];
    size_t log_count;
    /* of L1 */
    uint64_t number;
    uint64_t time;
};

/* --- preimages by their sizes --- */

#define PREIMAGES 16u
struct made {
    size_t size;
    uint8_t *bytes;
    struct vd_hash key;
};
static struct made made[PREIMAGES];

static const struct made *
preimage_of(size_t size)
{
    for (unsigned i = 0; i < PREIMAGES; i++) {
        struct made *m = &made[i];
        if (!m->bytes) {
            m->size = size;
            m->bytes = malloc(size + 1);
            assert_non_null(m->bytes);
            for (size_t k = 0; k < size; k++) {
                m->bytes[k] = (uint8_t)(k * k / 7 + k + size);
            }
            m->key = vd_keccak256(vd_slice(m->bytes, size));
            m->key.b[0] = 2;
        }
        if (m->size == size) {
            return m;
        }
    }
    fail_msg("too many preimages");
    return NULL;
}

static int
free_preimages(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PREIMAGES; i++) {
        free(made[i].bytes);
        made[i].bytes = NULL;
    }
    return 0;
}

/* --- parts --- */

static struct vd_hash
hash_part(const struct vd_hash *key, uint64_t offset)
{
    uint8_t bytes[40];
    memcpy(bytes, key->b, 32);
    vd_store_be64(bytes + 32, offset);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

static bool
is_loaded(const struct oracle_state *o, const struct vd_hash *part)
{
    for (size_t i = 0; i < o->load_count; i++) {
        if (vd_hash_eq(&o->loads[i], part)) {
            return true;
        }
    }
    return false;
}

static bool
do_load(struct oracle_state *o, const struct vd_hash *part, bool dry)
{
    if (!dry && !is_loaded(o, part)) {
        assert_true(o->load_count < LOADS);
        o->loads[o->load_count++] = *part;
    }
    return true;
}

/* --- large preimages --- */

static struct lpp *
find_lpp(struct oracle_state *o, const struct vd_address *claimant, const struct vd_hash *uuid)
{
    for (size_t i = 0; i < o->lpp_count; i++) {
        if (vd_address_eq(&o->lpps[i].claimant, claimant) && vd_hash_eq(&o->lpps[i].uuid, uuid)) {
            return &o->lpps[i];
        }
    }
    return NULL;
}

static bool
do_init(struct oracle_state *o, const struct vd_address *who, struct vd_slice args, uint64_t value,
        bool dry)
{
    struct lpp lpp = {.claimant = *who, .bond = value};
    uint64_t offset = 0;
    uint64_t size = 0;
    assert_true(vd_abi_read_hash(&lpp.uuid, args, 0) && vd_abi_read_u64(&offset, args, 32) &&
                vd_abi_read_u64(&size, args, 64));
    lpp.offset = (uint32_t)offset;
    lpp.size = (uint32_t)size;
    if (value < LPP_BOND || size < LPP_LEAST || find_lpp(o, who, &lpp.uuid)) {
        return false;
    }
    if (!dry) {
        assert_true(o->lpp_count < LPPS);
        o->lpps[o->lpp_count++] = lpp;
    }
    return true;
}

static struct vd_hash
hash_pair(const struct vd_hash *left, const struct vd_hash *right)
{
    uint8_t both[64];
    memcpy(both, left->b, 32);
    memcpy(both + 32, right->b, 32);
    return vd_keccak256(vd_slice(both, sizeof both));
}

static struct vd_hash
hash_leaf(const uint8_t *block, uint64_t index, const uint8_t *commitment)
{
    uint8_t bytes[LARGE_BLOCK + 64] = {0};
    memcpy(bytes, block, LARGE_BLOCK);
    vd_store_be64(bytes + LARGE_BLOCK + 24, index);
    memcpy(bytes + LARGE_BLOCK + 32, commitment, 32);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

/* As a deposit contract does it: as many levels are complete as the count has zeros at its end. */
static void
add_leaf(struct lpp *lpp, struct vd_hash node)
{
    unsigned height = 0;
    for (uint32_t size = ++lpp->added; (size & 1) == 0; size >>= 1) {
        node = hash_pair(&lpp->branch[height++], &node);
    }
    lpp->branch[height] = node;
}

static struct vd_hash
root_of(const struct lpp *lpp)
{
    struct vd_hash node = {{0}};
    struct vd_hash zero = {{0}};
    for (unsigned height = 0; height < LARGE_DEPTH; height++) {
        bool is_right = (lpp->added >> height & 1) != 0;
        node = is_right ? hash_pair(&lpp->branch[height], &node) : hash_pair(&node, &zero);
        zero = hash_pair(&zero, &zero);
    }
    return node;
}

static bool
do_add(struct oracle_state *o, const struct vd_address *who, struct vd_slice data, bool dry)
{
    struct vd_slice args = vd_slice(data.ptr + 4, data.len - 4);
    struct vd_slice input;
    struct vd_hash uuid;
    uint64_t start = 0;
    uint64_t at = 0;
    uint64_t count = 0;
    bool finalize = false;
    assert_true(vd_abi_read_hash(&uuid, args, 0) && vd_abi_read_u64(&start, args, 32) &&
                vd_abi_read_bytes(&input, args, 0, 64) && vd_abi_read_u64(&at, args, 96) &&
                vd_abi_read_bool(&finalize, args, 128) && vd_abi_read_u64(&count, args, at));
    struct lpp *lpp = find_lpp(o, who, &uuid);
    size_t padded = finalize ? (input.len / LARGE_BLOCK + 1) * LARGE_BLOCK : input.len;
    if (!lpp || lpp->timestamp != 0 || lpp->added != start || padded != count * LARGE_BLOCK ||
        (finalize && lpp->bytes + input.len != lpp->size)) {
        return false;
    }
    if (dry) {
        return true;
    }
    uint8_t *blocks = calloc(1, padded + 1);
    assert_non_null(blocks);
    memcpy(blocks, input.ptr, input.len);
    if (finalize) {
        blocks[input.len] = 1;
        blocks[padded - 1] |= 0x80;
    }
    for (size_t i = 0; i < count; i++) {
        add_leaf(lpp, hash_leaf(blocks + i * LARGE_BLOCK, start + i, args.ptr + at + 32 + 32 * i));
    }
    free(blocks);
    assert_true(lpp->block_count < LPP_BLOCKS && o->log_count < LPP_LOGS);
    lpp->blocks[lpp->block_count++] = o->number;
    lpp->bytes += (uint32_t)input.len;
    lpp->timestamp = finalize ? o->time : 0;
    o->logs[o->log_count++] = (struct oracle_log){o->number, *who, data};
    return true;
}

/* A leaf at a place of the calldata, whose proof stands at another. */
struct proven {
    const uint8_t *block;
    uint64_t index;
    const uint8_t *commitment;
};

static bool
is_in_tree(struct proven *leaf, const struct lpp *lpp, struct vd_slice args, size_t head)
{
    uint64_t at = 0;
    uint64_t proof = 0;
    uint64_t len = 0;
    assert_true(vd_abi_read_u64(&at, args, head) && vd_abi_read_u64(&proof, args, head + 32) &&
                vd_abi_read_u64(&leaf->index, args, at + 32) &&
                vd_abi_read_u64(&len, args, at + 96) && len == LARGE_BLOCK &&
                vd_abi_read_u64(&len, args, proof) && len == LARGE_DEPTH &&
                args.len >= proof + 32 + 32 * len);
    leaf->commitment = args.ptr + at + 64;
    leaf->block = args.ptr + at + 128;
    struct vd_hash node = hash_leaf(leaf->block, leaf->index, leaf->commitment);
    struct vd_hash root = root_of(lpp);
    for (unsigned height = 0; height < LARGE_DEPTH; height++) {
        struct vd_hash sibling;
        memcpy(sibling.b, args.ptr + proof + 32 + (size_t)32 * height, 32);
        node = (leaf->index >> height & 1) != 0 ? hash_pair(&sibling, &node)
                                                : hash_pair(&node, &sibling);
    }
    return vd_hash_eq(&node, &root);
}

static bool
is_commitment(const uint8_t commitment[32], const uint64_t state[25])
{
    uint8_t words[25 * 32] = {0};
    for (unsigned i = 0; i < 25; i++) {
        vd_store_be64(words + (size_t)32 * i + 24, state[i]);
    }
    struct vd_hash own = vd_keccak256(vd_slice(words, sizeof words));
    return memcmp(own.b, commitment, 32) == 0;
}

/* challengeLPP, challengeFirstLPP, squeezeLPP: to whom the bond goes, or NULL. */
static const struct vd_address *
do_pair(struct oracle_state *o, const struct vd_address *who, struct vd_slice args, bool is_first,
        bool squeezes, uint64_t *paid, bool dry)
{
    struct vd_address claimant;
    struct vd_hash uuid;
    struct proven before;
    struct proven last;
    uint64_t state[25] = {0};
    assert_true(vd_abi_read_address(&claimant, args, 0) && vd_abi_read_hash(&uuid, args, 32));
    struct lpp *lpp = find_lpp(o, &claimant, &uuid);
    if (!lpp) {
        return NULL;
    }
    for (unsigned i = 0; i < 25 && !is_first; i++) {
        assert_true(vd_abi_read_u64(&state[i], args, 64 + (size_t)32 * i));
    }
    size_t head = is_first ? 64 : 64 + 25 * 32;
    if (!is_first &&
        (!is_in_tree(&before, lpp, args, head) || !is_commitment(before.commitment, state))) {
        return NULL;
    }
    if (!is_in_tree(&last, lpp, args, is_first ? head : head + 64) ||
        last.index != (is_first ? 0 : before.index + 1)) {
        return NULL;
    }
    for (unsigned i = 0; i < LARGE_BLOCK / 8; i++) {
        state[i] ^= vd_load_le64(last.block + (size_t)8 * i);
    }
    vd_keccak_f1600(state);
    if (squeezes ? lpp->countered || lpp->timestamp == 0 || last.index + 1 != lpp->added ||
                       o->time - lpp->timestamp <= LPP_PERIOD_S
                 : is_commitment(last.commitment, state)) {
        return NULL;
    }
    struct vd_hash key;
    memcpy(key.b, state, 32);
    key.b[0] = 2;
    key = hash_part(&key, lpp->offset);
    (void)do_load(o, &key, dry || !squeezes);
    *paid = lpp->bond;
    if (!dry) {
        lpp->bond = 0;
        lpp->countered = lpp->countered || !squeezes;
    }
    return squeezes ? &lpp->claimant : who;
}

static bool
is_call(struct vd_slice data, const char *signature)
{
    struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)signature, strlen(signature)));
    return data.len >= 4 && memcmp(data.ptr, hash.b, 4) == 0;
}

#define LEAF_AND_PROOF "(bytes,uint256,bytes32),bytes32[]"

/* A transaction of who, who has the value; what who gets out of it is in *paid. */
static bool
do_oracle(struct oracle_state *o, const struct vd_address *who, struct vd_slice data,
          uint64_t value, uint64_t *paid, bool dry)
{
    static const char pair[] =
        "LPP(address,uint256,(uint64[25])," LEAF_AND_PROOF "," LEAF_AND_PROOF ")";
    struct vd_slice args = vd_slice(data.ptr + 4, data.len - 4);
    struct vd_slice preimage = {0};
    uint64_t offset = 0;
    char squeeze[sizeof pair + 16];
    char challenge[sizeof pair + 16];
    snprintf(squeeze, sizeof squeeze, "squeeze%s", pair);
    snprintf(challenge, sizeof challenge, "challenge%s", pair);
    *paid = 0;
    if (is_call(data, "initLPP(uint256,uint32,uint32)")) {
        return do_init(o, who, args, value, dry);
    }
    assert_int_equal(value, 0);
    if (is_call(data, "addLeavesLPP(uint256,uint256,bytes,bytes32[],bool)")) {
        return do_add(o, who, data, dry);
    }
    if (is_call(data, "loadKeccak256PreimagePart(uint256,bytes)")) {
        assert_true(vd_abi_read_u64(&offset, args, 0) && vd_abi_read_bytes(&preimage, args, 0, 32));
        struct vd_hash key = vd_keccak256(preimage);
        key.b[0] = 2;
        key = hash_part(&key, offset);
        return do_load(o, &key, dry);
    }
    bool is_first = is_call(data, "challengeFirstLPP(address,uint256," LEAF_AND_PROOF ")");
    bool squeezes = is_call(data, squeeze);
    assert_true(is_first || squeezes || is_call(data, challenge));
    const struct vd_address *to = do_pair(o, who, args, is_first, squeezes, paid, dry);
    *paid = to && vd_address_eq(to, who) ? *paid : 0;
    return to != NULL;
}

/* --- views --- */

/* The words of an answer; 0: it reverts. */
static size_t
view_oracle(struct oracle_state *o, uint8_t words[64], struct vd_slice data)
{
    struct vd_slice args = vd_slice(data.ptr + 4, data.len - 4);
    struct vd_address claimant;
    struct vd_hash uuid = {{0}};
    uint64_t number = 0;
    memset(words, 0, 64);
    if (is_call(data, "preimagePartOk(bytes32,uint256)")) {
        assert_true(vd_abi_read_hash(&uuid, args, 0) && vd_abi_read_u64(&number, args, 32));
        uuid = hash_part(&uuid, number);
        words[31] = is_loaded(o, &uuid);
        return 32;
    }
    if (is_call(data, "proposals(uint256)")) {
        assert_true(vd_abi_read_u64(&number, args, 0));
        if (number < o->lpp_count) {
            memcpy(words + 12, o->lpps[number].claimant.b, 20);
            memcpy(words + 32, o->lpps[number].uuid.b, 32);
        }
        return number < o->lpp_count ? 64 : 0;
    }
    if (args.len == 0) {
        number = is_call(data, "MIN_BOND_SIZE()")     ? LPP_BOND
                 : is_call(data, "minProposalSize()") ? LPP_LEAST
                 : is_call(data, "challengePeriod()") ? LPP_PERIOD_S
                                                      : o->lpp_count;
        vd_store_be64(words + 24, number);
        return 32;
    }
    assert_true(vd_abi_read_address(&claimant, args, 0) && vd_abi_read_hash(&uuid, args, 32));
    static const struct lpp none;
    const struct lpp *lpp = find_lpp(o, &claimant, &uuid);
    lpp = lpp ? lpp : &none;
    if (is_call(data, "proposalMetadata(address,uint256)")) {
        vd_store_be64(words, lpp->timestamp);
        vd_store_be32(words + 8, lpp->offset);
        vd_store_be32(words + 12, lpp->size);
        vd_store_be32(words + 16, lpp->added);
        vd_store_be32(words + 20, lpp->bytes);
        vd_store_be64(words + 24, lpp->countered);
    } else if (is_call(data, "proposalBonds(address,uint256)")) {
        vd_store_be64(words + 24, lpp->bond);
    } else if (is_call(data, "proposalBlocksLen(address,uint256)")) {
        vd_store_be64(words + 24, lpp->block_count);
    } else {
        assert_true(is_call(data, "proposalBlocks(address,uint256,uint256)"));
        assert_true(vd_abi_read_u64(&number, args, 64));
        if (number >= lpp->block_count) {
            return 0;
        }
        vd_store_be64(words + 24, lpp->blocks[number]);
    }
    return 32;
}

#endif
