#include "viaduct/core/crypto/hashes.h"

enum { VD_MD_BLOCK = 64 }; /* bytes per block of SHA-256 and RIPEMD-160 */

static inline uint32_t
rotl32(uint32_t v, unsigned bits)
{
    return v << bits | v >> (32 - bits);
}

static inline uint32_t
rotr32(uint32_t v, unsigned bits)
{
    return v >> bits | v << (32 - bits);
}

static inline uint64_t
rotr64(uint64_t v, unsigned bits)
{
    return v >> bits | v << (64 - bits);
}

typedef void (*block_fn)(uint32_t *state, const uint8_t block[VD_MD_BLOCK]);

/* Runs compress over the message, padded with a one bit, zeros and the length in bits, which is
   big-endian in SHA-256 and little-endian in RIPEMD-160. */
static void
merkle_damgard(uint32_t *state, struct vd_slice bytes, block_fn compress, bool big_endian)
{
    uint8_t tail[2 * VD_MD_BLOCK] = {0};
    size_t whole = bytes.len - bytes.len % VD_MD_BLOCK;
    size_t rest = bytes.len - whole;
    for (size_t i = 0; i < whole; i += VD_MD_BLOCK)
        compress(state, bytes.ptr + i);
    if (rest != 0)
        memcpy(tail, bytes.ptr + whole, rest);
    tail[rest] = 0x80;
    size_t end = rest + 1 + 8 <= VD_MD_BLOCK ? VD_MD_BLOCK : 2 * VD_MD_BLOCK;
    uint64_t bits = (uint64_t)bytes.len * 8;
    if (big_endian)
        vd_store_be64(tail + end - 8, bits);
    else
        vd_store_le64(tail + end - 8, bits);
    for (size_t i = 0; i < end; i += VD_MD_BLOCK)
        compress(state, tail + i);
}

/* FIPS 180-4, 4.2.2: the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void
sha256_schedule(uint32_t w[64], const uint8_t block[VD_MD_BLOCK])
{
    for (unsigned i = 0; i < 16; i++)
        w[i] = vd_load_be32(block + 4 * i);
    for (unsigned i = 16; i < 64; i++) {
        uint32_t s0 = rotr32(w[i - 15], 7) ^ rotr32(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotr32(w[i - 2], 17) ^ rotr32(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

/* One round with the eight variables in registers; the caller renames them instead of moving. */
#define SHA256_ROUND(a, b, c, d, e, f, g, h, i)                                                   \
    do {                                                                                          \
        uint32_t t1 = (h) + (rotr32(e, 6) ^ rotr32(e, 11) ^ rotr32(e, 25)) +                      \
                      ((g) ^ ((e) & ((f) ^ (g)))) + sha256_k[i] + w[i];                           \
        uint32_t t2 =                                                                             \
            (rotr32(a, 2) ^ rotr32(a, 13) ^ rotr32(a, 22)) + (((a) & (b)) | ((c) & ((a) | (b)))); \
        (d) += t1;                                                                                \
        (h) = t1 + t2;                                                                            \
    } while (0)

static void
sha256_compress(uint32_t *state, const uint8_t block[VD_MD_BLOCK])
{
    uint32_t w[64];
    sha256_schedule(w, block);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (unsigned i = 0; i < 64; i += 8) {
        SHA256_ROUND(a, b, c, d, e, f, g, h, i);
        SHA256_ROUND(h, a, b, c, d, e, f, g, i + 1);
        SHA256_ROUND(g, h, a, b, c, d, e, f, i + 2);
        SHA256_ROUND(f, g, h, a, b, c, d, e, i + 3);
        SHA256_ROUND(e, f, g, h, a, b, c, d, i + 4);
        SHA256_ROUND(d, e, f, g, h, a, b, c, i + 5);
        SHA256_ROUND(c, d, e, f, g, h, a, b, i + 6);
        SHA256_ROUND(b, c, d, e, f, g, h, a, i + 7);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

struct vd_hash
vd_sha256(struct vd_slice bytes)
{
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    struct vd_hash hash;
    merkle_damgard(state, bytes, sha256_compress, true);
    for (unsigned i = 0; i < 8; i++)
        vd_store_be32(hash.b + 4 * i, state[i]);
    return hash;
}

/* RIPEMD-160: two lines of 80 steps; which word of the block and which rotation each step uses.
   The first 80 belong to the left line, the others to the right one. */
static const uint8_t ripemd_word[160] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 7,  4,  13, 1,  10, 6,  15,
    3,  12, 0,  9,  5,  2,  14, 11, 8,  3,  10, 14, 4,  9,  15, 8,  1,  2,  7,  0,  6,  13, 11,
    5,  12, 1,  9,  11, 10, 0,  8,  12, 4,  13, 3,  7,  15, 14, 5,  6,  2,  4,  0,  5,  9,  7,
    12, 2,  10, 14, 1,  3,  8,  11, 6,  15, 13, 5,  14, 7,  0,  9,  2,  11, 4,  13, 6,  15, 8,
    1,  10, 3,  12, 6,  11, 3,  7,  0,  13, 5,  10, 14, 15, 8,  12, 4,  9,  1,  2,  15, 5,  1,
    3,  7,  14, 6,  9,  11, 8,  12, 2,  10, 0,  4,  13, 8,  6,  4,  1,  3,  11, 15, 0,  5,  12,
    2,  13, 9,  7,  10, 14, 12, 15, 10, 4,  1,  5,  8,  7,  6,  2,  13, 14, 0,  3,  9,  11};
static const uint8_t ripemd_shift[160] = {
    11, 14, 15, 12, 5,  8,  7,  9,  11, 13, 14, 15, 6,  7,  9,  8,  7,  6,  8,  13, 11, 9,  7,
    15, 7,  12, 15, 9,  11, 7,  13, 12, 11, 13, 6,  7,  14, 9,  13, 15, 14, 8,  13, 6,  5,  12,
    7,  5,  11, 12, 14, 15, 14, 15, 9,  8,  9,  14, 5,  6,  8,  6,  5,  12, 9,  15, 5,  11, 6,
    8,  13, 12, 5,  12, 13, 14, 11, 8,  5,  6,  8,  9,  9,  11, 13, 15, 15, 5,  7,  7,  8,  11,
    14, 14, 12, 6,  9,  13, 15, 7,  12, 8,  9,  11, 7,  7,  12, 7,  6,  15, 13, 11, 9,  7,  15,
    11, 8,  6,  6,  14, 12, 13, 5,  14, 13, 13, 7,  5,  15, 5,  8,  11, 14, 14, 6,  14, 6,  9,
    12, 9,  12, 5,  15, 8,  8,  5,  12, 9,  12, 5,  14, 6,  8,  13, 6,  5,  15, 13, 11, 11};
static const uint32_t ripemd_k[10] = {0,          0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xa953fd4e,
                                      0x50a28be6, 0x5c4dd124, 0x6d703ef3, 0x7a6d76e9, 0};

/* The five Boolean functions, one for each 16 steps. */
static inline uint32_t
ripemd_mix(unsigned which, uint32_t x, uint32_t y, uint32_t z)
{
    switch (which) {
    case 0:
        return x ^ y ^ z;
    case 1:
        return (x & y) | (~x & z);
    case 2:
        return (x | ~y) ^ z;
    case 3:
        return (x & z) | (y & ~z);
    default:
        return x ^ (y | ~z);
    }
}

/* Runs one line: 80 steps from the chaining value in v.  The right line, 5 .. 9, takes the
   functions in the opposite order. */
static void
ripemd_line(uint32_t v[5], const uint32_t words[16], unsigned line)
{
    for (unsigned i = 0; i < 80; i++) {
        unsigned group = i / 16;
        unsigned at = 80 * line + i;
        uint32_t mixed = ripemd_mix(line == 0 ? group : 4 - group, v[1], v[2], v[3]);
        uint32_t t = v[0] + mixed + words[ripemd_word[at]] + ripemd_k[5 * line + group];
        t = rotl32(t, ripemd_shift[at]) + v[4];
        v[0] = v[4];
        v[4] = v[3];
        v[3] = rotl32(v[2], 10);
        v[2] = v[1];
        v[1] = t;
    }
}

static void
ripemd_compress(uint32_t *state, const uint8_t block[VD_MD_BLOCK])
{
    uint32_t words[16];
    uint32_t left[5];
    uint32_t right[5];
    for (unsigned i = 0; i < 16; i++)
        words[i] = vd_load_le32(block + 4 * i);
    memcpy(left, state, sizeof left);
    memcpy(right, state, sizeof right);
    ripemd_line(left, words, 0);
    ripemd_line(right, words, 1);
    uint32_t t = state[1] + left[2] + right[3];
    state[1] = state[2] + left[3] + right[4];
    state[2] = state[3] + left[4] + right[0];
    state[3] = state[4] + left[0] + right[1];
    state[4] = state[0] + left[1] + right[2];
    state[0] = t;
}

void
vd_ripemd160(uint8_t out[20], struct vd_slice bytes)
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    merkle_damgard(state, bytes, ripemd_compress, false);
    for (unsigned i = 0; i < 5; i++)
        vd_store_le32(out + 4 * i, state[i]);
}

/* RFC 7693, 2.7: the message word schedule; round r uses row r mod 10. */
static const uint8_t blake2b_sigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

/* RFC 7693, 2.6: the square roots that SHA-512 starts from. */
static const uint64_t blake2b_iv[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

/* RFC 7693, 3.1: the mixing function G. */
#define BLAKE2B_G(a, b, c, d, x, y)     \
    do {                                \
        v[a] += v[b] + (x);             \
        v[d] = rotr64(v[d] ^ v[a], 32); \
        v[c] += v[d];                   \
        v[b] = rotr64(v[b] ^ v[c], 24); \
        v[a] += v[b] + (y);             \
        v[d] = rotr64(v[d] ^ v[a], 16); \
        v[c] += v[d];                   \
        v[b] = rotr64(v[b] ^ v[c], 63); \
    } while (0)

/* Row r is known where the round is written down: words of the message are at fixed places then. */
#define BLAKE2B_ROUND(r)                                                       \
    if (left-- == 0)                                                           \
        break;                                                                 \
    BLAKE2B_G(0, 4, 8, 12, m[blake2b_sigma[r][0]], m[blake2b_sigma[r][1]]);    \
    BLAKE2B_G(1, 5, 9, 13, m[blake2b_sigma[r][2]], m[blake2b_sigma[r][3]]);    \
    BLAKE2B_G(2, 6, 10, 14, m[blake2b_sigma[r][4]], m[blake2b_sigma[r][5]]);   \
    BLAKE2B_G(3, 7, 11, 15, m[blake2b_sigma[r][6]], m[blake2b_sigma[r][7]]);   \
    BLAKE2B_G(0, 5, 10, 15, m[blake2b_sigma[r][8]], m[blake2b_sigma[r][9]]);   \
    BLAKE2B_G(1, 6, 11, 12, m[blake2b_sigma[r][10]], m[blake2b_sigma[r][11]]); \
    BLAKE2B_G(2, 7, 8, 13, m[blake2b_sigma[r][12]], m[blake2b_sigma[r][13]]);  \
    BLAKE2B_G(3, 4, 9, 14, m[blake2b_sigma[r][14]], m[blake2b_sigma[r][15]])

void
vd_blake2b_f(uint64_t h[8], const uint64_t m[16], const uint64_t t[2], bool final_block,
             uint32_t rounds)
{
    uint64_t v[16];
    memcpy(v, h, 8 * sizeof *v);
    memcpy(v + 8, blake2b_iv, sizeof blake2b_iv);
    v[12] ^= t[0];
    v[13] ^= t[1];
    if (final_block)
        v[14] = ~v[14];
    for (uint32_t left = rounds;;) {
        BLAKE2B_ROUND(0);
        BLAKE2B_ROUND(1);
        BLAKE2B_ROUND(2);
        BLAKE2B_ROUND(3);
        BLAKE2B_ROUND(4);
        BLAKE2B_ROUND(5);
        BLAKE2B_ROUND(6);
        BLAKE2B_ROUND(7);
        BLAKE2B_ROUND(8);
        BLAKE2B_ROUND(9);
    }
    for (unsigned i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

void
vd_blake2f(uint8_t out[64], const uint8_t input[VD_BLAKE2F_INPUT])
{
    uint64_t h[8];
    uint64_t m[16];
    for (unsigned i = 0; i < 8; i++)
        h[i] = vd_load_le64(input + 4 + 8 * i);
    for (unsigned i = 0; i < 16; i++)
        m[i] = vd_load_le64(input + 68 + 8 * i);
    const uint64_t t[2] = {vd_load_le64(input + 196), vd_load_le64(input + 204)};
    vd_blake2b_f(h, m, t, input[212] == 1, vd_load_be32(input));
    for (unsigned i = 0; i < 8; i++)
        vd_store_le64(out + 8 * i, h[i]);
}
