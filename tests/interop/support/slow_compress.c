/* Preloaded into the program under test: compressing takes its time, so that something else can
   happen meanwhile.  It says on stderr when the first call begins and ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#define FIRST_CALL_US 2000000u

int
compress2(Bytef *out, uLongf *out_len, const Bytef *in, uLong in_len, int level)
{
    static atomic_bool called;
    int (*real)(Bytef *, uLongf *, const Bytef *, uLong, int) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "compress2");
    bool first = !atomic_exchange(&called, true);
    if (first) {
        fputs("slow_compress: begun\n", stderr);
        usleep(FIRST_CALL_US);
    }
    int result = real(out, out_len, in, in_len, level);
    if (first) {
        fputs("slow_compress: done\n", stderr);
    }
    return result;
}
