/* The sequencing window as the node that fills it sees it: from when on batches may come too late
   (OP Stack specs, derivation: sequencing window).

   A batch of epoch E counts in L1 blocks up to E + window.  At the end of that L1 block derivation
   makes the epoch's missing blocks itself, without users' transactions, and every block that says
   otherwise is cut off with all above it.  Sequencer and batcher both leave a margin before that
   end.  Pure functions. */
#ifndef VIADUCT_NODE_ROLES_WINDOW_H
#define VIADUCT_NODE_ROLES_WINDOW_H

#include <stdbool.h>

#include "viaduct/core/rollup/config.h"

/* How many L1 blocks before its end a window counts as closing.  The channel timeout: derivation
   drops a channel that takes longer from its first frame to its last, so that a batch which is read
   at all is read within that many L1 blocks of being sent.  Half of a small window at most, so that
   the other half remains for users' transactions.  blocks: the window, less what of it is used up
   before a block can be made at all. */
static inline uint64_t
vd_window_margin(uint64_t blocks)
{
    return blocks / 2 < VD_CHANNEL_TIMEOUT ? blocks / 2 : VD_CHANNEL_TIMEOUT;
}

/* Whether batches of the epoch at L1 block origin, sent when L1's head is l1_head, may come too
   late.  Once true it stays true as L1 grows. */
static inline bool
vd_window_closes(const struct vd_rollup_config *config, uint64_t origin, uint64_t l1_head,
                 uint64_t margin)
{
    return origin + config->seq_window_size <= l1_head + margin;
}

#endif
