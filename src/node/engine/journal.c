/* The journal: one append-only file of checksummed records in the chain's folder.

   Record: length of the payload u32, checksum u32 (first bytes of keccak256 over type and
   payload), type u8, payload; integers big-endian.

   It holds what is acknowledged and not yet in the database: waiting transactions, the plan of the
   open block, what was executed into it in its order, seals.  Records are buffered and made durable
   together (group commit).  Crash story: a torn record at the end was never acknowledged; reading
   stops before it and the file is cut there.  A new file replaces the old one by rename once it
   holds everything that still matters, so there is always one whole journal. */
#include "engine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "viaduct/core/crypto/keccak.h"

#define HEAD 9u
#define MAX_RECORD ((size_t)64 << 20)
/* Space is taken from the disk ahead of the writes, so that a sync has no metadata to write. */
#define PREALLOCATE ((uint64_t)16 << 20)

struct vd_journal {
    char path[4096];
    char next_path[4104];
    int fd;
    uint64_t size; /* of whole durable records */
    uint64_t allocated;
    bool broken;
};

static uint32_t
checksum(uint8_t type, struct vd_slice head, struct vd_slice tail)
{
    struct vd_keccak k;
    vd_keccak_init(&k);
    vd_keccak_update(&k, vd_slice(&type, 1));
    vd_keccak_update(&k, head);
    vd_keccak_update(&k, tail);
    struct vd_hash hash = vd_keccak_final(&k);
    return vd_load_be32(hash.b);
}

enum vd_err
vd_journal_open(struct vd_journal **out, const char *folder)
{
    struct vd_journal *j = calloc(1, sizeof *j);
    if (!j) {
        return VD_ERR_NO_MEMORY;
    }
    int len = snprintf(j->path, sizeof j->path, "%s/journal", folder);
    snprintf(j->next_path, sizeof j->next_path, "%s.next", j->path);
    if (len > 0 && (size_t)len < sizeof j->path) {
        j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    } else {
        j->fd = -1;
    }
    if (j->fd < 0) {
        free(j);
        return VD_ERR_IO;
    }
    *out = j;
    return VD_OK;
}

void
vd_journal_close(struct vd_journal *j)
{
    if (j) {
        close(j->fd);
        free(j);
    }
}

/* One record at offset; false at the end or before a torn one. */
static bool
read_record(const struct vd_journal *j, uint64_t offset, uint64_t end, uint8_t *type,
            uint8_t **payload, size_t *len)
{
    uint8_t head[HEAD];
    if (offset + HEAD > end || pread(j->fd, head, HEAD, (off_t)offset) != HEAD) {
        return false;
    }
    *len = vd_load_be32(head);
    *type = head[8];
    if (*type == 0 || *len > MAX_RECORD || offset + HEAD + *len > end) {
        return false;
    }
    *payload = malloc(*len + 1);
    if (!*payload) {
        return false;
    }
    if (pread(j->fd, *payload, *len, (off_t)(offset + HEAD)) != (ssize_t)*len ||
        checksum(*type, vd_slice(*payload, *len), vd_slice(NULL, 0)) != vd_load_be32(head + 4)) {
        free(*payload);
        return false;
    }
    return true;
}

enum vd_err
vd_journal_replay(struct vd_journal *j,
                  enum vd_err (*fn)(void *ctx, enum vd_record type, struct vd_slice payload),
                  void *ctx)
{
    struct stat st;
    if (fstat(j->fd, &st) != 0) {
        return VD_ERR_IO;
    }
    uint8_t type = 0;
    uint8_t *payload = NULL;
    size_t len = 0;
    enum vd_err err = VD_OK;
    while (err == VD_OK && read_record(j, j->size, (uint64_t)st.st_size, &type, &payload, &len)) {
        err = fn(ctx, (enum vd_record)type, vd_slice(payload, len));
        free(payload);
        j->size += HEAD + len;
    }
    /* What follows is zeros, or a torn record that must not be met again. */
    if (err == VD_OK && ftruncate(j->fd, (off_t)j->size) != 0) {
        err = VD_ERR_IO;
    }
    j->allocated = j->size;
    return err;
}

void
vd_record_add(struct vd_records *r, enum vd_record type, struct vd_slice head, struct vd_slice tail)
{
    size_t need = r->len + HEAD + head.len + tail.len;
    if (need > r->cap) {
        size_t cap = need * 2;
        uint8_t *bytes = realloc(r->bytes, cap);
        if (!bytes) {
            r->no_memory = true;
            return;
        }
        r->bytes = bytes;
        r->cap = cap;
    }
    uint8_t *p = r->bytes + r->len;
    vd_store_be32(p, (uint32_t)(head.len + tail.len));
    vd_store_be32(p + 4, checksum((uint8_t)type, head, tail));
    p[8] = (uint8_t)type;
    if (head.len > 0) {
        memcpy(p + HEAD, head.ptr, head.len);
    }
    if (tail.len > 0) {
        memcpy(p + HEAD + head.len, tail.ptr, tail.len);
    }
    r->len = need;
}

/* Takes space ahead of the writes, as zeros that are really written: a sync then has no metadata to
   write, not even that a range is no longer empty. */
static enum vd_err
allocate(struct vd_journal *j, uint64_t end)
{
    static const uint8_t zeros[1 << 16];
    while (j->allocated < end + PREALLOCATE / 2) {
        ssize_t n = pwrite(j->fd, zeros, sizeof zeros, (off_t)j->allocated);
        if (n <= 0) {
            return j->allocated >= end ? VD_OK : VD_ERR_FULL;
        }
        j->allocated += (uint64_t)n;
    }
    return VD_OK;
}

static enum vd_err
write_all(struct vd_journal *j, struct vd_slice records)
{
    if (j->size + records.len > j->allocated) {
        enum vd_err err = allocate(j, j->size + records.len);
        if (err != VD_OK) {
            return err;
        }
    }
    size_t done = 0;
    while (done < records.len) {
        ssize_t n = pwrite(j->fd, records.ptr + done, records.len - done, (off_t)(j->size + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 && errno != ENOSPC && errno != EDQUOT ? VD_ERR_IO : VD_ERR_FULL;
        }
        done += (size_t)n;
    }
    return VD_OK;
}

enum vd_err
vd_journal_write(struct vd_journal *j, struct vd_slice records)
{
    if (j->broken) {
        return VD_ERR_IO;
    }
    enum vd_err err = write_all(j, records);
    if (err == VD_OK && fdatasync(j->fd) != 0) {
        err = VD_ERR_IO;
    }
    if (err == VD_ERR_IO) {
        /* What the disk holds is unknown; writing on could lose what was acknowledged. */
        j->broken = true;
    }
    if (err == VD_OK) {
        j->size += records.len;
    }
    return err;
}

uint64_t
vd_journal_bytes(const struct vd_journal *j)
{
    return j->size;
}

static enum vd_err
sync_folder(const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    VD_ASSERT(slash != NULL);
    *slash = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0) {
        close(fd);
    }
    return result == 0 ? VD_OK : VD_ERR_IO;
}

enum vd_err
vd_journal_replace(struct vd_journal *j, struct vd_slice records)
{
    if (j->broken) {
        return VD_ERR_IO;
    }
    struct vd_journal next = *j;
    next.fd = open(j->next_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (next.fd < 0) {
        return errno == ENOSPC || errno == EDQUOT ? VD_ERR_FULL : VD_ERR_IO;
    }
    next.size = 0;
    next.allocated = 0;
    enum vd_err err = vd_journal_write(&next, records);
    if (err != VD_OK) {
        close(next.fd);
        j->broken = next.broken;
        return err;
    }
    if (rename(j->next_path, j->path) != 0 || sync_folder(j->path) != VD_OK) {
        close(next.fd);
        j->broken = true;
        return VD_ERR_IO;
    }
    close(j->fd);
    *j = next;
    return VD_OK;
}
