/* The execution half of the fault-proof program alone: one block from its parent's header, its
   attributes and the state's witness.  It measures and tests the machine on blocks of chains whose
   derivation is not at hand; no game is about it. */
#ifndef VIADUCT_CORE_PROGRAM_BLOCK_H
#define VIADUCT_CORE_PROGRAM_BLOCK_H

#include "viaduct/core/program/program.h"

/* Local keys of this program, beside which it reads trie nodes, code and precompiles. */
#define VD_LOCAL_PARENT_HEADER 16u /* RLP */
#define VD_LOCAL_ATTRIBUTES 17u    /* vd_block_attributes_encode */
#define VD_LOCAL_BLOCK_HASH 18u    /* 32 bytes: hash of the block that must come out */

/* rlp([timestamp, prev_randao, fee_recipient, parent_beacon_root, gas_limit, extra_data,
   [transaction, ...]]), transactions as strings of their consensus bytes.  No withdrawals. */
void vd_block_attributes_encode(struct vd_buf *buf, const struct vd_block_env *env,
                                const struct vd_slice *transactions, size_t count);
/* Borrows from bytes; the list of transactions is in arena.  VD_ERR_INVALID: not that form. */
VD_MUST_USE enum vd_err vd_block_attributes_decode(struct vd_block_env *env,
                                                   const struct vd_slice **transactions,
                                                   size_t *count, struct vd_arena *arena,
                                                   struct vd_slice bytes);

/* vd_execution_run executes the block that the local preimages name, with the rules of
   program->config->l2.  VALID: its hash is the one expected; INVALID: another, or no block.  Of
   *result, head and output stay zero; *hash is the block's.  Errors as of vd_program_run. */
VD_MUST_USE enum vd_err vd_execution_run(struct vd_program *program,
                                         struct vd_program_result *result, struct vd_hash *hash);

#endif
