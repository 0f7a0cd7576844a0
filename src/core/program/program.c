/* Reading order: vd_program_run, boot, then the loop that answers derivation. */
#include "program_internal.h"

#define OUTPUT_BYTES 128u

#define MIB ((size_t)1 << 20)
#define WALK_BYTES (32 * MIB)
/* An L1 block is at most 10 MiB (EIP-7934), its receipts are bounded by its gas. */
#define L1_BYTES (192 * MIB)
#define DERIVE_BYTES (448 * MIB)
#define CHANNEL_BYTES ((size_t)VD_CHANNEL_MAX_BYTES)
#define DEPOSIT_BYTES (32 * MIB)
#define CODE_WINDOW (32 * MIB)

void
vd_program_memory_init(struct vd_program_memory *memory, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    VD_ASSERT(size == VD_PROGRAM_MEMORY);
    vd_arena_init(&memory->walk, at, WALK_BYTES);
    vd_arena_init(&memory->l1, at + WALK_BYTES, L1_BYTES);
    vd_arena_init(&memory->derive, at + WALK_BYTES + L1_BYTES, DERIVE_BYTES);
    vd_arena_init(&memory->exec, at + WALK_BYTES + L1_BYTES + DERIVE_BYTES,
                  size - WALK_BYTES - L1_BYTES - DERIVE_BYTES);
    memory->code_window = CODE_WINDOW;
    memory->limits = (struct vd_derive_limits){.channel_bytes = CHANNEL_BYTES,
                                               .batch_bytes = VD_DERIVE_BATCH_BYTES,
                                               .l1_bytes = DEPOSIT_BYTES};
}

static enum vd_err
read_local(struct run *run, uint8_t *out, size_t len, unsigned ident)
{
    struct vd_slice bytes;
    struct vd_hash key = vd_key_local(ident);
    vd_arena_rewind(&run->node_scratch, 0);
    enum vd_err err = run->oracle->get(run->oracle->ctx, &bytes, &run->node_scratch, &key);
    if (err != VD_OK)
        return err;
    if (bytes.len != len)
        return VD_ERR_CORRUPT;
    memcpy(out, bytes.ptr, len);
    return VD_OK;
}

static enum vd_err
read_local_u64(struct run *run, uint64_t *out, unsigned ident)
{
    uint8_t bytes[8];
    enum vd_err err = read_local(run, bytes, sizeof bytes, ident);
    *out = err == VD_OK ? vd_load_be64(bytes) : 0;
    return err;
}

struct question {
    struct vd_hash l1_head;
    struct vd_hash agreed;
    uint64_t block;
};

static enum vd_err
read_question(struct run *run, struct question *q)
{
    uint64_t chain_id = 0;
    enum vd_err err = read_local(run, q->l1_head.b, 32, VD_LOCAL_L1_HEAD);
    if (err == VD_OK)
        err = read_local(run, q->agreed.b, 32, VD_LOCAL_AGREED_ROOT);
    if (err == VD_OK)
        err = read_local_u64(run, &q->block, VD_LOCAL_CLAIMED_BLOCK);
    if (err == VD_OK)
        err = read_local_u64(run, &chain_id, VD_LOCAL_CHAIN_ID);
    if (err == VD_OK && chain_id != run->program->config->l2.chain_id)
        err = VD_ERR_MISMATCH;
    return err;
}

/* The block under the agreed output root, as the head to build on. */
static enum vd_err
read_agreed(struct run *run, struct vd_system_config *system, const struct vd_hash *root)
{
    struct vd_slice output;
    struct vd_hash hash;
    struct vd_arena *arena = &run->program->memory.exec;
    run_hint(run, VD_HINT_L2_OUTPUT, root);
    enum vd_err err = run_keccak(run, &output, arena, root);
    if (err == VD_OK && output.len != OUTPUT_BYTES)
        err = VD_ERR_CORRUPT;
    if (err != VD_OK)
        return err;
    memcpy(hash.b, output.ptr + 96, sizeof hash.b);
    err = l2_read(run, &run->l2.agreed, system, NULL, arena, &hash);
    run->l2.at = run->l2.agreed;
    run->result->head = run->l2.agreed;
    run->result->output = *root;
    return err;
}

static enum vd_err
start_derivation(struct run *run, const struct vd_system_config *system,
                 const struct question *question)
{
    struct vd_program *p = run->program;
    struct vd_derive_l2 l2 = {.ctx = run, .ref = l2_ref, .transactions = l2_transactions};
    struct vd_l2_ref start;
    struct vd_l2_ref again;
    struct vd_system_config traversal;
    enum vd_err err = vd_derive_new(&run->derive, &p->memory.derive, p->config, p->curves, &l2,
                                    &p->memory.limits, p->observer);
    if (err == VD_OK)
        err = vd_derive_reset_start(run->derive, &start, &run->l2.agreed);
    if (err == VD_OK)
        err = l2_read(run, &again, &traversal, NULL, &p->memory.exec, &start.hash);
    if (err == VD_OK)
        err = l1_walk_down(run, &question->l1_head, start.l1_origin.number);
    if (err == VD_OK)
        vd_derive_reset(run->derive, &run->l2.agreed, system, &start, &traversal);
    return err;
}

static enum vd_err
panic(struct run *run, const char *why)
{
    run->result->verdict = VD_PROGRAM_PANIC;
    run->result->why = why;
    return VD_OK;
}

/* --- the loop --- */

static enum vd_err
give_l1(struct run *run, uint64_t number)
{
    struct vd_l1_block block;
    enum vd_err err = l1_block(run, &block, number, false);
    if (err == VD_OK)
        err = vd_derive_l1(run->derive, &block);
    run->result->l1_blocks++;
    /* MISMATCH: the next step says RESET. */
    return err == VD_ERR_MISMATCH ? VD_OK : err;
}

/* Derivation still borrows the L1 block that it reads: the origin goes behind it. */
static enum vd_err
give_origin(struct run *run, const struct vd_block_id *origin)
{
    struct vd_l1_block block = {.hash = origin->hash};
    struct vd_arena *arena = &run->program->memory.l1;
    size_t mark = vd_arena_mark(arena);
    enum vd_err err = read_header(run, &block.header, arena, VD_HINT_L1_BLOCK, &origin->hash);
    run_hint(run, VD_HINT_L1_RECEIPTS, &origin->hash);
    if (err == VD_OK)
        err = list_items(run, &block.receipts, &block.receipt_count, arena,
                         &block.header.receipts_root);
    if (err == VD_OK)
        err = vd_derive_origin(run->derive, &block);
    vd_arena_rewind(arena, mark);
    return err;
}

static enum vd_err
keep_made(struct run *run, const struct vd_hash *hash)
{
    struct l2_chain *c = &run->l2;
    if (c->made_count == c->made_cap) {
        uint64_t cap = c->made_cap == 0 ? 16 : 2 * c->made_cap;
        struct vd_hash *made = VD_ARENA_NEW(&run->program->memory.walk, struct vd_hash, cap);
        if (made == NULL)
            return VD_ERR_NO_MEMORY;
        if (c->made_count != 0)
            memcpy(made, c->made, (size_t)c->made_count * sizeof *made);
        c->made = made;
        c->made_cap = cap;
    }
    c->made[c->made_count++] = *hash;
    return VD_OK;
}

static enum vd_err
build(struct run *run, bool *go_on, const struct vd_attributes *attributes)
{
    enum payload_verdict verdict;
    struct vd_l2_ref head;
    struct vd_system_config system;
    struct vd_hash output;
    enum vd_err err = execute_payload(run, &verdict, &head, &system, &output, attributes);
    if (err != VD_OK)
        return err;
    switch (verdict) {
    case PAYLOAD_VALID:
        err = keep_made(run, &head.hash);
        run->result->head = head;
        run->result->output = output;
        vd_derive_accepted(run->derive, &head, &system);
        return err;
    case PAYLOAD_INVALID:
        vd_derive_invalid(run->derive);
        return VD_OK;
    case PAYLOAD_UNSUPPORTED:
        *go_on = false;
        return panic(run, "a transaction reaches a rule that this build does not have");
    }
    return VD_OK;
}

static enum vd_err
step(struct run *run, bool *go_on)
{
    struct vd_derive_output out;
    enum vd_err err = vd_derive_step(run->derive, &out);
    if (err != VD_OK)
        return err;
    switch (out.status) {
    case VD_DERIVE_NEED_L1:
        /* L1's data end here: the last block derived counts for all later ones. */
        *go_on = out.need_l1 <= run->l1.head;
        return *go_on ? give_l1(run, out.need_l1) : VD_OK;
    case VD_DERIVE_NEED_ORIGIN:
        return give_origin(run, &out.need_origin);
    case VD_DERIVE_PAYLOAD:
        return build(run, go_on, out.attributes);
    case VD_DERIVE_CONTINUE:
        return VD_OK;
    case VD_DERIVE_RESET:
    case VD_DERIVE_UNSUPPORTED:
    case VD_DERIVE_CRITICAL:
        *go_on = false;
        return panic(run, out.reason);
    }
    return VD_OK;
}

/* Last of all, so that runs for different claims about one block differ in their tails alone. */
static enum vd_err
compare(struct run *run)
{
    struct vd_hash claimed;
    enum vd_err err = read_local(run, claimed.b, 32, VD_LOCAL_CLAIMED_ROOT);
    if (err == VD_OK)
        run->result->verdict =
            vd_hash_eq(&claimed, &run->result->output) ? VD_PROGRAM_VALID : VD_PROGRAM_INVALID;
    return err;
}

enum vd_err
vd_program_run(struct vd_program *program, struct vd_program_result *result)
{
    struct run *run = VD_ARENA_NEW(&program->memory.walk, struct run, 1);
    struct question question;
    struct vd_system_config system;
    bool go_on = true;
    *result = (struct vd_program_result){.verdict = VD_PROGRAM_PANIC, .why = ""};
    if (run == NULL)
        return VD_ERR_NO_MEMORY;
    run->program = program;
    run->oracle = program->oracle;
    run->result = result;
    vd_arena_init(&run->node_scratch, run->node_memory, sizeof run->node_memory);
    enum vd_err err = read_question(run, &question);
    if (err == VD_OK)
        err = read_agreed(run, &system, &question.agreed);
    if (err != VD_OK)
        return err;
    if (question.block < run->l2.agreed.number) {
        result->verdict = VD_PROGRAM_INVALID;
        return VD_OK;
    }
    if (question.block > run->l2.agreed.number)
        err = start_derivation(run, &system, &question);
    while (err == VD_OK && go_on && result->head.number < question.block)
        err = step(run, &go_on);
    if (err != VD_OK || result->why[0] != '\0')
        return err;
    return compare(run);
}
