/* The absolute prestate: the guest's image with a chain's configuration at its place. */
#ifndef VIADUCT_NODE_FAULT_PRESTATE_H
#define VIADUCT_NODE_FAULT_PRESTATE_H

#include "viaduct/core/rollup/config.h"
#include "viaduct/node/fault/machine.h"

/* A machine at step 0.  image is the guest's ELF file.  On failure why says what is wrong. */
VD_MUST_USE enum vd_err vd_prestate_new(struct vd_machine **out, char *why, size_t why_size,
                                        struct vd_slice image,
                                        const struct vd_rollup_config *config);

#endif
