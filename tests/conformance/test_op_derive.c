/* The encodings of derivation against vectors/op/derive.  What is left out, and why:

   account_proof, beacon_api, l1_rpc, registry: proofs, beacon chain, RPC and JSON belong elsewhere.
   base_fee, l1_cost: core/chain's.
   blobs: this build has none yet; channels that need them are tested to be refused.
   brotli: test_brotli.c.
   l1_info: Bedrock's form never stands in a chain that this build derives, and is refused; Jovian's
     is refused as unsupported.
   system_config: Jovian's two update types are ignored, as types not known are.
   system_config/eip1559_params: two cases are about Holocene starting after genesis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/vectors.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/core/rollup/attributes.h"
#include "viaduct/core/rollup/batch.h"

enum { ARENA_BYTES = 8 << 20 };

static struct vd_arena arena;
static size_t files_run;

static const char *
text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static struct vd_slice
bytes(const json_t *object, const char *key)
{
    size_t len;
    uint8_t *p = vd_unhex(text(object, key), &len);
    uint8_t *copy = vd_arena_copy(&arena, vd_slice(p, len));
    free(p);
    assert_non_null(copy);
    return vd_slice(copy, len);
}

static struct vd_hash
word(const json_t *object, const char *key)
{
    return vd_unhex_word(text(object, key));
}

static struct vd_address
address(const json_t *object, const char *key)
{
    struct vd_address a;
    vd_unhex_fixed(a.b, sizeof a.b, text(object, key));
    return a;
}

/* A number that stands as JSON integer or as decimal string. */
static struct vd_u256
number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        return vd_u256((uint64_t)json_integer_value(value));
    if (json_is_real(value)) {
        assert_true(json_real_value(value) < 9007199254740992.0);
        return vd_u256((uint64_t)json_real_value(value));
    }
    struct vd_u256 sum = vd_u256(0);
    struct vd_u256 ten = vd_u256(10);
    assert_true(json_is_string(value));
    for (const char *p = json_string_value(value); *p != '\0'; p++) {
        struct vd_u256 digit = vd_u256((uint64_t)(*p - '0'));
        assert_true(*p >= '0' && *p <= '9');
        sum = vd_u256_mul(&sum, &ten);
        sum = vd_u256_add(&sum, &digit);
    }
    return sum;
}

static uint64_t
small(const json_t *object, const char *key)
{
    struct vd_u256 value = number(object, key);
    assert_true(vd_u256_fits_u64(&value));
    return value.w[0];
}

static bool
is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static void
assert_bytes(struct vd_slice got, struct vd_slice expected)
{
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.ptr, expected.ptr, expected.len);
}

/* Gas limits of 2^63 and above do not fit jansson's integers; such a file is read with all its
   numbers as reals, which are exact up to 2^53. */
static json_t *
load(const char *path)
{
    size_t len;
    uint8_t *file = vd_vectors_file(path, &len);
    json_t *json = json_loadb((const char *)file, len, 0, NULL);
    if (json == NULL)
        json = json_loadb((const char *)file, len, JSON_DECODE_INT_AS_REAL, NULL);
    free(file);
    assert_non_null(json);
    return json;
}

typedef void (*case_fn)(const json_t *item);

static void
run_file(void *ctx, const char *path)
{
    const case_fn *fn = ctx;
    json_t *file = load(path);
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(file, "cases"), i, item)
    {
        vd_arena_rewind(&arena, 0);
        (*fn)(item);
    }
    printf("%s: %zu cases\n", path, i);
    assert_true(i > 0);
    files_run++;
    json_decref(file);
}

/* Every file that begins so in name, of either half of the vectors; one at least. */
static void
run_cases(const char *folder, const char *stem, case_fn fn)
{
    static const char *const halves[] = {".open.json", ".held.json", ".json"};
    files_run = 0;
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s%s", stem, halves[i]);
        if (!vd_vectors_walk(folder, name, run_file, &fn))
            return;
    }
    assert_true(files_run > 0);
}

static struct vd_log
read_log(const json_t *item)
{
    struct vd_log log = {.data = bytes(item, "data")};
    const json_t *topics = json_object_get(item, "topics");
    log.topic_count = (uint8_t)json_array_size(topics);
    for (size_t i = 0; i < log.topic_count; i++)
        log.topics[i] = vd_unhex_word(json_string_value(json_array_get(topics, i)));
    return log;
}

static void
check_deposit(const json_t *item)
{
    struct vd_log log = read_log(item);
    struct vd_hash block = word(item, "l1_block_hash");
    struct vd_buf buf;
    struct vd_tx tx;
    vd_buf_init(&buf, &arena);
    enum vd_err err = vd_deposit_from_log(&buf, &log, &block, small(item, "log_index"));
    assert_int_equal(err, is_true(item, "ok") ? VD_OK : VD_ERR_INVALID);
    if (err != VD_OK)
        return;
    assert_bytes(vd_buf_view(&buf), bytes(item, "deposit_tx"));
    assert_int_equal(vd_tx_decode(&tx, NULL, &arena, vd_buf_view(&buf)), VD_OK);
    struct vd_hash hash = word(json_object_get(item, "fields"), "hash");
    assert_true(vd_hash_eq(&tx.hash, &hash));
}

static void
test_deposit_logs(void **state)
{
    (void)state;
    run_cases("op/derive/deposits", "deposit_logs", check_deposit);
}

static void
check_source_hash(const json_t *item)
{
    const char *kind = text(item, "kind");
    struct vd_hash expected = word(item, "source_hash");
    struct vd_hash got;
    if (strcmp(kind, "user") == 0) {
        struct vd_hash block = word(item, "l1_block_hash");
        got = vd_source_hash(0, &block, small(item, "log_index"));
    } else if (strcmp(kind, "upgrade") == 0) {
        const char *intent = text(item, "intent");
        struct vd_hash inner = vd_keccak256(vd_slice((const uint8_t *)intent, strlen(intent)));
        got = vd_source_hash(2, &inner, 0);
    } else if (strcmp(kind, "l1info") == 0) {
        struct vd_hash block = word(item, "l1_block_hash");
        got = vd_source_hash(1, &block, small(item, "seq_number"));
    } else {
        return; /* domains of Interop's system transactions */
    }
    assert_true(vd_hash_eq(&got, &expected));
}

static void
test_source_hashes(void **state)
{
    (void)state;
    run_cases("op/derive/deposits", "source_hashes", check_source_hash);
}

static void
check_upgrade_tx(const json_t *item)
{
    struct vd_slice raw = bytes(item, "tx");
    const json_t *fields = json_object_get(item, "fields");
    struct vd_hash hash = word(fields, "hash");
    struct vd_hash source = word(fields, "sourceHash");
    struct vd_tx tx;
    struct vd_buf buf;
    assert_int_equal(vd_tx_decode(&tx, NULL, &arena, raw), VD_OK);
    assert_true(vd_hash_eq(&tx.hash, &hash));
    assert_true(vd_hash_eq(&tx.source_hash, &source));
    assert_int_equal(tx.gas_limit, small(fields, "gas"));
    vd_buf_init(&buf, &arena);
    vd_tx_encode(&buf, &tx);
    assert_bytes(vd_buf_view(&buf), raw);
}

static void
test_upgrade_transactions_are_plain_deposits(void **state)
{
    (void)state;
    run_cases("op/derive/upgrade_txs", "upgrade_txs", check_upgrade_tx);
}

static void
check_l1_fields(const struct vd_l1_info *info, const json_t *fields)
{
    struct vd_u256 base_fee = number(fields, "base_fee");
    struct vd_u256 blob_base_fee = number(fields, "blob_base_fee");
    struct vd_hash hash = word(fields, "block_hash");
    struct vd_address batcher = address(fields, "batcher_address");
    assert_int_equal(info->base_fee_scalar, small(fields, "base_fee_scalar"));
    assert_int_equal(info->blob_base_fee_scalar, small(fields, "blob_base_fee_scalar"));
    assert_int_equal(info->sequence_number, small(fields, "sequence_number"));
    assert_int_equal(info->timestamp, small(fields, "time"));
    assert_int_equal(info->number, small(fields, "number"));
    assert_true(vd_u256_eq(&info->base_fee, &base_fee));
    assert_true(vd_u256_eq(&info->blob_base_fee, &blob_base_fee));
    assert_true(vd_hash_eq(&info->hash, &hash));
    assert_memory_equal(info->batcher_hash.b + 12, batcher.b, sizeof batcher.b);
    if (json_object_get(fields, "operator_fee_scalar") != NULL) {
        assert_true(info->isthmus);
        assert_int_equal(info->operator_fee_scalar, small(fields, "operator_fee_scalar"));
        assert_int_equal(info->operator_fee_constant, small(fields, "operator_fee_constant"));
    }
}

static void
check_l1_info(const json_t *item)
{
    struct vd_slice calldata = bytes(item, "calldata");
    const json_t *fields = json_object_get(item, "fields");
    const char *format = text(fields, "format");
    struct vd_l1_info info;
    uint8_t encoded[176];
    enum vd_err err = vd_l1_info_decode(&info, calldata);
    if (calldata.len >= 4 && vd_load_be32(calldata.ptr) == 0x3db6be2b) {
        assert_int_equal(err, VD_ERR_UNSUPPORTED);
        return;
    }
    if (!is_true(item, "ok") || (format != NULL && strcmp(format, "bedrock") == 0)) {
        assert_int_equal(err, VD_ERR_INVALID);
        return;
    }
    assert_int_equal(err, VD_OK);
    check_l1_fields(&info, fields);
    assert_bytes(vd_slice(encoded, vd_l1_info_encode(encoded, &info)), calldata);
    if (json_object_get(item, "deposit_tx") == NULL)
        return;
    struct vd_tx tx;
    assert_int_equal(vd_tx_decode(&tx, NULL, &arena, bytes(item, "deposit_tx")), VD_OK);
    struct vd_hash source = vd_source_hash(1, &info.hash, info.sequence_number);
    assert_true(vd_hash_eq(&tx.source_hash, &source));
    assert_bytes(tx.data, calldata);
}

static void
test_l1_info(void **state)
{
    (void)state;
    run_cases("op/derive/l1_info", "l1_info", check_l1_info);
}

/* Every field that an update may set has a value of its own before, so that one set by mistake
   shows. */
static struct vd_system_config
marked_system(void)
{
    struct vd_system_config s = {
        .gas_limit = 7777, .operator_fee_scalar = 1, .operator_fee_constant = 2};
    memset(s.batcher.b, 0xb5, sizeof s.batcher.b);
    memset(s.scalar, 0x5c, sizeof s.scalar);
    s.eip1559 = (struct vd_eip1559_params){3, 4};
    return s;
}

static void
expect_update(struct vd_system_config *s, const json_t *set)
{
    if (json_object_get(set, "batcher_address") != NULL)
        s->batcher = address(set, "batcher_address");
    if (json_object_get(set, "scalar") != NULL) {
        struct vd_u256 scalar = number(set, "scalar");
        vd_u256_to_be(s->scalar, &scalar);
    }
    if (json_object_get(set, "gas_limit") != NULL)
        s->gas_limit = small(set, "gas_limit");
    if (json_object_get(set, "eip1559_denominator") != NULL)
        s->eip1559.denominator = (uint32_t)small(set, "eip1559_denominator");
    if (json_object_get(set, "eip1559_elasticity") != NULL)
        s->eip1559.elasticity = (uint32_t)small(set, "eip1559_elasticity");
    if (json_object_get(set, "operator_fee_scalar") != NULL)
        s->operator_fee_scalar = (uint32_t)small(set, "operator_fee_scalar");
    if (json_object_get(set, "operator_fee_constant") != NULL)
        s->operator_fee_constant = small(set, "operator_fee_constant");
}

static void
check_update(const json_t *item)
{
    struct vd_system_config got = marked_system();
    struct vd_system_config raw = got;
    struct vd_system_config expected = got;
    struct vd_log log = read_log(item);
    struct vd_receipt receipt = {.success = true, .logs = &log, .log_count = 1};
    struct vd_buf buf;
    const json_t *ecotone = json_object_get(item, "ecotone_active");
    if (ecotone != NULL && !json_is_true(ecotone))
        return; /* the rule of before Ecotone */
    if (is_true(item, "ok"))
        expect_update(&expected, json_object_get(item, "set"));
    memset(log.address.b, 0x77, sizeof log.address.b);
    vd_system_config_update(&got, &log.address, &receipt, 1);
    assert_memory_equal(&got, &expected, sizeof got);
    vd_buf_init(&buf, &arena);
    vd_receipt_encode(&buf, &receipt);
    struct vd_slice encoded = vd_buf_view(&buf);
    assert_int_equal(vd_system_config_update_raw(&raw, &log.address, &encoded, 1), VD_OK);
    assert_memory_equal(&raw, &expected, sizeof raw);
}

static void
test_system_config_updates(void **state)
{
    (void)state;
    run_cases("op/derive/system_config", "update_logs", check_update);
}

/* The attribute stands in the extra data; zero parameters are resolved there. */
static void
check_eip1559_params(const json_t *item)
{
    const json_t *holocene = json_object_get(item, "holocene_time");
    if (!json_is_integer(holocene) || json_integer_value(holocene) != 0)
        return;
    struct vd_rollup_config config = {.block_time_s = 2};
    config.l2 = (struct vd_chain_config){.is_l2 = true,
                                         .isthmus_time = VD_NEVER,
                                         .eip1559_elasticity = 6,
                                         .eip1559_denominator_canyon = 250};
    struct vd_system_config system = {.gas_limit = 1};
    struct vd_l2_ref parent = {.number = 1};
    struct vd_header header = {0};
    struct vd_l1_origin origin = {.header = &header};
    struct vd_attributes attributes;
    uint8_t expected[8];
    bool none = true;
    if (json_is_integer(json_object_get(item, "denominator"))) {
        system.eip1559.denominator = (uint32_t)small(item, "denominator");
        none = false;
    }
    if (json_is_integer(json_object_get(item, "elasticity")))
        system.eip1559.elasticity = (uint32_t)small(item, "elasticity");
    assert_int_equal(
        vd_attributes_build(&attributes, &arena, &config, &parent, &system, &origin, NULL, 0),
        VD_OK);
    vd_unhex_fixed(expected, sizeof expected, text(item, "expect"));
    if (none) {
        vd_store_be32(expected, 250);
        vd_store_be32(expected + 4, 6);
    }
    assert_int_equal(attributes.env.extra_data.len, 9);
    assert_int_equal(attributes.env.extra_data.ptr[0], 0);
    assert_memory_equal(attributes.env.extra_data.ptr + 1, expected, sizeof expected);
}

static void
test_eip1559_params(void **state)
{
    (void)state;
    run_cases("op/derive/system_config", "eip1559_params", check_eip1559_params);
}

static void
check_output_root(const json_t *item)
{
    struct vd_hash state_root = word(item, "state_root");
    struct vd_hash passer = word(item, "message_passer_storage_root");
    struct vd_hash block = word(item, "block_hash");
    struct vd_hash expected = word(item, "output_root");
    struct vd_hash got = vd_output_root(&state_root, &passer, &block);
    assert_true(vd_hash_eq(&got, &expected));
}

static void
test_output_roots(void **state)
{
    (void)state;
    run_cases("op/derive/output_root", "output_roots", check_output_root);
}

static struct vd_withdrawal_message
read_message(const json_t *item)
{
    return (struct vd_withdrawal_message){
        .nonce = number(item, "nonce"),
        .sender = address(item, "sender"),
        .target = address(item, "target"),
        .value = number(item, "value"),
        .gas_limit = number(item, "gas_limit"),
        .data = bytes(item, "data"),
    };
}

static void
check_withdrawal(const json_t *item)
{
    struct vd_withdrawal_message message = read_message(item);
    struct vd_hash expected = word(item, "withdrawal_hash");
    struct vd_hash slot = word(item, "storage_slot");
    struct vd_hash got = vd_withdrawal_hash(&message);
    assert_true(vd_hash_eq(&got, &expected));
    got = vd_withdrawal_slot(&got);
    assert_true(vd_hash_eq(&got, &slot));
}

static void
test_withdrawal_hashes(void **state)
{
    (void)state;
    run_cases("op/derive/withdrawals", "withdrawal_hashes", check_withdrawal);
}

static void
check_alias(const json_t *item)
{
    struct vd_address l1 = address(item, "l1");
    struct vd_address l2 = address(item, "l2");
    struct vd_address got = vd_l1_alias(&l1);
    assert_true(vd_address_eq(&got, &l2));
}

static void
test_address_aliases(void **state)
{
    (void)state;
    run_cases("op/derive/withdrawals", "address_alias", check_alias);
}

static void
check_receipt_of_withdrawal(void *ctx, const char *path)
{
    (void)ctx;
    json_t *receipt = vd_vectors_json(path);
    json_t *expected = vd_vectors_json("op/derive/withdrawals/bridge-withdrawal-expected.json");
    struct vd_withdrawal_message want = read_message(expected);
    struct vd_hash want_hash = word(expected, "withdrawal_hash");
    size_t i;
    size_t found = 0;
    const json_t *item;
    json_array_foreach(json_object_get(receipt, "logs"), i, item)
    {
        struct vd_withdrawal_message message;
        struct vd_hash hash;
        struct vd_log log = read_log(item);
        log.address = address(item, "address");
        enum vd_err err = vd_withdrawal_from_log(&message, &hash, &log);
        if (err == VD_ERR_NOT_FOUND)
            continue;
        assert_int_equal(err, VD_OK);
        assert_int_equal(i, small(expected, "log_index"));
        assert_true(vd_hash_eq(&hash, &want_hash));
        assert_true(vd_u256_eq(&message.gas_limit, &want.gas_limit));
        assert_bytes(message.data, want.data);
        found++;
    }
    assert_int_equal(found, 1);
    json_decref(receipt);
    json_decref(expected);
}

static void
test_message_passed_log(void **state)
{
    (void)state;
    vd_arena_rewind(&arena, 0);
    (void)vd_vectors_walk("op/derive/withdrawals", "bridge-withdrawal-receipt.json",
                          check_receipt_of_withdrawal, NULL);
}

static void
check_frame(const struct vd_frame *frame, const json_t *expected)
{
    struct vd_slice id = bytes(expected, "channel_id");
    assert_memory_equal(frame->id.b, id.ptr, sizeof frame->id.b);
    assert_int_equal(frame->number, small(expected, "frame_number"));
    assert_bytes(frame->data, bytes(expected, "data"));
    assert_int_equal(frame->is_last, is_true(expected, "is_last"));
}

/* A single frame is read as an item that holds nothing else. */
static struct vd_slice
frame_item(const json_t *item)
{
    struct vd_buf buf;
    struct vd_slice input = bytes(item, "input");
    if (strcmp(text(item, "op"), "parse_frames") == 0)
        return input;
    vd_buf_init(&buf, &arena);
    vd_buf_byte(&buf, 0);
    vd_buf_slice(&buf, input);
    if (strcmp(text(item, "op"), "frame_header_only") == 0) {
        uint32_t len = vd_load_be32(input.ptr + input.len - 4);
        uint8_t *data = vd_buf_extend(&buf, len);
        assert_non_null(data);
        memset(data, 0xdd, len);
        vd_buf_byte(&buf, 1);
    }
    return vd_buf_view(&buf);
}

static void
check_frames(const json_t *item)
{
    struct vd_slice input = frame_item(item);
    struct vd_frame *frames;
    size_t count;
    struct vd_buf buf;
    enum vd_err err = vd_frames_decode(&frames, &count, &arena, input);
    assert_int_equal(err, is_true(item, "ok") ? VD_OK : VD_ERR_INVALID);
    if (err != VD_OK)
        return;
    const json_t *expected = json_object_get(item, "frames");
    assert_int_equal(count, json_array_size(expected));
    vd_buf_init(&buf, &arena);
    vd_buf_byte(&buf, 0);
    for (size_t i = 0; i < count; i++) {
        check_frame(&frames[i], json_array_get(expected, i));
        vd_frame_encode(&buf, &frames[i]);
    }
    assert_bytes(vd_buf_view(&buf), input);
}

static void
test_frames(void **state)
{
    (void)state;
    run_cases("op/derive/frames", "frames", check_frames);
}

static void
check_force_close(const json_t *item)
{
    const json_t *list = json_object_get(item, "frames");
    struct vd_frame frames[64] = {0};
    size_t count = json_array_size(list);
    struct vd_buf buf;
    for (size_t i = 0; i < count; i++) {
        const json_t *frame = json_array_get(list, i);
        vd_unhex_fixed(frames[i].id.b, sizeof frames[i].id.b, text(frame, "channel_id"));
        frames[i].number = (uint16_t)small(frame, "frame_number");
        frames[i].is_last = is_true(frame, "is_last");
    }
    vd_buf_init(&buf, &arena);
    enum vd_err err = vd_channel_force_close(&buf, frames, count);
    assert_int_equal(err, is_true(item, "error") ? VD_ERR_INVALID : VD_OK);
    if (err == VD_OK)
        assert_bytes(vd_buf_view(&buf), bytes(item, "output"));
}

static void
test_force_close(void **state)
{
    (void)state;
    run_cases("op/derive/frames", "force_close", check_force_close);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deposit_logs),
        cmocka_unit_test(test_source_hashes),
        cmocka_unit_test(test_upgrade_transactions_are_plain_deposits),
        cmocka_unit_test(test_l1_info),
        cmocka_unit_test(test_system_config_updates),
        cmocka_unit_test(test_eip1559_params),
        cmocka_unit_test(test_output_roots),
        cmocka_unit_test(test_withdrawal_hashes),
        cmocka_unit_test(test_address_aliases),
        cmocka_unit_test(test_message_passed_log),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_force_close),
    };
    vd_arena_init(&arena, malloc(ARENA_BYTES), ARENA_BYTES);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(arena.base);
    return failed;
}
