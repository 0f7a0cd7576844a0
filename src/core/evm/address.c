/* Addresses of created contracts, and delegation designators. */
#include "core/evm/machine.h"

static struct vd_address
last_20(const struct vd_hash *hash)
{
    struct vd_address address;
    memcpy(address.b, hash->b + 12, sizeof address.b);
    return address;
}

struct vd_address
vd_create_address(const struct vd_address *sender, uint64_t nonce)
{
    uint8_t rlp[1 + 21 + 9];
    unsigned nonce_len = 0;
    while (nonce_len < 8 && (nonce >> (8 * nonce_len)) != 0) {
        nonce_len++;
    }
    rlp[1] = 0x80 + 20;
    memcpy(rlp + 2, sender->b, 20);
    size_t len = 22;
    if (nonce_len == 1 && nonce < 0x80) {
        rlp[len++] = (uint8_t)nonce;
    } else {
        rlp[len++] = (uint8_t)(0x80 + nonce_len);
        for (unsigned i = nonce_len; i-- > 0;) {
            rlp[len++] = (uint8_t)(nonce >> (8 * i));
        }
    }
    rlp[0] = (uint8_t)(0xc0 + len - 1);
    struct vd_hash hash = vd_keccak256(vd_slice(rlp, len));
    return last_20(&hash);
}

struct vd_address
vd_create2_address(const struct vd_address *sender, const struct vd_hash *salt,
                   const struct vd_hash *init_code_hash)
{
    uint8_t bytes[1 + 20 + 32 + 32];
    bytes[0] = 0xff;
    memcpy(bytes + 1, sender->b, 20);
    memcpy(bytes + 21, salt->b, 32);
    memcpy(bytes + 53, init_code_hash->b, 32);
    struct vd_hash hash = vd_keccak256(vd_slice(bytes, sizeof bytes));
    return last_20(&hash);
}

bool
vd_delegation(struct vd_address *target, struct vd_slice code)
{
    static const uint8_t prefix[3] = {0xef, 0x01, 0x00};
    if (code.len != 23 || memcmp(code.ptr, prefix, sizeof prefix) != 0) {
        return false;
    }
    memcpy(target->b, code.ptr + 3, sizeof target->b);
    return true;
}

struct vd_address
vd_word_address(const struct vd_u256 *word)
{
    uint8_t bytes[32];
    vd_u256_to_be(bytes, word);
    struct vd_address address;
    memcpy(address.b, bytes + 12, sizeof address.b);
    return address;
}

struct vd_u256
vd_address_word(const struct vd_address *address)
{
    return (struct vd_u256){.w = {vd_load_be64(address->b + 12), vd_load_be64(address->b + 4),
                                  vd_load_be32(address->b), 0}};
}
