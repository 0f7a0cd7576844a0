#include "words.h"

#include <string.h>

#include "viaduct/core/crypto/keccak.h"

void
vd_words_selector(struct vd_buf *out, const char *signature)
{
    struct vd_hash hash = vd_keccak256(vd_slice((const uint8_t *)signature, strlen(signature)));
    vd_buf_bytes(out, hash.b, 4);
}

void
vd_words_u256(struct vd_buf *out, const struct vd_u256 *value)
{
    uint8_t word[32];
    vd_u256_to_be(word, value);
    vd_buf_bytes(out, word, sizeof word);
}

void
vd_words_u64(struct vd_buf *out, uint64_t value)
{
    struct vd_u256 wide = vd_u256(value);
    vd_words_u256(out, &wide);
}

void
vd_words_address(struct vd_buf *out, const struct vd_address *value)
{
    uint8_t word[32] = {0};
    memcpy(word + 12, value->b, 20);
    vd_buf_bytes(out, word, sizeof word);
}

void
vd_words_word(struct vd_buf *out, const struct vd_hash *value)
{
    vd_buf_bytes(out, value->b, 32);
}

void
vd_words_tail(struct vd_buf *out, struct vd_slice bytes)
{
    static const uint8_t zeros[31];
    vd_words_u64(out, bytes.len);
    vd_buf_slice(out, bytes);
    vd_buf_bytes(out, zeros, (32 - bytes.len % 32) % 32);
}
