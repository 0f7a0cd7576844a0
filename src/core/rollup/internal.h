/* What the files of this folder share: logs of an L1 block, and the facts that an L2 block takes
   from its L1 origin. */
#ifndef VD_CORE_ROLLUP_INTERNAL_H
#define VD_CORE_ROLLUP_INTERNAL_H

#include "viaduct/core/rollup/attributes.h"

/* A walk over the logs of the successful receipts of one L1 block, from consensus bytes and without
   memory.  Indices are block-wide. */
struct vd_log_walk {
    const struct vd_slice *receipts;
    size_t count;
    size_t next;
    struct vd_rlp logs; /* those left of the receipt in hand */
    uint64_t index;     /* of the next log */
    bool malformed;     /* a receipt of a known type does not parse; the walk has ended */
};
void vd_log_walk_init(struct vd_log_walk *walk, const struct vd_slice *receipts, size_t count);
/* False at the end. */
bool vd_log_walk_next(struct vd_log_walk *walk, struct vd_log *log, uint64_t *index);

/* One parsed ConfigUpdate, and the sum of those of one L1 block: which fields they set, to what. */
struct vd_system_patch {
    uint32_t mask; /* bit of the update type */
    struct vd_system_config values;
};
/* False: the log is another's, or does not parse (system config: it is skipped alone). */
bool vd_system_patch_log(struct vd_system_patch *patch, const struct vd_address *contract,
                         const struct vd_log *log);
void vd_system_patch_apply(const struct vd_system_patch *patch, struct vd_system_config *system);
VD_MUST_USE enum vd_err vd_system_patch_read(struct vd_system_patch *patch,
                                             const struct vd_address *contract,
                                             const struct vd_slice *receipts, size_t count);

bool vd_is_deposit_log(const struct vd_log *log, const struct vd_address *portal);

/* An L1 block as the origin of L2 blocks. */
struct vd_epoch {
    struct vd_l1_ref ref;
    struct vd_hash mix_hash;
    struct vd_hash parent_beacon_root; /* zero where L1 has none */
    struct vd_u256 base_fee;
    bool has_excess_blob_gas;
    uint64_t excess_blob_gas;
};
void vd_epoch_read(struct vd_epoch *epoch, const struct vd_header *header,
                   const struct vd_hash *hash);

/* vd_attributes_build over an epoch. */
VD_MUST_USE enum vd_err vd_attributes_make(struct vd_attributes *out, struct vd_arena *arena,
                                           const struct vd_rollup_config *config,
                                           const struct vd_l2_ref *parent,
                                           const struct vd_system_config *system,
                                           const struct vd_epoch *epoch,
                                           const struct vd_slice *deposits, size_t deposit_count,
                                           const struct vd_slice *user, size_t user_count);

#endif
