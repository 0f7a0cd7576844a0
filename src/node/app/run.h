/* What the commands that serve share: loop, pool, log, signals, a clean stop. */
#ifndef VIADUCT_NODE_APP_RUN_H
#define VIADUCT_NODE_APP_RUN_H

#include <uv.h>

#include "node.h"
#include "options.h"

struct vd_run {
    uv_loop_t loop;
    struct vd_pool *pool;
    struct vd_logger logger;
    uv_signal_t signals[2];
    int status; /* exit status */
    bool stopping;
    void (*stop)(struct vd_run *run); /* closes what the command opened, then vd_run_stopped */
};

/* vd_run_init prepares loop and pool; false after a message on stderr. */
bool vd_run_init(struct vd_run *run, const struct vd_options *options,
                 void (*stop)(struct vd_run *run));
/* Runs the loop to its end and returns the exit status. */
int vd_run_loop(struct vd_run *run);
/* Stops with an error. */
void vd_run_fail(struct vd_run *run, const char *text);
/* Stops without one. */
void vd_run_stop(struct vd_run *run);
/* Everything of the command is closed. */
void vd_run_stopped(struct vd_run *run);

/* The fields of a node's configuration that options set. */
void vd_node_config_from_options(struct vd_node_config *config, const struct vd_options *options);

#endif
