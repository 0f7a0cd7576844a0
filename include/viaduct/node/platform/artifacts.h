/* Contract code that the program carries with it.

   The table is built from contracts/artifacts at compile time (cmake/artifacts.cmake); it is
   immutable and static, usable on any thread.  Names: those of the contracts of contracts/src;
   the preinstalls of L2 (Multicall3, Permit2, …); BeaconRoots (EIP-4788), HistoryStorage
   (EIP-2935), WithdrawalRequests (EIP-7002) and ConsolidationRequests (EIP-7251) as their EIPs
   publish them. */
#ifndef VIADUCT_NODE_PLATFORM_ARTIFACTS_H
#define VIADUCT_NODE_PLATFORM_ARTIFACTS_H

#include <stddef.h>
#include <stdint.h>

struct vd_artifact {
    const char *name;
    /* Runtime code: what stands in the account. */
    const uint8_t *code;
    size_t code_len; /* bytes */
    /* Creation code: what a creating transaction carries, before any constructor arguments.
       NULL and 0 for system contracts and preinstalls. */
    const uint8_t *init;
    size_t init_len; /* bytes */
};

/* vd_artifact_find returns the artifact of that name, or NULL if there is none.  The result lives
   as long as the program. */
const struct vd_artifact *vd_artifact_find(const char *name);

#endif
