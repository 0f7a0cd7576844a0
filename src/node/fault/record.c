#include "viaduct/node/fault/record.h"

#include <stdio.h>
#include <stdlib.h>

#include "viaduct/core/base/map.h"
#include "viaduct/core/crypto/keccak.h"
#include "viaduct/node/platform/memory.h"

#define RECORD_BYTES ((size_t)64 << 30)
#define SCRATCH_BYTES ((size_t)8 << 30)

struct vd_record {
    void *memory;
    struct vd_arena arena;
    struct vd_map map; /* key -> struct vd_slice */
    size_t bytes;
};

/* --- the record --- */

enum vd_err
vd_record_new(struct vd_record **out)
{
    struct vd_record *r = calloc(1, sizeof *r);
    if (!r) {
        return VD_ERR_NO_MEMORY;
    }
    r->memory = vd_reserve(RECORD_BYTES);
    if (!r->memory) {
        free(r);
        return VD_ERR_NO_MEMORY;
    }
    static const struct vd_hash seed; /* keys are hashes already */
    vd_arena_init(&r->arena, r->memory, RECORD_BYTES);
    vd_map_init(&r->map, &r->arena, &seed, sizeof(struct vd_hash), sizeof(struct vd_slice));
    *out = r;
    return VD_OK;
}

void
vd_record_free(struct vd_record *r)
{
    if (r) {
        vd_release(r->memory, RECORD_BYTES);
        free(r);
    }
}

static enum vd_err
insert(struct vd_record *r, const struct vd_hash *key, struct vd_slice bytes)
{
    void *value = NULL;
    bool is_new = false;
    uint8_t *copy = vd_arena_copy(&r->arena, bytes);
    enum vd_err err = copy ? vd_map_insert(&r->map, &value, &is_new, key) : VD_ERR_NO_MEMORY;
    if (err == VD_OK) {
        struct vd_slice old;
        struct vd_slice kept = vd_slice(copy, bytes.len);
        memcpy(&old, value, sizeof old);
        memcpy(value, &kept, sizeof kept);
        r->bytes += bytes.len - (is_new ? 0 : old.len);
    }
    return err;
}

enum vd_err
vd_record_put(struct vd_record *r, const struct vd_hash *key, struct vd_slice bytes)
{
    if (vd_map_get(&r->map, key)) {
        return VD_OK;
    }
    if (key->b[0] == VD_KEY_KECCAK) {
        struct vd_hash hash = vd_keccak256(bytes);
        if (memcmp(hash.b + 1, key->b + 1, 31) != 0) {
            return VD_ERR_MISMATCH;
        }
    }
    return insert(r, key, bytes);
}

enum vd_err
vd_record_set_local(struct vd_record *r, unsigned ident, struct vd_slice bytes)
{
    struct vd_hash key = vd_key_local(ident);
    return insert(r, &key, bytes);
}

enum vd_err
vd_record_get(const struct vd_record *r, struct vd_slice *value, const struct vd_hash *key)
{
    const void *found = vd_map_get(&r->map, key);
    if (!found) {
        return VD_ERR_NOT_FOUND;
    }
    memcpy(value, found, sizeof *value);
    return VD_OK;
}

size_t
vd_record_count(const struct vd_record *r)
{
    return r->map.count;
}

size_t
vd_record_bytes(const struct vd_record *r)
{
    return r->bytes;
}

static enum vd_err
host_preimage(void *ctx, struct vd_slice *value, const uint8_t key[32])
{
    struct vd_hash hash;
    memcpy(hash.b, key, sizeof hash.b);
    return vd_record_get(ctx, value, &hash);
}

void
vd_record_host(struct vd_vm_host *host, struct vd_record *record)
{
    *host = (struct vd_vm_host){.ctx = record, .preimage = host_preimage};
}

enum vd_err
vd_record_ask(struct vd_record *r, const struct vd_question *q, uint64_t chain_id)
{
    uint8_t block[8];
    uint8_t chain[8];
    vd_store_be64(block, q->claimed_block);
    vd_store_be64(chain, chain_id);
    enum vd_err err = vd_record_set_local(r, VD_LOCAL_L1_HEAD, vd_slice(q->l1_head.b, 32));
    if (err == VD_OK) {
        err = vd_record_set_local(r, VD_LOCAL_AGREED_ROOT, vd_slice(q->agreed_root.b, 32));
    }
    if (err == VD_OK) {
        err = vd_record_set_local(r, VD_LOCAL_CLAIMED_ROOT, vd_slice(q->claimed_root.b, 32));
    }
    if (err == VD_OK) {
        err = vd_record_set_local(r, VD_LOCAL_CLAIMED_BLOCK, vd_slice(block, sizeof block));
    }
    return err == VD_OK ? vd_record_set_local(r, VD_LOCAL_CHAIN_ID, vd_slice(chain, sizeof chain))
                        : err;
}

/* --- recording --- */

struct recorder {
    struct vd_record *record;
    const struct vd_record_source *source;
    struct vd_hint hint; /* the last one */
    struct vd_snapshot *snapshot;
    /* The state that was read last. */
    bool has_state;
    uint64_t state_number;
    struct vd_state_source state;
    struct vd_snapshot_state state_memory;
    void *memory;
    struct vd_arena scratch; /* emptied for each thing that is looked up */
    void *state_scratch_memory;
    struct vd_arena state_scratch;
    char *why;
    size_t why_size;
};

static enum vd_err
put_keccak(struct vd_record *record, const struct vd_hash *hash, struct vd_slice bytes)
{
    struct vd_hash key = vd_key_typed(VD_KEY_KECCAK, hash);
    return vd_record_put(record, &key, bytes);
}

static enum vd_err
put_node(void *ctx, const struct vd_trie_position *at, const struct vd_trie_node *node,
         struct vd_slice rlp, const struct vd_trie_ref *ref)
{
    struct recorder *r = ctx;
    struct vd_hash hash;
    (void)node;
    if (ref->len != 32 || (rlp.len < 32 && at->path_len > 0)) {
        return VD_OK; /* inlined in its parent */
    }
    memcpy(hash.b, ref->bytes, sizeof hash.b);
    return put_keccak(r->record, &hash, rlp);
}

/* Nothing goes away from a trie that is new. */
static enum vd_err
no_node(void *ctx, const struct vd_trie_position *at, enum vd_trie_node_type type,
        const struct vd_trie_node *old)
{
    (void)ctx;
    (void)at;
    (void)type;
    (void)old;
    return VD_OK;
}

static enum vd_err
put_list(struct recorder *r, const struct vd_hash *root, const struct vd_slice *items, size_t count)
{
    struct vd_trie_sink sink = {.ctx = r, .put = put_node, .del = no_node};
    struct vd_hash have;
    enum vd_err err = vd_trie_list_nodes(&have, &r->scratch, items, count, &sink);
    return err == VD_OK && !vd_hash_eq(&have, root) ? VD_ERR_CORRUPT : err;
}

static enum vd_err
put_header(struct recorder *r, const struct vd_hash *hash, const struct vd_header *header)
{
    struct vd_buf buf;
    vd_buf_init(&buf, &r->scratch);
    vd_header_encode(&buf, header);
    return buf.err == VD_OK ? put_keccak(r->record, hash, vd_buf_view(&buf)) : buf.err;
}

static enum vd_err
find_l1(struct recorder *r, bool receipts)
{
    struct vd_l1_block block;
    const struct vd_record_source *s = r->source;
    enum vd_err err = s->l1_block(s->ctx, &block, &r->hint.hash);
    if (err != VD_OK) {
        return err;
    }
    if (receipts) {
        err = put_list(r, &block.header.receipts_root, block.receipts, block.receipt_count);
    } else {
        err = put_header(r, &r->hint.hash, &block.header);
        if (err == VD_OK) {
            err = put_list(r, &block.header.transactions_root, block.transactions,
                           block.transaction_count);
        }
    }
    s->l1_release(s->ctx);
    return err;
}

static enum vd_err
find_l2_block(struct recorder *r)
{
    uint64_t number = 0;
    struct vd_header header;
    struct vd_body body;
    enum vd_err err = vd_snapshot_number(r->snapshot, &number, &r->hint.hash);
    if (err == VD_OK) {
        err = vd_snapshot_header(r->snapshot, &header, NULL, number);
    }
    if (err == VD_OK) {
        err = put_header(r, &r->hint.hash, &header);
    }
    if (err == VD_OK && number > r->source->rollup->genesis_l2.number) {
        err = vd_snapshot_body(r->snapshot, &body, number);
        struct vd_slice *items =
            err == VD_OK ? VD_ARENA_NEW(&r->scratch, struct vd_slice, body.count + 1) : NULL;
        for (uint32_t i = 0; items && i < body.count; i++) {
            items[i] = vd_body_transaction(&body, i);
        }
        if (err == VD_OK) {
            err = items ? put_list(r, &header.transactions_root, items, body.count)
                        : VD_ERR_NO_MEMORY;
        }
    }
    return err;
}

static enum vd_err
open_state(struct recorder *r, uint64_t number)
{
    if (r->has_state && r->state_number == number) {
        return VD_OK;
    }
    vd_arena_rewind(&r->state_scratch, 0);
    enum vd_err err =
        vd_snapshot_source(r->snapshot, &r->state, &r->state_memory, number, &r->state_scratch);
    r->has_state = err == VD_OK;
    r->state_number = number;
    return err;
}

static enum vd_err
find_node(struct recorder *r)
{
    struct vd_trie_node node;
    struct vd_buf buf;
    enum vd_err err = open_state(r, r->hint.number);
    if (err == VD_OK) {
        err = r->state.trie.node(r->state.trie.ctx, &node, r->hint.at, &r->hint.hash);
    }
    if (err != VD_OK) {
        return err;
    }
    vd_buf_init(&buf, &r->scratch);
    vd_trie_encode(&buf, &node);
    return buf.err == VD_OK ? put_keccak(r->record, &r->hint.hash, vd_buf_view(&buf)) : buf.err;
}

static enum vd_err
find_code(struct recorder *r)
{
    struct vd_slice code;
    enum vd_err err = r->has_state ? VD_OK : VD_ERR_NOT_FOUND;
    if (err == VD_OK) {
        err = r->state.code(r->state.ctx, &code, &r->hint.hash);
    }
    return err == VD_OK ? put_keccak(r->record, &r->hint.hash, code) : err;
}

/* The answers of L1's precompiles: a byte that says success, then what they return. */
static enum vd_err
find_recovered(struct recorder *r, uint8_t answer[33], size_t *len)
{
    const uint8_t *input = r->hint.input.ptr + 28;
    const struct vd_curves *curves = r->source->curves;
    struct vd_address address;
    struct vd_hash hash;
    bool valid = false;
    VD_ASSERT(r->hint.input.len == 28 + 128);
    memcpy(hash.b, input, sizeof hash.b);
    enum vd_err err = curves->recover(curves->ctx, &address, &valid, &hash, input + 64,
                                      (uint8_t)(input[63] - 27));
    if (err == VD_OK && valid) {
        memcpy(answer + 13, address.b, sizeof address.b);
    }
    *len = valid ? 33 : 1;
    return err;
}

static enum vd_err
find_precompile(struct recorder *r)
{
    uint8_t answer[65] = {1};
    size_t len = 0;
    enum vd_err err = VD_OK;
    VD_ASSERT(r->hint.input.len > 28);
    switch (r->hint.input.ptr[19]) {
    case 1:
        err = find_recovered(r, answer, &len);
        break;
    case 9:
        VD_ASSERT(r->hint.input.len == 28 + VD_BLAKE2F_INPUT);
        vd_blake2f(answer + 1, r->hint.input.ptr + 28);
        len = 65;
        break;
    default:
        return VD_ERR_UNSUPPORTED;
    }
    struct vd_hash key = vd_precompile_key(r->hint.input);
    if (err == VD_OK) {
        err = vd_record_put(r->record, &key, vd_slice(answer, len));
    }
    /* L1 is asked with the request, of which the key is the hash. */
    return err == VD_OK ? put_keccak(r->record, &key, r->hint.input) : err;
}

static enum vd_err
find(struct recorder *r)
{
    vd_arena_rewind(&r->scratch, 0);
    switch (r->hint.kind) {
    case VD_HINT_L1_BLOCK:
        return find_l1(r, false);
    case VD_HINT_L1_RECEIPTS:
        return find_l1(r, true);
    case VD_HINT_L2_BLOCK:
        return find_l2_block(r);
    case VD_HINT_L2_NODE:
        return find_node(r);
    case VD_HINT_L2_CODE:
        return find_code(r);
    case VD_HINT_PRECOMPILE:
        return find_precompile(r);
    case VD_HINT_L2_OUTPUT:
        return VD_ERR_NOT_FOUND; /* put there by whoever asked the question */
    }
    return VD_ERR_NOT_FOUND;
}

static void
take_hint(void *ctx, const struct vd_hint *hint)
{
    struct recorder *r = ctx;
    r->hint = *hint;
}

static const char *
kind_text(enum vd_hint_kind kind)
{
    static const char *const texts[] = {
        [VD_HINT_L1_BLOCK] = "L1 block",       [VD_HINT_L1_RECEIPTS] = "receipts of L1 block",
        [VD_HINT_L2_OUTPUT] = "output",        [VD_HINT_L2_BLOCK] = "L2 block",
        [VD_HINT_L2_NODE] = "trie node of L2", [VD_HINT_L2_CODE] = "code of L2",
        [VD_HINT_PRECOMPILE] = "precompile"};
    return texts[kind];
}

static enum vd_err
look_up(struct recorder *r, struct vd_slice *value, const struct vd_hash *key)
{
    enum vd_err err = vd_record_get(r->record, value, key);
    if (err == VD_ERR_NOT_FOUND && key->b[0] != VD_KEY_LOCAL) {
        err = find(r);
        if (err == VD_OK) {
            err = vd_record_get(r->record, value, key);
        }
        if (err != VD_OK) {
            char hex[65] = {0};
            vd_hex_encode(hex, r->hint.hash.b, sizeof r->hint.hash.b);
            snprintf(r->why, r->why_size, "%s 0x%s: %s", kind_text(r->hint.kind), hex,
                     vd_err_text(err));
        }
    }
    return err;
}

static enum vd_err
oracle_get(void *ctx, struct vd_slice *out, struct vd_arena *arena, const struct vd_hash *key)
{
    struct vd_slice value;
    enum vd_err err = look_up(ctx, &value, key);
    if (err != VD_OK) {
        return err;
    }
    /* Whole words, as the machine takes them: the regions must do for it too. */
    uint8_t *room = vd_arena_alloc(arena, (value.len + 31) / 32 * 32, 32);
    if (!room) {
        return VD_ERR_NO_MEMORY;
    }
    if (value.len > 0) {
        memcpy(room, value.ptr, value.len);
    }
    *out = vd_slice(room, value.len);
    return VD_OK;
}

static enum vd_err
oracle_head(void *ctx, uint8_t out[64], const struct vd_hash *key)
{
    struct vd_slice value;
    enum vd_err err = look_up(ctx, &value, key);
    memset(out, 0, 64);
    if (err == VD_OK && value.len > 0) {
        memcpy(out, value.ptr, value.len < 64 ? value.len : 64);
    }
    return err;
}

/* --- a run --- */

static enum vd_err
run_program(struct recorder *r, struct vd_program_result *result, void *memory, size_t size)
{
    struct vd_oracle oracle = {.ctx = r, .hint = take_hint, .get = oracle_get, .head = oracle_head};
    struct vd_oracle_curves curves;
    vd_oracle_curves_init(&curves, &oracle);
    struct vd_program program = {
        .config = r->source->rollup, .curves = &curves.curves, .oracle = &oracle};
    vd_program_memory_init(&program.memory, memory, size);
    return vd_program_run(&program, result);
}

enum vd_err
vd_record_run(struct vd_record *record, struct vd_program_result *result, char *why,
              size_t why_size, const struct vd_record_source *source)
{
    struct recorder r = {.record = record, .source = source, .why = why, .why_size = why_size};
    void *memory = vd_reserve(VD_PROGRAM_MEMORY);
    r.memory = vd_reserve(SCRATCH_BYTES);
    r.state_scratch_memory = vd_reserve(SCRATCH_BYTES);
    vd_arena_init(&r.scratch, r.memory, SCRATCH_BYTES);
    vd_arena_init(&r.state_scratch, r.state_scratch_memory, SCRATCH_BYTES);
    snprintf(why, why_size, "%s", "");
    enum vd_err err = memory && r.memory && r.state_scratch_memory
                          ? vd_snapshot_begin(&r.snapshot, source->store)
                          : VD_ERR_NO_MEMORY;
    if (err == VD_OK) {
        err = run_program(&r, result, memory, VD_PROGRAM_MEMORY);
    }
    if (r.snapshot) {
        vd_snapshot_end(r.snapshot);
    }
    if (err != VD_OK && why[0] == '\0') {
        snprintf(why, why_size, "%s", vd_err_text(err));
    }
    vd_release(r.state_scratch_memory, SCRATCH_BYTES);
    vd_release(r.memory, SCRATCH_BYTES);
    vd_release(memory, VD_PROGRAM_MEMORY);
    return err;
}

enum vd_err
vd_record_output(struct vd_record *record, struct vd_hash *root, struct vd_store *store,
                 uint64_t number)
{
    struct vd_snapshot *snapshot = NULL;
    struct vd_header header;
    struct vd_hash hash;
    uint8_t output[128] = {0};
    enum vd_err err = vd_snapshot_begin(&snapshot, store);
    if (err != VD_OK) {
        return err;
    }
    err = vd_snapshot_header(snapshot, &header, &hash, number);
    if (err == VD_OK) {
        memcpy(output + 32, header.state_root.b, 32);
        memcpy(output + 64, header.withdrawals_root.b, 32);
        memcpy(output + 96, hash.b, 32);
        *root = vd_output_root(&header.state_root, &header.withdrawals_root, &hash);
        if (record) {
            err = put_keccak(record, root, vd_slice(output, sizeof output));
        }
    }
    vd_snapshot_end(snapshot);
    return err;
}
