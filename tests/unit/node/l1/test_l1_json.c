/* L1's JSON against the blocks and headers of real networks that op-node is tested with, good ones
   and altered ones (vectors/op/derive/l1_rpc), and keys against their files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/random.h"
#include "support/vectors.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/l1/key.h"
#include "viaduct/node/l1/l1_json.h"
#include "viaduct/node/net/json_reader.h"
#include "viaduct/node/platform/curves.h"

#define ARENA_SIZE ((size_t)32 << 20)

static void
check_file(void *ctx, const char *path)
{
    size_t *seen = ctx;
    char data_path[512];
    size_t stem = strlen(path) - strlen("_metadata.json");
    snprintf(data_path, sizeof data_path, "%.*s_data.json", (int)stem, path);
    json_t *metadata = vd_vectors_json(path);
    json_t *data = vd_vectors_json(data_path);
    assert_non_null(metadata);
    assert_non_null(data);
    bool fail = json_is_true(json_object_get(metadata, "fail"));
    const char *reason = json_string_value(json_object_get(metadata, "reason"));

    struct vd_arena arena;
    void *memory = malloc(ARENA_SIZE);
    vd_arena_init(&arena, memory, ARENA_SIZE);
    struct vd_l1_why why = {""};
    struct vd_l1_block block;
    struct vd_hash hash;
    struct vd_l1_lenient strict = {0};
    enum vd_err err = strstr(path, "/headers/") != NULL
                          ? vd_l1_parse_header(&block.header, &hash, &why, &arena, data)
                          : vd_l1_parse_block(&block, &why, &arena, &strict, data);
    if ((err != VD_OK) != fail || (reason != NULL && strstr(why.text, reason) == NULL))
        fail_msg("%s: %s: %s", path, vd_err_text(err), why.text);
    (*seen)++;
    free(memory);
    json_decref(metadata);
    json_decref(data);
}

static void
test_real_blocks_verify_and_altered_ones_fail_with_their_reason(void **state)
{
    (void)state;
    size_t seen = 0;
    if (vd_vectors_walk("op/derive/l1_rpc", "_metadata.json", check_file, &seen))
        assert_true(seen >= 10);
}

/* The senders that the L1 node names must be the ones that the encoded bytes recover to. */
static void
test_transactions_recover_to_their_senders(void **state)
{
    (void)state;
    json_t *data = vd_vectors_json("op/derive/l1_rpc/blocks/post-shanghai-success_data.json");
    if (data == NULL)
        return;
    void *memory = malloc(ARENA_SIZE);
    struct vd_arena arena;
    vd_arena_init(&arena, memory, ARENA_SIZE);
    const struct vd_curves *curves = vd_curves_host();
    size_t i;
    json_t *json;
    json_array_foreach(json_object_get(data, "transactions"), i, json)
    {
        struct vd_l1_why why;
        struct vd_json_why json_why;
        struct vd_slice raw;
        struct vd_hash hash;
        struct vd_tx tx;
        struct vd_address sender;
        struct vd_address from;
        bool valid;
        assert_int_equal(vd_l1_parse_transaction(&raw, &hash, &why, &arena, json), VD_OK);
        assert_int_equal(vd_tx_decode(&tx, NULL, &arena, raw), VD_OK);
        assert_int_equal(vd_tx_sender(&sender, &valid, &tx, curves, &arena), VD_OK);
        assert_true(vd_json_read_address(&from, &json_why, json_object_get(json, "from")));
        assert_true(valid && vd_address_eq(&sender, &from));
    }
    free(memory);
    json_decref(data);
}

/* Any one leaf changed, dropped or replaced: never accepted, never a crash. */
static void
test_altered_blocks_are_refused(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("altered blocks");
    json_t *data = vd_vectors_json("op/derive/l1_rpc/blocks/post-shanghai-success_data.json");
    if (data == NULL)
        return;
    static const char *const keys[] = {"parentHash", "stateRoot",     "logsBloom",    "number",
                                       "extraData",  "withdrawals",   "transactions", "hash",
                                       "gasUsed",    "baseFeePerGas", "nonce",        "mixHash"};
    void *memory = malloc(ARENA_SIZE);
    for (int round = 0; round < 200; round++) {
        json_t *copy = json_deep_copy(data);
        const char *key = keys[vd_random_below(&random, sizeof keys / sizeof keys[0])];
        json_t *txs = json_object_get(copy, "transactions");
        json_t *tx = json_array_get(txs, vd_random_below(&random, json_array_size(txs)));
        switch (vd_random_below(&random, 5)) {
        case 0:
            json_object_del(copy, key);
            break;
        case 1:
            json_object_set_new(copy, key, json_string("0x12"));
            break;
        case 2:
            json_object_set_new(copy, key, json_integer(7));
            break;
        case 3:
            json_object_set_new(tx, "nonce", json_string("0x7fffffff"));
            break;
        default:
            json_array_remove(txs, vd_random_below(&random, json_array_size(txs)));
            break;
        }
        struct vd_arena arena;
        struct vd_l1_block block;
        struct vd_l1_why why = {""};
        struct vd_l1_lenient strict = {0};
        vd_arena_init(&arena, memory, ARENA_SIZE);
        assert_int_not_equal(vd_l1_parse_block(&block, &why, &arena, &strict, copy), VD_OK);
        assert_true(why.text[0] != '\0');
        json_decref(copy);
    }
    free(memory);
    json_decref(data);
}

/* --- keys --- */

static const char *
key_file(const char *text, mode_t mode)
{
    static char path[64];
    snprintf(path, sizeof path, "vd-test-key-%d", (int)getpid());
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

/* The first account of the public mnemonic "test test ... junk". */
#define JUNK_KEY "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
#define JUNK_ADDRESS "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"

static void
test_key_files_are_read_only_when_private(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mode_t mode;
        enum vd_err err;
        const char *why;
    } table[] = {
        {JUNK_KEY, 0600, VD_OK, ""},
        {"0x" JUNK_KEY "\n", 0400, VD_OK, ""},
        {JUNK_KEY, 0644, VD_ERR_REFUSED, "chmod 600"},
        {JUNK_KEY, 0640, VD_ERR_REFUSED, "mode 0640"},
        {JUNK_KEY, 0700, VD_ERR_REFUSED, "chmod 600"},
        {"", 0600, VD_ERR_INVALID, "64 hex digits"},
        {JUNK_KEY "0", 0600, VD_ERR_INVALID, "64 hex digits"},
        {"zz0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80", 0600, VD_ERR_INVALID,
         "64 hex digits"},
        {"0000000000000000000000000000000000000000000000000000000000000000", 0600, VD_ERR_INVALID,
         "from 1 to n - 1"},
        {"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 0600, VD_ERR_INVALID,
         "from 1 to n - 1"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char why[256] = "";
        struct vd_key *key = NULL;
        const char *path = key_file(table[i].text, table[i].mode);
        assert_int_equal(vd_key_load(&key, why, sizeof why, path), table[i].err);
        assert_non_null(strstr(why, table[i].why));
        assert_null(strstr(why, "0974bec"));
        if (key != NULL) {
            char hex[41] = "";
            vd_hex_encode(hex, vd_key_address(key)->b, 20);
            assert_string_equal(hex, JUNK_ADDRESS);
        }
        vd_key_free(key);
        unlink(path);
    }
    char why[256];
    struct vd_key *key;
    assert_int_equal(vd_key_load(&key, why, sizeof why, "no-such-file"), VD_ERR_NOT_FOUND);
    assert_int_equal(vd_key_load(&key, why, sizeof why, "."), VD_ERR_REFUSED);
}

static void
test_signatures_recover_to_the_key(void **state)
{
    (void)state;
    struct vd_random random = vd_random_start("signatures");
    const struct vd_curves *curves = vd_curves_host();
    for (int i = 0; i < 50; i++) {
        uint8_t secret[32];
        struct vd_key *key;
        struct vd_hash hash;
        uint8_t signature[64];
        uint8_t parity;
        struct vd_address address;
        bool valid;
        vd_random_bytes(&random, secret, sizeof secret);
        secret[0] = 1;
        vd_random_bytes(&random, hash.b, sizeof hash.b);
        assert_int_equal(vd_key_from_bytes(&key, secret), VD_OK);
        assert_int_equal(vd_key_sign(key, signature, &parity, &hash), VD_OK);
        assert_int_equal(curves->recover(curves->ctx, &address, &valid, &hash, signature, parity),
                         VD_OK);
        assert_true(valid && vd_address_eq(&address, vd_key_address(key)));
        assert_true(signature[32] < 0x80);
        vd_key_free(key);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_blocks_verify_and_altered_ones_fail_with_their_reason),
        cmocka_unit_test(test_transactions_recover_to_their_senders),
        cmocka_unit_test(test_altered_blocks_are_refused),
        cmocka_unit_test(test_key_files_are_read_only_when_private),
        cmocka_unit_test(test_signatures_recover_to_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
