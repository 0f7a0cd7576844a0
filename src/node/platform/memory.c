#include "viaduct/node/platform/memory.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void *
vd_reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void
vd_release(void *memory, size_t size)
{
    if (memory) {
        munmap(memory, size);
    }
}

void
vd_trim(void *memory, size_t size, size_t keep)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    keep = (keep + page - 1) / page * page;
    if (keep < size) {
        madvise((uint8_t *)memory + keep, size - keep, MADV_DONTNEED);
    }
}
