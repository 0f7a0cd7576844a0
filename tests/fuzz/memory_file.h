/* A file in memory, for readers that take a path.  Included before all others. */
#ifndef VD_TESTS_FUZZ_MEMORY_FILE_H
#define VD_TESTS_FUZZ_MEMORY_FILE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "viaduct/core/base/err.h"

struct memory_file {
    int fd;
    char path[32];
};

static inline struct memory_file
memory_file(const void *data, size_t size)
{
    struct memory_file file = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
    VD_ASSERT(file.fd >= 0 && write(file.fd, data, size) == (ssize_t)size);
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
    return file;
}

#endif
