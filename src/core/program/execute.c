/* One derived payload, executed over the parent's tries. */
#include "program_internal.h"

static enum vd_err
read_node(void *ctx, struct vd_trie_node *out, const struct vd_trie_position *at,
          const struct vd_hash *hash)
{
    struct run *run = ctx;
    struct vd_hint hint = {
        .kind = VD_HINT_L2_NODE, .hash = *hash, .number = run->parent_number, .at = at};
    struct vd_slice rlp;
    if (run->oracle->hint != NULL)
        run->oracle->hint(run->oracle->ctx, &hint);
    vd_arena_rewind(&run->node_scratch, 0);
    enum vd_err err = run_keccak(run, &rlp, &run->node_scratch, hash);
    return err == VD_OK ? vd_trie_decode(out, rlp) : err;
}

/* Codes lie in a window of fixed size.  When it is full all of them are forgotten, those of live
   call frames too, and read again as they are needed (state.h): only codes that the block itself
   sets, which no preimage has and which cost 200 gas a byte, stay to its end.  The window need only
   hold the longest code. */
static enum vd_err
read_code(void *ctx, struct vd_slice *out, const struct vd_hash *code_hash)
{
    struct run *run = ctx;
    run_hint(run, VD_HINT_L2_CODE, code_hash);
    enum vd_err err = run_keccak(run, out, &run->codes.codes, code_hash);
    if (err != VD_ERR_NO_MEMORY)
        return err;
    vd_arena_rewind(&run->codes.codes, 0);
    run->codes.generation++;
    return run_keccak(run, out, &run->codes.codes, code_hash);
}

static enum vd_err
take_codes(struct run *run)
{
    size_t size = run->program->memory.code_window;
    void *room = vd_arena_alloc(&run->program->memory.exec, size, 64);
    if (room == NULL)
        return VD_ERR_NO_MEMORY;
    vd_arena_init(&run->codes.codes, room, size);
    run->codes.generation++;
    return VD_OK;
}

/* BLOCKHASH of a block below the parent, whose own hash the caller has. */
static enum vd_err
block_hash(void *ctx, struct vd_hash *out, uint64_t n)
{
    struct run *run = ctx;
    uint64_t below = run->parent_number - n; /* 1: the parent's parent */
    if (n >= run->parent_number || below > 256)
        return VD_ERR_CORRUPT;
    while (run->ancestor_count < below) {
        struct vd_header header;
        struct vd_arena *arena = &run->program->memory.l1;
        size_t mark = vd_arena_mark(arena);
        const struct vd_hash *last = &run->ancestors[run->ancestor_count - 1];
        enum vd_err err = read_header(run, &header, arena, VD_HINT_L2_BLOCK, last);
        vd_arena_rewind(arena, mark);
        if (err != VD_OK)
            return err;
        run->ancestors[run->ancestor_count++] = header.parent_hash;
    }
    *out = run->ancestors[below - 1];
    return VD_OK;
}

/* The verdict of one transaction; VALID: it is in the block. */
static enum vd_err
run_transaction(struct run *run, struct vd_exec *exec, enum payload_verdict *verdict,
                struct vd_slice raw)
{
    struct vd_arena *arena = &run->program->memory.exec;
    struct vd_tx *tx = VD_ARENA_NEW(arena, struct vd_tx, 1);
    struct vd_address sender;
    struct vd_tx_outcome outcome;
    bool valid = false;
    if (tx == NULL)
        return VD_ERR_NO_MEMORY;
    *verdict = PAYLOAD_INVALID;
    enum vd_err err = vd_tx_decode(tx, NULL, arena, raw);
    /* The protocol has no other types at the forks of this build. */
    if (err == VD_ERR_INVALID || err == VD_ERR_UNSUPPORTED)
        return VD_OK;
    if (err == VD_OK)
        err = vd_tx_sender(&sender, &valid, tx, run->program->curves, arena);
    if (err != VD_OK || !valid)
        return err;
    err = vd_exec_tx(exec, &outcome, tx, &sender);
    if (err != VD_OK)
        return err;
    if (outcome.verdict == VD_TX_INCLUDED)
        *verdict = PAYLOAD_VALID;
    if (outcome.verdict == VD_TX_UNSUPPORTED) {
        *verdict = PAYLOAD_UNSUPPORTED;
        run->result->unsupported = outcome.unsupported;
    }
    return VD_OK;
}

enum vd_err
execute_block(struct run *run, enum payload_verdict *verdict, struct vd_exec_result *result,
              const struct vd_header *parent, const struct vd_attributes *attributes)
{
    struct vd_trie_walker walker = {.nodes = {.ctx = run, .node = read_node},
                                    .root = parent->state_root,
                                    .arena = &run->program->memory.exec,
                                    .code_ctx = run,
                                    .code = read_code};
    struct vd_state_source source;
    struct vd_exec *exec = NULL;
    vd_state_source_from_tries(&source, &walker);
    source.window = &run->codes;
    struct vd_exec_inputs inputs = {.config = &run->program->config->l2,
                                    .parent = parent,
                                    .parent_hash = attributes->parent.hash,
                                    .env = &attributes->env,
                                    .source = &source,
                                    .curves = run->program->curves,
                                    .hash_ctx = run,
                                    .block_hash = block_hash};
    *verdict = PAYLOAD_VALID;
    run->parent_number = parent->number;
    run->ancestors[0] = parent->parent_hash;
    run->ancestor_count = 1;
    enum vd_err err = take_codes(run);
    if (err == VD_OK)
        err = vd_exec_begin(&exec, &run->program->memory.exec, &inputs);
    if (err == VD_ERR_UNSUPPORTED) {
        *verdict = PAYLOAD_UNSUPPORTED;
        return VD_OK;
    }
    for (size_t i = 0;
         err == VD_OK && *verdict == PAYLOAD_VALID && i < attributes->transaction_count; i++)
        err = run_transaction(run, exec, verdict, attributes->transactions[i]);
    if (err != VD_OK || *verdict != PAYLOAD_VALID)
        return err;
    return vd_exec_finish(exec, result, NULL, NULL);
}

enum vd_err
execute_payload(struct run *run, enum payload_verdict *verdict, struct vd_l2_ref *head,
                struct vd_system_config *system, struct vd_hash *output,
                const struct vd_attributes *attributes)
{
    const struct vd_rollup_config *config = run->program->config;
    struct vd_arena *arena = &run->program->memory.exec;
    struct vd_header parent;
    struct vd_exec_result result;
    vd_arena_rewind(arena, 0);
    enum vd_err err = read_header(run, &parent, arena, VD_HINT_L2_BLOCK, &attributes->parent.hash);
    if (err == VD_OK && parent.number != attributes->parent.number)
        err = VD_ERR_CORRUPT;
    if (err != VD_OK)
        return err;
    err = execute_block(run, verdict, &result, &parent, attributes);
    if (err != VD_OK || *verdict != PAYLOAD_VALID)
        return err;
    struct vd_slice first = attributes->transactions[0];
    err = vd_l2_ref_read(head, config, &result.header, &result.hash, first, arena);
    if (err == VD_OK)
        err = vd_system_config_read(system, config, &result.header, &result.hash, first, arena);
    /* Isthmus: the header's withdrawals root is the message passer's storage root. */
    if (err == VD_OK)
        *output = vd_output_root(&result.header.state_root, &result.header.withdrawals_root,
                                 &result.hash);
    return err;
}
