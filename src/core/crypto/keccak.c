#include "core/crypto/keccak_internal.h"

/* Most of what is hashed is aligned, and what takes aligned words only need not copy it then. */
static inline void
absorb_lanes(uint64_t *state, const uint8_t *p, size_t count)
{
    uint64_t lanes[VD_KECCAK_RATE / 8];
    if (((uintptr_t)p & 7) == 0) {
        const uint8_t *aligned = __builtin_assume_aligned(p, 8);
        for (size_t i = 0; i < count; i++) {
            uint64_t lane;
            memcpy(&lane, aligned + 8 * i, sizeof lane);
            state[i] ^= lane;
        }
        return;
    }
    memcpy(lanes, p, 8 * count);
    for (size_t i = 0; i < count; i++)
        state[i] ^= lanes[i];
}

static void
absorb_block(uint64_t state[25], const uint8_t *block)
{
    absorb_lanes(state, block, VD_KECCAK_RATE / 8);
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

/* Without the bookkeeping of a message in pieces: most messages are one block or a few. */
struct vd_hash
vd_keccak256(struct vd_slice bytes)
{
    /* Where the guest's permutation wants it. */
    _Alignas(256) uint64_t state[25] = {0};
    struct vd_hash hash;
    const uint8_t *p = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= VD_KECCAK_RATE; left -= VD_KECCAK_RATE, p += VD_KECCAK_RATE)
        absorb_block(state, p);
    size_t whole = left / 8;
    if (whole != 0)
        absorb_lanes(state, p, whole);
    uint64_t last = (uint64_t)1 << (8 * (left % 8));
    for (size_t i = 0; i < left % 8; i++)
        last |= (uint64_t)p[8 * whole + i] << (8 * i);
    state[whole] ^= last;
    state[VD_KECCAK_RATE / 8 - 1] ^= (uint64_t)0x80 << 56;
    vd_keccak_f1600(state);
    memcpy(hash.b, state, sizeof hash.b);
    return hash;
}

#if VD_KECCAK_X86

enum {
    VD_BUCKETS = 8,     /* messages of up to this many blocks are put together */
    VD_WORTH_LANES = 3, /* from so many messages on, idle lanes are cheaper than one at a time */
};

/* Messages that wait for others with as many blocks. */
struct bucket {
    size_t index[VD_KECCAK_MAX_LANES];
    unsigned count;
};

/* Hashes what waits.  Lanes left over repeat the first message. */
static void
flush_bucket(struct bucket *bucket, unsigned lanes, struct vd_hash *out, const struct vd_slice *in)
{
    struct vd_hash *to[VD_KECCAK_MAX_LANES];
    const struct vd_slice *from[VD_KECCAK_MAX_LANES];
    if (bucket->count < VD_WORTH_LANES) {
        for (unsigned i = 0; i < bucket->count; i++)
            out[bucket->index[i]] = vd_keccak256(in[bucket->index[i]]);
    } else {
        for (unsigned i = 0; i < lanes; i++) {
            size_t index = bucket->index[i < bucket->count ? i : 0];
            to[i] = &out[index];
            from[i] = &in[index];
        }
        vd_keccak_x86_hash(to, from, lanes);
    }
    bucket->count = 0;
}

static void
hash_in_lanes(struct vd_hash *out, const struct vd_slice *in, size_t count, unsigned lanes)
{
    struct bucket buckets[VD_BUCKETS];
    for (unsigned i = 0; i < VD_BUCKETS; i++)
        buckets[i].count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t more_blocks = in[i].len / VD_KECCAK_RATE;
        if (more_blocks >= VD_BUCKETS) {
            out[i] = vd_keccak256(in[i]);
            continue;
        }
        struct bucket *bucket = &buckets[more_blocks];
        bucket->index[bucket->count++] = i;
        if (bucket->count == lanes)
            flush_bucket(bucket, lanes, out, in);
    }
    for (unsigned i = 0; i < VD_BUCKETS; i++)
        flush_bucket(&buckets[i], lanes, out, in);
}

#endif

void
vd_keccak256_many(struct vd_hash *out, const struct vd_slice *in, size_t count)
{
#if VD_KECCAK_X86
    unsigned lanes = vd_keccak_x86_lanes();
    if (lanes > 1 && count >= VD_WORTH_LANES) {
        hash_in_lanes(out, in, count, lanes);
        return;
    }
#endif
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
