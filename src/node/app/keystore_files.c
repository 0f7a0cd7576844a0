#include "keystore_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "viaduct/node/platform/keystore.h"

/* --- reading --- */

static bool
read_text(char **text, size_t *len, int fd)
{
    size_t max = VD_KEYSTORE_MAX_BYTES + 1; /* one more tells a file that is too long */
    *len = 0;
    *text = malloc(max);
    if (!*text) {
        errno = ENOMEM;
        return false;
    }
    while (*len < max) {
        ssize_t n = read(fd, *text + *len, max - *len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0;
        }
        *len += (size_t)n;
    }
    return true;
}

bool
vd_keystore_file_read(char **text, size_t *len, const char *path, char *error, size_t error_len)
{
    struct stat st;
    *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        close(fd);
        snprintf(error, error_len, "keystore %s is not a file", path);
        return false;
    }
    bool good = fd >= 0 && read_text(text, len, fd);
    if (!good) {
        snprintf(error, error_len, "keystore %s: %s", path, strerror(errno));
        free(*text);
        *text = NULL;
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

/* Gives one entry to fn if it is a keystore file. */
static bool
visit(const char *folder, const char *name, vd_keystore_file_fn fn, void *ctx)
{
    char path[VD_KEYSTORE_PATH_MAX];
    char ignored[64];
    char *text;
    size_t len;
    struct vd_address address;
    if (name[0] == '.' ||
        (size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path ||
        !vd_keystore_file_read(&text, &len, path, ignored, sizeof ignored)) {
        return true;
    }
    enum vd_err err = vd_keystore_address(&address, vd_slice((const uint8_t *)text, len));
    free(text);
    if (err != VD_OK && err != VD_ERR_NOT_FOUND) {
        return true;
    }
    return fn(ctx, path, err == VD_OK ? &address : NULL);
}

bool
vd_keystore_folder_each(const char *folder, vd_keystore_file_fn fn, void *ctx, char *error,
                        size_t error_len)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort);
    if (count < 0) {
        snprintf(error, error_len, "keystore folder %s: %s", folder, strerror(errno));
        return false;
    }
    bool more = true;
    bool good = count <= (int)VD_KEYSTORE_FILES_MAX;
    for (int i = 0; i < count; i++) {
        more = more && good && visit(folder, names[i]->d_name, fn, ctx);
        free(names[i]);
    }
    free(names);
    if (!good) {
        snprintf(error, error_len, "keystore folder %s holds more than %u files", folder,
                 VD_KEYSTORE_FILES_MAX);
    }
    return good;
}

struct search {
    const struct vd_address *address;
    char *path;
    bool found;
};

static bool
compare(void *ctx, const char *path, const struct vd_address *address)
{
    struct search *s = ctx;
    if (address && vd_address_eq(address, s->address)) {
        snprintf(s->path, VD_KEYSTORE_PATH_MAX, "%s", path);
        s->found = true;
    }
    return !s->found;
}

bool
vd_keystore_folder_find(char path[VD_KEYSTORE_PATH_MAX], const char *folder,
                        const struct vd_address *address, char *error, size_t error_len)
{
    struct search s = {.address = address, .path = path};
    if (!vd_keystore_folder_each(folder, compare, &s, error, error_len)) {
        return false;
    }
    if (!s.found) {
        char digits[41] = {0};
        vd_hex_encode(digits, address->b, sizeof address->b);
        snprintf(error, error_len,
                 "keystore folder %s has no file of account 0x%s; viaduct account list shows what "
                 "it has",
                 folder, digits);
    }
    return s.found;
}

/* --- writing --- */

/* Go's time format of geth's file names, with what a file name cannot hold replaced. */
static bool
name_file(char path[VD_KEYSTORE_PATH_MAX], const char *folder, const struct vd_address *address)
{
    struct timespec now;
    struct tm utc;
    char date[40];
    char digits[41] = {0};
    vd_hex_encode(digits, address->b, sizeof address->b);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H-%M-%S", &utc);
    return (size_t)snprintf(path, VD_KEYSTORE_PATH_MAX, "%s/UTC--%s.%09ldZ--%s", folder, date,
                            now.tv_nsec, digits) < VD_KEYSTORE_PATH_MAX;
}

static bool
write_all(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        text += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

/* A hidden file gets the whole text before the name is given to it; a link never replaces. */
static bool
write_new(const char *folder, const char *path, const char *text)
{
    char hidden[VD_KEYSTORE_PATH_MAX + 16];
    snprintf(hidden, sizeof hidden, "%s/.viaduct-XXXXXX", folder);
    int fd = mkstemp(hidden); /* mode 0600 */
    if (fd < 0) {
        return false;
    }
    bool good = write_all(fd, text) && link(hidden, path) == 0;
    int problem = errno;
    unlink(hidden);
    close(fd);
    int folder_fd = good ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (good) {
        good = folder_fd >= 0 && fsync(folder_fd) == 0;
        problem = errno;
    }
    if (folder_fd >= 0) {
        close(folder_fd);
    }
    errno = problem;
    return good;
}

bool
vd_keystore_file_store(char path[VD_KEYSTORE_PATH_MAX], const char *folder,
                       const struct vd_address *address, const char *text, char *error,
                       size_t error_len)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        snprintf(error, error_len, "cannot make the keystore folder %s: %s", folder,
                 strerror(errno));
        return false;
    }
    if (!name_file(path, folder, address)) {
        snprintf(error, error_len, "the keystore folder's name is too long");
        return false;
    }
    if (!write_new(folder, path, text)) {
        snprintf(error, error_len, "cannot write a file to the keystore folder %s: %s", folder,
                 strerror(errno));
        return false;
    }
    return true;
}
