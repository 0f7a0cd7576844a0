/* The values that contracts and node must agree on: addresses, limits, selectors, topics, slots.
   They stand in constants.def, from which Solidity's library Constants is written too, under the
   same names without VD_.

   ADDRESS(NAME, ...)   const struct vd_address VD_NAME
   TOPIC(NAME, ...)     const struct vd_hash VD_TOPIC_NAME
   SLOT(NAME, ...)      const struct vd_hash VD_SLOT_NAME
   SELECTOR(NAME, ...)  VD_SELECTOR_NAME, an integer constant as the first four bytes of calldata
                        are read big-endian
   NUMBER(type, NAME, ...)  VD_NAME, an integer constant */
#ifndef VIADUCT_CORE_BASE_CONSTANTS_H
#define VIADUCT_CORE_BASE_CONSTANTS_H

#include "viaduct/core/base/bytes.h"

/* An enumeration each: an integer constant good for case labels, of its own width. */
#define ADDRESS(name, a, b, c, text) extern const struct vd_address VD_##name;
#define NUMBER(type, name, value, text) enum { VD_##name = value };
#define SELECTOR(name, value, signature) enum { VD_SELECTOR_##name = value };
#define TOPIC(name, a, b, c, d, signature) extern const struct vd_hash VD_TOPIC_##name;
#define SLOT(name, a, b, c, d, label) extern const struct vd_hash VD_SLOT_##name;
#include "viaduct/core/base/constants.def"
#undef ADDRESS
#undef NUMBER
#undef SELECTOR
#undef TOPIC
#undef SLOT

#endif
