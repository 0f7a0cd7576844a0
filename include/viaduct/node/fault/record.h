/* The preimage record: what one native run of the fault-proof program read.  The machine then runs
   on the record alone, and the challenger uploads from it.

   A recorder finds what is not recorded yet in the node's database and on L1; every preimage is
   checked against its key when it goes in.  One thread at a time. */
#ifndef VIADUCT_NODE_FAULT_RECORD_H
#define VIADUCT_NODE_FAULT_RECORD_H

#include "viaduct/core/program/program.h"
#include "viaduct/node/fault/machine.h"
#include "viaduct/node/store/store.h"

struct vd_record;

/* VD_ERR_NO_MEMORY: no address space. */
VD_MUST_USE enum vd_err vd_record_new(struct vd_record **out);
void vd_record_free(struct vd_record *record);

/* Copies bytes.  Keccak keys are checked: VD_ERR_MISMATCH.  What is there already stays. */
VD_MUST_USE enum vd_err vd_record_put(struct vd_record *record, const struct vd_hash *key,
                                      struct vd_slice bytes);
/* Local keys may be set again, for another claim on the same block. */
VD_MUST_USE enum vd_err vd_record_set_local(struct vd_record *record, unsigned ident,
                                            struct vd_slice bytes);
/* VD_ERR_NOT_FOUND.  value lives as long as the record. */
VD_MUST_USE enum vd_err vd_record_get(const struct vd_record *record, struct vd_slice *value,
                                      const struct vd_hash *key);
size_t vd_record_count(const struct vd_record *record);
size_t vd_record_bytes(const struct vd_record *record);
/* The record as the machine's host; it must outlive *host. */
void vd_record_host(struct vd_vm_host *host, struct vd_record *record);

/* --- recording --- */

/* What a run is about. */
struct vd_question {
    struct vd_hash l1_head;
    struct vd_hash agreed_root;
    struct vd_hash claimed_root;
    uint64_t claimed_block;
};
VD_MUST_USE enum vd_err vd_record_ask(struct vd_record *record, const struct vd_question *question,
                                      uint64_t chain_id);

/* Where a recorder finds things. */
struct vd_record_source {
    struct vd_store *store;
    const struct vd_rollup_config *rollup;
    void *ctx;
    /* Waits for L1's block of this hash, checked; released by the recorder. */
    enum vd_err (*l1_block)(void *ctx, struct vd_l1_block *block, const struct vd_hash *hash);
    void (*l1_release)(void *ctx);
    const struct vd_curves *curves;
};

/* vd_record_run runs the program natively, question included in the record before, and records all
   that it reads.  VD_ERR_NOT_FOUND: something is neither in the database nor on L1; why (of
   why_size bytes) says what. */
VD_MUST_USE enum vd_err vd_record_run(struct vd_record *record, struct vd_program_result *result,
                                      char *why, size_t why_size,
                                      const struct vd_record_source *source);

/* The output root of an L2 block, with its preimage put into the record (which may be NULL). */
VD_MUST_USE enum vd_err vd_record_output(struct vd_record *record, struct vd_hash *root,
                                         struct vd_store *store, uint64_t number);

#endif
