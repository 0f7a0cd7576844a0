/* Large reservations of address space for arenas: pages become real on first touch. */
#ifndef VIADUCT_NODE_PLATFORM_MEMORY_H
#define VIADUCT_NODE_PLATFORM_MEMORY_H

#include <stddef.h>

/* vd_reserve reserves size bytes, zeroed; NULL when the address space or the process's limit is
   used up. */
void *vd_reserve(size_t size);
/* Gives a whole reservation back; NULL is allowed. */
void vd_release(void *memory, size_t size);
/* Gives the pages from offset keep on back to the system; the reservation stays and reads as zeros
   there. */
void vd_trim(void *memory, size_t size, size_t keep);

#endif
