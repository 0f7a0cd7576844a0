/* The drill: a false output root is proposed, and loses.

   It plays the dishonest proposer and a user against a chain whose sequencer, batcher, proposer
   and challenger are the ordinary ones, and watches them on L1.  The user withdraws; the dishonest
   account proposes a false output root and answers every claim against it by another false one,
   down to a single step of the machine, which L1 computes.  It prints every move as L1 has it.

   It passes when L1 has shown all of it: the game lost, every bond of the false side paid to the
   challenger to the wei, the withdrawal proven by the proposer's game and finalized.  Both sides
   are met over JSON-RPC alone, as any client meets them. */
#ifndef VIADUCT_NODE_APP_DRILL_H
#define VIADUCT_NODE_APP_DRILL_H

#include "founding.h"
#include "run.h"

/* What distinguishes a chain that is founded for the drill: depths and clocks of its games, delays
   of settlement.  l1_block_s: seconds from one block of L1 to the next. */
void vd_drill_found(struct vd_founding *founding, uint64_t l1_block_s);

struct vd_drill_config {
    struct vd_run *run; /* its loop is run until the end; its stop only stops the loop */
    const struct vd_options *options;
    const char *l1_url;
    const char *l2_url;
    const struct vd_addresses *addresses;
    const uint8_t *dishonest_key; /* has ether on L1 */
    const uint8_t *user_key;      /* has ether on both layers */
    struct vd_address proposer;
    struct vd_address challenger;
    uint64_t l1_block_s;
};

/* Runs it to its end.  False: a sentence on stderr says what was not seen, or that it was
   interrupted. */
bool vd_drill_run(const struct vd_drill_config *config);

#endif
