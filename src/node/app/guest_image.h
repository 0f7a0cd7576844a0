/* The guest's image that a command works with: the one of a file, or the program's own. */
#ifndef VIADUCT_NODE_APP_GUEST_IMAGE_H
#define VIADUCT_NODE_APP_GUEST_IMAGE_H

#include "viaduct/core/base/arena.h"
#include "viaduct/core/rollup/config.h"

/* path NULL: the program's own, for which no arena is needed.  False: error says why. */
bool vd_guest_image_open(struct vd_slice *image, const char *path, struct vd_arena *arena,
                         char *error, size_t error_len);

/* The hash of the machine's first state: the image with the chain's configuration at its place. */
bool vd_guest_prestate(struct vd_hash *prestate, struct vd_slice image,
                       const struct vd_rollup_config *config, char *error, size_t error_len);

#endif
