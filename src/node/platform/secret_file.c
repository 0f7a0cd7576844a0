#include "viaduct/node/platform/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum vd_err
check(int fd, char *why, size_t why_size, const char *what, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        snprintf(why, why_size, "%s %s: %s", what, path, strerror(errno));
        return VD_ERR_IO;
    }
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
        snprintf(why, why_size, "%s %s is not a regular file", what, path);
        return VD_ERR_REFUSED;
    }
    if (st.st_uid != geteuid()) {
        snprintf(why, why_size, "%s %s belongs to another user (uid %u); make it your own: chown",
                 what, path, (unsigned)st.st_uid);
        return VD_ERR_REFUSED;
    }
    if ((st.st_mode & 07177) != 0) {
        snprintf(why, why_size, "%s %s has mode %04o: others could read it; run: chmod 600 %s",
                 what, path, (unsigned)st.st_mode & 07777, path);
        return VD_ERR_REFUSED;
    }
    return VD_OK;
}

/* One byte more than max tells a file that is too long. */
static enum vd_err
read_all(uint8_t *out, size_t *len, size_t max, int fd)
{
    uint8_t beyond;
    ssize_t n;
    *len = 0;
    while (*len < max) {
        n = read(fd, out + *len, max - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? VD_ERR_IO : VD_OK;
        *len += (size_t)n;
    }
    do
        n = read(fd, &beyond, 1);
    while (n < 0 && errno == EINTR);
    return n < 0 ? VD_ERR_IO : n > 0 ? VD_ERR_TOO_LARGE : VD_OK;
}

enum vd_err
vd_secret_file_read(uint8_t *out, size_t *len, size_t max, char *why, size_t why_size,
                    const char *what, const char *path)
{
    /* Not to be held up by a pipe before it is known whose it is. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        enum vd_err missing = errno == ENOENT ? VD_ERR_NOT_FOUND : VD_ERR_IO;
        snprintf(why, why_size, "%s %s: %s", what, path, strerror(errno));
        return missing;
    }
    enum vd_err err = check(fd, why, why_size, what, path);
    if (err == VD_OK) {
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
        err = read_all(out, len, max, fd);
        if (err == VD_ERR_TOO_LARGE)
            snprintf(why, why_size, "%s %s is longer than %zu bytes", what, path, max);
        else if (err != VD_OK)
            snprintf(why, why_size, "%s %s: %s", what, path, strerror(errno));
    }
    close(fd);
    return err;
}
