/* Preloaded into the program under test: compressing takes its time, so that something else can
   happen meanwhile.  It says on stderr when the first call begins and ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define FIRST_CALL_US 2000000u

/* As brotli/encode.h has it, but for lengths of arrays that are variable there. */
typedef int (*compress_fn)(int quality, int window, int mode, size_t in_len, const uint8_t *in,
                           size_t *out_len, uint8_t *out);
int BrotliEncoderCompress(int quality, int window, int mode, size_t in_len, const uint8_t *in,
                          size_t *out_len, uint8_t *out);

int
BrotliEncoderCompress(int quality, int window, int mode, size_t in_len, const uint8_t *in,
                      size_t *out_len, uint8_t *out)
{
    static atomic_bool called;
    compress_fn real = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "BrotliEncoderCompress");
    bool first = !atomic_exchange(&called, true);
    if (first) {
        fputs("slow_compress: begun\n", stderr);
        usleep(FIRST_CALL_US);
    }
    int result = real(quality, window, mode, in_len, in, out_len, out);
    if (first) {
        fputs("slow_compress: done\n", stderr);
    }
    return result;
}
