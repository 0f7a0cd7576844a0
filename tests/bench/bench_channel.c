/* What a transfer costs on L1, in bytes: transfers of n x 1e15 wei between 1,000 accounts, signed
   for real, as one channel of a span batch, compressed and cut into frames by the batcher's own
   code.  All bytes of the L1 transactions count. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <time.h>

#include "bench/figures.h"
#include "node/roles/channel_job.h"
#include "support/random.h"
#include "transfers.h"

enum {
    ACCOUNTS = 1000,
    BLOCKS = 10,
    FRAME_BYTES = 120000,
    L1_ARENA_BYTES = 1 << 20,
    MAX_TRANSFERS = 20000,
};
#define FAMILY 0x6368616e6e656cu
#define L1_CHAIN 900u
#define L2_CHAIN 901u

struct bench {
    struct vd_random random;
    struct vd_rollup_config rollup;
    secp256k1_context *context;
    struct vd_address addresses[ACCOUNTS];
    uint8_t raw[MAX_TRANSFERS][TRANSFER_BYTES];
    struct vd_slice slices[MAX_TRANSFERS];
};

static double
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
sign_transfers(struct bench *b, size_t count)
{
    struct vd_u256 unit = vd_u256(1000000000000000u);
    for (size_t i = 0; i < count; i++) {
        uint8_t key[32];
        struct vd_u256 n = vd_u256(1 + vd_random_below(&b->random, 1000));
        struct transfer t = {.chain_id = L2_CHAIN,
                             .nonce = i / ACCOUNTS,
                             .max_fee = 1000000000,
                             .max_priority_fee = 1000000,
                             .to = b->addresses[vd_random_below(&b->random, ACCOUNTS)],
                             .value = vd_u256_mul(&unit, &n)};
        transfer_key(key, FAMILY, i % ACCOUNTS);
        size_t len = transfer_sign(b->raw[i], b->context, key, &t);
        b->slices[i] = vd_slice(b->raw[i], len);
    }
}

static bool
fill(struct bench *b, struct vd_channel_job *job, size_t count)
{
    struct vd_l2_ref ref = {.timestamp = b->rollup.genesis_l2_time, .sequence_number = 1};
    vd_random_bytes(&b->random, ref.parent_hash.b, sizeof ref.parent_hash.b);
    vd_random_bytes(&b->random, ref.l1_origin.hash.b, sizeof ref.l1_origin.hash.b);
    for (size_t i = 0; i < BLOCKS; i++) {
        ref.number++;
        ref.timestamp++;
        struct vd_batcher_block block = {.ref = ref,
                                         .transactions = b->slices + i * (count / BLOCKS),
                                         .transaction_count = count / BLOCKS};
        if (vd_channel_job_add(job, &block) != VD_OK) {
            return false;
        }
        ref.sequence_number++;
    }
    return true;
}

/* The length of the L1 transaction that carries item; a signature's numbers have 32 bytes each but
   for one in 128, so random ones will do. */
static size_t
l1_bytes(struct bench *b, struct vd_slice item, uint64_t nonce)
{
    static uint8_t memory[L1_ARENA_BYTES];
    struct vd_arena arena;
    uint8_t r[32];
    uint8_t s[32];
    vd_arena_init(&arena, memory, sizeof memory);
    vd_random_bytes(&b->random, r, sizeof r);
    vd_random_bytes(&b->random, s, sizeof s);
    struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                       .has_chain_id = true,
                       .chain_id = L1_CHAIN,
                       .nonce = nonce,
                       .max_priority_fee = vd_u256(1000000000),
                       .max_fee = vd_u256(30000000000u),
                       .gas_limit = 5000000,
                       .to = b->addresses[0],
                       .data = item,
                       .r = vd_u256_from_be(r),
                       .s = vd_u256_from_be(s)};
    struct vd_buf buf;
    vd_buf_init(&buf, &arena);
    vd_tx_encode(&buf, &tx);
    return buf.err == VD_OK ? vd_buf_view(&buf).len : 0;
}

static int
measure(struct bench *b, size_t count)
{
    struct vd_batcher_config config = {
        .rollup = &b->rollup, .batch_type = VD_BATCH_SPAN, .frame_bytes = FRAME_BYTES};
    struct vd_channel_job *job = vd_channel_job_new(&config, 0);
    int status = 1;
    sign_transfers(b, count);
    if (job && fill(b, job, count)) {
        double start = now_ms();
        vd_channel_job_run(job);
        double ms = now_ms() - start;
        size_t bytes = 0;
        for (size_t i = 0; i < job->item_count; i++) {
            bytes += l1_bytes(b, job->items[i], i);
        }
        if (job->err == VD_OK) {
            printf("{\"transfers\":%zu,\"frames\":%zu,\"l1_bytes\":%zu,"
                   "\"bytes_per_transfer\":%.2f,\"us_per_transfer\":%.1f}\n",
                   count, job->item_count, bytes, (double)bytes / (double)count,
                   ms * 1e3 / (double)count);
            char name[80];
            snprintf(name, sizeof name, "bytes on L1 per transfer, channel of %zu", count);
            figure("bench_channel", name, (double)bytes / (double)count, "B");
            snprintf(name, sizeof name, "encoding a transfer, channel of %zu", count);
            figure("bench_channel", name, ms * 1e3 / (double)count, "us");
            status = 0;
        }
    }
    if (status) {
        fprintf(stderr, "bench_channel: encoding %zu transfers failed\n", count);
    }
    vd_channel_job_free(job);
    return status;
}

int
main(void)
{
    static struct bench bench;
    struct bench *b = &bench;
    b->random = vd_random_start("bench_channel");
    b->context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    b->rollup.genesis_l2_time = 1700000000;
    b->rollup.block_time_s = 1;
    b->rollup.l1_chain_id = L1_CHAIN;
    b->rollup.l2.chain_id = L2_CHAIN;
    for (size_t i = 0; i < ACCOUNTS; i++) {
        uint8_t key[32];
        transfer_key(key, FAMILY, i);
        if (vd_key_to_address(&b->addresses[i], key) != VD_OK) {
            return 1;
        }
    }
    int status = measure(b, 2000) | measure(b, MAX_TRANSFERS);
    secp256k1_context_destroy(b->context);
    return status;
}
