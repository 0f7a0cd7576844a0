/* The compressed image, made by the build (cmake/guest.cmake). */
#ifndef VIADUCT_NODE_FAULT_IMAGE_BYTES_H
#define VIADUCT_NODE_FAULT_IMAGE_BYTES_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t vd_guest_gz[];
extern const size_t vd_guest_gz_len;

#endif
