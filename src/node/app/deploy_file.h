/* The plan file of a deployment, deploy-plan.txt: what has been done, for the operator to read and
   for a second run to go on from.

   One line a step: name, address, status, transaction, in columns; comments begin with #.  It is
   written anew through a temporary file at each change, so it is whole at any moment.  L1 decides
   what was done; the file alone knows which L1 block was chosen as the anchor. */
#ifndef VIADUCT_NODE_APP_DEPLOY_FILE_H
#define VIADUCT_NODE_APP_DEPLOY_FILE_H

#include "l1_plan.h"

#define VD_DEPLOY_PLAN_FILE "deploy-plan.txt"

enum vd_step_status {
    VD_STEP_UNKNOWN, /* L1 has not been asked */
    VD_STEP_LOOKING,
    VD_STEP_TODO,
    VD_STEP_ESTIMATING,
    VD_STEP_SENT,
    VD_STEP_DONE,
};

struct vd_deploy_record {
    enum vd_step_status status[VD_PLAN_MAX_STEPS];
    bool has_tx[VD_PLAN_MAX_STEPS];
    struct vd_hash tx[VD_PLAN_MAX_STEPS];
    bool has_anchor;
    struct vd_block_id anchor;
    bool has_config_hash;
    struct vd_hash config_hash; /* keccak256 of rollup.json */
    bool verified;
};

bool vd_deploy_file_write(const struct vd_l1_plan *plan, const struct vd_deploy_record *record,
                          const char *path, char *error, size_t error_len);

/* vd_deploy_file_read fills transactions and anchor from an earlier run's file; statuses are left
   for L1 to decide.  No file: true, nothing filled.  False: it belongs to another deployment, or is
   damaged. */
bool vd_deploy_file_read(struct vd_deploy_record *record, const struct vd_l1_plan *plan,
                         const char *path, char *error, size_t error_len);

/* The anchor alone, for whoever recomputes the genesis.  False: error says what is wrong. */
bool vd_deploy_file_anchor(struct vd_block_id *anchor, const char *path, char *error,
                           size_t error_len);

#endif
