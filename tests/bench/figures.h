/* Figures for the table of tests/bench/run.sh: one line of JSON each, on the file that the
   environment variable VD_BENCH_JSON names, which is appended to.  Without it nothing is written.
 */
#ifndef VD_TESTS_BENCH_FIGURES_H
#define VD_TESTS_BENCH_FIGURES_H

#include <stdio.h>
#include <stdlib.h>

/* what must need no escaping. */
static inline void
figure(const char *program, const char *what, double value, const char *unit)
{
    const char *path = getenv("VD_BENCH_JSON");
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    if (file == NULL)
        return;
    fprintf(file, "{\"what\":\"%s: %s\",\"who\":\"viaduct\",\"value\":%.10g,\"unit\":\"%s\"}\n",
            program, what, value, unit);
    (void)fclose(file);
}

#endif
