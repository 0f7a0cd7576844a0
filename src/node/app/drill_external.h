/* The drill on an L1 that somebody else runs: founds a chain of its own there, with the public
   accounts of `viaduct dev` as roles, runs its node, and then the same drill. */
#ifndef VIADUCT_NODE_APP_DRILL_EXTERNAL_H
#define VIADUCT_NODE_APP_DRILL_EXTERNAL_H

#include "options.h"

/* The exit status of the command. */
int vd_drill_external(const struct vd_options *options);

#endif
