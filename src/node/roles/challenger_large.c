#include <stdlib.h>

#include "challenger_large.h"
#include "viaduct/core/crypto/keccak.h"

#define INIT "initLPP(uint256,uint32,uint32)"
#define ADD "addLeavesLPP(uint256,uint256,bytes,bytes32[],bool)"
#define LEAF "(bytes,uint256,bytes32),bytes32[]"
#define PAIR "(address,uint256,(uint64[25])," LEAF "," LEAF ")"

/* Gas of addLeavesLPP beside its calldata: its own, written generously, and that of each block. */
#define ADD_GAS 1500000u
#define BLOCK_GAS 2500u

/* --- blocks --- */

size_t
large_blocks(size_t len)
{
    return len / LARGE_BLOCK + 1;
}

void
large_block(uint8_t block[LARGE_BLOCK], struct vd_slice preimage, size_t index)
{
    size_t start = index * LARGE_BLOCK;
    size_t left = start < preimage.len ? preimage.len - start : 0;
    memset(block, 0, LARGE_BLOCK);
    if (left > 0) {
        memcpy(block, preimage.ptr + start, left < LARGE_BLOCK ? left : LARGE_BLOCK);
    }
    if (left < LARGE_BLOCK) {
        block[left] = 0x01;
        block[LARGE_BLOCK - 1] |= 0x80;
    }
}

size_t
large_next(size_t start, size_t blocks)
{
    size_t next = (start / LARGE_AT_ONCE + 1) * LARGE_AT_ONCE;
    return next < blocks ? next : blocks;
}

static void
absorb(uint64_t state[25], const uint8_t block[LARGE_BLOCK])
{
    for (unsigned i = 0; i < LARGE_BLOCK / 8; i++) {
        state[i] ^= vd_load_le64(block + (size_t)8 * i);
    }
    vd_keccak_f1600(state);
}

/* keccak256 of the lanes, a word each. */
static struct vd_hash
commit(const uint64_t state[25])
{
    uint8_t words[25 * 32] = {0};
    for (unsigned i = 0; i < 25; i++) {
        vd_store_be64(words + (size_t)32 * i + 24, state[i]);
    }
    return vd_keccak256(vd_slice(words, sizeof words));
}

static struct vd_hash
hash_leaf(const struct large_leaf *leaf)
{
    uint8_t bytes[LARGE_BLOCK + 64] = {0};
    memcpy(bytes, leaf->input, LARGE_BLOCK);
    vd_store_be32(bytes + LARGE_BLOCK + 28, leaf->index);
    memcpy(bytes + LARGE_BLOCK + 32, leaf->commitment.b, 32);
    return vd_keccak256(vd_slice(bytes, sizeof bytes));
}

enum vd_err
large_add(struct large *l, struct vd_hash *own, const uint8_t block[LARGE_BLOCK],
          const struct vd_hash *commitment)
{
    if (l->count == LARGE_MAX_BLOCKS) {
        return VD_ERR_TOO_LARGE;
    }
    if (l->count == l->cap) {
        size_t cap = l->cap == 0 ? 1024 : 2 * l->cap;
        struct vd_hash *leaves = realloc(l->leaves, cap * sizeof *leaves);
        if (!leaves) {
            return VD_ERR_NO_MEMORY;
        }
        l->leaves = leaves;
        l->cap = cap;
    }
    struct large_leaf leaf = {.index = (uint32_t)l->count};
    uint64_t before[25];
    memcpy(leaf.input, block, LARGE_BLOCK);
    memcpy(before, l->state, sizeof before);
    absorb(l->state, block);
    *own = commit(l->state);
    leaf.commitment = commitment ? *commitment : *own;
    l->leaves[l->count++] = hash_leaf(&leaf);
    if (!l->is_wrong) {
        memcpy(l->between, before, sizeof before);
        l->before = l->last;
        l->last = leaf;
        l->is_wrong = !vd_hash_eq(&leaf.commitment, own);
    }
    return VD_OK;
}

void
large_deinit(struct large *l)
{
    free(l->leaves);
    *l = (struct large){.leaves = NULL};
}

/* --- the tree --- */

static struct vd_hash
hash_node(const struct vd_hash *left, const struct vd_hash *right)
{
    uint8_t both[64];
    memcpy(both, left->b, 32);
    memcpy(both + 32, right->b, 32);
    return vd_keccak256(vd_slice(both, sizeof both));
}

/* The siblings of a leaf from the bottom up; leaves not added are zero.  False: no memory. */
static bool
prove(struct vd_hash proof[LARGE_DEPTH], const struct large *l, size_t index)
{
    struct vd_hash zero = {{0}};
    size_t count = l->count;
    struct vd_hash *level = malloc((count + 1) * sizeof *level);
    if (!level) {
        return false;
    }
    memcpy(level, l->leaves, count * sizeof *level);
    for (unsigned height = 0; height < LARGE_DEPTH; height++) {
        size_t sibling = (index >> height) ^ 1;
        proof[height] = sibling < count ? level[sibling] : zero;
        for (size_t i = 0; 2 * i < count; i++) {
            level[i] = hash_node(&level[2 * i], 2 * i + 1 < count ? &level[2 * i + 1] : &zero);
        }
        count = (count + 1) / 2;
        zero = hash_node(&zero, &zero);
    }
    free(level);
    return true;
}

/* --- calls --- */

void
large_call_init(struct vd_abi *data, const struct vd_hash *uuid, uint32_t offset, uint32_t size)
{
    vd_abi_signature(data, INIT);
    vd_abi_hash(data, uuid);
    vd_abi_u64(data, offset);
    vd_abi_u64(data, size);
}

/* EIP-7623: calldata costs 4 gas a token and what is executed, or 10 a token if that is more; a
   byte is four tokens, zero one. */
uint64_t
large_gas_of_add(struct vd_slice data)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < data.len; i++) {
        tokens += data.ptr[i] == 0 ? 1 : 4;
    }
    uint64_t executed = 4 * tokens + BLOCK_GAS * (data.len / (LARGE_BLOCK + 32)) + ADD_GAS;
    uint64_t least = 10 * tokens;
    return 21000 + (executed > least ? executed : least);
}

void
large_call_add(struct vd_abi *data, const struct vd_hash *uuid, struct vd_slice preimage,
               const struct vd_hash *commitments, size_t start)
{
    size_t blocks = large_blocks(preimage.len);
    size_t end = large_next(start, blocks);
    size_t from = start * LARGE_BLOCK;
    size_t to = end == blocks ? preimage.len : end * LARGE_BLOCK;
    struct vd_slice input = vd_slice(preimage.ptr + from, to - from);
    vd_abi_signature(data, ADD);
    vd_abi_hash(data, uuid);
    vd_abi_u64(data, start);
    vd_abi_u64(data, 5 * 32);
    vd_abi_u64(data, 5 * 32 + vd_abi_bytes_size(input));
    vd_abi_u64(data, end == blocks);
    vd_abi_bytes(data, input);
    vd_abi_u64(data, end - start);
    vd_abi_raw(data, vd_slice(commitments[start].b, 32 * (end - start)));
}

/* Words that a leaf takes: offset of the input, index, commitment, and the input's tail. */
#define LEAF_WORDS (3u + 1u + (LARGE_BLOCK + 31u) / 32u)
#define PROOF_WORDS (1u + LARGE_DEPTH)

static void
put_leaf(struct vd_abi *data, const struct large_leaf *leaf)
{
    vd_abi_u64(data, 3 * 32);
    vd_abi_u64(data, leaf->index);
    vd_abi_hash(data, &leaf->commitment);
    vd_abi_bytes(data, vd_slice(leaf->input, LARGE_BLOCK));
}

static void
put_proof(struct vd_abi *data, const struct vd_hash proof[LARGE_DEPTH])
{
    vd_abi_u64(data, LARGE_DEPTH);
    vd_abi_raw(data, vd_slice(proof[0].b, 32 * (size_t)LARGE_DEPTH));
}

/* challengeFirstLPP(address,uint256,Leaf,bytes32[]) */
static void
put_first(struct vd_abi *data, const struct large *l, const struct vd_hash proof[LARGE_DEPTH])
{
    vd_abi_u64(data, 4 * 32);
    vd_abi_u64(data, 32 * (4 + LEAF_WORDS));
    put_leaf(data, &l->last);
    put_proof(data, proof);
}

static void
put_pair(struct vd_abi *data, const struct large *l, const struct vd_hash proof[LARGE_DEPTH],
         const struct vd_hash before_proof[LARGE_DEPTH])
{
    uint64_t words = 2 + 25 + 4; /* of the head */
    for (unsigned i = 0; i < 25; i++) {
        vd_abi_u64(data, l->between[i]);
    }
    vd_abi_u64(data, 32 * words);
    vd_abi_u64(data, 32 * (words + LEAF_WORDS));
    vd_abi_u64(data, 32 * (words + LEAF_WORDS + PROOF_WORDS));
    vd_abi_u64(data, 32 * (words + 2 * LEAF_WORDS + PROOF_WORDS));
    put_leaf(data, &l->before);
    put_proof(data, before_proof);
    put_leaf(data, &l->last);
    put_proof(data, proof);
}

void
large_call_pair(struct vd_abi *data, const struct vd_address *claimant, const struct vd_hash *uuid,
                const struct large *l)
{
    struct vd_hash proof[LARGE_DEPTH];
    struct vd_hash before[LARGE_DEPTH];
    bool is_first = l->last.index == 0;
    vd_abi_signature(data, !l->is_wrong ? "squeezeLPP" PAIR
                           : is_first   ? "challengeFirstLPP(address,uint256," LEAF ")"
                                        : "challengeLPP" PAIR);
    vd_abi_address(data, claimant);
    vd_abi_hash(data, uuid);
    if (!prove(proof, l, l->last.index) || (!is_first && !prove(before, l, l->before.index))) {
        data->err = VD_ERR_NO_MEMORY;
    } else if (is_first) {
        put_first(data, l, proof);
    } else {
        put_pair(data, l, proof, before);
    }
}

/* --- logs --- */

bool
large_read_log(struct large_added *added, const struct vd_address *claimant, struct vd_slice log)
{
    struct vd_abi call;
    struct vd_hash count;
    uint64_t at = 0;
    uint64_t blocks = 0;
    vd_abi_signature(&call, ADD);
    bool is_add = call.err == VD_OK && log.len >= 24 && memcmp(log.ptr, claimant->b, 20) == 0 &&
                  memcmp(log.ptr + 20, call.ptr, 4) == 0;
    vd_abi_deinit(&call);
    if (!is_add) {
        return false;
    }
    struct vd_slice args = vd_slice(log.ptr + 24, log.len - 24);
    if (!vd_abi_read_hash(&added->uuid, args, 0) || !vd_abi_read_u64(&added->start, args, 32) ||
        !vd_abi_read_bytes(&added->input, args, 0, 64) || !vd_abi_read_u64(&at, args, 96) ||
        !vd_abi_read_bool(&added->is_last, args, 128) || at > args.len ||
        !vd_abi_read_hash(&count, args, at) || !vd_abi_read_u64(&blocks, args, at) ||
        blocks > (args.len - at - 32) / 32) {
        return false;
    }
    added->commitments = vd_slice(args.ptr + at + 32, 32 * blocks);
    return true;
}

enum vd_err
large_add_all(struct large *l, const struct large_added *added)
{
    size_t blocks = added->commitments.len / 32;
    size_t whole = added->is_last ? large_blocks(added->input.len) : added->input.len / LARGE_BLOCK;
    if (added->start != l->count || blocks != whole) {
        return VD_ERR_INVALID;
    }
    enum vd_err err = VD_OK;
    for (size_t i = 0; i < blocks && err == VD_OK; i++) {
        uint8_t block[LARGE_BLOCK];
        struct vd_hash own;
        struct vd_hash commitment;
        memcpy(commitment.b, added->commitments.ptr + 32 * i, 32);
        large_block(block, added->input, i);
        err = large_add(l, &own, block, &commitment);
    }
    return err;
}
