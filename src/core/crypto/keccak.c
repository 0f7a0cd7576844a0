#include "viaduct/core/crypto/keccak.h"

enum { VD_KECCAK_RATE = 136 };

/* FIPS 202, 3.2.5: the constants of iota. */
static const uint64_t round_constants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* The lanes in the order in which pi moves them, and rho's rotation of each. */
static const uint8_t pi_lanes[24] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                     15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
static const uint8_t rho_bits[24] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                     27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};

static uint64_t
rotl(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}

void
vd_keccak_f1600(uint64_t state[25])
{
    for (unsigned round = 0; round < 24; round++) {
        uint64_t c[5];
        for (unsigned x = 0; x < 5; x++)
            c[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20];
        for (unsigned x = 0; x < 5; x++) {
            uint64_t d = c[(x + 4) % 5] ^ rotl(c[(x + 1) % 5], 1);
            for (unsigned y = 0; y < 25; y += 5)
                state[x + y] ^= d;
        }
        uint64_t moving = state[1];
        for (unsigned i = 0; i < 24; i++) {
            uint64_t next = state[pi_lanes[i]];
            state[pi_lanes[i]] = rotl(moving, rho_bits[i]);
            moving = next;
        }
        for (unsigned y = 0; y < 25; y += 5) {
            for (unsigned x = 0; x < 5; x++)
                c[x] = state[x + y];
            for (unsigned x = 0; x < 5; x++)
                state[x + y] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
        }
        state[0] ^= round_constants[round];
    }
}

static void
absorb_block(uint64_t state[25], const uint8_t *block)
{
    for (unsigned i = 0; i < VD_KECCAK_RATE / 8; i++)
        state[i] ^= vd_load_le64(block + 8 * i);
    vd_keccak_f1600(state);
}

/* Xors a byte into the block being filled. */
static void
absorb_byte(uint64_t state[25], uint32_t at, uint8_t byte)
{
    state[at / 8] ^= (uint64_t)byte << (8 * (at % 8));
}

void
vd_keccak_init(struct vd_keccak *k)
{
    *k = (struct vd_keccak){.filled = 0};
}

void
vd_keccak_update(struct vd_keccak *k, struct vd_slice bytes)
{
    const uint8_t *p = bytes.ptr;
    size_t left = bytes.len;
    while (left > 0) {
        if (k->filled == 0 && left >= VD_KECCAK_RATE) {
            absorb_block(k->state, p);
            p += VD_KECCAK_RATE;
            left -= VD_KECCAK_RATE;
            continue;
        }
        if (k->filled % 8 == 0 && left >= 8) {
            k->state[k->filled / 8] ^= vd_load_le64(p);
            k->filled += 8;
            p += 8;
            left -= 8;
        } else {
            absorb_byte(k->state, k->filled++, *p++);
            left--;
        }
        if (k->filled == VD_KECCAK_RATE) {
            vd_keccak_f1600(k->state);
            k->filled = 0;
        }
    }
}

struct vd_hash
vd_keccak_final(struct vd_keccak *k)
{
    struct vd_hash hash;
    absorb_byte(k->state, k->filled, 0x01);
    absorb_byte(k->state, VD_KECCAK_RATE - 1, 0x80);
    vd_keccak_f1600(k->state);
    memcpy(hash.b, k->state, sizeof hash.b);
    return hash;
}

struct vd_hash
vd_keccak256(struct vd_slice bytes)
{
    struct vd_keccak k;
    vd_keccak_init(&k);
    vd_keccak_update(&k, bytes);
    return vd_keccak_final(&k);
}

void
vd_keccak256_many(struct vd_hash *out, const struct vd_slice *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = vd_keccak256(in[i]);
}

const struct vd_hash VD_EMPTY_CODE_HASH = {{0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c,
                                            0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03, 0xc0,
                                            0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b,
                                            0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70}};
const struct vd_hash VD_EMPTY_ROOT = {{0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6,
                                       0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e,
                                       0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0,
                                       0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21}};
const struct vd_hash VD_EMPTY_OMMERS = {{0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a,
                                         0xab, 0x85, 0xb5, 0x67, 0xb6, 0xcc, 0xd4, 0x1a,
                                         0xd3, 0x12, 0x45, 0x1b, 0x94, 0x8a, 0x74, 0x13,
                                         0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47}};
