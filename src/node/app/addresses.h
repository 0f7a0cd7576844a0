/* Where a chain's contracts stand on its L1: what `viaduct deploy` and `viaduct dev` leave behind
   in addresses.json, and what the roles and the bridge commands read.  A flat object from name to
   address, as op-deployer and the superchain registry write it. */
#ifndef VIADUCT_NODE_APP_ADDRESSES_H
#define VIADUCT_NODE_APP_ADDRESSES_H

#include "file_read.h"

struct vd_addresses {
#define FIELD(field, name) struct vd_address field;
#include "addresses.def"
};

/* vd_addresses_read: names that this build does not know are passed over, contracts that the file
   does not name are zero: who needs one checks it.  False: r->error says what is wrong. */
bool vd_addresses_read(struct vd_file_read *r, struct vd_addresses *out, const char *path);

/* The document, without the zero addresses, to be freed with json_decref. */
json_t *vd_addresses_write(const struct vd_addresses *addresses);

/* The address with that name in the file, or NULL for a name that is not in the list. */
const struct vd_address *vd_addresses_find(const struct vd_addresses *addresses, const char *name);

/* The name in the file of the contract at address, or NULL. */
const char *vd_addresses_name(const struct vd_addresses *addresses,
                              const struct vd_address *address);

/* address in the mixed case of EIP-55, with 0x and a terminator. */
void vd_address_text(char text[43], const struct vd_address *address);

#endif
