#include "viaduct/node/l1/abi.h"

#include <stdlib.h>

#include "viaduct/core/crypto/keccak.h"

#define WORD 32u

/* Room for len zero bytes at the end. */
static uint8_t *
extend(struct vd_abi *abi, size_t len)
{
    if (abi->err != VD_OK) {
        return NULL;
    }
    if (abi->cap - abi->len < len) {
        size_t cap = 2 * (abi->len + len) + 256;
        uint8_t *ptr = realloc(abi->ptr, cap);
        if (!ptr) {
            abi->err = VD_ERR_NO_MEMORY;
            return NULL;
        }
        abi->ptr = ptr;
        abi->cap = cap;
    }
    uint8_t *out = abi->ptr + abi->len;
    memset(out, 0, len);
    abi->len += len;
    return out;
}

void
vd_abi_call(struct vd_abi *abi, uint32_t selector)
{
    *abi = (struct vd_abi){.err = VD_OK};
    uint8_t *out = extend(abi, 4);
    if (out) {
        vd_store_be32(out, selector);
    }
}

void
vd_abi_signature(struct vd_abi *abi, const char *signature)
{
    struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)signature, strlen(signature)));
    vd_abi_call(abi, vd_load_be32(hash.b));
}

void
vd_abi_deinit(struct vd_abi *abi)
{
    free(abi->ptr);
    *abi = (struct vd_abi){.err = VD_OK};
}

void
vd_abi_u64(struct vd_abi *abi, uint64_t value)
{
    uint8_t *out = extend(abi, WORD);
    if (out) {
        vd_store_be64(out + 24, value);
    }
}

void
vd_abi_u256(struct vd_abi *abi, const struct vd_u256 *value)
{
    uint8_t *out = extend(abi, WORD);
    if (out) {
        vd_u256_to_be(out, value);
    }
}

void
vd_abi_hash(struct vd_abi *abi, const struct vd_hash *word)
{
    uint8_t *out = extend(abi, WORD);
    if (out) {
        memcpy(out, word->b, WORD);
    }
}

void
vd_abi_address(struct vd_abi *abi, const struct vd_address *address)
{
    uint8_t *out = extend(abi, WORD);
    if (out) {
        memcpy(out + 12, address->b, sizeof address->b);
    }
}

void
vd_abi_raw(struct vd_abi *abi, struct vd_slice bytes)
{
    uint8_t *out = extend(abi, bytes.len);
    if (out && bytes.len > 0) {
        memcpy(out, bytes.ptr, bytes.len);
    }
}

size_t
vd_abi_bytes_size(struct vd_slice bytes)
{
    return WORD + (bytes.len + WORD - 1) / WORD * WORD;
}

void
vd_abi_bytes(struct vd_abi *abi, struct vd_slice bytes)
{
    uint8_t *out = extend(abi, vd_abi_bytes_size(bytes));
    if (out) {
        vd_store_be64(out + 24, bytes.len);
        if (bytes.len > 0) {
            memcpy(out + WORD, bytes.ptr, bytes.len);
        }
    }
}

/* --- reading --- */

bool
vd_abi_read_hash(struct vd_hash *out, struct vd_slice data, size_t offset)
{
    if (data.len < WORD || offset > data.len - WORD) {
        return false;
    }
    memcpy(out->b, data.ptr + offset, WORD);
    return true;
}

bool
vd_abi_read_u256(struct vd_u256 *out, struct vd_slice data, size_t offset)
{
    struct vd_hash word;
    if (!vd_abi_read_hash(&word, data, offset)) {
        return false;
    }
    *out = vd_u256_from_be(word.b);
    return true;
}

bool
vd_abi_read_u64(uint64_t *out, struct vd_slice data, size_t offset)
{
    struct vd_u256 value;
    if (!vd_abi_read_u256(&value, data, offset) || !vd_u256_fits_u64(&value)) {
        return false;
    }
    *out = value.w[0];
    return true;
}

bool
vd_abi_read_address(struct vd_address *out, struct vd_slice data, size_t offset)
{
    static const uint8_t zero[12];
    struct vd_hash word;
    if (!vd_abi_read_hash(&word, data, offset) || memcmp(word.b, zero, sizeof zero) != 0) {
        return false;
    }
    memcpy(out->b, word.b + 12, sizeof out->b);
    return true;
}

bool
vd_abi_read_bool(bool *out, struct vd_slice data, size_t offset)
{
    uint64_t value = 0;
    if (!vd_abi_read_u64(&value, data, offset) || value > 1) {
        return false;
    }
    *out = value == 1;
    return true;
}

bool
vd_abi_read_bytes(struct vd_slice *out, struct vd_slice data, size_t base, size_t offset)
{
    uint64_t position = 0;
    uint64_t len = 0;
    if (base > data.len || !vd_abi_read_u64(&position, data, offset) ||
        position > data.len - base || !vd_abi_read_u64(&len, data, base + (size_t)position)) {
        return false;
    }
    size_t start = base + (size_t)position + WORD;
    if (len > data.len - start) {
        return false;
    }
    *out = vd_slice(data.ptr + start, (size_t)len);
    return true;
}

/* --- findLatestGames: one dynamic array of dynamic tuples --- */

/* The array's elements are pointed to from behind its length word. */
#define GAMES_HEAD (2 * WORD)

bool
vd_abi_game_count(size_t *count, struct vd_slice answer)
{
    uint64_t position = 0;
    uint64_t n = 0;
    if (!vd_abi_read_u64(&position, answer, 0) || position != WORD ||
        !vd_abi_read_u64(&n, answer, WORD) || n > (answer.len - GAMES_HEAD) / WORD) {
        return false;
    }
    *count = (size_t)n;
    return true;
}

bool
vd_abi_game_at(struct vd_abi_game *game, struct vd_slice answer, size_t index)
{
    size_t count = 0;
    uint64_t position = 0;
    struct vd_hash metadata;
    struct vd_slice extra;
    if (!vd_abi_game_count(&count, answer) || index >= count ||
        !vd_abi_read_u64(&position, answer, GAMES_HEAD + index * WORD) ||
        position > answer.len - GAMES_HEAD) {
        return false;
    }
    size_t base = GAMES_HEAD + (size_t)position;
    if (!vd_abi_read_u64(&game->index, answer, base) ||
        !vd_abi_read_hash(&metadata, answer, base + WORD) ||
        !vd_abi_read_u64(&game->timestamp, answer, base + 2 * WORD) ||
        !vd_abi_read_hash(&game->root, answer, base + 3 * WORD) ||
        !vd_abi_read_bytes(&extra, answer, base, base + 4 * WORD)) {
        return false;
    }
    game->type = vd_load_be32(metadata.b);
    memcpy(game->proxy.b, metadata.b + 12, sizeof game->proxy.b);
    game->has_block = vd_abi_read_u64(&game->l2_block, extra, 0);
    return true;
}
