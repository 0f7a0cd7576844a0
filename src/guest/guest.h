/* What the images of the guest share: the oracle, the configuration, the memory that the program
   works in. */
#ifndef VIADUCT_GUEST_GUEST_H
#define VIADUCT_GUEST_GUEST_H

#include "viaduct/core/program/program.h"

/* Where the program's regions begin (src/guest/guest.ld). */
#define VD_GUEST_MEMORY 0x02000000u

/* Members of struct vd_oracle. */
enum vd_err vd_guest_oracle_get(void *ctx, struct vd_slice *out, struct vd_arena *arena,
                                const struct vd_hash *key);
enum vd_err vd_guest_oracle_head(void *ctx, uint8_t out[64], const struct vd_hash *key);

/* The configuration that is part of the prestate; false: there is none. */
bool vd_guest_config(struct vd_rollup_config *config);

/* The start of an image, called with an empty stack; never returns. */
void vd_guest_main(void);

#endif
