/* The fault-proof program: from an output root that both sides agree on to the output root of a
   later block, by deriving and executing what L1 holds up to a given block (OP Stack specs, fault
   proof, program).

   The same code runs natively over the node's database, recording what it reads, and in the
   machine, reading the record.  It is a pure function of the configuration and of the preimages. */
#ifndef VIADUCT_CORE_PROGRAM_PROGRAM_H
#define VIADUCT_CORE_PROGRAM_PROGRAM_H

#include "viaduct/core/crypto/curves.h"
#include "viaduct/core/program/oracle.h"
#include "viaduct/core/rollup/derive.h"

/* What core does not compute, or only at length, through the oracle: curves is the face of it.  The
   gas of a key is L1's price of that input and a quarter. */
struct vd_oracle_curves {
    struct vd_curves curves;
    const struct vd_oracle *oracle;
    _Alignas(32) uint8_t scratch[256];
};
void vd_oracle_curves_init(struct vd_oracle_curves *curves, const struct vd_oracle *oracle);
/* The key of address || gas || input. */
struct vd_hash vd_precompile_key(struct vd_slice input);

/* Memory, all of it given: regions are used from their start and touched as they are needed. */
struct vd_program_memory {
    struct vd_arena walk;   /* hashes of L1 blocks and of past L2 blocks, 32 bytes each */
    struct vd_arena l1;     /* one L1 block with its receipts and transactions; past L2 blocks */
    struct vd_arena derive; /* the pipeline */
    struct vd_arena exec;   /* one L2 block in execution */
    size_t code_window;     /* bytes of exec for codes that may be forgotten and read again */
    struct vd_derive_limits limits;
};

/* The whole of it, in the machine and on the host alike: a run that fits the one fits the other. In
   the machine it lies between the program's data and 128 MiB of stack. */
#define VD_PROGRAM_MEMORY ((size_t)3680 << 20)
/* All that the gas of a block of this limit buys fits.  What memory a unit of gas buys most of is
   transient storage: 100 gas (EIP-1153) for 104 bytes and its share of a hash map.  SystemConfig
   accepts no higher limit. */
#define VD_PROGRAM_MAX_GAS_LIMIT 500000000u
/* Divides size bytes, VD_PROGRAM_MEMORY of them, at a multiple of 64. */
void vd_program_memory_init(struct vd_program_memory *memory, void *bytes, size_t size);

struct vd_program {
    const struct vd_rollup_config *config; /* part of the prestate, never of the preimages */
    const struct vd_curves *curves;
    const struct vd_oracle *oracle;
    struct vd_program_memory memory;
    const struct vd_derive_observer *observer; /* may be NULL */
};

enum vd_program_verdict {
    VD_PROGRAM_VALID,   /* the claimed output root is that of the claimed block, or of the last
                           block before it that L1's data lead to */
    VD_PROGRAM_INVALID, /* it is not */
    VD_PROGRAM_PANIC,   /* nothing can be said: what was read makes no sense, or reaches a rule that
                           this build does not have */
};

struct vd_program_result {
    enum vd_program_verdict verdict;
    const char *why;               /* PANIC: static text */
    struct vd_l2_ref head;         /* the last block derived */
    struct vd_hash output;         /* its output root */
    uint64_t l1_blocks;            /* handed to derivation */
    struct vd_address unsupported; /* PANIC over a precompile: its address; else zero */
};

/* vd_program_run answers the question that the local preimages ask.  An error is one of the world:
   a preimage that the oracle does not have, or a region that is too small. */
VD_MUST_USE enum vd_err vd_program_run(struct vd_program *program,
                                       struct vd_program_result *result);

#endif
