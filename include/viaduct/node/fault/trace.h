/* One run of the machine from a prestate to its end, of which any state can be had again quickly:
   the run leaves snapshots of the pages that it wrote, and a state is reached from the snapshot
   before it.  How far apart snapshots are, doubles whenever they are too many or take too much: to
   reach a state takes at most that many steps, and copying what the run wrote until there.

   An open trace ends before the first step that asks for a certain preimage.  Runs that differ in
   this preimage alone share it: each goes on from a copy of its last machine.

   A trace is made by one thread; after that it is read-only, and vd_trace_machine may be called on
   any number of threads at once. */
#ifndef VIADUCT_NODE_FAULT_TRACE_H
#define VIADUCT_NODE_FAULT_TRACE_H

#include "viaduct/node/fault/machine.h"

struct vd_trace;

struct vd_trace_config {
    struct vd_machine *prestate;   /* taken, also on failure */
    const struct vd_vm_host *host; /* borrowed during the call */
    uint64_t max_steps;            /* 0: no limit */
    uint64_t interval;             /* steps between the first snapshots; 0: 2^20 */
    size_t max_snapshots;          /* more are thinned out; 0: 2048, at least 2 */
    /* What snapshots may take beside each page that the run wrote, once; 0: 256 MiB. */
    size_t max_bytes;
    const uint8_t *open_key; /* 32 bytes: the preimage before which it ends; NULL: none */
};

/* Runs to the exit, to max_steps, or to the step that asks for open_key.  On VD_OK the trace is
   there whatever the exit code; an error is that of host->preimage, or VD_ERR_NO_MEMORY. */
VD_MUST_USE enum vd_err vd_trace_new(struct vd_trace **out, const struct vd_trace_config *config);
void vd_trace_free(struct vd_trace *trace);

/* The last state: its step count is the length of the run.  Of an open trace that has not exited it
   is the state that all runs have in common, before the step that asks. */
const struct vd_vm_registers *vd_trace_end(const struct vd_trace *trace);
/* Bytes of the pages kept, the prestate's own not counted. */
size_t vd_trace_bytes(const struct vd_trace *trace);

/* A machine of its own that stands at step, or at the end when the run is shorter: beyond its end a
   trace repeats its last state.  Beyond the end of an open trace it goes on with what the host
   says. The host must give the preimages that it gave before, but for open_key. */
VD_MUST_USE enum vd_err vd_trace_machine(struct vd_machine **out, const struct vd_trace *trace,
                                         uint64_t step, const struct vd_vm_host *host);

#endif
