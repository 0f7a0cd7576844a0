/* Contract calls in Solidity's ABI: building calldata, reading what came back.

   Words are 32 bytes, big-endian, addresses and integers padded on the left; dynamic values stand
   behind the head, where an offset in the head points (Contract ABI Specification, Solidity).
   Nothing here believes a length or an offset from outside: each read is bounded by the bytes. */
#ifndef VIADUCT_NODE_L1_ABI_H
#define VIADUCT_NODE_L1_ABI_H

#include "viaduct/core/base/u256.h"

/* A growing calldata; failure (VD_ERR_NO_MEMORY) is sticky, check err once. */
struct vd_abi {
    uint8_t *ptr;
    size_t len;
    size_t cap;
    enum vd_err err;
};

/* Begins a call with its four-byte selector, given as a number (0xb1a1a882). */
void vd_abi_call(struct vd_abi *abi, uint32_t selector);
/* The same with a signature such as "transfer(address,uint256)", whose hash begins with it. */
void vd_abi_signature(struct vd_abi *abi, const char *signature);
void vd_abi_deinit(struct vd_abi *abi);

void vd_abi_u64(struct vd_abi *abi, uint64_t value);
void vd_abi_u256(struct vd_abi *abi, const struct vd_u256 *value);
void vd_abi_hash(struct vd_abi *abi, const struct vd_hash *word);
void vd_abi_address(struct vd_abi *abi, const struct vd_address *address);
/* Bytes as they are: the creation code before a constructor's arguments. */
void vd_abi_raw(struct vd_abi *abi, struct vd_slice bytes);
/* The tail of a `bytes`: its length, then the bytes padded to a whole word. */
void vd_abi_bytes(struct vd_abi *abi, struct vd_slice bytes);
/* The size of that tail. */
size_t vd_abi_bytes_size(struct vd_slice bytes);

static inline struct vd_slice
vd_abi_view(const struct vd_abi *abi)
{
    return vd_slice(abi->ptr, abi->len);
}

/* --- reading; offset counts bytes from the begin of data; false: not there, or out of range --- */
bool vd_abi_read_hash(struct vd_hash *out, struct vd_slice data, size_t offset);
bool vd_abi_read_u256(struct vd_u256 *out, struct vd_slice data, size_t offset);
bool vd_abi_read_u64(uint64_t *out, struct vd_slice data, size_t offset);
bool vd_abi_read_address(struct vd_address *out, struct vd_slice data, size_t offset);
bool vd_abi_read_bool(bool *out, struct vd_slice data, size_t offset);
/* The word at offset holds the position, counted from base, of a `bytes` or `string`. */
bool vd_abi_read_bytes(struct vd_slice *out, struct vd_slice data, size_t base, size_t offset);

/* One element of DisputeGameFactory.findLatestGames: (index, metadata, timestamp, rootClaim,
   extraData), metadata being type u32 || timestamp u64 || proxy, extraData b32(L2 block). */
struct vd_abi_game {
    uint64_t index;
    uint32_t type;
    uint64_t timestamp;
    struct vd_address proxy;
    struct vd_hash root;
    bool has_block; /* extraData begins with a block number */
    uint64_t l2_block;
};
/* How many games the answer holds; false: it is none. */
bool vd_abi_game_count(size_t *count, struct vd_slice answer);
bool vd_abi_game_at(struct vd_abi_game *game, struct vd_slice answer, size_t index);

#endif
