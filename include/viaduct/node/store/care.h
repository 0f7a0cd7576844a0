/* Looking after a database: its figures, a copy while it is in use, and a check of everything that
   can be computed again.  All of them read a store, which may be opened read-only beside the
   process that writes it. */
#ifndef VIADUCT_NODE_STORE_CARE_H
#define VIADUCT_NODE_STORE_CARE_H

#include "viaduct/node/store/store.h"

#define VD_STORE_MAX_TABLES 16u

struct vd_store_table {
    const char *name;
    uint64_t rows;
    uint64_t bytes; /* of the pages that hold them */
};

struct vd_store_figures {
    uint64_t schema;
    uint64_t chain_id;
    struct vd_block_id genesis;
    bool has_head[VD_HEADS];
    struct vd_block_id heads[VD_HEADS];
    uint64_t oldest_state; /* that can be read */
    uint64_t pin;          /* UINT64_MAX: none */
    uint64_t index_first;  /* blocks whose changes are indexed; first > last: none */
    uint64_t index_last;
    uint64_t state_file_bytes;
    uint64_t index_file_bytes; /* 0: there is no index */
    struct vd_store_table tables[VD_STORE_MAX_TABLES];
    size_t table_count;
};
/* VD_ERR_NOT_FOUND: no block yet. */
VD_MUST_USE enum vd_err vd_store_figures(struct vd_store_figures *out, struct vd_store *store);

/* vd_store_copy writes the database as it stands at one moment, compacted, into folder, which must
   be empty or not there.  The index is copied after the state and may be some blocks ahead; a store
   that is opened on the copy waits for them, or makes it anew when other blocks come.  Readers and
   the writer go on meanwhile.  why says what failed; the half-made files are removed then.
   VD_ERR_EXISTS: there is a database already. */
VD_MUST_USE enum vd_err vd_store_copy(struct vd_store *store, char *why, size_t why_size,
                                      const char *folder);

/* What vd_store_verify went over. */
struct vd_store_verified {
    struct vd_block_id tip;
    uint64_t accounts;
    uint64_t slots;
    uint64_t branches;
    uint64_t codes;
    uint64_t blocks;
    uint64_t transactions;
    uint64_t records;
    uint64_t index_entries;
};
/* vd_store_verify computes again, in one snapshot: the state root and every storage root from the
   rows, and the branch rows that stand for the tries' branches; the hashes of codes; the chain of
   headers, their hashes and the roots of transactions and receipts; the indexes of blocks and
   transactions; heads and the safe-head index; that records have no gap; and that the index of the
   past holds the records' entries and no others.
   VD_ERR_CORRUPT: something differs, and fault names the table, the place and both values.  Other
   errors are the world's. */
VD_MUST_USE enum vd_err vd_store_verify(struct vd_store *store, struct vd_store_verified *out,
                                        char *fault, size_t fault_size);

#endif
