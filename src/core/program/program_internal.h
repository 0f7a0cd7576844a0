/* Shared by the files of the program. */
#ifndef VIADUCT_CORE_PROGRAM_INTERNAL_H
#define VIADUCT_CORE_PROGRAM_INTERNAL_H

#include "viaduct/core/program/program.h"

/* A node of a state trie is far smaller; a leaf of a list trie is read elsewhere. */
#define NODE_SCRATCH 8192u

/* L1 up to its head: hash[i] is that of block base + i. */
struct l1_walk {
    struct vd_hash *hash;
    uint64_t base;
    uint64_t head;
};

/* L2 below and above the agreed block. */
struct l2_chain {
    struct vd_l2_ref agreed;
    struct vd_l2_ref at;  /* where the last walk down stood */
    struct vd_hash *made; /* hashes of the blocks after the agreed one */
    uint64_t made_count;
    uint64_t made_cap;
};

struct run {
    struct vd_program *program;
    const struct vd_oracle *oracle;
    struct vd_program_result *result;
    struct l1_walk l1;
    struct l2_chain l2;
    struct vd_derive *derive;
    /* The block in execution. */
    uint64_t parent_number;        /* whose state is read */
    struct vd_hash ancestors[256]; /* hash i + 1 blocks below the parent */
    unsigned ancestor_count;
    struct vd_code_window codes;
    struct vd_arena node_scratch;
    uint8_t node_memory[NODE_SCRATCH];
};

/* A preimage by the keccak256 hash that names it, in arena. */
VD_MUST_USE enum vd_err run_keccak(struct run *run, struct vd_slice *out, struct vd_arena *arena,
                                   const struct vd_hash *hash);
void run_hint(struct run *run, enum vd_hint_kind kind, const struct vd_hash *hash);

/* --- tries.c: lists (transactions, receipts) by hash --- */
/* All items in order; arrays and bytes in arena. */
VD_MUST_USE enum vd_err list_items(struct run *run, const struct vd_slice **items, size_t *count,
                                   struct vd_arena *arena, const struct vd_hash *root);
/* The first item; VD_ERR_NOT_FOUND: there is none. */
VD_MUST_USE enum vd_err list_first(struct run *run, struct vd_slice *item, struct vd_arena *arena,
                                   const struct vd_hash *root);

/* --- chains.c --- */
/* Header by hash, in arena. */
VD_MUST_USE enum vd_err read_header(struct run *run, struct vd_header *header,
                                    struct vd_arena *arena, enum vd_hint_kind kind,
                                    const struct vd_hash *hash);
/* Fills the walk from L1's head down to block number from. */
VD_MUST_USE enum vd_err l1_walk_down(struct run *run, const struct vd_hash *head, uint64_t from);
/* A block for derivation, in the arena for L1 blocks, which is emptied before. */
VD_MUST_USE enum vd_err l1_block(struct run *run, struct vd_l1_block *block, uint64_t number,
                                 bool origin_only);
/* Reference, header and system config of an L2 block; system and header may be NULL. */
VD_MUST_USE enum vd_err l2_read(struct run *run, struct vd_l2_ref *ref,
                                struct vd_system_config *system, struct vd_header *header,
                                struct vd_arena *arena, const struct vd_hash *hash);
VD_MUST_USE enum vd_err l2_ref(void *ctx, struct vd_l2_ref *out, uint64_t number);
VD_MUST_USE enum vd_err l2_transactions(void *ctx, const struct vd_slice **out, size_t *count,
                                        uint64_t number);

/* --- execute.c --- */
enum payload_verdict { PAYLOAD_VALID, PAYLOAD_INVALID, PAYLOAD_UNSUPPORTED };
/* Executes attributes on parent, in the arena for execution; *result lives there. */
VD_MUST_USE enum vd_err execute_block(struct run *run, enum payload_verdict *verdict,
                                      struct vd_exec_result *result, const struct vd_header *parent,
                                      const struct vd_attributes *attributes);
/* The same, of a block on the one that attributes name; head, system and output are those of the
 * new block. */
VD_MUST_USE enum vd_err execute_payload(struct run *run, enum payload_verdict *verdict,
                                        struct vd_l2_ref *head, struct vd_system_config *system,
                                        struct vd_hash *output,
                                        const struct vd_attributes *attributes);

#endif
