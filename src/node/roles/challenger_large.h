/* A large preimage as the oracle takes it: blocks of 136 bytes, each a step of keccak256 with a
   commitment to the state after it, and a tree over them of which a pair of neighbours proves one
   permutation (OP Stack specs, fault proof, large preimage proposals).  Bytes in, calldata out. */
#ifndef VIADUCT_NODE_ROLES_CHALLENGER_LARGE_H
#define VIADUCT_NODE_ROLES_CHALLENGER_LARGE_H

#include "viaduct/node/l1/abi.h"

#define LARGE_BLOCK 136u
#define LARGE_DEPTH 16u
#define LARGE_MAX_BLOCKS 65535u
/* The blocks and commitments of one transaction are 129,024 bytes of the 131,072 that it may have,
   and 5.2 million gas at most. */
#define LARGE_AT_ONCE 768u

struct large_leaf {
    uint8_t input[LARGE_BLOCK];
    uint32_t index;
    struct vd_hash commitment;
};

/* Blocks as they are added.  As long as every commitment is right, the pair is the last two; then
   the first that is wrong and the one before it. */
struct large {
    struct vd_hash *leaves;
    size_t count;
    size_t cap;
    uint64_t state[25]; /* after the last block */
    bool is_wrong;
    uint64_t between[25]; /* the state between the pair */
    struct large_leaf before;
    struct large_leaf last;
};

/* The next block; commitment NULL: the right one, which *own gets.  VD_ERR_NO_MEMORY,
   VD_ERR_TOO_LARGE: more than the tree has room for. */
VD_MUST_USE enum vd_err large_add(struct large *large, struct vd_hash *own,
                                  const uint8_t block[LARGE_BLOCK],
                                  const struct vd_hash *commitment);
void large_deinit(struct large *large);

/* Blocks of a preimage of so many bytes; one of them, padded as keccak256 pads. */
size_t large_blocks(size_t len);
void large_block(uint8_t block[LARGE_BLOCK], struct vd_slice preimage, size_t index);

/* The first block after `start` with which another transaction begins, or the end. */
size_t large_next(size_t start, size_t blocks);

/* --- calls of the oracle; the caller ends data --- */

void large_call_init(struct vd_abi *data, const struct vd_hash *uuid, uint32_t offset,
                     uint32_t size);
/* The blocks from start to large_next; commitments are those of all blocks. */
void large_call_add(struct vd_abi *data, const struct vd_hash *uuid, struct vd_slice preimage,
                    const struct vd_hash *commitments, size_t start);
/* The gas that such a call takes at most. */
uint64_t large_gas_of_add(struct vd_slice data);
/* Proves the pair: of a right one that the last block ends the preimage, of a wrong one that it is
   wrong. */
void large_call_pair(struct vd_abi *data, const struct vd_address *claimant,
                     const struct vd_hash *uuid, const struct large *large);

/* What addLeavesLPP was given, of a log that it wrote: the caller, then the calldata. */
struct large_added {
    struct vd_hash uuid;
    uint64_t start;
    struct vd_slice input;
    struct vd_slice commitments; /* 32 bytes each */
    bool is_last;
};
/* False: the log is of another call, or of another caller. */
bool large_read_log(struct large_added *added, const struct vd_address *claimant,
                    struct vd_slice log);
/* Adds those blocks.  VD_ERR_INVALID: they do not follow. */
VD_MUST_USE enum vd_err large_add_all(struct large *large, const struct large_added *added);

#endif
