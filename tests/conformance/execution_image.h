/* A real block of the OP Stack as the execution image reads it: configuration and record of what
   one folder of op/blocks holds, and the native run that adds what precompiles answer. */
#ifndef VIADUCT_TESTS_EXECUTION_IMAGE_H
#define VIADUCT_TESTS_EXECUTION_IMAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

#include "support/vectors.h"
#include "viaduct/core/base/cursor.h"
#include "viaduct/core/program/block.h"
#include "viaduct/node/fault/prestate.h"
#include "viaduct/node/fault/record.h"
#include "viaduct/node/platform/curves.h"
#include "viaduct/node/platform/memory.h"

#define IMAGE_MAX ((size_t)4 << 20)
#define SCRATCH ((size_t)64 << 20)

struct block {
    struct vd_record *record;
    struct vd_rollup_config config;
    struct vd_hash hash; /* expected */
    struct vd_arena arena;
    struct vd_slice precompile; /* the last hint's input */
};

/* --- the folder --- */

static inline uint64_t
number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value)) {
        return (uint64_t)json_integer_value(value);
    }
    return json_is_string(value) ? strtoull(json_string_value(value), NULL, 16) : VD_NEVER;
}

static inline struct vd_slice
bytes_of(struct block *b, const json_t *value)
{
    size_t len = 0;
    uint8_t *bytes = vd_unhex(json_string_value(value), &len);
    uint8_t *copy = vd_arena_copy(&b->arena, vd_slice(bytes, len));
    free(bytes);
    return vd_slice(copy, len);
}

static inline struct vd_hash
hash_of(const json_t *object, const char *key)
{
    return vd_unhex_word(json_string_value(json_object_get(object, key)));
}

static inline void
read_config(struct block *b, const json_t *rollup)
{
    const json_t *fees = json_object_get(rollup, "chain_op_config");
    uint64_t jovian = number(rollup, "jovian_time");
    b->config.l2 = (struct vd_chain_config){
        .chain_id = number(rollup, "l2_chain_id"),
        .is_l2 = true,
        .unknown_fork_time = jovian == VD_NEVER ? 0 : jovian,
        .holocene_time = number(rollup, "holocene_time"),
        .isthmus_time = number(rollup, "isthmus_time"),
        .eip1559_elasticity = (uint32_t)number(fees, "eip1559Elasticity"),
        .eip1559_denominator_canyon = (uint32_t)number(fees, "eip1559DenominatorCanyon")};
}

static inline void
read_parent(struct block *b, const json_t *from)
{
    struct vd_header h = {.parent_hash = hash_of(from, "parentHash"),
                          .ommers_hash = hash_of(from, "sha3Uncles"),
                          .state_root = hash_of(from, "stateRoot"),
                          .transactions_root = hash_of(from, "transactionsRoot"),
                          .receipts_root = hash_of(from, "receiptsRoot"),
                          .number = number(from, "number"),
                          .gas_limit = number(from, "gasLimit"),
                          .gas_used = number(from, "gasUsed"),
                          .timestamp = number(from, "timestamp"),
                          .extra_data = bytes_of(b, json_object_get(from, "extraData")),
                          .mix_hash = hash_of(from, "mixHash"),
                          .has_base_fee = true,
                          .base_fee = {{number(from, "baseFeePerGas")}},
                          .has_withdrawals_root = true,
                          .withdrawals_root = hash_of(from, "withdrawalsRoot"),
                          .has_blob_gas = true,
                          .blob_gas_used = number(from, "blobGasUsed"),
                          .excess_blob_gas = number(from, "excessBlobGas"),
                          .has_parent_beacon_root = true,
                          .parent_beacon_root = hash_of(from, "parentBeaconBlockRoot")};
    vd_unhex_fixed(h.beneficiary.b, 20, json_string_value(json_object_get(from, "miner")));
    vd_unhex_fixed(h.logs_bloom, 256, json_string_value(json_object_get(from, "logsBloom")));
    struct vd_buf buf;
    vd_buf_init(&buf, &b->arena);
    vd_header_encode(&buf, &h);
    assert_int_equal(vd_record_set_local(b->record, VD_LOCAL_PARENT_HEADER, vd_buf_view(&buf)),
                     VD_OK);
}

static inline void
read_attributes(struct block *b, const json_t *from)
{
    uint8_t params[8];
    uint8_t extra[9];
    const json_t *list = json_object_get(from, "transactions");
    size_t count = json_array_size(list);
    struct vd_slice *transactions = VD_ARENA_NEW(&b->arena, struct vd_slice, count);
    struct vd_block_env env = {.timestamp = number(from, "timestamp"),
                               .prev_randao = hash_of(from, "prevRandao"),
                               .parent_beacon_root = hash_of(from, "parentBeaconBlockRoot"),
                               .gas_limit = number(from, "gasLimit")};
    vd_unhex_fixed(env.fee_recipient.b, 20,
                   json_string_value(json_object_get(from, "suggestedFeeRecipient")));
    vd_unhex_fixed(params, 8, json_string_value(json_object_get(from, "eip1559Params")));
    struct vd_eip1559_params fees = {vd_load_be32(params), vd_load_be32(params + 4)};
    if (fees.denominator == 0 && fees.elasticity == 0) {
        fees = (struct vd_eip1559_params){b->config.l2.eip1559_denominator_canyon,
                                          b->config.l2.eip1559_elasticity};
    }
    vd_holocene_extra_encode(extra, &fees);
    env.extra_data = vd_slice(extra, sizeof extra);
    for (size_t i = 0; i < count; i++) {
        transactions[i] = bytes_of(b, json_array_get(list, i));
    }
    struct vd_buf buf;
    vd_buf_init(&buf, &b->arena);
    vd_block_attributes_encode(&buf, &env, transactions, count);
    assert_int_equal(vd_record_set_local(b->record, VD_LOCAL_ATTRIBUTES, vd_buf_view(&buf)), VD_OK);
}

static inline void
read_witness(struct block *b, const char *folder)
{
    char path[300];
    size_t len = 0;
    snprintf(path, sizeof path, "%s/preimages.bin", folder);
    uint8_t *file = vd_vectors_file(path, &len);
    struct vd_cursor cur = vd_cursor(vd_slice(file, len));
    while (vd_cursor_left(&cur) != 0) {
        struct vd_hash hash = vd_cursor_hash(&cur);
        struct vd_slice value = vd_cursor_take(&cur, vd_cursor_be32(&cur));
        struct vd_hash key = vd_key_typed(VD_KEY_KECCAK, &hash);
        assert_false(cur.failed);
        assert_int_equal(vd_record_put(b->record, &key, value), VD_OK);
    }
    free(file);
}

static inline void
read_block(struct block *b, const char *folder, const json_t *meta)
{
    read_config(b, json_object_get(meta, "rollup_config"));
    read_parent(b, json_object_get(meta, "parent_header"));
    read_attributes(b, json_object_get(meta, "payload_attributes"));
    b->hash = hash_of(meta, "expected_block_hash");
    assert_int_equal(vd_record_set_local(b->record, VD_LOCAL_BLOCK_HASH, vd_slice(b->hash.b, 32)),
                     VD_OK);
    read_witness(b, folder);
}

/* --- the native run --- */

static inline void
take_hint(void *ctx, const struct vd_hint *hint)
{
    struct block *b = ctx;
    b->precompile = hint->input;
}

/* L1's ecrecover answers what the record does not have yet. */
static inline enum vd_err
answer_recover(struct block *b, const struct vd_hash *key)
{
    const uint8_t *input = b->precompile.ptr;
    uint8_t answer[33] = {1};
    struct vd_address address;
    struct vd_hash hash;
    bool valid = false;
    assert_int_equal(b->precompile.len, 156);
    memcpy(hash.b, input + 28, 32);
    const struct vd_curves *curves = vd_curves_host();
    enum vd_err err = curves->recover(curves->ctx, &address, &valid, &hash, input + 92,
                                      (uint8_t)(input[91] - 27));
    memcpy(answer + 13, address.b, 20);
    return err == VD_OK ? vd_record_put(b->record, key, vd_slice(answer, valid ? 33 : 1)) : err;
}

static inline enum vd_err
oracle_get(void *ctx, struct vd_slice *out, struct vd_arena *arena, const struct vd_hash *key)
{
    struct block *b = ctx;
    (void)arena;
    enum vd_err err = vd_record_get(b->record, out, key);
    if (err == VD_ERR_NOT_FOUND && key->b[0] == VD_KEY_PRECOMPILE) {
        err = answer_recover(b, key);
        return err == VD_OK ? vd_record_get(b->record, out, key) : err;
    }
    return err;
}

static inline enum vd_err
oracle_head(void *ctx, uint8_t out[64], const struct vd_hash *key)
{
    struct vd_slice value;
    enum vd_err err = oracle_get(ctx, &value, NULL, key);
    memset(out, 0, 64);
    if (err == VD_OK) {
        memcpy(out, value.ptr, value.len < 64 ? value.len : 64);
    }
    return err;
}

static inline void
run_natively(struct block *b)
{
    struct vd_oracle oracle = {.ctx = b, .hint = take_hint, .get = oracle_get, .head = oracle_head};
    struct vd_oracle_curves curves;
    struct vd_program_result result;
    struct vd_hash hash;
    void *memory = vd_reserve(VD_PROGRAM_MEMORY);
    assert_non_null(memory);
    vd_oracle_curves_init(&curves, &oracle);
    struct vd_program program = {.config = &b->config, .curves = &curves.curves, .oracle = &oracle};
    vd_program_memory_init(&program.memory, memory, VD_PROGRAM_MEMORY);
    assert_int_equal(vd_execution_run(&program, &result, &hash), VD_OK);
    assert_int_equal(result.verdict, VD_PROGRAM_VALID);
    assert_memory_equal(hash.b, b->hash.b, 32);
    vd_release(memory, VD_PROGRAM_MEMORY);
}

/* --- the image --- */

static inline struct vd_slice
read_image(void)
{
    static uint8_t image[IMAGE_MAX];
    gzFile file = gzopen(VD_EXECUTION_IMAGE, "rb");
    assert_non_null(file);
    int len = gzread(file, image, sizeof image);
    assert_true(len > 0);
    gzclose(file);
    return vd_slice(image, (size_t)len);
}

#endif
