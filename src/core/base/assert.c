/* Where a failed VD_ASSERT ends.  This is the only place of core that touches the host, and only
   in a hosted build; it is weak so that a program may report in its own way.  The fault-proof
   guest brings its own (exit with status panic). */
#include "viaduct/core/base/err.h"

#if __STDC_HOSTED__
#include <stdio.h>
#include <stdlib.h>

__attribute__((weak)) void
vd_assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
    abort();
}
#endif
