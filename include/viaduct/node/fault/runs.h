/* Runs of the fault-proof program that disputes ask about: each recorded natively once and traced
   by the machine once, the last few of them kept.

   The program reads the claimed root last of all.  So a run is named by its L1 head, its agreed
   output and its claimed block; claims of any roots share its record and its open trace, and what
   is a claim's own are the some thousand steps behind it, which are run again for each question.
   However many roots are claimed in one place, they cost one run.

   One thread at a time. */
#ifndef VIADUCT_NODE_FAULT_RUNS_H
#define VIADUCT_NODE_FAULT_RUNS_H

#include "viaduct/node/fault/record.h"
#include "viaduct/node/fault/trace.h"

struct vd_runs;

struct vd_runs_config {
    struct vd_slice image;                 /* of the guest */
    const struct vd_rollup_config *rollup; /* both outlive it */
    size_t keep_bytes;                     /* of records and traces; 0: 2 GiB */
    void *ctx;
    /* Runs the program natively, and leaves in the record, which is empty, all that it read.  The
       question's claimed root is no claim's: the verdict about it says nothing but whether there
       is an output.  On failure why says what went wrong, or is empty. */
    enum vd_err (*record)(void *ctx, struct vd_record *record, struct vd_program_result *result,
                          const struct vd_question *question, char *why, size_t why_size);
    /* Whether to end a run of the machine by VD_ERR_CLOSED; asked at each preimage. */
    bool (*is_cancelled)(void *ctx);
};

/* One state of a run. */
struct vd_runs_answer {
    struct vd_machine *machine;     /* the caller's to free */
    const struct vd_record *record; /* until the next question */
    char text[300];                 /* on failure: what went wrong */
    /* Not empty: machine and native run do not agree.  L1 computes the machine's step, so the
       machine is believed.  Said once of a run. */
    char alarm[200];
};

VD_MUST_USE enum vd_err vd_runs_new(struct vd_runs **out, const struct vd_runs_config *config);
void vd_runs_free(struct vd_runs *runs);

/* A machine that stands after so many steps of the run that question names. */
VD_MUST_USE enum vd_err vd_runs_at(struct vd_runs *runs, struct vd_runs_answer *answer,
                                   const struct vd_question *question, uint64_t steps);

#endif
