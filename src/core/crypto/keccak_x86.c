/* Keccak on x86-64 with what newer processors have: BMI2 for one state, AVX2 for four and AVX-512F
   for eight at once, in the lanes of vectors.  Vector code stays in this file: elsewhere a vector
   load behind 8-byte stores costs more than it saves. */
#include "core/crypto/keccak_internal.h"

#if VD_KECCAK_X86

#include <immintrin.h>

#define VD_LANE uint64_t
#define VD_KECCAK_ROUND round_bmi2
#define VD_KECCAK_TARGET __attribute__((target("bmi,bmi2")))
#define VD_LANE_XOR(x, y) ((x) ^ (y))
#define VD_LANE_XOR5(p, q, r, s, t) ((p) ^ (q) ^ (r) ^ (s) ^ (t))
#define VD_LANE_ROTL(x, n) ((x) << (n) | (x) >> (64 - (n)))
#define VD_LANE_CHI(x, y, z) ((x) ^ (~(y) & (z)))
#include "core/crypto/keccak_round.inc"
#undef VD_LANE

#define VD_LANE __m256i
#define VD_KECCAK_ROUND round_avx2
#define VD_KECCAK_TARGET __attribute__((target("avx2")))
#define VD_LANE_XOR(x, y) _mm256_xor_si256(x, y)
#define VD_LANE_XOR5(p, q, r, s, t) \
    _mm256_xor_si256(_mm256_xor_si256(_mm256_xor_si256(p, q), _mm256_xor_si256(r, s)), t)
#define VD_LANE_ROTL(x, n) _mm256_or_si256(_mm256_slli_epi64(x, n), _mm256_srli_epi64(x, 64 - (n)))
#define VD_LANE_CHI(x, y, z) _mm256_xor_si256(x, _mm256_andnot_si256(y, z))
#include "core/crypto/keccak_round.inc"
#undef VD_LANE

/* A ternary function is given by its truth table, x the highest bit of the index: 0x96 is the sum
   of three, 0xd2 is x ^ (~y & z). */
#define VD_LANE __m512i
#define VD_KECCAK_ROUND round_avx512
#define VD_KECCAK_TARGET __attribute__((target("avx512f")))
#define VD_LANE_XOR(x, y) _mm512_xor_si512(x, y)
#define VD_LANE_XOR5(p, q, r, s, t) \
    _mm512_ternarylogic_epi64(_mm512_ternarylogic_epi64(p, q, r, 0x96), s, t, 0x96)
#define VD_LANE_ROTL(x, n) _mm512_rol_epi64(x, n)
#define VD_LANE_CHI(x, y, z) _mm512_ternarylogic_epi64(x, y, z, 0xd2)
#include "core/crypto/keccak_round.inc"
#undef VD_LANE

__attribute__((target("bmi,bmi2"))) void
vd_keccak_f1600_bmi2(uint64_t state[25])
{
    uint64_t other[25];
    for (unsigned i = 0; i < VD_KECCAK_ROUNDS; i += 2) {
        round_bmi2(other, state, vd_keccak_constants[i]);
        round_bmi2(state, other, vd_keccak_constants[i + 1]);
    }
}

__attribute__((target("avx2"))) static void
permute_avx2(__m256i state[25])
{
    __m256i other[25];
    for (unsigned i = 0; i < VD_KECCAK_ROUNDS; i += 2) {
        round_avx2(other, state, _mm256_set1_epi64x((long long)vd_keccak_constants[i]));
        round_avx2(state, other, _mm256_set1_epi64x((long long)vd_keccak_constants[i + 1]));
    }
}

__attribute__((target("avx512f"))) static void
permute_avx512(__m512i state[25])
{
    __m512i other[25];
    for (unsigned i = 0; i < VD_KECCAK_ROUNDS; i += 2) {
        round_avx512(other, state, _mm512_set1_epi64((long long)vd_keccak_constants[i]));
        round_avx512(state, other, _mm512_set1_epi64((long long)vd_keccak_constants[i + 1]));
    }
}

/* One block of every message, as the vectors want it: word by word, the messages side by side. */
struct block_lanes {
    uint64_t words[VD_KECCAK_RATE / 8][VD_KECCAK_MAX_LANES];
} __attribute__((aligned(64)));

/* Puts block number block of message in into one column, padded when it is the last. */
static void
load_column(struct block_lanes *lanes, unsigned column, const struct vd_slice *in, size_t block)
{
    uint8_t padded[VD_KECCAK_RATE] = {0};
    size_t at = block * VD_KECCAK_RATE;
    size_t left = in->len - at;
    const uint8_t *p = padded;
    if (left >= VD_KECCAK_RATE) {
        p = in->ptr + at;
    } else {
        if (left != 0)
            memcpy(padded, in->ptr + at, left);
        padded[left] = 0x01;
        padded[VD_KECCAK_RATE - 1] |= 0x80;
    }
    for (unsigned i = 0; i < VD_KECCAK_RATE / 8; i++)
        lanes->words[i][column] = vd_load_le64(p + 8 * i);
}

static void
load_block(struct block_lanes *lanes, unsigned columns, const struct vd_slice *const in[],
           size_t block)
{
    for (unsigned i = 0; i < columns; i++)
        load_column(lanes, i, in[i], block);
}

static void
store_hashes(struct vd_hash *const out[], const struct block_lanes *lanes, unsigned columns)
{
    for (unsigned i = 0; i < columns; i++) {
        for (unsigned word = 0; word < 4; word++)
            vd_store_le64(out[i]->b + 8 * word, lanes->words[word][i]);
    }
}

__attribute__((target("avx2"))) static void
hash_avx2(struct vd_hash *const out[], const struct vd_slice *const in[], size_t blocks)
{
    struct block_lanes lanes;
    __m256i state[25];
    for (unsigned i = 0; i < 25; i++)
        state[i] = _mm256_setzero_si256();
    for (size_t block = 0; block < blocks; block++) {
        load_block(&lanes, 4, in, block);
        for (unsigned i = 0; i < VD_KECCAK_RATE / 8; i++) {
            __m256i word = _mm256_load_si256((const __m256i *)lanes.words[i]);
            state[i] = _mm256_xor_si256(state[i], word);
        }
        permute_avx2(state);
    }
    for (unsigned i = 0; i < 4; i++)
        _mm256_store_si256((__m256i *)lanes.words[i], state[i]);
    store_hashes(out, &lanes, 4);
}

__attribute__((target("avx512f"))) static void
hash_avx512(struct vd_hash *const out[], const struct vd_slice *const in[], size_t blocks)
{
    struct block_lanes lanes;
    __m512i state[25];
    for (unsigned i = 0; i < 25; i++)
        state[i] = _mm512_setzero_si512();
    for (size_t block = 0; block < blocks; block++) {
        load_block(&lanes, 8, in, block);
        for (unsigned i = 0; i < VD_KECCAK_RATE / 8; i++)
            state[i] = _mm512_xor_si512(state[i], _mm512_load_si512(lanes.words[i]));
        permute_avx512(state);
    }
    for (unsigned i = 0; i < 4; i++)
        _mm512_store_si512(lanes.words[i], state[i]);
    store_hashes(out, &lanes, 8);
}

unsigned
vd_keccak_x86_lanes(void)
{
    if (__builtin_cpu_supports("avx512f"))
        return 8;
    return __builtin_cpu_supports("avx2") ? 4 : 1;
}

void
vd_keccak_x86_hash(struct vd_hash *const out[], const struct vd_slice *const in[], unsigned lanes)
{
    size_t blocks = in[0]->len / VD_KECCAK_RATE + 1;
    if (lanes == 8)
        hash_avx512(out, in, blocks);
    else
        hash_avx2(out, in, blocks);
}

#endif
