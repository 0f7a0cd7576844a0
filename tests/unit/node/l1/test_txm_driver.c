/* The transaction manager over HTTP against a small L1 in the same process.  With VD_L1_URL and
   VD_L1_KEY (64 hex digits of a funded account) one more test runs against that L1. */
#include "unit/node/l1/small_l1.h"

struct events {
    unsigned count[8];
    unsigned order[64];
    unsigned confirmed;
};

static void
on_txm_event(void *ctx, const struct vd_txm_event *event)
{
    struct events *e = ctx;
    e->count[event->kind]++;
    if (event->kind == VD_TXM_STUCK)
        printf("stuck: %s\n", event->text);
    if (event->kind == VD_TXM_CONFIRMED)
        e->order[e->confirmed++] = event->tag.ptr[0];
}

static struct vd_signer *
signer_of(struct fake *f, const uint8_t secret[32])
{
    struct vd_key *key;
    struct vd_signer *signer;
    assert_int_equal(vd_key_from_bytes(&key, secret), VD_OK);
    assert_int_equal(vd_signer_local(&signer, &f->loop, f->pool, key), VD_OK);
    return signer;
}

static struct vd_signer *
test_signer(struct fake *f)
{
    uint8_t secret[32] = {1, 2, 3};
    return signer_of(f, secret);
}

/* Above this journals of these tests are compacted. */
#define TEST_COMPACT_BYTES 300000u

static struct vd_txm_driver *
open_txm(struct fake *f, struct vd_l1 *l1, struct vd_signer *signer, const char *path,
         uint64_t chain, uint64_t confirmations, struct events *events)
{
    struct vd_txm_config config = {.chain_id = chain,
                                   .confirmations = confirmations,
                                   .resend_ms = 100,
                                   .resubmit_ms = 60000,
                                   .compact_bytes = TEST_COMPACT_BYTES};
    struct vd_txm_listener listener = {events, on_txm_event};
    struct vd_txm_driver *driver;
    char why[256];
    enum vd_err err = vd_txm_open(&driver, why, sizeof why, &f->loop, f->pool, l1, signer, path,
                                  &config, &listener);
    if (err != VD_OK)
        fail_msg("%s", why);
    return driver;
}

static void
send_payload(struct vd_txm_driver *driver, uint8_t number, size_t len)
{
    uint64_t id;
    uint8_t *data = malloc(len);
    memset(data, number, len);
    struct vd_txm_payload payload = {
        .to = {{9}}, .data = vd_slice(data, len), .tag = vd_slice(&number, 1)};
    assert_int_equal(vd_txm_send(vd_txm_driver_manager(driver), &id, &payload), VD_OK);
    free(data);
}

static void
close_flag(void *ctx)
{
    *(bool *)ctx = true;
}

static void
close_txm(struct fake *f, struct vd_txm_driver *driver)
{
    bool closed = false;
    vd_txm_close(driver, close_flag, &closed);
    run_until(f, is_set, &closed);
}

static void
path_of(char out[64])
{
    snprintf(out, 64, P_tmpdir "/vd-test-journal-%d", (int)getpid());
}

static void
remove_journal(void)
{
    char path[64];
    char lock[80];
    path_of(path);
    snprintf(lock, sizeof lock, "%s.lock", path);
    unlink(path);
    unlink(lock);
}

static void
test_transactions_survive_restarts_and_reorgs(void **state)
{
    (void)state;
    static struct fake f;
    struct events events = {0};
    char path[64];
    path_of(path);
    remove_journal();
    fake_start(&f);
    struct vd_signer *signer = test_signer(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){0});
    mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    struct vd_txm_driver *driver = open_txm(&f, l1, signer, path, CHAIN_ID, 3, &events);
    char why[256];
    struct vd_txm_driver *second;
    struct vd_txm_config config = {.chain_id = CHAIN_ID};
    struct vd_txm_listener none = {0};
    assert_int_equal(
        vd_txm_open(&second, why, sizeof why, &f.loop, f.pool, l1, signer, path, &config, &none),
        VD_ERR_BUSY);
    for (uint8_t i = 0; i < 5; i++)
        send_payload(driver, i, 100 + 20000 * (size_t)i);
    while (events.count[VD_TXM_SENT] < 5)
        spin(&f, 5);
    close_txm(&f, driver);
    /* A torn write at the end is no harm. */
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "VTX1\0\0\0\x50torn", 12), 12);
    close(fd);
    driver = open_txm(&f, l1, signer, path, CHAIN_ID, 3, &events);
    assert_int_equal(vd_txm_count(vd_txm_driver_manager(driver)), 5);
    send_payload(driver, 5, 10);
    for (int i = 0; i < 400 && events.confirmed < 6; i++) {
        if (i == 20) {
            /* What was included is thrown away and L1 forgets it. */
            assert_true(f.nonce > 0);
            unwind(&f, 2);
        }
        mine(&f);
        spin(&f, 15);
    }
    assert_int_equal(events.confirmed, 6);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(events.order[i], i);
    assert_int_equal(f.nonce, 6);
    assert_int_equal(f.tx_count, 6);
    assert_int_equal(events.count[VD_TXM_LOST], 0);
    close_txm(&f, driver);

    /* Blocks with transactions come with their receipts, all checked. */
    for (uint64_t n = 0; n <= f.height; n++) {
        struct fetched got = fetch(&f, l1, n);
        assert_int_equal(got.err, VD_OK);
        const struct vd_l1_block *block = vd_l1_fetched_block(got.block);
        assert_true(vd_hash_eq(&block->hash, &f.blocks[n].hash));
        assert_int_equal(block->transaction_count, f.blocks[n].tx_count);
        assert_int_equal(block->receipt_count, f.blocks[n].tx_count);
        vd_l1_fetched_release(got.block);
    }
    assert_int_equal(fetch(&f, l1, f.height + 1).err, VD_ERR_NOT_FOUND);
    vd_l1_close(l1, NULL, NULL);

    /* Another key is refused, and so is a journal that is damaged in the middle. */
    l1 = connect_l1(&f, (struct vd_l1_config){0});
    config.chain_id = 901;
    assert_int_equal(
        vd_txm_open(&second, why, sizeof why, &f.loop, f.pool, l1, signer, path, &config, &none),
        VD_ERR_MISMATCH);
    config.chain_id = CHAIN_ID;
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 100), 1);
    close(fd);
    assert_int_equal(
        vd_txm_open(&second, why, sizeof why, &f.loop, f.pool, l1, signer, path, &config, &none),
        VD_ERR_CORRUPT);
    assert_non_null(strstr(why, "damaged"));
    vd_l1_close(l1, NULL, NULL);
    vd_signer_close(signer, NULL, NULL);
    remove_journal();
    fake_stop(&f);
}

static void
mine_until_confirmed(struct fake *f, const struct events *events, unsigned count)
{
    for (int i = 0; i < 400 && events->confirmed < count; i++) {
        mine(f);
        spin(f, 15);
    }
    assert_int_equal(events->confirmed, count);
}

struct held {
    unsigned count;
    uint8_t last_tag;
    bool last_confirmed;
};

static void
look_at_held(void *ctx, const struct vd_txm_status *status)
{
    struct held *held = ctx;
    held->count++;
    held->last_tag = status->tag.ptr[0];
    held->last_confirmed = status->confirmed;
}

static void
test_a_long_journal_is_compacted_and_goes_on(void **state)
{
    (void)state;
    static struct fake f;
    struct events events = {0};
    char path[64];
    char fresh[80];
    struct stat before;
    struct stat after;
    path_of(path);
    remove_journal();
    fake_start(&f);
    struct vd_signer *signer = test_signer(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){0});
    mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    struct vd_txm_driver *driver = open_txm(&f, l1, signer, path, CHAIN_ID, 1, &events);
    for (uint8_t i = 0; i < 8; i++)
        send_payload(driver, i, 50000);
    mine_until_confirmed(&f, &events, 8);
    assert_int_equal(stat(path, &before), 0);
    assert_true(before.st_size > TEST_COMPACT_BYTES);
    /* Deep enough for all but the newest to be forgotten; the next write makes a new file. */
    for (int i = 0; i < VD_TXM_KEEP_BLOCKS + 10; i++)
        mine(&f);
    follow(&f, l1);
    for (int i = 0; i < 10; i++)
        spin(&f, 15);
    send_payload(driver, 8, 100);
    mine_until_confirmed(&f, &events, 9);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size < 120000);
    close_txm(&f, driver);

    /* A snapshot that was cut off by a crash does not count. */
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, "VTX1\0\0\0\x50torn", 12), 12);
    close(fd);
    driver = open_txm(&f, l1, signer, path, CHAIN_ID, 1, &events);
    struct held held = {0};
    vd_txm_each(vd_txm_driver_manager(driver), look_at_held, &held);
    assert_int_equal(held.last_tag, 8);
    assert_true(held.last_confirmed);
    assert_int_equal(vd_txm_count(vd_txm_driver_manager(driver)), 0);
    send_payload(driver, 9, 100);
    mine_until_confirmed(&f, &events, 10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(events.order[i], i);
    assert_int_equal(f.nonce, 10);
    assert_int_equal(f.tx_count, 10);
    close_txm(&f, driver);
    vd_l1_close(l1, NULL, NULL);
    vd_signer_close(signer, NULL, NULL);
    unlink(fresh);
    remove_journal();
    fake_stop(&f);
}

static void
test_a_signer_that_cannot_be_reached_is_told_once_and_made_up_for(void **state)
{
    (void)state;
    static struct fake f;
    struct events events = {0};
    char path[64];
    char why[256];
    uint8_t secret[32] = {1, 2, 3};
    path_of(path);
    remove_journal();
    fake_start(&f);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){0});
    mine(&f);
    vd_l1_start(l1);
    follow(&f, l1);
    /* Port 1 of this machine: nobody. */
    struct vd_signer *remote;
    struct vd_signer_remote config = {.url = "http://127.0.0.1:1"};
    assert_int_equal(vd_key_to_address(&config.address, secret), VD_OK);
    assert_int_equal(vd_signer_remote_new(&remote, why, sizeof why, &f.loop, &config), VD_OK);
    struct vd_txm_driver *driver = open_txm(&f, l1, remote, path, CHAIN_ID, 3, &events);
    send_payload(driver, 0, 100);
    send_payload(driver, 1, 100);
    for (int i = 0; i < 150; i++) /* three ticks of the driver and more */
        spin(&f, 10);
    assert_int_equal(events.count[VD_TXM_STUCK], 1);
    assert_int_equal(events.count[VD_TXM_SENT], 0);
    /* The driver ends while signatures are asked for, and the signer after it. */
    close_txm(&f, driver);
    vd_signer_close(remote, NULL, NULL);
    /* Nothing of what was not signed is in the journal; its nonces are free. */
    struct vd_signer *signer = test_signer(&f);
    driver = open_txm(&f, l1, signer, path, CHAIN_ID, 3, &events);
    send_payload(driver, 2, 100);
    for (int i = 0; i < 400 && events.confirmed < 1; i++) {
        mine(&f);
        spin(&f, 15);
    }
    assert_int_equal(events.confirmed, 1);
    assert_int_equal(events.order[0], 2);
    assert_int_equal(f.nonce, 1);
    close_txm(&f, driver);
    vd_signer_close(signer, NULL, NULL);
    vd_l1_close(l1, NULL, NULL);
    remove_journal();
    fake_stop(&f);
}

/* --- a real L1 --- */

static uint64_t real_chain_id;

static void
on_chain_id(void *ctx, const struct vd_l1_status *status, uint64_t value)
{
    assert_int_equal(status->err, VD_OK);
    real_chain_id = value;
    *(bool *)ctx = true;
}

static void
test_a_real_l1_takes_transactions_and_its_blocks_verify(void **state)
{
    (void)state;
    const char *url = getenv("VD_L1_URL");
    const char *secret = getenv("VD_L1_KEY");
    if (url == NULL || secret == NULL) {
        printf("SKIPPED: VD_L1_URL and VD_L1_KEY not set\n");
        return;
    }
    static struct fake f;
    struct events events = {0};
    char path[64];
    uint8_t bytes[32];
    bool done = false;
    path_of(path);
    remove_journal();
    fake_start(&f);
    assert_int_equal(vd_hex_decode(bytes, 32, secret, strlen(secret)), VD_OK);
    struct vd_signer *signer = signer_of(&f, bytes);
    struct vd_l1 *l1 = connect_l1(&f, (struct vd_l1_config){.url = url, .poll_interval_ms = 100});
    vd_l1_chain_id(l1, on_chain_id, &done);
    run_until(&f, is_set, &done);
    vd_l1_start(l1);
    struct vd_txm_driver *driver = open_txm(&f, l1, signer, path, real_chain_id, 2, &events);
    for (uint8_t i = 0; i < 10; i++)
        send_payload(driver, i, 100 + 9000 * (size_t)i);
    for (int i = 0; i < 3000 && events.confirmed < 10; i++)
        spin(&f, 10);
    assert_int_equal(events.confirmed, 10);
    close_txm(&f, driver);
    uint64_t receipts = 0;
    for (uint64_t n = 0; n <= vd_l1_heads(l1)->latest.number; n++) {
        struct fetched got = fetch(&f, l1, n);
        if (got.err != VD_OK)
            fail_msg("block %llu: %s", (unsigned long long)n, got.text);
        receipts += vd_l1_fetched_block(got.block)->receipt_count;
        vd_l1_fetched_release(got.block);
    }
    assert_true(receipts >= 10);
    vd_l1_close(l1, NULL, NULL);
    vd_signer_close(signer, NULL, NULL);
    remove_journal();
    fake_stop(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transactions_survive_restarts_and_reorgs),
        cmocka_unit_test(test_a_long_journal_is_compacted_and_goes_on),
        cmocka_unit_test(test_a_signer_that_cannot_be_reached_is_told_once_and_made_up_for),
        cmocka_unit_test(test_a_real_l1_takes_transactions_and_its_blocks_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
