#include "viaduct/core/program/block.h"

#include "program_internal.h"
#include "viaduct/core/codec/rlp.h"
#include "viaduct/core/crypto/keccak.h"

void
vd_block_attributes_encode(struct vd_buf *buf, const struct vd_block_env *env,
                           const struct vd_slice *transactions, size_t count)
{
    size_t all = vd_rlp_begin(buf);
    vd_rlp_put_u64(buf, env->timestamp);
    vd_rlp_put_hash(buf, &env->prev_randao);
    vd_rlp_put_address(buf, &env->fee_recipient);
    vd_rlp_put_hash(buf, &env->parent_beacon_root);
    vd_rlp_put_u64(buf, env->gas_limit);
    vd_rlp_put_string(buf, env->extra_data);
    size_t list = vd_rlp_begin(buf);
    for (size_t i = 0; i < count; i++)
        vd_rlp_put_string(buf, transactions[i]);
    vd_rlp_end(buf, list);
    vd_rlp_end(buf, all);
}

enum vd_err
vd_block_attributes_decode(struct vd_block_env *env, const struct vd_slice **transactions,
                           size_t *count, struct vd_arena *arena, struct vd_slice bytes)
{
    struct vd_rlp r = vd_rlp(bytes);
    struct vd_rlp all = vd_rlp_list(&r);
    *env = (struct vd_block_env){.timestamp = vd_rlp_u64(&all)};
    env->prev_randao = vd_rlp_hash(&all);
    env->fee_recipient = vd_rlp_address(&all);
    env->parent_beacon_root = vd_rlp_hash(&all);
    env->gas_limit = vd_rlp_u64(&all);
    env->extra_data = vd_rlp_string(&all);
    struct vd_rlp list = vd_rlp_list(&all);
    bool failed = false;
    size_t n = vd_rlp_count(&list, &failed);
    struct vd_slice *items = VD_ARENA_NEW(arena, struct vd_slice, n + 1);
    if (items == NULL)
        return VD_ERR_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        items[i] = vd_rlp_string(&list);
    vd_rlp_close(&all, &list);
    vd_rlp_close(&r, &all);
    *transactions = items;
    *count = n;
    return vd_rlp_done(&r) && !failed ? VD_OK : VD_ERR_INVALID;
}

static enum vd_err
read_local(struct run *run, struct vd_slice *out, unsigned ident)
{
    struct vd_hash key = vd_key_local(ident);
    return run->oracle->get(run->oracle->ctx, out, &run->program->memory.l1, &key);
}

static enum vd_err
read_inputs(struct run *run, struct vd_header *parent, struct vd_attributes *attributes,
            struct vd_hash *expected)
{
    struct vd_slice header;
    struct vd_slice bytes;
    struct vd_slice hash;
    struct vd_arena *arena = &run->program->memory.l1;
    enum vd_err err = read_local(run, &header, VD_LOCAL_PARENT_HEADER);
    if (err == VD_OK)
        err = vd_header_decode(parent, header);
    if (err == VD_OK)
        err = read_local(run, &bytes, VD_LOCAL_ATTRIBUTES);
    *attributes = (struct vd_attributes){0};
    if (err == VD_OK)
        err = vd_block_attributes_decode(&attributes->env, &attributes->transactions,
                                         &attributes->transaction_count, arena, bytes);
    if (err == VD_OK)
        err = read_local(run, &hash, VD_LOCAL_BLOCK_HASH);
    if (err == VD_OK && hash.len != sizeof expected->b)
        err = VD_ERR_CORRUPT;
    if (err == VD_OK) {
        attributes->parent.hash = vd_keccak256(header);
        memcpy(expected->b, hash.ptr, sizeof expected->b);
    }
    return err;
}

static void
judge(struct vd_program_result *result, enum payload_verdict verdict, bool equal)
{
    switch (verdict) {
    case PAYLOAD_VALID:
        result->verdict = equal ? VD_PROGRAM_VALID : VD_PROGRAM_INVALID;
        return;
    case PAYLOAD_INVALID:
        result->verdict = VD_PROGRAM_INVALID;
        return;
    case PAYLOAD_UNSUPPORTED:
        result->why = "a transaction reaches a rule that this build does not have";
        return;
    }
}

enum vd_err
vd_execution_run(struct vd_program *program, struct vd_program_result *result, struct vd_hash *hash)
{
    struct run *run = VD_ARENA_NEW(&program->memory.walk, struct run, 1);
    struct vd_header parent;
    struct vd_attributes attributes;
    struct vd_hash expected;
    enum payload_verdict verdict;
    struct vd_exec_result block;
    *result = (struct vd_program_result){.verdict = VD_PROGRAM_PANIC, .why = ""};
    *hash = (struct vd_hash){{0}};
    if (run == NULL)
        return VD_ERR_NO_MEMORY;
    *run = (struct run){.program = program, .oracle = program->oracle, .result = result};
    vd_arena_init(&run->node_scratch, run->node_memory, sizeof run->node_memory);
    enum vd_err err = read_inputs(run, &parent, &attributes, &expected);
    if (err == VD_OK)
        err = execute_block(run, &verdict, &block, &parent, &attributes);
    if (err != VD_OK)
        return err;
    if (verdict == PAYLOAD_VALID)
        *hash = block.hash;
    judge(result, verdict, vd_hash_eq(hash, &expected));
    return VD_OK;
}
