/* Durable transfers through one engine: submissions are recovered in the pool, executed,
   journaled with a sync, acknowledged; a block is sealed every second.

     bench_engine [FOLDER] [TRANSFERS] [UNDER_WAY] [ACCOUNTS] [RATE]

   The folder is made anew in FOLDER (/tmp).  Transactions are signed before the clock starts, from
   and to ACCOUNTS (1,000) at random.  They leave as soon as fewer than UNDER_WAY wait for their
   answer, at RATE a second at most (0: no limit); latency counts from the moment one is due. */
#include <stdlib.h>
#include <string.h>

#include "bench/figures.h"
#include "support/random.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/engine/view.h"
#include "viaduct/node/platform/curves.h"

#define GWEI ((uint64_t)1000000000)

struct bench {
    uv_loop_t loop;
    struct vd_pool *pool;
    struct vd_engine *engine;
    struct vd_genesis_account *accounts;
    size_t account_count;
    uint32_t *nonces;
    uint64_t rate; /* 0: none */
    uint8_t (*raw)[128];
    size_t *raw_len;
    uint64_t *sent_ns;
    uint64_t *latency_ns;
    size_t count;
    size_t sent;
    size_t answered;
    size_t refused;
    size_t under_way;
    bool closed;
    bool ready;
    bool sealing;
    struct vd_block_ref tip;
    uint64_t sealed_ns;
    uint64_t longest_seal_ns;
    uint64_t blocks;
};

static void
secret_of(uint8_t secret[32], size_t account)
{
    memset(secret, 0, 32);
    vd_store_be32(secret + 28, (uint32_t)account + 1);
}

static void
must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench_engine: %s\n", what);
        exit(1);
    }
}

static void
sign_all(struct bench *b)
{
    struct vd_random random = {.state = 1}; /* the same transfers in every run */
    for (size_t i = 0; i < b->count; i++) {
        size_t from = vd_random_below(&random, b->account_count);
        size_t to = vd_random_below(&random, b->account_count);
        uint8_t memory[1024];
        uint8_t secret[32];
        uint8_t signature[64];
        struct vd_arena arena;
        struct vd_hash hash;
        struct vd_buf buf;
        struct vd_tx tx = {.type = VD_TX_DYNAMIC_FEE,
                           .has_chain_id = true,
                           .chain_id = 900,
                           .nonce = b->nonces[from]++,
                           .max_priority_fee = vd_u256(GWEI),
                           .max_fee = vd_u256(1000 * GWEI),
                           .gas_limit = 21000,
                           .to = b->accounts[to].address,
                           .value = vd_u256(i + 1)};
        vd_arena_init(&arena, memory, sizeof memory);
        secret_of(secret, from);
        must(vd_tx_signing_hash(&hash, &tx, &arena) == VD_OK &&
                 vd_sign_hash(signature, &tx.y_parity, &hash, secret) == VD_OK,
             "signing");
        tx.r = vd_u256_from_be(signature);
        tx.s = vd_u256_from_be(signature + 32);
        vd_arena_init(&arena, memory, sizeof memory);
        vd_buf_init(&buf, &arena);
        vd_tx_encode(&buf, &tx);
        must(buf.err == VD_OK && buf.len <= sizeof b->raw[0], "encoding");
        memcpy(b->raw[i], buf.ptr, buf.len);
        b->raw_len[i] = buf.len;
    }
}

/* --- blocks --- */

static void
on_open(void *ctx, enum vd_err err, const char *why, const struct vd_block_info *block)
{
    struct bench *b = ctx;
    (void)block;
    must(err == VD_OK, why);
    b->ready = true;
    b->sealing = false;
}

static void
open_block(struct bench *b)
{
    struct vd_attributes plan = {
        .parent = {.hash = b->tip.hash, .number = b->tip.number},
        .env = {.timestamp = b->tip.timestamp + 1, .gas_limit = 400000000}};
    vd_engine_open_block(b->engine, &plan, on_open, b);
}

static void
on_sealed(void *ctx, enum vd_err err, const char *why, const struct vd_block_info *block)
{
    struct bench *b = ctx;
    must(err == VD_OK, why);
    uint64_t took = uv_hrtime() - b->sealed_ns;
    b->longest_seal_ns = took > b->longest_seal_ns ? took : b->longest_seal_ns;
    b->tip = block->ref;
    b->blocks++;
    open_block(b);
}

static void
seal(struct bench *b)
{
    b->sealing = true;
    b->sealed_ns = uv_hrtime();
    vd_engine_seal(b->engine, on_sealed, b);
}

static void
on_second(uv_timer_t *timer)
{
    struct bench *b = timer->data;
    if (!b->sealing) {
        seal(b);
    }
}

/* --- transactions --- */

static void
on_submit(void *ctx, const struct vd_submit_result *result)
{
    uint64_t *sent = ctx;
    struct bench *b = *(struct bench **)(void *)(sent - 1);
    b->answered++;
    b->under_way--;
    if (result->status != VD_SUBMIT_ACCEPTED) {
        if (b->refused++ == 0) {
            fprintf(stderr, "first refusal: %s\n", result->text);
        }
    }
    b->latency_ns[b->answered - 1] = uv_hrtime() - *sent;
}

static void
on_pace(uv_timer_t *timer)
{
    (void)timer;
}

static int
compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void
run(struct bench *b, size_t most)
{
    uv_timer_t timer;
    uv_timer_init(&b->loop, &timer);
    timer.data = b;
    uv_timer_start(&timer, on_second, 1000, 1000);
    uv_timer_t pace; /* wakes the loop for what is due */
    uv_timer_init(&b->loop, &pace);
    uv_timer_start(&pace, on_pace, b->rate > 0 ? 1 : 1000, b->rate > 0 ? 1 : 1000);
    uint64_t start = uv_hrtime();
    while (b->answered < b->count) {
        while (b->under_way < most && b->sent < b->count) {
            uint64_t now = uv_hrtime();
            uint64_t due = b->rate > 0 ? start + b->sent * 1000000000u / b->rate : now;
            if (due > now) {
                break;
            }
            /* The callback's context: the moment, and before it whose it is. */
            uint64_t *slot = &b->sent_ns[2 * b->sent];
            memcpy(slot, &b, sizeof(struct bench *));
            slot[1] = due;
            b->under_way++;
            vd_engine_submit(b->engine, vd_slice(b->raw[b->sent], b->raw_len[b->sent]), on_submit,
                             slot + 1);
            b->sent++;
        }
        uv_run(&b->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&pace);
    uv_close((uv_handle_t *)&pace, NULL);
    double seconds = (double)(uv_hrtime() - start) / 1e9;
    struct vd_engine_stats stats;
    vd_engine_stats(b->engine, &stats);
    qsort(b->latency_ns, b->count, sizeof *b->latency_ns, compare_u64);
    printf("%zu transfers among %zu accounts, %zu under way: %.0f/s, median %.2f ms, 99%% %.2f ms, "
           "worst %.2f ms\n",
           b->count, b->account_count, most, (double)b->count / seconds,
           (double)b->latency_ns[b->count / 2] / 1e6,
           (double)b->latency_ns[b->count * 99 / 100] / 1e6,
           (double)b->latency_ns[b->count - 1] / 1e6);
    char name[80];
    snprintf(name, sizeof name, "bench_engine, %zu accounts, %s", b->account_count,
             b->rate == 0 ? "as fast as it goes" : "at a rate");
    if (b->rate != 0)
        figure(name, "asked for", (double)b->rate, "/s");
    figure(name, "acknowledged", (double)b->count / seconds, "/s");
    figure(name, "median latency", (double)b->latency_ns[b->count / 2] / 1e6, "ms");
    figure(name, "99th percentile of latency", (double)b->latency_ns[b->count * 99 / 100] / 1e6,
           "ms");
    figure(name, "longest seal", (double)b->longest_seal_ns / 1e6, "ms");
    figure(name, "refused", (double)b->refused, "transfers");
    printf("%llu blocks, longest seal to database %.1f ms, %llu journal syncs, %zu refused\n",
           (unsigned long long)b->blocks, (double)b->longest_seal_ns / 1e6,
           (unsigned long long)stats.journal_syncs, b->refused);
    uv_close((uv_handle_t *)&timer, NULL);
}

/* --- set-up --- */

static void
open_engine(struct bench *b, const char *folder)
{
    static struct vd_chain_config chain;
    static struct vd_genesis genesis;
    static const struct vd_logger logger = {.fd = 2, .level = VD_LOG_WARN};
    char why[256];
    vd_chain_config_l1(&chain, 900, 0, VD_NEVER);
    struct vd_u256 rich = vd_u256(GWEI * GWEI);
    struct vd_u256 factor = vd_u256(1000000);
    rich = vd_u256_mul(&rich, &factor);
    for (size_t i = 0; i < b->account_count; i++) {
        uint8_t secret[32];
        secret_of(secret, i);
        must(vd_key_to_address(&b->accounts[i].address, secret) == VD_OK, "key");
        b->accounts[i].balance = rich;
    }
    genesis = (struct vd_genesis){.timestamp = 1700000000,
                                  .gas_limit = 400000000,
                                  .base_fee = vd_u256(7),
                                  .accounts = b->accounts,
                                  .account_count = b->account_count};
    struct vd_engine_config config = {.folder = folder,
                                      .chain = &chain,
                                      .genesis = &genesis,
                                      .journal = true,
                                      .accept_transactions = true,
                                      .clock = vd_clock_system(),
                                      .logger = &logger,
                                      .pool = b->pool,
                                      .curves = vd_curves_host(),
                                      .loop = &b->loop};
    must(vd_engine_open(&b->engine, why, &config) == VD_OK, why);
    b->tip = vd_engine_heads(b->engine)->unsafe;
}

static void
set_true(void *ctx)
{
    *(bool *)ctx = true;
}

int
main(int argc, char **argv)
{
    static struct bench b;
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/bench-engine-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    must(mkdtemp(folder) != NULL, "folder");
    b.count = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    size_t most = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
    b.account_count = argc > 4 ? strtoul(argv[4], NULL, 10) : 1000;
    b.rate = argc > 5 ? strtoul(argv[5], NULL, 10) : 0;
    must(b.account_count > 0, "no accounts");
    b.accounts = calloc(b.account_count, sizeof *b.accounts);
    b.nonces = calloc(b.account_count, sizeof *b.nonces);
    b.raw = calloc(b.count, sizeof *b.raw);
    b.raw_len = calloc(b.count, sizeof *b.raw_len);
    b.sent_ns = calloc(2 * b.count, sizeof *b.sent_ns);
    b.latency_ns = calloc(b.count, sizeof *b.latency_ns);
    must(b.accounts && b.nonces && b.raw && b.raw_len && b.sent_ns && b.latency_ns, "memory");
    uv_loop_init(&b.loop);
    must(vd_pool_new(&b.pool, &b.loop, 2) == VD_OK, "pool");
    open_engine(&b, folder);
    sign_all(&b);
    open_block(&b);
    while (!b.ready) {
        uv_run(&b.loop, UV_RUN_ONCE);
    }
    run(&b, most);
    vd_engine_close(b.engine, set_true, &b.closed);
    while (!b.closed) {
        uv_run(&b.loop, UV_RUN_ONCE);
    }
    printf("data in %s\n", folder);
    return b.refused == 0 ? 0 : 1;
}
