/* Preloaded into the program under test: its disk fails as the file named by $FAILING_DISK says.
   That file is empty or absent (all is well) or holds two words, a fault and the end of the names
   of the files that it strikes: "full /journal" (no write finds room), "sync /data.mdb" (what was
   written cannot be made durable). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Reads the control file anew each time: the test changes it while the program runs. */
static bool
is_struck(int fd, const char *fault)
{
    char text[64] = {0};
    char link[64];
    char path[4096];
    const char *control = getenv("FAILING_DISK");
    int file = control != NULL ? open(control, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t len = file >= 0 ? read(file, text, sizeof text - 1) : 0;
    if (file >= 0) {
        close(file);
    }
    char *end = strchr(text, ' ');
    if (len <= 0 || end == NULL) {
        return false;
    }
    *end++ = '\0';
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t path_len = readlink(link, path, sizeof path);
    size_t end_len = strlen(end);
    return strcmp(text, fault) == 0 && path_len >= 0 && (size_t)path_len >= end_len &&
           memcmp(path + (size_t)path_len - end_len, end, end_len) == 0;
}

static bool
is_full(int fd)
{
    int before = errno;
    bool full = is_struck(fd, "full");
    errno = full ? ENOSPC : before;
    return full;
}

static int
sync_with(long call, int fd)
{
    if (is_struck(fd, "sync")) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return is_full(fd) ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, bytes, len, offset);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
    return is_full(fd) ? -1 : (ssize_t)syscall(SYS_writev, fd, parts, count);
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
    return is_full(fd) ? -1 : (ssize_t)syscall(SYS_write, fd, bytes, len);
}

int
fdatasync(int fd)
{
    return sync_with(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
    return sync_with(SYS_fsync, fd);
}
