/* L1's blocks and receipts from JSON back into the bytes that were hashed.

   Nothing that an L1 node says is believed before it hashes to what the header commits to: headers
   are encoded again and hashed, transactions are encoded again (EIP-2718), each one's hash and the
   transactions root are checked, and so are withdrawals and receipts.  Pure functions, any thread.
 */
#ifndef VIADUCT_NODE_L1_L1_JSON_H
#define VIADUCT_NODE_L1_L1_JSON_H

#include <jansson.h>

#include "viaduct/core/rollup/derive.h"

#define VD_L1_WHY_MAX 192

struct vd_l1_why {
    char text[VD_L1_WHY_MAX];
};

/* Deviations of a development L1 that the owner has asked to bear with, each by name. */
struct vd_l1_lenient {
    /* The transactions root of a block that holds a blob transaction is not compared (each
       transaction's hash still is): anvil computes it over the network form. */
    bool skip_transactions_root_of_blob_blocks;
};

/* vd_l1_parse_header reads the header fields of a block object and checks that they hash to its
   "hash".  header->extra_data and the encoding are in the arena.
   VD_ERR_INVALID: a field is missing or malformed.  VD_ERR_MISMATCH: "failed to verify block
   hash".  VD_ERR_NO_MEMORY: the arena is full.  *why tells more, always set on failure. */
VD_MUST_USE enum vd_err vd_l1_parse_header(struct vd_header *header, struct vd_hash *hash,
                                           struct vd_l1_why *why, struct vd_arena *arena,
                                           const json_t *block);

/* vd_l1_parse_block reads a block object with full transactions into header, hash and
   transactions; receipts stay empty.  Everything is in the arena.  Beside the errors above,
   VD_ERR_MISMATCH: "failed to verify transactions list", "failed to verify withdrawals list",
   "transaction 3 does not hash to its hash".  A transaction of a type that this build does not know
   cannot be encoded again: VD_ERR_UNSUPPORTED. */
VD_MUST_USE enum vd_err vd_l1_parse_block(struct vd_l1_block *block, struct vd_l1_why *why,
                                          struct vd_arena *arena,
                                          const struct vd_l1_lenient *lenient, const json_t *json);

/* vd_l1_parse_receipts reads the array that eth_getBlockReceipts returns into
   block->receipts and checks it against the header's receipts root and bloom. */
VD_MUST_USE enum vd_err vd_l1_parse_receipts(struct vd_l1_block *block, struct vd_l1_why *why,
                                             struct vd_arena *arena, const json_t *json);

/* One transaction object to its EIP-2718 bytes, in the arena; hash is that of the bytes and equals
   the object's "hash". */
VD_MUST_USE enum vd_err vd_l1_parse_transaction(struct vd_slice *raw, struct vd_hash *hash,
                                                struct vd_l1_why *why, struct vd_arena *arena,
                                                const json_t *json);

#endif
