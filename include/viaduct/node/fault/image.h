/* The guest's image that this program carries: what src/guest and core gave when src/guest/image
   was last made (scripts/guest). */
#ifndef VIADUCT_NODE_FAULT_IMAGE_H
#define VIADUCT_NODE_FAULT_IMAGE_H

#include "viaduct/core/base/bytes.h"

/* The ELF file, decompressed at the first call; it lives as long as the program.  Any thread.
   VD_ERR_NO_MEMORY. */
VD_MUST_USE enum vd_err vd_guest_image(struct vd_slice *image);

#endif
