#include "viaduct/node/l1/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "viaduct/node/platform/curves.h"

/* A key file holds 64 digits, perhaps 0x, perhaps white space around. */
#define FILE_MAX 128

struct vd_key {
    uint8_t *secret; /* locked memory */
    struct vd_address address;
};

static enum vd_err
prepare(struct vd_key *key, const uint8_t secret[32])
{
    if (sodium_init() < 0 || (key->secret = sodium_malloc(32)) == NULL)
        return VD_ERR_NO_MEMORY;
    memcpy(key->secret, secret, 32);
    sodium_mprotect_readonly(key->secret);
    return vd_key_to_address(&key->address, key->secret);
}

enum vd_err
vd_key_from_bytes(struct vd_key **out, const uint8_t secret[32])
{
    struct vd_key *key = calloc(1, sizeof *key);
    enum vd_err err = key == NULL ? VD_ERR_NO_MEMORY : prepare(key, secret);
    if (err != VD_OK) {
        vd_key_free(key);
        return err;
    }
    *out = key;
    return VD_OK;
}

void
vd_key_free(struct vd_key *key)
{
    if (key == NULL)
        return;
    sodium_free(key->secret); /* wipes it */
    free(key);
}

const struct vd_address *
vd_key_address(const struct vd_key *key)
{
    return &key->address;
}

enum vd_err
vd_key_sign(const struct vd_key *key, uint8_t signature[64], uint8_t *y_parity,
            const struct vd_hash *hash)
{
    return vd_sign_hash(signature, y_parity, hash, key->secret);
}

/* --- files --- */

static bool
is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static enum vd_err
parse(uint8_t secret[32], const char *text, size_t len)
{
    while (len > 0 && is_space(text[0])) {
        text++;
        len--;
    }
    while (len > 0 && is_space(text[len - 1]))
        len--;
    if (len >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        len -= 2;
    }
    return vd_hex_decode(secret, 32, text, len);
}

static enum vd_err
check_file(int fd, char *why, size_t why_size, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        snprintf(why, why_size, "key file %s: %s", path, strerror(errno));
        return VD_ERR_IO;
    }
    if (!S_ISREG(st.st_mode)) {
        snprintf(why, why_size, "key file %s is not a regular file", path);
        return VD_ERR_REFUSED;
    }
    if (st.st_uid != geteuid()) {
        snprintf(why, why_size,
                 "key file %s belongs to another user (uid %u); make it your own: chown", path,
                 (unsigned)st.st_uid);
        return VD_ERR_REFUSED;
    }
    if ((st.st_mode & 07177) != 0) {
        snprintf(why, why_size,
                 "key file %s has mode %04o: others could read it; run: chmod 600 %s", path,
                 (unsigned)st.st_mode & 07777, path);
        return VD_ERR_REFUSED;
    }
    return VD_OK;
}

static enum vd_err
read_file(struct vd_key **out, int fd, char *why, size_t why_size, const char *path)
{
    char text[FILE_MAX + 1];
    uint8_t secret[32];
    size_t len = 0;
    ssize_t n;
    while (len < sizeof text && (n = read(fd, text + len, sizeof text - len)) > 0)
        len += (size_t)n;
    enum vd_err err = len > FILE_MAX ? VD_ERR_INVALID : parse(secret, text, len);
    if (err == VD_OK)
        err = vd_key_from_bytes(out, secret);
    sodium_memzero(text, sizeof text);
    sodium_memzero(secret, sizeof secret);
    if (err == VD_ERR_INVALID)
        snprintf(why, why_size,
                 "key file %s does not hold a private key: 64 hex digits are wanted, with or "
                 "without 0x",
                 path);
    else if (err != VD_OK)
        snprintf(why, why_size, "key file %s: %s", path, vd_err_text(err));
    return err;
}

enum vd_err
vd_key_load(struct vd_key **out, char *why, size_t why_size, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        snprintf(why, why_size, "key file %s: %s", path, strerror(errno));
        return errno == ENOENT ? VD_ERR_NOT_FOUND : VD_ERR_IO;
    }
    enum vd_err err = check_file(fd, why, why_size, path);
    if (err == VD_OK)
        err = read_file(out, fd, why, why_size, path);
    close(fd);
    return err;
}
